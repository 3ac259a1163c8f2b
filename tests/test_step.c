/* test_step.c: STEP's chain of decisions, what it notes, its regulariser and its size, against plain loops
 * over the parameters. */
#include "algos/families/ppo.h"

#include "stb_ds.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"

extern const algo_type algo_n_level;

/* ---- the paper's policy from the parameters of the actor ---- */

#define MOST 256

static const real *entry(const nn_params *p, const char *name, size_t *rows, size_t *cols) {
    for (size_t k = 0; k < arrlenu(p->entries); k++)
        if (strcmp(p->entries[k].name, name) == 0) {
            *rows = p->entries[k].rows, *cols = p->entries[k].cols;
            return p->theta + p->entries[k].at;
        }
    FM_CHECK(false, "no entry '%s'", name);
    return NULL;
}

/* y = x W + b, then relu. */
static size_t affine(const nn_params *p, const char *name, const double *x, bool relu, double *y) {
    char text[FM_NAME_MAX];
    size_t rows, cols, one;
    snprintf(text, sizeof text, "%s.weight", name);
    const real *w = entry(p, text, &rows, &cols);
    snprintf(text, sizeof text, "%s.bias", name);
    const real *b = entry(p, text, &one, &cols);
    for (size_t j = 0; j < cols; j++) {
        y[j] = (double)b[j];
        for (size_t i = 0; i < rows; i++) y[j] += x[i] * (double)w[i * cols + j];
        if (relu) y[j] = fmax(y[j], 0);
    }
    return cols;
}

/* H(e^j): the target policy, one linear layer, as numbers. */
static size_t generated(const nn_params *p, size_t priority, double *to) {
    size_t rows, cols;
    double e[MOST], h[MOST];
    const real *ids = entry(p, "ids", &rows, &cols);
    for (size_t k = 0; k < cols; k++) e[k] = (double)ids[priority * cols + k];
    size_t width = affine(p, "generator.trunk.0", e, true, h);
    for (size_t k = 0; k < width; k++) h[k] /= (double)width;
    return affine(p, "generator.0", h, false, to);
}

/* Outputs of the policy of that priority for (s, a^1..). */
static size_t outputs(const nn_params *p, size_t priority, const double *seen, double *out) {
    double z[MOST], target[MOST];
    size_t width = affine(p, "embedding.0", seen, true, z), numbers = generated(p, priority, target);
    size_t n = numbers / (width + 1);
    for (size_t k = 0; k < n; k++) {
        out[k] = target[width * n + k];
        for (size_t j = 0; j < width; j++) out[k] += z[j] * target[j * n + k];
    }
    return n;
}

/* (s, a^(i-1)..a^1, zeros): observations of all, then the columns of superiors, zeros of one not active;
 * before them for the policy the agent's own observation, which is all of s without `state`. Returns where s
 * begins, which the critic sees. */
static const double *sub_game(const actor_critic *ac, bool state, const real *obs, const real *central,
                              const uint8_t *active, const real *actions, size_t priority, double *to) {
    const env_facts *facts = ac->facts;
    const env_agent *own = &facts->agent[ac->policy[priority].agents[0]];
    const double *s = state ? to + own->obs_length : to;
    size_t at = 0, width = ac->action_columns;
    for (int k = 0; k < own->obs_length; k++) to[at++] = (double)obs[own->obs_at + k];
    if (state && facts->central_length > 0)
        for (int k = 0; k < facts->central_length; k++) to[at++] = (double)central[k];
    else if (state)
        for (int k = 0; k < facts->obs_total; k++) to[at++] = (double)obs[k];
    memset(to + at, 0, ((size_t)facts->agents - 1) * width * sizeof *to);
    for (size_t j = priority; j-- > 0; at += width) {
        int i = ac->policy[j].agents[0];
        const env_agent *agent = &facts->agent[i];
        double a = (double)actions[agent->action_at];
        if (!active[i]) continue;
        if (agent->action.kind == ENV_BOX)
            to[at] = 2 * (a - agent->action.low[0]) / (agent->action.high[0] - agent->action.low[0]) - 1;
        else
            to[at + (size_t)a] = 1;
    }
    return s;
}

static double log_softmax(const double *out, size_t n, const uint8_t *mask, size_t chosen) {
    double total = 0;
    for (size_t k = 0; k < n; k++) total += mask && !mask[k] ? 0 : exp(out[k]);
    return out[chosen] - log(total);
}

#define TINY                                                                                                 \
    "n_steps=24 n_epochs=2 batch_size=0 embedding=6 generator=5 id_length=4 hidden=none "                    \
    "normalize_obs=false "

