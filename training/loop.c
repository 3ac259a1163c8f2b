/* loop.c: see loop.h. */
#include "training/loop.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "stb_ds.h"

#define CHECK_EVERY 256 /* iterations between two looks at the metrics */

/* One iteration in so many is timed. Prime, so that it falls in step with no algorithm's own rhythm. */
#define TIME_EVERY 7

double loop_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static const env_facts *facts_of(const loop *l) { return &l->setup.env->facts; }

/* ---- building ---- */

static void keep_all(loop *l) {
    size_t window = (size_t)l->setup.window, agents = (size_t)facts_of(l)->agents;
    fm_keep(&l->keep, FM_I64, &l->counters, sizeof l->counters / sizeof(int64_t), "loop/counters");
    fm_keep(&l->keep, FM_F64, l->ring_return, window * agents, "loop/return");
    fm_keep(&l->keep, FM_I64, l->ring_length, window, "loop/length");
    fm_keep(&l->keep, FM_I64, l->ring_outcome, window, "loop/outcome");
    fm_keep(&l->keep, FM_F64, l->row_values, (size_t)l->row_count * (size_t)l->values, "loop/rows");
    fm_keep(&l->keep, FM_F64, l->row_times, (size_t)l->row_count * LOOP_TIMES, "loop/seconds_rows");
    fm_keep(&l->keep, FM_F64, l->times, LOOP_TIMES, "loop/seconds");
}

static void count_columns(loop *l) {
    const env_facts *facts = facts_of(l);
    const char *const *names = l->setup.algo->metric_names;
    l->outcomes = facts->outcomes <= LOOP_OUTCOMES_MAX ? facts->outcomes : 0;
    for (l->metrics = 0; names && names[l->metrics];) l->metrics++;
    FM_CHECK(l->metrics <= ALGO_METRICS_MAX, "%s: %d metrics", l->setup.algo->name, l->metrics);
    l->values = LOOP_RETURN + facts->agents + 1 + l->outcomes + l->metrics;
    l->iterations = (l->setup.steps + l->setup.copies - 1) / l->setup.copies;
    l->row_count = l->setup.rows < l->iterations ? l->setup.rows : l->iterations;
    for (int i = 0; i < facts->agents; i++) l->box |= facts->action[i].n == 0;
}

void loop_init(loop *l, const loop_setup *setup) {
    memset(l, 0, sizeof *l);
    l->setup = *setup;
    FM_CHECK(setup->copies >= 1 && setup->steps >= 1 && setup->window >= 1 && setup->rows >= 1,
             "loop: %d copies, %lld steps, window %lld, %lld rows", setup->copies, (long long)setup->steps,
             (long long)setup->window, (long long)setup->rows);
    FM_CHECK(!setup->watch || setup->watch_every >= 1, "loop: watch every %lld",
             (long long)setup->watch_every);
    count_columns(l);
    const env_facts *facts = facts_of(l);
    size_t copies = (size_t)setup->copies, window = (size_t)setup->window;
    l->before_obs = fm_arena_array(&l->arena, real, copies * (size_t)facts->obs_total);
    l->before_mask = fm_arena_array(&l->arena, uint8_t, copies * (size_t)facts->mask_total);
    l->ring_return = fm_arena_array(&l->arena, double, window *(size_t)facts->agents);
    l->ring_length = fm_arena_array(&l->arena, int64_t, window);
    l->ring_outcome = fm_arena_array(&l->arena, int64_t, window);
    l->row_values = fm_arena_array(&l->arena, double, (size_t)l->row_count *(size_t)l->values);
    l->row_times = fm_arena_array(&l->arena, double, (size_t)l->row_count *LOOP_TIMES);
    keep_all(l);
    env_vec_init(&l->vec, setup->env, setup->copies, setup->seed, FM_RNG_ENV, &l->arena, &l->keep);
    algo_setup learner = {.facts = facts,
                          .config = setup->algo_config,
                          .copies = setup->copies,
                          .steps = setup->steps,
                          .seed = setup->seed,
                          .arena = &l->arena,
                          .keep = &l->keep};
    l->learner = setup->algo->create(&learner);
    env_vec_reset(&l->vec);
}

void loop_free(loop *l) {
    if (l->learner && l->setup.algo->destroy) l->setup.algo->destroy(l->learner);
    fm_keep_free(&l->keep);
    fm_arena_free(&l->arena);
    memset(l, 0, sizeof *l);
}

/* ---- measuring ---- */

static double mean_of(double sum, int64_t n) { return n > 0 ? sum / (double)n : (double)NAN; }

