/* Actor-critics: with linear networks every gradient of REINFORCE has a closed form, which is summed here
 * over the rollout in double; notes, sharing, central values, clipping, rates. */
#include "algos/families/actor_critic.h"

#include "algos/table.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"

extern const algo_type algo_reinforce;

/* REINFORCE whose agents share one policy and a central baseline. */
static bool team_is_central;
static void *team_create(const algo_setup *setup) {
    static fm_ints none;
    static algo_rollout_options rollout = {.n_steps = 24, .gamma = 0.9, .gae_lambda = 0.8};
    static algo_descent_options descent = {.lr_final = 1};
    actor_critic *ac = fm_arena_array(setup->arena, actor_critic, 1);
    actor_critic_make(ac, setup,
                      &(actor_critic_shape){.rollout = &rollout,
                                            .descent = &descent,
                                            .hidden = &none,
                                            .activation = AD_TANH,
                                            .shared = true,
                                            .critic_sees =
                                                team_is_central ? ACTOR_CRITIC_STATE : ACTOR_CRITIC_OWN});
    actor_critic_terms *x = &ac->policy[0].terms;
    ad_var entropy = nn_weighted_mean(x->entropy, x->weight);
    ad_var gain = nn_weighted_mean(ad_mul(x->log_prob, x->advantage), x->weight);
    ad_var error = nn_weighted_mean(ad_square(ad_sub(x->returns, x->value)), x->weight);
    ad_var loss = ad_sub(ad_scale(error, 0.5), ad_add(gain, ad_scale(entropy, 0.01)));
    actor_critic_learn(&ac->policy[0], setup, loss, &entropy, 1);
    return ac;
}

/* ---- the closed forms ---- */

/* out[j] = sum_k x[k] W[k][j] + b[j] of a network without hidden layers. */
static void linear(const actor_critic_net *net, const real *x, double *out) {
    const nn_entry *w = &net->params.entries[net->mlp.weight[0]], *b = &net->params.entries[net->mlp.bias[0]];
    for (size_t j = 0; j < net->mlp.out; j++) {
        out[j] = (double)net->params.theta[b->at + j];
        for (size_t k = 0; k < net->mlp.in; k++)
            out[j] += (double)x[k] * (double)net->params.theta[w->at + k * net->mlp.out + j];
    }
}

/* d (log pi(a) A + c H) / d out of one head of n choices. */
static void ascent_of_head(const double *out, const uint8_t *mask, size_t n, int action, double advantage,
                           double c, double *to) {
    double total = 0, entropy = 0, prob[8];
    for (size_t j = 0; j < n; j++) total += prob[j] = mask && !mask[j] ? 0 : exp(out[j]);
    for (size_t j = 0; j < n; j++) {
        prob[j] /= total;
        if (prob[j] > 0) entropy -= prob[j] * log(prob[j]);
    }
    for (size_t j = 0; j < n; j++) {
        to[j] = advantage * ((action == (int)j) - prob[j]);
        if (prob[j] > 0) to[j] -= c * prob[j] * (log(prob[j]) + entropy);
    }
}

/* The same of all heads, or of a box and then also / d log_std. */
static void ascent(const actor_critic_policy *p, const double *out, const real *log_std, const uint8_t *mask,
                   const real *action, double advantage, double c, double *to, double *to_std) {
    const env_space *space = &p->head.space;
    for (size_t k = 0, at = 0; k < (size_t)space->size; k++) {
        if (space->kind == ENV_BOX) {
            double sigma = exp((double)log_std[k]);
            double u =
                (((double)action[k] - (double)p->head.middle[k]) / (double)p->head.half[k] - out[k]) / sigma;
            to[k] = advantage * u / sigma;
            to_std[k] = advantage * (u * u - 1) + c;
            continue;
        }
        size_t n = (size_t)env_space_actions(space, (int)k);
        ascent_of_head(out + at, mask ? mask + at : NULL, n, (int)action[k], advantage, c, to + at);
        at += n;
    }
}

