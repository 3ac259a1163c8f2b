/* cartpole.c: a pole on a cart that is pushed left or right [Barto 1983], as Gymnasium's CartPole-v1 has it.
 *
 * x is the cart's place (m), theta the pole's lean from upright (rad, to the right). With the force F of 10 N
 * to the left or right, cart M = 1 kg, pole m = 0.1 kg of half length l = 0.5 m, g = 9.8 [Florian 2007,
 * without friction]:
 *
 *     u        = (F + m l theta_dot^2 sin theta) / (M + m)
 *     theta_dd = (g sin theta - u cos theta) / (l (4/3 - m cos^2 theta / (M + m)))
 *     x_dd     = u - m l theta_dd cos theta / (M + m)
 *
 * and one explicit Euler step of 0.02 s per decision. The episode ends when |x| > 2.4 or |theta| > 12
 * degrees, and is cut off after `limit` decisions; every decision earns 1, the last one too. An episode
 * starts with all four variables uniform within -0.05..0.05, or at `start`.
 *
 * Observation: x, x_dot, theta, theta_dot. CartPole-v0 is `limit=200`; with `timeout_terminal` the limit ends
 * the episode by its rules, as if the pole had fallen, which is what early programs did. */
#include <math.h>

#include "envs/control/picture.h"
#include "envs/control/start.h"
#include "envs/env.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define PI 3.14159265358979323846
#define VARIABLES 4

#define GRAVITY 9.8
#define POLE_MASS 0.1
#define TOTAL_MASS (POLE_MASS + 1.0)
#define HALF_LENGTH 0.5
#define MOMENT (POLE_MASS * HALF_LENGTH)
#define FORCE 10.0
#define DT 0.02
#define X_MAX 2.4
#define THETA_MAX (12.0 * 2.0 * PI / 360.0)
#define START_MAX 0.05

typedef struct cartpole_config {
    int64_t limit;
    bool timeout_terminal;
    char start[FM_TEXT_MAX];
} cartpole_config;

typedef struct cartpole_game {
    int64_t end; /* decisions after which the rules end an episode; 0: never */
    control_start start;
} cartpole_game;

typedef struct cartpole_state {
    double x, x_dot, theta, theta_dot;
    int64_t decisions;
} cartpole_state;

static const fm_option OPTIONS[] = {
    FM_OPT_INT(cartpole_config, limit, "500", 1, 1000000, "decisions",
               "length of an episode in which the pole stays up", ""),
    FM_OPT_BOOL(cartpole_config, timeout_terminal, "false",
                "the limit ends an episode as a fall does, instead of cutting it off", ""),
    FM_OPT_TEXT(cartpole_config, start, "", "x:x_dot:theta:theta_dot at the start (m, rad, s); empty: drawn"),
    FM_OPT_END,
};

static const char *const LABELS[] = {"left", "right"};
static const char *const READINGS[VARIABLES] = {"x", "x_dot", "theta", "theta_dot"};
static const double HIGH[VARIABLES] = {2.0 * X_MAX, INFINITY, 2.0 * THETA_MAX, INFINITY};
static const double LOW[VARIABLES] = {-2.0 * X_MAX, -INFINITY, -2.0 * THETA_MAX, -INFINITY};

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    const cartpole_config *c = config;
    cartpole_game *g = fm_arena_array(arena, cartpole_game, 1);
    const control_variables variables = {VARIABLES, READINGS, LOW, HIGH};
    if (control_start_read(c->start, &variables, &g->start, err) != FM_OK) return FM_BAD;
    g->end = c->timeout_terminal ? c->limit : 0;
    *game = g;
    *facts = (env_facts){
        .name = "cartpole",
        .title = "CartPole: push a cart so that the pole on it stays up",
        .source = "Barto 1983; Gymnasium's CartPole-v1",
        .horizon = c->limit,
        .deterministic = true,
        .state_size = sizeof(cartpole_state),
        .readings = VARIABLES,
        .reading_name = READINGS,
    };
    env_facts_agents(facts, 1, arena);
    facts->agent[0] = (env_agent){.name = "agent",
                                  .obs_length = VARIABLES,
                                  .action = env_discrete(2, LABELS),
                                  .reward_low = 1.0,
                                  .reward_high = 1.0};
    return FM_OK;
}

