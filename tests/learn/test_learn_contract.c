/* What the contract asks of every learner. A run that is taken up again equals one that was not interrupted,
 * at several moments, with one copy and with three, in everything: what is kept, progress rows, metrics,
 * actions. Play and evaluation change nothing; nothing is allocated while it learns; updates do not depend on
 * the number of copies; who is not active is left alone; and exploration is as often as the options say.
 * The same holds of learners that share the agents out (algos/cast.h).
 *
 * Every row of the table has its cases below: an algorithm without them does not compile. */
#include "algos/cast.h"
#include "algos/table.h"
#include "stb_ds.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"
#include "training/loop.h"

/* An environment ("corridor" is the toy) and settings of it and of the learner. Behind a bar stands who plays
 * the second agent beside it, and its settings: "learns ALGO ..." or, trained and as it is, "plays ALGO
 * ...". */
typedef struct contract_case {
    const char *env, *env_settings, *settings;
} contract_case;

#define SMALL "learning_starts=20 batch_size=16 hidden=8 buffer_size=50 "
#define SMALL_PPO "n_steps=36 n_epochs=2 batch_size=16 hidden=8 "
#define SMALL_PAIR SMALL "actor_hidden=8 "

#define END                                                                                                  \
    { NULL, NULL, NULL }
static const contract_case cases_biac[] = {
    {"corridor", "death=3", SMALL "approximators=yes"},
    {"corridor", "box=true cut=true", SMALL},
    {"corridor", "hidden=2", SMALL "leader=actor gumbel=yes sample_follower=yes train_freq=3"},
    {"duopoly", "", SMALL "scale_rewards=replay"},
    END,
};
static const contract_case cases_bilevel_q[] = {
    {"corridor", "masks=true death=2", "coin=own epsilon=0.5"},
    {"corridor", "cut=true hidden=1", "epsilon=0.5"},
    END,
};
static const contract_case cases_idqn[] = {
    {"corridor", "masks=true", SMALL},
    {"corridor", "cut=true pauses=true masks=true", SMALL "gradient_steps=2 train_freq=3"},
    {"corridor", "death=2 hidden=1", SMALL "draw=own coin=joint"},
    {"corridor", "cut=true pauses=true masks=true", SMALL "| learns reinforce n_steps=36 hidden=8"},
    {"corridor", "death=3", SMALL "| plays biac sample_follower=yes " SMALL},
    END,
};
static const contract_case cases_hysteretic[] = {{"corridor", "death=2 masks=true", SMALL "train_freq=5"},
                                                 END};
static const contract_case cases_lenient[] = {{"corridor", "length=3 death=2", SMALL}, END};
static const contract_case cases_maddpg[] = {
    {"corridor", "masks=true death=3", SMALL_PAIR},
    {"corridor", "masks=true", SMALL_PAIR "relaxation=expectation"},
    {"corridor", "agents=1 cut=true", SMALL_PAIR "relaxation=straight"},
    END,
};
static const contract_case cases_td3[] = {
    {"corridor", "cut=true", SMALL_PAIR "policy_delay=3 train_freq=2"},
    {"corridor", "box=true death=3", SMALL_PAIR},
    {"corridor", "box=true agents=1", SMALL_PAIR},
    END,
};

static const contract_case cases_reinforce[] = {
    {"corridor", "masks=true death=3", "n_steps=36 hidden=8"},
    {"corridor", "box=true cut=true pauses=true", "n_steps=36 hidden=8 normalize_obs=true"},
    {"corridor", "heads=2 hidden=1 masks=true central=true",
     "n_steps=60 hidden=none gae_lambda=0.9 normalize_obs=true"},
    {"corridor", "agents=1 cut=true seen=false", "n_steps=24 hidden=8 normalize_reward=false lr_final=1"},
    {"corridor", "death=3", "n_steps=24 hidden=8 bias=false baseline=false"},
    END,
};

