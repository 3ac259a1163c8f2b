/* cast.c: see cast.h. */
#include "algos/cast.h"

#include <string.h>

#include "base/text.h"
#include "stb_ds.h"

/* One role, as the cast made it. P agents are seen, of which some are played. */
typedef struct algo_part {
    algo_role role;
    const char *who;        /* for messages: the agent's name, or the algorithm's for ALGO_REST */
    const env_facts *facts; /* of what it sees */
    int *agent;             /* [P] their numbers in the game */
    bool *plays;            /* [P] */
} algo_part;

/* The rows of one view, gathered for one part; [copies][...] of its facts. */
typedef struct part_rows {
    real *obs;
    uint8_t *mask, *active, *learns;
} part_rows;

/* A part while it runs. */
typedef struct player {
    const algo_part *part;
    void *learner;
    size_t memory_length;
    real *memory;    /* [copies][memory_length] */
    real *actions;   /* [copies][action_total] */
    double *rewards; /* [copies][P] */
    uint8_t *done;   /* [copies][P] */
    part_rows before, after;
} player;

typedef struct company {
    const algo_cast *cast;
    player *player; /* [parts] */
    size_t memory_length;
} company;

/* ---- who sees what ---- */

/* Levels count 0, 1, 2, ... among those who are left. */
static int level_among(const env_facts *facts, int agents, const int *agent, int k) {
    int level = 0;
    for (int l = 0; l < facts->agent[agent[k]].level; l++) {
        bool found = false;
        for (int j = 0; j < agents; j++) found |= facts->agent[agent[j]].level == l;
        level += found;
    }
    return level;
}

/* The game as some of its agents know it. Its solutions and payoff tables are those of all of them. */
static env_facts *facts_of(const env_facts *facts, int agents, const int *agent, fm_arena *arena) {
    env_facts *own = fm_arena_array(arena, env_facts, 1);
    *own = *facts;
    own->solutions = 0;
    own->bimatrix = own->file = NULL;
    env_facts_agents(own, agents, arena);
    for (int k = 0; k < agents; k++) {
        own->agent[k] = facts->agent[agent[k]];
        own->agent[k].level = level_among(facts, agents, agent, k);
    }
    bool discrete = false;
    for (int k = 0; k < agents; k++) discrete |= own->agent[k].action.kind != ENV_BOX;
    own->masks = facts->masks && discrete;
    env_facts_finish(own);
    return own;
}

static fm_status see_own(algo_part *part, const env_facts *facts, const bool *taken, fm_arena *arena,
                         fm_error *err) {
    int n = 0;
    part->agent = fm_arena_array(arena, int, (size_t)facts->agents);
    part->plays = fm_arena_array(arena, bool, (size_t)facts->agents);
    for (int i = 0; i < facts->agents; i++) {
        if (part->role.agent == ALGO_REST ? taken[i] : i != part->role.agent) continue;
        part->plays[n] = true;
        part->agent[n++] = i;
    }
    if (n == 0)
        return fm_fail(err,
                       "every agent of '%s' is played by a learner of its own, and %s has none left to "
                       "learn for",
                       facts->name, part->role.algo->name);
    part->facts = facts_of(facts, n, part->agent, arena);
    if (!part->role.algo->accepts) return FM_OK;
    if (part->role.algo->accepts(part->facts, part->role.config, err) == FM_OK) return FM_OK;
    if (part->role.agent == ALGO_REST) return fm_fail_in(err, "beside the other learners: ");
    return fm_fail_in(err, "the learner of '%s', which sees that agent alone: ", part->who);
}

static bool same_space(const env_space *a, const env_space *b) {
    if (a->kind != b->kind || a->size != b->size || a->n != b->n) return false;
    for (int k = 0; k < a->size; k++) {
        if (a->kind == ENV_MULTI_DISCRETE && a->heads[k] != b->heads[k]) return false;
        if (a->kind == ENV_BOX && (a->low[k] != b->low[k] || a->high[k] != b->high[k])) return false;
    }
    return true;
}

