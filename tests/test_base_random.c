/* Random streams: the published sequence, independence of the splits, and the shape of every distribution. */
#include <float.h>
#include <stdlib.h>

#include "base/random.h"
#include "tests/test.h"

/* The first outputs of xoshiro256++ from the state 1, 2, 3, 4, as the reference implementation gives them. */
TEST(bits_are_the_published_sequence) {
    static const uint64_t WANT[] = {UINT64_C(41943041), UINT64_C(58720359), UINT64_C(3588806011781223),
                                    UINT64_C(3591011842654386), UINT64_C(9228616714210784205)};
    fm_rng rng = {{1, 2, 3, 4}};
    for (int i = 0; i < 5; i++) EXPECT(fm_rng_bits(&rng) == WANT[i]);
}

/* Computed once by an independent script: a change here makes every published run unrepeatable. */
TEST(split_is_pinned) {
    fm_rng rng = fm_rng_split(0, FM_RNG_INIT, 0, 0);
    EXPECT(fm_rng_bits(&rng) == UINT64_C(0x239b273c9643bedb));
    EXPECT(fm_rng_bits(&rng) == UINT64_C(0xfe37e8d5ff8ab797));
    EXPECT(fm_rng_bits(&rng) == UINT64_C(0xaa4865d819c5fb3d));
    rng = fm_rng_split(7, FM_RNG_EXPLORE, 3, 1);
    fm_rng again = rng;
    EXPECT(fm_rng_bits(&rng) == UINT64_C(0x0fee1ed25fde33f7));
    EXPECT_NEAR(fm_rng_normal(&again), 0.22495576930899813, 1e-15);
}

static int order_bits(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* No two of the splits near each other start alike, whichever word differs. */
TEST(split_differs) {
    enum { N = 8 * 7 * 8 * 8 };
    static uint64_t first[N];
    size_t n = 0;
    for (uint64_t seed = 0; seed < 8; seed++)
        for (int purpose = FM_RNG_INIT; purpose <= FM_RNG_TEST; purpose++)
            for (uint64_t env = 0; env < 8; env++)
                for (uint64_t agent = 0; agent < 8; agent++) {
                    fm_rng rng = fm_rng_split(seed, (fm_rng_purpose)purpose, env, agent);
                    first[n++] = fm_rng_bits(&rng);
                }
    EXPECT_EQ(n, N);
    qsort(first, N, sizeof *first, order_bits);
    for (int i = 1; i < N; i++) EXPECT(first[i] != first[i - 1]);
}

/* Across neighbouring streams every bit is set about half of the time. */
TEST(split_scrambles) {
    int set[64] = {0};
    for (uint64_t env = 0; env < 4096; env++) {
        fm_rng rng = fm_rng_split(1, FM_RNG_ENV, env, 0);
        uint64_t bits = fm_rng_bits(&rng);
        for (int i = 0; i < 64; i++) set[i] += (int)(bits >> i & 1);
    }
    for (int i = 0; i < 64; i++) EXPECT_NEAR(set[i], 2048, 5 * 32);
}

TEST(uniform_has_its_moments) {
    enum { N = 200000 };
    fm_rng rng = fm_rng_split(2, FM_RNG_TEST, 0, 0);
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        double u = fm_rng_uniform(&rng);
        if (u < 0 || u >= 1) EXPECT_NEAR(u, 0.5, 0.5);
        sum += u;
        squares += u * u;
    }
    EXPECT_NEAR(sum / N, 0.5, 5 * sqrt(1.0 / 12 / N));
    EXPECT_NEAR(squares / N, 1.0 / 3, 5 * sqrt(4.0 / 45 / N));
}

static void expect_normal(const double *x, int n) {
    double m[5] = {0};
    for (int i = 0; i < n; i++)
        for (int k = 1; k < 5; k++) m[k] += pow(x[i], k) / n;
    EXPECT_NEAR(m[1], 0, 5 * sqrt(1.0 / n));
    EXPECT_NEAR(m[2], 1, 5 * sqrt(2.0 / n));
    EXPECT_NEAR(m[3], 0, 5 * sqrt(15.0 / n));
    EXPECT_NEAR(m[4], 3, 5 * sqrt(96.0 / n));
}

TEST(normal_has_its_moments) {
    enum { N = 100001 };
    static double x[N];
    static real y[N];
    fm_rng rng = fm_rng_split(3, FM_RNG_TEST, 0, 0);
    for (int i = 0; i < N; i++) x[i] = fm_rng_normal(&rng);
    expect_normal(x, N);
    fm_rng_fill_normal(&rng, y, N);
    double together = 0;
    for (int i = 0; i < N; i++) x[i] = (double)y[i];
    for (int i = 1; i < N; i++) together += x[i] * x[i - 1] / N;
    expect_normal(x, N);
    EXPECT_NEAR(together, 0, 5 * sqrt(1.0 / N));
}

/* Two uniforms each time, nothing kept: the stream stands where two draws leave it. */
TEST(normal_draws_two) {
    fm_rng a = fm_rng_split(4, FM_RNG_TEST, 0, 0), b = a;
    fm_rng_normal(&a);
    fm_rng_bits(&b);
    fm_rng_bits(&b);
    EXPECT(memcmp(&a, &b, sizeof a) == 0);
}

