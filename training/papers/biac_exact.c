/* biac_exact.c: trained policies against exact solutions: backward induction in games of several
 * decisions, closed forms of the oligopolies. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "envs/exact.h"
#include "training/run/checkpoint.h"
#include "training/papers/item.h"

#define NODE_LIMIT 50000000
#define NO_LOSS 1e-9 /* of a return; rounding of sums */

/* ---- backward induction ---- */

/* The exact values [starts][agents] of the first starts of an evaluation with this seed: those that any
 * policy meets there, for the games are deterministic but for their starts. */
static fm_status solve_starts(const env *e, uint64_t seed, int64_t starts, double *value, fm_error *err) {
    fm_arena arena = {0};
    stage s;
    int *action = fm_arena_array(&arena, int, (size_t)e->facts.agents);
    stage_init(&s, &(stage_setup){.env = e, .copies = 1, .seed = seed, .purpose = FM_RNG_EVAL}, &arena, NULL);
    fm_status status = stage_begin(&s, err);
    for (int64_t k = 0; k < starts && status == FM_OK; k++) {
        exact_play *exact;
        status = exact_play_solve(e, env_vec_state(&s.vec, 0), e->facts.horizon, NODE_LIMIT, &exact, err);
        if (status != FM_OK) break;
        bool known = exact_play_at(exact, env_vec_state(&s.vec, 0), e->facts.horizon,
                                   value + k * e->facts.agents, action);
        FM_CHECK(known, "%s: exact play does not know its start", e->facts.name);
        exact_play_free(exact);
        /* Anything, to come to the next start: the actions stay zero. */
        while (status == FM_OK && !env_vec_ended(&s.vec, 0)) status = env_vec_step(&s.vec, err);
        if (status == FM_OK) status = stage_restart(&s, err);
    }
    fm_arena_free(&arena);
    return status;
}

/* What a policy loses: means over the starts. */
typedef struct losses {
    const double *exact; /* [starts][agents] */
    int64_t starts, seen;
    double *agent, none; /* [agents] */
} losses;

static void add_losses(void *user, const stage *s, int copy) {
    losses *l = user;
    int agents = s->vec.env->facts.agents;
    bool nobody = true;
    if (!env_vec_ended(&s->vec, copy)) return;
    for (int i = 0; i < agents; i++) {
        double loss = l->exact[l->seen * agents + i] - s->vec.sum[i];
        l->agent[i] += loss / (double)l->starts;
        nobody &= loss < NO_LOSS;
    }
    l->none += (double)nobody / (double)l->starts;
    l->seen++;
}

static fm_status measure_policy(const loop *policy, uint64_t seed, losses *result, fm_error *err) {
    fm_arena arena = {0};
    stage s;
    stage_setup setup = {.env = policy->setup.env,
                         .copies = 1,
                         .seed = seed,
                         .purpose = FM_RNG_EVAL,
                         .algo = policy->setup.algo,
                         .learner = policy->learner,
                         .mode = ALGO_GREEDY};
    stage_init(&s, &setup, &arena, NULL);
    fm_status status = stage_play(&s, result->starts, add_losses, result, err);
    fm_arena_free(&arena);
    return status;
}

static fm_status measure_trial(const reproduce_trained *done, int64_t trial, uint64_t seed, losses *result,
                               fm_error *err) {
    char folder[CHECKPOINT_PATH_MAX];
    loop policy;
    loop_setup setup = trial_setup(&done->run, trial);
    setup.num_envs = 1;
    setup.steps = 1; /* it will not learn: no more room than that takes */
    loop_init(&policy, &setup);
    checkpoint_folder(done->folder, trial, folder);
    fm_status status = checkpoint_load(&policy, folder, err);
    if (status == FM_OK) status = measure_policy(&policy, seed, result, err);
    loop_free(&policy);
    return status;
}

static void put_losses(reproduce *r, const char *row, const reproduce_trained *done, const losses *all) {
    const env_facts *facts = &done->run.env.facts;
    double *x = fm_new((size_t)done->all.n, sizeof *x);
    for (int i = 0; i < facts->agents; i++) {
        char metric[96];
        for (int64_t k = 0; k < done->all.n; k++) x[k] = all[k].agent[i];
        snprintf(metric, sizeof metric, "greedy: loss of %s to exact play", facts->agent[i].name);
        reproduce_put(r, row, metric, (double)NAN, reproduce_mean_of(done, x), done->ok);
    }
    for (int64_t k = 0; k < done->all.n; k++) x[k] = all[k].none;
    reproduce_put(r, row, "greedy: starts without a loss %", (double)NAN,
                  reproduce_percent(reproduce_mean_of(done, x)), done->ok);
    free(x);
}

