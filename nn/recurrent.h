/* recurrent.h: cells that remember: LSTM [Hochreiter & Schmidhuber 1997] and GRU [Cho 2014], with PyTorch's
 * equations, order of gates and names. H is the width of the hidden state, s the logistic function, x and h
 * are rows:
 *
 *   LSTM   i, f, g, o = s(.), s(.), tanh(.), s(.) of the four parts of x W_ih + b_ih + h W_hh + b_hh
 *          c' = f c + i g,  h' = o tanh(c')
 *   GRU    r, z = s(.), s(.) of the first two parts of the same sum
 *          n = tanh(x W_in + b_in + r (h W_hn + b_hn)),  h' = (1 - z) n + z h
 *
 * What a cell remembers is one row of `memory` numbers, [h | c] or [h], zero where an episode begins: the
 * memory that the caller of a policy carries from decision to decision (algos/algo.h).
 *
 * Example (compiled by the tests):
 *
 *     fm_arena arena = {0};
 *     nn_params p = {0};
 *     enum { T = 5, B = 2, IN = 3, H = 8 };
 *     real x[T * B * IN] = {0}, first[T * B] = {1, 1}, start[B * 2 * H] = {0};
 *     nn_recurrent cell = nn_recurrent_declare(&p, "lstm", NN_LSTM, IN, H, NN_INIT_ORTHOGONAL);
 *     nn_params_make(&p, &arena, NULL, NULL);
 *     ad_tape *t = ad_tape_new();
 *     nn_leaves leaves = nn_params_leaves(t, &p, p.theta, &arena);
 *     ad_var memory = ad_leaf(t, B, cell.memory, start, "memory");
 *     ad_var h = nn_recurrent_unroll(&cell, &leaves, T, ad_leaf(t, T * B, IN, x, "x"),
 *                                    ad_leaf(t, T * B, 1, first, "first"), &memory);
 *     FM_CHECK(ad_rows(h) == T * B && ad_cols(h) == H, "one state per step and row");
 *     ad_tape_free(t);
 *     nn_params_free(&p);
 *     fm_arena_free(&arena);
 */
#ifndef NN_RECURRENT_H
#define NN_RECURRENT_H

#include "nn/params.h"

typedef enum nn_cell { NN_LSTM, NN_GRU } nn_cell;

/* Plain data. */
typedef struct nn_recurrent {
    nn_cell cell;
    size_t in, hidden;
    size_t memory;    /* numbers per row: 2 hidden, [h | c], of an LSTM; hidden of a GRU */
    size_t weight_ih; /* entries: [in, k hidden], of k parts side by side: LSTM 4: i f g o; GRU 3: r z n */
    size_t weight_hh; /* [hidden, k hidden] */
    size_t bias_ih, bias_hh; /* [1, k hidden] */
} nn_recurrent;

/* Declares "name.weight_ih", "name.weight_hh", "name.bias_ih", "name.bias_hh": PyTorch's, transposed. Weights
 * start by `init` with gain 1, biases at zero; FAN_IN: all of them uniform, +-1 / sqrt(hidden), as PyTorch
 * does. */
nn_recurrent nn_recurrent_declare(nn_params *p, const char *name, nn_cell cell, size_t in, size_t hidden,
                                  nn_init init);

/* One step: x [B, in] and memory [B, memory] -> the memory after it, [B, memory]. */
ad_var nn_recurrent_step(const nn_recurrent *cell, const nn_leaves *leaves, ad_var x, ad_var memory);

/* What the layers after the cell see of its memory: h, [B, hidden]. */
ad_var nn_recurrent_output(const nn_recurrent *cell, ad_var memory);

/* T steps of B rows, step by step: row t B + b of x [T B, in] and of `first` [T B, 1] is step t of row b.
 * *memory [B, memory] is what the rows bring along, and becomes what they take with them after the last step.
 * Where `first` is 1, an episode begins at that step: the memory before it is zeroed, and no derivative goes
 * through. Returns h of every step, [T B, hidden]. */
ad_var nn_recurrent_unroll(const nn_recurrent *cell, const nn_leaves *leaves, size_t steps, ad_var x,
                           ad_var first, ad_var *memory);

#endif
