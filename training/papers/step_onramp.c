/* step_onramp.c: merging among human drivers at three densities of traffic: STEP and its rivals
 * [STEP, Fig. 8 and 9], and what beta does there and in the chain [STEP, Fig. 7]. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "training/papers/curves.h"
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
    double *x = fm_new(3 * n, sizeof *x);
    fm_status status = FM_OK;
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

/* ---- curves: returns, mean of all agents, in the course of training ---- */

/* Over the trials: what all agents got by rows from..to-1 of the progress, on average, in training
 * (COLUMN_RETURN) or in evaluations (COLUMN_EVAL_RETURN). */
static stats_interval earned(const reproduce_trained *done, column_group returns, size_t from, size_t to) {
    size_t width = (size_t)done->columns.at[COLUMN_END], agents = (size_t)done->run.env.facts.agents;
    double *x = fm_new((size_t)done->all.n, sizeof *x);
    for (int64_t trial = 0; trial < done->all.n; trial++) {
        if (done->all.results[trial].status != TRIAL_OK) continue;
        for (size_t k = from; k < to; k++) {
            const double *row = done->all.rows[trial].numbers + k * width;
            const double *value = row + done->columns.at[returns];
            for (size_t i = 0; i < agents; i++) x[trial] += value[i] / (double)(agents * (to - from));
        }
    }
    stats_interval mean = reproduce_mean_of(done, x);
    free(x);
    return mean;
}

static reproduce_curve curve_of(const char *title, const reproduce_trained *done) {
    reproduce_curve curve = reproduce_curve_new(title, reproduce_progress_rows(done));
    for (size_t k = 0; k < curve.points; k++) {
        curve.x[k] = reproduce_progress(done, k, done->columns.at[COLUMN_STEP]).mean;
        curve.y[k] = earned(done, COLUMN_EVAL_RETURN, k, k + 1);
    }
    return curve;
}

/* A figure of its own, so that titles are short and each has its x. */
static fm_status draw(const reproduce *r, const char *figure, const char *title,
                      const reproduce_curve *curves, size_t n, fm_error *err) {
    static const int ALL[] = {0, 1, 2, 3, 4, 5};
    const reproduce_panel panel = {title, ALL, n};
    FM_CHECK(n <= sizeof ALL / sizeof *ALL, "%zu curves", n);
    return reproduce_curve_page(r, figure, "step", "test return", curves, n, &panel, 1, err);
}

/* ---- Fig. 8 and 9 ---- */

/* The same of the policy as it is, exploration included, in the last episodes of training: policies that are
 * still far from certain drive better so than by their most likely actions. */
static void put_training(reproduce *r, const char *row, const reproduce_trained *done) {
    size_t rows = reproduce_progress_rows(done);
    reproduce_put(r, row, "return in training", (double)NAN, earned(done, COLUMN_RETURN, rows - 1, rows),
                  done->ok);
    reproduce_put(r, row, "crash % in training", (double)NAN,
                  reproduce_percent(reproduce_mean(done, reproduce_train_outcome, 1)), done->ok);
}

static fm_status learn_and_drive(reproduce *r, size_t learner, size_t density, bool speeds,
                                 reproduce_curve *curve, fm_error *err) {
    char row[64];
    reproduce_trained done;
    driven mean;
    fm_text_format(row, sizeof row, "%s density=%zu", LEARNERS[learner].row, density);
    fm_status status = learn(r, row, learner, density, &done, err);
    if (status == FM_OK && !r->interrupted) status = drive_all(r, &done, &mean, err);
    if (status == FM_OK && !r->interrupted) {
        *curve = curve_of(LEARNERS[learner].row, &done);
        curve->area = speeds ? mean.speed : mean.reward;
        reproduce_put(r, row, speeds ? "speed m/s" : "return", (double)NAN, curve->area, done.ok);
        reproduce_put(r, row, "crash %", (double)NAN, reproduce_percent(mean.crashed), done.ok);
        if (!speeds) put_training(r, row, &done);
    }
    reproduce_trained_free(&done);
    return status;
}

