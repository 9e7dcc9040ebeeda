/* print.c: the text form of an Ir, which read.c reads back.
 *
 *     ir line_loss
 *     dim D                                  a size; `dim K = 10` when it is bound
 *     sample m                               the number of rows; `each m.0` when the entry is per
 * sample index m.0 D.0                          the indices in the order of their numbers leaf
 * theta : real[D] param             name : kind[shape] role leaf y : int[m] in K column entries are
 * 0 … K-1 leaf theta_dot : real[D] tangent of theta %1 = const 0.5                         reals
 * have a point or an exponent, or are inf, nan %2 = const 3                           a whole
 * number; const true %3 = size D*(D + 1)//2 %4 = idx D.0               {D.0}       free indices in
 * braces: for reading, except in states %5 = leaf theta %6 = read %5 %4            {D.0} array,
 * positions %7 = mul %6 %6             {D.0}       a built-in by its name %8 = array [D.0, m.0] %7
 * axes, body %9 = sum D.0 %7                        max, argmax, lse likewise %10 = deposit [D.0]
 * [K.0] %7 %4        bound indices, targets, value, positions %11 = state 1.0 T.0 %5     {T.0}
 * tag.k, index, start %12 = scan 1 T.0 + %5 %11              tag, index, direction, starts, steps
 *     %13 = pick 0 %12
 *     %14 = lib 2 real[D, D] %8
 *     convert, select, guard, var, deriv: operands only
 *     out value = %9 value                   a role: value, array, gradient LEAF, derivative
 *     out grad.theta[D.0] = %7 gradient theta add      and a sink: store (not written), add, update
 * LEAF
 *
 * An index of a size that is no single word is written (H - 2).0. From `;` or `#` to the end of a
 * line is a comment. Ids may have gaps and any order of use in which operands come first. */
#include "ir/tables.h"

#include <string.h>

static const char *const op_names[] = {
#define OP(id, name, meaning) [OP_##id] = name,
#include "ir/op.def"
#undef OP
};

static const char *const kind_names[] = {
    [KIND_REAL] = "real", [KIND_INT] = "int", [KIND_BOOL] = "bool"};

static const char *const role_names[] = {
    [LEAF_PARAM] = "param",   [LEAF_CONST] = "const",       [LEAF_DATA] = "data",
    [LEAF_COLUMN] = "column", [LEAF_ARGUMENT] = "argument", [LEAF_TANGENT] = "tangent",
    [LEAF_SEED] = "seed",
};

static const char *const output_names[] = {
    [OUT_VALUE] = "value",           [OUT_ARRAY] = "array",   [OUT_GRADIENT] = "gradient",
    [OUT_DERIVATIVE] = "derivative", [OUT_MATRIX] = "matrix",
};

static bool is_word(const char *text) {
    for (; *text != '\0'; text++) {
        if (strchr(" +-*/%()", *text) != NULL) {
            return false;
        }
    }
    return true;
}

static void add_index(const Ir *ir, Text *text, Index i) {
    const char *dim = dim_text(ir, ir_index_dim(ir, i));
    text_format(text, is_word(dim) ? "%s.%u" : "(%s).%u", dim, ir_index_ordinal(ir, i));
}

static void add_indices(const Ir *ir, Text *text, const Index *list, uint32_t count) {
    text_add(text, " [");
    for (uint32_t k = 0; k < count; k++) {
        text_add(text, k > 0 ? ", " : "");
        add_index(ir, text, list[k]);
    }
    text_add(text, "]");
}

static void add_set(const Ir *ir, Text *text, IndexSet set) {
    for (const char *separator = ""; set != 0; set &= set - 1, separator = " ") {
        text_add(text, separator);
        add_index(ir, text, index_first(set));
    }
}

static void add_shape(const Ir *ir, Text *text, Kind kind, const Dim *shape, uint8_t rank) {
    text_add(text, kind_names[kind]);
    for (uint8_t k = 0; k < rank; k++) {
        text_format(text, "%s%s", k > 0 ? ", " : "[", dim_text(ir, shape[k]));
    }
    text_add(text, rank > 0 ? "]" : "");
}

static void add_operands(Text *text, const Node *node) {
    for (uint32_t k = 0; k < node->arg_count; k++) {
        text_format(text, " %%%u", (unsigned)node->args[k]);
    }
}

static void add_constant(Text *text, const Node *node) {
    text_add(text, " ");
    if (node->kind == KIND_REAL) {
        text_add_number(text, node->as.real, true);
    } else if (node->kind == KIND_BOOL) {
        text_add(text, node->as.integer ? "true" : "false");
    } else {
        text_format(text, "%lld", (long long)node->as.integer);
    }
}

