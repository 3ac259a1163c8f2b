/* replay.h: the ring buffer of off-policy learners. Sampling is uniform with replacement; a row holds every
 * agent's part of a step.
 *
 * An agent that was active at a step and then waits has its transition completed at its next decision:
 * rewards in between add up, and what it sees then is its next observation. Until then, and in rows in which
 * it was not active or earned no credit, its weight is zero. */
#ifndef ALGO_REPLAY_H
#define ALGO_REPLAY_H

#include "algos/parts/batch.h"

typedef struct algo_replay {
    const env_facts *facts;
    size_t capacity;
    int64_t *written;             /* one counter: rows ever added; kept */
    real *obs, *next_obs;         /* [capacity][obs_total] */
    real *central, *next_central; /* [capacity][central_length] */
    real *actions;                /* [capacity][action_total] */
    double *rewards;              /* [capacity][agents], as the environment gave them */
    uint8_t *not_done;            /* [capacity][agents] */
    uint8_t *active;              /* [capacity][agents] whether the agent's action counted */
    uint8_t *learns, *weight;     /* [capacity][agents] whether the step earns credit, and is complete too */
    uint8_t *mask, *next_mask;    /* [capacity][mask_total], NULL unless facts.masks */
    int64_t *open;                /* [num_envs][agents] row (as counted by `written`) that waits, -1: none */
} algo_replay;

/* Buffers in setup->arena, added to setup->keep; no larger than the run needs. */
algo_replay algo_replay_make(const algo_setup *setup, int64_t capacity);

/* Rows that can be drawn now. */
size_t algo_replay_size(const algo_replay *replay);

/* The slot that the next row will take. */
size_t algo_replay_slot(const algo_replay *replay);

/* Adds every copy's step; the oldest rows are overwritten. */
void algo_replay_add(algo_replay *replay, const algo_step *step);

/* Draws the rows of a batch; fills its columns from the rows drawn. The replay must not be empty. */
void algo_replay_draw(const algo_replay *replay, algo_batch *batch, fm_rng *rng);
void algo_replay_fill(const algo_replay *replay, algo_batch *batch);

/* What brings an agent's rewards in the replay to standard deviation 1 and, in one-shot games, to mean 0;
 * in longer ones the shift is algo_reward_shift's. */
algo_scale algo_replay_scale(const algo_replay *replay, int agent);

/* The legal actions of an agent in the next situation of a slot; NULL: all. */
const uint8_t *algo_replay_next_mask(const algo_replay *replay, size_t slot, int agent);

#endif
