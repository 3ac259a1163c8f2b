/* The on-ramp's statistics under fixed policies beside those that the published program gave: returns (mean
 * over the CAVs of the regional reward, summed over the episode), speeds, shares of crashes and lengths, with
 * and without the safety supervisor. The program's are means of few episodes, so that its errors, not ours,
 * are what the comparison has to allow for. */
#include <stdlib.h>

#include "envs/env.h"
#include "envs/traffic/onramp.h"
#include "envs/vector.h"
#include "tests/test.h"

#define EPISODES 400
#define EPISODES_SUPERVISED 100

enum { RANDOM, LEFT, FASTER, IDLE };
enum { RETURN, SPEED, CRASH, LENGTH, NUMBERS };

static const char *const NUMBER_NAMES[NUMBERS] = {"return", "speed", "crash", "length"};

/* What the printed number may be rounded by. */
static const double DIGIT[NUMBERS] = {0.5, 0.05, 0.005, 0.5};

typedef struct row {
    int policy, density;
    bool supervisor;
    int episodes; /* of the published program */
    double printed[NUMBERS];
} row;

/* Of some policies one speed is printed for all densities; it is compared at the middle one. */
#define SAME NAN

static const row ROWS[] = {
    {RANDOM, 1, false, 200, {-19.7, 22.1, .365, 89.5}}, {RANDOM, 2, false, 200, {-46.9, 22.7, .745, 67.6}},
    {RANDOM, 3, false, 200, {-53.2, 23.0, .93, 52.3}},  {LEFT, 1, false, 200, {25.5, SAME, .145, 94}},
    {LEFT, 2, false, 200, {-17.2, 25.0, .36, 86}},      {LEFT, 3, false, 200, {-32.0, SAME, .585, 74}},
    {FASTER, 1, false, 200, {-37.8, SAME, .65, 70}},    {FASTER, 2, false, 100, {-53.5, 29.7, .87, 50}},
    {FASTER, 3, false, 100, {-42.6, SAME, .96, 37}},    {IDLE, 1, false, 200, {-49, SAME, 1, 63}},
    {IDLE, 2, false, 200, {-32, 24.9, 1, 54}},          {IDLE, 3, false, 100, {-15.5, SAME, 1, 52}},
    {RANDOM, 1, true, 20, {45.4, 22.3, 0, 100}},        {RANDOM, 2, true, 20, {12.9, 21.6, .25, 95}},
    {RANDOM, 3, true, 20, {8.3, 20.8, .25, 93}},        {LEFT, 1, true, 20, {34.0, 24.8, 0, 100}},
    {LEFT, 2, true, 20, {15.0, 24.3, 0, 100}},          {LEFT, 3, true, 20, {-48.6, 24.3, .19, 98}},
};

static int choose(const row *r, const onramp_vehicle *cav, fm_rng *rng) {
    switch (r->policy) {
    case RANDOM: return (int)fm_rng_below(rng, ONRAMP_ACTIONS);
    case LEFT: return ONRAMP_LANE_LEFT;
    case FASTER: return cav->lane == ONRAMP_BC1 ? ONRAMP_LANE_LEFT : ONRAMP_FASTER;
    default: return ONRAMP_IDLE;
    }
}

static void play_episode(env_vec *vec, const row *r, fm_rng *rng, double number[NUMBERS]) {
    const onramp_state *s = env_vec_state(vec, 0);
    int n = vec->env->facts.agents;
    double speed = 0;
    EXPECT_EQ(env_vec_reset(vec, NULL), FM_OK);
    while (!env_vec_ended(vec, 0)) {
        for (int i = 0; i < n; i++) vec->actions[i] = (real)choose(r, &s->vehicle[i], rng);
        EXPECT_EQ(env_vec_step(vec, NULL), FM_OK);
        for (int i = 0; i < n; i++) speed += s->vehicle[i].speed / n;
    }
    number[RETURN] = number[CRASH] = 0;
    for (int i = 0; i < n; i++) number[RETURN] += vec->sum[i] / n;
    number[LENGTH] = (double)vec->length[0];
    number[SPEED] = speed / number[LENGTH];
    number[CRASH] = vec->outcome[0];
}

static void compare(const row *r, const double sum[NUMBERS], const double squares[NUMBERS], int episodes) {
    for (int k = 0; k < NUMBERS; k++) {
        double mean = sum[k] / episodes, variance = fmax(squares[k] / episodes - mean * mean, 0);
        double error = sqrt(variance * (1.0 / episodes + 1.0 / r->episodes));
        EXPECT_MSG(isnan(r->printed[k]) || fabs(mean - r->printed[k]) <= 2 * error + DIGIT[k],
                   "policy %d, density %d, supervisor %d: %s %.4g, published %.4g, standard error %.3g",
                   r->policy, r->density, r->supervisor, NUMBER_NAMES[k], mean, r->printed[k], error);
    }
}

static void check_row(const row *r) {
    fm_arena arena = {0};
    fm_error err = {""};
    env e;
    env_vec vec;
    char settings[64];
    snprintf(settings, sizeof settings, "density=%d supervisor=%d", r->density, r->supervisor);
    bool ok = env_open("onramp", &arena, &e, &err) == FM_OK &&
              fm_options_apply(e.type->options, e.config, settings, &err) == FM_OK &&
              env_create(&e, &arena, &err) == FM_OK;
    EXPECT_MSG(ok, "%s", err.text);
    if (!ok) exit(1);
    env_vec_init(&vec, &e, 1, 1, FM_RNG_ENV, &arena, NULL);
    fm_rng rng = fm_rng_split(1, FM_RNG_TEST, 0, 0);
    double number[NUMBERS], sum[NUMBERS] = {0}, squares[NUMBERS] = {0};
    int episodes = r->supervisor ? EPISODES_SUPERVISED : EPISODES;
    for (int episode = 0; episode < episodes; episode++) {
        play_episode(&vec, r, &rng, number);
        for (int k = 0; k < NUMBERS; k++) sum[k] += number[k], squares[k] += number[k] * number[k];
    }
    compare(r, sum, squares, episodes);
    fm_arena_free(&arena);
}

static void check_rows(bool supervisor) {
    for (size_t k = 0; k < sizeof ROWS / sizeof *ROWS; k++)
        if (ROWS[k].supervisor == supervisor) check_row(&ROWS[k]);
}

TEST(statistics_are_the_published_ones) { check_rows(false); }

TEST(statistics_with_the_supervisor_are_the_published_ones) { check_rows(true); }

TEST_MAIN(CASE(statistics_are_the_published_ones),
          CASE(statistics_with_the_supervisor_are_the_published_ones))
