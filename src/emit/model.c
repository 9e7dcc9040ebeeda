/* model.c: derivatives as a program of the model language: for each function f a function f_grad
 * (f_jvp, …) of the same arguments, which returns the value and the derivatives, one for each
 * variable. Shared values, and arrays that are read at other positions, become definitions, so the
 * program is as long as the derivative.
 *
 * A recurrence becomes a `for` loop that fills an array with the states, in the order of the steps:
 *     s1 = zeros(T + 1)
 *     s1[0] = start
 *     for i in T { s1[i + 1] = step }
 * What is made of a state is *ready* once its loop is written. What the steps need of it is written
 * in the loop, for one step, and once more behind it, for all steps, where others need it. */
#include "emit/emit_private.h"

#include <math.h>
#include <string.h>

enum { DEPTH_LIMIT = 8 };

/* What a recurrence is in the program. */
typedef struct {
    bool open;           /* its loop is being written */
    const char *step;    /* the number of the step, in the loop */
    const char **states; /* by k: the array of the states, in the order of the steps */
    const char **whole;  /* the same in the order of the index */
    IndexSet *free;      /* by k: the indices that they have beside that of the steps */
} Recurrence;

typedef struct {
    Text *out;
    Arena *arena;
    const Ir *ir;
    IrFormulas *formulas;
    const bool *reached;
    unsigned *uses;
    unsigned *depth;
    unsigned number, loops;
    unsigned indent; /* loops around the line */
    IndexSet known;  /* the indices of these */
    bool *ready;     /* by id: its text is right here */
    Ref *made;       /* what is ready, in the order it became so */
    size_t made_count;
    bool *skipped;      /* by id: written where a loop sets what it carries */
    Recurrence **scans; /* by id of the scan */
} Program;

/* ---- names ---------------------------------------------------------------------------------- */

static bool is_name_taken(const Ir *ir, const char *name) {
    for (size_t k = 0; k < ir->leaf_count; k++) {
        if (strcmp(ir->leaves[k].name, name) == 0) {
            return true;
        }
    }
    for (size_t k = 0; k < dim_symbol_count(ir); k++) {
        if (strcmp(dim_text(ir, dim_symbol_at(ir, k)), name) == 0) {
            return true;
        }
    }
    return false;
}

static const char *new_name(const Program *p, const char *name) {
    while (is_name_taken(p->ir, name)) {
        name = arena_format(p->arena, "%s_", name);
    }
    return name;
}

/* ---- definitions ---------------------------------------------------------------------------- */

static void begin_line(const Program *p) {
    text_format(p->out, "%*s", (int)(4 * (p->indent + 1)), "");
}

/* [i in D, j in K] */
static void add_ranges(const Program *p, const Index *axes, unsigned count) {
    for (unsigned k = 0; k < count; k++) {
        text_format(p->out, "%s%s in %s", k == 0 ? "[" : ", ", ir_index_name(p->ir, axes[k]),
                    dim_text(p->ir, ir_index_dim(p->ir, axes[k])));
    }
    text_add(p->out, count > 0 ? "]" : "");
}

/* Those of a set that no loop around has. */
static unsigned list_indices(const Program *p, IndexSet free, Index *axes) {
    unsigned count = 0;
    for (IndexSet set = free & ~p->known; set != 0; set &= set - 1) {
        axes[count++] = (Index)__builtin_ctzll(set);
    }
    return count;
}

static unsigned free_indices(const Program *p, Ref v, Index *axes) {
    return list_indices(p, ir_free(p->ir, v), axes);
}

static const char *reference(const Program *p, const char *name, const Index *axes,
                             unsigned count) {
    Text text;
    text_init(&text, p->arena);
    text_add(&text, name);
    for (unsigned k = 0; k < count; k++) {
        text_format(&text, "%s%s", k == 0 ? "[" : ", ", ir_index_name(p->ir, axes[k]));
    }
    text_add(&text, count > 0 ? "]" : "");
    return text.data;
}

/* a1, a2, …: axes of an array that has no indices for them. */
static const char *axis_name(const Program *p, unsigned axis) {
    return new_name(p, arena_format(p->arena, "a%u", axis + 1));
}

