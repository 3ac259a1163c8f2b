/* Plans: a replay equals a fresh recording; outputs, memory, products. Random graphs are in
 * test_plan_fuzz.c. */
#include "autograd/plan.h"

#include <stdlib.h>

#include "autograd/kernels/kernels.h"
#include "autograd/tape.h"
#include "base/random.h"
#include "tests/aborts.h"
#include "tests/test.h"

static const bool DOUBLE = sizeof(real) == 8;
static double tolerance(void) { return DOUBLE ? 1e-10 : 1e-4; }

/* ---- a net and its batch ---- */

enum { LAYERS = 3, IN = 7, ENTRIES = 2 * LAYERS, THETA_MAX = 70000, BATCH_MAX = 4000 };

typedef struct net {
    size_t rows, width[LAYERS + 1], at[ENTRIES + 1];
    ad_act act;
    bool softmax;
    real theta[THETA_MAX], x[BATCH_MAX * IN], target[BATCH_MAX], column[BATCH_MAX];
} net;

static void net_draw(net *m, uint64_t seed) {
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 0, 0);
    fm_rng_fill_normal(&rng, m->theta, m->at[ENTRIES]);
    for (size_t i = 0; i < m->at[ENTRIES]; i++) m->theta[i] *= (real)0.15;
    fm_rng_fill_normal(&rng, m->x, m->rows * IN);
    fm_rng_fill_normal(&rng, m->target, m->rows);
    for (size_t r = 0; r < m->rows; r++) m->column[r] = (real)fm_rng_below(&rng, 3);
}

/* Owned by the caller (free). */
static net *net_new(size_t rows, size_t hidden, ad_act act, bool softmax) {
    net *m = calloc(1, sizeof *m);
    FM_CHECK(m != NULL, "out of memory");
    m->rows = rows;
    m->width[0] = IN;
    m->width[1] = m->width[2] = hidden;
    m->width[3] = softmax ? 3 : 1;
    m->act = act;
    m->softmax = softmax;
    for (int i = 0; i < ENTRIES; i++) {
        size_t in = i % 2 == 0 ? m->width[i / 2] : 1;
        m->at[i + 1] = m->at[i] + in * m->width[i / 2 + 1];
    }
    FM_CHECK(m->at[ENTRIES] <= THETA_MAX, "%zu parameters", m->at[ENTRIES]);
    net_draw(m, 1);
    return m;
}

static void net_leaves(ad_tape *t, const net *m, const real *vector, ad_var *w) {
    for (int i = 0; i < ENTRIES; i++)
        w[i] = ad_leaf(t, i % 2 == 0 ? m->width[i / 2] : 1, m->width[i / 2 + 1], vector + m->at[i], "w");
}

/* A squared error, or the mean negative log-probability of a column. */
static ad_var net_loss(ad_tape *t, const net *m, const ad_var *w) {
    ad_var h = ad_leaf(t, m->rows, IN, m->x, "x");
    for (int l = 0; l < LAYERS; l++)
        h = ad_affine(h, w[2 * l], w[2 * l + 1], l + 1 < LAYERS ? m->act : AD_IDENTITY);
    if (m->softmax)
        return ad_neg(ad_mean(ad_gather(ad_log_softmax(h), ad_leaf(t, m->rows, 1, m->column, "column"))));
    return ad_mean(ad_square(ad_sub(h, ad_leaf(t, m->rows, 1, m->target, "target"))));
}

static void expect_vectors(const char *what, size_t rows, const real *a, const real *b, size_t n,
                           double allowed) {
    double worst = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= worst)) worst = d;
        size = fmax(size, fabs((double)b[i]));
    }
    EXPECT_MSG(worst <= allowed * (size + 1e-3), "%s, %zu rows: off by %g of %g", what, rows, worst, size);
}

/* ---- replay equals a fresh tape ---- */

