/* biac_report.c: what Bi-AC tells of itself when it is asked: values and probabilities of joint actions. */
#include <math.h>

#include "algos/families/biac.h"
#include "nn/distributions.h"

/* The given joint actions stand in the play. */
static void lay_out(const biac *b, biac_play *play, const env_view *view, const real *actions) {
    biac_play_see(b, play, view);
    for (size_t r = 0; r < play->rows; r++)
        for (int i = 0; i < b->joint.agents; i++) {
            const env_agent *agent = &b->facts->agent[i];
            const real *action = actions + r * (size_t)b->facts->action_total + agent->action_at;
            real *columns = biac_place(b, play, r, i);
            if (columns) algo_encode_agent(&agent->action, action, columns);
        }
}

/* Scaled values of all agents of one row, less what an agent's has of its superiors' (tie_break). */
static void set_apart(const biac *b, double *values) {
    for (int k = 1; k < b->order.agents; k++) {
        int i = b->order.turn[k], above = biac_superiors(b, i);
        for (int j = 0; j < above; j++) values[i] -= b->config->tie_break / above * values[b->order.turn[j]];
    }
}

void biac_values(void *self, const env_view *view, const real *actions, double *values) {
    biac *b = self;
    size_t agents = (size_t)b->joint.agents;
    lay_out(b, b->acting, view, actions);
    for (size_t i = 0; i < agents; i++) {
        const real *q = biac_play_value(b, b->acting, (int)i);
        for (size_t r = 0; r < b->acting->rows; r++) values[r * agents + i] = (double)q[r];
    }
    for (size_t r = 0; r < b->acting->rows; r++) {
        double *row = values + r * agents;
        set_apart(b, row);
        for (size_t i = 0; i < agents; i++)
            row[i] = algo_value_in_unit(b->facts, b->scale[i], b->config->gamma, row[i]);
    }
}

static double softmax_of(const real *logits, int n, int action) {
    double most = (double)logits[nn_argmax(logits, NULL, n)], sum = 0;
    for (int k = 0; k < n; k++) sum += exp((double)logits[k] - most);
    return exp((double)logits[action] - most) / sum;
}

/* A maximising leader's is 0 or 1; numbers of a box have none. */
void biac_probabilities(void *self, const env_view *view, const real *actions, double *probabilities) {
    biac *b = self;
    biac_play *play = b->acting;
    size_t agents = (size_t)b->joint.agents, width = (size_t)b->facts->action_total;
    biac_play_see(b, play, view);
    biac_play_joint(b, play, NULL);
    for (size_t r = 0; r < play->rows && b->leader >= 0 && biac_is_discrete(b, b->leader); r++) {
        const real *columns = play->joint + r * (size_t)b->joint.total + b->joint.at[b->leader];
        int action = (int)actions[r * width + (size_t)b->facts->agent[b->leader].action_at];
        probabilities[r * agents + (size_t)b->leader] = columns[action] != 0;
    }
    lay_out(b, play, view, actions);
    for (int i = 0; i < b->joint.agents; i++) {
        if (!biac_has_actor(b, i) || !biac_is_discrete(b, i)) continue;
        const real *logits = biac_play_actor(b, play, i);
        int n = b->joint.width[i];
        for (size_t r = 0; r < play->rows; r++) {
            int action = (int)actions[r * width + (size_t)b->facts->agent[i].action_at];
            probabilities[r * agents + (size_t)i] = softmax_of(logits + r * (size_t)n, n, action);
        }
    }
}
