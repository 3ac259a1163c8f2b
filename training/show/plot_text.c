/* plot_text.c: see plot_text.h. */
#include "training/show/plot_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bytes of the character at `c` and its code; what is no UTF-8, or cannot stand in XML, is one byte, '?'. */
static size_t decode(const char *c, uint32_t *code) {
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)*c;
    size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
    if (first >= 0x80 && first < 0xc0) n = 0; /* the middle of a character */
    uint32_t value = n < 2 ? first : first & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)c[i] & 0xc0) != 0x80) n = 0;
        else value = value << 6 | ((unsigned char)c[i] & 0x3f);
    }
    bool surrogate = value >= 0xd800 && value < 0xe000;
    bool valid = n > 0 && value >= LEAST[n] && value <= 0x10ffff && !surrogate && (value & 0xfffe) != 0xfffe;
    *code = valid ? value : '?';
    return valid ? n : 1;
}

/* In units of the font's size. */
static double glyph_width(uint32_t code) {
    if (code >= 0x2e80) return 1.05; /* East Asian letters */
    if (code >= 0x2000) return code >= 0x2070 && code < 0x2090 ? 0.45 : 0.84; /* raised digits; symbols */
    if (code >= 0x80) return 0.75;
    if (strchr("ijl|'.,:;!I ", (int)code)) return 0.34;
    if (strchr("frt()[]{}/\\-\"", (int)code)) return 0.42;
    if (strchr("mwMW%@&", (int)code)) return 0.97;
    return code >= 'A' && code <= 'Z' ? 0.72 : 0.64;
}

double plot_text_width(const char *text, double size) {
    double widest = 0, width = 0;
    uint32_t code;
    for (const char *c = text; *c; c += decode(c, &code)) {
        decode(c, &code);
        width = code == '\n' ? 0 : width + glyph_width(code);
        widest = fmax(widest, width);
    }
    return widest * size;
}

size_t plot_text_wrap(const char *text, double size, double width, char wrapped[PLOT_TEXT_MAX]) {
    char *out = wrapped, *space = NULL, *line = wrapped;
    size_t lines = 1;
    uint32_t code;
    for (const char *c = text ? text : ""; *c;) {
        size_t n = decode(c, &code);
        if (out + n + sizeof "\n..." > wrapped + PLOT_TEXT_MAX) {
            strcpy(out, "...");
            return lines;
        }
        if (n == 1) *out = code < 0x20 || code == 0x7f ? ' ' : (char)code;
        else memcpy(out, c, n);
        out[n] = '\0';
        if (*out == ' ') space = out;
        if (out > line && plot_text_width(line, size) > width) {
            lines++;
            if (space) {
                *space = '\n';
                line = space + 1;
            } else {
                memmove(out + 1, out, n);
                *out = '\n';
                line = ++out;
            }
            space = NULL;
        }
        out += n;
        c += n;
    }
    *out = '\0';
    return out > wrapped ? lines : 0;
}

void plot_text_put(FILE *out, const char *text) {
    fputc('\'', out);
    for (const char *c = text; *c; c++) {
        if (*c == '\n') fputs("'.\"\\n\".'", out);
        else if (*c == '\'') fputs("''", out);
        else fputc(*c, out);
    }
    fputc('\'', out);
}
