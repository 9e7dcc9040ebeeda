/* bind.c: the values of dims and consts, of the file or of -D. A value is an expression of numbers,
 * other consts and dims; items may stand in any order. */
#include <math.h>
#include <string.h>

#include "ir/builtin.h"
#include "sema/sema_private.h"

enum { LIMIT = 1 << 30 };

typedef enum { VALUE_NEW, VALUE_OPEN, VALUE_DONE, VALUE_NONE } ValueState;

typedef struct {
    Sema *sema;
    const Expr **dim_exprs, **const_exprs; /* NULL: no value */
    ValueState *dim_states, *const_states;
    const char *owner; /* whose value is being found, for messages */
} Values;

static bool evaluate(Values *b, const Expr *expr, double *value);

static bool refuse(Values *b, Span at, const char *found) {
    Diag *diag = diag_error(b->sema->diags, at, "the value of `%s` cannot use %s", b->owner, found);
    diag_label(b->sema->diags, diag, "it is made of numbers, consts and dims");
    return false;
}

static bool find_const(Values *b, size_t k, Span at, double *value) {
    ModelConst *constant = &b->sema->model->consts[k];
    const char *owner = b->owner;

    if (b->const_states[k] == VALUE_OPEN) {
        diag_error(b->sema->diags, at, "the value of `%s` depends on itself", constant->name);
        b->const_states[k] = VALUE_NONE;
    }
    if (b->const_states[k] == VALUE_NEW) {
        b->const_states[k] = VALUE_OPEN;
        b->owner = constant->name;
        bool known = b->const_exprs[k] && evaluate(b, b->const_exprs[k], &constant->value);
        b->owner = owner;
        if (known && !isfinite(constant->value)) {
            diag_warning(b->sema->diags, WARN_not_finite, constant->span,
                         "the value of `%s` is not finite", constant->name);
        }
        b->const_states[k] = known ? VALUE_DONE : VALUE_NONE;
    }
    *value = constant->value;
    return b->const_states[k] == VALUE_DONE;
}

/* A whole number from 1 on. */
static bool check_size(Values *b, const ModelDim *dim, const Expr *expr, double value) {
    if (value >= 1 && value <= LIMIT && value == floor(value)) {
        return true;
    }
    Text text;
    text_init(&text, b->sema->arena);
    text_add_number(&text, value, false);
    Diag *diag =
        diag_error(b->sema->diags, expr->span, "the dim `%s` cannot be %s", dim->name, text.data);
    if (value > LIMIT) {
        diag_label(b->sema->diags, diag, "a dim is at most %d", LIMIT);
    } else {
        diag_label(b->sema->diags, diag, "a dim is a whole number from 1 on");
    }
    return false;
}

static bool find_dim(Values *b, size_t k, Span at, double *value) {
    ModelDim *dim = &b->sema->model->dims[k];
    const char *owner = b->owner;

    if (b->dim_states[k] == VALUE_OPEN) {
        diag_error(b->sema->diags, at, "the value of `%s` depends on itself", dim->name);
        b->dim_states[k] = VALUE_NONE;
    }
    if (b->dim_states[k] == VALUE_NEW) {
        double found = 0;
        b->dim_states[k] = VALUE_OPEN;
        b->owner = dim->name;
        bool known = b->dim_exprs[k] && evaluate(b, b->dim_exprs[k], &found) &&
                     check_size(b, dim, b->dim_exprs[k], found);
        b->owner = owner;
        dim->known = known;
        dim->value = known ? (int64_t)found : 0;
        b->dim_states[k] = known ? VALUE_DONE : VALUE_NONE;
    }
    *value = (double)dim->value;
    return b->dim_states[k] == VALUE_DONE;
}

static bool evaluate_name(Values *b, const Expr *expr, double *value) {
    const Model *m = b->sema->model;
    Name name = expr->as.name;
    const Name *names;

    for (size_t k = 0; k < m->const_count; k++) {
        if (m->consts[k].name == name) {
            return find_const(b, k, expr->span, value);
        }
    }
    for (size_t k = 0; k < m->dim_count; k++) {
        if (m->dims[k].name == name) {
            bool known = find_dim(b, k, expr->span, value);
            if (!known && !b->dim_exprs[k]) {
                Diag *diag =
                    diag_error(b->sema->diags, expr->span,
                               "the value of `%s` needs that of the dim `%s`", b->owner, name);
                diag_label(b->sema->diags, diag,
                           m->dims[k].rows ? "each sample has its own: use `%s` where it is known"
                                           : "give it one in the file, or with -D %s=…",
                           name);
            }
            return known;
        }
    }
    if (strcmp(name, "pi") == 0) {
        *value = 3.14159265358979323846;
        return true;
    }
    for (size_t k = 0; k < m->param_count; k++) {
        if (m->params[k].name == name) {
            return refuse(b, expr->span, arena_format(b->sema->arena, "the param `%s`", name));
        }
    }
    size_t count = model_names(m, b->sema->arena, false, &names);
    Name close = closest_name(name, names, count);
    if (!m->damaged) {
        Diag *diag = diag_error(b->sema->diags, expr->span, "unknown name `%s`", name);
        if (close) {
            diag_label(b->sema->diags, diag, "did you mean `%s`?", close);
        }
    }
    return false;
}

