/* onramp.c: the on-ramp: vehicles of agents (CAVs) and of human drivers (HDVs) on a main road and a ramp,
 * which merge [Chen 2021], a task of STEP [Zhang 2023, Section 5.3]; its physics are in onramp.h.
 *
 *     x =     0             220        320        420        520
 *     y = 0   ---- ab0 -----------------+-- bc0 ---+-- cd0 ---->
 *     y = 4                         .~~~+-- bc1 ---# obstacle
 *     y = 10.5 --- jk0 -----+~~ kb0 ~'
 *
 * Physics: 15 ticks a second, a decision every 3, an episode of 100 decisions (20 s); a tick is one explicit
 * Euler step of a bicycle model whose throttle and steering are proportional controllers. Human drivers
 * follow IDM and MOBIL. An episode ends early when a CAV crashes, into a vehicle or the obstacle; crashes of
 * HDVs with each other leave wrecks. Its last decision lasts one tick only, as in the published program.
 *
 * Actions count from the present speed (FASTER: the next of 10, 15, ..., 30 m/s above it); LANE_LEFT has an
 * effect on a CAV that steers for bc1 from x = 320 on, LANE_RIGHT never.
 *
 * Observation of a CAV, 5 rows of (1, x / 150, y / 12, vx / 45, vy / 45): its own, then those of the up to
 * four vehicles within 180 m with the least |difference of x|, relative to it; zeros where there are fewer.
 * The centralised state is all observations one after another.
 *
 * Reward of a CAV, after a decision:
 *     r = -200 [crashed] + clip((v - 10) / 20, 0, 1) + 4 m + 4 min(0, log(D / (1.2 v)))
 *     m = -exp(-(420 - x)^2 / 1000) on bc1, else 0
 * with D the distance to the next vehicle on its lane or the following one, 60 m at most. `reward=local`
 * gives each CAV its own; `regional`, the default, the mean of it and of the CAVs among its four neighbours
 * (before and behind it on its own way and on the one beside); `global` the mean over all CAVs. The best
 * reward is 1.
 *
 * What the paper leaves open is as in its first author's later program: the number of CAVs is density + 1
 * (the published environment draws it: 1-3, 2-4, 4-6 at densities 1, 2, 3; option `cavs` sets any of these),
 * the number of HDVs is drawn: 1-3, 2-4, 3-5. Departures: chance comes from the environment's own stream; the
 * supervisor, which that program has switched on, is off by default, because it hides from learning what it
 * prevents.
 *
 * All arithmetic is double, whatever `real` is. */
#include "envs/traffic/onramp.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "envs/env.h"

/* ---- The environment ---- */

enum { NO_CRASH, CRASH };

typedef struct onramp_config {
    int64_t density, cavs, reward;
    bool supervisor;
    char start[FM_TEXT_MAX];
} onramp_config;

static const fm_option OPTIONS[] = {
    FM_OPT_INT(onramp_config, density, "1", 1, 3, "",
               "traffic: density + 1 CAVs, density to density + 2 HDVs", ""),
    FM_OPT_INT(onramp_config, cavs, "0", 0, ONRAMP_CAVS_MAX, "vehicles",
               "number of CAVs; 0: density + 1, or what `start` has", "n"),
    FM_OPT_CHOICE(onramp_config, reward, "regional", "local|regional|global",
                  "each CAV's own, its mean with CAVs next to it, or the mean over all", "r"),
    FM_OPT_BOOL(onramp_config, supervisor, "false",
                "replaces actions that a forecast of one second finds to end in a crash", ""),
    FM_OPT_TEXT(onramp_config, start, "",
                "a fixed situation instead of a drawn one: cav:x:y:heading:speed;hdv:...; cavs first"),
    FM_OPT_END,
};

typedef struct onramp_game {
    onramp_config config;
    onramp_state start; /* no vehicles: every episode draws its own */
    int vehicles;       /* at most, in any episode */
} onramp_game;

static const char *const LABELS[] = {"LANE_LEFT", "IDLE", "LANE_RIGHT", "FASTER", "SLOWER"};
static const char *const OUTCOMES[] = {"no crash", "crash"};

/* The least reward: a crash at the end of the merge lane at 40 m/s, beside a vehicle that is before by no
 * more than the spacing of doubles at 1 m, 2^-52: vehicles side by side on two lanes can count as on one. */
static double reward_low(void) { return -200.0 - 4.0 + 4.0 * log(ldexp(1.0, -52) / (1.2 * 40.0)); }

