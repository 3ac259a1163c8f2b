/* onramp_view.c: what a CAV of the on-ramp sees of the traffic, and what it earns in it; see onramp.h. */
#include <math.h>
#include <string.h>

#include "envs/traffic/onramp.h"

#define SIGHT 180.0   /* m */
#define ROWS_OTHERS 4 /* of an observation, after its own */
#define ROW (ONRAMP_OBS / (1 + ROWS_OTHERS))

#define X_SCALE 150.0
#define Y_SCALE 12.0
#define V_SCALE 45.0

#define HEADWAY_MAX 60.0 /* m */
#define HEADWAY_TIME 1.2 /* s */
#define HEADWAY_WEIGHT 4.0
#define CRASH_COST 200.0
#define SLOWEST 10.0 /* m/s: earns nothing; 20 more earn 1 */
#define SPEED_RANGE 20.0
#define MERGE_WEIGHT 4.0
#define MERGE_SPREAD 1000.0 /* m^2 */

/* ---- Neighbours ---- */

/* On which lanes a vehicle counts as on the way that leads over this one; a set of bits. */
static unsigned way_of(int64_t lane) {
    static const unsigned WAY[ONRAMP_LANES] = {
        [ONRAMP_AB0] = 1u << ONRAMP_AB0 | 1u << ONRAMP_BC0,
        [ONRAMP_BC0] = 1u << ONRAMP_AB0 | 1u << ONRAMP_BC0 | 1u << ONRAMP_CD0,
        [ONRAMP_BC1] = 1u << ONRAMP_KB0 | 1u << ONRAMP_BC1,
        [ONRAMP_CD0] = 1u << ONRAMP_BC0 | 1u << ONRAMP_CD0,
        [ONRAMP_JK0] = 1u << ONRAMP_JK0 | 1u << ONRAMP_KB0,
        [ONRAMP_KB0] = 1u << ONRAMP_JK0 | 1u << ONRAMP_KB0 | 1u << ONRAMP_BC1,
    };
    return WAY[lane];
}

/* The lane beside: that of the other road where the two come near each other; -1 for none. */
static int64_t lane_beside(const onramp_vehicle *v) {
    switch (v->lane) {
    case ONRAMP_AB0: return v->x > ONRAMP_CURVE_X ? ONRAMP_KB0 : -1;
    case ONRAMP_BC0: return ONRAMP_BC1;
    case ONRAMP_BC1: return ONRAMP_BC0;
    case ONRAMP_KB0: return ONRAMP_AB0;
    default: return -1;
    }
}

/* Of two at the same x the later in the list is the one before, the earlier the one behind. */
static void nearest_on(const onramp_state *s, int self, unsigned way, int *front, int *rear) {
    const onramp_vehicle *v = s->vehicle;
    *front = *rear = -1;
    for (int k = 0; k < s->vehicles; k++) {
        if (k == self || !(way >> v[k].lane & 1u)) continue;
        if (v[k].x >= v[self].x) {
            if (*front < 0 || v[k].x <= v[*front].x) *front = k;
        } else if (*rear < 0 || v[k].x > v[*rear].x) {
            *rear = k;
        }
    }
}

void onramp_neighbours(const onramp_state *state, int cav, int neighbour[ONRAMP_NEIGHBOURS]) {
    int64_t own = state->vehicle[cav].lane, side = lane_beside(&state->vehicle[cav]);
    nearest_on(state, cav, way_of(own), &neighbour[ONRAMP_OWN_FRONT], &neighbour[ONRAMP_OWN_REAR]);
    nearest_on(state, cav, side < 0 ? 0u : way_of(side), &neighbour[ONRAMP_SIDE_FRONT],
               &neighbour[ONRAMP_SIDE_REAR]);
}

double onramp_headway(const onramp_state *state, int cav) {
    const onramp_vehicle *self = &state->vehicle[cav];
    /* Whoever is on the merge lane does not yet look at what follows it. */
    int64_t next = self->lane == ONRAMP_BC1 ? self->lane : onramp_lane_after(self->lane, self->y);
    double least = HEADWAY_MAX;
    for (int64_t k = 0; k < state->vehicles; k++) {
        const onramp_vehicle *v = &state->vehicle[k];
        double gap = v->x - self->x;
        if ((v->lane == self->lane || v->lane == next) && gap > 0.0 && gap < least) least = gap;
    }
    return least;
}

