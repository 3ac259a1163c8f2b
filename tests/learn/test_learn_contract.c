/* What the contract asks of every learner: a run that is taken up again from what was kept equals one that
 * was not interrupted, bit for bit; greedy play changes nothing; nothing is allocated after `create`; and
 * exploration is as often as the options say. */
#include "tests/drive.h"
#include "stb_ds.h"
#include "tests/test.h"
#include "tests/toy_env.h"

extern const algo_type algo_biac, algo_idqn, algo_hysteretic, algo_lenient, algo_bilevel_q, algo_maddpg,
    algo_td3;

typedef struct contract_case {
    const algo_type *algo;
    const char *env_settings, *settings;
    const char *game; /* NULL: the toy */
} contract_case;

static const contract_case CASES[] = {
    {&algo_idqn, "masks=true", "warmup=20 batch=16 hidden=8 replay=50", NULL},
    {&algo_hysteretic, "cut=true", "warmup=20 batch=16 hidden=8 replay=50 train_every=5", NULL},
    {&algo_lenient, "length=3", "warmup=20 batch=16 hidden=8 replay=50", NULL},
    {&algo_bilevel_q, "masks=true", "coin=own epsilon=0.5", NULL},
    {&algo_maddpg, "masks=true", "warmup=20 batch=16 hidden=8 actor_hidden=8 replay=50", NULL},
    {&algo_maddpg, "masks=true",
     "warmup=20 batch=16 hidden=8 actor_hidden=8 replay=50 relaxation=expectation", NULL},
    {&algo_td3, "cut=true", "warmup=20 batch=16 hidden=8 actor_hidden=8 replay=50 delay=3 train_every=2",
     NULL},
    {&algo_td3, "box=true", "warmup=20 batch=16 hidden=8 actor_hidden=8 replay=50", NULL},
    {&algo_biac, "", "warmup=20 batch=16 hidden=8 buffer=50 approximators=yes", NULL},
    {&algo_biac, "box=true", "warmup=20 batch=16 hidden=8 buffer=50", NULL},
    {&algo_biac, "", "warmup=20 batch=16 hidden=8 buffer=50 scale_rewards=replay", "duopoly"},
};
#define CASE_COUNT (sizeof CASES / sizeof *CASES)

static void begin(drive *d, const contract_case *c) {
    drive_open(d, c->algo, c->game ? NULL : &TOY_ENV, c->game, c->env_settings, c->settings);
    drive_start(d, 2, 400, 9);
}

static size_t bytes_of(const fm_kept *item) {
    return item->rows * (item->cols ? item->cols : 1) * fm_dtype_size(item->dtype);
}

/* Copies the kept items out of the drive, or into it. */
static void copy_kept(drive *d, unsigned char *store, bool out) {
    for (size_t k = 0; k < arrlenu(d->keep.items); k++) {
        size_t n = bytes_of(&d->keep.items[k]);
        if (out) memcpy(store, d->keep.items[k].data, n);
        else memcpy(d->keep.items[k].data, store, n);
        store += n;
    }
}

static unsigned char *snapshot(drive *d, size_t *size) {
    *size = 0;
    for (size_t k = 0; k < arrlenu(d->keep.items); k++) *size += bytes_of(&d->keep.items[k]);
    unsigned char *store = malloc(*size);
    if (!store) exit(1);
    copy_kept(d, store, true);
    return store;
}

TEST(taken_up_again_is_the_same) {
    for (size_t k = 0; k < CASE_COUNT; k++) {
        drive whole, first, second;
        size_t size, size2;
        begin(&whole, &CASES[k]);
        drive_run(&whole, 300);
        begin(&first, &CASES[k]);
        drive_run(&first, 130);
        unsigned char *middle = snapshot(&first, &size), *end = snapshot(&whole, &size2);
        begin(&second, &CASES[k]);
        copy_kept(&second, middle, false);
        drive_run(&second, 170);
        unsigned char *again = snapshot(&second, &size2);
        EXPECT_MSG(size == size2 && memcmp(end, again, size) == 0, "case %zu (%s) differs", k,
                   CASES[k].algo->name);
        EXPECT_MSG(memcmp(end, middle, size) != 0, "case %zu (%s) stands still", k, CASES[k].algo->name);
        free(middle), free(end), free(again);
        drive_end(&whole), drive_end(&first), drive_end(&second);
    }
}