fm_status reproduce_certify(reproduce *r, const char *row, const reproduce_trained *done, int64_t starts,
                            fm_error *err) {
    const env *e = &done->run.env;
    uint64_t seed = (uint64_t)r->config->seed;
    fm_arena arena = {0};
    size_t agents = (size_t)e->facts.agents;
    double *exact = fm_arena_array(&arena, double, (size_t)starts * agents);
    losses *all = fm_arena_array(&arena, losses, (size_t)done->all.n);
    for (int64_t k = 0; k < done->all.n; k++)
        all[k] = (losses){
            .exact = exact, .starts = starts, .agent = fm_arena_array(&arena, double, agents)};
    reproduce_say(r, "%s: exact play from %lld starts", row, (long long)starts);
    fm_status status = solve_starts(e, seed, starts, exact, err);
    for (int64_t k = 0; k < done->all.n && status == FM_OK; k++)
        if (done->all.results[k].status == TRIAL_OK)
            status = measure_trial(done, k, seed, &all[k], err);
    if (status == FM_OK) put_losses(r, row, done, all);
    fm_arena_free(&arena);
    return status;
}

/* ---- the grid ---- */

fm_status reproduce_grid(reproduce *r, fm_error *err) {
    static const struct { const char *row, *algo; } ROWS[] = {{"Bi-AC", "biac"}, {"I-DQN", "idqn"}};
    fm_status status = FM_OK;
    for (size_t k = 0; k < sizeof ROWS / sizeof *ROWS && status == FM_OK && !r->interrupted; k++) {
        reproduce_training what = {.row = ROWS[k].row, .algo = ROWS[k].algo, .env = "grid"};
        reproduce_trained done;
        status = reproduce_train(r, &what, &done, err);
        for (int o = 0; o < done.run.env.facts.outcomes && status == FM_OK && !r->interrupted; o++) {
            size_t hits = 0; /* one start, no chance: a trial's share is 0 or 1 */
            char metric[96];
            for (int64_t t = 0; t < done.all.n; t++)
                hits +=
                    done.all.results[t].status == TRIAL_OK && done.all.results[t].evaluation.outcome[o] > 0.5;
            snprintf(metric, sizeof metric, "greedy: %s %%", done.run.env.facts.outcome_name[o]);
            reproduce_put(r, what.row, metric, (double)NAN,
                          reproduce_percent(stats_share(hits, (size_t)done.ok)), done.ok);
        }
        if (status == FM_OK && !r->interrupted) status = reproduce_certify(r, what.row, &done, 1, err);
        reproduce_trained_free(&done);
    }
    return status;
}

/* ---- the oligopolies ---- */

#define TOLERANCE 0.01

/* How many trials have all numbers of a kind within 1 % of the closed form, and the largest distance. */
static void put_distance(reproduce *r, const char *row, const reproduce_trained *done, const char *kind,
                         reproduce_getter found, const double *exact) {
    char metric[64];
    size_t near = 0;
    double most = 0;
    for (int64_t k = 0; k < done->all.n; k++) {
        double distance = 0;
        if (done->all.results[k].status != TRIAL_OK) continue;
        for (int i = 0; i < done->run.env.facts.agents; i++)
            distance = fmax(distance, fabs(found(&done->all.results[k], i) / exact[i] - 1));
        near += distance <= TOLERANCE;
        most = fmax(most, distance);
    }
    snprintf(metric, sizeof metric, "trials with %s within 1 %%: %%", kind);
    reproduce_put(r, row, metric, (double)NAN, reproduce_percent(stats_share(near, (size_t)done->ok)),
                  done->ok);
    snprintf(metric, sizeof metric, "largest distance of %s %%", kind);
    reproduce_put(r, row, metric, (double)NAN, reproduce_number(100 * most), done->ok);
}

static void put_distances(reproduce *r, const char *row, const reproduce_trained *done) {
    const env_facts *facts = &done->run.env.facts;
    const env_solution *exact = env_facts_solution(facts, "stackelberg");
    FM_CHECK(exact != NULL, "%s: no closed form", facts->name);
    put_distance(r, row, done, "quantities", reproduce_action, exact->action);
    put_distance(r, row, done, "profits", reproduce_return, exact->value);
    for (int i = 0; i < facts->agents; i++) {
        char metric[96];
        snprintf(metric, sizeof metric, "quantity of %s (closed form %.6g)", facts->agent[i].name,
                 exact->action[i]);
        reproduce_put(r, row, metric, (double)NAN, reproduce_mean(done, reproduce_action, i), done->ok);
        snprintf(metric, sizeof metric, "profit of %s (closed form %.6g)", facts->agent[i].name,
                 exact->value[i]);
        reproduce_put(r, row, metric, (double)NAN, reproduce_mean(done, reproduce_return, i), done->ok);
    }
}

fm_status reproduce_oligopoly(reproduce *r, fm_error *err) {
    static const struct {
        const char *row, *env;
    } ROWS[] = {{"duopoly", "duopoly"}, {"triopoly", "triopoly"}};
    fm_status status = FM_OK;
    for (size_t k = 0; k < sizeof ROWS / sizeof *ROWS && status == FM_OK && !r->interrupted; k++) {
        reproduce_training what = {.row = ROWS[k].row, .algo = "biac", .env = ROWS[k].env};
        reproduce_trained done;
        status = reproduce_train(r, &what, &done, err);
        if (status == FM_OK && !r->interrupted) put_distances(r, what.row, &done);
        reproduce_trained_free(&done);
    }
    return status;
}
