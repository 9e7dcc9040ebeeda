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
 * Cholesky decomposition"). Only the lower triangle of A counts in the last two. */
#include "diff/sweep.h"

typedef struct {
    Ir *ir;
    IndexSet used;
    Index i, j, q; /* rows and columns of a square matrix, and one to sum over */
    Index c;       /* columns of B; not of operations on one matrix */
} Matrices;

static Matrices matrices(Ir *ir, Ref v, IndexSet used) {
    const Node *node = ir_node(ir, v);
    Matrices m = {.ir = ir, .used = used | node->free};
    for (uint32_t k = 0; k < node->arg_count; k++) {
        m.used |= ir_free(ir, node->args[k]);
    }
    const Dim n = ir_node(ir, node->args[0])->shape[0];
    m.i = ir_fresh(ir, n, m.used);
    m.used |= INDEX_BIT(m.i);
    m.j = ir_fresh(ir, n, m.used);
    m.used |= INDEX_BIT(m.j);
    m.q = ir_fresh(ir, n, m.used);
    m.used |= INDEX_BIT(m.q);
    m.c = m.j;
    if (node->arg_count > 1) {
        m.c = ir_fresh(ir, ir_node(ir, node->args[1])->shape[1], m.used);
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

/* ---- reverse ------------------------------------------------------------------------------------
 */

static void reverse_solve(Reverse *r, const Matrices *m, Ref v, Ref closed) {
    Ir *ir = r->ir;
    const Node *node = ir_node(ir, v);
    const LibId f = node->as.lib.id;
    const Ref a = node->args[0];
    const Ref b = node->args[1];
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

static void reverse_determinant(Reverse *r, const Matrices *m, Ref v, Ref g) {
    Ir *ir = r->ir;
    const Node *node = ir_node(ir, v);
    const LibId f = node->as.lib.id;
    const Ref weight = f == LIB_DET ? ir_mul(ir, g, v) : g;
    if (f == LIB_SPD_LOGDET) { /* its inverse is symmetric: no second product */
        const Ref inverse = ir_lib1(ir, LIB_SPD_INV, node->args[0]);
        const Ref twice = ir_mul(ir, ir_real(ir, 2), at(m, inverse, m->i, m->j));
        const Ref entry = lower_half(m, ir_mul(ir, weight, twice));
        reverse_accumulate_array(r, node->args[0], close(m, m->i, m->j, entry), REF_NONE);
        return;
    }
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
    const Matrices m = matrices(ir, v, ir_free(ir, closed) | r->held);
    switch (node->as.lib.id) {
    case LIB_CHOLESKY:
        reverse_cholesky(r, &m, v, closed);
        return;
    case LIB_SOLVE:
    case LIB_SOLVE_T:
    case LIB_LOWER_SOLVE:
    case LIB_LOWER_SOLVE_T:
    case LIB_SPD_SOLVE:
        reverse_solve(r, &m, v, closed);
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

/* ---- forward ------------------------------------------------------------------------------------
 */

static Ref forward_solve(const Matrices *m, Ref v, Ref a_dot, Ref b_dot) {
    Ir *ir = m->ir;
    const Node *node = ir_node(ir, v);
    const LibId f = node->as.lib.id;
    Ref right = b_dot != REF_NONE ? at(m, b_dot, m->i, m->c) : REF_NONE;
    if (a_dot != REF_NONE) {
        const Ref dot = tangent(m, f, a_dot);
        const bool straight = f != LIB_SOLVE_T && f != LIB_LOWER_SOLVE_T;
        const Ref left = straight ? at(m, dot, m->i, m->q) : at(m, dot, m->q, m->i);
        const Ref moved = product(m, m->q, left, at(m, v, m->q, m->c));
        right = right == REF_NONE ? ir_neg(ir, moved) : ir_sub(ir, right, moved);
    }
    return ir_lib2(ir, f, node->args[0], close(m, m->i, m->c, right));
}

static Ref forward_inv(const Matrices *m, Ref v, Ref a_dot) {
    const Ref dot = tangent(m, ir_node(m->ir, v)->as.lib.id, a_dot);
    const Ref left = product(m, m->q, at(m, v, m->i, m->q), at(m, dot, m->q, m->j));
    const Ref inner = close(m, m->i, m->j, left);
    const Ref entry = product(m, m->q, at(m, inner, m->i, m->q), at(m, v, m->q, m->j));
    return close(m, m->i, m->j, ir_neg(m->ir, entry));
}

static Ref forward_determinant(const Matrices *m, Ref v, Ref a_dot) {
    Ir *ir = m->ir;
    const Node *node = ir_node(ir, v);
    const LibId f = node->as.lib.id;
    const Ref inverse = ir_lib1(ir, f == LIB_SPD_LOGDET ? LIB_SPD_INV : LIB_INV, node->args[0]);
    const Ref dot = tangent(m, f, a_dot);
    const Ref term = ir_mul(ir, at(m, inverse, m->j, m->i), at(m, dot, m->i, m->j));
    const Ref sum = ir_sum(ir, m->i, ir_sum(ir, m->j, term));
    return f == LIB_DET ? ir_mul(ir, v, sum) : sum;
}

static Ref forward_cholesky(const Matrices *m, Ref v, Ref a_dot) {
    Ir *ir = m->ir;
    const Ref half = ir_lib2(ir, LIB_LOWER_SOLVE, v, tangent(m, LIB_CHOLESKY, a_dot));
    const Ref whole = ir_lib2(ir, LIB_LOWER_SOLVE, v, transpose(m, half));
    const Ref phi = close(m, m->i, m->j, lower_half(m, at(m, whole, m->i, m->j)));
    const Ref entry = product(m, m->q, at(m, v, m->i, m->q), at(m, phi, m->q, m->j));
    return close(m, m->i, m->j, lower(m, entry));
}

Ref forward_lib(Ir *ir, Ref v, const Ref *dots) {
    const Node *node = ir_node(ir, v);
    IndexSet used = 0;
    for (uint32_t k = 0; k < node->arg_count; k++) {
        used |= dots[k] != REF_NONE ? ir_free(ir, dots[k]) : 0;
    }
    const Matrices m = matrices(ir, v, used);
    switch (node->as.lib.id) {
    case LIB_CHOLESKY:
        return forward_cholesky(&m, v, dots[0]);
    case LIB_SOLVE:
    case LIB_SOLVE_T:
    case LIB_LOWER_SOLVE:
    case LIB_LOWER_SOLVE_T:
    case LIB_SPD_SOLVE:
        return forward_solve(&m, v, dots[0], dots[1]);
    case LIB_INV:
    case LIB_SPD_INV:
        return forward_inv(&m, v, dots[0]);
    case LIB_LOGDET:
    case LIB_SPD_LOGDET:
    case LIB_DET:
        return forward_determinant(&m, v, dots[0]);
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