static int agent_called(const env_facts *facts, const char *name) {
    for (int i = 0; i < facts->agents; i++)
        if (strcmp(facts->agent[i].name, name) == 0) return i;
    return -1;
}

static fm_status see_as_trained(algo_part *part, const env_facts *facts, fm_arena *arena, fm_error *err) {
    const env_facts *own = part->facts = part->role.frozen->facts;
    bool plays = false;
    part->agent = fm_arena_array(arena, int, (size_t)own->agents);
    part->plays = fm_arena_array(arena, bool, (size_t)own->agents);
    if (own->central_length != facts->central_length || own->masks != facts->masks)
        return fm_fail(err,
                       "'%s': the policy knows a centralised state of %d numbers and %s masks; '%s' has "
                       "%d and %s",
                       part->who, own->central_length, own->masks ? "" : "no", facts->name,
                       facts->central_length, facts->masks ? "masks" : "none");
    for (int k = 0; k < own->agents; k++) {
        const env_agent *trained = &own->agent[k];
        int i = part->agent[k] = agent_called(facts, trained->name);
        if (i < 0)
            return fm_fail(err, "'%s': the policy was trained with an agent '%s', which '%s' does not have",
                           part->who, trained->name, facts->name);
        if (trained->obs_length != facts->agent[i].obs_length)
            return fm_fail(err, "'%s': the policy knows observations of %d numbers for '%s'; '%s' has %d",
                           part->who, trained->obs_length, trained->name, facts->name,
                           facts->agent[i].obs_length);
        if (!same_space(&trained->action, &facts->agent[i].action))
            return fm_fail(err, "'%s': the policy knows other actions of '%s' than '%s' has", part->who,
                           trained->name, facts->name);
        part->plays[k] = i == part->role.agent;
        plays |= part->plays[k];
    }
    return plays ? FM_OK : fm_fail(err, "'%s': the policy was trained without that agent", part->who);
}

/* ---- metrics ---- */

static bool is_learner(const algo_part *part) { return part->role.frozen == NULL; }

/* "loss" of one part as the columns of the whole are called. */
static algo_metric *describe(const algo_part *part, const algo_metric *row, fm_arena *arena,
                             algo_metric *to) {
    bool number = row->per_agent || part->role.agent != ALGO_REST;
    for (int k = 0; k < (row->per_agent ? part->facts->agents : 1); k++) {
        char name[FM_NAME_MAX];
        if (number)
            fm_text_format(name, sizeof name, "%s_%d", row->name, part->agent[k]);
        else
            fm_text_format(name, sizeof name, "%s", row->name);
        *to++ = (algo_metric){fm_arena_text(arena, name), row->unit, row->doc, false};
    }
    return to;
}

static const algo_metric *metrics_of(const algo_cast *cast, fm_arena *arena) {
    size_t n = 0;
    for (int p = 0; p < cast->parts; p++)
        if (is_learner(&cast->part[p]))
            n += (size_t)algo_metric_count(cast->part[p].role.algo, cast->part[p].facts);
    algo_metric *metrics = fm_arena_array(arena, algo_metric, n + 1), *to = metrics;
    for (int p = 0; p < cast->parts; p++) {
        const algo_part *part = &cast->part[p];
        for (const algo_metric *row = part->role.algo->metrics; is_learner(part) && row && row->name; row++)
            to = describe(part, row, arena, to);
    }
    return metrics;
}

static void measure(const void *self, double *values) {
    const company *c = self;
    for (int p = 0; p < c->cast->parts; p++) {
        const algo_part *part = &c->cast->part[p];
        int n = is_learner(part) ? algo_metric_count(part->role.algo, part->facts) : 0;
        if (n > 0) part->role.algo->measure(c->player[p].learner, values);
        values += n;
    }
}

/* ---- creation ---- */

