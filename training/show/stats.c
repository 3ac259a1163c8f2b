/* stats.c: see stats.h. */
#include "training/show/stats.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"

#define PI 3.14159265358979323846
#define Z95 1.959963984540054

/* P(-t < T < t) for whole degrees of freedom, as a finite sum [Abramowitz & Stegun 1964, 26.7.3-26.7.4]. */
static double t_within(double t, size_t freedom) {
    double angle = atan(t / sqrt((double)freedom));
    double c = cos(angle), s = sin(angle), sum = 0, term = 1;
    if (freedom % 2 == 0) {
        for (size_t k = 0; k < freedom / 2; k++) {
            sum += term;
            term *= c * c * (2.0 * (double)k + 1) / (2.0 * (double)k + 2);
        }
        return s * sum;
    }
    term = c;
    for (size_t k = 0; k < (freedom - 1) / 2; k++) {
        sum += term;
        term *= c * c * (2.0 * (double)k + 2) / (2.0 * (double)k + 3);
    }
    return 2 / PI * (angle + s * sum);
}

double stats_t95(size_t freedom) {
    FM_CHECK(freedom >= 1, "t with no degree of freedom");
    if (freedom > 100000) return Z95;
    double low = 0, high = 13;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (t_within(middle, freedom) < 0.95) low = middle;
        else high = middle;
    }
    return (low + high) / 2;
}

double stats_deviation(const double *x, size_t n) {
    if (n < 2) return NAN;
    double mean = stats_mean(x, n).mean, sum = 0;
    for (size_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (double)(n - 1));
}

/* Differences from the first number are averaged: equal numbers then leave no rounding. */
stats_interval stats_mean(const double *x, size_t n) {
    if (n == 0) return (stats_interval){(double)NAN, (double)NAN, (double)NAN, 0};
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] - x[0];
    double mean = x[0] + sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    if (n == 1 || squares == 0) return (stats_interval){mean, (double)NAN, (double)NAN, n};
    double half = stats_t95(n - 1) * sqrt(squares / (double)(n - 1) / (double)n);
    return (stats_interval){mean, mean - half, mean + half, n};
}

static stats_interval score_interval(double p, size_t n) {
    double z2 = Z95 * Z95, m = (double)n;
    double middle = (p + z2 / (2 * m)) / (1 + z2 / m);
    double half = Z95 * sqrt(p * (1 - p) / m + z2 / (4 * m * m)) / (1 + z2 / m);
    return (stats_interval){p, p <= 0 ? 0 : middle - half, p >= 1 ? 1 : middle + half, n};
}

stats_interval stats_share(size_t hits, size_t n) {
    if (n == 0) return stats_mean(NULL, 0);
    FM_CHECK(hits <= n, "share: %zu of %zu", hits, n);
    return score_interval((double)hits / (double)n, n);
}

stats_interval stats_of_shares(stats_interval mean) {
    if (isnan(mean.low)) return mean.n > 1 ? score_interval(mean.mean, mean.n) : mean;
    return (stats_interval){mean.mean, fmax(mean.low, 0), fmin(mean.high, 1), mean.n};
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double stats_quantile(double *x, size_t n, double share) {
    FM_CHECK(share >= 0 && share <= 1, "the quantile of a share of %g", share);
    if (n == 0) return (double)NAN;
    qsort(x, n, sizeof *x, by_size);
    double at = share * (double)(n - 1);
    size_t below = (size_t)at, above = below + 1 < n ? below + 1 : below;
    return x[below] + (at - (double)below) * (x[above] - x[below]);
}
