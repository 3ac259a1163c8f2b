#include "algos/parts/head.h"

#include <math.h>
#include <string.h>

#include "nn/distributions.h"

algo_head algo_head_make(const env_space *space, fm_arena *arena) {
    algo_head head = {.space = *space, .choices = (size_t)env_space_choices(space)};
    head.outputs = head.choices;
    if (space->kind != ENV_BOX) return head;
    size_t n = head.outputs = (size_t)space->size;
    head.middle = fm_arena_array(arena, real, n);
    head.half = fm_arena_array(arena, real, n);
    for (size_t k = 0; k < n; k++) {
        head.middle[k] = (real)((space->low[k] + space->high[k]) / 2);
        head.half[k] = (real)((space->high[k] - space->low[k]) / 2);
        head.log_volume += log((double)head.half[k]);
    }
    return head;
}

bool algo_head_has_std(const algo_head *head) { return head->space.kind == ENV_BOX; }

/* One action is one head. */
static const int *heads_of(const algo_head *head) {
    return head->space.kind == ENV_MULTI_DISCRETE ? head->space.heads : &head->space.n;
}

/* ---- one row ---- */

void algo_head_act(const algo_head *head, const real *out, const real *log_std, const uint8_t *mask,
                   algo_mode mode, fm_rng *rng, real *action) {
    const int *heads = heads_of(head), n = head->space.size;
    bool greedy = mode == ALGO_GREEDY;
    if (head->space.kind != ENV_BOX) {
        if (greedy)
            nn_multi_argmax(out, mask, heads, n, action);
        else
            nn_multi_categorical_sample(out, mask, heads, n, rng, action);
        return;
    }
    if (greedy)
        memcpy(action, out, (size_t)n * sizeof *action);
    else
        nn_gaussian_sample(out, log_std, n, rng, action);
    for (int k = 0; k < n; k++) action[k] = head->middle[k] + head->half[k] * action[k];
}

double algo_head_log_prob_of(const algo_head *head, const real *out, const real *log_std, const uint8_t *mask,
                             const real *action) {
    int n = head->space.size;
    if (head->space.kind != ENV_BOX)
        return nn_multi_categorical_log_prob_of(out, mask, heads_of(head), n, action);
    double log_prob = -head->log_volume;
    for (int k = 0; k < n; k++) {
        real u = (action[k] - head->middle[k]) / head->half[k];
        log_prob += nn_gaussian_log_prob_of(out + k, log_std + k, 1, &u);
    }
    return log_prob;
}

/* ---- on the tape ---- */

/* The actions of a box in units of half ranges from the middle. */
static ad_var standardised(const algo_head *head, ad_var action) {
    size_t n = (size_t)head->space.size;
    ad_var middle = ad_leaf(action.tape, 1, n, head->middle, "middle of the box");
    return ad_div(ad_sub(action, middle), ad_leaf(action.tape, 1, n, head->half, "half of the box"));
}

ad_var algo_head_log_prob(const algo_head *head, ad_var out, ad_var log_std, ad_var mask, ad_var action) {
    if (head->space.kind != ENV_BOX)
        return nn_multi_categorical_log_prob(out, mask, heads_of(head), head->space.size, action);
    return ad_shift(nn_gaussian_log_prob(out, log_std, standardised(head, action)), -head->log_volume);
}

ad_var algo_head_entropy(const algo_head *head, ad_var out, ad_var log_std, ad_var mask) {
    if (head->space.kind != ENV_BOX)
        return nn_multi_categorical_entropy(out, mask, heads_of(head), head->space.size);
    return ad_shift(nn_gaussian_entropy(out, log_std), head->log_volume);
}