/* What a part keeps, under the name of its agent; of a frozen policy the parameters alone. */
static void keep_part(fm_keep_list *keep, const fm_keep_list *own, const algo_role *role) {
    for (size_t k = 0; k < arrlenu(own->items); k++) {
        fm_kept item = own->items[k];
        if (role->frozen && !item.parameter) continue;
        if (role->agent != ALGO_REST)
            fm_text_format(item.name, sizeof item.name, "learner.%d/%s", role->agent, own->items[k].name);
        fm_keep_item(keep, &item);
    }
}

/* The main learner's seed is the run's, as if it were alone. */
static uint64_t seed_of(const algo_role *role, uint64_t seed) {
    if (role->agent == ALGO_REST) return seed;
    fm_rng rng = fm_rng_split(seed, FM_RNG_LEARNER, 0, (uint64_t)role->agent);
    return fm_rng_bits(&rng);
}

static part_rows rows_make(const env_facts *facts, size_t copies, fm_arena *arena) {
    size_t agents = (size_t)facts->agents;
    return (part_rows){.obs = fm_arena_array(arena, real, copies * (size_t)facts->obs_total),
                       .mask = fm_arena_array(arena, uint8_t, copies * (size_t)facts->mask_total),
                       .active = fm_arena_array(arena, uint8_t, copies * agents),
                       .learns = fm_arena_array(arena, uint8_t, copies * agents)};
}

static player player_make(const algo_part *part, const algo_setup *setup) {
    size_t copies = (size_t)setup->num_envs, agents = (size_t)part->facts->agents;
    const algo_type *algo = part->role.algo;
    fm_keep_list own = {0};
    algo_setup of_part = *setup;
    of_part.facts = part->facts;
    of_part.config = part->role.config;
    of_part.seed = seed_of(&part->role, setup->seed);
    of_part.keep = &own;
    player p = {.part = part,
                .learner = is_learner(part) ? algo->create(&of_part) : part->role.frozen->learner,
                .actions = fm_arena_array(setup->arena, real, copies * (size_t)part->facts->action_total),
                .rewards = fm_arena_array(setup->arena, double, copies *agents),
                .done = fm_arena_array(setup->arena, uint8_t, copies * agents),
                .before = rows_make(part->facts, copies, setup->arena),
                .after = rows_make(part->facts, copies, setup->arena)};
    keep_part(setup->keep, is_learner(part) ? &own : part->role.frozen->keep, &part->role);
    fm_keep_free(&own);
    if (algo->memory_length) p.memory_length = algo->memory_length(p.learner);
    if (p.memory_length > 0) p.memory = fm_arena_array(setup->arena, real, copies * p.memory_length);
    return p;
}

static void *create(const algo_setup *setup) {
    company *c = fm_arena_array(setup->arena, company, 1);
    c->cast = setup->config;
    c->player = fm_arena_array(setup->arena, player, (size_t)c->cast->parts);
    for (int p = 0; p < c->cast->parts; p++) {
        c->player[p] = player_make(&c->cast->part[p], setup);
        c->memory_length += c->player[p].memory_length;
    }
    return c;
}

static size_t memory_length(const void *self) { return ((const company *)self)->memory_length; }

static void destroy(void *self) {
    company *c = self;
    for (int p = 0; p < c->cast->parts; p++) {
        const algo_part *part = &c->cast->part[p];
        if (is_learner(part) && part->role.algo->destroy) part->role.algo->destroy(c->player[p].learner);
    }
}

/* ---- between the rows of the game and those of a part ---- */

static env_view gather(const env_facts *all, const algo_part *part, const env_view *view, part_rows *rows) {
    const env_facts *own = part->facts;
    size_t agents = (size_t)own->agents;
    for (size_t r = 0; r < (size_t)view->copies; r++)
        for (size_t k = 0; k < agents; k++) {
            const env_agent *mine = &own->agent[k], *its = &all->agent[part->agent[k]];
            size_t to = r * agents + k, from = r * (size_t)all->agents + (size_t)part->agent[k];
            memcpy(rows->obs + r * (size_t)own->obs_total + mine->obs_at,
                   view->obs + r * (size_t)all->obs_total + its->obs_at,
                   (size_t)mine->obs_length * sizeof(real));
            memcpy(rows->mask + r * (size_t)own->mask_total + mine->mask_at,
                   view->mask + r * (size_t)all->mask_total + its->mask_at,
                   (size_t)env_space_choices(&mine->action));
            rows->active[to] = view->active[from];
            rows->learns[to] = view->learns[from];
        }
    return (env_view){.copies = view->copies,
                      .obs = rows->obs,
                      .central = view->central,
                      .mask = rows->mask,
                      .active = rows->active,
                      .learns = rows->learns,
                      .first = view->first};
}

