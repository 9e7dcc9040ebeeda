/* The interpreter: every kind of value against plain C; recurrences of both directions, nested ones
 * too; complex steps against derivatives. */
#include "ir_test.h"

static Fixture f;
static Ir *ir;
static Dim d, e;
static Index d0, d1, e0;
static Ref x, w, n, i, j, k; /* real[D], real[D, E], int[D] */

enum { D = 5, E = 3 };
static double xs[D] = {0.3, -1.2, 2.5, 0.7, -0.4}, ws[D * E];
static int64_t ns[D] = {2, 0, 4, 4, 1};
static const int64_t dims[] = {D, E};

static void begin(void) {
    f = fixture_create();
    ir = f.ir;
    d = symbol(&f, "D");
    e = symbol(&f, "E");
    d0 = ir_index(ir, d, 0);
    d1 = ir_index(ir, d, 1);
    e0 = ir_index(ir, e, 0);
    x = leaf(&f, "x", KIND_REAL, d, 0, 0);
    w = leaf(&f, "w", KIND_REAL, d, e, 0);
    n = leaf(&f, "n", KIND_INT, d, 0, 0);
    i = ir_idx(ir, d0);
    j = ir_idx(ir, d1);
    k = ir_idx(ir, e0);
    for (int c = 0; c < D * E; c++) {
        ws[c] = sin(c * 1.7);
    }
}

static double *run(Ref value, unsigned rank, const Index *axes) {
    const double *reals[] = {xs, ws, NULL};
    const int64_t *ints[] = {NULL, NULL, ns};
    EvalInput input = {dims, reals, ints};
    size_t count, output = add_output(&f, value, rank, axes);
    const char *problem = ir_verify(ir);
    if (problem != NULL) {
        printf("%s\n%s", problem, ir_text(ir));
        exit(1);
    }
    return ir_eval_output(ir, &input, output, &count);
}

static double run0(Ref value) {
    return *run(value, 0, NULL);
}

static void test_elementwise(void) {
    begin();
    Ref xi = read1(&f, x, i);
    double *y = run(ir_add(ir, ir_call1(ir, BI_exp, xi), ir_convert(ir, i)), 1, &d0);
    for (int c = 0; c < D; c++) {
        CHECK_CLOSE(y[c], exp(xs[c]) + c, 1e-15);
    }
    Ref positive = ir_compare(ir, BI_lt, ir_real(ir, 0), xi);
    y = run(ir_select(ir, positive, ir_call1(ir, BI_log, xi), ir_real(ir, -1)), 1, &d0);
    for (int c = 0; c < D; c++) {
        CHECK_CLOSE(y[c], xs[c] > 0 ? log(xs[c]) : -1, 1e-15); /* no NaN from the other branch */
    }
    y = run(ir_guard(ir, positive, ir_call1(ir, BI_sqrt, xi)), 1, &d0);
    CHECK(y[1] == 0 && y[2] == sqrt(2.5));
    Ref m = ir_mod(ir, ir_sub(ir, i, ir_int(ir, 3)), ir_int(ir, 2));
    Ref q = ir_floordiv(ir, ir_sub(ir, i, ir_int(ir, 3)), ir_int(ir, 2));
    y = run(ir_convert(ir, ir_add(ir, ir_mul(ir, ir_int(ir, 10), q), m)), 1, &d0);
    CHECK(y[0] == -19 && y[1] == -10 && y[2] == -9 && y[3] == 0 && y[4] == 1);
    y = run(ir_convert(ir, ir_mul(ir, ir_size(ir, d), i)), 1, &d0);
    CHECK(y[3] == 15);
    /* gathers; positions outside are clamped */
    y = run(read1(&f, x, read1(&f, n, i)), 1, &d0);
    CHECK(y[0] == xs[2] && y[4] == xs[1]);
    y = run(read1(&f, x, ir_add(ir, i, ir_int(ir, 2))), 1, &d0);
    CHECK(y[4] == xs[4] && y[2] == xs[4] && y[1] == xs[3]);
    Ref random = ir_call2(ir, BI_random_uniform, ir_int(ir, 42), i);
    y = run(random, 1, &d0);
    for (int c = 0; c < D; c++) {
        CHECK(y[c] > 0 && y[c] < 1 && y[c] == builtin_random_uniform(42, c));
    }
    arena_destroy(f.arena);
}

