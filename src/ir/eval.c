/* eval.c: the reference interpreter: every value is computed densely over its free indices, in the
 * plainest way. It shares no code with deposit solving or planning. */
#include "ir/eval.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* The entries of a value: row-major over its free indices in ascending order, then its axes. */
typedef struct {
    double *real, *imaginary; /* kind real */
    int64_t *integer;         /* kinds int and bool */
} Entries;

typedef struct {
    const Ir *ir;
    const EvalInput *input;
    const double *const *imaginary; /* of leaves; NULL in real evaluation */
    bool is_complex, failed;
    uint64_t noise; /* where its errors have come to; 0: none */
    Arena *arena;   /* of this evaluation */
    const EvalOrder *order;
    Entries *entries; /* by id */
    Entries **states; /* by id of a scan: S_k over F(scan), then T+1, then the axes */
    int64_t extent[INDEX_LIMIT];
    int64_t at[INDEX_LIMIT]; /* the current position of each index */
} Eval;

/* ---- positions ------------------------------------------------------------------------------- */

static Index first_of(IndexSet set) {
    return (Index)__builtin_ctzll(set);
}

static Index last_of(IndexSet set) {
    return (Index)(63 - __builtin_clzll(set));
}

/* Begins a loop over all positions of a set of indices; false if there is none. */
static bool start(Eval *e, IndexSet set) {
    bool any = true;
    for (; set != 0; set &= set - 1) {
        e->at[first_of(set)] = 0;
        any = any && e->extent[first_of(set)] > 0;
    }
    return any;
}

/* The next position, the last index fastest; false after the last. */
static bool next(Eval *e, IndexSet set) {
    while (set != 0) {
        Index i = last_of(set);
        if (++e->at[i] < e->extent[i]) {
            return true;
        }
        e->at[i] = 0;
        set &= ~INDEX_BIT(i);
    }
    return false;
}

static size_t size_of_set(const Eval *e, IndexSet set) {
    size_t size = 1;
    for (; set != 0; set &= set - 1) {
        size *= (size_t)e->extent[first_of(set)];
    }
    return size;
}

static size_t offset_in(const Eval *e, IndexSet set) {
    size_t offset = 0;
    for (; set != 0; set &= set - 1) {
        Index i = first_of(set);
        offset = offset * (size_t)e->extent[i] + (size_t)e->at[i];
    }
    return offset;
}

static int64_t dim_extent(const Eval *e, Dim d) {
    int64_t value = dim_evaluate(e->ir, d, e->input->dims);
    return value < 0 ? 0 : value;
}

/* Entries of the axes of a value. */
static size_t inner_size(const Eval *e, const Node *node) {
    size_t size = 1;
    for (uint8_t k = 0; k < node->rank; k++) {
        size *= (size_t)dim_extent(e, node->shape[k]);
    }
    return size;
}

/* ---- entries --------------------------------------------------------------------------------- */

static Entries allocate(Eval *e, Kind kind, size_t size) {
    Entries entries = {NULL, NULL, NULL};
    if (kind != KIND_REAL) {
        entries.integer = arena_array(e->arena, int64_t, size + 1);
    } else {
        entries.real = arena_array(e->arena, double, size + 1);
        entries.imaginary = e->is_complex ? arena_array(e->arena, double, size + 1) : NULL;
    }
    return entries;
}

static Number load(const Entries *entries, size_t k) {
    Number number = {0, 0, 0};
    if (entries->integer != NULL) {
        number.integer = entries->integer[k];
    } else {
        number.real = entries->real[k];
        number.imaginary = entries->imaginary != NULL ? entries->imaginary[k] : 0;
    }
    return number;
}

static void store(Entries *entries, size_t k, Number number) {
    if (entries->integer != NULL) {
        entries->integer[k] = number.integer;
        return;
    }
    entries->real[k] = number.real;
    if (entries->imaginary != NULL) {
        entries->imaginary[k] = number.imaginary;
    }
}

/* The scalar v at the current position. */
static Number get(const Eval *e, Ref v) {
    return load(&e->entries[v], offset_in(e, ir_free(e->ir, v)));
}

/* ---- errors of rounding, made on purpose ----------------------------------------------------- */

