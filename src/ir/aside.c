/* aside.c: work on a few values of a large Ir. All else is put aside: the Ir has then only what
 * these values need, and what looks at all values of an Ir takes time for these alone. What is made
 * meanwhile is brought back. Dims, indices and tags are those of the Ir all the time. */
#include "ir/tables.h"

#include <stdlib.h>
#include <string.h>

/* The values of an Ir. */
typedef struct {
    Node **chunks;
    size_t chunk_count, chunk_capacity;
    uint32_t count;
    Ref *slots;
    uint32_t *hashes;
    size_t slot_count;
    Ref *scan_of_tag;
    size_t tag_capacity;
    Ref *memo;
    uint32_t *stamps;
    size_t memo_count;
} Values;

struct IrAside {
    Ir *ir;
    Values few; /* room for the values that are worked on; between two times: of the last time */
    uint32_t *stamp; /* by value of the whole Ir: the last time that it was needed, */
    Ref *map;        /* and what it was then */
    size_t stamp_count;
    size_t tag_count; /* when the values were put aside */
    uint32_t now;
    Ref *list; /* what is worked on, in order: values of the whole Ir */
    size_t count, capacity;
    Ref *args;
    size_t arg_capacity;
};

IrAside *ir_aside_create(Ir *ir) {
    IrAside *aside = arena_new(ir->arena, IrAside);
    aside->ir = ir;
    return aside;
}

/* ---- what the values need -------------------------------------------------------------------- */

static void enter(IrAside *aside, Ref v) {
    while (aside->stamp_count <= v) {
        const size_t capacity = 2 * (size_t)ir_count(aside->ir);
        uint32_t *stamp = arena_array(aside->ir->arena, uint32_t, capacity);
        if (aside->stamp_count > 0) {
            memcpy(stamp, aside->stamp, aside->stamp_count * sizeof *stamp);
        }
        aside->stamp = stamp;
        aside->map = arena_array(aside->ir->arena, Ref, capacity);
        aside->stamp_count = capacity;
    }
    if (aside->stamp[v] == aside->now) {
        return;
    }
    aside->stamp[v] = aside->now;
    aside->list = arena_grow(aside->ir->arena, aside->list, aside->count, &aside->capacity,
                             sizeof *aside->list);
    aside->list[aside->count++] = v;
}

static int compare_refs(const void *a, const void *b) {
    const Ref x = *(const Ref *)a, y = *(const Ref *)b;
    return x < y ? -1 : x > y;
}

static void find_needed(IrAside *aside, const Ref *roots, size_t count) {
    aside->count = 0;
    aside->now++;
    for (size_t k = 0; k < count; k++) {
        enter(aside, roots[k]);
    }
    for (size_t next = 0; next < aside->count; next++) {
        const Node *node = ir_node(aside->ir, aside->list[next]);
        for (uint32_t k = 0; k < node->arg_count; k++) {
            enter(aside, node->args[k]);
        }
        if (node->op == OP_STATE && ir_scan_of_tag(aside->ir, node->as.state.tag) != REF_NONE) {
            enter(aside, ir_scan_of_tag(aside->ir, node->as.state.tag));
        }
    }
    qsort(aside->list, aside->count, sizeof *aside->list, compare_refs);
}

/* ---- the exchange ---------------------------------------------------------------------------- */

/* The values of the Ir and those of `values` change places. */
static void exchange(Ir *ir, Values *values) {
    struct IrTables *t = ir->tables;
    const Values now = {t->chunks,       t->chunk_count, t->chunk_capacity, t->count,
                        t->slots,        t->hashes,      t->slot_count,     t->scan_of_tag,
                        t->tag_capacity, t->memo,        t->stamps,         t->memo_count};
    t->chunks = values->chunks;
    t->chunk_count = values->chunk_count;
    t->chunk_capacity = values->chunk_capacity;
    t->count = values->count;
    t->slots = values->slots;
    t->hashes = values->hashes;
    t->slot_count = values->slot_count;
    t->scan_of_tag = values->scan_of_tag;
    t->tag_capacity = values->tag_capacity;
    t->memo = values->memo;
    t->stamps = values->stamps;
    t->memo_count = values->memo_count;
    *values = now;
}

