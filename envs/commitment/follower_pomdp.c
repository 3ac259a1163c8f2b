/* follower_pomdp.c: the followers' side of the leader's POMDP: training of followers that know the context.
 *
 * Paper: Gerstgrasser & Parkes, ICML 2023. A leader's table is drawn at the start of an episode, a fair
 * choice in each situation, and the followers play one game against it, in which they observe the one-hot of
 * their context, situation and table (inner.h), as in leader-pomdp with oracle=contextual. The policies
 * learned here play there: both state the same game.
 *
 * The known solution of an iterated game is the follower's best return, against the table or on average over
 * all of them: the gap to it is the follower's regret. With tables=each episodes go through the tables one
 * after the other, so that an evaluation of so many episodes takes each once.
 *
 * Deviation: the steps in which the leader alone is asked, which teach a follower nothing, are left out; the
 * paper's program counts them as steps.
 *
 * Status: verified: best answers and regrets by enumeration (tests/test_iterated.c, test_leader_pomdp.c). The
 * paper's training (reinforce, --preset published) leaves mean regrets of 0.12 to 0.44 over the tables and is
 * exact against 24 to 30 of 32, by the game (5 seeds), as another program of it does: 0.11 to 0.49, 22 to 30.
 * That takes tables without a bias: one that all contexts share is pulled about by all of them, and leaves
 * 0.14 to 1.06. With memory=small horizon=5 n_steps=65 the followers of the modified dilemma are exact
 * against all 8 tables, in 10 of 10 seeds. */
#include <string.h>

#include "base/text.h"
#include "envs/commitment/follower_pomdp.h"
#include "envs/commitment/inner.h"

typedef enum tables { RANDOM, EACH } tables; /* ORDER: the choices of the option */

typedef struct follower_config {
    inner_config inner;
    int64_t tables, table;
} follower_config;

_Static_assert(offsetof(follower_config, inner) == 0, "rows of inner_config are rows of follower_config");

#define ANY_TABLE (-1)

static const fm_option OPTIONS[] = {
    INNER_ROWS,
    FM_OPT_CHOICE(follower_config, tables, "random", "random|each",
                  "the leaders: drawn at random, or all tables one after the other", ""),
    FM_OPT_INT(follower_config, table, "-1", ANY_TABLE, INNER_CONTEXTS_MAX, "",
               "the one leader whose table has this index, sum action_s n^s; -1: all", "L"),
    FM_OPT_END,
};

typedef struct pomdp {
    follower_config config;
    inner_game inner;
    int64_t leaders;               /* tables */
    size_t play, answers, carried; /* where the parts of a state start */
} pomdp;

static void *part(void *state, size_t at) { return (char *)state + at; }

/* By the leader's digits, the first situation last: bit s of a table of bits. */
static void write_table(const pomdp *p, int64_t table, real *answers) {
    const int n = p->inner.facts->agent[0].action.n;
    for (int s = 0; s < p->inner.situations; s++, table /= n) answers[s] = (real)(table % n);
}

static void choose_table(const pomdp *p, void *state, fm_rng *rng) {
    int64_t *next = part(state, p->carried);
    real *answers = part(state, p->answers);
    const int n = p->inner.facts->agent[0].action.n;
    if (p->config.table != ANY_TABLE) {
        write_table(p, p->config.table, answers);
    } else if (p->config.tables == EACH) {
        write_table(p, *next, answers);
        *next = (*next + 1) % p->leaders;
    } else {
        for (int s = 0; s < p->inner.situations; s++) answers[s] = (real)fm_rng_below(rng, (uint64_t)n);
    }
}

static void show(const pomdp *p, void *state, env_io *io) {
    const void *play = part(state, p->play);
    real *obs = io->obs;
    for (int i = 1; i < p->inner.facts->agents; i++) {
        size_t contexts = (size_t)inner_contexts(&p->inner, i);
        int context = inner_context(&p->inner, inner_situation(&p->inner, play, i), part(state, p->answers));
        memset(obs, 0, contexts * sizeof *obs);
        obs[context] = 1;
        io->active[i - 1] = inner_active(&p->inner, play, i);
        obs += contexts;
    }
}

static bool asks_somebody(const pomdp *p, void *state) {
    bool asks = false;
    for (int i = 1; i < p->inner.facts->agents; i++)
        asks = asks || inner_active(&p->inner, part(state, p->play), i);
    return asks;
}

/* One step of the game: the leader by its table, followers by `actions`, one after another. */
static void play_on(const pomdp *p, void *state, fm_rng *rng, const real *actions, env_io *io) {
    void *play = part(state, p->play);
    const real *answers = part(state, p->answers);
    *inner_action(&p->inner, play, 0) = answers[inner_situation(&p->inner, play, 0)];
    for (int i = 1; i < p->inner.facts->agents; i++) *inner_action(&p->inner, play, i) = actions[i - 1];
    inner_step(&p->inner, play, rng);
    for (int i = 1; i < p->inner.facts->agents; i++) io->rewards[i - 1] += inner_reward(&p->inner, play, i);
}

static void go_on(const pomdp *p, void *state, fm_rng *rng, env_io *io) {
    while (!inner_over(&p->inner, part(state, p->play)) && !asks_somebody(p, state))
        play_on(p, state, rng, io->actions, io);
    io->terminated = inner_over(&p->inner, part(state, p->play));
    show(p, state, io);
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    const pomdp *p = game;
    choose_table(p, state, rng);
    inner_start(&p->inner, part(state, p->play), rng);
    go_on(p, state, rng, io);
}

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    const pomdp *p = game;
    play_on(p, state, rng, io->actions, io);
    go_on(p, state, rng, io);
}

static const char *const READINGS[] = {"table", "situation"};

