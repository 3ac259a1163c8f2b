/* bilevel_q.c: tabular bi-level Q-learning, the exact form of which biac is the deep one.
 *
 * Paper: Zhang et al., "Bi-level actor-critic for multi-agent coordination", AAAI 2020, Eq. 8-11 and
 *        footnote 4; the same as asymmetric Q-learning [Könönen 2004].
 *
 * Implemented, for agents in the order of leadership 1..n (two in the paper) and a transition (s, a, r, s'):
 *     a' = the point of the stage game Q(s', .): each agent, knowing what its superiors do, takes the action
 *          that is best for it once all below have answered in the same way                      [Eq. 8-9]
 *     Q_i(s, a) <- (1 - alpha_i) Q_i(s, a) + alpha_i (r_i + gamma Q_i(s', a'))                    [Eq. 10-11]
 * without the term of s' for an agent that is done. Ties go to what is better for the superiors, from the
 * leader down (the strong Stackelberg point), then to the first action. The point is found from
 * the last agent up: for every choice of its superiors the agent's best completion is kept, so that it costs
 * as many comparisons as there are joint actions. Who is below one that explores answers what it really did.
 *
 * Deviations: n agents instead of two; epsilon, its coin, alpha and the start of the table as options. The
 * first transition of an entry sets it, as a learning rate of 1 (first_sets; `no` is the paper's): where it
 * began is nobody's estimate, and where nothing is random, ties are exact from then on. Where all episodes
 * are equally long, as in one-shot games, an entry begins with the agent's highest payoff in every round, so
 * that every joint action that might be better is tried [Sutton & Barto 2018, Section 2.6]. Values are held
 * in units of the game's bounds: payoffs far from zero lose nothing. Steps are at least twice the number of
 * joint actions of a one-shot game (fit). An agent that has died plays no part in the stage game. States are
 * told apart by who acts and the joint observation, number for number, so that observations have to come from
 * a finite set. The table has room for `states` of them: once it is full, further ones are not learned and
 * count as worth what every entry is at the start, and the metric `unknown` counts the decisions that were
 * taken in one; it should stay at zero.
 *
 * Status: verified on the measured rates of Escape and Maintain, on the grid, and on three agents
 * (tests/learn/test_learn_bilevel_q.c). */
#include <math.h>
#include <string.h>

#include "algos/algo.h"
#include "algos/parts/joint.h"
#include "algos/parts/options.h"
#include "algos/parts/order.h"
#include "algos/parts/schedule.h"
#include "base/text.h"

typedef struct bilevel_q_config {
    char order[FM_TEXT_MAX], lr[FM_TEXT_MAX];
    char initial[FM_TEXT_MAX];
    double gamma;
    bool first_sets;
    algo_epsilon_schedule epsilon;
    int64_t coin, states;
} bilevel_q_config;

static const fm_option OPTIONS[] = {
    FM_OPT_TEXT(bilevel_q_config, order, "",
                "who leads: agents from the leader down, with commas; empty: as the environment says"),
    FM_OPT_TEXT(bilevel_q_config, lr, "0.1", "learning rate: one, or one per agent from the leader down"),
    FM_OPT_RENAMED("alpha", "lr"),
    ALGO_GAMMA_OPTION(bilevel_q_config, gamma, "0.99"),
    {"initial", FM_TEXT, offsetof(bilevel_q_config, initial), "auto", 0, 0, NULL, "reward",
     "value of every entry at the start: a number, or auto: the highest payoff in every round, where all "
     "episodes are equally long, else 0",
     "Q_0"},
    FM_OPT_BOOL(bilevel_q_config, first_sets, "yes", "an entry's first transition sets it, as lr = 1 would",
                ""),
    ALGO_EPSILON_OPTIONS(bilevel_q_config, epsilon, "0.1", "1", "1000", "0", "random actions"),
    ALGO_COIN_OPTION(bilevel_q_config, coin, "joint"),
    FM_OPT_INT(bilevel_q_config, states, "256", 1, 1e8, "observations", "states that the table holds", ""),
    FM_OPT_END,
};

