#include "algos/parts/batch.h"

algo_batch algo_batch_make(const algo_setup *setup, size_t rows) {
    algo_batch batch = {.facts = setup->facts, .setup = setup, .rows = rows};
    batch.joint = algo_joint_of(setup->facts, setup->arena);
    batch.drawn = fm_arena_array(setup->arena, uint32_t, rows);
    return batch;
}

size_t algo_field_width(const env_facts *facts, const algo_joint *joint, algo_field field, int agent) {
    const env_agent *a = agent == ALGO_ALL ? NULL : &facts->agent[agent];
    switch (field) {
    case ALGO_OBS:
    case ALGO_NEXT_OBS: return (size_t)(a ? a->obs_length : facts->obs_total);
    case ALGO_CENTRAL:
    case ALGO_NEXT_CENTRAL: return (size_t)facts->central_length;
    case ALGO_ACTION: return (size_t)(a ? a->action.size : facts->action_total);
    case ALGO_COLUMNS: return (size_t)(a ? joint->width[agent] : joint->total);
    case ALGO_MASK:
    case ALGO_NEXT_MASK: return (size_t)(a ? env_space_choices(&a->action) : facts->mask_total);
    default: return 1;
    }
}

void algo_batch_into(algo_batch *batch, algo_field field, int agent, real *to, size_t stride) {
    size_t width = algo_field_width(batch->facts, &batch->joint, field, agent);
    bool of_all = field <= ALGO_NEXT_MASK;
    FM_CHECK(agent != ALGO_ALL || of_all, "a column of field %d for all agents", (int)field);
    FM_CHECK(width > 0 && stride >= width, "a column of field %d: %zu numbers in rows of %zu", (int)field,
             width, stride);
    algo_column *column = fm_arena_array(batch->setup->arena, algo_column, 1);
    *column = (algo_column){field, agent, to, width, stride, batch->columns};
    batch->columns = column;
}

real *algo_batch_leaf(algo_batch *batch, algo_field field, int agent, ad_var *leaf) {
    static const char *const NAMES[] = {
        "observation", "next observation", "central state", "next central state",
        "action",      "action columns",   "mask",          "next mask",
        "reward",      "not done",         "weight",        "log-probability",
        "value",       "advantage",        "return",        "first"};
    size_t width = algo_field_width(batch->facts, &batch->joint, field, agent);
    real *to = fm_arena_array(batch->setup->arena, real, batch->rows * width);
    algo_batch_into(batch, field, agent, to, width);
    if (leaf) *leaf = ad_leaf(batch->setup->tape, batch->rows, width, to, NAMES[field]);
    return to;
}
