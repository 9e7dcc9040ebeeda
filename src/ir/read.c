/* read.c: reads the text form of an Ir (see print.c). Nodes are made as they stand, without
 * rewriting, so that reading what was printed gives the same Ir; ir_verify says what is wrong with
 * them. */
#include "ir/tables.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Ir *ir;
    Diags *diags;
    uint32_t file;
    const char *text, *at; /* the whole file; where reading is */
    bool failed;
    Ref *refs; /* by the number in the text */
    size_t ref_count, ref_capacity;
} Reader;

static const char *const op_names[] = {
#define OP(id, name, meaning) [OP_##id] = name,
#include "ir/op.def"
#undef OP
};

/* ---- characters ------------------------------------------------------------------------------ */

static void report(Reader *r, const char *start, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void report(Reader *r, const char *start, const char *format, ...) {
    char message[200];
    va_list args;
    if (r->failed) {
        return;
    }
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    uint32_t from = (uint32_t)(start - r->text), to = (uint32_t)(r->at - r->text);
    diag_error(r->diags, (Span){r->file, from, to > from ? to : from + 1}, "%s", message);
    r->failed = true;
}

/* Skips blanks and commas; and a comment, up to the end of the line. */
static void skip_blanks(Reader *r) {
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\r' || *r->at == ',') {
        r->at++;
    }
    if (*r->at == ';' || *r->at == '#') {
        r->at += strcspn(r->at, "\n");
    }
}

static bool at_end_of_line(Reader *r) {
    skip_blanks(r);
    return *r->at == '\n' || *r->at == '\0';
}

static bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* A word of name bytes, and of dots if asked for; empty if there is none. */
static Name word(Reader *r, bool dots) {
    skip_blanks(r);
    const char *start = r->at;
    while (is_name_byte(*r->at) || (dots && *r->at == '.')) {
        r->at++;
    }
    return intern(r->ir->names, start, (size_t)(r->at - start));
}

static bool accept(Reader *r, const char *text) {
    skip_blanks(r);
    size_t length = strlen(text);
    if (strncmp(r->at, text, length) != 0 ||
        (is_name_byte(text[0]) && is_name_byte(r->at[length]))) {
        return false;
    }
    r->at += length;
    return true;
}

static void expect(Reader *r, const char *text) {
    if (!accept(r, text)) {
        report(r, r->at, "expected `%s`", text);
    }
}

static int64_t integer(Reader *r) {
    skip_blanks(r);
    const char *start = r->at;
    char *end;
    long long value = strtoll(r->at, &end, 10);
    r->at = end;
    if (end == start) {
        report(r, start, "expected a whole number");
    }
    return value;
}

/* ---- sizes and indices ----------------------------------------------------------------------- */

static Dim read_dim(Reader *r, int depth);

static Dim read_dim_primary(Reader *r, int depth) {
    skip_blanks(r);
    const char *start = r->at;
    if (depth > 50) {
        report(r, start, "a size is nested too deeply");
        return dim_const(r->ir, 1);
    }
    if (accept(r, "(")) {
        Dim inner = read_dim(r, depth + 1);
        expect(r, ")");
        return inner;
    }
    if (*r->at >= '0' && *r->at <= '9') {
        return dim_const(r->ir, integer(r));
    }
    Name name = word(r, false);
    if (*name == '\0') {
        report(r, start, "expected a size");
        return dim_const(r->ir, 1);
    }
    return dim_symbol(r->ir, name);
}

static Dim read_dim_product(Reader *r, int depth) {
    Dim left = read_dim_primary(r, depth);
    while (!r->failed) {
        if (accept(r, "//")) {
            Dim right = read_dim_primary(r, depth);
            left = dim_floordiv(r->ir, left, right);
        } else if (accept(r, "*")) {
            Dim right = read_dim_primary(r, depth);
            left = dim_mul(r->ir, left, right);
        } else if (r->at[strspn(r->at, " ")] == '%') {
            if (r->at[strspn(r->at, " ") + 1] >= '0' && r->at[strspn(r->at, " ") + 1] <= '9' &&
                *r->at == ' ') {
                break; /* an operand, as %3 */
            }
            expect(r, "%");
            Dim right = read_dim_primary(r, depth);
            left = dim_mod(r->ir, left, right);
        } else {
            break;
        }
    }
    return left;
}

