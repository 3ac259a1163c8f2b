/* drive.h: an algorithm and an environment, driven through the contract alone: what the learning tests share.
 *
 *     drive d;
 *     drive_begin(&d, &algo_idqn, "escape", "", "lr=0.01", 4, 3000, seed);
 *     drive_run(&d, 3000);
 *     real actions[DRIVE_ACTIONS];
 *     drive_greedy(&d, actions);      // in the situation that copy 0 is in
 *     drive_end(&d);
 *
 * The pieces are there by themselves too: drive_open, drive_start. Options that do not fit, and an
 * environment that the algorithm does not accept, stop the test with their message. */
#ifndef TESTS_DRIVE_H
#define TESTS_DRIVE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algos/algo.h"
#include "envs/vector.h"

#define DRIVE_ACTIONS 64

typedef struct drive {
    const algo_type *algo;
    void *learner, *config;
    env game;
    env_vec vec;
    fm_arena arena;
    fm_keep_list keep;
    real *before_obs;
    uint8_t *before_mask;
} drive;

static inline void drive_must(fm_status status, const fm_error *err) {
    if (status == FM_OK) return;
    printf("drive: %s\n", err->text);
    exit(1);
}

/* Applies the presets for the environment as a run does: those that apply by themselves, then the one of that
 * name. */
static inline void drive_preset(drive *d, const char *name, fm_error *err) {
    for (const algo_preset *p = d->algo->presets; p && p->settings; p++)
        if (strcmp(p->name, name) == 0 && (!*p->env || strcmp(p->env, d->game.facts.name) == 0))
            drive_must(fm_options_apply(d->algo->options, d->config, p->settings, err), err);
}

/* Makes the game `name` of the table, or that of `own` when it is not NULL, and the config. "preset=NAME" may
 * stand first in the algorithm's settings. */
static inline void drive_open(drive *d, const algo_type *algo, const env_type *own, const char *name,
                              const char *env_settings, const char *settings) {
    fm_error err;
    *d = (drive){.algo = algo};
    if (own) {
        d->game = (env){.type = own, .config = fm_arena_alloc(&d->arena, 1, own->config_size)};
        fm_options_reset(own->options, d->game.config);
    } else {
        drive_must(env_open(name, &d->arena, &d->game, &err), &err);
    }
    if (d->game.type->options)
        drive_must(fm_options_apply(d->game.type->options, d->game.config, env_settings, &err), &err);
    drive_must(env_create(&d->game, &d->arena, &err), &err);
    d->config = fm_arena_alloc(&d->arena, 1, algo->config_size);
    fm_options_reset(algo->options, d->config);
    drive_preset(d, "", &err);
    char preset[64] = "";
    if (sscanf(settings, "preset=%63s", preset) == 1) {
        drive_preset(d, preset, &err);
        settings = strchr(settings, ' ') ? strchr(settings, ' ') : "";
    }
    drive_must(fm_options_apply(algo->options, d->config, settings, &err), &err);
    drive_must(algo->accepts(&d->game.facts, d->config, &err), &err);
}

static inline void drive_start(drive *d, int copies, int64_t steps, uint64_t seed) {
    const env_facts *facts = &d->game.facts;
    env_vec_init(&d->vec, &d->game, copies, seed, FM_RNG_ENV, &d->arena, &d->keep);
    algo_setup setup = {.facts = facts,
                        .config = d->config,
                        .copies = copies,
                        .steps = steps,
                        .seed = seed,
                        .arena = &d->arena,
                        .keep = &d->keep};
    d->learner = d->algo->create(&setup);
    d->before_obs = fm_arena_array(&d->arena, real, (size_t)copies * (size_t)facts->obs_total);
    d->before_mask = fm_arena_array(&d->arena, uint8_t, (size_t)copies * (size_t)facts->mask_total);
    env_vec_reset(&d->vec);
}

static inline void drive_begin(drive *d, const algo_type *algo, const char *name, const char *env_settings,
                               const char *settings, int copies, int64_t steps, uint64_t seed) {
    drive_open(d, algo, NULL, name, env_settings, settings);
    drive_start(d, copies, steps, seed);
}

/* At least so many decisions: whole steps of all copies. */
static inline void drive_run(drive *d, int64_t decisions) {
    env_vec *vec = &d->vec;
    const env_facts *facts = &d->game.facts;
    for (int64_t done = 0; done < decisions; done += vec->copies) {
        size_t copies = (size_t)vec->copies;
        memcpy(d->before_obs, vec->obs, copies * (size_t)facts->obs_total * sizeof(real));
        memcpy(d->before_mask, vec->mask, copies * (size_t)facts->mask_total);
        algo_view view = {vec->copies, d->before_obs, d->before_mask};
        d->algo->act(d->learner, &view, false, vec->actions);
        env_vec_step(vec);
        algo_step step = {.before = view,
                          .actions = vec->actions,
                          .rewards = vec->rewards,
                          .after = {vec->copies, vec->final_obs, vec->final_mask},
                          .terminated = vec->terminated,
                          .truncated = vec->truncated,
                          .alive = vec->alive};
        d->algo->observe(d->learner, &step);
        d->algo->update(d->learner);
    }
}

/* The greedy joint action of one copy's present situation. */
static inline void drive_greedy(drive *d, real *actions) {
    algo_view view = {1, d->vec.obs, d->vec.mask};
    d->algo->act(d->learner, &view, true, actions);
}

/* Mean returns of greedy episodes from fresh starts, played in copies of their own. */
static inline void drive_play(drive *d, int64_t episodes, double *returns) {
    fm_arena arena = {0};
    env_vec vec;
    int agents = d->game.facts.agents;
    env_vec_init(&vec, &d->game, 1, 0, FM_RNG_EVAL, &arena, NULL);
    env_vec_reset(&vec);
    memset(returns, 0, (size_t)agents * sizeof *returns);
    for (int64_t done = 0; done < episodes;) {
        algo_view view = {1, vec.obs, vec.mask};
        d->algo->act(d->learner, &view, true, vec.actions);
        env_vec_step(&vec);
        if (vec.ended_length[0] == 0) continue;
        done++;
        for (int i = 0; i < agents; i++) returns[i] += vec.ended_return[i] / (double)episodes;
    }
    fm_arena_free(&arena);
}

static inline void drive_end(drive *d) {
    if (d->algo->destroy) d->algo->destroy(d->learner);
    fm_keep_free(&d->keep);
    fm_arena_free(&d->arena);
}

#endif
