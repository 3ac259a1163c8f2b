/* Random graphs: what plans replay equals what a fresh tape computes.
 *
 * A graph is drawn from its seed and from shapes alone, so the same seed builds the same graph over other
 * numbers. It mixes batches of different lengths (mostly longer than a block), small matrices, and the
 * patterns that plans fuse; a gradient and a tangent of it are part of the graph in most seeds. */
#include "autograd/plan.h"

#include <stdlib.h>

#include "autograd/tape.h"
#include "base/random.h"
#include "tests/test.h"

enum { LEAVES = 12, POOL = 160, COLS_MAX = 12, ROWS_MAX = 1500, OUTPUTS = 12 };
static const bool DOUBLE = sizeof(real) == 8;

/* The numbers of the leaves: 0..5 batches, 6..8 small matrices, 9 a bias, 10 and 11 columns of an index
 * for each batch. Most are four columns wide, so that many fit together as they are. */
typedef struct world {
    size_t rows[LEAVES], cols[LEAVES];
    real *data[LEAVES];
} world;

typedef struct graph {
    ad_tape *t;
    fm_rng rng;
    ad_var leaf[LEAVES], pool[POOL];
    size_t count;
} graph;

static const size_t BATCHES[] = {1, 2, 5, 64, 97, 100, 257, 500, 1000, ROWS_MAX};

static size_t below(fm_rng *rng, size_t n) { return (size_t)fm_rng_below(rng, n); }

/* ---- leaves ---- */

static void world_fill(world *w, fm_rng *rng, size_t i) {
    for (size_t k = 0; k < w->rows[i] * w->cols[i]; k++)
        w->data[i][k] = (real)(i < 10 ? 1.6 * fm_rng_uniform(rng) - 0.8 : (double)below(rng, 3));
}

static world world_new(uint64_t seed) {
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 1, 0);
    world w;
    size_t batch[2];
    for (int b = 0; b < 2; b++) batch[b] = BATCHES[below(&rng, sizeof BATCHES / sizeof *BATCHES)];
    for (size_t i = 0; i < LEAVES; i++) {
        size_t width = i % 3 == 2 ? 3 + below(&rng, 4) : 4;
        w.rows[i] = i < 6 || i > 9 ? batch[i % 2] : i == 9 ? 1 : width;
        w.cols[i] = i < 10 ? width : 1;
        w.data[i] = malloc(w.rows[i] * w.cols[i] * sizeof(real));
        FM_CHECK(w.data[i] != NULL, "out of memory");
        world_fill(&w, &rng, i);
    }
    return w;
}

static void world_free(world *w) {
    for (size_t i = 0; i < LEAVES; i++) free(w->data[i]);
}

/* ---- the graph ---- */

/* Adds a node, brought back to moderate numbers; too large ones are dropped. */
static void keep(graph *g, ad_var v) {
    if (g->count == POOL || ad_cols(v) > COLS_MAX || ad_rows(v) > 2 * ROWS_MAX) return;
    g->pool[g->count++] = v;
}

/* Late nodes are preferred: depth. */
static ad_var pick(graph *g) {
    size_t late = g->count < 12 ? g->count : 12, back = below(&g->rng, below(&g->rng, 2) ? late : g->count);
    return g->pool[g->count - 1 - back];
}

/* A node of that shape (0: any), or AD_NONE. */
static ad_var pick_shape(graph *g, size_t rows, size_t cols) {
    size_t start = below(&g->rng, g->count);
    for (size_t i = 0; i < g->count; i++) {
        ad_var v = g->pool[(start + i) % g->count];
        if ((rows == 0 || ad_rows(v) == rows) && (cols == 0 || ad_cols(v) == cols)) return v;
    }
    return AD_NONE;
}

