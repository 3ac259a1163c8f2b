/* test_safetensors.c: files of this module, files of other writers, and files that someone damaged. */
#include "nn/safetensors.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "tests/test.h"

static char path[64];

static const char *file_path(void) {
    if (!path[0]) snprintf(path, sizeof path, "/tmp/firstmover-safetensors-%ld", (long)getpid());
    return path;
}

/* One of every dtype, a matrix among them. */
typedef struct world {
    real theta[6];
    double moments[3];
    int64_t steps[1];
    uint64_t rng[4];
    uint8_t state[5];
    float empty[1];
    fm_keep_list keep;
} world;

static void world_keep(world *w) {
    fm_keep_bytes(&w->keep, w->state, 5, "env.state");
    fm_keep_parameter(&w->keep, w->theta, 2, 3, "critic.0.weight");
    fm_keep(&w->keep, FM_F64, w->moments, 3, "moments \"quoted\\\" \xc3\xa9\t");
    fm_keep(&w->keep, FM_I64, w->steps, 1, "steps");
    fm_keep(&w->keep, FM_U64, w->rng, 4, "rng");
    fm_keep(&w->keep, FM_F32, w->empty, 0, "empty");
}

static void world_fill(world *w) {
    for (int i = 0; i < 6; i++) w->theta[i] = (real)(i * 0.1 - 0.25);
    for (int i = 0; i < 3; i++) w->moments[i] = i * 1e300 - 1.0 / 3;
    w->steps[0] = INT64_MIN + 7;
    for (int i = 0; i < 4; i++) w->rng[i] = UINT64_C(0xfedcba9876543210) + (uint64_t)i;
    for (int i = 0; i < 5; i++) w->state[i] = (uint8_t)(250 + i);
}

static bool same_numbers(const world *a, const world *b) {
    return memcmp(a->theta, b->theta, sizeof a->theta) == 0 && memcmp(a->state, b->state, 5) == 0 &&
           memcmp(a->moments, b->moments, sizeof a->moments) == 0 && a->steps[0] == b->steps[0] &&
           memcmp(a->rng, b->rng, sizeof a->rng) == 0;
}

TEST(safetensors_round_trip) {
    world a = {0}, b = {0};
    fm_error err;
    world_keep(&a);
    world_keep(&b);
    world_fill(&a);
    const nn_metadata metadata[] = {{"by", "firstmover"}, {"config", "a = \"b\"\n\x01\\\xe2\x82\xac"}, {0}};
    EXPECT_EQ(nn_safetensors_save(file_path(), &a.keep, NN_EVERYTHING, metadata, &err), FM_OK);
    EXPECT_EQ(nn_safetensors_load(file_path(), &b.keep, NN_EVERYTHING, &err), FM_OK);
    EXPECT(same_numbers(&a, &b));
    char *value = NULL;
    EXPECT_EQ(nn_safetensors_metadata(file_path(), "config", &value, &err), FM_OK);
    EXPECT_TEXT(value ? value : "", metadata[1].value);
    free(value);
    EXPECT_EQ(nn_safetensors_metadata(file_path(), "colour", &value, &err), FM_BAD);
    EXPECT_HAS(err.text, "colour");
    fm_keep_free(&a.keep);
    fm_keep_free(&b.keep);
    remove(file_path());
}

