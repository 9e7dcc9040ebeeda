/* form.h: a whole number as a linear form
 *     constant + Σ coefficient · atom
 * with sizes for constant and coefficients. What the atoms are, their owner knows: the proofs of
 * lower/prove.c have nodes, those of loop/bounds.c expressions of loop programs. */
#ifndef GRADC_IR_FORM_H
#define GRADC_IR_FORM_H

#include "ir/ir.h"

enum { FORM_LIMIT = 8 };

typedef struct {
    Dim constant;
    unsigned count;
    uint32_t atom[FORM_LIMIT]; /* numbers of the owner's, each once */
    Dim coefficient[FORM_LIMIT];
} Form;

Form form_constant(Dim value);
Form form_atom(Ir *ir, uint32_t atom);
/* Takes atom k out; the last one takes its place. */
void form_drop(Form *form, unsigned k);
/* a += factor · b; false: too many atoms, *a is of no use. */
bool form_add(Ir *ir, Form *a, const Form *b, Dim factor);
/* a + b, a - b, -a (b is not read) or a · b as a form; false: it is none. */
bool form_call(Ir *ir, BuiltinId f, const Form *a, const Form *b, Form *made);

#endif
