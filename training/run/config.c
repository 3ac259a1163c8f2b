/* config.c: see config.h. */
#include "training/run/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/kernels/kernels.h"
#include "base/checksum.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/terminal.h"
#include "base/text.h"
#include "envs/games/nfg.h"
#include "stb_ds.h"
#include "training/run/algorithm.h"
#include "training/run/flags.h"
#include "training/run/learners.h"
#include "training/run/program.h"
#include "training/run/version.h"

#define WHOLE_MAX 9.2e18 /* no bound for a person; seeds of further trials still fit behind it */
#define NAMES_MAX 512

const fm_option RUN_OPTIONS[] = {
    FM_OPT_TEXT(run_config, algo, "", "the algorithm; --list names them"),
    FM_OPT_TEXT(run_config, env, "", "the environment: a name from --list, or the path of a .nfg game file"),
    FM_OPT_TEXT(run_config, game_checksum, "",
                "what the game in a .nfg file must have, so that another one is refused; empty: any"),
    FM_OPT_TEXT(run_config, preset, "",
                "named settings of the algorithm, such as those of a published table"),
    FM_OPT_INT(run_config, trials, "1", 1, 1000000, "", "independent trials; trial k has the seed (seed + k)",
               ""),
    FM_OPT_INT(run_config, seed, "0", 0, WHOLE_MAX, "", "where all random streams start", ""),
    FM_OPT_INT(run_config, steps, "0", 0, WHOLE_MAX, "decisions", "length of a trial; 0: the algorithm's own",
               ""),
    FM_OPT_INT(run_config, num_envs, "1", 1, 65536, "", "copies of the environment that are stepped together",
               ""),
    FM_OPT_RENAMED("copies", "num_envs"),
    FM_OPT_INT(run_config, eval_every, "0", 0, WHOLE_MAX, "decisions",
               "how often the policy is evaluated during training, in episodes of their own; 0: not", ""),
    FM_OPT_INT(
        run_config, eval_episodes, "10", 1, 1000000, "episodes",
        "of each evaluation, that at the end included; greedy play of a matrix game needs a single one", ""),
    FM_OPT_CHOICE(run_config, eval_mode, "greedy", "greedy|sample",
                  "evaluations play the best action, or the policy as it is, without exploration", ""),
    FM_OPT_INT(run_config, window, "1000", 1, 1000000, "episodes",
               "what rates during training are averaged over", ""),
    FM_OPT_INT(run_config, rows, "20", 1, 100000, "", "rows of progress.csv per trial", ""),
    FM_OPT_INT(run_config, jobs, "0", 0, 1024, "processes", "trials at the same time; 0: one per processor",
               ""),
    FM_OPT_INT(run_config, threads, "1", 1, 64, "threads",
               "of one trial, for large networks only; small ones are faster with one", ""),
    FM_OPT_CHOICE(run_config, isa, "auto", "auto|" AD_ISA_NAMES,
                  "instruction set, on which results depend; auto: this machine's widest",
                  ""),
    FM_OPT_INT(run_config, checkpoint_every, "60", 0, 1e9, "seconds",
               "how often a trial saves where it stands; 0: only when it is interrupted", ""),
    FM_OPT_TEXT(run_config, out, "", "folder of the results; empty: the next free runs/ALGO-ENV-sSEED"),
    FM_OPT_BOOL(run_config, quiet, "false", "shows no progress", ""),
    FM_OPT_BOOL(run_config, list, "false", "the algorithms, their presets, and the environments", ""),
    FM_OPT_BOOL(run_config, help, "false", "this text; with --algo NAME or --env NAME also their options",
                ""),
    FM_OPT_BOOL(run_config, version, "false", "the version", ""),
    FM_OPT_END,
};

/* How a run is carried out, which its results do not depend on: left out of config.ini, possible with
 * --resume. */
static const char *const CARRY_OUT[] = {"jobs", "threads", "checkpoint_every", "quiet",
                                        "list", "help",    "version",          "out"};

