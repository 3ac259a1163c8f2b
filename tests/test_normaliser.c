/* Normalised observations and rewards against sums over everything that a learner was shown. */
#include "algos/parts/normaliser.h"

#include <stb_ds.h>

#include "tests/history.h"
#include "tests/test.h"

enum { STEPS = 60, COPIES = 3, GROUPS = 2 };
static const int GROUP[HISTORY_AGENTS] = {0, 0, 1};
static const double GAMMA = 0.9;

static history h;

/* Mean and deviation of observation k of a group's active agents, or of the central state (group -1), up to
 * and with step t. */
static void statistics(size_t t, int group, int k, double *mean, double *deviation) {
    double n = 0, sum = 0, square = 0;
    for (size_t s = 0; s < (t + 1) * COPIES; s++)
        for (int i = 0; i < HISTORY_AGENTS; i++) {
            if (group < 0 ? i > 0 : GROUP[i] != group || !h.active[s][i]) continue;
            double x = group < 0 ? (double)h.central[s][0] : (double)h.obs[s][h.facts.agent[i].obs_at + k];
            n++;
            sum += x;
            square += x * x;
        }
    *mean = n > 0 ? sum / n : 0;
    *deviation = n > 0 ? sqrt(square / n - *mean * *mean) : 1;
}

static algo_step step_at(size_t t) {
    size_t s = t * COPIES;
    return (algo_step){.before = history_view(&h, s),
                       .actions = h.actions[s],
                       .rewards = h.rewards[s],
                       .after = history_view(&h, s + COPIES),
                       .done = h.done[s],
                       .terminated = &h.terminated[s],
                       .truncated = &h.truncated[s]};
}

TEST(normaliser_views_are_of_mean_0_and_deviation_1) {
    history_make(&h, STEPS, COPIES, 4);
    algo_normaliser n = algo_normaliser_make(&h.setup, GROUP, GROUPS, true, false, GAMMA);
    for (size_t t = 0; t < STEPS; t++) {
        env_view view = history_view(&h, t * COPIES), seen = algo_normaliser_view(&n, &view, true);
        EXPECT(seen.mask == view.mask && seen.active == view.active && seen.first == view.first);
        for (size_t c = 0; c < COPIES && t > 2; c++) {
            double mean, deviation;
            size_t s = t * COPIES + c;
            for (int i = 0; i < HISTORY_AGENTS; i++)
                for (int k = 0; k < h.facts.agent[i].obs_length; k++) {
                    int at = h.facts.agent[i].obs_at + k;
                    statistics(t, GROUP[i], k, &mean, &deviation);
                    EXPECT_NEAR(seen.obs[c * HISTORY_OBS + (size_t)at],
                                ((double)h.obs[s][at] - mean) / deviation, 1e-3);
                }
            statistics(t, -1, 0, &mean, &deviation);
            EXPECT_NEAR(seen.central[c], ((double)h.central[s][0] - mean) / deviation, 1e-3);
        }
    }
    EXPECT_EQ(n.scale[0].scale, 1);
    history_free(&h);
}

TEST(normaliser_step_shows_what_the_policy_saw) {
    history_make(&h, STEPS, COPIES, 5);
    algo_normaliser n = algo_normaliser_make(&h.setup, GROUP, GROUPS, true, false, GAMMA);
    real saw[COPIES * HISTORY_OBS], saw_central[COPIES];
    for (size_t t = 0; t < 5; t++) {
        algo_step step = step_at(t);
        env_view acted = algo_normaliser_view(&n, &step.before, true);
        memcpy(saw, acted.obs, sizeof saw);
        memcpy(saw_central, acted.central, sizeof saw_central);
        algo_step seen = algo_normaliser_step(&n, &step);
        env_view after = algo_normaliser_view(&n, &step.after, false);
        EXPECT(memcmp(seen.before.obs, saw, sizeof saw) == 0);
        EXPECT(memcmp(seen.before.central, saw_central, sizeof saw_central) == 0);
        EXPECT(memcmp(seen.after.obs, after.obs, sizeof saw) == 0 && seen.after.obs != step.after.obs);
        EXPECT(seen.actions == step.actions && seen.rewards == step.rewards);
    }
    history_free(&h);
}

/* Bytes of everything kept, added up with their places. */
static uint64_t fingerprint(void) {
    uint64_t sum = 0;
    for (size_t k = 0; k < arrlenu(h.keep.items); k++) {
        const fm_kept *item = &h.keep.items[k];
        size_t bytes = item->rows * (item->cols ? item->cols : 1) * fm_dtype_size(item->dtype);
        for (size_t b = 0; b < bytes; b++) sum = sum * 31 + ((const unsigned char *)item->data)[b];
    }
    return sum;
}

TEST(normaliser_evaluation_changes_nothing) {
    history_make(&h, STEPS, COPIES, 6);
    algo_normaliser n = algo_normaliser_make(&h.setup, GROUP, GROUPS, true, true, GAMMA);
    env_view view = history_view(&h, 0), other = history_view(&h, 30 * COPIES);
    env_view acted = algo_normaliser_view(&n, &view, true);
    real saw = acted.obs[3];
    uint64_t before = fingerprint();
    other.copies = 1; /* an evaluation may have fewer */
    algo_normaliser_view(&n, &other, false);
    EXPECT(fingerprint() == before && acted.obs[3] == saw);
    view = history_view(&h, COPIES);
    algo_normaliser_view(&n, &view, true);
    EXPECT(fingerprint() != before);
    history_free(&h);
}

