/* Traffic Merge: the published environment's own trajectories, tick by tick, and the rules around them. */
#include "envs/env.h"
#include "envs/traffic/merge.h"
#include "tests/test.h"

enum { IDLE = MERGE_IDLE, LEFT = MERGE_LANE_LEFT, RIGHT = MERGE_LANE_RIGHT, FASTER = MERGE_FASTER,
       SLOWER = MERGE_SLOWER };

#define POLICY_TICKS 15
#define GUARD 12345.0

/* One copy with its own buffers; the last element of each is a sentinel. */
typedef struct copy {
    fm_arena arena;
    env env;
    merge_state state;
    fm_rng rng;
    real obs[17], actions[2];
    double rewards[3];
    uint8_t mask[10], active[2], learns[2], done[2];
    env_io io;
} copy;

static void copy_open(copy *c, const char *settings, uint64_t seed) {
    fm_error err = {""};
    memset(c, 0, sizeof *c);
    EXPECT(env_open("merge", &c->arena, &c->env, &err) == FM_OK);
    fm_status status = fm_options_apply(c->env.type->options, c->env.config, settings, &err);
    EXPECT_MSG(status == FM_OK, "%s", err.text);
    EXPECT(env_create(&c->env, &c->arena, &err) == FM_OK);
    c->rng = fm_rng_split(seed, FM_RNG_ENV, 0, 0);
    c->obs[16] = (real)GUARD;
    c->rewards[2] = GUARD;
    c->io = (env_io){.obs = c->obs, .actions = c->actions, .rewards = c->rewards, .mask = c->mask,
                     .active = c->active, .learns = c->learns, .done = c->done};
}

static void copy_reset(copy *c) {
    memset(c->rewards, 0, 2 * sizeof *c->rewards);
    c->io.terminated = false;
    c->env.type->reset(c->env.game, &c->state, &c->rng, &c->io);
}

static bool copy_step(copy *c, int a0, int a1) {
    c->actions[0] = (real)a0;
    c->actions[1] = (real)a1;
    memset(c->rewards, 0, 2 * sizeof *c->rewards);
    c->io.terminated = false;
    c->env.type->step(c->env.game, &c->state, &c->rng, &c->io);
    return c->io.terminated;
}

/* Plays one pair of actions to the end and returns the number of decisions. */
static int copy_play(copy *c, int a0, int a1) {
    int decisions = 0;
    copy_reset(c);
    do decisions++;
    while (!copy_step(c, a0, a1) && decisions < 100);
    return decisions;
}

static int copy_outcome(const copy *c) { return c->env.type->outcome(c->env.game, &c->state); }

typedef struct golden { int a0, a1, tick; double x0, x1, y1, heading1, r0, r1; } golden;

/* Where the published environment ends, from 39 m/s with one pair of actions at every decision. */
static const golden ENDS[] = {
    {IDLE, IDLE, 31, 297.0822, 296.4039, 5.9123, -0.13847, -5, -5},
    {FASTER, IDLE, 30, 313.6181, 293.7690, 6.3099, -0.14978, 50, 10},
    {IDLE, FASTER, 30, 294.4175, 312.9817, 5.1519, -0.07632, 10, 50},
    {SLOWER, IDLE, 37, 285.2146, 312.3096, 4.3057, -0.04975, 10, 50},
    {IDLE, SLOWER, 36, 310.4086, 283.1339, 7.1399, -0.28917, 50, 10},
    {FASTER, FASTER, 28, 305.9416, 305.3395, 5.8755, -0.10023, -5, -5},
    {SLOWER, SLOWER, 38, 286.6056, 285.8053, 6.3379, -0.28472, -5, -5},
};

TEST(ends_are_the_published_ones) {
    copy c;
    copy_open(&c, "speed0=39 speed1=39", 0);
    for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++) {
        const golden *g = &ENDS[i];
        int decisions = copy_play(&c, g->a0, g->a1);
        const merge_car *car = c.state.car;
        EXPECT_EQ(c.state.tick, g->tick);
        EXPECT_EQ(decisions, (g->tick + POLICY_TICKS - 1) / POLICY_TICKS);
        EXPECT_NEAR(car[0].x, g->x0, 5.1e-5);
        EXPECT_NEAR(car[0].y, 4.0, 0.0);
        EXPECT_NEAR(car[1].x, g->x1, 5.1e-5);
        EXPECT_NEAR(car[1].y, g->y1, 5.1e-5);
        EXPECT_NEAR(car[1].heading, g->heading1, 5.1e-6);
        EXPECT_NEAR(c.rewards[0], g->r0, 0.0);
        EXPECT_NEAR(c.rewards[1], g->r1, 0.0);
    }
    fm_arena_free(&c.arena);
}

