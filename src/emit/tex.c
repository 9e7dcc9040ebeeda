/* tex.c: derivatives as a LaTeX document. Values that are used more than once, arrays that are read
 * at other positions, and deep formulas are set as definitions first, so the text is as long as the
 * program. */
#include "emit/emit_private.h"

#include <ctype.h>
#include <string.h>

enum { DEPTH_LIMIT = 12 };

/* How tightly a formula holds together. */
typedef enum {
    TEX_ANY,
    TEX_OPEN, /* ends in a Σ, which would swallow what follows */
    TEX_SUM,
    TEX_PRODUCT,
    TEX_PRIMARY,
} TexLevel;

typedef struct {
    Text out;
    Arena *arena;
    const Ir *ir;
    uint32_t *names; /* of values that are definitions: 1, 2, …; else 0 */
    uint32_t name_count;
} Tex;

static void tex_value(Tex *tex, Ref v, TexLevel around);

/* ---- names ------------------------------------------------------------------------------------
 */

static const char *const greek[] = {
    "alpha",   "beta",   "gamma", "delta", "epsilon", "zeta",  "eta",   "theta", "iota",
    "kappa",   "lambda", "mu",    "nu",    "xi",      "pi",    "rho",   "sigma", "tau",
    "upsilon", "phi",    "chi",   "psi",   "omega",   "Gamma", "Delta", "Theta", "Lambda",
    "Xi",      "Pi",     "Sigma", "Phi",   "Psi",     "Omega",
};

static bool is_greek(const char *name, size_t length) {
    for (size_t k = 0; k < sizeof greek / sizeof greek[0]; k++) {
        if (strlen(greek[k]) == length && memcmp(greek[k], name, length) == 0) {
            return true;
        }
    }
    return false;
}

static void add_escaped(Text *out, const char *name, size_t length) {
    for (size_t k = 0; k < length; k++) {
        text_add(out, strchr("_#$%&{}", name[k]) ? "\\" : "");
        text_add_bytes(out, &name[k], 1);
    }
}

/* theta0 → {\theta_{0}}, weight → \mathit{weight}. */
static void add_name(Tex *tex, const char *model_name) {
    const char *name = loop_c_name(tex->arena, model_name);
    size_t length = strlen(name);
    size_t base = length;
    while (base > 1 && isdigit((unsigned char)name[base - 1])) {
        base--;
    }
    text_add(&tex->out, base < length ? "{" : "");
    if (is_greek(name, base)) {
        text_add(&tex->out, "\\");
        text_add_bytes(&tex->out, name, base);
    } else if (base == 1) {
        text_add_bytes(&tex->out, name, base);
    } else {
        text_add(&tex->out, "\\mathit{");
        add_escaped(&tex->out, name, base);
        text_add(&tex->out, "}");
    }
    if (base < length) {
        text_format(&tex->out, "_{%s}}", name + base);
    }
}

/* i, j, k, … by number; n for the sample. */
static void add_index(Tex *tex, Index i) {
    static const char letters[] = "ijkluvpqrst";
    if (tex->ir->sample_dim != DIM_NONE && ir_index_dim(tex->ir, i) == tex->ir->sample_dim) {
        text_add(&tex->out, "n");
        return;
    }
    size_t count = sizeof letters - 1;
    text_add_bytes(&tex->out, &letters[i % count], 1);
    if (i >= count) {
        text_format(&tex->out, "_{%zu}", (size_t)i / count);
    }
}

/* A size: D (K + 1) / 2 as the model writes it. */
static void add_dim(Tex *tex, Dim dim) {
    const char *text = dim_text(tex->ir, dim);
    for (; *text; text++) {
        if (*text == '*') {
            text_add(&tex->out, " \\cdot ");
        } else if (*text == '%') {
            text_add(&tex->out, "\\bmod ");
        } else {
            add_escaped(&tex->out, text, 1);
        }
    }
}

static void add_number(Tex *tex, double value) {
    Text digits;
    text_init(&digits, tex->arena);
    text_add_number(&digits, value, false);
    const char *exponent = strchr(digits.data, 'e');
    if (!exponent) {
        text_add(&tex->out, strcmp(digits.data, "inf") == 0    ? "\\infty "
                            : strcmp(digits.data, "-inf") == 0 ? "-\\infty "
                                                               : digits.data);
        return;
    }
    text_add_bytes(&tex->out, digits.data, (size_t)(exponent - digits.data));
    text_format(&tex->out, " \\cdot 10^{%s}", exponent + 1);
}