static void read_state(const void *game, const void *state, double *readings) {
    const pomdp *p = game;
    const real *answers = (const real *)((const char *)state + p->answers);
    const int n = p->inner.facts->agent[0].action.n;
    readings[0] = 0;
    for (int s = p->inner.situations; s-- > 0;) readings[0] = n * readings[0] + (double)answers[s];
    readings[1] = inner_situation(&p->inner, (const char *)state + p->play, 1);
}

static void render(const void *game, const void *state, const real *actions, FILE *out) {
    const pomdp *p = game;
    const real *answers = (const real *)((const char *)state + p->answers);
    void *play = (char *)(uintptr_t)state + p->play;
    fprintf(out, "  the leader's table:");
    for (int s = 0; s < p->inner.situations; s++) fprintf(out, " %g", (double)answers[s]);
    fputc('\n', out);
    p->inner.env.type->render(p->inner.env.game, inner_state(&p->inner, play),
                              actions ? inner_action(&p->inner, play, 0) : NULL, out);
}

/* ---- facts ---- */

/* The follower's best answers to the tables of an iterated game. */
static void fill_solution(const pomdp *p, env_facts *facts, fm_arena *arena) {
    const iterated_game *g = inner_iterated(&p->inner);
    if (!g) return;
    env_solution *solution = fm_arena_array(arena, env_solution, 1);
    double *value = fm_arena_array(arena, double, 1);
    const bool one = p->config.table != ANY_TABLE;
    const int first = one ? (int)p->config.table : 0, last = one ? first : g->tables - 1;
    for (int leader = first; leader <= last; leader++) *value += iterated_answer(g, leader).strong.sum[1];
    *value = *value / (last - first + 1) - (double)g->horizon * g->offset;
    *solution = (env_solution){.concept = "best-response",
                               .label = one ? "to this table" : "mean over the leader's tables",
                               .value = value,
                               .source = "exact"};
    facts->solution = solution;
    facts->solutions = 1;
}

static void fill_facts(const pomdp *p, env_facts *facts, fm_arena *arena) {
    const env_facts *inner = p->inner.facts;
    char *title = fm_arena_array(arena, char, strlen(inner->title) + 32);
    fm_text_format(title, strlen(inner->title) + 32, "The follower's POMDP of %s", inner->title);
    facts->title = title;
    facts->source = "[Gerstgrasser & Parkes 2023]";
    facts->game = inner_context_text(&p->inner, arena);
    facts->horizon = inner->horizon;
    facts->rewards = ENV_GENERAL_SUM;
    facts->pauses = inner->pauses;
    facts->deterministic = inner->deterministic;
    facts->readings = sizeof READINGS / sizeof *READINGS;
    facts->reading_name = READINGS;
    env_facts_agents(facts, p->inner.followers, arena);
    for (int i = 0; i < p->inner.followers; i++) {
        env_agent *agent = &facts->agent[i];
        *agent = inner->agent[1 + i];
        agent->level = 0;
        agent->obs_length = inner_contexts(&p->inner, 1 + i);
    }
    fill_solution(p, facts, arena);
}

static fm_status check(const pomdp *p, fm_error *err) {
    for (int i = 1; i < p->inner.facts->agents; i++)
        if (inner_contexts(&p->inner, i) == 0)
            return fm_fail(err,
                           "follower-pomdp needs a leader with discrete actions and at most %d contexts; "
                           "'%s' has others",
                           INNER_CONTEXTS_MAX, p->inner.facts->name);
    if (p->config.table >= p->leaders)
        return fm_fail(err, "table: the leader of '%s' has no table %lld; the last one is %lld",
                       p->config.inner.game, (long long)p->config.table, (long long)p->leaders - 1);
    if (p->config.table != ANY_TABLE && p->config.tables == EACH)
        return fm_fail(err, "table=%lld is one leader, tables=each are all of them: set only one",
                       (long long)p->config.table);
    return FM_OK;
}

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    pomdp *p = fm_arena_array(arena, pomdp, 1);
    p->config = *(const follower_config *)config;
    if (inner_open(&p->config.inner, arena, &p->inner, err) != FM_OK) return FM_BAD;
    p->leaders = inner_contexts(&p->inner, 1) / p->inner.facts->agent[1].obs_length;
    if (check(p, err) != FM_OK) return FM_BAD;
    size_t answers = (size_t)p->inner.situations * sizeof(real);
    p->answers = p->inner.size; /* a whole number of doubles, as the play is */
    p->carried = p->answers + (answers + sizeof(double) - 1) / sizeof(double) * sizeof(double);
    facts->state_size = p->carried + sizeof(int64_t);
    facts->carried = sizeof(int64_t);
    fill_facts(p, facts, arena);
    *game = p;
    return FM_OK;
}

const env_type env_follower_pomdp = {
    .name = "follower-pomdp",
    .doc = "followers that know the leader's table, against leaders drawn at random",
    .options = OPTIONS,
    .config_size = sizeof(follower_config),
    .create = create,
    .reset = reset,
    .step = step,
    .render = render,
    .read = read_state,
};

int64_t follower_pomdp_tables(const env *e) {
    const pomdp *p = e->game;
    return e->type == &env_follower_pomdp && p->config.table == ANY_TABLE ? p->leaders : 0;
}

void follower_pomdp_against(const env *all, int64_t table, fm_arena *arena, env *one) {
    follower_config *config = fm_arena_array(arena, follower_config, 1);
    fm_error err;
    *config = *(const follower_config *)all->config;
    config->tables = RANDOM;
    config->table = table;
    *one = (env){.type = all->type, .config = config};
    FM_CHECK(env_create(one, arena, &err) == FM_OK, "%s", err.text);
}
