/* c_expr.c: expressions of a loop program as C. Order of operations is kept to the letter:
 * parentheses stand wherever C would otherwise group differently. */
#include "emit/c_private.h"

#include <math.h>

/* ---- operators ------------------------------------------------------------------------------- */

typedef struct {
    BuiltinId id;
    const char *text;
    CPrecedence own, left, right; /* of the whole; what its sides must have at least */
} Operator;

static const Operator operators[] = {
    {BI_add, " + ", C_SUM, C_SUM, C_PRODUCT},       {BI_sub, " - ", C_SUM, C_SUM, C_PRODUCT},
    {BI_mul, " * ", C_PRODUCT, C_PRODUCT, C_UNARY}, {BI_div, " / ", C_PRODUCT, C_PRODUCT, C_UNARY},
    {BI_eq, " == ", C_EQUALITY, C_SUM, C_SUM},      {BI_ne, " != ", C_EQUALITY, C_SUM, C_SUM},
    {BI_lt, " < ", C_RELATION, C_SUM, C_SUM},       {BI_le, " <= ", C_RELATION, C_SUM, C_SUM},
    {BI_and, " && ", C_AND, C_AND, C_EQUALITY},     {BI_or, " || ", C_OR, C_OR, C_EQUALITY},
};

static const Operator *find_operator(BuiltinId id) {
    for (size_t k = 0; k < sizeof operators / sizeof operators[0]; k++) {
        if (operators[k].id == id) {
            return &operators[k];
        }
    }
    return NULL;
}

/* Built-ins that are a helper of ours: for reals, and for whole numbers. */
static const struct {
    BuiltinId id;
    Helper real, integer; /* HELPER_COUNT: the library has it */
} helper_calls[] = {
    {BI_square, HELPER_square, HELPER_int_square},
    {BI_sign, HELPER_sign, HELPER_int_sign},
    {BI_maximum, HELPER_maximum, HELPER_int_maximum},
    {BI_minimum, HELPER_minimum, HELPER_int_minimum},
    {BI_tanh_rest, HELPER_tanh_rest, HELPER_COUNT},
    {BI_abs, HELPER_COUNT, HELPER_int_abs},
    {BI_floordiv, HELPER_COUNT, HELPER_floor_div},
    {BI_mod, HELPER_COUNT, HELPER_floor_mod},
    {BI_random_uniform, HELPER_random_uniform, HELPER_random_uniform},
};

static const char *const helper_names[HELPER_COUNT] = {
#define HELPER(id, text) #id,
#include "emit/c_helper.def"
#undef HELPER
};

/* ---- constants ------------------------------------------------------------------------------- */

static double as_real(Precision precision, double value) {
    return precision == PRECISION_F32 ? (double)(float)value : value;
}

static void print_real(Text *out, Precision precision, double value) {
    value = as_real(precision, value);
    if (isnan(value)) {
        text_add(out, "NAN");
    } else if (isinf(value)) {
        text_add(out, value < 0 ? "-INFINITY" : "INFINITY");
    } else if (precision == PRECISION_F32) {
        text_add_float(out, (float)value);
    } else {
        text_add_number(out, value, true);
    }
}

static void print_int(Text *out, int64_t value) {
    if (value == INT64_MIN) {
        text_add(out, "(-INT64_C(9223372036854775807) - 1)");
    } else if (value > INT32_MAX || value < -INT32_MAX) {
        text_format(out, "%sINT64_C(%lld)", value < 0 ? "-" : "",
                    (long long)(value < 0 ? -value : value));
    } else {
        text_format(out, "%lld", (long long)value);
    }
}

/* ---- expressions ----------------------------------------------------------------------------- */

static bool is_call(const LoopExpr *expr, BuiltinId id) {
    return expr->kind == LX_CALL && expr->as.builtin == id;
}

const LoopExpr *c_negated(const LoopExpr *expr) {
    return is_call(expr, BI_neg) ? expr->args[0] : NULL;
}

/* x² of a name is printed as a product. */
static bool is_name(const LoopExpr *expr) {
    return expr->kind == LX_VAR || expr->kind == LX_ARG;
}

static bool same_expr(const LoopExpr *a, const LoopExpr *b) {
    if (a->kind != b->kind || a->count != b->count || a->kind == LX_REAL) {
        return false;
    }
    bool integer = a->kind == LX_INT || a->kind == LX_BOOL;
    if (integer ? a->as.integer != b->as.integer : a->as.var != b->as.var) {
        return false; /* var stands for the number of an argument, buffer or built-in too */
    }
    for (unsigned k = 0; k < a->count; k++) {
        if (!same_expr(a->args[k], b->args[k])) {
            return false;
        }
    }
    return true;
}

/* A comparison of a whole number with itself: compilers warn of it. */
static bool is_decided(const LoopExpr *expr) {
    return expr->kind == LX_CALL && builtins[expr->as.builtin].signature == SIG_COMPARE &&
           expr->args[0]->type != KIND_REAL && same_expr(expr->args[0], expr->args[1]);
}

static CPrecedence precedence(const LoopExpr *expr) {
    if (is_decided(expr)) {
        return C_PRIMARY;
    }
    switch (expr->kind) {
    case LX_REAL:
        return signbit(expr->as.real) && !isnan(expr->as.real) ? C_UNARY : C_PRIMARY;
    case LX_INT:
        return expr->as.integer < 0 && expr->as.integer != INT64_MIN ? C_UNARY : C_PRIMARY;
    case LX_BOOL:
    case LX_VAR:
    case LX_ARG:
    case LX_MOST:
    case LX_LOAD:
    case LX_EXTERN:
        return C_PRIMARY;
    case LX_ARG_SET:
        return C_EQUALITY;
    case LX_CONVERT:
        return C_UNARY;
    case LX_SELECT:
        return C_CONDITIONAL;
    case LX_CALL:
        break;
    }
    const Operator *operator= find_operator(expr->as.builtin);
    if (operator) {
        return operator->own;
    }
    if (is_call(expr, BI_square) && is_name(expr->args[0])) {
        return C_PRODUCT;
    }
    return is_call(expr, BI_neg) || is_call(expr, BI_not) ? C_UNARY : C_PRIMARY;
}

