/* onramp_supervisor.c: the safety supervisor of the on-ramp [Chen 2021]; see onramp.h.
 *
 * One CAV after the other, the most urgent first, its way is forecast for 15 ticks under the action that was
 * chosen for it, together with those of its four neighbours, of which CAVs already replaced keep their new
 * action. If it would touch a neighbour or the obstacle at a tick, its action is replaced by the available
 * one that leaves the most room up to that tick. The forecast goes on from there under the new action; a
 * further touch bends the forecast that later CAVs see, but the action is replaced only once.
 *
 * The forecast is pessimistic in two ways that belong to the published algorithm: FASTER and SLOWER move the
 * target speed by 5 m/s at every tick, and human drivers keep what they do now, up to 5 % more or less. They
 * stay on their lane, and a vehicle that has crashed stands still.
 *
 * A departure, after its description rather than its program: neighbours are sought where all vehicles are
 * now, and every vehicle's way is forecast once (the program moved forecast vehicles before it sought the
 * next CAV's neighbours, and moved some of them twice). */
#include <math.h>

#include "envs/traffic/onramp.h"

#define AHEAD 15                     /* ticks */
#define FORECAST_STEP 5.0            /* m/s a tick, of FASTER and SLOWER */
#define STEER_MAX 1.0471975511965976 /* pi / 3 */
#define FOLLOW_LIMIT 6.0
#define MERGE_LENGTH (ONRAMP_END_X - ONRAMP_MERGE_X)

typedef onramp_vehicle way[AHEAD];

typedef struct forecast {
    const onramp_state *state;
    const int *action; /* [cavs] as replaced so far */
    fm_rng *rng;
    bool known[ONRAMP_VEHICLES_MAX];
    way way[ONRAMP_VEHICLES_MAX];
} forecast;

static double clip(double x, double limit) { return x < -limit ? -limit : x > limit ? limit : x; }

/* A tick of a CAV as it is forecast. */
static void advance_cav(onramp_vehicle *v, int action) {
    bool faster = action == ONRAMP_FASTER, slower = action == ONRAMP_SLOWER;
    onramp_decide(v, faster || slower ? ONRAMP_IDLE : action);
    if (faster) v->target_speed += FORECAST_STEP;
    if (slower) v->target_speed -= FORECAST_STEP;
    onramp_move(v, onramp_drive_cav(v));
}

static double five_percent(fm_rng *rng) { return 0.95 + 0.1 * fm_rng_uniform(rng); }

static onramp_control guess_hdv(const forecast *f, int k) {
    double wheels = atan(2.0 * onramp_steer(&f->state->vehicle[k], f->state->vehicle[k].lane));
    wheels = clip(wheels * five_percent(f->rng), STEER_MAX);
    double acceleration = onramp_follow(f->state, k) * five_percent(f->rng);
    return (onramp_control){.slip = 0.5 * tan(wheels), .acceleration = clip(acceleration, FOLLOW_LIMIT)};
}

static void forecast_way(forecast *f, int k) {
    onramp_vehicle v = f->state->vehicle[k];
    onramp_control held = {0};
    if (v.human) held = guess_hdv(f, k);
    for (int t = 0; t < AHEAD; t++) {
        if (!v.human) advance_cav(&v, f->action[k]);
        else if (!v.crashed) onramp_move(&v, held);
        f->way[k][t] = v;
    }
    f->known[k] = true;
}

static bool touches(const forecast *f, const onramp_vehicle *v, const int *neighbour, int t) {
    for (int k = 0; k < ONRAMP_NEIGHBOURS; k++)
        if (neighbour[k] >= 0 && onramp_touches(v, &f->way[neighbour[k]][t])) return true;
    return onramp_touches_obstacle(v);
}

/* ---- Room ---- */

/* Metres to the end of the merge lane, or the length of that lane elsewhere. */
static double room_to_end(const onramp_vehicle *v) {
    return v->lane == ONRAMP_BC1 ? ONRAMP_END_X - v->x : MERGE_LENGTH;
}