static void fresh_gradient(const net *m, real *loss, real *gradient) {
    ad_tape *t = ad_tape_new();
    ad_var w[ENTRIES], g[ENTRIES];
    net_leaves(t, m, m->theta, w);
    ad_var l = net_loss(t, m, w);
    ad_grad(l, w, ENTRIES, g);
    *loss = ad_scalar(l);
    for (int i = 0; i < ENTRIES; i++)
        memcpy(gradient + m->at[i], ad_value(g[i]), (m->at[i + 1] - m->at[i]) * sizeof(real));
    ad_tape_free(t);
}

/* Also: the caller clips what he was given between replays, and a replay takes nothing from the system. */
static void check_gradient(net *m) {
    size_t n = m->at[ENTRIES];
    real loss = 0, wanted_loss, *gradient = calloc(2 * n, sizeof(real)), *wanted = gradient + n;
    ad_tape *t = ad_tape_new();
    ad_var w[ENTRIES], g[ENTRIES];
    ad_output out[ENTRIES + 1];
    net_leaves(t, m, m->theta, w);
    ad_var l = net_loss(t, m, w);
    ad_grad(l, w, ENTRIES, g);
    for (int i = 0; i < ENTRIES; i++) out[i] = (ad_output){g[i], gradient + m->at[i]};
    out[ENTRIES] = (ad_output){l, &loss};
    ad_plan *plan = ad_plan_make(NULL, 0, out, ENTRIES + 1);
    uint32_t nodes = ad_count(t);
    for (uint64_t round = 1; round <= 3; round++) {
        if (round > 1) net_draw(m, round);
        size_t calls = fm_arena_system_calls(), used = t->arena.used;
        ad_replay(plan);
        EXPECT_EQ(fm_arena_system_calls(), calls);
        EXPECT_EQ(t->arena.used, used);
        EXPECT_EQ(ad_count(t), nodes);
        fresh_gradient(m, &wanted_loss, wanted);
        EXPECT_NEAR(loss, wanted_loss, tolerance() * (1 + fabs((double)wanted_loss)));
        expect_vectors("gradient", m->rows, gradient, wanted, n, tolerance() * 10);
        for (size_t i = 0; i < n; i++) gradient[i] = (real)NAN;
    }
    ad_tape_free(t);
    free(gradient);
}

TEST(plan_gradient_equals_a_fresh_one_for_any_batch) {
    static const size_t rows[] = {1, 5, 64, 100, 257, 1000, 4000};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int kind = 0; kind < 4; kind++) {
            net *m = net_new(rows[i], kind % 2 ? 64 : 20, kind < 2 ? AD_TANH : AD_RELU,
                             kind == 1 || kind == 2);
            check_gradient(m);
            free(m);
        }
}

/* One block: the same kernels on the same shapes, so the same bits. */
TEST(plan_of_one_block_gives_the_same_bits) {
    net *m = net_new(48, 20, AD_TANH, true);
    real loss[2], *wanted = calloc(m->at[ENTRIES], sizeof(real));
    ad_tape *t = ad_tape_new();
    ad_var w[ENTRIES];
    net_leaves(t, m, m->theta, w);
    ad_output out = {net_loss(t, m, w), &loss[0]};
    ad_plan *plan = ad_plan_make(w, ENTRIES, &out, 1);
    for (uint64_t round = 2; round < 5; round++) {
        net_draw(m, round);
        ad_replay(plan);
        fresh_gradient(m, &loss[1], wanted);
        EXPECT(memcmp(&loss[0], &loss[1], sizeof *loss) == 0);
    }
    ad_tape_free(t);
    free(wanted);
    free(m);
}

