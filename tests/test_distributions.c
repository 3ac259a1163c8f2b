/* test_distributions.c: choices among actions, masked and of several heads: densities against plain formulas,
 * draws against their probabilities. */
#include "nn/distributions.h"

#include "autograd/plan.h"
#include "tests/test.h"
#include "tests/derivatives.h"

#define DOUBLE (sizeof(real) == 8)
static const double EPS = DOUBLE ? 1e-12 : 2e-6;

static void softmax(const real *x, int n, double *p) {
    double largest = -INFINITY, sum = 0;
    for (int i = 0; i < n; i++) largest = fmax(largest, (double)x[i]);
    for (int i = 0; i < n; i++) sum += p[i] = exp((double)x[i] - largest);
    for (int i = 0; i < n; i++) p[i] /= sum;
}

/* ---- Categorical ---- */

/* Probabilities over the legal actions of a row, zeros elsewhere, in double. */
static void legal_softmax(const real *x, const real *mask, int n, double *p) {
    double largest = -INFINITY, sum = 0;
    for (int i = 0; i < n; i++)
        if (mask[i] != 0) largest = fmax(largest, (double)x[i]);
    for (int i = 0; i < n; i++) sum += p[i] = mask[i] == 0 ? 0 : exp((double)x[i] - largest);
    for (int i = 0; i < n; i++) p[i] = sum > 0 ? p[i] / sum : 0;
}

static double entropy_of(const double *p, int n) {
    double h = 0;
    for (int i = 0; i < n; i++)
        if (p[i] > 0) h -= p[i] * log(p[i]);
    return h;
}

TEST(distributions_categorical_densities) {
    enum { B = 4, A = 4 };
    const real x[B * A] = {1, 2, 3, 4, 0, 0, 0, 0, -500, 2, 1, 500, 1, 2, 3, 4};
    const real z[B * A] = {0, 1, 0, 2, 3, 1, 1, 0, 1, 2, 3, 4, 0, 1, 0, 2};
    const real legal[2][B * A] = {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
                                  {1, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0}};
    const real action[B] = {2, 0, 1, 2};
    ad_tape *t = ad_tape_new();
    ad_var p = ad_leaf(t, B, A, x, "p"), q = ad_leaf(t, B, A, z, "q"), a = ad_leaf(t, B, 1, action, "action");
    for (int masked = 0; masked < 2; masked++) {
        ad_var mask = masked ? ad_leaf(t, B, A, legal[1], "mask") : AD_NONE;
        ad_var probs = nn_categorical_probs(p, mask), log_prob = nn_categorical_log_prob(p, mask, a);
        ad_var entropy = nn_categorical_entropy(p, mask), kl = nn_categorical_kl(p, q, mask);
        ad_var self = nn_categorical_kl(p, p, mask);
        EXPECT(ad_rows(entropy) == B && ad_cols(entropy) == 1 && ad_rows(kl) == B && ad_cols(kl) == 1);
        for (int r = 0; r < B; r++) {
            const real *own = legal[masked] + r * A;
            uint8_t bytes[A];
            double pr[A], qr[A], d = 0;
            legal_softmax(x + r * A, own, A, pr);
            legal_softmax(z + r * A, own, A, qr);
            for (int i = 0; i < A; i++) {
                bytes[i] = own[i] != 0;
                if (pr[i] > 0) d += pr[i] * log(pr[i] / qr[i]);
                EXPECT_NEAR(ad_value(probs)[r * A + i], pr[i], EPS);
            }
            const int chosen = (int)action[r];
            double wanted = log(pr[chosen]), tolerance = EPS * (1 + fabs(wanted));
            EXPECT_NEAR(ad_value(log_prob)[r], wanted, tolerance);
            wanted = nn_categorical_log_prob_of(x + r * A, masked ? bytes : NULL, A, chosen);
            EXPECT_NEAR(ad_value(log_prob)[r], wanted, tolerance);
            EXPECT_NEAR(ad_value(entropy)[r], entropy_of(pr, A), EPS);
            EXPECT_NEAR(ad_value(kl)[r], d, 4 * EPS);
            EXPECT_NEAR(ad_value(self)[r], 0, EPS);
        }
    }
    ad_tape_free(t);
}

