/* stats.h: means and shares with 95 % intervals.
 *
 * Example (compiled by the tests):
 *     static const double returns[] = {19, 20, 21};
 *     stats_interval r = stats_mean(returns, 3);
 *     if (r.mean != 20 || r.low >= 20 || r.high <= 20) return 1;
 */
#ifndef TRAINING_STATS_H
#define TRAINING_STATS_H

#include <stddef.h>

typedef struct stats_interval { double mean, low, high; } stats_interval;

/* Mean of n numbers and its two-sided 95 % interval by Student's t. One number alone says nothing about
 * its spread: low and high are NAN. No number: all are NAN. Equal numbers give exactly that number three
 * times. */
stats_interval stats_mean(const double *x, size_t n);

/* Share of `hits` in n and its 95 % score interval [Wilson 1927]. n = 0: all NAN. */
stats_interval stats_share(size_t hits, size_t n);

/* Standard deviation with n - 1 below; NAN when n < 2. */
double stats_deviation(const double *x, size_t n);

/* The number below which a share of n numbers lies, 0 <= share <= 1, between two of them by a straight line;
 * NAN when there is none. Sorts x. */
double stats_quantile(double *x, size_t n, double share);

/* The t for which a Student variable of `freedom` >= 1 degrees lies within -t..t with probability 0.95. */
double stats_t95(size_t freedom);

#endif
