/* minibatch.h: the samples of a rollout in random order, a fixed number of rows at a time.
 *
 * Example (compiled by the tests, given const algo_setup *setup, algo_rollout *rollout, fm_rng rng):
 *
 *     static const int AGENTS[] = {0};
 *     ad_var obs, weight;
 *     algo_minibatches walk = algo_minibatches_make(setup, rollout, AGENTS, 1, 256);
 *     algo_batch_leaf(&walk.batch, ALGO_OBS, ALGO_OWN, &obs);         // columns: algos/parts/batch.h
 *     algo_batch_leaf(&walk.batch, ALGO_WEIGHT, ALGO_OWN, &weight);
 *     for (int epoch = 0; epoch < 10; epoch++) {                      // after algo_rollout_gae
 *         algo_minibatches_start(&walk, &rng);
 *         while (algo_minibatches_next(&walk)) continue;              // an update from the columns
 *     }
 *
 * A sample is one agent's part of one step of one copy, and has weight. Several agents may share a policy:
 * then samples are of all of them, and a column of ALGO_OWN holds, row by row, the numbers of the agent whose
 * sample it is; columns of a named agent hold its numbers at the same step.
 *
 * Recurrent policies learn from sequences: L = rollout.chunk_length steps of one agent in one copy, of which
 * some have weight. Rows are then time-major, row l C + c is step l of sequence c, and `memory` is what each
 * sequence began with; where ALGO_FIRST is 1 the policy begins anew, and where ALGO_ACTIVE is 0 there was no
 * decision. Without memory L is 1, and rows are samples.
 *
 * What is missing in the last minibatch, or behind the rollout's end, is padded by neutral rows: weight 0,
 * zeros, every action legal. */
#ifndef ALGO_MINIBATCH_H
#define ALGO_MINIBATCH_H

#include "algos/parts/rollout.h"

typedef struct algo_minibatches {
    algo_batch batch;         /* [length x sequences] rows, for the learner to declare columns on */
    size_t sequences, length; /* C and L */
    ad_var memory;            /* leaf [sequences, rollout.memory_length]; AD_NONE without memory */
    /* The rest is its own. */
    const algo_rollout *rollout;
    const int *agents;
    size_t agent_count;
    real *memory_at;
    uint32_t *order; /* sequences with weight, shuffled: ((t / L) B + b) agent_count + k for agents[k] */
    size_t count, at;
} algo_minibatches;

/* Whether two agents have the same actions; and can share a policy: they also observe as many numbers. */
bool algo_actions_alike(const env_agent *a, const env_agent *b);
bool algo_agents_alike(const env_agent *a, const env_agent *b);

/* Walks over the samples of these agents, which must be alike. `batch_size` is
 * in samples, rounded down to whole sequences but at least one; 0, or more than there are: all at once.
 * Borrows rollout and agents. */
algo_minibatches algo_minibatches_make(const algo_setup *setup, const algo_rollout *rollout,
                                       const int *agents, size_t agent_count, int64_t batch_size);

/* Lists and shuffles the samples: before each epoch. */
void algo_minibatches_start(algo_minibatches *walk, fm_rng *rng);

/* Fills the columns with the next minibatch; false when every sample has had its turn. */
bool algo_minibatches_next(algo_minibatches *walk);

#endif