TEST(safetensors_selects) {
    world a = {0}, b = {0}, nothing = {0};
    fm_error err;
    world_keep(&a);
    world_keep(&b);
    world_fill(&a);
    EXPECT_EQ(nn_safetensors_save(file_path(), &a.keep, NN_EVERYTHING, NULL, &err), FM_OK);
    EXPECT_EQ(nn_safetensors_load(file_path(), &b.keep, NN_PARAMETERS, &err), FM_OK);
    EXPECT(memcmp(a.theta, b.theta, sizeof a.theta) == 0);
    EXPECT(b.steps[0] == 0 && b.rng[0] == 0);
    EXPECT_EQ(nn_safetensors_save(file_path(), &a.keep, NN_PARAMETERS, NULL, &err), FM_OK);
    EXPECT_EQ(nn_safetensors_load(file_path(), &b.keep, NN_STATE, &err), FM_BAD);
    EXPECT_HAS(err.text, "nothing of this name");
    memset(b.theta, 0, sizeof b.theta);
    EXPECT_EQ(nn_safetensors_load(file_path(), &b.keep, NN_PARAMETERS, &err), FM_OK);
    EXPECT(memcmp(a.theta, b.theta, sizeof a.theta) == 0);
    EXPECT_EQ(nn_safetensors_save(file_path(), &nothing.keep, NN_EVERYTHING, NULL, &err), FM_OK);
    EXPECT_EQ(nn_safetensors_load(file_path(), &nothing.keep, NN_EVERYTHING, &err), FM_OK);
    fm_keep_free(&a.keep);
    fm_keep_free(&b.keep);
    remove(file_path());
}

/* Byte for byte what the format asks for: length, padded header, little-endian numbers, large ones first. */
TEST(safetensors_bytes) {
    uint8_t byte[1] = {7};
    int64_t whole[1] = {-2};
    float x[2] = {1, -2.5f};
    fm_keep_list keep = {0};
    fm_error err;
    fm_keep(&keep, FM_U8, byte, 1, "c");
    fm_keep(&keep, FM_F32, x, 2, "b");
    fm_keep(&keep, FM_I64, whole, 1, "a");
    EXPECT_EQ(nn_safetensors_save(file_path(), &keep, NN_EVERYTHING, NULL, &err), FM_OK);
    const char header[] = "{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]},"
                          "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]},"
                          "\"c\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[16,17]}}";
    const unsigned char data[] = {0xfe, 255, 255, 255,  255, 255, 255,  255, 0,
                                  0,    128, 63,  0, 0,   0x20, 0xc0, 7};
    size_t padded = (sizeof header - 1 + 7) / 8 * 8, length = 0;
    char *text = NULL;
    EXPECT_EQ(fm_file_read(file_path(), &text, &length, &err), FM_OK);
    EXPECT_EQ(length, 8 + padded + sizeof data);
    EXPECT_EQ((unsigned char)text[0], padded);
    for (int i = 1; i < 8; i++) EXPECT_EQ(text[i], 0);
    EXPECT(memcmp(text + 8, header, sizeof header - 1) == 0);
    for (size_t i = sizeof header - 1; i < padded; i++) EXPECT_EQ(text[8 + i], ' ');
    EXPECT(memcmp(text + 8 + padded, data, sizeof data) == 0);
    free(text);
    fm_keep_free(&keep);
    remove(file_path());
}

/* Writes a file of that header and n bytes of data 0, 1, 2, ...; returns the status of loading it. */
static fm_status load_text(const char *header, size_t n, const fm_keep_list *keep, fm_error *err) {
    FILE *file = fopen(file_path(), "wb");
    size_t length = strlen(header);
    for (int i = 0; i < 8; i++) fputc((int)(length >> (8 * i) & 255), file);
    fputs(header, file);
    for (size_t i = 0; i < n; i++) fputc((int)(i & 255), file);
    fclose(file);
    fm_status status = nn_safetensors_load(file_path(), keep, NN_EVERYTHING, err);
    remove(file_path());
    return status;
}

TEST(safetensors_reads_other_writers) {
    uint8_t a[4] = {0}, b[1] = {0};
    fm_keep_list keep = {0};
    fm_error err;
    fm_keep(&keep, FM_U8, a, 4, "n\xc3\xa4me/\"\xf0\x9f\x98\x80");
    fm_keep(&keep, FM_U8, b, 1, "b");
    const char *header =
        "{ \"b\" :\n{\t\"data_offsets\": [ 0 , 1 ], \"shape\": [ ], \"dtype\":\"\\u00558\" } ,"
        "\"__metadata__\": { } ,\r\n"
        "\"n\\u00E4me\\/\\\"\\ud83d\\ude00\":{\"shape\":[4],\"dtype\":\"U8\",\"data_offsets\":[1,5]}}  ";
    fm_status status = load_text(header, 5, &keep, &err);
    EXPECT_MSG(status == FM_OK, "%s", err.text);
    EXPECT_EQ(b[0], 0);
    for (int i = 0; i < 4; i++) EXPECT_EQ(a[i], i + 1);
    fm_keep_free(&keep);
}