static void print_call(CPrinter *printer, const char *name, const LoopExpr *expr) {
    text_format(printer->out, "%s(", name);
    for (unsigned k = 0; k < expr->count; k++) {
        text_add(printer->out, k ? ", " : "");
        c_expr(printer, expr->args[k], C_CONDITIONAL);
    }
    text_add(printer->out, ")");
}

static void print_prefix(CPrinter *printer, const char *sign, const LoopExpr *operand) {
    text_add(printer->out, sign);
    c_expr(printer, operand, operand->kind == LX_CONVERT ? C_UNARY : C_PRIMARY);
}

static Precision precision_of(const CPrinter *printer) {
    return printer->program ? printer->program->precision : PRECISION_F64;
}

/* Is the variable to be read as a float? */
static bool is_narrowed(const CPrinter *printer, const LoopExpr *expr) {
    return expr->kind == LX_VAR && precision_of(printer) == PRECISION_F32 &&
           printer->program->vars[expr->as.var].wide;
}

static void print_builtin(CPrinter *printer, const LoopExpr *expr) {
    BuiltinId id = expr->as.builtin;
    if (is_decided(expr)) {
        text_add(printer->out, id == BI_eq || id == BI_le ? "1" : "0");
        return;
    }
    const Operator *operator= find_operator(id);
    if (operator) {
        /* a || b || c needs no parentheses, but a && b inside gets them: gcc asks for them */
        c_expr(printer, expr->args[0],
               id == BI_or && !is_call(expr->args[0], BI_or) ? C_EQUALITY : operator->left);
        text_add(printer->out, operator->text);
        c_expr(printer, expr->args[1], operator->right);
        return;
    }
    if (id == BI_neg || id == BI_not) {
        print_prefix(printer, id == BI_neg ? "-" : "!", expr->args[0]);
        return;
    }
    if (id == BI_square && is_name(expr->args[0])) {
        c_expr(printer, expr->args[0], C_PRIMARY);
        text_add(printer->out, " * ");
        c_expr(printer, expr->args[0], C_PRIMARY);
        return;
    }
    for (size_t k = 0; k < sizeof helper_calls / sizeof helper_calls[0]; k++) {
        Helper helper = expr->type == KIND_INT ? helper_calls[k].integer : helper_calls[k].real;
        if (helper == HELPER_random_uniform && precision_of(printer) == PRECISION_F32) {
            helper = HELPER_random_uniform_f32;
        }
        if (helper_calls[k].id == id && helper != HELPER_COUNT) {
            printer->helpers[helper] = true;
            print_call(printer, helper_names[helper], expr);
            return;
        }
    }
    text_add(printer->out, builtins[id].c);
    const Precision precision = precision_of(printer);
    print_call(printer, expr->type == KIND_REAL ? precisions[precision].suffix : "", expr);
}

static void print_any(CPrinter *printer, const LoopExpr *expr) {
    Text *out = printer->out;
    switch (expr->kind) {
    case LX_REAL:
        print_real(out, precision_of(printer), expr->as.real);
        return;
    case LX_EXTERN:
        text_add(out, precision_of(printer) == PRECISION_F32 ? "(float)" : "");
        printer->externals[expr->as.external - printer->program->ir->externals] = true;
        print_call(printer, expr->as.external->name, expr);
        return;
    case LX_INT:
    case LX_BOOL:
        print_int(out, expr->as.integer);
        return;
    case LX_VAR:
        text_add(out, is_narrowed(printer, expr) ? "(float)" : "");
        text_add(out, printer->names.vars[expr->as.var]);
        return;
    case LX_ARG:
        text_add(out, printer->names.args[expr->as.arg]);
        return;
    case LX_ARG_SET:
        text_format(out, "%s != NULL", printer->names.args[expr->as.arg]);
        return;
    case LX_MOST:
        printer->helpers[HELPER_most_rows] = true;
        text_format(out, "most_rows(%s, ", printer->names.args[expr->as.arg]);
        c_expr(printer, expr->args[0], C_ANY);
        text_add(out, ")");
        return;
    case LX_LOAD:
        text_format(out, "%s[", printer->names.buffers[expr->as.buffer]);
        c_expr(printer, expr->args[0], C_ANY);
        text_add(out, "]");
        return;
    case LX_CALL:
        print_builtin(printer, expr);
        return;
    case LX_CONVERT:
        text_format(out, "(%s)", precisions[precision_of(printer)].c);
        c_expr(printer, expr->args[0], C_PRIMARY);
        return;
    case LX_SELECT:
        c_expr(printer, expr->args[0], C_OR);
        text_add(out, " ? ");
        c_expr(printer, expr->args[1], C_OR);
        text_add(out, " : ");
        c_expr(printer, expr->args[2], C_CONDITIONAL);
        return;
    }
}

void c_expr(CPrinter *printer, const LoopExpr *expr, CPrecedence around) {
    const bool cast = is_narrowed(printer, expr) ||
                      (expr->kind == LX_EXTERN && precision_of(printer) == PRECISION_F32);
    bool parentheses = (cast ? C_UNARY : precedence(expr)) < around;
    text_add(printer->out, parentheses ? "(" : "");
    print_any(printer, expr);
    text_add(printer->out, parentheses ? ")" : "");
}
