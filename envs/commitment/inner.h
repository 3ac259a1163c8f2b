/* inner.h: a game inside another environment: what the POMDPs of leaders and followers are made over.
 *
 * Agent 0 of the inner game leads, the others follow. All of them observe the one-hot of a situation
 * (facts: one_hot), so that a policy can be a table; followers have discrete actions. A play of the game is
 * bytes in the state of the outer environment, state, slices and all, without a pointer. */
#ifndef ENV_INNER_H
#define ENV_INNER_H

#include "envs/env.h"
#include "envs/games/iterated.h"

/* Which game. Stands first in a config, so that the rows of its iterated_config count from there. */
typedef struct inner_config {
    iterated_config rules; /* its `game` is filled from the text below */
    char game[FM_TEXT_MAX], game_settings[FM_TEXT_MAX];
} inner_config;

#define INNER_ROWS                                                                                           \
    FM_OPT_TEXT(inner_config, game, "prisoners_dilemma",                                                     \
                "an iterated game (solve --list), or an environment with situations and followers"),         \
        FM_OPT_TEXT(inner_config, game_settings, "", "options of such an environment: key=value,key=value"), \
        ITERATED_RULE_ROWS

typedef struct inner_game {
    struct env env;
    const env_facts *facts; /* of it */
    const char *text;       /* which game it is, to the last option */
    int situations, followers; /* of the leader; agents 1, 2, ... */
    size_t size;               /* bytes of a play, */
    size_t obs, central, rewards, actions, mask, active, learns, done, state; /* and where its parts start */
} inner_game;

/* Opens the game that the config names, in the arena. Errors: an unknown game (with the nearest name),
 * settings that it does not have, a game in which somebody does not observe a one-hot, followers with a box,
 * actions that can be illegal, nobody who follows. */
fm_status inner_open(const inner_config *config, fm_arena *arena, inner_game *game, fm_error *err);

/* Starts a play, by chance or in one of the listed situations; takes a step by the actions that stand in it.
 * Neither looks at what is done: a play that is over must be started again. */
void inner_start(const inner_game *game, void *play, fm_rng *rng);
void inner_start_at(const inner_game *game, void *play, int start); /* of facts.starts */
void inner_step(const inner_game *game, void *play, fm_rng *rng);

bool inner_over(const inner_game *game, const void *play);
bool inner_active(const inner_game *game, const void *play, int agent);
int inner_situation(const inner_game *game, const void *play, int agent); /* 0.. obs_length - 1 */
double inner_reward(const inner_game *game, const void *play, int agent); /* of the last step */
real *inner_action(const inner_game *game, void *play, int agent);        /* to be written before a step */
const void *inner_state(const inner_game *game, const void *play);        /* of the game, for its pictures */

/* The game when it is an iterated one, else NULL. */
const iterated_game *inner_iterated(const inner_game *game);

/* Number of contexts a follower can tell apart, its situations times the leader's tables; 0 when that is more
 * than INNER_CONTEXTS_MAX, or the leader's actions are not discrete. And the one it is in: its situation s
 * and the leader's answers w_0, w_1, ... [situations] as digits of one number, s first and the last answer
 * last [Gerstgrasser 2023, their program]. */
#define INNER_CONTEXTS_MAX 65536
int inner_contexts(const inner_game *game, int agent);
int inner_context(const inner_game *game, int situation, const real *answers);

/* The game that followers play who observe their context (facts.game), in the arena. */
const char *inner_context_text(const inner_game *game, fm_arena *arena);

#endif