static const flag_text TEXTS[] = {
    {"set", "key=value",
     "an option of the algorithm or environment (algo.key or env.key where both have it); AGENT.key is one "
     "of that agent's learner",
     true},
    {"learner", "AGENT=WHO",
     "who plays that agent: another algorithm, which learns at the same time, or the folder of a run, whose "
     "policy stays as it is; --algo learns for the others",
     true},
    {"config", "FILE", "reads settings from a file like config.ini; flags win over it", false},
    {"resume", "FOLDER", "goes on with a run that was interrupted", false},
    {NULL, NULL, NULL, false},
};

/* ---- names ---- */

typedef struct names {
    const char *name[NAMES_MAX];
    size_t n;
} names;

static void names_add(names *all, const char *name) {
    if (all->n < NAMES_MAX) all->name[all->n++] = name;
}

static void names_add_options(names *all, const fm_option *table) {
    for (const fm_option *row = table; row->name; row++)
        if (row->type != FM_RENAMED) names_add(all, row->name);
}

static const fm_option NO_OPTIONS[] = {FM_OPT_END};

static const fm_option *env_options(const env_type *type) {
    return type && type->options ? type->options : NO_OPTIONS;
}

static bool carries_out(const char *key) {
    for (size_t i = 0; i < sizeof CARRY_OUT / sizeof *CARRY_OUT; i++)
        if (strcmp(key, CARRY_OUT[i]) == 0) return true;
    return false;
}

/* ---- the command line ---- */

/* An option of some algorithm or environment is no flag. */
static bool explain(const char *name, fm_error *err) {
    bool option = false;
    for (size_t i = 0; ALGO_TABLE[i]; i++)
        option |= fm_options_find(algorithm_options(ALGO_TABLE[i]), name) != NULL;
    for (size_t i = 0; ENV_TABLE[i]; i++) option |= fm_options_find(env_options(ENV_TABLE[i]), name) != NULL;
    if (option)
        fm_fail(err, "unknown flag '--%s'; options of algorithms and environments are written --set %s=...",
                name, name);
    return option;
}

static void add_setting(run_plan *run, const char *section, const char *key, const char *value,
                        const char *where) {
    setting now = {fm_arena_text(&run->arena, section), fm_arena_text(&run->arena, key),
                   fm_arena_text(&run->arena, value), where};
    arrput(run->settings, now);
}

/* That of an agent's learner. */
static const char *section_of(run_plan *run, const char *agent) {
    size_t size = sizeof INI_LEARNER + strlen(agent);
    char *section = fm_arena_array(&run->arena, char, size);
    snprintf(section, size, INI_LEARNER "%s", agent);
    return section;
}

/* "--learner agent=who" */
static fm_status take_learner(run_plan *run, const char *text, fm_error *err) {
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || equals[1] == '\0')
        return fm_fail(err, "--learner: expected AGENT=ALGORITHM or AGENT=FOLDER, found '%s'", text);
    char *agent = fm_arena_text(&run->arena, text);
    agent[equals - text] = '\0';
    add_setting(run, section_of(run, agent), "from", equals + 1, "--");
    return FM_OK;
}

/* "--set algo.key=value": the section is the prefix, "" when there is none. */
static fm_status take_set(run_plan *run, const char *text, fm_error *err) {
    const char *equals = strchr(text, '=');
    char key[128];
    if (!equals || equals == text)
        return fm_fail(err, "--set: '%s' is not a setting; expected key=value", text);
    if ((size_t)(equals - text) >= sizeof key)
        return fm_fail(err, "--set: the key '%.60s...' is too long", text);
    if (equals[1] == '\0') return fm_fail(err, "--set %s: its value is missing", text);
    memcpy(key, text, (size_t)(equals - text));
    key[equals - text] = '\0';
    const char *section = "";
    char *bare = key, *dot = strrchr(key, '.');
    if (dot) {
        *dot = '\0';
        section = strcmp(key, "algo") == 0 || strcmp(key, "env") == 0 ? key : section_of(run, key);
        bare = dot + 1;
    } else if (strcmp(key, "preset") == 0) {
        section = "run";
    }
    add_setting(run, section, bare, equals + 1, "--set");
    return FM_OK;
}

