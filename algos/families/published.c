#include "algos/families/published.h"

void published_q(const published_q_faults *faults, published_q_place place, real *x, size_t n) {
    for (size_t k = 0; k < n; k++) {
        if (place == PUBLISHED_Q_OBS && faults->blind) x[k] = 0;
        if (place == PUBLISHED_Q_NOT_DONE && faults->bootstrap_terminal) x[k] = 1;
        if (place == PUBLISHED_Q_TARGET && faults->clamp_targets && x[k] > 1) x[k] = 1;
    }
}

void published_td3(const published_td3_faults *faults, int *target_critics, int *actor_critics) {
    int targets = *target_critics;
    if (!faults->swap_critics) return;
    *target_critics = *actor_critics;
    *actor_critics = targets;
}