/* The gradients of the last update's only step against sums over the rollout, which still lies there.
 * Networks are linear and the learning rate is 0. */
static void expect_gradients(const actor_critic *ac, size_t index, double ent_coef, double vf_coef) {
    static double actor[4096], critic[4096];
    const actor_critic_policy *p = &ac->policy[index];
    const env_facts *facts = ac->facts;
    const algo_rollout *r = &ac->rollout;
    const nn_entry *log_std = &p->actor.params.entries[p->log_std];
    size_t agents = (size_t)facts->agents, in = p->actor.mlp.in, outs = p->head.outputs;
    double n = 0;
    memset(actor, 0, sizeof actor);
    memset(critic, 0, sizeof critic);
    for (size_t s = 0; s < r->slots; s++)
        for (size_t k = 0; k < p->agent_count; k++) n += r->weight[s * agents + (size_t)p->agents[k]];
    for (size_t s = 0; s < r->slots; s++)
        for (size_t k = 0; k < p->agent_count; k++) {
            const env_agent *agent = &facts->agent[p->agents[k]];
            size_t at = s * agents + (size_t)p->agents[k];
            const real *x = r->obs + s * (size_t)facts->obs_total + agent->obs_at, *sees = x;
            const uint8_t *mask = r->mask ? r->mask + s * (size_t)facts->mask_total + agent->mask_at : NULL;
            double out[8], to[8], to_std[8] = {0}, value;
            if (ac->shape.critic_sees == ACTOR_CRITIC_STATE)
                sees = facts->central_length ? r->central + s * (size_t)facts->central_length
                                             : r->obs + s * (size_t)facts->obs_total;
            if (!r->weight[at]) continue;
            linear(&p->actor, x, out);
            linear(&p->critic, sees, &value);
            EXPECT_NEAR(r->value[at], value, 1e-5);
            ascent(p, out, p->actor.params.theta + log_std->at, mask,
                   r->actions + s * (size_t)facts->action_total + agent->action_at, (double)r->advantage[at],
                   ent_coef, to, to_std);
            size_t w = p->actor.params.entries[p->actor.mlp.weight[0]].at;
            size_t b = p->actor.params.entries[p->actor.mlp.bias[0]].at;
            for (size_t j = 0; j < outs; j++) {
                for (size_t i = 0; i < in; i++) actor[w + i * outs + j] -= (double)x[i] * to[j] / n;
                actor[b + j] -= to[j] / n;
                if (p->head.choices == 0) actor[log_std->at + j] -= to_std[j] / n;
            }
            double error = vf_coef * 2 * (value - (double)r->returns[at]) / n;
            for (size_t i = 0; i < p->critic.mlp.in; i++)
                critic[p->critic.params.entries[p->critic.mlp.weight[0]].at + i] += error * (double)sees[i];
            critic[p->critic.params.entries[p->critic.mlp.bias[0]].at] += error;
        }
    EXPECT(n > 5);
    for (size_t j = 0; j < p->actor.params.n; j++) EXPECT_NEAR(p->objective.gradient[0][j], actor[j], 2e-5);
    for (size_t j = 0; j < p->critic.params.n; j++) EXPECT_NEAR(p->objective.gradient[1][j], critic[j], 2e-5);
    EXPECT(nn_norm(p->objective.gradient[0], p->actor.params.n) > 1e-4);
    EXPECT(nn_norm(p->objective.gradient[1], p->critic.params.n) > 1e-3);
}

#define STILL "lr=0 hidden=none max_grad_norm=0 normalize_reward=false gamma=0.9 "

/* One update with 24 decisions of 3 copies in the corridor. */
static void begin(drive *d, const algo_type *algo, const char *world, const char *settings) {
    drive_open(d, algo, &TOY_ENV, "", world, settings);
    drive_start(d, 3, 1000, 6);
    drive_run(d, 24);
}