static const contract_case cases_ac[] = {
    {"corridor", "masks=true death=3", "n_steps=36 hidden=8 vf_iters=2"},
    {"corridor", "box=true cut=true pauses=true", "n_steps=36 hidden=8 noise=0.1 optimizer=sgd init=fan_in"},
    {"corridor", "heads=2 hidden=1 masks=true", "n_steps=60 hidden=none normalize_obs=true"},
    {"corridor", "agents=1 cut=true", "n_steps=24 hidden=8 ent_coef=0.1"},
    END,
};
static const contract_case cases_stac[] = {
    {"corridor", "masks=true death=3", "n_steps=36 hidden=8"},
    {"corridor", "box=true cut=true pauses=true", "n_steps=36 hidden=8 form=raw noise=0.1 optimizer=sgd"},
    {"corridor", "heads=2 hidden=1 masks=true", "n_steps=60 hidden=8 form=released curvature=gauss_newton"},
    {"corridor", "agents=1 cut=true", "n_steps=24 hidden=8 implicit=length damping=1 vf_iters=1"},
    {"corridor", "", "n_steps=24 hidden=8 implicit=none"},
    END,
};

static const contract_case cases_ddpg[] = {
    {"corridor", "agents=1 box=true cut=true hidden=1", SMALL "target_actor=false train_freq=2"},
    {"corridor", "agents=1 box=true pauses=true", SMALL "hold_noise=3 gradient_steps=2"},
    END,
};
static const contract_case cases_sac[] = {
    {"corridor", "agents=1 box=true death=3", SMALL},
    {"corridor", "agents=1 box=true cut=true", SMALL "ent_coef=0.2 hold_noise=3 target_update_interval=2"},
    {"corridor", "box=true death=3", SMALL "| plays ippo " SMALL_PPO},
    {"corridor", "box=true pauses=true", SMALL "| learns sac " SMALL},
    END,
};

static const contract_case cases_ppo[] = {
    {"corridor", "agents=1 masks=true", SMALL_PPO "target_kl=0.01"},
    {"corridor", "agents=1 box=true cut=true", SMALL_PPO "normalize_obs=true normalize_reward=true"},
    END,
};
static const contract_case cases_ippo[] = {
    {"corridor", "masks=true death=3", SMALL_PPO "share_policy=true"},
    {"corridor", "box=true cut=true pauses=true", SMALL_PPO "layer_norm=true"},
    END,
};
static const contract_case cases_mappo[] = {
    {"corridor", "agents=3 masks=true death=3 central=true", SMALL_PPO "actor_sees_state=true"},
    {"corridor", "heads=2 hidden=1", SMALL_PPO "share_policy=true normalize_obs=true"},
    {"corridor", "agents=3 masks=true death=3 central=true", SMALL_PPO "| learns idqn " SMALL},
    END,
};
static const contract_case cases_happo[] = {
    {"corridor", "agents=3 masks=true hidden=1", SMALL_PPO},
    {"corridor", "box=true pauses=true", SMALL_PPO "batch_size=0"},
    END,
};

/* Episodes of five decisions: of one, three and twelve copies as many pairs end. */
static const contract_case cases_es[] = {
    {"corridor", "agents=1 length=5 masks=true", "pairs=4 hidden=8"},
    {"corridor", "agents=1 length=5 box=true cut=true hidden=2", "pairs=1 hidden=none sigma=0.5"},
    {"corridor", "agents=1 length=5 heads=3 pauses=true", "pairs=3 hidden=8 weight_decay=0"},
    {"corridor", "length=5 death=3 box=true", "pairs=4 hidden=8 | learns sac " SMALL},
    {"leader-pomdp", "game=hero memory=small horizon=2 commitment=independent", "pairs=4 sigma=0.5"},
    END,
};

static const contract_case cases_n_level[] = {
    {"corridor", "agents=3 masks=true death=3 central=true", SMALL_PPO "embedding=8 generator=8"},
    {"corridor", "agents=3 box=true cut=true pauses=true", SMALL_PPO "target=4 generator=8 order=2,0,1"},
    END,
};

