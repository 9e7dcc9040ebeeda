/* lib.c: the derivatives of library operations (linear algebra), in terms of the same operations,
 * so that they can be differentiated again. Matrices are written by their entries: row i, column j,
 * i and j fresh indices. g is the adjoint of the result X, G its array; Λ a solution with G.
 *
 *   X = A⁻¹B        B̄ += Λ = A⁻ᵀG, Ā −= Λ Xᵀ          Ẋ = A⁻¹(Ḃ − ȦX)
 *   X = A⁻ᵀB        B̄ += Λ = A⁻¹G, Ā −= X Λᵀ          Ẋ = A⁻ᵀ(Ḃ − ȦᵀX)
 *   triangular      the same, of the lower triangle of the matrix alone
 *   X = A⁻¹         Ā −= Xᵀ G Xᵀ                      Ẋ = −X Ȧ X
 *   log|det A|      Ā += g A⁻ᵀ                        Σ A⁻ᵀ ∘ Ȧ; det: times the determinant
 *   A = Aᵀ > 0      the same as of any A, of both triangles at once: Ā += E + Eᵀ below the diagonal
 *   A = L Lᵀ        S = L⁻ᵀ Φ(Lᵀ G) L⁻¹               L̇ = L Φ(L⁻¹ Ȧ L⁻ᵀ)
 *                   Ā += S + Sᵀ below the diagonal, S on it
 * where Φ takes the lower triangle and half of the diagonal (Murray 2016, "Differentiation of the
 * Cholesky decomposition"). Only the lower triangle of A counts in the last two.
 *
 * What is made of the Cholesky factor L of A is often a simple function of A itself, whose
 * derivatives are less work, and do not go through L:
 *
 *   Σ log L[i, i]   half of log det A                 an inverse instead of two solves of n columns
 *   Σ (L⁻¹B)[i, c]² B[:, c] · Y[:, c], Y = A⁻¹B       no O(n³) at all
 *   L⁻ᵀ(L⁻¹B)       Y                                 likewise */
#include "diff/sweep.h"

typedef struct {
    Ir *ir;
    IndexSet used;
    Index i, j, q; /* rows and columns of a square matrix, and one to sum over */
    Index c;       /* columns of B; not of operations on one matrix */
} Matrices;

/* For a square matrix; `used`: other indices that occur. */
static Matrices matrices_of(Ir *ir, Ref a, IndexSet used) {
    Matrices m = {.ir = ir, .used = used | ir_free(ir, a)};
    const Dim n = ir_node(ir, a)->shape[0];
    m.i = ir_fresh(ir, n, m.used);
    m.used |= INDEX_BIT(m.i);
    m.j = ir_fresh(ir, n, m.used);
    m.used |= INDEX_BIT(m.j);
    m.q = ir_fresh(ir, n, m.used);
    m.used |= INDEX_BIT(m.q);
    m.c = m.j;
    return m;
}

/* For the operation f of A and, unless REF_NONE, B. */
static Matrices matrices(Ir *ir, Ref a, Ref b, IndexSet used) {
    Matrices m = matrices_of(ir, a, used | (b != REF_NONE ? ir_free(ir, b) : 0));
    if (b != REF_NONE) {
        m.c = ir_fresh(ir, ir_node(ir, b)->shape[1], m.used);
        m.used |= INDEX_BIT(m.c);
    }
    return m;
}

static Ref at(const Matrices *m, Ref matrix, Index row, Index column) {
    const Index names[] = {row, column};
    return diff_read_at(m->ir, matrix, REF_NONE, names, 2);
}

static Ref close(const Matrices *m, Index row, Index column, Ref entry) {
    const Index names[] = {row, column};
    return ir_array(m->ir, names, 2, entry);
}

static Ref transpose(const Matrices *m, Ref matrix) {
    return close(m, m->i, m->j, at(m, matrix, m->j, m->i));
}

/* The entry (i, j) where j ≤ i, else 0. */
static Ref lower(const Matrices *m, Ref entry) {
    const Ref column = ir_idx(m->ir, m->j);
    const Ref row = ir_idx(m->ir, m->i);
    return ir_guard(m->ir, ir_compare(m->ir, BI_le, column, row), entry);
}

