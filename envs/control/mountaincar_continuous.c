/* mountaincar_continuous.c: a car whose engine is too weak for the hill, so that it has to swing
 * [Moore 1990], as Gymnasium's MountainCarContinuous-v0 has it.
 *
 * The car's position is within -1.2..0.6 in a valley of height sin(3 position), its velocity within
 * -0.07..0.07 a decision. With the action a as it was chosen, and f = a brought into -1..1:
 *
 *     velocity' = clip(velocity + 0.0015 f - 0.0025 cos(3 position), -0.07, 0.07)
 *     position' = clip(position + velocity', -1.2, 0.6); a car at the left wall that moves left stops
 *     reward    = -0.1 a^2, and 100 more at the goal
 *
 * The goal is position >= 0.45 while velocity >= 0, which ends the episode; it is cut off after 999
 * decisions. The cost is of the action as chosen, bounds or not, so a policy that wants to push harder than
 * the engine can pays for it; the stated bounds of the reward are for actions within the box. An episode
 * starts at rest, uniformly within -0.6..-0.4, or at `start`.
 *
 * Gymnasium keeps both numbers in single precision and so rounds every operation on them, and the force
 * unless it is cut off at a bound. So does this, from the start on: the difference would grow, and some
 * episodes would end differently.
 *
 * Observation: position, velocity. */
#include <math.h>

#include "envs/control/picture.h"
#include "envs/control/start.h"
#include "envs/env.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define VARIABLES 2

#define ACTION_MAX 1.0
#define POSITION_LOW (-1.2)
#define POSITION_HIGH 0.6
#define SPEED_MAX 0.07
#define POWER 0.0015
#define GRAVITY 0.0025
#define GOAL 0.45f
#define GOAL_REWARD 100.0
#define ACTION_COST 0.1
#define START_LOW (-0.6)
#define START_HIGH (-0.4)
#define HORIZON 999

typedef struct mountaincar_config { char start[FM_TEXT_MAX]; } mountaincar_config;

typedef struct mountaincar_state { float position, velocity; } mountaincar_state;

static const fm_option OPTIONS[] = {
    FM_OPT_TEXT(mountaincar_config, start, "", "position:velocity at the start; empty: drawn"),
    FM_OPT_END,
};

static const char *const READINGS[VARIABLES] = {"position", "velocity"};
static const double LOW[VARIABLES] = {POSITION_LOW, -SPEED_MAX}, HIGH[VARIABLES] = {POSITION_HIGH, SPEED_MAX};
static const double ACTION_LOW[] = {-ACTION_MAX}, ACTION_HIGH[] = {ACTION_MAX};

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    const mountaincar_config *c = config;
    control_start *start = fm_arena_array(arena, control_start, 1);
    const control_variables variables = {VARIABLES, READINGS, LOW, HIGH};
    if (control_start_read(c->start, &variables, start, err) != FM_OK) return FM_BAD;
    *game = start;
    *facts = (env_facts){
        .name = "mountaincar-continuous",
        .title = "Mountain car: a car with a weak engine swings itself up a hill",
        .source = "Moore 1990; Gymnasium's MountainCarContinuous-v0",
        .horizon = HORIZON,
        .raw_actions = true,
        .deterministic = true,
        .state_size = sizeof(mountaincar_state),
        .readings = VARIABLES,
        .reading_name = READINGS,
    };
    env_facts_agents(facts, 1, arena);
    facts->agent[0] = (env_agent){.name = "agent",
                                  .obs_length = VARIABLES,
                                  .action = env_box(1, ACTION_LOW, ACTION_HIGH),
                                  .reward_low = -ACTION_COST * ACTION_MAX * ACTION_MAX,
                                  .reward_high = GOAL_REWARD};
    return FM_OK;
}

static void observe(const mountaincar_state *s, real *obs) {
    obs[0] = (real)s->position;
    obs[1] = (real)s->velocity;
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    const control_start *start = game;
    mountaincar_state *s = state;
    s->position = (float)(start->given ? start->value[0]
                                       : START_LOW + (START_HIGH - START_LOW) * fm_rng_uniform(rng));
    s->velocity = start->given ? (float)start->value[1] : 0.0f;
    observe(s, io->obs);
}

static float clip(float x, double low, double high) { return fmaxf((float)low, fminf(x, (float)high)); }

/* A force cut off at a bound is no single number any more. */
static void move(mountaincar_state *s, float action) {
    double pull = GRAVITY * cos((double)(3.0f * s->position));
    float change = fabsf(action) > (float)ACTION_MAX ? (float)(copysign(POWER, (double)action) - pull)
                                                     : (float)POWER * action - (float)pull;
    s->velocity = clip(s->velocity + change, -SPEED_MAX, SPEED_MAX);
    s->position = clip(s->position + s->velocity, POSITION_LOW, POSITION_HIGH);
    if (s->position <= (float)POSITION_LOW && s->velocity < 0.0f) s->velocity = 0.0f;
}

static bool is_there(const mountaincar_state *s) { return s->position >= GOAL && s->velocity >= 0.0f; }

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)game, (void)rng;
    mountaincar_state *s = state;
    double action = (double)io->actions[0];
    move(s, (float)action);
    io->terminated = is_there(s);
    io->rewards[0] = (io->terminated ? GOAL_REWARD : 0.0) - ACTION_COST * (action * action);
    observe(s, io->obs);
}

static void read_state(const void *game, const void *state, double *readings) {
    (void)game;
    const mountaincar_state *s = state;
    readings[0] = (double)s->position;
    readings[1] = (double)s->velocity;
}

/* The hills half as high as they are. */
static double height(double position) { return 0.25 * sin(3.0 * position); }

static void render(const void *game, const void *state, const real *actions, FILE *out) {
    (void)game;
    const mountaincar_state *s = state;
    const double rows = control_picture_scale(out, POSITION_HIGH - POSITION_LOW, 20.0), row = 1.0 / rows;
    const double goal = (double)GOAL, car = (double)s->position;
    control_picture p;
    control_picture_clear(&p, POSITION_LOW, POSITION_HIGH, -0.25, 0.25 + 2.0 * row, rows);
    for (int i = 0; i < p.columns; i++) {
        double x = POSITION_LOW + i * row / 2.0;
        control_picture_put(&p, x, height(x), '.');
    }
    control_picture_put(&p, goal, height(goal) + row, '|');
    control_picture_put(&p, goal, height(goal) + 2.0 * row, '|');
    control_picture_put(&p, goal + row / 2.0, height(goal) + 2.0 * row, '>');
    control_picture_put(&p, car, height(car) + row, 'O');
    control_picture_print(&p, out);
    fprintf(out, "  position %+.4f, velocity %+.5f", car, (double)s->velocity);
    if (actions) fprintf(out, "; pushed %+.3f", (double)clip((float)actions[0], -ACTION_MAX, ACTION_MAX));
    if (is_there(s)) fprintf(out, ": at the goal");
    fputc('\n', out);
}

const env_type env_mountaincar_continuous = {
    .name = "mountaincar-continuous",
    .doc = "swing a car with a weak engine up a hill; every push costs",
    .options = OPTIONS,
    .config_size = sizeof(mountaincar_config),
    .create = create,
    .reset = reset,
    .step = step,
    .render = render,
    .read = read_state,
};
