/* Every row of builtin.def: formulas against the C values, derivatives of first and second order
 * against complex steps and central differences, at points of the row's domain; and the kinks, one
 * by one. */
#include "front_build.h"
#include "ir_test.h"
#include "lower/lower.h"

enum { POINTS = 60 };

static Front front;
static Rules rules;

/* The template at a, b, c and the row's value v. */
static double at_point(const Ir *template, const double *point) {
    const double *reals[4] = {&point[0], &point[1], &point[2], &point[3]};
    const EvalInput input = {NULL, reals, NULL};
    size_t count;
    return *ir_eval_output(template, &input, 0, &count);
}

static double row_value(BuiltinId f, const double *x) {
    const Builtin *row = &builtins[f];
    return row->arity == 1   ? row->f1(x[0])
           : row->arity == 2 ? row->f2(x[0], x[1])
                             : row->f3(x[0], x[1], x[2]);
}

static double derivative(BuiltinId f, int k, const double *x) {
    double point[4] = {x[0], x[1], x[2], row_value(f, x)};
    return at_point(rules.rule[f][k], point);
}

static void prepare(void) {
    Ir *ir = ir_create(front.arena, front.names, intern_text(front.names, "all"));
    Ref x[BUILTIN_ARITY];
    for (int k = 0; k < BUILTIN_ARITY; k++) {
        const char *name = arena_format(front.arena, "x%d", k);
        const Leaf info = {.name = intern_text(front.names, name), .role = LEAF_ARGUMENT};
        x[k] = ir_leaf(ir, ir_add_leaf(ir, info));
    }
    for (int f = 0; f < BI_COUNT; f++) {
        Signature signature = builtins[f].signature;
        if (signature == SIG_REAL || signature == SIG_NUMBER) {
            ir_call(ir, (BuiltinId)f, x, (unsigned)builtins[f].arity);
        }
    }
    rules_prepare(&rules, &front, ir);
}

static void differ(const Builtin *row, const char *what, const double *x, double found,
                   double wanted) {
    printf("%s: %s at %.17g, %.17g: %.17g, wanted %.17g\n", row->name, what, x[0], x[1], found,
           wanted);
    failures++;
}

static double complex_step(BuiltinId f, int k, const double *x, bool *known) {
    const Builtin *row = &builtins[f];
    double parts[2][2] = {{x[0], k == 0 ? 1e-100 : 0}, {x[1], k == 1 ? 1e-100 : 0}};
    double complex z[2];
    memcpy(z, parts, sizeof z);
    *known = (row->arity == 1 && row->c1 != NULL) || (row->arity == 2 && row->c2 != NULL);
    return !*known ? 0 : cimag(row->arity == 1 ? row->c1(z[0]) : row->c2(z[0], z[1])) * 1e100;
}

static void check_derivative(BuiltinId f, int k, const double *x) {
    const Builtin *row = &builtins[f];
    double step = 1e-4, y[4] = {x[0], x[1], x[2], 0}, values[4];
    for (int m = 0; m < 4; m++) { /* fourth order */
        static const double places[] = {-2, -1, 1, 2};
        y[k] = x[k] + places[m] * step;
        values[m] = row_value(f, y);
    }
    double slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step);
    double found = derivative(f, k, x);
    bool smooth =
        fabs(values[1] - 2 * row_value(f, x) + values[2]) < 1e-3 * (1 + fabs(row_value(f, x)));
    if (smooth && !close_to(found, slope, 1e-7)) {
        differ(row, "derivative", x, found, slope);
    }
    bool known;
    double exact = complex_step(f, k, x, &known);
    if (known && !close_to(found, exact, 2e-13)) {
        differ(row, "derivative by complex step", x, found, exact);
    }
}

