/* rules.c: the derivative and formula columns of builtin.def, parsed by the ordinary parser into IR
 * templates over the scalar leaves a, b, c (the arguments) and v (the function's own value).
 * A template is made once for a compilation, when something first needs it. */
#include "lower/lower.h"

#include <math.h>
#include <string.h>

typedef struct {
    const Front *front;
    Ir *ir;
    const Builtin *row;
    const char *text;
} Template;

/* The leaves of a template, in the order that ir_rule gives them. */
static const char *const leaf_names[] = {"a", "b", "c", "v"};
enum { LEAF_NAMES = sizeof leaf_names / sizeof *leaf_names };

static const struct {
    const char *name;
    double value;
} constants[] = {
    {"pi", 3.14159265358979323846},
    {"inf", INFINITY},
    {"nan", NAN},
};
enum { CONSTANTS = sizeof constants / sizeof *constants };

/* What opt and diff may bring in besides what the model and the rules call. */
static const BuiltinId introduced[] = {
    BI_exp, BI_log, BI_log1p, BI_expm1,  BI_log1pexp, BI_logistic, BI_hypot,     BI_sqrt,
    BI_sin, BI_cos, BI_abs,   BI_square, BI_pow,      BI_log1mexp, BI_norm_root, BI_sech,
};
enum { INTRODUCED = sizeof introduced / sizeof *introduced };

static Ref build(Template *t, const Expr *expr);

_Noreturn static void broken(const Template *t, const char *what) {
    ice("rules", "builtin.def, `%s`: \"%s\": %s", t->row->name, t->text, what);
}

static Ref build_name(Template *t, Name name) {
    for (uint32_t k = 0; k < LEAF_NAMES; k++) {
        if (strcmp(name, leaf_names[k]) == 0) {
            return ir_leaf(t->ir, k);
        }
    }
    for (size_t k = 0; k < CONSTANTS; k++) {
        if (strcmp(name, constants[k].name) == 0) {
            return ir_real(t->ir, constants[k].value);
        }
    }
    broken(t, name);
}

static Ref build_power(Template *t, Ref a, Ref b) {
    const Node *exponent = ir_node(t->ir, b);
    if (exponent->op == OP_CONST && exponent->as.real == 2) {
        return ir_square(t->ir, a);
    }
    return ir_call2(t->ir, BI_pow, a, b);
}

static Ref build_binary(Template *t, const Expr *expr) {
    const Ref a = build(t, expr->as.binary.a);
    const Ref b = build(t, expr->as.binary.b);
    switch (expr->as.binary.op) {
    case BIN_ADD:
        return ir_add(t->ir, a, b);
    case BIN_SUB:
        return ir_sub(t->ir, a, b);
    case BIN_MUL:
        return ir_mul(t->ir, a, b);
    case BIN_DIV:
        return ir_div(t->ir, a, b);
    case BIN_POW:
        return build_power(t, a, b);
    case BIN_EQ:
        return ir_compare(t->ir, BI_eq, a, b);
    case BIN_NE:
        return ir_compare(t->ir, BI_ne, a, b);
    case BIN_LT:
        return ir_compare(t->ir, BI_lt, a, b);
    case BIN_LE:
        return ir_compare(t->ir, BI_le, a, b);
    case BIN_GT:
        return ir_compare(t->ir, BI_lt, b, a);
    case BIN_GE:
        return ir_compare(t->ir, BI_le, b, a);
    case BIN_AND:
        return ir_and(t->ir, a, b);
    case BIN_OR:
        return ir_or(t->ir, a, b);
    case BIN_FLOORDIV:
    case BIN_MOD:
    case BIN_MATMUL:
        break;
    }
    broken(t, "an operator that rules do not have");
}

/* By name, hidden rows too. */
static bool find_row(const char *name, BuiltinId *found) {
    for (size_t f = 0; f < BI_COUNT; f++) {
        if (strcmp(builtins[f].name, name) == 0) {
            *found = (BuiltinId)f;
            return true;
        }
    }
    return false;
}

