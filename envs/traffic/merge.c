/* merge.c: Traffic Merge [Zhang 2020, Table 4, Fig. 6-7], a slightly modified highway-env [Leurent 2018].
 *
 * The leader drives on the main lane, the follower on a ramp that joins it; both pass the same point unless
 * one of them hurries or waits. Whoever is ahead when a car reaches the finish gets 50, the other 10; a
 * crash costs both.
 *
 *              200        250        280            310
 *     y = 4    ---- 0 ------+--- 1 ----+---- 3 ------|-->   lanes 0, 1, 3: the main lane, straight
 *     y = 8                 +--- 2 ----'                    lane 2: beside it, ends at 280
 *     y = 14.5 --4--.~~5~~~'                                lane 4 straight, lane 5 half a cosine
 *
 * Physics: 15 ticks a second, a decision every `policy_ticks` ticks (15). A tick is one explicit Euler step
 * of a bicycle model whose throttle and steering are proportional controllers; a car that comes to the end
 * of its target lane takes the next one by itself, which is how the ramp's car merges. A decision ends early
 * with the episode.
 *
 * Kept from the published environment, because the trajectories depend on it:
 *   - FASTER and SLOWER count from the present speed, not from the present target;
 *   - LANE_RIGHT never has an effect, LANE_LEFT only for the ramp's car while it steers for lane 2 and x >=
 *     250, so at decisions up to x = 277.5;
 *   - the collision test turns offsets by +heading of the other car instead of -heading, and tests one side
 *     point rather than two.
 *
 * Observation of each agent, 8 numbers: one-hot of the decision's index (0..4, and 5 for all later ones),
 * then (x_other - x_self) / R and (v_other - v_self) / (2 R) with R = `obs_range`. No absolute position: an
 * agent knows where it is only through the clock.
 *
 * Departures: the paper's text has -10 for a crash, its published environment less the later it happens; the
 * latter is the default and `crash_reward=flat` the former. Initial speeds come from the environment's own
 * stream.
 *
 * All arithmetic is double, whatever `real` is, and contraction is off, so that every compiler gives the
 * same bits on the same libm. */
#include "envs/traffic/merge.h"

#include <math.h>
#include <string.h>

#include "envs/env.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define PI 3.14159265358979323846
#define DT (1.0 / MERGE_TICKS_PER_SECOND)

#define CAR_LENGTH 5.0
#define CAR_HALF_LENGTH_HIT (0.45 * CAR_LENGTH) /* boxes are shrunk to nine tenths for the collision test */
#define CAR_HALF_WIDTH_HIT 0.9
#define SPEED_LIMIT 70.0
#define FINISH_X 310.0

#define LANE_WIDTH 4.0
#define CURVE_HEIGHT 3.25
#define CURVE_RATE (2.0 * PI / 100.0) /* radians per metre */
#define CURVE_PHASE (PI / 2.0)

#define SPEED_LOW 20.0 /* target speeds are 20, 30, ..., 70 */
#define SPEED_STEP 10.0
#define SPEED_COUNT 6

#define THROTTLE_TIME 0.6 /* s */
#define LATERAL_GAIN 2.0
#define HEADING_GAIN 5.0
#define LOOK_AHEAD 0.3 /* s */
#define HEADING_MAX (PI / 4.0)
#define STEER_RATIO_MAX 1.7320508075688772 /* tan(pi / 3) */

#define OBS_LENGTH 8
#define OBS_CLOCK 6
#define HORIZON_TICKS 300

/* One lane: its centre line from `start` on, the lanes of its own road and of the road that follows. */
typedef struct lane {
    double start, length, y;
    bool curved;    /* y + CURVE_HEIGHT * sin(...) instead of y */
    bool forbidden; /* no change into it; following the road into it is allowed */
    int64_t first, last;
    int64_t next_first, next_last; /* -1: the road ends */
} lane;

static const lane LANES[] = {
    {0.0, 250.0, 4.0, false, false, 0, 0, 1, 2},
    {250.0, 30.0, 4.0, false, false, 1, 2, 3, 3},
    {250.0, 30.0, 8.0, false, true, 1, 2, 3, 3},
    {280.0, 800.0, 4.0, false, false, 3, 3, -1, -1},
    {0.0, 200.0, 14.5, false, true, 4, 4, 5, 5},
    {200.0, 50.0, 11.25, true, true, 5, 5, 1, 2},
};

