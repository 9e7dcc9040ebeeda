/* angle.c: functions of half an angle beside those of the whole one. stable.c writes 1 - cos(x) as
 * 2 sin(x/2)², whose derivative has sin(x/2) cos(x/2); where sin(x) and cos(x) are needed anyway,
 * as in a rotation about an axis, both come from these, without calls of their own:
 *
 *     sin(x/2)²         (sin(x)² / (1 + cos(x))) / 2  where cos(x) > 0, else (1 - cos(x)) / 2
 *     sin(x/2) cos(x/2)  sin(x) / 2
 *
 * Neither form cancels. Not under --strict. */
#include "opt/rewrite.h"

enum { FACTORS = 8 };

/* By old value: it stands in a sine, a cosine. */
typedef struct {
    bool *sine, *cosine;
} Angles;

/* x of f(0.5 x), or REF_NONE. */
static Ref doubled(const Ir *ir, Ref v, BuiltinId f) {
    if (!opt_is_call(ir, v, f)) {
        return REF_NONE;
    }
    const Ref half = opt_arg(ir, v, 0);
    if (!opt_is_call(ir, half, BI_mul)) {
        return REF_NONE;
    }
    const Ref a = opt_arg(ir, half, 0), b = opt_arg(ir, half, 1);
    return opt_is_value(ir, a, 0.5) ? b : opt_is_value(ir, b, 0.5) ? a : REF_NONE;
}

static Ref square_of_half(Ir *ir, Ref x) {
    const Ref one = ir_real(ir, 1), half = ir_real(ir, 0.5);
    const Ref sine = ir_call1(ir, BI_sin, x), cosine = ir_call1(ir, BI_cos, x);
    const Ref near = ir_div(ir, ir_square(ir, sine), ir_add(ir, one, cosine));
    const Ref acute = ir_compare(ir, BI_lt, ir_real(ir, 0), cosine);
    return ir_mul(ir, half, ir_select(ir, acute, near, ir_sub(ir, one, cosine)));
}

/* The factors of a product of products; 0: too many. */
static unsigned factors_of(const Ir *ir, Ref v, Ref *factors) {
    Ref waiting[FACTORS];
    unsigned count = 0, found = 0;
    waiting[count++] = v;
    while (count > 0) {
        const Ref factor = waiting[--count];
        if (!opt_is_call(ir, factor, BI_mul)) {
            if (found == FACTORS) {
                return 0;
            }
            factors[found++] = factor;
            continue;
        }
        if (count + 2 > FACTORS) {
            return 0;
        }
        waiting[count++] = opt_arg(ir, factor, 1);
        waiting[count++] = opt_arg(ir, factor, 0);
    }
    return found;
}

/* A product of sin(x/2), cos(x/2) and others, or REF_NONE. */
static Ref product(Rewriter *w, Ref v) {
    const Angles *angles = w->context;
    Ref factors[FACTORS];
    const unsigned count = factors_of(w->ir, v, factors);
    for (unsigned s = 0; s < count; s++) {
        const Ref x = doubled(w->ir, factors[s], BI_sin);
        if (x == REF_NONE || !angles->sine[x]) {
            continue;
        }
        for (unsigned c = 0; c < count; c++) {
            if (doubled(w->ir, factors[c], BI_cos) != x) {
                continue;
            }
            Ref result = ir_mul(w->ir, ir_real(w->ir, 0.5), ir_call1(w->ir, BI_sin, w->map[x]));
            for (unsigned k = 0; k < count; k++) {
                if (k != s && k != c) {
                    result = ir_mul(w->ir, result, w->map[factors[k]]);
                }
            }
            return result;
        }
    }
    return REF_NONE;
}

static Ref rule(Rewriter *w, Ref v) {
    const Angles *angles = w->context;
    Ref base;
    if (opt_is_square(w->ir, v, &base)) {
        const Ref x = doubled(w->ir, base, BI_sin);
        if (x != REF_NONE && angles->sine[x] && angles->cosine[x]) {
            return square_of_half(w->ir, w->map[x]);
        }
    }
    const Ref made = opt_is_call(w->ir, v, BI_mul) ? product(w, v) : REF_NONE;
    return made != REF_NONE ? made : opt_rebuild(w, v);
}

Ir *opt_angle(const OptOptions *options, const Ir *ir) {
    Rewriter w = opt_rewriter(options, ir, NULL);
    Angles angles = {arena_array(w.ir->arena, bool, w.top), arena_array(w.ir->arena, bool, w.top)};
    for (Ref v = 1; v < w.top; v++) {
        if (opt_is_call(w.ir, v, BI_sin)) {
            angles.sine[opt_arg(w.ir, v, 0)] = true;
        } else if (opt_is_call(w.ir, v, BI_cos)) {
            angles.cosine[opt_arg(w.ir, v, 0)] = true;
        }
    }
    w.context = &angles;
    for (Ref v = 1; v < w.top; v++) {
        w.map[v] = rule(&w, v);
    }
    return opt_finish(&w);
}
