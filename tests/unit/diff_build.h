/* diff_build.h: programs in IR for the tests of diff and opt, and the comparison that they all get:
 * reverse mode, forward mode, central differences and complex step of the interpreter must agree,
 * with deposit solving on and off, before and after the passes. */
#ifndef GRADC_TESTS_DIFF_BUILD_H
#define GRADC_TESTS_DIFF_BUILD_H

#include "diff/diff.h"
#include "lower/lower.h"
#include "opt/opt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LEAVES = 16, MAX_DIMS = 32 };

typedef struct {
    Arena *arena;
    Interner *names;
    Sources *sources;
    Diags *diags;
    Front front;
    Ir *ir;
    Rules *rules;
    int64_t extents[MAX_DIMS];
    uint64_t random;
    double *reals[MAX_LEAVES];
    int64_t *ints[MAX_LEAVES];
    size_t counts[MAX_LEAVES];
    bool wrt[MAX_LEAVES];
    bool no_complex;  /* something on the way has no complex extension */
    double tolerance; /* of central differences */
    double step;
    bool any_size; /* node ratio not checked */
} T;

static int failures;

static inline double uniform(T *t) {
    t->random = t->random * 6364136223846793005u + 1442695040888963407u;
    return (double)(t->random >> 11) * 0x1p-53;
}

static inline int pick(T *t, int n) {
    return (int)(uniform(t) * n);
}