TEST(ticks_are_the_published_ones) {
    merge_state s;
    merge_control control[2];
    merge_spawn(&s, 39.0, 39.0);
    EXPECT_NEAR(s.car[0].target_speed, 40.0, 0.0);
    merge_decide(&s.car[0], IDLE);
    merge_decide(&s.car[1], IDLE);
    EXPECT(!merge_tick(&s, control));
    EXPECT_NEAR(control[1].steer, -0.170802, 5.1e-7);
    EXPECT_NEAR(control[0].steer, 0.0, 0.0);
    for (int i = 0; i < 2; i++) {
        EXPECT_NEAR(control[i].acceleration, 1.66667, 5.1e-6);
        EXPECT_NEAR(s.car[i].x, 217.6, 5.1e-6);
        EXPECT_NEAR(s.car[i].speed, 39.11111, 5.1e-6);
    }
    EXPECT_NEAR(s.car[1].y, 14.5, 0.0);
    EXPECT_NEAR(s.car[1].heading, -0.089691, 5.1e-7);
    EXPECT(!merge_tick(&s, control));
    EXPECT_NEAR(s.car[0].x, 220.20741, 5.1e-6);
    EXPECT_NEAR(s.car[1].x, 220.19693, 5.1e-6);
    EXPECT_NEAR(s.car[1].y, 14.26645, 5.1e-6);
    EXPECT_NEAR(s.car[1].heading, -0.155129, 5.1e-7);
    while (s.tick < 15) {
        EXPECT(!merge_tick(&s, NULL));
        EXPECT_EQ(s.car[1].lane, s.tick < 14 ? 5 : 2);
    }
    EXPECT_NEAR(s.car[0].x, 254.50253, 5.1e-6);
    EXPECT_NEAR(s.car[0].speed, 39.82911, 5.1e-6);
    EXPECT_NEAR(s.car[1].x, 253.99005, 5.1e-6);
    EXPECT_NEAR(s.car[1].y, 8.92520, 5.1e-6);
    EXPECT_NEAR(s.car[1].heading, -0.045873, 5.1e-7);
}

TEST(watching_the_controls_changes_nothing) {
    merge_state a, b;
    merge_control control[2];
    merge_spawn(&a, 38.3, 39.7);
    merge_spawn(&b, 38.3, 39.7);
    for (bool over = false; !over;) {
        over = merge_tick(&a, NULL);
        EXPECT(merge_tick(&b, control) == over);
        EXPECT(memcmp(&a, &b, sizeof a) == 0);
    }
}

/* A decision of one tick is a way to look at single ticks; idle cars move alike under any. */
TEST(policy_ticks_only_cut_time) {
    copy fine, coarse;
    copy_open(&fine, "speed0=39 speed1=39 policy_ticks=1", 0);
    copy_open(&coarse, "speed0=39 speed1=39", 0);
    EXPECT_EQ(copy_play(&fine, IDLE, SLOWER) > 30, 1);
    EXPECT_EQ(copy_play(&fine, IDLE, IDLE), 31);
    copy_play(&coarse, IDLE, IDLE);
    EXPECT(memcmp(&fine.state, &coarse.state, sizeof fine.state) == 0);
    EXPECT_EQ(coarse.env.facts.horizon, 20);
    EXPECT_EQ(fine.env.facts.horizon, 300);
    fm_arena_free(&fine.arena);
    fm_arena_free(&coarse.arena);
}

TEST(random_play_gives_the_published_rates) {
    enum { EPISODES = 6000 };
    copy c;
    copy_open(&c, "", 7);
    fm_rng policy = fm_rng_split(7, FM_RNG_TEST, 0, 0);
    double ends[3] = {0}, decisions = 0, sum[2] = {0};
    for (int e = 0; e < EPISODES; e++) {
        copy_reset(&c);
        int a[2];
        do {
            for (int i = 0; i < 2; i++) a[i] = (int)fm_rng_below(&policy, MERGE_ACTIONS);
            decisions++;
        } while (!copy_step(&c, a[0], a[1]));
        ends[copy_outcome(&c)]++;
        sum[0] += c.rewards[0];
        sum[1] += c.rewards[1];
    }
    EXPECT_NEAR(100.0 * ends[0] / EPISODES, 36.9, 2.0);
    EXPECT_NEAR(100.0 * ends[1] / EPISODES, 36.6, 2.0);
    EXPECT_NEAR(100.0 * ends[2] / EPISODES, 26.5, 2.0);
    EXPECT_NEAR(decisions / EPISODES, 2.84, 0.05);
    EXPECT_NEAR(sum[0] / EPISODES, 20.6, 1.0);
    EXPECT_NEAR(sum[1] / EPISODES, 20.4, 1.0);
    fm_arena_free(&c.arena);
}