/* d log p(a) / d logits = onehot(a) - p; d H / d logits_i = -p_i (log p_i + H), over the legal ones. */
TEST(distributions_categorical_gradients) {
    enum { A = 5 };
    const real x[A] = {(real)0.3, -1, 2, 0, (real)0.7}, action[1] = {3};
    const real legal[2][A] = {{1, 1, 1, 1, 1}, {1, 0, 0, 1, 1}};
    ad_tape *t = ad_tape_new();
    ad_var logits = ad_leaf(t, 1, A, x, "logits"), a = ad_leaf(t, 1, 1, action, "action"), g;
    for (int masked = 0; masked < 2; masked++) {
        ad_var mask = masked ? ad_leaf(t, 1, A, legal[1], "mask") : AD_NONE;
        double p[A], h;
        legal_softmax(x, legal[masked], A, p);
        h = entropy_of(p, A);
        ad_grad(nn_categorical_log_prob(logits, mask, a), &logits, 1, &g);
        for (int i = 0; i < A; i++) EXPECT_NEAR(ad_value(g)[i], (i == 3) - p[i], EPS);
        ad_grad(nn_categorical_entropy(logits, mask), &logits, 1, &g);
        for (int i = 0; i < A; i++) EXPECT_NEAR(ad_value(g)[i], p[i] > 0 ? -p[i] * (log(p[i]) + h) : 0, EPS);
    }
    ad_tape_free(t);
}

/* All of them as one scalar, in p's and q's logits. */
static ad_var categorical_loss(ad_var p, ad_var q, ad_var mask, ad_var action, ad_var weight) {
    ad_var log_prob = nn_categorical_log_prob(p, mask, action), entropy = nn_categorical_entropy(p, mask);
    ad_var kl = nn_categorical_kl(p, q, mask), probs = ad_square(nn_categorical_probs(p, mask));
    ad_var rows = ad_add(ad_mul(log_prob, entropy), ad_add(ad_square(kl), ad_sum_cols(probs)));
    return ad_sum(ad_mul(rows, weight));
}

TEST(distributions_categorical_derivatives) {
    enum { B = 6, A = 4 };
    for (int masked = 0; masked < 2; masked++) {
        real x[B * A], z[B * A], weight[B];
        const real legal[B * A] = {1, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 1, 0};
        const real action[B] = {3, 0, 1, 2, 1, 0};
        fm_rng rng = fm_rng_split(9, FM_RNG_TEST, 0, 0);
        fm_rng_fill_normal(&rng, x, B * A);
        fm_rng_fill_normal(&rng, z, B * A);
        fm_rng_fill_normal(&rng, weight, B);
        ad_tape *t = ad_tape_new();
        ad_var from[] = {ad_leaf(t, B, A, x, "p"), ad_leaf(t, B, A, z, "q")};
        ad_var mask = masked ? ad_leaf(t, B, A, legal, "mask") : AD_NONE;
        ad_var loss = categorical_loss(from[0], from[1], mask, ad_leaf(t, B, 1, action, "action"),
                                       ad_leaf(t, B, 1, weight, "weight"));
        expect_derivatives(loss, from, (real *[]){x, z}, 2, 1);
        ad_tape_free(t);
    }
}

/* The numbers of a replay of loss, gradients and Hessian-vector products on 20 rows of 5 actions of which a
 * third is illegal, whose logits, and the direction there, are `illegal`. */