static const contract_case cases_stddpg[] = {
    {"corridor", "agents=1 box=true cut=true", SMALL "leader=actor unroll=2 damping_decay=100"},
    {"corridor", "agents=1 box=true hidden=1", SMALL "leader=critic order=sequential hold_noise=3"},
    {"corridor", "agents=1 box=true pauses=true", SMALL "curvature=gauss_newton damping=0.5"},
    END,
};
static const contract_case cases_stsac[] = {
    {"corridor", "agents=1 box=true death=3", SMALL "leader=critic damping=0 train_freq=2"},
    {"corridor", "agents=1 box=true cut=true", SMALL "leader=actor ent_coef=0.2 implicit=length"},
    {"corridor", "agents=1 box=true death=3", SMALL "curvature=gauss_newton batch_size=1 guard=2"},
    END,
};

#define CASES_OF(name) {&algo_##name, cases_##name},
#define DECLARE(name) extern const algo_type algo_##name;
ALGO_ROWS(DECLARE)
static const struct {
    const algo_type *algo;
    const contract_case *cases;
} ALL[] = {ALGO_ROWS(CASES_OF)};
#define ALL_COUNT (sizeof ALL / sizeof *ALL)

/* ---- a loop of one case ---- */

#define STEPS 360 /* decisions of a trial, whole for one copy and for three */

typedef struct trial {
    drive made;   /* the game and the config only */
    drive beside; /* likewise of the second agent's player, or it whole, trained */
    algo_frozen frozen;
    loop loop;
} trial;

/* The player of the second agent: its config alone, or a learner that has seen something. */
static void make_cast(trial *t, const contract_case *c, const char *beside, const env_type *own,
                      int num_envs) {
    fm_error err;
    char how[16], name[32];
    int length;
    FM_CHECK(sscanf(beside, "| %15s %31s%n", how, name, &length) == 2, "'%s'", beside);
    const algo_type *algo = algo_find(name);
    if (strcmp(how, "plays") == 0) {
        drive_open(&t->beside, algo, own, own ? NULL : c->env, c->env_settings, beside + length);
        drive_start(&t->beside, num_envs, 60, 3);
        drive_run(&t->beside, 60);
    } else {
        drive_make(&t->beside, algo, own, own ? NULL : c->env, c->env_settings, beside + length);
    }
    t->frozen = (algo_frozen){&t->beside.game.facts, t->beside.learner, &t->beside.keep, ALGO_SAMPLE};
    algo_role roles[] = {{.agent = ALGO_REST, .algo = t->made.algo, .config = t->made.config},
                         {.agent = 1,
                          .algo = algo,
                          .config = t->beside.config,
                          .frozen = t->beside.learner ? &t->frozen : NULL}};
    algo_cast *cast = algo_cast_make(&t->made.game.facts, roles, 2, &t->made.arena, &err);
    drive_must(cast ? FM_OK : FM_BAD, &err);
    t->made.algo = &cast->type;
    t->made.config = cast;
}

static void trial_begin(trial *t, const char *algo, const contract_case *c, int num_envs,
                        int64_t eval_every) {
    const env_type *own = strcmp(c->env, "corridor") == 0 ? &TOY_ENV : NULL;
    const char *beside = strchr(c->settings, '|');
    char settings[256];
    fm_error err;
    fm_text_format(settings, sizeof settings, "%.*s", (int)strcspn(c->settings, "|"), c->settings);
    memset(t, 0, sizeof *t);
    drive_make(&t->made, algo_find(algo), own, own ? NULL : c->env, c->env_settings, settings);
    if (beside) make_cast(t, c, beside, own, num_envs);
    drive_must(t->made.algo->accepts(&t->made.game.facts, t->made.config, &err), &err);
    loop_setup setup = {.env = &t->made.game,
                        .algo = t->made.algo,
                        .algo_config = t->made.config,
                        .num_envs = num_envs,
                        .steps = STEPS,
                        .seed = 9,
                        .window = 20,
                        .rows = 12,
                        .eval_every = eval_every,
                        .eval_episodes = 3,
                        .eval_mode = ALGO_SAMPLE};
    loop_init(&t->loop, &setup);
}

static void trial_end(trial *t) {
    loop_free(&t->loop);
    if (t->beside.learner) drive_end(&t->beside);
    else fm_arena_free(&t->beside.arena);
    fm_arena_free(&t->made.arena);
}

static size_t bytes_of(const fm_kept *item) {
    return item->rows * (item->cols ? item->cols : 1) * fm_dtype_size(item->dtype);
}