static void test_reductions(void) {
    begin();
    Index both[2] = {e0, d0};
    Ref wik = read2(&f, w, i, k), xi = read1(&f, x, i);
    double *y = run(ir_sum(ir, d0, ir_mul(ir, wik, xi)), 1, &e0);
    for (int c = 0; c < E; c++) {
        double sum = 0;
        for (int r = 0; r < D; r++) {
            sum += ws[r * E + c] * xs[r];
        }
        CHECK_CLOSE(y[c], sum, 1e-14);
    }
    y = run(wik, 2, both); /* transposed */
    CHECK(y[1 * D + 2] == ws[2 * E + 1]);
    CHECK(run0(ir_max(ir, d0, xi)) == 2.5);
    CHECK(run0(ir_convert(ir, ir_argmax(ir, d0, xi))) == 2);
    CHECK(run0(ir_convert(ir, ir_argmax(ir, d0, read1(&f, n, i)))) == 2); /* the first of two */
    CHECK(run0(ir_convert(ir, ir_max(ir, d0, read1(&f, n, i)))) == 4);
    double sum = 0;
    for (int r = 0; r < D; r++) {
        sum += exp(xs[r]);
    }
    CHECK_CLOSE(run0(ir_lse(ir, d0, xi)), log(sum), 1e-15);
    CHECK_CLOSE(run0(ir_lse(ir, d0, ir_mul(ir, xi, ir_real(ir, 1000)))), 2500, 1e-15);
    /* a binder may have a name that is free outside: only what is inside means it */
    Ref inner = ir_sum(ir, d0, xi), outer = ir_mul(ir, inner, xi);
    y = run(outer, 1, &d0);
    double total = 0;
    for (int r = 0; r < D; r++) {
        total += xs[r];
    }
    CHECK_CLOSE(y[3], total * xs[3], 1e-15);
    /* the same sum, named by another index, read as an array */
    Ref squares = ir_array(ir, &d0, 1, ir_square(ir, xi));
    y = run(ir_sum(ir, d0, ir_mul(ir, xi, read1(&f, squares, j))), 1, &d1);
    CHECK_CLOSE(y[2], total * 6.25, 1e-15);
    arena_destroy(f.arena);
}

static void test_special_values(void) {
    begin();
    Ref xi = read1(&f, x, i);
    double saved = xs[2];
    xs[2] = NAN;
    CHECK(isnan(run0(ir_max(ir, d0, xi))) && isnan(run0(ir_lse(ir, d0, xi))));
    CHECK(run0(ir_convert(ir, ir_argmax(ir, d0, xi))) == 2);
    xs[2] = INFINITY;
    CHECK(run0(ir_lse(ir, d0, xi)) == INFINITY);
    xs[2] = saved;
    Ref condition = ir_compare(ir, BI_lt, xi, ir_real(ir, 100));
    Ref minus = ir_select(ir, condition, ir_div(ir, ir_real(ir, -1), ir_real(ir, 0)), xi);
    CHECK(run0(ir_lse(ir, d0, minus)) == -INFINITY);
    arena_destroy(f.arena);
}

static void test_deposit(void) {
    begin();
    ir_set_deposit_solving(ir, false);
    Ref xi = read1(&f, x, i), code = read1(&f, n, i);
    double wanted[D] = {0};
    for (int r = 0; r < D; r++) {
        wanted[ns[r]] += xs[r];
    }
    double *y = run(ir_deposit(ir, INDEX_BIT(d0), &d0, &code, 1, xi), 1, &d0); /* the same name */
    for (int c = 0; c < D; c++) {
        CHECK_CLOSE(y[c], wanted[c], 1e-15);
    }
    /* positions outside have no entry; an index in no position counts its size */
    Ref far = ir_add(ir, ir_mul(ir, i, ir_int(ir, 2)), ir_int(ir, -1));
    y = run(ir_deposit(ir, INDEX_BIT(d0) | INDEX_BIT(e0), &d1, &far, 1, xi), 1, &d1);
    CHECK_CLOSE(y[1], 3 * xs[1], 1e-15);
    CHECK(y[0] == 0 && y[2] == 0);
    arena_destroy(f.arena);
}

