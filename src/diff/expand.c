/* expand.c: derivatives inside the language. Each DERIV is replaced, innermost first (operands have
 * smaller ids), by forward mode if its variable is a number, else by reverse mode in which the
 * indices of the differentiated value are held: they name components, and are not summed. Variables
 * become what they stand for at the end. Reads any Ir; returns one without DERIV and VAR. */
#include "diff/sweep.h"

typedef struct Expander Expander;
struct Expander {
    const Diff *diff;
    Ir *ir;
    Ref top;
    Ref *map;       /* old value → what it has become */
    uint32_t *tags; /* old tag → new one */
    bool *tagged;
    IrAside *aside;
    IndexSet taken; /* indices that what is differentiated uses, or that are held: see held_index */
    bool failed;
    Ref (*rule)(Expander *x, Ref v);
};

/* From so many values on, a derivative is made beside those that it does not need: without that a
 * program of many derivatives takes time for each of all its values. */
#ifndef APART
#define APART 2000
#endif
enum { HELD_ORDINAL = 900 };

/* ---- the frame: a copy in which values are replaced
 * ----------------------------------------------- */

static uint32_t tag_of(Expander *x, uint32_t tag) {
    if (!x->tagged[tag]) {
        x->tagged[tag] = true;
        x->tags[tag] = ir_new_tag(x->ir);
    }
    return x->tags[tag];
}

static Ref rebuild(Expander *x, Ref v) {
    Ir *ir = x->ir;
    const Node *node = ir_node(ir, v);
    Ref *args = arena_array(ir->arena, Ref, node->arg_count + 1);
    for (uint32_t k = 0; k < node->arg_count; k++) {
        args[k] = x->map[node->args[k]];
    }
    if (node->op == OP_STATE) {
        return ir_state(ir, tag_of(x, node->as.state.tag), node->as.state.k, node->as.state.t,
                        node->free, args[0]);
    }
    if (node->op == OP_SCAN) {
        const uint32_t count = node->as.scan.count;
        return ir_scan(ir, tag_of(x, node->as.scan.tag), node->as.scan.t, node->as.scan.direction,
                       args, args + count, count);
    }
    return ir_rebuild(ir, v, args);
}

static Ir *sweep(Expander *x, const Ir *source) {
    x->ir = ir_compact(source);
    x->ir->rewrites = source->rewrites;
    Ir *ir = x->ir;
    x->top = ir_count(ir);
    x->map = arena_array(ir->arena, Ref, x->top);
    uint32_t tags = 0;
    for (Ref v = 1; v < x->top; v++) {
        const Node *node = ir_node(ir, v);
        if (node->op == OP_STATE && node->as.state.tag >= tags) {
            tags = node->as.state.tag + 1;
        } else if (node->op == OP_SCAN && node->as.scan.tag >= tags) {
            tags = node->as.scan.tag + 1;
        }
    }
    x->tags = arena_array(ir->arena, uint32_t, tags + 1);
    x->tagged = arena_array(ir->arena, bool, tags + 1);
    const Span at = ir->at;
    for (Ref v = 1; v < x->top && !x->failed; v++) {
        ir->at = ir_node(ir, v)->span;
        x->map[v] = x->rule(x, v);
        ir_keep_name(ir, v, x->map[v]);
    }
    ir->at = at;
    for (size_t k = 0; k < ir->output_count && !x->failed; k++) {
        ir->outputs[k].value = x->map[ir->outputs[k].value];
    }
    if (x->failed) {
        return NULL;
    }
    Ir *result = ir_compact(ir);
    result->rewrites = source->rewrites;
    return result;
}

/* ---- one derivative
 * ----------------------------------------------------------------------------------- */

static Ref zero_like(Ir *ir, Ref e, Ref v) {
    Index axes[2 * RANK_LIMIT];
    IndexSet used = ir_free(ir, e) | ir_free(ir, v);
    unsigned count = 0;
    const Ref both[] = {e, v};
    for (unsigned b = 0; b < 2; b++) {
        const Node *node = ir_node(ir, both[b]);
        for (unsigned k = 0; k < node->rank; k++) {
            axes[count] = ir_fresh(ir, node->shape[k], used);
            used |= INDEX_BIT(axes[count]);
            count++;
        }
    }
    return diff_zeros(ir, axes, count);
}

static Ref by_number(Expander *x, Ref e, Ref v) {
    const Direction direction = {v, ir_real(x->ir, 1)};
    const Ref *dot = diff_tangents(x->diff, x->ir, &direction, 1, &e, 1, 0);
    if (!dot) {
        x->failed = true;
        return e;
    }
    return dot[e] != REF_NONE ? dot[e] : zero_like(x->ir, e, v);
}

