/* biac_play.c: Stackelberg play of Bi-AC's networks: who answers whom, for acting, for targets and for the
 * actors' alternatives alike. */
#include <math.h>
#include <string.h>

#include "algos/families/biac.h"
#include "nn/distributions.h"

size_t biac_actor_width(const biac *b, int agent) {
    size_t width = (size_t)b->facts->obs_length[agent];
    for (int j = 0; j < b->joint.agents; j++)
        if (b->order.level[j] < b->order.level[agent]) width += (size_t)b->joint.width[j];
    return width;
}

void biac_actor_input(const biac *b, int agent, const real *obs, const real *joint, real *input) {
    size_t length = (size_t)b->facts->obs_length[agent];
    memcpy(input, obs, length * sizeof *input);
    input += length;
    for (int j = 0; j < b->joint.agents; j++) {
        if (b->order.level[j] >= b->order.level[agent]) continue;
        memcpy(input, joint + b->joint.at[j], (size_t)b->joint.width[j] * sizeof *input);
        input += b->joint.width[j];
    }
}

biac_play *biac_play_make(const biac *b, const algo_setup *setup, size_t rows, bool target,
                          bool with_leader) {
    biac_play *play = fm_arena_array(setup->arena, biac_play, 1);
    play->rows = rows;
    play->obs = fm_arena_array(setup->arena, real, rows * (size_t)b->facts->obs_total);
    play->joint = fm_arena_array(setup->arena, real, rows * (size_t)b->joint.total);
    for (int i = 0; i < b->joint.agents; i++)
        if (biac_has_actor(b, i))
            play->actor[i] = algo_forward_make(&b->actor[i], setup, b->tape, target, rows);
    if (with_leader && b->leader >= 0) {
        play->tried = biac_play_make(b, setup, rows * b->tries, target, false);
        play->tried->critic[b->leader] =
            algo_forward_make(&b->critic[b->leader], setup, b->tape, target, rows * b->tries);
    }
    return play;
}

/* An actor's output row becomes the columns of its action. */
static void choose(const biac *b, int agent, const real *out, fm_rng *rng, real *columns) {
    const env_space *space = &b->facts->action[agent];
    if (space->n > 0) {
        int action = rng && b->config->sample_follower ? nn_categorical_sample(out, NULL, space->n, rng)
                                                       : nn_argmax(out, NULL, space->n);
        algo_one_hot(columns, space->n, action);
        return;
    }
    for (int k = 0; k < space->size; k++) columns[k] = (real)tanh((double)out[k]);
}

void biac_play_respond(const biac *b, biac_play *play, int level, fm_rng *rng) {
    size_t obs_total = (size_t)b->facts->obs_total, columns = (size_t)b->joint.total;
    for (int k = 0; k < b->order.agents; k++) {
        int i = b->order.turn[k];
        if (b->order.level[i] < level || !biac_has_actor(b, i)) continue;
        algo_forward *actor = &play->actor[i];
        const real *obs = play->obs + b->facts->obs_at[i];
        for (size_t r = 0; r < play->rows; r++)
            biac_actor_input(b, i, obs + r * obs_total, play->joint + r * columns, actor->x + r * actor->in);
        algo_forward_run(actor);
        for (size_t r = 0; r < play->rows; r++)
            choose(b, i, actor->y + r * actor->out, rng, play->joint + r * columns + b->joint.at[i]);
    }
}

const real *biac_play_value(const biac *b, biac_play *play, int agent) {
    algo_forward *critic = &play->critic[agent];
    size_t obs_total = (size_t)b->facts->obs_total, columns = (size_t)b->joint.total;
    size_t length = (size_t)b->facts->obs_length[agent];
    for (size_t r = 0; r < play->rows; r++) {
        real *x = critic->x + r * critic->in;
        memcpy(x, play->obs + r * obs_total + b->facts->obs_at[agent], length * sizeof *x);
        memcpy(x + length, play->joint + r * columns, columns * sizeof *x);
    }
    algo_forward_run(critic);
    return critic->y;
}

/* Which of its K actions the leader takes: the best; a soft leader in training one drawn by exp(Q / alpha),
 * which is nn_categorical_sample's softmax by way of Gumbel noise, without a copy of the values. */
static int pick_try(const biac *b, const real *q, fm_rng *rng) {
    double alpha = b->config->soft, most = -HUGE_VAL;
    if (alpha == 0 || rng == NULL) return nn_argmax(q, NULL, (int)b->tries);
    int best = 0;
    for (size_t k = 0; k < b->tries; k++) {
        double noisy = (double)q[k] + alpha * fm_rng_gumbel(rng);
        if (noisy > most) {
            most = noisy;
            best = (int)k;
        }
    }
    return best;
}

double biac_soft_value(const biac *b, const biac_play *play, size_t row) {
    const real *q = play->tried->critic[b->leader].y + row * b->tries;
    double alpha = b->config->soft, most = (double)q[nn_argmax(q, NULL, (int)b->tries)], sum = 0;
    for (size_t k = 0; k < b->tries; k++) sum += exp(((double)q[k] - most) / alpha);
    return most + alpha * log(sum / (double)b->tries);
}

