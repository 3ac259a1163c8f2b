/* test_distributions.c: densities against plain formulas, draws against their probabilities. */
#include "nn/distributions.h"

#include "autograd/plan.h"
#include "tests/test.h"

#define DOUBLE (sizeof(real) == 8)
static const double EPS = DOUBLE ? 1e-12 : 2e-6;

static void softmax(const real *x, int n, double *p) {
    double largest = -INFINITY, sum = 0;
    for (int i = 0; i < n; i++) largest = fmax(largest, (double)x[i]);
    for (int i = 0; i < n; i++) sum += p[i] = exp((double)x[i] - largest);
    for (int i = 0; i < n; i++) p[i] /= sum;
}

TEST(distributions_categorical_densities) {
    enum { B = 3, A = 4 };
    const real x[B * A] = {1, 2, 3, 4, 0, 0, 0, 0, -500, 2, 1, 500};
    const real z[B * A] = {0, 1, 0, 2, 3, 1, 1, 0, 1, 2, 3, 4};
    const real action[B] = {2, 0, 3};
    ad_tape *t = ad_tape_new();
    ad_var p = ad_leaf(t, B, A, x, "p"), q = ad_leaf(t, B, A, z, "q"), a = ad_leaf(t, B, 1, action, "action");
    ad_var log_prob = nn_categorical_log_prob(p, a), entropy = nn_categorical_entropy(p);
    ad_var kl = nn_categorical_kl(p, q), self = nn_categorical_kl(p, p);
    EXPECT_EQ(ad_rows(entropy), B);
    EXPECT_EQ(ad_cols(kl), 1);
    for (int r = 0; r < B; r++) {
        double pr[A], qr[A], h = 0, d = 0;
        softmax(x + r * A, A, pr);
        softmax(z + r * A, A, qr);
        for (int i = 0; i < A; i++) {
            if (pr[i] > 0) h -= pr[i] * log(pr[i]);
            if (pr[i] > 0) d += pr[i] * log(pr[i] / qr[i]);
        }
        EXPECT_NEAR(ad_value(log_prob)[r], log(pr[(int)action[r]]), EPS);
        EXPECT_NEAR(ad_value(entropy)[r], h, EPS);
        EXPECT_NEAR(ad_value(kl)[r], d, 4 * EPS);
        EXPECT_NEAR(ad_value(self)[r], 0, EPS);
    }
    ad_tape_free(t);
}

/* d log p(a) / d logits = onehot(a) - p; d H / d logits_i = -p_i (log p_i + H). */
TEST(distributions_categorical_gradients) {
    enum { A = 5 };
    const real x[A] = {(real)0.3, -1, 2, 0, (real)0.7}, action[1] = {3};
    double p[A], h = 0;
    softmax(x, A, p);
    for (int i = 0; i < A; i++) h -= p[i] * log(p[i]);
    ad_tape *t = ad_tape_new();
    ad_var logits = ad_leaf(t, 1, A, x, "logits"), g;
    ad_grad(nn_categorical_log_prob(logits, ad_leaf(t, 1, 1, action, "action")), &logits, 1, &g);
    for (int i = 0; i < A; i++) EXPECT_NEAR(ad_value(g)[i], (i == 3) - p[i], EPS);
    ad_grad(nn_categorical_entropy(logits), &logits, 1, &g);
    for (int i = 0; i < A; i++) EXPECT_NEAR(ad_value(g)[i], -p[i] * (log(p[i]) + h), EPS);
    ad_tape_free(t);
}

