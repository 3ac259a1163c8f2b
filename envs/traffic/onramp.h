/* onramp.h: the physics of the on-ramp, tick by tick, for its environment, tests and benchmarks; onramp.c has
 * the environment and says where all this is from.
 *
 * A CAV is a vehicle of an agent; an HDV one with a human driver, who follows IDM and MOBIL. Metres, seconds,
 * radians; x forward, y to the right, so that a negative heading turns to the left.
 *
 * Example (compiled by the tests):
 *
 *     onramp_state state = {0};
 *     onramp_add(&state, onramp_vehicle_at(false, 120.0, 0.0, 0.0, 25.0)); // CAVs first
 *     onramp_add(&state, onramp_vehicle_at(true, 100.0, 0.0, 0.0, 26.0));
 *     bool crashed = false;
 *     for (int tick = 0; tick < 150 && !crashed; tick++) {
 *         if (tick % ONRAMP_TICKS == 0) onramp_decide(&state.vehicle[0], ONRAMP_SLOWER);
 *         crashed = onramp_tick(&state);
 *     }
 *     return !crashed && state.vehicle[1].speed < 15.0 ? 0 : 1;
 */
#ifndef ENV_ONRAMP_H
#define ENV_ONRAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/random.h"

enum { ONRAMP_LANE_LEFT, ONRAMP_IDLE, ONRAMP_LANE_RIGHT, ONRAMP_FASTER, ONRAMP_SLOWER, ONRAMP_ACTIONS };

#define ONRAMP_TICKS 3         /* of a decision */
#define ONRAMP_DT (1.0 / 15.0) /* s, a tick */
#define ONRAMP_DECISIONS 100   /* of an episode */
#define ONRAMP_VEHICLES_MAX 12
#define ONRAMP_CAVS_MAX 6 /* where they are drawn */

/* ---- the road: onramp_road.c ---- */

/* The lanes: the main road is ab0, bc0, cd0; the ramp jk0, then the curve kb0, leads to the merge lane bc1,
 * which lies beside bc0 and ends at an obstacle. */
enum { ONRAMP_AB0, ONRAMP_BC0, ONRAMP_BC1, ONRAMP_CD0, ONRAMP_JK0, ONRAMP_KB0, ONRAMP_LANES };

#define ONRAMP_CURVE_X 220.0 /* where kb0 begins */
#define ONRAMP_MERGE_X 320.0 /* where bc0 and bc1 begin */
#define ONRAMP_END_X 420.0   /* where bc1 ends, and the obstacle stands */
#define ONRAMP_ROAD_X 520.0  /* where the road ends; vehicles go on beyond */

/* "ab0" */
const char *onramp_lane_name(int64_t lane);

double onramp_lane_centre(int64_t lane, double x);  /* y of its centre line, also before and after it */
double onramp_lane_heading(int64_t lane, double x); /* of its centre line */

/* The lane nearest to a place: distance to the centre line, plus what x is outside of the lane, plus the
 * difference in heading; of equally near ones the first. */
int64_t onramp_lane_at(double x, double y, double heading);

/* The lane after this one, for a vehicle at y; the last one leads to itself. */
int64_t onramp_lane_after(int64_t lane, double y);

bool onramp_lane_ends(int64_t lane, double x);            /* half a vehicle before its end, or beyond */
bool onramp_lane_holds(int64_t lane, double x, double y); /* up to a metre beside, 5 before and after */
bool onramp_lane_is_reachable(int64_t lane, double x, double y); /* by a change of lane from there */

/* ---- vehicles and traffic: onramp_drive.c ---- */

/* One vehicle. Fields of eight bytes: no padding. */
typedef struct onramp_vehicle {
    double x, y, heading, speed;
    double cos, sin;     /* of the heading */
    double target_speed; /* what a CAV's throttle aims at; what an HDV would drive if it were alone */
    double timer;        /* HDV: since it last thought about a change of lane */
    int64_t lane;        /* where it is */
    int64_t target;      /* the lane that it steers for */
    int64_t human, crashed;
} onramp_vehicle;

