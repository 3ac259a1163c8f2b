/* head.h: a policy's network outputs as a distribution over one agent's actions.
 *
 *     discrete         n outputs, the logits of a categorical distribution
 *     multi-discrete   the logits of all heads side by side; the heads are independent
 *     box              one output per number: a Gaussian with mean middle + half out and deviation
 *                      half exp(log_std), where middle and half are those of the number's bounds and
 *                      log_std is the learner's, usually a parameter that depends on no state
 *
 * So a network whose outputs are about 0, as after PPO's initialisation, starts in the middle of the box, and
 * log_std = 0 is a deviation of half the box, whatever the box's units. Actions are stored as they were
 * drawn, in the box's own units and perhaps outside it (the environment clips a copy), and densities are per
 * unit of the box: they are those of what was drawn.
 *
 * Example (compiled by the tests):
 *
 *     #include <math.h>
 *     fm_arena arena = {0};
 *     env_space space = env_discrete(3, NULL);
 *     algo_head head = algo_head_make(&space, &arena);
 *     real out[3] = {0, 1, 2}, action[1];
 *     uint8_t mask[3] = {1, 1, 0};
 *     fm_rng rng = fm_rng_split(0, FM_RNG_EXPLORE, 0, 0);
 *     algo_head_act(&head, out, NULL, mask, ALGO_GREEDY, &rng, action);
 *     double log_prob = algo_head_log_prob_of(&head, out, NULL, mask, action);
 *     FM_CHECK(action[0] == 1 && fabs(log_prob + log(1 + exp(-1))) < 1e-6, "the best legal one");
 *     fm_arena_free(&arena);
 */
#ifndef ALGO_HEAD_H
#define ALGO_HEAD_H

#include "algos/algo.h"

/* Plain data; the bounds of a box are copied to the arena, the space's own arrays borrowed. */
typedef struct algo_head {
    env_space space;
    size_t outputs;      /* numbers that the network gives */
    size_t choices;      /* numbers of a mask; 0 for a box */
    real *middle, *half; /* [space.size] of a box, else NULL */
    double log_volume;   /* sum of log half */
} algo_head;

algo_head algo_head_make(const env_space *space, fm_arena *arena);

/* Whether the distribution has a log_std (of space.size numbers): for a box. */
bool algo_head_has_std(const algo_head *head);

/* One row: draws an action in mode ALGO_TRAIN and ALGO_SAMPLE; in ALGO_GREEDY takes the most likely one and
 * draws nothing. out [outputs]; log_std [size], NULL unless a box; mask [choices], NULL: all legal -> action
 * [size]. */
void algo_head_act(const algo_head *head, const real *out, const real *log_std, const uint8_t *mask,
                   algo_mode mode, fm_rng *rng, real *action);

/* The log-probability of an action of one row, in nats; of a box the log-density. */
double algo_head_log_prob_of(const algo_head *head, const real *out, const real *log_std, const uint8_t *mask,
                             const real *action);

/* Of B rows on the tape: out [B, outputs], action [B, size], mask [B, choices] or AD_NONE; log_std
 * [1, size] or [B, size], AD_NONE unless a box -> [B, 1]. Illegal actions contribute nothing, also to the
 * entropy (in nats). */
ad_var algo_head_log_prob(const algo_head *head, ad_var out, ad_var log_std, ad_var mask, ad_var action);
ad_var algo_head_entropy(const algo_head *head, ad_var out, ad_var log_std, ad_var mask);

#endif
