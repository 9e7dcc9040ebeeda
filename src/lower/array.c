/* array.c: arrays: broadcasting, elementwise operations, products, literals. An operation opens the
 * axes of its operands at the lowest names that are free, works on scalars, and closes them again.
 */
#include <string.h>

#include "lower/elaborate.h"

/* ---- shapes ---------------------------------------------------------------------------------- */

static bool is_one(const Lower *lower, Dim d) {
    int64_t value;
    return dim_is_const(lower->ir, d, &value) && value == 1;
}

bool broadcast(Lower *lower, const Ref *values, unsigned count, Dim *shape, unsigned *rank,
               unsigned *bad) {
    *rank = 0;
    for (unsigned k = 0; k < count; k++) {
        unsigned r = ir_rank(lower->ir, values[k]);
        *rank = r > *rank ? r : *rank;
    }
    for (unsigned a = 0; a < *rank; a++) {
        shape[a] = DIM_NONE;
    }
    for (unsigned k = 0; k < count; k++) {
        const Node *node = ir_node(lower->ir, values[k]);
        for (unsigned a = 0; a < node->rank; a++) {
            Dim *d = &shape[*rank - node->rank + a];
            if (*d == DIM_NONE || is_one(lower, *d)) {
                *d = node->shape[a];
            } else if (*d != node->shape[a] && !is_one(lower, node->shape[a])) {
                *bad = k;
                return false;
            }
        }
    }
    return true;
}

void fresh_names(Lower *lower, const Dim *shape, unsigned rank, IndexSet used, Index *names) {
    for (unsigned a = 0; a < rank; a++) {
        names[a] = ir_fresh(lower->ir, shape[a], used);
        used |= INDEX_BIT(names[a]);
    }
}

Ref read_at(Lower *lower, Ref array, const Index *names, unsigned count) {
    Ref positions[RANK_LIMIT];
    const Node *node = ir_node(lower->ir, array);
    unsigned rank = node->rank;

    if (rank == 0) {
        return array;
    }
    for (unsigned a = 0; a < rank; a++) {
        Index name = names[count - rank + a];
        bool stretched = ir_index_dim(lower->ir, name) != node->shape[a];
        positions[a] = stretched ? ir_int(lower->ir, 0) : ir_idx(lower->ir, name);
    }
    return ir_read(lower->ir, array, positions, rank);
}

Ref read_first(Lower *lower, Ref array, const Ref *positions, unsigned count) {
    Ref all[RANK_LIMIT];
    Index names[RANK_LIMIT];
    const Node *node = ir_node(lower->ir, array);
    unsigned rank = node->rank;
    IndexSet used = ir_free(lower->ir, array);

    for (unsigned k = 0; k < count; k++) {
        all[k] = positions[k];
        used |= ir_free(lower->ir, positions[k]);
    }
    fresh_names(lower, node->shape + count, rank - count, used, names);
    for (unsigned k = count; k < rank; k++) {
        all[k] = ir_idx(lower->ir, names[k - count]);
    }
    Ref entry = ir_read(lower->ir, array, all, rank);
    return rank == count ? entry : ir_array(lower->ir, names, rank - count, entry);
}

