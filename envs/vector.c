/* vector.c: the vectoriser. */
#include "envs/vector.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

static size_t rows(const env_vec *vec, int width) { return (size_t)vec->copies * (size_t)width; }

/* ---- buffers ---- */

/* What a run needs to go on where it stopped. Both buffers of rows are kept, because either may be now.
 * Training and evaluation copies may stand in one list, so the purpose is part of the name. */
static void keep_all(const env_vec *vec, fm_rng_purpose purpose, fm_keep_list *keep) {
    const env_facts *facts = &vec->env->facts;
    const env_rows *r = &vec->rows[0];
    const char *of = purpose == FM_RNG_EVAL ? "eval" : "env";
    size_t copies = (size_t)vec->copies, agents = rows(vec, facts->agents);
    fm_keep(keep, FM_DTYPE_REAL, r->obs, 2 * rows(vec, facts->obs_total), "%s/obs", of);
    if (facts->central_length)
        fm_keep(keep, FM_DTYPE_REAL, r->central, 2 * rows(vec, facts->central_length), "%s/central", of);
    if (facts->mask_total) fm_keep(keep, FM_U8, r->mask, 2 * rows(vec, facts->mask_total), "%s/mask", of);
    fm_keep(keep, FM_U8, r->active, 2 * agents, "%s/active", of);
    fm_keep(keep, FM_U8, r->learns, 2 * agents, "%s/learns", of);
    fm_keep(keep, FM_U8, r->first, 2 * copies, "%s/first", of);
    fm_keep(keep, FM_I64, vec->at, 1, "%s/at", of);
    fm_keep(keep, FM_U8, vec->done, agents, "%s/done", of);
    fm_keep(keep, FM_I64, vec->length, copies, "%s/length", of);
    fm_keep(keep, FM_F64, vec->sum, agents, "%s/sum", of);
    fm_keep_bytes(keep, vec->state, copies * vec->state_stride, "%s/state", of);
    fm_keep_bytes(keep, vec->rng, copies * sizeof *vec->rng, "%s/rng", of);
}

static void make_rows(env_vec *vec, fm_arena *arena) {
    const env_facts *facts = &vec->env->facts;
    size_t obs = rows(vec, facts->obs_total), central = rows(vec, facts->central_length);
    size_t masks = rows(vec, facts->mask_total), agents = rows(vec, facts->agents);
    size_t copies = (size_t)vec->copies;
    env_rows *a = &vec->rows[0];
    a->obs = fm_arena_array(arena, real, 2 * obs);
    a->central = fm_arena_array(arena, real, 2 * central);
    a->mask = fm_arena_array(arena, uint8_t, 2 * masks);
    a->active = fm_arena_array(arena, uint8_t, 2 * agents);
    a->learns = fm_arena_array(arena, uint8_t, 2 * agents);
    a->first = fm_arena_array(arena, uint8_t, 2 * copies);
    vec->rows[1] = (env_rows){.obs = a->obs + obs,
                              .central = a->central + central,
                              .mask = a->mask + masks,
                              .active = a->active + agents,
                              .learns = a->learns + agents,
                              .first = a->first + copies};
    vec->at = fm_arena_array(arena, int64_t, 1);
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

    make_rows(vec, arena);
    vec->actions = fm_arena_array(arena, real, rows(vec, facts->action_total));
    vec->rewards = fm_arena_array(arena, double, rows(vec, facts->agents));
    vec->done = fm_arena_array(arena, uint8_t, rows(vec, facts->agents));
    vec->terminated = fm_arena_array(arena, uint8_t, (size_t)copies);
    vec->truncated = fm_arena_array(arena, uint8_t, (size_t)copies);
    vec->length = fm_arena_array(arena, int64_t, (size_t)copies);
    vec->sum = fm_arena_array(arena, double, rows(vec, facts->agents));
    vec->outcome = fm_arena_array(arena, int, (size_t)copies);
    vec->state = fm_arena_alloc(arena, (size_t)copies, vec->state_stride);
    vec->rng = fm_arena_array(arena, fm_rng, (size_t)copies);
    vec->played = fm_arena_array(arena, real, (size_t)facts->action_total);
    vec->ended = fm_arena_array(arena, uint8_t, (size_t)facts->agents);
    vec->readings = fm_arena_array(arena, double, (size_t)facts->readings);
    for (int c = 0; c < copies; c++) {
        vec->rng[c] = fm_rng_split(seed, purpose, (uint64_t)c, 0);
        vec->outcome[c] = -1;
    }
    if (keep) keep_all(vec, purpose, keep);
}

