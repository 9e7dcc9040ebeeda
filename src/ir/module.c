/* module.c: an Ir and its tables: nodes with stable addresses, hash-consing, indices, leaves,
 * outputs. */
#include "ir/tables.h"

#include <string.h>

/* ---- nodes ----------------------------------------------------------------------------------- */

Ref ir_count(const Ir *ir) {
    return ir->tables->count;
}

const Node *ir_node(const Ir *ir, Ref v) {
    const struct IrTables *tables = ir->tables;
    if (v == REF_NONE || v >= tables->count) {
        ice("ir", "no value %%%u", (unsigned)v);
    }
    return &tables->chunks[v / CHUNK_SIZE][v % CHUNK_SIZE];
}

IndexSet ir_free(const Ir *ir, Ref v) {
    return ir_node(ir, v)->free;
}

Kind ir_kind(const Ir *ir, Ref v) {
    return ir_node(ir, v)->kind;
}

const char *ir_external_name(const Ir *ir, const Node *node) {
    return node->as.external < ir->external_count ? ir->externals[node->as.external].name
                                                  : "extern";
}

uint8_t ir_rank(const Ir *ir, Ref v) {
    return ir_node(ir, v)->rank;
}

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 29);
}

static uint64_t real_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The attributes of a node as up to two words and a list of indices. */
typedef struct {
    uint64_t words[3];
    const Index *list;
    uint32_t count;
} Attributes;

static Attributes attributes_of(const Node *node) {
    Attributes a = {{0, 0, 0}, NULL, 0};
    switch (node->op) {
    case OP_CONST:
        a.words[0] =
            node->kind == KIND_REAL ? real_bits(node->as.real) : (uint64_t)node->as.integer;
        break;
    case OP_SIZE:
        a.words[0] = node->as.dim;
        break;
    case OP_INDEX:
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
        a.words[0] = node->as.index;
        break;
    case OP_LEAF:
        a.words[0] = node->as.leaf;
        break;
    case OP_CALL:
        a.words[0] = node->as.builtin;
        break;
    case OP_EXTERN:
        a.words[0] = node->as.external;
        break;
    case OP_ARRAY:
        a.list = node->as.indices.list;
        a.count = node->as.indices.count;
        break;
    case OP_DEPOSIT:
        a.words[0] = node->as.deposit.bound;
        a.list = node->as.deposit.targets;
        a.count = node->as.deposit.count;
        break;
    case OP_STATE:
        a.words[0] = (uint64_t)node->as.state.tag << 32 | node->as.state.k;
        a.words[1] = node->as.state.t;
        a.words[2] = node->free;
        break;
    case OP_SCAN:
        a.words[0] = node->as.scan.tag;
        a.words[1] = (uint64_t)node->as.scan.t << 8 | (node->as.scan.direction > 0);
        a.words[2] = node->as.scan.count;
        break;
    case OP_PICK:
        a.words[0] = node->as.pick;
        break;
    case OP_LIB:
        a.words[0] = node->as.lib.id;
        a.list = node->as.lib.targets;
        a.count = node->as.lib.count;
        break;
    case OP_CONVERT:
    case OP_SELECT:
    case OP_GUARD:
    case OP_READ:
    case OP_DERIV:
    case OP_COUNT:
        break;
    case OP_VAR:
        a.words[0] = node->as.variable;
        break;
    }
    return a;
}

static uint32_t node_hash(const Node *node) {
    Attributes a = attributes_of(node);
    uint64_t hash = mix(node->op, node->kind);
    for (int k = 0; k < 3; k++) {
        hash = mix(hash, a.words[k]);
    }
    for (uint32_t k = 0; k < a.count; k++) {
        hash = mix(hash, a.list[k]);
    }
    for (uint32_t k = 0; k < node->arg_count; k++) {
        hash = mix(hash, node->args[k]);
    }
    return (uint32_t)(hash ^ hash >> 32);
}

