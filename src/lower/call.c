/* call.c: calls. A function is elaborated for its arguments; a function whose arguments have more
 * axes than its formals maps over the leading ones. Equal calls are one. */
#include <string.h>

#include "lower/elaborate.h"

struct Memo {
    const Function *function;
    const Binding *env;
    const Ref *args;
    const Callee *const *functions;
    size_t count;
    Values values;
    bool contextual; /* they hold where the facts are these */
    const Fact *facts;
    Memo *next;
};

/* ---- formals --------------------------------------------------------------------------------- */

bool lower_shape(Lower *lower, const Expr *axes, Dim *shape, unsigned *rank, Span at) {
    bool good = true;

    *rank = 0;
    for (const Expr *e = axes; e; e = e->next) {
        if (*rank == RANK_LIMIT) {
            lower_error(lower, at, "an array has at most %d axes", RANK_LIMIT);
            return false;
        }
        lower->in_shape = e->kind == EXPR_NAME;
        shape[*rank] = lower_size(lower, e, "a size");
        lower->in_shape = false;
        int64_t n;
        if (shape[*rank] != DIM_NONE && dim_value(lower->ir, shape[*rank], &n) && n < 1) {
            lower_error(lower, e->span, "a size is at least 1, and `%s` is %lld",
                        expr_text(lower, e), (long long)n);
            good = false;
        }
        good &= shape[*rank] != DIM_NONE;
        (*rank)++;
    }
    return good;
}

/* A size of a formal that is no name of the file is bound by the argument. */
bool is_generic(Lower *lower, const Expr *size) {
    Ref found;

    if (size->kind != EXPR_NAME) {
        return false;
    }
    const Binding *b = find_binding(lower, size->as.name);
    if (b) {
        return false;
    }
    return lower->library || !lower_lookup(lower, size->as.name, &found);
}

static void bind_size(Lower *lower, Name name, Span span, Dim dim) {
    bind_name(lower, name, span, ir_size(lower->ir, dim));
}

/* Binds the sizes that the arguments give, in the order of the formals. */
static void bind_generics(Lower *lower, const Function *f, const Ref *args) {
    size_t k = 0;

    for (const Formal *a = f->formals; a; a = a->next, k++) {
        unsigned axis = 0;
        if (a->is_function) {
            continue;
        }
        const Node *node = ir_node(lower->ir, args[k]);
        for (const Expr *e = a->shape; e; e = e->next, axis++) {
            if (is_generic(lower, e)) {
                bind_size(lower, e->as.name, e->span, node->shape[axis]);
            }
        }
    }
}

const char *formal_text(Lower *lower, const Formal *formal) {
    Text text;

    text_init(&text, lower->arena);
    text_add(&text, formal->name);
    for (const Expr *e = formal->shape; e; e = e->next) {
        text_format(&text, "%s%s", e == formal->shape ? "[" : ", ", expr_text(lower, e));
    }
    text_add(&text, formal->shape ? "]" : formal->is_function ? "(…)" : "");
    if (formal->class_size) {
        text_format(&text, " in %s", expr_text(lower, formal->class_size));
    }
    return text.data;
}

/* Checks an argument's sizes against the formal's. Inside the function: generic names are bound. */
static bool check_sizes(Lower *lower, const Function *f, const Formal *formal, Ref arg, Span at) {
    const Node *node = ir_node(lower->ir, arg);
    Dim shape[RANK_LIMIT];
    unsigned rank;

    if (!lower_shape(lower, formal->shape, shape, &rank, formal->span)) {
        return false;
    }
    for (unsigned k = 0; k < rank; k++) {
        if (shape[k] == node->shape[k]) {
            continue;
        }
        const Call *call = lower->call;
        lower->call = call->outer; /* it is the caller's mistake */
        bool library = lower->library;
        Diag *diag = lower_error(
            lower, at, "`%s` of `%s` has shape %s here, and the argument has %s", formal->name,
            f->name, formal_shape_text(lower, shape, rank), shape_text(lower, arg));
        lower->library = library;
        lower->call = call;
        if (!library) {
            diag_note(lower->diags, diag, formal->span, "`%s` is declared here",
                      formal_text(lower, formal));
        }
        return false;
    }
    return true;
}

