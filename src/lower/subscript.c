/* subscript.c: A[i, :, lo..hi], and what can be known of positions at compile time. */
#include <string.h>

#include "lower/elaborate.h"

/* ---- bounds of whole numbers ----------------------------------------------------------------- */

enum { DEPTH = 64 };

static Bounds bounds_of(Lower *lower, Ref value, unsigned depth);

static Bounds point(Lower *lower, Dim d) {
    (void)lower;
    return (Bounds){d, d, true, true};
}

static Bounds class_bounds(Lower *lower, Dim class_dim) {
    Bounds b = {DIM_NONE, DIM_NONE, class_dim != DIM_NONE, false};

    if (b.known) {
        b.low = dim_const(lower->ir, 0);
        b.high = dim_sub(lower->ir, class_dim, dim_const(lower->ir, 1));
    }
    return b;
}

/* The bounds of a·b for a ≥ 0 and b ≥ 0, else unknown. */
static Bounds times(Lower *lower, Bounds a, Bounds b) {
    Dim zero = dim_const(lower->ir, 0);

    if (!dim_proves_le(lower->ir, zero, a.low) || !dim_proves_le(lower->ir, zero, b.low)) {
        return (Bounds){0};
    }
    Dim low = dim_mul(lower->ir, a.low, b.low);
    return (Bounds){low, dim_mul(lower->ir, a.high, b.high), true, false};
}

static Bounds over(Lower *lower, BuiltinId f, Bounds a, Bounds b) {
    Dim one = dim_const(lower->ir, 1);
    Dim zero = dim_const(lower->ir, 0);

    if (b.low != b.high || !dim_proves_le(lower->ir, one, b.low)) {
        return (Bounds){0};
    }
    if (f == BI_mod) {
        return (Bounds){zero, dim_sub(lower->ir, b.low, one), true, false};
    }
    Dim low = dim_floordiv(lower->ir, a.low, b.low);
    return (Bounds){low, dim_floordiv(lower->ir, a.high, b.low), true, false};
}

static Bounds call_bounds(Lower *lower, const Node *node, unsigned depth) {
    Bounds a = bounds_of(lower, node->args[0], depth + 1);
    Bounds b = node->arg_count > 1 ? bounds_of(lower, node->args[1], depth + 1) : a;
    BuiltinId f = node->as.builtin;

    if (!a.known || !b.known) {
        return (Bounds){0};
    }
    if (f == BI_add) {
        Dim low = dim_add(lower->ir, a.low, b.low);
        return (Bounds){low, dim_add(lower->ir, a.high, b.high), true, false};
    }
    if (f == BI_sub) {
        Dim low = dim_sub(lower->ir, a.low, b.high);
        return (Bounds){low, dim_sub(lower->ir, a.high, b.low), true, false};
    }
    if (f == BI_neg) {
        Dim zero = dim_const(lower->ir, 0);
        Dim low = dim_sub(lower->ir, zero, a.high);
        return (Bounds){low, dim_sub(lower->ir, zero, a.low), true, false};
    }
    if (f == BI_mul) {
        return times(lower, a, b);
    }
    if (f == BI_floordiv || f == BI_mod) {
        return over(lower, f, a, b);
    }
    return (Bounds){0};
}

static Bounds leaf_bounds(Lower *lower, Ref v) {
    const Node *node = ir_node(lower->ir, v);

    if (node->op == OP_READ) {
        node = ir_node(lower->ir, node->args[0]);
    }
    return node->op == OP_LEAF ? class_bounds(lower, lower->ir->leaves[node->as.leaf].class_dim)
                               : (Bounds){0};
}

static Bounds bounds_of(Lower *lower, Ref value, unsigned depth) {
    const Node *node = ir_node(lower->ir, value);
    Dim size = ir_value_dim(lower->ir, value);

    if (size != DIM_NONE) {
        return point(lower, size);
    }
    if (depth > DEPTH) {
        return (Bounds){0};
    }
    if (node->op == OP_INDEX) {
        Bounds b = class_bounds(lower, ir_index_dim(lower->ir, node->as.index));
        b.exact = (lower->guarded & node->free) == 0;
        return b;
    }
    if (node->op == OP_CALL) {
        return call_bounds(lower, node, depth);
    }
    return leaf_bounds(lower, value);
}

