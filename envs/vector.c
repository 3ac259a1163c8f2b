/* vector.c: the vectoriser. */
#include "envs/vector.h"

#include <math.h>
#include <string.h>

static size_t rows(const env_vec *vec, int width) { return (size_t)vec->copies * (size_t)width; }

/* What a run needs to go on where it stopped; results of the last step are not among it, as no step is
 * pending when a checkpoint is written. Training and evaluation copies may stand in one list, so the purpose
 * is part of the name. */
static void keep_all(const env_vec *vec, fm_rng_purpose purpose, fm_keep_list *keep) {
    const env_facts *facts = &vec->env->facts;
    const char *at = purpose == FM_RNG_EVAL ? "eval" : "env";
    size_t copies = (size_t)vec->copies;
    fm_keep(keep, FM_DTYPE_REAL, vec->obs, rows(vec, facts->obs_total), "%s/obs", at);
    if (facts->mask_total) fm_keep(keep, FM_U8, vec->mask, rows(vec, facts->mask_total), "%s/mask", at);
    fm_keep(keep, FM_U8, vec->alive, rows(vec, facts->agents), "%s/alive", at);
    fm_keep(keep, FM_I64, vec->length, copies, "%s/length", at);
    fm_keep(keep, FM_F64, vec->sum, rows(vec, facts->agents), "%s/sum", at);
    fm_keep_bytes(keep, vec->state, copies * vec->state_stride, "%s/state", at);
    fm_keep_bytes(keep, vec->rng, copies * sizeof *vec->rng, "%s/rng", at);
}

void env_vec_init(env_vec *vec, const env *e, int copies, uint64_t seed, fm_rng_purpose purpose,
                  fm_arena *arena, fm_keep_list *keep) {
    const env_facts *facts = &e->facts;
    FM_CHECK(copies >= 1, "%s: %d copies", facts->name, copies);
    FM_CHECK(purpose == FM_RNG_ENV || purpose == FM_RNG_EVAL, "%s: streams of purpose %d", facts->name,
             (int)purpose);
    memset(vec, 0, sizeof *vec);
    vec->env = e;
    vec->copies = copies;
    /* Whole cache lines, at least one: states are aligned and no two copies share a line. */
    size_t lines = (facts->state_size + FM_ALIGNMENT - 1) / FM_ALIGNMENT;
    vec->state_stride = (lines ? lines : 1) * FM_ALIGNMENT;

    vec->obs = fm_arena_array(arena, real, rows(vec, facts->obs_total));
    vec->final_obs = fm_arena_array(arena, real, rows(vec, facts->obs_total));
    vec->actions = fm_arena_array(arena, real, rows(vec, facts->action_total));
    vec->rewards = fm_arena_array(arena, double, rows(vec, facts->agents));
    vec->mask = fm_arena_array(arena, uint8_t, rows(vec, facts->mask_total));
    vec->final_mask = fm_arena_array(arena, uint8_t, rows(vec, facts->mask_total));
    vec->alive = fm_arena_array(arena, uint8_t, rows(vec, facts->agents));
    vec->terminated = fm_arena_array(arena, uint8_t, (size_t)copies);
    vec->truncated = fm_arena_array(arena, uint8_t, (size_t)copies);
    vec->length = fm_arena_array(arena, int64_t, (size_t)copies);
    vec->sum = fm_arena_array(arena, double, rows(vec, facts->agents));
    vec->ended_length = fm_arena_array(arena, int64_t, (size_t)copies);
    vec->ended_return = fm_arena_array(arena, double, rows(vec, facts->agents));
    vec->ended_outcome = fm_arena_array(arena, int, (size_t)copies);
    vec->state = fm_arena_alloc(arena, (size_t)copies, vec->state_stride);
    vec->rng = fm_arena_array(arena, fm_rng, (size_t)copies);
    for (int c = 0; c < copies; c++) {
        vec->rng[c] = fm_rng_split(seed, purpose, (uint64_t)c, 0);
        vec->ended_outcome[c] = -1;
    }
    if (keep) keep_all(vec, purpose, keep);
}

void *env_vec_state(const env_vec *vec, int copy) {
    FM_CHECK(copy >= 0 && copy < vec->copies, "copy %d of %d", copy, vec->copies);
    return vec->state + (size_t)copy * vec->state_stride;
}

/* One copy's slices, with what the contract promises to stand in them before reset and step. */
static env_io slices(const env_vec *vec, int copy) {
    const env_facts *facts = &vec->env->facts;
    size_t c = (size_t)copy, agents = (size_t)facts->agents, masks = (size_t)facts->mask_total;
    env_io io = {
        .obs = vec->obs + c * (size_t)facts->obs_total,
        .actions = vec->actions + c * (size_t)facts->action_total,
        .rewards = vec->rewards + c * agents,
        .mask = vec->mask + c * masks,
        .alive = vec->alive + c * agents,
    };
    memset(io.mask, 1, masks);
    memset(io.alive, 1, agents);
    return io;
}

/* The state is cleared first, so that equal situations are equal bytes, padding included. */
static void reset_copy(env_vec *vec, int copy) {
    const env *e = vec->env;
    env_io io = slices(vec, copy);
    void *state = env_vec_state(vec, copy);
    memset(state, 0, e->facts.state_size);
    e->type->reset(e->game, state, &vec->rng[copy], &io);
    vec->length[copy] = 0;
    memset(vec->sum + (size_t)copy * (size_t)e->facts.agents, 0, (size_t)e->facts.agents * sizeof *vec->sum);
}

