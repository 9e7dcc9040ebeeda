/* tables.h: what only src/ir knows of an Ir: nodes, the hash table, dims, indices, tags. */
#ifndef GRADC_IR_TABLES_H
#define GRADC_IR_TABLES_H

#include "ir/ir.h"

/* ---- dims: polynomials whose atoms are symbols, quotients and remainders --------------------- */

typedef enum { ATOM_SYMBOL, ATOM_QUOTIENT, ATOM_REMAINDER } AtomKind;

typedef struct {
    AtomKind kind;
    Name name;  /* SYMBOL */
    bool known; /* SYMBOL: bound to `value` at compile time */
    int64_t value;
    uint32_t number; /* SYMBOL: its place among the symbols */
    Dim a, b;        /* QUOTIENT, REMAINDER: of a by b */
    Dim dim;         /* the dim that is this atom alone */
} Atom;

/* coefficient · Π atoms: the atoms in ascending order, repeated for powers. */
typedef struct {
    int64_t coefficient;
    uint32_t degree;
    const uint32_t *atoms;
} Term;

/* Σ terms, without zero coefficients, in descending order of degree, then by atoms: the constant is
 * last. No terms: 0. */
typedef struct {
    uint32_t count;
    const Term *terms;
} Poly;

typedef struct {
    Dim dim;
    unsigned ordinal;
} IndexInfo;

enum { CHUNK_SIZE = 128 };

struct IrTables {
    Node **chunks; /* node v is chunks[v / CHUNK_SIZE][v % CHUNK_SIZE]: addresses never change */
    size_t chunk_count, chunk_capacity;
    uint32_t count;    /* nodes, the unused node 0 included */
    Ref *slots;        /* hash table, open addressing; REF_NONE: empty */
    uint32_t *hashes;  /* of what is there: nodes are looked at only where these agree */
    size_t slot_count; /* a power of two */

    Poly *dims; /* [0] is DIM_NONE */
    size_t dim_count, dim_capacity;
    Dim *dim_slots; /* hash table of them */
    size_t dim_slot_count;
    Atom *atoms;
    size_t atom_count, atom_capacity;
    uint32_t *symbols; /* atoms that are symbols, in the order they were made */
    size_t symbol_count, symbol_capacity;

    IndexInfo indices[INDEX_LIMIT];
    unsigned index_count;
    bool overflowed;

    Ref *scan_of_tag; /* [0] is unused: tags begin at 1 */
    size_t tag_count, tag_capacity;
    bool keep_deposits; /* deposit solving is off */

    struct EvalMemo *evaluations; /* of the interpreter; NULL: none yet */

    Ref *memo; /* scratch of ir_subst: memo[v] holds when stamp[v] is the current `stamp_now` */
    uint32_t *stamps;
    uint32_t stamp_now;
    size_t memo_count;
};

/* ---- module.c -------------------------------------------------------------------------------- */

/* The node as given, hash-consed; `args`, `shape` and lists are copied when it is new. `free` and
 * `span` are filled in here, but `free` is taken as given for states. No rewriting. */
Ref ir_make(Ir *ir, const Node *node);
/* F(v) by the table of op.def. */
IndexSet ir_free_of(const Ir *ir, const Node *node);
/* The same, where `free` are the indices that the operands have together. */
IndexSet ir_free_over(const Node *node, IndexSet free);
const Poly *ir_dim_poly(const Ir *ir, Dim d);
void ir_dims_init(Ir *ir);
/* Takes out of the hash table of ir the dims that only `later` has, a copy of its tables that grew.
 */
void ir_dims_forget(const Ir *ir, const struct IrTables *later);

/* A node without attributes: op, kind and operands. */
Ref ir_make_plain(Ir *ir, Op op, Kind kind, const Ref *args, uint32_t count);
Ref ir_make_call(Ir *ir, BuiltinId f, Kind kind, const Ref *args, uint32_t count);
/* A sum, max, … node. */
Ref ir_make_reduction(Ir *ir, Op op, Kind kind, Index i, Ref a);
Ref ir_make_deposit(Ir *ir, IndexSet bound, const Index *targets, const Ref *positions,
                    unsigned count, Ref a);

/* ---- linear.c: whole numbers as Σ coefficient · atom + dim ----------------------------------- */

enum { LINEAR_LIMIT = 16 };
typedef struct {
    Dim constant;
    unsigned count;
    struct {
        int64_t coefficient;
        Ref atom; /* not a sum, difference, negative or constant multiple itself; ids ascend */
    } terms[LINEAR_LIMIT];
} Linear;

/* False when there are too many terms or a coefficient overflows: then the value is left alone. */
bool linear_of(Ir *ir, Ref v, Linear *linear);
/* sum := a + factor · b */
bool linear_add(Ir *ir, Linear *sum, const Linear *a, int64_t factor, const Linear *b);
Ref linear_build(Ir *ir, const Linear *linear);
/* Is the value ≥ least for all values of its indices and int leaves? Conservative. */
bool linear_proves(Ir *ir, const Linear *linear, int64_t least);

/* The lowest index of a set: for (IndexSet s = set; s != 0; s &= s - 1) { Index i = index_first(s);
 * … } */
static inline Index index_first(IndexSet set) {
    return (Index)__builtin_ctzll(set);
}

#endif
