/* loop.c: see loop.h. */
#include "training/loop.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "stb_ds.h"

/* One iteration in so many is timed. Prime, so that it falls in step with no algorithm's own rhythm. */
#define TIME_EVERY 7

/* The clocks: those of the columns, and the time that evaluations took. */
enum { EVALUATING = COLUMN_TIMES, CLOCKS };
_Static_assert(sizeof ((loop *)0)->clocks / sizeof(double) == CLOCKS, "one more clock than columns");

double loop_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static const env_facts *facts_of(const loop *l) { return &l->setup.env->facts; }

/* Numbers of a row that are not times. */
static size_t values_of(const loop *l) { return (size_t)l->columns.at[COLUMN_SECONDS]; }

/* ---- building ---- */

static void check_setup(const loop_setup *s) {
    FM_CHECK(s->num_envs >= 1 && s->steps >= 1 && s->window >= 1 && s->rows >= 1 && s->eval_episodes >= 1,
             "loop: %d environments, %lld steps, window %lld, %lld rows, %lld episodes", s->num_envs,
             (long long)s->steps, (long long)s->window, (long long)s->rows, (long long)s->eval_episodes);
    FM_CHECK(s->eval_every >= 0 && s->eval_mode != ALGO_TRAIN, "loop: evaluation every %lld steps in mode %d",
             (long long)s->eval_every, (int)s->eval_mode);
    FM_CHECK(!s->watch || s->watch_every >= 1, "loop: watch every %lld", (long long)s->watch_every);
}

static void take_room(loop *l) {
    size_t window = (size_t)l->setup.window, agents = (size_t)facts_of(l)->agents;
    size_t rows = (size_t)l->row_count;
    l->ring_return = fm_arena_array(&l->arena, double, window * agents);
    l->ring_length = fm_arena_array(&l->arena, int64_t, window);
    l->ring_outcome = fm_arena_array(&l->arena, int64_t, window);
    l->row_values = fm_arena_array(&l->arena, double, rows * values_of(l));
    l->row_times = fm_arena_array(&l->arena, double, rows * COLUMN_TIMES);
    l->metrics = fm_arena_array(&l->arena, double, values_of(l));
    l->eval_return = fm_arena_array(&l->arena, double, agents);
    for (size_t i = 0; i < agents; i++) l->eval_return[i] = FM_ABSENT;
    l->evaluation = loop_evaluation_make(facts_of(l), &l->arena);
    fm_keep(&l->keep, FM_I64, &l->counters, sizeof l->counters / sizeof(int64_t), "loop/counters");
    fm_keep(&l->keep, FM_F64, l->ring_return, window * agents, "loop/return");
    fm_keep(&l->keep, FM_I64, l->ring_length, window, "loop/length");
    fm_keep(&l->keep, FM_I64, l->ring_outcome, window, "loop/outcome");
    fm_keep(&l->keep, FM_F64, l->eval_return, agents, "loop/eval_return");
    fm_keep(&l->keep, FM_F64, l->row_values, rows * values_of(l), "loop/rows");
    fm_keep(&l->keep, FM_F64, l->row_times, rows * COLUMN_TIMES, "loop/seconds_rows");
    fm_keep(&l->keep, FM_F64, l->clocks, CLOCKS, "loop/seconds");
}

void loop_init(loop *l, const loop_setup *setup) {
    memset(l, 0, sizeof *l);
    check_setup(setup);
    l->setup = *setup;
    l->columns = columns_of(facts_of(l), setup->algo, setup->eval_every > 0);
    l->iterations = (setup->steps + setup->num_envs - 1) / setup->num_envs;
    int64_t most = l->iterations * setup->num_envs; /* episodes */
    if (most < l->setup.window) l->setup.window = most;
    l->row_count = setup->rows < l->iterations ? setup->rows : l->iterations;
    take_room(l);
    l->tape = ad_tape_new();
    algo_setup learner = {.facts = facts_of(l),
                          .config = setup->algo_config,
                          .num_envs = setup->num_envs,
                          .steps = setup->steps,
                          .seed = setup->seed,
                          .tape = l->tape,
                          .arena = &l->arena,
                          .keep = &l->keep};
    l->learner = setup->algo->create(&learner);
    stage_setup play = {.env = setup->env,
                        .copies = setup->num_envs,
                        .seed = setup->seed,
                        .purpose = FM_RNG_ENV,
                        .algo = setup->algo,
                        .learner = l->learner,
                        .mode = ALGO_TRAIN};
    stage_init(&l->stage, &play, &l->arena, &l->keep);
    stage_begin(&l->stage, &l->problem);
}

