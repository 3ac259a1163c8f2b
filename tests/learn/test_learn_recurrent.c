/* A policy that remembers, made of the parts that any learner may use: an LSTM whose memory the caller
 * carries, rollouts that store it, minibatches of sequences. It solves a corridor whose first observation
 * says where to turn at the end, which no memoryless policy can; evaluation changes nothing of it, and a run
 * that is taken up again equals one that was not interrupted. */
#include <stb_ds.h>

#include "algos/parts/head.h"
#include "algos/parts/minibatch.h"
#include "algos/parts/net.h"
#include "nn/recurrent.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_recall.h"

extern const algo_type algo_reinforce;

/* ---- the learner: REINFORCE with a baseline for one agent, policy and value on one LSTM ---- */

typedef struct lstm_config {
    int64_t hidden, n_steps, chunk;
    double lr;
} lstm_config;

static const fm_option LSTM_OPTIONS[] = {
    FM_OPT_INT(lstm_config, hidden, "16", 1, 256, "units", "width of the LSTM", ""),
    FM_OPT_INT(lstm_config, n_steps, "180", 1, 1e6, "decisions", "length of a rollout", ""),
    FM_OPT_INT(lstm_config, chunk, "8", 1, 1000, "steps", "length of a sequence", ""),
    FM_OPT_REAL(lstm_config, lr, "0.005", 0, 1, "", "learning rate", ""),
    FM_OPT_END,
};

/* One step of every copy: what it sees and remembers -> outputs of the head, value, what it remembers then.
 */
typedef struct lstm_step {
    real *obs, *memory, *out, *value, *memory_after;
    ad_plan *plan;
} lstm_step;

typedef struct lstm {
    const env_facts *facts;
    size_t copies;
    algo_head head;
    nn_params params;
    nn_leaves leaves;
    nn_recurrent cell;
    nn_mlp actor, critic;
    nn_optimizer adam;
    lstm_step now;
    algo_rollout rollout;
    real *remembered; /* [copies][cell.memory] after the last action in training */
    algo_minibatches walk;
    nn_objective objective;
    fm_rng shuffle;
    double *loss, *mismatch;
} lstm;

static void lstm_record_step(lstm *l, const algo_setup *setup) {
    ad_var x, memory;
    lstm_step *now = &l->now;
    now->obs = algo_leaf(setup, l->copies, l->cell.in, "observation", &x);
    now->memory = algo_leaf(setup, l->copies, l->cell.memory, "memory", &memory);
    ad_var after = nn_recurrent_step(&l->cell, &l->leaves, x, memory),
           h = nn_recurrent_output(&l->cell, after);
    ad_output out[] = {
        {nn_mlp_apply(&l->actor, &l->leaves, h),
         fm_arena_array(setup->arena, real, l->copies * l->head.outputs)},
        {nn_mlp_apply(&l->critic, &l->leaves, h), fm_arena_array(setup->arena, real, l->copies)},
        {after, fm_arena_array(setup->arena, real, l->copies * l->cell.memory)}};
    now->out = out[0].to, now->value = out[1].to, now->memory_after = out[2].to;
    now->plan = ad_plan_make(NULL, 0, out, 3);
}

static void lstm_record_loss(lstm *l, const algo_setup *setup) {
    algo_batch *batch = &l->walk.batch;
    ad_var obs, action, advantage, returns, weight, first, noted, memory = l->walk.memory;
    algo_batch_leaf(batch, ALGO_OBS, 0, &obs);
    algo_batch_leaf(batch, ALGO_ACTION, 0, &action);
    algo_batch_leaf(batch, ALGO_ADVANTAGE, 0, &advantage);
    algo_batch_leaf(batch, ALGO_RETURN, 0, &returns);
    algo_batch_leaf(batch, ALGO_WEIGHT, 0, &weight);
    algo_batch_leaf(batch, ALGO_FIRST, 0, &first);
    algo_batch_leaf(batch, ALGO_VALUE, 0, &noted);
    ad_var h = nn_recurrent_unroll(&l->cell, &l->leaves, l->walk.length, obs, first, &memory);
    ad_var out = nn_mlp_apply(&l->actor, &l->leaves, h), value = nn_mlp_apply(&l->critic, &l->leaves, h);
    ad_var log_prob = algo_head_log_prob(&l->head, out, AD_NONE, AD_NONE, action);
    ad_var entropy = nn_weighted_mean(algo_head_entropy(&l->head, out, AD_NONE, AD_NONE), weight);
    ad_var gain = ad_add(nn_weighted_mean(ad_mul(log_prob, advantage), weight), ad_scale(entropy, 0.01));
    ad_var error = nn_weighted_mean(ad_square(ad_sub(returns, value)), weight);
    ad_var mismatch = nn_weighted_mean(ad_square(ad_sub(value, noted)), weight);
    nn_group group = {"lstm", &l->params, &l->leaves};
    l->objective =
        nn_objective_make(ad_sub(ad_scale(error, 0.5), gain), &group, 1, &mismatch, 1, setup->arena);
}

