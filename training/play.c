/* play.c: the program `./play`: shows a trained policy, or a script of actions, decision by decision. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/kernels/kernels.h"
#include "base/text.h"
#include "nn/safetensors.h"
#include "training/run/checkpoint.h"
#include "training/run/flags.h"
#include "training/run/policy.h"
#include "training/run/program.h"
#include "training/show/play_script.h"
#include "training/show/play_show.h"
#include "training/run/version.h"

typedef struct play_config {
    char env[FM_TEXT_MAX];
    int64_t trial, episodes, seed, isa;
    bool sample, csv, help, version;
} play_config;

#define SEED_OWN (-1)

static const fm_option OPTIONS[] = {
    FM_OPT_TEXT(play_config, env, "",
                "what a script is played in: a name (./train --list) or the path of a .nfg file"),
    FM_OPT_INT(play_config, trial, "0", 0, 1000000, "", "which trial of FOLDER plays", ""),
    FM_OPT_INT(play_config, episodes, "1", 1, 1000000000, "", "how many are played", ""),
    FM_OPT_INT(play_config, seed, "-1", SEED_OWN, 9.2e18, "",
               "of the environment's chance; -1: the trial's own, which gives its evaluation's episodes", ""),
    FM_OPT_BOOL(play_config, sample, "false",
                "plays the policy as it is, its own randomness included, instead of its best actions", ""),
    FM_OPT_CHOICE(play_config, isa, "auto", "auto|" AD_ISA_NAMES,
                  "instruction set that a policy computes with; auto: the one that it was trained with", ""),
    FM_OPT_BOOL(play_config, csv, "false", "prints a table instead of pictures", ""),
    FM_OPT_BOOL(play_config, help, "false", "this text; with --env also the options of the environment", ""),
    FM_OPT_BOOL(play_config, version, "false", "the version", ""),
    FM_OPT_END,
};

static const flag_text TEXTS[] = {
    {"actions", "A/B,A/B,...", "the script: '/' between the actions of the agents, ',' between decisions",
     false},
    {"set", "key=value", "an option of the environment; may be repeated", true},
    {NULL, NULL, NULL, false},
};

static const char USAGE[] =
    "usage: ./play FOLDER [--trial K] [flags]  a policy that ./train left in FOLDER\n"
    "       ./play --env NAME --actions A/B,... [flags]  a script of actions\n"
    "\n"
    "Shows the situation before and after every decision, the actions, rewards and returns. A policy plays "
    "greedily unless --sample is given. In a script the last decision is repeated until the episode ends, "
    "and every episode starts from the first one. Actions are labels or indices, numbers for a box; several "
    "of one agent are joined by ':'. Any number will do for a box, as its bounds are kept.\n"
    "\n"
    "  ./play --env merge --set speed0=39 speed1=39 --actions FASTER/IDLE,IDLE/SLOWER\n"
    "  ./play --env maintain --actions A/X --csv\n"
    "  ./play --env duopoly --actions 6/3\n"
    "\n"
    "With --csv one row is printed per decision, the start of an episode being its step 0 (no actions, "
    "rewards 0): episode, step, action_0, ..., reward_0, ..., terminated, truncated, and then the "
    "environment's readings by name. The action of an agent that did not act is empty, and so is a reading "
    "that means nothing then.\n"
    "\n"
    "flags (--flag VALUE or --flag=VALUE), with their defaults:\n";

/* What plays. */
typedef struct player {
    const env *env;
    const loop *policy; /* NULL: the script */
    play_script script;
    uint64_t seed;
    char title[1200];
} player;

/* ---- opening ---- */

/* "--set env.key=value" or "--set key=value" -> the part from the key on. */
static fm_status check_set(const char *text, const char **pair, fm_error *err) {
    const char *equals = strchr(text, '=');
    *pair = strncmp(text, "env.", 4) == 0 ? text + 4 : text;
    if (!equals || equals <= *pair)
        return fm_fail(err, "--set: '%s' is not a setting; expected key=value", text);
    if (equals[1] == '\0') return fm_fail(err, "--set %s: its value is missing", text);
    if (strncmp(text, "algo.", 5) == 0)
        return fm_fail(err, "--set %s: a policy plays as it was trained; set only what the environment has",
                       text);
    return FM_OK;
}

