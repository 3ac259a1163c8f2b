#include "algos/parts/rollout.h"

#include <math.h>
#include <string.h>

/* ---- building ---- */

static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

static real *kept_reals(const algo_setup *setup, size_t count, const char *name) {
    real *x = fm_arena_array(setup->arena, real, count);
    if (count > 0) fm_keep(setup->keep, FM_DTYPE_REAL, x, count, "rollout.%s", name);
    return x;
}

static uint8_t *kept_flags(const algo_setup *setup, size_t count, const char *name) {
    uint8_t *x = fm_arena_array(setup->arena, uint8_t, count);
    fm_keep(setup->keep, FM_U8, x, count, "rollout.%s", name);
    return x;
}

static void make_buffers(algo_rollout *r, const algo_setup *setup) {
    const env_facts *facts = r->facts;
    size_t rows = r->slots + 1, agents = (size_t)facts->agents, masks = (size_t)facts->mask_total;
    size_t sequences = (r->steps + r->chunk_length - 1) / r->chunk_length;
    r->filled = fm_arena_array(setup->arena, int64_t, 1);
    fm_keep(setup->keep, FM_I64, r->filled, 1, "rollout.filled");
    r->obs = kept_reals(setup, rows * (size_t)facts->obs_total, "obs");
    r->central = kept_reals(setup, rows * (size_t)facts->central_length, "central");
    r->actions = kept_reals(setup, rows * (size_t)facts->action_total, "actions");
    r->log_prob = kept_reals(setup, rows * agents, "log_prob");
    r->value = kept_reals(setup, rows * agents, "value");
    r->after = kept_reals(setup, rows * agents, "after");
    r->memory = kept_reals(setup, sequences * r->copies * agents * r->memory_length, "memory");
    r->active = kept_flags(setup, rows * agents, "active");
    r->learns = kept_flags(setup, rows * agents, "learns");
    r->next = kept_flags(setup, rows * agents, "next");
    r->first = kept_flags(setup, rows, "first");
    if (facts->masks) {
        r->mask = kept_flags(setup, rows * masks, "mask");
        memset(r->mask + r->slots * masks, 1, masks);
    }
    r->rewards = fm_arena_array(setup->arena, double, rows *agents);
    fm_keep(setup->keep, FM_F64, r->rewards, rows * agents, "rollout.rewards");
    r->advantage = fm_arena_array(setup->arena, real, rows * agents);
    r->returns = fm_arena_array(setup->arena, real, rows * agents);
    r->weight = fm_arena_array(setup->arena, uint8_t, rows * agents);
}

algo_rollout algo_rollout_make(const algo_setup *setup, const algo_rollout_shape *shape) {
    int64_t copies = setup->num_envs, run = setup->steps / copies;
    int64_t steps = divide_up(shape->decisions, copies);
    FM_CHECK(shape->decisions > 0 && shape->chunk_length > 0,
             "a rollout of %lld decisions in sequences of %lld", (long long)shape->decisions,
             (long long)shape->chunk_length);
    if (steps > run) steps = run > 0 ? run : 1;
    algo_rollout r = {.facts = setup->facts,
                      .steps = (size_t)steps,
                      .copies = (size_t)copies,
                      .slots = (size_t)(steps * copies),
                      .memory_length = shape->memory_length,
                      .chunk_length = (size_t)shape->chunk_length};
    FM_CHECK(r.slots < UINT32_MAX, "a rollout of %zu steps of %zu copies", r.steps, r.copies);
    make_buffers(&r, setup);
    return r;
}

/* ---- filling ---- */

static size_t agents_of(const algo_rollout *r) { return (size_t)r->facts->agents; }

bool algo_rollout_full(const algo_rollout *r) { return (size_t)*r->filled == r->steps; }

void algo_rollout_clear(algo_rollout *r) { *r->filled = 0; }

algo_notes algo_rollout_notes(const algo_rollout *r) {
    FM_CHECK(!algo_rollout_full(r), "a rollout of %zu steps that is full", r->steps);
    size_t t = (size_t)*r->filled, row = r->copies * agents_of(r);
    bool begins = r->memory_length > 0 && t % r->chunk_length == 0;
    return (algo_notes){.log_prob = r->log_prob + t * row,
                        .value = r->value + t * row,
                        .memory = begins ? r->memory + t / r->chunk_length * row * r->memory_length : NULL};
}