/* x, or one of its neighbours; whole numbers, which may be exact, stay. */
static double disturbed(Eval *e, double x) {
    uint64_t z = e->noise += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    const double error = (double)((z ^ (z >> 31)) % 3) - 1;
    return x == rint(x) && fabs(x) < 0x1p20 ? x : x * (1 + error * DBL_EPSILON);
}

static Number rounded(Eval *e, Number x) {
    if (e->noise != 0) {
        x.real = disturbed(e, x.real);
        x.imaginary = disturbed(e, x.imaginary);
    }
    return x;
}

static bool rounds(BuiltinId f) {
    switch ((int)f) {
    case BI_neg:
    case BI_abs:
    case BI_maximum:
    case BI_minimum:
        return false;
    default:
        return true;
    }
}

static void prepare_leaf(Eval *e, Ref v) {
    const Node *node = ir_node(e->ir, v);
    uint32_t leaf = node->as.leaf;
    size_t size = inner_size(e, node);
    Entries *entries = &e->entries[v];
    if (node->kind != KIND_REAL) {
        *entries = allocate(e, KIND_INT, size);
        if (e->input->ints == NULL || e->input->ints[leaf] == NULL) {
            ice("eval", "no entries for the leaf `%s`", e->ir->leaves[leaf].name);
        }
        memcpy(entries->integer, e->input->ints[leaf], size * sizeof(int64_t));
        return;
    }
    *entries = allocate(e, KIND_REAL, size);
    if (e->input->reals == NULL || e->input->reals[leaf] == NULL) {
        ice("eval", "no entries for the leaf `%s`", e->ir->leaves[leaf].name);
    }
    memcpy(entries->real, e->input->reals[leaf], size * sizeof(double));
    if (e->is_complex && e->imaginary != NULL && e->imaginary[leaf] != NULL) {
        memcpy(entries->imaginary, e->imaginary[leaf], size * sizeof(double));
    }
}

/* Makes room for every needed value. Scans keep their states; pick and var share entries. */
static void prepare(Eval *e) {
    const Ir *ir = e->ir;
    for (Ref v = 1; v < ir_count(ir); v++) {
        const Node *node = ir_node(ir, v);
        if (!e->order->needed[v]) {
            continue;
        }
        if (node->op == OP_LEAF) {
            prepare_leaf(e, v);
        } else if (node->op == OP_VAR) {
            e->entries[v] = e->entries[node->args[0]];
        } else if (node->op == OP_PICK) {
            e->entries[v] = e->states[node->args[0]][node->as.pick];
        } else if (node->op == OP_SCAN) {
            size_t points = size_of_set(e, node->free),
                   steps = (size_t)e->extent[node->as.scan.t] + 1;
            e->states[v] = arena_array(e->arena, Entries, node->as.scan.count);
            for (uint32_t k = 0; k < node->as.scan.count; k++) {
                const Node *step = ir_node(ir, node->args[node->as.scan.count + k]);
                e->states[v][k] = allocate(e, step->kind, points * steps * inner_size(e, step));
            }
        } else {
            size_t size = size_of_set(e, node->free) * inner_size(e, node);
            e->entries[v] = allocate(e, node->kind, size);
        }
    }
}

/* ---- single values --------------------------------------------------------------------------- */

static Number eval_node_call(Eval *e, const Node *node) {
    Number args[BUILTIN_ARITY], result;
    for (uint32_t k = 0; k < node->arg_count; k++) {
        args[k] = get(e, node->args[k]);
    }
    Kind kind = ir_kind(e->ir, node->args[0]);
    if (!eval_call(node->as.builtin, kind, args, e->is_complex, &result)) {
        e->failed = true;
    }
    return node->kind == KIND_REAL && rounds(node->as.builtin) ? rounded(e, result) : result;
}

/* No complex extension: --check falls back on differences. */
static Number eval_extern(Eval *e, const Node *node) {
    double args[EXTERN_ARITY] = {0};
    Number result = {0};
    for (uint32_t k = 0; k < node->arg_count; k++) {
        Number a = get(e, node->args[k]);
        args[k] = a.real;
        e->failed = e->failed || (e->is_complex && a.imaginary != 0);
    }
    const External *external =
        node->as.external < e->ir->external_count ? &e->ir->externals[node->as.external] : NULL;
    result.real = external ? ir_call_external(external, args) : NAN;
    return result;
}

