/* oracles.c: see oracles.h. */
#include "training/papers/oracles.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "training/run/policy.h"
#include "training/show/certificate.h"

#define ATTEMPTS 4
#define FIRST_STEPS 1000000
#define SAMPLED_EPISODES 200

/* ---- followers ---- */

static fm_status count_exact(const reproduce_trained *done, int64_t *exact, int64_t *tables, fm_error *err) {
    *tables = certificate_tables(&done->run);
    double *regret = fm_new((size_t)*tables, sizeof *regret);
    fm_status status = certificate_measure(&done->run, done->folder, 0, regret, err);
    for (int64_t k = 0; k < *tables; k++) *exact += regret[k] < CERTIFICATE_EXACT;
    free(regret);
    return status;
}

static fm_status attempt(reproduce *r, const char *row, const char *settings, int64_t steps, int64_t *exact,
                         int64_t *tables, char who[ORACLES_WHO_MAX], fm_error *err) {
    reproduce_training what = {
        .row = row, .algo = "reinforce", .env = "follower-pomdp", .settings = settings, .steps = steps};
    reproduce one = *r;
    reproduce_trained done;
    one.trials = 1;
    fm_status status = reproduce_train(&one, &what, &done, err);
    r->interrupted = one.interrupted;
    r->failed = one.failed;
    *exact = *tables = 0;
    if (status == FM_OK && !r->interrupted && done.ok == 1) status = count_exact(&done, exact, tables, err);
    snprintf(who, ORACLES_WHO_MAX, "follower=%s", done.folder);
    reproduce_trained_free(&done);
    return status;
}

fm_status oracles_follower(reproduce *r, const char *name, const char *settings, char who[ORACLES_WHO_MAX],
                           int64_t *steps, fm_error *err) {
    char row[80];
    int64_t exact = 0, tables = 1;
    fm_status status = FM_OK;
    *steps = 0;
    for (int k = 0; k < ATTEMPTS && exact < tables && status == FM_OK && !r->interrupted; k++) {
        snprintf(row, sizeof row, k == 0 ? "%s follower" : "%s follower, attempt %d", name, k + 1);
        status = attempt(r, row, settings, (int64_t)FIRST_STEPS << k, &exact, &tables, who, err);
        *steps += (int64_t)FIRST_STEPS << k;
    }
    if (status != FM_OK || r->interrupted) return status;
    reproduce_put(r, name, "tables against which the follower is exact", (double)NAN,
                  reproduce_number((double)exact), 1);
    return exact == tables ? FM_OK : fm_fail(err, "%s: no follower became exact", name);
}

/* ---- leaders ---- */

static double sum_0(const trial_result *result, int rounds) {
    return oracles_sum(result->evaluation.value[0], rounds);
}

stats_interval oracles_greedy(const reproduce_trained *done, int64_t rounds) {
    return reproduce_mean(done, sum_0, (int)rounds);
}

static void add_mean(void *mean, const stage *s, int copy) {
    if (env_vec_ended(&s->vec, copy)) *(double *)mean += s->vec.sum[copy] / SAMPLED_EPISODES;
}

static fm_status sample(const reproduce_trained *done, int64_t trial, double *value, fm_error *err) {
    fm_arena arena = {0};
    policy p;
    stage s;
    if (policy_open(&p, &(policy_source){.folder = done->folder, .trial = trial, .num_envs = 1}, err) !=
        FM_OK)
        return FM_BAD;
    stage_setup setup = {.env = &p.run.env,
                         .copies = 1,
                         .seed = p.loop.setup.seed,
                         .purpose = FM_RNG_EVAL,
                         .algo = p.loop.setup.algo,
                         .learner = p.loop.learner,
                         .mode = ALGO_SAMPLE};
    stage_init(&s, &setup, &arena, NULL);
    *value = 0;
    fm_status status = stage_play(&s, SAMPLED_EPISODES, add_mean, value, err);
    fm_arena_free(&arena);
    policy_close(&p);
    return status;
}

fm_status oracles_sampled(const reproduce_trained *done, int64_t rounds, stats_interval *sum, fm_error *err) {
    double *values = fm_new((size_t)done->all.n, sizeof *values);
    fm_status status = FM_OK;
    for (int64_t k = 0; k < done->all.n && status == FM_OK; k++) {
        if (done->all.results[k].status != TRIAL_OK) continue;
        status = sample(done, k, &values[k], err);
        values[k] = oracles_sum(values[k], rounds);
    }
    *sum = reproduce_mean_of(done, values);
    free(values);
    return status;
}
