/* deriv.c: derivatives inside the language. A name that stands second in a derivative is a
 * variable: where it gets its value, the value becomes a VAR node of its own, and all that is
 * computed from the name is computed from that node. What else has the same value is not. */
#include <string.h>

#include "lower/elaborate.h"
#include "sema/walk.h"

struct Variables {
    const Function *function;
    const Name *names;
    size_t count;
    Variables *next;
};

/* ---- which names are variables --------------------------------------------------------------- */

typedef struct {
    Arena *arena;
    Name *names;
    size_t count, capacity;
} Names;

static void on_expr(void *data, const Expr *expr) {
    Names *n = data;

    if (expr->kind != EXPR_CALL || !model_differentiates(expr->as.call.name) ||
        !expr->as.call.args || !expr->as.call.args->next) {
        return;
    }
    const Expr *by = strip_parens(expr->as.call.args->next);
    if (by->kind == EXPR_NAME) {
        n->names = arena_grow(n->arena, n->names, n->count, &n->capacity, sizeof *n->names);
        n->names[n->count++] = by->as.name;
    }
}

static const Variables *collect(Lower *lower, const Function *function) {
    Names names = {.arena = lower->arena};
    Walk walk = {.data = &names, .expr = on_expr};

    walk_function(&walk, function);
    Variables *found = arena_new(lower->arena, Variables);
    *found = (Variables){function, names.names, names.count, lower->variable_sets};
    lower->variable_sets = found;
    return found;
}

const Variables *variables_of(Lower *lower, const Function *function) {
    for (const Variables *v = lower->variable_sets; v; v = v->next) {
        if (v->function == function) {
            return v;
        }
    }
    return collect(lower, function);
}

const Variables *variables_of_model(Lower *lower) {
    Variables *all = arena_new(lower->arena, Variables);

    *all = (Variables){.names = lower->model->variables, .count = lower->model->variable_count};
    return all;
}

bool is_variable(const Variables *variables, Name name) {
    for (size_t k = 0; variables && k < variables->count; k++) {
        if (variables->names[k] == name) {
            return true;
        }
    }
    return false;
}

Ref make_variable(Lower *lower, Ref value) {
    if (value == REF_NONE || ir_kind(lower->ir, value) != KIND_REAL) {
        return value;
    }
    return ir_numbered_var(lower->ir, value, ++lower->variable_count);
}

/* ---- what is differentiated, and by what ----------------------------------------------------- */

/* What of the file a name is that does not vary; NULL: nothing. */
static const char *fixed_item(const Lower *lower, Name name) {
    if (find_binding(lower, name) || lower->library) {
        return NULL;
    }
    if (model_const(lower->model, name)) {
        return "a const";
    }
    if (model_dim(lower->model, name)) {
        return "a dim";
    }
    for (size_t k = 0; k < lower->model->data_count; k++) {
        if (lower->model->datas[k].name == name) {
            return "a data array";
        }
    }
    return NULL;
}

/* The variable; REF_NONE: reported. */
static Ref lower_variable(Lower *lower, const Expr *call, const Expr *by) {
    const Expr *e = strip_parens(by);
    const char *operation = call->as.call.name;

    if (e->kind != EXPR_NAME) {
        Diag *diag =
            lower_error(lower, by->span, "`%s` takes the derivative by a name, not by `%s`",
                        operation, expr_text(lower, by));
        diag_label(lower->diags, diag,
                   e->kind == EXPR_SUBSCRIPT ? "by the whole array; take the entry of the result"
                                             : "give it a name, and compute with that: `v = …`");
        return REF_NONE;
    }
    const char *item = fixed_item(lower, e->as.name);
    if (item) {
        Diag *diag = lower_error(lower, by->span, "`%s` is %s: nothing has a derivative by it",
                                 e->as.name, item);
        diag_label(lower->diags, diag, "derivatives are by formals, params and local names");
        return REF_NONE;
    }
    Ref variable = lower_expr(lower, e);
    if (variable == REF_NONE) {
        return REF_NONE;
    }
    if (ir_kind(lower->ir, variable) != KIND_REAL) {
        bool whole = ir_kind(lower->ir, variable) == KIND_INT;
        Diag *diag = lower_error(lower, by->span, "`%s` is %s: nothing has a derivative by it",
                                 e->as.name, whole ? "a whole number" : "a truth value");
        bool written = ir_node(lower->ir, variable)->op == OP_CONST;
        diag_label(lower->diags, diag, "%s",
                   whole && written ? "a real one is written with a point: `2.0`"
                                    : "derivatives are by reals");
        return REF_NONE;
    }
    Op op = ir_node(lower->ir, variable)->op;
    if (op != OP_VAR && op != OP_LEAF) {
        Diag *diag = lower_error(lower, by->span, "`%s` is not a variable", e->as.name);
        diag_label(lower->diags, diag, "derivatives are by formals, params and local names");
        return REF_NONE;
    }
    return variable;
}