/* Whether the value is the path of a game file or of a folder. */
static bool names_a_path(const setting *now) {
    if (strncmp(now->section, INI_LEARNER, strlen(INI_LEARNER)) == 0)
        return strcmp(now->key, "from") == 0 && strchr(now->value, '/');
    if (strcmp(now->section, "run") == 0) return strcmp(now->key, "env") == 0 && env_is_path(now->value);
    return strcmp(now->section, "env") == 0 && strcmp(now->key, "path") == 0 && now->value[0];
}

/* Reads a configuration file; the files and folders that it names are found from where it lies. */
static fm_status read_settings(run_plan *run, const char *path, setting **files, fm_error *err) {
    const char *slash = strrchr(path, '/');
    size_t first = arrlenu(*files), folder = slash ? (size_t)(slash - path) + 1 : 0;
    run->file = fm_arena_text(&run->arena, path);
    if (ini_read(path, &run->arena, files, err) != FM_OK) return FM_BAD;
    for (size_t i = first; i < arrlenu(*files); i++) {
        setting *now = &(*files)[i];
        if (!names_a_path(now) || now->value[0] == '/') continue;
        size_t size = folder + strlen(now->value) + 1;
        char *found = fm_arena_array(&run->arena, char, size);
        snprintf(found, size, "%.*s%s", (int)folder, path, now->value);
        now->value = found;
    }
    return FM_OK;
}

static fm_status take_flag(run_plan *run, const flag_given *flag, setting **files, fm_error *err) {
    if (flag->option) return add_setting(run, "run", flag->name, flag->value, "--"), FM_OK;
    if (strcmp(flag->name, "set") == 0) return take_set(run, flag->value, err);
    if (strcmp(flag->name, "learner") == 0) return take_learner(run, flag->value, err);
    if (strcmp(flag->name, "config") == 0) return read_settings(run, flag->value, files, err);
    run->resume = fm_arena_text(&run->arena, flag->value);
    return FM_OK;
}

/* A run that goes on is the run that was begun. */
static fm_status read_resumed(run_plan *run, setting **files, fm_error *err) {
    char path[1100];
    for (size_t i = 0; i < arrlenu(run->settings); i++) {
        const setting *now = &run->settings[i];
        if (strcmp(now->section, "run") != 0 || !carries_out(now->key) || strcmp(now->key, "out") == 0)
            return fm_fail(
                err,
                "--resume goes on with the run as it was begun; only --jobs, --threads, --checkpoint_every "
                "and --quiet can stand beside it, not '%s'",
                now->key);
    }
    if (arrlenu(*files) > 0) return fm_fail(err, "--resume and --config exclude each other");
    if (strlen(run->resume) >= FM_TEXT_MAX) return fm_fail(err, "--resume: the path is too long");
    snprintf(path, sizeof path, "%s/config.ini", run->resume);
    if (read_settings(run, path, files, err) != FM_OK)
        return fm_fail_in(err, "--resume %s: ", run->resume);
    return FM_OK;
}

static fm_status collect(run_plan *run, int argc, char *const *argv, fm_error *err) {
    flags given = {.options = RUN_OPTIONS, .config = &run->config, .texts = TEXTS, .explain = explain};
    setting *files = NULL;
    fm_status status = flags_parse(&given, argc, argv, err);
    if (run->config.help) run->command = RUN_HELP;
    if (run->config.version) run->command = RUN_VERSION;
    if (run->config.list) run->command = RUN_LIST;
    for (size_t i = 0; i < given.given_count && status == FM_OK; i++)
        status = take_flag(run, &given.given[i], &files, err);
    if (status == FM_OK && run->resume) status = read_resumed(run, &files, err);
    for (size_t i = 0; i < arrlenu(run->settings); i++) arrput(files, run->settings[i]);
    arrfree(run->settings);
    run->settings = files;
    flags_free(&given);
    return status;
}

/* ---- resolving ---- */

