/* test_recurrent.c: the cells against plain loops in double, sequences against single steps, derivatives
 * against differences, and whether they learn to remember. */
#include "nn/recurrent.h"

#include "nn/optim.h"
#include "tests/test.h"
#include "tests/derivatives.h"

#define DOUBLE (sizeof(real) == 8)
static const double EPS = DOUBLE ? 1e-12 : 2e-6;

enum { IN = 3, H = 4, B = 2, T = 5 };

typedef struct net {
    fm_arena arena;
    nn_params p;
    nn_recurrent cell;
    ad_tape *t;
    nn_leaves leaves;
    real x[T * B * IN], first[T * B], memory[B * 2 * H];
    ad_var x_leaf, first_leaf, memory_leaf;
} net;

static void net_make(net *n, nn_cell cell, uint64_t seed) {
    *n = (net){.t = ad_tape_new()};
    n->cell = nn_recurrent_declare(&n->p, "cell", cell, IN, H, NN_INIT_FAN_IN);
    nn_params_make(&n->p, &n->arena, NULL, NULL);
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 0, 0);
    nn_params_init(&n->p, &rng);
    for (size_t i = 0; i < n->p.n; i++) n->p.theta[i] *= 2;
    fm_rng_fill_normal(&rng, n->x, T * B * IN);
    fm_rng_fill_normal(&rng, n->memory, B * n->cell.memory);
    n->first[2 * B + 1] = n->first[3 * B] = 1; /* row 1 begins anew at step 2, row 0 at step 3 */
    n->leaves = nn_params_leaves(n->t, &n->p, n->p.theta, &n->arena);
    n->x_leaf = ad_leaf(n->t, T * B, IN, n->x, "x");
    n->first_leaf = ad_leaf(n->t, T * B, 1, n->first, "first");
    n->memory_leaf = ad_leaf(n->t, B, n->cell.memory, n->memory, "memory");
}

static void net_free(net *n) {
    ad_tape_free(n->t);
    nn_params_free(&n->p);
    fm_arena_free(&n->arena);
}

static double logistic(double x) { return 1 / (1 + exp(-x)); }

/* x W + b of part k, number j: of the input or of the hidden state. */
static double product(const net *n, size_t weight, size_t bias, const double *x, size_t k, size_t j) {
    const nn_entry *w = &n->p.entries[weight], *b = &n->p.entries[bias];
    size_t column = k * H + j;
    double sum = (double)n->p.theta[b->at + column];
    for (size_t i = 0; i < w->rows; i++) sum += x[i] * (double)n->p.theta[w->at + i * w->cols + column];
    return sum;
}

/* One step of one row, in place, straight from PyTorch's page. */
static void naive(const net *n, const real *x, double *memory) {
    double in[IN], h[H];
    for (size_t i = 0; i < IN; i++) in[i] = (double)x[i];
    memcpy(h, memory, sizeof h);
    for (size_t j = 0; j < H; j++) {
        double a[4], b[4];
        for (size_t k = 0; k < (n->cell.cell == NN_LSTM ? 4 : 3); k++) {
            a[k] = product(n, n->cell.weight_ih, n->cell.bias_ih, in, k, j);
            b[k] = product(n, n->cell.weight_hh, n->cell.bias_hh, h, k, j);
        }
        if (n->cell.cell == NN_LSTM) {
            double *c = memory + H + j;
            *c = logistic(a[1] + b[1]) * *c + logistic(a[0] + b[0]) * tanh(a[2] + b[2]);
            memory[j] = logistic(a[3] + b[3]) * tanh(*c);
        } else {
            double r = logistic(a[0] + b[0]), z = logistic(a[1] + b[1]);
            memory[j] = (1 - z) * tanh(a[2] + r * b[2]) + z * h[j];
        }
    }
}

static const nn_cell CELLS[] = {NN_LSTM, NN_GRU};

TEST(recurrent_sequences_equal_plain_loops) {
    for (int k = 0; k < 2; k++) {
        net n;
        net_make(&n, CELLS[k], (uint64_t)k);
        const size_t m = n.cell.memory;
        EXPECT_EQ(m, k == 0 ? 2 * H : H);
        ad_var last = n.memory_leaf;
        ad_var h = nn_recurrent_unroll(&n.cell, &n.leaves, T, n.x_leaf, n.first_leaf, &last);
        EXPECT(ad_rows(h) == T * B && ad_cols(h) == H && ad_rows(last) == B && ad_cols(last) == m);
        for (size_t b = 0; b < B; b++) {
            double memory[2 * H] = {0};
            for (size_t i = 0; i < m; i++) memory[i] = (double)n.memory[b * m + i];
            for (size_t t = 0; t < T; t++) {
                if (n.first[t * B + b] == 1) memset(memory, 0, sizeof memory);
                naive(&n, n.x + (t * B + b) * IN, memory);
                for (size_t j = 0; j < H; j++)
                    EXPECT_NEAR(ad_value(h)[(t * B + b) * H + j], memory[j], EPS);
            }
            for (size_t i = 0; i < m; i++) EXPECT_NEAR(ad_value(last)[b * m + i], memory[i], EPS);
        }
        net_free(&n);
    }
}

