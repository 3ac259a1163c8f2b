/* stac_toys.c: the two games of one state in which the paper shows what the total derivative does
 * [Zheng 2022, Sec. 3.2, App. A]: plain recursions in double, of which the tests of nn/total.h check the
 * direction. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/random.h"
#include "training/papers/item.h"

/* Arrows on a square of GRID by GRID points, from -1 to 1 both ways. */
#define GRID 17
#define ARROWS (GRID * GRID)

static double grid_at(size_t k) { return -1 + 2.0 * (double)k / (GRID - 1); }

/* ---- Fig. 1, 4, 5: a policy and a linear critic ---- */

/* R(theta) = -theta^2 / 5, Q_w(theta) = w theta: J = w theta is ascended by theta, and
 * L = (w theta + theta^2 / 5)^2 descended by w, both with plain steps of 0.01 from (-1, 1). */
#define RATE 0.01
#define UPDATES 49999
#define PLOTTED 20 /* updates between two points of a curve */

typedef struct point {
    double theta, w;
} point;

typedef struct learner {
    const char *row;
    bool leads;
    double damping;
} learner;

static const learner LEARNERS[] = {
    {"individual", false, 0}, {"stackelberg", true, 0}, {"stackelberg lambda=0.04", true, 0.04}};
enum { LEARNER_COUNT = sizeof LEARNERS / sizeof *LEARNERS };

/* How (theta, w) moves [App. A]; at theta = 0 there is nothing that w could answer. */
static point direction(const learner *l, point p) {
    double error = p.w * p.theta + p.theta * p.theta / 5, bend = 2 * p.theta * p.theta + l->damping;
    point move = {p.w, -2 * p.theta * error};
    if (l->leads && bend > 0) move.theta -= p.theta * (4 * p.theta * p.w + 1.2 * p.theta * p.theta) / bend;
    return move;
}

static const int SHOWN[] = {1, 10, 100, 500, 1000, 2000, 5000, 10000, 20000, 49999};
#define SHOWN_COUNT (sizeof SHOWN / sizeof *SHOWN)

static void put_point(reproduce *r, const char *row, int k, point p) {
    const double numbers[] = {p.theta, p.w, hypot(p.theta, p.w)};
    static const char *const NAMES[] = {"theta", "w", "error"};
    for (int i = 0; i < 3; i++) {
        char metric[32];
        snprintf(metric, sizeof metric, "%s@%d", NAMES[i], k);
        reproduce_put(r, row, metric, (double)NAN, reproduce_number(numbers[i]), 1);
    }
}

/* Columns: a grid and the arrows of each learner there; updates, and of each its theta, w, error, return. */
enum {
    GRID_X,
    GRID_Y,
    MOVES,
    STEP = MOVES + 2 * LEARNER_COUNT,
    CURVES,
    TOY_WIDTH = CURVES + 4 * LEARNER_COUNT
};
#define TOY_ROWS (UPDATES / PLOTTED + 1)

static void run_learner(reproduce *r, int which, double *numbers) {
    const learner *l = &LEARNERS[which];
    point p = {-1, 1};
    size_t shown = 0;
    for (int k = 0; k <= UPDATES; k++) {
        if (shown < SHOWN_COUNT && k == SHOWN[shown]) put_point(r, l->row, k, p), shown++;
        if (k % PLOTTED == 0) {
            double *row = numbers + (size_t)(k / PLOTTED) * TOY_WIDTH, *at = row + CURVES + 4 * which;
            row[STEP] = k;
            at[0] = p.theta, at[1] = p.w, at[2] = hypot(p.theta, p.w);
            at[3] = k <= 5000 ? -p.theta * p.theta / 5 : (double)NAN;
        }
        point move = direction(l, p);
        p = (point){p.theta + RATE * move.theta, p.w + RATE * move.w};
    }
}

