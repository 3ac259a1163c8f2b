/* learners.c: see learners.h. */
#include "training/run/learners.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "stb_ds.h"
#include "training/run/algorithm.h"

static const fm_option LEARNING[] = {
    FM_OPT_TEXT(run_learner, preset, "", "named settings of the algorithm"),
    FM_OPT_END,
};

static const fm_option FROZEN[] = {
    FM_OPT_TEXT(run_learner, checksum, "", "what its files must have; empty: any"),
    FM_OPT_INT(run_learner, trial, "0", 0, 1000000, "", "which trial of the folder plays", ""),
    FM_OPT_CHOICE(run_learner, play, "greedy", "greedy|sample",
                  "it plays its best actions, or as it is, its own randomness included", ""),
    FM_OPT_END,
};

/* ---- the settings of an agent ---- */

static bool is_from(const setting *now) { return strcmp(now->key, "from") == 0; }

/* The name of the agent whose learner it is a setting of, or NULL. */
static const char *agent_named(const setting *now) {
    size_t n = strlen(INI_LEARNER);
    return strncmp(now->section, INI_LEARNER, n) == 0 ? now->section + n : NULL;
}

static bool from_words(const setting *now) {
    return strcmp(now->where, "--") == 0 || strcmp(now->where, "--set") == 0;
}

/* Where a message comes from. Errors of an option begin with its name. */
static fm_status place(const setting *now, fm_error *err) {
    if (!from_words(now)) return fm_fail_in(err, "%s: ", now->where);
    if (is_from(now)) return fm_fail_in(err, "--learner %s=%s: ", agent_named(now), now->value);
    size_t n = strlen(now->key);
    bool named = strncmp(err->text, now->key, n) == 0 && err->text[n] == ':';
    return fm_fail_in(err, named ? "--set %s." : "--set %s: ", agent_named(now));
}

static fm_status find_agent(const run_plan *run, const char *name, int *agent, fm_error *err) {
    const env_facts *facts = &run->env.facts;
    const char **names = NULL;
    *agent = -1;
    for (int i = 0; i < facts->agents; i++) {
        arrput(names, facts->agent[i].name);
        if (strcmp(facts->agent[i].name, name) == 0) *agent = i;
    }
    const char *nearest = fm_text_nearest(name, names, arrlenu(names));
    arrfree(names);
    if (*agent >= 0) return FM_OK;
    if (nearest)
        return fm_fail(err, "'%s' has no agent '%s'; did you mean '%s'?", facts->name, name, nearest);
    return fm_fail(err, "'%s' has no agent '%s'; its first is '%s'", facts->name, name, facts->agent[0].name);
}

static run_learner *learner_of(const run_plan *run, int agent) {
    for (int k = 0; k < run->learners; k++)
        if (run->beside[k].agent == agent) return &run->beside[k];
    return NULL;
}

/* The last `from` of its agent. */
static const setting *who_of(const run_plan *run, const setting *now) {
    const setting *last = NULL;
    for (size_t i = 0; i < arrlenu(run->settings); i++) {
        const setting *other = &run->settings[i];
        if (strcmp(other->section, now->section) == 0 && is_from(other)) last = other;
    }
    return last;
}

/* What files say of a learner goes when the command line names another one. */
static bool counts(const run_plan *run, const setting *now) {
    return from_words(now) || !from_words(who_of(run, now));
}

static fm_status list_learners(run_plan *run, fm_error *err) {
    run->beside = fm_arena_array(&run->arena, run_learner, (size_t)run->env.facts.agents);
    for (size_t i = 0; i < arrlenu(run->settings); i++) {
        const setting *now = &run->settings[i];
        int agent;
        if (!agent_named(now)) continue;
        const setting *who = who_of(run, now);
        if (find_agent(run, agent_named(now), &agent, err) != FM_OK) return place(now, err);
        if (!who) {
            fm_fail(err, "'%s' has no learner of its own; --learner %s=WHO gives it one", agent_named(now),
                    agent_named(now));
            return place(now, err);
        }
        if (learner_of(run, agent)) continue;
        run_learner *learner = &run->beside[run->learners++];
        learner->agent = agent;
        if (strlen(who->value) >= sizeof learner->from)
            return fm_fail(err, "--learner: the path is too long");
        fm_text_format(learner->from, sizeof learner->from, "%s", who->value);
        fm_options_reset(LEARNING, learner);
        fm_options_reset(FROZEN, learner);
    }
    return FM_OK;
}

