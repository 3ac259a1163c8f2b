/* vector.h: many copies of an environment stepped together; owner of all their buffers.
 *
 * A step has two halves. `env_vec_step` leaves everything as it is after the step, the final observations of
 * ended episodes included; `env_vec_restart` starts the copies that ended and marks them `first`. Between the
 * two a learner sees the situations before and after the step, and nothing is stored twice: two buffers of
 * rows change places at every step, so that a view of now is the view of before after it, and is overwritten
 * by the step after that.
 * `terminated` (the rules ended it) and `truncated` (the horizon or the environment did) are never both set.
 *
 * The actions that the caller wrote stay as they are; the environment is given a copy in which boxes are
 * clipped to their bounds (unless facts.raw_actions) and agents that are not active have zeros.
 *
 * What an environment leaves in its slices is made true for the learner: an agent that is done stays so until
 * the restart and is not active, and only an active agent's decision `learns`.
 *
 * A checkpoint is complete when it is written after a restart (or a reset), while no step is pending.
 *
 * Example (compiled by the tests):
 *
 *     fm_arena arena = {0};
 *     fm_error err;
 *     env grid;
 *     env_vec vec;
 *     if (env_open("grid", &arena, &grid, &err) != FM_OK) return 1;
 *     if (env_create(&grid, &arena, &err) != FM_OK) return 1;
 *     env_vec_init(&vec, &grid, 2, 0, FM_RNG_ENV, &arena, NULL);
 *     fm_status status = env_vec_reset(&vec, &err);
 *     for (int t = 0; t < 100 && status == FM_OK; t++) {
 *         env_view seen = env_vec_now(&vec);
 *         for (int k = 0; k < 2 * grid.facts.action_total; k++) vec.actions[k] = seen.first[0]; // the policy
 *         status = env_vec_step(&vec, &err);
 *         // learn from seen (which is env_vec_before(&vec) now), vec.actions, vec.rewards, env_vec_now(&vec)
 *         if (status == FM_OK) status = env_vec_restart(&vec, &err);
 *     }
 *     fm_arena_free(&arena);
 *     return status;
 */
#ifndef ENV_VECTOR_H
#define ENV_VECTOR_H

#include "base/keep.h"
#include "envs/env.h"

/* The buffers behind an env_view. */
typedef struct env_rows {
    real *obs, *central;
    uint8_t *mask, *active, *learns, *first;
} env_rows;

typedef struct env_vec {
    const struct env *env; /* borrowed */
    int copies;
    real *actions;       /* [copies][action_total] written by the caller before a step */
    double *rewards;     /* [copies][agents] of the last step */
    uint8_t *done;       /* [copies][agents] whose episode its rules ended, until the restart */
    uint8_t *terminated; /* [copies] of the last step, until the restart */
    uint8_t *truncated;  /* [copies] likewise */
    int64_t *length;     /* [copies] decisions in the running episode, or in the one that has just ended */
    double *sum;         /* [copies][agents] its return so far */
    int *outcome;        /* [copies] of an episode that has just ended, else -1 */
    unsigned char *state; /* [copies][state_stride] */
    size_t state_stride;
    fm_rng *rng; /* [copies] */
    /* The rest is the vectoriser's own. */
    env_rows rows[2];
    int64_t *at;      /* [1] which of the two is now */
    real *played;     /* [action_total] one copy's joint action as the environment sees it */
    uint8_t *ended;   /* [agents] one copy's `done` before the step */
    double *readings; /* [readings] */
} env_vec;

/* Buffers and streams (seed, FM_RNG_ENV or FM_RNG_EVAL, copy, 0), in the arena; adds what a checkpoint needs
 * to `keep` (NULL: keep nothing). The env must outlive it. */
void env_vec_init(env_vec *vec, const env *env, int copies, uint64_t seed, fm_rng_purpose purpose,
                  fm_arena *arena, fm_keep_list *keep);

/* Starts a new episode in every copy, of which nothing is left from earlier ones. Errors as env_vec_step. */
fm_status env_vec_reset(env_vec *vec, fm_error *err);

/* Steps every copy with vec->actions; those of agents that are not active are not looked at. Allocates
 * nothing. FM_BAD, naming environment, copy, step of the episode (0: its start), agent and value ("cartpole,
 * copy 0, step 17: the reward of 'agent' is nan"): a chosen action, reward, observation, centralised state or
 * reading that is not finite, and an active agent without a legal action; the trial is over then, and the
 * contents are of no use. Aborts on a discrete action that is no index, or not legal; on a copy that ended
 * and was not restarted; and on an environment that breaks env.h. */
fm_status env_vec_step(env_vec *vec, fm_error *err);

/* Starts the copies whose episode ended in the last step: their `length` and `sum` are 0 then, nobody is
 * `done`, and they count as not ended; what facts.carried says stays. Errors as env_vec_step. */
fm_status env_vec_restart(env_vec *vec, fm_error *err);

/* Whether a copy's episode ended in the last step. */
static inline bool env_vec_ended(const env_vec *vec, int copy) {
    return vec->terminated[copy] || vec->truncated[copy];
}

/* What the agents see now, and what they saw when they chose the last actions (which there is after a step
 * only). */
env_view env_vec_now(const env_vec *vec);
env_view env_vec_before(const env_vec *vec);

/* State of one copy. */
void *env_vec_state(const env_vec *vec, int copy);

#endif
