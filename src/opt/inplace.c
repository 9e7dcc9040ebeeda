/* inplace.c: arrays that a loop fills. `err[t] = y[t] - theta * err[t - 1]` carries an array of
 * which each step replaces one element: as a recurrence of arrays that is T copies of T elements.
 * If the step of index t replaces the element (or row) at t + c, or c - t, and the loop reads
 * elements only at fixed distances from it, the recurrence need only carry the last few elements:
 * those of the steps before. The array after the loop is made of the elements of all steps, and of
 * the array before the loop where no step came by.
 *
 * Reads: an IR before differentiation. Returns: an IR of the same values, in which such recurrences
 * carry elements. */
#include "opt/rewrite.h"

enum { LAG_LIMIT = 8, CONDITIONS = 16, ROUNDS = 8 };

/* A carried array that is filled. */
typedef struct {
    Ref state; /* its leaf */
    Ref old;   /* the element in the step that stays as it is */
    Ref element;
    Ref also[CONDITIONS]; /* conditions besides, free of t */
    unsigned also_count;
    unsigned rank;
    Index axes[RANK_LIMIT]; /* of the step */
    Ref pinned[RANK_LIMIT]; /* where axis a is fixed: its position; else REF_NONE */
    unsigned along;         /* the axis whose position has t */
    int sign;               /* the position is sign · t + offset */
    Index t;
    Dim steps;
    unsigned lags; /* so many elements are carried */
    bool filled;
    /* in the result */
    uint32_t slot;
    Ref init, made; /* the array before the loop; the element of a step */
    Ref offset;
    Ref leaves[LAG_LIMIT];
} Filled;

typedef struct {
    Ref scan;
    uint32_t count, slots, tag;
    Filled *list; /* one for each carried name */
    bool any, opened;
} Loop;

typedef struct {
    Loop *loops; /* by tag */
    uint32_t tags;
    uint32_t *parents; /* uses as an operand, by value */
} Inplace;

/* ---- what fills an array
 * -------------------------------------------------------------------------------------- */

static bool and_terms(const Ir *ir, Ref c, Ref *terms, unsigned *count) {
    Ref stack[CONDITIONS];
    unsigned waiting = 0;
    stack[waiting++] = c;
    while (waiting > 0) {
        Ref term = stack[--waiting];
        const Node *node = ir_node(ir, term);
        bool junction = node->op == OP_CALL && node->as.builtin == BI_and;
        if (*count == CONDITIONS || (junction && waiting + 2 > CONDITIONS)) {
            return false;
        }
        if (junction) {
            stack[waiting++] = node->args[1];
            stack[waiting++] = node->args[0];
        } else {
            terms[(*count)++] = term;
        }
    }
    return true;
}

static IndexSet axes_of(const Filled *f) {
    IndexSet set = 0;
    for (unsigned a = 0; a < f->rank; a++) {
        set |= INDEX_BIT(f->axes[a]);
    }
    return set;
}

/* Is it made of indices, sizes and constants? So it is known before the loop runs. */
static bool is_plain(const Ir *ir, Ref position, unsigned depth) {
    const Node *node = ir_node(ir, position);
    if (node->op == OP_INDEX || node->op == OP_SIZE || node->op == OP_CONST) {
        return true;
    }
    bool plain = node->op == OP_CALL && depth < 8;
    for (uint32_t k = 0; k < node->arg_count && plain; k++) {
        plain = is_plain(ir, node->args[k], depth + 1);
    }
    return plain;
}

/* Is it axis = position? */
static bool pins(const Ir *ir, Filled *f, Ref c) {
    const Node *node = ir_node(ir, c);
    if (node->op != OP_CALL || node->as.builtin != BI_eq ||
        ir_kind(ir, node->args[0]) != KIND_INT) {
        return false;
    }
    for (unsigned side = 0; side < 2; side++) {
        const Node *axis = ir_node(ir, node->args[side]);
        Ref position = node->args[1 - side];
        for (unsigned a = 0; a < f->rank && axis->op == OP_INDEX; a++) {
            if (axis->as.index == f->axes[a] && f->pinned[a] == REF_NONE &&
                !(ir_free(ir, position) & axes_of(f)) && is_plain(ir, position, 0)) {
                f->pinned[a] = position;
                return true;
            }
        }
    }
    return false;
}

