/* The on-ramp as an environment: trajectories of the published program, and the rules around them. */
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

/* ---- where an episode starts ---- */

#define PI 3.14159265358979323846

static bool on_grid(double x, double first) {
    double place = rint((x - first) / 40);
    return place >= 0 && place <= 5 && fabs(x - first - 40 * place) <= 1.5;
}

static void check_spawn(const onramp_state *s, int density, int cavs) {
    int64_t hdvs = s->vehicles - s->cavs;
    EXPECT(s->cavs == cavs && hdvs >= density && hdvs <= density + 2);
    for (int64_t k = 0; k < s->vehicles; k++) {
        const onramp_vehicle *v = &s->vehicle[k];
        bool main_road = k < s->cavs ? k < s->cavs / 2 : k - s->cavs < hdvs / 2;
        EXPECT_EQ(v->human, k >= s->cavs);
        EXPECT_EQ(v->lane, main_road ? ONRAMP_AB0 : ONRAMP_JK0);
        EXPECT(on_grid(v->x, main_road ? 10 : 5) && v->y == (main_road ? 0 : 10.5) && v->heading == 0);
        EXPECT(v->speed >= 25 && v->speed < 27);
        if (v->human) EXPECT_NEAR(v->timer, fmod(PI * (v->x + v->y), 1), 1e-12);
        for (int64_t j = 0; j < k; j++)
            EXPECT(s->vehicle[j].lane != v->lane || fabs(s->vehicle[j].x - v->x) > 36);
    }
}

TEST(spawns_are_those_of_the_density) {
    for (int density = 1; density <= 3; density++)
        for (int cavs = 1; cavs <= 6; cavs++) {
            onramp_state s;
            fm_rng rng = fm_rng_split((uint64_t)density, FM_RNG_ENV, 0, (uint64_t)cavs);
            int hdvs[3] = {0}, places[6] = {0};
            for (int e = 0; e < 1200; e++) {
                onramp_spawn(&s, density, cavs, &rng);
                check_spawn(&s, density, cavs);
                hdvs[s.vehicles - cavs - density]++;
                places[(int)rint((s.vehicle[s.cavs - 1].x - 5) / 40)]++;
            }
            for (int k = 0; k < 3; k++) EXPECT_NEAR(hdvs[k], 400, 4 * sqrt(1200 * 2 / 9.0));
            for (int k = 0; k < 6; k++) EXPECT_NEAR(places[k], 200, 4 * sqrt(1200 * 5 / 36.0));
        }
    scene s;
    scene_open(&s, "density=3", 4);
    EXPECT_EQ(s.env.facts.agents, 4);
    EXPECT_EQ(s.env.facts.readings, 5 * 9 + 1);
    EXPECT_EQ(s.env.facts.agent[3].level, 3);
    fm_arena_free(&s.arena);
}

TEST(readings_of_nobody_are_absent) {
    scene s;
    scene_open(&s, "density=1", 0);
    bool absent = false, present = false;
    for (int e = 0; e < 50; e++) {
        EXPECT_EQ(env_vec_reset(&s.vec, NULL), FM_OK);
        int64_t vehicles = scene_state(&s)->vehicles;
        EXPECT_EQ(reading(&s, "lane_4") == FM_ABSENT, vehicles < 5);
        EXPECT_EQ(reading(&s, "x_3") == FM_ABSENT, vehicles < 4);
        EXPECT(reading(&s, "x_2") != FM_ABSENT);
        absent |= vehicles < 5, present |= vehicles == 5;
    }
    EXPECT(absent && present);
    fm_arena_free(&s.arena);
}

