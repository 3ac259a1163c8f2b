#include "nn/objective.h"

nn_objective nn_objective_make(ad_var loss, const nn_group *group, size_t groups, const ad_var *also,
                               size_t n_also, fm_arena *arena) {
    nn_objective o = {.groups = groups};
    size_t count = n_also + 1;
    for (size_t k = 0; k < groups; k++) {
        FM_CHECK(ad_depends(loss, group[k].leaves->leaf, group[k].leaves->count),
                 "an objective: the loss does not depend on the leaves of '%s' that it shall train",
                 group[k].name);
        count += group[k].leaves->count;
    }
    o.gradient = fm_arena_array(arena, real *, groups);
    o.shown = fm_arena_array(arena, real, n_also);
    o.loss = fm_arena_array(arena, real, 1);
    ad_output *out = fm_arena_array(arena, ad_output, count), *at = out;
    for (size_t k = 0; k < groups; k++) {
        o.gradient[k] = fm_arena_array(arena, real, group[k].params->n);
        nn_gradient_outputs(group[k].params, group[k].leaves, loss, o.gradient[k], at);
        at += group[k].leaves->count;
    }
    for (size_t k = 0; k < n_also; k++) *at++ = (ad_output){also[k], &o.shown[k]};
    *at = (ad_output){loss, o.loss};
    o.plan = ad_plan_make(NULL, 0, out, count);
    return o;
}

double nn_objective_run(nn_objective *o) {
    ad_replay(o->plan);
    return (double)*o->loss;
}

ad_var nn_weighted_mean(ad_var x, ad_var weight) {
    if (ad_is_none(weight)) return ad_mean(x);
    ad_var count = ad_max(ad_sum(weight), ad_fill(weight.tape, 1, 1, 1));
    return ad_div(ad_sum(ad_mul(x, weight)), count);
}

/* c (e - c / 2) with c = e within and +-delta beyond: at e = 0 no kink hides the curvature. */
ad_var nn_huber(ad_var error, double delta) {
    ad_var c = ad_clip(error, -delta, delta);
    return ad_mul(c, ad_sub(error, ad_scale(c, 0.5)));
}
