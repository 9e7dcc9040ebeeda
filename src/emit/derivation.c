/* derivation.c: derivatives as lines of text, in the model's notation:
 *     d loss / d w = 2 * x * (x * w - y)
 * Reads a gradient that was made for display; ir_formula names the parts of long ones. */
#include "emit/emit.h"

#include <string.h>

/* The node that is index `i` itself, so that axes are named as the formula names them. */
static Ref index_node(const Ir *ir, Index i) {
    for (Ref v = 1; v < ir_count(ir); v++) {
        const Node *node = ir_node(ir, v);
        if (node->op == OP_INDEX && node->as.index == i) {
            return v;
        }
    }
    return REF_NONE;
}

static void add_axes(Text *out, const Ir *ir, const Output *output) {
    static const char *const spare[RANK_LIMIT] = {"i", "j", "k", "l", "m", "n", "p", "q"};
    for (unsigned k = 0; k < output->rank; k++) {
        Ref node = index_node(ir, output->axes[k]);
        text_add(out, k == 0 ? "[" : ", ");
        text_add(out, node != REF_NONE ? ir_formula(ir, node) : spare[k]);
    }
    text_add(out, output->rank > 0 ? "]" : "");
}

const char *emit_derivation(Arena *arena, const char *function, const Ir *gradient) {
    Text out;
    text_init(&out, arena);
    for (size_t k = 0; k < gradient->output_count; k++) {
        const Output *output = &gradient->outputs[k];
        if (output->role != OUT_GRADIENT) {
            continue;
        }
        text_format(&out, "d %s / d %s", function, gradient->leaves[output->leaf].name);
        add_axes(&out, gradient, output);
        text_add(&out, " = ");
        text_format(&out, "%s\n", ir_formula(gradient, output->value));
    }
    return out.data;
}