TEST(a_start_that_does_not_fit_is_said) {
    static const struct { const char *settings, *words; } CASES[] = {
        {"start=car:1:0:0:25", "vehicle 0: 'car' is no kind of vehicle: did you mean 'cav'?"},
        {"start=lorry:1:0:0:25", "'lorry' is no kind of vehicle; expected cav:x:y:heading:speed"},
        {"start=cav:1:0:0:25;", "vehicle 1: '' is no kind"},
        {"start=cav", "no numbers"},
        {"start=cav:1:0:25", "3 numbers instead of 4"},
        {"start=cav:1:0:0:25:3", "5 numbers instead of 4"},
        {"start=cav:1:0:0:fast", "'fast', for its speed, is not a number"},
        {"start=cav:1:0::25", "'', for its heading, is not a number"},
        {"start=cav:600:0:0:25", "its x is 600, but lies within 0..520"},
        {"start=cav:1:0:0:-2", "its speed is -2"},
        {"start=cav:1:0:0:25;hdv:5:0.5:0:25", "vehicle 1: it overlaps vehicle 0"},
        {"start=cav:419:4:0:25", "overlaps the obstacle"},
        {"start=hdv:1:0:0:25", "no cav"},
        {"start=hdv:1:0:0:25;cav:50:0:0:25", "behind an hdv in the list"},
        {"start=cav:1:0:0:25 cavs=2", "1 cav, but the option cavs says 2"},
        {"density=4", "density"},
        {"density=0", "density"},
        {"cavs=7", "cavs"},
        {"reward=globl", "global"},
    };
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        scene s;
        fm_error err = {""};
        EXPECT_EQ(scene_make(&s, CASES[k].settings, &err), FM_BAD);
        EXPECT_HAS(err.text, CASES[k].words);
        fm_arena_free(&s.arena);
    }
    char many[FM_TEXT_MAX] = "start=";
    for (int k = 0; k < 13; k++)
        snprintf(many + strlen(many), 32, "%scav:%d:0:0:25", k ? ";" : "", 10 + 20 * k);
    scene s;
    fm_error err = {""};
    EXPECT_EQ(scene_make(&s, many, &err), FM_BAD);
    EXPECT_HAS(err.text, "more than 12 vehicles");
    fm_arena_free(&s.arena);
    *strrchr(many, ';') = '\0';
    EXPECT_EQ(scene_make(&s, many, &err), FM_OK);
    EXPECT_EQ(s.env.facts.agents, 12);
    fm_arena_free(&s.arena);
}

/* ---- the environment ---- */

TEST(an_episode_lasts_a_hundred_decisions) {
    scene s;
    int idle = IDLE;
    scene_open(&s, "start=cav:50:0:0:25", 0);
    EXPECT(!scene_play(&s, 99, &idle));
    double x = reading(&s, "x_0");
    EXPECT(scene_play(&s, 1000, &idle));
    EXPECT_EQ(s.vec.length[0], 100);
    EXPECT_EQ(s.vec.truncated[0], 1);
    EXPECT_EQ(s.vec.terminated[0], 0);
    EXPECT_TEXT(s.env.facts.outcome_name[s.vec.outcome[0]], "no crash");
    EXPECT_NEAR(reading(&s, "x_0") - x, 25 / 15.0, 1e-9); /* one tick */
    fm_arena_free(&s.arena);
}

TEST(an_observation_has_the_four_nearest) {
    scene s;
    scene_open(&s, "start=cav:250:0:0:25;cav:100:10.5:0:26;hdv:310:0:0:20;hdv:71:0:0:25;hdv:240:9:0.1:25;"
                   "hdv:300:3:-0.1:25;hdv:69:10.5:0:30", 0);
    static const int SEEN[] = {4, 5, 2, 1};
    const onramp_state *state = scene_state(&s);
    const real *row = env_vec_now(&s.vec).obs + 5;
    for (int k = 0; k < 4; k++, row += 5) {
        const onramp_vehicle *v = &state->vehicle[SEEN[k]], *me = &state->vehicle[0];
        const double expected[] = {1, (v->x - me->x) / 150, (v->y - me->y) / 12,
                                   (v->speed * cos(v->heading) - me->speed) / 45,
                                   v->speed * sin(v->heading) / 45};
        for (int i = 0; i < 5; i++) EXPECT_NEAR(row[i], expected[i], 1e-6);
    }
    fm_arena_free(&s.arena);
    scene_open(&s, "start=cav:250:0:0:25;hdv:71:0:0:25;hdv:69:10.5:0:25", 0); /* 179 and 181 m behind */
    EXPECT_NEAR(env_vec_now(&s.vec).obs[5], 1, 0);
    EXPECT_NEAR(env_vec_now(&s.vec).obs[10], 0, 0);
    fm_arena_free(&s.arena);
}

