/* test_params.c: the layout of the flat vector, what the initialisers draw, copies, gradients on a tape. */
#include "nn/params.h"

#include "tests/test.h"

static fm_arena arena;

TEST(params_layout) {
    nn_params p = {0};
    fm_keep_list keep = {0};
    EXPECT_EQ(nn_params_declare(&p, "a", 3, 5, NN_INIT_CONSTANT, 2, 3), 0);
    EXPECT_EQ(nn_params_declare(&p, "b", 1, 1, NN_INIT_CONSTANT, -1, 1), 1);
    EXPECT_EQ(nn_params_declare(&p, "c", 4, 8, NN_INIT_CONSTANT, 0.5, 4), 2);
    nn_params_make(&p, &arena, &keep, "agent.0");
    EXPECT_EQ(nn_params_count(&p), 15 + 1 + 32);
    EXPECT_EQ(p.entries[0].at, 0);
    EXPECT_EQ(p.entries[1].at, 16);
    EXPECT_EQ(p.entries[2].at, 32);
    EXPECT_EQ(p.n, 64);
    for (size_t i = 0; i < p.n; i++) EXPECT(p.theta[i] == 0);
    fm_rng rng = fm_rng_split(0, FM_RNG_INIT, 0, 0);
    nn_params_init(&p, &rng);
    for (size_t i = 0; i < p.n; i++) {
        double wanted = i < 15 ? 2 : i == 16 ? -1 : i >= 32 ? 0.5 : 0;
        EXPECT_EQ((double)p.theta[i] == wanted, true);
    }
    const fm_kept *item = fm_keep_find(&keep, "agent.0.c");
    EXPECT(item && item->data == p.theta + 32 && item->rows == 4 && item->cols == 8 && item->parameter);
    real *target = nn_params_copy(&p, &arena, &keep, "agent.0.target");
    item = fm_keep_find(&keep, "agent.0.target.a");
    EXPECT(item && item->data == target && item->rows == 3 && item->cols == 5 && !item->parameter);
    EXPECT(memcmp(target, p.theta, p.n * sizeof(real)) == 0 && target != p.theta);
    fm_keep_free(&keep);
    nn_params_free(&p);
    EXPECT(p.entries == NULL && p.n == 0);
}

/* One entry of [rows, cols], drawn from a fixed stream. */
static const real *drawn(nn_params *p, size_t rows, size_t cols, nn_init init, double gain, uint64_t seed) {
    *p = (nn_params){0};
    nn_params_declare(p, "w", rows, cols, init, gain, rows);
    nn_params_make(p, &arena, NULL, NULL);
    fm_rng rng = fm_rng_split(seed, FM_RNG_INIT, 0, 0);
    nn_params_init(p, &rng);
    return p->theta;
}

typedef struct moments { double mean, deviation, low, high; } moments;
static moments moments_of(const real *x, size_t n) {
    moments m = {.low = (double)x[0], .high = (double)x[0]};
    for (size_t i = 0; i < n; i++) {
        m.mean += (double)x[i] / (double)n;
        m.low = fmin(m.low, (double)x[i]);
        m.high = fmax(m.high, (double)x[i]);
    }
    for (size_t i = 0; i < n; i++) m.deviation += pow((double)x[i] - m.mean, 2) / (double)n;
    m.deviation = sqrt(m.deviation);
    return m;
}

/* 30000 draws: a standard error of 0.6 % of the deviation for the mean, 0.4 % for a normal's deviation. */
TEST(params_initialisers_have_their_moments) {
    const struct { nn_init init; double gain, deviation, bound; } cases[] = {
        {NN_INIT_GLOROT, 1, sqrt(2.0 / 400), sqrt(6.0 / 400)},
        {NN_INIT_GLOROT, 3, 3 * sqrt(2.0 / 400), 3 * sqrt(6.0 / 400)},
        {NN_INIT_HE, 1, sqrt(2.0 / 100), INFINITY},
        {NN_INIT_HE, 0.5, 0.5 * sqrt(2.0 / 100), INFINITY},
        {NN_INIT_FAN_IN, 1, 0.1 / sqrt(3.0), 0.1},
        {NN_INIT_FAN_IN, 2, 0.2 / sqrt(3.0), 0.2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nn_params p;
        moments m = moments_of(drawn(&p, 100, 300, cases[i].init, cases[i].gain, i), 30000);
        EXPECT_NEAR(m.mean / cases[i].deviation, 0, 0.025);
        EXPECT_NEAR(m.deviation / cases[i].deviation, 1, 0.02);
        EXPECT(m.low >= -cases[i].bound * (1 + 1e-6) && m.high <= cases[i].bound * (1 + 1e-6));
        if (isfinite(cases[i].bound))
            EXPECT(m.high > 0.99 * cases[i].bound && m.low < -0.99 * cases[i].bound);
        nn_params_free(&p);
    }
}

TEST(params_orthogonal_for_every_shape) {
    const size_t shapes[][2] = {{1, 1}, {1, 7}, {7, 1}, {5, 5}, {64, 64}, {64, 10}, {10, 64}, {130, 33}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        nn_params p;
        size_t rows = shapes[s][0], cols = shapes[s][1], n = rows < cols ? rows : cols;
        const real *w = drawn(&p, rows, cols, NN_INIT_ORTHOGONAL, 2, s);
        double worst = 0;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                double sum = 0;
                for (size_t k = 0; k < rows + cols - n; k++)
                    sum += (double)(rows < cols ? w[i * cols + k] : w[k * cols + i]) *
                           (double)(rows < cols ? w[j * cols + k] : w[k * cols + j]);
                worst = fmax(worst, fabs(sum - (i == j ? 4 : 0)));
            }
        EXPECT_NEAR(worst, 0, sizeof(real) == 8 ? 1e-14 : 1e-6);
        nn_params_free(&p);
    }
}

