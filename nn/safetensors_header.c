/* safetensors_header.c: JSON of one fixed form, by a small recursive-descent reader that trusts nothing. */
#include "nn/safetensors_header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checksum.h"
#include "stb_ds.h"

/* ---- UTF-8 [RFC 3629] ---- */

/* Length of the sequence that starts here, 0 when it is none: cut, overlong, a surrogate, beyond U+10FFFF. */
static size_t utf8_length(const unsigned char *s, size_t left) {
    if (s[0] < 0x80) return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4) return 0;
    size_t n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (n > left) return 0;
    unsigned low = 0x80, high = 0xbf;
    if (s[0] == 0xe0) low = 0xa0;
    if (s[0] == 0xed) high = 0x9f;
    if (s[0] == 0xf0) low = 0x90;
    if (s[0] == 0xf4) high = 0x8f;
    if (s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < n; i++)
        if (s[i] < 0x80 || s[i] > 0xbf) return 0;
    return n;
}

bool nn_st_is_utf8(const char *text, size_t length) {
    for (size_t i = 0, n; i < length; i += n) {
        n = utf8_length((const unsigned char *)text + i, length - i);
        if (n == 0) return false;
    }
    return true;
}

/* ---- reading the header ---- */

/* ORDER: the first entries as in fm_dtype; the others are known only to be named and measured. */
static const struct { const char *name; size_t size; } DTYPES[] = {
    {"F32", 4}, {"F64", 8}, {"I64", 8}, {"U64", 8},  {"U8", 1},  {"BOOL", 1},    {"I8", 1},      {"I16", 2},
    {"U16", 2}, {"F16", 2}, {"I32", 4}, {"BF16", 2}, {"U32", 4}, {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"C64", 8},
};
#define DTYPE_COUNT (sizeof DTYPES / sizeof *DTYPES)
_Static_assert(FM_F32 == 0 && FM_F64 == 1 && FM_I64 == 2 && FM_U64 == 3 && FM_U8 == 4, "order of fm_dtype");

void nn_st_free(nn_st_header *h) {
    free(h->text);
    arrfree(h->tensors);
    arrfree(h->pairs);
}

nn_st_words nn_st_show(const char *name) {
    nn_st_words s;
    size_t n = 0;
    for (; name[n] && n < FM_NAME_MAX - 1; n++) {
        bool control = (unsigned char)name[n] < 0x20 || name[n] == 0x7f;
        s.text[n] = control ? '?' : name[n];
    }
    s.text[n] = '\0';
    return s;
}

static fm_status malformed(nn_st_header *h, const char *what) {
    return fm_fail(h->err, "malformed header, byte %zu: %s", h->at, what);
}

static void skip_space(nn_st_header *h) {
    while (h->at < h->length && h->text[h->at] && strchr(" \t\n\r", h->text[h->at])) h->at++;
}

/* Passes over the character when it comes next. */
static bool accept(nn_st_header *h, char wanted) {
    skip_space(h);
    if (h->at >= h->length || h->text[h->at] != wanted) return false;
    h->at++;
    return true;
}

static fm_status expect(nn_st_header *h, char wanted) {
    char words[] = "'?' expected";
    words[1] = wanted;
    return accept(h, wanted) ? FM_OK : malformed(h, words);
}

/* Four hexadecimal digits from text[at], or -1. */
static long hex4(const nn_st_header *h, size_t at) {
    if (h->length - at < 4) return -1;
    long x = 0;
    for (size_t i = at; i < at + 4; i++) {
        char d = h->text[i];
        int digit = d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10
                  : d >= 'A' && d <= 'F' ? d - 'A' + 10 : -1;
        if (digit < 0) return -1;
        x = x * 16 + digit;
    }
    return x;
}

static size_t put_utf8(char *to, long x) {
    if (x < 0x80) {
        to[0] = (char)x;
        return 1;
    }
    size_t n = x < 0x800 ? 2 : x < 0x10000 ? 3 : 4;
    const unsigned lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, x >>= 6) to[i] = (char)(unsigned char)(0x80 | (x & 0x3f));
    to[0] = (char)(unsigned char)(lead[n] | (unsigned)x);
    return n;
}

