/* allocation.c: simple allocation, a leader that commits to how it reads messages.
 *
 * Paper: Brero et al., "Stackelberg POMDP", 2022. The follower sees its type, one of `types` equally likely
 * ones, and sends one of `messages`; the leader sees the message alone and hands out an item. Both earn 1
 * when the item is the type, else 0. No more types can be served than there are messages or items, so the
 * leader's best is min(messages, types) / types.
 *
 *     observation  follower: one-hot of the type; leader: one-hot of the message
 *     action       follower: a message; then, in a second step, leader: an item
 *
 * Deviations: none known. */
#include <math.h>
#include <string.h>

#include "envs/env.h"

typedef struct allocation_config {
    int64_t types, messages;
} allocation_config;

static const fm_option OPTIONS[] = {
    FM_OPT_INT(allocation_config, types, "3", 1, 16, "", "of the follower, and items", "n"),
    FM_OPT_INT(allocation_config, messages, "3", 1, 16, "", "that it can choose from", "m"),
    FM_OPT_END,
};

/* Message and item are -1 before they are chosen. */
typedef struct play {
    int64_t type, message, item;
} play;

static void show(const allocation_config *c, const play *p, env_io *io) {
    memset(io->obs, 0, (size_t)(c->messages + c->types) * sizeof *io->obs);
    if (p->message >= 0) io->obs[p->message] = 1;
    io->obs[c->messages + p->type] = 1;
    io->active[0] = p->message >= 0;
    io->active[1] = p->message < 0;
}

static void start(const void *game, void *state, int type, env_io *io) {
    play *p = state;
    *p = (play){.type = type, .message = -1, .item = -1};
    show(game, p, io);
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    const allocation_config *c = game;
    start(game, state, (int)fm_rng_below(rng, (uint64_t)c->types), io);
}

static double worth(const play *p) { return p->item == p->type ? 1 : 0; }

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    play *p = state;
    if (p->message < 0) {
        p->message = (int64_t)io->actions[1];
    } else {
        p->item = (int64_t)io->actions[0];
        io->rewards[0] = io->rewards[1] = worth(p);
        io->terminated = true;
    }
    show(game, p, io);
}

static const char *const READINGS[] = {"type", "message", "item"};

static void read_play(const void *game, const void *state, double *readings) {
    (void)game;
    const play *p = state;
    readings[0] = (double)p->type;
    readings[1] = p->message < 0 ? FM_ABSENT : (double)p->message;
    readings[2] = p->item < 0 ? FM_ABSENT : (double)p->item;
}

static void render(const void *game, const void *state, const real *actions, FILE *out) {
    (void)game, (void)actions;
    const play *p = state;
    fprintf(out, "  type %lld", (long long)p->type);
    if (p->message >= 0) fprintf(out, ", message %lld", (long long)p->message);
    if (p->item >= 0) fprintf(out, ", item %lld: %g", (long long)p->item, worth(p));
    fputc('\n', out);
}

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    (void)err;
    allocation_config *c = fm_arena_array(arena, allocation_config, 1);
    env_solution *solution = fm_arena_array(arena, env_solution, 1);
    double *value = fm_arena_array(arena, double, 2);
    double *chance = fm_arena_array(arena, double, (size_t)((const allocation_config *)config)->types);
    *c = *(const allocation_config *)config;
    *game = c;
    for (int64_t k = 0; k < c->types; k++) chance[k] = 1 / (double)c->types;
    value[0] = value[1] = (double)(c->messages < c->types ? c->messages : c->types) / (double)c->types;
    *solution = (env_solution){.concept = "stackelberg",
                               .label = "every message another type's item",
                               .value = value,
                               .source = "closed form"};
    facts->title = "Simple allocation";
    facts->source = "[Brero et al. 2022]";
    facts->horizon = 2;
    facts->rewards = ENV_COMMON;
    facts->pauses = true;
    facts->deterministic = true;
    facts->state_size = sizeof(play);
    facts->readings = sizeof READINGS / sizeof *READINGS;
    facts->reading_name = READINGS;
    facts->starts = (int)c->types;
    facts->start_chance = chance;
    facts->solution = solution;
    facts->solutions = 1;
    env_facts_agents(facts, 2, arena);
    facts->agent[0] = (env_agent){.name = "leader",
                                  .obs_length = (int)c->messages,
                                  .one_hot = true,
                                  .action = env_discrete((int)c->types, NULL),
                                  .reward_high = 1};
    facts->agent[1] = (env_agent){.name = "follower",
                                  .level = 1,
                                  .obs_length = (int)c->types,
                                  .one_hot = true,
                                  .action = env_discrete((int)c->messages, NULL),
                                  .reward_high = 1};
    return FM_OK;
}

const env_type env_allocation = {
    .name = "allocation",
    .doc = "a leader hands out items by messages about a type that it does not see",
    .options = OPTIONS,
    .config_size = sizeof(allocation_config),
    .create = create,
    .reset = reset,
    .step = step,
    .start = start,
    .render = render,
    .read = read_play,
};
