/* Conformance of every environment in the table, and of the tests' own, to env.h and vector.h. */
#include <stdlib.h>

#include "envs/vector.h"
#include "tests/conformance.h"

/* A uniformly random legal action of every agent of one copy; whoever is not active has `idle`. */
static void choose(const env_facts *facts, const uint8_t *mask, const uint8_t *active, double idle,
                   real *actions, fm_rng *rng) {
    for (int i = 0; i < facts->agents; i++) {
        const env_space *space = &facts->agent[i].action;
        const uint8_t *legal = mask + facts->agent[i].mask_at;
        real *action = actions + facts->agent[i].action_at;
        for (int k = 0; k < space->size; k++) {
            int n = env_space_actions(space, k), count = 0, pick;
            for (int a = 0; a < n; a++) count += legal[a];
            if (space->kind == ENV_BOX) {
                action[k] = (real)(space->low[k] + fm_rng_uniform(rng) * (space->high[k] - space->low[k]));
            } else {
                EXPECT_MSG(count >= 1 || !active[i], "agent %d has no legal action", i);
                pick = (int)fm_rng_below(rng, count > 0 ? (uint64_t)count : 1);
                for (int a = 0; a < n; a++)
                    if (legal[a] && pick-- == 0) action[k] = (real)a;
            }
            if (!active[i]) action[k] = (real)idle;
            legal += n;
        }
    }
}

static void choose_all(env_vec *vec, fm_rng *rng) {
    const env_facts *f = &vec->env->facts;
    env_view now = env_vec_now(vec);
    for (int c = 0; c < vec->copies; c++)
        choose(f, now.mask + c * f->mask_total, now.active + c * f->agents, NAN,
               vec->actions + c * f->action_total, rng);
}

static fm_rng chooser(void) { return fm_rng_split(5, FM_RNG_TEST, 0, 0); }

static void begin(env_vec *v, const env *e, int copies, uint64_t seed, fm_arena *arena) {
    fm_error err = {""};
    env_vec_init(v, e, copies, seed, FM_RNG_ENV, arena, NULL);
    EXPECT_MSG(env_vec_reset(v, &err) == FM_OK, "%s", err.text);
}

static void take(env_vec *v) {
    fm_error err = {""};
    EXPECT_MSG(env_vec_step(v, &err) == FM_OK, "%s", err.text);
}

static void restart(env_vec *v) {
    fm_error err = {""};
    EXPECT_MSG(env_vec_restart(v, &err) == FM_OK, "%s", err.text);
}

static bool same_part(const void *x, int a, const void *y, int b, int width, size_t size) {
    size_t bytes = (size_t)width * size;
    return memcmp((const char *)x + (size_t)a * bytes, (const char *)y + (size_t)b * bytes, bytes) == 0;
}

/* Whether row a of one view equals row b of another. */
static bool same_view(const env_facts *f, env_view v, int a, env_view w, int b) {
    return same_part(v.obs, a, w.obs, b, f->obs_total, sizeof(real)) &&
           same_part(v.central, a, w.central, b, f->central_length, sizeof(real)) &&
           same_part(v.mask, a, w.mask, b, f->mask_total, 1) &&
           same_part(v.active, a, w.active, b, f->agents, 1) &&
           same_part(v.learns, a, w.learns, b, f->agents, 1) && v.first[a] == w.first[b];
}

/* Whether copies a of v and b of w stand equal: what they see, got, and where they are. */
static bool same(const env_vec *v, int a, const env_vec *w, int b) {
    const env_facts *f = &v->env->facts;
    return same_view(f, env_vec_now(v), a, env_vec_now(w), b) &&
           same_part(v->rewards, a, w->rewards, b, f->agents, sizeof(double)) &&
           same_part(v->sum, a, w->sum, b, f->agents, sizeof(double)) &&
           same_part(v->done, a, w->done, b, f->agents, 1) &&
           memcmp(env_vec_state(v, a), env_vec_state(w, b), f->state_size) == 0 &&
           v->terminated[a] == w->terminated[b] && v->truncated[a] == w->truncated[b] &&
           v->length[a] == w->length[b] && v->outcome[a] == w->outcome[b];
}

/* ---- conformance ---- */

