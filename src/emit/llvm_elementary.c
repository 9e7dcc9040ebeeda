/* llvm_elementary.c: exp, log, tanh, … as functions of LLVM IR without branches, which the loop
 * vectoriser turns into vector code where a call of libm would stay one call for each lane. A
 * module holds those that it uses, as gradc.exp and so on; llvm.c decides where they are inlined.
 *
 * The result of a function is the same bits wherever it is computed: inlined or called, alone or
 * in a vector, at every level of optimisation. No operation has a flag that lets LLVM change it,
 * and products are fused with sums where we say so: on processors that have FMA, with llvm.fma;
 * on the others product and sum are rounded each. Only between these two can results differ.
 *
 * Bounds are in units in the last place (ulp), over all arguments, as tests/emit-llvm/accuracy.py
 * measures them, with and without FMA. NaN comes out as it came in, with its payload. The
 * polynomials are minimax approximations (Remez) of what their comments say. */
#include "emit/llvm_private.h"

#include <math.h>
#include <string.h>

typedef LLVMValueRef V;

/* A polynomial by its coefficients. */
typedef struct {
    const double *a;
    size_t count;
} Series;

#define SERIES(...)                                                                                \
    { (const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double) }

/* What differs between double and float. */
typedef struct {
    unsigned bits, mantissa; /* of a number; of its fraction */
    uint64_t one;            /* the bits of 1 */
    uint64_t sqrt_half;      /* those of √½ */
    uint64_t magic;          /* those of 2^mantissa */
    double bias;             /* 2^mantissa + the exponent's bias + 1 */
    double tiny;             /* below, x is f(x) to the last bit where f'(0) is 1 */
    double smallest;         /* of normal numbers */
    unsigned lift;           /* 2^lift makes all others normal */
    /* log(2) in two parts: rounded, for FMA; short, so that products with exponents are exact */
    double inverse_ln2, ln2_near, ln2_rest, ln2_high, ln2_low;
    double exp_low, exp_high;  /* beyond, exp is 0 and infinite */
    double exp_near_subnormal; /* below, results are computed by 2^exp_lift as much */
    unsigned exp_lift;
    double expm1_low;  /* below, expm1 is -1 */
    double tanh_high;  /* from twice |x| on, tanh is 1 */
    double rest_high;  /* from twice |x| on, 1 - |tanh| counts as 0 */
    double cosh_high;  /* from |x| on, cosh is infinite */
    double cosh_large; /* from |x| on, exp(-|x|) does not count */
    double log1p_large;
    Series exp, tanh, cosh, sinh, log;
} Format;

