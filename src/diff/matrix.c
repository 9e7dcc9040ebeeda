/* matrix.c: derivatives of more than one direction or more than one value: directional derivatives
 * of all outputs, Hessian times vector (forward over reverse), Hessians and Jacobians. The rows of
 * a matrix are held indices: one sweep stands for all of them, and loops stay loops. A block is
 * an OUT_MATRIX output: the entries of one output, or of one variable, by one variable. */
#include "diff/squares.h"
#include "diff/sweep.h"

#include <string.h>

/* Held indices are no axis of anything: their ordinals are far from those of binders. */
enum { ROW_ORDINAL = 800 };

typedef struct {
    const Diff *diff;
    Ir *ir;
    const uint32_t *wrt;
    size_t wrt_count;
    Ref *leaves;     /* the values of wrt */
    Dim *begins;     /* of each variable in a flat vector of all; then the length of that */
    unsigned serial; /* of the indices that are held at a time */
    bool failed;
} Matrix;

static Dim leaf_entries(Ir *ir, uint32_t leaf) {
    Dim size = dim_const(ir, 1);
    for (unsigned k = 0; k < ir->leaves[leaf].rank; k++) {
        size = dim_mul(ir, size, ir->leaves[leaf].shape[k]);
    }
    return size;
}

static Dim output_entries(Ir *ir, const Output *output) {
    Dim size = dim_const(ir, 1);
    for (unsigned k = 0; k < output->rank; k++) {
        size = dim_mul(ir, size, ir_index_dim(ir, output->axes[k]));
    }
    return size;
}

static Matrix matrix_open(const Diff *diff, Ir *ir, const uint32_t *wrt, size_t wrt_count) {
    Matrix m = {.diff = diff, .ir = ir, .wrt = wrt, .wrt_count = wrt_count};
    m.leaves = arena_array(ir->arena, Ref, wrt_count + 1);
    m.begins = arena_array(ir->arena, Dim, wrt_count + 1);
    Dim length = dim_const(ir, 0);
    for (size_t k = 0; k < wrt_count; k++) {
        m.leaves[k] = ir_leaf(ir, wrt[k]);
        m.begins[k] = length;
        length = dim_add(ir, length, leaf_entries(ir, wrt[k]));
    }
    m.begins[wrt_count] = length;
    return m;
}

static Index held_index(Matrix *m, Dim dim) {
    return ir_index(m->ir, dim, ROW_ORDINAL + m->serial++);
}

/* Too many indices: reported here, and what was made is void. */
static Ir *matrix_close(Matrix *m) {
    if (!m->failed && ir_overflowed(m->ir)) {
        diag_error(m->diff->diags, m->ir->outputs[0].span,
                   "too many nested indices for a matrix of derivatives: at most %d",
                   INDEX_LIMIT); /* rare: 64 indices */
        m->failed = true;
    }
    return m->failed ? NULL : m->ir;
}

/* ---- directional derivatives
 * ---------------------------------------------------------------------------------------- */

static Direction *tangent_leaves(Matrix *m) {
    Ir *ir = m->ir;
    Direction *directions = arena_array(ir->arena, Direction, m->wrt_count + 1);
    for (size_t k = 0; k < m->wrt_count; k++) {
        Leaf leaf = ir->leaves[m->wrt[k]];
        leaf.role = LEAF_TANGENT;
        leaf.of = m->wrt[k];
        leaf.name = intern_text(ir->names, arena_format(ir->arena, "%s_dot", leaf.name));
        directions[k].value = m->leaves[k];
        directions[k].tangent = ir_leaf(ir, ir_add_leaf(ir, leaf));
    }
    return directions;
}

static const Ref *tangents(Matrix *m, const Direction *directions, size_t count, IndexSet held) {
    Ir *ir = m->ir;
    Ref *roots = arena_array(ir->arena, Ref, ir->output_count + 1);
    for (size_t k = 0; k < ir->output_count; k++) {
        roots[k] = ir->outputs[k].value;
    }
    const Ref *dot = diff_tangents(m->diff, ir, directions, count, roots, ir->output_count, held);
    m->failed = m->failed || !dot;
    return dot;
}

