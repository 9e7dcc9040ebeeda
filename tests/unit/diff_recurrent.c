/* Gradients of recurrences, and second derivatives: reverse over reverse, forward over reverse. */
#include "diff_build.h"

static Ref zeros(T *t, const Index *axes, unsigned count) {
    return ir_array(t->ir, axes, count, real(t, 0));
}

static IndexSet set_of(const Index *list, unsigned count) {
    IndexSet set = 0;
    for (unsigned k = 0; k < count; k++) {
        set |= INDEX_BIT(list[k]);
    }
    return set;
}

/* Two layers by a scan over layers inside the scan over time; states h, c of shape [L, H]. */
static void lstm(T *t) {
    Ir *ir = t->ir;
    const Dim m = new_dim(t, "m", 2), T_ = new_dim(t, "T", 4), L = new_dim(t, "L", 2),
              G = new_dim(t, "G", 4), H = new_dim(t, "H", 3);
    const Index n = ir_index(ir, m, 0), time = ir_index(ir, T_, 0), l = ir_index(ir, L, 0),
                h0 = ir_index(ir, H, 0), h1 = ir_index(ir, H, 1);
    const Ref W = PARAM(t, "W", L, G, H, H), R = PARAM(t, "R", L, G, H, H),
              B = PARAM(t, "B", L, G, H), V = PARAM(t, "V", H);
    const Ref x = COLUMN(t, "x", m, T_, H), y = COLUMN(t, "y", m, T_);
    const Index lh[] = {l, h0}, nt[] = {n, time}, ntl[] = {n, time, l};
    const uint32_t tag = ir_new_tag(ir), inner_tag = ir_new_tag(ir);
    const Ref init = zeros(t, lh, 2);
    const Ref h = ir_state(ir, tag, 0, time, set_of(nt, 2), init);
    const Ref c = ir_state(ir, tag, 1, time, set_of(nt, 2), init);
    const Ref first = ir_array(ir, &h0, 1, READ(t, x, at(t, n), at(t, time), at(t, h0)));
    const Ref s = ir_state(ir, inner_tag, 0, l, set_of(ntl, 3), first);
    Ref gates[4];
    for (int g = 0; g < 4; g++) {
        const Ref gi = ir_int(ir, g);
        const Ref ws =
            ir_mul(ir, READ(t, W, at(t, l), gi, at(t, h0), at(t, h1)), READ(t, s, at(t, h1)));
        const Ref rh = ir_mul(ir, READ(t, R, at(t, l), gi, at(t, h0), at(t, h1)),
                              READ(t, h, at(t, l), at(t, h1)));
        Ref z = ir_add(ir, ir_sum(ir, h1, ws), ir_sum(ir, h1, rh));
        z = ir_add(ir, z, READ(t, B, at(t, l), gi, at(t, h0)));
        gates[g] = call(t, g == 3 ? BI_tanh : BI_logistic, z);
    }
    const Ref kept = ir_mul(ir, gates[0], READ(t, c, at(t, l), at(t, h0)));
    const Ref cell = ir_add(ir, kept, ir_mul(ir, gates[1], gates[3]));
    const Ref hidden = ir_mul(ir, gates[2], call(t, BI_tanh, cell));
    const Ref signal = ir_array(ir, &h0, 1, hidden);
    const Ref inner = ir_scan(ir, inner_tag, l, 1, &first, &signal, 1);
    const Ref out = ir_pick(ir, inner, 0);
    const Ref inits[] = {init, init};
    const Ref steps[] = {ir_array(ir, lh, 2, hidden), ir_array(ir, lh, 2, cell)};
    const Ref outer = ir_scan(ir, tag, time, 1, inits, steps, 2);
    const Ref top = READ(t, out, ir_size(ir, L), at(t, h0));
    const Ref p = ir_sum(ir, h0, ir_mul(ir, READ(t, V, at(t, h0)), top));
    const Ref error = ir_square(ir, ir_sub(ir, p, READ(t, y, at(t, n), at(t, time))));
    const Ref loss = ir_sum(ir, n, ir_sum(ir, time, error));
    const Ref last = READ(t, ir_pick(ir, outer, 0), ir_size(ir, T_), ir_int(ir, 0), at(t, h0));
    const Ref rest = ir_sum(ir, n, ir_sum(ir, h0, call(t, BI_sin, last)));
    set_output(t, ir_add(ir, loss, rest));
}