/* Uniform over the orthogonal matrices: every entry has mean 0 and variance 1 / n, the trace variance 1, and
 * the square mean trace 1; with other signs in the factorisation these would differ. 4000 draws. */
TEST(params_orthogonal_is_uniform) {
    double entry = 0, entry_square = 0, last = 0, trace = 0, trace_square = 0, trace_of_square = 0;
    const int draws = 4000;
    for (int d = 0; d < draws; d++) {
        nn_params p;
        fm_mark mark = fm_arena_mark(&arena);
        const real *w = drawn(&p, 3, 3, NN_INIT_ORTHOGONAL, 1, (uint64_t)d);
        double tr = (double)(w[0] + w[4] + w[8]);
        entry += (double)w[0] / draws;
        last += (double)w[8] / draws;
        entry_square += (double)(w[0] * w[0]) / draws;
        trace += tr / draws;
        trace_square += tr * tr / draws;
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) trace_of_square += (double)(w[3 * i + j] * w[3 * j + i]) / draws;
        nn_params_free(&p);
        fm_arena_reset(&arena, mark);
    }
    EXPECT_NEAR(entry, 0, 0.04);
    EXPECT_NEAR(last, 0, 0.04);
    EXPECT_NEAR(entry_square, 1.0 / 3, 0.02);
    EXPECT_NEAR(trace, 0, 0.07);
    EXPECT_NEAR(trace_square, 1, 0.08);
    EXPECT_NEAR(trace_of_square, 1, 0.1);
}

TEST(params_same_stream_same_numbers) {
    nn_params a, b, c;
    const real *x = drawn(&a, 9, 20, NN_INIT_ORTHOGONAL, 1, 5);
    const real *y = drawn(&b, 9, 20, NN_INIT_ORTHOGONAL, 1, 5);
    const real *z = drawn(&c, 9, 20, NN_INIT_ORTHOGONAL, 1, 6);
    EXPECT(memcmp(x, y, 180 * sizeof(real)) == 0);
    EXPECT(memcmp(x, z, 180 * sizeof(real)) != 0);
    nn_params_free(&a);
    nn_params_free(&b);
    nn_params_free(&c);
}

TEST(params_copies) {
    real theta[40], target[40];
    for (int i = 0; i < 40; i++) theta[i] = (real)i, target[i] = (real)(-i);
    nn_polyak(target, theta, 40, 0.25);
    for (int i = 0; i < 40; i++) EXPECT_NEAR(target[i], -0.5 * i, 1e-5);
    nn_polyak(target, theta, 40, 0);
    EXPECT_NEAR(target[10], -5, 1e-5);
    nn_polyak(target, theta, 40, 1);
    for (int i = 0; i < 40; i++) EXPECT(target[i] == theta[i]);
    theta[3] = 99;
    nn_copy(target, theta, 40);
    EXPECT(memcmp(target, theta, sizeof theta) == 0);
}

/* loss = sum a * a * s: the gradient lands at the entries, the gaps stay zero; leaves follow any vector. */
TEST(params_gradient_on_a_tape) {
    nn_params p = {0};
    nn_params_declare(&p, "a", 3, 6, NN_INIT_GLOROT, 1, 3);
    nn_params_declare(&p, "s", 1, 1, NN_INIT_CONSTANT, 2, 1);
    nn_params_make(&p, &arena, NULL, NULL);
    fm_rng rng = fm_rng_split(0, FM_RNG_INIT, 0, 0);
    nn_params_init(&p, &rng);
    ad_tape *t = ad_tape_new();
    nn_leaves leaves = nn_params_leaves(t, &p, p.theta, &arena);
    EXPECT_EQ(leaves.count, 2);
    ad_var a = leaves.leaf[0], loss = ad_sum(ad_mul(ad_square(a), leaves.leaf[1]));
    real *gradient = fm_arena_array(&arena, real, p.n);
    ad_output out[2];
    nn_gradient_outputs(&p, &leaves, loss, gradient, out);
    ad_plan *plan = ad_plan_make(NULL, 0, out, 2);
    for (int round = 0; round < 2; round++) {
        p.theta[4] = (real)(7 + round);
        p.theta[32] = (real)(2 + round);
        ad_replay(plan);
        double squares = 0;
        for (int i = 0; i < 18; i++) {
            squares += (double)(p.theta[i] * p.theta[i]);
            EXPECT_NEAR(gradient[i], 2 * (double)p.theta[i] * (2 + round), 1e-5);
        }
        EXPECT_NEAR(gradient[32], squares, 1e-4);
        EXPECT(gradient[18] == 0 && gradient[31] == 0);
        for (size_t i = 33; i < p.n; i++) EXPECT(gradient[i] == 0);
    }
    real *other = nn_params_copy(&p, &arena, NULL, NULL);
    other[32] = 10;
    nn_leaves target = nn_params_leaves(t, &p, other, &arena);
    EXPECT_NEAR(ad_scalar(target.leaf[1]), 10, 0);
    ad_tape_free(t);
    nn_params_free(&p);
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(params_layout), CASE(params_initialisers_have_their_moments),
          CASE(params_orthogonal_for_every_shape), CASE(params_orthogonal_is_uniform),
          CASE(params_same_stream_same_numbers), CASE(params_copies), CASE(params_gradient_on_a_tape))
