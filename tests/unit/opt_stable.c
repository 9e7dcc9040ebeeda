/* Stable forms and kinks: values and derivatives of expressions at the points where the written
 * form, or the textbook's derivative, loses its digits; certified with 60 digits. */
#include "diff_build.h"

/* ---- expressions of scalar params x, y, z
 * ---------------------------------------------------------- */

static Ref build(T *t, const Expr *e);

static const struct {
    BinaryOp op;
    BuiltinId f;
    bool swapped;
} comparisons[] = {
    {BIN_EQ, BI_eq, false}, {BIN_NE, BI_ne, false}, {BIN_LT, BI_lt, false},
    {BIN_LE, BI_le, false}, {BIN_GT, BI_lt, true},  {BIN_GE, BI_le, true},
};

static Ref build_binary(T *t, const Expr *e) {
    const Ref a = build(t, e->as.binary.a), b = build(t, e->as.binary.b);
    for (size_t k = 0; k < sizeof comparisons / sizeof *comparisons; k++) {
        if (comparisons[k].op == e->as.binary.op) {
            return comparisons[k].swapped ? ir_compare(t->ir, comparisons[k].f, b, a)
                                          : ir_compare(t->ir, comparisons[k].f, a, b);
        }
    }
    switch ((int)e->as.binary.op) {
    case BIN_ADD:
        return ir_add(t->ir, a, b);
    case BIN_SUB:
        return ir_sub(t->ir, a, b);
    case BIN_MUL:
        return ir_mul(t->ir, a, b);
    case BIN_DIV:
        return ir_div(t->ir, a, b);
    default:
        return ir_call2(t->ir, BI_pow, a, b);
    }
}

static Ref build_call(T *t, const Expr *e) {
    Ref args[BUILTIN_ARITY];
    unsigned count = 0;
    for (const Expr *arg = e->as.call.args; arg; arg = arg->next) {
        args[count++] = build(t, arg);
    }
    const char *name = e->as.call.name;
    name = strcmp(name, "max") == 0 ? "maximum" : strcmp(name, "min") == 0 ? "minimum" : name;
    for (size_t f = 0; f < BI_COUNT; f++) {
        if (strcmp(builtins[f].name, name) == 0) {
            return ir_call(t->ir, (BuiltinId)f, args, count);
        }
    }
    printf("no function %s\n", name);
    exit(1);
}

static Ref build(T *t, const Expr *e) {
    switch ((int)e->kind) {
    case EXPR_NUMBER:
        return real(t, e->as.number.value);
    case EXPR_NAME:
        return ir_leaf(t->ir, (uint32_t)(e->as.name[0] - 'x'));
    case EXPR_NEGATE:
        return ir_neg(t->ir, build(t, e->as.unary.a));
    case EXPR_PAREN:
        return build(t, e->as.unary.a);
    case EXPR_BINARY:
        return build_binary(t, e);
    case EXPR_IF: {
        const Ref c = build(t, e->as.choice.condition), a = build(t, e->as.choice.then);
        return ir_select(t->ir, c, a, build(t, e->as.choice.otherwise));
    }
    case EXPR_CALL:
        return build_call(t, e);
    default:
        printf("a form that the test does not read\n");
        exit(1);
    }
}

/* ---- the table
 * ------------------------------------------------------------------------------------------ */

#define ANY 1e99 /* not looked at */

