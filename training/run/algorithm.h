/* algorithm.h: an algorithm by its name, with its settings as its presets leave them.
 *
 * Example (compiled by the tests):
 *
 *     fm_arena arena = {0};
 *     fm_error err;
 *     const algo_type *algo;
 *     void *config;
 *     int64_t steps;
 *     if (algorithm_find("biac", &arena, &algo, &config, &err) != FM_OK) return 1;
 *     if (algorithm_preset(algo, config, "", "escape", NULL, &steps, &err) != FM_OK) return 1;
 *     fm_arena_free(&arena);
 */
#ifndef TRAINING_ALGORITHM_H
#define TRAINING_ALGORITHM_H

#include "algos/algo.h"

/* Its options; of one that has none, or of NULL, an empty table. */
const fm_option *algorithm_options(const algo_type *algo);

/* The row of the table and its defaults, in the arena. Errors: an unknown name (with the nearest one). */
fm_status algorithm_find(const char *name, fm_arena *arena, const algo_type **algo, void **config,
                         fm_error *err);

/* Applies what follows from the environment `where` ("": none is named): without a named preset first the
 * algorithm's own fit to its facts (NULL: not known), then the presets that apply by themselves, then the one
 * of that name, "" for none. *steps: the length of a trial that they leave. Errors: there is no such preset,
 * or it is for another environment. */
fm_status algorithm_preset(const algo_type *algo, void *config, const char *preset, const char *where,
                           const env_facts *facts, int64_t *steps, fm_error *err);

#endif
