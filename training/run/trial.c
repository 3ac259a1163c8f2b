/* trial.c: see trial.h. */
#include "training/run/trial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "training/run/checkpoint.h"

#define LIVE_SECONDS 0.2 /* between two messages about where the trial stands */
#define CHUNK_SECONDS 0.03 /* of work between two looks at the clock and the stop */
#define CHUNK_MAX (1 << 20) /* iterations */

/* The trial's own view of itself. */
typedef struct child {
    const trial_job *job;
    loop loop;
    char folder[CHECKPOINT_PATH_MAX];
    int64_t rows_sent;
    double *numbers; /* room for a message of numbers */
} child;

/* ---- messages ---- */

/* A pipe takes large messages in pieces. Without a reader the process ends here, by SIGPIPE. */
static void write_all(int fd, const void *data, size_t size) {
    for (const char *at = data; size > 0;) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) _exit(1);
        at += n;
        size -= (size_t)n;
    }
}

static void tell(const trial_job *job, trial_message_kind kind, const void *data, size_t size) {
    trial_message header = {(uint32_t)kind, (uint32_t)size};
    write_all(job->fd, &header, sizeof header);
    write_all(job->fd, data, size);
}

static void tell_error(const trial_job *job, trial_message_kind kind, const fm_error *err) {
    tell(job, kind, err->text, strlen(err->text) + 1);
}

static void tell_rows(child *c) {
    const loop *l = &c->loop;
    for (; c->rows_sent < l->counters.rows; c->rows_sent++) {
        loop_row(l, c->rows_sent, c->numbers);
        tell(c->job, TRIAL_MESSAGE_ROW, c->numbers, (size_t)l->columns.at[COLUMN_END] * sizeof(double));
    }
}

static void tell_live(child *c) {
    const loop *l = &c->loop;
    trial_live now = {.step = l->counters.step};
    loop_measure(l, c->numbers);
    for (int i = 0; i < LIVE_VALUES; i++)
        now.value[i] =
            i < l->columns.facts->agents ? c->numbers[l->columns.at[COLUMN_RETURN] + i] : FM_ABSENT;
    tell(c->job, TRIAL_MESSAGE_LIVE, &now, sizeof now);
}

static void tell_result(const child *c, const trial_result *result) {
    size_t bytes = result_bytes(&c->job->run->env.facts);
    trial_message header = {TRIAL_MESSAGE_RESULT, (uint32_t)(sizeof *result + bytes)};
    write_all(c->job->fd, &header, sizeof header);
    write_all(c->job->fd, result, sizeof *result);
    write_all(c->job->fd, result->numbers, bytes);
}

static void look(void *user, loop *l) {
    child *c = user;
    const trial_watch *watch = c->job->watch;
    watch->look(watch->user, l, c->numbers);
    tell(c->job, TRIAL_MESSAGE_WATCH, c->numbers, watch->width * sizeof(double));
}

/* ---- the trial ---- */

loop_setup trial_setup(const run_plan *run, int64_t trial) {
    return (loop_setup){.env = &run->env,
                        .algo = run->learner,
                        .algo_config = run->learner_config,
                        .num_envs = (int)run->config.num_envs,
                        .steps = run->config.steps,
                        .seed = (uint64_t)(run->config.seed + trial),
                        .window = run->config.window,
                        .rows = run->config.rows,
                        .eval_every = run->config.eval_every,
                        .eval_episodes = run->config.eval_episodes,
                        .eval_mode =
                            run->config.eval_mode == RUN_EVAL_SAMPLE ? ALGO_SAMPLE : ALGO_GREEDY};
}