static double clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

/* ---- Roads ---- */

static double lane_centre(const lane *l, double along) {
    return l->curved ? l->y + CURVE_HEIGHT * sin(CURVE_RATE * along + CURVE_PHASE) : l->y;
}

static double lane_heading(const lane *l, double along) {
    return l->curved ? atan(CURVE_HEIGHT * CURVE_RATE * cos(CURVE_RATE * along + CURVE_PHASE)) : 0.0;
}

static double lane_distance(const lane *l, double x, double y) {
    double along = x - l->start;
    return fabs(y - lane_centre(l, along)) + fmax(along - l->length, 0.0) + fmax(-along, 0.0);
}

/* Near the end of the target lane: the nearest lane of the next road becomes the target. */
static void follow_road(merge_car *car) {
    const lane *now = &LANES[car->lane];
    if (car->x - now->start <= now->length - CAR_LENGTH / 2.0 || now->next_first < 0) return;
    int64_t best = now->next_first;
    double best_distance = lane_distance(&LANES[best], car->x, car->y);
    for (int64_t i = best + 1; i <= now->next_last; i++) {
        double distance = lane_distance(&LANES[i], car->x, car->y);
        if (distance < best_distance) best = i, best_distance = distance;
    }
    car->lane = best;
}

static void change_lane(merge_car *car, int64_t by) {
    int64_t wanted = car->lane + by;
    if (wanted < LANES[car->lane].first || wanted > LANES[car->lane].last) return;
    const lane *l = &LANES[wanted];
    double along = car->x - l->start;
    bool beside = fabs(car->y - lane_centre(l, along)) <= 2.0 * LANE_WIDTH;
    bool alongside = along >= 0.0 && along < l->length + CAR_LENGTH;
    if (!l->forbidden && beside && alongside) car->lane = wanted;
}

/* ---- Cars ---- */

/* The step of the speed grid nearest to a speed, halves to the even one. */
static double speed_index(double speed) {
    return clip(rint((speed - SPEED_LOW) / SPEED_STEP), 0.0, SPEED_COUNT - 1.0);
}

static void change_speed(merge_car *car, double by) {
    car->target_speed = SPEED_LOW + SPEED_STEP * clip(speed_index(car->speed) + by, 0.0, SPEED_COUNT - 1.0);
}

void merge_decide(merge_car *car, int action) {
    FM_CHECK(action >= 0 && action < MERGE_ACTIONS, "merge: action %d of %d", action, MERGE_ACTIONS);
    follow_road(car);
    switch (action) {
    case MERGE_LANE_LEFT: change_lane(car, -1); break;
    case MERGE_LANE_RIGHT: change_lane(car, +1); break;
    case MERGE_FASTER: change_speed(car, +1.0); break;
    case MERGE_SLOWER: change_speed(car, -1.0); break;
    default: break;
    }
}

static double wrap_angle(double angle) {
    if (angle >= -PI && angle < PI) return angle;
    double turned = fmod(angle + PI, 2.0 * PI);
    return (turned < 0.0 ? turned + 2.0 * PI : turned) - PI;
}

static double away_from_zero(double speed) { return fabs(speed) > 0.01 ? speed : speed > 0.0 ? 0.01 : -0.01; }

/* Tangent of the steering angle: to the target lane's centre, then along its heading a moment ahead. */
static double steer_ratio(const merge_car *car) {
    const lane *l = &LANES[car->lane];
    double along = car->x - l->start, speed = away_from_zero(car->speed);
    double lateral = car->y - lane_centre(l, along);
    double correction = asin(clip(-LATERAL_GAIN * lateral / speed, -1.0, 1.0));
    double ahead = along + LOOK_AHEAD * car->speed;
    double wanted = lane_heading(l, ahead) + clip(correction, -HEADING_MAX, HEADING_MAX);
    double rate = HEADING_GAIN * wrap_angle(wanted - car->heading);
    return clip(CAR_LENGTH / speed * rate, -STEER_RATIO_MAX, STEER_RATIO_MAX);
}

