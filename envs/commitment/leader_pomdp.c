/* leader_pomdp.c: the leader's side of a Stackelberg game as a POMDP for any learner.
 *
 * Paper: Gerstgrasser & Parkes, "Oracles & followers: Stackelberg equilibria in deep multi-agent
 * reinforcement learning", ICML 2023 (Theorem 1); Brero et al., "Stackelberg POMDP", 2022.
 *
 * An episode first lets an oracle (oracle.h) ask the leader, which earns nothing; then the followers play
 * their answer in `plays` games, and the leader earns its true rewards, by the game. A leader that acts alike
 * in both parts, and is best at this, is a Stackelberg leader for that oracle. What this needs, and how to
 * break it:
 *
 *     C1 the parts look alike       phase_flag=true: the leader sees in which one it is
 *     C2 questions count            hidden_queries=true: they earn no credit (env.h: `learns`)
 *     C3 only the play pays         reward_in_queries=true: so do the games that followers learn in
 *     C4 followers begin anew       reset_follower=false: they go on from the last episode
 *     C5 nothing is discounted      the learner's gamma < 1
 *
 * commitment=cached: the leader acts once in an episode in each situation, as asked first, and keeps to it:
 * it is not active where it does so again, and what such steps pay belongs to its last decision. The best
 * policy is then a table [Brero 2022]. commitment=independent: it acts anew every time, as in the paper's
 * program; policies at random may then beat every table, as the answers are one sample of them.
 *
 *     observation  the one-hot of the leader's situation in the game; with the phase flag of twice as many,
 *                  those in which it is asked behind the others
 *     episode      every situation once, or `games` games; then `plays` games, of which the mean is paid, or
 *                  with plays=0 one from each start that the game has, and their expectation is; every
 *                  decision that the game asks of the leader counts as a step, a cached one too
 *
 * With oracle=contextual the followers are agents too. They wait while the leader is asked, and then observe
 * the one-hot of their context: situation and the leader's answers. follower-pomdp trains them.
 *
 * The known solution is the game's own Stackelberg point, in its rewards. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "envs/commitment/oracle.h"

typedef enum commitment { CACHED, INDEPENDENT } commitment; /* ORDER: the choices of the option */

typedef struct leader_config {
    inner_config inner;
    char oracle[FM_TEXT_MAX];
    int64_t commitment, plays;
    bool hidden_queries, phase_flag, reward_in_queries, reset_follower;
    oracle_config oracles;
} leader_config;

_Static_assert(offsetof(leader_config, inner) == 0, "rows of inner_config are rows of leader_config");

static const fm_option OPTIONS[] = {
    INNER_ROWS,
    FM_OPT_TEXT(leader_config, oracle, "exact", "who answers the leader: exact, contextual, q, weights"),
    FM_OPT_CHOICE(leader_config, commitment, "cached", "cached|independent",
                  "whether the leader acts once in each situation, or anew every time", ""),
    FM_OPT_BOOL(leader_config, hidden_queries, "false", "the leader does not learn from being asked", ""),
    FM_OPT_BOOL(leader_config, phase_flag, "false", "the leader sees whether it is asked or plays", ""),
    FM_OPT_BOOL(leader_config, reward_in_queries, "false", "games in which followers learn pay the leader",
                ""),
    FM_OPT_BOOL(leader_config, reset_follower, "true", "followers begin every episode anew", ""),
    FM_OPT_INT(leader_config, plays, "1", 0, 1e6, "games",
               "that count in an episode; the mean is paid; 0: one from each start, paid by its chance", ""),
    ORACLE_ROWS(leader_config, oracles),
    FM_OPT_END,
};

/* A decision of a follower that learns, whose reward is still to come. */
typedef struct waiting {
    int64_t waits;
    oracle_move move;
} waiting;

