/* folder.c: see folder.h. */
#include "training/run/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/memory.h"
#include "base/text.h"
#include "envs/games/nfg.h"
#include "stb_ds.h"
#include "training/run/learners.h"

/* ---- making ---- */

static bool holds_a_run(const char *folder) {
    static const char *const NAMES[] = {"config.ini",  RUN_GAME,    FOLDER_PROGRESS,
                                        FOLDER_RESULT, FOLDER_SUMS, "trials"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        char path[FOLDER_PATH_MAX + 40];
        snprintf(path, sizeof path, "%s/%s", folder, NAMES[i]);
        if (fm_file_exists(path)) return true;
    }
    return false;
}

/* "game" from "some/where/game.nfg", with nothing in it that a shell or file system minds. */
static void plain_name(const char *from, char *name, size_t size) {
    const char *slash = strrchr(from, '/');
    if (slash) from = slash + 1;
    size_t n = strlen(from);
    if (n > 4 && strcmp(from + n - 4, ".nfg") == 0) n -= 4;
    if (n >= size) n = size - 1;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)from[i];
        bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.", c);
        name[i] = plain ? (char)c : '_';
    }
    name[n] = '\0';
}

fm_status folder_lock(const char *folder, fm_lock *lock, fm_error *err) {
    char path[FOLDER_PATH_MAX + 40];
    snprintf(path, sizeof path, "%s/lock", folder);
    if (fm_lock_take(lock, path, err) == FM_OK) return FM_OK;
    return fm_fail_in(err, "no run can work in '%s' now: ", folder);
}

/* mkdir decides, not a look beforehand: two runs that start at once get two folders. */
static fm_status make_free(const run_plan *run, char *path, fm_error *err) {
    char name[80];
    plain_name(run->config.env, name, sizeof name);
    if (fm_folder_make("runs", err) != FM_OK) return FM_BAD;
    int used = snprintf(path, FOLDER_PATH_MAX, "runs/%s-%s-s%lld", run->algo->name, name,
                        (long long)run->config.seed);
    for (int k = 2; mkdir(path, 0777) != 0; k++) {
        if (errno != EEXIST || k > 100000)
            return fm_fail(err, "cannot make folder '%s': %s", path, strerror(errno));
        snprintf(path + used, FOLDER_PATH_MAX - (size_t)used, "-%d", k);
    }
    return FM_OK;
}

/* The look into the folder counts only under the lock. */
static fm_status make_given(const char *out, char *path, fm_lock *lock, fm_error *err) {
    if (strlen(out) >= FOLDER_PATH_MAX) return fm_fail(err, "--out: the path is too long");
    snprintf(path, FOLDER_PATH_MAX, "%s", out);
    if (fm_folder_make(path, err) != FM_OK || folder_lock(path, lock, err) != FM_OK) return FM_BAD;
    if (!holds_a_run(path)) return FM_OK;
    char word[FOLDER_PATH_MAX + 40];
    return fm_fail(err,
                   "'%s' already holds a run; give another --out, or go on with it: ./train --resume %s",
                   path, fm_text_quoted(path, word, sizeof word));
}

/* Game and policies first: a config.ini never names a copy that is not there. */
static fm_status write_config(const run_plan *run, const char *folder, fm_error *err) {
    char path[FOLDER_PATH_MAX + 40];
    fm_writer writer;
    snprintf(path, sizeof path, "%s/%s", folder, RUN_GAME);
    if (run->env.facts.file && nfg_save(run->env.facts.file, path, err) != FM_OK) return FM_BAD;
    if (learners_copy(run, folder, err) != FM_OK) return FM_BAD;
    snprintf(path, sizeof path, "%s/config.ini", folder);
    if (fm_writer_begin(&writer, path, err) != FM_OK) return FM_BAD;
    run_write_ini(run, writer.file);
    return fm_writer_commit(&writer, err);
}

/* The part of `path` up to the first folder that is not there yet; 0 when all are. */
static size_t first_missing(const char *path) {
    char part[FOLDER_PATH_MAX];
    size_t n = strlen(path);
    if (n >= sizeof part) return 0;
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (!fm_file_exists(part)) return i;
    }
    return 0;
}

/* Removes the empty folders from the end of path back to its first `kept` characters. */
static void remove_empty(char *path, size_t kept) {
    for (size_t n = strlen(path); kept > 0 && n >= kept; n--) {
        if (path[n] != '/' && path[n] != '\0') continue;
        path[n] = '\0';
        if (rmdir(path) != 0 && errno != ENOENT) return;
    }
}

fm_status folder_make(const run_plan *run, char *path, fm_lock *lock, fm_error *err) {
    bool given = run->config.out[0] != '\0';
    size_t kept = first_missing(given ? run->config.out : "runs");
    lock->fd = -1;
    fm_status status =
        given ? make_given(run->config.out, path, lock, err) : make_free(run, path, err);
    bool made = status == FM_OK;
    if (made && !given) status = folder_lock(path, lock, err);
    if (status == FM_OK) status = write_config(run, path, err);
    if (status == FM_OK) return FM_OK;
    fm_lock_release(lock);
    if (!given && made && kept == 0) kept = strlen(path);
    if (made || given) remove_empty(path, kept);
    return status;
}

/* ---- tables ---- */

static fm_status write_failed(const char *path, int reason, fm_error *err) {
    return fm_fail(err, "cannot write '%s': %s", path, strerror(reason));
}

