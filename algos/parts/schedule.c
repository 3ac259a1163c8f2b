#include "algos/parts/schedule.h"

double algo_epsilon(const algo_epsilon_schedule *schedule, int64_t step) {
    double periods = (double)(step / schedule->every);
    double least = fmin(schedule->least, schedule->start);
    return fmax(least, schedule->start * pow(schedule->decay, periods));
}

double algo_linear_decay(int64_t step, int64_t steps) {
    if (step >= steps) return 0;
    return 1 - (double)step / (double)steps;
}

double algo_falling(double share, int64_t step, int64_t steps) {
    return share + (1 - share) * algo_linear_decay(step, steps);
}
