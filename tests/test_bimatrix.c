/* test_bimatrix.c: exact solutions against definitions written a second time, theory and published
 * numbers. */
#include "envs/games/bimatrix.h"

#include "tests/test.h"

static fm_rng stream(uint64_t n) { return fm_rng_split(7, FM_RNG_TEST, n, 0); }

/* A game of small whole numbers: ties everywhere. */
static void tied_game(bimatrix *game, size_t rows, size_t cols, uint64_t values, fm_rng *rng,
                      fm_arena *arena) {
    bimatrix_make(game, rows, cols, "tied", arena);
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < rows * cols; k++) game->payoff[i][k] = (double)fm_rng_below(rng, values) - 2;
}

static void any_game(bimatrix *game, size_t most, fm_rng *rng, fm_arena *arena) {
    const size_t rows = 1 + fm_rng_below(rng, most), cols = 1 + fm_rng_below(rng, most);
    if (fm_rng_below(rng, 2)) tied_game(game, rows, cols, 2 + fm_rng_below(rng, 4), rng, arena);
    else bimatrix_random(rows, cols, 2 * fm_rng_uniform(rng) - 1, rng, arena, game);
}

static const bimatrix_outcome *outcome_of(const bimatrix_solution *s, bimatrix_concept concept) {
    for (size_t i = 0; i < s->n; i++)
        if (s->outcomes[i].concept == concept) return &s->outcomes[i];
    return NULL;
}

static size_t pure_action(const double *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (x[i] == 1) return i;
    return n;
}

static double payoff(const bimatrix *g, int i, size_t r, size_t c) { return g->payoff[i][r * g->cols + c]; }

/* ---- brute force ---- */

static bool nash_by_definition(const bimatrix *g, size_t r, size_t c) {
    bool stable = true;
    for (size_t k = 0; k < g->rows; k++) stable = stable && payoff(g, 0, k, c) <= payoff(g, 0, r, c);
    for (size_t k = 0; k < g->cols; k++) stable = stable && payoff(g, 1, r, k) <= payoff(g, 1, r, c);
    return stable;
}

/* Value of pure commitment: over rows the maximum, over the row's best responses the maximum or the
 * minimum. */
static double commitment_by_definition(const bimatrix *g, bool strong) {
    double best = -INFINITY;
    for (size_t r = 0; r < g->rows; r++) {
        double row = strong ? -INFINITY : INFINITY;
        for (size_t c = 0; c < g->cols; c++) {
            bool responds = true;
            for (size_t k = 0; k < g->cols; k++)
                responds = responds && payoff(g, 1, r, k) <= payoff(g, 1, r, c);
            if (responds) row = strong ? fmax(row, payoff(g, 0, r, c)) : fmin(row, payoff(g, 0, r, c));
        }
        best = fmax(best, row);
    }
    return best;
}

/* Solves the n by n system m x = v by elimination with row exchange; false when it is singular. */
static bool eliminate(double m[4][5], size_t n) {
    for (size_t k = 0; k < n; k++) {
        size_t p = k;
        for (size_t i = k + 1; i < n; i++)
            if (fabs(m[i][k]) > fabs(m[p][k])) p = i;
        if (fabs(m[p][k]) < 1e-9) return false;
        for (size_t j = 0; j <= n; j++) {
            const double t = m[k][j];
            m[k][j] = m[p][j];
            m[p][j] = t;
        }
        for (size_t i = 0; i < n; i++) {
            const double f = m[i][k] / m[k][k];
            for (size_t j = 0; i != k && j <= n; j++) m[i][j] -= f * m[k][j];
        }
    }
    for (size_t i = 0; i < n; i++) m[i][n] /= m[i][i];
    return true;
}

/* Row `which` of the inequalities w.x >= 0 of the region where column c is a best response. */
static void inequality(const bimatrix *g, size_t c, size_t which, double *w) {
    for (size_t r = 0; r < g->rows; r++)
        w[r] = which < g->rows ? (double)(r == which)
                               : payoff(g, 1, r, c) - payoff(g, 1, r, which - g->rows);
}

