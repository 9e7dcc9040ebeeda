/* mathml.c: a value as MathML Core. Values with a name are set by it; what has none is written out,
 * so the caller names what is shared or deep. */
#include "emit/emit_private.h"

#include <ctype.h>
#include <string.h>

/* How tightly a formula holds together. */
typedef enum { ML_ANY, ML_SUM, ML_PRODUCT, ML_PRIMARY } MathLevel;

static void value(const Math *m, Ref v, MathLevel around);

/* ---- names and numbers ---------------------------------------------------------------------- */

void html_text(Text *out, const char *text) {
    for (; *text; text++) {
        switch (*text) {
        case '<':
            text_add(out, "&lt;");
            break;
        case '>':
            text_add(out, "&gt;");
            break;
        case '&':
            text_add(out, "&amp;");
            break;
        case '"':
            text_add(out, "&quot;");
            break;
        default:
            text_add_bytes(out, text, 1);
        }
    }
}

static void element(Text *out, const char *tag, const char *text) {
    text_format(out, "<%s>", tag);
    html_text(out, text);
    text_format(out, "</%s>", tag);
}

void mathml_name(Text *out, Arena *arena, const char *name) {
    size_t base = strlen(name);
    while (base > 1 && isdigit((unsigned char)name[base - 1])) {
        base--;
    }
    if (name[base] == '\0') {
        element(out, "mi", name);
        return;
    }
    text_add(out, "<msub>");
    element(out, "mi", arena_copy(arena, name, base));
    element(out, "mn", name + base);
    text_add(out, "</msub>");
}

static void add_index(const Math *m, Index i) {
    element(m->out, "mi", ir_index_name(m->ir, i));
}

void mathml_axes(const Math *m, const Index *axes, unsigned count) {
    for (unsigned k = 0; k < count; k++) {
        text_add(m->out, k > 0 ? "<mo>,</mo>" : "");
        add_index(m, axes[k]);
    }
}

