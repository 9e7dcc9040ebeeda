/* six(a, b, c, d, e, f) = a b c + d e f, and its derivatives */
double six(double a, double b, double c, double d, double e, double f);
double six(double a, double b, double c, double d, double e, double f) { return a * b * c + d * e * f; }
#define DERIVATIVE(NAME, VALUE) \
    double NAME(double a, double b, double c, double d, double e, double f); \
    double NAME(double a, double b, double c, double d, double e, double f) \
    { (void)a, (void)b, (void)c, (void)d, (void)e, (void)f; return VALUE; }
DERIVATIVE(six_a, b * c)
DERIVATIVE(six_b, a * c)
DERIVATIVE(six_c, a * b)
DERIVATIVE(six_d, e * f)
DERIVATIVE(six_e, d * f)
DERIVATIVE(six_f, d * e)
