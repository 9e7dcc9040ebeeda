/* lib.c: library operations in the planner. prepare.c asks for the planned form: the entries of a
 * matrix in memory, then calls that overwrite them. The stage of one fills its buffer by loops over
 * the two targets; where these loops have ended, the call stands (LS_LIB). A solution and a
 * determinant use the factors of their matrix, which hash-consing makes once for each matrix. */
#include "loop/plan.h"

/* ---- the planned form
 * --------------------------------------------------------------------------------- */

static Ref entry(Ir *ir, Ref matrix, Index row, Index column) {
    const Ref at[] = {ir_idx(ir, row), ir_idx(ir, column)};
    return ir_read(ir, matrix, at, 2);
}

static IndexSet two(Index a, Index b) {
    return INDEX_BIT(a) | INDEX_BIT(b);
}

/* The array of a planned operation whose targets are i and j, in this order. */
static Ref in_place(Ir *ir, LibId f, Index i, Index j, Ref value) {
    const Index targets[] = {i, j};
    return ir_array(ir, targets, 2, ir_lib_planned(ir, f, targets, value, REF_NONE));
}

/* L U = A, below it the pivots, the determinant and its logarithm, in the first column. */
static Ref factors(Ir *ir, Ref matrix) {
    Dim n = ir_node(ir, matrix)->shape[0];
    Dim rows = dim_add(ir, n, dim_const(ir, LIB_LU_EXTRA));
    IndexSet used = ir_free(ir, matrix);
    Index i = ir_fresh(ir, rows, used);
    Index j = ir_fresh(ir, n, used | INDEX_BIT(i));
    Ref inside = ir_compare(ir, BI_lt, ir_idx(ir, i), ir_size(ir, n));
    return in_place(ir, LIB_LU, i, j, ir_guard(ir, inside, entry(ir, matrix, i, j)));
}

/* Is it the array of a planned operation as it lies in memory, a matrix of n rows? */
static bool is_in_memory(const Ir *ir, Ref matrix) {
    const Node *array = ir_node(ir, matrix);
    if (array->op != OP_ARRAY) {
        return false;
    }
    const Node *body = ir_node(ir, array->args[0]);
    return body->op == OP_LIB && body->as.lib.targets[0] == array->as.indices.list[0] &&
           body->as.lib.targets[1] == array->as.indices.list[1];
}

static Ref in_memory(Ir *ir, Ref matrix) {
    if (is_in_memory(ir, matrix)) {
        return matrix;
    }
    Dim n = ir_node(ir, matrix)->shape[0];
    IndexSet used = ir_free(ir, matrix);
    Index i = ir_fresh(ir, n, used);
    Index j = ir_fresh(ir, n, used | INDEX_BIT(i));
    return in_place(ir, LIB_ENTRIES, i, j, entry(ir, matrix, i, j));
}

static Ref factored(Ir *ir, Ref matrix) {
    Dim n = ir_node(ir, matrix)->shape[0];
    IndexSet used = ir_free(ir, matrix);
    Index i = ir_fresh(ir, n, used);
    Index j = ir_fresh(ir, n, used | INDEX_BIT(i));
    Ref below = ir_compare(ir, BI_le, ir_idx(ir, j), ir_idx(ir, i));
    return in_place(ir, LIB_CHOLESKY, i, j, ir_guard(ir, below, entry(ir, matrix, i, j)));
}

/* The solution for each column of `right`, columns one after the other in memory; without `right`,
 * for those of the identity. */
static Ref solution(Ir *ir, LibId f, Ref factor, Dim n, Ref right) {
    Dim columns = right != REF_NONE ? ir_node(ir, right)->shape[1] : n;
    IndexSet used = ir_free(ir, factor) | (right != REF_NONE ? ir_free(ir, right) : 0);
    Index i = ir_fresh(ir, n, used);
    Index c = ir_fresh(ir, columns, used | INDEX_BIT(i));
    const Index targets[] = {c, i};
    const Index axes[] = {i, c};
    Ref value = right != REF_NONE
                    ? entry(ir, right, i, c)
                    : ir_convert(ir, ir_compare(ir, BI_eq, ir_idx(ir, i), ir_idx(ir, c)));
    return ir_array(ir, axes, 2, ir_lib_planned(ir, f, targets, value, factor));
}

/* Entry `row` past the matrix, in the first column of its factors. */
static Ref of_factors(Ir *ir, Ref matrix, int64_t row) {
    Dim n = ir_node(ir, matrix)->shape[0];
    const Ref at[] = {ir_size(ir, dim_add(ir, n, dim_const(ir, row))), ir_int(ir, 0)};
    return ir_read(ir, factors(ir, matrix), at, 2);
}