static void observe(const cartpole_state *s, real *obs) {
    obs[0] = (real)s->x;
    obs[1] = (real)s->x_dot;
    obs[2] = (real)s->theta;
    obs[3] = (real)s->theta_dot;
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    const cartpole_game *g = game;
    cartpole_state *s = state;
    double v[VARIABLES];
    for (int i = 0; i < VARIABLES; i++)
        v[i] = g->start.given ? g->start.value[i] : START_MAX * (2.0 * fm_rng_uniform(rng) - 1.0);
    *s = (cartpole_state){.x = v[0], .x_dot = v[1], .theta = v[2], .theta_dot = v[3]};
    observe(s, io->obs);
}

static void move(cartpole_state *s, double force) {
    double sine = sin(s->theta), cosine = cos(s->theta);
    double u = (force + MOMENT * (s->theta_dot * s->theta_dot) * sine) / TOTAL_MASS;
    double theta_dd = (GRAVITY * sine - cosine * u) /
                      (HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * (cosine * cosine) / TOTAL_MASS));
    double x_dd = u - MOMENT * theta_dd * cosine / TOTAL_MASS;
    s->x += DT * s->x_dot;
    s->x_dot += DT * x_dd;
    s->theta += DT * s->theta_dot;
    s->theta_dot += DT * theta_dd;
}

static bool has_failed(const cartpole_state *s) { return fabs(s->x) > X_MAX || fabs(s->theta) > THETA_MAX; }

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    const cartpole_game *g = game;
    cartpole_state *s = state;
    move(s, io->actions[0] > 0 ? FORCE : -FORCE);
    s->decisions++;
    io->rewards[0] = 1.0;
    io->terminated = has_failed(s) || s->decisions == g->end;
    observe(s, io->obs);
}

static void read_state(const void *game, const void *state, double *readings) {
    (void)game;
    const cartpole_state *s = state;
    readings[0] = s->x;
    readings[1] = s->x_dot;
    readings[2] = s->theta;
    readings[3] = s->theta_dot;
}

/* True to scale except for the lean, which would be three columns at the most. */
static void render(const void *game, const void *state, const real *actions, FILE *out) {
    (void)game;
    const cartpole_state *s = state;
    const double rows = control_picture_scale(out, 2.0 * X_MAX, 7.5), row = 1.0 / rows, column = row / 2.0;
    const double pole = 2.0 * HALF_LENGTH;
    double lean = 3.0 * s->theta;
    control_picture p;
    control_picture_clear(&p, -X_MAX, X_MAX, -row, pole, rows);
    control_picture_line(&p, -X_MAX, -row, X_MAX, -row);
    for (int i = -1; i <= 1; i++) control_picture_put(&p, i * X_MAX, -row, '+');
    control_picture_line(&p, s->x, 0.0, s->x + pole * sin(lean), pole * cos(lean));
    for (int i = 0; i < 5; i++) control_picture_put(&p, s->x + (i - 2) * column, 0.0, "[=o=]"[i]);
    control_picture_print(&p, out);
    fprintf(out, "  cart at %+.3f m, %+.3f m/s", s->x, s->x_dot);
    if (actions) fprintf(out, "; pushed %s", LABELS[(int)actions[0]]);
    fprintf(out, "\n  pole leans %+.2f degrees (drawn threefold), %+.1f degrees/s%s\n", s->theta * 180.0 / PI,
            s->theta_dot * 180.0 / PI, has_failed(s) ? ": failed" : "");
}

const env_type env_cartpole = {
    .name = "cartpole",
    .doc = "push a cart left or right so that the pole on it stays up",
    .options = OPTIONS,
    .config_size = sizeof(cartpole_config),
    .create = create,
    .reset = reset,
    .step = step,
    .render = render,
    .read = read_state,
};
