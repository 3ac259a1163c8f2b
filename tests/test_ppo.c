/* test_ppo.c: the loss of PPO and its gradient against sums over the rollout in double, where the policy has
 * moved since it played; its minibatches and epochs; HAPPO's factor. Networks are linear. */
#include "algos/families/ppo.h"

#include "stb_ds.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"

extern const algo_type algo_ppo, algo_ippo, algo_mappo, algo_happo;

/* ---- what a network gives, from its parameters ---- */

static void linear(const actor_critic_net *net, const real *x, double *out) {
    const nn_entry *w = &net->params.entries[net->mlp.weight[0]], *b = &net->params.entries[net->mlp.bias[0]];
    for (size_t j = 0; j < net->out; j++) {
        out[j] = (double)net->params.theta[b->at + j];
        for (size_t k = 0; k < net->in; k++)
            out[j] += (double)x[k] * (double)net->params.theta[w->at + k * net->out + j];
    }
}

/* What a network sees, in the words of actor_critic.h. */
static void look(const actor_critic *ac, int sees, size_t slot, int agent, real *x) {
    const env_facts *facts = ac->facts;
    const algo_rollout *r = &ac->rollout;
    const env_agent *a = &facts->agent[agent];
    size_t at = 0;
    for (int k = 0; k < a->obs_length && (sees & ACTOR_CRITIC_OWN); k++)
        x[at++] = r->obs[slot * (size_t)facts->obs_total + (size_t)(a->obs_at + k)];
    if (sees & ACTOR_CRITIC_STATE) {
        for (int k = 0; k < facts->central_length; k++)
            x[at++] = r->central[slot * (size_t)facts->central_length + (size_t)k];
        for (int k = 0; k < facts->obs_total && facts->central_length == 0; k++)
            x[at++] = r->obs[slot * (size_t)facts->obs_total + (size_t)k];
    }
    for (int k = 0; k < facts->agents && (sees & ACTOR_CRITIC_ID); k++) x[at++] = k == agent;
}

/* log pi of the action of that agent in that slot, and the entropy. */
static double log_prob_of(const actor_critic *ac, const actor_critic_policy *p, size_t slot, int agent,
                          double *entropy) {
    const env_facts *facts = ac->facts;
    const env_agent *a = &facts->agent[agent];
    const real *action = ac->rollout.actions + slot * (size_t)facts->action_total + (size_t)a->action_at;
    const uint8_t *mask =
        facts->masks ? ac->rollout.mask + slot * (size_t)facts->mask_total + (size_t)a->mask_at : NULL;
    real x[64];
    double out[8], total = 0, log_prob = 0;
    look(ac, p->actor.sees, slot, agent, x);
    linear(&p->actor, x, out);
    *entropy = 0;
    if (p->head.choices > 0) {
        for (size_t j = 0; j < p->head.outputs; j++) total += mask && !mask[j] ? 0 : exp(out[j]);
        for (size_t j = 0; j < p->head.outputs; j++)
            if (!mask || mask[j]) *entropy -= exp(out[j]) / total * (out[j] - log(total));
        return out[(int)action[0]] - log(total);
    }
    for (size_t j = 0; j < p->head.outputs; j++) {
        double half = (double)p->head.half[j];
        double log_std = (double)p->actor.params.theta[p->actor.params.entries[p->log_std].at + j];
        double u = (((double)action[j] - (double)p->head.middle[j]) / half - out[j]) / exp(log_std);
        log_prob -= u * u / 2 + log_std + log(half) + log(2 * acos(-1)) / 2;
        *entropy += log_std + log(half) + log(2 * acos(-1) * exp(1)) / 2;
    }
    return log_prob;
}

/* ---- the loss, in the words of ppo.h ---- */

typedef struct sums {
    double loss, value_loss, entropy, kl, clipped, beyond;
} sums;

static double miss(const ppo_options *o, double error) {
    double delta = o->huber_delta, size = fabs(error);
    return delta > 0 && size > delta ? delta * (size - delta / 2) : error * error / 2;
}

