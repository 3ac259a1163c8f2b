/* oracles_es.c: evolution strategies as the leader [Gerstgrasser & Parkes 2023]: they judge whole episodes,
 * so that it makes no difference to them whether questions count as decisions. */
#include <math.h>

#include "training/papers/oracles.h"

#define ROUNDS 5
#define GAME "game=modified_prisoners_dilemma memory=small horizon=5 "
#define OPEN GAME "oracle=contextual commitment=independent "
#define HIDDEN OPEN "hidden_queries=true "
#define STEPS 50000
/* Steps this small, as faster ones settle in one of three seeds for 19, another first action. */
#define PPO "n_steps=1000 lr=0.005"

static const struct {
    const char *row, *algo, *title, *settings;
    double paper; /* the sum of the leader's payoffs, NAN where none is given */
} LEADERS[] = {{"es observed", "es", "observed", OPEN, 20},
               {"es hidden", "es", "hidden", HIDDEN, 20},
               {"ppo observed", "ppo", "observed", OPEN PPO, 20},
               {"ppo hidden", "ppo", "hidden", HIDDEN PPO, 10}};

fm_status reproduce_oracles_es(reproduce *r, fm_error *err) {
    char who[ORACLES_WHO_MAX];
    int64_t steps;
    oracles_figure figure = {0};
    fm_status status = oracles_follower(r, "modified_prisoners_dilemma", GAME, who, &steps, err);
    for (size_t k = 0; k < sizeof LEADERS / sizeof *LEADERS && status == FM_OK && !r->interrupted; k++) {
        reproduce_training what = {.row = LEADERS[k].row,
                                   .algo = LEADERS[k].algo,
                                   .env = "leader-pomdp",
                                   .settings = LEADERS[k].settings,
                                   .learner = who,
                                   .steps = STEPS,
                                   .window = 200,
                                   .rows = 50};
        reproduce_trained done;
        if (k % 2 == 0) oracles_panel(&figure, what.algo);
        status = reproduce_train(r, &what, &done, err);
        if (status == FM_OK && !r->interrupted) {
            reproduce_put(r, what.row, "argmax leader sum", LEADERS[k].paper, oracles_greedy(&done, ROUNDS),
                          done.ok);
            oracles_curve(&figure, LEADERS[k].title, &done, COLUMN_RETURN, oracles_sum(0, ROUNDS));
        }
        reproduce_trained_free(&done);
    }
    if (status == FM_OK && !r->interrupted)
        status = oracles_draw(r, &figure, "es", "leader steps", "sum of payoffs, 5 rounds, in training", err);
    oracles_figure_free(&figure);
    return status;
}
