/* Derivatives inside the language: DERIV of numbers by numbers to any order, of arrays by arrays,
 * and the gradient of what contains them. */
#include "diff_build.h"

static Ir *expanded(T *t, const char *name) {
    const Diff diff = {.rules = t->rules, .diags = t->diags};
    rules_prepare(t->rules, &t->front, t->ir);
    Ir *ir = diff_expand(&diff, t->ir);
    if (!ir || !check_verify(name, "expand", ir)) {
        printf("%s: not expanded\n", name);
        exit(1);
    }
    for (Ref v = 1; v < ir_count(ir); v++) {
        const Op op = ir_node(ir, v)->op;
        if (op == OP_DERIV || op == OP_VAR) {
            fail(name, "values that should be gone", v, 0);
        }
    }
    return ir;
}

static void expect(const char *name, const char *what, double found, double expected) {
    if (!near(found, expected, fabs(expected), 1e-10)) {
        fail(name, what, found, expected);
    }
}

/* x^5 sin x, and its first three derivatives. */
static void orders(void) {
    T t = new_test(1);
    const Ref x = ir_var(t.ir, scalar_param(&t, "x"));
    t.reals[0][0] = 0.7;
    Ref value = ir_mul(t.ir, ir_call2(t.ir, BI_pow, x, real(&t, 5)), call(&t, BI_sin, x));
    for (int k = 0; k < 4; k++) {
        set_output(&t, value);
        value = ir_deriv(t.ir, value, x);
    }
    const Ir *ir = expanded(&t, "orders");
    const double s = sin(0.7), c = cos(0.7), y = 0.7;
    const double expected[] = {
        pow(y, 5) * s,
        5 * pow(y, 4) * s + pow(y, 5) * c,
        20 * pow(y, 3) * s + 10 * pow(y, 4) * c - pow(y, 5) * s,
        60 * y * y * s + 60 * pow(y, 3) * c - 15 * pow(y, 4) * s - pow(y, 5) * c,
    };
    for (size_t k = 0; k < 4; k++) {
        expect("orders", "derivative", evaluate(&t, ir, k, NULL, NULL)[0], expected[k]);
    }
    end_test(&t);
}

/* The heat equation's residual of a small net, squared, over samples: the gradient of a second
 * derivative. */
static void heat(void) {
    T t = new_test(2);
    Ir *ir = t.ir;
    const Dim m = new_dim(&t, "m", 3), H = new_dim(&t, "H", 4), Q = dim_const(ir, 2);
    const Index n = ir_index(ir, m, 0), h = ir_index(ir, H, 0), k = ir_index(ir, H, 1);
    const Ref W1 = PARAM(&t, "W1", H, Q), b1 = PARAM(&t, "b1", H), W2 = PARAM(&t, "W2", H, H),
              v = PARAM(&t, "v", H);
    const Ref X = COLUMN(&t, "X", m), S = COLUMN(&t, "S", m);
    const Ref x = ir_var(ir, READ(&t, X, at(&t, n))), s = ir_var(ir, READ(&t, S, at(&t, n)));
    const Ref zero = ir_int(ir, 0), one = ir_int(ir, 1);
    Ref z = ir_add(ir, ir_mul(ir, READ(&t, W1, at(&t, h), zero), x),
                   ir_mul(ir, READ(&t, W1, at(&t, h), one), s));
    z = call(&t, BI_tanh, ir_add(ir, z, READ(&t, b1, at(&t, h))));
    const Ref a = ir_array(ir, &h, 1, z);
    const Ref product = ir_mul(ir, READ(&t, W2, at(&t, h), at(&t, k)), READ(&t, a, at(&t, k)));
    const Ref second = call(&t, BI_tanh, ir_sum(ir, k, product));
    const Ref u = ir_sum(ir, h, ir_mul(ir, READ(&t, v, at(&t, h)), second));
    const Ref ut = ir_deriv(ir, u, s), uxx = ir_deriv(ir, ir_deriv(ir, u, x), x);
    const Ref residual = ir_sub(ir, ut, ir_mul(ir, real(&t, 0.3), uxx));
    set_output(&t, ir_sum(ir, n, ir_square(ir, residual)));
    t.ir = expanded(&t, "heat");
    t.any_size = true;
    check(&t, "heat");
    end_test(&t);
}

/* y = sin(A x): the Jacobian, its product with itself by an array of arrays, and a gradient in a
 * sample whose index has the name of an axis. */
static void arrays(void) {
    T t = new_test(3);
    Ir *ir = t.ir;
    const Dim D = new_dim(&t, "D", 3);
    const Index i = ir_index(ir, D, 0), j = ir_index(ir, D, 1);
    const Ref A = PARAM(&t, "A", D, D), x = ir_var(ir, PARAM(&t, "x", D));
    const Ref z =
        ir_sum(ir, j, ir_mul(ir, READ(&t, A, at(&t, i), at(&t, j)), READ(&t, x, at(&t, j))));
    const Ref y = ir_array(ir, &i, 1, call(&t, BI_sin, z));
    const Ref jacobian = ir_deriv(ir, y, x);
    const Output output = {.name = intern_text(t.names, "jacobian"),
                           .role = OUT_ARRAY,
                           .value = READ(&t, jacobian, at(&t, i), at(&t, j)),
                           .rank = 2,
                           .axes = {i, j},
                           .span = ir->at};
    ir_add_output(ir, output);
    /* each component by x, inside of a sum over an index of the same dim */
    const Ref component = call(&t, BI_sin, z);
    const Ref row = READ(&t, ir_deriv(ir, component, x), at(&t, j));
    set_output(&t, ir_sum(ir, i, ir_sum(ir, j, ir_mul(ir, row, ir_convert(ir, at(&t, i))))));
    const Ir *result = expanded(&t, "arrays");
    const double *found = evaluate(&t, result, 0, NULL, NULL);
    double sum = 0;
    for (int r = 0; r < 3; r++) {
        double angle = 0;
        for (int c = 0; c < 3; c++) {
            angle += t.reals[0][3 * r + c] * t.reals[1][c];
        }
        for (int c = 0; c < 3; c++) {
            const double d = cos(angle) * t.reals[0][3 * r + c];
            expect("arrays", "Jacobian", found[3 * r + c], d);
            sum += d * r;
        }
    }
    expect("arrays", "sum of rows", evaluate(&t, result, 1, NULL, NULL)[0], sum);
    end_test(&t);
}

int main(void) {
    orders();
    heat();
    arrays();
    return failures != 0;
}
