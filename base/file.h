/* file.h: small file helpers. Every failure of the system is reported with the path and the system's own
 * words.
 *
 * Example (compiled by the tests):
 *
 *     fm_error err;
 *     fm_writer writer;
 *     if (fm_writer_begin(&writer, "/tmp/firstmover-example.txt", &err) != FM_OK) return err.text[0];
 *     fprintf(writer.file, "one line\n");
 *     if (fm_writer_commit(&writer, &err) != FM_OK) return err.text[0];
 *     remove("/tmp/firstmover-example.txt");
 */
#ifndef FM_FILE_H
#define FM_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

/* Reads a whole file. *text is malloc'ed, one zero byte follows the content; the caller frees it. A folder,
 * or more than `1 << 30` bytes, is an error. */
fm_status fm_file_read(const char *path, char **text, size_t *length, fm_error *err);

/* A file that appears under its name only when it is complete: written beside it under a temporary name,
 * flushed to the disk, renamed. The caller owns the struct; begin, write to `file`, then commit or
 * abandon. */
typedef struct fm_writer {
    FILE *file;
    char path[1024];
    char temporary[1040];
} fm_writer;

fm_status fm_writer_begin(fm_writer *writer, const char *path, fm_error *err);
/* Checks every write since begin (a full disk is an error here), flushes, renames. On error the temporary is
 * removed and what stood under the name before is untouched. */
fm_status fm_writer_commit(fm_writer *writer, fm_error *err);
void fm_writer_abandon(fm_writer *writer);

/* Removes the temporary files that killed writers left in a folder; nobody may be writing there now. */
void fm_writer_sweep(const char *folder);

/* Flushes a stream to the disk. False: `errno` says why; a write that failed before counts. */
bool fm_file_sync(FILE *file);

/* A lock that one process at a time can hold: a file of that path, which the holder's death, of whatever
 * kind, unlocks, and which goes when it is released. Children do not inherit it. `fd` -1: not held; the
 * caller owns the struct, which must not be copied meanwhile. A process must not open the file in another
 * way. */
typedef struct fm_lock {
    int fd;
    char path[1024];
} fm_lock;

/* Does not wait. Errors: "'PATH' is locked by process 4711", or what the system says. */
fm_status fm_lock_take(fm_lock *lock, const char *path, fm_error *err);
void fm_lock_release(fm_lock *lock);

/* Makes a folder and its parents; one that is already there is fine. */
fm_status fm_folder_make(const char *path, fm_error *err);

/* Whether a file or folder of that name exists. */
int fm_file_exists(const char *path);

#endif
