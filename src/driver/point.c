/* point.c: arguments for a function: sizes, labels and numbers, drawn from a fixed seed or put
 * where functions have their edges; and how they are handed to the interpreter and to compiled
 * code. */
#include "driver/driver.h"

#include <stdlib.h>
#include <string.h>

/* ---- random numbers ------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *seed) {
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double uniform(uint64_t *seed, double low, double high) {
    return low + (high - low) * ((double)(next_random(seed) >> 11) + 0.5) * 0x1p-53;
}

static double draw(PointKind kind, uint64_t *seed) {
    static const double edges[] = {0, -0.0, 1, -1, 0.5, 2};
    switch (kind) {
    case POINT_RANDOM:
        return uniform(seed, -2, 2);
    case POINT_POSITIVE:
        return uniform(seed, 0.2, 3);
    case POINT_UNIT:
        return uniform(seed, 0.05, 0.95);
    case POINT_ZERO:
        return 0;
    case POINT_TIE:
        return edges[next_random(seed) % (sizeof edges / sizeof edges[0])];
    case POINT_LARGE:
        return uniform(seed, -40, 40);
    case POINT_KINDS:
        break;
    }
    return 0;
}

/* ---- points --------------------------------------------------------------------------------- */

/* Whether no array and no range has a negative size. */
static bool sizes_fit(const Ir *ir, const int64_t *dims) {
    for (Ref v = 1; v < ir_count(ir); v++) {
        const Node *node = ir_node(ir, v);
        for (unsigned k = 0; k < node->rank; k++) {
            if (dim_evaluate(ir, node->shape[k], dims) < 0) {
                return false;
            }
        }
        if (node->op == OP_INDEX && dim_evaluate(ir, ir_index_dim(ir, node->as.index), dims) < 0) {
            return false;
        }
    }
    return true;
}

/* Sizes that are not known: small and, in a row, different, so that a mix-up shows; other ones
 * where a size that is made of them, as n - k + 1, would be negative. Larger ones from the 21st
 * point on: a function of `b[0..5]` has no value before. */
static int64_t *choose_dims(Arena *arena, const Ir *ir, uint64_t point) {
    enum { TRIES = 200 };
    size_t count = dim_symbol_count(ir);
    int64_t *dims = arena_array(arena, int64_t, count + 1);
    const int64_t least = 2 + 4 * (int64_t)(point / 21 % 3);
    uint64_t seed = 1;
    for (int try = 0; try == 0 || (try < TRIES && !sizes_fit(ir, dims)); try++) {
        int64_t next = least;
        for (size_t k = 0; k < count; k++) {
            Dim symbol = dim_symbol_at(ir, k);
            if (symbol == ir->sample_dim || symbol == ir->total_dim) {
                dims[k] = POINT_ROWS;
            } else if (!dim_value(ir, symbol, &dims[k])) {
                dims[k] = try == 0 ? next : 1 + (int64_t)(next_random(&seed) % 6);
                next = next < least + 4 ? next + 1 : least;
            }
        }
    }
    return dims;
}

static size_t leaf_entries(const Ir *ir, const Leaf *leaf, const int64_t *dims) {
    size_t count = 1;
    for (unsigned k = 0; k < leaf->rank; k++) {
        int64_t extent = dim_evaluate(ir, leaf->shape[k], dims);
        count *= extent > 0 ? (size_t)extent : 0;
    }
    return count;
}

static int64_t draw_label(Point *point, const Ir *ir, const Leaf *leaf) {
    int64_t classes = 2;
    if (leaf->class_dim != DIM_NONE) {
        classes = dim_evaluate(ir, leaf->class_dim, point->dims);
    }
    return classes > 0 ? (int64_t)(next_random(&point->seed) % (uint64_t)classes) : 0;
}

Point point_make(Arena *arena, const Ir *ir, PointKind kind, uint64_t seed) {
    Point point = {.arena = arena, .ir = ir, .seed = seed, .leaf_count = ir->leaf_count};
    point.dims = choose_dims(arena, ir, seed);
    point.counts = arena_array(arena, size_t, ir->leaf_count + 1);
    point.reals = arena_array(arena, double *, ir->leaf_count + 1);
    point.ints = arena_array(arena, int64_t *, ir->leaf_count + 1);
    point.directions = arena_array(arena, double *, ir->leaf_count + 1);
    for (size_t k = 0; k < ir->leaf_count; k++) {
        const Leaf *leaf = &ir->leaves[k];
        size_t count = leaf_entries(ir, leaf, point.dims);
        point.counts[k] = count;
        if (leaf->kind == KIND_REAL) {
            point.reals[k] = arena_array(arena, double, count + 1);
            for (size_t i = 0; i < count; i++) {
                point.reals[k][i] = draw(kind, &point.seed);
            }
        } else {
            point.ints[k] = arena_array(arena, int64_t, count + 1);
            for (size_t i = 0; i < count; i++) {
                point.ints[k][i] = draw_label(&point, ir, leaf);
            }
        }
    }
    return point;
}