static fm_status draw_learners(reproduce *r, double *numbers, fm_error *err) {
    char names[TOY_WIDTH][40] = {[GRID_X] = "theta", [GRID_Y] = "w", [STEP] = "updates"};
    static const char *const PARTS[] = {"theta", "w", "error", "return"};
    const char *name[TOY_WIDTH];
    plot_series fields[LEARNER_COUNT][2], errors[LEARNER_COUNT], returns[LEARNER_COUNT];
    plot_panel panels[LEARNER_COUNT + 2];
    for (size_t i = 0; i < LEARNER_COUNT; i++) {
        size_t move = MOVES + 2 * i, curve = CURVES + 4 * i;
        const char *row = LEARNERS[i].row;
        for (size_t k = 0; k < ARROWS; k++) {
            double *at = numbers + k * TOY_WIDTH;
            at[GRID_X] = grid_at(k % GRID);
            at[GRID_Y] = grid_at(k / GRID);
            point to = direction(&LEARNERS[i], (point){at[GRID_X], at[GRID_Y]});
            at[move] = to.theta, at[move + 1] = to.w;
        }
        snprintf(names[move], sizeof *names, "d theta, %s", row);
        snprintf(names[move + 1], sizeof *names, "d w, %s", row);
        for (size_t k = 0; k < 4; k++) snprintf(names[curve + k], sizeof *names, "%s, %s", PARTS[k], row);
        fields[i][0] =
            (plot_series){.kind = PLOT_ARROWS, .x = GRID_X, .column = GRID_Y, .dx = move, .dy = move + 1};
        fields[i][1] = (plot_series){.title = row, .x = curve, .column = curve + 1};
        errors[i] = (plot_series){.title = row, .x = STEP, .column = curve + 2};
        returns[i] = (plot_series){.title = row, .x = STEP, .column = curve + 3};
        panels[i] = (plot_panel){.title = row, .x_label = "θ", .y_label = "w", .series = fields[i], .n = 2};
    }
    panels[LEARNER_COUNT] = (plot_panel){.title = "distance from the equilibrium",
                                         .x_label = "updates",
                                         .y_label = "‖(θ, w)‖",
                                         .log_y = true,
                                         .series = errors,
                                         .n = LEARNER_COUNT};
    panels[LEARNER_COUNT + 1] = (plot_panel){
        .title = "return", .x_label = "updates", .y_label = "R(θ)", .series = returns, .n = LEARNER_COUNT};
    for (size_t c = 0; c < TOY_WIDTH; c++) name[c] = names[c];
    plot_page page = {
        .note = "Arrows: how one update moves (θ, w)", .panels = panels, .n = LEARNER_COUNT + 2};
    plot_data data = {.names = name, .width = TOY_WIDTH, .rows = TOY_ROWS, .numbers = numbers};
    return reproduce_figure(r, "fig1", &data, &page, err);
}

static double *absent_numbers(fm_arena *arena, size_t count) {
    double *numbers = fm_arena_array(arena, double, count);
    for (size_t k = 0; k < count; k++) numbers[k] = (double)NAN;
    return numbers;
}

fm_status reproduce_stac_toy(reproduce *r, fm_error *err) {
    fm_arena arena = {0};
    double *numbers = absent_numbers(&arena, (size_t)TOY_ROWS * TOY_WIDTH);
    for (int i = 0; i < LEARNER_COUNT; i++) run_learner(r, i, numbers);
    fm_status status = draw_learners(r, numbers, err);
    reproduce_words(
        r,
        "Alone, policy and critic circle around the equilibrium. A policy that leads approaches it "
        "without a turn, in the end as 1 / sqrt(updates). With lambda = 0.04 it overshoots once: it is "
        "nearer than with lambda = 0 for 3,862 updates, then no nearer until 10,297, and nearer from there "
        "on.\n");
    fm_arena_free(&arena);
    return status;
}

/* ---- Fig. 2, 6, 7: a policy with entropy ---- */

