/* test_stage.c: how episodes are played, evaluated, and named in the columns of a row. */
#include "tests/test.h"

#include <stdlib.h>

#include "tests/toy_loop.h"
#include "tests/toy_recall.h"

/* ---- the stage ---- */

static stage_setup setup_of(bench *b, int copies, fm_rng_purpose purpose, void *learner, algo_mode mode) {
    return (stage_setup){.env = &b->world,
                         .copies = copies,
                         .seed = 7,
                         .purpose = purpose,
                         .algo = &TOY_ALGO,
                         .learner = learner,
                         .mode = mode};
}

TEST(stage_streams_of_policy_and_environment_differ) {
    static const fm_rng_purpose PURPOSES[] = {FM_RNG_ENV, FM_RNG_EVAL};
    bench b;
    loop l;
    fm_rng streams[12];
    int n = 0;
    bench_make(&b, "merge", "");
    loop_init(&l, &b.setup);
    for (int p = 0; p < 2; p++) {
        stage s;
        stage_setup setup = setup_of(&b, 3, PURPOSES[p], l.learner, ALGO_GREEDY);
        stage_init(&s, &setup, &b.arena, NULL);
        for (int c = 0; c < 3; c++) {
            streams[n++] = s.rng[c];
            streams[n++] = s.vec.rng[c];
        }
    }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++) EXPECT(memcmp(&streams[i], &streams[k], sizeof *streams) != 0);
    loop_free(&l);
    fm_arena_free(&b.arena);
}

/* Counts the decisions of an episode in its memory, and says at the first one what it found there. */
static struct { real found[3]; int64_t firsts; } counter;

static size_t counter_memory(const void *self) { return (void)self, 1; }

static void counter_act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory,
                        real *actions) {
    toy_act(self, view, mode, rng, (real[8]){0}, actions);
    for (int c = 0; c < view->copies; c++) {
        if (view->first[c]) counter.firsts++;
        EXPECT(memory[c] == (view->first[c] ? 0 : counter.found[c] + 1));
        counter.found[c] = memory[c];
        memory[c] += 1;
    }
}

TEST(stage_memory_is_carried_and_begins_at_zero) {
    static const char *const WORLDS[] = {"corridor length=3", "merge"};
    algo_type counting = TOY_ALGO;
    counting.act = counter_act;
    counting.memory_length = counter_memory;
    for (int w = 0; w < 2; w++) {
        bench b;
        loop l;
        bench_make(&b, WORLDS[w], "epsilon=1");
        b.setup.algo = &counting;
        b.setup.num_envs = 3;
        memset(&counter, 0, sizeof counter);
        loop_init(&l, &b.setup);
        loop_advance(&l, 100);
        EXPECT(counter.firsts > 60 && counter.firsts >= l.counters.episodes);
        loop_free(&l);
        fm_arena_free(&b.arena);
    }
}

typedef struct seen { int64_t ended[4], steps[4], length[4]; double sum; } seen;

static void look(void *user, const stage *s, int copy) {
    seen *all = user;
    all->steps[copy]++;
    if (!env_vec_ended(&s->vec, copy)) return;
    all->ended[copy]++;
    all->length[copy] += s->vec.length[copy];
    all->sum += s->vec.sum[(size_t)copy * (size_t)s->vec.env->facts.agents];
}

TEST(stage_plays_as_many_episodes_in_every_copy) {
    bench b;
    loop l;
    fm_error err;
    bench_make(&b, "merge", "epsilon=1");
    loop_init(&l, &b.setup);
    stage s;
    seen all = {0};
    stage_setup setup = setup_of(&b, 4, FM_RNG_EVAL, l.learner, ALGO_TRAIN);
    stage_init(&s, &setup, &b.arena, NULL);
    bench_must(stage_play(&s, 200, look, &all, &err), &err);
    EXPECT(all.length[0] != all.length[1]); /* one of them had to wait for the other */
    for (int c = 0; c < 4; c++) {
        EXPECT_EQ(all.ended[c], 50);
        EXPECT_EQ(all.steps[c], all.length[c]); /* whole episodes, no step of a sixth one */
    }
    loop_free(&l);
    fm_arena_free(&b.arena);
}

/* ---- evaluation ---- */

