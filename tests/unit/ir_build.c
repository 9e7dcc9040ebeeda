/* The constructors: hash-consing and every rewrite; substitution; the affine view. */
#include "ir_test.h"

static Fixture f;
static Ir *ir;
static Dim d, e;
static Index d0, d1, e0;
static Ref x, y, z, w, a, b, n; /* x, y: real[D]; w: real[D, E]; a, b: real scalars; n: int[D] */
static Ref i, j, xi, yi;

static bool is_call(Ref v, BuiltinId function) {
    return ir_node(ir, v)->op == OP_CALL && ir_node(ir, v)->as.builtin == function;
}

static void test_sharing(void) {
    CHECK(ir_add(ir, a, b) == ir_add(ir, b, a));
    CHECK(ir_mul(ir, a, b) == ir_mul(ir, b, a));
    CHECK(ir_sub(ir, a, b) != ir_sub(ir, b, a));
    CHECK(ir_real(ir, 0.0) != ir_real(ir, -0.0));
    CHECK(ir_real(ir, NAN) == ir_real(ir, NAN));
    CHECK(ir_real(ir, 1) != ir_int(ir, 1));
    CHECK(ir_bool(ir, true) != ir_int(ir, 1));
    CHECK(ir_call1(ir, BI_exp, xi) == ir_call1(ir, BI_exp, xi));
    CHECK(ir_sum(ir, d0, xi) == ir_sum(ir, d0, xi));
    CHECK(ir_max(ir, d0, xi) != ir_sum(ir, d0, xi));
    Ref before = ir_count(ir);
    ir_add(ir, a, b);
    CHECK(ir_count(ir) == before);
    const Node *node = ir_node(ir, a);
    for (int k = 0; k < 5000; k++) {
        ir_real(ir, 1000 + k);
    }
    CHECK(node == ir_node(ir, a));
}

static void test_reals(void) {
    Ref zero = ir_real(ir, 0), one = ir_real(ir, 1), two = ir_real(ir, 2), na = ir_neg(ir, a);
    CHECK(ir_add(ir, two, two) == ir_real(ir, 4));
    CHECK(ir_div(ir, one, two) == ir_real(ir, 0.5));
    CHECK(is_call(ir_div(ir, one, zero), BI_div)); /* infinity stays an expression */
    CHECK(ir_add(ir, a, zero) == a && ir_add(ir, zero, a) == a && ir_sub(ir, a, zero) == a);
    CHECK(ir_sub(ir, zero, a) == na && ir_neg(ir, na) == a);
    CHECK(ir_mul(ir, a, one) == a && ir_mul(ir, one, a) == a && ir_div(ir, a, one) == a);
    CHECK(is_call(ir_mul(ir, a, zero), BI_mul)); /* never 0 */
    CHECK(is_call(ir_sub(ir, a, a), BI_sub));
    CHECK(ir_mul(ir, na, b) == ir_neg(ir, ir_mul(ir, a, b)));
    CHECK(ir_mul(ir, na, ir_neg(ir, b)) == ir_mul(ir, a, b));
    CHECK(ir_div(ir, na, b) == ir_neg(ir, ir_div(ir, a, b)));
    CHECK(ir_div(ir, b, na) == ir_neg(ir, ir_div(ir, b, a)));
    CHECK(ir_add(ir, b, na) == ir_sub(ir, b, a) && ir_add(ir, na, b) == ir_sub(ir, b, a));
    CHECK(ir_sub(ir, b, na) == ir_add(ir, a, b));
    CHECK(ir_mul(ir, a, a) == ir_square(ir, a) && ir_square(ir, na) == ir_square(ir, a));
    CHECK(ir_square(ir, ir_real(ir, 3)) == ir_real(ir, 9));
    CHECK(ir_call2(ir, BI_pow, a, two) == ir_square(ir, a));
    CHECK(ir_call2(ir, BI_pow, a, one) == a && ir_call2(ir, BI_pow, a, zero) == one);
    CHECK(ir_call2(ir, BI_pow, a, ir_real(ir, -1)) == ir_div(ir, one, a));
    CHECK(ir_call2(ir, BI_pow, two, ir_real(ir, 10)) == ir_real(ir, 1024));
    CHECK(is_call(ir_call2(ir, BI_pow, a, ir_real(ir, 0.5)), BI_pow));
    CHECK(ir_call1(ir, BI_abs, na) == ir_call1(ir, BI_abs, a));
    CHECK(ir_call2(ir, BI_maximum, a, b) == ir_call2(ir, BI_maximum, b, a));
    CHECK(ir_call2(ir, BI_maximum, a, a) == a);
    CHECK(ir_call1(ir, BI_floor, ir_real(ir, 2.5)) == two);
    CHECK(is_call(ir_call1(ir, BI_exp, one), BI_exp));
    CHECK(ir_convert(ir, a) == a && ir_convert(ir, ir_int(ir, 2)) == two);
    CHECK(ir_convert(ir, ir_bool(ir, true)) == one);
}

