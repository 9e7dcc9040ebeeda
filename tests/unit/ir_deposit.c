/* Deposits with random positions: solved and unsolved ones have the same entries, by the
 * interpreter. Also reads at the same random positions, and the verifier and the text form on every
 * case. */
#include "ir_test.h"

enum { CASES = 4000, INDICES = 5 };

typedef struct {
    Fixture f;
    uint64_t state;
    Dim dims[3];
    int64_t values[3];
    Index pool[8];
    Ref codes, x, z; /* int[D], real[D, E], real[E] */
    Index targets[3];
    unsigned target_count;
    IndexSet bound;
} Case;

static Ref pick_index(Case *c) {
    IndexSet set = c->bound;
    int skip = random_below(&c->state, __builtin_popcountll(set));
    while (skip-- > 0) {
        set &= set - 1;
    }
    return ir_idx(c->f.ir, (Index)__builtin_ctzll(set));
}

static Ref scaled_index(Case *c, int64_t factor) {
    Ref factor_ref = ir_int(c->f.ir, factor), i = pick_index(c);
    return ir_mul(c->f.ir, factor_ref, i);
}

static Ref random_position(Case *c, Dim target) {
    Ir *ir = c->f.ir;
    Ref i = pick_index(c), j = pick_index(c);
    Ref shift = ir_int(ir, random_below(&c->state, 4) - 1);
    switch (random_below(&c->state, 13)) {
    case 0:
    case 1:
        return i;
    case 2:
        return ir_add(ir, i, j);
    case 3:
        return ir_sub(ir, i, j);
    case 4:
        return ir_add(ir, i, shift);
    case 5:
        return ir_add(ir, scaled_index(c, 2 + random_below(&c->state, 2)), j);
    case 6:
        return ir_int(ir, random_below(&c->state, 3));
    case 7: {
        Ref size = ir_size(ir, target), one = ir_int(ir, 1);
        size = ir_sub(ir, size, one);
        return ir_sub(ir, size, i);
    }
    case 8:
        return read1(&c->f, c->codes, i);
    case 9: {
        Ref two = ir_int(ir, 2);
        return random_below(&c->state, 2) ? ir_floordiv(ir, i, two) : ir_mod(ir, i, two);
    }
    case 10: { /* symbolic stride */
        Ref size = ir_size(ir, c->dims[1]);
        size = ir_mul(ir, size, i);
        return ir_add(ir, size, j);
    }
    case 11: { /* three digits */
        Ref sum = ir_add(ir, scaled_index(c, 6), scaled_index(c, 2));
        return ir_add(ir, sum, j);
    }
    default: {
        Ref sum = ir_add(ir, i, scaled_index(c, -1));
        sum = ir_add(ir, sum, scaled_index(c, 2));
        return ir_add(ir, sum, shift);
    }
    }
}

static Ref random_value(Case *c) {
    Ir *ir = c->f.ir;
    Ref a = random_position(c, c->dims[0]), b = random_position(c, c->dims[1]);
    Ref value = read2(&c->f, c->x, a, b);
    value = ir_call1(ir, BI_sin, value);
    Ref factor = ir_convert(ir, random_position(c, c->dims[0]));
    factor = ir_call1(ir, BI_cos, factor);
    if (random_below(&c->state, 2)) {
        value = ir_mul(ir, value, factor);
    }
    if (random_below(&c->state, 2)) {
        Ref i = pick_index(c), j = pick_index(c);
        Ref condition = ir_compare(ir, random_below(&c->state, 2) ? BI_lt : BI_le, i, j);
        value = random_below(&c->state, 2) ? ir_guard(ir, condition, value)
                                           : ir_select(ir, condition, value, factor);
    }
    if (random_below(&c->state, 3) == 0) {
        Ref k = pick_index(c);
        Index index = ir_node(ir, k)->as.index;
        Ref inner = ir_mul(ir, value, ir_convert(ir, k));
        Ref sum = random_below(&c->state, 2) ? ir_sum(ir, index, inner) : ir_max(ir, index, inner);
        value = ir_add(ir, sum, factor);
    }
    if (random_below(&c->state, 3) == 0) { /* an array of it, read elsewhere */
        Ref k = pick_index(c);
        Index index = ir_node(ir, k)->as.index;
        Ref array = ir_array(ir, &index, 1, value);
        value = read1(&c->f, array, random_position(c, ir_index_dim(ir, index)));
    }
    return value;
}

static void choose_names(Case *c) {
    Ir *ir = c->f.ir;
    unsigned pool = 0;
    for (int d = 0; d < 3; d++) {
        for (unsigned ordinal = 0; ordinal < 2; ordinal++) {
            c->pool[pool++] = ir_index(ir, c->dims[d], ordinal);
        }
    }
    unsigned wanted = 1 + (unsigned)random_below(&c->state, 3);
    while ((unsigned)__builtin_popcountll(c->bound) < wanted) {
        c->bound |= INDEX_BIT(c->pool[random_below(&c->state, 6)]);
    }
    unsigned targets = 1 + (unsigned)random_below(&c->state, 2);
    IndexSet used = 0;
    while (c->target_count < targets) {
        Index i = c->pool[random_below(&c->state, 6)];
        if (!(used & INDEX_BIT(i))) {
            used |= INDEX_BIT(i);
            c->targets[c->target_count++] = i;
        }
    }
}

