/* test_gaussian.c: the Gaussian and the squashed one: densities against integrals and plain formulas, draws
 * against their moments. */
#include "nn/distributions.h"

#include "tests/test.h"
#include "tests/derivatives.h"

#define DOUBLE (sizeof(real) == 8)
static const double EPS = DOUBLE ? 1e-12 : 2e-6;

/* A grid of midpoints as the rows of a batch of one number, all with the same mean and deviation: what a
 * density says of any action, for integrals by the midpoint rule. */
enum { GRID = 4000 };
typedef struct grid {
    real x[GRID], mean[GRID], log_std[1];
    double step;
    ad_tape *t;
    ad_var leaf, mean_leaf, log_std_leaf;
} grid;

static void grid_make(grid *g, double low, double high, double mean, double log_std) {
    g->step = (high - low) / GRID;
    g->t = ad_tape_new();
    g->log_std[0] = (real)log_std;
    for (int i = 0; i < GRID; i++) g->x[i] = (real)(low + (i + 0.5) * g->step), g->mean[i] = (real)mean;
    g->leaf = ad_leaf(g->t, GRID, 1, g->x, "x");
    g->mean_leaf = ad_leaf(g->t, GRID, 1, g->mean, "mean");
    g->log_std_leaf = ad_leaf(g->t, 1, 1, g->log_std, "log_std");
}

/* The integral of exp(log_p) f, f by node (AD_NONE: 1). */
static double integral(const grid *g, ad_var log_p, ad_var f) {
    double sum = 0;
    for (int i = 0; i < GRID; i++)
        sum += exp((double)ad_value(log_p)[i]) * (ad_is_none(f) ? 1 : (double)ad_value(f)[i]) * g->step;
    return sum;
}

TEST(gaussian_integrals) {
    const double tolerance = DOUBLE ? 1e-8 : 2e-5, std = 0.6;
    static grid g;
    grid_make(&g, -6, 7, 0.4, log(std));
    ad_var log_p = nn_gaussian_log_prob(g.mean_leaf, g.log_std_leaf, g.leaf);
    ad_var other = ad_shift(g.mean_leaf, 0.7), log_std = ad_shift(g.log_std_leaf, 0.3);
    ad_var log_q = nn_gaussian_log_prob(other, log_std, g.leaf);
    EXPECT_NEAR(integral(&g, log_p, AD_NONE), 1, tolerance);
    EXPECT_NEAR(integral(&g, log_p, g.leaf), 0.4, tolerance);
    EXPECT_NEAR(integral(&g, log_p, ad_square(ad_shift(g.leaf, -0.4))), std * std, tolerance);
    ad_var entropy = nn_gaussian_entropy(g.mean_leaf, g.log_std_leaf);
    ad_var kl = nn_gaussian_kl(g.mean_leaf, g.log_std_leaf, other, log_std);
    ad_var self = nn_gaussian_kl(g.mean_leaf, g.log_std_leaf, g.mean_leaf, g.log_std_leaf);
    EXPECT(ad_rows(entropy) == GRID && ad_rows(kl) == GRID && ad_cols(entropy) == 1 && ad_cols(kl) == 1);
    EXPECT_NEAR(ad_value(entropy)[3], integral(&g, log_p, ad_neg(log_p)), tolerance);
    EXPECT_NEAR(ad_value(entropy)[3], 0.5 * log(2 * acos(-1.0) * exp(1.0) * std * std), tolerance);
    EXPECT_NEAR(ad_value(kl)[3], integral(&g, log_p, ad_sub(log_p, log_q)), tolerance);
    EXPECT_NEAR(ad_value(self)[3], 0, 1e-7);
    ad_tape_free(g.t);
}

/* Over actions, by way of their u: the density of tanh(u) integrates to 1, its mean is that of tanh(u). */
TEST(gaussian_squashed_integrals) {
    const double tolerance = DOUBLE ? 1e-5 : 1e-4;
    static grid g, plain;
    grid_make(&g, -1, 1, 0.4, log(0.5));
    grid_make(&plain, -6, 7, 0.4, log(0.5));
    ad_var u = nn_unsquash(g.leaf), log_p = nn_squashed_log_prob(g.mean_leaf, g.log_std_leaf, u);
    ad_var of_u = nn_gaussian_log_prob(plain.mean_leaf, plain.log_std_leaf, plain.leaf);
    EXPECT_NEAR(integral(&g, log_p, AD_NONE), 1, tolerance);
    EXPECT_NEAR(integral(&g, log_p, g.leaf), integral(&plain, of_u, ad_tanh(plain.leaf)), tolerance);
    for (int i = 0; i < GRID; i += 50) EXPECT_NEAR(tanh((double)ad_value(u)[i]), g.x[i], 1e-6);
    ad_tape_free(g.t);
    ad_tape_free(plain.t);
}

/* Where tanh u is 1 to the last bit: log(1 - tanh^2 u) = 2 log 2 - 2 |u| to 1e-17. And actions at the
 * bounds. */
