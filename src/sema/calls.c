/* calls.c: who calls whom: recursion is refused with its cycle; params and functions that nothing
 * uses get a warning. */
#include <string.h>

#include "sema/sema_private.h"

/* The names that a function's text reads, and the places. */
typedef struct {
    Sema *sema;
    const Function *self;
    struct Own { /* of the function: local functions and formals that are, or values */
        Name name;
        const Function *function; /* of a local function */
        bool call;
    } * locals;
    size_t local_count, local_capacity;
    struct Use {
        Name name;
        Span span;
        bool call;
    } * uses;
    size_t use_count, use_capacity;
} Uses;

typedef enum { VISIT_NEW, VISIT_OPEN, VISIT_DONE } Visit;

typedef struct {
    Sema *sema;
    Uses *uses; /* of each function of the model */
    Visit *visit;
    size_t *stack; /* the functions that are open */
    size_t depth;
    size_t *order; /* callees first */
    size_t done;
    bool unknown;    /* a name that means nothing: it may be meant for a param */
    bool *params;    /* reached */
    bool *functions; /* reached */
    Name *variables; /* what derivatives are taken by */
    size_t variable_count, variable_capacity;
    NameTable known_variables;
} Graph;

static void add_own(Uses *u, struct Own own) {
    u->locals = arena_grow(u->sema->arena, u->locals, u->local_count, &u->local_capacity,
                           sizeof *u->locals);
    u->locals[u->local_count++] = own;
}

static void add_local(Uses *u, Name name) {
    add_own(u, (struct Own){name, NULL, false});
}

static const struct Own *find_own(const Uses *u, Name name, bool call) {
    for (size_t k = 0; k < u->local_count; k++) {
        if (u->locals[k].name == name && u->locals[k].call == call) {
            return &u->locals[k];
        }
    }
    return NULL;
}

static void add_use(Uses *u, Name name, Span span, bool call) {
    u->uses = arena_grow(u->sema->arena, u->uses, u->use_count, &u->use_capacity, sizeof *u->uses);
    u->uses[u->use_count++] = (struct Use){name, span, call};
}

/* The function that a call means, if it is the user's or the library's. */
static const Function *callee_of(const Uses *u, Name name) {
    const struct Own *own = find_own(u, name, true);
    if (own) {
        return own->function;
    }
    const ModelFunction *f = model_function(u->sema->model, name);
    return f ? f->ast : NULL;
}

/* Functions that are arguments are used as if they were called. */
static void add_function_arguments(Uses *u, const Expr *call) {
    const Function *f = callee_of(u, call->as.call.name);
    const Formal *a = f ? f->formals : NULL;

    for (const Expr *e = call->as.call.args; e && a; e = e->next, a = a->next) {
        const Expr *name = e;
        while (name->kind == EXPR_PAREN) {
            name = name->as.unary.a;
        }
        if (a->is_function && name->kind == EXPR_NAME) {
            add_use(u, name->as.name, name->span, true);
        }
    }
}

static void on_expr(void *data, const Expr *expr) {
    Uses *u = data;

    if (expr->kind == EXPR_NAME) {
        add_use(u, expr->as.name, expr->span, false);
    } else if (expr->kind == EXPR_CALL) {
        add_use(u, expr->as.call.name, expr->as.call.name_span, true);
        add_function_arguments(u, expr);
    }
}

/* The names of subscripts on the left, and of the sizes of formals, are the function's own. */
static void add_names(Uses *u, const Subscript *subscripts) {
    for (const Subscript *s = subscripts; s; s = s->next) {
        if (s->index && s->index->kind == EXPR_NAME) {
            add_local(u, s->index->as.name);
        }
    }
}

static void on_target(void *data, const Target *target) {
    add_local(data, target->name);
    add_names(data, target->subscripts);
}

static void on_binder(void *data, const Binder *binder) {
    add_local(data, binder->name);
}

static void add_formals(Uses *u, const Function *f) {
    for (const Formal *a = f->formals; a; a = a->next) {
        add_own(u, (struct Own){a->name, NULL, a->is_function});
        for (const Expr *e = a->shape; e; e = e->next) {
            if (e->kind == EXPR_NAME && !model_dim(u->sema->model, e->as.name)) {
                add_local(u, e->as.name);
            }
        }
    }
    add_names(u, f->indices);
}

static void on_self(void *data, const Expr *expr) {
    const Uses *u = data;

    if (expr->kind == EXPR_CALL && expr->as.call.name == u->self->name) {
        diag_error(u->sema->diags, expr->as.call.name_span, "`%s` comes to call itself",
                   u->self->name);
    }
}

