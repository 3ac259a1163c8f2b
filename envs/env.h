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
 * Layout of one copy's slices, N agents; agent i's part starts at facts.agent[i].obs_at and so on:
 *   obs      the observations of agent 0, 1, ... one after another
 *   actions  one number, the index, for a discrete space; one index per head; or the numbers of a box
 *   mask     one byte per discrete action (of every head, one after another); 1 = legal
 *
 * Not every agent need act at every decision. `active` says whose action counts at the decision that comes
 * next: an agent that died, or that waits while others move, is not active; its action must have no effect,
 * its mask and observation mean nothing (but are numbers), and its rewards belong to its last active step.
 * `learns` says whether that decision earns credit: a query of a policy counts but may be hidden from
 * learning. `done` says that the agent's episode is over by the rules, though others may go on: it has no
 * future, is not active any more and earns nothing more.
 *
 * To add one: write NAME.c in a folder of envs/ with an `env_type`, add its row to envs/table.c; `make test`
 * then runs the conformance test on it. */
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

typedef enum env_space_kind { ENV_DISCRETE, ENV_MULTI_DISCRETE, ENV_BOX } env_space_kind;

/* What an agent can do: one of n actions; one action of each of several heads; or a box of numbers. Made by
 * the functions below, which borrow their arrays. */
typedef struct env_space {
    env_space_kind kind;
    int size;                  /* numbers per action: 1; heads; numbers of the box */
    int n;                     /* discrete: actions, else 0 */
    const int *heads;          /* multi-discrete: [size] actions of each head, else NULL */
    const double *low, *high;  /* box: [size], else NULL */
    const char *const *labels; /* names of the actions (of every head, one after another), or NULL */
} env_space;

env_space env_discrete(int n, const char *const *labels);
env_space env_multi_discrete(int heads, const int *actions, const char *const *labels);
env_space env_box(int size, const double *low, const double *high);

/* Actions of one head (head 0 of a discrete space: all of them), and of all heads together, which are the
 * bytes of its mask; 0 for a box. */
int env_space_actions(const env_space *space, int head);
int env_space_choices(const env_space *space);

typedef enum env_rewards { ENV_COMMON, ENV_GENERAL_SUM } env_rewards;

/* A solution that is known from theory or from an exact solver, for reports and tests. */
typedef struct env_solution {
    const char *concept;  /* "nash", "stackelberg", ... */
    const char *label;    /* "A-X", "both at 20" */
    const double *value;  /* [agents] undiscounted return of each agent */
    const double *action; /* [action_total] the joint action of a one-shot game, or NULL */
    const char *source;   /* paper, or "exact" when a solver in this library computed it */
} env_solution;

/* One agent. The last three are derived. */
typedef struct env_agent {
    const char *name;
    int level; /* leader-follower order: 0 commits first; agents of one level move together */
    int obs_length;
    env_space action;
    double reward_low, reward_high; /* bounds of one step's reward */
    bool one_hot; /* its observation is the one-hot of which of obs_length situations it is in */
    int obs_at, action_at, mask_at; /* where its slices start */
} env_agent;

/* Everything about an environment that is data. Filled by `create`; pointers live in the arena given to
 * it. */
typedef struct env_facts {
    const char *name, *title, *source;
    /* What a policy can be taken along to: "iterated hero, joint memory, horizon 10". Environments that state
     * the same have the same agents, or some of them. NULL: this one, with the same options. */
    const char *game;
    int agents;
    env_agent *agent;   /* [agents] */
    int central_length; /* numbers of the centralised state, 0 when there is none */
    int64_t horizon;    /* decisions after which an episode is truncated; 1 for one-shot games */
    bool fixed_length;  /* the rules end every episode after just `horizon` decisions, at each of which all
                         * agents act; derived where the horizon is 1 */
    env_rewards rewards;
    bool masks;         /* whether some actions can be illegal */
    bool pauses;        /* whether an agent can be inactive although it is not done */
    bool raw_actions;   /* whether box actions arrive as they were chosen, not clipped to the bounds */
    bool deterministic; /* whether `step` draws no chance (reset may) */
    size_t state_size;  /* bytes of one copy's state */
    size_t carried;     /* the last so many of them outlive the end of an episode: zeros before the first */
    int readings;       /* named numbers a person would want to see */
    const char *const *reading_name; /* [readings] */
    int outcomes;                    /* ways in which an episode can end, 0 when they are not counted */
    const char *const *outcome_name; /* [outcomes] */
    int starts; /* situations in which an episode begins, when they are listed; else 0 */
    const double *start_chance; /* [starts] with which reset draws each */
    int solutions;
    const env_solution *solution;    /* [solutions] */
    const struct bimatrix *bimatrix; /* the payoff tables of a one-shot two-player game, else NULL */
    const struct bimatrix *file;     /* what was read from a game file, however it is played; else NULL */

    /* Derived by env_facts_finish, so that nobody computes them twice. */
    int obs_total, action_total, mask_total;
} env_facts;