static double value_at_vertex(const bimatrix *g, size_t c, unsigned tight) {
    const size_t n = g->rows, inequalities = n + g->cols;
    double m[4][5] = {{0}}, w[4];
    size_t used = 1;
    for (size_t r = 0; r < n; r++) m[0][r] = 1;
    m[0][n] = 1;
    for (size_t k = 0; k < inequalities; k++)
        if (tight >> k & 1) inequality(g, c, k, m[used++]);
    if (!eliminate(m, n)) return -INFINITY;
    double value = 0;
    for (size_t r = 0; r < n; r++) value += m[r][n] * payoff(g, 0, r, c);
    for (size_t k = 0; k < inequalities; k++) {
        double slack = 0;
        inequality(g, c, k, w);
        for (size_t r = 0; r < n; r++) slack += w[r] * m[r][n];
        if (slack < -1e-9) return -INFINITY;
    }
    return value;
}

/* Best mixed commitment of at most 4 rows: tries every vertex of the region of every column. */
static double mixture_by_vertices(const bimatrix *g) {
    double best = -INFINITY;
    const size_t inequalities = g->rows + g->cols;
    for (size_t c = 0; c < g->cols; c++)
        for (unsigned tight = 0; tight < 1u << inequalities; tight++) {
            size_t count = 0;
            for (size_t k = 0; k < inequalities; k++) count += tight >> k & 1;
            if (count == g->rows - 1) best = fmax(best, value_at_vertex(g, c, tight));
        }
    return best;
}

/* The mixture is a distribution, the column is a best response to it, and the values are what they yield.
 * Returns the largest violation. */
static double violation(const bimatrix *g, const bimatrix_outcome *o) {
    double sum = 0, worst = 0, value[2] = {0, 0};
    const size_t c = pure_action(o->strategy[1], g->cols);
    if (c == g->cols) return INFINITY;
    for (size_t r = 0; r < g->rows; r++) {
        if (o->strategy[0][r] < 0) return INFINITY;
        sum += o->strategy[0][r];
        for (int i = 0; i < 2; i++) value[i] += o->strategy[0][r] * payoff(g, i, r, c);
    }
    worst = fmax(fabs(sum - 1), fmax(fabs(value[0] - o->value[0]), fabs(value[1] - o->value[1])));
    for (size_t k = 0; k < g->cols; k++) {
        double other = 0;
        for (size_t r = 0; r < g->rows; r++) other += o->strategy[0][r] * payoff(g, 1, r, k);
        worst = fmax(worst, other - value[1]);
    }
    return worst;
}

/* ---- agreement ---- */

TEST(bimatrix_pure_solutions_are_those_of_the_definitions) {
    fm_rng rng = stream(1);
    fm_arena arena = {0};
    for (int trial = 0; trial < 4000; trial++) {
        const fm_mark mark = fm_arena_mark(&arena);
        bimatrix g;
        bimatrix_solution s;
        any_game(&g, 6, &rng, &arena);
        bimatrix_solve(&g, &arena, &s);
        size_t n = 0;
        for (size_t r = 0; r < g.rows; r++)
            for (size_t c = 0; c < g.cols; c++) {
                const bool nash = nash_by_definition(&g, r, c);
                EXPECT_EQ(bimatrix_is_nash(&g, r, c), nash);
                if (!nash) continue;
                const bimatrix_outcome *o = &s.outcomes[n++];
                EXPECT(n <= s.n && o->concept == BIMATRIX_NASH);
                EXPECT(pure_action(o->strategy[0], g.rows) == r && pure_action(o->strategy[1], g.cols) == c);
                EXPECT(o->value[0] == payoff(&g, 0, r, c) && o->value[1] == payoff(&g, 1, r, c));
            }
        EXPECT_EQ(s.n, n + 3);
        const bimatrix_outcome *strong = &s.outcomes[n], *weak = &s.outcomes[n + 1];
        EXPECT(strong->concept == BIMATRIX_STACKELBERG_PURE_STRONG &&
               weak->concept == BIMATRIX_STACKELBERG_PURE_WEAK);
        EXPECT(strong->value[0] == commitment_by_definition(&g, true));
        EXPECT(weak->value[0] == commitment_by_definition(&g, false));
        EXPECT(violation(&g, strong) == 0 && violation(&g, weak) == 0);
        fm_arena_reset(&arena, mark);
    }
    fm_arena_free(&arena);
}

