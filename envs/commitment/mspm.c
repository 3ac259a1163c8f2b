/* mspm.c: the message sequential price mechanism: one item, two buyers with private values, and a mechanism
 * that visits them one after the other and names prices.
 *
 * Paper: Brero et al., "Stackelberg POMDP", 2022. Buyers see their values and send one of `messages` each.
 * The mechanism then sees the messages and who is left, gives each buyer a score, and names a price: it
 * visits the buyer with the highest score of those left (the first of equally high ones), who buys if its
 * value is at least the price. It ends when the item is sold or nobody is left; then the mechanism earns
 * the buyer's value less the higher of the two values, which is the welfare that was lost, and the buyer
 * value - price.
 *
 *     setting=grid  values uniform on `values` equally spaced points from 0 to 1, 0 and 1 among them
 *     setting=pi    the first buyer's is 0.2 (probability 0.8) or 1; the second's 0 or 0.4 (0.5 each)
 *
 *     observation  buyer: one-hot of its value; mechanism: one-hot of messages and who is left, messages^2
 *                  times (both, the first, the second)
 *     action       buyers: a message; then, once or twice, the mechanism: two scores and a price in [0, 1]
 *
 * The known solution, without messages (messages=1), is by trying both orders and all prices that are
 * values. With more messages none is stated; in the setting pi two are enough to lose nothing [Brero 2022].
 *
 * Deviations: the mechanism's observation is a one-hot of what the flags and messages of the paper say. */
#include <math.h>
#include <string.h>

#include "envs/env.h"

typedef enum setting { GRID, PI } setting; /* ORDER: the choices of the option */

typedef struct mspm_config {
    int64_t setting, values, messages;
} mspm_config;

static const fm_option OPTIONS[] = {
    FM_OPT_CHOICE(mspm_config, setting, "grid", "grid|pi", "the laws of the buyers' values", ""),
    FM_OPT_INT(mspm_config, values, "3", 2, 64, "points", "setting=grid: values that a buyer may have", "k"),
    FM_OPT_INT(mspm_config, messages, "2", 1, 16, "", "that a buyer can choose from", "m"),
    FM_OPT_END,
};

#define VALUES_MAX 64
#define WHOLE 1e-6 /* a price may be more than a value by its rounding to float */

typedef struct mspm {
    int values, messages;
    double value[2][VALUES_MAX], chance[2][VALUES_MAX];
} mspm;

/* Messages are -1 before they are sent; `left` is a bit for each buyer; buyer is who bought, -1 nobody. */
typedef struct play {
    int64_t type[2], message[2], left, buyer;
    double price;
} play;

enum { BOTH = 3, LEADER_NUMBERS = 3 };

static int situations(const mspm *g) { return 3 * g->messages * g->messages; }

static void show(const mspm *g, const play *p, env_io *io) {
    const bool sent = p->message[0] >= 0;
    memset(io->obs, 0, (size_t)(situations(g) + 2 * g->values) * sizeof *io->obs);
    if (sent && p->left) {
        int64_t who = p->left == BOTH ? 0 : p->left; /* both, the first, the second */
        io->obs[(who * g->messages + p->message[0]) * g->messages + p->message[1]] = 1;
    }
    for (int i = 0; i < 2; i++) io->obs[situations(g) + i * g->values + p->type[i]] = 1;
    io->active[0] = sent;
    io->active[1] = io->active[2] = !sent;
}

static int draw(const double *chance, int n, fm_rng *rng) {
    double at = fm_rng_uniform(rng);
    for (int k = 0; k + 1 < n; k++)
        if ((at -= chance[k]) < 0) return k;
    return n - 1;
}

/* Profiles of values are numbered by the first buyer's, then the second's. */
static void start(const void *game, void *state, int profile, env_io *io) {
    const mspm *g = game;
    play *p = state;
    *p = (play){
        .type = {profile / g->values, profile % g->values}, .message = {-1, -1}, .left = BOTH, .buyer = -1};
    show(g, p, io);
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    const mspm *g = game;
    int first = draw(g->chance[0], g->values, rng);
    start(game, state, first * g->values + draw(g->chance[1], g->values, rng), io);
}

static double value_of(const mspm *g, const play *p, int64_t buyer) {
    return g->value[buyer][p->type[buyer]];
}

/* Visits the buyer with the best score of those left. */
static void visit(const mspm *g, play *p, const real *action) {
    int64_t first = p->left & 1 ? 0 : 1;
    int64_t who = p->left == BOTH && action[1] > action[0] ? 1 : first;
    p->price = (double)action[2];
    p->left &= ~((int64_t)1 << who);
    if (value_of(g, p, who) >= p->price - WHOLE) p->buyer = who;
}

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    const mspm *g = game;
    play *p = state;
    if (p->message[0] < 0) {
        for (int i = 0; i < 2; i++) p->message[i] = (int64_t)io->actions[LEADER_NUMBERS + i];
    } else {
        visit(g, p, io->actions);
        io->terminated = p->buyer >= 0 || p->left == 0;
    }
    if (p->buyer >= 0) {
        io->rewards[0] = value_of(g, p, p->buyer);
        io->rewards[1 + p->buyer] = value_of(g, p, p->buyer) - p->price;
    }
    if (io->terminated) io->rewards[0] -= fmax(value_of(g, p, 0), value_of(g, p, 1));
    show(g, p, io);
}

static const char *const READINGS[] = {"value_0", "value_1", "message_0", "message_1", "price", "buyer"};