static void test_integers(void) {
    Ref one = ir_int(ir, 1), two = ir_int(ir, 2), size = ir_size(ir, d);
    CHECK(ir_size(ir, dim_const(ir, 7)) == ir_int(ir, 7));
    CHECK(ir_add(ir, size, one) == ir_size(ir, dim_add(ir, d, dim_const(ir, 1))));
    CHECK(ir_mul(ir, size, size) == ir_size(ir, dim_mul(ir, d, d)));
    CHECK(ir_sub(ir, i, i) == ir_int(ir, 0));
    CHECK(ir_mul(ir, i, ir_int(ir, 0)) == ir_int(ir, 0));
    CHECK(ir_sub(ir, ir_add(ir, i, j), j) == i);
    CHECK(ir_add(ir, ir_add(ir, i, one), two) == ir_add(ir, i, ir_int(ir, 3)));
    CHECK(ir_sub(ir, ir_sub(ir, size, one), i) == ir_sub(ir, ir_sub(ir, size, i), one));
    CHECK(ir_mul(ir, two, ir_add(ir, i, j)) == ir_add(ir, ir_mul(ir, j, two), ir_mul(ir, two, i)));
    CHECK(ir_sub(ir, j, ir_sub(ir, j, i)) == i);
    CHECK(ir_floordiv(ir, i, one) == i && ir_mod(ir, i, one) == ir_int(ir, 0));
    CHECK(ir_floordiv(ir, ir_int(ir, -7), two) == ir_int(ir, -4));
    CHECK(ir_mod(ir, ir_int(ir, -7), two) == one);
    CHECK(ir_value_dim(ir, size) == d && ir_value_dim(ir, i) == DIM_NONE);
    CHECK(ir_call1(ir, BI_abs, ir_int(ir, -3)) == ir_int(ir, 3));
    CHECK(ir_square(ir, two) == ir_int(ir, 4));
    /* chains built in any order are one value */
    Ref gather = read1(&f, n, i);
    Ref left = ir_add(ir, ir_sub(ir, gather, i), ir_sub(ir, j, two));
    Ref right = ir_sub(ir, ir_add(ir, j, gather), ir_add(ir, i, two));
    CHECK(left == right);
    CHECK(ir_rebuild(ir, left, ir_node(ir, left)->args) == left);
    Ref negative = ir_sub(ir, one, ir_add(ir, i, ir_mul(ir, two, j)));
    CHECK(ir_rebuild(ir, negative, ir_node(ir, negative)->args) == negative);
}

