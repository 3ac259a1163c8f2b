/* proximal.c: minibatches of PPO and of STEP: rows drawn from a rollout, the loss, both gradients, the
 * clipping and the steps of both Adams; and the numbers by which other programs are checked to compute the
 * same ones.
 *
 * PPO's are of CartPole's sizes (4 numbers seen, 2 actions). STEP's are those of the last of three agents on
 * the on-ramp (75 numbers of state, 5 actions), who has two superiors. */
#include <math.h>

#include "algos/families/ppo.h"
#include "benchmarks/bench.h"

enum { BATCH = 256, ROLLOUT = 2048 };

typedef struct proximal_case {
    const char *name, *algo, *settings;
    int agents, obs, actions;
} proximal_case;

#define BASE "hidden=64,64 n_steps=2048 batch_size=256 "

static const proximal_case CASES[] = {
    {"ppo", "ppo", BASE "max_grad_norm=0.5", 1, 4, 2},
    {"step", "step", BASE, 3, 25, 5},
};
#define CASE_COUNT (sizeof CASES / sizeof *CASES)

typedef struct learner {
    fm_arena arena;
    fm_keep_list keep;
    env_facts facts;
    const algo_type *algo;
    ppo *core;
    actor_critic_policy *last; /* the agent whose minibatches are timed */
    ad_tape *tape;
} learner;

static real hashed(size_t index, bench_stream stream) { return (real)bench_hashed((uint32_t)index, stream); }

/* A full rollout, every number a function of its place (benchmarks/peers/common.py). */
static void fill_rollout(algo_rollout *r, int actions) {
    size_t obs = (size_t)r->facts->obs_total, agents = (size_t)r->facts->agents;
    for (size_t k = 0; k < r->slots * obs; k++) r->obs[k] = hashed(k, BENCH_STREAM_X);
    for (size_t k = 0; k < r->slots * agents; k++) {
        r->actions[k] = (real)floor((bench_hashed((uint32_t)k, BENCH_STREAM_V) + 1) / 2 * actions);
        r->log_prob[k] = (real)(-log(actions) + 0.1 * bench_hashed((uint32_t)k, BENCH_STREAM_NOISE));
        r->advantage[k] = hashed(k, BENCH_STREAM_Y);
        r->value[k] = hashed(k, BENCH_STREAM_TARGET);
        r->returns[k] = r->advantage[k] + r->value[k];
        r->active[k] = r->weight[k] = 1;
    }
}

static void open_learner(learner *l, const proximal_case *c) {
    fm_error err;
    *l = (learner){.algo = algo_find(c->algo), .tape = ad_tape_new()};
    l->facts = (env_facts){.name = "sizes",
                           .horizon = 1000,
                           .obs_total = c->agents * c->obs,
                           .action_total = c->agents,
                           .mask_total = c->agents * c->actions};
    env_facts_agents(&l->facts, c->agents, &l->arena);
    for (int i = 0; i < c->agents; i++)
        l->facts.agent[i] = (env_agent){.name = "agent",
                                        .obs_length = c->obs,
                                        .action = env_discrete(c->actions, NULL),
                                        .obs_at = i * c->obs,
                                        .action_at = i,
                                        .mask_at = i * c->actions};
    void *config = fm_arena_alloc(&l->arena, 1, l->algo->config_size);
    fm_options_reset(l->algo->options, config);
    FM_CHECK(fm_options_apply(l->algo->options, config, c->settings, &err) == FM_OK, "%s", err.text);
    algo_setup setup = {.facts = &l->facts,
                        .config = config,
                        .num_envs = 1,
                        .steps = 1000000,
                        .tape = l->tape,
                        .arena = &l->arena,
                        .keep = &l->keep};
    l->core = l->algo->create(&setup);
    l->last = &l->core->base.policy[l->core->base.policies - 1];
    fill_rollout(&l->core->base.rollout, c->actions);
}

static void close_learner(learner *l) {
    l->algo->destroy(l->core);
    ad_tape_free(l->tape);
    fm_keep_free(&l->keep);
    fm_arena_free(&l->arena);
}

static void many_minibatches(void *context, size_t n) {
    learner *l = context;
    algo_minibatches *walk = &l->last->minibatches;
    for (size_t i = 0; i < n; i++) {
        if (!algo_minibatches_next(walk)) {
            algo_minibatches_start(walk, &l->core->base.shuffle);
            algo_minibatches_next(walk);
        }
        actor_critic_step(l->last);
    }
}

/* The gradients of actor and critic; what STEP's generator needs is little beside them. */
static double flops(const learner *l, const proximal_case *c) {
    static const fm_ints TWO = {2, {64, 64}}, ONE = {1, {64}};
    bool generated = l->core->base.shape.model != NULL;
    size_t actions = (size_t)c->actions;
    return bench_work_of(l->last->actor.in, generated ? &ONE : &TWO, actions, false, BATCH).gradient +
           bench_work_of(l->last->critic.in, &TWO, 1, false, BATCH).gradient;
}

void bench_proximal(bench *b) {
    for (size_t k = 0; k < CASE_COUNT; k++) {
        learner l;
        if (!bench_wants(b, CASES[k].name)) continue;
        open_learner(&l, &CASES[k]);
        double seconds = bench_time(b, many_minibatches, &l);
        double needed = flops(&l, &CASES[k]);
        close_learner(&l);
        bench_row(b, CASES[k].name, 1 / seconds, "minibatches/s", bench_fma(b) / needed);
    }
}

/* Loss and gradients of PPO over the first BATCH samples of the rollout, before they are clipped. */
void bench_check_proximal(bench *b) {
    const proximal_case *c = &CASES[0];
    learner l;
    if (!bench_named(b, c->name)) return;
    open_learner(&l, c);
    actor_critic_policy *p = l.last;
    actor_critic_net *net[] = {&p->actor, &p->critic};
    static const char *const GROUP[] = {"actor", "critic"};
    for (uint32_t row = 0; row < BATCH; row++) p->minibatches.batch.drawn[row] = row;
    algo_rollout_fill(&l.core->base.rollout, &p->minibatches.batch);
    for (int k = 0; k < 2; k++) bench_fill(&net[k]->params, net[k]->params.theta, BENCH_STREAM_WEIGHT, false);
    bench_print("actor", c->name, "loss", nn_objective_run(&p->objective));
    for (int k = 0; k < 2; k++)
        bench_print_vector(GROUP[k], c->name, &net[k]->params, p->objective.gradient[k]);
    close_learner(&l);
}
