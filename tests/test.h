/* test.h: the whole test framework.
 *
 * A test file is a program: cases, then a list of them. A case without an assertion fails. The exit status is
 * the number of failed cases; the last line is "N passed, N failed". With arguments, only cases whose name
 * contains one of them run. Each file includes this header once.
 *
 *     TEST(random_below_is_uniform) { EXPECT(x < 10); EXPECT_NEAR(mean, 4.5, 0.1); }
 *     TEST_MAIN(CASE(random_below_is_uniform), CASE(random_split_differs))
 */
#ifndef TEST_H
#define TEST_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct test_case {
    const char *name;
    void (*run)(void);
} test_case;

static struct { int assertions, failures; } test_now;

#define TEST(name) static void test_##name(void)
#define CASE(name)                                                                                           \
    { #name, test_##name }

/* Counts an assertion; prints the place and the words when it does not hold, and goes on. */
#define EXPECT_MSG(condition, ...)                                                                           \
    do {                                                                                                     \
        test_now.assertions++;                                                                               \
        if (!(condition)) {                                                                                  \
            test_now.failures++;                                                                             \
            if (test_now.failures <= 10) {                                                                   \
                printf("    %s:%d: ", __FILE__, __LINE__);                                                   \
                printf(__VA_ARGS__);                                                                         \
                printf("\n");                                                                                \
            }                                                                                                \
        }                                                                                                    \
    } while (0)

#define EXPECT(condition) EXPECT_MSG(condition, "not true: %s", #condition)

#define EXPECT_EQ(a, b)                                                                                      \
    do {                                                                                                     \
        long long test_a_ = (long long)(a), test_b_ = (long long)(b);                                        \
        EXPECT_MSG(test_a_ == test_b_, "%s == %s: %lld, %lld", #a, #b, test_a_, test_b_);                    \
    } while (0)

/* |a - b| <= tolerance; a NaN fails. */
#define EXPECT_NEAR(a, b, tolerance)                                                                         \
    do {                                                                                                     \
        double test_a_ = (double)(a), test_b_ = (double)(b);                                                 \
        EXPECT_MSG(fabs(test_a_ - test_b_) <= (double)(tolerance), "%s ~ %s: %.9g, %.9g (tolerance %.3g)",   \
                   #a, #b, test_a_, test_b_, (double)(tolerance));                                           \
    } while (0)

#define EXPECT_TEXT(a, b)                                                                                    \
    do {                                                                                                     \
        const char *test_a_ = (a), *test_b_ = (b);                                                           \
        EXPECT_MSG(strcmp(test_a_, test_b_) == 0, "%s: \"%s\" is not \"%s\"", #a, test_a_, test_b_);         \
    } while (0)

/* The text contains the part. */
#define EXPECT_HAS(text, part)                                                                               \
    do {                                                                                                     \
        const char *test_a_ = (text), *test_b_ = (part);                                                     \
        EXPECT_MSG(strstr(test_a_, test_b_) != NULL, "%s: \"%s\" does not contain \"%s\"", #text, test_a_,   \
                   test_b_);                                                                                 \
    } while (0)

static bool test_wanted(const char *name, int argc, char **argv) {
    if (argc < 2) return true;
    for (int i = 1; i < argc; i++)
        if (strstr(name, argv[i])) return true;
    return false;
}

static int test_run(const test_case *cases, size_t n, int argc, char **argv) {
    int passed = 0, failed = 0;
    for (size_t i = 0; i < n; i++) {
        if (!test_wanted(cases[i].name, argc, argv)) continue;
        test_now.assertions = test_now.failures = 0;
        cases[i].run();
        if (test_now.assertions == 0) printf("    %s: no assertion\n", cases[i].name);
        bool ok = test_now.failures == 0 && test_now.assertions > 0;
        if (!ok) printf("  FAILED test_%s\n", cases[i].name);
        fflush(stdout);
        passed += ok;
        failed += !ok;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed;
}

#define TEST_MAIN(...)                                                                                       \
    int main(int argc, char **argv) {                                                                        \
        static const test_case cases[] = {__VA_ARGS__};                                                      \
        return test_run(cases, sizeof cases / sizeof *cases, argc, argv);                                    \
    }

#endif