static void test_conditions(void) {
    Ref yes = ir_bool(ir, true), no = ir_bool(ir, false), size = ir_size(ir, d),
        zero = ir_int(ir, 0);
    Ref c = ir_compare(ir, BI_lt, a, b), c2 = ir_compare(ir, BI_le, a, b),
        c3 = ir_compare(ir, BI_eq, a, b);
    CHECK(ir_compare(ir, BI_lt, ir_real(ir, 1), ir_real(ir, 2)) == yes);
    CHECK(ir_compare(ir, BI_eq, ir_real(ir, NAN), ir_real(ir, NAN)) == no);
    CHECK(ir_compare(ir, BI_eq, a, a) != yes); /* not so for NaN */
    CHECK(ir_compare(ir, BI_eq, i, i) == yes && ir_compare(ir, BI_ne, i, i) == no);
    CHECK(ir_compare(ir, BI_le, zero, i) == yes && ir_compare(ir, BI_lt, i, size) == yes);
    CHECK(ir_compare(ir, BI_lt, i, zero) == no);
    CHECK(ir_compare(ir, BI_lt, ir_add(ir, i, ir_int(ir, 1)), size) != yes);
    CHECK(ir_compare(ir, BI_eq, i, size) == no);
    CHECK(ir_compare(ir, BI_lt, ir_mod(ir, i, ir_int(ir, 3)), ir_int(ir, 3)) == yes);
    CHECK(ir_and(ir, c, REF_NONE) == c && ir_and(ir, c, yes) == c && ir_and(ir, c, no) == no);
    CHECK(ir_or(ir, c, no) == c && ir_or(ir, c, yes) == yes && ir_or(ir, c, c) == c);
    CHECK(ir_and(ir, ir_and(ir, c, c2), c3) == ir_and(ir, c3, ir_and(ir, c2, c)));
    CHECK(ir_and(ir, ir_and(ir, c, c2), c) == ir_and(ir, c, c2));
    CHECK(ir_not(ir, ir_not(ir, c)) == c && ir_not(ir, yes) == no);
    CHECK(ir_not(ir, c3) == ir_compare(ir, BI_ne, a, b));
    CHECK(is_call(ir_not(ir, c), BI_not)); /* not (a < b) holds for NaN, b <= a does not */
    CHECK(ir_not(ir, ir_compare(ir, BI_lt, i, j)) == ir_compare(ir, BI_le, j, i));
    CHECK(ir_select(ir, yes, a, b) == a && ir_select(ir, no, a, b) == b);
    CHECK(ir_select(ir, c, a, a) == a);
    CHECK(ir_select(ir, ir_not(ir, c), a, b) == ir_select(ir, c, b, a));
}

static void test_guards(void) {
    Ref c = ir_compare(ir, BI_lt, a, b), c2 = ir_compare(ir, BI_eq, i, j);
    Ref ga = ir_guard(ir, c, a), gb = ir_guard(ir, c, b);
    CHECK(ir_guard(ir, REF_NONE, a) == a && ir_guard(ir, ir_bool(ir, true), a) == a);
    CHECK(ir_mul(ir, ga, b) == ir_guard(ir, c, ir_mul(ir, a, b)));
    CHECK(ir_mul(ir, b, ga) == ir_guard(ir, c, ir_mul(ir, a, b)));
    CHECK(ir_mul(ir, ga, gb) == ir_guard(ir, c, ir_mul(ir, a, b)));
    CHECK(ir_div(ir, ga, b) == ir_guard(ir, c, ir_div(ir, a, b)));
    CHECK(ir_neg(ir, ga) == ir_guard(ir, c, ir_neg(ir, a)));
    CHECK(ir_add(ir, ga, gb) == ir_guard(ir, c, ir_add(ir, a, b)));
    CHECK(ir_sub(ir, ga, gb) == ir_guard(ir, c, ir_sub(ir, a, b)));
    CHECK(ir_square(ir, ga) == ir_guard(ir, c, ir_square(ir, a)));
    CHECK(ir_guard(ir, c2, ga) == ir_guard(ir, ir_and(ir, c, c2), a));
    CHECK(ir_sum(ir, d0, ir_guard(ir, c, xi)) == ir_guard(ir, c, ir_sum(ir, d0, xi)));
    CHECK(ir_node(ir, ir_sum(ir, d0, ir_guard(ir, c2, xi)))->op == OP_SUM);
    Ref never = ir_guard(ir, ir_bool(ir, false), a);
    CHECK(ir_node(ir, never)->op == OP_GUARD); /* the strong zero */
    CHECK(ir_add(ir, never, b) == b && ir_mul(ir, never, b) == ir_guard(ir, ir_bool(ir, false), b));
}