const char *formal_shape_text(Lower *lower, const Dim *shape, unsigned rank) {
    Text text;

    text_init(&text, lower->arena);
    text_add(&text, "[");
    for (unsigned k = 0; k < rank; k++) {
        text_format(&text, "%s%s", k == 0 ? "" : ", ", dim_text(lower->ir, shape[k]));
    }
    text_add(&text, "]");
    return text.data;
}

/* A formal that is a whole number takes no real one. */
static bool check_kind(Lower *lower, const Function *f, const Formal *formal, bool whole, Ref arg,
                       Span at) {
    Kind kind = ir_kind(lower->ir, arg);

    if ((!whole && !formal->class_size) || kind != KIND_REAL) {
        return true;
    }
    const Call *call = lower->call;
    lower->call = call->outer;
    Diag *diag = lower_error(lower, at, "`%s` of `%s` is a whole number, and the argument is real",
                             formal->name, f->name);
    lower->call = call;
    if (!lower->library) {
        diag_note(lower->diags, diag, formal->span,
                  formal->class_size ? "`%s` is declared here"
                                     : "`%s` is used as an index or a size",
                  formal_text(lower, formal));
    }
    return false;
}

/* A constant label must be one of its classes. */
static bool check_class(Lower *lower, const Function *f, const Formal *formal, Ref arg, Span at) {
    if (!formal->class_size) {
        return true;
    }
    Dim size = lower_size(lower, formal->class_size, "the number of classes");
    Dim value = ir_rank(lower->ir, arg) == 0 ? ir_value_dim(lower->ir, arg) : DIM_NONE;
    if (size == DIM_NONE) {
        return false;
    }
    if (value != DIM_NONE && (dim_proves_le(lower->ir, size, value) ||
                              dim_proves_le(lower->ir, value, dim_const(lower->ir, -1)))) {
        const Call *call = lower->call;
        lower->call = call->outer;
        lower_error(lower, at,
                    "`%s` of `%s` is one of %s classes, from 0 on, and the argument is %s",
                    formal->name, f->name, dim_text(lower->ir, size), dim_text(lower->ir, value));
        lower->call = call;
        return false;
    }
    return true;
}

/* ---- elaboration ----------------------------------------------------------------------------- */

static uint32_t memo_hash(const Function *f, const Ref *args, size_t count) {
    uint64_t h = (uint64_t)(uintptr_t)f * 0x9E3779B97F4A7C15u;

    for (size_t k = 0; k < count; k++) {
        h = (h ^ args[k]) * 0x9E3779B97F4A7C15u;
    }
    return (uint32_t)(h >> 32) % MEMO_BUCKETS;
}

static bool same_refs(const Ref *a, const Ref *b, size_t count) {
    for (size_t k = 0; k < count; k++) {
        if (a[k] != b[k]) {
            return false;
        }
    }
    return true;
}

static bool same_callee(const Callee *a, const Callee *b) {
    return a == b || (a && b && a->function == b->function && a->model == b->model &&
                      a->env == b->env && a->builtin == b->builtin && a->external == b->external);
}

static bool same_functions(const Callee *const *a, const Callee *const *b, size_t count) {
    for (size_t k = 0; k < count; k++) {
        if (!same_callee(a ? a[k] : NULL, b ? b[k] : NULL)) {
            return false;
        }
    }
    return true;
}

static Memo *find_memo(const Lower *lower, const Callee *callee, const Arguments *arguments) {
    const Function *f = callee->function;
    size_t count = f->formal_count;

    for (Memo *m = lower->memo[memo_hash(f, arguments->refs, count)]; m; m = m->next) {
        if (m->function == f && m->env == callee->env &&
            (!m->contextual || m->facts == lower->facts) &&
            same_refs(m->args, arguments->refs, count) &&
            same_functions(m->functions, arguments->functions, count)) {
            return m;
        }
    }
    return NULL;
}

static void add_memo(Lower *lower, Memo memo) {
    Memo *m = arena_new(lower->arena, Memo);
    uint32_t bucket = memo_hash(memo.function, memo.args, memo.count);
    Ref *args = arena_array(lower->arena, Ref, memo.count + 1);

    *m = memo;
    copy_ids(args, memo.args, memo.count);
    m->args = args;
    m->next = lower->memo[bucket];
    lower->memo[bucket] = m;
}