TEST(gaussian_squashed_is_stable) {
    const real mean[4] = {20, -20, 50, -50}, log_std[1] = {0}, u[4] = {20, -20, 50, -50};
    const real edge[4] = {1, -1, (real)0.5, (real)-0.5};
    ad_tape *t = ad_tape_new();
    ad_var m = ad_leaf(t, 4, 1, mean, "mean"), s = ad_leaf(t, 1, 1, log_std, "log_std");
    ad_var a = ad_leaf(t, 4, 1, u, "u"), log_p = nn_squashed_log_prob(m, s, a), g;
    for (int i = 0; i < 4; i++) {
        double wanted = -0.5 * log(2 * acos(-1.0)) - 2 * log(2.0) + 2 * fabs((double)u[i]);
        EXPECT_NEAR(ad_value(log_p)[i], wanted, DOUBLE ? 1e-12 : 1e-5);
        EXPECT_NEAR(nn_squashed_log_prob_of(&mean[i], log_std, 1, &u[i]), wanted, 1e-12);
    }
    ad_grad(ad_sum(log_p), &a, 1, &g);
    for (int i = 0; i < 4; i++) EXPECT_NEAR(ad_value(g)[i], i % 2 ? -2 : 2, 1e-6);
    ad_var e = ad_leaf(t, 4, 1, edge, "action"), back = nn_unsquash(e);
    for (int i = 0; i < 4; i++) {
        double wanted = i < 2 ? 0.5 * log(2e6 - 1) : atanh(0.5);
        EXPECT_NEAR(ad_value(back)[i], i % 2 ? -wanted : wanted, DOUBLE ? 1e-9 : i < 2 ? 0.05 : 1e-6);
    }
    ad_grad(ad_sum(back), &e, 1, &g);
    EXPECT_NEAR(ad_value(g)[0], 0, 0);
    EXPECT_NEAR(ad_value(g)[2], 1 / (1 - 0.25), 1e-5);
    ad_tape_free(t);
}

/* A deviation of e^-20 vanishes beside a mean of 1, but not from the density: -z^2/2 + 20 - log sqrt(2 pi)
 * - log(1 - tanh^2 1), with derivatives -1 by log_std and 2 tanh 1 by u. */
TEST(gaussian_squashed_draws_have_their_density) {
    const real log_std[1] = {-20}, noise[1] = {(real)1.5}, mean[1] = {1};
    ad_tape *t = ad_tape_new();
    ad_var m = ad_leaf(t, 1, 1, mean, "mean"), s = ad_leaf(t, 1, 1, log_std, "log_std"), g[2];
    ad_var n = ad_leaf(t, 1, 1, noise, "noise"), u = nn_gaussian_rsample(m, s, n);
    ad_var log_p = nn_squashed_log_prob_drawn(s, n, u);
    double wanted = -1.125 + 20 - 0.5 * log(2 * acos(-1.0)) - log(1 - tanh(1) * tanh(1));
    EXPECT_NEAR(ad_value(log_p)[0], wanted, 1e-5);
    ad_grad(log_p, AD_VARS(m, s), g);
    EXPECT_NEAR(ad_value(g[0])[0], 2 * tanh(1), 1e-6);
    EXPECT_NEAR(ad_value(g[1])[0], -1, 1e-6);
    ad_tape_free(t);
}

/* Several numbers per action, log_std by row and shared: the formula, and the functions for acting. */
TEST(gaussian_of_many) {
    enum { B = 4, A = 3 };
    real mean[B * A], action[B * A], log_std[B * A], noise[B * A];
    fm_rng rng = fm_rng_split(5, FM_RNG_TEST, 0, 0);
    fm_rng_fill_normal(&rng, mean, B * A);
    fm_rng_fill_normal(&rng, action, B * A);
    fm_rng_fill_normal(&rng, noise, B * A);
    fm_rng_fill_uniform(&rng, log_std, B * A, -1, 0.5);
    ad_tape *t = ad_tape_new();
    ad_var m = ad_leaf(t, B, A, mean, "mean"), a = ad_leaf(t, B, A, action, "action");
    ad_var n = ad_leaf(t, B, A, noise, "noise");
    for (size_t rows = 1; rows <= B; rows += B - 1) {
        ad_var s = ad_leaf(t, rows, A, log_std, "log_std");
        ad_var log_p = nn_gaussian_log_prob(m, s, a), squashed = nn_squashed_log_prob(m, s, a);
        ad_var entropy = nn_gaussian_entropy(m, s), draw = nn_gaussian_rsample(m, s, n);
        ad_var drawn = nn_squashed_log_prob_drawn(s, n, draw), of_draw = nn_squashed_log_prob(m, s, draw);
        ad_var kl = nn_gaussian_kl(m, s, a, ad_slice_rows(s, 0, 1));
        for (size_t r = 0; r < B; r++) {
            const real *own = log_std + (rows == 1 ? 0 : r * A);
            double density = 0, h = 0, d = 0, slope = 0;
            for (size_t i = 0; i < A; i++) {
                double from = (double)mean[r * A + i], to = (double)action[r * A + i];
                double std = exp((double)own[i]), first = exp((double)log_std[i]);
                density += -pow((to - from) / std, 2) / 2 - log(std * sqrt(2 * acos(-1.0)));
                slope += log(1 - pow(tanh(to), 2));
                h += 0.5 + log(std * sqrt(2 * acos(-1.0)));
                d += log(first / std) + (std * std + pow(from - to, 2)) / (2 * first * first) - 0.5;
                EXPECT_NEAR(ad_value(draw)[r * A + i], from + std * (double)noise[r * A + i], EPS);
            }
            EXPECT_NEAR(ad_value(log_p)[r], density, 10 * EPS);
            EXPECT_NEAR(ad_value(squashed)[r], density - slope, 10 * EPS);
            EXPECT_NEAR(ad_value(drawn)[r], ad_value(of_draw)[r], 10 * EPS);
            EXPECT_NEAR(ad_value(entropy)[r], h, EPS);
            EXPECT_NEAR(ad_value(kl)[r], d, 10 * EPS);
            const real *centre = mean + r * A, *u = action + r * A;
            EXPECT_NEAR(nn_gaussian_log_prob_of(centre, own, A, u), density, 1e-12);
            EXPECT_NEAR(nn_squashed_log_prob_of(centre, own, A, u), density - slope, 1e-12);
        }
    }
    ad_tape_free(t);
}

