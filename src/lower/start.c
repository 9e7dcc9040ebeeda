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
        args[k] = value == REF_NONE ? REF_NONE
                                    : param_entry(lower, d, "start", e, value, shape, names, rank);
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

/* The start's entry at the names, in the user's terms; REF_NONE on errors. */
static Ref start_entry(Lower *lower, const Declaration *d, Dim offset, const Dim *shape,
                       const Index *names, unsigned rank) {
    const char *random = random_name(lower, d->value);

    if (random) {
        return random_start(lower, d, random, offset, shape, names, rank);
    }
    Ref value = lower_expr(lower, d->value);
    return value == REF_NONE ? REF_NONE
                             : param_entry(lower, d, "start", d->value, value, shape, names, rank);
}

static Ref close_entry(Lower *lower, Ref entry, const Index *names, unsigned rank) {
    return rank == 0 || entry == REF_NONE ? entry : ir_array(lower->ir, names, rank, entry);
}

/* The start of param `number`: an output of its free numbers; and as the bounds of later params see
 * it. */
static void lower_start(Lower *lower, size_t number, Dim offset) {
    const Declaration *d = lower->model->params[number].declaration;
    Leaf leaf = lower->ir->leaves[lower->leaves[number]];
    Output out = {.name = d->name,
                  .role = OUT_GRADIENT,
                  .sink = SINK_STORE,
                  .leaf = lower->leaves[number],
                  .rank = leaf.rank,
                  .span = d->span};
    Index names[RANK_LIMIT];
    const Dim *shape = leaf.constrained ? leaf.own_shape : leaf.shape;
    unsigned rank = leaf.constrained ? leaf.own_rank : leaf.rank;
    Ref free;

    lower->ir->at = d->span;
    fresh_names(lower, leaf.shape, leaf.rank, 0, out.axes);
    if (d->value) {
        fresh_names(lower, shape, rank, 0, names);
        lower->no_params = true;
        Ref entry = start_entry(lower, d, offset, shape, names, rank);
        lower->no_params = false;
        Ref start = close_entry(lower, entry, names, rank);
        lower->params[number] = start;
        free = start == REF_NONE ? start : param_unconstrain(lower, number, start);
    } else {
        free = close_entry(lower, ir_real(lower->ir, 0), out.axes, leaf.rank);
        lower->params[number] = param_constrain(lower, number, free);
    }
    if (free == REF_NONE || lower->params[number] == REF_NONE) {
        lower->params[number] = REF_NONE;
        return;
    }
    out.value = read_at(lower, free, out.axes, leaf.rank);
    ir_add_output(lower->ir, out);
    param_check_start(lower, number, &out);
}

void lower_starts(Lower *lower) {
    const Model *m = lower->model;
    Dim offset = dim_const(lower->ir, 0);

    for (size_t k = 0; k < m->param_count; k++) {
        if (lower->leaves[k] == NO_LEAF) {
            continue;
        }
        lower_start(lower, k, offset);
        const Leaf *leaf = &lower->ir->leaves[lower->leaves[k]];
        const Dim *shape = leaf->constrained ? leaf->own_shape : leaf->shape;
        unsigned rank = leaf->constrained ? leaf->own_rank : leaf->rank;
        Dim size = dim_const(lower->ir, 1);
        for (unsigned a = 0; a < rank; a++) {
            size = dim_mul(lower->ir, size, shape[a]);
        }
        offset = dim_add(lower->ir, offset, size);
    }
}