static void test_arrays(void) {
    Ref exp = ir_call1(ir, BI_exp, xi), array = ir_array(ir, &d0, 1, exp);
    CHECK(ir_free(ir, array) == 0 && ir_rank(ir, array) == 1);
    CHECK(read1(&f, array, i) == exp);
    CHECK(ir_node(ir, read1(&f, array, j))->op == OP_READ);
    CHECK(ir_array(ir, &d0, 1, xi) == x);
    Ref wij = read2(&f, w, i, ir_idx(ir, e0));
    Index axes[2] = {d0, e0}, turned[2] = {e0, d0};
    CHECK(ir_array(ir, axes, 2, wij) == w && ir_array(ir, turned, 2, wij) != w);
    Ref shift = read1(&f, x, ir_add(ir, i, ir_int(ir, 1)));
    CHECK(ir_node(ir, ir_array(ir, &d0, 1, shift))->op == OP_ARRAY);
    /* an axis of another size is no eta */
    Index s0 = ir_index(ir, dim_sub(ir, d, dim_const(ir, 1)), 0);
    Ref part = ir_array(ir, &s0, 1, read1(&f, x, ir_idx(ir, s0)));
    CHECK(part != x && ir_node(ir, part)->shape[0] != d);
    /* what does not depend on the axis may be read anywhere */
    Ref constant = ir_array(ir, &d0, 1, ir_real(ir, 0));
    CHECK(read1(&f, constant, j) == ir_real(ir, 0));
    Ref size = ir_convert(ir, ir_size(ir, d));
    CHECK(ir_sum(ir, d0, a) == ir_mul(ir, size, a));
    CHECK(ir_sum(ir, d0, ir_neg(ir, xi)) == ir_neg(ir, ir_sum(ir, d0, xi)));
    CHECK(ir_max(ir, d0, a) == a && ir_argmax(ir, d0, a) == ir_int(ir, 0));
    CHECK(ir_lse(ir, d0, a) == ir_add(ir, a, ir_call1(ir, BI_log, size)));
    CHECK(ir_sum_all(ir, INDEX_BIT(d0) | INDEX_BIT(e0), wij) ==
          ir_sum(ir, e0, ir_sum(ir, d0, wij)));
    Index names[RANK_LIMIT];
    CHECK(ir_axis_names(ir, w, names) == 2 && names[0] == d0 && names[1] == e0);
}

static Ref substitute(Ref v, Index index, Ref by) {
    Ref map[INDEX_LIMIT] = {REF_NONE};
    map[index] = by;
    return ir_subst(ir, v, map);
}

static void test_substitution(void) {
    Ref sum = ir_add(ir, ir_call1(ir, BI_exp, xi), ir_mul(ir, yi, a));
    Ref moved = substitute(sum, d0, j);
    CHECK(moved ==
          ir_add(ir, ir_call1(ir, BI_exp, read1(&f, x, j)), ir_mul(ir, read1(&f, y, j), a)));
    CHECK(substitute(moved, d1, i) == sum);
    CHECK(substitute(a, d0, j) == a && substitute(sum, d0, i) == sum);
    /* both at once: exchange */
    Ref map[INDEX_LIMIT] = {REF_NONE};
    map[d0] = j;
    map[d1] = i;
    Ref difference = ir_sub(ir, xi, read1(&f, x, j));
    CHECK(ir_subst(ir, difference, map) == ir_sub(ir, read1(&f, x, j), xi));
    /* a reduction is not copied: it becomes an array that is read */
    Ref product = ir_mul(ir, xi, read1(&f, x, j));
    Ref inner = ir_sum(ir, d1, product); /* F = {d0} */
    Ref at = substitute(inner, d0, ir_int(ir, 2));
    CHECK(ir_node(ir, at)->op == OP_READ && ir_free(ir, at) == 0);
    CHECK(ir_node(ir, ir_node(ir, at)->args[0])->args[0] == inner);
    /* capture: d0 := j where d1 is bound inside; the read stands outside of the binder */
    Ref captured = substitute(inner, d0, j);
    CHECK(ir_free(ir, captured) == INDEX_BIT(d1) && captured != ir_sum(ir, d1, ir_square(ir, xi)));
    /* an array with a free index, read: the index becomes an axis */
    Ref row = ir_array(ir, &d1, 1, ir_call1(ir, BI_exp, product));
    Ref cell = read1(&f, row, ir_int(ir, 0)), wide = substitute(cell, d0, j);
    CHECK(ir_node(ir, wide)->op == OP_READ && ir_free(ir, wide) == INDEX_BIT(d1));
    CHECK(ir_rank(ir, ir_node(ir, wide)->args[0]) == 2);
    /* an array: opened at names that are not captured */
    Ref turned = substitute(row, d0, j);
    CHECK(ir_rank(ir, turned) == 1 && ir_free(ir, turned) == INDEX_BIT(d1));
}

