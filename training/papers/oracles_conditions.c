/* oracles_conditions.c: what the reduction needs, each condition broken on purpose [Gerstgrasser & Parkes
 * 2023]: questions that teach nothing, a leader that knows when it is asked, a follower that
 * goes on from where it was, and rewards while the follower learns. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "training/papers/oracles.h"

#define ROUNDS 5
#define SMALL "memory=small horizon=5 "
#define CURVE_POINTS 100
#define CURVE_WINDOW 200 /* episodes */
#define AGAINST_CONTEXTUAL SMALL "oracle=contextual commitment=independent "

/* One leader that is trained; its folder stays. `paper`: the sum of its payoffs, NAN when none is given. */
typedef struct leading {
    const char *row, *settings;
    double paper;
} leading;

static fm_status lead(reproduce *r, const leading *l, const char *follower, reproduce_trained *done,
                      fm_error *err) {
    reproduce_training what = {.row = l->row,
                               .algo = "reinforce",
                               .env = "leader-pomdp",
                               .preset = "published",
                               .settings = l->settings,
                               .learner = follower,
                               .window = CURVE_WINDOW,
                               .rows = CURVE_POINTS};
    stats_interval sampled;
    if (reproduce_train(r, &what, done, err) != FM_OK) return FM_BAD;
    if (r->interrupted) return FM_OK;
    if (oracles_sampled(done, ROUNDS, &sampled, err) != FM_OK) return FM_BAD;
    reproduce_put(r, l->row, "argmax leader sum", l->paper, oracles_greedy(done, ROUNDS), done->ok);
    reproduce_put(r, l->row, "sampled leader sum", (double)NAN, sampled, done->ok);
    return FM_OK;
}

/* What the leader got in training. */
static void draw(oracles_figure *f, const char *title, const reproduce_trained *done) {
    oracles_curve(f, title, done, COLUMN_RETURN, oracles_sum(0, ROUNDS));
}

#define STEPS_LABEL "leader steps"
#define SUM_LABEL "sum of payoffs, 5 rounds, in training"

/* ---- hidden questions ---- */

fm_status reproduce_oracles_hidden(reproduce *r, fm_error *err) {
#define MODIFIED "game=modified_prisoners_dilemma "
    static const leading LEADERS[] = {{"observed", MODIFIED AGAINST_CONTEXTUAL, 20},
                                      {"hidden", MODIFIED AGAINST_CONTEXTUAL "hidden_queries=true", 10}};
    char who[ORACLES_WHO_MAX];
    int64_t steps;
    oracles_figure figure = {0};
    fm_status status = oracles_follower(r, "modified_prisoners_dilemma", MODIFIED SMALL, who, &steps, err);
    oracles_panel(&figure, "modified prisoner's dilemma");
    for (int k = 0; k < 2 && status == FM_OK && !r->interrupted; k++) {
        reproduce_trained done;
        status = lead(r, &LEADERS[k], who, &done, err);
        if (status == FM_OK && !r->interrupted) draw(&figure, LEADERS[k].row, &done);
        reproduce_trained_free(&done);
    }
    if (status == FM_OK && !r->interrupted) {
        oracles_level(&figure, "Stackelberg value", reproduce_number(20));
        status = oracles_draw(r, &figure, "hidden", STEPS_LABEL, SUM_LABEL, err);
    }
    oracles_figure_free(&figure);
    return status;
}

/* ---- a leader that knows the phase ---- */

/* A new follower learns against the leader of one trial, which stays as it is; the leader's sum then. */
static fm_status retrain(reproduce *r, const leading *l, const reproduce_trained *leader, int64_t trial,
                         double *sum, fm_error *err) {
    char row[80], who[ORACLES_WHO_MAX], settings[240];
    snprintf(row, sizeof row, "%s, new follower, trial %lld", l->row, (long long)trial);
    snprintf(who, sizeof who, "leader=%s", leader->folder);
    snprintf(settings, sizeof settings,
             "%s leader.trial=%lld leader.play=sample n_steps=640 lr=0.05 ent_coef=0", l->settings,
             (long long)trial);
    reproduce_training what = {.row = row,
                               .algo = "reinforce",
                               .env = "leader-pomdp",
                               .settings = settings,
                               .learner = who,
                               .steps = 100000,
                               .eval_episodes = 200};
    reproduce one = *r;
    reproduce_trained done;
    one.trials = 1;
    fm_status status = reproduce_train(&one, &what, &done, err);
    r->interrupted = one.interrupted;
    r->failed = one.failed;
    *sum = status == FM_OK && done.ok == 1 ? oracles_greedy(&done, ROUNDS).mean : (double)NAN;
    reproduce_trained_free(&done);
    return status;
}