static void *lstm_create(const algo_setup *setup) {
    static const int FIRST[] = {0};
    const lstm_config *c = setup->config;
    const env_agent *agent = &setup->facts->agent[0];
    size_t hidden = (size_t)c->hidden;
    lstm *l = fm_arena_array(setup->arena, lstm, 1);
    l->facts = setup->facts;
    l->copies = (size_t)setup->num_envs;
    l->head = algo_head_make(&agent->action, setup->arena);
    l->cell = nn_recurrent_declare(&l->params, "lstm", NN_LSTM, (size_t)agent->obs_length, hidden,
                                   NN_INIT_ORTHOGONAL);
    l->actor = nn_mlp_declare(
        &l->params, "actor",
        &(nn_mlp_shape){.in = hidden, .out = l->head.outputs, .init = NN_INIT_ORTHOGONAL, .out_gain = 0.01});
    l->critic = nn_mlp_declare(&l->params, "critic",
                               &(nn_mlp_shape){.in = hidden, .out = 1, .init = NN_INIT_ORTHOGONAL});
    nn_params_make(&l->params, setup->arena, setup->keep, "policy");
    fm_rng init = fm_rng_split(setup->seed, FM_RNG_INIT, 0, 0);
    nn_params_init(&l->params, &init);
    l->leaves = nn_params_leaves(setup->tape, &l->params, l->params.theta, setup->arena);
    l->adam = nn_optimizer_make(NN_ADAM, c->lr, l->params.n, setup->arena, setup->keep, "policy.adam");
    l->adam.max_grad_norm = 0.5;
    l->remembered = fm_arena_array(setup->arena, real, l->copies * l->cell.memory);
    l->rollout = algo_rollout_make(setup, &(algo_rollout_shape){.decisions = c->n_steps,
                                                                .memory_length = l->cell.memory,
                                                                .chunk_length = c->chunk});
    l->walk = algo_minibatches_make(setup, &l->rollout, FIRST, 1, 0);
    algo_stream(setup, &l->shuffle, FM_RNG_SAMPLE, 0);
    l->loss = fm_arena_array(setup->arena, double, 1);
    l->mismatch = fm_arena_array(setup->arena, double, 1);
    fm_keep(setup->keep, FM_F64, l->loss, 1, "policy.loss");
    fm_keep(setup->keep, FM_F64, l->mismatch, 1, "policy.mismatch");
    lstm_record_step(l, setup);
    lstm_record_loss(l, setup);
    return l;
}

static void lstm_run(lstm *l, const env_view *view, const real *memory) {
    size_t rows = (size_t)view->copies;
    memcpy(l->now.obs, view->obs, rows * l->cell.in * sizeof(real));
    memcpy(l->now.memory, memory, rows * l->cell.memory * sizeof(real));
    ad_replay(l->now.plan);
}

static void lstm_act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory,
                     real *actions) {
    lstm *l = self;
    size_t rows = (size_t)view->copies, numbers = rows * l->cell.memory;
    lstm_run(l, view, memory);
    for (size_t c = 0; c < rows; c++)
        algo_head_act(&l->head, l->now.out + c * l->head.outputs, NULL, NULL, mode, &rng[c], &actions[c]);
    if (mode == ALGO_TRAIN) {
        algo_notes notes = algo_rollout_notes(&l->rollout);
        if (notes.memory) memcpy(notes.memory, memory, numbers * sizeof(real));
        memcpy(notes.value, l->now.value, rows * sizeof(real));
        memcpy(l->remembered, l->now.memory_after, numbers * sizeof(real));
    }
    memcpy(memory, l->now.memory_after, numbers * sizeof(real));
}

static void lstm_observe(void *self, const algo_step *step) {
    lstm *l = self;
    bool wanted = algo_rollout_wants_after(&l->rollout, step);
    if (wanted) lstm_run(l, &step->after, l->remembered);
    algo_rollout_add(&l->rollout, step, wanted ? l->now.value : NULL);
}

static void lstm_update(void *self) {
    lstm *l = self;
    if (!algo_rollout_full(&l->rollout)) return;
    algo_rollout_gae(&l->rollout, 0.99, 0.95, NULL);
    algo_minibatches_start(&l->walk, &l->shuffle);
    while (algo_minibatches_next(&l->walk)) {
        *l->loss = nn_objective_run(&l->objective);
        *l->mismatch = (double)l->objective.shown[0];
        nn_optimizer_step(&l->adam, l->params.theta, l->objective.gradient[0]);
    }
    algo_rollout_clear(&l->rollout);
}