/* Pearson's statistic of 50000 draws over the legal actions; the bounds are the 99.9 % points. */
static double chi_square(const real *logits, const uint8_t *mask, int n, uint64_t seed, int *illegal) {
    enum { DRAWS = 50000 };
    double p[16], total = 0, sum = 0;
    int count[16] = {0};
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 0, 0);
    for (int i = 0; i < DRAWS; i++) count[nn_categorical_sample(logits, mask, n, &rng)]++;
    softmax(logits, n, p);
    for (int i = 0; i < n; i++) total += !mask || mask[i] ? p[i] : 0;
    *illegal = 0;
    for (int i = 0; i < n; i++) {
        if (mask && !mask[i]) {
            *illegal += count[i];
            continue;
        }
        double expected = DRAWS * p[i] / total;
        sum += (count[i] - expected) * (count[i] - expected) / expected;
    }
    return sum;
}

TEST(distributions_sample_is_fair) {
    const real x[6] = {0, 1, -2, (real)0.5, 2, 0};
    const uint8_t mask[6] = {1, 0, 1, 1, 0, 1};
    const real big[3] = {1000, 1001, 999};
    int illegal;
    EXPECT(chi_square(x, NULL, 6, 1, &illegal) < 20.5);
    EXPECT(chi_square(x, mask, 6, 2, &illegal) < 16.3);
    EXPECT_EQ(illegal, 0);
    EXPECT(chi_square(big, NULL, 3, 3, &illegal) < 13.8);
}

TEST(distributions_sample_is_safe) {
    const real inf = (real)INFINITY, nan = (real)NAN;
    fm_rng rng = fm_rng_split(0, FM_RNG_TEST, 0, 0), before;
    const uint8_t mask[4] = {0, 1, 1, 0};
    const real cases[][4] = {
        {0, -inf, -inf, 0}, {inf, nan, nan, inf}, {inf, 1, nan, inf}, {0, -1000, 1000, 0}, {0, inf, inf, 0}};
    const int always[] = {-1, -1, 1, 2, -1};
    for (int c = 0; c < 5; c++) {
        int seen[4] = {0};
        for (int i = 0; i < 200; i++) seen[nn_categorical_sample(cases[c], mask, 4, &rng)]++;
        EXPECT(seen[0] == 0 && seen[3] == 0);
        if (always[c] >= 0) EXPECT_EQ(seen[always[c]], 200);
        else EXPECT(seen[1] > 60 && seen[2] > 60);
    }
    before = rng;
    nn_categorical_sample(cases[3], NULL, 4, &rng);
    fm_rng_uniform(&before);
    EXPECT(memcmp(&before, &rng, sizeof rng) == 0);
}

TEST(distributions_argmax) {
    const real x[6] = {1, 5, (real)NAN, 5, 7, -1}, nothing[2] = {(real)-INFINITY, (real)-INFINITY};
    const uint8_t mask[6] = {1, 1, 1, 1, 0, 1};
    const uint8_t nan_first[6] = {0, 0, 1, 0, 0, 1}, only_nan[6] = {0, 0, 1, 0, 0, 0};
    EXPECT_EQ(nn_argmax(x, NULL, 6), 4);
    EXPECT_EQ(nn_argmax(x, mask, 6), 1);
    EXPECT_EQ(nn_argmax(x, nan_first, 6), 5);
    EXPECT_EQ(nn_argmax(x, only_nan, 6), 2);
    EXPECT_EQ(nn_argmax(nothing, NULL, 2), 0);
}

/* The largest of logits + Gumbel noise is distributed as softmax(logits) [Maddison 2014]. */
TEST(distributions_gumbel_noise) {
    enum { DRAWS = 20000 };
    const real logits[3] = {0, 1, -1};
    int count[3] = {0};
    double p[3], sum = 0;
    fm_rng rng = fm_rng_split(4, FM_RNG_TEST, 0, 0);
    for (int i = 0; i < DRAWS; i++) {
        real x[3];
        nn_gumbel_fill(x, 3, &rng);
        for (int j = 0; j < 3; j++) x[j] += logits[j];
        count[nn_argmax(x, NULL, 3)]++;
    }
    softmax(logits, 3, p);
    for (int j = 0; j < 3; j++) sum += pow(count[j] - DRAWS * p[j], 2) / (DRAWS * p[j]);
    EXPECT(sum < 13.8);
}

