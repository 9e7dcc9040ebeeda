/* html.c: the derivation as one page that needs nothing else: the model; for each function the
 * values in the order in which they are computed, the reverse sweep with the rule of each step,
 * and the derivatives. Valid as XML, too. */
#include "emit/emit_private.h"

#include <string.h>

static const char style[] =
    "body{max-width:60rem;margin:2rem auto;padding:0 1rem;line-height:1.5;color:#222;"
    "font-family:Charter,Georgia,serif}"
    "h1,h2,h3{font-weight:600;line-height:1.2}h2{margin-top:3rem;border-bottom:1px solid #ccc}"
    "pre,code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.9em}"
    "pre{background:#f6f6f4;padding:1rem;overflow-x:auto}pre span{color:#999;user-select:none}"
    "table{border-collapse:collapse;width:100%}"
    "td,th{padding:.35rem .7rem;text-align:left;vertical-align:middle;border-top:1px solid #eee}"
    "th{font-weight:600;color:#666}td.rule{color:#666;font-size:.9em}td.adjoint{color:#a02020}"
    "div.formulas{overflow-x:auto;padding:.2rem 0}math{font-size:1.1em}mtable math{font-size:1em}"
    "@media(prefers-color-scheme:dark){body{background:#1c1c1c;color:#ddd}pre{background:#262626}"
    "td,th{border-color:#333}td.adjoint{color:#f09090}}";

/* What a step passes on to what it was computed from; for calls it is the chain rule. */
static const char *const op_rules[OP_COUNT] = {
    [OP_LEAF] = "a variable: its adjoint is the derivative",
    [OP_CONVERT] = "a whole number: nothing goes on",
    [OP_SELECT] = "the branch that was taken gets the adjoint, the other nothing",
    [OP_GUARD] = "where the condition holds, the value gets the adjoint",
    [OP_READ] = "the entry that was read gets the adjoint; readers add up",
    [OP_ARRAY] = "each entry gets the adjoint of its place",
    [OP_SUM] = "every term gets the adjoint of the sum",
    [OP_MAX] = "the largest gets the adjoint; equal ones share it",
    [OP_LSE] = "every term gets the adjoint times its share of the sum of exponentials",
    [OP_DEPOSIT] = "each term gets the adjoint of the place where it was put",
    [OP_VAR] = "passed on as it is",
    [OP_STATE] = "one step of the loop backwards",
    [OP_SCAN] = "the loop runs backwards",
    [OP_PICK] = "the loop runs backwards",
    [OP_LIB] = "the rule of the matrix operation",
};

static void begin_math(Text *out) {
    text_add(out, "<math display=\"inline\"><mrow>");
}

static void end_math(Text *out) {
    text_add(out, "</mrow></math>");
}

/* ---- the model ------------------------------------------------------------------------------ */

static void add_source(Text *out, const char *source) {
    unsigned line = 1;
    text_add(out, "<h2>The model</h2>\n<pre>");
    while (*source) {
        size_t length = strcspn(source, "\n");
        text_format(out, "<span>%3u  </span>", line++);
        html_text(out, arena_copy(out->arena, source, length));
        text_add(out, "\n");
        source += length;
        source += *source == '\n';
    }
    text_add(out, "</pre>\n");
}

/* ---- steps ---------------------------------------------------------------------------------- */

static void add_barred(Text *out, Arena *arena, const char *name, bool barred) {
    text_add(out, barred ? "<mover><mrow>" : "<mrow>");
    mathml_name(out, arena, name);
    text_add(out, barred ? "</mrow><mo>¯</mo></mover>" : "</mrow>");
}

/* As the model calls it, or v₃, with the indices that it depends on; the adjoint has a bar. */
static const char *step_name(Math *m, Ref v, const char *letter, unsigned number, bool adjoint) {
    const Ir *ir = m->ir;
    Arena *arena = m->arena;
    Text text;
    text_init(&text, arena);
    const Node *node = ir_node(ir, v);
    if (adjoint && node->op == OP_LEAF) {
        add_barred(&text, arena, ir->leaves[node->as.leaf].name, true);
        return text.data;
    }
    if (ir_has_own_name(ir, v)) {
        const Math to = {.out = &text, .arena = arena, .ir = ir};
        text_add(&text, node->free != 0 ? "<msub>" : "");
        add_barred(&text, arena, node->name, adjoint);
        if (node->free != 0) {
            text_add(&text, "<mrow>");
            mathml_axes(&to, node->name_axes, (unsigned)__builtin_popcountll(node->free));
            text_add(&text, "</mrow></msub>");
        }
        return text.data;
    }
    text_add(&text, "<msub>");
    add_barred(&text, arena, letter, adjoint);
    text_format(&text, "<mrow><mn>%u</mn>", number);
    for (IndexSet set = ir_free(ir, v); set != 0; set &= set - 1) {
        text_add(&text, "<mo>,</mo><mi>");
        html_text(&text, ir_index_name(ir, (Index)__builtin_ctzll(set)));
        text_add(&text, "</mi>");
    }
    text_add(&text, "</mrow></msub>");
    return text.data;
}