/* Φ: the lower triangle, and half of the diagonal, of entries (i, j). */
static Ref lower_half(const Matrices *m, Ref entry) {
    Ir *ir = m->ir;
    const Ref diagonal = ir_compare(ir, BI_eq, ir_idx(ir, m->i), ir_idx(ir, m->j));
    const Ref half = ir_real(ir, 0.5);
    const Ref one = ir_real(ir, 1);
    const Ref weight = ir_select(ir, diagonal, half, one);
    return lower(m, ir_mul(ir, weight, entry));
}

/* Σ over `bound` of p q. */
static Ref product(const Matrices *m, Index bound, Ref p, Ref q) {
    return ir_sum(m->ir, bound, ir_mul(m->ir, p, q));
}

static bool is_triangular(LibId f) {
    return f == LIB_LOWER_SOLVE || f == LIB_LOWER_SOLVE_T;
}

/* Of a symmetric matrix, of which only the lower triangle is read. */
static bool is_symmetric(LibId f) {
    return f == LIB_SPD_SOLVE || f == LIB_SPD_INV || f == LIB_SPD_LOGDET;
}

/* Adds to the operand of v the contributions E(i, j), of a matrix as f reads it. */
static void accumulate(Reverse *r, const Matrices *m, LibId f, Ref a, Ref entry) {
    if (is_triangular(f)) {
        entry = lower(m, entry);
    }
    if (is_symmetric(f)) {
        const Ref all = close(m, m->i, m->j, entry);
        entry = lower_half(m, ir_add(m->ir, entry, at(m, all, m->j, m->i)));
    }
    reverse_accumulate_array(r, a, close(m, m->i, m->j, entry), REF_NONE);
}

/* The tangent of a matrix as f reads it. */
static Ref tangent(const Matrices *m, LibId f, Ref a_dot) {
    Ir *ir = m->ir;
    const Ref own = at(m, a_dot, m->i, m->j);
    if (is_triangular(f)) {
        return close(m, m->i, m->j, lower(m, own));
    }
    if (is_symmetric(f) || f == LIB_CHOLESKY) {
        const Ref below = ir_compare(ir, BI_le, ir_idx(ir, m->j), ir_idx(ir, m->i));
        const Ref entry = ir_select(ir, below, own, at(m, a_dot, m->j, m->i));
        return close(m, m->i, m->j, entry);
    }
    return a_dot;
}

static LibId transposed(LibId f) {
    return f == LIB_SOLVE           ? LIB_SOLVE_T
           : f == LIB_SOLVE_T       ? LIB_SOLVE
           : f == LIB_LOWER_SOLVE   ? LIB_LOWER_SOLVE_T
           : f == LIB_LOWER_SOLVE_T ? LIB_LOWER_SOLVE
                                    : f;
}

/* ---- what is made of a Cholesky factor
 * ----------------------------------------------------------------- */

/* Σ over `row` of (L⁻¹B)[row, column]², L the factor of A. */
typedef struct {
    Ref a, b, column;
    Index row;
} Squares;

static bool is_lib(const Ir *ir, Ref v, LibId f) {
    return ir_node(ir, v)->op == OP_LIB && ir_node(ir, v)->as.lib.id == f;
}

/* The matrix that `factor` is the Cholesky factor of, or REF_NONE. */
static Ref factored(const Ir *ir, Ref factor) {
    return is_lib(ir, factor, LIB_CHOLESKY) ? ir_node(ir, factor)->args[0] : REF_NONE;
}

/* Is v = L⁻ᵀ(L⁻¹B), L the factor of A? */
static bool is_solution_by_factor(const Ir *ir, Ref v, Ref *a, Ref *b) {
    if (!is_lib(ir, v, LIB_LOWER_SOLVE_T)) {
        return false;
    }
    const Node *outer = ir_node(ir, v);
    const Node *inner = ir_node(ir, outer->args[1]);
    const Ref matrix = factored(ir, outer->args[0]);
    if (matrix == REF_NONE || !is_lib(ir, outer->args[1], LIB_LOWER_SOLVE) ||
        inner->args[0] != outer->args[0]) {
        return false;
    }
    *a = matrix;
    *b = inner->args[1];
    return true;
}

/* The array that v, the sum over one index of a function of its entries, reads in all its rows;
 * REF_NONE: it is no such sum. *column: the second position. */
