/* derivation.c: derivatives as lines of text, in the model's notation:
 *     d loss / d w = 2 * x * (x * w - y)
 * Reads a gradient that was made for display; ir_formula names the parts of long ones. */
#include "emit/emit_private.h"

#include <string.h>

bool is_written_inline(const Ir *ir, const Node *node) {
    switch (node->op) {
    case OP_CONST:
    case OP_SIZE:
    case OP_INDEX:
    case OP_LEAF:
    case OP_CONVERT:
        return true;
    case OP_READ:
        return ir_node(ir, node->args[0])->op == OP_LEAF;
    case OP_CALL:
    case OP_SELECT:
    case OP_GUARD:
    case OP_ARRAY:
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
    case OP_DEPOSIT:
    case OP_STATE:
    case OP_SCAN:
    case OP_PICK:
    case OP_LIB:
    case OP_VAR:
    case OP_EXTERN:
    case OP_DERIV:
    case OP_COUNT:
        return false;
    }
    return false;
}

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

/* The axes first … end-1 of an output, as the formula calls them: [i, j]. */
static void add_axes(Text *out, const Ir *ir, const Output *output, unsigned first, unsigned end) {
    static const char *const spare[RANK_LIMIT] = {"i", "j", "k", "l", "m", "n", "p", "q"};
    for (unsigned k = first; k < end; k++) {
        Ref node = index_node(ir, output->axes[k]);
        text_add(out, k == first ? "[" : ", ");
        text_add(out, node != REF_NONE ? ir_formula(ir, node) : spare[k]);
    }
    text_add(out, end > first ? "]" : "");
}

/* "f", or of the second of several values "f.1". */
static const char *value_of(Arena *arena, const char *function, const char *name,
                            const char *after) {
    size_t skip = strlen(after);
    const char *number = strncmp(name, after, skip) == 0 ? name + skip : "";
    size_t length = strspn(number, "0123456789");
    return length > 0 ? arena_format(arena, "%s.%.*s", function, (int)length, number) : function;
}

/* The leaf that the rows of a block of a Hessian belong to: hessian.<rows>.<columns>. */
static const char *row_name(Arena *arena, const Ir *ir, const Output *output) {
    size_t skip = strlen("hessian.");
    size_t length = strlen(output->name) - skip - strlen(ir->leaves[output->leaf].name) - 1;
    return arena_copy(arena, output->name + skip, length);
}

/* A block below the diagonal holds the same values as its mirror image, which is the one before. */
static bool is_mirror(Arena *arena, const Ir *ir, size_t k) {
    const Output *output = &ir->outputs[k];
    const char *image = arena_format(arena, "hessian.%s.%s", ir->leaves[output->leaf].name,
                                     row_name(arena, ir, output));
    return k > 0 && strcmp(ir->outputs[k - 1].name, image) == 0 && strcmp(output->name, image) != 0;
}

bool derivative_title(Arena *arena, const char *function, const Ir *ir, size_t k,
                      DerivativeTitle *title) {
    const Output *output = &ir->outputs[k];
    *title = (DerivativeTitle){.value = function};
    switch (output->role) {
    case OUT_VALUE:
        title->kind = TITLE_VALUE;
        return true;
    case OUT_ARRAY:
        title->kind = TITLE_VALUE;
        title->value = value_of(arena, function, output->name, "value");
        title->rows = output->rank;
        return true;
    case OUT_GRADIENT:
        title->kind = strncmp(output->name, "hv.", 3) == 0 ? TITLE_PRODUCT : TITLE_FIRST;
        title->column = ir->leaves[output->leaf].name;
        return true;
    case OUT_DERIVATIVE:
        title->kind = TITLE_DIRECTIONAL;
        title->value = value_of(arena, function, output->name, "derivative");
        title->rows = output->rank;
        return true;
    case OUT_MATRIX:
        title->column = ir->leaves[output->leaf].name;
        title->rows = output->row_axes;
        if (strncmp(output->name, "hessian.", 8) == 0) {
            title->kind = TITLE_SECOND;
            title->row = row_name(arena, ir, output);
            return !is_mirror(arena, ir, k);
        }
        title->kind = TITLE_FIRST;
        title->value = value_of(arena, function, output->name + strlen("jacobian."), "value");
        return true;
    }
    return false;
}

static void add_left_side(Text *out, const DerivativeTitle *title, const Ir *ir,
                          const Output *output) {
    switch (title->kind) {
    case TITLE_VALUE:
        break;
    case TITLE_FIRST:
        text_format(out, "d %s", title->value);
        add_axes(out, ir, output, 0, title->rows);
        text_format(out, " / d %s", title->column);
        add_axes(out, ir, output, title->rows, output->rank);
        break;
    case TITLE_DIRECTIONAL:
        text_format(out, "d %s", title->value);
        add_axes(out, ir, output, 0, title->rows);
        break;
    case TITLE_SECOND:
        text_format(out, "d2 %s / d %s", title->value, title->row);
        add_axes(out, ir, output, 0, title->rows);
        text_format(out, " d %s", title->column);
        add_axes(out, ir, output, title->rows, output->rank);
        break;
    case TITLE_PRODUCT:
        text_format(out, "(d2 %s * v) for %s", title->value, title->column);
        add_axes(out, ir, output, 0, output->rank);
        break;
    }
}

/* ---- the model's own names ------------------------------------------------------------------- */

/* What derivatives are made of, told once, behind them. */
typedef struct {
    const char **lines;
    size_t count, capacity;
    Arena *arena;
} Known;

static bool is_numbered(const char *definition) {
    return definition[0] == 't' && definition[1] >= '0' && definition[1] <= '9';
}

static void add_known(Known *known, const char *line) {
    for (size_t k = 0; k < known->count; k++) {
        if (strcmp(known->lines[k], line) == 0) {
            return;
        }
    }
    known->lines = arena_grow(known->arena, known->lines, known->count, &known->capacity,
                              sizeof *known->lines);
    known->lines[known->count++] = line;
}

static void add_where(Text *out, const char *const *lines, size_t count) {
    for (size_t k = 0; k < count; k++) {
        text_format(out, "  %s %s\n", k == 0 ? "where" : "  and", lines[k]);
    }
}

/* The formula of an output; parts that are numbered belong to it alone and are told at once. */
static void add_formula(Text *out, Known *known, const Ir *ir, Ref v) {
    const char *const *definitions;
    size_t count;
    bool numbered = false;
    text_format(out, " = %s\n", ir_formula_named(ir, v, &definitions, &count));
    for (size_t k = 0; k < count; k++) {
        numbered = numbered || is_numbered(definitions[k]);
    }
    if (numbered) {
        add_where(out, definitions, count);
        return;
    }
    for (size_t k = 0; k < count; k++) {
        add_known(known, definitions[k]);
    }
}

const char *emit_derivation(Arena *arena, const char *function, const Ir *derived) {
    Text out;
    Known known = {.arena = arena};
    text_init(&out, arena);
    for (size_t k = 0; k < derived->output_count; k++) {
        const Output *output = &derived->outputs[k];
        DerivativeTitle title;
        if (derivative_title(arena, function, derived, k, &title) && title.kind != TITLE_VALUE) {
            add_left_side(&out, &title, derived, output);
            add_formula(&out, &known, derived, output->value);
        }
    }
    add_where(&out, known.lines, known.count);
    return out.data;
}
