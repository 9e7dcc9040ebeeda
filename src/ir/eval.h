/* eval.h: inside the interpreter: what eval.c, eval_order.c and eval_complex.c share. */
#ifndef GRADC_IR_EVAL_H
#define GRADC_IR_EVAL_H

#include "ir/ir.h"

/* A number of any kind; `imaginary` in complex evaluation only. */
typedef struct {
    double real, imaginary;
    int64_t integer; /* kinds int and bool */
} Number;

/* The row applied to numbers of kind `kind`; false if it has no complex extension. */
bool eval_call(BuiltinId f, Kind kind, const Number *args, bool is_complex, Number *result);
Number complex_log_sum_exp(const Number *terms, size_t count);

/* eval_lib.c: a library operation on matrices, row-major: `a` is n × n, `b` and the result n × k
 * (n × n where there is no b; one number for a determinant). A result that does not exist is NaN.
 * `arena`: for copies. */
void eval_lib(LibId f, size_t n, size_t k, const Number *a, const Number *b, Number *result,
              Arena *arena);

/* The order of evaluation: a list for the outermost level and one for the body of each scan. */
typedef struct {
    Ref scan;   /* REF_NONE: the outermost level */
    Ref *nodes; /* in an order in which operands come first; inner scans count as one node */
    size_t count;
    Ref low;     /* the least id that its body may have: all are below that of the scan */
    bool *body;  /* by id, from `low` on: in the body of this scan or of one inside */
    Ref *states; /* its states that are needed */
    size_t state_count;
    size_t body_size;
} EvalLevel;

typedef struct {
    EvalLevel *levels; /* [0] is the outermost */
    size_t count;
    size_t *level_of_scan; /* by id of the scan */
    bool *needed;          /* by id */
    /* By id: which of its free indices are steps of a recurrence that is under way. The name of a
     * step may stand for something else, too: for an axis that was closed and opened again. */
    IndexSet *moving;
} EvalOrder;

EvalOrder *eval_order(const Ir *ir, Arena *arena, const Ref *roots, size_t root_count);

/* eval_memo.c: the last evaluations of an Ir, of all its outputs: --check asks for each output at
 * the same few points again and again. */
typedef struct {
    uint32_t *key; /* what was evaluated: sizes and entries of the leaves, as they are in memory */
    size_t key_size;
    bool complete; /* no value without complex extension */
    size_t *counts;
    double **real, **imaginary; /* by the output */
} Evaluation;

/* The evaluation of what the arguments say, found or made by `evaluate`, in the arena of ir. */
const Evaluation *eval_recall(const Ir *ir, const EvalInput *input, const double *const *imaginary,
                              bool is_complex);
/* eval.c: evaluates all outputs. */
void eval_outputs(const Ir *ir, const EvalOrder *order, const EvalInput *input,
                  const double *const *imaginary, bool is_complex, Evaluation *result);

#endif