/* Two replays of the same numbers give the same bits, whatever was computed in between. */
TEST(plan_replays_are_reproducible) {
    net *m = net_new(1000, 64, AD_TANH, false);
    real *gradient = calloc(2 * m->at[1], sizeof(real));
    ad_tape *t = ad_tape_new();
    ad_var w[ENTRIES], g;
    net_leaves(t, m, m->theta, w);
    ad_grad(net_loss(t, m, w), w, 1, &g);
    ad_output out = {g, gradient};
    ad_plan *plan = ad_plan_make(NULL, 0, &out, 1);
    ad_replay(plan);
    memcpy(gradient + m->at[1], gradient, m->at[1] * sizeof(real));
    net_draw(m, 2);
    ad_replay(plan);
    EXPECT(memcmp(gradient + m->at[1], gradient, m->at[1] * sizeof(real)) != 0);
    net_draw(m, 1);
    ad_replay(plan);
    EXPECT(memcmp(gradient + m->at[1], gradient, m->at[1] * sizeof(real)) == 0);
    ad_tape_free(t);
    free(gradient);
    free(m);
}

/* The number of threads changes no bit: of sums over blocks of rows, and of products large enough to be
 * shared out. Many short jobs on more and fewer threads also try the pool itself. */
TEST(plan_threads_change_no_bit) {
    static const size_t rows[] = {4000, 1000, 100, 20}, hidden[] = {64, 20, 256, 256};
    for (int i = 0; i < 4; i++) {
        net *m = net_new(rows[i], hidden[i], AD_TANH, false);
        size_t n = m->at[ENTRIES];
        real *v = calloc(3 * n, sizeof(real)), *hv = v + n, *wanted = hv + n;
        for (size_t k = 0; k < n; k++) v[k] = m->theta[(k * 31 + 7) % n];
        ad_tape *t = ad_tape_new();
        ad_var w[ENTRIES];
        net_leaves(t, m, m->theta, w);
        ad_product *h = ad_hessian(net_loss(t, m, w), w, ENTRIES, v, hv);
        for (int round = 0; round < 20; round++) {
            static const int threads[] = {1, 2, 4, 3, 1, 5};
            ad_set_threads(threads[round % 6]);
            memset(hv, 0, n * sizeof *hv);
            ad_linearise(h);
            ad_apply(h);
            if (round == 0) memcpy(wanted, hv, n * sizeof *hv);
            EXPECT_MSG(memcmp(wanted, hv, n * sizeof *hv) == 0, "%zu rows, %zu units, %d threads", rows[i],
                       hidden[i], threads[round % 6]);
        }
        ad_set_threads(1);
        ad_tape_free(t);
        free(v);
        free(m);
    }
}

/* ---- patterns that plans treat in special ways ---- */

/* Builds a pattern over leaves a [rows, cols], b [rows, cols], w [cols, cols]. */
typedef ad_var pattern(ad_var a, ad_var b, ad_var w);