TEST(bimatrix_mixed_commitment_is_the_best_vertex) {
    fm_rng rng = stream(2);
    fm_arena arena = {0};
    for (int trial = 0; trial < 4000; trial++) {
        const fm_mark mark = fm_arena_mark(&arena);
        bimatrix g;
        bimatrix_solution s;
        any_game(&g, 4, &rng, &arena);
        bimatrix_solve(&g, &arena, &s);
        const bimatrix_outcome *mixed = outcome_of(&s, BIMATRIX_STACKELBERG_MIXED);
        EXPECT_NEAR(mixed->value[0], mixture_by_vertices(&g), 1e-8);
        EXPECT(s.gap == 0);
        EXPECT(violation(&g, mixed) < 1e-11);
        EXPECT(mixed->value[0] >= outcome_of(&s, BIMATRIX_STACKELBERG_PURE_STRONG)->value[0]);
        fm_arena_reset(&arena, mark);
    }
    fm_arena_free(&arena);
}

/* The follower's payoff becomes minus the leader's; `turned` is the game with the roles exchanged. The
 * payoffs are of one size, tied, or of very different sizes. */
static void zero_sum(size_t rows, size_t cols, int kind, fm_rng *rng, fm_arena *arena, bimatrix *g,
                     bimatrix *turned) {
    bimatrix_random(rows, cols, -1, rng, arena, g);
    if (kind == 1) tied_game(g, rows, cols, 3, rng, arena);
    bimatrix_make(turned, cols, rows, "turned", arena);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) {
            double *leader = &g->payoff[0][r * cols + c];
            if (kind == 2) *leader *= pow(10, 8 * fm_rng_uniform(rng) - 4);
            g->payoff[1][r * cols + c] = turned->payoff[0][c * rows + r] = -*leader;
            turned->payoff[1][c * rows + r] = *leader;
        }
}

/* In a zero-sum game committing costs nothing, so the two values by the minimax theorem add up to zero: a
 * certificate of optimality at any size. */
TEST(bimatrix_zero_sum_games_have_a_value) {
    fm_rng rng = stream(3);
    fm_arena arena = {0};
    for (int trial = 0; trial < 600; trial++) {
        const fm_mark mark = fm_arena_mark(&arena);
        const size_t rows = 1 + fm_rng_below(&rng, 20), cols = 1 + fm_rng_below(&rng, 20);
        bimatrix g, turned;
        bimatrix_solution s, t;
        zero_sum(rows, cols, trial % 3, &rng, &arena, &g, &turned);
        bimatrix_solve(&g, &arena, &s);
        bimatrix_solve(&turned, &arena, &t);
        EXPECT_NEAR(outcome_of(&s, BIMATRIX_STACKELBERG_MIXED)->value[0],
                    -outcome_of(&t, BIMATRIX_STACKELBERG_MIXED)->value[0], trial % 3 == 2 ? 1e-5 : 1e-9);
        EXPECT(s.gap == 0 && t.gap == 0);
        EXPECT(isnan(s.cooperation) || fabs(s.cooperation + 1) < 1e-9);
        fm_arena_reset(&arena, mark);
    }
    fm_arena_free(&arena);
}

/* The same game in other units: same strategies of all pure concepts, same mixed value. */
TEST(bimatrix_solutions_do_not_depend_on_unit_or_zero) {
    static const double units[][2] = {{1e6, 0}, {1e-6, 0},    {1e300, 0}, {1e-300, 0},
                                      {1, 1e6}, {1e-3, -1e6}, {1e6, 1e9}};
    fm_rng rng = stream(4);
    fm_arena arena = {0};
    for (int trial = 0; trial < 400; trial++) {
        const fm_mark mark = fm_arena_mark(&arena);
        bimatrix g, h;
        bimatrix_solution s, t;
        any_game(&g, 10, &rng, &arena);
        bimatrix_solve(&g, &arena, &s);
        bimatrix_make(&h, g.rows, g.cols, "other units", &arena);
        const double *unit[2] = {units[fm_rng_below(&rng, 7)], units[fm_rng_below(&rng, 7)]};
        for (int i = 0; i < 2; i++)
            for (size_t k = 0; k < g.rows * g.cols; k++)
                h.payoff[i][k] = unit[i][0] * g.payoff[i][k] + unit[i][1];
        bimatrix_solve(&h, &arena, &t);
        EXPECT_EQ(t.n, s.n);
        for (size_t i = 0; i + 1 < s.n && s.n == t.n; i++)
            for (int p = 0; p < 2; p++)
                EXPECT_EQ(pure_action(s.outcomes[i].strategy[p], p == 0 ? g.rows : g.cols),
                          pure_action(t.outcomes[i].strategy[p], p == 0 ? g.rows : g.cols));
        const double lost = fabs(unit[0][1]) / unit[0][0] * 1e-15 + fabs(unit[1][1]) / unit[1][0] * 1e-12;
        EXPECT_NEAR((t.outcomes[t.n - 1].value[0] - unit[0][1]) / unit[0][0], s.outcomes[s.n - 1].value[0],
                    1e-9 + lost);
        EXPECT((isnan(s.cooperation) && isnan(t.cooperation)) || fabs(s.cooperation - t.cooperation) < 1e-6);
        fm_arena_reset(&arena, mark);
    }
    fm_arena_free(&arena);
}

