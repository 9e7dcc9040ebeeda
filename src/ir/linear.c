/* linear.c: whole numbers as linear forms Σ coefficient · atom + dim. Sums, differences and
 * constant multiples of whole numbers are kept in one canonical shape, so that equal positions are
 * one value: positive terms by id, then negative ones, then the constant; a constant comes first
 * when there is no positive term. */
#include "ir/tables.h"

/* ---- arithmetic of forms --------------------------------------------------------------------- */

static bool add_term(Linear *linear, int64_t coefficient, Ref atom) {
    unsigned at = 0;
    while (at < linear->count && linear->terms[at].atom < atom) {
        at++;
    }
    if (at < linear->count && linear->terms[at].atom == atom) {
        if (__builtin_add_overflow(linear->terms[at].coefficient, coefficient,
                                   &linear->terms[at].coefficient)) {
            return false;
        }
        if (linear->terms[at].coefficient == 0) {
            linear->count--;
            for (; at < linear->count; at++) {
                linear->terms[at] = linear->terms[at + 1];
            }
        }
        return true;
    }
    if (linear->count == LINEAR_LIMIT) {
        return false;
    }
    for (unsigned k = linear->count; k > at; k--) {
        linear->terms[k] = linear->terms[k - 1];
    }
    linear->terms[at].coefficient = coefficient;
    linear->terms[at].atom = atom;
    linear->count++;
    return true;
}

bool linear_add(Ir *ir, Linear *sum, const Linear *a, int64_t factor, const Linear *b) {
    Linear result = *a;
    Dim scaled = dim_mul(ir, dim_const(ir, factor), b->constant);
    result.constant = dim_add(ir, a->constant, scaled);
    for (unsigned k = 0; k < b->count; k++) {
        int64_t coefficient;
        if (__builtin_mul_overflow(factor, b->terms[k].coefficient, &coefficient)) {
            return false;
        }
        if (coefficient != 0 && !add_term(&result, coefficient, b->terms[k].atom)) {
            return false;
        }
    }
    *sum = result;
    return true;
}

static Linear constant_form(Dim constant) {
    Linear linear = {.constant = constant};
    return linear;
}

/* Canonical chains lean to the left: the loop peels one term from the right at each turn. */
bool linear_of(Ir *ir, Ref v, Linear *linear) {
    *linear = constant_form(dim_const(ir, 0));
    int64_t factor = 1; /* of what is still in v */
    for (;;) {
        const Node *node = ir_node(ir, v);
        Linear term = constant_form(dim_const(ir, 0));
        if (node->op == OP_CONST || node->op == OP_SIZE) {
            term.constant = ir_value_dim(ir, v);
            return linear_add(ir, linear, linear, factor, &term);
        }
        BuiltinId f = node->op == OP_CALL ? node->as.builtin : BI_COUNT;
        if (f == BI_neg) {
            factor = -factor;
            v = node->args[0];
            continue;
        }
        int64_t scale;
        if (f == BI_mul && ir_node(ir, node->args[0])->op == OP_CONST) {
            scale = ir_node(ir, node->args[0])->as.integer;
            if (__builtin_mul_overflow(factor, scale, &factor)) {
                return false;
            }
            v = node->args[1];
            continue;
        }
        if (f != BI_add && f != BI_sub) {
            return add_term(linear, factor, v);
        }
        Ref right = node->args[1]; /* an atom, a constant, or a constant times an atom */
        int64_t sign = f == BI_add ? factor : -factor;
        v = node->args[0];
        const Node *last = ir_node(ir, right);
        if (last->op == OP_CONST || last->op == OP_SIZE) {
            term.constant = ir_value_dim(ir, right);
        } else if (last->op == OP_CALL && last->as.builtin == BI_mul &&
                   ir_node(ir, last->args[0])->op == OP_CONST) {
            term.terms[0].coefficient = ir_node(ir, last->args[0])->as.integer;
            term.terms[0].atom = last->args[1];
            term.count = 1;
        } else {
            term.terms[0].coefficient = 1;
            term.terms[0].atom = right;
            term.count = 1;
        }
        if (!linear_add(ir, linear, linear, sign, &term)) {
            return false;
        }
    }
}

/* ---- canonical values ------------------------------------------------------------------------ */

static Ref scaled(Ir *ir, int64_t coefficient, Ref atom) {
    if (coefficient == 1) {
        return atom;
    }
    Ref factor = ir_int(ir, coefficient);
    Ref args[2] = {factor, atom};
    return ir_make_call(ir, BI_mul, KIND_INT, args, 2);
}

static Ref append(Ir *ir, Ref sum, bool minus, Ref term) {
    if (sum == REF_NONE) {
        return minus ? ir_make_call(ir, BI_neg, KIND_INT, &term, 1) : term;
    }
    Ref args[2] = {sum, term};
    return ir_make_call(ir, minus ? BI_sub : BI_add, KIND_INT, args, 2);
}

