/* toy_algo.h: a learner for tests of the loop and the trials: small, quick, random enough to show a lost
 * stream, and able to go wrong on purpose. Each agent keeps a running value of its own actions and ignores
 * what it observes. */
#ifndef TOY_ALGO_H
#define TOY_ALGO_H

#include <math.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "algos/algo.h"

#define TOY_ACTIONS_MAX 4096

typedef struct toy_config { double epsilon, rate; int64_t fail, fail_at, fail_seed, pause; } toy_config;
enum { TOY_SOUND, TOY_METRIC, TOY_PARAMETER, TOY_CRASH };

static const fm_option TOY_OPTIONS[] = {
    FM_OPT_REAL(toy_config, epsilon, "0.2", 0, 1, "", "chance of a random action", "eps"),
    FM_OPT_REAL(toy_config, rate, "0.05", 0, 1, "", "weight of the newest reward", ""),
    FM_OPT_CHOICE(toy_config, fail, "sound", "sound|metric|parameter|crash", "what goes wrong", ""),
    FM_OPT_INT(toy_config, fail_at, "100", 0, 1e9, "updates", "when it goes wrong", ""),
    FM_OPT_INT(toy_config, fail_seed, "0", 0, 1e9, "", "the seed of the trial in which it goes wrong", ""),
    FM_OPT_INT(toy_config, pause, "0", 0, 1e6, "us", "idle time per update", ""),
    FM_OPT_END,
};

static const algo_preset TOY_PRESETS[] = {
    {"", "maintain", 3000, "rate=0.1"},
    {"published", "maintain", 2000, "rate=0.2 epsilon=0.3"},
    {NULL, NULL, 0, NULL},
};

typedef struct toy {
    const toy_config *config;
    const env_facts *facts;
    uint64_t seed;
    real *value; /* [mask_total] */
    fm_rng rng[ENV_AGENTS_MAX];
    int64_t updates;
    double metric;
} toy;

static fm_status toy_accepts(const env_facts *facts, const void *config, fm_error *err) {
    (void)config;
    for (int i = 0; i < facts->agents; i++)
        if (facts->action[i].n == 0)
            return fm_fail(err, "toy needs discrete actions; '%s' has a box for %s", facts->name,
                           facts->agent_name[i]);
    return FM_OK;
}

static void *toy_create(const algo_setup *setup) {
    toy *t = fm_arena_array(setup->arena, toy, 1);
    size_t n = (size_t)setup->facts->mask_total;
    t->config = setup->config;
    t->facts = setup->facts;
    t->seed = setup->seed;
    t->value = fm_arena_array(setup->arena, real, n);
    fm_keep_parameter(setup->keep, t->value, n, 0, "toy.value");
    for (int i = 0; i < setup->facts->agents; i++)
        t->rng[i] = fm_rng_split(setup->seed, FM_RNG_EXPLORE, 0, (uint64_t)i);
    fm_keep_bytes(setup->keep, t->rng, sizeof t->rng, "toy/rng");
    fm_keep(setup->keep, FM_I64, &t->updates, 1, "toy/updates");
    fm_keep(setup->keep, FM_F64, &t->metric, 1, "toy/metric");
    return t;
}

static int toy_best(const toy *t, int agent, const uint8_t *mask) {
    int first = t->facts->mask_at[agent], best = -1;
    for (int a = 0; a < t->facts->action[agent].n; a++)
        if (mask[first + a] && (best < 0 || t->value[first + a] > t->value[first + best])) best = a;
    return best;
}

static int toy_random(toy *t, int agent, const uint8_t *mask) {
    for (;;) {
        int a = (int)fm_rng_below(&t->rng[agent], (uint64_t)t->facts->action[agent].n);
        if (mask[t->facts->mask_at[agent] + a]) return a;
    }
}

static void toy_act(void *self, const algo_view *view, bool greedy, real *actions) {
    toy *t = self;
    for (int c = 0; c < view->copies; c++) {
        const uint8_t *mask = view->mask + c * t->facts->mask_total;
        for (int i = 0; i < t->facts->agents; i++) {
            bool explore = !greedy && fm_rng_uniform(&t->rng[i]) < t->config->epsilon;
            int a = explore ? toy_random(t, i, mask) : toy_best(t, i, mask);
            actions[c * t->facts->action_total + t->facts->action_at[i]] = (real)a;
        }
    }
}

static void toy_observe(void *self, const algo_step *step) {
    toy *t = self;
    for (int c = 0; c < step->before.copies; c++)
        for (int i = 0; i < t->facts->agents; i++) {
            int a = (int)step->actions[c * t->facts->action_total + t->facts->action_at[i]];
            real *value = &t->value[t->facts->mask_at[i] + a];
            double change = step->rewards[c * t->facts->agents + i] - (double)*value;
            *value = (real)((double)*value + t->config->rate * change);
            t->metric = fabs(change);
        }
}

static void toy_update(void *self) {
    toy *t = self;
    t->updates++;
    if (t->config->pause > 0) {
        struct timespec pause = {0, (long)t->config->pause * 1000};
        nanosleep(&pause, NULL);
    }
    if (t->updates < t->config->fail_at || t->seed != (uint64_t)t->config->fail_seed) return;
    if (t->config->fail == TOY_METRIC) t->metric = (double)NAN;
    if (t->config->fail == TOY_PARAMETER) t->value[0] = (real)INFINITY;
    if (t->config->fail == TOY_CRASH) raise(SIGKILL);
}

static const char *const TOY_METRICS[] = {"surprise", NULL};
static void toy_metrics(const void *self, double *values) { values[0] = ((const toy *)self)->metric; }

static const algo_type TOY_ALGO = {
    .name = "toy",
    .doc = "a learner for tests",
    .paper = "none",
    .options = TOY_OPTIONS,
    .config_size = sizeof(toy_config),
    .presets = TOY_PRESETS,
    .steps = 1000,
    .accepts = toy_accepts,
    .create = toy_create,
    .act = toy_act,
    .observe = toy_observe,
    .update = toy_update,
    .metric_names = TOY_METRICS,
    .metrics = toy_metrics,
};

#endif