static ad_var square_weights(ad_var a, ad_var b, ad_var w) {
    (void)b; /* w has as many rows as the batch, is computed row for row, and is needed whole */
    ad_var turned_by_one = ad_slice_rows(ad_concat_rows(w, w), 1, ad_rows(w));
    return ad_matmul(ad_tanh(a), ad_tanh(turned_by_one));
}
static ad_var weights_row_for_row(ad_var a, ad_var b, ad_var w) {
    return ad_add(ad_matmul(ad_tanh(a), ad_tanh(w)), b);
}
static ad_var product_in_place(ad_var a, ad_var b, ad_var w) {
    return ad_add(ad_matmul(ad_tanh(ad_matmul(ad_tanh(a), w)), w), ad_square(b));
}
static ad_var sum_before_mask(ad_var a, ad_var b, ad_var w) {
    ad_var y = ad_tanh(ad_matmul(b, w));
    ad_var first = ad_matmul(a, w), between = ad_matmul_t(a, false, w, true);
    ad_var last = ad_matmul_t(b, false, w, true);
    return ad_add(ad_act_grad(ad_add(first, last), y, AD_TANH), between);
}
static ad_var mask_twice(ad_var a, ad_var b, ad_var w) {
    ad_var y = ad_tanh(ad_matmul(b, w)), z = ad_tanh(b);
    return ad_act_grad(ad_act_grad(ad_matmul(a, w), y, AD_TANH), z, AD_TANH);
}
static ad_var mask_made_later(ad_var a, ad_var b, ad_var w) {
    ad_var p = ad_matmul(a, w);
    return ad_act_grad(p, ad_relu(ad_matmul(b, w)), AD_RELU);
}
static ad_var mask_of_itself(ad_var a, ad_var b, ad_var w) {
    ad_var p = ad_matmul(a, w);
    return ad_sub(ad_act_grad(p, p, AD_TANH), b);
}
static ad_var sum_of_itself(ad_var a, ad_var b, ad_var w) {
    ad_var p = ad_matmul(a, w);
    return ad_mul(ad_add(p, p), b);
}
static ad_var product_read_twice(ad_var a, ad_var b, ad_var w) {
    ad_var p = ad_matmul(a, w), q = ad_matmul(b, w);
    return ad_mul(ad_add(p, q), q);
}
static ad_var row_sums_and_back(ad_var a, ad_var b, ad_var w) {
    ad_var both = ad_add(ad_matmul_t(a, true, b, false), ad_matmul_t(b, true, a, false));
    ad_var centred = ad_sub(a, ad_mean_rows(a));
    return ad_add(ad_matmul(centred, ad_tanh(ad_scale(both, 0.01))), ad_matmul(b, w));
}
static ad_var normalised_twice(ad_var a, ad_var b, ad_var w) {
    for (int i = 0; i < 3; i++) a = ad_add(ad_div(a, ad_shift(ad_mean(ad_square(a)), 1)), ad_softmax(b));
    return ad_matmul(a, w);
}
static ad_var turned(ad_var a, ad_var b, ad_var w) {
    ad_var c = ad_transpose(ad_tanh(a));
    ad_var d = ad_reshape(c, ad_rows(a), ad_cols(a));
    return ad_matmul(ad_tanh(ad_mul(d, b)), w);
}

static ad_var table_of_rows(ad_var a, ad_var b, ad_var w) {
    ad_var index = ad_row_argmax(a), sums = ad_put_rows(ad_tanh(b), index, ad_cols(a));
    ad_var table = ad_tanh(ad_add(ad_scale(sums, 0.01), w));
    return ad_mul(ad_take_rows(table, index), ad_matmul(a, w));
}
static ad_var attention(ad_var a, ad_var b, ad_var w) {
    size_t blocks = ad_rows(a) % 4 == 0 ? 4 : ad_rows(a);
    ad_var weight = ad_softmax(ad_matmul_blocks(ad_tanh(a), b, blocks, true));
    return ad_matmul_blocks(weight, ad_matmul(b, w), blocks, false);
}
static ad_var chosen(ad_var a, ad_var b, ad_var w) {
    ad_var legal = ad_greater(b, ad_zeros(b.tape, 1, 1)), p = ad_matmul(a, w);
    ad_var most = ad_logsumexp(ad_where(legal, p, ad_fill(b.tape, 1, 1, -30)));
    return ad_where(legal, ad_sub(p, most), ad_broadcast(ad_row_max(b), ad_rows(b), ad_cols(b)));
}

static const struct { const char *name; pattern *build; } PATTERNS[] = {
    {"square_weights", square_weights},       {"weights_row_for_row", weights_row_for_row},
    {"product_in_place", product_in_place},   {"sum_before_mask", sum_before_mask},
    {"mask_twice", mask_twice},               {"mask_made_later", mask_made_later},
    {"mask_of_itself", mask_of_itself},       {"sum_of_itself", sum_of_itself},
    {"product_read_twice", product_read_twice}, {"row_sums_and_back", row_sums_and_back},
    {"normalised_twice", normalised_twice},   {"turned", turned},
    {"table_of_rows", table_of_rows},         {"attention", attention},
    {"chosen", chosen},
};

