/* plan_build.c: from a slice of the tape to a list of steps with every address resolved. */
#include <stdlib.h>
#include <string.h>

#include "autograd/plan_build.h"
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
    unsigned char *changed = calloc(b->count, 1), *wanted = calloc(b->count, 1);
    FM_CHECK(changed != NULL && wanted != NULL, "out of memory for a plan of %u nodes", b->count);
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

/* The node in whose memory a value stands. */
static uint32_t home_of(const ad_build *b, uint32_t id) {
    while (b->part[id].live && b->part[id].home != id) id = b->part[id].home;
    return id;
}

/* ---- memory ---- */

static int arguments(const ad_build *b, uint32_t id, uint32_t *in, char *letters) {
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
        int arity = arguments(b, id, in, letters);
        for (int k = 0; k < arity; k++) {
            if (in[k] == AD_NO_NODE || !b->part[in[k]].live) continue;
            ad_part *home = &b->part[home_of(b, in[k])];
            if (letters[k] == 'w' || !ad_same_segment(home, p) || p->flow == 'w') home->far = true;
            if (home->last_use < i) home->last_use = i;
        }
        ad_part *own = &b->part[home_of(b, id)];
        if (own->last_use < i) own->last_use = i;
        if (own->flow != 'r') own->far = true;
    }
}

typedef struct slot {
    size_t cols;
    bool taken;
} slot;

static bool works_in_place(const ad_build *b, uint32_t id, uint32_t x) {
    const ad_node *n = &b->tape->nodes[id];
    const char *letters = ad_row_letters(n);
    return strchr(letters, 'w') == NULL && strchr(letters, 'i') == NULL && strchr(letters, '+') == NULL &&
           b->tape->nodes[x].cols == n->cols;
}

static size_t take_slot(slot **slots, size_t cols) {
    size_t best = SIZE_MAX;
    for (size_t s = 0; s < arrlenu(*slots); s++) {
        if ((*slots)[s].taken || (*slots)[s].cols < cols) continue;
        if (best == SIZE_MAX || (*slots)[s].cols < (*slots)[best].cols) best = s;
    }
    if (best == SIZE_MAX) {
        best = arrlenu(*slots);
        arrput(*slots, ((slot){.cols = cols}));
    }
    (*slots)[best].taken = true;
    return best;
}

/* The slot of an argument that dies in this step and that the result may overwrite. */
static size_t inherit_slot(const ad_build *b, uint32_t id, size_t position) {
    const ad_node *n = &b->tape->nodes[id];
    for (int i = 0; i < AD_TABLE[n->op].arity; i++) {
        if (!b->part[n->in[i]].live) continue;
        const ad_part *home = &b->part[home_of(b, n->in[i])];
        if (home->slot != SIZE_MAX && home->last_use == position && works_in_place(b, id, n->in[i]))
            return home->slot;
    }
    return SIZE_MAX;
}

/* Gives the values that live and die within a block of a segment their slots, reusing those of dead ones. */
static slot *assign_slots(ad_build *b, size_t first, size_t end) {
    slot *slots = NULL;
    for (size_t i = first; i < end; i++) {
        uint32_t id = b->order[i], home_id = home_of(b, id);
        ad_part *home = &b->part[home_id];
        if (!home->far && !home->output && home->first_writer == id) {
            size_t inherited = inherit_slot(b, id, i);
            home->slot = inherited != SIZE_MAX ? inherited : take_slot(&slots, b->tape->nodes[home_id].cols);
        }
        for (size_t j = first; j <= i; j++) {
            ad_part *dead = &b->part[home_of(b, b->order[j])];
            if (dead->slot != SIZE_MAX && dead->last_use == i && dead->slot != home->slot)
                slots[dead->slot].taken = false;
        }
    }
    return slots;
}

static size_t block_rows(const slot *slots, size_t rows) {
    size_t cols = 0;
    for (size_t s = 0; s < arrlenu(slots); s++) cols += slots[s].cols;
    size_t block = cols == 0 ? rows : BLOCK_BYTES / (cols * sizeof(real)) / 16 * 16;
    if (block < BLOCK_ROWS_MIN) block = BLOCK_ROWS_MIN;
    return rows <= 2 * block ? rows : block;
}

/* ---- steps ---- */

static real *address(const ad_build *b, uint32_t id, real *const *slot_memory, bool *in_slot) {
    uint32_t home = home_of(b, id);
    const ad_part *p = &b->part[home];
    *in_slot = b->part[id].live && p->slot != SIZE_MAX;
    if (p->to != NULL) return p->to;
    return *in_slot ? slot_memory[p->slot] : b->tape->nodes[home].value;
}

static size_t pieces_of(const ad_node *n, const ad_call *c) {
    if (n->op != AD_OP_matmul && n->op != AD_OP_affine) return 1;
    size_t k = c->attr.trans_a ? c->x_rows[0] : c->x_cols[0];
    if ((size_t)c->rows * c->cols * k < PIECE_WORK || c->cols % PIECE_COLS != 0) return 1;
    return c->cols / PIECE_COLS;
}