/* The indices that the value itself binds. */
static IndexSet bound_by(const Node *node) {
    switch ((int)node->op) {
    case OP_ARRAY:
        return diff_index_set(node->as.indices.list, node->as.indices.count);
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
        return INDEX_BIT(node->as.index);
    case OP_DEPOSIT:
        return node->as.deposit.bound |
               diff_index_set(node->as.deposit.targets, node->as.deposit.count);
    case OP_SCAN:
        return INDEX_BIT(node->as.scan.t);
    case OP_STATE:
        return INDEX_BIT(node->as.state.t);
    default:
        return 0;
    }
}

/* The indices that are bound, or axes of arrays, between v and e: none of them can be held, for an
 * adjoint there is of all their values. An index that is neither, as that of a map over samples, is
 * held as it is: no entry of e depends on v elsewhere. */
static IndexSet bound_between(Ir *ir, Ref e, Ref v) {
    const bool *needed = ir_reach(ir, &e, 1);
    const Recurrences recurrences = diff_recurrences(ir, ir_count(ir));
    const bool *active = diff_active(ir, ir_count(ir), &recurrences, &v, 1);
    IndexSet bound = 0;
    for (Ref u = 1; u <= e; u++) {
        if (!needed[u] || !active[u]) {
            continue;
        }
        bound |= bound_by(ir_node(ir, u));
        if (ir_rank(ir, u) > 0) {
            Index names[RANK_LIMIT];
            bound |= diff_index_set(names, ir_axis_names(ir, u, names));
        }
    }
    return bound;
}

/* The indices that these values need anywhere, free or bound. */
static IndexSet indices_below(Ir *ir, const Ref *values, size_t count) {
    const bool *needed = ir_reach(ir, values, count);
    IndexSet used = 0;
    Ref top = 0;
    for (size_t k = 0; k < count; k++) {
        top = values[k] > top ? values[k] : top;
    }
    for (Ref u = 1; u <= top; u++) {
        const Node *node = ir_node(ir, u);
        if (!needed[u]) {
            continue;
        }
        used |= node->free | bound_by(node);
    }
    return used;
}

/* An index for components: of those that nothing below uses, the first, so that derivatives beside
 * each other hold the same one. */
static Index held_index(Expander *x, Dim dim) {
    for (unsigned ordinal = HELD_ORDINAL;; ordinal++) {
        const Index i = ir_index(x->ir, dim, ordinal);
        if (!(x->taken & INDEX_BIT(i)) || ir_overflowed(x->ir)) {
            x->taken |= INDEX_BIT(i);
            return i;
        }
    }
}

/* Has e states of loops over these indices? At another index a state is that of another step. */
static bool has_states(const Ir *ir, Ref e, IndexSet indices) {
    const bool *needed = ir_reach(ir, &e, 1);
    for (Ref u = 1; u <= e; u++) {
        const Node *node = ir_node(ir, u);
        if (needed[u] && node->op == OP_STATE && (indices & INDEX_BIT(node->as.state.t))) {
            return true;
        }
    }
    return false;
}

/* By tangents along the unit vectors of v, over held indices. */
static Ref by_directions(Expander *x, Ref e, Ref v) {
    Ir *ir = x->ir;
    Index axes[2 * RANK_LIMIT], own[RANK_LIMIT];
    const unsigned rank = ir_rank(ir, e), count = ir_axis_names(ir, v, own);
    Ref unit = ir_real(ir, 1);
    for (unsigned k = 0; k < rank; k++) {
        axes[k] = held_index(x, ir_node(ir, e)->shape[k]);
    }
    for (unsigned k = 0; k < count; k++) {
        const Index held = held_index(x, ir_index_dim(ir, own[k]));
        axes[rank + k] = held;
        unit = ir_guard(ir, ir_compare(ir, BI_eq, ir_idx(ir, own[k]), ir_idx(ir, held)), unit);
    }
    const Direction direction = {v, ir_array(ir, own, count, unit)};
    const IndexSet held = diff_index_set(axes + rank, count);
    const Ref *dot = diff_tangents(x->diff, ir, &direction, 1, &e, 1, held);
    if (!dot) {
        x->failed = true;
        return e;
    }
    return dot[e] == REF_NONE
               ? zero_like(ir, e, v)
               : ir_array(ir, axes, rank + count, diff_read_at(ir, dot[e], REF_NONE, axes, rank));
}

