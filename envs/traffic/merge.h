/* merge.h: the physics of Traffic Merge, tick by tick, for tests and benchmarks; merge.c has the environment.
 *
 * Example (compiled by the tests):
 *     merge_state state;
 *     merge_spawn(&state, 39.0, 39.0);
 *     do {
 *         if (state.tick % 15 == 0) merge_decide(&state.car[0], MERGE_FASTER); // the other one idles
 *     } while (!merge_tick(&state, NULL));
 *     return state.car[0].x > state.car[1].x && !state.crashed ? 0 : 1;
 */
#ifndef ENV_MERGE_H
#define ENV_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MERGE_IDLE, MERGE_LANE_LEFT, MERGE_LANE_RIGHT, MERGE_FASTER, MERGE_SLOWER, MERGE_ACTIONS };

#define MERGE_TICKS_PER_SECOND 15

/* One car. Metres, radians and m/s; x forward, y down, so that a negative heading turns to the left. */
typedef struct merge_car {
    double x, y, heading, speed;
    double target_speed; /* what the throttle aims at */
    int64_t lane;        /* what the steering aims at: a row of the lane table in merge.c, 0..5 */
} merge_car;

/* The whole situation; car 0 starts on the main lane, 1 on the ramp. Fields of eight bytes: no padding. */
typedef struct merge_state {
    merge_car car[2];
    int64_t tick;    /* ticks since the start, 1/15 s each */
    int64_t crashed; /* 0 or 1 */
} merge_state;

/* What a car did in a tick. */
typedef struct merge_control {
    double steer;        /* angle of the front wheels, radians */
    double acceleration; /* m/s^2 */
} merge_control;

/* Both cars at their starting places, with these speeds. */
void merge_spawn(merge_state *state, double speed0, double speed1);

/* A decision: follows the road, then changes the target speed or lane as the action says. */
void merge_decide(merge_car *car, int action);

/* Moves both cars by one tick and returns whether the episode is over: a crash, or a car beyond x = 310.
 * `control` [2], when not NULL, receives what the cars did; the motion is the same bits either way. */
bool merge_tick(merge_state *state, merge_control *control);

#endif
