/* Checksums: the published values, pieces, and every flip of one bit. */
#include "base/checksum.h"
#include "tests/test.h"

static uint64_t sum_of(const char *text) { return fm_checksum(FM_CHECKSUM_START, text, strlen(text)); }

/* The test vectors of the authors' own page and of draft-eastlake-fnv. */
TEST(checksum_is_fnv_1a) {
    EXPECT(sum_of("") == UINT64_C(0xcbf29ce484222325));
    EXPECT(sum_of("a") == UINT64_C(0xaf63dc4c8601ec8c));
    EXPECT(sum_of("foobar") == UINT64_C(0x85944171f73967e8));
    EXPECT(fm_checksum(sum_of("foo"), "bar", 3) == sum_of("foobar"));
}

TEST(checksum_as_text) {
    char text[FM_CHECKSUM_TEXT];
    EXPECT_TEXT(fm_checksum_text(UINT64_C(0x0123456789abcdef), text), "0123456789abcdef");
}

TEST(checksum_sees_every_flipped_bit) {
    char text[] = "algo = biac\nsteps = 60000\n";
    const uint64_t whole = sum_of(text);
    for (size_t bit = 0; bit < 8 * (sizeof text - 1); bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        EXPECT(fm_checksum(FM_CHECKSUM_START, text, sizeof text - 1) != whole);
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
    }
}

TEST_MAIN(CASE(checksum_is_fnv_1a), CASE(checksum_as_text), CASE(checksum_sees_every_flipped_bit))
