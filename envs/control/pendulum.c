/* pendulum.c: a pendulum to be swung up and held by a torque that is too weak to lift it at once, as
 * Gymnasium's Pendulum-v1 has it.
 *
 * theta is the angle from upright (rad, counterclockwise). With g = 10, a rod of m = 1 kg and l = 1 m, and
 * the torque u within -2..2, one semi-implicit Euler step of 0.05 s per decision:
 *
 *     theta_dot' = clip(theta_dot + (3 g / (2 l) sin theta + 3 / (m l^2) u) dt, -8, 8)
 *     theta'     = theta + theta_dot' dt
 *     reward     = -(a^2 + 0.1 theta_dot^2 + 0.001 u^2),   a = theta brought into -pi..pi
 *
 * of the situation before the step. Nothing ends an episode; it is cut off after 200 decisions. It starts
 * with theta uniform within -pi..pi and theta_dot within -1..1, or at `start`. theta is not brought back into
 * -pi..pi: it counts turns.
 *
 * All in double precision. Gymnasium with NumPy 2 rounds 3 u and the cost of u to single, as an action is:
 * a step differs by 1e-8, and 200 random ones may differ by 1e-3, a few by 1e-2.
 *
 * Observation: cos theta, sin theta, theta_dot. */
#include <math.h>

#include "envs/control/picture.h"
#include "envs/control/start.h"
#include "envs/env.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define PI 3.14159265358979323846
#define VARIABLES 2

#define GRAVITY 10.0
#define MASS 1.0
#define LENGTH 1.0
#define DT 0.05
#define SPEED_MAX 8.0
#define TORQUE_MAX 2.0
#define SPEED_COST 0.1
#define TORQUE_COST 0.001
#define HORIZON 200

typedef struct pendulum_config { char start[FM_TEXT_MAX]; } pendulum_config;

typedef struct pendulum_state { double theta, theta_dot; } pendulum_state;

static const fm_option OPTIONS[] = {
    FM_OPT_TEXT(pendulum_config, start, "",
                "theta:theta_dot at the start (rad from upright, rad/s); empty: drawn"),
    FM_OPT_END,
};

static const char *const READINGS[VARIABLES] = {"theta", "theta_dot"};
static const double LOW[VARIABLES] = {-INFINITY, -SPEED_MAX}, HIGH[VARIABLES] = {INFINITY, SPEED_MAX};
static const double TORQUE_LOW[] = {-TORQUE_MAX}, TORQUE_HIGH[] = {TORQUE_MAX};

static double cost(double angle, double speed, double torque) {
    return angle * angle + SPEED_COST * (speed * speed) + TORQUE_COST * (torque * torque);
}

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    const pendulum_config *c = config;
    control_start *start = fm_arena_array(arena, control_start, 1);
    const control_variables variables = {VARIABLES, READINGS, LOW, HIGH};
    if (control_start_read(c->start, &variables, start, err) != FM_OK) return FM_BAD;
    *game = start;
    *facts = (env_facts){
        .name = "pendulum",
        .title = "Pendulum: swing it up and hold it there",
        .source = "Gymnasium's Pendulum-v1",
        .horizon = HORIZON,
        .deterministic = true,
        .state_size = sizeof(pendulum_state),
        .readings = VARIABLES,
        .reading_name = READINGS,
    };
    env_facts_agents(facts, 1, arena);
    facts->agent[0] = (env_agent){.name = "agent",
                                  .obs_length = 3,
                                  .action = env_box(1, TORQUE_LOW, TORQUE_HIGH),
                                  .reward_low = -cost(PI, SPEED_MAX, TORQUE_MAX)};
    return FM_OK;
}

static void observe(const pendulum_state *s, real *obs) {
    obs[0] = (real)cos(s->theta);
    obs[1] = (real)sin(s->theta);
    obs[2] = (real)s->theta_dot;
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    const control_start *start = game;
    pendulum_state *s = state;
    if (start->given) {
        *s = (pendulum_state){.theta = start->value[0], .theta_dot = start->value[1]};
    } else {
        s->theta = PI * (2.0 * fm_rng_uniform(rng) - 1.0);
        s->theta_dot = 2.0 * fm_rng_uniform(rng) - 1.0;
    }
    observe(s, io->obs);
}

/* The angle within -pi..pi: the remainder has the sign of the divisor. */
static double from_upright(double theta) {
    double rest = fmod(theta + PI, 2.0 * PI);
    return (rest < 0.0 ? rest + 2.0 * PI : rest) - PI;
}

static double clip(double x, double limit) { return fmax(-limit, fmin(x, limit)); }

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)game, (void)rng;
    pendulum_state *s = state;
    double torque = (double)io->actions[0];
    io->rewards[0] = -cost(from_upright(s->theta), s->theta_dot, torque);
    double pull = 3.0 * GRAVITY / (2.0 * LENGTH) * sin(s->theta) + 3.0 / (MASS * LENGTH * LENGTH) * torque;
    s->theta_dot = clip(s->theta_dot + pull * DT, SPEED_MAX);
    s->theta += s->theta_dot * DT;
    observe(s, io->obs);
}

static void read_state(const void *game, const void *state, double *readings) {
    (void)game;
    const pendulum_state *s = state;
    readings[0] = s->theta;
    readings[1] = s->theta_dot;
}

/* Upright is up, and a positive angle to the left, as counterclockwise is. */
static void render(const void *game, const void *state, const real *actions, FILE *out) {
    (void)game;
    const pendulum_state *s = state;
    double x = -LENGTH * sin(s->theta), y = LENGTH * cos(s->theta);
    control_picture p;
    control_picture_clear(&p, -LENGTH, LENGTH, -LENGTH, LENGTH, 6.0);
    for (double turn = 0.0; turn < 2.0 * PI; turn += PI / 12.0)
        control_picture_put(&p, LENGTH * sin(turn), LENGTH * cos(turn), '.');
    control_picture_line(&p, 0.0, 0.0, x, y);
    control_picture_put(&p, 0.0, 0.0, 'o');
    control_picture_put(&p, x, y, '@');
    control_picture_print(&p, out);
    fprintf(out, "  %+.1f degrees from upright (%s), %+.2f rad/s", from_upright(s->theta) * 180.0 / PI,
            sin(s->theta) >= 0.0 ? "left" : "right", s->theta_dot);
    if (actions) fprintf(out, "; torque %+.3f", clip((double)actions[0], TORQUE_MAX));
    fputc('\n', out);
}

const env_type env_pendulum = {
    .name = "pendulum",
    .doc = "swing a pendulum up and hold it there by a weak torque",
    .options = OPTIONS,
    .config_size = sizeof(pendulum_config),
    .create = create,
    .reset = reset,
    .step = step,
    .render = render,
    .read = read_state,
};