static bool is_set(const flag_given *given) { return !given->option && strcmp(given->name, "set") == 0; }

static fm_status set_options(const flags *given, env *e, fm_error *err) {
    static const fm_option NONE[] = {FM_OPT_END};
    for (size_t i = 0; i < given->given_count; i++) {
        const char *pair;
        char key[128];
        if (!is_set(&given->given[i])) continue;
        if (check_set(given->given[i].value, &pair, err) != FM_OK) return FM_BAD;
        size_t length = strcspn(pair, "=");
        if (length >= sizeof key) return fm_fail(err, "--set: the key '%.60s...' is too long", pair);
        memcpy(key, pair, length);
        key[length] = '\0';
        const fm_option *table = e->type->options ? e->type->options : NONE;
        if (fm_options_set(table, e->config, key, pair + length + 1, err) != FM_OK)
            return fm_fail_in(err, "--set %s: ", e->type->name);
    }
    return FM_OK;
}

static fm_status open_script(const play_config *config, const flags *given, env *e, fm_arena *arena,
                             player *p, fm_error *err) {
    const char *text = flags_text(given, "actions");
    if (!text) return fm_fail(err, "--env %s: --actions is missing: which ones are played?", config->env);
    if (config->sample)
        return fm_fail(err, "--sample and --actions exclude each other: a script has no chance");
    if (env_open(config->env, arena, e, err) != FM_OK) return FM_BAD;
    if (set_options(given, e, err) != FM_OK || env_create(e, arena, err) != FM_OK) return FM_BAD;
    if (play_script_parse(&e->facts, text, arena, &p->script, err) != FM_OK) return FM_BAD;
    p->env = e;
    p->seed = config->seed == SEED_OWN ? 0 : (uint64_t)config->seed;
    snprintf(p->title, sizeof p->title, "a script of %lld decision%s", (long long)p->script.decisions,
             p->script.decisions == 1 ? "" : "s");
    return FM_OK;
}

/* The settings of the environment as ./train's parser reads them. */
static fm_status words_of(const flags *given, fm_arena *arena, policy_source *source, fm_error *err) {
    char **words = fm_arena_array(arena, char *, 2 * given->given_count);
    source->words = words;
    for (size_t i = 0; i < given->given_count; i++) {
        const flag_given *flag = &given->given[i];
        const char *pair;
        if (flag->option && strcmp(flag->name, "isa") == 0 && strcmp(flag->value, "auto") != 0) {
            words[source->words_count++] = "--isa";
            words[source->words_count++] = (char *)flag->value;
        }
        if (!is_set(flag)) continue;
        if (check_set(flag->value, &pair, err) != FM_OK) return FM_BAD;
        size_t size = strlen(pair) + 5;
        words[source->words_count++] = "--set";
        words[source->words_count] = fm_arena_array(arena, char, size);
        snprintf(words[source->words_count++], size, "env.%s", pair);
    }
    return FM_OK;
}

/* A trial that was interrupted, or met a number that is none, left what it had learned until then. */
static fm_status title_policy(const policy *trained, player *p, fm_error *err) {
    char path[CHECKPOINT_PATH_MAX + 40], trial_folder[CHECKPOINT_PATH_MAX], at[40], steps[40], *step = NULL;
    const run_plan *run = &trained->run;
    int64_t done = 0;
    checkpoint_folder(trained->folder, trained->trial, trial_folder);
    snprintf(path, sizeof path, "%s/%s", trial_folder, CHECKPOINT_PARAMETERS);
    if (nn_safetensors_metadata(path, "step", &step, err) != FM_OK) return FM_BAD;
    bool whole = fm_text_to_int(step, &done) && done >= run->config.steps;
    free(step);
    fm_text_grouped(done, at, sizeof at);
    fm_text_grouped(run->config.steps, steps, sizeof steps);
    int n = snprintf(p->title, sizeof p->title, "%s, trial %lld of %.900s", run->algo->name,
                     (long long)trained->trial, trained->folder);
    if (!whole)
        snprintf(p->title + n, sizeof p->title - (size_t)n, "; unfinished: trained for %s of %s decisions",
                 at, steps);
    return FM_OK;
}

