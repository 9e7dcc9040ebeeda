/* check.h: what check.c and check_matrix.c share: subjects, scores, the table. */
#ifndef GRADC_DRIVER_CHECK_H
#define GRADC_DRIVER_CHECK_H

#include "driver/driver.h"

enum { POINTS = 6, TRIES = 60, DIRECTIONS = 3, EDGE_POINTS = 4, MATRIX_POINTS = 3 };

/* Larger matrices are not interpreted. */
enum { MATRIX_LIMIT = 4096 };

/* Allowed differences, relative to the sum of the magnitudes of what is added up. */
#define VALUE_TOLERANCE      1e-9
#define SINGLE_TOLERANCE     2e-5
#define EXACT_TOLERANCE      1e-7
#define DIFFERENCE_TOLERANCE 1e-4

/* One function, the batch of the loss, or what makes the params of free numbers. */
typedef struct {
    const char *name; /* as the user knows it */
    const char *value_name;
    Stages value;
    Stages made[DERIVATIVE_COUNT]; /* by the derivative; `derived` is NULL where it has none */
    const char *names[DERIVATIVE_COUNT];
    const Ir **forward;  /* by each leaf of wrt alone */
    Stages back;         /* of the last kind: ENTRY_UNCONSTRAIN */
    bool number;         /* it has a gradient */
    bool differentiated; /* it has some derivative */
    uint32_t *wrt;
    size_t wrt_count;
} Subject;

/* The worst relative difference of one comparison, and how often it was made. */
typedef struct {
    double worst;
    size_t points;
} Score;

typedef struct {
    Compiler *compiler;
    Arena *arena;
    Jit *jit;
    const Subject *subject;
    Text table;
} Check;

/* Both not numbers, equal, or close by `scale`. Updates the score. */
bool check_agree(double a, double b, double scale, double tolerance, Score *score);
/* ---- check_rounding.c: what rounding errors explain ---------------------------------------------
 */

/* Numbers that were computed at some point, computed again with the errors of `noise` (see ir.h);
 * NULL: there are none. Always as many as the first time. */
typedef double *Again(const Check *check, const void *of, uint64_t noise);

/* Two ways to the same numbers. Where a derivative cancels, as at a point where all digits do, both
 * may be off by more than the tolerance: only there the spread of both is found, and allowed. */
typedef struct {
    Again *again[2]; /* [1] NULL: the other is machine code of the first */
    const void *of[2];
    size_t count;
    double *spread; /* of each number; NULL: not found yet */
} Ways;

/* check_agree of number `entry` of both. */
bool check_agree_ways(const Check *check, Ways *ways, size_t entry, double a, double b,
                      double scale, double tolerance, Score *score);

/* An output of an Ir. */
typedef struct {
    const Ir *ir;
    EvalInput input;
    size_t output;
} OutputOf;
double *check_again_output(const Check *check, const void *of, uint64_t noise);

/* Reports, as an internal error, that two ways to `what` (by `of`, or NULL) differ. */
_Noreturn void check_mismatch(const Check *check, const char *what, const char *of, double a,
                              const char *other, double b);
/* A line of the table, if a comparison was made. */
void check_row(Check *check, const char *by, const char *method, const Score *score);
/* The next point where the function is finite; false when `*next` has come to the end. */
bool check_point(const Check *check, uint64_t *next, Point *point);
/* The imaginary part of output `k` along a direction of all leaves (NULL: none), by a complex step,
 * or by central differences where a function has no complex extension. False where neither can
 * be trusted. `*exact`: it was the complex step. `noise`: of ir.h. */
bool check_directional(const Ir *ir, const Point *point, double *const *directions, size_t k,
                       uint64_t noise, double *result, bool *exact);

/* check_matrix.c: Hessians, Jacobians and products with vectors at random points, in the
 * interpreter. */
void check_matrices(Check *check);

/* check_params.c: the subject is ENTRY_CONSTRAIN; `back` is ENTRY_UNCONSTRAIN. */
void check_way_back(Check *check, const Stages *back);

#endif