void loop_measure(const loop *l, double *values) {
    const env_facts *facts = facts_of(l);
    int64_t n = l->counters.episodes < l->setup.window ? l->counters.episodes : l->setup.window;
    double *at = values;
    *at++ = (double)l->counters.step;
    *at++ = (double)l->counters.episodes;
    for (int i = 0; i < facts->agents; i++) {
        double sum = 0;
        for (int64_t k = 0; k < n; k++) sum += l->ring_return[k * facts->agents + i];
        *at++ = mean_of(sum, n);
    }
    double length = 0;
    for (int64_t k = 0; k < n; k++) length += (double)l->ring_length[k];
    *at++ = mean_of(length, n);
    for (int o = 0; o < l->outcomes; o++) {
        double hits = 0;
        for (int64_t k = 0; k < n; k++) hits += l->ring_outcome[k] == o;
        *at++ = mean_of(hits, n);
    }
    if (l->metrics > 0) l->setup.algo->metrics(l->learner, at);
}

/* The timed samples say how the clock's seconds divide. */
static void write_times(const loop *l, double seconds, double *times) {
    double sampled = 0;
    for (int i = LOOP_SECONDS_ENV; i < LOOP_TIMES; i++) sampled += l->times[i];
    times[LOOP_SECONDS] = seconds;
    for (int i = LOOP_SECONDS_ENV; i < LOOP_TIMES; i++)
        times[i] = sampled > 0 ? seconds * l->times[i] / sampled : 0;
}

/* Iteration at which row r is due: the rows divide the trial evenly, and the last one is its end. */
static int64_t row_due(const loop *l, int64_t r) {
    int64_t whole = l->iterations / l->row_count, rest = l->iterations % l->row_count;
    return whole * (r + 1) + rest * (r + 1) / l->row_count;
}

/* ---- guards ---- */

static bool is_wrong(loop *l, double value, const char *what, const char *name) {
    if (isfinite(value)) return false;
    const char *found = isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
    snprintf(l->problem, sizeof l->problem, "%s %s is %s after update %lld (step %lld)", what, name, found,
             (long long)l->counters.iteration, (long long)l->counters.step);
    return true;
}

static bool metrics_wrong(loop *l) {
    double values[ALGO_METRICS_MAX];
    if (l->metrics == 0) return false;
    l->setup.algo->metrics(l->learner, values);
    for (int i = 0; i < l->metrics; i++)
        if (is_wrong(l, values[i], "metric", l->setup.algo->metric_names[i])) return true;
    return false;
}

static bool parameters_wrong(loop *l) {
    for (size_t k = 0; k < arrlenu(l->keep.items); k++) {
        const fm_kept *item = &l->keep.items[k];
        if (!item->parameter || item->dtype != FM_DTYPE_REAL) continue;
        const real *data = item->data;
        size_t n = item->rows * (item->cols ? item->cols : 1);
        for (size_t i = 0; i < n; i++)
            if (is_wrong(l, (double)data[i], "parameter", item->name)) return true;
    }
    return false;
}

static bool actions_wrong(loop *l) {
    const env_facts *facts = facts_of(l);
    for (int c = 0; c < l->vec.copies; c++)
        for (int i = 0; i < facts->agents; i++)
            for (int k = facts->action_at[i]; k < facts->action_at[i + 1]; k++)
                if (is_wrong(l, (double)l->vec.actions[c * facts->action_total + k], "action of",
                             facts->agent_name[i]))
                    return true;
    return false;
}

/* ---- stepping ---- */

static void choose(loop *l) {
    const env_facts *facts = facts_of(l);
    size_t copies = (size_t)l->vec.copies;
    memcpy(l->before_obs, l->vec.obs, copies * (size_t)facts->obs_total * sizeof *l->before_obs);
    memcpy(l->before_mask, l->vec.mask, copies * (size_t)facts->mask_total);
    algo_view view = {.copies = l->vec.copies, .obs = l->vec.obs, .mask = l->vec.mask};
    l->setup.algo->act(l->learner, &view, false, l->vec.actions);
}

static void learn(loop *l) {
    const env_vec *vec = &l->vec;
    algo_step step = {.before = {vec->copies, l->before_obs, l->before_mask},
                      .actions = vec->actions,
                      .rewards = vec->rewards,
                      .after = {vec->copies, vec->final_obs, vec->final_mask},
                      .terminated = vec->terminated,
                      .truncated = vec->truncated,
                      .alive = vec->alive};
    l->setup.algo->observe(l->learner, &step);
    l->setup.algo->update(l->learner);
}

static void book_episodes(loop *l) {
    const env_vec *vec = &l->vec;
    size_t agents = (size_t)facts_of(l)->agents;
    for (int c = 0; c < vec->copies; c++) {
        if (vec->ended_length[c] == 0) continue;
        size_t slot = (size_t)(l->counters.episodes % l->setup.window);
        memcpy(l->ring_return + slot * agents, vec->ended_return + (size_t)c * agents,
               agents * sizeof(double));
        l->ring_length[slot] = vec->ended_length[c];
        l->ring_outcome[slot] = vec->ended_outcome[c];
        l->counters.episodes++;
    }
}