static fm_status put_retrained(reproduce *r, const leading *l, const reproduce_trained *leader,
                               stats_interval *mean, fm_error *err) {
    double *sums = fm_new((size_t)leader->all.n, sizeof *sums);
    fm_status status = FM_OK;
    for (int64_t k = 0; k < leader->all.n && status == FM_OK && !r->interrupted; k++)
        if (leader->all.results[k].status == TRIAL_OK) status = retrain(r, l, leader, k, &sums[k], err);
    if (status == FM_OK && !r->interrupted) {
        *mean = reproduce_mean_of(leader, sums);
        reproduce_put(r, l->row, "leader sum after the follower has learned anew", (double)NAN, *mean,
                      leader->ok);
    }
    free(sums);
    return status;
}

fm_status reproduce_oracles_phase(reproduce *r, fm_error *err) {
#define DILEMMA "game=prisoners_dilemma "
#define UNSEEN DILEMMA AGAINST_CONTEXTUAL
#define SEEN DILEMMA AGAINST_CONTEXTUAL "phase_flag=true "
    static const leading LEADERS[] = {
        {"unseen, lr 0.004", UNSEEN "lr=0.004", 16}, {"unseen, lr 0.008", UNSEEN "lr=0.008", 16},
        {"unseen, lr 0.015", UNSEEN "lr=0.015", 16}, {"unseen, lr 0.03", UNSEEN "lr=0.03", 16},
        {"seen, lr 0.004", SEEN "lr=0.004", 20},     {"seen, lr 0.008", SEEN "lr=0.008", 20},
        {"seen, lr 0.015", SEEN "lr=0.015", 20},     {"seen, lr 0.03", SEEN "lr=0.03", 20}};
    static const char *const RATES[] = {"lr 0.004", "lr 0.008", "lr 0.015", "lr 0.03"};
    enum { LEADER_COUNT = sizeof LEADERS / sizeof *LEADERS, RATE_COUNT = sizeof RATES / sizeof *RATES };
    char who[ORACLES_WHO_MAX];
    int64_t steps;
    oracles_figure figure = {0};
    stats_interval again = reproduce_number((double)NAN);
    fm_status status = oracles_follower(r, "prisoners_dilemma", DILEMMA SMALL, who, &steps, err);
    for (size_t k = 0; k < LEADER_COUNT && status == FM_OK && !r->interrupted; k++) {
        const size_t rate = k % RATE_COUNT;
        reproduce_trained done;
        if (rate == 0) oracles_panel(&figure, k == 0 ? "the phase is not seen" : "the phase is seen");
        status = lead(r, &LEADERS[k], who, &done, err);
        if (status == FM_OK && !r->interrupted) draw(&figure, RATES[rate], &done);
        if (status == FM_OK && !r->interrupted && rate == 1)
            status = put_retrained(r, &LEADERS[k], &done, &again, err);
        reproduce_trained_free(&done);
        if (status != FM_OK || r->interrupted || rate + 1 < RATE_COUNT) continue;
        oracles_level(&figure, "lr 0.008 and a new follower", again);
        oracles_level(&figure, "Stackelberg value", reproduce_number(16));
    }
    if (status == FM_OK && !r->interrupted)
        status = oracles_draw(r, &figure, "phase", STEPS_LABEL, SUM_LABEL, err);
    oracles_figure_free(&figure);
    return status;
}

/* ---- a follower that is not reset ---- */

fm_status reproduce_oracles_reset(reproduce *r, fm_error *err) {
#define SEXES                                                                                                \
    "game=battle_of_the_sexes memory=none horizon=1 offset=0 oracle=q games=10 q_epsilon=0 q_noise=0.1 "     \
    "commitment=independent n_steps=110 "
#define CARRIED "reset_follower=false "
    static const leading LEADERS[] = {{"reset, lr 0.008", SEXES "lr=0.008", 1.89},
                                      {"reset, lr 0.015", SEXES "lr=0.015", 1.90},
                                      {"reset, lr 0.03", SEXES "lr=0.03", 1.83},
                                      {"carried, lr 0.008", SEXES CARRIED "lr=0.008", 0.93},
                                      {"carried, lr 0.015", SEXES CARRIED "lr=0.015", 1.02},
                                      {"carried, lr 0.03", SEXES CARRIED "lr=0.03", 1.24}};
    static const char *const RATES[] = {"lr 0.008", "lr 0.015", "lr 0.03"};
    enum { LEADER_COUNT = sizeof LEADERS / sizeof *LEADERS, RATE_COUNT = sizeof RATES / sizeof *RATES };
    oracles_figure figure = {0};
    fm_status status = FM_OK;
    for (size_t k = 0; k < LEADER_COUNT && status == FM_OK && !r->interrupted; k++) {
        const leading *l = &LEADERS[k];
        const size_t rate = k % RATE_COUNT;
        reproduce_training what = {.row = l->row,
                                   .algo = "reinforce",
                                   .env = "leader-pomdp",
                                   .preset = "published",
                                   .settings = l->settings,
                                   .steps = 55000,
                                   .window = 500,
                                   .rows = CURVE_POINTS};
        reproduce_trained done;
        if (rate == 0) oracles_panel(&figure, k == 0 ? "followers begin anew" : "followers go on");
        status = reproduce_train(r, &what, &done, err);
        if (status == FM_OK && !r->interrupted) {
            size_t last = reproduce_progress_rows(&done) - 1;
            reproduce_put(r, l->row, "leader reward, last 500 episodes", l->paper,
                          reproduce_progress(&done, last, done.columns.at[COLUMN_RETURN]), done.ok);
            oracles_curve(&figure, RATES[rate], &done, COLUMN_RETURN, 0);
            if (rate + 1 == RATE_COUNT) oracles_level(&figure, "Stackelberg value", reproduce_number(2));
        }
        reproduce_trained_free(&done);
    }
    if (status == FM_OK && !r->interrupted)
        status = oracles_draw(r, &figure, "reset", STEPS_LABEL, "leader reward, last 500 episodes", err);
    oracles_figure_free(&figure);
    return status;
}

