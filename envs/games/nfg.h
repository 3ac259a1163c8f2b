/* nfg.h: Gambit's strategic-form game files, for two players [Gambit, "Game representation formats"].
 *
 *     NFG 1 R "Maintain" { "Leader" "Follower" }
 *     { { "A" "B" } { "X" "Y" } }        (or the counts alone: { 2 2 })
 *     "an optional comment"
 *     20 15  30 0   0 0  10 5            payoffs; the first player's action varies fastest
 *
 * or, instead of the payoffs, a list of outcomes and the outcome of each cell, 0 being "zero for both":
 *
 *     { { "both gain" 20, 15 } { "" 30, 0 } { "" 10, 5 } }
 *     1 2 0 3
 *
 * A number is a decimal (2, -.5, 1e-3) or a ratio of two whole numbers (1/3), each of at most NFG_NUMBER_MAX
 * characters, and ends where it cannot go on: 20-40 is 20 and -40. Whitespace, also line ends of any kind,
 * only separates. In a text \" is a quote and \\ a backslash; any other backslash stands for itself. The
 * order of the payoffs, the prefix and the counts form are also what OpenSpiel writes. Labels that are
 * missing or empty become the number of the action, and repeated ones are made distinct
 * (bimatrix_make_labels_distinct). */
#ifndef NFG_H
#define NFG_H

#include <stddef.h>
#include <stdio.h>

#include "envs/games/bimatrix.h"

/* The exact decimal of a double has up to 1077 characters. */
#define NFG_NUMBER_MAX 1090

/* Reads a game from `length` bytes of text (no zero byte needed at the end). Errors name the line, what was
 * expected and what was found: a number of players other than 2, a player without actions, more than
 * BIMATRIX_MAX_ACTIONS or BIMATRIX_MAX_CELLS, payoffs that are no finite numbers or too long, division by
 * zero, too few or too many numbers, a text that does not end. The game lives in `arena`, which an error
 * leaves as it was. */
fm_status nfg_parse(const char *text, size_t length, fm_arena *arena, bimatrix *game, fm_error *err);

/* nfg_parse on a file; errors start with its path. */
fm_status nfg_read(const char *path, fm_arena *arena, bimatrix *game, fm_error *err);

/* Writes the payoff form. Reading it back gives the same sizes, texts and payoffs, to the last bit. The
 * caller checks the stream. */
void nfg_write(const bimatrix *game, FILE *out);

/* nfg_write to a file that appears only when it is complete. */
fm_status nfg_save(const bimatrix *game, const char *path, fm_error *err);

#endif
