/* assoc.c: the algebra of products. A product is a number, factors and divisors, under a guard; it
 * is gathered from mul, div, neg, guard, and from sums that factors can leave. Then
 *   - numbers are one number, and factors are multiplied in the order of their free indices, the
 * fewest first, so that (c / m) * r{n} is formed once and not for each (n, j);
 *   - factors without i leave the sum over i; from under a guard only what is surely finite leaves
 * it;
 *   - a factor that both terms of a sum have is taken out of it.
 * A product with other uses is never taken apart, but for its factors without indices where every
 * user is a product or a sum: they can go on to leave the user's sums. Divisors are never
 * cancelled. Reassociates: results may differ in the last digits. */
#include "opt/rewrite.h"

#include <math.h>
#include <string.h>

typedef struct {
    Ref *list;
    size_t count, capacity;
} Factors;

typedef struct {
    Ref guard; /* REF_NONE: none */
    double number, divisor;
    Factors over, under;
} Product;

typedef struct {
    bool display;
    Product **pending; /* for old values: not emitted yet; the users take it */
    bool *absorbed;    /* for old values: every user takes products */
    bool *multiplied;  /* … and multiplies, divides or sums them */
} Assoc;

static Assoc *assoc_of(Rewriter *w) {
    return w->context;
}

/* ---- products
 * ------------------------------------------------------------------------------------------ */

static void add_factor(Rewriter *w, Factors *factors, Ref v) {
    factors->list =
        arena_grow(w->ir->arena, factors->list, factors->count, &factors->capacity, sizeof(Ref));
    factors->list[factors->count++] = v;
}

static Product *new_product(Rewriter *w) {
    Product *p = arena_new(w->ir->arena, Product);
    p->number = 1;
    p->divisor = 1;
    return p;
}

static bool usable(double x) {
    return isfinite(x) && x != 0;
}

/* Multiplies *number by x unless the result would overflow or vanish. */
static bool scale(double *number, double x) {
    if (!usable(x) || !usable(*number * x)) {
        return false;
    }
    *number *= x;
    return true;
}

/* For people, a square is two equal factors: 3 x^2 is found that way. */
enum { SQUARES_LIMIT = 3 };

static void add_power(Rewriter *w, Product *p, Ref v, int depth) {
    Ref x;
    if (depth > 0 && opt_is_square(w->ir, v, &x)) {
        add_power(w, p, x, depth - 1);
        add_power(w, p, x, depth - 1);
        return;
    }
    add_factor(w, &p->over, v);
}

static void multiply_value(Rewriter *w, Product *p, Ref v) {
    double number;
    if (opt_is_number(w->ir, v, &number) && scale(&p->number, number)) {
        return;
    }
    if (opt_is_call(w->ir, v, BI_neg)) {
        p->number = -p->number;
        v = opt_arg(w->ir, v, 0);
    }
    add_power(w, p, v, assoc_of(w)->display ? SQUARES_LIMIT : 0);
}

static void divide_value(Rewriter *w, Product *p, Ref v) {
    double number;
    if (opt_is_number(w->ir, v, &number) && scale(&p->divisor, number)) {
        return;
    }
    add_factor(w, &p->under, v);
}

static void append(Rewriter *w, Factors *to, const Factors *from) {
    for (size_t k = 0; k < from->count; k++) {
        add_factor(w, to, from->list[k]);
    }
}

/* A product of nothing but equal factors is the power that it was. */
static bool is_trivial(const Product *p) {
    return p->guard == REF_NONE && p->number == 1 && p->divisor == 1 && p->under.count == 0 &&
           p->over.count == 1;
}

static size_t product_size(const Product *p) {
    return p->over.count + p->under.count;
}

/* ---- emitting
 * -------------------------------------------------------------------------------------------- */

static int set_size(IndexSet set) {
    int n = 0;
    for (; set; set &= set - 1) {
        n++;
    }
    return n;
}

