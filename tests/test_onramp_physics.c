/* The on-ramp's physics: its shortcuts against the formulas as published, and what vehicles do one by one. */
#include "envs/traffic/onramp.h"
#include "tests/test.h"

enum { LEFT = ONRAMP_LANE_LEFT, IDLE = ONRAMP_IDLE, RIGHT = ONRAMP_LANE_RIGHT, FASTER = ONRAMP_FASTER,
       SLOWER = ONRAMP_SLOWER };

/* ---- against the published formulas, without shortcuts ---- */

#define PI 3.14159265358979323846

static double away_from_zero(double x) { return fabs(x) > 0.01 ? x : x > 0 ? 0.01 : -0.01; }

static double clip(double x, double low, double high) { return fmin(fmax(x, low), high); }

static double wrap(double angle) { return angle - 2 * PI * floor((angle + PI) / (2 * PI)); }

static double curve_y(double x) { return 7.25 + 3.25 * sin(PI / 100 * (x - 220) + PI / 2); }

static double curve_heading(double x) { return atan(3.25 * PI / 100 * cos(PI / 100 * (x - 220) + PI / 2)); }

static int nearest_lane(double x, double y, double heading) {
    static const double START[] = {0, 320, 320, 420, 0, 220}, LENGTH[] = {320, 100, 100, 100, 220, 100};
    static const double Y[] = {0, 0, 4, 0, 10.5};
    int best = -1;
    double least = INFINITY;
    for (int l = 0; l < 6; l++) {
        double along = x - START[l], aside = y - (l == 5 ? curve_y(x) : Y[l]);
        double turned = fabs(wrap(heading - (l == 5 ? curve_heading(x) : 0)));
        double distance = fabs(aside) + fmax(along - LENGTH[l], 0) + fmax(-along, 0) + turned;
        if (distance < least) best = l, least = distance;
    }
    return best;
}

/* The angle of the front wheels. */
static double wheels(const onramp_vehicle *v, int64_t lane) {
    static const double Y[] = {0, 0, 4, 0, 10.5};
    double aside = v->y - (lane == ONRAMP_KB0 ? curve_y(v->x) : Y[lane]);
    double along = lane == ONRAMP_KB0 ? curve_heading(v->x + 0.1 * v->speed) : 0;
    double command = clip(asin(clip(-5.0 / 3 * aside / away_from_zero(v->speed), -1, 1)), -PI / 4, PI / 4);
    double rate = 5 * wrap(along + command - v->heading);
    return clip(asin(clip(2.5 / away_from_zero(v->speed) * rate, -1, 1)), -PI / 3, PI / 3);
}

TEST(motion_follows_the_published_formulas) {
    fm_rng rng = fm_rng_split(1, FM_RNG_TEST, 0, 0);
    for (int k = 0; k < 20000; k++) {
        double x = 560 * fm_rng_uniform(&rng), y = -3 + 16 * fm_rng_uniform(&rng);
        double heading = (k % 4 ? 0.4 : 3) * (fm_rng_uniform(&rng) - 0.5);
        double speed = 45 * fm_rng_uniform(&rng) - 3, acceleration = 12 * fm_rng_uniform(&rng) - 6;
        onramp_vehicle v = onramp_vehicle_at(true, x, y, heading, speed);
        EXPECT_EQ(v.lane, nearest_lane(x, y, heading));
        int64_t lane = k % ONRAMP_LANES;
        double delta = wheels(&v, lane), beta = atan(0.5 * tan(delta));
        EXPECT_NEAR(onramp_steer(&v, lane), tan(beta), 1e-12);
        onramp_move(&v, (onramp_control){onramp_steer(&v, lane), acceleration});
        if (speed > 40) acceleration = fmin(acceleration, 40 - speed);
        EXPECT_NEAR(v.x, x + speed * cos(heading + beta) / 15, 1e-12 * 560);
        EXPECT_NEAR(v.y, y + speed * sin(heading + beta) / 15, 1e-12);
        EXPECT_NEAR(v.heading, heading + speed * sin(beta) / 2.5 / 15, 1e-12);
        EXPECT_NEAR(v.speed, speed + acceleration / 15, 1e-12);
        EXPECT_NEAR(v.cos, cos(v.heading), 1e-15);
        EXPECT_NEAR(v.sin, sin(v.heading), 1e-15);
    }
}

