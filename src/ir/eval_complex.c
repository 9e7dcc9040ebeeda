/* eval_complex.c: built-ins on the interpreter's numbers: whole numbers exactly, reals by the
 * table, complex numbers by their extensions. */
#include "ir/eval.h"

#include <math.h>
#include <string.h>

static int64_t floor_divide(int64_t a, int64_t b) {
    if (b == 0) {
        return 0; /* under a guard that is false */
    }
    if (b == -1) {
        return (int64_t)(0 - (uint64_t)a);
    }
    int64_t q = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

static int64_t call_integers(BuiltinId f, int64_t a, int64_t b, int64_t c) {
    uint64_t x = (uint64_t)a, y = (uint64_t)b; /* wraps around, as generated code does */
    switch ((int)f) {
    case BI_add:
        return (int64_t)(x + y);
    case BI_sub:
        return (int64_t)(x - y);
    case BI_mul:
        return (int64_t)(x * y);
    case BI_square:
        return (int64_t)(x * x);
    case BI_neg:
        return (int64_t)(0 - x);
    case BI_abs:
        return a < 0 ? (int64_t)(0 - x) : a;
    case BI_sign:
        return (a > 0) - (a < 0);
    case BI_maximum:
        return a > b ? a : b;
    case BI_minimum:
        return a < b ? a : b;
    case BI_floordiv:
        return floor_divide(a, b);
    case BI_mod:
        return b == 0 ? 0 : (int64_t)(x - y * (uint64_t)floor_divide(a, b));
    case BI_eq:
        return a == b;
    case BI_ne:
        return a != b;
    case BI_lt:
        return a < b;
    case BI_le:
        return a <= b;
    case BI_and:
        return a && b;
    case BI_or:
        return a || b;
    case BI_not:
        return !a;
    }
    (void)c;
    ice("eval", "`%s` of whole numbers", builtins[f].name);
}

static double call_reals(const Builtin *row, const Number *args) {
    switch (row->arity) {
    case 1:
        return row->f1(args[0].real);
    case 2:
        return row->f2(args[0].real, args[1].real);
    default:
        return row->f3(args[0].real, args[1].real, args[2].real);
    }
}

static double complex complex_of(Number a) {
    double parts[2] = {a.real, a.imaginary};
    double complex z;
    memcpy(&z, parts, sizeof z);
    return z;
}

static Number number_of(double complex z) {
    return (Number){.real = creal(z), .imaginary = cimag(z)};
}

/* Rows of three arguments: clamp and fma. */
static bool call_complex(BuiltinId f, const Number *args, Number *result) {
    const Builtin *row = &builtins[f];
    if (f == BI_clamp) {
        Number raised = args[0].real < args[1].real ? args[1] : args[0];
        *result = raised.real > args[2].real ? args[2] : raised;
        return true;
    }
    if (f == BI_fma) {
        double complex product = builtins[BI_mul].c2(complex_of(args[0]), complex_of(args[1]));
        *result = number_of(builtins[BI_add].c2(product, complex_of(args[2])));
        result->real = call_reals(row, args);
        return true;
    }
    if (row->arity == 1 && row->c1 != NULL) {
        *result = number_of(row->c1(complex_of(args[0])));
    } else if (row->arity == 2 && row->c2 != NULL) {
        *result = number_of(row->c2(complex_of(args[0]), complex_of(args[1])));
    } else {
        bool moves = false;
        for (int k = 0; k < row->arity; k++) {
            moves = moves || args[k].imaginary != 0;
        }
        *result = (Number){.real = call_reals(row, args)};
        return !moves;
    }
    return true;
}

bool eval_call(BuiltinId f, Kind kind, const Number *args, bool is_complex, Number *result) {
    const Builtin *row = &builtins[f];
    *result = (Number){0};
    if (row->signature == SIG_RANDOM) {
        result->real = builtin_random_uniform(args[0].integer, args[1].integer);
        return true;
    }
    if (kind != KIND_REAL) {
        int64_t b = row->arity > 1 ? args[1].integer : 0;
        result->integer = call_integers(f, args[0].integer, b, 0);
        return true;
    }
    if (row->signature == SIG_COMPARE) {
        result->integer = row->f2(args[0].real, args[1].real) != 0;
        return true;
    }
    if (is_complex) {
        return call_complex(f, args, result);
    }
    result->real = call_reals(row, args);
    return true;
}

/* log Σ exp: shifted by the maximum of the real parts; infinities as numerics ask: one +inf wins,
 * all -inf give -inf, a NaN wins over all. */
Number complex_log_sum_exp(const Number *terms, size_t count) {
    double greatest = -INFINITY, sum = 0, moved = 0;
    for (size_t k = 0; k < count; k++) {
        if (isnan(terms[k].real)) {
            return terms[k];
        }
        greatest = terms[k].real > greatest ? terms[k].real : greatest;
    }
    if (isinf(greatest)) {
        return (Number){.real = greatest};
    }
    for (size_t k = 0; k < count; k++) {
        double e = exp(terms[k].real - greatest);
        sum += e;
        moved += terms[k].imaginary == 0 ? 0 : e * terms[k].imaginary;
    }
    return (Number){.real = greatest + log(sum), .imaginary = moved / sum};
}

double ir_call_external(const External *external, const double *args) {
    typedef double One(double);
    typedef double Two(double, double);
    typedef double Three(double, double, double);
    typedef double Four(double, double, double, double);
    typedef double Five(double, double, double, double, double);
    typedef double Six(double, double, double, double, double, double);
    union {
        void *address;
        One *one;
        Two *two;
        Three *three;
        Four *four;
        Five *five;
        Six *six;
    } f = {external->address};
    if (f.address == NULL) {
        return NAN;
    }
    switch (external->arity) {
    case 1:
        return f.one(args[0]);
    case 2:
        return f.two(args[0], args[1]);
    case 3:
        return f.three(args[0], args[1], args[2]);
    case 4:
        return f.four(args[0], args[1], args[2], args[3]);
    case 5:
        return f.five(args[0], args[1], args[2], args[3], args[4]);
    default:
        return f.six(args[0], args[1], args[2], args[3], args[4], args[5]);
    }
}
