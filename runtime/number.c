/* number.c: decimal numbers in and out. Reading is correctly rounded: by exact double arithmetic
 * where that is possible (Clinger, "How to read floating point numbers accurately", 1990), by a
 * product with a power of five of 128 bits up to 19 digits (Lemire, "Number parsing at a gigabyte
 * per second", 2021, after Eisel), else by strtod on a normalised copy. setlocale is never called,
 * so strtod and snprintf are those of the C locale. */
#include "runtime/runtime.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

enum {
    EXACT_POWER = 22,
    DIGITS_KEPT = 800, /* 768 decide any rounding; the rest is one sticky digit */
    EXPONENT_LIMIT = 100000
};

static inline bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* ---- the nearest double of digits · 10^exponent ---- */

typedef struct {
    uint64_t high, low;
} Power;

enum { POWER_LOWEST = -342, POWER_HIGHEST = 308 };

static const Power powers_of_five[] = {
#define POWER(high, low) {high, low},
#include "runtime/powers.def"
#undef POWER
};

static Power multiply(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 Wide;
    Wide product = (Wide)a * b;
    return (Power){(uint64_t)(product >> 64), (uint64_t)product};
#else
    uint64_t low = (a & 0xffffffff) * (b & 0xffffffff);
    uint64_t cross = (a >> 32) * (b & 0xffffffff) + (low >> 32);
    uint64_t other = (a & 0xffffffff) * (b >> 32) + (cross & 0xffffffff);
    return (Power){(a >> 32) * (b >> 32) + (cross >> 32) + (other >> 32),
                   other << 32 | (low & 0xffffffff)};
#endif
}

/* Algorithm 1 of Lemire's paper. digits > 0. False: the product does not decide the rounding. */
static bool scale_by_product(uint64_t digits, int exponent, double *value) {
    uint64_t bits = 0;
    if (exponent < POWER_LOWEST) {
        *value = 0;
        return true;
    }
    if (exponent > POWER_HIGHEST) {
        *value = INFINITY;
        return true;
    }
    int zeros = __builtin_clzll(digits);
    uint64_t aligned = digits << zeros;
    Power power = powers_of_five[exponent - POWER_LOWEST];
    Power product = multiply(aligned, power.high);
    if ((product.high & 0x1ff) == 0x1ff) { /* what is below might carry into the 55 bits needed */
        Power rest = multiply(aligned, power.low);
        product.low += rest.high;
        product.high += product.low < rest.high;
    }
    if (product.low == UINT64_MAX && (exponent < -27 || exponent > 55)) {
        return false;
    }
    int top = (int)(product.high >> 63);
    uint64_t significand = product.high >> (top + 9); /* 53 bits and one to round by */
    int binary = ((217706 * exponent) >> 16) + 63 + top - zeros + 1023;
    if (binary <= 0) {
        if (binary <= -63) {
            *value = 0;
            return true;
        }
        significand >>= 1 - binary; /* subnormal: no tie is possible */
        significand = (significand + (significand & 1)) >> 1;
        bits = significand; /* a carry makes the least normal number by itself */
    } else {
        bool tie = product.low <= 1 && exponent >= -4 && exponent <= 23 && (significand & 3) == 1 &&
                   significand << (top + 9) == product.high;
        significand = (significand + ((significand & 1) && !tie)) >> 1;
        binary += (int)(significand >> 53);
        significand >>= significand >> 53;
        bits = (uint64_t)binary << 52 | (significand & 0xfffffffffffff);
        bits = binary >= 2047 ? (uint64_t)2047 << 52 : bits;
    }
    memcpy(value, &bits, sizeof bits);
    return true;
}

/* Where double arithmetic rounds once. */
static inline bool scale_exactly(uint64_t digits, int exponent, double *value) {
#if FLT_EVAL_METHOD == 0
    if (digits >> 53 == 0 && exponent >= -EXACT_POWER && exponent <= EXACT_POWER) {
        *value =
            exponent < 0 ? (double)digits / powers[-exponent] : (double)digits * powers[exponent];
        return true;
    }
#endif
    return false;
}

/* The nearest double; infinite if it is too large. False: undecided. */
static bool scale(uint64_t digits, int exponent, double *value) {
    if (digits == 0) {
        *value = 0;
        return true;
    }
    return scale_exactly(digits, exponent, value) || scale_by_product(digits, exponent, value);
}

/* More than 19 digits, of text … stop: the first 19 and their successor often have one nearest
 * double. `exponent`: of the last digit. */
