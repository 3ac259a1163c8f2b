/* acrobot.c: two links that hang from a fixed joint and are driven only at the joint between them, to be
 * swung until their tip is a link's length above the fixed joint [Sutton 1996], as Gymnasium's Acrobot-v1 has
 * it.
 *
 * theta1 is the upper link's angle from hanging straight down and theta2 the lower link's from the upper
 * one's direction (rad, counterclockwise). Links of m = 1 kg, l = 1 m, centre of mass at c = 0.5 m, moment of
 * inertia I = 1 kg m^2, g = 9.8, and a torque of -1, 0 or 1 N m at the joint between them:
 *
 *     d1   = m c^2 + m (l^2 + c^2 + 2 l c cos theta2) + 2 I
 *     d2   = m (c^2 + l c cos theta2) + I
 *     phi2 = m c g cos(theta1 + theta2 - pi/2)
 *     phi1 = -m l c theta2_dot^2 sin theta2 - 2 m l c theta2_dot theta1_dot sin theta2
 *            + (m c + m l) g cos(theta1 - pi/2) + phi2
 *     theta2_dd = (torque + d2/d1 phi1 - m l c theta1_dot^2 sin theta2 - phi2) / (m c^2 + I - d2^2/d1)
 *     theta1_dd = -(d2 theta2_dd + phi1) / d1
 *
 * These are the equations of Sutton and Barto's book; the term in theta1_dot^2 is missing in [Sutton 1996].
 * One step of the classical Runge-Kutta method of 0.2 s per decision; then the angles are brought into
 * -pi..pi and the speeds cut off at 4 pi and 9 pi. Every decision costs 1, except the one that reaches the
 * goal, which ends the episode: -cos theta1 - cos(theta1 + theta2) > 1. It is cut off after 500 decisions. An
 * episode starts with all four variables uniform within -0.1..0.1, or at `start`.
 *
 * Observation: cos and sin of theta1, cos and sin of theta2, theta1_dot, theta2_dot. */
#include <math.h>
#include <string.h>

#include "envs/control/picture.h"
#include "envs/control/start.h"
#include "envs/env.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define PI 3.14159265358979323846
#define VARIABLES 4

#define GRAVITY 9.8
#define MASS 1.0
#define LENGTH 1.0
#define CENTRE 0.5
#define INERTIA 1.0
#define DT 0.2
#define SPEED1_MAX (4.0 * PI)
#define SPEED2_MAX (9.0 * PI)
#define GOAL_HEIGHT 1.0
#define START_MAX 0.1
#define HORIZON 500

typedef struct acrobot_config { char start[FM_TEXT_MAX]; } acrobot_config;

enum { THETA1, THETA2, THETA1_DOT, THETA2_DOT };

typedef struct acrobot_state { double v[VARIABLES]; } acrobot_state;

static const fm_option OPTIONS[] = {
    FM_OPT_TEXT(acrobot_config, start, "",
                "theta1:theta2:theta1_dot:theta2_dot at the start (rad, s); empty: drawn"),
    FM_OPT_END,
};

static const char *const LABELS[] = {"minus", "none", "plus"};
static const char *const READINGS[VARIABLES] = {"theta1", "theta2", "theta1_dot", "theta2_dot"};
static const double HIGH[VARIABLES] = {PI, PI, SPEED1_MAX, SPEED2_MAX};
static const double LOW[VARIABLES] = {-PI, -PI, -SPEED1_MAX, -SPEED2_MAX};

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    const acrobot_config *c = config;
    control_start *start = fm_arena_array(arena, control_start, 1);
    const control_variables variables = {VARIABLES, READINGS, LOW, HIGH};
    if (control_start_read(c->start, &variables, start, err) != FM_OK) return FM_BAD;
    *game = start;
    *facts = (env_facts){
        .name = "acrobot",
        .title = "Acrobot: swing two links up by a torque between them",
        .source = "Sutton 1996; Gymnasium's Acrobot-v1",
        .horizon = HORIZON,
        .deterministic = true,
        .state_size = sizeof(acrobot_state),
        .readings = VARIABLES,
        .reading_name = READINGS,
    };
    env_facts_agents(facts, 1, arena);
    facts->agent[0] = (env_agent){.name = "agent",
                                  .obs_length = 6,
                                  .action = env_discrete(3, LABELS),
                                  .reward_low = -1.0};
    return FM_OK;
}

static void observe(const acrobot_state *s, real *obs) {
    obs[0] = (real)cos(s->v[THETA1]);
    obs[1] = (real)sin(s->v[THETA1]);
    obs[2] = (real)cos(s->v[THETA2]);
    obs[3] = (real)sin(s->v[THETA2]);
    obs[4] = (real)s->v[THETA1_DOT];
    obs[5] = (real)s->v[THETA2_DOT];
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    const control_start *start = game;
    acrobot_state *s = state;
    for (int i = 0; i < VARIABLES; i++)
        s->v[i] = start->given ? start->value[i] : START_MAX * (2.0 * fm_rng_uniform(rng) - 1.0);
    observe(s, io->obs);
}