static bool bind_formals(Lower *lower, const Callee *callee, const Arguments *arguments,
                         Ref *args) {
    const Function *f = callee->function;
    const ModelFunction *model = callee->model;
    const Span *spans = arguments->spans;
    bool good = true;
    size_t k = 0;

    for (const Formal *a = f->formals; a; a = a->next, k++) {
        bool whole = model && model->whole && model->whole[k];
        if (a->is_function) {
            bind_callee(lower, a->name, a->name_span, arguments->functions[k]);
            continue;
        }
        good &= check_kind(lower, f, a, whole, args[k], spans[k]);
        if (whole || a->class_size) {
            args[k] = to_number(lower, args[k]);
        } else if (is_variable(lower->variables, a->name)) {
            args[k] = to_real(lower, args[k]);
        }
        bind_name(lower, a->name, a->name_span, args[k]);
    }
    bind_generics(lower, f, args);
    k = 0;
    for (const Formal *a = f->formals; a; a = a->next, k++) {
        good = good && (a->is_function || (check_sizes(lower, f, a, args[k], spans[k]) &&
                                           check_class(lower, f, a, args[k], spans[k])));
    }
    return good;
}

/* Does the function have errors of its own, reported already? */
static bool is_broken(const Lower *lower, const ModelFunction *model) {
    return lower->broken && model && !model->library &&
           lower->broken[model - lower->model->functions];
}

/* Is the function being elaborated for these functions? It comes to call itself then. */
static bool is_active(const Lower *lower, const Callee *callee, const Arguments *arguments) {
    const Function *f = callee->function;

    for (const Call *c = lower->call; c; c = c->outer) {
        if (c->function == f &&
            same_functions(c->functions, arguments->functions, f->formal_count)) {
            return true;
        }
    }
    return false;
}

/* A cycle of named calls was reported where calls are checked; this one goes through formals. */
static void report_active(Lower *lower, const Function *f, Span at) {
    Text text;

    if (diags_errors(lower->diags) > 0) {
        lower->failed = true;
        return;
    }
    text_init(&text, lower->arena);
    text_add(&text, f->name);
    for (const Call *c = lower->call; c; c = c->outer) {
        text_format(&text, " ← %s", c->function->name);
        if (c->function == f) {
            break;
        }
    }
    Diag *diag = lower_error(lower, at, "`%s` comes to call itself", f->name);
    diag_label(lower->diags, diag, "%s", text.data);
}

/* The values of a function whose arguments are bound. */
static Values elaborate(Lower *lower, const Callee *callee, const Arguments *arguments) {
    const Function *f = callee->function;
    Ref *own = arena_array(lower->arena, Ref, f->formal_count + 1);
    Values values = {NULL, 0};

    copy_ids(own, arguments->refs, f->formal_count);
    if (bind_formals(lower, callee, arguments, own)) {
        values = lower_body(lower, f);
    }
    if (!f->has_parens && callee->model && values.count == 1 &&
        is_variable(lower->item_variables, f->name)) {
        values = one_value(lower, make_variable(lower, to_real(lower, values.refs[0])));
    }
    return values;
}

enum { CALL_LIMIT = 1000 };

static bool is_too_deep(Lower *lower, const Function *f, Span at) {
    if (!lower->call || lower->call->depth < CALL_LIMIT) {
        return false;
    }
    Diag *diag =
        diag_error(lower->diags, user_span(lower, at),
                   "`%s` is called at the end of a chain of %d calls", f->name, CALL_LIMIT);
    diag_label(lower->diags, diag,
               "longer ones are not compiled: a `for` loop does steps that are alike");
    lower->failed = true;
    return true;
}