static Ref by_array(Expander *x, Ref e, Ref v) {
    Ir *ir = x->ir;
    Index axes[2 * RANK_LIMIT], from[INDEX_LIMIT], to[INDEX_LIMIT], names[RANK_LIMIT];
    unsigned rank = 0, renamed = 0;
    for (; rank < ir_rank(ir, e); rank++) {
        axes[rank] = held_index(x, ir_node(ir, e)->shape[rank]);
    }
    Ref component = diff_read_at(ir, e, REF_NONE, axes, rank);
    IndexSet held = ir_free(ir, component);
    const IndexSet clash = held & bound_between(ir, e, v);
    if (has_states(ir, e, clash)) {
        return by_directions(x, e, v);
    }
    for (unsigned i = 0; i < INDEX_LIMIT; i++) {
        if (clash & INDEX_BIT(i)) {
            from[renamed] = (Index)i;
            to[renamed] = held_index(x, ir_index_dim(ir, (Index)i));
            renamed++;
        }
    }
    if (renamed > 0) {
        const Ref closed = ir_array(ir, from, renamed, component);
        component = diff_read_at(ir, closed, REF_NONE, to, renamed);
        held = (held & ~clash) | diff_index_set(to, renamed);
    }
    const Seed seed = {component, ir_real(ir, 1)};
    Ref adjoint;
    if (!diff_reverse(x->diff, ir, &seed, 1, &v, 1, held, NULL, &adjoint)) {
        x->failed = true;
        return e;
    }
    if (adjoint == REF_NONE) {
        return zero_like(ir, e, v);
    }
    const unsigned own = ir_rank(ir, v) > 0 ? ir_axis_names(ir, v, names) : 0;
    if (renamed >
        0) { /* an axis of v may have the name of an index that was renamed: it gets another */
        const Ref array = ir_array(ir, names, own, adjoint);
        for (unsigned k = 0; k < own; k++) {
            names[k] = held_index(x, ir_index_dim(ir, names[k]));
        }
        const Ref entry = diff_read_at(ir, array, REF_NONE, names, own);
        const Ref closed = ir_array(ir, to, renamed, entry);
        adjoint = diff_read_at(ir, closed, REF_NONE, from, renamed);
    }
    for (unsigned k = 0; k < own; k++) {
        axes[rank++] = names[k];
    }
    return ir_array(ir, axes, rank, adjoint);
}

/* Along a direction: its indices that the variable lacks get new names meanwhile, for the
 * differentiated value may bind them; but not that of the samples, which it does not bind, and over
 * which there is one loop. */
static Ref along(Expander *x, Ref e, Ref v, Ref tangent) {
    Ir *ir = x->ir;
    Index from[INDEX_LIMIT], to[INDEX_LIMIT], names[RANK_LIMIT];
    const unsigned rank = ir_rank(ir, tangent);
    const IndexSet sample = ir->per_sample ? INDEX_BIT(ir->sample_index) : 0;
    const IndexSet extra = ir_free(ir, tangent) & ~ir_free(ir, v) & ~sample;
    unsigned renamed = 0;
    for (unsigned i = 0; i < INDEX_LIMIT; i++) {
        if (extra & INDEX_BIT(i)) {
            from[renamed] = (Index)i;
            to[renamed] = held_index(x, ir_index_dim(ir, (Index)i));
            renamed++;
        }
    }
    if (renamed > 0) {
        const Node *node = ir_node(ir, tangent);
        for (unsigned k = 0; k < rank; k++) {
            names[k] = held_index(x, node->shape[k]);
        }
        Ref entry = diff_read_at(ir, tangent, REF_NONE, names, rank);
        const Ref closed = ir_array(ir, from, renamed, entry);
        entry = diff_read_at(ir, closed, REF_NONE, to, renamed);
        tangent = rank > 0 ? ir_array(ir, names, rank, entry) : entry;
    }
    const Direction direction = {v, tangent};
    const IndexSet held = diff_index_set(to, renamed) | (ir_free(ir, tangent) & sample);
    const Ref *dot = diff_tangents(x->diff, ir, &direction, 1, &e, 1, held);
    if (!dot) {
        x->failed = true;
        return e;
    }
    const unsigned own = ir_rank(ir, e);
    if (dot[e] == REF_NONE) {
        for (unsigned k = 0; k < own; k++) {
            names[k] = held_index(x, ir_node(ir, e)->shape[k]);
        }
        return diff_zeros(ir, names, own);
    }
    if (renamed == 0) {
        return dot[e];
    }
    for (unsigned k = 0; k < own; k++) {
        names[k] = held_index(x, ir_node(ir, e)->shape[k]);
    }
    Ref entry = diff_read_at(ir, dot[e], REF_NONE, names, own);
    const Ref closed = ir_array(ir, to, renamed, entry);
    entry = diff_read_at(ir, closed, REF_NONE, from, renamed);
    return own > 0 ? ir_array(ir, names, own, entry) : entry;
}