TEST(safetensors_names_what_differs) {
    float a[4] = {5, 5, 5, 5}, b[1] = {5};
    fm_keep_list keep = {0};
    fm_error err;
    fm_keep(&keep, FM_F32, b, 1, "a");
    fm_keep(&keep, FM_F32, a, 4, "critic");
    keep.items[1].rows = keep.items[1].cols = 2;
    const struct { const char *header; size_t n; const char *words; } cases[] = {
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"critic\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[4,20]}}", 20,
         "critic: expected F32 [2, 2], found F32 [4]"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"critic\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[4,28]}}", 28,
         "critic: expected F32 [2, 2], found F32 [2, 3]"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"critic\":{\"dtype\":\"BF16\",\"shape\":[2,2],\"data_offsets\":[4,12]}}", 12,
         "critic: expected F32 [2, 2], found BF16 [2, 2]"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
         "critic: expected F32 [2, 2], found nothing of this name"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"critic\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[4,20]},"
         "\"actor\\n\":{\"dtype\":\"U8\",\"shape\":[0,3],\"data_offsets\":[4,4]}}", 20,
         "actor?: in the file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EXPECT_EQ(load_text(cases[i].header, cases[i].n, &keep, &err), FM_BAD);
        EXPECT_HAS(err.text, cases[i].words);
        EXPECT_HAS(err.text, file_path());
    }
    EXPECT(a[0] == 5 && b[0] == 5);
    fm_keep_free(&keep);
}

#define T(name, dtype, shape, offsets) \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" offsets "]}"

#define SOUND "{" T("a", "U8", "4", "0,4") "," T("b", "U8", "4", "4,8") "}"

static const struct { const char *header; size_t n; const char *words; } MALFORMED[] = {
    {SOUND, 7, "outside"},
    {SOUND, 9, "9 bytes of data"},
    {"{" T("a", "U8", "4", "0,4") "," T("b", "U8", "4", "3,7") "}", 8, "overlap"},
    {"{" T("a", "U8", "4", "0,4") "," T("b", "U8", "4", "0,4") "}", 4, "overlap"},
    {"{" T("a", "U8", "4", "0,4") "," T("b", "U8", "4", "5,9") "}", 9, "hole"},
    {"{" T("a", "U8", "4", "1,5") "," T("b", "U8", "4", "5,9") "}", 9, "hole"},
    {"{" T("a", "U8", "4", "4,0") "," T("b", "U8", "4", "4,8") "}", 8, "outside"},
    {"{" T("a", "U8", "5", "0,4") "," T("b", "U8", "4", "4,8") "}", 8, "need 5"},
    {"{" T("a", "U8", "4", "0,4") "," T("a", "U8", "4", "4,8") "}", 8, "twice"},
    {"{" T("a", "U8", "4294967296,4294967296,4", "0,4") "}", 4, "too large"},
    {"{" T("a", "U8", "18446744073709551616", "0,4") "}", 4, "too large"},
    {"{" T("a", "U8", "0,18446744073709551615,2", "0,0") "}", 0, "a: expected U8 [4]"},
    {"{" T("a", "U8", "04", "0,4") "}", 4, "zero"},
    {"{" T("a", "U8", "-4", "0,4") "}", 4, "whole number"},
    {"{" T("a", "U8", "4.0", "0,4") "}", 4, "']' expected"},
    {"{" T("a", "U8", "4,", "0,4") "}", 4, "whole number"},
    {"{" T("a", "U8", "1,1,1,1,1,1,1,1,4", "0,4") "}", 4, "too long"},
    {"{" T("a", "U8", "4", "0,4,8") "}", 4, "too long"},
    {"{" T("a", "U8", "4", "4") "}", 4, "two numbers"},
    {"{" T("a", "U9", "4", "0,4") "}", 4, "unknown dtype 'U9'"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4]}}", 4, "missing"},
    {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "duplicate"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4],\"x\":1}}", 4, "unknown key 'x'"},
    {"{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "twice"},
    {"{\"__metadata__\":{\"k\":1}}", 0, "a string expected"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "second"},
    {"{\"__metadata__\":{\"k\":\"\\ud800\"}}", 0, "escape"},
    {"{\"__metadata__\":{\"k\":\"\\udc00\\ud800\"}}", 0, "escape"},
    {"{\"__metadata__\":{\"k\":\"\\u0000\"}}", 0, "escape"},
    {"{\"__metadata__\":{\"k\":\"\\x\"}}", 0, "escape"},
    {"{\"__metadata__\":{\"k\":\"\n\"}}", 0, "control"},
    {"{\"__metadata__\":{\"k\":\"\xff\"}}", 0, "UTF-8"},
    {"{\"__metadata__\":{\"k\":\"\xc0\x80\"}}", 0, "UTF-8"},
    {"{\"__metadata__\":{\"k\":\"\xed\xa0\x80\"}}", 0, "UTF-8"},
    {"{} x", 0, "after the end"},
    {" {}", 0, "'{' expected"},
    {"", 0, "'{' expected"},
    {"{", 0, "string expected"},
    {"{\"a", 0, "does not end"},
    {"{\"a\\u00", 0, "escape"},
    {"{\"a\"", 0, "':' expected"},
    {"[]", 0, "'{' expected"},
};