static Ref or_zero(Ir *ir, Ref v) {
    return v != REF_NONE ? v : ir_real(ir, 0);
}

Ir *diff_directional(const Diff *diff, const Ir *source, const uint32_t *wrt, size_t wrt_count) {
    Ir *ir = diff_expand(diff, source);
    if (!ir) {
        return NULL;
    }
    Matrix m = matrix_open(diff, ir, wrt, wrt_count);
    const size_t count = ir->output_count;
    const Ref *dot = tangents(&m, tangent_leaves(&m), wrt_count, 0);
    for (size_t k = 0; dot && k < count; k++) {
        Output output = ir->outputs[k];
        const char *number = strncmp(output.name, "value", 5) == 0 ? output.name + 5 : "";
        output.role = OUT_DERIVATIVE;
        output.name = intern_text(ir->names, arena_format(ir->arena, "derivative%s", number));
        output.value = or_zero(ir, dot[output.value]);
        ir_add_output(ir, output);
    }
    return matrix_close(&m);
}

Ir *diff_hessian_vector(const Diff *diff, const Ir *source, const uint32_t *wrt, size_t wrt_count) {
    Ir *ir = diff_gradient(diff, source, 0, wrt, wrt_count, SINK_STORE);
    if (!ir) {
        return NULL;
    }
    Matrix m = matrix_open(diff, ir, wrt, wrt_count);
    const Ref *dot = tangents(&m, tangent_leaves(&m), wrt_count, 0);
    for (size_t k = 0; dot && k < ir->output_count; k++) {
        Output *output = &ir->outputs[k];
        if (output->role == OUT_GRADIENT) {
            output->value = or_zero(ir, dot[output->value]);
            const char *name = arena_format(ir->arena, "hv.%s", ir->leaves[output->leaf].name);
            output->name = intern_text(ir->names, name);
        }
    }
    return matrix_close(&m);
}

/* ---- rows: one entry of an output, at held indices
 * ---------------------------------------------------------------------------------------- */

/* The value of an output with a held index for each axis, which go to `rows`. */
static Ref held_entry(Matrix *m, const Output *output, Index *rows) {
    Ir *ir = m->ir;
    Ref at[INDEX_LIMIT] = {REF_NONE};
    m->serial = 0; /* what was held before is bound by now */
    for (unsigned k = 0; k < output->rank; k++) {
        rows[k] = held_index(m, ir_index_dim(ir, output->axes[k]));
        at[output->axes[k]] = ir_idx(ir, rows[k]);
    }
    return ir_subst(ir, output->value, at);
}

static const char *block_name(const Ir *ir, const char *matrix, const char *row, uint32_t column) {
    return intern_text(ir->names,
                       arena_format(ir->arena, "%s.%s.%s", matrix, row, ir->leaves[column].name));
}

/* A block whose first axes are `rows` and whose others are `columns`. */
static void add_block(Matrix *m, Output block, Ref value, const Index *rows, unsigned row_count,
                      const Index *columns, unsigned column_count) {
    block.role = OUT_MATRIX;
    block.sink = SINK_STORE;
    block.value = or_zero(m->ir, value);
    block.rank = (uint8_t)(row_count + column_count);
    block.row_axes = (uint8_t)row_count;
    block.stride = m->begins[m->wrt_count];
    for (unsigned k = 0; k < block.rank && k < RANK_LIMIT; k++) {
        block.axes[k] = k < row_count ? rows[k] : columns[k - row_count];
    }
    ir_add_output(m->ir, block);
}

static bool too_many_axes(Matrix *m, unsigned rows, uint32_t leaf, Span span) {
    const unsigned rank = rows + m->ir->leaves[leaf].rank;
    if (rank <= RANK_LIMIT) {
        return false;
    }
    diag_error(m->diff->diags, span,
               "the derivative by `%s` has %u axes, and an array has at most %d",
               m->ir->leaves[leaf].name, rank, RANK_LIMIT); /* rare: arrays have four axes */
    m->failed = true;
    return true;
}