void *env_vec_state(const env_vec *vec, int copy) {
    FM_CHECK(copy >= 0 && copy < vec->copies, "copy %d of %d", copy, vec->copies);
    return vec->state + (size_t)copy * vec->state_stride;
}

static env_view view_of(const env_vec *vec, const env_rows *r) {
    return (env_view){.copies = vec->copies,
                      .obs = r->obs,
                      .central = r->central,
                      .mask = r->mask,
                      .active = r->active,
                      .learns = r->learns,
                      .first = r->first};
}

env_view env_vec_now(const env_vec *vec) { return view_of(vec, &vec->rows[*vec->at]); }

env_view env_vec_before(const env_vec *vec) { return view_of(vec, &vec->rows[1 - *vec->at]); }

/* One copy's slices of `into`, with what the contract promises to stand in them before reset and step. */
static env_io slices(const env_vec *vec, const env_rows *into, int copy) {
    const env_facts *facts = &vec->env->facts;
    size_t c = (size_t)copy, agents = (size_t)facts->agents, masks = (size_t)facts->mask_total;
    env_io io = {
        .obs = into->obs + c * (size_t)facts->obs_total,
        .central = into->central + c * (size_t)facts->central_length,
        .actions = vec->played,
        .rewards = vec->rewards + c * agents,
        .mask = into->mask + c * masks,
        .active = into->active + c * agents,
        .learns = into->learns + c * agents,
        .done = vec->done + c * agents,
    };
    memset(io.mask, 1, masks);
    memset(io.learns, 1, agents);
    for (size_t i = 0; i < agents; i++) io.active[i] = !io.done[i];
    return io;
}

/* ---- what went wrong ---- */

/* Where a fault was found: "cartpole, copy 0, step 17", and the value as text. */
typedef struct place {
    char at[256], value[64];
} place;

static place place_of(const env_vec *vec, int copy, int64_t step, double value) {
    place p;
    snprintf(p.at, sizeof p.at, "%s, copy %d, step %lld", vec->env->facts.name, copy, (long long)step);
    fm_text_from_real(value, p.value, sizeof p.value);
    return p;
}

/* The first number that is not finite, or -1. Without a branch per number, so that the loop is vectorised. */
static int first_bad_real(const real *x, int n) {
    int bad = 0;
    for (int i = 0; i < n; i++) bad |= !isfinite(x[i]);
    for (int i = 0; bad && i < n; i++)
        if (!isfinite(x[i])) return i;
    return -1;
}

static int first_bad_double(const double *x, int n) {
    int bad = 0;
    for (int i = 0; i < n; i++) bad |= !isfinite(x[i]);
    for (int i = 0; bad && i < n; i++)
        if (!isfinite(x[i])) return i;
    return -1;
}

static fm_status fail_obs(const env_vec *vec, int copy, const env_io *io, int at, fm_error *err) {
    const env_facts *facts = &vec->env->facts;
    int i = facts->agents - 1;
    while (facts->agent[i].obs_at > at) i--;
    place p = place_of(vec, copy, vec->length[copy], (double)io->obs[at]);
    return fm_fail(err, "%s: number %d of the observation of '%s' is %s", p.at, at - facts->agent[i].obs_at,
                   facts->agent[i].name, p.value);
}

/* Observations, centralised state and readings are numbers. */
static fm_status check_numbers(env_vec *vec, int copy, const env_io *io, fm_error *err) {
    const env *e = vec->env;
    int bad = first_bad_real(io->obs, e->facts.obs_total);
    if (bad >= 0) return fail_obs(vec, copy, io, bad, err);
    bad = first_bad_real(io->central, e->facts.central_length);
    if (bad >= 0) {
        place p = place_of(vec, copy, vec->length[copy], (double)io->central[bad]);
        return fm_fail(err, "%s: number %d of the centralised state is %s", p.at, bad, p.value);
    }
    e->type->read(e->game, env_vec_state(vec, copy), vec->readings);
    bad = first_bad_double(vec->readings, e->facts.readings);
    if (bad >= 0) {
        place p = place_of(vec, copy, vec->length[copy], vec->readings[bad]);
        return fm_fail(err, "%s: the reading '%s' is %s", p.at, e->facts.reading_name[bad], p.value);
    }
    return FM_OK;
}

