/* verify.c: every rule of the IR, checked. Called after passes in debug builds and in tests. */
#include "ir/tables.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    Ir *ir;
    const char *problem; /* the first one */
    Ref at;
    Ref *first_state, *last_state; /* by tag: the lowest and highest state leaf */
} Check;

static void fail(Check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void fail(Check *c, const char *format, ...) {
    if (c->problem != NULL) {
        return;
    }
    Text text;
    va_list args;
    char message[256];
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    text_init(&text, c->ir->arena);
    if (c->at != REF_NONE) {
        text_format(&text, "%%%u: ", (unsigned)c->at);
    }
    text_add(&text, message);
    c->problem = text.data;
}

static bool has_shape(const Node *node, const Dim *shape, unsigned rank) {
    return node->rank == rank &&
           (rank == 0 || memcmp(node->shape, shape, rank * sizeof *shape) == 0);
}

static void expect_args(Check *c, const Node *node, uint32_t count) {
    if (node->arg_count != count) {
        fail(c, "%u operands where %u belong", (unsigned)node->arg_count, (unsigned)count);
    }
}

static void expect_scalar(Check *c, Ref v, Kind kind, const char *what) {
    if (v == REF_NONE || v >= ir_count(c->ir)) {
        return; /* reported as an operand that is not smaller */
    }
    if (ir_kind(c->ir, v) != kind || ir_rank(c->ir, v) != 0) {
        fail(c, "%s %%%u has the wrong kind or is an array", what, (unsigned)v);
    }
}

static void expect_result(Check *c, const Node *node, Kind kind) {
    if (node->kind != kind || node->rank != 0) {
        fail(c, "the result has the wrong kind or shape");
    }
}

/* Distinct indices of a list, none of them in `free`. */
static void expect_distinct(Check *c, const Index *list, uint32_t count, IndexSet free,
                            const char *what) {
    IndexSet seen = free;
    for (uint32_t k = 0; k < count; k++) {
        if (seen & INDEX_BIT(list[k])) {
            fail(c, "%s is there twice, or free outside", what);
        }
        seen |= INDEX_BIT(list[k]);
    }
}

/* ---- by kind of node ------------------------------------------------------------------------- */

static void check_call(Check *c, const Node *node) {
    const Builtin *row = &builtins[node->as.builtin];
    expect_args(c, node, (uint32_t)row->arity);
    if (c->problem != NULL) {
        return;
    }
    Kind first = ir_kind(c->ir, node->args[0]), wanted = first, result = first;
    if (row->signature == SIG_REAL) {
        wanted = result = KIND_REAL;
    } else if (row->signature == SIG_INT) {
        wanted = result = KIND_INT;
    } else if (row->signature == SIG_BOOL) {
        wanted = result = KIND_BOOL;
    } else if (row->signature == SIG_COMPARE) {
        result = KIND_BOOL;
    } else if (row->signature == SIG_RANDOM) {
        wanted = KIND_INT;
        result = KIND_REAL;
    } else if (first == KIND_BOOL) {
        fail(c, "`%s` of truth values", row->name);
    }
    for (uint32_t k = 0; k < node->arg_count; k++) {
        expect_scalar(c, node->args[k], wanted, "operand");
    }
    expect_result(c, node, result);
}

static void check_choice(Check *c, const Node *node) {
    expect_args(c, node, node->op == OP_SELECT ? 3 : 2);
    if (c->problem == NULL) {
        expect_scalar(c, node->args[0], KIND_BOOL, "condition");
        for (uint32_t k = 1; k < node->arg_count; k++) {
            expect_scalar(c, node->args[k], node->kind, "operand");
        }
        expect_result(c, node, node->kind);
    }
}

static void check_read(Check *c, const Node *node) {
    const Node *array = ir_node(c->ir, node->args[0]);
    if (array->rank == 0 || array->op == OP_SCAN) {
        fail(c, "read of %%%u, which is no array", (unsigned)node->args[0]);
    }
    expect_args(c, node, 1 + (uint32_t)array->rank);
    for (uint32_t k = 1; k < node->arg_count; k++) {
        expect_scalar(c, node->args[k], KIND_INT, "position");
    }
    expect_result(c, node, array->kind);
}

static void check_array(Check *c, const Node *node) {
    Dim shape[RANK_LIMIT];
    uint32_t count = node->as.indices.count;
    expect_args(c, node, 1);
    if (count == 0 || count > RANK_LIMIT) {
        fail(c, "an array of %u axes", (unsigned)count);
        return;
    }
    for (uint32_t k = 0; k < count; k++) {
        shape[k] = ir_index_dim(c->ir, node->as.indices.list[k]);
    }
    expect_distinct(c, node->as.indices.list, count, node->free, "an axis");
    if (!has_shape(node, shape, count)) {
        fail(c, "the shape is not that of its axes");
    }
    if (ir_rank(c->ir, node->args[0]) != 0 || ir_kind(c->ir, node->args[0]) != node->kind) {
        fail(c, "the body is an array or of another kind");
    }
}

static void check_reduction(Check *c, const Node *node) {
    expect_args(c, node, 1);
    if (c->problem != NULL) {
        return;
    }
    Kind kind = ir_kind(c->ir, node->args[0]);
    expect_scalar(c, node->args[0], kind, "operand");
    if (kind == KIND_BOOL || (node->op == OP_LSE && kind != KIND_REAL)) {
        fail(c, "a reduction of the wrong kind");
    }
    if (!(ir_free(c->ir, node->args[0]) & INDEX_BIT(node->as.index))) {
        fail(c, "the bound index is not free in %%%u", (unsigned)node->args[0]);
    }
    expect_result(c, node, node->op == OP_ARGMAX ? KIND_INT : kind);
}

static void check_deposit(Check *c, const Node *node) {
    uint32_t count = node->as.deposit.count;
    IndexSet targets = 0, inside = 0;
    expect_args(c, node, 1 + count);
    if (c->problem != NULL || count == 0) {
        fail(c, "a deposit without targets");
        return;
    }
    for (uint32_t k = 0; k < count; k++) {
        targets |= INDEX_BIT(node->as.deposit.targets[k]);
        expect_scalar(c, node->args[1 + k], KIND_INT, "position");
    }
    for (uint32_t k = 0; k < node->arg_count; k++) {
        inside |= ir_free(c->ir, node->args[k]);
    }
    expect_distinct(c, node->as.deposit.targets, count, 0, "a target");
    if (inside & ~node->as.deposit.bound & targets) {
        fail(c, "a target is free in the value or in a position, and not bound");
    }
    expect_scalar(c, node->args[0], node->kind, "operand");
    expect_result(c, node, node->kind);
}

static void check_state(Check *c, const Node *node) {
    uint32_t tag = node->as.state.tag;
    expect_args(c, node, 1);
    if (c->problem != NULL) {
        return;
    }
    if (tag == 0 || tag >= c->ir->tables->tag_count) {
        fail(c, "no tag %u", (unsigned)tag);
        return;
    }
    const Node *init = ir_node(c->ir, node->args[0]);
    if (!has_shape(init, node->shape, node->rank) || init->kind != node->kind) {
        fail(c, "a state of another shape or kind than its start");
    }
    if (init->free & ~(node->free & ~INDEX_BIT(node->as.state.t))) {
        fail(c, "the start has an index that its state has not");
    }
    if (!(node->free & INDEX_BIT(node->as.state.t))) {
        fail(c, "a state without its index");
    }
    Ref scan = ir_scan_of_tag(c->ir, tag);
    if (scan != REF_NONE && scan < c->at) {
        fail(c, "the state comes after its scan %%%u", (unsigned)scan);
    }
    if (c->first_state[tag] == REF_NONE) {
        c->first_state[tag] = c->at;
    }
    c->last_state[tag] = c->at;
}

/* The state leaf k of a tag has the shape and at least the indices of its step. */
static void check_step(Check *c, const Node *scan, Ref state) {
    const Node *leaf = ir_node(c->ir, state);
    uint32_t k = leaf->as.state.k;
    if (k >= scan->as.scan.count || leaf->as.state.t != scan->as.scan.t) {
        fail(c, "the state %%%u is not of this scan", (unsigned)state);
        return;
    }
    const Node *step = ir_node(c->ir, scan->args[scan->as.scan.count + k]);
    if (!has_shape(step, leaf->shape, leaf->rank) || step->kind != leaf->kind) {
        fail(c, "step %u has another shape than its state %%%u", (unsigned)k, (unsigned)state);
    }
    if (step->free & ~leaf->free) {
        fail(c, "step %u has an index that its state %%%u has not", (unsigned)k, (unsigned)state);
    }
    if (scan->args[k] != leaf->args[0]) {
        fail(c, "the state %%%u starts with another value than the scan", (unsigned)state);
    }
}

static void check_scan(Check *c, const Node *node) {
    uint32_t tag = node->as.scan.tag, count = node->as.scan.count;
    expect_args(c, node, 2 * count);
    if (tag == 0 || tag >= c->ir->tables->tag_count || ir_scan_of_tag(c->ir, tag) != c->at) {
        fail(c, "the scan of tag %u is another value", (unsigned)tag);
        return;
    }
    for (uint32_t k = 0; k < count && c->problem == NULL; k++) {
        if (c->first_state[tag] != REF_NONE && node->args[k] >= c->first_state[tag]) {
            fail(c, "start %u comes after a state", (unsigned)k);
        }
    }
    if (c->first_state[tag] == REF_NONE) {
        return;
    }
    for (Ref v = c->first_state[tag]; v <= c->last_state[tag]; v++) {
        const Node *state = ir_node(c->ir, v);
        if (state->op == OP_STATE && state->as.state.tag == tag) {
            check_step(c, node, v);
        }
    }
}

static void check_pick(Check *c, const Node *node) {
    expect_args(c, node, 1);
    if (c->problem != NULL) {
        return;
    }
    const Node *scan = ir_node(c->ir, node->args[0]);
    if (scan->op != OP_SCAN || node->as.pick >= scan->as.scan.count) {
        fail(c, "pick %u of %%%u", (unsigned)node->as.pick, (unsigned)node->args[0]);
        return;
    }
    const Node *step = ir_node(c->ir, scan->args[scan->as.scan.count + node->as.pick]);
    Dim one = dim_const(c->ir, 1);
    Dim steps = dim_add(c->ir, ir_index_dim(c->ir, scan->as.scan.t), one);
    if (node->rank != step->rank + 1 || node->shape[0] != steps ||
        !has_shape(step, node->shape + 1, step->rank)) {
        fail(c, "the shape is not one entry more than the steps");
    }
}

static void check_lib(Check *c, const Node *node) {
    const LibRow *row = &lib_table[node->as.lib.id];
    if (node->as.lib.count == 0) {
        bool fits = ir_lib_fits(c->ir, node->as.lib.id, node->args, node->arg_count);
        bool number = row->result == LIB_RESULT_NUMBER;
        if (!fits) {
            fail(c, "`%s` of operands that do not fit", row->name);
            return;
        }
        const Node *last = ir_node(c->ir, node->args[node->arg_count - 1]);
        if (!has_shape(node, last->shape, number ? 0 : last->rank)) {
            fail(c, "the result of `%s` has another shape", row->name);
        }
        return;
    }
    expect_args(c, node, row->arity);
    expect_scalar(c, node->args[0], KIND_REAL, "entry");
    expect_distinct(c, node->as.lib.targets, node->as.lib.count, 0, "a target");
    for (uint32_t k = 1; k < node->arg_count; k++) {
        const Node *factor = ir_node(c->ir, node->args[k]);
        if (factor->op != OP_ARRAY || ir_node(c->ir, factor->args[0])->op != OP_LIB) {
            fail(c, "the factor %%%u is not in memory", (unsigned)node->args[k]);
        }
    }
    expect_result(c, node, KIND_REAL);
}

static void check_leaf(Check *c, const Node *node) {
    if (node->as.leaf >= c->ir->leaf_count) {
        fail(c, "no leaf %u", (unsigned)node->as.leaf);
        return;
    }
    const Leaf *leaf = &c->ir->leaves[node->as.leaf];
    if (!has_shape(node, leaf->shape, leaf->rank) || node->kind != leaf->kind) {
        fail(c, "the leaf `%s` has another shape or kind", leaf->name);
    }
}

static void check_kind(Check *c, const Node *node) {
    switch (node->op) {
    case OP_CONST:
        expect_args(c, node, 0);
        return;
    case OP_SIZE:
    case OP_INDEX:
        expect_args(c, node, 0);
        expect_result(c, node, KIND_INT);
        return;
    case OP_LEAF:
        check_leaf(c, node);
        return;
    case OP_CALL:
        check_call(c, node);
        return;
    case OP_CONVERT:
        expect_args(c, node, 1);
        expect_result(c, node, KIND_REAL);
        if (ir_kind(c->ir, node->args[0]) == KIND_REAL || ir_rank(c->ir, node->args[0]) != 0) {
            fail(c, "convert of a real or of an array");
        }
        return;
    case OP_SELECT:
    case OP_GUARD:
        check_choice(c, node);
        return;
    case OP_READ:
        check_read(c, node);
        return;
    case OP_ARRAY:
        check_array(c, node);
        return;
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
        check_reduction(c, node);
        return;
    case OP_DEPOSIT:
        check_deposit(c, node);
        return;
    case OP_STATE:
        check_state(c, node);
        return;
    case OP_SCAN:
        check_scan(c, node);
        return;
    case OP_PICK:
        check_pick(c, node);
        return;
    case OP_EXTERN:
        for (uint32_t k = 0; k < node->arg_count; k++) {
            expect_scalar(c, node->args[k], KIND_REAL, "an argument of an extern function");
        }
        return;
    case OP_VAR:
        expect_args(c, node, 1);
        return;
    case OP_DERIV:
        expect_args(c, node, node->arg_count == 3 ? 3 : 2);
        return;
    case OP_LIB:
        check_lib(c, node);
        return;
    case OP_COUNT:
        break;
    }
    fail(c, "a node of no kind");
}

/* ---- the whole ------------------------------------------------------------------------------- */

static bool check_operands(Check *c, const Node *node) {
    for (uint32_t k = 0; k < node->arg_count; k++) {
        if (node->args[k] == REF_NONE || node->args[k] >= c->at) {
            fail(c, "the operand %%%u has no smaller id", (unsigned)node->args[k]);
            return false;
        }
    }
    if (node->free != ir_free_of(c->ir, node)) {
        fail(c, "the free indices are not those of its operands");
    }
    for (uint8_t k = 0; k < node->rank; k++) {
        if (node->shape[k] == DIM_NONE || node->shape[k] >= c->ir->tables->dim_count) {
            fail(c, "axis %u has no size", (unsigned)k);
        }
    }
    return c->problem == NULL;
}

/* Building a node again gives the same node: what is not so came past the constructors. Deposits
 * may be kept on purpose. */
static void check_canonical(Check *c, const Node *node, Ref v) {
    if (node->op != OP_DEPOSIT && ir_rebuild(c->ir, v, node->args) != v) {
        fail(c, "is not canonical");
    }
}

static void check_output(Check *c, const Output *output) {
    IndexSet axes = 0;
    if (output->value == REF_NONE || output->value >= ir_count(c->ir)) {
        fail(c, "the output `%s` has no value", output->name);
        return;
    }
    for (uint8_t k = 0; k < output->rank; k++) {
        axes |= INDEX_BIT(output->axes[k]);
    }
    expect_distinct(c, output->axes, output->rank, 0, "an axis of an output");
    IndexSet free = ir_free(c->ir, output->value) & ~axes;
    if (c->ir->per_sample) {
        free &= ~INDEX_BIT(c->ir->sample_index);
    }
    if (free != 0) {
        fail(c, "the output `%s` has the free index %s.%u, which is no axis", output->name,
             dim_text(c->ir, ir_index_dim(c->ir, index_first(free))),
             ir_index_ordinal(c->ir, index_first(free)));
    }
    if (ir_rank(c->ir, output->value) != 0) {
        fail(c, "the output `%s` is an array value", output->name);
    }
    if (output->role == OUT_VALUE && output->rank != 0) {
        fail(c, "the output `%s` is a value with axes", output->name);
    }
    bool gradient = output->role == OUT_GRADIENT && c->ir->flat_out == NULL;
    if ((gradient || output->sink == SINK_UPDATE) &&
        (output->leaf >= c->ir->leaf_count || c->ir->leaves[output->leaf].rank != output->rank)) {
        fail(c, "the output `%s` is not laid out like its leaf", output->name);
    }
    if (output->role == OUT_MATRIX &&
        (output->row_axes > output->rank || output->offset == DIM_NONE ||
         output->stride == DIM_NONE || output->sink != SINK_STORE)) {
        fail(c, "the output `%s` has no place in its matrix", output->name);
    }
}

const char *ir_verify(const Ir *given) {
    Ir ir = *given; /* the same tables: rebuilding a canonical node adds nothing */
    size_t tags = ir.tables->tag_count;
    Check c = {.ir = &ir,
               .first_state = arena_array(ir.arena, Ref, tags),
               .last_state = arena_array(ir.arena, Ref, tags)};
    if (ir_overflowed(given)) {
        fail(&c, "more than %d indices", INDEX_LIMIT);
    }
    Ref count = ir_count(&ir);
    for (c.at = 1; c.at < count && c.problem == NULL; c.at++) {
        const Node *node = ir_node(&ir, c.at);
        if (check_operands(&c, node)) {
            check_kind(&c, node);
        }
        if (c.problem == NULL) {
            check_canonical(&c, node, c.at);
        }
    }
    c.at = REF_NONE;
    for (size_t tag = 1; tag < tags; tag++) {
        if (c.first_state[tag] != REF_NONE && ir.tables->scan_of_tag[tag] == REF_NONE) {
            fail(&c, "tag %u has states and no scan", (unsigned)tag);
        }
    }
    for (size_t k = 0; k < ir.output_count; k++) {
        check_output(&c, &ir.outputs[k]);
    }
    return c.problem;
}
