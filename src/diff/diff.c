/* diff.c: derivatives of entries: the outputs that are added. */
#include "diff/sweep.h"

static IndexSet sample_set(const Ir *ir) {
    return ir->per_sample ? INDEX_BIT(ir->sample_index) : 0;
}

static bool is_real_leaf(const Ir *ir, uint32_t leaf) {
    return ir->leaves[leaf].kind == KIND_REAL;
}

/* ---- gradients
 * -------------------------------------------------------------------------------------- */

static void add_gradient_output(Ir *ir, uint32_t leaf, Ref value, Sink sink) {
    Output output = {.role = OUT_GRADIENT, .sink = sink, .leaf = leaf};
    const Ref array = ir_leaf(ir, leaf);
    const char *name = arena_format(ir->arena, "grad.%s", ir->leaves[leaf].name);
    output.name = intern_text(ir->names, name);
    output.rank = ir->leaves[leaf].rank;
    output.value = value != REF_NONE ? value : ir_real(ir, 0);
    output.span = ir->leaves[leaf].span;
    if (output.rank > 0) {
        ir_axis_names(ir, array, output.axes);
    }
    ir_add_output(ir, output);
}

Ir *diff_gradient_traced(const Diff *diff, const Ir *source, size_t value, const uint32_t *wrt,
                         size_t wrt_count, Sink sink, Trace *trace) {
    Ir *ir = diff_expand(diff, source);
    if (!ir) {
        return NULL;
    }
    Ref *leaves = arena_array(ir->arena, Ref, wrt_count + 1);
    Ref *adjoints = arena_array(ir->arena, Ref, wrt_count + 1);
    for (size_t k = 0; k < wrt_count; k++) {
        leaves[k] = ir_leaf(ir, wrt[k]);
    }
    const Output *output = &ir->outputs[value];
    const Seed seed = {output->value, ir_real(ir, 1)};
    ir->at = output->span;
    if (!diff_reverse(diff, ir, &seed, 1, leaves, wrt_count, sample_set(ir), trace, adjoints)) {
        return NULL;
    }
    for (size_t k = 0; k < wrt_count; k++) {
        if (is_real_leaf(ir, wrt[k])) {
            add_gradient_output(ir, wrt[k], adjoints[k], sink);
        }
    }
    return ir;
}

Ir *diff_gradient(const Diff *diff, const Ir *ir, size_t value, const uint32_t *wrt,
                  size_t wrt_count, Sink sink) {
    return diff_gradient_traced(diff, ir, value, wrt, wrt_count, sink, NULL);
}

/* ---- directional derivatives
 * ---------------------------------------------------------------------- */

static uint32_t add_tangent_leaf(Ir *ir, uint32_t of) {
    Leaf leaf = ir->leaves[of];
    leaf.role = LEAF_TANGENT;
    leaf.of = of;
    leaf.name = intern_text(ir->names, arena_format(ir->arena, "%s_dot", leaf.name));
    return ir_add_leaf(ir, leaf);
}

static void add_derivative_output(Ir *ir, size_t value, Ref tangent) {
    Output output = ir->outputs[value];
    output.role = OUT_DERIVATIVE;
    output.sink = SINK_STORE;
    output.name = intern_text(ir->names, arena_format(ir->arena, "%s_dot", output.name));
    output.value = tangent != REF_NONE ? tangent : ir_real(ir, 0);
    ir_add_output(ir, output);
}

Ir *diff_forward(const Diff *diff, const Ir *source, size_t value, const uint32_t *wrt,
                 size_t wrt_count) {
    Ir *ir = diff_expand(diff, source);
    if (!ir) {
        return NULL;
    }
    Direction *directions = arena_array(ir->arena, Direction, wrt_count + 1);
    for (size_t k = 0; k < wrt_count; k++) {
        directions[k].value = ir_leaf(ir, wrt[k]);
        directions[k].tangent = ir_leaf(ir, add_tangent_leaf(ir, wrt[k]));
    }
    const Ref *dot =
        diff_tangents(diff, ir, directions, wrt_count, &ir->outputs[value].value, 1, 0);
    if (!dot) {
        return NULL;
    }
    add_derivative_output(ir, value, dot[ir->outputs[value].value]);
    return ir;
}