/* The choice of speed alone decides: the same one ends in a crash, else the faster car goes first. A lane
 * change to the left merges earlier and changes nothing in that. */
TEST(constant_play_crashes_exactly_when_speeds_agree) {
    static const int SPEED[] = {[IDLE] = 1, [LEFT] = 1, [RIGHT] = 1, [FASTER] = 2, [SLOWER] = 0};
    copy c;
    copy_open(&c, "", 3);
    for (int a0 = 0; a0 < MERGE_ACTIONS; a0++)
        for (int a1 = 0; a1 < MERGE_ACTIONS; a1++)
            for (int e = 0; e < 100; e++) {
                copy_play(&c, a0, a1);
                int expected = SPEED[a0] == SPEED[a1] ? 2 : SPEED[a0] > SPEED[a1] ? 0 : 1;
                EXPECT_MSG(copy_outcome(&c) == expected, "%d/%d: %d", a0, a1, copy_outcome(&c));
            }
    fm_arena_free(&c.arena);
}

TEST(speed_grid_counts_from_the_present_speed) {
    merge_state s;
    merge_spawn(&s, 39.0, 39.0);
    merge_car *car = &s.car[0];
    static const struct { double speed; int action; double target; } CASES[] = {
        {39, FASTER, 50}, {39, SLOWER, 30}, {45, FASTER, 50}, {45.1, FASTER, 60}, {55, SLOWER, 50},
        {70, FASTER, 70}, {20, SLOWER, 20}, {3, SLOWER, 20}, {90, FASTER, 70},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        car->speed = CASES[i].speed;
        merge_decide(car, CASES[i].action);
        EXPECT_NEAR(car->target_speed, CASES[i].target, 0.0);
    }
    car->target_speed = 60.0;
    merge_decide(car, IDLE);
    merge_decide(car, RIGHT);
    EXPECT_NEAR(car->target_speed, 60.0, 0.0);
}

TEST(lane_changes_are_the_possible_ones) {
    static const struct { int64_t lane; double x, y; int action; int64_t then; } CASES[] = {
        {2, 254.0, 8.9, LEFT, 1},   {2, 277.5, 8.0, LEFT, 1},
        {2, 249.9, 8.9, LEFT, 2},  /* before the lane begins */
        {2, 277.6, 8.0, LEFT, 3},  /* the road has taken it already */
        {2, 260.0, 12.1, LEFT, 2}, /* too far aside */
        {1, 260.0, 4.0, RIGHT, 1}, /* forbidden */
        {0, 230.0, 4.0, LEFT, 0},   {0, 230.0, 4.0, RIGHT, 0},   {5, 230.0, 12.0, LEFT, 5},
        {5, 247.6, 8.4, IDLE, 2},   {5, 247.5, 8.4, IDLE, 5},    {0, 247.6, 4.0, IDLE, 1},
        {4, 198.0, 14.5, IDLE, 5},  {3, 1079.0, 4.0, IDLE, 3},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        merge_car car = {.x = CASES[i].x, .y = CASES[i].y, .speed = 39, .lane = CASES[i].lane};
        merge_decide(&car, CASES[i].action);
        EXPECT_MSG(car.lane == CASES[i].then, "case %zu: lane %lld", i, (long long)car.lane);
    }
}

TEST(the_left_turn_merges_earlier) {
    merge_state with, without;
    merge_spawn(&with, 39, 39);
    merge_spawn(&without, 39, 39);
    for (int t = 0; t < 30; t++) {
        if (t == 15) merge_decide(&with.car[1], LEFT);
        merge_tick(&with, NULL);
        merge_tick(&without, NULL);
    }
    EXPECT(with.car[1].y < without.car[1].y - 0.5);
}

