/* oracles_mspm.c: the message sequential price mechanism [Brero et al. 2022]: a leader that sells an item to
 * two buyers, who learn by multiplicative weights in every episode what to tell it. */
#include <math.h>

#include "base/text.h"
#include "training/papers/oracles.h"

/* An episode has 50 updates of the buyers with two messages, twice as many idle ones when there is nothing to
 * say, and then one game for every pair of values, which count by their chances. */
#define LEADER "game=mspm oracle=weights games=200 plays=0 n_steps=3000 lr=0.03 lr_final=0.1 ent_coef=0 "
#define STEPS 400000
#define EVALUATED 50 /* episodes, as buyers learn by chance */
#define CURVE_POINTS 60
#define CURVE_WINDOW 20 /* episodes */

/* The buyers' values and their chances; `best`: what is lost without messages [Brero 2022]. */
typedef struct market {
    const char *row, *settings;
    int values;
    double value[2][4], chance[2][4], best;
} market;

#define THIRD (1.0 / 3)
static const market MARKETS[] = {
    {"k = 3",
     "values=3",
     3,
     {{0, 0.5, 1}, {0, 0.5, 1}},
     {{THIRD, THIRD, THIRD}, {THIRD, THIRD, THIRD}},
     -1.0 / 18},
    {"k = 4",
     "values=4",
     4,
     {{0, THIRD, 2 * THIRD, 1}, {0, THIRD, 2 * THIRD, 1}},
     {{0.25, 0.25, 0.25, 0.25}, {0.25, 0.25, 0.25, 0.25}},
     -1.0 / 24},
    {"PI", "setting=pi", 2, {{0.2, 1}, {0, 0.4}}, {{0.8, 0.2}, {0.5, 0.5}}, -0.06},
};

/* What a leader loses, exactly, whose scores and prices are drawn from [0, 1] at every visit: a buyer of
 * value v takes it with probability v, and messages are worth nothing. */
static double lost_at_random(const market *m) {
    double lost = 0;
    for (int a = 0; a < m->values; a++)
        for (int b = 0; b < m->values; b++) {
            const double v = m->value[0][a], w = m->value[1][b];
            const double first = v * v + (1 - v) * w * w, second = w * w + (1 - w) * v * v;
            lost += m->chance[0][a] * m->chance[1][b] * ((first + second) / 2 - fmax(v, w));
        }
    return lost;
}

/* What a loss closes of the distance from the random leader to the best one without messages, in per cent. */
static stats_interval closed(stats_interval loss, double random, double best) {
    const double whole = (best - random) / 100;
    return (stats_interval){(loss.mean - random) / whole, (loss.low - random) / whole,
                            (loss.high - random) / whole, loss.n};
}

/* *best: the game's own solution, which it has without messages. */
static void put(reproduce *r, const char *row, const market *m, const reproduce_trained *done, double *best) {
    const env_solution *known = env_facts_solution(&done->run.env.facts, "stackelberg");
    const stats_interval loss = reproduce_mean(done, reproduce_return, 0);
    const double random = lost_at_random(m);
    if (known) {
        *best = known->value[0];
        reproduce_put(r, row, "random leader", (double)NAN, reproduce_number(random), 1);
        reproduce_put(r, row, "no-message optimum", m->best, reproduce_number(*best), 1);
    }
    reproduce_put(r, row, "trained leader", (double)NAN, loss, done->ok);
    reproduce_put(r, row, "distance closed %", (double)NAN, closed(loss, random, *best), done->ok);
}

static fm_status lead(reproduce *r, const market *m, int messages, oracles_figure *f, double *best,
                      fm_error *err) {
    const char *const said = messages == 1 ? "without messages" : "with two messages";
    char row[48], settings[240];
    fm_text_format(row, sizeof row, "%s %s", m->row, said);
    fm_text_format(settings, sizeof settings, LEADER "game_settings=%s,messages=%d", m->settings, messages);
    reproduce_training what = {.row = row,
                               .algo = "ppo",
                               .env = "leader-pomdp",
                               .settings = settings,
                               .steps = STEPS,
                               .window = CURVE_WINDOW,
                               .rows = CURVE_POINTS,
                               .eval_episodes = EVALUATED};
    reproduce_trained done;
    fm_status status = reproduce_train(r, &what, &done, err);
    if (status == FM_OK && !r->interrupted) {
        put(r, row, m, &done, best);
        oracles_curve(f, said, &done, COLUMN_RETURN, 0);
    }
    reproduce_trained_free(&done);
    return status;
}

fm_status reproduce_oracles_mspm(reproduce *r, fm_error *err) {
    oracles_figure figure = {0};
    fm_status status = FM_OK;
    for (size_t k = 0; k < sizeof MARKETS / sizeof *MARKETS && status == FM_OK && !r->interrupted; k++) {
        const market *m = &MARKETS[k];
        double best = (double)NAN;
        oracles_panel(&figure, m->row);
        for (int messages = 1; messages <= 2 && status == FM_OK && !r->interrupted; messages++)
            status = lead(r, m, messages, &figure, &best, err);
        if (status != FM_OK || r->interrupted) continue;
        oracles_level(&figure, "best without messages", reproduce_number(best));
        oracles_level(&figure, "random leader", reproduce_number(lost_at_random(m)));
    }
    if (status == FM_OK && !r->interrupted)
        status = oracles_draw(r, &figure, "mspm", "leader steps", "welfare less the best, in training", err);
    oracles_figure_free(&figure);
    return status;
}
