/* Sizes: normal form, division, text, inequalities. */
#include "ir_test.h"

static Fixture f;
static Dim d, e, h;

static Dim number(int64_t value) {
    return dim_const(f.ir, value);
}

static Dim plus(Dim a, int64_t b) {
    return dim_add(f.ir, a, number(b));
}

static void test_normal_form(void) {
    CHECK(symbol(&f, "D") == d);
    CHECK(dim_add(f.ir, d, e) == dim_add(f.ir, e, d));
    CHECK(dim_sub(f.ir, plus(d, 3), number(3)) == d);
    CHECK(dim_mul(f.ir, plus(d, 1), d) == dim_add(f.ir, dim_mul(f.ir, d, d), d));
    CHECK(dim_sub(f.ir, d, d) == number(0));
    CHECK(dim_mul(f.ir, dim_add(f.ir, d, e), dim_sub(f.ir, d, e)) ==
          dim_sub(f.ir, dim_mul(f.ir, d, d), dim_mul(f.ir, e, e)));
    Name name;
    int64_t value;
    CHECK(dim_is_symbol(f.ir, d, &name) && strcmp(name, "D") == 0);
    CHECK(!dim_is_symbol(f.ir, plus(d, 1), &name));
    CHECK(dim_is_const(f.ir, number(-7), &value) && value == -7);
    CHECK(dim_is_const(f.ir, number(0), &value) && value == 0);
    CHECK(!dim_is_const(f.ir, d, &value));
}

static void test_division(void) {
    Ir *ir = f.ir;
    Dim two = number(2);
    CHECK(dim_floordiv(ir, dim_mul(ir, two, d), two) == d);
    CHECK(dim_floordiv(ir, plus(dim_mul(ir, two, d), 1), two) == d);
    CHECK(dim_mod(ir, plus(dim_mul(ir, two, d), 1), two) == number(1));
    CHECK(dim_mod(ir, plus(dim_mul(ir, number(4), d), -1), two) == number(1));
    CHECK(dim_floordiv(ir, dim_mul(ir, d, plus(d, 1)), plus(d, 1)) == d);
    CHECK(dim_floordiv(ir, dim_mul(ir, d, e), e) == d);
    CHECK(dim_floordiv(ir, plus(d, 5), two) == plus(dim_floordiv(ir, plus(d, 1), two), 2));
    CHECK(dim_floordiv(ir, number(-7), two) == number(-4));
    CHECK(dim_mod(ir, number(-7), two) == number(1));
    CHECK(dim_floordiv(ir, d, e) == dim_floordiv(ir, d, e));
    CHECK(dim_mod(ir, d, d) == number(0));
    Dim half = dim_floordiv(ir, d, two);
    CHECK(half != dim_mod(ir, d, two));
    int64_t values[] = {7, 3, 0, 0, 0, 0};
    for (values[0] = 1; values[0] < 12; values[0]++) {
        int64_t x = values[0];
        Dim triangle = dim_floordiv(ir, dim_mul(ir, d, plus(d, 1)), two);
        CHECK(dim_evaluate(ir, triangle, values) == x * (x + 1) / 2);
        CHECK(dim_evaluate(ir, half, values) == x / 2);
        CHECK(dim_evaluate(ir, dim_mod(ir, d, number(3)), values) == x % 3);
        CHECK(dim_evaluate(ir, dim_floordiv(ir, dim_sub(ir, number(4), d), number(3)), values) ==
              (int64_t)floor((4.0 - (double)x) / 3));
    }
}

static void test_values(void) {
    Ir *ir = f.ir;
    int64_t value;
    Dim k = symbol(&f, "K");
    CHECK(!dim_value(ir, k, &value));
    dim_bind(ir, k, 10);
    CHECK(dim_value(ir, k, &value) && value == 10);
    CHECK(dim_value(ir, dim_floordiv(ir, dim_mul(ir, k, plus(k, 1)), number(2)), &value) &&
          value == 55);
    CHECK(!dim_is_const(ir, k, &value));
    CHECK(!dim_value(ir, dim_add(ir, k, d), &value));
    CHECK(dim_symbol_at(ir, dim_symbol_number(ir, k)) == k);
    CHECK(dim_proves_le(ir, number(10), k) && dim_proves_le(ir, k, number(10)));
    CHECK(!dim_proves_le(ir, number(11), k));
    CHECK(dim_proves_le(ir, dim_mul(ir, number(10), d), dim_mul(ir, k, d)));
}

