/* option.c: one parser, one printer and one help text for every option table.
 *
 * A value is read into a local `field` first and stored in the config only when it is right, so an error
 * changes nothing. The config is written with memcpy at the row's offset: the table and the struct are tied
 * by offsetof. */
#include "base/option.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/terminal.h"
#include "base/text.h"

#define CHOICES_MAX 64
#define SETTING_MAX (FM_TEXT_MAX + 128)

typedef union field {
    int64_t whole; /* FM_INT, FM_CHOICE */
    double real_number;
    bool truth;
    char text[FM_TEXT_MAX];
    fm_ints list;
} field;

static size_t field_size(fm_option_type type) {
    switch (type) {
    case FM_INT:
    case FM_CHOICE: return sizeof(int64_t);
    case FM_REAL: return sizeof(double);
    case FM_BOOL: return sizeof(bool);
    case FM_TEXT: return FM_TEXT_MAX;
    case FM_INTS: return sizeof(fm_ints);
    case FM_RENAMED: break;
    }
    FM_CHECK(false, "option: a field of type %d", (int)type);
    return 0;
}

static void store(const fm_option *row, void *config, const field *value) {
    memcpy((char *)config + row->offset, value, field_size(row->type));
}

static void load(const fm_option *row, const void *config, field *value) {
    memcpy(value, (const char *)config + row->offset, field_size(row->type));
}

/* "from 1 to 65536", "at least 0", ...; a bound beyond what the type can hold is no bound. */
static const char *range_text(const fm_option *row, char *text, size_t size) {
    double far = row->type == FM_REAL ? DBL_MAX : 9.2e18;
    char low[40], high[40];
    fm_text_from_real(row->min, low, sizeof low);
    fm_text_from_real(row->max, high, sizeof high);
    if (row->min <= -far && row->max >= far) fm_text_format(text, size, "any");
    else if (row->max >= far) fm_text_format(text, size, "at least %s", low);
    else if (row->min <= -far) fm_text_format(text, size, "at most %s", high);
    else fm_text_format(text, size, "from %s to %s", low, high);
    return text;
}

static fm_status out_of_range(const fm_option *row, const char *value, fm_error *err) {
    char range[96];
    return fm_fail(err, "%s: %s is out of range; expected %s%s%s", row->name, value,
                   range_text(row, range, sizeof range), *row->unit ? " " : "", row->unit);
}

static fm_status read_whole(const fm_option *row, const char *value, int64_t *whole, fm_error *err) {
    char range[96];
    if (!fm_text_to_int(value, whole))
        return fm_fail(err, "%s: '%s' is not a whole number; expected %s%s%s", row->name, value,
                       range_text(row, range, sizeof range), *row->unit ? " " : "", row->unit);
    if ((double)*whole < row->min || (double)*whole > row->max) return out_of_range(row, value, err);
    return FM_OK;
}

static fm_status read_real(const fm_option *row, const char *value, double *number, fm_error *err) {
    char range[96];
    if (!fm_text_to_real(value, number))
        return fm_fail(err, "%s: '%s' is not a number; expected %s%s%s", row->name, value,
                       range_text(row, range, sizeof range), *row->unit ? " " : "", row->unit);
    if (*number < row->min || *number > row->max) return out_of_range(row, value, err);
    return FM_OK;
}

static bool same_word(const char *a, const char *b) {
    for (; *a && *b; a++, b++)
        if ((*a >= 'A' && *a <= 'Z' ? *a - 'A' + 'a' : *a) != *b) return false;
    return *a == *b;
}

static fm_status read_truth(const fm_option *row, const char *value, bool *truth, fm_error *err) {
    static const char *const WORDS[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (!same_word(value, WORDS[i])) continue;
        *truth = i % 2 == 1;
        return FM_OK;
    }
    return fm_fail(err, "%s: '%s' is neither true nor false; expected true, yes, on, 1 or false, no, off, 0",
                   row->name, value);
}

/* Cuts a copy of the choices into words; returns how many. */
static size_t split_choices(const fm_option *row, char *copy, size_t size, const char **words) {
    fm_text_format(copy, size, "%s", row->choices);
    size_t n = 0;
    for (char *at = copy; at; n++) {
        FM_CHECK(n < CHOICES_MAX, "option %s: more than %d choices", row->name, CHOICES_MAX);
        words[n] = at;
        at = strchr(at, '|');
        if (at) *at++ = '\0';
    }
    return n;
}

static fm_status read_choice(const fm_option *row, const char *value, int64_t *position, fm_error *err) {
    char copy[FM_TEXT_MAX];
    const char *words[CHOICES_MAX];
    size_t n = split_choices(row, copy, sizeof copy, words);
    for (size_t i = 0; i < n; i++) {
        if (!fm_text_same_name(words[i], value)) continue;
        *position = (int64_t)i;
        return FM_OK;
    }
    const char *nearest = fm_text_nearest(value, words, n);
    if (nearest)
        return fm_fail(err, "%s: '%s' is not one of %s; did you mean '%s'?", row->name, value, row->choices,
                       nearest);
    return fm_fail(err, "%s: '%s' is not one of %s", row->name, value, row->choices);
}

