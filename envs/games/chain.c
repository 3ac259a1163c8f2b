/* chain.c: N agents hang a chain between two posts: a continuous cooperative task whose best joint action is
 * known for any number of agents, for claims about many of them.
 *
 * Each episode draws the heights of the posts, l and g, uniformly from -1..1. Agent i = 0..N-1 chooses the
 * height a_i in -1..1 of its end of a link, in this order along the chain; the N + 1 links rise by
 *     d_0 = a_0 - l,   d_i = a_i - a_(i-1),   d_N = g - a_(N-1).
 * The common reward is minus the sum of squares by which the links differ from an even rise,
 *     r = -sum_i (d_i - d)^2 = (g - l)^2 / (N + 1) - sum_i d_i^2,   d = (g - l) / (N + 1),
 * the two being equal because sum_i d_i = g - l. One decision ends the episode.
 *
 * Optimum: r <= 0 is a sum of squares, and 0 exactly when all links rise by d: a_i = l + (i + 1) d, which
 * lies between the posts, so within the box. The best return is thus 0, for every N and all posts.
 *
 * What the order is for: whatever agents 0..i-1 did, links i..N have to lead from a_(i-1) to g, and their
 * squares add up to least when they rise evenly; so the best answer of agent i, when those after it answer
 * well, is
 *     a_i = a_(i-1) + (g - a_(i-1)) / (N + 1 - i),
 * which repairs every slip of an agent before it as far as can be, and needs g and a_(i-1) only.
 * Observations are made for that: all agents see g, only agent 0 sees l (2 numbers: l or 0, then g); the
 * centralised state is (l, g). An agent that does not see what was done before it can at best know g.
 *
 * The team of which nobody sees another's action, by these observations ("blind"): a_1.. depend on g alone.
 * Given a_1, agent 0 does best halfway, a_0 = (l + a_1) / 2, which costs (l - a_1)^2 / 2 in links 0 and 1, on
 * average over l (mean 0, variance 1/3) 1/6 + a_1^2 / 2; the N - 1 links after it cost (g - a_1)^2 / (N - 1)
 * when they rise evenly. The sum is least at a_1 = 2 g / (N + 1), where it is 1/6 + g^2 / (N + 1), on average
 * over g 1/6 + 1/3 / (N + 1). As the mean of (g - l)^2 / (N + 1) is 2/3 / (N + 1), the best mean return is
 *     -1/6 - 1/3 / (N + 1) + 2/3 / (N + 1) = -(N - 1) / (6 (N + 1)).
 * So a return above it proves that agents answer each other, or see more than their observation.
 *
 * A uniformly random team gets -2/3 N (N + 2) / (N + 1). The reward is not divided by N: what an agent loses
 * by a slip is the same in a chain of 2 and of 64. */
#include <string.h>

#include "base/text.h"
#include "envs/env.h"

#define AGENTS_MAX 64
#define OBS 2

typedef struct chain_config { int64_t agents; } chain_config;

static const fm_option OPTIONS[] = {
    FM_OPT_INT(chain_config, agents, "8", 2, AGENTS_MAX, "agents", "length of the chain", "N"),
    FM_OPT_END,
};

typedef struct chain_game {
    int agents;
    double low[1], high[1]; /* the box of every agent */
} chain_game;

/* Before the action, `hung` is 0 and the heights mean nothing. */
typedef struct chain_state {
    double left, right, height[AGENTS_MAX];
    int64_t hung;
} chain_state;

/* ---- the game ---- */

static void observe(const chain_game *g, const chain_state *s, env_io *io) {
    for (int i = 0; i < g->agents; i++) {
        io->obs[i * OBS] = i == 0 ? (real)s->left : 0;
        io->obs[i * OBS + 1] = (real)s->right;
    }
    io->central[0] = (real)s->left;
    io->central[1] = (real)s->right;
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    chain_state *s = state;
    memset(s, 0, sizeof *s);
    s->left = 2 * fm_rng_uniform(rng) - 1;
    s->right = 2 * fm_rng_uniform(rng) - 1;
    observe(game, s, io);
}

static double reward(const chain_game *g, const chain_state *s) {
    double even = (s->right - s->left) / (g->agents + 1), before = s->left, sum = 0;
    for (int i = 0; i <= g->agents; i++) {
        double after = i < g->agents ? s->height[i] : s->right, slip = after - before - even;
        sum += slip * slip;
        before = after;
    }
    return -sum;
}

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    const chain_game *g = game;
    chain_state *s = state;
    for (int i = 0; i < g->agents; i++) s->height[i] = (double)io->actions[i];
    s->hung = 1;
    double r = reward(g, s);
    for (int i = 0; i < g->agents; i++) io->rewards[i] = r;
    io->terminated = true;
    observe(g, s, io);
}

