/* expr.c: expressions: names, operators, choices. */
#include <math.h>
#include <string.h>

#include "lower/elaborate.h"

/* ---- scope ----------------------------------------------------------------------------------- */

IndexSet visible(const Lower *lower) {
    return lower->env ? lower->env->visible : 0;
}

IndexSet seen_by(const Callee *callee) {
    return callee && callee->env ? callee->env->visible : 0;
}

static unsigned group_of(Name name) {
    unsigned hash = 0;
    for (const char *c = name; *c; c++) {
        hash = hash * 31 + (unsigned char)*c;
    }
    return (hash ^ hash >> 8) % NAME_GROUPS;
}

static void add_binding(Lower *lower, Binding *b) {
    const unsigned group = group_of(b->name);

    if (lower->env) {
        memcpy(b->groups, lower->env->groups, sizeof b->groups);
    }
    b->same = b->groups[group];
    b->groups[group] = b;
    lower->env = b;
}

const Binding *first_binding(const Lower *lower, Name name) {
    return lower->env ? lower->env->groups[group_of(name)] : NULL;
}

void bind_name(Lower *lower, Name name, Span span, Ref ref) {
    Binding *b = arena_new(lower->arena, Binding);

    if (is_variable(lower->variables, name)) {
        ref = make_variable(lower, ref);
    }
    *b = (Binding){.name = name, .span = span, .ref = ref, .next = lower->env};
    b->visible = visible(lower) | (ref == REF_NONE ? 0 : ir_free(lower->ir, ref));
    add_binding(lower, b);
}

void bind_callee(Lower *lower, Name name, Span span, const Callee *callee) {
    Binding *b = arena_new(lower->arena, Binding);

    *b = (Binding){.name = name, .span = span, .callee = callee, .next = lower->env};
    b->visible = visible(lower) | seen_by(callee);
    add_binding(lower, b);
}

const Binding *find_binding(const Lower *lower, Name name) {
    for (const Binding *b = first_binding(lower, name); b; b = b->same) {
        if (b->name == name && !b->callee) {
            return b;
        }
    }
    return NULL;
}

Values one_value(Lower *lower, Ref ref) {
    Ref *refs = arena_new(lower->arena, Ref);

    *refs = ref;
    return (Values){refs, ref == REF_NONE ? 0 : 1};
}

const Expr *strip_parens(const Expr *expr) {
    while (expr->kind == EXPR_PAREN) {
        expr = expr->as.unary.a;
    }
    return expr;
}

/* A metric, as a leaf of the entry of a derived one. */
static Ref metric_leaf(Lower *lower, const ModelFunction *f) {
    for (size_t k = 0; k < lower->ir->leaf_count; k++) {
        if (lower->ir->leaves[k].role == LEAF_ARGUMENT && lower->ir->leaves[k].name == f->name) {
            return ir_leaf(lower->ir, (uint32_t)k);
        }
    }
    Leaf leaf = {
        .name = f->name, .role = LEAF_ARGUMENT, .kind = KIND_REAL, .span = f->ast->name_span};
    return ir_leaf(lower->ir, ir_add_leaf(lower->ir, leaf));
}

