/* oligopoly.c: firms that commit to quantities one level after another, under a linear demand [von
 * Stackelberg 1934].
 *
 * n firms sell one good. Firm i brings q_i to the market, all of it sells at the price
 *
 *     p = a - b (q_1 + ... + q_n),        profit_i = q_i (p - c_i),
 *
 * negative prices included, which keeps the profits smooth. Firms of level 0 commit first, those of one level
 * choose at once, and each level knows what the levels above it chose. One decision per episode; the
 * observation is a constant.
 *
 * Closed form, by backward induction. Let S be what the levels above have committed. What is sold in the end
 * is affine in what has been committed so far, Q = alpha * (committed) + beta: below the last level alpha =
 * 1, beta = 0. A level of m firms with costs c_i, which sees S and is followed by (alpha, beta), has the
 * first-order conditions
 *
 *     a - c_i - b beta - b alpha (S + T + q_i) = 0,        T = the level's total,
 *
 * whose sum gives T, and with it the pair for the level above:
 *
 *     S + T = (S + K) / (m + 1),   K = (m (a - b beta) - sum c_i) / (b alpha),
 *     alpha' = alpha / (m + 1),    beta' = beta + alpha K / (m + 1).
 *
 * With one level this is the Cournot-Nash solution, with two firms and two levels the Stackelberg duopoly.
 *
 * The conditions describe an inner point: every firm sells something. The leaders could also drive a firm out
 * of the market, and then the first-order conditions of the others are different ones. A firm whose best
 * response is to sell nothing faces p <= its cost, so driving out a firm of cost c from below level l gives
 * firm i of that level at most
 *
 *     max over q of q min(c - c_i, a - b (q + what its peers and the levels above sell) - c_i).
 *
 * Where this exceeds its profit at the inner point, `create` refuses the costs. With two levels that needs no
 * check: the price falls faster in the leaders' quantity once a follower has left, so their profits stay
 * concave. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "envs/env.h"

#define FIRMS_MAX 8

typedef struct config {
    double intercept, slope, capacity;
    char costs[FM_TEXT_MAX];
    fm_ints levels;
} config;

#define MARKET_OPTIONS                                                                                       \
    FM_OPT_REAL(config, intercept, "13", 1e-6, 1e9, "money", "price at which nothing is sold", "a"),         \
        FM_OPT_REAL(config, slope, "1", 1e-6, 1e9, "money/unit", "fall of the price per unit sold", "b"),    \
        FM_OPT_TEXT(config, costs, "1",                                                                      \
                    "cost of a unit: one number for all firms, or one per firm with commas"),                \
        FM_OPT_REAL(config, capacity, "0", 0, 1e15, "units",                                                 \
                    "most that a firm can sell; 0: what sells at the lowest of the costs", "")

static const fm_option MARKET[] = {MARKET_OPTIONS, FM_OPT_END};

static const fm_option MARKET_AND_LEVELS[] = {
    MARKET_OPTIONS,
    FM_OPT_INTS(config, levels, "0,1,1", 0, FIRMS_MAX - 1, "", "level of each firm; 0 commits first", ""),
    FM_OPT_END,
};

typedef struct market {
    int firms, levels;
    int level[FIRMS_MAX];
    double a, b, cost[FIRMS_MAX], capacity;
    double low[1], high[1]; /* the box of every firm */
    const char *name[FIRMS_MAX];
} market;

typedef struct situation {
    double price, quantity[FIRMS_MAX], profit[FIRMS_MAX];
} situation;

/* ---- the game ---- */

static void sell(const market *m, situation *s) {
    double sold = 0;
    for (int i = 0; i < m->firms; i++) sold += s->quantity[i];
    s->price = m->a - m->b * sold;
    for (int i = 0; i < m->firms; i++) s->profit[i] = s->quantity[i] * (s->price - m->cost[i]);
}

static void observe(const market *m, env_io *io) {
    for (int i = 0; i < m->firms; i++) io->obs[i] = 1;
}

/* Nothing is sold yet: the price is that of the first unit. */
static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    situation *s = state;
    *s = (situation){0};
    sell(game, s);
    observe(game, io);
}

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    const market *m = game;
    situation *s = state;
    for (int i = 0; i < m->firms; i++) s->quantity[i] = (double)io->actions[i];
    sell(m, s);
    for (int i = 0; i < m->firms; i++) io->rewards[i] = s->profit[i];
    observe(m, io);
    io->terminated = true;
}