void env_vec_reset(env_vec *vec) {
    const env_facts *facts = &vec->env->facts;
    size_t copies = (size_t)vec->copies;
    for (int c = 0; c < vec->copies; c++) {
        reset_copy(vec, c);
        vec->ended_outcome[c] = -1;
    }
    memcpy(vec->final_obs, vec->obs, rows(vec, facts->obs_total) * sizeof *vec->obs);
    memcpy(vec->final_mask, vec->mask, rows(vec, facts->mask_total));
    memset(vec->rewards, 0, rows(vec, facts->agents) * sizeof *vec->rewards);
    memset(vec->terminated, 0, copies);
    memset(vec->truncated, 0, copies);
    memset(vec->ended_length, 0, copies * sizeof *vec->ended_length);
    memset(vec->ended_return, 0, rows(vec, facts->agents) * sizeof *vec->ended_return);
}

/* A bound as a real inside the box: rounding it to float may step outside. */
static real inner_bound(double value, double inside) {
    real bound = (real)value;
    if (inside > value ? (double)bound >= value : (double)bound <= value) return bound;
#ifdef FM_DOUBLE
    return nextafter(bound, inside);
#else
    return nextafterf(bound, (float)inside);
#endif
}

static void check_discrete(const env_facts *facts, int agent, int copy, double value, const uint8_t *mask) {
    const env_space *space = &facts->action[agent];
    FM_CHECK(value >= 0 && value < space->n && value == floor(value),
             "%s: copy %d: agent %d (%s): action %g is not an index 0..%d", facts->name, copy, agent,
             facts->agent_name[agent], value, space->n - 1);
    FM_CHECK(mask[(int)value], "%s: copy %d: agent %d (%s): action %g is not legal now", facts->name, copy,
             agent, facts->agent_name[agent], value);
}

static void check_box(const env_facts *facts, int agent, int copy, real *action) {
    const env_space *space = &facts->action[agent];
    for (int i = 0; i < space->size; i++) {
        FM_CHECK(!isnan(action[i]), "%s: copy %d: agent %d (%s): number %d of the action is %g", facts->name,
                 copy, agent, facts->agent_name[agent], i, (double)action[i]);
        if ((double)action[i] < space->low[i]) action[i] = inner_bound(space->low[i], space->high[i]);
        if ((double)action[i] > space->high[i]) action[i] = inner_bound(space->high[i], space->low[i]);
    }
}

/* Checks one copy's joint action against the mask under which it was chosen; clips boxes in place. */
static void check_actions(env_vec *vec, int copy) {
    const env_facts *facts = &vec->env->facts;
    real *actions = vec->actions + (size_t)copy * (size_t)facts->action_total;
    const uint8_t *mask = vec->mask + (size_t)copy * (size_t)facts->mask_total;
    for (int i = 0; i < facts->agents; i++) {
        real *action = actions + facts->action_at[i];
        if (facts->action[i].n > 0) check_discrete(facts, i, copy, (double)*action, mask + facts->mask_at[i]);
        else check_box(facts, i, copy, action);
    }
}

/* Books the end of an episode, or that there was none, and starts the next one. */
static void finish_step(env_vec *vec, int copy) {
    const env *e = vec->env;
    size_t c = (size_t)copy, agents = (size_t)e->facts.agents;
    double *sum = vec->sum + c * agents, *ended = vec->ended_return + c * agents;
    vec->ended_length[c] = 0;
    vec->ended_outcome[c] = -1;
    memset(ended, 0, agents * sizeof *ended);
    if (!vec->terminated[c] && !vec->truncated[c]) return;
    vec->ended_length[c] = vec->length[c];
    memcpy(ended, sum, agents * sizeof *ended);
    if (e->facts.outcomes > 0) {
        int outcome = e->type->outcome(e->game, env_vec_state(vec, copy));
        FM_CHECK(outcome >= 0 && outcome < e->facts.outcomes, "%s: outcome %d of %d", e->facts.name, outcome,
                 e->facts.outcomes);
        vec->ended_outcome[c] = outcome;
    }
    reset_copy(vec, copy);
}

void env_vec_step(env_vec *vec) {
    const env *e = vec->env;
    const env_facts *facts = &e->facts;
    size_t agents = (size_t)facts->agents, masks = (size_t)facts->mask_total, obs = (size_t)facts->obs_total;
    for (int copy = 0; copy < vec->copies; copy++) {
        size_t c = (size_t)copy;
        check_actions(vec, copy);
        env_io io = slices(vec, copy);
        memset(io.rewards, 0, agents * sizeof *io.rewards);
        e->type->step(e->game, env_vec_state(vec, copy), &vec->rng[c], &io);
        for (size_t i = 0; i < agents; i++) vec->sum[c * agents + i] += io.rewards[i];
        vec->length[c]++;
        vec->terminated[c] = io.terminated;
        vec->truncated[c] = !io.terminated && vec->length[c] >= facts->horizon;
        memcpy(vec->final_obs + c * obs, io.obs, obs * sizeof *io.obs);
        memcpy(vec->final_mask + c * masks, io.mask, masks);
        finish_step(vec, copy);
    }
}