static Number eval_read(Eval *e, const Node *node) {
    const Node *array = ir_node(e->ir, node->args[0]);
    size_t offset = offset_in(e, array->free);
    for (uint32_t k = 1; k < node->arg_count; k++) {
        int64_t extent = dim_extent(e, array->shape[k - 1]);
        int64_t position = get(e, node->args[k]).integer;
        position = position >= extent ? extent - 1 : position;
        position = position < 0 ? 0 : position;
        offset = offset * (size_t)extent + (size_t)position;
    }
    return load(&e->entries[node->args[0]], offset);
}

/* Is x a greater maximum than the one so far? A NaN is the greatest, and the first NaN stays. */
static bool exceeds(Kind kind, Number x, Number best) {
    if (kind != KIND_REAL) {
        return x.integer > best.integer;
    }
    return !isnan(best.real) && (isnan(x.real) || x.real > best.real);
}

static Number eval_maximum(Eval *e, const Node *node) {
    Index i = node->as.index;
    Kind kind = ir_kind(e->ir, node->args[0]);
    Number best = {-INFINITY, 0, INT64_MIN}, place = {0, 0, 0};
    double moved = 0, ties = 0;
    for (e->at[i] = 0; e->at[i] < e->extent[i]; e->at[i]++) {
        Number x = get(e, node->args[0]);
        if (e->at[i] == 0 || exceeds(kind, x, best)) {
            best = x;
            place.integer = e->at[i];
            moved = ties = 0;
        }
        if (kind == KIND_REAL && x.real == best.real) {
            moved += x.imaginary;
            ties++;
        }
    }
    best.imaginary = ties > 0 ? moved / ties : 0; /* ties share evenly */
    return node->op == OP_ARGMAX ? place : best;
}

static Number eval_sum(Eval *e, const Node *node) {
    Index i = node->as.index;
    Number sum = {0, 0, 0};
    for (e->at[i] = 0; e->at[i] < e->extent[i]; e->at[i]++) {
        Number x = get(e, node->args[0]);
        sum.real += x.real;
        sum.imaginary += x.imaginary;
        sum.integer = (int64_t)((uint64_t)sum.integer + (uint64_t)x.integer);
        sum = rounded(e, sum);
    }
    return sum;
}

static Number eval_lse(Eval *e, const Node *node) {
    Index i = node->as.index;
    Number *terms = arena_array(e->arena, Number, e->extent[i]);
    for (e->at[i] = 0; e->at[i] < e->extent[i]; e->at[i]++) {
        terms[e->at[i]] = get(e, node->args[0]);
    }
    return rounded(e, complex_log_sum_exp(terms, (size_t)e->extent[i]));
}

static Number eval_reduction(Eval *e, const Node *node) {
    int64_t saved = e->at[node->as.index];
    Number result = node->op == OP_SUM   ? eval_sum(e, node)
                    : node->op == OP_LSE ? eval_lse(e, node)
                                         : eval_maximum(e, node);
    e->at[node->as.index] = saved;
    return result;
}

/* A scalar at the current position. */
static Number eval_scalar(Eval *e, const Node *node) {
    Number result = {0, 0, 0};
    switch (node->op) {
    case OP_CONST:
        result.real = node->kind == KIND_REAL ? node->as.real : 0;
        result.integer = node->kind == KIND_REAL ? 0 : node->as.integer;
        return result;
    case OP_SIZE:
        result.integer = dim_evaluate(e->ir, node->as.dim, e->input->dims);
        return result;
    case OP_INDEX:
        result.integer = e->at[node->as.index];
        return result;
    case OP_CALL:
        return eval_node_call(e, node);
    case OP_EXTERN:
        return eval_extern(e, node);
    case OP_CONVERT:
        result.real = (double)get(e, node->args[0]).integer;
        return result;
    case OP_SELECT:
        return get(e, node->args[get(e, node->args[0]).integer ? 1 : 2]);
    case OP_GUARD:
        return get(e, node->args[0]).integer ? get(e, node->args[1]) : result;
    case OP_READ:
        return eval_read(e, node);
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
        return eval_reduction(e, node);
    case OP_LEAF:
    case OP_ARRAY:
    case OP_DEPOSIT:
    case OP_STATE:
    case OP_SCAN:
    case OP_PICK:
    case OP_LIB:
    case OP_VAR:
    case OP_DERIV:
    case OP_COUNT:
        break;
    }
    ice("eval", "no value of a node of kind %d", (int)node->op);
}

