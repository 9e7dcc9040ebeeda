/* inputs.c: inputs that a model knows by affine forms alone, Σ_p W[p, q] x[p] + b[q]: then x in
 * other units is the same model with other params. Nothing else may read W or b, and each form has
 * both of its own, so that a change of units is a change of these. */
#include "opt/rewrite.h"

typedef struct {
    const Ir *ir;
    uint32_t *uses; /* by value: operand positions and outputs in which it stands */
    Ref *user;      /* the last value in which it does; REF_NONE: an output */
    Ref top;
} Inputs;

static bool is_leaf(const Inputs *in, Ref v, LeafRole role) {
    const Ir *ir = in->ir;
    return opt_is_op(ir, v, OP_LEAF) && ir->leaves[ir_node(ir, v)->as.leaf].role == role;
}

/* All of these count what is needed for the outputs, for others do not change a result. */
static void count_uses(Inputs *in, Arena *arena) {
    const Ir *ir = in->ir;
    in->top = ir_count(ir);
    in->uses = arena_array(arena, uint32_t, in->top);
    in->user = arena_array(arena, Ref, in->top);
    for (size_t k = 0; k < ir->output_count; k++) {
        in->uses[ir->outputs[k].value]++;
    }
    for (Ref v = in->top; v-- > 1;) {
        const Node *node = ir_node(ir, v);
        for (uint32_t k = 0; in->uses[v] > 0 && k < node->arg_count; k++) {
            in->uses[node->args[k]]++;
            in->user[node->args[k]] = v;
        }
    }
}

/* The indices at which an array of that role is read: plain ones, each once. A number has none. */
typedef struct {
    uint32_t leaf;
    Ref array; /* the leaf */
    unsigned count;
    Index list[RANK_LIMIT];
} Entry;

static bool entry_of(const Inputs *in, Ref v, LeafRole role, Entry *entry) {
    const Ir *ir = in->ir;
    const bool whole = is_leaf(in, v, role);
    if (!whole && !(opt_is_op(ir, v, OP_READ) && is_leaf(in, opt_arg(ir, v, 0), role))) {
        return false;
    }
    entry->array = whole ? v : opt_arg(ir, v, 0);
    entry->leaf = ir_node(ir, entry->array)->as.leaf;
    entry->count = whole ? 0 : ir_node(ir, v)->arg_count - 1;
    if (entry->count != ir->leaves[entry->leaf].rank) {
        return false;
    }
    for (unsigned k = 0; k < entry->count; k++) {
        const Ref position = opt_arg(ir, v, k + 1);
        if (!opt_is_op(ir, position, OP_INDEX)) {
            return false;
        }
        entry->list[k] = ir_node(ir, position)->as.index;
        if (ir_index_dim(ir, entry->list[k]) != ir->leaves[entry->leaf].shape[k]) {
            return false; /* not all entries */
        }
        for (unsigned i = 0; i < k; i++) {
            if (entry->list[i] == entry->list[k]) {
                return false;
            }
        }
    }
    return true;
}

/* An entry of a param that is read here and nowhere else. */
static bool own_param(const Inputs *in, Ref v, Entry *entry) {
    return entry_of(in, v, LEAF_PARAM, entry) && !in->ir->leaves[entry->leaf].constrained &&
           in->uses[v] == 1 && in->uses[entry->array] == 1;
}

static unsigned place_of(const Entry *entry, Index index) {
    unsigned k = 0;
    while (k < entry->count && entry->list[k] != index) {
        k++;
    }
    return k;
}

/* b with the indices of W that x lacks, all of them, in v as it stands, added to other things. */
static bool find_bias(const Inputs *in, Ref v, const Entry *x, const Entry *w, Entry *b) {
    const Ir *ir = in->ir;
    if (opt_is_call(ir, v, BI_add) && in->uses[v] == 1) {
        return find_bias(in, opt_arg(ir, v, 0), x, w, b) ||
               find_bias(in, opt_arg(ir, v, 1), x, w, b);
    }
    if (opt_is_call(ir, v, BI_sub) && in->uses[v] == 1) {
        return find_bias(in, opt_arg(ir, v, 0), x, w, b);
    }
    if (!own_param(in, v, b) || b->count + x->count - 1 != w->count) {
        return false;
    }
    for (unsigned k = 0; k < b->count; k++) {
        if (place_of(w, b->list[k]) == w->count || place_of(x, b->list[k]) < x->count) {
            return false;
        }
    }
    return true;
}

