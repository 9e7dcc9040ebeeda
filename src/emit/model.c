/* model.c: derivatives as a program of the model language: for each function f a function f_grad
 * (f_jvp, …) of the same arguments, which returns the value and the derivatives, one for each
 * variable. Shared values, and arrays that are read at other positions, become definitions, so the
 * program is as long as the derivative. Loops that carry values and operations on whole matrices
 * have no such program. */
#include "emit/emit_private.h"

#include <math.h>
#include <string.h>

enum { DEPTH_LIMIT = 8 };

typedef struct {
    Text *out;
    Arena *arena;
    const Ir *ir;
    IrFormulas *formulas;
    const bool *reached;
    unsigned *uses;
    unsigned *depth;
    unsigned number;
} Program;

/* ---- what can be said ----------------------------------------------------------------------- */

/* Why the language has no words for a value; NULL: it has. */
static const char *unsaid(const Node *node) {
    switch (node->op) {
    case OP_STATE:
    case OP_SCAN:
    case OP_PICK:
        return "a loop that carries values";
    case OP_LIB:
        return "an operation on whole matrices";
    case OP_CONST:
        return node->kind == KIND_REAL && isnan(node->as.real) ? "what is not a number" : NULL;
    case OP_CALL: {
        const BuiltinId id = node->as.builtin;
        const bool spelt = builtins[id].infix != NULL || id == BI_square || id == BI_pow ||
                           id == BI_neg || id == BI_not || id == BI_norm_root;
        return builtins[id].hidden && !spelt ? builtins[id].name : NULL;
    }
    case OP_SIZE:
    case OP_INDEX:
    case OP_LEAF:
    case OP_CONVERT:
    case OP_SELECT:
    case OP_GUARD:
    case OP_READ:
    case OP_ARRAY:
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
    case OP_DEPOSIT:
    case OP_VAR:
    case OP_EXTERN:
    case OP_DERIV:
    case OP_COUNT:
        break;
    }
    return NULL;
}

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

/* [i in D, j in K] */
static void add_ranges(const Program *p, const Index *axes, unsigned count) {
    for (unsigned k = 0; k < count; k++) {
        text_format(p->out, "%s%s in %s", k == 0 ? "[" : ", ", ir_index_name(p->ir, axes[k]),
                    dim_text(p->ir, ir_index_dim(p->ir, axes[k])));
    }
    text_add(p->out, count > 0 ? "]" : "");
}

static unsigned free_indices(const Ir *ir, Ref v, Index *axes) {
    unsigned count = 0;
    for (IndexSet set = ir_free(ir, v); set != 0; set &= set - 1) {
        axes[count++] = (Index)__builtin_ctzll(set);
    }
    return count;
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

/* t1[i in D] = …, for a number that depends on indices, or an array. */
static void add_definition(Program *p, Ref v) {
    const Node *node = ir_node(p->ir, v);
    Index axes[INDEX_LIMIT];
    const unsigned outer = free_indices(p->ir, v, axes);
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
    text_format(p->out, "    %s", name);
    add_ranges(p, axes, count);
    text_format(p->out, " = %s\n", text);
    ir_formulas_name(p->formulas, v, reference(p, name, axes, outer));
}

/* The language has no word for infinity, but a value. */
static void name_infinity(Program *p, Ref v) {
    const Node *node = ir_node(p->ir, v);
    if (node->op == OP_CONST && node->kind == KIND_REAL && isinf(node->as.real)) {
        ir_formulas_name(p->formulas, v, node->as.real < 0 ? "log(0)" : "(-log(0))");
    }
}

static void add_definitions(Program *p) {
    const Ir *ir = p->ir;
    for (Ref v = 1; v < ir_count(ir); v++) {
        const Node *node = ir_node(ir, v);
        if (!p->reached[v]) {
            continue;
        }
        name_infinity(p, v);
        for (uint32_t k = 0; k < node->arg_count; k++) {
            unsigned below = p->depth[node->args[k]] + 1;
            p->depth[v] = below > p->depth[v] ? below : p->depth[v];
        }
        bool array = node->op == OP_ARRAY;
        bool number = node->rank == 0 && node->kind == KIND_REAL && !is_written_inline(ir, node) &&
                      ((p->uses[v] > 1 && p->depth[v] > 2) || p->depth[v] > DEPTH_LIMIT);
        if (array || number) {
            add_definition(p, v);
            p->depth[v] = 0;
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

static void add_formals(const Program *p) {
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
    text_add(p->out, *join == '(' ? "() {\n" : ") {\n");
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

const char *emit_model_unsaid(const Ir *ir) {
    const bool *reached = ir_reach_outputs(ir);
    for (Ref v = 1; v < ir_count(ir); v++) {
        if (reached[v] && unsaid(ir_node(ir, v)) != NULL) {
            return unsaid(ir_node(ir, v));
        }
    }
    return NULL;
}

void emit_model(Text *out, const Derived *derived) {
    const Ir *ir = derived->ir;
    const Ref count = ir_count(ir);
    Program p = {.out = out,
                 .arena = out->arena,
                 .ir = ir,
                 .formulas = ir_formulas(ir),
                 .reached = ir_reach_outputs(ir),
                 .uses = arena_array(out->arena, unsigned, count),
                 .depth = arena_array(out->arena, unsigned, count)};
    count_uses(&p);
    text_format(out, "\n%s_%s", derived->function, derived->suffix);
    add_formals(&p);
    add_definitions(&p);
    add_outputs(&p);
}

void emit_model_leaves(Text *out, const Ir *ir) {
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