/* Reads its settings into the table: those that its own table has, if that is the one, else the others; all
 * of them when `own` is NULL. */
static fm_status apply(const run_plan *run, const run_learner *learner, const fm_option *table, void *config,
                       const fm_option *own, fm_error *err) {
    const char *name = run->env.facts.agent[learner->agent].name;
    for (size_t i = 0; i < arrlenu(run->settings); i++) {
        const setting *now = &run->settings[i];
        if (!agent_named(now) || strcmp(agent_named(now), name) != 0 || is_from(now)) continue;
        if (!counts(run, now)) continue;
        if (own && (fm_options_find(own, now->key) != NULL) != (table == own)) continue;
        if (fm_options_set(table, config, now->key, now->value, err) != FM_OK) return place(now, err);
    }
    return FM_OK;
}

/* ---- who it is ---- */

static fm_status open_algorithm(run_plan *run, run_learner *learner, fm_error *err) {
    int64_t steps;
    if (algorithm_find(learner->from, &run->arena, &learner->algo, &learner->config, err) != FM_OK)
        return FM_BAD;
    fm_text_format(learner->from, sizeof learner->from, "%s", learner->algo->name);
    const fm_option *options = algorithm_options(learner->algo);
    if (apply(run, learner, LEARNING, learner, LEARNING, err) != FM_OK) return FM_BAD;
    if (algorithm_preset(learner->algo, learner->config, learner->preset, run->env.type->name, NULL, &steps,
                         err) != FM_OK)
        return FM_BAD;
    return apply(run, learner, options, learner->config, LEARNING, err);
}

/* Options of the environment that both runs have must have the same values; a game of a file is compared by
 * its checksum, and not by its path. */
static fm_status same_game(const run_plan *mine, const run_plan *its, fm_error *err) {
    char a[FM_TEXT_MAX], b[FM_TEXT_MAX];
    const char *game = mine->env.facts.game, *its_game = its->env.facts.game, *name = mine->env.facts.name;
    if (game && its_game && strcmp(game, its_game) == 0) return FM_OK;
    if (game && its_game)
        return fm_fail(err, "the policy was trained in another game: %s; this run is %s", its_game, game);
    if (mine->env.type != its->env.type)
        return fm_fail(err, "the policy was trained in '%s', and this run is in '%s'", its->env.facts.name,
                       name);
    if (strcmp(mine->config.game_checksum, its->config.game_checksum) != 0)
        return fm_fail(err, "the policy was trained in another game, that of '%s' as it was then",
                       its->env.facts.source);
    for (const fm_option *row = mine->env.type->options; row && row->name; row++) {
        bool path = mine->env.facts.file && strcmp(row->name, "path") == 0;
        if (row->type == FM_RENAMED || path) continue;
        fm_option_format(row, mine->env.config, a, sizeof a);
        fm_option_format(row, its->env.config, b, sizeof b);
        if (strcmp(a, b) != 0)
            return fm_fail(err, "the policy was trained in another game: '%s' with %s = %s; this run has %s",
                           name, row->name, b, a);
    }
    return FM_OK;
}

static fm_status check_sum(run_learner *learner, fm_error *err) {
    char sum[FM_CHECKSUM_TEXT];
    if (policy_checksum(learner->policy, sum, err) != FM_OK) return FM_BAD;
    if (learner->checksum[0] && strcmp(learner->checksum, sum) != 0)
        return fm_fail(err,
                       "the policy was changed: its checksum is %s, and the run was set up with %s; put the "
                       "old files back, or begin a new run with these",
                       sum, learner->checksum);
    fm_text_format(learner->checksum, sizeof learner->checksum, "%s", sum);
    return FM_OK;
}

static fm_status open_policy(run_plan *run, run_learner *learner, fm_error *err) {
    if (apply(run, learner, FROZEN, learner, NULL, err) != FM_OK) return FM_BAD;
    policy *p = fm_arena_array(&run->arena, policy, 1);
    policy_source source = {
        .folder = learner->from, .trial = learner->trial, .num_envs = (int)run->config.num_envs};
    if (policy_open(p, &source, err) != FM_OK) return FM_BAD;
    learner->policy = p;
    learner->algo = p->loop.setup.algo;
    learner->frozen = (algo_frozen){.facts = &p->run.env.facts,
                                    .learner = p->loop.learner,
                                    .keep = &p->loop.keep,
                                    .mode = learner->play ? ALGO_SAMPLE : ALGO_GREEDY};
    if (check_sum(learner, err) != FM_OK) return FM_BAD;
    return same_game(run, &p->run, err);
}