/* ---- state; S states, J joint actions, N agents ---- */

#define BYTES_MAX 8589934592.0 /* of the tables */

typedef struct bilevel_q {
    const bilevel_q_config *config;
    const env_facts *facts;
    algo_order order;
    int n;         /* agents */
    int *actions;  /* [N] ORDER turn: number of actions */
    double *alpha; /* [N] ORDER turn */
    size_t joint;  /* J; the last agent's action runs fastest */
    size_t slots;  /* S, rows of the hash table: a power of two, some always free */
    real *key;     /* [S][1 + N + obs_total]: 1 when the row is in use, else 0; who acts; what they see */
    real *q;       /* [S][N][J], ORDER turn, in units of `scale` */
    uint8_t *seen; /* [S][N][J] whether an entry was ever learned from */
    algo_scale *scale; /* [N] of the rewards, by agent */
    double *initial;   /* [N] ORDER turn, in those units */
    int64_t counters[3]; /* states in use, decisions seen, decisions in unknown states */
    double *error;       /* [N] change wanted at the agent's last transition; FM_ABSENT: none yet */
    real *fresh;         /* [N][J] values of an unknown state */
    size_t *best;        /* [J] scratch of the nested maximum */
    int *settled;        /* [N] scratch, ORDER turn */
    double *td_target;   /* [N] scratch, ORDER turn */
    real *plain;         /* [1 + N + obs_total] scratch */
} bilevel_q;

enum { STATES, DECISIONS, UNKNOWN };

/* ---- the table of states ---- */

static uint64_t hash(const real *key, size_t n) {
    const unsigned char *bytes = (const unsigned char *)key;
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t k = 0; k < n * sizeof *key; k++) h = (h ^ bytes[k]) * UINT64_C(1099511628211);
    return h ^ (h >> 32);
}

static size_t key_length(const bilevel_q *t) { return 1 + (size_t)t->n + (size_t)t->facts->obs_total; }

/* The key of a row of the view, in t->plain: zeros of whoever does not act. */
static void write_key(bilevel_q *t, const env_view *view, size_t row) {
    const real *obs = view->obs + row * (size_t)t->facts->obs_total;
    const uint8_t *active = view->active + row * (size_t)t->n;
    memset(t->plain, 0, key_length(t) * sizeof *t->plain);
    t->plain[0] = 1;
    for (int i = 0; i < t->n; i++) {
        const env_agent *agent = &t->facts->agent[i];
        if (!active[i]) continue;
        t->plain[1 + i] = 1;
        for (int k = agent->obs_at; k < agent->obs_at + agent->obs_length; k++)
            t->plain[1 + t->n + k] = obs[k] + 0; /* -0 becomes 0: equal numbers, equal bytes */
    }
}

/* The table's row of a row of the view, -1 when it is unknown; `add` makes one for it while there is room. */
static int64_t find(bilevel_q *t, const env_view *view, size_t row, bool add) {
    size_t n = key_length(t);
    write_key(t, view, row);
    size_t at = (size_t)hash(t->plain, n) & (t->slots - 1);
    for (; t->key[at * n] > 0; at = (at + 1) & (t->slots - 1))
        if (memcmp(t->key + at * n, t->plain, n * sizeof(real)) == 0) return (int64_t)at;
    if (!add || t->counters[STATES] >= t->config->states) return -1;
    t->counters[STATES]++;
    memcpy(t->key + at * n, t->plain, n * sizeof(real));
    return (int64_t)at;
}

static real *values_of(bilevel_q *t, int64_t row) {
    return row < 0 ? t->fresh : t->q + (size_t)row * (size_t)t->n * t->joint;
}

/* ---- joint actions; whoever does not act has action 0 in them ---- */

static size_t index_of(const bilevel_q *t, const real *actions, const uint8_t *active) {
    size_t joint = 0;
    for (int k = 0; k < t->n; k++) {
        int i = t->order.turn[k];
        size_t action = active[i] ? (size_t)actions[t->facts->agent[i].action_at] : 0;
        joint = joint * (size_t)t->actions[k] + action;
    }
    return joint;
}

