/* Exact play against games whose solution is known: small trees made up here, the grid and Traffic Merge. */
#include <stdlib.h>

#include "envs/env.h"
#include "envs/exact.h"
#include "envs/traffic/merge.h"
#include "tests/test.h"

#define NODES 1000000

/* ---- A made-up game: up to three agents, payoffs by table or by hash ---- */

typedef struct tree_game {
    int agents, n[3];
    int depth;             /* decisions until the rules end it */
    int cut;               /* decisions until the game cuts it off; 0: never */
    const double *payoff;  /* [joint][agents] of a one-shot game, or NULL: whole numbers 0..range-1 by hash */
    uint64_t seed, range;
} tree_game;

typedef struct tree_state { int64_t depth, node; } tree_state;

static const char *const TREE_READINGS[] = {"node"};

static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static double tree_reward(const tree_game *g, int64_t node, int64_t joint, int agent) {
    if (g->payoff) return g->payoff[joint * g->agents + agent];
    uint64_t key = (uint64_t)node * 1000003u + (uint64_t)joint * 31u + (uint64_t)agent;
    return (double)(mix(mix(key) + g->seed) % g->range);
}

static void tree_step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    const tree_game *g = game;
    tree_state *s = state;
    int64_t joint = 0;
    for (int i = 0; i < g->agents; i++) joint = joint * g->n[i] + (int64_t)io->actions[i];
    for (int i = 0; i < g->agents; i++) io->rewards[i] += tree_reward(g, s->node, joint, i);
    s->node = s->node * 31 + joint + 1;
    s->depth++;
    io->terminated = s->depth == g->depth;
    io->truncated = s->depth == g->cut;
}

static const env_type TREE = {.name = "tree", .doc = "test", .step = tree_step};

static fm_arena tree_arena; /* of all tree_env; given back at the end */

static env tree_env(const tree_game *g, int level0, int level1, int level2) {
    env e = {.type = &TREE, .game = (void *)(uintptr_t)g};
    e.facts = (env_facts){
        .name = "tree", .title = "tree", .source = "test", .horizon = 100,
        .rewards = ENV_GENERAL_SUM, .deterministic = true, .state_size = sizeof(tree_state),
        .readings = 1, .reading_name = TREE_READINGS,
    };
    static const char *const NAMES[] = {"A", "B", "C"};
    const int levels[] = {level0, level1, level2};
    env_facts_agents(&e.facts, g->agents, &tree_arena);
    for (int i = 0; i < g->agents; i++)
        e.facts.agent[i] = (env_agent){.name = NAMES[i], .level = levels[i], .obs_length = 1,
                                       .action = env_discrete(g->n[i], NULL), .reward_high = 1e9};
    env_facts_finish(&e.facts);
    return e;
}

/* Leader and follower solved the plain way: value[2] of the best play from a node on. */
static void plain_solve(const tree_game *g, tree_state s, int64_t left, double *value) {
    double best[2] = {-1, -1};
    for (int a = 0; a < g->n[0]; a++) {
        double reply[2] = {-1, -1};
        for (int b = 0; b < g->n[1]; b++) {
            int64_t joint = a * g->n[1] + b;
            double rest[2] = {0, 0};
            tree_state next = {s.depth + 1, s.node * 31 + joint + 1};
            if (next.depth < g->depth && left > 1) plain_solve(g, next, left - 1, rest);
            double now[2];
            for (int i = 0; i < 2; i++) now[i] = tree_reward(g, s.node, joint, i) + rest[i];
            bool tie = now[1] == reply[1];
            if (now[1] > reply[1] || (tie && now[0] > reply[0])) memcpy(reply, now, sizeof reply);
        }
        if (reply[0] > best[0]) memcpy(best, reply, sizeof best);
    }
    memcpy(value, best, sizeof best);
}

TEST(two_levels_agree_with_a_plain_solver) {
    for (uint64_t seed = 0; seed < 60; seed++) {
        tree_game g = {.agents = 2, .n = {3, 2}, .depth = 4, .seed = seed, .range = seed % 2 ? 1000 : 4};
        env e = tree_env(&g, 0, 1, 0);
        tree_state s = {0, 0};
        exact_play *play;
        fm_error err = {""};
        EXPECT(exact_play_solve(&e, &s, 9, NODES, &play, &err) == FM_OK);
        double value[2], plain[2];
        int action[2];
        EXPECT(exact_play_at(play, &s, 9, value, action));
        plain_solve(&g, s, 9, plain);
        EXPECT_NEAR(value[0], plain[0], 0.0);
        EXPECT_NEAR(value[1], plain[1], 0.0);
        EXPECT_EQ(exact_play_states(play), 1 + 6 + 36 + 216);
        exact_play_free(play);
    }
}