static void expect_different(const char *const *names, int n, const char *what) {
    int limit = n < 300 ? n : 300;
    for (int a = 0; names && a < limit; a++)
        for (int b = 0; b < a; b++)
            EXPECT_MSG(strcmp(names[a], names[b]) != 0, "%s '%s' twice", what, names[a]);
}

/* The labels of one head lead back to its actions. */
static void check_head(const env_facts *f, int agent, int head) {
    int n = env_space_actions(&f->agent[agent].action, head);
    for (int a = 0; a < n; a++) {
        char text[32];
        fm_error err;
        int parsed = -1;
        const char *label = env_action_label(f, agent, head, a, text, sizeof text);
        EXPECT(env_action_parse(f, agent, head, label, &parsed, &err) == FM_OK);
        EXPECT_EQ(parsed, a);
    }
}

static void check_names(const env *e) {
    const env_facts *f = &e->facts;
    EXPECT(f->name[0] && f->title[0] && f->source[0] && e->type->doc[0]);
    expect_different(f->reading_name, f->readings, "reading");
    expect_different(f->outcome_name, f->outcomes, "outcome");
    for (int i = 0; i < f->agents; i++) {
        for (int j = 0; j < i; j++) EXPECT(strcmp(f->agent[i].name, f->agent[j].name) != 0);
        for (int k = 0; k < f->agent[i].action.size; k++) check_head(f, i, k);
    }
}

TEST(names) { for_all(check_names); }