TEST(safetensors_rejects_malformed_headers) {
    uint8_t a[4] = {9, 9, 9, 9}, b[4] = {9, 9, 9, 9};
    fm_keep_list keep = {0};
    fm_error err;
    fm_keep(&keep, FM_U8, a, 4, "a");
    fm_keep(&keep, FM_U8, b, 4, "b");
    EXPECT_EQ(load_text(SOUND, 8, &keep, &err), FM_OK);
    memset(a, 9, 4), memset(b, 9, 4);
    for (size_t i = 0; i < sizeof MALFORMED / sizeof *MALFORMED; i++) {
        err.text[0] = '\0';
        fm_status status = load_text(MALFORMED[i].header, MALFORMED[i].n, &keep, &err);
        EXPECT_MSG(status == FM_BAD, "accepted: %s", MALFORMED[i].header);
        EXPECT_HAS(err.text, MALFORMED[i].words);
    }
    for (int i = 0; i < 4; i++) EXPECT(a[i] == 9 && b[i] == 9);
    fm_keep_free(&keep);
}

TEST(safetensors_rejects_what_is_no_file) {
    fm_keep_list keep = {0};
    fm_error err;
    EXPECT_EQ(nn_safetensors_load("/no/such/file", &keep, NN_EVERYTHING, &err), FM_BAD);
    EXPECT_HAS(err.text, "/no/such/file");
    EXPECT_EQ(nn_safetensors_load("/tmp", &keep, NN_EVERYTHING, &err), FM_BAD);
    EXPECT_EQ(nn_safetensors_save("/no/such/folder/file", &keep, NN_EVERYTHING, NULL, &err), FM_BAD);
    const nn_metadata metadata[] = {{"k", "\xff"}, {0}};
    EXPECT_EQ(nn_safetensors_save(file_path(), &keep, NN_EVERYTHING, metadata, &err), FM_BAD);
    EXPECT_HAS(err.text, "UTF-8");
    EXPECT(!fm_file_exists(file_path()));
    const char *contents[] = {"", "1234567", "\x10\0\0\0\0\0\0\0{}", "\xff\xff\xff\xff\xff\xff\xff\xff{}"};
    const size_t lengths[] = {0, 7, 10, 10};
    for (int i = 0; i < 4; i++) {
        FILE *file = fopen(file_path(), "wb");
        fwrite(contents[i], 1, lengths[i], file);
        fclose(file);
        EXPECT_EQ(nn_safetensors_load(file_path(), &keep, NN_EVERYTHING, &err), FM_BAD);
        EXPECT_HAS(err.text, "not a safetensors file");
    }
    remove(file_path());
}