static const struct {
    const char *text;
    double at[3];
    double value;
    double d[3];
} rows[] = {
    /* logarithms and exponentials */
    {"log(1 + exp(x))", {710}, 710, {1}},
    {"log(1 + exp(x))", {1000}, 1000, {1}},
    {"log(1 + exp(x))", {-1000}, 0, {0}},
    {"log(1 + exp(x))", {INFINITY}, INFINITY, {1}},
    {"log(1 + exp(-x))", {40}, 4.2483542552915890e-18, {-4.2483542552915889773e-18}},
    {"log(3 * exp(x) + 2 * exp(y))", {1000, 0}, 1000 + 1.0986122886681098, {1, 0}},
    {"log(1 / (1 + exp(-x)))", {-1000}, -1000, {1}},
    {"log(1 / (1 + exp(-x)))", {40}, -4.2483542552915890e-18, {4.2483542552915889773e-18}},
    {"log(1 - 1 / (1 + exp(-x)))", {1000}, -1000, {-1}},
    {"log(1 - 1 / (1 + exp(-x)))", {-40}, -4.2483542552915890e-18, {-4.2483542552915889773e-18}},
    {"log(exp(x))", {1000}, 1000, {1}},
    {"log(exp(x)) - log(1 + exp(x))", {-1000}, -1000, {1}},
    {"log(exp(x) / (exp(x) + exp(y)))", {-800, 800}, -1600, {1, -1}},
    {"exp(x) / (1 + exp(x))", {1000}, 1, {0}},
    {"exp(x) / (1 + exp(x))", {-40}, 4.2483542552915889773e-18, {4.2483542552915889592e-18}},
    {"1 / (1 + exp(-x))", {40}, 1, {4.2483542552915889592e-18}},
    {"1 / (1 + exp(-x))", {-1000}, 0, {0}},
    {"1 - 1 / (1 + exp(-x))", {40}, 4.2483542552915889773e-18, {-4.2483542552915889592e-18}},
    {"log(1 + x)", {1e-18}, 1e-18, {1}},
    {"log(1 - x)", {1e-18}, -1e-18, {-1}},
    {"exp(x) - 1", {1e-12}, 1.0000000000004999799e-12, {1.000000000001}},
    {"1 - exp(x)", {1e-12}, -1.0000000000004999799e-12, {-1.000000000001}},
    {"log(1 - exp(x))", {-1e-20}, -46.051701859880913735, {-1e20}},
    {"log(1 - exp(x))", {-40}, -4.2483542552915890044e-18, {-4.2483542552915890134e-18}},
    {"log(exp(x) - 1)", {800}, 800, {1}},
    {"exp(log(exp(x) + 1))", {2}, 8.3890560989306502272, {7.3890560989306502272}},
    {"-(y * log(1 / (1 + exp(-x))) + (1 - y) * log(1 - 1 / (1 + exp(-x))))",
     {40, 1},
     4.2483542552915890e-18,
     {-4.2483542552915889773e-18, ANY}},
    {"-(y * log(1 / (1 + exp(-x))) + (1 - y) * log(1 - 1 / (1 + exp(-x))))",
     {-1000, 1},
     1000,
     {-1, ANY}},
    {"log(1 / (1 + exp(-x))) - log(1 - 1 / (1 + exp(-x)))", {-500}, -500, {1}},
    {"exp(x)", {709.782712893384}, 1.797693134862273e308, {1.797693134862273e308}},
    /* trigonometric and hyperbolic */
    {"1 - cos(x)", {1e-9}, 5.0000000000000006224e-19, {1.0000000000000000623e-9}},
    {"tanh(x)", {20}, 1, {1.6993417021166355837e-17}},
    {"1 - tanh(x)^2", {20}, 1.6993417021166355837e-17, {-3.3986834042332711385e-17}},
    {"acosh(x)", {1e160}, 369.10676205960698, {1e-160}},
    {"asinh(x)", {1e160}, 369.10676205960698, {1e-160}},
    {"asin(x)", {1}, 1.5707963267948966, {INFINITY}},
    {"acos(x)", {1}, 0, {-INFINITY}},
    {"atan2(x, y)", {0, 0}, 0, {NAN, NAN}},
    {"atan2(x, y)", {1e-200, 1e-200}, 0.78539816339744831, {5e199, -5e199}},
    {"atan2(x, y)", {1e200, 1e200}, 0.78539816339744831, {5e-201, -5e-201}},
    /* roots */
    {"sqrt(x^2)", {0}, 0, {0}},
    {"sqrt(x^2)", {-3}, 3, {-1}},
    {"sqrt(x * x)", {-3}, 3, {-1}},
    {"sqrt(x^2 + y^2)", {0, 0}, 0, {0, 0}},
    {"sqrt(x^2 + y^2)", {3e200, 4e200}, 5e200, {0.6, 0.8}},
    {"sqrt(x^2 + y^2 + z^2)", {0, 0, 0}, 0, {0, 0, 0}},
    {"sqrt(x^2 + y^2 + z^2)", {1, 2, 2}, 3, {1. / 3, 2. / 3, 2. / 3}},
    {"sqrt((x^2 + y^2 + z^2) / 4)", {0, 0, 0}, 0, {0, 0, 0}},
    {"hypot(x, y)", {0, 0}, 0, {0, 0}},
    {"sqrt(x)", {0}, 0, {INFINITY}},
    {"sqrt(x)", {-0.0}, 0, {INFINITY}},
    /* kinks */
    {"abs(x)", {0}, 0, {0}},
    {"max(x, y)", {2, 2}, 2, {0.5, 0.5}},
    {"min(x, y)", {2, 2}, 2, {0.5, 0.5}},
    {"max(x, y)", {2, 3}, 3, {0, 1}},
    {"max(max(x, y), z)", {2, 2, 2}, 2, {1. / 3, 1. / 3, 1. / 3}},
    {"max(x, max(y, z))", {2, 2, 1}, 2, {0.5, 0.5, 0}},
    {"min(min(x, y), z)", {2, 2, 2}, 2, {1. / 3, 1. / 3, 1. / 3}},
    {"max(x, -x)", {0}, 0, {0}},
    {"max(1, x)", {NAN}, NAN, {ANY}},
    {"max(x, 1)", {NAN}, NAN, {ANY}},
    {"clamp(x, -1, 1)", {1}, 1, {1}},
    {"clamp(x, -1, 1)", {-1}, -1, {1}},
    {"clamp(x, -1, 1)", {2}, 1, {0}},
    {"log(x)", {-1}, NAN, {ANY}},
    {"if x > 0 then log(x) else 0", {0}, 0, {0}},
    {"if x > 0 then sqrt(x) else 0 * x", {0}, 0, {0}},
    {"floor(x)", {0.5}, 0, {0}},
    {"x * floor(x)", {1.5}, 1.5, {1}},
    {"sign(x)", {0}, 0, {0}},
    {"fmod(x, y)", {7, 3}, 1, {1, -2}},
    {"xlogy(x, y)", {0, 0}, 0, {ANY, 0}},
    {"lgamma(x)", {1}, 0, {-0.5772156649015329}},
    /* powers */
    {"x^0", {0}, 1, {0}},
    {"x^y", {0, 0}, 1, {0, 0}},
    {"x^y", {0, 1}, 0, {1, 0}},
    {"x^y", {0, 0.5}, 0, {INFINITY, 0}},
    {"x^2", {-2}, 4, {-4}},
    {"x^3", {-2}, -8, {12}},
    {"x^4", {3}, 81, {108}},
    {"x^0.5", {0}, 0, {INFINITY}},
    {"x^(-2)", {2}, 0.25, {-0.25}},
    {"x^1.5", {4}, 8, {3}},
    {"x^y", {0, 2}, 0, {0, 0}},
    /* what must not be rewritten */
    {"0 * x", {INFINITY}, NAN, {0}},
    {"x - x", {INFINITY}, NAN, {0}},
    {"x / x", {0}, NAN, {NAN}},
    {"exp(log(x))", {-1}, NAN, {ANY}},
    {"sqrt(x^2 + 1)", {0}, 1, {0}},
};