/* An affine value reaches both ends, if each of its indices runs over its whole dim. */
static bool affine_bounds(Lower *lower, Ref value, Bounds *b) {
    Affine a;

    if (!ir_affine(lower->ir, value, &a)) {
        return false;
    }
    Dim rest = a.rest == REF_NONE ? dim_const(lower->ir, 0) : ir_value_dim(lower->ir, a.rest);
    if (rest == DIM_NONE) {
        return false;
    }
    b->low = b->high = dim_add(lower->ir, rest, dim_const(lower->ir, a.constant));
    for (unsigned i = 0; i < INDEX_LIMIT; i++) {
        if (!(a.indices & INDEX_BIT(i))) {
            continue;
        }
        Dim last = dim_sub(lower->ir, ir_index_dim(lower->ir, (Index)i), dim_const(lower->ir, 1));
        Dim reach = dim_mul(lower->ir, dim_const(lower->ir, a.coefficient[i]), last);
        if (a.coefficient[i] > 0) {
            b->high = dim_add(lower->ir, b->high, reach);
        } else {
            b->low = dim_add(lower->ir, b->low, reach);
        }
    }
    b->known = true;
    b->exact = (a.indices & lower->guarded) == 0;
    return true;
}

Bounds int_bounds(Lower *lower, Ref value) {
    Bounds b = {0};

    return affine_bounds(lower, value, &b) ? b : bounds_of(lower, value, 0);
}

/* ---- positions ------------------------------------------------------------------------------- */

static Dim class_of(Lower *lower, Ref v) {
    const Node *node = ir_node(lower->ir, v);

    if (node->op == OP_READ) {
        node = ir_node(lower->ir, node->args[0]);
    }
    return node->op == OP_LEAF ? lower->ir->leaves[node->as.leaf].class_dim : DIM_NONE;
}

/* "D", or "D = 4" where the value is known. */
static const char *size_text(Lower *lower, Dim d) {
    const char *text = dim_text(lower->ir, d);
    int64_t n;

    return dim_value(lower->ir, d, &n) && !dim_is_const(lower->ir, d, &n)
               ? arena_format(lower->arena, "%s = %lld", text, (long long)n)
               : text;
}

static bool report_high(Lower *lower, const Expr *at, const Bounds *b, Dim axis,
                        const char *array) {
    bool moving = b->low != b->high;
    const char *reached = moving ? arena_format(lower->arena, "`%s` reaches %s,",
                                                expr_text(lower, at), dim_text(lower->ir, b->high))
                                 : arena_format(lower->arena, "`%s` is", expr_text(lower, at));
    Dim last = dim_sub(lower->ir, axis, dim_const(lower->ir, 1));
    int64_t n;
    bool one = dim_is_const(lower->ir, axis, &n) && n == 1;
    Diag *diag = lower_error(lower, at->span, "%s past the end of `%s`, which has %s entr%s here",
                             reached, array, size_text(lower, axis), one ? "y" : "ies");

    diag_label(lower->diags, diag, "the last index is %s", dim_text(lower->ir, last));
    return false;
}

static bool report_low(Lower *lower, const Expr *at, const Bounds *b, Dim axis, const char *array) {
    if (b->low != b->high) {
        lower_error(lower, at->span, "`%s` reaches %s, and no index is negative",
                    expr_text(lower, at), dim_text(lower->ir, b->low));
        return false;
    }
    Diag *diag = lower_error(lower, at->span, "no index is negative");
    Dim from_end = dim_add(lower->ir, axis, b->low);
    diag_label(lower->diags, diag, "from the end: `%s[%s]`", array, dim_text(lower->ir, from_end));
    return false;
}

bool check_position(Lower *lower, const Expr *at, Ref position, Dim axis, const char *array) {
    Dim class_dim = class_of(lower, position);
    Bounds b = int_bounds(lower, position);

    if (class_dim != DIM_NONE) {
        if (dim_proves_le(lower->ir, class_dim, axis) || lower->conditional > 0) {
            return true;
        }
        lower_error(lower, at->span, "`%s` is one of %s, and this axis of `%s` has %s entries",
                    expr_text(lower, at), dim_text(lower->ir, class_dim), array,
                    dim_text(lower->ir, axis));
        return false;
    }
    if (!b.known || !b.exact || lower->conditional > 0) {
        return true;
    }
    if (dim_proves_le(lower->ir, b.low, dim_const(lower->ir, -1))) {
        return report_low(lower, at, &b, axis, array);
    }
    if (dim_proves_le(lower->ir, axis, b.high)) {
        return report_high(lower, at, &b, axis, array);
    }
    return true;
}

/* ---- subscripts ------------------------------------------------------------------------------ */

/* One axis: a position that depends on `*name`, or that takes the axis away. */
typedef struct {
    Ref base;   /* added to the index; REF_NONE: 0 */
    Ref fixed;  /* SUB_INDEX: the position */
    Dim extent; /* of the axis that is left */
} Axis;

