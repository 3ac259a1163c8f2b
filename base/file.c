/* file.c: reading whole files, and writing files that are either complete or not there. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 30)

/* Reads to the end of the stream in growing pieces: a pipe tells no size, and a file may grow meanwhile. */
static fm_status read_all(FILE *file, const char *path, size_t hint, char **text, size_t *length,
                          fm_error *err) {
    size_t room = hint + 2, n = 0;
    char *buffer = malloc(room);
    while (buffer) {
        n += fread(buffer + n, 1, room - 1 - n, file);
        if (n < room - 1) break;
        if (n > FILE_MAX) break;
        room = room < 4096 ? 8192 : room * 2;
        char *larger = realloc(buffer, room);
        if (!larger) free(buffer);
        buffer = larger;
    }
    if (!buffer) return fm_fail(err, "cannot read '%s': out of memory", path);
    fm_status status = FM_OK;
    if (ferror(file)) status = fm_fail(err, "cannot read '%s': %s", path, strerror(errno));
    else if (n > FILE_MAX) status = fm_fail(err, "cannot read '%s': larger than %zu bytes", path, FILE_MAX);
    if (status != FM_OK) {
        free(buffer);
        return status;
    }
    buffer[n] = '\0';
    *text = buffer;
    *length = n;
    return FM_OK;
}

fm_status fm_file_read(const char *path, char **text, size_t *length, fm_error *err) {
    FILE *file = fopen(path, "rb");
    if (!file) return fm_fail(err, "cannot open '%s': %s", path, strerror(errno));
    fm_status status;
    struct stat facts;
    if (fstat(fileno(file), &facts) != 0)
        status = fm_fail(err, "cannot read '%s': %s", path, strerror(errno));
    else if (S_ISDIR(facts.st_mode))
        status = fm_fail(err, "cannot read '%s': it is a folder, a file is expected", path);
    else if (S_ISREG(facts.st_mode) && facts.st_size > (off_t)FILE_MAX)
        status = fm_fail(err, "cannot read '%s': larger than %zu bytes", path, FILE_MAX);
    else
        status = read_all(file, path, S_ISREG(facts.st_mode) ? (size_t)facts.st_size : 0, text, length, err);
    fclose(file); /* read only: nothing can be lost */
    return status;
}

fm_status fm_writer_begin(fm_writer *writer, const char *path, fm_error *err) {
    writer->file = NULL;
    size_t length = strlen(path);
    if (length == 0) return fm_fail(err, "cannot write a file without a name");
    if (length >= sizeof writer->path)
        return fm_fail(err, "cannot write '%.60s...': the path has %zu characters, at most %zu are possible",
                       path, length, sizeof writer->path - 1);
    /* Renaming over a device such as /dev/null would replace it by a file. */
    struct stat facts;
    if (stat(path, &facts) == 0 && !S_ISREG(facts.st_mode))
        return fm_fail(err, "cannot write '%s': it is a %s, a file is expected", path,
                       S_ISDIR(facts.st_mode) ? "folder" : "device");
    memcpy(writer->path, path, length + 1);
    int n = snprintf(writer->temporary, sizeof writer->temporary, "%s.%ld.tmp", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof writer->temporary)
        return fm_fail(err, "cannot write '%s': the path is too long", path);
    writer->file = fopen(writer->temporary, "wb");
    if (!writer->file) return fm_fail(err, "cannot write '%s': %s", path, strerror(errno));
    return FM_OK;
}

/* A rename is durable when its folder is. Not every system can sync a folder, and the file is whole either
 * way, so the result does not matter. */
static void sync_folder_of(const char *path) {
    char folder[sizeof((fm_writer *)0)->path];
    memcpy(folder, path, strlen(path) + 1);
    char *slash = strrchr(folder, '/');
    if (!slash) memcpy(folder, ".", 2);
    else slash[slash == folder ? 1 : 0] = '\0';
    int fd = open(folder, O_RDONLY);
    if (fd < 0) return;
    (void)fsync(fd);
    close(fd);
}

bool fm_file_sync(FILE *file) {
    if (!ferror(file)) errno = 0; /* else it is that of the write, if nothing came between */
    if (fflush(file) != 0 || ferror(file)) {
        if (errno == 0) errno = EIO;
        return false;
    }
    /* EINVAL and ENOTSUP: a file system that cannot sync, which is no loss of data. */
    return fsync(fileno(file)) == 0 || errno == EINVAL || errno == ENOTSUP;
}

