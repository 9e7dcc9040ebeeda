/* emit_run.c: hand-written loop programs that cover every statement and expression: the C source
 * (gcc and clang, -O0 and -O2, without a warning), the object (-O0, -O3) and the JIT agree with one
 * another and with plain C written here. */
#include "emit_build.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIZE = 21 };

static int failures;
static char folder[] = "/tmp/gradc-emit-XXXXXX";

/* ---- the programs ------------------------------------------------------------------------------
 */

/* Σ (theta·x − s)², out = 2 (theta·x − s) x: loops, accumulators, stores. */
static LoopProgram *linear(Arena *arena) {
    Build build = begin(arena, "t_linear");
    Build *b = &build;
    VarId r = declare(b, "r", C1(b, BI_neg, A(b, ARG_S)));
    VarId j = loop(b, "j", N(b, 0), A(b, ARG_D), LOOP_INDEPENDENT | LOOP_REDUCES);
    sum_into(b, r, C2(b, BI_mul, L(b, B_P, V(b, j)), L(b, B_X, V(b, j))));
    shut(b);
    VarId twice = let(b, "twice", C2(b, BI_mul, R(b, 2), V(b, r)));
    VarId k = loop(b, "j", N(b, 0), A(b, ARG_D), LOOP_INDEPENDENT);
    store(b, LS_STORE, B_OUT, V(b, k), C2(b, BI_mul, V(b, twice), L(b, B_X, V(b, k))));
    shut(b);
    finish(b, C1(b, BI_square, V(b, r)));
    return b->program;
}

/* Every operator and helper on reals, of x[0], x[1], s. */
static LoopProgram *arithmetic(Arena *arena) {
    Build build = begin(arena, "t_arithmetic");
    Build *b = &build;
    const LoopExpr *x = L(b, B_X, N(b, 0));
    const LoopExpr *y = L(b, B_X, N(b, 1));
    const LoopExpr *s = A(b, ARG_S);
    static const BuiltinId two[] = {BI_add,     BI_sub, BI_mul,   BI_div,   BI_maximum,
                                    BI_minimum, BI_pow, BI_hypot, BI_atan2, BI_fmod};
    static const BuiltinId one[] = {BI_neg,  BI_square, BI_abs,   BI_exp,    BI_log,  BI_log1p,
                                    BI_tanh, BI_sqrt,   BI_floor, BI_lgamma, BI_erf,  BI_sign,
                                    BI_cbrt, BI_round,  BI_trunc, BI_sin,    BI_exp2, BI_expm1};
    int64_t n = 0;
    for (size_t k = 0; k < sizeof two / sizeof two[0]; k++) {
        const LoopExpr *abs_x = C1(b, BI_abs, x);
        store(b, LS_STORE, B_OUT, N(b, n++), C2(b, two[k], two[k] == BI_pow ? abs_x : x, y));
    }
    for (size_t k = 0; k < sizeof one / sizeof one[0]; k++) {
        bool positive = one[k] == BI_log || one[k] == BI_sqrt || one[k] == BI_log1p;
        store(b, LS_STORE, B_OUT, N(b, n++), C1(b, one[k], positive ? C1(b, BI_abs, x) : x));
    }
    /* grouping must be kept: a − (b − c), a / (b · c), −(a + b), (−a)², −(−a) */
    store(b, LS_STORE, B_OUT, N(b, n++), C2(b, BI_sub, x, C2(b, BI_sub, y, s)));
    store(b, LS_STORE, B_OUT, N(b, n++), C2(b, BI_add, x, C2(b, BI_add, y, s)));
    store(b, LS_STORE, B_OUT, N(b, n++), C2(b, BI_div, x, C2(b, BI_mul, y, s)));
    store(b, LS_STORE, B_OUT, N(b, n++), C1(b, BI_neg, C2(b, BI_add, x, y)));
    store(b, LS_STORE, B_OUT, N(b, n++), C1(b, BI_square, C1(b, BI_neg, s)));
    store(b, LS_STORE, B_OUT, N(b, n++), C1(b, BI_neg, C1(b, BI_neg, s)));
    store(b, LS_STORE, B_OUT, N(b, n++), C1(b, BI_neg, R(b, -2.5)));
    store(b, LS_STORE, B_OUT, N(b, n++), C2(b, BI_sub, x, R(b, -1e-300)));
    store(b, LS_STORE, B_OUT, N(b, n++), R(b, (double)INFINITY));
    store(b, LS_STORE, B_OUT, N(b, n++), R(b, -(double)INFINITY));
    store(b, LS_STORE, B_OUT, N(b, n++), R(b, -0.0));
    store(b, LS_STORE_ADD, B_OUT, N(b, 0), C1(b, BI_neg, s));
    VarId eleven = let(b, "exp", x); /* a name that C has */
    VarId nobody = let(b, "nobody", y);
    VarId never = declare(b, "never", V(b, nobody));
    sum_into(b, never, x);
    finish(b, C2(b, BI_mul, V(b, eleven), R(b, 0.1)));
    return b->program;
}