static const Format formats[PRECISION_COUNT] = {
    [PRECISION_F64] =
        {
            .bits = 64,
            .mantissa = 52,
            .one = UINT64_C(0x3ff0000000000000),
            .sqrt_half = UINT64_C(0x3fe6a09e667f3bcd),
            .magic = UINT64_C(0x4330000000000000),
            .bias = 0x1p52 + 1024,
            .tiny = 0x1p-54,
            .smallest = 0x1p-1022,
            .lift = 54,
            .inverse_ln2 = 0x1.71547652b82fep0,
            .ln2_near = 0x1.62e42fefa39efp-1,
            .ln2_rest = 0x1.abc9e3b39803fp-56,
            .ln2_high = 0x1.62e42feep-1,
            .ln2_low = 0x1.a39ef35793c76p-33,
            .exp_low = -746,
            .exp_high = 710,
            .exp_near_subnormal = -700,
            .exp_lift = 127,
            .expm1_low = -50,
            .tanh_high = 45,
            .rest_high = 709,
            .cosh_high = 711,
            .cosh_large = 40,
            .log1p_large = 0x1p60,
            .exp = SERIES(0x1.5555555555559p-3, 0x1.5555555555559p-5, 0x1.111111110f6c7p-7,
                          0x1.6c16c16c14a5fp-10, 0x1.a01a01afdf5ffp-13, 0x1.a01a01af6fb8bp-16,
                          0x1.71ddf85b154f4p-19, 0x1.27e4c7aa2ceaep-22, 0x1.af5ebbd82e4bap-26,
                          0x1.1f92e90fdd2cbp-29),
            .tanh = SERIES(-0x1.5555555555552p-2, 0x1.1111111110941p-3, -0x1.ba1ba1b97faeep-5,
                           0x1.664f4856ccef1p-6, -0x1.226e2e75e99bep-7, 0x1.d6d27a102566cp-9,
                           -0x1.7d8dceb7fd0a8p-10, 0x1.3470de798b1edp-11, -0x1.e89dfa1e7d3a5p-13,
                           0x1.5aef28fbfce25p-14, -0x1.407c8ba155904p-16),
            .cosh = SERIES(0x1.000000000000cp-1, 0x1.555555554ff47p-5, 0x1.6c16c185d2b63p-10,
                           0x1.a019962a123eep-16, 0x1.28b0a39f9eb6bp-22),
            .sinh = SERIES(0x1.5555555555558p-3, 0x1.111111110f6e0p-7, 0x1.a01a01b030773p-13,
                           0x1.71ddf7166244bp-19, 0x1.af6167ec3750ap-26),
            .log = SERIES(0x1.555555555557fp-1, 0x1.999999998495fp-2, 0x1.2492493e8cb40p-2,
                          0x1.c71c5462240a3p-3, 0x1.7465d2b8d3899p-3, 0x1.39ab805278087p-3,
                          0x1.2eabd311d1e06p-3),
        },
    [PRECISION_F32] =
        {
            .bits = 32,
            .mantissa = 23,
            .one = 0x3f800000,
            .sqrt_half = 0x3f3504f3,
            .magic = 0x4b000000,
            .bias = 0x1p23 + 128,
            .tiny = 0x1p-25,
            .smallest = 0x1p-126,
            .lift = 25,
            .inverse_ln2 = 0x1.715476p0,
            .ln2_near = 0x1.62e430p-1,
            .ln2_rest = -0x1.05c610p-29,
            .ln2_high = 0x1.62e4p-1,
            .ln2_low = 0x1.7f7d1cp-20,
            .exp_low = -105,
            .exp_high = 89,
            .exp_near_subnormal = -80,
            .exp_lift = 63,
            .expm1_low = -20,
            .tanh_high = 20,
            .rest_high = 88,
            .cosh_high = 90,
            .cosh_large = 20,
            .log1p_large = 0x1p30,
            .exp =
                SERIES(0x1.555556p-3, 0x1.55551ap-5, 0x1.1110ccp-7, 0x1.6d1154p-10, 0x1.a151d8p-13),
            .tanh = SERIES(-0x1.555554p-2, 0x1.110fc2p-3, -0x1.b9934ep-5, 0x1.5c8092p-6,
                           -0x1.ac704ep-8),
            .cosh = SERIES(0x1p-1, 0x1.5554e8p-5, 0x1.6d4382p-10),
            .sinh = SERIES(0x1.555556p-3, 0x1.1110ep-7, 0x1.a12544p-13),
            .log = SERIES(0x1.555556p-1, 0x1.9999ecp-2, 0x1.245c0ep-2, 0x1.ddd848p-3),
        },
};

typedef struct {
    Llvm *llvm;
    LLVMBuilderRef b;
    bool fused;
    const Format *format;
    LLVMTypeRef word; /* a whole number of as many bits as a real */
} Code;

/* ---- operations ------------------------------------------------------------------------------ */

static V num(const Code *c, double value) {
    return LLVMConstReal(c->llvm->real, value);
}

static V add(const Code *c, V x, V y) {
    return LLVMBuildFAdd(c->b, x, y, "");
}

static V sub(const Code *c, V x, V y) {
    return LLVMBuildFSub(c->b, x, y, "");
}