static bool scale_many(const char *text, const char *stop, int exponent, double *value) {
    uint64_t digits = 0;
    int kept = 0;
    int dropped = 0;
    bool exact = true;
    for (const char *p = text; p < stop && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.' || (digits == 0 && *p == '0')) {
            continue;
        }
        if (kept < 19) {
            digits = digits * 10 + (uint64_t)(*p - '0');
            kept++;
        } else {
            exact &= *p == '0';
            dropped++;
        }
    }
    double above;
    if (dropped > DIGITS_KEPT || exponent < -900 || !scale(digits, exponent + dropped, value)) {
        return false;
    }
    return exact ||
           (digits && scale_by_product(digits + 1, exponent + dropped, &above) && above == *value);
}

/* The general case: text is [digits][.digits][e[sign]digits], already checked. */
static NumberStatus read_slowly(const char *text, const char *stop, double *value) {
    char copy[DIGITS_KEPT + 40];
    size_t kept = 0;
    long exponent = 0;
    bool point = false;
    bool sticky = false;
    copy[kept++] = '0';
    copy[kept++] = '.';
    const char *p = text;
    for (; p < stop && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        if (kept == 2 && *p == '0') {
            exponent -= point;
            continue;
        }
        if (kept < DIGITS_KEPT) {
            copy[kept++] = *p;
        } else {
            sticky |= *p != '0';
        }
        exponent += !point;
    }
    if (sticky) {
        copy[kept++] = '1';
    }
    if (p < stop) {
        bool negative = *++p == '-';
        p += *p == '-' || *p == '+';
        long written = 0;
        for (; p < stop; p++) {
            written = written < EXPONENT_LIMIT * 10000L ? written * 10 + (*p - '0') : written;
        }
        exponent += negative ? -written : written;
    }
    if (kept == 2) {
        *value = 0;
        return NUMBER_OK;
    }
    exponent = exponent > EXPONENT_LIMIT ? EXPONENT_LIMIT : exponent;
    exponent = exponent < -EXPONENT_LIMIT ? -EXPONENT_LIMIT : exponent;
    snprintf(copy + kept, sizeof copy - kept, "e%ld", exponent);
    *value = strtod(copy, NULL);
    return isinf(*value) ? NUMBER_OVERFLOW : NUMBER_OK;
}

/* `digits`: 0 where they are more than 19. */
static __attribute__((noinline)) NumberStatus
scale_otherwise(const char *text, const char *stop, uint64_t digits, int exponent, double *value) {
    if (digits ? scale(digits, exponent, value) : scale_many(text, stop, exponent, value)) {
        return isinf(*value) ? NUMBER_OVERFLOW : NUMBER_OK;
    }
    return read_slowly(text, stop, value);
}

/* ---- the digits ---- */

/* Eight characters less '0', the first in the lowest byte. */
static inline uint64_t eight_at(const char *p) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x ^ UINT64_C(0x3030303030303030);
}

/* The number of eight digits, the first in the lowest byte. */
static inline uint64_t value_of_eight(uint64_t x) {
    const uint64_t mask = UINT64_C(0x000000ff000000ff);
    x = x * 10 + (x >> 8);
    return (((x & mask) * UINT64_C(0x000f424000000064)) +
            (((x >> 16) & mask) * UINT64_C(0x0000271000000001))) >>
           32;
}

/* Eight at a time; reads up to eight characters beyond the last digit. */
static inline const char *digits_by_eight(const char *p, uint64_t *digits) {
    static const uint32_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
    for (;; p += 8) {
        uint64_t x = eight_at(p);
        uint64_t other = ((x + UINT64_C(0x7676767676767676)) | x) & UINT64_C(0x8080808080808080);
        if (other) {
            unsigned count = (unsigned)__builtin_ctzll(other) >> 3;
            *digits =
                *digits * tens[count] + value_of_eight((x << 8) << (56 - 8 * (uint64_t)count));
            return p + count;
        }
        *digits = *digits * 100000000 + value_of_eight(x);
    }
}

static inline const char *digits_one_by_one(const char *p, uint64_t *digits) {
    while (is_digit(*p)) {
        *digits = *digits * 10 + (uint64_t)(*p++ - '0');
    }
    return p;
}

