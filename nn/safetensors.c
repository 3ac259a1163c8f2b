/* safetensors.c: writing and reading whole files; their headers are read by safetensors_header.c.
 *
 * Numbers are encoded and decoded byte by byte with shifts, so that no code depends on the machine's byte
 * order (compilers make plain copies of it on little-endian machines). Tensors are written by falling size of
 * their entries, then by name: after a header of a multiple of 8 bytes each one is aligned. */
#include "nn/safetensors.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/file.h"
#include "base/text.h"
#include "nn/safetensors_header.h"
#include "stb_ds.h"

#define CHUNK 16384

static bool is_selected(const fm_kept *item, nn_selection selection) {
    return selection == NN_EVERYTHING || (selection == NN_PARAMETERS) == (item->parameter != 0);
}

static size_t item_count(const fm_kept *item) {
    if (item->cols == 0) return item->rows;
    FM_CHECK(item->rows <= SIZE_MAX / item->cols, "safetensors: '%s' is [%zu, %zu]", item->name, item->rows,
             item->cols);
    return item->rows * item->cols;
}

static size_t item_bytes(const fm_kept *item) {
    size_t count = item_count(item), size = fm_dtype_size(item->dtype);
    FM_CHECK(count <= SIZE_MAX / size, "safetensors: '%s' has %zu entries", item->name, count);
    return count * size;
}

/* ---- numbers as little-endian bytes ---- */

static void put_u64(unsigned char *to, uint64_t x, size_t size) {
    for (size_t i = 0; i < size; i++) to[i] = (unsigned char)(x >> (8 * i) & 0xff);
}

static uint64_t get_u64(const unsigned char *from, size_t size) {
    uint64_t x = 0;
    for (size_t i = 0; i < size; i++) x |= (uint64_t)from[i] << (8 * i);
    return x;
}

static void encode(unsigned char *to, const unsigned char *from, size_t count, size_t size) {
    if (size == 1) memcpy(to, from, count);
    for (size_t i = 0; size == 4 && i < count; i++) {
        uint32_t x;
        memcpy(&x, from + 4 * i, 4);
        put_u64(to + 4 * i, x, 4);
    }
    for (size_t i = 0; size == 8 && i < count; i++) {
        uint64_t x;
        memcpy(&x, from + 8 * i, 8);
        put_u64(to + 8 * i, x, 8);
    }
}

static void decode(unsigned char *to, const unsigned char *from, size_t count, size_t size) {
    if (size == 1) memcpy(to, from, count);
    for (size_t i = 0; size == 4 && i < count; i++) {
        uint32_t x = (uint32_t)get_u64(from + 4 * i, 4);
        memcpy(to + 4 * i, &x, 4);
    }
    for (size_t i = 0; size == 8 && i < count; i++) {
        uint64_t x = get_u64(from + 8 * i, 8);
        memcpy(to + 8 * i, &x, 8);
    }
}

/* ---- writing ---- */

/* A growing text; `bytes` is an stb_ds array. */
typedef struct buffer { char *bytes; } buffer;

static void put(buffer *out, const char *text) {
    size_t n = strlen(text);
    memcpy(arraddnptr(out->bytes, n), text, n);
}

static void put_string(buffer *out, const char *text) {
    arrput(out->bytes, '"');
    for (const char *c = text; *c; c++) {
        char escaped[8];
        if ((unsigned char)*c < 0x20) {
            snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)(unsigned char)*c);
            put(out, escaped);
            continue;
        }
        if (*c == '"' || *c == '\\') arrput(out->bytes, '\\');
        arrput(out->bytes, *c);
    }
    arrput(out->bytes, '"');
}

static fm_status put_metadata(buffer *out, const nn_metadata *metadata, fm_error *err) {
    put(out, "\"__metadata__\":{");
    for (size_t i = 0; metadata[i].key; i++) {
        const nn_metadata *pair = &metadata[i];
        FM_CHECK(pair->value != NULL, "safetensors: metadata '%s' has no value", pair->key);
        for (size_t j = 0; j < i; j++)
            FM_CHECK(strcmp(metadata[j].key, pair->key) != 0, "safetensors: metadata '%s' twice", pair->key);
        if (!nn_st_is_utf8(pair->key, strlen(pair->key)) || !nn_st_is_utf8(pair->value, strlen(pair->value)))
            return fm_fail(err, "metadata '%.80s' is not UTF-8 text", pair->key);
        if (i > 0) put(out, ",");
        put_string(out, pair->key);
        put(out, ":");
        put_string(out, pair->value);
    }
    put(out, "}");
    return FM_OK;
}

