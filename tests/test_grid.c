/* The meeting grid: its rules, and that its equilibria are the ones of the figure's caption. */
#include "envs/env.h"
#include "envs/exact.h"
#include "tests/test.h"

enum { UP, DOWN, LEFT, RIGHT, STAY, MOVES };

#define SQUARES 9
#define HORIZON 8

typedef struct copy {
    fm_arena arena;
    env env;
    int32_t state[4]; /* x of A and B, y of A and B */
    fm_rng rng;
    real obs[4 * SQUARES + 1], actions[2];
    double rewards[2];
    uint8_t mask[2 * MOVES], active[2], learns[2], done[2];
    env_io io;
} copy;

static void copy_open(copy *c, const char *settings) {
    fm_error err = {""};
    memset(c, 0, sizeof *c);
    EXPECT(env_open("grid", &c->arena, &c->env, &err) == FM_OK);
    fm_status status = fm_options_apply(c->env.type->options, c->env.config, settings, &err);
    EXPECT_MSG(status == FM_OK, "%s", err.text);
    EXPECT(env_create(&c->env, &c->arena, &err) == FM_OK);
    EXPECT_EQ(c->env.facts.state_size, sizeof c->state);
    c->obs[4 * SQUARES] = (real)77;
    c->io = (env_io){.obs = c->obs, .actions = c->actions, .rewards = c->rewards, .mask = c->mask,
                     .active = c->active, .learns = c->learns, .done = c->done};
    c->env.type->reset(c->env.game, c->state, &c->rng, &c->io);
}

static bool copy_step(copy *c, int a, int b) {
    c->actions[0] = (real)a;
    c->actions[1] = (real)b;
    c->rewards[0] = c->rewards[1] = 0.0;
    c->io.terminated = false;
    c->env.type->step(c->env.game, c->state, &c->rng, &c->io);
    return c->io.terminated;
}

static void place(copy *c, int ax, int ay, int bx, int by) {
    int32_t at[4] = {ax, bx, ay, by};
    memcpy(c->state, at, sizeof at);
}

static int copy_outcome(const copy *c) { return c->env.type->outcome(c->env.game, c->state); }

TEST(facts_are_the_captions) {
    copy c;
    copy_open(&c, "");
    const env_facts *f = &c.env.facts;
    EXPECT(f->rewards == ENV_COMMON && f->deterministic && f->horizon == HORIZON && f->agents == 2);
    EXPECT(f->agent[0].level == 0 && f->agent[1].level == 1);
    const env_solution *s = env_facts_solution(f, "stackelberg");
    EXPECT(s != NULL);
    EXPECT_TEXT(s->label, "both at 20");
    int nash = 0;
    for (int i = 0; i < f->solutions; i++) nash += strcmp(f->solution[i].concept, "nash") == 0;
    EXPECT_EQ(nash, 2);
    fm_arena_free(&c.arena);
}

TEST(moves_stop_at_the_border) {
    copy c;
    copy_open(&c, "");
    static const int STEP[MOVES][2] = {{0, 1}, {0, -1}, {-1, 0}, {1, 0}, {0, 0}};
    for (int x = 0; x < 3; x++)
        for (int y = 0; y < 3; y++)
            for (int m = 0; m < MOVES; m++) {
                place(&c, x, y, 1, 1);
                copy_step(&c, m, STAY);
                int tx = x + STEP[m][0], ty = y + STEP[m][1];
                EXPECT_EQ(c.state[0], tx < 0 ? 0 : tx > 2 ? 2 : tx);
                EXPECT_EQ(c.state[2], ty < 0 ? 0 : ty > 2 ? 2 : ty);
                EXPECT(c.state[1] == 1 && c.state[3] == 1);
            }
    fm_arena_free(&c.arena);
}

