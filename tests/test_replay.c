/* The replay: who waits, who dies, who earns no credit; large offsets; and how many updates are due. */
#include "algos/parts/cadence.h"
#include "algos/parts/replay.h"
#include "envs/vector.h"
#include "tests/test.h"
#include "tests/toy_env.h"

typedef struct bench {
    fm_arena arena;
    fm_keep_list keep;
    ad_tape *tape;
    env world;
    env_vec vec;
    algo_setup setup;
    algo_replay replay;
    fm_error err;
} bench;

/* The corridor with these settings, `copies` of it, and a replay beside it. */
static void bench_begin(bench *b, const char *settings, int copies, int64_t steps, int64_t capacity) {
    memset(b, 0, sizeof *b);
    b->tape = ad_tape_new();
    b->world.type = &TOY_ENV;
    b->world.config = fm_arena_alloc(&b->arena, 1, sizeof(toy_env_config));
    fm_options_reset(TOY_ENV_OPTIONS, b->world.config);
    EXPECT(fm_options_apply(TOY_ENV_OPTIONS, b->world.config, settings, &b->err) == FM_OK);
    EXPECT(env_create(&b->world, &b->arena, &b->err) == FM_OK);
    env_vec_init(&b->vec, &b->world, copies, 0, FM_RNG_ENV, &b->arena, NULL);
    b->setup = (algo_setup){.facts = &b->world.facts, .num_envs = copies, .steps = steps, .tape = b->tape,
                            .arena = &b->arena, .keep = &b->keep};
    b->replay = algo_replay_make(&b->setup, capacity);
    EXPECT(env_vec_reset(&b->vec, &b->err) == FM_OK);
}

static void bench_end(bench *b) {
    ad_tape_free(b->tape);
    fm_keep_free(&b->keep);
    fm_arena_free(&b->arena);
}

/* Steps every copy, with action `step % 2` of everybody. */
static void play(bench *b, int steps) {
    for (int step = 0; step < steps; step++) {
        for (int k = 0; k < b->vec.copies * b->world.facts.action_total; k++)
            b->vec.actions[k] = (real)(step % 2);
        EXPECT(env_vec_step(&b->vec, &b->err) == FM_OK);
        algo_step now = {.before = env_vec_before(&b->vec), .actions = b->vec.actions,
                         .rewards = b->vec.rewards, .after = env_vec_now(&b->vec), .done = b->vec.done,
                         .terminated = b->vec.terminated, .truncated = b->vec.truncated};
        algo_replay_add(&b->replay, &now);
        EXPECT(env_vec_restart(&b->vec, &b->err) == FM_OK);
    }
}

/* The columns of agent i in the slots 0..rows-1. */
typedef struct columns {
    real *obs, *next, *action, *reward, *not_done, *weight;
} columns;

static columns look(bench *b, int i, size_t rows) {
    algo_batch batch = algo_batch_make(&b->setup, rows);
    columns c = {.obs = algo_batch_leaf(&batch, ALGO_OBS, i, NULL),
                 .next = algo_batch_leaf(&batch, ALGO_NEXT_OBS, i, NULL),
                 .action = algo_batch_leaf(&batch, ALGO_ACTION, i, NULL),
                 .reward = algo_batch_leaf(&batch, ALGO_REWARD, i, NULL),
                 .not_done = algo_batch_leaf(&batch, ALGO_NOT_DONE, i, NULL),
                 .weight = algo_batch_leaf(&batch, ALGO_WEIGHT, i, NULL)};
    for (size_t r = 0; r < rows; r++) batch.drawn[r] = (uint32_t)r;
    algo_replay_fill(&b->replay, &batch);
    return c;
}

/* The step that a one-hot observation of the corridor shows. */
static int seen(const real *obs, int length) {
    for (int k = 0; k <= length; k++)
        if (obs[k] == 1) return k;
    return -1;
}