/* A sequence cut into chunks that bring their memory along, and single steps, give the same numbers. */
TEST(recurrent_chunks_equal_the_whole) {
    for (int k = 0; k < 2; k++) {
        net n;
        net_make(&n, CELLS[k], 5);
        ad_var whole = n.memory_leaf, chunk = n.memory_leaf, step = n.memory_leaf;
        ad_var h = nn_recurrent_unroll(&n.cell, &n.leaves, T, n.x_leaf, n.first_leaf, &whole);
        const size_t cuts[] = {0, 2, T};
        real memory[T][B * 2 * H];
        for (size_t c = 0; c < 2; c++) {
            size_t at = cuts[c] * B, steps = cuts[c + 1] - cuts[c];
            ad_var x = ad_slice_rows(n.x_leaf, at, steps * B), f = ad_slice_rows(n.first_leaf, at, steps * B);
            ad_var some = nn_recurrent_unroll(&n.cell, &n.leaves, steps, x, f, &chunk);
            for (size_t i = 0; i < steps * B * H; i++)
                EXPECT_NEAR(ad_value(some)[i], ad_value(h)[at * H + i], EPS);
        }
        for (size_t t = 0; t < T; t++) {
            for (size_t i = 0; i < B * n.cell.memory; i++)
                memory[t][i] = n.first[t * B + i / n.cell.memory] == 1 ? 0 : ad_value(step)[i];
            step = ad_leaf(n.t, B, n.cell.memory, memory[t], "memory");
            step = nn_recurrent_step(&n.cell, &n.leaves, ad_slice_rows(n.x_leaf, t * B, B), step);
            for (size_t i = 0; i < B * H; i++)
                EXPECT_NEAR(ad_value(nn_recurrent_output(&n.cell, step))[i], ad_value(h)[t * B * H + i], EPS);
        }
        net_free(&n);
    }
}

/* What comes after an episode's beginning does not depend on what came before, in value or derivative. */
TEST(recurrent_first_cuts_the_past) {
    for (int k = 0; k < 2; k++) {
        net n;
        net_make(&n, CELLS[k], 6);
        ad_var last = n.memory_leaf, g[2], x[2] = {n.x_leaf, n.memory_leaf};
        ad_var h = nn_recurrent_unroll(&n.cell, &n.leaves, T, n.x_leaf, n.first_leaf, &last);
        ad_grad(ad_sum(ad_slice_rows(h, 4 * B, B)), x, 2, g);
        for (size_t t = 0; t < T; t++)
            for (size_t b = 0; b < B; b++)
                for (size_t i = 0; i < IN; i++)
                    EXPECT((ad_value(g[0])[(t * B + b) * IN + i] == 0) == (t < (b == 0 ? 3 : 2)));
        for (size_t i = 0; i < B * n.cell.memory; i++) EXPECT(ad_value(g[1])[i] == 0);
        net_free(&n);
    }
}

TEST(recurrent_derivatives) {
    for (int k = 0; k < 2; k++) {
        net n;
        net_make(&n, CELLS[k], 7);
        ad_var last = n.memory_leaf;
        ad_var h = nn_recurrent_unroll(&n.cell, &n.leaves, T, n.x_leaf, n.first_leaf, &last);
        ad_var from[6] = {n.x_leaf, n.memory_leaf};
        real *data[6] = {n.x, n.memory};
        for (size_t e = 0; e < 4; e++) {
            from[2 + e] = n.leaves.leaf[e];
            data[2 + e] = n.p.theta + n.p.entries[e].at;
        }
        ad_var loss = ad_add(ad_sum(ad_square(h)), ad_sum(ad_mul(last, ad_sum_cols(last))));
        expect_derivatives(loss, from, data, 6, 1);
        net_free(&n);
    }
}

