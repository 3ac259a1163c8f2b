/* text.c: numbers as people write them, whatever the locale; names as people misspell them. */
#include "base/text.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define NEAREST_MAX 96 /* longer names are not compared */

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static size_t min_size(size_t a, size_t b) { return a < b ? a : b; }

/* Insertions, deletions, replacements and swaps of neighbours [Damerau 1964], three rows of the table at a
 * time. */
static size_t edit_distance(const char *a, size_t n, const char *b, size_t m) {
    size_t rows[3][NEAREST_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= m; j++) above[j] = before[j] = j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            char x = lower(a[i - 1]), y = lower(b[j - 1]);
            row[j] = min_size(above[j - 1] + (x != y), min_size(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2]))
                row[j] = min_size(row[j], before[j - 2] + 1);
        }
        size_t *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above[m];
}

bool fm_text_same_name(const char *a, const char *b) {
    for (; *a && *b; a++, b++)
        if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b)) return false;
    return *a == *b;
}

/* A slip changes at most a third of the word, and leaves some of it. */
const char *fm_text_nearest(const char *name, const char *const *candidates, size_t n) {
    const char *best = NULL;
    size_t best_distance = 0, length = strlen(name);
    if (length > NEAREST_MAX) return NULL;
    for (size_t i = 0; i < n; i++) {
        if (!candidates[i]) continue;
        size_t other = strlen(candidates[i]);
        if (other > NEAREST_MAX) continue;
        size_t longer = length > other ? length : other;
        size_t distance = edit_distance(name, length, candidates[i], other);
        if (distance > (longer + 2) / 3 || distance >= min_size(length, other)) continue;
        if (best && distance >= best_distance) continue;
        best = candidates[i];
        best_distance = distance;
    }
    return best;
}

/* The parts of a decimal; the pointers point into the text. */
typedef struct decimal {
    bool negative;
    const char *whole, *fraction;
    size_t whole_digits, fraction_digits;
    int exponent;
    const char *end;
} decimal;

static size_t count_digits(const char *text) {
    size_t n = 0;
    while (is_digit(text[n])) n++;
    return n;
}

/* [+-] digits [. digits] [e [+-] digits], at least one digit before the exponent. The exponent saturates far
 * beyond the range of any number that fits into FM_TEXT_NUMBER_MAX characters. */
static bool read_decimal(const char *text, decimal *d) {
    *d = (decimal){0};
    d->negative = *text == '-';
    if (*text == '-' || *text == '+') text++;
    d->whole = text;
    d->whole_digits = count_digits(text);
    text += d->whole_digits;
    d->fraction = text;
    if (*text == '.') {
        d->fraction = text + 1;
        d->fraction_digits = count_digits(d->fraction);
        text = d->fraction + d->fraction_digits;
    }
    if (d->whole_digits + d->fraction_digits == 0) return false;
    if (*text == 'e' || *text == 'E') {
        bool down = text[1] == '-';
        text += text[1] == '-' || text[1] == '+' ? 2 : 1;
        if (!is_digit(*text)) return false;
        for (; is_digit(*text); text++)
            if (d->exponent < 100000) d->exponent = d->exponent * 10 + (*text - '0');
        if (down) d->exponent = -d->exponent;
    }
    d->end = text;
    return true;
}

/* strtod rounds correctly but expects the decimal point of the locale, so it is given that. */
bool fm_text_to_real(const char *text, double *value) {
    decimal d;
    size_t length = strlen(text);
    if (length > FM_TEXT_NUMBER_MAX || !read_decimal(text, &d) || *d.end != '\0') return false;
    const char *point = localeconv()->decimal_point;
    char local[FM_TEXT_NUMBER_MAX + 64];
    const char *dot = strchr(text, '.');
    if (dot && strlen(point) < 32)
        snprintf(local, sizeof local, "%.*s%s%s", (int)(dot - text), text, point, dot + 1);
    else
        memcpy(local, text, length + 1);
    char *end;
    double result = strtod(local, &end);
    if (*end != '\0' || !isfinite(result)) return false;
    *value = result;
    return true;
}

/* Multiplies by ten and adds a digit; false when the result passes the limit. */
static bool push_digit(uint64_t *x, uint64_t digit, uint64_t limit) {
    if (*x > (limit - digit) / 10) return false;
    *x = *x * 10 + digit;
    return true;
}

/* Exact: no step goes through a double, so 9007199254740993 and 1.5k are read as written. */
bool fm_text_to_int(const char *text, int64_t *value) {
    decimal d;
    if (strlen(text) > FM_TEXT_NUMBER_MAX || !read_decimal(text, &d)) return false;
    const char *end = d.end;
    if (*end == 'k' || *end == 'K') d.exponent += 3, end++;
    else if (*end == 'm' || *end == 'M') d.exponent += 6, end++;
    if (*end != '\0') return false;

    const uint64_t limit = (uint64_t)INT64_MAX + (d.negative ? 1 : 0);
    const long total = (long)(d.whole_digits + d.fraction_digits);
    const long whole = (long)d.whole_digits + d.exponent; /* how many of the digits stand before the point */
    uint64_t x = 0;
    for (long i = 0; i < total || i < whole; i++) {
        char c = '0';
        if (i < (long)d.whole_digits) c = d.whole[i];
        else if (i < total) c = d.fraction[i - (long)d.whole_digits];
        if (i >= whole && c != '0') return false;
        if (i >= whole || (x == 0 && c == '0')) continue;
        if (!push_digit(&x, (uint64_t)(c - '0'), limit)) return false;
    }
    *value = d.negative ? (x > (uint64_t)INT64_MAX ? INT64_MIN : -(int64_t)x) : (int64_t)x;
    return true;
}

