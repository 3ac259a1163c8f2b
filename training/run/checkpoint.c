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
    nn_metadata metadata[] = {{"format", "firstmover"}, {"version", run_version()},
                              {"commit", run_commit()}, {"compiler", run_compiler()},
                              {"seed", seed},           {"step", step},
                              {"config", config},       {NULL, NULL}};
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

/* Comments tell who wrote the file, which may be another build; the settings must be the same. */
static fm_status same_config(char *saved, char *now, fm_error *err) {
    for (;;) {
        char *a = next_line(&saved), *b = next_line(&now);
        if (!a && !b) return FM_OK;
        if (!a || !b || strcmp(a, b) != 0)
            return fm_fail(err, "it was saved with '%s', the run says '%s'", a ? a : "", b ? b : "");
    }
}

static fm_status check_config(const run_plan *run, const char *path, fm_error *err) {
    char *saved, *now;
    if (nn_safetensors_metadata(path, "config", &saved, err) != FM_OK) return FM_BAD;
    now = config_text(run);
    fm_status status = now ? same_config(saved, now, err) : fm_fail(err, "out of memory");
    free(now);
    free(saved);
    return status == FM_OK ? FM_OK : fm_fail_in(err, "%s: ", path);
}

fm_status checkpoint_resume(loop *l, const run_plan *run, const char *trial_folder, fm_error *err) {
    char state[CHECKPOINT_PATH_MAX];
    if (path_in(trial_folder, CHECKPOINT_STATE, state, err) != FM_OK) return FM_BAD;
    if (check_config(run, state, err) != FM_OK) return FM_BAD;
    return nn_safetensors_load(state, &l->keep, NN_EVERYTHING, err);
}

fm_status checkpoint_load(loop *l, const char *trial_folder, fm_error *err) {
    char parameters[CHECKPOINT_PATH_MAX];
    if (path_in(trial_folder, CHECKPOINT_PARAMETERS, parameters, err) != FM_OK) return FM_BAD;
    return nn_safetensors_load(parameters, &l->keep, NN_PARAMETERS, err);
}