static bool evaluate_call(Values *b, const Expr *expr, double *value) {
    BuiltinId id;
    double args[BUILTIN_ARITY] = {0};
    size_t k = 0;

    if (!builtin_find(expr->as.call.name, &id) ||
        (!builtins[id].f1 && !builtins[id].f2 && !builtins[id].f3)) {
        return refuse(b, expr->as.call.name_span,
                      arena_format(b->sema->arena, "the function `%s`", expr->as.call.name));
    }
    if (expr->as.call.count != (size_t)builtins[id].arity) {
        diag_error(b->sema->diags, expr->span, "`%s` takes %d argument%s, and here are %zu",
                   expr->as.call.name, builtins[id].arity, builtins[id].arity == 1 ? "" : "s",
                   expr->as.call.count);
        return false;
    }
    for (const Expr *a = expr->as.call.args; a; a = a->next) {
        if (!evaluate(b, a, &args[k++])) {
            return false;
        }
    }
    const Builtin *f = &builtins[id];
    *value = f->f1   ? f->f1(args[0])
             : f->f2 ? f->f2(args[0], args[1])
                     : f->f3(args[0], args[1], args[2]);
    return true;
}

static bool apply(Values *b, const Expr *expr, double x, double y, double *value) {
    switch (expr->as.binary.op) {
    case BIN_ADD:
        *value = x + y;
        return true;
    case BIN_SUB:
        *value = x - y;
        return true;
    case BIN_MUL:
        *value = x * y;
        return true;
    case BIN_DIV:
        *value = x / y;
        return true;
    case BIN_POW:
        *value = pow(x, y);
        return true;
    case BIN_FLOORDIV:
    case BIN_MOD:
        if (y == 0) {
            diag_error(b->sema->diags, expr->as.binary.op_span, "division by 0");
            return false;
        }
        if (x != floor(x) || y != floor(y)) {
            diag_error(b->sema->diags, expr->as.binary.op_span,
                       "`%s` is for whole numbers, and one here is not",
                       expr->as.binary.op == BIN_MOD ? "%" : "//");
            return false;
        }
        *value = expr->as.binary.op == BIN_MOD ? x - y * floor(x / y) : floor(x / y);
        return true;
    case BIN_MATMUL:
    case BIN_EQ:
    case BIN_NE:
    case BIN_LT:
    case BIN_LE:
    case BIN_GT:
    case BIN_GE:
    case BIN_AND:
    case BIN_OR:
        break;
    }
    return refuse(b, expr->as.binary.op_span, "this operator");
}

/* A chain of binary operators leans to the left and may be long: no recursion along it. */
static bool evaluate_sum(Values *b, const Expr *expr, double *value) {
    size_t count = 0;
    const Expr *first = expr;

    for (; first->kind == EXPR_BINARY; first = first->as.binary.a) {
        count++;
    }
    const Expr **chain = arena_array(b->sema->arena, const Expr *, count + 1);
    size_t k = count;
    for (const Expr *e = expr; e->kind == EXPR_BINARY; e = e->as.binary.a) {
        chain[--k] = e;
    }
    double x, y;
    if (!evaluate(b, first, &x)) {
        return false;
    }
    for (k = 0; k < count; k++) {
        if (!evaluate(b, chain[k]->as.binary.b, &y) || !apply(b, chain[k], x, y, &x)) {
            return false;
        }
    }
    *value = x;
    return true;
}

