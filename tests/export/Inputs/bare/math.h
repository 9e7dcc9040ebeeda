/* The functions of C99's math.h that generated code may call, for compilers without a C library. */
#ifndef MATH_H
#define MATH_H
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define signbit(x) __builtin_signbit(x)
#define isfinite(x) __builtin_isfinite(x)
#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)
#define ONE(f) double f(double); float f##f(float);
#define TWO(f) double f(double, double); float f##f(float, float);
ONE(exp) ONE(expm1) ONE(log) ONE(log1p) ONE(sqrt) ONE(sin) ONE(cos) ONE(tan) ONE(asin) ONE(acos)
ONE(atan) ONE(sinh) ONE(cosh) ONE(tanh) ONE(asinh) ONE(acosh) ONE(atanh) ONE(fabs) ONE(floor)
ONE(ceil) ONE(rint) ONE(round) ONE(trunc) ONE(erf) ONE(erfc) ONE(lgamma) ONE(tgamma) ONE(cbrt)
ONE(exp2) ONE(log2) ONE(log10)
TWO(pow) TWO(fmod) TWO(atan2) TWO(hypot) TWO(copysign) TWO(fmax) TWO(fmin)
double ldexp(double, int);
float ldexpf(float, int);
#endif