static Ref build_call(Template *t, const Expr *expr) {
    BuiltinId f;
    if (!find_row(expr->as.call.name, &f)) {
        broken(t, expr->as.call.name);
    }
    if (expr->as.call.count != (size_t)builtins[f].arity) {
        broken(t, "wrong number of arguments");
    }
    Ref args[BUILTIN_ARITY];
    unsigned count = 0;
    for (const Expr *arg = expr->as.call.args; arg; arg = arg->next) {
        args[count++] = build(t, arg);
    }
    return ir_call(t->ir, f, args, count);
}

static Ref build(Template *t, const Expr *expr) {
    switch (expr->kind) {
    case EXPR_NUMBER:
        return ir_real(t->ir, expr->as.number.value);
    case EXPR_NAME:
        return build_name(t, expr->as.name);
    case EXPR_NEGATE:
        return ir_neg(t->ir, build(t, expr->as.unary.a));
    case EXPR_NOT:
        return ir_not(t->ir, build(t, expr->as.unary.a));
    case EXPR_PAREN:
        return build(t, expr->as.unary.a);
    case EXPR_BINARY:
        return build_binary(t, expr);
    case EXPR_IF: {
        const Ref condition = build(t, expr->as.choice.condition);
        const Ref then = build(t, expr->as.choice.then);
        const Ref otherwise = build(t, expr->as.choice.otherwise);
        return ir_select(t->ir, condition, then, otherwise);
    }
    case EXPR_CALL:
        return build_call(t, expr);
    case EXPR_ERROR:
    case EXPR_TRANSPOSE:
    case EXPR_REDUCE:
    case EXPR_COMPREHENSION:
    case EXPR_ARRAY:
    case EXPR_SUBSCRIPT:
        break;
    }
    broken(t, "a form that rules do not have");
}

static const Ir *make_template(const Front *front, const Builtin *row, const char *text) {
    const char *path = arena_format(front->arena, "builtin.def: %s", row->name);
    const uint32_t file = sources_add(front->sources, path, text, strlen(text), true);
    const Expr *expr = front_parse_expression(front, file);
    Template t = {front, NULL, row, text};
    if (!expr || expr->kind == EXPR_ERROR) {
        broken(&t, "does not parse");
    }
    t.ir = ir_create(front->arena, front->names, intern_text(front->names, row->name));
    t.ir->at = expr->span;
    for (size_t k = 0; k < LEAF_NAMES; k++) {
        const Leaf leaf = {.name = intern_text(front->names, leaf_names[k]),
                           .role = LEAF_ARGUMENT,
                           .kind = KIND_REAL,
                           .span = expr->span};
        ir_add_leaf(t.ir, leaf);
    }
    const Output output = {.name = intern_text(front->names, "value"),
                           .role = OUT_VALUE,
                           .value = build(&t, expr),
                           .span = expr->span};
    ir_add_output(t.ir, output);
    return t.ir;
}

/* ---- which are needed
 * ----------------------------------------------------------------------------- */

typedef struct {
    bool seen[BI_COUNT];
    BuiltinId stack[BI_COUNT];
    size_t count;
} Wanted;

static void want(Wanted *wanted, BuiltinId f) {
    if (!wanted->seen[f]) {
        wanted->seen[f] = true;
        wanted->stack[wanted->count++] = f;
    }
}

static void want_calls(Wanted *wanted, const Ir *ir) {
    const Ref top = ir_count(ir);
    for (Ref v = 1; v < top; v++) {
        const Node *node = ir_node(ir, v);
        if (node->op == OP_CALL) {
            want(wanted, node->as.builtin);
        }
    }
}

void rules_prepare(Rules *rules, const Front *front, const Ir *ir) {
    Wanted wanted = {.count = 0};
    want_calls(&wanted, ir);
    for (size_t k = 0; k < INTRODUCED; k++) {
        want(&wanted, introduced[k]);
    }
    while (wanted.count > 0) {
        const BuiltinId f = wanted.stack[--wanted.count];
        const Builtin *row = &builtins[f];
        for (int k = 0; k < row->arity; k++) {
            if (row->d[k] && !rules->rule[f][k]) {
                rules->rule[f][k] = make_template(front, row, row->d[k]);
            }
            if (rules->rule[f][k]) {
                want_calls(&wanted, rules->rule[f][k]);
            }
        }
        if (row->formula && !rules->formula[f]) {
            rules->formula[f] = make_template(front, row, row->formula);
        }
        if (rules->formula[f]) {
            want_calls(&wanted, rules->formula[f]);
        }
    }
}
