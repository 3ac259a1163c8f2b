/* inner.c: see inner.h. */
#include "envs/commitment/inner.h"

#include <string.h>

#include "base/text.h"

_Static_assert(offsetof(inner_config, rules) == 0, "rows of iterated_config are rows of inner_config");

extern const env_type env_iterated;

#define NAMES_MAX 128
#define CHOICES_MAX 1024

/* ---- opening ---- */

/* The word nearest to an unknown game: of the iterated ones or of the environments. */
static fm_status unknown_game(const char *name, fm_error *err) {
    char choices[CHOICES_MAX];
    const char *names[NAMES_MAX];
    size_t n = 0;
    fm_text_format(choices, sizeof choices, "%s", ITERATED_OPTIONS[0].choices);
    for (char *at = choices; at && n < NAMES_MAX; n++) {
        names[n] = at;
        at = strchr(at, '|');
        if (at) *at++ = '\0';
    }
    for (size_t i = 0; ENV_TABLE[i] && n < NAMES_MAX; i++) names[n++] = ENV_TABLE[i]->name;
    const char *nearest = fm_text_nearest(name, names, n);
    if (nearest) return fm_fail(err, "game: unknown game '%s'; did you mean '%s'?", name, nearest);
    return fm_fail(err, "game: unknown game '%s'; the iterated ones are %s", name,
                   ITERATED_OPTIONS[0].choices);
}

/* "key=value,key=value" of an environment's own options. */
static fm_status apply_settings(env *e, const char *settings, fm_error *err) {
    static const fm_option NONE[] = {FM_OPT_END};
    char text[FM_TEXT_MAX];
    fm_text_format(text, sizeof text, "%s", settings);
    for (char *c = text; *c; c++)
        if (*c == ',') *c = ' ';
    if (fm_options_apply(e->type->options ? e->type->options : NONE, e->config, text, err) == FM_OK)
        return FM_OK;
    return fm_fail_in(err, "game_settings of '%s': ", e->type->name);
}

static fm_status choose(const inner_config *config, fm_arena *arena, env *e, fm_error *err) {
    iterated_config rules = config->rules;
    fm_error other;
    memset(e, 0, sizeof *e);
    if (fm_options_set(ITERATED_OPTIONS, &rules, "game", config->game, &other) == FM_OK) {
        e->type = &env_iterated;
        e->config = fm_arena_array(arena, iterated_config, 1);
        memcpy(e->config, &rules, sizeof rules);
        if (!config->game_settings[0]) return FM_OK;
        return fm_fail(err,
                       "game_settings: the iterated game '%s' has options of its own here: memory, "
                       "horizon, offset, x, c",
                       config->game);
    }
    if (!env_find(config->game)) return unknown_game(config->game, err);
    if (env_open(config->game, arena, e, err) != FM_OK) return FM_BAD;
    return apply_settings(e, config->game_settings, err);
}

/* "iterated game=hero memory=joint ...", in the arena. */
static const char *text_of(const env *e, fm_arena *arena) {
    char value[FM_TEXT_MAX];
    size_t size = strlen(e->type->name) + 1, used = 0;
    const fm_option *rows = e->type->options;
    for (const fm_option *row = rows; row && row->name; row++)
        size += strlen(row->name) + 2 + strlen(fm_option_format(row, e->config, value, sizeof value));
    char *text = fm_arena_array(arena, char, size);
    fm_text_format(text, size, "%s", e->type->name);
    for (const fm_option *row = rows; row && row->name; row++) {
        used = strlen(text);
        if (row->type == FM_RENAMED) continue;
        fm_text_format(text + used, size - used, " %s=%s", row->name,
                       fm_option_format(row, e->config, value, sizeof value));
    }
    return text;
}

static fm_status check(const env_facts *facts, fm_error *err) {
    if (facts->agents < 2) return fm_fail(err, "game: nobody follows in '%s'", facts->name);
    if (facts->masks) return fm_fail(err, "game: '%s' has actions that can be illegal", facts->name);
    if (facts->carried > 0) return fm_fail(err, "game: episodes of '%s' depend on each other", facts->name);
    for (int i = 0; i < facts->agents; i++) {
        const env_agent *agent = &facts->agent[i];
        if (!agent->one_hot)
            return fm_fail(err,
                           "game: '%s' of '%s' does not observe the one-hot of a situation, which a "
                           "commitment needs",
                           agent->name, facts->name);
        if (i > 0 && agent->action.kind != ENV_DISCRETE)
            return fm_fail(err, "game: the actions of the follower '%s' of '%s' are not discrete",
                           agent->name, facts->name);
    }
    return FM_OK;
}

/* ---- a play ---- */

typedef struct head {
    int64_t length;
    int64_t over;
} head;

static size_t place(size_t *end, size_t count, size_t size) {
    const size_t start = *end;
    *end += (count * size + sizeof(double) - 1) / sizeof(double) * sizeof(double);
    return start;
}