/* Whole numbers of c and y[0], comparisons, choices. */
static LoopProgram *whole(Arena *arena) {
    Build build = begin(arena, "t_whole");
    Build *b = &build;
    const LoopExpr *m = A(b, ARG_C);
    const LoopExpr *n = L(b, B_Y, N(b, 0));
    const LoopExpr *x = L(b, B_X, N(b, 0));
    const LoopExpr *y = L(b, B_X, N(b, 1));
    static const BuiltinId two[] = {BI_add, BI_sub,     BI_mul,    BI_floordiv,
                                    BI_mod, BI_maximum, BI_minimum};
    static const BuiltinId one[] = {BI_neg, BI_abs, BI_sign, BI_square};
    static const BuiltinId compare[] = {BI_eq, BI_ne, BI_lt, BI_le};
    int64_t slot = 0;
    for (size_t k = 0; k < sizeof two / sizeof two[0]; k++) {
        store(b, LS_STORE, B_OUT, N(b, slot++), real(b, C2(b, two[k], m, n)));
    }
    for (size_t k = 0; k < sizeof one / sizeof one[0]; k++) {
        store(b, LS_STORE, B_OUT, N(b, slot++), real(b, C1(b, one[k], n)));
    }
    for (size_t k = 0; k < sizeof compare / sizeof compare[0]; k++) {
        store(b, LS_STORE, B_OUT, N(b, slot++), real(b, C2(b, compare[k], m, n)));
        store(b, LS_STORE, B_OUT, N(b, slot++), real(b, C2(b, compare[k], x, y)));
    }
    const LoopExpr *p = C2(b, BI_lt, x, y);
    const LoopExpr *q = C2(b, BI_le, m, n);
    VarId both = let(b, "both", C2(b, BI_and, p, C2(b, BI_or, q, C1(b, BI_not, p))));
    VarId chain = let(b, "chain", C2(b, BI_or, C2(b, BI_and, p, q), C2(b, BI_eq, p, q)));
    store(b, LS_STORE, B_OUT, N(b, slot++), select3(b, V(b, both), x, y));
    store(b, LS_STORE, B_OUT, N(b, slot++),
          select3(b, V(b, chain), select3(b, p, x, y), select3(b, q, y, R(b, 7))));
    store(b, LS_STORE, B_OUT, N(b, slot++), real(b, N(b, INT64_MIN)));
    store(b, LS_STORE, B_OUT, N(b, slot++), real(b, N(b, -INT64_C(5000000000))));
    store(b, LS_STORE, B_OUT, N(b, slot++), C2(b, BI_random_uniform, m, n));
    store(b, LS_STORE, B_OUT, N(b, slot++),
          real(b, C2(b, BI_sub, m, C2(b, BI_mul, C2(b, BI_add, n, N(b, 1)), N(b, -3)))));
    finish(b, real(b, new_expr(b, LX_BOOL, KIND_BOOL)));
    return b->program;
}

