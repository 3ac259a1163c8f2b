/* oracles_games.c: the 12 iterated games [Gerstgrasser & Parkes 2023, the main figure]: leaders against a
 * follower that knows their tables, and against one that learns anew in every episode, by tabular Q. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "stb_ds.h"
#include "training/papers/oracles.h"

#define ROUNDS 10
#define STEPS 10000
#define CHICKEN_STEPS 15000
#define EVALUATIONS 100

static const char *const GAMES[] = {"prisoners_dilemma", "stag_hunt", "assurance",  "coordination",
                                    "mixedharmony",      "harmony",   "noconflict", "deadlock",
                                    "prisoners_delight", "hero",      "battle",     "chicken"};

static const char *const LEADERS[] = {"ppo", "reinforce"};

enum { GAME_COUNT = sizeof GAMES / sizeof *GAMES, LEADER_COUNT = sizeof LEADERS / sizeof *LEADERS };

/* The step of the first evaluation from which on the greedy leader is at the equilibrium, to the end; NAN
 * when it is not there at the end. */
static double arrival(const reproduce_trained *done, int64_t trial, double value) {
    size_t width = (size_t)done->columns.at[COLUMN_END];
    size_t rows = arrlenu(done->all.rows[trial].numbers) / width;
    double step = (double)NAN;
    for (size_t k = rows; k-- > 0;) {
        const double *row = done->all.rows[trial].numbers + k * width;
        if (fabs(row[done->columns.at[COLUMN_EVAL_RETURN]] - value) > 1e-6) return step;
        step = row[done->columns.at[COLUMN_STEP]];
    }
    return step;
}

/* The step of the first evaluation with at least that value; NAN when there is none. */
static double first_sight(const reproduce_trained *done, int64_t trial, double value) {
    size_t width = (size_t)done->columns.at[COLUMN_END];
    size_t rows = arrlenu(done->all.rows[trial].numbers) / width;
    for (size_t k = 0; k < rows; k++) {
        const double *row = done->all.rows[trial].numbers + k * width;
        if (row[done->columns.at[COLUMN_EVAL_RETURN]] >= value) return row[done->columns.at[COLUMN_STEP]];
    }
    return (double)NAN;
}

/* Over the trials that have such a step; *n: how many. */
typedef double (*moment)(const reproduce_trained *done, int64_t trial, double value);

static stats_interval steps_to(const reproduce_trained *done, moment when, double value, int64_t *n) {
    double *steps = fm_new((size_t)done->all.n, sizeof *steps);
    size_t there = 0;
    for (int64_t k = 0; k < done->all.n; k++) {
        double step = done->all.results[k].status == TRIAL_OK ? when(done, k, value) : (double)NAN;
        if (!isnan(step)) steps[there++] = step;
    }
    stats_interval mean = stats_mean(steps, there);
    *n = (int64_t)there;
    free(steps);
    return mean;
}

static stats_interval plus(stats_interval x, double more) {
    x.mean += more, x.low += more, x.high += more;
    return x;
}

/* Greedy play in the course of training, in sums of payoffs. */
static void draw_leader(oracles_figure *f, const char *leader, const reproduce_trained *done) {
    oracles_curve(f, leader, done, COLUMN_EVAL_RETURN, oracles_sum(0, ROUNDS));
}

static void draw_equilibrium(oracles_figure *f, const reproduce_trained *done) {
    const env_solution *known = env_facts_solution(&done->run.env.facts, "stackelberg");
    oracles_level(f, "Stackelberg value", reproduce_number(oracles_sum(known->value[0], ROUNDS)));
}

static fm_status put_leader(reproduce *r, const char *game, const char *leader, const reproduce_trained *done,
                            int64_t before, fm_error *err) {
    const env_solution *known = env_facts_solution(&done->run.env.facts, "stackelberg");
    stats_interval sampled;
    int64_t there;
    char metric[80];
    if (oracles_sampled(done, ROUNDS, &sampled, err) != FM_OK) return FM_BAD;
    snprintf(metric, sizeof metric, "%s argmax leader sum", leader);
    reproduce_put(r, game, metric, oracles_sum(known->value[0], ROUNDS), oracles_greedy(done, ROUNDS),
                  done->ok);
    snprintf(metric, sizeof metric, "%s sampled leader sum", leader);
    reproduce_put(r, game, metric, (double)NAN, sampled, done->ok);
    stats_interval steps = steps_to(done, arrival, known->value[0], &there);
    snprintf(metric, sizeof metric, "%s leader steps to the equilibrium", leader);
    reproduce_put(r, game, metric, (double)NAN, steps, there);
    snprintf(metric, sizeof metric, "%s total steps", leader);
    reproduce_put(r, game, metric, (double)NAN, plus(steps, (double)before), there);
    return FM_OK;
}

