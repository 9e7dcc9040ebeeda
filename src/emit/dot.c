/* dot.c: the graph of an Ir for Graphviz: leaves, values, outputs; adjoints are the values that
 * only derivative outputs need. */
#include "emit/emit.h"

/* Text that may stand between double quotes. */
static void add_quoted(Text *out, const char *text) {
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            text_add(out, "\\");
        }
        text_add_bytes(out, *text == '\n' ? " " : text, 1);
    }
}

static void add_label(Text *out, const Ir *ir, const Node *node) {
    static const char *const names[] = {
#define OP(id, name, meaning) [OP_##id] = name,
#include "ir/op.def"
#undef OP
    };
    switch (node->op) {
    case OP_CONST:
        text_add_number(out, node->kind == KIND_REAL ? node->as.real : (double)node->as.integer,
                        node->kind == KIND_REAL);
        return;
    case OP_SIZE:
        add_quoted(out, dim_text(ir, node->as.dim));
        return;
    case OP_LEAF:
        add_quoted(out, ir->leaves[node->as.leaf].name);
        return;
    case OP_EXTERN:
        add_quoted(out, ir_external_name(ir, node));
        return;
    case OP_CALL:
        add_quoted(out, builtins[node->as.builtin].name);
        return;
    case OP_INDEX:
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
        text_format(out, "%s ", names[node->op]);
        add_quoted(out, dim_text(ir, ir_index_dim(ir, node->as.index)));
        text_format(out, ".%u", ir_index_ordinal(ir, node->as.index));
        return;
    case OP_LIB:
        text_add(out, lib_table[node->as.lib.id].name);
        return;
    case OP_CONVERT:
    case OP_SELECT:
    case OP_GUARD:
    case OP_READ:
    case OP_ARRAY:
    case OP_DEPOSIT:
    case OP_STATE:
    case OP_SCAN:
    case OP_PICK:
    case OP_VAR:
    case OP_DERIV:
    case OP_COUNT:
        text_add(out, names[node->op]);
        return;
    }
}

static bool *reached_by_values(Arena *arena, const Ir *ir) {
    Ref *roots = arena_array(arena, Ref, ir->output_count + 1);
    size_t count = 0;
    for (size_t k = 0; k < ir->output_count; k++) {
        OutputRole role = ir->outputs[k].role;
        if (role == OUT_VALUE || role == OUT_ARRAY) {
            roots[count++] = ir->outputs[k].value;
        }
    }
    return ir_reach(ir, roots, count);
}

static void add_node(Text *out, const Ir *ir, Ref v, bool adjoint) {
    const Node *node = ir_node(ir, v);
    text_format(out, "  v%u [label=\"", v);
    add_label(out, ir, node);
    text_format(out, "\"%s%s];\n", node->op == OP_LEAF ? ", shape=box" : "",
                adjoint ? ", color=firebrick" : "");
    for (uint32_t k = 0; k < node->arg_count; k++) {
        text_format(out, "  v%u -> v%u%s;\n", node->args[k], v,
                    adjoint ? " [color=firebrick]" : "");
    }
}

const char *emit_dot(Arena *arena, const Ir *ir) {
    Text out;
    text_init(&out, arena);
    text_add(&out, "digraph \"");
    add_quoted(&out, ir->name ? ir->name : "model");
    text_add(&out, "\" {\n  rankdir=BT;\n  node [shape=ellipse, fontname=\"Helvetica\"];\n");
    const bool *reached = ir_reach_outputs(ir);
    const bool *primal = reached_by_values(arena, ir);
    for (Ref v = 1; v < ir_count(ir); v++) {
        if (reached[v]) {
            add_node(&out, ir, v, !primal[v]);
        }
    }
    for (size_t k = 0; k < ir->output_count; k++) {
        const Output *output = &ir->outputs[k];
        text_format(&out, "  out%zu [shape=box, style=bold, label=\"", k);
        add_quoted(&out, output->name ? output->name : "value");
        text_format(&out, "\"];\n  v%u -> out%zu;\n", output->value, k);
    }
    text_add(&out, "}\n");
    return out.data;
}