/* PyTorch's start: all within 1 / sqrt(hidden). Orthogonal: weights of length 1, biases zero. */
TEST(recurrent_names_and_starts) {
    fm_arena arena = {0};
    for (int k = 0; k < 2; k++) {
        nn_params p = {0};
        const size_t width = (k == 0 ? 4 : 3) * 16;
        nn_recurrent a = nn_recurrent_declare(&p, "a", CELLS[k], 9, 16, NN_INIT_FAN_IN);
        nn_recurrent b = nn_recurrent_declare(&p, "b", CELLS[k], 9, 16, NN_INIT_ORTHOGONAL);
        nn_params_make(&p, &arena, NULL, NULL);
        fm_rng rng = fm_rng_split(0, FM_RNG_INIT, 0, 0);
        nn_params_init(&p, &rng);
        const char *names[] = {"a.weight_ih", "a.weight_hh", "a.bias_ih", "a.bias_hh"};
        const size_t entries[] = {a.weight_ih, a.weight_hh, a.bias_ih, a.bias_hh}, rows[] = {9, 16, 1, 1};
        for (int e = 0; e < 4; e++) {
            const nn_entry *entry = &p.entries[entries[e]];
            double most = 0;
            EXPECT_TEXT(entry->name, names[e]);
            EXPECT(entry->rows == rows[e] && entry->cols == width);
            for (size_t i = entry->at; i < entry->at + rows[e] * width; i++)
                most = fmax(most, fabs((double)p.theta[i]));
            EXPECT(most <= 0.25 && most > 0.2);
        }
        EXPECT_NEAR(nn_norm(p.theta + p.entries[b.weight_ih].at, 9 * width), 3, 1e-5);
        EXPECT_NEAR(nn_norm(p.theta + p.entries[b.weight_hh].at, 16 * width), 4, 1e-5);
        EXPECT(nn_norm(p.theta + p.entries[b.bias_ih].at, width) == 0);
        nn_params_free(&p);
    }
    fm_arena_free(&arena);
}

/* The sign that was shown at the first of eight steps, asked for after the last; seeds 0 to 2, both cells.
 * All other inputs are zero: without memory the mean square is 1. */
TEST(recurrent_learns_to_remember) {
    enum { STEPS = 8, ROWS = 16, WIDTH = 8 };
    for (uint64_t seed = 0; seed < 6; seed++) {
        fm_arena arena = {0};
        nn_params p = {0};
        real x[STEPS * ROWS] = {0}, first[STEPS * ROWS] = {0}, sign[ROWS], last = 1;
        fm_rng rng = fm_rng_split(seed / 2, FM_RNG_TEST, 0, 0);
        for (size_t b = 0; b < ROWS; b++) first[b] = 1, sign[b] = x[b] = b % 2 ? 1 : -1;
        nn_recurrent cell = nn_recurrent_declare(&p, "cell", CELLS[seed % 2], 1, WIDTH, NN_INIT_FAN_IN);
        size_t weight = nn_params_declare(&p, "out", WIDTH, 1, NN_INIT_GLOROT, 1, WIDTH);
        nn_params_make(&p, &arena, NULL, NULL);
        nn_params_init(&p, &rng);
        ad_tape *t = ad_tape_new();
        nn_leaves leaves = nn_params_leaves(t, &p, p.theta, &arena);
        ad_var memory = ad_zeros(t, ROWS, cell.memory);
        nn_recurrent_unroll(&cell, &leaves, STEPS, ad_leaf(t, STEPS * ROWS, 1, x, "x"),
                            ad_leaf(t, STEPS * ROWS, 1, first, "first"), &memory);
        ad_var y = ad_matmul(nn_recurrent_output(&cell, memory), leaves.leaf[weight]);
        ad_var loss = ad_mean(ad_square(ad_sub(y, ad_leaf(t, ROWS, 1, sign, "sign"))));
        real *gradient = fm_arena_array(&arena, real, p.n);
        ad_output out[6] = {{AD_NONE, NULL}};
        nn_gradient_outputs(&p, &leaves, loss, gradient, out);
        out[leaves.count] = (ad_output){loss, &last};
        ad_plan *plan = ad_plan_make(NULL, 0, out, leaves.count + 1);
        nn_optimizer adam = nn_optimizer_make(NN_ADAM, 0.02, p.n, &arena, NULL, NULL);
        for (int i = 0; i < 300; i++) {
            ad_replay(plan);
            nn_optimizer_step(&adam, p.theta, gradient);
        }
        EXPECT_NEAR(last, 0, 0.02);
        ad_tape_free(t);
        nn_params_free(&p);
        fm_arena_free(&arena);
    }
}

TEST_MAIN(CASE(recurrent_sequences_equal_plain_loops), CASE(recurrent_chunks_equal_the_whole),
          CASE(recurrent_first_cuts_the_past), CASE(recurrent_derivatives), CASE(recurrent_names_and_starts),
          CASE(recurrent_learns_to_remember))