double *point_direction(Point *point, uint32_t leaf) {
    size_t count = point->counts[leaf];
    double *direction = arena_array(point->arena, double, count + 1);
    for (size_t i = 0; i < count; i++) {
        direction[i] = uniform(&point->seed, -1, 1);
    }
    return direction;
}

static void round_values(double *values, size_t count) {
    for (size_t i = 0; values != NULL && i < count; i++) {
        values[i] = (double)(float)values[i];
    }
}

void point_round(Point *point, Precision precision) {
    for (size_t k = 0; precision == PRECISION_F32 && k < point->leaf_count; k++) {
        round_values(point->reals[k], point->counts[k]);
        round_values(point->directions[k], point->counts[k]);
    }
}

/* ---- the interpreter's input ---------------------------------------------------------------- */

/* The sizes by the symbols of another Ir of the same entry. */
static int64_t *dims_of(const Point *point, const Ir *ir) {
    size_t count = dim_symbol_count(ir);
    int64_t *dims = arena_array(point->arena, int64_t, count + 1);
    for (size_t k = 0; k < count; k++) {
        Name name;
        Name other;
        dim_is_symbol(ir, dim_symbol_at(ir, k), &name);
        for (size_t i = 0; i < dim_symbol_count(point->ir); i++) {
            if (dim_is_symbol(point->ir, dim_symbol_at(point->ir, i), &other) && other == name) {
                dims[k] = point->dims[i];
            }
        }
    }
    return dims;
}

EvalInput point_input(const Point *point, const Ir *ir, double *const *directions) {
    double **reals = arena_array(point->arena, double *, ir->leaf_count + 1);
    int64_t **ints = arena_array(point->arena, int64_t *, ir->leaf_count + 1);
    for (size_t k = 0; k < ir->leaf_count; k++) {
        if (k < point->leaf_count) {
            reals[k] = point->reals[k];
            ints[k] = point->ints[k];
            continue;
        }
        uint32_t of = ir->leaves[k].of;
        reals[k] = directions[of] != NULL
                       ? directions[of]
                       : arena_array(point->arena, double, point->counts[of] + 1);
    }
    return (EvalInput){.dims = dims_of(point, ir),
                       .reals = (const double *const *)reals,
                       .ints = (const int64_t *const *)ints};
}

/* ---- arguments of compiled code ------------------------------------------------------------- */

static int64_t rpn_value(const Point *point, const Ir *ir, const char *word, size_t length) {
    if (length == 1 && word[0] == 'm' && ir->sample_dim != DIM_NONE) {
        return POINT_ROWS;
    }
    for (size_t k = 0; k < dim_symbol_count(ir); k++) {
        Name name;
        if (dim_is_symbol(ir, dim_symbol_at(ir, k), &name) && strlen(name) == length &&
            memcmp(name, word, length) == 0) {
            return dims_of(point, ir)[k];
        }
    }
    return strtoll(word, NULL, 10);
}

static int64_t floor_divide(int64_t a, int64_t b) {
    int64_t q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}

/* The operator applied, or false: not an operator. */
static bool rpn_apply(const char *word, size_t length, int64_t a, int64_t b, int64_t *result) {
    if (length == 2 && word[0] == '/' && word[1] == '/') {
        *result = b != 0 ? floor_divide(a, b) : 0;
    } else if (length != 1) {
        return false;
    } else if (word[0] == '+') {
        *result = a + b;
    } else if (word[0] == '-') {
        *result = a - b;
    } else if (word[0] == '*') {
        *result = a * b;
    } else if (word[0] == '%') {
        *result = b != 0 ? a - b * floor_divide(a, b) : 0;
    } else {
        return false;
    }
    return true;
}

int64_t point_rpn(const Point *point, const Ir *ir, const char *rpn) {
    enum { DEPTH = 64 };
    int64_t stack[DEPTH] = {0};
    size_t depth = 0;
    while (*rpn != '\0') {
        size_t length = strcspn(rpn, " ");
        int64_t result = 0;
        if (depth >= 2 && rpn_apply(rpn, length, stack[depth - 2], stack[depth - 1], &result)) {
            depth -= 2;
        } else {
            result = rpn_value(point, ir, rpn, length);
        }
        if (depth < DEPTH) {
            stack[depth++] = result;
        }
        rpn += length;
        rpn += *rpn == ' ';
    }
    return depth > 0 ? stack[0] : 0;
}

/* The numbers as reals of the program. */
static void *as_reals(const Point *point, const LoopProgram *program, double *values,
                      size_t count) {
    if (program->precision == PRECISION_F64) {
        return values;
    }
    float *singles = arena_array(point->arena, float, count + 1);
    for (size_t i = 0; i < count; i++) {
        singles[i] = (float)values[i];
    }
    return singles;
}

