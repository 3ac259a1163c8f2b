/* Rollouts and generalised advantages: against a direct double sum on random histories of agents that pause,
 * die and are cut off, and against closed forms on the corridor. */
#include "algos/parts/rollout.h"

#include <stb_ds.h>
#include <stdlib.h>

#include "base/memory.h"
#include "envs/vector.h"
#include "tests/aborts.h"
#include "tests/history.h"
#include "tests/test.h"
#include "tests/toy_env.h"

static history h;

static algo_rollout filled(size_t steps, size_t copies, uint64_t seed) {
    history_make(&h, steps, copies, seed);
    algo_rollout_shape shape = {.decisions = (int64_t)(steps * copies), .chunk_length = 1};
    algo_rollout r = algo_rollout_make(&h.setup, &shape);
    for (size_t t = 0; t < steps; t++) history_add(&h, &r, t);
    return r;
}

static size_t at_of(size_t s, int i) { return s * HISTORY_AGENTS + (size_t)i; }

/* ---- the definition, followed forwards ---- */

/* What a decision led to: its reward, and the slot of the next one or the value that stands for it. */
typedef struct led_to {
    double reward, value;
    bool decision, known;
    size_t slot;
} led_to;

static led_to follow(size_t s, int i) {
    led_to x = {0};
    bool dead = false;
    for (size_t t = s;; t += h.copies) {
        x.reward += h.rewards[t][i];
        bool ended = h.terminated[t] || h.truncated[t], last = t + h.copies >= h.steps * h.copies;
        if (!dead && h.done[t][i]) dead = x.known = true;
        if (!dead && (ended || last)) {
            x.known = h.after_active[t][i];
            x.value = x.known ? (double)h.after[t][i] : 0;
        }
        if (ended || last) return x;
        if (!dead && h.active[t + h.copies][i]) {
            x.known = x.decision = true;
            x.slot = t + h.copies;
            x.value = (double)h.value[x.slot][i];
            return x;
        }
    }
}

/* sum_l (gamma lambda)^l delta_{k+l} [Schulman 2016, Eq. 16], from decision k on: O(T) each, O(T^2) in all.
 */
static double advantage_of(size_t s, int i, double gamma, double lambda, double scale) {
    double sum = 0, factor = 1;
    for (led_to x = follow(s, i); x.known; x = follow(s, i)) {
        sum += factor * (scale * x.reward + gamma * x.value - (double)h.value[s][i]);
        factor *= gamma * lambda;
        if (!x.decision) break;
        s = x.slot;
    }
    return sum;
}

TEST(rollout_gae_is_the_sum_of_its_definition) {
    static const algo_scale SCALE[] = {{0, 1}, {0, 0.5}, {0, 2}};
    static const double LAMBDA[] = {0.9, 0, 1};
    int weights = 0, unseen = 0, hidden = 0, waits = 0;
    for (uint64_t seed = 0; seed < 30; seed++) {
        double lambda = LAMBDA[seed % 3];
        algo_rollout r = filled(1 + seed * 2, 1 + seed % 4, seed);
        algo_rollout_gae(&r, 0.95, lambda, SCALE);
        for (size_t s = 0; s < r.slots; s++)
            for (int i = 0; i < HISTORY_AGENTS; i++) {
                bool active = h.active[s][i], known = active && follow(s, i).known;
                EXPECT_EQ(r.weight[at_of(s, i)], known && h.learns[s][i]);
                weights += r.weight[at_of(s, i)];
                unseen += active && !known;
                hidden += known && !h.learns[s][i];
                waits += known && h.learns[s][i] && !h.active[s + h.copies][i];
                double wanted = r.weight[at_of(s, i)] ? advantage_of(s, i, 0.95, lambda, SCALE[i].scale) : 0;
                double target = r.weight[at_of(s, i)] ? wanted + (double)h.value[s][i] : 0;
                EXPECT_NEAR(r.advantage[at_of(s, i)], wanted, 1e-5);
                EXPECT_NEAR(r.returns[at_of(s, i)], target, 1e-5);
            }
        history_free(&h);
    }
    EXPECT(weights > 1000 && unseen > 20 && hidden > 200 && waits > 200);
}

