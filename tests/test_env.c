/* The functions of env.h: finding and opening, what facts are refused, names of actions. */
#include "base/text.h"
#include "envs/env.h"
#include "tests/aborts.h"
#include "tests/test.h"

TEST(find_and_open) {
    fm_arena arena = {0};
    fm_error err;
    env e;
    EXPECT(env_find("maintain") != NULL);
    EXPECT(env_find("Maintain") == NULL);
    EXPECT_EQ(env_open("mantain", &arena, &e, &err), FM_BAD);
    EXPECT_HAS(err.text, "did you mean 'maintain'?");
    EXPECT_EQ(env_open("xyzzyplugh", &arena, &e, &err), FM_BAD);
    EXPECT_HAS(err.text, "escape, maintain");
    EXPECT_EQ(env_open("nfg", &arena, &e, &err), FM_OK);
    EXPECT_EQ(env_create(&e, &arena, &err), FM_BAD);
    EXPECT_HAS(err.text, ".nfg");
    EXPECT_EQ(env_open("/nowhere/at-all.nfg", &arena, &e, &err), FM_OK);
    EXPECT_EQ(env_create(&e, &arena, &err), FM_BAD);
    EXPECT_HAS(err.text, "/nowhere/at-all.nfg");
    EXPECT_EQ(env_open("absent.nfg", &arena, &e, &err), FM_OK);
    EXPECT_EQ(env_create(&e, &arena, &err), FM_BAD);
    EXPECT_HAS(err.text, "absent.nfg");
    char path[FM_TEXT_MAX + 100];
    memset(path, '/', sizeof path);
    path[sizeof path - 1] = '\0';
    EXPECT_EQ(env_open(path, &arena, &e, &err), FM_BAD);
    fm_arena_free(&arena);
}

/* ---- facts ---- */

static fm_arena arena;

static const char *const LABELS[] = {"UP", "up", "Stay"};
static const char *const HEAD_LABELS[] = {"left", "right", "hold", "fire"}; /* heads of 2, 1 and 1 actions */
static const int HEADS[] = {2, 1, 1};
static const double LOW[] = {-1, 0}, HIGH[] = {1, 2};

/* Facts of a game of three agents, correct. */
static env_facts plain_facts(void) {
    static const char *const readings[] = {"x"};
    env_facts facts = {.name = "plain",
                       .title = "t",
                       .source = "s",
                       .horizon = 3,
                       .readings = 1,
                       .reading_name = readings,
                       .rewards = ENV_GENERAL_SUM};
    env_facts_agents(&facts, 3, &arena);
    facts.agent[0] =
        (env_agent){.name = "a", .level = 0, .obs_length = 2, .action = env_discrete(3, LABELS)};
    facts.agent[1] = (env_agent){.name = "b", .level = 1, .obs_length = 3, .action = env_discrete(3, NULL)};
    facts.agent[2] = (env_agent){
        .name = "c", .level = 1, .obs_length = 1, .action = env_multi_discrete(3, HEADS, HEAD_LABELS)};
    return facts;
}

TEST(facts_are_finished) {
    env_facts facts = plain_facts();
    facts.agent[1].action = env_box(2, LOW, HIGH);
    env_facts_finish(&facts);
    EXPECT_EQ(facts.agents, 3);
    EXPECT_EQ(facts.agent[1].obs_at, 2);
    EXPECT_EQ(facts.agent[2].obs_at, 5);
    EXPECT_EQ(facts.obs_total, 6);
    EXPECT_EQ(facts.agent[1].action_at, 1);
    EXPECT_EQ(facts.agent[2].action_at, 3);
    EXPECT_EQ(facts.action_total, 6);
    EXPECT_EQ(facts.agent[1].mask_at, 3);
    EXPECT_EQ(facts.agent[2].mask_at, 3);
    EXPECT_EQ(facts.mask_total, 7);
    EXPECT_EQ(env_space_choices(&facts.agent[0].action), 3);
    EXPECT_EQ(env_space_choices(&facts.agent[1].action), 0);
    EXPECT_EQ(env_space_choices(&facts.agent[2].action), 4);
    EXPECT_EQ(env_space_actions(&facts.agent[0].action, 0), 3);
    EXPECT_EQ(env_space_actions(&facts.agent[1].action, 1), 0);
    EXPECT_EQ(env_space_actions(&facts.agent[2].action, 0), 2);
    EXPECT_EQ(env_space_actions(&facts.agent[2].action, 2), 1);
}

