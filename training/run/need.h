/* need.h: the memory that a run needs, known before it starts. */
#ifndef TRAINING_NEED_H
#define TRAINING_NEED_H

#include "training/run/config.h"

/* Builds one trial in a process of its own and compares what it holds with what there is: a limit of the
 * address space, the machine's memory, control groups (base/memory.h). Where fewer trials fit at the same
 * time than run->config.jobs, that becomes as many. Says on stderr when it does so, and what is needed when
 * that is much. A signal ends the measurement at once: *interrupted, and nothing was begun. Errors: not even
 * one trial fits. */
fm_status run_fit(run_plan *run, const char *program, bool *interrupted, fm_error *err);

#endif
