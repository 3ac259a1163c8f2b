/* step_matrix.c: the two matrix games: where STEP and its rivals end [STEP, Fig. 5, Table 1, Fig. B.2]. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "envs/games/bimatrix.h"
#include "stb_ds.h"
#include "training/papers/item.h"

typedef struct learner {
    const char *row, *algo, *settings; /* each setting with a blank before it */
} learner;

/* The published observation is 0. MADDPG's warm-up would outlast the 10,000 decisions, so it is shorter. */
static const learner LEARNERS[] = {
    {"STEP", "step", " obs=0"},
    {"MAPPO", "mappo", ""},
    {"MADDPG", "maddpg",
     " critic_lr=0.001 actor_lr=0.001 batch_size=256 learning_starts=1000 train_freq=25 epsilon=0 "
     "epsilon_least=0"},
};
enum { LEARNER_COUNT = sizeof LEARNERS / sizeof *LEARNERS, SIDE = 3 };

/* ---- Fig. 5: Penalty ---- */

static const struct {
    int row, col;
    const char *metric;
} CELLS[] = {{0, 2, "(a1,b3) %"}, {2, 0, "(a3,b1) %"}, {1, 1, "(a2,b2) %"}};
enum { CELL_COUNT = sizeof CELLS / sizeof *CELLS };

/* What the text says of the bars; NAN: nothing that is a number. */
static double published(const learner *l, int k, size_t cell) {
    if (l == &LEARNERS[0] && k == -100 && cell == 0) return 93;
    if (l == &LEARNERS[1] && k < 0 && cell == 2) return 100;
    return (double)NAN;
}

static fm_status climb(reproduce *r, const learner *l, const char *words, int k, const char *settings,
                       fm_error *err) {
    char row[64], all[256];
    reproduce_trained done;
    snprintf(row, sizeof row, "%s%s k=%d", l->row, words, k);
    snprintf(all, sizeof all, "k=%d%s%s", k, l->settings, settings);
    reproduce_training what = {
        .row = row, .algo = l->algo, .env = "penalty", .settings = all, .steps = 10000};
    fm_status status = reproduce_train(r, &what, &done, err);
    if (status == FM_OK && !r->interrupted) {
        size_t count[CELL_COUNT + 1] = {0};
        for (int64_t t = 0; t < done.all.n; t++) {
            const trial_result *result = &done.all.results[t];
            size_t cell = 0;
            if (result->status != TRIAL_OK) continue;
            while (cell < CELL_COUNT && ((int)result->evaluation.action[0] != CELLS[cell].row ||
                                         (int)result->evaluation.action[1] != CELLS[cell].col))
                cell++;
            count[cell]++;
        }
        for (size_t cell = 0; cell <= CELL_COUNT; cell++)
            reproduce_put(r, row, cell < CELL_COUNT ? CELLS[cell].metric : "other %",
                          words[0] == '\0' ? published(l, k, cell) : (double)NAN,
                          reproduce_percent(stats_share(count[cell], (size_t)done.ok)), done.ok);
    }
    reproduce_trained_free(&done);
    return status;
}

fm_status reproduce_step_penalty(reproduce *r, fm_error *err) {
    static const int K[] = {0, -25, -50, -75, -100};
    /* Beside the published ones: weak regularisers, and the trap of a constant observation (algos/step.c). */
    static const char *const VARIANTS[][2] = {{" beta=0.01", " beta=0.01"},
                                              {" beta=0", " beta=0"},
                                              {" obs=1", " obs=1"},
                                              {" obs=1 raw", " obs=1 normalize_obs=false"}};
    fm_status status = FM_OK;
    for (size_t i = 0; i < LEARNER_COUNT; i++)
        for (size_t k = 0; k < sizeof K / sizeof *K && status == FM_OK && !r->interrupted; k++)
            status = climb(r, &LEARNERS[i], "", K[k], "", err);
    for (size_t v = 0; v < sizeof VARIANTS / sizeof *VARIANTS && status == FM_OK && !r->interrupted; v++)
        status = climb(r, &LEARNERS[0], VARIANTS[v][0], -100, VARIANTS[v][1], err);
    return status;
}

/* ---- Table 1, Fig. B.2: Mixing ---- */

/* Watched: the step, each agent's chance of each action, what the two earn on average. */
enum { STEP, CHANCE, REWARD = CHANCE + 2 * SIDE, COLUMNS = REWARD + 2 };

#define EVERY 100