static fm_status read_text(const fm_option *row, const char *value, char *text, fm_error *err) {
    size_t length = strlen(value);
    if (length >= FM_TEXT_MAX)
        return fm_fail(err, "%s: a text of %zu characters; at most %d are possible", row->name, length,
                       FM_TEXT_MAX - 1);
    if (strpbrk(value, "\r\n")) return fm_fail(err, "%s: the text has more than one line", row->name);
    memcpy(text, value, length + 1);
    return FM_OK;
}

/* Blanks around the numbers are allowed: config files have them. */
static fm_status read_list(const fm_option *row, const char *value, fm_ints *list, fm_error *err) {
    *list = (fm_ints){0};
    if (strcmp(value, "none") == 0) return FM_OK;
    for (const char *at = value; at;) {
        const char *comma = strchr(at, ',');
        const char *end = comma ? comma : at + strlen(at);
        while (at < end && *at == ' ') at++;
        while (end > at && end[-1] == ' ') end--;
        char item[64];
        if ((size_t)(end - at) >= sizeof item)
            return fm_fail(err, "%s: '%.32s...' is not a whole number", row->name, at);
        memcpy(item, at, (size_t)(end - at));
        item[end - at] = '\0';
        if (list->n == FM_INTS_MAX)
            return fm_fail(err, "%s: '%s' has more than %d numbers", row->name, value, FM_INTS_MAX);
        if (read_whole(row, item, &list->v[list->n], err) != FM_OK) return FM_BAD;
        list->n++;
        at = comma ? comma + 1 : NULL;
    }
    return FM_OK;
}

static fm_status read_value(const fm_option *row, const char *value, field *result, fm_error *err) {
    memset(result, 0, sizeof *result);
    switch (row->type) {
    case FM_INT: return read_whole(row, value, &result->whole, err);
    case FM_REAL: return read_real(row, value, &result->real_number, err);
    case FM_BOOL: return read_truth(row, value, &result->truth, err);
    case FM_CHOICE: return read_choice(row, value, &result->whole, err);
    case FM_TEXT: return read_text(row, value, result->text, err);
    case FM_INTS: return read_list(row, value, &result->list, err);
    case FM_RENAMED: break;
    }
    FM_CHECK(false, "option %s: type %d", row->name, (int)row->type);
    return FM_BAD;
}

void fm_options_reset(const fm_option *table, void *config) {
    for (const fm_option *row = table; row->name; row++) {
        field value;
        fm_error err;
        if (row->type == FM_RENAMED) continue;
        bool good = read_value(row, row->default_value, &value, &err) == FM_OK;
        FM_CHECK(good, "a default does not pass its own check: %s", err.text);
        store(row, config, &value);
    }
}

const fm_option *fm_options_find(const fm_option *table, const char *name) {
    for (const fm_option *row = table; row->name; row++)
        if (row->type != FM_RENAMED && fm_text_same_name(row->name, name)) return row;
    return NULL;
}

const char *fm_options_renamed(const fm_option *table, const char *name) {
    for (const fm_option *row = table; row->name; row++)
        if (row->type == FM_RENAMED && fm_text_same_name(row->name, name)) return row->default_value;
    return NULL;
}

static fm_status unknown_key(const fm_option *table, const char *key, fm_error *err) {
    const char *nearest = NULL;
    char known[700] = "";
    size_t used = 0;
    const char *now = fm_options_renamed(table, key);
    if (now) return fm_fail(err, "'%s' is now '%s'", key, now);
    for (const fm_option *row = table; row->name; row++) {
        if (row->type == FM_RENAMED) continue;
        const char *pair[2] = {nearest, row->name};
        nearest = fm_text_nearest(key, pair, 2);
        int n = snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", row->name);
        if (n > 0 && used + (size_t)n < sizeof known) used += (size_t)n;
        else known[used] = '\0';
    }
    if (nearest) return fm_fail(err, "unknown option '%s'; did you mean '%s'?", key, nearest);
    return fm_fail(err, "unknown option '%s'; known are: %s", key, *known ? known : "none");
}

static fm_status read_setting(const fm_option *table, const char *key, const char *value,
                              const fm_option **row, field *result, fm_error *err) {
    *row = fm_options_find(table, key);
    if (!*row) return unknown_key(table, key, err);
    return read_value(*row, value, result, err);
}

fm_status fm_options_set(const fm_option *table, void *config, const char *key, const char *value,
                         fm_error *err) {
    const fm_option *row;
    field result;
    if (read_setting(table, key, value, &row, &result, err) != FM_OK) return FM_BAD;
    store(row, config, &result);
    return FM_OK;
}