static inline double normal(T *t) {
    const double u = uniform(t) + 1e-300, v = uniform(t);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static inline T new_test(uint64_t seed) {
    T t = {.random = seed * 2654435761u + 12345, .tolerance = 1e-6, .step = 1e-5};
    for (int k = 0; k < 4; k++) {
        uniform(&t);
    }
    t.arena = arena_create();
    t.names = interner_create(t.arena);
    t.sources = sources_create(t.arena);
    t.diags = diags_create(t.arena, t.sources);
    t.front = (Front){.arena = t.arena, .names = t.names, .sources = t.sources, .diags = t.diags};
    t.rules = arena_new(t.arena, Rules);
    t.ir = ir_create(t.arena, t.names, intern_text(t.names, "test"));
    const uint32_t file = sources_add(t.sources, "test.model", "test\n", 5, false);
    t.ir->at = (Span){file, 0, 4};
    return t;
}

static inline void end_test(T *t) {
    arena_destroy(t->arena);
}

/* ---- building
 * ------------------------------------------------------------------------------------------ */

static inline Dim new_dim(T *t, const char *name, int64_t extent) {
    const Dim dim = dim_symbol(t->ir, intern_text(t->names, name));
    t->extents[dim_symbol_number(t->ir, dim)] = extent;
    return dim;
}

static inline int64_t extent(const T *t, Dim dim) {
    return dim_evaluate(t->ir, dim, t->extents);
}

static inline size_t leaf_entries(const T *t, const Leaf *leaf) {
    size_t n = 1;
    for (unsigned k = 0; k < leaf->rank; k++) {
        n *= (size_t)extent(t, leaf->shape[k]);
    }
    return n;
}

static inline Ref new_leaf(T *t, const char *name, LeafRole role, unsigned rank, const Dim *shape) {
    const Leaf leaf = {.name = intern_text(t->names, name),
                       .role = role,
                       .kind = KIND_REAL,
                       .rank = (uint8_t)rank,
                       .shape = shape,
                       .span = t->ir->at};
    const uint32_t k = ir_add_leaf(t->ir, leaf);
    t->counts[k] = leaf_entries(t, &leaf);
    t->reals[k] = arena_array(t->arena, double, t->counts[k] + 1);
    for (size_t i = 0; i < t->counts[k]; i++) {
        t->reals[k][i] = normal(t);
    }
    t->wrt[k] = role == LEAF_PARAM;
    return ir_leaf(t->ir, k);
}

static inline Ref new_int_leaf(T *t, const char *name, unsigned rank, const Dim *shape,
                               Dim classes) {
    const Leaf leaf = {.name = intern_text(t->names, name),
                       .role = LEAF_COLUMN,
                       .kind = KIND_INT,
                       .rank = (uint8_t)rank,
                       .shape = shape,
                       .class_dim = classes,
                       .span = t->ir->at};
    const uint32_t k = ir_add_leaf(t->ir, leaf);
    t->counts[k] = leaf_entries(t, &leaf);
    t->ints[k] = arena_array(t->arena, int64_t, t->counts[k] + 1);
    for (size_t i = 0; i < t->counts[k]; i++) {
        t->ints[k][i] = pick(t, (int)extent(t, classes));
    }
    return ir_leaf(t->ir, k);
}

#define DIMS(...)                                                                                  \
    (sizeof((Dim[]){__VA_ARGS__}) / sizeof(Dim)), (const Dim[]) {                                  \
        __VA_ARGS__                                                                                \
    }
#define REFS(...)                     (const Ref[]){__VA_ARGS__}, (sizeof((Ref[]){__VA_ARGS__}) / sizeof(Ref))
#define PARAM(t, name, ...)           new_leaf(t, name, LEAF_PARAM, DIMS(__VA_ARGS__))
#define COLUMN(t, name, ...)          new_leaf(t, name, LEAF_COLUMN, DIMS(__VA_ARGS__))
#define LABELS(t, name, classes, ...) new_int_leaf(t, name, DIMS(__VA_ARGS__), classes)
#define READ(t, a, ...)               ir_read((t)->ir, a, REFS(__VA_ARGS__))

static inline Ref scalar_param(T *t, const char *name) {
    return new_leaf(t, name, LEAF_PARAM, 0, NULL);
}

static inline Ref at(T *t, Index i) {
    return ir_idx(t->ir, i);
}

static inline Ref real(T *t, double x) {
    return ir_real(t->ir, x);
}

static inline Ref call(T *t, BuiltinId f, Ref a) {
    return ir_call1(t->ir, f, a);
}

static inline void set_output(T *t, Ref value) {
    ir_add_output(t->ir, (Output){.name = intern_text(t->names, "value"),
                                  .role = OUT_VALUE,
                                  .value = value,
                                  .span = t->ir->at});
}

/* ---- evaluation
 * ------------------------------------------------------------------------------------------ */

/* Leaves of an Ir that diff_forward made: the tangents are after those of the test. */
typedef struct {
    const double *reals[2 * MAX_LEAVES];
    const int64_t *ints[2 * MAX_LEAVES];
    EvalInput input;
} Inputs;

static inline void set_inputs(T *t, Inputs *in, double *const *direction, const Ir *ir) {
    memset(in, 0, sizeof *in);
    for (size_t k = 0; k < ir->leaf_count && k < 2 * MAX_LEAVES; k++) {
        const Leaf *leaf = &ir->leaves[k];
        if (leaf->role == LEAF_TANGENT) {
            in->reals[k] = direction ? direction[leaf->of] : NULL;
        } else {
            in->reals[k] = t->reals[k];
            in->ints[k] = t->ints[k];
        }
    }
    in->input = (EvalInput){t->extents, in->reals, in->ints, 0};
}

static inline double *evaluate(T *t, const Ir *ir, size_t output, double *const *direction,
                               size_t *count) {
    Inputs in;
    size_t ignored;
    set_inputs(t, &in, direction, ir);
    return ir_eval_output(ir, &in.input, output, count ? count : &ignored);
}

static inline double value_of(T *t, const Ir *ir) {
    return evaluate(t, ir, 0, NULL, NULL)[0];
}

/* ---- the comparison
 * --------------------------------------------------------------------------------------- */

static inline void fail(const char *name, const char *what, double found, double expected) {
    if (failures++ < 40) {
        printf("%s: %s: %.15g, expected %.15g\n", name, what, found, expected);
    }
}

static inline bool near(double a, double b, double scale, double tolerance) {
    return fabs(a - b) <= tolerance * (scale + 1e-3) || (isnan(a) && isnan(b)) || a == b;
}

static inline bool check_verify(const char *name, const char *pass, const Ir *ir) {
    const char *message = ir_verify(ir);
    if (message && failures++ < 40) {
        printf("%s: after %s: %s\n%s\n", name, pass, message, ir_text(ir));
    }
    return !message;
}

static inline double largest(const double *list, size_t count) {
    double most = 0;
    for (size_t k = 0; k < count; k++) {
        most = fmax(most, fabs(list[k]));
    }
    return most;
}

static inline size_t reached(const Ir *ir) {
    return ir_count(ir_compact(ir)) - 1;
}

/* The gradient by central differences. */
static inline double *differences(T *t, const Ir *ir, uint32_t leaf, double step) {
    double *g = arena_array(t->arena, double, t->counts[leaf] + 1);
    for (size_t k = 0; k < t->counts[leaf]; k++) {
        double *x = &t->reals[leaf][k];
        const double old = *x;
        *x = old + step;
        const double up = value_of(t, ir);
        *x = old - step;
        g[k] = (up - value_of(t, ir)) / (2 * step);
        *x = old;
    }
    return g;
}

static inline bool complex_step(T *t, const Ir *ir, double *const *direction, double *result) {
    Inputs in;
    const double *imaginary[2 * MAX_LEAVES] = {NULL};
    double *re, *im;
    size_t count;
    set_inputs(t, &in, NULL, ir);
    const double h = 1e-100;
    for (size_t k = 0; k < ir->leaf_count; k++) {
        if (t->wrt[k]) {
            double *d = arena_array(t->arena, double, t->counts[k] + 1);
            for (size_t i = 0; i < t->counts[k]; i++) {
                d[i] = h * direction[k][i];
            }
            imaginary[k] = d;
        }
    }
    if (!ir_eval_output_complex(ir, &in.input, imaginary, 0, &count, &re, &im)) {
        return false;
    }
    *result = im[0] / h;
    return true;
}

typedef struct {
    uint32_t list[MAX_LEAVES];
    size_t count;
} Wrt;

static inline Wrt wrt_of(const T *t) {
    Wrt wrt = {{0}, 0};
    for (uint32_t k = 0; k < t->ir->leaf_count; k++) {
        if (t->wrt[k]) {
            wrt.list[wrt.count++] = k;
        }
    }
    return wrt;
}

/* Output k of `found` against that of `expected`. */
static inline void compare_outputs(T *t, const char *name, const char *what, const Ir *found,
                                   const Ir *expected, double tolerance) {
    for (size_t k = 0; k < expected->output_count; k++) {
        size_t n, m;
        const double *a = evaluate(t, found, k, NULL, &n);
        const double *b = evaluate(t, expected, k, NULL, &m);
        if (n != m) {
            fail(name, "number of entries", (double)n, (double)m);
            continue;
        }
        const double scale = largest(b, m);
        for (size_t i = 0; i < n; i++) {
            if (!near(a[i], b[i], scale, tolerance)) {
                fail(name, what, a[i], b[i]);
                break;
            }
        }
    }
}

static inline OptOptions options_of(T *t, int level, bool strict) {
    return (OptOptions){.level = level, .strict = strict, .rules = t->rules, .verify = false};
}

/* Each pass must keep the values of all outputs. */
static inline void check_passes(T *t, const char *name, const Ir *gradient) {
    const struct {
        int level;
        bool strict;
        const char *what;
    } runs[] = {{0, false, "opt -O0"}, {2, false, "opt -O2"}, {2, true, "opt --strict"}};
    rules_prepare(t->rules, &t->front, gradient);
    for (size_t k = 0; k < sizeof runs / sizeof *runs; k++) {
        const OptOptions options = options_of(t, runs[k].level, runs[k].strict);
        const Ir *after = opt_after_diff(&options, gradient);
        if (check_verify(name, runs[k].what, after)) {
            compare_outputs(t, name, runs[k].what, after, gradient, 1e-11);
        }
    }
    const OptOptions options = options_of(t, 2, false);
    const Ir *display = opt_for_display(&options, gradient);
    if (check_verify(name, "display", display)) {
        compare_outputs(t, name, "display", display, gradient, 1e-11);
    }
}

/* Gradients against differences, and <gradient, direction> against forward mode and complex step.
 */
static inline void check_derivatives(T *t, const char *name, const Ir *ir, const Ir *gradient) {
    const Wrt wrt = wrt_of(t);
    double *direction[MAX_LEAVES] = {NULL};
    double product = 0, scale = 1e-3;
    for (size_t k = 0; k < wrt.count; k++) {
        const uint32_t leaf = wrt.list[k];
        size_t count;
        const double *g = evaluate(t, gradient, ir->output_count + k, NULL, &count);
        const double *d = differences(t, ir, leaf, t->step);
        double tolerance = t->tolerance;
        for (size_t i = 0; i < count; i++) {
            if (!near(g[i], d[i], largest(d, count), tolerance)) { /* a kink may be that near */
                d = differences(t, ir, leaf, t->step / 1000);
                tolerance *= 100;
                break;
            }
        }
        const double most = largest(d, count);
        direction[leaf] = arena_array(t->arena, double, count + 1);
        for (size_t i = 0; i < count; i++) {
            if (!near(g[i], d[i], most, tolerance)) {
                fail(name, ir->leaves[leaf].name, g[i], d[i]);
                break;
            }
        }
        for (size_t i = 0; i < count; i++) {
            direction[leaf][i] = normal(t);
            product += g[i] * direction[leaf][i];
            scale += fabs(g[i] * direction[leaf][i]);
        }
    }
    const Diff diff = {.rules = t->rules, .diags = t->diags};
    const Ir *forward = diff_forward(&diff, ir, 0, wrt.list, wrt.count);
    if (!forward || !check_verify(name, "forward", forward)) {
        failures++;
        printf("%s: no forward mode\n", name);
        return;
    }
    const double dot = evaluate(t, forward, ir->output_count, direction, NULL)[0];
    if (!near(dot, product, scale, 1e-10)) {
        fail(name, "forward mode", dot, product);
    }
    double imaginary;
    if (!t->no_complex && complex_step(t, ir, direction, &imaginary) &&
        !near(imaginary, product, scale, 1e-10)) {
        fail(name, "complex step", imaginary, product);
    }
}

static inline Ir *gradient_of(T *t, const char *name, const Ir *ir) {
    const Diff diff = {.rules = t->rules, .diags = t->diags};
    const Wrt wrt = wrt_of(t);
    rules_prepare(t->rules, &t->front, ir);
    Ir *gradient = diff_gradient(&diff, ir, 0, wrt.list, wrt.count, SINK_STORE);
    if (!gradient) {
        failures++;
        printf("%s: no gradient\n", name);
        diags_print(t->diags, COLOR_NEVER);
    }
    return gradient;
}

static inline void check(T *t, const char *name) {
    if (!check_verify(name, "building", t->ir)) {
        return;
    }
    for (int solving = 1; solving >= 0; solving--) {
        ir_set_deposit_solving(t->ir, solving);
        const Ir *ir = ir_compact(t->ir);
        const Ir *gradient = gradient_of(t, name, ir);
        if (!gradient ||
            !check_verify(name, solving ? "reverse" : "reverse with deposits", gradient)) {
            continue;
        }
        check_derivatives(t, name, ir, gradient);
        check_passes(t, name, gradient);
        const size_t before = reached(ir), after = reached(gradient);
        if (solving && !t->any_size && after > 3 * before + 12) {
            fail(name, "values of the gradient", (double)after, 3.0 * (double)before);
        }
        const OptOptions options = options_of(t, 2, false);
        const Ir *stable = opt_before_diff(&options, ir);
        if (check_verify(name, "stable", stable)) {
            compare_outputs(t, name, "stable", stable, ir, 1e-11);
        }
    }
}

#endif
