/* subscript.c: A[i, :, lo..hi], and what can be known of positions at compile time. */
#include <string.h>

#include "lower/elaborate.h"

/* ---- bounds of whole numbers ----------------------------------------------------------------- */

enum { DEPTH = 64, EFFORT = 2000 };

static Bounds bounds_of(Lower *lower, Ref value, unsigned depth);

static Bounds class_bounds(Lower *lower, Dim class_dim) {
    Bounds b = {.known = class_dim != DIM_NONE};

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
    return (Bounds){.low = low, .high = dim_mul(lower->ir, a.high, b.high), .known = true};
}

static Bounds over(Lower *lower, BuiltinId f, Bounds a, Bounds b) {
    Dim one = dim_const(lower->ir, 1);
    Dim zero = dim_const(lower->ir, 0);

    if (b.low != b.high || !dim_proves_le(lower->ir, one, b.low)) {
        return (Bounds){0};
    }
    if (f == BI_mod) {
        return (Bounds){.low = zero, .high = dim_sub(lower->ir, b.low, one), .known = true};
    }
    Dim low = dim_floordiv(lower->ir, a.low, b.low);
    return (Bounds){.low = low, .high = dim_floordiv(lower->ir, a.high, b.low), .known = true};
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
        return (Bounds){.low = low, .high = dim_add(lower->ir, a.high, b.high), .known = true};
    }
    if (f == BI_sub) {
        Dim low = dim_sub(lower->ir, a.low, b.high);
        return (Bounds){.low = low, .high = dim_sub(lower->ir, a.high, b.low), .known = true};
    }
    if (f == BI_neg) {
        Dim zero = dim_const(lower->ir, 0);
        Dim low = dim_sub(lower->ir, zero, a.high);
        return (Bounds){.low = low, .high = dim_sub(lower->ir, zero, a.low), .known = true};
    }
    if (f == BI_mul) {
        return times(lower, a, b);
    }
    if (f == BI_floordiv || f == BI_mod) {
        return over(lower, f, a, b);
    }
    return (Bounds){0};
}

/* What is certain of both. */
static Bounds either(Lower *lower, Bounds a, Bounds b) {
    if (!a.known || !b.known) {
        return (Bounds){0};
    }
    bool a_lower = dim_proves_le(lower->ir, a.low, b.low);
    bool a_higher = dim_proves_le(lower->ir, b.high, a.high);
    bool known = (a_lower || dim_proves_le(lower->ir, b.low, a.low)) &&
                 (a_higher || dim_proves_le(lower->ir, a.high, b.high));
    return known ? (Bounds){.low = a_lower ? a.low : b.low,
                            .high = a_higher ? a.high : b.high,
                            .known = true}
                 : (Bounds){0};
}

static Bounds bounds_of(Lower *lower, Ref value, unsigned depth) {
    const Node *node = ir_node(lower->ir, value);
    Dim size = ir_value_dim(lower->ir, value);

    if (size != DIM_NONE) {
        return (Bounds){.low = size, .high = size, .known = true};
    }
    lower->effort = depth == 0 ? EFFORT : lower->effort - (lower->effort > 0);
    if (depth > DEPTH || lower->effort == 0) {
        return (Bounds){0};
    }
    while (node->op == OP_READ || node->op == OP_ARRAY || node->op == OP_VAR) {
        node = ir_node(lower->ir, value = node->args[0]);
    }
    switch (node->op) {
    case OP_INDEX:
    case OP_ARGMAX:
        return class_bounds(lower, ir_index_dim(lower->ir, node->as.index));
    case OP_LEAF:
        return class_bounds(lower, lower->ir->leaves[node->as.leaf].class_dim);
    case OP_CALL:
        return call_bounds(lower, node, depth);
    case OP_SELECT:
        return either(lower, bounds_of(lower, node->args[1], depth + 1),
                      bounds_of(lower, node->args[2], depth + 1));
    case OP_CONST:
    case OP_SIZE:
        size = ir_value_dim(lower->ir, value);
        return size == DIM_NONE ? (Bounds){0} : (Bounds){.low = size, .high = size, .known = true};
    case OP_CONVERT:
    case OP_GUARD:
    case OP_READ:
    case OP_ARRAY:
    case OP_SUM:
    case OP_MAX:
    case OP_LSE:
    case OP_DEPOSIT:
    case OP_STATE:
    case OP_SCAN:
    case OP_PICK:
    case OP_LIB:
    case OP_EXTERN:
    case OP_VAR:
    case OP_DERIV:
    case OP_COUNT:
        break;
    }
    return (Bounds){0};
}