static Dim read_dim(Reader *r, int depth) {
    Dim sum = dim_const(r->ir, 0);
    bool minus = accept(r, "-");
    for (;;) {
        Dim term = read_dim_product(r, depth);
        sum = minus ? dim_sub(r->ir, sum, term) : dim_add(r->ir, sum, term);
        minus = accept(r, "-");
        if (!minus && !accept(r, "+")) {
            return sum;
        }
    }
}

static Index read_index(Reader *r) {
    skip_blanks(r);
    const char *start = r->at;
    Dim dim = read_dim_primary(r, 0);
    expect(r, ".");
    int64_t ordinal = r->failed ? 0 : integer(r);
    Index i = ir_index(r->ir, dim, (unsigned)ordinal);
    if (ordinal < 0 || ordinal > 1000 || ir_overflowed(r->ir)) {
        report(r, start, "too many indices, or no such ordinal");
    }
    return i;
}

/* [i, j, …]: returns how many. */
static unsigned read_index_list(Reader *r, Index *list) {
    unsigned count = 0;
    expect(r, "[");
    while (!r->failed && !accept(r, "]")) {
        if (count == INDEX_LIMIT) {
            report(r, r->at, "too many indices");
            break;
        }
        list[count++] = read_index(r);
    }
    return count;
}

static IndexSet read_set(Reader *r, const char *close) {
    IndexSet set = 0;
    while (!r->failed && !accept(r, close)) {
        set |= INDEX_BIT(read_index(r));
    }
    return set;
}