/* All leaves of a role, flat. */
static void *flat_leaves(const Point *point, const LoopProgram *program, LeafRole role) {
    const Ir *ir = program->ir;
    size_t total = 0;
    for (size_t k = 0; k < point->leaf_count; k++) {
        total += ir->leaves[k].role == role ? point->counts[k] : 0;
    }
    double *flat = arena_array(point->arena, double, total + 1);
    size_t at = 0;
    for (size_t k = 0; k < point->leaf_count; k++) {
        if (ir->leaves[k].role == role) {
            memcpy(flat + at, point->reals[k], point->counts[k] * sizeof *flat);
            at += point->counts[k];
        }
    }
    return as_reals(point, program, flat, total);
}

/* The directions of all tangents, flat. */
static void *flat_directions(const Point *point, const LoopProgram *program) {
    const Ir *ir = program->ir;
    size_t total = 0;
    for (size_t k = point->leaf_count; k < ir->leaf_count; k++) {
        total += ir->leaves[k].role == LEAF_TANGENT ? point->counts[ir->leaves[k].of] : 0;
    }
    double *flat = arena_array(point->arena, double, total + 1);
    size_t at = 0;
    for (size_t k = point->leaf_count; k < ir->leaf_count; k++) {
        uint32_t of = ir->leaves[k].of;
        if (ir->leaves[k].role != LEAF_TANGENT) {
            continue;
        }
        if (point->directions != NULL && point->directions[of] != NULL) {
            memcpy(flat + at, point->directions[of], point->counts[of] * sizeof *flat);
        }
        at += point->counts[of];
    }
    return as_reals(point, program, flat, total);
}

static LoopArgValue leaf_arg(const Point *point, const LoopProgram *program, const LoopArg *arg) {
    bool real = program->ir->leaves[arg->which].kind == KIND_REAL;
    if (arg->role == ARG_SCALAR) {
        return real ? (LoopArgValue){.real = point->reals[arg->which][0]}
                    : (LoopArgValue){.integer = point->ints[arg->which][0]};
    }
    return real ? (LoopArgValue){.pointer = as_reals(point, program, point->reals[arg->which],
                                                     point->counts[arg->which])}
                : (LoopArgValue){.pointer = point->ints[arg->which]};
}

static LoopArgValue work_arg(const Point *point, const LoopProgram *program) {
    int64_t size = point_rpn(point, program->ir, program->work_rpn);
    return (LoopArgValue){.pointer = arena_array(point->arena, double, size + 1)};
}

/* Samples of as many rows each, as the IR has them. */
static size_t *equal_lengths(const Point *point, const Ir *ir) {
    size_t *lengths = arena_array(point->arena, size_t, POINT_ROWS);
    size_t rows = (size_t)dim_evaluate(ir, ir->rows_dim, dims_of(point, ir));
    for (size_t k = 0; k < POINT_ROWS; k++) {
        lengths[k] = rows;
    }
    return lengths;
}

LoopArgValue *point_args(const Point *point, const LoopProgram *program, double *const *outputs,
                         double *gradient) {
    const Ir *ir = program->ir;
    LoopArgValue *args = arena_array(point->arena, LoopArgValue, program->arg_count + 1);
    const int64_t *dims = dims_of(point, ir);
    for (size_t k = 0; k < program->arg_count; k++) {
        const LoopArg *arg = &program->args[k];
        switch (arg->role) {
        case ARG_DIM:
            args[k].integer = dims[arg->which];
            break;
        case ARG_PARAMS:
            args[k].pointer = flat_leaves(point, program, LEAF_PARAM);
            break;
        case ARG_CONSTS:
            args[k].pointer = flat_leaves(point, program, LEAF_CONST);
            break;
        case ARG_ROWS:
        case ARG_TOTAL:
            args[k].integer = POINT_ROWS;
            break;
        case ARG_LENGTHS:
            args[k].pointer = equal_lengths(point, ir);
            break;
        case ARG_STARTS:
        case ARG_ORDER:
            args[k].pointer = NULL;
            break;
        case ARG_DATA:
        case ARG_COLUMN:
        case ARG_SCALAR:
        case ARG_ARRAY:
            args[k] = leaf_arg(point, program, arg);
            break;
        case ARG_TANGENT:
            args[k].pointer = flat_directions(point, program);
            break;
        case ARG_SEED:
            args[k].integer = 1;
            break;
        case ARG_RATE:
            args[k].real = 0;
            break;
        case ARG_GRADIENT:
            args[k].pointer = gradient;
            break;
        case ARG_OUTPUT:
            args[k].pointer = outputs[arg->which];
            break;
        case ARG_MATRIX:
            args[k].pointer = outputs[arg->which];
            break;
        case ARG_WORK:
            args[k] = work_arg(point, program);
            break;
        }
    }
    return args;
}
