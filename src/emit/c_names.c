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
    "dgetrf_",
    "dgetrs_",
    "digamma",
    "do",
    "double",
    "dpotrf_",
    "dpotri_",
    "dpotrs_",
    "dtrtrs_",
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
    "frexp",
    "friend",
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
    "matrix_cholesky",
    "matrix_fail",
    "matrix_inverse",
    "matrix_lu",
    "matrix_solve",
    "matrix_symmetric",
    "matrix_triangular",
    "max_align_t",
    "maximum",
    "memcpy",
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
    "random_uniform_f32",
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
    "sgetrf_",
    "sgetrs_",
    "short",
    "sign",
    "signbit",
    "signed",
    "sin",
    "sinh",
    "size_t",
    "sizeof",
    "spotrf_",
    "spotri_",
    "spotrs_",
    "sqrt",
    "square",
    "static",
    "static_assert",
    "static_cast",
    "strtrs_",
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

/* sinf, expf, … */
static bool is_float_function(const char *name) {
    const size_t length = strlen(name);
    for (size_t k = 0; k < BI_COUNT && length > 1 && name[length - 1] == 'f'; k++) {
        const char *c = builtins[k].c;
        if (c && strlen(c) == length - 1 && strncmp(c, name, length - 1) == 0) {
            return true;
        }
    }
    return false;
}

const char *c_legal(Arena *arena, const char *name) {
    return is_taken(name) || is_float_function(name) ? arena_format(arena, "%s_", name) : name;
}

/* ---- names of one function: distinct where they are seen ------------------------------------- */

/* The names in scope: a hash table whose entries are switched off at the end of their block. */
typedef struct {
    const char *name;
    bool active;
} NameEntry;

typedef struct {
    Arena *arena;
    NameEntry *table;
    size_t capacity; /* a power of two, more than twice the number of names */
    NameEntry **stack;
    size_t depth;
} Scope;

static NameEntry *scope_entry(const Scope *scope, const char *name) {
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *c = name; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    }
    size_t at = (size_t)hash & (scope->capacity - 1);
    while (scope->table[at].name && strcmp(scope->table[at].name, name) != 0) {
        at = (at + 1) & (scope->capacity - 1);
    }
    return &scope->table[at];
}

static void scope_create(Scope *scope, Arena *arena, size_t names) {
    *scope = (Scope){.arena = arena, .capacity = 64};
    while (scope->capacity < 4 * names) {
        scope->capacity *= 2;
    }
    scope->table = arena_array(arena, NameEntry, scope->capacity);
    scope->stack = arena_array(arena, NameEntry *, names + 1);
}

/* `name`, changed as little as makes it new here; in scope from now on. */
static const char *scope_new(Scope *scope, const char *name) {
    name = c_legal(scope->arena, name);
    NameEntry *entry = scope_entry(scope, name);
    while (entry->active) {
        name = arena_format(scope->arena, "%s_", name);
        entry = scope_entry(scope, name);
    }
    *entry = (NameEntry){name, true};
    scope->stack[scope->depth++] = entry;
    return name;
}

static void scope_leave(Scope *scope, size_t depth) {
    while (scope->depth > depth) {
        scope->stack[--scope->depth]->active = false;
    }
}

static bool is_whole_argument(const LoopProgram *program, const LoopBuffer *buffer) {
    return buffer->place != BUFFER_LOCAL && !buffer->offset &&
           strcmp(buffer->name, program->args[buffer->arg].name) == 0;
}

static size_t count_statements(const LoopStmt *statement) {
    size_t count = 0;
    for (; statement; statement = statement->next) {
        count += 1 + count_statements(statement->body);
    }
    return count;
}

/* Locals get their names where they are declared; siblings in different blocks may share one. */
static void name_locals(Scope *scope, const LoopProgram *program, const Uses *uses, CNames *names,
                        const LoopStmt *statement) {
    for (; statement; statement = statement->next) {
        bool declares = statement->kind == LS_LET || statement->kind == LS_DECLARE;
        size_t depth = scope->depth;
        if (statement_is_dead(uses, statement)) {
            continue;
        }
        if (statement->kind == LS_ZERO) {
            names->zeros[names->zero_count++] = scope_new(scope, "k");
            scope_leave(scope, depth);
        }
        if ((declares || statement->kind == LS_FOR) && !names->vars[statement->var]) {
            names->vars[statement->var] = scope_new(scope, program->vars[statement->var].name);
        }
        if (statement->body) {
            name_locals(scope, program, uses, names, statement->body);
        }
        if (!declares) {
            scope_leave(scope, depth);
        }
    }
}

CNames c_names(Arena *arena, const LoopProgram *program, const Uses *uses) {
    size_t args = program->arg_count;
    size_t statements = count_statements(program->body);
    Scope scope;
    scope_create(&scope, arena, 2 * args + program->buffer_count + statements + 1);
    CNames names = {
        .args = arena_array(arena, const char *, args + 1),
        .formals = arena_array(arena, const char *, args + 1),
        .vars = arena_array(arena, const char *, program->var_count + 1),
        .buffers = arena_array(arena, const char *, program->buffer_count + 1),
        .zeros = arena_array(arena, const char *, statements + 1),
    };
    for (size_t k = 0; k < args; k++) {
        names.args[k] = names.formals[k] = scope_new(&scope, program->args[k].name);
    }
    for (size_t k = 0; k < args; k++) {
        if (program->args[k].type == C_SIZE && uses->arg_used[k]) {
            names.formals[k] = scope_new(&scope, arena_format(arena, "%s_size", names.args[k]));
        }
    }
    for (size_t k = 0; k < program->buffer_count; k++) {
        const LoopBuffer *buffer = &program->buffers[k];
        names.buffers[k] = is_whole_argument(program, buffer) ? names.args[buffer->arg]
                                                              : scope_new(&scope, buffer->name);
    }
    name_locals(&scope, program, uses, &names, program->body);
    names.zero_count = 0; /* the printer takes them in the same order */
    return names;
}

const char *c_formal(Arena *arena, Precision precision, CType type, const char *name,
                     const char *restrict_word) {
    const char *real = precisions[precision].c;
    switch (type) {
    case C_REAL:
        return arena_format(arena, "%s %s", real, name);
    case C_INT64:
        return arena_format(arena, "int64_t %s", name);
    case C_SIZE:
        return arena_format(arena, "size_t %s", name);
    case C_UINT64:
        return arena_format(arena, "uint64_t %s", name);
    case C_CONST_REAL_PTR:
        return arena_format(arena, "const %s *%s%s", real, restrict_word, name);
    case C_REAL_PTR:
        return arena_format(arena, "%s *%s%s", real, restrict_word, name);
    case C_CONST_INT64_PTR:
        return arena_format(arena, "const int64_t *%s%s", restrict_word, name);
    case C_CONST_SIZE_PTR:
        return arena_format(arena, "const size_t *%s%s", restrict_word, name);
    }
    ice("emit", "an argument of no type");
}
