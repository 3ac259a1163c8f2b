/* option.h: one table row per option drives parsing, --help, validation, the saved config and the docs.
 *
 * Example (compiled by the tests):
 *
 *     typedef struct config { int64_t batch; double epsilon; int64_t loss; } config;
 *     enum { LOSS_MSE, LOSS_HUBER };
 *     static const fm_option OPTIONS[] = {
 *         FM_OPT_INT(config, batch, "512", 1, 65536, "transitions", "minibatch size", "B"),
 *         FM_OPT_REAL(config, epsilon, "0.1", 0, 1, "", "chance of a random joint action", "eps"),
 *         FM_OPT_CHOICE(config, loss, "mse", "mse|huber", "loss of the critics", ""),
 *         FM_OPT_END,
 *     };
 *     config c;
 *     fm_error err;
 *     fm_options_reset(OPTIONS, &c);
 *     if (fm_options_set(OPTIONS, &c, "batch", "64", &err) != FM_OK) fprintf(stderr, "%s\n", err.text);
 *     if (c.batch != 64 || c.loss != LOSS_MSE) return 1;
 *
 * A table is an array ended by a row whose name is NULL. Derived values are never options. A name that an
 * option once had is a row too, FM_OPT_RENAMED("minibatch", "batch"): whoever still writes it is told the
 * new one. In names - and _ are the same. */
#ifndef FM_OPTION_H
#define FM_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* How the field is stored, and how its text is read. */
typedef enum fm_option_type {
    FM_INT,    /* int64_t; also 1e5, 20k and 3M are read */
    FM_REAL,   /* double, finite */
    FM_BOOL,   /* bool; true|false, yes|no, on|off, 1|0 */
    FM_CHOICE, /* int64_t: the position in `choices`, whose words are separated by | */
    FM_TEXT,   /* char[FM_TEXT_MAX] */
    FM_INTS,   /* fm_ints: whole numbers separated by commas, each within the range; "none": no number */
    FM_RENAMED /* no field: a former name of the option that default_value names */
} fm_option_type;

#define FM_TEXT_MAX 512
#define FM_INTS_MAX 16

typedef struct fm_ints {
    int64_t n;
    int64_t v[FM_INTS_MAX];
} fm_ints;

typedef struct fm_option {
    const char *name;
    fm_option_type type;
    size_t offset;             /* of the field in the config struct */
    const char *default_value; /* as text; is read by the same parser as the user's */
    double min, max;           /* inclusive range of numbers */
    const char *choices;       /* FM_CHOICE only */
    const char *unit;          /* "" when it has none */
    const char *doc;           /* one line */
    const char *symbol;        /* the paper's symbol, "" when it has none */
} fm_option;

#define FM_OPT_INT(config, field, value, low, high, unit, doc, symbol)                                       \
    { #field, FM_INT, offsetof(config, field), value, low, high, NULL, unit, doc, symbol }
#define FM_OPT_REAL(config, field, value, low, high, unit, doc, symbol)                                      \
    { #field, FM_REAL, offsetof(config, field), value, low, high, NULL, unit, doc, symbol }
#define FM_OPT_BOOL(config, field, value, doc, symbol)                                                       \
    { #field, FM_BOOL, offsetof(config, field), value, 0, 0, NULL, "", doc, symbol }
#define FM_OPT_CHOICE(config, field, value, words, doc, symbol)                                              \
    { #field, FM_CHOICE, offsetof(config, field), value, 0, 0, words, "", doc, symbol }
#define FM_OPT_TEXT(config, field, value, doc)                                                               \
    { #field, FM_TEXT, offsetof(config, field), value, 0, 0, NULL, "", doc, "" }
#define FM_OPT_INTS(config, field, value, low, high, unit, doc, symbol)                                      \
    { #field, FM_INTS, offsetof(config, field), value, low, high, NULL, unit, doc, symbol }
#define FM_OPT_RENAMED(before, now)                                                                          \
    { before, FM_RENAMED, 0, now, 0, 0, NULL, "", "", "" }
#define FM_OPT_END                                                                                           \
    { NULL, FM_INT, 0, NULL, 0, 0, NULL, NULL, NULL, NULL }

/* Writes every default into the config. Aborts when a default does not pass its own check. */
void fm_options_reset(const fm_option *table, void *config);

/* Row of that name, or NULL; former names are not found. */
const fm_option *fm_options_find(const fm_option *table, const char *name);

/* What an option of that former name is called now, or NULL. */
const char *fm_options_renamed(const fm_option *table, const char *name);

/* Reads `value` into the field named `key`. Errors: a former name (the present one is said), an unknown key
 * (the nearest one is named), text that is not of the type, a number outside the range (the range is
 * printed). The config is unchanged on error. */
fm_status fm_options_set(const fm_option *table, void *config, const char *key, const char *value,
                         fm_error *err);

/* Applies "key=value key=value ..." (separated by spaces; values without spaces). NULL and "" do nothing. */
fm_status fm_options_apply(const fm_option *table, void *config, const char *settings, fm_error *err);

/* The value of one field as text that fm_options_set reads back to the same bits. Returns `text`. */
char *fm_option_format(const fm_option *row, const void *config, char *text, size_t size);

/* "key = value" lines for config.ini, in table order. */
void fm_options_write(const fm_option *table, const void *config, FILE *out);

#define FM_HELP_DOC 27 /* the column of a help text at which an option's words begin */

/* How an option is typed: "--steps 300" (and "--quiet" alone, when it is false), or "hidden=32,32". */
typedef enum fm_help_form { FM_HELP_FLAGS, FM_HELP_SETTINGS } fm_help_form;

/* A help text as wide as a person can read where the stream leads: each option as it is typed, with the value
 * in use (the default when config is NULL; ... stands for a text that is empty), its doc, symbol, range or
 * choices, and unit. */
void fm_options_help(const fm_option *table, const void *config, fm_help_form form, FILE *out);

#endif