/* A leaf or what is read from one: written before compound factors. */
static int complexity(const Ir *ir, Ref v) {
    const Node *node = ir_node(ir, v);
    const bool atom = node->op == OP_LEAF || node->op == OP_CONVERT || node->op == OP_CONST ||
                      (node->op == OP_READ && ir_node(ir, node->args[0])->op == OP_LEAF);
    return atom ? 0 : 1;
}

static bool comes_before(const Rewriter *w, bool display, Ref a, Ref b) {
    if (display) {
        const int ca = complexity(w->ir, a), cb = complexity(w->ir, b);
        return ca != cb ? ca < cb : a < b;
    }
    const IndexSet fa = ir_free(w->ir, a), fb = ir_free(w->ir, b);
    const int na = set_size(fa), nb = set_size(fb);
    return na != nb ? na < nb : fa < fb;
}

/* Merge sort: lists may be long, and factors of equal rank keep the order they were written in. */
static void sort_factors(Rewriter *w, bool display, Ref *list, Ref *scratch, size_t count) {
    if (count < 2) {
        return;
    }
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t low = 0; low < count; low += 2 * width) {
            const size_t middle = low + width < count ? low + width : count;
            const size_t high = low + 2 * width < count ? low + 2 * width : count;
            size_t a = low, b = middle;
            for (size_t k = low; k < high; k++) {
                const bool left =
                    a < middle && (b >= high || !comes_before(w, display, list[b], list[a]));
                scratch[k] = left ? list[a++] : list[b++];
            }
        }
        memcpy(list, scratch, count * sizeof *list);
    }
}

static void sort(Rewriter *w, Factors *factors) {
    Ref *scratch = arena_array(w->ir->arena, Ref, factors->count + 1);
    sort_factors(w, assoc_of(w)->display, factors->list, scratch, factors->count);
}

static Ref times(Ir *ir, Ref a, Ref b) {
    return a == REF_NONE ? b : ir_mul(ir, a, b);
}

static Ref divide(Ir *ir, Ref a, Ref b) {
    const Ref top = a == REF_NONE ? ir_real(ir, 1) : a;
    return ir_div(ir, top, b);
}

/* The next factor; for people, with those equal to it as a power. */
static Ref next_power(Rewriter *w, const Factors *factors, size_t *k) {
    const Ref v = factors->list[(*k)++];
    int count = 1;
    if (!assoc_of(w)->display) {
        return v;
    }
    for (; *k < factors->count && factors->list[*k] == v; (*k)++) {
        count++;
    }
    return count == 1   ? v
           : count == 2 ? ir_square(w->ir, v)
                        : ir_call2(w->ir, BI_pow, v, ir_real(w->ir, count));
}

/* The product of what has the same free indices as the first of those left, applied to acc. */
static Ref emit_group(Rewriter *w, const Product *p, size_t *over, size_t *under, Ref acc) {
    Ir *ir = w->ir;
    const bool display = assoc_of(w)->display;
    const bool more_over = *over < p->over.count, more_under = *under < p->under.count;
    const bool first_over =
        more_over &&
        (!more_under || !comes_before(w, display, p->under.list[*under], p->over.list[*over]));
    const IndexSet free = ir_free(ir, first_over ? p->over.list[*over] : p->under.list[*under]);
    while (*over < p->over.count && (display || ir_free(ir, p->over.list[*over]) == free)) {
        acc = times(ir, acc, next_power(w, &p->over, over));
    }
    if (display) {
        Ref divisor = REF_NONE;
        while (*under < p->under.count) {
            divisor = times(ir, divisor, next_power(w, &p->under, under));
        }
        return divisor == REF_NONE ? acc : divide(ir, acc, divisor);
    }
    /* One division after the other: the product of divisors may overflow. */
    while (*under < p->under.count && ir_free(ir, p->under.list[*under]) == free) {
        acc = divide(ir, acc, p->under.list[(*under)++]);
    }
    return acc;
}

static bool divides_exactly(double number, double divisor) {
    int exponent;
    return frexp(fabs(divisor), &exponent) == 0.5 || fmod(number, divisor) == 0;
}

