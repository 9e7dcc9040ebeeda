/* walk.c: substitution, reachability, copies. No recursion over values: explicit stacks and sweeps.
 */
#include "ir/tables.h"

#include <string.h>

/* ---- a stack of refs ------------------------------------------------------------------------- */

typedef struct {
    Arena *arena;
    Ref *items;
    size_t count, capacity;
} Stack;

static void push(Stack *stack, Ref v) {
    stack->items =
        arena_grow(stack->arena, stack->items, stack->count, &stack->capacity, sizeof(Ref));
    stack->items[stack->count++] = v;
}

/* ---- substitution ---------------------------------------------------------------------------- */

typedef struct {
    Ir *ir;
    const Ref *replacement;
    IndexSet set; /* the indices that are replaced */
} Substitution;

static bool is_elementwise(const Node *node) {
    switch (node->op) {
    case OP_CALL:
    case OP_EXTERN:
    case OP_CONVERT:
    case OP_SELECT:
    case OP_GUARD:
        return true;
    case OP_VAR:
        return node->rank == 0;
    case OP_CONST:
    case OP_SIZE:
    case OP_INDEX:
    case OP_LEAF:
    case OP_READ:
    case OP_ARRAY:
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
    case OP_DEPOSIT:
    case OP_STATE:
    case OP_SCAN:
    case OP_PICK:
    case OP_LIB:
    case OP_DERIV:
    case OP_COUNT:
        break;
    }
    return false;
}

static void memo_store(Ir *ir, Ref v, Ref result) {
    ir->tables->memo[v] = result;
    ir->tables->stamps[v] = ir->tables->stamp_now;
}

/* What v becomes: itself when it has no replaced index, REF_NONE when it is not known yet. */
static Ref memo_find(const Substitution *s, Ref v) {
    if (!(ir_free(s->ir, v) & s->set)) {
        return v;
    }
    const struct IrTables *tables = s->ir->tables;
    return tables->stamps[v] == tables->stamp_now ? tables->memo[v] : REF_NONE;
}

/* Appends the replaced indices of `free` to axes and what replaces them to positions. */
static unsigned close_over(const Substitution *s, IndexSet free, Index *axes, Ref *positions) {
    unsigned count = 0;
    for (IndexSet set = free & s->set; set != 0; set &= set - 1) {
        if (count == RANK_LIMIT) {
            ice("ir", "substitution of more than %d indices at once", RANK_LIMIT);
        }
        axes[count] = index_first(set);
        positions[count++] = s->replacement[index_first(set)];
    }
    return count;
}

/* A scalar that is not copied: read(array(I; v), e). */
static Ref wrap(const Substitution *s, Ref v) {
    Index axes[RANK_LIMIT];
    Ref positions[RANK_LIMIT];
    unsigned count = close_over(s, ir_free(s->ir, v), axes, positions);
    Ref array = ir_array(s->ir, axes, count, v);
    return ir_read(s->ir, array, positions, count);
}

/* read(A, p) where A has replaced indices: they become further axes of A. `positions` are done. */
static Ref widen(const Substitution *s, Ref v, const Ref *done) {
    const Node *node = ir_node(s->ir, v);
    Ref array = node->args[0];
    unsigned rank = node->arg_count - 1;
    Index axes[2 * RANK_LIMIT];
    Ref positions[2 * RANK_LIMIT], names[RANK_LIMIT];
    unsigned count = close_over(s, ir_free(s->ir, array), axes, positions);
    if (count + rank > RANK_LIMIT) {
        return wrap(s, v);
    }
    ir_axis_names(s->ir, array, axes + count);
    for (unsigned k = 0; k < rank; k++) {
        names[k] = ir_idx(s->ir, axes[count + k]);
        positions[count + k] = done[1 + k];
    }
    Ref body = ir_read(s->ir, array, names, rank);
    Ref wide = ir_array(s->ir, axes, count + rank, body);
    return ir_read(s->ir, wide, positions, count + rank);
}

static Ref substitute_node(const Substitution *s, Ref v, const Ref *done) {
    const Node *node = ir_node(s->ir, v);
    if (node->op == OP_INDEX) {
        return s->replacement[node->as.index];
    }
    if (is_elementwise(node)) {
        return ir_rebuild(s->ir, v, done);
    }
    if (node->op == OP_READ) {
        return ir_free(s->ir, node->args[0]) & s->set
                   ? widen(s, v, done)
                   : ir_read(s->ir, node->args[0], done + 1, node->arg_count - 1);
    }
    return wrap(s, v);
}

/* The operands that are substituted before a node: none of what is wrapped; of reads the positions.
 */
static void operand_range(const Node *node, uint32_t *first, uint32_t *last) {
    *first = node->op == OP_READ ? 1 : 0;
    *last = node->op == OP_READ || is_elementwise(node) ? node->arg_count : 0;
}

