/* Minibatches of a rollout: every sample once, right numbers in every column, sequences with their memory,
 * neutral padding. */
#include "algos/parts/minibatch.h"

#include "tests/aborts.h"
#include "tests/history.h"
#include "tests/test.h"

static history h;
static const int FIRST[] = {0}, SECOND[] = {1}, ALIKE[] = {0, 1};

static algo_rollout filled(size_t steps, size_t copies, size_t memory, int64_t chunk, uint64_t seed) {
    history_make(&h, steps, copies, seed);
    algo_rollout_shape shape = {(int64_t)(steps * copies), memory, chunk};
    algo_rollout r = algo_rollout_make(&h.setup, &shape);
    for (size_t t = 0; t < steps; t++) history_add(&h, &r, t);
    algo_rollout_gae(&r, 0.9, 0.8, NULL);
    return r;
}

static size_t at_of(size_t s, int i) { return s * HISTORY_AGENTS + (size_t)i; }

static size_t samples_of(const algo_rollout *r, const int *agents, size_t count) {
    size_t samples = 0;
    for (size_t s = 0; s < r->slots; s++)
        for (size_t k = 0; k < count; k++) samples += r->weight[at_of(s, agents[k])];
    return samples;
}

/* The slot and agent that the first observation of a row tells (tests/history.h). */
static size_t slot_told(real obs) { return (size_t)obs / 100; }
static int agent_told(real obs) { return (int)obs % 100 / 10; }

TEST(minibatch_every_sample_once_an_epoch) {
    static const int64_t SIZES[] = {1, 7, 32, 1000, 0};
    for (int k = 0; k < 5; k++) {
        static int seen[HISTORY_SLOTS][2];
        algo_rollout r = filled(37, 3, 0, 1, (uint64_t)k);
        algo_minibatches walk = algo_minibatches_make(&h.setup, &r, ALIKE, 2, SIZES[k]);
        size_t rows = walk.batch.rows, all = samples_of(&r, ALIKE, 2), batches = 0;
        real *obs = algo_batch_leaf(&walk.batch, ALGO_OBS, ALGO_OWN, NULL);
        real *weight = algo_batch_leaf(&walk.batch, ALGO_WEIGHT, ALGO_OWN, NULL);
        EXPECT_EQ(rows, SIZES[k] == 0 || SIZES[k] > 222 ? 222 : SIZES[k]);
        fm_rng rng = fm_rng_split(1, FM_RNG_TEST, 0, 0);
        memset(seen, 0, sizeof seen);
        algo_minibatches_start(&walk, &rng);
        while (algo_minibatches_next(&walk)) {
            for (size_t b = 0; b < rows; b++) {
                EXPECT_EQ(weight[b], batches * rows + b < all);
                if (weight[b] > 0) seen[slot_told(obs[2 * b])][agent_told(obs[2 * b])]++;
            }
            batches++;
        }
        EXPECT_EQ(batches, (all + rows - 1) / rows);
        for (size_t s = 0; s < r.slots; s++)
            for (int i = 0; i < 2; i++) EXPECT_EQ(seen[s][i], r.weight[at_of(s, i)]);
        history_free(&h);
    }
}

TEST(minibatch_columns_hold_what_the_rollout_holds) {
    algo_rollout r = filled(30, 2, 0, 1, 7);
    algo_minibatches walk = algo_minibatches_make(&h.setup, &r, ALIKE, 2, 16);
    algo_batch *b = &walk.batch;
    real *obs = algo_batch_leaf(b, ALGO_OBS, ALGO_OWN, NULL),
         *all = algo_batch_leaf(b, ALGO_OBS, ALGO_ALL, NULL);
    real *third = algo_batch_leaf(b, ALGO_OBS, 2, NULL), *box = algo_batch_leaf(b, ALGO_ACTION, 2, NULL);
    real *central = algo_batch_leaf(b, ALGO_CENTRAL, ALGO_ALL, NULL);
    real *action = algo_batch_leaf(b, ALGO_ACTION, ALGO_OWN, NULL);
    real *columns = algo_batch_leaf(b, ALGO_COLUMNS, ALGO_OWN, NULL);
    real *mask = algo_batch_leaf(b, ALGO_MASK, ALGO_OWN, NULL),
         *first = algo_batch_leaf(b, ALGO_FIRST, 0, NULL);
    real *log_prob = algo_batch_leaf(b, ALGO_LOG_PROB, ALGO_OWN, NULL);
    real *value = algo_batch_leaf(b, ALGO_VALUE, ALGO_OWN, NULL);
    real *advantage = algo_batch_leaf(b, ALGO_ADVANTAGE, ALGO_OWN, NULL);
    real *returns = algo_batch_leaf(b, ALGO_RETURN, ALGO_OWN, NULL);
    real *reward = algo_batch_leaf(b, ALGO_REWARD, ALGO_OWN, NULL);
    real *weight = algo_batch_leaf(b, ALGO_WEIGHT, ALGO_OWN, NULL);
    real *active = algo_batch_leaf(b, ALGO_ACTIVE, 2, NULL);
    int rows = 0, waits = 0;
    fm_rng rng = fm_rng_split(3, FM_RNG_TEST, 0, 0);
    algo_minibatches_start(&walk, &rng);
    while (algo_minibatches_next(&walk))
        for (size_t k = 0; k < b->rows; k++) {
            if (weight[k] == 0) continue;
            size_t s = slot_told(obs[2 * k]);
            int i = agent_told(obs[2 * k]);
            rows++;
            waits += !h.active[s][2];
            EXPECT(obs[2 * k + 1] == h.obs[s][2 * i + 1]);
            EXPECT(all[7 * k + 6] == h.obs[s][6] && third[3 * k] == h.obs[s][4] && central[k] == (real)s);
            EXPECT(action[k] == h.actions[s][i]);
            EXPECT(box[2 * k + 1] == (h.active[s][2] ? h.actions[s][3] : 0));
            EXPECT_EQ(active[k], h.active[s][2]);
            EXPECT_EQ(first[k], h.first[s]);
            for (int a = 0; a < 4; a++) {
                EXPECT_EQ(mask[4 * k + (size_t)a], h.mask[s][4 * i + a]);
                EXPECT_EQ(columns[4 * k + (size_t)a], a == (int)h.actions[s][i]);
            }
            EXPECT(log_prob[k] == h.log_prob[s][i] && value[k] == h.value[s][i]);
            EXPECT(advantage[k] == r.advantage[at_of(s, i)] && returns[k] == r.returns[at_of(s, i)]);
            EXPECT(reward[k] == (real)h.rewards[s][i]);
        }
    EXPECT(rows == (int)samples_of(&r, ALIKE, 2) && waits > 5);
    history_free(&h);
}