enum { ROWS = sizeof rows / sizeof *rows };

static bool same(double found, double expected) {
    if (expected == ANY || (isnan(expected) && isnan(found)) || found == expected) {
        return true;
    }
    return fabs(found - expected) <= 4e-15 * fabs(expected);
}

static void check_row(size_t k) {
    T t = new_test(k);
    for (int v = 0; v < 3; v++) {
        const char name[] = {(char)('x' + v), 0};
        scalar_param(&t, name);
        t.reals[v][0] = rows[k].at[v];
    }
    const uint32_t file = sources_add(t.sources, "row", rows[k].text, strlen(rows[k].text), false);
    const Expr *e = front_parse_expression(&t.front, file);
    if (!e) {
        printf("%s: does not parse\n", rows[k].text);
        failures++;
        return;
    }
    set_output(&t, build(&t, e));
    rules_prepare(t.rules, &t.front, t.ir);
    for (int level = 0; level < 3; level++) {
        OptOptions options = options_of(&t, level == 1 ? 2 : 0, level == 2);
        const Ir *stable = opt_before_diff(&options, t.ir);
        const Ir *gradient = gradient_of(&t, rows[k].text, stable);
        if (!gradient) {
            continue;
        }
        rules_prepare(t.rules, &t.front, gradient);
        const Ir *after = opt_after_diff(&options, gradient);
        check_verify(rows[k].text, "opt", after);
        const double value = value_of(&t, after);
        if (!same(value, rows[k].value)) {
            fail(rows[k].text, "value", value, rows[k].value);
        }
        for (size_t v = 0; v < 3; v++) {
            const double d = evaluate(&t, after, 1 + v, NULL, NULL)[0];
            if (!same(d, rows[k].d[v])) {
                fail(rows[k].text, "derivative", d, rows[k].d[v]);
            }
        }
    }
    end_test(&t);
}

/* ---- vectors
 * ------------------------------------------------------------------------------------------------
 */