/* An entry of an array with the axes `outer`, then one for the steps, then those of `node`. */
typedef struct {
    const Index *outer;
    unsigned count;
    const char *step;   /* NULL: no such axis */
    const char *length; /* of that axis */
    const Node *node;
    const Index *own; /* indices of the last axes; NULL: a1, a2, … */
} Entry;

/* Adds name[i, step, a1], with `ranges` name[i in D, step in T + 1, a1 in n]. */
static void add_entry(const Program *p, Text *out, const char *name, const Entry *e, bool ranges) {
    const char *separator = "[";
    text_add(out, name);
    for (unsigned k = 0; k < e->count; k++, separator = ", ") {
        text_format(out, "%s%s", separator, ir_index_name(p->ir, e->outer[k]));
        if (ranges) {
            text_format(out, " in %s", dim_text(p->ir, ir_index_dim(p->ir, e->outer[k])));
        }
    }
    if (e->step) {
        text_format(out, "%s%s", separator, e->step);
        text_format(out, ranges ? " in %s + 1" : "", e->length);
        separator = ", ";
    }
    for (unsigned k = 0; k < e->node->rank; k++, separator = ", ") {
        text_format(out, "%s%s", separator,
                    e->own ? ir_index_name(p->ir, e->own[k]) : axis_name(p, k));
        if (ranges) {
            text_format(out, " in %s", dim_text(p->ir, e->node->shape[k]));
        }
    }
    text_add(out, *separator == ',' ? "]" : "");
}

/* A matrix for each value of its indices: t1[i in D, a1 in n, a2 in m] = solve(…)[a1, a2]. */
static void add_matrix(const Program *p, const char *name, const Entry *e, const char *text) {
    const Entry own = {.node = e->node};
    if (e->count == 0) {
        text_format(p->out, "%s = %s\n", name, text);
        return;
    }
    add_entry(p, p->out, name, e, true);
    text_add(p->out, " = ");
    add_entry(p, p->out, text, &own, false);
    text_add(p->out, "\n");
}

/* t1[i in D] = …, for a number that depends on indices, or an array. */
static void add_definition(Program *p, Ref v) {
    const Node *node = ir_node(p->ir, v);
    Index axes[INDEX_LIMIT];
    const unsigned outer = free_indices(p, v, axes);
    unsigned count = outer;
    Ref body = v;
    if (node->op == OP_ARRAY) {
        body = node->args[0];
        for (uint32_t k = 0; k < node->as.indices.count; k++) {
            axes[count++] = node->as.indices.list[k];
        }
    }
    const char *name = new_name(p, arena_format(p->arena, "t%u", ++p->number));
    const char *text = ir_formulas_text(p->formulas, body);
    begin_line(p);
    if (node->op == OP_LIB) {
        const Entry entry = {.outer = axes, .count = outer, .node = node};
        add_matrix(p, name, &entry, text);
    } else {
        text_add(p->out, name);
        add_ranges(p, axes, count);
        text_format(p->out, " = %s\n", text);
    }
    ir_formulas_name(p->formulas, v, reference(p, name, axes, outer));
}

/* The language has no words for infinity and what is no number, but values. */
static void name_infinity(Program *p, Ref v) {
    const Node *node = ir_node(p->ir, v);
    if (node->op == OP_CONST && node->kind == KIND_REAL && !isfinite(node->as.real)) {
        ir_formulas_name(p->formulas, v,
                         isnan(node->as.real) ? "(log(0) - log(0))"
                         : node->as.real < 0  ? "log(0)"
                                              : "(-log(0))");
    }
}

/* s1[i] in its loop; back1[i + 1] outside of a loop that runs downwards. */
static void name_state(Program *p, Ref v) {
    static const Node number = {.rank = 0};
    const Node *node = ir_node(p->ir, v);
    const Ref scan = ir_scan_of_tag(p->ir, node->as.state.tag);
    const Recurrence *r = p->scans[scan];
    const bool forward = ir_node(p->ir, scan)->as.scan.direction > 0;
    const char *t = ir_index_name(p->ir, node->as.state.t);
    const char *at = r->open ? r->step : forward ? t : arena_format(p->arena, "%s + 1", t);
    Index axes[INDEX_LIMIT];
    const unsigned count = list_indices(p, r->free[node->as.state.k], axes);
    const Entry entry = {.outer = axes, .count = count, .step = at, .node = &number};
    Text text;
    text_init(&text, p->arena);
    add_entry(p, &text, (r->open ? r->states : r->whole)[node->as.state.k], &entry, false);
    ir_formulas_name(p->formulas, v, text.data);
}

