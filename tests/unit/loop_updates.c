/* Per-sample programs: stochastic gradient descent as a loop program against the same by the
 * interpreter, sample after sample, in order and shuffled. loop_updates -v prints the plans. */
#include "loop_build.h"

static Ref sum_of_products(T *t, Index i, Ref a, Ref b) {
    return ir_sum(t->ir, i, ir_mul(t->ir, a, b));
}

static Ref penalty(T *t, Ref w, Index j) {
    const Ref weight = new_leaf(t, "lambda", LEAF_CONST, 0, NULL);
    return ir_mul(t->ir, weight, ir_sum(t->ir, j, ir_square(t->ir, READ(t, w, at(t, j)))));
}

static Ref line(T *t, Index n) {
    const Ref w = scalar_param(t, "w"), x = COLUMN(t, "x", t->ir->sample_dim),
              y = COLUMN(t, "y", t->ir->sample_dim);
    const Ref prediction = ir_mul(t->ir, w, READ(t, x, at(t, n)));
    return ir_square(t->ir, ir_sub(t->ir, prediction, READ(t, y, at(t, n))));
}

static Ref ridge(T *t, Index n) {
    const Dim m = t->ir->sample_dim, D = new_dim(t, "D", 4);
    const Index j = ir_index(t->ir, D, 0);
    const Ref b = scalar_param(t, "b"), w = PARAM(t, "w", D);
    const Ref x = COLUMN(t, "x", m, D), y = COLUMN(t, "y", m);
    const Ref dot = sum_of_products(t, j, READ(t, w, at(t, j)), READ(t, x, at(t, n), at(t, j)));
    const Ref r = ir_sub(t->ir, ir_add(t->ir, b, dot), READ(t, y, at(t, n)));
    return ir_add(t->ir, ir_square(t->ir, r), penalty(t, w, j));
}

static Ref hinge(T *t, Index n) {
    const Dim m = t->ir->sample_dim, D = new_dim(t, "D", 3);
    const Index j = ir_index(t->ir, D, 0);
    const Ref w = PARAM(t, "w", D), x = COLUMN(t, "x", m, D);
    const Ref dot = sum_of_products(t, j, READ(t, w, at(t, j)), READ(t, x, at(t, n), at(t, j)));
    return ir_call2(t->ir, BI_maximum, ir_sub(t->ir, real(t, 1), dot), real(t, 0));
}

static Ref log_loss(T *t, Index k, Ref scores, Ref label) {
    const Ref all = ir_lse(t->ir, k, scores);
    return ir_sub(t->ir, all, READ(t, ir_array(t->ir, &k, 1, scores), label));
}

static Ref softmax(T *t, Index n) {
    const Dim m = t->ir->sample_dim, D = new_dim(t, "D", 3), K = new_dim(t, "K", 4);
    const Index j = ir_index(t->ir, D, 0), k = ir_index(t->ir, K, 0);
    const Ref W = PARAM(t, "W", K, D), b = PARAM(t, "b", K);
    const Ref x = COLUMN(t, "x", m, D), y = LABELS(t, "y", K, m);
    const Ref dot =
        sum_of_products(t, j, READ(t, W, at(t, k), at(t, j)), READ(t, x, at(t, n), at(t, j)));
    return log_loss(t, k, ir_add(t->ir, dot, READ(t, b, at(t, k))), READ(t, y, at(t, n)));
}

static Ref perceptron(T *t, Index n) {
    const Dim m = t->ir->sample_dim, D = new_dim(t, "D", 3), H = new_dim(t, "H", 5),
              K = new_dim(t, "K", 4);
    const Index j = ir_index(t->ir, D, 0), h = ir_index(t->ir, H, 0), k = ir_index(t->ir, K, 0);
    const Ref W = PARAM(t, "W", H, D), b = PARAM(t, "b", H), V = PARAM(t, "V", K, H);
    const Ref x = COLUMN(t, "x", m, D), y = LABELS(t, "y", K, m);
    const Ref dot =
        sum_of_products(t, j, READ(t, W, at(t, h), at(t, j)), READ(t, x, at(t, n), at(t, j)));
    const Ref hidden =
        ir_call2(t->ir, BI_maximum, ir_add(t->ir, dot, READ(t, b, at(t, h))), real(t, 0));
    const Ref scores = sum_of_products(t, h, READ(t, V, at(t, k), at(t, h)), hidden);
    return log_loss(t, k, scores, READ(t, y, at(t, n)));
}