static void add_rule(Text *out, const Ir *ir, Ref v) {
    static const char letters[] = "abc";
    const Node *node = ir_node(ir, v);
    if (node->op != OP_CALL) {
        text_add(out, op_rules[node->op] != NULL ? op_rules[node->op] : "");
        return;
    }
    const Builtin *builtin = &builtins[node->as.builtin];
    text_format(out, "chain rule of %s: ", builtin->name);
    for (int k = 0; k < builtin->arity; k++) {
        if (builtin->d[k] != NULL) {
            text_format(out, "%s∂/∂%c = <code>", k > 0 ? ", " : "", letters[k]);
            html_text(out, builtin->d[k]);
            text_add(out, "</code>");
        }
    }
}

/* Values in the order in which they are computed; names them. */
static void add_forward(Text *out, Math *m, unsigned *numbers) {
    Ref *roots = arena_array(m->arena, Ref, m->ir->output_count + 1);
    size_t count = 0;
    unsigned number = 0;
    for (size_t k = 0; k < m->ir->output_count; k++) {
        if (m->ir->outputs[k].role == OUT_VALUE) {
            roots[count++] = m->ir->outputs[k].value;
        }
    }
    const bool *needed = ir_reach(m->ir, roots, count);
    text_add(out, "<h3>The values, in the order in which they are computed</h3>\n<table>\n");
    for (Ref v = 1; v < ir_count(m->ir); v++) {
        const Node *node = ir_node(m->ir, v);
        if (!needed[v] || is_written_inline(m->ir, node)) {
            continue;
        }
        numbers[v] = ++number;
        const char *name = step_name(m, v, "v", number, false);
        text_add(out, "<tr><td>");
        begin_math(out);
        text_format(out, "%s<mo>=</mo>", name);
        mathml_body(m, v);
        end_math(out);
        text_add(out, "</td></tr>\n");
        m->names[v] = name;
    }
    text_add(out, "</table>\n");
}

static void add_backward(Text *out, Math *m, const Trace *trace, const unsigned *numbers) {
    text_add(out, "<h3>The reverse sweep: the derivative of the result by each value</h3>\n"
                  "<table>\n<tr><th>adjoint</th><th>what it passes on</th></tr>\n");
    for (size_t k = 0; k < trace->count; k++) {
        const TraceStep *step = &trace->steps[k];
        const Node *node = ir_node(m->ir, step->value);
        if (numbers[step->value] == 0 && node->op != OP_LEAF) {
            continue;
        }
        const char *name = step_name(m, step->value, "v", numbers[step->value], true);
        text_add(out, "<tr><td class=\"adjoint\">");
        begin_math(out);
        text_format(out, "%s<mo>=</mo>", name);
        mathml_value(m, step->adjoint);
        end_math(out);
        text_add(out, "</td><td class=\"rule\">");
        add_rule(out, m->ir, step->value);
        text_add(out, "</td></tr>\n");
        if (!is_written_inline(m->ir, ir_node(m->ir, step->adjoint)) &&
            m->names[step->adjoint] == NULL) {
            m->names[step->adjoint] = name;
        }
    }
    text_add(out, "</table>\n");
}

/* Long chains between adjoints are steps of their own. */
static void name_deep(Math *m) {
    enum { DEPTH = 10 };
    const Ref count = ir_count(m->ir);
    unsigned *depth = arena_array(m->arena, unsigned, count);
    unsigned number = 0;
    for (Ref v = 1; v < count; v++) {
        const Node *node = ir_node(m->ir, v);
        for (uint32_t k = 0; k < node->arg_count; k++) {
            unsigned below = depth[node->args[k]] + 1;
            depth[v] = below > depth[v] ? below : depth[v];
        }
        if (m->names[v] != NULL) {
            depth[v] = 0;
        } else if (depth[v] > DEPTH) {
            Text text;
            text_init(&text, m->arena);
            text_format(&text, "<msub><mi>u</mi><mn>%u</mn></msub>", ++number);
            m->deep[v] = text.data;
            depth[v] = 0;
        }
    }
}

static void add_deep(Text *out, Math *m) {
    bool any = false;
    for (Ref v = 1; v < ir_count(m->ir); v++) {
        if (m->deep[v] == NULL) {
            continue;
        }
        text_add(out, any ? "" : "<table>\n");
        any = true;
        text_add(out, "<tr><td>");
        begin_math(out);
        text_format(out, "%s<mo>=</mo>", m->deep[v]);
        m->names[v] = NULL;
        mathml_body(m, v);
        m->names[v] = m->deep[v];
        end_math(out);
        text_add(out, "</td></tr>\n");
    }
    text_add(out, any ? "</table>\n" : "");
}

static Math new_math(Text *out, const Ir *ir) {
    return (Math){.out = out,
                  .arena = out->arena,
                  .ir = ir,
                  .names = arena_array(out->arena, const char *, ir_count(ir) + 1),
                  .deep = arena_array(out->arena, const char *, ir_count(ir) + 1)};
}

