/* Normal-form games as environments: payoffs, names, facts, rendering, files. */
#include <stdlib.h>
#include <unistd.h>

#include "envs/games/bimatrix.h"
#include "envs/env.h"
#include "envs/vector.h"
#include "tests/test.h"

static fm_arena arena;

static bool make(const char *name, const char *settings, env *e, fm_error *err) {
    return env_open(name, &arena, e, err) == FM_OK &&
           (!settings || fm_options_apply(e->type->options, e->config, settings, err) == FM_OK) &&
           env_create(e, &arena, err) == FM_OK;
}

static env made(const char *name, const char *settings) {
    env e;
    fm_error err = {""};
    bool ok = make(name, settings, &e, &err);
    EXPECT_MSG(ok, "%s: %s", name, err.text);
    if (!ok) exit(1);
    return e;
}

static void expect_payoffs(env *e, const double (*cells)[2], int rows, int cols) {
    env_vec v;
    env_vec_init(&v, e, 1, 0, FM_RNG_ENV, &arena, NULL);
    EXPECT_EQ(env_vec_reset(&v, NULL), FM_OK);
    env_view start = env_vec_now(&v);
    EXPECT_NEAR(start.obs[0], 1, 0);
    EXPECT_NEAR(start.obs[1], 1, 0);
    for (int r = 0; r < rows; r++) {
        for (int c = 0; c < cols; c++) {
            v.actions[0] = (real)r, v.actions[1] = (real)c;
            EXPECT_EQ(env_vec_step(&v, NULL), FM_OK);
            EXPECT_NEAR(v.rewards[0], cells[r * cols + c][0], 0);
            EXPECT_NEAR(v.rewards[1], cells[r * cols + c][1], 0);
            EXPECT_EQ(v.terminated[0], 1);
            EXPECT_EQ(v.outcome[0], r * cols + c);
            EXPECT_NEAR(env_vec_now(&v).obs[0], 1, 0);
            EXPECT_EQ(env_vec_restart(&v, NULL), FM_OK);
        }
    }
}

static void expect_solution(const env *e, const char *concept, const char *label, double leader,
                            double follower) {
    bool found = false;
    for (int s = 0; s < e->facts.solutions; s++) {
        const env_solution *x = &e->facts.solution[s];
        found |= strcmp(x->concept, concept) == 0 && strcmp(x->label, label) == 0 && x->value[0] == leader &&
                 x->value[1] == follower;
    }
    EXPECT_MSG(found, "%s: no %s %s", e->facts.name, concept, label);
}

/* [Zhang 2020, Table 1] */
TEST(maintain) {
    static const double cells[][2] = {{20, 15}, {0, 0}, {0, 0}, {30, 0}, {10, 5},
                                      {0, 0},   {0, 0}, {0, 0}, {5, 10}};
    env e = made("maintain", NULL);
    expect_payoffs(&e, cells, 3, 3);
    expect_solution(&e, "stackelberg", "A-X", 20, 15);
    expect_solution(&e, "nash", "B-Y", 10, 5);
    expect_solution(&e, "nash", "C-Z", 5, 10);
    EXPECT_EQ(e.facts.solutions, 3);
    EXPECT_EQ(e.facts.rewards, ENV_GENERAL_SUM);
    EXPECT_EQ(e.facts.agent[0].level, 0);
    EXPECT_EQ(e.facts.agent[1].level, 1);
    EXPECT_NEAR(e.facts.agent[0].reward_high, 30, 0);
    EXPECT_NEAR(e.facts.agent[1].reward_low, 0, 0);
    EXPECT_TEXT(e.facts.outcome_name[3], "B-X");
    EXPECT(e.facts.bimatrix != NULL && e.facts.bimatrix->rows == 3);
}

TEST(escape) {
    static const double cells[][2] = {{15, 15}, {10, 10}, {0, 0}, {10, 10}, {10, 10},
                                      {0, 0},   {0, 0},   {0, 0}, {30, 30}};
    env e = made("escape", NULL);
    expect_payoffs(&e, cells, 3, 3);
    expect_solution(&e, "stackelberg", "C-Z", 30, 30);
    expect_solution(&e, "nash", "A-X", 15, 15);
    expect_solution(&e, "nash", "B-Y", 10, 10);
    EXPECT_EQ(e.facts.rewards, ENV_COMMON);
}

