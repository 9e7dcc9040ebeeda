/* param.c: params and their constraints. The leaf of a constrained param holds free numbers, as
 * many as the constraint leaves; what the model calls by the param's name is the image of these by
 * a change of variables. The changes of variables are functions of the library
 * (runtime/std/constraints.model), so that they are differentiated as all else is. */
#include <math.h>
#include <string.h>

#include "lower/elaborate.h"

/* ---- the constraints ------------------------------------------------------------------------- */

typedef struct {
    const char *text;  /* as messages name it */
    const char *stem;  /* of the functions STEM_constrain and STEM_unconstrain */
    unsigned axes;     /* the last axes that it holds for: 0: each entry */
    bool low, high;    /* has these bounds */
    double from, to;   /* entries are between these */
    const char *start; /* what a start must be */
} ConstraintRow;

static const char inside[] = "a start lies inside, not on the border";

/* clang-format off */
static const ConstraintRow rows[] = {
    [CONSTRAINT_LOWER] = {"> a", "lower_bound", 0, true, false, -HUGE_VAL, HUGE_VAL, inside},
    [CONSTRAINT_UPPER] = {"< b", "upper_bound", 0, false, true, -HUGE_VAL, HUGE_VAL, inside},
    [CONSTRAINT_INTERVAL] = {"in (a, b)", "interval", 0, true, true, -HUGE_VAL, HUGE_VAL, inside},
    [CONSTRAINT_SIMPLEX] = {"simplex", "simplex", 1, false, false, 0, 1,
                            "its entries are above 0, and their sum is 1"},
    [CONSTRAINT_ORDERED] = {"ordered", "ordered", 1, false, false, -HUGE_VAL, HUGE_VAL,
                            "each entry is above the one before it"},
    [CONSTRAINT_LOWER_TRIANGULAR] = {"lower", "lower_triangular", 2, false, false,
                                     -HUGE_VAL, HUGE_VAL, "its entries above the diagonal are 0"},
    [CONSTRAINT_POSITIVE_DEFINITE] = {"positive_definite", "positive_definite", 2, false, false,
                                      -HUGE_VAL, HUGE_VAL,
                                      "it is symmetric, and its eigenvalues are positive"},
    [CONSTRAINT_CORRELATION] = {"correlation", "correlation", 2, false, false, -1, 1,
                                "it is positive definite, and its diagonal is 1"},
};
/* clang-format on */

/* How many free numbers an axis of size n, or a square of it, takes. */
static Dim free_size(Lower *lower, ConstraintKind kind, Dim n) {
    Ir *ir = lower->ir;
    Dim one = dim_const(ir, 1);
    Dim two = dim_const(ir, 2);

    switch (kind) {
    case CONSTRAINT_NONE:
    case CONSTRAINT_LOWER:
    case CONSTRAINT_UPPER:
    case CONSTRAINT_INTERVAL:
    case CONSTRAINT_ORDERED:
        break;
    case CONSTRAINT_SIMPLEX:
        return dim_sub(ir, n, one);
    case CONSTRAINT_LOWER_TRIANGULAR:
    case CONSTRAINT_POSITIVE_DEFINITE:
        return dim_floordiv(ir, dim_mul(ir, n, dim_add(ir, n, one)), two);
    case CONSTRAINT_CORRELATION:
        return dim_floordiv(ir, dim_mul(ir, n, dim_sub(ir, n, one)), two);
    }
    return n;
}

/* Does the shape have the axes that the constraint is about? */
static bool check_shape(Lower *lower, const Declaration *d, const Dim *shape, unsigned rank) {
    const ConstraintRow *row = &rows[d->constraint];
    bool square = row->axes < 2 || (rank >= 2 && shape[rank - 1] == shape[rank - 2]);
    int64_t n;

    if (rank < row->axes || !square) {
        Diag *diag = lower_error(lower, d->constraint_span, "`%s` is for %s, and `%s` %s",
                                 row->text, row->axes == 1 ? "vectors" : "square matrices", d->name,
                                 rank == 0 ? "is a number"
                                           : arena_format(lower->arena, "has shape %s",
                                                          formal_shape_text(lower, shape, rank)));
        diag_label(lower->diags, diag,
                   row->axes == 1 ? "the last axis is what it holds for: `%s[n] %s`"
                                  : "the last two axes are what it holds for: `%s[n, n] %s`",
                   d->name, row->text);
        return false;
    }
    bool alone = d->constraint == CONSTRAINT_SIMPLEX || d->constraint == CONSTRAINT_CORRELATION;
    if (alone && dim_value(lower->ir, shape[rank - 1], &n) && n < 2) {
        Diag *diag = lower_error(lower, d->constraint_span,
                                 "a `%s` of size 1 has nothing that can be learned", row->text);
        diag_label(lower->diags, diag, "its only entry is 1");
        return false;
    }
    return true;
}