void loop_free(loop *l) {
    if (l->learner && l->setup.algo->destroy) l->setup.algo->destroy(l->learner);
    ad_tape_free(l->tape);
    fm_keep_free(&l->keep);
    fm_arena_free(&l->arena);
    fm_arena_free(&l->eval_arena);
    memset(l, 0, sizeof *l);
}

/* ---- measuring ---- */

static double mean_of(double sum, int64_t n) { return n > 0 ? sum / (double)n : FM_ABSENT; }

void loop_measure(const loop *l, double *values) {
    const env_facts *facts = facts_of(l);
    const int *at = l->columns.at;
    int64_t n = l->counters.episodes < l->setup.window ? l->counters.episodes : l->setup.window;
    double *outcome = values + at[COLUMN_OUTCOME], length = 0;
    values[at[COLUMN_STEP]] = (double)l->counters.step;
    values[at[COLUMN_EPISODES]] = (double)l->counters.episodes;
    for (int i = 0; i < facts->agents; i++) {
        double sum = 0;
        for (int64_t k = 0; k < n; k++) sum += l->ring_return[k * facts->agents + i];
        values[at[COLUMN_RETURN] + i] = mean_of(sum, n);
    }
    for (int o = 0; o < facts->outcomes; o++) outcome[o] = 0;
    for (int64_t k = 0; k < n; k++) {
        length += (double)l->ring_length[k];
        if (l->ring_outcome[k] >= 0) outcome[l->ring_outcome[k]]++;
    }
    values[at[COLUMN_LENGTH]] = mean_of(length, n);
    for (int o = 0; o < facts->outcomes; o++) outcome[o] = mean_of(outcome[o], n);
    for (int k = at[COLUMN_EVAL_RETURN]; k < at[COLUMN_METRIC]; k++)
        values[k] = l->eval_return[k - at[COLUMN_EVAL_RETURN]];
    if (at[COLUMN_SECONDS] > at[COLUMN_METRIC])
        l->setup.algo->measure(l->learner, values + at[COLUMN_METRIC]);
}

void loop_row(const loop *l, int64_t r, double *row) {
    FM_CHECK(r >= 0 && r < l->counters.rows, "row %lld of %lld", (long long)r, (long long)l->counters.rows);
    size_t values = values_of(l), k = (size_t)r;
    memcpy(row, l->row_values + k * values, values * sizeof *row);
    memcpy(row + values, l->row_times + k * COLUMN_TIMES, COLUMN_TIMES * sizeof *row);
}

/* Iteration at which row r is due: the rows divide the trial evenly, and the last one is its end. */
static int64_t row_due(const loop *l, int64_t r) {
    int64_t whole = l->iterations / l->row_count, rest = l->iterations % l->row_count;
    return whole * (r + 1) + rest * (r + 1) / l->row_count;
}

/* ---- guards ---- */

static bool went_wrong(const loop *l) { return l->problem.text[0] != '\0'; }

/* Says of a number that is none what it is, and which op on the tape was the first to go wrong. */
static bool is_wrong(loop *l, double value, const char *what, const char *name) {
    if (isfinite(value)) return false;
    const char *found = isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
    char op[256] = "";
    bool named = ad_find_nonfinite(l->tape, op, sizeof op);
    fm_fail(&l->problem, "%s %s is %s after update %lld (step %lld)%s%s", what, name, found,
            (long long)l->counters.iteration, (long long)l->counters.step,
            named ? "; the first wrong op is " : "", op);
    return true;
}

static bool metrics_wrong(loop *l) {
    char name[96];
    int n = l->columns.at[COLUMN_SECONDS] - l->columns.at[COLUMN_METRIC];
    if (n == 0) return false;
    l->setup.algo->measure(l->learner, l->metrics);
    for (int i = 0; i < n; i++) {
        if (isfinite(l->metrics[i])) continue;
        algo_metric_at(l->setup.algo, facts_of(l), i, name, sizeof name);
        return is_wrong(l, l->metrics[i], "metric", name);
    }
    return false;
}