/* 17 digits always read back [Steele 1990]; 15 always suffice for a number that was written with 15. Only the
 * subnormal numbers hold fewer. */
char *fm_text_from_real(double value, char *text, size_t size) {
    if (isnan(value) || isinf(value)) {
        fm_text_format(text, size, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return text;
    }
    char local[64];
    const char *point = localeconv()->decimal_point;
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(local, sizeof local, "%.*g", digits, value);
        char *at = strcmp(point, ".") == 0 ? NULL : strstr(local, point);
        if (at) {
            *at = '.';
            memmove(at + 1, at + strlen(point), strlen(at + strlen(point)) + 1);
        }
        double again;
        if (fm_text_to_real(local, &again) && again == value) break;
    }
    fm_text_format(text, size, "%s", local);
    return text;
}

char *fm_text_grouped(int64_t value, char *text, size_t size) {
    char digits[32], out[48];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)value);
    size_t used = 0;
    for (int i = 0; i < n; i++) {
        out[used++] = digits[i];
        if (is_digit(digits[i]) && i + 1 < n && (n - 1 - i) % 3 == 0) out[used++] = ',';
    }
    out[used] = '\0';
    fm_text_format(text, size, "%s", out);
    return text;
}

void fm_text_format(char *text, size_t size, const char *format, ...) {
    va_list words;
    va_start(words, format);
    int n = vsnprintf(text, size, format, words);
    va_end(words);
    FM_CHECK(n >= 0 && (size_t)n < size, "\"%s...\" needs %d bytes, there are %zu", size > 0 ? text : "",
             n + 1, size);
}

char *fm_text_quoted(const char *word, char *text, size_t size) {
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:@%/";
    if (*word && strspn(word, PLAIN) == strlen(word)) {
        snprintf(text, size, "%s", word);
        return text;
    }
    size_t used = (size_t)snprintf(text, size, "'");
    for (; *word && used < size; word++)
        used += (size_t)snprintf(text + used, size - used, *word == '\'' ? "'\\''" : "%c", *word);
    if (used < size) snprintf(text + used, size - used, "'");
    return text;
}

/* Of the first `length` bytes. */
static size_t columns_of(const char *text, size_t length) {
    size_t n = 0;
    for (size_t i = 0; i < length; i++) n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

size_t fm_text_columns(const char *text) { return columns_of(text, strlen(text)); }

/* Bytes of the next word, or, where that is longer than a line, of its first parts, which end with '|'. */
static size_t piece_of(const char *words, size_t room) {
    const size_t whole = strcspn(words, " ");
    size_t piece = whole;
    if (columns_of(words, whole) <= room) return whole;
    for (size_t i = 1; i < whole; i++)
        if (words[i - 1] == '|' && (piece == whole || columns_of(words, i) <= room)) piece = i;
    return piece;
}

void fm_text_wrap(FILE *out, const char *words, size_t used, size_t at, size_t width) {
    for (words += strspn(words, " "); *words; words += strspn(words, " ")) {
        size_t length = piece_of(words, width > at ? width - at : 0), columns = columns_of(words, length);
        if (used > at && used + 1 + columns > width) {
            fputc('\n', out);
            used = 0;
        }
        size_t blanks = used < at ? at - used : used > at ? 1 : 0;
        fprintf(out, "%*s%.*s", (int)blanks, "", (int)length, words);
        used += blanks + columns;
        words += length;
    }
    fputc('\n', out);
}

#define HANG 4       /* where a beginning leaves no room, the rest goes on so far behind its indentation, */
#define ROOM_LEAST 24 /* which is to say when it leaves fewer columns than this */

static void put_line(FILE *out, const char *line, size_t width) {
    size_t indent = strspn(line, " ");
    const char *gap = strstr(line + indent, "  ");
    const char *rest = gap ? gap + strspn(gap, " ") : line + indent;
    size_t at = columns_of(line, (size_t)(rest - line)), used = at;
    fprintf(out, "%.*s", (int)((gap ? gap : rest) - line), line);
    if (gap) used = columns_of(line, (size_t)(gap - line));
    if (gap && *rest && at + ROOM_LEAST > width && at + fm_text_columns(rest) > width) {
        fputc('\n', out);
        at = indent + HANG;
        used = 0;
    }
    fm_text_wrap(out, rest, used, at, width);
}

void fm_text_lines(FILE *out, const char *text, size_t width) {
    while (*text) {
        size_t length = strcspn(text, "\n");
        char *line = strndup(text, length);
        if (!line) fm_out_of_memory(length + 1);
        put_line(out, line, width);
        free(line);
        text += length + (text[length] == '\n');
    }
}

char *fm_text_visible(const char *from, char *to, size_t size) {
    size_t n = 0;
    for (const unsigned char *c = (const unsigned char *)from; *c; c++) {
        bool second = (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0); /* U+0080 to U+009F */
        bool hidden = (*c < 32 && *c != '\n' && *c != '\t') || *c == 127 || second;
        size_t bytes = hidden ? 4 : 1;
        if (n + bytes >= size) break;
        if (second) c++;
        if (hidden) snprintf(to + n, size - n, "\\x%02x", *c);
        else to[n] = (char)*c;
        n += bytes;
    }
    to[n] = '\0';
    return to;
}
