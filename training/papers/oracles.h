/* oracles.h: what the items of [Gerstgrasser & Parkes 2023] share: followers that are trained until they are
 * exact, what a leader gets, and the figures of it. */
#ifndef TRAINING_PAPERS_ORACLES_H
#define TRAINING_PAPERS_ORACLES_H

#include "base/arena.h"
#include "training/papers/curves.h"

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

/* ---- figures ---- */

#define ORACLES_PANELS_MAX 12
#define ORACLES_CURVES_MAX 48

/* A page that grows panel by panel, curve by curve; zeroed at first, and not to be moved. Curves of one title
 * look alike. Titles are the caller's. */
typedef struct oracles_figure {
    reproduce_panel panel[ORACLES_PANELS_MAX];
    reproduce_curve curve[ORACLES_CURVES_MAX];
    int variant[ORACLES_CURVES_MAX]; /* 0, 1, 2, ... */
    size_t panels, curves;
    fm_arena names;
} oracles_figure;

void oracles_panel(oracles_figure *f, const char *title);

/* In the panel begun last: a curve that is still to be filled; a column of progress, plus `shift`, by the
 * decisions of training, the mean over the trials with its interval; a number, as far as the curve before. */
reproduce_curve *oracles_add(oracles_figure *f, const char *title, size_t points);
void oracles_curve(oracles_figure *f, const char *title, const reproduce_trained *done, int column,
                   double shift);
void oracles_level(oracles_figure *f, const char *title, stats_interval value);

fm_status oracles_draw(const reproduce *r, const oracles_figure *f, const char *name, const char *x_label,
                       const char *y_label, fm_error *err);
void oracles_figure_free(oracles_figure *f);

#endif
