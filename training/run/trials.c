/* trials.c: see trials.h. The parent's side; the child's is trial.c. */
#include "training/run/trials.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "stb_ds.h"
#include "training/run/checkpoint.h"
#include "training/run/folder.h"
#include "training/run/signals.h"

#define JOBS_MAX 1024
#define POLL_MS 200
#define PIECE 65536
#define PATIENCE 1.5 /* seconds that a trial has to come to the end of what it is doing, and save */

/* One running child. */
typedef struct slot {
    pid_t pid; /* 0: free */
    int fd;
    int64_t trial;
    char *bytes; /* received and not yet understood; stb_ds array */
    trial_live live;
    bool live_known, saving;
    int64_t first_step; /* where it stood when it was first heard of: earlier steps are another session's */
} slot;

typedef struct parent {
    const run_plan *run;
    const trials_setup *setup;
    trials *all;
    slot *slots;
    int jobs, running;
    int64_t next; /* trial to start */
    int64_t written; /* trials before this one are in the tables */
    bool *old; /* [n] finished in an earlier session */
    trial_sums *sums; /* [n] as the folder had them */
    bool stopping;
    double stopped_at; /* loop_clock */
    folder_tables tables;
    live live;
    fm_status status;
    fm_error *err;
} parent;

/* ---- signals ---- */

static volatile sig_atomic_t signals_seen;
static volatile pid_t children[JOBS_MAX];

static void on_signal(int number) {
    (void)number;
    if (signals_seen++ == 0) return;
    for (int i = 0; i < JOBS_MAX; i++)
        if (children[i] > 0) kill(children[i], SIGKILL);
    _exit(130);
}

static void on_stop(int number) {
    (void)number;
    signals_seen = 1;
}

/* ---- starting ---- */

/* The child obeys its parent alone: a Ctrl-C of the terminal reaches both, and the parent passes it on as
 * SIGTERM. What it inherits and does not need goes: above all the other pipes, which must end with the
 * parent. */
static void be_child(parent *p, int64_t trial, int fd, const sigset_t *mask) {
    for (int i = 0; i < p->jobs; i++) {
        if (p->slots[i].pid > 0) close(p->slots[i].fd);
        arrfree(p->slots[i].bytes);
    }
    trials_free(p->all);
    signals_seen = 0;
    signals_handle(SIGINT, SIG_IGN, NULL);
    signals_handle(SIGHUP, SIG_IGN, NULL);
    signals_handle(SIGPIPE, SIG_DFL, NULL);
    signals_handle(SIGTERM, on_stop, NULL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    trial_job job = {.run = p->run,
                     .folder = p->setup->folder,
                     .watch = p->setup->watch,
                     .trial = trial,
                     .resume = p->setup->resume,
                     .fd = fd,
                     .stop = &signals_seen};
    _exit(trial_run(&job));
}

/* False when the system has no process or pipe to give. */
static bool start(parent *p, int at, int64_t trial) {
    slot *s = &p->slots[at];
    int ends[2];
    sigset_t mask;
    if (pipe(ends) != 0) return false;
    fflush(NULL); /* or the child would hold a copy of what is not written yet */
    signals_block(&mask);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        be_child(p, trial, ends[1], &mask);
    }
    int reason = errno;
    if (pid > 0) {
        *s = (slot){.pid = pid, .fd = ends[0], .trial = trial};
        children[at] = pid;
        p->running++;
    }
    sigprocmask(SIG_SETMASK, &mask, NULL);
    close(ends[1]);
    if (pid < 0) close(ends[0]);
    errno = reason;
    return pid > 0;
}

static void fail(parent *p, const char *message) {
    if (p->status == FM_OK) p->status = fm_fail(p->err, "%s", message);
}

static void start_all(parent *p) {
    for (int i = 0; i < p->jobs && !p->stopping && p->status == FM_OK; i++) {
        if (p->slots[i].pid > 0) continue;
        while (p->next < p->all->n && p->all->results[p->next].status != TRIAL_OPEN) p->next++;
        if (p->next >= p->all->n) return;
        if (start(p, i, p->next)) {
            p->next++;
            continue;
        }
        if (p->running > 0) return; /* when one ends there is room for another */
        char text[128];
        snprintf(text, sizeof text, "cannot start a trial: %s", strerror(errno));
        fail(p, text);
    }
}

