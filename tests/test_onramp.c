/* The on-ramp: trajectories of the published program, and the rules around them. */
#include <stdarg.h>
#include <stdlib.h>

#include "envs/env.h"
#include "envs/traffic/onramp.h"
#include "envs/vector.h"
#include "tests/test.h"

enum { LEFT = ONRAMP_LANE_LEFT, IDLE = ONRAMP_IDLE, RIGHT = ONRAMP_LANE_RIGHT, FASTER = ONRAMP_FASTER,
       SLOWER = ONRAMP_SLOWER };

/* One copy on the vectoriser. */
typedef struct scene {
    fm_arena arena;
    env env;
    env_vec vec;
    double readings[5 * ONRAMP_VEHICLES_MAX + 1];
} scene;

static fm_status scene_make(scene *s, const char *settings, fm_error *err) {
    memset(s, 0, sizeof *s);
    fm_status status = env_open("onramp", &s->arena, &s->env, err);
    if (status == FM_OK) status = fm_options_apply(s->env.type->options, s->env.config, settings, err);
    if (status == FM_OK) status = env_create(&s->env, &s->arena, err);
    return status;
}

static void scene_open(scene *s, const char *settings, uint64_t seed) {
    fm_error err = {""};
    fm_status status = scene_make(s, settings, &err);
    if (status == FM_OK) {
        env_vec_init(&s->vec, &s->env, 1, seed, FM_RNG_ENV, &s->arena, NULL);
        status = env_vec_reset(&s->vec, &err);
    }
    EXPECT_MSG(status == FM_OK, "%s: %s", settings, err.text);
    if (status != FM_OK) exit(1);
}

static onramp_state *scene_state(scene *s) { return env_vec_state(&s->vec, 0); }

/* Decisions until decision `until`, all with the same actions; whether the episode is over then. */
static bool scene_play(scene *s, int until, const int *action) {
    while (scene_state(s)->decisions < until && !env_vec_ended(&s->vec, 0)) {
        for (int i = 0; i < s->env.facts.agents; i++) s->vec.actions[i] = (real)action[i];
        EXPECT_EQ(env_vec_step(&s->vec, NULL), FM_OK);
    }
    return env_vec_ended(&s->vec, 0);
}

static double reading(scene *s, const char *name) {
    const env_facts *f = &s->env.facts;
    s->env.type->read(s->env.game, env_vec_state(&s->vec, 0), s->readings);
    for (int k = 0; k < f->readings; k++)
        if (strcmp(f->reading_name[k], name) == 0) return s->readings[k];
    EXPECT_MSG(false, "no reading '%s'", name);
    return NAN;
}

/* Printed to so many digits: within half a unit of the last one. */
#define SIX 5.1e-7
#define ANY NAN

static void expect_printed(scene *s, const char *name, double value, double tolerance) {
    if (isnan(value)) return;
    EXPECT_MSG(fabs(reading(s, name) - value) <= tolerance, "decision %lld: %s is %.9f, not %.9f",
               (long long)scene_state(s)->decisions, name, reading(s, name), value);
}

/* ---- golden trajectories ---- */

/* One CAV cruises, then chooses FASTER, then SLOWER. */
TEST(golden_speeds) {
    static const struct { int action, until; double x, v, r; } AT[] = {
        {IDLE, 1, 55.089300, 25.351166, .767558}, {IDLE, 10, 100.291239, 25.014601, ANY},
        {FASTER, 11, ANY, 26.498595, ANY},        {FASTER, 15, 127.811168, 29.148054, ANY},
        {SLOWER, 16, ANY, 27.913311, ANY},        {SLOWER, 18, ANY, 24.948709, ANY},
        {SLOWER, 20, ANY, 22.441051, ANY},        {SLOWER, 25, 172.430051, 14.783248, ANY},
    };
    static const double TARGET[] = {25, 25, 30, 30, 25, 20, 20, 10};
    scene s;
    scene_open(&s, "start=cav:50:0:0:25.5", 0);
    for (size_t k = 0; k < sizeof AT / sizeof *AT; k++) {
        scene_play(&s, AT[k].until, &AT[k].action);
        expect_printed(&s, "x_0", AT[k].x, SIX);
        expect_printed(&s, "speed_0", AT[k].v, SIX);
        if (!isnan(AT[k].r)) EXPECT_NEAR(s.vec.rewards[0], AT[k].r, SIX);
        if (AT[k].until != 20) EXPECT_NEAR(scene_state(&s)->vehicle[0].target_speed, TARGET[k], 0);
    }
    fm_arena_free(&s.arena);
}