static fm_status open_run(const play_config *config, const flags *given, policy *trained, fm_arena *arena,
                          player *p, fm_error *err) {
    policy_source source = {
        .folder = given->words[0], .trial = config->trial, .num_envs = 1, .own_isa = true};
    if (config->env[0])
        return fm_fail(err, "FOLDER and --env exclude each other: a policy plays where it was trained");
    if (flags_text(given, "actions"))
        return fm_fail(err, "FOLDER and --actions exclude each other; a script needs --env");
    if (given->words_count > 1)
        return fm_fail(err, "one folder at a time: '%s' stands behind '%s'", given->words[1], source.folder);
    if (words_of(given, arena, &source, err) != FM_OK) return FM_BAD;
    if (policy_open(trained, &source, err) != FM_OK) return FM_BAD;
    const loop *l = &trained->loop;
    p->env = &trained->run.env;
    p->policy = l;
    p->seed = config->seed == SEED_OWN ? l->setup.seed : (uint64_t)config->seed;
    return title_policy(trained, p, err);
}

/* ---- playing ---- */

/* "LEFT, STAY" */
static void list_legal(const env_facts *facts, int agent, int head, const uint8_t *mask, char *list,
                       size_t size) {
    size_t used = 0;
    list[0] = '\0';
    for (int k = 0; k < env_space_actions(&facts->agent[agent].action, head) && used + 1 < size; k++) {
        char text[32];
        if (!mask[k]) continue;
        int n = snprintf(list + used, size - used, "%s%s", used ? ", " : "",
                         env_action_label(facts, agent, head, k, text, sizeof text));
        used += n > 0 ? (size_t)n : 0;
    }
}

static fm_status check_agent(const env_vec *vec, int64_t episode, int agent, fm_error *err) {
    const env_facts *facts = &vec->env->facts;
    const env_agent *who = &facts->agent[agent];
    const uint8_t *mask = env_vec_now(vec).mask + who->mask_at;
    for (int h = 0; h < who->action.size; mask += env_space_actions(&who->action, h), h++) {
        char text[32], list[512];
        int chosen = (int)vec->actions[who->action_at + h];
        if (mask[chosen]) continue;
        list_legal(facts, agent, h, mask, list, sizeof list);
        return fm_fail(err,
                       "--actions: decision %lld of episode %lld: '%s' of %s is not legal then; legal: %s",
                       (long long)vec->length[0] + 1, (long long)episode,
                       env_action_label(facts, agent, h, chosen, text, sizeof text), who->name, list);
    }
    return FM_OK;
}

/* A policy obeys the mask; a script is told what it did not. */
static fm_status check_legal(const env_vec *vec, int64_t episode, fm_error *err) {
    const env_facts *facts = &vec->env->facts;
    for (int i = 0; facts->masks && i < facts->agents; i++) {
        bool chooses = env_vec_now(vec).active[i] && facts->agent[i].action.kind != ENV_BOX;
        if (chooses && check_agent(vec, episode, i, err) != FM_OK) return FM_BAD;
    }
    return FM_OK;
}

static fm_status choose(const player *p, stage *s, int64_t episode, fm_error *err) {
    if (p->policy) return stage_choose(s), FM_OK;
    const env_facts *facts = &p->env->facts;
    memcpy(s->vec.actions, play_script_at(&p->script, facts, s->vec.length[0]),
           (size_t)facts->action_total * sizeof *s->vec.actions);
    return check_legal(&s->vec, episode, err);
}

/* After several episodes: how they ended, and the mean returns. */
typedef struct score { int64_t episodes; double *mean; int64_t *outcomes; } score;

static void add_score(score *all, const env_vec *vec) {
    all->episodes++;
    for (int i = 0; i < vec->env->facts.agents; i++)
        all->mean[i] += (vec->sum[i] - all->mean[i]) / (double)all->episodes;
    if (vec->outcome[0] >= 0) all->outcomes[vec->outcome[0]]++;
}

