/* table.c: every environment there is; to add one, write its file and name it here twice. */
#include "envs/env.h"

extern const env_type env_escape, env_maintain, env_penalty, env_mixing, env_random_matrix, env_nfg;
extern const env_type env_commitment, env_dominance;
extern const env_type env_iterated, env_leader_pomdp, env_follower_pomdp;
extern const env_type env_mixture, env_matrix_design, env_allocation, env_mspm;
extern const env_type env_grid, env_merge, env_onramp;
extern const env_type env_duopoly, env_triopoly, env_oligopoly, env_chain;
extern const env_type env_cartpole, env_pendulum, env_mountaincar_continuous, env_acrobot;

const env_type *const ENV_TABLE[] = {
    &env_escape,        &env_maintain, /* normal form: matrix_game.c */
    &env_penalty,       &env_mixing,
    &env_commitment,    &env_dominance,
    &env_random_matrix, &env_nfg,
    &env_iterated,      /* two by two, in rounds: iterated.c; its POMDPs: commitment/ */
    &env_leader_pomdp,  &env_follower_pomdp,
    &env_mixture,       &env_matrix_design, /* games for leader-pomdp: commitment/ */
    &env_allocation,    &env_mspm,
    &env_grid,          &env_merge, /* several decisions */
    &env_onramp,
    &env_duopoly,       &env_triopoly, /* continuous: oligopoly.c, chain.c */
    &env_oligopoly,     &env_chain,
    &env_cartpole,      &env_pendulum, /* one agent: control/ */
    &env_mountaincar_continuous,
    &env_acrobot,       NULL,
};
