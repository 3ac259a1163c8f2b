/* onramp_road.c: the lanes of the on-ramp; see onramp.h. */
#include <math.h>

#include "envs/traffic/onramp.h"

#define PI 3.14159265358979323846

#define CURVE_HEIGHT 3.25
#define CURVE_RATE (PI / 100.0) /* radians per metre */

#define LANE_WIDTH 4.0
#define VEHICLE_LENGTH 5.0

/* One lane from x = start on. The order is that of the ids, by which ties are settled. */
typedef struct lane {
    const char *name;
    double start, length, y; /* y of the middle of the curve */
    bool forbidden;          /* no change into it; following the road into it is allowed */
} lane;

static const lane LANES[ONRAMP_LANES] = {
    {"ab0", 0.0, 320.0, 0.0, false},
    {"bc0", ONRAMP_MERGE_X, 100.0, 0.0, false},
    {"bc1", ONRAMP_MERGE_X, 100.0, 4.0, true},
    {"cd0", ONRAMP_END_X, 100.0, 0.0, false},
    {"jk0", 0.0, 220.0, 10.5, true},
    {"kb0", ONRAMP_CURVE_X, 100.0, 7.25, true},
};

const char *onramp_lane_name(int64_t l) { return LANES[l].name; }

double onramp_lane_centre(int64_t l, double x) {
    if (l != ONRAMP_KB0) return LANES[l].y;
    return LANES[l].y + CURVE_HEIGHT * cos(CURVE_RATE * (x - ONRAMP_CURVE_X));
}

double onramp_lane_heading(int64_t l, double x) {
    if (l != ONRAMP_KB0) return 0.0;
    return atan(-CURVE_HEIGHT * CURVE_RATE * sin(CURVE_RATE * (x - ONRAMP_CURVE_X)));
}

/* How far x is before or after the lane. */
static double outside(const lane *l, double x) {
    double along = x - l->start;
    return along < 0.0 ? -along : along > l->length ? along - l->length : 0.0;
}

/* The straight lanes first; the curve, which costs three trigonometric functions, only where the band in
 * which it lies is nearer than the best of them. */
int64_t onramp_lane_at(double x, double y, double heading) {
    int64_t best = ONRAMP_AB0;
    double least = INFINITY, turned = fabs(heading);
    for (int64_t l = ONRAMP_AB0; l < ONRAMP_KB0; l++) {
        double distance = fabs(y - LANES[l].y) + outside(&LANES[l], x) + turned;
        if (distance < least) best = l, least = distance;
    }
    double beyond = outside(&LANES[ONRAMP_KB0], x);
    if (fabs(y - LANES[ONRAMP_KB0].y) - CURVE_HEIGHT + beyond >= least) return best;
    double aside = fabs(y - onramp_lane_centre(ONRAMP_KB0, x));
    double distance = aside + beyond + fabs(heading - onramp_lane_heading(ONRAMP_KB0, x));
    return distance < least ? ONRAMP_KB0 : best;
}

int64_t onramp_lane_after(int64_t l, double y) {
    switch (l) {
    case ONRAMP_JK0: return ONRAMP_KB0;
    case ONRAMP_AB0:
    case ONRAMP_KB0: return fabs(y - LANES[ONRAMP_BC1].y) < fabs(y) ? ONRAMP_BC1 : ONRAMP_BC0;
    default: return ONRAMP_CD0;
    }
}

bool onramp_lane_ends(int64_t l, double x) {
    return x - LANES[l].start > LANES[l].length - VEHICLE_LENGTH / 2.0;
}

bool onramp_lane_holds(int64_t l, double x, double y) {
    double along = x - LANES[l].start;
    if (along < -VEHICLE_LENGTH || along >= LANES[l].length + VEHICLE_LENGTH) return false;
    return fabs(y - onramp_lane_centre(l, x)) <= LANE_WIDTH / 2.0 + 1.0;
}

bool onramp_lane_is_reachable(int64_t l, double x, double y) {
    double along = x - LANES[l].start;
    return !LANES[l].forbidden && along >= 0.0 && along < LANES[l].length + VEHICLE_LENGTH &&
           fabs(y - onramp_lane_centre(l, x)) <= 2.0 * LANE_WIDTH;
}