/* What is kept, from one loop to another of the same case. */
static void take_over(const loop *from, loop *to) {
    EXPECT_EQ(arrlenu(from->keep.items), arrlenu(to->keep.items));
    for (size_t k = 0; k < arrlenu(from->keep.items); k++)
        memcpy(to->keep.items[k].data, from->keep.items[k].data, bytes_of(&from->keep.items[k]));
}

/* All that is kept is equal but clocks, and items whose name begins with `but`. */
static bool same_state(const loop *a, const loop *b, const char *but, const char **which) {
    for (size_t k = 0; k < arrlenu(a->keep.items); k++) {
        const fm_kept *x = &a->keep.items[k], *y = &b->keep.items[k];
        if (strstr(x->name, "seconds") || (but && strncmp(x->name, but, strlen(but)) == 0)) continue;
        *which = x->name;
        if (memcmp(x->data, y->data, bytes_of(x)) != 0) return false;
    }
    return true;
}

/* Metrics, the numbers of all rows, and the actions of the last decision. */
static bool same_shown(const loop *a, const loop *b) {
    size_t width = (size_t)a->columns.at[COLUMN_SECONDS];
    size_t actions = (size_t)a->setup.num_envs * (size_t)a->setup.env->facts.action_total;
    double now[2][256];
    FM_CHECK(width <= 256, "%zu columns", width);
    loop_measure(a, now[0]);
    loop_measure(b, now[1]);
    return a->counters.rows == b->counters.rows && memcmp(now[0], now[1], width * sizeof(double)) == 0 &&
           memcmp(a->row_values, b->row_values, (size_t)a->counters.rows * width * sizeof(double)) == 0 &&
           memcmp(a->stage.vec.actions, b->stage.vec.actions, actions * sizeof(real)) == 0;
}

#define FOR_ALL(algo_, case_)                                                                                \
    for (size_t k_ = 0; k_ < ALL_COUNT; k_++)                                                                \
        for (const char *algo_ = ALL[k_].algo->name; algo_; algo_ = NULL)                                    \
            for (const contract_case *case_ = ALL[k_].cases; case_->env; case_++)

static void interrupt_at(const char *algo, const contract_case *c, int num_envs, int64_t moment) {
    trial whole, first, second;
    const char *which = "";
    trial_begin(&whole, algo, c, num_envs, 90);
    trial_begin(&first, algo, c, num_envs, 90);
    trial_begin(&second, algo, c, num_envs, 90);
    loop_advance(&first.loop, moment);
    take_over(&first.loop, &second.loop);
    loop_advance(&second.loop, STEPS);
    loop_advance(&whole.loop, STEPS);
    EXPECT_MSG(whole.loop.problem.text[0] == '\0', "%s: %s", algo, whole.loop.problem.text);
    EXPECT_MSG(same_state(&whole.loop, &second.loop, NULL, &which),
               "%s in %s (%s), %d copies, at %lld: %s differs", algo, c->env, c->env_settings, num_envs,
               (long long)moment, which);
    EXPECT_MSG(same_shown(&whole.loop, &second.loop), "%s in %s (%s), %d copies, at %lld: other rows", algo,
               c->env, c->env_settings, num_envs, (long long)moment);
    EXPECT_MSG(!same_state(&whole.loop, &first.loop, NULL, &which), "%s stands still", algo);
    trial_end(&whole), trial_end(&first), trial_end(&second);
}

TEST(taken_up_again_is_the_same) {
    static const int64_t MOMENTS[] = {1, 7, 41, 97};
    FOR_ALL(algo, c) for (size_t m = 0; m < sizeof MOMENTS / sizeof *MOMENTS; m++) {
        interrupt_at(algo, c, 1, MOMENTS[m]);
        interrupt_at(algo, c, 3, MOMENTS[m]);
    }
}

