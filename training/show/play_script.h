/* play_script.h: joint actions written as text.
 *
 *     FASTER/IDLE,FASTER/IDLE      two decisions of two agents
 *     3/0                          the same actions by index
 *     0.5:1/2                      boxes: two numbers of the first agent, one of the second
 *     LEFT:STAY/3                  two heads of the first agent, one action of the second
 *
 * `,` stands between decisions, `/` between agents in their order, `:` between the numbers or heads of one
 * agent. After the last decision it is repeated. A label that holds one of these characters is given by its
 * index. */
#ifndef TRAINING_PLAY_SCRIPT_H
#define TRAINING_PLAY_SCRIPT_H

#include "base/arena.h"
#include "envs/env.h"

typedef struct play_script {
    int64_t decisions; /* at least 1 */
    real *actions;     /* [decisions][action_total] */
} play_script;

/* Lives in the arena. Errors name the decision: another number of agents, of heads or of an agent's
 * numbers, an unknown label (with the nearest), no number, more decisions than an episode can have. */
fm_status play_script_parse(const env_facts *facts, const char *text, fm_arena *arena, play_script *script,
                            fm_error *err);

/* The joint action of a decision, counted from 0. */
const real *play_script_at(const play_script *script, const env_facts *facts, int64_t decision);

#endif