/* Adjoints of the variables from `first` on, of the entry of an output at held indices. */
static bool row_adjoints(Matrix *m, const Output *output, size_t first, Index *rows,
                         Ref *adjoints) {
    Ir *ir = m->ir;
    const Seed seed = {held_entry(m, output, rows), ir_real(ir, 1)};
    const IndexSet sample = ir->per_sample ? INDEX_BIT(ir->sample_index) : 0;
    const IndexSet held = diff_index_set(rows, output->rank) | sample;
    ir->at = output->span;
    if (ir_overflowed(ir) || !diff_reverse(m->diff, ir, &seed, 1, m->leaves + first,
                                           m->wrt_count - first, held, NULL, adjoints + first)) {
        m->failed = true;
    }
    return !m->failed;
}

static unsigned column_axes(Ir *ir, Ref leaf, Index *axes) {
    return ir_rank(ir, leaf) > 0 ? ir_axis_names(ir, leaf, axes) : 0;
}

/* ---- Hessians
 * ---------------------------------------------------------------------------------------- */

/* The row of variable `r`, and the column, which has the same entries. */
static void add_hessian_row(Matrix *m, Output gradient, size_t r) {
    Ir *ir = m->ir;
    Index rows[RANK_LIMIT];
    Index columns[RANK_LIMIT];
    const Leaf *leaf = &ir->leaves[m->wrt[r]];
    Ref *adjoints = arena_array(ir->arena, Ref, m->wrt_count + 1);
    if (!row_adjoints(m, &gradient, r, rows, adjoints)) {
        return;
    }
    for (size_t c = r; c < m->wrt_count; c++) {
        const Leaf *other = &ir->leaves[m->wrt[c]];
        const unsigned rank = column_axes(ir, m->leaves[c], columns);
        if (too_many_axes(m, leaf->rank, m->wrt[c], gradient.span)) {
            return;
        }
        Output block = {.leaf = m->wrt[c], .span = gradient.span};
        block.name = block_name(ir, "hessian", leaf->name, block.leaf);
        block.offset = dim_mul(ir, m->begins[r], m->begins[m->wrt_count]);
        block.offset = dim_add(ir, block.offset, m->begins[c]);
        add_block(m, block, adjoints[c], rows, leaf->rank, columns, rank);
        if (c > r) {
            block.leaf = m->wrt[r];
            block.name = block_name(ir, "hessian", other->name, block.leaf);
            block.offset = dim_mul(ir, m->begins[c], m->begins[m->wrt_count]);
            block.offset = dim_add(ir, block.offset, m->begins[r]);
            add_block(m, block, adjoints[c], columns, rank, rows, leaf->rank);
        }
    }
}

Ir *diff_hessian(const Diff *diff, const Ir *source, const uint32_t *wrt, size_t wrt_count) {
    Ir *ir = diff_gradient(diff, source, 0, wrt, wrt_count, SINK_STORE);
    if (!ir) {
        return NULL;
    }
    Matrix m = matrix_open(diff, ir, wrt, wrt_count);
    const size_t count = ir->output_count;
    size_t r = 0;
    for (size_t k = 0; k < count && !m.failed; k++) {
        if (ir->outputs[k].role == OUT_GRADIENT) {
            add_hessian_row(&m, ir->outputs[k], r++);
        }
    }
    return matrix_close(&m);
}

Ir *diff_curvature(const Diff *diff, const Ir *source, const uint32_t *wrt, size_t wrt_count) {
    Ir *ir = diff_hessian(diff, source, wrt, wrt_count);
    size_t kept = 0;
    for (size_t k = 0; ir && k < ir->output_count; k++) {
        if (ir->outputs[k].role == OUT_MATRIX) {
            ir->outputs[kept++] = ir->outputs[k];
        }
    }
    if (ir) {
        ir->output_count = kept;
    }
    return ir;
}

