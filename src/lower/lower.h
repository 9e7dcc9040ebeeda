/* lower.h: checked model to index IR. Elaborates functions on their arguments: types, shapes,
 * ranges and broadcasting are decided and checked here, where the values are made; a call is
 * elaborated for its arguments (like a template) and hash-consing shares what is equal. */
#ifndef GRADC_LOWER_H
#define GRADC_LOWER_H

#include "front/front.h"
#include "ir/ir.h"
#include "sema/sema.h"

typedef enum {
    /* one evaluation; leaves: params, consts folded, arguments (LEAF_ARGUMENT) */
    ENTRY_FUNCTION,
    /* (Σ loss − prior)/m + penalty over m samples, as the C function m_loss_batch; consts folded;
     * arguments are LEAF_COLUMN: sample-major arrays */
    ENTRY_BATCH_MEAN,
    /* the trainer's kernels: consts are leaves (LEAF_CONST), columns are LEAF_COLUMN */
    ENTRY_SUM,     /* Σ loss over the rows given: OUT_VALUE */
    ENTRY_SAMPLE,  /* loss − prior/total + penalty of the one sample `sample_index` (for SGD);
                      per_sample is set */
    ENTRY_REGULAR, /* penalty: OUT_VALUE (0 where the model has none) */
    ENTRY_PRIOR,   /* the log density of the params: OUT_VALUE (0 where the model has none) */
    ENTRY_FORWARD, /* forward for all rows: OUT_ARRAY with axes sample, then those of the value */
    ENTRY_METRIC,  /* Σ of the metric over the rows: OUT_VALUE; `function` is the metric */
    ENTRY_INIT, /* the starts of all params, one OUT_GRADIENT (laid out like the params) each; leaf
                   LEAF_SEED */
    /* flat arrays, one OUT_GRADIENT for each part: */
    ENTRY_CONSTRAIN,   /* the params as the user sees them, of the free numbers */
    ENTRY_UNCONSTRAIN, /* the free numbers; the leaves are the params as the user sees them */
    ENTRY_DEFINE,      /* the definitions that the trainer reports (see lower_reported) */
} EntryKind;

/* Lowers one entry. `function`: which function (FUNCTION, METRIC); others use loss, forward,
 * penalty. `c_name` becomes ir->name. Returns NULL if there were errors (in front->diags). The
 * value of a scalar function is an OUT_VALUE output named "value"; of an array function an
 * OUT_ARRAY named "value"; of several values OUT_ARRAYs named value0, value1, … Dims are symbols by
 * name, bound where known; every param is a leaf even if unused, in file order. */
Ir *lower_entry(const Front *front, const Model *model, EntryKind kind,
                const ModelFunction *function, const char *c_name);

/* The same for a C function: consts are folded, whatever the entry. */
Ir *lower_folded(const Front *front, const Model *model, EntryKind kind,
                 const ModelFunction *function, const char *c_name);

/* The same with consts as leaves, whatever the entry: their values come when it is called. */
Ir *lower_kept(const Front *front, const Model *model, EntryKind kind,
               const ModelFunction *function, const char *c_name);

/* The same for people to read: the leaves are the params as declared, without change of variables.
 */
Ir *lower_declared(const Front *front, const Model *model, EntryKind kind,
                   const ModelFunction *function, const char *c_name);

/* Has the model a constrained param? */
bool lower_has_constraints(const Model *model);
/* Is it a definition of the file that the trainer reports? */
bool lower_reported(const Model *model, const ModelFunction *function);

/* Elaborates every function of the user once with its declared formals, so that errors in unused
 * ones are reported too. */
void lower_check(const Front *front, const Model *model);

/* A metric without arguments (rmse = sqrt(mse)): an entry with one LEAF_ARGUMENT per metric it uses
 * (named like it), OUT_VALUE. */
Ir *lower_derived_metric(const Front *front, const Model *model, const ModelFunction *metric,
                         const char *c_name);

/* ---- rules.c ------------------------------------------------------------------------------------
 */

/* Parses the derivative rules (and formulas) of the built-ins that `ir` calls, and of those that
 * these rules call, unless `rules` has them already. A rule that does not parse is an internal
 * error. */
void rules_prepare(Rules *rules, const Front *front, const Ir *ir);

#endif