static void read_state(const void *game, const void *state, double *readings) {
    const chain_game *g = game;
    const chain_state *s = state;
    *readings++ = s->left;
    *readings++ = s->right;
    for (int i = 0; i < g->agents; i++) *readings++ = s->hung ? s->height[i] : FM_ABSENT;
}

/* ---- the picture: a column per agent, posts at both ends, a row per fifth ---- */

#define ROWS 11

static int row_of(double height) { return (int)((1 - height) * (ROWS - 1) / 2 + 0.5); }

static void render(const void *game, const void *state, const real *actions, FILE *out) {
    const chain_game *g = game;
    const chain_state *s = state;
    char p[ROWS][AGENTS_MAX + 2];
    memset(p, ' ', sizeof p);
    for (int row = ROWS - 1; row >= row_of(s->left); row--) p[row][0] = '|';
    for (int row = ROWS - 1; row >= row_of(s->right); row--) p[row][g->agents + 1] = '|';
    for (int i = 0; s->hung && i < g->agents; i++) p[row_of(s->height[i])][i + 1] = 'o';
    for (int row = 0; row < ROWS; row++) {
        int length = g->agents + 2;
        while (length > 0 && p[row][length - 1] == ' ') length--;
        fprintf(out, "  %4.1f %.*s\n", 1 - row / 5.0, length, p[row]);
    }
    fprintf(out, "  posts %.3f and %.3f", s->left, s->right);
    if (actions) fprintf(out, ", reward %.6g", reward(g, s));
    fputc('\n', out);
}

/* ---- facts ---- */

static const char *numbered(const char *name, int i, fm_arena *arena) {
    char text[32];
    fm_text_format(text, sizeof text, "%s%d", name, i);
    return fm_arena_text(arena, text);
}

static env_solution solution_of(const char *concept, const char *label, double value, int agents,
                                fm_arena *arena) {
    double *values = fm_arena_array(arena, double, (size_t)agents);
    for (int i = 0; i < agents; i++) values[i] = value;
    return (env_solution){.concept = concept, .label = label, .value = values, .source = "closed form"};
}

static void fill_facts(chain_game *g, env_facts *facts, fm_arena *arena) {
    int n = g->agents;
    facts->title = "Chain: agents hang a chain evenly between two posts, one after the other";
    facts->source = "ours; optimum in closed form";
    facts->central_length = 2;
    facts->horizon = 1;
    facts->rewards = ENV_COMMON;
    facts->deterministic = true;
    facts->state_size = sizeof(chain_state);
    facts->readings = 2 + n;
    const char **names = fm_arena_array(arena, const char *, (size_t)facts->readings);
    names[0] = "left";
    names[1] = "right";
    env_facts_agents(facts, n, arena);
    for (int i = 0; i < n; i++) {
        names[2 + i] = numbered("height_", i, arena);
        /* A link rises by 2 at most, and squares about a mean add up to no more than those about 0. */
        facts->agent[i] = (env_agent){.name = numbered("agent ", i, arena),
                                      .level = i,
                                      .obs_length = OBS,
                                      .action = env_box(1, g->low, g->high),
                                      .reward_low = -4.0 * (n + 1),
                                      .reward_high = 0};
    }
    facts->reading_name = names;
    env_solution *solution = fm_arena_array(arena, env_solution, 2);
    solution[0] = solution_of("stackelberg", "even links", 0, n, arena);
    solution[1] = solution_of("blind", "nobody sees what another did", -(n - 1) / (6.0 * (n + 1)), n, arena);
    facts->solution = solution;
    facts->solutions = 2;
}

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    (void)err;
    chain_game *g = fm_arena_array(arena, chain_game, 1);
    *g = (chain_game){.agents = (int)((const chain_config *)config)->agents, .low = {-1}, .high = {1}};
    fill_facts(g, facts, arena);
    *game = g;
    return FM_OK;
}

const env_type env_chain = {
    .name = "chain",
    .doc = "continuous, common interest: up to 64 agents hang a chain evenly, one after the other",
    .options = OPTIONS,
    .config_size = sizeof(chain_config),
    .create = create,
    .reset = reset,
    .step = step,
    .render = render,
    .read = read_state,
};
