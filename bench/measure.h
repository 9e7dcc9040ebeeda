/* What the benchmarks share: the time that the process has run, and medians. */
#ifndef GRADC_BENCH_MEASURE_H
#define GRADC_BENCH_MEASURE_H

#include <stdlib.h>
#include <time.h>

/* Seconds of the clock; of CLOCK_PROCESS_CPUTIME_ID those that the process has computed. */
static inline double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds that the process has computed. */
static inline double now(void) {
    return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static inline int by_size(const void *a, const void *b) {
    double p = *(const double *)a, q = *(const double *)b;
    return (p > q) - (p < q);
}

/* The one in the middle; sorts the numbers. */
static inline double median(double *numbers, size_t count) {
    qsort(numbers, count, sizeof *numbers, by_size);
    return numbers[count / 2];
}

#endif
