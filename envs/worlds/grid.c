/* grid.c: two agents who must meet on one of two squares, after the example of [Zhang 2020, Fig. 1].
 *
 * The figure's caption says: a cooperative game; A and B move at the same time and receive the common reward
 * only when both are on the "10" square or both on the "20" square; policies that lead both to 10 and
 * policies that lead both to 20 are Nash equilibria, and only those that lead both to 20 are Stackelberg
 * equilibria.
 *
 * The squares' places are only in the picture, so this layout is ours:
 *
 *     y = 2   A . B      A and B start in the upper corners. A move goes one square up, down, left or right,
 *     y = 1   . . .      or stays; one off the grid stays too. Both may stand on one square. The reward ends
 *     y = 0  10 . 20     the episode, and so do `horizon` (8) moves without it.
 *      x =    0 1 2
 *
 * It is symmetric: each agent is two moves from one of the squares and four from the other, so a meeting on
 * 10 and one on 20 both take four moves at least. Thus for every discount 20 is better for both than 10, and
 * 10 better than no meeting; an agent that leaves the common way alone gets nothing; and the only difficulty
 * is to agree. The order of leadership settles it: A commits first.
 *
 * Observation of both agents, 18 numbers: one-hot of A's square (x + 3 y), one-hot of B's. */
#include "envs/env.h"

#define SIDE 3
#define SQUARES (SIDE * SIDE)
#define MOVES 5

typedef struct grid_config { int64_t horizon; } grid_config;

/* Where both agents are; fields of four bytes, no padding. */
typedef struct grid_state { int32_t x[2], y[2]; } grid_state;

enum { BOTH_AT_10, BOTH_AT_20, NEITHER };

static const fm_option OPTIONS[] = {
    FM_OPT_INT(grid_config, horizon, "8", 4, 1000, "moves", "length of an episode without a meeting", ""),
    FM_OPT_END,
};

static const char *const LABELS[MOVES] = {"up", "down", "left", "right", "stay"};
static const int32_t MOVE_X[MOVES] = {0, 0, -1, 1, 0}, MOVE_Y[MOVES] = {1, -1, 0, 0, 0};
static const char *const OUTCOMES[] = {"both at 10", "both at 20", "neither"};
static const char *const READINGS[] = {"x_0", "y_0", "x_1", "y_1", "reward"};
static const char PAPER[] = "Zhang 2020, Figure 1";
static const double AT_20[] = {20.0, 20.0}, AT_10[] = {10.0, 10.0};
static const env_solution SOLUTIONS[] = {
    {.concept = "stackelberg", .label = "both at 20", .value = AT_20, .source = PAPER},
    {.concept = "nash", .label = "both at 20", .value = AT_20, .source = PAPER},
    {.concept = "nash", .label = "both at 10", .value = AT_10, .source = PAPER},
};

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    (void)err;
    const grid_config *c = config;
    *game = fm_arena_array(arena, unsigned char, 1); /* nothing to remember: the layout is fixed */
    *facts = (env_facts){
        .name = "grid",
        .title = "Grid: two agents meet on the square worth 10 or on the one worth 20",
        .source = "Zhang 2020, Figure 1; layout ours",
        .horizon = c->horizon,
        .rewards = ENV_COMMON,
        .deterministic = true,
        .state_size = sizeof(grid_state),
        .readings = sizeof READINGS / sizeof *READINGS,
        .reading_name = READINGS,
        .outcomes = sizeof OUTCOMES / sizeof *OUTCOMES,
        .outcome_name = OUTCOMES,
        .solutions = sizeof SOLUTIONS / sizeof *SOLUTIONS,
        .solution = SOLUTIONS,
    };
    env_facts_agents(facts, 2, arena);
    for (int i = 0; i < 2; i++)
        facts->agent[i] = (env_agent){.name = i == 0 ? "A" : "B",
                                      .level = i,
                                      .obs_length = 2 * SQUARES,
                                      .action = env_discrete(MOVES, LABELS),
                                      .reward_high = 20.0};
    return FM_OK;
}

/* Worth of a square to agents who are both on it. */
static double worth(int32_t x, int32_t y) { return y > 0 ? 0.0 : x == 0 ? 10.0 : x == SIDE - 1 ? 20.0 : 0.0; }

static double common_reward(const grid_state *s) {
    return s->x[0] == s->x[1] && s->y[0] == s->y[1] ? worth(s->x[0], s->y[0]) : 0.0;
}

static void observe(const grid_state *s, real *obs) {
    for (int viewer = 0; viewer < 2; viewer++)
        for (int i = 0; i < 2; i++, obs += SQUARES)
            for (int32_t square = 0; square < SQUARES; square++)
                obs[square] = (real)(square == s->x[i] + SIDE * s->y[i]);
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)game, (void)rng;
    grid_state *s = state;
    *s = (grid_state){.x = {0, SIDE - 1}, .y = {SIDE - 1, SIDE - 1}};
    observe(s, io->obs);
}

static int32_t within(int32_t at) { return at < 0 ? 0 : at >= SIDE ? SIDE - 1 : at; }

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)game, (void)rng;
    grid_state *s = state;
    for (int i = 0; i < 2; i++) {
        int move = (int)io->actions[i];
        FM_CHECK(move >= 0 && move < MOVES, "grid: move %d of %d", move, MOVES);
        s->x[i] = within(s->x[i] + MOVE_X[move]);
        s->y[i] = within(s->y[i] + MOVE_Y[move]);
    }
    io->rewards[0] = io->rewards[1] = common_reward(s);
    io->terminated = io->rewards[0] > 0.0;
    observe(s, io->obs);
}

static int outcome(const void *game, const void *state) {
    (void)game;
    double reward = common_reward(state);
    return reward == 10.0 ? BOTH_AT_10 : reward == 20.0 ? BOTH_AT_20 : NEITHER;
}

static void read_state(const void *game, const void *state, double *readings) {
    (void)game;
    const grid_state *s = state;
    for (int i = 0; i < 2; i++) {
        *readings++ = s->x[i];
        *readings++ = s->y[i];
    }
    *readings = common_reward(s);
}

static void render(const void *game, const void *state, const real *actions, FILE *out) {
    const grid_state *s = state;
    for (int32_t y = SIDE - 1; y >= 0; y--) {
        fprintf(out, "  ");
        for (int32_t x = 0; x < SIDE; x++) {
            const char *a = s->x[0] == x && s->y[0] == y ? "A" : "";
            const char *b = s->x[1] == x && s->y[1] == y ? "B" : "";
            const char *prize = worth(x, y) == 10.0 ? "10" : worth(x, y) == 20.0 ? "20" : "";
            char text[8];
            snprintf(text, sizeof text, "%s%s%s%s", a, b, (*a || *b) && *prize ? " " : "", prize);
            fprintf(out, "[%-5s]", text);
        }
        fputc('\n', out);
    }
    if (actions) fprintf(out, "  A went %s, B went %s", LABELS[(int)actions[0]], LABELS[(int)actions[1]]);
    else fprintf(out, "  A and B start");
    if (common_reward(s) > 0.0) fprintf(out, ": %s", OUTCOMES[outcome(game, s)]);
    fputc('\n', out);
}

const env_type env_grid = {
    .name = "grid",
    .doc = "two agents meet on the square worth 10 or on the one worth 20",
    .options = OPTIONS,
    .config_size = sizeof(grid_config),
    .create = create,
    .reset = reset,
    .step = step,
    .render = render,
    .read = read_state,
    .outcome = outcome,
};