static Ref emit(Rewriter *w, Product *p) {
    Ir *ir = w->ir;
    sort(w, &p->over);
    sort(w, &p->under);
    double number = p->number;
    bool divide = p->divisor != 1;
    if (divide && divides_exactly(number, p->divisor) && usable(number / p->divisor)) {
        number /= p->divisor;
        divide = false;
    }
    const bool negative = number < 0;
    number = fabs(number);
    Ref acc = number != 1 ? ir_real(ir, number) : REF_NONE;
    if (divide && !assoc_of(w)->display && product_size(p) > 0) {
        const Ref top = acc == REF_NONE ? ir_real(ir, 1) : acc;
        const bool scalar = p->over.count > 0 && ir_free(ir, p->over.list[0]) == 0;
        if (!scalar) { /* the numbers are all that has no index: c/d, formed once */
            acc = ir_div(ir, top, ir_real(ir, p->divisor));
            divide = false;
        }
    }
    size_t over = 0, under = 0;
    while (over < p->over.count || under < p->under.count) {
        acc = emit_group(w, p, &over, &under, acc);
        if (divide && !assoc_of(w)->display) {
            acc = ir_div(ir, acc, ir_real(ir, p->divisor));
            divide = false;
        }
    }
    if (acc == REF_NONE) {
        acc = ir_real(ir, 1);
    }
    if (divide) {
        acc = ir_div(ir, acc, ir_real(ir, p->divisor));
    }
    if (negative) {
        acc = ir_neg(ir, acc);
    }
    return ir_guard(ir, p->guard, acc);
}

static bool is_truth(const Ir *ir, Ref v, BuiltinId f) {
    const Node *node = ir_node(ir, v);
    return node->op == OP_CALL && node->as.builtin == f;
}

/* What ties share, for people: a factor (if x == y then 1/2 else 1) under the guard x <= y is
 * (if x < y then 1 else if x == y then 1/2 else 0). */
static void open_tie(Rewriter *w, Product *p) {
    Ir *ir = w->ir;
    if (p->guard == REF_NONE) {
        return;
    }
    const bool opposite = is_truth(ir, p->guard, BI_not); /* not y < x */
    const Ref order = opposite ? opt_arg(ir, p->guard, 0) : p->guard;
    if (!is_truth(ir, order, opposite ? BI_lt : BI_le)) {
        return;
    }
    const Ref a = opt_arg(ir, order, opposite ? 1 : 0), b = opt_arg(ir, order, opposite ? 0 : 1);
    const Ref equal = ir_compare(ir, BI_eq, a, b);
    for (size_t k = 0; k < p->over.count; k++) {
        const Ref f = p->over.list[k];
        if (opt_is_op(ir, f, OP_SELECT) && opt_arg(ir, f, 0) == equal) {
            const Ref share = ir_select(ir, equal, opt_arg(ir, f, 1), ir_real(ir, 0));
            const Ref less = ir_compare(ir, BI_lt, a, b);
            p->over.list[k] = ir_select(ir, less, opt_arg(ir, f, 2), share);
            p->guard = REF_NONE;
            return;
        }
    }
}

/* ---- taking products from operands
 * ------------------------------------------------------------------- */

static Product *clone(Rewriter *w, const Product *p) {
    Product *copy = new_product(w);
    copy->guard = p->guard;
    copy->number = p->number;
    copy->divisor = p->divisor;
    append(w, &copy->over, &p->over);
    append(w, &copy->under, &p->under);
    return copy;
}

static Product *take(Rewriter *w, Ref old) {
    Product *p = assoc_of(w)->pending[old];
    if (p) {
        return w->uses[old] == 1 ? p : clone(w, p);
    }
    p = new_product(w);
    multiply_value(w, p, w->map[old]);
    return p;
}

static Ref plain(Rewriter *w, Ref old) {
    Product *p = assoc_of(w)->pending[old];
    return p ? emit(w, clone(w, p)) : w->map[old];
}

/* For people, shared products of up to so many factors are opened too. */
enum { DISPLAY_LIMIT = 8 };

