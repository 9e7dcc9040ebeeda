/* Random programs: sums of products of reads at random positions, under the guards that keep them
 * inside, with computed arrays, gathers, selects, maxima, log-sum-exps and recurrences. diff_fuzz
 * [first last]: seeds first … last-1. */
#include "diff_build.h"

enum { SEEDS = 600, MAX_INDICES = 3 };

typedef struct {
    T *t;
    Dim D, E;
    Index indices[MAX_INDICES];
    int count;
    Ref gather;
    Ref guard;
    Ref arrays[8];
    int array_count;
} Fuzz;

static void keep_inside(Fuzz *f, Ref p, Dim dim) {
    Ir *ir = f->t->ir;
    const Ref low = ir_compare(ir, BI_le, ir_int(ir, 0), p);
    const Ref high = ir_compare(ir, BI_lt, p, ir_size(ir, dim));
    f->guard = ir_and(ir, f->guard, ir_and(ir, low, high));
}

static Ref position(Fuzz *f, Dim dim) {
    T *t = f->t;
    Ir *ir = t->ir;
    const Index i = f->indices[pick(t, f->count)], j = f->indices[pick(t, f->count)];
    Ref p = at(t, i);
    switch (pick(t, 11)) {
    case 0:
    case 1:
        break;
    case 2:
        p = ir_add(ir, p, at(t, j));
        break;
    case 3:
        p = ir_sub(ir, p, at(t, j));
        break;
    case 4:
        p = ir_add(ir, p, ir_int(ir, pick(t, 4) - 1));
        break;
    case 5:
        p = ir_add(ir, ir_mul(ir, ir_int(ir, 2 + pick(t, 2)), p), at(t, j));
        break;
    case 6:
        p = ir_int(ir, pick(t, 3));
        break;
    case 7:
        p = ir_sub(ir, ir_sub(ir, ir_size(ir, dim), ir_int(ir, 1)), p);
        break;
    case 8:
        p = ir_floordiv(ir, p, ir_int(ir, 2));
        break;
    case 9:
        p = ir_mod(ir, ir_add(ir, p, at(t, j)), ir_size(ir, dim));
        break;
    default:
        if (ir_index_dim(ir, i) == f->D) {
            p = READ(t, f->gather, p);
        }
        break;
    }
    keep_inside(f, p, dim);
    return p;
}

static Ref read_somewhere(Fuzz *f) {
    const Ref array = f->arrays[pick(f->t, f->array_count)];
    const Node *node = ir_node(f->t->ir, array);
    Ref places[RANK_LIMIT];
    for (unsigned k = 0; k < node->rank; k++) {
        places[k] = position(f, node->shape[k]);
    }
    return ir_read(f->t->ir, array, places, node->rank);
}

static void computed_array(Fuzz *f) {
    T *t = f->t;
    Ir *ir = t->ir;
    const Ref source = f->arrays[0];
    Index names[RANK_LIMIT];
    Ref places[RANK_LIMIT];
    const unsigned rank = ir_axis_names(ir, source, names);
    for (unsigned k = 0; k < rank; k++) {
        places[k] = at(t, names[k]);
    }
    Ref body = call(t, BI_sin, ir_read(ir, source, places, rank));
    if (pick(t, 3) == 0) { /* an outer index stays free: one array for each of its values */
        body = ir_mul(ir, body, ir_convert(ir, at(t, f->indices[0])));
    }
    if (rank == 2 && pick(t, 3) == 0) {
        body = ir_sub(ir, body, ir_lse(ir, names[1], body));
    }
    f->arrays[f->array_count++] = ir_array(ir, names, rank, body);
}

static void sums_of_rows(Fuzz *f) {
    T *t = f->t;
    Ir *ir = t->ir;
    Index names[RANK_LIMIT];
    if (ir_rank(ir, f->arrays[1]) != 2) {
        return;
    }
    ir_axis_names(ir, f->arrays[1], names);
    const Ref entry = READ(t, f->arrays[1], at(t, names[0]), at(t, names[1]));
    const Ref row =
        pick(t, 2) ? ir_sum(ir, names[1], ir_square(ir, entry)) : ir_max(ir, names[1], entry);
    f->arrays[f->array_count++] = ir_array(ir, names, 1, call(t, BI_tanh, row));
}