/* Returns by another lambda, beside the same advantages. */
TEST(rollout_returns_may_have_a_lambda_of_their_own) {
    algo_rollout r = filled(60, 3, 7);
    size_t rows = r.slots * HISTORY_AGENTS, apart = 0;
    real *advantage = fm_new(rows, sizeof *advantage);
    algo_rollout_gae(&r, 0.95, 0.8, NULL);
    memcpy(advantage, r.advantage, rows * sizeof *advantage);
    algo_rollout_retarget(&r, 0.95, 1, NULL);
    for (size_t s = 0; s < r.slots; s++)
        for (int i = 0; i < HISTORY_AGENTS; i++) {
            size_t at = at_of(s, i);
            double wanted = r.weight[at] ? advantage_of(s, i, 0.95, 1, 1) + (double)h.value[s][i] : 0;
            EXPECT(r.advantage[at] == advantage[at]);
            EXPECT_NEAR(r.returns[at], wanted, 1e-5);
            apart += r.weight[at] && fabs(wanted - (double)(advantage[at] + h.value[s][i])) > 0.01;
        }
    EXPECT(apart > 50);
    free(advantage);
    history_free(&h);
}

TEST(rollout_keeps_what_it_was_shown_and_makes_the_rest_neutral) {
    algo_rollout r = filled(40, 3, 5);
    int idle = 0;
    for (size_t s = 0; s < r.slots; s++) {
        for (int k = 0; k < HISTORY_OBS; k++) EXPECT(r.obs[s * HISTORY_OBS + (size_t)k] == h.obs[s][k]);
        EXPECT(r.central[s] == h.central[s][0] && r.first[s] == h.first[s]);
        for (int i = 0; i < HISTORY_AGENTS; i++) {
            bool active = h.active[s][i];
            const env_agent *agent = &h.facts.agent[i];
            idle += !active;
            EXPECT(r.rewards[at_of(s, i)] == h.rewards[s][i]);
            EXPECT(r.value[at_of(s, i)] == (active ? h.value[s][i] : 0));
            EXPECT(r.log_prob[at_of(s, i)] == (active ? h.log_prob[s][i] : 0));
            for (int k = agent->action_at; k < agent->action_at + agent->action.size; k++)
                EXPECT(r.actions[s * HISTORY_ACTIONS + (size_t)k] == (active ? h.actions[s][k] : 0));
            for (int k = agent->mask_at; k < agent->mask_at + env_space_choices(&agent->action); k++)
                EXPECT(r.mask[s * HISTORY_MASK + (size_t)k] == (active ? h.mask[s][k] : 1));
        }
    }
    EXPECT(idle > 50);
    for (int k = 0; k < HISTORY_MASK; k++) EXPECT(r.mask[r.slots * HISTORY_MASK + (size_t)k] == 1);
    history_free(&h);
}

/* ---- the corridor ---- */

typedef struct corridor {
    env game;
    env_vec vec;
    fm_arena arena;
    fm_keep_list keep;
    algo_rollout rollout;
} corridor;

/* Fills a rollout of so many steps of two copies; every value that is noted or supplied is `value`. */
static void walk(corridor *c, const char *settings, int64_t steps, double value) {
    fm_error err;
    *c = (corridor){.game = {.type = &TOY_ENV}};
    c->game.config = fm_arena_alloc(&c->arena, 1, TOY_ENV.config_size);
    fm_options_reset(TOY_ENV.options, c->game.config);
    FM_CHECK(fm_options_apply(TOY_ENV.options, c->game.config, settings, &err) == FM_OK, "%s", err.text);
    FM_CHECK(env_create(&c->game, &c->arena, &err) == FM_OK, "%s", err.text);
    env_vec_init(&c->vec, &c->game, 2, 0, FM_RNG_ENV, &c->arena, NULL);
    algo_setup setup = {
        .facts = &c->game.facts, .num_envs = 2, .steps = 1000, .arena = &c->arena, .keep = &c->keep};
    c->rollout = algo_rollout_make(&setup, &(algo_rollout_shape){.decisions = 2 * steps, .chunk_length = 1});
    FM_CHECK(env_vec_reset(&c->vec, &err) == FM_OK, "%s", err.text);
    real after[64];
    size_t n = 2 * (size_t)c->game.facts.agents;
    for (size_t k = 0; k < n; k++) after[k] = (real)value;
    while (!algo_rollout_full(&c->rollout)) {
        algo_notes notes = algo_rollout_notes(&c->rollout);
        memcpy(notes.value, after, n * sizeof *after);
        FM_CHECK(env_vec_step(&c->vec, &err) == FM_OK, "%s", err.text);
        algo_step step = {.before = env_vec_before(&c->vec),
                          .actions = c->vec.actions,
                          .rewards = c->vec.rewards,
                          .after = env_vec_now(&c->vec),
                          .done = c->vec.done,
                          .terminated = c->vec.terminated,
                          .truncated = c->vec.truncated};
        algo_rollout_add(&c->rollout, &step, algo_rollout_wants_after(&c->rollout, &step) ? after : NULL);
        FM_CHECK(env_vec_restart(&c->vec, &err) == FM_OK, "%s", err.text);
    }
}