TEST(distributions_gumbel_softmax) {
    const real logits[4] = {1, 2, 0, -1}, noise[4] = {(real)0.3, (real)-0.5, (real)1.2, 0};
    real scaled[4];
    double p[4];
    for (int i = 0; i < 4; i++) scaled[i] = (logits[i] + noise[i]) / (real)0.5;
    softmax(scaled, 4, p);
    ad_tape *t = ad_tape_new();
    ad_var x = ad_leaf(t, 1, 4, logits, "logits"), n = ad_leaf(t, 1, 4, noise, "noise");
    ad_var y = nn_gumbel_softmax(x, n, 0.5);
    for (int i = 0; i < 4; i++) EXPECT_NEAR(ad_value(y)[i], p[i], EPS);
    ad_tape_free(t);
}

/* For 1 to 9 actions, with ties in the first rows: exactly one-hot at the first of the largest, also in a
 * replay after the noise changed, and the derivatives, to second order, of the soft sample. */
TEST(distributions_straight_through) {
    enum { B = 40 };
    for (size_t cols = 1; cols <= 9; cols++) {
        real logits[B * 9], noise[B * 9], weight[B * 9], value[B * 9], direction[B * 9];
        fm_rng rng = fm_rng_split(cols, FM_RNG_TEST, 0, 0);
        fm_rng_fill_normal(&rng, logits, B * cols);
        fm_rng_fill_normal(&rng, weight, B * cols);
        fm_rng_fill_normal(&rng, direction, B * cols);
        nn_gumbel_fill(noise, B * cols, &rng);
        for (size_t i = 0; i < 4 * cols; i++) logits[i] = 0, noise[i] = (real)(i % 2);
        ad_tape *t = ad_tape_new();
        ad_var x = ad_leaf(t, B, cols, logits, "logits"), n = ad_leaf(t, B, cols, noise, "noise");
        ad_var w = ad_leaf(t, B, cols, weight, "weight"), d = ad_leaf(t, B, cols, direction, "direction");
        ad_var hard = nn_gumbel_straight_through(x, n, 0.7), soft = nn_gumbel_softmax(x, n, 0.7);
        ad_var loss[2] = {ad_sum(ad_mul(w, hard)), ad_sum(ad_mul(w, soft))}, g[2], hv[2];
        for (int k = 0; k < 2; k++) {
            ad_grad(loss[k], &x, 1, &g[k]);
            ad_jvp(&g[k], 1, &x, &d, 1, &hv[k]);
        }
        for (size_t i = 0; i < B * cols; i++) {
            EXPECT_NEAR(ad_value(g[0])[i], ad_value(g[1])[i], EPS);
            EXPECT_NEAR(ad_value(hv[0])[i], ad_value(hv[1])[i], 4 * EPS);
        }
        ad_output out = {hard, value};
        ad_plan *plan = ad_plan_make(&n, 1, &out, 1);
        for (int round = 0; round < 2; round++) {
            if (round == 1) nn_gumbel_fill(noise + 4 * cols, (B - 4) * cols, &rng);
            ad_replay(plan);
            for (size_t r = 0; r < B; r++) {
                real sum[9];
                for (size_t j = 0; j < cols; j++) sum[j] = logits[r * cols + j] + noise[r * cols + j];
                size_t best = (size_t)nn_argmax(sum, NULL, (int)cols);
                for (size_t j = 0; j < cols; j++) EXPECT(value[r * cols + j] == (real)(j == best));
            }
        }
        ad_tape_free(t);
    }
}

TEST_MAIN(CASE(distributions_categorical_densities), CASE(distributions_categorical_gradients),
          CASE(distributions_sample_is_fair), CASE(distributions_sample_is_safe), CASE(distributions_argmax),
          CASE(distributions_gumbel_noise), CASE(distributions_gumbel_softmax),
          CASE(distributions_straight_through))