/* Whoever is active has something to do, under every head. */
static fm_status check_masks(const env_vec *vec, int copy, const env_io *io, fm_error *err) {
    const env_facts *facts = &vec->env->facts;
    for (int i = 0; i < facts->agents; i++) {
        const env_space *space = &facts->agent[i].action;
        const uint8_t *mask = io->mask + facts->agent[i].mask_at;
        if (!io->active[i] || space->kind == ENV_BOX) continue;
        for (int k = 0; k < space->size; mask += env_space_actions(space, k), k++) {
            if (memchr(mask, 1, (size_t)env_space_actions(space, k))) continue;
            place p = place_of(vec, copy, vec->length[copy], 0);
            if (space->kind == ENV_DISCRETE)
                return fm_fail(err, "%s: '%s' has no legal action", p.at, facts->agent[i].name);
            return fm_fail(err, "%s: '%s' has no legal action of head %d", p.at, facts->agent[i].name, k);
        }
    }
    return FM_OK;
}

/* Makes the flags of one copy true, and checks what stands in its slices. */
static fm_status settle(env_vec *vec, int copy, const env_io *io, fm_error *err) {
    const env_facts *facts = &vec->env->facts;
    for (int i = 0; i < facts->agents; i++) {
        FM_CHECK(io->active[i] || io->done[i] || facts->pauses,
                 "%s: '%s' pauses although the facts say that nobody does", facts->name,
                 facts->agent[i].name);
        io->active[i] = io->active[i] && !io->done[i];
        io->learns[i] = io->learns[i] && io->active[i];
    }
    if (check_numbers(vec, copy, io, err) != FM_OK) return FM_BAD;
    return facts->masks ? check_masks(vec, copy, io, err) : FM_OK;
}

/* ---- starting ---- */

/* The state is cleared first, but for the last `carried` bytes, so that equal situations are equal bytes,
 * padding included. */
static fm_status reset_copy(env_vec *vec, int copy, size_t carried, fm_error *err) {
    const env *e = vec->env;
    size_t c = (size_t)copy, agents = (size_t)e->facts.agents;
    env_rows *now = &vec->rows[*vec->at];
    void *state = env_vec_state(vec, copy);
    memset(state, 0, e->facts.state_size - carried);
    memset(vec->sum + c * agents, 0, agents * sizeof *vec->sum);
    memset(vec->done + c * agents, 0, agents);
    vec->terminated[c] = vec->truncated[c] = 0;
    vec->length[c] = 0;
    vec->outcome[c] = -1;
    now->first[c] = 1;
    env_io io = slices(vec, now, copy);
    e->type->reset(e->game, state, &vec->rng[c], &io);
    for (size_t i = 0; i < agents; i++)
        FM_CHECK(!io.done[i], "%s: '%s' is done after a reset", e->facts.name, e->facts.agent[i].name);
    return settle(vec, copy, &io, err);
}

fm_status env_vec_reset(env_vec *vec, fm_error *err) {
    memset(vec->rewards, 0, rows(vec, vec->env->facts.agents) * sizeof *vec->rewards);
    for (int c = 0; c < vec->copies; c++)
        if (reset_copy(vec, c, 0, err) != FM_OK) return FM_BAD;
    return FM_OK;
}

fm_status env_vec_restart(env_vec *vec, fm_error *err) {
    for (int c = 0; c < vec->copies; c++)
        if (env_vec_ended(vec, c) && reset_copy(vec, c, vec->env->facts.carried, err) != FM_OK) return FM_BAD;
    return FM_OK;
}

/* ---- stepping ---- */

/* The nearest real inside the box: rounding a bound to float may step outside. */
static real inner_bound(double value, double inside) {
    real bound = (real)value;
    if (inside > value ? (double)bound >= value : (double)bound <= value) return bound;
#ifdef FM_DOUBLE
    return nextafter(bound, inside);
#else
    return nextafterf(bound, (float)inside);
#endif
}

static void clip(const env_space *space, real *action) {
    for (int k = 0; k < space->size; k++) {
        if ((double)action[k] < space->low[k]) action[k] = inner_bound(space->low[k], space->high[k]);
        if ((double)action[k] > space->high[k]) action[k] = inner_bound(space->high[k], space->low[k]);
    }
}

static void check_indices(const env_facts *facts, int agent, int copy, const real *action,
                          const uint8_t *mask) {
    const env_space *space = &facts->agent[agent].action;
    const char *name = facts->agent[agent].name;
    for (int k = 0; k < space->size; k++) {
        double value = (double)action[k];
        int n = env_space_actions(space, k);
        FM_CHECK(value >= 0 && value < n && value == (int)value,
                 "%s: copy %d: agent %d (%s): action %g of head %d is not an index 0..%d", facts->name, copy,
                 agent, name, value, k, n - 1);
        FM_CHECK(mask[(int)value], "%s: copy %d: agent %d (%s): action %g of head %d is not legal now",
                 facts->name, copy, agent, name, value, k);
        mask += n;
    }
}