/* What becomes of old value v, which is the product p. */
static void settle(Rewriter *w, Ref v, Product *p) {
    Assoc *assoc = assoc_of(w);
    if (is_trivial(p)) {
        w->map[v] = p->over.list[0];
        return;
    }
    const bool readable = assoc->display && product_size(p) <= DISPLAY_LIMIT;
    if (assoc->absorbed[v] && (w->uses[v] == 1 || readable)) {
        assoc->pending[v] = p;
        return;
    }
    const bool indexed = ir_free(w->ir, v) != 0;
    if (w->uses[v] > 1 && assoc->multiplied[v] && indexed && !assoc->display) {
        Product *scalars = new_product(w), *rest = new_product(w);
        scalars->number = p->guard == REF_NONE ? p->number : 1;
        scalars->divisor = p->guard == REF_NONE ? p->divisor : 1;
        rest->number = p->guard == REF_NONE ? 1 : p->number;
        rest->divisor = p->guard == REF_NONE ? 1 : p->divisor;
        rest->guard = p->guard;
        for (size_t k = 0; k < p->over.count; k++) {
            const bool scalar = p->guard == REF_NONE && ir_free(w->ir, p->over.list[k]) == 0;
            add_factor(w, scalar ? &scalars->over : &rest->over, p->over.list[k]);
        }
        for (size_t k = 0; k < p->under.count; k++) {
            const bool scalar = p->guard == REF_NONE && ir_free(w->ir, p->under.list[k]) == 0;
            add_factor(w, scalar ? &scalars->under : &rest->under, p->under.list[k]);
        }
        if (product_size(rest) > 0) {
            multiply_value(w, scalars, is_trivial(rest) ? rest->over.list[0] : emit(w, rest));
            if (is_trivial(scalars)) {
                w->map[v] = scalars->over.list[0];
            } else {
                assoc->pending[v] = scalars;
            }
            return;
        }
    }
    w->map[v] = emit(w, p);
}

/* ---- the kinds of values
 * ---------------------------------------------------------------------------------- */

/* Finite and not 0 whatever the data are: sizes, numbers, and quotients of them. */
static bool is_sure(const Ir *ir, Ref v) {
    double number;
    if (opt_is_number(ir, v, &number)) {
        return usable(number);
    }
    if (opt_is_call(ir, v, BI_div)) {
        const Ref a = opt_arg(ir, v, 0), b = opt_arg(ir, v, 1);
        return opt_is_number(ir, a, &number) && usable(number) && !opt_is_call(ir, b, BI_div) &&
               is_sure(ir, b);
    }
    return opt_is_op(ir, v, OP_CONVERT) && opt_is_op(ir, opt_arg(ir, v, 0), OP_SIZE);
}

static bool all_sure(const Ir *ir, const Factors *factors) {
    for (size_t k = 0; k < factors->count; k++) {
        if (!is_sure(ir, factors->list[k])) {
            return false;
        }
    }
    return true;
}

/* Where all factors have the free indices of the result there is nothing to hoist, and the written
 * order stays: the range of intermediate results is the user's choice. */
static void keep_together(Rewriter *w, Product *p, IndexSet free) {
    bool uniform = product_size(p) > 1 && !assoc_of(w)->display;
    for (size_t k = 0; k < p->over.count; k++) {
        uniform = uniform && ir_free(w->ir, p->over.list[k]) == free;
    }
    for (size_t k = 0; k < p->under.count; k++) {
        uniform = uniform && ir_free(w->ir, p->under.list[k]) == free;
    }
    if (!uniform) {
        return;
    }
    Product *factors = new_product(w);
    factors->over = p->over;
    factors->under = p->under;
    const Ref whole = emit(w, factors);
    p->over = p->under = (Factors){NULL, 0, 0};
    multiply_value(w, p, whole);
}