TEST(actor_critic_gradients_are_those_of_the_paper) {
    static const char *const WORLDS[] = {"",
                                         "masks=true death=3",
                                         "pauses=true hidden=1 masks=true",
                                         "heads=2 masks=true death=4",
                                         "box=true",
                                         "box=true cut=true seen=false pauses=true"};
    for (size_t k = 0; k < sizeof WORLDS / sizeof *WORLDS; k++) {
        drive d;
        begin(&d, &algo_reinforce, WORLDS[k], STILL "n_steps=24 ent_coef=0.2 vf_coef=0.7 gae_lambda=0.9");
        actor_critic *ac = d.learner;
        EXPECT_EQ(ac->policies, 2);
        for (size_t i = 0; i < 2; i++) expect_gradients(ac, i, 0.2, 0.7);
        drive_end(&d);
    }
}

TEST(actor_critic_shared_policy_and_central_baseline) {
    algo_type team = algo_reinforce;
    team.create = team_create;
    static const char *const WORLDS[] = {"agents=3 masks=true death=2 central=true", "agents=2 pauses=true",
                                         "agents=2 box=true central=true"};
    for (int k = 0; k < 6; k++) {
        drive d;
        team_is_central = k % 2;
        begin(&d, &team, WORLDS[k / 2], "");
        actor_critic *ac = d.learner;
        EXPECT_EQ(ac->policies, 1);
        EXPECT_EQ(ac->policy[0].agent_count, d.game.facts.agents);
        if (team_is_central)
            EXPECT_EQ(ac->policy[0].critic.mlp.in,
                      d.game.facts.central_length ? d.game.facts.central_length : d.game.facts.obs_total);
        expect_gradients(ac, 0, 0.01, 0.5);
        drive_end(&d);
    }
}

/* ---- notes ---- */

enum { COPIES = 3, WIDEST = 64 };

/* Views in which every copy and agent sees something else. */
typedef struct seen {
    real obs[COPIES * WIDEST], central[COPIES * WIDEST], actions[COPIES * WIDEST];
    uint8_t mask[COPIES * WIDEST], active[COPIES * WIDEST];
    env_view view;
} seen;

static void look(seen *x, const env_facts *facts, uint64_t seed) {
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 0, 0);
    fm_rng_fill_normal(&rng, x->obs, COPIES * WIDEST);
    fm_rng_fill_normal(&rng, x->central, COPIES * WIDEST);
    for (size_t k = 0; k < COPIES * WIDEST; k++) {
        x->mask[k] = k % 3 == 0 || fm_rng_uniform(&rng) < 0.5;
        x->active[k] = fm_rng_uniform(&rng) < 0.8;
    }
    FM_CHECK(facts->obs_total <= WIDEST, "too wide");
    x->view = (env_view){
        .copies = COPIES, .obs = x->obs, .central = x->central, .mask = x->mask, .active = x->active};
}

/* What was noted for an agent of a copy, against its own row of the view. */
static void expect_noted(const actor_critic *ac, const seen *x, const algo_notes *notes, size_t c, int i) {
    const env_facts *facts = ac->facts;
    const env_agent *agent = &facts->agent[i];
    const actor_critic_policy *p = &ac->policy[ac->policy_of[i]];
    size_t at = c * (size_t)facts->agents + (size_t)i;
    const real *obs = x->obs + c * (size_t)facts->obs_total, *own = obs + agent->obs_at, *sees = own;
    const real *action = x->actions + c * (size_t)facts->action_total + agent->action_at;
    const uint8_t *mask = facts->masks ? x->mask + c * (size_t)facts->mask_total + agent->mask_at : NULL;
    double out[8], value;
    real row[8];
    if (!x->active[at]) {
        EXPECT_EQ(action[0], 0);
        return;
    }
    if (ac->shape.critic_sees == ACTOR_CRITIC_STATE)
        sees = facts->central_length ? x->central + c * (size_t)facts->central_length : obs;
    linear(&p->critic, sees, &value);
    EXPECT_NEAR(notes->value[at], value, 1e-5);
    linear(&p->actor, own, out);
    for (size_t j = 0; j < p->head.outputs; j++) row[j] = (real)out[j];
    const real *log_std = p->actor.params.theta + p->actor.params.entries[p->log_std].at;
    EXPECT_NEAR(notes->log_prob[at], algo_head_log_prob_of(&p->head, row, log_std, mask, action), 1e-5);
}

