/* run.c: runs a loop program, slowly, for tests; counts its operations for reports. */
#include "loop/plan.h"

#include <math.h>
#include <string.h>

typedef union {
    double real;
    int64_t integer;
} Number;

typedef struct {
    const LoopProgram *program;
    const LoopArgValue *args;
    Arena *arena;
    Number *vars;
    void **buffers;
    double result;
    bool left;      /* the innermost loop is being left */
    int64_t around; /* iterations of the loop around a statement (loop_flops) */
    uint64_t *seed; /* of random rounding; 0: to nearest */
} Run;

static Number eval(const Run *run, const LoopExpr *x);

/* ---- precision
 * ------------------------------------------------------------------------------------------------
 */

/* As a real of the program. */
static double rounded(const Run *run, double value) {
    if (run->program->precision == PRECISION_F64) {
        return value;
    }
    const float nearest = (float)value;
    if (*run->seed == 0 || !isfinite(nearest) || (double)nearest == value) {
        return nearest;
    }
    *run->seed = *run->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    const float other = nextafterf(nearest, value > (double)nearest ? INFINITY : -INFINITY);
    return *run->seed >> 63 ? nearest : other;
}

static double load_real(const Run *run, BufferId buffer, int64_t at) {
    const void *from = run->buffers[buffer];
    return run->program->precision == PRECISION_F64 ? ((const double *)from)[at]
                                                    : (double)((const float *)from)[at];
}

static void store_real(const Run *run, BufferId buffer, int64_t at, double value) {
    void *to = run->buffers[buffer];
    if (run->program->precision == PRECISION_F64) {
        ((double *)to)[at] = value;
    } else {
        ((float *)to)[at] = (float)rounded(run, value);
    }
}

/* ---- expressions
 * ---------------------------------------------------------------------------------------------- */

static int64_t int_call(BuiltinId f, int64_t a, int64_t b) {
    int64_t quotient = 0;
    if ((f == BI_floordiv || f == BI_mod) && b != 0) {
        quotient = a / b - (a % b != 0 && (a % b < 0) != (b < 0));
    }
    switch ((int)f) {
    case BI_add:
        return a + b;
    case BI_sub:
        return a - b;
    case BI_mul:
        return a * b;
    case BI_neg:
        return -a;
    case BI_square:
        return a * a;
    case BI_abs:
        return a < 0 ? -a : a;
    case BI_sign:
        return (a > 0) - (a < 0);
    case BI_maximum:
        return a > b ? a : b;
    case BI_minimum:
        return a < b ? a : b;
    case BI_floordiv:
        return quotient;
    case BI_mod:
        return b == 0 ? 0 : a - quotient * b;
    default:
        break;
    }
    ice("loop", "`%s` of whole numbers cannot be run", builtins[f].name);
}

static bool compare(BuiltinId f, const LoopExpr *x, Number a, Number b) {
    if (x->args[0]->type == KIND_REAL) {
        return f == BI_eq   ? a.real == b.real
               : f == BI_ne ? a.real != b.real
               : f == BI_lt ? a.real < b.real
                            : a.real <= b.real;
    }
    return f == BI_eq   ? a.integer == b.integer
           : f == BI_ne ? a.integer != b.integer
           : f == BI_lt ? a.integer < b.integer
                        : a.integer <= b.integer;
}

static double maximum(double a, double b) {
    return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
}

static double real_call(const Builtin *row, BuiltinId f, const Number *args) {
    double a = args[0].real;
    double b = args[1].real;
    if (row->f1) {
        return row->f1(a);
    }
    if (row->f2) {
        return row->f2(a, b);
    }
    if (row->f3) {
        return row->f3(a, b, args[2].real);
    }
    switch ((int)f) {
    case BI_add:
        return a + b;
    case BI_sub:
        return a - b;
    case BI_mul:
        return a * b;
    case BI_div:
        return a / b;
    case BI_neg:
        return -a;
    case BI_square:
        return a * a;
    case BI_maximum:
        return maximum(a, b);
    case BI_minimum:
        return -maximum(-a, -b);
    default:
        break;
    }
    ice("loop", "`%s` cannot be run", row->name);
}