/* Time derivatives of the four variables at v + dt * slope. */
static void derive(const double *v, double dt, const double *slope, double torque, double *out) {
    double at[VARIABLES];
    for (int i = 0; i < VARIABLES; i++) at[i] = v[i] + dt * slope[i];
    double theta1 = at[THETA1], theta2 = at[THETA2], theta1_dot = at[THETA1_DOT], theta2_dot = at[THETA2_DOT];
    double sine = sin(theta2), cosine = cos(theta2), moment = MASS * LENGTH * CENTRE;
    double d1 = MASS * CENTRE * CENTRE +
                MASS * (LENGTH * LENGTH + CENTRE * CENTRE + 2.0 * LENGTH * CENTRE * cosine) + 2.0 * INERTIA;
    double d2 = MASS * (CENTRE * CENTRE + LENGTH * CENTRE * cosine) + INERTIA;
    double phi2 = MASS * CENTRE * GRAVITY * cos(theta1 + theta2 - PI / 2.0);
    double phi1 = -moment * (theta2_dot * theta2_dot) * sine - 2.0 * moment * theta2_dot * theta1_dot * sine +
                  (MASS * CENTRE + MASS * LENGTH) * GRAVITY * cos(theta1 - PI / 2.0) + phi2;
    double theta2_dd = (torque + d2 / d1 * phi1 - moment * (theta1_dot * theta1_dot) * sine - phi2) /
                       (MASS * CENTRE * CENTRE + INERTIA - d2 * d2 / d1);
    out[THETA1] = theta1_dot;
    out[THETA2] = theta2_dot;
    out[THETA1_DOT] = -(d2 * theta2_dd + phi1) / d1;
    out[THETA2_DOT] = theta2_dd;
}

static void integrate(double *v, double torque) {
    double k1[VARIABLES], k2[VARIABLES], k3[VARIABLES], k4[VARIABLES];
    derive(v, 0.0, v, torque, k1);
    derive(v, DT / 2.0, k1, torque, k2);
    derive(v, DT / 2.0, k2, torque, k3);
    derive(v, DT, k3, torque, k4);
    for (int i = 0; i < VARIABLES; i++) v[i] += DT / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
}

/* The angle within -pi..pi; it turned by a few circles at most. */
static double wrap(double angle) {
    while (angle > PI) angle -= 2.0 * PI;
    while (angle < -PI) angle += 2.0 * PI;
    return angle;
}

static double clip(double x, double limit) { return fmax(-limit, fmin(x, limit)); }

/* How far the tip is above the fixed joint. */
static double tip_height(const acrobot_state *s) {
    return -LENGTH * cos(s->v[THETA1]) - LENGTH * cos(s->v[THETA1] + s->v[THETA2]);
}

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)game, (void)rng;
    acrobot_state *s = state;
    integrate(s->v, (double)io->actions[0] - 1.0);
    s->v[THETA1] = wrap(s->v[THETA1]);
    s->v[THETA2] = wrap(s->v[THETA2]);
    s->v[THETA1_DOT] = clip(s->v[THETA1_DOT], SPEED1_MAX);
    s->v[THETA2_DOT] = clip(s->v[THETA2_DOT], SPEED2_MAX);
    io->terminated = tip_height(s) > GOAL_HEIGHT;
    io->rewards[0] = io->terminated ? 0.0 : -1.0;
    observe(s, io->obs);
}

static void read_state(const void *game, const void *state, double *readings) {
    (void)game;
    memcpy(readings, ((const acrobot_state *)state)->v, VARIABLES * sizeof *readings);
}

static void render(const void *game, const void *state, const real *actions, FILE *out) {
    (void)game;
    const acrobot_state *s = state;
    double lower = s->v[THETA1] + s->v[THETA2], reach = 2.0 * LENGTH;
    double x = LENGTH * sin(s->v[THETA1]), y = -LENGTH * cos(s->v[THETA1]);
    double tip_x = x + LENGTH * sin(lower), tip_y = tip_height(s);
    control_picture p;
    control_picture_clear(&p, -reach, reach, -reach, reach, 4.0);
    for (int i = -8; i <= 8; i++) control_picture_put(&p, i * reach / 8.0, GOAL_HEIGHT, '.');
    control_picture_line(&p, x, y, tip_x, tip_y);
    control_picture_line(&p, 0.0, 0.0, x, y);
    control_picture_put(&p, 0.0, 0.0, 'O');
    control_picture_put(&p, x, y, 'o');
    control_picture_put(&p, tip_x, tip_y, '@');
    control_picture_print(&p, out);
    fprintf(out, "  links at %+.1f and %+.1f degrees, %+.2f and %+.2f rad/s\n", s->v[THETA1] * 180.0 / PI,
            s->v[THETA2] * 180.0 / PI, s->v[THETA1_DOT], s->v[THETA2_DOT]);
    fprintf(out, "  the tip is at %+.3f m, the goal at %+.0f m", tip_y, GOAL_HEIGHT);
    if (actions) fprintf(out, "; torque %+d N m", (int)actions[0] - 1);
    fputc('\n', out);
}

const env_type env_acrobot = {
    .name = "acrobot",
    .doc = "swing two hanging links up by a torque at the joint between them",
    .options = OPTIONS,
    .config_size = sizeof(acrobot_config),
    .create = create,
    .reset = reset,
    .step = step,
    .render = render,
    .read = read_state,
};
