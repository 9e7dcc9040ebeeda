/* Growing text, and numbers that come back as they were. */
#include "base/base.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int failures;

static void expect(bool good, const char *what, const char *found) {
    if (!good) {
        printf("%s: found `%s`\n", what, found);
        failures++;
    }
}

static const struct {
    double value;
    const char *real, *plain;
} written[] = {
    {0, "0.0", "0"},
    {-0.0, "-0.0", "-0"},
    {2, "2.0", "2"},
    {-1.5, "-1.5", "-1.5"},
    {0.1, "0.1", "0.1"},
    {1e-5, "1e-5", "1e-5"},
    {1e20, "1e20", "1e20"},
    {1e15, "1e15", "1e15"},
    {123456, "123456.0", "123456"},
    {1.0 / 3, "0.3333333333333333", "0.3333333333333333"},
    {5e-324, "5e-324", "5e-324"},
    {1.7976931348623157e308, "1.7976931348623157e308", "1.7976931348623157e308"},
    {0.30000000000000004, "0.30000000000000004", "0.30000000000000004"},
    {HUGE_VAL, "inf", "inf"},
    {-HUGE_VAL, "-inf", "-inf"},
};

static void test_written(Arena *arena) {
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
        for (int real = 0; real < 2; real++) {
            Text text;
            text_init(&text, arena);
            text_add_number(&text, written[i].value, real);
            const char *wanted = real ? written[i].real : written[i].plain;
            expect(strcmp(text.data, wanted) == 0, wanted, text.data);
        }
    }
}

/* Any bits that are a number read back as the same bits. */
static void test_round_trip(void) {
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        double value;
        memcpy(&value, &state, sizeof value);
        if (isnan(value) || isinf(value)) {
            continue;
        }
        Arena *arena = arena_create();
        Text text;
        text_init(&text, arena);
        text_add_number(&text, value, true);
        const char *end;
        double back = number_read(text.data, &end);
        expect(memcmp(&back, &value, sizeof value) == 0 && *end == '\0', "round trip", text.data);
        arena_destroy(arena);
    }
}

static const struct {
    const char *text;
    double value;
    size_t length;
} read[] = {
    {"12", 12, 2},
    {"12.5e3x", 12500, 6},
    {"1e", 1, 1},
    {"1e+", 1, 1},
    {".5", 0.5, 2},
    {"1.", 1, 2},
    {"0x10", 0, 1},
    {"abc", 0, 0},
    {".", 0, 0},
    {"-3", -3, 2},
    {"1e400", HUGE_VAL, 5},
    {"inf", HUGE_VAL, 3},
    {"9007199254740993", 9007199254740992.0, 16},
    {"1e-400", 0, 6},
    {"", 0, 0},
    {"2.2250738585072011e-308", 2.2250738585072011e-308, 23},
};

static void test_read(void) {
    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++) {
        const char *end;
        double value = number_read(read[i].text, &end);
        expect(value == read[i].value && (size_t)(end - read[i].text) == read[i].length,
               "number_read", read[i].text);
    }
    char zeros[400];
    memset(zeros, '0', sizeof zeros);
    memcpy(zeros, "0.", 2);
    memcpy(zeros + 390, "5e389", 6);
    expect(number_read(zeros, NULL) == 5.0, "a long number", zeros);
}

static void test_text(Arena *arena) {
    Text text;
    text_init(&text, arena);
    expect(text.data[0] == '\0', "empty text", text.data);
    text.indent = 1;
    text_line(&text, "%d + %s", 3, "x");
    expect(strcmp(text.data, "    3 + x\n") == 0, "text_line", text.data);
    for (int i = 0; i < 100000; i++) {
        text_add(&text, "ab");
    }
    expect(text.length == 10 + 200000 && strlen(text.data) == text.length, "length", "");
    char *long_text = arena_format(arena, "%s!", text.data);
    expect(strlen(long_text) == text.length + 1, "arena_format", "");
}

int main(void) {
    Arena *arena = arena_create();
    test_written(arena);
    test_round_trip();
    test_read();
    test_text(arena);
    arena_destroy(arena);
    return failures > 0;
}