Values invoke(Lower *lower, const Callee *callee, const Arguments *arguments, Span at) {
    const Function *f = callee->function;
    Memo *memo = find_memo(lower, callee, arguments);

    if (memo) {
        lower->contextual |= memo->contextual;
        return memo->values;
    }
    if (is_broken(lower, callee->model)) {
        lower->failed = true;
        return (Values){NULL, 0};
    }
    if (is_active(lower, callee, arguments)) {
        report_active(lower, f, at);
        return (Values){NULL, 0};
    }
    if (is_too_deep(lower, f, at)) {
        return (Values){NULL, 0};
    }
    const Binding *saved = lower->env;
    bool library = lower->library;
    const Variables *variables = lower->variables;
    unsigned depth = lower->call ? lower->call->depth + 1 : 1;
    Call call = {f, arguments->functions, at, lower->call, depth, lower->facts};
    bool contextual = lower->contextual;
    lower->contextual = false;
    lower->env = callee->env;
    lower->call = &call;
    lower->library = callee->model ? callee->model->library : callee->library;
    lower->variables = variables_of(lower, f);
    Values values = elaborate(lower, callee, arguments);
    if (call.outer && !lower->library && values.count == 1 && values.refs[0] != REF_NONE) {
        ir_set_name(lower->ir, values.refs[0], f->name); /* a part of the value that is asked for */
    }
    lower->env = saved;
    lower->call = call.outer;
    lower->library = library;
    lower->variables = variables;
    add_memo(lower, (Memo){f, callee->env, arguments->refs, arguments->functions, f->formal_count,
                           values, lower->contextual, lower->facts, NULL});
    lower->contextual |= contextual;
    return values;
}

Ref lower_definition(Lower *lower, const ModelFunction *function, Span at) {
    Callee callee = {.function = function->ast, .model = function};
    Arguments none = {NULL, NULL, NULL};
    Values values = invoke(lower, &callee, &none, at);

    if (values.count > 1) {
        lower_error(lower, at, "`%s` gives %zu values, and one is needed here", function->name,
                    values.count);
    }
    return values.count == 1 ? values.refs[0] : REF_NONE;
}

/* ---- mapping over leading axes --------------------------------------------------------------- */

typedef struct {
    Dim shape[RANK_LIMIT]; /* the leading axes, by broadcasting */
    unsigned rank;
    Index names[RANK_LIMIT];
} Lead;

static bool one_lead(Lower *lower, Lead *lead, const Node *node, unsigned extra) {
    unsigned have = lead->rank;
    Dim merged[RANK_LIMIT];
    unsigned rank = extra > have ? extra : have;

    for (unsigned k = 0; k < rank; k++) {
        Dim a = k + have >= rank ? lead->shape[k + have - rank] : DIM_NONE;
        Dim b = k + extra >= rank ? node->shape[k + extra - rank] : DIM_NONE;
        int64_t n;
        if (a != DIM_NONE && b != DIM_NONE && a != b) {
            bool stretch = dim_is_const(lower->ir, a, &n) && n == 1;
            if (!stretch && !(dim_is_const(lower->ir, b, &n) && n == 1)) {
                return false;
            }
            a = stretch ? b : a;
        }
        merged[k] = a != DIM_NONE ? a : b;
    }
    copy_ids(lead->shape, merged, rank);
    lead->rank = rank;
    return true;
}

static bool find_lead(Lower *lower, const Function *f, const Expr *call, const Ref *args,
                      Lead *lead) {
    const Expr *e = call->as.call.args;
    size_t k = 0;

    lead->rank = 0;
    for (const Formal *a = f->formals; a; a = a->next, e = e->next, k++) {
        if (a->is_function) {
            continue;
        }
        const Node *node = ir_node(lower->ir, args[k]);
        if (node->rank < a->rank) {
            Diag *diag =
                lower_error(lower, e->span, "`%s` of `%s` has %zu ax%s, and `%s` is %s",
                            formal_text(lower, a), f->name, a->rank, a->rank == 1 ? "is" : "es",
                            expr_text(lower, e), what_text(lower, args[k]));
            note_shape(lower, diag, e, args[k]);
            return false;
        }
        if (!one_lead(lower, lead, node, node->rank - (unsigned)a->rank)) {
            Diag *diag =
                lower_error(lower, call->span,
                            "the arguments of `%s` have leading axes that do not fit", f->name);
            const Expr *arg = call->as.call.args;
            for (size_t j = 0; j <= k; j++, arg = arg->next) {
                if (args[j] != REF_NONE) {
                    note_shape(lower, diag, arg, args[j]);
                }
            }
            return false;
        }
    }
    return true;
}

/* The argument with its leading axes read at the names. */
static Ref open_lead(Lower *lower, const Lead *lead, Ref arg, unsigned extra) {
    Ref positions[RANK_LIMIT];
    const Node *node = ir_node(lower->ir, arg);

    for (unsigned k = 0; k < extra; k++) {
        unsigned axis = lead->rank - extra + k;
        positions[k] = node->shape[k] == lead->shape[axis] ? ir_idx(lower->ir, lead->names[axis])
                                                           : ir_int(lower->ir, 0);
    }
    return extra == 0 ? arg : read_first(lower, arg, positions, extra);
}