/* ---- values over their free indices, where those of `fixed` stay as they are ----------------- */

static void eval_array(Eval *e, Ref v, IndexSet fixed) {
    const Node *node = ir_node(e->ir, v);
    IndexSet loop = node->free & ~fixed, axes = 0;
    int64_t saved[INDEX_LIMIT];
    memcpy(saved, e->at, sizeof saved);
    for (uint32_t k = 0; k < node->as.indices.count; k++) {
        axes |= INDEX_BIT(node->as.indices.list[k]);
    }
    for (bool more = start(e, loop) && start(e, axes); more; more = next(e, loop | axes)) {
        size_t offset = offset_in(e, node->free);
        for (uint32_t k = 0; k < node->as.indices.count; k++) {
            Index i = node->as.indices.list[k];
            offset = offset * (size_t)e->extent[i] + (size_t)e->at[i];
        }
        store(&e->entries[v], offset, get(e, node->args[0]));
    }
    memcpy(e->at, saved, sizeof saved);
}

/* Adds one term of a deposit, at targets given by the positions; those outside have no entry.
 * `outer`: the positions of indices around it. */
static void deposit_term(Eval *e, Ref v, IndexSet fixed, const int64_t *outer) {
    const Node *node = ir_node(e->ir, v);
    int64_t target[RANK_LIMIT], saved[INDEX_LIMIT];
    Number term = get(e, node->args[0]);
    for (uint32_t k = 0; k < node->as.deposit.count; k++) {
        Index i = node->as.deposit.targets[k];
        target[k] = get(e, node->args[1 + k]).integer;
        bool here = !(fixed & INDEX_BIT(i)) || target[k] == outer[i];
        if (target[k] < 0 || target[k] >= e->extent[i] || !here) {
            return;
        }
    }
    memcpy(saved, e->at, sizeof saved);
    for (uint32_t k = 0; k < node->as.deposit.count; k++) {
        e->at[node->as.deposit.targets[k]] = target[k];
    }
    size_t offset = offset_in(e, node->free);
    Number sum = load(&e->entries[v], offset);
    sum.real += term.real;
    sum.imaginary += term.imaginary;
    sum.integer += term.integer;
    store(&e->entries[v], offset, rounded(e, sum));
    memcpy(e->at, saved, sizeof saved);
}

static void eval_deposit(Eval *e, Ref v, IndexSet fixed) {
    const Node *node = ir_node(e->ir, v);
    IndexSet targets = 0, loop = node->free & ~fixed;
    int64_t saved[INDEX_LIMIT];
    memcpy(saved, e->at, sizeof saved);
    for (uint32_t k = 0; k < node->as.deposit.count; k++) {
        targets |= INDEX_BIT(node->as.deposit.targets[k]);
    }
    for (bool more = start(e, loop); more; more = next(e, loop)) {
        store(&e->entries[v], offset_in(e, node->free), (Number){0, 0, 0});
    }
    IndexSet around = (loop & ~targets), bound = node->as.deposit.bound;
    for (bool more = start(e, around) && start(e, bound); more; more = next(e, around | bound)) {
        deposit_term(e, v, fixed, saved);
    }
    memcpy(e->at, saved, sizeof saved);
}

static void eval_value(Eval *e, Ref v, IndexSet fixed);

/* Copies entries of the axes: to[to_at…] := from[from_at…]. */
static void copy_inner(Entries *to, size_t to_at, const Entries *from, size_t from_at,
                       size_t size) {
    for (size_t k = 0; k < size; k++) {
        store(to, to_at * size + k, load(from, from_at * size + k));
    }
}