/* Names of the file, for a user's function. Returns false if there is none. */
static bool lookup_item(Lower *lower, Name name, Span at, Ref *found) {
    const Model *m = lower->model;

    size_t k = model_param_number(m, name);
    if (k != SIZE_MAX) {
        *found = lower->params[k];
        if (lower->no_params) {
            Diag *diag = lower_error(lower, at, "a start cannot depend on the param `%s`", name);
            diag_label(lower->diags, diag, "it is made of numbers, consts and dims");
            *found = REF_NONE;
        } else if (lower->bound_of && k >= lower->param_limit) {
            Diag *diag = lower_error(lower, at, "the bound of `%s` cannot use the param `%s`",
                                     lower->bound_of, name);
            diag_label(lower->diags, diag,
                       name == lower->bound_of ? "it may use the params before it"
                                               : "it may use the params before it: move `%s` up",
                       name);
            *found = REF_NONE;
        }
        return true;
    }
    const ModelConst *constant = model_const(m, name);
    if (constant) {
        *found = lower->consts[constant - m->consts];
        return true;
    }
    const ModelDim *dim = model_dim(m, name);
    if (dim && dim->rows && lower->no_rows) {
        Diag *diag = lower_error(lower, at,
                                 "`%s` is the number of rows of a sample, and %s belongs "
                                 "to no sample",
                                 name, lower->no_rows);
        diag_label(lower->diags, diag, "it is known in `loss`, `forward` and metrics");
        *found = REF_NONE;
        return true;
    }
    if (dim) {
        *found = ir_size(lower->ir, dim_symbol(lower->ir, name));
        return true;
    }
    k = model_data_number(m, name);
    if (k != SIZE_MAX) {
        *found = lower->datas[k];
        if (lower->no_params) {
            Diag *diag =
                lower_error(lower, at, "a start cannot depend on the data array `%s`", name);
            diag_label(lower->diags, diag, "it is made of numbers, consts and dims");
            *found = REF_NONE;
        }
        return true;
    }
    const ModelFunction *f = model_function(m, name);
    if (f && f->role == FUNCTION_METRIC && lower->derived) {
        *found = metric_leaf(lower, f);
        return true;
    }
    if (f && !f->ast->has_parens && f->role != FUNCTION_METRIC) {
        *found = lower_definition(lower, f, at);
        return true;
    }
    return false;
}

static bool lookup(Lower *lower, Name name, Span at, Ref *found) {
    const Binding *b = find_binding(lower, name);

    if (b) {
        *found = b->ref;
        return true;
    }
    if (!lower->library && lookup_item(lower, name, at, found)) {
        return true;
    }
    if (strcmp(name, "pi") == 0) {
        *found = ir_real(lower->ir, 3.14159265358979323846);
        return true;
    }
    return false;
}

bool lower_lookup(Lower *lower, Name name, Ref *found) {
    return lookup(lower, name, lower->ir->at, found);
}

static Name closest_value(Lower *lower, Name name) {
    const Name *items;
    size_t count = model_names(lower->model, lower->arena, false, &items);
    size_t total = count;

    for (const Binding *b = lower->env; b; b = b->next) {
        total++;
    }
    Name *all = arena_array(lower->arena, Name, total + 1);
    total = 0;
    for (const Binding *b = lower->env; b; b = b->next) {
        all[total++] = b->name;
    }
    memcpy(all + total, items, count * sizeof *all);
    return closest_name(name, all, total + count);
}

/* "x, y": what a function is called with. */
static const char *formals_text(Lower *lower, const ModelFunction *f) {
    Text text;

    if (!f || !f->ast->formals) {
        return "…";
    }
    text_init(&text, lower->arena);
    for (const Formal *a = f->ast->formals; a; a = a->next) {
        text_format(&text, "%s%s", a == f->ast->formals ? "" : ", ", a->name);
    }
    return text.data;
}

/* Values that other languages have a name for. */
static const struct {
    const char *name, *here;
} values_elsewhere[] = {
    {"e", "the exponential function is `exp(x)`"},
    {"E", "the exponential function is `exp(x)`"},
    {"T", "the transpose of A is written `A'`"},
    {"true", "truth values come from comparisons: `x > 0`"},
    {"True", "truth values come from comparisons: `x > 0`"},
    {"TRUE", "truth values come from comparisons: `x > 0`"},
    {"false", "truth values come from comparisons: `x > 0`"},
    {"False", "truth values come from comparisons: `x > 0`"},
    {"FALSE", "truth values come from comparisons: `x > 0`"},
    {"inf", "infinity is `1 / 0`"},
    {"Inf", "infinity is `1 / 0`"},
    {"infinity", "infinity is `1 / 0`"},
    {"INFINITY", "infinity is `1 / 0`"},
    {"nan", "what is not a number is `0 / 0`"},
    {"NaN", "what is not a number is `0 / 0`"},
    {"NAN", "what is not a number is `0 / 0`"},
    {"None", "each name has a value, and each choice an `else`"},
    {"NULL", "each name has a value, and each choice an `else`"},
};