/* Who shares a reward: bit j of share[i] says that CAV j counts in that of CAV i. */
TEST(regional_rewards_are_means_over_neighbours) {
    static const struct { const char *start; unsigned share[3]; } CASES[] = {
        {"cav:100:0:0:25;cav:130:0:0:25", {3, 3}},                      /* one lane */
        {"cav:100:0:0:25;cav:130:0:0:25;cav:160:0:0:25", {3, 7, 6}},    /* the nearest on each side */
        {"cav:100:0:0:25;cav:160:0:0:25;hdv:130:0:0:25", {1, 2}},       /* an HDV between */
        {"cav:150:0:0:25;cav:140:10.5:0:25", {1, 2}},                   /* apart */
        {"cav:240:0:0:25;cav:250:8.9:-0.1:25", {3, 3}},                 /* beside each other */
        {"cav:200:0:0:25;cav:250:8.9:-0.1:25", {1, 3}},                 /* only the ramp looks so far back */
        {"cav:350:0:0:25;cav:360:4:0:25;cav:280:6.2:-0.1:25", {7, 7, 7}}, /* merge lane and curve */
        {"cav:450:0:0:25;cav:400:4:0:25", {1, 3}},                      /* cd0 sees its own way only */
        {"cav:430:0:0:25;cav:390:0:0:25", {3, 3}},
    };
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        scene local, regional;
        char settings[256];
        static const int ACTION[] = {IDLE, SLOWER, FASTER};
        snprintf(settings, sizeof settings, "reward=local start=%s", CASES[k].start);
        scene_open(&local, settings, 0);
        snprintf(settings, sizeof settings, "start=%s", CASES[k].start);
        scene_open(&regional, settings, 0);
        scene_play(&local, 1, ACTION), scene_play(&regional, 1, ACTION);
        for (int i = 0; i < local.env.facts.agents; i++) {
            double sum = 0, n = 0;
            for (int j = 0; j < 3; j++)
                if (CASES[k].share[i] >> j & 1u) sum += local.vec.rewards[j], n++;
            double r = regional.vec.rewards[i];
            EXPECT_MSG(fabs(r - sum / n) < 1e-12, "case %zu: cav %d gets %g, not %g", k, i, r, sum / n);
        }
        fm_arena_free(&local.arena);
        fm_arena_free(&regional.arena);
    }
}

/* ---- the supervisor ---- */

TEST(the_supervisor_prevents_a_crash) {
    static const struct { const char *start; int action[2]; } CASES[] = {
        {"cav:330:0:0:25;cav:328:4:0:25", {IDLE, LEFT}},  /* somebody beside */
        {"cav:100:0:0:20;cav:75:0:0:25", {IDLE, FASTER}}, /* a slower one before */
    };
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        scene without, with;
        char settings[256];
        snprintf(settings, sizeof settings, "start=%s", CASES[k].start);
        scene_open(&without, settings, 0);
        snprintf(settings, sizeof settings, "supervisor=on start=%s", CASES[k].start);
        scene_open(&with, settings, 0);
        scene_play(&without, 100, CASES[k].action), scene_play(&with, 100, CASES[k].action);
        EXPECT_MSG(without.vec.terminated[0] && !with.vec.terminated[0], "case %zu", k);
        EXPECT(without.env.facts.deterministic && !with.env.facts.deterministic);
        fm_arena_free(&without.arena);
        fm_arena_free(&with.arena);
    }
}

TEST(the_supervisor_leaves_safe_actions_alone) {
    scene without, with;
    static const int ACTION[] = {SLOWER, LEFT};
    scene_open(&without, "start=cav:150:0:0:25;cav:60:10.5:0:26;hdv:10:0:0:25", 0);
    scene_open(&with, "supervisor=true start=cav:150:0:0:25;cav:60:10.5:0:26;hdv:10:0:0:25", 0);
    for (int t = 1; t <= 40; t++) {
        scene_play(&without, t, ACTION), scene_play(&with, t, ACTION);
        EXPECT(memcmp(scene_state(&without), scene_state(&with), sizeof(onramp_state)) == 0);
    }
    fm_arena_free(&without.arena);
    fm_arena_free(&with.arena);
}

/* ---- for people ---- */

TEST(the_picture_shows_roads_and_vehicles) {
    scene s;
    static const int ACTION[] = {IDLE, FASTER};
    scene_open(&s, FOUR, 0);
    scene_play(&s, 1, ACTION);
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    EXPECT(out != NULL);
    if (!out) return;
    s.env.type->render(s.env.game, env_vec_state(&s.vec, 0), s.vec.actions, out);
    fclose(out);
    for (const char *line = text, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        EXPECT_MSG(end - line <= 80, "%.*s", (int)(end - line), line);
    }
    EXPECT_HAS(text, "---0--a---");
    EXPECT_HAS(text, "...b...1...");
    EXPECT_HAS(text, "....#");
    EXPECT_HAS(text, "1 cav  jk0  x  135.3  y 10.50  speed 27.2 m/s, aims at 30, chose FASTER\n");
    EXPECT_HAS(text, "decision 1, 0.2 s\n");
    free(text);
    fm_arena_free(&s.arena);
}

TEST_MAIN(CASE(golden_speeds), CASE(golden_ramp), CASE(golden_merge_of_a_driver), CASE(golden_following),
          CASE(golden_observation_and_rewards), CASE(spawns_are_those_of_the_density),
          CASE(readings_of_nobody_are_absent), CASE(a_start_that_does_not_fit_is_said),
          CASE(an_episode_lasts_a_hundred_decisions), CASE(an_observation_has_the_four_nearest),
          CASE(regional_rewards_are_means_over_neighbours), CASE(the_supervisor_prevents_a_crash),
          CASE(the_supervisor_leaves_safe_actions_alone), CASE(the_picture_shows_roads_and_vehicles))
