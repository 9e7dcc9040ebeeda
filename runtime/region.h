/* region.h: steps in a trust region, for methods that have a quadratic model of J. */
#ifndef GRADC_REGION_H
#define GRADC_REGION_H

#include "runtime/optimizer.h"

/* The model slope·δ + δᵀBδ/2 of m·J, where |D δ| is at most the radius. B is `matrix` (n × n), or
 * TᵀT of `triangle` (n × (n + 1), whose last column t has slope = Tᵀt): then no digit is lost that
 * T has. The arrays are the caller's, or region_room's. */
typedef struct Region {
    size_t n;
    const double *matrix, *triangle; /* one of them */
    const double *slope;
    /* or NULL: finds the step in its own way. EPOCH_DONE: there is one; else the epoch ends so */
    EpochStatus (*find)(Training *training, struct Region *region);
    double *scale;               /* the diagonal of D */
    double radius;               /* 0: not yet chosen */
    double damping;              /* λ of the last step: (B + λ D²) δ = −slope */
    double *step;                /* δ */
    double length;               /* |D δ| */
    double last;                 /* that of the step before; 0: none */
    double predicted;            /* by how much the model falls */
    double *factor, *rows, *aux; /* scratch: n (n + 1), (n + 1) (n + 2), 2 n */
} Region;

/* Room of so many numbers that the Training keeps until its end; `which` < 8 tells them apart.
 * NULL: reported. */
double *region_room(Training *training, unsigned which, size_t count);
/* Goes along the steps of the region until one lowers m·J enough, and there. EPOCH_CONVERGED where
 * none does, or rounding is all that is left. What of the region outlives an epoch (radius,
 * damping, last) is in Training.memory. */
EpochStatus region_epoch(Training *training, Region *region, double *trial, double *slope);

#endif