enum { ROWS = 20, WIDTH = 5, NUMBERS = 1 + 4 * ROWS * WIDTH };
static void masked_numbers(real illegal, real *to) {
    static real x[2][ROWS * WIDTH], v[2][ROWS * WIDTH], mask[ROWS * WIDTH], action[ROWS], weight[ROWS];
    fm_rng rng = fm_rng_split(10, FM_RNG_TEST, 0, 0);
    fm_rng_fill_normal(&rng, x[0], 2 * ROWS * WIDTH);
    fm_rng_fill_normal(&rng, v[0], 2 * ROWS * WIDTH);
    fm_rng_fill_normal(&rng, weight, ROWS);
    for (size_t i = 0; i < ROWS * WIDTH; i++) {
        mask[i] = i % WIDTH == 2 || fm_rng_below(&rng, 3) > 0;
        if (mask[i] == 0) x[0][i] = x[1][i] = v[0][i] = v[1][i] = illegal;
    }
    for (size_t r = 0; r < ROWS; r++) action[r] = 2;
    ad_tape *t = ad_tape_new();
    ad_var from[2], d[2], g[2], hv[2];
    for (int k = 0; k < 2; k++) {
        from[k] = ad_leaf(t, ROWS, WIDTH, x[k], "logits");
        d[k] = ad_leaf(t, ROWS, WIDTH, v[k], "direction");
    }
    ad_var legal = ad_leaf(t, ROWS, WIDTH, mask, "mask"), a = ad_leaf(t, ROWS, 1, action, "action");
    ad_var loss = categorical_loss(from[0], from[1], legal, a, ad_leaf(t, ROWS, 1, weight, "weight"));
    ad_grad(loss, from, 2, g);
    ad_jvp(g, 2, from, d, 2, hv);
    real *g_to = to + 1, *hv_to = g_to + 2 * ROWS * WIDTH;
    const ad_output out[] = {{loss, to}, {g[0], g_to}, {g[1], g_to + ROWS * WIDTH},
                             {hv[0], hv_to}, {hv[1], hv_to + ROWS * WIDTH}};
    ad_replay(ad_plan_make(NULL, 0, out, 5));
    for (size_t i = 0; i < 4 * ROWS * WIDTH; i++)
        if (mask[i % (ROWS * WIDTH)] == 0) EXPECT(to[1 + i] == 0);
    ad_tape_free(t);
}

TEST(distributions_illegal_actions_contribute_nothing) {
    static real zero[NUMBERS], other[NUMBERS];
    const double anything[] = {7, -7, 1e30, -1e30, 3e38, INFINITY, -INFINITY, NAN};
    masked_numbers(0, zero);
    for (size_t i = 0; i < NUMBERS; i++) EXPECT(isfinite(zero[i]));
    for (size_t k = 0; k < sizeof anything / sizeof *anything; k++) {
        masked_numbers((real)anything[k], other);
        EXPECT_MSG(memcmp(zero, other, sizeof zero) == 0, "illegal logits of %g matter", anything[k]);
    }
}

/* Probabilities of zero among the legal ones, rows that are sure, logits without limit, rows without a legal
 * action: by hand, and all derivatives are numbers; zero where the row has one action that is possible. */
TEST(distributions_categorical_limits) {
    enum { B = 7, A = 3 };
    const real inf = (real)INFINITY, big = (real)1e30;
    const real x[B * A] = {0, -inf, -inf, 0, 0,    -inf, 0,   0, 0, big, -big,
                           0, 1,    2,    3, -big, -big, inf, 5, 9, inf};
    const real legal[B * A] = {1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 1, 0};
    const double entropy[B] = {0, log(2.0), log(2.0), 0, 0, log(2.0), 0};
    const real action[B] = {0, 1, 1, 0, 1, 0, 0};
    const double log_prob[B] = {0, -log(2.0), -log(2.0), 0, NN_LOG_NEVER, -log(2.0), NN_LOG_NEVER};
    const real v[B * A] = {1, 2, 3, 1, -2, 3, 2, -1, 1, 1, 2, 3, 1, 2, 3, 1, -1, 2, 1, 2, 1};
    ad_tape *t = ad_tape_new();
    ad_var p = ad_leaf(t, B, A, x, "p"), mask = ad_leaf(t, B, A, legal, "mask");
    ad_var d = ad_leaf(t, B, A, v, "v"), g, hv;
    ad_var h = nn_categorical_entropy(p, mask), kl = nn_categorical_kl(p, p, mask);
    ad_var log_p = nn_categorical_log_prob(p, mask, ad_leaf(t, B, 1, action, "action"));
    ad_var probs = nn_categorical_probs(p, mask), total = ad_sum_cols(probs);
    for (int r = 0; r < B; r++) {
        EXPECT_NEAR(ad_value(total)[r], r == 4 ? 0 : 1, r == 4 ? 0 : EPS);
        EXPECT_NEAR(ad_value(h)[r], entropy[r], EPS);
        EXPECT_NEAR(ad_value(kl)[r], 0, 0);
        EXPECT_NEAR(ad_value(log_p)[r], log_prob[r], EPS);
    }
    const ad_var every[] = {h, kl, log_p, ad_square(probs)};
    for (int k = 0; k < 4; k++) {
        ad_grad(ad_sum(every[k]), &p, 1, &g);
        ad_jvp(&g, 1, &p, &d, 1, &hv);
        for (int i = 0; i < B * A; i++) {
            EXPECT(isfinite(ad_value(g)[i]) && isfinite(ad_value(hv)[i]));
            bool sure = i / A == 0 || i / A == 3 || i / A == 4 || i / A == 6;
            if (sure) EXPECT(ad_value(g)[i] == 0 && ad_value(hv)[i] == 0);
        }
    }
    /* The same without a mask; and a q that excludes what p does not. */
    ad_var first = ad_slice_rows(p, 0, 2), plain = nn_categorical_entropy(first, AD_NONE);
    EXPECT_NEAR(ad_value(plain)[0], 0, 0);
    EXPECT_NEAR(ad_value(plain)[1], log(2.0), EPS);
    ad_grad(ad_sum(plain), &p, 1, &g);
    ad_jvp(&g, 1, &p, &d, 1, &hv);
    for (int i = 0; i < B * A; i++) EXPECT(isfinite(ad_value(g)[i]) && isfinite(ad_value(hv)[i]));
    ad_var q = nn_categorical_kl(ad_slice_rows(p, 2, 1), ad_slice_rows(p, 1, 1), AD_NONE);
    EXPECT(ad_scalar(q) > 0 && isinf(ad_scalar(q)));
    ad_tape_free(t);
}