/* R = gamma R + r of every copy and agent of a group, from 0 in each episode. */
static double return_deviation(size_t steps, int group) {
    double n = 0, sum = 0, square = 0;
    for (int i = 0; i < HISTORY_AGENTS; i++)
        for (size_t c = 0; c < COPIES && GROUP[i] == group; c++) {
            double running = 0;
            for (size_t t = 0; t < steps; t++) {
                size_t s = t * COPIES + c;
                running = GAMMA * running + h.rewards[s][i];
                n++;
                sum += running;
                square += running * running;
                if (h.terminated[s] || h.truncated[s]) running = 0;
            }
        }
    return sqrt(square / n - sum / n * sum / n);
}

TEST(normaliser_scales_rewards_by_the_deviation_of_returns) {
    history_make(&h, STEPS, COPIES, 7);
    algo_normaliser n = algo_normaliser_make(&h.setup, GROUP, GROUPS, false, true, GAMMA);
    for (size_t t = 0; t < STEPS; t++) {
        algo_step step = step_at(t), seen = algo_normaliser_step(&n, &step);
        EXPECT(seen.before.obs == step.before.obs && seen.after.obs == step.after.obs);
        EXPECT(seen.rewards == step.rewards);
        for (int i = 0; i < HISTORY_AGENTS; i++)
            EXPECT_NEAR(n.scale[i].scale * return_deviation(t + 1, GROUP[i]), 1, 1e-4);
    }
    EXPECT(n.scale[0].scale == n.scale[1].scale && n.scale[0].scale != n.scale[2].scale);
    EXPECT(n.scale[0].shift == 0);
    history_free(&h);
}

/* One-shot rewards of 1e11 and some, or of some millionths, become those of some. */
TEST(normaliser_brings_one_shot_rewards_of_any_size_to_mean_0_and_deviation_1) {
    static const double OFFSET[] = {0, -1e11, 1e11, 0}, UNIT[] = {1, 1, 1, 1e-6};
    double scaled[4][2 * COPIES];
    for (int k = 0; k < 4; k++) {
        history_make(&h, STEPS, COPIES, 7);
        h.facts.horizon = 1;
        algo_normaliser n = algo_normaliser_make(&h.setup, GROUP, GROUPS, false, true, GAMMA);
        for (size_t s = 0; s < STEPS * COPIES; s++) {
            h.terminated[s] = 1;
            h.rewards[s][0] = OFFSET[k] + UNIT[k] * (double)(s % 7);
            h.rewards[s][1] = h.rewards[s][0] - UNIT[k] * (double)(s % 3);
        }
        for (size_t t = 0; t < STEPS; t++) {
            algo_step step = step_at(t);
            algo_normaliser_step(&n, &step);
        }
        for (size_t c = 0; c < 2 * COPIES; c++)
            scaled[k][c] = (h.rewards[c / 2][c % 2] - n.scale[c % 2].shift) * n.scale[c % 2].scale;
        for (size_t c = 0; c < 2 * COPIES; c++) EXPECT_NEAR(scaled[k][c], scaled[0][c], 1e-4);
        EXPECT(scaled[k][0] != scaled[k][2] && fabs(scaled[k][0]) < 5);
        history_free(&h);
    }
}

TEST(normaliser_leaves_constant_returns_alone) {
    history_make(&h, 4, COPIES, 7);
    algo_normaliser n = algo_normaliser_make(&h.setup, GROUP, GROUPS, false, true, GAMMA);
    for (size_t t = 0; t < 4; t++) {
        for (size_t c = 0; c < COPIES; c++) {
            h.terminated[t * COPIES + c] = 1;
            for (int i = 0; i < HISTORY_AGENTS; i++) h.rewards[t * COPIES + c][i] = 0.1;
        }
        algo_step step = step_at(t);
        algo_normaliser_step(&n, &step);
        EXPECT_EQ(n.scale[0].scale, 1);
    }
    history_free(&h);
}

TEST(normaliser_off_gives_what_it_was_given) {
    history_make(&h, 2, COPIES, 7);
    algo_normaliser n = algo_normaliser_make(&h.setup, GROUP, GROUPS, false, false, GAMMA);
    env_view view = history_view(&h, 0), seen = algo_normaliser_view(&n, &view, true);
    EXPECT(seen.obs == view.obs && seen.central == view.central && arrlenu(h.keep.items) == 0);
    history_free(&h);
}

TEST_MAIN(CASE(normaliser_views_are_of_mean_0_and_deviation_1),
          CASE(normaliser_step_shows_what_the_policy_saw), CASE(normaliser_evaluation_changes_nothing),
          CASE(normaliser_scales_rewards_by_the_deviation_of_returns),
          CASE(normaliser_brings_one_shot_rewards_of_any_size_to_mean_0_and_deviation_1),
          CASE(normaliser_leaves_constant_returns_alone), CASE(normaliser_off_gives_what_it_was_given))
