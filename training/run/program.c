/* program.c: see program.h. */
#include "training/run/program.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/terminal.h"
#include "base/text.h"

static const char *const PROGRAMS[] = {"train", "play", "solve", "reproduce", "bench"};
#define COUNT (sizeof PROGRAMS / sizeof *PROGRAMS)

/* What stands before every program's plain name, in prefix_length bytes of how this one was called. */
static const char *name = "firstmover", *prefix = "./";
static size_t prefix_length = 2;

void program_begin(const char *called, const char *plain) {
    size_t whole = called ? strlen(called) : 0, tail = strlen(plain);
    const char *slash = called ? strrchr(called, '/') : NULL;
    name = slash && slash[1] ? slash + 1 : whole > 0 ? called : plain;
    prefix = called;
    prefix_length = whole >= tail && strcmp(called + whole - tail, plain) == 0 ? whole - tail : 0;
}

const char *program_name(void) { return name; }

static bool is_next_to(char c, const char *characters) { return c == '\0' || strchr(characters, c); }

/* Which program "./NAME" at this place of the text names, or NULL. */
static const char *named_at(const char *text, const char *at) {
    if (strncmp(at, "./", 2) != 0 || (at > text && !is_next_to(at[-1], " (\n"))) return NULL;
    for (size_t i = 0; i < COUNT; i++) {
        size_t length = strlen(PROGRAMS[i]);
        if (strncmp(at + 2, PROGRAMS[i], length) == 0 && is_next_to(at[2 + length], " ,;:.)\n"))
            return PROGRAMS[i];
    }
    return NULL;
}

/* How a program is called here, as a shell reads it. */
static void put_call(const char *program, FILE *out) {
    size_t bytes = prefix_length + strlen(program) + 1, size = 4 * bytes + 3; /* a quote becomes four bytes */
    char *call = fm_new(1, bytes), *word = fm_new(1, size);
    snprintf(call, bytes, "%.*s%s", (int)prefix_length, prefix ? prefix : "", program);
    fputs(fm_text_quoted(call, word, size), out);
    free(call);
    free(word);
}

char *program_words(const char *text) {
    char *words = NULL;
    size_t size;
    FILE *memory = fm_memory_open(&words, &size);
    for (const char *at = text; *at; at++) {
        const char *program = named_at(text, at);
        if (!program) {
            fputc(*at, memory);
            continue;
        }
        put_call(program, memory);
        at += strlen(program) + 1;
    }
    fm_memory_close(memory);
    return words;
}

void program_print(FILE *out, const char *text) {
    char *words = program_words(text);
    fm_text_lines(out, words, fm_terminal_reading(out));
    free(words);
}

fm_status program_fail(const fm_error *err) {
    char *words = program_words(err->text);
    fprintf(stderr, "%s: %s\n", name, words);
    free(words);
    return FM_BAD;
}

int program_end(int status) {
    fm_error err;
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    fm_fail(&err, "cannot write to the standard output: %s", strerror(errno));
    return (int)program_fail(&err);
}
