/* table.c: see table.h for the rows. */
#include "algos/algo.h"
#include "algos/table.h"
#include "base/text.h"

#define ALGO_DECLARE(name) extern const algo_type algo_##name;
ALGO_ROWS(ALGO_DECLARE)

#define ALGO_ROW(name) &algo_##name,
const algo_type *const ALGO_TABLE[] = {ALGO_ROWS(ALGO_ROW) NULL};

const algo_type *algo_find(const char *name) {
    for (size_t i = 0; ALGO_TABLE[i] != NULL; i++)
        if (fm_text_same_name(ALGO_TABLE[i]->name, name)) return ALGO_TABLE[i];
    return NULL;
}
