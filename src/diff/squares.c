/* squares.c: is a number a sum of squares? One walk down from it, through what keeps a sum of
 * squares one: sums, differences from what no variable changes, factors that have no variable,
 * branches whose condition has none. Each square becomes a term. */
#include "diff/squares.h"

enum { DEPTH = 64 };

typedef struct {
    Ir *ir;
    const bool *moves; /* by value: does it depend on a variable? */
    Squares *squares;
    bool ok;
} Finder;

/* The way from the number to a value. */
typedef struct {
    bool negative;
    Ref factor, condition; /* or REF_NONE */
    Index indices[RANK_LIMIT];
    unsigned count, depth;
} Path;

static bool *depends(Ir *ir, Ref top, const bool *is_wrt) {
    bool *moves = arena_array(ir->arena, bool, (size_t)top + 1);
    for (Ref r = 1; r <= top; r++) {
        const Node *node = ir_node(ir, r);
        moves[r] = node->op == OP_LEAF && is_wrt[node->as.leaf];
        for (uint32_t k = 0; k < node->arg_count; k++) {
            moves[r] = moves[r] || moves[node->args[k]];
        }
        /* the steps of a scan are not among what its states read */
        moves[r] = moves[r] || node->op == OP_STATE || node->op == OP_DERIV;
    }
    return moves;
}

static void add_square(Finder *finder, const Path *path, Ref root) {
    Ir *ir = finder->ir;
    Squares *squares = finder->squares;
    if (path->negative || squares->count == SQUARES_MOST) {
        finder->ok = false;
        return;
    }
    Ref residual =
        path->factor == REF_NONE ? root : ir_mul(ir, ir_call1(ir, BI_sqrt, path->factor), root);
    Square *square = &squares->list[squares->count++];
    square->residual =
        path->condition == REF_NONE ? residual : ir_guard(ir, path->condition, residual);
    square->rank = (uint8_t)path->count;
    for (unsigned k = 0; k < path->count; k++) {
        square->axes[k] = path->indices[k];
    }
}

static void find(Finder *finder, Ref v, Path path);

/* A factor without a variable; that of a constant has a sign. */
static void find_scaled(Finder *finder, Ref v, Ref factor, Path path) {
    Ir *ir = finder->ir;
    const Node *node = ir_node(ir, factor);
    if (node->op == OP_CONST && node->kind == KIND_REAL && node->as.real < 0) {
        path.negative = !path.negative;
        factor = ir_real(ir, -node->as.real);
    }
    path.factor = path.factor == REF_NONE ? factor : ir_mul(ir, path.factor, factor);
    find(finder, v, path);
}

static void find_call(Finder *finder, Ref v, Path path) {
    Ir *ir = finder->ir;
    const Node *node = ir_node(ir, v);
    const Ref a = node->args[0];
    const Ref b = node->arg_count > 1 ? node->args[1] : REF_NONE;
    const BuiltinId f = node->as.builtin;
    if (f == BI_square || (f == BI_mul && a == b)) {
        add_square(finder, &path, a);
    } else if (f == BI_add || f == BI_sub) {
        find(finder, a, path);
        path.negative = path.negative != (f == BI_sub);
        find(finder, b, path);
    } else if (f == BI_neg) {
        path.negative = !path.negative;
        find(finder, a, path);
    } else if (f == BI_mul && !finder->moves[a]) {
        find_scaled(finder, b, a, path);
    } else if (f == BI_mul && !finder->moves[b]) {
        find_scaled(finder, a, b, path);
    } else if (f == BI_div && !finder->moves[b]) {
        find_scaled(finder, a, ir_div(ir, ir_real(ir, 1), b), path);
    } else {
        finder->ok = false;
    }
}

/* Below a sum over i inside of another over i, what the outer one counts goes by a new name. */
static void bind(Ir *ir, Path *path, Index i) {
    for (unsigned k = 0; k < path->count; k++) {
        if (path->indices[k] != i) {
            continue;
        }
        Ref replacement[INDEX_LIMIT] = {REF_NONE};
        IndexSet used = INDEX_BIT(i);
        for (unsigned j = 0; j < path->count; j++) {
            used |= INDEX_BIT(path->indices[j]);
        }
        used |= path->factor == REF_NONE ? 0 : ir_free(ir, path->factor);
        used |= path->condition == REF_NONE ? 0 : ir_free(ir, path->condition);
        path->indices[k] = ir_fresh(ir, ir_index_dim(ir, i), used);
        replacement[i] = ir_idx(ir, path->indices[k]);
        if (path->factor != REF_NONE) {
            path->factor = ir_subst(ir, path->factor, replacement);
        }
        if (path->condition != REF_NONE) {
            path->condition = ir_subst(ir, path->condition, replacement);
        }
    }
    path->indices[path->count++] = i;
}

static void find(Finder *finder, Ref v, Path path) {
    Ir *ir = finder->ir;
    const Node *node = ir_node(ir, v);
    if (!finder->ok || !finder->moves[v]) {
        return; /* what no variable changes is no square, and no harm */
    }
    if (path.depth++ == DEPTH) {
        finder->ok = false;
    } else if (node->op == OP_SUM && path.count < RANK_LIMIT) {
        bind(ir, &path, node->as.index);
        find(finder, node->args[0], path);
    } else if (node->op == OP_CALL) {
        find_call(finder, v, path);
    } else if ((node->op == OP_GUARD || node->op == OP_SELECT) && !finder->moves[node->args[0]]) {
        const Ref condition = node->args[0];
        Path other = path;
        path.condition = ir_and(ir, path.condition, condition);
        find(finder, node->args[1], path);
        if (node->op == OP_SELECT) {
            other.condition = ir_and(ir, other.condition, ir_not(ir, condition));
            find(finder, node->args[2], other);
        }
    } else {
        finder->ok = false;
    }
}

bool diff_find_squares(Ir *ir, Ref v, const uint32_t *wrt, size_t wrt_count, Squares *squares) {
    bool *is_wrt = arena_array(ir->arena, bool, ir->leaf_count + 1);
    for (size_t k = 0; k < wrt_count; k++) {
        is_wrt[wrt[k]] = true;
    }
    *squares = (Squares){.count = 0};
    Finder finder = {ir, depends(ir, v, is_wrt), squares, true};
    find(&finder, v, (Path){.count = 0});
    return finder.ok && squares->count > 0;
}
