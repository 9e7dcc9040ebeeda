/* trial.c: positions that are made of sizes and indices alone, and are not linear: those of a
 * triangle that is stored row by row. They are tried at all indices of all small sizes: what is
 * wrong with a polynomial of a low degree shows there. */
#include "lower/elaborate.h"

enum { SIZES = 6, SYMBOL_LIMIT = 3, WORK_LIMIT = 400000, DEPTH = 32, UNKNOWN = -1 };

typedef struct {
    Lower *lower;
    int64_t *sizes;             /* of all symbols */
    int64_t index[INDEX_LIMIT]; /* the value of each that is tried */
    Index indices[INDEX_LIMIT]; /* those */
    size_t symbols[SYMBOL_LIMIT];
    unsigned index_count, symbol_count;
    Ref position;
    Dim axis;
    uint32_t work;
    bool lost; /* something cannot be evaluated */
} Trial;

static bool value_of(Trial *t, Ref v, int64_t *value, unsigned depth);

static bool size_of(Trial *t, Dim d, int64_t *value) {
    return dim_evaluates(t->lower->ir, d, t->sizes, value);
}

static int64_t quotient(int64_t a, int64_t b) {
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static bool call_value(Trial *t, const Node *node, int64_t *value, unsigned depth) {
    int64_t a, b = 0;

    if (!value_of(t, node->args[0], &a, depth + 1) ||
        (node->arg_count > 1 && !value_of(t, node->args[1], &b, depth + 1))) {
        return false;
    }
    switch ((int)node->as.builtin) {
    case BI_add:
        return !__builtin_add_overflow(a, b, value);
    case BI_sub:
        return !__builtin_sub_overflow(a, b, value);
    case BI_mul:
        return !__builtin_mul_overflow(a, b, value);
    case BI_neg:
        *value = -a;
        return true;
    case BI_abs:
        *value = a < 0 ? -a : a;
        return true;
    case BI_square:
        return !__builtin_mul_overflow(a, a, value);
    case BI_maximum:
        *value = a > b ? a : b;
        return true;
    case BI_minimum:
        *value = a < b ? a : b;
        return true;
    case BI_floordiv:
        *value = b == 0 ? 0 : quotient(a, b);
        return b != 0;
    case BI_mod:
        *value = b == 0 ? 0 : a - b * quotient(a, b);
        return b != 0;
    default:
        return false;
    }
}

static bool value_of(Trial *t, Ref v, int64_t *value, unsigned depth) {
    const Node *node = ir_node(t->lower->ir, v);
    int holds;

    if (depth > DEPTH || ++t->work > WORK_LIMIT || node->kind != KIND_INT) {
        return false;
    }
    if (node->op == OP_CONST) {
        *value = node->as.integer;
        return true;
    }
    if (node->op == OP_SIZE) {
        return size_of(t, node->as.dim, value);
    }
    if (node->op == OP_INDEX) {
        *value = t->index[node->as.index];
        return true;
    }
    if (node->op == OP_SELECT) {
        holds = UNKNOWN;
        int64_t a, b;
        const Node *condition = ir_node(t->lower->ir, node->args[0]);
        if (condition->op == OP_CALL && value_of(t, condition->args[0], &a, depth + 1) &&
            condition->arg_count == 2 && value_of(t, condition->args[1], &b, depth + 1)) {
            BuiltinId f = condition->as.builtin;
            holds = f == BI_lt   ? a < b
                    : f == BI_le ? a <= b
                    : f == BI_eq ? a == b
                    : f == BI_ne ? a != b
                                 : UNKNOWN;
        }
        return holds != UNKNOWN && value_of(t, node->args[holds ? 1 : 2], value, depth + 1);
    }
    return node->op == OP_CALL && call_value(t, node, value, depth);
}

/* 1, 0, or UNKNOWN: it depends on more than indices. */
static int truth_of(Trial *t, Ref v, unsigned depth) {
    const Node *node = ir_node(t->lower->ir, v);
    int64_t a, b;

    if (node->op != OP_CALL || depth > DEPTH) {
        return UNKNOWN;
    }
    BuiltinId f = node->as.builtin;
    if (f == BI_not || f == BI_and || f == BI_or) {
        int x = truth_of(t, node->args[0], depth + 1);
        int y = f == BI_not ? UNKNOWN : truth_of(t, node->args[1], depth + 1);
        if (f == BI_not) {
            return x == UNKNOWN ? UNKNOWN : !x;
        }
        if (x == (f == BI_or) || y == (f == BI_or)) {
            return f == BI_or;
        }
        return x == UNKNOWN || y == UNKNOWN ? UNKNOWN : f == BI_and;
    }
    if ((f != BI_lt && f != BI_le && f != BI_eq && f != BI_ne) ||
        ir_kind(t->lower->ir, node->args[0]) != KIND_INT ||
        !value_of(t, node->args[0], &a, depth + 1) || !value_of(t, node->args[1], &b, depth + 1)) {
        return UNKNOWN;
    }
    return f == BI_lt ? a < b : f == BI_le ? a <= b : f == BI_eq ? a == b : a != b;
}

/* At these sizes and indices: is the position inside, or excluded by a condition? */
static bool holds_here(Trial *t) {
    int64_t position, size;

    for (const Fact *f = t->lower->facts; f; f = f->next) {
        int truth = truth_of(t, f->condition, 0);
        if (truth != UNKNOWN && truth != f->holds) {
            return true;
        }
    }
    if (!value_of(t, t->position, &position, 0) || !size_of(t, t->axis, &size)) {
        t->lost = true;
        return false;
    }
    return position >= 0 && position < size;
}

static bool all_indices(Trial *t) {
    int64_t extents[INDEX_LIMIT];

    for (unsigned k = 0; k < t->index_count; k++) {
        Index i = t->indices[k];
        t->index[i] = 0;
        if (!size_of(t, ir_index_dim(t->lower->ir, i), &extents[k])) {
            return false;
        }
        if (extents[k] <= 0) {
            return true; /* there are none */
        }
    }
    for (;;) {
        if (!holds_here(t)) {
            return false;
        }
        unsigned k = 0;
        while (k < t->index_count && ++t->index[t->indices[k]] == extents[k]) {
            t->index[t->indices[k++]] = 0;
        }
        if (k == t->index_count) {
            return true;
        }
    }
}

static bool all_sizes(Trial *t) {
    for (unsigned k = 0; k < t->symbol_count; k++) {
        t->sizes[t->symbols[k]] = 1;
    }
    for (;;) {
        if (!all_indices(t)) {
            return false;
        }
        unsigned k = 0;
        while (k < t->symbol_count && ++t->sizes[t->symbols[k]] > SIZES) {
            t->sizes[t->symbols[k++]] = 1;
        }
        if (k == t->symbol_count) {
            return true;
        }
    }
}

/* The symbols of a size that may have any value. */
static bool take_symbols(Trial *t, Dim d) {
    const Ir *ir = t->lower->ir;

    for (size_t k = 0; k < dim_symbol_count(ir); k++) {
        bool known = false;
        for (unsigned j = 0; j < t->symbol_count; j++) {
            known = known || t->symbols[j] == k;
        }
        if (known || !dim_mentions(ir, d, dim_symbol_at(ir, k))) {
            continue;
        }
        if (t->symbol_count == SYMBOL_LIMIT) {
            return false;
        }
        t->symbols[t->symbol_count++] = k;
    }
    return true;
}

/* Those of all sizes that a value has. */
static bool take_sizes(Trial *t, Ref v) {
    const bool *reached = ir_reach(t->lower->ir, &v, 1);

    for (Ref u = 1; u <= v; u++) {
        const Node *node = ir_node(t->lower->ir, u);
        if (reached[u] && node->op == OP_SIZE && !take_symbols(t, node->as.dim)) {
            return false;
        }
    }
    return true;
}

bool tried_inside(Lower *lower, Ref position, Dim axis) {
    Trial t = {.lower = lower, .position = position, .axis = axis};
    IndexSet indices = ir_free(lower->ir, position);

    t.sizes = arena_array(lower->arena, int64_t, dim_symbol_count(lower->ir) + 1);
    bool good = indices != 0 && take_symbols(&t, axis) && take_sizes(&t, position);
    for (const Fact *f = lower->facts; f && good; f = f->next) {
        indices |= ir_free(lower->ir, f->condition);
        good = take_sizes(&t, f->condition);
    }
    for (unsigned i = 0; i < INDEX_LIMIT && good; i++) {
        if (indices & INDEX_BIT(i)) {
            t.indices[t.index_count++] = (Index)i;
            good = take_symbols(&t, ir_index_dim(lower->ir, (Index)i));
        }
    }
    return good && all_sizes(&t) && !t.lost;
}
