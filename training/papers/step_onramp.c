/* step_onramp.c: merging among human drivers at three densities of traffic: STEP and its rivals
 * [STEP, Fig. 8 and 9], and what beta does there and in the chain [STEP, Fig. 7]. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "training/papers/item.h"
#include "training/run/checkpoint.h"

#define POINTS 20 /* of a curve: evaluations during training */
#define COPIES 20

/* Greedy episodes of an evaluation, and of a trained policy. */
enum { EVALUATED = 20, DRIVEN = 100 };
static int64_t episodes(const reproduce *r, int64_t n) { return r->config->quick ? 2 : n; }

/* The algorithms' presets are of this task but for MADDPG: the original's rhythm, a minibatch of 1024 every
 * 100 decisions. */
static const struct {
    const char *row, *algo, *settings;
} LEARNERS[] = {
    {"STEP", "step", ""},
    {"MAPPO", "mappo", ""},
    {"MAPPO state", "mappo", " actor_sees_state=true"},
    {"IPPO", "ippo", ""},
    {"MADDPG", "maddpg",
     " hidden=64,64 actor_hidden=64,64 batch_size=1024 buffer_size=1000000 learning_starts=25600 "
     "train_freq=100 epsilon=0 epsilon_least=0 scale_rewards=none loss=huber"},
};
enum { LEARNER_COUNT = sizeof LEARNERS / sizeof *LEARNERS, DENSITIES = 3 };

/* ---- training: once for both figures ---- */

static fm_status learn(reproduce *r, const char *row, size_t learner, size_t density, reproduce_trained *done,
                       fm_error *err) {
    char settings[256];
    fm_text_format(settings, sizeof settings, "density=%zu%s", density, LEARNERS[learner].settings);
    reproduce_training what = {.row = row,
                               .algo = LEARNERS[learner].algo,
                               .env = "onramp",
                               .shared = "onramp",
                               .settings = settings,
                               .steps = 2000000,
                               .num_envs = COPIES,
                               .rows = POINTS,
                               .evaluations = POINTS,
                               .eval_episodes = episodes(r, EVALUATED)};
    return reproduce_train(r, &what, done, err);
}

/* ---- driving ---- */

/* Means over greedy episodes: of all CAVs' returns, of their speeds over all decisions, of crashes. */
typedef struct drive {
    double reward, speed, crashed;
    int64_t episodes;  /* to be driven */
    double sum;        /* of speeds in the present episode */
    int64_t decisions; /* of it */
} drive;

static void add_decision(void *user, const stage *s, int copy) {
    drive *d = user;
    const env *e = s->vec.env;
    double readings[5 * 12 + 1]; /* five of each vehicle, the fourth its speed; whether there was a crash */
    double n = (double)d->episodes;
    int agents = e->facts.agents;
    FM_CHECK(e->facts.readings <= (int)(sizeof readings / sizeof *readings), "%d readings",
             e->facts.readings);
    e->type->read(e->game, env_vec_state(&s->vec, copy), readings);
    for (int i = 0; i < agents; i++) d->sum += readings[5 * i + 3] / agents;
    d->decisions++;
    if (!env_vec_ended(&s->vec, copy)) return;
    for (int i = 0; i < agents; i++) d->reward += s->vec.sum[copy * agents + i] / agents / n;
    d->speed += d->sum / (double)d->decisions / n;
    d->crashed += readings[e->facts.readings - 1] / n;
    d->sum = 0;
    d->decisions = 0;
}

static fm_status drive_trial(const reproduce_trained *done, int64_t trial, drive *d, fm_error *err) {
    char folder[CHECKPOINT_PATH_MAX];
    fm_arena arena = {0};
    loop policy;
    stage s;
    loop_setup setup = trial_setup(&done->run, trial);
    setup.num_envs = 1;
    loop_init(&policy, &setup);
    checkpoint_folder(done->folder, trial, folder);
    fm_status status = checkpoint_load(&policy, folder, err);
    stage_setup greedy = {.env = setup.env,
                          .copies = 1,
                          .seed = setup.seed,
                          .purpose = FM_RNG_EVAL,
                          .algo = setup.algo,
                          .learner = policy.learner,
                          .mode = ALGO_GREEDY};
    stage_init(&s, &greedy, &arena, NULL);
    if (status == FM_OK) status = stage_play(&s, d->episodes, add_decision, d, err);
    fm_arena_free(&arena);
    loop_free(&policy);
    return status;
}

/* Means over the trials. */
typedef struct driven {
    stats_interval reward, speed, crashed;
} driven;

