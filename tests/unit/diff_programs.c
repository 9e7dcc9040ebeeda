/* Gradients of whole programs, without recurrences. */
#include "diff_build.h"

static Ref sum_mul(T *t, Index i, Ref a, Ref b) {
    return ir_sum(t->ir, i, ir_mul(t->ir, a, b));
}

static Ref guarded_sum(T *t, Index i, Ref condition, Ref a) {
    return ir_sum(t->ir, i, ir_guard(t->ir, condition, a));
}

static void linear_regression(T *t) {
    const Dim m = new_dim(t, "m", 5), D = new_dim(t, "D", 3);
    const Index n = ir_index(t->ir, m, 0), j = ir_index(t->ir, D, 0);
    const Ref th = PARAM(t, "th", D), b = scalar_param(t, "b");
    const Ref x = COLUMN(t, "x", m, D), y = COLUMN(t, "y", m);
    const Ref dot = sum_mul(t, j, READ(t, th, at(t, j)), READ(t, x, at(t, n), at(t, j)));
    const Ref r = ir_sub(t->ir, ir_add(t->ir, b, dot), READ(t, y, at(t, n)));
    const Ref sum = ir_sum(t->ir, n, ir_mul(t->ir, real(t, 0.5), ir_square(t->ir, r)));
    set_output(t, ir_div(t->ir, sum, ir_convert(t->ir, ir_size(t->ir, m))));
}

static void softmax_gather(T *t) {
    const Dim m = new_dim(t, "m", 6), D = new_dim(t, "D", 3), K = new_dim(t, "K", 4);
    const Index n = ir_index(t->ir, m, 0), j = ir_index(t->ir, D, 0), k = ir_index(t->ir, K, 0);
    const Ref W = PARAM(t, "W", K, D), b = PARAM(t, "b", K);
    const Ref x = COLUMN(t, "x", m, D), y = LABELS(t, "y", K, m);
    const Ref dot = sum_mul(t, j, READ(t, W, at(t, k), at(t, j)), READ(t, x, at(t, n), at(t, j)));
    const Ref z = ir_add(t->ir, READ(t, b, at(t, k)), dot);
    const Ref Z = ir_array(t->ir, &k, 1, z);
    const Ref label = READ(t, y, at(t, n));
    const Ref l = ir_sub(t->ir, ir_lse(t->ir, k, z), READ(t, Z, label));
    const Ref sum = ir_sum(t->ir, n, l);
    set_output(t, ir_div(t->ir, sum, ir_convert(t->ir, ir_size(t->ir, m))));
}

static Ref layer(T *t, Index out, Index in, Ref W, Ref input) {
    const Ref z = sum_mul(t, in, READ(t, W, at(t, out), at(t, in)), input);
    return ir_array(t->ir, &out, 1, call(t, BI_tanh, z));
}

static void perceptron(T *t) {
    const Dim m = new_dim(t, "m", 5), D = new_dim(t, "D", 3), H = new_dim(t, "H", 4);
    const Index n = ir_index(t->ir, m, 0), j = ir_index(t->ir, D, 0);
    const Index h0 = ir_index(t->ir, H, 0), h1 = ir_index(t->ir, H, 1);
    const Ref W1 = PARAM(t, "W1", H, D), W2 = PARAM(t, "W2", H, H), W3 = PARAM(t, "W3", H, H);
    const Ref v = PARAM(t, "v", H), x = COLUMN(t, "x", m, D);
    const Ref a1 = layer(t, h0, j, W1, READ(t, x, at(t, n), at(t, j)));
    const Ref a2 = layer(t, h0, h1, W2, READ(t, a1, at(t, h1)));
    const Ref a3 = layer(t, h0, h1, W3, READ(t, a2, at(t, h1)));
    const Ref out = sum_mul(t, h0, READ(t, v, at(t, h0)), READ(t, a3, at(t, h0)));
    set_output(t, ir_sum(t->ir, n, ir_square(t->ir, out)));
}

