/* config.h: what to run, from the command line, configuration files and presets to one resolved
 * description.
 *
 * Three option tables meet here: the run's own (below), the algorithm's and the environment's. They are
 * filled in this order, later ones winning: defaults, which may follow the size of the game unless a preset
 * is asked for by name, the algorithm's presets for this environment, that preset, configuration files, the
 * command line. Everything is checked before anything is done, so a wrong word leaves no folder behind. A
 * game file that a configuration file names lies where that file lies, unless its path begins at the root.
 *
 * Example (compiled by the tests):
 *
 *     run_plan now;
 *     fm_error err;
 *     char *words[] = {"--algo", "biac", "--env", "escape", "--trials", "100"};
 *     if (run_parse(&now, 6, words, &err) != FM_OK) {
 *         fprintf(stderr, "%s\n", err.text);
 *         return 1;
 *     }
 *     if (now.config.trials != 100 || now.env.facts.agents != 2) return 1;
 *     run_free(&now);
 */
#ifndef TRAINING_CONFIG_H
#define TRAINING_CONFIG_H

#include "training/columns.h"
#include "training/run/ini.h"

/* The run's own options; each is also a flag. */
typedef struct run_config {
    char algo[FM_TEXT_MAX], env[FM_TEXT_MAX], game_checksum[FM_TEXT_MAX], preset[FM_TEXT_MAX],
        out[FM_TEXT_MAX];
    int64_t trials, seed, steps, num_envs, eval_every, eval_episodes, eval_mode, window, rows, jobs, threads,
        isa, checkpoint_every;
    bool quiet, list, help, version;
} run_config;

enum { RUN_EVAL_GREEDY, RUN_EVAL_SAMPLE }; /* eval_mode */
enum { RUN_ISA_AUTO };                     /* isa; the others follow in the order of ad_isa */

extern const fm_option RUN_OPTIONS[];

typedef enum run_command { RUN_TRAIN, RUN_HELP, RUN_LIST, RUN_VERSION } run_command;

/* A resolved run. All texts, configs and the environment live in its arena. */
typedef struct run_plan {
    run_command command;
    run_config config;       /* resolved: steps, jobs, isa and game_checksum are the real ones */
    const algo_type *algo;   /* NULL only for the other commands, when none was named */
    void *algo_config;
    struct env env;          /* created when the command is to train; type NULL: none was named */
    struct run_learner *beside; /* [learners] who learns or plays beside it (training/run/learners.h) */
    int learners;
    const algo_type *learner;   /* what is trained: the algorithm, or all of them as one (algos/cast.h) */
    const void *learner_config; /* of it */
    const char *resume;      /* folder to go on in, or NULL */
    const char *file;        /* the last configuration that was read, else NULL */
    setting *settings;       /* only while parsing: what the user wrote, in order; else NULL */
    fm_arena arena;
} run_plan;

/* Reads the words after the program's name and resolves them. Errors: unknown flags, keys and names (with
 * the nearest known one), missing or wrong values, wrong files, an algorithm that cannot play the
 * environment. After an error nothing need be freed. */
fm_status run_parse(run_plan *run, int argc, char *const *argv, fm_error *err);

void run_free(run_plan *run);

/* Lets this process compute with the run's instruction set (autograd/kernels/kernels.h). */
void run_use_isa(const run_plan *run);

/* The columns of its progress rows. */
progress_columns run_columns(const run_plan *run);

/* The name of the folder's own copy of a game file. */
#define RUN_GAME "game.nfg"

/* The resolved run as a configuration file: reading it with --config repeats the run. It holds everything
 * that results depend on, and so neither jobs nor folder; a game file is called RUN_GAME, which lies beside
 * it. The caller checks the stream. */
void run_write_ini(const run_plan *run, FILE *out);

/* The checksum of these settings. */
uint64_t run_checksum(const run_plan *run);

/* What --help and --list print. With an algorithm or environment named, help shows their options too. */
void run_write_help(const run_plan *run, FILE *out);
void run_write_list(FILE *out);

#endif