/* h[t+1] = tanh(w h[t] + x[t]), h[0] = 0.5: its last value, all its values, and the same backwards.
 */
static void test_scan(int direction) {
    begin();
    Ref half = ir_real(ir, 0.5);
    uint32_t tag = ir_new_tag(ir);
    Ref h = ir_state(ir, tag, 0, d0, 0, half);
    Ref step = ir_call1(ir, BI_tanh, ir_add(ir, ir_mul(ir, ir_real(ir, 0.8), h), read1(&f, x, i)));
    Ref scan = ir_scan(ir, tag, d0, direction, &half, &step, 1), all = ir_pick(ir, scan, 0);
    double wanted[D + 1];
    if (direction > 0) {
        wanted[0] = 0.5;
        for (int t = 0; t < D; t++) {
            wanted[t + 1] = tanh(0.8 * wanted[t] + xs[t]);
        }
    } else {
        wanted[D] = 0.5;
        for (int t = D - 1; t >= 0; t--) {
            wanted[t] = tanh(0.8 * wanted[t + 1] + xs[t]);
        }
    }
    Index t1 = ir_index(ir, dim_add(ir, d, dim_const(ir, 1)), 0);
    double *y = run(read1(&f, all, ir_idx(ir, t1)), 1, &t1);
    for (int t = 0; t <= D; t++) {
        CHECK_CLOSE(y[t], wanted[t], 1e-15);
    }
    /* values of the body, and of states outside of it, for each step */
    y = run(ir_mul(ir, step, step), 1, &d0);
    CHECK_CLOSE(y[2], pow(wanted[direction > 0 ? 3 : 2], 2), 1e-15);
    double sum = 0;
    for (int t = 0; t < D; t++) {
        sum += wanted[direction > 0 ? t : t + 1];
    }
    CHECK_CLOSE(run0(ir_sum(ir, d0, h)), sum, 1e-15);
    arena_destroy(f.arena);
}

/* For each step t an inner recurrence over the columns c: s = 0.3 s + w[t, c] g; then g = s. The
 * vector state v[c] takes part: v[c] = v[c] / 2 + g. */
static void test_nested(void) {
    begin();
    Ref one = ir_real(ir, 1), zero = ir_real(ir, 0);
    uint32_t outer = ir_new_tag(ir), inner = ir_new_tag(ir);
    Ref start = ir_array(ir, &e0, 1, ir_mul(ir, ir_convert(ir, k), one));
    Ref g = ir_state(ir, outer, 0, d0, 0, one), v = ir_state(ir, outer, 1, d0, 0, start);
    Ref s = ir_state(ir, inner, 0, e0, INDEX_BIT(d0), zero);
    Ref wik = read2(&f, w, i, k);
    Ref inner_step = ir_add(ir, ir_mul(ir, ir_real(ir, 0.3), s), ir_mul(ir, wik, g));
    Ref inner_scan = ir_scan(ir, inner, e0, 1, &zero, &inner_step, 1);
    Ref last = ir_size(ir, e);
    Ref g_next = read1(&f, ir_pick(ir, inner_scan, 0), last);
    Ref vk = read1(&f, v, k);
    Ref v_next = ir_array(ir, &e0, 1, ir_add(ir, ir_mul(ir, ir_real(ir, 0.5), vk), g_next));
    Ref inits[2] = {one, start}, steps[2] = {g_next, v_next};
    Ref scan = ir_scan(ir, outer, d0, 1, inits, steps, 2);
    double gs = 1, vs[E] = {0, 1, 2};
    for (int t = 0; t < D; t++) {
        double ss = 0;
        for (int c = 0; c < E; c++) {
            ss = 0.3 * ss + ws[t * E + c] * gs;
        }
        gs = ss;
        for (int c = 0; c < E; c++) {
            vs[c] = 0.5 * vs[c] + gs;
        }
    }
    Ref end = ir_size(ir, d);
    CHECK_CLOSE(run0(read1(&f, ir_pick(ir, scan, 0), end)), gs, 1e-15);
    double *y = run(read2(&f, ir_pick(ir, scan, 1), end, k), 1, &e0);
    for (int c = 0; c < E; c++) {
        CHECK_CLOSE(y[c], vs[c], 1e-15);
    }
    /* a value of the inner body, outside of both loops */
    Index axes[2] = {d0, e0};
    y = run(ir_mul(ir, wik, g), 2, axes);
    CHECK_CLOSE(y[0], ws[0], 1e-15);
    arena_destroy(f.arena);
}