TEST(drivers_follow_idm) {
    fm_rng rng = fm_rng_split(2, FM_RNG_TEST, 0, 0);
    for (int k = 0; k < 2000; k++) {
        onramp_state s = {0};
        double gap = 5 + 100 * fm_rng_uniform(&rng), v = 30 * fm_rng_uniform(&rng), aim = 20 + v / 3;
        double v_front = 30 * fm_rng_uniform(&rng), turned = 0.4 * (fm_rng_uniform(&rng) - 0.5);
        onramp_add(&s, onramp_vehicle_at(true, 60, 0, turned, v));
        onramp_add(&s, onramp_vehicle_at(true, 60 + gap, k % 2 ? 2.9 : -2.9, 0, v_front));
        onramp_add(&s, onramp_vehicle_at(true, 60 + gap / 2, k % 2 ? -3.1 : 3.1, 0, 0)); /* beside the lane */
        onramp_add(&s, onramp_vehicle_at(true, 50, 0, 0, v_front));                      /* behind */
        onramp_add(&s, onramp_vehicle_at(true, 61 + gap, 0, 0, 20));                     /* farther */
        s.vehicle[0].target_speed = aim;
        double closing = (v * cos(turned) - v_front) * cos(turned) + v * sin(turned) * sin(turned);
        double wanted = 10 + 1.5 * v + v * closing / (2 * sqrt(15));
        double a = 3 * (1 - pow(v / aim, 4)) - 3 * pow(wanted / gap, 2);
        EXPECT_NEAR(onramp_follow(&s, 0), clip(a, -6, 6), 1e-12);
        EXPECT_NEAR(onramp_follow(&s, 4), 0, 0); /* a free road, and as fast as it wants to be */
    }
}

TEST(targets_count_from_the_present_speed) {
    static const struct { double speed; int action; double target; } CASES[] = {
        {25, FASTER, 30},   {25, SLOWER, 20},   {29.1, SLOWER, 25}, {3, SLOWER, 10}, {38, FASTER, 30},
        {38, SLOWER, 25},
        {22.5, FASTER, 25}, {27.5, FASTER, 30}, {17.5, SLOWER, 15}, {12.5, FASTER, 15}, /* halves: to even */
    };
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        onramp_vehicle v = onramp_vehicle_at(false, 50, 0, 0, CASES[k].speed);
        v.target_speed = 15;
        onramp_decide(&v, RIGHT);
        onramp_decide(&v, LEFT);
        EXPECT_NEAR(v.target_speed, 15, 0);
        onramp_decide(&v, CASES[k].action);
        EXPECT_NEAR(v.target_speed, CASES[k].target, 0);
    }
    EXPECT_NEAR(onramp_vehicle_at(false, 50, 0, 0, 26.9).target_speed, 25, 0);
    EXPECT_NEAR(onramp_vehicle_at(true, 50, 0, 0, 26.9).target_speed, 26.9, 0);
}

TEST(lane_changes_are_the_possible_ones) {
    static const struct { int64_t target; double x, y; int action; int64_t then; } CASES[] = {
        {ONRAMP_BC1, 325, 4, LEFT, ONRAMP_BC0},    {ONRAMP_BC1, 417.5, 4, LEFT, ONRAMP_BC0},
        {ONRAMP_BC1, 319.9, 4, LEFT, ONRAMP_BC1}, /* before it begins */
        {ONRAMP_BC1, 417.6, 4, LEFT, ONRAMP_CD0}, /* the road has taken it already */
        {ONRAMP_BC1, 330, 8.1, LEFT, ONRAMP_BC1}, /* too far aside */
        {ONRAMP_BC0, 330, 0, RIGHT, ONRAMP_BC0},  /* forbidden */
        {ONRAMP_BC0, 330, 0, LEFT, ONRAMP_BC0},    {ONRAMP_AB0, 317.6, 1.9, IDLE, ONRAMP_BC0},
        {ONRAMP_AB0, 317.6, 2.1, IDLE, ONRAMP_BC1}, {ONRAMP_KB0, 317.6, 4, LEFT, ONRAMP_BC1},
        {ONRAMP_KB0, 300, 5, LEFT, ONRAMP_KB0},    {ONRAMP_JK0, 217.5, 10.5, LEFT, ONRAMP_JK0},
        {ONRAMP_JK0, 217.6, 10.5, LEFT, ONRAMP_KB0}, {ONRAMP_CD0, 600, 0, LEFT, ONRAMP_CD0},
    };
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        onramp_vehicle v = onramp_vehicle_at(false, CASES[k].x, CASES[k].y, 0, 25);
        v.target = CASES[k].target;
        onramp_decide(&v, CASES[k].action);
        EXPECT_MSG(v.target == CASES[k].then, "case %zu: %s", k, onramp_lane_name(v.target));
    }
}