/* ---- calls ------------------------------------------------------------------------------------
 */

/* What the arguments of a template must hold like, where it does not enclose them. */
static const struct {
    BuiltinId id;
    TexLevel own, args[2];
} call_levels[] = {
    {BI_add, TEX_SUM, {TEX_SUM, TEX_OPEN}},
    {BI_sub, TEX_SUM, {TEX_SUM, TEX_PRODUCT}},
    {BI_mul, TEX_PRODUCT, {TEX_PRODUCT, TEX_PRODUCT}},
    {BI_neg, TEX_SUM, {TEX_PRODUCT, TEX_ANY}},
    {BI_square, TEX_PRODUCT, {TEX_PRIMARY, TEX_ANY}},
    {BI_pow, TEX_PRODUCT, {TEX_PRIMARY, TEX_ANY}},
    {BI_hypot, TEX_PRIMARY, {TEX_PRIMARY, TEX_PRIMARY}},
    {BI_mod, TEX_SUM, {TEX_PRODUCT, TEX_PRODUCT}},
    {BI_eq, TEX_ANY, {TEX_SUM, TEX_SUM}},
    {BI_ne, TEX_ANY, {TEX_SUM, TEX_SUM}},
    {BI_lt, TEX_ANY, {TEX_SUM, TEX_SUM}},
    {BI_le, TEX_ANY, {TEX_SUM, TEX_SUM}},
    {BI_and, TEX_ANY, {TEX_SUM, TEX_SUM}},
    {BI_or, TEX_ANY, {TEX_SUM, TEX_SUM}},
    {BI_not, TEX_ANY, {TEX_PRIMARY, TEX_ANY}},
    {BI_xlogy, TEX_PRODUCT, {TEX_PRODUCT, TEX_ANY}},
    {BI_log1p, TEX_PRIMARY, {TEX_PRODUCT, TEX_ANY}},
    {BI_exp, TEX_PRODUCT, {TEX_ANY, TEX_ANY}},
    {BI_exp2, TEX_PRODUCT, {TEX_ANY, TEX_ANY}},
};

static TexLevel call_level(BuiltinId id, unsigned arg, bool own) {
    for (size_t k = 0; k < sizeof call_levels / sizeof call_levels[0]; k++) {
        if (call_levels[k].id == id) {
            return own ? call_levels[k].own : arg < 2 ? call_levels[k].args[arg] : TEX_ANY;
        }
    }
    return own ? TEX_PRIMARY : TEX_ANY;
}

static void add_call(Tex *tex, const Node *node) {
    bool number_last =
        node->as.builtin == BI_mul && ir_node(tex->ir, node->args[1])->op == OP_CONST;
    for (const char *c = builtins[node->as.builtin].tex; *c; c++) {
        if (c[0] == '#' && c[1] >= '1' && c[1] <= '3') {
            unsigned k = (unsigned)(c[1] - '1');
            Ref arg = node->args[number_last ? 1 - k : k];
            tex_value(tex, arg, call_level(node->as.builtin, k, false));
            c++;
        } else {
            text_add_bytes(&tex->out, c, 1);
        }
    }
}

/* ---- values -----------------------------------------------------------------------------------
 */

static void add_indices(Tex *tex, IndexSet set) {
    bool first = true;
    for (unsigned i = 0; i < INDEX_LIMIT; i++) {
        if (set & INDEX_BIT(i)) {
            text_add(&tex->out, first ? "_{" : ", ");
            add_index(tex, (Index)i);
            first = false;
        }
    }
    text_add(&tex->out, first ? "" : "}");
}

/* Σ_{i=0}^{D-1}, or \max_{i}. */
static void add_reduction(Tex *tex, const Node *node, const char *operator_text) {
    text_format(&tex->out, "%s_{", operator_text);
    add_index(tex, node->as.index);
    text_add(&tex->out, " < ");
    add_dim(tex, ir_index_dim(tex->ir, node->as.index));
    text_add(&tex->out, "} ");
}

static void add_list(Tex *tex, const Ref *values, uint32_t count, const char *before,
                     const char *after) {
    for (uint32_t k = 0; k < count; k++) {
        text_add(&tex->out, k == 0 ? before : ", ");
        tex_value(tex, values[k], TEX_ANY);
    }
    text_add(&tex->out, count > 0 ? after : "");
}