static void check_pattern(const char *name, pattern *build, size_t rows, size_t cols) {
    size_t batch = rows * cols, small = cols * cols, total = 2 * batch + small;
    real *data = malloc((total + 2 * batch) * sizeof(real)), *value = data + total, *wanted = value + batch;
    fm_rng rng = fm_rng_split(rows, FM_RNG_TEST, cols, 0);
    fm_rng_fill_uniform(&rng, data, total, -0.6, 0.6);
    for (int masked = 0; masked < 2; masked++) { /* the result as an output, and read once more */
        ad_tape *t[2];
        ad_plan *plan = NULL;
        for (int fresh = 0; fresh < 2; fresh++) {
            if (fresh) {
                fm_rng_fill_uniform(&rng, data, total, -0.6, 0.6);
                ad_replay(plan);
            }
            t[fresh] = ad_tape_new();
            ad_var a = ad_leaf(t[fresh], rows, cols, data, "a");
            ad_var b = ad_leaf(t[fresh], rows, cols, data + batch, "b");
            ad_var w = ad_leaf(t[fresh], cols, cols, data + 2 * batch, "w"), y = build(a, b, w);
            if (masked) y = ad_tanh(ad_add(y, ad_scale(y, 0.5)));
            ad_output out = {y, value};
            if (fresh)
                memcpy(wanted, ad_value(y), batch * sizeof(real));
            else
                plan = ad_plan_make(NULL, 0, &out, 1);
        }
        expect_vectors(name, rows, value, wanted, batch, tolerance());
        ad_tape_free(t[0]);
        ad_tape_free(t[1]);
    }
    free(data);
}

TEST(plan_special_patterns) {
    static const size_t shapes[][2] = {{5, 3}, {100, 64}, {500, 64}, {1500, 20}, {64, 64}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t i = 0; i < sizeof PATTERNS / sizeof *PATTERNS; i++)
            check_pattern(PATTERNS[i].name, PATTERNS[i].build, shapes[s][0], shapes[s][1]);
    check_pattern("table_of_rows", table_of_rows, 4000, 64); /* lanes of several blocks */
    /* a matrix with as many rows as the batch has */
    check_pattern("square_weights", square_weights, 450, 450);
    check_pattern("weights_row_for_row", weights_row_for_row, 450, 450);
}

/* ---- outputs ---- */

TEST(plan_outputs_of_every_kind) {
    real x[3] = {1, 2, 3}, twice[2][3], leaf[3], constant[3], zero[3];
    ad_tape *t = ad_tape_new();
    ad_var a = ad_leaf(t, 3, 1, x, "a"), y = ad_square(a), z = ad_exp(y);
    ad_output out[] = {{y, twice[0]}, {y, NULL}, {y, twice[1]}, {a, leaf}, {ad_fill(t, 3, 1, 7), constant},
                       {ad_zeros(t, 3, 1), zero}, {z, NULL}, {a, NULL}};
    ad_plan *plan = ad_plan_make(NULL, 0, out, sizeof out / sizeof *out);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++) twice[0][i] = twice[1][i] = leaf[i] = constant[i] = zero[i] = -1;
        x[1] = (real)(1.5 + round);
        ad_replay(plan);
        for (int i = 0; i < 3; i++) {
            real wanted = x[i] * x[i];
            EXPECT_NEAR(twice[0][i], wanted, 0);
            EXPECT_NEAR(twice[1][i], wanted, 0);
            EXPECT_NEAR(ad_value(y)[i], wanted, 0);
            EXPECT_NEAR(ad_value(z)[i], exp((double)wanted), tolerance() * exp((double)wanted));
            EXPECT_NEAR(leaf[i], x[i], 0);
            EXPECT_NEAR(constant[i], 7, 0);
            EXPECT_NEAR(zero[i], 0, 0);
        }
    }
    ad_tape_free(t);
}

/* exp is its own derivative: the gradient of one plan is a number that another plan uses. What the caller
 * does to the gradient he was given is his business alone. */
