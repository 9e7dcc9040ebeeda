/* plot_axis.c: ranges of axes, ticks at round numbers, labels. Differences are taken between
 * halves, so that a range can be as wide as the doubles are. */
#include "runtime/plot.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const double log_worth = 8; /* largest by smallest value, from which a log scale is better */

/* ---- numbers for people ---- */

static void add_superscript(char *text, size_t size, int exponent) {
    static const char *const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char plain[16];
    snprintf(plain, sizeof plain, "%d", exponent);
    for (const char *p = plain; *p; p++) {
        size_t length = strlen(text);
        snprintf(text + length, size - length, "%s", *p == '-' ? "⁻" : digits[*p - '0']);
    }
}

static void replace_minus(char text[TICK_SIZE]) {
    char copy[TICK_SIZE];
    if (text[0] == '-') {
        snprintf(copy, sizeof copy, "−%.*s", TICK_SIZE - 4, text + 1);
        memcpy(text, copy, sizeof copy);
    }
}

/* No zeros at the end of what stands behind a point. */
static void trim(char *text) {
    size_t length = strlen(text);
    if (strchr(text, '.')) {
        for (; text[length - 1] == '0'; length--) {
        }
        length -= text[length - 1] == '.';
        text[length] = '\0';
    }
}

/* The numbers that C writes have a point, whatever the locale: main does not set one. */
static void scientific(char text[TICK_SIZE], double value, int digits) {
    char number[TICK_SIZE - 12];
    snprintf(number, sizeof number, "%.*e", digits > 1 ? digits - 1 : 0, value);
    char *e = strchr(number, 'e');
    if (!e) {
        snprintf(text, TICK_SIZE, "%s", number);
        return;
    }
    int exponent = 0;
    sscanf(e + 1, "%d", &exponent);
    *e = '\0';
    trim(number);
    bool one = strcmp(number, "1") == 0;
    snprintf(text, TICK_SIZE, "%s%s", one ? "" : number, one ? "10" : "×10");
    add_superscript(text, TICK_SIZE, exponent);
}

void number_text(char text[TICK_SIZE], double value, int digits) {
    double size = fabs(value);
    digits = digits < 1 ? 1 : digits > 17 ? 17 : digits;
    if (!isfinite(value)) {
        snprintf(text, TICK_SIZE, "%s", isnan(value) ? "NaN" : value > 0 ? "∞" : "-∞");
    } else if (size != 0 && (size >= 1e6 * (1 - 1e-12) || size < 1e-4)) {
        scientific(text, value, digits);
    } else {
        int whole = size >= 1 ? (int)floor(log10(size)) + 1 : 0;
        int zeros = size > 0 && size < 1 ? (int)-floor(log10(size)) - 1 : 0;
        int decimals = digits - whole + zeros;
        snprintf(text, TICK_SIZE, "%.*f", decimals < 0 ? 0 : decimals > 20 ? 20 : decimals, value);
        trim(text);
        if (strcmp(text, "-0") == 0) {
            snprintf(text, TICK_SIZE, "0");
        }
    }
    replace_minus(text);
}

void number_grouped(char text[TICK_SIZE], int64_t value) {
    char plain[24];
    size_t at = 0;
    int length = snprintf(plain, sizeof plain, "%lld", (long long)value);
    for (int i = 0; i < length; i++) {
        if (i > (plain[0] == '-') && (length - i) % 3 == 0) {
            text[at++] = ',';
        }
        text[at++] = plain[i];
    }
    text[at] = '\0';
}

/* ---- linear ---- */

/* high − low, which may be more than a double holds, times `share` ≤ 1/2. */
static double part_of_range(double low, double high, double share) {
    return (high / 2 - low / 2) * (2 * share);
}