TEST(greedy_play_changes_nothing) {
    for (size_t k = 0; k < CASE_COUNT; k++) {
        drive d;
        size_t size;
        real actions[2][DRIVE_ACTIONS];
        begin(&d, &CASES[k]);
        drive_run(&d, 100);
        unsigned char *before = snapshot(&d, &size);
        for (int twice = 0; twice < 2; twice++) drive_greedy(&d, actions[twice]);
        unsigned char *after = snapshot(&d, &size);
        EXPECT_MSG(memcmp(before, after, size) == 0, "case %zu (%s)", k, CASES[k].algo->name);
        EXPECT(memcmp(actions[0], actions[1], (size_t)d.game.facts.action_total * sizeof(real)) == 0);
        free(before), free(after);
        drive_end(&d);
    }
}

TEST(nothing_is_allocated_while_learning) {
    for (size_t k = 0; k < CASE_COUNT; k++) {
        drive d;
        begin(&d, &CASES[k]);
        size_t calls = fm_arena_system_calls(), used = d.arena.used;
        drive_run(&d, 300);
        EXPECT_EQ(fm_arena_system_calls(), calls);
        EXPECT_EQ(d.arena.used, used);
        drive_end(&d);
    }
}

/* Share of decisions in which both agents, or exactly one, left the greedy action. */
static void deviations(const algo_type *algo, const char *settings, double *both, double *one) {
    drive d;
    real greedy[2], *taken;
    drive_begin(&d, algo, "escape", "", settings, 1, 8000, 4);
    *both = *one = 0;
    drive_greedy(&d, greedy);
    taken = d.vec.actions;
    for (int k = 0; k < 8000; k++) {
        drive_run(&d, 1);
        int left = (taken[0] != greedy[0]) + (taken[1] != greedy[1]);
        *both += (left == 2) / 8000.0;
        *one += (left == 1) / 8000.0;
    }
    drive_end(&d);
}

/* epsilon 0.6 over three actions: an agent that explores leaves its action with chance 2/3. Own coins: 0.4
 * each, both 0.16, one 0.48. One coin: both 0.6 4/9, one 0.6 4/9. In the warm-up every action is random: both
 * 4/9, one 4/9. */
TEST(exploration_is_as_often_as_said) {
    const char *still = "lr=0 tau=0 train_every=1000000 hidden=8 epsilon=0.6 epsilon_decay=1";
    double both, one;
    char settings[256];
    snprintf(settings, sizeof settings, "%s warmup=0 coin=own", still);
    deviations(&algo_idqn, settings, &both, &one);
    EXPECT_NEAR(both, 0.16, 0.02);
    EXPECT_NEAR(one, 0.48, 0.02);
    snprintf(settings, sizeof settings, "%s warmup=0 coin=joint", still);
    deviations(&algo_idqn, settings, &both, &one);
    EXPECT_NEAR(both, 0.6 * 4 / 9, 0.02);
    EXPECT_NEAR(one, 0.6 * 4 / 9, 0.02);
    snprintf(settings, sizeof settings, "%s warmup=8000", still);
    deviations(&algo_idqn, settings, &both, &one);
    EXPECT_NEAR(both, 4.0 / 9, 0.02);
    EXPECT_NEAR(one, 4.0 / 9, 0.02);
    deviations(&algo_maddpg,
               "critic_lr=0 actor_lr=0 train_every=1000000 hidden=8 epsilon=0.6 epsilon_decay=1 warmup=0 "
               "sample_actions=false",
               &both, &one);
    EXPECT_NEAR(both, 0.16, 0.02);
    EXPECT_NEAR(one, 0.48, 0.02);
}

TEST_MAIN(CASE(taken_up_again_is_the_same), CASE(greedy_play_changes_nothing),
          CASE(nothing_is_allocated_while_learning), CASE(exploration_is_as_often_as_said))