/* A driver on bc1 whose time to think has come: with room, without, and behind one who merges before it. */
TEST(drivers_change_lanes_when_they_gain) {
    static const struct { double behind, before; bool changes; } CASES[] = {
        {60, 200, true}, {43, 200, true},
        {39, 200, false}, /* the one behind would have to brake with more than 9 m/s^2 */
        {60, 12, false},  /* the one before is nearer than the obstacle */
    };
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        onramp_state s = {0};
        onramp_add(&s, onramp_vehicle_at(true, 380, 4, 0, 20));
        onramp_add(&s, onramp_vehicle_at(true, 380 - CASES[k].behind, 0, 0, 26));
        onramp_add(&s, onramp_vehicle_at(true, 380 + CASES[k].before, 0, 0, 0));
        s.vehicle[0].timer = 1.0;
        onramp_tick(&s);
        EXPECT_EQ(s.vehicle[0].target, ONRAMP_BC1); /* not more than a second yet */
        onramp_tick(&s);
        EXPECT_MSG(s.vehicle[0].target == (CASES[k].changes ? ONRAMP_BC0 : ONRAMP_BC1), "case %zu", k);
        EXPECT_NEAR(s.vehicle[0].timer, ONRAMP_DT, 0);
    }
    static const struct { double x, y; int64_t target, then; } BEFORE[] = {
        {350, 4, ONRAMP_BC0, ONRAMP_BC1}, /* near, and on the way to the same lane */
        {400, 4, ONRAMP_BC0, ONRAMP_BC0}, {350, 4, ONRAMP_BC1, ONRAMP_BC0}, {350, 0, ONRAMP_BC0, ONRAMP_BC0},
    };
    for (size_t k = 0; k < sizeof BEFORE / sizeof *BEFORE; k++) {
        onramp_state s = {0};
        onramp_add(&s, onramp_vehicle_at(false, BEFORE[k].x, BEFORE[k].y, 0, 20));
        onramp_add(&s, onramp_vehicle_at(true, 335, 4, 0, 20));
        s.vehicle[0].target = BEFORE[k].target;
        s.vehicle[1].target = ONRAMP_BC0;
        onramp_tick(&s);
        EXPECT_MSG(s.vehicle[1].target == BEFORE[k].then, "case %zu", k);
    }
}

TEST(boxes_touch_when_they_overlap) {
    static const struct { double dx, dy, heading; bool hit; } CASES[] = {
        {0, 0, 0, true},      {4.4, 0, 0, true},   {4.6, 0, 0, false},   {0, 1.7, 0, true},
        {0, 1.9, 0, false},   {4.4, 1.7, 0, true}, {4.4, 1.9, 0, false}, {5.1, 0, 0, false},
        {0, 2.9, -1.4, true}, {0, -3.5, 1.5, false},
        /* Where the published test differs from a true one: offsets turned the other way. */
        {-4.2, 1.8, 0.1, true}, {1.4, 1.8, -0.1, true}, {2.0, 2.2, -0.3, false},
    };
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        onramp_vehicle a = onramp_vehicle_at(false, 100, 0, 0, 0);
        onramp_vehicle b = onramp_vehicle_at(true, 100 + CASES[k].dx, CASES[k].dy, CASES[k].heading, 0);
        EXPECT_MSG(onramp_touches(&a, &b) == CASES[k].hit, "case %zu", k);
    }
    for (double x = 415; x < 418; x += 0.01) { /* 2.25 m of the vehicle and 0.9 m of the obstacle */
        onramp_vehicle v = onramp_vehicle_at(false, x, 4, 0, 0);
        EXPECT_EQ(onramp_touches_obstacle(&v), x >= 420 - 2.25 - 0.9);
    }
}

/* Drivers who crash into each other end nothing; both go on at the lower speed and then brake. */
TEST(wrecks_stand_in_the_way) {
    onramp_state s = {0};
    onramp_add(&s, onramp_vehicle_at(false, 20, 10.5, 0, 25));
    onramp_add(&s, onramp_vehicle_at(true, 110, 0, 0, 10));
    onramp_add(&s, onramp_vehicle_at(true, 104, 0, 0, 40));
    bool over = onramp_tick(&s);
    EXPECT(!over && s.vehicle[1].crashed && s.vehicle[2].crashed && !s.vehicle[0].crashed);
    double speed = s.vehicle[1].speed;
    EXPECT_NEAR(speed, s.vehicle[2].speed, 0);
    EXPECT(speed < 11);
    onramp_tick(&s);
    EXPECT_NEAR(s.vehicle[1].speed, speed * (1 - 1 / 15.0), 1e-12);
}

