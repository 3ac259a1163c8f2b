/* The list of what survives: names, sizes, types. */
#include <stdlib.h>

#include "base/keep.h"
#include "base/random.h"
#include "tests/test.h"

TEST(dtypes_as_safetensors_spells_them) {
    static const struct { fm_dtype dtype; size_t size; const char *name; } WANT[] = {
        {FM_F32, 4, "F32"}, {FM_F64, 8, "F64"}, {FM_I64, 8, "I64"}, {FM_U64, 8, "U64"}, {FM_U8, 1, "U8"}};
    for (int i = 0; i < 5; i++) {
        EXPECT_EQ(fm_dtype_size(WANT[i].dtype), WANT[i].size);
        EXPECT_TEXT(fm_dtype_name(WANT[i].dtype), WANT[i].name);
    }
    EXPECT_EQ(fm_dtype_size(FM_DTYPE_REAL), sizeof(real));
}

TEST(keeps_what_it_is_given) {
    real weights[6];
    int64_t steps = 3;
    double mean[2];
    fm_rng rng = fm_rng_split(0, FM_RNG_TEST, 0, 0);
    fm_keep_list list = {0};
    EXPECT(fm_keep_find(&list, "steps") == NULL);
    fm_keep_parameter(&list, weights, 2, 3, "critic.0/theta");
    fm_keep(&list, FM_I64, &steps, 1, "steps");
    fm_keep_for_play(&list, FM_F64, mean, 2, "normaliser.%d.mean", 1);
    fm_keep_bytes(&list, &rng, sizeof rng, "rng.%s.%d", "explore", 4);

    const fm_kept *item = fm_keep_find(&list, "critic.0/theta");
    EXPECT(item && item->parameter && item->rows == 2 && item->cols == 3 && item->dtype == FM_DTYPE_REAL);
    EXPECT(item && item->data == weights);
    item = fm_keep_find(&list, "steps");
    EXPECT(item && !item->parameter && item->rows == 1 && item->cols == 0 && item->dtype == FM_I64);
    item = fm_keep_find(&list, "normaliser.1.mean");
    EXPECT(item && item->parameter && item->rows == 2 && item->cols == 0 && item->dtype == FM_F64);
    item = fm_keep_find(&list, "rng.explore.4");
    EXPECT(item && item->rows == sizeof rng && item->dtype == FM_U8 && item->data == &rng);
    EXPECT(fm_keep_find(&list, "rng.explore") == NULL);
    fm_keep_free(&list);
    EXPECT(list.items == NULL);
}

TEST(keeps_many_in_order) {
    static double values[200];
    fm_keep_list list = {0};
    for (int i = 0; i < 200; i++) fm_keep(&list, FM_F64, &values[i], 1, "value.%d", i);
    for (int i = 0; i < 200; i++) EXPECT(list.items[i].data == &values[i]);
    EXPECT(fm_keep_find(&list, "value.137")->data == &values[137]);
    fm_keep_free(&list);
}

TEST_MAIN(CASE(dtypes_as_safetensors_spells_them), CASE(keeps_what_it_is_given), CASE(keeps_many_in_order))
