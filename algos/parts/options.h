/* options.h: options that mean the same in several algorithms: declared once, under one name, by the names
 * that users of other libraries know.
 *
 * A group is a struct that stands as a member of a learner's config, and a macro with its rows; `at` is the
 * path to the member, and what differs from learner to learner is the default, given as text.
 *
 * Example (compiled by the tests):
 *
 *     typedef struct my_config { algo_replay_options replay; } my_config;
 *     static const fm_option OPTIONS[] = {
 *         ALGO_REPLAY_OPTIONS(my_config, replay, "128", "20000", "1000"),
 *         FM_OPT_END,
 *     };
 *     my_config config;
 *     fm_options_reset(OPTIONS, &config);
 *     FM_CHECK(config.replay.batch_size == 128, "the default");
 */
#ifndef ALGO_OPTIONS_H
#define ALGO_OPTIONS_H

#include "base/option.h"

/* One row for a field that lies deeper in the config than its name says. */
#define ALGO_INT(config, field, name, value, low, high, unit, doc, symbol)                                   \
    { name, FM_INT, offsetof(config, field), value, low, high, NULL, unit, doc, symbol }
#define ALGO_REAL(config, field, name, value, low, high, unit, doc, symbol)                                  \
    { name, FM_REAL, offsetof(config, field), value, low, high, NULL, unit, doc, symbol }
#define ALGO_BOOL(config, field, name, value, doc)                                                           \
    { name, FM_BOOL, offsetof(config, field), value, 0, 0, NULL, "", doc, "" }
#define ALGO_CHOICE(config, field, name, value, words, doc)                                                  \
    { name, FM_CHOICE, offsetof(config, field), value, 0, 0, words, "", doc, "" }
#define ALGO_INTS(config, field, name, value, low, high, unit, doc)                                          \
    { name, FM_INTS, offsetof(config, field), value, low, high, NULL, unit, doc, "" }

/* ---- networks ---- */

#define ALGO_HIDDEN_OPTION(config, field, value)                                                             \
    ALGO_INTS(config, field, "hidden", value, 1, 4096, "units", "widths of the hidden layers")

/* ORDER ad_act. */
#define ALGO_ACTIVATION_OPTION(config, field, value)                                                         \
    ALGO_CHOICE(config, field, "activation", value, "identity|relu|tanh", "between the layers")

/* ---- learning from a replay ---- */

typedef struct algo_replay_options {
    int64_t batch_size, buffer_size, learning_starts, train_freq, gradient_steps;
} algo_replay_options;

#define ALGO_REPLAY_OPTIONS(config, at, batch, buffer, starts)                                               \
    ALGO_INT(config, at.batch_size, "batch_size", batch, 1, 65536, "transitions", "size of a minibatch",     \
             "B"),                                                                                           \
        ALGO_INT(config, at.buffer_size, "buffer_size", buffer, 1, 1e8, "transitions",                       \
                 "capacity of the replay", "D"),                                                             \
        ALGO_INT(config, at.learning_starts, "learning_starts", starts, 0, 1e15, "decisions",                \
                 "uniformly random decisions before learning starts", ""),                                   \
        ALGO_INT(config, at.train_freq, "train_freq", "1", 1, 1e9, "decisions",                              \
                 "decisions, of all copies together, from one round of updates to the next", ""),            \
        ALGO_INT(config, at.gradient_steps, "gradient_steps", "1", 1, 1e6, "updates", "updates of a round",  \
                 "")

/* ---- learning from a rollout (algos/parts/rollout.h) ---- */

typedef struct algo_rollout_options {
    int64_t n_steps;
    double gamma, gae_lambda;
    bool normalize_obs, normalize_reward;
} algo_rollout_options;

#define ALGO_ROLLOUT_OPTIONS(config, at, steps, discount, lambda, obs, reward)                               \
    ALGO_INT(config, at.n_steps, "n_steps", steps, 1, 1e9, "decisions",                                      \
             "length of a rollout, of all copies together", "T"),                                            \
        ALGO_GAMMA_OPTION(config, at.gamma, discount),                                                       \
        ALGO_REAL(config, at.gae_lambda, "gae_lambda", lambda, 0, 1, "",                                     \
                  "of the advantages; 1: returns less the baseline", "lambda"),                              \
        ALGO_BOOL(config, at.normalize_obs, "normalize_obs", obs,                                            \
                  "observations less their running mean, by their deviation"),                               \
        ALGO_BOOL(config, at.normalize_reward, "normalize_reward", reward,                                   \
                  "rewards by the running deviation of the discounted return")