static Ref rows_summed(const Ir *ir, Ref v, BuiltinId function, Ref *column) {
    const Node *sum = ir_node(ir, v);
    const Node *call = sum->op == OP_SUM ? ir_node(ir, sum->args[0]) : NULL;
    if (!call || call->op != OP_CALL || call->as.builtin != function) {
        return REF_NONE;
    }
    const Node *read = ir_node(ir, call->args[0]);
    const Index i = sum->as.index;
    if (read->op != OP_READ || read->arg_count != 3) {
        return REF_NONE;
    }
    const Node *row = ir_node(ir, read->args[1]);
    const Node *array = ir_node(ir, read->args[0]);
    const bool whole = row->op == OP_INDEX && row->as.index == i &&
                       array->shape[0] == ir_index_dim(ir, i) && (array->free & INDEX_BIT(i)) == 0;
    *column = read->args[2];
    return whole ? read->args[0] : REF_NONE;
}

/* The matrix A of which v is Σ log L[i, i]; REF_NONE: of none. */
static Ref is_log_of_factor(const Ir *ir, Ref v) {
    Ref column;
    const Ref factor = rows_summed(ir, v, BI_log, &column);
    const Node *at = factor != REF_NONE ? ir_node(ir, column) : NULL;
    const bool diagonal = at && at->op == OP_INDEX && at->as.index == ir_node(ir, v)->as.index;
    return diagonal ? factored(ir, factor) : REF_NONE;
}

static bool is_squares(const Ir *ir, Ref v, Squares *s) {
    const Ref solution = rows_summed(ir, v, BI_square, &s->column);
    if (solution == REF_NONE || !is_lib(ir, solution, LIB_LOWER_SOLVE)) {
        return false;
    }
    s->row = ir_node(ir, v)->as.index;
    s->a = factored(ir, ir_node(ir, solution)->args[0]);
    s->b = ir_node(ir, solution)->args[1];
    return s->a != REF_NONE && (ir_free(ir, s->column) & INDEX_BIT(s->row)) == 0;
}

static Ref column_at(Ir *ir, Ref matrix, Index row, Ref column) {
    const Ref at[] = {ir_idx(ir, row), column};
    return ir_read(ir, matrix, at, 2);
}

/* ---- reverse ------------------------------------------------------------------------------------
 */

/* v: the solution of f for A and B. */
static void reverse_solve(Reverse *r, const Matrices *m, LibId f, Ref a, Ref b, Ref v, Ref closed) {
    Ir *ir = r->ir;
    const Ref lambda = ir_lib2(ir, transposed(f), a, closed);
    reverse_accumulate_array(r, b, lambda, REF_NONE);
    if (!r->active[a]) {
        return;
    }
    const bool straight = f != LIB_SOLVE_T && f != LIB_LOWER_SOLVE_T;
    const Ref left = at(m, straight ? lambda : v, m->i, m->c);
    const Ref right = at(m, straight ? v : lambda, m->j, m->c);
    accumulate(r, m, f, a, ir_neg(ir, product(m, m->c, left, right)));
}

static void reverse_inv(Reverse *r, const Matrices *m, Ref v, Ref closed) {
    Ir *ir = r->ir;
    const Ref p = at(m, v, m->q, m->i);
    const Ref g = at(m, closed, m->q, m->j);
    const Ref inner = close(m, m->i, m->j, product(m, m->q, p, g)); /* XᵀG */
    const Ref left = at(m, inner, m->i, m->q);
    const Ref right = at(m, v, m->j, m->q);
    const Node *node = ir_node(ir, v);
    const Ref entry = ir_neg(ir, product(m, m->q, left, right));
    accumulate(r, m, node->as.lib.id, node->args[0], entry);
}

/* g: the adjoint of half of log det A, A > 0. Its inverse is symmetric: no second product. */
static void reverse_half_logdet(Reverse *r, const Matrices *m, Ref a, Ref g) {
    const Ref inverse = ir_lib1(r->ir, LIB_SPD_INV, a);
    const Ref entry = lower_half(m, ir_mul(r->ir, g, at(m, inverse, m->i, m->j)));
    reverse_accumulate_array(r, a, close(m, m->i, m->j, entry), REF_NONE);
}

