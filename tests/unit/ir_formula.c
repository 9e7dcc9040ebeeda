/* Values as formulas. */
#include "ir_test.h"

static Fixture f;
static Ir *ir;

static Ref scalar(const char *name, LeafRole role) {
    Leaf info = {.name = intern_text(f.names, name), .role = role, .kind = KIND_REAL};
    return ir_leaf(ir, ir_add_leaf(ir, info));
}

static void test_scalars(void) {
    Ref w = scalar("w", LEAF_PARAM), x = scalar("x", LEAF_COLUMN), y = scalar("y", LEAF_COLUMN);
    Ref two = ir_real(ir, 2), one = ir_real(ir, 1);
    Ref residual = ir_sub(ir, ir_mul(ir, w, x), y);
    CHECK_TEXT(ir_formula(ir, residual), "x * w - y");
    CHECK_TEXT(ir_formula(ir, ir_mul(ir, x, ir_mul(ir, residual, two))), "2 * x * (x * w - y)");
    CHECK_TEXT(ir_formula(ir, ir_square(ir, residual)), "(x * w - y)^2");
    CHECK_TEXT(ir_formula(ir, ir_neg(ir, ir_square(ir, x))), "-x^2");
    CHECK_TEXT(ir_formula(ir, ir_square(ir, ir_call1(ir, BI_exp, ir_neg(ir, x)))), "exp(-x)^2");
    CHECK_TEXT(ir_formula(ir, ir_div(ir, one, ir_add(ir, one, x))), "1 / (x + 1)");
    CHECK_TEXT(ir_formula(ir, ir_div(ir, x, ir_mul(ir, w, y))), "x / (y * w)");
    CHECK_TEXT(ir_formula(ir, ir_div(ir, ir_div(ir, x, w), y)), "x / w / y");
    CHECK_TEXT(ir_formula(ir, ir_div(ir, x, ir_div(ir, w, y))), "x / (w / y)");
    CHECK_TEXT(ir_formula(ir, ir_sub(ir, x, ir_add(ir, w, y))), "x - w - y");
    CHECK_TEXT(ir_formula(ir, ir_sub(ir, ir_neg(ir, x), y)), "-x - y");
    CHECK_TEXT(ir_formula(ir, ir_neg(ir, ir_sub(ir, x, y))), "y - x");
    CHECK_TEXT(ir_formula(ir, ir_add(ir, x, ir_real(ir, -2))), "x - 2");
    CHECK_TEXT(ir_formula(ir, ir_mul(ir, x, ir_real(ir, -2.5))), "-2.5 * x");
    CHECK_TEXT(ir_formula(ir, ir_call2(ir, BI_pow, x, ir_real(ir, -2))), "x^(-2)");
    CHECK_TEXT(ir_formula(ir, ir_call2(ir, BI_pow, ir_neg(ir, x), w)), "(-x)^w");
    CHECK_TEXT(ir_formula(ir, ir_call2(ir, BI_maximum, x, y)), "max(x, y)");
    Ref less = ir_compare(ir, BI_lt, x, ir_add(ir, w, y));
    CHECK_TEXT(ir_formula(ir, less), "x < w + y");
    CHECK_TEXT(ir_formula(ir, ir_not(ir, less)), "not x < w + y");
    Ref equal = ir_compare(ir, BI_eq, x, y);
    CHECK_TEXT(ir_formula(ir, ir_or(ir, less, equal)), "x < w + y or x == y");
    CHECK_TEXT(ir_formula(ir, ir_guard(ir, less, x)), "(if x < w + y then x else 0)");
    CHECK_TEXT(ir_formula(ir, ir_select(ir, less, x, y)), "(if x < w + y then x else y)");
    CHECK_TEXT(ir_formula(ir, ir_mul(ir, ir_convert(ir, less), x)), "x * (x < w + y)");
    CHECK_TEXT(ir_formula(ir, ir_call2(ir, BI_hypot, x, y)), "hypot(x, y)");
    CHECK_TEXT(ir_formula(ir, ir_real(ir, 0.1)), "0.1");
    CHECK_TEXT(ir_formula(ir, ir_mul(ir, ir_div(ir, x, y), ir_add(ir, x, w))), "x / y * (w + x)");
}

static void test_indexed(void) {
    Dim d = symbol(&f, "D");
    Index d0 = ir_index(ir, d, 0);
    Ref theta, x, b, j = ir_idx(ir, d0), sum;
    Leaf info = {.name = intern_text(f.names, "theta"),
                 .role = LEAF_PARAM,
                 .kind = KIND_REAL,
                 .rank = 1,
                 .shape = &d};
    theta = ir_leaf(ir, ir_add_leaf(ir, info));
    info.name = intern_text(f.names, "x");
    info.role = LEAF_COLUMN;
    x = ir_leaf(ir, ir_add_leaf(ir, info));
    b = scalar("b", LEAF_PARAM);
    sum = ir_sum(ir, d0, ir_mul(ir, read1(&f, x, j), read1(&f, theta, j)));
    CHECK_TEXT(ir_formula(ir, sum), "sum(theta[j] * x[j] for j in D)");
    CHECK_TEXT(ir_formula(ir, ir_add(ir, sum, b)), "b + sum(theta[j] * x[j] for j in D)");
    CHECK_TEXT(ir_index_name(ir, d0), "j");
    Index d1 = ir_index(ir, d, 1);
    Ref k = ir_idx(ir, d1);
    Ref product = ir_mul(ir, read1(&f, theta, j), read1(&f, x, k));
    CHECK_TEXT(ir_formula(ir, ir_sum(ir, d0, ir_sum(ir, d1, product))),
               "sum(theta[i] * x[j] for i in D, j in D)");
    CHECK_TEXT(ir_formula(ir, ir_lse(ir, d0, read1(&f, x, ir_sub(ir, ir_int(ir, 3), j)))),
               "logsumexp(x[3 - i] for i in D)");
    Ref array = ir_array(ir, &d0, 1, ir_call1(ir, BI_exp, read1(&f, x, j)));
    CHECK_TEXT(ir_formula(ir, read1(&f, array, k)), "[exp(x[i]) for i in D][j]");
    ir_set_deposit_solving(ir, false);
    Ref three = ir_int(ir, 3), value = read1(&f, x, k);
    CHECK_TEXT(ir_formula(ir, ir_deposit(ir, INDEX_BIT(d1), &d0, &three, 1, value)),
               "sum((if i == 3 then x[j] else 0) for j in D)");
}

static void test_long(void) {
    Ref x = scalar("x", LEAF_ARGUMENT), v = x;
    for (int k = 0; k < 40; k++) {
        v = ir_mul(ir, ir_call1(ir, BI_sin, v), v);
    }
    const char *text = ir_formula(ir, v);
    CHECK(strlen(text) < 2500 && strstr(text, "where t1 = sin(x) * x") == NULL);
    CHECK(strstr(text, "where t1 = ") != NULL);
    Ref sum = x;
    for (int k = 0; k < 100000; k++) {
        sum = ir_add(ir, sum, ir_mul(ir, x, ir_real(ir, k + 2)));
    }
    CHECK(strlen(ir_formula(ir, sum)) > 1000000);
}

int main(void) {
    f = fixture_create();
    ir = f.ir;
    test_scalars();
    test_long();
    arena_destroy(f.arena);
    f = fixture_create();
    ir = f.ir;
    test_indexed();
    arena_destroy(f.arena);
    return failures > 0;
}
