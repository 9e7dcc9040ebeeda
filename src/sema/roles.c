/* roles.c: the rules of the functions that the trainer knows, and the clashes of C names. */
#include <string.h>

#include "sema/sema_private.h"

static const Formal *find_formal(const Function *f, Name name) {
    for (const Formal *a = f->formals; a; a = a->next) {
        if (a->name == name) {
            return a;
        }
    }
    return NULL;
}

static const char *formal_text(Arena *arena, const Formal *formal) {
    Text text;

    text_init(&text, arena);
    text_add(&text, formal->name);
    for (const Expr *e = formal->shape; e; e = e->next) {
        text_format(&text, "%s%s", e == formal->shape ? "[" : ", ",
                    front_expression_text(arena, e));
    }
    text_add(&text, formal->shape ? "]" : "");
    if (formal->class_size) {
        text_format(&text, " in %s", front_expression_text(arena, formal->class_size));
    }
    return text.data;
}

/* Each argument of forward, or of a metric, is a column that loss names too. */
static void check_columns(Sema *sema, const ModelFunction *f) {
    const ModelFunction *loss = sema->model->loss;

    for (const Formal *a = f->ast->formals; a; a = a->next) {
        const Formal *b = find_formal(loss->ast, a->name);
        if (!b) {
            Diag *diag = diag_error(sema->diags, a->span, "`%s` is no argument of `loss`", a->name);
            diag_label(sema->diags, diag, "the columns of the data are those of `loss`");
            diag_note(sema->diags, diag, loss->ast->name_span, "`loss` is defined here");
            continue;
        }
        const char *here = formal_text(sema->arena, a);
        const char *there = formal_text(sema->arena, b);
        if (strcmp(here, there) != 0) {
            Diag *diag = diag_error(sema->diags, a->span,
                                    "the column is `%s` here and `%s` in `loss`", here, there);
            diag_note(sema->diags, diag, b->span, "`%s` of `loss` is here", b->name);
        }
    }
}

/* A column's sizes are dims, bound by the data. */
static void check_sizes(Sema *sema, const ModelFunction *f) {
    for (const Formal *a = f->ast->formals; a; a = a->next) {
        for (const Expr *e = a->shape; e; e = e->next) {
            if (e->kind == EXPR_NAME && !model_dim(sema->model, e->as.name) &&
                !model_const(sema->model, e->as.name)) {
                Diag *diag =
                    diag_error(sema->diags, e->span, "the size `%s` of the column `%s` is no dim",
                               e->as.name, a->name);
                diag_label(sema->diags, diag, "declare it: `dim %s`", e->as.name);
            }
        }
        if (a->class_size && a->class_size->kind == EXPR_NAME && f->role == FUNCTION_LOSS) {
            for (size_t k = 0; k < sema->model->dim_count; k++) {
                sema->model->dims[k].from_labels |=
                    sema->model->dims[k].name == a->class_size->as.name;
            }
        }
    }
}

/* penalty and prior have no arguments: they belong to no sample. */
static void check_definition(Sema *sema, const ModelFunction *f) {
    if (f->ast->has_parens) {
        Diag *diag = diag_error(sema->diags, f->ast->name_span,
                                "`%s` is a definition: it has no arguments", f->ast->name);
        diag_label(sema->diags, diag, "write `%s = …`; what belongs to a sample goes into `loss`",
                   f->ast->name);
    }
}

void sema_roles(Sema *sema) {
    Model *m = sema->model;

    for (size_t k = 0; k < m->function_count; k++) {
        const ModelFunction *f = &m->functions[k];
        switch (f->role) {
        case FUNCTION_PLAIN:
        case FUNCTION_METRIC:
            break;
        case FUNCTION_FORWARD:
            m->forward = f;
            break;
        case FUNCTION_LOSS:
            m->loss = f;
            break;
        case FUNCTION_PENALTY:
            m->penalty = f;
            check_definition(sema, f);
            break;
        case FUNCTION_PRIOR:
            m->prior = f;
            check_definition(sema, f);
            break;
        case FUNCTION_OWN_PRIOR:
            check_definition(sema, f);
            break;
        }
    }
    if (!m->loss) {
        for (size_t k = 0; k < m->function_count; k++) {
            const ModelFunction *f = &m->functions[k];
            if (f->role == FUNCTION_METRIC && !m->damaged) {
                diag_error(sema->diags, f->ast->name_span,
                           "the metric `%s` needs a `loss`, whose columns it measures", f->name);
            }
        }
        return;
    }
    check_sizes(sema, m->loss);
    if (m->forward) {
        check_columns(sema, m->forward);
    }
    for (size_t k = 0; k < m->function_count; k++) {
        if (m->functions[k].role == FUNCTION_METRIC) {
            check_columns(sema, &m->functions[k]);
        }
    }
}

/* The function that may be meant as the loss. */
static void note_misspelt_loss(const Front *front, const Model *model, Diag *diag) {
    for (size_t k = 0; k < model->function_count; k++) {
        const ModelFunction *f = &model->functions[k];
        if (closest_name("loss", &f->name, 1)) {
            diag_note(front->diags, diag, f->ast->name_span, "is `%s` meant as `loss`?", f->name);
        }
    }
}

