/* iterated.h: the symmetric 2 by 2 games of [Gerstgrasser 2023], played H times by players who remember the
 * last round, and their exact Stackelberg solutions.
 *
 * Player 0 leads and chooses the row, player 1 follows and chooses the column; both move at once. What a
 * player remembers is its state: 0 before the first round; then, with joint memory,
 *
 *     1 + a_leader + 2 a_follower        the last joint action
 *
 * or, with small memory, 1 + the other's last action; without memory it stays 0. A policy is a table: bit s
 * of the index L = sum_s bit_s 2^s is the action in state s. So a leader has 2^states tables, and its
 * follower as many; all of them are tried.
 *
 * Example (compiled by the tests):
 *
 *     iterated_config config;
 *     fm_error err;
 *     fm_options_reset(ITERATED_OPTIONS, &config);
 *     if (fm_options_apply(ITERATED_OPTIONS, &config, "game=hero horizon=10", &err) != FM_OK) return 1;
 *     iterated_game game = iterated_make(&config);
 *     iterated_solution solution = iterated_solve(&game);
 *     if (solution.strong.sum[0] != 40) return 1; // of payoffs; rewards are payoffs less config.offset
 */
#ifndef ENV_ITERATED_H
#define ENV_ITERATED_H

#include <stdbool.h>

#include "base/option.h"

#define ITERATED_STATES_MAX 5
#define ITERATED_TABLES_MAX (1 << ITERATED_STATES_MAX)

/* ORDER: the choices of the option `memory`. */
typedef enum iterated_memory { ITERATED_JOINT, ITERATED_SMALL, ITERATED_NONE } iterated_memory;

typedef struct iterated_config {
    int64_t game, memory, horizon;
    double offset; /* taken off every payoff to make it a reward */
    double x, c;   /* of reward_timing */
} iterated_config;

/* The rows but the game's own, for the table of an environment whose config begins with this one. */
#define ITERATED_RULE_ROWS                                                                                   \
    FM_OPT_CHOICE(iterated_config, memory, "joint", "joint|small|none",                                      \
                  "what players remember of the last round: all, the other's action, nothing", ""),          \
        FM_OPT_INT(iterated_config, horizon, "10", 1, 1000, "rounds", "length of an episode", "H"),          \
        FM_OPT_REAL(iterated_config, offset, "2.5", -1e6, 1e6, "", "taken off every payoff of a round", ""), \
        FM_OPT_REAL(iterated_config, x, "2", -1e6, 1e6, "",                                                  \
                    "reward_timing: the leader's payoff where both choose the first action", "x"),           \
        FM_OPT_REAL(iterated_config, c, "0", -1e6, 1e6, "",                                                  \
                    "reward_timing: the leader's payoff where they miscoordinate", "c")

/* game and the rows above; ended by FM_OPT_END. */
extern const fm_option ITERATED_OPTIONS[];

/* A game that can be played: plain data. */
typedef struct iterated_game {
    const char *name;
    double payoff[2][4]; /* [player][a_leader + 2 a_follower] */
    iterated_memory memory;
    int states, tables; /* of each player: 5, 3 or 1; 2^states */
    int64_t horizon;
    double offset;
} iterated_game;

iterated_game iterated_make(const iterated_config *config);

/* What player `player` remembers after the joint action a_leader + 2 a_follower, or, when that is -1, before
 * the first. */
int iterated_state(const iterated_game *game, int player, int joint);

/* "start", "CC": what a state remembers, the leader's action first. */
const char *iterated_state_name(const iterated_game *game, int player, int state);

/* Sums of payoffs of H rounds when these tables are played. */
void iterated_play(const iterated_game *game, int leader, int follower, double sum[2]);

/* A commitment and the answer to it. `follower` is the first of the tables that are best, or, of those that
 * are equally good for the follower, the one that the concept asks for. */
typedef struct iterated_outcome {
    int leader, follower;
    double sum[2];
} iterated_outcome;

/* The follower's best answers to a leader's table: among those tables that are equally good for the follower,
 * the one that is best for the leader (strong) and the one that is worst for it (weak). Sums that differ by
 * less than 1e-9 of the largest payoff sum count as equal. */
typedef struct iterated_answers {
    iterated_outcome strong, weak;
} iterated_answers;

iterated_answers iterated_answer(const iterated_game *game, int leader);

/* The sums when the follower may also count the rounds: backward induction, ties in favour of the leader. */
void iterated_answer_by_round(const iterated_game *game, int leader, double sum[2]);

/* The leader's best tables, the first of equally good ones, against the three kinds of followers. The last
 * one's `follower` is -1: it has no table. */
typedef struct iterated_solution {
    iterated_outcome strong, weak, by_round;
} iterated_solution;

iterated_solution iterated_solve(const iterated_game *game);

#endif