TEST(truncation_ends_the_tree) {
    tree_game g = {.agents = 2, .n = {3, 2}, .depth = 50, .seed = 4, .range = 100};
    env e = tree_env(&g, 0, 1, 0);
    tree_state s = {0, 0};
    exact_play *play;
    double value[2], plain[2];
    int action[2];
    EXPECT(exact_play_solve(&e, &s, 3, NODES, &play, NULL) == FM_OK);
    EXPECT(exact_play_at(play, &s, 3, value, action));
    plain_solve(&g, s, 3, plain);
    EXPECT_NEAR(value[0], plain[0], 0.0);
    EXPECT_NEAR(value[1], plain[1], 0.0);
    EXPECT_EQ(exact_play_states(play), 1 + 6 + 36);
    EXPECT(!exact_play_at(play, &s, 2, value, action));
    exact_play *cut;
    g.cut = 3; /* by the game itself, though more decisions are left */
    EXPECT(exact_play_solve(&e, &s, 9, NODES, &cut, NULL) == FM_OK);
    EXPECT(exact_play_at(cut, &s, 9, value, action));
    EXPECT_NEAR(value[0], plain[0], 0.0);
    EXPECT_NEAR(value[1], plain[1], 0.0);
    exact_play_free(cut);
    s.node = 99;
    EXPECT(!exact_play_at(play, &s, 3, value, action));
    EXPECT(!exact_play_value(play, &s, 3, action, value));
    exact_play_free(play);
}

/* Follows the plan, adding rewards; then every joint action's value is its reward and the value after it. */
TEST(plan_earns_its_value) {
    tree_game g = {.agents = 2, .n = {4, 3}, .depth = 5, .seed = 9, .range = 10};
    env e = tree_env(&g, 1, 0, 0); /* here the second agent leads */
    tree_state s = {0, 0};
    exact_play *play;
    EXPECT(exact_play_solve(&e, &s, 5, NODES, &play, NULL) == FM_OK);
    double value[2], first[2] = {0}, earned[2] = {0};
    for (int64_t left = 5; left > 0; left--) {
        int action[2], other[2];
        double same[2], reply[2];
        EXPECT(exact_play_at(play, &s, left, value, action));
        if (left == 5) memcpy(first, value, sizeof first);
        EXPECT(exact_play_value(play, &s, left, action, same));
        EXPECT(same[0] == value[0] && same[1] == value[1]);
        other[1] = action[1];
        for (other[0] = 0; other[0] < 4; other[0]++) { /* the follower's best reply */
            EXPECT(exact_play_value(play, &s, left, other, reply));
            EXPECT(reply[0] <= value[0]);
        }
        int64_t joint = action[0] * 3 + action[1];
        for (int i = 0; i < 2; i++) earned[i] += tree_reward(&g, s.node, joint, i);
        s = (tree_state){s.depth + 1, s.node * 31 + joint + 1};
    }
    EXPECT(earned[0] == first[0] && earned[1] == first[1]);
    exact_play_free(play);
}

static fm_status one_shot(const tree_game *g, int l0, int l1, int l2, double *value, int *action,
                          fm_error *err) {
    env e = tree_env(g, l0, l1, l2);
    tree_state s = {0, 0};
    exact_play *play;
    if (exact_play_solve(&e, &s, 1, NODES, &play, err) != FM_OK) return FM_BAD;
    EXPECT(exact_play_at(play, &s, 1, value, action));
    exact_play_free(play);
    return FM_OK;
}

TEST(matrix_games_have_the_known_points) {
    /* Escape and Maintain [Zhang 2020, Table 1]; rows A, B, C of the leader, columns X, Y, Z. */
    static const double MAINTAIN[] = {20, 15, 0, 0, 0, 0, 30, 0, 10, 5, 0, 0, 0, 0, 0, 0, 5, 10};
    tree_game g = {.agents = 2, .n = {3, 3}, .depth = 1, .payoff = MAINTAIN};
    double value[3];
    int action[3];
    EXPECT(one_shot(&g, 0, 1, 0, value, action, NULL) == FM_OK);
    EXPECT(value[0] == 20 && value[1] == 15 && action[0] == 0 && action[1] == 0);
    /* Without an order: B-Y (10, 5) and C-Z (5, 10) are equilibria; both sum to 15, the first is taken. */
    EXPECT(one_shot(&g, 0, 0, 0, value, action, NULL) == FM_OK);
    EXPECT(value[0] == 10 && value[1] == 5 && action[0] == 1 && action[1] == 1);
}