static const char *value_elsewhere(Name name) {
    for (size_t k = 0; k < sizeof values_elsewhere / sizeof *values_elsewhere; k++) {
        if (strcmp(name, values_elsewhere[k].name) == 0) {
            return values_elsewhere[k].here;
        }
    }
    return NULL;
}

static Ref lower_name(Lower *lower, const Expr *expr) {
    Name name = expr->as.name;
    Ref found;

    if (lookup(lower, name, expr->span, &found)) {
        return found;
    }
    if (lower->model->damaged) {
        lower->failed = true;
        return REF_NONE;
    }
    const ModelFunction *f = model_function(lower->model, name);
    BuiltinId id;
    if (find_callee(lower, name)) {
        f = NULL;
    }
    if (f && f->role == FUNCTION_METRIC) {
        Diag *diag = lower_error(lower, expr->span, "`%s` is a metric: a mean over samples", name);
        diag_label(lower->diags, diag, "only a metric without arguments may use it");
    } else if (f || find_callee(lower, name) || is_reduction(name) || model_differentiates(name) ||
               builtin_find(name, &id)) {
        Diag *diag = lower_error(lower, expr->span, "`%s` is a function, not a value", name);
        diag_label(lower->diags, diag, "call it: `%s(%s)`", name, formals_text(lower, f));
    } else {
        Name close = closest_value(lower, name);
        Diag *diag = lower_error(lower, expr->span, "unknown name `%s`", name);
        if (close) {
            diag_label(lower->diags, diag, "did you mean `%s`?", close);
        } else if (lower->in_shape) {
            diag_label(lower->diags, diag, "declare it: `dim %s`", name);
        } else if (value_elsewhere(name)) {
            diag_label(lower->diags, diag, "%s", value_elsewhere(name));
        }
    }
    return REF_NONE;
}

/* ---- operators of scalars -------------------------------------------------------------------- */

/* x^n by multiplication: few roundings, right for negative x, and no logarithm in its derivative.
 */
static Ref whole_power(Ir *ir, Ref x, int64_t n) {
    Ref result = REF_NONE;
    Ref factor = x;

    for (int64_t rest = n; rest > 0; rest /= 2) {
        if (rest % 2 == 1) {
            result = result == REF_NONE ? factor : ir_mul(ir, result, factor);
        }
        if (rest > 1) {
            factor = ir_kind(ir, factor) == KIND_REAL ? ir_square(ir, factor)
                                                      : ir_mul(ir, factor, factor);
        }
    }
    return result;
}

/* Is the value a constant whole number of either kind? */
static bool constant_whole(const Ir *ir, Ref v, int64_t *value) {
    const Node *node = ir_node(ir, v);

    if (node->op != OP_CONST) {
        return false;
    }
    if (node->kind == KIND_REAL) {
        *value = fabs(node->as.real) < 1e9 ? (int64_t)node->as.real : 0;
        return (double)*value == node->as.real;
    }
    *value = node->as.integer;
    return true;
}

static Ref power(Lower *lower, Ref a, Ref b) {
    enum { LIMIT = 16 };
    Ir *ir = lower->ir;
    int64_t n;

    if (constant_whole(ir, b, &n) && n >= -LIMIT && n <= LIMIT) {
        bool whole = ir_kind(ir, a) == KIND_INT && n >= 0;
        Ref x = whole ? a : whole_to_real(lower, a);
        if (n == 0) {
            return whole ? ir_int(ir, 1) : ir_real(ir, 1);
        }
        Ref result = whole_power(ir, x, n < 0 ? -n : n);
        return n > 0 ? result : ir_div(ir, ir_real(ir, 1), result);
    }
    a = whole_to_real(lower, a);
    b = whole_to_real(lower, b);
    return ir_call2(ir, BI_pow, a, b);
}