static Number call(const Run *run, const LoopExpr *x) {
    const Builtin *row = &builtins[x->as.builtin];
    Number args[3] = {{0}, {0}, {0}};
    Number made = {0};
    for (unsigned k = 0; k < x->count; k++) {
        args[k] = eval(run, x->args[k]);
    }
    switch (row->signature) {
    case SIG_COMPARE:
        made.integer = compare(x->as.builtin, x, args[0], args[1]);
        break;
    case SIG_BOOL:
        made.integer = x->as.builtin == BI_and  ? args[0].integer && args[1].integer
                       : x->as.builtin == BI_or ? args[0].integer || args[1].integer
                                                : !args[0].integer;
        break;
    case SIG_RANDOM:
        made.real = run->program->precision == PRECISION_F64
                        ? builtin_random_uniform(args[0].integer, args[1].integer)
                        : builtin_random_uniform_f32(args[0].integer, args[1].integer);
        break;
    case SIG_INT:
    case SIG_NUMBER:
    case SIG_REAL:
        if (x->type == KIND_REAL) {
            made.real = rounded(run, real_call(row, x->as.builtin, args));
        } else {
            made.integer = int_call(x->as.builtin, args[0].integer, args[1].integer);
        }
        break;
    }
    return made;
}

static Number eval(const Run *run, const LoopExpr *x) {
    Number made = {0};
    switch (x->kind) {
    case LX_REAL:
        made.real = rounded(run, x->as.real);
        break;
    case LX_INT:
    case LX_BOOL:
        made.integer = x->as.integer;
        break;
    case LX_VAR:
        made = run->vars[x->as.var];
        if (x->type == KIND_REAL && run->program->vars[x->as.var].wide) {
            made.real = rounded(run, made.real);
        }
        break;
    case LX_ARG:
        if (x->type == KIND_REAL) {
            made.real = run->args[x->as.arg].real;
        } else {
            made.integer = run->args[x->as.arg].integer;
        }
        break;
    case LX_ARG_SET:
        made.integer = run->args[x->as.arg].pointer != NULL;
        break;
    case LX_MOST: {
        const int64_t *lengths = run->args[x->as.arg].pointer;
        int64_t count = eval(run, x->args[0]).integer;
        made.integer = 1;
        for (int64_t k = 0; lengths && k < count; k++) {
            made.integer = lengths[k] > made.integer ? lengths[k] : made.integer;
        }
        break;
    }
    case LX_LOAD: {
        int64_t at = eval(run, x->args[0]).integer;
        if (run->program->buffers[x->as.buffer].kind == KIND_REAL) {
            made.real = load_real(run, x->as.buffer, at);
        } else {
            made.integer = ((const int64_t *)run->buffers[x->as.buffer])[at];
        }
        break;
    }
    case LX_CALL:
        made = call(run, x);
        break;
    case LX_EXTERN: {
        double args[EXTERN_ARITY];
        for (unsigned k = 0; k < x->count; k++) {
            args[k] = eval(run, x->args[k]).real;
        }
        made.real = rounded(run, ir_call_external(x->as.external, args));
        break;
    }
    case LX_CONVERT:
        made.real = rounded(run, (double)eval(run, x->args[0]).integer);
        break;
    case LX_SELECT: {
        bool c = eval(run, x->args[0]).integer != 0;
        Number a = eval(run, x->args[1]);
        Number b = eval(run, x->args[2]);
        made = c ? a : b;
        break;
    }
    }
    return made;
}

static void execute(Run *run, const LoopStmt *stmt);

static void run_for(Run *run, const LoopStmt *stmt) {
    int64_t low = eval(run, stmt->low).integer;
    int64_t high = eval(run, stmt->high).integer;
    for (int64_t k = low; k < high; k++) {
        run->vars[stmt->var].integer = stmt->down ? high - 1 - (k - low) : k;
        execute(run, stmt->body);
        if (run->left) {
            run->left = false;
            return;
        }
    }
}