static void check_row(BuiltinId f) {
    const Builtin *row = &builtins[f];
    uint64_t state = (uint64_t)f;
    double last = NAN;
    for (int point = 0; point < POINTS; point++) {
        double x[4] = {0};
        for (int k = 0; k < row->arity; k++) {
            double u = (random_real(&state) + 1) / 2;
            x[k] = row->domain[0] + u * (row->domain[1] - row->domain[0]);
        }
        x[3] = row_value(f, x);
        if (rules.formula[f] != NULL && !close_to(at_point(rules.formula[f], x), x[3], 4e-15)) {
            differ(row, "formula", x, at_point(rules.formula[f], x), x[3]);
        }
        for (int k = 0; k < row->arity; k++) {
            if (rules.rule[f][k] != NULL && f != BI_stop_gradient) {
                check_derivative(f, k, x);
            }
        }
        if (row->range[0] < row->range[1] && !(x[3] >= row->range[0] && x[3] <= row->range[1])) {
            differ(row, "value outside of its range", x, x[3], last);
        }
        last = x[3];
    }
    for (int k = 0; k < row->arity; k++) {
        char mark[] = {'#', (char)('1' + k), '\0'};
        if (row->tex == NULL || strstr(row->tex, mark) == NULL) {
            printf("%s: the LaTeX template does not use #%d\n", row->name, k + 1);
            failures++;
        }
    }
    CHECK(row->help != NULL);
}

/* ---- kinks, poles and edges ------------------------------------------------------------------ */

static void check_edge(BuiltinId f, int k, double a, double b, double wanted) {
    double x[4] = {a, b, 0, 0}, found = derivative(f, k, x);
    if (!close_to(found, wanted, 4e-16 * 4) && fabs(found - wanted) > 4e-15 * fabs(wanted)) {
        differ(&builtins[f], k ? "derivative by b" : "derivative by a", x, found, wanted);
    }
    if (fabs(wanted) > 0 && fabs(wanted) < 1e-3 && fabs(found - wanted) > 4e-15 * fabs(wanted)) {
        differ(&builtins[f], "relative error of the derivative", x, found, wanted);
    }
}

static void test_edges(void) {
    check_edge(BI_abs, 0, 0, 0, 0);
    check_edge(BI_sqrt, 0, 0.0, 0, INFINITY);
    check_edge(BI_sqrt, 0, -0.0, 0, INFINITY);
    check_edge(BI_norm_root, 0, 0, 0, 0);
    check_edge(BI_maximum, 0, 2, 2, 0.5);
    check_edge(BI_minimum, 1, 2, 2, 0.5);
    check_edge(BI_pow, 0, 0, 0, 0);
    check_edge(BI_pow, 0, 0, 1, 1);
    check_edge(BI_pow, 0, 0, 0.5, INFINITY);
    check_edge(BI_pow, 0, -2, 3, 12);
    check_edge(BI_pow, 1, 0, 2, 0);
    check_edge(BI_hypot, 0, 0, 0, 0);
    check_edge(BI_atan2, 0, 1e-200, 1e-200, 5e199);
    check_edge(BI_atan2, 1, 1e-200, 1e-200, -5e199);
    check_edge(BI_atan2, 0, 1e200, 1e200, 5e-201);
    check_edge(BI_atan2, 0, 0, 0, NAN);
    check_edge(BI_acosh, 0, 1e160, 0, 1e-160);
    check_edge(BI_asinh, 0, 1e160, 0, 1e-160);
    check_edge(BI_asin, 0, 1, 0, INFINITY);
    check_edge(BI_acos, 0, -1, 0, -INFINITY);
    check_edge(BI_tanh, 0, 15, 0, 3.7430491875353693e-13);
    check_edge(BI_tanh, 0, 20, 0, 1.6993417021166356e-17);
    check_edge(BI_logistic, 0, 25, 0, 1.3887943864578271e-11);
    check_edge(BI_logistic, 0, 40, 0, 4.248354255291589e-18);
    check_edge(BI_log1pexp, 0, 1000, 0, 1);
    check_edge(BI_log1pexp, 0, -1000, 0, 0);
    check_edge(BI_log1pexp, 0, INFINITY, 0, 1);
    check_edge(BI_exp, 0, 709.782712893384, 0, exp(709.782712893384));
    check_edge(BI_xlogy, 1, 0, 0, 0);
    check_edge(BI_lgamma, 0, 1, 0, -0.5772156649015329);
    check_edge(BI_fmod, 0, 7.5, 2, 1);
    check_edge(BI_fmod, 1, 7.5, 2, -3);
    check_edge(BI_floor, 0, 2, 0, 0);
    check_edge(BI_step, 0, 0, 0, 0);
    CHECK(builtins[BI_xlogy].f2(0, 0) == 0 && isnan(builtins[BI_xlogy].f2(0, NAN)));
    CHECK(builtins[BI_log1pexp].f1(1000) == 1000 && builtins[BI_log1pexp].f1(INFINITY) == INFINITY);
    CHECK(isnan(builtins[BI_maximum].f2(1, NAN)) && isnan(builtins[BI_maximum].f2(NAN, 1)));
    CHECK(isnan(builtins[BI_step].f1(NAN)) && isnan(builtins[BI_sign].f1(NAN)));
    CHECK(builtins[BI_log1mexp].f1(-1e-300) < -690 && builtins[BI_log1mexp].f1(-800) == 0);
    double bounds[2][4] = {{1, 1, 2, 1}, {2, 1, 2, 2}};
    CHECK(derivative(BI_clamp, 0, bounds[0]) == 1 && derivative(BI_clamp, 0, bounds[1]) == 1);
}