/* `damaged`: it is the state that is to blame. */
static fm_status begin(child *c, bool *damaged, fm_error *err) {
    const trial_job *job = c->job;
    loop_setup setup = trial_setup(job->run, job->trial);
    size_t room = (size_t)run_columns(job->run).at[COLUMN_END];
    if (job->watch) {
        setup.watch = look;
        setup.watch_user = c;
        setup.watch_every = job->watch->every;
        if (job->watch->width > room) room = job->watch->width;
    }
    c->numbers = fm_new(room, sizeof(double));
    run_use_isa(job->run);
    loop_init(&c->loop, &setup);
    if (!job->folder) return FM_OK;
    checkpoint_folder(job->folder, job->trial, c->folder);
    if (fm_folder_make(c->folder, err) != FM_OK) return FM_BAD;
    fm_writer_sweep(c->folder);
    if (!job->resume || !checkpoint_exists(c->folder, CHECKPOINT_STATE)) return FM_OK;
    *damaged = checkpoint_resume(&c->loop, job->run, c->folder, err) != FM_OK;
    return *damaged ? FM_BAD : FM_OK;
}

static fm_status save(const child *c, bool finished, fm_error *err) {
    if (!c->job->folder) return FM_OK;
    tell(c->job, TRIAL_MESSAGE_SAVING, NULL, 0);
    return checkpoint_save(&c->loop, c->job->run, c->folder, finished, err);
}

/* Steps until the end, the stop, or an error; tells and saves in between. The size of the pieces follows
 * the clock. */
static fm_status work(child *c, loop_status *status, fm_error *err) {
    double now = loop_clock(), told = now, saved = now;
    double save_after = (double)c->job->run->config.checkpoint_every;
    int64_t chunk = 1;
    tell_live(c);
    do {
        double start = now;
        *status = loop_advance(&c->loop, chunk);
        now = loop_clock();
        if (now - start < CHUNK_SECONDS / 2 && chunk < CHUNK_MAX) chunk *= 2;
        else if (now - start > CHUNK_SECONDS && chunk > 1) chunk /= 2;
        tell_rows(c);
        if (now - told > LIVE_SECONDS) tell_live(c), told = now;
        if (*status != LOOP_RUNNING || *c->job->stop) return FM_OK;
        if (save_after > 0 && now - saved > save_after) {
            if (save(c, false, err) != FM_OK) return FM_BAD;
            tell_live(c);
            now = saved = loop_clock();
        }
    } while (true);
}

/* The result, in the loop's arena. */
static void judge(child *c, loop_status status, trial_result *result) {
    loop *l = &c->loop;
    int64_t trial = c->job->trial;
    result_make(result, l->columns.facts, trial, c->job->run->config.seed + trial, &l->arena);
    if (status == LOOP_DONE &&
        loop_evaluate(l, LOOP_AT_THE_END, &result->evaluation, &l->problem) != FM_OK)
        status = LOOP_NAN;
    result->status = status == LOOP_DONE ? TRIAL_OK : status == LOOP_NAN ? TRIAL_NAN : TRIAL_INTERRUPTED;
    result->steps = l->counters.step;
    result->episodes = l->counters.episodes;
    result->seconds = l->clocks[0];
    snprintf(result->note, sizeof result->note, "%.*s", (int)sizeof result->note - 1, l->problem.text);
    loop_measure(l, c->numbers);
    result_from_row(result, &l->columns, c->numbers);
}

int trial_run(const trial_job *job) {
    child c = {.job = job};
    fm_error err;
    loop_status status = LOOP_RUNNING;
    bool damaged = false;
    fm_status done = begin(&c, &damaged, &err);
    if (done == FM_OK) done = work(&c, &status, &err);
    if (done == FM_OK) {
        trial_result result;
        judge(&c, status, &result);
        done = save(&c, status == LOOP_DONE, &err);
        if (done == FM_OK) tell_result(&c, &result); /* a trial is done when its files are on the disk */
    }
    if (done != FM_OK) tell_error(job, damaged ? TRIAL_MESSAGE_DAMAGE : TRIAL_MESSAGE_ERROR, &err);
    loop_free(&c.loop);
    free(c.numbers);
    return done == FM_OK ? 0 : 2;
}