static fm_status drive_all(const reproduce *r, const reproduce_trained *done, driven *mean, fm_error *err) {
    size_t n = (size_t)done->all.n;
    double *x = calloc(3 * n, sizeof *x);
    fm_status status = FM_OK;
    FM_CHECK(x != NULL, "out of memory");
    for (size_t k = 0; k < n && status == FM_OK; k++) {
        drive d = {.episodes = episodes(r, DRIVEN)};
        if (done->all.results[k].status != TRIAL_OK) continue;
        status = drive_trial(done, (int64_t)k, &d, err);
        x[k] = d.reward, x[n + k] = d.speed, x[2 * n + k] = d.crashed;
    }
    *mean = (driven){reproduce_mean_of(done, x), reproduce_mean_of(done, x + n),
                     reproduce_mean_of(done, x + 2 * n)};
    free(x);
    return status;
}

/* ---- curves: greedy returns of all agents' mean, in the course of training ---- */

enum { PANELS_MAX = 4, LINES_MAX = 8 };

typedef struct curves {
    const char *figure;
    const char *title[PANELS_MAX], *line[LINES_MAX];
    size_t panels, lines, points;
    double numbers[POINTS][PANELS_MAX * (1 + 3 * LINES_MAX)];
} curves;

/* Of the p-th panel: its steps, and of its l-th line the mean and both ends of its interval. */
static size_t step_column(const curves *c, size_t p) { return p * (1 + 3 * c->lines); }
static size_t mean_column(const curves *c, size_t p, size_t l) { return step_column(c, p) + 1 + 3 * l; }

/* Over the trials: what all agents got in the evaluations from..to-1, on average. */
static stats_interval tested(const reproduce_trained *done, size_t from, size_t to) {
    size_t width = (size_t)done->columns.at[COLUMN_END], agents = (size_t)done->run.env.facts.agents;
    double *x = calloc((size_t)done->all.n, sizeof *x);
    FM_CHECK(x != NULL, "out of memory");
    for (int64_t trial = 0; trial < done->all.n; trial++) {
        if (done->all.results[trial].status != TRIAL_OK) continue;
        for (size_t k = from; k < to; k++) {
            const double *row = done->all.rows[trial].numbers + k * width;
            const double *value = row + done->columns.at[COLUMN_EVAL_RETURN];
            for (size_t i = 0; i < agents; i++) x[trial] += value[i] / (double)(agents * (to - from));
        }
    }
    stats_interval mean = reproduce_mean_of(done, x);
    free(x);
    return mean;
}

static void fill_curve(curves *c, size_t p, size_t l, const reproduce_trained *done) {
    size_t points = reproduce_progress_rows(done);
    FM_CHECK(points <= POINTS, "%zu points of a curve", points);
    if (c->points == 0 || points < c->points) c->points = points;
    for (size_t k = 0; k < points; k++) {
        stats_interval mean = tested(done, k, k + 1);
        double *at = c->numbers[k] + mean_column(c, p, l);
        c->numbers[k][step_column(c, p)] = reproduce_progress(done, k, done->columns.at[COLUMN_STEP]).mean;
        at[0] = mean.mean, at[1] = mean.low, at[2] = mean.high;
    }
}

static fm_status draw(const reproduce *r, const curves *c, fm_error *err) {
    enum { WIDTH = PANELS_MAX * (1 + 3 * LINES_MAX) };
    static const char *const PART[] = {"", " lo", " hi"};
    char names[WIDTH][96], note[REPRODUCE_NOTE_MAX];
    const char *name[WIDTH];
    double *packed = calloc(c->points * WIDTH + 1, sizeof *packed);
    plot_series series[PANELS_MAX][LINES_MAX];
    plot_panel panels[PANELS_MAX];
    size_t width = step_column(c, c->panels);
    FM_CHECK(packed != NULL, "out of memory");
    for (size_t p = 0; p < c->panels; p++) {
        fm_text_format(names[step_column(c, p)], sizeof *names, "%s: step", c->title[p]);
        for (size_t l = 0; l < c->lines; l++) {
            size_t at = mean_column(c, p, l);
            for (size_t part = 0; part < 3; part++)
                fm_text_format(names[at + part], sizeof *names, "%s: %s%s", c->title[p], c->line[l],
                               PART[part]);
            series[p][l] = (plot_series){
                .title = c->line[l], .x = step_column(c, p), .column = at, .low = at + 1, .high = at + 2};
        }
        panels[p] = (plot_panel){.title = c->title[p],
                                 .x_label = "step",
                                 .y_label = "test return",
                                 .series = series[p],
                                 .n = c->lines};
    }
    for (size_t k = 0; k < width; k++) name[k] = names[k];
    for (size_t k = 0; k < c->points; k++) memcpy(packed + k * width, c->numbers[k], width * sizeof *packed);
    reproduce_note(r, "bands", note);
    plot_page page = {.note = note, .panels = panels, .n = c->panels};
    plot_data data = {.names = name, .width = width, .rows = c->points, .numbers = packed};
    fm_status status = reproduce_figure(r, c->figure, &data, &page, err);
    free(packed);
    return status;
}

/* ---- Fig. 8 and 9 ---- */