/* What is differentiated, real; REF_NONE: reported. */
static Ref lower_subject(Lower *lower, const Expr *call, const Expr *expr) {
    Ref value = lower_expr(lower, expr);

    if (value == REF_NONE || ir_kind(lower->ir, value) == KIND_REAL) {
        return value;
    }
    if (ir_node(lower->ir, value)->op == OP_CONST && ir_kind(lower->ir, value) == KIND_INT) {
        return ir_convert(lower->ir, value); /* f(x) = 1 */
    }
    Diag *diag =
        lower_error(lower, expr->span, "`%s` is of a real value, and `%s` is %s",
                    call->as.call.name, expr_text(lower, expr),
                    ir_kind(lower->ir, value) == KIND_INT ? "a whole number" : "a truth value");
    diag_label(lower->diags, diag, "what takes steps has no derivative");
    return REF_NONE;
}

/* Are the shapes those that the operation is for? */
static bool check_shapes(Lower *lower, const Expr *call, Ref value, Ref variable) {
    const char *operation = call->as.call.name;
    const Expr *of = call->as.call.args;
    unsigned rank = ir_rank(lower->ir, value), by = ir_rank(lower->ir, variable);
    const char *mend = NULL;
    const Expr *at = of;

    if ((strcmp(operation, "grad") == 0 || strcmp(operation, "hessian") == 0) && rank > 0) {
        mend = operation[0] == 'g' ? "of an array: `jacobian(…)` or `deriv(…)`"
                                   : "of one entry, or of a sum of them";
    } else if (strcmp(operation, "jacobian") == 0 && rank == 0) {
        mend = "of a number: `grad(…)`";
    } else if (strcmp(operation, "jacobian") == 0 && by == 0) {
        mend = "by a number: `deriv(…)`";
        at = of->next;
    }
    if (mend) {
        Ref wrong = at == of ? value : variable;
        Diag *diag =
            lower_error(lower, at->span, "`%s` is %s %s, and `%s` is %s", operation,
                        at == of ? "of" : "by", operation[0] == 'j' ? "an array" : "a number",
                        expr_text(lower, at), what_text(lower, wrong));
        diag_label(lower->diags, diag, "%s", mend);
        return false;
    }
    unsigned axes = rank + (operation[0] == 'h'                          ? 2 * by
                            : operation[0] == 'd' && operation[1] == 'i' ? 0
                                                                         : by);
    if (axes > RANK_LIMIT) {
        lower_error(lower, call->span, "this derivative has %u axes, and an array has at most %d",
                    axes, RANK_LIMIT);
        return false;
    }
    return true;
}

/* The direction of dirderiv: of the shape of the variable. */
static Ref lower_direction(Lower *lower, const Expr *call, const Expr *expr, Ref variable) {
    Ref direction = lower_expr(lower, expr);

    if (direction == REF_NONE) {
        return REF_NONE;
    }
    direction = to_real(lower, to_number(lower, direction));
    const Node *a = ir_node(lower->ir, direction);
    const Node *b = ir_node(lower->ir, variable);
    bool same = a->rank == b->rank;
    for (unsigned k = 0; k < b->rank && same; k++) {
        same = a->shape[k] == b->shape[k];
    }
    if (!same) {
        const Expr *by = call->as.call.args->next;
        Diag *diag = lower_error(lower, expr->span, "a direction for `%s` is %s, and `%s` is %s",
                                 expr_text(lower, by), what_text(lower, variable),
                                 expr_text(lower, expr), what_text(lower, direction));
        note_shape(lower, diag, by, variable);
        return REF_NONE;
    }
    return direction;
}

Ref lower_derivative(Lower *lower, const Expr *call) {
    const char *operation = call->as.call.name;
    bool along = strcmp(operation, "dirderiv") == 0;
    const Expr *args = call->as.call.args;

    if (call->as.call.count != (along ? 3 : 2)) {
        Diag *diag = lower_error(lower, call->span, "`%s` takes %d arguments, and here %s %zu",
                                 operation, along ? 3 : 2, call->as.call.count == 1 ? "is" : "are",
                                 call->as.call.count);
        diag_label(lower->diags, diag, "what, by which name%s: `%s(e, v%s)`",
                   along ? ", along what" : "", operation, along ? ", direction" : "");
        return REF_NONE;
    }
    Ref value = lower_subject(lower, call, args);
    Ref variable = lower_variable(lower, call, args->next);
    if (value == REF_NONE || variable == REF_NONE || !check_shapes(lower, call, value, variable)) {
        return REF_NONE;
    }
    Ref direction = along ? lower_direction(lower, call, args->next->next, variable) : REF_NONE;
    if (along && direction == REF_NONE) {
        return REF_NONE;
    }
    lower->ir->at = user_span(lower, call->span);
    if (along) {
        return ir_deriv_along(lower->ir, value, variable, direction);
    }
    Ref first = ir_deriv(lower->ir, value, variable);
    return operation[0] == 'h' ? ir_deriv(lower->ir, first, variable) : first;
}