static void drive(merge_car *car, merge_control *control) {
    follow_road(car);
    double ratio = steer_ratio(car);
    double acceleration = (car->target_speed - car->speed) / THROTTLE_TIME;
    if (car->speed > SPEED_LIMIT) acceleration = fmin(acceleration, SPEED_LIMIT - car->speed);
    double speed = car->speed, heading = car->heading;
    car->x += speed * cos(heading) * DT;
    car->y += speed * sin(heading) * DT;
    car->heading += speed * ratio / CAR_LENGTH * DT;
    car->speed += acceleration * DT;
    if (control) *control = (merge_control){.steer = atan(ratio), .acceleration = acceleration};
}

/* ---- Collisions ---- */

/* Whether one of the points of a's box (as if at the origin, turned by its heading) lies in b's box. */
static bool box_touches(const merge_car *a, const merge_car *b) {
    static const double POINT[][2] = {{0, 0}, {-1, 0}, {1, 0}, {0, 1}, {-1, -1}, {-1, 1}, {1, -1}, {1, 1}};
    double cos_a = cos(a->heading), sin_a = sin(a->heading), cos_b = cos(b->heading), sin_b = sin(b->heading);
    for (size_t i = 0; i < sizeof POINT / sizeof *POINT; i++) {
        double along = POINT[i][0] * CAR_HALF_LENGTH_HIT, across = POINT[i][1] * CAR_HALF_WIDTH_HIT;
        double dx = a->x + (cos_a * along - sin_a * across) - b->x;
        double dy = a->y + (sin_a * along + cos_a * across) - b->y;
        if (fabs(cos_b * dx - sin_b * dy) <= CAR_HALF_LENGTH_HIT &&
            fabs(sin_b * dx + cos_b * dy) <= CAR_HALF_WIDTH_HIT)
            return true;
    }
    return false;
}

static void collide(merge_state *state) {
    merge_car *a = &state->car[0], *b = &state->car[1];
    double dx = b->x - a->x, dy = b->y - a->y;
    if (dx * dx + dy * dy > CAR_LENGTH * CAR_LENGTH) return;
    if (!box_touches(a, b) && !box_touches(b, a)) return;
    state->crashed = 1;
    a->speed = b->speed = fabs(b->speed) < fabs(a->speed) ? b->speed : a->speed;
}

void merge_spawn(merge_state *state, double speed0, double speed1) {
    memset(state, 0, sizeof *state);
    state->car[0] = (merge_car){.x = 215.0, .y = 4.0, .speed = speed0, .lane = 0};
    state->car[1] = (merge_car){.x = 215.0, .y = 14.5, .speed = speed1, .lane = 5};
    for (int i = 0; i < 2; i++) change_speed(&state->car[i], 0.0);
}

static bool is_over(const merge_state *s) {
    return s->crashed || s->car[0].x > FINISH_X || s->car[1].x > FINISH_X;
}

bool merge_tick(merge_state *state, merge_control *control) {
    drive(&state->car[0], control);
    drive(&state->car[1], control ? control + 1 : NULL);
    collide(state);
    state->tick++;
    return is_over(state);
}

/* ---- The environment ---- */

enum { CRASH_TIERED, CRASH_FLAT };
enum { LEADER_FIRST, FOLLOWER_FIRST, CRASH };

typedef struct merge_config {
    int64_t crash_reward;
    double obs_range;
    double speed0, speed1;
    int64_t policy_ticks;
} merge_config;

static const fm_option OPTIONS[] = {
    FM_OPT_CHOICE(merge_config, crash_reward, "tiered", "tiered|flat",
                  "what a crash costs: -25 to -5, less the later (published code), or -10 (paper)", ""),
    FM_OPT_REAL(merge_config, obs_range, "40", 1, 1000, "m",
                "scale of the observed distance and, doubled, speed (the published baselines have 70)", "R"),
    FM_OPT_REAL(merge_config, speed0, "0", 0, 70, "m/s", "leader's initial speed; 0 draws from 38..40", ""),
    FM_OPT_REAL(merge_config, speed1, "0", 0, 70, "m/s", "follower's initial speed; 0 draws from 38..40", ""),
    FM_OPT_INT(merge_config, policy_ticks, "15", 1, 60, "ticks", "physics ticks (1/15 s) per decision", ""),
    FM_OPT_END,
};

