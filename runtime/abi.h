/* abi.h: all that a compiled model and the runtime know of each other. The compiler emits two
 * symbols (below); the runtime reads them. Both the compiler and the runtime include this file. */
#ifndef GRADC_ABI_H
#define GRADC_ABI_H

#include <stddef.h>
#include <stdint.h>

/* clang-format off */
/* The model, described in lines of words separated by one blank (names are UTF-8 without blanks).
 * A size is RPN text over dim names with the blanks written as commas: "D,D,1,+,*,2,//".
 *
 *   gradc 3                          format version; always the first line
 *   model NAME
 *   source PATH                      the .model file as given to gradc
 *   hash HEX                         of the model's text and of its -D definitions
 *   precision f32                    reals are floats; absent where they are doubles
 *   dim NAME [VALUE | rows]          in the order of the dims array; VALUE if bound at compile time;
 *                                    `rows`: the number of rows of a sample
 *   const NAME VALUE [fixed]         in the order of the consts array
 *   data NAME RANK SIZE...           arrays of the whole data set, in the order of the data array
 *   param NAME C_NAME RANK SIZE...   in the order of the flat vector; shape as the user sees it
 *   unconstrained NAME SIZE          after the line of a constrained param: how many entries of the
 *                                    flat vector are its; without one as many as its shape has
 *   column NAME KIND RANK SIZE... [in DIM-OR-SIZE] [target]
 *                                    arguments of loss in order; KIND real or int; RANK and sizes
 *                                    without the sample axis; `target`: forward lacks it
 *   affine COLUMN W B AXIS...        the column stands in all kernels but in Σ_p W[p, q] x[p] + B[q]:
 *                                    for each axis of the column, then of B, which of W it is; W and
 *                                    B stand nowhere else, there may be several lines for a column
 *   smooth                           the losses, the prior and the penalty have no kinks that are known
 *   residuals SIZE                   rows that kernel gauss gives
 *   forward RANK SIZE...             shape of forward's value for one sample; absent without forward
 *   define NAME RANK SIZE...         definitions that are reported beside the params, in the order of
 *                                    kernel define's output
 *   metric NAME KERNEL               a mean over samples
 *   derived NAME EXPRESSION          of other metrics
 *   setting NAME VALUE               of train { }
 *   kernel ROLE NUMBER WORK          NUMBER: entry of gradc_kernels; WORK: size (reals, over dims
 *                                    and m), or 0
 *   text LINE                        the model, line by line, as it was written
 *   derivation LINE                  how the loss is differentiated, for people, as a part of HTML
 *   uses ROLE NAME...                the columns that kernel ROLE reads (forward: no targets)
 *   predict PREFIX FUNCTION          the C function of forward for one sample, and the prefix of the
 *                                    names that `export` makes
 *   argument C_NAME KIND...          its arguments in order: dim NAME, params, consts, data NAME RANK
 *                                    SIZE..., real or int NAME RANK SIZE... (of the sample), out,
 *                                    work SIZE; without `out` it returns the value
 *   unexported WHY                   forward uses what C without libraries lacks: there is no code
 *   code                             the last line; what follows is C text: FUNCTION, static, behind
 *                                    what it calls
 *
 * Roles, what they return, and what they write to `out`:
 *
 *   objective         Σ loss over the samples
 *   gradient          Σ loss;                  its gradient, laid out like params
 *   curvature         0;                       the Hessian of Σ loss, row by row; only of models
 *                     whose loss is a polynomial of degree 2 in all params: the params are not read
 *   hvp               0;                       the Hessian of Σ loss times `direction`
 *   sgd               Σ of what is minimised for one sample (loss − prior/total + penalty), each at
 *                     the parameters before its update; params are updated
 *   step              Σ loss;                  params − rate · gradient are the new params; only of
 *                     models without prior and penalty that look rows of params up
 *   gauss             0;                       of models whose Σ loss is a sum of squares, up to what
 *                     no param changes: a row for each, its gradient and then the residual itself
 *   regular           the penalty
 *   regular_gradient  the penalty;             its gradient
 *   shrink            0;                       c of the terms c |θ| in the penalty, laid out like
 *                     params; only of models with such terms
 *   prior             the log density
 *   prior_gradient    the log density;         its gradient
 *   regular_hvp       0;                       the Hessian of the penalty times `direction`
 *   prior_hvp         0;                       that of the log density
 *   forward           0;                       samples × entries
 *   init              0;                       the start of params
 *   constrain         0;                       the params as the user sees them, flat
 *   unconstrain       0;                       params of those (which are in `params`)
 *   define            0;                       definitions, flat
 *   metric            Σ of the metric over the samples
 */
/* clang-format on */
extern const char gradc_model[];

/* What kernels are called with; each uses what it needs. Reals are double, but float in a model
 * whose description says `precision f32`: there all pointers to double here point to floats. */
typedef struct {
    const int64_t *dims;        /* values of all dims, in the order of the `dim` lines; that of a
                                   rows dim: the most rows of a sample */
    const double *consts;       /* values of all consts, in order */
    double *params;             /* the flat vector; only sgd and step write it */
    const double *const *data;  /* one array for each `data` line, row-major */
    const void *const *columns; /* one array for each `column` line, row-major: entries of one
                                   sample, sample after sample; reals, or int64_t for int;
                                   those that the kernel does not use may be NULL */
    const int64_t *starts;      /* of a model with a rows dim, else NULL: sample s are the rows
                                   starts[s] … starts[s + 1] - 1 of the columns whose first axis it
                                   is; these columns are addressed by their rows, and never moved */
    const int64_t *order;       /* sgd, and with a rows dim all that goes over the samples: the
                                   samples in their order, or NULL for 0, 1, 2, … */
    int64_t rows;               /* number of samples given */
    int64_t total;              /* samples of the whole data set: the prior's divisor */
    double rate;                /* sgd, step: the learning rate */
    uint64_t seed;              /* init */
    double *out;                /* overwritten with what the role gives */
    double *work;               /* as many reals as the `kernel` line says */
    const double *direction;    /* the hvp kernels: the vector, laid out like params */
} GradcArgs;

typedef double GradcKernel(const GradcArgs *args);
extern GradcKernel *const gradc_kernels[];

/* Linear algebra that has no result, an entry that an array does not have, and what is made of a
 * whole number divided by 0 are NaNs whose bits tell what failed and where; arithmetic hands them
 * on, so that the loss of a row is such a NaN. They lie where a float that is made a double has its
 * bits. */
#define GRADC_NAN      UINT64_C(0x7ffd000000000000)
#define GRADC_NAN_MASK UINT64_C(0x7fff000000000000) /* arithmetic may set the sign */
#define GRADC_NAN_WHAT 45                           /* shift of three bits: one of these */
#define GRADC_NAN_LINE 29 /* shift of 16 bits: line of the model; 0: not known */
enum {
    GRADC_NOT_DEFINITE = 1,
    GRADC_SINGULAR = 2,
    GRADC_ZERO_DIAGONAL = 3,
    GRADC_OUTSIDE = 4,
    GRADC_DIVIDED = 5,
};

/* The trainer's main, in the runtime; the compiled executable's main calls it. */
int gradc_main(int argc, char **argv, const char *model, GradcKernel *const *kernels);

#endif
