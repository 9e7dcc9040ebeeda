/* sums.model and batch.model in loops, in the order of the text; gradients as the chain rule gives them. */
#include <math.h>
#include <stddef.h>

double hand_total(size_t n, const double *x) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += x[i];
    return s;
}
double hand_affine(size_t n, const double *x) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += 3 * x[i] + 0.1;
    return s;
}
double hand_dots(size_t n, const double *u, const double *v) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += u[i] * v[i];
    return s;
}
double hand_squares(size_t n, const double *x) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += (x[i] - 0.3) * (x[i] - 0.3);
    return s / (double)n;
}
double hand_nested(size_t n, size_t m, const double *A, const double *x) {
    double s = 0;
    for (size_t i = 0; i < n; i++) {
        double t = 0;
        for (size_t j = 0; j < m; j++) t += A[i * m + j] * x[j];
        s += t * t;
    }
    return s;
}
double hand_flat(size_t n, size_t m, const double *A) {
    double s = 0;
    for (size_t i = 0; i < n; i++) {
        double t = 0;
        for (size_t j = 0; j < m; j++) t += A[i * m + j];
        s += t;
    }
    return s;
}
double hand_across(size_t n, size_t m, const double *A) {
    double s = 0;
    for (size_t j = 0; j < m; j++) {
        double t = 0;
        for (size_t i = 0; i < n; i++) t += A[i * m + j];
        s += t;
    }
    return s;
}
double hand_factored(double a, double b, size_t n, const double *x) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += a * b * x[i];
    return s;
}
double hand_chain(size_t n, const double *x) {
    (void)n;
    return x[0] * x[1] + x[2] * x[3] - x[0] * x[3] * 1.1 + (x[1] - x[2]) / x[3];
}
double hand_recurrence(size_t n, const double *x, double a) {
    double s = 0.5;
    for (size_t t = 0; t < n; t++) s = a * s + x[t];
    return s;
}
double hand_filter(size_t n, const double *x, double a) {
    double last = 0, s = 0;
    for (size_t t = 1; t < n; t++) {
        last = x[t] - a * x[t - 1] - 0.3 * last;
        s += last * last;
    }
    return s;
}
double hand_matrix(size_t n, const double *A, const double *B) {
    double s = 0;
    for (size_t i = 0; i < n; i++) {
        double row = 0;
        for (size_t j = 0; j < n; j++) {
            double t = 0;
            for (size_t k = 0; k < n; k++) t += A[i * n + k] * B[k * n + j];
            row += t * A[j * n + i];
        }
        s += row;
    }
    return s;
}
double hand_form(size_t n, const double *A, const double *x) {
    double s = 0;
    for (size_t i = 0; i < n; i++) {
        double t = 0;
        for (size_t j = 0; j < n; j++) t += x[i] * A[i * n + j] * x[j];
        s += t;
    }
    return s;
}
double hand_poly(size_t n, const double *x) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += 1 + x[i] * (0.5 + x[i] * (0.25 + x[i] * 0.125));
    return s;
}
double hand_root(size_t n, const double *x) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += sqrt(1 + x[i] * x[i]) / (2 + x[i] * x[i]);
    return s;
}
double hand_lower(size_t n, const double *A) {
    double s = 0;
    for (size_t i = 0; i < n; i++) {
        double t = 0;
        for (size_t j = 0; j < i; j++) t += A[i * n + j] * A[j * n + i];
        s += t;
    }
    return s;
}
double hand_tops(size_t n, const double *x) {
    double high = -INFINITY, low = INFINITY;
    for (size_t i = 0; i < n; i++) {
        high = x[i] * 2 - 1 > high ? x[i] * 2 - 1 : high;
        low = x[i] * 3 < low ? x[i] * 3 : low;
    }
    return high + low;
}
/* the batch: the mean of the losses, and its gradient */
double hand_batch(size_t D, const double *params, const double *x, const double *y, size_t m, double *grad) {
    const double *w = params + 1;
    double s = 0;
    for (size_t j = 0; j <= D; j++) grad[j] = 0;
    for (size_t i = 0; i < m; i++) {
        double t = 0;
        for (size_t j = 0; j < D; j++) t += w[j] * x[i * D + j];
        double r = params[0] + t - y[i];
        s += r * r / 2;
    }
    return s / (double)m;
}
