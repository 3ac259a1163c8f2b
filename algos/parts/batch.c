#include "algos/parts/batch.h"

algo_batch algo_batch_make(const algo_setup *setup, size_t rows) {
    algo_batch batch = {.facts = setup->facts, .setup = setup, .rows = rows};
    batch.joint = algo_joint_of(setup->facts, setup->arena);
    batch.drawn = fm_arena_array(setup->arena, uint32_t, rows);
    return batch;
}

/* ---- declaring ---- */

/* Numbers per row of a field. */
static size_t width_of(const algo_batch *batch, algo_field field, int agent) {
    const env_facts *facts = batch->facts;
    int i = agent == ALGO_OWN ? batch->alike : agent;
    const env_agent *a = i == ALGO_ALL ? NULL : &facts->agent[i];
    switch (field) {
    case ALGO_OBS:
    case ALGO_NEXT_OBS: return (size_t)(a ? a->obs_length : facts->obs_total);
    case ALGO_CENTRAL:
    case ALGO_NEXT_CENTRAL: return (size_t)facts->central_length;
    case ALGO_ACTION: return (size_t)(a ? a->action.size : facts->action_total);
    case ALGO_COLUMNS: return (size_t)(a ? batch->joint.width[i] : batch->joint.total);
    case ALGO_MASK:
    case ALGO_NEXT_MASK: return (size_t)(a ? env_space_choices(&a->action) : facts->mask_total);
    default: return 1;
    }
}

void algo_batch_into(algo_batch *batch, algo_field field, int agent, real *to, size_t stride) {
    size_t width = width_of(batch, field, agent);
    bool of_all = field <= ALGO_NEXT_MASK || field == ALGO_FIRST;
    FM_CHECK(agent != ALGO_ALL || of_all, "a column of field %d for all agents", (int)field);
    FM_CHECK(agent != ALGO_OWN || batch->own, "a column of a row's own agent, in rows that are nobody's");
    FM_CHECK(width > 0 && stride >= width, "a column of field %d: %zu numbers in rows of %zu", (int)field,
             width, stride);
    algo_column *column = fm_arena_array(batch->setup->arena, algo_column, 1);
    *column = (algo_column){field, agent, to, width, stride, batch->columns};
    batch->columns = column;
}

real *algo_batch_leaf(algo_batch *batch, algo_field field, int agent, ad_var *leaf) {
    static const char *const NAMES[ALGO_FIELDS] = {
        "observation", "next observation", "central state", "next central state",
        "action",      "action columns",   "mask",          "next mask",
        "reward",      "not done",         "weight",        "log-probability",
        "value",       "advantage",        "return",        "active",
        "first"};
    size_t width = width_of(batch, field, agent);
    real *to = fm_arena_array(batch->setup->arena, real, batch->rows * width);
    algo_batch_into(batch, field, agent, to, width);
    if (leaf) *leaf = ad_leaf(batch->setup->tape, batch->rows, width, to, NAMES[field]);
    return to;
}

/* ---- filling ---- */

/* A field has `stride` numbers per slot; those of the agent begin at `start`. */
typedef struct place {
    size_t start, stride;
} place;

static place place_of(const env_facts *facts, algo_field field, int agent) {
    size_t i = agent == ALGO_ALL ? 0 : (size_t)agent; /* all agents begin where the first one does */
    const env_agent *a = &facts->agent[i];
    switch (field) {
    case ALGO_OBS:
    case ALGO_NEXT_OBS: return (place){(size_t)a->obs_at, (size_t)facts->obs_total};
    case ALGO_CENTRAL:
    case ALGO_NEXT_CENTRAL: return (place){0, (size_t)facts->central_length};
    case ALGO_ACTION: return (place){(size_t)a->action_at, (size_t)facts->action_total};
    case ALGO_MASK:
    case ALGO_NEXT_MASK: return (place){(size_t)a->mask_at, (size_t)facts->mask_total};
    case ALGO_FIRST: return (place){0, 1};
    default: return (place){i, (size_t)facts->agents};
    }
}

static void copy_reals(real *to, const real *from, size_t n) {
    for (size_t k = 0; k < n; k++) to[k] = from[k];
}

static void copy_flags(real *to, const uint8_t *from, size_t n) {
    for (size_t k = 0; k < n; k++) to[k] = from[k] != 0;
}

static void fill_row(const algo_batch *batch, const algo_column *c, int agent, const void *from, size_t at,
                     real *to) {
    switch (c->field) {
    case ALGO_MASK:
    case ALGO_NEXT_MASK:
        if (from)
            copy_flags(to, (const uint8_t *)from + at, c->width);
        else
            for (size_t k = 0; k < c->width; k++) to[k] = 1;
        break;
    case ALGO_NOT_DONE:
    case ALGO_WEIGHT:
    case ALGO_ACTIVE:
    case ALGO_FIRST: copy_flags(to, (const uint8_t *)from + at, c->width); break;
    case ALGO_REWARD: {
        algo_scale scale = batch->scale ? batch->scale[agent] : (algo_scale){0, 1};
        to[0] = (real)((((const double *)from)[at] - scale.shift) * scale.scale);
        break;
    }
    default: copy_reals(to, (const real *)from + at, c->width);
    }
}

static void fill_columns(const algo_batch *batch, const algo_column *c, const algo_source *source) {
    const env_facts *facts = batch->facts;
    const real *actions = source->of[ALGO_ACTION];
    const uint8_t *active = source->of[ALGO_ACTIVE];
    FM_CHECK(actions, "a column of actions, which its source does not have");
    for (size_t b = 0; b < batch->rows; b++) {
        size_t slot = batch->drawn[b];
        int first = c->agent == ALGO_ALL ? 0 : c->agent == ALGO_OWN ? batch->own[b] : c->agent;
        int end = c->agent == ALGO_ALL ? facts->agents : first + 1;
        real *to = c->to + b * c->stride;
        for (int i = first; i < end; to += batch->joint.width[i++]) {
            const env_agent *agent = &facts->agent[i];
            const real *action = actions + slot * (size_t)facts->action_total + (size_t)agent->action_at;
            if (active == NULL || active[slot * (size_t)facts->agents + (size_t)i])
                algo_encode_agent(&agent->action, action, to);
            else
                for (int k = 0; k < batch->joint.width[i]; k++) to[k] = 0;
        }
    }
}

void algo_batch_fill(const algo_batch *batch, const algo_source *source) {
    for (const algo_column *c = batch->columns; c != NULL; c = c->next) {
        if (c->field == ALGO_COLUMNS) {
            fill_columns(batch, c, source);
            continue;
        }
        const void *from = source->of[c->field];
        bool optional = c->field == ALGO_MASK || c->field == ALGO_NEXT_MASK;
        FM_CHECK(from || optional, "a column of field %d, which its source does not have", (int)c->field);
        bool own = c->agent == ALGO_OWN;
        int agent = own ? batch->alike : c->agent;
        place p = place_of(batch->facts, c->field, agent);
        for (size_t b = 0; b < batch->rows; b++) {
            if (own) agent = batch->own[b], p = place_of(batch->facts, c->field, agent);
            fill_row(batch, c, agent, from, batch->drawn[b] * p.stride + p.start, c->to + b * c->stride);
        }
    }
}