/* Flushes to the disk; what stands in the file is then good, or cut back to what was. */
static fm_status settle(struct folder_table *table, fm_error *err) {
    if (fm_file_sync(table->file)) {
        table->good = (int64_t)ftello(table->file);
        return FM_OK;
    }
    int reason = errno;
    fclose(table->file);
    table->file = NULL;
    if (truncate(table->path, (off_t)table->good) != 0) return write_failed(table->path, reason, err);
    return write_failed(table->path, reason, err);
}

/* Both return the checksum of what they write. */
static uint64_t put_text(FILE *memory, char **text, const size_t *size, FILE *out) {
    fm_memory_close(memory);
    fwrite(*text, 1, *size, out);
    uint64_t sum = fm_checksum(FM_CHECKSUM_START, *text, *size);
    free(*text);
    return sum;
}

static uint64_t put_progress(const run_plan *run, FILE *out, int64_t trial, const progress_rows *rows) {
    progress_columns of = run_columns(run);
    char *text;
    size_t size;
    FILE *memory = fm_memory_open(&text, &size);
    for (size_t at = 0; at < arrlenu(rows->numbers); at += (size_t)of.at[COLUMN_END])
        progress_write(memory, &of, trial, rows->numbers + at);
    return put_text(memory, &text, &size, out);
}

static uint64_t put_result(const run_plan *run, FILE *out, const trial_result *result) {
    char *text;
    size_t size;
    FILE *memory = fm_memory_open(&text, &size);
    result_write(memory, &run->env.facts, result);
    return put_text(memory, &text, &size, out);
}

static bool is_done(const trial_result *result) {
    return result->status == TRIAL_OK || result->status == TRIAL_NAN;
}

/* Opens a table that was written anew, to go on at its end. */
static fm_status append_to(struct folder_table *table, fm_writer *writer, fm_error *err) {
    if (fm_writer_commit(writer, err) != FM_OK) return FM_BAD;
    table->file = fopen(table->path, "ab");
    if (!table->file || fseeko(table->file, 0, SEEK_END) != 0) return write_failed(table->path, errno, err);
    table->good = (int64_t)ftello(table->file);
    return FM_OK;
}

static fm_status begin_anew(struct folder_table *table, fm_writer *writer, const char *folder,
                            const char *name, fm_error *err) {
    snprintf(table->path, sizeof table->path, "%s/%s", folder, name);
    return fm_writer_begin(writer, table->path, err);
}

/* One trial into the tables that are written anew. The sums of a damaged one stay, so that it is not taken
 * for one that was never done. */
static void put_trial(const run_plan *run, fm_writer to[3], const trial_result *result,
                      const progress_rows *rows, const trial_sums *recorded) {
    trial_sums sums = *recorded;
    if (result->status == TRIAL_OPEN) return;
    if (result->status != TRIAL_DAMAGED) {
        sums.progress = put_progress(run, to[0].file, result->trial, rows);
        sums.result = put_result(run, to[1].file, result);
    }
    bool damaged = result->status == TRIAL_DAMAGED && recorded->result != 0;
    if (is_done(result) || damaged) sums_write(to[2].file, result->trial, &sums, run_checksum(run));
}

fm_status folder_tables_open(folder_tables *tables, const run_plan *run, const char *folder,
                             const trial_result *results, const progress_rows *rows,
                             const trial_sums *recorded, fm_error *err) {
    /* ORDER: as in the struct. */
    static const char *const NAMES[] = {FOLDER_PROGRESS, FOLDER_RESULT, FOLDER_SUMS};
    progress_columns of = run_columns(run);
    fm_writer to[3] = {{.file = NULL}, {.file = NULL}, {.file = NULL}};
    fm_status status = FM_OK;
    *tables = (folder_tables){.run = run};
    for (int i = 0; i < 3 && status == FM_OK; i++)
        status = begin_anew(&tables->table[i], &to[i], folder, NAMES[i], err);
    if (status == FM_OK) {
        progress_write_header(to[0].file, &of);
        result_write_header(to[1].file, &run->env.facts);
        sums_write_header(to[2].file);
        for (int64_t k = 0; k < run->config.trials; k++)
            put_trial(run, to, &results[k], &rows[k], &recorded[k]);
    }
    for (int i = 0; i < 3 && status == FM_OK; i++) status = append_to(&tables->table[i], &to[i], err);
    if (status == FM_OK) return FM_OK;
    for (int i = 0; i < 3; i++) fm_writer_abandon(&to[i]);
    folder_tables_close(tables, NULL);
    return status;
}

fm_status folder_tables_add(folder_tables *tables, const trial_result *result, const progress_rows *rows,
                            fm_error *err) {
    struct folder_table *progress = &tables->table[0], *results = &tables->table[1],
                        *sums = &tables->table[2];
    trial_sums now;
    if (!progress->file || !results->file || !sums->file) return fm_fail(err, "the tables are closed");
    now.progress = put_progress(tables->run, progress->file, result->trial, rows);
    if (settle(progress, err) != FM_OK) return FM_BAD;
    now.result = put_result(tables->run, results->file, result);
    if (settle(results, err) != FM_OK) return FM_BAD;
    if (is_done(result)) sums_write(sums->file, result->trial, &now, run_checksum(tables->run));
    return settle(sums, err);
}

static fm_status close_one(struct folder_table *table, fm_error *err) {
    FILE *file = table->file;
    table->file = NULL;
    return !file || fclose(file) == 0 ? FM_OK : write_failed(table->path, errno, err);
}

fm_status folder_tables_close(folder_tables *tables, fm_error *err) {
    fm_status status = FM_OK;
    for (int i = 0; i < 3; i++)
        if (close_one(&tables->table[i], status == FM_OK ? err : NULL) != FM_OK) status = FM_BAD;
    return status;
}
