/* range.c: the ranges of indices: given ones, and those found from the subscripts in which the
 * index stands alone. A range whose bounds depend on another index runs over a whole dim, under a
 * condition. */
#include <string.h>

#include "lower/elaborate.h"

/* ---- inference ------------------------------------------------------------------------------- */

typedef struct Hidden Hidden; /* names of inner binders: unknown yet */
struct Hidden {
    Name name;
    const Hidden *next;
};

typedef struct {
    Lower *lower;
    Name name;
    Dim found;
    Span where;        /* of the subscript that found it */
    const char *array; /* that it belongs to */
    bool disagree;
    const Hidden *hidden;
} Search;

static void search(Search *s, const Expr *expr);

static bool is_hidden(const Search *s, Name name) {
    for (const Hidden *h = s->hidden; h; h = h->next) {
        if (h->name == name) {
            return true;
        }
    }
    return false;
}

static bool list_known(const Search *s, const Expr *list);

/* May the expression be evaluated already? */
static bool known(const Search *s, const Expr *expr) {
    while (expr) {
        switch (expr->kind) {
        case EXPR_NUMBER:
            return true;
        case EXPR_NAME: {
            Ref ref;
            return expr->as.name != s->name && !is_hidden(s, expr->as.name) &&
                   lower_lookup(s->lower, expr->as.name, &ref);
        }
        case EXPR_NEGATE:
        case EXPR_NOT:
        case EXPR_TRANSPOSE:
        case EXPR_PAREN:
            expr = expr->as.unary.a;
            continue;
        case EXPR_BINARY:
            if (!known(s, expr->as.binary.b)) {
                return false;
            }
            expr = expr->as.binary.a;
            continue;
        case EXPR_CALL:
            return list_known(s, expr->as.call.args);
        case EXPR_ARRAY:
            return list_known(s, expr->as.array.elements);
        case EXPR_SUBSCRIPT:
            for (const Subscript *p = expr->as.subscript.subscripts; p; p = p->next) {
                if ((p->index && !known(s, p->index)) || (p->low && !known(s, p->low)) ||
                    (p->high && !known(s, p->high))) {
                    return false;
                }
            }
            expr = expr->as.subscript.base;
            continue;
        case EXPR_IF:
            if (!known(s, expr->as.choice.condition) || !known(s, expr->as.choice.then)) {
                return false;
            }
            expr = expr->as.choice.otherwise;
            continue;
        case EXPR_ERROR:
        case EXPR_REDUCE:
        case EXPR_COMPREHENSION:
            return false;
        }
    }
    return true;
}

static bool list_known(const Search *s, const Expr *list) {
    for (const Expr *e = list; e; e = e->next) {
        if (!known(s, e)) {
            return false;
        }
    }
    return true;
}

/* The axes of an expression, without an error message; false if they cannot be known yet. */
static bool axes_of(const Search *s, const Expr *expr, Dim *shape, unsigned *rank) {
    const Expr *e = strip_parens(expr);
    Ref ref = REF_NONE;

    if (e->kind == EXPR_SUBSCRIPT) {
        const Subscript *p = e->as.subscript.subscripts;
        unsigned inner, k = 0;
        Dim all[RANK_LIMIT];
        if (!axes_of(s, e->as.subscript.base, all, &inner) || e->as.subscript.count > inner) {
            return false;
        }
        for (*rank = 0; k < inner; k++) {
            if (p && p->kind == SUB_SLICE) {
                return false;
            }
            if (!p || p->kind == SUB_ALL) {
                shape[(*rank)++] = all[k];
            }
            p = p ? p->next : NULL;
        }
        return true;
    }
    if (!known(s, e)) {
        return false;
    }
    ref = lower_expr(s->lower, e);
    if (ref == REF_NONE) {
        s->lower->failed = true;
        return false;
    }
    const Node *node = ir_node(s->lower->ir, ref);
    *rank = node->rank;
    copy_ids(shape, node->shape, node->rank);
    return true;
}

