/* test_base_terminal.c: how wide the terminal is, on a real one and without. */
#define _XOPEN_SOURCE 700 /* posix_openpt */
#include "tests/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/terminal.h"

/* A terminal of that many columns, or NULL when the system has none to give; *other is its other end. */
static FILE *terminal(unsigned short columns, int *other) {
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    *other = posix_openpt(O_RDWR | O_NOCTTY);
    if (*other < 0 || grantpt(*other) != 0 || unlockpt(*other) != 0) return NULL;
    FILE *file = fopen(ptsname(*other), "r+");
    if (file && ioctl(fileno(file), TIOCSWINSZ, &size) != 0) EXPECT_MSG(false, "TIOCSWINSZ failed");
    return file;
}

TEST(terminal_without_one_there_are_80) {
    FILE *file = tmpfile();
    unsetenv("COLUMNS");
    EXPECT_EQ(fm_terminal_columns(file), 80);
    EXPECT_EQ(fm_terminal_reading(file), 80);
    fclose(file);
}

TEST(terminal_says_how_wide_it_is) {
    int other;
    unsetenv("COLUMNS");
    FILE *file = terminal(132, &other);
    EXPECT_MSG(file != NULL || other < 0, "no terminal, though there are some");
    if (!file) return;
    EXPECT_EQ(fm_terminal_columns(file), 132);
    EXPECT_EQ(fm_terminal_reading(file), 100);
    setenv("COLUMNS", "61", 1);
    EXPECT_EQ(fm_terminal_columns(file), 61);
    fclose(file);
    close(other);
    file = terminal(0, &other); /* a serial line does not know */
    unsetenv("COLUMNS");
    EXPECT_EQ(file ? fm_terminal_columns(file) : 80, 80);
    if (file) fclose(file);
    close(other);
}

TEST(terminal_columns_may_be_said) {
    static const struct { const char *said; size_t columns; } CASES[] = {
        {"60", 60}, {"200", 200}, {"3", FM_TERMINAL_LEAST}, {"0", 80}, {"-5", 80}, {"wide", 80}, {"", 80}};
    FILE *file = tmpfile();
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        setenv("COLUMNS", CASES[i].said, 1);
        EXPECT_MSG(fm_terminal_columns(file) == CASES[i].columns, "'%s': %zu", CASES[i].said,
                   fm_terminal_columns(file));
    }
    unsetenv("COLUMNS");
    fclose(file);
}

TEST_MAIN(CASE(terminal_without_one_there_are_80), CASE(terminal_says_how_wide_it_is),
          CASE(terminal_columns_may_be_said))