static void leave(corridor *c) {
    fm_keep_free(&c->keep);
    fm_arena_free(&c->arena);
}

static size_t corridor_at(const corridor *c, size_t t, size_t copy, size_t agent) {
    return (t * 2 + copy) * (size_t)c->game.facts.agents + agent;
}

TEST(rollout_monte_carlo_returns_of_a_corridor_that_ends) {
    corridor c;
    const double g = 0.9;
    walk(&c, "length=4 agents=2", 8, 0.25);
    algo_rollout_gae(&c.rollout, g, 1, NULL);
    for (size_t t = 0; t < 8; t++) {
        size_t at = corridor_at(&c, t, t % 2, 1);
        double wanted = (1 - pow(g, (double)(4 - t % 4))) / (1 - g);
        EXPECT_NEAR(c.rollout.returns[at], wanted, 1e-6);
        EXPECT_NEAR(c.rollout.advantage[at], wanted - 0.25, 1e-6);
        EXPECT_EQ(c.rollout.weight[at], 1);
    }
    leave(&c);
}

/* V = 1 / (1 - g) is right in every situation when the cut is not the end: no action was better than it. */
TEST(rollout_truncation_bootstraps) {
    corridor c;
    const double g = 0.9;
    for (int k = 0; k < 3; k++) {
        walk(&c, "length=4 seen=false cut=true", 10, 1 / (1 - g));
        algo_rollout_gae(&c.rollout, g, 0.5 * k, NULL);
        for (size_t t = 0; t < 10; t++) {
            EXPECT_NEAR(c.rollout.advantage[corridor_at(&c, t, 0, 0)], 0, 1e-5);
            EXPECT_NEAR(c.rollout.returns[corridor_at(&c, t, 1, 1)], 1 / (1 - g), 1e-5);
        }
        leave(&c);
    }
}

/* Agent 0 acts at steps 0, 2, 4 and is paid 2 for each decision but the last, 1; agent 1 acts at 1 and 3 and
 * its reward at step 0 belongs to no decision. Five steps, so the next rollout begins with another step of
 * them. */
TEST(rollout_pauses_add_rewards_up) {
    corridor c;
    const double g = 0.5;
    walk(&c, "length=5 pauses=true", 9, 0);
    algo_rollout_gae(&c.rollout, g, 1, NULL);
    const real *returns = c.rollout.returns;
    EXPECT_NEAR(returns[corridor_at(&c, 0, 0, 0)], 2 + g * (2 + g), 1e-6);
    EXPECT_NEAR(returns[corridor_at(&c, 2, 0, 0)], 2 + g, 1e-6);
    EXPECT_NEAR(returns[corridor_at(&c, 4, 0, 0)], 1, 1e-6);
    EXPECT_NEAR(returns[corridor_at(&c, 1, 0, 1)], 2 + g * 2, 1e-6);
    EXPECT_NEAR(returns[corridor_at(&c, 3, 0, 1)], 2, 1e-6);
    EXPECT_EQ(c.rollout.weight[corridor_at(&c, 0, 0, 1)], 0);
    /* Steps 5 to 8 are steps 0 to 3 of the second episode: agent 0 acts next, agent 1 acted last and waits.
     */
    EXPECT_NEAR(returns[corridor_at(&c, 7, 0, 0)], 2, 1e-6);
    EXPECT_EQ(c.rollout.weight[corridor_at(&c, 7, 0, 0)], 1);
    EXPECT_EQ(c.rollout.weight[corridor_at(&c, 8, 0, 1)], 0);
    EXPECT_EQ(c.rollout.weight[corridor_at(&c, 6, 0, 1)], 1); /* its next decision is in the rollout */
    EXPECT_NEAR(c.rollout.advantage[corridor_at(&c, 6, 0, 1)], 2, 1e-6);
    leave(&c);
}