/* Evaluations leave traces in the loop's own rows alone. */
TEST(evaluation_changes_nothing) {
    FOR_ALL(algo, c) {
        trial with, without;
        const char *which = "";
        trial_begin(&with, algo, c, 2, 40);
        trial_begin(&without, algo, c, 2, 0);
        loop_advance(&with.loop, STEPS);
        loop_advance(&without.loop, STEPS);
        for (size_t k = 0; k < arrlenu(without.loop.keep.items); k++) {
            const fm_kept *x = &without.loop.keep.items[k];
            const fm_kept *y = fm_keep_find(&with.loop.keep, x->name);
            which = x->name;
            if (strncmp(x->name, "loop/", 5) == 0) continue;
            EXPECT_MSG(y && memcmp(x->data, y->data, bytes_of(x)) == 0, "%s (%s): %s differs", algo, c->env,
                       which);
        }
        trial_end(&with), trial_end(&without);
    }
}

TEST(greedy_play_changes_nothing_and_is_the_same_twice) {
    FOR_ALL(algo, c) {
        trial t, before;
        const char *which = "";
        real actions[2][3 * DRIVE_ACTIONS] = {{0}};
        trial_begin(&t, algo, c, 1, 0);
        trial_begin(&before, algo, c, 1, 0);
        loop_advance(&t.loop, 100);
        take_over(&t.loop, &before.loop);
        env_view view = env_vec_now(&t.loop.stage.vec);
        for (int twice = 0; twice < 2; twice++) {
            uint64_t stream = t.made.algo->restless ? 0 : (uint64_t)twice;
            fm_rng other = fm_rng_split(77, FM_RNG_TEST, stream, 0);
            t.made.algo->act(t.loop.learner, &view, ALGO_GREEDY, &other, t.loop.stage.memory, actions[twice]);
        }
        EXPECT_MSG(same_state(&before.loop, &t.loop, NULL, &which), "%s: %s", algo, which);
        EXPECT_MSG(memcmp(actions[0], actions[1], sizeof actions[0]) == 0, "%s: two greedy plays", algo);
        trial_end(&t), trial_end(&before);
    }
}

/* What a finished trial leaves behind, its parameters, is all that its policy needs. */
TEST(parameters_are_all_that_play_needs) {
    FOR_ALL(algo, c) {
        trial learned, player;
        real actions[2][3 * DRIVE_ACTIONS] = {{0}};
        trial_begin(&learned, algo, c, 3, 0);
        trial_begin(&player, algo, c, 3, 0);
        loop_advance(&learned.loop, 100);
        for (size_t k = 0; k < arrlenu(player.loop.keep.items); k++) {
            const fm_kept *to = &player.loop.keep.items[k];
            const fm_kept *from = fm_keep_find(&learned.loop.keep, to->name);
            if (to->parameter) memcpy(to->data, from->data, bytes_of(to));
        }
        env_view view = env_vec_now(&player.loop.stage.vec);
        const loop *both[] = {&learned.loop, &player.loop};
        for (int who = 0; who < 2; who++) {
            fm_rng other[3];
            for (uint64_t k = 0; k < 3; k++) other[k] = fm_rng_split(77, FM_RNG_TEST, k, 0);
            player.made.algo->act(both[who]->learner, &view, ALGO_GREEDY, other, player.loop.stage.memory,
                                  actions[who]);
        }
        EXPECT_MSG(memcmp(actions[0], actions[1], sizeof actions[0]) == 0, "%s in %s (%s)", algo, c->env,
                   c->env_settings);
        trial_end(&learned), trial_end(&player);
    }
}

TEST(nothing_is_allocated_while_learning) {
    FOR_ALL(algo, c) {
        trial t;
        trial_begin(&t, algo, c, 3, 0);
        loop_advance(&t.loop, 10);
        size_t calls = fm_arena_system_calls(), used = t.loop.arena.used;
        loop_advance(&t.loop, 100);
        EXPECT_MSG(fm_arena_system_calls() == calls && t.loop.arena.used == used, "%s in %s", algo, c->env);
        trial_end(&t);
    }
}

