/* Conformance of every environment in the table, and the functions of env.h. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "envs/env.h"
#include "envs/vector.h"
#include "tests/test.h"

/* ---- subjects ---- */

static char game_file[64];

static const char GAME_TEXT[] =
    "NFG 1 R \"Commitment\" { \"Row\" \"Column\" }\n{ { \"T\" \"B\" } { \"L\" \"R\" } }\n"
    "2 1  1 0  4 0  3 1\n";

/* Options besides the defaults under which an environment has to conform as well. */
static const struct {
    const char *name, *settings;
} VARIANTS[] = {
    {"penalty", "k=-25"},
    {"random-matrix", "rows=2 cols=7 covariance=-0.5 game_seed=9"},
    {"duopoly", "intercept=5000 costs=1000"},
    {"duopoly", "costs=1,2 slope=0.3 capacity=50"},
    {"oligopoly", "levels=0 costs=3"},
    {"oligopoly", "levels=2,0,1,0,1,2,2,1 costs=1,1.01,1.02,1,1,1.02,1,1"},
    {"merge", "speed0=39 speed1=39"},
};

static void write_game_file(void) {
    snprintf(game_file, sizeof game_file, "/tmp/firstmover.%ld.env.nfg", (long)getpid());
    FILE *file = fopen(game_file, "w");
    EXPECT(file != NULL);
    if (!file) return;
    fputs(GAME_TEXT, file);
    fclose(file);
}

static bool make(const char *name, const char *settings, fm_arena *arena, env *e) {
    fm_error err = {""};
    bool ok = env_open(name, arena, e, &err) == FM_OK &&
              (!settings || fm_options_apply(e->type->options, e->config, settings, &err) == FM_OK) &&
              env_create(e, arena, &err) == FM_OK;
    EXPECT_MSG(ok, "%s %s: %s", name, settings ? settings : "", err.text);
    return ok;
}

static void check_one(const char *name, const char *settings, void (*check)(const env *e)) {
    fm_arena arena = {0};
    env e;
    int before = test_now.failures;
    if (make(name, settings, &arena, &e)) check(&e);
    if (test_now.failures != before) printf("    (environment %s %s)\n", name, settings ? settings : "");
    fm_arena_free(&arena);
}

/* Every row with its defaults, the row of files with a file, and the variants. */
static void for_all(void (*check)(const env *e)) {
    write_game_file();
    for (size_t i = 0; ENV_TABLE[i]; i++) {
        bool file = strcmp(ENV_TABLE[i]->name, "nfg") == 0;
        check_one(file ? game_file : ENV_TABLE[i]->name, NULL, check);
    }
    for (size_t i = 0; i < sizeof VARIANTS / sizeof *VARIANTS; i++)
        if (env_find(VARIANTS[i].name)) check_one(VARIANTS[i].name, VARIANTS[i].settings, check);
    remove(game_file);
}

/* A uniformly random legal joint action for one copy. */
static void choose(const env_facts *facts, const uint8_t *mask, real *actions, fm_rng *rng) {
    for (int i = 0; i < facts->agents; i++) {
        const env_space *space = &facts->action[i];
        real *action = actions + facts->action_at[i];
        if (space->n == 0) {
            for (int k = 0; k < space->size; k++)
                action[k] = (real)(space->low[k] + fm_rng_uniform(rng) * (space->high[k] - space->low[k]));
            continue;
        }
        const uint8_t *legal = mask + facts->mask_at[i];
        int count = 0, pick;
        for (int a = 0; a < space->n; a++) count += legal[a];
        EXPECT_MSG(count >= 1, "agent %d has no legal action", i);
        pick = (int)fm_rng_below(rng, count > 0 ? (uint64_t)count : 1);
        for (int a = 0; a < space->n; a++)
            if (legal[a] && pick-- == 0) *action = (real)a;
    }
}

static void choose_all(env_vec *vec, fm_rng *rng) {
    const env_facts *facts = &vec->env->facts;
    for (int c = 0; c < vec->copies; c++)
        choose(facts, vec->mask + c * facts->mask_total, vec->actions + c * facts->action_total, rng);
}