static inline __attribute__((always_inline)) NumberStatus scan(const char *text, double *value,
                                                               const char **stop, bool padded) {
    const char *p = text;
    bool negative = *p == '-';
    p += *p == '-' || *p == '+';
    const char *start = p;
    uint64_t digits = 0;
    if (padded) { /* few digits before the point are the rule */
        for (int i = 0; i < 3 && is_digit(*p); i++) {
            digits = digits * 10 + (uint64_t)(*p++ - '0');
        }
    }
    if (is_digit(*p)) {
        p = padded ? digits_by_eight(p, &digits) : digits_one_by_one(p, &digits);
    }
    size_t count = (size_t)(p - start);
    int exponent = 0;
    if (*p == '.') {
        const char *point = ++p;
        p = padded ? digits_by_eight(p, &digits) : digits_one_by_one(p, &digits);
        count += (size_t)(p - point);
        exponent = p - point > 1000 ? -1000000 : -(int)(p - point);
    }
    *stop = text;
    if (count == 0) {
        return NUMBER_BAD;
    }
    if (*p == 'e' || *p == 'E') {
        const char *e = p + 1;
        bool down = *e == '-';
        e += *e == '-' || *e == '+';
        if (!is_digit(*e)) {
            return NUMBER_BAD;
        }
        int written = 0;
        for (p = e; is_digit(*p); p++) {
            written = written < 10000 ? written * 10 + (*p - '0') : written;
        }
        exponent += down ? -written : written;
    }
    *stop = p;
    NumberStatus status = NUMBER_OK;
    if (count > 19 || !scale_exactly(digits, exponent, value)) {
        status = scale_otherwise(start, p, count > 19 ? 0 : digits, exponent, value);
    }
    uint64_t bits;
    memcpy(&bits, value, sizeof bits);
    bits |= (uint64_t)negative << 63; /* without a jump: signs are not to be foreseen */
    memcpy(value, &bits, sizeof bits);
    return status;
}

NumberStatus number_scan(const char *text, const char *end, double *value, const char **stop) {
    (void)end;
    return scan(text, value, stop, false);
}

NumberStatus number_scan_padded(const char *text, double *value, const char **stop) {
    return scan(text, value, stop, true);
}

