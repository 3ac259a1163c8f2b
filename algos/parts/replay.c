#include "algos/parts/replay.h"

#include <math.h>
#include <string.h>

/* ---- building ---- */

static void keep_all(const algo_replay *r, const algo_setup *setup) {
    const env_facts *facts = setup->facts;
    size_t rows = r->capacity, agents = (size_t)facts->agents;
    size_t obs = rows * (size_t)facts->obs_total, central = rows * (size_t)facts->central_length;
    size_t masks = rows * (size_t)facts->mask_total;
    fm_keep(setup->keep, FM_I64, r->written, 1, "replay.written");
    fm_keep(setup->keep, FM_I64, r->open, (size_t)setup->num_envs * agents, "replay.open");
    fm_keep(setup->keep, FM_DTYPE_REAL, r->obs, obs, "replay.obs");
    fm_keep(setup->keep, FM_DTYPE_REAL, r->next_obs, obs, "replay.next_obs");
    fm_keep(setup->keep, FM_DTYPE_REAL, r->actions, rows * (size_t)facts->action_total, "replay.actions");
    fm_keep(setup->keep, FM_F64, r->rewards, rows * agents, "replay.rewards");
    fm_keep(setup->keep, FM_U8, r->not_done, rows * agents, "replay.not_done");
    fm_keep(setup->keep, FM_U8, r->active, rows * agents, "replay.active");
    fm_keep(setup->keep, FM_U8, r->learns, rows * agents, "replay.learns");
    fm_keep(setup->keep, FM_U8, r->weight, rows * agents, "replay.weight");
    if (central > 0) {
        fm_keep(setup->keep, FM_DTYPE_REAL, r->central, central, "replay.central");
        fm_keep(setup->keep, FM_DTYPE_REAL, r->next_central, central, "replay.next_central");
    }
    if (!facts->masks) return;
    fm_keep(setup->keep, FM_U8, r->mask, masks, "replay.mask");
    fm_keep(setup->keep, FM_U8, r->next_mask, masks, "replay.next_mask");
}

algo_replay algo_replay_make(const algo_setup *setup, int64_t capacity) {
    const env_facts *facts = setup->facts;
    int64_t needed = setup->steps + setup->num_envs; /* whole steps of all copies: a few rows more, perhaps */
    size_t rows = (size_t)(capacity < needed ? capacity : needed), agents = (size_t)facts->agents;
    size_t obs = rows * (size_t)facts->obs_total, central = rows * (size_t)facts->central_length;
    size_t masks = facts->masks ? rows * (size_t)facts->mask_total : 0,
           open = (size_t)setup->num_envs * agents;
    fm_arena *arena = setup->arena;
    algo_replay r = {.facts = facts, .capacity = rows};
    r.written = fm_arena_array(arena, int64_t, 1);
    r.open = fm_arena_array(arena, int64_t, open);
    for (size_t k = 0; k < open; k++) r.open[k] = -1;
    r.obs = fm_arena_array(arena, real, obs);
    r.next_obs = fm_arena_array(arena, real, obs);
    r.central = fm_arena_array(arena, real, central);
    r.next_central = fm_arena_array(arena, real, central);
    r.actions = fm_arena_array(arena, real, rows * (size_t)facts->action_total);
    r.rewards = fm_arena_array(arena, double, rows *agents);
    r.not_done = fm_arena_array(arena, uint8_t, rows * agents);
    r.active = fm_arena_array(arena, uint8_t, rows * agents);
    r.learns = fm_arena_array(arena, uint8_t, rows * agents);
    r.weight = fm_arena_array(arena, uint8_t, rows * agents);
    if (facts->masks) {
        r.mask = fm_arena_array(arena, uint8_t, masks);
        r.next_mask = fm_arena_array(arena, uint8_t, masks);
    }
    keep_all(&r, setup);
    return r;
}

size_t algo_replay_size(const algo_replay *replay) {
    size_t written = (size_t)*replay->written;
    return written < replay->capacity ? written : replay->capacity;
}

size_t algo_replay_slot(const algo_replay *replay) { return (size_t)*replay->written % replay->capacity; }

/* ---- adding ---- */

/* The centralised state of a copy, where there is one. */
static void copy_central(const algo_replay *r, const env_view *view, size_t copy, real *to, size_t slot) {
    size_t central = (size_t)r->facts->central_length;
    if (central > 0) memcpy(to + slot * central, view->central + copy * central, central * sizeof(real));
}

/* Agent i's part of the next situation, to a slot that waited for it. */
static void copy_next(algo_replay *r, const algo_step *step, size_t copy, size_t i, size_t slot) {
    const env_facts *facts = r->facts;
    const env_agent *agent = &facts->agent[i];
    size_t obs = (size_t)facts->obs_total, obs_at = (size_t)agent->obs_at;
    size_t mask = (size_t)facts->mask_total, mask_at = (size_t)agent->mask_at;
    memcpy(r->next_obs + slot * obs + obs_at, step->after.obs + copy * obs + obs_at,
           (size_t)agent->obs_length * sizeof(real));
    copy_central(r, &step->after, copy, r->next_central, slot);
    if (r->next_mask)
        memcpy(r->next_mask + slot * mask + mask_at, step->after.mask + copy * mask + mask_at,
               (size_t)env_space_choices(&agent->action));
}

