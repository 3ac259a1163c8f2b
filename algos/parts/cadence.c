#include "algos/parts/cadence.h"

void algo_cadence_keep(algo_cadence *cadence, const algo_setup *setup) {
    fm_keep(setup->keep, FM_I64, cadence, sizeof *cadence / sizeof(int64_t), "cadence");
}

void algo_cadence_count(algo_cadence *c, int64_t decisions, int64_t learning_starts) {
    int64_t before = c->decisions > learning_starts ? c->decisions : learning_starts;
    c->decisions += decisions;
    if (c->decisions > before) c->credit += c->decisions - before;
}

bool algo_cadence_due(algo_cadence *c, int64_t train_freq, int64_t gradient_steps) {
    if (c->left == 0) {
        if (c->credit < train_freq) return false;
        c->credit -= train_freq;
        c->left = gradient_steps;
    }
    c->left--;
    c->updates++;
    return true;
}