TEST(penalty_and_mixing) {
    static const double penalty[][2] = {{-25, -25}, {0, 0}, {10, 10}, {0, 0},    {2, 2},
                                        {0, 0},     {8, 8}, {0, 0},   {-25, -25}};
    static const double mixing[][2] = {{0, 5},    {-10, -5}, {-8, 4},   {-5, -10}, {-5, 0},
                                       {-15, -5}, {5, 0},    {-10, -5}, {-10, 5}};
    env e = made("penalty", "k=-25");
    expect_payoffs(&e, penalty, 3, 3);
    expect_solution(&e, "stackelberg", "a1-b3", 10, 10);
    EXPECT_EQ(e.facts.solutions, 4);
    e = made("mixing", NULL);
    expect_payoffs(&e, mixing, 3, 3);
    expect_solution(&e, "stackelberg", "a1-b1", 0, 5);
    expect_solution(&e, "nash", "a2-b2", -5, 0);
    EXPECT_EQ(e.facts.solutions, 2);
    env out;
    fm_error err;
    EXPECT(!make("penalty", "k=3", &out, &err));
    EXPECT_HAS(err.text, "k");
    EXPECT(!make("penalty", "q=3", &out, &err));
}

/* Rounds of one episode: rewards, ends, observations and facts. */
static void expect_rounds(const char *name, const char *settings, int rounds, double obs) {
    env e = made(name, settings);
    env_vec v;
    env_vec_init(&v, &e, 1, 0, FM_RNG_ENV, &arena, NULL);
    EXPECT_EQ(env_vec_reset(&v, NULL), FM_OK);
    EXPECT_EQ(e.facts.horizon, rounds);
    EXPECT_EQ(e.facts.bimatrix != NULL, rounds == 1);
    const env_solution *best = env_facts_solution(&e.facts, "stackelberg");
    EXPECT_EQ(best->action != NULL, rounds == 1);
    for (int episode = 0; episode < 2; episode++) {
        for (int round = 1; round <= rounds; round++) {
            for (int i = 0; i < 2; i++) EXPECT_NEAR(env_vec_now(&v).obs[i], obs, 0);
            v.actions[0] = 0, v.actions[1] = (real)(round < rounds ? 2 : 0); /* a1-b3, at last a1-b1 */
            EXPECT_EQ(env_vec_step(&v, NULL), FM_OK);
            for (int i = 0; i < 2; i++) EXPECT_NEAR(env_vec_now(&v).obs[i], obs, 0);
            EXPECT_EQ(v.terminated[0], round == rounds);
            EXPECT_EQ(v.truncated[0], 0);
            EXPECT_EQ(v.outcome[0], round == rounds ? 0 : -1);
            EXPECT_EQ(v.length[0], round);
            EXPECT_EQ(env_vec_restart(&v, NULL), FM_OK);
        }
    }
}

TEST(repeated_games) {
    expect_rounds("penalty", "rounds=25", 25, 1);
    expect_rounds("penalty", "rounds=25 obs=0 k=-25", 25, 0);
    expect_rounds("mixing", "rounds=7 obs=0", 7, 0);
    expect_rounds("mixing", "rounds=25 done_every_round=true", 1, 1);
    expect_rounds("penalty", "obs=0", 1, 0);
    env e = made("penalty", "rounds=25");
    env_vec v;
    env_vec_init(&v, &e, 1, 0, FM_RNG_ENV, &arena, NULL);
    EXPECT_EQ(env_vec_reset(&v, NULL), FM_OK);
    for (int round = 0; round < 25; round++) {
        v.actions[0] = 0, v.actions[1] = 2;
        EXPECT_EQ(env_vec_step(&v, NULL), FM_OK);
        EXPECT_NEAR(v.rewards[1], 10, 0);
    }
    expect_solution(&e, "stackelberg", "a1-b3", 250, 250);
    expect_solution(&e, "nash", "a2-b2", 50, 50);
    EXPECT_NEAR(v.sum[0], 250, 0);
    e = made("mixing", "rounds=2");
    expect_solution(&e, "stackelberg", "a1-b1", 0, 10);
    expect_solution(&e, "nash", "a2-b2", -10, 0);
    env out;
    fm_error err;
    EXPECT(!make("penalty", "rounds=0", &out, &err));
    EXPECT_HAS(err.text, "rounds");
    EXPECT(!make("penalty", "obs=2", &out, &err));
    EXPECT_HAS(err.text, "obs");
}

TEST(random_family) {
    env a = made("random-matrix", "rows=4 cols=6 covariance=0.5 game_seed=3");
    env b = made("random-matrix", "rows=4 cols=6 covariance=0.5 game_seed=3");
    env c = made("random-matrix", "rows=4 cols=6 covariance=0.5 game_seed=4");
    EXPECT_EQ(a.facts.agent[0].action.n, 4);
    EXPECT_EQ(a.facts.agent[1].action.n, 6);
    size_t size = 24 * sizeof(double);
    EXPECT(memcmp(a.facts.bimatrix->payoff[1], b.facts.bimatrix->payoff[1], size) == 0);
    EXPECT(memcmp(a.facts.bimatrix->payoff[1], c.facts.bimatrix->payoff[1], size) != 0);
    env one = made("random-matrix", "covariance=1");
    EXPECT_EQ(one.facts.rewards, ENV_COMMON);
}