static double *evaluate(Case *c, Ref value, unsigned rank, const Index *axes, size_t *count) {
    double x[64], z[64];
    int64_t codes[64];
    uint64_t state = 7;
    for (int k = 0; k < 64; k++) {
        x[k] = random_real(&state) * 3;
        z[k] = random_real(&state);
        codes[k] = random_below(&state, 4);
    }
    const double *reals[3] = {NULL, x, z};
    const int64_t *ints[3] = {codes, NULL, NULL};
    EvalInput input = {c->values, reals, ints};
    size_t output = add_output(&c->f, value, rank, axes);
    Ref before = ir_count(c->f.ir);
    const char *problem = ir_verify(c->f.ir);
    CHECK(ir_count(c->f.ir) == before);
    if (problem != NULL) {
        printf("verify: %s\n%s", problem, ir_text(c->f.ir));
        failures++;
        exit(1);
    }
    return ir_eval_output(c->f.ir, &input, output, count);
}

static void setup(Case *c, uint64_t seed) {
    c->f = fixture_create();
    c->state = seed;
    random_bits(&c->state);
    Ir *ir = c->f.ir;
    c->dims[0] = symbol(&c->f, "D");
    c->dims[1] = symbol(&c->f, "E");
    c->values[0] = 1 + random_below(&c->state, 6);
    c->values[1] = 1 + random_below(&c->state, 4);
    int fixed = 1 + random_below(&c->state, 3);
    c->dims[2] = random_below(&c->state, 2) ? dim_const(ir, fixed) : symbol(&c->f, "T");
    c->values[2] = fixed;
    if (random_below(&c->state, 2)) {
        dim_bind(ir, c->dims[1], c->values[1]);
    }
    c->codes = leaf(&c->f, "codes", KIND_INT, c->dims[0], DIM_NONE, DIM_NONE);
    c->x = leaf(&c->f, "x", KIND_REAL, c->dims[0], c->dims[1], DIM_NONE);
    c->z = leaf(&c->f, "z", KIND_REAL, c->dims[1], DIM_NONE, DIM_NONE);
    choose_names(c);
}

/* Half of the cases keep some of the indices unbound: they pass through. */
static bool run_case(uint64_t seed, unsigned *solved) {
    Case c = {.target_count = 0};
    setup(&c, seed);
    Ir *ir = c.f.ir;
    Ref positions[3];
    IndexSet targets = 0, free;
    for (unsigned m = 0; m < c.target_count; m++) {
        positions[m] = random_position(&c, ir_index_dim(ir, c.targets[m]));
        targets |= INDEX_BIT(c.targets[m]);
    }
    Ref value = random_value(&c);
    free = ir_free(ir, value);
    for (unsigned m = 0; m < c.target_count; m++) {
        free |= ir_free(ir, positions[m]);
    }
    IndexSet bound = c.bound;
    if (random_below(&c.state, 2)) {
        bound &= ~(INDEX_BIT(c.pool[random_below(&c.state, 6)]) & ~targets);
    }
    if (free & ~bound & targets) {
        arena_destroy(c.f.arena);
        return true; /* not a deposit that may be asked for */
    }
    Index axes[RANK_LIMIT];
    unsigned rank = 0;
    for (IndexSet set = (free & ~bound) | targets; set != 0; set &= set - 1) {
        axes[rank++] = (Index)__builtin_ctzll(set);
    }
    ir_set_deposit_solving(ir, false);
    Ref kept = ir_deposit(ir, bound, c.targets, positions, c.target_count, value);
    ir_set_deposit_solving(ir, true);
    Ref done = ir_deposit(ir, bound, c.targets, positions, c.target_count, value);
    *solved += ir_node(ir, done)->op != OP_DEPOSIT;
    if (ir_free(ir, done) & ~ir_free(ir, kept)) {
        printf("seed %llu: the solved one has more free indices\n", (unsigned long long)seed);
        return false;
    }
    size_t count, count_kept;
    double *wanted = evaluate(&c, kept, rank, axes, &count_kept);
    double *found = evaluate(&c, done, rank, axes, &count);
    bool same = count == count_kept;
    for (size_t k = 0; same && k < count; k++) {
        same = close_to(found[k], wanted[k], 1e-12);
    }
    if (!same) {
        printf("seed %llu differs\n%s", (unsigned long long)seed, ir_text(ir));
    }
    Sources *sources = sources_create(c.f.arena);
    const char *text = ir_text(ir);
    uint32_t file = sources_add(sources, "case.ir", text, strlen(text), false);
    Diags *diags = diags_create(c.f.arena, sources);
    Ir *again = ir_from_text(c.f.arena, c.f.names, diags, sources, file);
    if (again == NULL || strcmp(ir_text(again), text) != 0) {
        diags_print(diags, COLOR_NEVER);
        printf("seed %llu: text does not read back\n", (unsigned long long)seed);
        same = false;
    }
    const char *problem = ir_verify(ir_compact(ir));
    if (problem != NULL) {
        printf("seed %llu: after compact: %s\n", (unsigned long long)seed, problem);
        same = false;
    }
    arena_destroy(c.f.arena);
    return same;
}

int main(int argc, char **argv) {
    unsigned solved = 0;
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    uint64_t last = argc > 2 ? strtoull(argv[2], NULL, 10) : first + CASES;
    for (uint64_t seed = first; seed < last && failures < 3; seed++) {
        failures += !run_case(seed, &solved);
    }
    if (solved < (last - first) / 4) {
        printf("only %u deposits were solved\n", solved);
        failures++;
    }
    return failures > 0;
}
