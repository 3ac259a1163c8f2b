/* conformance.h: the environments that tests/test_conformance.c holds to env.h and vector.h: every row of the
 * table with its defaults, further settings of some, and the tests' own. */
#ifndef TESTS_CONFORMANCE_H
#define TESTS_CONFORMANCE_H

#include <unistd.h>

#include "envs/env.h"
#include "tests/test.h"
#include "tests/toy_env.h"
#include "tests/toy_recall.h"
#include "tests/toy_swing.h"

static char game_file[64];

static const char GAME_TEXT[] =
    "NFG 1 R \"Commitment\" { \"Row\" \"Column\" }\n{ { \"T\" \"B\" } { \"L\" \"R\" } }\n"
    "2 1  1 0  4 0  3 1\n";

/* Options besides the defaults under which an environment has to conform as well. */
static const struct {
    const char *name, *settings;
} VARIANTS[] = {
    {"penalty", "k=-25"},
    {"penalty", "rounds=25 obs=0"},
    {"mixing", "rounds=25 done_every_round=true"},
    {"iterated", "game=hero memory=small horizon=3"},
    {"iterated", "game=reward_timing memory=none horizon=1 offset=0 x=1.5 c=-5"},
    {"leader-pomdp", "memory=small horizon=3 commitment=independent phase_flag=true hidden_queries=true"},
    {"leader-pomdp", "memory=small horizon=3 oracle=contextual plays=2"},
    {"leader-pomdp", "memory=small horizon=3 oracle=q games=4 q_noise=0.1 reward_in_queries=true"},
    {"leader-pomdp", "memory=small horizon=3 oracle=q games=4 reset_follower=false"},
    {"leader-pomdp", "game=maintain oracle=weights games=9 plays=2"},
    {"leader-pomdp", "game=allocation oracle=weights games=9 plays=5"},
    {"leader-pomdp", "game=mspm game_settings=values=4,messages=2 oracle=weights games=20 plays=3"},
    {"leader-pomdp", "game=mspm game_settings=setting=pi oracle=weights games=20 plays=0"},
    {"leader-pomdp", "game=matrix-design oracle=q games=20"},
    {"leader-pomdp", "game=mixture oracle=exact"},
    {"mspm", "setting=pi messages=1"},
    {"follower-pomdp", "game=allocation"},
    {"follower-pomdp", "game=hero memory=small tables=each"},
    {"random-matrix", "rows=2 cols=7 covariance=-0.5 game_seed=9"},
    {"duopoly", "intercept=5000 costs=1000"},
    {"duopoly", "costs=1,2 slope=0.3 capacity=50"},
    {"oligopoly", "levels=0 costs=3"},
    {"oligopoly", "levels=2,0,1,0,1,2,2,1 costs=1,1.01,1.02,1,1,1.02,1,1"},
    {"merge", "speed0=39 speed1=39"},
    {"onramp", "density=2 reward=global"},
    {"onramp", "density=3 cavs=6 reward=local supervisor=true"},
    {"onramp", "cavs=1"},
    {"onramp", "start=cav:150:0:0:25;cav:130:10.5:0:26;hdv:170:0:0:26;hdv:100:10.5:0:25.5"},
    {"chain", "agents=2"},
    {"chain", "agents=64"},
    {"grid", "horizon=5"},
    {"cartpole", "limit=8 timeout_terminal=true"},
    {"mountaincar-continuous", "start=0.3:0.05"},
    {"acrobot", "start=3:-0.5:4:-9"},
};

static const struct {
    const env_type *type;
    const char *settings;
} TOYS[] = {
    {&TOY_ENV, ""},
    {&TOY_ENV, "agents=40 cut=true seen=false masks=true"},
    {&TOY_ENV, "agents=3 heads=3 masks=true length=7 death=3 absent=true"},
    {&TOY_ENV, "agents=3 box=true pauses=true central=true hidden=2 length=6 death=4"},
    {&TOY_RECALL, ""},
    {&TOY_SWING, ""},
};

static void write_game_file(void) {
    snprintf(game_file, sizeof game_file, "/tmp/firstmover.%ld.env.nfg", (long)getpid());
    FILE *file = fopen(game_file, "w");
    EXPECT(file != NULL);
    if (!file) return;
    fputs(GAME_TEXT, file);
    fclose(file);
}

/* The environment of that name in the table, or of that type when there is no name. */
static void check_one(const char *name, const env_type *own, const char *settings,
                      void (*check)(const env *e)) {
    fm_arena arena = {0};
    fm_error err = {""};
    env e = {.type = own};
    int before = test_now.failures;
    bool ok = true;
    if (name) ok = env_open(name, &arena, &e, &err) == FM_OK;
    else fm_options_reset(own->options, e.config = fm_arena_alloc(&arena, 1, own->config_size));
    ok = ok && (!settings || fm_options_apply(e.type->options, e.config, settings, &err) == FM_OK) &&
         env_create(&e, &arena, &err) == FM_OK;
    EXPECT_MSG(ok, "%s", err.text);
    if (ok) check(&e);
    if (test_now.failures != before)
        printf("    (environment %s %s)\n", name ? name : own->name, settings ? settings : "");
    fm_arena_free(&arena);
}

/* Every row with its defaults, the row of files with a file, and the variants. */
static void for_all(void (*check)(const env *e)) {
    write_game_file();
    for (size_t i = 0; ENV_TABLE[i]; i++) {
        bool file = strcmp(ENV_TABLE[i]->name, "nfg") == 0;
        check_one(file ? game_file : ENV_TABLE[i]->name, NULL, NULL, check);
    }
    for (size_t i = 0; i < sizeof VARIANTS / sizeof *VARIANTS; i++)
        check_one(VARIANTS[i].name, NULL, VARIANTS[i].settings, check);
    for (size_t i = 0; i < sizeof TOYS / sizeof *TOYS; i++)
        check_one(NULL, TOYS[i].type, TOYS[i].settings, check);
    remove(game_file);
}

#endif