static void render(const void *game, const void *state, const real *actions, FILE *out) {
    const market *m = game;
    const situation *s = state;
    fprintf(out, "price %.6g = %.6g - %.6g * sold\n", s->price, m->a, m->b);
    fprintf(out, "%-12s %5s %10s %10s %10s\n", "firm", "level", "cost", "quantity", "profit");
    for (int i = 0; i < m->firms; i++) {
        fprintf(out, "%-12s %5d %10.6g ", m->name[i], m->level[i], m->cost[i]);
        if (actions) fprintf(out, "%10.6g %10.6g\n", s->quantity[i], s->profit[i]);
        else fprintf(out, "%10s %10s\n", "-", "-");
    }
}

static void read_situation(const void *game, const void *state, double *readings) {
    const market *m = game;
    const situation *s = state;
    readings[0] = s->price;
    for (int i = 0; i < m->firms; i++) {
        readings[1 + i] = s->quantity[i];
        readings[1 + m->firms + i] = s->profit[i];
    }
}

/* ---- the closed form ---- */

/* How the levels from some level on turn what was committed before them into what is sold in the end. */
typedef struct reaction {
    double alpha, beta;
} reaction;

/* The number of firms of a level, and the sum of their costs. */
static int level_firms(const market *m, int level, double *costs) {
    int n = 0;
    *costs = 0;
    for (int i = 0; i < m->firms; i++) {
        if (m->level[i] != level) continue;
        *costs += m->cost[i];
        n++;
    }
    return n;
}

/* below[l]: the reaction of the levels after l, for l = levels-1 .. 0. */
static void react(const market *m, reaction *below) {
    reaction r = {.alpha = 1, .beta = 0};
    for (int l = m->levels - 1; l >= 0; l--) {
        double costs;
        int n = level_firms(m, l, &costs);
        below[l] = r;
        double share = (n * (m->a - m->b * r.beta) - costs) / m->b;
        r.alpha /= n + 1;
        r.beta += share / (n + 1);
    }
}

/* Quantities of one level's firms when the levels above have committed `above`; returns the new total. */
static double respond(const market *m, int level, reaction below, double above, double *quantity) {
    double costs;
    int n = level_firms(m, level, &costs);
    double total = (above + (n * (m->a - m->b * below.beta) - costs) / (m->b * below.alpha)) / (n + 1);
    for (int i = 0; i < m->firms; i++)
        if (m->level[i] == level)
            quantity[i] = (m->a - m->cost[i] - m->b * below.beta) / (m->b * below.alpha) - total;
    return total;
}

/* The inner point of the whole order. */
static void commit(const market *m, situation *s) {
    reaction below[FIRMS_MAX];
    react(m, below);
    double total = 0;
    for (int l = 0; l < m->levels; l++) total = respond(m, l, below[l], total, s->quantity);
    sell(m, s);
}

/* All firms at once. Every firm sells something here if it does at the inner point: there p - c_i equals
 * b alpha q_i with alpha <= 1, so that a - p = b sum q_i >= sum (p - c_i): p is at most the price here. */
static void choose_at_once(const market *m, situation *s) {
    double costs = 0;
    for (int i = 0; i < m->firms; i++) costs += m->cost[i];
    double price = (m->a + costs) / (m->firms + 1);
    for (int i = 0; i < m->firms; i++) s->quantity[i] = (price - m->cost[i]) / m->b;
    sell(m, s);
}

/* ---- which options it covers ---- */

/* The most that firm i gains by driving out a firm of cost `dearest`; `others`: what stands besides. */
static double gain_of_driving_out(const market *m, int i, double dearest, double others) {
    double margin = dearest - m->cost[i], room = m->a - m->cost[i] - m->b * others;
    if (margin <= 0 || room <= 0) return 0;
    /* q * margin rises until the demand line falls below `dearest`; from there on it is q (room - b q). */
    double edge = (room - margin) / m->b, top = room / (2 * m->b);
    if (edge < 0) edge = 0;
    double q = top > edge ? top : edge;
    return q * fmin(margin, room - m->b * q);
}

static fm_status check_inner(const market *m, const situation *s, fm_error *err) {
    for (int i = 0; i < m->firms; i++)
        if (!(s->quantity[i] > 0))
            return fm_fail(err,
                           "costs: at a cost of %g, firm %d does not sell anything in equilibrium; all firms "
                           "must",
                           m->cost[i], i);
    for (int i = 0; m->levels > 2 && i < m->firms; i++) {
        double others = 0, dearest = m->cost[i];
        int driven = i;
        for (int j = 0; j < m->firms; j++) {
            if (j != i && m->level[j] <= m->level[i]) others += s->quantity[j];
            if (m->level[j] > m->level[i] && m->cost[j] > dearest) dearest = m->cost[j], driven = j;
        }
        if (gain_of_driving_out(m, i, dearest, others) > s->profit[i])
            return fm_fail(err,
                           "costs: firm %d (cost %g) may gain by driving firm %d (cost %g) out of the "
                           "market; bring "
                           "the costs nearer together",
                           i, m->cost[i], driven, dearest);
    }
    return FM_OK;
}