/* ---- Jacobians
 * ---------------------------------------------------------------------------------------- */

static Output jacobian_block(Matrix *m, const Output *output, Dim begin, size_t c) {
    Output block = {.leaf = m->wrt[c], .span = output->span};
    block.name = block_name(m->ir, "jacobian", output->name, block.leaf);
    block.offset = dim_mul(m->ir, begin, m->begins[m->wrt_count]);
    block.offset = dim_add(m->ir, block.offset, m->begins[c]);
    return block;
}

/* One sweep for each output, whose entries are held. */
static void jacobian_by_rows(Matrix *m, size_t count, const Dim *begins) {
    Ir *ir = m->ir;
    Ref *adjoints = arena_array(ir->arena, Ref, m->wrt_count + 1);
    for (size_t k = 0; k < count && !m->failed; k++) {
        const Output output = ir->outputs[k];
        Index rows[RANK_LIMIT];
        Index columns[RANK_LIMIT];
        if (!row_adjoints(m, &output, 0, rows, adjoints)) {
            return;
        }
        for (size_t c = 0; c < m->wrt_count; c++) {
            const unsigned rank = column_axes(ir, m->leaves[c], columns);
            if (too_many_axes(m, output.rank, m->wrt[c], output.span)) {
                return;
            }
            add_block(m, jacobian_block(m, &output, begins[k], c), adjoints[c], rows, output.rank,
                      columns, rank);
        }
    }
}

/* All unit vectors of a variable at once: 1 where its entry is the held one. */
static Ref unit_vectors(Matrix *m, size_t c, Index *columns) {
    Ir *ir = m->ir;
    Index names[RANK_LIMIT];
    const unsigned rank = column_axes(ir, m->leaves[c], names);
    Ref same = REF_NONE;
    m->serial = 0;
    for (unsigned k = 0; k < rank; k++) {
        columns[k] = held_index(m, ir_index_dim(ir, names[k]));
        const Ref own = ir_idx(ir, names[k]);
        const Ref held = ir_idx(ir, columns[k]);
        same = ir_and(ir, same, ir_compare(ir, BI_eq, own, held));
    }
    const Ref one = ir_guard(ir, same, ir_real(ir, 1));
    return rank > 0 ? ir_array(ir, names, rank, one) : one;
}

/* One sweep for each variable, whose entries are held. */
static void jacobian_by_columns(Matrix *m, size_t count, const Dim *begins) {
    Ir *ir = m->ir;
    for (size_t c = 0; c < m->wrt_count && !m->failed; c++) {
        Index columns[RANK_LIMIT];
        const unsigned rank = ir_rank(ir, m->leaves[c]);
        const Direction direction = {m->leaves[c], unit_vectors(m, c, columns)};
        const IndexSet held = diff_index_set(columns, rank);
        const Ref *dot = tangents(m, &direction, 1, held);
        for (size_t k = 0; dot && k < count; k++) {
            const Output output = ir->outputs[k];
            if (too_many_axes(m, output.rank, m->wrt[c], output.span)) {
                return;
            }
            add_block(m, jacobian_block(m, &output, begins[k], c), dot[output.value], output.axes,
                      output.rank, columns, rank);
        }
    }
}

/* Are there fewer inputs than outputs? Where sizes are unknown, only if that is proved. */
static bool is_tall(const Ir *ir, Dim outputs, Dim inputs) {
    int64_t rows;
    int64_t columns;
    if (dim_value(ir, outputs, &rows) && dim_value(ir, inputs, &columns)) {
        return columns < rows;
    }
    return dim_proves_le(ir, inputs, outputs) && !dim_proves_le(ir, outputs, inputs);
}