static void run_store(const Run *run, const LoopStmt *stmt) {
    int64_t at = eval(run, stmt->index).integer;
    Number value = eval(run, stmt->value);
    bool add = stmt->kind == LS_STORE_ADD;
    if (run->program->buffers[stmt->buffer].kind == KIND_REAL) {
        const double old = add ? load_real(run, stmt->buffer, at) : 0;
        store_real(run, stmt->buffer, at, add ? old + value.real : value.real);
    } else {
        int64_t *to = (int64_t *)run->buffers[stmt->buffer] + at;
        *to = add ? *to + value.integer : value.integer;
    }
}

static void run_var(const Run *run, const LoopStmt *stmt) {
    Number value = eval(run, stmt->value);
    Number *var = &run->vars[stmt->var];
    bool real = run->program->vars[stmt->var].kind == KIND_REAL;
    if (stmt->kind == LS_ADD) {
        if (real) {
            const double sum = var->real + value.real;
            var->real = run->program->vars[stmt->var].wide ? sum : rounded(run, sum);
        } else {
            var->integer += value.integer;
        }
    } else if (stmt->kind == LS_MAX) {
        if (real) {
            var->real = maximum(var->real, value.real);
        } else if (value.integer > var->integer) {
            var->integer = value.integer;
        }
    } else {
        *var = value;
    }
}

/* `count` entries from there on as doubles, and back. */
static double *doubles_of(Run *run, BufferId buffer, int64_t at, int64_t count) {
    double *copy = arena_array(run->arena, double, count + 1);
    for (int64_t i = 0; i < count; i++) {
        copy[i] = load_real(run, buffer, at + i);
    }
    return copy;
}

/* The pivots, the determinant and its logarithm. */
static int64_t lib_rows_below(LibId f) {
    return f == LIB_LU || f == LIB_LU_SOLVE || f == LIB_LU_SOLVE_T ? 3 : 0;
}

/* The library rounds in its own way: what it makes is rounded once here. */
static void run_lib(Run *run, const LoopStmt *stmt) {
    const int64_t at = eval(run, stmt->index).integer;
    const int64_t n = eval(run, stmt->value).integer;
    const int64_t columns = stmt->high ? eval(run, stmt->high).integer : n;
    const int64_t square = n * (n + lib_rows_below(stmt->lib));
    const int64_t count = stmt->low ? n * columns : square;
    double *a = doubles_of(run, stmt->buffer, at, count);
    const double *factor = a;
    if (stmt->low) {
        factor = doubles_of(run, stmt->factor, eval(run, stmt->low).integer, square);
    }
    lib_run(stmt->lib, a, factor, n, columns);
    for (int64_t i = 0; i < count; i++) {
        store_real(run, stmt->buffer, at + i, a[i]);
    }
}

static void run_product(Run *run, const LoopStmt *stmt) {
    int64_t p[PRODUCT_PARTS];
    for (size_t k = 0; k < PRODUCT_PARTS; k++) {
        p[k] = eval(run, stmt->product->parts[k]).integer;
    }
    const int64_t at = eval(run, stmt->index).integer;
    for (int64_t first = 0; first < p[PRODUCT_COUNT]; first += PRODUCT_TERMS) {
        int64_t left = p[PRODUCT_COUNT] - first;
        int64_t terms = left < PRODUCT_TERMS ? left : PRODUCT_TERMS;
        for (int64_t entry = 0; entry < p[PRODUCT_ROWS] * p[PRODUCT_COLUMNS]; entry++) {
            int64_t r = entry / p[PRODUCT_COLUMNS];
            int64_t n = entry % p[PRODUCT_COLUMNS];
            double sum = 0;
            for (int64_t k = first; k < first + terms; k++) {
                const int64_t a = p[PRODUCT_A_AT] + r * p[PRODUCT_A_ROW] + k * p[PRODUCT_A_STEP];
                const int64_t b = p[PRODUCT_B_AT] + k * p[PRODUCT_B_STEP] + n * p[PRODUCT_B_COLUMN];
                const double term =
                    load_real(run, stmt->product->a, a) * load_real(run, stmt->product->b, b);
                sum = rounded(run, sum + rounded(run, term));
            }
            const int64_t c = at + r * p[PRODUCT_C_ROW] + n;
            store_real(run, stmt->buffer, c, load_real(run, stmt->buffer, c) + sum);
        }
    }
}