/* A mixture of Gaussians with packed triangular factors, as in ADBench. */
static void mixture(T *t) {
    Ir *ir = t->ir;
    const Dim m = new_dim(t, "m", 5), D = new_dim(t, "D", 3), K = new_dim(t, "K", 4),
              P = new_dim(t, "P", 6);
    const Index n = ir_index(ir, m, 0), i = ir_index(ir, D, 0), j = ir_index(ir, D, 1),
                k = ir_index(ir, K, 0);
    const Ref al = PARAM(t, "al", K), mu = PARAM(t, "mu", K, D), icf = PARAM(t, "icf", K, P);
    const Ref x = COLUMN(t, "x", m, D);
    const Ref diagonal = READ(t, icf, at(t, k), at(t, i));
    const Ref Q = ir_array(ir, &i, 1, call(t, BI_exp, diagonal));
    const Ref difference =
        ir_sub(ir, READ(t, x, at(t, n), at(t, i)), READ(t, mu, at(t, k), at(t, i)));
    const Ref xc = ir_array(ir, &i, 1, difference);
    const Ref J = at(t, j), size = ir_size(ir, D), one = ir_int(ir, 1), two = ir_int(ir, 2);
    const Ref width = ir_sub(ir, ir_sub(ir, ir_mul(ir, two, size), J), one);
    const Ref before = ir_floordiv(ir, ir_mul(ir, J, width), two);
    const Ref within = ir_sub(ir, ir_sub(ir, at(t, i), J), one);
    const Ref place = ir_add(ir, ir_add(ir, size, before), within);
    const Ref below = ir_compare(ir, BI_lt, J, at(t, i));
    const Ref low =
        guarded_sum(t, j, below, ir_mul(ir, READ(t, icf, at(t, k), place), READ(t, xc, J)));
    const Ref scaled = ir_mul(ir, READ(t, Q, at(t, i)), READ(t, xc, at(t, i)));
    const Ref y = ir_add(ir, scaled, low);
    const Ref half = ir_mul(ir, real(t, 0.5), ir_sum(ir, i, ir_square(ir, y)));
    const Ref weight = ir_add(ir, READ(t, al, at(t, k)), ir_sum(ir, i, diagonal));
    const Ref density = ir_sum(ir, n, ir_lse(ir, k, ir_sub(ir, weight, half)));
    const Ref rows = ir_convert(ir, ir_size(ir, m));
    const Ref total = ir_mul(ir, rows, ir_lse(ir, k, READ(t, al, at(t, k))));
    const Ref squares = ir_sum(ir, i, ir_square(ir, READ(t, Q, at(t, i))));
    const Ref prior = ir_mul(ir, real(t, 0.5), ir_sum(ir, k, squares));
    set_output(t, ir_add(ir, ir_sub(ir, density, total), prior));
}

static void factorisation(T *t) {
    Ir *ir = t->ir;
    const Dim m = new_dim(t, "m", 7), A = new_dim(t, "A", 4), B = new_dim(t, "B", 3),
              R = new_dim(t, "R", 2);
    const Index n = ir_index(ir, m, 0), r = ir_index(ir, R, 0);
    const Ref U = PARAM(t, "U", A, R), V = PARAM(t, "V", B, R), bu = PARAM(t, "bu", A);
    const Ref users = LABELS(t, "u", A, m), items = LABELS(t, "i", B, m), y = COLUMN(t, "y", m);
    const Ref u = READ(t, users, at(t, n)), i = READ(t, items, at(t, n));
    const Ref dot = sum_mul(t, r, READ(t, U, u, at(t, r)), READ(t, V, i, at(t, r)));
    const Ref p = ir_add(ir, READ(t, bu, u), dot);
    set_output(t, ir_sum(ir, n, ir_square(ir, ir_sub(ir, p, READ(t, y, at(t, n))))));
}

