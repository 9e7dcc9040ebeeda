/* dim_prove.c: inequalities of sizes. A difference is ≥ 0 for all symbols ≥ 1 when, written in s' =
 * s - 1, it has no negative coefficient. Quotients and remainders are replaced by bounds first. */
#include "ir/tables.h"

#include <string.h>

enum { DEPTH_LIMIT = 4, SYMBOL_LIMIT = 3, DIVISOR_LIMIT = 6 };

static bool proves_nonnegative(Ir *ir, Dim d, int depth);

/* The coefficient sign of an atom in d: +1, -1, or 0 when it occurs with both signs or not alone.
 */
static int atom_sign(const Poly *poly, uint32_t atom, bool *found) {
    int sign = 2;
    *found = false;
    for (uint32_t k = 0; k < poly->count; k++) {
        const Term *term = &poly->terms[k];
        uint32_t times = 0;
        for (uint32_t j = 0; j < term->degree; j++) {
            times += term->atoms[j] == atom;
        }
        if (times == 0) {
            continue;
        }
        *found = true;
        int here = term->coefficient > 0 ? 1 : -1;
        sign = times > 1 || (sign != 2 && sign != here) ? 0 : here;
        if (sign == 0) {
            return 0;
        }
    }
    return sign;
}

/* d with atom := bound, each term multiplied by `scale` where the atom is not: scale · d(bound /
 * scale). */
static Dim replace_atom(Ir *ir, Dim d, uint32_t atom, Dim bound, int64_t scale) {
    Dim result = dim_const(ir, 0);
    uint32_t count = ir_dim_poly(ir, d)->count;
    for (uint32_t k = 0; k < count; k++) {
        const Term term = ir_dim_poly(ir, d)->terms[k];
        Dim product = dim_const(ir, term.coefficient);
        bool replaced = false;
        for (uint32_t j = 0; j < term.degree; j++) {
            bool here = !replaced && term.atoms[j] == atom;
            replaced = replaced || here;
            product = dim_mul(ir, product, here ? bound : ir->tables->atoms[term.atoms[j]].dim);
        }
        if (!replaced) {
            product = dim_mul(ir, product, dim_const(ir, scale));
        }
        result = dim_add(ir, result, product);
    }
    return result;
}

/* The atoms of a polynomial, each once, and a remainder for each. */
typedef struct {
    uint32_t count;
    uint32_t atoms[SYMBOL_LIMIT];
    int64_t rest[SYMBOL_LIMIT];
} Residues;

static uint32_t place_of(const Residues *r, uint32_t atom) {
    uint32_t at = 0;
    while (at < r->count && r->atoms[at] != atom) {
        at++;
    }
    return at;
}

static bool take_atoms(const Poly *poly, Residues *r) {
    for (uint32_t k = 0; k < poly->count; k++) {
        for (uint32_t j = 0; j < poly->terms[k].degree; j++) {
            uint32_t at = place_of(r, poly->terms[k].atoms[j]);
            if (at == SYMBOL_LIMIT) {
                return false;
            }
            r->atoms[at] = poly->terms[k].atoms[j];
            r->count += at == r->count;
        }
    }
    return true;
}

static int64_t remainder_at(const Poly *poly, const Residues *r, int64_t divisor) {
    int64_t value = 0;
    for (uint32_t k = 0; k < poly->count; k++) {
        int64_t product = poly->terms[k].coefficient % divisor;
        for (uint32_t j = 0; j < poly->terms[k].degree; j++) {
            product = product * r->rest[place_of(r, poly->terms[k].atoms[j])] % divisor;
        }
        value = (value + product) % divisor;
    }
    return value;
}

/* The next remainders of all; false: those were the last. */
static bool next_remainders(Residues *r, int64_t divisor) {
    for (uint32_t at = 0; at < r->count; at++) {
        if (++r->rest[at] < divisor) {
            return true;
        }
        r->rest[at] = 0;
    }
    return false;
}

/* Does a constant divide a whatever the atoms are, as 2 does n·(n + 1)? Their remainders say it. */
static bool divides_always(const Ir *ir, Dim a, int64_t divisor) {
    const Poly *poly = ir_dim_poly(ir, a);
    Residues r = {0};

    if (divisor > DIVISOR_LIMIT || !take_atoms(poly, &r)) {
        return false;
    }
    bool zero;
    do {
        zero = remainder_at(poly, &r, divisor) == 0;
    } while (zero && next_remainders(&r, divisor));
    return zero;
}

/* Replaces one quotient or remainder by a bound that makes d smaller; the terms that hold it have
 * factors that are ≥ 0. Returns whether d ≥ 0 was proved. */