/* Whether STEP does better than the best of its rivals, density by density. */
static void compare(const reproduce *r, const char *what, stats_interval (*mean)[LEARNER_COUNT]) {
    if (r->config->csv) return;
    printf("\n");
    for (size_t d = 0; d < DENSITIES; d++) {
        size_t best = 1;
        for (size_t l = 2; l < LEARNER_COUNT; l++)
            if (mean[d][l].mean > mean[d][best].mean) best = l;
        stats_interval step = mean[d][0], rival = mean[d][best];
        const char *words = isnan(step.low) || isnan(rival.low) ? "too few seeds to tell"
                            : step.low > rival.high             ? "clearly more"
                            : step.high < rival.low             ? "clearly less"
                                                                : "the intervals overlap";
        printf("  density %zu: %s of STEP less %s, the best of the others: %.2f; %s\n", d + 1, what,
               LEARNERS[best].row, step.mean - rival.mean, words);
    }
}

static fm_status onramp(reproduce *r, bool speeds, fm_error *err) {
    stats_interval mean[DENSITIES][LEARNER_COUNT];
    curves c = {.figure = "fig8",
                .title = {"density 1", "density 2", "density 3"},
                .panels = DENSITIES,
                .lines = LEARNER_COUNT};
    fm_status status = FM_OK;
    for (size_t k = 0; k < DENSITIES * LEARNER_COUNT && status == FM_OK && !r->interrupted; k++) {
        size_t d = k / LEARNER_COUNT, l = k % LEARNER_COUNT;
        reproduce_trained done;
        driven all;
        char row[64];
        c.line[l] = LEARNERS[l].row;
        fm_text_format(row, sizeof row, "%s density=%zu", c.line[l], d + 1);
        status = learn(r, row, l, d + 1, &done, err);
        if (status == FM_OK && !r->interrupted) status = drive_all(r, &done, &all, err);
        if (status == FM_OK && !r->interrupted) {
            mean[d][l] = speeds ? all.speed : all.reward;
            if (speeds) {
                reproduce_put(r, row, "speed m/s", (double)NAN, all.speed, done.ok);
            } else {
                fill_curve(&c, d, l, &done);
                reproduce_put(r, row, "return", (double)NAN, all.reward, done.ok);
            }
            reproduce_put(r, row, "crash %", (double)NAN, reproduce_percent(all.crashed), done.ok);
        }
        reproduce_trained_free(&done);
    }
    if (status != FM_OK || r->interrupted) return status;
    compare(r, speeds ? "speed" : "return", mean);
    return speeds ? FM_OK : draw(r, &c, err);
}

fm_status reproduce_step_returns(reproduce *r, fm_error *err) { return onramp(r, false, err); }
fm_status reproduce_step_speeds(reproduce *r, fm_error *err) { return onramp(r, true, err); }

/* ---- Fig. 7 ---- */

fm_status reproduce_step_beta(reproduce *r, fm_error *err) {
    static const struct {
        const char *row, *env, *settings;
        int64_t steps;
    } TASKS[] = {{"on-ramp", "onramp", "density=3", 1000000},
                 {"chain of 2", "chain", "agents=2", 300000},
                 {"chain of 8", "chain", "agents=8", 300000},
                 {"chain of 64", "chain", "agents=64", 300000}};
    static const char *const BETA[] = {"0", "0.01", "0.1", "1", "10"};
    enum { TASK_COUNT = sizeof TASKS / sizeof *TASKS, BETAS = sizeof BETA / sizeof *BETA };
    curves c = {.figure = "fig7", .panels = TASK_COUNT, .lines = BETAS};
    char line[BETAS][32];
    fm_status status = FM_OK;
    for (size_t k = 0; k < TASK_COUNT * BETAS && status == FM_OK && !r->interrupted; k++) {
        size_t t = k / BETAS, b = k % BETAS;
        char row[64], settings[64];
        reproduce_trained done;
        fm_text_format(line[b], sizeof line[b], "beta=%s", BETA[b]);
        fm_text_format(row, sizeof row, "%s %s", TASKS[t].row, line[b]);
        fm_text_format(settings, sizeof settings, "%s %s", TASKS[t].settings, line[b]);
        c.title[t] = TASKS[t].row, c.line[b] = line[b];
        reproduce_training what = {.row = row,
                                   .algo = "step",
                                   .env = TASKS[t].env,
                                   .settings = settings,
                                   .steps = TASKS[t].steps,
                                   .num_envs = COPIES,
                                   .rows = POINTS,
                                   .evaluations = POINTS,
                                   .eval_episodes = episodes(r, EVALUATED)};
        status = reproduce_train(r, &what, &done, err);
        if (status == FM_OK && !r->interrupted) {
            size_t points = reproduce_progress_rows(&done);
            fill_curve(&c, t, b, &done);
            reproduce_put(r, row, "area", (double)NAN, tested(&done, 0, points), done.ok);
            reproduce_put(r, row, "last quarter", (double)NAN, tested(&done, points - points / 4, points),
                          done.ok);
        }
        reproduce_trained_free(&done);
    }
    return status == FM_OK && !r->interrupted ? draw(r, &c, err) : status;
}
