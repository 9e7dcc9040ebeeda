/* dim.c: sizes: polynomials in normal form, so that equal sizes are one Dim. */
#include "ir/tables.h"

#include <string.h>

/* The work space of a large program is a sum of very many sizes. */
enum { TERM_LIMIT = 1024, DEGREE_LIMIT = 16 };

/* A polynomial under construction; it begins with `count` alone, for it is large. */
typedef struct {
    uint32_t count;
    struct {
        int64_t coefficient;
        uint32_t degree;
        uint32_t atoms[DEGREE_LIMIT];
    } terms[TERM_LIMIT];
} Sum;

/* ---- terms ----------------------------------------------------------------------------------- */

/* Descending degree, then ascending atoms. */
static int compare_products(const uint32_t *a, uint32_t a_degree, const uint32_t *b,
                            uint32_t b_degree) {
    if (a_degree != b_degree) {
        return a_degree > b_degree ? -1 : 1;
    }
    for (uint32_t k = 0; k < a_degree; k++) {
        if (a[k] != b[k]) {
            return a[k] < b[k] ? -1 : 1;
        }
    }
    return 0;
}

static void sum_add(Sum *sum, int64_t coefficient, const uint32_t *atoms, uint32_t degree) {
    if (coefficient == 0) {
        return;
    }
    uint32_t at = 0;
    for (; at < sum->count; at++) {
        int order = compare_products(sum->terms[at].atoms, sum->terms[at].degree, atoms, degree);
        if (order == 0) {
            sum->terms[at].coefficient += coefficient;
            if (sum->terms[at].coefficient == 0) {
                sum->count--;
                memmove(&sum->terms[at], &sum->terms[at + 1],
                        (sum->count - at) * sizeof sum->terms[0]);
            }
            return;
        }
        if (order > 0) {
            break;
        }
    }
    if (sum->count == TERM_LIMIT || degree > DEGREE_LIMIT) {
        fatal("a size is too long: more than %d terms", TERM_LIMIT);
    }
    memmove(&sum->terms[at + 1], &sum->terms[at], (sum->count - at) * sizeof sum->terms[0]);
    sum->terms[at].coefficient = coefficient;
    sum->terms[at].degree = degree;
    for (uint32_t k = 0; k < degree; k++) {
        sum->terms[at].atoms[k] = atoms[k];
    }
    sum->count++;
}

static void sum_add_poly(Sum *sum, const Poly *poly, int64_t factor) {
    for (uint32_t k = 0; k < poly->count; k++) {
        const Term *term = &poly->terms[k];
        sum_add(sum, factor * term->coefficient, term->atoms, term->degree);
    }
}

/* sum += coefficient · Π atoms · poly */
static void sum_add_product(Sum *sum, int64_t coefficient, const uint32_t *atoms, uint32_t degree,
                            const Poly *poly) {
    for (uint32_t k = 0; k < poly->count; k++) {
        const Term *term = &poly->terms[k];
        uint32_t merged[2 * DEGREE_LIMIT], count = 0, i = 0, j = 0;
        if (degree + term->degree > DEGREE_LIMIT) {
            fatal("a size is a product of more than %d factors", DEGREE_LIMIT);
        }
        while (i < degree || j < term->degree) {
            bool first = j == term->degree || (i < degree && atoms[i] <= term->atoms[j]);
            merged[count++] = first ? atoms[i++] : term->atoms[j++];
        }
        sum_add(sum, coefficient * term->coefficient, merged, count);
    }
}

/* ---- the table ------------------------------------------------------------------------------- */

const Poly *ir_dim_poly(const Ir *ir, Dim d) {
    if (d == DIM_NONE || d >= ir->tables->dim_count) {
        ice("ir", "no dim %u", (unsigned)d);
    }
    return &ir->tables->dims[d];
}

static bool sum_equals(const Sum *sum, const Poly *poly) {
    if (sum->count != poly->count) {
        return false;
    }
    for (uint32_t k = 0; k < sum->count; k++) {
        const Term *term = &poly->terms[k];
        if (sum->terms[k].coefficient != term->coefficient ||
            compare_products(sum->terms[k].atoms, sum->terms[k].degree, term->atoms,
                             term->degree) != 0) {
            return false;
        }
    }
    return true;
}

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 29);
}