/* The index stands alone at axis k of `base`. */
static void site(Search *s, const Expr *base, unsigned k, Span where) {
    Dim shape[RANK_LIMIT];
    unsigned rank;

    if (!axes_of(s, base, shape, &rank) || k >= rank) {
        return;
    }
    if (s->found == DIM_NONE) {
        s->found = shape[k];
        s->where = where;
        s->array = expr_text(s->lower, base);
    } else if (s->found != shape[k] && !s->disagree) {
        s->disagree = true;
        Diag *diag = lower_error(s->lower, where,
                                 "`%s` runs over %s here, an axis of `%s`, and over %s elsewhere",
                                 s->name, dim_text(s->lower->ir, shape[k]),
                                 expr_text(s->lower, base), dim_text(s->lower->ir, s->found));
        diag_label(s->lower->diags, diag, "the axes of an index without a range must agree");
        diag_note(s->lower->diags, diag, s->where, "over %s, an axis of `%s`",
                  dim_text(s->lower->ir, s->found), s->array);
    }
}

static void search_subscript(Search *s, const Expr *expr) {
    unsigned k = 0;

    for (const Subscript *p = expr->as.subscript.subscripts; p; p = p->next) {
        if (p->kind == SUB_INDEX) {
            const Expr *index = strip_parens(p->index);
            if (index->kind == EXPR_NAME && index->as.name == s->name) {
                site(s, expr->as.subscript.base, k, index->span);
            }
        }
        /* An axis that stays is one that a later subscript of A[:, j][i] may name. */
        k++;
        if (p->index) {
            search(s, p->index);
        }
        if (p->low) {
            search(s, p->low);
        }
        if (p->high) {
            search(s, p->high);
        }
    }
}

static void search_binders(Search *s, const Binder *binders, const Expr *body) {
    const Hidden *before = s->hidden;

    for (const Binder *b = binders; b; b = b->next) {
        if (b->low) {
            search(s, b->low);
        }
        if (b->high) {
            search(s, b->high);
        }
        if (b->name == s->name) {
            s->hidden = before;
            return; /* another index of that name */
        }
        Hidden *h = arena_new(s->lower->arena, Hidden);
        *h = (Hidden){b->name, s->hidden};
        s->hidden = h;
    }
    search(s, body);
    s->hidden = before;
}

static void search_list(Search *s, const Expr *list) {
    for (const Expr *e = list; e; e = e->next) {
        search(s, e);
    }
}

static void search(Search *s, const Expr *expr) {
    while (expr) {
        switch (expr->kind) {
        case EXPR_ERROR:
        case EXPR_NUMBER:
        case EXPR_NAME:
            return;
        case EXPR_NEGATE:
        case EXPR_NOT:
        case EXPR_TRANSPOSE:
        case EXPR_PAREN:
            expr = expr->as.unary.a;
            continue;
        case EXPR_BINARY:
            search(s, expr->as.binary.b);
            expr = expr->as.binary.a;
            continue;
        case EXPR_IF:
            search(s, expr->as.choice.condition);
            search(s, expr->as.choice.then);
            expr = expr->as.choice.otherwise;
            continue;
        case EXPR_CALL:
            search_list(s, expr->as.call.args);
            return;
        case EXPR_REDUCE:
            search_binders(s, expr->as.reduce.binders, expr->as.reduce.body);
            return;
        case EXPR_COMPREHENSION:
            search_binders(s, expr->as.comprehension.binders, expr->as.comprehension.body);
            return;
        case EXPR_ARRAY:
            search_list(s, expr->as.array.elements);
            return;
        case EXPR_SUBSCRIPT:
            search_subscript(s, expr);
            expr = expr->as.subscript.base;
            continue;
        }
    }
}

Dim infer_range(Lower *lower, const Pending *pending, const Expr *body, const char *mend) {
    Search s = {.lower = lower, .name = pending->name};
    bool failed = lower->failed;
    size_t errors = diags_errors(lower->diags);

    for (const Pending *p = pending->next; p; p = p->next) {
        Hidden *h = arena_new(lower->arena, Hidden);
        *h = (Hidden){p->name, s.hidden};
        s.hidden = h;
    }
    lower->failed = false;
    search(&s, body);
    bool broken = lower->failed || diags_errors(lower->diags) > errors;
    lower->failed |= failed;
    if (s.disagree) {
        return DIM_NONE;
    }
    if (s.found == DIM_NONE && !broken) {
        Diag *diag = lower_error(lower, pending->span,
                                 "the range of `%s` is not known: it stands alone in no subscript",
                                 pending->name);
        diag_label(lower->diags, diag, "%s", mend);
    }
    return s.found;
}