static void add_lib(Tex *tex, const Node *node) {
    text_add(&tex->out, "\\operatorname{");
    for (const char *c = lib_table[node->as.lib.id].name; *c; c++) {
        text_add(&tex->out, *c == '_' ? "\\_" : (const char[]){*c, '\0'});
    }
    text_add(&tex->out, "}");
    add_list(tex, node->args, node->arg_count, "\\left(", "\\right)");
}

static void add_deposit(Tex *tex, const Node *node) {
    text_add(&tex->out, "\\sum");
    add_indices(tex, node->as.deposit.bound);
    for (uint32_t k = 0; k < node->as.deposit.count; k++) {
        text_add(&tex->out, k == 0 ? " \\left[" : ", ");
        add_index(tex, node->as.deposit.targets[k]);
        text_add(&tex->out, " = ");
        tex_value(tex, node->args[k + 1], TEX_SUM);
    }
    text_add(&tex->out, "\\right] ");
    tex_value(tex, node->args[0], TEX_PRODUCT);
}

static void add_select(Tex *tex, const Node *node) {
    text_add(&tex->out, "\\begin{cases} ");
    tex_value(tex, node->args[1], TEX_ANY);
    text_add(&tex->out, " & \\text{if } ");
    tex_value(tex, node->args[0], TEX_ANY);
    text_add(&tex->out, " \\\\ ");
    tex_value(tex, node->args[2], TEX_ANY);
    text_add(&tex->out, " & \\text{else} \\end{cases}");
}

static TexLevel level_of(const Tex *tex, const Node *node) {
    switch (node->op) {
    case OP_CONST: {
        double value = node->kind == KIND_REAL ? node->as.real : (double)node->as.integer;
        return value < 0                                      ? TEX_SUM
               : value > 0 && (value < 1e-4 || value >= 1e16) ? TEX_PRODUCT
                                                              : TEX_PRIMARY;
    }
    case OP_CALL:
        if (node->as.builtin == BI_add && tex->names[node->args[1]] == 0 &&
            level_of(tex, ir_node(tex->ir, node->args[1])) == TEX_OPEN) {
            return TEX_OPEN;
        }
        return call_level(node->as.builtin, 0, true);
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
    case OP_DEPOSIT:
        return TEX_OPEN;
    case OP_GUARD:
        return TEX_SUM;
    case OP_SELECT:
    case OP_SIZE:
        return TEX_ANY;
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
        return TEX_PRIMARY;
    }
    return TEX_PRIMARY;
}

static const char *op_name(Op op) {
    static const char *const names[] = {
#define OP(id, name, meaning) [OP_##id] = name,
#include "ir/op.def"
#undef OP
    };
    return names[op];
}