static Ref close_lead(Lower *lower, const Lead *lead, Ref value) {
    Index names[2 * RANK_LIMIT];
    const Node *node = ir_node(lower->ir, value);
    IndexSet used = node->free;

    for (unsigned k = 0; k < lead->rank; k++) {
        names[k] = lead->names[k];
        used |= INDEX_BIT(names[k]);
    }
    fresh_names(lower, node->shape, node->rank, used, names + lead->rank);
    Ref entry = read_at(lower, value, names + lead->rank, node->rank);
    return ir_array(lower->ir, names, lead->rank + node->rank, entry);
}

static Values map_call(Lower *lower, const Callee *callee, const Expr *call,
                       const Arguments *arguments) {
    const Function *f = callee->function;
    Ref *args = arguments->refs;
    Lead lead;
    IndexSet used = seen_by(callee);
    size_t k = 0;

    if (!find_lead(lower, f, call, args, &lead)) {
        return (Values){NULL, 0};
    }
    for (size_t j = 0; j < f->formal_count; j++) {
        used |= args[j] == REF_NONE ? 0 : ir_free(lower->ir, args[j]);
        used |= seen_by(arguments->functions[j]);
    }
    fresh_names(lower, lead.shape, lead.rank, used, lead.names);
    for (const Formal *a = f->formals; a && lead.rank > 0; a = a->next, k++) {
        if (a->is_function) {
            continue;
        }
        unsigned extra = ir_rank(lower->ir, args[k]) - (unsigned)a->rank;
        args[k] = open_lead(lower, &lead, args[k], extra);
    }
    const Fact *facts = lower->facts;
    for (k = 0; k < lead.rank; k++) {
        hide_facts(lower, INDEX_BIT(lead.names[k]));
    }
    Values values = invoke(lower, callee, arguments, call->span);
    lower->facts = facts;
    if (lead.rank == 0 || values.count == 0) {
        return values;
    }
    Ref *refs = arena_array(lower->arena, Ref, values.count);
    for (k = 0; k < values.count; k++) {
        if (lead.rank + ir_rank(lower->ir, values.refs[k]) > RANK_LIMIT) {
            lower_error(lower, call->span, "an array has at most %d axes", RANK_LIMIT);
            return (Values){NULL, 0};
        }
        refs[k] = close_lead(lower, &lead, values.refs[k]);
    }
    return (Values){refs, values.count};
}

/* Evaluates the arguments; false if one has an error. */
bool lower_args(Lower *lower, const Expr *call, Ref *args) {
    bool good = true;
    size_t k = 0;

    for (const Expr *e = call->as.call.args; e; e = e->next, k++) {
        args[k] = lower_expr(lower, e);
        good &= args[k] != REF_NONE;
    }
    return good;
}

/* The arguments of a function, which may be functions; false if one has an error. */
static bool lower_arguments(Lower *lower, const Function *f, const Expr *call,
                            Arguments *arguments) {
    size_t count = call->as.call.count, k = 0;
    Span *spans = arena_array(lower->arena, Span, count + 1);
    const Callee **functions = arena_array(lower->arena, const Callee *, count + 1);
    const Formal *a = f->formals;
    bool good = true;

    *arguments = (Arguments){arena_array(lower->arena, Ref, count + 1), functions, spans};
    for (const Expr *e = call->as.call.args; e; e = e->next, k++) {
        spans[k] = e->span;
        if (a && a->is_function) {
            functions[k] = lower_function_argument(lower, f, a, e);
            good &= functions[k] != NULL;
        } else {
            arguments->refs[k] = lower_expr(lower, e);
            good &= arguments->refs[k] != REF_NONE;
        }
        a = a ? a->next : NULL;
    }
    return good;
}