/* The forward algorithm in log space. */
static void markov(T *t) {
    Ir *ir = t->ir;
    const Dim S = new_dim(t, "S", 3), O = new_dim(t, "O", 4), T_ = new_dim(t, "T", 6);
    const Index i = ir_index(ir, S, 0), j = ir_index(ir, S, 1), time = ir_index(ir, T_, 0);
    const Ref A = PARAM(t, "A", S, S), B = PARAM(t, "B", S, O), p = PARAM(t, "p", S);
    const Ref seen = LABELS(t, "o", O, T_);
    const uint32_t tag = ir_new_tag(ir);
    const Index ij[] = {i, j};
    const Ref row = READ(t, A, at(t, i), at(t, j));
    const Ref logs = ir_array(ir, ij, 2, ir_sub(ir, row, ir_lse(ir, j, row)));
    const Ref alpha = ir_state(ir, tag, 0, time, INDEX_BIT(time), p);
    const Ref moved = ir_add(ir, READ(t, alpha, at(t, j)), READ(t, logs, at(t, j), at(t, i)));
    const Ref emitted = READ(t, B, at(t, i), READ(t, seen, at(t, time)));
    const Ref step = ir_array(ir, &i, 1, ir_add(ir, ir_lse(ir, j, moved), emitted));
    const Ref scan = ir_scan(ir, tag, time, 1, &p, &step, 1);
    const Ref last = READ(t, ir_pick(ir, scan, 0), ir_size(ir, T_), at(t, i));
    set_output(t, ir_lse(ir, i, last));
}

/* A product that has a factor 0. */
static void product(T *t) {
    Ir *ir = t->ir;
    const Dim T_ = new_dim(t, "T", 4);
    const Index time = ir_index(ir, T_, 0);
    const Ref a = PARAM(t, "a", T_), one = real(t, 1);
    t->reals[0][1] = 0;
    const uint32_t tag = ir_new_tag(ir);
    const Ref s = ir_state(ir, tag, 0, time, INDEX_BIT(time), one);
    const Ref step = ir_mul(ir, s, READ(t, a, at(t, time)));
    const Ref scan = ir_scan(ir, tag, time, 1, &one, &step, 1);
    set_output(t, READ(t, ir_pick(ir, scan, 0), ir_size(ir, T_)));
}

/* Runge-Kutta steps of two equations, all steps observed. */
static Ref th(T *t, Ref params, int k) {
    return READ(t, params, ir_int(t->ir, k));
}

static void slope(T *t, Ref params, Ref u, Ref v, Ref out[2]) {
    Ir *ir = t->ir;
    const Ref uv = ir_mul(ir, u, v);
    out[0] = ir_sub(ir, ir_mul(ir, th(t, params, 0), u), ir_mul(ir, th(t, params, 1), uv));
    out[1] = ir_sub(ir, ir_mul(ir, th(t, params, 2), uv), ir_mul(ir, th(t, params, 3), v));
}

static Ref moved(T *t, Ref u, double h, Ref k) {
    return ir_add(t->ir, u, ir_mul(t->ir, real(t, h), k));
}

