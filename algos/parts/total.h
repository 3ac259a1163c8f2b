/* total.h: the options of a leader's total derivative (nn/total.h), and what the log shows of it: what all
 * learners with a leader and a follower share. */
#ifndef ALGO_TOTAL_H
#define ALGO_TOTAL_H

#include "algos/algo.h"
#include "algos/parts/options.h"
#include "nn/total.h"

typedef struct algo_total_options {
    double damping;
    int64_t cg_iters;
    double cg_tolerance, guard;
    bool indefinite;
    int64_t implicit; /* ORDER nn_implicit */
} algo_total_options;

/* The paper's lambda, its 10 products, and the guards that published programs lack. */
#define ALGO_TOTAL_OPTIONS(config, at, lambda, multiple)                                                     \
    ALGO_REAL(config, at.damping, "damping", lambda, 0, 1e15, "",                                            \
              "added to the follower's curvature; large: the individual gradient", "lambda"),                \
        ALGO_INT(config, at.cg_iters, "cg_iters", "10", 1, 1e6, "products",                                  \
                 "with the follower's curvature at most, in an update", ""),                                 \
        ALGO_REAL(config, at.cg_tolerance, "cg_tolerance", "0.00001", 0, 1, "",                              \
                  "relative residual that is small enough", ""),                                             \
        ALGO_REAL(config, at.guard, "guard", multiple, 0, 1e15, "",                                          \
                  "the leader's direction is at most so many individual gradients long, 1 or more; 0: any",  \
                  ""),                                                                                       \
        ALGO_BOOL(config, at.indefinite, "indefinite", "false",                                              \
                  "conjugate gradient goes on through negative curvature, as published programs do"),        \
        ALGO_CHOICE(config, at.implicit, "implicit", "whole", "none|whole|length",                           \
                    "the follower's answer counts not at all, wholly, or for the length of the step only")

/* FM_BAD where the options do not fit together: a guard between 0 and 1. `name` is the algorithm's. */
fm_status algo_total_accepts(const char *name, const algo_total_options *options, fm_error *err);

/* With this damping, which may change during a run. */
nn_total_options algo_total_now(const algo_total_options *options, double damping);

/* What the log shows: the last update's report, the mean of those of several leaders, and how many updates
 * there were. Kept. */
typedef struct algo_total_log {
    double *shown;           /* [5] */
    int64_t *runs, *guarded; /* [1] so far */
} algo_total_log;

algo_total_log algo_total_log_make(const algo_setup *setup);

/* Takes in the reports of one update, one of each of n leaders. */
void algo_total_note(algo_total_log *log, const nn_total_report *report, size_t n);

/* ORDER: the rows, and the numbers that algo_total_measure writes; returns where they end. */
#define ALGO_TOTAL_METRICS                                                                                   \
    {"cg_iterations", "products", "with the follower's curvature in the last update", false},                \
        {"cg_residual", "", "of the linear system, relative to its right-hand side", false},                 \
        {"curvature", "", "smallest of the follower's loss, damping included, that was met", false},         \
        {"cosine", "", "of the total derivative and the individual gradient", false},                        \
        {"norm_ratio", "", "length of the total derivative by that of the individual gradient", false}, {    \
        "guard", "", "share of the updates so far in which a guard changed the step", false                  \
    }
double *algo_total_measure(const algo_total_log *log, double *values);

#endif