static void count_error(Lower *lower, const Callee *callee, const Expr *call) {
    const Function *f = callee->function;
    size_t count = call->as.call.count;
    Text text;

    text_init(&text, lower->arena);
    for (const Formal *a = f->formals; a; a = a->next) {
        text_format(&text, "%s%s", a == f->formals ? "" : ", ", formal_text(lower, a));
    }
    Diag *diag = lower_error(lower, call->span, "`%s` takes %zu argument%s, and here %s %zu",
                             f->name, f->formal_count, f->formal_count == 1 ? "" : "s",
                             count == 1 ? "is" : "are", count);
    diag_label(lower->diags, diag, "`%s(%s)`", f->name, text.data);
    if (!callee->model || !callee->model->library) {
        diag_note(lower->diags, diag, f->name_span, "`%s` is defined here", f->name);
    }
}

static Values call_function(Lower *lower, const Callee *callee, const Expr *call) {
    const Function *f = callee->function;
    Arguments arguments;
    Callee form = *callee;

    bool good = lower_arguments(lower, f, call, &arguments);
    if (!f->has_parens) {
        Diag *diag = lower_error(lower, call->as.call.name_span,
                                 "`%s` is a definition: it has no arguments", f->name);
        diag_label(lower->diags, diag, "use it without parentheses");
        return (Values){NULL, 0};
    }
    if (call->as.call.count != f->formal_count) {
        count_error(lower, callee, call);
        return (Values){NULL, 0};
    }
    if (!good) {
        return (Values){NULL, 0};
    }
    lower->ir->at = user_span(lower, call->span);
    if (form.model) {
        form.model = lower_vector_form(lower, form.model, arguments.refs);
        form.function = form.model->ast;
    }
    return map_call(lower, &form, call, &arguments);
}

/* ---- built-in functions ---------------------------------------------------------------------- */

static Ref apply_builtin(Lower *lower, const void *data, const Ref *scalars) {
    BuiltinId id = *(const BuiltinId *)data;
    unsigned count = (unsigned)builtins[id].arity;
    Ref args[BUILTIN_ARITY];

    for (unsigned k = 0; k < count; k++) {
        args[k] = scalars[k];
    }
    if (builtins[id].signature == SIG_NUMBER) {
        unify_kinds(lower, args, count);
    } else if (builtins[id].signature == SIG_REAL) {
        for (unsigned k = 0; k < count; k++) {
            args[k] = whole_to_real(lower, args[k]);
        }
    }
    return ir_call(lower->ir, id, args, count);
}

static Ref apply_fold(Lower *lower, BuiltinId id, const Expr *call, const Ref *args,
                      unsigned count) {
    Dim shape[RANK_LIMIT];
    unsigned rank, bad;
    const Expr *e = call->as.call.args;

    if (!broadcast(lower, args, count, shape, &rank, &bad)) {
        Diag *diag =
            lower_error(lower, call->span, "the arguments of `%s` have shapes that do not fit",
                        call->as.call.name);
        for (unsigned k = 0; k < count; k++, e = e->next) {
            note_shape(lower, diag, e, args[k]);
        }
        return REF_NONE;
    }
    lower->ir->at = user_span(lower, call->span);
    if (count == (unsigned)builtins[id].arity) {
        return elementwise(lower, args, count, apply_builtin, &id);
    }
    Ref value = args[0];
    for (unsigned k = 1; k < count; k++) {
        Ref pair[2] = {value, args[k]};
        value = elementwise(lower, pair, 2, apply_builtin, &id);
    }
    return value;
}

static Ref call_builtin(Lower *lower, BuiltinId id, const Expr *call) {
    size_t count = call->as.call.count;
    Ref *args = arena_array(lower->arena, Ref, count + 1);
    bool many = id == BI_maximum || id == BI_minimum;

    if (!lower_args(lower, call, args)) {
        return REF_NONE;
    }
    if (many ? count < 2 : count != (size_t)builtins[id].arity) {
        lower_error(lower, call->span, "`%s` takes %d argument%s, and here %s %zu",
                    call->as.call.name, builtins[id].arity, builtins[id].arity == 1 ? "" : "s",
                    count == 1 ? "is" : "are", count);
        return REF_NONE;
    }
    return apply_fold(lower, id, call, args, (unsigned)count);
}

/* Built-in rows by name; the library may call hidden ones. */
bool find_builtin(const Lower *lower, const char *name, BuiltinId *found) {
    if (builtin_find(name, found)) {
        return true;
    }
    for (unsigned k = 0; k < BI_COUNT && lower->library; k++) {
        if (strcmp(builtins[k].name, name) == 0) {
            *found = (BuiltinId)k;
            return true;
        }
    }
    return false;
}