static void write_actions(const bilevel_q *t, size_t joint, real *actions) {
    for (int k = t->n - 1; k >= 0; k--) {
        size_t count = (size_t)t->actions[k];
        actions[t->facts->agent[t->order.turn[k]].action_at] = (real)(joint % count);
        joint /= count;
    }
}

#define FREE (-1)

/* Whether joint action a is better than b for agent k (ORDER turn), or as good and better for a superior. */
static bool is_better(const bilevel_q *t, const real *q, int k, size_t a, size_t b) {
    if (q[(size_t)k * t->joint + a] != q[(size_t)k * t->joint + b])
        return q[(size_t)k * t->joint + a] > q[(size_t)k * t->joint + b];
    for (const real *above = q; above < q + (size_t)k * t->joint; above += t->joint)
        if (above[a] != above[b]) return above[a] > above[b];
    return false;
}

/* Eq. 8-9 in a row of the view, where some agents' actions are settled (t->settled; FREE: the agent chooses).
 * After agent k's turn best[p] is, for the choice p of its superiors, the joint action that follows. */
static size_t stage_point(bilevel_q *t, const real *q, const env_view *view, size_t row) {
    const uint8_t *masks = view->mask + row * (size_t)t->facts->mask_total;
    size_t prefixes = t->joint;
    for (size_t j = 0; j < t->joint; j++) t->best[j] = j;
    for (int k = t->n - 1; k >= 0; k--) {
        const uint8_t *legal = t->facts->masks ? masks + t->facts->agent[t->order.turn[k]].mask_at : NULL;
        size_t count = (size_t)t->actions[k];
        prefixes /= count;
        for (size_t p = 0; p < prefixes; p++) {
            const size_t *reply = t->best + p * count;
            size_t chosen = SIZE_MAX;
            for (size_t a = 0; a < count && t->settled[k] == FREE; a++)
                if ((!legal || legal[a]) && (chosen == SIZE_MAX || is_better(t, q, k, reply[a], chosen)))
                    chosen = reply[a];
            t->best[p] = t->settled[k] == FREE ? chosen : reply[t->settled[k]];
        }
    }
    return t->best[0];
}

/* Before anybody has chosen: whoever does not act is settled at 0. */
static void free_all(bilevel_q *t, const env_view *view, size_t row) {
    const uint8_t *active = view->active + row * (size_t)t->n;
    for (int k = 0; k < t->n; k++) t->settled[k] = active[t->order.turn[k]] ? FREE : 0;
}

/* ---- acting and learning ---- */

/* Agents move in turn; those below one that explores answer what it really did. */
static void act_row(bilevel_q *t, const env_view *view, size_t row, double epsilon, fm_rng *rng,
                    real *actions) {
    const real *q = values_of(t, find(t, view, row, false));
    const uint8_t *masks = view->mask + row * (size_t)t->facts->mask_total;
    free_all(t, view, row);
    write_actions(t, stage_point(t, q, view, row), actions);
    bool own = t->config->coin == ALGO_COIN_OWN;
    bool explore = !own && epsilon > 0 && fm_rng_uniform(rng) < epsilon;
    for (int k = 0; k < t->n && epsilon > 0; k++) {
        int agent = t->order.turn[k];
        real *action = actions + t->facts->agent[agent].action_at;
        if (own) explore = fm_rng_uniform(rng) < epsilon;
        bool moves = explore && t->settled[k] == FREE;
        if (moves) algo_random_action(t->facts, agent, masks, rng, action);
        t->settled[k] = (int)*action;
        if (moves) write_actions(t, stage_point(t, q, view, row), actions);
    }
}

static void act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory, real *actions) {
    (void)memory;
    bilevel_q *t = self;
    double epsilon = mode == ALGO_TRAIN ? algo_epsilon(&t->config->epsilon, t->counters[DECISIONS]) : 0;
    for (size_t c = 0; c < (size_t)view->copies; c++)
        act_row(t, view, c, epsilon, &rng[c], actions + c * (size_t)t->facts->action_total);
}