static size_t lstm_memory_length(const void *self) { return ((const lstm *)self)->cell.memory; }
static void lstm_measure(const void *self, double *values) {
    values[0] = *((const lstm *)self)->loss;
    values[1] = *((const lstm *)self)->mismatch;
}
static void lstm_destroy(void *self) { nn_params_free(&((lstm *)self)->params); }
static const algo_metric LSTM_METRICS[] = {
    {"loss", "", "the loss", false},
    {"mismatch", "", "mean square of what a sequence's values differ from those noted step by step", false},
    {0}};

static fm_status lstm_accepts(const env_facts *facts, const void *config, fm_error *err) {
    (void)config;
    return facts->agents == 1 && !facts->masks ? FM_OK : fm_fail(err, "one agent without masks");
}

static const algo_type LSTM = {.name = "lstm",
                               .doc = "a learner for tests",
                               .paper = "none",
                               .options = LSTM_OPTIONS,
                               .config_size = sizeof(lstm_config),
                               .accepts = lstm_accepts,
                               .create = lstm_create,
                               .act = lstm_act,
                               .observe = lstm_observe,
                               .update = lstm_update,
                               .memory_length = lstm_memory_length,
                               .metrics = LSTM_METRICS,
                               .measure = lstm_measure,
                               .destroy = lstm_destroy};

/* ---- what it learns ---- */

#define STEPS 40000

static void begin(drive *d, const algo_type *algo, uint64_t seed) {
    drive_open(d, algo, &TOY_RECALL, "", "length=5", "");
    drive_start(d, 4, STEPS, seed);
}

/* Seeds 0 to 4. Of 400 episodes without memory the mean return is 0 with a deviation of 0.05. */
TEST(recurrent_policy_remembers_where_to_turn) {
    for (uint64_t seed = 0; seed < 5; seed++) {
        drive with, without;
        double remembers, forgets;
        begin(&with, &LSTM, seed);
        begin(&without, &algo_reinforce, seed);
        drive_run(&with, STEPS);
        drive_run(&without, STEPS);
        drive_play(&with, 400, &remembers);
        drive_play(&without, 400, &forgets);
        EXPECT_MSG(remembers == 1, "seed %d: return %g", (int)seed, remembers);
        EXPECT_NEAR(forgets, 0, 0.2);
        drive_end(&with);
        drive_end(&without);
    }
}

/* Every update sees the whole rollout before its only step: the sequences, with the memory that they began
 * with, must give the values that the policy had as it went along, step by step. */
TEST(recurrent_sequences_repeat_what_was_noted) {
    drive d;
    begin(&d, &LSTM, 1);
    for (int k = 0; k < 40; k++) {
        drive_run(&d, 180);
        EXPECT_NEAR(drive_metric(&d, "mismatch"), 0, 1e-10);
    }
    EXPECT(((lstm *)d.learner)->walk.length == 8 && ((lstm *)d.learner)->rollout.steps == 45);
    drive_end(&d);
}

static size_t bytes_of(const fm_kept *item) {
    return item->rows * (item->cols ? item->cols : 1) * fm_dtype_size(item->dtype);
}

static void expect_same(const drive *a, const drive *b) {
    EXPECT_EQ(arrlenu(a->keep.items), arrlenu(b->keep.items));
    for (size_t k = 0; k < arrlenu(a->keep.items); k++) {
        const fm_kept *x = &a->keep.items[k], *y = &b->keep.items[k];
        EXPECT_MSG(memcmp(x->data, y->data, bytes_of(x)) == 0, "%s differs", x->name);
    }
    EXPECT(memcmp(a->stage.memory, b->stage.memory, 4 * a->stage.memory_length * sizeof(real)) == 0);
}

/* In the middle of episodes, sequences and rollouts. */
TEST(recurrent_evaluation_changes_nothing) {
    drive evaluated, plain;
    double returns;
    begin(&evaluated, &LSTM, 3);
    begin(&plain, &LSTM, 3);
    for (int k = 0; k < 5; k++) {
        drive_run(&evaluated, 4 * 103);
        drive_run(&plain, 4 * 103);
        drive_play(&evaluated, 20, &returns);
    }
    expect_same(&evaluated, &plain);
    drive_end(&evaluated);
    drive_end(&plain);
}

TEST(recurrent_run_taken_up_again_is_the_same) {
    drive whole, first, second;
    begin(&whole, &LSTM, 4);
    begin(&first, &LSTM, 4);
    begin(&second, &LSTM, 4);
    drive_run(&whole, 4 * 200);
    drive_run(&first, 4 * 101);
    for (size_t k = 0; k < arrlenu(first.keep.items); k++)
        memcpy(second.keep.items[k].data, first.keep.items[k].data, bytes_of(&first.keep.items[k]));
    drive_run(&second, 4 * 99);
    expect_same(&whole, &second);
    drive_end(&whole);
    drive_end(&first);
    drive_end(&second);
}

TEST_MAIN(CASE(recurrent_policy_remembers_where_to_turn), CASE(recurrent_sequences_repeat_what_was_noted),
          CASE(recurrent_evaluation_changes_nothing), CASE(recurrent_run_taken_up_again_is_the_same))
