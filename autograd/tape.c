/* tape.c: recording. */
#include "autograd/tape.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/ops_kernels.h"
#include "autograd/ops_rules.h"
#include "base/memory.h"
#include "stb_ds.h"

#define ad_none NULL
const ad_op_row AD_TABLE[AD_OP_COUNT] = {
#define AD_OP_ROW(name, arity, kind, rows, y, kernel, rule, jvp)                                             \
    [AD_OP_##name] = {#name, arity, AD_##kind, rows, y, ad_##kernel, ad_##rule, ad_##jvp},
    AD_OPS(AD_OP_ROW)
#undef AD_OP_ROW
};
#undef ad_none

/* ---- life ---- */

ad_tape *ad_tape_new(void) {
    ad_tape *t = fm_new(1, sizeof *t);
    return t;
}

void ad_tape_free(ad_tape *t) {
    if (t == NULL) return;
    arrfree(t->nodes);
    arrfree(t->rooms);
    free(t->seen);
    fm_arena_free(&t->arena);
    free(t);
}

ad_mark ad_mark_now(const ad_tape *t) {
    return (ad_mark){(uint32_t)arrlenu(t->nodes), fm_arena_mark(&t->arena)};
}

/* Ids in `seen` that lie beyond the end are passed over by look-ups, so the table needs no clean-up here. */
void ad_reset(ad_tape *t, ad_mark mark) {
    FM_CHECK(mark.nodes <= arrlenu(t->nodes), "reset to a mark of %u nodes, the tape has %zu", mark.nodes,
             arrlenu(t->nodes));
    arrsetlen(t->nodes, mark.nodes);
    arrfree(t->rooms); /* some may lie beyond the mark; plans before it keep theirs */
    fm_arena_reset(&t->arena, mark.arena);
}

/* ---- looking ---- */

static const ad_node *checked(ad_var v) {
    FM_CHECK(v.tape != NULL, "a node of no tape");
    FM_CHECK(v.id < arrlenu(v.tape->nodes), "node %u of a tape with %zu", v.id, arrlenu(v.tape->nodes));
    return ad_node_of(v);
}

void ad_check_tape(const char *what, const ad_tape *t, ad_var v) {
    FM_CHECK(v.tape == t, "%s: variables of two tapes", what);
}

size_t ad_rows(ad_var v) { return checked(v)->rows; }
size_t ad_cols(ad_var v) { return checked(v)->cols; }
uint32_t ad_count(const ad_tape *t) { return (uint32_t)arrlenu(t->nodes); }
const char *ad_op_name(ad_var v) { return AD_TABLE[checked(v)->op].name; }
const real *ad_value(ad_var v) { return checked(v)->value; }

real ad_scalar(ad_var v) {
    const ad_node *n = checked(v);
    FM_CHECK(n->rows == 1 && n->cols == 1, "%s is [%u, %u], not a scalar", AD_TABLE[n->op].name, n->rows,
             n->cols);
    return n->value[0];
}

bool ad_is_fill(ad_var v, double *value) {
    const ad_node *n = checked(v);
    if (n->op != AD_OP_fill) return false;
    *value = n->attr.low;
    return true;
}

bool ad_is_zero(ad_var v) {
    double value;
    return ad_is_fill(v, &value) && value == 0;
}

const char *ad_row_letters(const ad_node *n) {
    if (n->op != AD_OP_matmul) return AD_TABLE[n->op].rows;
    if (n->attr.trans_a) return n->attr.trans_b ? "ww>w" : "rr>+";
    return "rw>r";
}

/* ---- recording ---- */

void ad_call_of(const ad_tape *t, const ad_node *n, ad_call *c) {
    *c = (ad_call){.y = n->value, .rows = n->rows, .cols = n->cols, .attr = n->attr};
    for (int i = 0; i < AD_TABLE[n->op].arity; i++) {
        const ad_node *x = &t->nodes[n->in[i]];
        c->x[i] = x->value;
        c->x_rows[i] = x->rows;
        c->x_cols[i] = x->cols;
    }
}

static uint64_t mix(uint64_t h, uint64_t x) {
    h = (h ^ x) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ (h >> 29);
}

static uint64_t number_bits(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static uint64_t node_hash(const ad_node *n) {
    uint64_t h = mix(n->op, ((uint64_t)n->rows << 32) | n->cols);
    for (int i = 0; i < AD_MAX_IN; i++) h = mix(h, n->in[i]);
    h = mix(h, number_bits(n->attr.low));
    h = mix(h, number_bits(n->attr.high));
    return mix(h, ((uint64_t)n->attr.from << 16) | (uint64_t)(n->attr.act << 2) |
                      (uint64_t)((n->attr.trans_a ? 2 : 0) | (n->attr.trans_b ? 1 : 0)));
}

static bool node_equal(const ad_node *a, const ad_node *b) {
    return a->op == b->op && a->rows == b->rows && a->cols == b->cols &&
           memcmp(a->in, b->in, sizeof a->in) == 0 && number_bits(a->attr.low) == number_bits(b->attr.low) &&
           number_bits(a->attr.high) == number_bits(b->attr.high) && a->attr.from == b->attr.from &&
           a->attr.act == b->attr.act && a->attr.trans_a == b->attr.trans_a &&
           a->attr.trans_b == b->attr.trans_b;
}

/* The slot of an equal node, or the first empty one. An id beyond the end is from before a reset: its slot
 * goes on being passed over, or a look-up behind it would stop too early. */
static size_t seen_slot(const ad_tape *t, const ad_node *n) {
    size_t slot = (size_t)node_hash(n) & (t->seen_size - 1);
    while (t->seen[slot] != UINT32_MAX) {
        uint32_t id = t->seen[slot];
        if (id < arrlenu(t->nodes) && node_equal(&t->nodes[id], n)) break;
        slot = (slot + 1) & (t->seen_size - 1);
    }
    return slot;
}

/* Drops what resets left behind; grows when a quarter is in use then, so that look-ups always meet an empty
 * slot. */
static void seen_rebuild(ad_tape *t) {
    size_t size = t->seen_size == 0 ? 256 : t->seen_size;
    while (size / 4 < arrlenu(t->nodes) + 1) size *= 2;
    if (size != t->seen_size) {
        free(t->seen);
        t->seen = fm_new(size, sizeof *t->seen);
        t->seen_size = size;
    }
    t->seen_used = 0;
    memset(t->seen, 0xff, size * sizeof *t->seen);
    for (uint32_t id = 0; id < arrlenu(t->nodes); id++) {
        if (t->nodes[id].op == AD_OP_leaf) continue;
        t->seen[seen_slot(t, &t->nodes[id])] = id;
        t->seen_used++;
    }
}

static ad_var append(ad_tape *t, ad_node n) {
    FM_CHECK(arrlenu(t->nodes) < UINT32_MAX - 1, "a tape of more than 2^32 nodes");
    arrput(t->nodes, n);
    return (ad_var){t, (uint32_t)arrlenu(t->nodes) - 1};
}

ad_var ad_emit(ad_tape *t, ad_op op, size_t rows, size_t cols, const ad_var *in, ad_attr attr) {
    for (int i = 0; i < AD_TABLE[op].arity; i++) ad_check_tape(AD_TABLE[op].name, t, in[i]);
    ad_var simpler = ad_simplify(t, op, rows, cols, in, attr);
    if (!ad_is_none(simpler)) return simpler;
    FM_CHECK(rows > 0 && cols > 0 && rows < UINT32_MAX && cols < UINT32_MAX, "%s: a result of [%zu, %zu]",
             AD_TABLE[op].name, rows, cols);
    ad_node n = {.op = op, .rows = (uint32_t)rows, .cols = (uint32_t)cols, .attr = attr};
    for (int i = 0; i < AD_MAX_IN; i++) n.in[i] = i < AD_TABLE[op].arity ? in[i].id : UINT32_MAX;

    if (2 * (t->seen_used + 1) > t->seen_size) seen_rebuild(t);
    size_t slot = seen_slot(t, &n);
    if (t->seen[slot] != UINT32_MAX) return (ad_var){t, t->seen[slot]};

    n.value = fm_arena_alloc_raw(&t->arena, ad_size(&n), sizeof(real));
    ad_call c;
    ad_call_of(t, &n, &c);
    AD_TABLE[op].kernel(&c);
    t->seen[slot] = (uint32_t)arrlenu(t->nodes);
    t->seen_used++;
    return append(t, n);
}

ad_var ad_leaf(ad_tape *t, size_t rows, size_t cols, const real *data, const char *name) {
    FM_CHECK(rows > 0 && cols > 0 && data != NULL, "leaf '%s' [%zu, %zu]%s", name == NULL ? "" : name, rows,
             cols, data == NULL ? " over no memory" : "");
    ad_node n = {.op = AD_OP_leaf,
                 .rows = (uint32_t)rows,
                 .cols = (uint32_t)cols,
                 .value = (real *)(uintptr_t)data,
                 .name = name,
                 .in = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}};
    return append(t, n);
}

ad_var ad_fill(ad_tape *t, size_t rows, size_t cols, double value) {
    return ad_emit(t, AD_OP_fill, rows, cols, NULL, (ad_attr){.low = value});
}
