/* rollout.h: the last steps of an on-policy learner, and how good its actions in them were.
 *
 * Outline:
 *
 *     act (mode ALGO_TRAIN)   write the present step's algo_rollout_notes: log-probabilities and values
 *     observe                 after = algo_rollout_wants_after(...) ? V(after) : NULL
 *                             algo_rollout_add(&rollout, step, after)
 *     update                  if (algo_rollout_full(&rollout)) {
 *                                 algo_rollout_gae(&rollout, gamma, gae_lambda, NULL);
 *                                 ... minibatches of it (algos/parts/minibatch.h) ...
 *                                 algo_rollout_clear(&rollout);
 *                             }
 *
 * It holds T steps of B copies with N agents; slot t B + b is copy b at step t. Time goes by each agent's own
 * decisions: where an agent pauses, or has died, rewards add up to its last active step. A step whose reward
 * or next value is not known, because the agent still pauses when the rollout or the episode is cut off, has
 * weight 0, as have steps in which it was not active or earns no credit. */
#ifndef ALGO_ROLLOUT_H
#define ALGO_ROLLOUT_H

#include "algos/algo.h"
#include "algos/parts/batch.h"

typedef struct algo_rollout_shape {
    int64_t decisions;    /* of all copies together: T = decisions / B, rounded up, no longer than the run */
    size_t memory_length; /* numbers of memory per agent, 0: none */
    int64_t chunk_length; /* steps of a sequence, before each of which memory is stored; 1 without memory */
} algo_rollout_shape;

/* Public to be read, and for what an algorithm does to the results of algo_rollout_gae. Of an agent that is
 * not active, actions and notes are zero and every action is legal. One more slot, T B, is neutral in the
 * same way and has weight 0: it pads minibatches. */
typedef struct algo_rollout {
    const env_facts *facts;
    size_t steps, copies, slots; /* T, B, T B */
    size_t memory_length, chunk_length;
    int64_t *filled; /* steps in it */
    /* Kept, [slots + 1][...] as in env_view, from before the step. */
    real *obs, *central, *actions;
    uint8_t *mask; /* NULL unless facts.masks */
    uint8_t *active, *learns, *first;
    real *log_prob, *value; /* [agents] */
    double *rewards;        /* [agents] */
    uint8_t *next;          /* [agents] an algo_next */
    real *after;            /* [agents] V(after) where `next` is ALGO_CUT */
    real *memory;           /* [T / chunk_length, rounded up][copies][agents][memory_length] */
    /* Results of algo_rollout_gae, [slots + 1][agents]. */
    real *advantage, *returns;
    uint8_t *weight;
} algo_rollout;

/* What follows a step, for one agent. */
typedef enum algo_next {
    ALGO_GOES_ON, /* the next step of the rollout */
    ALGO_OVER,    /* nothing: its episode has ended */
    ALGO_CUT,     /* cut off by the horizon or the rollout's end, at a decision whose value is known */
    ALGO_UNSEEN   /* cut off while it pauses */
} algo_next;

/* Where the learner leaves its notes. */
typedef struct algo_notes {
    real *log_prob, *value; /* [copies][agents] of the actions chosen; of the situations in which they were */
    real *memory; /* [copies][agents][memory_length] before acting; NULL inside a sequence, or without it */
} algo_notes;

/* Buffers in setup->arena, added to setup->keep: a resume in the middle of a rollout is exact. */
algo_rollout algo_rollout_make(const algo_setup *setup, const algo_rollout_shape *shape);

/* Of the step that is taken now. The rollout must not be full. */
algo_notes algo_rollout_notes(const algo_rollout *rollout);

/* Whether V(after) is needed for this step: it is the rollout's last one, or a copy was truncated. */
bool algo_rollout_wants_after(const algo_rollout *rollout, const algo_step *step);

/* Adds a step of all B copies. `after` [copies][agents] are values of step->after by the policy that acted,
 * or NULL when they are not wanted; only those of agents that are active there are read. */
void algo_rollout_add(algo_rollout *rollout, const algo_step *step, const real *after);

bool algo_rollout_full(const algo_rollout *rollout);
void algo_rollout_clear(algo_rollout *rollout);

/* Generalised advantage estimation [Schulman 2016, Eq. 16] for every agent over its own decisions k:
 *     delta_k = r_k + gamma V_{k+1} - V_k,   A_k = delta_k + gamma lambda A_{k+1},   return_k = A_k + V_k
 * V_{k+1} is 0 when the agent's episode is over and V(after) where it is cut off; the sum ends there.
 * lambda = 1 gives the discounted return less the baseline. Rewards are brought to scale [agents] (NULL: as
 * they are). Weights say which steps may be learned from; returns are computed through those that may not.
 * Entries of weight 0 are 0. */
void algo_rollout_gae(algo_rollout *rollout, double gamma, double lambda, const algo_scale *scale);

/* Brings the returns alone to another lambda. With 1 they are discounted sums of rewards, and of V(after) where
 * they are cut off: the targets of Monte Carlo. */
void algo_rollout_retarget(algo_rollout *rollout, double gamma, double lambda, const algo_scale *scale);

/* Brings the advantages of these agents, all together, to mean 0 and standard deviation 1 over the steps that
 * have weight: (A - mean) / (deviation + 1e-5), 1e-5 as in [Yu 2022]. A single step is left as it is. */
void algo_rollout_normalize(algo_rollout *rollout, const int *agents, size_t count);

/* 1 - Var(return - V) / Var(return) over these agents' steps that have weight: 1 for a perfect baseline, 0
 * for a constant; FM_ABSENT where the returns do not vary. */
double algo_rollout_explained_variance(const algo_rollout *rollout, const int *agents, size_t count);

/* Fills the columns of a batch from the slots drawn. */
void algo_rollout_fill(const algo_rollout *rollout, const algo_batch *batch);

#endif
