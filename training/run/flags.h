/* flags.h: the command line of a program with few flags: an option table, texts of any length, and plain
 * words.
 *
 * Example (compiled by the tests):
 *
 *     typedef struct config { int64_t episodes; bool csv, help; } config;
 *     static const fm_option OPTIONS[] = {
 *         FM_OPT_INT(config, episodes, "1", 1, 1000, "", "how many", ""),
 *         FM_OPT_BOOL(config, csv, "false", "a table", ""),
 *         FM_OPT_BOOL(config, help, "false", "this text", ""),
 *         FM_OPT_END,
 *     };
 *     config c;
 *     fm_error err;
 *     char *words[] = {"runs/mine", "--episodes", "3", "--csv"};        // argv + 1
 *     flags now = {.options = OPTIONS, .config = &c, .word = "FOLDER"};
 *     if (flags_parse(&now, 4, words, &err) != FM_OK) return 1;
 *     if (!c.csv || c.episodes != 3 || now.words_count != 1) return 1;
 *     flags_free(&now);
 *
 * A flag is --name VALUE or --name=VALUE, with - or _ between words; a bool needs no value. Words with an =
 * behind a text that takes pairs belong to it too: --set rate=1 size=2. */
#ifndef TRAINING_FLAGS_H
#define TRAINING_FLAGS_H

#include "base/option.h"

/* A flag whose value is text of any length, and which may be repeated. */
typedef struct flag_text { const char *name, *form, *doc; bool pairs; } flag_text;

/* One that was given. Borrowed from argv and the tables. `option` is NULL for a text. */
typedef struct flag_given { const char *name, *value; const fm_option *option; } flag_given;

typedef struct flags {
    const fm_option *options; /* all are flags */
    void *config;             /* filled: defaults, then what was given */
    const flag_text *texts;   /* ended by a row without name, or NULL */
    const char *word;         /* what a plain word stands for, for messages; NULL: none is expected */
    /* Optional: what an unknown flag of that name may be instead; returns false when it cannot say. */
    bool (*explain)(const char *name, fm_error *err);
    /* Found, in order. */
    const char **words;
    size_t words_count;
    flag_given *given;
    size_t given_count;
} flags;

/* Errors: an unknown flag (its present name, or the nearest), a missing or wrong value, an unexpected word.
 * Free the flags in every case. */
fm_status flags_parse(flags *f, int argc, char *const *argv, fm_error *err);

/* The last value given for a text, or NULL. */
const char *flags_text(const flags *f, const char *name);

/* The lines of flags that have texts alone. */
void flag_texts_help(const flag_text *texts, FILE *out);

/* A line per flag, with defaults. */
void flags_help(const flags *f, FILE *out);

void flags_free(flags *f);

#endif
