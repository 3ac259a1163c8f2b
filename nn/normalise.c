/* normalise.c: sums over all that was seen, in double, merged batch by batch. */
#include "nn/normalise.h"

#include <math.h>

#define EPSILON 1e-8

nn_normaliser nn_normaliser_make(size_t n, fm_arena *arena, fm_keep_list *keep, const char *name) {
    nn_normaliser z = {.n = n, .clip = 10, .count = fm_arena_array(arena, double, 1),
                       .mean = fm_arena_array(arena, double, n), .squares = fm_arena_array(arena, double, n)};
    if (!keep) return z;
    fm_keep_for_play(keep, FM_F64, z.count, 1, "%s.count", name);
    fm_keep_for_play(keep, FM_F64, z.mean, n, "%s.mean", name);
    fm_keep_for_play(keep, FM_F64, z.squares, n, "%s.squares", name);
    return z;
}

/* The sums of two sets from the sums of each [Chan 1983]. Those of the newcomers are taken about their mean,
 * which loses nothing where the mean is large. */
static void merge(nn_normaliser *z, size_t j, double new, double mean, double squares) {
    const double total = *z->count + new, apart = mean - z->mean[j];
    z->mean[j] += apart * new / total;
    z->squares[j] += squares + apart * apart * *z->count * new / total;
}

void nn_normaliser_update(nn_normaliser *z, const real *x, size_t rows, const uint8_t *counts) {
    double new = 0;
    for (size_t r = 0; r < rows; r++) new += !counts || counts[r];
    if (new == 0) return;
    for (size_t j = 0; j < z->n; j++) {
        double mean = 0, squares = 0;
        for (size_t r = 0; r < rows; r++)
            if (!counts || counts[r]) mean += (double)x[r * z->n + j] / new;
        for (size_t r = 0; r < rows; r++) {
            double away = (double)x[r * z->n + j] - mean;
            if (!counts || counts[r]) squares += away * away;
        }
        merge(z, j, new, mean, squares);
    }
    *z->count += new;
}

double nn_normaliser_variance(const nn_normaliser *z, size_t j) {
    return *z->count > 0 ? z->squares[j] / *z->count : 1;
}

/* A NaN stays, for the guards to report. */
static real clipped(double x, double limit) {
    if (limit <= 0) return (real)x;
    return (real)(x > limit ? limit : x < -limit ? -limit : x);
}

void nn_normaliser_apply(const nn_normaliser *z, const real *x, size_t rows, real *y) {
    for (size_t j = 0; j < z->n; j++) {
        const double mean = z->mean[j], deviation = sqrt(nn_normaliser_variance(z, j) + EPSILON);
        for (size_t i = j; i < rows * z->n; i += z->n)
            y[i] = clipped(((double)x[i] - mean) / deviation, z->clip);
    }
}

nn_reward_scaler nn_reward_scaler_make(size_t copies, double gamma, fm_arena *arena, fm_keep_list *keep,
                                       const char *name) {
    nn_reward_scaler s = {.returns = nn_normaliser_make(1, arena, keep, name), .gamma = gamma,
                          .copies = copies, .running = fm_arena_array(arena, double, copies)};
    if (keep) fm_keep(keep, FM_F64, s.running, copies, "%s.running", name);
    return s;
}

void nn_reward_scaler_update(nn_reward_scaler *s, const double *reward, const uint8_t *done) {
    for (size_t k = 0; k < s->copies; k++) {
        s->running[k] = s->gamma * s->running[k] + reward[k];
        merge(&s->returns, 0, 1, s->running[k], 0);
        ++*s->returns.count;
        if (done[k]) s->running[k] = 0;
    }
}

void nn_reward_scaler_apply(const nn_reward_scaler *s, const double *reward, size_t n, real *y) {
    const double deviation = sqrt(nn_normaliser_variance(&s->returns, 0) + EPSILON);
    for (size_t i = 0; i < n; i++) y[i] = clipped(reward[i] / deviation, s->returns.clip);
}

nn_value_norm nn_value_norm_make(fm_arena *arena, fm_keep_list *keep, const char *name) {
    nn_value_norm v = {.decay = 0.99999, .sums = fm_arena_array(arena, double, 3)};
    if (keep) fm_keep(keep, FM_F64, v.sums, 3, "%s", name);
    return v;
}

void nn_value_norm_update(nn_value_norm *v, double mean, double square) {
    const double batch[3] = {1, mean, square};
    for (int k = 0; k < 3; k++) v->sums[k] = v->decay * v->sums[k] + (1 - v->decay) * batch[k];
}

/* Without a batch the sums are zero, whatever they are divided by. */
static double debiased(const nn_value_norm *v, int k) { return v->sums[0] > 0 ? v->sums[k] / v->sums[0] : 0; }

double nn_value_norm_mean(const nn_value_norm *v) { return debiased(v, 1); }

double nn_value_norm_deviation(const nn_value_norm *v) {
    const double mean = debiased(v, 1), variance = debiased(v, 2) - mean * mean;
    return sqrt(variance > 0.01 ? variance : 0.01);
}
