/* text.c: a growing string; numbers written and read without the locale. */
#include "base/base.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_init(Text *text, Arena *arena) {
    *text = (Text){.arena = arena, .data = arena_alloc(arena, 64), .capacity = 64};
}

/* Makes room for `more` bytes and the zero after them. */
static void reserve(Text *text, size_t more) {
    if (more < text->capacity - text->length) {
        return;
    }
    size_t capacity = text->capacity;
    while (capacity - text->length <= more) {
        capacity *= 2;
    }
    char *data = arena_alloc(text->arena, capacity);
    memcpy(data, text->data, text->length);
    text->data = data;
    text->capacity = capacity;
}

void text_add_bytes(Text *text, const char *bytes, size_t length) {
    if (length == 0) {
        return;
    }
    reserve(text, length);
    memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void text_add(Text *text, const char *string) {
    text_add_bytes(text, string, strlen(string));
}

static void format_args(Text *text, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length > 0) {
        reserve(text, (size_t)length);
        vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void text_format(Text *text, const char *format, ...) {
    va_list args;
    va_start(args, format);
    format_args(text, format, args);
    va_end(args);
}

void text_line(Text *text, const char *format, ...) {
    for (int i = 0; i < text->indent; i++) {
        text_add(text, "    ");
    }
    va_list args;
    va_start(args, format);
    format_args(text, format, args);
    va_end(args);
    text_add_bytes(text, "\n", 1);
}

/* The digits of `value` in `precision` places: a point whatever the locale, `1e20`, `1e-5`. */
static void print_number(char *out, size_t size, double value, int precision) {
    snprintf(out, size, "%.*g", precision, value);
    char *to = out;
    bool exponent = false;
    for (const char *from = out; *from != '\0'; from++) {
        if (*from == 'e') {
            exponent = true;
            *to++ = 'e';
            if (from[1] == '-') {
                *to++ = '-';
            }
            from++;
            while (from[1] == '0') {
                from++;
            }
        } else if (exponent || *from == '-' || (*from >= '0' && *from <= '9')) {
            *to++ = *from;
        } else if (to > out && to[-1] != '.') {
            *to++ = '.';
        }
    }
    *to = '\0';
}

void text_add_number(Text *text, double value, bool real) {
    if (isnan(value) || isinf(value)) {
        text_add(text, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return;
    }
    char out[64];
    /* Among normal numbers 15 digits are the first that can fail to be the shortest form. */
    for (int precision = fabs(value) < 1e-300 ? 1 : 15; precision <= 17; precision++) {
        print_number(out, sizeof out, value, precision);
        if (number_read(out, NULL) == value) {
            break;
        }
    }
    text_add(text, out);
    if (real && strpbrk(out, ".e") == NULL) {
        text_add(text, ".0");
    }
}

void text_add_float(Text *text, float value) {
    char out[64];
    for (int precision = 1; precision <= 9; precision++) {
        print_number(out, sizeof out, (double)value, precision);
        if ((float)number_read(out, NULL) == value) {
            break;
        }
    }
    text_add(text, out);
    text_add(text, strpbrk(out, ".e") == NULL ? ".0f" : "f");
}

static const char *skip_digits(const char *at) {
    while (*at >= '0' && *at <= '9') {
        at++;
    }
    return at;
}

/* Where the decimal number at `text` ends; `text` itself if there is none. */
static const char *number_end(const char *text) {
    const char *at = text + (*text == '-' || *text == '+');
    if (strncmp(at, "inf", 3) == 0 || strncmp(at, "nan", 3) == 0) {
        return at + 3;
    }
    const char *whole = skip_digits(at);
    size_t digits = (size_t)(whole - at);
    at = whole;
    if (*at == '.') {
        const char *fraction = skip_digits(at + 1);
        digits += (size_t)(fraction - at - 1);
        at = fraction;
    }
    if (digits == 0) {
        return text;
    }
    if (*at == 'e' || *at == 'E') {
        const char *exponent = at + 1 + (at[1] == '-' || at[1] == '+');
        if (*exponent >= '0' && *exponent <= '9') {
            at = skip_digits(exponent);
        }
    }
    return at;
}

double number_read(const char *text, const char **end) {
    const char *stop = number_end(text);
    size_t length = (size_t)(stop - text);
    if (end != NULL) {
        *end = stop;
    }
    if (length == 0) {
        return 0;
    }
    /* A copy, so that strtod sees neither `0x10` nor what follows the number. */
    char small[128];
    char *copy = length < sizeof small ? small : malloc(length + 1);
    if (copy == NULL) {
        fatal("out of memory");
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double value = locale == (locale_t)0 ? strtod(copy, NULL) : strtod_l(copy, NULL, locale);
    if (locale != (locale_t)0) {
        freelocale(locale);
    }
    if (copy != small) {
        free(copy);
    }
    return value;
}