static void add_agent(algo_replay *r, const algo_step *step, size_t copy, size_t i, int64_t row) {
    size_t agents = (size_t)r->facts->agents, slot = (size_t)row % r->capacity;
    int64_t *open = &r->open[copy * agents + i];
    double reward = step->rewards[copy * agents + i];
    r->rewards[slot * agents + i] = 0;
    r->weight[slot * agents + i] = 0;
    r->not_done[slot * agents + i] = 0;
    r->active[slot * agents + i] = step->before.active[copy * agents + i];
    r->learns[slot * agents + i] = step->before.learns[copy * agents + i];
    if (r->active[slot * agents + i]) *open = row;
    if (*open >= 0 && row - *open >= (int64_t)r->capacity) *open = -1; /* overwritten while it waited */
    if (*open < 0) return;
    size_t waiting = (size_t)*open % r->capacity;
    r->rewards[waiting * agents + i] += reward;
    bool ended = step->terminated[copy] || step->truncated[copy];
    bool done = step->done[copy * agents + i], acts = step->after.active[copy * agents + i];
    if (!ended && !done && !acts) return;
    if (waiting != slot) copy_next(r, step, copy, i, waiting);
    r->not_done[waiting * agents + i] = !done;
    /* One that waits when the episode is cut off sees nothing to bootstrap from. */
    r->weight[waiting * agents + i] = r->learns[waiting * agents + i] && (done || acts);
    *open = -1;
}

void algo_replay_add(algo_replay *r, const algo_step *step) {
    size_t obs = (size_t)r->facts->obs_total, actions = (size_t)r->facts->action_total;
    size_t mask = (size_t)r->facts->mask_total;
    for (size_t c = 0; c < (size_t)step->before.copies; c++) {
        int64_t row = (*r->written)++;
        size_t slot = (size_t)row % r->capacity;
        memcpy(r->obs + slot * obs, step->before.obs + c * obs, obs * sizeof(real));
        memcpy(r->next_obs + slot * obs, step->after.obs + c * obs, obs * sizeof(real));
        copy_central(r, &step->before, c, r->central, slot);
        copy_central(r, &step->after, c, r->next_central, slot);
        memcpy(r->actions + slot * actions, step->actions + c * actions, actions * sizeof(real));
        if (r->mask) memcpy(r->mask + slot * mask, step->before.mask + c * mask, mask);
        if (r->mask) memcpy(r->next_mask + slot * mask, step->after.mask + c * mask, mask);
        for (int i = 0; i < r->facts->agents; i++) add_agent(r, step, c, (size_t)i, row);
    }
}

/* ---- drawing ---- */

void algo_replay_draw(const algo_replay *r, algo_batch *batch, fm_rng *rng) {
    size_t size = algo_replay_size(r);
    FM_CHECK(size > 0, "a minibatch of an empty replay of %zu", r->capacity);
    for (size_t b = 0; b < batch->rows; b++) batch->drawn[b] = (uint32_t)fm_rng_below(rng, size);
}

void algo_replay_fill(const algo_replay *r, algo_batch *batch) {
    const algo_source source = {.of = {[ALGO_OBS] = r->obs,
                                       [ALGO_NEXT_OBS] = r->next_obs,
                                       [ALGO_CENTRAL] = r->central,
                                       [ALGO_NEXT_CENTRAL] = r->next_central,
                                       [ALGO_ACTION] = r->actions,
                                       [ALGO_MASK] = r->mask,
                                       [ALGO_NEXT_MASK] = r->next_mask,
                                       [ALGO_REWARD] = r->rewards,
                                       [ALGO_NOT_DONE] = r->not_done,
                                       [ALGO_ACTIVE] = r->active,
                                       [ALGO_WEIGHT] = r->weight}};
    algo_batch_fill(batch, &source);
}

algo_scale algo_replay_scale(const algo_replay *r, int agent) {
    size_t agents = (size_t)r->facts->agents, size = algo_replay_size(r), seen = 0;
    double mean = 0, square = 0;
    for (size_t row = 0; row < size; row++) {
        if (!r->weight[row * agents + (size_t)agent]) continue;
        double reward = r->rewards[row * agents + (size_t)agent];
        double step = reward - mean;
        mean += step / (double)++seen; /* [Welford 1962] */
        square += step * (reward - mean);
    }
    double deviation = seen > 0 ? sqrt(square / (double)seen) : 0;
    return (algo_scale){.shift = r->facts->horizon == 1 ? mean : algo_reward_shift(r->facts, agent),
                        .scale = deviation > 0 ? 1 / deviation : 1};
}

const uint8_t *algo_replay_next_mask(const algo_replay *r, size_t slot, int agent) {
    if (r->next_mask == NULL) return NULL;
    return r->next_mask + slot * (size_t)r->facts->mask_total + (size_t)r->facts->agent[agent].mask_at;
}