Ir *diff_jacobian(const Diff *diff, const Ir *source, const uint32_t *wrt, size_t wrt_count) {
    Ir *ir = diff_expand(diff, source);
    if (!ir) {
        return NULL;
    }
    Matrix m = matrix_open(diff, ir, wrt, wrt_count);
    const size_t count = ir->output_count;
    Dim *begins = arena_array(ir->arena, Dim, count + 1);
    Dim length = dim_const(ir, 0);
    for (size_t k = 0; k < count; k++) {
        begins[k] = length;
        length = dim_add(ir, length, output_entries(ir, &ir->outputs[k]));
        ir->outputs[k].role = OUT_ARRAY; /* one number, too, comes by pointer */
    }
    if (is_tall(ir, length, m.begins[wrt_count])) {
        jacobian_by_columns(&m, count, begins);
    } else {
        jacobian_by_rows(&m, count, begins);
    }
    return matrix_close(&m);
}

/* ---- sums of squares
 * ---------------------------------------------------------------------------------------- */

/* The rows of one square: its gradient, then, as the last column, the residual, which goes by the
 * name of `own`: a leaf that nothing reads. False: an array cannot have so many axes. */
static bool add_residuals(Matrix *m, const Square *square, Span span, Dim begin, uint32_t own) {
    Ir *ir = m->ir;
    Index rows[RANK_LIMIT];
    Index columns[RANK_LIMIT];
    Output residual = {.value = square->residual, .rank = square->rank, .span = span};
    Ref *adjoints = arena_array(ir->arena, Ref, m->wrt_count + 1);
    for (unsigned k = 0; k < square->rank; k++) {
        residual.axes[k] = square->axes[k];
    }
    for (size_t c = 0; c < m->wrt_count; c++) {
        if (square->rank + ir->leaves[m->wrt[c]].rank > RANK_LIMIT) {
            return false;
        }
    }
    if (!row_adjoints(m, &residual, 0, rows, adjoints)) {
        return false;
    }
    for (size_t c = 0; c < m->wrt_count; c++) {
        const unsigned rank = column_axes(ir, m->leaves[c], columns);
        Output block = {.leaf = m->wrt[c], .span = span};
        block.name = block_name(ir, "gauss", "residual", block.leaf);
        block.offset = dim_add(ir, dim_mul(ir, begin, m->begins[m->wrt_count]), m->begins[c]);
        add_block(m, block, adjoints[c], rows, square->rank, columns, rank);
    }
    Output block = {.leaf = own, .span = span};
    block.name = intern_text(ir->names, DIFF_RESIDUALS);
    block.offset =
        dim_add(ir, dim_mul(ir, begin, m->begins[m->wrt_count]), m->begins[m->wrt_count]);
    block.offset = dim_sub(ir, block.offset, dim_const(ir, 1));
    m->serial = 0;
    add_block(m, block, held_entry(m, &residual, rows), rows, square->rank, columns, 0);
    return true;
}

Ir *diff_residuals(const Diff *diff, const Ir *source, const uint32_t *wrt, size_t wrt_count) {
    Squares squares;
    Ir *ir = diff_expand(diff, source);
    if (!ir || wrt_count == 0 || ir->output_count != 1 || ir->rows_dim != DIM_NONE ||
        !diff_find_squares(ir, ir->outputs[0].value, wrt, wrt_count, &squares)) {
        return NULL;
    }
    const Span span = ir->outputs[0].span;
    Matrix m = matrix_open(diff, ir, wrt, wrt_count);
    m.begins[wrt_count] = dim_add(ir, m.begins[wrt_count], dim_const(ir, 1));
    const Leaf last = {.name = intern_text(ir->names, "gauss.residual"),
                       .role = LEAF_CONST,
                       .kind = KIND_REAL,
                       .span = span};
    const uint32_t own = ir_add_leaf(ir, last);
    ir->output_count = 0;
    Dim begin = dim_const(ir, 0);
    for (size_t k = 0; k < squares.count; k++) {
        const Square *square = &squares.list[k];
        if (!add_residuals(&m, square, span, begin, own)) {
            return NULL;
        }
        Output like = {.rank = square->rank};
        memcpy(like.axes, square->axes, sizeof like.axes);
        begin = dim_add(ir, begin, output_entries(ir, &like));
    }
    return ir_overflowed(ir) ? NULL : ir;
}
