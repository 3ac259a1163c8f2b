/* stackelberg.h: an actor and critics of which one side leads: the core of stddpg and stsac
 * [Zheng 2022, Alg. 2]. Losses, networks and acting are those of off_policy.h.
 *
 *     leader=actor    f1 = l_pi, f2 = L:   theta along dl_pi/dtheta - d/dtheta <dL/dw, x>, w along dL/dw,
 *                     x = (d2 L / dw2 + lambda I)^-1 dl_pi/dw                                   [Eq. 15]
 *     leader=critic   f1 = L, f2 = l_pi:   w along dL/dw - d/dw <dl_pi/dtheta, x>, theta along dl_pi/dtheta,
 *                     x = (d2 l_pi / dtheta2 + lambda I)^-1 dL/dtheta                           [Eq. 16]
 *
 * theta is in L through the actions and the entropy of y alone, where the actor's own, present policy acts on
 * the critics' target copies. All derivatives are of one minibatch with one draw of noise.
 *
 * curvature=gauss_newton, for leader=actor, puts J^T C J in the place of d2 L / dw2: J = dQ(s, a) / dw of the
 * minibatch's rows, C twice their weights in the mean. What that leaves out, the mean of 2 (Q - y) d2 Q /
 * dw2, is what can be negative, and vanishes with the errors. The system is then solved exactly, by a matrix
 * of the minibatch (autograd/gram.h), which takes less than ten products.
 *
 * order=simultaneous  both step from the same point, as the published program has it; the follower's other
 *                     unroll - 1 steps see the leader's new parameters
 * order=sequential    the leader steps first; all `unroll` steps of the follower see its new parameters
 *
 * Both sides step by Adam, which takes the length of a direction away and leaves its changes from update to
 * update. Controls: implicit=none drops the implicit term and leaves all else as it is; implicit=length keeps
 * its effect on the length only. */
#ifndef ALGO_STACKELBERG_H
#define ALGO_STACKELBERG_H

#include "algos/families/off_policy.h"
#include "algos/parts/total.h"

typedef enum stackelberg_leader { STACKELBERG_ACTOR, STACKELBERG_CRITIC } stackelberg_leader;
typedef enum stackelberg_order { STACKELBERG_SIMULTANEOUS, STACKELBERG_SEQUENTIAL } stackelberg_order;

/* Stands as the member `lead` of an algorithm's config. */
typedef struct stackelberg_config {
    algo_total_options total;
    double damping_decay;
    int64_t leader, order, unroll, curvature; /* ORDER the two above, nn_curvature */
} stackelberg_config;

/* The paper's lambda for all continuous tasks, constant as in the paper. */
#define STACKELBERG_OPTIONS(config)                                                                          \
    ALGO_CHOICE(config, lead.leader, "leader", "actor", "actor|critic", "who leads; the other one follows"), \
        ALGO_CHOICE(config, lead.order, "order", "simultaneous", "simultaneous|sequential",                  \
                    "whether both step from the same point, or the leader first"),                           \
        ALGO_INT(config, lead.unroll, "unroll", "1", 1, 1e6, "steps",                                        \
                 "of the follower in an update, on one minibatch", "m"),                                     \
        ALGO_TOTAL_OPTIONS(config, lead.total, "500", "4"),                                                  \
        ALGO_REAL(config, lead.damping_decay, "damping_decay", "0", 0, 1e15, "decisions",                    \
                  "after so many damping has fallen to 1/e of itself; 0: it stays (published: 1e5)", ""),    \
        ALGO_CHOICE(config, lead.curvature, "curvature", "hessian", "hessian|gauss_newton",                  \
                    "of the follower's loss; gauss_newton: of critics that follow, solved exactly")

/* Rows of a minibatch whose Gram matrix is still made: beyond, products are the cheaper way. */
#define STACKELBERG_GRAM_ROWS 1024

/* FM_BAD where the options do not fit together: those of algo_total_accepts, and what gauss_newton needs.
 * `name` is the algorithm's. */
fm_status stackelberg_accepts(const char *name, const off_policy_config *base,
                              const stackelberg_config *config, fm_error *err);

typedef struct stackelberg {
    off_policy base;
    const stackelberg_config *config;
    algo_net *leader, *follower;
    nn_total total;
    algo_total_log log;
} stackelberg;

/* Makes all of it: an off_policy whose `learn` is the leader's. */
stackelberg *stackelberg_make(const algo_setup *setup, const off_policy_config *base,
                              const stackelberg_config *config, const off_policy_rule *rule);

/* lambda now. */
double stackelberg_damping(const stackelberg *s);

#endif