static void reverse_determinant(Reverse *r, const Matrices *m, Ref v, Ref g) {
    Ir *ir = r->ir;
    const Node *node = ir_node(ir, v);
    const LibId f = node->as.lib.id;
    if (f == LIB_SPD_LOGDET) {
        reverse_half_logdet(r, m, node->args[0], ir_mul(ir, g, ir_real(ir, 2)));
        return;
    }
    const Ref weight = f == LIB_DET ? ir_mul(ir, g, v) : g;
    const Ref inverse = ir_lib1(ir, LIB_INV, node->args[0]);
    const Ref entry = ir_mul(ir, weight, at(m, inverse, m->j, m->i));
    reverse_accumulate_array(r, node->args[0], close(m, m->i, m->j, entry), REF_NONE);
}

static void reverse_cholesky(Reverse *r, const Matrices *m, Ref v, Ref closed) {
    Ir *ir = r->ir;
    const Ref below = ir_compare(ir, BI_le, ir_idx(ir, m->j), ir_idx(ir, m->q));
    const Ref g = ir_guard(ir, below, at(m, closed, m->q, m->j)); /* above it nothing moves */
    const Ref phi = lower_half(m, product(m, m->q, at(m, v, m->q, m->i), g));
    const Ref half = ir_lib2(ir, LIB_LOWER_SOLVE_T, v, close(m, m->i, m->j, phi));
    const Ref s = ir_lib2(ir, LIB_LOWER_SOLVE_T, v, transpose(m, half)); /* Sᵀ */
    const Ref row = ir_idx(ir, m->i);
    const Ref off = ir_compare(ir, BI_lt, ir_idx(ir, m->j), row);
    const Ref other = ir_guard(ir, off, at(m, s, m->i, m->j));
    const Ref entry = lower(m, ir_add(ir, at(m, s, m->j, m->i), other));
    reverse_accumulate_array(r, ir_node(ir, v)->args[0], close(m, m->i, m->j, entry), REF_NONE);
}

void reverse_lib(Reverse *r, Ref v, Ref g) {
    Ir *ir = r->ir;
    const Node *node = ir_node(ir, v);
    Index names[RANK_LIMIT];
    const unsigned rank = node->rank > 0 ? ir_axis_names(ir, v, names) : 0;
    const Ref closed = ir_array(ir, names, rank, g);
    LibId f = node->as.lib.id;
    Ref a = node->args[0];
    Ref b = node->arg_count > 1 ? node->args[1] : REF_NONE;
    if (is_solution_by_factor(ir, v, &a, &b)) {
        f = LIB_SPD_SOLVE;
    }
    const Matrices m = matrices(ir, a, b, ir_free(ir, closed) | r->held);
    switch (f) {
    case LIB_CHOLESKY:
        reverse_cholesky(r, &m, v, closed);
        return;
    case LIB_SOLVE:
    case LIB_SOLVE_T:
    case LIB_LOWER_SOLVE:
    case LIB_LOWER_SOLVE_T:
    case LIB_SPD_SOLVE:
        reverse_solve(r, &m, f, a, b, v, closed);
        return;
    case LIB_INV:
    case LIB_SPD_INV:
        reverse_inv(r, &m, v, closed);
        return;
    case LIB_LOGDET:
    case LIB_SPD_LOGDET:
    case LIB_DET:
        reverse_determinant(r, &m, v, g);
        return;
    case LIB_ENTRIES:
    case LIB_LU:
    case LIB_LU_SOLVE:
    case LIB_LU_SOLVE_T:
    case LIB_FACTOR_SOLVE:
    case LIB_FACTOR_INV:
    case LIB_COUNT:
        break;
    }
    ice("diff", "%s is differentiated before it is planned", lib_table[node->as.lib.id].name);
}

