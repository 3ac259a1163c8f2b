#include "algos/parts/normaliser.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

/* ---- building ---- */

static void make_obs(algo_normaliser *n, const algo_setup *setup) {
    const env_facts *facts = n->facts;
    size_t obs = n->copies * (size_t)facts->obs_total, central = n->copies * (size_t)facts->central_length;
    n->obs = fm_arena_array(setup->arena, nn_normaliser, (size_t)n->groups);
    for (int i = 0; i < facts->agents; i++) {
        size_t length = (size_t)facts->agent[i].obs_length;
        nn_normaliser *own = &n->obs[n->group[i]];
        FM_CHECK(own->n == 0 || own->n == length, "agent '%s' observes %zu numbers, others of its group %zu",
                 facts->agent[i].name, length, own->n);
        if (own->n > 0) continue;
        char name[FM_NAME_MAX];
        fm_text_format(name, sizeof name, "normaliser.%d.obs", n->group[i]);
        *own = nn_normaliser_make(length, setup->arena, setup->keep, name);
    }
    n->acted = fm_arena_array(setup->arena, real, obs);
    n->other = fm_arena_array(setup->arena, real, obs);
    if (central == 0) return;
    n->central =
        nn_normaliser_make((size_t)facts->central_length, setup->arena, setup->keep, "normaliser.central");
    n->acted_central = fm_arena_array(setup->arena, real, central);
    n->other_central = fm_arena_array(setup->arena, real, central);
}

static void make_reward(algo_normaliser *n, const algo_setup *setup, double gamma) {
    n->reward = fm_arena_array(setup->arena, nn_reward_scaler, (size_t)n->groups);
    for (int g = 0; g < n->groups; g++) {
        size_t members = 0;
        for (int i = 0; i < n->facts->agents; i++) members += n->group[i] == g;
        char name[FM_NAME_MAX];
        fm_text_format(name, sizeof name, "normaliser.%d.reward", g);
        n->reward[g] = nn_reward_scaler_make(members * n->copies, gamma, setup->arena, setup->keep, name);
    }
}

algo_normaliser algo_normaliser_make(const algo_setup *setup, const int *group, int groups,
                                     bool normalize_obs, bool normalize_reward, double gamma) {
    const env_facts *facts = setup->facts;
    size_t agents = (size_t)facts->agents, copies = (size_t)setup->num_envs;
    algo_normaliser n = {.facts = facts, .group = group, .groups = groups, .copies = copies};
    n.scale = fm_arena_array(setup->arena, algo_scale, agents);
    for (int i = 0; i < facts->agents; i++) n.scale[i] = algo_reward_scale(facts, i, true);
    n.rows = fm_arena_array(setup->arena, real, copies * (size_t)facts->obs_total);
    n.earned = fm_arena_array(setup->arena, double, copies * agents);
    n.flags = fm_arena_array(setup->arena, uint8_t, copies * agents);
    if (normalize_obs) make_obs(&n, setup);
    if (normalize_reward) make_reward(&n, setup, gamma);
    return n;
}

/* ---- observations ---- */

/* An agent's columns of all rows, one after another. */
static void gather(const algo_normaliser *n, const env_view *view, int agent, real *rows, uint8_t *active) {
    const env_agent *a = &n->facts->agent[agent];
    size_t length = (size_t)a->obs_length;
    for (size_t c = 0; c < (size_t)view->copies; c++) {
        const real *from = view->obs + c * (size_t)n->facts->obs_total + a->obs_at;
        memcpy(rows + c * length, from, length * sizeof *rows);
        active[c] = view->active[c * (size_t)n->facts->agents + (size_t)agent];
    }
}

static void normalise_agent(const algo_normaliser *n, const env_view *view, int agent, real *obs) {
    const env_agent *a = &n->facts->agent[agent];
    size_t length = (size_t)a->obs_length, copies = (size_t)view->copies;
    gather(n, view, agent, n->rows, n->flags);
    nn_normaliser_apply(&n->obs[n->group[agent]], n->rows, copies, n->rows);
    for (size_t c = 0; c < copies; c++)
        memcpy(obs + c * (size_t)n->facts->obs_total + a->obs_at, n->rows + c * length, length * sizeof *obs);
}

env_view algo_normaliser_view(algo_normaliser *n, const env_view *view, bool training) {
    env_view seen = *view;
    size_t copies = (size_t)view->copies;
    if (n->obs == NULL) return seen;
    FM_CHECK(copies <= n->copies, "a view of %zu copies, %zu at most", copies, n->copies);
    for (int i = 0; i < n->facts->agents && training; i++) {
        gather(n, view, i, n->rows, n->flags);
        nn_normaliser_update(&n->obs[n->group[i]], n->rows, copies, n->flags);
    }
    real *obs = training ? n->acted : n->other, *central = training ? n->acted_central : n->other_central;
    for (int i = 0; i < n->facts->agents; i++) normalise_agent(n, view, i, obs);
    seen.obs = obs;
    if (n->facts->central_length == 0) return seen;
    if (training) nn_normaliser_update(&n->central, view->central, copies, NULL);
    nn_normaliser_apply(&n->central, view->central, copies, central);
    seen.central = central;
    return seen;
}

/* ---- rewards ---- */

/* The rewards of a group, agent by agent, less what may be taken off, and whether the episodes they are of
 * ended. */
static void take_in_rewards(algo_normaliser *n, int group, const algo_step *step) {
    size_t row = 0;
    for (int i = 0; i < n->facts->agents; i++)
        for (size_t c = 0; c < n->copies && n->group[i] == group; c++, row++) {
            n->earned[row] =
                step->rewards[c * (size_t)n->facts->agents + (size_t)i] - algo_reward_shift(n->facts, i);
            n->flags[row] = step->terminated[c] || step->truncated[c];
        }
    nn_reward_scaler_update(&n->reward[group], n->earned, n->flags);
}

/* Returns that are all the same, but for rounding, are left as they are. */
static algo_scale scale_of(const algo_normaliser *n, int agent) {
    const nn_normaliser *returns = &n->reward[n->group[agent]].returns;
    double variance = nn_normaliser_variance(returns, 0), mean = returns->mean[0];
    return (algo_scale){.shift = algo_reward_shift(n->facts, agent) + (n->facts->horizon == 1 ? mean : 0),
                        .scale = variance > 1e-24 * mean * mean ? 1 / sqrt(variance) : 1};
}

algo_step algo_normaliser_step(algo_normaliser *n, const algo_step *step) {
    algo_step seen = *step;
    seen.after = algo_normaliser_view(n, &step->after, false);
    if (n->obs) seen.before.obs = n->acted;
    if (n->obs && n->facts->central_length > 0) seen.before.central = n->acted_central;
    for (int g = 0; g < n->groups && n->reward; g++) take_in_rewards(n, g, step);
    for (int i = 0; i < n->facts->agents && n->reward; i++)
        n->scale[i] = scale_of(n, i);
    return seen;
}
