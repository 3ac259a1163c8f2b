/* table.h: the table of algorithms: one row each. Row X(name) is `const algo_type algo_name` of its own file.
 * The contract test walks the same rows, and has settings for each: an algorithm without them does not
 * compile. */
#ifndef ALGO_TABLE_H
#define ALGO_TABLE_H

#define ALGO_ROWS(X)                                                                                         \
    /* leader and followers */                                                                               \
    X(biac)                                                                                                  \
    X(bilevel_q)                                                                                             \
    /* all agents alike */                                                                                   \
    X(idqn)                                                                                                  \
    X(hysteretic)                                                                                            \
    X(lenient)                                                                                               \
    X(maddpg)                                                                                                \
    X(td3)                                                                                                   \
    X(reinforce)                                                                                             \
    X(ac)                                                                                                    \
    X(stac)                                                                                                  \
    X(ppo)                                                                                                   \
    X(ippo)                                                                                                  \
    X(mappo)                                                                                                 \
    X(happo)                                                                                                 \
    /* one agent */                                                                                          \
    X(es)                                                                                                    \
    /* one agent with a box */                                                                               \
    X(ddpg)                                                                                                  \
    X(sac)                                                                                                   \
    X(stddpg)                                                                                                \
    X(stsac)                                                                                                 \
    /* step.c; algo_step is another thing (algos/algo.h) */                                                  \
    X(n_level)

#endif
