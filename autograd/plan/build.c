/* build.c: from a slice of the tape to a list of steps with every address resolved. */
#include <stdlib.h>
#include <string.h>

#include "autograd/ops_kernels.h"
#include "autograd/plan/build.h"
#include "base/memory.h"
#include "stb_ds.h"

/* Bytes of block-local memory that a block may fill, and rows that make a block worth its overhead. Lanes
 * that the blocks are dealt to. Multiply-adds that make a product worth several threads, and columns of a
 * piece of it: of whole tiles of every kernel, so that a piece sums like the whole. */
#define BLOCK_BYTES (96 * 1024)
#define BLOCK_ROWS_MIN 128
#define LANES 8
#define PIECE_WORK (512 * 1024)
#define PIECE_COLS 64

/* ---- which nodes ---- */

static void find_live(ad_build *b, const ad_var *changing, size_t n_changing, const ad_var *out,
                      size_t n_out) {
    ad_tape *t = b->tape;
    unsigned char *changed = fm_new(b->count, 1), *wanted = fm_new(b->count, 1);
    for (size_t i = 0; i < n_changing; i++) changed[changing[i].id] = 1;
    for (size_t k = 0; k < n_out; k++) wanted[out[k].id] = changed[out[k].id] = 1;
    for (uint32_t id = 0; id < b->count; id++) {
        const ad_node *n = &t->nodes[id];
        if (n->op == AD_OP_leaf && changing == NULL) changed[id] = 1;
        for (int i = 0; i < AD_TABLE[n->op].arity; i++)
            if (changed[n->in[i]]) changed[id] = 1;
    }
    for (uint32_t id = b->count; id-- > 0;) {
        const ad_node *n = &t->nodes[id];
        if (!wanted[id] || !changed[id] || n->op == AD_OP_leaf || n->op == AD_OP_fill) continue;
        b->part[id].live = true;
        for (int i = 0; i < AD_TABLE[n->op].arity; i++) {
            wanted[n->in[i]] = 1;
            b->part[n->in[i]].uses++;
        }
    }
    for (size_t k = 0; k < n_out; k++) {
        b->part[out[k].id].output = true;
        b->part[out[k].id].uses++;
    }
    free(changed);
    free(wanted);
}

/* ---- in which order ---- */

static const ad_part *sort_parts; /* qsort has no context argument; plans are built by one thread */

static int by_segment(const void *left, const void *right) {
    uint32_t i = *(const uint32_t *)left, j = *(const uint32_t *)right;
    const ad_part *a = &sort_parts[i], *c = &sort_parts[j];
    if (a->level != c->level) return a->level < c->level ? -1 : 1;
    if (a->rows != c->rows) return a->rows < c->rows ? -1 : 1;
    return i < j ? -1 : i > j;
}

static void order_steps(ad_build *b) {
    for (uint32_t id = 0; id < b->count; id++) {
        if (b->part[id].live) ad_build_place(b, id);
    }
    for (uint32_t id = 0; id < b->count; id++)
        if (b->part[id].live && !b->part[id].elided) arrput(b->order, id);
    sort_parts = b->part;
    if (arrlenu(b->order) > 0) qsort(b->order, arrlenu(b->order), sizeof *b->order, by_segment);
    for (size_t i = 0; i < arrlenu(b->order); i++) b->part[b->order[i]].position = i;
}

uint32_t ad_build_home(const ad_build *b, uint32_t id) {
    while (b->part[id].live && b->part[id].home != id) id = b->part[id].home;
    return id;
}

/* ---- memory ---- */

int ad_build_arguments(const ad_build *b, uint32_t id, uint32_t *in, char *letters) {
    const ad_node *n = &b->tape->nodes[id];
    const char *of_op = ad_row_letters(n);
    int arity = AD_TABLE[n->op].arity;
    for (int i = 0; i < arity; i++) {
        in[i] = n->in[i];
        letters[i] = of_op[i];
    }
    if (b->part[id].joined) {
        const ad_node *other = &b->tape->nodes[b->part[id].other];
        const char *of_other = ad_row_letters(other);
        in[2] = in[3] = AD_NO_NODE;
        letters[2] = letters[3] = 'w';
        if (AD_TABLE[other->op].arity > 2) in[2] = other->in[2];
        for (int i = 0; i < 2; i++) {
            in[4 + i] = other->in[i];
            letters[4 + i] = of_other[i];
        }
        arity = 6;
    }
    if (b->part[id].mask != 0) {
        while (arity < 3) in[arity] = AD_NO_NODE, arity++;
        in[3] = b->part[id].mask_y;
        letters[3] = 'r';
        if (arity < 4) arity = 4;
    }
    return arity;
}