static bool slice_axis(Lower *lower, const Subscript *s, Dim axis, const char *array, Axis *a) {
    Dim low = s->low ? lower_size(lower, s->low, "the start of a slice") : dim_const(lower->ir, 0);
    Dim high = s->high ? lower_size(lower, s->high, "the end of a slice") : axis;
    int64_t start;

    if (low == DIM_NONE || high == DIM_NONE) {
        return false;
    }
    if (dim_proves_le(lower->ir, low, dim_const(lower->ir, -1))) {
        Diag *diag = lower_error(lower, s->span, "a slice starts at %s, and no index is negative",
                                 dim_text(lower->ir, low));
        Dim from_end = dim_add(lower->ir, axis, low);
        diag_label(lower->diags, diag, "from the end: `%s`", dim_text(lower->ir, from_end));
        return false;
    }
    if (high != axis &&
        dim_proves_le(lower->ir, dim_add(lower->ir, axis, dim_const(lower->ir, 1)), high)) {
        lower_error(lower, s->span, "the slice ends at %s, and this axis of `%s` has %s entries",
                    dim_text(lower->ir, high), array, dim_text(lower->ir, axis));
        return false;
    }
    if (dim_proves_le(lower->ir, high, low)) {
        Diag *diag = lower_error(lower, s->span, "the slice from %s to %s is empty",
                                 dim_text(lower->ir, low), dim_text(lower->ir, high));
        diag_label(lower->diags, diag, "a slice ends before its second number");
        return false;
    }
    bool zero = dim_is_const(lower->ir, low, &start) && start == 0;
    a->base = zero ? REF_NONE : ir_size(lower->ir, low);
    a->extent = dim_sub(lower->ir, high, low);
    return true;
}

static bool one_axis(Lower *lower, const Subscript *s, Dim axis, const char *array, Axis *a) {
    *a = (Axis){REF_NONE, REF_NONE, axis};
    switch (s->kind) {
    case SUB_ALL:
        return true;
    case SUB_INDEX:
        a->fixed = lower_whole(lower, s->index, "an index");
        return a->fixed != REF_NONE && check_position(lower, s->index, a->fixed, axis, array);
    case SUB_SLICE:
        return slice_axis(lower, s, axis, array, a);
    }
    return false;
}

/* A literal array read at a constant: the element. */
static bool constant_element(Lower *lower, Ref array, Ref position, Ref *element) {
    Dim d = position == REF_NONE ? DIM_NONE : ir_value_dim(lower->ir, position);
    int64_t k;

    return d != DIM_NONE && dim_value(lower->ir, d, &k) && find_element(lower, array, k, element);
}

static Ref read_axes(Lower *lower, Ref array, const Axis *axes, unsigned count) {
    const Node *node = ir_node(lower->ir, array);
    Index names[RANK_LIMIT];
    Dim shape[RANK_LIMIT];
    Ref positions[RANK_LIMIT];
    IndexSet used = ir_free(lower->ir, array);
    unsigned rank = 0, k;

    for (k = 0; k < node->rank; k++) {
        if (k < count && axes[k].fixed != REF_NONE) {
            used |= ir_free(lower->ir, axes[k].fixed);
        } else {
            shape[rank++] = k < count ? axes[k].extent : node->shape[k];
        }
    }
    fresh_names(lower, shape, rank, used, names);
    rank = 0;
    for (k = 0; k < node->rank; k++) {
        if (k < count && axes[k].fixed != REF_NONE) {
            positions[k] = axes[k].fixed;
            continue;
        }
        positions[k] = ir_idx(lower->ir, names[rank++]);
        if (k < count && axes[k].base != REF_NONE) {
            positions[k] = ir_add(lower->ir, axes[k].base, positions[k]);
        }
    }
    Ref entry = ir_read(lower->ir, array, positions, node->rank);
    return rank == 0 ? entry : ir_array(lower->ir, names, rank, entry);
}

Ref lower_subscript(Lower *lower, const Expr *expr) {
    const Expr *base = expr->as.subscript.base;
    Ref array = lower_expr(lower, base);
    Axis axes[RANK_LIMIT];
    unsigned k = 0;
    bool good = true;

    if (array == REF_NONE) {
        return REF_NONE;
    }
    const Node *node = ir_node(lower->ir, array);
    const char *name = expr_text(lower, base);
    if (node->rank == 0) {
        lower_error(lower, expr->span, "`%s` is %s: it has no entries", name,
                    what_text(lower, array));
        return REF_NONE;
    }
    if (expr->as.subscript.count > node->rank) {
        Diag *diag = lower_error(lower, expr->span, "`%s` is %s, and here are %zu subscripts", name,
                                 what_text(lower, array), expr->as.subscript.count);
        note_shape(lower, diag, base, array);
        return REF_NONE;
    }
    for (const Subscript *s = expr->as.subscript.subscripts; s; s = s->next, k++) {
        good &= one_axis(lower, s, node->shape[k], name, &axes[k]);
    }
    if (!good) {
        return REF_NONE;
    }
    lower->ir->at = user_span(lower, expr->span);
    Ref element;
    if (constant_element(lower, array, axes[0].fixed, &element)) {
        return k == 1 ? element : read_axes(lower, element, axes + 1, k - 1);
    }
    return read_axes(lower, array, axes, k);
}
