/* algo.h: the algorithm contract.
 *
 * An algorithm is one file and one row in algos/table.h. It sees the facts of an environment and rows of
 * numbers; it opens no file, prints nothing and never calls the environment. Whoever runs it
 * (training/stage.h) calls
 *
 *     act      chooses a joint action for every copy of the environment
 *     observe  is shown what came of it
 *     update   does the learning that is due after this step
 *
 * `act` serves training, evaluation and play alike. What differs between them belongs to the caller: the
 * mode, the random streams, and the memory of a policy that remembers. So an evaluation disturbs nothing.
 *
 * Everything of the learner that must survive an interruption is added to `keep` when it is made
 * (base/keep.h), what `measure` shows included; the streams that an update draws from are split from
 * (seed, purpose, 0, agent) and kept as well. Then an interrupted and resumed run equals an uninterrupted
 * one, bit for bit. Nothing is allocated after `create` but inside the tape's arena.
 *
 * How much is learned per decision does not depend on the number of copies: algos/parts/cadence.h counts.
 *
 * Rows are as in env_view (envs/env.h): obs [copies][obs_total], actions [copies][action_total], rewards
 * [copies][agents]. */
#ifndef ALGO_ALGO_H
#define ALGO_ALGO_H

#include "autograd/ad.h"
#include "base/keep.h"
#include "envs/env.h"

/* What an algorithm gets to build itself. Everything is borrowed and outlives it. */
typedef struct algo_setup {
    const env_facts *facts;
    const void *config; /* filled from the algorithm's options */
    int num_envs;       /* copies of the environment that train it; a view may have fewer rows */
    int64_t steps;      /* decisions of the whole run, for schedules */
    uint64_t seed;
    ad_tape *tape;   /* the learner's own; the caller looks at it when a number went wrong */
    fm_arena *arena; /* `run` arena: lives as long as the algorithm */
    fm_keep_list *keep;
} algo_setup;

typedef enum algo_mode {
    ALGO_TRAIN,  /* with exploration; the decisions that `observe` is shown */
    ALGO_SAMPLE, /* the policy as it is, its own randomness included, without exploration */
    ALGO_GREEDY  /* the most likely or best action; draws nothing */
} algo_mode;

/* What one step of every copy brought, between the two halves of a step (envs/vector.h). */
typedef struct algo_step {
    env_view before;           /* what the agents saw when they acted */
    const real *actions;       /* [copies][action_total] as they were chosen */
    const double *rewards;     /* [copies][agents] */
    env_view after;            /* what they see now; the final observation of an episode that ended */
    const uint8_t *done;       /* [copies][agents] the agent has no future: bootstrap nothing */
    const uint8_t *terminated; /* [copies] nobody has */
    const uint8_t *truncated;  /* [copies] cut off: bootstrap from `after` */
} algo_step;

/* Named settings that replace the defaults: chosen by the environment's name, or by `--preset NAME`. */
typedef struct algo_preset {
    const char *name;     /* "" = applied by itself; else only when asked for */
    const char *env;      /* environment's name, "" = every environment */
    int64_t steps;        /* default of --steps, 0 = leave */
    const char *settings; /* "key=value key=value" */
} algo_preset;

/* A number that the log shows. `per_agent`: one column for each agent, named NAME_0, NAME_1, ... */
typedef struct algo_metric {
    const char *name, *unit, *doc; /* "" where there is no unit */
    bool per_agent;
} algo_metric;

typedef struct algo_type {
    const char *name;
    const char *doc;   /* one line */
    const char *paper; /* "Zhang et al., AAAI 2020" */
    const fm_option *options;
    size_t config_size;
    const algo_preset *presets; /* ended by a row whose settings are NULL; later rows win; may be NULL */
    int64_t steps;              /* default number of decisions of a run */
    bool restless;              /* draws even in greedy play: of one algorithm alone, never */

    /* Optional (NULL): changes defaults that follow from the size of the game, `config` and `steps`; before
     * presets and settings, and not where a preset is asked for by name, which repeats what was published,
     * nor of a learner beside the main one (--learner), which sees one agent and no game. */
    void (*fit)(const env_facts *facts, void *config, int64_t *steps);

    /* Whether it can play this environment with this config: FM_BAD with the reason otherwise
     * ("biac needs discrete actions for the leader; 'duopoly' has a box"). */
    fm_status (*accepts)(const env_facts *facts, const void *config, fm_error *err);

    /* Builds the learner in setup->arena. Called only after `accepts` said yes. */
    void *(*create)(const algo_setup *setup);

    /* Writes the joint action of every row of the view, by the streams rng [copies]. `memory`
     * [copies][memory_length] is the caller's, zero at an episode's first decision, and carried over to the
     * next one; NULL when there is none. What it writes for agents that are not active is ignored. */
    void (*act)(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory, real *actions);
    void (*observe)(void *self, const algo_step *step);
    void (*update)(void *self);

    /* Optional (NULL): numbers of memory per copy that `act` carries from decision to decision. */
    size_t (*memory_length)(const void *self);

    /* What the log shows (ended by a row without name), and the present values in that order, those of a
     * per_agent row one after another. FM_ABSENT: not known yet. */
    const algo_metric *metrics;
    void (*measure)(const void *self, double *values);

    /* Optional (NULL): each agent's estimate of the joint actions [copies][action_total] -> values
     * [copies][agents]. */
    void (*values)(void *self, const env_view *view, const real *actions, double *values);
    /* Optional (NULL): probability that discrete agent i takes its action given its superiors' ->
     * [copies][agents]. */
    void (*probabilities)(void *self, const env_view *view, const real *actions, double *probabilities);

    /* Optional (NULL: nobody looks at another's action of the same decision): writes the agent's action in
     * every row, where the actions of all above it stand. What becomes of the others' is of no use. */
    void (*answer)(void *self, const env_view *view, int agent, algo_mode mode, fm_rng *rng, real *actions);

    /* Gives back what the arena does not own; NULL when there is nothing. */
    void (*destroy)(void *self);
} algo_type;

/* The table of algorithms, ended by NULL. */
extern const algo_type *const ALGO_TABLE[];

/* Row of that name, or NULL. */
const algo_type *algo_find(const char *name);

/* Columns of an algorithm's metrics for these facts, and the name of one ("loss", "entropy_1") written to
 * `text`; its row is returned. */
int algo_metric_count(const algo_type *algo, const env_facts *facts);
const algo_metric *algo_metric_at(const algo_type *algo, const env_facts *facts, int column, char *text,
                                  size_t size);

#endif