/* position - sign · t, or REF_NONE if that still has t. */
static Ref without_step(Ir *ir, Ref position, Index t, int sign) {
    Ref now = ir_idx(ir, t);
    Ref rest = sign > 0 ? ir_sub(ir, position, now) : ir_add(ir, position, now);
    return ir_free(ir, rest) & INDEX_BIT(t) ? REF_NONE : rest;
}

static bool sort_conditions(Ir *ir, Filled *f, Ref condition) {
    Ref terms[CONDITIONS];
    unsigned count = 0;
    if (!and_terms(ir, condition, terms, &count)) {
        return false;
    }
    for (unsigned k = 0; k < count; k++) {
        if (pins(ir, f, terms[k])) {
            continue;
        }
        if (ir_free(ir, terms[k]) & INDEX_BIT(f->t)) {
            return false;
        }
        f->also[f->also_count++] = terms[k];
    }
    unsigned moving = 0;
    for (unsigned a = 0; a < f->rank; a++) {
        if (f->pinned[a] != REF_NONE && (ir_free(ir, f->pinned[a]) & INDEX_BIT(f->t))) {
            f->along = a;
            moving++;
        }
    }
    if (moving != 1) {
        return false;
    }
    for (f->sign = 1; f->sign >= -1; f->sign -= 2) {
        if (without_step(ir, f->pinned[f->along], f->t, f->sign) != REF_NONE) {
            return true;
        }
    }
    return false;
}

/* The step: [c ? element : state[axes] for axes]. */
static bool reads_step(Ir *ir, const Inplace *pass, Filled *f, Ref step) {
    Node array = *ir_node(ir, step);
    if (array.op != OP_ARRAY || array.as.indices.count != f->rank) {
        return false;
    }
    Node choice = *ir_node(ir, array.args[0]);
    for (unsigned a = 0; a < f->rank; a++) {
        f->axes[a] = array.as.indices.list[a];
    }
    if (choice.op != OP_SELECT) {
        return false;
    }
    f->element = choice.args[1];
    f->old = choice.args[2];
    Node old = *ir_node(ir, f->old);
    bool same = old.op == OP_READ && old.args[0] == f->state;
    for (unsigned a = 0; a < f->rank && same; a++) {
        const Node *position = ir_node(ir, old.args[a + 1]);
        same = position->op == OP_INDEX && position->as.index == f->axes[a];
    }
    bool alone =
        pass->parents[f->old] == 1 && pass->parents[array.args[0]] == 1 && pass->parents[step] == 1;
    return same && alone && sort_conditions(ir, f, choice.args[0]);
}

/* How many steps before the element at `position` was made: lag; ≤ 0: it has not been. */
static bool find_lag(Ir *ir, const Filled *f, Ref offset, Ref position, int64_t *lag) {
    Ref other = without_step(ir, position, f->t, f->sign);
    if (other == REF_NONE) {
        return false;
    }
    Ref distance = f->sign > 0 ? ir_sub(ir, offset, other) : ir_sub(ir, other, offset);
    const Node *node = ir_node(ir, distance);
    *lag = node->op == OP_CONST ? node->as.integer : 0;
    return node->op == OP_CONST;
}

/* Is it surely another element than that of the axes which the step does not move along? */
static bool elsewhere(Ir *ir, const Filled *f, const Ref *positions) {
    for (unsigned a = 0; a < f->rank; a++) {
        if (a != f->along && f->pinned[a] != REF_NONE) {
            const Node *same = ir_node(ir, ir_compare(ir, BI_eq, f->pinned[a], positions[a]));
            if (same->op == OP_CONST && !same->as.integer) {
                return true;
            }
        }
    }
    return false;
}

/* ---- analysis
 * -------------------------------------------------------------------------------------------------
 */

static Filled *filled_of(const Rewriter *w, Ref v) {
    const Inplace *pass = w->context;
    const Node *node = ir_node(w->ir, v);
    const Loop *loop = NULL;
    uint32_t k = 0;
    if (node->op == OP_STATE) {
        loop = &pass->loops[node->as.state.tag];
        k = node->as.state.k;
    }
    if (node->op == OP_PICK) {
        loop = &pass->loops[ir_node(w->ir, node->args[0])->as.scan.tag];
        k = node->as.pick;
    }
    return loop && loop->list ? &loop->list[k] : NULL;
}

