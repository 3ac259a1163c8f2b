/* checkpoint.c: see checkpoint.h. */
#include "training/run/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "nn/safetensors.h"
#include "training/run/version.h"

char *checkpoint_folder(const char *folder, int64_t trial, char *text) {
    snprintf(text, CHECKPOINT_PATH_MAX, "%s/trials/%03lld", folder, (long long)trial);
    return text;
}

static fm_status path_in(const char *folder, const char *name, char *path, fm_error *err) {
    int n = snprintf(path, CHECKPOINT_PATH_MAX, "%s/%s", folder, name);
    if (n < 0 || n >= CHECKPOINT_PATH_MAX) return fm_fail(err, "'%.60s...': the path is too long", folder);
    return FM_OK;
}

/* The configuration as text; malloc'ed. NULL when memory is exhausted. */
static char *config_text(const run_plan *run) {
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    if (!memory) return NULL;
    run_write_ini(run, memory);
    if (fclose(memory) == 0) return text;
    free(text);
    return NULL;
}

fm_status checkpoint_save(const loop *l, const run_plan *run, const char *trial_folder, bool finished,
                          fm_error *err) {
    char parameters[CHECKPOINT_PATH_MAX], state[CHECKPOINT_PATH_MAX], seed[32], step[32];
    if (path_in(trial_folder, CHECKPOINT_PARAMETERS, parameters, err) != FM_OK) return FM_BAD;
    if (path_in(trial_folder, CHECKPOINT_STATE, state, err) != FM_OK) return FM_BAD;
    char *config = config_text(run);
    if (!config) return fm_fail(err, "cannot write '%s': out of memory", parameters);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)l->setup.seed);
    snprintf(step, sizeof step, "%lld", (long long)l->counters.step);
    nn_metadata metadata[] = {{"checksum", NN_CHECKSUM},    {"format", "firstmover"},
                              {"version", run_version()},   {"commit", run_commit()},
                              {"compiler", run_compiler()}, {"seed", seed},
                              {"step", step},               {"config", config},
                              {NULL, NULL}};
    fm_status status = FM_OK;
    if (!finished) status = nn_safetensors_save(state, &l->keep, NN_EVERYTHING, metadata, err);
    if (status == FM_OK) status = nn_safetensors_save(parameters, &l->keep, NN_PARAMETERS, metadata, err);
    if (status == FM_OK && finished && remove(state) != 0 && errno != ENOENT)
        status = fm_fail(err, "cannot remove '%s': %s", state, strerror(errno));
    free(config);
    return status;
}

bool checkpoint_exists(const char *trial_folder, const char *name) {
    char path[CHECKPOINT_PATH_MAX];
    return path_in(trial_folder, name, path, NULL) == FM_OK && fm_file_exists(path);
}

/* The next line that is no comment, cut out of the text in place; NULL at the end. */
static char *next_line(char **text) {
    while (**text) {
        char *line = *text, *end = strchr(line, '\n');
        if (end) *end = '\0';
        *text = end ? end + 1 : line + strlen(line);
        if (*line != '#') return line;
    }
    return NULL;
}

/* Comments tell who wrote the file, which may be another build; the settings must be the same. Cuts both. */
static fm_status same_config(char *saved, char *now, fm_error *err) {
    for (;;) {
        char *a = next_line(&saved), *b = next_line(&now);
        if (!a && !b) return FM_OK;
        if (!a || !b || strcmp(a, b) != 0)
            return fm_fail(err, "it was saved with '%s', the run says '%s'", a ? a : "", b ? b : "");
    }
}

static fm_status same_seed(const char *saved, int64_t seed, fm_error *err) {
    char now[32];
    snprintf(now, sizeof now, "%llu", (unsigned long long)seed);
    if (strcmp(saved, now) == 0) return FM_OK;
    return fm_fail(err, "it was saved with the seed %s, not %s", saved, now);
}

/* A file is checked by its checksum, which it must have, and must be this trial's. Cuts `config`. */
static fm_status check_file(const char *path, char *config, int64_t seed, fm_error *err) {
    static const char *const KEYS[] = {"checksum", "config", "seed"};
    char *value[3] = {NULL, NULL, NULL};
    fm_status status = FM_OK;
    for (int i = 0; i < 3 && status == FM_OK; i++)
        status = nn_safetensors_metadata(path, KEYS[i], &value[i], err);
    if (status == FM_OK) {
        status = same_config(value[1], config, err);
        if (status == FM_OK) status = same_seed(value[2], seed, err);
        if (status != FM_OK) fm_fail_in(err, "%s: ", path);
    }
    for (int i = 0; i < 3; i++) free(value[i]);
    return status;
}

fm_status checkpoint_check(const char *trial_folder, const char *config, int64_t seed, fm_error *err) {
    char path[CHECKPOINT_PATH_MAX];
    if (path_in(trial_folder, CHECKPOINT_PARAMETERS, path, err) != FM_OK) return FM_BAD;
    char *now = strdup(config);
    fm_status status = now ? check_file(path, now, seed, err) : fm_fail(err, "%s: out of memory", path);
    free(now);
    return status;
}

fm_status checkpoint_resume(loop *l, const run_plan *run, const char *trial_folder, fm_error *err) {
    char state[CHECKPOINT_PATH_MAX];
    if (path_in(trial_folder, CHECKPOINT_STATE, state, err) != FM_OK) return FM_BAD;
    char *now = config_text(run);
    fm_status status = now ? check_file(state, now, (int64_t)l->setup.seed, err)
                           : fm_fail(err, "%s: out of memory", state);
    free(now);
    if (status != FM_OK) return status;
    return nn_safetensors_load(state, &l->keep, NN_EVERYTHING, err);
}

fm_status checkpoint_load(loop *l, const char *trial_folder, fm_error *err) {
    char parameters[CHECKPOINT_PATH_MAX];
    if (path_in(trial_folder, CHECKPOINT_PARAMETERS, parameters, err) != FM_OK) return FM_BAD;
    return nn_safetensors_load(parameters, &l->keep, NN_PARAMETERS, err);
}
