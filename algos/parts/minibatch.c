#include "algos/parts/minibatch.h"

#include <string.h>

/* Sequences by which a rollout is covered, of one agent in one copy. */
static size_t sequences_in(const algo_rollout *r) {
    return (r->steps + r->chunk_length - 1) / r->chunk_length;
}

bool algo_actions_alike(const env_agent *a, const env_agent *b) {
    const env_space *x = &a->action, *y = &b->action;
    bool alike = x->kind == y->kind && x->size == y->size && x->n == y->n;
    for (int k = 0; k < x->size && alike; k++) {
        if (x->kind == ENV_MULTI_DISCRETE) alike = x->heads[k] == y->heads[k];
        if (x->kind == ENV_BOX) alike = x->low[k] == y->low[k] && x->high[k] == y->high[k];
    }
    return alike;
}

bool algo_agents_alike(const env_agent *a, const env_agent *b) {
    return a->obs_length == b->obs_length && algo_actions_alike(a, b);
}

algo_minibatches algo_minibatches_make(const algo_setup *setup, const algo_rollout *rollout,
                                       const int *agents, size_t agent_count, int64_t batch_size) {
    size_t length = rollout->chunk_length, all = sequences_in(rollout) * rollout->copies * agent_count;
    FM_CHECK(agent_count > 0 && batch_size >= 0 && all < UINT32_MAX,
             "minibatches of %lld samples of %zu agents", (long long)batch_size, agent_count);
    for (size_t k = 1; k < agent_count; k++) {
        const env_agent *first = &setup->facts->agent[agents[0]], *other = &setup->facts->agent[agents[k]];
        FM_CHECK(algo_agents_alike(first, other), "minibatches of '%s' and '%s', which are not alike",
                 first->name, other->name);
    }
    size_t sequences = (size_t)batch_size / length;
    if (sequences == 0) sequences = 1;
    if (batch_size == 0 || sequences > all) sequences = all;
    algo_minibatches walk = {.batch = algo_batch_make(setup, length * sequences),
                             .sequences = sequences,
                             .length = length,
                             .memory = AD_NONE,
                             .rollout = rollout,
                             .agents = agents,
                             .agent_count = agent_count,
                             .order = fm_arena_array(setup->arena, uint32_t, all)};
    walk.batch.own = fm_arena_array(setup->arena, int, walk.batch.rows);
    walk.batch.alike = agents[0];
    if (rollout->memory_length > 0) {
        walk.memory_at = fm_arena_array(setup->arena, real, sequences * rollout->memory_length);
        walk.memory = ad_leaf(setup->tape, sequences, rollout->memory_length, walk.memory_at, "memory");
    }
    return walk;
}

/* One sequence: the copy and agent it is of, and its first step. */
typedef struct sequence {
    size_t step, copy;
    int agent;
} sequence;

static sequence sequence_of(const algo_minibatches *walk, size_t id) {
    size_t row = id / walk->agent_count;
    return (sequence){.step = row / walk->rollout->copies * walk->length,
                      .copy = row % walk->rollout->copies,
                      .agent = walk->agents[id % walk->agent_count]};
}

/* The slot of its l-th step; behind the rollout's end the neutral one. */
static size_t slot_of(const algo_rollout *r, sequence s, size_t l) {
    return s.step + l < r->steps ? (s.step + l) * r->copies + s.copy : r->slots;
}

static bool has_weight(const algo_minibatches *walk, sequence s) {
    const algo_rollout *r = walk->rollout;
    for (size_t l = 0; l < walk->length; l++)
        if (r->weight[slot_of(r, s, l) * (size_t)r->facts->agents + (size_t)s.agent]) return true;
    return false;
}

void algo_minibatches_start(algo_minibatches *walk, fm_rng *rng) {
    size_t all = sequences_in(walk->rollout) * walk->rollout->copies * walk->agent_count;
    walk->count = walk->at = 0;
    for (size_t id = 0; id < all; id++)
        if (has_weight(walk, sequence_of(walk, id))) walk->order[walk->count++] = (uint32_t)id;
    for (size_t k = walk->count; k > 1; k--) { /* [Fisher & Yates 1938] */
        size_t other = (size_t)fm_rng_below(rng, k);
        uint32_t id = walk->order[k - 1];
        walk->order[k - 1] = walk->order[other];
        walk->order[other] = id;
    }
}

/* Says where the rows of sequence c of the batch come from, and what it begins with. */
static void place_sequence(algo_minibatches *walk, size_t c, const sequence *s) {
    const algo_rollout *r = walk->rollout;
    for (size_t l = 0; l < walk->length; l++) {
        size_t row = l * walk->sequences + c;
        walk->batch.drawn[row] = (uint32_t)(s ? slot_of(r, *s, l) : r->slots);
        walk->batch.own[row] = s ? s->agent : walk->agents[0];
    }
    size_t n = r->memory_length;
    if (n == 0) return;
    real *to = walk->memory_at + c * n;
    memset(to, 0, n * sizeof *to);
    if (s == NULL) return;
    size_t row = (s->step / walk->length * r->copies + s->copy) * (size_t)r->facts->agents + (size_t)s->agent;
    memcpy(to, r->memory + row * n, n * sizeof *to);
}

bool algo_minibatches_next(algo_minibatches *walk) {
    if (walk->at >= walk->count) return false;
    for (size_t c = 0; c < walk->sequences; c++, walk->at++) {
        if (walk->at < walk->count) {
            sequence s = sequence_of(walk, walk->order[walk->at]);
            place_sequence(walk, c, &s);
        } else {
            place_sequence(walk, c, NULL);
        }
    }
    algo_rollout_fill(walk->rollout, &walk->batch);
    return true;
}