/* With a checksum no flip of a bit is believed, wherever it is; one that hides the checksum is seen by
 * whoever asks for it. Without it the numbers can be anything. */
TEST(checksum_sees_every_flipped_bit) {
    real numbers[5] = {1, 2, 3, 4, 5};
    fm_keep_list keep = {0};
    fm_error err;
    const nn_metadata metadata[] = {{"checksum", NN_CHECKSUM}, {"seed", "7"}, {0}};
    char *bytes = NULL, *value = NULL;
    size_t length = 0, seen = 0;
    fm_keep_parameter(&keep, numbers, 5, 0, "w");
    EXPECT_EQ(nn_safetensors_save(file_path(), &keep, NN_EVERYTHING, metadata, &err), FM_OK);
    EXPECT_EQ(nn_safetensors_load(file_path(), &keep, NN_EVERYTHING, &err), FM_OK);
    EXPECT_EQ(fm_file_read(file_path(), &bytes, &length, &err), FM_OK);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        FILE *file = fopen(file_path(), "wb");
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        EXPECT(file && fwrite(bytes, 1, length, file) == length && fclose(file) == 0);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        bool bad = nn_safetensors_metadata(file_path(), "checksum", &value, &err) != FM_OK;
        if (!bad) free(value);
        seen += bad;
    }
    EXPECT_EQ(seen, 8 * length);
    free(bytes);
    fm_keep_free(&keep);
    remove(file_path());
}

/* A valid file, damaged in a few random places or cut: an error or, where only numbers or metadata
 * changed, a load; never anything else, and no number is written on an error. */
TEST(safetensors_survives_damage) {
    world a = {0}, b = {0};
    fm_error err;
    char *text = NULL;
    size_t length = 0;
    int loaded = 0, rejected = 0;
    fm_rng rng = fm_rng_split(1, FM_RNG_TEST, 0, 0);
    world_keep(&a);
    world_keep(&b);
    world_fill(&a);
    const nn_metadata metadata[] = {{"k\\", "v\"\n"}, {0}};
    EXPECT_EQ(nn_safetensors_save(file_path(), &a.keep, NN_EVERYTHING, metadata, &err), FM_OK);
    EXPECT_EQ(fm_file_read(file_path(), &text, &length, &err), FM_OK);
    char *damaged = malloc(length);
    for (int round = 0; round < 2000; round++) {
        static const char LIKELY[] = "{}[]\":,\\u0d19 \n\xff";
        memcpy(damaged, text, length);
        size_t cut = fm_rng_below(&rng, 4) == 0 ? fm_rng_below(&rng, length + 1) : length;
        for (uint64_t k = fm_rng_below(&rng, 4); k > 0; k--)
            damaged[fm_rng_below(&rng, length)] = LIKELY[fm_rng_below(&rng, sizeof LIKELY)];
        remove(file_path()); /* some file systems flush a file that is written over */
        FILE *file = fopen(file_path(), "wb");
        fwrite(damaged, 1, cut, file);
        fclose(file);
        memset(b.rng, 0, sizeof b.rng);
        memset(b.theta, 0, sizeof b.theta);
        fm_status status = nn_safetensors_load(file_path(), &b.keep, NN_EVERYTHING, &err);
        if (status == FM_OK) loaded++;
        else rejected++;
        if (status != FM_OK) EXPECT(b.rng[0] == 0 && b.theta[0] == 0 && err.text[0] != '\0');
        if (cut < length) EXPECT_EQ(status, FM_BAD);
    }
    EXPECT(loaded > 100 && rejected > 800);
    free(damaged);
    free(text);
    fm_keep_free(&a.keep);
    fm_keep_free(&b.keep);
    remove(file_path());
}

TEST_MAIN(CASE(safetensors_round_trip), CASE(safetensors_selects), CASE(safetensors_bytes),
          CASE(safetensors_reads_other_writers), CASE(safetensors_names_what_differs),
          CASE(safetensors_rejects_malformed_headers), CASE(safetensors_rejects_what_is_no_file),
          CASE(safetensors_survives_damage),
          CASE(checksum_sees_every_flipped_bit))