static void check_same_seed(const env *e) {
    fm_arena arena = {0};
    env_vec v, w, one;
    begin(&v, e, 3, 11, &arena);
    begin(&w, e, 3, 11, &arena);
    begin(&one, e, 1, 11, &arena);
    fm_rng rng = chooser();
    size_t joint = (size_t)e->facts.action_total;
    bool equal = true, alone = true;
    for (int t = 0; t < 200; t++) {
        choose_all(&v, &rng);
        memcpy(w.actions, v.actions, 3 * joint * sizeof(real));
        memcpy(one.actions, v.actions, joint * sizeof(real));
        take(&v), take(&w), take(&one);
        for (int c = 0; c < 3; c++) equal = equal && same(&v, c, &w, c);
        alone = alone && same(&v, 0, &one, 0);
        restart(&v), restart(&w), restart(&one);
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
    fm_rng untouched = fm_rng_split(1, FM_RNG_ENV, 0, 0), rng = chooser();
    begin(&v, e, 1, 1, &arena);
    begin(&w, e, 1, 2, &arena);
    bool equal = same(&v, 0, &w, 0);
    for (int t = 0; equal && t < 200; t++) {
        choose_all(&v, &rng);
        memcpy(w.actions, v.actions, (size_t)e->facts.action_total * sizeof(real));
        take(&v), take(&w);
        equal = same(&v, 0, &w, 0);
        restart(&v), restart(&w);
    }
    bool chance = memcmp(&untouched, v.rng, sizeof untouched) != 0;
    EXPECT_MSG(equal || chance, "other seeds differ although nothing was drawn");
    fm_arena_free(&arena);
}

TEST(other_seeds_differ_only_by_chance) { for_all(check_other_seed); }

/* One agent's reward and flags; `was`: whether it was done before the step. */
static void check_agent(const env_vec *v, int copy, int agent, bool was, double common) {
    const env_facts *f = &v->env->facts;
    env_view now = env_vec_now(v);
    int k = copy * f->agents + agent;
    double low = f->agent[agent].reward_low, high = f->agent[agent].reward_high;
    double slack = 1e-12 * (fabs(low) + fabs(high));
    EXPECT_MSG(was ? v->rewards[k] == 0 : v->rewards[k] >= low - slack && v->rewards[k] <= high + slack,
               "reward %.17g outside %g..%g", v->rewards[k], low, high);
    if (f->rewards == ENV_COMMON) EXPECT(v->rewards[k] == common);
    EXPECT(v->done[k] <= 1 && now.active[k] <= 1 && now.learns[k] <= now.active[k]);
    EXPECT_MSG(!was || v->done[k], "agent %d came to life again", agent);
    EXPECT(!(now.active[k] && v->done[k]) && (!v->terminated[copy] || v->done[k]));
    EXPECT(f->pauses || now.active[k] || v->done[k]);
    if (f->fixed_length) EXPECT(now.active[k] != v->done[k] && v->done[k] == v->terminated[copy]);
}

/* How an episode ends, and what its end leaves. */
static void check_end(const env_vec *v, int copy) {
    const env_facts *f = &v->env->facts;
    bool over = env_vec_ended(v, copy);
    EXPECT(!(v->terminated[copy] && v->truncated[copy]));
    EXPECT(v->length[copy] >= 1 && v->length[copy] <= f->horizon && (over || v->length[copy] < f->horizon));
    EXPECT(!f->fixed_length || v->terminated[copy] == (v->length[copy] == f->horizon));
    EXPECT(over && f->outcomes > 0 ? v->outcome[copy] >= 0 && v->outcome[copy] < f->outcomes
                                   : v->outcome[copy] == -1);
    EXPECT_EQ(env_vec_before(v).first[copy], v->length[copy] == 1);
    EXPECT_EQ(env_vec_now(v).first[copy], 0);
}

/* A restart begins the copies that ended, and leaves the others as they are. */
static void check_restart(env_vec *v, env_vec *as_it_was) {
    const env_facts *f = &v->env->facts;
    bool ended[3];
    for (int c = 0; c < v->copies; c++) ended[c] = env_vec_ended(v, c);
    restart(v);
    env_view now = env_vec_now(v);
    for (int c = 0; c < v->copies; c++) {
        EXPECT_EQ(now.first[c], ended[c]);
        EXPECT(!env_vec_ended(v, c) && v->outcome[c] == -1);
        if (!ended[c]) EXPECT(same(v, c, as_it_was, c));
        for (int i = 0; ended[c] && i < f->agents; i++)
            EXPECT(v->sum[c * f->agents + i] == 0 && v->done[c * f->agents + i] == 0);
        if (ended[c]) EXPECT_EQ(v->length[c], 0);
    }
}

/* Agents that say so observe one situation of several. */
static void check_one_hot(const env_vec *v, int copy) {
    const env_facts *f = &v->env->facts;
    for (int i = 0; i < f->agents; i++) {
        const real *obs = env_vec_now(v).obs + copy * f->obs_total + f->agent[i].obs_at;
        int ones = 0, others = 0;
        if (!f->agent[i].one_hot || !env_vec_now(v).active[copy * f->agents + i]) continue;
        for (int k = 0; k < f->agent[i].obs_length; k++) {
            ones += obs[k] == 1;
            others += obs[k] != 0 && obs[k] != 1;
        }
        EXPECT_MSG(ones == 1 && others == 0, "agent %d does not observe a one-hot", i);
    }
}

static void check_run(const env *e) {
    const env_facts *f = &e->facts;
    fm_arena arena = {0};
    env_vec v, twin;
    begin(&v, e, 3, 3, &arena);
    begin(&twin, e, 3, 3, &arena); /* steps alike, so that it shows what stood there before a restart */
    fm_rng rng = chooser();
    uint8_t *was = fm_arena_array(&arena, uint8_t, (size_t)(3 * f->agents));
    int episodes = 0;
    for (int t = 0; t < 500; t++) {
        choose_all(&v, &rng);
        memcpy(twin.actions, v.actions, (size_t)(3 * f->action_total) * sizeof(real));
        memcpy(was, v.done, (size_t)(3 * f->agents));
        take(&v), take(&twin);
        for (int c = 0; c < 3; c++) {
            for (int i = 0; i < f->agents; i++)
                check_agent(&v, c, i, was[c * f->agents + i], v.rewards[c * f->agents]);
            check_end(&v, c);
            check_one_hot(&v, c);
            episodes += env_vec_ended(&v, c);
        }
        for (int k = 0; k < 3 * f->mask_total; k++)
            EXPECT(f->masks ? env_vec_now(&v).mask[k] <= 1 : env_vec_now(&v).mask[k] == 1);
        check_restart(&v, &twin);
        restart(&twin);
    }
    EXPECT_MSG(episodes > 0 || f->horizon > 500, "no episode ended");
    fm_arena_free(&arena);
}

TEST(numbers_and_flags_are_within_the_facts) { for_all(check_run); }

/* What was now becomes before. */
static void check_before(const env *e) {
    fm_arena arena = {0};
    env_vec v, behind;
    begin(&v, e, 2, 6, &arena);
    begin(&behind, e, 2, 6, &arena);
    fm_rng rng = chooser();
    bool equal = true;
    for (int t = 0; t < 60; t++) {
        choose_all(&v, &rng);
        memcpy(behind.actions, v.actions, (size_t)(2 * e->facts.action_total) * sizeof(real));
        take(&v);
        for (int c = 0; c < 2; c++)
            equal = equal && same_view(&e->facts, env_vec_before(&v), c, env_vec_now(&behind), c);
        restart(&v);
        take(&behind), restart(&behind);
    }
    EXPECT_MSG(equal, "what was seen before a step is not what was seen then");
    fm_arena_free(&arena);
}

TEST(before_is_what_was_now) { for_all(check_before); }

static void copy_part(void *x, int to, int from, int width, size_t size) {
    size_t bytes = (size_t)width * size;
    memcpy((char *)x + (size_t)to * bytes, (char *)x + (size_t)from * bytes, bytes);
}

/* Puts copy 1 where copy 0 is. */
static void copy_situation(env_vec *v) {
    const env_facts *f = &v->env->facts;
    const env_rows *now = &v->rows[*v->at];
    memcpy(env_vec_state(v, 1), env_vec_state(v, 0), f->state_size);
    copy_part(now->obs, 1, 0, f->obs_total, sizeof(real));
    copy_part(now->central, 1, 0, f->central_length, sizeof(real));
    copy_part(now->mask, 1, 0, f->mask_total, 1);
    copy_part(now->active, 1, 0, f->agents, 1);
    copy_part(now->learns, 1, 0, f->agents, 1);
    copy_part(v->done, 1, 0, f->agents, 1);
    copy_part(v->sum, 1, 0, f->agents, sizeof(double));
    v->rng[1] = v->rng[0];
    v->length[1] = v->length[0];
}

/* A copied situation with a copied stream goes on in the same way. */
static void check_clone(const env *e) {
    fm_arena arena = {0};
    env_vec v;
    begin(&v, e, 2, 8, &arena);
    fm_rng rng = chooser();
    bool equal = true;
    for (int t = 0; t < 120; t++) {
        if (t % 7 == 0) copy_situation(&v);
        choose_all(&v, &rng);
        copy_part(v.actions, 1, 0, e->facts.action_total, sizeof(real));
        take(&v);
        equal = equal && same(&v, 0, &v, 1);
        restart(&v);
    }
    EXPECT_MSG(equal, "a copied state goes on differently");
    fm_arena_free(&arena);
}

TEST(state_bytes_are_the_situation) { for_all(check_clone); }

/* ---- slices between guards that nothing may touch ---- */

#define GUARD_BYTE 0xA5

typedef struct guarded {
    unsigned char *block;
    size_t size;
} guarded;

enum { OBS, CENTRAL, REWARDS, MASK, ACTIVE, LEARNS, DONE, STATE, READINGS, PARTS };

/* One copy without a vectoriser. */
typedef struct bare {
    const env *e;
    guarded part[PARTS];
    real *actions;
    env_io io;
    void *state;
    fm_rng chance;
} bare;

static void *inside(guarded g) { return g.block + FM_ALIGNMENT; }

static bool intact(const bare *b) {
    for (int p = 0; p < PARTS; p++)
        for (size_t i = 0; i < FM_ALIGNMENT; i++)
            if (b->part[p].block[i] != GUARD_BYTE ||
                b->part[p].block[FM_ALIGNMENT + b->part[p].size + i] != GUARD_BYTE)
                return false;
    return true;
}

static bare make_bare(const env *e, fm_arena *arena) {
    const env_facts *f = &e->facts;
    size_t n = (size_t)f->agents;
    const size_t sizes[PARTS] = {(size_t)f->obs_total * sizeof(real),
                                 (size_t)f->central_length * sizeof(real),
                                 n * sizeof(double),
                                 (size_t)f->mask_total,
                                 n,
                                 n,
                                 n,
                                 f->state_size,
                                 (size_t)f->readings * sizeof(double)};
    bare b = {.e = e, .chance = fm_rng_split(3, FM_RNG_ENV, 0, 0)};
    for (int p = 0; p < PARTS; p++) {
        b.part[p] = (guarded){fm_arena_alloc(arena, sizes[p] + 2 * FM_ALIGNMENT, 1), sizes[p]};
        memset(b.part[p].block, GUARD_BYTE, sizes[p] + 2 * FM_ALIGNMENT);
    }
    b.actions = fm_arena_array(arena, real, (size_t)f->action_total);
    b.state = inside(b.part[STATE]);
    b.io = (env_io){inside(b.part[OBS]),  inside(b.part[CENTRAL]), b.actions,
                    inside(b.part[REWARDS]), inside(b.part[MASK]), inside(b.part[ACTIVE]),
                    inside(b.part[LEARNS]), inside(b.part[DONE]),  true, false};
    memset(b.state, 0, f->state_size);
    return b;
}

/* What the contract promises in its slices, and nan where the environment has to write. */
static void prepare(bare *b, bool first) {
    const env_facts *f = &b->e->facts;
    for (int k = 0; k < f->obs_total; k++) b->io.obs[k] = (real)NAN;
    for (int k = 0; k < f->central_length; k++) b->io.central[k] = (real)NAN;
    memset(b->io.mask, 1, (size_t)f->mask_total);
    memset(b->io.learns, 1, (size_t)f->agents);
    memset(b->io.rewards, 0, (size_t)f->agents * sizeof(double));
    if (first) memset(b->io.done, 0, (size_t)f->agents);
    for (int i = 0; i < f->agents; i++) b->io.active[i] = !b->io.done[i];
    b->io.terminated = b->io.truncated = false;
}

/* Resets or steps it. */
static void move(bare *b, bool first) {
    prepare(b, first);
    if (first) b->e->type->reset(b->e->game, b->state, &b->chance, &b->io);
    else b->e->type->step(b->e->game, b->state, &b->chance, &b->io);
}

static void check_readings(const bare *b) {
    double *x = inside(b->part[READINGS]);
    for (int k = 0; k < b->e->facts.readings; k++) x[k] = NAN;
    b->e->type->read(b->e->game, b->state, x);
    for (int k = 0; k < b->e->facts.readings; k++)
        EXPECT_MSG(isfinite(x[k]), "reading %s is %g", b->e->facts.reading_name[k], x[k]);
}

static void check_render(const bare *b, const real *actions) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    EXPECT(out != NULL);
    if (!out) return;
    b->e->type->render(b->e->game, b->state, actions, out);
    EXPECT_EQ(fclose(out), 0);
    EXPECT(length > 0);
    EXPECT(length > 0 && text[length - 1] == '\n');
    free(text);
}

