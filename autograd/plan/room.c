/* room.c: memory that values of plans have in turn. */
#include "autograd/plan/build.h"
#include "stb_ds.h"

#define ROOM_REALS 16 /* sizes are multiples of it: a cache line of floats */

/* The smallest free one that fits, and of equals the one that was given back last. What is more than twice as
 * large as needed is left to others. */
real *ad_room_take(ad_tape *t, size_t n) {
    size_t size = (n + ROOM_REALS - 1) / ROOM_REALS * ROOM_REALS, best = SIZE_MAX;
    for (size_t i = arrlenu(t->rooms); i-- > 0;) {
        const ad_room *room = &t->rooms[i];
        if (room->taken || room->size < size || room->size > 2 * size) continue;
        if (best == SIZE_MAX || room->size < t->rooms[best].size) best = i;
    }
    if (best == SIZE_MAX) {
        best = arrlenu(t->rooms);
        real *memory = fm_arena_alloc_raw(&t->arena, size, sizeof(real));
        arrput(t->rooms, ((ad_room){.memory = memory, .size = size}));
    }
    t->rooms[best].taken = true;
    return t->rooms[best].memory;
}

void ad_room_give(ad_tape *t, const real *memory) {
    size_t i = 0;
    while (t->rooms[i].memory != memory) i++;
    ad_room room = t->rooms[i];
    room.taken = false;
    arrdel(t->rooms, i);
    arrput(t->rooms, room);
}
