/* biac_leader.c: the leader that maximises instead of having an actor (Eq. 12): who it is, the candidates
 * that it tries, and its choice among them. */
#include <math.h>
#include <string.h>

#include "algos/families/biac.h"
#include "nn/distributions.h"

/* ---- who ---- */

/* The agent that is alone on the first level, or -1. */
static int sole_leader(const algo_order *order) {
    return order->level[order->turn[1]] > 0 ? order->turn[0] : -1;
}

int biac_maximising_leader(const env_facts *facts, const biac_config *config, const algo_order *order) {
    int leader = sole_leader(order);
    if (leader < 0 || config->leader == BIAC_LEADER_ACTOR) return -1;
    if (config->leader == BIAC_LEADER_AUTO && facts->agent[leader].action.kind == ENV_BOX) return -1;
    return leader;
}

fm_status biac_accepts_order(const env_facts *facts, const biac_config *config, fm_error *err) {
    fm_arena scratch = {0};
    algo_order order;
    fm_status status = algo_order_parse(facts, config->order, &scratch, &order, err);
    bool several = status == FM_OK && sole_leader(&order) < 0;
    fm_arena_free(&scratch);
    if (status != FM_OK) return fm_fail_in(err, "biac: ");
    if (several && config->leader == BIAC_LEADER_ARGMAX)
        return fm_fail(
            err, "biac: leader = argmax needs one agent on the first level; the order of '%s' has several",
            facts->name);
    return FM_OK;
}

/* ---- its candidates ---- */

void biac_list_candidates(biac *b, fm_arena *arena) {
    const env_space *space = &b->facts->agent[b->leader].action;
    bool discrete = space->kind == ENV_DISCRETE;
    size_t width = (size_t)b->joint.width[b->leader];
    b->candidates = discrete ? (size_t)space->n : (size_t)b->config->candidates;
    b->candidate = fm_arena_array(arena, real, b->candidates * width);
    for (size_t k = 0; k < b->candidates; k++) {
        real *row = b->candidate + k * width;
        if (discrete)
            algo_one_hot(row, space->n, (int)k);
        else
            biac_box_point(k, width, row);
    }
}

void biac_play_add_tries(const biac *b, const algo_setup *setup, biac_play *play) {
    if (b->leader < 0) return;
    size_t tries = play->rows * b->candidates;
    play->tries = biac_play_make(b, setup, biac_play_piece(b, 1, tries), play->target);
    play->tried = fm_arena_array(setup->arena, real, tries);
    play->most = fm_arena_array(setup->arena, double, play->rows);
    biac_play_add_critic(b, setup, play->tries, b->leader);
}

/* What everybody sees stands in each of the leader's tries, with one of its candidates: a piece of them, from
 * number `first` on. */
static void lay_out_tries(const biac *b, const biac_play *play, size_t first) {
    biac_play *tries = play->tries;
    size_t obs_total = (size_t)b->facts->obs_total, agents = (size_t)b->joint.agents, K = b->candidates;
    size_t width = (size_t)b->joint.width[b->leader], left = play->rows * K - first;
    size_t piece = tries->critic[b->leader].rows;
    tries->first = first;
    tries->rows = left < piece ? left : piece;
    tries->share = play->share * K;
    for (size_t t = 0; t < tries->rows; t++) {
        size_t r = (first + t) / K, k = (first + t) % K;
        memcpy(tries->obs + t * obs_total, play->obs + r * obs_total, obs_total * sizeof(real));
        memcpy(tries->present + t * agents, play->present + r * agents, agents * sizeof(real));
        real *columns = biac_place(b, tries, t, b->leader);
        if (columns) memcpy(columns, b->candidate + k * width, width * sizeof *columns);
    }
}

/* ---- its choice ---- */

/* Which of its K candidates the leader takes: the first of the best; a soft leader one drawn by
 * exp(Q / alpha), which is nn_categorical_sample's softmax by way of Gumbel noise, without a copy of the
 * values. */
static void choose(const biac *b, biac_play *play, const real *q, fm_rng *rng) {
    const biac_play *tries = play->tries;
    size_t total = (size_t)b->joint.total, K = b->candidates;
    for (size_t t = 0; t < tries->rows; t++) {
        size_t at = tries->first + t, r = at / K;
        double value = (double)(play->tried[at] = q[t]);
        if (b->config->soft > 0 && rng) value += b->config->soft * fm_rng_gumbel(biac_stream(tries, rng, t));
        if (at % K > 0 && !(value > play->most[r])) continue;
        play->most[r] = value;
        memcpy(play->joint + r * total, tries->joint + t * total, total * sizeof(real));
    }
}

void biac_play_joint(const biac *b, biac_play *play, fm_rng *rng) {
    if (b->leader < 0) {
        biac_play_respond(b, play, 0, rng);
        return;
    }
    for (size_t first = 0; first < play->rows * b->candidates; first += play->tries->rows) {
        lay_out_tries(b, play, first);                                    /* x */
        biac_play_respond(b, play->tries, 0, rng);                        /* pi_2(s, x) */
        choose(b, play, biac_play_value(b, play->tries, b->leader), rng); /* argmax_x Q_1, Eq. (12) */
    }
}

/* The actions of whoever is above the agent stand in the play. */
static void lay_out_above(const biac *b, biac_play *play, int agent, const real *actions) {
    for (size_t r = 0; r < play->rows; r++)
        for (int j = 0; j < b->joint.agents; j++) {
            const env_agent *above = &b->facts->agent[j];
            const real *action = actions + r * (size_t)b->facts->action_total + above->action_at;
            if (b->order.level[j] >= b->order.level[agent]) continue;
            real *columns = biac_place(b, play, r, j);
            if (columns) algo_encode_agent(&above->action, action, columns);
        }
}

void biac_answer(void *self, const env_view *view, int agent, algo_mode mode, fm_rng *rng, real *actions) {
    biac *b = self;
    biac_play *play = b->acting;
    bool draws = mode != ALGO_GREEDY && b->config->sample_follower;
    biac_play_see(b, play, view);
    if (!biac_has_actor(b, agent)) {
        biac_play_joint(b, play, mode == ALGO_GREEDY ? NULL : rng);
    } else {
        lay_out_above(b, play, agent, actions);
        const real *out = biac_play_actor(b, play, agent);
        for (size_t r = 0; r < play->rows; r++) {
            real *columns = biac_place(b, play, r, agent);
            if (columns)
                biac_choose(b, agent, out + r * (size_t)b->joint.width[agent], draws ? &rng[r] : NULL,
                            columns);
        }
    }
    for (size_t r = 0; r < play->rows; r++)
        algo_decode_agent(&b->facts->agent[agent].action,
                          play->joint + r * (size_t)b->joint.total + b->joint.at[agent],
                          actions + r * (size_t)b->facts->action_total + b->facts->agent[agent].action_at);
}

double biac_soft_value(const biac *b, const biac_play *play, size_t row) {
    const real *q = play->tried + row * b->candidates;
    double alpha = b->config->soft, most = (double)q[nn_argmax(q, NULL, (int)b->candidates)], sum = 0;
    for (size_t k = 0; k < b->candidates; k++) sum += exp(((double)q[k] - most) / alpha);
    return most + alpha * log(sum / (double)b->candidates);
}