static bool last_step(const algo_rollout *r) { return (size_t)*r->filled + 1 == r->steps; }

bool algo_rollout_wants_after(const algo_rollout *r, const algo_step *step) {
    bool wanted = last_step(r);
    for (size_t b = 0; b < r->copies; b++) wanted = wanted || step->truncated[b];
    return wanted;
}

static algo_next next_of(const algo_rollout *r, const algo_step *step, size_t copy, size_t agent) {
    size_t i = copy * agents_of(r) + agent;
    if (step->done[i] || step->terminated[copy]) return ALGO_OVER;
    if (!step->truncated[copy] && !last_step(r)) return ALGO_GOES_ON;
    return step->after.active[i] ? ALGO_CUT : ALGO_UNSEEN;
}

/* What an agent that is not active was given, or left, means nothing: it may be anything, and a legal action,
 * say, is needed where a sequence goes on over it. */
static void make_neutral(algo_rollout *r, size_t slot, size_t i) {
    const env_agent *agent = &r->facts->agent[i];
    real *action = r->actions + slot * (size_t)r->facts->action_total + agent->action_at;
    memset(action, 0, (size_t)agent->action.size * sizeof *action);
    if (r->mask)
        memset(r->mask + slot * (size_t)r->facts->mask_total + agent->mask_at, 1,
               (size_t)env_space_choices(&agent->action));
    r->log_prob[slot * agents_of(r) + i] = 0;
    r->value[slot * agents_of(r) + i] = 0;
}

void algo_rollout_add(algo_rollout *r, const algo_step *step, const real *after) {
    const env_facts *facts = r->facts;
    const env_view *before = &step->before;
    size_t B = r->copies, agents = agents_of(r), slot = (size_t)*r->filled * B;
    size_t obs = (size_t)facts->obs_total, central = (size_t)facts->central_length;
    size_t actions = (size_t)facts->action_total, mask = (size_t)facts->mask_total;
    FM_CHECK(!algo_rollout_full(r), "a step too many for a rollout of %zu", r->steps);
    FM_CHECK_EQ(before->copies, B);
    memcpy(r->obs + slot * obs, before->obs, B * obs * sizeof(real));
    if (central > 0) memcpy(r->central + slot * central, before->central, B * central * sizeof(real));
    if (r->mask) memcpy(r->mask + slot * mask, before->mask, B * mask);
    memcpy(r->actions + slot * actions, step->actions, B * actions * sizeof(real));
    memcpy(r->rewards + slot * agents, step->rewards, B * agents * sizeof(double));
    memcpy(r->active + slot * agents, before->active, B * agents);
    memcpy(r->learns + slot * agents, before->learns, B * agents);
    memcpy(r->first + slot, before->first, B);
    for (size_t b = 0; b < B; b++)
        for (size_t i = 0; i < agents; i++) {
            size_t at = (slot + b) * agents + i;
            algo_next next = next_of(r, step, b, i);
            FM_CHECK(next != ALGO_CUT || after, "a rollout's step without the values after it");
            r->next[at] = (uint8_t)next;
            r->after[at] = next == ALGO_CUT ? after[b * agents + i] : 0;
            if (!before->active[b * agents + i]) make_neutral(r, slot + b, i);
        }
    ++*r->filled;
}

void algo_rollout_fill(const algo_rollout *r, const algo_batch *batch) {
    const algo_source source = {.of = {[ALGO_OBS] = r->obs,
                                       [ALGO_CENTRAL] = r->central,
                                       [ALGO_ACTION] = r->actions,
                                       [ALGO_MASK] = r->mask,
                                       [ALGO_REWARD] = r->rewards,
                                       [ALGO_WEIGHT] = r->weight,
                                       [ALGO_LOG_PROB] = r->log_prob,
                                       [ALGO_VALUE] = r->value,
                                       [ALGO_ADVANTAGE] = r->advantage,
                                       [ALGO_RETURN] = r->returns,
                                       [ALGO_ACTIVE] = r->active,
                                       [ALGO_FIRST] = r->first}};
    algo_batch_fill(batch, &source);
}

/* ---- advantages ---- */