static void check_parameters(loop *l) {
    for (size_t k = 0; k < arrlenu(l->keep.items); k++) {
        const fm_kept *item = &l->keep.items[k];
        if (!item->parameter || item->dtype != FM_DTYPE_REAL) continue;
        const real *data = item->data;
        size_t n = item->rows * (item->cols ? item->cols : 1);
        for (size_t i = 0; i < n; i++)
            if (is_wrong(l, (double)data[i], "parameter", item->name)) return;
    }
}

/* ---- stepping ---- */

static void learn(loop *l) {
    algo_step step = stage_step_of(&l->stage);
    l->setup.algo->observe(l->learner, &step);
    l->setup.algo->update(l->learner);
}

static void book_episodes(loop *l) {
    const env_vec *vec = &l->stage.vec;
    size_t agents = (size_t)facts_of(l)->agents;
    for (int c = 0; c < vec->copies; c++) {
        if (!env_vec_ended(vec, c)) continue;
        size_t slot = (size_t)(l->counters.episodes % l->setup.window);
        memcpy(l->ring_return + slot * agents, vec->sum + (size_t)c * agents, agents * sizeof(double));
        l->ring_length[slot] = vec->length[c];
        l->ring_outcome[slot] = vec->outcome[c];
        l->counters.episodes++;
    }
}

/* Books the time since `*since` when the iteration is timed. */
static void lap(loop *l, bool timed, column_group what, double *since) {
    if (!timed) return;
    double now = loop_clock();
    l->clocks[what - COLUMN_SECONDS] += now - *since;
    *since = now;
}

static fm_status iterate(loop *l, fm_error *err) {
    bool timed = l->counters.iteration % TIME_EVERY == 0;
    double since = timed ? loop_clock() : 0;
    stage_choose(&l->stage);
    lap(l, timed, COLUMN_SECONDS_ACT, &since);
    if (env_vec_step(&l->stage.vec, err) != FM_OK) return FM_BAD;
    lap(l, timed, COLUMN_SECONDS_ENV, &since);
    learn(l);
    lap(l, timed, COLUMN_SECONDS_UPDATE, &since);
    l->counters.iteration++;
    l->counters.step += l->stage.vec.copies;
    book_episodes(l);
    fm_status status = stage_restart(&l->stage, err);
    lap(l, timed, COLUMN_SECONDS_ENV, &since);
    return status;
}


/* ---- judging ---- */

loop_evaluation loop_evaluation_make(const env_facts *facts, fm_arena *arena) {
    return (loop_evaluation){.value = fm_arena_array(arena, double, (size_t)facts->agents),
                             .outcome = fm_arena_array(arena, double, (size_t)facts->outcomes),
                             .action = fm_arena_array(arena, real, (size_t)facts->action_total)};
}

/* Sums that become means: as differences from the first episode, so that equal ones leave no rounding. */
typedef struct tally {
    loop_evaluation *sum;
    double *first_value, first_length;
} tally;

static void add_episode(void *user, const stage *s, int copy) {
    tally *t = user;
    loop_evaluation *sum = t->sum;
    const env_facts *facts = &s->vec.env->facts;
    const double *value = s->vec.sum + (size_t)copy * (size_t)facts->agents;
    if (sum->episodes == 0 && s->vec.length[copy] == 1)
        memcpy(sum->action, s->vec.actions, (size_t)facts->action_total * sizeof *sum->action);
    if (!env_vec_ended(&s->vec, copy)) return;
    if (sum->episodes++ == 0) {
        memcpy(t->first_value, value, (size_t)facts->agents * sizeof *value);
        t->first_length = (double)s->vec.length[copy];
    }
    for (int i = 0; i < facts->agents; i++) sum->value[i] += value[i] - t->first_value[i];
    sum->length += (double)s->vec.length[copy] - t->first_length;
    if (s->vec.outcome[copy] >= 0) sum->outcome[s->vec.outcome[copy]]++;
}

static uint64_t seed_of(const loop *l, int64_t count) {
    if (count == LOOP_AT_THE_END) return l->setup.seed;
    fm_rng rng = fm_rng_split(l->setup.seed, FM_RNG_EVAL, (uint64_t)count, 2);
    return fm_rng_bits(&rng);
}

