#include "algos/parts/joint.h"

#include <math.h>
#include <string.h>

algo_joint algo_joint_of(const env_facts *facts, fm_arena *arena) {
    algo_joint joint = {.facts = facts, .agents = facts->agents};
    joint.width = fm_arena_array(arena, int, (size_t)facts->agents);
    joint.at = fm_arena_array(arena, int, (size_t)facts->agents);
    for (int i = 0; i < facts->agents; i++) {
        const env_space *space = &facts->agent[i].action;
        joint.width[i] = space->kind == ENV_BOX ? space->size : env_space_choices(space);
        joint.at[i] = joint.total;
        joint.total += joint.width[i];
    }
    return joint;
}

void algo_one_hot(real *columns, int n, int action) {
    memset(columns, 0, (size_t)n * sizeof *columns);
    columns[action] = 1;
}

static int largest(const real *x, int n) {
    int best = 0;
    for (int k = 1; k < n; k++)
        if (x[k] > x[best]) best = k;
    return best;
}

/* The actions of number k of a discrete or multi-discrete action. */
static int choices(const env_space *space, int k) {
    return space->kind == ENV_DISCRETE ? space->n : space->heads[k];
}

void algo_encode_agent(const env_space *space, const real *action, real *columns) {
    for (int k = 0; k < space->size; k++) {
        if (space->kind == ENV_BOX) {
            columns[k] =
                (real)(2 * ((double)action[k] - space->low[k]) / (space->high[k] - space->low[k]) - 1);
            continue;
        }
        algo_one_hot(columns, choices(space, k), (int)action[k]);
        columns += choices(space, k);
    }
}

void algo_decode_agent(const env_space *space, const real *columns, real *action) {
    for (int k = 0; k < space->size; k++) {
        if (space->kind == ENV_BOX) {
            double x = fmin(1, fmax(-1, (double)columns[k]));
            action[k] = (real)(space->low[k] + (x + 1) / 2 * (space->high[k] - space->low[k]));
            continue;
        }
        action[k] = (real)largest(columns, choices(space, k));
        columns += choices(space, k);
    }
}

void algo_decode(const algo_joint *joint, const real *columns, real *actions) {
    for (int i = 0; i < joint->agents; i++) {
        const env_agent *agent = &joint->facts->agent[i];
        algo_decode_agent(&agent->action, columns + joint->at[i], actions + agent->action_at);
    }
}

/* A uniform one of n actions, or of the legal ones; an agent that cannot act now may have none, and gets 0.
 * */
static int random_choice(int n, const uint8_t *legal, fm_rng *rng) {
    int count = 0;
    if (legal == NULL) return (int)fm_rng_below(rng, (uint64_t)n);
    for (int k = 0; k < n; k++) count += legal[k] != 0;
    if (count == 0) return 0;
    int pick = (int)fm_rng_below(rng, (uint64_t)count);
    for (int k = 0;; k++)
        if (legal[k] && pick-- == 0) return k;
}

void algo_random_action(const env_facts *facts, int agent, const uint8_t *mask, fm_rng *rng, real *action) {
    const env_space *space = &facts->agent[agent].action;
    const uint8_t *legal = facts->masks ? mask + facts->agent[agent].mask_at : NULL;
    for (int k = 0; k < space->size; k++) {
        if (space->kind == ENV_BOX) {
            action[k] = (real)(space->low[k] + fm_rng_uniform(rng) * (space->high[k] - space->low[k]));
            continue;
        }
        action[k] = (real)random_choice(choices(space, k), legal, rng);
        if (legal) legal += choices(space, k);
    }
}

/* ---- the unit of rewards ---- */

/* Halves of the range that a shift of raw rewards is at least: a real has seven digits. */
#define FAR 1e4

static double half_range(const env_agent *agent) { return (agent->reward_high - agent->reward_low) / 2; }

double algo_reward_shift(const env_facts *facts, int agent) {
    const env_agent *a = &facts->agent[agent];
    return facts->fixed_length ? a->reward_low + half_range(a) : 0;
}

algo_scale algo_reward_scale(const env_facts *facts, int agent, bool raw) {
    const env_agent *a = &facts->agent[agent];
    double shift = algo_reward_shift(facts, agent), half = half_range(a);
    if (raw) return (algo_scale){.shift = fabs(shift) > FAR * half ? shift : 0, .scale = 1};
    double most = facts->fixed_length ? half : fmax(fabs(a->reward_low), fabs(a->reward_high));
    return (algo_scale){.shift = shift, .scale = most > 0 ? 1 / most : 1};
}

double algo_worth_of_one(const env_facts *facts, double gamma) {
    return 1 / (1 - gamma * (1 - 1 / (double)facts->horizon));
}

double algo_value_in_unit(const env_facts *facts, algo_scale scale, double gamma, double value) {
    return value / scale.scale + scale.shift * algo_worth_of_one(facts, gamma);
}
