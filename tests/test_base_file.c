/* Files: whole or not there, and every failure of the system in words. */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/test.h"

static char folder[64];

static const char *in_folder(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_plain(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    EXPECT(file != NULL);
    if (!file) return;
    fputs(text, file);
    fclose(file);
}

static void expect_content(const char *path, const char *want) {
    char *text = NULL;
    size_t length = 0;
    fm_error err;
    fm_status status = fm_file_read(path, &text, &length, &err);
    EXPECT_MSG(status == FM_OK, "%s", status == FM_OK ? "" : err.text);
    if (status != FM_OK) return;
    EXPECT_TEXT(text, want);
    EXPECT_EQ(length, strlen(want));
    free(text);
}

static int files_in_folder(void) {
    int n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) n += entry->d_name[0] != '.';
    if (dir) closedir(dir);
    return n;
}

static void begin(void) {
    snprintf(folder, sizeof folder, "/tmp/firstmover-test-XXXXXX");
    EXPECT(mkdtemp(folder) != NULL);
}

static void end(void) {
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name,
                                                      "..") != 0) remove(in_folder(entry->d_name));
    if (dir) closedir(dir);
    EXPECT_EQ(rmdir(folder), 0);
}

TEST(read_whole_files) {
    begin();
    write_plain(in_folder("a"), "one\ntwo\n");
    expect_content(in_folder("a"), "one\ntwo\n");
    write_plain(in_folder("b"), "");
    expect_content(in_folder("b"), "");
    static char large[100001];
    memset(large, 'x', sizeof large - 1);
    write_plain(in_folder("c"), large);
    expect_content(in_folder("c"), large);
    end();
}

/* A pipe tells no size beforehand. */
TEST(read_pipes) {
    begin();
    EXPECT_EQ(mkfifo(in_folder("pipe"), 0600), 0);
    pid_t child = fork();
    if (child == 0) {
        FILE *out = fopen(in_folder("pipe"), "wb");
        for (int i = 0; out && i < 30000; i++) fputc('a' + i % 26, out);
        if (out) fclose(out);
        _exit(0);
    }
    char *text = NULL;
    size_t length = 0;
    EXPECT_EQ(fm_file_read(in_folder("pipe"), &text, &length, NULL), FM_OK);
    EXPECT_EQ(length, 30000);
    EXPECT(text && text[29999] == 'a' + 29999 % 26 && text[30000] == '\0');
    free(text);
    end();
}

TEST(read_says_what_is_wrong) {
    begin();
    fm_error err;
    char *text;
    size_t length;
    EXPECT_EQ(fm_file_read(in_folder("missing"), &text, &length, &err), FM_BAD);
    EXPECT_HAS(err.text, "/missing': No such file");
    EXPECT_EQ(fm_file_read(folder, &text, &length, &err), FM_BAD);
    EXPECT_HAS(err.text, "it is a folder");
    FILE *file = fopen(in_folder("hole"), "wb");
    EXPECT(file && fseek(file, (1L << 30) + 1, SEEK_SET) == 0 && fputc('x', file) == 'x');
    if (file) fclose(file);
    EXPECT_EQ(fm_file_read(in_folder("hole"), &text, &length, &err), FM_BAD);
    EXPECT_HAS(err.text, "larger than 1073741824 bytes");
    end();
}

TEST(writer_appears_when_complete) {
    begin();
    fm_error err;
    fm_writer writer;
    write_plain(in_folder("a"), "old");
    EXPECT_EQ(fm_writer_begin(&writer, in_folder("a"), &err), FM_OK);
    fputs("new", writer.file);
    fflush(writer.file);
    expect_content(in_folder("a"), "old");
    EXPECT_EQ(fm_writer_commit(&writer, &err), FM_OK);
    expect_content(in_folder("a"), "new");
    EXPECT_EQ(files_in_folder(), 1);
    end();
}

TEST(writer_abandoned) {
    begin();
    fm_error err;
    fm_writer writer;
    write_plain(in_folder("a"), "old");
    EXPECT_EQ(fm_writer_begin(&writer, in_folder("a"), &err), FM_OK);
    fputs("new", writer.file);
    fm_writer_abandon(&writer);
    fm_writer_abandon(&writer);
    expect_content(in_folder("a"), "old");
    EXPECT_EQ(files_in_folder(), 1);
    end();
}

/* /dev/full refuses every byte, as a full disk does: once when the buffer is flushed at the end, once
 * earlier. */
TEST(writer_on_a_full_disk) {
    if (access("/dev/full", W_OK) != 0) {
        EXPECT(true);
        return;
    }
    begin();
    write_plain(in_folder("a"), "old");
    for (int bytes = 10; bytes <= 1000000; bytes += 999990) {
        fm_error err;
        fm_writer writer;
        EXPECT_EQ(fm_writer_begin(&writer, in_folder("a"), &err), FM_OK);
        writer.file = freopen("/dev/full", "wb", writer.file);
        EXPECT(writer.file != NULL);
        for (int i = 0; i < bytes; i++) fputc('x', writer.file);
        EXPECT_EQ(fm_writer_commit(&writer, &err), FM_BAD);
        EXPECT_HAS(err.text, "/a': ");
        EXPECT(strstr(err.text, "No space left") || strstr(err.text, "is the disk full?"));
        expect_content(in_folder("a"), "old");
        EXPECT_EQ(files_in_folder(), 1);
    }
    end();
}