/* s[k] ← sin(s[k] + w · array[t]), all steps kept. */
static void recurrence(Fuzz *f) {
    T *t = f->t;
    Ir *ir = t->ir;
    const Index time = ir_index(ir, f->D, 2), k = ir_index(ir, f->E, 2);
    const uint32_t tag = ir_new_tag(ir);
    const bool wide = pick(t, 2);
    const Ref first = f->arrays[0];
    Ref zeros[RANK_LIMIT];
    for (unsigned a = 0; a < ir_rank(ir, first); a++) {
        zeros[a] = ir_int(ir, 0);
    }
    const Ref w = ir_read(ir, first, zeros, ir_rank(ir, first));
    const Ref start = wide ? ir_array(ir, &k, 1, ir_mul(ir, w, ir_convert(ir, at(t, k)))) : w;
    const int direction = pick(t, 2) ? 1 : -1;
    const Ref s = ir_state(ir, tag, 0, time, INDEX_BIT(time), start);
    const Ref now = wide ? READ(t, s, at(t, k)) : s;
    const Ref pull = ir_mul(ir, w,
                            READ(t, f->gather, at(t, time)) != REF_NONE
                                ? ir_convert(ir, READ(t, f->gather, at(t, time)))
                                : w);
    const Ref next = call(t, BI_sin, ir_add(ir, now, pull));
    const Ref step = wide ? ir_array(ir, &k, 1, next) : next;
    const Ref scan = ir_scan(ir, tag, time, direction, &start, &step, 1);
    f->arrays[f->array_count++] = ir_pick(ir, scan, 0);
}

static Ref terms(Fuzz *f) {
    T *t = f->t;
    Ir *ir = t->ir;
    const int count = 2 + pick(t, 2);
    Ref sum = REF_NONE;
    for (int k = 0; k < count; k++) {
        const Ref inside = ir_add(ir, read_somewhere(f), real(t, 0.3 * k));
        const Ref wave = call(t, BI_sin, inside);
        if (sum == REF_NONE) {
            sum = wave;
            continue;
        }
        switch (pick(t, 6)) {
        case 0:
        case 1:
        case 2:
            sum = ir_mul(ir, sum, wave);
            break;
        case 3:
            sum = ir_add(ir, sum, ir_mul(ir, real(t, 0.5), wave));
            break;
        case 4:
            sum = ir_select(ir, ir_compare(ir, BI_lt, sum, wave), ir_square(ir, wave), sum);
            break;
        default:
            sum = ir_div(ir, sum, ir_add(ir, real(t, 1.5), ir_square(ir, wave)));
            break;
        }
    }
    return sum;
}

static bool build(T *t) {
    Ir *ir = t->ir;
    Fuzz f = {.t = t, .guard = REF_NONE};
    f.D = new_dim(t, "D", 4);
    f.E = new_dim(t, "E", 3);
    Index all[] = {ir_index(ir, f.D, 0), ir_index(ir, f.D, 1), ir_index(ir, f.E, 0),
                   ir_index(ir, f.E, 1)};
    for (int k = 3; k > 0; k--) {
        const int other = pick(t, k + 1);
        const Index swap = all[k];
        all[k] = all[other];
        all[other] = swap;
    }
    f.count = 1 + pick(t, MAX_INDICES);
    memcpy(f.indices, all, sizeof f.indices);
    for (int k = 0; k < 2; k++) {
        const Dim shape[] = {pick(t, 2) ? f.D : f.E, pick(t, 2) ? f.D : f.E};
        f.arrays[f.array_count++] =
            new_leaf(t, k ? "b" : "a", LEAF_PARAM, 1 + (unsigned)pick(t, 2), shape);
    }
    f.gather = LABELS(t, "ix", f.E, f.D);
    if (pick(t, 10) < 6) {
        computed_array(&f);
    }
    if (pick(t, 10) < 3) {
        sums_of_rows(&f);
    }
    if (pick(t, 10) < 2) {
        recurrence(&f);
    }
    Ref value = terms(&f);
    const Ref phase = ir_convert(ir, ir_add(ir, at(t, f.indices[0]), ir_int(ir, 1)));
    value = ir_guard(ir, f.guard, ir_mul(ir, value, call(t, BI_cos, phase)));
    for (int k = 0; k < f.count; k++) {
        const int kind = pick(t, 10);
        value = kind < 7   ? ir_sum(ir, f.indices[k], value)
                : kind < 9 ? ir_lse(ir, f.indices[k], value)
                           : ir_max(ir, f.indices[k], value);
    }
    set_output(t, value);
    t->any_size = true;
    t->tolerance = 2e-5;
    return ir_free(ir, value) == 0 && !ir_overflowed(ir);
}

int main(int argc, char **argv) {
    const int first = argc > 2 ? atoi(argv[1]) : 0;
    const int last = argc > 2 ? atoi(argv[2]) : SEEDS;
    int programs = 0;
    for (int seed = first; seed < last; seed++) {
        T t = new_test((uint64_t)seed);
        if (build(&t)) {
            const char *name = arena_format(t.arena, "seed %d", seed);
            const int before = failures;
            check(&t, name);
            programs++;
            if (argc > 2 && last == first + 1 && failures > before) {
                printf("%s\n", ir_text(t.ir));
            }
        }
        end_test(&t);
    }
    if (argc > 2 || failures) {
        printf("%d programs, %d failures\n", programs, failures);
    }
    return failures != 0;
}
