/* onramp_start.c: the situations in which an episode of the on-ramp starts; see onramp.h. */
#include <string.h>

#include "base/option.h"
#include "base/text.h"
#include "envs/traffic/onramp.h"

/* ---- Drawn ---- */

#define PLACES 6 /* of each road, 40 m apart */
#define MAIN_FIRST 10.0
#define RAMP_FIRST 5.0
#define PLACE_STEP 40.0
#define RAMP_Y 10.5

/* The first n entries: places in random order, none twice. */
static void draw_places(int places[PLACES], int64_t n, fm_rng *rng) {
    for (int k = 0; k < PLACES; k++) places[k] = k;
    for (int64_t k = 0; k < n; k++) {
        int64_t other = k + (int64_t)fm_rng_below(rng, (uint64_t)(PLACES - k));
        int held = places[k];
        places[k] = places[other];
        places[other] = held;
    }
}

static void add_drawn(onramp_state *state, bool human, bool ramp, int place, fm_rng *rng) {
    double x = (ramp ? RAMP_FIRST : MAIN_FIRST) + PLACE_STEP * place;
    x += 3.0 * fm_rng_uniform(rng) - 1.5;
    double speed = 25.0 + 2.0 * fm_rng_uniform(rng);
    onramp_add(state, onramp_vehicle_at(human, x, ramp ? RAMP_Y : 0.0, 0.0, speed));
}

/* Half of each kind on the main road, rounded down, and the CAVs choose their places first; the list has the
 * CAVs of the main road, those of the ramp, the HDVs of the main road, those of the ramp. */
void onramp_spawn(onramp_state *state, int64_t density, int64_t cavs, fm_rng *rng) {
    memset(state, 0, sizeof *state);
    int64_t hdvs = density + (int64_t)fm_rng_below(rng, 3);
    int main_road[PLACES], ramp[PLACES];
    int64_t cavs_main = cavs / 2, hdvs_main = hdvs / 2, cavs_ramp = cavs - cavs_main;
    draw_places(main_road, cavs_main + hdvs_main, rng);
    draw_places(ramp, cavs + hdvs - cavs_main - hdvs_main, rng);
    for (int64_t k = 0; k < cavs_main; k++) add_drawn(state, false, false, main_road[k], rng);
    for (int64_t k = 0; k < cavs_ramp; k++) add_drawn(state, false, true, ramp[k], rng);
    for (int64_t k = 0; k < hdvs_main; k++) add_drawn(state, true, false, main_road[cavs_main + k], rng);
    for (int64_t k = 0; k < hdvs - hdvs_main; k++) add_drawn(state, true, true, ramp[cavs_ramp + k], rng);
}

/* ---- Given ---- */

#define FORM "expected cav:x:y:heading:speed or hdv:x:y:heading:speed"

enum { X, Y, HEADING, SPEED, NUMBERS };

static const char *const NUMBER_NAMES[NUMBERS] = {"x", "y", "heading", "speed"};
static const double LOW[NUMBERS] = {0.0, -4.0, -1.5707963267948966, 0.0},
                    HIGH[NUMBERS] = {ONRAMP_ROAD_X, 16.0, 1.5707963267948966, 40.0};
static const char *const KINDS[] = {"cav", "hdv"};

/* Cuts the text at the next `mark` and returns what comes after it; NULL when there is none. */
static char *cut(char *text, char mark) {
    char *end = strchr(text, mark);
    if (!end) return NULL;
    *end = '\0';
    return end + 1;
}

static fm_status read_kind(const char *word, bool *human, fm_error *err) {
    for (int k = 0; k < 2; k++) {
        if (strcmp(word, KINDS[k]) != 0) continue;
        *human = k == 1;
        return FM_OK;
    }
    const char *nearest = fm_text_nearest(word, KINDS, 2);
    if (nearest) return fm_fail(err, "'%s' is no kind of vehicle: did you mean '%s'?", word, nearest);
    return fm_fail(err, "'%s' is no kind of vehicle; " FORM, word);
}

static fm_status read_numbers(char *text, double number[NUMBERS], fm_error *err) {
    int n = 1;
    for (const char *at = text; *at; at++) n += *at == ':';
    if (n != NUMBERS) return fm_fail(err, "%d number%s instead of 4; " FORM, n, n == 1 ? "" : "s");
    for (int k = 0; k < NUMBERS; k++) {
        char *next = cut(text, ':');
        if (!fm_text_to_real(text, &number[k]))
            return fm_fail(err, "'%s', for its %s, is not a number; " FORM, text, NUMBER_NAMES[k]);
        if (number[k] < LOW[k] || number[k] > HIGH[k])
            return fm_fail(err, "its %s is %s, but lies within %.6g..%.6g", NUMBER_NAMES[k], text, LOW[k],
                           HIGH[k]);
        text = next;
    }
    return FM_OK;
}

static fm_status add_given(onramp_state *state, char *text, fm_error *err) {
    double number[NUMBERS];
    bool human = false;
    char *numbers = cut(text, ':');
    if (read_kind(text, &human, err) != FM_OK) return FM_BAD;
    if (!numbers) return fm_fail(err, "no numbers; " FORM);
    if (read_numbers(numbers, number, err) != FM_OK) return FM_BAD;
    onramp_vehicle v = onramp_vehicle_at(human, number[X], number[Y], number[HEADING], number[SPEED]);
    if (!human && state->cavs < state->vehicles)
        return fm_fail(err, "it is a cav behind an hdv in the list; all cavs come first");
    for (int64_t k = 0; k < state->vehicles; k++)
        if (onramp_touches(&v, &state->vehicle[k]))
            return fm_fail(err, "it overlaps vehicle %lld", (long long)k);
    if (onramp_touches_obstacle(&v))
        return fm_fail(err, "it overlaps the obstacle at %.6g:4, where the merge lane ends", ONRAMP_END_X);
    onramp_add(state, v);
    return FM_OK;
}

fm_status onramp_start_read(const char *text, onramp_state *state, fm_error *err) {
    char copy[FM_TEXT_MAX];
    fm_text_format(copy, sizeof copy, "%s", text);
    memset(state, 0, sizeof *state);
    for (char *at = copy, *next; at; at = next) {
        next = cut(at, ';');
        if (state->vehicles == ONRAMP_VEHICLES_MAX)
            return fm_fail(err, "start: more than %d vehicles", ONRAMP_VEHICLES_MAX);
        if (add_given(state, at, err) != FM_OK)
            return fm_fail_in(err, "start: vehicle %lld: ", (long long)state->vehicles);
    }
    if (state->cavs == 0) return fm_fail(err, "start: no cav, but agents drive cavs only; " FORM);
    return FM_OK;
}
