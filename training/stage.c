/* stage.c: see stage.h. */
#include "training/stage.h"

#include <string.h>

void stage_init(stage *s, const stage_setup *setup, fm_arena *arena, fm_keep_list *keep) {
    bool judged = setup->purpose == FM_RNG_EVAL;
    size_t copies = (size_t)setup->copies;
    *s = (stage){.algo = setup->algo, .learner = setup->learner, .mode = setup->mode};
    env_vec_init(&s->vec, setup->env, setup->copies, setup->seed, setup->purpose, arena, keep);
    s->rng = fm_arena_array(arena, fm_rng, copies);
    for (size_t c = 0; c < copies; c++)
        s->rng[c] = fm_rng_split(setup->seed, judged ? FM_RNG_EVAL : FM_RNG_EXPLORE, c, 1);
    s->played = fm_arena_array(arena, int64_t, copies);
    if (s->algo && s->algo->memory_length) s->memory_length = s->algo->memory_length(s->learner);
    if (s->memory_length > 0) s->memory = fm_arena_array(arena, real, copies * s->memory_length);
    if (!keep) return;
    fm_keep_bytes(keep, s->rng, copies * sizeof *s->rng, "%s/policy_rng", judged ? "eval" : "env");
    if (s->memory)
        fm_keep(keep, FM_DTYPE_REAL, s->memory, copies * s->memory_length, "%s/memory",
                judged ? "eval" : "env");
}

static void forget(stage *s) {
    const uint8_t *first = env_vec_now(&s->vec).first;
    for (size_t c = 0; s->memory && c < (size_t)s->vec.copies; c++)
        if (first[c]) memset(s->memory + c * s->memory_length, 0, s->memory_length * sizeof *s->memory);
}

fm_status stage_begin(stage *s, fm_error *err) {
    if (env_vec_reset(&s->vec, err) != FM_OK) return FM_BAD;
    forget(s);
    return FM_OK;
}

fm_status stage_restart(stage *s, fm_error *err) {
    if (env_vec_restart(&s->vec, err) != FM_OK) return FM_BAD;
    forget(s);
    return FM_OK;
}

void stage_choose(stage *s) {
    env_view view = env_vec_now(&s->vec);
    FM_CHECK(s->algo != NULL, "%s: nobody is there to choose", s->vec.env->facts.name);
    s->algo->act(s->learner, &view, s->mode, s->rng, s->memory, s->vec.actions);
}

algo_step stage_step_of(const stage *s) {
    const env_vec *vec = &s->vec;
    return (algo_step){.before = env_vec_before(vec),
                       .actions = vec->actions,
                       .rewards = vec->rewards,
                       .after = env_vec_now(vec),
                       .done = vec->done,
                       .terminated = vec->terminated,
                       .truncated = vec->truncated};
}

/* Shows a step of the copies that have episodes left; returns how many of them came to their end. */
static int64_t show_step(stage *s, int64_t each, stage_look *look, void *user) {
    int64_t ended = 0;
    for (int c = 0; c < s->vec.copies; c++) {
        if (s->played[c] == each) continue;
        look(user, s, c);
        if (!env_vec_ended(&s->vec, c)) continue;
        s->played[c]++;
        ended++;
    }
    return ended;
}

fm_status stage_play(stage *s, int64_t episodes, stage_look *look, void *user, fm_error *err) {
    int64_t each = episodes / s->vec.copies;
    FM_CHECK(each >= 1 && each * s->vec.copies == episodes, "%lld episodes in %d copies", (long long)episodes,
             s->vec.copies);
    memset(s->played, 0, (size_t)s->vec.copies * sizeof *s->played);
    if (stage_begin(s, err) != FM_OK) return FM_BAD;
    for (int64_t left = episodes;;) {
        stage_choose(s);
        if (env_vec_step(&s->vec, err) != FM_OK) return FM_BAD;
        left -= show_step(s, each, look, user);
        if (left == 0) return FM_OK;
        if (stage_restart(s, err) != FM_OK) return FM_BAD;
    }
}