static void put_score(const score *all, const env_facts *facts) {
    if (all->episodes < 2) return;
    printf("\n%lld episodes; mean return%s: ", (long long)all->episodes, facts->agents == 1 ? "" : "s");
    play_show_values(facts, all->mean, stdout);
    printf("\n");
    for (int o = 0; o < facts->outcomes; o++)
        if (all->outcomes[o] > 0) printf("  %s: %lld\n", facts->outcome_name[o], (long long)all->outcomes[o]);
}

static fm_status play(const player *p, const play_config *config, fm_arena *arena, fm_error *err) {
    const env_facts *facts = &p->env->facts;
    void (*put)(play_show *) = config->csv ? play_show_row : play_show_picture;
    score all = {.mean = fm_arena_array(arena, double, (size_t)facts->agents),
                 .outcomes = fm_arena_array(arena, int64_t, (size_t)facts->outcomes)};
    stage s;
    stage_setup setup = {.env = p->env,
                         .copies = 1,
                         .seed = p->seed,
                         .purpose = FM_RNG_EVAL,
                         .algo = p->policy ? p->policy->setup.algo : NULL,
                         .learner = p->policy ? p->policy->learner : NULL,
                         .mode = config->sample ? ALGO_SAMPLE : ALGO_GREEDY};
    play_show show = {.stage = &s,
                      .readings = fm_arena_array(arena, double, (size_t)facts->readings),
                      .gone = fm_arena_array(arena, uint8_t, (size_t)facts->agents),
                      .out = stdout};
    stage_init(&s, &setup, arena, NULL);
    if (stage_begin(&s, err) != FM_OK) return FM_BAD;
    if (config->csv) play_show_header(facts, stdout);
    else printf("%s\n%s\n", facts->title, p->title);
    for (; show.episode < config->episodes && !ferror(stdout); show.episode++) {
        put(&show);
        while (!env_vec_ended(&s.vec, 0)) {
            if (choose(p, &s, show.episode, err) != FM_OK) return FM_BAD;
            if (env_vec_step(&s.vec, err) != FM_OK) return FM_BAD;
            put(&show);
        }
        add_score(&all, &s.vec);
        if (stage_restart(&s, err) != FM_OK) return FM_BAD;
    }
    if (!config->csv) put_score(&all, facts);
    return FM_OK;
}

static fm_status help(const play_config *config, const flags *given, fm_arena *arena, fm_error *err) {
    env e;
    if (config->env[0] && env_open(config->env, arena, &e, err) != FM_OK) return FM_BAD;
    program_print(stdout, USAGE);
    flags_help(given, stdout);
    if (config->env[0]) {
        printf("\noptions of %s, each by --set:\n", e.type->name);
        if (e.type->options && e.type->options->name)
            fm_options_help(e.type->options, NULL, FM_HELP_SETTINGS, stdout);
        else printf("  none\n");
    }
    program_print(stdout, "\nexit status: 0 done, 2 wrong input\n");
    return FM_OK;
}

static fm_status run(const play_config *config, const flags *given, fm_error *err) {
    fm_arena arena = {0};
    policy trained = {0};
    env e;
    player p = {0};
    fm_status status;
    if (config->help) {
        status = help(config, given, &arena, err);
    } else if (config->version) {
        printf("%s\n", run_version());
        status = FM_OK;
    } else {
        if (given->words_count > 0) status = open_run(config, given, &trained, &arena, &p, err);
        else if (config->env[0]) status = open_script(config, given, &e, &arena, &p, err);
        else status = fm_fail(err, "expected FOLDER, or --env NAME --actions A/B,...; --help says more");
        if (status == FM_OK) status = play(&p, config, &arena, err);
    }
    policy_close(&trained);
    fm_arena_free(&arena);
    return status;
}

int main(int argc, char **argv) {
    play_config config;
    fm_error err;
    flags given = {.options = OPTIONS, .config = &config, .texts = TEXTS, .word = "FOLDER"};
    program_begin(argc > 0 ? argv[0] : NULL, "play");
    fm_status status = flags_parse(&given, argc - 1, argv + 1, &err);
    if (status == FM_OK) status = run(&config, &given, &err);
    if (status != FM_OK) program_fail(&err);
    flags_free(&given);
    return program_end((int)status);
}
