/* The closed forms of oligopoly.c against textbook numbers and against numerical best responses. */
#include <stdlib.h>

#include "base/random.h"
#include "envs/env.h"
#include "envs/vector.h"
#include "tests/test.h"

static fm_arena arena;

static bool make(const char *name, const char *settings, env *e, fm_error *err) {
    return env_open(name, &arena, e, err) == FM_OK &&
           fm_options_apply(e->type->options, e->config, settings, err) == FM_OK &&
           env_create(e, &arena, err) == FM_OK;
}

static env made(const char *name, const char *settings) {
    env e;
    fm_error err = {""};
    bool ok = make(name, settings, &e, &err);
    EXPECT_MSG(ok, "%s %s: %s", name, settings, err.text);
    if (!ok) exit(1);
    return e;
}

static void expect_point(const env *e, const char *concept, int n, const double *quantity,
                         const double *profit) {
    const env_solution *s = env_facts_solution(&e->facts, concept);
    EXPECT(s != NULL);
    for (int i = 0; s && i < n; i++) {
        EXPECT_NEAR(s->action[i], quantity[i], 1e-12 * fabs(quantity[i]));
        EXPECT_NEAR(s->value[i], profit[i], 1e-12 * fabs(profit[i]));
    }
}

#define POINT(e, concept, n, q, p) expect_point(&(e), concept, n, (const double[])q, (const double[])p)
#define LIST(...)                                                                                            \
    { __VA_ARGS__ }

TEST(textbook_points) {
    env e = made("duopoly", "");
    POINT(e, "stackelberg", 2, LIST(6, 3), LIST(18, 9));
    POINT(e, "nash", 2, LIST(4, 4), LIST(16, 16));
    EXPECT_TEXT(env_facts_solution(&e.facts, "stackelberg")->label, "6/3");
    EXPECT_TEXT(e.facts.agent[1].name, "follower");
    EXPECT_NEAR(e.facts.agent[0].action.high[0], 12, 0);
    e = made("duopoly", "intercept=5000 slope=1 costs=1000");
    POINT(e, "stackelberg", 2, LIST(2000, 1000), LIST(2e6, 1e6));
    e = made("triopoly", ""); /* (a-c)/2b, (a-c)/4b, (a-c)/8b */
    POINT(e, "stackelberg", 3, LIST(6, 3, 1.5), LIST(9, 4.5, 2.25));
    POINT(e, "nash", 3, LIST(3, 3, 3), LIST(9, 9, 9));
    EXPECT_EQ(e.facts.agent[2].level, 2);
    e = made("oligopoly", ""); /* one leader, two followers at once */
    POINT(e, "stackelberg", 3, LIST(6, 2, 2), LIST(12, 4, 4));
    /* Unequal costs: q1 = (a - 2 c1 + c2) / 2b, q2 = (a - 3 c2 + 2 c1) / 4b. */
    e = made("duopoly", "intercept=20 slope=2 costs=2,4");
    POINT(e, "stackelberg", 2, LIST(5, 1.5), LIST(5 * (20 - 13 - 2.0), 1.5 * (20 - 13 - 4.0)));
    POINT(e, "nash", 2, LIST(20 / 6.0, 14 / 6.0),
          LIST(2 * (20 / 6.0) * (20 / 6.0), 2 * (14 / 6.0) * (14 / 6.0)));
}

/* ---- numerical best responses: no formula but the profit ---- */

typedef struct rules {
    int firms, levels;
    const int *level;
    double a, b;
    const double *cost;
} rules;

static double profit(const rules *g, const double *q, int i) {
    double sold = 0;
    for (int j = 0; j < g->firms; j++) sold += q[j];
    return q[i] * (g->a - g->b * sold - g->cost[i]);
}

static void settle(const rules *g, int level, double *q);

/* Firm i's profit when it sells x, its peers what stands in q, and the levels below what they then choose. */
static double consequence(const rules *g, const double *q, int i, double x) {
    double trial[8];
    memcpy(trial, q, (size_t)g->firms * sizeof *trial);
    trial[i] = x;
    settle(g, g->level[i] + 1, trial);
    return profit(g, trial, i);
}

/* The top of the parabola through three points around x, where that is better. A comparison of values finds a
 * maximum only to the root of their rounding, which the levels above would feel. */
static double refine(const rules *g, const double *q, int i, double x, double h) {
    if (x < h) return x;
    double left = consequence(g, q, i, x - h), here = consequence(g, q, i, x),
           right = consequence(g, q, i, x + h);
    double bend = left - 2 * here + right;
    if (bend >= 0) return x;
    double top = x - h * (right - left) / (2 * bend);
    return fabs(top - x) < h && consequence(g, q, i, top) >= here ? top : x;
}