/* The most that any firm wants to sell on any path: nobody else sells anything, or nobody above it does. */
static double largest_wish(const market *m) {
    reaction below[FIRMS_MAX];
    react(m, below);
    double quantity[FIRMS_MAX], most = 0;
    for (int l = 0; l < m->levels; l++) respond(m, l, below[l], 0, quantity);
    for (int i = 0; i < m->firms; i++) most = fmax(most, fmax(quantity[i], (m->a - m->cost[i]) / (2 * m->b)));
    return most;
}

static fm_status read_costs(const char *text, market *m, fm_error *err) {
    char copy[FM_TEXT_MAX];
    fm_text_format(copy, sizeof copy, "%s", text);
    int n = 0;
    for (char *at = copy, *next; at; at = next, n++) {
        next = strchr(at, ',');
        if (next) *next++ = '\0';
        double cost;
        if (!fm_text_to_real(at, &cost) || cost < 0)
            return fm_fail(err, "costs: '%s' is not a number from 0 on (in '%s')", at, text);
        if (n < m->firms) m->cost[n] = cost;
    }
    if (n != 1 && n != m->firms)
        return fm_fail(err, "costs: %d numbers for %d firms: expected one, or one per firm (in '%s')", n,
                       m->firms, text);
    for (int i = n; i < m->firms; i++) m->cost[i] = m->cost[0];
    return FM_OK;
}

static fm_status read_levels(const fm_ints *levels, market *m, fm_error *err) {
    if (levels->n < 1 || levels->n > FIRMS_MAX)
        return fm_fail(err, "levels: %lld firms: expected 1 to %d", (long long)levels->n, FIRMS_MAX);
    m->firms = (int)levels->n;
    bool used[FIRMS_MAX] = {false};
    for (int i = 0; i < m->firms; i++) {
        m->level[i] = (int)levels->v[i];
        used[m->level[i]] = true;
        if (m->level[i] >= m->levels) m->levels = m->level[i] + 1;
    }
    for (int l = 0; l < m->levels; l++)
        if (!used[l])
            return fm_fail(err, "levels: a firm has level %d but none has level %d", m->levels - 1, l);
    return FM_OK;
}

/* ---- facts ---- */

