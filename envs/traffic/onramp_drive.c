/* onramp_drive.c: how the on-ramp's vehicles are steered and moved, and what human drivers do; see onramp.h.
 *
 * The published formulas, with fewer trigonometric functions: an angle delta = asin(u) of the front wheels
 * has tan(delta) = u / sqrt(1 - u^2), and of the motion's angle to the heading, beta = atan(tan(delta) / 2),
 * only sine and cosine are needed; so a tick of a vehicle costs one asin, and a sine and a cosine of its
 * heading. No difference of two headings has to be wrapped: a start lies within pi/2, and the steering asks
 * for no more than pi/4 and the curve's 0.1. */
#include <math.h>

#include "envs/traffic/onramp.h"

#define PI 3.14159265358979323846

#define VEHICLE_LENGTH 5.0
#define HALF_LENGTH_HIT (0.45 * VEHICLE_LENGTH) /* boxes are shrunk to nine tenths for the collision test */
#define HALF_WIDTH_HIT 0.9
#define SPEED_LIMIT 40.0

#define THROTTLE_TIME 0.6 /* s */
#define HEADING_GAIN 5.0
#define LATERAL_GAIN (HEADING_GAIN / 3.0)
#define LOOK_AHEAD 0.1 /* s */
#define SIN_PI_4 0.70710678118654752
#define SIN_PI_3 0.86602540378443865
#define SLIP_MAX 0.86602540378443865 /* tan(pi / 3) / 2 */

#define TARGET_LOW 10.0 /* a CAV's target speeds are 10, 15, ..., 30 */
#define TARGET_STEP 5.0
#define TARGET_LAST 4.0

#define COMFORT_ACCELERATION 3.0 /* IDM [Treiber 2000] */
#define FOLLOW_LIMIT 6.0
#define GAP_WANTED 10.0
#define TIME_WANTED 1.5
#define TWO_SQRT_AB 7.745966692414834 /* 2 sqrt(3 * 5), accelerations of comfort */
#define CHANGE_DELAY 1.0              /* s; MOBIL [Kesting 2007] */
#define CHANGE_GAIN 0.1
#define BRAKING_MAX 9.0

/* Not one of the situation's vehicles, but in the way like one. */
static const onramp_vehicle OBSTACLE = {.x = ONRAMP_END_X, .y = 4.0, .cos = 1.0, .lane = ONRAMP_BC1};

static double clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

static double away_from_zero(double x) { return fabs(x) > 0.01 ? x : x > 0.0 ? 0.01 : -0.01; }

/* ---- One vehicle ---- */

/* The step of the grid of target speeds nearest to a speed, halves to the even one. */
static double speed_index(double speed) {
    return clip(rint((speed - TARGET_LOW) / TARGET_STEP), 0.0, TARGET_LAST);
}

static void aim_at(onramp_vehicle *v, double index) {
    v->target_speed = TARGET_LOW + TARGET_STEP * clip(index, 0.0, TARGET_LAST);
}

onramp_vehicle onramp_vehicle_at(bool human, double x, double y, double heading, double speed) {
    onramp_vehicle v = {.x = x, .y = y, .heading = heading, .speed = speed, .target_speed = speed,
                        .cos = cos(heading), .sin = sin(heading), .human = human};
    v.lane = v.target = onramp_lane_at(x, y, heading);
    if (human) v.timer = PI * (x + y) - floor(PI * (x + y));
    else aim_at(&v, speed_index(speed));
    return v;
}

void onramp_add(onramp_state *state, onramp_vehicle vehicle) {
    FM_CHECK(state->vehicles < ONRAMP_VEHICLES_MAX, "onramp: more than %d vehicles", ONRAMP_VEHICLES_MAX);
    FM_CHECK(vehicle.human || state->cavs == state->vehicles, "onramp: CAV %lld stands behind an HDV",
             (long long)state->cavs);
    state->vehicle[state->vehicles++] = vehicle;
    if (!vehicle.human) state->cavs++;
}

static void follow_road(onramp_vehicle *v) {
    if (onramp_lane_ends(v->target, v->x)) v->target = onramp_lane_after(v->target, v->y);
}

/* The one change of lane that there can be is from bc1 to bc0: bc1 itself may only be entered by its road. */
void onramp_decide(onramp_vehicle *cav, int action) {
    FM_CHECK(action >= 0 && action < ONRAMP_ACTIONS, "onramp: action %d of %d", action, ONRAMP_ACTIONS);
    follow_road(cav);
    bool left = action == ONRAMP_LANE_LEFT && cav->target == ONRAMP_BC1;
    if (left && onramp_lane_is_reachable(ONRAMP_BC0, cav->x, cav->y)) cav->target = ONRAMP_BC0;
    if (action == ONRAMP_FASTER) aim_at(cav, speed_index(cav->speed) + 1.0);
    if (action == ONRAMP_SLOWER) aim_at(cav, speed_index(cav->speed) - 1.0);
}

