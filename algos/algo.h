/* algo.h: the algorithm contract.
 *
 * An algorithm is one file and one row in algos/table.c. It sees the facts of an environment and rows of
 * numbers; it opens no file, prints nothing and never calls the environment. The loop (training/loop.h)
 * drives it:
 *
 *     act      chooses a joint action for every copy of the environment, exploring or greedy
 *     observe  is shown what came of it
 *     update   does the learning that is due after this step
 *
 * Everything that must survive an interruption is added to `keep` when it is made (base/keep.h), and every
 * random draw comes from a stream split from (seed, purpose, copy, agent) that is kept as well: then an
 * interrupted and resumed run equals an uninterrupted one, bit for bit. Nothing is allocated after `create`
 * but inside the tape's arena.
 *
 * Rows are as in envs/vector.h: obs [copies][obs_total], actions [copies][action_total], rewards
 * [copies][agents]. */
#ifndef ALGO_ALGO_H
#define ALGO_ALGO_H

#include "base/keep.h"
#include "envs/env.h"

/* What an algorithm gets to build itself. Everything is borrowed and outlives it. */
typedef struct algo_setup {
    const env_facts *facts;
    const void *config; /* filled from the algorithm's options */
    int copies;         /* of the environment that act and observe show */
    int64_t steps;      /* decisions of the whole run, for schedules */
    uint64_t seed;
    fm_arena *arena; /* `run` arena: lives as long as the algorithm */
    fm_keep_list *keep;
} algo_setup;

/* What the agents see now. */
typedef struct algo_view {
    int copies;          /* rows; at most setup.copies */
    const real *obs;     /* [copies][obs_total] */
    const uint8_t *mask; /* [copies][mask_total] */
} algo_view;

/* What one step of every copy brought. */
typedef struct algo_step {
    algo_view before;
    const real *actions;       /* [copies][action_total] */
    const double *rewards;     /* [copies][agents] */
    algo_view after;           /* the final observation of an episode that ended, not the first of the next */
    const uint8_t *terminated; /* [copies] no future: bootstrap nothing */
    const uint8_t *truncated;  /* [copies] cut off: bootstrap from `after` */
    const uint8_t *alive;      /* [copies][agents] */
} algo_step;

/* Named settings that replace the defaults: chosen by the environment's name, or by `--set preset=NAME`. */
typedef struct algo_preset {
    const char *name;     /* "" = applied by itself; else only when asked for */
    const char *env;      /* environment's name, "" = every environment */
    int64_t steps;        /* default of --steps, 0 = leave */
    const char *settings; /* "key=value key=value" */
} algo_preset;

#define ALGO_METRICS_MAX 16

typedef struct algo_type {
    const char *name;
    const char *doc;   /* one line */
    const char *paper; /* "Zhang et al., AAAI 2020" */
    const fm_option *options;
    size_t config_size;
    const algo_preset *presets; /* ended by a row whose settings are NULL; later rows win; may be NULL */
    int64_t steps;              /* default number of decisions of a run */

    /* Whether it can play this environment with this config: FM_BAD with the reason otherwise
     * ("biac needs discrete actions for the leader; 'duopoly' has a box"). */
    fm_status (*accepts)(const env_facts *facts, const void *config, fm_error *err);

    /* Builds the learner in setup->arena. Called only after `accepts` said yes. */
    void *(*create)(const algo_setup *setup);

    /* Writes the joint action of every row. `greedy`: no exploration and no draw from any stream. */
    void (*act)(void *self, const algo_view *view, bool greedy, real *actions);
    void (*observe)(void *self, const algo_step *step);
    void (*update)(void *self);

    /* Names (ended by NULL) and current values of what the log shows: losses, norms, entropies. */
    const char *const *metric_names;
    void (*metrics)(const void *self, double *values);

    /* Optional (NULL): each agent's estimate of the joint actions [copies][action_total] -> values
     * [copies][agents]. */
    void (*values)(void *self, const algo_view *view, const real *actions, double *values);
    /* Optional (NULL): probability that discrete agent i takes its action given its superiors' ->
     * [copies][agents]. */
    void (*probabilities)(void *self, const algo_view *view, const real *actions, double *probabilities);

    /* Gives back what the arena does not own; NULL when there is nothing. */
    void (*destroy)(void *self);
} algo_type;

/* The table of algorithms, ended by NULL. */
extern const algo_type *const ALGO_TABLE[];

/* Row of that name, or NULL. */
const algo_type *algo_find(const char *name);

#endif
