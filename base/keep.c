/* keep.c: the list of what survives; also the one file that holds the code of stb_ds. */
#include <stdlib.h>

#include "base/memory.h"

/* stb_ds does not look at what realloc returns, so memory that ran out stops here. */
static void *checked_realloc(void *old, size_t size) {
    void *now = realloc(old, size);
    if (!now && size > 0) fm_out_of_memory(size);
    return now;
}

#define STBDS_REALLOC(context, old, size) checked_realloc((old), (size))
#define STBDS_FREE(context, old) free(old)
#define STB_DS_IMPLEMENTATION
#include "stb_ds.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/keep.h"

/* ORDER fm_dtype */
static const struct { size_t size; const char *name; } DTYPES[] = {
    {4, "F32"}, {8, "F64"}, {8, "I64"}, {8, "U64"}, {1, "U8"},
};
_Static_assert(sizeof DTYPES / sizeof *DTYPES == FM_U8 + 1, "one row per fm_dtype");
_Static_assert(sizeof(float) == 4 && sizeof(double) == 8, "the sizes of the file format");

size_t fm_dtype_size(fm_dtype dtype) {
    FM_CHECK((unsigned)dtype <= FM_U8, "keep: dtype %d", (int)dtype);
    return DTYPES[dtype].size;
}

const char *fm_dtype_name(fm_dtype dtype) {
    FM_CHECK((unsigned)dtype <= FM_U8, "keep: dtype %d", (int)dtype);
    return DTYPES[dtype].name;
}

fm_kept *fm_keep_find(const fm_keep_list *list, const char *name) {
    for (size_t i = 0; i < arrlenu(list->items); i++)
        if (strcmp(list->items[i].name, name) == 0) return &list->items[i];
    return NULL;
}

static void add(fm_keep_list *list, fm_kept item) {
    FM_CHECK(item.name[0] != '\0', "keep: an item without a name");
    FM_CHECK(item.data != NULL || item.rows == 0, "keep: '%s' is nowhere", item.name);
    FM_CHECK(fm_keep_find(list, item.name) == NULL, "keep: '%s' is there already", item.name);
    arrput(list->items, item);
}

static void write_name(fm_kept *item, const char *format, va_list words) {
    int n = vsnprintf(item->name, sizeof item->name, format, words);
    FM_CHECK(n >= 0 && n < FM_NAME_MAX, "keep: the name \"%s...\" has %d characters, at most %d fit",
             item->name, n, FM_NAME_MAX - 1);
}

void fm_keep(fm_keep_list *list, fm_dtype dtype, void *data, size_t count, const char *name_format, ...) {
    fm_kept item = {.dtype = dtype, .rows = count, .data = data};
    va_list words;
    va_start(words, name_format);
    write_name(&item, name_format, words);
    va_end(words);
    add(list, item);
}

void fm_keep_for_play(fm_keep_list *list, fm_dtype dtype, void *data, size_t count, const char *name_format,
                      ...) {
    fm_kept item = {.dtype = dtype, .parameter = 1, .rows = count, .data = data};
    va_list words;
    va_start(words, name_format);
    write_name(&item, name_format, words);
    va_end(words);
    add(list, item);
}

void fm_keep_parameter(fm_keep_list *list, real *data, size_t rows, size_t cols, const char *name) {
    fm_kept item = {.dtype = FM_DTYPE_REAL, .parameter = 1, .rows = rows, .cols = cols, .data = data};
    FM_CHECK(strlen(name) < sizeof item.name, "keep: the name \"%s\" is longer than %d characters", name,
             FM_NAME_MAX - 1);
    memcpy(item.name, name, strlen(name) + 1);
    add(list, item);
}

void fm_keep_bytes(fm_keep_list *list, void *data, size_t size, const char *name_format, ...) {
    fm_kept item = {.dtype = FM_U8, .rows = size, .data = data};
    va_list words;
    va_start(words, name_format);
    write_name(&item, name_format, words);
    va_end(words);
    add(list, item);
}

void fm_keep_item(fm_keep_list *list, const fm_kept *item) { add(list, *item); }

void fm_keep_free(fm_keep_list *list) { arrfree(list->items); }