/* max(a, b), sum(A): one word, by the number of arguments. */
static Ref call_reduction(Lower *lower, const Expr *call) {
    const char *name = call->as.call.name;
    bool max = strcmp(name, "max") == 0;

    if (call->as.call.count >= 2 && (max || strcmp(name, "min") == 0)) {
        return call_builtin(lower, max ? BI_maximum : BI_minimum, call);
    }
    if (call->as.call.count != 1) {
        Diag *diag =
            lower_error(lower, call->span, "`%s` takes one array, and here are %zu arguments", name,
                        call->as.call.count);
        diag_label(lower->diags, diag, "of several numbers: `%s([a, b])`", name);
        return REF_NONE;
    }
    Ref value = lower_expr(lower, call->as.call.args);
    return value == REF_NONE ? REF_NONE : reduce_array(lower, call, value);
}

/* Names that other languages have for what is here. */
static const struct {
    const char *name, *here;
} elsewhere[] = {
    {"ln", "the natural logarithm is `log`"},
    {"range", "a range is written `for i in a..b`"},
    {"arange", "a range is written `for i in a..b`"},
    {"linspace", "write `[a + i * h for i in n]`"},
    {"len", "a size has the name that its shape gives it: `f(x[n]) = … n …`"},
    {"length", "a size has the name that its shape gives it: `f(x[n]) = … n …`"},
    {"size", "a size has the name that its shape gives it: `f(x[n]) = … n …`"},
    {"shape", "a size has the name that its shape gives it: `f(x[n]) = … n …`"},
    {"num_elements", "a size has the name that its shape gives it: `f(x[n]) = … n …`"},
    {"rows", "a size has the name that its shape gives it: `f(A[n, m]) = … n …`"},
    {"cols", "a size has the name that its shape gives it: `f(A[n, m]) = … m …`"},
    {"nrow", "a size has the name that its shape gives it: `f(A[n, m]) = … n …`"},
    {"ncol", "a size has the name that its shape gives it: `f(A[n, m]) = … m …`"},
    {"where", "a choice is written `if c then a else b`"},
    {"ifelse", "a choice is written `if c then a else b`"},
    {"cat", "arrays are joined by `concat(a, b)`"},
    {"concatenate", "arrays are joined by `concat(a, b)`"},
    {"append_row", "arrays are joined by `concat(a, b)`"},
    {"append", "arrays are joined by `concat(a, b)`"},
    {"c", "an array is written `[a, b]`; arrays are joined by `concat(a, b)`"},
    {"array", "an array is written `[a, b]`"},
    {"tensor", "an array is written `[a, b]`"},
    {"rep_vector", "an array of one number is `x * ones(n)`"},
    {"full", "an array of one number is `x * ones(n)`"},
    {"einsum", "write the sum: `[sum(A[i, j] * x[j] for j) for i]`"},
    {"crossprod", "write `A' @ A`"},
    {"t", "the transpose of a matrix is written `A'`"},
    {"std", "the standard deviation is `sd`"},
    {"var", "the variance is `variance`"},
    {"dnorm", "the normal log density is `normal_lpdf(y, mu, sigma)`"},
    {"normal", "the normal log density is `normal_lpdf(y, mu, sigma)`"},
    {"expit", "it is `sigmoid(x)`"},
    {"Σ", "a sum is written `sum(… for i in n)`"},
    {"Π", "a product is written `prod(… for i in n)`"},
    {"factorial", "write `exp(lgamma(n + 1))`, or the sum of its logarithm"},
    {"pow", "a power is written `a^b`"},
    {"inverse", "the inverse of a matrix is `inv`"},
    {"pinv", "the inverse of a square matrix is `inv`"},
    {"eye", "the identity matrix is `identity(n)`"},
    {"chol", "the Cholesky factor is `cholesky`"},
    {"determinant", "the determinant is `det`"},
    {"log_determinant", "the log of a determinant is `logdet`"},
    {"slogdet", "the log of a determinant is `logdet`"},
    {"diagonal", "the diagonal of a matrix is `diag`"},
    {"diag_matrix", "the matrix with a diagonal is `diag`"},
    {"quad_form", "x' A x is `quadratic_form(A, x)`"},
    {"matmul", "a product of matrices is written `A @ B`"},
    {"transpose", "the transpose of a matrix is written `A'`"},
};