/* The options are those of the games, so that a game is set alike as an environment and as a matrix. */
TEST(options_are_those_of_the_games) {
    for (size_t g = 0; g < BIMATRIX_GAMES_COUNT; g++) {
        const env_type *type = env_find(BIMATRIX_GAMES[g].name);
        EXPECT_MSG(type != NULL, "%s is no environment", BIMATRIX_GAMES[g].name);
        for (const fm_option *o = BIMATRIX_GAMES[g].options; type && o->name; o++) {
            const char *name = strcmp(o->name, "seed") == 0 ? "game_seed" : o->name;
            const fm_option *mine = type->options ? fm_options_find(type->options, name) : NULL;
            EXPECT_MSG(mine && mine->offset == o->offset && mine->type == o->type && mine->min == o->min &&
                           mine->max == o->max && strcmp(mine->default_value, o->default_value) == 0,
                       "%s: option %s differs", type->name, name);
        }
    }
}

TEST(render_marks_the_cell) {
    env e = made("maintain", NULL);
    env_vec v;
    env_vec_init(&v, &e, 1, 0, FM_RNG_ENV, &arena, NULL);
    EXPECT_EQ(env_vec_reset(&v, NULL), FM_OK);
    char *text = NULL;
    size_t length;
    for (int played = 0; played < 2; played++) {
        FILE *out = open_memstream(&text, &length);
        EXPECT(out != NULL);
        if (!out) return;
        v.actions[0] = 1, v.actions[1] = 0;
        if (played) EXPECT_EQ(env_vec_step(&v, NULL), FM_OK);
        e.type->render(e.game, env_vec_state(&v, 0), played ? v.actions : NULL, out);
        fclose(out);
        EXPECT_HAS(text, "Follower");
        EXPECT_HAS(text, " 20, 15 ");
        EXPECT((strstr(text, "[30, 0]") != NULL) == (played == 1));
        EXPECT((strchr(text, '[') != NULL) == (played == 1));
        const char *line = strstr(text, "\nB");
        EXPECT(line != NULL && (!played || strstr(line, "[30, 0]") < strchr(line + 1, '\n')));
        free(text);
    }
    double readings[4];
    e.type->read(e.game, env_vec_state(&v, 0), readings);
    EXPECT_NEAR(readings[0], 1, 0);
    EXPECT_NEAR(readings[1], 0, 0);
    EXPECT_NEAR(readings[2], 30, 0);
    EXPECT_NEAR(readings[3], 0, 0);
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    EXPECT(file != NULL);
    if (!file) return;
    fputs(text, file);
    fclose(file);
}

TEST(files) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/firstmover.%ld.game.nfg", (long)getpid());
    write_text(path, "NFG 1 R \"\" { \"Anna\" \"Bert\" }\n{ { \"go\" \"go\" } { \"L\" \"M\" \"R\" } }\n"
                     "1 2  3 4  5 6  7 8  9 10  1/2 -0.25\n");
    static const double cells[][2] = {{1, 2}, {5, 6}, {9, 10}, {3, 4}, {7, 8}, {0.5, -0.25}};
    env e = made(path, NULL);
    expect_payoffs(&e, cells, 2, 3);
    snprintf(path, sizeof path, "firstmover.%ld.game", (long)getpid());
    EXPECT_TEXT(e.facts.name, path);
    EXPECT_TEXT(e.facts.title, path);
    EXPECT_TEXT(e.facts.agent[1].name, "Bert");
    EXPECT_TEXT(e.facts.outcome_name[5], "go_2-R");
    expect_solution(&e, "stackelberg", "go-R", 9, 10);

    snprintf(path, sizeof path, "/tmp/firstmover.%ld.game.nfg", (long)getpid());
    env bad;
    fm_error err;
    write_text(path, "NFG 1 R \"x\" { \"A\" \"B\" }\n{ 2 2 }\n\n1 2 3 4 5 6 7\n");
    EXPECT(!make(path, NULL, &bad, &err));
    EXPECT_HAS(err.text, path);
    EXPECT_HAS(err.text, "line");
    remove(path);
    EXPECT(!make(path, NULL, &bad, &err));
    EXPECT_HAS(err.text, path);
    EXPECT(!make("maintain.nfgs", NULL, &bad, &err));
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(maintain), CASE(escape), CASE(penalty_and_mixing), CASE(repeated_games),
          CASE(random_family), CASE(options_are_those_of_the_games), CASE(render_marks_the_cell), CASE(files))