TEST(a_transition_goes_from_decision_to_decision) {
    bench b;
    bench_begin(&b, "length=4", 1, 100, 100);
    play(&b, 6);
    columns c = look(&b, 1, 6);
    for (int r = 0; r < 6; r++) {
        EXPECT_EQ(seen(c.obs + r * 5, 4), r % 4);
        EXPECT_EQ(seen(c.next + r * 5, 4), r % 4 + 1);
        EXPECT(c.action[r] == r % 2 && c.reward[r] == 1 && c.weight[r] == 1);
        EXPECT(c.not_done[r] == (r == 3 ? 0 : 1));
    }
    bench_end(&b);
}

/* Agent 1 acts at steps 1 and 3 of five: from 1 it comes to 3 with two rewards, from 3 to the end with two.
 * Cut off there, it would act next and bootstraps; agent 0, who acted at step 4, waits then and cannot. */
TEST(an_agent_that_waits_is_paid_at_its_last_decision) {
    for (int cut = 0; cut < 2; cut++) {
        bench b;
        bench_begin(&b, cut ? "length=5 pauses=true cut=true" : "length=5 pauses=true", 2, 100, 100);
        play(&b, 5);
        columns first = look(&b, 0, 10), second = look(&b, 1, 10);
        for (int r = 0; r < 10; r++) {
            int step = r / 2;
            EXPECT(second.weight[r] == (step == 1 || step == 3));
            EXPECT(first.weight[r] == (step == 0 || step == 2 || (step == 4 && !cut)));
            if (step == 1) EXPECT(second.reward[r] == 2 && seen(second.next + r * 6, 5) == 3);
            if (step == 3) EXPECT(second.reward[r] == 2 && second.not_done[r] == (cut ? 1 : 0));
            if (step == 4) EXPECT(first.reward[r] == 1 && first.not_done[r] == (cut ? 1 : 0));
        }
        bench_end(&b);
    }
}

TEST(a_transition_that_waits_has_no_weight) {
    bench b;
    bench_begin(&b, "length=5 pauses=true", 1, 100, 100);
    play(&b, 1);
    columns c = look(&b, 0, 1);
    EXPECT(c.weight[0] == 0);
    play(&b, 1);
    c = look(&b, 0, 2);
    EXPECT(c.weight[0] == 1 && c.weight[1] == 0 && c.reward[0] == 2);
    bench_end(&b);
}

/* The ring is shorter than the wait: what was overwritten is not written to. */
TEST(a_row_overwritten_while_it_waits_is_let_go) {
    bench b;
    bench_begin(&b, "length=5 pauses=true", 4, 1000, 6);
    play(&b, 9);
    columns c = look(&b, 0, 6);
    double sum = 0;
    for (int r = 0; r < 6; r++) {
        EXPECT(c.weight[r] == 0 || c.reward[r] == 1 || c.reward[r] == 2);
        sum += (double)c.reward[r];
    }
    EXPECT(sum > 0);
    bench_end(&b);
}

/* Agent 1 dies after two steps: its second transition has no future, later rows teach it nothing. */
TEST(the_dead_have_no_future_and_no_weight) {
    bench b;
    bench_begin(&b, "length=4 death=2", 1, 100, 100);
    play(&b, 4);
    columns dead = look(&b, 1, 4), living = look(&b, 0, 4);
    for (int r = 0; r < 4; r++) {
        EXPECT(dead.weight[r] == (r < 2) && living.weight[r] == 1);
        if (r < 2) EXPECT(dead.not_done[r] == (r == 0));
        EXPECT(living.not_done[r] == (r < 3));
    }
    bench_end(&b);
}

TEST(hidden_queries_are_stored_without_weight) {
    bench b;
    bench_begin(&b, "length=4 hidden=2", 1, 100, 100);
    play(&b, 4);
    columns c = look(&b, 0, 4);
    for (int r = 0; r < 4; r++) EXPECT(c.weight[r] == (r >= 2) && c.reward[r] == 1);
    bench_end(&b);
}

/* One-hots of three actions, step % 2 being taken; zeros once the last agent is dead; the same whether they
 * are asked for once or twice, of all agents or of one. */