TEST(ties_favour_the_agents_above) {
    static const double TIE[] = {0, 1, 5, 1, 3, 3, 0, 2}; /* in row 0 the follower does not care */
    tree_game g = {.agents = 2, .n = {2, 2}, .depth = 1, .payoff = TIE};
    double value[3];
    int action[3];
    EXPECT(one_shot(&g, 0, 1, 0, value, action, NULL) == FM_OK);
    EXPECT(action[0] == 0 && action[1] == 1 && value[0] == 5);
    static const double NEARLY[] = {0, 1.25, 5, 1, 3, 3, 0, 2}; /* no tie: a quarter is enough */
    g.payoff = NEARLY;
    EXPECT(one_shot(&g, 0, 1, 0, value, action, NULL) == FM_OK);
    EXPECT(action[0] == 1 && action[1] == 0 && value[0] == 3);
    static const double FLAT[] = {1, 1, 1, 1, 1, 1, 1, 1};
    g.payoff = FLAT;
    EXPECT(one_shot(&g, 0, 1, 0, value, action, NULL) == FM_OK);
    EXPECT(action[0] == 0 && action[1] == 0);
}

/* C replies to A and B, B to A knowing C's reply. */
TEST(three_levels_agree_with_nested_loops) {
    for (uint64_t seed = 0; seed < 200; seed++) {
        tree_game g = {.agents = 3, .n = {2, 3, 4}, .depth = 1, .seed = seed, .range = 1000000};
        int best_a = -1, best_b = -1, best_c = -1;
        double top = -1;
        for (int a = 0; a < 2; a++) {
            int reply_b = -1, reply_c = -1;
            double middle = -1;
            for (int b = 0; b < 3; b++) {
                int c_best = 0, ab = a * 12 + b * 4;
                for (int c = 1; c < 4; c++)
                    if (tree_reward(&g, 0, ab + c, 2) > tree_reward(&g, 0, ab + c_best, 2)) c_best = c;
                double now = tree_reward(&g, 0, ab + c_best, 1);
                if (now > middle) middle = now, reply_b = b, reply_c = c_best;
            }
            double now = tree_reward(&g, 0, a * 12 + reply_b * 4 + reply_c, 0);
            if (now > top) top = now, best_a = a, best_b = reply_b, best_c = reply_c;
        }
        double value[3];
        int action[3];
        EXPECT(one_shot(&g, 0, 1, 2, value, action, NULL) == FM_OK);
        EXPECT(action[0] == best_a && action[1] == best_b && action[2] == best_c);
        EXPECT_NEAR(value[0], top, 0.0);
    }
}

/* A leads, B and C move together: after A's 0 their equilibria are (0,0) and (1,1); A likes (1,1). */
TEST(agents_of_one_level_play_an_equilibrium) {
    double payoff[8][3] = {{1, 9, 9}, {7, 0, 0}, {7, 0, 0}, {2, 1, 1}, {0, 1, 1}};
    tree_game g = {.agents = 3, .n = {2, 2, 2}, .depth = 1, .payoff = &payoff[0][0]};
    double value[3];
    int action[3];
    EXPECT(one_shot(&g, 0, 1, 1, value, action, NULL) == FM_OK);
    EXPECT(action[0] == 0 && action[1] == 1 && action[2] == 1 && value[0] == 2);
    payoff[0][0] = 2; /* A does not care now: the greater sum of B and C decides */
    EXPECT(one_shot(&g, 0, 1, 1, value, action, NULL) == FM_OK);
    EXPECT(action[1] == 0 && action[2] == 0 && value[1] == 9);
    EXPECT(one_shot(&g, 1, 0, 0, value, action, NULL) == FM_OK); /* A last: it replies 0 */
    EXPECT(action[0] == 0 && action[1] == 0 && action[2] == 0);
}