static void find_loops(Rewriter *w) {
    Inplace *pass = w->context;
    for (Ref v = 1; v < w->top; v++) {
        Node node = *ir_node(w->ir, v);
        if (node.op != OP_SCAN) {
            continue;
        }
        Loop *loop = &pass->loops[node.as.scan.tag];
        loop->scan = v;
        loop->count = node.as.scan.count;
        loop->list = arena_array(w->ir->arena, Filled, loop->count + 1);
    }
    for (Ref v = 1; v < w->top; v++) {
        Node node = *ir_node(w->ir, v);
        Loop *loop = node.op == OP_STATE ? &pass->loops[node.as.state.tag] : NULL;
        if (!loop || loop->scan == REF_NONE || node.rank == 0) {
            continue;
        }
        Node scan = *ir_node(w->ir, loop->scan);
        Filled *f = &loop->list[node.as.state.k];
        f->state = v;
        f->rank = node.rank;
        f->t = scan.as.scan.t;
        f->steps = ir_index_dim(w->ir, f->t);
        f->filled = scan.as.scan.direction > 0 &&
                    reads_step(w->ir, pass, f, scan.args[scan.as.scan.count + node.as.state.k]);
    }
}

static bool is_last(Ir *ir, const Filled *f, Ref position) {
    return ir_value_dim(ir, position) == f->steps;
}

/* Can this read be answered by the elements? */
static bool reads_element(Rewriter *w, Filled *f, const Node *read) {
    const Node *array = ir_node(w->ir, read->args[0]);
    if (array->op == OP_PICK) {
        return is_last(w->ir, f, read->args[1]);
    }
    const Ref *positions = read->args + 1;
    int64_t lag;
    if (elsewhere(w->ir, f, positions)) {
        return true;
    }
    Ref offset = without_step(w->ir, f->pinned[f->along], f->t, f->sign);
    if (!find_lag(w->ir, f, offset, positions[f->along], &lag) || lag > LAG_LIMIT) {
        return false;
    }
    f->lags = lag > (int64_t)f->lags ? (unsigned)lag : f->lags;
    return true;
}

static bool find_filled(Rewriter *w) {
    Inplace *pass = w->context;
    bool any = false;
    for (Ref v = 1; v < w->top; v++) {
        Node node = *ir_node(w->ir, v);
        for (uint32_t k = 0; k < node.arg_count; k++) {
            Filled *f = filled_of(w, node.args[k]);
            if (!f || !f->filled || v == f->old) {
                continue;
            }
            f->filled = node.op == OP_READ && k == 0 && reads_element(w, f, &node);
        }
    }
    for (size_t k = 0; k < w->ir->output_count; k++) {
        Filled *f = filled_of(w, w->ir->outputs[k].value);
        if (f) {
            f->filled = false;
        }
    }
    for (uint32_t tag = 0; tag < pass->tags; tag++) {
        Loop *loop = &pass->loops[tag];
        for (uint32_t k = 0; k < loop->count; k++) {
            loop->any = loop->any || loop->list[k].filled;
        }
        any = any || loop->any;
    }
    return any;
}

/* ---- the result
 * -----------------------------------------------------------------------------------------------
 */

/* The axes that are not pinned. */
static unsigned open_axes(const Filled *f, Index *axes) {
    unsigned count = 0;
    for (unsigned a = 0; a < f->rank; a++) {
        if (f->pinned[a] == REF_NONE) {
            axes[count++] = f->axes[a];
        }
    }
    return count;
}

/* The element of the array before the loop, where that is one: pinned axes at their position, the
 * moving one at `position`, the others at their axes. */