TEST(bimatrix_degenerate_games_are_solved) {
    fm_rng rng = stream(5);
    fm_arena arena = {0};
    for (int trial = 0; trial < 600; trial++) {
        const fm_mark mark = fm_arena_mark(&arena);
        const size_t rows = 2 + fm_rng_below(&rng, 30), cols = 2 + fm_rng_below(&rng, 30);
        bimatrix g;
        bimatrix_solution s;
        tied_game(&g, rows, cols, 1 + fm_rng_below(&rng, 3), &rng, &arena);
        /* Repeats rows and columns: every region then has many equal vertices. */
        for (size_t r = rows / 2; r < rows; r++)
            for (size_t c = 0; c < cols; c++)
                for (int i = 0; i < 2; i++)
                    g.payoff[i][r * cols + c] = payoff(&g, i, r % (rows / 2), c % (cols / 2));
        bimatrix_solve(&g, &arena, &s);
        const bimatrix_outcome *mixed = outcome_of(&s, BIMATRIX_STACKELBERG_MIXED);
        EXPECT(violation(&g, mixed) < 1e-10);
        EXPECT(mixed->value[0] >= commitment_by_definition(&g, true) && s.gap == 0);
        fm_arena_reset(&arena, mark);
    }
    fm_arena_free(&arena);
}

TEST(bimatrix_constant_game_is_all_equilibrium) {
    fm_arena arena = {0};
    bimatrix g;
    bimatrix_solution s;
    bimatrix_make(&g, 40, 30, "constant", &arena);
    bimatrix_solve(&g, &arena, &s);
    EXPECT_EQ(s.n, 40 * 30 + 3);
    EXPECT(isnan(s.cooperation) && isnan(bimatrix_cooperation(&g)));
    for (size_t i = 0; i < s.n; i++) EXPECT(violation(&g, &s.outcomes[i]) == 0);
    EXPECT_EQ(pure_action(s.outcomes[777].strategy[0], 40), 777 / 30);
    EXPECT_EQ(pure_action(s.outcomes[777].strategy[1], 30), 777 % 30);
    fm_arena_free(&arena);
}

/* Payoffs whose differences are not finite. The best mixture is found with payoffs of order one. */
TEST(bimatrix_payoffs_may_be_as_large_as_numbers_get) {
    fm_rng rng = stream(6);
    fm_arena arena = {0};
    for (int trial = 0; trial < 200; trial++) {
        const fm_mark mark = fm_arena_mark(&arena);
        bimatrix g, h;
        bimatrix_solution s, t;
        tied_game(&g, 4, 4, 5, &rng, &arena);
        bimatrix_make(&h, 4, 4, "huge", &arena);
        for (int i = 0; i < 2; i++)
            for (size_t k = 0; k < 16; k++) h.payoff[i][k] = 8e307 * g.payoff[i][k];
        bimatrix_solve(&g, &arena, &s);
        bimatrix_solve(&h, &arena, &t);
        EXPECT_EQ(s.n, t.n);
        EXPECT_NEAR(outcome_of(&t, BIMATRIX_STACKELBERG_MIXED)->value[0] / 8e307,
                    outcome_of(&s, BIMATRIX_STACKELBERG_MIXED)->value[0], 1e-9);
        EXPECT_NEAR(s.cooperation, t.cooperation, 1e-9);
        fm_arena_reset(&arena, mark);
    }
    fm_arena_free(&arena);
}

/* A follower action that is never a best response is no target, however well the leader would like it; one
 * that ties at a single row is. */