/* ---- ranges
 * --------------------------------------------------------------------------------------------------
 */

static void bind_range(Lower *lower, Range *r) {
    hide_facts(lower, INDEX_BIT(r->index));
    if (r->condition != REF_NONE) {
        add_fact(lower, r->condition, true);
    }
    bind_name(lower, r->name, r->span, r->position);
}

int open_whole(Lower *lower, Name name, Span span, Dim extent, Range *r) {
    int64_t count;

    *r = (Range){.name = name, .span = span, .extent = extent};
    if (dim_value(lower->ir, extent, &count) && count <= 0) {
        return RANGE_EMPTY;
    }
    r->index = ir_fresh(lower->ir, extent, visible(lower));
    r->position = ir_idx(lower->ir, r->index);
    bind_range(lower, r);
    return RANGE_OK;
}

/* low + i, i over high - low. */
static int open_shifted(Lower *lower, Ref low, Dim extent, Range *r) {
    int64_t count, start;

    r->extent = extent;
    if (dim_value(lower->ir, extent, &count) && count <= 0) {
        return RANGE_EMPTY;
    }
    r->index = ir_fresh(lower->ir, extent, visible(lower));
    Ref index = ir_idx(lower->ir, r->index);
    Dim low_dim = ir_value_dim(lower->ir, low);
    bool zero = low_dim != DIM_NONE && dim_is_const(lower->ir, low_dim, &start) && start == 0;
    r->position = zero ? index : ir_add(lower->ir, low, index);
    bind_range(lower, r);
    return RANGE_OK;
}

/* high - low where both move with the same indices: a window. */
static Dim window(Lower *lower, Ref low, Ref high) {
    Affine a, b;

    if (!ir_affine(lower->ir, low, &a) || !ir_affine(lower->ir, high, &b) ||
        a.indices != b.indices) {
        return DIM_NONE;
    }
    for (unsigned i = 0; i < INDEX_LIMIT; i++) {
        if (a.coefficient[i] != b.coefficient[i]) {
            return DIM_NONE;
        }
    }
    Dim zero = dim_const(lower->ir, 0);
    Dim x = a.rest == REF_NONE ? zero : ir_value_dim(lower->ir, a.rest);
    Dim y = b.rest == REF_NONE ? zero : ir_value_dim(lower->ir, b.rest);
    if (x == DIM_NONE || y == DIM_NONE) {
        return DIM_NONE;
    }
    x = dim_add(lower->ir, x, dim_const(lower->ir, a.constant));
    y = dim_add(lower->ir, y, dim_const(lower->ir, b.constant));
    return dim_sub(lower->ir, y, x);
}

/* The dim that a range with moving bounds runs over: that of an index in its end where it is
 * enough. */
static Dim covering_dim(Lower *lower, Ref high, Dim most) {
    IndexSet free = ir_free(lower->ir, high);

    for (unsigned i = 0; i < INDEX_LIMIT; i++) {
        if (free & INDEX_BIT(i)) {
            Dim d = ir_index_dim(lower->ir, (Index)i);
            if (dim_proves_le(lower->ir, most, d)) {
                return d;
            }
        }
    }
    return most;
}

static int open_guarded(Lower *lower, const Expr *end, Ref low, Ref high, Range *r) {
    Bounds b = int_bounds(lower, high);
    int64_t start;

    if (!b.known) {
        Diag *diag = lower_error(lower, end->span, "how far `%s` may go is not known",
                                 expr_text(lower, end));
        diag_label(lower->diags, diag, "the end of a range is made of sizes, indices and labels");
        return RANGE_ERROR;
    }
    r->extent = covering_dim(lower, high, b.high);
    r->index = ir_fresh(lower->ir, r->extent,
                        visible(lower) | ir_free(lower->ir, high) |
                            (low == REF_NONE ? 0 : ir_free(lower->ir, low)));
    r->position = ir_idx(lower->ir, r->index);
    r->condition = ir_compare(lower->ir, BI_lt, r->position, high);
    Dim low_dim = low == REF_NONE ? DIM_NONE : ir_value_dim(lower->ir, low);
    bool zero = low == REF_NONE ||
                (low_dim != DIM_NONE && dim_is_const(lower->ir, low_dim, &start) && start == 0);
    if (!zero) {
        Ref above = ir_compare(lower->ir, BI_le, low, r->position);
        r->condition = ir_and(lower->ir, above, r->condition);
    }
    if (ir_value_dim(lower->ir, high) != DIM_NONE) { /* up to the end: only the start moves */
        r->condition = ir_compare(lower->ir, BI_le, low, r->position);
    }
    bind_range(lower, r);
    return RANGE_OK;
}