static void on_local(void *data, const Function *f) {
    Uses *u = data;
    Uses inner = {.sema = u->sema, .self = f};
    Walk walk = {.data = &inner, .expr = on_self};

    add_own(u, (struct Own){f->name, f, true});
    add_formals(u, f);
    walk_expr(&walk, f->body);
    walk_stmts(&walk, f->block);
}

static void collect_uses(Uses *u, const Function *f) {
    Walk walk = {u, on_expr, on_target, on_binder, on_local};

    add_formals(u, f);
    walk_function(&walk, f);
}

static void on_variable(void *data, const Expr *expr) {
    Graph *g = data;

    if (expr->kind != EXPR_CALL || !model_differentiates(expr->as.call.name) ||
        !expr->as.call.args || !expr->as.call.args->next) {
        return;
    }
    const Expr *by = expr->as.call.args->next;
    while (by->kind == EXPR_PAREN) {
        by = by->as.unary.a;
    }
    if (by->kind == EXPR_NAME && names_find(&g->known_variables, by->as.name) == SIZE_MAX) {
        names_note(&g->known_variables, g->sema->arena, by->as.name);
        g->variables = arena_grow(g->sema->arena, g->variables, g->variable_count,
                                  &g->variable_capacity, sizeof *g->variables);
        g->variables[g->variable_count++] = by->as.name;
    }
}

static bool find_function(const Model *m, Name name, bool call, size_t *found) {
    size_t first = model_function_number(m, name); /* there may be a value and a function */
    for (size_t k = first; k < m->function_count; k++) {
        if (m->functions[k].name == name && (m->functions[k].ast->has_parens == call)) {
            *found = k;
            return true;
        }
    }
    return false;
}

static void report_cycle(const Graph *g, size_t to, Span at) {
    const Model *m = g->sema->model;
    size_t first = g->depth;
    Text text;

    text_init(&text, g->sema->arena);
    while (first > 0 && g->stack[first - 1] != to) {
        first--;
    }
    for (size_t k = first - 1; k < g->depth; k++) {
        text_format(&text, "%s → ", m->functions[g->stack[k]].name);
    }
    text_add(&text, m->functions[to].name);
    Diag *diag = diag_error(g->sema->diags, at, "`%s` comes to call itself", m->functions[to].name);
    diag_label(g->sema->diags, diag, "%s", text.data);
}

/* Depth first; the depth is that of the call chain of a file written by hand, and is bounded by the
 * number of functions. */
static void visit(Graph *g, size_t k) {
    const Model *m = g->sema->model;
    const Uses *u = &g->uses[k];

    g->visit[k] = VISIT_OPEN;
    g->stack[g->depth++] = k;
    for (size_t j = 0; j < u->use_count; j++) {
        size_t to;
        if (find_own(u, u->uses[j].name, u->uses[j].call) ||
            !find_function(m, u->uses[j].name, u->uses[j].call, &to)) {
            continue;
        }
        m->functions[to].used = true;
        if (g->visit[to] == VISIT_OPEN) {
            report_cycle(g, to, u->uses[j].span);
        } else if (g->visit[to] == VISIT_NEW) {
            visit(g, to);
        }
    }
    g->depth--;
    g->visit[k] = VISIT_DONE;
    g->order[g->done++] = k;
}

static void reach_uses(Graph *g, const Uses *u);

/* Marks what the functions that are differentiated reach. */
static void reach(Graph *g, size_t k) {
    if (!g->functions[k]) {
        g->functions[k] = true;
        reach_uses(g, &g->uses[k]);
    }
}

static void reach_uses(Graph *g, const Uses *u) {
    const Model *m = g->sema->model;

    for (size_t j = 0; j < u->use_count; j++) {
        size_t to;
        if (find_own(u, u->uses[j].name, u->uses[j].call)) {
            continue;
        }
        if (find_function(m, u->uses[j].name, u->uses[j].call, &to)) {
            reach(g, to);
        }
        bool known = u->uses[j].call || find_function(m, u->uses[j].name, false, &to) ||
                     model_dim(m, u->uses[j].name) || model_const(m, u->uses[j].name);
        size_t p = u->uses[j].call ? SIZE_MAX : model_param_number(m, u->uses[j].name);
        if (p != SIZE_MAX) {
            g->params[p] = known = true;
        }
        known |= !u->uses[j].call && model_data_number(m, u->uses[j].name) != SIZE_MAX;
        g->unknown |= !known && strcmp(u->uses[j].name, "pi") != 0;
    }
}

