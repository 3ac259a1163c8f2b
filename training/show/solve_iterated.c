/* solve_iterated.c: see solve_iterated.h. */
#include "training/show/solve_iterated.h"

#include "base/text.h"

/* ---- tables ---- */

static void print_tables_csv(const iterated_game *game, FILE *out) {
    char number[3][64];
    fputs(SOLVE_ITERATED_TABLE_COLUMNS "\n", out);
    for (int leader = 0; leader < game->tables; leader++) {
        const iterated_answers a = iterated_answer(game, leader);
        fprintf(out, "%d,%s,%s,%s\n", leader, fm_text_from_real(a.strong.sum[0], number[0], sizeof number[0]),
                fm_text_from_real(a.strong.sum[1], number[1], sizeof number[1]),
                fm_text_from_real(a.weak.sum[0], number[2], sizeof number[2]));
    }
}

/* "C D D C C", by state. */
static void put_table(const iterated_game *game, int table, FILE *out) {
    for (int s = 0; s < game->states; s++) fprintf(out, "%s%c", s ? " " : "", table >> s & 1 ? 'D' : 'C');
}

static void print_head(const iterated_game *game, FILE *out) {
    fprintf(out, "%s: %lld rounds; sums of payoffs; a table is the player's action by what it remembers:\n",
            game->name, (long long)game->horizon);
    for (int player = 0; player < 2; player++) {
        fprintf(out, "  %-9s", player == 0 ? "leader" : "follower");
        for (int s = 0; s < game->states; s++) fprintf(out, " %s", iterated_state_name(game, player, s));
        fputs(player == 0 ? "   (the last joint action, the leader's part first)\n" : "\n", out);
    }
    fputc('\n', out);
}

static void print_tables(const iterated_game *game, FILE *out) {
    print_head(game, out);
    fprintf(out, "%5s  %-10s %9s %9s %12s   %s\n", "table", "leader's", "leader", "follower", "leader, weak",
            "follower's answer");
    for (int leader = 0; leader < game->tables; leader++) {
        const iterated_answers a = iterated_answer(game, leader);
        fprintf(out, "%5d  ", leader);
        put_table(game, leader, out);
        fprintf(out, "%*s %9.6g %9.6g %12.6g   ", 11 - 2 * game->states, "", a.strong.sum[0], a.strong.sum[1],
                a.weak.sum[0]);
        put_table(game, a.strong.follower, out);
        fputc('\n', out);
    }
}

/* ---- the best commitments ---- */

static const char *const CONCEPTS[] = {"stackelberg-strong", "stackelberg-weak", "stackelberg-by-round"};

static void print_solution_csv(const iterated_game *game, const iterated_outcome *const best[3], FILE *out) {
    char number[2][64];
    fputs(SOLVE_ITERATED_COLUMNS "\n", out);
    for (int k = 0; k < 3; k++) {
        fprintf(out, "%s,%s,%s,", CONCEPTS[k],
                fm_text_from_real(best[k]->sum[0], number[0], sizeof number[0]),
                fm_text_from_real(best[k]->sum[1], number[1], sizeof number[1]));
        put_table(game, best[k]->leader, out);
        fputc(',', out);
        if (best[k]->follower >= 0) put_table(game, best[k]->follower, out);
        fputc('\n', out);
    }
}

static void print_solution(const iterated_game *game, const iterated_outcome *const best[3], FILE *out) {
    print_head(game, out);
    fprintf(out, "%-22s %9s %9s %10s   %s\n", "concept", "leader", "follower", "per round", "tables");
    for (int k = 0; k < 3; k++) {
        fprintf(out, "%-22s %9.6g %9.6g %10.6g   ", CONCEPTS[k], best[k]->sum[0], best[k]->sum[1],
                best[k]->sum[0] / (double)game->horizon);
        put_table(game, best[k]->leader, out);
        fputs("  |  ", out);
        if (best[k]->follower >= 0)
            put_table(game, best[k]->follower, out);
        else
            fputs("(by round)", out);
        fputc('\n', out);
    }
    fputs("\n  strong: a follower that is indifferent helps the leader; weak: it hurts it; by-round: the\n"
          "  follower may also count the rounds, and helps where it is indifferent\n",
          out);
}

void solve_iterated_print(const iterated_game *game, bool tables, bool csv, FILE *out) {
    if (tables) {
        (csv ? print_tables_csv : print_tables)(game, out);
        return;
    }
    const iterated_solution s = iterated_solve(game);
    const iterated_outcome *const best[3] = {&s.strong, &s.weak, &s.by_round};
    (csv ? print_solution_csv : print_solution)(game, best, out);
}