typedef struct pomdp {
    leader_config config;
    inner_game inner;
    const oracle_type *oracle;
    void *self;    /* the oracle's */
    int agents;    /* of the POMDP */
    int64_t plays; /* games that count */
    int keys;      /* different observations of the leader */
    size_t answer; /* numbers of its action */
    /* Where the parts of a state start. */
    size_t play, start, answers, cache, known, waiting, carried;
} pomdp;

typedef enum phase { ASK, LEARN, PLAY } phase;

/* The head of a state. Behind it: the play, and how it started; the answers [situations][answer]; what is
 * cached [keys][answer] and whether [keys]; the followers' decisions; last, and perhaps carried, whether
 * there was an episode before and the oracle's memory. */
typedef struct episode {
    int64_t phase, at; /* the question, or the game of the phase */
    int64_t over;
    double sum[2]; /* of the leader and the first follower in the games that count, by the game */
} episode;

static void *part(void *state, size_t at) { return (char *)state + at; }

/* ---- the leader's actions ---- */

/* Which of its observations it has now. */
static int key_of(const pomdp *p, episode *e) {
    int situation = e->phase == ASK ? (int)e->at : inner_situation(&p->inner, part(e, p->play), 0);
    return situation + (p->config.phase_flag && e->phase != PLAY ? p->inner.situations : 0);
}

static uint8_t *known_at(const pomdp *p, episode *e, int key) { return (uint8_t *)part(e, p->known) + key; }

/* The leader's action where it stands: the one that is cached, or else `action`, which is cached then. */
static const real *commit(const pomdp *p, episode *e, const real *action) {
    if (p->config.commitment == INDEPENDENT) return action;
    const int key = key_of(p, e);
    real *cached = (real *)part(e, p->cache) + (size_t)key * p->answer;
    if (!*known_at(p, e, key)) memcpy(cached, action, p->answer * sizeof *cached);
    *known_at(p, e, key) = 1;
    return cached;
}

/* ---- games ---- */

static void *memory_of(const pomdp *p, episode *e) { return part(e, p->carried + sizeof(int64_t)); }

/* As the last one did, when the oracle wants to try something else in it. */
static void start_game(const pomdp *p, episode *e, fm_rng *rng) {
    bool again = false;
    waiting *w = part(e, p->waiting);
    for (int i = 0; i < p->inner.followers; i++) w[i].waits = 0;
    if (e->phase == LEARN) again = p->oracle->begin(p->self, memory_of(p, e), rng);
    if (e->phase == PLAY && p->config.plays == 0)
        inner_start_at(&p->inner, part(e, p->start), (int)e->at);
    else if (!again)
        inner_start(&p->inner, part(e, p->start), rng);
    memcpy(part(e, p->play), part(e, p->start), p->inner.size);
}

static void next_game(const pomdp *p, episode *e, fm_rng *rng) {
    e->at++;
    if (e->phase == LEARN && e->at == p->config.oracles.games) {
        e->phase = PLAY;
        e->at = 0;
    }
    e->over = e->phase == PLAY && e->at == p->plays;
    if (!e->over) start_game(p, e, rng);
}

/* A follower's decision; when it learns, what came of its last one is known now. */
static void follow(const pomdp *p, episode *e, int follower, fm_rng *rng) {
    void *play = part(e, p->play);
    waiting *w = (waiting *)part(e, p->waiting) + follower;
    bool learning = e->phase == LEARN;
    int situation = inner_situation(&p->inner, play, 1 + follower);
    if (learning && w->waits) {
        w->move.next = situation;
        p->oracle->learn(p->self, memory_of(p, e), &w->move);
    }
    int action = p->oracle->act(p->self, memory_of(p, e), follower, situation, learning, rng);
    w->waits = learning;
    w->move = (oracle_move){.follower = follower, .situation = situation, .action = action};
    *inner_action(&p->inner, play, 1 + follower) = (real)action;
}