static uint64_t poly_hash(const Poly *poly) {
    uint64_t hash = poly->count;
    for (uint32_t k = 0; k < poly->count; k++) {
        const Term *term = &poly->terms[k];
        hash = mix(hash, (uint64_t)term->coefficient);
        for (uint32_t j = 0; j < term->degree; j++) {
            hash = mix(hash, (uint64_t)term->atoms[j] + 1);
        }
    }
    return hash;
}

static uint64_t sum_hash(const Sum *sum) {
    Term terms[TERM_LIMIT];
    for (uint32_t k = 0; k < sum->count; k++) {
        terms[k] = (Term){sum->terms[k].coefficient, sum->terms[k].degree, sum->terms[k].atoms};
    }
    return poly_hash(&(Poly){sum->count, terms});
}

/* The table of dims by their hash, open addressing; twice as large where it is half full. */
static void index_dims(Ir *ir) {
    struct IrTables *tables = ir->tables;
    size_t slots = tables->dim_slot_count ? 2 * tables->dim_slot_count : 64;
    while (slots < 2 * tables->dim_count + 2) {
        slots *= 2;
    }
    tables->dim_slots = arena_array(ir->arena, Dim, slots);
    tables->dim_slot_count = slots;
    for (size_t d = 1; d < tables->dim_count; d++) {
        size_t at = (size_t)poly_hash(&tables->dims[d]) & (slots - 1);
        while (tables->dim_slots[at] != DIM_NONE) {
            at = (at + 1) & (slots - 1);
        }
        tables->dim_slots[at] = (Dim)d;
    }
}

static Dim intern_sum(Ir *ir, const Sum *sum) {
    struct IrTables *tables = ir->tables;
    if (2 * tables->dim_count + 2 > tables->dim_slot_count) {
        index_dims(ir);
    }
    size_t at = (size_t)sum_hash(sum) & (tables->dim_slot_count - 1);
    for (; tables->dim_slots[at] != DIM_NONE; at = (at + 1) & (tables->dim_slot_count - 1)) {
        if (sum_equals(sum, &tables->dims[tables->dim_slots[at]])) {
            return tables->dim_slots[at];
        }
    }
    if (tables->dim_count > 0) { /* number 0 is DIM_NONE */
        tables->dim_slots[at] = (Dim)tables->dim_count;
    }
    Term *terms = arena_array(ir->arena, Term, sum->count);
    for (uint32_t k = 0; k < sum->count; k++) {
        uint32_t degree = sum->terms[k].degree;
        uint32_t *atoms = arena_array(ir->arena, uint32_t, degree);
        memcpy(atoms, sum->terms[k].atoms, degree * sizeof *atoms);
        terms[k] = (Term){sum->terms[k].coefficient, degree, atoms};
    }
    tables->dims = arena_grow(ir->arena, tables->dims, tables->dim_count, &tables->dim_capacity,
                              sizeof *tables->dims);
    tables->dims[tables->dim_count] = (Poly){sum->count, terms};
    return (Dim)tables->dim_count++;
}

/* The newest first: no other was put behind it in the hash table. */
void ir_dims_forget(const Ir *ir, const struct IrTables *later) {
    const struct IrTables *tables = ir->tables;
    const size_t mask = tables->dim_slot_count - 1;
    for (size_t d = later->dim_count; d-- > tables->dim_count && tables->dim_slot_count > 0;) {
        size_t at = (size_t)poly_hash(&later->dims[d]) & mask;
        while (tables->dim_slots[at] != DIM_NONE && tables->dim_slots[at] != d) {
            at = (at + 1) & mask;
        }
        tables->dim_slots[at] = DIM_NONE;
    }
}

void ir_dims_init(Ir *ir) {
    Sum none;
    none.count = 1; /* a value that no sum has: a term with coefficient 0 */
    none.terms[0].coefficient = 0;
    none.terms[0].degree = 0;
    intern_sum(ir, &none);
}