/* Every pair of squares: the reward comes for both, on the two squares only, and ends the episode. */
TEST(only_meetings_pay) {
    copy c;
    copy_open(&c, "");
    for (int a = 0; a < SQUARES; a++)
        for (int b = 0; b < SQUARES; b++) {
            place(&c, a % 3, a / 3, b % 3, b / 3);
            bool over = copy_step(&c, STAY, STAY);
            double expected = a == b && a == 0 ? 10.0 : a == b && a == 2 ? 20.0 : 0.0;
            EXPECT(c.rewards[0] == expected && c.rewards[1] == expected);
            EXPECT(over == (expected > 0.0));
            EXPECT_EQ(copy_outcome(&c), expected == 10.0 ? 0 : expected == 20.0 ? 1 : 2);
            double reading[5];
            c.env.type->read(c.env.game, c.state, reading);
            EXPECT(reading[0] == a % 3 && reading[1] == a / 3 && reading[2] == b % 3 && reading[3] == b / 3);
            EXPECT(reading[4] == expected);
            for (int k = 0; k < 4 * SQUARES; k++) {
                int square = k % (2 * SQUARES) < SQUARES ? a : b;
                EXPECT(c.obs[k] == (real)(k % SQUARES == square));
            }
        }
    EXPECT(c.obs[4 * SQUARES] == (real)77);
    fm_arena_free(&c.arena);
}

TEST(both_meetings_take_four_moves) {
    copy c;
    copy_open(&c, "");
    EXPECT(!copy_step(&c, DOWN, DOWN) && !copy_step(&c, DOWN, DOWN) && !copy_step(&c, RIGHT, STAY));
    EXPECT(copy_step(&c, RIGHT, STAY) && c.rewards[0] == 20.0);
    c.env.type->reset(c.env.game, c.state, &c.rng, &c.io);
    EXPECT(!copy_step(&c, DOWN, LEFT) && !copy_step(&c, DOWN, LEFT) && !copy_step(&c, STAY, DOWN));
    EXPECT(copy_step(&c, STAY, DOWN) && c.rewards[1] == 10.0);
    fm_arena_free(&c.arena);
}

/* A walk to a corner of the bottom row: down first, then along it, then stay. */
static int walk_to(int goal_x, int x, int y) {
    return y > 0 ? DOWN : x < goal_x ? RIGHT : x > goal_x ? LEFT : STAY;
}

/* Best undiscounted return of `agent` against another that walks to goal_x, with `left` moves to go. */
static double best_return(copy *c, int agent, int goal_x, int left) {
    static double memo[2][2][HORIZON + 1][SQUARES][SQUARES];
    static bool known[2][2][HORIZON + 1][SQUARES][SQUARES];
    int32_t at[4];
    memcpy(at, c->state, sizeof at);
    int a = at[0] + 3 * at[2], b = at[1] + 3 * at[3], goal = goal_x > 0;
    if (left == 0) return 0.0;
    if (known[agent][goal][left][a][b]) return memo[agent][goal][left][a][b];
    double best = -1.0;
    for (int m = 0; m < MOVES; m++) {
        memcpy(c->state, at, sizeof at);
        int other = 1 - agent, reply = walk_to(goal_x, at[other], at[2 + other]);
        bool over = copy_step(c, agent == 0 ? m : reply, agent == 0 ? reply : m);
        double value = c->rewards[agent];
        if (!over) value += best_return(c, agent, goal_x, left - 1);
        if (value > best) best = value;
    }
    memcpy(c->state, at, sizeof at);
    known[agent][goal][left][a][b] = true;
    return memo[agent][goal][left][a][b] = best;
}

/* Both walking to one corner is an equilibrium: against a walker to 10 nothing earns more than 10, to 20 no
 * more than 20, and the walk itself earns that. Leaving it for the other corner earns nothing. */
TEST(walks_to_both_corners_are_equilibria) {
    copy c;
    for (int goal_x = 0; goal_x <= 2; goal_x += 2) {
        double prize = goal_x ? 20.0 : 10.0;
        copy_open(&c, "");
        for (int agent = 0; agent < 2; agent++)
            EXPECT_NEAR(best_return(&c, agent, goal_x, HORIZON), prize, 0.0);
        double sum = 0.0, alone = 0.0;
        for (int t = 0; t < HORIZON && sum == 0.0; t++) {
            int m[2];
            for (int i = 0; i < 2; i++) m[i] = walk_to(goal_x, c.state[i], c.state[2 + i]);
            copy_step(&c, m[0], m[1]);
            sum += c.rewards[0];
        }
        EXPECT_NEAR(sum, prize, 0.0);
        c.env.type->reset(c.env.game, c.state, &c.rng, &c.io);
        for (int t = 0; t < HORIZON; t++) {
            int a = walk_to(goal_x, c.state[0], c.state[2]), b = walk_to(2 - goal_x, c.state[1], c.state[3]);
            copy_step(&c, a, b);
            alone += c.rewards[0];
        }
        EXPECT_NEAR(alone, 0.0, 0.0);
        fm_arena_free(&c.arena);
    }
}

