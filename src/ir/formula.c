/* formula.c: a value as a formula of the model language, with the fewest parentheses; factors are
 * ordered so that derivations read well. No recursion over values: texts are made bottom-up from a
 * stack, where sums and products are flat lists. */
#include "ir/tables.h"

#include <math.h>
#include <string.h>

enum { LENGTH_LIMIT = 2000, SHORT = 12, CALLED = 1u << 30 };

/* How tightly the outermost operator of a text binds. */
enum { IF, OR, AND, NOT, COMPARISON, SUM, PRODUCT, MINUS, POWER, ATOM };

typedef struct {
    Ref v;
    bool negative; /* terms of sums */
} Part;

typedef struct {
    Part *items;
    size_t count, capacity;
} Parts;

typedef struct IrFormulas {
    const Ir *ir;
    const char **texts; /* by id; NULL: not made yet */
    uint8_t *levels;    /* by id: how tightly the text binds */
    unsigned *names;    /* by id: k if it is called tk, else 0; CALLED: as the model calls it */
    const char *index_names[INDEX_LIMIT];
    bool people; /* conditions that only save infinities from NaN are left out */
} Formula;

/* ---- names of indices ------------------------------------------------------------------------ */

static bool is_taken(const Ir *ir, const char *name) {
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
    for (Ref v = 1; v < ir_count(ir); v++) {
        const char *called = ir_node(ir, v)->name;
        if (called && strcmp(called, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_sample(const Ir *ir, unsigned i) {
    return ir->sample_dim != DIM_NONE && ir_index_dim(ir, (Index)i) == ir->sample_dim;
}

static void name_indices(const Ir *ir, const char **names) {
    static const char *const letters[] = {"i", "j", "k", "l", "p", "q", "r", "s", "u", "v"};
    static const char *const sample_letters[] = {"n", "n1", "n2"};
    enum { LETTERS = sizeof letters / sizeof *letters };
    unsigned others = 0, letter = 0, sample = 0;
    for (unsigned i = 0; i < ir->tables->index_count; i++) {
        others += !is_sample(ir, i);
    }
    letter = others == 1 ? 1 : 0; /* an only index is j */
    for (unsigned i = 0; i < ir->tables->index_count; i++) {
        const char *name;
        do {
            if (is_sample(ir, i)) {
                name = sample < 3 ? sample_letters[sample] : arena_format(ir->arena, "n%u", sample);
                sample++;
            } else {
                name = letter < LETTERS ? letters[letter]
                                        : arena_format(ir->arena, "i%u", letter - LETTERS + 1);
                letter++;
            }
        } while (is_taken(ir, name));
        names[i] = name;
    }
}

const char *ir_index_name(const Ir *ir, Index i) {
    const char *names[INDEX_LIMIT];
    name_indices(ir, names);
    return names[i];
}

/* ---- parts of a value ------------------------------------------------------------------------ */

static void add_part(Formula *f, Parts *parts, Ref v, bool negative) {
    parts->items =
        arena_grow(f->ir->arena, parts->items, parts->count, &parts->capacity, sizeof(Part));
    parts->items[parts->count++] = (Part){v, negative};
}

static bool is_call(const Formula *f, Ref v, BuiltinId function) {
    const Node *node = ir_node(f->ir, v);
    return node->op == OP_CALL && node->as.builtin == function && f->names[v] == 0;
}

static bool is_sum(const Formula *f, Ref v) {
    return is_call(f, v, BI_add) || is_call(f, v, BI_sub) || is_call(f, v, BI_neg);
}

/* The operands of v that its text is made of: the terms of a sum, the factors of a product, else
 * its arguments. `root` may have a name of its own. */
static Parts parts_of(Formula *f, Ref v) {
    Parts parts = {NULL, 0, 0}, stack = {NULL, 0, 0};
    unsigned name = f->names[v];
    f->names[v] = 0; /* to look inside */
    bool sum = is_sum(f, v), product = is_call(f, v, BI_mul);
    if (!sum && !product) {
        const Node *node = ir_node(f->ir, v);
        for (uint32_t k = 0; k < node->arg_count; k++) {
            add_part(f, &parts, node->args[k], false);
        }
        f->names[v] = name;
        return parts;
    }
    add_part(f, &stack, v, false);
    while (stack.count > 0) {
        Part part = stack.items[--stack.count];
        const Node *node = ir_node(f->ir, part.v);
        if (sum ? !is_sum(f, part.v) : !is_call(f, part.v, BI_mul)) {
            add_part(f, &parts, part.v, part.negative);
            continue;
        }
        for (uint32_t k = node->arg_count; k-- > 0;) {
            bool flips = node->as.builtin == BI_neg || (node->as.builtin == BI_sub && k == 1);
            add_part(f, &stack, node->args[k], part.negative != (sum && flips));
        }
    }
    f->names[v] = name;
    return parts;
}

/* Constants, sizes, scalars of the data, scalar params, params and data with indices, functions,
 * sums. */
static int factor_rank(const Formula *f, Ref v) {
    const Node *node = ir_node(f->ir, v);
    while (node->op == OP_CONVERT || (node->op == OP_CALL && node->as.builtin == BI_square)) {
        node = ir_node(f->ir, node->args[0]);
    }
    if (node->op == OP_CONST) {
        return 0;
    }
    if (node->op == OP_SIZE || node->op == OP_INDEX) {
        return 1;
    }
    const Node *array = node->op == OP_READ ? ir_node(f->ir, node->args[0]) : node;
    if (array->op == OP_LEAF) {
        bool param = f->ir->leaves[array->as.leaf].role == LEAF_PARAM;
        return node->op == OP_LEAF ? 2 + param : 5 - param;
    }
    return f->names[v] != 0 ? 6 : f->levels[v] > SUM ? 7 : 8;
}

/* By rank, otherwise as they are. */
static void sort_factors(const Formula *f, Parts *parts) {
    for (size_t k = 1; k < parts->count && parts->count < 100; k++) {
        for (size_t j = k;
             j > 0 && factor_rank(f, parts->items[j - 1].v) > factor_rank(f, parts->items[j].v);
             j--) {
            Part swap = parts->items[j];
            parts->items[j] = parts->items[j - 1];
            parts->items[j - 1] = swap;
        }
    }
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* The text of an operand, in parentheses if it binds less tightly than `level`; a minus sign may
 * only begin a formula. */
static void add_operand(const Formula *f, Text *text, Ref v, int level, bool first) {
    const char *operand = f->texts[v];
    bool parentheses = f->levels[v] < level || (!first && operand[0] == '-');
    text_add(text, parentheses ? "(" : "");
    text_add(text, operand);
    text_add(text, parentheses ? ")" : "");
}

static const char *reference(const Formula *f, Ref v) {
    Text text;
    text_init(&text, f->ir->arena);
    if (f->names[v] == CALLED) {
        const Node *node = ir_node(f->ir, v);
        unsigned rank = (unsigned)__builtin_popcountll(node->free);
        text_add(&text, node->name);
        for (unsigned k = 0; k < rank; k++) {
            text_format(&text, "%s%s", k > 0 ? ", " : "[", f->index_names[node->name_axes[k]]);
        }
        text_add(&text, rank > 0 ? "]" : "");
        return text.data;
    }
    text_format(&text, "t%u", f->names[v]);
    const char *separator = "[";
    for (IndexSet set = ir_free(f->ir, v); set != 0; set &= set - 1, separator = ", ") {
        text_format(&text, "%s%s", separator, f->index_names[index_first(set)]);
    }
    text_add(&text, ir_free(f->ir, v) != 0 ? "]" : "");
    return text.data;
}

static bool is_negated(const Formula *f, Ref v) {
    return is_call(f, v, BI_neg) && !is_sum(f, ir_node(f->ir, v)->args[0]);
}

/* The number v is -min(e for i): a maximum of what is negated, for people. */
static bool is_least(const Formula *f, Ref v) {
    const Node *node = ir_node(f->ir, v);
    return f->people && node->op == OP_MAX && f->names[v] == 0 && is_negated(f, node->args[0]);
}

static int write_sum(const Formula *f, Text *text, Parts *parts) {
    size_t first = 0;
    while (first < parts->count && parts->items[first].negative) {
        first++;
    }
    first = first == parts->count ? 0 : first;
    for (size_t n = 0; n < parts->count; n++) {
        size_t k = n == 0 ? first : n <= first ? n - 1 : n;
        Part part = parts->items[k];
        bool negative = part.negative;
        const char *term = f->texts[part.v];
        bool least = is_least(f, part.v);
        bool constant = (least || ir_node(f->ir, part.v)->op == OP_CONST) && term[0] == '-';
        if (n == 0 && least && negative) {
            text_add(text, term + 1);
            continue;
        }
        if (n > 0 && constant) { /* + -2 is - 2 */
            text_format(text, negative ? " + %s" : " - %s", term + 1);
            continue;
        }
        text_add(text, n > 0 ? (negative ? " - " : " + ") : negative ? "-" : "");
        add_operand(f, text, part.v, negative ? PRODUCT : SUM, n == 0 && !negative);
    }
    if (parts->count > 1) {
        return SUM;
    }
    return f->levels[parts->items[0].v] >= MINUS ? MINUS : PRODUCT;
}

static int write_product(const Formula *f, Text *text, Parts *parts) {
    sort_factors(f, parts);
    for (size_t k = 0; k < parts->count; k++) {
        text_add(text, k > 0 ? " * " : "");
        add_operand(f, text, parts->items[k].v, k > 0 ? MINUS : PRODUCT, k == 0);
    }
    return PRODUCT;
}

static int write_infix(const Formula *f, Text *text, const Node *node, int level, int right) {
    add_operand(f, text, node->args[0], level, true);
    text_format(text, " %s ", builtins[node->as.builtin].infix);
    add_operand(f, text, node->args[1], right, false);
    return level;
}

static int write_function(const Formula *f, Text *text, const char *name, const Node *node) {
    text_format(text, "%s(", name);
    for (uint32_t k = 0; k < node->arg_count; k++) {
        text_add(text, k > 0 ? ", " : "");
        text_add(text, f->texts[node->args[k]]);
    }
    text_add(text, ")");
    return ATOM;
}

/* -inf < x. */
static bool saves_infinity(const Formula *f, Ref v) {
    const Node *node = ir_node(f->ir, v);
    if (!f->people || node->op != OP_CALL || node->as.builtin != BI_lt) {
        return false;
    }
    const Node *least = ir_node(f->ir, node->args[0]);
    return least->op == OP_CONST && least->kind == KIND_REAL && least->as.real == -INFINITY;
}

/* `not a <= b` is written a > b: people do not think of NaN. */
static bool write_not(const Formula *f, Text *text, Ref v) {
    const Node *node = ir_node(f->ir, v);
    bool order = node->op == OP_CALL && (node->as.builtin == BI_lt || node->as.builtin == BI_le);
    if (!f->people || !order || f->names[v] != 0) {
        return false;
    }
    add_operand(f, text, node->args[0], SUM, true);
    text_add(text, node->as.builtin == BI_lt ? " >= " : " > ");
    add_operand(f, text, node->args[1], SUM, false);
    return true;
}

static int write_and(const Formula *f, Text *text, const Node *node) {
    for (unsigned k = 0; k < 2; k++) {
        if (saves_infinity(f, node->args[k])) {
            text_add(text, f->texts[node->args[1 - k]]);
            return f->levels[node->args[1 - k]];
        }
    }
    return write_infix(f, text, node, AND, NOT);
}

/* -e == max(-e for i) is written e == min(e for i). */
static bool write_least(const Formula *f, Text *text, const Node *node) {
    for (unsigned k = 0; k < 2; k++) {
        const Ref most = node->args[k], other = node->args[1 - k];
        if (is_least(f, most) && is_negated(f, other)) {
            add_operand(f, text, ir_node(f->ir, other)->args[0], SUM, true);
            text_format(text, " == %s", f->texts[most] + 1);
            return true;
        }
    }
    return false;
}

static int write_call(const Formula *f, Text *text, const Node *node) {
    switch ((int)node->as.builtin) {
    case BI_div:
        return write_infix(f, text, node, PRODUCT, MINUS);
    case BI_floordiv:
    case BI_mod:
        return write_infix(f, text, node, PRODUCT, MINUS);
    case BI_eq:
        if (write_least(f, text, node)) {
            return COMPARISON;
        }
        write_infix(f, text, node, SUM, SUM);
        return COMPARISON;
    case BI_ne:
    case BI_lt:
    case BI_le:
        write_infix(f, text, node, SUM, SUM);
        return COMPARISON;
    case BI_and:
        return write_and(f, text, node);
    case BI_or:
        return write_infix(f, text, node, OR, AND);
    case BI_not:
        if (write_not(f, text, node->args[0])) {
            return COMPARISON;
        }
        text_add(text, "not ");
        add_operand(f, text, node->args[0], NOT, true);
        return NOT;
    case BI_square:
        add_operand(f, text, node->args[0], ATOM, false);
        text_add(text, "^2");
        return POWER;
    case BI_pow:
        add_operand(f, text, node->args[0], ATOM, false);
        text_add(text, "^");
        add_operand(f, text, node->args[1], ATOM, false);
        return POWER;
    case BI_maximum:
        return write_function(f, text, "max", node);
    case BI_minimum:
        return write_function(f, text, "min", node);
    case BI_norm_root:
        return write_function(f, text, "sqrt", node);
    }
    return write_function(f, text, builtins[node->as.builtin].name, node);
}

static void add_range(const Formula *f, Text *text, Index i, const char *separator) {
    text_format(text, "%s%s in %s", separator, f->index_names[i],
                dim_text(f->ir, ir_index_dim(f->ir, i)));
}

/* sum(a for i in D, j in K): the inner sum's text begins the same way and is opened. */
static int write_reduction(const Formula *f, Text *text, const char *name, const Node *node) {
    const char *body = f->texts[node->args[0]];
    const Node *inner = ir_node(f->ir, node->args[0]);
    if (inner->op == node->op && node->op != OP_ARGMAX && f->names[node->args[0]] == 0) {
        const char *ranges = strstr(body, " for ");
        for (const char *next = ranges; next != NULL; next = strstr(next + 1, " for ")) {
            ranges = next;
        }
        text_add_bytes(text, body, (size_t)(ranges - body));
        add_range(f, text, node->as.index, " for ");
        text_format(text, ", %s", ranges + strlen(" for "));
        return ATOM;
    }
    text_format(text, "%s(%s", name, body);
    add_range(f, text, node->as.index, " for ");
    text_add(text, ")");
    return ATOM;
}

/* max(-e for i) is written -min(e for i). */
static int write_most(const Formula *f, Text *text, const Node *node) {
    if (!f->people || !is_negated(f, node->args[0])) {
        return write_reduction(f, text, "max", node);
    }
    text_format(text, "-min(%s", f->texts[ir_node(f->ir, node->args[0])->args[0]]);
    add_range(f, text, node->as.index, " for ");
    text_add(text, ")");
    return MINUS;
}

static void add_choice(const Formula *f, Text *text, const Node *node) {
    text_format(text, "(if %s then %s else %s)", f->texts[node->args[0]], f->texts[node->args[1]],
                node->op == OP_GUARD ? "0" : f->texts[node->args[2]]);
}

/* v[P] = Σ over I of a where P = p. */
static int write_deposit(const Formula *f, Text *text, const Node *node) {
    text_add(text, node->as.deposit.bound != 0 ? "sum(" : "");
    text_add(text, "(if ");
    for (uint32_t k = 0; k < node->as.deposit.count; k++) {
        text_format(text, "%s%s == ", k > 0 ? " and " : "",
                    f->index_names[node->as.deposit.targets[k]]);
        add_operand(f, text, node->args[1 + k], SUM, false);
    }
    text_format(text, " then %s else 0)", f->texts[node->args[0]]);
    const char *separator = " for ";
    for (IndexSet set = node->as.deposit.bound; set != 0; set &= set - 1, separator = ", ") {
        add_range(f, text, index_first(set), separator);
    }
    text_add(text, node->as.deposit.bound != 0 ? ")" : "");
    return ATOM;
}

/* Is the array, over these axes, what the model gave a name to? */
static bool is_called(const Formula *f, const Node *array) {
    const Node *entry = ir_node(f->ir, array->args[0]);
    return f->names[array->args[0]] == CALLED && array->as.indices.count > 0 &&
           entry->name_axes != NULL &&
           memcmp(array->as.indices.list, entry->name_axes,
                  array->as.indices.count * sizeof(Index)) == 0;
}

static int write_array(const Formula *f, Text *text, const Node *node) {
    if (is_called(f, node)) {
        text_add(text, ir_node(f->ir, node->args[0])->name);
        return ATOM;
    }
    text_format(text, "[%s", f->texts[node->args[0]]);
    for (uint32_t k = 0; k < node->as.indices.count; k++) {
        add_range(f, text, node->as.indices.list[k], k > 0 ? ", " : " for ");
    }
    text_add(text, "]");
    return ATOM;
}

static int write_read(const Formula *f, Text *text, const Node *node) {
    add_operand(f, text, node->args[0], ATOM, false);
    for (uint32_t k = 1; k < node->arg_count; k++) {
        text_format(text, "%s%s", k > 1 ? ", " : "[", f->texts[node->args[k]]);
    }
    text_add(text, "]");
    return ATOM;
}

static int write_constant(Text *text, const Node *node) {
    if (node->kind == KIND_REAL) {
        text_add_number(text, node->as.real, false);
        return signbit(node->as.real) ? MINUS : ATOM;
    }
    if (node->kind == KIND_BOOL) {
        text_add(text, node->as.integer ? "0 == 0" : "0 == 1");
        return COMPARISON;
    }
    text_format(text, "%lld", (long long)node->as.integer);
    return node->as.integer < 0 ? MINUS : ATOM;
}

static int write_size(const Formula *f, Text *text, Dim d) {
    Name name;
    int64_t value;
    text_add(text, dim_text(f->ir, d));
    return dim_is_symbol(f->ir, d, &name) || dim_is_const(f->ir, d, &value) ? ATOM : SUM;
}

const char *ir_carried_name(const Ir *ir, uint32_t tag, uint32_t k) {
    const Node *state = NULL;
    Ref at = REF_NONE;
    unsigned before = 0;
    for (Ref v = 1; v < ir_count(ir) && !state; v++) {
        const Node *node = ir_node(ir, v);
        at = v;
        state = node->op == OP_STATE && node->as.state.tag == tag && node->as.state.k == k ? node
                                                                                           : NULL;
    }
    if (!state || !state->name) {
        return arena_format(ir->arena, "state%u_%u", (unsigned)tag, (unsigned)k);
    }
    for (Ref v = 1; v < ir_count(ir); v++) {
        const Node *node = ir_node(ir, v);
        const Ref origin = node->op == OP_STATE ? node->as.state.origin : REF_NONE;
        if (node->op == OP_STATE && node->name && strcmp(node->name, state->name) == 0) {
            before +=
                origin < state->as.state.origin || (origin == state->as.state.origin && v < at);
        }
    }
    return before == 0 ? state->name : arena_format(ir->arena, "%s_%u", state->name, before + 1);
}

/* The operations as the language calls them. */
static int write_library(const Formula *f, Text *text, const Node *node) {
    const LibId id = node->as.lib.id;
    if (!f->people && (id == LIB_SOLVE_T || id == LIB_LOWER_SOLVE_T)) {
        text_add(text, id == LIB_SOLVE_T ? "solve(" : "solve_upper(");
        add_operand(f, text, node->args[0], ATOM, true);
        text_format(text, "', %s)", f->texts[node->args[1]]);
        return ATOM;
    }
    return write_function(f, text, lib_table[id].name, node);
}

static int write_node(const Formula *f, Text *text, const Node *node) {
    switch (node->op) {
    case OP_CONST:
        return write_constant(text, node);
    case OP_SIZE:
        return write_size(f, text, node->as.dim);
    case OP_INDEX:
        text_add(text, f->index_names[node->as.index]);
        return ATOM;
    case OP_LEAF:
        text_add(text, f->ir->leaves[node->as.leaf].name);
        return ATOM;
    case OP_CALL:
        return write_call(f, text, node);
    case OP_EXTERN:
        return write_function(f, text, ir_external_name(f->ir, node), node);
    case OP_CONVERT:
    case OP_VAR:
        text_add(text, f->texts[node->args[0]]);
        return f->levels[node->args[0]];
    case OP_SELECT:
    case OP_GUARD:
        if (node->op == OP_GUARD && saves_infinity(f, node->args[0])) {
            text_add(text, f->texts[node->args[1]]);
            return f->levels[node->args[1]];
        }
        add_choice(f, text, node);
        return ATOM;
    case OP_READ:
        return write_read(f, text, node);
    case OP_ARRAY:
        return write_array(f, text, node);
    case OP_SUM:
        return write_reduction(f, text, "sum", node);
    case OP_MAX:
        return write_most(f, text, node);
    case OP_ARGMAX:
        return write_reduction(f, text, "argmax", node);
    case OP_LSE:
        return write_reduction(f, text, "logsumexp", node);
    case OP_DEPOSIT:
        return write_deposit(f, text, node);
    case OP_STATE:
        text_format(text, "%s[%s]", ir_carried_name(f->ir, node->as.state.tag, node->as.state.k),
                    f->index_names[node->as.state.t]);
        return ATOM;
    case OP_SCAN:
        text_format(text, "scan%u", (unsigned)node->as.scan.tag);
        return ATOM;
    case OP_PICK:
        text_add(text,
                 ir_carried_name(f->ir, ir_node(f->ir, node->args[0])->as.scan.tag, node->as.pick));
        return ATOM;
    case OP_LIB:
        return write_library(f, text, node);
    case OP_DERIV:
        return write_function(f, text, "deriv", node);
    case OP_COUNT:
        break;
    }
    return ATOM;
}

static void make_text(Formula *f, Ref v, Parts *parts) {
    Text text;
    text_init(&text, f->ir->arena);
    unsigned name = f->names[v];
    f->names[v] = 0;
    bool sum = is_sum(f, v), product = is_call(f, v, BI_mul);
    f->names[v] = name;
    int level = sum       ? write_sum(f, &text, parts)
                : product ? write_product(f, &text, parts)
                          : write_node(f, &text, ir_node(f->ir, v));
    f->texts[v] = text.data;
    f->levels[v] = (uint8_t)level;
}

/* Makes the text of v and of all it is made of; stops at values that have a text. */
static void make_texts(Formula *f, Ref root) {
    Parts stack = {NULL, 0, 0};
    add_part(f, &stack, root, false);
    while (stack.count > 0) {
        Ref v = stack.items[stack.count - 1].v;
        size_t height = stack.count;
        if (f->texts[v] != NULL) {
            stack.count--;
            continue;
        }
        Parts parts = parts_of(f, v);
        bool leaf = ir_node(f->ir, v)->op == OP_SCAN; /* printed by its name only */
        for (size_t k = parts.count; k-- > 0 && !leaf;) {
            if (f->texts[parts.items[k].v] == NULL) {
                add_part(f, &stack, parts.items[k].v, false);
            }
        }
        if (stack.count == height) {
            make_text(f, v, &parts);
            stack.count--;
        }
    }
}

/* ---- long formulas --------------------------------------------------------------------------- */

/* Values that are not short stand by the names that the model gave them, each name once; `lengths`:
 * about that of the text. */
static void measure(Formula *f, Ref root, bool called, const bool *reached, double *lengths) {
    const Ir *ir = f->ir;
    for (Ref v = 1; v <= root; v++) {
        const Node *node = ir_node(ir, v);
        lengths[v] = node->op == OP_LEAF ? (double)strlen(ir->leaves[node->as.leaf].name) : 3;
        for (uint32_t k = 0; reached[v] && k < node->arg_count; k++) {
            bool cut = f->names[node->args[k]] == CALLED;
            lengths[v] += cut ? SHORT : lengths[node->args[k]];
        }
        bool first =
            called && reached[v] && node->name && node->op != OP_STATE && lengths[v] > SHORT;
        for (Ref u = 1; u < v && first; u++) {
            first = f->names[u] != CALLED || strcmp(ir_node(ir, u)->name, node->name) != 0;
        }
        f->names[v] = first ? CALLED : 0;
    }
}

/* Numbers the shared parts of a formula that would be too long; returns how many have a name. */
static unsigned name_shared_parts(Formula *f, Ref root, bool called) {
    const Ir *ir = f->ir;
    double *lengths = arena_array(ir->arena, double, (size_t)root + 1);
    uint32_t *uses = arena_array(ir->arena, uint32_t, (size_t)root + 1);
    const bool *reached = ir_reach(ir, &root, 1);
    unsigned count = 0, numbered = 0;
    double longest = 0;
    measure(f, root, called, reached, lengths);
    for (Ref v = 1; v <= root; v++) {
        const Node *node = ir_node(ir, v);
        for (uint32_t k = 0; reached[v] && k < node->arg_count; k++) {
            uses[node->args[k]]++;
        }
        if (reached[v] && (v == root || f->names[v] == CALLED)) {
            longest = longest > lengths[v] ? longest : lengths[v];
        }
        count += f->names[v] == CALLED;
    }
    if (longest <= LENGTH_LIMIT) {
        return count;
    }
    for (Ref v = 1; v < root; v++) {
        const Node *node = ir_node(ir, v);
        if (reached[v] && uses[v] > 1 && lengths[v] > SHORT && node->rank == 0 &&
            node->op != OP_SCAN && node->op != OP_STATE && f->names[v] == 0) {
            f->names[v] = ++numbered;
        }
    }
    return count + numbered;
}

static const char *parts(const Ir *ir, Ref v, bool called, const char *const **definitions,
                         size_t *count) {
    Formula f = {.ir = ir,
                 .texts = arena_array(ir->arena, const char *, ir_count(ir)),
                 .levels = arena_array(ir->arena, uint8_t, ir_count(ir)),
                 .names = arena_array(ir->arena, unsigned, ir_count(ir)),
                 .people = called};
    name_indices(ir, f.index_names);
    *count = name_shared_parts(&f, v, called);
    const char **list = arena_array(ir->arena, const char *, *count);
    *definitions = list;
    for (Ref u = 1; u <= v; u++) { /* operands first: each text stops at names already made */
        if (f.names[u] != 0) {
            make_texts(&f, u);
            const char *name = reference(&f, u);
            *list++ = arena_format(ir->arena, "%s = %s", name, f.texts[u]);
            f.texts[u] = name;
            f.levels[u] = ATOM;
        }
    }
    make_texts(&f, v);
    return f.texts[v];
}

const char *ir_formula_parts(const Ir *ir, Ref v, const char *const **definitions, size_t *count) {
    return parts(ir, v, false, definitions, count);
}

const char *ir_formula_named(const Ir *ir, Ref v, const char *const **definitions, size_t *count) {
    return parts(ir, v, true, definitions, count);
}

/* ---- formulas that share names --------------------------------------------------------------- */

IrFormulas *ir_formulas(const Ir *ir) {
    IrFormulas *f = arena_new(ir->arena, IrFormulas);
    *f = (IrFormulas){.ir = ir,
                      .texts = arena_array(ir->arena, const char *, ir_count(ir)),
                      .levels = arena_array(ir->arena, uint8_t, ir_count(ir)),
                      .names = arena_array(ir->arena, unsigned, ir_count(ir))};
    name_indices(ir, f->index_names);
    return f;
}

const char *ir_formulas_text(IrFormulas *f, Ref v) {
    make_texts(f, v);
    return f->texts[v];
}

void ir_formulas_name(IrFormulas *f, Ref v, const char *name) {
    f->names[v] = 1;
    f->texts[v] = name;
    f->levels[v] = ATOM;
}

void ir_formulas_forget(IrFormulas *f, Ref v) {
    f->names[v] = 0;
    f->texts[v] = NULL;
}

const char *ir_formula(const Ir *ir, Ref v) {
    const char *const *definitions;
    size_t count;
    Text text;
    text_init(&text, ir->arena);
    text_add(&text, ir_formula_parts(ir, v, &definitions, &count));
    for (size_t k = 0; k < count; k++) {
        text_format(&text, "\n  %s %s", k == 0 ? "where" : "  and", definitions[k]);
    }
    return text.data;
}