/* All of them, of both forms of log_std, in every argument. */
TEST(gaussian_derivatives) {
    enum { B = 3, A = 2 };
    for (size_t rows = 1; rows <= B; rows += B - 1)
        for (int which = 0; which < 5; which++) {
            real mean[B * A], other[B * A], log_std[B * A], wide[B * A];
            fm_rng rng = fm_rng_split((uint64_t)which, FM_RNG_TEST, 0, rows);
            fm_rng_fill_normal(&rng, mean, B * A);
            fm_rng_fill_uniform(&rng, other, B * A, -0.9, 0.9);
            fm_rng_fill_uniform(&rng, log_std, B * A, -0.5, 0.5);
            fm_rng_fill_uniform(&rng, wide, B * A, -0.5, 0.5);
            ad_tape *t = ad_tape_new();
            ad_var x[] = {ad_leaf(t, B, A, mean, "mean"), ad_leaf(t, rows, A, log_std, "log_std"),
                          ad_leaf(t, B, A, other, "other"), ad_leaf(t, B, A, wide, "wide")};
            ad_var y = which == 0   ? nn_gaussian_log_prob(x[0], x[1], x[2])
                       : which == 1 ? nn_gaussian_entropy(x[0], x[1])
                       : which == 2 ? nn_gaussian_kl(x[0], x[1], x[2], x[3])
                       : which == 3 ? nn_gaussian_rsample(x[0], x[1], x[2])
                                    : nn_squashed_log_prob(x[0], x[1], nn_unsquash(x[2]));
            ad_var loss = ad_add(ad_sum(ad_square(y)), ad_sum(ad_mul(y, ad_slice_cols(x[0], 0, 1))));
            expect_derivatives(loss, x, (real *[]){mean, log_std, other, wide}, 4, rows);
            ad_tape_free(t);
        }
}

/* 20000 draws: mean, variance and fourth moment within four standard errors. One normal per number. */
TEST(gaussian_sample) {
    enum { DRAWS = 20000 };
    const real mean[2] = {3, -1}, log_std[2] = {-2, (real)0.5};
    double moment[2][5] = {{0}};
    fm_rng rng = fm_rng_split(6, FM_RNG_TEST, 0, 0), before = rng;
    real action[2];
    for (int d = 0; d < DRAWS; d++) {
        nn_gaussian_sample(mean, log_std, 2, &rng, action);
        for (int i = 0; i < 2; i++) {
            double z = ((double)action[i] - (double)mean[i]) / exp((double)log_std[i]);
            for (int k = 1; k < 5; k++) moment[i][k] += pow(z, k) / DRAWS;
        }
    }
    for (int i = 0; i < 2; i++) {
        EXPECT_NEAR(moment[i][1], 0, 4 / sqrt(DRAWS));
        EXPECT_NEAR(moment[i][2], 1, 4 * sqrt(2.0 / DRAWS));
        EXPECT_NEAR(moment[i][4], 3, 4 * sqrt(96.0 / DRAWS));
    }
    for (int d = 0; d < 2 * DRAWS; d++) fm_rng_normal(&before);
    EXPECT(memcmp(&before, &rng, sizeof rng) == 0);
}

TEST_MAIN(CASE(gaussian_integrals), CASE(gaussian_squashed_integrals), CASE(gaussian_squashed_is_stable),
          CASE(gaussian_squashed_draws_have_their_density), CASE(gaussian_of_many),
          CASE(gaussian_derivatives), CASE(gaussian_sample))