/* Order of the samples of one epoch. */
static size_t epoch(algo_minibatches *walk, const real *obs, fm_rng *rng, size_t *order) {
    size_t n = 0;
    algo_minibatches_start(walk, rng);
    while (algo_minibatches_next(walk))
        for (size_t b = 0; b < walk->batch.rows; b++)
            if (n < walk->count) order[n++] = slot_told(obs[2 * b]);
    return n;
}

TEST(minibatch_order_is_the_streams) {
    static size_t one[HISTORY_SLOTS], two[HISTORY_SLOTS], again[HISTORY_SLOTS];
    algo_rollout r = filled(60, 2, 0, 1, 3);
    algo_minibatches walk = algo_minibatches_make(&h.setup, &r, FIRST, 1, 8);
    real *obs = algo_batch_leaf(&walk.batch, ALGO_OBS, ALGO_OWN, NULL);
    fm_rng rng = fm_rng_split(1, FM_RNG_TEST, 0, 0);
    size_t n = epoch(&walk, obs, &rng, one), bytes = n * sizeof *one;
    EXPECT(n > 20 && epoch(&walk, obs, &rng, two) == n && memcmp(one, two, bytes) != 0);
    rng = fm_rng_split(1, FM_RNG_TEST, 0, 0);
    EXPECT(epoch(&walk, obs, &rng, again) == n && memcmp(one, again, bytes) == 0);
    history_free(&h);
}

/* Over many shuffles of a few samples each stands first equally often: within 4 deviations. */
TEST(minibatch_shuffles_fairly) {
    static int first[HISTORY_SLOTS];
    algo_rollout r = filled(8, 1, 0, 1, 12);
    algo_minibatches walk = algo_minibatches_make(&h.setup, &r, ALIKE, 2, 1);
    real *obs = algo_batch_leaf(&walk.batch, ALGO_OBS, ALGO_OWN, NULL);
    fm_rng rng = fm_rng_split(4, FM_RNG_TEST, 0, 0);
    const int rounds = 6000;
    memset(first, 0, sizeof first);
    for (int k = 0; k < rounds; k++) {
        algo_minibatches_start(&walk, &rng);
        algo_minibatches_next(&walk);
        first[2 * slot_told(obs[0]) + (size_t)agent_told(obs[0])]++;
    }
    double p = 1 / (double)walk.count, limit = 4 * sqrt(rounds * p * (1 - p));
    EXPECT(walk.count >= 4);
    for (size_t s = 0; s < r.slots; s++)
        for (int i = 0; i < 2; i++)
            EXPECT_NEAR(first[2 * s + (size_t)i], r.weight[at_of(s, i)] ? rounds * p : 0, limit);
    history_free(&h);
}

TEST(minibatch_nothing_to_learn_is_no_minibatch) {
    algo_rollout r = filled(10, 2, 0, 1, 3);
    algo_minibatches walk = algo_minibatches_make(&h.setup, &r, FIRST, 1, 4);
    fm_rng rng = fm_rng_split(0, FM_RNG_TEST, 0, 0);
    memset(r.weight, 0, r.slots * HISTORY_AGENTS);
    algo_minibatches_start(&walk, &rng);
    EXPECT(!algo_minibatches_next(&walk));
    history_free(&h);
}