/* Maxima, loops downward, conditions, clearing, local and work buffers, gathers. */
static LoopProgram *statements(Arena *arena) {
    Build build = begin(arena, "t_statements");
    Build *b = &build;
    VarId top = declare(b, "top", R(b, -(double)INFINITY));
    VarId at = declare(b, "at", N(b, 0));
    VarId found = declare(b, "found", new_expr(b, LX_BOOL, KIND_BOOL));
    VarId j = loop(b, "j", N(b, 0), A(b, ARG_D), LOOP_INDEPENDENT | LOOP_REDUCES);
    const LoopExpr *entry = L(b, B_X, V(b, j));
    LoopStmt *larger = add(b, LS_IF, 0, NULL);
    larger->condition = C2(b, BI_lt, V(b, top), entry);
    enter(b, larger);
    add(b, LS_ASSIGN, at, V(b, j));
    add(b, LS_ASSIGN, found, C2(b, BI_eq, V(b, j), V(b, j)));
    shut(b);
    add(b, LS_MAX, top, entry);
    shut(b);
    add(b, LS_ZERO, 0, N(b, 16))->buffer = B_LOCAL;
    add(b, LS_ZERO, 0, A(b, ARG_D))->buffer = B_WORK;
    VarId i = loop(b, "i", N(b, 2), A(b, ARG_D), 0);
    const LoopExpr *label = L(b, B_Y, V(b, i));
    store(b, LS_STORE_ADD, B_LOCAL, label, L(b, B_X, V(b, i)));
    store(b, LS_STORE_ADD, B_WORK, label, N(b, 1));
    VarId k = loop(b, "k", N(b, 0), V(b, i), LOOP_INDEPENDENT);
    store(b, LS_STORE_ADD, B_OUT, V(b, k), C1(b, BI_neg, real(b, V(b, at))));
    shut(b);
    shut(b);
    LoopStmt *down = add(b, LS_FOR, new_var(b, "n", KIND_INT), NULL);
    down->low = N(b, 1);
    down->high = A(b, ARG_D);
    down->down = true;
    enter(b, down);
    store(b, LS_STORE, B_OUT, V(b, down->var),
          C2(b, BI_add, L(b, B_OUT, C2(b, BI_sub, V(b, down->var), N(b, 1))),
             real(b, L(b, B_WORK, L(b, B_Y, V(b, down->var))))));
    shut(b);
    add(b, LS_COMMENT, 0, NULL)->text = "a comment */ that /* would end";
    VarId most = declare(b, "most", N(b, -1));
    VarId l = loop(b, "l", N(b, 0), N(b, 16), LOOP_INDEPENDENT | LOOP_REDUCES);
    add(b, LS_MAX, most, L(b, B_WORK, C2(b, BI_mod, V(b, l), A(b, ARG_D))));
    store(b, LS_STORE, B_OUT, V(b, l), C2(b, BI_add, L(b, B_OUT, V(b, l)), L(b, B_LOCAL, V(b, l))));
    shut(b);
    finish(b, C2(b, BI_add, C2(b, BI_add, V(b, top), real(b, V(b, at))),
                 C2(b, BI_add, real(b, V(b, found)), real(b, V(b, most)))));
    return b->program;
}

/* No result, nothing used: the C source must not warn. */
static LoopProgram *nothing(Arena *arena) {
    Build build = begin(arena, "t_nothing");
    Build *b = &build;
    finish(b, R(b, 0.5));
    return b->program;
}

/* ---- running ------------------------------------------------------------------------------------
 */

typedef struct {
    double value, out[64], work[2 * SIZE];
} Result;

static void call(TestFunction *function, Result *result) {
    double params[SIZE + 1];
    double x[SIZE];
    int64_t y[SIZE];
    memset(result, 0, sizeof *result);
    for (int j = 0; j < SIZE; j++) {
        params[j] = 0.3 * j - 1;
        x[j] = 1.7 - 0.29 * j * (j % 5 - 1.5);
        y[j] = (7 * j + 3) % 16;
    }
    params[SIZE] = 0.125;
    y[0] = -3;
    result->value = function(SIZE, 17, 0.7, params, x, y, result->out, result->work);
}

static bool close_to(double a, double b, double tolerance) {
    return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= tolerance * (1 + fabs(a));
}

static void compare(const char *name, const char *how, const Result *expected, const Result *got,
                    double tolerance) {
    bool same = close_to(expected->value, got->value, tolerance);
    for (int k = 0; same && k < 64; k++) {
        same = close_to(expected->out[k], got->out[k], tolerance);
        if (!same) {
            fprintf(stderr, "out[%d]: %.17g, %.17g\n", k, expected->out[k], got->out[k]);
        }
    }
    same = same && memcmp(expected->work, got->work, sizeof got->work) == 0;
    if (!same) {
        fprintf(stderr, "%s: %s differs: %.17g, %.17g\n", name, how, expected->value, got->value);
        failures++;
    }
}

static void run_shared(const Unit *unit, const char *command, const char *how,
                       const Result *expected, double tolerance) {
    if (system(command) != 0) {
        fprintf(stderr, "%s failed: %s\n", how, command);
        failures++;
        return;
    }
    char path[256];
    snprintf(path, sizeof path, "%s/t.so", folder);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    for (size_t f = 0; library && f < unit->function_count; f++) {
        TestFunction *function;
        *(void **)&function = dlsym(library, unit->functions[f]->name);
        Result result;
        call(function, &result);
        compare(unit->functions[f]->name, how, &expected[f], &result, tolerance);
    }
    if (!library) {
        fprintf(stderr, "%s: %s\n", how, dlerror());
        failures++;
        return;
    }
    dlclose(library);
}