/* ---- headway and supervisor ---- */

TEST(headway_is_to_the_next_on_the_own_way) {
    static const struct { double x, y, other_x, other_y, headway; } CASES[] = {
        {100, 0, 130, 0, 30},   {100, 0, 161, 0, 60},     {100, 0, 90, 0, 60},   {100, 0, 120, 10.5, 60},
        {310, 0, 330, 0, 20},   {310, 0, 330, 4, 60},     {410, 0, 430, 0, 20}, /* the following lane */
        {410, 4, 430, 0, 60},   /* not of the merge lane */
        {210, 10.5, 225, 10.5, 15}, {310, 4, 330, 4, 20}, {310, 4, 330, 0, 60},
    };
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        onramp_state s = {0};
        onramp_add(&s, onramp_vehicle_at(false, CASES[k].x, CASES[k].y, 0, 20));
        onramp_add(&s, onramp_vehicle_at(true, CASES[k].other_x, CASES[k].other_y, 0, 20));
        onramp_add(&s, onramp_vehicle_at(true, CASES[k].other_x + 8, CASES[k].other_y, 0, 20));
        EXPECT_MSG(onramp_headway(&s, 0) == CASES[k].headway, "case %zu: %g", k, onramp_headway(&s, 0));
        EXPECT_NEAR(onramp_log_headway(&s, 0), log(CASES[k].headway / 24), 1e-15);
        s.vehicle[0].speed = 0;
        EXPECT_NEAR(onramp_log_headway(&s, 0), 0, 0);
    }
}

/* One decision of the supervisor: vehicles as {human, x, y, speed, target speed}. */
TEST(the_supervisor_replaces_what_would_end_in_a_crash) {
    static const struct { double vehicle[3][5]; int action[2], then[2]; } CASES[] = {
        /* The obstacle ahead: slowing down leaves the most room. */
        {{{0, 395, 4, 25, 25}}, {IDLE}, {SLOWER}},
        {{{0, 390, 4, 25, 25}}, {IDLE}, {IDLE}}, /* it is more than a second away */
        /* A CAV before, which will brake. */
        {{{0, 100, 0, 25, 25}, {0, 114, 0, 25, 25}}, {IDLE, SLOWER}, {SLOWER, SLOWER}},
        {{{0, 100, 0, 25, 25}, {0, 114, 0, 25, 25}}, {IDLE, IDLE}, {IDLE, IDLE}},
        /* Of two who would meet, the one on the merge lane is more urgent; the other is safe then. */
        {{{0, 350, 0, 25, 25}, {0, 352, 4, 25, 25}}, {FASTER, LEFT}, {FASTER, SLOWER}},
        /* Somebody comes from the side, and all actions leave the same room before. */
        {{{0, 350, 0, 25, 25}, {1, 348, 1.9, 25, 25}}, {FASTER}, {IDLE}},
        /* Behind somebody who stands, too slow to slow down: aside, unless somebody is beside. */
        {{{0, 340, 4, 12, 10}, {1, 352, 4, 0, 0}}, {IDLE}, {LEFT}},
        {{{0, 340, 4, 12, 10}, {1, 352, 4, 0, 0}, {1, 341, 0, 12, 12}}, {IDLE}, {IDLE}},
    };
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        onramp_state s = {0};
        fm_rng rng = fm_rng_split(k, FM_RNG_TEST, 0, 0);
        int action[] = {CASES[k].action[0], CASES[k].action[1]};
        for (int j = 0; j < 3 && CASES[k].vehicle[j][1] > 0; j++) {
            const double *v = CASES[k].vehicle[j];
            onramp_add(&s, onramp_vehicle_at(v[0] > 0, v[1], v[2], 0, v[3]));
            s.vehicle[j].target_speed = v[4];
        }
        onramp_supervise(&s, action, &rng);
        for (int i = 0; i < s.cavs; i++)
            EXPECT_MSG(action[i] == CASES[k].then[i], "case %zu: cav %d does %d", k, i, action[i]);
    }
}

TEST_MAIN(CASE(motion_follows_the_published_formulas), CASE(drivers_follow_idm),
          CASE(targets_count_from_the_present_speed), CASE(lane_changes_are_the_possible_ones),
          CASE(drivers_change_lanes_when_they_gain), CASE(boxes_touch_when_they_overlap),
          CASE(wrecks_stand_in_the_way), CASE(headway_is_to_the_next_on_the_own_way),
          CASE(the_supervisor_replaces_what_would_end_in_a_crash))
