/* squares.h: sums of squares; private to diff/. */
#ifndef GRADC_DIFF_SQUARES_H
#define GRADC_DIFF_SQUARES_H

#include "ir/ir.h"

enum { SQUARES_MOST = 16 };

/* Σ over the axes of residual². */
typedef struct {
    Ref residual;
    uint8_t rank;
    Index axes[RANK_LIMIT];
} Square;

typedef struct {
    Square list[SQUARES_MOST];
    size_t count;
} Squares;

/* Whether v is a sum of squares of which `wrt` are the variables, and a summand that has none. New
 * values are appended to ir. The weights are in the residuals, as roots: one that is negative where
 * that is known only from the data makes a NaN. */
bool diff_find_squares(Ir *ir, Ref v, const uint32_t *wrt, size_t wrt_count, Squares *squares);

#endif