/* S_k[step] := value, for all positions of the scan's free indices. */
static void keep_state(Eval *e, Ref scan, uint32_t k, Ref value, size_t step, IndexSet fixed) {
    const Node *node = ir_node(e->ir, scan), *kept = ir_node(e->ir, value);
    IndexSet loop = node->free & ~(fixed & e->order->moving[value]);
    size_t inner = inner_size(e, kept), steps = (size_t)e->extent[node->as.scan.t] + 1;
    int64_t saved[INDEX_LIMIT];
    memcpy(saved, e->at, sizeof saved);
    for (bool more = start(e, loop); more; more = next(e, loop)) {
        size_t to = offset_in(e, node->free) * steps + step;
        copy_inner(&e->states[scan][k], to, &e->entries[value], offset_in(e, kept->free), inner);
    }
    memcpy(e->at, saved, sizeof saved);
}

/* The state leaf v at the current step: S_k[step]. */
static void fill_state(Eval *e, Ref scan, Ref v, size_t step, IndexSet fixed) {
    const Node *node = ir_node(e->ir, scan), *state = ir_node(e->ir, v);
    IndexSet loop = state->free & ~fixed;
    size_t inner = inner_size(e, state), steps = (size_t)e->extent[node->as.scan.t] + 1;
    start(e, node->free & ~fixed); /* indices that this state does not have: any position */
    for (bool more = start(e, loop); more; more = next(e, loop)) {
        size_t from = offset_in(e, node->free) * steps + step;
        copy_inner(&e->entries[v], offset_in(e, state->free), &e->states[scan][state->as.state.k],
                   from, inner);
    }
}

/* A value in the body: at the current step, but where the step's name stands for an axis, at all.
 */
static void eval_in_step(Eval *e, Ref v, IndexSet fixed) {
    const Node *node = ir_node(e->ir, v);
    IndexSet all = node->op == OP_SCAN ? 0 : fixed & node->free & ~e->order->moving[v];
    int64_t saved[INDEX_LIMIT];
    memcpy(saved, e->at, sizeof saved);
    eval_value(e, v, fixed & ~all);
    memcpy(e->at, saved, sizeof saved);
}

/* One step: states, body, next states. */
static void run_step(Eval *e, Ref scan, IndexSet fixed) {
    const Ir *ir = e->ir;
    const Node *node = ir_node(ir, scan);
    const EvalLevel *level = &e->order->levels[e->order->level_of_scan[scan]];
    Index t = node->as.scan.t;
    int64_t now = e->at[t];
    bool forward = node->as.scan.direction > 0;
    IndexSet inside = fixed | INDEX_BIT(t);
    for (size_t k = 0; k < level->state_count; k++) {
        fill_state(e, scan, level->states[k], (size_t)(forward ? now : now + 1), inside);
    }
    for (size_t k = 0; k < level->count; k++) {
        eval_in_step(e, level->nodes[k], inside);
    }
    for (uint32_t k = 0; k < node->as.scan.count; k++) {
        Ref step = node->args[node->as.scan.count + k];
        keep_state(e, scan, k, step, (size_t)(forward ? now + 1 : now), inside);
    }
}

static void eval_scan(Eval *e, Ref v, IndexSet fixed) {
    const Node *node = ir_node(e->ir, v);
    Index t = node->as.scan.t;
    int64_t steps = e->extent[t], saved[INDEX_LIMIT];
    bool forward = node->as.scan.direction > 0;
    memcpy(saved, e->at, sizeof saved);
    for (uint32_t k = 0; k < node->as.scan.count; k++) {
        keep_state(e, v, k, node->args[k], (size_t)(forward ? 0 : steps), fixed);
    }
    for (int64_t s = 0; s < steps; s++) {
        memcpy(e->at, saved, sizeof saved);
        e->at[t] = forward ? s : steps - 1 - s;
        run_step(e, v, fixed);
    }
    memcpy(e->at, saved, sizeof saved);
}

/* The matrix of operand k at the current position. */
static Number *lib_operand(Eval *e, const Node *node, uint32_t k) {
    const Node *operand = ir_node(e->ir, node->args[k]);
    size_t size = inner_size(e, operand), from = offset_in(e, operand->free) * size;
    Number *matrix = arena_array(e->arena, Number, size + 1);
    for (size_t i = 0; i < size; i++) {
        matrix[i] = rounded(e, load(&e->entries[node->args[k]], from + i));
    }
    return matrix;
}

