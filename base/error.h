/* error.h: the three kinds of error, never mixed.
 *
 * 1. A programmer's error (a broken contract) stops the program at once: FM_CHECK and its relatives, active
 *    in every build, print the expression, the values, file and line, then abort.
 * 2. An error of the user or of the world (an option, a file, a full disk) is a value: the function returns
 *    FM_BAD and leaves in an `fm_error` a message saying what was wrong, where, and what was expected. The
 *    library never exits.
 * 3. A numerical error (a NaN in a loss) is found by the guards of the training loop, which name the first
 *    tensor that went wrong; it travels as kind 2.
 *
 * Example (compiled by the tests):
 *
 *     #include <stdio.h>
 *     #include "base/file.h"
 *     fm_error err;
 *     char *text;
 *     size_t length;
 *     if (fm_file_read("no-such-game.nfg", &text, &length, &err) != FM_OK) fprintf(stderr, "%s\n", err.text);
 */
#ifndef FM_ERROR_H
#define FM_ERROR_H

#include <stddef.h>

#if defined(__GNUC__)
#define FM_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#define FM_NORETURN __attribute__((noreturn))
#else
#define FM_PRINTF(format_at, first_at)
#define FM_NORETURN
#endif

/* The result of anything that depends on the outside world. FM_BAD is also the exit status of a program so
 * ended. */
typedef enum fm_status { FM_OK = 0, FM_BAD = 2 } fm_status;

/* One message for a person, without a trailing newline. The caller owns the struct; it needs no
 * initialisation. */
typedef struct fm_error {
    char text[1024];
} fm_error;

/* Writes the message (cut to fit) and returns FM_BAD, so that a function can end with `return fm_fail(err,
 * ...)`. `err` may be NULL when the caller does not want the words. */
fm_status fm_fail(fm_error *err, const char *format, ...) FM_PRINTF(2, 3);

/* Puts words before a message that a deeper function wrote ("game.nfg: " + "line 3: ..."). Returns FM_BAD. */
fm_status fm_fail_in(fm_error *err, const char *format, ...) FM_PRINTF(2, 3);

/* Aborts with a message; reached through the macros below. */
void fm_abort_at(const char *file, int line, const char *format, ...) FM_PRINTF(3, 4) FM_NORETURN;

/* FM_CHECK(index < count, "replay: index %zu of %zu", index, count); the message is required. */
#define FM_CHECK(condition, ...)                                                                             \
    do {                                                                                                     \
        if (!(condition)) fm_check_failed(__FILE__, __LINE__, #condition, __VA_ARGS__);                      \
    } while (0)

/* FM_CHECK_EQ(rows, n): whole numbers; prints both expressions and both values. */
#define FM_CHECK_EQ(a, b)                                                                                    \
    do {                                                                                                     \
        long long fm_a_ = (long long)(a), fm_b_ = (long long)(b);                                            \
        if (fm_a_ != fm_b_) fm_abort_at(__FILE__, __LINE__, "%s == %s: %lld != %lld", #a, #b, fm_a_, fm_b_); \
    } while (0)

void fm_check_failed(const char *file, int line, const char *expression, const char *format, ...)
    FM_PRINTF(4, 5) FM_NORETURN;

#endif
