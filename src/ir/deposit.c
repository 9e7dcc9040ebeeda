/* deposit.c: v[P] = Σ over I of [P = p] a without scatters. Positions are solved axis by axis for
 * the bound indices; the result is a read at the solutions, under the conditions that they exist.
 * What is not covered stays an OP_DEPOSIT node, which is always right. */
#include "ir/tables.h"

#include <string.h>

typedef struct {
    Ir *ir;
    unsigned count; /* axes */
    Index targets[RANK_LIMIT];
    Ref positions[RANK_LIMIT];
    enum { AXIS_OPEN, AXIS_SOLVED, AXIS_EQUAL } state[RANK_LIMIT];
    IndexSet bound;            /* I */
    IndexSet solved;           /* of I */
    Ref solution[INDEX_LIMIT]; /* of solved indices; else REF_NONE */
    Ref condition;             /* that all solutions exist; REF_NONE: true */
    Ref value;                 /* a */
} Solver;

static IndexSet target_set(const Solver *s) {
    IndexSet set = 0;
    for (unsigned m = 0; m < s->count; m++) {
        set |= INDEX_BIT(s->targets[m]);
    }
    return set;
}

static IndexSet position_indices(const Solver *s) {
    IndexSet set = 0;
    for (unsigned m = 0; m < s->count; m++) {
        set |= ir_free(s->ir, s->positions[m]);
    }
    return set;
}

static bool is_index(const Ir *ir, Ref v, Index *i) {
    const Node *node = ir_node(ir, v);
    *i = node->op == OP_INDEX ? node->as.index : 0;
    return node->op == OP_INDEX;
}