/* The sum of the objective as it was collected. */
static double run_return(const Run *run, const LoopStmt *stmt) {
    const bool whole = run->program->trainer && stmt->value->kind == LX_VAR;
    return whole ? run->vars[stmt->value->as.var].real : eval(run, stmt->value).real;
}

static void execute(Run *run, const LoopStmt *stmt) {
    for (; stmt && !run->left; stmt = stmt->next) {
        switch (stmt->kind) {
        case LS_FOR:
            run_for(run, stmt);
            break;
        case LS_LET:
        case LS_DECLARE:
        case LS_ADD:
        case LS_MAX:
        case LS_ASSIGN:
            run_var(run, stmt);
            break;
        case LS_STORE:
        case LS_STORE_ADD:
            run_store(run, stmt);
            break;
        case LS_ZERO:
            memset(run->buffers[stmt->buffer], 0,
                   (size_t)(eval(run, stmt->value).integer *
                            loop_bytes(run->program, run->program->buffers[stmt->buffer].kind)));
            break;
        case LS_PRODUCT:
            run_product(run, stmt);
            break;
        case LS_LIB:
            run_lib(run, stmt);
            break;
        case LS_IF:
            if (eval(run, stmt->condition).integer) {
                execute(run, stmt->body);
            }
            break;
        case LS_LEAVE:
            run->left = true;
            break;
        case LS_RETURN:
            run->result = run_return(run, stmt);
            break;
        case LS_PREFETCH:
        case LS_COMMENT:
            break;
        }
    }
}

double loop_run(const LoopProgram *program, Arena *arena, const LoopArgValue *args, uint64_t seed) {
    Run run = {.program = program, .args = args, .arena = arena, .seed = &seed};
    run.vars = arena_array(arena, Number, program->var_count + 1);
    run.buffers = arena_array(arena, void *, program->buffer_count + 1);
    for (size_t k = 0; k < program->buffer_count; k++) {
        const LoopBuffer *buffer = &program->buffers[k];
        if (buffer->place == BUFFER_LOCAL) {
            run.buffers[k] = arena_array(arena, double, buffer->size + 1);
            for (int64_t i = 0; buffer->kind == KIND_REAL && i < buffer->size; i++) {
                store_real(&run, (BufferId)k, i, NAN); /* as good as uninitialised */
            }
            continue;
        }
        int64_t offset = buffer->offset ? eval(&run, buffer->offset).integer : 0;
        char *base = args[buffer->arg].pointer;
        run.buffers[k] = base ? base + offset * loop_bytes(program, buffer->kind) : NULL;
    }
    execute(&run, program->body);
    return run.result;
}

/* ---- operations
 * ------------------------------------------------------------------------------------------- */

static double expr_flops(const LoopExpr *x) {
    double flops = 0;
    if (x->kind == LX_CALL && x->type == KIND_REAL) {
        flops = builtins[x->as.builtin].flops > 0 ? builtins[x->as.builtin].flops : 1;
    }
    for (unsigned k = 0; k < x->count; k++) {
        flops += expr_flops(x->args[k]);
    }
    return flops;
}