static const char *numbered(const char *name, int k, fm_arena *arena) {
    char text[32];
    fm_text_format(text, sizeof text, "%s%d", name, k);
    return fm_arena_text(arena, text);
}

static void fill_readings(int vehicles, env_facts *facts, fm_arena *arena) {
    static const char *const EACH[] = {"x_", "y_", "heading_", "speed_", "lane_"};
    int each = sizeof EACH / sizeof *EACH;
    facts->readings = vehicles * each + 1;
    const char **names = fm_arena_array(arena, const char *, (size_t)facts->readings);
    for (int k = 0; k < vehicles * each; k++) names[k] = numbered(EACH[k % each], k / each, arena);
    names[vehicles * each] = "crashed";
    facts->reading_name = names;
}

static void fill_facts(const onramp_game *g, int cavs, env_facts *facts, fm_arena *arena) {
    facts->title = "On-ramp: vehicles on a main road and a ramp merge, among human drivers";
    facts->source = "Chen 2021; STEP [Zhang 2023, Figures 8-9]; physics of highway-env [Leurent 2018]";
    facts->central_length = cavs * ONRAMP_OBS;
    facts->horizon = ONRAMP_DECISIONS;
    facts->rewards = g->config.reward == ONRAMP_GLOBAL || cavs == 1 ? ENV_COMMON : ENV_GENERAL_SUM;
    facts->deterministic = !g->config.supervisor;
    facts->state_size = sizeof(onramp_state);
    facts->outcomes = sizeof OUTCOMES / sizeof *OUTCOMES;
    facts->outcome_name = OUTCOMES;
    fill_readings(g->vehicles, facts, arena);
    env_facts_agents(facts, cavs, arena);
    for (int i = 0; i < cavs; i++)
        facts->agent[i] = (env_agent){.name = numbered("cav ", i, arena),
                                      .level = i,
                                      .obs_length = ONRAMP_OBS,
                                      .action = env_discrete(ONRAMP_ACTIONS, LABELS),
                                      .reward_low = reward_low(),
                                      .reward_high = 1.0};
}

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    onramp_game *g = fm_arena_array(arena, onramp_game, 1);
    g->config = *(const onramp_config *)config;
    int cavs = (int)(g->config.cavs ? g->config.cavs : g->config.density + 1);
    g->vehicles = cavs + (int)g->config.density + 2;
    if (g->config.start[0]) {
        if (onramp_start_read(g->config.start, &g->start, err) != FM_OK) return FM_BAD;
        if (g->config.cavs && g->config.cavs != g->start.cavs)
            return fm_fail(err, "start: %lld cav%s, but the option cavs says %d", (long long)g->start.cavs,
                           g->start.cavs == 1 ? "" : "s", cavs);
        cavs = (int)g->start.cavs;
        g->vehicles = (int)g->start.vehicles;
    }
    fill_facts(g, cavs, facts, arena);
    *game = g;
    return FM_OK;
}

static void observe(const onramp_state *s, env_io *io) {
    for (int i = 0; i < s->cavs; i++) onramp_observe(s, i, io->obs + i * ONRAMP_OBS);
    memcpy(io->central, io->obs, (size_t)s->cavs * ONRAMP_OBS * sizeof *io->obs);
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    const onramp_game *g = game;
    onramp_state *s = state;
    int64_t cavs = g->config.cavs ? g->config.cavs : g->config.density + 1;
    if (g->start.vehicles > 0) *s = g->start;
    else onramp_spawn(s, g->config.density, cavs, rng);
    observe(s, io);
}

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    const onramp_game *g = game;
    onramp_state *s = state;
    int action[ONRAMP_VEHICLES_MAX];
    for (int i = 0; i < s->cavs; i++) action[i] = (int)io->actions[i];
    if (g->config.supervisor) onramp_supervise(s, action, rng);
    for (int i = 0; i < s->cavs; i++) onramp_decide(&s->vehicle[i], action[i]);
    s->decisions++;
    int ticks = s->decisions < ONRAMP_DECISIONS ? ONRAMP_TICKS : 1;
    for (int t = 0; t < ticks && !io->terminated; t++) io->terminated = onramp_tick(s);
    onramp_reward(s, g->config.reward, io->rewards);
    observe(s, io);
}

static int outcome(const void *game, const void *state) {
    (void)game;
    const onramp_state *s = state;
    for (int i = 0; i < s->cavs; i++)
        if (s->vehicle[i].crashed) return CRASH;
    return NO_CRASH;
}

