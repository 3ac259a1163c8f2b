/* summary.h: what was learned, said to a person at the end of a run. */
#ifndef TRAINING_SUMMARY_H
#define TRAINING_SUMMARY_H

#include "training/run/trials.h"

/* Prints for the trials that are ok: in a game of payoff tables, how often each joint action is the greedy
 * one (or, with --eval_mode sample, the first one), with its payoffs, and which are the exact Stackelberg
 * point and the Nash equilibria; else the shares of the outcomes; in a one-shot game of boxes the actions
 * beside those of its closed form; then the mean return of each agent with its 95 % interval over trials, and
 * how far it is from the Stackelberg value where that is known, or, of agents that can only answer, from
 * their best response. Shares of trials have Wilson's interval, means Student's t. The caller checks the
 * stream. */
void summary_write(const run_plan *run, const trials *all, FILE *out);

#endif