/* ---- training: superiors' sampled actions ---- */

/* What a rollout notes of each agent is of (s, the actions that superiors took). */
static void expect_notes(const char *world, const char *settings) {
    drive d;
    drive_open(&d, &algo_n_level, &TOY_ENV, "", world, settings);
    drive_start(&d, 3, 1000, 6);
    drive_run(&d, 24); /* an update, so that policies are no longer as they start */
    drive_run(&d, 21); /* and no other one since */
    const actor_critic *ac = d.learner;
    const algo_rollout *r = &ac->rollout;
    const env_facts *facts = ac->facts;
    size_t n = (size_t)facts->agents, checked = 0;
    bool state = strstr(settings, "sees_state=false") == NULL;
    for (size_t slot = 0; slot < 21; slot++)
        for (size_t i = 0; i < n; i++) {
            const actor_critic_policy *p = &ac->policy[i];
            size_t agent = (size_t)p->agents[0], at = slot * n + agent;
            double seen[MOST], out[MOST], value[1], log_prob;
            const real *actions = r->actions + slot * (size_t)facts->action_total;
            if (!r->active[at]) continue;
            const double *s = sub_game(ac, state, r->obs + slot * (size_t)facts->obs_total,
                                       r->central + slot * (size_t)facts->central_length,
                                       r->active + slot * n, actions, i, seen);
            size_t count = outputs(&p->actor.params, i, seen, out);
            if (p->head.choices > 0) {
                const uint8_t *mask =
                    r->mask ? r->mask + slot * (size_t)facts->mask_total + facts->agent[agent].mask_at : NULL;
                log_prob = log_softmax(out, count, mask, (size_t)actions[facts->agent[agent].action_at]);
            } else {
                size_t rows, cols;
                double log_std = (double)entry(&p->actor.params, "log_std", &rows, &cols)[0];
                double u = (((double)actions[facts->agent[agent].action_at] - 1) / 3 - out[0]) / exp(log_std);
                log_prob = -u * u / 2 - log_std - log(3) - log(2 * acos(-1)) / 2; /* the box is -2..4 */
            }
            EXPECT_NEAR(r->log_prob[at], log_prob, 2e-5);
            affine(&p->critic.params, "layer.0", s, false, value);
            EXPECT_NEAR(r->value[at],
                        nn_value_norm_mean(&p->value_norm) +
                            nn_value_norm_deviation(&p->value_norm) * value[0],
                        1e-4);
            checked++;
        }
    EXPECT(checked > 20);
    drive_end(&d);
}

TEST(step_notes_what_superiors_did) {
    expect_notes("agents=3 masks=true death=3", TINY);
    expect_notes("agents=4 central=true", TINY "order=2,3,0,1");
    expect_notes("agents=3 box=true pauses=true", TINY "beta=0");
    expect_notes("agents=3 masks=true death=3 central=true", TINY "sees_state=false");
}

/* Minibatches show what agents saw: where nobody learns, actions are as likely as when they were taken. */
TEST(step_learns_from_what_was_seen) {
    drive d;
    drive_open(&d, &algo_n_level, &TOY_ENV, "", "agents=4", TINY "order=2,3,0,1 actor_lr=0.05 n_epochs=10");
    drive_start(&d, 3, 1000, 6);
    drive_run(&d, 24);
    actor_critic *ac = d.learner;
    EXPECT(actor_critic_shown(&ac->policy[3], 2) > 1e-3);
    for (size_t i = 0; i < 4; i++) ac->policy[i].actor.lr = 0;
    drive_run(&d, 24);
    for (size_t i = 0; i < 4; i++) EXPECT_NEAR(actor_critic_shown(&ac->policy[i], 2), 0, 1e-5);
    drive_end(&d);
}

/* Every action about as likely as any other, whatever was seen; a box's deviation is less than half of it. */
TEST(step_starts_undecided) {
    drive d;
    drive_open(&d, &algo_n_level, &TOY_ENV, "", "agents=3", "n_steps=24 normalize_obs=false");
    drive_start(&d, 3, 1000, 6);
    drive_run(&d, 21);
    const actor_critic *ac = d.learner;
    for (size_t at = 0; at < 21 * 3; at++) EXPECT_NEAR(ac->rollout.log_prob[at], -log(3), 0.05);
    drive_end(&d);
    drive_open(&d, &algo_n_level, &TOY_ENV, "", "agents=3 box=true", TINY);
    drive_start(&d, 3, 1000, 6);
    size_t rows, cols;
    ac = d.learner;
    EXPECT_EQ(entry(&ac->policy[0].actor.params, "log_std", &rows, &cols)[0], -1);
    drive_end(&d);
}