/* ---- listening ---- */

static void add_numbers(progress_rows *rows, const char *data, size_t size) {
    size_t n = size / sizeof(double);
    double *to = arraddnptr(rows->numbers, n);
    memcpy(to, data, n * sizeof(double));
    rows->width = n;
}

static void hear_live(slot *s, const char *data, size_t size) {
    FM_CHECK_EQ(size, sizeof s->live);
    memcpy(&s->live, data, size);
    if (!s->live_known) s->first_step = s->live.step;
    s->live_known = true;
}

static void hear_result(const parent *p, const slot *s, char *data, size_t size) {
    const env_facts *facts = &p->run->env.facts;
    trial_result now;
    FM_CHECK_EQ(size, sizeof now + result_bytes(facts));
    memcpy(&now, data, sizeof now);
    now.numbers = (char *)data + sizeof now;
    result_copy(&p->all->results[s->trial], &now, facts);
}

static void forget_trial(parent *p, int64_t trial) {
    arrsetlen(p->all->rows[trial].numbers, 0);
    arrsetlen(p->all->watched[trial].numbers, 0);
}

/* A trial is left as it is until somebody deletes `file`, which makes it one that was not done. */
static void damaged(parent *p, int64_t trial, const char *file, const char *what) {
    trial_result *result = &p->all->results[trial];
    char folder[CHECKPOINT_PATH_MAX];
    checkpoint_folder(p->setup->folder, trial, folder);
    result_clear(result, &p->run->env.facts, trial, p->run->config.seed + trial);
    forget_trial(p, trial);
    result->status = TRIAL_DAMAGED;
    live_clear(&p->live);
    fprintf(stderr,
            "%s: trial %lld (seed %lld) is damaged: %s; to do it again, delete '%s/%s' and resume the run; "
            "the other trials are not affected\n",
            p->setup->program, (long long)trial, (long long)result->seed, what, folder, file);
}

static void understand(parent *p, slot *s, const trial_message *message, char *data) {
    trials *all = p->all;
    s->saving = message->kind == TRIAL_MESSAGE_SAVING;
    switch ((trial_message_kind)message->kind) {
    case TRIAL_MESSAGE_SAVING: return;
    case TRIAL_MESSAGE_ROW: add_numbers(&all->rows[s->trial], data, message->size); return;
    case TRIAL_MESSAGE_WATCH: add_numbers(&all->watched[s->trial], data, message->size); return;
    case TRIAL_MESSAGE_LIVE: hear_live(s, data, message->size); return;
    case TRIAL_MESSAGE_RESULT: hear_result(p, s, data, message->size); return;
    case TRIAL_MESSAGE_DAMAGE: damaged(p, s->trial, CHECKPOINT_STATE, data); return;
    case TRIAL_MESSAGE_ERROR: fail(p, data); return;
    }
    FM_CHECK(false, "trial %lld sent a message of kind %u", (long long)s->trial, message->kind);
}

/* Takes complete messages off the front of what was received. */
static void understand_all(parent *p, slot *s) {
    size_t at = 0, n = arrlenu(s->bytes);
    trial_message message;
    while (n - at >= sizeof message) {
        memcpy(&message, s->bytes + at, sizeof message);
        if (n - at - sizeof message < message.size) break;
        understand(p, s, &message, s->bytes + at + sizeof message);
        at += sizeof message + message.size;
    }
    if (at > 0) {
        memmove(s->bytes, s->bytes + at, n - at);
        arrsetlen(s->bytes, n - at);
    }
}