static Ref factorisation(T *t, Index n) {
    const Dim m = t->ir->sample_dim, A = new_dim(t, "A", 4), B = new_dim(t, "B", 3),
              R = new_dim(t, "R", 2);
    const Index r = ir_index(t->ir, R, 0);
    const Ref U = PARAM(t, "U", A, R), V = PARAM(t, "V", B, R), bias = PARAM(t, "bias", A);
    const Ref users = LABELS(t, "u", A, m), items = LABELS(t, "i", B, m), y = COLUMN(t, "y", m);
    const Ref u = READ(t, users, at(t, n)), i = READ(t, items, at(t, n));
    const Ref dot = sum_of_products(t, r, READ(t, U, u, at(t, r)), READ(t, V, i, at(t, r)));
    const Ref p = ir_add(t->ir, READ(t, bias, u), dot);
    return ir_square(t->ir, ir_sub(t->ir, p, READ(t, y, at(t, n))));
}

/* Each weight is drawn to its neighbour: an update reads entries that others write. */
static Ref smooth(T *t, Index n) {
    const Dim m = t->ir->sample_dim, D = new_dim(t, "D", 5),
              E = dim_sub(t->ir, D, dim_const(t->ir, 1));
    const Index j = ir_index(t->ir, D, 0), e = ir_index(t->ir, E, 0);
    const Ref w = PARAM(t, "w", D), x = COLUMN(t, "x", m, D);
    const Ref next = READ(t, w, ir_add(t->ir, at(t, e), ir_int(t->ir, 1)));
    const Ref step = ir_square(t->ir, ir_sub(t->ir, next, READ(t, w, at(t, e))));
    const Ref dot = sum_of_products(t, j, READ(t, w, at(t, j)), READ(t, x, at(t, n), at(t, j)));
    return ir_add(t->ir, call(t, BI_sin, dot), ir_sum(t->ir, e, step));
}

/* A value of the params alone belongs into the loop over samples: they change there. */
static Ref scaled(T *t, Index n) {
    const Dim m = t->ir->sample_dim, D = new_dim(t, "D", 3);
    const Index j = ir_index(t->ir, D, 0);
    const Ref s = PARAM(t, "s", D), x = COLUMN(t, "x", m, D);
    const Ref scale = call(t, BI_exp, READ(t, s, at(t, j)));
    const Ref total = ir_sum(t->ir, j, scale);
    const Ref ratio = ir_div(t->ir, READ(t, x, at(t, n), at(t, j)), scale);
    return ir_add(t->ir, ir_sum(t->ir, j, ir_square(t->ir, ratio)), call(t, BI_log, total));
}

static const struct {
    const char *name;
    Ref (*build)(T *t, Index n);
} programs[] = {
    {"line", line},       {"ridge", ridge},           {"hinge", hinge},
    {"softmax", softmax}, {"perceptron", perceptron}, {"factorisation", factorisation},
    {"smooth", smooth},   {"scaled", scaled},
};

static void check_program(size_t k, bool verbose) {
    T t = new_test(k + 11);
    t.ir->sample_dim = new_dim(&t, "m", 6);
    t.ir->per_sample = true;
    t.ir->sample_index = ir_index(t.ir, t.ir->sample_dim, 0);
    set_output(&t, programs[k].build(&t, t.ir->sample_index));
    const Diff diff = {.rules = t.rules, .diags = t.diags};
    const Wrt wrt = wrt_of(&t);
    rules_prepare(t.rules, &t.front, t.ir);
    for (int level = 0; level <= 2; level += 2) {
        const OptOptions options = options_of(&t, level, false);
        const Ir *before = opt_before_diff(&options, t.ir);
        const Ir *update = diff_gradient(&diff, before, 0, wrt.list, wrt.count, SINK_UPDATE);
        rules_prepare(t.rules, &t.front, update);
        update = opt_after_diff(&options, update);
        check_updates(&t, programs[k].name, update);
        if (verbose && level == 2) {
            const LoopOptions plan = {.trainer = true, .diags = t.diags};
            printf("%s\n", loop_text(loop_plan(&plan, t.arena, update), t.arena));
        }
    }
    end_test(&t);
}

int main(int argc, char **argv) {
    for (size_t k = 0; k < sizeof programs / sizeof *programs; k++) {
        check_program(k, argc > 1 && strcmp(argv[1], "-v") == 0);
    }
    return failures != 0;
}