Ref elementwise(Lower *lower, const Ref *values, unsigned count, Apply *apply, const void *data) {
    Dim shape[RANK_LIMIT];
    Index names[RANK_LIMIT];
    Ref scalars[RANK_LIMIT + 1];
    unsigned rank, bad;
    IndexSet used = 0;

    if (!broadcast(lower, values, count, shape, &rank, &bad)) {
        return REF_NONE;
    }
    for (unsigned k = 0; k < count; k++) {
        used |= ir_free(lower->ir, values[k]);
    }
    fresh_names(lower, shape, rank, used, names);
    for (unsigned k = 0; k < count; k++) {
        scalars[k] = read_at(lower, values[k], names, rank);
    }
    Ref result = apply(lower, data, scalars);
    return rank == 0 || result == REF_NONE ? result : ir_array(lower->ir, names, rank, result);
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static Ref apply_real(Lower *lower, const void *data, const Ref *scalars) {
    (void)data;
    return whole_to_real(lower, scalars[0]);
}

Ref to_real(Lower *lower, Ref value) {
    return ir_kind(lower->ir, value) == KIND_REAL ? value
                                                  : elementwise(lower, &value, 1, apply_real, NULL);
}

static Ref apply_number(Lower *lower, const void *data, const Ref *scalars) {
    Ref one = ir_int(lower->ir, 1);
    Ref zero = ir_int(lower->ir, 0);

    (void)data;
    return ir_select(lower->ir, scalars[0], one, zero);
}

Ref to_number(Lower *lower, Ref value) {
    return ir_kind(lower->ir, value) == KIND_BOOL
               ? elementwise(lower, &value, 1, apply_number, NULL)
               : value;
}

void unify_kinds(Lower *lower, Ref *scalars, unsigned count) {
    bool real = false;

    for (unsigned k = 0; k < count; k++) {
        scalars[k] = to_number(lower, scalars[k]);
        real |= ir_kind(lower->ir, scalars[k]) == KIND_REAL;
    }
    for (unsigned k = 0; k < count && real; k++) {
        scalars[k] = whole_to_real(lower, scalars[k]);
    }
}

/* ---- literals -------------------------------------------------------------------------------- */

/* The elements of an array literal: a read at a constant gives the element itself. */
struct Elements {
    Ref array;
    const Ref *refs;
    unsigned count;
    Elements *next;
};

static bool check_same_shape(Lower *lower, const Expr *first, const Expr *other, Ref a, Ref b) {
    const Node *x = ir_node(lower->ir, a);
    const Node *y = ir_node(lower->ir, b);
    bool same = x->rank == y->rank;

    for (unsigned k = 0; k < x->rank && same; k++) {
        same = x->shape[k] == y->shape[k];
    }
    if (!same) {
        Diag *diag = lower_error(lower, other->span,
                                 "the elements of an array have one shape: this one is %s",
                                 what_text(lower, b));
        diag_note(lower->diags, diag, first->span, "the first is %s", what_text(lower, a));
    }
    return same;
}

/* The array [refs…] of scalars or arrays of one shape. */
static Ref stack(Lower *lower, Ref *refs, unsigned count) {
    Index names[RANK_LIMIT];
    Dim shape[RANK_LIMIT];
    const Node *node = ir_node(lower->ir, refs[0]);
    unsigned rank = node->rank;
    IndexSet used = 0;

    shape[0] = dim_const(lower->ir, count);
    for (unsigned a = 0; a < rank; a++) {
        shape[a + 1] = node->shape[a];
    }
    for (unsigned k = 0; k < count; k++) {
        used |= ir_free(lower->ir, refs[k]);
    }
    fresh_names(lower, shape, rank + 1, used, names);
    Ref *scalars = arena_array(lower->arena, Ref, count);
    for (unsigned k = 0; k < count; k++) {
        scalars[k] = read_at(lower, refs[k], names + 1, rank);
    }
    unify_kinds(lower, scalars, count);
    Ref index = ir_idx(lower->ir, names[0]);
    Ref value = scalars[count - 1];
    for (unsigned k = count - 1; k-- > 0;) {
        Ref number = ir_int(lower->ir, k);
        Ref here = ir_compare(lower->ir, BI_eq, index, number);
        value = ir_select(lower->ir, here, scalars[k], value);
    }
    Ref array = ir_array(lower->ir, names, rank + 1, value);
    Elements *e = arena_new(lower->arena, Elements);
    Ref *kept = arena_array(lower->arena, Ref, count);
    for (unsigned k = 0; k < count; k++) {
        kept[k] = rank == 0 ? scalars[k] : refs[k];
    }
    Elements **bucket = &lower->elements[array % MEMO_BUCKETS];
    *e = (Elements){array, kept, count, *bucket};
    *bucket = e;
    return array;
}

bool find_element(const Lower *lower, Ref array, int64_t k, Ref *element) {
    for (const Elements *e = lower->elements[array % MEMO_BUCKETS]; e; e = e->next) {
        if (e->array == array && k >= 0 && k < (int64_t)e->count) {
            *element = e->refs[k];
            return true;
        }
    }
    return false;
}

enum { LITERAL_LIMIT = 2000 };

Ref lower_array_literal(Lower *lower, const Expr *expr) {
    size_t count = expr->as.array.count;
    Ref *refs = arena_array(lower->arena, Ref, count + 1);
    size_t k = 0;
    bool good = true;

    if (count == 0) {
        lower_error(lower, expr->span, "an array has at least one element");
        return REF_NONE;
    }
    if (count > LITERAL_LIMIT) {
        Diag *diag = lower_error(lower, expr->span,
                                 "an array of %zu elements is written out; at most %d can be",
                                 count, LITERAL_LIMIT);
        diag_label(
            lower->diags, diag,
            "an array with a rule is [f(i) for i in N]; numbers come from `data` or a column");
        return REF_NONE;
    }
    for (const Expr *e = expr->as.array.elements; e; e = e->next, k++) {
        refs[k] = lower_expr(lower, e);
        good = good && refs[k] != REF_NONE;
        if (good && k > 0) {
            good = check_same_shape(lower, expr->as.array.elements, e, refs[0], refs[k]);
        }
    }
    if (!good) {
        return REF_NONE;
    }
    if (ir_rank(lower->ir, refs[0]) + 1 > RANK_LIMIT) {
        lower_error(lower, expr->span, "an array has at most %d axes", RANK_LIMIT);
        return REF_NONE;
    }
    lower->ir->at = user_span(lower, expr->span);
    return stack(lower, refs, (unsigned)count);
}

/* ---- matrices -------------------------------------------------------------------------------- */

Ref lower_transpose(Lower *lower, const Expr *expr) {
    const Expr *operand = expr->as.unary.a;
    Ref a = lower_expr(lower, operand);

    if (a == REF_NONE) {
        return REF_NONE;
    }
    const Node *node = ir_node(lower->ir, a);
    if (node->rank != 2) {
        Diag *diag = lower_error(lower, expr->span, "`'` transposes a matrix, and `%s` is %s",
                                 expr_text(lower, operand), what_text(lower, a));
        diag_label(lower->diags, diag, "%s",
                   node->rank < 2 ? "leave the `'` out: it is not needed"
                                  : "name the axes: [A[i, j, k] for k, j, i]");
        return REF_NONE;
    }
    Dim shape[2] = {node->shape[1], node->shape[0]};
    Index names[2];
    lower->ir->at = user_span(lower, expr->span);
    fresh_names(lower, shape, 2, ir_free(lower->ir, a), names);
    Ref first = ir_idx(lower->ir, names[1]);
    Ref second = ir_idx(lower->ir, names[0]);
    Ref entry = ir_read(lower->ir, a, (const Ref[]){first, second}, 2);
    return ir_array(lower->ir, names, 2, entry);
}

static Ref matmul_error(Lower *lower, const Expr *expr, Ref a, Ref b, const char *label) {
    const Expr *x = expr->as.binary.a;
    const Expr *y = expr->as.binary.b;
    Diag *diag = lower_error(lower, expr->as.binary.op_span,
                             "cannot multiply `%s`, %s, and `%s`, %s", expr_text(lower, x),
                             what_text(lower, a), expr_text(lower, y), what_text(lower, b));

    diag_label(lower->diags, diag, "%s", label);
    note_shape(lower, diag, x, a);
    note_shape(lower, diag, y, b);
    return REF_NONE;
}

Ref lower_matmul(Lower *lower, const Expr *expr, Ref a, Ref b) {
    const Node *x = ir_node(lower->ir, a);
    const Node *y = ir_node(lower->ir, b);
    Dim shape[3];
    Index names[3];
    unsigned rank = 0;

    if (x->rank == 0 || y->rank == 0) {
        return matmul_error(lower, expr, a, b, "`@` is the product of matrices; `*` scales");
    }
    if (x->rank > 2 || y->rank > 2) {
        return matmul_error(lower, expr, a, b, "`@` is for matrices and vectors: use `sum`");
    }
    if (x->shape[x->rank - 1] != y->shape[0]) {
        return matmul_error(lower, expr, a, b,
                            "the last size of the left must be the first of the right");
    }
    if (x->rank == 2) {
        shape[rank++] = x->shape[0];
    }
    if (y->rank == 2) {
        shape[rank++] = y->shape[1];
    }
    shape[rank] = y->shape[0];
    fresh_names(lower, shape, rank + 1, ir_free(lower->ir, a) | ir_free(lower->ir, b), names);
    Index left[2] = {names[0], names[rank]};
    Index right[2] = {names[rank], names[rank == 0 ? 0 : rank - 1]};
    Ref p = read_at(lower, a, x->rank == 2 ? left : &names[rank], x->rank);
    Ref q = read_at(lower, b, right, y->rank);
    p = ir_convert(lower->ir, to_number(lower, p));
    q = ir_convert(lower->ir, to_number(lower, q));
    Ref product = ir_mul(lower->ir, p, q);
    Ref sum = ir_sum(lower->ir, names[rank], product);
    return rank == 0 ? sum : ir_array(lower->ir, names, rank, sum);
}

/* ---- concat, zeros, ones --------------------------------------------------------------------- */

static Ref concat_two(Lower *lower, Ref a, Ref b) {
    Index names[RANK_LIMIT];
    Dim shape[RANK_LIMIT];
    const Node *x = ir_node(lower->ir, a);
    const Node *y = ir_node(lower->ir, b);
    unsigned rank = x->rank;

    copy_ids(shape, x->shape, rank);
    Dim cut = x->shape[0];
    shape[0] = dim_add(lower->ir, cut, y->shape[0]);
    fresh_names(lower, shape, rank, ir_free(lower->ir, a) | ir_free(lower->ir, b), names);
    Ref first[RANK_LIMIT], second[RANK_LIMIT];
    for (unsigned k = 0; k < rank; k++) {
        first[k] = second[k] = ir_idx(lower->ir, names[k]);
    }
    Ref edge = ir_size(lower->ir, cut);
    Ref before = ir_compare(lower->ir, BI_lt, first[0], edge);
    second[0] = ir_sub(lower->ir, second[0], edge);
    Ref parts[2];
    parts[0] = ir_read(lower->ir, a, first, rank);
    parts[1] = ir_read(lower->ir, b, second, rank);
    unify_kinds(lower, parts, 2);
    Ref entry = ir_select(lower->ir, before, parts[0], parts[1]);
    return ir_array(lower->ir, names, rank, entry);
}

static bool check_concat(Lower *lower, const Expr *first, const Expr *arg, Ref a, Ref b) {
    const Node *x = ir_node(lower->ir, a);
    const Node *y = ir_node(lower->ir, b);
    bool same = x->rank == y->rank;

    if (y->rank == 0) {
        Diag *diag = lower_error(lower, arg->span, "`concat` joins arrays, and `%s` is %s",
                                 expr_text(lower, arg), what_text(lower, b));
        diag_label(lower->diags, diag, "as an array: `[%s]`", expr_text(lower, arg));
        return false;
    }
    for (unsigned k = 1; k < x->rank && same; k++) {
        same = x->shape[k] == y->shape[k];
    }
    if (!same) {
        Diag *diag =
            lower_error(lower, arg->span,
                        "`concat` joins along the first axis: `%s` of shape %s and `%s` of "
                        "shape %s differ in others",
                        expr_text(lower, first), shape_text(lower, a), expr_text(lower, arg),
                        shape_text(lower, b));
        note_shape(lower, diag, first, a);
        note_shape(lower, diag, arg, b);
    }
    return same;
}

Ref lower_concat(Lower *lower, const Expr *call) {
    const Expr *first = call->as.call.args;
    Ref result = REF_NONE;

    if (!first) {
        lower_error(lower, call->span, "`concat` joins at least one array, and here is none");
        return REF_NONE;
    }
    bool good = true;
    for (const Expr *a = first; a; a = a->next) {
        Ref next = lower_expr(lower, a);
        if (next == REF_NONE || !good) {
            good = false;
            continue;
        }
        if (!check_concat(lower, first, a, a == first ? next : result, next)) {
            good = false;
            continue;
        }
        lower->ir->at = user_span(lower, call->span);
        result = a == first ? next : concat_two(lower, result, next);
    }
    return good ? result : REF_NONE;
}

Ref lower_fill(Lower *lower, const Expr *call, double value) {
    Dim shape[RANK_LIMIT];
    Index names[RANK_LIMIT];
    unsigned rank;

    if (!lower_shape(lower, call->as.call.args, shape, &rank, call->span)) {
        return REF_NONE;
    }
    if (rank == 0) {
        Diag *diag =
            lower_error(lower, call->span, "`%s` needs the sizes of an array", call->as.call.name);
        diag_label(lower->diags, diag, "`%s(n)` or `%s(n, m)`", call->as.call.name,
                   call->as.call.name);
        return REF_NONE;
    }
    fresh_names(lower, shape, rank, 0, names);
    return ir_array(lower->ir, names, rank, ir_real(lower->ir, value));
}