static bool nodes_equal(const Node *x, const Node *y) {
    if (x->op != y->op || x->kind != y->kind || x->arg_count != y->arg_count ||
        x->rank != y->rank) {
        return false;
    }
    Attributes a = attributes_of(x), b = attributes_of(y);
    return memcmp(a.words, b.words, sizeof a.words) == 0 && a.count == b.count &&
           (a.count == 0 || memcmp(a.list, b.list, a.count * sizeof *a.list) == 0) &&
           (x->arg_count == 0 || memcmp(x->args, y->args, x->arg_count * sizeof *x->args) == 0) &&
           (x->rank == 0 || memcmp(x->shape, y->shape, x->rank * sizeof *x->shape) == 0);
}

static void grow_slots(Ir *ir) {
    struct IrTables *tables = ir->tables;
    size_t count = tables->slot_count ? 2 * tables->slot_count : 256;
    Ref *slots = arena_array(ir->arena, Ref, count);
    uint32_t *hashes = arena_array(ir->arena, uint32_t, count);
    for (size_t from = 0; from < tables->slot_count; from++) {
        if (tables->slots[from] == REF_NONE) {
            continue;
        }
        size_t at = tables->hashes[from] & (count - 1);
        while (slots[at] != REF_NONE) {
            at = (at + 1) & (count - 1);
        }
        slots[at] = tables->slots[from];
        hashes[at] = tables->hashes[from];
    }
    tables->slots = slots;
    tables->hashes = hashes;
    tables->slot_count = count;
}

static Node *append_node(Ir *ir) {
    struct IrTables *tables = ir->tables;
    if (tables->count / CHUNK_SIZE == tables->chunk_count) {
        tables->chunks = arena_grow(ir->arena, tables->chunks, tables->chunk_count,
                                    &tables->chunk_capacity, sizeof *tables->chunks);
        tables->chunks[tables->chunk_count++] = arena_array(ir->arena, Node, CHUNK_SIZE);
    }
    Node *node = &tables->chunks[tables->count / CHUNK_SIZE][tables->count % CHUNK_SIZE];
    tables->count++;
    return node;
}

static const void *copy(Ir *ir, const void *from, size_t size) {
    if (size == 0) {
        return NULL;
    }
    void *to = arena_alloc(ir->arena, size);
    memcpy(to, from, size);
    return to;
}

IndexSet ir_free_of(const Ir *ir, const Node *node) {
    IndexSet free = 0;
    for (uint32_t k = 0; k < node->arg_count; k++) {
        free |= ir_free(ir, node->args[k]);
    }
    return ir_free_over(node, free);
}

IndexSet ir_free_over(const Node *node, IndexSet free) {
    switch (node->op) {
    case OP_INDEX:
        return INDEX_BIT(node->as.index);
    case OP_SUM:
    case OP_MAX:
    case OP_ARGMAX:
    case OP_LSE:
        return free & ~INDEX_BIT(node->as.index);
    case OP_ARRAY:
        for (uint32_t k = 0; k < node->as.indices.count; k++) {
            free &= ~INDEX_BIT(node->as.indices.list[k]);
        }
        return free;
    case OP_DEPOSIT:
        free &= ~node->as.deposit.bound;
        for (uint32_t k = 0; k < node->as.deposit.count; k++) {
            free |= INDEX_BIT(node->as.deposit.targets[k]);
        }
        return free;
    case OP_LIB:
        for (uint32_t k = 0; k < node->as.lib.count; k++) {
            free |= INDEX_BIT(node->as.lib.targets[k]);
        }
        return free;
    case OP_STATE:
        return node->free;
    case OP_SCAN:
        return free & ~INDEX_BIT(node->as.scan.t);
    case OP_CONST:
    case OP_SIZE:
    case OP_LEAF:
    case OP_CALL:
    case OP_EXTERN:
    case OP_CONVERT:
    case OP_SELECT:
    case OP_GUARD:
    case OP_READ:
    case OP_PICK:
    case OP_VAR:
    case OP_DERIV:
    case OP_COUNT:
        break;
    }
    return free;
}