double onramp_log_headway(const onramp_state *state, int cav) {
    double speed = state->vehicle[cav].speed;
    return speed > 0.0 ? log(onramp_headway(state, cav) / (HEADWAY_TIME * speed)) : 0.0;
}

/* ---- Observation ---- */

static void write_row(real *row, double x, double y, double vx, double vy) {
    row[0] = 1;
    row[1] = (real)(x / X_SCALE);
    row[2] = (real)(y / Y_SCALE);
    row[3] = (real)(vx / V_SCALE);
    row[4] = (real)(vy / V_SCALE);
}

/* The others within sight, the least |difference of x| first, equals in list order; at most ROWS_OTHERS. */
static int nearest_in_sight(const onramp_state *s, int self, int nearest[ROWS_OTHERS]) {
    double distance[ROWS_OTHERS];
    int n = 0;
    for (int k = 0; k < s->vehicles; k++) {
        double dx = s->vehicle[k].x - s->vehicle[self].x, dy = s->vehicle[k].y - s->vehicle[self].y;
        if (k == self || dx * dx + dy * dy >= SIGHT * SIGHT) continue;
        int at = n;
        while (at > 0 && fabs(dx) < distance[at - 1]) at--;
        if (at == ROWS_OTHERS) continue;
        if (n < ROWS_OTHERS) n++;
        for (int j = n - 1; j > at; j--) distance[j] = distance[j - 1], nearest[j] = nearest[j - 1];
        distance[at] = fabs(dx);
        nearest[at] = k;
    }
    return n;
}

void onramp_observe(const onramp_state *state, int cav, real obs[ONRAMP_OBS]) {
    const onramp_vehicle *self = &state->vehicle[cav];
    int nearest[ROWS_OTHERS], n = nearest_in_sight(state, cav, nearest);
    double vx = self->speed * self->cos, vy = self->speed * self->sin;
    memset(obs, 0, ONRAMP_OBS * sizeof *obs);
    write_row(obs, self->x, self->y, vx, vy);
    for (int k = 0; k < n; k++) {
        const onramp_vehicle *v = &state->vehicle[nearest[k]];
        write_row(obs + (k + 1) * ROW, v->x - self->x, v->y - self->y, v->speed * v->cos - vx,
                  v->speed * v->sin - vy);
    }
}

/* ---- Reward ---- */

static double local_reward(const onramp_state *s, int cav) {
    const onramp_vehicle *v = &s->vehicle[cav];
    double fast = (v->speed - SLOWEST) / SPEED_RANGE, reward = fast < 0.0 ? 0.0 : fast > 1.0 ? 1.0 : fast;
    if (v->crashed) reward -= CRASH_COST;
    double left = v->x - ONRAMP_END_X, headway = onramp_log_headway(s, cav);
    if (v->lane == ONRAMP_BC1) reward -= MERGE_WEIGHT * exp(-left * left / MERGE_SPREAD);
    return headway < 0.0 ? reward + HEADWAY_WEIGHT * headway : reward;
}

/* The mean of the own reward and those of the CAVs among the neighbours. */
static double regional_reward(const onramp_state *s, int cav, const double *local) {
    int neighbour[ONRAMP_NEIGHBOURS], n = 1;
    double sum = local[cav];
    onramp_neighbours(s, cav, neighbour);
    for (int k = 0; k < ONRAMP_NEIGHBOURS; k++) {
        if (neighbour[k] < 0 || neighbour[k] >= s->cavs) continue;
        sum += local[neighbour[k]];
        n++;
    }
    return sum / n;
}

void onramp_reward(const onramp_state *state, int64_t kind, double *rewards) {
    double local[ONRAMP_VEHICLES_MAX], sum = 0.0;
    int n = (int)state->cavs;
    for (int i = 0; i < n; i++) sum += local[i] = local_reward(state, i);
    for (int i = 0; i < n; i++)
        rewards[i] = kind == ONRAMP_LOCAL    ? local[i]
                     : kind == ONRAMP_GLOBAL ? sum / n
                                             : regional_reward(state, i, local);
}
