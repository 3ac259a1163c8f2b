/* pomdp_bench.h: one copy of an environment on a bench, stepped by hand: for the tests of games with
 * commitment and of the POMDPs over them. */
#ifndef TESTS_POMDP_BENCH_H
#define TESTS_POMDP_BENCH_H

#include "envs/vector.h"
#include "tests/test.h"

typedef struct bench {
    fm_arena arena;
    env env;
    env_vec vec;
} bench;

static fm_status bench_create(bench *b, const char *name, const char *settings, fm_error *err) {
    static const fm_option NONE[] = {FM_OPT_END};
    memset(b, 0, sizeof *b);
    if (env_open(name, &b->arena, &b->env, err) != FM_OK) return FM_BAD;
    const fm_option *options = b->env.type->options ? b->env.type->options : NONE;
    if (fm_options_apply(options, b->env.config, settings, err) != FM_OK) return FM_BAD;
    return env_create(&b->env, &b->arena, err);
}

static void bench_open(bench *b, const char *name, const char *settings, uint64_t seed) {
    fm_error err = {""};
    EXPECT_MSG(bench_create(b, name, settings, &err) == FM_OK, "%s: %s", settings, err.text);
    env_vec_init(&b->vec, &b->env, 1, seed, FM_RNG_ENV, &b->arena, NULL);
    EXPECT_MSG(env_vec_reset(&b->vec, &err) == FM_OK, "%s", err.text);
}

/* The situation that an agent of the POMDP observes; -1 when it is none. */
static int seen(const bench *b, int agent) {
    const env_agent *a = &b->env.facts.agent[agent];
    const real *obs = env_vec_now(&b->vec).obs + a->obs_at;
    for (int s = 0; s < a->obs_length; s++)
        if (obs[s] == 1) return s;
    return -1;
}

static bool acts(const bench *b, int agent) { return env_vec_now(&b->vec).active[agent]; }

static void take(bench *b) {
    fm_error err = {""};
    EXPECT_MSG(env_vec_step(&b->vec, &err) == FM_OK, "%s", err.text);
}

static void restart(bench *b) {
    fm_error err = {""};
    EXPECT_MSG(env_vec_restart(&b->vec, &err) == FM_OK, "%s", err.text);
}

#endif