static void tex_body(Tex *tex, const Node *node) {
    Text *out = &tex->out;
    switch (node->op) {
    case OP_CONST:
        add_number(tex, node->kind == KIND_REAL ? node->as.real : (double)node->as.integer);
        return;
    case OP_SIZE:
        add_dim(tex, node->as.dim);
        return;
    case OP_INDEX:
        add_index(tex, node->as.index);
        return;
    case OP_LEAF:
        add_name(tex, tex->ir->leaves[node->as.leaf].name);
        return;
    case OP_CALL:
        add_call(tex, node);
        return;
    case OP_CONVERT:
    case OP_VAR:
        tex_value(tex, node->args[0], TEX_PRIMARY);
        return;
    case OP_SELECT:
        add_select(tex, node);
        return;
    case OP_GUARD:
        text_add(out, "\\left[");
        tex_value(tex, node->args[0], TEX_ANY);
        text_add(out, "\\right] ");
        tex_value(tex, node->args[1], TEX_PRODUCT);
        return;
    case OP_READ:
        text_add(out, "{");
        tex_value(tex, node->args[0], TEX_PRIMARY);
        text_add(out, "}");
        add_list(tex, node->args + 1, node->arg_count - 1, "_{", "}");
        return;
    case OP_ARRAY:
        text_add(out, "\\left[");
        tex_value(tex, node->args[0], TEX_ANY);
        text_add(out, "\\right]");
        for (uint32_t k = 0; k < node->as.indices.count; k++) {
            text_add(out, k == 0 ? "_{" : ", ");
            add_index(tex, node->as.indices.list[k]);
        }
        text_add(out, "}");
        return;
    case OP_SUM:
        add_reduction(tex, node, "\\sum");
        tex_value(tex, node->args[0], TEX_PRODUCT);
        return;
    case OP_MAX:
        add_reduction(tex, node, "\\max");
        tex_value(tex, node->args[0], TEX_PRODUCT);
        return;
    case OP_ARGMAX:
        add_reduction(tex, node, "\\operatorname*{argmax}");
        tex_value(tex, node->args[0], TEX_PRODUCT);
        return;
    case OP_LSE:
        add_reduction(tex, node, "\\log \\sum");
        text_add(out, "e^{");
        tex_value(tex, node->args[0], TEX_ANY);
        text_add(out, "}");
        return;
    case OP_LIB:
        add_lib(tex, node);
        return;
    case OP_DEPOSIT:
        add_deposit(tex, node);
        return;
    case OP_EXTERN:
        text_format(out, "\\operatorname{%s}", ir_external_name(tex->ir, node));
        add_list(tex, node->args, node->arg_count, "\\left(", "\\right)");
        return;
    case OP_STATE:
        text_add(out, "{");
        add_name(tex, ir_carried_name(tex->ir, node->as.state.tag, node->as.state.k));
        text_add(out, "}_{");
        add_index(tex, node->as.state.t);
        text_add(out, "}");
        return;
    case OP_PICK: {
        const uint32_t tag = ir_node(tex->ir, node->args[0])->as.scan.tag;
        add_name(tex, ir_carried_name(tex->ir, tag, node->as.pick));
        return;
    }
    case OP_SCAN:
    case OP_DERIV:
    case OP_COUNT:
        text_format(out, "\\operatorname{%s}", op_name(node->op));
        add_list(tex, node->args, node->arg_count, "\\left(", "\\right)");
        return;
    }
}

static void tex_value(Tex *tex, Ref v, TexLevel around) {
    const Node *node = ir_node(tex->ir, v);
    if (tex->names[v] != 0 && ir_has_own_name(tex->ir, v)) {
        unsigned rank = (unsigned)__builtin_popcountll(node->free);
        add_name(tex, node->name);
        for (unsigned k = 0; k < rank; k++) {
            text_format(&tex->out, "%s%s", k > 0 ? "," : "_{",
                        ir_index_name(tex->ir, node->name_axes[k]));
        }
        text_add(&tex->out, rank > 0 ? "}" : "");
        return;
    }
    if (tex->names[v] != 0) {
        text_format(&tex->out, "{t^{(%u)}}", tex->names[v]);
        add_indices(tex, node->free);
        return;
    }
    bool parentheses = level_of(tex, node) < around;
    text_add(&tex->out, parentheses ? "\\left(" : "");
    tex_body(tex, node);
    text_add(&tex->out, parentheses ? "\\right)" : "");
}

/* ---- definitions ------------------------------------------------------------------------------
 */

uint32_t *formula_names(Arena *arena, const Ir *ir, const bool *reached, uint32_t *name_count) {
    Ref count = ir_count(ir);
    uint32_t *names = arena_array(arena, uint32_t, count + 1);
    uint32_t *uses = arena_array(arena, uint32_t, count + 1);
    uint32_t *depth = arena_array(arena, uint32_t, count + 1);
    *name_count = 0;
    for (Ref v = 1; v < count; v++) {
        const Node *node = ir_node(ir, v);
        for (uint32_t k = 0; reached[v] && k < node->arg_count; k++) {
            uses[node->args[k]]++;
        }
    }
    for (Ref v = 1; v < count; v++) {
        const Node *node = ir_node(ir, v);
        for (uint32_t k = 0; k < node->arg_count; k++) {
            uint32_t below = depth[node->args[k]] + 1;
            depth[v] = below > depth[v] ? below : depth[v];
        }
        bool shared = uses[v] > 1 && depth[v] > 2;
        bool called = depth[v] > 2 && ir_has_own_name(ir, v);
        if (reached[v] && node->op != OP_ARRAY && !is_written_inline(ir, node) &&
            (shared || called || depth[v] > DEPTH_LIMIT)) {
            names[v] = ++*name_count;
            depth[v] = 0;
        }
    }
    return names;
}