static void name_pick(Program *p, Ref v) {
    const Node *node = ir_node(p->ir, v);
    Index axes[INDEX_LIMIT];
    const Recurrence *r = p->scans[node->args[0]];
    const unsigned count = list_indices(p, r->free[node->as.pick], axes);
    const char *name = r->whole[node->as.pick];
    ir_formulas_name(p->formulas, v, reference(p, name, axes, count));
}

/* Writes what v needs to be an operand. */
static void add_value(Program *p, Ref v) {
    const Node *node = ir_node(p->ir, v);
    if (node->op == OP_STATE) {
        name_state(p, v);
        return;
    }
    if (node->op == OP_PICK) {
        name_pick(p, v);
        return;
    }
    name_infinity(p, v);
    p->depth[v] = 0;
    for (uint32_t k = 0; k < node->arg_count; k++) {
        unsigned below = p->depth[node->args[k]] + 1;
        p->depth[v] = below > p->depth[v] ? below : p->depth[v];
    }
    bool array = node->op == OP_ARRAY || node->op == OP_LIB;
    bool number = node->rank == 0 && node->kind == KIND_REAL && !is_written_inline(p->ir, node) &&
                  ((p->uses[v] > 1 && p->depth[v] > 2) || p->depth[v] > DEPTH_LIMIT);
    if (!p->skipped[v] && (array || number)) {
        add_definition(p, v);
        p->depth[v] = 0;
    }
}

/* ---- loops ---------------------------------------------------------------------------------- */

static void add_values(Program *p, const bool *wanted, Ref from, Ref limit);

static Ref scan_of(const Program *p, Ref state) {
    return ir_scan_of_tag(p->ir, ir_node(p->ir, state)->as.state.tag);
}

static bool is_ready(const Program *p, Ref v) {
    const Node *node = ir_node(p->ir, v);
    if (node->op == OP_STATE) {
        const Ref scan = scan_of(p, v);
        return p->ready[scan] || (p->scans[scan] && p->scans[scan]->open);
    }
    for (uint32_t k = 0; k < node->arg_count; k++) {
        if (!p->ready[node->args[k]]) {
            return false;
        }
    }
    return true;
}

/* What has to be written before the values `roots` can be: all that is not ready. Of recurrences
 * among these, only what they start from, or, with `inside`, all. */
static bool *needed(const Program *p, const Ref *roots, size_t root_count, bool inside) {
    bool *set = arena_array(p->arena, bool, ir_count(p->ir));
    Ref *stack = arena_array(p->arena, Ref, ir_count(p->ir));
    size_t height = 0;
    for (size_t k = 0; k < root_count; k++) {
        if (!set[roots[k]] && !p->ready[roots[k]]) {
            set[roots[k]] = true;
            stack[height++] = roots[k];
        }
    }
    while (height > 0) {
        const Ref v = stack[--height];
        const Node *node = ir_node(p->ir, v);
        const bool state = node->op == OP_STATE;
        const uint32_t count =
            node->op == OP_SCAN && !inside ? node->as.scan.count : node->arg_count;
        for (uint32_t k = 0; k < count + state; k++) {
            const Ref next = k < count ? node->args[k] : scan_of(p, v);
            if (!set[next] && !p->ready[next]) {
                set[next] = true;
                stack[height++] = next;
            }
        }
    }
    return set;
}

/* Can its loop be written here, or does part of it wait for a recurrence around it? */
static bool is_complete(const Program *p, Ref scan) {
    const bool *set = needed(p, &scan, 1, true);
    for (Ref v = scan + 1; v < ir_count(p->ir); v++) {
        if (set[v]) {
            return false;
        }
    }
    return true;
}

/* Which of `all` change from step to step of a recurrence: what is made of its states, through
 * recurrences inside of it, too. */