bool sema_check_trainer(const Front *front, const Model *model) {
    Span start = {model->ast->file, 0, 0};

    if (!model->loss) {
        Diag *diag = diag_error(
            front->diags, start,
            "a trainer needs a `loss`, and there is none"); /* rare: --check makes no trainer */
        diag_label(front->diags, diag, "for C functions alone, use `-c` or `--emit=c`");
        note_misspelt_loss(front, model, diag);
        return false;
    }
    if (model->param_count == 0) {
        Diag *diag =
            diag_error(front->diags, model->loss->ast->name_span,
                       "a trainer needs a `param`, and there is none"); /* rare: as above */
        diag_label(front->diags, diag, "nothing here can be learned");
        return false;
    }
    return true;
}

/* ---- C names --------------------------------------------------------------------------------- */

typedef struct {
    Name name;
    Span span;
    const char *c;
} Spelled;

static const char *const derived[] = {"_grad", "_jvp",   "_hvp",        "_hessian",   "_jacobian",
                                      "_work", "_batch", "_batch_grad", "_grad_work", NULL};

static void check_spelling(Sema *sema, const Spelled *a, const Spelled *b) {
    if (strcmp(a->c, b->c) == 0) {
        Diag *diag = diag_error(sema->diags, b->span, "`%s` and `%s` are both `%s` in C", a->name,
                                b->name, a->c);
        diag_label(sema->diags, diag, "rename one of them");
        diag_note(sema->diags, diag, a->span, "`%s` is here", a->name);
    }
}

static void check_derived(Sema *sema, const Spelled *f, const Spelled *other) {
    size_t length = strlen(f->c);

    if (strncmp(f->c, other->c, length) != 0) {
        return;
    }
    for (size_t k = 0; derived[k]; k++) {
        if (strcmp(other->c + length, derived[k]) == 0) {
            Diag *diag = diag_error(sema->diags, other->span,
                                    "`%s` has the C name of a function made from `%s`", other->name,
                                    f->name);
            diag_label(sema->diags, diag, "rename it");
            diag_note(sema->diags, diag, f->span, "`%s` is here", f->name);
        }
    }
}

/* Could two of them be in each other's way? Most models are done with here. */
static bool may_clash(const Sema *sema, const Spelled *list, size_t count, bool functions) {
    NameTable seen = {0};
    bool found = false;

    for (size_t k = 0; k < count; k++) {
        Name c = sema_name(sema, list[k].c);
        found |= names_find(&seen, c) != SIZE_MAX;
        names_note(&seen, sema->arena, c);
    }
    for (size_t k = 0; functions && k < count; k++) {
        for (size_t j = 0; derived[j]; j++) {
            Name c = sema_name(sema, arena_format(sema->arena, "%s%s", list[k].c, derived[j]));
            found |= names_find(&seen, c) != SIZE_MAX;
        }
    }
    return found;
}

static void check_formal_names(Sema *sema, const Function *f) {
    for (const Formal *a = f->formals; a; a = a->next) {
        for (const Formal *b = f->formals; b != a; b = b->next) {
            if (a->name != b->name) {
                Spelled x = {b->name, b->name_span, c_name(sema->arena, b->name)};
                Spelled y = {a->name, a->name_span, c_name(sema->arena, a->name)};
                check_spelling(sema, &x, &y);
            }
        }
    }
}

/* The generated functions that are not named after one of the file. */
static void check_own_names(Sema *sema, const Spelled *f) {
    static const char *const own[] = {"init", "param_count", "constrained_count", "constrain",
                                      "unconstrain"};

    for (size_t k = 0; k < sizeof own / sizeof own[0]; k++) {
        if (strcmp(f->c, own[k]) == 0) {
            Diag *diag =
                diag_error(sema->diags, f->span,
                           "`%s` has the C name of a function that every model has", f->name);
            diag_label(sema->diags, diag, "rename it");
        }
    }
}

void sema_c_names(Sema *sema) {
    Model *m = sema->model;
    Spelled *functions = arena_array(sema->arena, Spelled, m->function_count + 1);
    Spelled *params = arena_array(sema->arena, Spelled, m->param_count + 1);

    for (size_t k = 0; k < m->function_count; k++) {
        const Function *f = m->functions[k].ast;
        functions[k] = (Spelled){m->functions[k].name, f->name_span,
                                 c_name(sema->arena, m->functions[k].name)};
        check_formal_names(sema, f);
        check_own_names(sema, &functions[k]);
    }
    bool clash = may_clash(sema, functions, m->function_count, true);
    for (size_t k = 0; clash && k < m->function_count; k++) {
        for (size_t j = 0; j < k; j++) {
            check_spelling(sema, &functions[j], &functions[k]);
            check_derived(sema, &functions[j], &functions[k]);
            check_derived(sema, &functions[k], &functions[j]);
        }
    }
    for (size_t k = 0; k < m->param_count; k++) {
        const Declaration *d = m->params[k].declaration;
        params[k] = (Spelled){d->name, d->name_span, c_name(sema->arena, d->name)};
    }
    clash = may_clash(sema, params, m->param_count, false);
    for (size_t k = 0; clash && k < m->param_count; k++) {
        for (size_t j = 0; j < k; j++) {
            check_spelling(sema, &params[j], &params[k]);
        }
    }
}
