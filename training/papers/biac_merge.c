/* biac_merge.c: Traffic Merge [Zhang 2020, Table 4 and Fig. 7].
 *
 * The published rates are those of the last 1,000 training episodes of ten seeds, exploration included. */
#include <math.h>
#include <stdlib.h>

#include "training/papers/item.h"

#define WINDOW 1000
#define STARTS 20 /* initial speeds from which greedy play is compared with exact play */

enum { LEADER_FIRST, FOLLOWER_FIRST, CRASH, OUTCOMES };
static const char *const OUTCOME[] = {"leader first", "follower first", "crash"};

/* Per cent [Zhang 2020, Table 4]; the crashes are what the other two leave. */
static const struct { const char *row, *algo; double paper[OUTCOMES]; } PUBLISHED[] = {
    {"Bi-AC", "biac", {72.2, 25.2, 2.6}},
    {"I-DQN", "idqn", {58.2, 41.3, 0.5}},
    {"MADDPG", "maddpg", {37.5, 60.2, 2.3}},
    {"TD3", "td3", {38.6, 55.1, 6.3}},
};

/* The least or the most of an outcome's share among the trials, at the end of training. */
static double extreme(const reproduce_trained *done, int outcome, bool most) {
    double found = (double)NAN;
    for (int64_t k = 0; k < done->all.n; k++) {
        double share = done->all.results[k].train_outcome[outcome];
        if (done->all.results[k].status != TRIAL_OK) continue;
        if (isnan(found) || (most ? share > found : share < found)) found = share;
    }
    return 100 * found;
}

static fm_status put_rates(reproduce *r, const char *row, const reproduce_trained *done, const void *context,
                           fm_error *err) {
    const double *paper = context;
    char metric[64];
    for (int o = 0; o < OUTCOMES; o++) {
        snprintf(metric, sizeof metric, "%s %%", OUTCOME[o]);
        reproduce_put(r, row, metric, paper[o],
                      reproduce_percent(reproduce_mean(done, reproduce_train_outcome, o)), done->ok);
    }
    reproduce_put(r, row, "leader first %: least of the trials", (double)NAN,
                  reproduce_number(extreme(done, LEADER_FIRST, false)), done->ok);
    reproduce_put(r, row, "crash %: most of the trials", (double)NAN,
                  reproduce_number(extreme(done, CRASH, true)), done->ok);
    for (int o = 0; o < OUTCOMES; o++) {
        snprintf(metric, sizeof metric, "greedy: %s %%", OUTCOME[o]);
        reproduce_put(r, row, metric, (double)NAN,
                      reproduce_percent(reproduce_mean(done, reproduce_outcome, o)), done->ok);
    }
    return reproduce_certify(r, row, done, STARTS, err);
}

fm_status reproduce_merge(reproduce *r, fm_error *err) {
    fm_status status = FM_OK;
    for (size_t k = 0; k < sizeof PUBLISHED / sizeof *PUBLISHED && status == FM_OK && !r->interrupted; k++) {
        reproduce_training what = {.row = PUBLISHED[k].row, .algo = PUBLISHED[k].algo, .env = "merge",
                                   .window = WINDOW, .eval_episodes = 100};
        status = reproduce_twice(r, &what, put_rates, PUBLISHED[k].paper, err);
    }
    return status;
}

/* ---- Fig. 7 ---- */

fm_status reproduce_merge_curves(reproduce *r, fm_error *err) {
    static const int ORDER[OUTCOMES] = {FOLLOWER_FIRST, CRASH, LEADER_FIRST}; /* as in the figure */
    static const reproduce_learner LEARNERS[] = {{"Bi-AC", "biac", NULL}, {"MADDPG", "maddpg", NULL}};
    static const reproduce_outcomes WHAT = {
        .figure = "fig7", .env = "merge", .when = "at the end",
        .x_label = "episode", .y_label = "share of the last 1,000 episodes", .x = COLUMN_EPISODES,
        .from = WINDOW, /* the window is full */
        .window = WINDOW, .rows = 400, .order = ORDER, .learners = LEARNERS, .n = 2};
    return reproduce_outcome_curves(r, &WHAT, err);
}