static fm_status lead(reproduce *r, const char *game, const char *leader, const char *settings,
                      const char *follower, int64_t before, reproduce_trained *done, fm_error *err) {
    char row[80];
    snprintf(row, sizeof row, "%s %s", game, leader);
    reproduce_training what = {.row = row,
                               .algo = leader,
                               .env = "leader-pomdp",
                               .settings = settings,
                               .learner = follower,
                               .steps = strcmp(game, "chicken") == 0 ? CHICKEN_STEPS : STEPS,
                               .rows = EVALUATIONS,
                               .evaluations = EVALUATIONS,
                               .eval_episodes = 1};
    if (reproduce_train(r, &what, done, err) != FM_OK) return FM_BAD;
    return r->interrupted ? FM_OK : put_leader(r, game, leader, done, before, err);
}

static fm_status play_game(reproduce *r, const char *game, oracles_figure *f, fm_error *err) {
    char settings[160], who[ORACLES_WHO_MAX];
    int64_t before;
    snprintf(settings, sizeof settings, "game=%s", game);
    fm_status status = oracles_follower(r, game, settings, who, &before, err);
    snprintf(settings, sizeof settings, "game=%s oracle=contextual", game);
    oracles_panel(f, game);
    for (size_t k = 0; k < LEADER_COUNT && status == FM_OK && !r->interrupted; k++) {
        reproduce_trained done;
        status = lead(r, game, LEADERS[k], settings, who, before, &done, err);
        if (status == FM_OK && !r->interrupted) draw_leader(f, LEADERS[k], &done);
        if (status == FM_OK && !r->interrupted && k + 1 == LEADER_COUNT) draw_equilibrium(f, &done);
        reproduce_trained_free(&done);
    }
    return status;
}

typedef fm_status player(reproduce *r, const char *game, oracles_figure *f, fm_error *err);

/* Each game has a panel in the figure NAME. */
static fm_status play_games(reproduce *r, const char *name, player *play, fm_error *err) {
    oracles_figure figure = {0};
    fm_status status = FM_OK;
    for (size_t k = 0; k < GAME_COUNT && status == FM_OK && !r->interrupted; k++)
        status = play(r, GAMES[k], &figure, err);
    if (status == FM_OK && !r->interrupted)
        status = oracles_draw(r, &figure, name, "leader steps", "sum of payoffs, 10 rounds", err);
    oracles_figure_free(&figure);
    return status;
}

fm_status reproduce_oracles_games(reproduce *r, fm_error *err) {
    return play_games(r, "games", play_game, err);
}

/* ---- a follower that learns in the leader's episode ---- */

#define INNER_STEPS 2000000
#define INNER_EVALUATIONS 100
#define NEAR 0.97 /* of the equilibrium's sum */

/* An episode has 80 games in which the follower learns and one that counts. */
static fm_status lead_learner(reproduce *r, const char *game, oracles_figure *f, fm_error *err) {
    char settings[200];
    snprintf(settings, sizeof settings,
             "game=%s oracle=q games=80 commitment=independent n_steps=8100 lr=0.03", game);
    reproduce_training what = {.row = game,
                               .algo = "ppo",
                               .env = "leader-pomdp",
                               .preset = "published",
                               .settings = settings,
                               .steps = INNER_STEPS,
                               .rows = INNER_EVALUATIONS,
                               .evaluations = INNER_EVALUATIONS,
                               .eval_episodes = 10};
    reproduce_trained done;
    fm_status status = reproduce_train(r, &what, &done, err);
    if (status == FM_OK && !r->interrupted) {
        double sum = oracles_sum(env_facts_solution(&done.run.env.facts, "stackelberg")->value[0], ROUNDS);
        int64_t there;
        stats_interval steps = steps_to(&done, first_sight, oracles_sum(NEAR * sum, -ROUNDS), &there);
        reproduce_put(r, game, "argmax leader sum", sum, oracles_greedy(&done, ROUNDS), done.ok);
        reproduce_put(r, game, "leader steps to 97 % of the equilibrium", (double)NAN, steps, there);
        oracles_panel(f, game);
        draw_leader(f, "ppo", &done);
        draw_equilibrium(f, &done);
    }
    reproduce_trained_free(&done);
    return status;
}

fm_status reproduce_oracles_inner_loop(reproduce *r, fm_error *err) {
    return play_games(r, "inner-loop", lead_learner, err);
}
