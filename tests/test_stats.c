/* test_stats.c: intervals, against values from statistical tables. */
#include "tests/test.h"

#include "base/random.h"
#include "training/show/stats.h"

TEST(stats_t_is_that_of_the_tables) {
    EXPECT_NEAR(stats_t95(1), 12.7062047362, 1e-8);
    EXPECT_NEAR(stats_t95(2), 4.30265272991, 1e-8);
    EXPECT_NEAR(stats_t95(3), 3.18244630528, 1e-8);
    EXPECT_NEAR(stats_t95(9), 2.26215716280, 1e-8);
    EXPECT_NEAR(stats_t95(10), 2.22813885196, 1e-8);
    EXPECT_NEAR(stats_t95(99), 1.98421695151, 1e-8);
    EXPECT_NEAR(stats_t95(100000), 1.95998779, 1e-6);
    EXPECT_NEAR(stats_t95(200000), 1.95996398, 1e-6);
}

TEST(stats_mean_and_its_interval) {
    static const double X[] = {1, 2, 3, 4};
    stats_interval r = stats_mean(X, 4);
    EXPECT_NEAR(r.mean, 2.5, 1e-12);
    EXPECT_NEAR(r.high - r.mean, 3.18244630528 * 1.29099444874 / 2, 1e-8);
    EXPECT_NEAR(r.mean - r.low, r.high - r.mean, 1e-12);
    EXPECT_NEAR(stats_deviation(X, 4), 1.29099444874, 1e-10);
}

TEST(stats_mean_of_few) {
    static const double X[] = {0.1, 0.1, 0.1};
    EXPECT(isnan(stats_mean(X, 0).mean));
    EXPECT(stats_mean(X, 1).mean == 0.1 && isnan(stats_mean(X, 1).low));
    stats_interval r = stats_mean(X, 3);
    EXPECT(r.mean == 0.1 && isnan(r.low) && isnan(r.high) && r.n == 3);
    EXPECT(isnan(stats_deviation(X, 1)));
}

TEST(stats_share_by_wilson) {
    stats_interval r = stats_share(100, 100);
    EXPECT(r.mean == 1 && r.high == 1);
    EXPECT_NEAR(r.low, 0.963005, 1e-5);
    r = stats_share(1, 10);
    EXPECT_NEAR(r.low, 0.017876, 1e-5);
    EXPECT_NEAR(r.high, 0.404150, 1e-5);
    r = stats_share(0, 10);
    EXPECT(r.low == 0);
    EXPECT_NEAR(r.high, 0.277533, 1e-5);
    EXPECT(isnan(stats_share(0, 0).mean));
}

/* No interval has the width zero because a few trials happened to be alike. */
TEST(stats_equal_shares_are_not_certain) {
    static const double ALL[] = {1, 1, 1, 1, 1, 1}, NONE[] = {0, 0}, SOME[] = {0.9, 1, 1}, ONE[] = {1};
    stats_interval r = stats_of_shares(stats_mean(ALL, 6)), six = stats_share(6, 6);
    EXPECT_NEAR(six.low, 0.609657, 1e-5);
    EXPECT(r.mean == 1 && r.low == six.low && r.high == 1);
    r = stats_of_shares(stats_mean(NONE, 2));
    EXPECT(r.low == 0 && r.high == stats_share(0, 2).high && r.high > 0.6);
    r = stats_of_shares(stats_mean(SOME, 3));
    EXPECT(r.high == 1 && r.low == stats_mean(SOME, 3).low);
    r = stats_of_shares(stats_mean(ONE, 1));
    EXPECT(r.mean == 1 && isnan(r.low));
    EXPECT(isnan(stats_of_shares(stats_mean(NULL, 0)).mean));
}

/* 95 of 100 intervals hold the truth; 2,000 draws leave a deviation of 0.5 points. */
TEST(stats_intervals_cover) {
    fm_rng rng = fm_rng_split(1, FM_RNG_TEST, 0, 0);
    int held = 0, shares = 0;
    for (int i = 0; i < 2000; i++) {
        double x[6];
        size_t hits = 0;
        for (int k = 0; k < 6; k++) x[k] = 3 + fm_rng_normal(&rng);
        for (int k = 0; k < 50; k++) hits += fm_rng_uniform(&rng) < 0.3;
        stats_interval mean = stats_mean(x, 6), share = stats_share(hits, 50);
        held += mean.low <= 3 && 3 <= mean.high;
        shares += share.low <= 0.3 && 0.3 <= share.high;
    }
    EXPECT_NEAR(held / 2000.0, 0.95, 0.02);
    EXPECT_NEAR(shares / 2000.0, 0.95, 0.025);
}

TEST(stats_quantiles_lie_on_lines_between_the_numbers) {
    double x[] = {5, 1, 4, 2}, one[] = {7};
    EXPECT_NEAR(stats_quantile(x, 4, 0.5), 3, 1e-12);
    EXPECT(x[0] == 1 && x[3] == 5);
    EXPECT_NEAR(stats_quantile(x, 4, 0), 1, 1e-12);
    EXPECT_NEAR(stats_quantile(x, 4, 1), 5, 1e-12);
    EXPECT_NEAR(stats_quantile(x, 4, 0.1), 1.3, 1e-12);
    EXPECT(stats_quantile(one, 1, 0.9) == 7 && isnan(stats_quantile(one, 0, 0.5)));
}

TEST_MAIN(CASE(stats_t_is_that_of_the_tables), CASE(stats_mean_and_its_interval), CASE(stats_mean_of_few),
          CASE(stats_share_by_wilson), CASE(stats_equal_shares_are_not_certain), CASE(stats_intervals_cover),
          CASE(stats_quantiles_lie_on_lines_between_the_numbers))