static void convolution(T *t) {
    Ir *ir = t->ir;
    const Dim O = new_dim(t, "O", 2), U = new_dim(t, "U", 3), C = new_dim(t, "C", 2),
              X = new_dim(t, "X", 8), Y = new_dim(t, "Y", 6);
    const Index i = ir_index(ir, Y, 0), u = ir_index(ir, U, 0), c = ir_index(ir, C, 0),
                o = ir_index(ir, O, 0);
    const Ref K = PARAM(t, "K", O, U, C), x = PARAM(t, "x", X, C);
    const Ref place = ir_add(ir, at(t, i), at(t, u));
    const Ref product =
        ir_mul(ir, READ(t, K, at(t, o), at(t, u), at(t, c)), READ(t, x, place, at(t, c)));
    const Ref h = call(t, BI_tanh, ir_sum(ir, u, ir_sum(ir, c, product)));
    const Index axes[] = {i, o};
    const Ref a = ir_array(ir, axes, 2, h);
    const Ref square = ir_square(ir, READ(t, a, at(t, i), at(t, o)));
    set_output(t, ir_sum(ir, i, ir_sum(ir, o, square)));
}

static void strided(T *t) {
    Ir *ir = t->ir;
    const Dim U = new_dim(t, "U", 3), X = new_dim(t, "X", 9), Y = new_dim(t, "Y", 4);
    const Index i = ir_index(ir, Y, 0), u = ir_index(ir, U, 0);
    const Ref K = PARAM(t, "K", U), x = PARAM(t, "x", X);
    const Ref place = ir_add(ir, ir_mul(ir, ir_int(ir, 2), at(t, i)), at(t, u));
    const Ref h = sum_mul(t, u, READ(t, K, at(t, u)), READ(t, x, place));
    set_output(t, ir_sum(ir, i, call(t, BI_exp, h)));
}

static void pooling(T *t) {
    Ir *ir = t->ir;
    const Dim U = new_dim(t, "U", 3), X = new_dim(t, "X", 6), Y = new_dim(t, "Y", 4),
              P = new_dim(t, "P", 2), S = dim_const(ir, 2);
    const Index i = ir_index(ir, Y, 0), j = ir_index(ir, Y, 1), u = ir_index(ir, U, 0),
                v = ir_index(ir, U, 1), p = ir_index(ir, P, 0), q = ir_index(ir, P, 1),
                w = ir_index(ir, S, 0), z = ir_index(ir, S, 1);
    const Ref K = PARAM(t, "K", U, U), x = PARAM(t, "x", X, X);
    const Ref row = ir_add(ir, at(t, i), at(t, u)), column = ir_add(ir, at(t, j), at(t, v));
    const Ref product = ir_mul(ir, READ(t, K, at(t, u), at(t, v)), READ(t, x, row, column));
    const Index axes[] = {i, j};
    const Ref sum = ir_sum(ir, u, ir_sum(ir, v, product));
    const Ref a = ir_array(ir, axes, 2, call(t, BI_tanh, sum));
    const Ref two = ir_int(ir, 2);
    const Ref top = ir_add(ir, ir_mul(ir, two, at(t, p)), at(t, w));
    const Ref left = ir_add(ir, ir_mul(ir, two, at(t, q)), at(t, z));
    const Ref pool = ir_max(ir, w, ir_max(ir, z, READ(t, a, top, left)));
    set_output(t, ir_sum(ir, p, ir_sum(ir, q, ir_square(ir, pool))));
    t->no_complex = true;
}