static void spoil_agent(env_facts *facts, int how) {
    static const double one[] = {1};
    static const int empty[] = {2, 0, 1};
    static const char *const unnamed[] = {"left", "right", "hold", ""};
    env_agent *a = facts->agent;
    switch (how) {
    case 0: a[1].level = 3; break;
    case 1: a[0].level = 1; break;
    case 2: a[1].level = 0, a[2].level = 2; break;
    case 3: a[1].obs_length = 0; break;
    case 4: a[1].action = env_box(1, one, one); break;
    case 5: a[1].action = env_box(1, one, NULL); break;
    case 6: a[1].action = env_box(0, LOW, HIGH); break;
    case 7: a[1].action = env_box(2, LOW, HIGH), a[1].action.labels = LABELS; break;
    case 8: a[0].action.size = 2; break;
    case 9: a[0].action = env_discrete(0, NULL); break;
    case 10: a[0].action.low = LOW; break;
    case 11: a[0].action.heads = HEADS; break;
    case 12: a[2].action.heads = NULL; break;
    case 13: a[2].action.heads = empty; break;
    case 14: a[2].action.n = 3; break;
    case 15: a[2].action.labels = unnamed; break;
    case 16: a[0].reward_low = 1; break;
    case 17: a[0].reward_high = INFINITY; break;
    case 18: facts->rewards = ENV_COMMON, a[1].reward_high = 1; break;
    case 19: a[1].name = NULL; break;
    case 20: a[0].obs_length = a[1].obs_length = 2000000000; break;
    default: break;
    }
}

static void spoil(env_facts *facts, int how) {
    static const double finite[] = {0, 0, 0, 0, 0}, broken[] = {0, 0, 0, 0, NAN};
    static const env_solution without[] = {{"nash", "x", NULL, NULL, "s"}};
    static const env_solution nowhere[] = {{"nash", "x", finite, broken, "s"}};
    switch (how) {
    case 21: facts->agents = 0; break;
    case 22: facts->agent = NULL; break;
    case 23: facts->horizon = 0; break;
    case 24: facts->central_length = -1; break;
    case 25: facts->readings = 0; break;
    case 26: facts->outcomes = 1; break;
    case 27: facts->solutions = 1; break;
    case 28: facts->solutions = 1, facts->solution = without; break;
    case 29: facts->solutions = 1, facts->solution = nowhere; break;
    case 30:
        facts->masks = true;
        for (int i = 0; i < 3; i++) facts->agent[i].action = env_box(2, LOW, HIGH);
        break;
    default: spoil_agent(facts, how); break;
    }
}

#define WAYS_TO_SPOIL 31

static int spoiled_how;

static void finish_spoiled(void) {
    env_facts facts = plain_facts();
    spoil(&facts, spoiled_how);
    env_facts_finish(&facts);
}

TEST(facts_that_contradict_each_other_abort) {
    char words[2048];
    for (spoiled_how = 0; spoiled_how < WAYS_TO_SPOIL; spoiled_how++) {
        int status = run_apart(finish_spoiled, words, sizeof words);
        bool aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
        EXPECT_MSG(aborted, "contradiction %d: status %d", spoiled_how, status);
        if (spoiled_how != 21) EXPECT_HAS(words, "plain: ");
    }
    spoiled_how = -1;
    EXPECT_EQ(run_apart(finish_spoiled, words, sizeof words), 0);
}

/* ---- names of actions ---- */