TEST(unfit_games_are_refused_by_name) {
    static const double PENNIES[] = {1, -1, -1, 1, -1, 1, 1, -1};
    static const double LOW[] = {0}, HIGH[] = {1};
    tree_game g = {.agents = 2, .n = {2, 2}, .depth = 1, .payoff = PENNIES};
    tree_state s = {0, 0};
    fm_error err = {""};
    double value[3];
    int action[3];
    exact_play *play;
    EXPECT(one_shot(&g, 0, 0, 0, value, action, &err) == FM_BAD);
    EXPECT_HAS(err.text, "tree: exact play: the agents of level 0 ('A', ...) have no pure equilibrium");
    EXPECT(one_shot(&g, 0, 1, 0, value, action, &err) == FM_OK);

    env e = tree_env(&g, 0, 1, 0);
    e.facts.deterministic = false;
    EXPECT(exact_play_solve(&e, &s, 1, NODES, &play, &err) == FM_BAD);
    EXPECT_HAS(err.text, "draws chance");
    e = tree_env(&g, 0, 1, 0);
    e.facts.masks = true;
    EXPECT(exact_play_solve(&e, &s, 1, NODES, &play, &err) == FM_BAD);
    EXPECT_HAS(err.text, "legal");
    e = tree_env(&g, 0, 1, 0);
    e.facts.agent[1].action = env_box(1, LOW, HIGH);
    EXPECT(exact_play_solve(&e, &s, 1, NODES, &play, &err) == FM_BAD);
    EXPECT_HAS(err.text, "agent 'B' has a box");
    EXPECT(play == NULL);

    tree_game deep = {.agents = 2, .n = {3, 3}, .depth = 6, .seed = 1, .range = 5};
    e = tree_env(&deep, 0, 1, 0);
    EXPECT(exact_play_solve(&e, &s, 3, 90, &play, &err) == FM_BAD);
    EXPECT_HAS(err.text, "more than 90 states");
    EXPECT(exact_play_solve(&e, &s, 3, 91, &play, &err) == FM_OK);
    EXPECT_EQ(exact_play_states(play), 1 + 9 + 81);
    exact_play_free(play);
    exact_play_free(NULL);
}

/* ---- The library's own games ---- */

static void start(env *e, const char *name, fm_arena *arena, void *state, uint64_t seed) {
    fm_error err = {""};
    EXPECT(env_open(name, arena, e, &err) == FM_OK && env_create(e, arena, &err) == FM_OK);
    fm_rng rng = fm_rng_split(seed, FM_RNG_ENV, 0, 0);
    env_io io = {.obs = fm_arena_array(arena, real, (size_t)e->facts.obs_total)}; /* all that these write */
    e->type->reset(e->game, state, &rng, &io);
}

TEST(grid_meets_at_20) {
    fm_arena arena = {0};
    env e;
    int32_t state[4];
    exact_play *play;
    double value[2];
    int action[2];
    start(&e, "grid", &arena, state, 0);
    EXPECT_EQ(e.facts.state_size, sizeof state);
    EXPECT(exact_play_solve(&e, state, e.facts.horizon, NODES, &play, NULL) == FM_OK);
    EXPECT(exact_play_at(play, state, e.facts.horizon, value, action));
    const env_solution *known = env_facts_solution(&e.facts, "stackelberg");
    EXPECT(known && value[0] == known->value[0] && value[1] == known->value[1] && value[0] == 20.0);
    EXPECT(exact_play_states(play) <= 81 * 8);
    exact_play_free(play);
    fm_arena_free(&arena);
}

/* From any initial speeds the leader hurries and goes first. */
TEST(merge_leader_hurries) {
    for (uint64_t seed = 0; seed < 8; seed++) {
        fm_arena arena = {0};
        env e;
        merge_state state;
        exact_play *play;
        fm_error err = {""};
        double value[2];
        int action[2];
        start(&e, "merge", &arena, &state, seed);
        fm_status status = exact_play_solve(&e, &state, e.facts.horizon, NODES, &play, &err);
        EXPECT_MSG(status == FM_OK, "%s", err.text);
        EXPECT(exact_play_at(play, &state, e.facts.horizon, value, action));
        EXPECT_EQ(action[0], MERGE_FASTER);
        const env_solution *known = env_facts_solution(&e.facts, "stackelberg");
        EXPECT(known && value[0] == known->value[0] && value[1] == known->value[1]);
        EXPECT(value[0] == 50.0 && value[1] == 10.0);
        EXPECT(exact_play_states(play) > 50 && exact_play_states(play) < 5000);
        exact_play_free(play);
        fm_arena_free(&arena);
    }
    fm_arena_free(&tree_arena);
}

TEST_MAIN(CASE(two_levels_agree_with_a_plain_solver), CASE(truncation_ends_the_tree),
          CASE(plan_earns_its_value), CASE(matrix_games_have_the_known_points),
          CASE(ties_favour_the_agents_above), CASE(three_levels_agree_with_nested_loops),
          CASE(agents_of_one_level_play_an_equilibrium), CASE(unfit_games_are_refused_by_name),
          CASE(grid_meets_at_20), CASE(merge_leader_hurries))
