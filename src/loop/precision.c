/* precision.c: what the precision of a program decides: the size of entries, and which variables
 * are doubles all the same. */
#include "loop/plan.h"

int loop_bytes(const LoopProgram *program, Kind kind) {
    return kind == KIND_REAL ? precisions[program->precision].bytes : (int)sizeof(int64_t);
}

/* ---- the objective ----------------------------------------------------------------------------
 */

/* What the value that is returned is made of, by way of variables that never change. */
static void mark_read(const LoopExpr *x, bool *read) {
    if (x->kind == LX_VAR) {
        read[x->as.var] = true;
    }
    for (unsigned k = 0; k < x->count; k++) {
        mark_read(x->args[k], read);
    }
}

/* From the last statement upwards, so that a LET comes after its uses. */
static void find_read(const LoopStmt *statement, bool *read) {
    if (!statement) {
        return;
    }
    find_read(statement->next, read);
    if (statement->kind == LS_RETURN || (statement->kind == LS_LET && read[statement->var])) {
        mark_read(statement->value, read);
    }
}

static void widen_sums(LoopProgram *program, const LoopStmt *statement, const bool *read,
                       bool samples) {
    for (; statement; statement = statement->next) {
        LoopVarInfo *var = &program->vars[statement->var];
        if (statement->kind == LS_ADD && samples && read[statement->var] &&
            var->kind == KIND_REAL) {
            var->wide = true;
        }
        widen_sums(program, statement->body, read,
                   samples || (statement->flags & (LOOP_SAMPLE | LOOP_BLOCKS)) != 0);
    }
}

void precision_widen(Plan *plan) {
    bool *read = arena_array(plan->arena, bool, plan->program->var_count + 1);
    find_read(plan->program->body, read);
    widen_sums(plan->program, plan->program->body, read, false);
}