Ref ir_make(Ir *ir, const Node *given) {
    struct IrTables *tables = ir->tables;
    if (2 * (size_t)tables->count >= tables->slot_count) {
        grow_slots(ir);
    }
    const uint32_t hash = node_hash(given);
    size_t at = hash & (tables->slot_count - 1);
    for (; tables->slots[at] != REF_NONE; at = (at + 1) & (tables->slot_count - 1)) {
        if (tables->hashes[at] == hash && nodes_equal(ir_node(ir, tables->slots[at]), given)) {
            return tables->slots[at];
        }
    }
    IndexSet free = ir_free_of(ir, given);
    Ref v = tables->count;
    Node *node = append_node(ir);
    *node = *given;
    node->free = free;
    node->span = ir->at;
    node->args = copy(ir, given->args, given->arg_count * sizeof *given->args);
    node->shape = copy(ir, given->shape, given->rank * sizeof *given->shape);
    if (node->op == OP_ARRAY) {
        node->as.indices.list =
            copy(ir, given->as.indices.list, given->as.indices.count * sizeof(Index));
    } else if (node->op == OP_DEPOSIT) {
        node->as.deposit.targets =
            copy(ir, given->as.deposit.targets, given->as.deposit.count * sizeof(Index));
    } else if (node->op == OP_LIB) {
        node->as.lib.targets = copy(ir, given->as.lib.targets, given->as.lib.count * sizeof(Index));
    }
    tables->slots[at] = v;
    tables->hashes[at] = hash;
    return v;
}

/* ---- names of the model ---------------------------------------------------------------------- */

static Node *node_at(Ir *ir, Ref v) {
    return &ir->tables->chunks[v / CHUNK_SIZE][v % CHUNK_SIZE];
}

static bool may_be_named(const Node *node) {
    return node->op != OP_CONST && node->op != OP_SIZE && node->op != OP_INDEX &&
           node->op != OP_LEAF && node->op != OP_STATE && node->kind == KIND_REAL && !node->name;
}

void ir_set_name(Ir *ir, Ref v, Name name) {
    Node *node = node_at(ir, v);
    if (node->op != OP_ARRAY) {
        if (node->rank == 0 && node->free == 0 && may_be_named(node)) {
            node->name = name;
        }
        return;
    }
    Node *entry = node_at(ir, node->args[0]);
    IndexSet axes = 0;
    for (uint32_t k = 0; k < node->as.indices.count; k++) {
        axes |= INDEX_BIT(node->as.indices.list[k]);
    }
    if (entry->free == axes && entry->rank == 0 && may_be_named(entry)) {
        entry->name = name;
        entry->name_axes = node->as.indices.list;
    }
}

void ir_name_state(Ir *ir, Ref state, Name name) {
    Node *node = node_at(ir, state);
    if (node->op == OP_STATE && !node->name) {
        node->name = name;
    }
}

void ir_name_state_of(Ir *ir, Ref state, Ref of, const char *suffix) {
    const Node *from = of == REF_NONE ? NULL : ir_node(ir, of);
    Node *node = node_at(ir, state);
    if (from && from->op == OP_STATE && from->name && node->op == OP_STATE && !node->name) {
        node->name = intern_text(ir->names, arena_format(ir->arena, "%s%s", from->name, suffix));
        node->as.state.origin = from->as.state.origin != REF_NONE ? from->as.state.origin : of;
    }
}

bool ir_has_own_name(const Ir *ir, Ref v) {
    const char *name = ir_node(ir, v)->name;
    bool own = name != NULL && ir_node(ir, v)->op != OP_STATE;
    for (Ref u = 1; u < v && own; u++) {
        const char *other = ir_node(ir, u)->op == OP_STATE ? NULL : ir_node(ir, u)->name;
        own = !other || strcmp(other, name) != 0;
    }
    return own;
}