/* A child that left no result: stopped before it had begun, or crashed. */
static void bury(parent *p, const slot *s, int how) {
    trial_result *result = &p->all->results[s->trial];
    bool asked = p->stopping && WIFSIGNALED(how) && (WTERMSIG(how) == SIGTERM || WTERMSIG(how) == SIGKILL);
    if (p->status != FM_OK || asked) {
        forget_trial(p, s->trial);
        return;
    }
    result->status = TRIAL_CRASHED;
    result->steps = s->live.step;
    if (WIFSIGNALED(how))
        snprintf(result->note, sizeof result->note, "signal %d: %s", WTERMSIG(how), strsignal(WTERMSIG(how)));
    else if (WEXITSTATUS(how) == FM_EXIT_MEMORY)
        snprintf(result->note, sizeof result->note, "out of memory");
    else snprintf(result->note, sizeof result->note, "it ended with status %d", WEXITSTATUS(how));
    live_clear(&p->live);
    fprintf(stderr, "%s: trial %lld (seed %lld) crashed, %s; the other trials are not affected\n",
            p->setup->program, (long long)s->trial, (long long)result->seed, result->note);
}

static void reap(parent *p, int at) {
    slot *s = &p->slots[at];
    int how = 0;
    trials *all = p->all;
    const trial_result *result = &all->results[s->trial];
    close(s->fd);
    while (waitpid(s->pid, &how, 0) < 0 && errno == EINTR) {}
    children[at] = 0;
    if (result->status == TRIAL_OPEN) bury(p, s, how);
    if (result->status == TRIAL_NAN) {
        live_clear(&p->live);
        fprintf(stderr, "%s: trial %lld (seed %lld) stopped: %s\n", p->setup->program, (long long)s->trial,
                (long long)result->seed, result->note);
    }
    if (result->steps > s->first_step) all->steps += result->steps - s->first_step;
    arrfree(s->bytes);
    *s = (slot){0};
    p->running--;
}

/* One read of a child that has something to say. */
static void listen_to(parent *p, int at) {
    slot *s = &p->slots[at];
    size_t n = arrlenu(s->bytes);
    arrsetlen(s->bytes, n + PIECE);
    ssize_t got = read(s->fd, s->bytes + n, PIECE);
    arrsetlen(s->bytes, n + (got > 0 ? (size_t)got : 0));
    if (got > 0) understand_all(p, s);
    else if (got == 0 || errno != EINTR) reap(p, at);
}

static void listen_all(parent *p) {
    struct pollfd fds[JOBS_MAX];
    int slot_of[JOBS_MAX], n = 0;
    for (int i = 0; i < p->jobs; i++) {
        if (p->slots[i].pid == 0) continue;
        fds[n] = (struct pollfd){.fd = p->slots[i].fd, .events = POLLIN};
        slot_of[n++] = i;
    }
    if (poll(fds, (nfds_t)n, POLL_MS) <= 0) return;
    for (int k = 0; k < n; k++)
        if (fds[k].revents) listen_to(p, slot_of[k]);
}

/* ---- writing and showing ---- */

/* Appends what is finished, in the order of the trials. `gaps`: past trials that have no result. */
static void write_finished(parent *p, bool gaps) {
    trials *all = p->all;
    for (; p->written < all->n; p->written++) {
        int64_t k = p->written;
        if (all->results[k].status == TRIAL_OPEN && !gaps) return;
        if (!p->setup->folder || p->old[k] || all->results[k].status == TRIAL_OPEN ||
            all->results[k].status == TRIAL_DAMAGED)
            continue;
        fm_error err;
        if (folder_tables_add(&p->tables, &all->results[k], &all->rows[k], &err) != FM_OK) {
            fail(p, err.text);
            p->written = all->n;
            return;
        }
    }
}

static void add_value(live_numbers *now, const double *value, int agents, int *heard) {
    if (value[0] == FM_ABSENT) return;
    for (int i = 0; i < agents; i++) now->value[i] += (value[i] - now->value[i]) / (*heard + 1);
    (*heard)++;
}