static void runge_kutta(T *t) {
    Ir *ir = t->ir;
    const Dim P = new_dim(t, "P", 4), T_ = new_dim(t, "T", 10), Q = new_dim(t, "Q", 2);
    const Dim E = dim_add(ir, T_, dim_const(ir, 1));
    const Index time = ir_index(ir, T_, 0), e = ir_index(ir, E, 0);
    const Ref params = PARAM(t, "th", P), seen = COLUMN(t, "y", E, Q);
    const double start[] = {1.1, 0.4, 0.1, 0.4};
    memcpy(t->reals[0], start, sizeof start);
    const uint32_t tag = ir_new_tag(ir);
    const Ref inits[] = {real(t, 1), real(t, 0.5)};
    const Ref u = ir_state(ir, tag, 0, time, INDEX_BIT(time), inits[0]);
    const Ref v = ir_state(ir, tag, 1, time, INDEX_BIT(time), inits[1]);
    Ref k[4][2];
    slope(t, params, u, v, k[0]);
    slope(t, params, moved(t, u, 0.05, k[0][0]), moved(t, v, 0.05, k[0][1]), k[1]);
    slope(t, params, moved(t, u, 0.05, k[1][0]), moved(t, v, 0.05, k[1][1]), k[2]);
    slope(t, params, moved(t, u, 0.1, k[2][0]), moved(t, v, 0.1, k[2][1]), k[3]);
    Ref steps[2];
    for (int c = 0; c < 2; c++) {
        const Ref middle = ir_mul(ir, real(t, 2), ir_add(ir, k[1][c], k[2][c]));
        const Ref sum = ir_add(ir, ir_add(ir, k[0][c], k[3][c]), middle);
        steps[c] = moved(t, c ? v : u, 0.1 / 6, sum);
    }
    const Ref scan = ir_scan(ir, tag, time, 1, inits, steps, 2);
    Ref sum = REF_NONE;
    for (int c = 0; c < 2; c++) {
        const Ref state = READ(t, ir_pick(ir, scan, (uint32_t)c), at(t, e));
        const Ref error = ir_sub(ir, state, READ(t, seen, at(t, e), ir_int(ir, c)));
        const Ref term = ir_square(ir, error);
        sum = sum == REF_NONE ? term : ir_add(ir, sum, term);
    }
    set_output(t, ir_sum(ir, e, sum));
}

/* Two carried names of which only one depends on the sample, a step that does not depend on the old
 * state, and a backward recurrence. */
static void uneven(T *t) {
    Ir *ir = t->ir;
    const Dim m = new_dim(t, "m", 3), T_ = new_dim(t, "T", 4), H = new_dim(t, "H", 2);
    const Index n = ir_index(ir, m, 0), time = ir_index(ir, T_, 0), h = ir_index(ir, H, 0);
    const Ref a = PARAM(t, "a", H), b = scalar_param(t, "b"), x = COLUMN(t, "x", m, T_);
    const uint32_t tag = ir_new_tag(ir);
    const Ref start = ir_array(ir, &h, 1, call(t, BI_sin, READ(t, a, at(t, h))));
    const Ref inits[] = {start, b};
    const Ref s = ir_state(ir, tag, 0, time, INDEX_BIT(time) | INDEX_BIT(n), inits[0]);
    const Ref w = ir_state(ir, tag, 1, time, INDEX_BIT(time), inits[1]);
    const Ref pull = ir_mul(ir, w, READ(t, x, at(t, n), at(t, time)));
    const Ref next = call(t, BI_tanh, ir_add(ir, READ(t, s, at(t, h)), pull));
    const Ref grown = ir_add(ir, ir_mul(ir, w, real(t, 0.9)), READ(t, a, ir_int(ir, 0)));
    const Ref steps[] = {ir_array(ir, &h, 1, next), grown};
    const Ref scan = ir_scan(ir, tag, time, -1, inits, steps, 2);
    const Ref first = READ(t, ir_pick(ir, scan, 0), ir_int(ir, 0), at(t, h));
    const Ref weight = READ(t, ir_pick(ir, scan, 1), ir_int(ir, 1));
    const Ref square = ir_sum(ir, h, ir_square(ir, first));
    set_output(t, ir_sum(ir, n, ir_add(ir, square, call(t, BI_exp, weight))));
}

