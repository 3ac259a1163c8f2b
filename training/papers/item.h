/* item.h: what one table or figure of a paper is to ./reproduce, and what it is built from.
 *
 * An item is a row of REPRODUCE_ITEMS (training/papers/table.c): a name, words, and a function that measures
 * and puts rows.
 *
 * Example (compiled by the tests, given reproduce *r, fm_error *err):
 *
 *     reproduce_training what = {.row = "Bi-AC", .algo = "biac", .env = "escape"};
 *     reproduce_trained done;
 *     fm_status status = reproduce_train(r, &what, &done, err);
 *     if (status == FM_OK && !r->interrupted)
 *         reproduce_put(r, what.row, "return", 9.5, reproduce_mean(&done, reproduce_return, 0), done.ok);
 *     reproduce_trained_free(&done);
 *     return status;
 */
#ifndef TRAINING_REPRODUCE_ITEM_H
#define TRAINING_REPRODUCE_ITEM_H

#include "training/show/plot.h"
#include "training/show/stats.h"
#include "training/run/trials.h"

#define REPRODUCE_PATH_MAX 800
#define REPRODUCE_HEADER "item,row,metric,paper,ours,lo,hi,trials"

typedef struct reproduce_config {
    int64_t isa, trials, steps, jobs, seed; /* trials, steps, jobs 0: the item's own, one per processor */
    bool quick, csv, resume, quiet, list, help, version;
    char out[FM_TEXT_MAX];
} reproduce_config;

struct reproduce;

typedef struct reproduce_item {
    const char *name;   /* "biac/table2" */
    const char *title;  /* one line */
    const char *source; /* "Zhang 2020, Table 2" */
    const char *note;   /* what the paper's numbers are, or that it gives none; ends its line */
    const char *unit;   /* what `trials` counts */
    int64_t trials, quick_trials;
    int64_t quick_steps; /* decisions of a trial at most when quick */
    fm_status (*run)(struct reproduce *r, fm_error *err);
} reproduce_item;

/* Ended by a row without name. */
extern const reproduce_item REPRODUCE_ITEMS[];

/* One item at work. */
typedef struct reproduce {
    const reproduce_config *config;
    const reproduce_item *item;
    char folder[REPRODUCE_PATH_MAX]; /* of the item, made */
    int64_t trials, steps;           /* resolved; steps: of a trial at most, 0 for its own number */
    FILE *table;                     /* rows.csv in the folder */
    bool interrupted;                /* a signal came: put no more rows and return */
    size_t failed;                   /* trials that crashed or met a number that is none */
    size_t rows;                     /* put so far */
    char last_row[128];              /* name of the last row shown */
} reproduce;

/* ---- rows ---- */

/* Puts a row: to the item's rows.csv, and to the standard output as CSV or for a person. `paper` NAN: the
 * paper gives no such number; an interval that is not known is NAN. `n`: trials behind it. */
void reproduce_put(reproduce *r, const char *row, const char *metric, double paper, stats_interval ours,
                   int64_t n);

/* The same, but a person is not shown it. */
void reproduce_put_detail(reproduce *r, const char *row, const char *metric, double paper,
                          stats_interval ours, int64_t n);

/* Says to a person, below the rows, what they mean: a paragraph of any length, which is broken into lines. */
void reproduce_words(const reproduce *r, const char *format, ...) FM_PRINTF(2, 3);

/* A number without an interval. */
stats_interval reproduce_number(double value);

/* stats_of_shares, as percentages. */
stats_interval reproduce_percent(stats_interval share);

/* Writes a figure into the item's folder, draws it if gnuplot is there, and says where it is. */
fm_status reproduce_figure(const reproduce *r, const char *name, const plot_data *data,
                           const plot_page *page, fm_error *err);

#define REPRODUCE_NOTE_MAX 160

/* Writes the note below a figure of means, `bands` being what shows their intervals; of one trial there are
 * none. */
void reproduce_note(const reproduce *r, const char *bands, char text[REPRODUCE_NOTE_MAX]);

/* Tells on stderr what goes on, unless quiet. */
void reproduce_say(const reproduce *r, const char *format, ...) FM_PRINTF(2, 3);

/* ---- training ---- */

typedef struct reproduce_training {
    const char *row;    /* names the folder inside the item's */
    const char *algo, *env;
    const char *preset; /* NULL: defaults */
    const char *shared; /* a folder beside the item's for runs that several items tell of: what is there
                           already is not trained again. NULL: the item's own */
    const char *settings; /* "key=value key=value" of the algorithm and the environment; NULL: none */
    const char *learner;  /* of one agent, "AGENT=WHO" as for ./train; NULL: none */
    int64_t steps;        /* of a trial; 0: the algorithm's own */
    int64_t num_envs;     /* 0: the default */
    int64_t window, rows; /* of progress; 0: the defaults of ./train */
    int64_t evaluations;  /* during training, evenly spread over the steps; 0: none */
    int64_t eval_episodes; /* of the evaluation at the end; 0: likewise */
    const trial_watch *watch; /* or NULL; every = 0: in 1000 parts. A watched run is not resumed. */
} reproduce_training;

typedef struct reproduce_trained {
    run_plan run;
    progress_columns columns; /* of its progress rows */
    trials all;
    int64_t ok;     /* trials that came to their end */
    char folder[REPRODUCE_PATH_MAX]; /* of the run, with its checkpoints */
} reproduce_trained;

/* Trains all trials, as ./train would. An interruption is told by r->interrupted. Free it in every case. */
fm_status reproduce_train(reproduce *r, const reproduce_training *what, reproduce_trained *done,
                          fm_error *err);

void reproduce_trained_free(reproduce_trained *done);