static Product *product_of_mul(Rewriter *w, const Node *node) {
    Product *a = take(w, node->args[0]);
    Product *b = take(w, node->args[1]);
    keep_together(w, a, node->free);
    keep_together(w, b, node->free);
    if (a->over.count < b->over.count) { /* append the shorter list */
        Product *swap = a;
        a = b;
        b = swap;
    }
    if (!scale(&a->number, b->number)) {
        add_factor(w, &a->over, ir_real(w->ir, b->number));
    }
    if (!scale(&a->divisor, b->divisor)) {
        add_factor(w, &a->under, ir_real(w->ir, b->divisor));
    }
    a->guard = a->guard == REF_NONE   ? b->guard
               : b->guard == REF_NONE ? a->guard
                                      : ir_and(w->ir, a->guard, b->guard);
    append(w, &a->over, &b->over);
    append(w, &a->under, &b->under);
    return a;
}

/* a / b: only a divisor that lacks an index of the quotient is separated from what it divides,
 * since it can be hoisted. For people, always. */
static Product *product_of_div(Rewriter *w, const Node *node) {
    Product *a = take(w, node->args[0]);
    Product *b = take(w, node->args[1]);
    const bool display = assoc_of(w)->display;
    if (b->guard != REF_NONE) {
        divide_value(w, a, emit(w, b));
        return a;
    }
    if (!scale(&a->divisor, b->number)) {
        add_factor(w, &a->under, ir_real(w->ir, b->number));
    }
    if (!scale(&a->number, b->divisor)) {
        add_factor(w, &a->over, ir_real(w->ir, b->divisor));
    }
    if (product_size(b) == 0) {
        return a;
    }
    if (display) {
        append(w, &a->under, &b->over);
        append(w, &a->over, &b->under);
        return a;
    }
    b->number = b->divisor = 1;
    const Ref divisor = emit(w, b);
    if (ir_free(w->ir, divisor) != node->free) {
        divide_value(w, a, divisor);
        return a;
    }
    Product *rest = new_product(w), *outer = new_product(w);
    outer->guard = a->guard;
    outer->number = a->number;
    outer->divisor = a->divisor;
    for (size_t k = 0; k < a->over.count; k++) {
        const Ref f = a->over.list[k];
        add_factor(w, is_sure(w->ir, f) ? &outer->over : &rest->over, f);
    }
    for (size_t k = 0; k < a->under.count; k++) {
        const Ref f = a->under.list[k];
        add_factor(w, is_sure(w->ir, f) ? &outer->under : &rest->under, f);
    }
    add_factor(w, &outer->over, ir_div(w->ir, emit(w, rest), divisor));
    return outer;
}

static void split_factors(Rewriter *w, const Factors *from, IndexSet bound, bool guarded,
                          Factors *outer, Factors *inner) {
    for (size_t k = 0; k < from->count; k++) {
        const Ref f = from->list[k];
        const bool out = (ir_free(w->ir, f) & bound) == 0 && (!guarded || is_sure(w->ir, f));
        add_factor(w, out ? outer : inner, f);
    }
}

static Product *product_of_sum(Rewriter *w, const Node *node) {
    const Index i = node->as.index;
    Product *a = take(w, node->args[0]);
    Product *outer = new_product(w), *inner = new_product(w);
    const bool floats = a->guard == REF_NONE || (ir_free(w->ir, a->guard) & INDEX_BIT(i)) == 0;
    outer->number = a->number;
    outer->divisor = a->divisor;
    outer->guard = floats ? a->guard : REF_NONE;
    inner->guard = floats ? REF_NONE : a->guard;
    split_factors(w, &a->over, INDEX_BIT(i), !floats, &outer->over, &inner->over);
    split_factors(w, &a->under, INDEX_BIT(i), !floats, &outer->under, &inner->under);
    const Ref body = emit(w, inner);
    multiply_value(w, outer, ir_sum(w->ir, i, body));
    return outer;
}

static Product *product_of_guard(Rewriter *w, const Node *node) {
    Product *p = take(w, node->args[1]);
    const Ref guard = w->map[node->args[0]];
    p->guard = p->guard == REF_NONE ? guard : ir_and(w->ir, guard, p->guard);
    if (assoc_of(w)->display) {
        open_tie(w, p);
    }
    return p;
}

/* ---- common factors of two terms
 * ---------------------------------------------------------------------- */

