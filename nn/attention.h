/* attention.h: multi-head dot-product attention [Vaswani 2017, Sec. 3.2] over a small set: other agents,
 * objects, messages. What it gives does not depend on the order of the set, and a set of another size needs
 * no other parameters.
 *
 * A batch of B samples lies in rows: the Q queries of a sample, and the S items of its set, stand below each
 * other. A mask [B, S] says which items are there.
 *
 * Example (compiled by the tests):
 *
 *     fm_arena arena = {0};
 *     nn_params p = {0};
 *     enum { B = 2, S = 3 };
 *     real self[B * 4] = {0}, others[B * S * 5] = {0}, there[B * S] = {1, 1, 0, 1, 1, 1};
 *     nn_attention attention = nn_attention_declare(&p, "attention",
 *         &(nn_attention_shape){.query = 4, .item = 5, .heads = 2, .width = 8, .out = 16});
 *     nn_params_make(&p, &arena, NULL, NULL);
 *     ad_tape *t = ad_tape_new();
 *     nn_leaves leaves = nn_params_leaves(t, &p, p.theta, &arena);
 *     ad_var query = ad_leaf(t, B, 4, self, "self"), items = ad_leaf(t, B * S, 5, others, "others");
 *     ad_var y = nn_attention_apply(&attention, &leaves, B, query, items, ad_leaf(t, B, S, there, "there"));
 *     FM_CHECK(ad_rows(y) == B && ad_cols(y) == 16, "one row for each query");
 *     ad_tape_free(t);
 *     nn_params_free(&p);
 *     fm_arena_free(&arena);
 */
#ifndef NN_ATTENTION_H
#define NN_ATTENTION_H

#include "nn/params.h"

typedef struct nn_attention_shape {
    size_t query, item; /* columns of a query and of an item */
    size_t heads;
    size_t width; /* numbers of a key, and of a value, in each head */
    size_t out;
} nn_attention_shape;

/* Plain data. */
typedef struct nn_attention {
    nn_attention_shape shape;
    size_t query, key, value, out; /* entries of the weights */
} nn_attention;

/* Declares "name.query" [query, heads width], "name.key" and "name.value" [item, heads width], "name.out"
 * [heads width, out]: Glorot-uniform, without biases, as in the paper. */
nn_attention nn_attention_declare(nn_params *p, const char *name, const nn_attention_shape *shape);

/* Of each head, softmax(q k^T / sqrt(width)) v over the items that are there; the heads side by side, times
 * "name.out". queries [B Q, query], items [B S, item] (for self-attention the same node), mask [B, S] of ones
 * and zeros, or AD_NONE: all are there -> [B Q, out]. An item that is not there contributes nothing to a
 * value or a derivative, whatever its numbers; where none is there, the result is zeros. */
ad_var nn_attention_apply(const nn_attention *attention, const nn_leaves *leaves, size_t samples,
                          ad_var queries, ad_var items, ad_var mask);

#endif