/* What is known of an agent's later decisions, walking backwards. */
typedef struct outlook {
    double reward;    /* since its next decision, or the end */
    double value;     /* V of its next decision */
    double advantage; /* A of it */
    bool known;       /* whether there is such a value */
} outlook;

/* What is estimated: advantages and returns, or returns alone. */
typedef struct estimate {
    double gamma, lambda;
    bool returns_alone;
} estimate;

static void look_back(algo_rollout *r, size_t t, size_t b, size_t i, estimate e, algo_scale scale,
                      outlook *o) {
    size_t slot = t * r->copies + b, at = slot * agents_of(r) + i;
    if (t + 1 == r->steps || r->first[slot + r->copies])
        o->reward = 0; /* another episode follows, or nothing */
    if (r->next[at] != ALGO_GOES_ON) {
        o->value = (double)r->after[at];
        o->known = r->next[at] != ALGO_UNSEEN;
        o->advantage = 0;
    }
    o->reward += scale.scale * (r->rewards[at] - scale.shift);
    if (!e.returns_alone) r->advantage[at] = 0;
    r->returns[at] = 0;
    r->weight[at] = r->active[at] && r->learns[at] && o->known;
    if (!r->active[at]) return;
    double value = (double)r->value[at];
    double delta = o->reward + e.gamma * o->value - value;
    double advantage = o->known ? delta + e.gamma * e.lambda * o->advantage : 0;
    if (r->weight[at] && !e.returns_alone) r->advantage[at] = (real)advantage;
    if (r->weight[at]) r->returns[at] = (real)(advantage + value);
    *o = (outlook){.value = value, .advantage = advantage, .known = true};
}

static void look_back_over(algo_rollout *r, estimate e, const algo_scale *scale) {
    FM_CHECK(algo_rollout_full(r), "advantages of %lld of %zu steps", (long long)*r->filled, r->steps);
    for (size_t b = 0; b < r->copies; b++)
        for (size_t i = 0; i < agents_of(r); i++) {
            outlook o = {0};
            algo_scale own = scale ? scale[i] : (algo_scale){.scale = 1};
            for (size_t t = r->steps; t-- > 0;) look_back(r, t, b, i, e, own, &o);
        }
}

void algo_rollout_gae(algo_rollout *r, double gamma, double lambda, const algo_scale *scale) {
    look_back_over(r, (estimate){gamma, lambda, false}, scale);
}

void algo_rollout_retarget(algo_rollout *r, double gamma, double lambda, const algo_scale *scale) {
    look_back_over(r, (estimate){gamma, lambda, true}, scale);
}

/* Numbers seen one by one [Welford 1962]: how many, their mean, the sum of squares around it. */
typedef struct moments {
    double n, mean, squares;
} moments;

static void see(moments *m, double x) {
    double above = x - m->mean;
    m->n++;
    m->mean += above / m->n;
    m->squares += above * (x - m->mean);
}

void algo_rollout_normalize(algo_rollout *r, const int *agents, size_t count) {
    moments all = {0};
    for (size_t slot = 0; slot < r->slots; slot++)
        for (size_t k = 0; k < count; k++) {
            size_t at = slot * agents_of(r) + (size_t)agents[k];
            if (r->weight[at]) see(&all, (double)r->advantage[at]);
        }
    if (all.n < 2) return;
    double deviation = sqrt(all.squares / all.n) + 1e-5;
    for (size_t slot = 0; slot < r->slots; slot++)
        for (size_t k = 0; k < count; k++) {
            size_t at = slot * agents_of(r) + (size_t)agents[k];
            if (r->weight[at]) r->advantage[at] = (real)(((double)r->advantage[at] - all.mean) / deviation);
        }
}

double algo_rollout_explained_variance(const algo_rollout *r, const int *agents, size_t count) {
    moments returns = {0}, errors = {0};
    for (size_t slot = 0; slot < r->slots; slot++)
        for (size_t k = 0; k < count; k++) {
            size_t at = slot * agents_of(r) + (size_t)agents[k];
            if (!r->weight[at]) continue;
            see(&returns, (double)r->returns[at]);
            see(&errors, (double)r->returns[at] - (double)r->value[at]);
        }
    return returns.squares > 0 ? 1 - errors.squares / returns.squares : FM_ABSENT;
}