TEST(rollout_the_dead_have_no_future_and_no_weight) {
    corridor c;
    const double g = 0.9;
    walk(&c, "length=6 death=2", 6, 7);
    algo_rollout_gae(&c.rollout, g, 0, NULL);
    EXPECT_NEAR(c.rollout.returns[corridor_at(&c, 0, 0, 1)], 1 + g * 7, 1e-5);
    EXPECT_NEAR(c.rollout.returns[corridor_at(&c, 1, 0, 1)], 1, 1e-6); /* not 1 + 7 g */
    for (size_t t = 2; t < 6; t++) EXPECT_EQ(c.rollout.weight[corridor_at(&c, t, 0, 1)], 0);
    for (size_t t = 0; t < 6; t++) EXPECT_EQ(c.rollout.weight[corridor_at(&c, t, 0, 0)], 1);
    leave(&c);
}

/* The reward of decisions that stay hidden counts in the returns of those before: what dropping the steps
 * first would lose. In this corridor they come first, so the returns behind them must not change. */
TEST(rollout_hidden_decisions_have_returns_but_no_weight) {
    corridor c;
    walk(&c, "length=4 hidden=2", 4, 0);
    algo_rollout_gae(&c.rollout, 1, 1, NULL);
    for (size_t t = 0; t < 4; t++) {
        size_t at = corridor_at(&c, t, 0, 0);
        EXPECT_EQ(c.rollout.weight[at], t >= 2);
        EXPECT_NEAR(c.rollout.returns[at], t >= 2 ? 4.0 - (double)t : 0, 1e-6);
    }
    leave(&c);
}

/* ---- results ---- */

TEST(rollout_normalised_advantages_have_mean_0_and_deviation_1) {
    static const int BOTH[] = {0, 2};
    algo_rollout r = filled(50, 3, 11);
    algo_rollout_gae(&r, 0.99, 0.95, NULL);
    real other = r.advantage[at_of(20, 1)], before[2] = {0}, after[2] = {0};
    size_t pick[2], found = 0;
    double n = 0, mean = 0, square = 0;
    for (size_t s = 0; s < r.slots && found < 2; s++)
        if (r.weight[at_of(s, 0)])
            pick[found] = at_of(s, 0), before[found] = r.advantage[pick[found]], found++;
    algo_rollout_normalize(&r, BOTH, 2);
    for (size_t s = 0; s < r.slots; s++)
        for (int k = 0; k < 2; k++) {
            double a = (double)r.advantage[at_of(s, BOTH[k])];
            if (!r.weight[at_of(s, BOTH[k])]) EXPECT(a == 0);
            n += r.weight[at_of(s, BOTH[k])];
            mean += a;
            square += a * a;
        }
    EXPECT_NEAR(mean / n, 0, 1e-6);
    EXPECT_NEAR(square / n, 1, 1e-4);
    EXPECT(r.advantage[at_of(20, 1)] == other);
    for (int k = 0; k < 2; k++) after[k] = r.advantage[pick[k]];
    EXPECT((before[0] < before[1]) == (after[0] < after[1]));
    history_free(&h);
}