static const char *const LABELS[] = {"IDLE", "LANE_LEFT", "LANE_RIGHT", "FASTER", "SLOWER"};
static const char *const OUTCOMES[] = {"leader first", "follower first", "crash"};
static const char *const READINGS[] = {"tick", "x_0", "y_0", "heading_0", "speed_0", "lane_0",
                                       "x_1",  "y_1", "heading_1", "speed_1", "lane_1", "crashed"};
static const double LEADER_AHEAD[] = {50.0, 10.0};
static const env_solution SOLUTIONS[] = {
    {.concept = "stackelberg", .label = "leader first", .value = LEADER_AHEAD, .source = "exact"},
};

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    (void)err;
    merge_config *g = fm_arena_array(arena, merge_config, 1);
    *g = *(const merge_config *)config;
    *game = g;
    *facts = (env_facts){
        .name = "merge",
        .title = "Traffic Merge: a car on the main lane and one on a ramp, who goes first",
        .source = "Zhang 2020, Table 4 and Figures 6-7; physics of highway-env [Leurent 2018]",
        .horizon = (HORIZON_TICKS + g->policy_ticks - 1) / g->policy_ticks,
        .rewards = ENV_GENERAL_SUM,
        .deterministic = true,
        .state_size = sizeof(merge_state),
        .readings = sizeof READINGS / sizeof *READINGS,
        .reading_name = READINGS,
        .outcomes = sizeof OUTCOMES / sizeof *OUTCOMES,
        .outcome_name = OUTCOMES,
        .solutions = sizeof SOLUTIONS / sizeof *SOLUTIONS,
        .solution = SOLUTIONS,
    };
    env_facts_agents(facts, 2, arena);
    for (int i = 0; i < 2; i++)
        facts->agent[i] = (env_agent){.name = i == 0 ? "leader" : "follower",
                                      .level = i,
                                      .obs_length = OBS_LENGTH,
                                      .action = env_discrete(MERGE_ACTIONS, LABELS),
                                      .reward_low = g->crash_reward == CRASH_FLAT ? -10.0 : -25.0,
                                      .reward_high = 50.0};
    return FM_OK;
}

static void observe(const merge_config *game, const merge_state *state, real *obs) {
    int64_t decision = (state->tick + game->policy_ticks - 1) / game->policy_ticks;
    if (decision >= OBS_CLOCK) decision = OBS_CLOCK - 1;
    for (int i = 0; i < 2; i++, obs += OBS_LENGTH) {
        const merge_car *self = &state->car[i], *other = &state->car[1 - i];
        for (int k = 0; k < OBS_CLOCK; k++) obs[k] = (real)(k == decision);
        obs[OBS_CLOCK] = (real)((other->x - self->x) / game->obs_range);
        obs[OBS_CLOCK + 1] = (real)((other->speed - self->speed) / (2.0 * game->obs_range));
    }
}

static int outcome(const void *game, const void *state) {
    (void)game;
    const merge_state *s = state;
    return s->crashed ? CRASH : s->car[0].x > s->car[1].x ? LEADER_FIRST : FOLLOWER_FIRST;
}

static double crash_reward(const merge_config *game, double x) {
    if (game->crash_reward == CRASH_FLAT) return -10.0;
    return x < 260.0 ? -25.0 : x < 265.0 ? -20.0 : x < 270.0 ? -15.0 : x < 275.0 ? -10.0 : -5.0;
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    const merge_config *g = game;
    /* Both are drawn in any case, so that fixing one speed leaves the other's sequence as it was. */
    double speed0 = 38.0 + 2.0 * fm_rng_uniform(rng), speed1 = 38.0 + 2.0 * fm_rng_uniform(rng);
    merge_spawn(state, g->speed0 > 0.0 ? g->speed0 : speed0, g->speed1 > 0.0 ? g->speed1 : speed1);
    observe(g, state, io->obs);
}

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    const merge_config *g = game;
    merge_state *s = state;
    for (int i = 0; i < 2; i++) merge_decide(&s->car[i], (int)io->actions[i]);
    bool over = false;
    for (int64_t t = 0; t < g->policy_ticks && !over; t++) over = merge_tick(s, NULL);
    if (over) {
        int end = outcome(game, s);
        double crash = crash_reward(g, s->car[0].x);
        io->rewards[0] = end == CRASH ? crash : end == LEADER_FIRST ? 50.0 : 10.0;
        io->rewards[1] = end == CRASH ? crash : end == LEADER_FIRST ? 10.0 : 50.0;
    }
    io->terminated = over;
    observe(g, s, io->obs);
}

