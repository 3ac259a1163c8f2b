/* stac_control.c: DDPG, SAC and their versions with a leader on Pendulum and MountainCarContinuous
 * [Zheng 2022, Fig. 3], with the controls that the paper lacks.
 *
 * Its tasks are those of MuJoCo; these two are small enough for five seeds of fourteen learners within the
 * hour. Settings are the paper's and its program's but for networks of 64 instead of 256 units, a shorter
 * uniform phase and, on the mountain car, noise that is held and, for DDPG, larger. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "training/papers/item.h"

/* Updates in rounds of 50; the default lambda = 500 is the paper's. */
#define ROUNDS "train_freq=50 gradient_steps=50 hidden=64,64 "
#define EVALUATIONS 10

enum {
    DDPG,
    DDPG_AL,
    DDPG_CL,
    DDPG_NONE,
    DDPG_AL_LENGTH,
    DDPG_CL_LENGTH,
    DDPG_AL_DECAY,
    SAC,
    SAC_AL,
    SAC_CL,
    SAC_NONE,
    SAC_AL_LENGTH,
    SAC_CL_LENGTH,
    SAC_AL_DECAY,
    VARIANT_COUNT
};

/* With what follows, the task's own settings of ddpg's or of sac's kind. */
static const struct {
    const char *row, *algo, *settings;
} VARIANTS[VARIANT_COUNT] = {
    [DDPG] = {"DDPG", "ddpg", ROUNDS "target_actor=false"},
    [DDPG_AL] = {"STDDPG-AL", "stddpg", ROUNDS "leader=actor"},
    [DDPG_CL] = {"STDDPG-CL", "stddpg", ROUNDS "leader=critic"},
    [DDPG_NONE] = {"STDDPG, Mx = 0", "stddpg", ROUNDS "implicit=none"},
    [DDPG_AL_LENGTH] = {"STDDPG-AL, length only", "stddpg", ROUNDS "leader=actor implicit=length"},
    [DDPG_CL_LENGTH] = {"STDDPG-CL, length only", "stddpg", ROUNDS "leader=critic implicit=length"},
    [DDPG_AL_DECAY] = {"STDDPG-AL, lambda falls", "stddpg", ROUNDS "leader=actor damping_decay=100000"},
    [SAC] = {"SAC", "sac", ROUNDS},
    [SAC_AL] = {"STSAC-AL", "stsac", ROUNDS "leader=actor"},
    [SAC_CL] = {"STSAC-CL", "stsac", ROUNDS "leader=critic"},
    [SAC_NONE] = {"STSAC, Mx = 0", "stsac", ROUNDS "implicit=none"},
    [SAC_AL_LENGTH] = {"STSAC-AL, length only", "stsac", ROUNDS "leader=actor implicit=length"},
    [SAC_CL_LENGTH] = {"STSAC-CL, length only", "stsac", ROUNDS "leader=critic implicit=length"},
    [SAC_AL_DECAY] = {"STSAC-AL, lambda falls", "stsac", ROUNDS "leader=actor damping_decay=100000"},
};

typedef struct task {
    const char *env, *figure, *ddpg, *sac; /* settings of the two kinds */
} task;

/* The pendulum's box is twice as wide as the program's noise of 0.1 supposes. */
static const task PENDULUM = {"pendulum", "pendulum", "action_noise=0.05", "ent_coef=0.2"};
static const task MOUNTAINCAR = {"mountaincar-continuous", "mountaincar", "action_noise=0.5", "ent_coef=0.2"};

/* ---- rows ---- */

/* Of the test returns: their mean, and the last. */
static stats_interval put_variant(reproduce *r, const char *row, const reproduce_trained *done,
                                  size_t points) {
    int column = done->columns.at[COLUMN_EVAL_RETURN];
    size_t width = (size_t)done->columns.at[COLUMN_END];
    double *area = calloc((size_t)done->all.n, sizeof *area);
    char metric[48];
    FM_CHECK(area != NULL, "out of memory");
    for (int64_t k = 0; k < done->all.n; k++)
        for (size_t p = 0; p < points && done->all.results[k].status == TRIAL_OK; p++)
            area[k] += done->all.rows[k].numbers[p * width + (size_t)column] / (double)points;
    stats_interval mean = reproduce_mean_of(done, area);
    reproduce_put(r, row, "area", (double)NAN, mean, done->ok);
    reproduce_put(r, row, "final", (double)NAN, reproduce_progress(done, points - 1, column), done->ok);
    for (size_t p = 0; p < points; p++) {
        double step = reproduce_progress(done, p, done->columns.at[COLUMN_STEP]).mean;
        snprintf(metric, sizeof metric, "test return@%.0f", step);
        reproduce_put_detail(r, row, metric, (double)NAN, reproduce_progress(done, p, column), done->ok);
    }
    free(area);
    return mean;
}

/* ---- the figure ---- */

#define WIDTH (1 + 3 * VARIANT_COUNT)

static void fill_curve(const reproduce_trained *done, size_t v, size_t points, double *numbers) {
    for (size_t p = 0; p < points; p++) {
        double *at = numbers + p * WIDTH + 1 + 3 * v;
        stats_interval mean = reproduce_progress(done, p, done->columns.at[COLUMN_EVAL_RETURN]);
        numbers[p * WIDTH] = reproduce_progress(done, p, done->columns.at[COLUMN_STEP]).mean;
        at[0] = mean.mean, at[1] = mean.low, at[2] = mean.high;
    }
}

