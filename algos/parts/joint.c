#include "algos/parts/joint.h"

#include <math.h>
#include <string.h>

algo_joint algo_joint_of(const env_facts *facts) {
    algo_joint joint = {.facts = facts, .agents = facts->agents};
    for (int i = 0; i < facts->agents; i++) {
        const env_space *space = &facts->action[i];
        joint.width[i] = space->n > 0 ? space->n : space->size;
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

void algo_encode(const algo_joint *joint, const real *actions, real *columns) {
    for (int i = 0; i < joint->agents; i++) {
        const env_space *space = &joint->facts->action[i];
        const real *action = actions + joint->facts->action_at[i];
        real *to = columns + joint->at[i];
        if (space->n > 0) {
            algo_one_hot(to, space->n, (int)action[0]);
            continue;
        }
        for (int k = 0; k < space->size; k++)
            to[k] = (real)(2 * ((double)action[k] - space->low[k]) / (space->high[k] - space->low[k]) - 1);
    }
}

void algo_decode(const algo_joint *joint, const real *columns, real *actions) {
    for (int i = 0; i < joint->agents; i++) {
        const env_space *space = &joint->facts->action[i];
        const real *from = columns + joint->at[i];
        real *action = actions + joint->facts->action_at[i];
        if (space->n > 0) {
            action[0] = (real)largest(from, space->n);
            continue;
        }
        for (int k = 0; k < space->size; k++) {
            double x = fmin(1, fmax(-1, (double)from[k]));
            action[k] = (real)(space->low[k] + (x + 1) / 2 * (space->high[k] - space->low[k]));
        }
    }
}

void algo_random_action(const env_facts *facts, int agent, const uint8_t *mask, fm_rng *rng, real *action) {
    const env_space *space = &facts->action[agent];
    if (space->n == 0) {
        for (int k = 0; k < space->size; k++)
            action[k] = (real)(space->low[k] + fm_rng_uniform(rng) * (space->high[k] - space->low[k]));
        return;
    }
    if (!facts->masks) {
        action[0] = (real)fm_rng_below(rng, (uint64_t)space->n);
        return;
    }
    const uint8_t *legal = mask + facts->mask_at[agent];
    int count = 0;
    for (int k = 0; k < space->n; k++) count += legal[k] != 0;
    int pick = (int)fm_rng_below(rng, (uint64_t)count);
    for (int k = 0; k < space->n; k++)
        if (legal[k] && pick-- == 0) action[0] = (real)k;
}

algo_scale algo_reward_scale(const env_facts *facts, int agent) {
    double low = facts->reward_low[agent], high = facts->reward_high[agent];
    if (facts->horizon == 1) {
        double half = (high - low) / 2;
        return (algo_scale){.shift = low + half, .scale = half > 0 ? 1 / half : 1};
    }
    double most = fmax(fabs(low), fabs(high));
    return (algo_scale){.shift = 0, .scale = most > 0 ? 1 / most : 1};
}