/* False: an action is no number. */
static bool iterate(loop *l) {
    choose(l);
    if (l->box && actions_wrong(l)) return false;
    env_vec_step(&l->vec);
    learn(l);
    return true;
}

static bool iterate_timed(loop *l) {
    double start = loop_clock();
    choose(l);
    if (l->box && actions_wrong(l)) return false;
    double chosen = loop_clock();
    env_vec_step(&l->vec);
    double stepped = loop_clock();
    learn(l);
    l->times[LOOP_SECONDS_ACT] += chosen - start;
    l->times[LOOP_SECONDS_ENV] += stepped - chosen;
    l->times[LOOP_SECONDS_UPDATE] += loop_clock() - stepped;
    return true;
}

/* True: a number went wrong. The row is written in either case, for it shows what did. */
static bool finish_row(loop *l, double seconds) {
    int64_t r = l->counters.rows++;
    loop_measure(l, l->row_values + r * l->values);
    write_times(l, seconds, l->row_times + r * LOOP_TIMES);
    return metrics_wrong(l) || parameters_wrong(l);
}

loop_status loop_advance(loop *l, int64_t iterations) {
    double start = loop_clock(), before = l->times[LOOP_SECONDS];
    loop_counters *now = &l->counters;
    bool wrong = l->problem[0] != '\0';
    int64_t stop = iterations < l->iterations - now->iteration ? now->iteration + iterations : l->iterations;
    if (l->setup.watch && now->iteration == 0 && iterations > 0) l->setup.watch(l->setup.watch_user, l);
    while (!wrong && now->iteration < stop) {
        bool timed = now->iteration % TIME_EVERY == 0;
        wrong = !(timed ? iterate_timed(l) : iterate(l));
        if (wrong) break;
        now->iteration++;
        now->step += l->vec.copies;
        book_episodes(l);
        if (now->iteration == row_due(l, now->rows)) wrong = finish_row(l, before + loop_clock() - start);
        else if (now->iteration % CHECK_EVERY == 0) wrong = metrics_wrong(l);
        if (l->setup.watch && now->iteration % l->setup.watch_every == 0)
            l->setup.watch(l->setup.watch_user, l);
    }
    l->times[LOOP_SECONDS] = before + loop_clock() - start;
    if (wrong) return LOOP_NAN;
    return now->iteration < l->iterations ? LOOP_RUNNING : LOOP_DONE;
}

/* ---- judging ---- */

static void remember_action(const env_vec *vec, loop_evaluation *evaluation) {
    int n = vec->env->facts.action_total;
    for (int i = 0; i < n && i < LOOP_ACTIONS_MAX; i++) evaluation->action[i] = (double)vec->actions[i];
}

/* Adds an episode to the means, as differences from the first one: equal episodes then leave no rounding. */
static void add_episode(const env_vec *vec, int outcomes, loop_evaluation *first, loop_evaluation *sum) {
    int agents = vec->env->facts.agents;
    if (sum->episodes++ == 0) {
        memcpy(first->value, vec->ended_return, (size_t)agents * sizeof(double));
        first->length = (double)vec->ended_length[0];
    }
    for (int i = 0; i < agents; i++) sum->value[i] += vec->ended_return[i] - first->value[i];
    sum->length += (double)vec->ended_length[0] - first->length;
    if (outcomes > 0 && vec->ended_outcome[0] >= 0) sum->outcome[vec->ended_outcome[0]] += 1;
}

void loop_evaluate(const loop *l, int64_t episodes, loop_evaluation *evaluation) {
    const env_facts *facts = facts_of(l);
    fm_arena arena = {0};
    env_vec vec;
    loop_evaluation first = {0};
    if (facts->bimatrix && facts->horizon == 1) episodes = 1;
    *evaluation = (loop_evaluation){0};
    env_vec_init(&vec, l->setup.env, 1, l->setup.seed, FM_RNG_EVAL, &arena, NULL);
    env_vec_reset(&vec);
    for (bool begun = false; evaluation->episodes < episodes; begun = true) {
        algo_view view = {.copies = 1, .obs = vec.obs, .mask = vec.mask};
        l->setup.algo->act(l->learner, &view, true, vec.actions);
        if (!begun) remember_action(&vec, evaluation);
        env_vec_step(&vec);
        if (vec.ended_length[0] > 0) add_episode(&vec, l->outcomes, &first, evaluation);
    }
    double n = (double)evaluation->episodes;
    for (int i = 0; i < facts->agents; i++) evaluation->value[i] = first.value[i] + evaluation->value[i] / n;
    for (int o = 0; o < l->outcomes; o++) evaluation->outcome[o] /= n;
    evaluation->length = first.length + evaluation->length / n;
    fm_arena_free(&arena);
}