/* `penaly = …` would be left out of the objective without a word. */
static void warn_misspelt(Sema *sema, const ModelFunction *f) {
    const Name known[] = {sema_name(sema, "forward"), sema_name(sema, "loss"),
                          sema_name(sema, "penalty"), sema_name(sema, "prior")};
    const Name close = closest_name(f->name, known, sizeof known / sizeof known[0]);
    if (close) {
        Diag *diag = diag_warning(sema->diags, WARN_misspelt, f->ast->name_span,
                                  "nothing uses `%s`, and the trainer does not know it", f->name);
        diag_label(sema->diags, diag, "did you mean `%s`?", close);
    }
}

/* The bounds of params depend on params and functions too, and so do their starts. */
static void reach_declarations(Graph *g) {
    const Model *m = g->sema->model;

    for (size_t p = 0; p < m->param_count; p++) {
        const Declaration *d = m->params[p].declaration;
        Uses u = {.sema = g->sema};
        Walk walk = {&u, on_expr, NULL, on_binder, NULL};
        walk_expr(&walk, d->low);
        walk_expr(&walk, d->high);
        walk_expr(&walk, d->value);
        for (size_t j = 0; j < u.use_count; j++) {
            size_t to;
            if (!find_own(&u, u.uses[j].name, u.uses[j].call) &&
                find_function(m, u.uses[j].name, u.uses[j].call, &to)) {
                m->functions[to].used = true;
            }
        }
        reach_uses(g, &u);
    }
}

/* Arrays that no function reads, not even a metric. */
static void warn_datas(Graph *g) {
    const Model *m = g->sema->model;

    bool *used = arena_array(g->sema->arena, bool, m->data_count + 1);

    for (size_t k = 0; k < m->function_count; k++) {
        for (size_t j = 0; j < g->uses[k].use_count; j++) {
            size_t p = model_data_number(m, g->uses[k].uses[j].name);
            used[p == SIZE_MAX ? m->data_count : p] = true;
        }
    }
    for (size_t p = 0; p < m->data_count; p++) {
        if (!used[p] && !m->damaged && !g->unknown) {
            diag_warning(g->sema->diags, WARN_unused_name, m->datas[p].declaration->name_span,
                         "nothing uses the data array `%s`", m->datas[p].name);
        }
    }
}

static void warn_unused(Graph *g) {
    const Model *m = g->sema->model;

    reach_declarations(g);
    for (size_t k = 0; k < m->function_count; k++) {
        FunctionRole role = m->functions[k].role;
        if (!m->loss || role == FUNCTION_LOSS || role == FUNCTION_PENALTY ||
            role == FUNCTION_PRIOR) {
            reach(g, k);
        }
        if (m->loss && role == FUNCTION_PLAIN && !m->functions[k].used &&
            !model_imported(m, &m->functions[k])) {
            warn_misspelt(g->sema, &m->functions[k]);
            if (m->functions[k].ast->has_parens) { /* the trainer reports definitions */
                diag_warning(g->sema->diags, WARN_unused_function, m->functions[k].ast->name_span,
                             "nothing uses the function `%s`", m->functions[k].name);
            }
        }
    }
    warn_datas(g);
    for (size_t p = 0; p < m->param_count; p++) {
        const Declaration *d = m->params[p].declaration;
        if (!g->params[p] && m->function_count > 0 && !m->damaged && !g->unknown) {
            diag_warning(g->sema->diags, WARN_unused_param, d->name_span, "%s on the param `%s`",
                         m->loss ? "the loss does not depend" : "no function depends", d->name);
        }
    }
}

void sema_calls(Sema *sema) {
    Model *m = sema->model;
    Graph g = {.sema = sema};

    g.uses = arena_array(sema->arena, Uses, m->function_count + 1);
    g.visit = arena_array(sema->arena, Visit, m->function_count + 1);
    g.stack = arena_array(sema->arena, size_t, m->function_count + 1);
    g.order = arena_array(sema->arena, size_t, m->function_count + 1);
    g.params = arena_array(sema->arena, bool, m->param_count + 1);
    g.functions = arena_array(sema->arena, bool, m->function_count + 1);
    for (size_t k = 0; k < m->function_count; k++) {
        g.uses[k].sema = sema;
        collect_uses(&g.uses[k], m->functions[k].ast);
        walk_function(&(Walk){.data = &g, .expr = on_variable}, m->functions[k].ast);
    }
    m->variables = g.variables;
    m->variable_count = g.variable_count;
    for (size_t k = 0; k < m->function_count; k++) {
        if (g.visit[k] == VISIT_NEW) {
            visit(&g, k);
        }
    }
    m->order = g.order;
    if (diags_errors(sema->diags) == 0) { /* else names may mean other things than here */
        warn_unused(&g);
    }
}