/* One CAV on the ramp that never merges, up to the obstacle. */
TEST(golden_ramp) {
    static const struct { int until; double x, y, heading, r; int lane, target; } AT[] = {
        {24, 220.000000, 10.498763, -.000495, ANY, ONRAMP_JK0, ONRAMP_KB0},
        {25, 224.999931, 10.474679, -.006204, ANY, ONRAMP_KB0, ONRAMP_KB0},
        {30, 249.970410, 9.382043, -.075506, ANY, ONRAMP_KB0, ONRAMP_KB0},
        {35, 274.843497, 6.875876, -.109087, ANY, ONRAMP_KB0, ONRAMP_KB0},
        {40, 299.731623, 4.532062, -.073258, ANY, ONRAMP_KB0, ONRAMP_KB0},
        {44, 319.713376, 3.760171, -.011677, ANY, -1, ONRAMP_BC1},
        {45, 324.713353, 3.753309, .000163, .749544, ONRAMP_BC1, ONRAMP_BC1},
        {50, 349.712477, 3.958666, ANY, .721391, ONRAMP_BC1, ONRAMP_BC1},
        {60, 399.712371, ANY, ANY, -1.900389, ONRAMP_BC1, ONRAMP_BC1},
        {64, 418.045705, ANY, ANY, -203.984752, ONRAMP_BC1, -1},
    };
    scene s;
    int idle = IDLE;
    scene_open(&s, "start=cav:100:10.5:0:25", 0);
    for (size_t k = 0; k < sizeof AT / sizeof *AT; k++) {
        bool over = scene_play(&s, AT[k].until, &idle);
        EXPECT_EQ(over, AT[k].until == 64);
        EXPECT_EQ(scene_state(&s)->decisions, AT[k].until);
        expect_printed(&s, "x_0", AT[k].x, SIX);
        expect_printed(&s, "y_0", AT[k].y, SIX);
        expect_printed(&s, "heading_0", AT[k].heading, SIX);
        if (!isnan(AT[k].r)) EXPECT_NEAR(s.vec.rewards[0], AT[k].r, SIX);
        if (AT[k].lane >= 0) EXPECT_NEAR(reading(&s, "lane_0"), AT[k].lane, 0);
        if (AT[k].target >= 0) EXPECT_EQ(scene_state(&s)->vehicle[0].target, AT[k].target);
    }
    EXPECT_EQ(s.vec.terminated[0], 1);
    EXPECT_TEXT(s.env.facts.outcome_name[s.vec.outcome[0]], "crash");
    expect_printed(&s, "speed_0", 0, 0);
    expect_printed(&s, "crashed", 1, 0);
    fm_arena_free(&s.arena);
}

