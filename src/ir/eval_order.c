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

/* By id: does the value depend on the states of this scan? Scans inside of it, which have smaller
 * ids, pass that on to their states; the states of a scan around it are given. */
static bool *find_dependent(const Ir *ir, Arena *arena, Ref outer) {
    uint32_t tag = ir_node(ir, outer)->as.scan.tag;
    bool *dependent = arena_array(arena, bool, ir_count(ir));
    for (bool changed = true; changed;) {
        changed = false;
        for (Ref v = 1; v < ir_count(ir); v++) {
            const Node *node = ir_node(ir, v);
            bool depends = false;
            for (uint32_t k = 0; k < node->arg_count; k++) {
                depends = depends || dependent[node->args[k]];
            }
            if (node->op == OP_STATE) {
                Ref scan = ir_scan_of_tag(ir, node->as.state.tag);
                depends = depends || node->as.state.tag == tag || (scan < outer && dependent[scan]);
            }
            if (depends && !dependent[v]) {
                dependent[v] = changed = true;
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
    const bool *dependent = find_dependent(ir, b->arena, level->scan);
    Ref *stack = arena_array(b->arena, Ref, ir_count(ir));
    size_t height = 0;
    level->body = arena_array(b->arena, bool, ir_count(ir));
    for (uint32_t k = 0; k < scan->as.scan.count; k++) {
        Ref step = scan->args[scan->as.scan.count + k];
        if (dependent[step] && !level->body[step]) {
            level->body[step] = true;
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
            if (next != REF_NONE && dependent[next] && !level->body[next]) {
                level->body[next] = true;
                stack[height++] = next;
            }
        }
    }
}

static void find_owners(Builder *b) {
    for (Ref v = 1; v < ir_count(b->ir); v++) {
        for (size_t s = 1; s < b->order->count; s++) {
            const EvalLevel *level = &b->order->levels[s];
            bool inner =
                b->owner[v] == 0 || level->body_size < b->order->levels[b->owner[v]].body_size;
            if (level->body[v] && inner) {
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
    for (Ref w = 1; w < ir_count(ir); w++) {
        if (!level->body[w]) {
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

static void schedule(Builder *b, size_t s) {
    EvalLevel *level = &b->order->levels[s];
    size_t wanted = 0;
    for (Ref v = 1; v < ir_count(b->ir); v++) {
        wanted += b->order->needed[v] && b->owner[v] == s;
    }
    level->nodes = arena_array(b->arena, Ref, wanted);
    while (level->count < wanted) {
        size_t before = level->count;
        for (Ref v = 1; v < ir_count(b->ir); v++) {
            if (b->order->needed[v] && b->owner[v] == s && !b->done[v] && can_run(b, v, s)) {
                b->done[v] = true;
                level->nodes[level->count++] = v;
            }
        }
        if (level->count == before) {
            ice("eval", "the values of `%s` depend on each other in a circle", b->ir->name);
        }
    }
}

EvalOrder *eval_order(const Ir *ir, Arena *arena, Ref root) {
    EvalOrder *order = arena_new(arena, EvalOrder);
    Builder b = {ir, arena, order, arena_array(arena, size_t, ir_count(ir)),
                 arena_array(arena, bool, ir_count(ir))};
    order->needed = ir_reach(ir, &root, 1);
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
            find_body(&b, &order->levels[s]);
            s++;
        }
    }
    find_owners(&b);
    for (s = 0; s < order->count; s++) {
        schedule(&b, s);
    }
    return order;
}