/* Marks values that are needed beyond their block, and the last step that needs each. */
static void find_uses(ad_build *b) {
    for (size_t i = 0; i < arrlenu(b->order); i++) {
        uint32_t id = b->order[i], in[AD_CALL_IN];
        char letters[AD_CALL_IN];
        const ad_part *p = &b->part[id];
        int arity = ad_build_arguments(b, id, in, letters);
        for (int k = 0; k < arity; k++) {
            if (in[k] == AD_NO_NODE || !b->part[in[k]].live) continue;
            ad_part *home = &b->part[ad_build_home(b, in[k])];
            if (letters[k] == 'w' || !ad_same_segment(home, p) || p->flow == 'w') home->far = true;
            if (home->last_use < i) home->last_use = i;
        }
        ad_part *own = &b->part[ad_build_home(b, id)];
        if (own->last_use < i) own->last_use = i;
        if (own->flow != 'r') own->far = true;
    }
}

static size_t block_rows(const ad_slot *slots, size_t rows) {
    size_t cols = 0;
    for (size_t s = 0; s < arrlenu(slots); s++) cols += slots[s].cols;
    size_t block = cols == 0 ? rows : BLOCK_BYTES / (cols * sizeof(real)) / 16 * 16;
    if (block < BLOCK_ROWS_MIN) block = BLOCK_ROWS_MIN;
    return rows <= 2 * block ? rows : block;
}

/* ---- steps ---- */

/* Where a value stands for a step that reads or writes it in that way. */
static real *address(const ad_draft *d, uint32_t id, char letter, bool *in_slot) {
    uint32_t home = ad_build_home(d->b, id);
    const ad_part *p = &d->b->part[home];
    size_t slot = p->slot != SIZE_MAX || letter == 'w' ? p->slot : p->turned;
    *in_slot = slot != SIZE_MAX;
    if (*in_slot) return d->memory[slot];
    return p->to != NULL ? p->to : d->b->tape->nodes[home].value;
}

static size_t pieces_of(const ad_node *n, const ad_call *c) {
    if (n->op != AD_OP_matmul && n->op != AD_OP_affine) return 1;
    size_t k = c->attr.trans_a ? c->x_rows[0] : c->x_cols[0];
    if ((size_t)c->rows * c->cols * k < PIECE_WORK || c->cols % PIECE_COLS != 0) return 1;
    return c->cols / PIECE_COLS;
}

static void make_step(const ad_draft *d, uint32_t id) {
    const ad_build *b = d->b;
    const ad_node *n = &b->tape->nodes[id];
    const ad_part *p = &b->part[id];
    uint32_t in[AD_CALL_IN];
    char letters[AD_CALL_IN] = {0};
    int arity = ad_build_arguments(b, id, in, letters);
    ad_step step = {.kernel = AD_TABLE[n->op].kernel, .rows_y = p->flow == 'r', .sums = p->flow == '+'};
    ad_call_of(b->tape, n, &step.call);
    step.call.attr.mask = p->mask;
    step.call.accumulate = p->accumulates;
    step.call.by_columns = d->by_columns;
    step.call.y = address(d, id, p->flow, &step.slot_y);
    step.advance_y = !step.slot_y && p->flow == 'r' ? n->cols : 0;
    step.partial = b->part[ad_build_home(b, id)].partial;
    step.pieces = d->by_columns ? 1 : pieces_of(n, &step.call);
    for (int i = 0; i < arity; i++) {
        if (in[i] == AD_NO_NODE) continue;
        step.call.x_rows[i] = b->tape->nodes[in[i]].rows;
        step.call.x_cols[i] = b->tape->nodes[in[i]].cols;
        step.call.x[i] = address(d, in[i], letters[i], &step.slot_x[i]);
        step.rows_x[i] = letters[i] != 'w' && p->flow != 'w';
        step.advance_x[i] = !step.slot_x[i] && step.rows_x[i] ? b->tape->nodes[in[i]].cols : 0;
    }
    arrput(d->b->steps, step);
}

