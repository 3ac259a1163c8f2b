/* learning.c: what learning is made of, and learning itself: groups update, replay, env, train. */
#include <stdio.h>
#include <string.h>

#include "algos/families/actor_critic.h"
#include "algos/parts/replay.h"
#include "base/text.h"
#include "benchmarks/bench.h"
#include "envs/traffic/merge.h"
#include "training/run/trials.h"

#define COPIES 64
#define ROWS_OF_ACTIONS 64 /* joint actions drawn beforehand, played in turn */
#define CAPACITY 10000
#define BATCH 512
#define ROLLOUT 4000

/* ---- an environment under random actions ---- */

typedef struct world {
    fm_arena arena;
    fm_keep_list keep;
    env env;
    stage stage;
    real *actions; /* [ROWS_OF_ACTIONS][copies][action_total] */
    size_t at;
} world;

static void world_free(world *w) {
    fm_keep_free(&w->keep);
    fm_arena_free(&w->arena);
}

static bool opens(const char *name) {
    fm_arena arena = {0};
    env e;
    fm_error err;
    bool fine = env_open(name, &arena, &e, &err) == FM_OK && env_create(&e, &arena, &err) == FM_OK;
    fm_arena_free(&arena);
    return fine;
}

/* Built in place, since the stage borrows the environment. */
static void world_make(world *w, const char *name, int copies) {
    fm_error err;
    memset(w, 0, sizeof *w);
    FM_CHECK(env_open(name, &w->arena, &w->env, &err) == FM_OK, "%s", err.text);
    FM_CHECK(env_create(&w->env, &w->arena, &err) == FM_OK, "%s", err.text);
    const env_facts *facts = &w->env.facts;
    stage_setup setup = {.env = &w->env, .copies = copies, .purpose = FM_RNG_ENV};
    stage_init(&w->stage, &setup, &w->arena, NULL);
    FM_CHECK(stage_begin(&w->stage, &err) == FM_OK, "%s", err.text);
    size_t width = (size_t)facts->action_total, rows = (size_t)ROWS_OF_ACTIONS * (size_t)copies;
    fm_rng rng = fm_rng_split(0, FM_RNG_EXPLORE, 0, 0);
    w->actions = fm_arena_array(&w->arena, real, rows * width);
    for (size_t r = 0; r < rows; r++)
        for (int i = 0; i < facts->agents; i++)
            algo_random_action(facts, i, NULL, &rng, w->actions + r * width + facts->agent[i].action_at);
}

/* A step, shown to `observe` (NULL: to nobody), and the restart. */
static void world_step(world *w, void (*observe)(void *self, const algo_step *step), void *self) {
    fm_error err;
    env_vec *v = &w->stage.vec;
    size_t block = (size_t)v->copies * (size_t)w->env.facts.action_total;
    memcpy(v->actions, w->actions + w->at * block, block * sizeof(real));
    w->at = (w->at + 1) % ROWS_OF_ACTIONS;
    FM_CHECK(env_vec_step(v, &err) == FM_OK, "%s", err.text);
    if (observe) {
        algo_step step = stage_step_of(&w->stage);
        observe(self, &step);
    }
    FM_CHECK(stage_restart(&w->stage, &err) == FM_OK, "%s", err.text);
}

/* Plays until so many decisions were shown to `observe`. */
static void world_show(world *w, int64_t decisions, void (*observe)(void *self, const algo_step *step),
                       void *self) {
    for (int64_t shown = 0; shown < decisions; shown += w->stage.vec.copies) world_step(w, observe, self);
}

static algo_setup setup_of(world *w, const void *config) {
    return (algo_setup){.facts = &w->env.facts,
                        .config = config,
                        .num_envs = w->stage.vec.copies,
                        .steps = 1000000,
                        .arena = &w->arena,
                        .keep = &w->keep};
}

/* ---- update ---- */

typedef struct update_work {
    world world;
    const algo_type *algo;
    void *learner;
    ad_tape *tape;
} update_work;

/* Each with the decision that makes it due. */
static void many_updates(void *context, size_t n) {
    update_work *w = context;
    for (size_t i = 0; i < n; i++) {
        world_step(&w->world, w->algo->observe, w->learner);
        w->algo->update(w->learner);
    }
}

