/* oracles.h: what the items of [Gerstgrasser & Parkes 2023] share: followers that are trained until they are
 * exact, and what a leader gets. */
#ifndef TRAINING_PAPERS_ORACLES_H
#define TRAINING_PAPERS_ORACLES_H

#include "training/papers/item.h"

/* Room for "follower=" and the path of a folder. */
#define ORACLES_WHO_MAX (REPRODUCE_PATH_MAX + 32)

/* Trains one follower, of r->config->seed, against all leaders of the game that the settings name, and anew
 * with twice the steps while it is not exact. To who: "follower=FOLDER", for --learner; to *steps the
 * decisions of all attempts. Puts a row with the number of tables against which it is exact. */
fm_status oracles_follower(reproduce *r, const char *name, const char *settings, char who[ORACLES_WHO_MAX],
                           int64_t *steps, fm_error *err);

/* The sum of payoffs behind a return of that many rounds: every reward has 2.5 taken off. */
static inline double oracles_sum(double value, int64_t rounds) { return value + 2.5 * (double)rounds; }

/* Means over the trials, in sums of payoffs of `rounds`: of greedy play at the end, and of 200 episodes of
 * the policies as they are. */
stats_interval oracles_greedy(const reproduce_trained *done, int64_t rounds);
fm_status oracles_sampled(const reproduce_trained *done, int64_t rounds, stats_interval *sum, fm_error *err);

#endif