static void check_slices(const env *e) {
    const env_facts *f = &e->facts;
    fm_arena arena = {0};
    bare b = make_bare(e, &arena), twin = make_bare(e, &arena);
    fm_rng rng = chooser();
    for (int t = 0; t < 100; t++) {
        bool first = b.io.terminated || b.io.truncated || t % f->horizon == 0;
        if (!first) {
            /* In a twin, agents that are not active choose something else, which must have no effect. */
            fm_rng again = rng;
            choose(f, b.io.mask, b.io.active, 0, b.actions, &rng);
            choose(f, b.io.mask, b.io.active, 1, twin.actions, &again);
        }
        memcpy(twin.state, b.state, f->state_size);
        memcpy(twin.io.done, b.io.done, (size_t)f->agents);
        twin.chance = b.chance;
        fm_rng before = b.chance;
        move(&b, first), move(&twin, first);
        EXPECT(memcmp(b.state, twin.state, f->state_size) == 0);
        EXPECT(memcmp(b.io.rewards, twin.io.rewards, (size_t)f->agents * sizeof(double)) == 0);
        if (f->deterministic && !first)
            EXPECT_MSG(memcmp(&before, &b.chance, sizeof before) == 0, "step draws chance");
        for (int k = 0; k < f->obs_total; k++)
            EXPECT_MSG(isfinite(b.io.obs[k]), "obs[%d] = %g", k, (double)b.io.obs[k]);
        for (int k = 0; k < f->central_length; k++) EXPECT(isfinite(b.io.central[k]));
        check_readings(&b);
        if (t < 8) check_render(&b, first ? NULL : b.actions);
        EXPECT(intact(&b));
    }
    fm_arena_free(&arena);
}