static void check_vector(const char *name, Ref (*make)(T *t, Ref x, Index i, Index j), int n,
                         const double *at_point, double value, const double *d) {
    T t = new_test(9);
    const Dim D = new_dim(&t, "D", n);
    const Ref x = PARAM(&t, "x", D);
    memcpy(t.reals[0], at_point, (size_t)n * sizeof *at_point);
    set_output(&t, make(&t, x, ir_index(t.ir, D, 0), ir_index(t.ir, D, 1)));
    rules_prepare(t.rules, &t.front, t.ir);
    const OptOptions options = options_of(&t, 2, false);
    const Ir *stable = opt_before_diff(&options, t.ir);
    const Ir *gradient = gradient_of(&t, name, stable);
    rules_prepare(t.rules, &t.front, gradient);
    const Ir *after = opt_after_diff(&options, gradient);
    check_verify(name, "opt", after);
    if (!same(value_of(&t, after), value)) {
        fail(name, "value", value_of(&t, after), value);
    }
    const double *g = evaluate(&t, after, 1, NULL, NULL);
    for (int k = 0; k < n; k++) {
        if (!same(g[k], d[k])) {
            fail(name, "derivative", g[k], d[k]);
        }
    }
    end_test(&t);
}

static Ref exponential(T *t, Ref x, Index i) {
    return call(t, BI_exp, READ(t, x, at(t, i)));
}

static Ref log_sum(T *t, Ref x, Index i, Index j) {
    (void)j;
    return call(t, BI_log, ir_sum(t->ir, i, exponential(t, x, i)));
}

static Ref log_mean(T *t, Ref x, Index i, Index j) {
    (void)j;
    const Ref size = ir_convert(t->ir, ir_size(t->ir, ir_index_dim(t->ir, i)));
    return call(t, BI_log, ir_div(t->ir, ir_sum(t->ir, i, exponential(t, x, i)), size));
}

/* log(softmax(x)[0]), the softmax as quotients of exponentials. */
static Ref log_softmax(T *t, Ref x, Index i, Index j) {
    const Ref total = ir_sum(t->ir, j, exponential(t, x, j));
    const Ref p = ir_div(t->ir, exponential(t, x, i), total);
    const Ref array = ir_array(t->ir, &i, 1, p);
    return call(t, BI_log, READ(t, array, ir_int(t->ir, 0)));
}

static Ref norm(T *t, Ref x, Index i, Index j) {
    (void)j;
    return call(t, BI_sqrt, ir_sum(t->ir, i, ir_square(t->ir, READ(t, x, at(t, i)))));
}

static Ref greatest(T *t, Ref x, Index i, Index j) {
    (void)j;
    return ir_max(t->ir, i, READ(t, x, at(t, i)));
}

static void check_vectors(void) {
    const double big[] = {1000, 0, 1000}, low[] = {-1000, -1000, -1000}, zero[] = {0, 0, 0};
    const double log3 = 1.0986122886681098, log2 = 0.69314718055994531;
    check_vector("log sum exp", log_sum, 3, big, 1000 + log2, (double[]){0.5, 0, 0.5});
    check_vector("log sum exp, low", log_sum, 3, low, -1000 + log3,
                 (double[]){1. / 3, 1. / 3, 1. / 3});
    check_vector("log mean exp", log_mean, 3, low, -1000, (double[]){1. / 3, 1. / 3, 1. / 3});
    check_vector("log softmax", log_softmax, 3, big, -log2, (double[]){0.5, 0, -0.5});
    check_vector("log softmax, far", log_softmax, 3, (double[]){0, 1000, -1000}, -1000,
                 (double[]){1, -1, 0});
    check_vector("norm at 0", norm, 3, zero, 0, zero);
    check_vector("norm", norm, 3, (double[]){2, 3, 6}, 7, (double[]){2. / 7, 3. / 7, 6. / 7});
    check_vector("greatest of three equal", greatest, 3, zero, 0,
                 (double[]){1. / 3, 1. / 3, 1. / 3});
    check_vector("greatest of two equal", greatest, 4, (double[]){1, 3, 3, 2}, 3,
                 (double[]){0, 0.5, 0.5, 0});
}

/* ---- the report
 * ------------------------------------------------------------------------------------------------
 */

static void check_report(void) {
    T t = new_test(3);
    const Ref x = scalar_param(&t, "x");
    const Ref one = real(&t, 1);
    const Ref sum = ir_add(t.ir, one, call(&t, BI_exp, x));
    set_output(&t, call(&t, BI_log, sum));
    const OptOptions options = options_of(&t, 2, false);
    size_t count;
    const Ir *stable = opt_before_diff(&options, t.ir);
    const Rewrite *list = opt_rewrites(gradient_of(&t, "report", stable), &count);
    if (count != 1 || strcmp(list[0].from, "log(1 + exp(x))") != 0 || list[0].span.end != 4) {
        fail("report", "number of rewrites", (double)count, 1);
    }
    end_test(&t);
}

int main(void) {
    for (size_t k = 0; k < ROWS; k++) {
        check_row(k);
    }
    check_vectors();
    check_report();
    return failures != 0;
}
