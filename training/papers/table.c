/* table.c: the table of what ./reproduce can do, one row per table or figure. */
#include "training/papers/item.h"

#define EACH_TWICE                                                                                           \
    "Each algorithm twice: with our defaults, and with the settings that stand for the published row.\n"
#define CURVES_ONLY "The paper shows curves and gives no numbers: the column `paper` is empty.\n"

#define FOLLOWER_STEPS 1000000 /* a follower that is not exact makes no item */

#define CONTROL                                                                                              \
    "The paper has tasks of MuJoCo, as curves, and says that leading actors do better than DDPG and that "   \
    "SAC and its leaders are alike. A test return is the mean of 10 greedy episodes, after every tenth "     \
    "of the 40,000 decisions; `area` is the mean of the ten, `final` the last.\n"

#define ONRAMP                                                                                               \
    CURVES_ONLY                                                                                              \
    "Rows are of 100 greedy episodes after 2,000,000 decisions, without the supervisor. All policies "       \
    "see what their agent sees, the vehicles around it; STEP's also what superiors chose, those of "         \
    "`MAPPO state` also what all others see. Critics: STEP's are of one agent each and see as its "          \
    "policy does, IPPO's is one for all and sees as its policies do, MAPPO's and MADDPG's see "              \
    "what all see.\n"

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
    {"step/fig5", "Penalty: where STEP, MAPPO and MADDPG end, by the penalty k",
     "STEP (Zhang et al. 2023), Fig. 5",
     "The bars are not numbers; the text gives STEP at k = -100, and MAPPO at (a2,b2) for every k < 0.\n"
     "Greedy joint actions after 10,000 decisions. STEP observes 0, as in the first author's program, and "
     "has beta = 1; below are other beta, and the constant 1 as observation: with its running mean taken "
     "away, as by default, and raw.\n",
     "trials", 100, 10, 3000, reproduce_step_penalty},
    {"step/table1", "Mixing: policies and rewards of STEP, MAPPO and MADDPG",
     "STEP (Zhang et al. 2023), Table 1",
     "Chances are means over the trials at the end, rewards what the policies earn on average. By the "
     "printed chances the rewards of MAPPO and MADDPG stand in each other's columns; here they are put "
     "right.\n",
     "trials", 100, 10, 3000, reproduce_step_mixing},
    {"step/figB2", "Mixing: policies of STEP, MAPPO and MADDPG in the course of training",
     "STEP (Zhang et al. 2023), Fig. B.2",
     CURVES_ONLY "It finds STEP at the optimum within 2,000 decisions.\n", "trials", 100, 10, 3000,
     reproduce_step_mixing_curves},
    {"step/fig7", "beta in the on-ramp and in chains of 2, 8 and 64 agents",
     "STEP (Zhang et al. 2023), Fig. 7",
     "The paper's task is MuJoCo's Ant, as curves; it says that beta does not matter with few agents and "
     "that a large one is better with many. A test return is the mean of 20 greedy episodes, twenty times "
     "in the course of training; `area` is the mean of all, `last quarter` of the last five. The best "
     "return of a chain is 0.\n",
     "trials", 5, 1, 4000, reproduce_step_beta},
    {"step/fig8", "on-ramp: returns of STEP, MAPPO, IPPO and MADDPG at three densities",
     "STEP (Zhang et al. 2023), Fig. 8",
     ONRAMP
     "Returns are means over agents. It finds STEP above the others, the more so the denser. The rows "
     "`in training` are of the last 1000 episodes, exploration included.\n"
     "After 1,000,000 decisions STEP's was above MAPPO's by 8, 15 and 34 at densities 1, 2 and 3, above "
     "IPPO's by 4, 6 and 3.5, within the intervals, and above MADDPG's by -5, 22 and 39. What IPPO has, one "
     "critic for all, STEP has not (algos/step.c).\n",
     "trials", 5, 1, 4000, reproduce_step_returns},
    {"step/fig9", "on-ramp: speeds of the same, from the same trials", "STEP (Zhang et al. 2023), Fig. 9",
     ONRAMP
     "Speeds are means over decisions and agents, so those of who crashes soon count as well. It finds "
     "STEP the fastest. After 1,000,000 decisions MADDPG was, which crashed in 6, 26 and 42 % of episodes "
     "(STEP 7, 10 and 8 %); STEP was level with MAPPO and IPPO, and faster than IPPO at density 3.\n",
     "trials", 5, 1, 4000, reproduce_step_speeds},
    {"oracles/games", "12 iterated games: leaders against a follower that knows their tables",
     "Gerstgrasser & Parkes 2023",
     "The paper shows curves; in the column `paper` is the exact Stackelberg value, in sums of the payoffs "
     "of 10 rounds. Leader steps are those until greedy play is at the equilibrium for good, questions "
     "included; total steps have the follower's training, too.\n",
     "trials", 5, 2, FOLLOWER_STEPS, reproduce_oracles_games},
    {"oracles/inner-loop", "the same games: leaders against a follower that learns in every episode",
     "Gerstgrasser & Parkes 2023",
     "In the column `paper` is the exact Stackelberg value; the follower learns by tabular Q in 80 games of "
     "an episode, each of which costs the leader steps. Evaluations are means of 10 episodes, every 20,000 "
     "steps; the steps are of trials that get there. The leader lacks the KL penalty of the paper's program: "
     "a seed may settle early in a table that is not the best.\n",
     "trials", 5, 2, 200000, reproduce_oracles_inner_loop},
    {"oracles/hidden", "questions that teach the leader nothing", "Gerstgrasser & Parkes 2023",
     "In sums of the payoffs of 5 rounds; the leader has the paper's settings, the follower is exact. With "
     "hidden questions a leader does not see what its policy does to its follower.\n",
     "trials", 10, 2, FOLLOWER_STEPS, reproduce_oracles_hidden},
    {"oracles/phase", "a leader that knows whether it is asked or plays",
     "Gerstgrasser & Parkes 2023",
     "In sums of the payoffs of 5 rounds; 16 is the equilibrium. A leader that knows lies: it answers "
     "attractively and plays otherwise, until the follower learns anew.\n",
     "trials", 10, 2, FOLLOWER_STEPS, reproduce_oracles_phase},
    {"oracles/reset", "followers that begin anew in every episode, and that do not",
     "Gerstgrasser & Parkes 2023",
     "The column `paper` has the means of an independent program's 20 seeds; 2 is the equilibrium. At "
     "0.03 one seed in 15 never leads, so that means of 20 seeds are rough.\n",
     "trials", 20, 4, 55000, reproduce_oracles_reset},
    {"oracles/timing", "a leader that is paid while its follower learns",
     "Gerstgrasser & Parkes 2023",
     "The column `paper` has what must come out: with rewards left out while the follower learns always "
     "the first row; with them only for x = 2, c = 0. The paper's leader plays by noisy parameters, drawn "
     "for an episode; ours keeps to its first action for an episode, which is as much in a game of one "
     "situation, and explores by chance.\n",
     "trials", 10, 2, 22000, reproduce_oracles_timing},
    {"oracles/mspm", "a mechanism that sells an item to two buyers who learn what to tell it",
     "Gerstgrasser & Parkes 2023; Brero 2022",
     "Welfare less the best possible, 0 at most. A random leader draws scores and prices anew at every "
     "visit; its loss is exact, and so is the optimum without messages, the column `paper` having the "
     "paper's. 100 % of the distance between them is what needs no messages; two for each buyer are worth "
     "more. Without messages some seeds of PI stay at -0.08, the best of visiting the first buyer first.\n",
     "trials", 10, 2, 200000, reproduce_oracles_mspm},
    {"oracles/es", "a leader by evolution strategies, asked in the open and hidden",
     "Gerstgrasser & Parkes 2023",
     "The modified prisoner's dilemma, five rounds: payoffs sum to 20 at the equilibrium, to 10 where the "
     "leader always plays its dominant row. Ours is a table with 16 pairs of episodes to an update; the "
     "paper's network and 500 pairs (hidden=256,256 pairs=500 sigma=0.02) are there after ten updates, too, "
     "in 5 of 5 seeds.\n",
     "trials", 10, 2, 50000, reproduce_oracles_es},
    {"oracles/allocation", "a leader that hands out items by what a learning follower says",
     "Gerstgrasser & Parkes 2023; Brero 2022",
     "In the column `paper` is the exact value, as many types as there are messages of three. The games that "
     "count are one for each type, so that ours are exact expectations too.\n",
     "trials", 10, 2, 100000, reproduce_oracles_allocation},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