/* ---- leaves ---------------------------------------------------------------------------------- */

/* The value of a bound that is a number in the file. */
static bool known_bound(Lower *lower, const Expr *expr, double *value) {
    if (!expr) {
        return false;
    }
    const Expr *plain = strip_parens(expr);
    bool minus = plain->kind == EXPR_NEGATE;
    plain = minus ? strip_parens(plain->as.unary.a) : plain;
    if (plain->kind == EXPR_NAME) {
        const ModelConst *c = model_const(lower->model, plain->as.name);
        *value = c ? (minus ? -c->value : c->value) : 0;
        return c && c->fixed;
    }
    if (plain->kind != EXPR_NUMBER) {
        return false;
    }
    *value = minus ? -plain->as.number.value : plain->as.number.value;
    return true;
}

/* The interval that the entries of a param are in, as far as the file alone says; false if it is
 * empty. */
static bool set_interval(Lower *lower, const Declaration *d, Leaf *leaf) {
    double value;

    leaf->low = rows[d->constraint].from;
    leaf->high = rows[d->constraint].to;
    if (known_bound(lower, d->low, &value)) {
        leaf->low = value;
    }
    if (known_bound(lower, d->high, &value)) {
        leaf->high = value;
    }
    if (leaf->low >= leaf->high) {
        Diag *diag = lower_error(lower, d->constraint_span, "no number is between %s and %s",
                                 expr_text(lower, d->low), expr_text(lower, d->high));
        diag_label(lower->diags, diag, "the lesser bound stands first");
        return false;
    }
    return true;
}

bool param_leaf(Lower *lower, const Declaration *d, bool own_shape) {
    Dim shape[RANK_LIMIT];
    Dim own[RANK_LIMIT];
    unsigned rank;

    lower->ir->at = d->span;
    if (!lower_shape(lower, d->shape, own, &rank, d->span)) {
        return false;
    }
    Leaf leaf = {.name = d->name,
                 .role = LEAF_PARAM,
                 .kind = KIND_REAL,
                 .rank = (uint8_t)rank,
                 .shape = own,
                 .low = -HUGE_VAL,
                 .high = HUGE_VAL,
                 .span = d->span};
    if (d->constraint != CONSTRAINT_NONE) {
        if (!check_shape(lower, d, own, rank) || !set_interval(lower, d, &leaf)) {
            return false;
        }
        leaf.own_rank = (uint8_t)rank;
        leaf.own_shape = own;
        leaf.constrained = !own_shape;
        unsigned axes = rows[d->constraint].axes;
        if (axes > 0 && !own_shape) {
            copy_ids(shape, own, rank);
            leaf.rank = (uint8_t)(rank - axes + 1);
            shape[rank - axes] = free_size(lower, d->constraint, own[rank - 1]);
            leaf.shape = shape;
        }
    }
    (void)ir_add_leaf(lower->ir, leaf);
    return true;
}

/* ---- bounds ---------------------------------------------------------------------------------- */

/* Sizes of starts and bounds may match by value: [3, 10] starts an array of K = 2. */
static bool same_size(const Lower *lower, Dim a, Dim b) {
    int64_t x, y;

    return a == b || (dim_value(lower->ir, a, &x) && dim_value(lower->ir, b, &y) && x == y);
}

