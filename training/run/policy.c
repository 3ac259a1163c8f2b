/* policy.c: see policy.h. */
#include "training/run/policy.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "training/run/checkpoint.h"
#include "training/run/learners.h"
#include "training/run/trial.h"

/* ---- opening ---- */

/* The words that make ./train's parser read the folder's configuration, and then what stands beside it. */
static fm_status parse_run(policy *p, const policy_source *source, fm_error *err) {
    char path[POLICY_PATH_MAX + 40];
    snprintf(path, sizeof path, "--config=%s/config.ini", p->folder);
    if (!fm_file_exists(p->folder)) return fm_fail(err, "there is no folder '%s'", p->folder);
    if (!fm_file_exists(strchr(path, '=') + 1))
        return fm_fail(err, "'%s' holds no run: it has no config.ini; ./train leaves such folders",
                       p->folder);
    char **words = fm_new((size_t)(source->words_count + 1), sizeof *words);
    words[0] = path;
    for (int k = 0; k < source->words_count; k++) words[k + 1] = source->words[k];
    fm_status status = run_parse(&p->run, source->words_count + 1, words, err);
    free(words);
    return status;
}

/* The parameters must be those of this run, as its folder says; what stands beside it does not matter. */
static fm_status check(const policy *p, const char *trial_folder, fm_error *err) {
    char path[POLICY_PATH_MAX + 40], *text;
    size_t length;
    snprintf(path, sizeof path, "%s/config.ini", p->folder);
    if (fm_file_read(path, &text, &length, err) != FM_OK) return FM_BAD;
    fm_status status = checkpoint_check(trial_folder, text, p->run.config.seed + p->trial, err);
    free(text);
    if (status == FM_OK) return FM_OK;
    fm_fail_in(err, "not the policy of trial %lld: ", (long long)p->trial);
    return fm_fail(err, "%s; to train it again, delete that file, then ./train --resume %s", err->text,
                   fm_text_quoted(p->folder, path, sizeof path));
}

static fm_status load(policy *p, const policy_source *source, fm_error *err) {
    char trial_folder[CHECKPOINT_PATH_MAX];
    int64_t trials = p->run.config.trials;
    if (p->trial >= trials)
        return fm_fail(err, "trial %lld: the run in '%s' has %lld trial%s, counted from 0",
                       (long long)p->trial, p->folder, (long long)trials, trials == 1 ? "" : "s");
    checkpoint_folder(p->folder, p->trial, trial_folder);
    if (!checkpoint_exists(trial_folder, CHECKPOINT_PARAMETERS))
        return fm_fail(err, "trial %lld has no policy yet: there is no '%.800s/%s'", (long long)p->trial,
                       trial_folder, CHECKPOINT_PARAMETERS);
    if (check(p, trial_folder, err) != FM_OK) return FM_BAD;
    loop_setup setup = trial_setup(&p->run, p->trial);
    setup.num_envs = source->num_envs;
    setup.steps = 1; /* it will not learn: no more room than that takes */
    if (source->own_isa) run_use_isa(&p->run);
    loop_init(&p->loop, &setup);
    return checkpoint_load(&p->loop, trial_folder, err);
}

fm_status policy_open(policy *p, const policy_source *source, fm_error *err) {
    memset(p, 0, sizeof *p);
    p->trial = source->trial;
    if (strlen(source->folder) >= sizeof p->folder - 40)
        return fm_fail(err, "'%.60s...': the path is too long", source->folder);
    snprintf(p->folder, sizeof p->folder, "%s", source->folder);
    fm_status status = parse_run(p, source, err);
    if (status == FM_OK) status = load(p, source, err);
    if (status != FM_OK) policy_close(p);
    return status;
}

void policy_close(policy *p) {
    if (p->loop.setup.algo) loop_free(&p->loop);
    run_free(&p->run);
    memset(p, 0, sizeof *p);
}

/* ---- its files ---- */

/* Of the files behind it the k-th, as its folder calls it; false behind the last. */
static bool file_of(const policy *p, int k, char *name, size_t size) {
    bool game = p->run.env.facts.file != NULL;
    if (k == 0)
        snprintf(name, size, "trials/%03lld/%s", (long long)p->trial, CHECKPOINT_PARAMETERS);
    else if (k == 1)
        snprintf(name, size, "config.ini");
    else if (k == 2 && game)
        snprintf(name, size, "%s", RUN_GAME);
    else
        return false;
    return true;
}

fm_status policy_checksum(const policy *p, char *text, fm_error *err) {
    char name[80], path[POLICY_PATH_MAX + 80], *bytes;
    size_t length;
    uint64_t sum = FM_CHECKSUM_START;
    for (int k = 0; file_of(p, k, name, sizeof name); k++) {
        snprintf(path, sizeof path, "%s/%s", p->folder, name);
        if (fm_file_read(path, &bytes, &length, err) != FM_OK) return FM_BAD;
        sum = fm_checksum(sum, bytes, length);
        free(bytes);
    }
    fm_checksum_text(sum, text);
    return FM_OK;
}

static fm_status copy_file(const char *from, const char *to, fm_error *err) {
    char *bytes;
    size_t length;
    fm_writer writer;
    if (fm_file_read(from, &bytes, &length, err) != FM_OK) return FM_BAD;
    fm_status status = fm_writer_begin(&writer, to, err);
    if (status == FM_OK) {
        fwrite(bytes, 1, length, writer.file);
        status = fm_writer_commit(&writer, err);
    }
    free(bytes);
    return status;
}

static fm_status copy_files(const policy *p, const char *folder, fm_error *err) {
    char name[80], from[POLICY_PATH_MAX + 80], to[POLICY_PATH_MAX + 80];
    checkpoint_folder(folder, p->trial, to);
    if (fm_folder_make(to, err) != FM_OK) return FM_BAD;
    for (int k = 0; file_of(p, k, name, sizeof name); k++) {
        snprintf(from, sizeof from, "%s/%s", p->folder, name);
        snprintf(to, sizeof to, "%s/%s", folder, name);
        if (copy_file(from, to, err) != FM_OK) return FM_BAD;
    }
    return learners_copy(&p->run, folder, err);
}

fm_status policy_copy(const policy *p, const char *folder, fm_error *err) {
    if (strlen(folder) >= POLICY_PATH_MAX - 80)
        return fm_fail(err, "'%.60s...': the path is too long", folder);
    fm_status status = copy_files(p, folder, err);
    if (status != FM_OK) policy_remove(p, folder);
    return status;
}

void policy_remove(const policy *p, const char *folder) {
    char name[80], path[POLICY_PATH_MAX + 80];
    learners_remove(&p->run, folder);
    for (int k = 0; file_of(p, k, name, sizeof name); k++) {
        snprintf(path, sizeof path, "%s/%s", folder, name);
        remove(path);
    }
    checkpoint_folder(folder, p->trial, path);
    rmdir(path);
    snprintf(path, sizeof path, "%s/trials", folder);
    rmdir(path);
    rmdir(folder);
}
