/* Policy heads: densities, entropies and draws against closed forms; the tape against the single row. */
#include "algos/parts/head.h"

#include "tests/test.h"

enum { ROWS = 6 };
static const int HEADS[] = {3, 2};
static const double LOW[] = {-2, 10}, HIGH[] = {4, 11};

static fm_arena arena;

static algo_head discrete(void) {
    env_space space = env_discrete(4, NULL);
    return algo_head_make(&space, &arena);
}
static algo_head several(void) {
    env_space space = env_multi_discrete(2, HEADS, NULL);
    return algo_head_make(&space, &arena);
}
static algo_head box(void) {
    env_space space = env_box(2, LOW, HIGH);
    return algo_head_make(&space, &arena);
}

TEST(head_sizes) {
    algo_head d = discrete(), s = several(), b = box();
    EXPECT(d.outputs == 4 && d.choices == 4 && !algo_head_has_std(&d));
    EXPECT(s.outputs == 5 && s.choices == 5 && !algo_head_has_std(&s));
    EXPECT(b.outputs == 2 && b.choices == 0 && algo_head_has_std(&b));
    EXPECT(b.middle[0] == 1 && b.half[0] == 3 && b.middle[1] == (real)10.5 && b.half[1] == (real)0.5);
    fm_arena_free(&arena);
}

/* ---- closed forms ---- */

/* log softmax(out)[k] among the legal ones. */
static double log_softmax(const real *out, const uint8_t *mask, int n, int k) {
    double sum = 0;
    for (int j = 0; j < n; j++)
        if (!mask || mask[j]) sum += exp((double)out[j]);
    return (double)out[k] - log(sum);
}

static double entropy_of(const real *out, const uint8_t *mask, int n) {
    double sum = 0;
    for (int k = 0; k < n; k++)
        if (!mask || mask[k]) sum -= exp(log_softmax(out, mask, n, k)) * log_softmax(out, mask, n, k);
    return sum;
}

/* log N(x; mean, deviation^2). */
static double log_normal(double x, double mean, double deviation) {
    const double PI = 3.14159265358979323846;
    return -pow((x - mean) / deviation, 2) / 2 - log(deviation) - log(2 * PI) / 2;
}

TEST(head_log_prob_of_each_kind) {
    const real out[5] = {(real)0.3, -1, 2, (real)0.7, (real)0.1}, action[2] = {2, 1},
               x[2] = {(real)-2.6, (real)10.4};
    const uint8_t mask[5] = {1, 0, 1, 1, 1};
    const real log_std[2] = {(real)-0.5, (real)0.2};
    algo_head d = discrete(), s = several(), b = box();
    EXPECT_NEAR(algo_head_log_prob_of(&d, out, NULL, NULL, action), log_softmax(out, NULL, 4, 2), 1e-6);
    EXPECT_NEAR(algo_head_log_prob_of(&d, out, NULL, mask, action), log_softmax(out, mask, 4, 2), 1e-6);
    EXPECT_NEAR(algo_head_log_prob_of(&s, out, NULL, mask, action),
                log_softmax(out, mask, 3, 2) + log_softmax(out + 3, mask + 3, 2, 1), 1e-6);
    double wanted = log_normal((double)x[0], 1 + 3 * (double)out[0], 3 * exp(-0.5)) +
                    log_normal((double)x[1], 10.5 + 0.5 * (double)out[1], 0.5 * exp(0.2));
    EXPECT_NEAR(algo_head_log_prob_of(&b, out, log_std, NULL, x), wanted, 1e-5);
    fm_arena_free(&arena);
}

/* ---- the tape ---- */

typedef struct rows {
    real out[ROWS * 5], mask[ROWS * 5], action[ROWS * 2], log_std[2];
    uint8_t legal[ROWS * 5];
} rows;