static void slices(T *t) {
    Ir *ir = t->ir;
    const Dim D = new_dim(t, "D", 4), E = dim_sub(ir, D, dim_const(ir, 1));
    const Index i = ir_index(ir, D, 0), j = ir_index(ir, D, 1), e = ir_index(ir, E, 0);
    const Ref A = PARAM(t, "A", D, D), one = ir_int(ir, 1), zero = ir_int(ir, 0);
    const Ref trace = ir_sum(ir, i, ir_square(ir, READ(t, A, at(t, i), at(t, i))));
    const Ref crossed =
        ir_mul(ir, READ(t, A, at(t, i), at(t, j)), call(t, BI_sin, READ(t, A, at(t, j), at(t, i))));
    const Ref transposed = ir_sum(ir, i, ir_sum(ir, j, crossed));
    const Ref next = READ(t, A, ir_add(ir, at(t, e), one), at(t, i));
    const Ref shifted = ir_mul(ir, next, call(t, BI_exp, READ(t, A, at(t, e), at(t, i))));
    const Ref slice = ir_sum(ir, e, ir_sum(ir, i, shifted));
    const Ref row = ir_sum(ir, i, call(t, BI_sin, READ(t, A, zero, at(t, i))));
    const Ref last = ir_sub(ir, ir_sub(ir, ir_size(ir, D), one), at(t, i));
    const Ref reversed =
        ir_sum(ir, i, ir_mul(ir, READ(t, A, last, zero), ir_square(ir, READ(t, A, one, at(t, i)))));
    const Ref sum = ir_add(ir, ir_add(ir, trace, transposed), ir_add(ir, slice, row));
    set_output(t, ir_add(ir, sum, reversed));
}

static void pairs(T *t) {
    Ir *ir = t->ir;
    const Dim D = new_dim(t, "D", 5);
    const Index i = ir_index(ir, D, 0), j = ir_index(ir, D, 1);
    const Ref a = PARAM(t, "a", D);
    const Ref B = ir_array(ir, &i, 1, call(t, BI_sin, READ(t, a, at(t, i))));
    const Ref next = ir_add(ir, at(t, i), ir_int(ir, 1));
    const Ref inside = ir_compare(ir, BI_lt, next, ir_size(ir, D));
    const Ref shift = guarded_sum(t, i, inside, ir_mul(ir, READ(t, B, next), READ(t, B, at(t, i))));
    const Ref product = ir_mul(ir, READ(t, B, at(t, i)), READ(t, B, at(t, j)));
    const Ref outer = ir_sum(ir, i, ir_sum(ir, j, call(t, BI_exp, product)));
    set_output(t, ir_add(ir, shift, outer));
}

static void computed_gather(T *t) {
    Ir *ir = t->ir;
    const Dim D = new_dim(t, "D", 3), m = new_dim(t, "m", 5);
    const Index i = ir_index(ir, D, 0), n = ir_index(ir, m, 0);
    const Ref a = PARAM(t, "a", D), x = LABELS(t, "x", D, m);
    const Ref B = ir_array(ir, &i, 1, call(t, BI_exp, READ(t, a, at(t, i))));
    const Ref wave = call(t, BI_sin, ir_mul(ir, READ(t, B, at(t, i)), ir_convert(ir, at(t, n))));
    const Ref here = READ(t, B, READ(t, x, at(t, n)));
    set_output(t, ir_sum(ir, n, ir_sum(ir, i, ir_mul(ir, here, wave))));
}

/* Attention: one array read at two positions, a softmax, a residual; two blocks. */
static void attention(T *t) {
    Ir *ir = t->ir;
    const Dim S = new_dim(t, "S", 4), H = new_dim(t, "H", 3);
    const Index s0 = ir_index(ir, S, 0), s1 = ir_index(ir, S, 1), h0 = ir_index(ir, H, 0),
                h1 = ir_index(ir, H, 1);
    const Index axes[] = {s0, h0};
    Ref h = COLUMN(t, "x", S, H);
    for (int block = 0; block < 2; block++) {
        const Ref W = PARAM(t, block ? "W1" : "W0", H, H);
        const Ref score =
            sum_mul(t, h0, READ(t, h, at(t, s0), at(t, h0)), READ(t, h, at(t, s1), at(t, h0)));
        const Ref p = call(t, BI_exp, ir_sub(ir, score, ir_lse(ir, s1, score)));
        const Ref mix = ir_array(ir, axes, 2, sum_mul(t, s1, p, READ(t, h, at(t, s1), at(t, h0))));
        const Ref z =
            sum_mul(t, h1, READ(t, W, at(t, h0), at(t, h1)), READ(t, mix, at(t, s0), at(t, h1)));
        const Ref old = READ(t, h, at(t, s0), at(t, h0));
        h = ir_array(ir, axes, 2, ir_add(ir, old, call(t, BI_tanh, z)));
    }
    const Ref square = ir_square(ir, READ(t, h, at(t, s0), at(t, h0)));
    set_output(t, ir_sum(ir, s0, ir_sum(ir, h0, square)));
}