static Dim add_atom(Ir *ir, Atom atom) {
    struct IrTables *tables = ir->tables;
    uint32_t number = (uint32_t)tables->atom_count;
    tables->atoms = arena_grow(ir->arena, tables->atoms, tables->atom_count, &tables->atom_capacity,
                               sizeof *tables->atoms);
    if (atom.kind == ATOM_SYMBOL) {
        tables->symbols = arena_grow(ir->arena, tables->symbols, tables->symbol_count,
                                     &tables->symbol_capacity, sizeof *tables->symbols);
        atom.number = (uint32_t)tables->symbol_count;
        tables->symbols[tables->symbol_count++] = number;
    }
    Sum sum;
    sum.count = 0;
    sum_add(&sum, 1, &number, 1);
    atom.dim = intern_sum(ir, &sum);
    tables->atoms[tables->atom_count++] = atom;
    return atom.dim;
}

Dim dim_const(Ir *ir, int64_t value) {
    Sum sum;
    sum.count = 0;
    sum_add(&sum, value, NULL, 0);
    return intern_sum(ir, &sum);
}

Dim dim_symbol(Ir *ir, Name name) {
    struct IrTables *tables = ir->tables;
    for (size_t k = 0; k < tables->symbol_count; k++) {
        if (tables->atoms[tables->symbols[k]].name == name) {
            return tables->atoms[tables->symbols[k]].dim;
        }
    }
    return add_atom(ir, (Atom){.kind = ATOM_SYMBOL, .name = name});
}

static const Atom *atom_of(const Ir *ir, Dim d) {
    const Poly *poly = ir_dim_poly(ir, d);
    if (poly->count != 1 || poly->terms[0].degree != 1 || poly->terms[0].coefficient != 1) {
        return NULL;
    }
    return &ir->tables->atoms[poly->terms[0].atoms[0]];
}

static const Atom *symbol_of(const Ir *ir, Dim d) {
    const Atom *atom = atom_of(ir, d);
    return atom != NULL && atom->kind == ATOM_SYMBOL ? atom : NULL;
}

void dim_bind(Ir *ir, Dim symbol, int64_t value) {
    const Atom *atom = symbol_of(ir, symbol);
    if (atom == NULL) {
        ice("ir", "dim_bind of what is no symbol");
    }
    Atom *changed = &ir->tables->atoms[atom - ir->tables->atoms];
    changed->known = true;
    changed->value = value;
}

size_t dim_symbol_count(const Ir *ir) {
    return ir->tables->symbol_count;
}

Dim dim_symbol_at(const Ir *ir, size_t k) {
    return ir->tables->atoms[ir->tables->symbols[k]].dim;
}

