/* biac_play.c: Bi-AC's networks at play, for acting, for targets and for the actors' alternatives alike: what
 * each sees, how the levels below answer, and what the joint action is worth. */
#include <math.h>
#include <string.h>

#include "algos/families/biac.h"
#include "nn/distributions.h"

/* Reals in the joint actions of a play that comes in pieces. */
#define PLAY_MAX ((size_t)1 << 22)

/* ---- making ---- */

static algo_forward forward_of(const algo_net *net, const algo_setup *setup, bool target, size_t rows) {
    return algo_forward_make(net, setup, target ? net->target : net->params.theta, rows);
}

size_t biac_play_piece(const biac *b, size_t rows, size_t count) {
    size_t fit = PLAY_MAX / (rows * (size_t)b->joint.total);
    return fit < 1 ? 1 : fit < count ? fit : count;
}

biac_play *biac_play_make(const biac *b, const algo_setup *setup, size_t rows, bool target) {
    size_t agents = (size_t)b->joint.agents;
    biac_play *play = fm_arena_array(setup->arena, biac_play, 1);
    *play = (biac_play){.rows = rows, .share = rows, .target = target};
    play->obs = fm_arena_array(setup->arena, real, rows * (size_t)b->facts->obs_total);
    play->present = fm_arena_array(setup->arena, real, rows * agents);
    for (size_t k = 0; k < rows * agents; k++) play->present[k] = 1;
    play->joint = fm_arena_array(setup->arena, real, rows * (size_t)b->joint.total);
    play->actor = fm_arena_array(setup->arena, algo_forward, agents);
    play->critic = fm_arena_array(setup->arena, algo_forward, agents);
    for (int i = 0; i < b->joint.agents; i++)
        if (biac_has_actor(b, i)) play->actor[i] = forward_of(&b->agent[i].actor, setup, target, rows);
    return play;
}

void biac_play_add_critic(const biac *b, const algo_setup *setup, biac_play *play, int agent) {
    play->critic[agent] = forward_of(&b->agent[agent].critic, setup, play->target, play->rows);
}

void biac_play_see(const biac *b, biac_play *play, const env_view *view) {
    play->rows = (size_t)view->copies;
    memcpy(play->obs, view->obs, play->rows * (size_t)b->facts->obs_total * sizeof(real));
    for (size_t k = 0; k < play->rows * (size_t)b->joint.agents; k++) play->present[k] = view->active[k];
}

real *biac_place(const biac *b, biac_play *play, size_t row, int agent) {
    real *columns = play->joint + row * (size_t)b->joint.total + b->joint.at[agent];
    if (play->present[row * (size_t)b->joint.agents + (size_t)agent] != 0) return columns;
    memset(columns, 0, (size_t)b->joint.width[agent] * sizeof *columns);
    return NULL;
}

fm_rng *biac_stream(const biac_play *play, fm_rng *rng, size_t row) {
    return rng ? &rng[(play->first + row) / play->share] : NULL;
}

/* ---- actors ---- */

size_t biac_actor_width(const biac *b, int agent) {
    size_t width = (size_t)b->facts->agent[agent].obs_length;
    for (int j = 0; j < b->joint.agents; j++)
        if (b->order.level[j] < b->order.level[agent]) width += (size_t)b->joint.width[j];
    return width;
}

/* Own observation, then the actions of the levels above in the order of the agents. */
static void actor_input(const biac *b, int agent, const real *obs, const real *joint, real *input) {
    size_t length = (size_t)b->facts->agent[agent].obs_length;
    memcpy(input, obs, length * sizeof *input);
    input += length;
    for (int j = 0; j < b->joint.agents; j++) {
        if (b->order.level[j] >= b->order.level[agent]) continue;
        memcpy(input, joint + b->joint.at[j], (size_t)b->joint.width[j] * sizeof *input);
        input += b->joint.width[j];
    }
}

void biac_choose(const biac *b, int agent, const real *out, fm_rng *rng, real *columns) {
    const env_space *space = &b->facts->agent[agent].action;
    if (space->kind == ENV_DISCRETE) {
        int action = rng ? nn_categorical_sample(out, NULL, space->n, rng) : nn_argmax(out, NULL, space->n);
        algo_one_hot(columns, space->n, action);
        return;
    }
    for (int k = 0; k < space->size; k++) columns[k] = (real)tanh((double)out[k]);
}

ad_var biac_actor_on_tape(const biac *b, int agent, const ad_var *columns) {
    const biac_agent *a = &b->agent[agent];
    ad_var x = a->obs;
    for (int j = 0; j < b->joint.agents; j++)
        if (b->order.level[j] < b->order.level[agent]) x = ad_concat_cols(x, columns[j]);
    return algo_net_apply(&a->actor, &a->actor.leaves, x);
}

const real *biac_play_actor(const biac *b, biac_play *play, int agent) {
    algo_forward *actor = &play->actor[agent];
    size_t obs_total = (size_t)b->facts->obs_total, total = (size_t)b->joint.total;
    const real *obs = play->obs + b->facts->agent[agent].obs_at;
    for (size_t r = 0; r < play->rows; r++)
        actor_input(b, agent, obs + r * obs_total, play->joint + r * total, actor->x + r * actor->in);
    algo_forward_run(actor);
    return actor->y;
}

void biac_play_respond(const biac *b, biac_play *play, int level, fm_rng *rng) {
    if (!b->config->sample_follower) rng = NULL;
    for (int turn = 0; turn < b->order.agents; turn++) {
        int i = b->order.turn[turn];
        size_t width = (size_t)b->joint.width[i];
        if (b->order.level[i] < level || !biac_has_actor(b, i)) continue;
        const real *out = biac_play_actor(b, play, i);
        for (size_t r = 0; r < play->rows; r++) {
            real *columns = biac_place(b, play, r, i);
            if (columns) biac_choose(b, i, out + r * width, biac_stream(play, rng, r), columns);
        }
    }
}

/* ---- critics ---- */

const real *biac_play_value(const biac *b, biac_play *play, int agent) {
    algo_forward *critic = &play->critic[agent];
    size_t obs_total = (size_t)b->facts->obs_total, total = (size_t)b->joint.total;
    size_t length = (size_t)b->facts->agent[agent].obs_length;
    for (size_t r = 0; r < play->rows; r++) {
        real *x = critic->x + r * critic->in;
        memcpy(x, play->obs + r * obs_total + b->facts->agent[agent].obs_at, length * sizeof *x);
        memcpy(x + length, play->joint + r * total, total * sizeof *x);
    }
    algo_forward_run(critic);
    return critic->y;
}

