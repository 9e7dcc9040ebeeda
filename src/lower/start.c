/* start.c: the starts of params, as an entry: numbers that fill a shape, arrays, and random numbers
 * that depend on the seed and on the entry's place in the parameter vector alone. */
#include <string.h>

#include "lower/elaborate.h"

/* Two uniform numbers for the entry at `place`. */
static Ref uniform_at(Lower *lower, Ref place, int64_t which) {
    Ir *ir = lower->ir;
    Ref twice = ir_mul(ir, ir_int(ir, 2), place);
    Ref counter = ir_add(ir, twice, ir_int(ir, which));

    return ir_call2(ir, BI_random_uniform, lower->seed, counter);
}

/* By Box and Muller: √(−2 log u) cos 2πv. */
static Ref normal_at(Lower *lower, Ref place) {
    Ir *ir = lower->ir;
    Ref u = uniform_at(lower, place, 0);
    Ref v = uniform_at(lower, place, 1);
    Ref log_u = ir_call1(ir, BI_log, u);
    Ref square = ir_mul(ir, ir_real(ir, -2), log_u);
    Ref radius = ir_call1(ir, BI_sqrt, square);
    Ref angle = ir_mul(ir, ir_real(ir, 6.28318530717958647692), v);
    Ref cosine = ir_call1(ir, BI_cos, angle);

    return ir_mul(ir, radius, cosine);
}

/* The place of an entry in the parameter vector: the sizes of the earlier params, and the row-major
 * position. */
static Ref place_of(Lower *lower, Dim offset, const Dim *shape, const Index *names, unsigned rank) {
    Ir *ir = lower->ir;
    Ref place = ir_int(ir, 0);

    for (unsigned k = 0; k < rank; k++) {
        Ref size = ir_size(ir, shape[k]);
        Ref scaled = ir_mul(ir, place, size);
        place = ir_add(ir, scaled, ir_idx(ir, names[k]));
    }
    return ir_add(ir, ir_size(ir, offset), place);
}

static const char *random_name(const Lower *lower, const Expr *start) {
    if (start->kind != EXPR_CALL || model_function(lower->model, start->as.call.name)) {
        return NULL;
    }
    const char *name = start->as.call.name;
    return strcmp(name, "normal") == 0 || strcmp(name, "uniform") == 0 ? name : NULL;
}

/* Sizes of a start may match by value: [3, 10] starts an array of K = 2. */
static bool same_size(const Lower *lower, Dim a, Dim b) {
    int64_t x, y;

    return a == b || (dim_value(lower->ir, a, &x) && dim_value(lower->ir, b, &y) && x == y);
}

/* The start's entry at the names: a start of fewer axes fills the leading ones. */
static Ref entry_at(Lower *lower, const Declaration *d, const Expr *expr, Ref value,
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
        Diag *diag = lower_error(lower, expr->span, "the start of `%s` has shape %s", d->name,
                                 shape_text(lower, value));
        diag_label(lower->diags, diag, "`%s` %s", d->name, own);
        return REF_NONE;
    }
    Ref entry = node->rank == 0 ? value : ir_read(lower->ir, value, positions, node->rank);
    return ir_convert(lower->ir, to_number(lower, entry));
}

static Ref random_start(Lower *lower, const Declaration *d, const char *name, Dim offset,
                        const Dim *shape, const Index *names, unsigned rank) {
    const Expr *call = d->value;
    Ref args[2];
    size_t k = 0;

    if (call->as.call.count != 2) {
        Diag *diag = lower_error(lower, call->span, "`%s` takes 2 numbers, and here %s %zu", name,
                                 call->as.call.count == 1 ? "is" : "are", call->as.call.count);
        diag_label(lower->diags, diag,
                   name[0] == 'n' ? "`normal(mean, deviation)`" : "`uniform(from, to)`");
        return REF_NONE;
    }
    for (const Expr *e = call->as.call.args; e; e = e->next, k++) {
        Ref value = lower_expr(lower, e);
        args[k] = value == REF_NONE ? REF_NONE : entry_at(lower, d, e, value, shape, names, rank);
    }
    if (args[0] == REF_NONE || args[1] == REF_NONE) {
        return REF_NONE;
    }
    lower->ir->at = call->span;
    Ref place = place_of(lower, offset, shape, names, rank);
    if (name[0] == 'n') {
        Ref z = normal_at(lower, place);
        return ir_add(lower->ir, args[0], ir_mul(lower->ir, args[1], z));
    }
    Ref u = uniform_at(lower, place, 0);
    Ref width = ir_sub(lower->ir, args[1], args[0]);
    return ir_add(lower->ir, args[0], ir_mul(lower->ir, width, u));
}

static void lower_start(Lower *lower, const Declaration *d, uint32_t leaf, Dim offset) {
    const Leaf *l = &lower->ir->leaves[leaf];
    Output out = {.name = d->name,
                  .role = OUT_GRADIENT,
                  .sink = SINK_STORE,
                  .leaf = leaf,
                  .rank = l->rank,
                  .span = d->span};
    Dim shape[RANK_LIMIT];
    unsigned rank = l->rank;

    copy_ids(shape, l->shape, rank);
    fresh_names(lower, shape, rank, 0, out.axes);
    lower->ir->at = d->span;
    const char *random = d->value ? random_name(lower, d->value) : NULL;
    if (random) {
        out.value = random_start(lower, d, random, offset, shape, out.axes, rank);
    } else if (d->value) {
        Ref value = lower_expr(lower, d->value);
        if (value != REF_NONE) {
            out.value = entry_at(lower, d, d->value, value, shape, out.axes, rank);
        }
    } else {
        out.value = ir_real(lower->ir, 0);
    }
    if (out.value != REF_NONE) {
        ir_add_output(lower->ir, out);
    }
}

void lower_starts(Lower *lower) {
    const Model *m = lower->model;
    Dim offset = dim_const(lower->ir, 0);

    lower->no_params = true;
    for (size_t k = 0; k < m->param_count; k++) {
        if (lower->params[k] == REF_NONE) {
            continue;
        }
        uint32_t leaf = ir_node(lower->ir, lower->params[k])->as.leaf;
        lower_start(lower, m->params[k].declaration, leaf, offset);
        Dim size = dim_const(lower->ir, 1);
        for (unsigned a = 0; a < lower->ir->leaves[leaf].rank; a++) {
            size = dim_mul(lower->ir, size, lower->ir->leaves[leaf].shape[a]);
        }
        offset = dim_add(lower->ir, offset, size);
    }
    lower->no_params = false;
}
