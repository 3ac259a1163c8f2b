/* test_normalise.c: running statistics against those of all numbers at once, and what is made of them. */
#include "nn/normalise.h"

#include "base/random.h"
#include "tests/test.h"

enum { N = 3, ROWS = 600 };

static fm_arena arena;

/* Features of different units; the second is far from zero, where squares minus a square would lose all. */
static void fill(real *x, size_t rows, fm_rng *rng) {
    for (size_t r = 0; r < rows; r++) {
        x[r * N] = (real)(3 * fm_rng_normal(rng) - 1);
        x[r * N + 1] = (real)(20000 + fm_rng_normal(rng));
        x[r * N + 2] = (real)(1e-3 * fm_rng_normal(rng));
    }
}

/* Mean and variance of column j over the rows that count, in two passes. */
static void moments(const real *x, size_t rows, const uint8_t *counts, size_t n, size_t j, double *mean,
                    double *variance) {
    double count = 0, sum = 0, squares = 0;
    for (size_t r = 0; r < rows; r++)
        if (!counts || counts[r]) count++, sum += (double)x[r * n + j];
    *mean = sum / count;
    for (size_t r = 0; r < rows; r++)
        if (!counts || counts[r]) squares += pow((double)x[r * n + j] - *mean, 2);
    *variance = squares / count;
}

static void expect_moments(const nn_normaliser *z, const real *x, size_t rows, const uint8_t *counts) {
    for (size_t j = 0; j < z->n; j++) {
        double mean, variance;
        moments(x, rows, counts, z->n, j, &mean, &variance);
        EXPECT_NEAR(z->mean[j] - mean, 0, 1e-9 * sqrt(variance) + 1e-15 * fabs(mean));
        EXPECT_NEAR(nn_normaliser_variance(z, j), variance, 1e-9 * variance);
    }
}

/* In batches of 0, 1, 2, ...: as everything at once. */
TEST(normalise_batches_merge) {
    real x[ROWS * N];
    fm_rng rng = fm_rng_split(0, FM_RNG_TEST, 0, 0);
    fill(x, ROWS, &rng);
    nn_normaliser z = nn_normaliser_make(N, &arena, NULL, NULL);
    nn_normaliser_update(&z, x, 0, NULL);
    for (size_t r = 0, batch = 1; r < ROWS; r += batch++) {
        if (batch > ROWS - r) batch = ROWS - r;
        nn_normaliser_update(&z, x + r * N, batch, NULL);
        expect_moments(&z, x, r + batch, NULL);
    }
    EXPECT(*z.count == ROWS);
}

/* What does not count may be anything. */
TEST(normalise_leaves_rows_out) {
    real x[40 * N];
    uint8_t counts[40], none[40] = {0};
    fm_rng rng = fm_rng_split(1, FM_RNG_TEST, 0, 0);
    fill(x, 40, &rng);
    for (size_t r = 0; r < 40; r++) {
        counts[r] = fm_rng_below(&rng, 2) > 0;
        if (!counts[r]) x[r * N] = (real)NAN, x[r * N + 2] = (real)1e30;
    }
    nn_normaliser z = nn_normaliser_make(N, &arena, NULL, NULL);
    nn_normaliser_update(&z, x, 15, counts);
    nn_normaliser_update(&z, x + 15 * N, 25, counts + 15);
    expect_moments(&z, x, 40, counts);
    double before = z.mean[0];
    nn_normaliser_update(&z, x, 40, none);
    EXPECT(z.mean[0] == before);
}

TEST(normalise_applies_and_clips) {
    enum { B = 200 };
    real x[B * N], y[B * N];
    fm_rng rng = fm_rng_split(2, FM_RNG_TEST, 0, 0);
    fill(x, B, &rng);
    nn_normaliser z = nn_normaliser_make(N, &arena, NULL, NULL);
    nn_normaliser_apply(&z, x, 1, y);
    EXPECT_NEAR(y[0], x[0], 1e-6);              /* nothing seen: mean 0, variance 1 */
    EXPECT(y[1] == 10);
    nn_normaliser_update(&z, x, B, NULL);
    z.clip = 0;
    nn_normaliser_apply(&z, x, B, y);
    for (size_t j = 0; j < N; j++) {
        double sum = 0, squares = 0, centre, variance;
        moments(x, B, NULL, N, j, &centre, &variance);
        for (size_t r = 0; r < B; r++) {
            double wanted = ((double)x[r * N + j] - centre) / sqrt(variance + 1e-8);
            EXPECT_NEAR(y[r * N + j], wanted, 1e-5);
            sum += (double)y[r * N + j] / B;
            squares += (double)y[r * N + j] * (double)y[r * N + j] / B;
        }
        EXPECT_NEAR(sum, 0, 0.02);
        EXPECT_NEAR(squares, 1, j == 2 ? 0.05 : 0.02);  /* 1e-8 beside a variance of 1e-6 */
    }
    const real far[N] = {-1000, 20000, (real)NAN};
    nn_normaliser_apply(&z, far, 1, y);
    EXPECT(y[0] < -300);
    z.clip = 5;
    memcpy(y, far, sizeof far);
    nn_normaliser_apply(&z, y, 1, y);
    EXPECT(y[0] == -5 && fabs((double)y[1]) < 2 && isnan(y[2]));
}