/* u ~ N(mu, std^2), a = tanh u, three samples an update; l_pi = mean (eta log pi(a) - w a), and the critic
 * regresses w a on the reward. The published program has three faults: its reward is -a^2 (the paper:
 * -a^2 / 5), each value meets the reward of every sample, and only its Stackelberg form updates w first. */
#define SAMPLES 3
#define ETA 0.2
#define SOFT_UPDATES 2000
#define SOFT_PLOTTED 10

typedef struct soft_game {
    const char *row;
    bool leads, pairs; /* pairs: the loss is the mean over all pairs of a value and a reward */
    bool w_first;      /* the policy moves by the new w */
    double reward;     /* reward -a^2 times this */
} soft_game;

static const soft_game SOFT[] = {
    {"individual published", false, true, false, 1}, {"stackelberg published", true, true, true, 1},
    {"individual matched", false, false, false, 1},  {"stackelberg matched", true, false, true, 1},
    {"individual", false, false, false, 0.2},        {"stackelberg", true, false, false, 0.2}};
enum { SOFT_COUNT = sizeof SOFT / sizeof *SOFT };

typedef struct soft_state {
    double mu, std, w;
} soft_state;

/* Of one set of samples: sums that the derivatives are made of. */
typedef struct soft_draw {
    double a[SAMPLES], noise[SAMPLES];
} soft_draw;

static soft_draw draw_samples(soft_state s, fm_rng *rng) {
    soft_draw d;
    for (int k = 0; k < SAMPLES; k++) {
        d.noise[k] = fm_rng_normal(rng);
        d.a[k] = tanh(s.mu + s.std * d.noise[k]);
    }
    return d;
}

/* dL/dw, and its derivatives by mu and std: through the actions, also where they are in the reward. */
static void critic_slope(const soft_game *g, const soft_draw *d, double w, double *slope, double cross[2]) {
    double a = 0, a2 = 0, a3 = 0, da[2] = {0}, da2[2] = {0}, da3[2] = {0};
    for (int k = 0; k < SAMPLES; k++) {
        double x = d->a[k], dx[2] = {1 - x * x, (1 - x * x) * d->noise[k]};
        a += x / SAMPLES, a2 += x * x / SAMPLES, a3 += x * x * x / SAMPLES;
        for (int i = 0; i < 2; i++) {
            da[i] += dx[i] / SAMPLES;
            da2[i] += 2 * x * dx[i] / SAMPLES;
            da3[i] += 3 * x * x * dx[i] / SAMPLES;
        }
    }
    *slope = 2 * (w * a2 + g->reward * (g->pairs ? a * a2 : a3));
    for (int i = 0; i < 2; i++)
        cross[i] = 2 * (w * da2[i] + g->reward * (g->pairs ? da[i] * a2 + a * da2[i] : da3[i]));
}

/* How (mu, std) moves by these samples and this w: down l_pi, or down its total derivative. */
static void policy_move(const soft_game *g, const soft_draw *d, soft_state s, double w, double move[2]) {
    double slope, cross[2], a = 0, a2 = 0;
    critic_slope(g, d, w, &slope, cross);
    move[0] = move[1] = 0;
    for (int k = 0; k < SAMPLES; k++) {
        double x = d->a[k], e = d->noise[k], by_u = 2 * ETA * x - w * (1 - x * x);
        a += x / SAMPLES, a2 += x * x / SAMPLES;
        move[0] -= by_u / SAMPLES;
        move[1] -= (by_u * e - ETA / s.std) / SAMPLES;
    }
    for (int i = 0; i < 2 && g->leads; i++) move[i] += cross[i] * -a / (2 * a2);
}

static soft_state soft_update(const soft_game *g, soft_state s, fm_rng *rng) {
    soft_draw d = draw_samples(s, rng);
    double slope, cross[2], move[2];
    critic_slope(g, &d, s.w, &slope, cross);
    double w = s.w - RATE * slope;
    policy_move(g, &d, s, g->w_first ? w : s.w, move);
    return (soft_state){s.mu + RATE * move[0], s.std + RATE * move[1], w};
}

