/* ir_test.h: what the unit tests of src/ir share: an Ir to build in, a random number generator,
 * checks. */
#ifndef GRADC_IR_TEST_H
#define GRADC_IR_TEST_H

#include "ir/ir.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Arena *arena;
    Interner *names;
    Ir *ir;
} Fixture;

static inline Fixture fixture_create(void) {
    Fixture f;
    f.arena = arena_create();
    f.names = interner_create(f.arena);
    f.ir = ir_create(f.arena, f.names, intern_text(f.names, "test"));
    return f;
}

static inline Dim symbol(Fixture *f, const char *name) {
    return dim_symbol(f->ir, intern_text(f->names, name));
}

/* A leaf of up to three axes (DIM_NONE: no axis). */
static inline Ref leaf(Fixture *f, const char *name, Kind kind, Dim a, Dim b, Dim c) {
    Dim shape[3] = {a, b, c};
    Leaf info = {
        .name = intern_text(f->names, name), .role = LEAF_ARGUMENT, .kind = kind, .shape = shape};
    while (info.rank < 3 && shape[info.rank] != DIM_NONE) {
        info.rank++;
    }
    return ir_leaf(f->ir, ir_add_leaf(f->ir, info));
}

static inline Ref read1(Fixture *f, Ref array, Ref i) {
    return ir_read(f->ir, array, &i, 1);
}

static inline Ref read2(Fixture *f, Ref array, Ref i, Ref j) {
    Ref positions[2] = {i, j};
    return ir_read(f->ir, array, positions, 2);
}

static inline size_t add_output(Fixture *f, Ref value, unsigned rank, const Index *axes) {
    Output output = {.name = intern_text(f->names, "y"),
                     .role = rank ? OUT_ARRAY : OUT_VALUE,
                     .value = value,
                     .rank = (uint8_t)rank};
    for (unsigned k = 0; k < rank; k++) {
        output.axes[k] = axes[k];
    }
    ir_add_output(f->ir, output);
    return f->ir->output_count - 1;
}

/* splitmix64 */
static inline uint64_t random_bits(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static inline int random_below(uint64_t *state, int limit) {
    return (int)(random_bits(state) % (uint64_t)limit);
}

static inline double random_real(uint64_t *state) {
    return (double)(random_bits(state) >> 11) * 0x1p-53 * 2 - 1;
}

static int failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                         \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

#define CHECK_TEXT(found, wanted)                                                                  \
    do {                                                                                           \
        const char *found_ = (found), *wanted_ = (wanted);                                         \
        if (strcmp(found_, wanted_) != 0) {                                                        \
            printf("%s:%d: found `%s`, wanted `%s`\n", __FILE__, __LINE__, found_, wanted_);       \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static inline bool close_to(double found, double wanted, double tolerance) {
    if (isnan(found) || isnan(wanted)) {
        return isnan(found) && isnan(wanted);
    }
    return found == wanted || fabs(found - wanted) <= tolerance * (1 + fabs(wanted));
}

#define CHECK_CLOSE(found, wanted, tolerance)                                                      \
    do {                                                                                           \
        double found_ = (found), wanted_ = (wanted);                                               \
        if (!close_to(found_, wanted_, tolerance)) {                                               \
            printf("%s:%d: %s is %.17g, wanted %.17g\n", __FILE__, __LINE__, #found, found_,       \
                   wanted_);                                                                       \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

#endif
