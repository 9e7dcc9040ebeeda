/* cname.c: a name of the model as a C identifier: Greek letters by name, other letters as u and
 * their code point, subscript digits as digits. */
#include "loop/loop.h"

#include <string.h>

static const char *const greek[] = {
    "alpha", "beta",   "gamma",   "delta", "epsilon", "zeta",    "eta",   "theta", "iota",
    "kappa", "lambda", "mu",      "nu",    "xi",      "omicron", "pi",    "rho",   "sigma",
    "sigma", "tau",    "upsilon", "phi",   "chi",     "psi",     "omega",
};

static const char *const taken[] = {
    "auto",     "break",   "case",   "char",     "const",    "continue", "default",   "do",
    "double",   "else",    "enum",   "extern",   "float",    "for",      "goto",      "if",
    "inline",   "int",     "long",   "register", "restrict", "return",   "short",     "signed",
    "sizeof",   "static",  "struct", "switch",   "typedef",  "union",    "unsigned",  "void",
    "volatile", "while",   "class",  "delete",   "new",      "private",  "protected", "public",
    "template", "this",    "throw",  "try",      "catch",    "virtual",  "operator",  "namespace",
    "friend",   "using",   "bool",   "true",     "false",    "asm",      "typename",  "explicit",
    "mutable",  "export",  "j0",     "j1",       "jn",       "y0",       "y1",        "yn",
    "gamma",    "signgam", "main",   "NULL",     "NAN",      "INFINITY",
};

static uint32_t next_point(const char **text) {
    const unsigned char *s = (const unsigned char *)*text;
    unsigned more = s[0] >= 0xF0 ? 3 : s[0] >= 0xE0 ? 2 : s[0] >= 0xC0 ? 1 : 0;
    uint32_t point = more == 0 ? s[0] : s[0] & (0x3FU >> more);
    unsigned used = 1;
    while (used <= more && (s[used] & 0xC0U) == 0x80U) {
        point = point << 6 | (s[used++] & 0x3FU);
    }
    *text += used;
    return point;
}

static void add_point(Text *text, uint32_t point) {
    if (point < 0x80) {
        char c = (char)point;
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        text_add_bytes(text, word ? &c : "_", 1);
    } else if (point >= 0x3B1 && point <= 0x3C9) {
        text_add(text, greek[point - 0x3B1]);
    } else if (point >= 0x391 && point <= 0x3A9) {
        const char *name = greek[point - 0x391];
        char first = (char)(name[0] - 'a' + 'A');
        text_add_bytes(text, &first, 1);
        text_add(text, name + 1);
    } else if (point >= 0x2080 && point <= 0x2089) {
        char digit = (char)('0' + (point - 0x2080));
        text_add_bytes(text, &digit, 1);
    } else {
        text_format(text, "u%04x", (unsigned)point);
    }
}

const char *loop_c_name(Arena *arena, const char *name) {
    Text text;
    text_init(&text, arena);
    if (name[0] >= '0' && name[0] <= '9') {
        text_add(&text, "_");
    }
    while (*name) {
        add_point(&text, next_point(&name));
    }
    for (size_t k = 0; k < sizeof taken / sizeof *taken; k++) {
        if (strcmp(text.data, taken[k]) == 0) {
            text_add(&text, "_");
            return text.data;
        }
    }
    for (int f = 0; f < BI_COUNT; f++) {
        const char *c = builtins[f].c ? builtins[f].c : builtins[f].name;
        if (strcmp(text.data, c) == 0 || strcmp(text.data, builtins[f].name) == 0) {
            text_add(&text, "_");
            return text.data;
        }
    }
    return text.data;
}