NumberStatus number_read(const char *text, const char *end, double *value) {
    while (text < end && (*text == ' ' || *text == '\t')) {
        text++;
    }
    while (end > text && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    const char *stop;
    NumberStatus status = number_scan(text, end, value, &stop);
    return stop == end && end > text ? status : NUMBER_BAD;
}

bool number_read_text(const char *text, double *value) {
    return number_read(text, text + strlen(text), value) == NUMBER_OK;
}

bool integer_read_text(const char *text, int64_t *value) {
    bool negative = *text == '-';
    const char *p = text + (negative || *text == '+');
    int64_t n = 0;
    if (!is_digit(*p)) {
        return false;
    }
    for (; is_digit(*p); p++) {
        if (n > (INT64_MAX - 9) / 10) {
            return false;
        }
        n = n * 10 + (*p - '0');
    }
    *value = negative ? -n : n;
    return *p == 0;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool same_word(const char *text, size_t length, const char *word) {
    size_t i = 0;
    while (i < length && word[i] && lower(text[i]) == word[i]) {
        i++;
    }
    return i == length && word[i] == 0;
}

bool number_read_nonfinite(const char *text, size_t length, double *value) {
    bool negative = length && *text == '-';
    size_t skip = length && (*text == '-' || *text == '+');
    text += skip;
    length -= skip;
    if (same_word(text, length, "nan")) {
        *value = NAN;
        return true;
    }
    if (same_word(text, length, "inf") || same_word(text, length, "infinity")) {
        *value = negative ? -INFINITY : INFINITY;
        return true;
    }
    return false;
}

/* ---- complaints ---- */

static bool contains(const char *text, size_t length, const char *part) {
    size_t n = strlen(part);
    for (size_t i = 0; i + n <= length; i++) {
        if (memcmp(text + i, part, n) == 0) {
            return true;
        }
    }
    return false;
}

bool number_is_missing(const char *text, size_t length) {
    static const char *const words[] = {"na",      "n/a", "null",    "none",   "?",
                                        "-",       ".",   "nil",     "#n/a",   "<na>",
                                        "missing", "--",  "#value!", "#div/0!"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (same_word(text, length, words[i])) {
            return true;
        }
    }
    return false;
}

/* Two or more of - / : between digits. */
static bool is_date(const char *text, size_t length) {
    size_t marks = 0;
    for (size_t i = 1; i + 1 < length; i++) {
        bool mark = text[i] == '-' || text[i] == '/' || text[i] == ':';
        marks += mark && is_digit(text[i - 1]) && is_digit(text[i + 1]);
    }
    return marks > 0 && is_digit(text[0]);
}

static bool is_fortran(const char *text, size_t length) {
    for (size_t i = 1; i + 1 < length; i++) {
        if ((text[i] == 'd' || text[i] == 'D') && (is_digit(text[i - 1]) || text[i - 1] == '.')) {
            char after = text[i + 1];
            return is_digit(after) || after == '+' || after == '-';
        }
    }
    return false;
}

static bool is_hex(const char *text, size_t length) {
    size_t skip = length && (*text == '-' || *text == '+');
    return length > skip + 1 && text[skip] == '0' && lower(text[skip + 1]) == 'x';
}

static bool is_open_exponent(const char *text, size_t length) {
    while (length && (text[length - 1] == '+' || text[length - 1] == '-')) {
        length--;
    }
    return length > 1 && lower(text[length - 1]) == 'e' &&
           (is_digit(text[length - 2]) || text[length - 2] == '.');
}

typedef struct {
    const char *part, *complaint;
} Complaint;

static const Complaint complaints[] = {
    {"\xE2\x88\x92", "has a typographic minus sign; write `-`"},
    {"\xE2\x80\x93", "has a dash; write `-`"},
    {"\xC2\xA0", "has a no-break space"},
    {"\xE2\x80\xAF", "has a no-break space"},
    {"\xEF\xBB\xBF", "has a byte-order mark inside"},
    {"#INF", "is not finite"},
    {"#IND", "is not finite"},
    {"#QNAN", "is not finite"},
    {"%", "is a percentage; write it as a plain number"},
    {"$", "is an amount of money; write it as a plain number"},
    {"\xE2\x82\xAC", "is an amount of money; write it as a plain number"},
    {"\xC2\xA3", "is an amount of money; write it as a plain number"},
    {"\xC2\xA5", "is an amount of money; write it as a plain number"},
    {";", "is no number; a file with `;` between its fields needs --delimiter=';'"},
    {"\t", "is no number; a file with tabs between its fields needs --delimiter=tab"},
    {"\r", "has a carriage return without a line feed"},
    {",", "has a comma; write numbers without separators and with a decimal point"},
};

const char *number_complaint(const char *text, size_t length) {
    double ignored;
    while (length && (*text == ' ' || *text == '\t')) {
        text++;
        length--;
    }
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t')) {
        length--;
    }
    if (length == 0) {
        return "is empty";
    }
    if (memchr(text, 0, length)) {
        return "has a zero byte; this is no text file";
    }
    if (number_is_missing(text, length)) {
        return "is a missing value; leave out such rows or fill them in";
    }
    if (number_read_nonfinite(text, length, &ignored)) {
        return "is not finite; --allow-nonfinite lets it pass";
    }
    for (size_t i = 0; i < sizeof complaints / sizeof *complaints; i++) {
        if (contains(text, length, complaints[i].part)) {
            return complaints[i].complaint;
        }
    }
    if (is_hex(text, length)) {
        return "is hexadecimal; write it in decimal";
    }
    if (is_date(text, length)) {
        return "is a date or a time, not a number";
    }
    if (is_fortran(text, length)) {
        return "has a Fortran exponent; write `e` for `D`";
    }
    if (is_open_exponent(text, length)) {
        return "has an exponent without digits";
    }
    if (memchr(text, ' ', length)) {
        return "is no number (a blank inside)";
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] >= 0x80) {
            return "is no number (characters that are not ASCII)";
        }
    }
    return "is no number";
}

bool number_could_be_name(const char *text, size_t length) {
    double ignored;
    static const char *const marks[] = {
        "\xE2\x88\x92", "\xE2\x80\x93", "\xC2\xA0", "\xE2\x82\xAC",
        "\xC2\xA3",     "\xC2\xA5",     "\xEF\xBC"}; /* full-width digits */
    while (length && *text == ' ') {
        text++;
        length--;
    }
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t n = strlen(marks[i]);
        if (length >= n && memcmp(text, marks[i], n) == 0) {
            return false;
        }
    }
    return length && !is_digit(*text) && !strchr("+-.$", *text) &&
           !number_is_missing(text, length) && !number_read_nonfinite(text, length, &ignored);
}

/* ---- writing ---- */

size_t number_write(char text[NUMBER_SIZE], double value, bool real) {
    if (!isfinite(value)) {
        strcpy(text, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return strlen(text);
    }
    /* 15 digits that read back are the shortest of a normal number, once their zeros are off; the
     * few digits of a subnormal number have to be searched for. */
    int digits = fabs(value) < DBL_MIN ? 1 : 15;
    for (; digits <= 17; digits++) {
        snprintf(text, NUMBER_SIZE, "%.*g", digits, value);
        if (digits == 17 || strtod(text, NULL) == value) {
            break;
        }
    }
    size_t length = strlen(text);
    if (real && !strpbrk(text, ".e")) {
        memcpy(text + length, ".0", 3);
        length += 2;
    }
    return length;
}
