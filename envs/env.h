/* env.h: the environment contract.
 *
 * An environment is one file and one row in envs/table.c: a struct of functions (`env_type`) and *facts as
 * data* (`env_facts`), which the loop, the reports and the tests read instead of knowing the environment. All
 * agents act at once; an order of leadership is a fact (`level`), not a turn.
 *
 * Three kinds of memory, with one owner each:
 *   game    read-only data built once by `create` from the options (payoffs, roads); shared by all copies.
 *   state   `facts.state_size` bytes without pointers, one per copy, owned by the vectoriser: copying the
 *           bytes copies the situation, which is what checkpoints and exact play rely on.
 *   io      slices of the vectoriser's buffers; the environment writes them and never keeps a pointer.
 * `reset` and `step` never allocate, print or do IO, and draw chance only from the stream they are given.
 *
 * Layout of one copy's slices, N agents:
 *   obs      the observations of agent 0, 1, ... one after another; agent i's starts at facts.obs_at[i]
 *   actions  agent i's starts at facts.action_at[i]: one number, the index, for a discrete space; else `size`
 *            numbers
 *   mask     one byte per discrete action of every agent, agent i's from facts.mask_at[i]; 1 = legal
 *
 * To add one: write envs/NAME.c with an `env_type`, add its row to envs/table.c; `make test` then runs the
 * conformance test on it. */
#ifndef ENV_ENV_H
#define ENV_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/option.h"
#include "base/random.h"
#include "base/real.h"

#define ENV_AGENTS_MAX 16

/* What an agent can do: `n` > 0 discrete actions 0..n-1; or n = 0 and a box of `size` numbers within
 * low..high. */
typedef struct env_space {
    int n;
    int size;                  /* box: numbers per action; discrete: 1 */
    const double *low, *high;  /* box: [size]; discrete: NULL */
    const char *const *labels; /* discrete: [n] names of the actions, or NULL */
} env_space;

typedef enum env_rewards { ENV_COMMON, ENV_GENERAL_SUM } env_rewards;

/* A solution that is known from theory or from an exact solver, for reports and tests. */
typedef struct env_solution {
    const char *concept;          /* "nash", "stackelberg", ... */
    const char *label;            /* "A-X", "both at 20" */
    double value[ENV_AGENTS_MAX]; /* undiscounted return of each agent */
    double
        action[ENV_AGENTS_MAX]; /* one-shot games with one number per action: the joint action, else unused */
    const char *source;         /* paper, or "exact" when a solver in this library computed it */
} env_solution;

/* Everything about an environment that is data. Filled by `create`; pointers live in the arena given to
 * it. */
typedef struct env_facts {
    const char *name, *title, *source;
    int agents;
    const char *agent_name[ENV_AGENTS_MAX];
    int level[ENV_AGENTS_MAX]; /* leader-follower order: 0 commits first; agents of one level move together */
    int obs_length[ENV_AGENTS_MAX];
    env_space action[ENV_AGENTS_MAX];
    int64_t horizon; /* decisions after which an episode is truncated; 1 for one-shot games */
    env_rewards rewards;
    double reward_low[ENV_AGENTS_MAX], reward_high[ENV_AGENTS_MAX]; /* bounds of one step's reward */
    bool masks;                                                     /* whether some actions can be illegal */
    bool deterministic;              /* whether `step` draws no chance (reset may) */
    size_t state_size;               /* bytes of one copy's state */
    int readings;                    /* named numbers a person would want to see */
    const char *const *reading_name; /* [readings] */
    int outcomes;                    /* ways in which an episode can end, 0 when they are not counted */
    const char *const *outcome_name; /* [outcomes] */
    int solutions;
    const env_solution *solution;    /* [solutions] */
    const struct bimatrix *bimatrix; /* the payoff tables of a one-shot two-player game, else NULL */

    /* Derived by env_facts_finish, so that nobody computes them twice. */
    int obs_at[ENV_AGENTS_MAX + 1], action_at[ENV_AGENTS_MAX + 1], mask_at[ENV_AGENTS_MAX + 1];
    int obs_total, action_total, mask_total;
} env_facts;

/* One copy's slices. All borrowed from the vectoriser. */
typedef struct env_io {
    real *obs;           /* [obs_total], written by reset and step */
    const real *actions; /* [action_total], read by step */
    double *rewards;     /* [agents], written by step; zero before */
    uint8_t *mask;       /* [mask_total]; all ones before; written only when facts.masks */
    uint8_t *alive;      /* [agents]; all ones before */
    bool terminated; /* step sets it when the episode ended by its rules (the horizon is the vectoriser's) */
} env_io;

/* One environment: a row of the table. */
typedef struct env_type {
    const char *name;
    const char *doc;          /* one line */
    const fm_option *options; /* NULL when it has none */
    size_t config_size;       /* bytes of the struct those options fill */

    /* Builds the game and its facts from a filled config; both live in `arena`. Errors: options that do not
     * fit. */
    fm_status (*create)(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err);
    void (*reset)(const void *game, void *state, fm_rng *rng, env_io *io);
    void (*step)(const void *game, void *state, fm_rng *rng, env_io *io);
    /* Draws the situation as text for a person; `actions` is the last joint action, or NULL after a reset. */
    void (*render)(const void *game, const void *state, const real *actions, FILE *out);
    /* Fills [facts.readings] numbers. */
    void (*read)(const void *game, const void *state, double *readings);
    /* The outcome (0..outcomes-1) of an episode that has just ended; NULL when facts.outcomes is 0. */
    int (*outcome)(const void *game, const void *state);
} env_type;

/* An environment that is ready to play. */
typedef struct env {
    const env_type *type;
    void *game;
    void *config; /* filled config, in the arena */
    env_facts facts;
} env;

/* The table of environments, ended by NULL. */
extern const env_type *const ENV_TABLE[];

/* Row of that name, or NULL. */
const env_type *env_find(const char *name);

/* Fills `type` and a default config for a name of the table or a path to a .nfg file; the caller may then set
 * options in env->config through type->options, and calls env_create. Errors: an unknown name (the nearest is
 * named). */
fm_status env_open(const char *name_or_path, fm_arena *arena, env *env, fm_error *err);
fm_status env_create(env *env, fm_arena *arena, fm_error *err);

/* Computes the derived fields and checks the given ones; aborts on facts that contradict each other. */
void env_facts_finish(env_facts *facts);

/* The label of an agent's discrete action ("FASTER"), or its index as text written to `text`. */
const char *env_action_label(const env_facts *facts, int agent, int action, char *text, size_t size);

/* The index of a discrete action given by label (case as written, or in any case when that is unique) or by
 * index; FM_BAD naming the nearest label otherwise. */
fm_status env_action_parse(const env_facts *facts, int agent, const char *text, int *action, fm_error *err);

/* The solution of that concept, or NULL. */
const env_solution *env_facts_solution(const env_facts *facts, const char *concept);

#endif
