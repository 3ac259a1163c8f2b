/* train.c: the program `./train`: trains an algorithm in an environment and says what was learned. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/plan.h"
#include "base/text.h"
#include "training/run/folder.h"
#include "training/run/need.h"
#include "training/show/certificate.h"
#include "training/run/program.h"
#include "training/show/summary.h"
#include "training/run/version.h"

enum { EXIT_DONE = 0, EXIT_TRIAL = 1, EXIT_INTERRUPTED = 130 };

/* The folder, and how to see the first policy that was trained to its end. */
static void say_where(const trials *all, const char *folder) {
    char word[FOLDER_PATH_MAX + 40], text[FOLDER_PATH_MAX + 200], trial[40] = "";
    int64_t k = 0;
    fm_text_quoted(folder, word, sizeof word);
    printf("\nresults: %s\n", word);
    while (k < all->n && all->results[k].status != TRIAL_OK) k++;
    if (k == all->n) return;
    if (k > 0) snprintf(trial, sizeof trial, " --trial %lld", (long long)k);
    snprintf(text, sizeof text, "to see it play: ./play %s%s\n", word, trial);
    char *words = program_words(text);
    fputs(words, stdout);
    free(words);
}

/* Without a folder nothing was begun yet. */
static int say_interrupted(const char *folder) {
    char word[FOLDER_PATH_MAX + 40];
    fm_error err;
    if (folder)
        fm_fail(&err, "interrupted; to go on: ./train --resume %s",
                fm_text_quoted(folder, word, sizeof word));
    else
        fm_fail(&err, "interrupted before anything was begun; to start again: the same command");
    program_fail(&err);
    return EXIT_INTERRUPTED;
}

static int train(run_plan *run) {
    char folder[FOLDER_PATH_MAX];
    fm_error err;
    fm_lock lock = {.fd = -1};
    trials all;
    bool interrupted;
    ad_set_threads((int)run->config.threads);
    if (run_fit(run, program_name(), &interrupted, &err) != FM_OK) return (int)program_fail(&err);
    if (interrupted) return say_interrupted(run->resume);
    if (run->resume) snprintf(folder, sizeof folder, "%s", run->resume);
    trials_setup setup = {.program = program_name(), .folder = folder, .resume = run->resume != NULL};
    setup.shut = run->resume && access(folder, W_OK) != 0; /* nobody else can write there either */
    if (!setup.shut &&
        (run->resume ? folder_lock(folder, &lock, &err) : folder_make(run, folder, &lock, &err)) != FM_OK)
        return (int)program_fail(&err);
    int status = trials_run(run, &setup, &all, &err) == FM_OK ? EXIT_DONE : (int)program_fail(&err);
    if (status == EXIT_DONE) {
        summary_write(run, &all, stdout);
        if (certificate_write(run, folder, &all, stdout, &err) != FM_OK) status = (int)program_fail(&err);
        say_where(&all, folder);
        if (trials_count(&all, TRIAL_CRASHED) + trials_count(&all, TRIAL_NAN) > 0) status = EXIT_TRIAL;
        if (all.interrupted) status = say_interrupted(folder);
        if (trials_count(&all, TRIAL_DAMAGED) > 0) status = FM_BAD;
    }
    trials_free(&all);
    fm_lock_release(&lock);
    return program_end(status);
}

int main(int argc, char **argv) {
    run_plan run;
    fm_error err;
    int status = EXIT_DONE;
    program_begin(argc > 0 ? argv[0] : NULL, "train");
#ifdef SIGXFSZ
    signal(SIGXFSZ, SIG_IGN); /* a file that grows beyond a limit is reported by its name */
#endif
    if (run_parse(&run, argc - 1, argv + 1, &err) != FM_OK) return (int)program_fail(&err);
    run_command command = run.command;
    switch (command) {
    case RUN_HELP: run_write_help(&run, stdout); break;
    case RUN_LIST: run_write_list(stdout); break;
    case RUN_VERSION: printf("%s, built by %s\n", run_version(), run_compiler()); break;
    case RUN_TRAIN: status = train(&run); break;
    }
    run_free(&run);
    return command == RUN_TRAIN ? status : program_end(status);
}