static V mul(const Code *c, V x, V y) {
    return LLVMBuildFMul(c->b, x, y, "");
}

/* x * y + z, rounded once where the processor can. */
static V fma_(const Code *c, V x, V y, V z) {
    if (!c->fused) {
        return add(c, mul(c, x, y), z);
    }
    V args[] = {x, y, z};
    return llvm_intrinsic(c->llvm, c->b, "llvm.fma", args, 3);
}

static V bits(const Code *c, V x) {
    return LLVMBuildBitCast(c->b, x, c->word, "");
}

static V real(const Code *c, V n) {
    return LLVMBuildBitCast(c->b, n, c->llvm->real, "");
}

static V whole(const Code *c, uint64_t value) {
    return LLVMConstInt(c->word, value, false);
}

static V shift_left(const Code *c, V n, unsigned by) {
    return LLVMBuildShl(c->b, n, whole(c, by), "");
}

static V shift_right(const Code *c, V n, unsigned by) {
    return LLVMBuildLShr(c->b, n, whole(c, by), "");
}

static V iadd(const Code *c, V n, V m) {
    return LLVMBuildAdd(c->b, n, m, "");
}

static V isub(const Code *c, V n, V m) {
    return LLVMBuildSub(c->b, n, m, "");
}

/* yes where x < y, else no; no if one is NaN */
static V below(const Code *c, V x, V y, V yes, V no) {
    return LLVMBuildSelect(c->b, LLVMBuildFCmp(c->b, LLVMRealOLT, x, y, ""), yes, no, "");
}

static V equal(const Code *c, V x, V y, V yes, V no) {
    return LLVMBuildSelect(c->b, LLVMBuildFCmp(c->b, LLVMRealOEQ, x, y, ""), yes, no, "");
}

/* One instruction each on x86-64; NaN stays. */
static V at_least(const Code *c, V x, double low) {
    return below(c, x, num(c, low), num(c, low), x);
}

static V at_most(const Code *c, V x, double high) {
    return below(c, num(c, high), x, num(c, high), x);
}

static V magnitude(const Code *c, V x) {
    uint64_t sign = UINT64_C(1) << (c->format->bits - 1);
    return real(c, LLVMBuildAnd(c->b, bits(c, x), whole(c, sign - 1), ""));
}

/* |x| is tiny: what is x to the last bit at 0; also keeps the sign of a zero. */
static V tiny_is_itself(const Code *c, V x, V y) {
    return below(c, magnitude(c, x), num(c, c->format->tiny), x, y);
}

/* The polynomial of x by Horner's rule in x², one chain for even powers, one for odd ones. */
static V polynomial(const Code *c, V x, V square, Series series) {
    V parts[2];
    for (size_t p = 0; p < 2; p++) {
        size_t k = series.count - 1 - (series.count - 1 - p) % 2;
        V sum = num(c, series.a[k]);
        for (; k >= 2; k -= 2) {
            sum = fma_(c, sum, square, num(c, series.a[k - 2]));
        }
        parts[p] = sum;
    }
    return fma_(c, parts[1], x, parts[0]);
}

/* ---- the exponential family ------------------------------------------------------------------ */

/* x = n log 2 + r + tail, |r| < 0.3468, n an exponent; `shifted` holds n in its low bits. */
typedef struct {
    V shifted, r, tail, square;
} Reduced;

/* The first product is exact: by FMA, or because its constant has few digits. */
static Reduced reduce(const Code *c, V x) {
    const Format *f = c->format;
    Reduced to;
    V shift = num(c, ldexp(1.5, (int)f->mantissa)); /* the sum is rounded to a whole number */
    V t = fma_(c, x, num(c, f->inverse_ln2), shift);
    V n = sub(c, t, shift);
    to.shifted = bits(c, t);
    V high = num(c, c->fused ? -f->ln2_near : -f->ln2_high);
    V low = num(c, c->fused ? -f->ln2_rest : -f->ln2_low);
    V exact = fma_(c, n, high, x);
    to.r = fma_(c, n, low, exact);
    to.tail = fma_(c, n, low, sub(c, exact, to.r));
    to.square = mul(c, to.r, to.r);
    return to;
}