TEST(gumbel_has_its_moments) {
    enum { N = 200000 };
    fm_rng rng = fm_rng_split(5, FM_RNG_TEST, 0, 0);
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        double g = fm_rng_gumbel(&rng);
        sum += g;
        squares += g * g;
    }
    double mean = sum / N, variance = 3.14159265358979 * 3.14159265358979 / 6;
    EXPECT_NEAR(mean, 0.57721566490153, 5 * sqrt(variance / N));
    EXPECT_NEAR(squares / N - mean * mean, variance, 5 * sqrt(4.4 * variance * variance / N));
}

/* xoshiro256++ returns (s0 + s3) rotated, plus s0: with s0 = 0 the outputs 0 and all ones are in reach. */
TEST(extreme_bits_stay_finite) {
    const fm_rng none = {{0, 1, 1, 0}}, all = {{0, 1, 1, UINT64_MAX}};
    fm_rng rng = none;
    EXPECT(fm_rng_bits(&rng) == 0);
    rng = all;
    EXPECT(fm_rng_bits(&rng) == UINT64_MAX);
    for (int i = 0; i < 2; i++) {
        const fm_rng start = i ? all : none;
        rng = start;
        double u = fm_rng_uniform(&rng);
        EXPECT(u >= 0 && u < 1);
        rng = start;
        EXPECT(isfinite(fm_rng_gumbel(&rng)));
        rng = start;
        EXPECT(isfinite(fm_rng_normal(&rng)));
        rng = start;
        real x;
        fm_rng_fill_uniform(&rng, &x, 1, -1, 1);
        EXPECT((double)x >= -1 && (double)x < 1);
        rng = start;
        fm_rng_fill_normal(&rng, &x, 1);
        EXPECT(isfinite((double)x));
    }
}

TEST(below_is_uniform) {
    enum { N = 70000 };
    int count[7] = {0};
    fm_rng rng = fm_rng_split(6, FM_RNG_TEST, 0, 0);
    for (int i = 0; i < N; i++) {
        uint64_t x = fm_rng_below(&rng, 7);
        EXPECT(x < 7);
        if (x < 7) count[x]++;
    }
    for (int i = 0; i < 7; i++) EXPECT_NEAR(count[i], N / 7, 5 * sqrt(N / 7.0));
    for (int i = 0; i < 100; i++) EXPECT_EQ(fm_rng_below(&rng, 1), 0);
}

/* Without rejection some values below 3 * 2^30 and 3 * 2^62 would come up twice as often as others: the
 * multiples of three where bits are multiplied, the lower ones where the remainder is taken. */
TEST(below_has_no_bias) {
    static const uint64_t LIMITS[] = {UINT64_C(3) << 30, UINT64_C(3) << 62, (UINT64_C(1) << 63) + 1};
    for (int k = 0; k < 3; k++) {
        fm_rng rng = fm_rng_split(7, FM_RNG_TEST, (uint64_t)k, 0);
        int third[3] = {0}, rest[3] = {0};
        for (int i = 0; i < 30000; i++) {
            uint64_t x = fm_rng_below(&rng, LIMITS[k]);
            EXPECT(x < LIMITS[k]);
            third[x / (LIMITS[k] / 3 + 1)]++;
            rest[x % 3]++;
        }
        for (int i = 0; i < 3; i++) EXPECT_NEAR(third[i], 10000, 5 * sqrt(10000.0));
        for (int i = 0; i < 3; i++) EXPECT_NEAR(rest[i], 10000, 5 * sqrt(10000.0));
    }
}

TEST(fill_uniform_stays_inside) {
    enum { N = 10000 };
    static real x[N];
    fm_rng rng = fm_rng_split(8, FM_RNG_TEST, 0, 0);
    fm_rng_fill_uniform(&rng, x, N, 2, 5);
    double sum = 0;
    for (int i = 0; i < N; i++) {
        EXPECT((double)x[i] >= 2 && (double)x[i] < 5);
        sum += (double)x[i];
    }
    EXPECT_NEAR(sum / N, 3.5, 5 * sqrt(9.0 / 12 / N));
    fm_rng_fill_uniform(&rng, x, 3, 0.5, 0.5);
    EXPECT(x[0] == (real)0.5 && x[2] == (real)0.5);
}

/* The first entries do not depend on how many follow. */
TEST(fill_normal_has_prefixes) {
    real x[10], y[10] = {0};
    for (size_t n = 0; n <= 9; n++) {
        fm_rng a = fm_rng_split(9, FM_RNG_TEST, 0, 0), b = a;
        fm_rng_fill_normal(&a, x, 10);
        fm_rng_fill_normal(&b, y, n);
        EXPECT(memcmp(x, y, n * sizeof *x) == 0);
        EXPECT(y[n] == 0);
    }
}

TEST_MAIN(CASE(bits_are_the_published_sequence), CASE(split_is_pinned), CASE(split_differs),
          CASE(split_scrambles), CASE(uniform_has_its_moments), CASE(normal_has_its_moments),
          CASE(normal_draws_two), CASE(gumbel_has_its_moments), CASE(extreme_bits_stay_finite),
          CASE(below_is_uniform), CASE(below_has_no_bias), CASE(fill_uniform_stays_inside),
          CASE(fill_normal_has_prefixes))