static void read_play(const void *game, const void *state, double *readings) {
    const play *p = state;
    for (int i = 0; i < 2; i++) {
        readings[i] = value_of(game, p, i);
        readings[2 + i] = p->message[i] < 0 ? FM_ABSENT : (double)p->message[i];
    }
    readings[4] = p->left == BOTH ? FM_ABSENT : p->price;
    readings[5] = p->buyer < 0 ? FM_ABSENT : (double)p->buyer;
}

static void render(const void *game, const void *state, const real *actions, FILE *out) {
    (void)actions;
    const play *p = state;
    fprintf(out, "  values %g, %g", value_of(game, p, 0), value_of(game, p, 1));
    if (p->message[0] >= 0)
        fprintf(out, ", messages %lld, %lld", (long long)p->message[0], (long long)p->message[1]);
    if (p->left != BOTH) fprintf(out, ", price %g", p->price);
    if (p->buyer >= 0) fprintf(out, ": sold to buyer %lld", (long long)p->buyer);
    fputc('\n', out);
}

/* ---- facts ---- */

/* Expected rewards when buyer `first` is offered the item at its value t1, then the other at its value t2. */
static void expect(const mspm *g, int first, int t1, int t2, double value[3]) {
    const int second = 1 - first;
    value[0] = value[1] = value[2] = 0;
    for (int a = 0; a < g->values; a++)
        for (int b = 0; b < g->values; b++) {
            const double chance = g->chance[first][a] * g->chance[second][b];
            const double va = g->value[first][a], vb = g->value[second][b];
            const double pa = g->value[first][t1], pb = g->value[second][t2];
            value[0] -= chance * fmax(va, vb);
            if (va >= pa - WHOLE) {
                value[0] += chance * va;
                value[1 + first] += chance * (va - pa);
            } else if (vb >= pb - WHOLE) {
                value[0] += chance * vb;
                value[1 + second] += chance * (vb - pb);
            }
        }
}

static void solve_without_messages(const mspm *g, double best[3]) {
    double value[3];
    best[0] = -INFINITY;
    for (int first = 0; first < 2; first++)
        for (int t1 = 0; t1 < g->values; t1++)
            for (int t2 = 0; t2 < g->values; t2++) {
                expect(g, first, t1, t2, value);
                if (value[0] > best[0] + 1e-12) memcpy(best, value, sizeof value);
            }
}

static void fill_solution(const mspm *g, const mspm_config *c, fm_arena *arena, env_facts *facts) {
    env_solution *solution = fm_arena_array(arena, env_solution, 1);
    double *value = fm_arena_array(arena, double, 3);
    if (c->messages > 1) return;
    solve_without_messages(g, value);
    *solution = (env_solution){
        .concept = "stackelberg", .label = "the best order and prices", .value = value, .source = "exact"};
    facts->solution = solution;
    facts->solutions = 1;
}

static void fill_starts(const mspm *g, fm_arena *arena, env_facts *facts) {
    double *chance = fm_arena_array(arena, double, (size_t)(g->values * g->values));
    facts->starts = g->values * g->values;
    facts->start_chance = chance;
    for (int k = 0; k < facts->starts; k++)
        chance[k] = g->chance[0][k / g->values] * g->chance[1][k % g->values];
}

static void fill_values(mspm *g, const mspm_config *c) {
    static const double VALUE[2][2] = {{0.2, 1}, {0, 0.4}}, CHANCE[2][2] = {{0.8, 0.2}, {0.5, 0.5}};
    g->values = c->setting == PI ? 2 : (int)c->values;
    g->messages = (int)c->messages;
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < g->values; k++) {
            g->value[i][k] = c->setting == PI ? VALUE[i][k] : (double)k / (g->values - 1);
            g->chance[i][k] = c->setting == PI ? CHANCE[i][k] : 1.0 / g->values;
        }
}

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    static const double LOW[LEADER_NUMBERS] = {0, 0, 0}, HIGH[LEADER_NUMBERS] = {1, 1, 1};
    (void)err;
    mspm *g = fm_arena_array(arena, mspm, 1);
    fill_values(g, config);
    *game = g;
    facts->title = "Message sequential price mechanism";
    facts->source = "[Brero et al. 2022]";
    facts->horizon = 3;
    facts->rewards = ENV_GENERAL_SUM;
    facts->pauses = true;
    facts->deterministic = true;
    facts->state_size = sizeof(play);
    facts->readings = sizeof READINGS / sizeof *READINGS;
    facts->reading_name = READINGS;
    env_facts_agents(facts, 3, arena);
    facts->agent[0] = (env_agent){.name = "mechanism",
                                  .obs_length = situations(g),
                                  .one_hot = true,
                                  .action = env_box(LEADER_NUMBERS, LOW, HIGH),
                                  .reward_low = -1};
    for (int i = 0; i < 2; i++)
        facts->agent[1 + i] = (env_agent){.name = i == 0 ? "first" : "second",
                                          .level = 1,
                                          .obs_length = g->values,
                                          .one_hot = true,
                                          .action = env_discrete(g->messages, NULL),
                                          .reward_high = 1};
    fill_starts(g, arena, facts);
    fill_solution(g, config, arena, facts);
    return FM_OK;
}

const env_type env_mspm = {
    .name = "mspm",
    .doc = "a mechanism sells one item to two buyers by messages, an order of visits, and prices",
    .options = OPTIONS,
    .config_size = sizeof(mspm_config),
    .create = create,
    .reset = reset,
    .step = step,
    .start = start,
    .render = render,
    .read = read_play,
};