/* To the lane's centre, then along its heading a moment ahead. */
double onramp_steer(const onramp_vehicle *v, int64_t lane) {
    double speed = away_from_zero(v->speed), aside = v->y - onramp_lane_centre(lane, v->x);
    double sine = -LATERAL_GAIN * aside / speed;
    double correction = fabs(sine) < SIN_PI_4 ? asin(sine) : copysign(PI / 4.0, sine);
    double wanted = onramp_lane_heading(lane, v->x + LOOK_AHEAD * v->speed) + correction;
    double wheels = VEHICLE_LENGTH / 2.0 / speed * HEADING_GAIN * (wanted - v->heading);
    if (fabs(wheels) >= SIN_PI_3) return copysign(SLIP_MAX, wheels);
    return 0.5 * wheels / sqrt(1.0 - wheels * wheels);
}

onramp_control onramp_drive_cav(onramp_vehicle *v) {
    follow_road(v);
    return (onramp_control){.slip = onramp_steer(v, v->target),
                            .acceleration = (v->target_speed - v->speed) / THROTTLE_TIME};
}

void onramp_move(onramp_vehicle *v, onramp_control control) {
    if (v->crashed) control = (onramp_control){.acceleration = -v->speed};
    double faster = control.acceleration, left = SPEED_LIMIT - v->speed;
    if (v->speed > SPEED_LIMIT && faster > left) faster = left;
    if (v->speed < -SPEED_LIMIT && faster < left) faster = left;
    double cos_slip = 1.0 / sqrt(1.0 + control.slip * control.slip), sin_slip = control.slip * cos_slip;
    double way = v->speed * ONRAMP_DT;
    v->x += way * (v->cos * cos_slip - v->sin * sin_slip);
    v->y += way * (v->sin * cos_slip + v->cos * sin_slip);
    v->speed += faster * ONRAMP_DT;
    if (control.slip == 0.0) return;
    v->heading += way * sin_slip / (VEHICLE_LENGTH / 2.0);
    v->cos = cos(v->heading);
    v->sin = sin(v->heading);
}

/* ---- Human drivers ---- */

/* The vehicle or obstacle next before `self` on a lane, and the one next behind; NULL for none. Of two at the
 * same x the later in the list is the one before, the earlier the one behind. */
static void look(const onramp_state *s, const onramp_vehicle *self, int64_t lane,
                 const onramp_vehicle **front, const onramp_vehicle **rear) {
    *front = *rear = NULL;
    for (int64_t k = 0; k <= s->vehicles; k++) {
        const onramp_vehicle *v = k < s->vehicles ? &s->vehicle[k] : &OBSTACLE;
        if (v == self) continue;
        bool ahead = v->x >= self->x;
        if (ahead ? *front && v->x > (*front)->x : *rear && v->x <= (*rear)->x) continue;
        if (onramp_lane_holds(lane, v->x, v->y)) *(ahead ? front : rear) = v;
    }
}

static double desired_gap(const onramp_vehicle *v, const onramp_vehicle *front) {
    double closing = v->speed - front->speed * (front->cos * v->cos + front->sin * v->sin);
    return GAP_WANTED + v->speed * TIME_WANTED + v->speed * closing / TWO_SQRT_AB;
}

/* [Treiber 2000]; whoever is not there, or an obstacle, does not accelerate. */
static double idm(const onramp_vehicle *v, const onramp_vehicle *front) {
    if (!v || v == &OBSTACLE) return 0.0;
    double share = v->speed > 0.0 ? v->speed / away_from_zero(v->target_speed) : 0.0, square = share * share;
    double acceleration = COMFORT_ACCELERATION * (1.0 - square * square);
    if (!front) return acceleration;
    double gap = desired_gap(v, front) / away_from_zero(front->x - v->x);
    return acceleration - COMFORT_ACCELERATION * gap * gap;
}

double onramp_follow(const onramp_state *state, int hdv) {
    const onramp_vehicle *v = &state->vehicle[hdv], *front, *rear;
    look(state, v, v->lane, &front, &rear);
    return clip(idm(v, front), -FOLLOW_LIMIT, FOLLOW_LIMIT);
}

/* MOBIL without politeness [Kesting 2007]: whether nobody has to brake hard, and the driver gains. */
static bool gains_by(const onramp_state *s, const onramp_vehicle *v, int64_t lane) {
    const onramp_vehicle *front, *rear, *new_front, *new_rear;
    look(s, v, lane, &new_front, &new_rear);
    if (idm(new_rear, v) < -BRAKING_MAX) return false;
    look(s, v, v->lane, &front, &rear);
    return idm(v, new_front) - idm(v, front) >= CHANGE_GAIN;
}