static Ref substitute_scalar(const Substitution *s, Ref root) {
    Ir *ir = s->ir;
    struct IrTables *tables = ir->tables;
    if (root >= tables->memo_count) {
        tables->memo_count = 2 * (size_t)tables->count;
        tables->memo = arena_array(ir->arena, Ref, tables->memo_count);
        tables->stamps = arena_array(ir->arena, uint32_t, tables->memo_count);
        tables->stamp_now = 0;
    }
    tables->stamp_now++;
    Stack stack = {.arena = ir->arena};
    push(&stack, root);
    while (stack.count > 0) {
        Ref v = stack.items[stack.count - 1];
        const Node *node = ir_node(ir, v);
        uint32_t first, last;
        operand_range(node, &first, &last);
        size_t height = stack.count;
        for (uint32_t k = last; k-- > first;) {
            if (memo_find(s, node->args[k]) == REF_NONE) {
                push(&stack, node->args[k]);
            }
        }
        if (stack.count > height) {
            continue;
        }
        if (memo_find(s, v) == REF_NONE) {
            Ref done[1 + RANK_LIMIT] = {node->arg_count > 0 ? node->args[0] : REF_NONE};
            for (uint32_t k = first; k < last; k++) {
                done[k] = memo_find(s, node->args[k]);
            }
            Ref result = substitute_node(s, v, done);
            memo_store(ir, v, result);
        }
        stack.count--;
    }
    return memo_find(s, root);
}

Ref ir_subst(Ir *ir, Ref v, const Ref replacement[INDEX_LIMIT]) {
    Substitution s = {ir, replacement, 0};
    IndexSet used = 0;
    for (unsigned i = 0; i < ir->tables->index_count; i++) {
        if (replacement[i] != REF_NONE && replacement[i] != ir_idx(ir, (Index)i)) {
            s.set |= INDEX_BIT(i);
            used |= ir_free(ir, replacement[i]) | INDEX_BIT(i);
        }
    }
    const Node *node = ir_node(ir, v);
    if (!(node->free & s.set)) {
        return v;
    }
    if (node->rank == 0 && node->op != OP_SCAN) {
        return substitute_scalar(&s, v);
    }
    /* an array: open it at names that no replacement has, substitute, close it */
    Index names[RANK_LIMIT];
    Ref positions[RANK_LIMIT];
    used |= node->free;
    for (unsigned k = 0; k < node->rank; k++) {
        names[k] = ir_fresh(ir, node->shape[k], used);
        used |= INDEX_BIT(names[k]);
        positions[k] = ir_idx(ir, names[k]);
    }
    Ref body = ir_read(ir, v, positions, node->rank);
    body = ir_free(ir, body) & s.set ? substitute_scalar(&s, body) : body;
    return ir_array(ir, names, node->rank, body);
}

/* ---- reachability ---------------------------------------------------------------------------- */

static bool *reach(Arena *arena, const Ir *ir, const Ref *roots, size_t count) {
    bool *reached = arena_array(arena, bool, ir_count(ir));
    Stack stack = {.arena = arena};
    for (size_t k = 0; k < count; k++) {
        if (roots[k] != REF_NONE && !reached[roots[k]]) {
            reached[roots[k]] = true;
            push(&stack, roots[k]);
        }
    }
    while (stack.count > 0) {
        const Node *node = ir_node(ir, stack.items[--stack.count]);
        Ref scan = node->op == OP_STATE ? ir_scan_of_tag(ir, node->as.state.tag) : REF_NONE;
        for (uint32_t k = 0; k <= node->arg_count; k++) {
            Ref next = k < node->arg_count ? node->args[k] : scan;
            if (next != REF_NONE && !reached[next]) {
                reached[next] = true;
                push(&stack, next);
            }
        }
    }
    return reached;
}

bool *ir_reach(const Ir *ir, const Ref *roots, size_t count) {
    return reach(ir->arena, ir, roots, count);
}

static bool *reach_outputs(Arena *arena, const Ir *ir) {
    Ref *roots = arena_array(arena, Ref, ir->output_count);
    for (size_t k = 0; k < ir->output_count; k++) {
        roots[k] = ir->outputs[k].value;
    }
    return reach(arena, ir, roots, ir->output_count);
}

bool *ir_reach_outputs(const Ir *ir) {
    return reach_outputs(ir->arena, ir);
}

/* ---- copies ---------------------------------------------------------------------------------- */

/* A state has the indices that its init or its step has, which may be fewer than those it was made
 * with. */
static IndexSet state_free(const Ir *ir, const Node *node, const IndexSet *free) {
    IndexSet all = INDEX_BIT(node->as.state.t) | free[node->args[0]];
    Ref scan = ir_scan_of_tag(ir, node->as.state.tag);
    if (scan == REF_NONE) {
        return node->free;
    }
    const Node *steps = ir_node(ir, scan);
    return all | free[steps->args[steps->as.scan.count + node->as.state.k]];
}