/* Random outputs, masks in which the first action of every head is legal, actions drawn from the head. */
static void random_rows(rows *r, const algo_head *head, uint64_t seed) {
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 0, 0);
    fm_rng_fill_normal(&rng, r->out, ROWS * 5);
    fm_rng_fill_uniform(&rng, r->log_std, 2, -1, 0.5);
    for (size_t k = 0; k < ROWS * 5; k++) {
        size_t c = k % (head->choices ? head->choices : 5);
        r->legal[k] =
            c == 0 || (head->space.kind == ENV_MULTI_DISCRETE && c == 3) || fm_rng_uniform(&rng) < 0.5;
        r->mask[k] = r->legal[k];
    }
    size_t n = (size_t)head->space.size;
    for (size_t b = 0; b < ROWS; b++)
        algo_head_act(head, r->out + b * head->outputs, r->log_std, r->legal + b * head->choices, ALGO_SAMPLE,
                      &rng, r->action + b * n);
}

static void compare_with_rows(algo_head head, bool masked) {
    for (uint64_t seed = 0; seed < 20; seed++) {
        rows r;
        random_rows(&r, &head, seed);
        size_t n = (size_t)head.space.size;
        ad_tape *t = ad_tape_new();
        ad_var out = ad_leaf(t, ROWS, head.outputs, r.out, "out"),
               action = ad_leaf(t, ROWS, n, r.action, "action");
        ad_var log_std = algo_head_has_std(&head) ? ad_leaf(t, 1, n, r.log_std, "log_std") : AD_NONE;
        ad_var mask = masked ? ad_leaf(t, ROWS, head.choices, r.mask, "mask") : AD_NONE;
        ad_var log_prob = algo_head_log_prob(&head, out, log_std, mask, action);
        ad_var entropy = algo_head_entropy(&head, out, log_std, mask);
        EXPECT(ad_rows(log_prob) == ROWS && ad_cols(log_prob) == 1);
        EXPECT(ad_rows(entropy) == ROWS && ad_cols(entropy) == 1);
        for (size_t b = 0; b < ROWS; b++) {
            const real *o = r.out + b * head.outputs;
            const uint8_t *legal = masked ? r.legal + b * head.choices : NULL;
            EXPECT_NEAR(ad_value(log_prob)[b],
                        algo_head_log_prob_of(&head, o, r.log_std, legal, r.action + b * n), 1e-4);
            double wanted = 0;
            if (head.space.kind == ENV_DISCRETE) wanted = entropy_of(o, legal, 4);
            if (head.space.kind == ENV_MULTI_DISCRETE)
                wanted = entropy_of(o, legal, 3) + entropy_of(o + 3, legal ? legal + 3 : NULL, 2);
            if (head.space.kind == ENV_BOX) /* log(deviation sqrt(2 pi e)) of each number */
                wanted = log(3) + log(0.5) + (double)r.log_std[0] + (double)r.log_std[1] + 2.8378770664093453;
            EXPECT_NEAR(ad_value(entropy)[b], wanted, 1e-5);
        }
        ad_tape_free(t);
    }
}

TEST(head_on_the_tape_equals_the_row) {
    for (int masked = 0; masked < 2; masked++) {
        compare_with_rows(discrete(), masked);
        compare_with_rows(several(), masked);
    }
    compare_with_rows(box(), false);
    fm_arena_free(&arena);
}

/* The score function of a Gaussian, d log pi / d out = u / deviation with u the standardised error. */
TEST(head_box_score) {
    algo_head b = box();
    real out[2] = {(real)0.2, -1}, log_std[2] = {(real)-0.3, (real)0.1}, action[2] = {3, (real)10.2};
    ad_tape *t = ad_tape_new();
    ad_var o = ad_leaf(t, 1, 2, out, "out"), s = ad_leaf(t, 1, 2, log_std, "log_std"), x[2] = {o, s}, g[2];
    ad_grad(ad_sum(algo_head_log_prob(&b, o, s, AD_NONE, ad_leaf(t, 1, 2, action, "action"))), x, 2, g);
    for (int k = 0; k < 2; k++) {
        double deviation = exp((double)log_std[k]), middle = k == 0 ? 1 : 10.5, half = k == 0 ? 3 : 0.5;
        double u = (((double)action[k] - middle) / half - (double)out[k]) / deviation;
        EXPECT_NEAR(ad_value(g[0])[k], u / deviation, 1e-5);
        EXPECT_NEAR(ad_value(g[1])[k], u * u - 1, 1e-5);
    }
    ad_tape_free(t);
    fm_arena_free(&arena);
}