static void note_rewards(const pomdp *p, episode *e) {
    void *play = part(e, p->play);
    waiting *w = part(e, p->waiting);
    for (int i = 0; i < p->inner.followers; i++, w++) {
        if (!w->waits) continue;
        w->move.reward += inner_reward(&p->inner, play, 1 + i);
        if (!inner_over(&p->inner, play)) continue;
        w->move.next = -1;
        p->oracle->learn(p->self, memory_of(p, e), &w->move);
    }
}

static void pay(const pomdp *p, episode *e, env_io *io) {
    const void *play = part(e, p->play);
    if (e->phase == LEARN && p->config.reward_in_queries) io->rewards[0] += inner_reward(&p->inner, play, 0);
    if (e->phase != PLAY) return;
    const double share = p->config.plays > 0 ? 1 / (double)p->plays : p->inner.facts->start_chance[e->at];
    for (int i = 0; i < p->agents; i++) io->rewards[i] += share * inner_reward(&p->inner, play, i);
    for (int i = 0; i < 2; i++) e->sum[i] += share * inner_reward(&p->inner, play, i);
}

/* One step of the game. */
static void play_on(const pomdp *p, episode *e, fm_rng *rng, env_io *io) {
    void *play = part(e, p->play);
    const env_facts *facts = p->inner.facts;
    if (inner_active(&p->inner, play, 0)) {
        const real *action = commit(p, e, io->actions);
        memcpy(inner_action(&p->inner, play, 0), action, p->answer * sizeof *action);
    }
    for (int i = 1; i < facts->agents; i++) {
        if (!inner_active(&p->inner, play, i)) continue;
        if (p->oracle->agents)
            *inner_action(&p->inner, play, i) = io->actions[facts->agent[i].action_at];
        else
            follow(p, e, i - 1, rng);
    }
    inner_step(&p->inner, play, rng);
    note_rewards(p, e);
    pay(p, e, io);
    if (inner_over(&p->inner, play)) next_game(p, e, rng);
}

/* Whether an agent of the POMDP has a decision to take. */
static bool asks_somebody(const pomdp *p, episode *e) {
    bool asks = e->phase == ASK;
    for (int i = 0; i < p->agents; i++) asks = asks || inner_active(&p->inner, part(e, p->play), i);
    return asks;
}

/* ---- the environment ---- */

/* The observation of everybody, and who acts. */
static void show(const pomdp *p, episode *e, env_io *io) {
    const void *play = part(e, p->play);
    const real *answers = part(e, p->answers);
    const int key = key_of(p, e);
    memset(io->obs, 0, (size_t)p->keys * sizeof *io->obs);
    io->obs[key] = 1;
    io->active[0] = e->phase == ASK || inner_active(&p->inner, play, 0);
    if (p->config.commitment == CACHED && *known_at(p, e, key)) io->active[0] = 0;
    io->learns[0] = e->phase == PLAY || !p->config.hidden_queries;
    real *obs = io->obs + p->keys;
    for (int i = 1; i < p->agents; i++) {
        size_t contexts = (size_t)inner_contexts(&p->inner, i);
        memset(obs, 0, contexts * sizeof *obs);
        io->active[i] = e->phase == PLAY && inner_active(&p->inner, play, i);
        if (io->active[i]) obs[inner_context(&p->inner, inner_situation(&p->inner, play, i), answers)] = 1;
        obs += contexts;
    }
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    const pomdp *p = game;
    episode *e = state;
    int64_t *before = part(e, p->carried);
    if (!*before && p->oracle->reset) p->oracle->reset(p->self, memory_of(p, e), rng);
    *before = 1;
    e->phase = p->oracle->asks ? ASK : LEARN;
    if (e->phase == LEARN) start_game(p, e, rng);
    while (!asks_somebody(p, e)) play_on(p, e, rng, io);
    show(p, e, io);
}