static void require(Solver *s, Ref condition) {
    s->condition = ir_and(s->ir, s->condition, condition);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Is i the position of the target of the same name, and in no other position? */
static bool is_plain(const Solver *s, Index i) {
    unsigned uses = 0;
    bool own = false;
    for (unsigned m = 0; m < s->count; m++) {
        Index found;
        uses += (ir_free(s->ir, s->positions[m]) & INDEX_BIT(i)) != 0;
        own = own || (s->targets[m] == i && is_index(s->ir, s->positions[m], &found) && found == i);
    }
    return own && uses == 1;
}

/* Bound indices that have a target's name and are not simply its position get fresh names. False
 * when there are too many. */
static bool rename_clashes(Solver *s) {
    Ir *ir = s->ir;
    Ref fresh[INDEX_LIMIT] = {REF_NONE}, positions[RANK_LIMIT];
    Index axes[RANK_LIMIT];
    unsigned count = 0;
    IndexSet used = ir_free(ir, s->value) | target_set(s) | position_indices(s) | s->bound;
    IndexSet clashes = 0;
    for (IndexSet set = s->bound & target_set(s); set != 0; set &= set - 1) {
        Index i = index_first(set);
        if (is_plain(s, i)) {
            continue;
        }
        Index j = ir_fresh(ir, ir_index_dim(ir, i), used);
        used |= INDEX_BIT(j);
        fresh[i] = ir_idx(ir, j);
        clashes |= INDEX_BIT(i);
        s->bound = (s->bound & ~INDEX_BIT(i)) | INDEX_BIT(j);
        if (ir_free(ir, s->value) & INDEX_BIT(i)) {
            if (count == RANK_LIMIT) {
                return false;
            }
            axes[count] = i;
            positions[count++] = fresh[i];
        }
    }
    if (clashes == 0) {
        return true;
    }
    Ref array = ir_array(ir, axes, count, s->value);
    s->value = ir_read(ir, array, positions, count);
    for (unsigned m = 0; m < s->count; m++) {
        s->positions[m] = ir_subst(ir, s->positions[m], fresh);
    }
    return true;
}

/* ---- solving --------------------------------------------------------------------------------- */

/* Takes i := solution, also in what is solved already. */
static void solve(Solver *s, Index i, Ref solution) {
    Ref map[INDEX_LIMIT] = {REF_NONE};
    map[i] = solution;
    for (IndexSet set = s->solved; set != 0; set &= set - 1) {
        Index k = index_first(set);
        s->solution[k] = ir_subst(s->ir, s->solution[k], map);
    }
    if (s->condition != REF_NONE) {
        s->condition = ir_subst(s->ir, s->condition, map);
    }
    s->solution[i] = solution;
    s->solved |= INDEX_BIT(i);
}

static void require_inside(Solver *s, Index i, Ref solution) {
    Ref zero = ir_int(s->ir, 0);
    Ref extent = ir_size(s->ir, ir_index_dim(s->ir, i));
    Ref low = ir_compare(s->ir, BI_le, zero, solution);
    Ref high = ir_compare(s->ir, BI_lt, solution, extent);
    require(s, low);
    require(s, high);
}

/* Axes whose position is a bound index of the target's own size. */
static void solve_plain_axes(Solver *s) {
    for (unsigned m = 0; m < s->count; m++) {
        Index i;
        if (is_index(s->ir, s->positions[m], &i) && (s->bound & INDEX_BIT(i)) &&
            !(s->solved & INDEX_BIT(i)) &&
            ir_index_dim(s->ir, i) == ir_index_dim(s->ir, s->targets[m])) {
            s->solution[i] = ir_idx(s->ir, s->targets[m]);
            s->solved |= INDEX_BIT(i);
            s->state[m] = AXIS_SOLVED;
        }
    }
}

/* One digit of a mixed-radix position: stride · index. */
typedef struct {
    Index index;
    Dim stride;
} Digit;

enum { DIGIT_LIMIT = 4 };

/* A term of a linear form as stride · unsolved bound index. */
static bool digit_of(Solver *s, int64_t coefficient, Ref atom, Digit *digit) {
    Ir *ir = s->ir;
    Dim stride = dim_const(ir, coefficient);
    const Node *node = ir_node(ir, atom);
    if (node->op == OP_CALL && node->as.builtin == BI_mul) {
        Index ignored;
        unsigned at = is_index(ir, node->args[0], &ignored) ? 0 : 1;
        Dim factor = ir_value_dim(ir, node->args[1 - at]);
        if (factor == DIM_NONE) {
            return false;
        }
        stride = dim_mul(ir, stride, factor);
        atom = node->args[at];
    }
    digit->stride = stride;
    return is_index(ir, atom, &digit->index) && (s->bound & ~s->solved & INDEX_BIT(digit->index));
}

/* Sorts the digits by stride, greatest first; checks that each stride exceeds all that the digits
 * after it can reach, and that the last is 1. */
static bool digits_are_unique(Ir *ir, Digit *digits, unsigned count) {
    for (unsigned k = 1; k < count; k++) {
        for (unsigned j = k; j > 0 && dim_proves_le(ir, digits[j - 1].stride, digits[j].stride);
             j--) {
            Digit swap = digits[j];
            digits[j] = digits[j - 1];
            digits[j - 1] = swap;
        }
    }
    Dim one = dim_const(ir, 1), reach = one; /* 1 + the greatest value of the digits after k */
    if (digits[count - 1].stride != one) {
        return false;
    }
    for (unsigned k = count; k-- > 0;) {
        if (k < count - 1 && !dim_proves_le(ir, reach, digits[k].stride)) {
            return false;
        }
        Dim last = dim_sub(ir, ir_index_dim(ir, digits[k].index), one);
        reach = dim_add(ir, reach, dim_mul(ir, digits[k].stride, last));
    }
    return true;
}

/* p = s·i + u with u < s: i := P div s, u := P mod s; with more digits likewise. */
static bool solve_digits(Solver *s, Index target, Ref position) {
    Ir *ir = s->ir;
    Linear linear;
    Digit digits[DIGIT_LIMIT];
    if (!linear_of(ir, position, &linear) || linear.count < 2 || linear.count > DIGIT_LIMIT) {
        return false;
    }
    for (unsigned k = 0; k < linear.count; k++) {
        if (!digit_of(s, linear.terms[k].coefficient, linear.terms[k].atom, &digits[k])) {
            return false;
        }
    }
    for (unsigned k = 1; k < linear.count; k++) {
        for (unsigned j = 0; j < k; j++) {
            if (digits[j].index == digits[k].index) {
                return false;
            }
        }
    }
    if (!digits_are_unique(ir, digits, linear.count)) {
        return false;
    }
    Ref zero = ir_int(ir, 0), offset = ir_size(ir, linear.constant);
    Ref rest = ir_idx(ir, target);
    rest = ir_sub(ir, rest, offset);
    Ref low = ir_compare(ir, BI_le, zero, rest);
    require(s, low);
    for (unsigned k = 0; k < linear.count; k++) {
        Ref stride = ir_size(ir, digits[k].stride);
        Ref extent = ir_size(ir, ir_index_dim(ir, digits[k].index));
        Ref digit = ir_floordiv(ir, rest, stride);
        Ref inside = ir_compare(ir, BI_lt, digit, extent);
        rest = ir_mod(ir, rest, stride);
        require(s, inside);
        solve(s, digits[k].index, digit);
    }
    return true;
}

/* Is the extent of i surely or probably greater than that of j? */
static bool is_longer(Ir *ir, Index i, Index j) {
    int64_t x, y;
    Dim a = ir_index_dim(ir, i), b = ir_index_dim(ir, j);
    if (dim_value(ir, a, &x) && dim_value(ir, b, &y)) {
        return x > y;
    }
    if (dim_is_const(ir, b, &y) && !dim_is_const(ir, a, &x)) {
        return true; /* constants are small, as a rule: windows */
    }
    return a != b && dim_proves_le(ir, b, a);
}

/* p = ±i + rest: i := ±(P - rest). */
static bool solve_affine(Solver *s, Index target, Ref position) {
    Ir *ir = s->ir;
    Affine affine;
    bool found = false;
    Index best = 0;
    if (!ir_affine(ir, position, &affine)) {
        return false;
    }
    for (IndexSet set = affine.indices & s->bound & ~s->solved; set != 0; set &= set - 1) {
        Index i = index_first(set);
        int64_t c = affine.coefficient[i];
        if ((c == 1 || c == -1) && (!found || is_longer(ir, i, best))) {
            best = i;
            found = true;
        }
    }
    if (!found) {
        return false;
    }
    Ref index = ir_idx(ir, best), goal = ir_idx(ir, target), solution;
    if (affine.coefficient[best] == 1) { /* p - i = rest; i = P - rest */
        Ref rest = ir_sub(ir, position, index);
        solution = ir_sub(ir, goal, rest);
    } else { /* p + i = rest; i = rest - P */
        Ref rest = ir_add(ir, position, index);
        solution = ir_sub(ir, rest, goal);
    }
    require_inside(s, best, solution);
    solve(s, best, solution);
    return true;
}

static void solve_other_axes(Solver *s) {
    for (unsigned m = 0; m < s->count; m++) {
        if (s->state[m] == AXIS_SOLVED) {
            continue;
        }
        Ref position = s->positions[m] = ir_subst(s->ir, s->positions[m], s->solution);
        if (!(ir_free(s->ir, position) & s->bound & ~s->solved)) {
            s->state[m] = AXIS_EQUAL;
        } else if (solve_digits(s, s->targets[m], position) ||
                   solve_affine(s, s->targets[m], position)) {
            s->state[m] = AXIS_SOLVED;
        }
    }
}

/* ---- the result ------------------------------------------------------------------------------ */

/* The value at the solutions; REF_NONE when it would have too many axes. */
static Ref value_at_solutions(Solver *s) {
    Ir *ir = s->ir;
    Index axes[RANK_LIMIT];
    Ref positions[RANK_LIMIT];
    unsigned count = 0;
    for (IndexSet set = s->solved & ir_free(ir, s->value); set != 0; set &= set - 1) {
        Index i = index_first(set), found;
        if (is_index(ir, s->solution[i], &found) && found == i) {
            continue;
        }
        if (count == RANK_LIMIT) {
            return REF_NONE;
        }
        axes[count] = i;
        positions[count++] = s->solution[i];
    }
    Ref array = ir_array(ir, axes, count, s->value);
    return ir_read(ir, array, positions, count);
}

static Ref finish(Solver *s) {
    Ir *ir = s->ir;
    Ref value = value_at_solutions(s);
    Index targets[RANK_LIMIT];
    Ref positions[RANK_LIMIT];
    IndexSet open = 0;
    unsigned count = 0;
    if (value == REF_NONE) {
        return REF_NONE;
    }
    for (unsigned m = 0; m < s->count; m++) {
        if (s->state[m] == AXIS_SOLVED) {
            continue;
        }
        Ref position = ir_subst(ir, s->positions[m], s->solution);
        if (s->state[m] == AXIS_EQUAL) {
            Ref target = ir_idx(ir, s->targets[m]);
            Ref equal = ir_compare(ir, BI_eq, target, position);
            require(s, equal);
        } else {
            targets[count] = s->targets[m];
            positions[count++] = position;
            open |= ir_free(ir, position);
        }
    }
    value = ir_guard(ir, s->condition, value);
    IndexSet left = s->bound & ~s->solved;
    value = ir_sum_all(ir, left & ~open, value);
    return count == 0 ? value : ir_make_deposit(ir, left & open, targets, positions, count, value);
}

Ref ir_deposit(Ir *ir, IndexSet bound, const Index *targets, const Ref *positions, unsigned count,
               Ref a) {
    if (ir_rank(ir, a) != 0 || ir_kind(ir, a) == KIND_BOOL || count > RANK_LIMIT) {
        ice("ir", "deposit of %%%u", (unsigned)a);
    }
    if (ir->tables->keep_deposits && count > 0) {
        return ir_make_deposit(ir, bound, targets, positions, count, a);
    }
    Solver s = {.ir = ir, .count = count, .bound = bound};
    for (unsigned m = 0; m < count; m++) {
        s.targets[m] = targets[m];
        s.positions[m] = positions[m];
    }
    IndexSet used = position_indices(&s);
    s.value = ir_sum_all(ir, bound & ~used,
                         a); /* inside: a product of matrices, not a scatter a sample */
    s.bound = bound & used;
    Ref result = REF_NONE;
    if (rename_clashes(&s)) {
        solve_plain_axes(&s);
        solve_other_axes(&s);
        result = finish(&s);
    }
    return result != REF_NONE ? result : ir_make_deposit(ir, bound, targets, positions, count, a);
}