TEST(plan_output_memory_belongs_to_the_caller) {
    real w[2] = {0, (real)0.5}, v[2] = {1, 2}, gradient[2], hv[2];
    ad_tape *t = ad_tape_new();
    ad_var x = ad_leaf(t, 1, 2, w, "w"), loss = ad_sum(ad_exp(x)), g;
    ad_grad(loss, &x, 1, &g);
    ad_output out = {g, gradient};
    ad_plan *plan = ad_plan_make(NULL, 0, &out, 1);
    ad_product *h = ad_hessian(loss, &x, 1, v, hv);
    w[0] = 1;
    ad_replay(plan);
    gradient[0] = gradient[1] = (real)0.01;
    ad_linearise(h);
    gradient[1] = (real)0.01;
    ad_apply(h);
    for (int i = 0; i < 2; i++) EXPECT_NEAR(hv[i], exp((double)w[i]) * (double)v[i], 1e-5);
    EXPECT_NEAR(gradient[0], 0.01, 1e-7);
    ad_tape_free(t);
}

TEST(plan_of_some_leaves_keeps_the_rest) {
    real x = 2, y = 3;
    ad_tape *t = ad_tape_new();
    ad_var a = ad_leaf(t, 1, 1, &x, "a"), b = ad_leaf(t, 1, 1, &y, "b");
    ad_var kept = ad_exp(b), sum = ad_add(ad_square(a), kept);
    ad_output out = {sum, NULL};
    ad_plan *plan = ad_plan_make(&a, 1, &out, 1);
    EXPECT_EQ(ad_plan_count(plan), 2);
    x = 4;
    y = 100;
    ad_replay(plan);
    EXPECT_NEAR(ad_scalar(sum), 16 + exp(3.0), 1e-5);
    ad_tape_free(t);
}

/* Two minds about the same tape, and a plan that ends with a reset while the other goes on. */
TEST(plan_several_on_one_tape) {
    real x[4] = {1, 2, 3, 4}, first[4], second[4];
    ad_tape *t = ad_tape_new();
    ad_var a = ad_leaf(t, 4, 1, x, "a"), y = ad_square(a), z = ad_add(y, ad_exp(y));
    ad_output one = {z, first};
    ad_plan *p = ad_plan_make(NULL, 0, &one, 1);
    ad_mark mark = ad_mark_now(t);
    ad_output two = {y, second};
    ad_plan *q = ad_plan_make(NULL, 0, &two, 1);
    x[0] = (real)0.5;
    ad_replay(q);
    EXPECT_NEAR(second[0], 0.25, 1e-7);
    ad_replay(p);
    EXPECT_NEAR(first[0], 0.25 + exp(0.25), 1e-6);
    ad_reset(t, mark);
    x[0] = 1;
    ad_replay(p);
    EXPECT_NEAR(first[0], 1 + exp(1.0), 1e-6);
    EXPECT_NEAR(second[0], 0.25, 1e-7);
    ad_tape_free(t);
}

TEST(plan_of_nothing) {
    real x = 1;
    ad_tape *t = ad_tape_new();
    ad_output out = {ad_leaf(t, 1, 1, &x, "a"), NULL};
    ad_plan *plan = ad_plan_make(NULL, 0, &out, 1);
    ad_replay(plan);
    EXPECT_EQ(ad_plan_count(plan), 0);
    ad_tape_free(t);
}

static void plan_without_outputs(void) { ad_plan_make(NULL, 0, NULL, 0); }

TEST(plan_without_outputs_aborts) { EXPECT_ABORTS(plan_without_outputs, "a plan without outputs"); }

/* ---- products ---- */

enum { TINY = 6 * 4 + 4 + 4 + 1 };
typedef struct tiny { real theta[TINY + 3], x[9 * 6]; } tiny;