/* ---- draws ---- */

TEST(head_draws_have_the_stated_distribution) {
    enum { N = 40000 };
    const real out[5] = {(real)0.5, -1, 1, (real)0.8, (real)-0.2}, log_std[2] = {-1, (real)0.3};
    const uint8_t mask[5] = {1, 0, 1, 1, 1};
    int seen[4] = {0}, first[3] = {0}, second[2] = {0};
    double mean[2] = {0}, square[2] = {0};
    algo_head d = discrete(), s = several(), b = box();
    fm_rng rng = fm_rng_split(7, FM_RNG_TEST, 0, 0);
    for (int k = 0; k < N; k++) {
        real a[2];
        algo_head_act(&d, out, NULL, mask, ALGO_TRAIN, &rng, a);
        seen[(int)a[0]]++;
        algo_head_act(&s, out, NULL, mask, ALGO_SAMPLE, &rng, a);
        first[(int)a[0]]++;
        second[(int)a[1]]++;
        algo_head_act(&b, out, log_std, NULL, ALGO_TRAIN, &rng, a);
        for (int j = 0; j < 2; j++) mean[j] += (double)a[j] / N, square[j] += (double)a[j] * (double)a[j] / N;
    }
    /* Within four deviations of a share, 4 sqrt(1 / 4 N) = 0.01, or of a mean. */
    for (int k = 0; k < 4; k++)
        EXPECT_NEAR(seen[k] / (double)N, mask[k] ? exp(log_softmax(out, mask, 4, k)) : 0, 0.01);
    for (int k = 0; k < 3; k++)
        EXPECT_NEAR(first[k] / (double)N, mask[k] ? exp(log_softmax(out, mask, 3, k)) : 0, 0.01);
    for (int k = 0; k < 2; k++)
        EXPECT_NEAR(second[k] / (double)N, exp(log_softmax(out + 3, NULL, 2, k)), 0.01);
    EXPECT_EQ(seen[1] + first[1], 0);
    const double deviation[2] = {3 * exp(-1), 0.5 * exp(0.3)};
    EXPECT_NEAR(mean[0], 1 + 3 * 0.5, 4 * deviation[0] / sqrt(N));
    EXPECT_NEAR(mean[1], 10.5 - 0.5, 4 * deviation[1] / sqrt(N));
    for (int j = 0; j < 2; j++) EXPECT_NEAR(sqrt(square[j] - mean[j] * mean[j]) / deviation[j], 1, 0.02);
    fm_arena_free(&arena);
}

TEST(head_greedy_takes_the_mode_and_draws_nothing) {
    const real out[5] = {1, 3, 2, (real)0.1, (real)0.2}, log_std[2] = {0, 0};
    const uint8_t mask[5] = {1, 0, 1, 1, 1};
    real a[2];
    algo_head d = discrete(), s = several(), b = box();
    fm_rng rng = fm_rng_split(7, FM_RNG_TEST, 0, 0), before = rng;
    algo_head_act(&d, out, NULL, NULL, ALGO_GREEDY, &rng, a);
    EXPECT_EQ(a[0], 1);
    algo_head_act(&d, out, NULL, mask, ALGO_GREEDY, &rng, a);
    EXPECT_EQ(a[0], 2);
    algo_head_act(&s, out, NULL, mask, ALGO_GREEDY, &rng, a);
    EXPECT(a[0] == 2 && a[1] == 1);
    algo_head_act(&b, out, log_std, NULL, ALGO_GREEDY, &rng, a);
    EXPECT(a[0] == 4 && a[1] == 12); /* outside the box: the environment clips a copy */
    EXPECT(memcmp(&rng, &before, sizeof rng) == 0);
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(head_sizes), CASE(head_log_prob_of_each_kind), CASE(head_on_the_tape_equals_the_row),
          CASE(head_box_score), CASE(head_draws_have_the_stated_distribution),
          CASE(head_greedy_takes_the_mode_and_draws_nothing))