static Ref compare(Ir *ir, BinaryOp op, Ref a, Ref b) {
    switch (op) {
    case BIN_EQ:
        return ir_compare(ir, BI_eq, a, b);
    case BIN_NE:
        return ir_compare(ir, BI_ne, a, b);
    case BIN_LT:
        return ir_compare(ir, BI_lt, a, b);
    case BIN_LE:
        return ir_compare(ir, BI_le, a, b);
    case BIN_GT:
        return ir_compare(ir, BI_lt, b, a);
    case BIN_GE:
        return ir_compare(ir, BI_le, b, a);
    case BIN_ADD:
    case BIN_SUB:
    case BIN_MUL:
    case BIN_DIV:
    case BIN_FLOORDIV:
    case BIN_MOD:
    case BIN_POW:
    case BIN_MATMUL:
    case BIN_AND:
    case BIN_OR:
        break;
    }
    return REF_NONE;
}

static Ref apply_binary(Lower *lower, const void *data, const Ref *scalars) {
    BinaryOp op = *(const BinaryOp *)data;
    Ir *ir = lower->ir;
    Ref v[2] = {scalars[0], scalars[1]};
    bool truths = ir_kind(ir, v[0]) == KIND_BOOL && ir_kind(ir, v[1]) == KIND_BOOL;

    if (op == BIN_AND) {
        return ir_and(ir, v[0], v[1]);
    }
    if (op == BIN_OR) {
        return ir_or(ir, v[0], v[1]);
    }
    if (op == BIN_POW) {
        v[0] = to_number(lower, v[0]);
        v[1] = to_number(lower, v[1]);
        return power(lower, v[0], v[1]);
    }
    if (!truths || (op != BIN_EQ && op != BIN_NE)) {
        unify_kinds(lower, v, 2);
    }
    switch (op) {
    case BIN_ADD:
        return ir_add(ir, v[0], v[1]);
    case BIN_SUB:
        return ir_sub(ir, v[0], v[1]);
    case BIN_MUL:
        return ir_mul(ir, v[0], v[1]);
    case BIN_DIV:
        v[0] = whole_to_real(lower, v[0]);
        v[1] = whole_to_real(lower, v[1]);
        return ir_div(ir, v[0], v[1]);
    case BIN_FLOORDIV:
        return ir_floordiv(ir, v[0], v[1]);
    case BIN_MOD:
        return ir_mod(ir, v[0], v[1]);
    case BIN_EQ:
    case BIN_NE:
    case BIN_LT:
    case BIN_LE:
    case BIN_GT:
    case BIN_GE:
        return compare(ir, op, v[0], v[1]);
    case BIN_POW:
    case BIN_MATMUL:
    case BIN_AND:
    case BIN_OR:
        break;
    }
    return REF_NONE;
}

static const struct {
    const char *symbol, *verb;
} operators[] = {
    [BIN_ADD] = {"+", "add"},     [BIN_SUB] = {"-", "subtract"},     [BIN_MUL] = {"*", "multiply"},
    [BIN_DIV] = {"/", "divide"},  [BIN_FLOORDIV] = {"//", "divide"}, [BIN_MOD] = {"%", "divide"},
    [BIN_POW] = {"^", "raise"},   [BIN_MATMUL] = {"@", "multiply"},  [BIN_EQ] = {"==", "compare"},
    [BIN_NE] = {"!=", "compare"}, [BIN_LT] = {"<", "compare"},       [BIN_LE] = {"<=", "compare"},
    [BIN_GT] = {">", "compare"},  [BIN_GE] = {">=", "compare"},      [BIN_AND] = {"and", "combine"},
    [BIN_OR] = {"or", "combine"},
};

/* Are the operands of the kind that the operator takes? */
static bool check_operand(Lower *lower, const Expr *expr, const Expr *operand, Ref value) {
    BinaryOp op = expr->as.binary.op;
    Kind kind = ir_kind(lower->ir, value);

    if ((op == BIN_FLOORDIV || op == BIN_MOD) && kind == KIND_REAL) {
        Diag *diag = lower_error(lower, expr->as.binary.op_span,
                                 "`%s` is for whole numbers, and `%s` is real",
                                 operators[op].symbol, expr_text(lower, operand));
        diag_label(lower->diags, diag, "%s",
                   op == BIN_MOD ? "of real numbers: `fmod(a, b)`"
                                 : "of real numbers: `floor(a / b)`");
        return false;
    }
    if ((op == BIN_AND || op == BIN_OR) && kind != KIND_BOOL) {
        Diag *diag =
            lower_error(lower, operand->span, "`%s` is for truth values, and `%s` is %s",
                        operators[op].symbol, expr_text(lower, operand), what_text(lower, value));
        diag_label(lower->diags, diag, "compare it: `%s != 0`", expr_text(lower, operand));
        return false;
    }
    return true;
}