Ref param_entry(Lower *lower, const Declaration *d, const char *what, const Expr *expr, Ref value,
                const Dim *shape, const Index *names, unsigned rank) {
    const Node *node = ir_node(lower->ir, value);
    Ref positions[RANK_LIMIT];
    bool fits = node->rank <= rank;

    for (unsigned k = 0; k < node->rank && fits; k++) {
        unsigned axis = rank - node->rank + k;
        fits = same_size(lower, node->shape[k], shape[axis]);
        positions[k] = ir_idx(lower->ir, names[axis]);
    }
    if (!fits) {
        const char *own = rank == 0 ? "is a number"
                                    : arena_format(lower->arena, "has shape %s",
                                                   formal_shape_text(lower, shape, rank));
        Diag *diag = lower_error(lower, expr->span, "the %s of `%s` has shape %s", what, d->name,
                                 shape_text(lower, value));
        diag_label(lower->diags, diag, "`%s` %s", d->name, own);
        return REF_NONE;
    }
    Ref entry = node->rank == 0 ? value : ir_read(lower->ir, value, positions, node->rank);
    return ir_convert(lower->ir, to_number(lower, entry));
}

/* A bound at an entry of the param; it may use the params before it. */
static Ref bound_at(Lower *lower, size_t number, const Expr *expr, const Dim *shape,
                    const Index *names, unsigned rank) {
    const Declaration *d = lower->model->params[number].declaration;
    size_t limit = lower->param_limit;
    Name owner = lower->bound_of;
    const char *no_rows = lower->no_rows;

    lower->param_limit = number;
    lower->bound_of = d->name;
    lower->no_rows = "a bound";
    Ref value = lower_expr(lower, expr);
    lower->param_limit = limit;
    lower->bound_of = owner;
    lower->no_rows = no_rows;
    return value == REF_NONE ? REF_NONE
                             : param_entry(lower, d, "bound", expr, value, shape, names, rank);
}

/* ---- changes of variables -------------------------------------------------------------------- */

/* Applies STEM_constrain or STEM_unconstrain to the last `axes` axes of a value; `shape` is the
 * param's own. */
static Ref change(Lower *lower, size_t number, const Dim *shape, unsigned rank, Ref value,
                  bool back) {
    const Declaration *d = lower->model->params[number].declaration;
    const ConstraintRow *row = &rows[d->constraint];
    const char *name =
        arena_format(lower->arena, "%s_%s", row->stem, back ? "unconstrain" : "constrain");
    const ModelFunction *f =
        model_library_function(lower->model, intern_text(lower->front->names, name));
    unsigned lead = rank - row->axes;
    Index names[2 * RANK_LIMIT];
    Ref positions[RANK_LIMIT];
    Ref args[3];
    Span spans[3] = {d->constraint_span, d->constraint_span, d->constraint_span};
    unsigned count = 1;

    fresh_names(lower, shape, lead, 0, names);
    for (unsigned k = 0; k < lead; k++) {
        positions[k] = ir_idx(lower->ir, names[k]);
    }
    args[0] = lead == 0 ? value : read_first(lower, value, positions, lead);
    if (row->low) {
        args[count++] = bound_at(lower, number, d->low, shape, names, lead);
    }
    if (row->high) {
        args[count++] = bound_at(lower, number, d->high, shape, names, lead);
    }
    if (row->axes == 2 && !back) {
        args[count++] = ir_size(lower->ir, shape[rank - 1]);
    }
    for (unsigned k = 0; k < count; k++) {
        if (args[k] == REF_NONE) {
            return REF_NONE;
        }
    }
    lower->ir->at = d->span;
    Callee callee = {.function = f->ast, .model = f};
    Arguments arguments = {args, NULL, spans};
    Values values = invoke(lower, &callee, &arguments, d->constraint_span);
    if (values.count == 0 || lead == 0) {
        return values.count == 0 ? REF_NONE : values.refs[0];
    }
    const Node *node = ir_node(lower->ir, values.refs[0]);
    IndexSet used = node->free;
    for (unsigned k = 0; k < lead; k++) {
        used |= INDEX_BIT(names[k]);
    }
    fresh_names(lower, node->shape, node->rank, used, names + lead);
    Ref entry = read_at(lower, values.refs[0], names + lead, node->rank);
    return ir_array(lower->ir, names, lead + node->rank, entry);
}

static void own_shape(const Lower *lower, size_t number, const Dim **shape, unsigned *rank) {
    const Leaf *leaf = &lower->ir->leaves[lower->leaves[number]];

    *shape = leaf->constrained ? leaf->own_shape : leaf->shape;
    *rank = leaf->constrained ? leaf->own_rank : leaf->rank;
}