static bool remove_factor(Factors *factors, Ref v) {
    for (size_t k = 0; k < factors->count; k++) {
        if (factors->list[k] == v) {
            memmove(&factors->list[k], &factors->list[k + 1],
                    (factors->count - k - 1) * sizeof *factors->list);
            factors->count--;
            return true;
        }
    }
    return false;
}

static void move_common(Rewriter *w, Factors *a, Factors *b, Factors *common, bool guarded) {
    for (size_t k = 0; k < a->count;) {
        const Ref f = a->list[k];
        if ((guarded && !is_sure(w->ir, f)) || !remove_factor(b, f)) {
            k++;
            continue;
        }
        remove_factor(a, f);
        add_factor(w, common, f);
    }
}

/* Long products are left alone: the search is quadratic. */
enum { COMMON_LIMIT = 32 };

/* a ± b = common · (a' ± b'); NULL if nothing worth the change is common. */
static Product *product_of_terms(Rewriter *w, Product *a, Product *b, bool minus) {
    const bool guarded = a->guard != b->guard;
    Product *common = new_product(w);
    if (product_size(a) > COMMON_LIMIT || product_size(b) > COMMON_LIMIT) {
        return NULL;
    }
    Product *x = clone(w, a), *y = clone(w, b);
    move_common(w, &x->over, &y->over, &common->over, guarded);
    move_common(w, &x->under, &y->under, &common->under, guarded);
    const bool numbers = fabs(x->number) == fabs(y->number) && x->divisor == y->divisor &&
                         (fabs(x->number) != 1 || x->divisor != 1);
    if (numbers) {
        common->number = fabs(x->number);
        common->divisor = x->divisor;
        x->number /= common->number;
        y->number /= common->number;
        x->divisor = y->divisor = 1;
    }
    const bool bare_x = product_size(x) == 0, bare_y = product_size(y) == 0;
    const bool sure = all_sure(w->ir, &common->over) && all_sure(w->ir, &common->under);
    if ((product_size(common) == 0 && !numbers) || (bare_x != bare_y && !sure)) {
        return NULL;
    }
    if (!guarded) {
        common->guard = x->guard;
        x->guard = y->guard = REF_NONE;
    }
    if (x->number < 0 && (minus ? y->number > 0 : y->number < 0)) { /* -a - b = -(a + b) */
        common->number = -common->number;
        x->number = -x->number;
        y->number = -y->number;
    }
    const Ref left = emit(w, x);
    const Ref right = emit(w, y);
    multiply_value(w, common, minus ? ir_sub(w->ir, left, right) : ir_add(w->ir, left, right));
    return common;
}

static void settle_terms(Rewriter *w, Ref v, const Node *node) {
    const bool minus = node->as.builtin == BI_sub;
    const Assoc *assoc = assoc_of(w);
    const Ref old_a = node->args[0], old_b = node->args[1];
    if (assoc->pending[old_a] || assoc->pending[old_b]) {
        Product *p = product_of_terms(w, take(w, old_a), take(w, old_b), minus);
        if (p) {
            settle(w, v, p);
            return;
        }
    }
    const Ref a = plain(w, old_a);
    const Ref b = plain(w, old_b);
    w->map[v] = minus ? ir_sub(w->ir, a, b) : ir_add(w->ir, a, b);
}

/* ---- the pass
 * --------------------------------------------------------------------------------------------- */

static bool is_real_call(const Node *node, BuiltinId f) {
    return node->op == OP_CALL && node->kind == KIND_REAL && node->as.builtin == f;
}

/* [e for j in D][i], i in D, without a name of its own: e at j = i. */
static bool is_entry(const Rewriter *w, const Node *node) {
    if (node->op != OP_READ || !opt_is_op(w->ir, w->map[node->args[0]], OP_ARRAY)) {
        return false;
    }
    const Node *array = ir_node(w->ir, w->map[node->args[0]]);
    bool plain_indices = !array->name && !ir_node(w->ir, array->args[0])->name;
    for (uint32_t k = 0; k < array->as.indices.count && plain_indices; k++) {
        const Node *position = ir_node(w->ir, w->map[node->args[1 + k]]);
        plain_indices =
            position->op == OP_INDEX && ir_index_dim(w->ir, position->as.index) ==
                                            ir_index_dim(w->ir, array->as.indices.list[k]);
    }
    return plain_indices;
}