static void read_state(const void *game, const void *state, double *readings) {
    const onramp_game *g = game;
    const onramp_state *s = state;
    for (int k = 0; k < g->vehicles; k++) {
        const onramp_vehicle *v = &s->vehicle[k];
        bool there = k < s->vehicles;
        *readings++ = there ? v->x : FM_ABSENT;
        *readings++ = there ? v->y : FM_ABSENT;
        *readings++ = there ? v->heading : FM_ABSENT;
        *readings++ = there ? v->speed : FM_ABSENT;
        *readings++ = there ? (double)v->lane : FM_ABSENT;
    }
    *readings = outcome(game, state) == CRASH;
}

/* ---- The picture: 7 metres a column, 3.5 metres a row ---- */

#define PICTURE_COLUMNS 75
#define PICTURE_ROWS 4
#define COLUMN_WIDTH 7.0
#define ROW_HEIGHT 3.5

typedef char picture[PICTURE_ROWS][PICTURE_COLUMNS];

static int nearest_within(double value, int last) {
    int n = (int)floor(value + 0.5);
    return n < 0 ? 0 : n > last ? last : n;
}

/* What is beyond an edge stands at the edge. */
static char *picture_cell(picture p, double x, double y) {
    return &p[nearest_within(y / ROW_HEIGHT, PICTURE_ROWS - 1)]
             [nearest_within(x / COLUMN_WIDTH, PICTURE_COLUMNS - 1)];
}

static void picture_road(picture p) {
    static const struct { int64_t lane; double from, to; char mark; } PARTS[] = {
        {ONRAMP_AB0, 0.0, ONRAMP_ROAD_X, '-'},
        {ONRAMP_JK0, 0.0, ONRAMP_CURVE_X, '.'},
        {ONRAMP_KB0, ONRAMP_CURVE_X, ONRAMP_MERGE_X, '.'},
        {ONRAMP_BC1, ONRAMP_MERGE_X, ONRAMP_END_X, '.'},
    };
    memset(p, ' ', PICTURE_ROWS * PICTURE_COLUMNS);
    for (size_t k = 0; k < sizeof PARTS / sizeof *PARTS; k++)
        for (double x = PARTS[k].from; x <= PARTS[k].to; x += COLUMN_WIDTH / 2.0)
            *picture_cell(p, x, onramp_lane_centre(PARTS[k].lane, x)) = PARTS[k].mark;
    *picture_cell(p, ONRAMP_END_X, onramp_lane_centre(ONRAMP_BC1, ONRAMP_END_X)) = '#';
}

/* Digits (and A, B) for CAVs, letters for HDVs. */
static char mark_of(const onramp_state *s, int k) {
    return s->vehicle[k].human ? "abcdefghijkl"[k - s->cavs] : "0123456789AB"[k];
}

static void render(const void *game, const void *state, const real *actions, FILE *out) {
    (void)game;
    const onramp_state *s = state;
    picture p;
    picture_road(p);
    for (int k = 0; k < s->vehicles; k++) {
        const onramp_vehicle *v = &s->vehicle[k];
        *picture_cell(p, v->x, v->y) = v->crashed ? 'X' : mark_of(s, k);
    }
    fprintf(out, "  %-14s%-14s%-14s%-14s%-14s%s\n", "0", "98", "196", "294", "392", "490 m");
    for (int row = 0; row < PICTURE_ROWS; row++) {
        int length = PICTURE_COLUMNS;
        while (length > 0 && p[row][length - 1] == ' ') length--;
        fprintf(out, "  %.*s\n", length, p[row]);
    }
    for (int k = 0; k < s->vehicles; k++) {
        const onramp_vehicle *v = &s->vehicle[k];
        fprintf(out, "  %c %s  %s  x %6.1f  y %5.2f  speed %4.1f m/s", mark_of(s, k),
                v->human ? "hdv" : "cav", onramp_lane_name(v->lane), v->x, v->y, v->speed);
        if (!v->human) fprintf(out, ", aims at %.0f", v->target_speed);
        if (actions && !v->human) fprintf(out, ", chose %s", LABELS[(int)actions[k]]);
        fprintf(out, "%s\n", v->crashed ? ", crashed" : "");
    }
    fprintf(out, "  decision %lld, %.1f s\n", (long long)s->decisions,
            (double)s->decisions * ONRAMP_TICKS * ONRAMP_DT);
}

const env_type env_onramp = {
    .name = "onramp",
    .doc = "vehicles of agents and of human drivers on a main road and a ramp, which merge",
    .options = OPTIONS,
    .config_size = sizeof(onramp_config),
    .create = create,
    .reset = reset,
    .step = step,
    .render = render,
    .read = read_state,
    .outcome = outcome,
};