fm_status loop_evaluate(loop *l, int64_t count, loop_evaluation *e, fm_error *err) {
    const env_facts *facts = facts_of(l);
    size_t agents = (size_t)facts->agents;
    bool still = l->setup.eval_mode == ALGO_GREEDY && !l->setup.algo->restless;
    bool once = facts->bimatrix && facts->horizon == 1 && still;
    stage_setup setup = {.env = l->setup.env,
                         .copies = 1,
                         .seed = seed_of(l, count),
                         .purpose = FM_RNG_EVAL,
                         .algo = l->setup.algo,
                         .learner = l->learner,
                         .mode = l->setup.eval_mode};
    fm_mark mark = fm_arena_mark(&l->eval_arena);
    tally t = {.sum = e, .first_value = fm_arena_array(&l->eval_arena, double, agents)};
    stage s;
    e->episodes = 0;
    e->length = 0;
    memset(e->value, 0, agents * sizeof *e->value);
    memset(e->outcome, 0, (size_t)facts->outcomes * sizeof *e->outcome);
    stage_init(&s, &setup, &l->eval_arena, NULL);
    fm_status status = stage_play(&s, once ? 1 : l->setup.eval_episodes, add_episode, &t, err);
    double n = (double)e->episodes;
    for (size_t i = 0; i < agents; i++) e->value[i] = t.first_value[i] + e->value[i] / n;
    for (int o = 0; o < facts->outcomes; o++) e->outcome[o] /= n;
    e->length = t.first_length + e->length / n;
    fm_arena_reset(&l->eval_arena, mark);
    return status == FM_OK ? FM_OK : fm_fail_in(err, "evaluation: ");
}

/* ---- the trial ---- */

/* The evaluation that the last iteration made due, if it did. */
static void evaluate_if_due(loop *l) {
    int64_t every = l->setup.eval_every, step = l->counters.step;
    if (every == 0 || step / every == (step - l->stage.vec.copies) / every) return;
    double start = loop_clock();
    if (loop_evaluate(l, step / every, &l->evaluation, &l->problem) == FM_OK)
        memcpy(l->eval_return, l->evaluation.value, (size_t)facts_of(l)->agents * sizeof *l->eval_return);
    l->clocks[EVALUATING] += loop_clock() - start;
}

/* The timed samples say how the clock's seconds, but for the evaluations', divide. */
static void write_times(const loop *l, double seconds, double *times) {
    double sampled = 0;
    for (int i = 1; i < COLUMN_TIMES; i++) sampled += l->clocks[i];
    times[0] = seconds;
    for (int i = 1; i < COLUMN_TIMES; i++)
        times[i] = sampled > 0 ? (seconds - l->clocks[EVALUATING]) * l->clocks[i] / sampled : 0;
}

/* Written also when a number went wrong, for it shows what did. */
static void finish_row(loop *l, double seconds) {
    size_t r = (size_t)l->counters.rows++;
    loop_measure(l, l->row_values + r * values_of(l));
    write_times(l, seconds, l->row_times + r * COLUMN_TIMES);
}

loop_status loop_advance(loop *l, int64_t iterations) {
    double start = loop_clock(), before = l->clocks[0];
    loop_counters *now = &l->counters;
    int64_t end = iterations < l->iterations - now->iteration ? now->iteration + iterations : l->iterations;
    if (l->setup.watch && now->iteration == 0 && iterations > 0) l->setup.watch(l->setup.watch_user, l);
    while (!went_wrong(l) && now->iteration < end) {
        if (iterate(l, &l->problem) != FM_OK) break;
        if (!metrics_wrong(l)) evaluate_if_due(l);
        if (now->iteration == row_due(l, now->rows)) {
            finish_row(l, before + loop_clock() - start);
            if (!went_wrong(l)) check_parameters(l);
        }
        if (l->setup.watch && now->iteration % l->setup.watch_every == 0)
            l->setup.watch(l->setup.watch_user, l);
    }
    l->clocks[0] = before + loop_clock() - start;
    if (went_wrong(l)) return LOOP_NAN;
    return now->iteration < l->iterations ? LOOP_RUNNING : LOOP_DONE;
}