/* r_i + gamma Q_i(s', a') of every agent, to t->td_target. */
static void fill_targets(bilevel_q *t, const algo_step *step, size_t c) {
    const uint8_t *done = step->done + c * (size_t)t->n;
    const real *next_q = values_of(t, find(t, &step->after, c, false));
    free_all(t, &step->after, c);
    size_t point = step->terminated[c] ? 0 : stage_point(t, next_q, &step->after, c);
    for (int k = 0; k < t->n; k++) {
        int i = t->order.turn[k];
        double future = done[i] ? 0 : (double)next_q[(size_t)k * t->joint + point];
        double reward = step->rewards[c * (size_t)t->n + (size_t)i] - t->scale[i].shift;
        t->td_target[k] = t->scale[i].scale * reward + t->config->gamma * future;
    }
}

/* Eq. 10-11, for the agents that acted and earn credit. All targets come before any change: s' may be s. */
static void learn(bilevel_q *t, const algo_step *step, size_t c) {
    size_t first = c * (size_t)t->n;
    int64_t state = find(t, &step->before, c, true);
    t->counters[DECISIONS]++;
    t->counters[UNKNOWN] += state < 0;
    if (state < 0) return;
    fill_targets(t, step, c);
    const uint8_t *active = step->before.active + first, *learns = step->before.learns + first;
    size_t taken = index_of(t, step->actions + c * (size_t)t->facts->action_total, active);
    for (int k = 0; k < t->n; k++) {
        int i = t->order.turn[k];
        if (!active[i] || !learns[i]) continue;
        size_t at = ((size_t)state * (size_t)t->n + (size_t)k) * t->joint + taken;
        bool sets = t->config->first_sets && !t->seen[at];
        double error = t->td_target[k] - (double)t->q[at];
        t->q[at] = (real)((double)t->q[at] + (sets ? 1 : t->alpha[k]) * error);
        t->seen[at] = 1;
        t->error[i] = error / t->scale[i].scale;
    }
}

static void answer(void *self, const env_view *view, int agent, algo_mode mode, fm_rng *rng, real *actions) {
    bilevel_q *t = self;
    (void)mode, (void)rng;
    for (size_t c = 0; c < (size_t)view->copies; c++) {
        real *row = actions + c * (size_t)t->facts->action_total;
        free_all(t, view, c);
        for (int k = 0; t->order.turn[k] != agent; k++)
            if (t->settled[k] == FREE) t->settled[k] = (int)row[t->facts->agent[t->order.turn[k]].action_at];
        write_actions(t, stage_point(t, values_of(t, find(t, view, c, false)), view, c), row);
    }
}

static void observe(void *self, const algo_step *step) {
    for (size_t c = 0; c < (size_t)step->before.copies; c++) learn(self, step, c);
}

/* Every transition is learned from once, when it is observed. */
static void update(void *self) { (void)self; }

/* ORDER: measure. */
static const algo_metric METRICS[] = {
    {"td_error", "reward", "TD error of the agent's last transition", true},
    {"epsilon", "", "chance of random actions", false},
    {"states", "observations", "states in the table", false},
    {"unknown", "decisions", "decisions in states that the table has no room for", false},
    {NULL, NULL, NULL, false},
};

static void measure(const void *self, double *values) {
    const bilevel_q *t = self;
    for (int i = 0; i < t->n; i++) *values++ = t->error[i];
    *values++ = algo_epsilon(&t->config->epsilon, t->counters[DECISIONS]);
    *values++ = (double)t->counters[STATES];
    *values++ = (double)t->counters[UNKNOWN];
}

static void values(void *self, const env_view *view, const real *actions, double *values_) {
    bilevel_q *t = self;
    for (size_t c = 0; c < (size_t)view->copies; c++) {
        const real *q = values_of(t, find(t, view, c, false));
        size_t joint =
            index_of(t, actions + c * (size_t)t->facts->action_total, view->active + c * (size_t)t->n);
        for (int k = 0; k < t->n; k++) {
            int i = t->order.turn[k];
            double value = (double)q[(size_t)k * t->joint + joint];
            values_[c * (size_t)t->n + (size_t)i] =
                algo_value_in_unit(t->facts, t->scale[i], t->config->gamma, value);
        }
    }
}

