/* stats.h: means and shares with 95 % intervals.
 *
 * Example (compiled by the tests):
 *     static const double returns[] = {19, 20, 21};
 *     stats_interval r = stats_mean(returns, 3);
 *     if (r.mean != 20 || r.low >= 20 || r.high <= 20 || r.n != 3) return 1;
 */
#ifndef TRAINING_STATS_H
#define TRAINING_STATS_H

#include <stddef.h>

typedef struct stats_interval { double mean, low, high; size_t n; } stats_interval; /* n: of how many */

/* Mean of n numbers and its two-sided 95 % interval by Student's t. One number says nothing about the spread,
 * and neither do several that are all equal: low and high are NAN, and the mean of equal ones is exactly that
 * number. No number: all are NAN. */
stats_interval stats_mean(const double *x, size_t n);

/* Share of `hits` in n and its 95 % score interval [Wilson 1927]: 6 of 6 is 61 to 100 %. n = 0: all NAN. */
stats_interval stats_share(size_t hits, size_t n);

/* The same for a mean of shares, such as those of outcomes in the episodes of each trial: its interval cut to
 * 0..1. Where all n > 1 were equal it is the score interval as if each were one trial that succeeds or not,
 * than which no share of that mean varies more. */
stats_interval stats_of_shares(stats_interval mean);

/* Standard deviation with n - 1 below; NAN when n < 2. */
double stats_deviation(const double *x, size_t n);

/* The number below which a share of n numbers lies, 0 <= share <= 1, between two of them by a straight line;
 * NAN when there is none. Sorts x. */
double stats_quantile(double *x, size_t n, double share);

/* The t for which a Student variable of `freedom` >= 1 degrees lies within -t..t with probability 0.95. */
double stats_t95(size_t freedom);

#endif
