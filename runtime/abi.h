/* abi.h: all that a compiled model and the runtime know of each other. The compiler emits two
 * symbols (below); the runtime reads them. Both the compiler and the runtime include this file. */
#ifndef GRADC_ABI_H
#define GRADC_ABI_H

#include <stddef.h>
#include <stdint.h>

/* The model, described in lines of words separated by one blank (names are UTF-8 without blanks). A
 * size is RPN text over dim names with the blanks written as commas: "D,D,1,+,*,2,//".
 *
 *   gradc 1                          format version; always the first line
 *   model NAME
 *   source PATH                      the .model file as given to gradc
 *   hash HEX                         of the model's text and of its -D definitions
 *   dim NAME [VALUE]                 in the order of the dims array; VALUE if bound at compile time
 *   const NAME VALUE [fixed]         in the order of the consts array
 *   param NAME C_NAME RANK SIZE...   in the order of the flat vector
 *   column NAME KIND RANK SIZE... [in DIM-OR-SIZE]   arguments of loss in order; KIND real or int;
 * RANK and sizes without the sample axis; `target` follows if forward lacks it e.g. "column y int 0
 * in K target" forward RANK SIZE...             shape of forward's value for one sample; absent
 * without forward metric NAME KERNEL               a mean over samples derived NAME EXPRESSION
 * reserved setting NAME VALUE               of train { } kernel ROLE NUMBER WORK          NUMBER:
 * entry of gradc_kernels; WORK: size (doubles, over dims and m), or 0. ROLE: objective gradient sgd
 * regular regular_gradient forward init metric uses ROLE NAME...                the columns that
 * kernel ROLE reads (forward: no targets)
 */
extern const char gradc_model[];

/* One signature for all kernels; each uses what it needs.
 *   dims      values of all dims, in the order of the `dim` lines
 *   consts    values of all consts, in order
 *   params    the flat parameter vector; only sgd writes it
 *   columns   one pointer per `column` line: rows × entries of one sample, row-major; double for
 * real, int64_t for int; those the kernel does not use may be NULL order     sgd: the row of each
 * of the `rows` samples, or NULL for 0, 1, 2, …; others: NULL rows      number of samples rate sgd:
 * the learning rate seed      init out       gradient, regular_gradient: overwritten with the
 * gradient, laid out like params; forward: rows × entries; init: the start of params work      as
 * many doubles as the `kernel` line says Returns: objective and gradient: Σ loss over the rows;
 * sgd: Σ loss + penalty, each at the parameters before its update; regular…: the penalty; metric: Σ
 * of the metric; others 0. */
typedef double GradcKernel(const int64_t *dims, const double *consts, double *params,
                           const void *const *columns, const int64_t *order, int64_t rows,
                           double rate, uint64_t seed, double *out, double *work);
extern GradcKernel *const gradc_kernels[];

/* The trainer's main, in the runtime; the compiled executable's main calls it. */
int gradc_main(int argc, char **argv, const char *model, GradcKernel *const *kernels);

#endif
