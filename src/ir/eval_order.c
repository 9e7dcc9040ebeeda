/* eval_order.c: in which order the interpreter computes values. Ids are an order except for
 * recurrences: the body of a scan runs once for each step, and what is made of states outside of
 * the body waits for the scan. A value belongs to the innermost scan whose body has it. */
#include "ir/eval.h"

typedef struct {
    const Ir *ir;
    Arena *arena;
    EvalOrder *order;
    size_t *owner; /* by id: the level a value belongs to */
    bool *done;
} Builder;

/* Is it so for v? Arrays by id begin at `low` and end at the scan: beyond, nothing is in its body.
 */
static bool among(const bool *is, const EvalLevel *level, Ref v) {
    return v >= level->low && v < level->scan && is[v - level->low];
}

/* By id: does the value depend on the states of this scan? Scans inside of it, which have smaller
 * ids, pass that on to their states; the states of a scan around it are given. */
static bool *find_dependent(const Ir *ir, Arena *arena, const EvalLevel *level) {
    uint32_t tag = ir_node(ir, level->scan)->as.scan.tag;
    bool *dependent = arena_array(arena, bool, level->scan - level->low + 1);
    for (bool changed = true; changed;) {
        changed = false;
        for (Ref v = level->low; v < level->scan; v++) {
            const Node *node = ir_node(ir, v);
            bool depends = false;
            for (uint32_t k = 0; k < node->arg_count; k++) {
                depends = depends || among(dependent, level, node->args[k]);
            }
            if (node->op == OP_STATE) {
                Ref scan = ir_scan_of_tag(ir, node->as.state.tag);
                depends = depends || node->as.state.tag == tag || among(dependent, level, scan);
            }
            if (depends && !dependent[v - level->low]) {
                dependent[v - level->low] = changed = true;
            }
        }
    }
    return dependent;
}

/* The values that the steps of a scan need and that depend on its states. */
static void find_body(Builder *b, EvalLevel *level) {
    const Ir *ir = b->ir;
    const Node *scan = ir_node(ir, level->scan);
    uint32_t tag = scan->as.scan.tag;
    const bool *dependent = find_dependent(ir, b->arena, level);
    Ref *stack = arena_array(b->arena, Ref, level->scan - level->low + 1);
    size_t height = 0;
    level->body = arena_array(b->arena, bool, level->scan - level->low + 1);
    for (uint32_t k = 0; k < scan->as.scan.count; k++) {
        Ref step = scan->args[scan->as.scan.count + k];
        if (among(dependent, level, step) && !among(level->body, level, step)) {
            level->body[step - level->low] = true;
            stack[height++] = step;
        }
    }
    while (height > 0) {
        Ref v = stack[--height];
        const Node *node = ir_node(ir, v);
        level->body_size++;
        for (uint32_t k = 0; k <= node->arg_count; k++) {
            Ref next = k < node->arg_count ? node->args[k] : REF_NONE;
            if (k == node->arg_count && node->op == OP_STATE && node->as.state.tag != tag) {
                next = ir_scan_of_tag(ir, node->as.state.tag);
                next = next < level->scan ? next : REF_NONE;
            }
            if (among(dependent, level, next) && !among(level->body, level, next)) {
                level->body[next - level->low] = true;
                stack[height++] = next;
            }
        }
    }
}

static void find_owners(Builder *b) {
    for (size_t s = 1; s < b->order->count; s++) {
        const EvalLevel *level = &b->order->levels[s];
        for (Ref v = level->low; v < level->scan; v++) {
            bool inner =
                b->owner[v] == 0 || level->body_size < b->order->levels[b->owner[v]].body_size;
            if (among(level->body, level, v) && inner) {
                b->owner[v] = s;
            }
        }
    }
}

/* The value of level `s` that has to be done before u can be used there: u, the scan around it, or
 * REF_NONE when u is outside of the level. */
static Ref representative(const Builder *b, Ref u, size_t s) {
    while (b->owner[u] != s) {
        if (b->owner[u] == 0) {
            return REF_NONE;
        }
        u = b->order->levels[b->owner[u]].scan;
    }
    return u;
}

static bool ready(const Builder *b, Ref u, Ref v, size_t s) {
    Ref first = representative(b, u, s);
    return first == REF_NONE || first == v || b->done[first];
}

static bool can_run(const Builder *b, Ref v, size_t s) {
    const Ir *ir = b->ir;
    const Node *node = ir_node(ir, v);
    for (uint32_t k = 0; k < node->arg_count; k++) {
        if (!ready(b, node->args[k], v, s)) {
            return false;
        }
    }
    if (node->op == OP_STATE) {
        Ref scan = ir_scan_of_tag(ir, node->as.state.tag);
        return b->order->levels[s].scan == scan || ready(b, scan, v, s);
    }
    if (node->op != OP_SCAN) {
        return true;
    }
    const EvalLevel *level = &b->order->levels[b->order->level_of_scan[v]];
    for (Ref w = level->low; w < level->scan; w++) {
        if (!among(level->body, level, w)) {
            continue;
        }
        const Node *inner = ir_node(ir, w);
        for (uint32_t k = 0; k < inner->arg_count; k++) {
            if (!ready(b, inner->args[k], v, s)) {
                return false;
            }
        }
    }
    return true;
}

