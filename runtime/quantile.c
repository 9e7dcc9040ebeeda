/* quantile.c: quantiles of the normal distribution and of Student's t, by bisection on the tail of
 * the distribution function. */
#include "runtime/errors.h"

#include <float.h>
#include <math.h>

/* P(X > x); precise in the tail. */
static double normal_tail(double x) {
    return erfc(x / sqrt(2)) / 2;
}

/* The continued fraction of the incomplete beta function (Lentz's method). */
static double beta_fraction(double x, double a, double b) {
    const double tiny = 1e-300;
    double c = 1;
    double d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double value = d;
    for (int m = 1; m <= 10000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double factors[] = {even, odd};
        double change = 1;
        for (int k = 0; k < 2; k++) {
            d = 1 + factors[k] * d;
            c = 1 + factors[k] / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            change = c * d;
            value *= change;
        }
        if (fabs(change - 1) < DBL_EPSILON) {
            break;
        }
    }
    return value;
}

static double beta_share(double x, double a, double b) {
    if (x <= 0 || x >= 1) {
        return x <= 0 ? 0 : 1;
    }
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(x, a, b) / a
                                     : 1 - front * beta_fraction(1 - x, b, a) / b;
}

/* P(T > t), t ≥ 0 */
static double student_tail(double t, double freedom) {
    return freedom > 1e8 ? normal_tail(t)
                         : beta_share(freedom / (freedom + t * t), freedom / 2, 0.5) / 2;
}

/* The t ≥ 0 beyond which there is `tail`, at most a half; by bisection on a scale that fits. */
static double find(double tail, double freedom) {
    double low = 0;
    double high = 1;
    while (student_tail(high, freedom) > tail && high < 1e300) {
        low = high;
        high *= 2;
    }
    for (int i = 0; i < 200; i++) {
        double middle = low + (high - low) / 2;
        if (middle == low || middle == high) {
            break;
        }
        if (student_tail(middle, freedom) > tail) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low + (high - low) / 2;
}

double student_quantile(double p, double freedom) {
    return p < 0.5 ? -find(p, freedom) : find(1 - p, freedom);
}

double normal_quantile(double p) {
    return student_quantile(p, INFINITY);
}