static void gather_actions(const env_facts *all, const player *p, size_t copies, const real *actions) {
    const env_facts *own = p->part->facts;
    for (size_t r = 0; r < copies; r++)
        for (int k = 0; k < own->agents; k++)
            memcpy(p->actions + r * (size_t)own->action_total + own->agent[k].action_at,
                   actions + r * (size_t)all->action_total + all->agent[p->part->agent[k]].action_at,
                   (size_t)own->agent[k].action.size * sizeof *actions);
}

static void scatter_actions(const env_facts *all, const player *p, size_t copies, real *actions) {
    const env_facts *own = p->part->facts;
    for (size_t r = 0; r < copies; r++)
        for (int k = 0; k < own->agents; k++) {
            if (!p->part->plays[k]) continue;
            memcpy(actions + r * (size_t)all->action_total + all->agent[p->part->agent[k]].action_at,
                   p->actions + r * (size_t)own->action_total + own->agent[k].action_at,
                   (size_t)own->agent[k].action.size * sizeof *actions);
        }
}

/* The columns [at, at + memory_length) of the whole memory are the part's; and back. */
static void move_memory(const company *c, const player *p, size_t copies, size_t at, real *memory,
                        bool back) {
    size_t n = p->memory_length;
    for (size_t r = 0; r < copies && n > 0; r++) {
        real *whole = memory + r * c->memory_length + at, *own = p->memory + r * n;
        memcpy(back ? whole : own, back ? own : whole, n * sizeof *own);
    }
}

/* ---- the contract ---- */

/* A frozen policy that answers is asked for the role's agent alone. */
static bool answers(const algo_part *part) { return !is_learner(part) && part->role.algo->answer != NULL; }

static void act_part(company *c, player *p, const env_view *view, algo_mode mode, fm_rng *rng,
                     real *actions) {
    const algo_part *part = p->part;
    const env_facts *all = c->cast->facts;
    env_view seen = gather(all, part, view, &p->before);
    algo_mode how = is_learner(part) ? mode : part->role.frozen->mode;
    if (answers(part)) {
        gather_actions(all, p, (size_t)view->copies, actions);
        for (int k = 0; k < part->facts->agents; k++)
            if (part->plays[k]) part->role.algo->answer(p->learner, &seen, k, how, rng, p->actions);
    } else {
        part->role.algo->act(p->learner, &seen, how, rng, p->memory, p->actions);
    }
    scatter_actions(all, p, (size_t)view->copies, actions);
}

static void act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory, real *actions) {
    company *c = self;
    size_t at = 0, copies = (size_t)view->copies;
    memset(actions, 0, copies * (size_t)c->cast->facts->action_total * sizeof *actions);
    for (int k = 0; k < c->cast->parts; k++) {
        player *p = &c->player[k];
        move_memory(c, p, copies, at, memory, false);
        act_part(c, p, view, mode, rng, actions);
        move_memory(c, p, copies, at, memory, true);
        at += p->memory_length;
    }
}

