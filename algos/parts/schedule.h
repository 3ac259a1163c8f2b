/* schedule.h: numbers that change during a run: the chance of exploring, the learning rate. Both are
 * functions of the step alone, so there is nothing to keep.
 *
 * Example (compiled by the tests):
 *
 *     algo_epsilon_schedule epsilon = {.start = 0.3, .decay = 0.9, .every = 500, .least = 0.01};
 *     if (algo_epsilon(&epsilon, 499) != 0.3) return 1;
 *     if (fabs(algo_epsilon(&epsilon, 1000) - 0.3 * 0.9 * 0.9) > 1e-12) return 1;
 *     if (algo_linear_decay(250, 1000) != 0.75) return 1;
 */
#ifndef ALGO_SCHEDULE_H
#define ALGO_SCHEDULE_H

#include <math.h>
#include <stdint.h>

#include "base/option.h"

/* Stands as it is in a config; ALGO_EPSILON_OPTIONS are its rows. */
typedef struct algo_epsilon_schedule {
    double start; /* chance of exploring at step 0 */
    double decay; /* factor after every `every` steps; 1: constant */
    int64_t every;
    double least; /* never below this (or `start`, when that is smaller) */
} algo_epsilon_schedule;

/* Rows for the schedule in `field` of a config, with their defaults: epsilon, epsilon_decay, epsilon_every,
 * epsilon_least. `who` completes "chance of ...". */
#define ALGO_EPSILON_OPTIONS(config, field, start_, decay_, every_, least_, who)                             \
    {"epsilon", FM_REAL, offsetof(config, field.start), start_, 0, 1, NULL, "", "chance of " who, "eps"},    \
        {"epsilon_decay", FM_REAL, offsetof(config, field.decay), decay_, 0, 1, NULL, "",                    \
         "factor of epsilon after every epsilon_every steps", ""},                                           \
        {"epsilon_every", FM_INT, offsetof(config, field.every), every_, 1, 1e15, NULL, "steps",             \
         "steps between two decays of epsilon", ""},                                                         \
        {"epsilon_least", FM_REAL, offsetof(config, field.least), least_, 0, 1, NULL, "",                    \
         "epsilon does not fall below", ""}

/* Chance of exploring at a step. */
double algo_epsilon(const algo_epsilon_schedule *schedule, int64_t step);

/* Falls from 1 at step 0 to 0 at `steps` and after. */
double algo_linear_decay(int64_t step, int64_t steps);

/* Falls from 1 at step 0 to `share` at `steps` and after: what is left of a quantity that falls linearly. */
double algo_falling(double share, int64_t step, int64_t steps);

#endif