/* A follower that sees its superior's action has a chance for each of them. */
static void look(void *user, const loop *l, double *numbers) {
    (void)user;
    const bimatrix *game = l->setup.env->facts.bimatrix;
    env_view view = env_vec_now(&l->stage.vec);
    for (int c = CHANCE; c < COLUMNS; c++) numbers[c] = 0;
    numbers[STEP] = (double)l->counters.step;
    for (int a = 0; a < SIDE; a++)
        for (int b = 0; b < SIDE; b++) {
            const real joint[] = {(real)a, (real)b};
            double chance[2];
            l->setup.algo->probabilities(l->learner, &view, joint, chance);
            double both = chance[0] * chance[1];
            numbers[CHANCE + a] += both;
            numbers[CHANCE + SIDE + b] += both;
            for (int i = 0; i < 2; i++) numbers[REWARD + i] += both * game->payoff[i][a * SIDE + b];
        }
}

/* Of the k-th row that was watched, or the last one: a column's mean over the trials with its interval, and
 * its deviation. */
static stats_interval watched(const reproduce_trained *done, size_t k, int column, double *deviation) {
    double *x = fm_new((size_t)done->all.n, sizeof *x), squares = 0;
    for (int64_t trial = 0; trial < done->all.n; trial++) {
        size_t rows = arrlenu(done->all.watched[trial].numbers) / COLUMNS, at = k < rows ? k : rows - 1;
        if (done->all.results[trial].status == TRIAL_OK)
            x[trial] = done->all.watched[trial].numbers[at * COLUMNS + (size_t)column];
    }
    stats_interval mean = reproduce_mean_of(done, x);
    for (int64_t trial = 0; trial < done->all.n; trial++)
        if (done->all.results[trial].status == TRIAL_OK) squares += pow(x[trial] - mean.mean, 2);
    if (deviation) *deviation = sqrt(squares / (double)done->ok);
    free(x);
    return mean;
}

static size_t watched_rows(const reproduce_trained *done) {
    size_t rows = 0;
    for (int64_t trial = 0; trial < done->all.n; trial++)
        if (done->all.results[trial].status == TRIAL_OK)
            rows = arrlenu(done->all.watched[trial].numbers) / COLUMNS;
    return rows;
}

static fm_status mix(reproduce *r, const learner *l, reproduce_trained *done, fm_error *err) {
    const trial_watch watch = {.look = look, .width = COLUMNS, .every = EVERY};
    char all[256];
    snprintf(all, sizeof all, "rounds=1%s", l->settings);
    reproduce_training what = {
        .row = l->row, .algo = l->algo, .env = "mixing", .settings = all, .steps = 10000, .watch = &watch};
    return reproduce_train(r, &what, done, err);
}

static const char *const METRICS[] = {"P(a1) %", "P(a2) %", "P(a3) %",  "P(b1) %",
                                      "P(b2) %", "P(b3) %", "reward 1", "reward 2"};

/* [STEP, Table 1]; the rewards of MAPPO and MADDPG are printed in each other's columns there. */
static const double TABLE[LEARNER_COUNT][8] = {{99.99, 0, 0.01, 99.99, 0, 0.01, 0, 5},
                                               {32.93, 0.03, 67.04, 61.98, 0.04, 37.97, -1.29, 2.72},
                                               {21.39, 5.62, 72.99, 14.46, 7.86, 77.68, -7.9, 3.2}};

fm_status reproduce_step_mixing(reproduce *r, fm_error *err) {
    fm_status status = FM_OK;
    for (size_t i = 0; i < LEARNER_COUNT && status == FM_OK && !r->interrupted; i++) {
        const learner *l = &LEARNERS[i];
        reproduce_trained done;
        status = mix(r, l, &done, err);
        if (status == FM_OK && !r->interrupted && done.ok > 0) {
            for (int c = CHANCE; c < COLUMNS; c++) {
                stats_interval mean = watched(&done, SIZE_MAX, c, NULL);
                reproduce_put(r, l->row, METRICS[c - CHANCE], TABLE[i][c - CHANCE],
                              c < REWARD ? reproduce_percent(mean) : mean, done.ok);
            }
            for (int k = 0; k < 2; k++)
                reproduce_put(r, l->row, k == 0 ? "reward 1 at 2000" : "reward 2 at 2000", (double)NAN,
                              watched(&done, 2000 / EVERY - 1, REWARD + k, NULL), done.ok);
        }
        reproduce_trained_free(&done);
    }
    return status;
}