static void answer_question(const pomdp *p, episode *e, const env_io *io, fm_rng *rng) {
    real *answers = part(e, p->answers);
    memcpy(answers + (size_t)e->at * p->answer, commit(p, e, io->actions), p->answer * sizeof *answers);
    if (++e->at < p->inner.situations) return;
    if (p->oracle->respond) p->oracle->respond(p->self, memory_of(p, e), answers);
    e->phase = PLAY;
    e->at = 0;
    start_game(p, e, rng);
}

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    const pomdp *p = game;
    episode *e = state;
    if (e->phase == ASK)
        answer_question(p, e, io, rng);
    else
        play_on(p, e, rng, io);
    while (!e->over && !asks_somebody(p, e)) play_on(p, e, rng, io);
    io->terminated = e->over;
    show(p, e, io);
}

static const char *const READINGS[] = {"phase", "number", "situation", "sum_0", "sum_1"};

/* Phase 0: asked, 1: followers learn, 2: play. */
static void read_episode(const void *game, const void *state, double *readings) {
    const pomdp *p = game;
    const episode *e = state;
    const void *play = (const char *)state + p->play;
    readings[0] = (double)e->phase;
    readings[1] = (double)e->at;
    readings[2] = e->phase == ASK ? (double)e->at : (double)inner_situation(&p->inner, play, 0);
    readings[3] = e->sum[0];
    readings[4] = e->sum[1];
}

static void render(const void *game, const void *state, const real *actions, FILE *out) {
    const pomdp *p = game;
    const episode *e = state;
    const void *play = (const char *)state + p->play;
    if (e->phase == ASK) {
        fprintf(out, "  the leader is asked for its action in situation %lld of %d\n", (long long)e->at,
                p->inner.situations);
        return;
    }
    fprintf(out, "  game %lld of %lld, %s\n", (long long)(e->at + !e->over),
            (long long)(e->phase == LEARN ? p->config.oracles.games : p->plays),
            e->phase == LEARN ? "in which the followers learn" : "which counts");
    /* A game that has just begun has had no actions. */
    bool begun = ((const int64_t *)play)[0] > 0;
    p->inner.env.type->render(p->inner.env.game, inner_state(&p->inner, play),
                              actions && begun ? inner_action(&p->inner, (void *)(uintptr_t)play, 0) : NULL,
                              out);
}

/* ---- facts ---- */

static fm_status check(const pomdp *p, fm_error *err) {
    const leader_config *c = &p->config;
    const char *name = p->oracle->name;
    if (c->hidden_queries && c->commitment == CACHED && !c->phase_flag)
        return fm_fail(err, "hidden_queries=true with commitment=cached leaves nothing to learn from, as the "
                            "leader decides only where it is asked; set commitment=independent");
    if (c->reward_in_queries && p->oracle->asks)
        return fm_fail(err,
                       "reward_in_queries=true: oracle '%s' asks without a game that could pay; oracles "
                       "q and weights learn in games",
                       name);
    if (!c->reset_follower && p->oracle->asks)
        return fm_fail(err,
                       "reset_follower=false: oracle '%s' knows nothing that it could carry over; "
                       "oracles q and weights learn",
                       name);
    if (c->plays == 0 && p->inner.facts->starts == 0)
        return fm_fail(err,
                       "plays=0: '%s' does not list the situations in which it starts; set plays=1 or more",
                       p->inner.facts->name);
    return FM_OK;
}

static size_t place(size_t *end, size_t size) {
    const size_t start = *end;
    *end += (size + sizeof(double) - 1) / sizeof(double) * sizeof(double);
    return start;
}

static size_t lay_out(pomdp *p, size_t memory) {
    size_t end = sizeof(episode);
    p->play = place(&end, p->inner.size);
    p->start = place(&end, p->inner.size);
    p->answers = place(&end, (size_t)p->inner.situations * p->answer * sizeof(real));
    p->cache = place(&end, (size_t)p->keys * p->answer * sizeof(real));
    p->known = place(&end, (size_t)p->keys);
    p->waiting = place(&end, (size_t)p->inner.followers * sizeof(waiting));
    p->carried = place(&end, sizeof(int64_t) + memory);
    return end;
}