TEST(slices_readings_and_render) { for_all(check_slices); }

/* ---- starts ---- */

#define DRAWS 4000

/* The listed starts are those that reset draws, each as often as it says: within five standard errors. */
static void check_starts(const env *e) {
    const env_facts *f = &e->facts;
    fm_arena arena = {0};
    bare listed = make_bare(e, &arena), drawn = make_bare(e, &arena);
    int *count = fm_arena_array(&arena, int, (size_t)f->starts);
    double sum = 0;
    for (int k = 0; k < f->starts; k++) sum += f->start_chance[k];
    if (f->starts > 0) EXPECT_NEAR(sum, 1, 1e-12);
    for (int n = 0; n < DRAWS && f->starts > 0; n++) {
        move(&drawn, true);
        int found = 0;
        for (int k = 0; k < f->starts; k++) {
            prepare(&listed, true);
            e->type->start(e->game, listed.state, k, &listed.io);
            if (memcmp(listed.state, drawn.state, f->state_size) != 0) continue;
            EXPECT(memcmp(listed.io.obs, drawn.io.obs, (size_t)f->obs_total * sizeof(real)) == 0);
            EXPECT(memcmp(listed.io.active, drawn.io.active, (size_t)f->agents) == 0);
            count[k]++, found++;
        }
        EXPECT_EQ(found, 1);
    }
    for (int k = 0; k < f->starts; k++) {
        double p = f->start_chance[k], error = sqrt(p * (1 - p) / DRAWS);
        EXPECT_NEAR((double)count[k] / DRAWS, p, 5 * error);
    }
    EXPECT(intact(&listed));
    fm_arena_free(&arena);
}

