/* vector.h: many copies of an environment stepped together; owner of all their buffers.
 *
 * Rows are copies: obs is [copies][obs_total], rewards [copies][agents], and so on; see env.h for the inside
 * of a row. An episode that ends is reset at once: `obs` is then the first observation of the next episode
 * and `final_obs` the last one of the ended episode, from which a truncated value is bootstrapped.
 * `terminated` (the rules ended it) and `truncated` (the horizon did) are never both set.
 *
 *     env_vec_reset(vec);
 *     for (;;) { choose(vec->obs, vec->actions); env_vec_step(vec); learn(vec); }
 */
#ifndef ENV_VECTOR_H
#define ENV_VECTOR_H

#include "base/keep.h"
#include "envs/env.h"

typedef struct env_vec {
    const env *env; /* borrowed */
    int copies;
    real *obs;             /* [copies][obs_total] what the agents see now */
    real *final_obs;       /* [copies][obs_total] what they saw at the end of this step, before any reset */
    real *actions;         /* [copies][action_total] written by the caller before a step */
    double *rewards;       /* [copies][agents] of the last step */
    uint8_t *mask;         /* [copies][mask_total] legal actions now */
    uint8_t *final_mask;   /* [copies][mask_total] as final_obs */
    uint8_t *alive;        /* [copies][agents] */
    uint8_t *terminated;   /* [copies] of the last step */
    uint8_t *truncated;    /* [copies] of the last step */
    int64_t *length;       /* [copies] decisions so far in the running episode */
    double *sum;           /* [copies][agents] return so far in the running episode */
    int64_t *ended_length; /* [copies] length of the episode that ended in this step, else 0 */
    double *ended_return;  /* [copies][agents] its returns */
    int *ended_outcome;    /* [copies] its outcome, -1 when there is none */
    unsigned char *state;  /* [copies][state_stride] */
    size_t state_stride;
    fm_rng *rng; /* [copies] */
} env_vec;

/* Buffers and streams (seed, FM_RNG_ENV or FM_RNG_EVAL, copy, 0), in the arena; adds what a checkpoint needs
 * to `keep` (NULL: keep nothing). The env must outlive it. */
void env_vec_init(env_vec *vec, const env *env, int copies, uint64_t seed, fm_rng_purpose purpose,
                  fm_arena *arena, fm_keep_list *keep);

/* Starts a new episode in every copy. */
void env_vec_reset(env_vec *vec);

/* Steps every copy with vec->actions. Aborts, naming agent and value, on a discrete action that is not an
 * index or an action that is not a number; box actions outside the bounds are clipped to them. Allocates
 * nothing. */
void env_vec_step(env_vec *vec);

/* State of one copy. */
void *env_vec_state(const env_vec *vec, int copy);

#endif