/* A step may take several of the game, in which nobody here acts. */
static void fill_agents(const pomdp *p, env_facts *facts, fm_arena *arena) {
    const env_facts *inner = p->inner.facts;
    const double most = inner->pauses ? (double)inner->horizon : 1;
    env_facts_agents(facts, p->agents, arena);
    for (int i = 0; i < p->agents; i++) {
        env_agent *agent = &facts->agent[i];
        *agent = inner->agent[i];
        agent->obs_length = i == 0 ? p->keys : inner_contexts(&p->inner, i);
        agent->reward_low = most * fmin(agent->reward_low, 0);
        agent->reward_high = most * fmax(agent->reward_high, 0);
    }
}

static void fill_solution(const pomdp *p, env_facts *facts, fm_arena *arena) {
    const env_solution *known = env_facts_solution(p->inner.facts, "stackelberg");
    if (!known || p->config.reward_in_queries) return;
    env_solution *solution = fm_arena_array(arena, env_solution, 1);
    *solution = *known;
    solution->action = NULL;
    facts->solution = solution;
    facts->solutions = 1;
}

static void fill_facts(const pomdp *p, env_facts *facts, fm_arena *arena) {
    const env_facts *inner = p->inner.facts;
    char *title = fm_arena_array(arena, char, strlen(inner->title) + 32);
    fm_text_format(title, strlen(inner->title) + 32, "The leader's POMDP of %s", inner->title);
    facts->title = title;
    facts->source = "[Gerstgrasser & Parkes 2023]";
    int64_t asked = p->oracle->asks ? p->inner.situations : p->config.oracles.games * inner->horizon;
    facts->horizon = asked + p->plays * inner->horizon;
    facts->rewards = ENV_GENERAL_SUM;
    facts->pauses = p->config.commitment == CACHED || p->oracle->agents;
    facts->raw_actions = inner->raw_actions;
    facts->deterministic = inner->deterministic && p->oracle->asks;
    facts->readings = sizeof READINGS / sizeof *READINGS;
    facts->reading_name = READINGS;
    if (p->oracle->agents) facts->game = inner_context_text(&p->inner, arena);
    fill_agents(p, facts, arena);
    fill_solution(p, facts, arena);
}

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    pomdp *p = fm_arena_array(arena, pomdp, 1);
    size_t memory = 0;
    p->config = *(const leader_config *)config;
    p->oracle = oracle_find(p->config.oracle, err);
    if (!p->oracle || inner_open(&p->config.inner, arena, &p->inner, err) != FM_OK) return FM_BAD;
    if (check(p, err) != FM_OK) return FM_BAD;
    oracle_setup setup = {.game = &p->inner, .config = &p->config.oracles, .arena = arena};
    if (p->oracle->create(&setup, &p->self, &memory, err) != FM_OK) return FM_BAD;
    p->agents = p->oracle->agents ? p->inner.facts->agents : 1;
    p->plays = p->config.plays > 0 ? p->config.plays : p->inner.facts->starts;
    p->keys = p->inner.situations * (p->config.phase_flag ? 2 : 1);
    p->answer = (size_t)p->inner.facts->agent[0].action.size;
    facts->state_size = lay_out(p, memory);
    if (!p->config.reset_follower) facts->carried = facts->state_size - p->carried;
    fill_facts(p, facts, arena);
    *game = p;
    return FM_OK;
}

const env_type env_leader_pomdp = {
    .name = "leader-pomdp",
    .doc = "a leader that is asked for its policy first, and then plays against the answer to it",
    .options = OPTIONS,
    .config_size = sizeof(leader_config),
    .create = create,
    .reset = reset,
    .step = step,
    .render = render,
    .read = read_episode,
};
