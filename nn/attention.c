/* attention.c: the heads one by one, the samples of a batch as blocks of a batched product. */
#include "nn/attention.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "nn/distributions.h"

static size_t declare(nn_params *p, const char *name, const char *what, size_t rows, size_t cols) {
    char entry[FM_NAME_MAX];
    fm_text_format(entry, sizeof entry, "%s.%s", name, what);
    return nn_params_declare(p, entry, rows, cols, NN_INIT_GLOROT, 1, rows);
}

nn_attention nn_attention_declare(nn_params *p, const char *name, const nn_attention_shape *shape) {
    const size_t all = shape->heads * shape->width;
    nn_attention a = {.shape = *shape};
    a.query = declare(p, name, "query", shape->query, all);
    a.key = declare(p, name, "key", shape->item, all);
    a.value = declare(p, name, "value", shape->item, all);
    a.out = declare(p, name, "out", all, shape->out);
    return a;
}

static void check(const nn_attention *a, const nn_leaves *leaves, size_t samples, ad_var queries,
                  ad_var items, ad_var mask) {
    FM_CHECK(a->out < leaves->count, "attention: the leaves are not those of its parameters");
    FM_CHECK(samples > 0 && ad_rows(queries) % samples == 0 && ad_rows(items) % samples == 0,
             "attention: %zu queries and %zu items of %zu samples", ad_rows(queries), ad_rows(items),
             samples);
    FM_CHECK(ad_cols(queries) == a->shape.query && ad_cols(items) == a->shape.item,
             "attention: queries of %zu columns and items of %zu, %zu and %zu expected", ad_cols(queries),
             ad_cols(items), a->shape.query, a->shape.item);
    FM_CHECK(ad_is_none(mask) || (ad_rows(mask) == samples && ad_cols(mask) * samples == ad_rows(items)),
             "attention: mask [%zu, %zu] of %zu items of %zu samples", ad_rows(mask), ad_cols(mask),
             ad_rows(items), samples);
}

ad_var nn_attention_apply(const nn_attention *attention, const nn_leaves *leaves, size_t samples,
                          ad_var queries, ad_var items, ad_var mask) {
    const size_t width = attention->shape.width, heads = attention->shape.heads;
    check(attention, leaves, samples, queries, items, mask);
    if (!ad_is_none(mask)) {
        /* Not even 0 times an infinity may come of an item that is not there; a row of the mask for each
         * query. */
        items = ad_where(ad_reshape(mask, ad_rows(items), 1), items, ad_fill(items.tape, 1, 1, 0));
        ad_var ones = ad_fill(mask.tape, ad_rows(queries), 1, 1);
        mask = ad_matmul_blocks(ones, mask, samples, false);
    }
    ad_var q = ad_scale(ad_matmul(queries, leaves->leaf[attention->query]), 1 / sqrt((double)width));
    ad_var k = ad_matmul(items, leaves->leaf[attention->key]);
    ad_var v = ad_matmul(items, leaves->leaf[attention->value]);
    ad_var *head = fm_new(heads, sizeof *head);
    for (size_t i = 0; i < heads; i++) {
        ad_var q_i = ad_slice_cols(q, i * width, width), k_i = ad_slice_cols(k, i * width, width);
        ad_var weights = nn_categorical_probs(ad_matmul_blocks(q_i, k_i, samples, true), mask);
        head[i] = ad_matmul_blocks(weights, ad_slice_cols(v, i * width, width), samples, false);
    }
    ad_var side_by_side = ad_concat_cols_n(head, heads);
    free(head);
    return ad_matmul(side_by_side, leaves->leaf[attention->out]);
}