/* \uXXXX after the u, or two of them for a character beyond the first plane. U+0000 would end a C string. */
static bool read_unicode(nn_st_header *h, char **to) {
    long x = hex4(h, h->at);
    if (x <= 0 || (x >= 0xdc00 && x <= 0xdfff)) return false;
    h->at += 4;
    if (x >= 0xd800 && x <= 0xdbff) {
        if (h->length - h->at < 6 || h->text[h->at] != '\\' || h->text[h->at + 1] != 'u') return false;
        long low = hex4(h, h->at + 2);
        if (low < 0xdc00 || low > 0xdfff) return false;
        h->at += 6;
        x = 0x10000 + ((x - 0xd800) << 10) + (low - 0xdc00);
    }
    *to += put_utf8(*to, x);
    return true;
}

static fm_status read_string(nn_st_header *h, char **text) {
    static const char ESCAPES[] = "\"\\/bfnrt", MEANT[] = "\"\\/\b\f\n\r\t";
    if (!accept(h, '"')) return malformed(h, "a string expected");
    char *to = *text = h->text + h->at;
    while (h->at < h->length && h->text[h->at] != '"') {
        char x = h->text[h->at];
        if ((unsigned char)x < 0x20) return malformed(h, "a control character inside a string");
        h->at++;
        if (x == '\\') {
            x = h->at < h->length ? h->text[h->at++] : '\0';
            const char *escape = x ? strchr(ESCAPES, x) : NULL;
            if (!escape && (x != 'u' || !read_unicode(h, &to))) return malformed(h, "not an escape sequence");
            if (!escape) continue;
            x = MEANT[escape - ESCAPES];
        }
        *to++ = x;
    }
    if (h->at >= h->length) return malformed(h, "the string does not end");
    h->at++;
    *to = '\0';
    return FM_OK;
}

/* Digits only: neither sizes nor offsets have a sign, a fraction or an exponent. */
static fm_status read_whole(nn_st_header *h, uint64_t *value) {
    skip_space(h);
    const size_t start = h->at;
    uint64_t x = 0;
    for (; h->at < h->length && h->text[h->at] >= '0' && h->text[h->at] <= '9'; h->at++) {
        uint64_t digit = (uint64_t)(h->text[h->at] - '0');
        if (x > (UINT64_MAX - digit) / 10) return malformed(h, "the number is too large");
        if (h->at > start && h->text[start] == '0') return malformed(h, "the number starts with a zero");
        x = x * 10 + digit;
    }
    if (h->at == start) return malformed(h, "a whole number expected");
    *value = x;
    return FM_OK;
}

/* [a, b, ...] with at most `max` numbers. */
static fm_status read_list(nn_st_header *h, uint64_t *list, size_t max, size_t *n) {
    *n = 0;
    if (expect(h, '[') != FM_OK) return FM_BAD;
    if (accept(h, ']')) return FM_OK;
    do {
        if (*n == max) return malformed(h, "the list is too long");
        if (read_whole(h, &list[(*n)++]) != FM_OK) return FM_BAD;
    } while (accept(h, ','));
    return expect(h, ']');
}

static fm_status read_dtype(nn_st_header *h, nn_st_tensor *t) {
    char *name;
    if (read_string(h, &name) != FM_OK) return FM_BAD;
    for (t->dtype = 0; t->dtype < DTYPE_COUNT; t->dtype++)
        if (strcmp(DTYPES[t->dtype].name, name) == 0) return FM_OK;
    return fm_fail(h->err, "%s: unknown dtype '%s'", nn_st_show(t->name).text, nn_st_show(name).text);
}

/* The size must follow from shape and dtype, and the place must be inside the file. */
static fm_status check_tensor(nn_st_header *h, const nn_st_tensor *t) {
    uint64_t bytes = DTYPES[t->dtype].size;
    bool fits = true;
    for (size_t i = 0; i < t->rank; i++) {
        if (t->shape[i] != 0 && bytes > UINT64_MAX / t->shape[i]) fits = false;
        bytes *= t->shape[i];
    }
    if (!fits) return fm_fail(h->err, "%s: the shape is too large", nn_st_show(t->name).text);
    if (t->begin > t->end || t->end > h->data_length)
        return fm_fail(h->err, "%s: data_offsets [%llu, %llu] are outside the file's %llu bytes of data",
                       nn_st_show(t->name).text, (unsigned long long)t->begin, (unsigned long long)t->end,
                       (unsigned long long)h->data_length);
    if (t->end - t->begin != bytes)
        return fm_fail(h->err, "%s: data_offsets hold %llu bytes, dtype and shape need %llu",
                       nn_st_show(t->name).text, (unsigned long long)(t->end - t->begin),
                       (unsigned long long)bytes);
    return FM_OK;
}

