/* emit_kernel.c: trainer kernels by the ABI of the runtime: dims, columns and the rest are unpacked
 * by name; main hands model and kernels to gradc_main. And the size functions and macros of the
 * header. */
#include "emit_build.h"
#include "runtime/abi.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int failures;
static const char *seen_model; /* by the stand-in for the runtime */
static double seen_value;

static void expect(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "not so: %s\n", what);
        failures++;
    }
}

static const double theta[] = {0.5, 2, -1};
static const double column_x[] = {1, 2, 3, 4, 5, 6};
static const int64_t column_y[] = {1, 0, 2};

static double run_kernel(GradcKernel *kernel, double *params, const int64_t *order) {
    const int64_t dims[] = {99, 2}; /* K, D */
    const void *columns[] = {column_y, column_x};
    double out[3] = {0, 0, 0};
    double work[4];
    double value = kernel(&(GradcArgs){.dims = dims,
                                       .params = params,
                                       .columns = columns,
                                       .order = order,
                                       .rows = 3,
                                       .rate = 0.25,
                                       .seed = 7,
                                       .out = out,
                                       .work = work});
    return value + 1000 * out[0];
}

/* Takes the place of the runtime for the compiled main. */
int gradc_main(int argc, char **argv, const char *model, GradcKernel *const *kernels) {
    double params[3];
    memcpy(params, theta, sizeof params);
    seen_model = model;
    seen_value = run_kernel(kernels[0], params, NULL);
    return argc + (argv == NULL);
}

/* b, θ[D] params; x[m, D], y[m] columns; D unbound. */
static Ir *new_ir(Arena *arena, Interner *names) {
    Ir *ir = ir_create(arena, names, intern_text(names, "t_sum"));
    Dim d = dim_symbol(ir, intern_text(names, "D"));
    Dim m = dim_symbol(ir, intern_text(names, "m"));
    const Dim rows[] = {m, d};
    ir->sample_dim = m;
    ir_add_leaf(ir,
                (Leaf){intern_text(names, "b"), LEAF_PARAM, KIND_REAL, 0, NULL, 0, 0, {0, 0, 0}});
    ir_add_leaf(ir, (Leaf){intern_text(names, "θ"), LEAF_PARAM, KIND_REAL, 1, &d, 0, 0, {0, 0, 0}});
    ir_add_leaf(ir,
                (Leaf){intern_text(names, "x"), LEAF_COLUMN, KIND_REAL, 2, rows, 0, 0, {0, 0, 0}});
    ir_add_leaf(ir,
                (Leaf){intern_text(names, "y"), LEAF_COLUMN, KIND_INT, 1, rows, 0, 0, {0, 0, 0}});
    return ir;
}

/* Σ over the rows of (b + Σ θ x) y + rate; out[0] = uniform(seed, D). */
static LoopProgram *kernel(Arena *arena, const Ir *ir, bool trainer) {
    static LoopArg args[] = {
        {ARG_DIM, C_INT64, 0, "D"},
        {ARG_PARAMS, C_CONST_REAL_PTR, 0, "params"},
        {ARG_ROWS, C_INT64, 0, "m"},
        {ARG_ORDER, C_CONST_INT64_PTR, 0, "order"},
        {ARG_COLUMN, C_CONST_REAL_PTR, 2, "x"},
        {ARG_COLUMN, C_CONST_INT64_PTR, 3, "y"},
        {ARG_SEED, C_UINT64, 0, "seed"},
        {ARG_RATE, C_REAL, 0, "rate"},
        {ARG_GRADIENT, C_REAL_PTR, 0, "grad"},
        {ARG_WORK, C_REAL_PTR, 0, "work"},
    };
    Build build = begin(arena, trainer ? "t_sum.sum" : "t_sum");
    Build *b = &build;
    LoopProgram *p = b->program;
    p->ir = ir;
    p->args = args;
    p->arg_count = sizeof args / sizeof args[0];
    const LoopBuffer buffers[] = {
        {"b", KIND_REAL, BUFFER_ARG, 1, NULL, 0, false},
        {"theta", KIND_REAL, BUFFER_ARG, 1, N(b, 1), 0, false},
        {"order", KIND_INT, BUFFER_ARG, 3, NULL, 0, false},
        {"x", KIND_REAL, BUFFER_ARG, 4, NULL, 0, false},
        {"y", KIND_INT, BUFFER_ARG, 5, NULL, 0, false},
        {"grad", KIND_REAL, BUFFER_ARG, 8, NULL, 0, true},
    };
    memcpy(p->buffers, buffers, sizeof buffers);
    LoopExpr *dim = new_expr(b, LX_ARG, KIND_INT);
    LoopExpr *rows = new_expr(b, LX_ARG, KIND_INT);
    LoopExpr *seed = new_expr(b, LX_ARG, KIND_INT);
    LoopExpr *rate = new_expr(b, LX_ARG, KIND_REAL);
    LoopExpr *shuffled = new_expr(b, LX_ARG_SET, KIND_BOOL);
    rows->as.arg = 2;
    shuffled->as.arg = 3;
    seed->as.arg = 6;
    rate->as.arg = 7;
    VarId s = declare(b, "s", rate);
    VarId i = loop(b, "i", N(b, 0), rows, LOOP_SAMPLE);
    VarId row = declare(b, "row", V(b, i));
    LoopStmt *choice = add(b, LS_IF, 0, NULL);
    choice->condition = shuffled;
    enter(b, choice);
    add(b, LS_ASSIGN, row, L(b, 2, V(b, i)));
    shut(b);
    VarId dot = declare(b, "dot", L(b, 0, N(b, 0)));
    VarId j = loop(b, "j", N(b, 0), dim, LOOP_INDEPENDENT | LOOP_REDUCES);
    const LoopExpr *at = C2(b, BI_add, C2(b, BI_mul, V(b, row), dim), V(b, j));
    sum_into(b, dot, C2(b, BI_mul, L(b, 1, V(b, j)), L(b, 3, at)));
    shut(b);
    sum_into(
        b, s,
        C2(b, BI_mul, V(b, dot), C2(b, BI_add, real(b, L(b, 4, V(b, row))), real(b, V(b, i)))));
    shut(b);
    store(b, LS_STORE, 5, N(b, 0), C2(b, BI_random_uniform, seed, dim));
    finish(b, V(b, s));
    p->work_size = C2(b, BI_mul, C2(b, BI_add, rows, N(b, 3)), dim);
    p->work_rpn = "m 3 + D *";
    return p;
}

