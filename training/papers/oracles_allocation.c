/* oracles_allocation.c: simple allocation [Brero et al. 2022]: leaders that read messages of a follower that
 * learns by multiplicative weights in every episode. */
#include "training/papers/oracles.h"

/* An episode has 33 updates of the follower, of three messages at most, and one game for each type that
 * counts: the expectation, where the paper has the mean of 30 games. A rollout is ten episodes. */
#define ALLOCATION "game=allocation oracle=weights games=99 plays=0 n_steps=2040 ent_coef=0.05 "
#define STEPS 400000
#define EVALUATED 10

static fm_status lead(reproduce *r, const char *leader, int messages, oracles_figure *f, fm_error *err) {
    static const char *const TITLES[] = {"1 message", "2 messages", "3 messages"};
    char row[40], settings[160];
    snprintf(row, sizeof row, "%s messages %d", leader, messages);
    snprintf(settings, sizeof settings, ALLOCATION "game_settings=messages=%d", messages);
    reproduce_training what = {.row = row,
                               .algo = leader,
                               .env = "leader-pomdp",
                               .settings = settings,
                               .steps = STEPS,
                               .window = 20,
                               .rows = 50,
                               .eval_episodes = EVALUATED};
    reproduce_trained done;
    fm_status status = reproduce_train(r, &what, &done, err);
    if (status == FM_OK && !r->interrupted) {
        reproduce_put(r, row, "argmax leader reward",
                      env_facts_solution(&done.run.env.facts, "stackelberg")->value[0],
                      reproduce_mean(&done, reproduce_return, 0), done.ok);
        oracles_curve(f, TITLES[messages - 1], &done, COLUMN_RETURN, 0);
    }
    reproduce_trained_free(&done);
    return status;
}

fm_status reproduce_oracles_allocation(reproduce *r, fm_error *err) {
    static const char *const LEADERS[] = {"ppo", "reinforce"};
    oracles_figure figure = {0};
    fm_status status = FM_OK;
    for (size_t k = 0; k < sizeof LEADERS / sizeof *LEADERS; k++) {
        oracles_panel(&figure, LEADERS[k]);
        for (int m = 1; m <= 3 && status == FM_OK && !r->interrupted; m++)
            status = lead(r, LEADERS[k], m, &figure, err);
    }
    if (status == FM_OK && !r->interrupted)
        status = oracles_draw(r, &figure, "allocation", "leader steps", "leader reward, in training", err);
    oracles_figure_free(&figure);
    return status;
}