/* Errors of an option begin with its name; here comes what stands before it. */
static fm_status place(const setting *now, fm_error *err) {
    if (strcmp(now->where, "--") == 0) return fm_fail_in(err, "--");
    size_t n = strlen(now->key);
    bool named = strncmp(err->text, now->key, n) == 0 && err->text[n] == ':';
    return fm_fail_in(err, strcmp(now->where, "--set") == 0 && named ? "%s " : "%s: ", now->where);
}

/* Flags have been read into the config already; but files count before them. A checksum is that of the game
 * that was named before it. */
static fm_status apply_run(run_plan *run, fm_error *err) {
    fm_options_reset(RUN_OPTIONS, &run->config);
    for (size_t i = 0; i < arrlenu(run->settings); i++) {
        const setting *now = &run->settings[i];
        if (strcmp(now->section, "run") != 0) continue;
        if (fm_options_set(RUN_OPTIONS, &run->config, now->key, now->value, err) != FM_OK)
            return place(now, err);
        if (strcmp(now->key, "env") == 0) run->config.game_checksum[0] = '\0';
    }
    return FM_OK;
}

static fm_status unknown_key(const run_plan *run, const setting *now, fm_error *err) {
    names all = {0};
    bool of_algo = strcmp(now->section, "env") != 0, of_env = strcmp(now->section, "algo") != 0;
    if (of_algo) names_add_options(&all, algorithm_options(run->algo));
    if (of_env) names_add_options(&all, env_options(run->env.type));
    const char *of = of_algo && of_env ? "" : of_algo ? run->config.algo : run->config.env;
    const char *nearest = fm_text_nearest(now->key, all.name, all.n), *today = NULL;
    if (of_algo) today = fm_options_renamed(algorithm_options(run->algo), now->key);
    if (of_env && !today) today = fm_options_renamed(env_options(run->env.type), now->key);
    if (today) return fm_fail(err, "'%s' is now '%s'", now->key, today);
    today = fm_options_renamed(RUN_OPTIONS, now->key);
    if (today) return fm_fail(err, "'%s' is now --%s", now->key, today);
    if (fm_options_find(RUN_OPTIONS, now->key))
        return fm_fail(err, "'%s' is an option of the run; write --%s VALUE, or put it into [run]", now->key,
                       now->key);
    if (!nearest) {
        names of_run = {0};
        for (const fm_option *row = RUN_OPTIONS; row->name; row++)
            if (row->type != FM_RENAMED && row->type != FM_BOOL) names_add(&of_run, row->name);
        nearest = fm_text_nearest(now->key, of_run.name, of_run.n);
        if (nearest) return fm_fail(err, "unknown option '%s'; did you mean --%s?", now->key, nearest);
    }
    if (nearest)
        return fm_fail(err, "unknown option '%s'%s%s; did you mean '%s'?", now->key, *of ? " of " : "", of,
                       nearest);
    if (*of)
        return fm_fail(err, "unknown option '%s' of %s; its options: ./train --%s %s --help", now->key, of,
                       of_algo ? "algo" : "env", of);
    return fm_fail(err, "unknown option '%s'; the options: ./train --algo %s --env %s --help", now->key,
                   run->config.algo, run->config.env);
}

static fm_status apply_one(run_plan *run, const setting *now, fm_error *err) {
    bool bare = now->section[0] == '\0';
    bool of_algo = bare || strcmp(now->section, "algo") == 0,
         of_env = bare || strcmp(now->section, "env") == 0;
    of_algo = of_algo && fm_options_find(algorithm_options(run->algo), now->key);
    of_env = of_env && fm_options_find(env_options(run->env.type), now->key);
    if (of_algo && of_env)
        return fm_fail(err, "both %s and %s have an option '%s'; write algo.%s or env.%s", run->config.algo,
                       run->config.env, now->key, now->key, now->key);
    if (of_algo) return fm_options_set(run->algo->options, run->algo_config, now->key, now->value, err);
    if (of_env) return fm_options_set(run->env.type->options, run->env.config, now->key, now->value, err);
    return unknown_key(run, now, err);
}