TEST(distributions_log_prob_of_limits) {
    const real inf = (real)INFINITY, nan = (real)NAN;
    const real cases[][3] = {{inf, 0, inf}, {0, -inf, nan}, {nan, nan, nan}, {-2000, 0, 1}};
    const uint8_t legal[3] = {1, 1, 0};
    EXPECT_NEAR(nn_categorical_log_prob_of(cases[0], NULL, 3, 2), -log(2.0), 1e-15);
    EXPECT_NEAR(nn_categorical_log_prob_of(cases[0], legal, 3, 0), 0, 0);
    EXPECT_NEAR(nn_categorical_log_prob_of(cases[0], legal, 3, 2), NN_LOG_NEVER, 0);
    EXPECT(nn_categorical_log_prob_of(cases[0], NULL, 3, 1) == -INFINITY);
    EXPECT(nn_categorical_log_prob_of(cases[1], NULL, 3, 2) == -INFINITY);
    EXPECT_NEAR(nn_categorical_log_prob_of(cases[2], NULL, 3, 1), -log(3.0), 1e-15);
    EXPECT_NEAR(nn_categorical_log_prob_of(cases[3], legal, 3, 0), -2000, 1e-9);
}

/* ---- Heads ---- */

enum { HEADS = 3, JOINT = 2 * 3 * 2, ALL = 7, BATCH = 2 };
static const int heads[HEADS] = {2, 3, 2};
static const real heads_mask[BATCH * ALL] = {1, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1};

/* The k-th joint action. */
static void joint(int k, real *action) {
    for (int i = 0; i < HEADS; k /= heads[i++]) action[i] = (real)(k % heads[i]);
}

/* Over all joint actions, by the log-probability of each: they sum to 1, and entropy and divergence are the
 * means. Of two rows. */