/* `advantage` [slots][agents]. */
static sums loss_of(const ppo *x, const actor_critic_policy *p, const double *advantage) {
    const actor_critic *ac = &x->base;
    const algo_rollout *r = &ac->rollout;
    const ppo_options *o = x->options;
    double n = 0, eps = o->clip.clip_range;
    sums s = {0};
    for (size_t slot = 0; slot < r->slots; slot++)
        for (size_t k = 0; k < p->agent_count; k++) {
            int i = p->agents[k];
            size_t at = slot * (size_t)ac->facts->agents + (size_t)i;
            if (!r->weight[at]) continue;
            real seen[64];
            double value, entropy, V_old = (double)r->value[at], R = (double)r->returns[at];
            look(ac, p->critic.sees, slot, i, seen);
            linear(&p->critic, seen, &value);
            double log_ratio = log_prob_of(ac, p, slot, i, &entropy) - (double)r->log_prob[at];
            double ratio = exp(log_ratio), A = advantage[at];
            double held = fmin(fmax(ratio, 1 - eps), 1 + eps);
            double held_value = V_old + fmin(fmax(value - V_old, -eps), eps);
            double lost = miss(o, R - value);
            if (o->clip_value) lost = fmax(lost, miss(o, R - held_value));
            n++;
            s.value_loss += lost;
            s.entropy += entropy;
            s.kl += ratio - 1 - log_ratio;
            s.clipped += held != ratio;
            s.beyond += held_value != value;
            s.loss +=
                o->coefficient.vf_coef * lost - fmin(ratio * A, held * A) - o->coefficient.ent_coef * entropy;
        }
    s.loss /= n, s.value_loss /= n, s.entropy /= n, s.kl /= n, s.clipped /= n, s.beyond /= n;
    return s;
}

/* Advantages R - V less their mean, by their deviation, all of one policy together. */
static void advantages_of(const ppo *x, const actor_critic_policy *p, double *advantage) {
    const algo_rollout *r = &x->base.rollout;
    size_t agents = (size_t)x->base.facts->agents;
    double n = 0, mean = 0, squares = 0;
    for (int pass = 0; pass < 3; pass++)
        for (size_t at = 0; at < r->slots * agents; at++) {
            int i = (int)(at % agents);
            if (!r->weight[at] || &x->base.policy[x->base.policy_of[i]] != p) continue;
            double A = (double)r->returns[at] - (double)r->value[at];
            if (pass == 0) n++, mean += A;
            if (pass == 1) squares += pow(A - mean / n, 2);
            if (pass == 2) advantage[at] = (A - mean / n) / (sqrt(squares / n) + 1e-5);
        }
}

static void disturb(nn_params *params, double size, fm_rng *rng) {
    for (size_t e = 0; e < arrlenu(params->entries); e++)
        for (size_t k = 0; k < params->entries[e].rows * params->entries[e].cols; k++)
            params->theta[params->entries[e].at + k] += (real)(size * fm_rng_normal(rng));
}

/* The gradient of a net of p by differences of loss_of. */
static void expect_gradient(const ppo *x, actor_critic_policy *p, actor_critic_net *net, const real *gradient,
                            const double *advantage) {
    const double h = 0x1p-12;
    double worst = 0;
    for (size_t e = 0; e < arrlenu(net->params.entries); e++)
        for (size_t k = 0; k < net->params.entries[e].rows * net->params.entries[e].cols; k++) {
            size_t at = net->params.entries[e].at + k;
            real *theta = net->params.theta + at, old = *theta;
            *theta = (real)((double)old + h);
            double up = loss_of(x, p, advantage).loss;
            *theta = (real)((double)old - h);
            double slope = (up - loss_of(x, p, advantage).loss) / (2 * h);
            *theta = old;
            worst = fmax(worst, fabs(slope - (double)gradient[at]));
        }
    EXPECT(nn_norm(gradient, net->params.n) > 0.02);
    EXPECT_NEAR(worst, 0, 2e-3);
}

#define STILL "hidden=none layer_norm=false max_grad_norm=0 gamma=0.9 n_steps=24 n_epochs=1 batch_size=0 "

/* An update whose only step has all samples, by policies that moved at two moments of the rollout. */
static void begin(drive *d, const algo_type *algo, const char *world, const char *settings) {
    fm_rng rng = fm_rng_split(3, FM_RNG_TEST, 0, 0);
    drive_open(d, algo, &TOY_ENV, "", world, settings);
    drive_start(d, 3, 1000, 6);
    actor_critic *ac = d->learner;
    for (int part = 0; part < 2; part++) {
        drive_run(d, 12);
        for (size_t k = 0; k < ac->policies && part == 0; k++) {
            disturb(&ac->policy[k].actor.params, 0.3, &rng);
            disturb(&ac->policy[k].critic.params, 0.3, &rng);
        }
    }
}

