#include "algos/parts/total.h"

#include <math.h>

enum { SHOWN = 5 };

fm_status algo_total_accepts(const char *name, const algo_total_options *options, fm_error *err) {
    if (options->guard == 0 || options->guard >= 1) return FM_OK;
    return fm_fail(
        err,
        "%s: guard = %g: a step shorter than the individual gradient cannot be promised; give 1 or "
        "more, or 0 for no bound",
        name, options->guard);
}

nn_total_options algo_total_now(const algo_total_options *options, double damping) {
    return (nn_total_options){.damping = damping,
                              .iterations = (int)options->cg_iters,
                              .tolerance = options->cg_tolerance,
                              .guard = options->guard,
                              .indefinite = options->indefinite,
                              .implicit = (nn_implicit)options->implicit};
}

algo_total_log algo_total_log_make(const algo_setup *setup) {
    algo_total_log log = {.shown = fm_arena_array(setup->arena, double, SHOWN),
                          .runs = fm_arena_array(setup->arena, int64_t, 2)};
    log.guarded = log.runs + 1;
    fm_keep(setup->keep, FM_F64, log.shown, SHOWN, "total.shown");
    fm_keep(setup->keep, FM_I64, log.runs, 2, "total.runs");
    return log;
}

void algo_total_note(algo_total_log *log, const nn_total_report *report, size_t n) {
    double sum[SHOWN] = {0}, least = report[0].curvature;
    for (size_t k = 0; k < n; k++) {
        const nn_total_report *r = &report[k];
        const double seen[SHOWN] = {r->iterations, r->residual, 0, r->cosine, r->norm_ratio};
        for (int i = 0; i < SHOWN; i++) sum[i] += seen[i];
        least = fmin(least, r->curvature);
        ++*log->runs;
        *log->guarded += r->guarded;
    }
    for (int i = 0; i < SHOWN; i++) log->shown[i] = sum[i] / (double)n;
    log->shown[2] = least;
}

double *algo_total_measure(const algo_total_log *log, double *values) {
    for (int i = 0; i < SHOWN; i++) *values++ = *log->runs > 0 ? log->shown[i] : FM_ABSENT;
    *values++ = *log->runs > 0 ? (double)*log->guarded / (double)*log->runs : FM_ABSENT;
    return values;
}