static void add_definitions(Tex *tex) {
    if (tex->name_count == 0) {
        return;
    }
    text_add(&tex->out, "where\n\\begin{align*}\n");
    uint32_t done = 0;
    for (Ref v = 1; v < ir_count(tex->ir); v++) {
        if (tex->names[v] == 0) {
            continue;
        }
        tex_value(tex, v, TEX_ANY);
        text_add(&tex->out, " &= ");
        tex_body(tex, ir_node(tex->ir, v));
        text_add(&tex->out, ++done < tex->name_count ? " \\\\\n" : "\n");
    }
    text_add(&tex->out, "\\end{align*}\n");
}

static void add_subscripts(Tex *tex, const Output *output, unsigned first, unsigned end) {
    for (unsigned k = first; k < end; k++) {
        text_add(&tex->out, k == first ? "_{" : ", ");
        add_index(tex, output->axes[k]);
    }
    text_add(&tex->out, end > first ? "}" : "");
}

/* f, f.1 as f^{(1)} */
static void add_value_name(Tex *tex, const char *value) {
    const char *dot = strchr(value, '.');
    add_name(tex, dot ? arena_copy(tex->arena, value, (size_t)(dot - value)) : value);
    if (dot) {
        text_format(&tex->out, "^{(%s)}", dot + 1);
    }
}

static void add_left_side(Tex *tex, const DerivativeTitle *title, const Output *output) {
    Text *out = &tex->out;
    switch (title->kind) {
    case TITLE_VALUE:
        add_value_name(tex, title->value);
        add_subscripts(tex, output, 0, title->rows);
        break;
    case TITLE_DIRECTIONAL:
        text_add(out, "\\mathrm{d} ");
        add_value_name(tex, title->value);
        add_subscripts(tex, output, 0, title->rows);
        break;
    case TITLE_FIRST:
        text_add(out, "\\frac{\\partial\\, ");
        add_value_name(tex, title->value);
        add_subscripts(tex, output, 0, title->rows);
        text_add(out, "}{\\partial\\, ");
        add_name(tex, title->column);
        add_subscripts(tex, output, title->rows, output->rank);
        text_add(out, "}");
        break;
    case TITLE_SECOND:
        text_add(out, "\\frac{\\partial^{2} ");
        add_value_name(tex, title->value);
        text_add(out, "}{\\partial\\, ");
        add_name(tex, title->row);
        add_subscripts(tex, output, 0, title->rows);
        text_add(out, "\\, \\partial\\, ");
        add_name(tex, title->column);
        add_subscripts(tex, output, title->rows, output->rank);
        text_add(out, "}");
        break;
    case TITLE_PRODUCT:
        text_add(out, "\\left(\\nabla^{2} ");
        add_value_name(tex, title->value);
        text_add(out, "\\cdot v\\right)_{");
        add_name(tex, title->column);
        add_subscripts(tex, output, 0, output->rank);
        text_add(out, "}");
        break;
    }
}

static void add_section(Tex *tex, const Derived *derived) {
    const Ir *ir = derived->ir;
    tex->ir = ir;
    tex->names = formula_names(tex->arena, ir, ir_reach_outputs(ir), &tex->name_count);
    text_add(&tex->out, "\\section*{");
    add_escaped(&tex->out, derived->function, strlen(derived->function));
    text_add(&tex->out, "}\n\\begin{align*}\n");
    const char *join = "";
    for (size_t k = 0; k < ir->output_count; k++) {
        DerivativeTitle title;
        if (derivative_title(tex->arena, derived->function, ir, k, &title)) {
            text_add(&tex->out, join);
            add_left_side(tex, &title, &ir->outputs[k]);
            text_add(&tex->out, " &= ");
            tex_value(tex, ir->outputs[k].value, TEX_ANY);
            join = " \\\\\n";
        }
    }
    text_add(&tex->out, "\n\\end{align*}\n");
    add_definitions(tex);
}

const char *emit_tex(Arena *arena, const Derived *list, size_t count) {
    Tex tex = {.arena = arena};
    text_init(&tex.out, arena);
    text_add(&tex.out, "\\documentclass{article}\n\\usepackage{amsmath}\n"
                       "\\allowdisplaybreaks\n\\begin{document}\n");
    for (size_t k = 0; k < count; k++) {
        add_section(&tex, &list[k]);
    }
    text_add(&tex.out, "\\end{document}\n");
    return tex.out.data;
}