TEST(actions_of_one_head) {
    env_facts facts = plain_facts();
    env_facts_finish(&facts);
    fm_error err;
    int action = -1;
    EXPECT_EQ(env_action_parse(&facts, 0, 0, "up", &action, &err), FM_OK);
    EXPECT_EQ(action, 1);
    EXPECT_EQ(env_action_parse(&facts, 0, 0, "STAY", &action, &err), FM_OK);
    EXPECT_EQ(action, 2);
    EXPECT_EQ(env_action_parse(&facts, 0, 0, "0", &action, &err), FM_OK);
    EXPECT_EQ(action, 0);
    EXPECT_EQ(env_action_parse(&facts, 0, 0, "Up", &action, &err), FM_BAD); /* two labels in any case */
    EXPECT_EQ(env_action_parse(&facts, 0, 0, "Stray", &action, &err), FM_BAD);
    EXPECT_HAS(err.text, "plain: 'Stray' is not an action of agent 0 (a): did you mean 'Stay'");
    facts.agents = 1; /* who is alone has no number */
    EXPECT_EQ(env_action_parse(&facts, 0, 0, "Stray", &action, &err), FM_BAD);
    EXPECT_HAS(err.text, "plain: 'Stray' is not an action of the agent: did you mean 'Stay'");
    facts.agents = 2;
    EXPECT_EQ(env_action_parse(&facts, 0, 0, "3", &action, &err), FM_BAD);
    EXPECT_EQ(env_action_parse(&facts, 0, 0, "", &action, &err), FM_BAD);
    EXPECT_EQ(env_action_parse(&facts, 1, 0, "-1", &action, &err), FM_BAD);
    EXPECT_HAS(err.text, "0..2");
    EXPECT_EQ(env_action_parse(&facts, 1, 0, "1.5", &action, &err), FM_BAD);
    EXPECT_EQ(action, 0); /* untouched by what failed */
    EXPECT_EQ(env_action_parse(&facts, 1, 0, "2", &action, &err), FM_OK);
    EXPECT_EQ(action, 2);
    char text[16];
    EXPECT_TEXT(env_action_label(&facts, 0, 0, 2, text, sizeof text), "Stay");
    EXPECT_TEXT(env_action_label(&facts, 1, 0, 2, text, sizeof text), "2");
    facts.agent[1].action = env_box(2, LOW, HIGH);
    EXPECT_EQ(env_action_parse(&facts, 1, 1, "0.5", &action, &err), FM_BAD);
    EXPECT_HAS(err.text, "continuous");
}

TEST(actions_of_several_heads) {
    env_facts facts = plain_facts();
    env_facts_finish(&facts);
    fm_error err;
    int action = -1;
    char text[16];
    EXPECT_TEXT(env_action_label(&facts, 2, 0, 1, text, sizeof text), "right");
    EXPECT_TEXT(env_action_label(&facts, 2, 1, 0, text, sizeof text), "hold");
    EXPECT_TEXT(env_action_label(&facts, 2, 2, 0, text, sizeof text), "fire");
    EXPECT_EQ(env_action_parse(&facts, 2, 0, "Right", &action, &err), FM_OK);
    EXPECT_EQ(action, 1);
    EXPECT_EQ(env_action_parse(&facts, 2, 2, "fire", &action, &err), FM_OK);
    EXPECT_EQ(action, 0);
    EXPECT_EQ(env_action_parse(&facts, 2, 2, "1", &action, &err), FM_BAD);
    EXPECT_HAS(err.text, "'1' is not an action of head 2 of agent 2 (c): expected one of fire, or 0..0");
    EXPECT_EQ(env_action_parse(&facts, 2, 0, "hold", &action, &err), FM_BAD); /* another head's */
    facts.agent[2].action.labels = NULL;
    EXPECT_TEXT(env_action_label(&facts, 2, 0, 1, text, sizeof text), "1");
    EXPECT_EQ(env_action_parse(&facts, 2, 1, "1", &action, &err), FM_BAD);
    EXPECT_HAS(err.text, "head 1 of agent 2 (c): expected 0..0");
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(find_and_open), CASE(facts_are_finished), CASE(facts_that_contradict_each_other_abort),
          CASE(actions_of_one_head), CASE(actions_of_several_heads))
