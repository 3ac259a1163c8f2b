/* error.c: messages for people, and the one way to stop at a broken contract. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Messages quote what files hold: control characters of theirs must not reach a terminal. */
static void blank_out(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 32 ? *text != '\n' && *text != '\t' : *text == 127) *text = '?';
}

/* The words are put together beside the destination, so that err->text may itself be one of the arguments. */
static void write_message(fm_error *err, const char *format, va_list words, const char *tail) {
    char text[sizeof err->text];
    int n = vsnprintf(text, sizeof text, format, words);
    size_t head = n < 0 ? 0 : (size_t)n;
    if (head >= sizeof text) head = sizeof text - 1;
    size_t rest = strlen(tail);
    if (rest > sizeof text - 1 - head) rest = sizeof text - 1 - head;
    memcpy(text + head, tail, rest);
    text[head + rest] = '\0';
    blank_out(text);
    memcpy(err->text, text, head + rest + 1);
}

fm_status fm_fail(fm_error *err, const char *format, ...) {
    if (!err) return FM_BAD;
    va_list words;
    va_start(words, format);
    write_message(err, format, words, "");
    va_end(words);
    return FM_BAD;
}

fm_status fm_fail_in(fm_error *err, const char *format, ...) {
    if (!err) return FM_BAD;
    va_list words;
    va_start(words, format);
    write_message(err, format, words, err->text);
    va_end(words);
    return FM_BAD;
}

void fm_abort_at(const char *file, int line, const char *format, ...) {
    fprintf(stderr, "%s:%d: ", file, line);
    va_list words;
    va_start(words, format);
    vfprintf(stderr, format, words);
    va_end(words);
    fputc('\n', stderr);
    abort();
}

void fm_check_failed(const char *file, int line, const char *expression, const char *format, ...) {
    fprintf(stderr, "%s:%d: not true: %s: ", file, line, expression);
    va_list words;
    va_start(words, format);
    vfprintf(stderr, format, words);
    va_end(words);
    fputc('\n', stderr);
    abort();
}