static void make_turn(const ad_draft *d, const ad_turning *turn) {
    const ad_node *n = &d->b->tape->nodes[turn->id];
    const ad_part *p = &d->b->part[turn->id];
    real *slot = d->memory[p->turned], *own = p->to != NULL ? p->to : n->value;
    ad_step step = {.kernel = ad_turn, .rows_y = true, .rows_x = {true}, .pieces = 1};
    step.call = (ad_call){.rows = n->rows, .cols = n->cols, .by_columns = !turn->back};
    step.call.y = turn->back ? own : slot;
    step.call.x[0] = turn->back ? slot : own;
    step.slot_y = !turn->back;
    step.slot_x[0] = turn->back;
    step.advance_y = turn->back ? n->cols : 0;
    step.advance_x[0] = turn->back ? 0 : n->cols;
    arrput(d->b->steps, step);
}

/* Deals the blocks to lanes and gives every sum its place among a lane's partial sums. */
static void make_lanes(const ad_draft *d, ad_segment *segment) {
    ad_build *b = d->b;
    size_t blocks = (segment->rows + segment->block - 1) / segment->block;
    segment->lanes = blocks < LANES ? blocks : LANES;
    if (segment->lanes == 1) return;
    for (size_t i = d->first; i < d->end; i++) {
        uint32_t id = ad_build_home(b, b->order[i]);
        ad_part *home = &b->part[id];
        if (home->flow != '+' || home->first_writer != b->order[i]) continue;
        home->partial = segment->partial_stride;
        segment->partial_stride += (ad_size(&b->tape->nodes[id]) + 15) / 16 * 16;
    }
    segment->partial = fm_arena_array(&b->tape->arena, real, (segment->lanes - 1) * segment->partial_stride);
}

static void lay_out_slots(ad_draft *d, ad_segment *segment) {
    if (arrlenu(d->slots) == 0) return;
    for (size_t s = 0; s < arrlenu(d->slots); s++) segment->slot_stride += d->slots[s].cols * segment->block;
    real *memory = ad_room_take(d->b->tape, segment->slot_stride * segment->lanes);
    for (size_t s = 0; s < arrlenu(d->slots); s++) {
        arrput(d->memory, memory);
        memory += d->slots[s].cols * segment->block;
    }
}

/* A room for the value whose first writer is step i, if it is one that nobody sees from outside. */
static void move_in(ad_build *b, size_t i) {
    uint32_t id = ad_build_home(b, b->order[i]);
    ad_part *home = &b->part[id];
    if (home->first_writer != b->order[i] || !home->far || home->output) return;
    home->to = ad_room_take(b->tape, ad_size(&b->tape->nodes[id]));
    arrput(b->lodgers, id);
}

/* Gives back the rooms of values that no step after step i needs. */
static void move_out(ad_build *b, size_t i) {
    for (size_t k = arrlenu(b->lodgers); k-- > 0;) {
        const ad_part *home = &b->part[b->lodgers[k]];
        if (home->last_use > i) continue;
        ad_room_give(b->tape, home->to);
        arrdelswap(b->lodgers, k);
    }
}

/* The steps of a segment, with the turns before and after them, which are listed in that order. Of lanes
 * that run at once, one may be at the last step while another one is at the first. */
static void make_segment_steps(const ad_draft *d, bool in_order) {
    const ad_turning *turn = d->turns, *end = turn ? turn + arrlenu(turn) : turn;
    for (size_t i = d->first; i < d->end; i++) {
        move_in(d->b, i);
        for (; turn < end && turn->position == i && !turn->back; turn++) make_turn(d, turn);
        make_step(d, d->b->order[i]);
        for (; turn < end && turn->position == i; turn++) make_turn(d, turn);
        if (in_order || i + 1 == d->end) move_out(d->b, i);
    }
    for (turn = d->turns; turn < end; turn++) d->b->part[turn->id].turned = SIZE_MAX;
}

static void make_segment(ad_build *b, size_t first, size_t end) {
    const ad_part *p = &b->part[b->order[first]];
    ad_draft d = {.b = b, .first = first, .end = end};
    ad_build_slots(&d);
    ad_segment *segment = &b->plan->segments[b->plan->segment_count++];
    *segment = (ad_segment){.first = arrlenu(b->steps), .rows = p->flow == 'w' ? 1 : p->rows};
    segment->block = block_rows(d.slots, segment->rows);
    make_lanes(&d, segment);
    lay_out_slots(&d, segment);
    make_segment_steps(&d, segment->lanes == 1);
    segment->count = arrlenu(b->steps) - segment->first;
    if (arrlenu(d.memory) > 0) ad_room_give(b->tape, d.memory[0]);
    arrfree(d.memory);
    arrfree(d.turns);
    arrfree(d.slots);
}