static bool *find_varying(const Program *p, Ref scan, const bool *all) {
    bool *varies = arena_array(p->arena, bool, ir_count(p->ir));
    bool again = true;
    while (again) {
        again = false;
        for (Ref v = 1; v < scan; v++) {
            const Node *node = ir_node(p->ir, v);
            bool now = node->op == OP_STATE && (scan_of(p, v) == scan || varies[scan_of(p, v)]);
            for (uint32_t k = 0; k < node->arg_count && !now; k++) {
                now = varies[node->args[k]];
            }
            if (all[v] && now && !varies[v]) {
                varies[v] = true;
                again = true;
            }
        }
    }
    return varies;
}

/* What the loop of a recurrence needs that is the same in all of its steps, but for what only loops
 * inside of it need of their own states. */
static bool *same_in_all_steps(const Program *p, Ref scan) {
    const Node *node = ir_node(p->ir, scan);
    const uint32_t count = node->as.scan.count;
    bool *all = needed(p, node->args + count, count, true);
    const bool *varies = find_varying(p, scan, all);
    bool *inside = arena_array(p->arena, bool, ir_count(p->ir));
    for (Ref v = 1; v < scan; v++) {
        const Node *value = ir_node(p->ir, v);
        const uint32_t operands = value->op == OP_SCAN ? value->as.scan.count : value->arg_count;
        inside[v] = value->op == OP_STATE && all[v] && !is_ready(p, v);
        for (uint32_t k = 0; k < operands; k++) {
            inside[v] = inside[v] || inside[value->args[k]];
        }
        all[v] = all[v] && !varies[v] && !inside[v];
    }
    all[scan] = false;
    return all;
}

/* s1[i + 1, a1] = …; the start or the step of what is carried. */
static void add_setting(const Program *p, Ref scan, uint32_t k, const char *step, Ref value) {
    const Node *node = ir_node(p->ir, value);
    const bool direct = p->skipped[value];
    const char *text = ir_formulas_text(p->formulas, direct ? node->args[0] : value);
    const Entry own = {.node = node};
    Index axes[INDEX_LIMIT];
    const Entry entry = {.outer = axes,
                         .count = list_indices(p, p->scans[scan]->free[k], axes),
                         .step = step,
                         .node = node,
                         .own = direct ? node->as.indices.list : NULL};
    begin_line(p);
    add_entry(p, p->out, p->scans[scan]->states[k], &entry, false);
    text_add(p->out, " = ");
    if (direct) {
        text_add(p->out, text);
    } else {
        add_entry(p, p->out, text, &own, false);
    }
    text_add(p->out, "\n");
}

static const char *length_text(const Program *p, Ref scan) {
    return dim_text(p->ir, ir_index_dim(p->ir, ir_node(p->ir, scan)->as.scan.t));
}

/* s1 = zeros(D, T + 1, n) */
static void add_room(const Program *p, Ref scan, uint32_t k) {
    const Node *start = ir_node(p->ir, ir_node(p->ir, scan)->args[k]);
    Index axes[INDEX_LIMIT];
    const unsigned count = list_indices(p, p->scans[scan]->free[k], axes);
    begin_line(p);
    text_format(p->out, "%s = zeros(", p->scans[scan]->states[k]);
    for (unsigned n = 0; n < count; n++) {
        text_format(p->out, "%s, ", dim_text(p->ir, ir_index_dim(p->ir, axes[n])));
    }
    text_format(p->out, "%s + 1", length_text(p, scan));
    for (unsigned n = 0; n < start->rank; n++) {
        text_format(p->out, ", %s", dim_text(p->ir, start->shape[n]));
    }
    text_add(p->out, ")\n");
}

/* back1[i in D, a in T + 1, a1 in n] = s1[i, T - a, a1] */
static void add_order(const Program *p, Ref scan, uint32_t k) {
    const char *length = length_text(p, scan);
    const char *at = new_name(p, "a");
    Index axes[INDEX_LIMIT];
    Entry entry = {.outer = axes,
                   .count = list_indices(p, p->scans[scan]->free[k], axes),
                   .step = at,
                   .length = length,
                   .node = ir_node(p->ir, ir_node(p->ir, scan)->args[k])};
    begin_line(p);
    add_entry(p, p->out, p->scans[scan]->whole[k], &entry, true);
    text_add(p->out, " = ");
    entry.step = arena_format(p->arena, "%s - %s", length, at);
    add_entry(p, p->out, p->scans[scan]->states[k], &entry, false);
    text_add(p->out, "\n");
}