static bool prove_by_bound(Ir *ir, Dim d, uint32_t number, int depth) {
    Atom atom = ir->tables->atoms[number];
    bool found;
    int64_t divisor;
    int sign = atom_sign(ir_dim_poly(ir, d), number, &found);
    if (sign == 0 || !dim_is_const(ir, atom.b, &divisor) || divisor <= 0) {
        return false;
    }
    Dim one = dim_const(ir, 1);
    if (atom.kind == ATOM_REMAINDER) { /* 0 … divisor - 1 */
        Dim bound = sign > 0 ? dim_const(ir, 0) : dim_sub(ir, atom.b, one);
        return proves_nonnegative(ir, replace_atom(ir, d, number, bound, 1), depth);
    }
    /* (a - divisor + 1) / divisor ≤ quotient ≤ a / divisor; and it is ≥ 0 if a is */
    Dim low = divides_always(ir, atom.a, divisor) ? atom.a
                                                  : dim_sub(ir, dim_add(ir, atom.a, one), atom.b);
    Dim bound = sign > 0 ? low : atom.a;
    /* d is whole: divisor · d > -divisor is enough */
    Dim scaled =
        dim_add(ir, replace_atom(ir, d, number, bound, divisor), dim_const(ir, divisor - 1));
    if (proves_nonnegative(ir, scaled, depth)) {
        return true;
    }
    return sign > 0 && proves_nonnegative(ir, atom.a, depth) &&
           proves_nonnegative(ir, replace_atom(ir, d, number, dim_const(ir, 0), 1), depth);
}

/* Bound symbols at their values, the others as 1 + s'. */
static bool prove_symbols(Ir *ir, Dim d) {
    Dim result = dim_const(ir, 0), one = dim_const(ir, 1);
    uint32_t count = ir_dim_poly(ir, d)->count;
    for (uint32_t k = 0; k < count; k++) {
        const Term term = ir_dim_poly(ir, d)->terms[k];
        Dim product = dim_const(ir, term.coefficient);
        for (uint32_t j = 0; j < term.degree; j++) {
            Atom atom = ir->tables->atoms[term.atoms[j]];
            Dim factor = atom.known ? dim_const(ir, atom.value) : dim_add(ir, atom.dim, one);
            product = dim_mul(ir, product, factor);
        }
        result = dim_add(ir, result, product);
    }
    const Poly *poly = ir_dim_poly(ir, result);
    for (uint32_t k = 0; k < poly->count; k++) {
        if (poly->terms[k].coefficient < 0) {
            return false;
        }
    }
    return true;
}

static bool proves_nonnegative(Ir *ir, Dim d, int depth) {
    int64_t value;
    if (dim_value(ir, d, &value)) {
        return value >= 0;
    }
    const Poly *poly = ir_dim_poly(ir, d);
    for (uint32_t k = 0; k < poly->count; k++) {
        for (uint32_t j = 0; j < poly->terms[k].degree; j++) {
            uint32_t number = poly->terms[k].atoms[j];
            if (ir->tables->atoms[number].kind != ATOM_SYMBOL) {
                return depth > 0 && prove_by_bound(ir, d, number, depth - 1);
            }
        }
    }
    return prove_symbols(ir, d);
}

bool dim_proves_le(const Ir *ir, Dim a, Dim b) {
    if (a == b) {
        return true;
    }
    /* Dims made on the way go into copies of the tables and are forgotten. */
    struct IrTables tables = *ir->tables;
    Ir scratch = *ir;
    scratch.tables = &tables;
    bool proved = proves_nonnegative(&scratch, dim_sub(&scratch, b, a), DEPTH_LIMIT);
    ir_dims_forget(ir, &tables);
    return proved;
}

/* ---- room ------------------------------------------------------------------------------------ */

/* An atom, at least 0 and no less than it is. */
static Dim atom_room(Ir *ir, const Atom *atom) {
    return atom->kind == ATOM_QUOTIENT ? dim_floordiv(ir, dim_room(ir, atom->a), atom->b)
                                       : atom->dim;
}

Dim dim_room(Ir *ir, Dim d) {
    int64_t value;
    const Dim zero = dim_const(ir, 0);
    if (dim_value(ir, d, &value)) {
        return value >= 0 ? d : zero;
    }
    if (dim_proves_le(ir, zero, d)) {
        return d;
    }
    Dim room = zero;
    const Poly poly = *ir_dim_poly(ir, d);
    for (uint32_t k = 0; k < poly.count; k++) {
        const Term *term = &poly.terms[k];
        if (term->coefficient > 0) {
            Dim product = dim_const(ir, term->coefficient);
            for (uint32_t j = 0; j < term->degree; j++) {
                const Atom atom = ir->tables->atoms[term->atoms[j]];
                product = dim_mul(ir, product, atom_room(ir, &atom));
            }
            room = dim_add(ir, room, product);
        }
    }
    return room;
}
