/* published.h: what the programs behind published tables did wrong, for repeating those tables and nothing
 * else. Each family of learners calls its hook where it is about to use numbers; with all faults off the hook
 * does nothing, so the right algorithm can be read without them. */
#ifndef ALGO_PUBLISHED_H
#define ALGO_PUBLISHED_H

#include "algos/parts/options.h"
#include "base/real.h"

/* Of independent Q-learners in the reference experiments of [Zhang 2020]. */
typedef struct published_q_faults {
    bool bootstrap_terminal, clamp_targets, blind;
} published_q_faults;

#define PUBLISHED_Q_OPTIONS(config, at)                                                                      \
    ALGO_BOOL(config, at.bootstrap_terminal, "bootstrap_terminal", "false",                                  \
              "fault of a published program: bootstraps also where an episode ended"),                       \
        ALGO_BOOL(config, at.clamp_targets, "clamp_targets", "false",                                        \
                  "fault of a published program: cuts targets at 1"),                                        \
        ALGO_BOOL(config, at.blind, "blind", "false",                                                        \
                  "fault of a published program: the networks see zeros instead of observations")

typedef enum published_q_place {
    PUBLISHED_Q_OBS,
    PUBLISHED_Q_NOT_DONE,
    PUBLISHED_Q_TARGET
} published_q_place;

/* Changes the n numbers that are about to be used in that place. */
void published_q(const published_q_faults *faults, published_q_place place, real *x, size_t n);

/* Of TD3 there: the first critic alone in the targets, and the smaller of the two for the actors. */
typedef struct published_td3_faults {
    bool swap_critics;
} published_td3_faults;

#define PUBLISHED_TD3_OPTIONS(config, at)                                                                    \
    ALGO_BOOL(config, at.swap_critics, "swap_critics", "false",                                              \
              "fault of a published program: the smaller critic for the actors, not the targets")

/* Of how many critics the smallest is taken, in the targets and for the actors. */
void published_td3(const published_td3_faults *faults, int *target_critics, int *actor_critics);

#endif