static void put(const char *name, const void *data, size_t length) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, length, file) != length || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

/* The reference: the JIT at -O0 under --strict, which does nothing but what is written. */
static void run_jit(Arena *arena, const Unit *unit, int level, bool strict, Result *results) {
    LlvmOptions options = {.level = level, .strict = strict, .verify = true, .cpu = "native"};
    Jit *jit = jit_create(llvm_build(arena, unit, &options));
    for (size_t f = 0; f < unit->function_count; f++) {
        TestFunction *function;
        *(void **)&function = jit_lookup(jit, unit->functions[f]->name);
        call(function, &results[f]);
    }
    jit_destroy(jit);
}

static void test_c(Arena *arena, const Unit *unit, const Result *expected) {
    const char *source = emit_c(arena, unit, "t.h");
    const char *header = emit_header(arena, unit);
    put("t.c", source, strlen(source));
    put("t.h", header, strlen(header));
    static const char *const compilers[] = {"gcc -O0", "gcc -O2", "clang -O1"};
    for (size_t k = 0; k < sizeof compilers / sizeof compilers[0]; k++) {
        const char *first =
            arena_format(arena, "%.*s", (int)strcspn(compilers[k], " "), compilers[k]);
        if (system(arena_format(arena, "command -v %s >/dev/null", first)) != 0) {
            continue;
        }
        const char *command = arena_format(
            arena,
            "cd %s && %s -std=c99 -Wall -Wextra -pedantic -Werror -ffp-contract=off -fPIC -shared "
            "t.c -o t.so -lm",
            folder, compilers[k]);
        run_shared(unit, command, compilers[k], expected, 1e-15); /* libm has other roundings */
    }
}

static void test_objects(Arena *arena, const Unit *unit, const Result *expected) {
    for (int level = 0; level <= 3; level++) {
        for (int strict = 0; strict < 2; strict++) {
            LlvmOptions options = {.level = level, .strict = strict, .verify = true, .pic = true};
            options.debug = level != 2;
            Llvm *llvm = llvm_build(arena, unit, &options);
            size_t length;
            const void *object = llvm_object(llvm, arena, &length);
            put("t.o", object, length);
            llvm_free(llvm);
            const char *command =
                arena_format(arena, "cd %s && cc -shared t.o -o t.so -lm", folder);
            run_shared(unit, command, arena_format(arena, "object -O%d strict=%d", level, strict),
                       expected, strict ? 0 : 1e-13);
        }
    }
}

static void check_linear(const Result *result) {
    double r = -0.7;
    for (int j = 0; j < SIZE; j++) {
        double x = 1.7 - 0.29 * j * (j % 5 - 1.5);
        r += (j + 1 < SIZE ? 0.3 * (j + 1) - 1 : 0.125) * x;
    }
    if (!close_to(r * r, result->value, 1e-13) || !close_to(2 * r * 1.7, result->out[0], 1e-13)) {
        fprintf(stderr, "linear: %.17g, expected %.17g\n", result->value, r * r);
        failures++;
    }
}

int main(void) {
    if (!mkdtemp(folder)) {
        perror(folder);
        return 1;
    }
    Arena *arena = arena_create();
    Sources *sources = sources_create(arena);
    char *text = arena_alloc(arena, 512);
    for (int k = 0; k < 500; k++) {
        text[k] = k % 20 == 19 ? '\n' : 'x';
    }
    sources_add(sources, "models/t.model", text, 500, false);
    LoopProgram *programs[] = {linear(arena), arithmetic(arena), whole(arena), statements(arena),
                               nothing(arena)};
    enum { COUNT = sizeof programs / sizeof programs[0] };
    Unit unit = {.model_name = "t", .prefix = "t", .source_path = "models/t.model"};
    unit.sources = sources;
    unit.functions = programs;
    unit.function_count = COUNT;
    Result expected[COUNT];
    run_jit(arena, &unit, 0, true, expected);
    check_linear(&expected[0]);
    for (int level = 1; level <= 3; level++) {
        Result results[COUNT];
        run_jit(arena, &unit, level, false, results);
        for (int k = 0; k < COUNT; k++) {
            compare(programs[k]->name, "JIT", &expected[k], &results[k], 1e-13);
        }
    }
    test_c(arena, &unit, expected);
    test_objects(arena, &unit, expected);
    arena_destroy(arena);
    if (failures == 0) {
        char command[64];
        snprintf(command, sizeof command, "rm -rf %s", folder);
        return system(command) != 0;
    }
    fprintf(stderr, "files are in %s\n", folder);
    return 1;
}