static fm_rng chooser(void) { return fm_rng_split(5, FM_RNG_TEST, 0, 0); }

/* Whether copies a of v and b of w stand equal: what they see, got, and where they are. */
static bool same(const env_vec *v, int a, const env_vec *w, int b) {
    const env_facts *f = &v->env->facts;
    size_t obs = (size_t)f->obs_total * sizeof(real), masks = (size_t)f->mask_total,
           agents = (size_t)f->agents;
    size_t ra = (size_t)a, rb = (size_t)b;
    return memcmp(v->obs + ra * (size_t)f->obs_total, w->obs + rb * (size_t)f->obs_total, obs) == 0 &&
           memcmp(v->final_obs + ra * (size_t)f->obs_total, w->final_obs + rb * (size_t)f->obs_total, obs) ==
               0 &&
           memcmp(v->rewards + ra * agents, w->rewards + rb * agents, agents * sizeof(double)) == 0 &&
           memcmp(v->mask + ra * masks, w->mask + rb * masks, masks) == 0 &&
           memcmp(v->alive + ra * agents, w->alive + rb * agents, agents) == 0 &&
           memcmp(env_vec_state(v, a), env_vec_state(w, b), f->state_size) == 0 &&
           v->terminated[a] == w->terminated[b] && v->truncated[a] == w->truncated[b] &&
           v->length[a] == w->length[b] && v->ended_outcome[a] == w->ended_outcome[b];
}

/* ---- conformance ---- */

static void expect_different(const char *const *names, int n, const char *what) {
    int limit = n < 300 ? n : 300;
    for (int a = 0; names && a < limit; a++)
        for (int b = 0; b < a; b++)
            EXPECT_MSG(strcmp(names[a], names[b]) != 0, "%s '%s' twice", what, names[a]);
}

static void check_names(const env *e) {
    const env_facts *f = &e->facts;
    EXPECT(f->name[0] && f->title[0] && f->source[0] && e->type->doc[0]);
    for (int i = 0; i < f->agents; i++) expect_different(f->action[i].labels, f->action[i].n, "label");
    expect_different(f->agent_name, f->agents, "agent");
    expect_different(f->reading_name, f->readings, "reading");
    expect_different(f->outcome_name, f->outcomes, "outcome");
    for (int i = 0; i < f->agents; i++) {
        for (int a = 0; a < f->action[i].n; a++) {
            char text[32];
            fm_error err;
            int parsed = -1;
            const char *label = env_action_label(f, i, a, text, sizeof text);
            EXPECT(env_action_parse(f, i, label, &parsed, &err) == FM_OK);
            EXPECT_EQ(parsed, a);
        }
    }
}

TEST(names) { for_all(check_names); }

static void check_same_seed(const env *e) {
    fm_arena arena = {0};
    env_vec v, w, one;
    env_vec_init(&v, e, 3, 11, FM_RNG_ENV, &arena, NULL);
    env_vec_init(&w, e, 3, 11, FM_RNG_ENV, &arena, NULL);
    env_vec_init(&one, e, 1, 11, FM_RNG_ENV, &arena, NULL);
    fm_rng rng = chooser();
    env_vec_reset(&v);
    env_vec_reset(&w);
    env_vec_reset(&one);
    size_t joint = (size_t)e->facts.action_total;
    bool equal = true, alone = true;
    for (int t = 0; t < 200; t++) {
        choose_all(&v, &rng);
        memcpy(w.actions, v.actions, 3 * joint * sizeof(real));
        memcpy(one.actions, v.actions, joint * sizeof(real));
        env_vec_step(&v);
        env_vec_step(&w);
        env_vec_step(&one);
        for (int c = 0; c < 3; c++) equal = equal && same(&v, c, &w, c);
        alone = alone && same(&v, 0, &one, 0);
    }
    EXPECT_MSG(equal, "the same seed gives another trajectory");
    EXPECT_MSG(alone, "copy 0 depends on the number of copies");
    fm_arena_free(&arena);
}

TEST(same_seed_same_trajectory) { for_all(check_same_seed); }