/* ---- execution: every agent by itself ---- */

/* Agent i's action, from s and the parameters alone: it works out what its superiors will do. */
static int recomputed(const actor_critic *ac, const env_view *view, size_t priority) {
    real actions[8] = {0};
    for (size_t j = 0; j <= priority; j++) {
        double seen[MOST], out[MOST];
        int best = -1, agent = ac->policy[j].agents[0];
        const uint8_t *mask = view->mask + ac->facts->agent[agent].mask_at;
        sub_game(ac, true, view->obs, view->central, view->active, actions, j, seen);
        size_t count = outputs(&ac->policy[j].actor.params, j, seen, out);
        for (size_t k = 0; k < count; k++)
            if (mask[k] && (best < 0 || out[k] > out[best])) best = (int)k;
        actions[ac->facts->agent[agent].action_at] = (real)best;
    }
    return (int)actions[ac->facts->agent[ac->policy[priority].agents[0]].action_at];
}

TEST(step_is_executed_without_a_word) {
    drive d;
    int other = 0;
    drive_open(&d, &algo_n_level, &TOY_ENV, "", "agents=4 masks=true", TINY "order=3,1,0,2 actor_lr=0.02");
    drive_start(&d, 3, 3000, 6);
    for (int part = 0; part < 20; part++) {
        real joint[DRIVE_ACTIONS];
        const actor_critic *ac = d.learner;
        drive_run(&d, 27);
        env_view view = drive_view(&d);
        drive_greedy(&d, joint);
        for (size_t i = 0; i < 4; i++) {
            int agent = ac->policy[i].agents[0];
            EXPECT_EQ((int)joint[agent], recomputed(ac, &view, i));
            other += (int)joint[agent] != (int)joint[ac->policy[0].agents[0]];
        }
    }
    EXPECT_EQ(((actor_critic *)d.learner)->policy[0].agents[0], 3);
    EXPECT(other > 5);
    drive_end(&d);
}

/* ---- Eq. 11 ---- */

/* Losses with beta = 2 and 0 differ by the regulariser when policies moved from where they were. */
TEST(step_regulariser_keeps_what_superiors_are_given) {
    drive with, without;
    fm_rng rng = fm_rng_split(3, FM_RNG_TEST, 0, 0);
    drive_open(&with, &algo_n_level, &TOY_ENV, "", "agents=3", TINY "actor_lr=0 critic_lr=0 beta=2");
    drive_open(&without, &algo_n_level, &TOY_ENV, "", "agents=3", TINY "actor_lr=0 critic_lr=0 beta=0");
    drive_start(&with, 3, 1000, 6);
    drive_start(&without, 3, 1000, 6);
    drive_run(&with, 24);
    drive_run(&without, 24);
    actor_critic *a = with.learner, *b = without.learner;
    nn_params *p = &a->policy[0].actor.params;
    double before[3][MOST], moved[3] = {0};
    size_t numbers = 0;
    for (size_t j = 0; j < 3; j++) numbers = generated(p, j, before[j]);
    for (size_t k = 0; k < arrlenu(p->entries); k++)
        for (size_t m = 0; m < p->entries[k].rows * p->entries[k].cols; m++) {
            size_t at = p->entries[k].at + m;
            b->policy[0].actor.params.theta[at] = p->theta[at] += (real)(0.1 * fm_rng_normal(&rng));
        }
    for (size_t j = 0; j < 3; j++) {
        double now[MOST];
        generated(p, j, now);
        for (size_t k = 0; k < numbers; k++) moved[j] += pow(now[k] - before[j][k], 2);
    }
    const double wanted[3] = {0, 2 * moved[0], 2.0 / 2 * (moved[0] + moved[1])};
    for (size_t i = 0; i < 3; i++) {
        double difference =
            nn_objective_run(&a->policy[i].objective) - nn_objective_run(&b->policy[i].objective);
        EXPECT_NEAR(difference, wanted[i], 1e-4 * (1 + wanted[i]));
    }
    EXPECT(moved[0] > 0.1 && moved[1] > 0.1 && fabs(moved[0] - moved[1]) > 0.01);
    drive_end(&with);
    drive_end(&without);
}

/* H_old is from just before an agent's epochs: its superiors have learned in this update already. So where
 * each takes one step only, nothing has moved since, and beta changes nothing (but for rounding). */