TEST(distributions_heads_are_independent) {
    real x[BATCH * ALL], z[BATCH * ALL], action[JOINT][BATCH * HEADS];
    fm_rng rng = fm_rng_split(11, FM_RNG_TEST, 0, 0);
    fm_rng_fill_normal(&rng, x, BATCH * ALL);
    fm_rng_fill_normal(&rng, z, BATCH * ALL);
    ad_tape *t = ad_tape_new();
    ad_var p = ad_leaf(t, BATCH, ALL, x, "p"), q = ad_leaf(t, BATCH, ALL, z, "q");
    for (int masked = 0; masked < 2; masked++) {
        double total[BATCH] = {0}, h[BATCH] = {0}, d[BATCH] = {0};
        ad_var mask = masked ? ad_leaf(t, BATCH, ALL, heads_mask, "mask") : AD_NONE;
        for (int k = 0; k < JOINT; k++) {
            for (int r = 0; r < BATCH; r++) joint(k, action[k] + r * HEADS);
            ad_var a = ad_leaf(t, BATCH, HEADS, action[k], "action");
            ad_var log_p = nn_multi_categorical_log_prob(p, mask, heads, HEADS, a);
            ad_var log_q = nn_multi_categorical_log_prob(q, mask, heads, HEADS, a);
            for (int r = 0; r < BATCH; r++) {
                double lp = (double)ad_value(log_p)[r], lq = (double)ad_value(log_q)[r];
                uint8_t bytes[ALL];
                for (int i = 0; i < ALL; i++) bytes[i] = heads_mask[r * ALL + i] != 0;
                double beside = nn_multi_categorical_log_prob_of(x + r * ALL, masked ? bytes : NULL, heads,
                                                                 HEADS, action[k] + r * HEADS);
                EXPECT_NEAR(lp, beside, EPS * (1 + fabs(lp)));
                total[r] += exp(lp);
                if (exp(lp) > 0) h[r] -= exp(lp) * lp, d[r] += exp(lp) * (lp - lq);
            }
        }
        ad_var entropy = nn_multi_categorical_entropy(p, mask, heads, HEADS);
        ad_var kl = nn_multi_categorical_kl(p, q, mask, heads, HEADS);
        for (int r = 0; r < BATCH; r++) {
            EXPECT_NEAR(total[r], 1, 4 * EPS);
            EXPECT_NEAR(ad_value(entropy)[r], h[r], 4 * EPS);
            EXPECT_NEAR(ad_value(kl)[r], d[r], 8 * EPS);
        }
        ad_var a = ad_leaf(t, BATCH, HEADS, action[1], "action"), from[] = {p, q};
        ad_var rows = ad_mul(nn_multi_categorical_log_prob(p, mask, heads, HEADS, a), ad_add(entropy, kl));
        expect_derivatives(ad_sum(rows), from, (real *[]){x, z}, 2, 3);
    }
    ad_tape_free(t);
}

/* 20000 draws of all heads together against the joint probabilities; greedy choice. */
TEST(distributions_heads_are_drawn) {
    enum { DRAWS = 20000 };
    const real x[ALL] = {0, 1, -1, 5, (real)0.5, 9, 0};
    uint8_t mask[ALL];
    int count[JOINT] = {0};
    double sum = 0;
    real action[HEADS];
    fm_rng rng = fm_rng_split(12, FM_RNG_TEST, 0, 0);
    for (int i = 0; i < ALL; i++) mask[i] = heads_mask[i] != 0;
    for (int d = 0; d < DRAWS; d++) {
        nn_multi_categorical_sample(x, mask, heads, HEADS, &rng, action);
        count[(int)action[0] + 2 * (int)action[1] + 6 * (int)action[2]]++;
    }
    for (int k = 0; k < JOINT; k++) {
        joint(k, action);
        double p = exp(nn_multi_categorical_log_prob_of(x, mask, heads, HEADS, action));
        if (p == 0) EXPECT_EQ(count[k], 0);
        else sum += pow(count[k] - DRAWS * p, 2) / (DRAWS * p);
    }
    EXPECT(sum < 16.3); /* 4 joint actions are legal: 3 degrees of freedom */
    nn_multi_argmax(x, mask, heads, HEADS, action);
    EXPECT(action[0] == 1 && action[1] == 2 && action[2] == 0);
    nn_multi_argmax(x, NULL, heads, HEADS, action);
    EXPECT(action[0] == 1 && action[1] == 1 && action[2] == 0);
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

/* ---- Gumbel-Softmax ---- */

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
          CASE(distributions_categorical_derivatives), CASE(distributions_illegal_actions_contribute_nothing),
          CASE(distributions_categorical_limits), CASE(distributions_log_prob_of_limits),
          CASE(distributions_heads_are_independent), CASE(distributions_heads_are_drawn),
          CASE(distributions_sample_is_fair), CASE(distributions_sample_is_safe), CASE(distributions_argmax),
          CASE(distributions_gumbel_noise), CASE(distributions_gumbel_softmax),
          CASE(distributions_straight_through))