/* Ā −= g Y[:, c] Y[:, c]ᵀ, B̄[:, c] += 2 g Y[:, c] */
static void reverse_squares(Reverse *r, Ref v, Ref g, const Squares *s) {
    Ir *ir = r->ir;
    const Ref y = ir_lib2(ir, LIB_SPD_SOLVE, s->a, s->b);
    const IndexSet used = ir_free(ir, g) | ir_free(ir, v) | ir_free(ir, y) | r->held;
    const Matrices m = matrices_of(ir, s->a, used);
    const Ref twice = ir_mul(ir, ir_real(ir, 2), g);
    if (r->active[s->a]) {
        const Ref left = column_at(ir, y, m.i, s->column);
        const Ref both = ir_mul(ir, left, column_at(ir, y, m.j, s->column));
        const Ref entry = lower_half(&m, ir_neg(ir, ir_mul(ir, twice, both)));
        reverse_accumulate_array(r, s->a, close(&m, m.i, m.j, entry), REF_NONE);
    }
    if (r->active[s->b]) {
        const Ref c = ir_mul(ir, twice, column_at(ir, y, s->row, s->column));
        const Ref at[] = {ir_idx(ir, s->row), s->column};
        reverse_accumulate_at(r, s->b, at, ir_free(ir, v) | INDEX_BIT(s->row), c);
    }
}

bool reverse_factor_sum(Reverse *r, Ref v, Ref g) {
    Squares squares;
    const Ref a = is_log_of_factor(r->ir, v);
    if (a != REF_NONE && r->active[a]) {
        const Matrices m = matrices_of(r->ir, a, ir_free(r->ir, g) | r->held);
        r->guard = diff_branch_condition(r->ir, r->branches[v]);
        reverse_half_logdet(r, &m, a, g);
        return true;
    }
    if (is_squares(r->ir, v, &squares) && r->active[squares.a]) {
        r->guard = diff_branch_condition(r->ir, r->branches[v]);
        reverse_squares(r, v, g, &squares);
        return true;
    }
    return false;
}

/* ---- forward ------------------------------------------------------------------------------------
 */

static IndexSet dot_free(const Ir *ir, Ref dot) {
    return dot != REF_NONE ? ir_free(ir, dot) : 0;
}

/* v: the solution of f for A and B. */
static Ref forward_solve(const Matrices *m, LibId f, Ref a, Ref v, Ref a_dot, Ref b_dot) {
    Ir *ir = m->ir;
    Ref right = b_dot != REF_NONE ? at(m, b_dot, m->i, m->c) : REF_NONE;
    if (a_dot != REF_NONE) {
        const Ref dot = tangent(m, f, a_dot);
        const bool straight = f != LIB_SOLVE_T && f != LIB_LOWER_SOLVE_T;
        const Ref left = straight ? at(m, dot, m->i, m->q) : at(m, dot, m->q, m->i);
        const Ref moved = product(m, m->q, left, at(m, v, m->q, m->c));
        right = right == REF_NONE ? ir_neg(ir, moved) : ir_sub(ir, right, moved);
    }
    return ir_lib2(ir, f, a, close(m, m->i, m->c, right));
}

static Ref forward_inv(const Matrices *m, Ref v, Ref a_dot) {
    const Ref dot = tangent(m, ir_node(m->ir, v)->as.lib.id, a_dot);
    const Ref left = product(m, m->q, at(m, v, m->i, m->q), at(m, dot, m->q, m->j));
    const Ref inner = close(m, m->i, m->j, left);
    const Ref entry = product(m, m->q, at(m, inner, m->i, m->q), at(m, v, m->q, m->j));
    return close(m, m->i, m->j, ir_neg(m->ir, entry));
}

/* Σ A⁻ᵀ ∘ Ȧ */
static Ref forward_log(const Matrices *m, LibId f, Ref a, Ref a_dot) {
    Ir *ir = m->ir;
    const Ref inverse = ir_lib1(ir, f == LIB_SPD_LOGDET ? LIB_SPD_INV : LIB_INV, a);
    const Ref dot = tangent(m, f, a_dot);
    const Ref term = ir_mul(ir, at(m, inverse, m->j, m->i), at(m, dot, m->i, m->j));
    return ir_sum(ir, m->i, ir_sum(ir, m->j, term));
}

static Ref forward_determinant(const Matrices *m, Ref v, Ref a_dot) {
    const Node *node = ir_node(m->ir, v);
    const LibId f = node->as.lib.id;
    const Ref sum = forward_log(m, f, node->args[0], a_dot);
    return f == LIB_DET ? ir_mul(m->ir, v, sum) : sum;
}