/* ---- registration ---- */

/* One learning rate, or one per agent, to alpha [agents]; NULL: only looks whether they are such. */
static fm_status read_alpha(const char *text, int agents, double *alpha, fm_error *err) {
    char copy[FM_TEXT_MAX];
    fm_text_format(copy, sizeof copy, "%s", text);
    int n = 0;
    for (char *at = copy, *next; at != NULL; at = next, n++) {
        next = strchr(at, ',');
        if (next != NULL) *next++ = '\0';
        double value;
        if (!fm_text_to_real(at, &value) || value < 0 || value > 1)
            return fm_fail(err, "bilevel_q: lr: '%s' is not a number from 0 to 1", at);
        if (alpha != NULL && n < agents) alpha[n] = value;
    }
    if (n != 1 && n != agents)
        return fm_fail(err, "bilevel_q: lr: %d numbers; expected 1, or %d: one per agent", n, agents);
    for (int k = n; alpha != NULL && k < agents; k++) alpha[k] = alpha[0];
    return FM_OK;
}

/* A number, or "auto": NAN. */
static fm_status read_initial(const char *text, double *initial, fm_error *err) {
    *initial = NAN;
    if (strcmp(text, "auto") == 0) return FM_OK;
    if (fm_text_to_real(text, initial) && isfinite(*initial)) return FM_OK;
    return fm_fail(err, "bilevel_q: initial: '%s' is neither a number nor auto", text);
}

static double joint_actions(const env_facts *facts) {
    double joint = 1;
    for (int i = 0; i < facts->agents; i++) joint *= facts->agent[i].action.n;
    return joint;
}

/* Whether there is a level for each agent. */
static fm_status check_order(const env_facts *facts, const char *text, fm_error *err) {
    fm_arena scratch = {0};
    algo_order order;
    fm_status status = algo_order_parse(facts, text, &scratch, &order, err);
    fm_arena_free(&scratch);
    if (status != FM_OK) return fm_fail_in(err, "bilevel_q: ");
    if (order.levels < facts->agents)
        return fm_fail(
            err, "bilevel_q needs a level for each agent; '%s' has %d agents on %d levels (option order)",
            facts->name, facts->agents, order.levels);
    return FM_OK;
}

static fm_status accepts(const env_facts *facts, const void *config_, fm_error *err) {
    const bilevel_q_config *config = config_;
    for (int i = 0; i < facts->agents; i++)
        if (facts->agent[i].action.kind != ENV_DISCRETE)
            return fm_fail(err, "bilevel_q needs discrete actions; '%s' has %s for agent '%s'", facts->name,
                           facts->agent[i].action.kind == ENV_BOX ? "a box" : "several heads",
                           facts->agent[i].name);
    if (facts->pauses)
        return fm_fail(
            err, "bilevel_q needs every agent to act at every decision; in '%s' agents wait for each other",
            facts->name);
    if (check_order(facts, config->order, err) != FM_OK) return FM_BAD;
    double initial;
    if (read_initial(config->initial, &initial, err) != FM_OK) return FM_BAD;
    double entries = facts->agents * joint_actions(facts) + facts->agents + facts->obs_total;
    if (3.0 * (double)config->states * entries * (sizeof(real) + 1) > BYTES_MAX)
        return fm_fail(err,
                       "bilevel_q: a table of %lld states, %d agents and %.0f joint actions exceeds 8 GB "
                       "(option states)",
                       (long long)config->states, facts->agents, joint_actions(facts));
    return read_alpha(config->lr, facts->agents, NULL, err);
}