/* One copy's slices. All borrowed from the vectoriser. */
typedef struct env_io {
    real *obs;           /* [obs_total], written whole by reset and step */
    real *central;       /* [central_length], likewise */
    const real *actions; /* [action_total], read by step; zeros for an agent that is not active */
    double *rewards;     /* [agents], written by step; zero before */
    uint8_t *mask;       /* [mask_total]; all ones before; written only when facts.masks */
    uint8_t *active;     /* [agents] of the decision that comes next; ones before, zeros where done */
    uint8_t *learns;     /* [agents] likewise; all ones before */
    uint8_t *done;       /* [agents]; step sets it for an agent whose episode ended, and it stays set */
    bool terminated;     /* step sets it when the episode ended by its rules: all agents are done with it,
                          * and it must be set when they are */
    bool truncated;      /* step may set it; the horizon is the vectoriser's */
} env_io;

/* Rows of many copies, as a learner sees them at one decision: [copies][obs_total] and so on. Borrowed. */
typedef struct env_view {
    int copies;
    const real *obs;      /* [copies][obs_total] */
    const real *central;  /* [copies][central_length] */
    const uint8_t *mask;  /* [copies][mask_total] */
    const uint8_t *active, *learns; /* [copies][agents] */
    const uint8_t *first; /* [copies] whether it is the first decision of an episode */
} env_view;

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
    /* Begins an episode in the k-th of the listed situations, as reset does when it draws that one; NULL when
     * facts.starts is 0. */
    void (*start)(const void *game, void *state, int k, env_io *io);
    /* Draws the situation as text for a person; `actions` is the last joint action as it was chosen, or NULL
     * after a reset. */
    void (*render)(const void *game, const void *state, const real *actions, FILE *out);
    /* Fills [facts.readings] numbers; FM_ABSENT for one that means nothing now. */
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

/* Whether it stands for a file: it ends in .nfg or holds a slash. */
bool env_is_path(const char *name_or_path);

/* Fills `type` and a default config for a name of the table or a path to a .nfg file; the caller may then set
 * options in env->config through type->options, and calls env_create. Errors: an unknown name (the nearest is
 * named). */
fm_status env_open(const char *name_or_path, fm_arena *arena, env *env, fm_error *err);
fm_status env_create(env *env, fm_arena *arena, fm_error *err);

/* Sets the number of agents and makes room for them, zeroed, in the arena. */
void env_facts_agents(env_facts *facts, int agents, fm_arena *arena);

/* Computes the derived fields and checks the given ones; aborts on facts that contradict each other. */
void env_facts_finish(env_facts *facts);

/* What a message calls an agent: "the agent", or one of several "agent 1 (Follower)", written to `text`. */
const char *env_agent_text(const env_facts *facts, int agent, char *text, size_t size);

/* The label of an action of one of the agent's heads ("FASTER"; head 0 of a discrete space), or its index as
 * text written to `text`. */
const char *env_action_label(const env_facts *facts, int agent, int head, int action, char *text,
                             size_t size);

/* The index of an action of that head, given by label (case as written, or in any case when that is unique)
 * or by index; FM_BAD naming the nearest label otherwise, or for a box. */
fm_status env_action_parse(const env_facts *facts, int agent, int head, const char *text, int *action,
                           fm_error *err);

/* The solution of that concept, or NULL. */
const env_solution *env_facts_solution(const env_facts *facts, const char *concept);

#endif
