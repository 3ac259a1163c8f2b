/* play_stage.c: see play_stage.h. */
#include "training/show/play_stage.h"

#include <string.h>

static void show_start(play_stage *s) {
    s->decision = 0;
    s->ended = false;
    s->outcome = -1;
    s->state = env_vec_state(&s->vec, 0);
    memset(s->returns, 0, (size_t)s->vec.env->facts.agents * sizeof *s->returns);
}

void play_stage_init(play_stage *s, const env *e, uint64_t seed, fm_arena *arena) {
    const env_facts *facts = &e->facts;
    memset(s, 0, sizeof *s);
    env_vec_init(&s->vec, e, 1, seed, FM_RNG_EVAL, arena, NULL);
    s->before = fm_arena_alloc(arena, 1, s->vec.state_stride);
    s->returns = fm_arena_array(arena, double, (size_t)facts->agents);
    s->readings = fm_arena_array(arena, double, (size_t)facts->readings);
    s->last = (env_io){
        .obs = fm_arena_array(arena, real, (size_t)facts->obs_total),
        .actions = s->vec.actions,
        .rewards = fm_arena_array(arena, double, (size_t)facts->agents),
        .mask = fm_arena_array(arena, uint8_t, (size_t)facts->mask_total),
        .alive = fm_arena_array(arena, uint8_t, (size_t)facts->agents),
    };
    env_vec_reset(&s->vec);
    show_start(s);
}

void play_stage_next(play_stage *s) {
    FM_CHECK(s->ended, "play: episode %lld is not over", (long long)s->episode);
    s->episode++;
    show_start(s);
}

/* The last step once more, on a copy from before it: same state, same chance, hence the same end. */
static void repeat_last(play_stage *s, fm_rng rng) {
    const env *e = s->vec.env;
    memset(s->last.rewards, 0, (size_t)e->facts.agents * sizeof *s->last.rewards);
    memset(s->last.mask, 1, (size_t)e->facts.mask_total);
    memset(s->last.alive, 1, (size_t)e->facts.agents);
    e->type->step(e->game, s->before, &rng, &s->last);
    s->state = s->before;
}

void play_stage_step(play_stage *s) {
    FM_CHECK(!s->ended, "play: episode %lld is over", (long long)s->episode);
    env_vec *vec = &s->vec;
    fm_rng rng = vec->rng[0];
    memcpy(s->before, env_vec_state(vec, 0), vec->env->facts.state_size);
    env_vec_step(vec);
    s->decision++;
    for (int i = 0; i < vec->env->facts.agents; i++) s->returns[i] += vec->rewards[i];
    s->ended = vec->ended_length[0] > 0;
    s->outcome = vec->ended_outcome[0];
    if (s->ended) repeat_last(s, rng);
}
