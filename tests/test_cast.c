/* test_cast.c: algorithms that share a game's agents out: what each of them sees, does and is shown, how its
 * numbers are called, and who is refused; and two games whose outcome is known. */
#include "algos/cast.h"

#include <stdlib.h>

#include "stb_ds.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"

/* ---- a spy: an algorithm that notes what it is shown ---- */

typedef struct spy {
    const env_facts *facts;
    uint64_t seed;
    real seen_obs[64], seen_mask[64], seen_actions[64], answered[64];
    double rewards[64];
    int active[64], done[64], copies, answers;
    int64_t number; /* kept */
    real memory_was;
} spy;

static spy *latest[4]; /* in the order of creation */
static int spies;

static fm_status spy_accepts(const env_facts *facts, const void *config, fm_error *err) {
    (void)config;
    return facts->agents < 3 ? FM_OK : fm_fail(err, "spy: %d agents are too many", facts->agents);
}

static void *spy_create(const algo_setup *setup) {
    spy *s = latest[spies++] = fm_arena_array(setup->arena, spy, 1);
    real *weight = fm_arena_array(setup->arena, real, 3);
    s->facts = setup->facts;
    s->seed = setup->seed;
    fm_keep(setup->keep, FM_I64, &s->number, 1, "spy.number");
    fm_keep_parameter(setup->keep, weight, 3, 0, "spy.weight");
    return s;
}

/* Agent k of its own takes the action (10 * spy + k); its memory counts the decisions of the episode. */
static void spy_act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory,
                    real *actions) {
    spy *s = self;
    (void)mode, (void)rng;
    s->copies = view->copies;
    for (int k = 0; k < view->copies * s->facts->obs_total; k++) s->seen_obs[k] = view->obs[k];
    for (int k = 0; k < view->copies * s->facts->agents; k++) s->active[k] = view->active[k];
    for (int c = 0; c < view->copies; c++) {
        s->memory_was = memory[c]++;
        for (int k = 0; k < s->facts->agents; k++)
            actions[c * s->facts->action_total + s->facts->agent[k].action_at] = (real)(k + 1);
    }
}

static void spy_answer(void *self, const env_view *view, int agent, algo_mode mode, fm_rng *rng,
                       real *actions) {
    spy *s = self;
    (void)mode, (void)rng;
    s->answers++;
    for (int k = 0; k < view->copies * s->facts->action_total; k++) s->answered[k] = actions[k];
    for (int c = 0; c < view->copies; c++) {
        real *row = actions + c * s->facts->action_total;
        row[agent] = 2 - row[0];
        row[0] = -7; /* of no use to anybody */
    }
}

static void spy_observe(void *self, const algo_step *step) {
    spy *s = self;
    for (int k = 0; k < step->before.copies * s->facts->agents; k++) {
        s->rewards[k] = step->rewards[k];
        s->done[k] = step->done[k];
        s->seen_actions[k] = step->actions[k];
    }
}

static void spy_update(void *self) { ((spy *)self)->number++; }
static size_t spy_memory(const void *self) { return self ? 1 : 0; }

static const algo_metric SPY_METRICS[] = {
    {"cunning", "", "of each agent", true}, {"number", "updates", "how often", false}, {0}};

static void spy_measure(const void *self, double *values) {
    const spy *s = self;
    for (int k = 0; k < s->facts->agents; k++) *values++ = 100 + k;
    *values = (double)s->number;
}

static const fm_option SPY_OPTIONS[] = {FM_OPT_END};

static const algo_type SPY = {.name = "spy",
                              .options = SPY_OPTIONS,
                              .config_size = 1,
                              .accepts = spy_accepts,
                              .create = spy_create,
                              .act = spy_act,
                              .observe = spy_observe,
                              .update = spy_update,
                              .memory_length = spy_memory,
                              .metrics = SPY_METRICS,
                              .measure = spy_measure};

/* ---- the cast of a game ---- */

typedef struct scene {
    drive d; /* the game, and the cast that plays it */
    algo_cast *cast;
    fm_error err;
} scene;

/* A corridor of three agents; spies for the roles. */
static void scene_make(scene *s, const char *settings, const algo_role *roles, int count) {
    spies = 0;
    s->d = (drive){.algo = &SPY, .game = {.type = &TOY_ENV}};
    s->d.game.config = fm_arena_alloc(&s->d.arena, 1, TOY_ENV.config_size);
    fm_options_reset(TOY_ENV.options, s->d.game.config);
    drive_must(fm_options_apply(TOY_ENV.options, s->d.game.config, settings, &s->err), &s->err);
    drive_must(env_create(&s->d.game, &s->d.arena, &s->err), &s->err);
    s->cast = algo_cast_make(&s->d.game.facts, roles, count, &s->d.arena, &s->err);
    if (!s->cast) return;
    s->d.algo = &s->cast->type;
    s->d.config = s->cast;
}