static bool evaluate(Values *b, const Expr *expr, double *value) {
    double x;

    switch (expr->kind) {
    case EXPR_ERROR:
        return false;
    case EXPR_NUMBER:
        *value = expr->as.number.value;
        return true;
    case EXPR_NAME:
        return evaluate_name(b, expr, value);
    case EXPR_PAREN:
        return evaluate(b, expr->as.unary.a, value);
    case EXPR_NEGATE:
        if (!evaluate(b, expr->as.unary.a, &x)) {
            return false;
        }
        *value = -x;
        return true;
    case EXPR_BINARY:
        return evaluate_sum(b, expr, value);
    case EXPR_CALL:
        return evaluate_call(b, expr, value);
    case EXPR_ARRAY:
    case EXPR_COMPREHENSION:
        return refuse(b, expr->span, "an array");
    case EXPR_IF:
        return refuse(b, expr->span, "an `if`");
    case EXPR_REDUCE:
        return refuse(b, expr->span, "a range");
    case EXPR_NOT:
    case EXPR_TRANSPOSE:
    case EXPR_SUBSCRIPT:
        break;
    }
    return refuse(b, expr->span, "this expression");
}

/* ---- -D -------------------------------------------------------------------------------------- */

static void define(Values *b, Definition *definition) {
    Sema *sema = b->sema;
    Model *m = sema->model;
    Name name = sema_name(sema, definition->name);
    const char *path = arena_format(sema->arena, "-D %s", definition->name);
    uint32_t file = sources_add(sema->front->sources, path, definition->value,
                                strlen(definition->value), false);
    const Expr *expr = front_parse_expression(sema->front, file);

    definition->used = true;
    for (size_t k = 0; k < m->dim_count; k++) {
        if (m->dims[k].name == name && m->dims[k].rows) {
            Span at = {file, 0, (uint32_t)strlen(definition->value)};
            diag_error(
                sema->diags, at,
                "`%s` is the number of rows of a sample: each sample of the data has its own",
                name);
            return;
        }
        if (m->dims[k].name == name) {
            b->dim_exprs[k] = expr;
            return;
        }
    }
    for (size_t k = 0; k < m->const_count; k++) {
        if (m->consts[k].name == name) {
            b->const_exprs[k] = expr;
            m->consts[k].fixed = true;
            return;
        }
    }
    definition->used = false;
    Name *names = arena_array(sema->arena, Name, m->dim_count + m->const_count + 1);
    size_t count = 0;
    for (size_t k = 0; k < m->dim_count; k++) {
        names[count++] = m->dims[k].name;
    }
    for (size_t k = 0; k < m->const_count; k++) {
        names[count++] = m->consts[k].name;
    }
    Name close = closest_name(name, names, count);
    Span at = {file, 0, (uint32_t)strlen(definition->value)};
    Diag *diag = diag_error(sema->diags, at, "the model has no dim or const `%s`", name);
    if (close) {
        diag_label(sema->diags, diag, "did you mean `%s`?", close);
    }
}

static bool same_place(Span a, Span b) {
    return a.file == b.file && a.start == b.start;
}

void sema_bind(Sema *sema) {
    Model *m = sema->model;
    Values b = {.sema = sema};
    size_t dim = 0, constant = 0;
    double value;

    b.dim_exprs = arena_array(sema->arena, const Expr *, m->dim_count + 1);
    b.const_exprs = arena_array(sema->arena, const Expr *, m->const_count + 1);
    b.dim_states = arena_array(sema->arena, ValueState, m->dim_count + 1);
    b.const_states = arena_array(sema->arena, ValueState, m->const_count + 1);
    for (const Item *item = m->ast->items; item; item = item->next) {
        if (item->kind != ITEM_DIM && item->kind != ITEM_CONST) {
            continue;
        }
        for (const Declaration *d = item->as.declarations; d; d = d->next) {
            /* Duplicates are not in the tables. */
            if (item->kind == ITEM_DIM && dim < m->dim_count &&
                same_place(m->dims[dim].span, d->name_span)) {
                b.dim_exprs[dim] = m->dims[dim].rows ? NULL : d->value;
                dim++;
            } else if (item->kind == ITEM_CONST && constant < m->const_count &&
                       same_place(m->consts[constant].span, d->name_span)) {
                b.const_exprs[constant++] = d->value;
            }
        }
    }
    for (size_t k = 0; k < sema->definition_count; k++) {
        define(&b, &sema->definitions[k]);
    }
    for (size_t k = 0; k < m->dim_count; k++) {
        b.owner = m->dims[k].name;
        (void)find_dim(&b, k, m->dims[k].span, &value);
    }
    for (size_t k = 0; k < m->const_count; k++) {
        b.owner = m->consts[k].name;
        (void)find_const(&b, k, m->consts[k].span, &value);
    }
}