static void shape_error(Lower *lower, const Expr *expr, const Expr *left, Ref a, Ref b) {
    const Expr *right = expr->as.binary.b;
    int64_t x, y;
    Diag *diag = lower_error(lower, expr->as.binary.op_span,
                             "cannot %s `%s` of shape %s and `%s` of shape %s",
                             operators[expr->as.binary.op].verb, expr_text(lower, left),
                             shape_text(lower, a), expr_text(lower, right), shape_text(lower, b));

    const Node *p = ir_node(lower->ir, a);
    const Node *q = ir_node(lower->ir, b);
    if (p->rank == q->rank && p->rank == 1 && dim_value(lower->ir, p->shape[0], &x) &&
        dim_value(lower->ir, q->shape[0], &y) && x == y) {
        diag_label(lower->diags, diag, "sizes match by name, not by value");
    } else if (p->rank == 2 && q->rank == 1 && p->shape[0] == q->shape[0]) {
        diag_label(lower->diags, diag, "a vector meets the last axis of a matrix");
    }
    note_shape(lower, diag, left, a);
    note_shape(lower, diag, right, b);
}

/* `left` is the text of the left operand. */
static Ref binary(Lower *lower, const Expr *expr, const Expr *left, Ref a, Ref b) {
    Dim shape[RANK_LIMIT];
    unsigned rank, bad;
    Ref values[2] = {a, b};

    if (a == REF_NONE || b == REF_NONE) {
        return REF_NONE;
    }
    lower->ir->at = user_span(lower, expr->span);
    if (expr->as.binary.op == BIN_MATMUL) {
        return lower_matmul(lower, expr, a, b);
    }
    if (!check_operand(lower, expr, left, a) || !check_operand(lower, expr, expr->as.binary.b, b)) {
        return REF_NONE;
    }
    if (!broadcast(lower, values, 2, shape, &rank, &bad)) {
        shape_error(lower, expr, left, a, b);
        return REF_NONE;
    }
    return elementwise(lower, values, 2, apply_binary, &expr->as.binary.op);
}

/* The expression, where a condition holds or does not. */
static Ref lower_where(Lower *lower, Ref condition, bool holds, const Expr *expr) {
    const Fact *facts = lower->facts;
    bool known = condition != REF_NONE && ir_rank(lower->ir, condition) == 0 &&
                 ir_kind(lower->ir, condition) == KIND_BOOL;

    if (known) {
        add_fact(lower, condition, holds);
    }
    lower->conditional++;
    Ref value = lower_expr(lower, expr);
    lower->conditional--;
    lower->facts = facts;
    return value;
}

/* A chain of operators leans to the left and may be long: no recursion along it. */
static Ref lower_chain(Lower *lower, const Expr *expr) {
    size_t count = 0;
    const Expr *first = expr;

    for (; first->kind == EXPR_BINARY; first = first->as.binary.a) {
        count++;
    }
    const Expr **chain = arena_array(lower->arena, const Expr *, count);
    size_t k = count;
    for (const Expr *e = expr; e->kind == EXPR_BINARY; e = e->as.binary.a) {
        chain[--k] = e;
    }
    Ref value = lower_expr(lower, first);
    for (k = 0; k < count; k++) {
        BinaryOp op = chain[k]->as.binary.op;
        const Expr *operand = chain[k]->as.binary.b;
        Ref right = op == BIN_AND || op == BIN_OR
                        ? lower_where(lower, value, op == BIN_AND, operand)
                        : lower_expr(lower, operand);
        value = binary(lower, chain[k], chain[k]->as.binary.a, value, right);
    }
    return value;
}

