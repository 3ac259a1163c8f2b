/* algorithm.c: see algorithm.h. */
#include "training/run/algorithm.h"

#include <string.h>

#include "base/text.h"
#include "stb_ds.h"

static const fm_option NO_OPTIONS[] = {FM_OPT_END};

const fm_option *algorithm_options(const algo_type *algo) {
    return algo && algo->options ? algo->options : NO_OPTIONS;
}

fm_status algorithm_find(const char *name, fm_arena *arena, const algo_type **algo, void **config,
                         fm_error *err) {
    *algo = algo_find(name);
    if (!*algo) {
        const char **names = NULL;
        for (size_t i = 0; ALGO_TABLE[i]; i++) arrput(names, ALGO_TABLE[i]->name);
        const char *nearest = fm_text_nearest(name, names, arrlenu(names));
        arrfree(names);
        if (nearest) return fm_fail(err, "unknown algorithm '%s'; did you mean '%s'?", name, nearest);
        return fm_fail(err, "unknown algorithm '%s'; --list names the known ones", name);
    }
    *config = fm_arena_alloc(arena, 1, (*algo)->config_size ? (*algo)->config_size : 1);
    fm_options_reset(algorithm_options(*algo), *config);
    return FM_OK;
}

/* Applies the presets of one name; returns whether there was one for this environment. */
static bool apply(const algo_type *algo, void *config, const char *name, const char *where, int64_t *steps) {
    bool found = false;
    for (const algo_preset *row = algo->presets; row && row->settings; row++) {
        if (!fm_text_same_name(row->name, name)) continue;
        if (row->env[0] && strcmp(row->env, where) != 0) continue;
        fm_error err;
        FM_CHECK(fm_options_apply(algorithm_options(algo), config, row->settings, &err) == FM_OK,
                 "%s: preset '%s' for '%s': %s", algo->name, row->name, row->env, err.text);
        if (row->steps > 0) *steps = row->steps;
        found = true;
    }
    return found;
}

static fm_status no_such_preset(const algo_type *algo, const char *preset, const char *where, fm_error *err) {
    const char **names = NULL;
    for (const algo_preset *row = algo->presets; row && row->settings; row++)
        if (row->name[0]) arrput(names, row->name);
    const char *nearest = fm_text_nearest(preset, names, arrlenu(names));
    arrfree(names);
    if (nearest && fm_text_same_name(nearest, preset))
        return fm_fail(err, "preset '%s' of %s is not for the environment '%s'", preset, algo->name, where);
    if (nearest)
        return fm_fail(err, "%s has no preset '%s'; did you mean '%s'?", algo->name, preset, nearest);
    return fm_fail(err, "%s has no preset '%s'; --list names the presets", algo->name, preset);
}

fm_status algorithm_preset(const algo_type *algo, void *config, const char *preset, const char *where,
                           const env_facts *facts, int64_t *steps, fm_error *err) {
    *steps = algo->steps;
    if (facts && algo->fit && !*preset) algo->fit(facts, config, steps);
    apply(algo, config, "", where, steps);
    if (!*preset || apply(algo, config, preset, where, steps)) return FM_OK;
    return no_such_preset(algo, preset, where, err);
}