static void make_steps(ad_build *b) {
    size_t n = arrlenu(b->order);
    b->plan->segments = fm_arena_array(&b->tape->arena, ad_segment, n);
    b->plan->node_count = n;
    for (size_t first = 0, end; first < n; first = end) {
        const ad_part *p = &b->part[b->order[first]];
        for (end = first + 1; end < n && ad_same_segment(p, &b->part[b->order[end]]); end++) {
        }
        make_segment(b, first, end);
    }
    b->plan->steps = fm_arena_array(&b->tape->arena, ad_step, arrlenu(b->steps));
    if (n > 0) memcpy(b->plan->steps, b->steps, arrlenu(b->steps) * sizeof *b->steps);
    arrfree(b->steps);
}

/* Recorded values that a step uses: what another plan has to keep up to date. */
static void find_reads(ad_build *b) {
    ad_var *reads = NULL;
    unsigned char *seen = fm_new(b->count, 1);
    for (size_t i = 0; i < arrlenu(b->order); i++) {
        uint32_t in[AD_CALL_IN];
        char letters[AD_CALL_IN];
        int arity = ad_build_arguments(b, b->order[i], in, letters);
        for (int k = 0; k < arity; k++) {
            if (in[k] == AD_NO_NODE || b->part[in[k]].live || seen[in[k]]) continue;
            ad_op op = b->tape->nodes[in[k]].op;
            seen[in[k]] = 1;
            if (op != AD_OP_leaf && op != AD_OP_fill) arrput(reads, ((ad_var){b->tape, in[k]}));
        }
    }
    b->plan->read_count = arrlenu(reads);
    b->plan->reads = fm_arena_array(&b->tape->arena, ad_var, arrlenu(reads));
    for (size_t i = 0; i < arrlenu(reads); i++) b->plan->reads[i] = reads[i];
    arrfree(reads);
    free(seen);
}

/* ---- outputs ---- */

/* Whether another output of the plan already decides where v is written. */
static bool claimed(ad_var v, const ad_output *out, size_t n_out, const ad_var *earlier) {
    for (size_t k = 0; k < arrlenu(earlier); k++)
        if (earlier[k].id == v.id) return true;
    for (size_t k = arrlenu(earlier); k < n_out; k++)
        if (out[k].to == NULL && out[k].var.id == v.id) return true;
    return false;
}

/* For each output the node that this plan writes where it is wanted: itself, or a copy where it is not
 * computed or is wanted in several places. Its memory on the tape stays as it is: other plans read it, and
 * the caller may change his. */
static ad_var *output_nodes(const ad_output *out, size_t n_out) {
    ad_var *nodes = NULL;
    for (size_t k = 0; k < n_out; k++) {
        ad_var v = out[k].var;
        if (out[k].to != NULL) {
            ad_op op = ad_node_of(v)->op;
            if (op == AD_OP_leaf || op == AD_OP_fill) v = ad_copy(v);
            while (claimed(v, out, n_out, nodes)) v = ad_copy(v);
            memcpy(out[k].to, ad_value(v), ad_size(ad_node_of(v)) * sizeof(real));
        }
        arrput(nodes, v);
    }
    return nodes;
}

ad_plan *ad_plan_make(const ad_var *changing, size_t n_changing, const ad_output *out, size_t n_out) {
    FM_CHECK(n_out > 0, "a plan without outputs");
    ad_tape *t = out[0].var.tape;
    for (size_t i = 0; i < n_changing; i++) ad_check_tape("plan", t, changing[i]);
    for (size_t k = 0; k < n_out; k++) ad_check_tape("plan", t, out[k].var);
    ad_var *vars = output_nodes(out, n_out);
    ad_build b = {.tape = t, .plan = fm_arena_array(&t->arena, ad_plan, 1), .count = ad_count(t)};
    b.part = fm_new(b.count, sizeof *b.part);
    for (uint32_t id = 0; id < b.count; id++) {
        b.part[id].slot = b.part[id].turned = SIZE_MAX;
        b.part[id].mask_y = AD_NO_NODE;
    }
    for (size_t k = 0; k < n_out; k++) b.part[vars[k].id].to = out[k].to;
    find_live(&b, changing, n_changing, vars, n_out);
    order_steps(&b);
    find_uses(&b);
    make_steps(&b);
    find_reads(&b);
    arrfree(vars);
    arrfree(b.order);
    arrfree(b.lodgers);
    free(b.part);
    return b.plan;
}