/* 2^by, as bits. */
static uint64_t power_bits(const Code *c, int64_t by) {
    return c->format->one + (uint64_t)by * (UINT64_C(1) << c->format->mantissa);
}

/* 2^(n + by), n + by an exponent of normal numbers: the shift drops all of `shifted` but n. */
static V power_of_two(const Code *c, V shifted, int64_t by) {
    V exponent = shift_left(c, shifted, c->format->mantissa);
    return real(c, iadd(c, exponent, whole(c, power_bits(c, by))));
}

/* exp(r + tail) - 1 - r; the polynomial is (exp(r) - 1 - r - r²/2) / r³, of small error relative to
 * r. */
static V exp_rest(const Code *c, const Reduced *x) {
    V q = polynomial(c, x->r, x->square, c->format->exp);
    V cube = mul(c, x->r, x->square);
    V tail = fma_(c, x->tail, x->r, x->tail);
    return fma_(c, num(c, 0.5), x->square, fma_(c, cube, q, tail));
}

/* By half of 2^n, so that the largest results are not infinite; near subnormal results by a power
 * of two as much, and rounded once when that is taken off. */
static V exp_from(const Code *c, V x, V most) {
    const Format *f = c->format;
    const int lift = (int)f->exp_lift;
    Reduced to = reduce(c, most);
    V low = num(c, f->exp_near_subnormal);
    V bias = below(c, x, low, whole(c, power_bits(c, lift)), whole(c, power_bits(c, -1)));
    V scale = real(c, iadd(c, shift_left(c, to.shifted, f->mantissa), bias));
    V y = fma_(c, scale, add(c, to.r, exp_rest(c, &to)), scale);
    return mul(c, y, below(c, x, low, num(c, ldexp(1, -lift)), num(c, 2)));
}

static V build_exp(const Code *c, V x) {
    const Format *f = c->format;
    return exp_from(c, x, at_most(c, at_least(c, x, f->exp_low), f->exp_high));
}

/* x <= 0, or NaN. */
static V build_exp_below(const Code *c, V x) {
    return exp_from(c, x, at_least(c, x, c->format->exp_low));
}

/* a + scale * (exp(r) - 1) as sum + rest; `scale` is a power of two, and |a| is at least as large
 * as scale * r, or 0: so what is rounded off the sum is known. */
typedef struct {
    V sum, rest;
} Pair;

static Pair add_scaled(const Code *c, V a, V scale, const Reduced *x) {
    V product = mul(c, scale, x->r);
    Pair to;
    to.sum = add(c, a, product);
    to.rest = fma_(c, scale, exp_rest(c, x), sub(c, product, sub(c, to.sum, a)));
    return to;
}

/* Begins as exp does, so that both of one argument share their polynomial. Halves, so that what is
 * infinite is none of the factors. */
static V build_expm1(const Code *c, V x) {
    const Format *f = c->format;
    Reduced to = reduce(c, at_most(c, at_least(c, x, f->exp_low), f->exp_high));
    V scale = power_of_two(c, to.shifted, -1);
    V less = sub(c, scale, num(c, 0.5));
    V lost = sub(c, sub(c, scale, less), num(c, 0.5)); /* not 0 where scale is large */
    Pair half = add_scaled(c, less, scale, &to);
    V y = add(c, half.sum, add(c, half.rest, lost));
    y = below(c, x, num(c, f->expm1_low), num(c, -1), add(c, y, y)); /* there `scale` is none */
    return tiny_is_itself(c, x, y);
}

/* From here on, tanh is 1 - 2 / (exp(2 |x|) + 1); below, it is computed by a polynomial. */
static const double tanh_small = 0.5625;