/* The Stackelberg outcome is 20 as long as there is time to reach it, and it keeps to 20 from there on. */
TEST(exact_play_reaches_20) {
    copy c;
    exact_play *play;
    copy_open(&c, "");
    EXPECT(exact_play_solve(&c.env, c.state, HORIZON, 100000, &play, NULL) == FM_OK);
    int64_t left = HORIZON;
    bool over = false;
    while (!over && left > 0) {
        double value[2];
        int action[2];
        EXPECT(exact_play_at(play, c.state, left, value, action));
        EXPECT(value[0] == 20.0 && value[1] == 20.0);
        over = copy_step(&c, action[0], action[1]);
        left--;
    }
    EXPECT(over && copy_outcome(&c) == 1);
    exact_play_free(play);
    c.env.type->reset(c.env.game, c.state, &c.rng, &c.io);
    double value[2];
    int action[2];
    EXPECT(exact_play_solve(&c.env, c.state, 3, 100000, &play, NULL) == FM_OK);
    EXPECT(exact_play_at(play, c.state, 3, value, action) && value[0] == 0.0);
    exact_play_free(play);
    fm_arena_free(&c.arena);
}

/* Moves until both can stand on the corner of the bottom row at goal_x. */
static int moves_to(const int32_t at[4], int goal_x) {
    int longest = 0;
    for (int i = 0; i < 2; i++) {
        int moves = (at[i] > goal_x ? at[i] - goal_x : goal_x - at[i]) + at[2 + i];
        if (moves > longest) longest = moves;
    }
    return longest;
}

/* The value of every situation in closed form: 20 where time allows it, else 10, else nothing. */
TEST(exact_values_are_the_distances) {
    enum { LONG = 60 };
    copy c;
    exact_play *play;
    int64_t seen = 0;
    copy_open(&c, "horizon=60");
    EXPECT(exact_play_solve(&c.env, c.state, LONG, 100000, &play, NULL) == FM_OK);
    for (int a = 0; a < SQUARES; a++)
        for (int b = 0; b < SQUARES; b++)
            for (int64_t left = 1; left <= LONG; left++) {
                double value[2];
                int action[2];
                place(&c, a % 3, a / 3, b % 3, b / 3);
                if (!exact_play_at(play, c.state, left, value, action)) continue;
                bool reach_20 = left >= moves_to(c.state, 2), reach_10 = left >= moves_to(c.state, 0);
                double expected = reach_20 ? 20.0 : reach_10 ? 10.0 : 0.0;
                EXPECT(value[0] == expected && value[1] == expected);
                seen++;
            }
    EXPECT_EQ(seen, exact_play_states(play));
    EXPECT(seen > 79 * (LONG - 5));
    exact_play_free(play);
    fm_arena_free(&c.arena);
}

TEST(horizon_is_an_option) {
    copy c;
    fm_error err = {""};
    copy_open(&c, "horizon=20");
    EXPECT_EQ(c.env.facts.horizon, 20);
    EXPECT(fm_options_set(c.env.type->options, c.env.config, "horizon", "3", &err) == FM_BAD);
    fm_arena_free(&c.arena);
}

TEST(picture_shows_squares_and_agents) {
    copy c;
    char text[1024] = "";
    copy_open(&c, "");
    FILE *out = tmpfile();
    EXPECT(out != NULL);
    if (!out) return;
    c.env.type->render(c.env.game, c.state, NULL, out);
    place(&c, 1, 0, 2, 0);
    copy_step(&c, RIGHT, STAY);
    c.env.type->render(c.env.game, c.state, c.actions, out);
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    fclose(out);
    EXPECT_HAS(text, "[A    ][     ][B    ]\n");
    EXPECT_HAS(text, "[10   ][     ][20   ]\n");
    EXPECT_HAS(text, "[10   ][     ][AB 20]\n");
    EXPECT_HAS(text, "A went right, B went stay: both at 20\n");
    fm_arena_free(&c.arena);
}

TEST_MAIN(CASE(facts_are_the_captions), CASE(moves_stop_at_the_border), CASE(only_meetings_pay),
          CASE(both_meetings_take_four_moves), CASE(walks_to_both_corners_are_equilibria),
          CASE(exact_play_reaches_20), CASE(exact_values_are_the_distances),
          CASE(horizon_is_an_option), CASE(picture_shows_squares_and_agents))
