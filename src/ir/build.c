/* build.c: the smart constructors. Equal expressions are one Ref; the rewrites are those that are
 * always true: constants fold, guards float outwards, negation floats out of products and sums,
 * whole numbers are kept as linear forms, conjunctions as sorted lists. Never a·0 → 0: NaN and
 * infinity count. */
#include "ir/tables.h"

#include <math.h>
#include <string.h>

/* ---- making nodes ---------------------------------------------------------------------------- */

Ref ir_make_plain(Ir *ir, Op op, Kind kind, const Ref *args, uint32_t count) {
    Node node = {.op = op, .kind = kind, .args = args, .arg_count = count};
    return ir_make(ir, &node);
}

Ref ir_make_call(Ir *ir, BuiltinId f, Kind kind, const Ref *args, uint32_t count) {
    Node node = {.op = OP_CALL, .kind = kind, .args = args, .arg_count = count};
    node.as.builtin = f;
    return ir_make(ir, &node);
}

Ref ir_make_reduction(Ir *ir, Op op, Kind kind, Index i, Ref a) {
    Node node = {.op = op, .kind = kind, .args = &a, .arg_count = 1};
    node.as.index = i;
    return ir_make(ir, &node);
}

Ref ir_make_deposit(Ir *ir, IndexSet bound, const Index *targets, const Ref *positions,
                    unsigned count, Ref a) {
    Ref args[1 + RANK_LIMIT] = {a};
    memcpy(args + 1, positions, count * sizeof *positions);
    Node node = {.op = OP_DEPOSIT, .kind = ir_kind(ir, a), .args = args, .arg_count = 1 + count};
    node.as.deposit.bound = bound;
    node.as.deposit.targets = targets;
    node.as.deposit.count = count;
    return ir_make(ir, &node);
}

/* ---- looking at operands --------------------------------------------------------------------- */

static bool is_call(const Ir *ir, Ref v, BuiltinId f) {
    const Node *node = ir_node(ir, v);
    return node->op == OP_CALL && node->as.builtin == f;
}

static Ref operand(const Ir *ir, Ref v, uint32_t k) {
    return ir_node(ir, v)->args[k];
}

static bool is_op(const Ir *ir, Ref v, Op op) {
    return ir_node(ir, v)->op == op;
}

static bool real_constant(const Ir *ir, Ref v, double *value) {
    const Node *node = ir_node(ir, v);
    if (node->op != OP_CONST || node->kind != KIND_REAL) {
        return false;
    }
    *value = node->as.real;
    return true;
}

static bool integer_constant(const Ir *ir, Ref v, int64_t *value) {
    const Node *node = ir_node(ir, v);
    if (node->op != OP_CONST || node->kind == KIND_REAL) {
        return false;
    }
    *value = node->as.integer;
    return true;
}

static bool is_real_value(const Ir *ir, Ref v, double value) {
    double found;
    return real_constant(ir, v, &found) && found == value;
}

static bool bool_constant(const Ir *ir, Ref v, bool *value) {
    const Node *node = ir_node(ir, v);
    if (node->op != OP_CONST || node->kind != KIND_BOOL) {
        return false;
    }
    *value = node->as.integer != 0;
    return true;
}

static void expect_scalar(const Ir *ir, Ref v, Kind kind, const char *where) {
    const Node *node = ir_node(ir, v);
    if (node->rank != 0 || node->kind != kind) {
        ice("ir", "%s: %%%u has the wrong kind or rank", where, (unsigned)v);
    }
}

static Kind number_kind(const Ir *ir, Ref a, Ref b, const char *where) {
    const Node *x = ir_node(ir, a), *y = ir_node(ir, b);
    if (x->rank != 0 || y->rank != 0 || x->kind != y->kind || x->kind == KIND_BOOL) {
        ice("ir", "%s of %%%u and %%%u, which are not two numbers of one kind", where, (unsigned)a,
            (unsigned)b);
    }
    return x->kind;
}

/* ---- leaves of expressions ------------------------------------------------------------------- */

Ref ir_real(Ir *ir, double value) {
    Node node = {.op = OP_CONST, .kind = KIND_REAL};
    node.as.real = value;
    return ir_make(ir, &node);
}