void ir_keep_name(Ir *ir, Ref v, Ref to) {
    if (v == to || to == REF_NONE || !ir_node(ir, v)->name) {
        return;
    }
    const Node *from = node_at(ir, v);
    Node *node = node_at(ir, to);
    if (from->op == OP_STATE) {
        if (node->op == OP_STATE && !node->name) {
            node->name = from->name;
            node->as.state.origin = from->as.state.origin;
        }
        return;
    }
    if (node->free == from->free && node->rank == 0 && may_be_named(node)) {
        node->name = from->name;
        node->name_axes = from->name_axes;
    }
}

/* ---- modules --------------------------------------------------------------------------------- */

Ir *ir_create(Arena *arena, Interner *names, Name name) {
    Ir *ir = arena_new(arena, Ir);
    ir->arena = arena;
    ir->names = names;
    ir->name = name;
    ir->tables = arena_new(arena, struct IrTables);
    append_node(ir); /* the unused node 0 */
    ir_dims_init(ir);
    ir_new_tag(ir); /* tag 0 is unused */
    return ir;
}

static void *copy_array(Arena *arena, const void *from, size_t count, size_t size) {
    if (count == 0) {
        return NULL;
    }
    void *to = arena_alloc(arena, count * size);
    memcpy(to, from, count * size);
    return to;
}

static Name keep_text(const Ir *ir, const char *text) {
    return text ? intern_text(ir->names, text) : NULL;
}

/* What the tables of ir still have in the arena of another. */
static void keep_tables(Ir *ir) {
    struct IrTables *to = ir->tables;
    ir->flat_in = keep_text(ir, ir->flat_in);
    ir->flat_out = keep_text(ir, ir->flat_out);
    ir->externals = copy_array(ir->arena, ir->externals, ir->external_count, sizeof *ir->externals);
    for (size_t k = 0; k < ir->leaf_count; k++) {
        Leaf *leaf = &ir->leaves[k];
        leaf->name = keep_text(ir, leaf->name);
        leaf->shape = copy_array(ir->arena, leaf->shape, leaf->rank, sizeof *leaf->shape);
        leaf->own_shape =
            copy_array(ir->arena, leaf->own_shape, leaf->own_rank, sizeof *leaf->own_shape);
    }
    for (size_t d = 0; d < to->dim_count; d++) {
        Poly *poly = &to->dims[d];
        Term *terms = copy_array(ir->arena, poly->terms, poly->count, sizeof *poly->terms);
        for (uint32_t k = 0; k < poly->count; k++) {
            terms[k].atoms =
                copy_array(ir->arena, terms[k].atoms, terms[k].degree, sizeof *terms[k].atoms);
        }
        poly->terms = terms;
    }
}

Ir *ir_create_like(const Ir *like) {
    return ir_create_in(like->arena, like);
}

Ir *ir_create_in(Arena *arena, const Ir *like) {
    Ir *ir = ir_create(arena, like->names, like->name);
    const struct IrTables *from = like->tables;
    struct IrTables *to = ir->tables;
    ir->at = like->at;
    ir->sample_dim = like->sample_dim;
    ir->total_dim = like->total_dim;
    ir->rows_dim = like->rows_dim;
    ir->per_sample = like->per_sample;
    ir->externals = like->externals;
    ir->external_count = like->external_count;
    ir->flat_in = like->flat_in;
    ir->flat_out = like->flat_out;
    ir->sample_index = like->sample_index;
    ir->leaves = copy_array(ir->arena, like->leaves, like->leaf_count, sizeof *like->leaves);
    ir->leaf_count = ir->leaf_capacity = like->leaf_count;
    to->dims = copy_array(ir->arena, from->dims, from->dim_count, sizeof *from->dims);
    to->dim_count = to->dim_capacity = from->dim_count;
    to->dim_slot_count = 0; /* made when a dim is looked for */
    to->atoms = copy_array(ir->arena, from->atoms, from->atom_count, sizeof *from->atoms);
    to->atom_count = to->atom_capacity = from->atom_count;
    to->symbols = copy_array(ir->arena, from->symbols, from->symbol_count, sizeof *from->symbols);
    to->symbol_count = to->symbol_capacity = from->symbol_count;
    memcpy(to->indices, from->indices, sizeof to->indices);
    to->index_count = from->index_count;
    to->overflowed = from->overflowed;
    to->keep_deposits = from->keep_deposits;
    while (to->tag_count < from->tag_count) {
        ir_new_tag(ir);
    }
    if (arena != like->arena) {
        keep_tables(ir);
    }
    return ir;
}

