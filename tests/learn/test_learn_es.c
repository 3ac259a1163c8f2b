/* Evolution strategies: updates by the formulas of the card, noise as it is said to be, and what they learn:
 * the push that stops a linear pendulum, where to turn when it is shown, a leader's table when its questions
 * teach nothing. */
#include <math.h>

#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_recall.h"
#include "tests/toy_swing.h"

extern const algo_type algo_es;

/* ---- updates ---- */

enum { PAIRS = 4, PARAMS = 64 };
#define SIGMA 0.3
#define DECAY 0.1
#define LR 0.01
#define SETTINGS "hidden=none pairs=4 sigma=0.3 weight_decay=0.1 lr=0.01"

/* What the copies play with, one after another, and around; all in the layout of the parameters. */
typedef struct hand {
    drive d;
    const real *theta, *member;
    size_t n;
} hand;

static void hand_begin(hand *h, const env_type *own, const char *world, int copies) {
    drive_open(&h->d, &algo_es, own, NULL, world, SETTINGS);
    drive_start(&h->d, copies, 1000, 1003);
    const fm_kept *members = fm_keep_find(&h->d.keep, "es.members");
    h->theta = fm_keep_find(&h->d.keep, "actor.layer.0.weight")->data;
    h->member = members->data;
    h->n = members->rows / (size_t)copies;
    FM_CHECK(h->n <= PARAMS, "%zu parameters", h->n);
}

/* Plays an episode of that many steps in copy 0: its return, and who played it less theta, by sigma. */
static double play_member(hand *h, int steps, double *noise) {
    double sum = 0;
    for (size_t j = 0; j < h->n; j++) noise[j] = ((double)h->member[j] - (double)h->theta[j]) / SIGMA;
    for (int t = 0; t < steps; t++) {
        drive_step(&h->d);
        sum += h->d.stage.vec.rewards[0];
    }
    return sum;
}

/* From -1/2 to 1/2: half the share of those below less those above. */
static double centred(const double *all, double value) {
    double balance = 0;
    for (int k = 0; k < 2 * PAIRS; k++) balance += (all[k] < value) - (all[k] > value);
    return balance / (2 * (2 * PAIRS - 1));
}

/* Three updates against Adam [Kingma & Ba 2015, Alg. 1] along the gradient as it stands in the paper. */
static void expect_updates(const env_type *own, const char *world, int steps) {
    double m[PARAMS] = {0}, v[PARAMS] = {0};
    hand h;
    hand_begin(&h, own, world, 1);
    for (int update = 1; update <= 3; update++) {
        double returns[2 * PAIRS], noise[2 * PAIRS][PARAMS], expected[PARAMS], norm = 0;
        for (size_t j = 0; j < h.n; j++) expected[j] = (double)h.theta[j];
        for (int k = 0; k < 2 * PAIRS; k++) returns[k] = play_member(&h, steps, noise[k]);
        for (size_t j = 0; j < h.n; j++) {
            double g = -DECAY * expected[j];
            for (int k = 0; k < 2 * PAIRS; k++) g += centred(returns, returns[k]) * noise[k][j] / (2 * PAIRS);
            for (int k = 0; k < 2 * PAIRS; k += 2) EXPECT_NEAR(noise[k][j], -noise[k + 1][j], 1e-5);
            norm += g * g;
            m[j] += 0.1 * (g - m[j]);
            v[j] += 0.001 * (g * g - v[j]);
            expected[j] +=
                LR * m[j] / (1 - pow(0.9, update)) / (sqrt(v[j] / (1 - pow(0.999, update))) + 1e-8);
            EXPECT_NEAR((double)h.theta[j], expected[j], 1e-5);
        }
        EXPECT_NEAR(drive_metric(&h.d, "gradient_norm"), sqrt(norm), 1e-5);
        double mean = 0;
        for (int k = 0; k < 2 * PAIRS; k++) mean += returns[k] / (2 * PAIRS);
        EXPECT_NEAR(drive_metric(&h.d, "member_return"), mean, 1e-9);
    }
    drive_end(&h.d);
}