TEST(boxes_touch_when_they_overlap) {
    static const struct { double dx, dy, heading; bool hit; } CASES[] = {
        {0, 0, 0, true},      {4.4, 0, 0, true},    {4.6, 0, 0, false},  {0, 1.7, 0, true},
        {0, 1.9, 0, false},   {4.4, 1.7, 0, true},  {4.4, 1.9, 0, false}, {5.1, 0, 0, false},
        {0, 2.9, -1.4, true}, {0, -3.5, 1.5, false},
        /* Where the published test differs from a true one: offsets turned the other way, one side point. */
        {-4.2, 1.8, 0.1, true}, {-0.5, -1.9, -0.1, false}, {1.4, 1.8, -0.1, true}, {1.6, -1.9, 0.1, false},
        {4.5, 1.3, 0.2, true}, {2.0, 2.2, -0.3, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        merge_state s;
        merge_spawn(&s, 30, 40);
        for (int k = 0; k < 2; k++) s.car[k].speed = 0.0;
        s.car[0].x = 300.0, s.car[0].lane = 3;
        s.car[1].x = 300.0 + CASES[i].dx, s.car[1].y = 4.0 + CASES[i].dy, s.car[1].lane = 3;
        s.car[1].heading = CASES[i].heading;
        for (int k = 0; k < 2; k++) s.car[k].target_speed = 3.0 * (k + 1);
        bool over = merge_tick(&s, NULL);
        EXPECT_MSG((s.crashed != 0) == CASES[i].hit && over == CASES[i].hit, "case %zu", i);
        double slow = 3.0 / 0.6 / 15.0, fast = 2.0 * slow; /* one tick towards 3 and 6 m/s */
        EXPECT_NEAR(s.car[0].speed, slow, 1e-12);
        EXPECT_NEAR(s.car[1].speed, s.crashed ? slow : fast, 1e-12);
    }
}

TEST(crash_reward_follows_its_option) {
    copy tiered, flat;
    copy_open(&tiered, "speed0=39 speed1=39", 0);
    copy_open(&flat, "speed0=39 speed1=39 crash_reward=flat", 0);
    copy_play(&flat, IDLE, IDLE);
    EXPECT_NEAR(flat.rewards[0], -10.0, 0.0);
    EXPECT_NEAR(flat.rewards[1], -10.0, 0.0);
    static const struct { double x, reward; } CASES[] = {
        {255, -25}, {262, -20}, {267, -15}, {272, -10}, {290, -5},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        copy_reset(&tiered);
        for (int k = 0; k < 2; k++) {
            tiered.state.car[k].x = CASES[i].x - 2.6;
            tiered.state.car[k].y = 4.0;
            tiered.state.car[k].lane = 1;
        }
        EXPECT(copy_step(&tiered, IDLE, IDLE));
        EXPECT_NEAR(tiered.rewards[0], CASES[i].reward, 0.0);
        EXPECT_NEAR(tiered.rewards[1], CASES[i].reward, 0.0);
    }
    EXPECT_NEAR(flat.env.facts.agent[0].reward_low, -10.0, 0.0);
    EXPECT_NEAR(tiered.env.facts.agent[1].reward_low, -25.0, 0.0);
    fm_arena_free(&tiered.arena);
    fm_arena_free(&flat.arena);
}

TEST(observation_is_clock_distance_and_speed) {
    copy c;
    copy_open(&c, "speed0=38.5 speed1=39.5", 0);
    copy_reset(&c);
    int decision = 0;
    do {
        const merge_car *car = c.state.car;
        for (int i = 0; i < 2; i++) {
            for (int k = 0; k < 6; k++) EXPECT_NEAR(c.obs[8 * i + k], k == decision, 0.0);
            EXPECT_NEAR(c.obs[8 * i + 6], (car[1 - i].x - car[i].x) / 40.0, 1e-6);
            EXPECT_NEAR(c.obs[8 * i + 7], (car[1 - i].speed - car[i].speed) / 80.0, 1e-6);
        }
        decision++;
    } while (!copy_step(&c, SLOWER, FASTER));
    EXPECT_NEAR(c.obs[decision], 1.0, 0.0);
    EXPECT_NEAR((double)c.obs[16], GUARD, 0.0);
    EXPECT_NEAR(c.rewards[2], GUARD, 0.0);
    copy wide;
    copy_open(&wide, "speed0=38 speed1=40 obs_range=70", 0);
    copy_reset(&wide);
    EXPECT_NEAR(wide.obs[7], 2.0 / 140.0, 1e-6);
    EXPECT_NEAR(wide.obs[15], -2.0 / 140.0, 1e-6);
    fm_arena_free(&c.arena);
    fm_arena_free(&wide.arena);
}

TEST(speeds_are_drawn_from_the_stream_or_fixed) {
    copy drawn, fixed;
    copy_open(&drawn, "", 5);
    copy_open(&fixed, "speed0=39", 5);
    double low = 100, high = 0, mean = 0;
    for (int e = 0; e < 2000; e++) {
        copy_reset(&drawn);
        copy_reset(&fixed);
        double v = drawn.state.car[0].speed;
        low = fmin(low, v), high = fmax(high, v), mean += v / 2000;
        EXPECT_NEAR(fixed.state.car[0].speed, 39.0, 0.0);
        EXPECT_NEAR(fixed.state.car[1].speed, drawn.state.car[1].speed, 0.0);
    }
    EXPECT(low >= 38.0 && low < 38.02 && high < 40.0 && high > 39.98);
    EXPECT_NEAR(mean, 39.0, 0.06);
    fm_arena_free(&drawn.arena);
    fm_arena_free(&fixed.arena);
}

/* A situation is its bytes: a copied state goes on exactly as the original does. */
TEST(state_bytes_are_the_situation) {
    copy a, b;
    copy_open(&a, "", 11);
    copy_open(&b, "", 99);
    fm_rng policy = fm_rng_split(1, FM_RNG_TEST, 0, 0);
    for (int e = 0; e < 50; e++) {
        copy_reset(&a);
        b.state = a.state;
        for (bool over = false; !over;) {
            int a0 = (int)fm_rng_below(&policy, 5), a1 = (int)fm_rng_below(&policy, 5);
            over = copy_step(&a, a0, a1);
            EXPECT(copy_step(&b, a0, a1) == over);
            EXPECT(memcmp(&a.state, &b.state, sizeof a.state) == 0);
            EXPECT(memcmp(a.obs, b.obs, sizeof a.obs) == 0);
            for (int i = 0; i < 2; i++) {
                EXPECT(a.rewards[i] >= a.env.facts.agent[i].reward_low);
                EXPECT(a.rewards[i] <= a.env.facts.agent[i].reward_high);
                EXPECT(a.rewards[i] == b.rewards[i]);
            }
        }
    }
    EXPECT_EQ(a.env.facts.state_size, sizeof(merge_state));
    fm_arena_free(&a.arena);
    fm_arena_free(&b.arena);
}

TEST(readings_are_the_state) {
    copy c;
    copy_open(&c, "speed0=39 speed1=39", 0);
    copy_play(&c, IDLE, IDLE);
    EXPECT_EQ(c.env.facts.readings, 12);
    double r[12];
    c.env.type->read(c.env.game, &c.state, r);
    static const char *const NAMES[] = {"tick", "x_0", "y_0", "heading_0", "speed_0", "lane_0", "x_1", "y_1",
                                        "heading_1", "speed_1", "lane_1", "crashed"};
    for (int i = 0; i < 12; i++) EXPECT_TEXT(c.env.facts.reading_name[i], NAMES[i]);
    EXPECT_NEAR(r[0], 31, 0.0);
    EXPECT_NEAR(r[1], 297.0822, 1e-4);
    EXPECT_NEAR(r[5], 3, 0.0);
    EXPECT_NEAR(r[7], 5.9123, 1e-4);
    EXPECT_NEAR(r[11], 1, 0.0);
    fm_arena_free(&c.arena);
}

TEST(picture_shows_road_cars_and_end) {
    copy c;
    char text[2048] = "";
    copy_open(&c, "speed0=39 speed1=39", 0);
    copy_reset(&c);
    FILE *out = tmpfile();
    EXPECT(out != NULL);
    if (!out) return;
    c.env.type->render(c.env.game, &c.state, NULL, out);
    copy_play(&c, FASTER, IDLE);
    c.env.type->render(c.env.game, &c.state, c.actions, out);
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    fclose(out);
    EXPECT_HAS(text, "main lane --------L---");
    EXPECT_HAS(text, "ramp      ....... F");
    EXPECT_HAS(text, "tick 0, 0.00 s\n");
    EXPECT_HAS(text, "chose FASTER");
    EXPECT_HAS(text, "tick 30, 2.00 s: leader first");
    fm_arena_free(&c.arena);
}

TEST_MAIN(CASE(ends_are_the_published_ones), CASE(ticks_are_the_published_ones),
          CASE(watching_the_controls_changes_nothing), CASE(policy_ticks_only_cut_time),
          CASE(random_play_gives_the_published_rates), CASE(constant_play_crashes_exactly_when_speeds_agree),
          CASE(speed_grid_counts_from_the_present_speed), CASE(lane_changes_are_the_possible_ones),
          CASE(the_left_turn_merges_earlier), CASE(boxes_touch_when_they_overlap),
          CASE(crash_reward_follows_its_option), CASE(observation_is_clock_distance_and_speed),
          CASE(speeds_are_drawn_from_the_stream_or_fixed), CASE(state_bytes_are_the_situation),
          CASE(readings_are_the_state), CASE(picture_shows_road_cars_and_end))
