/* nn.h: the one header to include: networks, what their outputs mean, and how they learn.
 *
 * Parameters lie in one flat vector (params.h); layers declare their matrices there and are applied on a tape
 * (layers.h, recurrent.h, attention.h, hypernetwork.h); distributions.h turns outputs into actions and
 * densities; objective.h makes gradients of a loss, total.h those of a leader through a follower's answer,
 * and optim.h takes the steps; normalise.h brings observations and rewards to about 1; safetensors.h keeps
 * parameters in a file. The tape itself is autograd/ad.h.
 *
 * A whole learner: REINFORCE [Williams 1992] on a bandit of two arms that pay 0.2 and 0.8 on average, 32
 * episodes of one step per update. The loss reads as in the paper, and is recorded once; every update plays,
 * fills the leaves, replays and steps.
 *
 * Example (compiled by the tests):
 *
 *     enum { B = 32, ARMS = 2 };
 *     fm_arena arena = {0};
 *     fm_rng rng = fm_rng_split(0, FM_RNG_EXPLORE, 0, 0), init = fm_rng_split(0, FM_RNG_INIT, 0, 0);
 *     real obs[B], action[B], advantage[B], logits_now[B * ARMS];
 *     for (int b = 0; b < B; b++) obs[b] = 1, action[b] = 0, advantage[b] = 0;
 *
 *     nn_params p = {0};                                                  // the network
 *     nn_mlp policy = nn_mlp_declare(&p, "policy", &(nn_mlp_shape){.in = 1, .out = ARMS,
 *                                    .init = NN_INIT_ORTHOGONAL, .out_gain = 0.01});
 *     nn_params_make(&p, &arena, NULL, NULL);
 *     nn_params_init(&p, &init);
 *
 *     ad_tape *t = ad_tape_new();                                         // its loss
 *     nn_leaves leaves = nn_params_leaves(t, &p, p.theta, &arena);
 *     ad_var logits = nn_mlp_apply(&policy, &leaves, ad_leaf(t, B, 1, obs, "obs"));
 *     ad_var log_pi = nn_categorical_log_prob(logits, AD_NONE, ad_leaf(t, B, 1, action, "action"));
 *     ad_var loss = ad_neg(ad_mean(ad_mul(log_pi, ad_leaf(t, B, 1, advantage, "advantage"))));
 *
 *     ad_plan *act = ad_plan_make(NULL, 0, &(ad_output){logits, logits_now}, 1);
 *     nn_group group = {"policy", &p, &leaves};
 *     nn_objective objective = nn_objective_make(loss, &group, 1, NULL, 0, &arena);
 *     nn_optimizer adam = nn_optimizer_make(NN_ADAM, 0.05, p.n, &arena, NULL, NULL);
 *
 *     for (int update = 0; update < 200; update++) {
 *         double paid = 0;
 *         ad_replay(act);
 *         for (int b = 0; b < B; b++) {
 *             int arm = nn_categorical_sample(logits_now + b * ARMS, NULL, ARMS, &rng);
 *             action[b] = (real)arm;
 *             advantage[b] = fm_rng_uniform(&rng) < (arm == 1 ? 0.8 : 0.2);
 *             paid += (double)advantage[b] / B;
 *         }
 *         for (int b = 0; b < B; b++) advantage[b] -= (real)paid;         // above the mean of the batch
 *         nn_objective_run(&objective);
 *         nn_optimizer_step(&adam, p.theta, objective.gradient[0]);
 *     }
 *     ad_replay(act);
 *     double log_p = nn_categorical_log_prob_of(logits_now, NULL, ARMS, 1);
 *     FM_CHECK(log_p > -0.05, "the better arm is hardly ever missed: log p = %g", log_p);
 *     ad_tape_free(t);
 *     nn_params_free(&p);
 *     fm_arena_free(&arena);
 */
#ifndef NN_NN_H
#define NN_NN_H

#include "nn/attention.h"
#include "nn/distributions.h"
#include "nn/hypernetwork.h"
#include "nn/layers.h"
#include "nn/normalise.h"
#include "nn/objective.h"
#include "nn/optim.h"
#include "nn/params.h"
#include "nn/recurrent.h"
#include "nn/safetensors.h"
#include "nn/total.h"

#endif