static double by_hand(const int64_t *order) {
    double s = 0.25;
    for (int i = 0; i < 3; i++) {
        int64_t row = order ? order[i] : i;
        double dot = theta[0] + theta[1] * column_x[2 * row] + theta[2] * column_x[2 * row + 1];
        s += dot * (double)(column_y[row] + i);
    }
    return s + 1000 * builtin_random_uniform(7, 2);
}

static void test_kernels(Arena *arena, Unit *unit, bool debug) {
    LlvmOptions options = {.level = 2, .cpu = "native", .verify = true, .debug = debug};
    Jit *jit = jit_create(llvm_build(arena, unit, &options));
    GradcKernel *const *kernels = jit_lookup(jit, "gradc_kernels");
    const char *model = jit_lookup(jit, "gradc_model");
    expect(kernels && model, "gradc_kernels and gradc_model are there");
    if (kernels && model) {
        static const int64_t order[] = {2, 0, 1};
        double params[3];
        memcpy(params, theta, sizeof params);
        expect(strcmp(model, unit->description) == 0, "the description is kept");
        expect(fabs(run_kernel(kernels[0], params, NULL) - by_hand(NULL)) < 1e-9, "in file order");
        expect(fabs(run_kernel(kernels[0], params, order) - by_hand(order)) < 1e-9, "shuffled");
    }
    if (dlsym(RTLD_DEFAULT, "gradc_main")) { /* this program exports it (-rdynamic) */
        int (*compiled_main)(int, char **);
        *(void **)&compiled_main = jit_lookup(jit, "main");
        expect(compiled_main && compiled_main(5, NULL) == 6, "main returns what gradc_main does");
        expect(seen_model == model && fabs(seen_value - by_hand(NULL)) < 1e-9, "main calls it");
    }
    expect(jit_lookup(jit, "no_such_name") == NULL, "an unknown name is not found");
    jit_destroy(jit);
}

static void test_header(Arena *arena, Unit *unit) {
    const char *header = emit_header(arena, unit);
    static const char *const parts[] = {
        "#define T_B_OFFSET 0\n",
        "#define T_THETA_OFFSET 1\n",
        "size_t t_param_count(size_t D);",
        "size_t t_sum_work(",
        "b, θ[D]",
        "x[m, D]",
        "#ifndef T_H\n",
    };
    for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++) {
        expect(strstr(header, parts[k]) != NULL, parts[k]);
    }
    if (failures > 0) {
        fprintf(stderr, "%s", header);
    }
    expect(strstr(header, "PARAM_COUNT ") == NULL, "no count where D is unknown");
    LlvmOptions options = {.level = 1, .verify = true};
    Jit *jit = jit_create(llvm_build(arena, unit, &options));
    size_t (*count)(size_t);
    size_t (*work)(size_t, size_t);
    *(void **)&count = jit_lookup(jit, "t_param_count");
    *(void **)&work = jit_lookup(jit, "t_sum_work");
    expect(count && count(20) == 21, "t_param_count(20) is 21");
    expect(work && work(4, 5) == 32, "t_sum_work(4, 5) is 32");
    jit_destroy(jit);
    const char *source = emit_c(arena, unit, "t.h");
    expect(strstr(source, "return (size_t)(1 + (int64_t)D);") != NULL, "t_param_count in C");
    expect(strcmp(source, emit_c(arena, unit, "t.h")) == 0, "the same source twice");
}

int main(void) {
    Arena *arena = arena_create();
    Interner *names = interner_create(arena);
    Ir *ir = new_ir(arena, names);
    LoopProgram *kernels[] = {kernel(arena, ir, true)};
    LoopProgram *functions[] = {kernel(arena, ir, false)};
    Unit unit = {.model_name = "t", .prefix = "t", .source_path = "t.model"};
    unit.kernels = kernels;
    unit.kernel_count = 1;
    unit.description = "gradc 3\nmodel t\ndim K\ndim D\ncolumn y int 0\ncolumn x real 1 D\n";
    test_kernels(arena, &unit, false);
    test_kernels(arena, &unit, true);
    unit.functions = functions;
    unit.function_count = 1;
    unit.description = NULL;
    test_header(arena, &unit);
    arena_destroy(arena);
    return failures != 0;
}