/* Log-probabilities and values are those of what each agent of each copy saw, shared policies or not. */
TEST(actor_critic_notes_what_each_agent_saw) {
    static const char *const WORLDS[] = {"masks=true", "box=true central=true", "agents=3",
                                         "agents=3 central=true"};
    algo_type team = algo_reinforce;
    team.create = team_create;
    for (int k = 0; k < 12; k++) {
        drive d;
        seen x = {0};
        team_is_central = k >= 8;
        drive_open(&d, k < 4 ? &algo_reinforce : &team, &TOY_ENV, "", WORLDS[k % 4], STILL "n_steps=24");
        drive_start(&d, COPIES, 1000, 6);
        const actor_critic *ac = d.learner;
        algo_notes notes = algo_rollout_notes(&ac->rollout);
        look(&x, ac->facts, (uint64_t)k);
        algo_reinforce.act(d.learner, &x.view, ALGO_TRAIN, d.stage.rng, NULL, x.actions);
        for (size_t c = 0; c < COPIES; c++)
            for (int i = 0; i < ac->facts->agents; i++) expect_noted(ac, &x, &notes, c, i);
        drive_end(&d);
    }
}

TEST(actor_critic_probabilities_of_actions) {
    drive d;
    begin(&d, &algo_reinforce, "masks=true", STILL "n_steps=24");
    double sum[2] = {0}, prob[2];
    env_view view = drive_view(&d);
    for (int a = 0; a < 3; a++) {
        real joint[2] = {(real)a, (real)a};
        algo_reinforce.probabilities(d.learner, &view, joint, prob);
        for (int i = 0; i < 2; i++) sum[i] += prob[i];
        if (!view.mask[a])
            EXPECT_EQ(prob[0], 0);
        else
            EXPECT(prob[0] > 0.1);
    }
    EXPECT_NEAR(sum[0], 1, 1e-6);
    EXPECT_NEAR(sum[1], 1, 1e-6);
    drive_end(&d);
}

/* ---- steps ---- */

/* The gradient of both networks together is brought to the limit; its direction stays. */
TEST(actor_critic_clips_both_networks_as_one) {
    drive free, held;
    begin(&free, &algo_reinforce, "", STILL "n_steps=24");
    begin(&held, &algo_reinforce, "", STILL "n_steps=24 max_grad_norm=0.25");
    const actor_critic_policy *a = ((actor_critic *)free.learner)->policy,
                              *b = ((actor_critic *)held.learner)->policy;
    double norm = hypot(nn_norm(a->objective.gradient[0], a->actor.params.n),
                        nn_norm(a->objective.gradient[1], a->critic.params.n));
    EXPECT(norm > 0.5);
    EXPECT_NEAR(drive_metric(&held, "gradient_norm_0"), norm, 1e-5);
    for (size_t j = 0; j < a->actor.params.n; j++)
        EXPECT_NEAR(b->objective.gradient[0][j], (double)a->objective.gradient[0][j] * 0.25 / norm, 1e-6);
    for (size_t j = 0; j < a->critic.params.n; j++)
        EXPECT_NEAR(b->objective.gradient[1][j], (double)a->objective.gradient[1][j] * 0.25 / norm, 1e-6);
    drive_end(&free);
    drive_end(&held);
}