/* The needed values of each level, in the order of their ids. */
static void list_values(const Builder *b, Ref **wanted, size_t *count) {
    const Ref end = ir_count(b->ir);
    for (Ref v = 1; v < end; v++) {
        count[b->owner[v]] += b->order->needed[v];
    }
    for (size_t s = 0; s < b->order->count; s++) {
        wanted[s] = arena_array(b->arena, Ref, count[s] + 1);
        count[s] = 0;
    }
    for (Ref v = 1; v < end; v++) {
        const size_t s = b->owner[v];
        if (b->order->needed[v]) {
            wanted[s][count[s]++] = v;
        }
    }
}

static void schedule(Builder *b, size_t s, Ref *wanted, size_t count) {
    EvalLevel *level = &b->order->levels[s];
    level->nodes = arena_array(b->arena, Ref, count + 1);
    while (count > 0) {
        size_t left = 0;
        for (size_t k = 0; k < count; k++) {
            if (can_run(b, wanted[k], s)) {
                b->done[wanted[k]] = true;
                level->nodes[level->count++] = wanted[k];
            } else {
                wanted[left++] = wanted[k];
            }
        }
        if (left == count) {
            ice("eval", "the values of `%s` depend on each other in a circle", b->ir->name);
        }
        count = left;
    }
}

/* The states of each scan, and below which id its body does not begin. */
static void find_states(Builder *b) {
    EvalOrder *order = b->order;
    for (size_t round = 0; round < 2; round++) {
        for (Ref v = 1; v < ir_count(b->ir); v++) {
            const Node *node = ir_node(b->ir, v);
            const Ref scan =
                node->op == OP_STATE ? ir_scan_of_tag(b->ir, node->as.state.tag) : REF_NONE;
            if (scan == REF_NONE || !order->needed[v] || !order->needed[scan]) {
                continue;
            }
            EvalLevel *level = &order->levels[order->level_of_scan[scan]];
            level->low = level->state_count == 0 && round == 0 ? v : level->low;
            if (round == 1) {
                level->states[level->count++] = v;
            } else {
                level->state_count++;
            }
        }
        for (size_t s = 1; s < order->count && round == 0; s++) {
            EvalLevel *level = &order->levels[s];
            level->states = arena_array(b->arena, Ref, level->state_count + 1);
            level->low = level->state_count == 0 ? level->scan : level->low;
        }
    }
    for (size_t s = 1; s < order->count; s++) {
        EvalLevel *level = &order->levels[s];
        level->count = 0; /* it counted the states */
        for (size_t inner = s - 1; inner > 0 && order->levels[inner].scan > level->low; inner--) {
            level->low =
                order->levels[inner].low < level->low ? order->levels[inner].low : level->low;
        }
    }
}

/* Recurrences hand on to their states what their inits and steps have: until nothing changes. */
static IndexSet *find_moving(const Ir *ir, Arena *arena, const bool *needed) {
    IndexSet *moving = arena_array(arena, IndexSet, ir_count(ir));
    for (bool changed = true; changed;) {
        changed = false;
        for (Ref v = 1; v < ir_count(ir); v++) {
            const Node *node = ir_node(ir, v);
            IndexSet set = 0;
            if (!needed[v]) {
                continue;
            }
            for (uint32_t k = 0; k < node->arg_count; k++) {
                set |= moving[node->args[k]];
            }
            if (node->op == OP_STATE) {
                set |= INDEX_BIT(node->as.state.t) | moving[ir_scan_of_tag(ir, node->as.state.tag)];
            }
            set &= node->free;
            changed = changed || set != moving[v];
            moving[v] = set;
        }
    }
    return moving;
}

EvalOrder *eval_order(const Ir *ir, Arena *arena, const Ref *roots, size_t root_count) {
    EvalOrder *order = arena_new(arena, EvalOrder);
    Builder b = {ir, arena, order, arena_array(arena, size_t, ir_count(ir)),
                 arena_array(arena, bool, ir_count(ir))};
    order->needed = ir_reach(ir, roots, root_count);
    order->moving = find_moving(ir, arena, order->needed);
    order->level_of_scan = arena_array(arena, size_t, ir_count(ir));
    order->count = 1;
    for (Ref v = 1; v < ir_count(ir); v++) {
        order->count += order->needed[v] && ir_node(ir, v)->op == OP_SCAN;
    }
    order->levels = arena_array(arena, EvalLevel, order->count);
    size_t s = 1;
    for (Ref v = 1; v < ir_count(ir); v++) {
        if (order->needed[v] && ir_node(ir, v)->op == OP_SCAN) {
            order->level_of_scan[v] = s;
            order->levels[s].scan = v;
            s++;
        }
    }
    find_states(&b);
    for (s = 1; s < order->count; s++) {
        find_body(&b, &order->levels[s]);
    }
    find_owners(&b);
    Ref **wanted = arena_array(arena, Ref *, order->count);
    size_t *counts = arena_array(arena, size_t, order->count);
    list_values(&b, wanted, counts);
    for (s = 0; s < order->count; s++) {
        schedule(&b, s, wanted[s], counts[s]);
    }
    return order;
}