void biac_play_joint(const biac *b, biac_play *play, fm_rng *rng) {
    if (b->leader < 0) {
        biac_play_respond(b, play, 0, rng);
        return;
    }
    biac_play *tried = play->tried;
    size_t obs_total = (size_t)b->facts->obs_total, columns = (size_t)b->joint.total, K = b->tries;
    size_t width = (size_t)b->joint.width[b->leader], at = (size_t)b->joint.at[b->leader];
    for (size_t r = 0; r < tried->rows; r++) {
        memcpy(tried->obs + r * obs_total, play->obs + r / K * obs_total, obs_total * sizeof(real));
        memcpy(tried->joint + r * columns + at, b->candidates + r % K * width, width * sizeof(real));
    }
    biac_play_respond(b, tried, 0, rng);
    const real *q = biac_play_value(b, tried, b->leader);
    for (size_t r = 0; r < play->rows; r++) { /* Eq. (12) */
        size_t best = (size_t)pick_try(b, q + r * K, rng);
        memcpy(play->joint + r * columns, tried->joint + (r * K + best) * columns, columns * sizeof(real));
    }
}

void biac_play_wander(const biac *b, biac_play *play, double sigma, fm_rng *rng) {
    for (int turn = 0; turn < b->order.agents; turn++) {
        int i = b->order.turn[turn], width = b->facts->action[i].n > 0 ? 0 : b->joint.width[i];
        for (size_t r = 0; r < play->rows; r++) {
            real *columns = play->joint + r * (size_t)b->joint.total + b->joint.at[i];
            for (int k = 0; k < width; k++)
                columns[k] = (real)fmin(1, fmax(-1, (double)columns[k] + sigma * fm_rng_normal(rng)));
        }
        int below = b->order.level[i] + 1;
        if (width > 0 && below < b->order.levels) biac_play_respond(b, play, below, rng);
    }
}

/* ---- what it shows of itself ---- */

void biac_show(const biac *b, biac_play *play, const algo_view *view) {
    memcpy(play->obs, view->obs, (size_t)view->copies * (size_t)b->facts->obs_total * sizeof(real));
}

void biac_values(void *self, const algo_view *view, const real *actions, double *out) {
    biac *b = self;
    biac_show(b, b->acting, view);
    for (size_t r = 0; r < (size_t)view->copies; r++)
        algo_encode(&b->joint, actions + r * (size_t)b->facts->action_total,
                    b->acting->joint + r * (size_t)b->joint.total);
    for (int i = 0; i < b->joint.agents; i++) {
        const real *q = biac_play_value(b, b->acting, i);
        for (size_t r = 0; r < (size_t)view->copies; r++)
            out[r * (size_t)b->joint.agents + (size_t)i] =
                (double)q[r] / b->scale[i].scale + b->scale[i].shift;
    }
}

static double softmax_of(const real *logits, int n, int action) {
    double most = (double)logits[nn_argmax(logits, NULL, n)], sum = 0;
    for (int k = 0; k < n; k++) sum += exp((double)logits[k] - most);
    return exp((double)logits[action] - most) / sum;
}

/* The leader's is 0 or 1: it maximises. */
void biac_probabilities(void *self, const algo_view *view, const real *actions, double *out) {
    biac *b = self;
    size_t agents = (size_t)b->joint.agents, columns = (size_t)b->joint.total;
    biac_show(b, b->acting, view);
    biac_play_joint(b, b->acting, NULL);
    for (size_t r = 0; r < (size_t)view->copies && b->leader >= 0; r++) {
        const real *joint = b->acting->joint + r * columns + b->joint.at[b->leader];
        double chosen =
            (double)actions[r * (size_t)b->facts->action_total + (size_t)b->facts->action_at[b->leader]];
        out[r * agents + (size_t)b->leader] =
            nn_argmax(joint, NULL, b->joint.width[b->leader]) == (int)chosen;
    }
    for (int i = 0; i < b->joint.agents; i++) {
        if (!biac_has_actor(b, i) || b->facts->action[i].n == 0) continue;
        algo_forward *f = &b->acting->actor[i];
        for (size_t r = 0; r < (size_t)view->copies; r++) {
            real *joint = b->acting->joint + r * columns;
            const real *row = actions + r * (size_t)b->facts->action_total;
            algo_encode(&b->joint, row, joint);
            biac_actor_input(b, i, view->obs + r * (size_t)b->facts->obs_total + b->facts->obs_at[i], joint,
                             f->x + r * f->in);
        }
        algo_forward_run(f);
        for (size_t r = 0; r < (size_t)view->copies; r++) {
            int action = (int)actions[r * (size_t)b->facts->action_total + (size_t)b->facts->action_at[i]];
            out[r * agents + (size_t)i] = softmax_of(f->y + r * f->out, b->facts->action[i].n, action);
        }
    }
}
