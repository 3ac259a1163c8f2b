/* oracles_games.c: the 12 iterated games with a contextual follower [Gerstgrasser & Parkes 2023, the main
 * figure]. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* Over the trials that are there at the end; *n: how many. */
static stats_interval arrivals(const reproduce_trained *done, double value, int64_t *n) {
    double *steps = calloc((size_t)done->all.n, sizeof *steps);
    size_t there = 0;
    FM_CHECK(steps != NULL, "out of memory");
    for (int64_t k = 0; k < done->all.n; k++) {
        double step = done->all.results[k].status == TRIAL_OK ? arrival(done, k, value) : (double)NAN;
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
    stats_interval steps = arrivals(done, known->value[0], &there);
    snprintf(metric, sizeof metric, "%s leader steps to the equilibrium", leader);
    reproduce_put(r, game, metric, (double)NAN, steps, there);
    snprintf(metric, sizeof metric, "%s total steps", leader);
    reproduce_put(r, game, metric, (double)NAN, plus(steps, (double)before), there);
    return FM_OK;
}

static fm_status lead(reproduce *r, const char *game, const char *leader, const char *settings,
                      const char *follower, int64_t before, fm_error *err) {
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
    reproduce_trained done;
    fm_status status = reproduce_train(r, &what, &done, err);
    if (status == FM_OK && !r->interrupted) status = put_leader(r, game, leader, &done, before, err);
    reproduce_trained_free(&done);
    return status;
}

static fm_status play_game(reproduce *r, const char *game, fm_error *err) {
    char settings[160], who[ORACLES_WHO_MAX];
    int64_t before;
    snprintf(settings, sizeof settings, "game=%s", game);
    fm_status status = oracles_follower(r, game, settings, who, &before, err);
    snprintf(settings, sizeof settings, "game=%s oracle=contextual", game);
    for (size_t k = 0; k < sizeof LEADERS / sizeof *LEADERS && status == FM_OK && !r->interrupted; k++)
        status = lead(r, game, LEADERS[k], settings, who, before, err);
    return status;
}

fm_status reproduce_oracles_games(reproduce *r, fm_error *err) {
    fm_status status = FM_OK;
    for (size_t k = 0; k < sizeof GAMES / sizeof *GAMES && status == FM_OK && !r->interrupted; k++)
        status = play_game(r, GAMES[k], err);
    return status;
}
