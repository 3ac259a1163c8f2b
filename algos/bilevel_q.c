/* bilevel_q.c: tabular bi-level Q-learning, the exact form of which biac is the deep one.
 *
 * Paper: Zhang et al., "Bi-level actor-critic for multi-agent coordination", AAAI 2020, Eq. 8-11 and
 *        footnote 4; the same as asymmetric Q-learning [Könönen 2004].
 *
 * Implemented, for agents in the order of leadership 1..n (two in the paper) and a transition (s, a, r, s'):
 *     a' = the point of the stage game Q(s', .): each agent, knowing what its superiors do, takes the action
 *          that is best for it once all below have answered in the same way                      [Eq. 8-9]
 *     Q_i(s, a) <- (1 - alpha_i) Q_i(s, a) + alpha_i (r_i + gamma Q_i(s', a'))                    [Eq. 10-11]
 * without the term of s' when the episode terminated. Ties go to the first action. The point is found from
 * the last agent up: for every choice of its superiors the agent's best completion is kept, so that it costs
 * as many comparisons as there are joint actions. Who is below one that explores answers what it really did.
 *
 * Deviations: n agents instead of two; epsilon, its coin, alpha and the start of the table as options. States
 * are told apart by the joint observation, number for number, so that observations have to come from a finite
 * set. The table has room for `states` of them: once it is full, further ones are not learned and count as
 * worth what every entry is at the start, and the metric `unknown` counts the decisions that were taken in
 * one; it should stay at zero.
 *
 * Status: verified on the measured rates of Escape and Maintain, on the grid, and on three agents
 * (tests/learn/test_learn_bilevel_q.c). */
#include <string.h>

#include "algos/algo.h"
#include "algos/parts/joint.h"
#include "algos/parts/order.h"
#include "algos/parts/schedule.h"
#include "base/text.h"

typedef enum coin { COIN_JOINT, COIN_OWN } coin;

typedef struct bilevel_q_config {
    char order[FM_TEXT_MAX], alpha[FM_TEXT_MAX];
    double gamma, initial;
    algo_epsilon_schedule epsilon;
    int64_t coin, states;
} bilevel_q_config;

static const fm_option OPTIONS[] = {
    FM_OPT_TEXT(bilevel_q_config, order, "",
                "who leads: agents from the leader down, with commas; empty: as the environment says"),
    FM_OPT_TEXT(bilevel_q_config, alpha, "0.1", "learning rate: one, or one per agent from the leader down"),
    FM_OPT_REAL(bilevel_q_config, gamma, "0.99", 0, 1, "", "discount", "gamma"),
    FM_OPT_REAL(bilevel_q_config, initial, "0", -1e9, 1e9, "reward", "value of every entry at the start",
                "Q_0"),
    ALGO_EPSILON_OPTIONS(bilevel_q_config, epsilon, "0.1", "1", "1000", "0", "random actions"),
    FM_OPT_CHOICE(bilevel_q_config, coin, "joint", "joint|own", "whether all agents explore at once", ""),
    FM_OPT_INT(bilevel_q_config, states, "256", 1, 1e8, "observations", "states that the table holds", ""),
    FM_OPT_END,
};

/* ---- state; S states, J joint actions, N agents ---- */

#define BYTES_MAX 8589934592.0 /* of the tables */

typedef struct bilevel_q {
    const bilevel_q_config *config;
    const env_facts *facts;
    algo_order order;
    int n;                        /* agents */
    int actions[ENV_AGENTS_MAX];  /* ORDER turn: number of actions */
    double alpha[ENV_AGENTS_MAX]; /* ORDER turn */
    size_t joint;                 /* J; the last agent's action runs fastest */
    size_t slots;                 /* S, rows of the hash table: a power of two, some always free */
    real *key;                    /* [S][1 + obs_total], the first 1 when the row is in use, else 0 */
    real *q;                      /* [S][N][J], ORDER turn */
    int64_t counters[3];          /* states in use, decisions seen, decisions in unknown states */
    double error;                 /* |change wanted|, mean over agents, last transition */
    size_t *best;                 /* [J] scratch of the nested maximum */
    real *fresh;                  /* [N][J] values of an unknown state */
    real *plain;                  /* [1 + obs_total] scratch */
    fm_rng explore[ENV_AGENTS_MAX];
} bilevel_q;