static Ref element_before(Rewriter *w, const Filled *f, Ref position) {
    Ref at[RANK_LIMIT];
    for (unsigned a = 0; a < f->rank; a++) {
        at[a] = a == f->along              ? position
                : f->pinned[a] != REF_NONE ? f->pinned[a]
                                           : ir_idx(w->ir, f->axes[a]);
    }
    Dim dim = ir_node(w->ir, f->state)->shape[f->along];
    Ref zero = ir_int(w->ir, 0);
    Ref low = ir_compare(w->ir, BI_le, zero, position);
    Ref high = ir_compare(w->ir, BI_lt, position, ir_size(w->ir, dim));
    Ref inside = ir_and(w->ir, low, high);
    return ir_guard(w->ir, inside, ir_read(w->ir, f->init, at, f->rank));
}

/* offset - sign · lag: where the step `lag` before the first would have written. */
static Ref position_before(Rewriter *w, const Filled *f, int64_t lag) {
    Ref by = ir_int(w->ir, lag);
    return f->sign > 0 ? ir_sub(w->ir, f->offset, by) : ir_add(w->ir, f->offset, by);
}

/* At the first leaf of a recurrence: all its inits, then all its leaves. */
static void open_recurrence(Rewriter *w, Loop *loop) {
    Ref inits[LAG_LIMIT];
    Index axes[RANK_LIMIT];
    Node scan = *ir_node(w->ir, loop->scan);
    loop->opened = true;
    loop->tag = ir_new_tag(w->ir);
    for (uint32_t k = 0; k < loop->count; k++) {
        Filled *f = &loop->list[k];
        f->slot = loop->slots;
        loop->slots += f->filled ? f->lags : 1;
        if (!f->filled) {
            continue;
        }
        f->init = w->map[scan.args[k]];
        f->offset = without_step(w->ir, f->pinned[f->along], f->t, f->sign);
    }
    for (unsigned pass = 0; pass < 2; pass++) {
        for (uint32_t k = 0; k < loop->count; k++) {
            Filled *f = &loop->list[k];
            for (unsigned lag = 1; lag <= f->lags && f->filled; lag++) {
                unsigned count = open_axes(f, axes);
                Ref position = position_before(w, f, lag);
                inits[lag - 1] = ir_array(w->ir, axes, count, element_before(w, f, position));
                if (pass == 1) {
                    f->leaves[lag - 1] = ir_state(w->ir, loop->tag, f->slot + lag - 1, f->t,
                                                  ir_free(w->ir, f->state), inits[lag - 1]);
                    const char *ending = arena_format(w->ir->arena, "_%u", lag);
                    ir_name_state_of(w->ir, f->leaves[lag - 1], f->state, lag > 1 ? ending : "");
                }
            }
        }
    }
}

static Ref rule_state(Rewriter *w, Ref v, Loop *loop) {
    Node node = *ir_node(w->ir, v);
    if (!loop->opened) {
        open_recurrence(w, loop);
    }
    const Filled *f = &loop->list[node.as.state.k];
    if (f->filled) {
        return ir_int(w->ir, 0); /* its reads become others */
    }
    return ir_state(w->ir, loop->tag, f->slot, node.as.state.t, node.free, w->map[node.args[0]]);
}

/* Are the pinned axes but the moving one at these positions? REF_NONE: always. */
static Ref at_pinned(Rewriter *w, const Filled *f, const Ref *positions) {
    Ref all = REF_NONE;
    for (unsigned a = 0; a < f->rank; a++) {
        if (a != f->along && f->pinned[a] != REF_NONE) {
            Ref same = ir_compare(w->ir, BI_eq, f->pinned[a], positions[a]);
            all = all == REF_NONE ? same : ir_and(w->ir, all, same);
        }
    }
    return all;
}

/* An array over the open axes, read where the positions have them. */
static Ref read_open(Rewriter *w, const Filled *f, Ref array, Ref first, const Ref *positions) {
    Ref at[RANK_LIMIT + 1];
    unsigned count = 0;
    if (first != REF_NONE) {
        at[count++] = first;
    }
    for (unsigned a = 0; a < f->rank; a++) {
        if (f->pinned[a] == REF_NONE) {
            at[count++] = positions[a];
        }
    }
    return ir_read(w->ir, array, at, count);
}