TEST(step_agents_learn_in_turn) {
    drive d, free;
    drive_open(&d, &algo_n_level, &TOY_ENV, "", "agents=3", TINY "n_epochs=1 actor_lr=0.01 beta=10");
    drive_open(&free, &algo_n_level, &TOY_ENV, "", "agents=3", TINY "n_epochs=1 actor_lr=0.01 beta=0");
    drive_start(&d, 3, 1000, 6);
    drive_start(&free, 3, 1000, 6);
    drive_run(&d, 24);
    drive_run(&free, 24);
    const actor_critic *ac = d.learner, *other = free.learner;
    const nn_params *p = &ac->policy[0].actor.params;
    EXPECT(p->theta == ac->policy[2].actor.params.theta);
    EXPECT_EQ(*ac->policy[0].actor.optimizer.steps, 3); /* one Adam, a step for each agent */
    for (size_t k = 0; k < p->n; k++) EXPECT_NEAR(p->theta[k], other->policy[0].actor.params.theta[k], 1e-4);
    drive_end(&d);
    drive_end(&free);
}

/* ---- size ---- */

TEST(step_policy_does_not_grow_with_the_agents) {
    static const int AGENTS[] = {2, 8, 64};
    double first[4] = {0};
    for (int k = 0; k < 3; k++) {
        drive d;
        char world[64];
        int n = AGENTS[k];
        snprintf(world, sizeof world, "agents=%d central=true", n);
        drive_open(&d, &algo_n_level, &TOY_ENV, "", world, "hidden=64,64 n_steps=3");
        drive_start(&d, 3, 1000, 6);
        double generator = drive_metric(&d, "generator_parameters");
        double embedding = drive_metric(&d, "embedding_parameters");
        double ids = drive_metric(&d, "id_parameters"), critics = drive_metric(&d, "critic_parameters");
        int in = 2 + 3 * (n - 1);
        EXPECT_EQ(generator, 8 * 64 + 64 + 64 * 195 + 195); /* a policy from 64 to 3 */
        EXPECT_EQ(embedding, (5 + in) * 64 + 64); /* its own observation is of 5 */
        EXPECT_EQ(ids, 8 * n);
        EXPECT_EQ(critics, n * (in * 64 + 64 + 64 * 64 + 64 + 64 + 1));
        if (k == 0) first[0] = generator;
        EXPECT_EQ(generator, first[0]);
        drive_end(&d);
    }
}

/* ---- bad input ---- */

TEST(step_says_what_it_cannot_order) {
    fm_error err;
    drive d;
    drive_open(&d, &algo_n_level, &TOY_ENV, "", "agents=3", "");
    static const char *const BAD[][2] = {{"order=0,1,7", "there is no agent 7"},
                                         {"order=0,1", "is missing"},
                                         {"order=0,1,1,2", "there twice"},
                                         {"order= embedding=none", "needs at least one layer"}};
    for (size_t k = 0; k < sizeof BAD / sizeof *BAD; k++) {
        drive_must(fm_options_apply(algo_n_level.options, d.config, BAD[k][0], &err), &err);
        EXPECT(algo_n_level.accepts(&d.game.facts, d.config, &err) == FM_BAD);
        EXPECT_HAS(err.text, BAD[k][1]);
    }
    fm_options_reset(algo_n_level.options, d.config);
    env_agent agents[2] = {{.name = "one", .obs_length = 2, .action = env_discrete(2, NULL)},
                           {.name = "two", .obs_length = 2, .action = env_discrete(3, NULL)}};
    env_facts facts = {.name = "unlike", .agents = 2, .agent = agents};
    EXPECT(algo_n_level.accepts(&facts, d.config, &err) == FM_BAD);
    EXPECT_HAS(err.text, "'one' and 'two' do not have the same actions");
    agents[1].action = agents[0].action;
    agents[1].obs_length = 3;
    EXPECT(algo_n_level.accepts(&facts, d.config, &err) == FM_OK);
    drive_must(fm_options_apply(algo_n_level.options, d.config, "sees_state=false", &err), &err);
    EXPECT(algo_n_level.accepts(&facts, d.config, &err) == FM_BAD);
    EXPECT_HAS(err.text, "step with sees_state=false has one policy for all agents; in 'unlike' the agents "
                         "'one' and 'two' differ in what they observe or can do");
    fm_arena_free(&d.arena);
}

TEST_MAIN(CASE(step_notes_what_superiors_did), CASE(step_learns_from_what_was_seen),
          CASE(step_starts_undecided), CASE(step_is_executed_without_a_word),
          CASE(step_regulariser_keeps_what_superiors_are_given), CASE(step_agents_learn_in_turn),
          CASE(step_policy_does_not_grow_with_the_agents), CASE(step_says_what_it_cannot_order))