TEST(evaluation_disturbs_nothing) {
    static const char *const WORLDS[] = {"merge", "maintain", "corridor masks=true pauses=true"};
    static const algo_mode MODES[] = {ALGO_GREEDY, ALGO_SAMPLE};
    for (int w = 0; w < 3; w++)
        for (int m = 0; m < 2; m++)
            for (int num_envs = 1; num_envs <= 3; num_envs += 2) {
                bench b;
                loop judged, left;
                bench_make(&b, WORLDS[w], "stick=0.3");
                b.setup.num_envs = num_envs;
                loop_init(&left, &b.setup);
                b.setup.eval_every = 70;
                b.setup.eval_mode = MODES[m];
                loop_init(&judged, &b.setup);
                EXPECT_EQ(loop_advance(&judged, 1000), LOOP_DONE);
                EXPECT_EQ(loop_advance(&left, 1000), LOOP_DONE);
                EXPECT(judged.eval_return[0] != FM_ABSENT && left.eval_return[0] == FM_ABSENT);
                judged.eval_return[0] = judged.eval_return[1] = FM_ABSENT;
                expect_same(&judged, &left, "loop/rows");
                loop_free(&judged);
                loop_free(&left);
                fm_arena_free(&b.arena);
            }
}

/* The columns hold the last evaluation: nothing before the first, then what the loop finds when it is asked
 * for the evaluation of that number. One is due whenever another `eval_every` decisions have been made. */
TEST(evaluation_is_shown_until_the_next_one) {
    bench b;
    loop l;
    fm_error err;
    double values[64];
    bench_make(&b, "merge", "epsilon=0.5 stick=0.5");
    b.setup.num_envs = 3;
    b.setup.eval_every = 100;
    b.setup.eval_mode = ALGO_SAMPLE;
    loop_evaluation e = loop_evaluation_make(&b.world.facts, &b.arena);
    loop_init(&l, &b.setup);
    int column = columns_find(&l.columns, "eval_return_1");
    EXPECT_EQ(column, l.columns.at[COLUMN_EVAL_RETURN] + 1);
    double last = FM_ABSENT;
    int64_t changes = 0;
    while (loop_advance(&l, 1) == LOOP_RUNNING) {
        int64_t count = l.counters.step / 100;
        loop_measure(&l, values);
        if (count != (l.counters.step - 3) / 100) {
            bench_must(loop_evaluate(&l, count, &e, &err), &err);
            changes += last != e.value[1];
            last = e.value[1];
        }
        EXPECT(values[column] == last);
    }
    EXPECT(changes > 2);
    loop_free(&l);
    fm_arena_free(&b.arena);
}

/* Each evaluation has its own streams, and the one at the end those of the trial's seed, as ./play has
 * them. */
TEST(evaluation_has_streams_of_its_own) {
    bench b;
    loop l;
    fm_error err;
    seen all = {0};
    stage s;
    bench_make(&b, "merge", "");
    b.setup.eval_episodes = 40;
    loop_init(&l, &b.setup);
    loop_advance(&l, 300);
    loop_evaluation e[3];
    for (int64_t k = 0; k < 3; k++) {
        e[k] = loop_evaluation_make(&b.world.facts, &b.arena);
        bench_must(loop_evaluate(&l, k, &e[k], &err), &err);
        EXPECT_EQ(e[k].episodes, 40);
    }
    stage_setup setup = setup_of(&b, 1, FM_RNG_EVAL, l.learner, ALGO_GREEDY);
    stage_init(&s, &setup, &b.arena, NULL);
    bench_must(stage_play(&s, 40, look, &all, &err), &err);
    EXPECT_NEAR(e[LOOP_AT_THE_END].value[0], all.sum / 40, 1e-9);
    EXPECT_NEAR(e[LOOP_AT_THE_END].length, (double)all.length[0] / 40, 1e-9);
    loop_evaluation again = loop_evaluation_make(&b.world.facts, &b.arena);
    bench_must(loop_evaluate(&l, 1, &again, &err), &err);
    expect_same_evaluation(&b.world.facts, &e[1], &again);
    loop_free(&l);
    fm_arena_free(&b.arena);
}

/* In the recall corridor greedy play of the toy is always the same turn, and half of the ways out are there:
 * which ones is another draw in every evaluation. */
