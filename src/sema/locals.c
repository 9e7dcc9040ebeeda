/* locals.c: the names of a function: formals and locals. They may hide no param, const, dim or data
 * array; those that nothing reads get a warning. */
#include <string.h>

#include "ir/builtin.h"
#include "sema/sema_private.h"

typedef struct {
    Name name;
    Span span;
    bool plain; /* set by a plain assignment: worth a warning */
} Local;

typedef struct {
    Sema *sema;
    Local *locals;
    size_t count, capacity;
    Name *reads; /* names read anywhere in the function */
    size_t read_count, read_capacity;
} Locals;

static const char *const reductions[] = {"sum",       "prod",   "mean",   "max", "min",
                                         "logsumexp", "argmax", "argmin", "any", "all"};

bool sema_is_reduction(const char *name) {
    for (size_t k = 0; k < sizeof reductions / sizeof reductions[0]; k++) {
        if (strcmp(name, reductions[k]) == 0) {
            return true;
        }
    }
    return false;
}

/* What of the file the name would hide; NULL if nothing that it may not. */
static const char *hidden_item(const Model *m, Name name, Span *span) {
    const ModelDim *dim = model_dim(m, name);
    const ModelConst *constant = model_const(m, name);

    if (dim) {
        *span = dim->span;
        return "dim";
    }
    if (constant) {
        *span = constant->span;
        return "const";
    }
    for (size_t k = 0; k < m->param_count; k++) {
        if (m->params[k].name == name) {
            *span = m->params[k].declaration->name_span;
            return "param";
        }
    }
    for (size_t k = 0; k < m->data_count; k++) {
        if (m->datas[k].name == name) {
            *span = m->datas[k].declaration->name_span;
            return "data array";
        }
    }
    return NULL;
}

/* Reports a local name that hides an item. */
static void check_hiding(Sema *sema, Name name, Span at, const char *what) {
    Span span;
    const char *item = hidden_item(sema->model, name, &span);

    if (item) {
        Diag *diag =
            diag_error(sema->diags, at, "the %s `%s` hides the %s of that name", what, name, item);
        diag_label(sema->diags, diag, "choose another name");
        diag_note(sema->diags, diag, span, "the %s is declared here", item);
    }
}

static void on_expr(void *data, const Expr *expr) {
    Locals *l = data;
    Name name = NULL;

    if (expr->kind == EXPR_NAME) {
        name = expr->as.name;
    } else if (expr->kind == EXPR_CALL) {
        name = expr->as.call.name;
    } else {
        return;
    }
    l->reads =
        arena_grow(l->sema->arena, l->reads, l->read_count, &l->read_capacity, sizeof *l->reads);
    l->reads[l->read_count++] = name;
}

static void on_target(void *data, const Target *target) {
    Locals *l = data;

    for (size_t k = 0; k < l->count; k++) {
        if (l->locals[k].name == target->name) {
            return; /* its first assignment was checked */
        }
    }
    check_hiding(l->sema, target->name, target->name_span, "local name");
    l->locals = arena_grow(l->sema->arena, l->locals, l->count, &l->capacity, sizeof *l->locals);
    l->locals[l->count++] = (Local){target->name, target->name_span, true};
}

static void on_binder(void *data, const Binder *binder) {
    Locals *l = data;

    check_hiding(l->sema, binder->name, binder->span, "index");
}

static void check_formals(Sema *sema, const Function *f) {
    for (const Formal *a = f->formals; a; a = a->next) {
        check_hiding(sema, a->name, a->name_span, "formal");
        for (const Formal *b = f->formals; b != a; b = b->next) {
            if (b->name == a->name) {
                Diag *diag = diag_error(sema->diags, a->name_span,
                                        "two formals of `%s` are called `%s`", f->name, a->name);
                diag_note(sema->diags, diag, b->name_span, "the first is here");
                break;
            }
        }
    }
}

static void on_local(void *data, const Function *f) {
    Locals *l = data;

    check_hiding(l->sema, f->name, f->name_span, "local function");
    check_formals(l->sema, f);
}

/* `h[i] = …` at item level: its indices are names too. */
static void check_indices(Sema *sema, const Function *f) {
    for (const Subscript *s = f->indices; s; s = s->next) {
        if (s->kind == SUB_INDEX && s->index && s->index->kind == EXPR_NAME) {
            check_hiding(sema, s->index->as.name, s->index->span, "index");
        }
    }
}

static bool is_read(const Locals *l, Name name) {
    for (size_t k = 0; k < l->read_count; k++) {
        if (l->reads[k] == name) {
            return true;
        }
    }
    return false;
}

static void check_function(Sema *sema, const Function *f) {
    Locals l = {.sema = sema};
    Walk walk = {&l, on_expr, on_target, on_binder, on_local};
    BuiltinId id;

    check_formals(sema, f);
    check_indices(sema, f);
    walk_function(&walk, f);
    for (size_t k = 0; k < l.count; k++) {
        const Local *local = &l.locals[k];
        if (local->plain && local->name[0] != '_' && !is_read(&l, local->name)) {
            diag_warning(sema->diags, WARN_unused_name, local->span, "`%s` is never used",
                         local->name);
        }
    }
    if (f->has_parens && (sema_is_reduction(f->name) || builtin_find(f->name, &id))) {
        diag_warning(sema->diags, WARN_shadow, f->name_span,
                     "the function `%s` hides the built-in one", f->name);
    }
}

void sema_locals(Sema *sema) {
    for (size_t k = 0; k < sema->model->function_count; k++) {
        check_function(sema, sema->model->functions[k].ast);
    }
}