/* The indices of what a recurrence carries: those that its states have. */
static IndexSet *carried_indices(const Program *p, Ref scan) {
    const Node *node = ir_node(p->ir, scan);
    const uint32_t count = node->as.scan.count;
    IndexSet *free = arena_array(p->arena, IndexSet, count);
    for (uint32_t k = 0; k < count; k++) {
        free[k] = ir_free(p->ir, node->args[k]) | ir_free(p->ir, node->args[count + k]);
    }
    for (Ref v = 1; v < scan; v++) {
        const Node *state = ir_node(p->ir, v);
        if (state->op == OP_STATE && state->as.state.tag == node->as.scan.tag) {
            free[state->as.state.k] |= state->free;
        }
    }
    for (uint32_t k = 0; k < count; k++) {
        free[k] &= ~INDEX_BIT(node->as.scan.t);
    }
    return free;
}

/* Names for what a recurrence carries, and room for its states. */
static void begin_loop(Program *p, Ref scan) {
    const Node *node = ir_node(p->ir, scan);
    const uint32_t count = node->as.scan.count;
    const bool forward = node->as.scan.direction > 0;
    Recurrence *r = arena_new(p->arena, Recurrence);
    r->states = arena_array(p->arena, const char *, count);
    r->whole = arena_array(p->arena, const char *, count);
    r->free = carried_indices(p, scan);
    p->scans[scan] = r;
    for (uint32_t k = 0; k < count; k++) {
        const unsigned number = ++p->number;
        r->states[k] = new_name(p, arena_format(p->arena, "s%u", number));
        r->whole[k] =
            forward ? r->states[k] : new_name(p, arena_format(p->arena, "back%u", number));
        add_room(p, scan, k);
        add_setting(p, scan, k, "0", node->args[k]);
    }
    const char *t = ir_index_name(p->ir, node->as.scan.t);
    const char *length = length_text(p, scan);
    r->step = forward ? t : new_name(p, arena_format(p->arena, "step%u", ++p->loops));
    r->open = true;
    begin_line(p);
    text_format(p->out, "for %s in %s {\n", r->step, length);
    p->indent++;
    p->known |= INDEX_BIT(node->as.scan.t);
    if (!forward) {
        begin_line(p);
        text_format(p->out, "%s = %s - 1 - %s\n", t, length, r->step);
    }
}

static void end_loop(Program *p, Ref scan) {
    const Node *node = ir_node(p->ir, scan);
    Recurrence *r = p->scans[scan];
    for (uint32_t k = 0; k < node->as.scan.count; k++) {
        const char *next = arena_format(p->arena, "%s + 1", r->step);
        add_setting(p, scan, k, next, node->args[node->as.scan.count + k]);
    }
    p->indent--;
    p->known &= ~INDEX_BIT(node->as.scan.t);
    r->open = false;
    begin_line(p);
    text_add(p->out, "}\n");
    for (uint32_t k = 0; k < node->as.scan.count && node->as.scan.direction < 0; k++) {
        add_order(p, scan, k);
    }
}

/* Steps that are arrays, and no operands of `body`, are set entry by entry. */
static void skip_steps(const Program *p, Ref scan, const bool *body) {
    const Node *node = ir_node(p->ir, scan);
    const uint32_t count = node->as.scan.count;
    for (uint32_t k = 0; k < count; k++) {
        const Ref step = node->args[count + k];
        p->skipped[step] = ir_node(p->ir, step)->op == OP_ARRAY && body[step];
    }
    for (Ref v = 1; v < scan; v++) {
        const Node *user = ir_node(p->ir, v);
        for (uint32_t k = 0; k < user->arg_count && body[v]; k++) {
            p->skipped[user->args[k]] = false;
        }
    }
}

static void set_ready(Program *p, Ref v) {
    p->ready[v] = true;
    p->made[p->made_count++] = v;
}

/* Names the states of a recurrence whose loop is open, or written. */
static void name_states(Program *p, Ref scan) {
    for (Ref v = 1; v < scan; v++) {
        if (p->reached[v] && ir_node(p->ir, v)->op == OP_STATE && scan_of(p, v) == scan) {
            add_value(p, v);
            set_ready(p, v);
        }
    }
}