static void add_steps(Text *out, const Derived *derived) {
    Math m = new_math(out, derived->plain);
    unsigned *numbers = arena_array(out->arena, unsigned, ir_count(derived->plain) + 1);
    add_forward(out, &m, numbers);
    name_deep(&m);
    for (Ref v = 1; v < ir_count(m.ir); v++) {
        m.names[v] = m.deep[v] != NULL ? m.deep[v] : m.names[v];
    }
    add_backward(out, &m, derived->trace, numbers);
    add_deep(out, &m);
}

/* ---- results -------------------------------------------------------------------------------- */

/* A name, with the axes first … end-1 of an output below it. */
static void add_indexed(const Math *m, const char *name, const Output *output, unsigned first,
                        unsigned end) {
    text_add(m->out, end > first ? "<msub><mrow>" : "");
    mathml_name(m->out, m->arena, name);
    if (end > first) {
        text_add(m->out, "</mrow><mrow>");
        mathml_axes(m, output->axes + first, end - first);
        text_add(m->out, "</mrow></msub>");
    }
}

static void add_title(const Math *m, const DerivativeTitle *title, const Output *output) {
    static const char *const heads[] = {
        [TITLE_VALUE] = "<mrow>",
        [TITLE_FIRST] = "<mfrac><mrow><mo>∂</mo>",
        [TITLE_DIRECTIONAL] = "<mrow><mo>d</mo>",
        [TITLE_SECOND] = "<mfrac><mrow><msup><mo>∂</mo><mn>2</mn></msup>",
        [TITLE_PRODUCT] = "<mrow><msup><mo>∇</mo><mn>2</mn></msup>",
    };
    Text *out = m->out;
    const bool fraction = title->kind == TITLE_FIRST || title->kind == TITLE_SECOND;
    text_add(out, heads[title->kind]);
    add_indexed(m, title->value, output, 0, title->row == NULL ? title->rows : 0);
    text_add(out, title->kind == TITLE_PRODUCT ? "<mi>v</mi><mo>,</mo>" : "");
    text_add(out, fraction ? "</mrow><mrow>" : "");
    if (title->row != NULL) {
        text_add(out, "<mo>∂</mo>");
        add_indexed(m, title->row, output, 0, title->rows);
    }
    if (title->column != NULL) {
        text_add(out, fraction ? "<mo>∂</mo>" : "");
        add_indexed(m, title->column, output, title->rows, output->rank);
    }
    text_add(out, fraction ? "</mrow></mfrac>" : "</mrow>");
}

static void add_results(Text *out, const Derived *derived) {
    const Ir *ir = derived->ir;
    Math m = new_math(out, ir);
    uint32_t count;
    const uint32_t *numbers = formula_names(out->arena, ir, ir_reach_outputs(ir), &count);
    for (Ref v = 1; v < ir_count(ir); v++) {
        if (numbers[v] != 0) {
            m.names[v] = step_name(&m, v, "t", numbers[v], false);
        }
    }
    text_add(out, "<h3>The result</h3>\n");
    for (size_t k = 0; k < ir->output_count; k++) {
        DerivativeTitle title;
        if (derivative_title(out->arena, derived->function, ir, k, &title)) {
            text_add(out, "<div class=\"formulas\">");
            begin_math(out);
            add_title(&m, &title, &ir->outputs[k]);
            text_add(out, "<mo>=</mo>");
            mathml_value(&m, ir->outputs[k].value);
            end_math(out);
            text_add(out, "</div>\n");
        }
    }
    text_add(out, count > 0 ? "<p>where</p>\n" : "");
    for (Ref v = 1; v < ir_count(ir); v++) {
        if (numbers[v] != 0) {
            text_add(out, "<div class=\"formulas\">");
            begin_math(out);
            text_format(out, "%s<mo>=</mo>", m.names[v]);
            mathml_body(&m, v);
            end_math(out);
            text_add(out, "</div>\n");
        }
    }
}

static void add_functions(Text *out, const Derived *list, size_t count) {
    for (size_t k = 0; k < count; k++) {
        text_add(out, "<h2>");
        html_text(out, list[k].function);
        text_add(out, "</h2>\n");
        if (list[k].trace != NULL) {
            add_steps(out, &list[k]);
        }
        add_results(out, &list[k]);
    }
}

const char *emit_html_part(Arena *arena, const Derived *list, size_t count) {
    Text out;
    text_init(&out, arena);
    add_functions(&out, list, count);
    return out.data;
}

const char *emit_html(Arena *arena, const char *title, const char *source, const Derived *list,
                      size_t count) {
    Text out;
    text_init(&out, arena);
    text_add(&out, "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n"
                   "<head>\n<meta charset=\"utf-8\" />\n<title>");
    html_text(&out, title);
    text_format(&out, "</title>\n<style>%s</style>\n</head>\n<body>\n<h1>", style);
    html_text(&out, title);
    text_add(&out, "</h1>\n");
    add_source(&out, source);
    add_functions(&out, list, count);
    text_add(&out, "</body>\n</html>\n");
    return out.data;
}