/* F of all values: the least sets that fit together. */
static IndexSet *least_free(Arena *arena, const Ir *ir, const bool *reached) {
    IndexSet *free = arena_array(arena, IndexSet, ir_count(ir));
    bool again = true;
    while (again) {
        again = false;
        for (Ref v = 1; v < ir_count(ir); v++) {
            const Node *node = ir_node(ir, v);
            IndexSet made = 0;
            for (uint32_t k = 0; k < node->arg_count; k++) {
                made |= free[node->args[k]];
            }
            made = node->op == OP_STATE ? state_free(ir, node, free) : ir_free_over(node, made);
            made = reached[v] ? made : 0;
            again = again || (node->op == OP_STATE && made != free[v]);
            free[v] = made;
        }
    }
    return free;
}

/* Does it run over an index that its operands do not have any more? */
static bool runs_over_nothing(const Node *node, const IndexSet *free) {
    IndexSet have = 0;
    for (uint32_t k = 0; k < node->arg_count; k++) {
        have |= free[node->args[k]];
    }
    if (node->op == OP_SUM || node->op == OP_MAX || node->op == OP_ARGMAX || node->op == OP_LSE) {
        return !(have & INDEX_BIT(node->as.index));
    }
    return node->op == OP_DEPOSIT && (node->as.deposit.bound & ~have);
}

/* A constructor that saw fewer indices in an operand may make something simpler, through arrays,
 * too. Kept as they are: deposits, on purpose, and recurrences, which are not whole yet. */
static bool has_changed(const Node *node, const bool *changed) {
    bool found = false;
    for (uint32_t k = 0; k < node->arg_count; k++) {
        found = found || changed[node->args[k]];
    }
    return found && node->op != OP_DEPOSIT && node->op != OP_STATE && node->op != OP_SCAN;
}

Ir *ir_compact(const Ir *ir) {
    return ir_compact_in(ir->arena, ir);
}

Ir *ir_compact_in(Arena *arena, const Ir *ir) {
    Arena *scratch = arena_create();
    Ir *to = ir_create_in(arena, ir);
    const bool *reached = reach_outputs(scratch, ir);
    const IndexSet *free = least_free(scratch, ir, reached);
    Ref *map = arena_array(scratch, Ref, ir_count(ir));
    bool *changed = arena_array(scratch, bool, ir_count(ir));
    Ref *args = NULL;
    size_t room = 0;
    bool simpler = false; /* then there may be fewer indices again */
    for (Ref v = 1; v < ir_count(ir); v++) {
        if (!reached[v]) {
            continue;
        }
        Node node = *ir_node(ir, v);
        while (room < node.arg_count) {
            args = arena_grow(scratch, args, room, &room, sizeof *args);
        }
        for (uint32_t k = 0; k < node.arg_count; k++) {
            args[k] = map[node.args[k]];
        }
        bool nothing = runs_over_nothing(&node, free);
        bool again = nothing || has_changed(&node, changed);
        node.args = args;
        node.free = node.op == OP_STATE ? free[v] : ir_free_of(to, &node);
        to->at = node.span;
        const Ref fresh = ir_count(to); /* what is older than that stands in another order */
        Ref same = nothing ? REF_NONE : ir_make(to, &node);
        map[v] = again ? ir_rebuild_node(to, &node, args) : same;
        changed[v] = again || free[v] != ir_free(ir, v) || map[v] < fresh;
        simpler = simpler || map[v] != same;
        if (node.op == OP_SCAN) {
            to->tables->scan_of_tag[node.as.scan.tag] = map[v];
        }
    }
    for (size_t k = 0; k < ir->output_count; k++) {
        Output output = ir->outputs[k];
        output.value = map[output.value];
        if (output.name && arena != ir->arena) {
            output.name = intern_text(ir->names, output.name);
        }
        ir_add_output(to, output);
    }
    to->at = ir->at;
    arena_destroy(scratch);
    return simpler ? ir_compact_in(arena, to) : to;
}

Ref ir_import(Ir *ir, const Ir *from, Ref v, const Ref *leaves) {
    Ref *map = arena_array(ir->arena, Ref, (size_t)v + 1);
    const bool *reached = ir_reach(from, &v, 1);
    for (Ref u = 1; u <= v; u++) {
        if (!reached[u]) {
            continue;
        }
        const Node *node = ir_node(from, u);
        Ref args[BUILTIN_ARITY];
        if (node->op == OP_LEAF) {
            map[u] = leaves[node->as.leaf];
            continue;
        }
        if (node->op != OP_CONST && !is_elementwise(node)) {
            ice("ir", "import of what is not elementwise");
        }
        for (uint32_t k = 0; k < node->arg_count; k++) {
            args[k] = map[node->args[k]];
        }
        map[u] = ir_rebuild_node(ir, node, args);
    }
    return map[v];
}