static void add_loop(Program *p, Ref scan) {
    const Node *node = ir_node(p->ir, scan);
    const uint32_t count = node->as.scan.count;
    add_values(p, same_in_all_steps(p, scan), 1, scan);
    begin_loop(p, scan);
    const size_t height = p->made_count;
    name_states(p, scan);
    bool *body = needed(p, node->args + count, count, false);
    body[scan] = false;
    skip_steps(p, scan, body);
    add_values(p, body, 1, scan);
    end_loop(p, scan);
    while (p->made_count > height) {
        const Ref v = p->made[--p->made_count];
        p->ready[v] = false;
        p->skipped[v] = false;
        ir_formulas_forget(p->formulas, v);
    }
    set_ready(p, scan);
    name_states(p, scan);
}

static bool has_starts(const Program *p, Ref scan) {
    const Node *node = ir_node(p->ir, scan);
    for (uint32_t k = 0; k < node->as.scan.count; k++) {
        if (!p->ready[node->args[k]]) {
            return false;
        }
    }
    return true;
}

/* Writes those of `wanted` that can be, from..limit, operands first. A recurrence makes values
 * ready that stand before it. */
static void add_values(Program *p, const bool *wanted, Ref from, Ref limit) {
    for (Ref v = from; v < limit; v++) {
        if (!wanted[v] || p->ready[v]) {
            continue;
        }
        if (ir_node(p->ir, v)->op == OP_SCAN) {
            if (has_starts(p, v) && is_complete(p, v)) {
                add_loop(p, v);
                v = from - 1;
            }
        } else if (is_ready(p, v)) {
            add_value(p, v);
            set_ready(p, v);
        }
    }
}

/* ---- a function ----------------------------------------------------------------------------- */

static void add_shape(const Program *p, const Leaf *leaf) {
    for (unsigned k = 0; k < leaf->rank; k++) {
        text_format(p->out, "%s%s", k == 0 ? "[" : ", ", dim_text(p->ir, leaf->shape[k]));
    }
    text_add(p->out, leaf->rank > 0 ? "]" : "");
    if (leaf->class_dim != DIM_NONE) {
        text_format(p->out, " in %s", dim_text(p->ir, leaf->class_dim));
    }
}

/* Is the size an axis of an argument, or one of `declared`? */
static bool is_bound(const Ir *ir, Dim size, const Name *declared, size_t count) {
    Name name;
    dim_is_symbol(ir, size, &name);
    for (size_t k = 0; k < count; k++) {
        if (declared[k] == name) {
            return true;
        }
    }
    for (size_t k = 0; k < ir->leaf_count; k++) {
        const Leaf *leaf = &ir->leaves[k];
        for (unsigned axis = 0; axis < leaf->rank && leaf->role == LEAF_ARGUMENT; axis++) {
            if (leaf->shape[axis] == size) {
                return true;
            }
        }
    }
    return false;
}

static bool is_mentioned(const Program *p, Dim size) {
    for (unsigned k = 0; k < p->ir->output_count; k++) {
        const Output *output = &p->ir->outputs[k];
        for (unsigned axis = 0; axis < output->rank; axis++) {
            if (dim_mentions(p->ir, ir_index_dim(p->ir, output->axes[axis]), size)) {
                return true;
            }
        }
    }
    for (Ref v = 1; v < ir_count(p->ir); v++) {
        const Node *node = ir_node(p->ir, v);
        const bool reduction = node->op == OP_INDEX || node->op == OP_SUM || node->op == OP_MAX ||
                               node->op == OP_ARGMAX || node->op == OP_LSE;
        const Dim dim = node->op == OP_SIZE ? node->as.dim
                        : reduction         ? ir_index_dim(p->ir, node->as.index)
                        : node->rank > 0    ? node->shape[0]
                                            : DIM_NONE;
        if (p->reached[v] && dim != DIM_NONE && dim_mentions(p->ir, dim, size)) {
            return true;
        }
    }
    return false;
}

/* Sizes that callers give as numbers. */
static const char *add_sizes(const Program *p, const char *join, const Name *declared,
                             size_t count) {
    for (size_t k = 0; k < dim_symbol_count(p->ir); k++) {
        const Dim size = dim_symbol_at(p->ir, k);
        if (!is_bound(p->ir, size, declared, count) && is_mentioned(p, size)) {
            text_format(p->out, "%s%s", join, dim_text(p->ir, size));
            join = ", ";
        }
    }
    return join;
}

