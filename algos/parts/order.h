/* order.h: who leads whom, as the facts of a game say or as the user orders it. */
#ifndef ALGO_ORDER_H
#define ALGO_ORDER_H

#include "envs/env.h"

/* Agents by level: level[i] of each agent, 0 commits first; `turn` lists the agents from the leaders down. */
typedef struct algo_order {
    int agents, levels;
    int *level, *turn; /* [agents] in the arena */
} algo_order;

/* "" takes the facts' order. Else levels from the leaders down separated by commas, agents of one level
 * joined by +, each by index or name: "1,0", "leader,middle+follower". Errors: an agent that the game does
 * not have (the nearest name is given), twice in the order, or missing from it. */
fm_status algo_order_parse(const env_facts *facts, const char *text, fm_arena *arena, algo_order *order,
                           fm_error *err);

#endif