static double golden(const rules *g, const double *q, int i, double low, double high, int rounds) {
    const double h = (high - low) * 1e-4;
    const double ratio = 0.6180339887498949;
    double x = high - ratio * (high - low), y = low + ratio * (high - low);
    double at_x = consequence(g, q, i, x), at_y = consequence(g, q, i, y);
    for (int k = 0; k < rounds; k++) {
        if (at_x < at_y) {
            low = x, x = y, at_x = at_y, y = low + ratio * (high - low), at_y = consequence(g, q, i, y);
        } else {
            high = y, y = x, at_y = at_x, x = high - ratio * (high - low), at_x = consequence(g, q, i, x);
        }
    }
    return refine(g, q, i, (low + high) / 2, h);
}

/* What the firms of `level` and below choose when those above stand in q: in turns, until nobody moves. */
static void settle(const rules *g, int level, double *q) {
    if (level >= g->levels) return;
    int peers = 0;
    for (int i = 0; i < g->firms; i++) {
        if (g->level[i] >= level) q[i] = 0;
        peers += g->level[i] == level;
    }
    double most = g->a / g->b;
    for (int turn = 0; turn < (peers > 1 ? 25 : 1); turn++) {
        double moved = 0;
        for (int i = 0; i < g->firms; i++) {
            if (g->level[i] != level) continue;
            double x = golden(g, q, i, 0, most, 30);
            moved += fabs(x - q[i]);
            q[i] = x;
        }
        if (moved < 1e-6 * most) break;
    }
    settle(g, level + 1, q);
}

/* How much the firm that gains most gains by leaving the point alone; lower levels react numerically. */
static double largest_gain(const rules *g, const double *q, int points) {
    double gain = -INFINITY;
    for (int i = 0; i < g->firms; i++) {
        double here = profit(g, q, i);
        for (int k = 0; k <= points; k++) {
            double there = consequence(g, q, i, g->a / g->b * k / points);
            gain = fmax(gain, (there - here) / (g->a * g->a / g->b));
        }
    }
    return gain;
}

/* The point is an equilibrium of every level, and what lower levels choose is what they would answer. */
static void expect_equilibrium(const char *settings, const rules *g, int points) {
    env e = made("oligopoly", settings);
    const env_solution *s = env_facts_solution(&e.facts, "stackelberg");
    double answer[8];
    for (int l = 1; l < g->levels; l++) {
        memcpy(answer, s->action, (size_t)g->firms * sizeof *answer);
        settle(g, l, answer);
        for (int i = 0; i < g->firms; i++) EXPECT_NEAR(answer[i], s->action[i], 2e-5 * g->a / g->b);
    }
    double gain = largest_gain(g, s->action, points);
    EXPECT_MSG(gain < 1e-7, "%s: a firm gains %g of a*a/b", settings, gain);
    for (int i = 0; i < g->firms; i++)
        EXPECT_NEAR(s->value[i], profit(g, s->action, i), 1e-12 * g->a * g->a / g->b);
}

#define EQUILIBRIUM(text, n, depth, order, intercept, slope, costs, points)                                  \
    expect_equilibrium(text,                                                                                 \
                       &(rules){n, depth, (const int[])order, intercept, slope, (const double[])costs},      \
                       points)

TEST(points_are_equilibria) {
    EQUILIBRIUM("levels=0,1 costs=1,2", 2, 2, LIST(0, 1), 13, 1, LIST(1, 2), 400);
    EQUILIBRIUM("levels=1,0 costs=1,2 slope=0.5", 2, 2, LIST(1, 0), 13, 0.5, LIST(1, 2), 400);
    EQUILIBRIUM("levels=0,1,2 costs=1,1.2,1.1", 3, 3, LIST(0, 1, 2), 13, 1, LIST(1, 1.2, 1.1), 200);
    EQUILIBRIUM("levels=0,1,1 costs=2,1,1.5 intercept=10", 3, 2, LIST(0, 1, 1), 10, 1, LIST(2, 1, 1.5), 200);
    EQUILIBRIUM("levels=0,0,1 costs=2,1,1.5 intercept=10", 3, 2, LIST(0, 0, 1), 10, 1, LIST(2, 1, 1.5), 200);
    EQUILIBRIUM("levels=1,0,1,0 costs=1,1.2,1.1,1", 4, 2, LIST(1, 0, 1, 0), 13, 1, LIST(1, 1.2, 1.1, 1), 100);
    EQUILIBRIUM("levels=0,0,0 costs=1,1.2,1.1", 3, 1, LIST(0, 0, 0), 13, 1, LIST(1, 1.2, 1.1), 400);
}

/* Two levels need no check against driving out: whatever costs pass, the point stands. */
TEST(two_levels_at_random_costs) {
    fm_rng rng = fm_rng_split(1, FM_RNG_TEST, 0, 0);
    int passed = 0;
    for (int t = 0; t < 40; t++) {
        double cost[3];
        char text[160];
        for (int i = 0; i < 3; i++) cost[i] = floor(fm_rng_uniform(&rng) * 700) / 100;
        snprintf(text, sizeof text, "levels=0,1,1 intercept=13 costs=%.2f,%.2f,%.2f", cost[0], cost[1],
                 cost[2]);
        env e;
        if (!make("oligopoly", text, &e, NULL)) continue;
        passed++;
        const int order[] = {0, 1, 1};
        expect_equilibrium(text, &(rules){3, 2, order, 13, 1, cost}, 60);
    }
    EXPECT(passed >= 10);
}