TEST(rollout_normalise_leaves_equal_and_single_advantages_alone) {
    static const int ONE[] = {0};
    algo_rollout r = filled(30, 2, 3);
    algo_rollout_gae(&r, 0.99, 0.95, NULL);
    for (size_t s = 0; s < r.slots; s++) r.advantage[at_of(s, 0)] = (real)0.1;
    algo_rollout_normalize(&r, ONE, 1);
    for (size_t s = 0; s < r.slots; s++)
        if (r.weight[at_of(s, 0)]) EXPECT(r.advantage[at_of(s, 0)] == 0); /* no rounding is blown up */
    memset(r.weight, 0, r.slots * HISTORY_AGENTS);
    r.weight[at_of(4, 0)] = 1;
    r.advantage[at_of(4, 0)] = 3;
    algo_rollout_normalize(&r, ONE, 1);
    EXPECT(r.advantage[at_of(4, 0)] == 3);
    history_free(&h);
}

TEST(rollout_explained_variance) {
    static const int ONE[] = {1};
    algo_rollout r = filled(60, 3, 2);
    algo_rollout_gae(&r, 0.99, 0.95, NULL);
    double n = 0, mean = 0, square = 0, error = 0, error_square = 0;
    for (size_t s = 0; s < r.slots; s++) {
        if (!r.weight[at_of(s, 1)]) continue;
        double y = (double)r.returns[at_of(s, 1)], e = (double)r.advantage[at_of(s, 1)];
        n++, mean += y, square += y * y, error += e, error_square += e * e;
    }
    double wanted = 1 - (error_square / n - error * error / n / n) / (square / n - mean * mean / n / n);
    EXPECT_NEAR(algo_rollout_explained_variance(&r, ONE, 1), wanted, 1e-5);
    memcpy(r.value, r.returns, r.slots * HISTORY_AGENTS * sizeof(real));
    EXPECT_NEAR(algo_rollout_explained_variance(&r, ONE, 1), 1, 1e-9);
    memset(r.value, 0, r.slots * HISTORY_AGENTS * sizeof(real));
    EXPECT_NEAR(algo_rollout_explained_variance(&r, ONE, 1), 0, 1e-9);
    memset(r.returns, 0, r.slots * HISTORY_AGENTS * sizeof(real));
    EXPECT(algo_rollout_explained_variance(&r, ONE, 1) == FM_ABSENT);
    history_free(&h);
}

/* ---- size, resume, misuse ---- */

TEST(rollout_length_is_in_decisions_of_all_copies) {
    history_make(&h, 10, 4, 0);
    algo_rollout_shape shape = {.decisions = 30, .chunk_length = 1};
    h.setup.steps = 1000;
    EXPECT_EQ(algo_rollout_make(&h.setup, &shape).steps, 8); /* 30 / 4, rounded up */
    history_free(&h);
    history_make(&h, 10, 4, 0);
    shape.decisions = 1000000;
    EXPECT_EQ(algo_rollout_make(&h.setup, &shape).steps, 10); /* no longer than the run of 40 */
    history_free(&h);
}

TEST(rollout_resumes_in_the_middle) {
    static history twin;
    static const algo_rollout_shape SHAPE = {.decisions = 60, .memory_length = 2, .chunk_length = 4};
    history_make(&h, 20, 3, 9);
    history_make(&twin, 20, 3, 9);
    algo_rollout a = algo_rollout_make(&h.setup, &SHAPE), b = algo_rollout_make(&twin.setup, &SHAPE);
    for (size_t t = 0; t < 20; t++) {
        history_add(&h, &a, t);
        if (t != 9) continue;
        for (size_t k = 0; k < arrlenu(h.keep.items); k++) {
            const fm_kept *from = &h.keep.items[k];
            fm_kept *to = fm_keep_find(&twin.keep, from->name);
            size_t count = from->rows * (from->cols ? from->cols : 1);
            memcpy(to->data, from->data, count * fm_dtype_size(from->dtype));
        }
    }
    EXPECT_EQ(*b.filled, 10);
    for (size_t t = 10; t < 20; t++) history_add(&twin, &b, t);
    algo_rollout_gae(&a, 0.9, 0.9, NULL);
    algo_rollout_gae(&b, 0.9, 0.9, NULL);
    EXPECT(memcmp(a.advantage, b.advantage, a.slots * HISTORY_AGENTS * sizeof(real)) == 0);
    EXPECT(memcmp(a.returns, b.returns, a.slots * HISTORY_AGENTS * sizeof(real)) == 0);
    EXPECT(memcmp(a.weight, b.weight, a.slots * HISTORY_AGENTS) == 0);
    EXPECT(memcmp(a.obs, b.obs, a.slots * HISTORY_OBS * sizeof(real)) == 0);
    EXPECT(memcmp(a.mask, b.mask, (a.slots + 1) * HISTORY_MASK) == 0);
    EXPECT(memcmp(a.memory, b.memory, 5 * 3 * HISTORY_AGENTS * 2 * sizeof(real)) == 0);
    history_free(&h);
    history_free(&twin);
}

