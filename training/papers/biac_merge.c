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

#define PROGRESS_ROWS 400

/* From the bottom up, as in the figure. */
static const int ORDER[OUTCOMES] = {FOLLOWER_FIRST, CRASH, LEADER_FIRST};

static fm_status draw(reproduce *r, const char *name, const char *row, const reproduce_trained *done,
                      fm_error *err) {
    const char *names[1 + OUTCOMES] = {"episode"};
    plot_series series[OUTCOMES];
    size_t count = reproduce_progress_rows(done), kept = 0, width = 1 + OUTCOMES;
    double *numbers = calloc((count + 1) * width, sizeof *numbers);
    FM_CHECK(numbers != NULL, "out of memory");
    for (size_t o = 0; o < OUTCOMES; o++) {
        names[1 + o] = OUTCOME[ORDER[o]];
        series[o] = (plot_series){names[1 + o], 1 + o};
    }
    for (size_t k = 0; k < count; k++) {
        double *at = numbers + kept * width;
        at[0] = reproduce_progress(done, k, done->columns.at[COLUMN_EPISODES]);
        for (int o = 0; o < OUTCOMES; o++)
            at[1 + o] = reproduce_progress(done, k, done->columns.at[COLUMN_OUTCOME] + ORDER[o]);
        kept += at[0] >= WINDOW; /* before, the window is not full */
    }
    plot_panel panel = {.title = row, .x_label = "episode", .y_label = "share of the last 1000 episodes",
                        .stacked = true, .high = 1, .series = series, .n = OUTCOMES};
    plot_data data = {.names = names, .width = width, .rows = kept, .numbers = numbers};
    fm_status status = reproduce_figure(r, name, &data, &panel, 1, err);
    free(numbers);
    return status;
}

static fm_status curve(reproduce *r, const char *row, const char *algo, const char *figure, fm_error *err) {
    reproduce_training what = {
        .row = row, .algo = algo, .env = "merge", .window = WINDOW, .rows = PROGRESS_ROWS};
    reproduce_trained done;
    fm_status status = reproduce_train(r, &what, &done, err);
    if (status == FM_OK && !r->interrupted) {
        for (int o = 0; o < OUTCOMES; o++) {
            char metric[64];
            snprintf(metric, sizeof metric, "%s %% at the end", OUTCOME[o]);
            reproduce_put(r, row, metric, (double)NAN,
                          reproduce_percent(reproduce_mean(&done, reproduce_train_outcome, o)), done.ok);
        }
        status = draw(r, figure, row, &done, err);
    }
    reproduce_trained_free(&done);
    return status;
}

fm_status reproduce_merge_curves(reproduce *r, fm_error *err) {
    fm_status status = curve(r, "Bi-AC", "biac", "fig7-biac", err);
    if (status != FM_OK || r->interrupted) return status;
    return curve(r, "MADDPG", "maddpg", "fig7-maddpg", err);
}