/* 2 / (exp(2 |x|) + 1) as sum + rest, 2 |x| at most `high`. */
static Pair tanh_lacks(const Code *c, V size, double high) {
    Reduced to = reduce(c, at_most(c, add(c, size, size), high));
    V scale = power_of_two(c, to.shifted, 0);
    Pair parts = add_scaled(c, add(c, scale, num(c, 1)), scale, &to);
    V below_line = add(c, parts.sum, parts.rest);
    V lost = sub(c, parts.rest, sub(c, below_line, parts.sum));
    V quotient = LLVMBuildFDiv(c->b, num(c, 2), below_line, "");
    return (Pair){quotient, mul(c, mul(c, quotient, quotient), mul(c, lost, num(c, -0.5)))};
}

/* x + x³ p(x²), x >= 0. */
static V tanh_near_zero(const Code *c, V size) {
    V square = mul(c, size, size);
    V p = polynomial(c, square, mul(c, square, square), c->format->tanh);
    return fma_(c, mul(c, size, square), p, size);
}

static V sign_bit(const Code *c, V x) {
    return LLVMBuildAnd(c->b, bits(c, x), whole(c, UINT64_C(1) << (c->format->bits - 1)), "");
}

static V build_tanh(const Code *c, V x) {
    V size = magnitude(c, x);
    Pair lacks = tanh_lacks(c, size, c->format->tanh_high);
    V one = num(c, 1);
    V large = sub(c, one, lacks.sum);
    V change = sub(c, sub(c, sub(c, one, large), lacks.sum), lacks.rest);
    large = add(c, large, change);
    V y = below(c, size, num(c, tanh_small), tanh_near_zero(c, size), large);
    return real(c, LLVMBuildOr(c->b, bits(c, y), sign_bit(c, x), ""));
}

/* Results that are not normal numbers are 0. */
static V build_tanh_rest(const Code *c, V x) {
    const double high = c->format->rest_high;
    V size = magnitude(c, x);
    Pair lacks = tanh_lacks(c, size, high);
    V large = add(c, lacks.sum, lacks.rest);
    large = below(c, num(c, 0.5 * high), size, num(c, 0), large);
    V small = real(c, LLVMBuildOr(c->b, bits(c, tanh_near_zero(c, size)), sign_bit(c, x), ""));
    return below(c, size, num(c, tanh_small), small, large);
}

/* With up and down = 2^(n-1) ± 2^(-n-1), cosh(n log 2 + r) = up cosh(r) + down sinh(r); all by a
 * quarter, so that none of them is infinite. The polynomials are (cosh(r) - 1) / r² and
 * (sinh(r) - r) / r³ of r². */
static V build_cosh(const Code *c, V x) {
    V size = magnitude(c, x);
    Reduced to = reduce(c, at_most(c, size, c->format->cosh_high));
    V plus = power_of_two(c, to.shifted, -3);
    V minus = power_of_two(c, isub(c, whole(c, 0), to.shifted), -3);
    minus =
        below(c, size, num(c, c->format->cosh_large), minus, num(c, 0)); /* -n may be no exponent */
    V up = add(c, plus, minus);
    V down = sub(c, plus, minus);
    V fourth = mul(c, to.square, to.square);
    V p = polynomial(c, to.square, fourth, c->format->cosh);
    V q = polynomial(c, to.square, fourth, c->format->sinh);
    V sinh_rest = fma_(c, mul(c, to.r, to.square), q, to.tail);
    V rest = fma_(c, up, mul(c, to.square, p), mul(c, down, sinh_rest));
    V product = mul(c, down, to.r);
    V lost = sub(c, minus, sub(c, up, plus)); /* not 0 where n is large */
    V sum = add(c, up, product);
    V y = add(c, sum, add(c, add(c, rest, lost), sub(c, product, sub(c, sum, up))));
    return mul(c, y, num(c, 4));
}