/* What stands between the name of the kind and the operands. */
static void add_attributes(const Ir *ir, Text *text, const Node *node) {
    switch (node->op) {
    case OP_CONST:
        add_constant(text, node);
        break;
    case OP_SIZE:
        text_format(text, " %s", dim_text(ir, node->as.dim));
        break;
    case OP_INDEX:
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
        text_add(text, " ");
        add_index(ir, text, node->as.index);
        break;
    case OP_LEAF:
        text_format(text, " %s", ir->leaves[node->as.leaf].name);
        break;
    case OP_ARRAY:
        add_indices(ir, text, node->as.indices.list, node->as.indices.count);
        break;
    case OP_DEPOSIT:
        text_add(text, " [");
        add_set(ir, text, node->as.deposit.bound);
        text_add(text, "]");
        add_indices(ir, text, node->as.deposit.targets, node->as.deposit.count);
        break;
    case OP_STATE:
        text_format(text, " %u.%u ", (unsigned)node->as.state.tag, (unsigned)node->as.state.k);
        add_index(ir, text, node->as.state.t);
        break;
    case OP_SCAN:
        text_format(text, " %u ", (unsigned)node->as.scan.tag);
        add_index(ir, text, node->as.scan.t);
        text_add(text, node->as.scan.direction > 0 ? " +" : " -");
        break;
    case OP_PICK:
        text_format(text, " %u", (unsigned)node->as.pick);
        break;
    case OP_LIB:
        text_format(text, " %s", lib_table[node->as.lib.id].name);
        if (node->as.lib.count > 0) {
            add_indices(ir, text, node->as.lib.targets, node->as.lib.count);
        }
        break;
    case OP_CALL:
    case OP_CONVERT:
    case OP_SELECT:
    case OP_GUARD:
    case OP_READ:
    case OP_DERIV:
    case OP_COUNT:
        break;
    case OP_EXTERN:
        text_format(text, " %u", (unsigned)node->as.external);
        break;
    case OP_VAR:
        if (node->as.variable != 0) {
            text_format(text, " %u", (unsigned)node->as.variable);
        }
        break;
    }
}

static void add_node(const Ir *ir, Text *text, Ref v) {
    const Node *node = ir_node(ir, v);
    size_t start = text->length;
    const char *name = node->op == OP_CALL ? builtins[node->as.builtin].name : op_names[node->op];
    text_format(text, "%%%u = %s", (unsigned)v, name);
    add_attributes(ir, text, node);
    add_operands(text, node);
    if (node->free != 0 || node->op == OP_STATE) {
        do {
            text_add(text, " ");
        } while (text->length - start < 32);
        text_add(text, "{");
        add_set(ir, text, node->free);
        text_add(text, "}");
    }
    text_add(text, "\n");
}

static void add_leaf(const Ir *ir, Text *text, const Leaf *leaf) {
    text_format(text, "leaf %s : ", leaf->name);
    add_shape(ir, text, leaf->kind, leaf->shape, leaf->rank);
    if (leaf->class_dim != DIM_NONE) {
        text_format(text, " in %s", dim_text(ir, leaf->class_dim));
    }
    text_format(text, " %s", role_names[leaf->role]);
    if (leaf->role == LEAF_TANGENT) {
        text_format(text, " of %s", ir->leaves[leaf->of].name);
    }
    text_add(text, "\n");
}

static void add_output(const Ir *ir, Text *text, const Output *output) {
    text_format(text, "out %s", output->name);
    for (uint8_t k = 0; k < output->rank; k++) {
        text_add(text, k > 0 ? ", " : "[");
        add_index(ir, text, output->axes[k]);
    }
    text_add(text, output->rank > 0 ? "]" : "");
    text_format(text, " = %%%u %s", (unsigned)output->value, output_names[output->role]);
    if ((output->role == OUT_GRADIENT && ir->flat_out == NULL) || output->role == OUT_MATRIX) {
        text_format(text, " %s", ir->leaves[output->leaf].name);
    }
    if (output->role == OUT_MATRIX) {
        text_format(text, " rows %u at %s", output->row_axes, dim_text(ir, output->offset));
        text_format(text, " by %s", dim_text(ir, output->stride));
    }
    if (output->sink == SINK_ADD) {
        text_add(text, " add");
    } else if (output->sink == SINK_UPDATE) {
        text_format(text, " update %s", ir->leaves[output->leaf].name);
    }
    text_add(text, "\n");
}

static void add_header(const Ir *ir, Text *text) {
    text_format(text, "ir %s\n", ir->name);
    for (size_t k = 0; k < dim_symbol_count(ir); k++) {
        int64_t value;
        Dim symbol = dim_symbol_at(ir, k);
        text_format(text, "dim %s", dim_text(ir, symbol));
        if (dim_value(ir, symbol, &value)) {
            text_format(text, " = %lld", (long long)value);
        }
        text_add(text, "\n");
    }
    if (ir->sample_dim != DIM_NONE) {
        text_format(text, "sample %s\n", dim_text(ir, ir->sample_dim));
    }
    if (ir->total_dim != DIM_NONE) {
        text_format(text, "total %s\n", dim_text(ir, ir->total_dim));
    }
    if (ir->flat_out != NULL) {
        text_format(text, "flat %s %s\n", ir->flat_in, ir->flat_out);
    }
    if (ir->rows_dim != DIM_NONE) {
        text_format(text, "rows %s\n", dim_text(ir, ir->rows_dim));
    }
    if (ir->per_sample) {
        text_add(text, "each ");
        add_index(ir, text, ir->sample_index);
        text_add(text, "\n");
    }
    if (ir->tables->index_count > 0) {
        text_add(text, "index ");
        add_set(ir, text,
                ir->tables->index_count == 64 ? ~(IndexSet)0
                                              : INDEX_BIT(ir->tables->index_count) - 1);
        text_add(text, "\n");
    }
}

const char *ir_text(const Ir *ir) {
    Text text;
    text_init(&text, ir->arena);
    add_header(ir, &text);
    for (size_t k = 0; k < ir->leaf_count; k++) {
        add_leaf(ir, &text, &ir->leaves[k]);
    }
    for (Ref v = 1; v < ir_count(ir); v++) {
        add_node(ir, &text, v);
    }
    for (size_t k = 0; k < ir->output_count; k++) {
        add_output(ir, &text, &ir->outputs[k]);
    }
    return text.data;
}