/* Where no chance was drawn, the seed must not matter. */
static void check_other_seed(const env *e) {
    fm_arena arena = {0};
    env_vec v, w;
    env_vec_init(&v, e, 1, 1, FM_RNG_ENV, &arena, NULL);
    env_vec_init(&w, e, 1, 2, FM_RNG_ENV, &arena, NULL);
    fm_rng untouched = v.rng[0], rng = chooser();
    env_vec_reset(&v);
    env_vec_reset(&w);
    bool equal = same(&v, 0, &w, 0);
    for (int t = 0; equal && t < 200; t++) {
        choose_all(&v, &rng);
        memcpy(w.actions, v.actions, (size_t)e->facts.action_total * sizeof(real));
        env_vec_step(&v);
        env_vec_step(&w);
        equal = same(&v, 0, &w, 0);
    }
    bool chance = memcmp(&untouched, v.rng, sizeof untouched) != 0;
    EXPECT_MSG(equal || chance, "other seeds differ although nothing was drawn");
    fm_arena_free(&arena);
}

TEST(other_seeds_differ_only_by_chance) { for_all(check_other_seed); }

static void check_run(const env *e) {
    const env_facts *f = &e->facts;
    fm_arena arena = {0};
    env_vec v;
    env_vec_init(&v, e, 3, 3, FM_RNG_ENV, &arena, NULL);
    env_vec_reset(&v);
    fm_rng rng = chooser();
    int episodes = 0;
    for (int t = 0; t < 500; t++) {
        choose_all(&v, &rng);
        env_vec_step(&v);
        for (int k = 0; k < 3 * f->obs_total; k++) EXPECT(isfinite(v.obs[k]) && isfinite(v.final_obs[k]));
        for (int k = 0; k < 3 * f->agents; k++) {
            double low = f->reward_low[k % f->agents], high = f->reward_high[k % f->agents];
            double slack = 1e-12 * (fabs(low) + fabs(high));
            EXPECT_MSG(v.rewards[k] >= low - slack && v.rewards[k] <= high + slack,
                       "reward %.17g outside %g..%g", v.rewards[k], low, high);
            EXPECT(v.alive[k] <= 1);
            if (f->rewards == ENV_COMMON) EXPECT(v.rewards[k] == v.rewards[k - k % f->agents]);
        }
        for (int k = 0; k < 3 * f->mask_total; k++) EXPECT(f->masks ? v.mask[k] <= 1 : v.mask[k] == 1);
        for (int c = 0; c < 3; c++) {
            bool over = v.terminated[c] || v.truncated[c];
            episodes += over;
            EXPECT(!(v.terminated[c] && v.truncated[c]));
            EXPECT(v.length[c] < f->horizon && v.ended_length[c] <= f->horizon);
            EXPECT((v.ended_length[c] > 0) == over);
            EXPECT(over && f->outcomes > 0 ? v.ended_outcome[c] >= 0 && v.ended_outcome[c] < f->outcomes
                                           : v.ended_outcome[c] == -1);
        }
    }
    EXPECT_MSG(episodes > 0 || f->horizon > 500, "no episode ended");
    fm_arena_free(&arena);
}

TEST(numbers_are_within_the_facts) { for_all(check_run); }

/* A copied situation with a copied stream goes on in the same way. */
static void check_clone(const env *e) {
    const env_facts *f = &e->facts;
    fm_arena arena = {0};
    env_vec v;
    env_vec_init(&v, e, 2, 8, FM_RNG_ENV, &arena, NULL);
    env_vec_reset(&v);
    fm_rng rng = chooser();
    size_t joint = (size_t)f->action_total;
    bool equal = true;
    for (int t = 0; t < 120; t++) {
        if (t % 7 == 0) {
            memcpy(env_vec_state(&v, 1), env_vec_state(&v, 0), f->state_size);
            memcpy(v.mask + f->mask_total, v.mask, (size_t)f->mask_total);
            v.rng[1] = v.rng[0];
            v.length[1] = v.length[0];
        }
        choose_all(&v, &rng);
        memcpy(v.actions + joint, v.actions, joint * sizeof(real));
        env_vec_step(&v);
        equal = equal && same(&v, 0, &v, 1);
    }
    EXPECT_MSG(equal, "a copied state goes on differently");
    fm_arena_free(&arena);
}