/* With costs 0, 0, c the conditions have an inner solution up to c = 1/7 of the intercept, but from somewhere
 * before that on the leader does better by selling so much that the middle firm drives out the last one. */
TEST(driving_out_is_refused) {
    env e;
    fm_error err;
    const int order[] = {0, 1, 2};
    const double dear[] = {0, 0, 0.14}, near[] = {0, 0, 0.05};
    const double inner[] = {1.14 / 2, 1.14 / 4, (1 - 7 * 0.14) / 8};
    rules g = {3, 3, order, 1, 1, dear};
    EXPECT(inner[2] > 0);
    EXPECT(largest_gain(&g, inner, 200) > 0.005);
    EXPECT(!make("triopoly", "intercept=1 costs=0,0,0.14", &e, &err));
    EXPECT_HAS(err.text, "driving firm 2");
    EXPECT(make("triopoly", "intercept=1 costs=0,0,0.05", &e, &err));
    g.cost = near;
    EXPECT(largest_gain(&g, env_facts_solution(&e.facts, "stackelberg")->action, 200) < 1e-7);
}

/* The Cournot point of firms of unequal costs; a firm too dear for the order is refused. */
TEST(unequal_costs) {
    env e = made("oligopoly", "levels=1,1,0 costs=0,0,3 intercept=10");
    POINT(e, "nash", 3, LIST(3.25, 3.25, 0.25), LIST(3.25 * 3.25, 3.25 * 3.25, 0.0625));
    fm_error err;
    EXPECT(!make("oligopoly", "levels=0,1,1 costs=0,0,9 intercept=10", &e, &err));
    EXPECT_HAS(err.text, "does not sell");
}

TEST(profits_and_readings) {
    env e = made("duopoly", "costs=1,2");
    env_vec v;
    env_vec_init(&v, &e, 1, 0, FM_RNG_ENV, &arena, NULL);
    EXPECT_EQ(env_vec_reset(&v, NULL), FM_OK);
    double readings[5];
    v.actions[0] = 5, v.actions[1] = 4;
    e.type->read(e.game, env_vec_state(&v, 0), readings);
    EXPECT_NEAR(readings[0], 13, 0);
    EXPECT_EQ(env_vec_step(&v, NULL), FM_OK);
    e.type->read(e.game, env_vec_state(&v, 0), readings);
    EXPECT_NEAR(v.rewards[0], 15, 0);
    EXPECT_NEAR(v.rewards[1], 8, 0);
    EXPECT_TEXT(e.facts.reading_name[0], "price");
    EXPECT_TEXT(e.facts.reading_name[2], "quantity_1");
    EXPECT_TEXT(e.facts.reading_name[3], "profit_0");
    EXPECT_NEAR(readings[0], 4, 0);
    EXPECT_NEAR(readings[2], 4, 0);
    EXPECT_NEAR(readings[3], 15, 0);
    EXPECT_EQ(v.terminated[0], 1);
    EXPECT_NEAR(env_vec_now(&v).obs[0], 1, 0);
    EXPECT_NEAR(env_vec_now(&v).obs[1], 1, 0);
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    EXPECT(out != NULL);
    if (!out) return;
    e.type->render(e.game, env_vec_state(&v, 0), v.actions, out);
    fclose(out);
    EXPECT_HAS(text, "price 4 = 13 - 1 * sold");
    EXPECT_HAS(text, "15");
    free(text);
}

TEST(options_are_checked) {
    static const struct {
        const char *name, *settings, *words;
    } bad[] = {
        {"duopoly", "costs=13", "does not sell"},
        {"duopoly", "costs=1,9", "does not sell"},
        {"duopoly", "costs=1,2,3", "3 numbers for 2 firms"},
        {"duopoly", "costs=1,x", "'x' is not a number"},
        {"duopoly", "costs=1,", "'' is not a number"},
        {"duopoly", "costs=-1", "'-1' is not a number from 0"},
        {"duopoly", "capacity=5", "6"},
        {"duopoly", "slope=0", "slope"},
        {"duopoly", "levels=0,1", "levels"},
        {"oligopoly", "levels=none", "0 firms"},
        {"oligopoly", "levels=0,0,0,0,1,1,1,1,1", "9 firms"},
        {"oligopoly", "levels=0,2", "none has level 1"},
        {"oligopoly", "levels=1,1", "none has level 0"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        env e;
        fm_error err = {""};
        EXPECT_MSG(!make(bad[i].name, bad[i].settings, &e, &err), "%s was taken", bad[i].settings);
        EXPECT_HAS(err.text, bad[i].words);
    }
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(textbook_points), CASE(points_are_equilibria), CASE(two_levels_at_random_costs),
          CASE(driving_out_is_refused), CASE(unequal_costs), CASE(profits_and_readings),
          CASE(options_are_checked))
