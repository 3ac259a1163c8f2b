/* The network that learners share: a change of the units that it is taught in. */
#include <math.h>

#include "algos/net.h"
#include "tests/test.h"

enum { IN = 3, OUT = 2, ROWS = 5 };

/* Online and target outputs, which differ here, become factor y + offset. */
TEST(outputs_are_rescaled_and_those_of_the_target_too) {
    fm_arena arena = {0};
    fm_keep_list keep = {0};
    algo_setup setup = {.copies = 1, .steps = 1, .arena = &arena, .keep = &keep};
    ad_tape *t = ad_tape_new();
    fm_rng rng = fm_rng_split(3, FM_RNG_INIT, 0, 0);
    fm_ints hidden = {2, {8, 4}};
    algo_net_shape shape = {"net", IN, OUT, &hidden, AD_TANH, 0.01, true};
    algo_net net;
    algo_net_make(&net, &setup, t, &shape, &rng);
    nn_params_init(&net.params, &rng);
    size_t bias = net.params.entries[net.mlp.bias[2]].at;
    net.params.theta[bias] = (real)0.25;
    net.target[bias] = (real)0.75;
    algo_forward both[2];
    double before[2][ROWS * OUT];
    for (int k = 0; k < 2; k++) {
        both[k] = algo_forward_make(&net, &setup, t, k == 1, ROWS);
        for (size_t j = 0; j < ROWS * IN; j++) both[k].x[j] = (real)sin((double)j);
        algo_forward_run(&both[k]);
        for (size_t j = 0; j < ROWS * OUT; j++) before[k][j] = (double)both[k].y[j];
    }
    EXPECT(before[0][0] != before[1][0]);
    algo_net_rescale(&net, 3, -0.5);
    for (int k = 0; k < 2; k++) {
        algo_forward_run(&both[k]);
        for (size_t j = 0; j < ROWS * OUT; j++)
            EXPECT_NEAR((double)both[k].y[j], 3 * before[k][j] - 0.5, 1e-5);
    }
    algo_net_free(&net);
    ad_tape_free(t);
    fm_keep_free(&keep);
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(outputs_are_rescaled_and_those_of_the_target_too))
