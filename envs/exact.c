/* exact.c: backward induction over state bytes.
 *
 * The tree is walked depth first with an explicit stack, so its depth is bounded by memory and not by the C
 * stack. A frame is a state whose joint actions are tried one after the other; its table collects reward
 * plus exact continuation of each, and when it is full the stage game is solved and the state stored under
 * (bytes, decisions left). States are compared as bytes, so environments keep the padding of theirs at zero;
 * one that did not would cost look-ups, not correctness. Agents that are not active are asked for an action
 * like the others: as it has no effect, that costs time only.
 *
 * Stage game, level by level from the top [Zhang 2020, Eq. 5, 7]: for every joint action of a level, the
 * levels below reply as solved; the level then plays a pure Nash equilibrium of what results, which for a
 * single agent is simply its best action. Among several equilibria the one that is best for the agents above
 * is taken (topmost first), then the one with the greatest sum for the level itself, then the first in order
 * of actions. A level without a pure equilibrium is an error. Values are undiscounted and compared exactly:
 * rewards of such games are few and simple. */
#include "envs/exact.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define JOINT_MAX (1 << 20) /* joint actions of one stage game */

/* One level of the order: its agents and, for each of their joint actions, what the levels below do. */
typedef struct level {
    int agents, *agent; /* [agents], its part of exact_play.rank */
    int64_t joint;    /* joint actions of these agents */
    int64_t *outcome; /* [joint] index of the whole joint action */
} level;

struct exact_play {
    const env *env; /* borrowed */
    int agents, levels;
    int64_t joint;                  /* joint actions of all agents; index = sum of action * stride */
    int64_t *stride;                /* [agents] */
    level *level;                   /* [levels] */
    int *rank;                      /* [agents] from the topmost down */

    /* Solved states, in the order in which they were finished. */
    int64_t states, capacity;
    unsigned char *bytes;           /* [states][state_size] */
    int64_t *left;                  /* [states] */
    double *value;                  /* [states][agents] */
    int64_t *choice;                /* [states] index of the joint action */
    int64_t *slot;                  /* [slots] open addressing, -1: free; slots is a power of two */
    size_t slots;

    fm_arena arena;                 /* what follows */
    void *next;                     /* the state that is stepped */
    env_io io;
    real *actions;
    int *joint_action;              /* [agents] what the walk tries */
};

/* The stack of the walk. A frame is row `depth` of each array. */
typedef struct walk {
    exact_play *play;
    int64_t depth, capacity, visited;
    unsigned char *bytes; /* [capacity][state_size] */
    int64_t *tried;       /* [capacity] joint actions already in the table */
    double *table;        /* [capacity][joint][agents] */
} walk;

static void *grow(void *old, int64_t count, size_t size) {
    FM_CHECK(size == 0 || (size_t)count <= SIZE_MAX / size, "exact play: %lld items of %zu bytes",
             (long long)count, size);
    size_t total = (size_t)count * size;
    void *now = realloc(old, total ? total : 1);
    if (!now) fm_out_of_memory(total);
    return now;
}

/* ---- Solved states ---- */