static bool is_negative(const Ir *ir, Dim d) {
    const Poly *poly = ir_dim_poly(ir, d);
    return poly->count > 0 && poly->terms[0].coefficient < 0;
}

Ref linear_build(Ir *ir, const Linear *linear) {
    Dim zero = dim_const(ir, 0);
    bool any_positive = false;
    Ref sum = REF_NONE;
    for (unsigned k = 0; k < linear->count; k++) {
        any_positive = any_positive || linear->terms[k].coefficient > 0;
    }
    if (linear->count == 0 || (!any_positive && linear->constant != zero)) {
        sum = ir_size(ir, linear->constant);
    }
    for (int minus = 0; minus < 2; minus++) {
        for (unsigned k = 0; k < linear->count; k++) {
            int64_t coefficient = linear->terms[k].coefficient;
            if ((coefficient < 0) == (minus == 1)) {
                Ref term = scaled(ir, minus ? -coefficient : coefficient, linear->terms[k].atom);
                sum = append(ir, sum, minus, term);
            }
        }
    }
    if (any_positive && linear->constant != zero) {
        bool minus = is_negative(ir, linear->constant);
        Dim size = minus ? dim_sub(ir, zero, linear->constant) : linear->constant;
        Ref term = ir_size(ir, size);
        sum = append(ir, sum, minus, term);
    }
    return sum;
}

/* ---- bounds ---------------------------------------------------------------------------------- */

/* The greatest value of an atom, DIM_NONE if unknown; the least is 0 whenever this is known. */
static Dim greatest_of(Ir *ir, Ref atom) {
    const Node *node = ir_node(ir, atom);
    Dim one = dim_const(ir, 1), extent = DIM_NONE;
    if (node->op == OP_INDEX) {
        extent = ir_index_dim(ir, node->as.index);
    } else if (node->op == OP_ARGMAX) {
        extent = ir_index_dim(ir, node->as.index);
    } else if (node->op == OP_LEAF) {
        extent = ir->leaves[node->as.leaf].class_dim;
    } else if (node->op == OP_READ) {
        const Node *array = ir_node(ir, node->args[0]);
        extent = array->op == OP_LEAF ? ir->leaves[array->as.leaf].class_dim : DIM_NONE;
    } else if (node->op == OP_CALL && node->as.builtin == BI_mod) {
        int64_t divisor;
        extent = ir_value_dim(ir, node->args[1]);
        if (extent != DIM_NONE && dim_is_const(ir, extent, &divisor) && divisor <= 0) {
            return DIM_NONE;
        }
    } else if (node->op == OP_CALL && node->as.builtin == BI_floordiv &&
               ir_node(ir, node->args[0])->op == OP_INDEX) {
        int64_t divisor;
        Dim by = ir_value_dim(ir, node->args[1]);
        if (by != DIM_NONE && dim_is_const(ir, by, &divisor) && divisor > 0) {
            Dim dim = ir_index_dim(ir, ir_node(ir, node->args[0])->as.index);
            return dim_floordiv(ir, dim_sub(ir, dim, one), by);
        }
    }
    return extent == DIM_NONE ? DIM_NONE : dim_sub(ir, extent, one);
}

bool linear_proves(Ir *ir, const Linear *linear, int64_t least) {
    Dim low = linear->constant;
    for (unsigned k = 0; k < linear->count; k++) {
        Dim greatest = greatest_of(ir, linear->terms[k].atom);
        if (greatest == DIM_NONE) {
            return false;
        }
        if (linear->terms[k].coefficient < 0) {
            Dim coefficient = dim_const(ir, linear->terms[k].coefficient);
            low = dim_add(ir, low, dim_mul(ir, coefficient, greatest));
        }
    }
    return dim_proves_le(ir, dim_const(ir, least), low);
}

bool ir_affine(Ir *ir, Ref v, Affine *affine) {
    Linear linear, rest;
    *affine = (Affine){.rest = REF_NONE};
    if (ir_kind(ir, v) != KIND_INT || !linear_of(ir, v, &linear)) {
        return false;
    }
    rest = constant_form(dim_const(ir, 0));
    if (!dim_is_const(ir, linear.constant, &affine->constant)) {
        rest.constant = linear.constant;
    }
    for (unsigned k = 0; k < linear.count; k++) {
        Ref atom = linear.terms[k].atom;
        const Node *node = ir_node(ir, atom);
        if (node->op == OP_INDEX) {
            affine->coefficient[node->as.index] = linear.terms[k].coefficient;
            affine->indices |= INDEX_BIT(node->as.index);
        } else if (node->free == 0) {
            add_term(&rest, linear.terms[k].coefficient, atom);
        } else {
            return false;
        }
    }
    if (rest.count > 0 || rest.constant != dim_const(ir, 0)) {
        affine->rest = linear_build(ir, &rest);
    }
    return true;
}