static Ref read_state(Rewriter *w, const Filled *f, const Ref *positions) {
    Ref before = ir_read(w->ir, f->init, positions, f->rank);
    int64_t lag = 0;
    (void)find_lag(w->ir, f, f->offset, positions[f->along], &lag);
    Ref here = at_pinned(w, f, positions);
    if (lag < 1 || (here != REF_NONE && ir_node(w->ir, here)->op == OP_CONST &&
                    !ir_node(w->ir, here)->as.integer)) {
        return before;
    }
    Ref made = read_open(w, f, f->leaves[lag - 1], REF_NONE, positions);
    return here == REF_NONE ? made : ir_select(w->ir, here, made, before);
}

/* Was the element at `position` made by a step? The step is *number. REF_NONE: surely. */
static Ref was_made(Rewriter *w, const Filled *f, Ref position, Ref *number) {
    Ir *ir = w->ir;
    const Node *axis = ir_node(ir, position);
    Ref zero = ir_int(ir, 0);
    Ref steps = ir_size(ir, f->steps);
    *number = f->sign > 0 ? ir_sub(ir, position, f->offset) : ir_sub(ir, f->offset, position);
    Ref low = ir_compare(ir, BI_le, zero, *number);
    Ref high = ir_compare(ir, BI_lt, *number, steps);
    Dim offset = ir_value_dim(ir, f->offset);
    if (axis->op == OP_INDEX && offset != DIM_NONE && f->sign > 0) {
        Dim size = ir_index_dim(ir, axis->as.index);
        low = dim_proves_le(ir, offset, dim_const(ir, 0)) ? REF_NONE : low;
        high = dim_proves_le(ir, size, dim_add(ir, f->steps, offset)) ? REF_NONE : high;
    }
    return low == REF_NONE ? high : high == REF_NONE ? low : ir_and(ir, low, high);
}

/* The elements of all steps, by step, or by step + 1 (*by): values of the body; or states, where an
 * element is itself the last state of an inner loop, which then need not be kept for all steps. */
static Ref all_elements(Rewriter *w, const Filled *f, Ref scan, int64_t *by) {
    Index axes[RANK_LIMIT + 1];
    const Node *made = ir_node(w->ir, f->made);
    *by = f->lags > 0 && made->op == OP_READ && ir_node(w->ir, made->args[0])->op == OP_PICK;
    if (*by) {
        return ir_pick(w->ir, w->map[scan], f->slot);
    }
    axes[0] = f->t;
    unsigned count = 1 + open_axes(f, axes + 1);
    return ir_array(w->ir, axes, count, f->made);
}

static Ref read_last(Rewriter *w, const Filled *f, Ref scan, const Ref *positions) {
    int64_t by;
    Ref number;
    Ref made = was_made(w, f, positions[f->along], &number);
    Ref here = at_pinned(w, f, positions);
    Ref before = ir_read(w->ir, f->init, positions, f->rank);
    Ref all = all_elements(w, f, scan, &by);
    Ref one = ir_int(w->ir, by);
    number = ir_add(w->ir, number, one);
    Ref element = read_open(w, f, all, number, positions);
    made = made == REF_NONE ? here : here == REF_NONE ? made : ir_and(w->ir, made, here);
    return made == REF_NONE ? element : ir_select(w->ir, made, element, before);
}

/* The element of a step, at the open axes. */
static Ref make_element(Rewriter *w, const Filled *f) {
    Ir *ir = w->ir;
    Ref at[RANK_LIMIT];
    Index pinned[RANK_LIMIT];
    unsigned count = 0;
    for (unsigned a = 0; a < f->rank; a++) {
        if (f->pinned[a] != REF_NONE) {
            pinned[count] = f->axes[a];
            at[count++] = f->pinned[a];
        }
    }
    Ref made = w->map[f->element];
    Ref also = REF_NONE;
    for (unsigned k = 0; k < f->also_count; k++) {
        Ref term = w->map[f->also[k]];
        also = also == REF_NONE ? term : ir_and(ir, also, term);
    }
    if (also != REF_NONE) {
        Ref stays = element_before(w, f, f->pinned[f->along]);
        made = ir_select(ir, also, made, stays);
    }
    return ir_read(ir, ir_array(ir, pinned, count, made), at, count);
}