/* Returns that all differ, and returns of which many are equal. */
TEST(updates_are_those_of_the_paper) {
    expect_updates(&TOY_SWING, "horizon=3", 3);
    expect_updates(&TOY_RECALL, "length=1", 1);
}

/* Of 400 pairs with three parameters: mean, variance, and products of neighbouring pairs and parameters,
 * within five standard errors. */
TEST(noise_is_standard_normal) {
    double noise[PARAMS], last[PARAMS] = {0}, sum = 0, squares = 0, products = 0, n = 0;
    hand h;
    hand_begin(&h, &TOY_SWING, "horizon=1", 1);
    for (int k = 0; k < 800; k++) {
        play_member(&h, 1, noise);
        if (k % 2) continue;
        for (size_t j = 0; j < h.n; j++) {
            if (noise[j] == 0) continue; /* a gap */
            sum += noise[j], squares += noise[j] * noise[j], n++;
            products += noise[j] * last[j];
        }
        products += noise[0] * noise[1];
        memcpy(last, noise, sizeof last);
    }
    EXPECT_EQ((int)n, 1200);
    EXPECT_NEAR(sum / n, 0, 5 / sqrt(n));
    EXPECT_NEAR(squares / n, 1, 5 * sqrt(2 / n));
    EXPECT_NEAR(products / n, 0, 5 * sqrt(4 / (3 * n)));
    drive_end(&h.d);
}

/* Also of copies that play side by side. */
TEST(every_pair_has_noise_of_its_own) {
    enum { COPIES = 3, ROUNDS = 20 };
    double noise[COPIES * ROUNDS];
    hand h;
    hand_begin(&h, &TOY_SWING, "horizon=1", COPIES);
    for (int k = 0; k < ROUNDS; k++, drive_run(&h.d, 2 * COPIES))
        for (int c = 0; c < COPIES; c++)
            noise[k * COPIES + c] = ((double)h.member[(size_t)c * h.n] - (double)h.theta[0]) / SIGMA;
    for (int a = 0; a < COPIES * ROUNDS; a++)
        for (int b = 0; b < a; b++) EXPECT_MSG(fabs(noise[a] - noise[b]) > 1e-5, "pairs %d and %d", b, a);
    drive_end(&h.d);
}

/* ---- learning ---- */

/* Return of greedy play after training; seeds 0 to 4, with one copy and with four. */
static void expect_return(const env_type *own, const char *name, const char *world, const char *settings,
                          int64_t steps, double least) {
    for (uint64_t seed = 0; seed < 5; seed++)
        for (int copies = 1; copies <= 4; copies += 3) {
            drive d;
            double value;
            drive_open(&d, &algo_es, own, name, world, settings);
            drive_start(&d, copies, steps, seed);
            drive_run(&d, steps);
            drive_play(&d, 200, &value);
            EXPECT_MSG(value >= least, "%s (%s), %d copies, seed %d: %g", d.game.facts.name, settings, copies,
                       (int)seed, value);
            drive_end(&d);
        }
}

/* The optimum is -3.74 on average, -33.65 without a push. */
TEST(es_stops_the_pendulum) {
    expect_return(&TOY_SWING, NULL, "", "hidden=none sigma=0.1 lr=0.02", 60000, -4.4);
}

TEST(es_turns_where_it_is_shown) { expect_return(&TOY_RECALL, NULL, "length=1", "hidden=8", 6000, 1); }

/* 7.5 by tit for tat; who learns from the steps that count alone ends at -2.5. */
TEST(es_leads_by_questions_that_teach_nothing) {
    expect_return(NULL, "leader-pomdp",
                  "game=modified_prisoners_dilemma memory=small horizon=5 commitment=independent "
                  "hidden_queries=true",
                  "", 50000, 7.5);
}

TEST_MAIN(CASE(updates_are_those_of_the_paper), CASE(noise_is_standard_normal),
          CASE(every_pair_has_noise_of_its_own), CASE(es_stops_the_pendulum),
          CASE(es_turns_where_it_is_shown), CASE(es_leads_by_questions_that_teach_nothing))