static void observe(void *self, const algo_step *step) {
    company *c = self;
    const env_facts *all = c->cast->facts;
    size_t copies = (size_t)step->before.copies;
    for (int k = 0; k < c->cast->parts; k++) {
        player *p = &c->player[k];
        const algo_part *part = p->part;
        size_t agents = (size_t)part->facts->agents;
        if (!is_learner(part)) continue;
        for (size_t r = 0; r < copies; r++)
            for (size_t i = 0; i < agents; i++) {
                size_t from = r * (size_t)all->agents + (size_t)part->agent[i];
                p->rewards[r * agents + i] = step->rewards[from];
                p->done[r * agents + i] = step->done[from];
            }
        gather_actions(all, p, copies, step->actions);
        algo_step own = {.before = gather(all, part, &step->before, &p->before),
                         .actions = p->actions,
                         .rewards = p->rewards,
                         .after = gather(all, part, &step->after, &p->after),
                         .done = p->done,
                         .terminated = step->terminated,
                         .truncated = step->truncated};
        part->role.algo->observe(p->learner, &own);
    }
}

static void update(void *self) {
    company *c = self;
    for (int k = 0; k < c->cast->parts; k++)
        if (is_learner(c->player[k].part)) c->player[k].part->role.algo->update(c->player[k].learner);
}

/* ---- making a cast ---- */

static fm_status accepts(const env_facts *facts, const void *config, fm_error *err) {
    (void)facts, (void)config, (void)err;
    return FM_OK; /* each part was asked when the cast was made */
}

/* Whoever answers acts after all others, from the leaders down. */
static int turn_of(const algo_part *part, const env_facts *facts) {
    return answers(part) ? 1 + facts->agent[part->role.agent].level : 0;
}

static void sort_parts(algo_cast *cast) {
    for (int k = 1; k < cast->parts; k++)
        for (int j = k; j > 0; j--) {
            algo_part *a = &cast->part[j - 1], *b = &cast->part[j], earlier = *a;
            if (turn_of(a, cast->facts) <= turn_of(b, cast->facts)) break;
            *a = *b;
            *b = earlier;
        }
}

/* Whether somebody plays as it is, whatever the others do. */
static bool draws_always(const algo_cast *cast) {
    for (int k = 0; k < cast->parts; k++)
        if (!is_learner(&cast->part[k]) && cast->part[k].role.frozen->mode == ALGO_SAMPLE) return true;
    return false;
}

static const algo_type *rest_of(const algo_role *roles, int count) {
    for (int k = 0; k < count; k++)
        if (roles[k].agent == ALGO_REST) return roles[k].algo;
    FM_CHECK(false, "a cast of %d roles without ALGO_REST", count);
    return NULL;
}

algo_cast *algo_cast_make(const env_facts *facts, const algo_role *roles, int count, fm_arena *arena,
                          fm_error *err) {
    algo_cast *cast = fm_arena_array(arena, algo_cast, 1);
    const algo_type *rest = rest_of(roles, count);
    bool *taken = fm_arena_array(arena, bool, (size_t)facts->agents);
    cast->facts = facts;
    cast->parts = count;
    cast->part = fm_arena_array(arena, algo_part, (size_t)count);
    for (int k = 0; k < count; k++) {
        if (roles[k].agent == ALGO_REST) continue;
        FM_CHECK(roles[k].agent >= 0 && roles[k].agent < facts->agents && !taken[roles[k].agent],
                 "a role of agent %d", roles[k].agent);
        taken[roles[k].agent] = true;
    }
    for (int k = 0; k < count; k++) {
        algo_part *part = &cast->part[k];
        part->role = roles[k];
        part->who = roles[k].agent == ALGO_REST ? rest->name : facts->agent[roles[k].agent].name;
        fm_status status = is_learner(part) ? see_own(part, facts, taken, arena, err)
                                            : see_as_trained(part, facts, arena, err);
        if (status != FM_OK) return NULL;
    }
    sort_parts(cast);
    cast->type = (algo_type){.name = rest->name,
                             .doc = rest->doc,
                             .paper = rest->paper,
                             .steps = rest->steps,
                             .restless = draws_always(cast),
                             .accepts = accepts,
                             .create = create,
                             .act = act,
                             .observe = observe,
                             .update = update,
                             .memory_length = memory_length,
                             .metrics = metrics_of(cast, arena),
                             .measure = measure,
                             .destroy = destroy};
    return cast;
}