/* A softmax over rows written with arrays, log of an entry, powers and quotients. */
static void mixed_calls(T *t) {
    Ir *ir = t->ir;
    const Dim D = new_dim(t, "D", 4);
    const Index i = ir_index(ir, D, 0);
    const Ref a = PARAM(t, "a", D), b = scalar_param(t, "b"), c = scalar_param(t, "c");
    const Ref x = READ(t, a, at(t, i)), square = ir_square(ir, x);
    const Ref positive = ir_add(ir, real(t, 0.3), square);
    const Ref power = ir_call2(ir, BI_pow, positive, b);
    const Ref cube = ir_call2(ir, BI_pow, x, real(t, 3));
    const Ref quotient = ir_div(ir, ir_sub(ir, cube, c), ir_add(ir, real(t, 2), square));
    const Ref angle = ir_call2(ir, BI_atan2, x, ir_add(ir, c, real(t, 4)));
    const Ref log = call(t, BI_lgamma, positive);
    const Ref soft = call(t, BI_log1pexp, ir_neg(ir, ir_mul(ir, x, c)));
    const Ref chosen = ir_select(ir, ir_compare(ir, BI_lt, x, c), call(t, BI_sinh, x), angle);
    Ref sum = ir_add(ir, ir_add(ir, power, quotient), ir_add(ir, log, soft));
    sum = ir_add(ir, sum, chosen);
    sum = ir_add(ir, sum, ir_mul(ir, call(t, BI_abs, x), call(t, BI_logistic, x)));
    set_output(t, ir_sum(ir, i, sum));
    t->any_size = true;
}

/* max and min, nested, away from ties. */
static void extrema(T *t) {
    Ir *ir = t->ir;
    const Dim D = new_dim(t, "D", 5);
    const Index i = ir_index(ir, D, 0);
    const Ref a = PARAM(t, "a", D), b = PARAM(t, "b", D), c = scalar_param(t, "c");
    const Ref x = READ(t, a, at(t, i)), y = READ(t, b, at(t, i));
    const Ref three = ir_call2(ir, BI_maximum, ir_call2(ir, BI_maximum, x, y), c);
    const Ref two = ir_call2(ir, BI_minimum, ir_mul(ir, x, y), ir_sub(ir, x, y));
    const Ref hinge = ir_call2(ir, BI_maximum, real(t, 0), ir_sub(ir, real(t, 1), x));
    const Ref sum = ir_add(ir, ir_mul(ir, three, two), ir_square(ir, hinge));
    set_output(t, ir_add(ir, ir_sum(ir, i, sum), ir_max(ir, i, ir_mul(ir, x, y))));
    t->no_complex = true;
    t->any_size = true;
}

static const struct {
    const char *name;
    void (*build)(T *t);
} programs[] = {
    {"linear regression", linear_regression},
    {"softmax with a gathered label", softmax_gather},
    {"perceptron with equal layers", perceptron},
    {"mixture with packed triangles", mixture},
    {"matrix factorisation", factorisation},
    {"convolution", convolution},
    {"strided convolution", strided},
    {"convolution and max pooling", pooling},
    {"diagonal, transpose, slices", slices},
    {"shift under a guard, pairs", pairs},
    {"gather of a computed array", computed_gather},
    {"attention", attention},
    {"built-in functions", mixed_calls},
    {"maxima and minima", extrema},
};

int main(void) {
    for (size_t k = 0; k < sizeof programs / sizeof *programs; k++) {
        T t = new_test(k + 1);
        programs[k].build(&t);
        check(&t, programs[k].name);
        end_test(&t);
    }
    return failures != 0;
}
