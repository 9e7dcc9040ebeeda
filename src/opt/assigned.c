/* assigned.c: a loop that assigns to an entry and reads it in the same step, `h[l] = f(h[l])` and
 * then `z = h[l]`, reads what it has just assigned: the array that the step makes, [c ? new : old],
 * is then read by the next step alone, which is what inplace.c asks of it. The same for an entry
 * that is surely another one: it is as it was.
 *
 * Reads: an IR before differentiation. Returns: an IR of the same values. */
#include "opt/rewrite.h"

enum { TERMS = 16, ASSIGNMENTS = 8 };

typedef enum { UNKNOWN, HERE, ELSEWHERE } Where;

/* The axes of an array and the positions that it is read at. */
typedef struct {
    const Index *axes;
    const Ref *positions;
    unsigned count;
} Reading;

static Ref at_positions(Ir *ir, const Reading *reading, Ref v) {
    Ref replacement[INDEX_LIMIT] = {REF_NONE};
    for (unsigned a = 0; a < reading->count; a++) {
        replacement[reading->axes[a]] = reading->positions[a];
    }
    return ir_subst(ir, v, replacement);
}

/* Whether c holds at the positions: equations of whole numbers, joined by `and`. */
static Where where(Ir *ir, const Reading *reading, Ref c) {
    Ref waiting[TERMS];
    unsigned count = 0;
    bool here = true;
    waiting[count++] = c;
    while (count > 0) {
        const Node node = *ir_node(ir, waiting[--count]);
        if (node.op != OP_CALL || count + 2 > TERMS) {
            here = false;
        } else if (node.as.builtin == BI_and) {
            waiting[count++] = node.args[1];
            waiting[count++] = node.args[0];
        } else if (node.as.builtin == BI_eq && ir_kind(ir, node.args[0]) == KIND_INT) {
            const Ref left = at_positions(ir, reading, node.args[0]);
            const Ref right = at_positions(ir, reading, node.args[1]);
            const Node *same = ir_node(ir, ir_compare(ir, BI_eq, left, right));
            if (same->op == OP_CONST && !same->as.integer) {
                return ELSEWHERE;
            }
            here = here && same->op == OP_CONST;
        } else {
            here = false;
        }
    }
    return here ? HERE : UNKNOWN;
}

/* v at the positions: not a copy of what v is made of. */
static Ref entry(Ir *ir, const Reading *reading, Ref v) {
    Index axes[RANK_LIMIT];
    Ref positions[RANK_LIMIT];
    unsigned count = 0;
    bool moved = false;
    for (unsigned a = 0; a < reading->count; a++) {
        if (ir_free(ir, v) & INDEX_BIT(reading->axes[a])) {
            const Node *position = ir_node(ir, reading->positions[a]);
            moved = moved || position->op != OP_INDEX || position->as.index != reading->axes[a];
            axes[count] = reading->axes[a];
            positions[count++] = reading->positions[a];
        }
    }
    return moved ? ir_read(ir, ir_array(ir, axes, count, v), positions, count) : v;
}

static Ref read_assigned(Ir *ir, Ref read) {
    for (unsigned round = 0; round < ASSIGNMENTS; round++) {
        const Node node = *ir_node(ir, read);
        if (node.op != OP_READ) {
            break;
        }
        const Node array = *ir_node(ir, node.args[0]);
        if (array.op != OP_ARRAY || array.as.indices.count != node.arg_count - 1) {
            break;
        }
        const Node choice = *ir_node(ir, array.args[0]);
        if (choice.op != OP_SELECT) {
            break;
        }
        const Reading reading = {array.as.indices.list, node.args + 1, node.arg_count - 1};
        const Where place = where(ir, &reading, choice.args[0]);
        if (place == HERE) {
            return entry(ir, &reading, choice.args[1]);
        }
        if (place != ELSEWHERE || !opt_is_op(ir, choice.args[2], OP_READ)) {
            break;
        }
        read = at_positions(ir, &reading, choice.args[2]);
    }
    return read;
}

static Ref rule(Rewriter *w, Ref v) {
    const Ref same = opt_rebuild(w, v);
    return opt_is_op(w->ir, v, OP_READ) ? read_assigned(w->ir, same) : same;
}

Ir *opt_assigned(const OptOptions *options, const Ir *ir) {
    return opt_rewrite(options, ir, rule, NULL);
}