enum { STATES, DECISIONS, UNKNOWN };

/* ---- the table of states ---- */

static uint64_t hash(const real *key, size_t n) {
    const unsigned char *bytes = (const unsigned char *)key;
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t k = 0; k < n * sizeof *key; k++) h = (h ^ bytes[k]) * UINT64_C(1099511628211);
    return h ^ (h >> 32);
}

/* The row of an observation, -1 when it is unknown; `add` makes one for it while there is room. */
static int64_t find(bilevel_q *t, const real *obs, bool add) {
    size_t n = 1 + (size_t)t->facts->obs_total;
    t->plain[0] = 1;
    for (size_t k = 1; k < n; k++)
        t->plain[k] = obs[k - 1] + 0; /* -0 becomes 0: equal numbers, equal bytes */
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

/* ---- joint actions ---- */

static size_t index_of(const bilevel_q *t, const real *actions) {
    size_t joint = 0;
    for (int k = 0; k < t->n; k++) {
        int agent = t->order.turn[k];
        joint = joint * (size_t)t->actions[k] + (size_t)actions[t->facts->action_at[agent]];
    }
    return joint;
}

static void write_actions(const bilevel_q *t, size_t joint, real *actions) {
    for (int k = t->n - 1; k >= 0; k--) {
        size_t count = (size_t)t->actions[k];
        actions[t->facts->action_at[t->order.turn[k]]] = (real)(joint % count);
        joint /= count;
    }
}

#define FREE (-1)

/* Eq. 8-9, with the actions of some agents settled (ORDER turn; FREE: the agent chooses; NULL: all do). After
 * agent k's turn best[p] is, for the choice p of its superiors, the joint action that follows. */
static size_t stage_point(bilevel_q *t, const real *q, const uint8_t *mask, const int *settled) {
    size_t prefixes = t->joint;
    for (size_t j = 0; j < t->joint; j++) t->best[j] = j;
    for (int k = t->n - 1; k >= 0; k--) {
        const real *own = q + (size_t)k * t->joint;
        const uint8_t *legal = t->facts->masks ? mask + t->facts->mask_at[t->order.turn[k]] : NULL;
        size_t count = (size_t)t->actions[k];
        prefixes /= count;
        for (size_t p = 0; p < prefixes; p++) {
            const size_t *reply = t->best + p * count;
            size_t chosen = SIZE_MAX;
            for (size_t a = 0; a < count; a++)
                if ((legal == NULL || legal[a]) && (chosen == SIZE_MAX || own[reply[a]] > own[chosen]))
                    chosen = reply[a];
            t->best[p] = settled != NULL && settled[k] != FREE ? reply[settled[k]] : chosen;
        }
    }
    return t->best[0];
}

/* ---- acting and learning ---- */

/* Agents move in turn; those below one that explores answer what it really did. */
static void act_row(bilevel_q *t, const real *obs, const uint8_t *mask, double epsilon, real *actions) {
    const real *q = values_of(t, find(t, obs, false));
    int settled[ENV_AGENTS_MAX];
    for (int k = 0; k < t->n; k++) settled[k] = FREE;
    write_actions(t, stage_point(t, q, mask, NULL), actions);
    bool explore = false;
    for (int k = 0; k < t->n && epsilon > 0; k++) {
        int agent = t->order.turn[k];
        real *action = actions + t->facts->action_at[agent];
        if (k == 0 || t->config->coin == COIN_OWN) explore = fm_rng_uniform(&t->explore[agent]) < epsilon;
        if (explore) algo_random_action(t->facts, agent, mask, &t->explore[agent], action);
        settled[k] = (int)*action;
        if (explore) write_actions(t, stage_point(t, q, mask, settled), actions);
    }
}

static void act(void *self, const algo_view *view, bool greedy, real *actions) {
    bilevel_q *t = self;
    double epsilon = greedy ? 0 : algo_epsilon(&t->config->epsilon, t->counters[DECISIONS]);
    for (size_t c = 0; c < (size_t)view->copies; c++)
        act_row(t, view->obs + c * (size_t)t->facts->obs_total, view->mask + c * (size_t)t->facts->mask_total,
                epsilon, actions + c * (size_t)t->facts->action_total);
}

/* Eq. 10-11. */
static void learn(bilevel_q *t, const algo_step *step, size_t c) {
    const env_facts *facts = t->facts;
    int64_t state = find(t, step->before.obs + c * (size_t)facts->obs_total, true);
    t->counters[DECISIONS]++;
    t->counters[UNKNOWN] += state < 0;
    if (state < 0) return;
    int64_t next = find(t, step->after.obs + c * (size_t)facts->obs_total, false);
    const real *next_q = values_of(t, next);
    const uint8_t *mask = step->after.mask + c * (size_t)facts->mask_total;
    size_t point = step->terminated[c] ? 0 : stage_point(t, next_q, mask, NULL);
    size_t taken = index_of(t, step->actions + c * (size_t)facts->action_total);
    double target[ENV_AGENTS_MAX]; /* all of them before any change: s' may be s */
    for (int k = 0; k < t->n; k++) {
        double reward = step->rewards[c * (size_t)t->n + (size_t)t->order.turn[k]];
        double future = step->terminated[c] ? 0 : (double)next_q[(size_t)k * t->joint + point];
        target[k] = reward + t->config->gamma * future;
    }
    t->error = 0;
    for (int k = 0; k < t->n; k++) {
        real *q = values_of(t, state) + (size_t)k * t->joint + taken;
        double delta = target[k] - (double)*q;
        *q = (real)((double)*q + t->alpha[k] * delta);
        t->error += (delta < 0 ? -delta : delta) / t->n;
    }
}

static void observe(void *self, const algo_step *step) {
    for (size_t c = 0; c < (size_t)step->before.copies; c++) learn(self, step, c);
}

/* Every transition is learned from once, when it is observed. */
static void update(void *self) { (void)self; }

static const char *const METRICS[] = {"td_error", "epsilon", "states", "unknown", NULL};

static void metrics(const void *self, double *values) {
    const bilevel_q *t = self;
    values[0] = t->error;
    values[1] = algo_epsilon(&t->config->epsilon, t->counters[DECISIONS]);
    values[2] = (double)t->counters[STATES];
    values[3] = (double)t->counters[UNKNOWN];
}

static void values(void *self, const algo_view *view, const real *actions, double *values_) {
    bilevel_q *t = self;
    for (size_t c = 0; c < (size_t)view->copies; c++) {
        const real *q = values_of(t, find(t, view->obs + c * (size_t)t->facts->obs_total, false));
        size_t joint = index_of(t, actions + c * (size_t)t->facts->action_total);
        for (int k = 0; k < t->n; k++)
            values_[c * (size_t)t->n + (size_t)t->order.turn[k]] = (double)q[(size_t)k * t->joint + joint];
    }
}

/* ---- registration ---- */

/* One learning rate, or one per agent. */
static fm_status read_alpha(const char *text, int agents, double *alpha, fm_error *err) {
    char copy[FM_TEXT_MAX];
    fm_text_format(copy, sizeof copy, "%s", text);
    int n = 0;
    for (char *at = copy, *next; at != NULL; at = next, n++) {
        next = strchr(at, ',');
        if (next != NULL) *next++ = '\0';
        double value;
        if (!fm_text_to_real(at, &value) || value < 0 || value > 1)
            return fm_fail(err, "bilevel_q: alpha: '%s' is not a number from 0 to 1", at);
        if (n < agents) alpha[n] = value;
    }
    if (n != 1 && n != agents)
        return fm_fail(err, "bilevel_q: alpha: %d numbers; expected 1, or %d: one per agent", n, agents);
    for (int k = n; k < agents; k++) alpha[k] = alpha[0];
    return FM_OK;
}

static double joint_actions(const env_facts *facts) {
    double joint = 1;
    for (int i = 0; i < facts->agents; i++) joint *= facts->action[i].n;
    return joint;
}

static fm_status accepts(const env_facts *facts, const void *config_, fm_error *err) {
    const bilevel_q_config *config = config_;
    algo_order order;
    double alpha[ENV_AGENTS_MAX];
    for (int i = 0; i < facts->agents; i++)
        if (facts->action[i].n == 0)
            return fm_fail(err, "bilevel_q needs discrete actions; '%s' has a box for agent '%s'",
                           facts->name, facts->agent_name[i]);
    if (algo_order_parse(facts, config->order, &order, err) != FM_OK) return fm_fail_in(err, "bilevel_q: ");
    if (order.levels < order.agents)
        return fm_fail(
            err, "bilevel_q needs a level for each agent; '%s' has %d agents on %d levels (option order)",
            facts->name, order.agents, order.levels);
    double numbers = 3.0 * (double)config->states * (facts->agents * joint_actions(facts) + facts->obs_total);
    if (numbers * sizeof(real) > BYTES_MAX)
        return fm_fail(err,
                       "bilevel_q: a table of %lld states, %d agents and %.0f joint actions exceeds 8 GB "
                       "(option states)",
                       (long long)config->states, facts->agents, joint_actions(facts));
    return read_alpha(config->alpha, facts->agents, alpha, err);
}

static void *create(const algo_setup *setup) {
    bilevel_q *t = fm_arena_array(setup->arena, bilevel_q, 1);
    fm_error err;
    t->config = setup->config;
    t->facts = setup->facts;
    t->n = setup->facts->agents;
    t->joint = (size_t)joint_actions(setup->facts);
    fm_status order = algo_order_parse(t->facts, t->config->order, &t->order, &err);
    fm_status alpha = read_alpha(t->config->alpha, t->n, t->alpha, &err);
    FM_CHECK(order == FM_OK && alpha == FM_OK, "create without accepts: %s", err.text);
    size_t states = (size_t)t->config->states, agents = (size_t)t->n, obs = (size_t)t->facts->obs_total;
    for (t->slots = 2; 3 * t->slots < 4 * states + 3;) t->slots *= 2;
    t->key = fm_arena_array(setup->arena, real, t->slots * (1 + obs));
    t->q = fm_arena_array(setup->arena, real, t->slots * agents * t->joint);
    t->best = fm_arena_array(setup->arena, size_t, t->joint);
    t->fresh = fm_arena_array(setup->arena, real, agents * t->joint);
    t->plain = fm_arena_array(setup->arena, real, 1 + obs);
    for (size_t k = 0; k < agents * t->joint; k++) t->fresh[k] = (real)t->config->initial;
    for (size_t k = 0; k < t->slots; k++)
        memcpy(t->q + k * agents * t->joint, t->fresh, agents * t->joint * sizeof(real));
    for (int k = 0; k < t->n; k++) {
        t->actions[k] = t->facts->action[t->order.turn[k]].n;
        t->explore[k] = fm_rng_split(setup->seed, FM_RNG_EXPLORE, 0, (uint64_t)k);
    }
    fm_keep_parameter(setup->keep, t->key, t->slots, 1 + obs, "table.key");
    fm_keep_parameter(setup->keep, t->q, t->slots, agents * t->joint, "table.q");
    fm_keep(setup->keep, FM_I64, t->counters, sizeof t->counters / sizeof *t->counters, "counters");
    fm_keep(setup->keep, FM_F64, &t->error, 1, "td_error");
    fm_keep_bytes(setup->keep, t->explore, sizeof t->explore, "rng.explore");
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
    .accepts = accepts,
    .create = create,
    .act = act,
    .observe = observe,
    .update = update,
    .metric_names = METRICS,
    .metrics = metrics,
    .values = values,
};