static void add_number(const Math *m, double number) {
    Text digits;
    text_init(&digits, m->arena);
    text_add_number(&digits, number, false);
    const char *exponent = strchr(digits.data, 'e');
    if (strcmp(digits.data, "inf") == 0 || strcmp(digits.data, "-inf") == 0) {
        text_format(m->out, "%s<mi>∞</mi>", number < 0 ? "<mo>−</mo>" : "");
    } else if (exponent == NULL) {
        const char *text = digits.data;
        text_add(m->out, *text == '-' ? "<mo>−</mo>" : "");
        element(m->out, "mn", text + (*text == '-'));
    } else {
        element(m->out, "mn", arena_copy(m->arena, digits.data, (size_t)(exponent - digits.data)));
        text_add(m->out, "<mo>·</mo><msup><mn>10</mn>");
        element(m->out, "mn", exponent + 1);
        text_add(m->out, "</msup>");
    }
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* The operators: what stands between, and how tightly the whole and its operands hold. */
static const struct {
    BuiltinId id;
    const char *operator_text;
    MathLevel own, left, right;
} infix[] = {
    {BI_add, "+", ML_SUM, ML_SUM, ML_SUM},
    {BI_sub, "−", ML_SUM, ML_SUM, ML_PRODUCT},
    {BI_mul, "·", ML_PRODUCT, ML_PRODUCT, ML_PRODUCT},
    {BI_floordiv, "//", ML_PRODUCT, ML_PRODUCT, ML_PRIMARY},
    {BI_mod, "mod", ML_PRODUCT, ML_PRODUCT, ML_PRIMARY},
    {BI_eq, "=", ML_ANY, ML_SUM, ML_SUM},
    {BI_ne, "≠", ML_ANY, ML_SUM, ML_SUM},
    {BI_lt, "<", ML_ANY, ML_SUM, ML_SUM},
    {BI_le, "≤", ML_ANY, ML_SUM, ML_SUM},
    {BI_and, "∧", ML_ANY, ML_SUM, ML_SUM},
    {BI_or, "∨", ML_ANY, ML_SUM, ML_SUM},
};
enum { INFIX = sizeof infix / sizeof infix[0] };

static size_t find_infix(BuiltinId id) {
    size_t k = 0;
    while (k < INFIX && infix[k].id != id) {
        k++;
    }
    return k;
}

static void pair(const Math *m, const char *tag, Ref a, MathLevel first, Ref b) {
    text_format(m->out, "<%s><mrow>", tag);
    value(m, a, first);
    text_add(m->out, "</mrow><mrow>");
    value(m, b, ML_ANY);
    text_format(m->out, "</mrow></%s>", tag);
}

static void add_call(const Math *m, const Node *node) {
    Text *out = m->out;
    const BuiltinId id = node->as.builtin;
    const size_t k = find_infix(id);
    if (k < INFIX) {
        value(m, node->args[0], infix[k].left);
        element(out, "mo", infix[k].operator_text);
        value(m, node->args[1], infix[k].right);
    } else if (id == BI_neg || id == BI_not) {
        text_add(out, id == BI_neg ? "<mo>−</mo>" : "<mo>¬</mo>");
        value(m, node->args[0], id == BI_neg ? ML_PRODUCT : ML_PRIMARY);
    } else if (id == BI_div) {
        pair(m, "mfrac", node->args[0], ML_ANY, node->args[1]);
    } else if (id == BI_pow) {
        pair(m, "msup", node->args[0], ML_PRIMARY, node->args[1]);
    } else if (id == BI_square) {
        text_add(out, "<msup><mrow>");
        value(m, node->args[0], ML_PRIMARY);
        text_add(out, "</mrow><mn>2</mn></msup>");
    } else if (id == BI_exp) {
        text_add(out, "<msup><mi>e</mi><mrow>");
        value(m, node->args[0], ML_ANY);
        text_add(out, "</mrow></msup>");
    } else if (id == BI_sqrt || id == BI_norm_root) {
        text_add(out, "<msqrt>");
        value(m, node->args[0], ML_ANY);
        text_add(out, "</msqrt>");
    } else {
        element(out, "mi", id == BI_maximum ? "max" : id == BI_minimum ? "min" : builtins[id].name);
        text_add(out, "<mo>(</mo>");
        for (uint32_t a = 0; a < node->arg_count; a++) {
            text_add(out, a > 0 ? "<mo>,</mo>" : "");
            value(m, node->args[a], ML_ANY);
        }
        text_add(out, "<mo>)</mo>");
    }
}

/* ---- values --------------------------------------------------------------------------------- */

static void add_reduction(const Math *m, const Node *node, const char *sign, const char *before) {
    text_format(m->out, "%s<munder><mo>%s</mo><mrow>", before, sign);
    add_index(m, node->as.index);
    text_add(m->out, "<mo>&lt;</mo>");
    element(m->out, "mi", dim_text(m->ir, ir_index_dim(m->ir, node->as.index)));
    text_add(m->out, "</mrow></munder>");
}

static void add_positions(const Math *m, const Ref *positions, uint32_t count) {
    for (uint32_t k = 0; k < count; k++) {
        text_add(m->out, k > 0 ? "<mo>,</mo>" : "");
        value(m, positions[k], ML_ANY);
    }
}

static void add_cases(const Math *m, const Node *node) {
    text_add(m->out, "<mrow><mo>{</mo><mtable><mtr><mtd>");
    value(m, node->args[1], ML_ANY);
    text_add(m->out, "</mtd><mtd><mtext>if&#160;</mtext>");
    value(m, node->args[0], ML_ANY);
    text_add(m->out, "</mtd></mtr><mtr><mtd>");
    if (node->op == OP_GUARD) {
        text_add(m->out, "<mn>0</mn>");
    } else {
        value(m, node->args[2], ML_ANY);
    }
    text_add(m->out, "</mtd><mtd><mtext>else</mtext></mtd></mtr></mtable></mrow>");
}

static void add_deposit(const Math *m, const Node *node) {
    text_add(m->out, "<munder><mo>∑</mo><mrow>");
    for (uint32_t k = 0; k < node->as.deposit.count; k++) {
        text_add(m->out, k > 0 ? "<mo>,</mo>" : "");
        add_index(m, node->as.deposit.targets[k]);
        text_add(m->out, "<mo>=</mo>");
        value(m, node->args[k + 1], ML_SUM);
    }
    text_add(m->out, "</mrow></munder>");
    value(m, node->args[0], ML_PRODUCT);
}

static void add_operator(const Math *m, const Node *node) {
    static const char *const names[] = {
#define OP(id, name, meaning) [OP_##id] = name,
#include "ir/op.def"
#undef OP
    };
    element(m->out, "mi", names[node->op]);
    text_add(m->out, "<mo>(</mo>");
    add_positions(m, node->args, node->arg_count);
    text_add(m->out, "<mo>)</mo>");
}

static MathLevel level_of(const Node *node) {
    switch (node->op) {
    case OP_CONST: {
        double number = node->kind == KIND_REAL ? node->as.real : (double)node->as.integer;
        return number < 0 ? ML_SUM : ML_PRIMARY;
    }
    case OP_CALL: {
        size_t k = find_infix(node->as.builtin);
        return k < INFIX                       ? infix[k].own
               : node->as.builtin == BI_neg    ? ML_SUM
               : node->as.builtin == BI_div    ? ML_PRODUCT
               : node->as.builtin == BI_square ? ML_PRODUCT
               : node->as.builtin == BI_pow    ? ML_PRODUCT
               : node->as.builtin == BI_exp    ? ML_PRODUCT
                                               : ML_PRIMARY;
    }
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
    case OP_DEPOSIT:
        return ML_SUM;
    case OP_SELECT:
    case OP_GUARD:
        return ML_ANY;
    case OP_SIZE:
    case OP_INDEX:
    case OP_LEAF:
    case OP_CONVERT:
    case OP_READ:
    case OP_ARRAY:
    case OP_STATE:
    case OP_SCAN:
    case OP_PICK:
    case OP_LIB:
    case OP_VAR:
    case OP_EXTERN:
    case OP_DERIV:
    case OP_COUNT:
        return ML_PRIMARY;
    }
    return ML_PRIMARY;
}

static void body(const Math *m, const Node *node, MathLevel around) {
    switch (node->op) {
    case OP_CONST:
        add_number(m, node->kind == KIND_REAL ? node->as.real : (double)node->as.integer);
        return;
    case OP_SIZE:
        element(m->out, "mi", dim_text(m->ir, node->as.dim));
        return;
    case OP_INDEX:
        add_index(m, node->as.index);
        return;
    case OP_LEAF:
        mathml_name(m->out, m->arena, m->ir->leaves[node->as.leaf].name);
        return;
    case OP_CALL:
        add_call(m, node);
        return;
    case OP_CONVERT:
    case OP_VAR:
        value(m, node->args[0], around);
        return;
    case OP_SELECT:
    case OP_GUARD:
        add_cases(m, node);
        return;
    case OP_READ:
        text_add(m->out, "<msub><mrow>");
        value(m, node->args[0], ML_PRIMARY);
        text_add(m->out, "</mrow><mrow>");
        add_positions(m, node->args + 1, node->arg_count - 1);
        text_add(m->out, "</mrow></msub>");
        return;
    case OP_ARRAY:
        text_add(m->out, "<msub><mrow><mo>[</mo>");
        value(m, node->args[0], ML_ANY);
        text_add(m->out, "<mo>]</mo></mrow><mrow>");
        mathml_axes(m, node->as.indices.list, node->as.indices.count);
        text_add(m->out, "</mrow></msub>");
        return;
    case OP_SUM:
        add_reduction(m, node, "∑", "");
        value(m, node->args[0], ML_PRODUCT);
        return;
    case OP_MAX:
        add_reduction(m, node, "max", "");
        value(m, node->args[0], ML_PRODUCT);
        return;
    case OP_ARGMAX:
        add_reduction(m, node, "argmax", "");
        value(m, node->args[0], ML_PRODUCT);
        return;
    case OP_LSE:
        add_reduction(m, node, "∑", "<mi>log</mi>");
        text_add(m->out, "<msup><mi>e</mi><mrow>");
        value(m, node->args[0], ML_ANY);
        text_add(m->out, "</mrow></msup>");
        return;
    case OP_DEPOSIT:
        add_deposit(m, node);
        return;
    case OP_STATE:
        text_add(m->out, "<msub><mrow>");
        mathml_name(m->out, m->arena, ir_carried_name(m->ir, node->as.state.tag, node->as.state.k));
        text_add(m->out, "</mrow><mrow>");
        add_index(m, node->as.state.t);
        text_add(m->out, "</mrow></msub>");
        return;
    case OP_PICK:
        mathml_name(
            m->out, m->arena,
            ir_carried_name(m->ir, ir_node(m->ir, node->args[0])->as.scan.tag, node->as.pick));
        return;
    case OP_SCAN:
    case OP_LIB:
    case OP_EXTERN:
    case OP_DERIV:
    case OP_COUNT:
        add_operator(m, node);
        return;
    }
}

static void value(const Math *m, Ref v, MathLevel around) {
    const Node *node = ir_node(m->ir, v);
    if (m->names[v] != NULL) {
        text_add(m->out, m->names[v]);
        return;
    }
    const bool parentheses = node->op != OP_CONVERT && level_of(node) < around;
    text_add(m->out, parentheses ? "<mrow><mo>(</mo>" : "");
    body(m, node, around);
    text_add(m->out, parentheses ? "<mo>)</mo></mrow>" : "");
}

void mathml_value(const Math *m, Ref v) {
    value(m, v, ML_ANY);
}

void mathml_body(const Math *m, Ref v) {
    body(m, ir_node(m->ir, v), ML_ANY);
}