/* States with a further free index: one recurrence for each column. */
static void test_lanes(void) {
    begin();
    Ref zero = ir_real(ir, 0), half = ir_real(ir, 0.5);
    uint32_t tag = ir_new_tag(ir);
    Ref s = ir_state(ir, tag, 0, d0, INDEX_BIT(e0), zero);
    Ref step = ir_add(ir, ir_mul(ir, s, half), read2(&f, w, i, k));
    Ref scan = ir_scan(ir, tag, d0, 1, &zero, &step, 1);
    double *y = run(read1(&f, ir_pick(ir, scan, 0), ir_size(ir, d)), 1, &e0);
    for (int c = 0; c < E; c++) {
        double wanted = 0;
        for (int t = 0; t < D; t++) {
            wanted = wanted / 2 + ws[t * E + c];
        }
        CHECK_CLOSE(y[c], wanted, 1e-15);
    }
    arena_destroy(f.arena);
}

static void test_complex(void) {
    begin();
    Ref xi = read1(&f, x, i);
    Ref value = ir_lse(ir, d0, ir_mul(ir, ir_call1(ir, BI_tanh, xi), ir_call1(ir, BI_erf, xi)));
    value = ir_add(ir, value, ir_max(ir, d0, ir_square(ir, xi)));
    value = ir_add(ir, value, ir_sum(ir, d0, ir_call2(ir, BI_hypot, xi, ir_real(ir, 1))));
    size_t output = add_output(&f, value, 0, NULL), count;
    const double *reals[] = {xs, ws, NULL};
    const int64_t *ints[] = {NULL, NULL, ns};
    EvalInput input = {dims, reals, ints};
    for (int c = 0; c < D; c++) {
        double step[D] = {0}, *real, *imag, saved = xs[c];
        const double *imaginary[] = {step, NULL, NULL};
        step[c] = 1e-100;
        CHECK(ir_eval_output_complex(ir, &input, imaginary, output, &count, &real, &imag));
        CHECK_CLOSE(*real, *ir_eval_output(ir, &input, output, &count), 1e-15);
        xs[c] = saved + 1e-6;
        double up = *ir_eval_output(ir, &input, output, &count);
        xs[c] = saved - 1e-6;
        double down = *ir_eval_output(ir, &input, output, &count);
        xs[c] = saved;
        CHECK_CLOSE(*imag / 1e-100, (up - down) / 2e-6, 1e-8);
    }
    Ref more = ir_add(ir, ir_square(ir, xi), ir_real(ir, 1));
    Ref zeta = ir_call2(ir, BI_hurwitz_zeta, ir_real(ir, 3), more); /* has no complex extension */
    output = add_output(&f, ir_sum(ir, d0, zeta), 0, NULL);
    double step[D] = {1e-100}, *real, *imag;
    const double *imaginary[] = {step, NULL, NULL};
    CHECK(!ir_eval_output_complex(ir, &input, imaginary, output, &count, &real, &imag));
    step[0] = 0; /* nothing moves: a value without an extension is no obstacle */
    CHECK(ir_eval_output_complex(ir, &input, imaginary, output, &count, &real, &imag));
    arena_destroy(f.arena);
}

/* The sample index of an entry per sample comes first. */
static void test_sample(void) {
    begin();
    ir->sample_dim = d;
    ir->per_sample = true;
    ir->sample_index = d0;
    double *y = run(read2(&f, w, i, k), 1, &e0);
    CHECK(y[2 * E + 1] == ws[2 * E + 1]);
    arena_destroy(f.arena);
}

int main(void) {
    test_elementwise();
    test_reductions();
    test_special_values();
    test_deposit();
    test_scan(1);
    test_scan(-1);
    test_nested();
    test_lanes();
    test_complex();
    test_sample();
    return failures > 0;
}