static void lay_out(inner_game *g) {
    const env_facts *f = g->facts;
    size_t end = sizeof(head), agents = (size_t)f->agents;
    g->rewards = place(&end, agents, sizeof(double));
    g->obs = place(&end, (size_t)f->obs_total, sizeof(real));
    g->central = place(&end, (size_t)f->central_length, sizeof(real));
    g->actions = place(&end, (size_t)f->action_total, sizeof(real));
    g->mask = place(&end, (size_t)f->mask_total, 1);
    g->active = place(&end, agents, 1);
    g->learns = place(&end, agents, 1);
    g->done = place(&end, agents, 1);
    g->state = place(&end, f->state_size, 1);
    g->size = end;
}

fm_status inner_open(const inner_config *config, fm_arena *arena, inner_game *g, fm_error *err) {
    memset(g, 0, sizeof *g);
    if (choose(config, arena, &g->env, err) != FM_OK) return FM_BAD;
    g->text = text_of(&g->env, arena);
    if (env_create(&g->env, arena, err) != FM_OK) return FM_BAD;
    if (check(&g->env.facts, err) != FM_OK) return FM_BAD;
    g->facts = &g->env.facts;
    g->situations = g->facts->agent[0].obs_length;
    g->followers = g->facts->agents - 1;
    lay_out(g);
    return FM_OK;
}

static void *part(void *play, size_t at) { return (char *)play + at; }
static const void *const_part(const void *play, size_t at) { return (const char *)play + at; }

/* What the contract promises to stand in the slices before reset and step. */
static env_io slices(const inner_game *g, void *play) {
    const size_t agents = (size_t)g->facts->agents;
    env_io io = {.obs = part(play, g->obs),
                 .central = part(play, g->central),
                 .actions = part(play, g->actions),
                 .rewards = part(play, g->rewards),
                 .mask = part(play, g->mask),
                 .active = part(play, g->active),
                 .learns = part(play, g->learns),
                 .done = part(play, g->done)};
    memset(io.rewards, 0, agents * sizeof *io.rewards);
    memset(io.mask, 1, (size_t)g->facts->mask_total);
    memset(io.learns, 1, agents);
    for (size_t i = 0; i < agents; i++) io.active[i] = !io.done[i];
    return io;
}

void inner_start(const inner_game *g, void *play, fm_rng *rng) {
    memset(play, 0, g->size);
    env_io io = slices(g, play);
    g->env.type->reset(g->env.game, part(play, g->state), rng, &io);
}

void inner_start_at(const inner_game *g, void *play, int start) {
    memset(play, 0, g->size);
    env_io io = slices(g, play);
    g->env.type->start(g->env.game, part(play, g->state), start, &io);
}

void inner_step(const inner_game *g, void *play, fm_rng *rng) {
    head *h = play;
    env_io io = slices(g, play);
    g->env.type->step(g->env.game, part(play, g->state), rng, &io);
    h->over = ++h->length >= g->facts->horizon || io.terminated || io.truncated;
    for (int i = 0; i < g->facts->agents; i++) io.active[i] = io.active[i] && !io.done[i];
}

bool inner_over(const inner_game *g, const void *play) {
    (void)g;
    return ((const head *)play)->over != 0;
}

bool inner_active(const inner_game *g, const void *play, int agent) {
    return ((const uint8_t *)const_part(play, g->active))[agent] != 0;
}

int inner_situation(const inner_game *g, const void *play, int agent) {
    const env_agent *a = &g->facts->agent[agent];
    const real *obs = (const real *)const_part(play, g->obs) + a->obs_at;
    for (int s = 0; s < a->obs_length; s++)
        if (obs[s] != 0) return s;
    return 0; /* of an agent that is not active */
}

double inner_reward(const inner_game *g, const void *play, int agent) {
    return ((const double *)const_part(play, g->rewards))[agent];
}

real *inner_action(const inner_game *g, void *play, int agent) {
    return (real *)part(play, g->actions) + g->facts->agent[agent].action_at;
}

const void *inner_state(const inner_game *g, const void *play) { return const_part(play, g->state); }

const iterated_game *inner_iterated(const inner_game *g) {
    return g->env.type == &env_iterated ? g->env.game : NULL;
}

/* ---- contexts ---- */

int inner_contexts(const inner_game *g, int agent) {
    const env_space *space = &g->facts->agent[0].action;
    int64_t contexts = g->facts->agent[agent].obs_length;
    if (space->kind != ENV_DISCRETE) return 0;
    for (int s = 0; s < g->situations; s++) {
        contexts *= space->n;
        if (contexts > INNER_CONTEXTS_MAX) return 0;
    }
    return (int)contexts;
}

int inner_context(const inner_game *g, int situation, const real *answers) {
    const int n = g->facts->agent[0].action.n;
    int context = situation;
    for (int s = 0; s < g->situations; s++) context = context * n + (int)answers[s];
    return context;
}

const char *inner_context_text(const inner_game *g, fm_arena *arena) {
    static const char BEFORE[] = "contexts of ";
    const size_t size = sizeof BEFORE + strlen(g->text);
    char *text = fm_arena_array(arena, char, size);
    fm_text_format(text, size, "%s%s", BEFORE, g->text);
    return text;
}
