/* keep.h: the list of everything that must survive an interruption.
 *
 * Whoever creates persistent state (parameters, optimiser moments, replay, random streams, counters,
 * environment states) adds it once, where it is created; the checkpoint saves and restores the list and knows
 * nothing else. So a new algorithm is resumable, bit for bit, without a line of code for it.
 *
 * Example (compiled by the tests):
 *
 *     fm_keep_list keep = {0};
 *     static real weights[6];
 *     static int64_t steps;
 *     fm_keep_parameter(&keep, weights, 2, 3, "critic.0/theta");
 *     fm_keep(&keep, FM_I64, &steps, 1, "steps.%d", 0);
 *     if (fm_keep_find(&keep, "steps.0")->data != &steps) return 1;
 *     fm_keep_free(&keep);
 */
#ifndef FM_KEEP_H
#define FM_KEEP_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/real.h"

typedef enum fm_dtype { FM_F32, FM_F64, FM_I64, FM_U64, FM_U8 } fm_dtype;

#ifdef FM_DOUBLE
#define FM_DTYPE_REAL FM_F64
#else
#define FM_DTYPE_REAL FM_F32
#endif

#define FM_NAME_MAX 96

/* One array: borrowed, alive as long as the list. `parameter` marks what a policy needs to be played, and a
 * public loader shows. */
typedef struct fm_kept {
    char name[FM_NAME_MAX];
    fm_dtype dtype;
    int parameter;
    size_t rows, cols; /* cols 0: a vector of `rows` entries */
    void *data;
} fm_kept;

/* An all-zero list is empty. `items` is an stb_ds array. */
typedef struct fm_keep_list {
    fm_kept *items;
} fm_keep_list;

size_t fm_dtype_size(fm_dtype dtype);      /* bytes per entry */
const char *fm_dtype_name(fm_dtype dtype); /* as safetensors spells it: "F32", "I64", ... */

/* Adds a vector. Aborts on a name that is already there: names are the keys of the checkpoint. */
void fm_keep(fm_keep_list *list, fm_dtype dtype, void *data, size_t count, const char *name_format, ...)
    FM_PRINTF(5, 6);

/* The same for what a policy needs beside its parameters, such as the statistics of its observations. */
void fm_keep_for_play(fm_keep_list *list, fm_dtype dtype, void *data, size_t count, const char *name_format,
                      ...) FM_PRINTF(5, 6);

/* Adds a named parameter matrix [rows, cols] (cols 0: a vector) of `real`. */
void fm_keep_parameter(fm_keep_list *list, real *data, size_t rows, size_t cols, const char *name);

/* Adds a struct without pointers (a random stream, an environment's state) as bytes. */
void fm_keep_bytes(fm_keep_list *list, void *data, size_t size, const char *name_format, ...) FM_PRINTF(4, 5);

/* Adds an item as it is: of another list, perhaps under another name. */
void fm_keep_item(fm_keep_list *list, const fm_kept *item);

/* The item of that name, or NULL. */
fm_kept *fm_keep_find(const fm_keep_list *list, const char *name);

void fm_keep_free(fm_keep_list *list);

#endif
