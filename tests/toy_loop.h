/* toy_loop.h: a loop of the toy learner, in a game of the table or in the corridor: what the tests of the
 * loop, the stage and evaluation share. */
#ifndef TESTS_TOY_LOOP_H
#define TESTS_TOY_LOOP_H

#include "stb_ds.h"
#include "tests/toy_algo.h"
#include "tests/toy_env.h"
#include "training/loop.h"

/* An environment, a learner's config and the settings of a loop; the loop borrows them. */
typedef struct bench {
    fm_arena arena;
    env world;
    toy_config config;
    loop_setup setup;
} bench;

static inline void bench_must(fm_status status, const fm_error *err) {
    EXPECT_MSG(status == FM_OK, "%s", err->text);
}

/* `name`: of the table, or "corridor" with options of toy_env.h behind it. */
static inline void bench_make(bench *b, const char *name, const char *settings) {
    fm_error err;
    memset(b, 0, sizeof *b);
    if (strncmp(name, "corridor", 8) == 0) {
        b->world = (env){.type = &TOY_ENV, .config = fm_arena_alloc(&b->arena, 1, TOY_ENV.config_size)};
        fm_options_reset(TOY_ENV_OPTIONS, b->world.config);
        bench_must(fm_options_apply(TOY_ENV_OPTIONS, b->world.config, name + 8, &err), &err);
    } else {
        bench_must(env_open(name, &b->arena, &b->world, &err), &err);
    }
    bench_must(env_create(&b->world, &b->arena, &err), &err);
    fm_options_reset(TOY_OPTIONS, &b->config);
    bench_must(fm_options_apply(TOY_OPTIONS, &b->config, settings, &err), &err);
    b->setup = (loop_setup){.env = &b->world,
                            .algo = &TOY_ALGO,
                            .algo_config = &b->config,
                            .num_envs = 1,
                            .steps = 1000,
                            .seed = 7,
                            .window = 50,
                            .rows = 10,
                            .eval_episodes = 5,
                            .eval_mode = ALGO_GREEDY};
}

static inline size_t kept_bytes(const fm_kept *item) {
    return item->rows * (item->cols ? item->cols : 1) * fm_dtype_size(item->dtype);
}

/* Everything that is kept but the clock is the same, to the last bit; `but` names what else may differ
 * ("loop/"), or is NULL. */
static inline void expect_same(const loop *a, const loop *b, const char *but) {
    EXPECT_EQ(arrlenu(a->keep.items), arrlenu(b->keep.items));
    for (size_t i = 0; i < arrlenu(a->keep.items) && i < arrlenu(b->keep.items); i++) {
        const fm_kept *x = &a->keep.items[i], *y = &b->keep.items[i];
        EXPECT_TEXT(x->name, y->name);
        if (strstr(x->name, "seconds") || (but && strstr(x->name, but))) continue;
        EXPECT_EQ(kept_bytes(x), kept_bytes(y));
        EXPECT_MSG(memcmp(x->data, y->data, kept_bytes(x)) == 0, "%s differs", x->name);
    }
}

static inline void expect_same_evaluation(const env_facts *facts, const loop_evaluation *a,
                                          const loop_evaluation *b) {
    EXPECT_EQ(a->episodes, b->episodes);
    EXPECT(a->length == b->length);
    for (int i = 0; i < facts->agents; i++) EXPECT(a->value[i] == b->value[i]);
    for (int o = 0; o < facts->outcomes; o++) EXPECT(a->outcome[o] == b->outcome[o]);
    for (int k = 0; k < facts->action_total; k++) EXPECT(a->action[k] == b->action[k]);
}

#endif