TEST(bimatrix_dominated_responses_are_left_out) {
    fm_arena arena = {0};
    bimatrix g;
    bimatrix_solution s;
    bimatrix_make(&g, 2, 3, "dominated", &arena);
    const double leader[6] = {1, 100, 7, 2, 100, 9}, follower[6] = {1, 0, 1, 1, 0.5, 0.9};
    memcpy(g.payoff[0], leader, sizeof leader);
    memcpy(g.payoff[1], follower, sizeof follower);
    bimatrix_solve(&g, &arena, &s);
    EXPECT(outcome_of(&s, BIMATRIX_STACKELBERG_MIXED)->value[0] == 7);
    EXPECT(outcome_of(&s, BIMATRIX_STACKELBERG_PURE_STRONG)->value[0] == 7);
    EXPECT(outcome_of(&s, BIMATRIX_STACKELBERG_PURE_WEAK)->value[0] == 2);
    fm_arena_free(&arena);
}

/* ---- published and golden values ---- */

/* Row and column of every outcome before the mixed one, its leader value, and the cooperation level. */
static void expect_game(const char *name, const char *settings, const size_t (*cells)[2], size_t n,
                        double mixed, double level) {
    fm_arena arena = {0};
    fm_error err = {""};
    bimatrix g;
    bimatrix_solution s;
    EXPECT_MSG(bimatrix_load(name, settings, &arena, &g, &err) == FM_OK, "%s", err.text);
    bimatrix_solve(&g, &arena, &s);
    EXPECT_EQ(s.n, n + 1);
    for (size_t i = 0; i < n && i < s.n; i++) {
        EXPECT_EQ(pure_action(s.outcomes[i].strategy[0], g.rows), cells[i][0]);
        EXPECT_EQ(pure_action(s.outcomes[i].strategy[1], g.cols), cells[i][1]);
    }
    EXPECT_NEAR(s.outcomes[s.n - 1].value[0], mixed, 1e-12);
    EXPECT_NEAR(s.cooperation, level, 5e-5);
    fm_arena_free(&arena);
}

TEST(bimatrix_named_games_have_the_published_solutions) {
    expect_game("escape", NULL, (const size_t[][2]){{0, 0}, {1, 1}, {2, 2}, {2, 2}, {2, 2}}, 5, 30, 1);
    expect_game("maintain", "", (const size_t[][2]){{1, 1}, {2, 2}, {0, 0}, {0, 0}}, 4, 27.5, 0.3751);
    expect_game("mixing", NULL, (const size_t[][2]){{1, 1}, {0, 0}, {0, 0}}, 3, 5.0 / 6, 0.2806);
    static const char *const penalties[] = {"k=0", "k=-25", "k=-50", "k=-75", "k=-100", NULL};
    for (int i = 0; i < 6; i++)
        expect_game("penalty", penalties[i], (const size_t[][2]){{0, 2}, {1, 1}, {2, 0}, {0, 2}, {0, 2}}, 5,
                    10, 1);
}

/* Committing to a mixture pays: the example of [Conitzer & Sandholm 2006, Fig. 1], leader value 3.5 at one
 * half. */
TEST(bimatrix_mixing_pays_in_the_known_example) {
    fm_arena arena = {0};
    bimatrix g;
    bimatrix_solution s;
    bimatrix_make(&g, 2, 2, "commitment", &arena);
    const double leader[4] = {2, 4, 1, 3}, follower[4] = {1, 0, 0, 1};
    memcpy(g.payoff[0], leader, sizeof leader);
    memcpy(g.payoff[1], follower, sizeof follower);
    bimatrix_solve(&g, &arena, &s);
    const bimatrix_outcome *o = outcome_of(&s, BIMATRIX_STACKELBERG_MIXED);
    EXPECT_NEAR(o->value[0], 3.5, 1e-12);
    EXPECT_NEAR(o->value[1], 0.5, 1e-12);
    EXPECT_NEAR(o->strategy[0][0], 0.5, 1e-12);
    EXPECT(o->strategy[1][1] == 1);
    fm_arena_free(&arena);
}