/* With lambda = 1, in a corridor of four steps. */
TEST(actor_critic_discounts_by_gamma) {
    drive d;
    begin(&d, &algo_reinforce, "length=4", STILL "n_steps=24 gae_lambda=1");
    const actor_critic *ac = d.learner;
    for (size_t t = 0; t < 8; t++)
        EXPECT_NEAR(ac->rollout.returns[(t * 3 + 1) * 2], (1 - pow(0.9, 4 - (double)(t % 4))) / (1 - 0.9),
                    1e-5);
    drive_end(&d);
}

TEST(actor_critic_shows_the_last_update_alone) {
    drive d;
    begin(&d, &algo_reinforce, "", STILL "n_steps=24");
    double first = drive_metric(&d, "loss_0");
    const actor_critic_policy *p = ((actor_critic *)d.learner)->policy;
    EXPECT_NEAR(first, *p->objective.loss, 0);
    drive_run(&d, 24);
    EXPECT(*p->objective.loss != (real)first);
    EXPECT_NEAR(drive_metric(&d, "loss_0"), *p->objective.loss, 0);
    drive_end(&d);
}

/* 24 of 1000 decisions are over at the first update: the rate has fallen by 2.4 % of what it shall lose. */
TEST(actor_critic_rates_fall) {
    drive d;
    begin(&d, &algo_reinforce, "", "lr=0.1 n_steps=24 lr_final=0.5");
    const actor_critic_policy *p = ((actor_critic *)d.learner)->policy;
    EXPECT_NEAR(p->actor.optimizer.lr, 0.1 * (1 - 0.5 * 0.024), 1e-12);
    EXPECT_NEAR(p->critic.optimizer.lr, p->actor.optimizer.lr, 0);
    drive_end(&d);
}

TEST(actor_critic_metrics_are_unknown_before_the_first_update) {
    drive d;
    drive_open(&d, &algo_reinforce, &TOY_ENV, "", "", "n_steps=24 hidden=none");
    drive_start(&d, 3, 1000, 6);
    drive_run(&d, 21);
    EXPECT(drive_metric(&d, "loss_0") == FM_ABSENT && drive_metric(&d, "entropy_1") == FM_ABSENT);
    EXPECT(drive_metric(&d, "explained_variance_0") == FM_ABSENT);
    drive_run(&d, 3);
    EXPECT_NEAR(drive_metric(&d, "entropy_1"), log(3), 1e-3); /* a new policy is nearly uniform */
    drive_end(&d);
}

TEST(actor_critic_unlike_agents_cannot_share) {
    fm_error err;
    env_agent agents[] = {{.name = "one", .obs_length = 2, .action = env_discrete(2, NULL)},
                          {.name = "two", .obs_length = 2, .action = env_discrete(3, NULL)}};
    env_facts facts = {.name = "unlike", .agents = 2, .agent = agents};
    EXPECT(actor_critic_unlike(&facts) == &agents[1]);
    EXPECT(actor_critic_accepts("team", &facts, false, &err) == FM_OK);
    EXPECT(actor_critic_accepts("team", &facts, true, &err) == FM_BAD);
    EXPECT_HAS(err.text, "'one' and 'two' differ");
    agents[1].action = agents[0].action;
    EXPECT(actor_critic_unlike(&facts) == NULL);
    EXPECT(actor_critic_accepts("team", &facts, true, &err) == FM_OK);
    agents[1].obs_length = 3;
    EXPECT(actor_critic_accepts("team", &facts, true, &err) == FM_BAD);
}

TEST_MAIN(CASE(actor_critic_gradients_are_those_of_the_paper),
          CASE(actor_critic_shared_policy_and_central_baseline), CASE(actor_critic_notes_what_each_agent_saw),
          CASE(actor_critic_probabilities_of_actions), CASE(actor_critic_clips_both_networks_as_one),
          CASE(actor_critic_discounts_by_gamma), CASE(actor_critic_shows_the_last_update_alone),
          CASE(actor_critic_rates_fall), CASE(actor_critic_metrics_are_unknown_before_the_first_update),
          CASE(actor_critic_unlike_agents_cannot_share))