static void eval_library(Eval *e, Ref v, IndexSet fixed) {
    const Node *node = ir_node(e->ir, v);
    const Node *last = ir_node(e->ir, node->args[node->arg_count - 1]);
    size_t n = (size_t)dim_extent(e, last->shape[0]), k = (size_t)dim_extent(e, last->shape[1]);
    size_t size = inner_size(e, node);
    Number *result = arena_array(e->arena, Number, size + 1);
    IndexSet loop = node->free & ~fixed;
    if (node->as.lib.count > 0) {
        ice("eval", "no value of `%s` as it is planned", lib_table[node->as.lib.id].name);
    }
    for (bool more = start(e, loop); more; more = next(e, loop)) {
        const Number *a = lib_operand(e, node, 0);
        const Number *b = node->arg_count > 1 ? lib_operand(e, node, 1) : NULL;
        eval_lib(node->as.lib.id, n, k, a, b, result, e->arena);
        size_t to = offset_in(e, node->free) * size;
        for (size_t i = 0; i < size; i++) {
            store(&e->entries[v], to + i, rounded(e, result[i]));
        }
    }
}

static void eval_value(Eval *e, Ref v, IndexSet fixed) {
    const Node *node = ir_node(e->ir, v);
    switch (node->op) {
    case OP_LEAF:
    case OP_STATE: /* filled by its scan */
    case OP_VAR:
    case OP_PICK:
        return;
    case OP_ARRAY:
        eval_array(e, v, fixed);
        return;
    case OP_DEPOSIT:
        eval_deposit(e, v, fixed);
        return;
    case OP_LIB:
        eval_library(e, v, fixed);
        return;
    case OP_SCAN:
        eval_scan(e, v, fixed);
        return;
    case OP_CONST:
    case OP_SIZE:
    case OP_INDEX:
    case OP_EXTERN:
    case OP_CALL:
    case OP_CONVERT:
    case OP_SELECT:
    case OP_GUARD:
    case OP_READ:
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
    case OP_DERIV:
    case OP_COUNT:
        break;
    }
    IndexSet loop = node->free & ~fixed;
    for (bool more = start(e, loop); more; more = next(e, loop)) {
        store(&e->entries[v], offset_in(e, node->free), eval_scalar(e, node));
    }
}

/* ---- outputs --------------------------------------------------------------------------------- */

static Eval *run(const Ir *ir, const EvalOrder *order, const EvalInput *input,
                 const double *const *imaginary, bool is_complex) {
    Arena *arena = arena_create();
    Eval *e = arena_new(arena, Eval);
    e->ir = ir;
    e->input = input;
    e->imaginary = imaginary;
    e->is_complex = is_complex;
    e->noise = input->noise;
    e->arena = arena;
    e->order = order;
    e->entries = arena_array(arena, Entries, ir_count(ir));
    e->states = arena_array(arena, Entries *, ir_count(ir));
    for (Ref v = 1; v < ir_count(ir); v++) {
        const Node *node = ir_node(ir, v);
        IndexSet set = node->free;
        if (!order->needed[v]) {
            continue;
        }
        if (node->op == OP_SUM || node->op == OP_MAX || node->op == OP_ARGMAX ||
            node->op == OP_LSE) {
            set |= INDEX_BIT(node->as.index);
        } else if (node->op == OP_DEPOSIT) {
            set |= node->as.deposit.bound;
        } else if (node->op == OP_SCAN) {
            set |= INDEX_BIT(node->as.scan.t);
        } else if (node->op == OP_ARRAY) {
            set |= ir_free(ir, node->args[0]);
            for (uint32_t k = 0; k < node->as.indices.count; k++) {
                set |= INDEX_BIT(node->as.indices.list[k]);
            }
        }
        for (; set != 0; set &= set - 1) {
            Index i = first_of(set);
            e->extent[i] = dim_extent(e, ir_index_dim(ir, i));
        }
    }
    prepare(e);
    for (size_t k = 0; k < e->order->levels[0].count; k++) {
        eval_value(e, e->order->levels[0].nodes[k], 0);
    }
    return e;
}

