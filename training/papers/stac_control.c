/* stac_control.c: DDPG, SAC and their versions with a leader on Pendulum and MountainCarContinuous
 * [Zheng 2022, Fig. 3], with the controls that the paper lacks.
 *
 * Its tasks are those of MuJoCo; these two are small enough for five seeds of fourteen learners within the
 * hour. Settings are the paper's and its program's but for networks of 64 instead of 256 units, a shorter
 * uniform phase and, on the mountain car, noise that is held and, for DDPG, larger. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "training/papers/curves.h"

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

/* Of the test returns: their mean, the last, and in detail all; and the curve of them. */
static reproduce_curve put_variant(reproduce *r, const char *row, const reproduce_trained *done) {
    const int column = done->columns.at[COLUMN_EVAL_RETURN];
    const size_t width = (size_t)done->columns.at[COLUMN_END], points = reproduce_progress_rows(done);
    reproduce_curve curve = reproduce_curve_new(row, points);
    double *area = fm_new((size_t)done->all.n, sizeof *area);
    char metric[48];
    for (int64_t k = 0; k < done->all.n; k++)
        for (size_t p = 0; p < points && done->all.results[k].status == TRIAL_OK; p++)
            area[k] += done->all.rows[k].numbers[p * width + (size_t)column] / (double)points;
    curve.area = reproduce_mean_of(done, area);
    free(area);
    for (size_t p = 0; p < points; p++) {
        curve.x[p] = reproduce_progress(done, p, done->columns.at[COLUMN_STEP]).mean;
        curve.y[p] = reproduce_progress(done, p, column);
    }
    reproduce_put(r, row, "area", (double)NAN, curve.area, done->ok);
    if (points > 0) reproduce_put(r, row, "final", (double)NAN, curve.y[points - 1], done->ok);
    for (size_t p = 0; p < points; p++) {
        snprintf(metric, sizeof metric, "test return@%.0f", curve.x[p]);
        reproduce_put_detail(r, row, metric, (double)NAN, curve.y[p], done->ok);
    }
    return curve;
}

/* ---- what they show ---- */

static const int DDPG_LED[] = {DDPG, DDPG_AL, DDPG_CL}, SAC_LED[] = {SAC, SAC_AL, SAC_CL},
                 DDPG_CONTROLS[] = {DDPG_AL,        DDPG_CL,        DDPG_NONE,
                                    DDPG_AL_LENGTH, DDPG_CL_LENGTH, DDPG_AL_DECAY},
                 SAC_CONTROLS[] = {SAC_AL, SAC_CL, SAC_NONE, SAC_AL_LENGTH, SAC_CL_LENGTH, SAC_AL_DECAY};

#define PANEL(words, variants)                                                                               \
    { words, variants, sizeof(variants) / sizeof *(variants) }
static const reproduce_panel PANELS[] = {
    PANEL("DDPG and a leader", DDPG_LED), PANEL("SAC and a leader", SAC_LED),
    PANEL("STDDPG and its controls", DDPG_CONTROLS), PANEL("STSAC and its controls", SAC_CONTROLS)};

static const reproduce_pair PAIRS[] = {
    {DDPG_AL, DDPG},           {DDPG_CL, DDPG},      {DDPG_NONE, DDPG},       {DDPG_AL, DDPG_NONE},
    {DDPG_AL, DDPG_AL_LENGTH}, {DDPG_CL, DDPG_NONE}, {SAC_AL, SAC},           {SAC_CL, SAC},
    {SAC_NONE, SAC},           {SAC_AL, SAC_NONE},   {SAC_AL, SAC_AL_LENGTH}, {SAC_CL, SAC_NONE}};

static fm_status show(const reproduce *r, const task *t, const reproduce_curve *curves, fm_error *err) {
    fm_status status = reproduce_curve_page(r, t->figure, "step", "test return", curves, VARIANT_COUNT,
                                            PANELS, sizeof PANELS / sizeof *PANELS, err);
    if (status != FM_OK || r->config->csv) return status;
    const size_t pairs = sizeof PAIRS / sizeof *PAIRS;
    size_t apart = reproduce_compare(r, "Areas (means of the test returns)", curves, PAIRS, pairs);
    reproduce_words(r,
                    "A leader against `Mx = 0` shows the implicit term alone, all else being equal; `Mx = 0` "
                    "against DDPG or SAC shows what it does that both sides step from one point, instead of "
                    "the critics first. Adam takes the length of a step away, so `length only` should be as "
                    "`Mx = 0`. %s\n",
                    apart == 0 ? "In none of these pairs the intervals lie apart: the trials tell no leader "
                                 "from what it is held against."
                               : "Where one is clearly more, the trials tell them apart.");
    return FM_OK;
}

static fm_status run_task(reproduce *r, const task *t, fm_error *err) {
    reproduce_curve curves[VARIANT_COUNT] = {{0}};
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
        if (status == FM_OK && !r->interrupted) curves[v] = put_variant(r, what.row, &done);
        reproduce_trained_free(&done);
    }
    if (status == FM_OK && !r->interrupted) status = show(r, t, curves, err);
    reproduce_curves_free(curves, VARIANT_COUNT);
    return status;
}

fm_status reproduce_stac_pendulum(reproduce *r, fm_error *err) { return run_task(r, &PENDULUM, err); }
fm_status reproduce_stac_mountaincar(reproduce *r, fm_error *err) { return run_task(r, &MOUNTAINCAR, err); }