static fm_status apply_settings(run_plan *run, fm_error *err) {
    for (size_t i = 0; i < arrlenu(run->settings); i++) {
        const setting *now = &run->settings[i];
        bool beside = strncmp(now->section, INI_LEARNER, strlen(INI_LEARNER)) == 0;
        if (beside || strcmp(now->section, "run") == 0) continue;
        if (apply_one(run, now, err) != FM_OK) return place(now, err);
    }
    return FM_OK;
}

static fm_status find_algo(run_plan *run, fm_error *err) {
    if (algorithm_find(run->config.algo, &run->arena, &run->algo, &run->algo_config, err) != FM_OK)
        return FM_BAD;
    fm_text_format(run->config.algo, sizeof run->config.algo, "%s", run->algo->name);
    return FM_OK;
}

static fm_status find_env(run_plan *run, fm_error *err) {
    if (env_open(run->config.env, &run->arena, &run->env, err) != FM_OK) return FM_BAD;
    if (fm_text_same_name(run->config.env, run->env.type->name)) /* else it is a path */
        fm_text_format(run->config.env, sizeof run->config.env, "%s", run->env.type->name);
    return FM_OK;
}

/* The algorithm's own settings in this environment, whose facts are known when it was made. */
static fm_status resolve_algo(run_plan *run, bool made, fm_error *err) {
    const char *where = run->env.type ? run->env.type->name : "";
    const env_facts *facts = made ? &run->env.facts : NULL;
    int64_t steps;
    if (algorithm_preset(run->algo, run->algo_config, run->config.preset, where, facts, &steps, err) != FM_OK)
        return FM_BAD;
    if (run->config.steps == 0) run->config.steps = steps;
    return FM_OK;
}

/* The checksum is that of the game as it would be written, so that blanks and comments do not matter. */
static fm_status check_game(run_plan *run, fm_error *err) {
    char *written = NULL, sum[FM_CHECKSUM_TEXT], *expected = run->config.game_checksum;
    size_t size;
    FILE *memory = fm_memory_open(&written, &size);
    nfg_write(run->env.facts.file, memory);
    fm_memory_close(memory);
    fm_checksum_text(fm_checksum(FM_CHECKSUM_START, written, size), sum);
    free(written);
    if (expected[0] && strcmp(expected, sum) != 0)
        return fm_fail(err,
                       "%s: the game was changed: its checksum is %s, and the run was set up with %s; put "
                       "the old file back, or begin a new run with this one",
                       run->env.facts.source, sum, expected);
    fm_text_format(expected, sizeof run->config.game_checksum, "%s", sum);
    return FM_OK;
}

/* Another instruction set rounds differently, so a run that goes on or is repeated keeps its own. */
static fm_status resolve_isa(run_plan *run, fm_error *err) {
    char name[FM_TEXT_MAX];
    ad_isa isa;
    const fm_option *row = fm_options_find(RUN_OPTIONS, "isa");
    if (ad_kernels_find(fm_option_format(row, &run->config, name, sizeof name), &isa, err) != FM_OK) {
        if (!run->resume) return fm_fail(err, "%s; the option is --isa", err->text);
        return fm_fail(err,
                       "%s, and the run was begun with it: it can go on only where that is; to begin it anew "
                       "with another: ./train --config %s/config.ini --isa auto",
                       err->text, run->resume);
    }
    run->config.isa = RUN_ISA_AUTO + 1 + (int64_t)isa;
    return FM_OK;
}

void run_use_isa(const run_plan *run) {
    int64_t isa = run->config.isa;
    if (isa != RUN_ISA_AUTO) ad_kernels_use((ad_isa)(isa - RUN_ISA_AUTO - 1));
}

/* Without an algorithm, or an environment: where they were expected. */
static fm_status fail_nameless(const run_plan *run, fm_error *err) {
    const run_config *config = &run->config;
    if (run->file)
        return fm_fail(err, "%s: it names no %s; the file is cut off, or was changed", run->file,
                       config->algo[0] ? "environment" : "algorithm");
    if (config->algo[0]) return fm_fail(err, "--env is missing; --list names the environments");
    if (config->env[0]) return fm_fail(err, "--algo is missing; --list names the algorithms");
    return fm_fail(err, "expected --algo NAME --env NAME; --list names both, and --help says the rest");
}

