/* fuse.c: which nodes of a plan go together through the rows, and which need no step of their own. */
#include <string.h>

#include "autograd/plan/build.h"

/* The segment of a node: rows it walks through, and a level after everything that it needs whole. */
static void place_by_arguments(ad_build *b, uint32_t id) {
    const ad_node *n = &b->tape->nodes[id];
    ad_part *p = &b->part[id];
    const char *letters = ad_row_letters(n);
    int arity = AD_TABLE[n->op].arity;
    p->flow = letters[arity + 1];
    p->rows = 0;
    if (p->flow == 'r') p->rows = n->rows;
    if (p->flow == '+') p->rows = b->tape->nodes[n->in[0]].rows;
    for (int i = 0; i < arity; i++) {
        const ad_part *x = &b->part[n->in[i]];
        if (!x->live) continue;
        bool along = letters[i] != 'w' && p->flow != 'w' && x->flow == 'r' && x->rows == p->rows;
        bool both_whole = x->flow == 'w' && p->flow == 'w';
        uint32_t after = along || both_whole ? x->level : x->level + 1;
        if (after > p->level) p->level = after;
    }
}

static bool is_product(const ad_build *b, uint32_t id) { return b->tape->nodes[id].op == AD_OP_matmul; }

static bool is_linear_product(const ad_build *b, uint32_t id) {
    const ad_node *n = &b->tape->nodes[id];
    return n->op == AD_OP_matmul || (n->op == AD_OP_affine && n->attr.act == AD_IDENTITY);
}

/* A value that only its one reader needs, so that it can be written where the reader's result goes. */
static bool is_private(const ad_part *p) { return p->live && p->uses == 1 && !p->output; }

/* Two products of one kind are computed as one. */
static bool joins(const ad_build *b, uint32_t early, uint32_t late) {
    const ad_node *x = &b->tape->nodes[early], *y = &b->tape->nodes[late];
    const ad_part *p = &b->part[early];
    return is_linear_product(b, early) && p->last_writer == early && p->mask == 0 && !p->joined &&
           x->attr.trans_a == y->attr.trans_a && x->attr.trans_b == y->attr.trans_b &&
           strncmp(ad_row_letters(x), ad_row_letters(y), 2) == 0;
}

/* a + b where the later one is a matrix product: two products of one kind become one step, which passes over
 * the result once; else the product adds itself to the earlier one's memory. */
static void fuse_sum(ad_build *b, uint32_t id) {
    const ad_node *n = &b->tape->nodes[id];
    uint32_t early = n->in[0], late = n->in[1];
    if (early == late || !is_private(&b->part[early]) || !is_private(&b->part[late])) return;
    if (b->part[late].first_writer < b->part[early].first_writer) {
        early = n->in[1];
        late = n->in[0];
    }
    ad_part *p = &b->part[id], *first = &b->part[early], *second = &b->part[late];
    if (!is_product(b, late) || second->mask != 0 || second->first_writer < first->last_writer) return;
    if (!ad_same_segment(first, second) || first->flow != second->flow || first->flow == 'w') return;
    p->flow = first->flow;
    p->rows = first->rows;
    p->level = first->level;
    p->elided = true;
    p->first_writer = first->first_writer;
    p->last_writer = late;
    if (joins(b, early, late)) {
        first->elided = true;
        second->joined = true;
        second->other = early;
        first->home = second->home = id;
        p->first_writer = late;
        return;
    }
    first->home = second->home = id;
    second->accumulates = true;
}

/* g act'(y) where g is a linear product: the product multiplies as it writes. */
static void fuse_mask(ad_build *b, uint32_t id) {
    const ad_node *n = &b->tape->nodes[id];
    uint32_t g = n->in[0], y = n->in[1];
    ad_part *p = &b->part[id], *product = &b->part[g];
    if (!is_private(product) || !ad_same_segment(product, p) || product->flow != 'r') return;
    uint32_t writer = product->last_writer;
    if (!is_linear_product(b, writer) || b->part[writer].mask != 0) return;
    if (b->part[y].live && (b->part[y].last_writer > writer || y > writer)) return;
    p->elided = true;
    p->first_writer = product->first_writer;
    p->last_writer = writer;
    product->home = id;
    b->part[writer].mask = n->attr.act;
    b->part[writer].mask_y = y;
}

void ad_build_place(ad_build *b, uint32_t id) {
    ad_part *p = &b->part[id];
    p->home = p->first_writer = p->last_writer = id;
    place_by_arguments(b, id);
    ad_op op = b->tape->nodes[id].op;
    if (op == AD_OP_add) fuse_sum(b, id);
    if (op == AD_OP_act_grad) fuse_mask(b, id);
}
