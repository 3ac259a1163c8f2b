/* replay.h: the ring buffer of off-policy learners. Sampling is uniform with replacement; a sample
 * holds every agent's part of the transitions. Rows are as in envs/vector.h. */
#ifndef ALGO_REPLAY_H
#define ALGO_REPLAY_H

#include "algos/algo.h"
#include "algos/parts/joint.h"

typedef struct algo_replay {
    const env_facts *facts;
    size_t capacity;
    int64_t *written;          /* one counter: transitions ever added; kept */
    real *obs, *next_obs;      /* [capacity][obs_total] */
    real *actions;             /* [capacity][action_total] */
    real *rewards;             /* [capacity][agents], as the environment gave them */
    real *continues;           /* [capacity] 0 where the episode terminated, else 1 */
    uint8_t *mask, *next_mask; /* [capacity][mask_total], NULL unless facts.masks */
    uint32_t *drawn;           /* [batch] rows of the last sample */
    size_t batch;
} algo_replay;

/* Buffers in setup->arena, added to setup->keep. */
algo_replay algo_replay_make(const algo_setup *setup, int64_t capacity, int64_t batch);

/* Transitions that can be drawn now. */
size_t algo_replay_size(const algo_replay *replay);

/* Adds every copy's transition; the oldest are overwritten. */
void algo_replay_add(algo_replay *replay, const algo_step *step);

/* Draws the rows of the next minibatch. The replay must not be empty. */
void algo_replay_sample(algo_replay *replay, fm_rng *rng);

/* Columns of the drawn minibatch, written to `to` [batch] with `stride` reals from row to row. */
void algo_replay_obs(const algo_replay *replay, int agent, real *to, size_t stride);
void algo_replay_next_obs(const algo_replay *replay, int agent, real *to, size_t stride);
void algo_replay_joint(const algo_replay *replay, const algo_joint *joint, real *to, size_t stride);
void algo_replay_index(const algo_replay *replay, int agent, real *to); /* discrete action's index, [batch] */
void algo_replay_reward(const algo_replay *replay, int agent, algo_scale scale, real *to);
/* What brings an agent's rewards in the replay to standard deviation 1 and, in one-shot games, to mean 0. */
algo_scale algo_replay_scale(const algo_replay *replay, int agent);
void algo_replay_continues(const algo_replay *replay, real *to);
const uint8_t *algo_replay_mask(const algo_replay *replay, size_t row, int agent);      /* NULL: all legal */
const uint8_t *algo_replay_next_mask(const algo_replay *replay, size_t row, int agent); /* NULL: all legal */

#endif
