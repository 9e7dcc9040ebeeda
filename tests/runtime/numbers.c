/* Numbers are read correctly rounded and written in the shortest form that reads back.
 * RUN: %cc -std=c11 -D_GNU_SOURCE -I%gradc_source %s %gradc_source/runtime/number.c \
 * RUN:     %gradc_source/runtime/context.c %gradc_source/runtime/random.c -lm -o %t.numbers
 * RUN: %t.numbers
 */
#include "runtime/runtime.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void check_read(const char *text, const char *expected) {
    double value = 0;
    char written[NUMBER_SIZE];
    NumberStatus status = number_read(text, text + strlen(text), &value);
    const char *found = status == NUMBER_BAD ? "bad"
                        : status == NUMBER_OVERFLOW
                            ? "overflow"
                            : (number_write(written, value, false), written);
    if (strcmp(found, expected) != 0) {
        printf("`%.60s`: %s, expected %s\n", text, found, expected);
        failures++;
    }
}

static void check_same(const char *text) {
    double value = 0;
    double expected = strtod(text, NULL);
    if (number_read(text, text + strlen(text), &value) != NUMBER_OK ||
        memcmp(&value, &expected, sizeof value) != 0) {
        printf("`%s`: %.17g, expected %.17g\n", text, value, expected);
        failures++;
    }
}

static void check_random(Random *random) {
    char text[80];
    uint64_t bits = random_next(random);
    double value;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value)) {
        return;
    }
    snprintf(text, sizeof text, "%.*g", (int)random_below(random, 20) + 1, value);
    if (isfinite(strtod(text, NULL))) {
        check_same(text);
    }
    number_write(text, value, true);
    double back = strtod(text, NULL);
    if (back != value || strlen(text) > 24) {
        printf("%.17g is written as %s\n", value, text);
        failures++;
    }
    /* plain decimals, as in data files: the extended path and its borders */
    int digits = (int)random_below(random, 19) + 1;
    int point = (int)random_below(random, digits + 1);
    size_t length = 0;
    for (int i = 0; i < digits; i++) {
        if (i == point) {
            text[length++] = '.';
        }
        text[length++] = (char)('0' + random_below(random, 10));
    }
    snprintf(text + length, sizeof text - length, "e%d", (int)random_below(random, 60) - 30);
    check_same(text);
}

/* Numbers half way between two doubles, and next to it. */
static void check_halves(Random *random) {
    char text[80];
    uint64_t odd =
        (UINT64_C(1) << 53) + (random_next(random) >> 12 | 1) % (UINT64_C(1) << 52) * 2 + 1;
    for (int64_t off = -1; off <= 1; off++) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)(odd + (uint64_t)off));
        check_same(text);
        snprintf(text, sizeof text, "%llu.%d", (unsigned long long)odd, off == 1);
        check_same(text);
    }
}

static const struct {
    const char *text, *expected;
} cases[] = {
    {"+2", "2"},
    {".5", "0.5"},
    {"5.", "5"},
    {"-.5e1", "-5"},
    {" 7 ", "7"},
    {"1e-400", "0"},
    {"5e-324", "5e-324"},
    {"2.225073858507201e-308", "2.225073858507201e-308"},
    {"2e-324", "0"},
    {"3e-324", "5e-324"},
    {"-0", "-0"},
    {"0e999999999999", "0"},
    {"0.1", "0.1"},
    {"1e22", "1e+22"},
    {"1e23", "1e+23"},
    {"8.5e21", "8.5e+21"},
    {"123456789012345678", "1.2345678901234568e+17"},
    {"9007199254740993", "9007199254740992"},
    {"1.7976931348623157e308", "1.7976931348623157e+308"},
    {"1.7976931348623159e308", "overflow"},
    {"1e400", "overflow"},
    {"-1e999999999999", "overflow"},
    {"1e-999999999999", "0"},
    {"", "bad"},
    {" ", "bad"},
    {".", "bad"},
    {"+", "bad"},
    {"-.", "bad"},
    {"e5", "bad"},
    {"1e", "bad"},
    {"1e+", "bad"},
    {"0x10", "bad"},
    {"1,5", "bad"},
    {"1 5", "bad"},
    {"1e5.0", "bad"},
    {"--1", "bad"},
    {"nan", "bad"},
    {"inf", "bad"},
    {"1d5", "bad"},
    {"1f", "bad"},
    {"1_000", "bad"},
    {"1.2.3", "bad"},
};

int main(void) {
    Random random;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_read(cases[i].text, cases[i].expected);
    }
    random_start(&random, 7);
    for (int i = 0; i < 200000 && failures < 20; i++) {
        check_random(&random);
        check_halves(&random);
    }
    char text[2000];
    memset(text, '0', sizeof text); /* 2^-1074 / 2 and a digit 1,200 places on: up, not to even */
    size_t length = (size_t)snprintf(text, sizeof text, "%.1200f", 0x1p-1074 * 0.5 + 0x1p-1074);
    memcpy(text + length, "1", 2);
    check_same(text);
    return failures != 0;
}