static const int SOFT_SHOWN[] = {100, 250, 500, 1000, 2000};
#define SOFT_SHOWN_COUNT (sizeof SOFT_SHOWN / sizeof *SOFT_SHOWN)
#define SOFT_POINTS (SOFT_UPDATES / SOFT_PLOTTED + 1)

/* Over the seeds: the distance from (0, 0) at plotted updates [SOFT_POINTS][trials], and std at the end. */
static void run_soft(const reproduce *r, const soft_game *g, double *error, double *std) {
    for (int64_t k = 0; k < r->trials; k++) {
        fm_rng rng = fm_rng_split((uint64_t)(r->config->seed + k), FM_RNG_UPDATE, 0, 0);
        soft_state s = {-1, 1, 1};
        for (int update = 0; update <= SOFT_UPDATES; update++) {
            if (update % SOFT_PLOTTED == 0)
                error[(int64_t)(update / SOFT_PLOTTED) * r->trials + k] = hypot(s.mu, s.w);
            s = soft_update(g, s, &rng);
        }
        std[k] = s.std;
    }
}

/* Sorts `error`. */
static void put_soft(reproduce *r, const soft_game *g, double *error, const double *std) {
    static const struct {
        const char *name;
        double share;
    } PARTS[] = {{"median", 0.5}, {"p10", 0.1}, {"p90", 0.9}};
    size_t n = (size_t)r->trials;
    char metric[48];
    for (size_t k = 0; k < SOFT_SHOWN_COUNT; k++)
        for (size_t part = 0; part < 3; part++) {
            double value =
                stats_quantile(error + (size_t)(SOFT_SHOWN[k] / SOFT_PLOTTED) * n, n, PARTS[part].share);
            snprintf(metric, sizeof metric, "error@%d %s", SOFT_SHOWN[k], PARTS[part].name);
            reproduce_put(r, g->row, metric, (double)NAN, reproduce_number(value), r->trials);
        }
    reproduce_put(r, g->row, "std@2000 mean", (double)NAN, stats_mean(std, n), r->trials);
    reproduce_put(r, g->row, "std@2000 deviation", (double)NAN, reproduce_number(stats_deviation(std, n)),
                  r->trials);
}

/* Columns: a grid and the arrows of the published two there, at std = 1 and over many draws; updates, and of
 * each game the median of the error and its percentiles. */
enum { SOFT_MOVES = 2, SOFT_STEP = SOFT_MOVES + 4, SOFT_CURVES, SOFT_WIDTH = SOFT_CURVES + 3 * SOFT_COUNT };
#define SOFT_ROWS (ARROWS > SOFT_POINTS ? ARROWS : SOFT_POINTS)
#define FIELD_DRAWS 1000

static void fill_soft_field(const soft_game *g, size_t column, double *numbers) {
    fm_rng rng = fm_rng_split(0, FM_RNG_TEST, 0, 0);
    for (size_t k = 0; k < ARROWS; k++) {
        double *at = numbers + k * SOFT_WIDTH;
        soft_state s = {grid_at(k % GRID), 1, grid_at(k / GRID)};
        at[GRID_X] = s.mu, at[GRID_Y] = s.w, at[column] = at[column + 1] = 0;
        for (int draw = 0; draw < FIELD_DRAWS; draw++) {
            soft_state next = soft_update(g, s, &rng);
            at[column] += (next.mu - s.mu) / FIELD_DRAWS / RATE;
            at[column + 1] += (next.w - s.w) / FIELD_DRAWS / RATE;
        }
    }
}

