#include "algos/parts/replay.h"

#include <math.h>
#include <string.h>

algo_replay algo_replay_make(const algo_setup *setup, int64_t capacity, int64_t batch) {
    const env_facts *facts = setup->facts;
    size_t rows = (size_t)capacity, obs = (size_t)facts->obs_total, actions = (size_t)facts->action_total;
    fm_arena *arena = setup->arena;
    algo_replay r = {.facts = facts, .capacity = rows, .batch = (size_t)batch};
    r.written = fm_arena_array(arena, int64_t, 1);
    r.obs = fm_arena_array(arena, real, rows * obs);
    r.next_obs = fm_arena_array(arena, real, rows * obs);
    r.actions = fm_arena_array(arena, real, rows * actions);
    r.rewards = fm_arena_array(arena, real, rows * (size_t)facts->agents);
    r.continues = fm_arena_array(arena, real, rows);
    r.drawn = fm_arena_array(arena, uint32_t, r.batch);
    fm_keep(setup->keep, FM_I64, r.written, 1, "replay.written");
    fm_keep(setup->keep, FM_DTYPE_REAL, r.obs, rows * obs, "replay.obs");
    fm_keep(setup->keep, FM_DTYPE_REAL, r.next_obs, rows * obs, "replay.next_obs");
    fm_keep(setup->keep, FM_DTYPE_REAL, r.actions, rows * actions, "replay.actions");
    fm_keep(setup->keep, FM_DTYPE_REAL, r.rewards, rows * (size_t)facts->agents, "replay.rewards");
    fm_keep(setup->keep, FM_DTYPE_REAL, r.continues, rows, "replay.continues");
    if (facts->masks) {
        r.mask = fm_arena_array(arena, uint8_t, rows * (size_t)facts->mask_total);
        r.next_mask = fm_arena_array(arena, uint8_t, rows * (size_t)facts->mask_total);
        fm_keep(setup->keep, FM_U8, r.mask, rows * (size_t)facts->mask_total, "replay.mask");
        fm_keep(setup->keep, FM_U8, r.next_mask, rows * (size_t)facts->mask_total, "replay.next_mask");
    }
    return r;
}

size_t algo_replay_size(const algo_replay *replay) {
    size_t written = (size_t)*replay->written;
    return written < replay->capacity ? written : replay->capacity;
}

void algo_replay_add(algo_replay *r, const algo_step *step) {
    size_t obs = (size_t)r->facts->obs_total, actions = (size_t)r->facts->action_total;
    size_t agents = (size_t)r->facts->agents, mask = (size_t)r->facts->mask_total;
    for (size_t c = 0; c < (size_t)step->before.copies; c++) {
        size_t row = (size_t)((*r->written)++) % r->capacity;
        memcpy(r->obs + row * obs, step->before.obs + c * obs, obs * sizeof(real));
        memcpy(r->next_obs + row * obs, step->after.obs + c * obs, obs * sizeof(real));
        memcpy(r->actions + row * actions, step->actions + c * actions, actions * sizeof(real));
        for (size_t i = 0; i < agents; i++)
            r->rewards[row * agents + i] = (real)step->rewards[c * agents + i];
        r->continues[row] = step->terminated[c] ? 0 : 1;
        if (r->mask == NULL) continue;
        memcpy(r->mask + row * mask, step->before.mask + c * mask, mask);
        memcpy(r->next_mask + row * mask, step->after.mask + c * mask, mask);
    }
}

void algo_replay_sample(algo_replay *r, fm_rng *rng) {
    size_t size = algo_replay_size(r);
    FM_CHECK(size > 0, "sample from an empty replay of %zu", r->capacity);
    for (size_t b = 0; b < r->batch; b++) r->drawn[b] = (uint32_t)fm_rng_below(rng, size);
}

static void gather(const algo_replay *r, const real *rows, size_t width, size_t from, size_t count, real *to,
                   size_t stride) {
    for (size_t b = 0; b < r->batch; b++) {
        const real *row = rows + r->drawn[b] * width + from;
        for (size_t k = 0; k < count; k++) to[b * stride + k] = row[k];
    }
}

void algo_replay_obs(const algo_replay *r, int agent, real *to, size_t stride) {
    gather(r, r->obs, (size_t)r->facts->obs_total, (size_t)r->facts->obs_at[agent],
           (size_t)r->facts->obs_length[agent], to, stride);
}

void algo_replay_next_obs(const algo_replay *r, int agent, real *to, size_t stride) {
    gather(r, r->next_obs, (size_t)r->facts->obs_total, (size_t)r->facts->obs_at[agent],
           (size_t)r->facts->obs_length[agent], to, stride);
}

void algo_replay_joint(const algo_replay *r, const algo_joint *joint, real *to, size_t stride) {
    size_t width = (size_t)r->facts->action_total;
    for (size_t b = 0; b < r->batch; b++)
        algo_encode(joint, r->actions + r->drawn[b] * width, to + b * stride);
}

void algo_replay_index(const algo_replay *r, int agent, real *to) {
    gather(r, r->actions, (size_t)r->facts->action_total, (size_t)r->facts->action_at[agent], 1, to, 1);
}

void algo_replay_reward(const algo_replay *r, int agent, algo_scale scale, real *to) {
    size_t agents = (size_t)r->facts->agents;
    for (size_t b = 0; b < r->batch; b++) {
        double reward = (double)r->rewards[r->drawn[b] * agents + (size_t)agent];
        to[b] = (real)((reward - scale.shift) * scale.scale);
    }
}

algo_scale algo_replay_scale(const algo_replay *r, int agent) {
    size_t agents = (size_t)r->facts->agents, size = algo_replay_size(r);
    double mean = 0, square = 0;
    for (size_t row = 0; row < size; row++) {
        double reward = (double)r->rewards[row * agents + (size_t)agent];
        double step = reward - mean;
        mean += step / (double)(row + 1); /* [Welford 1962] */
        square += step * (reward - mean);
    }
    double deviation = size > 0 ? sqrt(square / (double)size) : 0;
    return (algo_scale){.shift = r->facts->horizon == 1 ? mean : 0,
                        .scale = deviation > 0 ? 1 / deviation : 1};
}

void algo_replay_continues(const algo_replay *r, real *to) { gather(r, r->continues, 1, 0, 1, to, 1); }

static const uint8_t *mask_of(const algo_replay *r, const uint8_t *masks, size_t row, int agent) {
    if (masks == NULL) return NULL;
    return masks + r->drawn[row] * (size_t)r->facts->mask_total + (size_t)r->facts->mask_at[agent];
}

const uint8_t *algo_replay_mask(const algo_replay *r, size_t row, int agent) {
    return mask_of(r, r->mask, row, agent);
}

const uint8_t *algo_replay_next_mask(const algo_replay *r, size_t row, int agent) {
    return mask_of(r, r->next_mask, row, agent);
}