/* Leader and follower values that OpenSpiel 2.0.2 (stackelberg_lp) finds; each optimum is unique. */
TEST(bimatrix_mixed_commitment_agrees_with_openspiel) {
    static const struct { double payoff[2][12], value[2]; } golden[] = {
        {{{-8, 5, 3, 1, 6, -5, 7, -3, 9, -3, -3, -2}, {-3, 6, -6, -8, 8, -2, -6, 6, 4, 5, 5, 2}},
         {8.727273, 4.363636}},
        {{{1, 1, 0, -3, -2, -6, -1, 9, -9, -5, -4, 5}, {-9, -4, 7, 8, -1, 2, -4, -8, 9, 1, -8, -7}},
         {2.357576, -0.745455}},
        {{{1, -3, 3, -1, -9, 9, 9, 1, 9, -2, -3, -7}, {-5, -7, 3, 2, 2, -3, -1, 0, -8, 3, 6, -5}},
         {7.224490, 0.132653}},
        {{{-7, 5, 6, -3, 2, 5, -5, -2, 3, 1, 1, -5}, {-3, 2, -8, 5, 8, -1, -8, -6, -2, 8, 6, -7}},
         {4.972603, 0.962329}},
    };
    fm_arena arena = {0};
    for (size_t k = 0; k < sizeof golden / sizeof *golden; k++) {
        bimatrix g;
        bimatrix_solution s;
        bimatrix_make(&g, 3, 4, "golden", &arena);
        for (int i = 0; i < 2; i++) memcpy(g.payoff[i], golden[k].payoff[i], sizeof golden[k].payoff[i]);
        bimatrix_solve(&g, &arena, &s);
        for (int i = 0; i < 2; i++)
            EXPECT_NEAR(outcome_of(&s, BIMATRIX_STACKELBERG_MIXED)->value[i], golden[k].value[i], 1e-6);
    }
    fm_arena_free(&arena);
}

/* Where the leader is indifferent the first row is meant, and the first of equal best responses. */
TEST(bimatrix_pure_commitment_takes_the_first_of_equals) {
    fm_arena arena = {0};
    bimatrix g;
    size_t at[2];
    bimatrix_make(&g, 3, 3, "equals", &arena);
    const double leader[9] = {0, 0, 0, 1, 5, 5, 5, 5, 5}, follower[9] = {0, 0, 0, 1, 1, 1, 2, 2, 2};
    memcpy(g.payoff[0], leader, sizeof leader);
    memcpy(g.payoff[1], follower, sizeof follower);
    bimatrix_stackelberg_pure(&g, true, at);
    EXPECT(at[0] == 1 && at[1] == 1);
    bimatrix_stackelberg_pure(&g, false, at);
    EXPECT(at[0] == 2 && at[1] == 0);
    fm_arena_free(&arena);
}

/* Means over random 10 by 10 games [Zhang 2020, Fig. 2]; the tolerance is about four standard errors of 2000
 * games. */
TEST(bimatrix_random_games_reproduce_the_study_of_cooperation) {
    static const struct { double c, value[2], nash_value, nash; } table[] = {
        {-1.0, {-0.707, 0.707}, NAN, 0},
        {0.0, {1.544, 1.544}, 1.541, 1.009},
        {0.5, {2.185, 1.852}, 1.753, 2.582},
        {0.9, {2.471, 2.304}, 1.845, 4.580},
        {1.0, {2.506, 2.506}, 1.861, 5.263},
    };
    fm_arena arena = {0};
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        fm_rng rng = stream(100 + k);
        double value[2] = {0, 0}, nash = 0, nash_value = 0, with_nash = 0;
        const int games = 2000;
        for (int trial = 0; trial < games; trial++) {
            const fm_mark mark = fm_arena_mark(&arena);
            bimatrix g;
            size_t at[2];
            bimatrix_random(10, 10, table[k].c, &rng, &arena, &g);
            bimatrix_stackelberg_pure(&g, true, at);
            for (int i = 0; i < 2; i++) value[i] += payoff(&g, i, at[0], at[1]) / games;
            double n = 0, sum = 0;
            for (size_t cell = 0; cell < 100; cell++)
                if (bimatrix_is_nash(&g, cell / 10, cell % 10)) {
                    n++;
                    sum += g.payoff[0][cell];
                }
            nash += n / games;
            with_nash += n > 0;
            if (n > 0) nash_value += sum / n;
            fm_arena_reset(&arena, mark);
        }
        EXPECT_NEAR(value[0], table[k].value[0], 0.07);
        EXPECT_NEAR(value[1], table[k].value[1], 0.07);
        EXPECT_NEAR(nash, table[k].nash, 0.15);
        if (!isnan(table[k].nash_value)) EXPECT_NEAR(nash_value / with_nash, table[k].nash_value, 0.07);
    }
    fm_arena_free(&arena);
}

