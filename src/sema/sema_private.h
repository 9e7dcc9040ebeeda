/* sema_private.h: what the files of sema/ share. */
#ifndef GRADC_SEMA_PRIVATE_H
#define GRADC_SEMA_PRIVATE_H

#include "sema/sema.h"

typedef struct {
    const Front *front;
    Arena *arena;
    Diags *diags;
    Model *model;
    Definition *definitions; /* of -D */
    size_t definition_count;
    size_t dim_capacity, const_capacity, param_capacity, data_capacity, function_capacity,
        library_capacity, external_capacity;
} Sema;

/* What the language has besides the rows of builtin.def and the library. */
bool sema_is_reduction(const char *name);

Name sema_name(const Sema *sema, const char *text);

/* ---- walk.c: every expression of a function, in the order written -------------------------------
 */

typedef struct {
    void *data;
    void (*expr)(void *data, const Expr *expr);       /* before its parts; or NULL */
    void (*target)(void *data, const Target *target); /* of assignments; or NULL */
    void (*binder)(void *data, const Binder *binder); /* or NULL */
    void (*local)(void *data, const Function *local); /* functions of a block; or NULL */
} Walk;

void walk_expr(const Walk *walk, const Expr *expr);
void walk_stmts(const Walk *walk, const Stmt *stmts);
/* The shapes of its formals too. */
void walk_function(const Walk *walk, const Function *function);

/* ---- locals.c: formals, local names, what they may hide; names that are never used ----------- */

void sema_locals(Sema *sema);

/* ---- bind.c: values of dims and consts, -D --------------------------------------------------- */

void sema_bind(Sema *sema);

/* ---- roles.c: what the trainer knows; C names ------------------------------------------------ */

void sema_roles(Sema *sema);
void sema_c_names(Sema *sema);

/* ---- calls.c: recursion, use, whole numbers -------------------------------------------------- */

void sema_calls(Sema *sema);
/* Which formals are whole numbers: fills `whole` and `size` of all functions. */
void sema_whole(Sema *sema);

#endif
