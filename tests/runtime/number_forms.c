/* Numbers in every form that programs write, with and without padding, against strtod bit for bit:
 * a count of rounds may be given.
 * RUN: %cc -std=c11 -D_GNU_SOURCE -O1 -I%gradc_source %s %gradc_source/runtime/number.c \
 * RUN:     %gradc_source/runtime/context.c %gradc_source/runtime/random.c -lm -o %t.forms
 * RUN: %t.forms 12500
 */
#include "runtime/runtime.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int failures;
static long checked;

static void check(const char *text, char end) {
    char padded[2200];
    size_t length = strlen(text);
    if (length + 40 > sizeof padded) {
        return;
    }
    memcpy(padded, text, length);
    memset(padded + length, '7', 32); /* what stands behind must not count */
    padded[length] = end;
    const char *stop;
    double expected = strtod(text, NULL);
    NumberStatus status = isinf(expected) ? NUMBER_OVERFLOW : NUMBER_OK;
    for (int round = 0; round < 2; round++) {
        double value = 0;
        NumberStatus found = round ? number_scan_padded(padded, &value, &stop)
                                   : number_scan(padded, padded + length, &value, &stop);
        if (found != status || memcmp(&value, &expected, sizeof value) != 0 ||
            stop != padded + length) {
            printf("`%s`: %.17g (status %d), expected %.17g\n", text, value, (int)found, expected);
            failures++;
        }
        checked++;
    }
}

static double any_bits(Random *random) {
    double value;
    do {
        uint64_t bits = random_next(random);
        memcpy(&value, &bits, sizeof value);
    } while (!isfinite(value));
    return value;
}

/* The decimal half way between a double and the next, exactly, and its neighbours. */
static void check_half(Random *random) {
    char text[2000];
    uint64_t bits;
    int shift = (int)random_below(random, 60);
    double low = ldexp((double)(random_next(random) >> 11 | UINT64_C(1) << 52), -shift);
    memcpy(&bits, &low, sizeof bits);
    bits++;
    double high;
    memcpy(&high, &bits, sizeof high);
    long double half = ((long double)low + (long double)high) / 2; /* exact where it has 64 bits */
    int length = snprintf(text, sizeof text - 40, "%.80Lf", half);
    check(text, ',');
    text[length] = '1';
    text[length + 1] = 0;
    check(text, ',');
    for (char *p = text + length - 1; p > text; p--) { /* one less in the last place */
        if (*p == '.') {
            continue;
        }
        if (*p > '0') {
            --*p;
            break;
        }
        *p = '9';
    }
    check(text, ',');
}

static void check_round(Random *random) {
    static const char *const forms[] = {"%.17g", "%.16g", "%.15g", "%.6f", "%.18e", "%.3e",
                                        "%.10f", "%.25g", "%.0f",  "%.1f", "%g"};
    static const char ends[] = {',', '\n', ';', '\t', '\r', 0};
    char text[2000];
    double unit = random_unit(random) * 2 - 1;
    double tiny = ldexp(unit, -1022 - (int)random_below(random, 54));
    double values[] = {unit, unit * 1e6, any_bits(random), tiny,
                       (double)random_below(random, 2000000) / 1e6 - 1};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const char *form = forms[random_below(random, sizeof forms / sizeof *forms)];
        snprintf(text, sizeof text, form, values[i]);
        check(text, ends[random_below(random, sizeof ends)]);
    }
    /* any digits, any point, any exponent */
    int digits = (int)random_below(random, 30) + 1;
    int point = (int)random_below(random, digits + 1);
    size_t length = 0;
    for (int i = 0; i < digits; i++) {
        if (i == point) {
            text[length++] = '.';
        }
        text[length++] = (char)('0' + random_below(random, 10));
    }
    snprintf(text + length, sizeof text - length, "e%d", (int)random_below(random, 700) - 360);
    check(text, '\n');
    check_half(random);
}

int main(int count, char **arguments) {
    Random random;
    long rounds = count > 1 ? atol(arguments[1]) : 10000;
    random_start(&random, count > 2 ? (uint64_t)atoll(arguments[2]) : 11);
    for (long i = 0; i < rounds && failures < 20; i++) {
        check_round(&random);
    }
    printf("%ld numbers\n", checked);
    return failures != 0;
}
