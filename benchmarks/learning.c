/* learning.c: what learning is made of, and learning itself: groups update, replay, env, train. */
#include <stdio.h>
#include <string.h>

#include "algos/parts/replay.h"
#include "base/text.h"
#include "benchmarks/bench.h"
#include "envs/traffic/merge.h"
#include "envs/vector.h"
#include "training/run/trials.h"

#define COPIES 64
#define ROWS_OF_ACTIONS 64 /* joint actions drawn beforehand, played in turn */
#define CAPACITY 10000
#define BATCH 512

/* ---- an environment under random actions ---- */

typedef struct stage {
    fm_arena arena;
    fm_keep_list keep;
    env env;
    env_vec vec;
    real *actions; /* [ROWS_OF_ACTIONS][COPIES][action_total] */
    size_t at;
} stage;

static void stage_free(stage *s) {
    fm_keep_free(&s->keep);
    fm_arena_free(&s->arena);
}

static bool opens(const char *name) {
    fm_arena arena = {0};
    env e;
    fm_error err;
    bool fine = env_open(name, &arena, &e, &err) == FM_OK && env_create(&e, &arena, &err) == FM_OK;
    fm_arena_free(&arena);
    return fine;
}

/* Built in place, since the vectoriser borrows the environment. */
static void stage_make(stage *s, const char *name) {
    fm_error err;
    memset(s, 0, sizeof *s);
    FM_CHECK(env_open(name, &s->arena, &s->env, &err) == FM_OK, "%s", err.text);
    FM_CHECK(env_create(&s->env, &s->arena, &err) == FM_OK, "%s", err.text);
    const env_facts *facts = &s->env.facts;
    env_vec_init(&s->vec, &s->env, COPIES, 0, FM_RNG_ENV, &s->arena, NULL);
    env_vec_reset(&s->vec);
    size_t width = (size_t)facts->action_total, rows = (size_t)ROWS_OF_ACTIONS * COPIES;
    fm_rng rng = fm_rng_split(0, FM_RNG_EXPLORE, 0, 0);
    s->actions = fm_arena_array(&s->arena, real, rows * width);
    for (size_t r = 0; r < rows; r++)
        for (int i = 0; i < facts->agents; i++)
            algo_random_action(facts, i, NULL, &rng, s->actions + r * width + (size_t)facts->action_at[i]);
}

static void stage_step(stage *s) {
    size_t block = (size_t)COPIES * (size_t)s->env.facts.action_total;
    memcpy(s->vec.actions, s->actions + s->at * block, block * sizeof(real));
    s->at = (s->at + 1) % ROWS_OF_ACTIONS;
    env_vec_step(&s->vec);
}

/* Plays until so many decisions were shown to `observe`. */
static void stage_show(stage *s, int64_t decisions, void (*observe)(void *self, const algo_step *step),
                       void *self) {
    env_vec *v = &s->vec;
    size_t obs = (size_t)COPIES * (size_t)s->env.facts.obs_total;
    size_t mask = (size_t)COPIES * (size_t)s->env.facts.mask_total;
    real *before = fm_arena_array(&s->arena, real, obs);
    uint8_t *before_mask = fm_arena_array(&s->arena, uint8_t, mask);
    for (int64_t shown = 0; shown < decisions; shown += COPIES) {
        memcpy(before, v->obs, obs * sizeof *before);
        memcpy(before_mask, v->mask, mask);
        stage_step(s);
        algo_step step = {.before = {COPIES, before, before_mask},
                          .actions = v->actions,
                          .rewards = v->rewards,
                          .after = {COPIES, v->final_obs, v->final_mask},
                          .terminated = v->terminated,
                          .truncated = v->truncated,
                          .alive = v->alive};
        observe(self, &step);
    }
}

static algo_setup setup_of(stage *s, const void *config) {
    return (algo_setup){.facts = &s->env.facts, .config = config, .copies = COPIES, .steps = 1000000,
                        .arena = &s->arena, .keep = &s->keep};
}

/* ---- update ---- */

typedef struct update_work { const algo_type *algo; void *learner; } update_work;

static void many_updates(void *context, size_t n) {
    const update_work *w = context;
    for (size_t i = 0; i < n; i++) w->algo->update(w->learner);
}