static void scene_refused(scene *s, const char *part) {
    EXPECT(s->cast == NULL);
    EXPECT_HAS(s->err.text, part);
    fm_arena_free(&s->d.arena);
}

static const algo_role REST = {.agent = ALGO_REST, .algo = &SPY};
static const algo_role MIDDLE = {.agent = 1, .algo = &SPY};

TEST(everybody_sees_the_facts_of_its_own_agents) {
    scene s;
    scene_make(&s, "agents=3 central=true masks=true", (algo_role[]){MIDDLE, REST}, 2);
    drive_start(&s.d, 2, 10, 5);
    const env_facts *middle = latest[0]->facts, *rest = latest[1]->facts;
    EXPECT_EQ(middle->agents, 1);
    EXPECT_TEXT(middle->agent[0].name, "b");
    EXPECT_EQ(middle->agent[0].level, 0);
    EXPECT_EQ(rest->agents, 2);
    EXPECT_TEXT(rest->agent[1].name, "c");
    EXPECT_EQ(rest->agent[0].level, 0);
    EXPECT_EQ(rest->agent[1].level, 1);
    EXPECT_EQ(rest->action_total, 2);
    EXPECT_EQ(rest->central_length, 2);
    EXPECT_TEXT(s.cast->type.name, "spy");
    EXPECT(latest[1]->seed == 5 && latest[0]->seed != 5);
    drive_end(&s.d);
}

/* Agent i acts at the steps t with t + i even, and the last one dies after two steps. */
TEST(everybody_sees_and_does_what_is_its_own) {
    scene s;
    scene_make(&s, "agents=3 pauses=true death=2 length=5", (algo_role[]){REST, MIDDLE}, 2);
    drive_start(&s.d, 3, 10, 5);
    const spy *rest = latest[0], *middle = latest[1];
    for (int t = 0; t < 4; t++) {
        drive_step(&s.d);
        const real *taken = s.d.stage.vec.actions;
        for (int c = 0; c < 3; c++) {
            EXPECT(taken[3 * c] == 1 && taken[3 * c + 1] == 1 && taken[3 * c + 2] == 2);
            EXPECT(rest->seen_actions[2 * c] == 1 && rest->seen_actions[2 * c + 1] == 2);
            EXPECT(middle->seen_actions[c] == 1);
            EXPECT_EQ(middle->active[c], t % 2 == 1);
            EXPECT_EQ(rest->active[2 * c], t % 2 == 0);
            EXPECT_EQ(rest->active[2 * c + 1], t == 0);
            EXPECT(rest->rewards[2 * c] == 1 && middle->rewards[c] == 1);
            EXPECT_EQ(rest->rewards[2 * c + 1], t < 2);
            EXPECT_EQ(rest->done[2 * c + 1], t >= 1);
            EXPECT_EQ(middle->done[c], 0);
            EXPECT(middle->seen_obs[6 * c + t] == 1 && rest->seen_obs[12 * c + 6 + t] == 1);
        }
        EXPECT(rest->memory_was == (real)t && middle->memory_was == (real)t);
    }
    EXPECT_EQ(middle->number, 4);
    drive_end(&s.d);
}

TEST(names_of_metrics_and_of_what_is_kept_tell_who) {
    static const char *const COLUMNS[] = {"cunning_0", "cunning_2", "number", "cunning_1", "number_1"};
    static const double VALUES[] = {100, 101, 4, 100, 4};
    scene s;
    char name[FM_NAME_MAX];
    double values[5];
    scene_make(&s, "agents=3", (algo_role[]){REST, MIDDLE}, 2);
    drive_start(&s.d, 1, 10, 5);
    drive_run(&s.d, 4);
    EXPECT_EQ(algo_metric_count(s.d.algo, &s.d.game.facts), 5);
    s.d.algo->measure(s.d.learner, values);
    for (int k = 0; k < 5; k++) {
        algo_metric_at(s.d.algo, &s.d.game.facts, k, name, sizeof name);
        EXPECT_TEXT(name, COLUMNS[k]);
        EXPECT_NEAR(values[k], VALUES[k], 0);
    }
    EXPECT(fm_keep_find(&s.d.keep, "spy.weight")->parameter);
    EXPECT(fm_keep_find(&s.d.keep, "learner.1/spy.weight")->parameter);
    EXPECT(fm_keep_find(&s.d.keep, "learner.1/spy.number")->data == &latest[1]->number);
    drive_end(&s.d);
}