Ref param_constrain(Lower *lower, size_t number, Ref value) {
    const Dim *shape;
    unsigned rank;

    own_shape(lower, number, &shape, &rank);
    if (lower->model->params[number].declaration->constraint == CONSTRAINT_NONE) {
        return value;
    }
    return change(lower, number, shape, rank, value, false);
}

Ref param_unconstrain(Lower *lower, size_t number, Ref value) {
    const Dim *shape;
    unsigned rank;

    own_shape(lower, number, &shape, &rank);
    if (lower->model->params[number].declaration->constraint == CONSTRAINT_NONE) {
        return value;
    }
    return change(lower, number, shape, rank, value, true);
}

/* ---- what is known to be wrong --------------------------------------------------------------- */

/* The constraint as the file writes it, for messages: `in (0, 1)`. */
static const char *constraint_text(Lower *lower, const Declaration *d) {
    switch (d->constraint) {
    case CONSTRAINT_LOWER:
        return arena_format(lower->arena, "> %s", expr_text(lower, d->low));
    case CONSTRAINT_UPPER:
        return arena_format(lower->arena, "< %s", expr_text(lower, d->high));
    case CONSTRAINT_INTERVAL:
        return arena_format(lower->arena, "in (%s, %s)", expr_text(lower, d->low),
                            expr_text(lower, d->high));
    case CONSTRAINT_NONE:
    case CONSTRAINT_SIMPLEX:
    case CONSTRAINT_ORDERED:
    case CONSTRAINT_LOWER_TRIANGULAR:
    case CONSTRAINT_POSITIVE_DEFINITE:
    case CONSTRAINT_CORRELATION:
        break;
    }
    return rows[d->constraint].text;
}

/* Evaluates an output whose leaves are consts at most; false if that cannot be: a size or the seed
 * is not known. */
static bool evaluate_output(Lower *lower, const Output *out, double **values, size_t *count) {
    Ir *ir = lower->ir;
    size_t symbols = dim_symbol_count(ir);
    int64_t *dims = arena_array(lower->arena, int64_t, symbols + 1);
    const double **reals = arena_array(lower->arena, const double *, ir->leaf_count + 1);
    const int64_t **ints = arena_array(lower->arena, const int64_t *, ir->leaf_count + 1);
    bool *reached = ir_reach(ir, &out->value, 1);
    int64_t size;

    for (Ref v = 1; v < ir_count(ir); v++) {
        const Node *node = ir_node(ir, v);
        bool unknown = (node->op == OP_LEAF && ir->leaves[node->as.leaf].role != LEAF_CONST) ||
                       (node->op == OP_SIZE && !dim_value(ir, node->as.dim, &size));
        if (reached[v] && unknown) {
            return false;
        }
    }
    for (size_t k = 0; k < symbols; k++) {
        if (!dim_value(ir, dim_symbol_at(ir, k), &dims[k])) {
            dims[k] = 2; /* any: no value depends on it */
        }
    }
    for (size_t k = 0; k < ir->leaf_count; k++) {
        const ModelConst *c = model_const(lower->model, ir->leaves[k].name);
        reals[k] = ir->leaves[k].role == LEAF_CONST && c ? &c->value : NULL;
    }
    Ir copy = *ir;
    copy.outputs = arena_new(lower->arena, Output);
    copy.outputs[0] = *out;
    copy.output_count = 1;
    EvalInput input = {.dims = dims, .reals = reals, .ints = ints};
    *values = ir_eval_output(&copy, &input, 0, count);
    return true;
}

void param_check_start(Lower *lower, size_t number, const Output *out) {
    const Declaration *d = lower->model->params[number].declaration;
    double *values;
    size_t count;

    if (!lower->check_starts || d->constraint == CONSTRAINT_NONE || !d->value ||
        !evaluate_output(lower, out, &values, &count)) {
        return;
    }
    for (size_t k = 0; k < count; k++) {
        if (!isfinite(values[k])) {
            Diag *diag =
                lower_error(lower, d->value->span, "the start of `%s` breaks its constraint `%s`",
                            d->name, constraint_text(lower, d));
            diag_label(lower->diags, diag, "%s", rows[d->constraint].start);
            return;
        }
    }
}