/* Whether somebody before this driver, and near, is about to change to the same lane. */
static bool gives_way(const onramp_state *s, const onramp_vehicle *v) {
    for (int64_t k = 0; k < s->vehicles; k++) {
        const onramp_vehicle *other = &s->vehicle[k];
        if (other == v || other->lane == v->target || other->target != v->target) continue;
        double ahead = other->x - v->x;
        if (ahead > 0.0 && ahead < desired_gap(v, other)) return true;
    }
    return false;
}

static bool merges(int64_t lane) { return lane == ONRAMP_BC0 || lane == ONRAMP_BC1; }

static void choose_lane(const onramp_state *s, onramp_vehicle *v) {
    if (v->lane != v->target) {
        if (merges(v->lane) && merges(v->target) && gives_way(s, v)) v->target = v->lane;
        return;
    }
    if (v->timer <= CHANGE_DELAY) return;
    v->timer = 0.0;
    bool beside = v->lane == ONRAMP_BC1 && onramp_lane_is_reachable(ONRAMP_BC0, v->x, v->y);
    if (beside && gains_by(s, v, ONRAMP_BC0)) v->target = ONRAMP_BC0;
}

static onramp_control drive_hdv(const onramp_state *s, int hdv, onramp_vehicle *v) {
    follow_road(v);
    choose_lane(s, v);
    return (onramp_control){.slip = onramp_steer(v, v->target), .acceleration = onramp_follow(s, hdv)};
}

/* ---- Collisions ---- */

typedef struct box { double x, y, cos, sin, half_length, half_width; } box;

static box box_of(const onramp_vehicle *v) {
    bool fixed = v == &OBSTACLE;
    return (box){.x = v->x, .y = v->y, .cos = v->cos, .sin = v->sin,
                 .half_length = fixed ? HALF_WIDTH_HIT : HALF_LENGTH_HIT, .half_width = HALF_WIDTH_HIT};
}

/* Whether a point of a's box, its middle, corners and the middles of its sides, lies in b's. As in the
 * published test, the offset is turned by +heading of b instead of -heading. */
static bool box_touches(const box *a, const box *b) {
    for (int i = -1; i <= 1; i++) {
        for (int j = -1; j <= 1; j++) {
            double along = i * a->half_length, across = j * a->half_width;
            double dx = a->x + (a->cos * along - a->sin * across) - b->x;
            double dy = a->y + (a->sin * along + a->cos * across) - b->y;
            if (fabs(b->cos * dx - b->sin * dy) <= b->half_length &&
                fabs(b->sin * dx + b->cos * dy) <= b->half_width)
                return true;
        }
    }
    return false;
}

bool onramp_touches(const onramp_vehicle *a, const onramp_vehicle *b) {
    double dx = b->x - a->x, dy = b->y - a->y;
    if (dx * dx + dy * dy > VEHICLE_LENGTH * VEHICLE_LENGTH) return false;
    box box_a = box_of(a), box_b = box_of(b);
    return box_touches(&box_a, &box_b) || box_touches(&box_b, &box_a);
}

bool onramp_touches_obstacle(const onramp_vehicle *v) { return onramp_touches(v, &OBSTACLE); }

static void collide(onramp_state *s) {
    for (int64_t i = 0; i < s->vehicles; i++) {
        onramp_vehicle *a = &s->vehicle[i];
        for (int64_t k = 0; k < s->vehicles && !a->crashed; k++) {
            onramp_vehicle *b = &s->vehicle[k];
            if (k == i || !onramp_touches(a, b)) continue;
            a->crashed = b->crashed = 1;
            a->speed = b->speed = fabs(b->speed) < fabs(a->speed) ? b->speed : a->speed;
        }
        if (a->crashed || !onramp_touches_obstacle(a)) continue;
        a->crashed = 1;
        a->speed = 0.0;
    }
}

/* ---- A tick ---- */

bool onramp_tick(onramp_state *s) {
    onramp_control control[ONRAMP_VEHICLES_MAX] = {{0}};
    for (int k = 0; k < s->vehicles; k++) {
        onramp_vehicle *v = &s->vehicle[k];
        if (!v->crashed) control[k] = v->human ? drive_hdv(s, k, v) : onramp_drive_cav(v);
    }
    for (int64_t k = 0; k < s->vehicles; k++) {
        onramp_vehicle *v = &s->vehicle[k];
        if (v->human) v->timer += ONRAMP_DT;
        onramp_move(v, control[k]);
        v->lane = onramp_lane_at(v->x, v->y, v->heading);
    }
    collide(s);
    bool crashed = false;
    for (int64_t k = 0; k < s->cavs; k++) crashed = crashed || s->vehicle[k].crashed;
    return crashed;
}