/* A small matrix [rows, cols] made from a small leaf. */
static ad_var weight(graph *g, size_t rows, size_t cols) {
    size_t first = below(&g->rng, 4);
    for (size_t i = 0; i < 4; i++) {
        ad_var w = g->leaf[6 + (first + i) % 4];
        if (ad_rows(w) == rows && ad_cols(w) == cols) return w;
    }
    ad_var w = g->leaf[6 + first];
    while (ad_rows(w) < rows) w = ad_concat_rows(w, w);
    while (ad_cols(w) < cols) w = ad_concat_cols(w, w);
    return ad_slice_cols(ad_slice_rows(w, ad_rows(w) - rows, rows), 0, cols);
}

static ad_var unary(graph *g, ad_var a) {
    switch (below(&g->rng, DOUBLE ? 20 : 16)) {
        case 0: return ad_tanh(a);
        case 1: return ad_sigmoid(a);
        case 2: return ad_relu(a);
        case 3: return ad_softplus(a);
        case 4: return ad_exp(ad_tanh(a));
        case 5: return ad_log(ad_shift(ad_sigmoid(a), 0.1));
        case 6: return ad_sqrt(ad_shift(ad_square(a), 0.3));
        case 7: return ad_neg(a);
        case 8: return ad_scale(a, 0.7);
        case 9: return ad_abs(a);
        case 10: return ad_clip(a, -0.5, 0.4);
        case 11: return ad_stop_gradient(a);
        case 12: return ad_copy(a);
        case 13: return ad_row_max(a);
        case 14: return ad_sin(ad_scale(a, 3));
        case 15: return ad_cos(a);
        case 16: return ad_sign(a);
        case 17: return ad_inside(a, -0.3, 0.3);
        case 18: return ad_row_argmax(a);
        default: return ad_greater(a, ad_fill(g->t, ad_rows(a), ad_cols(a), 0.1));
    }
}

/* The column of an index, below 3, that has so many rows, or AD_NONE. */
static ad_var pick_index(const graph *g, size_t rows) {
    for (size_t i = 10; i < LEAVES; i++)
        if (ad_rows(g->leaf[i]) == rows) return g->leaf[i];
    return AD_NONE;
}

static ad_var binary(graph *g, ad_var a) {
    size_t rows = ad_rows(a), cols = ad_cols(a), shape = below(&g->rng, 5);
    ad_var b = pick_shape(g, shape == 1 || shape == 3 ? 1 : rows, shape == 2 || shape == 3 ? 1 : cols);
    if (ad_is_none(b)) b = a;
    ad_var mask = pick_index(g, rows);
    switch (below(&g->rng, ad_is_none(mask) ? 6 : 7)) {
        case 0: return ad_add(a, b);
        case 1: return ad_sub(a, b);
        case 2: return ad_tanh(ad_mul(a, b));
        case 3: return ad_div(a, ad_shift(ad_square(b), 1));
        case 4: return ad_min(a, b);
        case 5: return ad_max(a, b);
        default: return ad_where(mask, a, ad_broadcast(b, rows, cols));
    }
}

/* a and three more of its shape. */
static ad_var of_four(graph *g, ad_var a) {
    ad_var x[3];
    for (int i = 0; i < 3; i++) x[i] = pick_shape(g, ad_rows(a), ad_cols(a));
    if (below(&g->rng, 2)) return ad_tanh(ad_mul_add(a, x[0], x[1], x[2]));
    return ad_act_curve(a, x[0], ad_tanh(x[1]), ad_tanh(x[2]), AD_TANH);
}

static ad_var product(graph *g, ad_var a) {
    size_t n = 1 + below(&g->rng, 7);
    switch (below(&g->rng, ad_rows(a) % 2 == 0 ? 7 : 5)) {
        case 0: return ad_scale(ad_matmul(a, weight(g, ad_cols(a), n)), 0.4);
        case 1: return ad_scale(ad_matmul_t(a, false, weight(g, n, ad_cols(a)), true), 0.4);
        case 2: {
            ad_var b = pick_shape(g, ad_rows(a), 0);
            return ad_scale(ad_matmul_t(a, true, b, false), 1 / (double)ad_rows(a));
        }
        case 3: {
            ad_var w = weight(g, n, 4);
            return ad_rows(a) == 4 ? ad_tanh(ad_matmul_t(a, true, w, true)) : a;
        }
        case 5: return ad_scale(ad_matmul_blocks(a, weight(g, 2 * ad_cols(a), n), 2, false), 0.4);
        case 6: return ad_scale(ad_matmul_blocks(a, weight(g, 2 * n, ad_cols(a)), 2, true), 0.4);
        default: {
            ad_act act = (ad_act)below(&g->rng, 3);
            return ad_affine(a, weight(g, ad_cols(a), n), weight(g, 1, n), act);
        }
    }
}

