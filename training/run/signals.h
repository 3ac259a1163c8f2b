/* signals.h: the signals that ask a program to end: SIGINT, SIGTERM and SIGHUP. */
#ifndef TRAINING_SIGNALS_H
#define TRAINING_SIGNALS_H

#include <signal.h>

#define SIGNALS_COUNT 3
typedef struct signals_before { struct sigaction action[SIGNALS_COUNT]; } signals_before;

/* Sets one handler; what it interrupts goes on afterwards (SA_RESTART). `before` may be NULL. */
void signals_handle(int number, void (*handler)(int), struct sigaction *before);

/* All three are handled so, but for those that are ignored (nohup), until signals_restore. */
void signals_catch(void (*handler)(int), signals_before *before);
void signals_restore(const signals_before *before);

/* They wait until the mask `before` is set again. */
void signals_block(sigset_t *before);

#endif