static void make_table(bilevel_q *t, const algo_setup *setup) {
    size_t states = (size_t)t->config->states, agents = (size_t)t->n, numbers = agents * t->joint;
    for (t->slots = 2; 3 * t->slots < 4 * states + 3;) t->slots *= 2;
    t->key = fm_arena_array(setup->arena, real, t->slots * key_length(t));
    t->q = fm_arena_array(setup->arena, real, t->slots * numbers);
    t->fresh = fm_arena_array(setup->arena, real, numbers);
    t->seen = fm_arena_array(setup->arena, uint8_t, t->slots * numbers);
    for (size_t k = 0; k < numbers; k++) t->fresh[k] = (real)t->initial[k / t->joint];
    for (size_t k = 0; k < t->slots; k++) memcpy(t->q + k * numbers, t->fresh, numbers * sizeof(real));
    fm_keep_parameter(setup->keep, t->key, t->slots, key_length(t), "table.key");
    fm_keep_parameter(setup->keep, t->q, t->slots, numbers, "table.q");
    fm_keep_bytes(setup->keep, t->seen, t->slots * numbers, "table.seen");
}

static void make_units(bilevel_q *t, const algo_setup *setup, double initial) {
    double w = algo_worth_of_one(t->facts, t->config->gamma);
    t->scale = fm_arena_array(setup->arena, algo_scale, (size_t)t->n);
    t->initial = fm_arena_array(setup->arena, double, (size_t)t->n);
    for (int i = 0; i < t->n; i++) t->scale[i] = algo_reward_scale(t->facts, i, false);
    for (int k = 0; k < t->n; k++) {
        const algo_scale *unit = &t->scale[t->order.turn[k]];
        t->initial[k] = t->facts->fixed_length ? w : 0;
        if (!isnan(initial)) t->initial[k] = (initial - unit->shift * w) * unit->scale;
    }
}

static void fit(const env_facts *facts, void *config, int64_t *steps) {
    (void)config;
    double twice = 2 * joint_actions(facts);
    if (facts->horizon == 1 && twice > (double)*steps && twice < BYTES_MAX) *steps = (int64_t)twice;
}

static void *create(const algo_setup *setup) {
    bilevel_q *t = fm_arena_array(setup->arena, bilevel_q, 1);
    size_t agents = (size_t)setup->facts->agents;
    fm_error err;
    t->config = setup->config;
    t->facts = setup->facts;
    t->n = setup->facts->agents;
    t->joint = (size_t)joint_actions(setup->facts);
    t->alpha = fm_arena_array(setup->arena, double, agents);
    fm_status order = algo_order_parse(t->facts, t->config->order, setup->arena, &t->order, &err);
    fm_status alpha = read_alpha(t->config->lr, t->n, t->alpha, &err);
    double initial;
    fm_status start = read_initial(t->config->initial, &initial, &err);
    FM_CHECK(order == FM_OK && alpha == FM_OK && start == FM_OK, "create without accepts: %s", err.text);
    t->actions = fm_arena_array(setup->arena, int, agents);
    t->settled = fm_arena_array(setup->arena, int, agents);
    t->td_target = fm_arena_array(setup->arena, double, agents);
    t->error = fm_arena_array(setup->arena, double, agents);
    t->best = fm_arena_array(setup->arena, size_t, t->joint);
    t->plain = fm_arena_array(setup->arena, real, key_length(t));
    for (int k = 0; k < t->n; k++) {
        t->actions[k] = t->facts->agent[t->order.turn[k]].action.n;
        t->error[k] = FM_ABSENT;
    }
    make_units(t, setup, initial);
    make_table(t, setup);
    fm_keep(setup->keep, FM_I64, t->counters, sizeof t->counters / sizeof *t->counters, "counters");
    fm_keep(setup->keep, FM_F64, t->error, agents, "td_error");
    return t;
}

const algo_type algo_bilevel_q = {
    .name = "bilevel_q",
    .doc = "tabular bi-level Q-learning: every agent learns what its action is worth once all below have "
           "answered",
    .paper = "Zhang et al., AAAI 2020, Eq. 8-11",
    .options = OPTIONS,
    .config_size = sizeof(bilevel_q_config),
    .steps = 10000,
    .fit = fit,
    .accepts = accepts,
    .create = create,
    .act = act,
    .observe = observe,
    .update = update,
    .metrics = METRICS,
    .measure = measure,
    .values = values,
    .answer = answer,
};