static fm_status onramp(reproduce *r, bool speeds, fm_error *err) {
    static const reproduce_pair PAIRS[] = {{0, 1}, {0, 2}, {0, 3}, {0, 4}};
    reproduce_curve curves[DENSITIES][LEARNER_COUNT] = {{{0}}};
    fm_status status = FM_OK;
    for (size_t k = 0; k < DENSITIES * LEARNER_COUNT && status == FM_OK && !r->interrupted; k++) {
        size_t d = k / LEARNER_COUNT, l = k % LEARNER_COUNT;
        status = learn_and_drive(r, l, d + 1, speeds, &curves[d][l], err);
    }
    for (size_t d = 0; d < DENSITIES && status == FM_OK && !r->interrupted; d++) {
        char figure[32], title[32], what[64];
        fm_text_format(figure, sizeof figure, "fig8-%zu", d + 1);
        fm_text_format(title, sizeof title, "density %zu", d + 1);
        fm_text_format(what, sizeof what, "%s at density %zu", speeds ? "Speeds" : "Returns", d + 1);
        if (!speeds) status = draw(r, figure, title, curves[d], LEARNER_COUNT, err);
        if (status == FM_OK) reproduce_compare(r, what, curves[d], PAIRS, sizeof PAIRS / sizeof *PAIRS);
    }
    for (size_t d = 0; d < DENSITIES; d++) reproduce_curves_free(curves[d], LEARNER_COUNT);
    return status;
}

fm_status reproduce_step_returns(reproduce *r, fm_error *err) { return onramp(r, false, err); }
fm_status reproduce_step_speeds(reproduce *r, fm_error *err) { return onramp(r, true, err); }

/* ---- Fig. 7 ---- */

static const char *const BETAS[] = {"beta=0", "beta=0.01", "beta=0.1", "beta=1", "beta=10", "beta=100"};
enum { BETA_COUNT = sizeof BETAS / sizeof *BETAS };

static fm_status learn_by_beta(reproduce *r, const char *task, reproduce_training what, size_t b,
                               reproduce_curve *curve, fm_error *err) {
    char row[64], settings[64];
    reproduce_trained done;
    fm_text_format(row, sizeof row, "%s %s", task, BETAS[b]);
    fm_text_format(settings, sizeof settings, "%s %s", what.settings, BETAS[b]);
    what.row = row;
    what.settings = settings;
    fm_status status = reproduce_train(r, &what, &done, err);
    if (status == FM_OK && !r->interrupted) {
        *curve = curve_of(BETAS[b], &done);
        curve->area = earned(&done, COLUMN_EVAL_RETURN, 0, curve->points);
        reproduce_put(r, row, "area", (double)NAN, curve->area, done.ok);
        reproduce_put(
            r, row, "last quarter", (double)NAN,
            earned(&done, COLUMN_EVAL_RETURN, curve->points - curve->points / 4, curve->points), done.ok);
    }
    reproduce_trained_free(&done);
    return status;
}

fm_status reproduce_step_beta(reproduce *r, fm_error *err) {
    static const struct {
        const char *task, *figure, *env, *settings;
        int64_t steps;
    } TASKS[] = {{"on-ramp", "fig7-onramp", "onramp", "density=3", 1000000},
                 {"chain of 2", "fig7-chain-2", "chain", "agents=2", 0},
                 {"chain of 8", "fig7-chain-8", "chain", "agents=8", 0},
                 {"chain of 64", "fig7-chain-64", "chain", "agents=64", 0}};
    static const reproduce_pair PAIRS[] = {{5, 0}, {3, 0}, {5, 3}};
    fm_status status = FM_OK;
    for (size_t t = 0; t < sizeof TASKS / sizeof *TASKS && status == FM_OK && !r->interrupted; t++) {
        reproduce_curve curves[BETA_COUNT] = {{0}};
        const reproduce_training what = {.algo = "step",
                                         .env = TASKS[t].env,
                                         .settings = TASKS[t].settings,
                                         .steps = TASKS[t].steps,
                                         .num_envs = COPIES,
                                         .rows = POINTS,
                                         .evaluations = POINTS,
                                         .eval_episodes = episodes(r, EVALUATED)};
        for (size_t b = 0; b < BETA_COUNT && status == FM_OK && !r->interrupted; b++)
            status = learn_by_beta(r, TASKS[t].task, what, b, &curves[b], err);
        if (status == FM_OK && !r->interrupted)
            status = draw(r, TASKS[t].figure, TASKS[t].task, curves, BETA_COUNT, err);
        if (status == FM_OK && !r->interrupted)
            reproduce_compare(r, TASKS[t].task, curves, PAIRS, sizeof PAIRS / sizeof *PAIRS);
        reproduce_curves_free(curves, BETA_COUNT);
    }
    return status;
}