/* Two critics and the follower's actor, a gradient each, and the follower's critic at each of its actions. */
static double update_flops(const env_facts *facts) {
    const fm_ints hidden = {2, {20, 20}};
    size_t leader = (size_t)facts->agent[0].action.n, follower = (size_t)facts->agent[1].action.n;
    double total = 0;
    for (int i = 0; i < 2; i++)
        total +=
            bench_work_of((size_t)facts->agent[i].obs_length + leader + follower, &hidden, 1, true, BATCH)
                .gradient;
    total +=
        bench_work_of((size_t)facts->agent[1].obs_length + leader, &hidden, follower, true, BATCH).gradient;
    size_t in = (size_t)facts->agent[1].obs_length + leader + follower;
    double weights = (double)(in * 20 + 20 * 20 + 20);
    return total + 2 * weights * (double)(BATCH * follower);
}

/* A learner of `w->algo` in a game, with these settings. */
static void open_learner(update_work *w, const char *game, const char *settings) {
    world *s = &w->world;
    fm_error err;
    world_make(s, game, 1);
    void *config = fm_arena_alloc(&s->arena, 1, w->algo->config_size);
    fm_options_reset(w->algo->options, config);
    FM_CHECK(fm_options_apply(w->algo->options, config, settings, &err) == FM_OK, "%s", err.text);
    algo_setup setup = setup_of(s, config);
    setup.tape = w->tape = ad_tape_new();
    w->learner = w->algo->create(&setup);
}

static void close_learner(update_work *w) {
    if (w->algo->destroy) w->algo->destroy(w->learner);
    ad_tape_free(w->tape);
    world_free(&w->world);
}

static void update_biac(bench *b) {
    if (!bench_wants(b, "biac maintain B512")) return;
    update_work w = {.algo = algo_find("biac")};
    open_learner(&w, "maintain", "hidden=20,20 batch_size=512 buffer_size=10000 learning_starts=10000");
    world_show(&w.world, CAPACITY, w.algo->observe, w.learner);
    double seconds = bench_time(b, many_updates, &w);
    double needed = update_flops(&w.world.env.facts);
    close_learner(&w);
    bench_row(b, "biac maintain B512", 1 / seconds, "updates/s", bench_fma(b) / needed);
}

/* The same rollout every time, and steps of length 0. */
static void many_rollouts(void *context, size_t n) {
    update_work *w = context;
    actor_critic *core = w->learner;
    for (size_t i = 0; i < n; i++) {
        *core->rollout.filled = (int64_t)core->rollout.steps;
        algo_cadence_count(&core->cadence, (int)core->rollout.slots, 0);
        w->algo->update(w->learner);
    }
}

/* Gradients of the policy and of its baseline, whose deltas also give the outer products of b; products with
 * the baseline's Hessian; its tangent at x, and the outer products of the policy's gradient weighted with
 * that. */
static double stac_flops(void) {
    const fm_ints hidden = {2, {64, 32}};
    bench_work v = bench_work_of(4, &hidden, 1, false, ROLLOUT),
               pi = bench_work_of(4, &hidden, 2, false, ROLLOUT);
    double v_outer = v.gradient - v.linearise, pi_outer = pi.gradient - pi.linearise;
    return pi.gradient + v.gradient + v_outer + 10 * v.product + v.linearise + pi_outer;
}

static void update_stac(bench *b) {
    if (!bench_wants(b, "stac")) return;
    update_work w = {.algo = algo_find("stac")};
    open_learner(&w, "cartpole",
                 "hidden=64,32 n_steps=4000 vf_iters=1 actor_lr=0 critic_lr=0 cg_iters=10 cg_tolerance=0 "
                 "indefinite=yes guard=0");
    world_show(&w.world, ROLLOUT, w.algo->observe, w.learner);
    double seconds = bench_time(b, many_rollouts, &w);
    close_learner(&w);
    bench_row(b, "stac", 1 / seconds, "updates/s", bench_fma(b) / stac_flops());
}

void bench_group_update(bench *b) {
    update_biac(b);
    update_stac(b);
    bench_actors(b);
    bench_proximal(b);
}

/* ---- replay ---- */

typedef struct replay_work {
    algo_replay replay;
    algo_batch batch;
    fm_rng rng;
} replay_work;

static void add(void *self, const algo_step *step) { algo_replay_add(&((replay_work *)self)->replay, step); }