static Ref inverse_of_factor(Ir *ir, Ref factor) {
    Dim n = ir_node(ir, factor)->shape[0];
    IndexSet used = ir_free(ir, factor);
    Index i = ir_fresh(ir, n, used);
    Index j = ir_fresh(ir, n, used | INDEX_BIT(i));
    return in_place(ir, LIB_FACTOR_INV, i, j, entry(ir, factor, i, j));
}

/* 2 Σ log L[i, i] */
static Ref log_of_factor(Ir *ir, Ref factor) {
    Index i = ir_fresh(ir, ir_node(ir, factor)->shape[0], ir_free(ir, factor));
    Ref sum = ir_sum(ir, i, ir_call1(ir, BI_log, entry(ir, factor, i, i)));
    return ir_mul(ir, ir_real(ir, 2), sum);
}

Ref lib_prepare(Ir *ir, LibId f, const Ref *args) {
    Dim n = ir_node(ir, args[0])->shape[0];
    switch (f) {
    case LIB_CHOLESKY:
        return factored(ir, args[0]);
    case LIB_LOWER_SOLVE:
    case LIB_LOWER_SOLVE_T:
        return solution(ir, f, in_memory(ir, args[0]), n, args[1]);
    case LIB_SOLVE:
        return solution(ir, LIB_LU_SOLVE, factors(ir, args[0]), n, args[1]);
    case LIB_SOLVE_T:
        return solution(ir, LIB_LU_SOLVE_T, factors(ir, args[0]), n, args[1]);
    case LIB_INV:
        return solution(ir, LIB_LU_SOLVE, factors(ir, args[0]), n, REF_NONE);
    case LIB_DET:
        return of_factors(ir, args[0], 1);
    case LIB_LOGDET:
        return of_factors(ir, args[0], 2);
    case LIB_SPD_SOLVE:
        return solution(ir, LIB_FACTOR_SOLVE, factored(ir, args[0]), n, args[1]);
    case LIB_SPD_INV:
        return inverse_of_factor(ir, factored(ir, args[0]));
    case LIB_SPD_LOGDET:
        return log_of_factor(ir, factored(ir, args[0]));
    case LIB_ENTRIES:
    case LIB_LU:
    case LIB_LU_SOLVE:
    case LIB_LU_SOLVE_T:
    case LIB_FACTOR_SOLVE:
    case LIB_FACTOR_INV:
    case LIB_COUNT:
        break;
    }
    ice("loop", "%s is planned already", lib_table[f].name);
}

/* ---- the call
 * ---------------------------------------------------------------------------------------- */

IndexSet lib_targets(const Node *node) {
    return two(node->as.lib.targets[0], node->as.lib.targets[1]);
}

/* Where the matrix of a stage begins: its targets are 0, its other axes where the scope is. */
static const LoopExpr *matrix_start(Plan *plan, const Scope *scope, const Stage *stage) {
    const Node *node = ir_node(plan->ir, stage->value);
    const LoopExpr *positions[INDEX_LIMIT];
    Dim dims[INDEX_LIMIT];
    for (unsigned k = 0; k < stage->axis_count; k++) {
        Index x = stage->axes[k];
        bool target = (lib_targets(node) & INDEX_BIT(x)) != 0;
        dims[k] = segment_dim(plan, stage->segment, x);
        positions[k] = x_int(plan, 0);
        if (!target && !scope->at[x]) {
            ice("loop", "a library call stands outside the loop over %s",
                dim_text(plan->ir, dims[k]));
        }
        if (!target) {
            positions[k] = segment_position(plan, stage->segment, x, scope->at[x]);
        }
    }
    return x_index(plan, positions, dims, stage->axis_count);
}

void lib_call(Plan *plan, Scope *scope, const Stage *stage) {
    Node node = *ir_node(plan->ir, stage->value);
    LibId f = node.as.lib.id;
    if (f == LIB_ENTRIES) {
        return;
    }
    Dim columns = ir_index_dim(plan->ir, node.as.lib.targets[0]);
    Dim n = ir_index_dim(plan->ir, node.as.lib.targets[1]);
    Stmt *stmt = block_add(plan, scope->block, LS_LIB);
    stmt->s.lib = f;
    stmt->s.buffer = stmt->s.factor = stage->buffer;
    stmt->s.index = matrix_start(plan, scope, stage);
    stmt->s.value = x_dim(plan, n);
    stmt->s.span = stage->span;
    plan->program->buffers[stage->buffer].written = true;
    if (node.arg_count > 1) {
        const Stage *factor = plan->stage_of[ir_node(plan->ir, node.args[1])->args[0]];
        stmt->s.factor = factor->buffer;
        stmt->s.low = matrix_start(plan, scope, factor);
        stmt->s.high = x_dim(plan, columns);
    }
}