static fm_status read_tensor(nn_st_header *h, char *name) {
    enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4, ALL = 7 };
    nn_st_tensor t = {.name = name};
    unsigned seen = 0;
    if (expect(h, '{') != FM_OK) return FM_BAD;
    do {
        char *key;
        if (read_string(h, &key) != FM_OK || expect(h, ':') != FM_OK) return FM_BAD;
        unsigned which = strcmp(key, "dtype") == 0 ? DTYPE : strcmp(key, "shape") == 0 ? SHAPE
                       : strcmp(key, "data_offsets") == 0 ? OFFSETS : 0;
        if (which == 0 || (seen & which))
            return fm_fail(h->err, "%s: %s key '%s'", nn_st_show(name).text, which ? "duplicate" : "unknown",
                           nn_st_show(key).text);
        seen |= which;
        uint64_t offsets[2] = {0};
        size_t n = 2;
        fm_status status = which == DTYPE   ? read_dtype(h, &t)
                           : which == SHAPE ? read_list(h, t.shape, NN_ST_RANK_MAX, &t.rank)
                                            : read_list(h, offsets, 2, &n);
        if (status != FM_OK) return FM_BAD;
        if (n != 2) return malformed(h, "data_offsets needs two numbers");
        if (which == OFFSETS) t.begin = offsets[0], t.end = offsets[1];
    } while (accept(h, ','));
    if (expect(h, '}') != FM_OK) return FM_BAD;
    if (seen != ALL)
        return fm_fail(h->err, "%s: dtype, shape or data_offsets is missing", nn_st_show(name).text);
    arrput(h->tensors, t);
    return check_tensor(h, &t);
}

static fm_status read_metadata(nn_st_header *h) {
    if (h->has_metadata) return malformed(h, "a second __metadata__");
    h->has_metadata = true;
    if (expect(h, '{') != FM_OK) return FM_BAD;
    if (accept(h, '}')) return FM_OK;
    do {
        nn_st_pair p;
        if (read_string(h, &p.key) != FM_OK || expect(h, ':') != FM_OK || read_string(h, &p.value) != FM_OK)
            return FM_BAD;
        arrput(h->pairs, p);
    } while (accept(h, ','));
    return expect(h, '}');
}

static int pair_by_key(const void *a, const void *b) {
    return strcmp(((const nn_st_pair *)a)->key, ((const nn_st_pair *)b)->key);
}

static int tensor_by_name(const void *a, const void *b) {
    return strcmp(((const nn_st_tensor *)a)->name, ((const nn_st_tensor *)b)->name);
}