static void put_item(buffer *out, const fm_kept *item, uint64_t begin) {
    char text[160];
    put_string(out, item->name);
    fm_text_format(text, sizeof text, ":{\"dtype\":\"%s\",\"shape\":[%zu", fm_dtype_name(item->dtype),
                   item->rows);
    put(out, text);
    if (item->cols > 0) {
        fm_text_format(text, sizeof text, ",%zu", item->cols);
        put(out, text);
    }
    fm_text_format(text, sizeof text, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)begin,
                   (unsigned long long)(begin + item_bytes(item)));
    put(out, text);
}

static fm_status put_header(buffer *out, const fm_kept *const *items, const nn_metadata *metadata,
                            fm_error *err) {
    put(out, "{");
    if (metadata && put_metadata(out, metadata, err) != FM_OK) return FM_BAD;
    uint64_t at = 0;
    for (size_t i = 0; i < arrlenu(items); i++) {
        FM_CHECK(strcmp(items[i]->name, "__metadata__") != 0, "safetensors: a tensor named __metadata__");
        if (!nn_st_is_utf8(items[i]->name, strlen(items[i]->name)))
            return fm_fail(err, "the name '%.80s' is not UTF-8 text", items[i]->name);
        if (i > 0 || metadata) put(out, ",");
        put_item(out, items[i], at);
        at += item_bytes(items[i]);
    }
    put(out, "}");
    while (arrlenu(out->bytes) % 8 != 0) arrput(out->bytes, ' ');
    if (arrlenu(out->bytes) > NN_ST_HEADER_MAX)
        return fm_fail(err, "the header would have %zu bytes, at most %llu are possible", arrlenu(out->bytes),
                       (unsigned long long)NN_ST_HEADER_MAX);
    return FM_OK;
}

/* Failed writes are found by the commit. */
static void write_summed(FILE *file, const void *data, size_t n, uint64_t *sum) {
    fwrite(data, 1, n, file);
    *sum = fm_checksum(*sum, data, n);
}

static void write_item(FILE *file, const fm_kept *item, uint64_t *sum) {
    unsigned char chunk[CHUNK];
    size_t count = item_count(item), size = fm_dtype_size(item->dtype);
    for (size_t at = 0, n; at < count; at += n) {
        n = count - at < CHUNK / size ? count - at : CHUNK / size;
        encode(chunk, (const unsigned char *)item->data + at * size, n, size);
        write_summed(file, chunk, n * size, sum);
    }
}

/* The checksum takes the place that was kept for it. */
static void write_file(FILE *file, const char *header, const fm_kept *const *items, bool checked) {
    unsigned char length[8];
    char text[FM_CHECKSUM_TEXT];
    uint64_t sum = FM_CHECKSUM_START;
    put_u64(length, arrlenu(header), 8);
    write_summed(file, length, 8, &sum);
    write_summed(file, header, arrlenu(header), &sum);
    for (size_t i = 0; i < arrlenu(items); i++) write_item(file, items[i], &sum);
    if (checked && fseeko(file, 8 + (off_t)strlen(NN_ST_CHECKED), SEEK_SET) == 0)
        fputs(fm_checksum_text(sum, text), file);
}

static int by_size_then_name(const void *a, const void *b) {
    const fm_kept *x = *(const fm_kept *const *)a, *y = *(const fm_kept *const *)b;
    size_t p = fm_dtype_size(x->dtype), q = fm_dtype_size(y->dtype);
    return p != q ? (p < q) - (p > q) : strcmp(x->name, y->name);
}

fm_status nn_safetensors_save(const char *path, const fm_keep_list *list, nn_selection selection,
                              const nn_metadata *metadata, fm_error *err) {
    const fm_kept **items = NULL;
    for (size_t i = 0; i < arrlenu(list->items); i++)
        if (is_selected(&list->items[i], selection)) arrput(items, &list->items[i]);
    if (items) qsort(items, arrlenu(items), sizeof *items, by_size_then_name);

    buffer header = {0};
    fm_writer writer;
    fm_status status = put_header(&header, items, metadata, err);
    if (status != FM_OK) fm_fail_in(err, "cannot write '%s': ", path);
    else status = fm_writer_begin(&writer, path, err);
    if (status == FM_OK) {
        bool checked = metadata && metadata[0].key && strcmp(metadata[0].key, "checksum") == 0;
        write_file(writer.file, header.bytes, items, checked);
        status = fm_writer_commit(&writer, err);
    }
    arrfree(header.bytes);
    arrfree(items);
    return status;
}