/* FNV-1a over the state's bytes and the decisions left, stirred so that the low bits depend on all. */
static uint64_t hash_of(const void *state, size_t size, int64_t left) {
    uint64_t h = 14695981039346656037u ^ (uint64_t)left;
    const unsigned char *byte = state;
    for (size_t i = 0; i < size; i++) h = (h ^ byte[i]) * 1099511628211u;
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

/* The slot where that state is or belongs. */
static size_t find_slot(const exact_play *play, const void *state, int64_t left) {
    size_t size = play->env->facts.state_size, at = (size_t)hash_of(state, size, left) & (play->slots - 1);
    for (;; at = (at + 1) & (play->slots - 1)) {
        int64_t i = play->slot[at];
        if (i < 0) return at;
        if (play->left[i] == left && memcmp(play->bytes + (size_t)i * size, state, size) == 0) return at;
    }
}

static int64_t find(const exact_play *play, const void *state, int64_t left) {
    return play->slot[find_slot(play, state, left)];
}

static void make_room(exact_play *play) {
    if (play->states < play->capacity) return;
    size_t size = play->env->facts.state_size;
    play->capacity = play->capacity ? 2 * play->capacity : 256;
    play->bytes = grow(play->bytes, play->capacity, size);
    play->left = grow(play->left, play->capacity, sizeof *play->left);
    play->value = grow(play->value, play->capacity, (size_t)play->agents * sizeof *play->value);
    play->choice = grow(play->choice, play->capacity, sizeof *play->choice);
    play->slots = 2 * (size_t)play->capacity;
    play->slot = grow(play->slot, (int64_t)play->slots, sizeof *play->slot);
    for (size_t i = 0; i < play->slots; i++) play->slot[i] = -1;
    for (int64_t i = 0; i < play->states; i++)
        play->slot[find_slot(play, play->bytes + (size_t)i * size, play->left[i])] = i;
}

static void store(exact_play *play, const void *state, int64_t left, const double *value, int64_t choice) {
    make_room(play);
    int64_t i = play->states++;
    size_t size = play->env->facts.state_size, agents = (size_t)play->agents;
    play->slot[find_slot(play, state, left)] = i;
    memcpy(play->bytes + (size_t)i * size, state, size);
    memcpy(play->value + (size_t)i * agents, value, agents * sizeof *value);
    play->left[i] = left;
    play->choice[i] = choice;
}

/* ---- The stage game ---- */

/* What the c-th joint action of a level adds to the index of the whole; the first agent turns slowest. */
static int64_t level_offset(const exact_play *play, const level *l, int64_t c) {
    int64_t offset = 0;
    for (int k = l->agents - 1; k >= 0; k--) {
        int n = play->env->facts.agent[l->agent[k]].action.n;
        offset += c % n * play->stride[l->agent[k]];
        c /= n;
    }
    return offset;
}

/* Whether no agent of the level gains by changing its part of the c-th joint action alone. */
static bool is_equilibrium(const exact_play *play, const level *l, const double *table, int64_t c) {
    int64_t turn = 1; /* distance between joint actions that differ by one in the agent's action */
    for (int k = l->agents - 1; k >= 0; k--) {
        int agent = l->agent[k], n = play->env->facts.agent[agent].action.n;
        int64_t first = c - c / turn % n * turn;
        double now = table[l->outcome[c] * play->agents + agent];
        for (int a = 0; a < n; a++)
            if (table[l->outcome[first + a * turn] * play->agents + agent] > now) return false;
        turn *= n;
    }
    return true;
}

/* Whether the level prefers one of its equilibria to another, as the head of this file says. */
static bool is_better(const exact_play *play, const level *l, int above, const double *a, const double *b) {
    for (int k = 0; k < above; k++) {
        int agent = play->rank[k];
        if (a[agent] != b[agent]) return a[agent] > b[agent];
    }
    double sum_a = 0.0, sum_b = 0.0;
    for (int k = 0; k < l->agents; k++) {
        sum_a += a[l->agent[k]];
        sum_b += b[l->agent[k]];
    }
    return sum_a > sum_b;
}

/* The joint action that level `at` and those below play when the ones above play `base`; -1 - level when that
 * level has no pure equilibrium. `above` agents stand above. */
static int64_t solve_stage(const exact_play *play, const double *table, int at, int above, int64_t base) {
    if (at == play->levels) return base;
    const level *l = &play->level[at];
    for (int64_t c = 0; c < l->joint; c++) {
        l->outcome[c] = solve_stage(play, table, at + 1, above + l->agents, base + level_offset(play, l, c));
        if (l->outcome[c] < 0) return l->outcome[c];
    }
    int64_t best = -1 - at, n = play->agents;
    for (int64_t c = 0; c < l->joint; c++) {
        if (!is_equilibrium(play, l, table, c)) continue;
        int64_t now = l->outcome[c];
        if (best < 0 || is_better(play, l, above, table + now * n, table + best * n)) best = now;
    }
    return best;
}

/* ---- The walk ---- */

/* Steps play->next; rewards are in play->io. Returns whether the episode ended. */
static bool step_next(const exact_play *play, const int *action) {
    const env *e = play->env;
    env_io io = play->io;
    fm_rng rng = fm_rng_split(0, FM_RNG_ENV, 0, 0);
    for (int i = 0; i < play->agents; i++) play->actions[e->facts.agent[i].action_at] = (real)action[i];
    memset(io.rewards, 0, (size_t)play->agents * sizeof *io.rewards);
    memset(io.mask, 1, (size_t)e->facts.mask_total);
    memset(io.active, 1, (size_t)play->agents);
    memset(io.learns, 1, (size_t)play->agents);
    memset(io.done, 0, (size_t)play->agents);
    e->type->step(e->game, play->next, &rng, &io);
    return io.terminated || io.truncated;
}

static void joint_to_actions(const exact_play *play, int64_t joint, int *action) {
    for (int i = 0; i < play->agents; i++)
        action[i] = (int)(joint / play->stride[i] % play->env->facts.agent[i].action.n);
}

static void push(walk *w, const void *state) {
    size_t size = w->play->env->facts.state_size, row = (size_t)(w->play->joint * w->play->agents);
    if (w->depth == w->capacity) {
        w->capacity = w->capacity ? 2 * w->capacity : 16;
        w->bytes = grow(w->bytes, w->capacity, size);
        w->tried = grow(w->tried, w->capacity, sizeof *w->tried);
        w->table = grow(w->table, w->capacity, row * sizeof *w->table);
    }
    memcpy(w->bytes + (size_t)w->depth * size, state, size);
    w->tried[w->depth] = 0;
    w->depth++;
    w->visited++;
}

/* Tries the next joint action of the top frame. When it leads to a state that is not solved yet, that state
 * becomes the top frame, and the action is tried again after it: it is found then. */
static void try_next(walk *w, int64_t left) {
    const exact_play *play = w->play;
    size_t size = play->env->facts.state_size;
    int64_t top = w->depth - 1;
    joint_to_actions(play, w->tried[top], play->joint_action);
    memcpy(play->next, w->bytes + (size_t)top * size, size);
    bool over = step_next(play, play->joint_action) || left == 1;
    int64_t known = over ? -1 : find(play, play->next, left - 1);
    if (!over && known < 0) {
        push(w, play->next);
        return;
    }
    double *entry = w->table + (top * play->joint + w->tried[top]) * play->agents;
    for (int i = 0; i < play->agents; i++)
        entry[i] = play->io.rewards[i] + (over ? 0.0 : play->value[known * play->agents + i]);
    w->tried[top]++;
}

static fm_status run_walk(walk *w, const void *state, int64_t decisions_left, int64_t node_limit,
                          fm_error *err) {
    exact_play *play = w->play;
    const env_facts *facts = &play->env->facts;
    push(w, state);
    while (w->depth > 0) {
        int64_t top = w->depth - 1, left = decisions_left - top;
        if (w->visited > node_limit)
            return fm_fail(err, "%s: exact play met more than %lld states within %lld decisions; expected a "
                           "smaller game or a higher limit", facts->name, (long long)node_limit,
                           (long long)decisions_left);
        if (w->tried[top] < play->joint) {
            try_next(w, left);
            continue;
        }
        const double *table = w->table + top * play->joint * play->agents;
        int64_t choice = solve_stage(play, table, 0, 0, 0);
        if (choice < 0) {
            int agent = play->level[-1 - choice].agent[0];
            return fm_fail(err, "%s: exact play: the agents of level %d ('%s', ...) have no pure equilibrium "
                           "at a state with %lld decisions left", facts->name, facts->agent[agent].level,
                           facts->agent[agent].name, (long long)left);
        }
        store(play, w->bytes + (size_t)top * facts->state_size, left, table + choice * play->agents, choice);
        w->depth--;
    }
    return FM_OK;
}

/* ---- Setting up ---- */

static fm_status check_game(const env *e, fm_error *err) {
    const env_facts *facts = &e->facts;
    int64_t joint = 1;
    if (!facts->deterministic)
        return fm_fail(err, "%s: exact play needs a deterministic game; this one draws chance in a step",
                       facts->name);
    if (facts->masks)
        return fm_fail(err, "%s: exact play needs all actions to be legal at all times", facts->name);
    for (int i = 0; i < facts->agents; i++) {
        if (facts->agent[i].action.kind != ENV_DISCRETE)
            return fm_fail(err, "%s: exact play needs discrete actions; agent '%s' has %s", facts->name,
                           facts->agent[i].name,
                           facts->agent[i].action.kind == ENV_BOX ? "a box" : "several heads");
        joint *= facts->agent[i].action.n;
        if (joint > JOINT_MAX)
            return fm_fail(err, "%s: exact play: more than %d joint actions", facts->name, JOINT_MAX);
    }
    return FM_OK;
}

/* Sorts the agents by level (facts count these from 0 without gaps) and numbers the joint actions, the last
 * agent turning fastest. */
static void set_order(exact_play *play) {
    const env_facts *facts = &play->env->facts;
    size_t agents = (size_t)facts->agents;
    play->agents = facts->agents;
    play->stride = fm_arena_array(&play->arena, int64_t, agents);
    play->level = fm_arena_array(&play->arena, level, agents);
    play->rank = fm_arena_array(&play->arena, int, agents);
    play->joint_action = fm_arena_array(&play->arena, int, agents);
    play->joint = 1;
    for (int i = facts->agents - 1; i >= 0; i--) {
        play->stride[i] = play->joint;
        play->joint *= facts->agent[i].action.n;
    }
    for (int done = 0; done < facts->agents; play->levels++) {
        level *l = &play->level[play->levels];
        l->agent = play->rank + done;
        l->joint = 1;
        for (int i = 0; i < facts->agents; i++) {
            if (facts->agent[i].level != play->levels) continue;
            l->agent[l->agents++] = i;
            l->joint *= facts->agent[i].action.n;
            done++;
        }
        l->outcome = fm_arena_array(&play->arena, int64_t, (size_t)l->joint);
    }
}

static exact_play *open_play(const env *e) {
    const env_facts *facts = &e->facts;
    exact_play *play = grow(NULL, 1, sizeof *play);
    memset(play, 0, sizeof *play);
    play->env = e;
    set_order(play);
    play->next = fm_arena_alloc(&play->arena, 1, facts->state_size);
    play->actions = fm_arena_array(&play->arena, real, (size_t)facts->action_total);
    play->io = (env_io){
        .obs = fm_arena_array(&play->arena, real, (size_t)facts->obs_total),
        .central = fm_arena_array(&play->arena, real, (size_t)facts->central_length),
        .actions = play->actions,
        .rewards = fm_arena_array(&play->arena, double, (size_t)facts->agents),
        .mask = fm_arena_array(&play->arena, uint8_t, (size_t)facts->mask_total),
        .active = fm_arena_array(&play->arena, uint8_t, (size_t)facts->agents),
        .learns = fm_arena_array(&play->arena, uint8_t, (size_t)facts->agents),
        .done = fm_arena_array(&play->arena, uint8_t, (size_t)facts->agents),
    };
    make_room(play);
    return play;
}

fm_status exact_play_solve(const env *e, const void *state, int64_t decisions_left, int64_t node_limit,
                           exact_play **play, fm_error *err) {
    FM_CHECK(decisions_left >= 1, "exact play: %lld decisions", (long long)decisions_left);
    *play = NULL;
    if (check_game(e, err) != FM_OK) return FM_BAD;
    walk w = {.play = open_play(e)};
    fm_status status = run_walk(&w, state, decisions_left, node_limit, err);
    free(w.bytes);
    free(w.tried);
    free(w.table);
    if (status == FM_OK) *play = w.play;
    else exact_play_free(w.play);
    return status;
}

/* ---- Questions ---- */

bool exact_play_at(const exact_play *play, const void *state, int64_t decisions_left, double *value,
                   int *action) {
    int64_t i = find(play, state, decisions_left);
    if (i < 0) return false;
    memcpy(value, play->value + i * play->agents, (size_t)play->agents * sizeof *value);
    joint_to_actions(play, play->choice[i], action);
    return true;
}

bool exact_play_value(const exact_play *play, const void *state, int64_t decisions_left, const int *action,
                      double *value) {
    const env_facts *facts = &play->env->facts;
    if (find(play, state, decisions_left) < 0) return false;
    for (int i = 0; i < play->agents; i++)
        FM_CHECK(action[i] >= 0 && action[i] < facts->agent[i].action.n, "%s: agent '%s': action %d of %d",
                 facts->name, facts->agent[i].name, action[i], facts->agent[i].action.n);
    memcpy(play->next, state, facts->state_size);
    bool over = step_next(play, action) || decisions_left == 1;
    int64_t next = over ? -1 : find(play, play->next, decisions_left - 1);
    FM_CHECK(over || next >= 0, "%s: exact play: a new state; is the game deterministic?", facts->name);
    for (int i = 0; i < play->agents; i++)
        value[i] = play->io.rewards[i] + (over ? 0.0 : play->value[next * play->agents + i]);
    return true;
}

int64_t exact_play_states(const exact_play *play) { return play->states; }

void exact_play_free(exact_play *play) {
    if (!play) return;
    free(play->bytes);
    free(play->left);
    free(play->value);
    free(play->choice);
    free(play->slot);
    fm_arena_free(&play->arena);
    free(play);
}
