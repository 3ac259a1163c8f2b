/* loop.h: one trial: an algorithm and copies of an environment, stepped, measured, and judged.
 *
 * Example (compiled by the tests):
 *
 *     #include <stdio.h>
 *     fm_arena arena = {0};
 *     fm_error err;
 *     env world;
 *     if (env_open("maintain", &arena, &world, &err) != FM_OK ||
 *         env_create(&world, &arena, &err) != FM_OK)
 *         return 1;
 *     const algo_type *algo = algo_find("bilevel-q");
 *     void *config = fm_arena_alloc(&arena, 1, algo->config_size);
 *     fm_options_reset(algo->options, config);
 *     loop trial;
 *     loop_init(&trial, &(loop_setup){.env = &world, .algo = algo, .algo_config = config, .num_envs = 1,
 *                                     .steps = 3000, .window = 1000, .rows = 20, .eval_episodes = 10,
 *                                     .eval_mode = ALGO_GREEDY});
 *     while (loop_advance(&trial, 1000) == LOOP_RUNNING) puts("a moment to save, show, or stop");
 *     loop_evaluation end = loop_evaluation_make(&world.facts, &arena);
 *     if (loop_evaluate(&trial, LOOP_AT_THE_END, &end, &err) != FM_OK || end.value[0] != 20) return 1;
 *     loop_free(&trial);
 *     fm_arena_free(&arena);
 *
 * How the iterations are divided among the calls changes nothing, and no clock is asked for anything but
 * the columns of seconds. Everything that a continuation needs is in `keep`. */
#ifndef TRAINING_LOOP_H
#define TRAINING_LOOP_H

#include "training/columns.h"
#include "training/stage.h"

typedef enum loop_status {
    LOOP_RUNNING,
    LOOP_DONE,
    LOOP_NAN /* a number went wrong; loop.problem.text says which, where and when */
} loop_status;

struct loop;

/* All borrowed; lives as long as the loop. */
typedef struct loop_setup {
    const struct env *env;
    const algo_type *algo;
    const void *algo_config;
    int num_envs;          /* copies of the environment, stepped together */
    int64_t steps;         /* decisions; rounded up to whole iterations of all copies */
    uint64_t seed;
    int64_t window;        /* finished episodes that rates during training are averaged over */
    int64_t rows;          /* progress rows; fewer when there are fewer iterations */
    int64_t eval_every;    /* decisions between two evaluations during training; 0: there are none */
    int64_t eval_episodes; /* of each evaluation, that at the end included */
    algo_mode eval_mode;   /* ALGO_GREEDY or ALGO_SAMPLE */
    /* Optional: called after every `watch_every` iterations (and before the first) with the loop at rest,
     * to look at what the learner knows. It must not change anything. */
    void (*watch)(void *user, struct loop *loop);
    void *watch_user;
    int64_t watch_every;
} loop_setup;

/* Whole numbers that count. Kept. */
typedef struct loop_counters { int64_t iteration, step, episodes, rows; } loop_counters;

/* What play brought: means over episodes, and the joint action of the very first decision. The arrays belong
 * to whoever made it. */
typedef struct loop_evaluation {
    int64_t episodes;
    double length;
    double *value;   /* [agents] undiscounted return of each agent */
    double *outcome; /* [outcomes] shares */
    real *action;    /* [action_total] */
} loop_evaluation;

typedef struct loop {
    loop_setup setup;
    void *learner;
    ad_tape *tape; /* the learner's */
    struct stage stage;
    fm_keep_list keep;
    loop_counters counters;
    int64_t iterations;  /* of the whole trial */
    int64_t row_count;   /* of the whole trial */
    progress_columns columns;     /* of a row */
    double *eval_return; /* [agents] of the last evaluation during training */
    fm_error problem;    /* text "": all is well */
    /* The rest is the loop's own. */
    double *row_values;  /* [row_count][at[COLUMN_SECONDS]] */
    double *row_times;   /* [row_count][COLUMN_TIMES] apart, as they differ when a run is repeated */
    double clocks[COLUMN_TIMES + 1];
    double *metrics;     /* room for the algorithm's */
    double *ring_return; /* [window][agents] */
    int64_t *ring_length, *ring_outcome; /* [window] */
    loop_evaluation evaluation;
    fm_arena arena, eval_arena;
} loop;

/* Builds environment copies and learner. The algorithm must accept the environment. */
void loop_init(loop *loop, const loop_setup *setup);

/* Does up to so many iterations (a decision of every copy each), or fewer at the end or when a number goes
 * wrong: what env_vec_step refuses and the metrics are looked at in every iteration, the parameters at
 * progress rows. Of metrics and parameters the first wrong op on the learner's tape is named too. */
loop_status loop_advance(loop *loop, int64_t iterations);

/* Plays eval_episodes episodes in an environment of its own. `count` is the number of the evaluation: each
 * has its own streams, split from the trial's seed, and the one at the end those of the seed itself. A
 * one-shot game of payoff tables that is played greedily is played once. Training is not disturbed. Errors:
 * env_vec_step's. */
#define LOOP_AT_THE_END 0
fm_status loop_evaluate(loop *loop, int64_t count, loop_evaluation *evaluation, fm_error *err);

/* Room for an evaluation of this environment, zeroed, in the arena. */
loop_evaluation loop_evaluation_make(const env_facts *facts, fm_arena *arena);

/* Fills the columns of a row as of now, but for those of seconds: [columns.at[COLUMN_SECONDS]] numbers. */
void loop_measure(const loop *loop, double *values);

/* The whole of progress row r < counters.rows: [columns.at[COLUMN_END]] numbers. */
void loop_row(const loop *loop, int64_t r, double *row);

void loop_free(loop *loop);

/* Seconds of a clock that never jumps. */
double loop_clock(void);

#endif