static void tiny_leaves(ad_tape *t, const tiny *m, const real *vector, ad_var *w) {
    (void)m; /* a gap of three reals behind the first matrix, as a layout with aligned entries has */
    w[0] = ad_leaf(t, 6, 4, vector, "w0");
    w[1] = ad_leaf(t, 1, 4, vector + 27, "b0");
    w[2] = ad_leaf(t, 4, 1, vector + 31, "w1");
    w[3] = ad_leaf(t, 1, 1, vector + 35, "b1");
}

static ad_var tiny_loss(ad_tape *t, const tiny *m, const ad_var *w) {
    ad_var h = ad_affine(ad_leaf(t, 9, 6, m->x, "x"), w[0], w[1], AD_TANH);
    return ad_mean(ad_exp(ad_affine(h, w[2], w[3], AD_TANH)));
}

static void tiny_gradient(const tiny *m, real *gradient) {
    static const size_t at[] = {0, 27, 31, 35}, size[] = {24, 4, 4, 1};
    ad_tape *t = ad_tape_new();
    ad_var w[4], g[4];
    tiny_leaves(t, m, m->theta, w);
    ad_grad(tiny_loss(t, m, w), w, 4, g);
    memset(gradient, 0, (TINY + 3) * sizeof *gradient);
    for (int i = 0; i < 4; i++) memcpy(gradient + at[i], ad_value(g[i]), size[i] * sizeof(real));
    ad_tape_free(t);
}

static void tiny_draw(tiny *m, uint64_t seed) {
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 0, 0);
    fm_rng_fill_uniform(&rng, m->theta, TINY + 3, -0.7, 0.7);
    fm_rng_fill_uniform(&rng, m->x, 9 * 6, -1, 1);
}

/* Column j of the Hessian by differences. */
static void tiny_column(tiny *m, size_t j, double *column) {
    double step = DOUBLE ? 1e-5 : 1e-2;
    real up[TINY + 3], down[TINY + 3], was = m->theta[j];
    m->theta[j] = (real)((double)was + step);
    tiny_gradient(m, up);
    m->theta[j] = (real)((double)was - step);
    tiny_gradient(m, down);
    m->theta[j] = was;
    for (size_t i = 0; i < TINY + 3; i++) column[i] = ((double)up[i] - (double)down[i]) / (2 * step);
}

TEST(product_hessian_equals_differences_and_follows_its_leaves) {
    tiny m;
    real v[TINY + 3], hv[TINY + 3];
    double column[TINY + 3];
    tiny_draw(&m, 1);
    ad_tape *t = ad_tape_new();
    ad_var w[4];
    tiny_leaves(t, &m, m.theta, w);
    memset(v, 0, sizeof v);
    ad_product *h = ad_hessian(tiny_loss(t, &m, w), w, 4, v, hv);
    for (uint64_t round = 1; round < 4; round++) {
        tiny_draw(&m, round);
        if (round > 1) ad_linearise(h);
        for (size_t j = 0; j < TINY + 3; j++) {
            memset(v, 0, sizeof v);
            v[j] = 1;
            ad_apply(h);
            tiny_column(&m, j, column);
            for (size_t i = 0; i < TINY + 3; i++) EXPECT_NEAR(hv[i], column[i], DOUBLE ? 1e-8 : 2e-3);
        }
    }
    ad_tape_free(t);
}

/* f(x, z) = sum over i, j of x_i^2 z_j^3: d/dz <df/dx, v> = 6 z_j^2 <x, v>. */
TEST(product_mixed_equals_the_formula) {
    real x[2] = {1, 2}, z[3] = {1, -1, (real)0.5}, v[2] = {3, (real)-0.5}, out[3];
    ad_tape *t = ad_tape_new();
    ad_var a = ad_leaf(t, 1, 2, x, "x"), b = ad_leaf(t, 1, 3, z, "z");
    ad_var cube = ad_mul(ad_square(b), b);
    ad_var f = ad_mul(ad_sum(ad_square(a)), ad_sum(cube));
    ad_product *p = ad_mixed(f, &a, 1, &b, 1, v, out);
    for (int round = 0; round < 2; round++) {
        x[0] = (real)(1 + round);
        z[2] = (real)(2 - round);
        ad_linearise(p);
        ad_apply(p);
        double xv = (double)x[0] * 3 - (double)x[1] * 0.5;
        for (int j = 0; j < 3; j++) EXPECT_NEAR(out[j], 6 * (double)z[j] * (double)z[j] * xv, 1e-5);
    }
    ad_tape_free(t);
}

