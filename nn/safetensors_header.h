/* safetensors_header.h: the inside of nn/safetensors.c: what the header of a file says. */
#ifndef NN_SAFETENSORS_HEADER_H
#define NN_SAFETENSORS_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/keep.h"

#define NN_ST_HEADER_MAX ((uint64_t)100000000) /* bytes; the limit of the public loaders */
#define NN_ST_RANK_MAX 8

/* How a header begins that has a checksum, whose digits follow. */
#define NN_ST_CHECKED "{\"__metadata__\":{\"checksum\":\""

typedef struct nn_st_tensor {
    char *name;
    size_t dtype; /* an fm_dtype, or beyond it one that is known by name and size only */
    size_t rank;
    uint64_t shape[NN_ST_RANK_MAX];
    uint64_t begin, end; /* bytes of the data section */
} nn_st_tensor;

typedef struct nn_st_pair {
    char *key, *value;
} nn_st_pair;

/* A header. All zeros is empty; freed by nn_st_free also after an error. The strings lie in `text`, decoded
 * in place. */
typedef struct nn_st_header {
    char *text;
    size_t length, at; /* of the text, and how far it is read */
    uint64_t data_length;
    bool has_metadata;
    nn_st_tensor *tensors; /* stb_ds array, sorted by name */
    nn_st_pair *pairs;     /* stb_ds array: the metadata, sorted by key */
    fm_error *err;
} nn_st_header;

/* Reads and checks the header; `file` then stands at the data, whose every byte belongs to exactly one
 * tensor. `err` is kept in h. */
fm_status nn_st_read(FILE *file, nn_st_header *h, fm_error *err);
void nn_st_free(nn_st_header *h);

const nn_st_tensor *nn_st_find(const nn_st_header *h, const char *name);

/* "F32 [4, 64]" */
typedef struct nn_st_words {
    char text[32 + 24 * NN_ST_RANK_MAX];
} nn_st_words;
nn_st_words nn_st_describe(const nn_st_tensor *t);

/* A name from a file may hold anything: this one is cut and has no control characters, fit for a terminal. */
nn_st_words nn_st_show(const char *name);

bool nn_st_is_utf8(const char *text, size_t length);

#endif