static fm_status draw(const reproduce *r, const task *t, const double *numbers, size_t points,
                      fm_error *err) {
    static const struct {
        const char *title;
        size_t from, n;
    } PANELS[] = {{"DDPG and a leader", DDPG, 3},
                  {"SAC and a leader", SAC, 3},
                  {"STDDPG and its controls", DDPG_AL, SAC - DDPG_AL},
                  {"STSAC and its controls", SAC_AL, VARIANT_COUNT - SAC_AL}};
    enum { PANEL_COUNT = sizeof PANELS / sizeof *PANELS };
    char names[WIDTH][48] = {"step"}, note[REPRODUCE_NOTE_MAX];
    const char *name[WIDTH];
    plot_series curves[VARIANT_COUNT];
    plot_panel panels[PANEL_COUNT];
    for (size_t v = 0; v < VARIANT_COUNT; v++) {
        size_t c = 1 + 3 * v;
        snprintf(names[c], sizeof *names, "%s", VARIANTS[v].row);
        snprintf(names[c + 1], sizeof *names, "%s lo", VARIANTS[v].row);
        snprintf(names[c + 2], sizeof *names, "%s hi", VARIANTS[v].row);
        curves[v] = (plot_series){.title = VARIANTS[v].row, .column = c, .low = c + 1, .high = c + 2};
    }
    for (size_t p = 0; p < PANEL_COUNT; p++)
        panels[p] = (plot_panel){.title = PANELS[p].title,
                                 .x_label = "step",
                                 .y_label = "test return",
                                 .series = &curves[PANELS[p].from],
                                 .n = PANELS[p].n};
    for (size_t c = 0; c < WIDTH; c++) name[c] = names[c];
    reproduce_note(r, "bands", note);
    plot_page page = {.note = note, .panels = panels, .n = PANEL_COUNT};
    plot_data data = {.names = name, .width = WIDTH, .rows = points, .numbers = numbers};
    return reproduce_figure(r, t->figure, &data, &page, err);
}

/* ---- in words ---- */

static const char *compared(stats_interval a, stats_interval b) {
    if (isnan(a.low) || isnan(b.low)) return "too few seeds to tell";
    return a.low > b.high ? "clearly more" : a.high < b.low ? "clearly less" : "the intervals overlap";
}

static void explain(const reproduce *r, const stats_interval *area) {
    static const int PAIRS[][2] = {{DDPG_AL, DDPG},      {DDPG_CL, DDPG},           {DDPG_NONE, DDPG},
                                   {DDPG_AL, DDPG_NONE}, {DDPG_AL, DDPG_AL_LENGTH}, {DDPG_CL, DDPG_NONE},
                                   {SAC_AL, SAC},        {SAC_CL, SAC},             {SAC_NONE, SAC},
                                   {SAC_AL, SAC_NONE},   {SAC_AL, SAC_AL_LENGTH},   {SAC_CL, SAC_NONE}};
    if (r->config->csv) return;
    reproduce_words(r, "Areas (means of the test returns) of one against another:\n");
    for (size_t k = 0; k < sizeof PAIRS / sizeof *PAIRS; k++) {
        int one = PAIRS[k][0], other = PAIRS[k][1];
        printf("  %-18s %8.1f   %-24s %8.1f   %s\n", VARIANTS[one].row, area[one].mean, VARIANTS[other].row,
               area[other].mean, compared(area[one], area[other]));
    }
    reproduce_words(r,
                    "A leader against `Mx = 0` shows the implicit term alone, all else being equal; `Mx = 0` "
                    "against DDPG or SAC shows what stepping from one point, without a target copy, does. "
                    "Adam takes the length of a step away, so `length only` should be as `Mx = 0`.\n");
}

static fm_status run_task(reproduce *r, const task *t, fm_error *err) {
    stats_interval area[VARIANT_COUNT];
    double *numbers = NULL;
    size_t points = 0;
    fm_status status = FM_OK;
    for (size_t v = 0; v < VARIANT_COUNT && status == FM_OK && !r->interrupted; v++) {
        char settings[256];
        snprintf(settings, sizeof settings, "%s %s", VARIANTS[v].settings, v < SAC ? t->ddpg : t->sac);
        reproduce_training what = {.row = VARIANTS[v].row,
                                   .algo = VARIANTS[v].algo,
                                   .env = t->env,
                                   .settings = settings,
                                   .steps = 40000,
                                   .rows = EVALUATIONS,
                                   .evaluations = EVALUATIONS};
        reproduce_trained done;
        status = reproduce_train(r, &what, &done, err);
        if (status == FM_OK && !r->interrupted) {
            if (v == 0) points = reproduce_progress_rows(&done);
            if (v == 0) numbers = calloc(points * WIDTH + 1, sizeof *numbers);
            FM_CHECK(numbers != NULL, "out of memory");
            area[v] = put_variant(r, what.row, &done, points);
            fill_curve(&done, v, points, numbers);
        }
        reproduce_trained_free(&done);
    }
    if (status == FM_OK && !r->interrupted) status = draw(r, t, numbers, points, err);
    if (status == FM_OK && !r->interrupted) explain(r, area);
    free(numbers);
    return status;
}

fm_status reproduce_stac_pendulum(reproduce *r, fm_error *err) { return run_task(r, &PENDULUM, err); }
fm_status reproduce_stac_mountaincar(reproduce *r, fm_error *err) { return run_task(r, &MOUNTAINCAR, err); }
