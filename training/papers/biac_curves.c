/* biac_curves.c: how the matrix games are learnt [Zhang 2020, Fig. 4 and 5]. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "stb_ds.h"
#include "training/papers/item.h"

#define WINDOW 100 /* last steps over which frequencies are counted, as in the paper */

/* ---- Fig. 4: values, follower and leader of Bi-AC in Escape ---- */

enum { STEP, Q_LEADER, Q_FOLLOWER, ANSWER, COMMITMENT, COLUMNS };

/* Row C and column Z of Escape. */
enum { C = 2, Z = 2, SIDE = 3 };

/* What Bi-AC knows now, in the order of the columns. */
static void look(void *user, const loop *l, double *numbers) {
    (void)user;
    const algo_type *algo = l->setup.algo;
    const real joint[] = {C, Z};
    double value[2], probability[2], *row = fm_new((size_t)l->columns.at[COLUMN_END], sizeof *row);
    env_view view = env_vec_now(&l->stage.vec);
    algo->values(l->learner, &view, joint, value);
    algo->probabilities(l->learner, &view, joint, probability);
    loop_measure(l, row);
    numbers[STEP] = (double)l->counters.step;
    numbers[Q_LEADER] = value[0];
    numbers[Q_FOLLOWER] = value[1];
    numbers[ANSWER] = probability[1];
    numbers[COMMITMENT] = 0;
    for (int col = 0; col < SIDE; col++) {
        double share = row[l->columns.at[COLUMN_OUTCOME] + C * SIDE + col];
        numbers[COMMITMENT] += share == FM_ABSENT ? 0 : share;
    }
    free(row);
}

/* The step at which a trial's column first reaches the level, NAN if it never does. */
static double first_step(const progress_rows *rows, int column, double level) {
    for (size_t at = 0; at < arrlenu(rows->numbers); at += COLUMNS)
        if (rows->numbers[at + (size_t)column] >= level) return rows->numbers[at + STEP];
    return (double)NAN;
}

static void put_first(reproduce *r, const char *row, const reproduce_trained *done, const char *metric,
                      int column, double level) {
    double *x = fm_new((size_t)done->all.n, sizeof *x);
    size_t n = 0;
    for (int64_t k = 0; k < done->all.n; k++) {
        double step = first_step(&done->all.watched[k], column, level);
        if (done->all.results[k].status == TRIAL_OK && !isnan(step)) x[n++] = step;
    }
    reproduce_put(r, row, metric, (double)NAN, stats_mean(x, n), (int64_t)n);
    free(x);
}

static void put_last(reproduce *r, const char *row, const reproduce_trained *done, const char *metric,
                     int column) {
    double *x = fm_new((size_t)done->all.n, sizeof *x);
    for (int64_t k = 0; k < done->all.n; k++) {
        const double *numbers = done->all.watched[k].numbers;
        if (done->all.results[k].status == TRIAL_OK)
            x[k] = numbers[arrlenu(numbers) - COLUMNS + (size_t)column];
    }
    stats_interval mean = reproduce_mean_of(done, x);
    bool share = column == ANSWER || column == COMMITMENT;
    reproduce_put(r, row, metric, (double)NAN, share ? reproduce_percent(mean) : mean, done->ok);
    free(x);
}

/* A mean over the trials and its interval, of a column of the k-th row that was watched. */
static stats_interval watched_mean(const reproduce_trained *done, size_t k, size_t column) {
    double *x = fm_new((size_t)done->all.n, sizeof *x);
    for (int64_t trial = 0; trial < done->all.n; trial++)
        if (done->all.results[trial].status == TRIAL_OK)
            x[trial] = done->all.watched[trial].numbers[k * COLUMNS + column];
    stats_interval mean = reproduce_mean_of(done, x);
    free(x);
    return mean;
}

/* The table that is drawn has the step and then, of each column, its mean and interval. */
#define DRAWN (1 + 3 * (COLUMNS - 1))
#define CURVE(words, c) {.title = words, .column = 3 * (c)-2, .low = 3 * (c)-1, .high = 3 * (c)}