static Ref rule_scan(Rewriter *w, Loop *loop) {
    Node scan = *ir_node(w->ir, loop->scan);
    Index axes[RANK_LIMIT];
    if (!loop->opened) {
        open_recurrence(w, loop);
    }
    Ref *inits = arena_array(w->ir->arena, Ref, loop->slots + 1);
    Ref *steps = arena_array(w->ir->arena, Ref, loop->slots + 1);
    for (uint32_t k = 0; k < loop->count; k++) {
        Filled *f = &loop->list[k];
        if (!f->filled) {
            inits[f->slot] = w->map[scan.args[k]];
            steps[f->slot] = w->map[scan.args[loop->count + k]];
            continue;
        }
        f->made = make_element(w, f);
        for (unsigned lag = 0; lag < f->lags; lag++) {
            unsigned count = open_axes(f, axes);
            inits[f->slot + lag] = ir_node(w->ir, f->leaves[lag])->args[0];
            steps[f->slot + lag] =
                lag > 0 ? f->leaves[lag - 1] : ir_array(w->ir, axes, count, f->made);
        }
    }
    if (loop->slots == 0) {
        return ir_int(w->ir, 0); /* no recurrence is left */
    }
    return ir_scan(w->ir, loop->tag, scan.as.scan.t, scan.as.scan.direction, inits, steps,
                   loop->slots);
}

static Ref rule_read(Rewriter *w, const Node *read, const Filled *f) {
    Ref positions[RANK_LIMIT + 1];
    bool pick = ir_node(w->ir, read->args[0])->op == OP_PICK;
    for (uint32_t k = 1; k < read->arg_count; k++) {
        positions[k - 1] = w->map[read->args[k]];
    }
    Ref scan = pick ? ir_node(w->ir, read->args[0])->args[0] : REF_NONE;
    return pick ? read_last(w, f, scan, positions + 1) : read_state(w, f, positions);
}

static Ref rule(Rewriter *w, Ref v) {
    Inplace *pass = w->context;
    Node node = *ir_node(w->ir, v);
    if (node.op == OP_READ) {
        const Filled *f = filled_of(w, node.args[0]);
        if (f && f->filled) {
            return v == f->old ? ir_real(w->ir, 0) : rule_read(w, &node, f);
        }
    }
    if (node.op == OP_STATE && pass->loops[node.as.state.tag].any) {
        return rule_state(w, v, &pass->loops[node.as.state.tag]);
    }
    if (node.op == OP_SCAN && pass->loops[node.as.scan.tag].any) {
        return rule_scan(w, &pass->loops[node.as.scan.tag]);
    }
    const Filled *f = node.op == OP_PICK ? filled_of(w, v) : NULL;
    if (f && f->filled) {
        return ir_int(w->ir, 0); /* its reads become others */
    }
    if (f && pass->loops[ir_node(w->ir, node.args[0])->as.scan.tag].any) {
        return ir_pick(w->ir, w->map[node.args[0]], f->slot);
    }
    return opt_rebuild(w, v);
}

static Ir *once(const OptOptions *options, Ir *ir, bool *again) {
    Inplace pass = {0};
    Rewriter w = opt_rewriter(options, ir, &pass);
    for (Ref v = 1; v < w.top; v++) {
        const Node *node = ir_node(w.ir, v);
        uint32_t tag = node->op == OP_SCAN    ? node->as.scan.tag + 1
                       : node->op == OP_STATE ? node->as.state.tag + 1
                                              : 0;
        pass.tags = tag > pass.tags ? tag : pass.tags;
    }
    pass.loops = arena_array(w.ir->arena, Loop, pass.tags + 1);
    pass.parents = w.uses;
    *again = false;
    if (pass.tags > 0) {
        find_loops(&w);
        *again = find_filled(&w);
    }
    if (!*again) {
        opt_give_up(&w);
        return ir;
    }
    const Span at = w.ir->at;
    for (Ref v = 1; v < w.top; v++) {
        w.ir->at = ir_node(w.ir, v)->span;
        w.map[v] = rule(&w, v);
        ir_keep_name(w.ir, v, w.map[v]);
    }
    w.ir->at = at;
    return opt_finish(&w);
}

Ir *opt_inplace(const OptOptions *options, const Ir *ir) {
    bool again = true;
    Ir *result = opt_copy(ir);
    for (unsigned round = 0; round < ROUNDS && again; round++) {
        result = once(options, result, &again);
    }
    return result;
}