TEST(state_bytes_are_the_situation) { for_all(check_clone); }

/* One copy's slices, each between guards that nothing may touch. */
#define GUARD 8
#define GUARD_BYTE 0xA5

typedef struct guarded {
    unsigned char *block;
    size_t size;
} guarded;

static guarded guard(fm_arena *arena, size_t size) {
    guarded g = {fm_arena_alloc(arena, size + 2 * FM_ALIGNMENT, 1), size};
    memset(g.block, GUARD_BYTE, size + 2 * FM_ALIGNMENT);
    return g;
}

static void *inside(guarded g) { return g.block + FM_ALIGNMENT; }

static bool intact(guarded g) {
    for (size_t i = 0; i < FM_ALIGNMENT; i++)
        if (g.block[i] != GUARD_BYTE || g.block[FM_ALIGNMENT + g.size + i] != GUARD_BYTE) return false;
    return true;
}

static void check_readings(const env *e, const void *state, guarded readings) {
    double *x = inside(readings);
    for (int k = 0; k < e->facts.readings; k++) x[k] = NAN;
    e->type->read(e->game, state, x);
    for (int k = 0; k < e->facts.readings; k++)
        EXPECT_MSG(isfinite(x[k]), "reading %s is %g", e->facts.reading_name[k], x[k]);
    EXPECT(intact(readings));
}

static void check_render(const env *e, const void *state, const real *actions) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    EXPECT(out != NULL);
    if (!out) return;
    e->type->render(e->game, state, actions, out);
    EXPECT_EQ(fclose(out), 0);
    EXPECT(length > 0);
    EXPECT(length > 0 && text[length - 1] == '\n');
    free(text);
}

static void check_slices(const env *e) {
    const env_facts *f = &e->facts;
    fm_arena arena = {0};
    size_t n = (size_t)f->agents, masks = (size_t)f->mask_total, seen = (size_t)f->obs_total;
    guarded obs = guard(&arena, seen * sizeof(real)), rewards = guard(&arena, n * sizeof(double));
    guarded mask = guard(&arena, masks), alive = guard(&arena, n), state = guard(&arena, f->state_size);
    guarded readings = guard(&arena, (size_t)f->readings * sizeof(double));
    real *actions = fm_arena_array(&arena, real, (size_t)f->action_total);
    fm_rng rng = chooser(), chance = fm_rng_split(3, FM_RNG_ENV, 0, 0);
    env_io io = {inside(obs), actions, inside(rewards), inside(mask), inside(alive), true};
    memset(inside(state), 0, f->state_size);
    for (int t = 0; t < 100; t++) {
        bool first = io.terminated || t % f->horizon == 0;
        for (size_t k = 0; k < seen; k++) io.obs[k] = (real)NAN;
        if (!first) choose(f, io.mask, actions, &rng);
        memset(io.mask, 1, masks);
        memset(io.alive, 1, n);
        memset(io.rewards, 0, n * sizeof(double));
        io.terminated = false;
        fm_rng before = chance;
        if (first) e->type->reset(e->game, inside(state), &chance, &io);
        else e->type->step(e->game, inside(state), &chance, &io);
        if (f->deterministic && !first)
            EXPECT_MSG(memcmp(&before, &chance, sizeof chance) == 0, "step draws chance");
        for (size_t k = 0; k < seen; k++)
            EXPECT_MSG(isfinite(io.obs[k]), "obs[%zu] = %g", k, (double)io.obs[k]);
        EXPECT(intact(obs) && intact(rewards) && intact(mask) && intact(alive) && intact(state));
        check_readings(e, inside(state), readings);
        if (t < 8) check_render(e, inside(state), first ? NULL : actions);
    }
    fm_arena_free(&arena);
}

TEST(slices_readings_and_render) { for_all(check_slices); }

/* The payoffs of a one-shot game of one-number actions. */
static void play_once(env_vec *v, const double *action, double *rewards) {
    for (int i = 0; i < v->env->facts.agents; i++) v->actions[i] = (real)action[i];
    env_vec_step(v);
    memcpy(rewards, v->rewards, (size_t)v->env->facts.agents * sizeof *rewards);
}

