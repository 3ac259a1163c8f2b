/* need.c: see need.h. Nothing is estimated: the trial is built as it will be. Its large buffers are not
 * touched meanwhile (base/arena.h), and what it touches is bound by the limits. */
#include "training/run/need.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "training/run/signals.h"
#include "training/run/trial.h"

#define MUCH UINT64_C(1000000000) /* bytes that are worth a word */
#define BESIDES UINT64_C(16000000) /* of a process, beside its arenas: program, stacks, files */

/* Address sanitizers live in terabytes of address space, so that no limit may be put on it. */
#if defined(__SANITIZE_ADDRESS__)
#define BOUND 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BOUND 0
#endif
#endif
#ifndef BOUND
#define BOUND 1
#endif

/* The child: says what the trial holds, or ends by fm_out_of_memory. */
static void build(const run_plan *run, uint64_t limit, int fd) {
    struct rlimit bound;
    loop trial;
    uint64_t before = fm_arena_held(), need;
    loop_setup setup = trial_setup(run, 0);
    int nowhere = open("/dev/null", O_WRONLY); /* it is the parent who speaks */
    if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);
    if (BOUND && limit != FM_MEMORY_ANY && getrlimit(RLIMIT_AS, &bound) == 0 &&
        (bound.rlim_cur == RLIM_INFINITY || bound.rlim_cur > (rlim_t)limit)) {
        bound.rlim_cur = (rlim_t)limit;
        setrlimit(RLIMIT_AS, &bound);
    }
    run_use_isa(run);
    loop_init(&trial, &setup);
    need = fm_arena_held() - before + BESIDES;
    ssize_t written;
    do written = write(fd, &need, sizeof need);
    while (written < 0 && errno == EINTR);
    _exit(written == sizeof need ? 0 : FM_BAD);
}

/* The child is ended with its parent: nothing that it does is of use to anybody else. */
static volatile sig_atomic_t signalled;
static volatile pid_t builder;

static void on_signal(int number) {
    (void)number;
    signalled = 1;
    if (builder > 0) kill(builder, SIGKILL);
}

/* *need: bytes of one trial; more than there are when building it took them all. */
static fm_status measure(const run_plan *run, uint64_t limit, uint64_t *need, fm_error *err) {
    int ends[2], how;
    sigset_t mask;
    if (pipe(ends) != 0) return fm_fail(err, "cannot start a trial: %s", strerror(errno));
    fflush(NULL);
    signals_block(&mask);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        build(run, limit, ends[1]);
    }
    int reason = errno;
    builder = pid;
    sigprocmask(SIG_SETMASK, &mask, NULL);
    close(ends[1]);
    ssize_t got = 0;
    if (pid > 0) do got = read(ends[0], need, sizeof *need); while (got < 0 && errno == EINTR);
    close(ends[0]);
    if (pid < 0) return fm_fail(err, "cannot start a trial: %s", strerror(reason));
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR) {}
    builder = 0;
    bool exhausted = (WIFEXITED(how) && WEXITSTATUS(how) == FM_EXIT_MEMORY) ||
                     (WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    if (exhausted) *need = FM_MEMORY_ANY;
    /* Other ends are for the trial itself to meet, with its own words. */
    else if (got != sizeof *need) *need = 0;
    return FM_OK;
}

static fm_status too_much(uint64_t need, uint64_t limit, fm_error *err) {
    char more[FM_BYTES_TEXT], all[FM_BYTES_TEXT];
    fm_bytes_text(limit, all);
    fm_bytes_text(need == FM_MEMORY_ANY ? limit : need, more);
    return fm_fail(err,
                   "a trial needs %s%s of memory, and %s are there; smaller ones of buffer_size, n_steps, "
                   "batch_size, hidden or --num-envs need less",
                   need == FM_MEMORY_ANY ? "more than " : "", more, all);
}

fm_status run_fit(run_plan *run, const char *program, bool *interrupted, fm_error *err) {
    uint64_t process = fm_memory_of_process(), machine = fm_memory_of_machine(), need;
    uint64_t limit = process < machine ? process : machine;
    int64_t *jobs = &run->config.jobs;
    char each[FM_BYTES_TEXT], all[FM_BYTES_TEXT];
    signals_before before;
    signalled = 0;
    signals_catch(on_signal, &before);
    fm_status status = measure(run, limit, &need, err);
    signals_restore(&before);
    *interrupted = signalled;
    if (status != FM_OK || *interrupted) return status;
    if (need > limit) return too_much(need, limit, err);
    if (*jobs > run->config.trials) *jobs = run->config.trials;
    bool fewer = need > 0 && machine != FM_MEMORY_ANY && (uint64_t)*jobs > machine / need;
    if (fewer) *jobs = (int64_t)(machine / need);
    if (!fewer && need * (uint64_t)*jobs < MUCH) return FM_OK;
    fm_bytes_text(need, each);
    fm_bytes_text(machine, all);
    fprintf(stderr, "%s: a trial needs up to %s of memory; %lld at the same time%s%s\n", program, each,
            (long long)*jobs, machine == FM_MEMORY_ANY ? "" : fewer ? ", as many as fit into " : " of ",
            machine == FM_MEMORY_ANY ? "" : all);
    return FM_OK;
}
