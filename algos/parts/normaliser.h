/* normaliser.h: what a learner sees and earns, brought to about 1: the options normalize_obs and
 * normalize_reward. The statistics (nn/normalise.h) are the learner's and kept; they change only while it
 * trains, and play and evaluation use them as they are.
 *
 * Outline:
 *
 *     act       view = algo_normaliser_view(&n, view, mode == ALGO_TRAIN);   // and act on that
 *     observe   algo_step seen = algo_normaliser_step(&n, step);             // and remember that
 *     update    algo_rollout_gae(&rollout, gamma, lambda, n.scale);
 *
 * So what is remembered is what the policy saw when it acted. Rewards are remembered as they are, and scaled
 * when they are used: alike for all of a rollout. Where all episodes are equally long the middle of their
 * bounds is subtracted first (algo_reward_shift), and in one-shot games their running mean too, which is a
 * baseline there; in others that would reward the length of an episode. */
#ifndef ALGO_NORMALISER_H
#define ALGO_NORMALISER_H

#include "algos/algo.h"
#include "algos/parts/joint.h"
#include "nn/normalise.h"

typedef struct algo_normaliser {
    const env_facts *facts;
    const int *group; /* [agents] */
    int groups;
    size_t copies;
    algo_scale *scale; /* [agents] of rewards; raw without normalize_reward */
    /* The rest is its own. */
    nn_normaliser *obs; /* [groups], NULL without normalize_obs */
    nn_normaliser central;
    real *acted, *acted_central; /* [copies][...] what it saw when it last acted in training */
    real *other, *other_central; /* any other view */
    nn_reward_scaler *reward;    /* [groups], NULL without normalize_reward */
    real *rows;                  /* scratch, as are those below */
    double *earned;
    uint8_t *flags;
} algo_normaliser;

/* Agents of one group [agents] -> 0..groups-1 share their statistics, as they do a policy; they must be
 * alike. `group` is borrowed. `gamma` is the discount of the returns whose deviation scales the rewards. */
algo_normaliser algo_normaliser_make(const algo_setup *setup, const int *group, int groups,
                                     bool normalize_obs, bool normalize_reward, double gamma);

/* The view with observations and centralised state normalised, by statistics that take it in first when the
 * policy acts in training; the view itself without normalize_obs. What is returned lives until the next call
 * of the same kind. */
env_view algo_normaliser_view(algo_normaliser *n, const env_view *view, bool training);

/* The step with `before` as it was when the policy last acted in training, and `after` normalised. Takes in
 * its rewards. */
algo_step algo_normaliser_step(algo_normaliser *n, const algo_step *step);

#endif
