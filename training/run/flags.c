/* flags.c: see flags.h. */
#include "training/run/flags.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/terminal.h"
#include "base/text.h"

#define NAMES_MAX 64
#define NAME_MAX_LENGTH 64

static const flag_text *find_text(const flags *f, const char *name) {
    for (const flag_text *row = f->texts; row && row->name; row++)
        if (fm_text_same_name(row->name, name)) return row;
    return NULL;
}

static fm_status unknown_flag(const flags *f, const char *name, fm_error *err) {
    const char *names[NAMES_MAX];
    size_t n = 0;
    const char *now = fm_options_renamed(f->options, name);
    if (now) return fm_fail(err, "'--%s' is now '--%s'", name, now);
    if (f->explain && f->explain(name, err)) return FM_BAD;
    for (const fm_option *row = f->options; row->name && n < NAMES_MAX; row++)
        if (row->type != FM_RENAMED) names[n++] = row->name;
    for (const flag_text *row = f->texts; row && row->name && n < NAMES_MAX; row++) names[n++] = row->name;
    const char *nearest = fm_text_nearest(name, names, n);
    if (nearest) return fm_fail(err, "unknown flag '--%s'; did you mean '--%s'?", name, nearest);
    return fm_fail(err, "unknown flag '--%s'; --help lists them", name);
}

/* "--some-name=value" -> "some_name"; what is too long for a name is cut, and then unknown. */
static void read_name(const char *word, char *name) {
    size_t length = strcspn(word, "=");
    if (length >= NAME_MAX_LENGTH) length = NAME_MAX_LENGTH - 1;
    memcpy(name, word, length);
    name[length] = '\0';
    for (char *c = name; *c; c++)
        if (*c == '-') *c = '_';
}

static void add_given(flags *f, const char *name, const char *value, const fm_option *option) {
    f->given[f->given_count++] = (flag_given){name, value, option};
}

static fm_status take_flag(flags *f, int argc, char *const *argv, int *at, fm_error *err) {
    const char *word = argv[(*at)++], *equals = strchr(word, '='), *value = equals ? equals + 1 : NULL;
    char name[NAME_MAX_LENGTH];
    read_name(strcmp(word, "-h") == 0 ? "help" : word + 2, name);
    const fm_option *row = fm_options_find(f->options, name);
    const flag_text *text = find_text(f, name);
    if (!row && !text) return unknown_flag(f, name, err);
    if (!value && row && row->type == FM_BOOL) value = "true";
    if (!value && *at < argc && strncmp(argv[*at], "--", 2) != 0) value = argv[(*at)++];
    if (!value) return fm_fail(err, "--%s: its value is missing", name);
    if (row) {
        add_given(f, row->name, value, row);
        return fm_options_set(f->options, f->config, name, value, err) == FM_OK ? FM_OK
                                                                                : fm_fail_in(err, "--");
    }
    add_given(f, text->name, value, NULL);
    while (text->pairs && *at < argc && argv[*at][0] != '-' && strchr(argv[*at], '='))
        add_given(f, text->name, argv[(*at)++], NULL);
    return FM_OK;
}

fm_status flags_parse(flags *f, int argc, char *const *argv, fm_error *err) {
    size_t room = argc > 0 ? (size_t)argc : 1;
    f->words = fm_new(room, sizeof *f->words);
    f->given = fm_new(room, sizeof *f->given);
    f->words_count = f->given_count = 0;
    fm_options_reset(f->options, f->config);
    for (int at = 0; at < argc;) {
        const char *word = argv[at];
        if ((strncmp(word, "--", 2) == 0 && word[2]) || strcmp(word, "-h") == 0) {
            if (take_flag(f, argc, argv, &at, err) != FM_OK) return FM_BAD;
        } else if (word[0] == '-' || !f->word) {
            return fm_fail(err, "unexpected '%s'; expected %s%s--flag value, and --help lists the flags",
                           word, f->word ? f->word : "", f->word ? " or " : "");
        } else {
            f->words[f->words_count++] = word;
            at++;
        }
    }
    return FM_OK;
}

const char *flags_text(const flags *f, const char *name) {
    for (size_t i = f->given_count; i > 0; i--)
        if (strcmp(f->given[i - 1].name, name) == 0) return f->given[i - 1].value;
    return NULL;
}

void flag_texts_help(const flag_text *texts, FILE *out) {
    for (const flag_text *row = texts; row && row->name; row++) {
        int used = fprintf(out, "  --%s %s", row->name, row->form);
        fm_text_wrap(out, row->doc, (size_t)used, FM_HELP_DOC, fm_terminal_reading(out));
    }
}

void flags_help(const flags *f, FILE *out) {
    flag_texts_help(f->texts, out);
    fm_options_help(f->options, NULL, FM_HELP_FLAGS, out);
}

void flags_free(flags *f) {
    free(f->words);
    free(f->given);
    f->words = NULL;
    f->given = NULL;
    f->words_count = f->given_count = 0;
}
