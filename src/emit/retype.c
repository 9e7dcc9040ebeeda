/* retype.c: what is written out for double (the C helpers, LLVM's text of matrix products and
 * linear algebra) for another precision: the same text with other words. */
#include "emit/emit_private.h"

#include <string.h>

static const struct {
    const char *f64, *f32;
} words[] = {
    {"double", "float"},      {"fabs", "fabsf"},        {"log", "logf"},
    {"dpotrf_", "spotrf_"},   {"dgetrf_", "sgetrf_"},   {"dgetrs_", "sgetrs_"},
    {"dtrtrs_", "strtrs_"},   {"dpotrs_", "spotrs_"},   {"dpotri_", "spotri_"},
    {"@dpotrf_", "@spotrf_"}, {"@dgetrf_", "@sgetrf_"}, {"@dgetrs_", "@sgetrs_"},
    {"@dtrtrs_", "@strtrs_"}, {"@dpotrs_", "@spotrs_"}, {"@dpotri_", "@spotri_"},
};

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '%' || c == '@';
}

static bool is_decimal(const char *word) {
    return word[0] >= '0' && word[0] <= '9' && strchr(word, '.') != NULL;
}

/* @llvm.log.f64, @llvm.vector.reduce.fadd.v8f64 */
static void add_intrinsic(Text *out, const char *word) {
    const size_t length = strlen(word);
    if (length > 3 && strcmp(word + length - 3, "f64") == 0) {
        text_add_bytes(out, word, length - 3);
        text_add(out, "f32");
    } else {
        text_add(out, word);
    }
}

static void add_word(Text *out, const char *word, const char *before, const char *suffix) {
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        if (strcmp(word, words[k].f64) == 0) {
            text_add(out, words[k].f32);
            return;
        }
    }
    if (strncmp(word, "@llvm.", 6) == 0) {
        add_intrinsic(out, word);
    } else if (strcmp(before, "align") == 0 && strcmp(word, "8") == 0) {
        text_add(out, "4");
    } else {
        text_add(out, word);
        text_add(out, is_decimal(word) ? suffix : "");
    }
}

const char *emit_retype(Arena *arena, const char *text, Precision precision, bool is_c) {
    if (precision == PRECISION_F64) {
        return text;
    }
    Text out;
    text_init(&out, arena);
    const char *before = "";
    while (*text) {
        size_t length = 0;
        while (is_word(text[length])) {
            length++;
        }
        if (length > 0) {
            const char *word = arena_copy(arena, text, length);
            add_word(&out, word, before, is_c ? precisions[precision].suffix : "");
            before = word;
        } else {
            text_add_bytes(&out, text, length = 1);
        }
        text += length;
    }
    return out.data;
}