static void expect_loss(const algo_type *algo, const char *world, const char *settings, bool clips) {
    drive d;
    double advantage[24 * 4] = {0};
    begin(&d, algo, world, settings);
    const ppo *x = d.learner;
    double clipped = 0, beyond = 0;
    for (size_t k = 0; k < x->base.policies; k++) {
        actor_critic_policy *p = &x->base.policy[k];
        char name[FM_NAME_MAX];
        advantages_of(x, p, advantage);
        sums s = loss_of(x, p, advantage);
        const double wanted[] = {s.loss, s.value_loss, s.entropy, s.kl, s.clipped};
        static const char *const NAMES[] = {"loss", "value_loss", "entropy", "approx_kl", "clip_fraction"};
        for (int m = 0; m < 5; m++) {
            snprintf(name, sizeof name, "%s_%d", NAMES[m], p->agents[0]);
            EXPECT_NEAR(drive_metric(&d, name), wanted[m], 2e-5 * (1 + fabs(wanted[m])));
        }
        expect_gradient(x, p, &p->actor, p->objective.gradient[0], advantage);
        expect_gradient(x, p, &p->critic, p->objective.gradient[1], advantage);
        clipped += s.clipped, beyond += s.beyond;
    }
    EXPECT_MSG(!clips || (clipped > 0.05 && beyond > 0.05), "%s: %g and %g beyond", world, clipped, beyond);
    drive_end(&d);
}

#define RATES "actor_lr=0 critic_lr=0 normalize_value=false "

TEST(ppo_loss_and_gradients_are_those_of_the_paper) {
    expect_loss(&algo_ppo, "agents=1", STILL "lr=0", true);
    expect_loss(&algo_ppo, "agents=1 box=true cut=true", STILL "lr=0 ent_coef=0.1 vf_coef=2 clip_value=false",
                true);
    expect_loss(&algo_ippo, "masks=true death=3", STILL RATES "huber_delta=0.7 clip_range=0.1", true);
    expect_loss(&algo_ippo, "box=true pauses=true hidden=1", STILL RATES "huber_delta=0", true);
    expect_loss(&algo_ippo, "agents=3 masks=true", STILL RATES "share_policy=true clip_range=5", false);
    expect_loss(&algo_mappo, "agents=3 masks=true death=2 central=true", STILL RATES "actor_sees_state=true",
                true);
    expect_loss(&algo_mappo, "agents=2 box=true", STILL RATES "share_policy=true actor_sees_state=true",
                true);
}

/* ---- networks clipped each by itself ---- */

TEST(ppo_clips_gradients_apart) {
    drive free, held;
    begin(&free, &algo_mappo, "", STILL RATES);
    begin(&held, &algo_mappo, "", STILL RATES "max_grad_norm=0.05");
    for (int k = 0; k < 2; k++) {
        const actor_critic_policy *a = ((actor_critic *)free.learner)->policy,
                                  *b = ((actor_critic *)held.learner)->policy;
        size_t n = k == 0 ? a->actor.params.n : a->critic.params.n;
        double norm = nn_norm(a->objective.gradient[k], n);
        EXPECT(norm > 0.06);
        for (size_t j = 0; j < n; j++)
            EXPECT_NEAR(b->objective.gradient[k][j], (double)a->objective.gradient[k][j] * 0.05 / norm, 1e-6);
    }
    drive_end(&free);
    drive_end(&held);
}

/* ---- values in units of their deviation ---- */

/* Statistics of the returns of two updates; returns in those units; the values are denormalised for GAE. */
TEST(ppo_values_are_learned_in_units) {
    drive d, plain;
    drive_open(&d, &algo_ippo, &TOY_ENV, "", "length=6", STILL "actor_lr=0 critic_lr=0 gae_lambda=1");
    drive_start(&d, 3, 1000, 6);
    drive_open(&plain, &algo_ippo, &TOY_ENV, "", "length=6",
               STILL "actor_lr=0 critic_lr=0 gae_lambda=1 normalize_value=false");
    drive_start(&plain, 3, 1000, 6);
    double ewma[3] = {0}, mean = 0, deviation = 0.1;
    for (int update = 0; update < 3; update++) {
        const actor_critic *ac = d.learner, *other = plain.learner;
        double n = 0, sum = 0, squares = 0, old_mean = mean, old_deviation = deviation;
        drive_run(&d, 24);
        drive_run(&plain, 24);
        const double *own = ac->policy[0].value_norm.sums;
        for (size_t s = 0; s < ac->rollout.slots; s++) {
            real seen[8];
            double y;
            look(ac, ACTOR_CRITIC_OWN, s, 0, seen);
            linear(&ac->policy[0].critic, seen, &y);
            EXPECT_NEAR(ac->rollout.value[s * 2], y,
                        2e-5 * (1 + fabs(old_mean) / old_deviation)); /* the critic's units again */
            n++;
        }
        /* Without the bootstrap (all episodes end within) lambda = 1 returns do not depend on the values. */
        for (size_t s = 0; s < ac->rollout.slots; s++) {
            bool ends = false;
            for (size_t t = s; t < ac->rollout.slots; t += 3)
                ends = ends || other->rollout.next[t * 2] == ALGO_OVER;
            double here = own[1] / own[0] + nn_value_norm_deviation(&ac->policy[0].value_norm) *
                                                (double)ac->rollout.returns[s * 2];
            if (ends) EXPECT_NEAR(here, other->rollout.returns[s * 2], 1e-4);
            sum += here, squares += here * here;
        }
        ewma[0] = 0.99999 * ewma[0] + 1e-5, ewma[1] = 0.99999 * ewma[1] + 1e-5 * sum / n;
        ewma[2] = 0.99999 * ewma[2] + 1e-5 * squares / n;
        mean = ewma[1] / ewma[0], deviation = sqrt(fmax(0.01, ewma[2] / ewma[0] - mean * mean));
        EXPECT_NEAR(nn_value_norm_mean(&ac->policy[0].value_norm), mean, 1e-4);
        EXPECT_NEAR(nn_value_norm_deviation(&ac->policy[0].value_norm), deviation, 1e-3);
        EXPECT(deviation > 0.5);
    }
    drive_end(&d);
    drive_end(&plain);
}

