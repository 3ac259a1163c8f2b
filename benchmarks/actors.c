/* actors.c: whole updates of actors and critics for continuous control, with and without a leader, at the
 * sizes of Hopper, and the numbers by which other programs are checked to compute the same ones.
 *
 * An update is: a minibatch drawn from 10,000 transitions, the noise drawn, losses and directions, the
 * steps of both Adams, the targets' step. Leaders solve their system by ten products, of which none is left
 * out, or (-gn) by the Gram matrix of the minibatch's rows. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "algos/families/stackelberg.h"
#include "autograd/kernels/kernels.h"
#include "benchmarks/bench.h"

enum { OBS = 11, ACTION = 3, BATCH = 100, CAPACITY = 10000, STEPS = 10 };

#define BASE "hidden=256,256 batch_size=100 buffer_size=10000 learning_starts=10000 "
#define LEADS BASE "damping=500 cg_iters=10 cg_tolerance=0 guard=0 leader="
#define GAUSS_NEWTON LEADS "actor curvature=gauss_newton cg_iters=1"

typedef enum lead { NONE, ACTOR, ACTOR_GAUSS_NEWTON, CRITIC } lead;

static const struct {
    const char *name, *algo, *settings;
    bool twins;
    lead leader;
} CASES[] = {
    {"ddpg", "ddpg", BASE, false, NONE},
    {"stddpg-al", "stddpg", LEADS "actor", false, ACTOR},
    {"stddpg-al-gn", "stddpg", GAUSS_NEWTON, false, ACTOR_GAUSS_NEWTON},
    {"stddpg-cl", "stddpg", LEADS "critic", false, CRITIC},
    {"sac", "sac", BASE "ent_coef=0.2", true, NONE},
    {"stsac-al", "stsac", LEADS "actor ent_coef=0.2", true, ACTOR},
    {"stsac-al-gn", "stsac", GAUSS_NEWTON " ent_coef=0.2", true, ACTOR_GAUSS_NEWTON},
    {"stsac-cl", "stsac", LEADS "critic ent_coef=0.2", true, CRITIC},
};
#define CASE_COUNT (sizeof CASES / sizeof *CASES)

typedef struct learner {
    fm_arena arena;
    fm_keep_list keep;
    env_facts facts;
    const algo_type *algo;
    off_policy *core;
    ad_tape *tape;
    uint32_t shown; /* transitions */
} learner;

/* ---- transitions without an environment ---- */

/* One copy's rows of a decision, every number a function of its place (benchmarks/peers/common.py). */
typedef struct transition {
    real obs[2][OBS], action[ACTION];
    double reward;
    uint8_t ones[1], done[1];
} transition;

static transition transition_at(uint32_t row) {
    transition t = {.ones = {1}, .done = {row % 50 == 49}};
    for (uint32_t k = 0; k < OBS; k++) {
        t.obs[0][k] = (real)bench_hashed(row * OBS + k, BENCH_STREAM_X);
        t.obs[1][k] = (real)bench_hashed((row + 1) * OBS + k, BENCH_STREAM_X);
    }
    for (uint32_t k = 0; k < ACTION; k++) t.action[k] = (real)bench_hashed(row * ACTION + k, BENCH_STREAM_V);
    t.reward = bench_hashed(row, BENCH_STREAM_Y);
    return t;
}

static void show(learner *l) {
    transition t = transition_at(l->shown++);
    env_view before = {.copies = 1, .obs = t.obs[0], .active = t.ones, .learns = t.ones};
    env_view after = {.copies = 1, .obs = t.obs[1], .active = t.ones, .learns = t.ones};
    uint8_t never[1] = {0};
    algo_step step = {.before = before,
                      .actions = t.action,
                      .rewards = &t.reward,
                      .after = after,
                      .done = t.done,
                      .terminated = t.done,
                      .truncated = never};
    l->algo->observe(l->core, &step);
}

/* ---- learners ---- */

static void open_learner(learner *l, size_t c) {
    static const double LOW[ACTION] = {-1, -1, -1}, HIGH[ACTION] = {1, 1, 1};
    fm_error err;
    *l = (learner){.algo = algo_find(CASES[c].algo), .tape = ad_tape_new()};
    l->facts = (env_facts){.name = "sizes", .horizon = 1000, .obs_total = OBS, .action_total = ACTION};
    env_facts_agents(&l->facts, 1, &l->arena);
    l->facts.agent[0] = (env_agent){.name = "agent", .obs_length = OBS, .action = env_box(ACTION, LOW, HIGH)};
    void *config = fm_arena_alloc(&l->arena, 1, l->algo->config_size);
    fm_options_reset(l->algo->options, config);
    FM_CHECK(fm_options_apply(l->algo->options, config, CASES[c].settings, &err) == FM_OK, "%s", err.text);
    algo_setup setup = {.facts = &l->facts,
                        .config = config,
                        .num_envs = 1,
                        .steps = 1000000,
                        .tape = l->tape,
                        .arena = &l->arena,
                        .keep = &l->keep};
    l->core = l->algo->create(&setup);
}

static void close_learner(learner *l) {
    l->algo->destroy(l->core);
    ad_tape_free(l->tape);
    fm_keep_free(&l->keep);
    fm_arena_free(&l->arena);
}

static void many_updates(void *context, size_t n) {
    learner *l = context;
    for (size_t i = 0; i < n; i++) {
        show(l);
        l->algo->update(l->core);
    }
}

