/* table.c: one row per algorithm. */
#include "algos/algo.h"
#include "base/text.h"

extern const algo_type algo_biac, algo_bilevel_q, algo_idqn, algo_hysteretic, algo_lenient, algo_maddpg,
    algo_td3;

const algo_type *const ALGO_TABLE[] = {
    &algo_biac, &algo_bilevel_q, &algo_idqn, &algo_hysteretic, &algo_lenient, &algo_maddpg, &algo_td3, NULL,
};

const algo_type *algo_find(const char *name) {
    for (size_t i = 0; ALGO_TABLE[i] != NULL; i++)
        if (fm_text_same_name(ALGO_TABLE[i]->name, name)) return ALGO_TABLE[i];
    return NULL;
}
