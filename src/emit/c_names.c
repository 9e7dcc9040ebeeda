/* c_names.c: the names of a function in the C source: the loop program's own, unless C, its headers
 * or our helpers have them already. */
#include "emit/c_private.h"

#include <string.h>

/* Words that mean something else in C99, in C++ (the header), or as functions and macros of the
 * headers that the source includes; sorted. */
static const char *const taken_words[] = {
    "FP_FAST_FMA",
    "FP_ILOGB0",
    "FP_ILOGBNAN",
    "FP_INFINITE",
    "FP_NAN",
    "FP_NORMAL",
    "FP_SUBNORMAL",
    "FP_ZERO",
    "HUGE_VAL",
    "INFINITY",
    "INT64_C",
    "INT64_MAX",
    "INT64_MIN",
    "MATH_ERREXCEPT",
    "MATH_ERRNO",
    "NAN",
    "NULL",
    "PTRDIFF_MAX",
    "PTRDIFF_MIN",
    "SIZE_MAX",
    "UINT64_C",
    "UINT64_MAX",
    "acos",
    "acosh",
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "asin",
    "asinh",
    "asm",
    "atan",
    "atan2",
    "atanh",
    "auto",
    "bitand",
    "bitor",
    "bool",
    "break",
    "case",
    "catch",
    "cbrt",
    "ceil",
    "char",
    "class",
    "compl",
    "concept",
    "const",
    "const_cast",
    "constexpr",
    "continue",
    "copysign",
    "cos",
    "cosh",
    "decltype",
    "default",
    "delete",
    "digamma",
    "do",
    "double",
    "dynamic_cast",
    "else",
    "enum",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "explicit",
    "expm1",
    "export",
    "extern",
    "fabs",
    "false",
    "fdim",
    "float",
    "floor",
    "floor_div",
    "floor_mod",
    "fma",
    "fmax",
    "fmin",
    "fmod",
    "for",
    "fpclassify",
    "friend",
    "frexp",
    "goto",
    "hypot",
    "if",
    "ilogb",
    "inline",
    "int",
    "int16_t",
    "int32_t",
    "int64_t",
    "int8_t",
    "int_abs",
    "int_maximum",
    "int_minimum",
    "int_sign",
    "int_square",
    "isfinite",
    "isgreater",
    "isinf",
    "isless",
    "isnan",
    "isnormal",
    "isunordered",
    "ldexp",
    "lgamma",
    "linux",
    "llrint",
    "llround",
    "log",
    "log10",
    "log1p",
    "log2",
    "logb",
    "long",
    "lrint",
    "lround",
    "main",
    "max_align_t",
    "maximum",
    "minimum",
    "modf",
    "mutable",
    "namespace",
    "nan",
    "nearbyint",
    "new",
    "nextafter",
    "nexttoward",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "offsetof",
    "operator",
    "or",
    "or_eq",
    "pow",
    "private",
    "protected",
    "ptrdiff_t",
    "public",
    "random_uniform",
    "register",
    "reinterpret_cast",
    "remainder",
    "remquo",
    "requires",
    "restrict",
    "return",
    "rint",
    "round",
    "scalbln",
    "scalbn",
    "short",
    "sign",
    "signbit",
    "signed",
    "sin",
    "sinh",
    "size_t",
    "sizeof",
    "sqrt",
    "square",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "switch",
    "tan",
    "tanh",
    "template",
    "tgamma",
    "this",
    "thread_local",
    "throw",
    "true",
    "trunc",
    "try",
    "typedef",
    "typeid",
    "typename",
    "uint16_t",
    "uint32_t",
    "uint64_t",
    "uint8_t",
    "union",
    "unix",
    "unsigned",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "while",
    "xor",
    "xor_eq",
};

static bool is_taken(const char *name) {
    size_t low = 0;
    size_t high = sizeof taken_words / sizeof taken_words[0];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, taken_words[middle]);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return false;
}

const char *c_legal(Arena *arena, const char *name) {
    return is_taken(name) ? arena_format(arena, "%s_", name) : name;
}

/* ---- names of one function, all distinct ----------------------------------------------------- */

typedef struct {
    Arena *arena;
    const char **names;
    size_t count;
} NameSet;

static bool set_has(const NameSet *set, const char *name) {
    for (size_t k = 0; k < set->count; k++) {
        if (strcmp(set->names[k], name) == 0) {
            return true;
        }
    }
    return false;
}

static const char *set_new(NameSet *set, const char *name) {
    name = c_legal(set->arena, name);
    while (set_has(set, name)) {
        name = arena_format(set->arena, "%s_", name);
    }
    set->names[set->count++] = name;
    return name;
}

static bool is_whole_argument(const LoopProgram *program, const LoopBuffer *buffer) {
    return buffer->place != BUFFER_LOCAL && !buffer->offset &&
           strcmp(buffer->name, program->args[buffer->arg].name) == 0;
}

CNames c_names(Arena *arena, const LoopProgram *program, const Uses *uses) {
    size_t args = program->arg_count;
    NameSet set = {.arena = arena};
    set.names =
        arena_array(arena, const char *, 2 * args + program->var_count + program->buffer_count + 1);
    CNames names = {
        .args = arena_array(arena, const char *, args + 1),
        .formals = arena_array(arena, const char *, args + 1),
        .vars = arena_array(arena, const char *, program->var_count + 1),
        .buffers = arena_array(arena, const char *, program->buffer_count + 1),
    };
    for (size_t k = 0; k < args; k++) {
        names.args[k] = names.formals[k] = set_new(&set, program->args[k].name);
    }
    for (size_t k = 0; k < args; k++) {
        if (program->args[k].type == C_SIZE && uses->arg_used[k]) {
            names.formals[k] = set_new(&set, arena_format(arena, "%s_size", names.args[k]));
        }
    }
    for (size_t k = 0; k < program->buffer_count; k++) {
        const LoopBuffer *buffer = &program->buffers[k];
        names.buffers[k] = is_whole_argument(program, buffer) ? names.args[buffer->arg]
                                                              : set_new(&set, buffer->name);
    }
    for (size_t k = 0; k < program->var_count; k++) {
        names.vars[k] = set_new(&set, program->vars[k].name);
    }
    names.zero = set_new(&set, "k");
    return names;
}

const char *c_formal(Arena *arena, CType type, const char *name, const char *restrict_word) {
    switch (type) {
    case C_DOUBLE:
        return arena_format(arena, "double %s", name);
    case C_INT64:
        return arena_format(arena, "int64_t %s", name);
    case C_SIZE:
        return arena_format(arena, "size_t %s", name);
    case C_UINT64:
        return arena_format(arena, "uint64_t %s", name);
    case C_CONST_DOUBLE_PTR:
        return arena_format(arena, "const double *%s%s", restrict_word, name);
    case C_DOUBLE_PTR:
        return arena_format(arena, "double *%s%s", restrict_word, name);
    case C_CONST_INT64_PTR:
        return arena_format(arena, "const int64_t *%s%s", restrict_word, name);
    }
    ice("emit", "an argument of no type");
}