static fm_status resolve(run_plan *run, fm_error *err) {
    run_config *config = &run->config;
    bool train = run->command == RUN_TRAIN;
    if (apply_run(run, err) != FM_OK) return FM_BAD;
    if (train && (!config->algo[0] || !config->env[0])) return fail_nameless(run, err);
    if (config->algo[0] && find_algo(run, err) != FM_OK) return FM_BAD;
    if (config->env[0] && find_env(run, err) != FM_OK) return FM_BAD;
    bool both = config->algo[0] && config->env[0];
    if (both && apply_settings(run, err) != FM_OK) return FM_BAD; /* those of the environment count now */
    bool made = config->env[0] && env_create(&run->env, &run->arena, err) == FM_OK;
    if (train && !made) return FM_BAD;
    if (run->algo && resolve_algo(run, made, err) != FM_OK) return FM_BAD;
    if (both && apply_settings(run, err) != FM_OK) return FM_BAD; /* and now those of the algorithm */
    if (config->jobs == 0) config->jobs = sysconf(_SC_NPROCESSORS_ONLN);
    if (config->jobs < 1) config->jobs = 1;
    if (config->jobs > 1024) config->jobs = 1024;
    if (!train) return FM_OK;
    if (resolve_isa(run, err) != FM_OK) return FM_BAD;
    if (run->env.facts.file && check_game(run, err) != FM_OK) return FM_BAD;
    return learners_resolve(run, err);
}

fm_status run_parse(run_plan *run, int argc, char *const *argv, fm_error *err) {
    memset(run, 0, sizeof *run);
    fm_status status = collect(run, argc, argv, err);
    if (status == FM_OK && run->command != RUN_LIST && run->command != RUN_VERSION)
        status = resolve(run, err);
    arrfree(run->settings);
    if (status != FM_OK) run_free(run);
    return status;
}

void run_free(run_plan *run) {
    arrfree(run->settings);
    learners_free(run);
    fm_arena_free(&run->arena);
    memset(run, 0, sizeof *run);
}

progress_columns run_columns(const run_plan *run) {
    return columns_of(&run->env.facts, run->learner, run->config.eval_every > 0);
}

/* ---- writing ---- */

/* The rows of one of the three tables that belong into a configuration file. */
static void write_options(const run_plan *run, const fm_option *table, const void *config, FILE *out) {
    bool of_run = table == RUN_OPTIONS, of_env = table == env_options(run->env.type);
    char text[FM_TEXT_MAX];
    for (const fm_option *row = table; row->name; row++) {
        if (row->type == FM_RENAMED || (of_run && carries_out(row->name))) continue;
        bool game = run->env.facts.file && ((of_run && strcmp(row->name, "env") == 0) ||
                                            (of_env && strcmp(row->name, "path") == 0));
        const char *value = game ? RUN_GAME : fm_option_format(row, config, text, sizeof text);
        fprintf(out, "%s = %s\n", row->name, value);
    }
}

static void write_settings(const run_plan *run, FILE *out) {
    fprintf(out, "\n[run]\n");
    write_options(run, RUN_OPTIONS, &run->config, out);
    fprintf(out, "\n[algo]\n");
    write_options(run, algorithm_options(run->algo), run->algo_config, out);
    fprintf(out, "\n[env]\n");
    write_options(run, env_options(run->env.type), run->env.config, out);
    learners_write(run, out);
}

/* The settings as text; malloc'ed. Returns their checksum. */
static uint64_t settings_text(const run_plan *run, char **text) {
    size_t size;
    FILE *memory = fm_memory_open(text, &size);
    write_settings(run, memory);
    fm_memory_close(memory);
    return fm_checksum(FM_CHECKSUM_START, *text, size);
}

uint64_t run_checksum(const run_plan *run) {
    char *settings;
    uint64_t sum = settings_text(run, &settings);
    free(settings);
    return sum;
}

