/* normalise.h: observations and rewards of any unit, brought to about 1 by what was seen so far.
 *
 * The statistics are sums in double over everything that was ever passed to an update, merged batch by batch
 * [Chan 1983]; they are kept, so that a resumed run goes on, and a saved policy plays, with the same numbers.
 * Updating and applying are two calls: an evaluation applies only.
 *
 * Example (compiled by the tests):
 *
 *     fm_arena arena = {0};
 *     nn_normaliser obs = nn_normaliser_make(2, &arena, NULL, NULL);
 *     nn_reward_scaler scaler = nn_reward_scaler_make(1, 0.99, &arena, NULL, NULL);
 *     real x[3 * 2] = {1, 100, 2, 200, 3, 300}, y[3 * 2], scaled[1];
 *     double reward[1] = {1000};
 *     uint8_t done[1] = {0};
 *     nn_normaliser_update(&obs, x, 3, NULL);
 *     nn_normaliser_apply(&obs, x, 3, y);
 *     FM_CHECK(y[2] * y[2] < 1e-6 && y[0] * y[4] < -1, "mean 0, deviation 1: %g", (double)y[4]);
 *     nn_reward_scaler_update(&scaler, reward, done);
 *     nn_reward_scaler_apply(&scaler, reward, 1, scaled);
 *     FM_CHECK(scaled[0] == 10, "clipped");
 *     fm_arena_free(&arena);
 */
#ifndef NN_NORMALISE_H
#define NN_NORMALISE_H

#include "base/arena.h"
#include "base/keep.h"

/* ---- Observations ---- */

/* The mean and variance of n features, exactly those of what was seen; 0 and 1 before. (Gymnasium's
 * RunningMeanStd begins with 1e-4 of an observation of mean 0: for a feature about 20000 with variance 1 that
 * is still most of the variance after ten thousand.) Plain data; the numbers live in the arena. Change clip
 * freely. */
typedef struct nn_normaliser {
    size_t n;
    double clip;            /* of the result, +-; 10 after make, 0: none */
    double *count;          /* [1] rows seen */
    double *mean, *squares; /* [n]; the sums of squared deviations from the mean */
} nn_normaliser;

/* The numbers are added to `keep` (NULL: no) as "name.count", "name.mean", "name.squares". */
nn_normaliser nn_normaliser_make(size_t n, fm_arena *arena, fm_keep_list *keep, const char *name);

/* Takes in the rows of x [rows, n] whose `counts` [rows] is not 0 (NULL: all): the observation of an agent
 * that is not active means nothing. */
void nn_normaliser_update(nn_normaliser *z, const real *x, size_t rows, const uint8_t *counts);

/* (Biased) variance of feature j. */
double nn_normaliser_variance(const nn_normaliser *z, size_t j);

/* y = (x - mean) / sqrt(variance + 1e-8), clipped; x and y [rows, n], which may be the same. */
void nn_normaliser_apply(const nn_normaliser *z, const real *x, size_t rows, real *y);

/* ---- Rewards ---- */

/* Divides rewards by the deviation of the discounted return so far, R = gamma R + r in each copy, from 0 in
 * each episode; nothing is subtracted, so that a reward keeps its sign [Engstrom 2020; Gymnasium,
 * NormalizeReward]. In double, like the rewards: what tells them apart may be small beside what they have in
 * common. Plain data. Change returns.clip freely. */
typedef struct nn_reward_scaler {
    nn_normaliser returns; /* of the one number R, over all copies and steps */
    double gamma;
    size_t copies;
    double *running; /* [copies] the return R of the episode so far */
} nn_reward_scaler;

/* Kept as those of the returns, and "name.running". */
nn_reward_scaler nn_reward_scaler_make(size_t copies, double gamma, fm_arena *arena, fm_keep_list *keep,
                                       const char *name);

/* Takes in one step: reward [copies], and `done` [copies], whether the episode ended with it, however. */
void nn_reward_scaler_update(nn_reward_scaler *s, const double *reward, const uint8_t *done);

/* y = reward / sqrt(variance of R + 1e-8), clipped; reward and y [n]. */
void nn_reward_scaler_apply(const nn_reward_scaler *s, const double *reward, size_t n, real *y);

/* ---- Values ---- */

/* Mean and variance of a target that drifts as a policy gets better, so that a critic can learn it in units
 * of its deviation: running averages of a number and its square that forget by `decay` at every batch,
 * debiased by the weight that they have gathered; the variance is at least 0.01 [Yu 2022, ValueNorm]. Before
 * the first batch mean 0, deviation 0.1. Plain data; change decay freely. */
typedef struct nn_value_norm {
    double decay; /* 0.99999 after make */
    double *sums; /* [3] averages, as gathered, of 1, of the number, of its square */
} nn_value_norm;

/* Kept as "name". */
nn_value_norm nn_value_norm_make(fm_arena *arena, fm_keep_list *keep, const char *name);

/* Takes in a batch of which mean and mean square are given. */
void nn_value_norm_update(nn_value_norm *v, double mean, double square);

double nn_value_norm_mean(const nn_value_norm *v);
double nn_value_norm_deviation(const nn_value_norm *v);

#endif