Bounds int_bounds(Lower *lower, Ref value) {
    Bounds reached = reached_bounds(lower, value);

    return reached.known ? reached : bounds_of(lower, value, 0);
}

/* ---- positions ------------------------------------------------------------------------------- */

static Dim class_of(Lower *lower, Ref v) {
    const Node *node = ir_node(lower->ir, v);

    while (node->op == OP_READ || node->op == OP_ARRAY || node->op == OP_VAR) {
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

/* An index that depends on data has two mends. */
static bool has_label(Lower *lower, Ref position) {
    const bool *reached = ir_reach(lower->ir, &position, 1);

    for (Ref v = 1; v <= position; v++) {
        if (reached[v] && ir_node(lower->ir, v)->op == OP_LEAF) {
            return true;
        }
    }
    return false;
}

static bool report_high(Lower *lower, const Expr *at, const Bounds *b, Dim axis, const char *array,
                        bool label) {
    bool moving = b->low != b->high;
    const char *reached = moving ? arena_format(lower->arena, "`%s` reaches %s,",
                                                expr_text(lower, at), dim_text(lower->ir, b->high))
                                 : arena_format(lower->arena, "`%s` is", expr_text(lower, at));
    Dim last = dim_sub(lower->ir, axis, dim_const(lower->ir, 1));
    int64_t n;
    bool one = dim_is_const(lower->ir, axis, &n) && n == 1;
    Diag *diag = lower_error(lower, at->span, "%s past the end of `%s`, which has %s entr%s here",
                             reached, array, size_text(lower, axis), one ? "y" : "ies");

    if (label) {
        diag_label(lower->diags, diag,
                   "keep it inside: `(%s) %% %s`, or `if %s < %s then … else …`",
                   expr_text(lower, at), dim_text(lower->ir, axis), expr_text(lower, at),
                   dim_text(lower->ir, axis));
        return false;
    }
    diag_label(lower->diags, diag, "the last index is %s", dim_text(lower->ir, last));
    return false;
}

static bool report_low(Lower *lower, const Expr *at, const Bounds *b, Dim axis, const char *array,
                       bool label) {
    if (b->low != b->high) {
        Diag *diag = lower_error(lower, at->span, "`%s` reaches %s, and no index is negative",
                                 expr_text(lower, at), dim_text(lower->ir, b->low));
        if (label) {
            diag_label(lower->diags, diag, "keep it inside: `if %s >= 0 then … else …`",
                       expr_text(lower, at));
        }
        return false;
    }
    Diag *diag = lower_error(lower, at->span, "no index is negative");
    Dim from_end = dim_add(lower->ir, axis, b->low);
    diag_label(lower->diags, diag, "from the end: `%s[%s]`", array, dim_text(lower->ir, from_end));
    return false;
}

/* Is a ≤ b, where there is more than one class? */
static bool leaves_by(Lower *lower, Dim a, Dim b, const Bounds *bounds) {
    if (dim_proves_le(lower->ir, a, b)) {
        return true;
    }
    int64_t known;
    if (bounds->classes == DIM_NONE || dim_value(lower->ir, bounds->classes, &known)) {
        return false;
    }
    Dim more = dim_sub(lower->ir, bounds->classes, dim_const(lower->ir, 2));
    return dim_proves_le(lower->ir, dim_add(lower->ir, a, more), b);
}

/* Is the position known to leave the axis? Reports it. */
static bool leaves(Lower *lower, const Expr *at, Ref position, Dim axis, const char *array) {
    Dim class_dim = class_of(lower, position);
    Bounds b = reached_bounds(lower, position);

    if (class_dim != DIM_NONE && b.known) {
        lower_error(lower, at->span, "`%s` is one of %s, and this axis of `%s` has %s entries",
                    expr_text(lower, at), dim_text(lower->ir, class_dim), array,
                    dim_text(lower->ir, axis));
        return true;
    }
    if (!b.known) {
        return false;
    }
    if (leaves_by(lower, b.low, dim_const(lower->ir, -1), &b)) {
        report_low(lower, at, &b, axis, array, has_label(lower, position));
        return true;
    }
    if (leaves_by(lower, axis, b.high, &b)) {
        report_high(lower, at, &b, axis, array, has_label(lower, position));
        return true;
    }
    return false;
}

/* The library's own walks through matrices, under conditions, are right; labels that it is given
 * may not be. */
static bool trusted(Lower *lower, Ref position) {
    return lower->library && lower->conditional > 0 && !has_label(lower, position);
}

/* Is no divisor in the whole number 0? A condition, or REF_NONE if that is known. Conditions around
 * it count, as do those of the choices in it. */
static Ref divides_below(Lower *lower, Ref value, unsigned depth) {
    Ir *ir = lower->ir;
    const Node *node = ir_node(ir, value);
    Ref all = REF_NONE;

    if (ir_value_dim(ir, value) != DIM_NONE || depth > DEPTH || lower->effort == 0) {
        return REF_NONE;
    }
    lower->effort--;
    if (node->op == OP_SELECT) {
        for (unsigned k = 1; k <= 2; k++) {
            const Fact *facts = lower->facts;
            add_fact(lower, node->args[0], k == 1);
            Ref chosen = divides_below(lower, node->args[k], depth + 1);
            lower->facts = facts;
            if (chosen != REF_NONE) {
                Ref other = k == 1 ? ir_not(ir, node->args[0]) : node->args[0];
                all = ir_and(ir, all, ir_or(ir, other, chosen));
            }
        }
        return all;
    }
    if (node->op != OP_CALL) {
        return REF_NONE;
    }
    for (uint32_t k = 0; k < node->arg_count; k++) {
        all = ir_and(ir, all, divides_below(lower, node->args[k], depth + 1));
    }
    if (node->as.builtin == BI_floordiv || node->as.builtin == BI_mod) {
        Ref by = node->args[1], one = ir_int(ir, 1);
        unsigned effort = lower->effort;
        bool known = proves_le(lower, one, by) || proves_le(lower, by, ir_int(ir, -1));
        lower->effort = effort;
        if (!known) {
            lower->contextual |= lower->facts != NULL;
            all = ir_and(ir, all, ir_compare(ir, BI_ne, by, ir_int(ir, 0)));
        }
    }
    return all;
}

Ref divides(Lower *lower, Ref value) {
    lower->effort = EFFORT;
    return divides_below(lower, value, 0);
}

bool check_position(Lower *lower, const Expr *at, Ref position, Dim axis, const char *array,
                    Ref *inside) {
    Ir *ir = lower->ir;
    Ref zero = ir_int(ir, 0);
    Ref size = ir_size(ir, axis);
    Ref last = ir_sub(ir, size, ir_int(ir, 1));
    bool above = proves_le(lower, zero, position);
    bool below = proves_le(lower, position, last);

    if ((above && below) || trusted(lower, position)) {
        return true;
    }
    lower->contextual |= lower->facts != NULL || lower->conditional > 0;
    if (lower->conditional == 0 && leaves(lower, at, position, axis, array)) {
        return false;
    }
    if (!above) {
        *inside = ir_and(ir, *inside, ir_compare(ir, BI_le, zero, position));
    }
    if (!below) {
        *inside = ir_and(ir, *inside, ir_compare(ir, BI_lt, position, size));
    }
    return true;
}

/* 1 where the condition holds, else a NaN that tells why. */
static Ref one_or_nan(Lower *lower, Ref condition, uint64_t why, Span place) {
    Ir *ir = lower->ir;
    uint32_t line = sources_place(lower->front->sources, place.file, place.start).line;

    return ir_select(ir, condition, ir_real(ir, 1), ir_real(ir, ir_nan(why, line)));
}

Ref whole_to_real(Lower *lower, Ref scalar) {
    Ir *ir = lower->ir;
    Ref divided = ir_kind(ir, scalar) == KIND_INT ? divides(lower, scalar) : REF_NONE;
    Ref real = ir_convert(ir, scalar);

    return divided == REF_NONE
               ? real
               : ir_mul(ir, real, one_or_nan(lower, divided, IR_NAN_DIVIDED, ir->at));
}

static Ref apply_factor(Lower *lower, const void *data, const Ref *scalars) {
    return ir_mul(lower->ir, scalars[0], *(const Ref *)data);
}

Ref checked(Lower *lower, Ref value, Ref inside, Span at, const char *array) {
    Ir *ir = lower->ir;
    Span place = user_span(lower, at);

    if (inside == REF_NONE || value == REF_NONE) {
        return value;
    }
    if (ir_kind(ir, value) != KIND_REAL) {
        Diag *diag = lower_error(lower, at, "it is not known that this is inside of `%s`", array);
        diag_label(lower->diags, diag, "a condition must say so: `if … then … else …`");
        return REF_NONE;
    }
    Ref factor = one_or_nan(lower, inside, IR_NAN_OUTSIDE, place);
    return elementwise(lower, &value, 1, apply_factor, &factor);
}

Ref checked_divisors(Lower *lower, Ref value, Ref divided, Span at) {
    if (divided == REF_NONE || value == REF_NONE) {
        return value;
    }
    Ref factor = one_or_nan(lower, divided, IR_NAN_DIVIDED, user_span(lower, at));
    return elementwise(lower, &value, 1, apply_factor, &factor);
}

/* ---- subscripts ------------------------------------------------------------------------------ */

/* One axis: a position that depends on `*name`, or that takes the axis away. */
typedef struct {
    Ref base;   /* added to the index; REF_NONE: 0 */
    Ref fixed;  /* SUB_INDEX: the position */
    Dim extent; /* of the axis that is left */
} Axis;

void check_ends(Lower *lower, Ref low, Ref high, Dim axis, Ref *inside) {
    Ir *ir = lower->ir;
    Ref zero = ir_int(ir, 0);
    Ref size = ir_size(ir, axis);

    if (!proves_le(lower, zero, low)) {
        *inside = ir_and(ir, *inside, ir_compare(ir, BI_le, zero, low));
    }
    if (!proves_le(lower, high, size)) {
        *inside = ir_and(ir, *inside, ir_compare(ir, BI_le, high, size));
    }
}

static bool slice_axis(Lower *lower, const Subscript *s, Dim axis, const char *array, Axis *a,
                       Ref *inside) {
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
    check_ends(lower, ir_size(lower->ir, low), ir_size(lower->ir, high), axis, inside);
    bool zero = dim_is_const(lower->ir, low, &start) && start == 0;
    a->base = zero ? REF_NONE : ir_size(lower->ir, low);
    a->extent = dim_sub(lower->ir, high, low);
    return true;
}

static bool one_axis(Lower *lower, const Subscript *s, Dim axis, const char *array, Axis *a,
                     Ref *inside) {
    *a = (Axis){REF_NONE, REF_NONE, axis};
    switch (s->kind) {
    case SUB_ALL:
        return true;
    case SUB_INDEX:
        a->fixed = lower_whole(lower, s->index, "an index");
        return a->fixed != REF_NONE &&
               check_position(lower, s->index, a->fixed, axis, array, inside);
    case SUB_SLICE:
        return slice_axis(lower, s, axis, array, a, inside);
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
    Ref inside = REF_NONE, divided = REF_NONE;

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
        good &= one_axis(lower, s, node->shape[k], name, &axes[k], &inside);
        if (good && axes[k].fixed != REF_NONE && ir_kind(lower->ir, array) == KIND_REAL) {
            divided = ir_and(lower->ir, divided, divides(lower, axes[k].fixed));
        }
    }
    if (!good) {
        return REF_NONE;
    }
    lower->ir->at = user_span(lower, expr->span);
    Ref element;
    if (constant_element(lower, array, axes[0].fixed, &element)) {
        element = k == 1 ? element : read_axes(lower, element, axes + 1, k - 1);
    } else {
        element = read_axes(lower, array, axes, k);
    }
    element = checked(lower, element, inside, expr->span, name);
    return checked_divisors(lower, element, divided, expr->span);
}