double ir_nan(uint64_t why, uint32_t line) {
    const uint64_t bits = why | (line <= UINT16_MAX ? (uint64_t)line << IR_NAN_LINE : 0);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

Ref ir_int(Ir *ir, int64_t value) {
    Node node = {.op = OP_CONST, .kind = KIND_INT};
    node.as.integer = value;
    return ir_make(ir, &node);
}

Ref ir_bool(Ir *ir, bool value) {
    Node node = {.op = OP_CONST, .kind = KIND_BOOL};
    node.as.integer = value;
    return ir_make(ir, &node);
}

Ref ir_size(Ir *ir, Dim dim) {
    int64_t value;
    if (dim_is_const(ir, dim, &value)) {
        return ir_int(ir, value);
    }
    Node node = {.op = OP_SIZE, .kind = KIND_INT};
    node.as.dim = dim;
    return ir_make(ir, &node);
}

Ref ir_idx(Ir *ir, Index i) {
    Node node = {.op = OP_INDEX, .kind = KIND_INT};
    node.as.index = i;
    return ir_make(ir, &node);
}

Ref ir_leaf(Ir *ir, uint32_t leaf) {
    if (leaf >= ir->leaf_count) {
        ice("ir", "no leaf %u", (unsigned)leaf);
    }
    const Leaf *info = &ir->leaves[leaf];
    Node node = {.op = OP_LEAF, .kind = info->kind, .rank = info->rank, .shape = info->shape};
    node.as.leaf = leaf;
    return ir_make(ir, &node);
}

Dim ir_value_dim(Ir *ir, Ref v) {
    const Node *node = ir_node(ir, v);
    if (node->op == OP_SIZE) {
        return node->as.dim;
    }
    if (node->op == OP_CONST && node->kind == KIND_INT) {
        return dim_const(ir, node->as.integer);
    }
    return DIM_NONE;
}

/* ---- arithmetic of whole numbers ------------------------------------------------------------- */

/* a + factor · b in canonical form; REF_NONE if it has none. */
static Ref linear_combination(Ir *ir, Ref a, int64_t factor, Ref b) {
    Linear left, right;
    if (!linear_of(ir, a, &left) || !linear_of(ir, b, &right) ||
        !linear_add(ir, &left, &left, factor, &right)) {
        return REF_NONE;
    }
    return linear_build(ir, &left);
}

static Ref add_integers(Ir *ir, Ref a, Ref b) {
    Ref sum = linear_combination(ir, a, 1, b);
    Ref args[2] = {a < b ? a : b, a < b ? b : a};
    return sum != REF_NONE ? sum : ir_make_call(ir, BI_add, KIND_INT, args, 2);
}

static Ref sub_integers(Ir *ir, Ref a, Ref b) {
    Ref sum = linear_combination(ir, a, -1, b);
    Ref args[2] = {a, b};
    return sum != REF_NONE ? sum : ir_make_call(ir, BI_sub, KIND_INT, args, 2);
}

static Ref mul_integers(Ir *ir, Ref a, Ref b) {
    Dim x = ir_value_dim(ir, a), y = ir_value_dim(ir, b);
    if (x != DIM_NONE && y != DIM_NONE) {
        return ir_size(ir, dim_mul(ir, x, y));
    }
    int64_t factor;
    Ref other = integer_constant(ir, a, &factor)   ? b
                : integer_constant(ir, b, &factor) ? a
                                                   : REF_NONE;
    if (other != REF_NONE) {
        Linear zero = {.constant = dim_const(ir, 0)}, form;
        if (linear_of(ir, other, &form) && linear_add(ir, &form, &zero, factor, &form)) {
            return linear_build(ir, &form);
        }
        a = ir_int(ir, factor); /* constant factors come first: linear.c looks for them there */
        b = other;
    } else if (a > b) {
        Ref swap = a;
        a = b;
        b = swap;
    }
    Ref args[2] = {a, b};
    return ir_make_call(ir, BI_mul, KIND_INT, args, 2);
}

static Ref neg_integer(Ir *ir, Ref a) {
    Linear zero = {.constant = dim_const(ir, 0)}, form;
    if (linear_of(ir, a, &form) && linear_add(ir, &form, &zero, -1, &form)) {
        return linear_build(ir, &form);
    }
    return ir_make_call(ir, BI_neg, KIND_INT, &a, 1);
}

Ref ir_floordiv(Ir *ir, Ref a, Ref b) {
    expect_scalar(ir, a, KIND_INT, "floordiv");
    expect_scalar(ir, b, KIND_INT, "floordiv");
    Dim x = ir_value_dim(ir, a), y = ir_value_dim(ir, b);
    int64_t divisor = 0;
    bool constant = integer_constant(ir, b, &divisor);
    if (constant && divisor == 1) {
        return a;
    }
    if (x != DIM_NONE && y != DIM_NONE && !(constant && divisor == 0)) {
        return ir_size(ir, dim_floordiv(ir, x, y));
    }
    Ref args[2] = {a, b};
    return ir_make_call(ir, BI_floordiv, KIND_INT, args, 2);
}

Ref ir_mod(Ir *ir, Ref a, Ref b) {
    expect_scalar(ir, a, KIND_INT, "mod");
    expect_scalar(ir, b, KIND_INT, "mod");
    Dim x = ir_value_dim(ir, a), y = ir_value_dim(ir, b);
    int64_t divisor = 0;
    bool constant = integer_constant(ir, b, &divisor);
    if (constant && divisor == 1) {
        return ir_int(ir, 0);
    }
    if (x != DIM_NONE && y != DIM_NONE && !(constant && divisor == 0)) {
        return ir_size(ir, dim_mod(ir, x, y));
    }
    Ref args[2] = {a, b};
    return ir_make_call(ir, BI_mod, KIND_INT, args, 2);
}

/* ---- arithmetic of reals --------------------------------------------------------------------- */

/* The constant f(x, y) when it is finite; else REF_NONE: what is not finite is left to be found. */
static Ref fold(Ir *ir, double value) {
    return isfinite(value) ? ir_real(ir, value) : REF_NONE;
}

static Ref make_commutative(Ir *ir, BuiltinId f, Kind kind, Ref a, Ref b) {
    Ref args[2] = {a < b ? a : b, a < b ? b : a};
    return ir_make_call(ir, f, kind, args, 2);
}

/* guard(false, …): the strong zero itself. */
static bool is_strong_zero(const Ir *ir, Ref v) {
    bool condition;
    return is_op(ir, v, OP_GUARD) && bool_constant(ir, operand(ir, v, 0), &condition) && !condition;
}

Ref ir_add(Ir *ir, Ref a, Ref b) {
    if (number_kind(ir, a, b, "add") == KIND_INT) {
        return add_integers(ir, a, b);
    }
    double x, y;
    if (real_constant(ir, a, &x) && real_constant(ir, b, &y)) {
        Ref folded = fold(ir, x + y);
        if (folded != REF_NONE) {
            return folded;
        }
    }
    if (is_real_value(ir, a, 0) || is_strong_zero(ir, a)) {
        return b;
    }
    if (is_real_value(ir, b, 0) || is_strong_zero(ir, b)) {
        return a;
    }
    if (is_op(ir, a, OP_GUARD) && is_op(ir, b, OP_GUARD) &&
        operand(ir, a, 0) == operand(ir, b, 0)) {
        Ref condition = operand(ir, a, 0);
        Ref sum = ir_add(ir, operand(ir, a, 1), operand(ir, b, 1));
        return ir_guard(ir, condition, sum);
    }
    if (is_call(ir, b, BI_neg)) {
        return ir_sub(ir, a, operand(ir, b, 0));
    }
    if (is_call(ir, a, BI_neg)) {
        return ir_sub(ir, b, operand(ir, a, 0));
    }
    return make_commutative(ir, BI_add, KIND_REAL, a, b);
}

Ref ir_sub(Ir *ir, Ref a, Ref b) {
    if (number_kind(ir, a, b, "sub") == KIND_INT) {
        return sub_integers(ir, a, b);
    }
    double x, y;
    if (real_constant(ir, a, &x) && real_constant(ir, b, &y)) {
        Ref folded = fold(ir, x - y);
        if (folded != REF_NONE) {
            return folded;
        }
    }
    if (is_real_value(ir, b, 0) || is_strong_zero(ir, b)) {
        return a;
    }
    if (is_real_value(ir, a, 0) || is_strong_zero(ir, a)) {
        return ir_neg(ir, b);
    }
    if (is_op(ir, a, OP_GUARD) && is_op(ir, b, OP_GUARD) &&
        operand(ir, a, 0) == operand(ir, b, 0)) {
        Ref condition = operand(ir, a, 0);
        Ref difference = ir_sub(ir, operand(ir, a, 1), operand(ir, b, 1));
        return ir_guard(ir, condition, difference);
    }
    if (is_call(ir, b, BI_neg)) {
        return ir_add(ir, a, operand(ir, b, 0));
    }
    Ref args[2] = {a, b};
    return ir_make_call(ir, BI_sub, KIND_REAL, args, 2);
}

Ref ir_neg(Ir *ir, Ref a) {
    if (ir_kind(ir, a) == KIND_INT) {
        expect_scalar(ir, a, KIND_INT, "neg");
        return neg_integer(ir, a);
    }
    expect_scalar(ir, a, KIND_REAL, "neg");
    double x;
    if (real_constant(ir, a, &x)) {
        return ir_real(ir, -x);
    }
    if (is_call(ir, a, BI_neg)) {
        return operand(ir, a, 0);
    }
    if (is_op(ir, a, OP_GUARD)) {
        Ref condition = operand(ir, a, 0);
        Ref inner = ir_neg(ir, operand(ir, a, 1));
        return ir_guard(ir, condition, inner);
    }
    return ir_make_call(ir, BI_neg, KIND_REAL, &a, 1);
}

/* The operand of a guard or negation that floats out of a product of a and b, or REF_NONE. */
static Ref float_out(Ir *ir, Ref a, Ref b, Ref (*build)(Ir *, Ref, Ref)) {
    if (is_op(ir, a, OP_GUARD)) {
        Ref condition = operand(ir, a, 0);
        Ref product = build(ir, operand(ir, a, 1), b);
        return ir_guard(ir, condition, product);
    }
    if (is_call(ir, a, BI_neg)) {
        Ref product = build(ir, operand(ir, a, 0), b);
        return ir_neg(ir, product);
    }
    return REF_NONE;
}

static Ref mul_swapped(Ir *ir, Ref b, Ref a) {
    return ir_mul(ir, a, b);
}

Ref ir_mul(Ir *ir, Ref a, Ref b) {
    if (number_kind(ir, a, b, "mul") == KIND_INT) {
        return mul_integers(ir, a, b);
    }
    double x, y;
    if (real_constant(ir, a, &x) && real_constant(ir, b, &y)) {
        Ref folded = fold(ir, x * y);
        if (folded != REF_NONE) {
            return folded;
        }
    }
    if (is_real_value(ir, a, 1)) {
        return b;
    }
    if (is_real_value(ir, b, 1)) {
        return a;
    }
    Ref floated = float_out(ir, a, b, ir_mul);
    if (floated == REF_NONE) {
        floated = float_out(ir, b, a, mul_swapped);
    }
    if (floated != REF_NONE) {
        return floated;
    }
    if (a == b) {
        return ir_square(ir, a);
    }
    return make_commutative(ir, BI_mul, KIND_REAL, a, b);
}

Ref ir_div(Ir *ir, Ref a, Ref b) {
    if (number_kind(ir, a, b, "div") != KIND_REAL) {
        ice("ir", "div of whole numbers");
    }
    double x, y;
    if (real_constant(ir, a, &x) && real_constant(ir, b, &y) && y != 0) {
        Ref folded = fold(ir, x / y);
        if (folded != REF_NONE) {
            return folded;
        }
    }
    if (is_real_value(ir, b, 1)) {
        return a;
    }
    Ref floated = float_out(ir, a, b, ir_div);
    if (floated != REF_NONE) {
        return floated;
    }
    if (is_call(ir, b, BI_neg)) {
        Ref quotient = ir_div(ir, a, operand(ir, b, 0));
        return ir_neg(ir, quotient);
    }
    Ref args[2] = {a, b};
    return ir_make_call(ir, BI_div, KIND_REAL, args, 2);
}

Ref ir_square(Ir *ir, Ref a) {
    if (ir_kind(ir, a) == KIND_INT) {
        return ir_mul(ir, a, a);
    }
    expect_scalar(ir, a, KIND_REAL, "square");
    double x;
    if (real_constant(ir, a, &x)) {
        Ref folded = fold(ir, x * x);
        if (folded != REF_NONE) {
            return folded;
        }
    }
    if (is_call(ir, a, BI_neg) || is_call(ir, a, BI_abs)) {
        return ir_square(ir, operand(ir, a, 0));
    }
    if (is_op(ir, a, OP_GUARD)) {
        Ref condition = operand(ir, a, 0);
        Ref inner = ir_square(ir, operand(ir, a, 1));
        return ir_guard(ir, condition, inner);
    }
    return ir_make_call(ir, BI_square, KIND_REAL, &a, 1);
}

/* ---- conditions ------------------------------------------------------------------------------ */

/* b - a ≥ least, decided by bounds of whole numbers. */
static bool difference_proves(Ir *ir, Ref a, Ref b, int64_t least) {
    Linear left, right;
    return linear_of(ir, a, &left) && linear_of(ir, b, &right) &&
           linear_add(ir, &right, &right, -1, &left) && linear_proves(ir, &right, least);
}

/* 1 or 0 when the comparison of whole numbers is decided, else -1. */
static int decide_integers(Ir *ir, BuiltinId f, Ref a, Ref b) {
    if (f == BI_lt) {
        return difference_proves(ir, a, b, 1) ? 1 : difference_proves(ir, b, a, 0) ? 0 : -1;
    }
    if (f == BI_le) {
        return difference_proves(ir, a, b, 0) ? 1 : difference_proves(ir, b, a, 1) ? 0 : -1;
    }
    bool differ = difference_proves(ir, a, b, 1) || difference_proves(ir, b, a, 1);
    if (a == b) {
        return f == BI_eq;
    }
    return differ ? f == BI_ne : -1;
}

static int decide_constants(const Ir *ir, BuiltinId f, Ref a, Ref b) {
    double x, y;
    int64_t p, q;
    if (real_constant(ir, a, &x) && real_constant(ir, b, &y)) {
        return builtins[f].f2(x, y) != 0;
    }
    if (ir_kind(ir, a) == KIND_BOOL && integer_constant(ir, a, &p) && integer_constant(ir, b, &q)) {
        return builtins[f].f2((double)p, (double)q) != 0;
    }
    return -1;
}

Ref ir_compare(Ir *ir, BuiltinId f, Ref a, Ref b) {
    const Node *x = ir_node(ir, a), *y = ir_node(ir, b);
    if (x->rank != 0 || y->rank != 0 || x->kind != y->kind ||
        builtins[f].signature != SIG_COMPARE) {
        ice("ir", "comparison of %%%u and %%%u, which are not of one kind", (unsigned)a,
            (unsigned)b);
    }
    int decided =
        x->kind == KIND_INT ? decide_integers(ir, f, a, b) : decide_constants(ir, f, a, b);
    if (decided >= 0) {
        return ir_bool(ir, decided);
    }
    if (f == BI_eq || f == BI_ne) {
        return make_commutative(ir, f, KIND_BOOL, a, b);
    }
    Ref args[2] = {a, b};
    return ir_make_call(ir, f, KIND_BOOL, args, 2);
}

enum { CONJUNCT_LIMIT = 64 };

/* Adds the operands of a chain of `f` to a list sorted by id, without repetition. */
static bool collect(const Ir *ir, BuiltinId f, Ref chain, Ref *list, unsigned *count) {
    for (bool more = true; more;) {
        Ref last = chain;
        more = is_call(ir, chain, f);
        if (more) {
            last = operand(ir, chain, 1);
            chain = operand(ir, chain, 0);
        }
        unsigned at = 0;
        while (at < *count && list[at] < last) {
            at++;
        }
        if (at < *count && list[at] == last) {
            continue;
        }
        if (*count == CONJUNCT_LIMIT) {
            return false;
        }
        memmove(&list[at + 1], &list[at], (*count - at) * sizeof *list);
        list[at] = last;
        ++*count;
    }
    return true;
}

/* Is a not b, as ir_not writes it? */
static bool is_opposite(const Ir *ir, Ref a, Ref b) {
    const Node *x = ir_node(ir, a), *y = ir_node(ir, b);
    if (is_call(ir, a, BI_not)) {
        return x->args[0] == b;
    }
    if (is_call(ir, a, BI_ne)) {
        return is_call(ir, b, BI_eq) && x->args[0] == y->args[0] && x->args[1] == y->args[1];
    }
    return is_call(ir, a, BI_le) && is_call(ir, b, BI_lt) && x->args[0] == y->args[1] &&
           x->args[1] == y->args[0] && ir_kind(ir, x->args[0]) == KIND_INT;
}

static bool has_opposites(const Ir *ir, const Ref *list, unsigned count) {
    for (unsigned k = 0; k < count; k++) {
        for (unsigned l = 0; l < count; l++) {
            if (is_opposite(ir, list[k], list[l])) {
                return true;
            }
        }
    }
    return false;
}

static Ref junction(Ir *ir, BuiltinId f, Ref a, Ref b) {
    Ref list[CONJUNCT_LIMIT + 1];
    unsigned count = 0;
    if (!collect(ir, f, a, list, &count) || !collect(ir, f, b, list, &count)) {
        return make_commutative(ir, f, KIND_BOOL, a, b);
    }
    if (has_opposites(ir, list, count)) { /* c and not c; c or not c */
        return ir_bool(ir, f == BI_or);
    }
    Ref result = list[0];
    for (unsigned k = 1; k < count; k++) {
        Ref args[2] = {result, list[k]};
        result = ir_make_call(ir, f, KIND_BOOL, args, 2);
    }
    return result;
}

Ref ir_and(Ir *ir, Ref a, Ref b) {
    bool value;
    if (a == REF_NONE || b == REF_NONE || a == b) {
        return a == REF_NONE ? b : a;
    }
    expect_scalar(ir, a, KIND_BOOL, "and");
    expect_scalar(ir, b, KIND_BOOL, "and");
    if (bool_constant(ir, a, &value)) {
        return value ? b : a;
    }
    if (bool_constant(ir, b, &value)) {
        return value ? a : b;
    }
    return junction(ir, BI_and, a, b);
}

Ref ir_or(Ir *ir, Ref a, Ref b) {
    bool value;
    if (a == REF_NONE || b == REF_NONE) {
        return ir_bool(ir, true);
    }
    expect_scalar(ir, a, KIND_BOOL, "or");
    expect_scalar(ir, b, KIND_BOOL, "or");
    if (a == b) {
        return a;
    }
    if (bool_constant(ir, a, &value)) {
        return value ? a : b;
    }
    if (bool_constant(ir, b, &value)) {
        return value ? b : a;
    }
    return junction(ir, BI_or, a, b);
}

Ref ir_not(Ir *ir, Ref a) {
    bool value;
    if (a == REF_NONE) {
        return ir_bool(ir, false);
    }
    expect_scalar(ir, a, KIND_BOOL, "not");
    if (bool_constant(ir, a, &value)) {
        return ir_bool(ir, !value);
    }
    if (is_call(ir, a, BI_not)) {
        return operand(ir, a, 0);
    }
    if (is_call(ir, a, BI_eq) || is_call(ir, a, BI_ne)) { /* exact for NaN too */
        BuiltinId f = is_call(ir, a, BI_eq) ? BI_ne : BI_eq;
        return ir_compare(ir, f, operand(ir, a, 0), operand(ir, a, 1));
    }
    bool order = is_call(ir, a, BI_lt) || is_call(ir, a, BI_le);
    if (order && ir_kind(ir, operand(ir, a, 0)) == KIND_INT) {
        BuiltinId f = is_call(ir, a, BI_lt) ? BI_le : BI_lt;
        return ir_compare(ir, f, operand(ir, a, 1), operand(ir, a, 0));
    }
    return ir_make_call(ir, BI_not, KIND_BOOL, &a, 1);
}

Ref ir_convert(Ir *ir, Ref a) {
    const Node *node = ir_node(ir, a);
    int64_t value;
    if (node->kind == KIND_REAL) {
        return a;
    }
    if (node->rank != 0) {
        ice("ir", "convert of the array %%%u", (unsigned)a);
    }
    if (integer_constant(ir, a, &value) && value <= INT64_C(1) << 53 &&
        value >= -(INT64_C(1) << 53)) {
        return ir_real(ir, (double)value);
    }
    return ir_make_plain(ir, OP_CONVERT, KIND_REAL, &a, 1);
}

Ref ir_select(Ir *ir, Ref c, Ref a, Ref b) {
    bool value;
    if (c == REF_NONE || a == b) {
        return a;
    }
    expect_scalar(ir, c, KIND_BOOL, "select");
    const Node *x = ir_node(ir, a), *y = ir_node(ir, b);
    if (x->kind != y->kind || x->rank != 0 || y->rank != 0) {
        ice("ir", "select of %%%u and %%%u, which are not of one kind", (unsigned)a, (unsigned)b);
    }
    if (bool_constant(ir, c, &value)) {
        return value ? a : b;
    }
    if (is_call(ir, c, BI_not)) {
        return ir_select(ir, operand(ir, c, 0), b, a);
    }
    Ref args[3] = {c, a, b};
    return ir_make_plain(ir, OP_SELECT, ir_kind(ir, a), args, 3);
}

Ref ir_guard(Ir *ir, Ref c, Ref a) {
    bool value;
    if (c == REF_NONE) {
        return a;
    }
    expect_scalar(ir, c, KIND_BOOL, "guard");
    if (ir_rank(ir, a) != 0) {
        ice("ir", "guard of the array %%%u", (unsigned)a);
    }
    Kind kind = ir_kind(ir, a);
    if (bool_constant(ir, c, &value)) {
        if (value) {
            return a;
        }
        a = kind == KIND_REAL  ? ir_real(ir, 0)
            : kind == KIND_INT ? ir_int(ir, 0)
                               : ir_bool(ir, false);
    } else if (is_op(ir, a, OP_GUARD)) {
        Ref inner = operand(ir, a, 1);
        c = ir_and(ir, c, operand(ir, a, 0));
        return ir_guard(ir, c, inner);
    }
    Ref args[2] = {c, a};
    return ir_make_plain(ir, OP_GUARD, kind, args, 2);
}

/* ---- arrays ---------------------------------------------------------------------------------- */

/* Are the positions the indices of the list, in order? Axes that `body` does not have may be read
 * anywhere. */
static bool reads_itself(const Ir *ir, const Index *list, unsigned count, const Ref *positions,
                         Ref body) {
    for (unsigned k = 0; k < count; k++) {
        const Node *position = ir_node(ir, positions[k]);
        bool same = position->op == OP_INDEX && position->as.index == list[k];
        if (!same && (ir_free(ir, body) & INDEX_BIT(list[k]))) {
            return false;
        }
    }
    return true;
}

Ref ir_read(Ir *ir, Ref array, const Ref *positions, unsigned count) {
    const Node *node = ir_node(ir, array);
    if (count != node->rank) {
        ice("ir", "%u positions for %%%u of rank %u", count, (unsigned)array, (unsigned)node->rank);
    }
    if (count == 0) {
        return array;
    }
    for (unsigned k = 0; k < count; k++) {
        expect_scalar(ir, positions[k], KIND_INT, "read");
    }
    if (node->op == OP_ARRAY &&
        reads_itself(ir, node->as.indices.list, count, positions, node->args[0])) {
        return node->args[0];
    }
    Ref args[1 + RANK_LIMIT] = {array};
    memcpy(args + 1, positions, count * sizeof *positions);
    return ir_make_plain(ir, OP_READ, node->kind, args, 1 + count);
}

/* array(I; read(A, idx I)) is A when A has no index of I and has their sizes. */
static bool is_eta(const Ir *ir, const Index *axes, unsigned count, const Node *body) {
    if (body->op != OP_READ || body->arg_count != 1 + count) {
        return false;
    }
    const Node *array = ir_node(ir, body->args[0]);
    for (unsigned k = 0; k < count; k++) {
        const Node *position = ir_node(ir, body->args[1 + k]);
        if (position->op != OP_INDEX || position->as.index != axes[k] ||
            array->shape[k] != ir_index_dim(ir, axes[k]) || (array->free & INDEX_BIT(axes[k]))) {
            return false;
        }
    }
    return true;
}

Ref ir_array(Ir *ir, const Index *axes, unsigned count, Ref a) {
    const Node *body = ir_node(ir, a);
    if (count == 0) {
        return a;
    }
    if (body->rank != 0 || count > RANK_LIMIT) {
        ice("ir", "array of %%%u with %u axes", (unsigned)a, count);
    }
    if (is_eta(ir, axes, count, body)) {
        return body->args[0];
    }
    Dim shape[RANK_LIMIT];
    for (unsigned k = 0; k < count; k++) {
        shape[k] = ir_index_dim(ir, axes[k]);
    }
    Node node = {.op = OP_ARRAY,
                 .kind = body->kind,
                 .rank = (uint8_t)count,
                 .shape = shape,
                 .args = &a,
                 .arg_count = 1};
    node.as.indices.list = axes;
    node.as.indices.count = count;
    return ir_make(ir, &node);
}

/* ---- reductions ------------------------------------------------------------------------------ */

Ref ir_sum(Ir *ir, Index i, Ref a) {
    const Node *node = ir_node(ir, a);
    if (node->rank != 0 || node->kind == KIND_BOOL) {
        ice("ir", "sum of %%%u, which is no number", (unsigned)a);
    }
    if (is_call(ir, a, BI_neg)) {
        Ref sum = ir_sum(ir, i, operand(ir, a, 0));
        return ir_neg(ir, sum);
    }
    if (is_op(ir, a, OP_GUARD) && !(ir_free(ir, operand(ir, a, 0)) & INDEX_BIT(i))) {
        Ref condition = operand(ir, a, 0);
        Ref sum = ir_sum(ir, i, operand(ir, a, 1));
        return ir_guard(ir, condition, sum);
    }
    if (!(node->free & INDEX_BIT(i))) {
        Ref size = ir_size(ir, ir_index_dim(ir, i));
        if (node->kind == KIND_REAL) {
            size = ir_convert(ir, size);
        }
        return ir_mul(ir, size, a);
    }
    return ir_make_reduction(ir, OP_SUM, node->kind, i, a);
}

Ref ir_sum_all(Ir *ir, IndexSet set, Ref a) {
    for (; set != 0; set &= set - 1) {
        a = ir_sum(ir, index_first(set), a);
    }
    return a;
}

Ref ir_max(Ir *ir, Index i, Ref a) {
    const Node *node = ir_node(ir, a);
    if (node->rank != 0 || node->kind == KIND_BOOL) {
        ice("ir", "max of %%%u, which is no number", (unsigned)a);
    }
    return node->free & INDEX_BIT(i) ? ir_make_reduction(ir, OP_MAX, node->kind, i, a) : a;
}

Ref ir_argmax(Ir *ir, Index i, Ref a) {
    const Node *node = ir_node(ir, a);
    if (node->rank != 0 || node->kind == KIND_BOOL) {
        ice("ir", "argmax of %%%u, which is no number", (unsigned)a);
    }
    return node->free & INDEX_BIT(i) ? ir_make_reduction(ir, OP_ARGMAX, KIND_INT, i, a)
                                     : ir_int(ir, 0);
}

Ref ir_lse(Ir *ir, Index i, Ref a) {
    expect_scalar(ir, a, KIND_REAL, "lse");
    if (!(ir_free(ir, a) & INDEX_BIT(i))) {
        Ref size = ir_size(ir, ir_index_dim(ir, i));
        size = ir_convert(ir, size);
        Ref more = ir_call1(ir, BI_log, size);
        return ir_add(ir, a, more);
    }
    return ir_make_reduction(ir, OP_LSE, KIND_REAL, i, a);
}