static void test_text(void) {
    Ir *ir = f.ir;
    Dim triangle = dim_floordiv(ir, dim_mul(ir, d, plus(d, 1)), number(2));
    CHECK_TEXT(dim_text(ir, triangle), "D*(D + 1)//2");
    CHECK_TEXT(dim_rpn(ir, triangle), "D D 1 + * 2 //");
    CHECK_TEXT(dim_text(ir, plus(h, -2)), "H - 2");
    CHECK_TEXT(dim_rpn(ir, plus(h, -2)), "H 2 -");
    CHECK_TEXT(dim_text(ir, dim_sub(ir, number(3), d)), "3 - D");
    CHECK_TEXT(dim_rpn(ir, dim_sub(ir, number(3), d)), "3 D -");
    CHECK_TEXT(dim_text(ir, dim_sub(ir, number(0), d)), "-D");
    CHECK_TEXT(dim_rpn(ir, dim_sub(ir, number(0), d)), "0 D -");
    CHECK_TEXT(dim_text(ir, number(0)), "0");
    CHECK_TEXT(dim_text(ir, number(-4)), "-4");
    CHECK_TEXT(dim_text(ir, dim_mul(ir, number(2), dim_mul(ir, d, e))), "2*D*E");
    CHECK_TEXT(dim_text(ir, dim_mod(ir, plus(d, 1), number(3))), "(D + 1)%3");
    CHECK_TEXT(dim_text(ir, dim_mul(ir, d, dim_floordiv(ir, e, number(2)))), "D*(E//2)");
    CHECK_TEXT(dim_text(ir, dim_floordiv(ir, d, dim_mul(ir, d, e))), "D//(D*E)");
    CHECK_TEXT(dim_rpn(ir, dim_mul(ir, number(2), dim_mul(ir, d, e))), "2 D * E *");
    CHECK_TEXT(dim_text(ir, plus(dim_floordiv(ir, d, number(2)), 1)), "D//2 + 1");
}

static void test_inequalities(void) {
    Ir *ir = f.ir;
    Dim two = number(2);
    CHECK(dim_proves_le(ir, number(1), d));
    CHECK(!dim_proves_le(ir, number(2), d));
    CHECK(dim_proves_le(ir, plus(h, -2), h));
    CHECK(!dim_proves_le(ir, h, plus(h, -2)));
    CHECK(dim_proves_le(ir, d, dim_mul(ir, d, d)));
    CHECK(dim_proves_le(ir, d, dim_mul(ir, d, e)));
    CHECK(!dim_proves_le(ir, d, e));
    CHECK(dim_proves_le(ir, dim_floordiv(ir, d, two), d));
    CHECK(!dim_proves_le(ir, number(1), dim_floordiv(ir, d, two)));
    CHECK(dim_proves_le(ir, number(0), dim_floordiv(ir, d, two)));
    CHECK(dim_proves_le(ir, dim_mul(ir, two, dim_floordiv(ir, d, two)), d));
    CHECK(!dim_proves_le(ir, d, dim_mul(ir, two, dim_floordiv(ir, d, two))));
    CHECK(dim_proves_le(ir, dim_mod(ir, d, number(3)), two));
    CHECK(!dim_proves_le(ir, dim_mod(ir, d, number(3)), number(1)));
    /* the last row of a packed triangle begins inside it */
    Dim last = plus(d, -1);
    Dim start = dim_floordiv(ir, dim_mul(ir, last, d), two);
    Dim triangle = dim_floordiv(ir, dim_mul(ir, d, plus(d, 1)), two);
    CHECK(dim_proves_le(ir, start, triangle));
}

int main(void) {
    f = fixture_create();
    d = symbol(&f, "D");
    e = symbol(&f, "E");
    h = symbol(&f, "H");
    test_normal_form();
    test_division();
    test_text();
    test_inequalities();
    test_values();
    arena_destroy(f.arena);
    return failures > 0;
}