/* Two copies, gamma 1/2: R goes 1, 1.5, 1.75, then anew from the end of an episode; by hand. */
TEST(normalise_rewards) {
    nn_reward_scaler s = nn_reward_scaler_make(2, 0.5, &arena, NULL, NULL);
    const double reward[4][2] = {{1, -2}, {1, 0}, {1, 4}, {1, 1}};
    const uint8_t done[4][2] = {{0, 0}, {0, 1}, {1, 0}, {0, 0}};
    const real running[4][2] = {{1, -2}, {1.5, -1}, {1.75, 4}, {1, 3}};
    real y[3];
    for (size_t t = 0; t < 4; t++) {
        double mean, variance;
        nn_reward_scaler_update(&s, reward[t], done[t]);
        moments(running[0], 2 * (t + 1), NULL, 1, 0, &mean, &variance);
        EXPECT_NEAR(nn_normaliser_variance(&s.returns, 0), variance, 1e-12);
        nn_reward_scaler_apply(&s, (double[]){-1, 0, 1000}, 3, y);
        EXPECT_NEAR(y[0], -1 / sqrt(variance + 1e-8), 1e-6);
        EXPECT(y[1] == 0 && y[2] == 10);
    }
    EXPECT_NEAR(s.running[0], 1, 0);
    s.returns.clip = 0;
    nn_reward_scaler_apply(&s, (double[]){1000}, 1, y);
    EXPECT(y[0] > 100);
}

/* Rewards of 1e11 and one more or less have the variance of the ones. */
TEST(normalise_rewards_far_from_zero) {
    nn_reward_scaler s = nn_reward_scaler_make(1, 0.5, &arena, NULL, NULL);
    const uint8_t done[1] = {1};
    for (int t = 0; t < 3000; t++) nn_reward_scaler_update(&s, (double[]){1e11 + t % 3 - 1}, done);
    EXPECT_NEAR(nn_normaliser_variance(&s.returns, 0), 2.0 / 3, 1e-4);
    EXPECT_NEAR(s.returns.mean[0] - 1e11, 0, 1e-2);
}

/* Whatever is kept goes over to a fresh one; then both go on with the same bits. */
TEST(normalise_resumes) {
    fm_keep_list keep[2] = {{0}, {0}};
    nn_normaliser z[2];
    nn_reward_scaler s[2];
    real x[50 * N], y[2][50 * N];
    double reward[50 * N];
    const uint8_t done[4] = {0, 1, 0, 0};
    fm_rng rng = fm_rng_split(3, FM_RNG_TEST, 0, 0);
    fill(x, 50, &rng);
    for (size_t i = 0; i < 50 * N; i++) reward[i] = (double)x[i];
    for (int k = 0; k < 2; k++) {
        z[k] = nn_normaliser_make(N, &arena, &keep[k], "obs");
        s[k] = nn_reward_scaler_make(4, 0.9, &arena, &keep[k], "reward");
    }
    for (size_t r = 0; r < 30; r++) {
        nn_normaliser_update(&z[0], x + r * N, 1, NULL);
        nn_reward_scaler_update(&s[0], reward + r, done);
    }
    const char *names[] = {"obs.count", "obs.mean", "obs.squares", "reward.count", "reward.mean",
                           "reward.squares", "reward.running"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const fm_kept *from = fm_keep_find(&keep[0], names[i]), *to = fm_keep_find(&keep[1], names[i]);
        EXPECT(from && to && from->dtype == to->dtype && from->rows == to->rows);
        if (from && to) memcpy(to->data, from->data, from->rows * fm_dtype_size(from->dtype));
    }
    for (int k = 0; k < 2; k++) {
        nn_normaliser_update(&z[k], x + 30 * N, 20, NULL);
        for (size_t r = 30; r < 40; r++) nn_reward_scaler_update(&s[k], reward + r, done);
        nn_normaliser_apply(&z[k], x, 50, y[k]);
        nn_reward_scaler_apply(&s[k], reward, 20, y[k]);
    }
    EXPECT(memcmp(y[0], y[1], sizeof y[0]) == 0);
    EXPECT(s[0].running[0] != 0 && s[0].running[1] == 0);
    fm_keep_free(&keep[0]);
    fm_keep_free(&keep[1]);
    fm_arena_free(&arena);
}

/* Against weights written out: batch k of n has weight (1 - d) d^(n - k), and all of them together are 1 when
 * debiased. */
TEST(normalise_values) {
    fm_keep_list keep = {0};
    nn_value_norm v = nn_value_norm_make(&arena, &keep, "value");
    const double batch[4][2] = {{3, 10}, {-1, 5}, {8, 70}, {2, 4.5}};
    EXPECT(nn_value_norm_mean(&v) == 0);
    EXPECT_NEAR(nn_value_norm_deviation(&v), 0.1, 1e-12);
    nn_value_norm_update(&v, 3, 10);
    EXPECT_NEAR(nn_value_norm_mean(&v), 3, 1e-9);
    EXPECT_NEAR(nn_value_norm_deviation(&v), 1, 1e-6);
    v.decay = 0.5, v.sums[0] = v.sums[1] = v.sums[2] = 0;
    double weight = 0, mean = 0, square = 0;
    for (int k = 0; k < 4; k++) {
        nn_value_norm_update(&v, batch[k][0], batch[k][1]);
        weight += 0.5 * pow(0.5, 3 - k);
        mean += 0.5 * pow(0.5, 3 - k) * batch[k][0], square += 0.5 * pow(0.5, 3 - k) * batch[k][1];
    }
    EXPECT_NEAR(nn_value_norm_mean(&v), mean / weight, 1e-12);
    EXPECT_NEAR(nn_value_norm_deviation(&v), sqrt(square / weight - pow(mean / weight, 2)), 1e-12);
    EXPECT(fm_keep_find(&keep, "value")->data == v.sums);
    fm_keep_free(&keep);
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(normalise_batches_merge), CASE(normalise_leaves_rows_out), CASE(normalise_applies_and_clips),
          CASE(normalise_rewards), CASE(normalise_rewards_far_from_zero), CASE(normalise_resumes),
          CASE(normalise_values))