/* Rewards of 1e11 and some, less 1e11 and halved, have the advantages of half of some. */
TEST(rollout_gae_loses_nothing_of_rewards_far_from_zero) {
    static const algo_scale HALF[] = {{0, 0.5}, {0, 0.5}, {0, 0.5}};
    static const algo_scale FAR[] = {{1e11, 0.5}, {1e11, 0.5}, {1e11, 0.5}};
    algo_rollout r = filled(5, 4, 1);
    size_t count = r.slots * HISTORY_AGENTS;
    real *wanted = fm_arena_array(&h.arena, real, count);
    algo_rollout_gae(&r, 0.9, 0.9, HALF);
    memcpy(wanted, r.advantage, count * sizeof *wanted);
    for (size_t at = 0; at < count; at++) r.rewards[at] += 1e11;
    algo_rollout_gae(&r, 0.9, 0.9, FAR);
    for (size_t at = 0; at < count; at++) EXPECT_NEAR(r.advantage[at], wanted[at], 1e-3);
    history_free(&h);
}

static void add_to_a_full_one(void) {
    algo_rollout r = filled(4, 2, 0);
    algo_rollout_notes(&r);
}

static void advantages_too_early(void) {
    history_make(&h, 4, 2, 0);
    algo_rollout r = algo_rollout_make(&h.setup, &(algo_rollout_shape){.decisions = 8, .chunk_length = 1});
    algo_rollout_gae(&r, 1, 1, NULL);
}

static void no_values_after(void) {
    history_make(&h, 1, 2, 0);
    algo_rollout r = algo_rollout_make(&h.setup, &(algo_rollout_shape){.decisions = 2, .chunk_length = 1});
    uint8_t done[6] = {0}, ended[2] = {0}, active[6] = {1, 1, 1, 1, 1, 1};
    algo_step step = {.before = history_view(&h, 0),
                      .actions = h.actions[0],
                      .rewards = h.rewards[0],
                      .after = history_view(&h, 2),
                      .done = done,
                      .terminated = ended,
                      .truncated = ended};
    step.after.active = active;
    EXPECT(algo_rollout_wants_after(&r, &step));
    algo_rollout_add(&r, &step, NULL);
}

TEST(rollout_misuse_aborts) {
    EXPECT_ABORTS(add_to_a_full_one, "full");
    EXPECT_ABORTS(advantages_too_early, "0 of 4 steps");
    EXPECT_ABORTS(no_values_after, "without the values after it");
}

TEST_MAIN(CASE(rollout_gae_is_the_sum_of_its_definition),
          CASE(rollout_returns_may_have_a_lambda_of_their_own),
          CASE(rollout_keeps_what_it_was_shown_and_makes_the_rest_neutral),
          CASE(rollout_monte_carlo_returns_of_a_corridor_that_ends), CASE(rollout_truncation_bootstraps),
          CASE(rollout_pauses_add_rewards_up), CASE(rollout_the_dead_have_no_future_and_no_weight),
          CASE(rollout_hidden_decisions_have_returns_but_no_weight),
          CASE(rollout_normalised_advantages_have_mean_0_and_deviation_1),
          CASE(rollout_normalise_leaves_equal_and_single_advantages_alone), CASE(rollout_explained_variance),
          CASE(rollout_length_is_in_decisions_of_all_copies), CASE(rollout_resumes_in_the_middle),
          CASE(rollout_gae_loses_nothing_of_rewards_far_from_zero),
          CASE(rollout_misuse_aborts))
