/* errors.h: what is known of the answer: standard errors, correlations, intervals, and profiles of
 * the objective. All is computed on the flat vector that training moves, and carried to the user's
 * terms by the delta method. */
#ifndef GRADC_ERRORS_H
#define GRADC_ERRORS_H

#include "runtime/runtime.h"

/* ---- dense.c: small dense matrices, row-major --------------------------------------------------
 */

/* Eigenvalues of the symmetric n×n `a` (destroyed), least first; eigenvectors in the columns of
 * `vectors`. By Jacobi's rotations: small eigenvalues of scaled matrices keep their digits. */
void dense_eigen(double *a, size_t n, double *values, double *vectors);
/* Singular values of the n×n `a` (destroyed), least first, and right singular vectors in the
 * columns of `vectors`; by one-sided rotations, without AᵀA. */
void dense_singular(double *a, size_t n, double *values, double *vectors);
/* `rows`×n (destroyed) to its triangle R, n×n, by Householder's reflections. */
void dense_triangle(double *a, size_t rows, size_t n, double *r);

/* ---- quantile.c: distributions -----------------------------------------------------------------
 */

double normal_quantile(double p);
/* Student's t; infinite freedom is the normal distribution. */
double student_quantile(double p, double freedom);

/* ---- slope.c: derivatives of vectors by differences --------------------------------------------
 */

/* values = f(point); false: reported. */
typedef bool VectorFunction(void *self, double *point, double *values);

typedef struct {
    Context *context;
    const Model *model;
    VectorFunction *function;
    void *self;
    size_t count;          /* values */
    const double *weights; /* what makes them comparable, or NULL: they are */
    double *memory;
} Slope;

bool slope_start(Context *context, const Model *model, VectorFunction *function, void *self,
                 size_t count, Slope *slope); /* without weights */
void slope_end(Slope *slope);
/* ∂values/∂point[at] by central differences, extrapolated from a ladder of steps to where two of
 * them agree best; *off: by how much they did not, relative to the largest. About 1e-11 of smooth
 * functions of doubles, near 1 at a kink. */
bool slope_at(const Slope *slope, double *point, size_t at, double *column, double *off);

/* ---- residuals.c: forward beside its target ----------------------------------------------------
 */

typedef struct {
    const Model *model;
    const Data *data;
    int64_t first, samples; /* of the data */
    int64_t count;          /* numbers of forward, over these samples */
    const double *values;   /* y − forward */
    double *wanted, *found;
    double *weights; /* by number, or NULL: all are 1 */
    double *work;
    void *reals;
    const void **columns;
    int64_t column; /* the target, or -1: forward alone */
} Residuals;

/* Room for forward of all samples of the data; with `target`, the numbers that it should give. */
bool residuals_start(Context *context, const Model *model, const Data *data, bool target,
                     Residuals *residuals);
void residuals_end(Context *context, Residuals *residuals);
/* Does the model have a forward and one target of its shape? */
bool residuals_known(const Model *model, const Data *data);
/* The weight of number i. */
double residuals_weight(const Residuals *residuals, int64_t i);
/* Its weight times its square; 0 where it does not count, whatever it is. */
double residuals_square(const Residuals *residuals, int64_t i);
/* found = forward at params. */
void residuals_forward(Residuals *residuals, const double *params);
/* Is each sample's loss one and the same multiple of the sum of its squared residuals, here and
 * near here? *scale: that multiple. */
bool residuals_squared(Context *context, Evaluator *evaluator, Residuals *residuals,
                       const double *params, double *scale);
/* The lines that summarise the residuals at params. `freedom`: 0 where nothing was fitted. */
bool residuals_text(Context *context, Residuals *residuals, const double *params, double freedom,
                    Text *text);

/* ---- errors.c ----------------------------------------------------------------------------------
 */

typedef enum {
    ERRORS_AUTO,
    ERRORS_NO,
    ERRORS_SQUARES,    /* s²(JᵀJ)⁻¹ */
    ERRORS_LIKELIHOOD, /* the inverse Hessian of m·J */
} ErrorsKind;

enum { ERRORS_PARAMS_MOST = 500 };

typedef struct Errors {
    ErrorsKind kind;
    bool from_hessian; /* squares whose residuals are not known one by one */
    size_t count;      /* of the flat vector */
    size_t rank;       /* of what the data tell */
    double *covariance;
    double *factor;      /* count × rank: covariance = factor · factorᵀ */
    double *lost;        /* count × (count − rank): directions that the data say nothing of */
    double *scale;       /* by entry of the flat vector: 0 where it is held fixed */
    double deviation;    /* s of squares, else 1 */
    double unit;         /* m·J / unit is a negative log-likelihood */
    double freedom;      /* infinite for likelihoods */
    double residuals;    /* their number, of squares */
    double distance;     /* from the optimum, in standard errors */
    size_t numbers;      /* of a view: params, then definitions */
    double *error;       /* by number of the view; NaN: not identified */
    double *low, *high;  /* the interval */
    double *correlation; /* numbers of params × the same, or NULL */
    double confidence, quantile;
} Errors;

/* --errors of a command; false: reported. */
bool errors_kind(Context *context, const char *text, ErrorsKind *kind);
/* --confidence and --interval: a number between 0 and 1. */
bool confidence_read(Context *context, const Model *model, const Options *options, OptionId id,
                     double *value);
/* The evaluator has slopes of all samples. `correlations`: make them, too. What the data do not
 * tell is a warning. */
bool errors_make(Context *context, Evaluator *evaluator, double *params, ErrorsKind kind,
                 double confidence, bool correlations, Errors *errors);
/* The variance of d·θ, for a row d of derivatives by the flat vector; NaN: not identified. */
double errors_variance(const Errors *errors, const double *row);
/* ∂ of what the user sees (of a view's numbers) by the flat vector, one row for each. */
bool errors_view_slopes(Context *context, const Model *model, double *params, double *rows);
/* ---- errors_text.c ---- */
/* A table for people. */
void errors_text(Text *text, const View *view, const Errors *errors, size_t limit);
/* A table of correlations of params, if they were made. */
void correlations_text(Text *text, const Model *model, const Errors *errors, size_t limit);
/* `name`, `name[2,3]`: entry k of an item. */
void entry_name(Text *text, const char *name, const Shape *shape, int64_t k);

/* ---- answer.c: what `train` tells at its end ----------------------------------------------------
 */

typedef struct {
    ErrorsKind kind; /* ERRORS_NO: nothing is asked for */
    double confidence;
    bool correlations;
    bool made;
    Errors errors;
} Answer;

/* --errors, --confidence, --correlations; false: reported. */
bool answer_read(Session *session, Answer *answer);
/* Standard errors by the data at session->params, of which `view` is the user's view; they are
 * told to `stream`, if that is not NULL. */
bool answer_make(Session *session, const Data *data, const View *view, FILE *stream,
                 Answer *answer);

/* ---- predict.c ---------------------------------------------------------------------------------
 */

/* A line `name = value` for each metric, over all data. */
bool metrics_text(Session *session, Evaluator *evaluator, Text *text);

/* ---- interval.c ---------------------------------------------------------------------------------
 */

/* Of `train --errors`: covariance, kind, freedom, deviation. False: there are none (reported). */
bool result_errors(Context *context, const Model *model, const ResultFile *file, Errors *errors);
/* The CSV of `predict --interval`; `name`: of the values. */
bool predict_intervals(Session *session, const char *name, Text *text);

/* ---- profile.c ---------------------------------------------------------------------------------
 */

int command_profile(Session *session);

#endif
