/* toy_algo.h: a learner for tests of the loop and the trials: small, quick, random enough to show a lost
 * stream, and able to go wrong on purpose. Each agent keeps a running value of its own actions and ignores
 * what it observes, but remembers its last action of the episode, which it repeats with chance `stick` (not
 * in greedy play). */
#ifndef TOY_ALGO_H
#define TOY_ALGO_H

#include <math.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "algos/algo.h"

static bool toy_mended; /* nothing fails any more, whatever the options say */

typedef struct toy_config {
    double epsilon, rate, stick;
    int64_t late, fail, fail_at, fail_seed, pause;
} toy_config;
enum { TOY_SOUND, TOY_METRIC, TOY_PARAMETER, TOY_CRASH };

static const fm_option TOY_OPTIONS[] = {
    FM_OPT_REAL(toy_config, epsilon, "0.2", 0, 1, "", "chance of a random action", "eps"),
    FM_OPT_REAL(toy_config, rate, "0.05", 0, 1, "", "weight of the newest reward", ""),
    FM_OPT_RENAMED("speed", "rate"),
    FM_OPT_REAL(toy_config, stick, "0", 0, 1, "", "chance of the last action again", ""),
    FM_OPT_INT(toy_config, late, "30", 0, 1e9, "updates", "before which the metric 'late' is not known", ""),
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
    real *value;      /* [mask_total] */
    double *surprise; /* [agents] the last change of a value that was due */
    real *level;      /* [1] its logarithm stands on the tape: negative when a metric is to go wrong */
    fm_rng rng;
    int64_t updates;
    double jitter;    /* of the rate, drawn at each update */
} toy;

static fm_status toy_accepts(const env_facts *facts, const void *config, fm_error *err) {
    (void)config;
    for (int i = 0; i < facts->agents; i++)
        if (facts->agent[i].action.kind != ENV_DISCRETE)
            return fm_fail(err, "toy needs discrete actions; '%s' has others for %s", facts->name,
                           facts->agent[i].name);
    return FM_OK;
}

static void *toy_create(const algo_setup *setup) {
    toy *t = fm_arena_array(setup->arena, toy, 1);
    size_t n = (size_t)setup->facts->mask_total, agents = (size_t)setup->facts->agents;
    t->config = setup->config;
    t->facts = setup->facts;
    t->seed = setup->seed;
    t->jitter = 1;
    t->value = fm_arena_array(setup->arena, real, n);
    t->surprise = fm_arena_array(setup->arena, double, agents);
    t->level = fm_arena_array(setup->arena, real, 1);
    *t->level = 1;
    ad_log(ad_leaf(setup->tape, 1, 1, t->level, "toy.level"));
    t->rng = fm_rng_split(setup->seed, FM_RNG_UPDATE, 0, 0);
    fm_keep_parameter(setup->keep, t->value, n, 0, "toy.value");
    fm_keep_bytes(setup->keep, &t->rng, sizeof t->rng, "toy/rng");
    fm_keep(setup->keep, FM_I64, &t->updates, 1, "toy/updates");
    fm_keep(setup->keep, FM_F64, &t->jitter, 1, "toy/jitter");
    fm_keep(setup->keep, FM_F64, t->surprise, agents, "toy/surprise");
    return t;
}

static int toy_best(const toy *t, int agent, const uint8_t *mask) {
    int first = t->facts->agent[agent].mask_at, best = -1;
    for (int a = 0; a < t->facts->agent[agent].action.n; a++)
        if (mask[first + a] && (best < 0 || t->value[first + a] > t->value[first + best])) best = a;
    return best;
}

static int toy_random(const toy *t, int agent, const uint8_t *mask, fm_rng *rng) {
    const env_agent *who = &t->facts->agent[agent];
    for (;;) {
        int a = (int)fm_rng_below(rng, (uint64_t)who->action.n);
        if (mask[who->mask_at + a]) return a;
    }
}

static size_t toy_memory_length(const void *self) { return (size_t)((const toy *)self)->facts->agents; }

/* memory: one more than the agent's last action of the episode. */
static int toy_choose(const toy *t, int agent, const uint8_t *mask, algo_mode mode, fm_rng *rng,
                      real *memory) {
    int last = (int)*memory - 1, choice = toy_best(t, agent, mask);
    if (mode != ALGO_GREEDY && fm_rng_uniform(rng) < t->config->stick && last >= 0 &&
        mask[t->facts->agent[agent].mask_at + last])
        choice = last;
    if (mode == ALGO_TRAIN && fm_rng_uniform(rng) < t->config->epsilon)
        choice = toy_random(t, agent, mask, rng);
    *memory = (real)(choice + 1);
    return choice;
}

static void toy_act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory,
                    real *actions) {
    const toy *t = self;
    int agents = t->facts->agents;
    for (int c = 0; c < view->copies; c++)
        for (int i = 0; i < agents; i++) {
            real *action = &actions[c * t->facts->action_total + t->facts->agent[i].action_at];
            *action = 0;
            if (view->active[c * agents + i])
                *action = (real)toy_choose(t, i, view->mask + c * t->facts->mask_total, mode, &rng[c],
                                           memory + c * agents + i);
        }
}

static void toy_observe(void *self, const algo_step *step) {
    toy *t = self;
    int agents = t->facts->agents;
    for (int c = 0; c < step->before.copies; c++)
        for (int i = 0; i < agents; i++) {
            const env_agent *who = &t->facts->agent[i];
            if (!step->before.learns[c * agents + i]) continue;
            int a = (int)step->actions[c * t->facts->action_total + who->action_at];
            real *value = &t->value[who->mask_at + a];
            double change = step->rewards[c * agents + i] - (double)*value;
            *value = (real)((double)*value + t->config->rate * t->jitter * change);
            if (isfinite(change)) t->surprise[i] = fabs(change);
        }
}

static void toy_update(void *self) {
    toy *t = self;
    t->updates++;
    t->jitter = 0.5 + fm_rng_uniform(&t->rng);
    if (t->config->pause > 0) {
        struct timespec pause = {0, (long)t->config->pause * 1000};
        nanosleep(&pause, NULL);
    }
    if (toy_mended || t->updates < t->config->fail_at || t->seed != (uint64_t)t->config->fail_seed) return;
    if (t->config->fail == TOY_METRIC) t->surprise[t->facts->agents - 1] = log((double)(*t->level = -1));
    if (t->config->fail == TOY_PARAMETER) t->value[0] = (real)INFINITY;
    if (t->config->fail == TOY_CRASH) raise(SIGKILL);
}

static const algo_metric TOY_METRICS[] = {
    {"surprise", "", "the last change of a value that was due", true},
    {"updates", "", "how many there were", false},
    {"late", "", "the same, known late", false},
    {NULL, NULL, NULL, false},
};

static void toy_measure(const void *self, double *values) {
    const toy *t = self;
    for (int i = 0; i < t->facts->agents; i++) *values++ = t->surprise[i];
    *values++ = (double)t->updates;
    *values++ = t->updates < t->config->late ? FM_ABSENT : (double)t->updates;
}

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
    .memory_length = toy_memory_length,
    .metrics = TOY_METRICS,
    .measure = toy_measure,
};

#endif