TEST(bimatrix_random_pairs_have_the_covariance_asked_for) {
    fm_arena arena = {0};
    for (int k = -4; k <= 4; k++) {
        fm_rng rng = stream(200);
        bimatrix g;
        bimatrix_random(200, 200, k / 4.0, &rng, &arena, &g);
        EXPECT_NEAR(bimatrix_cooperation(&g), k / 4.0, 0.03);
    }
    fm_arena_free(&arena);
}

/* ---- games by name ---- */

TEST(bimatrix_load_explains_what_is_wrong) {
    static const struct { const char *name, *settings, *part; } wrong[] = {
        {"mantain", NULL, "'maintain'"},
        {"qqqqqqqq", NULL, "unknown game"},
        {"no.nfg", NULL, "no.nfg"},
        {"penalty", "K2=3", "K2"},
        {"penalty", "k=1", "1"},
        {"maintain", "k=-1", "k"},
        {"random-matrix", "rows=0", "rows"},
        {"./maintain", NULL, "./maintain"},
        {"no.nfg", "k=1", "no options"},
    };
    fm_arena arena = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fm_error err = {""};
        bimatrix g;
        EXPECT_EQ(bimatrix_load(wrong[i].name, wrong[i].settings, &arena, &g, &err), FM_BAD);
        EXPECT_HAS(err.text, wrong[i].part);
    }
    bimatrix g;
    EXPECT_EQ(bimatrix_load("random-matrix", "rows=3 cols=7 game_seed=4", &arena, &g, NULL), FM_OK);
    EXPECT(g.rows == 3 && g.cols == 7);
    EXPECT_TEXT(g.label[1][6], "7");
    EXPECT(bimatrix_find("escape") == &BIMATRIX_GAMES[0] && bimatrix_find("Escape") == NULL);
    fm_arena_free(&arena);
}

TEST(bimatrix_labels_become_distinct) {
    fm_arena arena = {0};
    bimatrix g;
    bimatrix_make(&g, 6, 1, "labels", &arena);
    static const char *const given[6] = {"x", "x", "", "x_2", "x", "3"};
    for (size_t r = 0; r < 6; r++) g.label[0][r] = given[r];
    bimatrix_make_labels_distinct(&g, &arena);
    for (size_t a = 0; a < 6; a++) {
        EXPECT(g.label[0][a][0] != '\0');
        for (size_t b = 0; b < a; b++) EXPECT(strcmp(g.label[0][a], g.label[0][b]) != 0);
    }
    EXPECT_TEXT(g.label[0][0], "x");
    EXPECT_TEXT(g.label[0][2], "3");
    EXPECT_TEXT(g.label[0][3], "x_2");
    fm_arena_free(&arena);
}

TEST(bimatrix_concepts_are_named_as_in_the_table) {
    EXPECT_TEXT(bimatrix_concept_name(BIMATRIX_NASH), "nash");
    EXPECT_TEXT(bimatrix_concept_name(BIMATRIX_STACKELBERG_PURE_STRONG), "stackelberg-pure-strong");
    EXPECT_TEXT(bimatrix_concept_name(BIMATRIX_STACKELBERG_PURE_WEAK), "stackelberg-pure-weak");
    EXPECT_TEXT(bimatrix_concept_name(BIMATRIX_STACKELBERG_MIXED), "stackelberg-mixed");
}

TEST_MAIN(
    CASE(bimatrix_pure_solutions_are_those_of_the_definitions),
    CASE(bimatrix_mixed_commitment_is_the_best_vertex), CASE(bimatrix_zero_sum_games_have_a_value),
    CASE(bimatrix_solutions_do_not_depend_on_unit_or_zero), CASE(bimatrix_degenerate_games_are_solved),
    CASE(bimatrix_constant_game_is_all_equilibrium), CASE(bimatrix_payoffs_may_be_as_large_as_numbers_get),
    CASE(bimatrix_dominated_responses_are_left_out), CASE(bimatrix_named_games_have_the_published_solutions),
    CASE(bimatrix_mixing_pays_in_the_known_example), CASE(bimatrix_mixed_commitment_agrees_with_openspiel),
    CASE(bimatrix_pure_commitment_takes_the_first_of_equals),
    CASE(bimatrix_random_games_reproduce_the_study_of_cooperation),
    CASE(bimatrix_random_pairs_have_the_covariance_asked_for), CASE(bimatrix_load_explains_what_is_wrong),
    CASE(bimatrix_labels_become_distinct), CASE(bimatrix_concepts_are_named_as_in_the_table))