size_t dim_symbol_number(const Ir *ir, Dim symbol) {
    const Atom *atom = symbol_of(ir, symbol);
    if (atom == NULL) {
        ice("ir", "dim_symbol_number of what is no symbol");
    }
    return atom->number;
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

Dim dim_add(Ir *ir, Dim a, Dim b) {
    Sum sum;
    sum.count = 0;
    sum_add_poly(&sum, ir_dim_poly(ir, a), 1);
    sum_add_poly(&sum, ir_dim_poly(ir, b), 1);
    return intern_sum(ir, &sum);
}

Dim dim_sub(Ir *ir, Dim a, Dim b) {
    Sum sum;
    sum.count = 0;
    sum_add_poly(&sum, ir_dim_poly(ir, a), 1);
    sum_add_poly(&sum, ir_dim_poly(ir, b), -1);
    return intern_sum(ir, &sum);
}

Dim dim_mul(Ir *ir, Dim a, Dim b) {
    Sum sum;
    sum.count = 0;
    const Poly *left = ir_dim_poly(ir, a);
    for (uint32_t k = 0; k < left->count; k++) {
        const Term *term = &left->terms[k];
        sum_add_product(&sum, term->coefficient, term->atoms, term->degree, ir_dim_poly(ir, b));
    }
    return intern_sum(ir, &sum);
}

static int64_t floor_quotient(int64_t a, int64_t b) {
    int64_t q = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

/* a = b · quotient, by leading terms; false when there is a remainder. */
static bool divide_exactly(Ir *ir, Dim a, Dim b, Dim *quotient) {
    Sum rest, result;
    rest.count = result.count = 0;
    const Poly *divisor = ir_dim_poly(ir, b);
    sum_add_poly(&rest, ir_dim_poly(ir, a), 1);
    if (divisor->count == 0) {
        return false;
    }
    const Term *lead = &divisor->terms[0];
    for (int step = 0; rest.count > 0; step++) {
        uint32_t left[DEGREE_LIMIT], count = 0, j = 0;
        for (uint32_t k = 0; k < rest.terms[0].degree; k++) {
            if (j < lead->degree && rest.terms[0].atoms[k] == lead->atoms[j]) {
                j++;
            } else {
                left[count++] = rest.terms[0].atoms[k];
            }
        }
        int64_t coefficient = rest.terms[0].coefficient;
        if (j < lead->degree || coefficient % lead->coefficient != 0 || step == TERM_LIMIT) {
            return false;
        }
        coefficient /= lead->coefficient;
        sum_add(&result, coefficient, left, count);
        sum_add_product(&rest, -coefficient, left, count, divisor);
    }
    *quotient = intern_sum(ir, &result);
    return true;
}

/* a = b · whole + rest, with coefficients of rest in 0 … b-1, for a constant b. */
static void split(Ir *ir, Dim a, int64_t b, Dim *whole, Dim *rest) {
    Sum quotient, remainder;
    quotient.count = remainder.count = 0;
    const Poly *poly = ir_dim_poly(ir, a);
    for (uint32_t k = 0; k < poly->count; k++) {
        const Term *term = &poly->terms[k];
        int64_t q = floor_quotient(term->coefficient, b);
        sum_add(&quotient, q, term->atoms, term->degree);
        sum_add(&remainder, term->coefficient - q * b, term->atoms, term->degree);
    }
    *whole = intern_sum(ir, &quotient);
    *rest = intern_sum(ir, &remainder);
}

static Dim make_atom(Ir *ir, AtomKind kind, Dim a, Dim b) {
    for (size_t k = 0; k < ir->tables->atom_count; k++) {
        const Atom *atom = &ir->tables->atoms[k];
        if (atom->kind == kind && atom->a == a && atom->b == b) {
            return atom->dim;
        }
    }
    return add_atom(ir, (Atom){.kind = kind, .a = a, .b = b});
}

Dim dim_floordiv(Ir *ir, Dim a, Dim b) {
    int64_t divisor, value;
    Dim quotient, rest;
    if (divide_exactly(ir, a, b, &quotient)) {
        return quotient;
    }
    if (!dim_is_const(ir, b, &divisor) || divisor <= 0) {
        return make_atom(ir, ATOM_QUOTIENT, a, b);
    }
    split(ir, a, divisor, &quotient, &rest);
    if (dim_is_const(ir, rest, &value)) {
        return quotient; /* 0 ≤ value < divisor */
    }
    return dim_add(ir, quotient, make_atom(ir, ATOM_QUOTIENT, rest, b));
}

Dim dim_mod(Ir *ir, Dim a, Dim b) {
    int64_t divisor, value;
    Dim quotient, rest;
    if (divide_exactly(ir, a, b, &quotient)) {
        return dim_const(ir, 0);
    }
    if (!dim_is_const(ir, b, &divisor) || divisor <= 0) {
        return make_atom(ir, ATOM_REMAINDER, a, b);
    }
    split(ir, a, divisor, &quotient, &rest);
    if (dim_is_const(ir, rest, &value)) {
        return rest;
    }
    return make_atom(ir, ATOM_REMAINDER, rest, b);
}

/* ---- queries --------------------------------------------------------------------------------- */

bool dim_is_const(const Ir *ir, Dim d, int64_t *value) {
    const Poly *poly = ir_dim_poly(ir, d);
    if (poly->count > 1 || (poly->count == 1 && poly->terms[0].degree > 0)) {
        return false;
    }
    *value = poly->count ? poly->terms[0].coefficient : 0;
    return true;
}

bool dim_is_symbol(const Ir *ir, Dim d, Name *name) {
    const Atom *atom = symbol_of(ir, d);
    if (atom == NULL) {
        return false;
    }
    *name = atom->name;
    return true;
}

/* Value where symbol k has symbols[k], or its bound value if symbols is NULL; false where one is
 * not known or a divisor is 0. Recursion over the nesting of quotients. */
static bool evaluate(const Ir *ir, Dim d, const int64_t *symbols, int64_t *value) {
    const Poly *poly = ir_dim_poly(ir, d);
    *value = 0;
    for (uint32_t k = 0; k < poly->count; k++) {
        int64_t product = poly->terms[k].coefficient;
        for (uint32_t j = 0; j < poly->terms[k].degree; j++) {
            const Atom *atom = &ir->tables->atoms[poly->terms[k].atoms[j]];
            int64_t factor, a, b;
            if (atom->kind == ATOM_SYMBOL) {
                if (symbols == NULL && !atom->known) {
                    return false;
                }
                factor = symbols != NULL ? symbols[atom->number] : atom->value;
            } else {
                if (!evaluate(ir, atom->a, symbols, &a) || !evaluate(ir, atom->b, symbols, &b) ||
                    b == 0) {
                    return false;
                }
                int64_t q = floor_quotient(a, b);
                factor = atom->kind == ATOM_QUOTIENT ? q : a - q * b;
            }
            product *= factor;
        }
        *value += product;
    }
    return true;
}

bool dim_value(const Ir *ir, Dim d, int64_t *value) {
    return evaluate(ir, d, NULL, value);
}

int64_t dim_evaluate(const Ir *ir, Dim d, const int64_t *symbols) {
    int64_t value;
    if (!evaluate(ir, d, symbols, &value)) {
        fatal("the size `%s` divides by zero", dim_text(ir, d));
    }
    return value;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void write_dim(const Ir *ir, Text *text, Dim d, bool rpn, bool tight);

static void write_atom(const Ir *ir, Text *text, uint32_t number, bool rpn) {
    const Atom *atom = &ir->tables->atoms[number];
    if (atom->kind == ATOM_SYMBOL) {
        text_add(text, atom->name);
        return;
    }
    write_dim(ir, text, atom->a, rpn, true);
    text_add(text, rpn ? " " : atom->kind == ATOM_QUOTIENT ? "//" : "%");
    write_dim(ir, text, atom->b, rpn, true);
    if (rpn) {
        text_add(text, atom->kind == ATOM_QUOTIENT ? " //" : " %");
    }
}

static bool is_symbol_atom(const Ir *ir, uint32_t number) {
    return ir->tables->atoms[number].kind == ATOM_SYMBOL;
}

/* |coefficient| · Π atoms. Quotients come in parentheses unless they stand alone. */
static void write_product(const Ir *ir, Text *text, const Term *term, bool rpn) {
    int64_t coefficient = term->coefficient < 0 ? -term->coefficient : term->coefficient;
    uint32_t written = 0;
    if (coefficient != 1 || term->degree == 0) {
        text_format(text, "%lld", (long long)coefficient);
        written++;
    }
    for (uint32_t k = 0; k < term->degree; k++) {
        bool parentheses =
            !rpn && !is_symbol_atom(ir, term->atoms[k]) && (term->degree > 1 || coefficient != 1);
        text_add(text, written == 0 ? "" : rpn ? " " : "*");
        text_add(text, parentheses ? "(" : "");
        write_atom(ir, text, term->atoms[k], rpn);
        text_add(text, parentheses ? ")" : "");
        text_add(text, written > 0 && rpn ? " *" : "");
        written++;
    }
}

/* Σ terms, beginning with a positive one if there is one. */
static void write_sum(const Ir *ir, Text *text, const Poly *poly, bool rpn) {
    uint32_t first = 0;
    while (first < poly->count && poly->terms[first].coefficient < 0) {
        first++;
    }
    if (poly->count == 0) {
        text_add(text, "0");
        return;
    }
    if (first == poly->count) {
        first = 0;
        text_add(text, rpn ? "0 " : "-");
        write_product(ir, text, &poly->terms[0], rpn);
        text_add(text, rpn ? " -" : "");
    } else {
        write_product(ir, text, &poly->terms[first], rpn);
    }
    for (uint32_t k = 0; k < poly->count; k++) {
        if (k == first) {
            continue;
        }
        const char *operator= poly->terms[k].coefficient<0 ? "-" : "+";
        text_format(text, rpn ? " " : " %s ", operator);
        write_product(ir, text, &poly->terms[k], rpn);
        if (rpn) {
            text_format(text, " %s", operator);
        }
    }
}

/* The atom that is a factor of every term, if there are several terms; else false. */
static bool common_atom(const Poly *poly, uint32_t *common) {
    if (poly->count < 2) {
        return false;
    }
    for (uint32_t k = 0; k < poly->terms[0].degree; k++) {
        uint32_t atom = poly->terms[0].atoms[k], found = 0;
        for (uint32_t j = 0; j < poly->count; j++) {
            for (uint32_t i = 0; i < poly->terms[j].degree; i++) {
                if (poly->terms[j].atoms[i] == atom) {
                    found++;
                    break;
                }
            }
        }
        if (found == poly->count) {
            *common = atom;
            return true;
        }
    }
    return false;
}

/* D·D + D as D*(D + 1). */
static void write_factored(const Ir *ir, Text *text, const Poly *poly, uint32_t common, bool rpn) {
    Sum rest;
    rest.count = 0;
    for (uint32_t k = 0; k < poly->count; k++) {
        uint32_t atoms[DEGREE_LIMIT], count = 0;
        bool dropped = false;
        for (uint32_t j = 0; j < poly->terms[k].degree; j++) {
            if (!dropped && poly->terms[k].atoms[j] == common) {
                dropped = true;
            } else {
                atoms[count++] = poly->terms[k].atoms[j];
            }
        }
        sum_add(&rest, poly->terms[k].coefficient, atoms, count);
    }
    Term terms[TERM_LIMIT];
    for (uint32_t k = 0; k < rest.count; k++) {
        terms[k] = (Term){rest.terms[k].coefficient, rest.terms[k].degree, rest.terms[k].atoms};
    }
    Poly inner = {rest.count, terms};
    bool parentheses = !rpn && !is_symbol_atom(ir, common);
    text_add(text, parentheses ? "(" : "");
    write_atom(ir, text, common, rpn);
    text_add(text, parentheses ? ")" : "");
    text_add(text, rpn ? " " : "*(");
    write_sum(ir, text, &inner, rpn);
    text_add(text, rpn ? " *" : ")");
}

/* `tight`: as an operand of // or %: a sum and a product that is not a single word are in
 * parentheses, but for D*(D + 1), which needs none on the left. */
static void write_dim(const Ir *ir, Text *text, Dim d, bool rpn, bool tight) {
    const Poly *poly = ir_dim_poly(ir, d);
    uint32_t common;
    bool factored = common_atom(poly, &common);
    bool simple =
        poly->count == 0 || (poly->count == 1 && poly->terms[0].coefficient > 0 &&
                             (poly->terms[0].degree == 0 ||
                              (poly->terms[0].degree == 1 && poly->terms[0].coefficient == 1 &&
                               is_symbol_atom(ir, poly->terms[0].atoms[0]))));
    bool parentheses = tight && !rpn && !simple && !factored;
    text_add(text, parentheses ? "(" : "");
    if (factored) {
        write_factored(ir, text, poly, common, rpn);
    } else {
        write_sum(ir, text, poly, rpn);
    }
    text_add(text, parentheses ? ")" : "");
}

const char *dim_text(const Ir *ir, Dim d) {
    Text text;
    text_init(&text, ir->arena);
    write_dim(ir, &text, d, false, false);
    return text.data;
}

const char *dim_rpn(const Ir *ir, Dim d) {
    Text text;
    text_init(&text, ir->arena);
    write_dim(ir, &text, d, true, false);
    return text.data;
}

bool dim_mentions(const Ir *ir, Dim d, Dim symbol) {
    Name name;
    if (!dim_is_symbol(ir, symbol, &name)) {
        return false;
    }
    size_t length = strlen(name);
    for (const char *word = dim_rpn(ir, d); *word;) {
        size_t here = strcspn(word, " ");
        if (here == length && strncmp(word, name, length) == 0) {
            return true;
        }
        word += here;
        word += strspn(word, " ");
    }
    return false;
}