/* The whole situation; the first `cavs` vehicles are CAVs. Vehicles that are not there are all zeros. */
typedef struct onramp_state {
    onramp_vehicle vehicle[ONRAMP_VEHICLES_MAX];
    int64_t vehicles, cavs, decisions;
} onramp_state;

/* What a vehicle does in a tick. */
typedef struct onramp_control {
    double slip;         /* tangent of the angle from heading to motion, half that of the steering angle */
    double acceleration; /* m/s^2 */
} onramp_control;

onramp_vehicle onramp_vehicle_at(bool human, double x, double y, double heading, double speed);

/* Aborts when there is no room, and on a CAV behind an HDV. */
void onramp_add(onramp_state *state, onramp_vehicle vehicle);

/* A decision of a CAV: changes what it aims at. */
void onramp_decide(onramp_vehicle *cav, int action);

/* Moves everything by one tick and returns whether a CAV has crashed. */
bool onramp_tick(onramp_state *state);

/* The pieces of a tick. Steering for a lane, as a slip; what a CAV does on its way to its target; an HDV's
 * acceleration [Treiber 2000]; one step of the bicycle model, which leaves `lane` as it is; whether two
 * vehicles touch, or one the obstacle. */
double onramp_steer(const onramp_vehicle *vehicle, int64_t lane);
onramp_control onramp_drive_cav(onramp_vehicle *cav);
double onramp_follow(const onramp_state *state, int hdv);
void onramp_move(onramp_vehicle *vehicle, onramp_control control);
bool onramp_touches(const onramp_vehicle *a, const onramp_vehicle *b);
bool onramp_touches_obstacle(const onramp_vehicle *vehicle);

/* ---- what a CAV sees and earns: onramp_view.c ---- */

enum { ONRAMP_OWN_FRONT, ONRAMP_OWN_REAR, ONRAMP_SIDE_FRONT, ONRAMP_SIDE_REAR, ONRAMP_NEIGHBOURS };

#define ONRAMP_OBS 25

enum { ONRAMP_LOCAL, ONRAMP_REGIONAL, ONRAMP_GLOBAL };

/* The nearest vehicles before and behind a CAV on its own way, and on the one beside it, by x; -1: none. */
void onramp_neighbours(const onramp_state *state, int cav, int neighbour[ONRAMP_NEIGHBOURS]);

/* Metres to the next vehicle on its lane or the following one, 60 at most. */
double onramp_headway(const onramp_state *state, int cav);

/* log(headway / (1.2 s * speed)), negative when the vehicle is too near; 0 for one that does not move. */
double onramp_log_headway(const onramp_state *state, int cav);

void onramp_observe(const onramp_state *state, int cav, real obs[ONRAMP_OBS]);

/* Rewards of all CAVs, of the kind ONRAMP_LOCAL and so on. */
void onramp_reward(const onramp_state *state, int64_t kind, double *rewards);

/* ---- the safety supervisor: onramp_supervisor.c ---- */

/* Replaces actions [cavs] that a forecast of one second finds to end in a crash. */
void onramp_supervise(const onramp_state *state, int *action, fm_rng *rng);

/* ---- where an episode starts: onramp_start.c ---- */

/* Draws a situation: `cavs` CAVs, and density .. density + 2 HDVs. */
void onramp_spawn(onramp_state *state, int64_t density, int64_t cavs, fm_rng *rng);

/* Reads "cav:x:y:heading:speed;hdv:x:y:heading:speed;...". Errors, which name the vehicle: another word,
 * other than four numbers, text that is no number, a number out of range, vehicles that touch, no CAV, a CAV
 * behind an HDV, too many vehicles. */
fm_status onramp_start_read(const char *text, onramp_state *state, fm_error *err);

#endif