static void test_affine(void) {
    Affine affine;
    Ref three = ir_int(ir, 3), size = ir_size(ir, d);
    Ref v = ir_add(ir, ir_sub(ir, ir_mul(ir, three, i), j), ir_int(ir, 5));
    CHECK(ir_affine(ir, v, &affine) && affine.constant == 5 && affine.coefficient[d0] == 3);
    CHECK(affine.coefficient[d1] == -1 && affine.rest == REF_NONE);
    CHECK(affine.indices == (INDEX_BIT(d0) | INDEX_BIT(d1)));
    CHECK(ir_affine(ir, ir_sub(ir, size, i), &affine) && affine.rest == size);
    CHECK(!ir_affine(ir, read1(&f, n, i), &affine));
    CHECK(!ir_affine(ir, ir_mul(ir, i, j), &affine));
    CHECK(!ir_affine(ir, a, &affine));
    Ref fixed = read1(&f, n, three);
    CHECK(ir_affine(ir, ir_add(ir, fixed, i), &affine) && affine.rest == fixed);
}

/* 100,000 terms: no recursion, no quadratic time. */
static void test_long_chain(void) {
    Ref sum = a, map[INDEX_LIMIT] = {REF_NONE};
    map[d0] = j;
    for (int k = 0; k < 100000; k++) {
        Ref term = ir_mul(ir, xi, ir_real(ir, k + 0.5));
        sum = ir_add(ir, sum, term);
    }
    Ref moved = ir_subst(ir, sum, map);
    CHECK(ir_free(ir, moved) == INDEX_BIT(d1));
    bool *reached = ir_reach(ir, &moved, 1);
    CHECK(reached[a] && !reached[sum]);
    CHECK(ir_verify(ir) == NULL);
}

static void test_import(void) {
    Fixture g = fixture_create();
    Ref p = leaf(&g, "a", KIND_REAL, 0, 0, 0), q = leaf(&g, "b", KIND_REAL, 0, 0, 0);
    Ref rule = ir_div(g.ir, ir_call1(g.ir, BI_sin, p), q);
    Ref leaves[2] = {xi, b};
    CHECK(ir_import(ir, g.ir, rule, leaves) == ir_div(ir, ir_call1(ir, BI_sin, xi), b));
    arena_destroy(g.arena);
}

static void test_overflow(void) {
    Fixture g = fixture_create();
    Dim t = symbol(&g, "T");
    for (unsigned k = 0; k < 64; k++) {
        ir_index(g.ir, t, k);
    }
    CHECK(!ir_overflowed(g.ir));
    ir_fresh(g.ir, t, ~(IndexSet)0);
    CHECK(ir_overflowed(g.ir) && ir_verify(g.ir) != NULL);
    arena_destroy(g.arena);
}

int main(void) {
    f = fixture_create();
    ir = f.ir;
    d = symbol(&f, "D");
    e = symbol(&f, "E");
    d0 = ir_index(ir, d, 0);
    d1 = ir_index(ir, d, 1);
    e0 = ir_index(ir, e, 0);
    x = leaf(&f, "x", KIND_REAL, d, 0, 0);
    y = leaf(&f, "y", KIND_REAL, d, 0, 0);
    w = leaf(&f, "w", KIND_REAL, d, e, 0);
    a = leaf(&f, "a", KIND_REAL, 0, 0, 0);
    b = leaf(&f, "b", KIND_REAL, 0, 0, 0);
    z = leaf(&f, "z", KIND_REAL, e, 0, 0);
    n = leaf(&f, "n", KIND_INT, d, 0, 0);
    i = ir_idx(ir, d0);
    j = ir_idx(ir, d1);
    xi = read1(&f, x, i);
    yi = read1(&f, y, i);
    test_sharing();
    test_reals();
    test_integers();
    test_conditions();
    test_guards();
    test_arrays();
    test_substitution();
    test_affine();
    test_import();
    test_overflow();
    CHECK(ir_verify(ir) == NULL);
    test_long_chain();
    if (ir_verify(ir) != NULL) {
        printf("%s\n", ir_verify(ir));
    }
    arena_destroy(f.arena);
    return failures > 0;
}