/* ---- epochs ---- */

static double steps_of(const char *settings) {
    drive d;
    begin(&d, &algo_ppo, "agents=1", settings);
    double steps = *((actor_critic *)d.learner)->policy[0].steps;
    drive_end(&d);
    return steps;
}

/* 24 samples by 10 are three minibatches; the policy that moved is beyond a small KL after the first epoch,
 * and never beyond a large one. */
TEST(ppo_walks_and_stops) {
#define WALK "hidden=none lr=0 n_steps=24 n_epochs=4 batch_size=10 "
    EXPECT_EQ(steps_of(WALK), 12);
    EXPECT_EQ(steps_of(WALK "target_kl=0.001"), 3);
    EXPECT_EQ(steps_of(WALK "target_kl=10"), 12);
}

/* ---- HAPPO ---- */

/* The second agent's advantages are the first one's ratios times its own; who is first changes. */
TEST(happo_advantages_know_who_moved) {
    int first[2] = {0};
    drive d;
    drive_open(&d, &algo_happo, &TOY_ENV, "", "masks=true",
               STILL "actor_lr=0.05 critic_lr=0 normalize_value=false n_epochs=3 clip_range=10");
    drive_start(&d, 3, 1000, 6);
    for (int update = 0; update < 12; update++) {
        double advantage[24 * 2] = {0}, moved = 0;
        const ppo *x = d.learner;
        const actor_critic *ac = &x->base;
        drive_run(&d, 24);
        advantages_of(x, &ac->policy[0], advantage);
        advantages_of(x, &ac->policy[1], advantage);
        int leader = fabs((double)ac->rollout.advantage[0] - advantage[0]) < 1e-6 &&
                             fabs((double)ac->rollout.advantage[6] - advantage[6]) < 1e-6
                         ? 0
                         : 1;
        first[leader]++;
        for (size_t s = 0; s < ac->rollout.slots; s++) {
            double entropy, M = exp(log_prob_of(ac, &ac->policy[leader], s, leader, &entropy) -
                                    (double)ac->rollout.log_prob[s * 2 + (size_t)leader]);
            size_t follower = s * 2 + 1 - (size_t)leader;
            EXPECT_NEAR(ac->rollout.advantage[s * 2 + (size_t)leader], advantage[s * 2 + (size_t)leader],
                        1e-5);
            EXPECT_NEAR(ac->rollout.advantage[follower], M * advantage[follower], 1e-4);
            moved = fmax(moved, fabs(M - 1));
        }
        EXPECT(moved > 0.02);
    }
    EXPECT(first[0] > 0 && first[1] > 0);
    drive_end(&d);
}

TEST(ppo_says_whom_it_cannot_train) {
    fm_error err;
    env_agent agents[2] = {{.name = "one", .obs_length = 2, .action = env_discrete(2, NULL)},
                           {.name = "two", .obs_length = 2, .action = env_discrete(3, NULL)}};
    env_facts facts = {.name = "unlike", .agents = 2, .agent = agents, .rewards = ENV_GENERAL_SUM};
    EXPECT(algo_ppo.accepts(&facts, NULL, &err) == FM_BAD);
    EXPECT_HAS(err.text, "ppo is for one agent, 'unlike' has 2");
    EXPECT(algo_happo.accepts(&facts, NULL, &err) == FM_BAD);
    EXPECT_HAS(err.text, "earn the same");
}

TEST_MAIN(CASE(ppo_loss_and_gradients_are_those_of_the_paper), CASE(ppo_clips_gradients_apart),
          CASE(ppo_values_are_learned_in_units), CASE(ppo_walks_and_stops),
          CASE(happo_advantages_know_who_moved), CASE(ppo_says_whom_it_cannot_train))
