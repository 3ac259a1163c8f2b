/* oracle.h: followers that answer a leader: the table of oracles.
 *
 * An oracle is an algorithm that finds the followers' answer to a leader whom it can only ask
 * [Gerstgrasser & Parkes 2023, Def. 3]. It asks in one of two ways:
 *
 *     asks    for the leader's action in every situation, once, in order; then it answers (`respond`)
 *     learns  in whole games that it plays against the leader, who is asked whatever comes up
 *
 * and then plays the games that count (`act` with learning = false). Its memory (answers, Q-values, weights)
 * is bytes in the state of the environment, which the leader does not see.
 *
 * To add one: write oracle_NAME.c with an oracle_type and add its row to oracles.c; options that it needs
 * come into oracle_config. */
#ifndef ENV_ORACLE_H
#define ENV_ORACLE_H

#include "envs/commitment/inner.h"

/* The options of all oracles. */
typedef struct oracle_config {
    int64_t games;                                    /* that it learns in */
    double alpha, epsilon, discount, init, noise;     /* tabular Q */
    double rate;                                      /* multiplicative weights */
} oracle_config;

#define ORACLE_INT(config, at, name, value, low, high, unit, doc)                                            \
    { #name, FM_INT, offsetof(config, at.name), value, low, high, NULL, unit, doc, "" }
#define ORACLE_REAL(config, at, name, value, low, high, doc, symbol)                                         \
    { "q_" #name, FM_REAL, offsetof(config, at.name), value, low, high, NULL, "", "oracle=q: " doc, symbol }

/* Their rows; `at` is the path to the member of the config. */
#define ORACLE_ROWS(config, at)                                                                              \
    ORACLE_INT(config, at, games, "80", 1, 1e6, "games", "oracle=q, weights: games in which it learns"),     \
        ORACLE_REAL(config, at, alpha, "0.1", 0, 1, "learning rate", "alpha"),                               \
        ORACLE_REAL(config, at, epsilon, "0.1", 0, 1, "chance of a random action while it learns", "eps"),   \
        ORACLE_REAL(config, at, discount, "0.9", 0, 1, "discount; nothing follows the end of a game", ""),   \
        ORACLE_REAL(config, at, init, "0.01", 0, 1e6, "deviation of the first values", ""),                  \
        ORACLE_REAL(config, at, noise, "0", 0, 1e6,                                                          \
                    "deviation of what is added to the values, anew for every game, while it learns", ""),   \
        {"weights_rate", FM_REAL, offsetof(config, at.rate), "0.1", 1e-6, 10, NULL, "",                      \
         "oracle=weights: a weight grows by (1 + rate)^utility", "eps"}

typedef struct oracle_setup {
    const inner_game *game;
    const oracle_config *config;
    fm_arena *arena;
} oracle_setup;

/* A follower's decision in a game that it learns in, and what came of it until its next one. */
typedef struct oracle_move {
    int follower; /* 0: agent 1 of the game */
    int situation, action;
    double reward;
    int next; /* its situation then, or -1: the game is over */
} oracle_move;

typedef struct oracle_type {
    const char *name;
    const char *doc; /* one line */
    bool asks;
    /* The followers are not played here: they are agents of the environment, who observe their context
     * (inner.h). All functions but `create` are NULL. */
    bool agents;

    /* What can be made once, in the arena, and the bytes of its memory. Errors: games that it cannot play. */
    fm_status (*create)(const oracle_setup *setup, void **self, size_t *memory_size, fm_error *err);
    /* A follower that knows nothing yet; the memory is zeros. Optional. */
    void (*reset)(const void *self, void *memory, fm_rng *rng);
    /* Of one that asks: what the leader answered, [situations][numbers of its action]. */
    void (*respond)(const void *self, void *memory, const real *answers);
    /* Of one that learns: a game begins. Whether it shall start as the last one did, rather than anew. */
    bool (*begin)(const void *self, void *memory, fm_rng *rng);
    int (*act)(const void *self, void *memory, int follower, int situation, bool learning, fm_rng *rng);
    void (*learn)(const void *self, void *memory, const oracle_move *move);
} oracle_type;

/* The table of oracles, ended by NULL. */
extern const oracle_type *const ORACLE_TABLE[];

/* The row of that name. NULL, with the nearest name: there is none. */
const oracle_type *oracle_find(const char *name, fm_error *err);

#endif