static ad_var random_product(graph *g, size_t rows, size_t n) {
    ad_var a = pick_shape(g, rows, below(&g->rng, 2) ? 4 : 0);
    if (ad_is_none(a)) a = pick_shape(g, rows, 0);
    return ad_matmul(a, weight(g, ad_cols(a), n));
}

/* A sum over the rows of two products, which plans write into one place. */
static ad_var fused_row_sum(graph *g, ad_var a) {
    ad_var b = pick_shape(g, ad_rows(a), 0), c = pick_shape(g, ad_rows(a), ad_cols(a));
    ad_var sum = ad_add(ad_matmul_t(a, true, b, false), ad_matmul_t(c, true, b, false));
    if (below(&g->rng, 2)) sum = ad_add(sum, ad_matmul_t(c, true, b, false));
    return ad_scale(sum, 1 / (double)ad_rows(a));
}

/* What plans fuse: chains of sums of products and of products times the derivative of an activation, in
 * any order, some of them recorded before others, some read twice. */
static ad_var fused(graph *g, ad_var a) {
    size_t n = below(&g->rng, 3) ? 4 : 1 + below(&g->rng, 6), rows = ad_rows(a);
    ad_act act[2] = {below(&g->rng, 2) ? AD_TANH : AD_RELU, AD_TANH};
    ad_var y[2], before[2], sum;
    for (int i = 0; i < 2; i++) {
        ad_var c = pick_shape(g, rows, 0);
        y[i] = ad_affine(c, weight(g, ad_cols(c), n), weight(g, 1, n), act[i]);
    }
    before[0] = random_product(g, rows, n);
    sum = random_product(g, rows, n);
    before[1] = random_product(g, rows, n);
    if (below(&g->rng, 3) == 0)
        sum = ad_affine(a, weight(g, ad_cols(a), n), weight(g, 1, n), AD_IDENTITY);
    for (size_t links = below(&g->rng, 6); links > 0; links--) {
        size_t i = below(&g->rng, 2);
        switch (below(&g->rng, 5)) {
            case 0: sum = ad_act_grad(sum, y[i], act[i]); break;
            case 1: sum = ad_add(sum, random_product(g, rows, n)); break;
            case 2: sum = ad_add(random_product(g, rows, n), sum); break;
            case 3: sum = ad_add(sum, before[i]); break;
            default:
                if (below(&g->rng, 2)) sum = ad_act_grad(sum, y[i], act[i]);
                else keep(g, sum);
                break;
        }
    }
    return ad_scale(sum, 0.2);
}

static ad_var reduction(graph *g, ad_var a) {
    size_t rows = ad_rows(a), cols = ad_cols(a);
    switch (below(&g->rng, 8)) {
        case 0: return ad_mean(a);
        case 1: return ad_mean_rows(a);
        case 2: return ad_mean_cols(a);
        case 3: return ad_log_softmax(a);
        case 4: return ad_softmax(a);
        case 5: return ad_logsumexp(a);
        case 6:
            if (rows == 1) return ad_broadcast(a, BATCHES[below(&g->rng, 9)], cols);
            return ad_sum_cols(ad_tanh(a));
        default: return cols == 1 ? ad_broadcast(a, rows, 1 + below(&g->rng, 6)) : ad_mean_rows(a);
    }
}

