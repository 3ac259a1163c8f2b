/* drive.h: an algorithm and an environment, driven through the contract alone: what the learning tests share.
 *
 *     drive d;
 *     drive_begin(&d, &algo_idqn, "escape", "", "lr=0.01", 4, 3000, seed);
 *     drive_run(&d, 3000);
 *     real actions[DRIVE_ACTIONS];
 *     drive_greedy(&d, actions);      // in the situation that copy 0 is in
 *     drive_end(&d);
 *
 * The pieces are there by themselves too: drive_open, drive_start, drive_step. Options that do not fit, and
 * an environment that the algorithm does not accept, stop the test with their message. */
#ifndef TESTS_DRIVE_H
#define TESTS_DRIVE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "training/stage.h"

#define DRIVE_ACTIONS 64

typedef struct drive {
    const algo_type *algo;
    void *learner, *config;
    int64_t steps; /* the default in this game */
    env game;
    stage stage; /* on which it trains */
    ad_tape *tape;
    fm_arena arena;
    fm_keep_list keep;
} drive;

static inline void drive_must(fm_status status, const fm_error *err) {
    if (status == FM_OK) return;
    printf("drive: %s\n", err->text);
    exit(1);
}

/* Applies the presets for the environment as a run does: those that apply by themselves, then the one of that
 * name. */
static inline void drive_preset(drive *d, const char *name, fm_error *err) {
    for (const algo_preset *p = d->algo->presets; p && p->settings; p++) {
        if (strcmp(p->name, name) != 0 || (*p->env && strcmp(p->env, d->game.facts.name) != 0)) continue;
        drive_must(fm_options_apply(d->algo->options, d->config, p->settings, err), err);
        if (p->steps > 0) d->steps = p->steps;
    }
}

/* Makes the game `name` of the table, or that of `own` when it is not NULL, and the config. "preset=NAME" may
 * stand first in the algorithm's settings. */
static inline void drive_make(drive *d, const algo_type *algo, const env_type *own, const char *name,
                              const char *env_settings, const char *settings) {
    fm_error err;
    *d = (drive){.algo = algo, .steps = algo->steps};
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
    char preset[64] = "";
    bool named = sscanf(settings, "preset=%63s", preset) == 1;
    if (algo->fit && !named) algo->fit(&d->game.facts, d->config, &d->steps);
    drive_preset(d, "", &err);
    if (named) {
        drive_preset(d, preset, &err);
        settings = strchr(settings, ' ') ? strchr(settings, ' ') : "";
    }
    drive_must(fm_options_apply(algo->options, d->config, settings, &err), &err);
}

/* The algorithm must accept the game. */
static inline void drive_open(drive *d, const algo_type *algo, const env_type *own, const char *name,
                              const char *env_settings, const char *settings) {
    fm_error err;
    drive_make(d, algo, own, name, env_settings, settings);
    drive_must(algo->accepts(&d->game.facts, d->config, &err), &err);
}

static inline void drive_start(drive *d, int copies, int64_t steps, uint64_t seed) {
    fm_error err;
    d->tape = ad_tape_new();
    algo_setup setup = {.facts = &d->game.facts,
                        .config = d->config,
                        .num_envs = copies,
                        .steps = steps,
                        .seed = seed,
                        .tape = d->tape,
                        .arena = &d->arena,
                        .keep = &d->keep};
    d->learner = d->algo->create(&setup);
    stage_setup play = {.env = &d->game,
                        .copies = copies,
                        .seed = seed,
                        .purpose = FM_RNG_ENV,
                        .algo = d->algo,
                        .learner = d->learner,
                        .mode = ALGO_TRAIN};
    stage_init(&d->stage, &play, &d->arena, &d->keep);
    drive_must(stage_begin(&d->stage, &err), &err);
}

static inline void drive_begin(drive *d, const algo_type *algo, const char *name, const char *env_settings,
                               const char *settings, int copies, int64_t steps, uint64_t seed) {
    drive_open(d, algo, NULL, name, env_settings, settings);
    drive_start(d, copies, steps, seed);
}

/* A decision of every copy, and the learning that is due after it; the actions stay in stage.vec.actions. */
static inline void drive_step(drive *d) {
    fm_error err;
    stage_choose(&d->stage);
    drive_must(env_vec_step(&d->stage.vec, &err), &err);
    algo_step step = stage_step_of(&d->stage);
    d->algo->observe(d->learner, &step);
    d->algo->update(d->learner);
    drive_must(stage_restart(&d->stage, &err), &err);
}

/* At least so many decisions: whole steps of all copies. */
static inline void drive_run(drive *d, int64_t decisions) {
    for (int64_t done = 0; done < decisions; done += d->stage.vec.copies) drive_step(d);
}

/* What copy 0 sees now. */
static inline env_view drive_view(const drive *d) {
    env_view view = env_vec_now(&d->stage.vec);
    view.copies = 1;
    return view;
}

/* The greedy joint action there. Without memory: of learners that have none. */
static inline void drive_greedy(drive *d, real *actions) {
    env_view view = drive_view(d);
    d->algo->act(d->learner, &view, ALGO_GREEDY, d->stage.rng, NULL, actions);
}

/* The metric of that column ("loss", "entropy_1"). */
static inline double drive_metric(const drive *d, const char *name) {
    char column[FM_NAME_MAX];
    int count = algo_metric_count(d->algo, &d->game.facts);
    double *values = malloc((size_t)count * sizeof *values), value = FM_ABSENT;
    if (!values) exit(1);
    bool found = false;
    d->algo->measure(d->learner, values);
    for (int k = 0; k < count && !found; k++) {
        algo_metric_at(d->algo, &d->game.facts, k, column, sizeof column);
        if ((found = strcmp(column, name) == 0)) value = values[k];
    }
    FM_CHECK(found, "%s has no metric '%s'", d->algo->name, name);
    free(values);
    return value;
}

static inline void drive_add_return(void *returns, const stage *s, int copy) {
    for (int i = 0; env_vec_ended(&s->vec, copy) && i < s->vec.env->facts.agents; i++)
        ((double *)returns)[i] += s->vec.sum[copy * s->vec.env->facts.agents + i];
}

/* Mean returns of greedy episodes from fresh starts, played in a copy of their own. */
static inline void drive_play(drive *d, int64_t episodes, double *returns) {
    fm_arena arena = {0};
    fm_error err;
    stage judge;
    stage_setup play = {.env = &d->game,
                        .copies = 1,
                        .purpose = FM_RNG_EVAL,
                        .algo = d->algo,
                        .learner = d->learner,
                        .mode = ALGO_GREEDY};
    int agents = d->game.facts.agents;
    memset(returns, 0, (size_t)agents * sizeof *returns);
    stage_init(&judge, &play, &arena, NULL);
    drive_must(stage_play(&judge, episodes, drive_add_return, returns, &err), &err);
    for (int i = 0; i < agents; i++) returns[i] /= (double)episodes;
    fm_arena_free(&arena);
}

static inline void drive_end(drive *d) {
    if (d->algo->destroy) d->algo->destroy(d->learner);
    ad_tape_free(d->tape);
    fm_keep_free(&d->keep);
    fm_arena_free(&d->arena);
}

#endif
