/* toy_swing.h: a pendulum, linearised about its lowest point, whose swinging is to be stopped by pushing it:
 * a continuous task whose optimum is known. Position x and speed v start uniformly within -1..1; a push u, a
 * number from -3 to 3, moves it for h = 0.2:
 *
 *     v' = v + h (u - x),   x' = x + h v',   reward = -(x^2 + v^2 + 0.3 u^2),   50 decisions, then cut off
 *
 * Every cost is quadratic, so the best push is linear in (x, v) and the value is a quadratic form: with
 * s = (x, v), s' = A s + B u, A = [1 - h^2, h; -h, 1], B = [h^2; h], k decisions from the end
 * [Bertsekas 2017, Sec. 3.1]
 *
 *     V_k(s) = -s' P_k s,   u = -K_k s,   K_k = B' P_(k-1) A / (0.3 + B' P_(k-1) B),
 *     P_k = I + A' P_(k-1) (A - B K_k),   P_0 = 0,
 *
 * which is constant to five digits after thirty decisions:
 *
 *     K = (0.64614, 1.87332),   P = [7.39702, 0.96922; 0.96922, 3.80998].
 *
 * |u| is at most 2.52 from any start: the box never binds. A start has E x^2 = E v^2 = 1/3 and E x v = 0, so
 *
 *     return of the best policy     -(7.39702 + 3.80998) / 3 = -3.7357 on average
 *     return of one that never pushes                         -33.65
 *
 * Observation: x and v. */
#ifndef TESTS_TOY_SWING_H
#define TESTS_TOY_SWING_H

#include "envs/env.h"

#define TOY_SWING_STEP 0.2
#define TOY_SWING_EFFORT 0.3
#define TOY_SWING_OPTIMUM (-3.7357)

typedef struct toy_swing_config {
    int64_t horizon;
} toy_swing_config;
typedef struct toy_swing_state {
    double x, v;
} toy_swing_state;

static const fm_option TOY_SWING_OPTIONS[] = {
    FM_OPT_INT(toy_swing_config, horizon, "50", 1, 1000, "decisions", "length of an episode", ""),
    FM_OPT_END,
};

static fm_status toy_swing_create(const void *config, fm_arena *arena, void **game, env_facts *facts,
                                  fm_error *err) {
    (void)err;
    static const double LOW[] = {-3}, HIGH[] = {3};
    static const char *const READINGS[] = {"x", "v"};
    *game = fm_arena_array(arena, unsigned char, 1); /* nothing to remember */
    *facts = (env_facts){.name = "swing",
                         .title = "Swing",
                         .source = "the tests",
                         .horizon = ((const toy_swing_config *)config)->horizon,
                         .deterministic = true,
                         .state_size = sizeof(toy_swing_state),
                         .readings = 2,
                         .reading_name = READINGS};
    env_facts_agents(facts, 1, arena);
    /* A push adds at most 3 h to the speed, so that 1000 of them stay within these bounds. */
    facts->agent[0] =
        (env_agent){.name = "pusher", .obs_length = 2, .action = env_box(1, LOW, HIGH), .reward_low = -1e6};
    return FM_OK;
}

static void toy_swing_show(const toy_swing_state *s, env_io *io) {
    io->obs[0] = (real)s->x;
    io->obs[1] = (real)s->v;
}

static void toy_swing_reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)game;
    toy_swing_state *s = state;
    s->x = 2 * fm_rng_uniform(rng) - 1;
    s->v = 2 * fm_rng_uniform(rng) - 1;
    toy_swing_show(s, io);
}

static void toy_swing_step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)game, (void)rng;
    toy_swing_state *s = state;
    double u = (double)io->actions[0];
    io->rewards[0] = -(s->x * s->x + s->v * s->v + TOY_SWING_EFFORT * u * u);
    s->v += TOY_SWING_STEP * (u - s->x);
    s->x += TOY_SWING_STEP * s->v;
    toy_swing_show(s, io);
}

static void toy_swing_render(const void *game, const void *state, const real *actions, FILE *out) {
    (void)game, (void)actions;
    const toy_swing_state *s = state;
    fprintf(out, "x %.4f, v %.4f\n", s->x, s->v);
}

static void toy_swing_read(const void *game, const void *state, double *readings) {
    (void)game;
    readings[0] = ((const toy_swing_state *)state)->x;
    readings[1] = ((const toy_swing_state *)state)->v;
}

static const env_type TOY_SWING = {
    .name = "swing",
    .doc = "an environment for tests of continuous actions",
    .options = TOY_SWING_OPTIONS,
    .config_size = sizeof(toy_swing_config),
    .create = toy_swing_create,
    .reset = toy_swing_reset,
    .step = toy_swing_step,
    .render = toy_swing_render,
    .read = toy_swing_read,
};

#endif