/* The axes of an output: the sample index first when it is free and no axis. */
static unsigned output_axes(const Ir *ir, const Output *output, Index *axes) {
    unsigned count = 0;
    IndexSet set = 0;
    for (uint8_t k = 0; k < output->rank; k++) {
        set |= INDEX_BIT(output->axes[k]);
    }
    IndexSet sample = ir->per_sample ? INDEX_BIT(ir->sample_index) : 0;
    bool blocks = ir->rows_dim != DIM_NONE; /* then they are added up */
    if ((blocks ? sample : ir_free(ir, output->value) & sample) & ~set) {
        axes[count++] = ir->sample_index;
    }
    for (uint8_t k = 0; k < output->rank; k++) {
        axes[count++] = output->axes[k];
    }
    return count;
}

/* Copies the result, row-major over the output's axes, into the arena of ir. */
static void copy_output(Eval *e, const Output *output, size_t *count, double **real,
                        double **imag) {
    const Ir *ir = e->ir;
    Index axes[RANK_LIMIT + 1];
    unsigned rank = output_axes(ir, output, axes);
    IndexSet set = 0;
    *count = 1;
    for (unsigned k = 0; k < rank; k++) {
        set |= INDEX_BIT(axes[k]);
        e->extent[axes[k]] = dim_extent(e, ir_index_dim(ir, axes[k]));
        *count *= (size_t)e->extent[axes[k]];
    }
    *real = arena_array(ir->arena, double, *count + 1);
    *imag = arena_array(ir->arena, double, *count + 1);
    for (bool more = start(e, set); more; more = next(e, set)) {
        size_t offset = 0;
        for (unsigned k = 0; k < rank; k++) {
            offset = offset * (size_t)e->extent[axes[k]] + (size_t)e->at[axes[k]];
        }
        Number value = get(e, output->value);
        (*real)[offset] =
            ir_kind(ir, output->value) == KIND_REAL ? value.real : (double)value.integer;
        (*imag)[offset] = value.imaginary;
    }
}

/* Of blocks of rows: the sum over the samples, which are the first axis if the output has none. */
static void add_samples(const Eval *e, const Output *output, size_t *count, double *values) {
    const Ir *ir = e->ir;
    bool has_axis = output->rank > 0 && output->axes[0] == ir->sample_index;
    if (!ir->per_sample || ir->rows_dim == DIM_NONE || has_axis) {
        return;
    }
    size_t samples = (size_t)e->extent[ir->sample_index];
    *count = samples > 0 ? *count / samples : 0;
    for (size_t k = *count; k < samples * *count; k++) {
        values[k % *count] += values[k];
    }
}

void eval_outputs(const Ir *ir, const EvalOrder *order, const EvalInput *input,
                  const double *const *imaginary, bool is_complex, Evaluation *result) {
    Eval *e = run(ir, order, input, imaginary, is_complex);
    for (size_t k = 0; k < ir->output_count; k++) {
        const Output *output = &ir->outputs[k];
        copy_output(e, output, &result->counts[k], &result->real[k], &result->imaginary[k]);
        size_t all = result->counts[k];
        add_samples(e, output, &result->counts[k], result->real[k]);
        add_samples(e, output, &all, result->imaginary[k]);
    }
    result->complete = !e->failed;
    arena_destroy(e->arena);
}

/* A copy, which the caller may change. */
static double *copy_of(const Ir *ir, const double *values, size_t count) {
    double *copy = arena_array(ir->arena, double, count + 1);
    memcpy(copy, values, count * sizeof *copy);
    return copy;
}

double *ir_eval_output(const Ir *ir, const EvalInput *input, size_t k, size_t *count) {
    const Evaluation *all = eval_recall(ir, input, NULL, false);
    *count = all->counts[k];
    return copy_of(ir, all->real[k], *count);
}

bool ir_eval_output_complex(const Ir *ir, const EvalInput *input, const double *const *imaginary,
                            size_t k, size_t *count, double **real, double **imag) {
    const Evaluation *all = eval_recall(ir, input, imaginary, true);
    *count = all->counts[k];
    *real = copy_of(ir, all->real[k], *count);
    *imag = copy_of(ir, all->imaginary[k], *count);
    return all->complete;
}