static fm_status fail_action(const env_vec *vec, int copy, int at, fm_error *err) {
    const env_facts *facts = &vec->env->facts;
    int i = facts->agents - 1;
    while (facts->agent[i].action_at > at) i--;
    place p = place_of(vec, copy, vec->length[copy] + 1, (double)vec->played[at]);
    return fm_fail(err, "%s: number %d of the action of '%s' is %s", p.at, at - facts->agent[i].action_at,
                   facts->agent[i].name, p.value);
}

/* Checks one copy's joint action against what its agents saw, and writes what the environment is to see. */
static fm_status play_actions(env_vec *vec, int copy, fm_error *err) {
    const env_facts *facts = &vec->env->facts;
    const env_rows *now = &vec->rows[*vec->at];
    size_t c = (size_t)copy, width = (size_t)facts->action_total;
    const uint8_t *mask = now->mask + c * (size_t)facts->mask_total;
    const uint8_t *active = now->active + c * (size_t)facts->agents;
    memcpy(vec->played, vec->actions + c * width, width * sizeof *vec->played);
    for (int i = 0; i < facts->agents; i++) {
        const env_agent *agent = &facts->agent[i];
        for (int k = 0; !active[i] && k < agent->action.size; k++) vec->played[agent->action_at + k] = 0;
    }
    int bad = first_bad_real(vec->played, facts->action_total);
    if (bad >= 0) return fail_action(vec, copy, bad, err);
    for (int i = 0; i < facts->agents; i++) {
        const env_agent *agent = &facts->agent[i];
        real *played = vec->played + agent->action_at;
        if (!active[i]) continue;
        if (agent->action.kind != ENV_BOX) check_indices(facts, i, copy, played, mask + agent->mask_at);
        else if (!facts->raw_actions) clip(&agent->action, played);
    }
    return FM_OK;
}

/* Whether the episode ended, and how; who is done. */
static void book_end(env_vec *vec, int copy, const env_io *io) {
    const env *e = vec->env;
    const env_facts *facts = &e->facts;
    int done = 0;
    for (int i = 0; i < facts->agents; i++) {
        io->done[i] = io->done[i] || vec->ended[i] || io->terminated;
        done += io->done[i];
    }
    FM_CHECK(io->terminated || done < facts->agents, "%s: all agents are done but the episode goes on",
             facts->name);
    vec->terminated[copy] = io->terminated;
    vec->truncated[copy] = !io->terminated && (io->truncated || vec->length[copy] >= facts->horizon);
    if (facts->outcomes == 0 || !env_vec_ended(vec, copy)) return;
    int outcome = e->type->outcome(e->game, env_vec_state(vec, copy));
    FM_CHECK(outcome >= 0 && outcome < facts->outcomes, "%s: outcome %d of %d", facts->name, outcome,
             facts->outcomes);
    vec->outcome[copy] = outcome;
}

static fm_status step_copy(env_vec *vec, int copy, fm_error *err) {
    const env *e = vec->env;
    const env_facts *facts = &e->facts;
    size_t c = (size_t)copy, agents = (size_t)facts->agents;
    env_rows *next = &vec->rows[1 - *vec->at];
    FM_CHECK(!env_vec_ended(vec, copy), "%s: copy %d ended and was not restarted", facts->name, copy);
    if (play_actions(vec, copy, err) != FM_OK) return FM_BAD;
    env_io io = slices(vec, next, copy);
    memcpy(vec->ended, io.done, agents);
    memset(io.rewards, 0, agents * sizeof *io.rewards);
    e->type->step(e->game, env_vec_state(vec, copy), &vec->rng[c], &io);
    vec->length[c]++;
    next->first[c] = 0;
    int bad = first_bad_double(io.rewards, facts->agents);
    if (bad >= 0) {
        place p = place_of(vec, copy, vec->length[c], io.rewards[bad]);
        return fm_fail(err, "%s: the reward of '%s' is %s", p.at, facts->agent[bad].name, p.value);
    }
    for (size_t i = 0; i < agents; i++) vec->sum[c * agents + i] += io.rewards[i];
    book_end(vec, copy, &io);
    return settle(vec, copy, &io, err);
}

fm_status env_vec_step(env_vec *vec, fm_error *err) {
    for (int c = 0; c < vec->copies; c++)
        if (step_copy(vec, c, err) != FM_OK) return FM_BAD;
    *vec->at = 1 - *vec->at;
    return FM_OK;
}