static void add_formals(const Program *p, const Name *declared, size_t count) {
    const char *join = "(";
    for (size_t k = 0; k < p->ir->leaf_count; k++) {
        const Leaf *leaf = &p->ir->leaves[k];
        if (leaf->role == LEAF_ARGUMENT || leaf->role == LEAF_TANGENT) {
            text_add(p->out, join);
            text_add(p->out, leaf->name);
            add_shape(p, leaf);
            join = ", ";
        }
    }
    join = add_sizes(p, join, declared, count);
    text_add(p->out, *join == '(' ? " {\n" : ") {\n");
}

static void add_outputs(Program *p) {
    Text list;
    text_init(&list, p->arena);
    for (size_t k = 0; k < p->ir->output_count; k++) {
        const Output *output = &p->ir->outputs[k];
        char *plain = arena_copy(p->arena, output->name, strlen(output->name));
        for (char *c = plain; *c; c++) {
            *c = *c == '.' ? '_' : *c;
        }
        const char *name = new_name(p, plain);
        const char *text = ir_formulas_text(p->formulas, output->value);
        text_format(p->out, "    %s", name);
        add_ranges(p, output->axes, output->rank);
        text_format(p->out, " = %s\n", text);
        text_format(&list, "%s%s", k > 0 ? ", " : "", name);
    }
    text_format(p->out, "    return %s\n}\n", list.data);
}

static void count_uses(Program *p) {
    for (Ref v = 1; v < ir_count(p->ir); v++) {
        const Node *node = ir_node(p->ir, v);
        for (uint32_t k = 0; p->reached[v] && k < node->arg_count; k++) {
            p->uses[node->args[k]]++;
        }
    }
    for (size_t k = 0; k < p->ir->output_count; k++) {
        p->uses[p->ir->outputs[k].value]++;
    }
}

void emit_model(Text *out, const Derived *derived, const Name *sizes, size_t size_count) {
    const Ir *ir = derived->ir;
    const Ref count = ir_count(ir);
    Ref *results = arena_array(out->arena, Ref, ir->output_count);
    for (size_t k = 0; k < ir->output_count; k++) {
        results[k] = ir->outputs[k].value;
    }
    Program p = {.out = out,
                 .arena = out->arena,
                 .ir = ir,
                 .formulas = ir_formulas(ir),
                 .reached = ir_reach_outputs(ir),
                 .uses = arena_array(out->arena, unsigned, count),
                 .depth = arena_array(out->arena, unsigned, count),
                 .ready = arena_array(out->arena, bool, count),
                 .made = arena_array(out->arena, Ref, count),
                 .skipped = arena_array(out->arena, bool, count),
                 .scans = arena_array(out->arena, Recurrence *, count)};
    count_uses(&p);
    text_format(out, "\n%s_%s", derived->function, derived->suffix);
    add_formals(&p, sizes, size_count);
    add_values(&p, needed(&p, results, ir->output_count, false), 1, count);
    add_outputs(&p);
}

/* extern f(a1, a2) derivative f_x, f_y */
static void add_external(Text *out, const Ir *ir, const External *external) {
    text_format(out, "extern %s(", external->name);
    for (uint32_t k = 0; k < external->arity; k++) {
        text_format(out, "%sa%u", k > 0 ? ", " : "", (unsigned)k + 1);
    }
    text_add(out, ")");
    for (uint32_t k = 0; k < external->arity && external->derivatives[k] != EXTERN_NONE; k++) {
        text_format(out, "%s%s", k > 0 ? ", " : " derivative ",
                    ir->externals[external->derivatives[k]].name);
    }
    text_add(out, "\n");
}

void emit_model_leaves(Text *out, const Ir *ir) {
    for (size_t k = 0; k < ir->external_count; k++) {
        add_external(out, ir, &ir->externals[k]);
    }
    for (size_t k = 0; k < ir->leaf_count; k++) {
        const Leaf *leaf = &ir->leaves[k];
        if (leaf->role == LEAF_PARAM || leaf->role == LEAF_DATA) {
            const Program p = {.out = out, .ir = ir};
            text_format(out, "%s %s", leaf->role == LEAF_PARAM ? "param" : "data", leaf->name);
            add_shape(&p, leaf);
            text_add(out, "\n");
        }
    }
}
