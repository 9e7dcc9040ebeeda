/* eval_memo.c: the interpreter remembers the order of evaluation and its last results. What was
 * evaluated is known by its bits: the sizes, and the entries of all leaves. */
#include "ir/eval.h"
#include "ir/tables.h"

#include <string.h>

enum { REMEMBERED = 16 };

struct EvalMemo {
    EvalOrder *order; /* of all outputs */
    uint32_t count;   /* nodes and outputs when the order was made */
    size_t output_count;
    Evaluation list[REMEMBERED];
    size_t used, next;
    uint32_t *key;
    size_t key_size, key_capacity;
};

static void add_bytes(const Ir *ir, struct EvalMemo *memo, const void *bytes, size_t size) {
    size_t words = size / sizeof(uint32_t);
    while (memo->key_size + words > memo->key_capacity) {
        size_t capacity = 2 * memo->key_capacity + 256;
        uint32_t *larger = arena_array(ir->arena, uint32_t, capacity);
        if (memo->key_size > 0) {
            memcpy(larger, memo->key, memo->key_size * sizeof *larger);
        }
        memo->key = larger;
        memo->key_capacity = capacity;
    }
    memcpy(memo->key + memo->key_size, bytes, size);
    memo->key_size += words;
}

static size_t leaf_size(const Ir *ir, const Leaf *leaf, const int64_t *dims) {
    size_t size = 1;
    for (unsigned k = 0; k < leaf->rank; k++) {
        int64_t extent = dim_evaluate(ir, leaf->shape[k], dims);
        size *= extent > 0 ? (size_t)extent : 0;
    }
    return size;
}

/* All that an evaluation depends on, as words. */
static void make_key(const Ir *ir, struct EvalMemo *memo, const EvalInput *input,
                     const double *const *imaginary, bool is_complex) {
    uint32_t flags = is_complex;
    memo->key_size = 0;
    add_bytes(ir, memo, &flags, sizeof flags);
    add_bytes(ir, memo, &input->noise, sizeof input->noise);
    add_bytes(ir, memo, input->dims, dim_symbol_count(ir) * sizeof(int64_t));
    for (size_t k = 0; k < ir->leaf_count; k++) {
        size_t size = leaf_size(ir, &ir->leaves[k], input->dims);
        const void *parts[3] = {input->reals ? input->reals[k] : NULL,
                                input->ints ? input->ints[k] : NULL,
                                imaginary ? imaginary[k] : NULL};
        bool real = ir->leaves[k].kind == KIND_REAL;
        for (unsigned i = 0; i < 3; i++) {
            bool there = parts[i] != NULL && (i == 1) != real;
            flags = there;
            add_bytes(ir, memo, &flags, sizeof flags);
            if (there) {
                add_bytes(ir, memo, parts[i], size * sizeof(double));
            }
        }
    }
}

static struct EvalMemo *memo_of(const Ir *ir) {
    struct EvalMemo *memo = ir->tables->evaluations;
    if (memo != NULL && memo->count == ir_count(ir) && memo->output_count == ir->output_count) {
        return memo;
    }
    memo = arena_new(ir->arena, struct EvalMemo);
    memo->count = ir_count(ir);
    memo->output_count = ir->output_count;
    Ref *roots = arena_array(ir->arena, Ref, ir->output_count + 1);
    for (size_t k = 0; k < ir->output_count; k++) {
        roots[k] = ir->outputs[k].value;
    }
    memo->order = eval_order(ir, ir->arena, roots, ir->output_count);
    ir->tables->evaluations = memo;
    return memo;
}

const Evaluation *eval_recall(const Ir *ir, const EvalInput *input, const double *const *imaginary,
                              bool is_complex) {
    struct EvalMemo *memo = memo_of(ir);
    make_key(ir, memo, input, imaginary, is_complex);
    for (size_t k = 0; k < memo->used; k++) {
        const Evaluation *known = &memo->list[k];
        if (known->key_size == memo->key_size &&
            memcmp(known->key, memo->key, memo->key_size * sizeof *memo->key) == 0) {
            return known;
        }
    }
    Evaluation *made = &memo->list[memo->next];
    memo->next = (memo->next + 1) % REMEMBERED;
    memo->used += memo->used < REMEMBERED;
    made->key = memo->key;
    made->key_size = memo->key_size;
    memo->key = NULL; /* it belongs to the evaluation */
    memo->key_size = memo->key_capacity = 0;
    made->counts = arena_array(ir->arena, size_t, ir->output_count + 1);
    made->real = arena_array(ir->arena, double *, ir->output_count + 1);
    made->imaginary = arena_array(ir->arena, double *, ir->output_count + 1);
    eval_outputs(ir, memo->order, input, imaginary, is_complex, made);
    return made;
}
