/* aborts.h: runs a function in a process of its own, to see how it ends and what it says.
 *
 *     static void broken(void) { FM_CHECK(false, "the reason"); }
 *     EXPECT_ABORTS(broken, "the reason");
 */
#ifndef TESTS_ABORTS_H
#define TESTS_ABORTS_H

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The status as waitpid gives it; what was written to the error stream (cut to fit) stands in `words`. */
static int run_apart(void (*run)(void), char *words, size_t size) {
    int ends[2], status = -1;
    words[0] = '\0';
    fflush(NULL);
    if (pipe(ends) != 0) return -1;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0}; /* an expected abort leaves no core file */
        setrlimit(RLIMIT_CORE, &none);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        run();
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    ssize_t n;
    while (used + 1 < size && (n = read(ends[0], words + used, size - 1 - used)) > 0) used += (size_t)n;
    words[used] = '\0';
    close(ends[0]);
    if (child > 0) waitpid(child, &status, 0);
    return status;
}

#define EXPECT_ABORTS(function, part)                                                                        \
    do {                                                                                                     \
        char words_[2048];                                                                                   \
        int status_ = run_apart(function, words_, sizeof words_);                                            \
        EXPECT_MSG(WIFSIGNALED(status_) && WTERMSIG(status_) == SIGABRT, "%s does not abort (status %d)",    \
                   #function, status_);                                                                      \
        EXPECT_HAS(words_, part);                                                                            \
    } while (0)

#endif
