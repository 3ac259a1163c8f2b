/* cast.h: one game, several learners: algorithms that share its agents out, as one algorithm.
 *
 * A role says who plays whom. The role of one agent is played by an algorithm of its own, which learns at the
 * same time, or by a frozen policy of another run; the role ALGO_REST plays all other agents and must have
 * some. Whoever runs the cast (training/stage.h, loop.h) sees an algorithm like any other, whose parts keep
 * what they keep, so that a resumed run equals an uninterrupted one.
 *
 * A learner sees the facts and rows of its own agents, as if the others were part of the environment (and the
 * centralised state, where there is one); rewards, `done` and `active` are theirs. A frozen policy sees all
 * the agents that it was trained with, and of its joint action the role's part is played. When it answers
 * others' actions of the same decision (algo_type.answer), it is shown what they really do.
 *
 * Metrics are called as the algorithm calls them, with the number of the role's agent behind: "loss_1",
 * "epsilon_1"; those of ALGO_REST that are not per agent have no number. What a role keeps begins with
 * "learner.AGENT/".
 *
 * Example (compiled by the tests):
 *
 *     fm_arena arena = {0};
 *     fm_error err;
 *     env world;
 *     if (env_open("maintain", &arena, &world, &err) != FM_OK || env_create(&world, &arena, &err) != FM_OK)
 *         return 1;
 *     const algo_type *main = algo_find("idqn"), *other = algo_find("hysteretic");
 *     void *main_config = fm_arena_alloc(&arena, 1, main->config_size);
 *     void *other_config = fm_arena_alloc(&arena, 1, other->config_size);
 *     fm_options_reset(main->options, main_config);
 *     fm_options_reset(other->options, other_config);
 *     algo_role roles[] = {{.agent = ALGO_REST, .algo = main, .config = main_config},
 *                          {.agent = 1, .algo = other, .config = other_config}};
 *     algo_cast *cast = algo_cast_make(&world.facts, roles, 2, &arena, &err);
 *     if (!cast) return 1;
 *     // cast->type, with the cast as its config, is run like an algorithm of the table
 *     fm_arena_free(&arena);
 */
#ifndef ALGO_CAST_H
#define ALGO_CAST_H

#include "algos/algo.h"

/* A trained learner that plays and learns no more. Borrowed; it must have been created for as many copies as
 * it will see. Its agents are found in the game by their names. */
typedef struct algo_frozen {
    const env_facts *facts; /* it was trained with */
    void *learner;
    const fm_keep_list *keep; /* of it; the parameters are kept in the cast, too */
    algo_mode mode;           /* in which it always plays: ALGO_GREEDY or ALGO_SAMPLE */
} algo_frozen;

#define ALGO_REST (-1)

typedef struct algo_role {
    int agent; /* or ALGO_REST, once */
    const algo_type *algo;
    const void *config;        /* of a learner */
    const algo_frozen *frozen; /* NULL: it learns */
} algo_role;

typedef struct algo_cast {
    algo_type type;         /* named as that of ALGO_REST; its config is the cast */
    const env_facts *facts; /* of the game */
    int parts;
    struct algo_part *part; /* in the order in which they act */
} algo_cast;

/* Everything borrowed; the cast is in the arena. NULL, with the reason: an algorithm that cannot play its
 * agents by themselves, a frozen policy whose agents are not those of the game, nobody left for
 * ALGO_REST. */
algo_cast *algo_cast_make(const env_facts *facts, const algo_role *roles, int count, fm_arena *arena,
                          fm_error *err);

#endif