int open_range(Lower *lower, Name name, Span span, const Expr *low, const Expr *high, Range *r) {
    Ref start = low ? lower_whole(lower, low, "the start of a range") : REF_NONE;
    Ref end = lower_whole(lower, high, "the end of a range");
    int64_t from, to;

    *r = (Range){.name = name, .span = span};
    if (end == REF_NONE || (low && start == REF_NONE)) {
        return RANGE_ERROR;
    }
    lower->ir->at = user_span(lower, span);
    Dim high_dim = ir_value_dim(lower->ir, end);
    Dim low_dim = low ? ir_value_dim(lower->ir, start) : dim_const(lower->ir, 0);
    if (low && low_dim != DIM_NONE && dim_proves_le(lower->ir, low_dim, dim_const(lower->ir, -1))) {
        lower_error(lower, low->span, "a range starts at %s, and no index is negative",
                    dim_text(lower->ir, low_dim));
        return RANGE_ERROR;
    }
    if (low && low_dim != DIM_NONE && high_dim != DIM_NONE &&
        dim_is_const(lower->ir, low_dim, &from) && dim_is_const(lower->ir, high_dim, &to) &&
        from > to) {
        Diag *diag = lower_error(lower, span_join(low->span, high->span),
                                 "the range ends at %lld, before it begins", (long long)to);
        diag_label(lower->diags, diag, "ranges count upwards");
        return RANGE_ERROR;
    }
    if (start == REF_NONE) {
        start = ir_int(lower->ir, 0);
    }
    if (high_dim != DIM_NONE && low_dim != DIM_NONE) {
        Dim extent = low ? dim_sub(lower->ir, high_dim, low_dim) : high_dim;
        return open_shifted(lower, start, extent, r);
    }
    Dim width = low ? window(lower, start, end) : DIM_NONE;
    if (width != DIM_NONE) {
        return open_shifted(lower, start, width, r);
    }
    return open_guarded(lower, high, start, end, r);
}

static const Pending *pending_names(Lower *lower, const Binder *binders) {
    Pending *first = NULL;
    Pending **last = &first;

    for (const Binder *b = binders; b; b = b->next) {
        *last = arena_new(lower->arena, Pending);
        **last = (Pending){b->name, b->span, NULL};
        last = &(*last)->next;
    }
    return first;
}

int open_binders(Lower *lower, const Binder *binders, const Expr *body, Range *ranges,
                 unsigned *count) {
    const Pending *pending = pending_names(lower, binders);
    int result = RANGE_OK;

    *count = 0;
    for (const Binder *b = binders; b; b = b->next, pending = pending->next) {
        Range *r = &ranges[*count];
        int opened;
        if (*count == RANK_LIMIT) {
            lower_error(lower, b->span, "more than %d indices at once", RANK_LIMIT);
            return RANGE_ERROR;
        }
        if (b->has_range) {
            opened = open_range(lower, b->name, b->span, b->low, b->high, r);
        } else {
            const char *mend = arena_format(lower->arena, "write `for %s in …`", b->name);
            Dim dim = infer_range(lower, pending, body, mend);
            opened = dim == DIM_NONE ? RANGE_ERROR : open_whole(lower, b->name, b->span, dim, r);
        }
        if (opened != RANGE_OK) {
            return opened;
        }
        (*count)++;
    }
    return result;
}

Ref all_conditions(Lower *lower, const Range *ranges, unsigned count) {
    Ref all = REF_NONE;

    for (unsigned k = 0; k < count; k++) {
        if (ranges[k].condition != REF_NONE) {
            all =
                all == REF_NONE ? ranges[k].condition : ir_and(lower->ir, all, ranges[k].condition);
        }
    }
    return all;
}