/* A range that can be drawn, a little wider than the values. */
static void widen(Axis *axis) {
    double size = fmax(fabs(axis->low), fabs(axis->high));
    double least = size > 0 ? size * 1e-12 : 0;
    if (part_of_range(axis->low, axis->high, 0.5) <= least) {
        double more = size > 0 ? size * 0.1 : 1;
        axis->low -= more;
        axis->high += more;
    } else {
        double more = part_of_range(axis->low, axis->high, 0.04);
        axis->low -= more;
        axis->high += more;
    }
    axis->low = fmax(axis->low, -DBL_MAX);
    axis->high = fmin(axis->high, DBL_MAX);
}

/* The nearest of 1, 2, 5, 10, 20, … · 10^k. */
static double round_step(double step) {
    double power = pow(10, floor(log10(step)));
    double share = step / power;
    double round = share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10;
    return round * power;
}

static void linear_ticks(Axis *axis, int wanted, bool whole) {
    double step = round_step(fmax(part_of_range(axis->low, axis->high, 1.0 / wanted), DBL_MIN));
    step = whole && step < 1 ? 1 : step;
    double first = ceil(axis->low / step);
    double last = floor(axis->high / step);
    double size = fmax(fabs(axis->low), fabs(axis->high));
    int digits = (int)ceil(log10(fmax(size / step, 1)) - 1e-9) + 1;
    for (double k = first; k <= last && axis->count < TICKS_MAX && isfinite(k * step); k++) {
        double tick = k * step;
        double share = tick == 0 ? 1 : fabs(tick) / size;
        int fewer = (int)floor(-log10(share) + 1e-9); /* all labels end at the same place */
        number_text(axis->labels[axis->count], tick, digits - (fewer > 0 ? fewer : 0));
        axis->ticks[axis->count++] = tick;
    }
}

/* ---- logarithmic ---- */

static void log_ticks(Axis *axis, int wanted) {
    static const double few[] = {1}, some[] = {1, 3}, more[] = {1, 2, 5};
    double low = log10(axis->low);
    double high = log10(axis->high);
    double decades = high - low;
    int stride = (int)ceil(decades / wanted);
    const double *heads = decades * 3 <= wanted ? more : decades * 2 <= wanted ? some : few;
    size_t head_count = heads == more ? 3 : heads == some ? 2 : 1;
    stride = stride < 1 ? 1 : stride;
    for (int k = (int)floor(low); k <= (int)ceil(high); k++) {
        for (size_t i = 0; i < head_count && ((k % stride) == 0); i++) {
            double place = k + log10(heads[i]);
            if (place < low - 1e-9 || place > high + 1e-9 || axis->count == TICKS_MAX) {
                continue;
            }
            double tick = heads[i] * pow(10, k);
            number_text(axis->labels[axis->count], tick, 1);
            axis->ticks[axis->count++] = tick;
        }
    }
}

/* ---- the whole ---- */

void axis_make(Axis *axis, double low, double high, Scale scale, int wanted, bool whole) {
    *axis = (Axis){.low = low, .high = high};
    wanted = wanted < 2 ? 2 : wanted;
    if (!(low <= high)) {
        axis->low = 0;
        axis->high = 1;
    }
    if (scale == SCALE_AUTO && axis->low > 0 && axis->high / log_worth > axis->low) {
        double more = (log10(axis->high) - log10(axis->low)) * 0.03;
        axis->log = true;
        axis->low = fmax(axis->low * pow(10, -more), DBL_MIN);
        axis->high = fmin(axis->high * pow(10, more), DBL_MAX);
        log_ticks(axis, wanted);
    }
    if (axis->log && axis->count >= 2) {
        return;
    }
    if (axis->log) {
        *axis = (Axis){.low = low, .high = high};
    }
    widen(axis);
    linear_ticks(axis, wanted, whole);
}

double axis_place(const Axis *axis, double value) {
    if (axis->log) {
        double low = log10(axis->low);
        return value > 0 ? (log10(value) - low) / (log10(axis->high) - low) : (double)NAN;
    }
    return (value / 2 - axis->low / 2) / (axis->high / 2 - axis->low / 2);
}
