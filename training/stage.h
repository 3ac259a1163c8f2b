/* stage.h: copies of an environment and whoever plays on them: the one way in which episodes are played, by
 * the training loop, evaluation, ./play, ./reproduce and the tests.
 *
 * Example (compiled by the tests):
 *
 *     fm_arena arena = {0};
 *     fm_error err;
 *     env world;
 *     if (env_open("grid", &arena, &world, &err) != FM_OK ||
 *         env_create(&world, &arena, &err) != FM_OK)
 *         return 1;
 *     stage s;
 *     stage_init(&s, &(stage_setup){.env = &world, .copies = 1, .purpose = FM_RNG_EVAL}, &arena, NULL);
 *     if (stage_begin(&s, &err) != FM_OK) return 1;
 *     while (!env_vec_ended(&s.vec, 0)) {
 *         s.vec.actions[0] = s.vec.actions[1] = 0;              // by hand; a learner has stage_choose(&s)
 *         if (env_vec_step(&s.vec, &err) != FM_OK) return 1;
 *     }
 *     if (s.vec.length[0] != world.facts.horizon) return 1;     // the end of the episode stands there
 *     if (stage_restart(&s, &err) != FM_OK) return 1;           // the next episode
 *     fm_arena_free(&arena);
 */
#ifndef TRAINING_STAGE_H
#define TRAINING_STAGE_H

#include "algos/algo.h"
#include "envs/vector.h"

/* Everything borrowed. Without an algorithm the actions are written by hand. */
typedef struct stage_setup {
    const struct env *env;
    int copies;
    uint64_t seed;
    fm_rng_purpose purpose; /* of the environment's streams: FM_RNG_ENV or FM_RNG_EVAL */
    const algo_type *algo;
    void *learner;
    algo_mode mode;
} stage_setup;

typedef struct stage {
    env_vec vec;
    const algo_type *algo;
    void *learner;
    algo_mode mode;
    fm_rng *rng;  /* [copies] what the policy draws from */
    real *memory; /* [copies][memory_length], NULL when the policy has none */
    size_t memory_length;
    int64_t *played; /* [copies] episodes that stage_play has seen the end of */
} stage;

/* Buffers in the arena; adds streams, memory and the environment's state to `keep` (NULL: keeps nothing). The
 * policy's streams are split by (seed, FM_RNG_EXPLORE or FM_RNG_EVAL, copy, 1): none is one of the
 * environment's, whose last number is 0. */
void stage_init(stage *stage, const stage_setup *setup, fm_arena *arena, fm_keep_list *keep);

/* Starts every copy; starts the copies that ended. Their memory is zero then. Errors: env_vec_step's. */
fm_status stage_begin(stage *stage, fm_error *err);
fm_status stage_restart(stage *stage, fm_error *err);

/* The learner writes vec.actions. */
void stage_choose(stage *stage);

/* What the last step brought, for a learner to observe: between the halves of the step. */
algo_step stage_step_of(const stage *stage);

/* Plays `episodes` whole episodes from fresh starts, an equal number in every copy (so that short ones are
 * not favoured), and calls `look` for each of them at every step, between its halves: env_vec_ended says
 * which step was the last. */
typedef void stage_look(void *user, const stage *stage, int copy);
fm_status stage_play(stage *stage, int64_t episodes, stage_look *look, void *user, fm_error *err);

#endif