static void show(parent *p) {
    if (!live_due(&p->live)) return;
    trials *all = p->all;
    int heard = 0, agents = p->run->env.facts.agents < LIVE_VALUES ? p->run->env.facts.agents : LIVE_VALUES;
    live_numbers now = {.trials = all->n, .steps = all->n * p->run->config.steps, .done_now = all->steps};
    for (int64_t k = 0; k < all->n; k++) {
        if (all->results[k].status == TRIAL_OPEN) continue;
        now.trials_done++;
        now.at += p->run->config.steps;
    }
    for (int i = 0; i < p->jobs; i++) {
        const slot *s = &p->slots[i];
        if (s->pid == 0 || !s->live_known || all->results[s->trial].status != TRIAL_OPEN) continue;
        now.at += s->live.step;
        now.done_now += s->live.step - s->first_step;
        add_value(&now, s->live.value, agents, &heard);
    }
    for (int i = heard == 0 ? 0 : agents; i < LIVE_VALUES; i++) now.value[i] = FM_ABSENT;
    live_show(&p->live, &now);
}

/* An iteration of a large network, its creation or an evaluation may last longer than anybody waits. The
 * trial then goes on from what it saved last. */
static void kill_late(parent *p) {
    for (int i = 0; i < p->jobs; i++)
        if (p->slots[i].pid > 0 && !p->slots[i].saving) kill(p->slots[i].pid, SIGKILL);
}

static void stop_children(parent *p) {
    if (p->stopping && loop_clock() - p->stopped_at > PATIENCE) kill_late(p);
    if (p->stopping || (!signals_seen && p->status == FM_OK)) return;
    p->stopping = true;
    p->stopped_at = loop_clock();
    for (int i = 0; i < p->jobs; i++)
        if (p->slots[i].pid > 0) kill(p->slots[i].pid, SIGTERM);
    if (!signals_seen) return;
    live_clear(&p->live);
    fprintf(stderr, "%s: stopping; the trials save where they stand (once more stops at once)\n",
            p->setup->program);
}

/* ---- the whole ---- */

/* Whether what the folder holds of a trial that was done is what was written, and fits together. */
static fm_status check_done(const parent *p, int64_t trial, const char *trial_folder, const char *config,
                            fm_error *err) {
    const char *folder = p->setup->folder;
    if (p->all->results[trial].sum != p->sums[trial].result)
        return fm_fail(err, "its row in '%s/%s' is not what was written", folder, FOLDER_RESULT);
    if (p->all->rows[trial].sum != p->sums[trial].progress)
        return fm_fail(err, "its rows in '%s/%s' are not what was written", folder, FOLDER_PROGRESS);
    return checkpoint_check(trial_folder, config, p->run->config.seed + trial, err);
}

/* A trial is done when its sums and its checkpoint are there; what is missing is done again. */
static void sort_out(parent *p, const char *config) {
    for (int64_t k = 0; k < p->all->n; k++) {
        char folder[CHECKPOINT_PATH_MAX];
        fm_error err;
        checkpoint_folder(p->setup->folder, k, folder);
        bool done = p->sums[k].result && checkpoint_exists(folder, CHECKPOINT_PARAMETERS);
        p->old[k] = done && check_done(p, k, folder, config, &err) == FM_OK;
        if (p->old[k]) continue;
        result_clear(&p->all->results[k], &p->run->env.facts, k, p->run->config.seed + k);
        forget_trial(p, k);
        if (done) damaged(p, k, CHECKPOINT_PARAMETERS, err.text);
        else p->sums[k] = (trial_sums){0, 0};
    }
}

static fm_status read_back(parent *p, fm_error *err) {
    trials *all = p->all;
    char path[FOLDER_PATH_MAX + 40], *config;
    size_t length;
    const char *folder = p->setup->folder;
    progress_columns of = run_columns(p->run);
    snprintf(path, sizeof path, "%s/%s", folder, FOLDER_SUMS);
    if (sums_read(path, all->n, run_checksum(p->run), p->sums, err) != FM_OK) return FM_BAD;
    snprintf(path, sizeof path, "%s/%s", folder, FOLDER_RESULT);
    if (results_read(path, &p->run->env.facts, all->n, all->results, err) != FM_OK) return FM_BAD;
    snprintf(path, sizeof path, "%s/%s", folder, FOLDER_PROGRESS);
    if (progress_read(path, &of, all->n, all->rows, err) != FM_OK) return FM_BAD;
    snprintf(path, sizeof path, "%s/config.ini", folder);
    if (fm_file_read(path, &config, &length, err) != FM_OK) return FM_BAD;
    sort_out(p, config);
    free(config);
    return FM_OK;
}