/* From the form without b, `sum`, upward through what it is added to, to b. */
static bool climb(const Inputs *in, Ref sum, const Entry *x, const Entry *w, Entry *b) {
    const Ir *ir = in->ir;
    for (Ref v = sum; in->uses[v] == 1 && in->user[v] != REF_NONE; v = in->user[v]) {
        const Ref user = in->user[v];
        const bool adds = opt_is_call(ir, user, BI_add);
        if (!adds && !(opt_is_call(ir, user, BI_sub) && opt_arg(ir, user, 0) == v)) {
            return false;
        }
        const Ref other = opt_arg(ir, user, opt_arg(ir, user, 0) == v);
        if (adds && find_bias(in, other, x, w, b)) {
            return true;
        }
    }
    return false;
}

/* The product of an entry of x with one of W, in the sum over the indices of x that is the form. */
static bool form_of(const Inputs *in, Ref product, Ref read, const Entry *x, InputForm *form) {
    const Ir *ir = in->ir;
    Entry w, b;
    if (!opt_is_call(ir, product, BI_mul) || opt_arg(ir, product, 0) == opt_arg(ir, product, 1)) {
        return false;
    }
    const Ref factor = opt_arg(ir, product, opt_arg(ir, product, 0) == read);
    if (!own_param(in, factor, &w)) {
        return false;
    }
    for (unsigned k = 1; k < x->count; k++) { /* the first is the sample */
        if (place_of(&w, x->list[k]) == w.count) {
            return false;
        }
    }
    Ref sum = product;
    for (unsigned k = 1; k < x->count; k++) {
        const Ref user = in->uses[sum] == 1 ? in->user[sum] : REF_NONE;
        if (user == REF_NONE || !opt_is_op(ir, user, OP_SUM) ||
            place_of(x, ir_node(ir, user)->as.index) == x->count ||
            place_of(x, ir_node(ir, user)->as.index) == 0) {
            return false;
        }
        sum = user;
    }
    if (!climb(in, sum, x, &w, &b)) {
        return false;
    }
    *form = (InputForm){.input = x->leaf, .weights = w.leaf, .bias = b.leaf};
    for (unsigned k = 1; k < x->count; k++) {
        form->input_axes[k - 1] = (uint8_t)place_of(&w, x->list[k]);
    }
    for (unsigned k = 0; k < b.count; k++) {
        form->bias_axes[k] = (uint8_t)place_of(&w, b.list[k]);
    }
    return true;
}

/* All forms of one input, if it stands in nothing else. */
static bool forms_of(const Inputs *in, uint32_t leaf, InputForm *forms, size_t *count) {
    const Ir *ir = in->ir;
    for (Ref v = 1; v < in->top; v++) {
        const Node *node = ir_node(ir, v);
        Entry x;
        for (uint32_t k = 0; in->uses[v] > 0 && k < node->arg_count; k++) {
            const Ref arg = node->args[k];
            const bool array = opt_is_op(ir, arg, OP_LEAF) && ir_node(ir, arg)->as.leaf == leaf;
            if (array && (k > 0 || !entry_of(in, v, LEAF_COLUMN, &x) || x.count == 0)) {
                return false;
            }
            if (!opt_is_op(ir, arg, OP_READ) || !entry_of(in, arg, LEAF_COLUMN, &x) ||
                x.leaf != leaf) {
                continue;
            }
            if (*count == INPUT_FORMS || !form_of(in, v, arg, &x, &forms[*count])) {
                return false;
            }
            ++*count;
        }
    }
    for (size_t k = 0; k < ir->output_count; k++) { /* forward = x itself */
        Entry x;
        if (entry_of(in, ir->outputs[k].value, LEAF_COLUMN, &x) && x.leaf == leaf) {
            return false;
        }
    }
    return true;
}

bool opt_input_forms(const Ir *ir, uint32_t leaf, InputForm *forms, size_t *count) {
    Arena *arena = arena_create();
    Inputs in = {.ir = ir};
    *count = 0;
    count_uses(&in, arena);
    const bool known = forms_of(&in, leaf, forms, count);
    arena_destroy(arena);
    return known;
}

bool opt_reads_leaf(const Ir *ir, uint32_t leaf) {
    Arena *arena = arena_create();
    Inputs in = {.ir = ir};
    bool found = false;
    count_uses(&in, arena);
    for (Ref v = 1; v < in.top; v++) {
        found = found ||
                (in.uses[v] > 0 && opt_is_op(ir, v, OP_LEAF) && ir_node(ir, v)->as.leaf == leaf);
    }
    arena_destroy(arena);
    return found;
}