/* A write that failed on the way is remembered, though there is room again at the end. */
TEST(writer_after_a_short_write) {
    begin();
    fm_error err;
    fm_writer writer;
    struct rlimit before, small;
    EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 4096;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(fm_writer_begin(&writer, in_folder("a"), &err), FM_OK);
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 100000; i++) fputc('x', writer.file);
    fflush(writer.file);
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    EXPECT_EQ(fm_writer_commit(&writer, &err), FM_BAD);
    EXPECT_HAS(err.text, "a write failed");
    EXPECT_EQ(files_in_folder(), 0);
    end();
}

TEST(writer_refuses_bad_places) {
    begin();
    fm_error err;
    fm_writer writer;
    EXPECT_EQ(fm_writer_begin(&writer, in_folder("no/such"), &err), FM_BAD);
    EXPECT_HAS(err.text, "No such file or directory");
    EXPECT_EQ(fm_writer_begin(&writer, folder, &err), FM_BAD);
    EXPECT_HAS(err.text, "it is a folder");
    EXPECT_EQ(fm_writer_begin(&writer, "/dev/null", &err), FM_BAD);
    EXPECT_HAS(err.text, "it is a device");
    EXPECT_EQ(fm_writer_begin(&writer, "", &err), FM_BAD);
    static char longest[3000];
    memset(longest, 'a', sizeof longest - 1);
    EXPECT_EQ(fm_writer_begin(&writer, longest, &err), FM_BAD);
    EXPECT_HAS(err.text, "2999 characters");
    fm_writer_abandon(&writer);
    end();
}

TEST(folder_with_parents) {
    begin();
    fm_error err;
    EXPECT_EQ(fm_folder_make(in_folder("x//y/z/"), &err), FM_OK);
    EXPECT_EQ(fm_folder_make(in_folder("x/y/z"), &err), FM_OK);
    EXPECT(fm_file_exists(in_folder("x/y/z")));
    write_plain(in_folder("x/file"), "");
    EXPECT_EQ(fm_folder_make(in_folder("x/file/y"), &err), FM_BAD);
    EXPECT_HAS(err.text, "/x/file': it is a file");
    EXPECT_EQ(fm_folder_make("", &err), FM_BAD);
    EXPECT_EQ(fm_folder_make("/", &err), FM_OK);
    EXPECT(!fm_file_exists(in_folder("x/q")));
    static const char *const PARTS[] = {"x/file", "x/y/z", "x/y"};
    for (int i = 0; i < 3; i++) EXPECT_EQ(remove(in_folder(PARTS[i])), 0);
    end();
}

/* Runs in a child that holds the lock, or fails to; returns its process. `ready` is told when it stands. */
static pid_t lock_in_child(int ready, int hold) {
    pid_t pid = fork();
    if (pid != 0) return pid;
    fm_lock lock;
    char took = fm_lock_take(&lock, in_folder("lock"), NULL) == FM_OK;
    if (write(ready, &took, 1) != 1) _exit(1);
    while (took && hold) pause();
    fm_lock_release(&lock);
    _exit(0);
}

TEST(lock_of_one_process_until_it_dies) {
    fm_lock lock, other;
    fm_error err;
    int ready[2];
    char took = 0, words[64];
    begin();
    EXPECT(pipe(ready) == 0);
    pid_t pid = lock_in_child(ready[1], 1);
    EXPECT(read(ready[0], &took, 1) == 1 && took);
    EXPECT_EQ(fm_lock_take(&lock, in_folder("lock"), &err), FM_BAD);
    snprintf(words, sizeof words, "is locked by process %ld", (long)pid);
    EXPECT_HAS(err.text, words);
    EXPECT_EQ(lock.fd, -1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    EXPECT_EQ(files_in_folder(), 1); /* it was killed; but it does not lock */
    EXPECT_MSG(fm_lock_take(&lock, in_folder("lock"), &err) == FM_OK, "%s", err.text);
    pid = lock_in_child(ready[1], 0);
    EXPECT(read(ready[0], &took, 1) == 1 && !took);
    waitpid(pid, NULL, 0);
    EXPECT_EQ(files_in_folder(), 1);
    fm_lock_release(&lock);
    EXPECT_EQ(files_in_folder(), 0);
    EXPECT_EQ(fm_lock_take(&other, "/nowhere/lock", &err), FM_BAD);
    EXPECT_HAS(err.text, "cannot lock '/nowhere/lock': No such file");
    fm_lock_release(&other);
    close(ready[0]);
    close(ready[1]);
    end();
}

TEST_MAIN(CASE(read_whole_files), CASE(read_pipes), CASE(read_says_what_is_wrong),
          CASE(writer_appears_when_complete), CASE(writer_abandoned), CASE(writer_on_a_full_disk),
          CASE(writer_after_a_short_write), CASE(writer_refuses_bad_places), CASE(folder_with_parents),
          CASE(lock_of_one_process_until_it_dies))