fm_status fm_writer_commit(fm_writer *writer, fm_error *err) {
    FM_CHECK(writer->file != NULL, "file: commit without begin");
    const char *what = NULL;
    int reason = 0;
    if (ferror(writer->file)) what = "a write failed (is the disk full?)";
    else if (!fm_file_sync(writer->file)) reason = errno;
    if (fclose(writer->file) != 0 && !what && !reason) reason = errno;
    writer->file = NULL;
    if (!what && !reason && rename(writer->temporary, writer->path) != 0) reason = errno;
    if (what || reason) {
        remove(writer->temporary);
        return fm_fail(err, "cannot write '%s': %s", writer->path, what ? what : strerror(reason));
    }
    sync_folder_of(writer->path);
    return FM_OK;
}

void fm_writer_abandon(fm_writer *writer) {
    if (!writer->file) return;
    fclose(writer->file);
    writer->file = NULL;
    remove(writer->temporary);
}

/* "NAME.4711.tmp", as fm_writer_begin names it. */
static bool is_temporary(const char *name) {
    size_t n = strlen(name);
    if (n < 4 || strcmp(name + n - 4, ".tmp") != 0) return false;
    size_t digits = 0;
    for (n -= 4; n > 0 && name[n - 1] >= '0' && name[n - 1] <= '9'; n--) digits++;
    return digits > 0 && n > 1 && name[n - 1] == '.';
}

void fm_writer_sweep(const char *folder) {
    DIR *open_folder = opendir(folder);
    if (!open_folder) return;
    for (struct dirent *entry; (entry = readdir(open_folder)) != NULL;) {
        char path[sizeof((fm_writer *)0)->temporary];
        int n = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (is_temporary(entry->d_name) && n > 0 && (size_t)n < sizeof path) remove(path);
    }
    closedir(open_folder);
}

/* Record locks are POSIX, and tell whose they are. Whoever had the lock before may have removed the file
 * after it was opened here: what is locked must be what bears the name. Returns -1 and errno, EAGAIN when it
 * is another's file by now. */
static int open_locked(const char *path, struct flock *owner) {
    struct stat mine, named;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return -1;
    *owner = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int reason = 0;
    if (fcntl(fd, F_SETLK, owner) != 0) {
        reason = errno == EAGAIN ? EACCES : errno;
        /* Free by now: F_GETLK says F_UNLCK, and the next try may have it. */
        if (reason == EACCES && fcntl(fd, F_GETLK, owner) == 0 && owner->l_type == F_UNLCK) reason = EAGAIN;
    } else if (fstat(fd, &mine) != 0) {
        reason = errno;
    } else if (stat(path, &named) != 0 || mine.st_ino != named.st_ino || mine.st_dev != named.st_dev) {
        reason = EAGAIN;
    }
    if (reason == 0) return fd;
    close(fd);
    errno = reason;
    return -1;
}

fm_status fm_lock_take(fm_lock *lock, const char *path, fm_error *err) {
    struct flock owner;
    lock->fd = -1;
    if (strlen(path) >= sizeof lock->path)
        return fm_fail(err, "cannot lock '%.60s...': the path is too long", path);
    memcpy(lock->path, path, strlen(path) + 1);
    do {
        owner.l_pid = 0;
        lock->fd = open_locked(path, &owner);
    } while (lock->fd < 0 && errno == EAGAIN);
    if (lock->fd >= 0) return FM_OK;
    if (owner.l_pid > 0) return fm_fail(err, "'%s' is locked by process %ld", path, (long)owner.l_pid);
    return fm_fail(err, "cannot lock '%s': %s", path, strerror(errno));
}

void fm_lock_release(fm_lock *lock) {
    if (lock->fd < 0) return;
    remove(lock->path); /* first: whoever locks it afterwards sees that it is gone */
    close(lock->fd);
    lock->fd = -1;
}

/* One folder whose parent exists. mkdir comes first, so that two processes may do this at once. */
static fm_status make_one(const char *folder, fm_error *err) {
    if (mkdir(folder, 0777) == 0) return FM_OK;
    int reason = errno;
    struct stat facts;
    if (stat(folder, &facts) != 0) return fm_fail(err, "cannot make folder '%s': %s", folder,
                                                  strerror(reason));
    if (!S_ISDIR(facts.st_mode)) return fm_fail(err, "cannot make folder '%s': it is a file", folder);
    return FM_OK;
}

fm_status fm_folder_make(const char *path, fm_error *err) {
    char folder[sizeof((fm_writer *)0)->path];
    size_t length = strlen(path);
    if (length == 0) return fm_fail(err, "cannot make a folder without a name");
    if (length >= sizeof folder)
        return fm_fail(err,
                       "cannot make folder '%.60s...': the path has %zu characters, at most %zu are possible",
                       path, length, sizeof folder - 1);
    memcpy(folder, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (folder[i] != '/' && folder[i] != '\0') continue;
        char end = folder[i];
        folder[i] = '\0';
        if (folder[i - 1] != '/' && make_one(folder, err) != FM_OK) return FM_BAD;
        folder[i] = end;
    }
    return FM_OK;
}

int fm_file_exists(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0;
}