/* A state whose step is taken by an outer index of the same dim as its axis. */
static void shadowed(T *t) {
    Ir *ir = t->ir;
    const Dim T_ = new_dim(t, "T", 3), H = new_dim(t, "H", 2);
    const Index time = ir_index(ir, T_, 0), h0 = ir_index(ir, H, 0), h1 = ir_index(ir, H, 1);
    const Ref a = PARAM(t, "a", H), W = PARAM(t, "W", H, H);
    const uint32_t tag = ir_new_tag(ir);
    const Ref start = ir_array(ir, &h1, 1, READ(t, a, at(t, h1)));
    const Ref s = ir_state(ir, tag, 0, time, INDEX_BIT(time) | INDEX_BIT(h0), start);
    const Ref z = ir_mul(ir, READ(t, s, at(t, h1)), READ(t, W, at(t, h0), at(t, h1)));
    const Ref step = ir_array(ir, &h1, 1, call(t, BI_sin, z));
    const Ref scan = ir_scan(ir, tag, time, 1, &start, &step, 1);
    const Ref last = READ(t, ir_pick(ir, scan, 0), ir_size(ir, T_), ir_int(ir, 1));
    set_output(t, ir_sum(ir, h0, call(t, BI_exp, last)));
}

/* ---- second derivatives
 * ------------------------------------------------------------------------------- */

static void curve(T *t) {
    Ir *ir = t->ir;
    const Dim D = new_dim(t, "D", 3), m = new_dim(t, "m", 4);
    const Index i = ir_index(ir, D, 0), n = ir_index(ir, m, 0);
    const Ref a = PARAM(t, "a", D), b = scalar_param(t, "b"), x = COLUMN(t, "x", m, D);
    const Ref product = ir_mul(ir, READ(t, a, at(t, i)), READ(t, x, at(t, n), at(t, i)));
    const Ref z = ir_add(ir, ir_sum(ir, i, product), b);
    const Ref soft = ir_lse(ir, i, ir_mul(ir, READ(t, a, at(t, i)), z));
    set_output(t, ir_sum(ir, n, ir_mul(ir, call(t, BI_tanh, z), soft)));
}

static double *gradients(T *t, const Ir *gradient, size_t leaves, size_t *count) {
    double *all = arena_array(t->arena, double, 4096);
    *count = 0;
    for (size_t k = 0; k < leaves; k++) {
        size_t n;
        const double *g = evaluate(t, gradient, 1 + k, NULL, &n);
        memcpy(all + *count, g, n * sizeof *g);
        *count += n;
    }
    return all;
}

static void shift(T *t, const Wrt *wrt, double *const *direction, double h) {
    for (size_t k = 0; k < wrt->count; k++) {
        const uint32_t leaf = wrt->list[k];
        for (size_t i = 0; i < t->counts[leaf]; i++) {
            t->reals[leaf][i] += h * direction[leaf][i];
        }
    }
}

static void compare_second(const char *name, const char *what, const double *found,
                           const double *expected, size_t count) {
    const double scale = largest(expected, count);
    for (size_t k = 0; k < count; k++) {
        if (!near(found[k], expected[k], scale, 2e-6)) {
            fail(name, what, found[k], expected[k]);
            return;
        }
    }
}

static void forward_over_reverse(T *t, const char *name, const Ir *gradient, const Wrt *wrt,
                                 double *const *direction, const double *expected) {
    const Diff diff = {.rules = t->rules, .diags = t->diags};
    for (size_t k = 0; k < wrt->count; k++) {
        const Ir *second = diff_forward(&diff, gradient, 1 + k, wrt->list, wrt->count);
        size_t count = t->counts[wrt->list[k]];
        if (second && check_verify(name, "forward over reverse", second)) {
            const double *hv = evaluate(t, second, second->output_count - 1, direction, &count);
            compare_second(name, "forward over reverse", hv, expected, count);
        }
        expected += count;
    }
}