/* ---- rewards while the follower learns ---- */

/* The leader keeps to one action for an episode (commitment=cached), as under the noise in the parameters of
 * the paper's leader. In the game that counts the follower answers alike, so the leader's reward there is
 * that of its action. */
typedef struct timing {
    const char *row, *settings;
    double x;        /* what the first action earns; the second earns 1 */
    double expected; /* share of leaders that take the first one */
} timing;

#define TIMING                                                                                               \
    "game=reward_timing memory=none horizon=1 offset=0 oracle=q games=10 q_alpha=0.2 q_init=0 "              \
    "q_epsilon=0 q_noise=0.1 commitment=cached hidden=none gamma=1 lr=0.1 "
#define PAID "reward_in_queries=true "

enum { EXCLUDED, INCLUDED, PAYMENTS, PENALTIES = 2, X_COUNT = 2 };

/* By whether rewards are included, by c, by x. */
static const timing TIMINGS[PAYMENTS][PENALTIES][X_COUNT] = {
    {{{"x 1.5, c 0, excluded", TIMING "x=1.5 c=0", 1.5, 1}, {"x 2, c 0, excluded", TIMING "x=2 c=0", 2, 1}},
     {{"x 1.5, c -5, excluded", TIMING "x=1.5 c=-5", 1.5, 1},
      {"x 2, c -5, excluded", TIMING "x=2 c=-5", 2, 1}}},
    {{{"x 1.5, c 0, included", TIMING PAID "x=1.5 c=0", 1.5, 0},
      {"x 2, c 0, included", TIMING PAID "x=2 c=0", 2, 1}},
     {{"x 1.5, c -5, included", TIMING PAID "x=1.5 c=-5", 1.5, 0},
      {"x 2, c -5, included", TIMING PAID "x=2 c=-5", 2, 0}}}};

static double first_row(const trial_result *result, int unused) {
    (void)unused;
    return result->evaluation.action[0] == 0 ? 1 : 0;
}

/* What leaders earn of whom that share takes the first action. */
static double earned(const timing *t, double share) { return share * t->x + (1 - share); }

/* To *reward: in the game that counts. */
static fm_status lead_paid(reproduce *r, const timing *t, stats_interval *reward, fm_error *err) {
    reproduce_training what = {
        .row = t->row, .algo = "idqn", .env = "leader-pomdp", .settings = t->settings, .steps = 22000};
    reproduce_trained done;
    fm_status status = reproduce_train(r, &what, &done, err);
    if (status == FM_OK && !r->interrupted) {
        stats_interval share = stats_of_shares(reproduce_mean(&done, first_row, 0));
        *reward =
            (stats_interval){earned(t, share.mean), earned(t, share.low), earned(t, share.high), share.n};
        reproduce_put(r, t->row, "share of leaders that choose the first row", t->expected, share, done.ok);
        reproduce_put(r, t->row, "their reward in the game that counts", earned(t, t->expected), *reward,
                      done.ok);
    }
    reproduce_trained_free(&done);
    return status;
}

fm_status reproduce_oracles_timing(reproduce *r, fm_error *err) {
    oracles_figure figure = {0};
    fm_status status = FM_OK;
    for (size_t k = 0; k < PAYMENTS * PENALTIES && status == FM_OK && !r->interrupted; k++) {
        const size_t c = k / PAYMENTS, paid = k % PAYMENTS;
        if (paid == EXCLUDED) oracles_panel(&figure, c == 0 ? "c = 0" : "c = -5");
        reproduce_curve *curve = oracles_add(&figure, paid ? "paid while it learns" : "not paid", X_COUNT);
        curve->kind = PLOT_POINTS;
        for (size_t x = 0; x < X_COUNT && status == FM_OK && !r->interrupted; x++) {
            curve->x[x] = TIMINGS[paid][c][x].x;
            status = lead_paid(r, &TIMINGS[paid][c][x], &curve->y[x], err);
        }
    }
    if (status == FM_OK && !r->interrupted)
        status = oracles_draw(r, &figure, "timing", "payoff x of the first row",
                              "leader reward in the game that counts", err);
    oracles_figure_free(&figure);
    return status;
}