/* ---- logarithms ------------------------------------------------------------------------------ */

/* x = 2^k (1 + f), 1 + f from √½ to √2. */
typedef struct {
    V k, f, fraction;
    V exponent; /* k + the bias + 1, in the place of exponents */
} Split;

/* The bias of exponents, + 1, in their place. */
static uint64_t bias_bits(const Code *c) {
    return c->format->one + (UINT64_C(1) << c->format->mantissa);
}

/* x normal; `bias` is the format's, more if x was scaled. */
static Split split(const Code *c, V x, V bias) {
    const Format *f = c->format;
    V n = bits(c, x);
    V moved = iadd(c, n, whole(c, bias_bits(c) - f->sqrt_half));
    Split to;
    to.k = real(c, LLVMBuildOr(c->b, shift_right(c, moved, f->mantissa), whole(c, f->magic), ""));
    to.k = sub(c, to.k, bias);
    uint64_t exponents = (UINT64_C(1) << (f->bits - f->mantissa)) - 1;
    to.exponent = LLVMBuildAnd(c->b, moved, whole(c, exponents << f->mantissa), "");
    to.fraction = real(c, iadd(c, isub(c, n, to.exponent), whole(c, bias_bits(c))));
    to.f = sub(c, to.fraction, num(c, 1));
    return to;
}

/* k log 2 + log(1 + f) + extra, by s = f / (2 + f): log(1 + f) = f - f²/2 + s (f²/2 + R(s²)); the
 * polynomial is R(z) / z. */
static V log_of_parts(const Code *c, const Split *x, V extra) {
    V f = x->f;
    V s = LLVMBuildFDiv(c->b, f, add(c, num(c, 2), f), "");
    V z = mul(c, s, s);
    V half = mul(c, mul(c, num(c, 0.5), f), f);
    V p = polynomial(c, z, mul(c, z, z), c->format->log);
    V low = mul(c, x->k, num(c, c->format->ln2_low));
    if (extra) {
        low = add(c, low, extra);
    }
    V rest = fma_(c, s, fma_(c, z, p, half), low);
    return fma_(c, x->k, num(c, c->format->ln2_high), sub(c, f, sub(c, half, rest)));
}

/* What has no logarithm: NaN below `pole`, -∞ there; NaN and ∞ are their own. */
static V log_edges(const Code *c, V x, double pole, V y) {
    y = below(c, x, num(c, INFINITY), y, x);
    y = equal(c, x, num(c, pole), num(c, -INFINITY), y);
    return below(c, x, num(c, pole), num(c, NAN), y);
}

static V build_log(const Code *c, V x) {
    const Format *f = c->format;
    V normal = num(c, f->smallest);
    V scaled = below(c, x, normal, mul(c, x, num(c, ldexp(1, (int)f->lift))), x);
    V from = below(c, x, normal, num(c, f->bias + f->lift), num(c, f->bias));
    Split parts = split(c, scaled, from);
    return log_edges(c, x, 0, log_of_parts(c, &parts, NULL));
}

/* The logarithm of u = 1 + x rounded, and what was rounded off over u: (1 - f + f²) is near enough
 * to 1 / (1 + f). */
static V build_log1p(const Code *c, V x) {
    V one = num(c, 1);
    V u = add(c, one, x);
    V t = sub(c, u, one);
    V lost = add(c, sub(c, one, sub(c, u, t)), sub(c, x, t));
    Split parts = split(c, u, num(c, c->format->bias));
    V scale = real(c, isub(c, whole(c, c->format->one + bias_bits(c)), parts.exponent));
    V change = mul(c, lost, below(c, x, num(c, c->format->log1p_large), scale, num(c, 0)));
    V f = parts.f;
    change = fma_(c, change, fma_(c, f, f, LLVMBuildFNeg(c->b, f, "")), change);
    return tiny_is_itself(c, x, log_edges(c, x, -1, log_of_parts(c, &parts, change)));
}