/* Two critics and the follower's actor, a gradient each, and the follower's critic at each of its actions. */
static double update_flops(const env_facts *facts) {
    const fm_ints hidden = {2, {20, 20}};
    size_t leader = (size_t)facts->action[0].n, follower = (size_t)facts->action[1].n;
    double total = 0;
    for (int i = 0; i < 2; i++)
        total += bench_work_of((size_t)facts->obs_length[i] + leader + follower, &hidden, 1, BATCH).gradient;
    total += bench_work_of((size_t)facts->obs_length[1] + leader, &hidden, follower, BATCH).gradient;
    size_t in = (size_t)facts->obs_length[1] + leader + follower;
    double weights = (double)(in * 20 + 20 * 20 + 20);
    return total + 2 * weights * (double)(BATCH * follower);
}

void bench_group_update(bench *b) {
    if (!bench_wants(b, "biac maintain B512")) return;
    stage s;
    fm_error err;
    stage_make(&s, "maintain");
    update_work w = {.algo = algo_find("biac")};
    void *config = fm_arena_alloc(&s.arena, 1, w.algo->config_size);
    fm_options_reset(w.algo->options, config);
    const char *settings = "hidden=20,20 batch=512 buffer=10000 warmup=10000";
    FM_CHECK(fm_options_apply(w.algo->options, config, settings, &err) == FM_OK, "%s", err.text);
    algo_setup setup = setup_of(&s, config);
    w.learner = w.algo->create(&setup);
    stage_show(&s, CAPACITY, w.algo->observe, w.learner);
    double seconds = bench_time(b, many_updates, &w);
    double needed = update_flops(&s.env.facts);
    if (w.algo->destroy) w.algo->destroy(w.learner);
    stage_free(&s);
    bench_row(b, "biac maintain B512", 1 / seconds, "updates/s", bench_fma(b) / needed);
}

/* ---- replay ---- */

typedef struct replay_work {
    algo_replay replay;
    algo_joint joint;
    fm_rng rng;
    real *input, *reward, *continues; /* [BATCH, observation and joint action], [BATCH] */
    size_t width;
} replay_work;

static void add(void *self, const algo_step *step) { algo_replay_add(&((replay_work *)self)->replay, step); }

/* What a critic of every agent needs. */
static void many_minibatches(void *context, size_t n) {
    replay_work *w = context;
    const env_facts *facts = w->replay.facts;
    for (size_t k = 0; k < n; k++) {
        algo_replay_sample(&w->replay, &w->rng);
        algo_replay_continues(&w->replay, w->continues);
        for (int i = 0; i < facts->agents; i++) {
            algo_replay_obs(&w->replay, i, w->input, w->width);
            algo_replay_joint(&w->replay, &w->joint, w->input + facts->obs_length[i], w->width);
            algo_replay_reward(&w->replay, i, (algo_scale){0, 1}, w->reward);
        }
    }
}

static void one_replay(bench *b, const char *game) {
    char name[64];
    fm_text_format(name, sizeof name, "%s B%d", game, BATCH);
    if (!bench_wants(b, name)) return;
    stage s;
    stage_make(&s, game);
    algo_setup setup = setup_of(&s, NULL);
    replay_work w = {.joint = algo_joint_of(&s.env.facts)};
    w.replay = algo_replay_make(&setup, CAPACITY, BATCH);
    w.rng = fm_rng_split(0, FM_RNG_SAMPLE, 0, 0);
    w.width = (size_t)(s.env.facts.obs_total + w.joint.total);
    w.input = fm_arena_array(&s.arena, real, BATCH * w.width);
    w.reward = fm_arena_array(&s.arena, real, BATCH);
    w.continues = fm_arena_array(&s.arena, real, BATCH);
    stage_show(&s, CAPACITY, add, &w);
    double seconds = bench_time(b, many_minibatches, &w);
    stage_free(&s);
    bench_row(b, name, BATCH / seconds, "transitions/s", 0);
}

void bench_group_replay(bench *b) {
    one_replay(b, "maintain");
    one_replay(b, "merge");
}

/* ---- env ---- */

static void many_steps(void *context, size_t n) {
    for (size_t i = 0; i < n; i++) stage_step(context);
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
            stage s;
            stage_make(&s, name);
            double seconds = bench_time(b, many_steps, &s);
            stage_free(&s);
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
        FM_CHECK(status == LOOP_DONE, "a trial of %s: %s", run->algo->name, trial.problem);
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