/* Room for the scans of all tags that there are now; `known` have theirs. */
static void grow_tags(const Ir *ir, Values *values, size_t known) {
    const size_t count = ir->tables->tag_count;
    Ref *scans = arena_array(ir->arena, Ref, count + 1);
    if (known > 0) {
        memcpy(scans, values->scan_of_tag, known * sizeof *scans);
    }
    values->scan_of_tag = scans;
    values->tag_capacity = count + 1;
}

/* No values but the unused one, in the room that there is. */
static void empty(const Ir *ir, Values *values) {
    for (size_t k = 0; k < values->chunk_count; k++) {
        memset(values->chunks[k], 0, CHUNK_SIZE * sizeof(Node));
    }
    if (values->chunk_count == 0) {
        values->chunks = arena_grow(ir->arena, values->chunks, 0, &values->chunk_capacity,
                                    sizeof *values->chunks);
        values->chunks[values->chunk_count++] = arena_array(ir->arena, Node, CHUNK_SIZE);
    }
    if (values->slot_count > 0) {
        memset(values->slots, 0, values->slot_count * sizeof *values->slots);
    }
    if (values->memo_count > 0) {
        memset(values->stamps, 0, values->memo_count * sizeof *values->stamps);
    }
    values->count = 1;
    grow_tags(ir, values, 0);
}

static const Node *node_of(const Values *values, Ref v) {
    return &values->chunks[v / CHUNK_SIZE][v % CHUNK_SIZE];
}

static void make_room(IrAside *aside, uint32_t count) {
    while (aside->arg_capacity < count) {
        aside->args = arena_grow(aside->ir->arena, aside->args, aside->arg_capacity,
                                 &aside->arg_capacity, sizeof *aside->args);
    }
}

/* The node v of `values`, of which `map` tells what its operands are now. */
static Node with_operands(IrAside *aside, const Values *values, Ref v, const Ref *map) {
    Node node = *node_of(values, v);
    make_room(aside, node.arg_count);
    for (uint32_t k = 0; k < node.arg_count; k++) {
        aside->args[k] = map[node.args[k]];
    }
    node.args = aside->args;
    return node;
}

/* As it is. */
static Ref add(Ir *ir, const Node *node) {
    const Ref made = ir_make(ir, node);
    if (node->op == OP_SCAN) {
        ir->tables->scan_of_tag[node->as.scan.tag] = made;
    }
    return made;
}

void ir_aside_begin(IrAside *aside, Ref *roots, size_t count) {
    Ir *ir = aside->ir;
    const Span at = ir->at;
    find_needed(aside, roots, count);
    aside->tag_count = ir->tables->tag_count;
    empty(ir, &aside->few);
    exchange(ir, &aside->few);
    for (size_t k = 0; k < aside->count; k++) {
        const Node node = with_operands(aside, &aside->few, aside->list[k], aside->map);
        ir->at = node.span;
        aside->map[aside->list[k]] = add(ir, &node);
    }
    for (size_t k = 0; k < count; k++) {
        roots[k] = aside->map[roots[k]];
    }
    ir->at = at;
}

Ref ir_aside_end(IrAside *aside, Ref v) {
    Ir *ir = aside->ir;
    const Span at = ir->at;
    const Ref top = ir_count(ir);
    const bool *reached = ir_reach(ir, &v, v == REF_NONE ? 0 : 1);
    Ref *map = arena_array(ir->arena, Ref, top);
    exchange(ir, &aside->few);
    if (ir->tables->tag_count > aside->tag_count) {
        Values whole = {.scan_of_tag = ir->tables->scan_of_tag};
        grow_tags(ir, &whole, aside->tag_count);
        ir->tables->scan_of_tag = whole.scan_of_tag;
        ir->tables->tag_capacity = whole.tag_capacity;
    }
    for (size_t k = 0; k < aside->count; k++) {
        map[aside->map[aside->list[k]]] = aside->list[k];
    }
    for (Ref u = 1; u < top; u++) {
        if (!reached[u] || map[u] != REF_NONE) {
            continue;
        }
        const Node node = with_operands(aside, &aside->few, u, map);
        const bool recurrence = node.op == OP_STATE || node.op == OP_SCAN;
        ir->at = node.span;
        map[u] = recurrence ? add(ir, &node) : ir_rebuild_node(ir, &node, node.args);
    }
    ir->at = at;
    return map[v];
}