/* Several passes over a rollout, minibatch by minibatch. */
typedef struct algo_epoch_options {
    int64_t n_epochs, batch_size;
} algo_epoch_options;

#define ALGO_EPOCH_OPTIONS(config, at, epochs, batch)                                                        \
    ALGO_INT(config, at.n_epochs, "n_epochs", epochs, 1, 1e6, "passes", "passes over a rollout", "K"),       \
        ALGO_INT(config, at.batch_size, "batch_size", batch, 0, 1e9, "samples",                              \
                 "size of a minibatch; 0: the whole rollout", "M")

/* Steps that may not change a policy by much [Schulman 2017]. */
typedef struct algo_clip_options {
    double clip_range, target_kl;
} algo_clip_options;

#define ALGO_CLIP_OPTIONS(config, at, range, kl)                                                             \
    ALGO_REAL(config, at.clip_range, "clip_range", range, 0, 1e9, "",                                        \
              "how far a ratio of probabilities counts from 1", "epsilon"),                                  \
        ALGO_REAL(config, at.target_kl, "target_kl", kl, 0, 1e9, "nats",                                     \
                  "an update stops where the policy has moved farther; 0: never", "")

/* Weights in the loss of actor and critic together. */
typedef struct algo_coefficient_options {
    double ent_coef, vf_coef;
} algo_coefficient_options;

#define ALGO_COEFFICIENT_OPTIONS(config, at, entropy, value)                                                 \
    ALGO_REAL(config, at.ent_coef, "ent_coef", entropy, 0, 1e9, "", "weight of the entropy", "c2"),          \
        ALGO_REAL(config, at.vf_coef, "vf_coef", value, 0, 1e9, "", "weight of the value's loss", "c1")

/* ---- optimisation ---- */

typedef struct algo_descent_options {
    double lr_final, max_grad_norm;
} algo_descent_options;

#define ALGO_DESCENT_OPTIONS(config, at, final, norm)                                                        \
    ALGO_REAL(config, at.lr_final, "lr_final", final, 0, 1, "",                                              \
              "share of the learning rates left at the end of the run; the fall is linear", ""),             \
        ALGO_REAL(config, at.max_grad_norm, "max_grad_norm", norm, 0, 1e9, "",                               \
                  "largest norm of a network's gradient; 0: any", "")

#define ALGO_LR_OPTION(config, field, name, value, doc, symbol)                                              \
    ALGO_REAL(config, field, name, value, 0, 10, "", doc, symbol)

#define ALGO_GAMMA_OPTION(config, field, value)                                                              \
    ALGO_REAL(config, field, "gamma", value, 0, 1, "", "discount", "gamma")

/* ---- target networks ---- */

typedef struct algo_target_options {
    double tau;
    int64_t target_update_interval;
} algo_target_options;

#define ALGO_TARGET_OPTIONS(config, at, step)                                                                \
    ALGO_REAL(config, at.tau, "tau", step, 0, 1, "", "step of the target networks; 1: a copy", "tau"),       \
        ALGO_INT(config, at.target_update_interval, "target_update_interval", "1", 1, 1e9, "updates",        \
                 "updates per step of the target networks", "")

/* ---- losses, rewards, exploration ---- */

/* ORDER algo_loss (algos/parts/net.h). */
#define ALGO_LOSS_OPTION(config, field)                                                                      \
    ALGO_CHOICE(config, field, "loss", "mse", "mse|huber", "penalty of a TD error")

typedef enum algo_coin { ALGO_COIN_OWN, ALGO_COIN_JOINT } algo_coin;
#define ALGO_COIN_OPTION(config, field, value)                                                               \
    ALGO_CHOICE(config, field, "coin", value, "own|joint",                                                   \
                "whether the agents explore each by itself or all at once")

typedef enum algo_scaling { ALGO_SCALE_NONE, ALGO_SCALE_BOUNDS, ALGO_SCALE_REPLAY } algo_scaling;
#define ALGO_SCALE_OPTION(config, field)                                                                     \
    ALGO_CHOICE(config, field, "scale_rewards", "bounds", "none|bounds",                                     \
                "rewards are brought to about one by the game's bounds")

#endif