static void make_step(const ad_build *b, uint32_t id, real *const *slot_memory, ad_step *step) {
    const ad_node *n = &b->tape->nodes[id];
    const ad_part *p = &b->part[id];
    uint32_t in[AD_CALL_IN];
    char letters[AD_CALL_IN] = {0};
    int arity = arguments(b, id, in, letters);
    *step = (ad_step){.kernel = AD_TABLE[n->op].kernel, .rows_y = p->flow == 'r', .sums = p->flow == '+'};
    ad_call_of(b->tape, n, &step->call);
    step->call.attr.mask = p->mask;
    step->call.accumulate = p->accumulates;
    step->call.y = address(b, id, slot_memory, &step->slot_y);
    step->advance_y = !step->slot_y && p->flow == 'r' ? n->cols : 0;
    step->partial = b->part[home_of(b, id)].partial;
    step->pieces = pieces_of(n, &step->call);
    for (int i = 0; i < arity; i++) {
        if (in[i] == AD_NO_NODE) continue;
        step->call.x_rows[i] = b->tape->nodes[in[i]].rows;
        step->call.x_cols[i] = b->tape->nodes[in[i]].cols;
        step->call.x[i] = address(b, in[i], slot_memory, &step->slot_x[i]);
        step->rows_x[i] = letters[i] != 'w' && p->flow != 'w';
        step->advance_x[i] = !step->slot_x[i] && step->rows_x[i] ? b->tape->nodes[in[i]].cols : 0;
    }
}

/* Deals the blocks to lanes and gives every sum its place among a lane's partial sums. */
static void make_lanes(ad_build *b, ad_segment *segment) {
    size_t blocks = (segment->rows + segment->block - 1) / segment->block;
    segment->lanes = blocks < LANES ? blocks : LANES;
    if (segment->lanes == 1) return;
    for (size_t i = segment->first; i < segment->first + segment->count; i++) {
        ad_part *home = &b->part[home_of(b, b->order[i])];
        if (home->flow != '+' || home->first_writer != b->order[i]) continue;
        home->partial = segment->partial_stride;
        segment->partial_stride += (ad_size(&b->tape->nodes[home_of(b, b->order[i])]) + 15) / 16 * 16;
    }
    segment->partial = fm_arena_array(&b->tape->arena, real, (segment->lanes - 1) * segment->partial_stride);
}

static void make_segment(ad_build *b, size_t first, size_t end) {
    const ad_part *p = &b->part[b->order[first]];
    size_t rows = p->flow == 'w' ? 1 : p->rows;
    slot *slots = assign_slots(b, first, end);
    ad_segment *segment = &b->plan->segments[b->plan->segment_count++];
    *segment =
        (ad_segment){.first = first, .count = end - first, .rows = rows, .block = block_rows(slots, rows)};
    make_lanes(b, segment);
    real **memory = NULL;
    for (size_t s = 0; s < arrlenu(slots); s++) segment->slot_stride += slots[s].cols * segment->block;
    real *slot_memory =
        fm_arena_alloc_raw(&b->tape->arena, segment->slot_stride * segment->lanes, sizeof(real));
    for (size_t s = 0; s < arrlenu(slots); s++) {
        arrput(memory, slot_memory);
        slot_memory += slots[s].cols * segment->block;
    }
    for (size_t i = first; i < end; i++) make_step(b, b->order[i], memory, &b->plan->steps[i]);
    arrfree(memory);
    arrfree(slots);
}

static void make_steps(ad_build *b) {
    size_t n = arrlenu(b->order);
    b->plan->steps = fm_arena_array(&b->tape->arena, ad_step, n);
    b->plan->segments = fm_arena_array(&b->tape->arena, ad_segment, n);
    b->plan->step_count = n;
    for (size_t first = 0, end; first < n; first = end) {
        const ad_part *p = &b->part[b->order[first]];
        for (end = first + 1; end < n && ad_same_segment(p, &b->part[b->order[end]]); end++) {
        }
        make_segment(b, first, end);
    }
}

/* Recorded values that a step uses: what another plan has to keep up to date. */
static void find_reads(ad_build *b) {
    ad_var *reads = NULL;
    unsigned char *seen = calloc(b->count, 1);
    FM_CHECK(seen != NULL, "out of memory for %u marks", b->count);
    for (size_t i = 0; i < arrlenu(b->order); i++) {
        uint32_t in[AD_CALL_IN];
        char letters[AD_CALL_IN];
        int arity = arguments(b, b->order[i], in, letters);
        for (int k = 0; k < arity; k++) {
            if (in[k] == AD_NO_NODE || b->part[in[k]].live || seen[in[k]]) continue;
            ad_op op = b->tape->nodes[in[k]].op;
            seen[in[k]] = 1;
            if (op != AD_OP_leaf && op != AD_OP_fill) arrput(reads, ((ad_var){in[k]}));
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
static ad_var *output_nodes(ad_tape *t, const ad_output *out, size_t n_out) {
    ad_var *nodes = NULL;
    for (size_t k = 0; k < n_out; k++) {
        ad_var v = out[k].var;
        if (out[k].to != NULL) {
            ad_op op = ad_node_of(t, v)->op;
            if (op == AD_OP_leaf || op == AD_OP_fill) v = ad_copy(t, v);
            while (claimed(v, out, n_out, nodes)) v = ad_copy(t, v);
            memcpy(out[k].to, ad_value(t, v), ad_size(ad_node_of(t, v)) * sizeof(real));
        }
        arrput(nodes, v);
    }
    return nodes;
}

ad_plan *ad_plan_make(ad_tape *t, const ad_var *changing, size_t n_changing, const ad_output *out,
                      size_t n_out) {
    ad_var *vars = output_nodes(t, out, n_out);
    ad_build b = {.tape = t, .plan = fm_arena_array(&t->arena, ad_plan, 1), .count = ad_count(t)};
    b.part = calloc(b.count, sizeof *b.part);
    FM_CHECK(b.part != NULL, "out of memory for a plan of %u nodes", b.count);
    for (uint32_t id = 0; id < b.count; id++) {
        b.part[id].slot = SIZE_MAX;
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
    free(b.part);
    return b.plan;
}