static Ref apply_negate(Lower *lower, const void *data, const Ref *scalars) {
    (void)data;
    return ir_neg(lower->ir, scalars[0]);
}

static Ref apply_not(Lower *lower, const void *data, const Ref *scalars) {
    (void)data;
    return ir_not(lower->ir, scalars[0]);
}

static Ref lower_unary(Lower *lower, const Expr *expr) {
    const Expr *operand = expr->as.unary.a;
    Ref a = lower_expr(lower, operand);

    if (a == REF_NONE) {
        return REF_NONE;
    }
    lower->ir->at = user_span(lower, expr->span);
    if (expr->kind == EXPR_NEGATE) {
        a = to_number(lower, a);
        return elementwise(lower, &a, 1, apply_negate, NULL);
    }
    if (ir_kind(lower->ir, a) != KIND_BOOL) {
        Diag *diag = lower_error(lower, operand->span, "`not` is for truth values, and `%s` is %s",
                                 expr_text(lower, operand), what_text(lower, a));
        diag_label(lower->diags, diag, "compare it: `%s == 0`", expr_text(lower, operand));
        return REF_NONE;
    }
    return elementwise(lower, &a, 1, apply_not, NULL);
}

/* ---- if
 * -------------------------------------------------------------------------------------------------
 */

static Ref apply_choice(Lower *lower, const void *data, const Ref *scalars) {
    Ref branches[2] = {scalars[1], scalars[2]};
    Ir *ir = lower->ir;

    (void)data;
    if (ir_kind(ir, branches[0]) == KIND_BOOL && ir_kind(ir, branches[1]) == KIND_BOOL) {
        Ref taken = ir_and(ir, scalars[0], branches[0]);
        Ref opposite = ir_not(ir, scalars[0]);
        Ref other = ir_and(ir, opposite, branches[1]);
        return ir_or(ir, taken, other);
    }
    unify_kinds(lower, branches, 2);
    return ir_select(ir, scalars[0], branches[0], branches[1]);
}

static Ref lower_choice(Lower *lower, const Expr *expr) {
    const Expr *parts[3] = {expr->as.choice.condition, expr->as.choice.then,
                            expr->as.choice.otherwise};
    Ref values[3];
    Dim shape[RANK_LIMIT];
    unsigned rank, bad;

    values[0] = lower_expr(lower, parts[0]);
    values[1] = lower_where(lower, values[0], true, parts[1]);
    values[2] = lower_where(lower, values[0], false, parts[2]);
    if (values[0] != REF_NONE && ir_kind(lower->ir, values[0]) != KIND_BOOL) {
        Diag *diag =
            lower_error(lower, parts[0]->span, "a condition is a truth value, and `%s` is %s",
                        expr_text(lower, parts[0]), what_text(lower, values[0]));
        diag_label(lower->diags, diag, "compare it: `%s != 0`", expr_text(lower, parts[0]));
        return REF_NONE;
    }
    if (values[0] == REF_NONE || values[1] == REF_NONE || values[2] == REF_NONE) {
        return REF_NONE;
    }
    lower->ir->at = user_span(lower, expr->span);
    if (!broadcast(lower, values, 3, shape, &rank, &bad)) {
        bool branches = broadcast(lower, values, 2, shape, &rank, &bad);
        Diag *diag = lower_error(lower, expr->span, "the %s of this `if` have different shapes",
                                 branches || ir_rank(lower->ir, values[0]) == 0
                                     ? "branches"
                                     : "condition and the branches");
        for (unsigned k = ir_rank(lower->ir, values[0]) == 0; k < 3; k++) {
            note_shape(lower, diag, parts[k], values[k]);
        }
        return REF_NONE;
    }
    return elementwise(lower, values, 3, apply_choice, NULL);
}

/* ---- whole numbers --------------------------------------------------------------------------- */

