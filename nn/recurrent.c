/* recurrent.c: one step of a cell, and a sequence of them. */
#include "nn/recurrent.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"

static size_t parts(nn_cell cell) { return cell == NN_LSTM ? 4 : 3; }

nn_recurrent nn_recurrent_declare(nn_params *p, const char *name, nn_cell cell, size_t in, size_t hidden,
                                  nn_init init) {
    const bool fan_in = init == NN_INIT_FAN_IN;
    const nn_init bias_init = fan_in ? NN_INIT_FAN_IN : NN_INIT_ZERO;
    const size_t width = parts(cell) * hidden;
    nn_recurrent r = {.cell = cell, .in = in, .hidden = hidden,
                      .memory = cell == NN_LSTM ? 2 * hidden : hidden};
    char entry[FM_NAME_MAX];
    fm_text_format(entry, sizeof entry, "%s.weight_ih", name);
    r.weight_ih = nn_params_declare(p, entry, in, width, init, 1, fan_in ? hidden : in);
    fm_text_format(entry, sizeof entry, "%s.weight_hh", name);
    r.weight_hh = nn_params_declare(p, entry, hidden, width, init, 1, hidden);
    fm_text_format(entry, sizeof entry, "%s.bias_ih", name);
    r.bias_ih = nn_params_declare(p, entry, 1, width, bias_init, 1, hidden);
    fm_text_format(entry, sizeof entry, "%s.bias_hh", name);
    r.bias_hh = nn_params_declare(p, entry, 1, width, bias_init, 1, hidden);
    return r;
}

/* The k-th of the parts of a row, `hidden` numbers each. */
static ad_var part(const nn_recurrent *r, ad_var row, size_t k) {
    return ad_slice_cols(row, k * r->hidden, r->hidden);
}

static ad_var lstm(const nn_recurrent *r, ad_var of_x, ad_var of_h, ad_var c) {
    ad_var gates = ad_add(of_x, of_h);
    ad_var i = ad_sigmoid(part(r, gates, 0)), f = ad_sigmoid(part(r, gates, 1));
    ad_var g = ad_tanh(part(r, gates, 2)), o = ad_sigmoid(part(r, gates, 3));
    ad_var next = ad_mul_add(f, c, i, g);
    return ad_concat_cols(ad_mul(o, ad_tanh(next)), next);
}

/* (1 - z) n + z h = n + z (h - n) */
static ad_var gru(const nn_recurrent *r, ad_var of_x, ad_var of_h, ad_var h) {
    ad_var reset = ad_sigmoid(ad_add(part(r, of_x, 0), part(r, of_h, 0)));
    ad_var z = ad_sigmoid(ad_add(part(r, of_x, 1), part(r, of_h, 1)));
    ad_var n = ad_tanh(ad_add(part(r, of_x, 2), ad_mul(reset, part(r, of_h, 2))));
    return ad_add(n, ad_mul(z, ad_sub(h, n)));
}

ad_var nn_recurrent_output(const nn_recurrent *cell, ad_var memory) { return part(cell, memory, 0); }

ad_var nn_recurrent_step(const nn_recurrent *cell, const nn_leaves *leaves, ad_var x, ad_var memory) {
    FM_CHECK(ad_cols(x) == cell->in && ad_cols(memory) == cell->memory,
             "recurrent: input [%zu, %zu] and memory [%zu, %zu], %zu and %zu columns expected", ad_rows(x),
             ad_cols(x), ad_rows(memory), ad_cols(memory), cell->in, cell->memory);
    FM_CHECK(cell->bias_hh < leaves->count, "recurrent: the leaves are not those of its parameters");
    const ad_var *leaf = leaves->leaf;
    ad_var h = nn_recurrent_output(cell, memory);
    ad_var of_x = ad_affine(x, leaf[cell->weight_ih], leaf[cell->bias_ih], AD_IDENTITY);
    ad_var of_h = ad_affine(h, leaf[cell->weight_hh], leaf[cell->bias_hh], AD_IDENTITY);
    if (cell->cell == NN_LSTM) return lstm(cell, of_x, of_h, part(cell, memory, 1));
    return gru(cell, of_x, of_h, h);
}

/* The gates' part of x is computed step by step too: of one product for all steps, each step would take a
 * slice, and the derivatives would add T matrices of T B rows. */
ad_var nn_recurrent_unroll(const nn_recurrent *cell, const nn_leaves *leaves, size_t steps, ad_var x,
                           ad_var first, ad_var *memory) {
    const size_t rows = ad_rows(*memory);
    FM_CHECK(steps > 0 && ad_rows(x) == steps * rows && ad_rows(first) == steps * rows,
             "recurrent: x has %zu rows and first %zu, %zu steps of %zu expected", ad_rows(x), ad_rows(first),
             steps, rows);
    ad_var zero = ad_fill(x.tape, 1, 1, 0);
    ad_var *h = fm_new(steps, sizeof *h);
    for (size_t t = 0; t < steps; t++) {
        *memory = ad_where(ad_slice_rows(first, t * rows, rows), zero, *memory);
        *memory = nn_recurrent_step(cell, leaves, ad_slice_rows(x, t * rows, rows), *memory);
        h[t] = nn_recurrent_output(cell, *memory);
    }
    ad_var all = ad_concat_rows_n(h, steps);
    free(h);
    return all;
}
