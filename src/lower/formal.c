/* formal.c: formals that are functions, and the functions that are their arguments. */
#include <string.h>

#include "lower/elaborate.h"

const Callee *find_callee(const Lower *lower, Name name) {
    for (const Binding *b = first_binding(lower, name); b; b = b->same) {
        if (b->name == name && b->callee) {
            return b->callee;
        }
    }
    return NULL;
}

static const Callee *new_callee(Lower *lower, Callee callee) {
    Callee *made = arena_new(lower->arena, Callee);

    *made = callee;
    return made;
}

static bool is_special(const char *name) {
    return is_reduction(name) || model_differentiates(name) || strcmp(name, "concat") == 0 ||
           strcmp(name, "zeros") == 0 || strcmp(name, "ones") == 0;
}

/* The function of that name, built-in ones last; NULL: there is none. */
static const Callee *named(Lower *lower, Name name) {
    const Callee *local = find_callee(lower, name);
    BuiltinId id;

    if (local) {
        return local;
    }
    const ModelExternal *external =
        lower->library ? NULL : model_declared_external(lower->model, name);
    if (external) {
        return new_callee(lower, (Callee){.external = external});
    }
    const ModelFunction *f = lower->library ? model_library_function(lower->model, name)
                                            : model_function(lower->model, name);
    if (f && f->ast->has_parens) {
        return new_callee(lower, (Callee){.function = f->ast, .model = f});
    }
    if (!f && (is_special(name) || find_builtin(lower, name, &id))) {
        return new_callee(lower, (Callee){.builtin = name});
    }
    return NULL;
}

/* How many arguments it takes; false: that is not fixed. */
static bool arity_of(const Lower *lower, const Callee *callee, size_t *arity) {
    BuiltinId id;

    if (callee->function) {
        *arity = callee->function->formal_count;
        return true;
    }
    if (callee->external) {
        *arity = callee->external->arity;
        return true;
    }
    if (is_reduction(callee->builtin)) {
        *arity = 1;
        return strcmp(callee->builtin, "max") != 0 && strcmp(callee->builtin, "min") != 0;
    }
    if (is_special(callee->builtin) || !find_builtin(lower, callee->builtin, &id)) {
        return false;
    }
    *arity = (size_t)builtins[id].arity;
    return true;
}

static bool check_formals(Lower *lower, const Function *f, const Formal *formal,
                          const Callee *callee, const Expr *argument) {
    size_t arity;
    const char *name = expr_text(lower, argument);

    if (arity_of(lower, callee, &arity) && arity != formal->function_arity) {
        Diag *diag = lower_error(lower, argument->span,
                                 "`%s` of `%s` takes %zu argument%s, and `%s` takes %zu",
                                 formal->name, f->name, formal->function_arity,
                                 formal->function_arity == 1 ? "" : "s", name, arity);
        if (callee->function && !(callee->model && callee->model->library)) {
            diag_note(lower->diags, diag, callee->function->name_span, "`%s` is defined here",
                      callee->function->name);
        }
        return false;
    }
    for (const Formal *a = callee->function ? callee->function->formals : NULL; a; a = a->next) {
        if (a->is_function) {
            Diag *diag = lower_error(lower, argument->span,
                                     "`%s` of `%s` takes numbers and arrays, and `%s` takes a "
                                     "function",
                                     formal->name, f->name, name);
            diag_note(lower->diags, diag, a->span, "`%s` is a function", a->name);
            return false;
        }
    }
    return true;
}

const Callee *lower_function_argument(Lower *lower, const Function *f, const Formal *formal,
                                      const Expr *argument) {
    const Expr *e = strip_parens(argument);
    Ref value;

    if (e->kind == EXPR_NAME) {
        const Callee *callee = named(lower, e->as.name);
        if (callee) {
            return check_formals(lower, f, formal, callee, e) ? callee : NULL;
        }
        if (!lower_lookup(lower, e->as.name, &value)) {
            unknown_function(lower, e->as.name, e->span);
            return NULL;
        }
    } else {
        value = lower_expr(lower, argument);
    }
    if (value != REF_NONE) {
        Diag *diag =
            lower_error(lower, argument->span, "`%s` of `%s` is a function, and `%s` is %s",
                        formal->name, f->name, expr_text(lower, argument), what_text(lower, value));
        diag_label(lower->diags, diag, "the name of a function of %zu argument%s",
                   formal->function_arity, formal->function_arity == 1 ? "" : "s");
    }
    return NULL;
}