/* ---- reading ---- */

/* A one-entry vector may also be a scalar, []. */
static bool has_form(const nn_st_tensor *t, const fm_kept *item) {
    if (t->dtype != (size_t)item->dtype) return false;
    if (item->cols > 0) return t->rank == 2 && t->shape[0] == item->rows && t->shape[1] == item->cols;
    return (t->rank == 1 && t->shape[0] == item->rows) || (t->rank == 0 && item->rows == 1);
}

static fm_status check_item(const nn_st_header *h, const fm_kept *item) {
    const nn_st_tensor *t = nn_st_find(h, item->name);
    if (t && has_form(t, item)) return FM_OK;
    const nn_st_tensor wanted = {
        .dtype = (size_t)item->dtype, .rank = item->cols ? 2 : 1, .shape = {item->rows, item->cols}};
    return fm_fail(h->err, "%s: expected %s, found %s", item->name, nn_st_describe(&wanted).text,
                   t ? nn_st_describe(t).text : "nothing of this name");
}

static fm_status check_against(const nn_st_header *h, const fm_keep_list *list, nn_selection selection) {
    for (size_t i = 0; i < arrlenu(list->items); i++)
        if (is_selected(&list->items[i], selection) && check_item(h, &list->items[i]) != FM_OK) return FM_BAD;
    for (size_t i = 0; i < arrlenu(h->tensors); i++)
        if (!fm_keep_find(list, h->tensors[i].name))
            return fm_fail(h->err, "%s: in the file, but not expected", nn_st_show(h->tensors[i].name).text);
    return FM_OK;
}

/* Reads all data before the first item is written. */
static fm_status load_items(FILE *file, const nn_st_header *h, const fm_keep_list *list,
                            nn_selection selection) {
    if (h->data_length > SIZE_MAX - 1) return fm_fail(h->err, "larger than this machine's memory");
    unsigned char *data = malloc((size_t)h->data_length + 1);
    if (!data) return fm_fail(h->err, "out of memory");
    fm_status status = FM_OK;
    if (fread(data, 1, (size_t)h->data_length, file) != (size_t)h->data_length)
        status = fm_fail(h->err, "%s", ferror(file) ? strerror(errno) : "the file is cut");
    for (size_t i = 0; status == FM_OK && i < arrlenu(list->items); i++) {
        const fm_kept *item = &list->items[i];
        if (!is_selected(item, selection) || item_count(item) == 0) continue;
        const unsigned char *from = data + nn_st_find(h, item->name)->begin;
        decode(item->data, from, item_count(item), fm_dtype_size(item->dtype));
    }
    free(data);
    return status;
}

fm_status nn_safetensors_load(const char *path, const fm_keep_list *list, nn_selection selection,
                              fm_error *err) {
    nn_st_header h = {0};
    FILE *file = fopen(path, "rb");
    if (!file) return fm_fail(err, "cannot open '%s': %s", path, strerror(errno));
    fm_status status = nn_st_read(file, &h, err);
    if (status == FM_OK) status = check_against(&h, list, selection);
    if (status == FM_OK) status = load_items(file, &h, list, selection);
    if (status != FM_OK) fm_fail_in(err, "cannot load '%s': ", path);
    fclose(file); /* read only: nothing can be lost */
    nn_st_free(&h);
    return status;
}

fm_status nn_safetensors_metadata(const char *path, const char *key, char **value, fm_error *err) {
    nn_st_header h = {0};
    FILE *file = fopen(path, "rb");
    if (!file) return fm_fail(err, "cannot open '%s': %s", path, strerror(errno));
    fm_status status = nn_st_read(file, &h, err);
    const char *found = NULL;
    for (size_t i = 0; i < arrlenu(h.pairs); i++)
        if (strcmp(h.pairs[i].key, key) == 0) found = h.pairs[i].value;
    if (status == FM_OK && !found) status = fm_fail(err, "no metadata of the name '%s'", key);
    if (status == FM_OK) {
        *value = malloc(strlen(found) + 1);
        if (*value) memcpy(*value, found, strlen(found) + 1);
        else status = fm_fail(err, "out of memory");
    }
    if (status != FM_OK) fm_fail_in(err, "cannot read '%s': ", path);
    fclose(file);
    nn_st_free(&h);
    return status;
}