static void check_deviations(const env_facts *f, env_vec *v, const env_solution *solution, double tolerance) {
    for (int i = 0; i < f->agents; i++) {
        const env_space *space = &f->action[i];
        double action[ENV_AGENTS_MAX], rewards[ENV_AGENTS_MAX];
        memcpy(action, solution->action, sizeof action);
        for (int k = 0; k < (space->n ? space->n : 101); k++) {
            action[i] = space->n ? k : space->low[0] + (space->high[0] - space->low[0]) * k / 100;
            play_once(v, action, rewards);
            EXPECT_MSG(rewards[i] <= solution->value[i] + tolerance, "agent %d gains by leaving %s", i,
                       solution->label);
        }
    }
}

static void check_solutions(const env *e) {
    const env_facts *f = &e->facts;
    EXPECT(f->solutions >= 0);
    if (f->horizon != 1 || f->action_total != f->agents) return;
    EXPECT(env_facts_solution(f, "stackelberg") != NULL);
    EXPECT(env_facts_solution(f, "no such concept") == NULL);
    fm_arena arena = {0};
    env_vec v;
    env_vec_init(&v, e, 1, 0, FM_RNG_EVAL, &arena, NULL);
    env_vec_reset(&v);
    for (int s = 0; s < f->solutions; s++) {
        double rewards[ENV_AGENTS_MAX], scale = 1;
        play_once(&v, f->solution[s].action, rewards);
        for (int i = 0; i < f->agents; i++)
            scale = fmax(scale, fmax(fabs(f->reward_low[i]), f->reward_high[i]));
        double tolerance = f->action[0].n ? 0 : 2e-6 * scale;
        for (int i = 0; i < f->agents; i++) EXPECT_NEAR(rewards[i], f->solution[s].value[i], tolerance);
        if (strcmp(f->solution[s].concept, "nash") == 0) check_deviations(f, &v, &f->solution[s], tolerance);
    }
    fm_arena_free(&arena);
}

TEST(known_solutions_are_played) { for_all(check_solutions); }

static void check_allocation(const env *e) {
    fm_arena arena = {0};
    env_vec v;
    env_vec_init(&v, e, 3, 0, FM_RNG_ENV, &arena, NULL);
    env_vec_reset(&v);
    fm_rng rng = chooser();
    size_t calls = fm_arena_system_calls(), used = arena.used;
    for (int t = 0; t < 50; t++) {
        choose_all(&v, &rng);
        env_vec_step(&v);
    }
    EXPECT_EQ(fm_arena_system_calls(), calls);
    EXPECT_EQ(arena.used, used);
    fm_arena_free(&arena);
}

TEST(steps_take_no_memory) { for_all(check_allocation); }

/* ---- env.h ---- */

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

/* Facts of a game of two agents with three actions each, correct. */
static env_facts plain_facts(void) {
    static const char *const readings[] = {"x"};
    static const char *const labels[] = {"UP", "up", "Stay"};
    env_facts facts = {.name = "plain",
                       .title = "t",
                       .source = "s",
                       .agents = 2,
                       .horizon = 3,
                       .readings = 1,
                       .reading_name = readings,
                       .rewards = ENV_GENERAL_SUM};
    for (int i = 0; i < 2; i++) {
        facts.agent_name[i] = i ? "b" : "a";
        facts.level[i] = i;
        facts.obs_length[i] = 2 + i;
        facts.action[i] = (env_space){.n = 3, .size = 1, .labels = i ? NULL : labels};
    }
    return facts;
}

TEST(facts_finish) {
    static const double low[] = {-1, 0}, high[] = {1, 2};
    env_facts facts = plain_facts();
    facts.action[1] = (env_space){.size = 2, .low = low, .high = high};
    env_facts_finish(&facts);
    EXPECT_EQ(facts.obs_total, 5);
    EXPECT_EQ(facts.obs_at[1], 2);
    EXPECT_EQ(facts.action_at[1], 1);
    EXPECT_EQ(facts.action_total, 3);
    EXPECT_EQ(facts.mask_at[1], 3);
    EXPECT_EQ(facts.mask_total, 3);
}