static double lib_flops(Run *run, const LoopStmt *stmt) {
    double n = (double)eval(run, stmt->value).integer;
    double columns = stmt->high ? (double)eval(run, stmt->high).integer : n;
    switch (stmt->lib) {
    case LIB_CHOLESKY:
        return n * n * n / 3;
    case LIB_LU:
        return 2 * n * n * n / 3;
    case LIB_LOWER_SOLVE:
    case LIB_LOWER_SOLVE_T:
        return n * n * columns;
    case LIB_LU_SOLVE:
    case LIB_LU_SOLVE_T:
    case LIB_FACTOR_SOLVE:
        return 2 * n * n * columns;
    case LIB_FACTOR_INV:
        return 2 * n * n * n / 3;
    case LIB_SOLVE:
    case LIB_SOLVE_T:
    case LIB_INV:
    case LIB_SPD_SOLVE:
    case LIB_SPD_INV:
    case LIB_SPD_LOGDET:
    case LIB_LOGDET:
    case LIB_DET:
    case LIB_ENTRIES:
    case LIB_COUNT:
        break;
    }
    return 0;
}

static bool loads(const LoopExpr *x) {
    bool found = x->kind == LX_LOAD;
    for (unsigned k = 0; k < x->count && !found; k++) {
        found = loads(x->args[k]);
    }
    return found;
}

/* Loops that end early count as whole. Loop bounds are evaluated where they depend on sizes and
 * counters only; an outer counter stands at the middle of its range. */
static double block_flops(Run *run, const LoopStmt *stmt) {
    double flops = 0;
    for (; stmt; stmt = stmt->next) {
        bool adds = stmt->kind == LS_ADD || stmt->kind == LS_STORE_ADD || stmt->kind == LS_MAX;
        flops += stmt->value ? expr_flops(stmt->value) + adds : 0;
        flops += stmt->condition ? expr_flops(stmt->condition) : 0;
        bool declares = stmt->kind == LS_LET || stmt->kind == LS_DECLARE;
        if (declares && run->program->vars[stmt->var].kind == KIND_INT) {
            run->vars[stmt->var].integer = 0;
            if (!loads(stmt->value)) {
                run->vars[stmt->var] = eval(run, stmt->value);
            }
        }
        if (stmt->kind == LS_LET && stmt->value->kind == LX_LOAD) {
            const LoopBuffer *buffer = &run->program->buffers[stmt->value->as.buffer];
            if (buffer->place == BUFFER_ARG &&
                run->program->args[buffer->arg].role == ARG_LENGTHS) {
                run->vars[stmt->var] = (Number){.integer = run->args[buffer->arg].integer};
            }
        }
        if (stmt->kind == LS_LIB) {
            flops += lib_flops(run, stmt);
        }
        if (stmt->kind == LS_PRODUCT) {
            const LoopExpr *const *parts = stmt->product->parts;
            flops += 2.0 * (double)eval(run, parts[PRODUCT_ROWS]).integer *
                     (double)eval(run, parts[PRODUCT_COLUMNS]).integer *
                     (double)eval(run, parts[PRODUCT_COUNT]).integer;
        }
        if (stmt->kind == LS_FOR) {
            int64_t low = eval(run, stmt->low).integer;
            int64_t high = eval(run, stmt->high).integer;
            if ((stmt->flags & LOOP_BLOCKS) && high > low) { /* the last one may be shorter */
                run->vars[stmt->var].integer = high - 1;
                flops += block_flops(run, stmt->body);
                high--;
            }
            double times = high > low ? (double)(high - low) : 0;
            if (stmt->slots > 0) {
                times = loop_runs(run->around, stmt->slots) - 1;
            }
            const int64_t around = run->around;
            run->around = high - low;
            run->vars[stmt->var].integer = low + (high - low) / 2;
            flops += times > 0 ? times * block_flops(run, stmt->body) : 0;
            run->around = around;
        } else if (stmt->kind == LS_IF && !(stmt->flags & LOOP_RARE)) {
            flops += block_flops(run, stmt->body);
        }
    }
    return flops;
}

double loop_flops(const LoopProgram *program, const LoopArgValue *args) {
    Arena *arena = arena_create();
    uint64_t seed = 0;
    Run run = {.program = program, .args = args, .arena = arena, .seed = &seed};
    run.vars = arena_array(arena, Number, program->var_count + 1);
    double flops = block_flops(&run, program->body);
    arena_destroy(arena);
    return flops;
}
