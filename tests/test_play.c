/* test_play.c: actions as text, scripts, and how ./play shows what happens, in a corridor with agents that
 * wait and die. */
#include "tests/test.h"

#include <stdlib.h>

#include "tests/toy_loop.h"
#include "training/actions.h"
#include "training/show/play_script.h"
#include "training/show/play_show.h"

static const char *refusal(const env_facts *facts, fm_arena *arena, const char *text) {
    static fm_error err;
    play_script script;
    err.text[0] = '\0';
    EXPECT_EQ(play_script_parse(facts, text, arena, &script, &err), FM_BAD);
    return err.text;
}

TEST(actions_of_several_heads_are_read_and_written) {
    bench b;
    play_script script;
    fm_error err;
    bench_make(&b, "corridor heads=3", "");
    const env_facts *facts = &b.world.facts;
    bench_must(play_script_parse(facts, "2:1:0/0:0:2,1:1:1/2:0:1", &b.arena, &script, &err), &err);
    static const real WANTED[] = {2, 1, 0, 0, 0, 2, 1, 1, 1, 2, 0, 1};
    EXPECT_EQ(script.decisions, 2);
    EXPECT(memcmp(script.actions, WANTED, sizeof WANTED) == 0);
    char *text = action_text(facts, 1, script.actions, 0);
    EXPECT_TEXT(text, "0:0:2");
    free(text);
    EXPECT(play_script_at(&script, facts, 7) == script.actions + 6);
    EXPECT_HAS(refusal(facts, &b.arena, "2:1:0/0:0"), "decision 1: corridor: '0:0' holds 2 actions");
    EXPECT_HAS(refusal(facts, &b.arena, "2:1:0/0:0"), "agent 1 (b) has 3, separated by ':'");
    EXPECT_HAS(refusal(facts, &b.arena, "0:0:0/0:0:0,2:2:0/0:0:0"), "decision 2: corridor: '2'");
    EXPECT_HAS(refusal(facts, &b.arena, "0:0:0"), "is for 1 agent; corridor has 2: expected a/b");
    fm_arena_free(&b.arena);
}

TEST(actions_of_a_box_are_any_finite_numbers) {
    bench b;
    play_script script;
    fm_error err;
    bench_make(&b, "corridor box=true", "");
    bench_must(play_script_parse(&b.world.facts, "-700/0.125", &b.arena, &script, &err), &err);
    EXPECT(script.actions[0] == -700 && script.actions[1] == (real)0.125);
    EXPECT_HAS(refusal(&b.world.facts, &b.arena, "inf/0"), "'inf' is not a number");
    if (sizeof(real) == sizeof(float))
        EXPECT_HAS(refusal(&b.world.facts, &b.arena, "0/1e39"), "'1e39' is not a number");
    EXPECT_HAS(refusal(&b.world.facts, &b.arena, "0/1:2"), "'1:2' holds 2 numbers");
    fm_arena_free(&b.arena);
}

/* Plays a script to the end of one episode and returns what is shown; malloc'ed. */
static char *shown(const char *world, const char *text, void (*put)(play_show *)) {
    bench b;
    stage s;
    play_script script;
    fm_error err;
    double readings[8];
    uint8_t gone[8];
    char *out = NULL;
    size_t size;
    bench_make(&b, world, "");
    const env_facts *facts = &b.world.facts;
    bench_must(play_script_parse(facts, text, &b.arena, &script, &err), &err);
    play_show show = {.stage = &s, .readings = readings, .gone = gone, .out = open_memstream(&out, &size)};
    stage_init(&s, &(stage_setup){.env = &b.world, .copies = 1, .purpose = FM_RNG_EVAL}, &b.arena, NULL);
    bench_must(stage_begin(&s, &err), &err);
    if (put == play_show_row) play_show_header(facts, show.out);
    for (put(&show); !env_vec_ended(&s.vec, 0); put(&show)) {
        memcpy(s.vec.actions, play_script_at(&script, facts, s.vec.length[0]),
               (size_t)facts->action_total * sizeof(real));
        bench_must(env_vec_step(&s.vec, &err), &err);
    }
    fclose(show.out);
    fm_arena_free(&b.arena);
    return out;
}

/* a acts at even steps and b at odd ones; b is done after two steps; the second reading is there at even
 * ones. */
TEST(show_leaves_out_what_is_not_there) {
    char *table = shown("corridor pauses=true death=2 absent=true", "0/1,1/2,2/0,0/1", play_show_row);
    EXPECT_TEXT(table, "episode,step,action_0,action_1,reward_0,reward_1,terminated,truncated,step,even\n"
                       "0,0,,,0,0,0,0,0,0\n"
                       "0,1,0,,1,1,0,0,1,\n"
                       "0,2,,2,1,1,0,0,2,2\n"
                       "0,3,2,,1,0,0,0,3,\n"
                       "0,4,,,1,0,1,0,4,4\n");
    free(table);
}

TEST(show_says_who_waits_and_who_is_done) {
    char *text = shown("corridor pauses=true death=2", "0/1,1/2,2/0,0/1", play_show_picture);
    EXPECT_HAS(text, "decision 1: a 0, b waits\n");
    EXPECT_HAS(text, "decision 2: a waits, b 2\nstep 2\n  rewards: a 1, b 1\n  b is done\n");
    EXPECT_HAS(text, "decision 3: a 2, b is done\nstep 3\n  rewards: a 1, b 0\n\n");
    EXPECT_HAS(text, "decision 4: a waits, b is done\n");
    EXPECT_HAS(text, "episode 0: over after 4 decisions; returns: a 4, b 2\n");
    free(text);
}

TEST(show_of_one_agent_names_nobody) {
    char *text = shown("corridor agents=1 length=1", "2", play_show_picture);
    EXPECT_HAS(text, "decision 1: 2\nstep 1\n  reward: 1\n\nepisode 0: over after 1 decision; return: 1\n");
    free(text);
}

TEST_MAIN(CASE(actions_of_several_heads_are_read_and_written), CASE(actions_of_a_box_are_any_finite_numbers),
          CASE(show_leaves_out_what_is_not_there), CASE(show_says_who_waits_and_who_is_done),
          CASE(show_of_one_agent_names_nobody))