static void spoil(env_facts *facts, int how) {
    static const double low[] = {1}, high[] = {1};
    switch (how) {
    case 0: facts->agents = 0; break;
    case 1: facts->agents = ENV_AGENTS_MAX + 1; break;
    case 2: facts->horizon = 0; break;
    case 3: facts->level[1] = 2; break;
    case 4: facts->level[0] = 1; break;
    case 5: facts->obs_length[1] = 0; break;
    case 6: facts->action[1] = (env_space){.size = 1, .low = low, .high = high}; break;
    case 7: facts->action[0].size = 2; break;
    case 8: facts->reward_low[0] = 1; break;
    case 9: facts->rewards = ENV_COMMON, facts->reward_high[1] = 1; break;
    case 10: facts->readings = 0; break;
    case 11: facts->outcomes = 1; break;
    case 12: facts->solutions = 1; break;
    case 13: facts->agent_name[1] = NULL; break;
    case 14:
        facts->agents = 3;
        facts->agent_name[2] = "c", facts->obs_length[2] = 1, facts->action[2] = facts->action[1];
        facts->level[1] = 0, facts->level[2] = 2;
        break;
    default: break;
    }
}

TEST(facts_finish_aborts_on_contradictions) {
    for (int how = 0; how <= 15; how++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            if (!freopen("/dev/null", "w", stderr)) _exit(3);
            env_facts facts = plain_facts();
            spoil(&facts, how);
            env_facts_finish(&facts);
            _exit(0);
        }
        int status = 0;
        EXPECT(child > 0 && waitpid(child, &status, 0) == child);
        bool aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
        EXPECT_MSG(aborted == (how < 15), "contradiction %d: status %d", how, status);
    }
}

TEST(action_parse) {
    env_facts facts = plain_facts();
    env_facts_finish(&facts);
    fm_error err;
    int action = -1;
    EXPECT_EQ(env_action_parse(&facts, 0, "up", &action, &err), FM_OK);
    EXPECT_EQ(action, 1);
    EXPECT_EQ(env_action_parse(&facts, 0, "STAY", &action, &err), FM_OK);
    EXPECT_EQ(action, 2);
    EXPECT_EQ(env_action_parse(&facts, 0, "0", &action, &err), FM_OK);
    EXPECT_EQ(action, 0);
    EXPECT_EQ(env_action_parse(&facts, 0, "Up", &action, &err), FM_BAD); /* two labels in any case */
    EXPECT_EQ(env_action_parse(&facts, 0, "Stray", &action, &err), FM_BAD);
    EXPECT_HAS(err.text, "did you mean 'Stay'");
    EXPECT_EQ(env_action_parse(&facts, 0, "3", &action, &err), FM_BAD);
    EXPECT_EQ(env_action_parse(&facts, 0, "", &action, &err), FM_BAD);
    EXPECT_EQ(env_action_parse(&facts, 1, "-1", &action, &err), FM_BAD);
    EXPECT_HAS(err.text, "0..2");
    EXPECT_EQ(env_action_parse(&facts, 1, "1.5", &action, &err), FM_BAD);
    EXPECT_EQ(env_action_parse(&facts, 1, "2", &action, &err), FM_OK);
    EXPECT_EQ(action, 2);
    char text[16];
    EXPECT_TEXT(env_action_label(&facts, 0, 2, text, sizeof text), "Stay");
    EXPECT_TEXT(env_action_label(&facts, 1, 2, text, sizeof text), "2");
}

TEST_MAIN(CASE(names), CASE(same_seed_same_trajectory), CASE(other_seeds_differ_only_by_chance),
          CASE(numbers_are_within_the_facts), CASE(state_bytes_are_the_situation),
          CASE(slices_readings_and_render), CASE(known_solutions_are_played), CASE(steps_take_no_memory),
          CASE(find_and_open), CASE(facts_finish), CASE(facts_finish_aborts_on_contradictions),
          CASE(action_parse))