TEST(columns_of_the_dead_are_zeros) {
    bench b;
    bench_begin(&b, "death=2", 1, 4, 10);
    play(&b, 4);
    algo_batch batch = algo_batch_make(&b.setup, 4);
    real wide[4][8], *all = algo_batch_leaf(&batch, ALGO_COLUMNS, ALGO_ALL, NULL);
    real *one = algo_batch_leaf(&batch, ALGO_COLUMNS, 1, NULL);
    real *active = algo_batch_leaf(&batch, ALGO_ACTIVE, 1, NULL);
    algo_batch_into(&batch, ALGO_COLUMNS, ALGO_ALL, wide[0] + 2, 8);
    for (int round = 0; round < 2; round++) {
        for (size_t r = 0; r < 4; r++) batch.drawn[r] = (uint32_t)(round == 0 ? r : 3 - r);
        algo_replay_fill(&b.replay, &batch);
        for (size_t r = 0; r < 4; r++)
            for (size_t k = 0; k < 6; k++) {
                size_t slot = batch.drawn[r];
                real expected = (k < 3 || slot < 2) && k % 3 == slot % 2;
                EXPECT(all[r * 6 + k] == expected);
                EXPECT(wide[r][2 + k] == expected);
                if (k >= 3) EXPECT(one[r * 3 + k - 3] == expected);
                EXPECT(active[r] == (slot < 2 ? 1 : 0));
            }
    }
    bench_end(&b);
}

TEST(the_buffer_is_no_larger_than_the_run) {
    bench b;
    bench_begin(&b, "length=4", 3, 10, 100000000);
    EXPECT_EQ(b.replay.capacity, 13);
    play(&b, 4);
    EXPECT_EQ(algo_replay_size(&b.replay), 12);
    bench_end(&b);
}

/* Rewards of 1e9 and 1e9 + 1: their difference outlives the scaling. */
TEST(rewards_keep_their_digits) {
    bench b;
    bench_begin(&b, "length=4", 1, 100, 100);
    play(&b, 2);
    b.replay.rewards[0] = 1e9;
    b.replay.rewards[2] = 1e9 + 1;
    algo_scale scale[] = {{.shift = 1e9, .scale = 2}, {0, 1}};
    algo_batch batch = algo_batch_make(&b.setup, 2);
    real *reward = algo_batch_leaf(&batch, ALGO_REWARD, 0, NULL);
    batch.scale = scale;
    batch.drawn[0] = 0, batch.drawn[1] = 1;
    algo_replay_fill(&b.replay, &batch);
    EXPECT(reward[0] == 0 && reward[1] == 2);
    algo_scale spread = algo_replay_scale(&b.replay, 0);
    EXPECT_NEAR(spread.scale, 2, 1e-9);
    bench_end(&b);
}

/* Updates after learning_starts, whatever the number of copies: as many as decisions allow. */
TEST(updates_per_decision_do_not_depend_on_copies) {
    for (int copies = 1; copies <= 16; copies++)
        for (int freq = 1; freq <= 5; freq++)
            for (int rounds = 1; rounds <= 2; rounds++) {
                algo_cadence cadence = {0};
                int64_t updates = 0;
                while (cadence.decisions < 720) {
                    algo_cadence_count(&cadence, copies, 100);
                    while (algo_cadence_due(&cadence, freq, rounds)) updates++;
                }
                EXPECT_EQ(updates, (cadence.decisions - 100) / freq * rounds);
                EXPECT_EQ(updates, cadence.updates);
            }
}

TEST_MAIN(CASE(a_transition_goes_from_decision_to_decision),
          CASE(an_agent_that_waits_is_paid_at_its_last_decision), CASE(a_transition_that_waits_has_no_weight),
          CASE(a_row_overwritten_while_it_waits_is_let_go), CASE(the_dead_have_no_future_and_no_weight),
          CASE(hidden_queries_are_stored_without_weight), CASE(columns_of_the_dead_are_zeros),
          CASE(the_buffer_is_no_larger_than_the_run), CASE(rewards_keep_their_digits),
          CASE(updates_per_decision_do_not_depend_on_copies))