/* The room at tick t: to any neighbour when changing the lane, else to the one before on the own way. */
static double room_at(const forecast *f, const onramp_vehicle *v, int action, const int *neighbour, int t) {
    double room = room_to_end(v);
    if (action != ONRAMP_LANE_LEFT) {
        int front = neighbour[ONRAMP_OWN_FRONT];
        return front >= 0 ? fmin(room, f->way[front][t].x - v->x) : room;
    }
    for (int k = 0; k < ONRAMP_NEIGHBOURS; k++)
        if (neighbour[k] >= 0) room = fmin(room, fabs(f->way[neighbour[k]][t].x - v->x));
    return room;
}

static bool is_available(const onramp_vehicle *cav, int action) {
    switch (action) {
    case ONRAMP_LANE_LEFT:
        return cav->lane == ONRAMP_BC1 && onramp_lane_is_reachable(ONRAMP_BC0, cav->x, cav->y);
    case ONRAMP_FASTER: return cav->target_speed < 30.0;
    case ONRAMP_SLOWER: return cav->target_speed > 10.0;
    default: return true;
    }
}

/* The available action that leaves the most room in the ticks 0..t; of equal ones the first in this order.
 * Writes where its way has led by then. */
static int safest(const forecast *f, int cav, const int *neighbour, int t, onramp_vehicle *at) {
    static const int ORDER[] = {ONRAMP_IDLE, ONRAMP_LANE_LEFT, ONRAMP_FASTER, ONRAMP_SLOWER};
    const onramp_vehicle *now = &f->state->vehicle[cav];
    double most = -INFINITY;
    int best = ONRAMP_IDLE;
    way end = {{0}};
    for (size_t k = 0; k < sizeof ORDER / sizeof *ORDER; k++) {
        if (!is_available(now, ORDER[k])) continue;
        onramp_vehicle v = *now;
        double room = INFINITY;
        for (int u = 0; u <= t; u++) {
            advance_cav(&v, ORDER[k]);
            end[u] = v;
            room = fmin(room, room_at(f, &v, ORDER[k], neighbour, u));
        }
        if (room <= most) continue;
        most = room;
        best = ORDER[k];
        for (int u = 0; u <= t; u++) at[u] = end[u];
    }
    return best;
}

/* ---- One CAV after the other ---- */

static double urgency(const onramp_state *s, int cav, fm_rng *rng) {
    const onramp_vehicle *v = &s->vehicle[cav];
    double ramp = v->lane == ONRAMP_BC1 ? -0.5 - (MERGE_LENGTH - room_to_end(v)) / MERGE_LENGTH : 0.0;
    return ramp + 0.5 * onramp_log_headway(s, cav) + 0.001 * fm_rng_uniform(rng);
}

/* The CAVs by urgency, the least number first. */
static void order_cavs(const onramp_state *s, int *order, fm_rng *rng) {
    double key[ONRAMP_VEHICLES_MAX];
    for (int i = 0; i < s->cavs; i++) {
        double mine = urgency(s, i, rng);
        int at = i;
        for (; at > 0 && mine < key[at - 1]; at--) key[at] = key[at - 1], order[at] = order[at - 1];
        key[at] = mine;
        order[at] = i;
    }
}

static void supervise_cav(forecast *f, int cav, int *action) {
    int neighbour[ONRAMP_NEIGHBOURS];
    onramp_neighbours(f->state, cav, neighbour);
    for (int k = 0; k < ONRAMP_NEIGHBOURS; k++)
        if (neighbour[k] >= 0 && !f->known[neighbour[k]]) forecast_way(f, neighbour[k]);
    onramp_vehicle v = f->state->vehicle[cav];
    bool replaced = false;
    for (int t = 0; t < AHEAD; t++) {
        advance_cav(&v, action[cav]);
        f->way[cav][t] = v;
        if (!touches(f, &v, neighbour, t)) continue;
        int best = safest(f, cav, neighbour, t, f->way[cav]);
        v = f->way[cav][t];
        if (!replaced) action[cav] = best;
        replaced = true;
    }
    f->known[cav] = true;
}

void onramp_supervise(const onramp_state *state, int *action, fm_rng *rng) {
    forecast f = {.state = state, .action = action, .rng = rng};
    int order[ONRAMP_VEHICLES_MAX];
    order_cavs(state, order, rng);
    for (int i = 0; i < state->cavs; i++) supervise_cav(&f, order[i], action);
}