static fm_status open_learner(run_plan *run, run_learner *learner, fm_error *err) {
    const char *from = learner->from;
    if (algo_find(from)) return open_algorithm(run, learner, err);
    if (strchr(from, '/') || fm_file_exists(from)) {
        if (open_policy(run, learner, err) == FM_OK) return FM_OK;
        return fm_fail_in(err, "'%s' as the learner of '%s': ", from,
                          run->env.facts.agent[learner->agent].name);
    }
    algorithm_find(from, &run->arena, &learner->algo, &learner->config, err);
    return fm_fail_in(err, "--learner %s=%s: there is no such folder, and an ",
                      run->env.facts.agent[learner->agent].name, from);
}

fm_status learners_resolve(run_plan *run, fm_error *err) {
    if (list_learners(run, err) != FM_OK) return FM_BAD;
    run->learner = run->algo;
    run->learner_config = run->algo_config;
    if (run->learners == 0)
        return run->algo->accepts ? run->algo->accepts(&run->env.facts, run->algo_config, err) : FM_OK;
    algo_role *roles = fm_arena_array(&run->arena, algo_role, (size_t)run->learners + 1);
    roles[0] = (algo_role){.agent = ALGO_REST, .algo = run->algo, .config = run->algo_config};
    for (int k = 0; k < run->learners; k++) {
        run_learner *learner = &run->beside[k];
        if (open_learner(run, learner, err) != FM_OK) return FM_BAD;
        roles[k + 1] = (algo_role){.agent = learner->agent,
                                   .algo = learner->algo,
                                   .config = learner->config,
                                   .frozen = learner->policy ? &learner->frozen : NULL};
    }
    algo_cast *cast = algo_cast_make(&run->env.facts, roles, run->learners + 1, &run->arena, err);
    if (!cast) return fm_fail_in(err, "--learner: ");
    run->learner = &cast->type;
    run->learner_config = cast;
    return FM_OK;
}

void learners_free(run_plan *run) {
    for (int k = 0; k < run->learners; k++)
        if (run->beside[k].policy) policy_close(run->beside[k].policy);
}

/* ---- in the run's folder ---- */

#define LEARNERS_FOLDER "learners"

void learners_write(const run_plan *run, FILE *out) {
    for (int k = 0; k < run->learners; k++) {
        const run_learner *learner = &run->beside[k];
        fprintf(out, "\n[" INI_LEARNER "%s]\n", run->env.facts.agent[learner->agent].name);
        if (learner->policy) {
            fprintf(out, "from = " LEARNERS_FOLDER "/%d\n", learner->agent);
            fm_options_write(FROZEN, learner, out);
            continue;
        }
        fprintf(out, "from = %s\n", learner->from);
        fm_options_write(LEARNING, learner, out);
        fm_options_write(algorithm_options(learner->algo), learner->config, out);
    }
}

/* The place of a policy's copy. */
static char *copy_of(const run_learner *learner, const char *folder, char path[POLICY_PATH_MAX]) {
    snprintf(path, POLICY_PATH_MAX, "%.900s/" LEARNERS_FOLDER "/%d", folder, learner->agent);
    return path;
}

fm_status learners_copy(const run_plan *run, const char *folder, fm_error *err) {
    char path[POLICY_PATH_MAX];
    fm_status status = FM_OK;
    for (int k = 0; k < run->learners && status == FM_OK; k++)
        if (run->beside[k].policy)
            status = policy_copy(run->beside[k].policy, copy_of(&run->beside[k], folder, path), err);
    if (status != FM_OK) learners_remove(run, folder);
    return status;
}

void learners_remove(const run_plan *run, const char *folder) {
    char path[POLICY_PATH_MAX];
    for (int k = 0; k < run->learners; k++)
        if (run->beside[k].policy)
            policy_remove(run->beside[k].policy, copy_of(&run->beside[k], folder, path));
    snprintf(path, sizeof path, "%.900s/" LEARNERS_FOLDER, folder);
    rmdir(path);
}