static int tensor_by_place(const void *a, const void *b) {
    const nn_st_tensor *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Together the tensors cover the data section once: no hole, no overlap, nothing after them. Leaves them
 * sorted by name. */
static fm_status check_whole(nn_st_header *h) {
    size_t n = arrlenu(h->tensors);
    uint64_t at = 0;
    if (n > 0) qsort(h->tensors, n, sizeof *h->tensors, tensor_by_place);
    for (size_t i = 0; i < n; i++) {
        const nn_st_tensor *t = &h->tensors[i];
        if (t->begin != at)
            return fm_fail(h->err, "%s: %s before byte %llu of the data", nn_st_show(t->name).text,
                           t->begin > at ? "a hole" : "an overlap", (unsigned long long)t->begin);
        at = t->end;
    }
    if (at != h->data_length)
        return fm_fail(h->err, "the file has %llu bytes of data, its tensors need %llu",
                       (unsigned long long)h->data_length, (unsigned long long)at);
    if (n > 0) qsort(h->tensors, n, sizeof *h->tensors, tensor_by_name);
    for (size_t i = 1; i < n; i++)
        if (tensor_by_name(&h->tensors[i - 1], &h->tensors[i]) == 0)
            return fm_fail(h->err, "%s: the name comes twice", nn_st_show(h->tensors[i].name).text);
    size_t pairs = arrlenu(h->pairs);
    if (pairs > 0) qsort(h->pairs, pairs, sizeof *h->pairs, pair_by_key);
    for (size_t i = 1; i < pairs; i++)
        if (pair_by_key(&h->pairs[i - 1], &h->pairs[i]) == 0)
            return fm_fail(h->err, "metadata '%s' comes twice", nn_st_show(h->pairs[i].key).text);
    return FM_OK;
}

static fm_status read_header(nn_st_header *h) {
    if (!nn_st_is_utf8(h->text, h->length)) return fm_fail(h->err, "malformed header: not UTF-8 text");
    if (h->length == 0 || h->text[0] != '{') return malformed(h, "'{' expected");
    h->at = 1;
    if (!accept(h, '}')) {
        do {
            char *name;
            if (read_string(h, &name) != FM_OK || expect(h, ':') != FM_OK) return FM_BAD;
            bool metadata = strcmp(name, "__metadata__") == 0;
            if ((metadata ? read_metadata(h) : read_tensor(h, name)) != FM_OK) return FM_BAD;
        } while (accept(h, ','));
        if (expect(h, '}') != FM_OK) return FM_BAD;
    }
    skip_space(h);
    if (h->at != h->length) return malformed(h, "text after the end");
    return check_whole(h);
}

/* ---- the front of a file ---- */

static fm_status read_exactly(FILE *file, void *to, size_t n, fm_error *err) {
    if (fread(to, 1, n, file) == n) return FM_OK;
    return fm_fail(err, "%s", ferror(file) ? strerror(errno) : "the file is cut");
}

/* Of a header that begins with a checksum, not yet decoded; `file` stands at the data, and does so again. */
static fm_status check_sum(FILE *file, const unsigned char *length, const nn_st_header *h) {
    static const char ZEROS[] = "0000000000000000";
    const size_t front = strlen(NN_ST_CHECKED), digits = strlen(ZEROS);
    char found[FM_CHECKSUM_TEXT], chunk[16384];
    if (h->length < front + digits || memcmp(h->text, NN_ST_CHECKED, front) != 0) return FM_OK;
    uint64_t sum = fm_checksum(FM_CHECKSUM_START, length, 8);
    sum = fm_checksum(sum, h->text, front);
    sum = fm_checksum(sum, ZEROS, digits);
    sum = fm_checksum(sum, h->text + front + digits, h->length - front - digits);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;) sum = fm_checksum(sum, chunk, n);
    if (ferror(file) || fseeko(file, (off_t)(8 + h->length), SEEK_SET) != 0)
        return fm_fail(h->err, "%s", strerror(errno));
    if (memcmp(h->text + front, fm_checksum_text(sum, found), digits) == 0) return FM_OK;
    return fm_fail(h->err, "the file is damaged: its checksum is not the one it should have");
}

fm_status nn_st_read(FILE *file, nn_st_header *h, fm_error *err) {
    struct stat facts;
    unsigned char length[8];
    h->err = err;
    if (fstat(fileno(file), &facts) != 0) return fm_fail(h->err, "%s", strerror(errno));
    if (!S_ISREG(facts.st_mode)) return fm_fail(h->err, "it is not a file");
    const uint64_t size = (uint64_t)facts.st_size;
    if (size < 8) return fm_fail(h->err, "not a safetensors file: %llu bytes", (unsigned long long)size);
    if (read_exactly(file, length, 8, h->err) != FM_OK) return FM_BAD;
    uint64_t n = 0;
    for (size_t i = 8; i-- > 0;) n = n << 8 | length[i];
    if (n > NN_ST_HEADER_MAX || n > size - 8)
        return fm_fail(h->err, "not a safetensors file, or cut: a header of %llu bytes in a file of %llu",
                       (unsigned long long)n, (unsigned long long)size);
    h->length = (size_t)n;
    h->data_length = size - 8 - n;
    h->text = malloc(h->length + 1);
    if (!h->text) return fm_fail(h->err, "out of memory");
    if (read_exactly(file, h->text, h->length, h->err) != FM_OK) return FM_BAD;
    if (check_sum(file, length, h) != FM_OK) return FM_BAD;
    return read_header(h);
}

const nn_st_tensor *nn_st_find(const nn_st_header *h, const char *name) {
    size_t low = 0, high = arrlenu(h->tensors);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, h->tensors[middle].name);
        if (order == 0) return &h->tensors[middle];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

nn_st_words nn_st_describe(const nn_st_tensor *t) {
    nn_st_words s;
    size_t used = (size_t)snprintf(s.text, sizeof s.text, "%s [", DTYPES[t->dtype].name);
    for (size_t i = 0; i < t->rank; i++)
        used += (size_t)snprintf(s.text + used, sizeof s.text - used, "%s%llu", i ? ", " : "",
                                 (unsigned long long)t->shape[i]);
    snprintf(s.text + used, sizeof s.text - used, "]");
    return s;
}
