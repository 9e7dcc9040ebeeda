/* builtin.h: the table of built-in functions of numbers; see builtin.def, one row each. */
#ifndef GRADC_BUILTIN_H
#define GRADC_BUILTIN_H

#include <complex.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum { KIND_REAL, KIND_INT, KIND_BOOL } Kind;

/* What reals are computed in; all of a compilation in one. */
typedef enum { PRECISION_F64, PRECISION_F32, PRECISION_COUNT } Precision;

typedef struct {
    const char *name; /* as --precision has it */
    const char *c;    /* the type in C, and in LLVM's text */
    int bytes;
    const char *suffix; /* of constants and of the functions of libm */
} PrecisionRow;

extern const PrecisionRow precisions[PRECISION_COUNT];

enum { BUILTIN_ARITY = 3 };

typedef enum {
#define BUILTIN(id, ...) BI_##id,
#include "ir/builtin.def"
#undef BUILTIN
    BI_COUNT
} BuiltinId;

/* How argument kinds make the kind of the result. */
typedef enum {
    SIG_REAL,    /* reals → real */
    SIG_NUMBER,  /* all int → int, all real → real: add, sub, mul, neg, abs, min, max, sign */
    SIG_INT,     /* ints → int: floordiv, mod */
    SIG_COMPARE, /* two of one kind → bool: eq, ne, lt, le */
    SIG_BOOL,    /* bools → bool: and, or, not */
    SIG_RANDOM,  /* (int seed, int counter) → real, uniform in (0, 1) */
} Signature;

typedef struct {
    const char *name;  /* as .ir, dumps and (if `visible`) the language write it */
    const char *c;     /* C function (double), or operator text if `infix` */
    const char *infix; /* the language's and C's operator: "+", or NULL */
    int arity;
    Signature signature;
    bool hidden; /* not callable by name in the language (add, square, …) */
    const char
        *d[BUILTIN_ARITY]; /* derivative by argument k, in the model language over a, b, c and the
                         value v; NULL: not differentiable; "0": piecewise constant */
    const char *formula; /* for what libm lacks: its value in the model language over a, b, c, which
                            opt/expand.c puts in its place before planning; else NULL */
    const char *tex;     /* template with #1 #2 #3 */
    const char *llvm;    /* intrinsic, overloaded on double ("llvm.exp"), or NULL: call `c` */
    double (*f1)(double);
    double (*f2)(double, double);
    double (*f3)(double, double, double);
    double complex (*c1)(double complex); /* complex extension, or NULL */
    double complex (*c2)(double complex, double complex);
    double domain[2]; /* where tests draw arguments */
    double flops;     /* cost, in additions */
    double range[2];  /* of values, for analysis; {0, 0}: unknown */
    const char *note; /* the convention at a kink, edges; for docs/builtins.md */
    const char *help; /* one line for docs/builtins.md */
} Builtin;

extern const Builtin builtins[BI_COUNT];

/* random_uniform by whole numbers, as the interpreter and generated code compute it. */
double builtin_random_uniform(int64_t seed, int64_t counter);

/* The same where reals are floats. */
double builtin_random_uniform_f32(int64_t seed, int64_t counter);

/* By name, visible ones only; false if there is none. */
bool builtin_find(const char *name, BuiltinId *found);

#endif
