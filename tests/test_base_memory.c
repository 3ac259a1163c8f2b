/* Memory that ends the program when it is exhausted, and the limits that it has. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/aborts.h"
#include "tests/test.h"

static void put(const char *path, const char *text) {
    fm_writer writer;
    EXPECT_EQ(fm_writer_begin(&writer, path, NULL), FM_OK);
    fputs(text, writer.file);
    EXPECT_EQ(fm_writer_commit(&writer, NULL), FM_OK);
}

static void ask_for_much(void) { fm_out_of_memory(1500000000); }

TEST(exhaustion_is_an_error_with_a_name) {
    char words[256];
    int status = run_apart(ask_for_much, words, sizeof words);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    EXPECT_TEXT(words, "firstmover: out of memory: 1.5 GB more were asked for\n");
}

TEST(bytes_are_short) {
    static const struct { uint64_t bytes; const char *text; } WANT[] = {
        {0, "0 bytes"}, {999, "999 bytes"}, {640000, "640 KB"}, {1500000, "1.5 MB"},
        {99900000, "99.9 MB"}, {100000000, "100 MB"}, {25400000000, "25.4 GB"}};
    char text[FM_BYTES_TEXT];
    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++)
        EXPECT_TEXT(fm_bytes_text(WANT[i].bytes, text), WANT[i].text);
}

/* The smallest limit of a group and those above it counts; other controllers do not. */
TEST(control_groups_bind) {
    char root[64] = "/tmp/fm_test_memory_XXXXXX", path[128], groups[96], command[96];
    EXPECT(mkdtemp(root) != NULL);
    snprintf(groups, sizeof groups, "%s/self", root);
    EXPECT_EQ(fm_memory_of_groups(groups, root), FM_MEMORY_ANY);
    snprintf(path, sizeof path, "%s/a/b", root);
    EXPECT_EQ(fm_folder_make(path, NULL), FM_OK);
    snprintf(path, sizeof path, "%s/memory/c", root);
    EXPECT_EQ(fm_folder_make(path, NULL), FM_OK);
    put(groups, "0::/a/b\n5:cpu:/c\n");
    EXPECT_EQ(fm_memory_of_groups(groups, root), FM_MEMORY_ANY);
    snprintf(path, sizeof path, "%s/a/b/memory.max", root);
    put(path, "max\n");
    EXPECT_EQ(fm_memory_of_groups(groups, root), FM_MEMORY_ANY);
    snprintf(path, sizeof path, "%s/a/memory.max", root);
    put(path, "7000000\n");
    EXPECT_EQ(fm_memory_of_groups(groups, root), 7000000);
    snprintf(path, sizeof path, "%s/memory/c/memory.limit_in_bytes", root);
    put(path, "5000000\n");
    EXPECT_EQ(fm_memory_of_groups(groups, root), 7000000);
    put(groups, "5:memory:/c\n0::/a/b\n");
    EXPECT_EQ(fm_memory_of_groups(groups, root), 5000000);
    EXPECT(fm_memory_of_machine() > 1000000);
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    EXPECT(system(command) == 0);
}

TEST_MAIN(CASE(exhaustion_is_an_error_with_a_name), CASE(bytes_are_short), CASE(control_groups_bind))
