/* outcomes.c: how often which outcome comes about in the course of training; see training/papers/item.h. */
#include <math.h>
#include <stdlib.h>

#include "training/papers/item.h"

#include "base/memory.h"

/* Of each outcome's share, over the trials. */
enum { MEAN, LOW, HIGH, PARTS };

/* The table that is drawn: for each learner, x and the parts of its outcomes. */
typedef struct outcome_table {
    const reproduce_outcomes *what;
    fm_arena arena;
    size_t outcomes, rows, width;
    const char **names; /* [width] */
    double *numbers;    /* [rows][width] */
} outcome_table;

static size_t x_column(const outcome_table *t, size_t learner) { return learner * (1 + t->outcomes * PARTS); }

/* Of the k-th outcome from the bottom. */
static size_t column(const outcome_table *t, size_t learner, size_t k, size_t part) {
    return x_column(t, learner) + 1 + k * PARTS + part;
}

static size_t outcome_at(const outcome_table *t, size_t k) {
    return t->what->order ? (size_t)t->what->order[k] : k;
}

static const char *name_of(outcome_table *t, size_t learner, const char *word, const char *part) {
    char text[160];
    snprintf(text, sizeof text, "%s %s%s", t->what->learners[learner].row, word, part);
    return fm_arena_text(&t->arena, text);
}

static void name_columns(outcome_table *t, size_t learner, const env_facts *facts) {
    static const char *const PART[PARTS] = {"", " lo", " hi"};
    t->names[x_column(t, learner)] = name_of(t, learner, t->what->x_label, "");
    for (size_t k = 0; k < t->outcomes; k++)
        for (size_t part = 0; part < PARTS; part++)
            t->names[column(t, learner, k, part)] =
                name_of(t, learner, facts->outcome_name[outcome_at(t, k)], PART[part]);
}

/* The learner's rows of progress from `from` on; the rest stays unknown. */
static void fill(outcome_table *t, size_t learner, const reproduce_trained *done) {
    size_t kept = 0;
    for (size_t row = 0; row < reproduce_progress_rows(done); row++) {
        double x = reproduce_progress(done, row, done->columns.at[t->what->x]).mean;
        double *at = t->numbers + kept * t->width;
        if (!(x >= t->what->from)) continue;
        at[x_column(t, learner)] = x;
        for (size_t k = 0; k < t->outcomes; k++) {
            int outcome = done->columns.at[COLUMN_OUTCOME] + (int)outcome_at(t, k);
            stats_interval share = reproduce_progress(done, row, outcome);
            at[column(t, learner, k, MEAN)] = share.mean;
            at[column(t, learner, k, LOW)] = share.low < 0 ? 0 : share.low;
            at[column(t, learner, k, HIGH)] = share.high > 1 ? 1 : share.high;
        }
        kept++;
    }
}

static outcome_table make_table(const reproduce_outcomes *what, const reproduce_trained *done) {
    outcome_table t = {.what = what, .outcomes = (size_t)done[0].run.env.facts.outcomes};
    t.width = x_column(&t, what->n);
    for (size_t k = 0; k < what->n; k++)
        if (reproduce_progress_rows(&done[k]) > t.rows) t.rows = reproduce_progress_rows(&done[k]);
    t.names = fm_arena_array(&t.arena, const char *, t.width);
    t.numbers = fm_arena_array(&t.arena, double, t.rows * t.width);
    for (size_t i = 0; i < t.rows * t.width; i++) t.numbers[i] = (double)NAN;
    for (size_t k = 0; k < what->n; k++) {
        name_columns(&t, k, &done[k].run.env.facts);
        fill(&t, k, &done[k]);
    }
    return t;
}

/* A panel of a learner: areas, or lines with intervals. */
static plot_panel panel_of(outcome_table *t, size_t learner, const env_facts *facts, bool areas) {
    plot_series *series = fm_arena_array(&t->arena, plot_series, t->outcomes);
    for (size_t k = 0; k < t->outcomes; k++)
        series[k] = (plot_series){.title = facts->outcome_name[outcome_at(t, k)],
                                  .kind = areas ? PLOT_AREA : PLOT_LINE,
                                  .x = x_column(t, learner),
                                  .column = column(t, learner, k, MEAN),
                                  .low = areas ? 0 : column(t, learner, k, LOW),
                                  .high = areas ? 0 : column(t, learner, k, HIGH)};
    return (plot_panel){.title = areas ? t->what->learners[learner].row
                                       : name_of(t, learner, "with intervals", ""),
                        .x_label = t->what->x_label, .y_label = t->what->y_label, .high = 1,
                        .series = series, .n = t->outcomes};
}

static fm_status draw(const reproduce *r, const reproduce_outcomes *what, const reproduce_trained *done,
                      fm_error *err) {
    outcome_table t = make_table(what, done);
    plot_panel *panels = fm_arena_array(&t.arena, plot_panel, 2 * what->n);
    char note[REPRODUCE_NOTE_MAX];
    for (size_t i = 0; i < what->n; i++) {
        panels[i] = panel_of(&t, i, &done[i].run.env.facts, true);
        panels[what->n + i] = panel_of(&t, i, &done[i].run.env.facts, false);
    }
    reproduce_note(r, "bands", note);
    plot_page page = {.note = note, .panels = panels, .n = 2 * what->n};
    plot_data data = {.names = t.names, .width = t.width, .rows = t.rows, .numbers = t.numbers};
    fm_status status = reproduce_figure(r, what->figure, &data, &page, err);
    fm_arena_free(&t.arena);
    return status;
}

static fm_status train(reproduce *r, const reproduce_outcomes *what, const reproduce_learner *learner,
                       reproduce_trained *done, fm_error *err) {
    reproduce_training training = {.row = learner->row, .algo = learner->algo, .env = what->env,
                                   .preset = learner->preset, .window = what->window, .rows = what->rows};
    fm_status status = reproduce_train(r, &training, done, err);
    for (int o = 0; o < done->run.env.facts.outcomes && status == FM_OK && !r->interrupted; o++) {
        char metric[96];
        snprintf(metric, sizeof metric, "%s %% %s", done->run.env.facts.outcome_name[o], what->when);
        reproduce_put(r, learner->row, metric, (double)NAN,
                      reproduce_percent(reproduce_mean(done, reproduce_train_outcome, o)), done->ok);
    }
    return status;
}

fm_status reproduce_outcome_curves(reproduce *r, const reproduce_outcomes *what, fm_error *err) {
    reproduce_trained *done = fm_new(what->n, sizeof *done);
    fm_status status = FM_OK;
    for (size_t k = 0; k < what->n && status == FM_OK && !r->interrupted; k++)
        status = train(r, what, &what->learners[k], &done[k], err);
    if (status == FM_OK && !r->interrupted) status = draw(r, what, done, err);
    for (size_t k = 0; k < what->n; k++) reproduce_trained_free(&done[k]);
    free(done);
    return status;
}