static void real_error(Lower *lower, const Expr *expr, const char *what) {
    const Expr *e = strip_parens(expr);
    Diag *diag = lower_error(lower, expr->span, "%s is a whole number, and `%s` is real", what,
                             expr_text(lower, expr));

    if (e->kind == EXPR_NAME && model_const(lower->model, e->as.name)) {
        diag_label(lower->diags, diag, "a const is real: declare `%s` as a `dim`", e->as.name);
    } else if (e->kind == EXPR_BINARY && e->as.binary.op == BIN_DIV) {
        diag_label(lower->diags, diag, "`//` divides whole numbers");
    } else if (e->kind == EXPR_NUMBER) {
        diag_label(lower->diags, diag, "write it without point and exponent");
    } else {
        diag_label(lower->diags, diag, "whole numbers come from indices, sizes and `y in K`");
    }
}

Ref lower_whole(Lower *lower, const Expr *expr, const char *what) {
    Ref value = lower_expr(lower, expr);

    if (value == REF_NONE) {
        return REF_NONE;
    }
    if (ir_rank(lower->ir, value) > 0 || ir_kind(lower->ir, value) == KIND_BOOL) {
        lower_error(lower, expr->span, "%s is a whole number, and `%s` is %s", what,
                    expr_text(lower, expr), what_text(lower, value));
        return REF_NONE;
    }
    if (ir_kind(lower->ir, value) == KIND_REAL) {
        real_error(lower, expr, what);
        return REF_NONE;
    }
    return value;
}

Dim lower_size(Lower *lower, const Expr *expr, const char *what) {
    Ref value = lower_whole(lower, expr, what);

    if (value == REF_NONE) {
        return DIM_NONE;
    }
    Dim dim = ir_value_dim(lower->ir, value);
    if (dim == DIM_NONE) {
        Diag *diag =
            lower_error(lower, expr->span,
                        "%s must be known before the data: `%s` depends on an index or a label",
                        what, expr_text(lower, expr));
        diag_label(lower->diags, diag, "it may use numbers, dims and sizes");
    }
    return dim;
}

/* ---- all
 * ------------------------------------------------------------------------------------------------------
 */

static Ref lower_number(Lower *lower, const Expr *expr) {
    if (expr->as.number.integer) {
        return ir_int(lower->ir, expr->as.number.integer_value);
    }
    return ir_real(lower->ir, expr->as.number.value);
}

static Ref lower_single_call(Lower *lower, const Expr *expr) {
    Values values = lower_call(lower, expr);

    if (values.count > 1) {
        Diag *diag = lower_error(lower, expr->span, "`%s` gives %zu values, and one is needed here",
                                 expr->as.call.name, values.count);
        diag_label(lower->diags, diag, "take them apart first: `a, b = %s(…)`", expr->as.call.name);
        return REF_NONE;
    }
    return values.count == 0 ? REF_NONE : values.refs[0];
}

Values lower_values(Lower *lower, const Expr *expr) {
    const Expr *e = strip_parens(expr);

    if (e->kind == EXPR_CALL) {
        return lower_call(lower, e);
    }
    return one_value(lower, lower_expr(lower, expr));
}

Ref lower_expr(Lower *lower, const Expr *expr) {
    lower->ir->at = user_span(lower, expr->span);
    switch (expr->kind) {
    case EXPR_ERROR:
        lower->failed = true;
        return REF_NONE;
    case EXPR_NUMBER:
        return lower_number(lower, expr);
    case EXPR_NAME:
        return lower_name(lower, expr);
    case EXPR_NEGATE:
    case EXPR_NOT:
        return lower_unary(lower, expr);
    case EXPR_TRANSPOSE:
        return lower_transpose(lower, expr);
    case EXPR_BINARY:
        return lower_chain(lower, expr);
    case EXPR_IF:
        return lower_choice(lower, expr);
    case EXPR_CALL:
        return lower_single_call(lower, expr);
    case EXPR_REDUCE:
        return lower_reduce(lower, expr);
    case EXPR_COMPREHENSION:
        return lower_comprehension(lower, expr);
    case EXPR_ARRAY:
        return lower_array_literal(lower, expr);
    case EXPR_SUBSCRIPT:
        return lower_subscript(lower, expr);
    case EXPR_PAREN:
        return lower_expr(lower, expr->as.unary.a);
    }
    return REF_NONE;
}
