/* oracle_exact.c: the exact best response of one follower, by trying all its tables.
 *
 * Ties are in favour of the leader, and then of the table that comes first when the action in situation 0 is
 * its last digit: so the action in a situation that is never reached is 0. Sums that differ by less than 1e-9
 * of the largest reward in the game count as equal. */
#include <math.h>
#include <string.h>

#include "envs/commitment/oracle.h"

#define TABLES_MAX 65536

typedef struct exact {
    const inner_game *game;
    int situations, actions; /* of the follower */
    int64_t tables;
    double equal;
} exact;

/* The memory: the best table as a number, then the bytes of a play. */
typedef struct memory {
    int64_t table;
    double play[];
} memory;

static int64_t count_tables(const exact *x) {
    int64_t tables = 1;
    for (int s = 0; s < x->situations && tables <= TABLES_MAX; s++) tables *= x->actions;
    return tables;
}

static int action_of(const exact *x, int64_t table, int situation) {
    for (int s = 0; s < situation; s++) table /= x->actions;
    return (int)(table % x->actions);
}

static fm_status create(const oracle_setup *setup, void **self, size_t *memory_size, fm_error *err) {
    exact *x = fm_arena_array(setup->arena, exact, 1);
    const env_facts *facts = setup->game->facts;
    const env_agent *follower = &facts->agent[1];
    *x = (exact){.game = setup->game, .situations = follower->obs_length, .actions = follower->action.n};
    x->tables = count_tables(x);
    double largest = 0;
    for (int i = 0; i < 2; i++)
        largest = fmax(largest, fmax(fabs(facts->agent[i].reward_low), fabs(facts->agent[i].reward_high)));
    x->equal = 1e-9 * largest * (double)facts->horizon;
    fm_rng before = fm_rng_split(0, FM_RNG_ENV, 0, 0), rng = before;
    inner_start(setup->game, fm_arena_alloc(setup->arena, 1, setup->game->size), &rng);
    if (facts->agents != 2)
        return fm_fail(err, "oracle 'exact' answers for one follower; '%s' has %d", facts->name,
                       setup->game->followers);
    if (!facts->deterministic || memcmp(&before, &rng, sizeof rng) != 0)
        return fm_fail(err, "oracle 'exact' needs a game without chance, unlike '%s'", facts->name);
    if (x->tables > TABLES_MAX)
        return fm_fail(err, "oracle 'exact': the follower of '%s' has more than %d tables", facts->name,
                       TABLES_MAX);
    *self = x;
    *memory_size = sizeof(memory) + setup->game->size;
    return FM_OK;
}

static void play(const exact *x, void *bytes, const real *answers, int64_t table, double sum[2]) {
    const inner_game *g = x->game;
    const size_t size = (size_t)g->facts->agent[0].action.size;
    fm_rng none = fm_rng_split(0, FM_RNG_ENV, 0, 0); /* nothing is drawn */
    sum[0] = sum[1] = 0;
    for (inner_start(g, bytes, &none); !inner_over(g, bytes);) {
        const real *answer = answers + (size_t)inner_situation(g, bytes, 0) * size;
        memcpy(inner_action(g, bytes, 0), answer, size * sizeof *answer);
        *inner_action(g, bytes, 1) = (real)action_of(x, table, inner_situation(g, bytes, 1));
        inner_step(g, bytes, &none);
        for (int i = 0; i < 2; i++) sum[i] += inner_reward(g, bytes, i);
    }
}

static void respond(const void *self, void *memory_, const real *answers) {
    const exact *x = self;
    memory *m = memory_;
    double best[2] = {-INFINITY, -INFINITY}, sum[2];
    for (int64_t table = 0; table < x->tables; table++) {
        play(x, m->play, answers, table, sum);
        bool better = sum[1] > best[1] + x->equal, equal = fabs(sum[1] - best[1]) <= x->equal;
        if (!better && !(equal && sum[0] > best[0] + x->equal)) continue;
        memcpy(best, sum, sizeof best);
        m->table = table;
    }
}

static int act(const void *self, void *memory_, int follower, int situation, bool learning, fm_rng *rng) {
    (void)follower, (void)learning, (void)rng;
    return action_of(self, ((const memory *)memory_)->table, situation);
}

const oracle_type oracle_exact = {
    .name = "exact",
    .doc = "the follower's best table, by trying all of them; ties in favour of the leader",
    .asks = true,
    .create = create,
    .respond = respond,
    .act = act,
};