/* 0 <= x <= 1, or NaN, which comes through `lost`: no edges, and what is tiny comes out as it is.
 */
static V build_log1p_unit(const Code *c, V x) {
    V one = num(c, 1);
    V u = add(c, one, x);
    V lost = sub(c, x, sub(c, u, one));
    Split parts = split(c, u, num(c, c->format->bias));
    V scale = real(c, isub(c, whole(c, c->format->one + bias_bits(c)), parts.exponent));
    V change = mul(c, lost, scale);
    V f = parts.f;
    change = fma_(c, change, fma_(c, f, f, LLVMBuildFNeg(c->b, f, "")), change);
    return log_of_parts(c, &parts, change);
}

/* ---- functions of a module ------------------------------------------------------------------- */

/* `narrow`: the same bits for arguments that llvm_narrow.c has found; or NULL. */
static const struct {
    BuiltinId id;
    V (*build)(const Code *c, V x);
    V (*narrow)(const Code *c, V x);
} functions[] = {
    {BI_exp, build_exp, build_exp_below},
    {BI_expm1, build_expm1, NULL},
    {BI_log, build_log, NULL},
    {BI_log1p, build_log1p, build_log1p_unit},
    {BI_tanh, build_tanh, NULL},
    {BI_cosh, build_cosh, NULL},
    {BI_tanh_rest, build_tanh_rest, NULL},
};

bool llvm_is_elementary(BuiltinId id) {
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        if (functions[k].id == id) {
            return true;
        }
    }
    return false;
}

static V define(Llvm *llvm, const char *name, LLVMTypeRef type, V (*build)(const Code *c, V x)) {
    V function = LLVMAddFunction(llvm->module, name, type);
    LLVMSetLinkage(function, LLVMInternalLinkage);
    static const char *const attributes[] = {"nounwind", "willreturn", "mustprogress", "nofree",
                                             "norecurse"};
    for (size_t k = 0; k < sizeof attributes / sizeof *attributes; k++) {
        llvm_add_attribute(llvm, function, LLVMAttributeFunctionIndex, attributes[k], 0);
    }
    llvm_add_attribute(llvm, function, LLVMAttributeFunctionIndex, "memory", 0);
    const Format *format = &formats[unit_precision(llvm->unit)];
    Code c = {llvm, LLVMCreateBuilderInContext(llvm->context), llvm->fused, format,
              LLVMIntTypeInContext(llvm->context, format->bits)};
    LLVMBasicBlockRef entry = LLVMAppendBasicBlockInContext(llvm->context, function, "entry");
    LLVMPositionBuilderAtEnd(c.b, entry);
    LLVMBuildRet(c.b, build(&c, LLVMGetParam(function, 0)));
    LLVMDisposeBuilder(c.b);
    return function;
}

LLVMValueRef llvm_elementary(Llvm *llvm, BuiltinId id, LLVMValueRef x, bool narrow) {
    const char *name =
        arena_format(llvm->arena, "gradc.%s%s", builtins[id].name, narrow ? ".narrow" : "");
    LLVMTypeRef type = LLVMFunctionType(llvm->real, &llvm->real, 1, false);
    V function = LLVMGetNamedFunction(llvm->module, name);
    for (size_t k = 0; !function && k < sizeof functions / sizeof *functions; k++) {
        if (functions[k].id == id) {
            function = define(llvm, name, type, narrow ? functions[k].narrow : functions[k].build);
        }
    }
    V call = LLVMBuildCall2(llvm->builder, type, function, &x, 1, "");
    if (llvm->inlines) {
        unsigned kind = LLVMGetEnumAttributeKindForName("alwaysinline", strlen("alwaysinline"));
        LLVMAddCallSiteAttribute(call, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                                 LLVMCreateEnumAttribute(llvm->context, kind, 0));
    }
    return call;
}