/* Reads every setting; stores them when the config is given. */
static fm_status walk_settings(const fm_option *table, void *config, const char *settings, fm_error *err) {
    static const char BLANKS[] = " \t\r\n";
    for (const char *at = settings + strspn(settings, BLANKS); *at; at += strspn(at, BLANKS)) {
        size_t length = strcspn(at, BLANKS);
        char pair[SETTING_MAX];
        if (length >= sizeof pair) return fm_fail(err, "the setting '%.60s...' is too long", at);
        memcpy(pair, at, length);
        pair[length] = '\0';
        at += length;
        char *equals = strchr(pair, '=');
        if (!equals || equals == pair) return fm_fail(err, "'%s' is not a setting; expected key=value", pair);
        *equals = '\0';
        const fm_option *row;
        field result;
        if (read_setting(table, pair, equals + 1, &row, &result, err) != FM_OK) return FM_BAD;
        if (config) store(row, config, &result);
    }
    return FM_OK;
}

/* Two passes: all settings are right, or none is applied. */
fm_status fm_options_apply(const fm_option *table, void *config, const char *settings, fm_error *err) {
    if (!settings) return FM_OK;
    if (walk_settings(table, NULL, settings, err) != FM_OK) return FM_BAD;
    return walk_settings(table, config, settings, err);
}

static void format_list(const fm_ints *list, char *text, size_t size) {
    FM_CHECK(list->n >= 0 && list->n <= FM_INTS_MAX, "option: a list of %lld numbers", (long long)list->n);
    if (list->n == 0) fm_text_format(text, size, "none");
    for (size_t i = 0, used = 0; i < (size_t)list->n; i++, used += strlen(text + used))
        fm_text_format(text + used, size - used, "%s%lld", i ? "," : "", (long long)list->v[i]);
}

char *fm_option_format(const fm_option *row, const void *config, char *text, size_t size) {
    field value;
    char copy[FM_TEXT_MAX];
    const char *words[CHOICES_MAX];
    size_t n;
    load(row, config, &value);
    switch (row->type) {
    case FM_INT: fm_text_format(text, size, "%lld", (long long)value.whole); break;
    case FM_REAL: fm_text_from_real(value.real_number, text, size); break;
    case FM_BOOL: fm_text_format(text, size, "%s", value.truth ? "true" : "false"); break;
    case FM_CHOICE:
        n = split_choices(row, copy, sizeof copy, words);
        FM_CHECK(value.whole >= 0 && (size_t)value.whole < n, "option %s: choice %lld of %zu", row->name,
                 (long long)value.whole, n);
        fm_text_format(text, size, "%s", words[value.whole]);
        break;
    case FM_TEXT: fm_text_format(text, size, "%s", value.text); break;
    case FM_INTS: format_list(&value.list, text, size); break;
    case FM_RENAMED: break;
    }
    return text;
}

void fm_options_write(const fm_option *table, const void *config, FILE *out) {
    char text[FM_TEXT_MAX];
    for (const fm_option *row = table; row->name; row++)
        if (row->type != FM_RENAMED)
            fprintf(out, "%s = %s\n", row->name, fm_option_format(row, config, text, sizeof text));
}

static bool is_on(const fm_option *row, const char *value) {
    bool truth = false;
    return read_truth(row, value, &truth, NULL) == FM_OK && truth;
}

/* "--steps 300" or "hidden=32,32"; returns the columns that it takes. A flag that is off is written as it is
 * switched on. */
static int put_typed(const fm_option *row, const void *config, fm_help_form form, FILE *out) {
    char text[FM_TEXT_MAX];
    const char *value = config ? fm_option_format(row, config, text, sizeof text) : row->default_value;
    if (form == FM_HELP_SETTINGS) return fprintf(out, "  %s=%s", row->name, *value ? value : "...");
    if (row->type == FM_BOOL && !is_on(row, value)) return fprintf(out, "  --%s", row->name);
    return fprintf(out, "  --%s %s", row->name, *value ? value : "...");
}

void fm_options_help(const fm_option *table, const void *config, fm_help_form form, FILE *out) {
    size_t width = fm_terminal_reading(out);
    for (const fm_option *row = table; row->name; row++) {
        char range[FM_TEXT_MAX] = "", words[2 * FM_TEXT_MAX];
        if (row->type == FM_RENAMED) continue;
        if (row->type == FM_CHOICE) fm_text_format(range, sizeof range, "%s", row->choices);
        else if (row->type == FM_BOOL && form == FM_HELP_SETTINGS)
            fm_text_format(range, sizeof range, "true|false");
        else if (row->type != FM_TEXT && row->type != FM_BOOL) range_text(row, range, sizeof range);
        const char *gap = *range && *row->unit ? " " : "";
        bool brackets = *range || *row->unit;
        fm_text_format(words, sizeof words, "%s%s%s %s%s%s%s%s", row->doc, *row->symbol ? ", " : "",
                       row->symbol, brackets ? "(" : "", range, gap, row->unit, brackets ? ")" : "");
        size_t used = (size_t)put_typed(row, config, form, out);
        if (used >= FM_HELP_DOC) used = fputc('\n', out) == EOF;
        fm_text_wrap(out, words, used, FM_HELP_DOC, width);
    }
}