static void many_minibatches(void *context, size_t n) {
    replay_work *w = context;
    for (size_t k = 0; k < n; k++) {
        algo_replay_draw(&w->replay, &w->batch, &w->rng);
        algo_replay_fill(&w->replay, &w->batch);
    }
}

/* What a critic of every agent needs: its observation beside the joint action, the reward, whether it goes
 * on. */
static void declare_columns(world *w, algo_batch *batch) {
    const env_facts *facts = &w->env.facts;
    for (int i = 0; i < facts->agents; i++) {
        size_t width = (size_t)(facts->agent[i].obs_length + batch->joint.total);
        real *input = fm_arena_array(&w->arena, real, BATCH * width);
        algo_batch_into(batch, ALGO_OBS, i, input, width);
        algo_batch_into(batch, ALGO_COLUMNS, ALGO_ALL, input + facts->agent[i].obs_length, width);
        algo_batch_leaf(batch, ALGO_REWARD, i, NULL);
        algo_batch_leaf(batch, ALGO_NOT_DONE, i, NULL);
    }
}

static void one_replay(bench *b, const char *game) {
    char name[64];
    fm_text_format(name, sizeof name, "%s B%d", game, BATCH);
    if (!bench_wants(b, name)) return;
    world s;
    world_make(&s, game, COPIES);
    algo_setup setup = setup_of(&s, NULL);
    replay_work w = {.replay = algo_replay_make(&setup, CAPACITY), .batch = algo_batch_make(&setup, BATCH)};
    w.rng = fm_rng_split(0, FM_RNG_SAMPLE, 0, 0);
    declare_columns(&s, &w.batch);
    world_show(&s, CAPACITY, add, &w);
    double seconds = bench_time(b, many_minibatches, &w);
    world_free(&s);
    bench_row(b, name, BATCH / seconds, "transitions/s", 0);
}

void bench_group_replay(bench *b) {
    one_replay(b, "maintain");
    one_replay(b, "merge");
}

/* ---- env ---- */

static void many_steps(void *context, size_t n) {
    for (size_t i = 0; i < n; i++) world_step(context, NULL, NULL);
}

/* The physics alone, with a decision every second as in the environment; a new episode when one is over. */
static void many_ticks(void *context, size_t n) {
    merge_state *state = context;
    for (size_t i = 0; i < n; i++) {
        if (state->tick % MERGE_TICKS_PER_SECOND == 0) {
            int decision = (int)(state->tick / MERGE_TICKS_PER_SECOND);
            merge_decide(&state->car[0], decision % MERGE_ACTIONS);
            merge_decide(&state->car[1], (decision + 3) % MERGE_ACTIONS);
        }
        if (merge_tick(state, NULL)) merge_spawn(state, 39, 39);
    }
}

void bench_group_env(bench *b) {
    for (size_t i = 0; ENV_TABLE[i] != NULL; i++) {
        const char *name = ENV_TABLE[i]->name;
        if (opens(name) && bench_wants(b, name)) {
            world s;
            world_make(&s, name, COPIES);
            double seconds = bench_time(b, many_steps, &s);
            world_free(&s);
            bench_row(b, name, COPIES / seconds, "steps/s", 0);
        }
        if (strcmp(name, "merge") == 0 && bench_wants(b, "merge ticks")) {
            merge_state state;
            merge_spawn(&state, 39, 39);
            bench_row(b, "merge ticks", 1 / bench_time(b, many_ticks, &state), "ticks/s", 0);
        }
    }
}

/* ---- train ---- */

static void many_trials(void *context, size_t n) {
    const run_plan *run = context;
    for (size_t i = 0; i < n; i++) {
        loop trial;
        loop_setup setup = trial_setup(run, (int64_t)i);
        loop_init(&trial, &setup);
        loop_status status = loop_advance(&trial, INT64_MAX);
        FM_CHECK(status == LOOP_DONE, "a trial of %s: %s", run->algo->name, trial.problem.text);
        loop_free(&trial);
    }
}

void bench_group_train(bench *b) {
    static char *const WORDS[] = {"--algo", "biac", "--env", "maintain"};
    if (!bench_wants(b, "biac maintain")) return;
    run_plan run;
    fm_error err;
    FM_CHECK(run_parse(&run, 4, WORDS, &err) == FM_OK, "%s", err.text);
    double seconds = bench_time(b, many_trials, &run);
    bench_row(b, "biac maintain", (double)run.config.steps / seconds, "steps/s", 0);
    run_free(&run);
}