/* One HDV merges by itself: it brakes for the obstacle, then changes its lane. The CAV is far behind. */
TEST(golden_merge_of_a_driver) {
    static const struct { int until; double x, y, heading, v; } AT[] = {
        {10, 251.964497, 9.235763, ANY, 26},         {24, 324.486125, 3.729732, ANY, 25.256866},
        {26, ANY, ANY, ANY, 23.322893},              {28, 343.183032, 2.135463, -.166829, 21.672833},
        {30, 351.742673, .866728, ANY, 21.936719},   {45, 422.446954, ANY, ANY, 24.801446},
        {60, 498.434432, ANY, ANY, 25.689968},
    };
    scene s;
    int idle = IDLE;
    scene_open(&s, "start=cav:0:0:0:25;hdv:200:10.5:0:26", 0);
    for (size_t k = 0; k < sizeof AT / sizeof *AT; k++) {
        EXPECT(!scene_play(&s, AT[k].until, &idle));
        expect_printed(&s, "x_1", AT[k].x, SIX);
        expect_printed(&s, "y_1", AT[k].y, SIX);
        expect_printed(&s, "heading_1", AT[k].heading, SIX);
        expect_printed(&s, "speed_1", AT[k].v, SIX);
        if (AT[k].until == 26) EXPECT_EQ(scene_state(&s)->vehicle[1].target, ONRAMP_BC0);
    }
    fm_arena_free(&s.arena);
}

/* A driver behind a CAV that slows down. */
TEST(golden_following) {
    static const struct { int until; double x, v, x_digits, v_digits; } AT[] = {
        {1, 105.12, 24.8, 5.1e-3, 5.1e-2},   {5, 123.2, 20.0, 5.1e-2, 5.1e-2},
        {10, 140.4, 14.0, 5.1e-2, 5.1e-2},   {15, 151.664808, 8.636264, SIX, SIX},
        {20, ANY, 7.265839, SIX, SIX},       {40, 191.569013, 9.224839, SIX, SIX},
    };
    scene s;
    int slower = SLOWER;
    scene_open(&s, "start=cav:120:0:0:25;hdv:100:0:0:26", 0);
    for (size_t k = 0; k < sizeof AT / sizeof *AT; k++) {
        EXPECT(!scene_play(&s, AT[k].until, &slower));
        expect_printed(&s, "x_1", AT[k].x, AT[k].x_digits);
        expect_printed(&s, "speed_1", AT[k].v, AT[k].v_digits);
    }
    fm_arena_free(&s.arena);
}

#define FOUR "start=cav:150:0:0:25;cav:130:10.5:0:26;hdv:170:0:0:26;hdv:100:10.5:0:25.5"

TEST(golden_observation_and_rewards) {
    static const double ROW[25] = {1, 1, 0, .555556, 0, 1, -.133333, .875, .022222, 0,
                                   1, .133333, 0, .022222, 0, 1, -.333333, .875, .011111, 0};
    static const struct { const char *kind; double r[2]; } REWARD[] = {
        {"local", {-.832059, .859534}}, {"regional", {-.832059, .859534}}, {"global", {.013737, .013737}},
    };
    static const int ACTION[] = {IDLE, FASTER};
    for (size_t k = 0; k < sizeof REWARD / sizeof *REWARD; k++) {
        scene s;
        char settings[256];
        snprintf(settings, sizeof settings, FOUR " reward=%s", REWARD[k].kind);
        scene_open(&s, settings, 0);
        env_view now = env_vec_now(&s.vec);
        for (int i = 0; i < 25; i++) EXPECT_NEAR(now.obs[i], ROW[i], SIX);
        for (int i = 0; i < 50; i++) EXPECT(now.central[i] == now.obs[i]);
        scene_play(&s, 1, ACTION);
        for (int i = 0; i < 2; i++) EXPECT_NEAR(s.vec.rewards[i], REWARD[k].r[i], SIX);
        EXPECT_EQ(s.env.facts.rewards, k == 2 ? ENV_COMMON : ENV_GENERAL_SUM);
        EXPECT_EQ(s.env.facts.central_length, 50);
        fm_arena_free(&s.arena);
    }
}

TEST_MAIN(CASE(golden_speeds), CASE(golden_ramp), CASE(golden_merge_of_a_driver), CASE(golden_following),
          CASE(golden_observation_and_rewards))
