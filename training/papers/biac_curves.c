/* biac_curves.c: how the matrix games are learnt [Zhang 2020, Fig. 4 and 5]. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stb_ds.h"
#include "training/papers/item.h"

#define WINDOW 100 /* last steps over which frequencies are counted, as in the paper */

/* ---- Fig. 4: values, follower and leader of Bi-AC in Escape ---- */

enum { STEP, Q_LEADER, Q_FOLLOWER, ANSWER, COMMITMENT, COLUMNS };

/* Row C and column Z of Escape. */
enum { C = 2, Z = 2, SIDE = 3 };

static const char *const COLUMN[] = {"step", "Q1(C-Z)", "Q2(C-Z)", "pi2(Z|C)", "share of C"};

/* What Bi-AC knows now, in the order of COLUMN. */
static void look(void *user, const loop *l, double *numbers) {
    (void)user;
    const algo_type *algo = l->setup.algo;
    const real joint[] = {C, Z};
    double value[2], probability[2], *row = calloc((size_t)l->columns.at[COLUMN_END], sizeof *row);
    env_view view = env_vec_now(&l->stage.vec);
    FM_CHECK(row != NULL, "out of memory");
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
    double *x = calloc((size_t)done->all.n, sizeof *x);
    size_t n = 0;
    FM_CHECK(x != NULL, "out of memory");
    for (int64_t k = 0; k < done->all.n; k++) {
        double step = first_step(&done->all.watched[k], column, level);
        if (done->all.results[k].status == TRIAL_OK && !isnan(step)) x[n++] = step;
    }
    reproduce_put(r, row, metric, (double)NAN, stats_mean(x, n), (int64_t)n);
    free(x);
}

static void put_last(reproduce *r, const char *row, const reproduce_trained *done, const char *metric,
                     int column) {
    double *x = calloc((size_t)done->all.n, sizeof *x);
    FM_CHECK(x != NULL, "out of memory");
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

/* Means over the trials, at every step that was watched. */
static fm_status draw_values(reproduce *r, const char *name, const reproduce_trained *done, fm_error *err) {
    static const plot_series VALUES[] = {{"Q1(C,Z)", Q_LEADER}, {"Q2(C,Z)", Q_FOLLOWER}};
    static const plot_series SHARES[] = {{"pi2(Z|C)", ANSWER}, {"leader's share of C", COMMITMENT}};
    static const plot_panel PANELS[] = {
        {.title = "Escape: values of C-Z", .x_label = "step", .y_label = "payoff", .series = VALUES, .n = 2},
        {.title = "follower and leader", .x_label = "step", .high = 1, .series = SHARES, .n = 2},
    };
    size_t count = 0;
    for (int64_t k = 0; k < done->all.n; k++)
        if (done->all.results[k].status == TRIAL_OK) count = arrlenu(done->all.watched[k].numbers);
    double *mean = calloc(count + 1, sizeof *mean);
    FM_CHECK(mean != NULL, "out of memory");
    for (int64_t k = 0; k < done->all.n; k++)
        for (size_t at = 0; at < count && done->all.results[k].status == TRIAL_OK; at++)
            mean[at] += done->all.watched[k].numbers[at] / (double)done->ok;
    plot_data data = {.names = COLUMN, .width = COLUMNS, .rows = count / COLUMNS, .numbers = mean};
    fm_status status = reproduce_figure(r, name, &data, PANELS, 2, err);
    free(mean);
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
        status = draw_values(r, figure, &done, err);
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

#define CELLS (SIDE * SIDE)
#define PROGRESS_ROWS 500

static fm_status draw_cells(reproduce *r, const char *name, const char *row, const reproduce_trained *done,
                            fm_error *err) {
    const env_facts *facts = &done->run.env.facts;
    const char *names[1 + CELLS] = {"step"};
    plot_series series[CELLS];
    size_t count = reproduce_progress_rows(done);
    double *numbers = calloc((count + 1) * (1 + CELLS), sizeof *numbers);
    FM_CHECK(numbers != NULL, "out of memory");
    for (size_t cell = 0; cell < CELLS; cell++) {
        names[1 + cell] = facts->outcome_name[cell];
        series[cell] = (plot_series){facts->outcome_name[cell], 1 + cell};
    }
    for (size_t k = 0; k < count; k++) {
        double *at = numbers + k * (1 + CELLS);
        at[0] = reproduce_progress(done, k, done->columns.at[COLUMN_STEP]);
        for (int cell = 0; cell < CELLS; cell++)
            at[1 + cell] = reproduce_progress(done, k, done->columns.at[COLUMN_OUTCOME] + cell);
    }
    plot_panel panel = {.title = row,
                        .x_label = "step",
                        .y_label = "share of the last 100 steps",
                        .stacked = true,
                        .high = 1,
                        .series = series,
                        .n = CELLS};
    plot_data data = {.names = names, .width = 1 + CELLS, .rows = count, .numbers = numbers};
    fm_status status = reproduce_figure(r, name, &data, &panel, 1, err);
    free(numbers);
    return status;
}

static fm_status maintain_curve(reproduce *r, const char *row, const char *algo, const char *preset,
                                const char *figure, fm_error *err) {
    reproduce_training what = {.row = row,
                               .algo = algo,
                               .env = "maintain",
                               .preset = preset,
                               .window = WINDOW,
                               .rows = PROGRESS_ROWS};
    reproduce_trained done;
    fm_status status = reproduce_train(r, &what, &done, err);
    if (status == FM_OK && !r->interrupted) {
        for (int cell = 0; cell < CELLS; cell++) {
            char metric[96];
            snprintf(metric, sizeof metric, "%s %% of the last 100 steps",
                     done.run.env.facts.outcome_name[cell]);
            reproduce_put(r, row, metric, (double)NAN,
                          reproduce_percent(reproduce_mean(&done, reproduce_train_outcome, cell)), done.ok);
        }
        status = draw_cells(r, figure, row, &done, err);
    }
    reproduce_trained_free(&done);
    return status;
}

fm_status reproduce_maintain_curves(reproduce *r, fm_error *err) {
    fm_status status = maintain_curve(r, "Bi-AC", "biac", NULL, "fig5-biac", err);
    if (status == FM_OK && !r->interrupted)
        status = maintain_curve(r, "MADDPG", "maddpg", NULL, "fig5-maddpg", err);
    if (status == FM_OK && !r->interrupted)
        status = maintain_curve(r, "MADDPG published", "maddpg", "published", "fig5-maddpg-published", err);
    return status;
}