TEST(starts_are_those_that_are_drawn) { for_all(check_starts); }

/* ---- known solutions ---- */

/* The payoffs of a one-shot game of one-number actions. */
static void play_once(env_vec *v, const double *action, double *rewards) {
    for (int i = 0; i < v->env->facts.agents; i++) v->actions[i] = (real)action[i];
    take(v);
    memcpy(rewards, v->rewards, (size_t)v->env->facts.agents * sizeof *rewards);
    restart(v);
}

static void check_deviations(const env_facts *f, env_vec *v, const env_solution *solution, double tolerance,
                             fm_arena *arena) {
    size_t n = (size_t)f->agents;
    double *action = fm_arena_array(arena, double, n), *rewards = fm_arena_array(arena, double, n);
    for (int i = 0; i < f->agents; i++) {
        const env_space *space = &f->agent[i].action;
        memcpy(action, solution->action, n * sizeof *action);
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
    EXPECT(env_facts_solution(f, "no such concept") == NULL);
    if (f->horizon != 1 || f->action_total != f->agents) return;
    EXPECT(env_facts_solution(f, "stackelberg") != NULL);
    fm_arena arena = {0};
    env_vec v;
    begin(&v, e, 1, 0, &arena);
    double *rewards = fm_arena_array(&arena, double, (size_t)f->agents), scale = 1;
    for (int i = 0; i < f->agents; i++)
        scale = fmax(scale, fmax(fabs(f->agent[i].reward_low), f->agent[i].reward_high));
    double tolerance = f->agent[0].action.n ? 0 : 2e-6 * scale;
    for (int s = 0; s < f->solutions; s++) {
        const env_solution *solution = &f->solution[s];
        if (!solution->action) continue; /* it depends on the situation, or has no joint action */
        play_once(&v, solution->action, rewards);
        for (int i = 0; i < f->agents; i++) EXPECT_NEAR(rewards[i], solution->value[i], tolerance);
        if (strcmp(solution->concept, "nash") == 0) check_deviations(f, &v, solution, tolerance, &arena);
    }
    fm_arena_free(&arena);
}

TEST(known_solutions_are_played) { for_all(check_solutions); }

static void check_allocation(const env *e) {
    fm_arena arena = {0};
    env_vec v;
    begin(&v, e, 3, 0, &arena);
    fm_rng rng = chooser();
    size_t calls = fm_arena_system_calls(), used = arena.used;
    for (int t = 0; t < 50; t++) {
        choose_all(&v, &rng);
        take(&v), restart(&v);
    }
    EXPECT_EQ(fm_arena_system_calls(), calls);
    EXPECT_EQ(arena.used, used);
    fm_arena_free(&arena);
}

TEST(steps_take_no_memory) { for_all(check_allocation); }

TEST_MAIN(CASE(names), CASE(same_seed_same_trajectory), CASE(other_seeds_differ_only_by_chance),
          CASE(numbers_and_flags_are_within_the_facts), CASE(before_is_what_was_now),
          CASE(state_bytes_are_the_situation), CASE(slices_readings_and_render),
          CASE(starts_are_those_that_are_drawn), CASE(known_solutions_are_played), CASE(steps_take_no_memory))
