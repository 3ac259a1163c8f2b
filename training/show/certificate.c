/* certificate.c: see certificate.h. */
#include "training/show/certificate.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "envs/commitment/follower_pomdp.h"
#include "training/run/policy.h"

#define NUMBER 40
#define IN_A_LINE 8

int64_t certificate_tables(const run_plan *run) {
    int64_t tables = follower_pomdp_tables(&run->env);
    return tables > 0 && env_facts_solution(&run->env.facts, "best-response") ? tables : 0;
}

static void add_return(void *sum, const stage *s, int copy) {
    if (env_vec_ended(&s->vec, copy)) *(double *)sum = s->vec.sum[copy];
}

static fm_status measure_one(const policy *p, int64_t table, double *regret, fm_error *err) {
    fm_arena arena = {0};
    env one;
    stage s;
    double sum = 0;
    follower_pomdp_against(&p->run.env, table, &arena, &one);
    stage_setup setup = {.env = &one,
                         .copies = 1,
                         .purpose = FM_RNG_EVAL,
                         .algo = p->loop.setup.algo,
                         .learner = p->loop.learner,
                         .mode = ALGO_GREEDY};
    stage_init(&s, &setup, &arena, NULL);
    fm_status status = stage_play(&s, 1, add_return, &sum, err);
    *regret = env_facts_solution(&one.facts, "best-response")->value[0] - sum;
    fm_arena_free(&arena);
    return status;
}

fm_status certificate_measure(const run_plan *run, const char *folder, int64_t trial, double *regret,
                              fm_error *err) {
    policy p;
    fm_status status = FM_OK;
    if (policy_open(&p, &(policy_source){.folder = folder, .trial = trial, .num_envs = 1}, err) != FM_OK)
        return FM_BAD;
    for (int64_t table = 0; table < certificate_tables(run) && status == FM_OK; table++)
        status = measure_one(&p, table, &regret[table], err);
    policy_close(&p);
    return status;
}

/* ---- printing ---- */

static void write_trial(int64_t trial, const double *regret, int64_t tables, FILE *out) {
    char mean_text[NUMBER], worst_text[NUMBER];
    int64_t exact = 0, worst = 0;
    double mean = 0;
    for (int64_t k = 0; k < tables; k++) {
        exact += regret[k] < CERTIFICATE_EXACT;
        mean += regret[k] / (double)tables;
        if (regret[k] > regret[worst]) worst = k;
    }
    fprintf(out, "trial %lld: exact against %lld of %lld tables", (long long)trial, (long long)exact,
            (long long)tables);
    if (exact < tables)
        fprintf(out, "; mean regret %s, %s against table %lld",
                fm_text_from_real(mean, mean_text, sizeof mean_text),
                fm_text_from_real(regret[worst], worst_text, sizeof worst_text), (long long)worst);
    fputc('\n', out);
}

static void write_means(const double *sum, int64_t tables, size_t trials_ok, FILE *out) {
    fprintf(out, "mean regret against each of the leader's tables:\n");
    for (int64_t k = 0; k < tables; k++) {
        double mean = sum[k] / (double)trials_ok;
        if (k % IN_A_LINE == 0) fprintf(out, "%5lld:", (long long)k);
        fprintf(out, " %8.4g", mean < CERTIFICATE_EXACT ? 0 : mean);
        if (k % IN_A_LINE == IN_A_LINE - 1 || k == tables - 1) fputc('\n', out);
    }
}

static fm_status write_all(const run_plan *run, const char *folder, const trials *all, double *regret,
                           double *sum, FILE *file, FILE *out, fm_error *err) {
    int64_t tables = certificate_tables(run);
    char text[NUMBER];
    fprintf(file, "trial,table,regret\n");
    fputc('\n', out);
    for (int64_t trial = 0; trial < all->n; trial++) {
        if (all->results[trial].status != TRIAL_OK) continue;
        if (certificate_measure(run, folder, trial, regret, err) != FM_OK) return FM_BAD;
        write_trial(trial, regret, tables, out);
        for (int64_t k = 0; k < tables; k++) {
            sum[k] += regret[k];
            fprintf(file, "%lld,%lld,%s\n", (long long)trial, (long long)k,
                    fm_text_from_real(regret[k], text, sizeof text));
        }
    }
    write_means(sum, tables, trials_count(all, TRIAL_OK), out);
    return FM_OK;
}

fm_status certificate_write(const run_plan *run, const char *folder, const trials *all, FILE *out,
                            fm_error *err) {
    size_t tables = (size_t)certificate_tables(run);
    char path[POLICY_PATH_MAX];
    fm_writer writer;
    if (tables == 0 || trials_count(all, TRIAL_OK) == 0) return FM_OK;
    snprintf(path, sizeof path, "%s/" CERTIFICATE_FILE, folder);
    if (fm_writer_begin(&writer, path, err) != FM_OK) return FM_BAD;
    double *regret = fm_new(2 * tables, sizeof *regret);
    fm_status status = write_all(run, folder, all, regret, regret + tables, writer.file, out, err);
    free(regret);
    if (status == FM_OK) return fm_writer_commit(&writer, err);
    fm_writer_abandon(&writer);
    return FM_BAD;
}