static void reverse_over_reverse(T *t, const char *name, const Ir *gradient, const Wrt *wrt,
                                 double *const *direction, const double *expected) {
    Ir *ir = ir_compact(gradient);
    Ref sum = REF_NONE;
    for (size_t k = 0; k < wrt->count; k++) {
        const Output *output = &ir->outputs[1 + k];
        Leaf leaf = ir->leaves[wrt->list[k]];
        leaf.role = LEAF_ARGUMENT;
        const uint32_t number = ir_add_leaf(ir, leaf);
        t->reals[number] = direction[wrt->list[k]];
        t->counts[number] = t->counts[wrt->list[k]];
        Ref places[RANK_LIMIT];
        for (unsigned a = 0; a < output->rank; a++) {
            places[a] = ir_idx(ir, output->axes[a]);
        }
        const Ref along = ir_read(ir, ir_leaf(ir, number), places, output->rank);
        Ref term = ir_mul(ir, output->value, along);
        for (unsigned a = 0; a < output->rank; a++) {
            term = ir_sum(ir, output->axes[a], term);
        }
        sum = sum == REF_NONE ? term : ir_add(ir, sum, term);
    }
    const size_t place = ir->output_count;
    ir_add_output(ir, (Output){.name = intern_text(t->names, "along"),
                               .role = OUT_VALUE,
                               .value = sum,
                               .span = ir->at});
    const Diff diff = {.rules = t->rules, .diags = t->diags};
    rules_prepare(t->rules, &t->front, ir);
    const Ir *second = diff_gradient(&diff, ir, place, wrt->list, wrt->count, SINK_STORE);
    if (!second || !check_verify(name, "reverse over reverse", second)) {
        failures++;
        return;
    }
    for (size_t k = 0; k < wrt->count; k++) {
        size_t count;
        const double *hv = evaluate(t, second, place + 1 + k, NULL, &count);
        compare_second(name, "reverse over reverse", hv, expected, count);
        expected += count;
    }
    check_passes(t, name, second);
}

static void check_second(T *t, const char *name) {
    const Ir *gradient = gradient_of(t, name, ir_compact(t->ir));
    const Wrt wrt = wrt_of(t);
    double *direction[MAX_LEAVES] = {NULL};
    if (!gradient) {
        return;
    }
    for (size_t k = 0; k < wrt.count; k++) {
        const uint32_t leaf = wrt.list[k];
        direction[leaf] = arena_array(t->arena, double, t->counts[leaf] + 1);
        for (size_t i = 0; i < t->counts[leaf]; i++) {
            direction[leaf][i] = normal(t);
        }
    }
    size_t count;
    shift(t, &wrt, direction, 1e-5);
    const double *up = gradients(t, gradient, wrt.count, &count);
    shift(t, &wrt, direction, -2e-5);
    const double *down = gradients(t, gradient, wrt.count, &count);
    shift(t, &wrt, direction, 1e-5);
    double *expected = arena_array(t->arena, double, count + 1);
    for (size_t k = 0; k < count; k++) {
        expected[k] = (up[k] - down[k]) / 2e-5;
    }
    rules_prepare(t->rules, &t->front, gradient);
    forward_over_reverse(t, name, gradient, &wrt, direction, expected);
    reverse_over_reverse(t, name, gradient, &wrt, direction, expected);
}

static const struct {
    const char *name;
    void (*build)(T *t);
    bool second;
} programs[] = {
    {"curve", curve, true},
    {"product with a zero", product, true},
    {"hidden Markov model", markov, true},
    {"Runge-Kutta", runge_kutta, true},
    {"uneven states, backwards", uneven, true},
    {"shadowed axis of a state", shadowed, true},
    {"LSTM, nested scans", lstm, true},
};

int main(void) {
    for (size_t k = 0; k < sizeof programs / sizeof *programs; k++) {
        T t = new_test(k + 100);
        programs[k].build(&t);
        check(&t, programs[k].name);
        if (programs[k].second) {
            check_second(&t, programs[k].name);
        }
        end_test(&t);
    }
    return failures != 0;
}