static fm_status draw_soft(const reproduce *r, const double *numbers, fm_error *err) {
    static const char *const PARTS[] = {"median", "p10", "p90"};
    static const char *const TITLES[] = {"published: samples in pairs, reward -a²",
                                         "matched samples, reward -a²", "matched samples, reward -a²/5"};
    char names[SOFT_WIDTH][48] = {[GRID_X] = "mu", [GRID_Y] = "w", [SOFT_STEP] = "updates"};
    const char *name[SOFT_WIDTH];
    plot_series fields[2], curves[SOFT_COUNT];
    plot_panel panels[5];
    for (size_t i = 0; i < 2; i++) {
        size_t move = SOFT_MOVES + 2 * i;
        snprintf(names[move], sizeof *names, "d mu, %s", SOFT[i].row);
        snprintf(names[move + 1], sizeof *names, "d w, %s", SOFT[i].row);
        fields[i] =
            (plot_series){.kind = PLOT_ARROWS, .x = GRID_X, .column = GRID_Y, .dx = move, .dy = move + 1};
        panels[i] =
            (plot_panel){.title = SOFT[i].row, .x_label = "μ", .y_label = "w", .series = &fields[i], .n = 1};
    }
    for (size_t i = 0; i < SOFT_COUNT; i++) {
        size_t c = SOFT_CURVES + 3 * i;
        for (size_t k = 0; k < 3; k++)
            snprintf(names[c + k], sizeof *names, "error %s, %s", PARTS[k], SOFT[i].row);
        curves[i] = (plot_series){.title = SOFT[i].leads ? "stackelberg" : "individual",
                                  .x = SOFT_STEP,
                                  .column = c,
                                  .low = c + 1,
                                  .high = c + 2};
    }
    for (size_t i = 0; i < 3; i++)
        panels[2 + i] = (plot_panel){.title = TITLES[i],
                                     .x_label = "updates",
                                     .y_label = "‖(μ, w)‖",
                                     .log_y = true,
                                     .series = &curves[2 * i],
                                     .n = 2};
    for (size_t c = 0; c < SOFT_WIDTH; c++) name[c] = names[c];
    plot_page page = {
        .note = "Arrows: how one update moves (μ, w) at std = 1, mean of 1,000 draws; lines: medians "
                "over the seeds; bands: from the 10th to the 90th percentile",
        .panels = panels,
        .n = 5};
    plot_data data = {.names = name, .width = SOFT_WIDTH, .rows = SOFT_ROWS, .numbers = numbers};
    return reproduce_figure(r, "fig2", &data, &page, err);
}

fm_status reproduce_stac_soft_toy(reproduce *r, fm_error *err) {
    fm_arena arena = {0};
    size_t n = (size_t)r->trials;
    double *numbers = absent_numbers(&arena, (size_t)SOFT_ROWS * SOFT_WIDTH);
    double *error = fm_arena_array(&arena, double, SOFT_POINTS *n), *std = fm_arena_array(&arena, double, n);
    for (size_t i = 0; i < SOFT_COUNT; i++) {
        run_soft(r, &SOFT[i], error, std);
        put_soft(r, &SOFT[i], error, std);
        for (size_t k = 0; k < SOFT_POINTS; k++) {
            double *row = numbers + k * SOFT_WIDTH, *at = row + SOFT_CURVES + 3 * i;
            row[SOFT_STEP] = (double)(k * SOFT_PLOTTED);
            at[0] = stats_quantile(error + k * n, n, 0.5);
            at[1] = stats_quantile(error + k * n, n, 0.1);
            at[2] = stats_quantile(error + k * n, n, 0.9);
        }
    }
    for (size_t i = 0; i < 2; i++) fill_soft_field(&SOFT[i], SOFT_MOVES + 2 * i, numbers);
    fm_status status = draw_soft(r, numbers, err);
    reproduce_words(
        r,
        "`published` is the program: each value meets every sample's reward, which is -a^2, and only where "
        "the policy leads it moves by the new w. `matched` lets values meet their own sample's reward; the "
        "last two rows also take the paper's reward, -a^2 / 5, and move both at once. With entropy nobody "
        "circles, and both ways come near the equilibrium alike; without the faults the policy that leads "
        "is the slower one until some 1,000 updates.\n");
    fm_arena_free(&arena);
    return status;
}