/* Sequences of 5 of a rollout of 23 steps: all steps in order, the end padded, the memory of the first one.
 */
TEST(minibatch_sequences_are_time_major_with_their_memory) {
    enum { T = 23, B = 3, L = 5, M = 2 };
    static int seen[HISTORY_SLOTS];
    algo_rollout r = filled(T, B, M, L, 8);
    algo_minibatches walk = algo_minibatches_make(&h.setup, &r, SECOND, 1, 4 * L + 2);
    real *obs = algo_batch_leaf(&walk.batch, ALGO_OBS, ALGO_OWN, NULL);
    real *weight = algo_batch_leaf(&walk.batch, ALGO_WEIGHT, ALGO_OWN, NULL);
    real *mask = algo_batch_leaf(&walk.batch, ALGO_MASK, ALGO_OWN, NULL);
    real *first = algo_batch_leaf(&walk.batch, ALGO_FIRST, ALGO_OWN, NULL);
    real *active = algo_batch_leaf(&walk.batch, ALGO_ACTIVE, ALGO_OWN, NULL);
    const real *memory = ad_value(walk.memory);
    int padded = 0, idle = 0, weightless = 0, restarts = 0;
    EXPECT(walk.sequences == 4 && walk.length == L && walk.batch.rows == 4 * L);
    EXPECT_EQ(algo_minibatches_make(&h.setup, &r, SECOND, 1, L - 1).sequences, 1);
    EXPECT(ad_rows(walk.memory) == 4 && ad_cols(walk.memory) == M);
    fm_rng rng = fm_rng_split(1, FM_RNG_TEST, 0, 0);
    memset(seen, 0, sizeof seen);
    algo_minibatches_start(&walk, &rng);
    for (size_t done = 0; algo_minibatches_next(&walk); done += 4)
        for (size_t c = 0; c < 4; c++) {
            bool real_one = done + c < walk.count;
            size_t begin = slot_told(obs[2 * c]), t0 = begin / B, b = begin % B;
            if (real_one) EXPECT_EQ(t0 % L, 0);
            for (size_t m = 0; m < M; m++)
                EXPECT_EQ(memory[c * M + m], real_one ? 1000 * t0 + at_of(b, 1) * M + m : 0);
            for (size_t l = 0; l < L; l++) {
                size_t row = l * 4 + c, s = (t0 + l) * B + b;
                if (!real_one || t0 + l >= T) {
                    padded++;
                    EXPECT(weight[row] == 0 && obs[2 * row] == 0 && first[row] == 0 && active[row] == 0);
                    for (size_t a = 0; a < 4; a++) EXPECT_EQ(mask[4 * row + a], 1);
                    continue;
                }
                seen[s]++;
                idle += !h.active[s][1];
                weightless += h.active[s][1] && weight[row] == 0;
                restarts += l > 0 && h.first[s];
                EXPECT(obs[2 * row] == h.obs[s][2] && active[row] == h.active[s][1]);
                EXPECT(first[row] == h.first[s] && weight[row] == r.weight[at_of(s, 1)]);
            }
        }
    EXPECT(padded > 2 && idle > 5 && weightless > 1 && restarts > 1);
    for (size_t s = 0; s < r.slots; s++) EXPECT(seen[s] == 1 || (seen[s] == 0 && !r.weight[at_of(s, 1)]));
    history_free(&h);
}

/* ---- misuse ---- */

static void unlike_agents(void) {
    static const int UNLIKE[] = {0, 2};
    algo_rollout r = filled(4, 2, 0, 1, 0);
    algo_minibatches_make(&h.setup, &r, UNLIKE, 2, 4);
}

static void field_of_a_replay(void) {
    algo_rollout r = filled(4, 2, 0, 1, 0);
    algo_minibatches walk = algo_minibatches_make(&h.setup, &r, FIRST, 1, 4);
    algo_batch_leaf(&walk.batch, ALGO_NEXT_OBS, 0, NULL);
    algo_rollout_fill(&r, &walk.batch);
}

static void nobodys_rows(void) {
    history_make(&h, 4, 2, 0);
    algo_batch batch = algo_batch_make(&h.setup, 4);
    algo_batch_leaf(&batch, ALGO_OBS, ALGO_OWN, NULL);
}

TEST(minibatch_misuse_aborts) {
    EXPECT_ABORTS(unlike_agents, "'a' and 'c', which are not alike");
    EXPECT_ABORTS(field_of_a_replay, "does not have");
    EXPECT_ABORTS(nobodys_rows, "nobody's");
}

TEST_MAIN(CASE(minibatch_every_sample_once_an_epoch), CASE(minibatch_columns_hold_what_the_rollout_holds),
          CASE(minibatch_order_is_the_streams), CASE(minibatch_shuffles_fairly),
          CASE(minibatch_nothing_to_learn_is_no_minibatch),
          CASE(minibatch_sequences_are_time_major_with_their_memory), CASE(minibatch_misuse_aborts))