void run_write_ini(const run_plan *run, FILE *out) {
    char *settings, sum[FM_CHECKSUM_TEXT];
    fm_checksum_text(settings_text(run, &settings), sum);
    fprintf(out, "# %s, built by %s\n", run_version(), run_compiler());
    fprintf(out, "# The program train repeats the run with --config THIS_FILE.\n");
    fprintf(out, INI_CHECKSUM "%s of all below; without this line it may be changed.\n", sum);
    fputs(settings, out);
    free(settings);
}

static const char USAGE[] =
    "usage: ./train --algo NAME --env NAME [flags]\n"
    "       ./train --resume FOLDER  goes on with a run that was interrupted\n"
    "       ./train --list           the algorithms, their presets, and the environments\n"
    "\n"
    "Trains the algorithm in the environment, then evaluates it and says what was learned. Intervals are "
    "of 95 %: Wilson's for shares of trials, Student's t for means. The folder then holds config.ini "
    "(everything needed to repeat the run), progress.csv, result.csv (one row per trial) and "
    "trials/NNN/checkpoint.safetensors. Results depend on the seed, never on --jobs or --threads. A folder "
    "that holds a run is never written over: without --out the next free name is taken.\n"
    "\n"
    "flags (--flag VALUE or --flag=VALUE; in names - and _ are the same), with the value in use:\n";

static void write_options_help(const char *name, const fm_option *table, const void *config, FILE *out) {
    fprintf(out, "\noptions of %s, each by --set:\n", name);
    if (table->name) fm_options_help(table, config, FM_HELP_SETTINGS, out);
    else fprintf(out, "  none\n");
}

void run_write_help(const run_plan *run, FILE *out) {
    run_config shown = run->config;
    shown.help = false;
    program_print(out, USAGE);
    flag_texts_help(TEXTS, out);
    fm_options_help(RUN_OPTIONS, &shown, FM_HELP_FLAGS, out);
    if (run->algo) write_options_help(run->algo->name, algorithm_options(run->algo), run->algo_config, out);
    if (run->env.type)
        write_options_help(run->env.type->name, env_options(run->env.type), run->env.config, out);
    if (!run->algo || !run->env.type)
        program_print(out, "\nWith --algo NAME --env NAME, --help shows their options too.\n");
    program_print(out, "\nexit status: 0 done, 1 a trial failed, 2 wrong input or a file that cannot be "
                       "written, 130 interrupted\n");
}

#define LIST_DOC 17   /* the columns at which what a row says begins, */
#define LIST_PRESET 6 /* and the settings of a preset */

static void write_presets(const algo_type *algo, FILE *out) {
    for (const algo_preset *row = algo->presets; row && row->settings; row++) {
        if (!row->name[0]) continue;
        int used = fprintf(out, "    --preset %s%s%s:", row->name, row->env[0] ? " for " : "", row->env);
        fm_text_wrap(out, row->settings, (size_t)used, LIST_PRESET, fm_terminal_reading(out));
    }
}

static void write_row(const char *name, const char *doc, FILE *out) {
    int used = fprintf(out, "  %s", name);
    if (used >= LIST_DOC) used = fputc('\n', out) == EOF;
    fm_text_wrap(out, doc, (size_t)used, LIST_DOC, fm_terminal_reading(out));
}

void run_write_list(FILE *out) {
    fprintf(out, "algorithms:\n");
    for (size_t i = 0; ALGO_TABLE[i]; i++) {
        const algo_type *algo = ALGO_TABLE[i];
        char words[512];
        snprintf(words, sizeof words, "%s%s%s%s", algo->doc, algo->paper ? " [" : "",
                 algo->paper ? algo->paper : "", algo->paper ? "]" : "");
        write_row(algo->name, words, out);
        write_presets(algo, out);
    }
    fprintf(out, "\nenvironments:\n");
    for (size_t i = 0; ENV_TABLE[i]; i++) write_row(ENV_TABLE[i]->name, ENV_TABLE[i]->doc, out);
    write_row("FILE.nfg", "any two-player game in Gambit's strategic form", out);
}