static Ref expand_rule(Expander *x, Ref v) {
    Ir *ir = x->ir;
    const Node *node = ir_node(ir, v);
    if (node->op != OP_DERIV) {
        return rebuild(x, v);
    }
    const bool directed = node->arg_count == 3;
    const Span span = node->span;
    Ref below[3] = {x->map[node->args[0]], x->map[node->args[1]]};
    below[2] = directed ? x->map[node->args[2]] : below[0];
    const bool apart = ir_count(ir) > APART;
    if (apart) {
        x->aside = x->aside ? x->aside : ir_aside_create(ir);
        ir_aside_begin(x->aside, below, 3);
    }
    const Ref e = below[0];
    const Ref variable = below[1];
    x->taken = indices_below(ir, below, 3);
    const bool inside = (ir_free(ir, variable) & ~ir_free(ir, e)) == 0;
    const bool number = ir_rank(ir, variable) == 0 && inside && !x->diff->by_adjoints;
    Ref result = directed ? along(x, e, variable, below[2])
                 : number ? by_number(x, e, variable)
                          : by_array(x, e, variable);
    if (apart) {
        result = ir_aside_end(x->aside, x->failed ? REF_NONE : result);
    }
    if (ir_overflowed(ir) && !x->failed) {
        diag_error(x->diff->diags, span, "too many nested indices"); /* rare: tests/unit */
        x->failed = true;
    }
    return result;
}

static Ref variable_rule(Expander *x, Ref v) {
    return ir_node(x->ir, v)->op == OP_VAR ? x->map[ir_node(x->ir, v)->args[0]] : rebuild(x, v);
}

static bool has(const Ir *ir, Op op) {
    const Ref top = ir_count(ir);
    for (Ref v = 1; v < top; v++) {
        if (ir_node(ir, v)->op == op) {
            return true;
        }
    }
    return false;
}

Ir *diff_expand(const Diff *diff, const Ir *source) {
    Ir *ir = ir_compact(source);
    ir->rewrites = source->rewrites;
    if (has(ir, OP_DERIV)) {
        Expander x = {.diff = diff, .rule = expand_rule};
        ir = sweep(&x, ir);
    }
    if (ir && has(ir, OP_VAR)) {
        Expander x = {.diff = diff, .rule = variable_rule};
        ir = sweep(&x, ir);
    }
    return ir;
}

/* ---- derivatives inside loops
 * ----------------------------------------------------------------------------------------- */

/* Does the value of derivative v depend on its variable, which stands outside a loop around v, by
 * earlier steps of that? In what lowering made all that stands before a loop is older. */
static bool through_steps(Ir *ir, const Recurrences *all, Ref v) {
    const Ref top = ir_count(ir);
    const Ref e = ir_node(ir, v)->args[0];
    const Ref variable = ir_node(ir, v)->args[1];
    const bool of_leaf =
        ir_node(ir, variable)->op == OP_LEAF; /* it stands where it is first used */
    const bool *active = diff_active(ir, top, all, &variable, 1);
    bool *below = arena_array(ir->arena, bool, top);
    below[e] = true;
    for (Ref u = e; u > 0; u--) {
        const Node *node = ir_node(ir, u);
        if (!below[u] || !active[u] || u == variable) {
            continue;
        }
        if (node->op == OP_STATE) {
            const Recurrence *loop = &all->list[node->as.state.tag];
            if (loop->scan > v && (of_leaf || variable < loop->lowest)) {
                return true;
            }
        }
        for (uint32_t k = 0; k < node->arg_count; k++) {
            below[node->args[k]] = true;
        }
    }
    return false;
}

bool diff_within_steps(const Diff *diff, Ir *ir) {
    const Recurrences all = diff_recurrences(ir, ir_count(ir));
    bool good = true;
    for (Ref v = 1; v < ir_count(ir) && all.count > 0; v++) {
        if (ir_node(ir, v)->op == OP_DERIV && through_steps(ir, &all, v)) {
            Diag *diag = diag_error(diff->diags, ir_node(ir, v)->span,
                                    "a derivative through earlier steps of the loop that it is "
                                    "taken in is not supported yet");
            diag_label(diff->diags, diag, "take it behind the loop, or carry it from step to step");
            good = false;
        }
    }
    return good;
}
