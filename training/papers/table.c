/* table.c: the table of what ./reproduce can do, one row per table or figure. */
#include "training/papers/item.h"

#define EACH_TWICE                                                                                           \
    "Each algorithm twice: with our defaults, and with the settings that stand for the published row.\n"
#define CURVES_ONLY "The paper shows curves and gives no numbers: the column `paper` is empty.\n"

#define CONTROL                                                                                              \
    "The paper has tasks of MuJoCo, as curves, and says that leading actors do better than DDPG and that "   \
    "SAC and its leaders are alike. A test return is the mean of 10 greedy episodes, after every tenth "     \
    "of the 40,000 decisions; `area` is the mean of the ten, `final` the last.\n"

const reproduce_item REPRODUCE_ITEMS[] = {
    {"biac/fig2",
     "random games: the Stackelberg point against the mean Nash equilibrium, by covariance and size",
     "Zhang 2020, Fig. 2",
     CURVES_ONLY
     "It finds that the Stackelberg point is better than the mean Nash equilibrium for both agents "
     "when the covariance is high, and that the number of equilibria grows with it. `reference` is an "
     "independent measurement of 20,000 games per point. Equilibria are pure; the mean is over the "
     "games that have one.\n",
     "games", 2000, 200, 0, reproduce_random_games},
    {"biac/table2", "Escape: converged joint actions of six algorithms", "Zhang 2020, Table 2",
     EACH_TWICE
     "Its rows of Hysteretic- and Lenient-DQN cannot be both these means and 0 % (algos/hysteretic.c).\n",
     "trials", 100, 10, 5000, reproduce_escape},
    {"biac/fig4", "Escape: how the values, the follower and the leader of Bi-AC converge",
     "Zhang 2020, Fig. 4",
     CURVES_ONLY
     "It describes that Q1(C,Z) reaches 30 almost at once, Q2(C,Z) later, then pi2(Z|C) rises, then "
     "the leader's share of C, which stays below 1 as exploration goes on.\n",
     "trials", 10, 3, 5000, reproduce_escape_curves},
    {"biac/table3", "Maintain: converged joint actions of six algorithms", "Zhang 2020, Table 3", EACH_TWICE,
     "trials", 100, 10, 5000, reproduce_maintain},
    {"biac/fig5", "Maintain: which joint actions Bi-AC and MADDPG play while they learn",
     "Zhang 2020, Fig. 5", CURVES_ONLY "It describes that Bi-AC converges to A-X, and MADDPG to B-Y.\n",
     "trials", 10, 3, 5000, reproduce_maintain_curves},
    {"biac/table4", "Traffic Merge: who goes first, for four algorithms", "Zhang 2020, Table 4",
     EACH_TWICE
     "The paper's rates are those of the last 1,000 training episodes, exploration included, as are ours; "
     "greedy play and its distance from exact Stackelberg play are added.\n",
     "trials", 10, 3, 8000, reproduce_merge},
    {"biac/fig7", "Traffic Merge: outcomes of Bi-AC and MADDPG over 1,000 episodes of training",
     "Zhang 2020, Fig. 7", CURVES_ONLY "It begins with about a third each; the ends are those of Table 4.\n",
     "trials", 10, 3, 8000, reproduce_merge_curves},
    {"biac/grid", "the grid of Figure 1: which of the two equilibria is played", "Zhang 2020, Fig. 1",
     "The paper gives the game and no experiment: the column `paper` is empty.\n", "trials", 20, 4, 10000,
     reproduce_grid},
    {"biac/oligopoly", "continuous actions and three levels: quantities against the closed form",
     "Zhang 2020, Eq. 17-22; von Stackelberg 1934",
     "The paper gives the equations and no experiment: the column `paper` is empty.\n", "trials", 20, 4,
     20000, reproduce_oligopoly},
    {"stac/fig1", "a policy and a linear critic in a game of one state: alone and led by the policy",
     "Zheng 2022, Fig. 1, 4, 5",
     CURVES_ONLY
     "Its curves are distances from the equilibrium (0, 0), not the squared ones of the axis label.\n",
     "runs", 1, 1, 0, reproduce_stac_toy},
    {"stac/fig2", "the same game with an entropy bonus, samples, and a Gaussian policy",
     "Zheng 2022, Fig. 2, 6, 7",
     CURVES_ONLY "Its curves are of one seed.\n", "seeds", 200, 50, 0, reproduce_stac_soft_toy},
    {"stac/cartpole", "CartPole: AC and STAC, one and 80 steps of the critic, and controls",
     "Zheng 2022, Fig. 3",
     CURVES_ONLY
     "`area` is the mean of the epochs' mean returns, an epoch being 4,000 decisions and one update.\n"
     "Episodes go on over the end of an epoch, which the program cuts; the seeds are ours.\n",
     "trials", 10, 2, 40000, reproduce_stac_cartpole},
    {"stac/pendulum", "Pendulum: DDPG and SAC, with the actor or the critic as leader, and controls",
     "Zheng 2022, Fig. 3", CONTROL, "trials", 5, 2, 4000, reproduce_stac_pendulum},
    {"stac/mountaincar", "MountainCarContinuous: the same", "Zheng 2022, Fig. 3", CONTROL, "trials", 5, 2,
     7000, reproduce_stac_mountaincar},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