static Ref entry_of(Rewriter *w, const Node *node) {
    const Node *array = ir_node(w->ir, w->map[node->args[0]]);
    Ref positions[INDEX_LIMIT] = {REF_NONE};
    for (uint32_t k = 0; k < array->as.indices.count; k++) {
        positions[array->as.indices.list[k]] = w->map[node->args[1 + k]];
    }
    return ir_subst(w->ir, array->args[0], positions);
}

static void assoc_value(Rewriter *w, Ref v) {
    const Node *node = ir_node(w->ir, v);
    if (is_real_call(node, BI_mul)) {
        settle(w, v, product_of_mul(w, node));
    } else if (is_real_call(node, BI_div)) {
        settle(w, v, product_of_div(w, node));
    } else if (is_real_call(node, BI_neg)) {
        Product *p = take(w, node->args[0]);
        p->number = -p->number;
        settle(w, v, p);
    } else if (node->op == OP_SUM && node->kind == KIND_REAL) {
        settle(w, v, product_of_sum(w, node));
    } else if (node->op == OP_GUARD && node->kind == KIND_REAL) {
        settle(w, v, product_of_guard(w, node));
    } else if (is_real_call(node, BI_add) || is_real_call(node, BI_sub)) {
        settle_terms(w, v, node);
    } else if (assoc_of(w)->display && is_entry(w, node)) {
        w->map[v] = entry_of(w, node);
    } else {
        w->map[v] = opt_rebuild(w, v);
    }
}

static bool multiplies(const Node *user) {
    return is_real_call(user, BI_mul) || is_real_call(user, BI_div) || is_real_call(user, BI_neg) ||
           (user->op == OP_SUM && user->kind == KIND_REAL);
}

static bool absorbs(const Node *user, uint32_t k) {
    return multiplies(user) || is_real_call(user, BI_add) || is_real_call(user, BI_sub) ||
           (user->op == OP_GUARD && user->kind == KIND_REAL && k == 1);
}

static void find_users(Rewriter *w, Assoc *assoc) {
    for (Ref v = 1; v < w->top; v++) { /* people know what has a name */
        bool open = !assoc->display || !ir_node(w->ir, v)->name;
        assoc->absorbed[v] = assoc->multiplied[v] = open;
    }
    for (size_t k = 0; k < w->ir->output_count; k++) {
        const Ref v = w->ir->outputs[k].value;
        assoc->absorbed[v] = assoc->multiplied[v] = false;
    }
    for (Ref v = 1; v < w->top; v++) {
        const Node *user = ir_node(w->ir, v);
        for (uint32_t k = 0; k < user->arg_count; k++) {
            const Ref a = user->args[k];
            assoc->absorbed[a] = assoc->absorbed[a] && absorbs(user, k);
            assoc->multiplied[a] = assoc->multiplied[a] && multiplies(user);
        }
    }
}

static Ir *assoc_run(const OptOptions *options, const Ir *ir, bool display) {
    Assoc assoc = {.display = display};
    Rewriter w = opt_rewriter(options, ir, &assoc);
    assoc.pending = arena_array(w.ir->arena, Product *, w.top);
    assoc.absorbed = arena_array(w.ir->arena, bool, w.top);
    assoc.multiplied = arena_array(w.ir->arena, bool, w.top);
    find_users(&w, &assoc);
    const Span at = w.ir->at;
    for (Ref v = 1; v < w.top; v++) {
        w.ir->at = ir_node(w.ir, v)->span;
        assoc_value(&w, v);
        ir_keep_name(w.ir, v, w.map[v]);
    }
    w.ir->at = at;
    return opt_finish(&w);
}

Ir *opt_assoc(const OptOptions *options, const Ir *ir) {
    return assoc_run(options, ir, false);
}

Ir *opt_collect(const OptOptions *options, const Ir *ir) {
    return assoc_run(options, ir, true);
}