/* ---- indices --------------------------------------------------------------------------------- */

Index ir_index(Ir *ir, Dim dim, unsigned ordinal) {
    struct IrTables *tables = ir->tables;
    for (unsigned i = 0; i < tables->index_count; i++) {
        if (tables->indices[i].dim == dim && tables->indices[i].ordinal == ordinal) {
            return (Index)i;
        }
    }
    if (tables->index_count == INDEX_LIMIT) {
        tables->overflowed = true;
        return INDEX_LIMIT - 1;
    }
    tables->indices[tables->index_count] = (IndexInfo){dim, ordinal};
    return (Index)tables->index_count++;
}

Index ir_fresh(Ir *ir, Dim dim, IndexSet used) {
    for (unsigned ordinal = 0;; ordinal++) {
        Index i = ir_index(ir, dim, ordinal);
        if (!(used & INDEX_BIT(i)) || ir->tables->overflowed) {
            return i;
        }
    }
}

Dim ir_index_dim(const Ir *ir, Index i) {
    return ir->tables->indices[i].dim;
}

unsigned ir_index_ordinal(const Ir *ir, Index i) {
    return ir->tables->indices[i].ordinal;
}

bool ir_overflowed(const Ir *ir) {
    return ir->tables->overflowed;
}

unsigned ir_axis_names(Ir *ir, Ref v, Index *names) {
    const Node *node = ir_node(ir, v);
    if (node->op == OP_ARRAY) {
        memcpy(names, node->as.indices.list, node->as.indices.count * sizeof *names);
        return node->as.indices.count;
    }
    IndexSet used = node->free;
    for (unsigned k = 0; k < node->rank; k++) {
        names[k] = ir_fresh(ir, node->shape[k], used);
        used |= INDEX_BIT(names[k]);
    }
    return node->rank;
}

/* ---- leaves, outputs, tags ------------------------------------------------------------------- */

uint32_t ir_add_leaf(Ir *ir, Leaf leaf) {
    ir->leaves =
        arena_grow(ir->arena, ir->leaves, ir->leaf_count, &ir->leaf_capacity, sizeof *ir->leaves);
    leaf.shape = copy(ir, leaf.shape, leaf.rank * sizeof *leaf.shape);
    leaf.own_shape = copy(ir, leaf.own_shape, leaf.own_rank * sizeof *leaf.own_shape);
    ir->leaves[ir->leaf_count] = leaf;
    return (uint32_t)ir->leaf_count++;
}

void ir_add_output(Ir *ir, Output output) {
    ir->outputs = arena_grow(ir->arena, ir->outputs, ir->output_count, &ir->output_capacity,
                             sizeof *ir->outputs);
    ir->outputs[ir->output_count++] = output;
}

uint32_t ir_new_tag(Ir *ir) {
    struct IrTables *tables = ir->tables;
    tables->scan_of_tag = arena_grow(ir->arena, tables->scan_of_tag, tables->tag_count,
                                     &tables->tag_capacity, sizeof *tables->scan_of_tag);
    tables->scan_of_tag[tables->tag_count] = REF_NONE;
    return (uint32_t)tables->tag_count++;
}

Ref ir_scan_of_tag(const Ir *ir, uint32_t tag) {
    return tag < ir->tables->tag_count ? ir->tables->scan_of_tag[tag] : REF_NONE;
}

void ir_set_deposit_solving(Ir *ir, bool on) {
    ir->tables->keep_deposits = !on;
}