void unknown_function(Lower *lower, Name name, Span at) {
    const Name *items;
    size_t count = model_names(lower->model, lower->arena, true, &items);
    Name *names = arena_array(lower->arena, Name, count + BI_COUNT + MODEL_DERIVATIVES + 1);
    Ref value;

    for (const Call *c = lower->call; c; c = c->outer) {
        if (c->function->name == name) { /* a local function does not see itself */
            if (diags_errors(lower->diags) == 0) {
                lower_error(lower, at, "`%s` comes to call itself", name);
            }
            lower->failed = true;
            return;
        }
    }
    if (lower->model->damaged) {
        lower->failed = true;
        return;
    }
    if (lower_lookup(lower, name, &value)) {
        Diag *diag = lower_error(lower, at, "`%s` is not a function", name);
        bool array = value != REF_NONE && ir_rank(lower->ir, value) > 0;
        diag_label(lower->diags, diag,
                   array ? "its entries: `%s[…]`" : "a product is written `%s * (…)`", name);
        return;
    }
    memcpy(names, items, count * sizeof *names);
    for (unsigned k = 0; k < MODEL_DERIVATIVES; k++) {
        names[count++] = intern_text(lower->front->names, model_derivatives[k]);
    }
    for (unsigned k = 0; k < BI_COUNT; k++) {
        if (!builtins[k].hidden) {
            names[count++] = intern_text(lower->front->names, builtins[k].name);
        }
    }
    Name close = closest_name(name, names, count);
    Diag *diag = lower_error(lower, at, "unknown function `%s`", name);
    size_t k = 0;
    while (k < sizeof elsewhere / sizeof *elsewhere && strcmp(name, elsewhere[k].name) != 0) {
        k++;
    }
    if (k < sizeof elsewhere / sizeof *elsewhere) {
        diag_label(lower->diags, diag, "%s", elsewhere[k].here);
    } else if (close) {
        diag_label(lower->diags, diag, "did you mean `%s`?", close);
    }
}

/* ---- dispatch
 * --------------------------------------------------------------------------------------------------------
 */

static Ref call_special(Lower *lower, const Expr *call, bool *done) {
    const char *name = call->as.call.name;
    BuiltinId id;
    Ref value;

    *done = true;
    if (lower_library_operation(lower, call, &value)) {
        return value;
    }
    if (is_reduction(name)) {
        return call_reduction(lower, call);
    }
    if (model_differentiates(name)) {
        return lower_derivative(lower, call);
    }
    if (strcmp(name, "concat") == 0) {
        return lower_concat(lower, call);
    }
    if (strcmp(name, "zeros") == 0 || strcmp(name, "ones") == 0) {
        return lower_fill(lower, call, name[0] == 'o');
    }
    if (find_builtin(lower, name, &id)) {
        return call_builtin(lower, id, call);
    }
    *done = false;
    return REF_NONE;
}

/* A call of a built-in function by a formal's name. */
static Values call_by_formal(Lower *lower, const Expr *call, const Callee *callee) {
    Expr *named = arena_new(lower->arena, Expr);
    bool done;

    if (callee->external) {
        return one_value(lower, lower_external(lower, callee->external, call));
    }
    *named = *call;
    named->as.call.name = callee->builtin;
    return one_value(lower, call_special(lower, named, &done));
}

Values lower_call(Lower *lower, const Expr *call) {
    Name name = call->as.call.name;
    const Callee *local = find_callee(lower, name);
    bool done;

    if (local) {
        return local->function ? call_function(lower, local, call)
                               : call_by_formal(lower, call, local);
    }
    const ModelExternal *external =
        lower->library ? NULL : model_declared_external(lower->model, name);
    if (external) {
        return one_value(lower, lower_external(lower, external, call));
    }
    const ModelFunction *f = lower->library ? model_library_function(lower->model, name)
                                            : model_function(lower->model, name);
    if (f) {
        Callee callee = {.function = f->ast, .model = f};
        return call_function(lower, &callee, call);
    }
    Ref value = call_special(lower, call, &done);
    if (!done) {
        unknown_function(lower, name, call->as.call.name_span);
    }
    return one_value(lower, value);
}
