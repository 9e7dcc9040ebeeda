/* check_params.c: constrained params: at random points, the way back (m_unconstrain) from what
 * m_constrain gives ends at the free numbers that it began with. */
#include "driver/check.h"

#include <math.h>
#include <string.h>

/* The leaf of that name and role; leaf_count: there is none. */
static size_t find_leaf(const Ir *ir, const Leaf *like) {
    size_t k = 0;
    while (k < ir->leaf_count &&
           (ir->leaves[k].name != like->name || ir->leaves[k].role != like->role)) {
        k++;
    }
    return k;
}

/* The same sizes and data, and the leaves of the params as the user sees them: outputs of
 * `constrain`. */
static Point declared_point(const Check *check, const Point *point, const Ir *constrain,
                            const Ir *back) {
    Point other = point_make(check->arena, back, POINT_ZERO, 1);
    EvalInput input = point_input(point, constrain, NULL);
    size_t k = 0;

    for (size_t leaf = 0; leaf < back->leaf_count; leaf++) {
        size_t same = find_leaf(constrain, &back->leaves[leaf]);
        if (back->leaves[leaf].role == LEAF_DATA && same < constrain->leaf_count) {
            other.reals[leaf] = point->reals[same];
        }
        if (back->leaves[leaf].role == LEAF_PARAM && k < constrain->output_count) {
            size_t count;
            other.reals[leaf] = ir_eval_output(constrain, &input, k++, &count);
            if (count != other.counts[leaf]) {
                ice("check", "%s has another size in %s", back->leaves[leaf].name, constrain->name);
            }
        }
    }
    return other;
}

void check_way_back(Check *check, const Stages *back) {
    const Ir *constrain = check->subject->value.lowered;
    const Ir *ir = back->lowered;
    Score score = {0};
    uint64_t next = 0;
    Point point;

    for (int i = 0; i < POINTS && check_point(check, &next, &point); i++) {
        Point declared = declared_point(check, &point, constrain, ir);
        EvalInput input = point_input(&declared, ir, NULL);
        for (size_t k = 0, leaf = 0; k < ir->output_count; k++, leaf++) {
            while (constrain->leaves[leaf].role != LEAF_PARAM) {
                leaf++;
            }
            size_t count;
            const double *found = ir_eval_output(ir, &input, k, &count);
            for (size_t e = 0; e < count; e++) {
                double expected = point.reals[leaf][e];
                if (!check_agree(found[e], expected, 1 + fabs(expected), EXACT_TOLERANCE, &score)) {
                    check_mismatch(check, "the way back", ir->outputs[k].name, found[e],
                                   "the free number", expected);
                }
            }
        }
    }
    check_row(check, "", "the way back", &score);
}