/* kind[shape] */
static Kind read_type(Reader *r, Dim *shape, uint8_t *rank) {
    skip_blanks(r);
    const char *start = r->at;
    Kind kind = KIND_REAL;
    *rank = 0;
    if (accept(r, "int")) {
        kind = KIND_INT;
    } else if (accept(r, "bool")) {
        kind = KIND_BOOL;
    } else if (!accept(r, "real")) {
        report(r, start, "expected `real`, `int` or `bool`");
    }
    if (!r->failed && *r->at == '[') {
        r->at++;
        while (!r->failed && !accept(r, "]")) {
            if (*rank == RANK_LIMIT) {
                report(r, start, "more than %d axes", RANK_LIMIT);
                break;
            }
            shape[(*rank)++] = read_dim(r, 0);
        }
    }
    return kind;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static bool find_leaf(Reader *r, uint32_t *leaf) {
    skip_blanks(r);
    const char *start = r->at;
    Name name = word(r, false);
    for (size_t k = 0; k < r->ir->leaf_count; k++) {
        if (r->ir->leaves[k].name == name) {
            *leaf = (uint32_t)k;
            return true;
        }
    }
    report(r, start, "unknown leaf `%s`", name);
    return false;
}

static void read_dim_line(Reader *r) {
    Dim symbol = dim_symbol(r->ir, word(r, false));
    if (accept(r, "=")) {
        dim_bind(r->ir, symbol, integer(r));
    }
}

static void read_leaf_line(Reader *r) {
    static const struct {
        const char *name;
        LeafRole role;
    } roles[] = {{"param", LEAF_PARAM},   {"const", LEAF_CONST},       {"data", LEAF_DATA},
                 {"column", LEAF_COLUMN}, {"argument", LEAF_ARGUMENT}, {"tangent", LEAF_TANGENT},
                 {"seed", LEAF_SEED}};
    Leaf leaf = {.name = word(r, false)};
    Dim shape[RANK_LIMIT];
    expect(r, ":");
    leaf.kind = read_type(r, shape, &leaf.rank);
    leaf.shape = shape;
    if (accept(r, "in")) {
        leaf.class_dim = read_dim(r, 0);
    }
    size_t k = 0;
    while (k < sizeof roles / sizeof *roles && !accept(r, roles[k].name)) {
        k++;
    }
    if (k == sizeof roles / sizeof *roles) {
        report(r, r->at, "expected the role of a leaf");
        return;
    }
    leaf.role = roles[k].role;
    if (leaf.role == LEAF_TANGENT) {
        expect(r, "of");
        find_leaf(r, &leaf.of);
    }
    if (!r->failed) {
        ir_add_leaf(r->ir, leaf);
    }
}

static Ref read_ref(Reader *r) {
    skip_blanks(r);
    const char *start = r->at;
    expect(r, "%");
    int64_t number = r->failed ? 0 : integer(r);
    if (!r->failed &&
        (number <= 0 || (size_t)number >= r->ref_count || r->refs[number] == REF_NONE)) {
        report(r, start, "no value %%%lld before", (long long)number);
    }
    return r->failed ? REF_NONE : r->refs[number];
}

static void read_constant(Reader *r, Node *node) {
    skip_blanks(r);
    const char *start = r->at, *end;
    if (accept(r, "true") || accept(r, "false")) {
        node->kind = KIND_BOOL;
        node->as.integer = *start == 't';
        return;
    }
    bool negative = accept(r, "-");
    if (accept(r, "inf") || accept(r, "nan")) {
        node->as.real = r->at[-1] == 'f' ? __builtin_inf() : __builtin_nan("");
        node->as.real = negative ? -node->as.real : node->as.real;
        return;
    }
    size_t length = strspn(start, "+-.0123456789eE");
    if (memchr(start, '.', length) == NULL && memchr(start, 'e', length) == NULL) {
        r->at = start;
        node->kind = KIND_INT;
        node->as.integer = integer(r);
        return;
    }
    node->as.real = number_read(start, &end);
    r->at = end;
    if (end == start) {
        report(r, start, "expected a number");
    }
}

static void read_lib(Reader *r, Node *node, Index *list) {
    skip_blanks(r);
    const char *start = r->at;
    Name name = word(r, false);
    unsigned id = 0;
    while (id < LIB_COUNT && strcmp(lib_table[id].name, name) != 0) {
        id++;
    }
    if (id == LIB_COUNT) {
        report(r, start, "unknown library operation `%s`", name);
        return;
    }
    node->as.lib.id = (LibId)id;
    skip_blanks(r);
    if (*r->at == '[') {
        node->as.lib.count = read_index_list(r, list);
        node->as.lib.targets = list;
    }
}

/* The attributes of the kind; lists go to `list` and `bound`. */
static void read_attributes(Reader *r, Node *node, Index *list) {
    switch (node->op) {
    case OP_CONST:
        read_constant(r, node);
        break;
    case OP_SIZE:
        node->as.dim = read_dim(r, 0);
        break;
    case OP_INDEX:
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
        node->as.index = read_index(r);
        break;
    case OP_LEAF:
        find_leaf(r, &node->as.leaf);
        break;
    case OP_ARRAY:
        node->as.indices.count = read_index_list(r, list);
        node->as.indices.list = list;
        break;
    case OP_DEPOSIT:
        expect(r, "[");
        node->as.deposit.bound = read_set(r, "]");
        node->as.deposit.count = read_index_list(r, list);
        node->as.deposit.targets = list;
        break;
    case OP_STATE:
        node->as.state.tag = (uint32_t)integer(r);
        expect(r, ".");
        node->as.state.k = (uint32_t)integer(r);
        node->as.state.t = read_index(r);
        break;
    case OP_SCAN:
        node->as.scan.tag = (uint32_t)integer(r);
        node->as.scan.t = read_index(r);
        node->as.scan.direction = accept(r, "-") ? -1 : 1;
        accept(r, "+");
        break;
    case OP_PICK:
        node->as.pick = (uint32_t)integer(r);
        break;
    case OP_EXTERN:
        node->as.external = (uint32_t)integer(r);
        break;
    case OP_VAR:
        skip_blanks(r);
        node->as.variable = isdigit((unsigned char)*r->at) ? (uint32_t)integer(r) : 0;
        break;
    case OP_LIB:
        read_lib(r, node, list);
        break;
    case OP_CALL:
    case OP_CONVERT:
    case OP_SELECT:
    case OP_GUARD:
    case OP_READ:
    case OP_DERIV:
    case OP_COUNT:
        break;
    }
}

/* Kind and shape of the result, as the table of op.def has them. `shape` has room for two ranks. */
static void find_type(Reader *r, Node *node, Dim *shape) {
    Ir *ir = r->ir;
    const Node *first = node->arg_count > 0 ? ir_node(ir, node->args[0]) : NULL;
    switch (node->op) {
    case OP_SIZE:
    case OP_INDEX:
    case OP_ARGMAX:
        node->kind = KIND_INT;
        break;
    case OP_LEAF:
        node->kind = ir->leaves[node->as.leaf].kind;
        node->rank = ir->leaves[node->as.leaf].rank;
        node->shape = ir->leaves[node->as.leaf].shape;
        break;
    case OP_CALL: {
        Signature signature = builtins[node->as.builtin].signature;
        node->kind = signature == SIG_COMPARE                           ? KIND_BOOL
                     : signature == SIG_REAL || signature == SIG_RANDOM ? KIND_REAL
                                                                        : first->kind;
        break;
    }
    case OP_SELECT:
    case OP_GUARD:
        node->kind = ir_kind(ir, node->args[1]);
        break;
    case OP_READ:
    case OP_SUM:
    case OP_MAX:
    case OP_DEPOSIT:
        node->kind = first->kind;
        break;
    case OP_ARRAY:
        node->kind = first->kind;
        node->rank = (uint8_t)node->as.indices.count;
        for (uint32_t k = 0; k < node->as.indices.count; k++) {
            shape[k] = ir_index_dim(ir, node->as.indices.list[k]);
        }
        node->shape = shape;
        break;
    case OP_STATE:
    case OP_VAR:
        node->kind = first->kind;
        node->rank = first->rank;
        node->shape = first->shape;
        break;
    case OP_SCAN:
        node->as.scan.count = node->arg_count / 2;
        break;
    case OP_DERIV: {
        const Node *variable = ir_node(ir, node->args[1]);
        node->rank = node->arg_count == 3 ? first->rank : (uint8_t)(first->rank + variable->rank);
        for (unsigned k = 0; k < node->rank; k++) {
            shape[k] = k < first->rank ? first->shape[k] : variable->shape[k - first->rank];
        }
        node->shape = shape;
        break;
    }
    case OP_CONST:
    case OP_EXTERN:
    case OP_CONVERT:
    case OP_LSE:
    case OP_PICK:
    case OP_COUNT:
        break;
    case OP_LIB:
        if (node->as.lib.count == 0 && lib_table[node->as.lib.id].result == LIB_RESULT_SAME) {
            const Node *last = ir_node(ir, node->args[node->arg_count - 1]);
            node->rank = last->rank;
            node->shape = last->shape;
        }
        break;
    }
}

/* How many operands a kind has at least and at most. */
static bool count_fits(const Node *node) {
    uint32_t count = node->arg_count;
    switch (node->op) {
    case OP_CONST:
    case OP_SIZE:
    case OP_INDEX:
    case OP_LEAF:
        return count == 0;
    case OP_CALL:
        return count == (uint32_t)builtins[node->as.builtin].arity;
    case OP_EXTERN:
        return count >= 1 && count <= EXTERN_ARITY;
    case OP_SELECT:
        return count == 3;
    case OP_GUARD:
        return count == 2;
    case OP_DERIV:
        return count == 2 || count == 3;
    case OP_READ:
        return count >= 2 && count <= 1 + RANK_LIMIT;
    case OP_DEPOSIT:
        return count == 1 + node->as.deposit.count && node->as.deposit.count <= RANK_LIMIT;
    case OP_ARRAY:
        return count == 1 && node->as.indices.count >= 1 && node->as.indices.count <= RANK_LIMIT;
    case OP_SCAN:
        return count >= 2 && count % 2 == 0;
    case OP_CONVERT:
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
    case OP_STATE:
    case OP_PICK:
    case OP_VAR:
        return count == 1;
    case OP_LIB:
        return count == lib_table[node->as.lib.id].arity;
    case OP_COUNT:
        break;
    }
    return false;
}

static bool find_operation(Reader *r, Node *node) {
    skip_blanks(r);
    const char *start = r->at;
    Name name = word(r, false);
    for (int op = 0; op < OP_COUNT; op++) {
        if (op != OP_CALL && strcmp(op_names[op], name) == 0) {
            node->op = (Op)op;
            return true;
        }
    }
    for (int f = 0; f < BI_COUNT; f++) {
        if (strcmp(builtins[f].name, name) == 0) {
            node->op = OP_CALL;
            node->as.builtin = (BuiltinId)f;
            return true;
        }
    }
    report(r, start, "unknown operation `%s`", name);
    return false;
}

/* Tags are made as they are named. */
static bool use_tag(Reader *r, const char *start, uint32_t tag) {
    if (tag == 0 || tag > 100000) {
        report(r, start, "no tag %u: tags are numbered from 1", (unsigned)tag);
        return false;
    }
    while (r->ir->tables->tag_count <= tag) {
        ir_new_tag(r->ir);
    }
    return true;
}

static Ref make_node(Reader *r, const char *start, Node *node) {
    Dim shape[2 * RANK_LIMIT];
    Ir *ir = r->ir;
    if (!count_fits(node)) {
        report(r, start, "%u operands are too many or too few", (unsigned)node->arg_count);
        return REF_NONE;
    }
    if (node->op == OP_PICK) {
        const Node *scan = ir_node(ir, node->args[0]);
        if (scan->op != OP_SCAN || node->as.pick >= scan->as.scan.count) {
            report(r, start, "pick of what is no scan, or has no such state");
            return REF_NONE;
        }
        return ir_pick(ir, node->args[0], node->as.pick);
    }
    uint32_t tag = node->op == OP_STATE  ? node->as.state.tag
                   : node->op == OP_SCAN ? node->as.scan.tag
                                         : 1;
    if (!use_tag(r, start, tag)) {
        return REF_NONE;
    }
    find_type(r, node, shape);
    Ref v = ir_make(ir, node);
    if (node->op == OP_SCAN) {
        ir->tables->scan_of_tag[tag] = v;
    }
    return v;
}

static void read_node_line(Reader *r, const char *start) {
    Node node = {.kind = KIND_REAL};
    Index list[INDEX_LIMIT];
    Ref *args = NULL;
    size_t capacity = 0;
    int64_t number = integer(r);
    expect(r, "=");
    if (r->failed || !find_operation(r, &node)) {
        return;
    }
    read_attributes(r, &node, list);
    while (!r->failed && !at_end_of_line(r) && *r->at == '%') {
        args = arena_grow(r->ir->arena, args, node.arg_count, &capacity, sizeof *args);
        args[node.arg_count++] = read_ref(r);
    }
    node.args = args;
    if (!r->failed && accept(r, "{")) {
        IndexSet set = read_set(r, "}");
        node.free = node.op == OP_STATE ? set : 0;
    }
    if (number <= 0 || number > 100000000 || !at_end_of_line(r)) {
        report(r, start, "a value is written `%%5 = name attributes operands {indices}`");
    }
    if (r->failed) {
        return;
    }
    r->ir->at = (Span){r->file, (uint32_t)(start - r->text), (uint32_t)(r->at - r->text)};
    while (r->ref_count <= (size_t)number) {
        r->refs =
            arena_grow(r->ir->arena, r->refs, r->ref_count, &r->ref_capacity, sizeof *r->refs);
        r->refs[r->ref_count++] = REF_NONE;
    }
    r->refs[number] = make_node(r, start, &node);
}

/* matrix LEAF rows 1 at OFFSET by STRIDE */
static void read_matrix(Reader *r, Output *output) {
    output->role = OUT_MATRIX;
    find_leaf(r, &output->leaf);
    expect(r, "rows");
    output->row_axes = r->failed ? 0 : (uint8_t)integer(r);
    expect(r, "at");
    output->offset = r->failed ? DIM_NONE : read_dim(r, 0);
    expect(r, "by");
    output->stride = r->failed ? DIM_NONE : read_dim(r, 0);
}

static void read_output_line(Reader *r) {
    Index axes[INDEX_LIMIT];
    Output output = {.name = word(r, true), .sink = SINK_STORE, .span = r->ir->at};
    unsigned rank = 0;
    skip_blanks(r);
    const char *start = r->at;
    if (*r->at == '[') {
        rank = read_index_list(r, axes);
    }
    if (rank > RANK_LIMIT) {
        report(r, start, "more than %d axes", RANK_LIMIT);
        return;
    }
    output.rank = (uint8_t)rank;
    memcpy(output.axes, axes, rank * sizeof *axes);
    expect(r, "=");
    output.value = r->failed ? REF_NONE : read_ref(r);
    if (accept(r, "gradient")) {
        output.role = OUT_GRADIENT;
        if (r->ir->flat_out == NULL) {
            find_leaf(r, &output.leaf);
        }
    } else if (accept(r, "array")) {
        output.role = OUT_ARRAY;
    } else if (accept(r, "derivative")) {
        output.role = OUT_DERIVATIVE;
    } else if (accept(r, "matrix")) {
        read_matrix(r, &output);
    } else {
        expect(r, "value");
        output.role = OUT_VALUE;
    }
    if (accept(r, "add")) {
        output.sink = SINK_ADD;
    } else if (accept(r, "update")) {
        output.sink = SINK_UPDATE;
        find_leaf(r, &output.leaf);
    }
    if (!r->failed) {
        ir_add_output(r->ir, output);
    }
}

static void read_line(Reader *r) {
    const char *start = r->at;
    if (accept(r, "%")) {
        read_node_line(r, start);
    } else if (accept(r, "ir")) {
        r->ir->name = word(r, false);
    } else if (accept(r, "dim")) {
        read_dim_line(r);
    } else if (accept(r, "sample")) {
        r->ir->sample_dim = read_dim(r, 0);
    } else if (accept(r, "total")) {
        r->ir->total_dim = read_dim(r, 0);
    } else if (accept(r, "flat")) {
        r->ir->flat_in = word(r, false);
        r->ir->flat_out = word(r, false);
    } else if (accept(r, "rows")) {
        r->ir->rows_dim = read_dim(r, 0);
    } else if (accept(r, "each")) {
        r->ir->per_sample = true;
        r->ir->sample_index = read_index(r);
    } else if (accept(r, "index")) {
        while (!r->failed && !at_end_of_line(r)) {
            read_index(r);
        }
    } else if (accept(r, "leaf")) {
        read_leaf_line(r);
    } else if (accept(r, "out")) {
        read_output_line(r);
    } else {
        report(r, start,
               "expected `ir`, `dim`, `sample`, `total`, `rows`, `flat`, `each`, `index`, `leaf`, "
               "`out` or `%%`");
    }
    if (!at_end_of_line(r)) {
        report(r, r->at, "this does not belong here");
    }
}

Ir *ir_from_text(Arena *arena, Interner *names, Diags *diags, const Sources *sources,
                 uint32_t file) {
    const Source *source = sources_get(sources, file);
    Reader r = {.ir = ir_create(arena, names, intern_text(names, "ir")),
                .diags = diags,
                .file = file,
                .text = source->text,
                .at = source->text};
    while (!r.failed && r.at < source->text + source->length) {
        if (!at_end_of_line(&r)) {
            read_line(&r);
        } else if (*r.at == '\n') {
            r.at++;
        } else {
            report(&r, r.at, "a zero byte");
        }
    }
    return r.failed ? NULL : r.ir;
}