static fm_status draw_values(reproduce *r, const char *name, const char *row, const reproduce_trained *done,
                             fm_error *err) {
    static const char *const NAMES[DRAWN] = {
        "step",     "Q1(C-Z)",     "Q1(C-Z) lo",  "Q1(C-Z) hi", "Q2(C-Z)",       "Q2(C-Z) lo",   "Q2(C-Z) hi",
        "pi2(Z|C)", "pi2(Z|C) lo", "pi2(Z|C) hi", "share of C", "share of C lo", "share of C hi"};
    static const plot_series VALUES[] = {CURVE("Q₁(C,Z)", Q_LEADER), CURVE("Q₂(C,Z)", Q_FOLLOWER)};
    static const plot_series SHARES[] = {CURVE("π₂(Z|C)", ANSWER),
                                         CURVE("leader's share of C", COMMITMENT)};
    char values[96], shares[96], note[REPRODUCE_NOTE_MAX];
    size_t count = 0;
    for (int64_t k = 0; k < done->all.n; k++)
        if (done->all.results[k].status == TRIAL_OK) count = arrlenu(done->all.watched[k].numbers) / COLUMNS;
    double *numbers = fm_new(count * DRAWN + 1, sizeof *numbers);
    for (size_t k = 0; k < count; k++) {
        double *at = numbers + k * DRAWN;
        at[0] = watched_mean(done, k, STEP).mean;
        for (size_t c = 1; c < COLUMNS; c++) {
            stats_interval mean = watched_mean(done, k, c);
            at[3 * c - 2] = mean.mean;
            at[3 * c - 1] = c >= ANSWER && mean.low < 0 ? 0 : mean.low;
            at[3 * c] = c >= ANSWER && mean.high > 1 ? 1 : mean.high;
        }
    }
    snprintf(values, sizeof values, "%s in Escape: values of C-Z", row);
    snprintf(shares, sizeof shares, "%s in Escape: follower and leader", row);
    const plot_panel panels[] = {
        {.title = values, .x_label = "step", .y_label = "payoff", .series = VALUES, .n = 2},
        {.title = shares, .x_label = "step", .y_label = "probability", .high = 1, .series = SHARES, .n = 2},
    };
    reproduce_note(r, "bands", note);
    plot_page page = {.note = note, .panels = panels, .n = 2};
    plot_data data = {.names = NAMES, .width = DRAWN, .rows = count, .numbers = numbers};
    fm_status status = reproduce_figure(r, name, &data, &page, err);
    free(numbers);
    return status;
}

static fm_status escape_variant(reproduce *r, const char *row, const char *preset, const char *figure,
                                fm_error *err) {
    trial_watch watch = {.look = look, .width = COLUMNS};
    reproduce_training what = {
        .row = row, .algo = "biac", .env = "escape", .preset = preset, .window = WINDOW, .watch = &watch};
    reproduce_trained done;
    fm_status status = reproduce_train(r, &what, &done, err);
    if (status == FM_OK && !r->interrupted) {
        put_first(r, row, &done, "first step with Q1(C-Z) >= 27", Q_LEADER, 27);
        put_first(r, row, &done, "first step with Q2(C-Z) >= 27", Q_FOLLOWER, 27);
        put_first(r, row, &done, "first step with pi2(Z|C) >= 0.8", ANSWER, 0.8);
        put_first(r, row, &done, "first step with share of C >= 0.8", COMMITMENT, 0.8);
        put_last(r, row, &done, "Q1(C-Z) at the end (payoff: 30)", Q_LEADER);
        put_last(r, row, &done, "Q2(C-Z) at the end (payoff: 30)", Q_FOLLOWER);
        put_last(r, row, &done, "pi2(Z|C) at the end %", ANSWER);
        put_last(r, row, &done, "C % of the last 100 steps", COMMITMENT);
        status = draw_values(r, figure, row, &done, err);
    }
    reproduce_trained_free(&done);
    return status;
}

fm_status reproduce_escape_curves(reproduce *r, fm_error *err) {
    fm_status status = escape_variant(r, "Bi-AC", NULL, "fig4", err);
    if (status != FM_OK || r->interrupted) return status;
    return escape_variant(r, "Bi-AC published", "published", "fig4-published", err);
}

/* ---- Fig. 5: joint actions of Bi-AC and MADDPG in Maintain ---- */

fm_status reproduce_maintain_curves(reproduce *r, fm_error *err) {
    static const reproduce_learner LEARNERS[] = {
        {"Bi-AC", "biac", NULL}, {"MADDPG", "maddpg", NULL}, {"MADDPG published", "maddpg", "published"}};
    static const reproduce_outcomes WHAT = {
        .figure = "fig5", .env = "maintain", .when = "of the last 100 steps",
        .x_label = "step", .y_label = "share of the last 100 steps", .x = COLUMN_STEP,
        .window = WINDOW, .rows = 500, .learners = LEARNERS, .n = 3};
    return reproduce_outcome_curves(r, &WHAT, err);
}