/* Learners that count updates keep their cadence: after as many decisions it stands where it stands. */
TEST(updates_do_not_depend_on_the_number_of_copies) {
    FOR_ALL(algo, c) {
        int64_t updates[3] = {0};
        static const int COPIES[] = {1, 3, 12};
        bool counts = false;
        for (int k = 0; k < 3; k++) {
            trial t;
            trial_begin(&t, algo, c, COPIES[k], 0);
            loop_advance(&t.loop, STEPS);
            const fm_kept *cadence = fm_keep_find(&t.loop.keep, "cadence");
            counts = cadence != NULL;
            if (counts) updates[k] = ((const int64_t *)cadence->data)[cadence->rows - 1];
            trial_end(&t);
        }
        EXPECT_MSG(!counts || (updates[0] > 0 && updates[0] == updates[1] && updates[0] == updates[2]),
                   "%s in %s: %lld, %lld, %lld updates", algo, c->env, (long long)updates[0],
                   (long long)updates[1], (long long)updates[2]);
    }
}

/* Every metric is described, and known at the end. */
TEST(metrics_are_described_and_known_at_the_end) {
    FOR_ALL(algo, c) {
        trial t;
        double values[256];
        trial_begin(&t, algo, c, 1, 0);
        loop_advance(&t.loop, STEPS);
        loop_measure(&t.loop, values);
        for (const algo_metric *row = t.made.algo->metrics; row && row->name; row++)
            EXPECT_MSG(row->doc && row->doc[0] && row->unit, "%s: metric %s", algo, row->name);
        for (int k = t.loop.columns.at[COLUMN_METRIC]; k < t.loop.columns.at[COLUMN_SECONDS]; k++)
            EXPECT_MSG(isfinite(values[k]), "%s: metric %d", algo, k);
        trial_end(&t);
    }
}

/* ---- exploration ---- */

/* Share of decisions in which both agents, or exactly one, left the greedy action. */
static void deviations(const char *algo, const char *settings, double *both, double *one) {
    drive d;
    real greedy[2];
    drive_begin(&d, algo_find(algo), "escape", "", settings, 1, 8000, 4);
    *both = *one = 0;
    drive_greedy(&d, greedy);
    for (int k = 0; k < 8000; k++) {
        drive_run(&d, 1);
        const real *taken = d.stage.vec.actions;
        int left = (taken[0] != greedy[0]) + (taken[1] != greedy[1]);
        *both += (left == 2) / 8000.0;
        *one += (left == 1) / 8000.0;
    }
    drive_end(&d);
}

static void expect_deviations(const char *algo, const char *settings, double both, double one) {
    double seen_both, seen_one;
    deviations(algo, settings, &seen_both, &seen_one);
    EXPECT_MSG(fabs(seen_both - both) < 0.02 && fabs(seen_one - one) < 0.02,
               "%s: both %g, one %g; expected %g, %g", settings, seen_both, seen_one, both, one);
}

/* epsilon 0.6 over three actions: an agent that explores leaves its action with chance 2/3. Own coins: 0.4
 * each, both 0.16, one 0.48. One coin: both 0.6 4/9, one 0.6 4/9. Before learning starts every action is
 * random: both 4/9, one 4/9. */
TEST(exploration_is_as_often_as_said) {
#define STILL "lr=0 tau=0 train_freq=1000000 hidden=8 epsilon=0.6 epsilon_decay=1 "
#define STILL_PAIR                                                                                           \
    "critic_lr=0 actor_lr=0 train_freq=1000000 hidden=8 epsilon=0.6 epsilon_decay=1 learning_starts=0 "
    expect_deviations("idqn", STILL "learning_starts=0 coin=own", 0.16, 0.48);
    expect_deviations("idqn", STILL "learning_starts=0 coin=joint", 0.6 * 4 / 9, 0.6 * 4 / 9);
    expect_deviations("idqn", STILL "learning_starts=8000", 4.0 / 9, 4.0 / 9);
    expect_deviations("maddpg", STILL_PAIR "sample_actions=false", 0.16, 0.48);
    expect_deviations("biac", STILL_PAIR "leader_critic_lr=0 coin=joint", 0.6 * 4 / 9, 0.6 * 4 / 9);
}

TEST_MAIN(CASE(taken_up_again_is_the_same), CASE(evaluation_changes_nothing),
          CASE(greedy_play_changes_nothing_and_is_the_same_twice), CASE(parameters_are_all_that_play_needs),
          CASE(nothing_is_allocated_while_learning), CASE(updates_do_not_depend_on_the_number_of_copies),
          CASE(metrics_are_described_and_known_at_the_end), CASE(exploration_is_as_often_as_said))
