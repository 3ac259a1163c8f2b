/* slots.c: where in a block's memory each value of a segment stands, and how. */
#include <string.h>

#include "autograd/plan/build.h"
#include "stb_ds.h"

/* ---- by rows or by columns ----
 *
 * A row of 20 numbers fills one vector register and a quarter of the next; 20 columns of a batch fill all of
 * theirs. So where narrow matrices make most of the work, a segment keeps what lives in its blocks
 * transposed. Values with memory of their own stand by rows, for whoever else reads them, and are turned on
 * the way; a single column is the same either way. */

#define NARROW_COLS 32
#define VECTOR_COLS 16
#define TURN_ROWS_MIN 64

static bool is_narrow(size_t cols) { return cols < NARROW_COLS && cols % VECTOR_COLS != 0; }

static bool goes_by_columns(const ad_build *b, size_t first, size_t end) {
    double narrow = 0, all = 0;
    if (b->part[b->order[first]].rows < TURN_ROWS_MIN) return false;
    for (size_t i = first; i < end; i++) {
        uint32_t id = b->order[i];
        const ad_node *n = &b->tape->nodes[id];
        if (b->part[id].flow != 'r' || (n->op != AD_OP_matmul && n->op != AD_OP_affine)) continue;
        double work = (double)n->cols * b->tape->nodes[n->in[0]].cols;
        all += work;
        if (is_narrow(n->cols)) narrow += work;
    }
    return narrow > all / 2;
}

/* Whether a value that the segment reads or writes row for row stands elsewhere, by rows. */
static bool needs_turning(const ad_draft *d, uint32_t home) {
    const ad_node *n = &d->b->tape->nodes[home];
    return d->by_columns && d->b->part[home].slot == SIZE_MAX && n->cols > 1 && n->op != AD_OP_fill;
}

/* ---- slots ---- */

static bool works_in_place(const ad_build *b, uint32_t id, uint32_t x) {
    const ad_node *n = &b->tape->nodes[id];
    const char *letters = ad_row_letters(n);
    return strchr(letters, 'w') == NULL && strchr(letters, 'i') == NULL && strchr(letters, '+') == NULL &&
           b->tape->nodes[x].cols == n->cols;
}

static size_t take_slot(ad_slot **slots, size_t cols) {
    size_t best = SIZE_MAX;
    for (size_t s = 0; s < arrlenu(*slots); s++) {
        if ((*slots)[s].taken || (*slots)[s].cols < cols) continue;
        if (best == SIZE_MAX || (*slots)[s].cols < (*slots)[best].cols) best = s;
    }
    if (best == SIZE_MAX) {
        best = arrlenu(*slots);
        arrput(*slots, ((ad_slot){.cols = cols}));
    }
    (*slots)[best].taken = true;
    return best;
}

/* The slot of an argument that dies in this step and that the result may overwrite. */
static size_t inherit_slot(const ad_build *b, uint32_t id, size_t position) {
    const ad_node *n = &b->tape->nodes[id];
    for (int i = 0; i < AD_TABLE[n->op].arity; i++) {
        if (!b->part[n->in[i]].live) continue;
        const ad_part *home = &b->part[ad_build_home(b, n->in[i])];
        if (home->slot != SIZE_MAX && home->last_use == position && works_in_place(b, id, n->in[i]))
            return home->slot;
    }
    return SIZE_MAX;
}

/* Every value that the steps read or write row for row, with the last step that does. */
static void find_turned_uses(const ad_draft *d) {
    for (size_t i = d->first; i < d->end; i++) {
        uint32_t in[AD_CALL_IN];
        char letters[AD_CALL_IN];
        int arity = ad_build_arguments(d->b, d->b->order[i], in, letters);
        for (int k = 0; k < arity; k++)
            if (in[k] != AD_NO_NODE && letters[k] != 'w')
                d->b->part[ad_build_home(d->b, in[k])].turned_use = i;
        d->b->part[ad_build_home(d->b, d->b->order[i])].turned_use = i;
    }
}

static void turn_arguments(ad_draft *d, size_t i) {
    uint32_t in[AD_CALL_IN];
    char letters[AD_CALL_IN];
    int arity = ad_build_arguments(d->b, d->b->order[i], in, letters);
    for (int k = 0; k < arity; k++) {
        if (in[k] == AD_NO_NODE || letters[k] == 'w') continue;
        uint32_t id = ad_build_home(d->b, in[k]);
        ad_part *home = &d->b->part[id];
        if (!needs_turning(d, id) || home->turned != SIZE_MAX) continue;
        home->turned = take_slot(&d->slots, d->b->tape->nodes[id].cols);
        arrput(d->turns, ((ad_turning){i, id, false}));
    }
}

static void free_slots(ad_draft *d, size_t i, size_t own) {
    for (size_t j = d->first; j <= i; j++) {
        const ad_part *dead = &d->b->part[ad_build_home(d->b, d->b->order[j])];
        if (dead->slot != SIZE_MAX && dead->last_use == i && dead->slot != own)
            d->slots[dead->slot].taken = false;
    }
    for (size_t k = 0; k < arrlenu(d->turns); k++) {
        const ad_part *p = &d->b->part[d->turns[k].id];
        if (p->turned_use == i) d->slots[p->turned].taken = false;
    }
}

void ad_build_slots(ad_draft *d) {
    ad_build *b = d->b;
    d->by_columns = goes_by_columns(b, d->first, d->end);
    if (d->by_columns) find_turned_uses(d);
    for (size_t i = d->first; i < d->end; i++) {
        uint32_t id = b->order[i], home_id = ad_build_home(b, id);
        ad_part *home = &b->part[home_id];
        size_t cols = b->tape->nodes[home_id].cols;
        turn_arguments(d, i);
        if (home->first_writer == id && !home->far && !home->output) {
            size_t inherited = inherit_slot(b, id, i);
            home->slot = inherited != SIZE_MAX ? inherited : take_slot(&d->slots, cols);
        }
        bool turns = home->flow == 'r' && needs_turning(d, home_id);
        if (turns && home->first_writer == id) home->turned = take_slot(&d->slots, cols);
        if (turns && home->last_writer == id) arrput(d->turns, ((ad_turning){i, home_id, true}));
        free_slots(d, i, home->slot);
    }
}