static ad_var piece(graph *g, ad_var a) {
    size_t rows = ad_rows(a), cols = ad_cols(a);
    size_t from = below(&g->rng, cols), from_row = below(&g->rng, rows);
    ad_var b, index = pick_index(g, rows);
    switch (below(&g->rng, ad_is_none(index) ? 8 : 12)) {
        case 0: return ad_slice_cols(a, from, 1 + below(&g->rng, cols - from));
        case 1: return ad_pad_cols(a, from, 2 * cols);
        case 2: return ad_is_none(b = pick_shape(g, rows, 0)) ? a : ad_concat_cols(a, b);
        case 3: return ad_slice_rows(a, from_row, 1 + below(&g->rng, rows - from_row));
        case 4: return ad_pad_rows(a, from_row, rows + from_row + below(&g->rng, 3));
        case 5: return ad_is_none(b = pick_shape(g, 0, cols)) ? a : ad_concat_rows(a, b);
        case 6:
            if (rows % 2 == 0) return ad_reshape(a, rows / 2, 2 * cols);
            return ad_reshape(a, rows * cols, 1);
        case 7: return rows <= COLS_MAX ? ad_transpose(a) : a;
        case 8: return cols >= 3 ? ad_gather(a, index) : a;
        case 9: return ad_scatter(ad_slice_cols(a, from, 1), index, 3 + below(&g->rng, 3));
        case 10: return ad_take_rows(weight(g, 3, 1 + below(&g->rng, 6)), index);
        default: return ad_scale(ad_put_rows(a, index, 3 + below(&g->rng, 3)), 1 / (double)rows);
    }
}

static void grow(graph *g, size_t steps) {
    for (size_t i = 0; i < steps; i++) {
        ad_var a = pick(g);
        switch (below(&g->rng, 9)) {
            case 0: case 1: keep(g, unary(g, a)); break;
            case 2: case 3: keep(g, binary(g, a)); break;
            case 4: keep(g, product(g, a)); break;
            case 5: keep(g, below(&g->rng, 4) ? fused(g, a) : fused_row_sum(g, a)); break;
            case 6: keep(g, reduction(g, a)); break;
            case 7: keep(g, piece(g, a)); break;
            default: keep(g, of_four(g, a)); break;
        }
    }
}

/* The gradient of some of the graph in some leaves, and its tangent: the shapes of graph that plans are
 * made for. */
static void differentiate(graph *g) {
    ad_tape *t = g->t;
    ad_var loss = ad_zeros(t, 1, 1), x[4], dx[4], y[4], dy[4];
    for (int i = 0; i < 3; i++) loss = ad_add(loss, ad_mean(ad_square(pick(g))));
    for (size_t i = 0; i < 4; i++) x[i] = g->leaf[i == 0 ? below(&g->rng, 6) : 5 + i];
    ad_grad(loss, x, 4, y);
    for (size_t i = 0; i < 4; i++) {
        dx[i] = ad_zeros(t, ad_rows(x[i]), ad_cols(x[i]));
        if (below(&g->rng, 4)) dx[i] = ad_tanh(ad_shift(x[i], 0.2));
        keep(g, y[i]);
    }
    ad_jvp(y, 4, x, dx, 4, dy);
    for (size_t i = 0; i < 4; i++) keep(g, dy[i]);
}

static graph graph_new(const world *w, uint64_t seed) {
    graph g = {.t = ad_tape_new(), .rng = fm_rng_split(seed, FM_RNG_TEST, 2, 0)};
    for (size_t i = 0; i < LEAVES; i++) {
        g.leaf[i] = ad_leaf(g.t, w->rows[i], w->cols[i], w->data[i], "leaf");
        if (i < 10) keep(&g, g.leaf[i]);
    }
    grow(&g, 3 + below(&g.rng, 30));
    if (below(&g.rng, 3)) differentiate(&g);
    grow(&g, below(&g.rng, 6));
    return g;
}

/* ---- a plan and what it should give ---- */

typedef struct wanted {
    size_t n, which[OUTPUTS]; /* places in the pool */
    ad_output out[OUTPUTS];
    ad_plan *plan;
} wanted;

