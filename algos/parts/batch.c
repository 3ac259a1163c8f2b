#include "algos/parts/batch.h"

#include <string.h>

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
    case ALGO_ID: return (size_t)facts->agents;
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
    *column = (algo_column){field, agent, to, width, stride, NULL, batch->columns};
    for (algo_column *other = batch->columns; other != NULL; other = other->next)
        if (other->field == field && other->agent == agent && other->twin == NULL) other->twin = column;
    batch->columns = column;
}

real *algo_batch_leaf(algo_batch *batch, algo_field field, int agent, ad_var *leaf) {
    static const char *const NAMES[ALGO_FIELDS] = {
        "observation", "next observation", "central state", "next central state",
        "action",      "action columns",   "mask",          "next mask",
        "reward",      "not done",         "weight",        "log-probability",
        "value",       "advantage",        "return",        "active",
        "first",       "agent"};
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

/* Where the numbers of row b begin. */
static inline size_t at(const algo_batch *batch, const algo_column *c, place p, size_t b) {
    if (c->agent == ALGO_OWN) p = place_of(batch->facts, c->field, batch->own[b]);
    return batch->drawn[b] * p.stride + p.start;
}

/* Rows are short: a call of memcpy would cost more than they do. */
static inline void copy(real *to, const real *from, size_t n) {
    for (; n >= 4; n -= 4, to += 4, from += 4) memcpy(to, from, 4 * sizeof *to);
    for (size_t k = 0; k < n; k++) to[k] = from[k];
}

static void copy_twin(const algo_batch *batch, const algo_column *c) {
    for (size_t b = 0; b < batch->rows; b++)
        copy(c->to + b * c->stride, c->twin->to + b * c->twin->stride, c->width);
}

static void fill_reals(const algo_batch *batch, const algo_column *c, place p, const real *from) {
    for (size_t b = 0; b < batch->rows; b++)
        copy(c->to + b * c->stride, from + at(batch, c, p, b), c->width);
}

/* By a table, since branches on random flags are slow. */
static void fill_flags(const algo_batch *batch, const algo_column *c, place p, const uint8_t *from) {
    static const real NUMBER[] = {0, 1};
    for (size_t b = 0; b < batch->rows; b++) {
        const uint8_t *row = from + at(batch, c, p, b);
        for (size_t k = 0; k < c->width; k++) c->to[b * c->stride + k] = NUMBER[row[k] != 0];
    }
}

static void fill_ones(const algo_batch *batch, const algo_column *c) {
    for (size_t b = 0; b < batch->rows; b++)
        for (size_t k = 0; k < c->width; k++) c->to[b * c->stride + k] = 1;
}

static void fill_ids(const algo_batch *batch, const algo_column *c) {
    for (size_t b = 0; b < batch->rows; b++)
        algo_one_hot(c->to + b * c->stride, (int)c->width, c->agent == ALGO_OWN ? batch->own[b] : c->agent);
}

static void fill_rewards(const algo_batch *batch, const algo_column *c, place p, const double *from) {
    for (size_t b = 0; b < batch->rows; b++) {
        int agent = c->agent == ALGO_OWN ? batch->own[b] : c->agent;
        double reward = from[at(batch, c, p, b)];
        if (batch->scale) reward = (reward - batch->scale[agent].shift) * batch->scale[agent].scale;
        c->to[b * c->stride] = (real)reward;
    }
}

/* Columns of agent i from `to` on, zeros where its action did not count (`active` NULL: it always does). */
static void fill_agent(const algo_batch *batch, const algo_column *c, int i, const real *actions,
                       const uint8_t *active, real *to) {
    const env_facts *facts = batch->facts;
    const env_agent *agent = &facts->agent[i];
    size_t width = (size_t)batch->joint.width[i], stride = (size_t)facts->action_total;
    for (size_t b = 0; b < batch->rows; b++, to += c->stride) {
        size_t slot = batch->drawn[b];
        if (c->agent == ALGO_OWN && batch->own[b] != i) continue;
        if (active && !active[slot * (size_t)facts->agents + (size_t)i])
            memset(to, 0, width * sizeof *to);
        else
            algo_encode_agent(&agent->action, actions + slot * stride + (size_t)agent->action_at, to);
    }
}

static void fill_columns(const algo_batch *batch, const algo_column *c, const real *actions,
                         const uint8_t *active) {
    for (int i = 0; i < batch->facts->agents; i++)
        if (c->agent < 0 || c->agent == i)
            fill_agent(batch, c, i, actions, active, c->to + (c->agent == ALGO_ALL ? batch->joint.at[i] : 0));
}

void algo_batch_fill(const algo_batch *batch, const algo_source *source) {
    for (const algo_column *c = batch->columns; c != NULL; c = c->next) {
        if (c->twin) {
            copy_twin(batch, c);
            continue;
        }
        if (c->field == ALGO_ID) {
            fill_ids(batch, c);
            continue;
        }
        const void *from = source->of[c->field == ALGO_COLUMNS ? ALGO_ACTION : c->field];
        place p = place_of(batch->facts, c->field, c->agent == ALGO_OWN ? batch->alike : c->agent);
        bool mask = c->field == ALGO_MASK || c->field == ALGO_NEXT_MASK;
        FM_CHECK(from || mask, "a column of field %d, which its source does not have", (int)c->field);
        if (from == NULL) {
            fill_ones(batch, c);
            continue;
        }
        switch (c->field) {
        case ALGO_COLUMNS: fill_columns(batch, c, from, source->of[ALGO_ACTIVE]); break;
        case ALGO_REWARD: fill_rewards(batch, c, p, from); break;
        case ALGO_MASK:
        case ALGO_NEXT_MASK:
        case ALGO_NOT_DONE:
        case ALGO_WEIGHT:
        case ALGO_ACTIVE:
        case ALGO_FIRST: fill_flags(batch, c, p, from); break;
        default: fill_reals(batch, c, p, from);
        }
    }
}
