/* loop.h: one trial: an algorithm and copies of an environment, stepped, measured, and judged at the end.
 *
 *     loop trial;
 *     loop_init(&trial, &(loop_setup){.env = &world, .algo = algo, .algo_config = config, .copies = 1,
 *                                     .steps = 10000, .window = 1000, .rows = 20});
 *     while (loop_advance(&trial, 1000) == LOOP_RUNNING) ...   // save, show, stop: between two calls
 *     loop_evaluate(&trial, 100, &evaluation);
 *     loop_free(&trial);
 *
 * How the iterations are divided among the calls changes nothing, and no clock is asked for anything but
 * the columns of seconds. Everything that a continuation needs is in `keep`. */
#ifndef TRAINING_LOOP_H
#define TRAINING_LOOP_H

#include "algos/algo.h"
#include "envs/vector.h"

#define LOOP_OUTCOMES_MAX 16 /* environments with more outcomes show none */
#define LOOP_ACTIONS_MAX 64  /* numbers of a joint action that an evaluation remembers */

typedef enum loop_status {
    LOOP_RUNNING,
    LOOP_DONE,
    LOOP_NAN /* a number went wrong; loop.problem says which, where and when */
} loop_status;

struct loop;

/* All borrowed; lives as long as the loop. */
typedef struct loop_setup {
    const env *env;
    const algo_type *algo;
    const void *algo_config;
    int copies;          /* of the environment, stepped together */
    int64_t steps;       /* decisions; rounded up to whole iterations of all copies */
    uint64_t seed;
    int64_t window;      /* finished episodes that rates during training are averaged over */
    int64_t rows;        /* progress rows; fewer when there are fewer iterations */
    /* Optional: called after every `watch_every` iterations (and before the first) with the loop at rest,
     * to look at what the learner knows. It must not change anything. */
    void (*watch)(void *user, struct loop *loop);
    void *watch_user;
    int64_t watch_every;
} loop_setup;

/* Whole numbers that count. Kept. */
typedef struct loop_counters { int64_t iteration, step, episodes, rows; } loop_counters;

/* Columns of a progress row, in this order: step, episodes, return of each agent, length, share of each
 * outcome, the algorithm's metrics. Means over the window; NAN before the first episode has ended. Times
 * are seconds since the trial began, and how they divide among environment, act, and observe with update
 * (sampled). */
enum { LOOP_STEP, LOOP_EPISODES, LOOP_RETURN };
enum { LOOP_SECONDS, LOOP_SECONDS_ENV, LOOP_SECONDS_ACT, LOOP_SECONDS_UPDATE, LOOP_TIMES };

typedef struct loop {
    loop_setup setup;
    void *learner;
    env_vec vec;
    fm_keep_list keep;
    loop_counters counters;
    int64_t iterations;    /* of the whole trial */
    int64_t row_count;     /* of the whole trial */
    int outcomes, metrics, values; /* values: columns of a row */
    double *row_values;    /* [row_count][values] */
    double *row_times;     /* [row_count][LOOP_TIMES] */
    char problem[256];
    /* The rest is the loop's own. */
    double times[LOOP_TIMES];
    real *before_obs;
    uint8_t *before_mask;
    double *ring_return;   /* [window][agents] */
    int64_t *ring_length, *ring_outcome; /* [window] */
    bool box;
    fm_arena arena;
} loop;

/* What greedy play brought: means over episodes, and the joint action of the very first step. */
typedef struct loop_evaluation {
    int64_t episodes;
    double value[ENV_AGENTS_MAX];      /* undiscounted return of each agent */
    double length;
    double outcome[LOOP_OUTCOMES_MAX]; /* shares */
    double action[LOOP_ACTIONS_MAX];   /* the first numbers of a longer joint action */
} loop_evaluation;

/* Builds environment copies and learner. The algorithm must accept the environment. */
void loop_init(loop *loop, const loop_setup *setup);

/* Does up to so many iterations (a decision of every copy each), or fewer at the end or when a number goes
 * wrong: an action that is not finite (checked always), a metric (every 256 iterations), a parameter (at
 * progress rows). */
loop_status loop_advance(loop *loop, int64_t iterations);

/* Plays so many episodes greedily on an environment of its own, with the evaluation streams of the seed. A
 * one-shot game of payoff tables is played once. Training is not disturbed. */
void loop_evaluate(const loop *loop, int64_t episodes, loop_evaluation *evaluation);

/* Fills [values] numbers of a progress row as of now. */
void loop_measure(const loop *loop, double *values);

void loop_free(loop *loop);

/* Seconds of a clock that never jumps. */
double loop_clock(void);

#endif
