/* sema_private.h: what the files of sema/ share. */
#ifndef GRADC_SEMA_PRIVATE_H
#define GRADC_SEMA_PRIVATE_H

#include "sema/sema.h"
#include "sema/walk.h"

typedef struct {
    const Front *front;
    Arena *arena;
    Diags *diags;
    Model *model;
    Definition *definitions; /* of -D */
    size_t definition_count;
    size_t dim_capacity, const_capacity, param_capacity, data_capacity, function_capacity,
        external_capacity;
} Sema;

/* What the language has besides the rows of builtin.def and the library. */
bool sema_is_reduction(const char *name);

Name sema_name(const Sema *sema, const char *text);
/* After names in that list have changed. */
void sema_forget_names(const Sema *sema, ModelList list);

/* ---- library.c: the standard library ----------------------------------------------------------
 */

/* Reads the functions that the model may come to use. */
void sema_library(Sema *sema);

/* ---- locals.c: formals, local names, what they may hide; names that are never used ----------- */

void sema_locals(Sema *sema);

/* ---- prior.c: `param … ~ f(…)` --------------------------------------------------------------- */

/* Makes `prior` the sum of what all `~` say and of the file's own. */
void sema_priors(Sema *sema);

/* ---- bind.c: values of dims and consts, -D --------------------------------------------------- */

void sema_bind(Sema *sema);

/* ---- external.c: extern functions ---------------------------------------------------------- */

void sema_external(Sema *sema, const Item *item);
/* Adds the functions that are derivatives only. */
void sema_externals(Sema *sema);

/* ---- settings.c: train { } ------------------------------------------------------------------- */

void sema_settings(Sema *sema);

/* ---- roles.c: what the trainer knows; C names ------------------------------------------------ */

void sema_roles(Sema *sema);
void sema_c_names(Sema *sema);

/* ---- calls.c: recursion, use, whole numbers -------------------------------------------------- */

void sema_calls(Sema *sema);
/* Which formals are whole numbers: fills `whole` and `size` of all functions. */
void sema_whole(Sema *sema);

#endif
