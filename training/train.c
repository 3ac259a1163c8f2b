/* train.c: the program `./train`: trains an algorithm in an environment and says what was learned. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "autograd/plan.h"
#include "training/run/folder.h"
#include "training/show/certificate.h"
#include "training/show/summary.h"
#include "training/run/version.h"

enum { EXIT_DONE = 0, EXIT_TRIAL = 1, EXIT_INTERRUPTED = 130 };

static int say(const fm_error *err) {
    fprintf(stderr, "train: %s\n", err->text);
    return FM_BAD;
}

/* Output that cannot be written (a full disk behind stdout) is an error like any other. */
static int finish_output(int status) {
    fm_error err;
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    fm_fail(&err, "cannot write to the standard output: %s", strerror(errno));
    return say(&err);
}

static int train(const run_plan *run) {
    char folder[FOLDER_PATH_MAX];
    fm_error err;
    fm_lock lock;
    trials all;
    ad_set_threads((int)run->config.threads);
    if (run->resume) snprintf(folder, sizeof folder, "%s", run->resume);
    if ((run->resume ? folder_lock(folder, &lock, &err) : folder_make(run, folder, &lock, &err)) != FM_OK)
        return say(&err);
    trials_setup setup = {.program = "train", .folder = folder, .resume = run->resume != NULL};
    int status = trials_run(run, &setup, &all, &err) == FM_OK ? EXIT_DONE : say(&err);
    if (status == EXIT_DONE) {
        summary_write(run, &all, stdout);
        if (certificate_write(run, folder, &all, stdout, &err) != FM_OK) status = say(&err);
        printf("\nresults: %s\n", folder);
        if (trials_count(&all, TRIAL_CRASHED) + trials_count(&all, TRIAL_NAN) > 0) status = EXIT_TRIAL;
        if (all.interrupted) {
            fprintf(stderr, "train: interrupted; to go on: ./train --resume %s\n", folder);
            status = EXIT_INTERRUPTED;
        }
        if (trials_count(&all, TRIAL_DAMAGED) > 0) status = FM_BAD;
    }
    trials_free(&all);
    fm_lock_release(&lock);
    return finish_output(status);
}

int main(int argc, char **argv) {
    run_plan run;
    fm_error err;
    int status = EXIT_DONE;
#ifdef SIGXFSZ
    signal(SIGXFSZ, SIG_IGN); /* a file that grows beyond a limit is reported by its name */
#endif
    if (run_parse(&run, argc - 1, argv + 1, &err) != FM_OK) return say(&err);
    run_command command = run.command;
    switch (command) {
    case RUN_HELP: run_write_help(&run, stdout); break;
    case RUN_LIST: run_write_list(stdout); break;
    case RUN_VERSION: printf("%s, built by %s\n", run_version(), run_compiler()); break;
    case RUN_TRAIN: status = train(&run); break;
    }
    run_free(&run);
    return command == RUN_TRAIN ? status : finish_output(status);
}
