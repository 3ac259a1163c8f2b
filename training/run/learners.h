/* learners.h: one run, several learners: --learner AGENT=WHO gives an agent of the environment a learner
 * beside the main one, or a frozen policy.
 *
 *     --learner follower=idqn --set follower.lr=0.01     another algorithm, learning at the same time
 *     --learner follower=runs/biac-escape-s0             the policy of another run in the same game
 *
 * In a configuration file each is a section of its own, [learner.follower], whose first key is `from`. The
 * folder of a run holds a copy of every frozen policy, learners/AGENT, and their checksums in config.ini. */
#ifndef TRAINING_LEARNERS_H
#define TRAINING_LEARNERS_H

#include "algos/cast.h"
#include "training/run/policy.h"

typedef struct run_learner {
    char from[FM_TEXT_MAX], preset[FM_TEXT_MAX], checksum[FM_TEXT_MAX];
    int64_t trial, play;
    int agent;
    const algo_type *algo;
    void *config;       /* of one that learns; else NULL */
    policy *policy;     /* of one that is frozen; else NULL */
    algo_frozen frozen; /* likewise */
} run_learner;

/* Fills run->learner, run->learner_config and the list of those beside the main one, from the settings; the
 * environment is there. Errors: an agent that it does not have (with the nearest), a name that is neither an
 * algorithm nor a folder, what algo_cast_make refuses, a policy of another game or that was changed. */
fm_status learners_resolve(run_plan *run, fm_error *err);

/* Closes the policies. */
void learners_free(run_plan *run);

/* Their sections of config.ini. */
void learners_write(const run_plan *run, FILE *out);

/* Copies the frozen policies into the run's folder. After an error none of them is left. */
fm_status learners_copy(const run_plan *run, const char *folder, fm_error *err);

/* Removes such copies. */
void learners_remove(const run_plan *run, const char *folder);

#endif