static Ref forward_cholesky(const Matrices *m, Ref v, Ref a_dot) {
    Ir *ir = m->ir;
    const Ref half = ir_lib2(ir, LIB_LOWER_SOLVE, v, tangent(m, LIB_CHOLESKY, a_dot));
    const Ref whole = ir_lib2(ir, LIB_LOWER_SOLVE, v, transpose(m, half));
    const Ref phi = close(m, m->i, m->j, lower_half(m, at(m, whole, m->i, m->j)));
    const Ref entry = product(m, m->q, at(m, v, m->i, m->q), at(m, phi, m->q, m->j));
    return close(m, m->i, m->j, lower(m, entry));
}

Ref forward_lib(Ir *ir, Ref v, const Ref *dot) {
    const Node *node = ir_node(ir, v);
    LibId f = node->as.lib.id;
    Ref a = node->args[0];
    Ref b = node->arg_count > 1 ? node->args[1] : REF_NONE;
    if (is_solution_by_factor(ir, v, &a, &b)) {
        f = LIB_SPD_SOLVE;
    }
    const Ref b_dot = b != REF_NONE ? dot[b] : REF_NONE;
    const Ref a_dot = dot[a];
    const IndexSet used = dot_free(ir, a_dot) | dot_free(ir, b_dot);
    const Matrices m = matrices(ir, a, b, used);
    switch (f) {
    case LIB_CHOLESKY:
        return forward_cholesky(&m, v, a_dot);
    case LIB_SOLVE:
    case LIB_SOLVE_T:
    case LIB_LOWER_SOLVE:
    case LIB_LOWER_SOLVE_T:
    case LIB_SPD_SOLVE:
        return forward_solve(&m, f, a, v, a_dot, b_dot);
    case LIB_INV:
    case LIB_SPD_INV:
        return forward_inv(&m, v, a_dot);
    case LIB_LOGDET:
    case LIB_SPD_LOGDET:
    case LIB_DET:
        return forward_determinant(&m, v, a_dot);
    case LIB_ENTRIES:
    case LIB_LU:
    case LIB_LU_SOLVE:
    case LIB_LU_SOLVE_T:
    case LIB_FACTOR_SOLVE:
    case LIB_FACTOR_INV:
    case LIB_COUNT:
        break;
    }
    ice("diff", "%s is differentiated before it is planned", lib_table[node->as.lib.id].name);
}

/* 2 Σ Ḃ[:, c] Y[:, c] − Σ Y[:, c]ᵀ Ȧ Y[:, c] */
static Ref forward_squares(Ir *ir, const Squares *s, Ref a_dot, Ref b_dot) {
    const Ref y = ir_lib2(ir, LIB_SPD_SOLVE, s->a, s->b);
    const IndexSet used = dot_free(ir, b_dot) | dot_free(ir, a_dot) | ir_free(ir, y);
    const Matrices m = matrices_of(ir, s->a, used | ir_free(ir, s->column));
    const Ref dot = tangent(&m, LIB_SPD_SOLVE, a_dot);
    const Ref right = column_at(ir, y, m.j, s->column);
    const Ref inner = ir_sum(ir, m.j, ir_mul(ir, at(&m, dot, m.i, m.j), right));
    const Ref left = column_at(ir, y, m.i, s->column);
    const Ref less = ir_sum(ir, m.i, ir_mul(ir, left, inner));
    if (b_dot == REF_NONE) {
        return ir_neg(ir, less);
    }
    const Ref own = ir_sum(ir, m.i, ir_mul(ir, column_at(ir, b_dot, m.i, s->column), left));
    return ir_sub(ir, ir_mul(ir, ir_real(ir, 2), own), less);
}

Ref forward_factor_sum(Ir *ir, Ref v, const Ref *dot) {
    Squares squares;
    const Ref a = is_log_of_factor(ir, v);
    if (a != REF_NONE && dot[a] != REF_NONE) {
        const Matrices m = matrices_of(ir, a, dot_free(ir, dot[a]));
        const Ref twice = forward_log(&m, LIB_SPD_LOGDET, a, dot[a]);
        return ir_mul(ir, ir_real(ir, 0.5), twice);
    }
    if (is_squares(ir, v, &squares) && dot[squares.a] != REF_NONE) {
        return forward_squares(ir, &squares, dot[squares.a], dot[squares.b]);
    }
    return REF_NONE;
}