/* ---- Fig. B.2 ---- */

enum { DRAWN = 1 + LEARNER_COUNT * 2 * SIDE * 3, POINTS_MAX = 1000 };

/* Mean and half a deviation to both sides, as in the paper. */
static void fill(const reproduce_trained *done, size_t which, size_t rows, double *numbers) {
    for (size_t k = 0; k < rows; k++) {
        double *at = numbers + k * DRAWN, deviation;
        at[0] = watched(done, k, STEP, NULL).mean;
        for (int c = 0; c < 2 * SIDE; c++) {
            double *to = at + 1 + (which * 2 * SIDE + (size_t)c) * 3;
            to[0] = watched(done, k, CHANCE + c, &deviation).mean;
            to[1] = to[0] - deviation / 2;
            to[2] = to[0] + deviation / 2;
        }
    }
}

static fm_status draw(const reproduce *r, const double *numbers, size_t rows, fm_error *err) {
    static const char *const ACTIONS[] = {"first action", "second action", "third action"};
    static const char *const PART[] = {"", " low", " high"};
    char names[DRAWN][32], titles[LEARNER_COUNT * 2][32];
    const char *name[DRAWN];
    plot_series series[LEARNER_COUNT * 2][SIDE];
    plot_panel panels[LEARNER_COUNT * 2];
    snprintf(names[0], sizeof names[0], "step");
    for (size_t c = 0; c < DRAWN; c++) name[c] = names[c];
    for (size_t p = 0; p < LEARNER_COUNT * 2; p++) {
        size_t l = p % LEARNER_COUNT, agent = p / LEARNER_COUNT;
        snprintf(titles[p], sizeof titles[p], "%s: %s", LEARNERS[l].row, agent == 0 ? "leader" : "follower");
        for (size_t a = 0; a < SIDE; a++) {
            size_t c = 1 + ((l * 2 + agent) * SIDE + a) * 3;
            for (size_t part = 0; part < 3; part++)
                snprintf(names[c + part], sizeof names[c], "%s P(%c%zu)%s", LEARNERS[l].row,
                         agent == 0 ? 'a' : 'b', a + 1, PART[part]);
            series[p][a] = (plot_series){.title = ACTIONS[a], .column = c, .low = c + 1, .high = c + 2};
        }
        panels[p] = (plot_panel){.title = titles[p],
                                 .x_label = "step",
                                 .y_label = "probability",
                                 .high = 1,
                                 .series = series[p],
                                 .n = SIDE};
    }
    plot_page page = {.note =
                          "bands: half a standard deviation over the trials to both sides, as in the paper",
                      .panels = panels,
                      .n = LEARNER_COUNT * 2};
    plot_data data = {.names = name, .width = DRAWN, .rows = rows, .numbers = numbers};
    return reproduce_figure(r, "figB2", &data, &page, err);
}

fm_status reproduce_step_mixing_curves(reproduce *r, fm_error *err) {
    fm_status status = FM_OK;
    size_t rows = POINTS_MAX;
    double *numbers = fm_new((size_t)POINTS_MAX * DRAWN, sizeof *numbers);
    for (size_t i = 0; i < LEARNER_COUNT && status == FM_OK && !r->interrupted; i++) {
        const learner *l = &LEARNERS[i];
        reproduce_trained done;
        status = mix(r, l, &done, err);
        if (status == FM_OK && !r->interrupted && done.ok > 0) {
            if (watched_rows(&done) < rows) rows = watched_rows(&done);
            fill(&done, i, rows, numbers);
            for (size_t at = 1000 / EVERY; at * EVERY <= 10000; at *= 2) {
                char metric[32];
                if (at > rows) break;
                snprintf(metric, sizeof metric, "P(a1) %% at %zu", at * EVERY);
                reproduce_put(r, l->row, metric, (double)NAN,
                              reproduce_percent(watched(&done, at - 1, CHANCE, NULL)), done.ok);
                snprintf(metric, sizeof metric, "P(b1) %% at %zu", at * EVERY);
                reproduce_put(r, l->row, metric, (double)NAN,
                              reproduce_percent(watched(&done, at - 1, CHANCE + SIDE, NULL)), done.ok);
            }
        }
        reproduce_trained_free(&done);
    }
    if (status == FM_OK && !r->interrupted && rows > 0 && rows < POINTS_MAX)
        status = draw(r, numbers, rows, err);
    free(numbers);
    return status;
}