TEST(evaluation_counts_outcomes_and_lengths) {
    bench b;
    loop l;
    fm_error err;
    bench_make(&b, "corridor", "");
    b.world = (env){.type = &TOY_RECALL, .config = fm_arena_alloc(&b.arena, 1, TOY_RECALL.config_size)};
    fm_options_reset(TOY_RECALL.options, b.world.config);
    bench_must(env_create(&b.world, &b.arena, &err), &err);
    b.setup.eval_episodes = 400;
    loop_evaluation e = loop_evaluation_make(&b.world.facts, &b.arena);
    loop_init(&l, &b.setup);
    bench_must(loop_evaluate(&l, LOOP_AT_THE_END, &e, &err), &err);
    EXPECT_EQ(e.length, 5);
    EXPECT_EQ(e.action[0], 0);
    EXPECT_NEAR(e.outcome[0] + e.outcome[1], 1, 1e-12);
    EXPECT_NEAR(e.value[0], e.outcome[1] - e.outcome[0], 1e-12);
    EXPECT_NEAR(e.outcome[1], 0.5, 0.1);
    double last[3] = {e.value[0], 0, 0};
    for (int64_t count = 1; count < 3; count++) {
        bench_must(loop_evaluate(&l, count, &e, &err), &err);
        for (int k = 0; k < count; k++) EXPECT(e.value[0] != last[k]);
        last[count] = e.value[0];
    }
    loop_free(&l);
    fm_arena_free(&b.arena);
}

/* ---- columns ---- */

TEST(columns_are_found_by_their_names) {
    static const char *const WITH[] = {"step",          "episodes",      "return_0",    "return_1",
                                       "length",        "eval_return_0", "eval_return_1", "surprise_0",
                                       "surprise_1",    "updates",       "late",        "seconds",
                                       "seconds_env",   "seconds_act",   "seconds_update"};
    bench b;
    char text[64];
    bench_make(&b, "corridor", "");
    progress_columns with = columns_of(&b.world.facts, &TOY_ALGO, true);
    progress_columns without = columns_of(&b.world.facts, &TOY_ALGO, false);
    EXPECT_EQ(with.at[COLUMN_END], 15);
    EXPECT_EQ(without.at[COLUMN_END], 13);
    for (int c = 0; c < 15; c++) {
        EXPECT_TEXT(columns_name(&with, c, text, sizeof text), WITH[c]);
        EXPECT_EQ(columns_find(&with, WITH[c]), c);
        EXPECT_EQ(columns_find(&without, WITH[c]), c < 5 ? c : c < 7 ? -1 : c - 2);
    }
    EXPECT_EQ(columns_find(&with, "surprise"), -1);
    fm_arena_free(&b.arena);
    bench_make(&b, "maintain", "");
    progress_columns of = columns_of(&b.world.facts, &TOY_ALGO, false);
    EXPECT_EQ(columns_find(&of, "outcome_A-X"), of.at[COLUMN_OUTCOME]);
    EXPECT_EQ(of.at[COLUMN_EVAL_RETURN] - of.at[COLUMN_OUTCOME], 9);
    fm_arena_free(&b.arena);
}

TEST(columns_hold_what_their_names_say) {
    bench b;
    loop l;
    double row[64];
    bench_make(&b, "corridor", "late=150");
    b.setup.steps = 200;
    b.setup.rows = 2;
    b.setup.eval_every = 150;
    loop_init(&l, &b.setup);
    EXPECT_EQ(loop_advance(&l, 1000), LOOP_DONE);
    for (int r = 0; r < 2; r++) {
        loop_row(&l, r, row);
        EXPECT_EQ(row[columns_find(&l.columns, "step")], 100 * (r + 1));
        EXPECT_EQ(row[columns_find(&l.columns, "episodes")], 25 * (r + 1));
        EXPECT_EQ(row[columns_find(&l.columns, "return_1")], 4);
        EXPECT_EQ(row[columns_find(&l.columns, "length")], 4);
        EXPECT_EQ(row[columns_find(&l.columns, "updates")], 100 * (r + 1));
        EXPECT(row[columns_find(&l.columns, "late")] == (r == 0 ? FM_ABSENT : 200));
        EXPECT(row[columns_find(&l.columns, "eval_return_0")] == (r == 0 ? FM_ABSENT : 4));
        EXPECT(row[columns_find(&l.columns, "seconds")] > 0);
    }
    loop_free(&l);
    fm_arena_free(&b.arena);
}

TEST_MAIN(CASE(stage_streams_of_policy_and_environment_differ),
          CASE(stage_memory_is_carried_and_begins_at_zero), CASE(stage_plays_as_many_episodes_in_every_copy),
          CASE(evaluation_disturbs_nothing), CASE(evaluation_is_shown_until_the_next_one),
          CASE(evaluation_has_streams_of_its_own), CASE(evaluation_counts_outcomes_and_lengths),
          CASE(columns_are_found_by_their_names), CASE(columns_hold_what_their_names_say))
