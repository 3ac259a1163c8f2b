/* signals.c: see signals.h. */
#include "training/run/signals.h"

#include <string.h>

static const int SIGNALS[SIGNALS_COUNT] = {SIGINT, SIGTERM, SIGHUP};

void signals_handle(int number, void (*handler)(int), struct sigaction *before) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, before);
}

void signals_catch(void (*handler)(int), signals_before *before) {
    for (size_t i = 0; i < SIGNALS_COUNT; i++) {
        signals_handle(SIGNALS[i], handler, &before->action[i]);
        if (before->action[i].sa_handler == SIG_IGN) sigaction(SIGNALS[i], &before->action[i], NULL);
    }
}

void signals_restore(const signals_before *before) {
    for (size_t i = 0; i < SIGNALS_COUNT; i++) sigaction(SIGNALS[i], &before->action[i], NULL);
}

void signals_block(sigset_t *before) {
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < SIGNALS_COUNT; i++) sigaddset(&set, SIGNALS[i]);
    sigprocmask(SIG_BLOCK, &set, before);
}