static void read_state(const void *game, const void *state, double *readings) {
    (void)game;
    const merge_state *s = state;
    *readings++ = (double)s->tick;
    for (int i = 0; i < 2; i++) {
        const merge_car *car = &s->car[i];
        *readings++ = car->x;
        *readings++ = car->y;
        *readings++ = car->heading;
        *readings++ = car->speed;
        *readings++ = (double)car->lane;
    }
    *readings = (double)s->crashed;
}

/* ---- The picture: two metres a column from x = 200 to 320, 1.75 metres a row from y = 4 down ---- */

#define PICTURE_X 200.0
#define PICTURE_X_END 320.0
#define PICTURE_COLUMNS 61
#define PICTURE_ROWS 7

typedef char picture[PICTURE_ROWS][PICTURE_COLUMNS + 1];

static char *picture_cell(picture p, double x, double y) {
    double column = clip(rint((x - PICTURE_X) / 2.0), 0.0, PICTURE_COLUMNS - 1.0);
    double row = clip(rint((y - 4.0) / 1.75), 0.0, PICTURE_ROWS - 1.0);
    return &p[(int)row][(int)column];
}

static void picture_roads(picture p) {
    for (int row = 0; row < PICTURE_ROWS; row++) {
        memset(p[row], ' ', PICTURE_COLUMNS);
        p[row][PICTURE_COLUMNS] = '\0';
    }
    for (size_t i = 0; i < sizeof LANES / sizeof *LANES; i++) {
        const lane *l = &LANES[i];
        double from = fmax(l->start, PICTURE_X), to = fmin(l->start + l->length, PICTURE_X_END);
        for (double x = from; x <= to; x += 1.0)
            *picture_cell(p, x, lane_centre(l, x - l->start)) = l->forbidden ? '.' : '-';
    }
    *picture_cell(p, FINISH_X, 4.0) = '|';
}

static void picture_cars(picture p, const merge_state *s) {
    char *at[2];
    for (int i = 0; i < 2; i++) at[i] = picture_cell(p, s->car[i].x, s->car[i].y);
    *at[0] = 'L';
    *at[1] = at[0] == at[1] ? '*' : 'F';
    if (s->crashed) *at[0] = *at[1] = 'X';
}

static void render(const void *game, const void *state, const real *actions, FILE *out) {
    const merge_state *s = state;
    static const char *const NAME[] = {"L leader", "F follower"};
    static const char *const ROAD[PICTURE_ROWS] = {"main lane", "", "", "", "", "", "ramp"};
    picture p;
    picture_roads(p);
    picture_cars(p, s);
    fprintf(out, "  %-10s200       220       240       260       280       300       320 m  | finish\n",
            "");
    for (int row = 0; row < PICTURE_ROWS; row++) {
        size_t length = PICTURE_COLUMNS;
        while (length > 0 && p[row][length - 1] == ' ') length--;
        if (ROAD[row][0] || length > 0) fprintf(out, "  %-10s%.*s\n", ROAD[row], (int)length, p[row]);
        else fputc('\n', out);
    }
    for (int i = 0; i < 2; i++) {
        const merge_car *car = &s->car[i];
        fprintf(out, "  %-10s x %6.1f m, speed %4.1f m/s (aims at %.0f)%s%s\n", NAME[i], car->x, car->speed,
                car->target_speed, actions ? ", chose " : "", actions ? LABELS[(int)actions[i]] : "");
    }
    bool over = is_over(s);
    fprintf(out, "  tick %lld, %.2f s%s%s\n", (long long)s->tick, (double)s->tick / MERGE_TICKS_PER_SECOND,
            over ? ": " : "", over ? OUTCOMES[outcome(game, s)] : "");
}

const env_type env_merge = {
    .name = "merge",
    .doc = "Traffic Merge: a leader on the main lane and a follower on the ramp, who goes first",
    .options = OPTIONS,
    .config_size = sizeof(merge_config),
    .create = create,
    .reset = reset,
    .step = step,
    .render = render,
    .read = read_state,
    .outcome = outcome,
};