static wanted wanted_new(graph *g, fm_rng *rng, const ad_var *changing, size_t n_changing) {
    wanted w = {.n = 1 + below(rng, OUTPUTS)};
    for (size_t k = 0; k < w.n; k++) {
        size_t late = g->count < 20 ? g->count : 20;
        w.which[k] = g->count - 1 - below(rng, below(rng, 3) ? late : g->count);
        if (k > 0 && below(rng, 8) == 0) w.which[k] = w.which[k - 1];
        w.out[k].var = g->pool[w.which[k]];
        size_t size = ad_rows(w.out[k].var) * ad_cols(w.out[k].var);
        w.out[k].to = below(rng, 3) ? malloc(size * sizeof(real)) : NULL;
    }
    w.plan = ad_plan_make(changing, n_changing, w.out, w.n);
    return w;
}

static void wanted_free(wanted *w) {
    for (size_t k = 0; k < w->n; k++) free(w->out[k].to);
}

/* A caller may do what he likes with his memory between replays. */
static void spoil(const wanted *w) {
    for (size_t k = 0; k < w->n; k++) {
        size_t size = ad_rows(w->out[k].var) * ad_cols(w->out[k].var);
        for (size_t i = 0; w->out[k].to != NULL && i < size; i++) w->out[k].to[i] = (real)NAN;
    }
}

/* In double entry by entry. In float a rounding may turn a mask over, so the whole is judged. */
static void compare(const wanted *w, const graph *fresh, uint64_t seed, int round) {
    for (size_t k = 0; k < w->n; k++) {
        ad_var mine = w->out[k].var, theirs = fresh->pool[w->which[k]];
        const real *x = w->out[k].to != NULL ? w->out[k].to : ad_value(mine);
        const real *y = ad_value(theirs);
        double worst = 0, difference = 0, size = 0;
        for (size_t i = 0; i < ad_rows(mine) * ad_cols(mine); i++) {
            double d = fabs((double)x[i] - (double)y[i]), s = fabs((double)y[i]);
            if (!(d / (1 + s) <= worst)) worst = d / (1 + s);
            difference += d * d;
            size += s * s;
        }
        double relative = sqrt(difference / (1 + size));
        EXPECT_MSG(DOUBLE ? worst < 1e-9 : relative < 0.02,
                   "seed %llu round %d: output %zu of %zu (pool %zu, %s [%zu, %zu], %s): worst %g, all %g",
                   (unsigned long long)seed, round, k, w->n, w->which[k], ad_op_name(mine),
                   ad_rows(mine), ad_cols(mine), w->out[k].to != NULL ? "bound" : "on the tape",
                   worst, relative);
    }
}

static void run_seed(uint64_t seed) {
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 3, 0);
    world w = world_new(seed);
    graph g = graph_new(&w, seed);
    ad_var changing[LEAVES];
    bool some = below(&rng, 2), changes[LEAVES];
    size_t n_changing = 0;
    for (size_t i = 0; i < LEAVES; i++) {
        changes[i] = !some || below(&rng, 2);
        if (changes[i]) changing[n_changing++] = g.leaf[i];
    }
    wanted plans[2] = {wanted_new(&g, &rng, some ? changing : NULL, some ? n_changing : 0),
                       wanted_new(&g, &rng, NULL, 0)};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < LEAVES && round > 0; i++)
            if (changes[i]) world_fill(&w, &rng, i);
        graph fresh = graph_new(&w, seed);
        for (int p = 0; p < 2; p++) {
            spoil(&plans[p]);
            ad_replay(plans[p].plan);
        }
        for (int p = 0; p < 2; p++) compare(&plans[p], &fresh, seed, round);
        ad_tape_free(fresh.t);
    }
    for (int p = 0; p < 2; p++) wanted_free(&plans[p]);
    ad_tape_free(g.t);
    world_free(&w);
}

TEST(plans_of_random_graphs_replay_what_a_fresh_tape_computes) {
    const char *seeds = getenv("FUZZ_SEEDS");
    uint64_t n = seeds != NULL ? strtoull(seeds, NULL, 10) : 600;
    for (uint64_t seed = 0; seed < n; seed++) run_seed(seed);
}

TEST_MAIN(CASE(plans_of_random_graphs_replay_what_a_fresh_tape_computes))