/* ---- frozen policies ---- */

/* A policy that was trained in a corridor of two agents: a, who leads, and b. */
static algo_frozen frozen_spy(drive *d, const char *settings, algo_mode mode) {
    drive_open(d, &SPY, &TOY_ENV, NULL, settings, "");
    drive_start(d, 2, 10, 1);
    return (algo_frozen){&d->game.facts, d->learner, &d->keep, mode};
}

TEST(frozen_policies_answer_what_the_others_do) {
    drive before;
    scene s;
    algo_type answering = SPY;
    answering.answer = spy_answer;
    spies = 0;
    algo_frozen frozen = frozen_spy(&before, "agents=2", ALGO_GREEDY);
    spy *b = latest[0];
    algo_role roles[] = {{.agent = 1, .algo = &answering, .frozen = &frozen}, REST};
    scene_make(&s, "agents=3", roles, 2);
    drive_start(&s.d, 2, 10, 5);
    drive_run(&s.d, 4);
    const real *taken = s.d.stage.vec.actions;
    for (int c = 0; c < 2; c++) { /* a's action is 1, c's is 2, and b answers 2 - 1 */
        EXPECT(b->answered[2 * c] == 1);
        EXPECT(taken[3 * c] == 1 && taken[3 * c + 1] == 1 && taken[3 * c + 2] == 2);
    }
    EXPECT_EQ(b->answers, 2);
    EXPECT_EQ(b->number, 0);
    EXPECT(fm_keep_find(&s.d.keep, "learner.1/spy.weight") != NULL);
    EXPECT(fm_keep_find(&s.d.keep, "learner.1/spy.number") == NULL);
    EXPECT_EQ(algo_metric_count(s.d.algo, &s.d.game.facts), 3);
    EXPECT(!s.cast->type.restless);
    frozen.mode = ALGO_SAMPLE;
    EXPECT(algo_cast_make(&s.d.game.facts, roles, 2, &s.d.arena, &s.err)->type.restless);
    drive_end(&s.d);
    drive_end(&before);
}

static void frozen_refused(const char *trained, const char *settings, int agent, const char *part) {
    drive before;
    scene s;
    spies = 0;
    algo_frozen frozen = frozen_spy(&before, trained, ALGO_GREEDY);
    scene_make(&s, settings, (algo_role[]){REST, {.agent = agent, .algo = &SPY, .frozen = &frozen}}, 2);
    scene_refused(&s, part);
    drive_end(&before);
}

TEST(what_does_not_fit_is_refused) {
    scene s;
    algo_role all[] = {REST, {.agent = 0, .algo = &SPY}, {.agent = 1, .algo = &SPY}};
    scene_make(&s, "agents=2", all, 3);
    scene_refused(&s, "none left");
    scene_make(&s, "agents=4", (algo_role[]){REST, MIDDLE}, 2);
    scene_refused(&s, "beside the other learners: spy: 3 agents are too many");
    algo_role pair[] = {REST, {.agent = 1, .algo = algo_find("bilevel_q")}};
    void *config = calloc(1, pair[1].algo->config_size);
    if (!config) exit(1);
    fm_options_reset(pair[1].algo->options, config);
    pair[1].config = config;
    scene_make(&s, "agents=2 pauses=true", pair, 2);
    scene_refused(&s, "the learner of 'b', which sees that agent alone: bilevel_q needs");
    free(config);
}

TEST(frozen_policies_of_other_spaces_are_refused) {
    frozen_refused("agents=2", "agents=3", 2, "'c': the policy was trained without that agent");
    frozen_refused("agents=2 length=4", "agents=2 length=5", 1, "observations of 5 numbers for 'a'");
    frozen_refused("agents=2 box=true", "agents=2", 1, "other actions of 'a'");
    frozen_refused("agents=2 heads=2", "agents=2 heads=3", 1, "other actions of 'a'");
    frozen_refused("agents=2 central=true", "agents=2", 1, "a centralised state of 2 numbers");
}

TEST_MAIN(CASE(everybody_sees_the_facts_of_its_own_agents), CASE(everybody_sees_and_does_what_is_its_own),
          CASE(names_of_metrics_and_of_what_is_kept_tell_who),
          CASE(frozen_policies_answer_what_the_others_do), CASE(what_does_not_fit_is_refused),
          CASE(frozen_policies_of_other_spaces_are_refused))
