/* prior.c: `param tau > 0 ~ cauchy(0, 5)`: makes the definition `prior` of what all `~` say,
 *     prior = sum(cauchy_lpdf(tau, 0, 5)) + …
 * so that what follows knows one prior only, and checks it as it checks what a user writes. A prior
 * that the file defines is the last term of the sum. */
#include <string.h>

#include "sema/sema_private.h"

/* The density `NAME_lpdf` or `NAME_lpmf`: the user's own, then the library's. */
static const ModelFunction *find_density(const Sema *sema, Name name) {
    static const char *const suffixes[] = {"_lpdf", "_lpmf"};
    const Model *m = sema->model;
    Name full[2];

    for (size_t s = 0; s < 2; s++) {
        full[s] = sema_name(sema, arena_format(sema->arena, "%s%s", name, suffixes[s]));
        for (size_t k = 0; k < m->function_count; k++) {
            if (m->functions[k].name == full[s] && m->functions[k].ast->has_parens) {
                return &m->functions[k];
            }
        }
    }
    const ModelFunction *density = model_library_function(m, full[0]);
    return density ? density : model_library_function(m, full[1]);
}

/* `normal_lpdf` → `normal`; NULL if it is no density. */
static Name short_name(const Sema *sema, Name name) {
    size_t length = strlen(name);
    const char *end = length > 5 ? name + length - 5 : "";
    bool density = strcmp(end, "_lpdf") == 0 || strcmp(end, "_lpmf") == 0;

    return density ? intern(sema->front->names, name, length - 5) : NULL;
}

static Name closest_density(const Sema *sema, Name name) {
    const Model *m = sema->model;
    size_t library_count = 0;
    size_t count = 0;

    while (front_library(library_count)) {
        library_count++;
    }
    Name *names = arena_array(sema->arena, Name, m->function_count + library_count + 1);
    for (size_t k = 0; k < m->function_count + library_count; k++) {
        Name full = k < m->function_count ? m->functions[k].name
                                          : front_library(k - m->function_count)->name;
        Name density = short_name(sema, full);
        if (density) {
            names[count++] = density;
        }
    }
    return closest_name(name, names, count);
}

static void unknown_density(const Sema *sema, const Expr *call) {
    Name name = call->as.call.name;
    Name density = short_name(sema, name);
    Diag *diag = diag_error(sema->diags, call->as.call.name_span, "unknown density `%s`", name);

    if (density && find_density(sema, density)) {
        diag_label(sema->diags, diag, "behind `~` it is called `%s`", density);
        return;
    }
    Name close = closest_density(sema, name);
    if (close) {
        diag_label(sema->diags, diag, "did you mean `%s`?", close);
    } else {
        diag_label(sema->diags, diag, "there is no function `%s_lpdf` or `%s_lpmf`", name, name);
    }
}

/* The density takes the param, then what stands behind the name. */
static bool check_arity(const Sema *sema, const Declaration *d, const ModelFunction *density) {
    const Expr *call = d->prior;
    size_t wanted = density->ast->formal_count;
    size_t given = call->as.call.count;
    Text text;

    if (wanted == given + 1) {
        return true;
    }
    text_init(&text, sema->arena);
    for (const Formal *a = density->ast->formals; a; a = a->next) {
        if (a != density->ast->formals) {
            text_format(&text, "%s%s", text.length > 0 ? ", " : "", a->name);
        }
    }
    Diag *diag = diag_error(sema->diags, call->span,
                            "the density `%s` takes %zu argument%s behind `~`, and here %s %zu",
                            call->as.call.name, wanted - 1, wanted == 2 ? "" : "s",
                            given == 1 ? "is" : "are", given);
    diag_label(sema->diags, diag, "`%s ~ %s(%s)`", d->name, call->as.call.name, text.data);
    if (!density->library) {
        diag_note(sema->diags, diag, density->ast->name_span, "`%s` is defined here",
                  density->name);
    }
    return false;
}

static Expr *new_expr(const Sema *sema, ExprKind kind, Span span, uint32_t depth) {
    Expr *expr = arena_new(sema->arena, Expr);

    expr->kind = kind;
    expr->span = span;
    expr->depth = depth;
    return expr;
}

static Expr *new_name(const Sema *sema, Name name, Span span) {
    Expr *expr = new_expr(sema, EXPR_NAME, span, 1);

    expr->as.name = name;
    return expr;
}

static Expr *new_call(const Sema *sema, Name name, const Expr *like, Expr *args, size_t count) {
    Expr *expr = new_expr(sema, EXPR_CALL, like->span, like->depth + 1);

    expr->as.call.name = name;
    expr->as.call.name_span = like->as.call.name_span;
    expr->as.call.args = args;
    expr->as.call.count = count;
    return expr;
}

/* sum(f_lpdf(NAME, …)); NULL if it cannot be (reported). */
static Expr *prior_term(const Sema *sema, const Declaration *d) {
    const Expr *call = d->prior;
    const ModelFunction *density = find_density(sema, call->as.call.name);

    if (!density) {
        if (!sema->model->damaged) {
            unknown_density(sema, call);
        }
        return NULL;
    }
    if (!check_arity(sema, d, density)) {
        return NULL;
    }
    Expr *first = new_name(sema, d->name, d->name_span);
    first->next = call->as.call.args;
    Expr *of = new_call(sema, density->name, call, first, call->as.call.count + 1);
    Expr *sum = new_call(sema, sema_name(sema, "sum"), of, of, 1);
    sum->as.call.total = true;
    return sum;
}

static Expr *add_term(const Sema *sema, Expr *sum, Expr *term) {
    if (!sum || !term) {
        return sum ? sum : term;
    }
    Expr *expr = new_expr(sema, EXPR_BINARY, term->span,
                          (sum->depth > term->depth ? sum->depth : term->depth) + 1);
    expr->as.binary.op = BIN_ADD;
    expr->as.binary.op_span = term->span;
    expr->as.binary.a = sum;
    expr->as.binary.b = term;
    return expr;
}

/* The file's own `prior`, renamed; NULL without one. */
static Expr *own_prior(const Sema *sema, Span *span) {
    Model *m = sema->model;

    for (size_t k = 0; k < m->function_count; k++) {
        if (m->functions[k].role == FUNCTION_PRIOR) {
            m->functions[k].role = FUNCTION_OWN_PRIOR;
            m->functions[k].name = sema_name(sema, PRIOR_OWN_NAME);
            sema_forget_names(sema, LIST_FUNCTIONS);
            *span = m->functions[k].ast->name_span;
            return m->functions[k].ast->has_parens ? NULL /* reported with the roles */
                                                   : new_name(sema, m->functions[k].name, *span);
        }
    }
    return NULL;
}

void sema_priors(Sema *sema) {
    Model *m = sema->model;
    Expr *sum = NULL;
    Span span = {0};

    for (size_t k = 0; k < m->param_count; k++) {
        const Declaration *d = m->params[k].declaration;
        if (d->prior) {
            sum = add_term(sema, sum, prior_term(sema, d));
            span = span.end == 0 ? d->prior->as.call.name_span : span;
        }
    }
    if (!sum) {
        return;
    }
    sum = add_term(sema, sum, own_prior(sema, &span));
    Function *f = arena_new(sema->arena, Function);
    f->name = sema_name(sema, "prior");
    f->name_span = span;
    f->span = span;
    f->body = sum;
    m->functions = arena_grow(sema->arena, m->functions, m->function_count,
                              &sema->function_capacity, sizeof *m->functions);
    m->functions[m->function_count++] =
        (ModelFunction){.ast = f, .name = f->name, .role = FUNCTION_PRIOR};
}
