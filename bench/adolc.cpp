/* The peer of gradient.py that differentiates by operator overloading: the loss of a batch of logistic regression,
 * recorded once on ADOL-C's tape, then differentiated as often as it is asked. */
#include <adolc/adolc.h>
#include <cstddef>
#include <vector>

extern "C" void adolc_record(size_t d, size_t rows, const double *x, const double *y, const double *start) {
    std::vector<adouble> w(d + 1);
    double loss;
    trace_on(1);
    for (size_t j = 0; j <= d; j++) {
        w[j] <<= start[j];
    }
    adouble sum = 0;
    for (size_t i = 0; i < rows; i++) {
        adouble z = w[d];
        for (size_t j = 0; j < d; j++) {
            z += w[j] * x[i * d + j];
        }
        sum += log(1 + exp(-z)) + (1 - y[i]) * z;
    }
    adouble mean = sum / (double)rows;
    mean >>= loss;
    trace_off();
}

extern "C" void adolc_gradient(size_t d, const double *params, double *grad) {
    gradient(1, (int)d + 1, params, grad);
}