/* "6/3", rounded for a person. */
static const char *joint_label(const market *m, const situation *s, fm_arena *arena) {
    char text[FIRMS_MAX * 16];
    size_t used = 0;
    for (int i = 0; i < m->firms; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.6g", i ? "/" : "", s->quantity[i]);
    return fm_arena_text(arena, text);
}

static env_solution solution_of(const market *m, const char *concept, const char *source, const situation *s,
                                fm_arena *arena) {
    size_t firms = (size_t)m->firms;
    double *value = fm_arena_array(arena, double, firms), *action = fm_arena_array(arena, double, firms);
    memcpy(value, s->profit, firms * sizeof *value);
    memcpy(action, s->quantity, firms * sizeof *action);
    return (env_solution){.concept = concept,
                          .label = joint_label(m, s, arena),
                          .value = value,
                          .action = action,
                          .source = source};
}

static const char *firm_name(const market *m, int i, fm_arena *arena) {
    if (m->firms == 2 && m->levels == 2) return m->level[i] == 0 ? "leader" : "follower";
    char text[32];
    fm_text_format(text, sizeof text, "firm %d", i);
    return fm_arena_text(arena, text);
}

static void fill_readings(const market *m, env_facts *facts, fm_arena *arena) {
    facts->readings = 1 + 2 * m->firms;
    const char **names = fm_arena_array(arena, const char *, (size_t)facts->readings);
    names[0] = "price";
    for (int i = 0; i < m->firms; i++) {
        char text[32];
        fm_text_format(text, sizeof text, "quantity_%d", i);
        names[1 + i] = fm_arena_text(arena, text);
        fm_text_format(text, sizeof text, "profit_%d", i);
        names[1 + m->firms + i] = fm_arena_text(arena, text);
    }
    facts->reading_name = names;
}

static void fill_agents(market *m, env_facts *facts, fm_arena *arena) {
    env_facts_agents(facts, m->firms, arena);
    for (int i = 0; i < m->firms; i++) {
        m->name[i] = firm_name(m, i, arena);
        /* Worst: everybody sells all they can (a profit is concave in the own quantity: an end is worst).
         * Best: a monopoly. */
        double own = fmin(m->capacity, (m->a - m->cost[i]) / (2 * m->b));
        double flooded = m->a - m->b * m->firms * m->capacity - m->cost[i];
        facts->agent[i] = (env_agent){.name = m->name[i],
                                      .level = m->level[i],
                                      .obs_length = 1,
                                      .action = env_box(1, m->low, m->high),
                                      .reward_low = fmin(0, m->capacity * flooded),
                                      .reward_high = own * (m->a - m->b * own - m->cost[i])};
    }
}

static void fill_facts(market *m, env_facts *facts, fm_arena *arena) {
    facts->horizon = 1;
    facts->rewards = m->firms == 1 ? ENV_COMMON : ENV_GENERAL_SUM;
    facts->deterministic = true;
    facts->state_size = sizeof(situation);
    fill_agents(m, facts, arena);
    fill_readings(m, facts, arena);
    situation leading, nash;
    commit(m, &leading);
    choose_at_once(m, &nash);
    env_solution *solution = fm_arena_array(arena, env_solution, 2);
    solution[0] = solution_of(m, "stackelberg", "closed form [von Stackelberg 1934]", &leading, arena);
    solution[1] = solution_of(m, "nash", "closed form [Cournot 1838]", &nash, arena);
    facts->solution = solution;
    facts->solutions = 2;
}

static fm_status build(const config *c, const fm_ints *levels, fm_arena *arena, void **game, env_facts *facts,
                       fm_error *err) {
    market *m = fm_arena_array(arena, market, 1);
    m->a = c->intercept;
    m->b = c->slope;
    if (read_levels(levels, m, err) != FM_OK || read_costs(c->costs, m, err) != FM_OK) return FM_BAD;
    double lowest = m->cost[0];
    for (int i = 0; i < m->firms; i++) lowest = fmin(lowest, m->cost[i]);
    situation leading;
    commit(m, &leading);
    if (check_inner(m, &leading, err) != FM_OK) return FM_BAD;
    m->capacity = c->capacity > 0 ? c->capacity : (m->a - lowest) / m->b;
    double wish = largest_wish(m);
    if (m->capacity < wish)
        return fm_fail(err, "capacity: %g is too small: a firm may want to sell %g", m->capacity, wish);
    m->low[0] = 0;
    m->high[0] = m->capacity;
    fill_facts(m, facts, arena);
    *game = m;
    return FM_OK;
}

static fm_status create_duopoly(const void *c, fm_arena *arena, void **game, env_facts *facts,
                                fm_error *err) {
    facts->title = "Stackelberg duopoly";
    facts->source = "[von Stackelberg 1934]";
    return build(c, &(fm_ints){2, {0, 1}}, arena, game, facts, err);
}

static fm_status create_triopoly(const void *c, fm_arena *arena, void **game, env_facts *facts,
                                 fm_error *err) {
    facts->title = "Three firms, one after another";
    facts->source = "[Boyer & Moreaux 1986]";
    return build(c, &(fm_ints){3, {0, 1, 2}}, arena, game, facts, err);
}

static fm_status create_oligopoly(const void *c, fm_arena *arena, void **game, env_facts *facts,
                                  fm_error *err) {
    facts->title = "Firms that commit level by level";
    facts->source = "[Sherali 1984]";
    return build(c, &((const config *)c)->levels, arena, game, facts, err);
}

#define OLIGOPOLY_ROW(row, text, table)                                                                      \
    const env_type env_##row = {                                                                             \
        .name = #row,                                                                                        \
        .doc = text,                                                                                         \
        .options = table,                                                                                    \
        .config_size = sizeof(config),                                                                       \
        .create = create_##row,                                                                              \
        .reset = reset,                                                                                      \
        .step = step,                                                                                        \
        .render = render,                                                                                    \
        .read = read_situation,                                                                              \
    }

OLIGOPOLY_ROW(duopoly, "a leader and a follower choose quantities; linear demand; closed form", MARKET);
OLIGOPOLY_ROW(triopoly, "three firms choose quantities one after another; closed form", MARKET);
OLIGOPOLY_ROW(oligopoly, "up to eight firms on any levels choose quantities; closed form", MARKET_AND_LEVELS);