/* digamma, trigamma and tetragamma at reference points of 40 digits, negative ones and the root
 * too. */
static void test_gamma(void) {
    static const struct {
        BuiltinId f;
        double x, wanted;
    } points[] = {
        {BI_digamma, 1.0, -0.57721566490153286},   {BI_digamma, 0.5, -1.9635100260214235},
        {BI_digamma, 10.0, 2.2517525890667211},    {BI_digamma, -0.5, 0.036489973978576520},
        {BI_digamma, 1e-8, -100000000.57721565},   {BI_trigamma, 1.0, 1.6449340668482264},
        {BI_trigamma, 0.5, 4.9348022005446793},    {BI_trigamma, -0.5, 8.9348022005446793},
        {BI_tetragamma, 1.0, -2.4041138063191886}, {BI_tetragamma, 0.5, -16.828796644234320},
    };
    for (size_t k = 0; k < sizeof points / sizeof *points; k++) {
        double x[4] = {points[k].x, 0, 0, 0};
        CHECK_CLOSE(row_value(points[k].f, x), points[k].wanted, 1e-14);
        CHECK_CLOSE(at_point(rules.formula[points[k].f], x), points[k].wanted, 1e-14);
    }
}

static void test_table(void) {
    BuiltinId found;
    CHECK(builtin_find("exp", &found) && found == BI_exp);
    CHECK(!builtin_find("square", &found) && !builtin_find("nothing", &found));
    for (int f = 0; f < BI_COUNT; f++) {
        CHECK(builtins[f].arity >= 1 && builtins[f].arity <= BUILTIN_ARITY);
        CHECK(builtins[f].flops > 0 || f == BI_stop_gradient);
        CHECK(builtins[f].domain[0] < builtins[f].domain[1]);
        CHECK((builtins[f].f1 != NULL) == (builtins[f].arity == 1));
        CHECK((builtins[f].f2 != NULL) == (builtins[f].arity == 2));
    }
}

int main(void) {
    front = front_build();
    prepare();
    test_table();
    for (int f = 0; f < BI_COUNT; f++) {
        Signature signature = builtins[f].signature;
        if (signature == SIG_REAL || signature == SIG_NUMBER) {
            check_row((BuiltinId)f);
        }
    }
    test_edges();
    test_gamma();
    arena_destroy(front.arena);
    return failures > 0;
}