static void run_children(parent *p) {
    signals_before before;
    signals_seen = 0;
    signals_catch(on_signal, &before);
    do {
        start_all(p);
        if (p->running > 0) listen_all(p);
        write_finished(p, false);
        stop_children(p);
        show(p);
    } while (p->running > 0 || (!p->stopping && p->status == FM_OK && p->next < p->all->n));
    bool signalled = signals_seen > 0;
    signals_restore(&before);
    p->all->interrupted =
        signalled && trials_count(p->all, TRIAL_OPEN) + trials_count(p->all, TRIAL_INTERRUPTED) > 0;
    live_clear(&p->live);
}

/* A run that went on has its new trials between old ones: its tables are written anew. */
static void close_tables(parent *p) {
    trials *all = p->all;
    fm_error err;
    if (!p->setup->folder) return;
    if (folder_tables_close(&p->tables, &err) != FM_OK) fail(p, err.text);
    if (!p->setup->resume) return;
    fm_status status =
        folder_tables_open(&p->tables, p->run, p->setup->folder, all->results, all->rows, p->sums, &err);
    if (status == FM_OK) status = folder_tables_close(&p->tables, &err);
    if (status != FM_OK) fail(p, err.text);
}

fm_status trials_run(const run_plan *run, const trials_setup *setup, trials *all, fm_error *err) {
    parent p = {.run = run, .setup = setup, .all = all, .err = err};
    size_t n = (size_t)run->config.trials;
    double began = loop_clock();
    *all = (trials){.n = run->config.trials};
    all->results = fm_new(n, sizeof *all->results);
    all->rows = fm_new(n, sizeof *all->rows);
    all->watched = fm_new(n, sizeof *all->watched);
    for (int64_t k = 0; k < all->n; k++)
        result_make(&all->results[k], &run->env.facts, k, run->config.seed + k, &all->arena);
    p.jobs = (int)(run->config.jobs < all->n ? run->config.jobs : all->n);
    if (p.jobs > JOBS_MAX) p.jobs = JOBS_MAX;
    p.slots = fm_new((size_t)p.jobs, sizeof *p.slots);
    p.old = fm_new(n, sizeof *p.old);
    p.sums = fm_new(n, sizeof *p.sums);
    if (setup->resume) p.status = read_back(&p, err);
    size_t open = trials_count(all, TRIAL_OPEN);
    bool done = setup->shut && open == 0;
    if (p.status == FM_OK && setup->shut && !done)
        p.status = fm_fail(err, "'%s' cannot be written, and %zu of its trials are not done", setup->folder,
                           open);
    if (setup->folder && !setup->shut) fm_writer_sweep(setup->folder);
    if (p.status == FM_OK && setup->folder && !done)
        p.status = folder_tables_open(&p.tables, run, setup->folder, all->results, all->rows, p.sums, err);
    if (p.status == FM_OK && !done) {
        live_begin(&p.live, setup->program, run->config.quiet);
        run_children(&p);
        write_finished(&p, true);
        close_tables(&p);
    }
    free(p.slots);
    free(p.old);
    free(p.sums);
    all->finished = (int64_t)(trials_count(all, TRIAL_OK) + trials_count(all, TRIAL_NAN));
    all->seconds = loop_clock() - began;
    return p.status;
}

size_t trials_count(const trials *all, trial_status status) {
    size_t n = 0;
    for (int64_t k = 0; k < all->n; k++) n += all->results[k].status == status;
    return n;
}

void trials_free(trials *all) {
    for (int64_t k = 0; k < all->n; k++) {
        arrfree(all->rows[k].numbers);
        arrfree(all->watched[k].numbers);
    }
    free(all->rows);
    free(all->watched);
    free(all->results);
    fm_arena_free(&all->arena);
    *all = (trials){0};
}