/* Puts the rows of what was trained. */
typedef fm_status reproduce_rows(reproduce *r, const char *row, const reproduce_trained *done,
                                 const void *context, fm_error *err);

/* Trains with our defaults and again with the preset "published", whose rows are named so. */
fm_status reproduce_twice(reproduce *r, const reproduce_training *what, reproduce_rows *rows,
                          const void *context, fm_error *err);

/* A number of a trial; i is an agent, an outcome, whatever the function makes of it. */
typedef double (*reproduce_getter)(const trial_result *result, int i);

double reproduce_return(const trial_result *result, int i);        /* greedy */
double reproduce_outcome(const trial_result *result, int i);       /* share, greedy */
double reproduce_train_outcome(const trial_result *result, int i); /* share, end of training */
double reproduce_action(const trial_result *result, int i); /* number i of the first greedy joint action */

/* Over the trials that are ok. */
stats_interval reproduce_mean(const reproduce_trained *done, reproduce_getter get, int i);
/* `values` [trials] by trial, those of trials that are not ok being without meaning. */
stats_interval reproduce_mean_of(const reproduce_trained *done, const double *values);

/* Rows that every ok trial has. */
size_t reproduce_progress_rows(const reproduce_trained *done);
/* Over the ok trials: a column of their k-th rows; NAN when one of them does not know it. */
stats_interval reproduce_progress(const reproduce_trained *done, size_t k, int column);

/* ---- outcomes over the course of training ---- */

typedef struct reproduce_learner { const char *row, *algo, *preset; } reproduce_learner;

typedef struct reproduce_outcomes {
    const char *figure, *env;
    const char *when;             /* of the rows' shares: "at the end" */
    const char *x_label, *y_label;
    column_group x;               /* COLUMN_STEP or COLUMN_EPISODES */
    double from;                  /* rows of progress before this x are left out */
    int64_t window, rows;         /* of progress */
    const int *order;             /* of the outcomes from the bottom up; NULL: as they are numbered */
    const reproduce_learner *learners;
    size_t n;
} reproduce_outcomes;

/* Trains each learner, puts a row for each outcome, and draws a page with two panels per learner: the
 * outcomes' shares as areas on each other, as in [Zhang 2020, Fig. 5 and 7], and as lines with intervals. In
 * training/papers/outcomes.c. */
fm_status reproduce_outcome_curves(reproduce *r, const reproduce_outcomes *what, fm_error *err);

/* ---- the items' functions ---- */

fm_status reproduce_random_games(reproduce *r, fm_error *err); /* fig2: training/papers/biac_random.c */
fm_status reproduce_escape(reproduce *r, fm_error *err);       /* table2: training/papers/biac_matrix.c */
fm_status reproduce_maintain(reproduce *r, fm_error *err);     /* table3 */
fm_status reproduce_escape_curves(reproduce *r, fm_error *err);   /* fig4: training/papers/biac_curves.c */
fm_status reproduce_maintain_curves(reproduce *r, fm_error *err); /* fig5 */
fm_status reproduce_merge(reproduce *r, fm_error *err);        /* table4: training/papers/biac_merge.c */
fm_status reproduce_merge_curves(reproduce *r, fm_error *err); /* fig7 */
fm_status reproduce_grid(reproduce *r, fm_error *err);         /* grid: training/papers/biac_exact.c */
fm_status reproduce_oligopoly(reproduce *r, fm_error *err);    /* oligopoly */
fm_status reproduce_stac_toy(reproduce *r, fm_error *err);      /* stac/fig1: training/papers/stac_toys.c */
fm_status reproduce_stac_soft_toy(reproduce *r, fm_error *err); /* stac/fig2 */
fm_status reproduce_stac_cartpole(reproduce *r, fm_error *err); /* training/papers/stac_cartpole.c */
fm_status reproduce_stac_pendulum(reproduce *r, fm_error *err); /* training/papers/stac_control.c */
fm_status reproduce_stac_mountaincar(reproduce *r, fm_error *err);
fm_status reproduce_step_penalty(reproduce *r, fm_error *err);  /* step/fig5: training/papers/step_matrix.c */
fm_status reproduce_step_mixing(reproduce *r, fm_error *err);   /* step/table1 */
fm_status reproduce_step_mixing_curves(reproduce *r, fm_error *err); /* step/figB2 */
fm_status reproduce_step_beta(reproduce *r, fm_error *err);    /* step/fig7: training/papers/step_onramp.c */
fm_status reproduce_step_returns(reproduce *r, fm_error *err); /* step/fig8 */
fm_status reproduce_step_speeds(reproduce *r, fm_error *err);  /* step/fig9 */
fm_status reproduce_oracles_games(reproduce *r, fm_error *err);  /* training/papers/oracles_games.c */
fm_status reproduce_oracles_inner_loop(reproduce *r, fm_error *err);
fm_status reproduce_oracles_hidden(reproduce *r, fm_error *err); /* training/papers/oracles_conditions.c */
fm_status reproduce_oracles_phase(reproduce *r, fm_error *err);
fm_status reproduce_oracles_reset(reproduce *r, fm_error *err);
fm_status reproduce_oracles_timing(reproduce *r, fm_error *err);
fm_status reproduce_oracles_mspm(reproduce *r, fm_error *err); /* training/papers/oracles_mspm.c */
fm_status reproduce_oracles_es(reproduce *r, fm_error *err);         /* training/papers/oracles_es.c */
fm_status reproduce_oracles_allocation(reproduce *r, fm_error *err); /* oracles_allocation.c */

/* Puts how far the trained policies fall short of exact Stackelberg play, from `starts` sampled initial
 * situations: the mean loss of every agent's return, and the share of starts in which nobody loses. */
fm_status reproduce_certify(reproduce *r, const char *row, const reproduce_trained *done, int64_t starts,
                            fm_error *err);

#endif