/* ---- the limit by arithmetic ---- */

/* Operations of a matrix kind over the batch, of a network of M weights, M1 of them in the first layer. */
typedef struct cost {
    double value; /* 2BM */
    double
        weights;  /* its weights' gradient, given the value: 4BM - 2BM1; as much as a tangent along weights */
    double outer; /* the same where it has been passed through already: 2BM */
    double through; /* a gradient passed on to some of its inputs, or a tangent from there */
    double product; /* with its Hessian, linearised before: 12BM - 8BM1 */
    double gram;    /* of the rows' gradients, whose factors are there, and its own factor: B^2 (sum of the
                     * layers' inputs and outputs) for a symmetric matrix, and B^3 / 3 */
} cost;

static cost cost_of(double in, double out, double to) {
    double first = in * 256, all = first + 256 * 256 + 256 * out, b = BATCH;
    return (cost){.value = 2 * b * all,
                  .weights = 4 * b * all - 2 * b * first,
                  .outer = 2 * b * all,
                  .through = 2 * b * (all - first + to * 256),
                  .product = 12 * b * all - 8 * b * first,
                  .gram = b * b * (in + 4 * 256 + out) + b * b * b / 3};
}

/* What a leader needs beside the two losses and their gradients, with `at_next` the way from the targets'
 * inputs to the actor's weights at s':
 *
 *     actor    b: outer products of the critics at (s, mu(s)); products with the critics' Hessian; the mixed
 *              term: a tangent along the critics' weights, at_next
 *              gauss_newton, in place of the products: the Gram matrix; two sums along the rows' gradients
 *              and two of them, for the solution and for the product that checks it
 *     critic   b: at_next; products with the actor's Hessian alone, since a relu critic is flat in the
 *              action; the mixed term: a tangent along the actor's weights, through the critics and to their
 *              weights */
static double flops(bool twins, lead leader) {
    double critics = twins ? 2 : 1;
    cost q = cost_of(OBS + ACTION, 1, ACTION), pi = cost_of(OBS, twins ? 2 * ACTION : ACTION, 0);
    double target = pi.value + critics * q.value, at_next = critics * q.through + pi.weights;
    double losses = critics * (q.value + q.weights) + pi.value + pi.weights + critics * (q.value + q.through);
    double solution = leader == ACTOR ? STEPS * q.product : q.gram + 4 * q.outer;
    if (leader == NONE) return target + losses;
    if (leader != CRITIC) return target + losses + critics * (q.outer + solution + q.weights) + at_next;
    return target + losses + at_next + STEPS * pi.product + pi.weights + critics * 2 * q.through;
}

/* The limit counts on as many products, and on one solution by the Gram matrix. */
static void check_products(const learner *l, size_t c) {
    double shown[8], wanted = CASES[c].leader == ACTOR_GAUSS_NEWTON ? 1 : STEPS;
    if (CASES[c].leader == NONE) return;
    algo_total_measure(&((const stackelberg *)l->core)->log, shown);
    FM_CHECK(shown[0] == wanted, "%s made %g products", CASES[c].name, shown[0]);
}

void bench_actors(bench *b) {
    for (size_t c = 0; c < CASE_COUNT; c++) {
        learner l;
        if (!bench_wants(b, CASES[c].name)) continue;
        open_learner(&l, c);
        while (l.shown < CAPACITY) show(&l);
        double seconds = bench_time(b, many_updates, &l);
        check_products(&l, c);
        close_learner(&l);
        bench_row(b, CASES[c].name, 1 / seconds, "updates/s",
                  bench_fma(b) / flops(CASES[c].twins, CASES[c].leader));
    }
}

/* ---- checking ---- */

static void fill_noise(real *draws, uint32_t from) {
    for (uint32_t k = 0; draws && k < BATCH * ACTION; k++)
        draws[k] = (real)bench_hashed(from + k, BENCH_STREAM_NOISE);
}

/* Directions of one update of the first BATCH transitions, before Adam: it has a tenth of them for its
 * mean. */
void bench_check_actors(bench *b) {
    for (size_t c = 0; c < CASE_COUNT; c++) {
        learner l;
        if (!bench_named(b, CASES[c].name)) continue;
        open_learner(&l, c);
        off_policy *core = l.core;
        algo_net *net[] = {&core->actor, &core->critic};
        static const char *const GROUP[] = {"actor", "critic"};
        while (l.shown < BATCH) show(&l);
        for (uint32_t row = 0; row < BATCH; row++) core->batch.drawn[row] = row;
        algo_replay_fill(&core->replay, &core->batch);
        for (int k = 0; k < 2; k++) {
            bench_fill(&net[k]->params, net[k]->params.theta, BENCH_STREAM_WEIGHT, false);
            if (net[k]->target) bench_fill(&net[k]->params, net[k]->target, BENCH_STREAM_TARGET, false);
        }
        fill_noise(core->next_draws, 0);
        fill_noise(core->draws, BATCH * ACTION);
        core->learn(core, 1, 0);
        for (int k = 0; k < 2; k++) {
            ad_v_scale(net[k]->params.n, 10, net[k]->adam.m, net[k]->adam.m);
            bench_print_vector(GROUP[k], CASES[c].name, &net[k]->params, net[k]->adam.m);
        }
        close_learner(&l);
    }
}