/* A product that is zero everywhere or in parts gives zeros, at every application. */
TEST(product_of_a_linear_loss_is_zero) {
    real w[3] = {1, 2, 3}, v[3] = {1, 1, 1}, hv[3] = {9, 9, 9};
    ad_tape *t = ad_tape_new();
    ad_var x[2] = {ad_leaf(t, 1, 2, w, "a"), ad_leaf(t, 1, 1, w + 2, "b")};
    ad_var loss = ad_add(ad_sum(x[0]), ad_square(x[1]));
    ad_product *h = ad_hessian(loss, x, 2, v, hv);
    hv[0] = hv[1] = 5;
    ad_apply(h);
    EXPECT_NEAR(hv[0], 0, 0);
    EXPECT_NEAR(hv[1], 0, 0);
    EXPECT_NEAR(hv[2], 2, 0);
    ad_tape_free(t);
}

/* The vectors of the product are used as they are; others are copied, also longer ones with a gap at the
 * end. */
TEST(product_as_a_matrix) {
    real w[2] = {1, 2}, v[4] = {1, 0, 0, 0}, hv[4] = {9, 9, 9, 9};
    real other[4] = {0, 1, 8, 8}, result[4] = {9, 9, 9, 9};
    ad_tape *t = ad_tape_new();
    ad_var x = ad_leaf(t, 1, 2, w, "w");
    ad_product *h = ad_hessian(ad_square(ad_sum(ad_square(x))), &x, 1, v, hv);
    ad_apply_matvec(h, 4, v, hv);
    EXPECT_NEAR(hv[0], 28, 1e-4);
    EXPECT_NEAR(hv[1], 16, 1e-4);
    EXPECT(hv[2] == 0 && hv[3] == 0);
    ad_apply_matvec(h, 4, other, result);
    EXPECT_NEAR(result[0], 16, 1e-4);
    EXPECT_NEAR(result[1], 52, 1e-4);
    EXPECT(result[2] == 0 && result[3] == 0);
    ad_tape_free(t);
}

static void product_over_a_node(void) {
    real w[2] = {1, 2}, v[2], hv[2];
    ad_tape *t = ad_tape_new();
    ad_var x = ad_square(ad_leaf(t, 1, 2, w, "w"));
    ad_hessian(ad_sum(ad_square(x)), &x, 1, v, hv);
}

TEST(product_over_what_is_no_leaf_aborts) {
    EXPECT_ABORTS(product_over_a_node, "not leaves over one vector");
}

TEST_MAIN(CASE(plan_gradient_equals_a_fresh_one_for_any_batch), CASE(plan_of_one_block_gives_the_same_bits),
          CASE(plan_replays_are_reproducible), CASE(plan_threads_change_no_bit), CASE(plan_special_patterns),
          CASE(plan_outputs_of_every_kind), CASE(plan_output_memory_belongs_to_the_caller),
          CASE(plan_of_some_leaves_keeps_the_rest), CASE(plan_several_on_one_tape), CASE(plan_of_nothing),
          CASE(plan_without_outputs_aborts), CASE(product_hessian_equals_differences_and_follows_its_leaves),
          CASE(product_mixed_equals_the_formula), CASE(product_of_a_linear_loss_is_zero),
          CASE(product_as_a_matrix), CASE(product_over_what_is_no_leaf_aborts))
