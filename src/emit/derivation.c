/* derivation.c: derivatives as lines of text, in the model's notation:
 *     d loss / d w = 2 * x * (x * w - y)
 * Reads a gradient that was made for display; a formula that would fill pages is only measured. */
#include "emit/emit.h"

#include <string.h>

/* Values of one formula, shared ones counted as often as they are printed. */
enum { FORMULA_LIMIT = 400 };

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

/* For each value, how many values its formula names, in the arena. */
static double *formula_sizes(Arena *arena, const Ir *ir) {
    double *sizes = arena_array(arena, double, ir_count(ir) + 1);
    for (Ref v = 1; v < ir_count(ir); v++) {
        const Node *node = ir_node(ir, v);
        sizes[v] = 1;
        for (uint32_t k = 0; k < node->arg_count; k++) {
            sizes[v] += sizes[node->args[k]];
        }
    }
    return sizes;
}

const char *emit_derivation(Arena *arena, const char *function, const Ir *gradient) {
    Text out;
    text_init(&out, arena);
    const double *sizes = formula_sizes(arena, gradient);
    for (size_t k = 0; k < gradient->output_count; k++) {
        const Output *output = &gradient->outputs[k];
        if (output->role != OUT_GRADIENT) {
            continue;
        }
        text_format(&out, "d %s / d %s", function, gradient->leaves[output->leaf].name);
        add_axes(&out, gradient, output);
        text_add(&out, " = ");
        if (sizes[output->value] > FORMULA_LIMIT) {
            text_format(&out, "… (a formula of %.0f terms)\n", sizes[output->value]);
        } else {
            text_format(&out, "%s\n", ir_formula(gradient, output->value));
        }
    }
    return out.data;
}
