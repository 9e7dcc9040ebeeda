/* call.c: calls a compiled function whose argument types are known only now, by the C calling
 * convention of the machine (that of x86-64 is known). Whole numbers and pointers on the one hand
 * and doubles on the other take registers independently, in order; what finds none goes on the
 * stack in order, eight bytes each. So one signature with all registers and a stretch of stack
 * serves every function. */
#include "driver/driver.h"

#include <string.h>

#if defined(__x86_64__) && !defined(_WIN32)
enum { KNOWN = true };
#else
enum { KNOWN = false };
#endif

enum { INTEGER_REGISTERS = 6, REAL_REGISTERS = 8 };
enum { STACK_SLOTS = 16 };

typedef struct {
    int64_t slot[STACK_SLOTS];
} Stack; /* passed by value: lies on the stack as it is */

typedef struct {
    int64_t integers[INTEGER_REGISTERS];
    double reals[REAL_REGISTERS];
    Stack stack;
    size_t integer_count, real_count, stack_count;
} Frame;

static bool push(Frame *frame, int64_t bits) {
    if (frame->stack_count == STACK_SLOTS) {
        return false;
    }
    frame->stack.slot[frame->stack_count++] = bits;
    return true;
}

/* A float lies in the first four bytes of what it is passed in. */
static double as_passed(Precision precision, double value) {
    const float single = (float)value;
    double passed = 0;
    memcpy(&passed, &single, sizeof single);
    return precision == PRECISION_F32 ? passed : value;
}

static double as_returned(Precision precision, double value) {
    float single;
    memcpy(&single, &value, sizeof single);
    return precision == PRECISION_F32 ? (double)single : value;
}

static bool place(Frame *frame, Precision precision, CType type, LoopArgValue value) {
    int64_t bits = 0;
    if (type == C_REAL) {
        double passed = as_passed(precision, value.real);
        if (frame->real_count < REAL_REGISTERS) {
            frame->reals[frame->real_count++] = passed;
            return true;
        }
        memcpy(&bits, &passed, sizeof bits);
        return push(frame, bits);
    }
    bits = value.integer;
    if (type != C_INT64 && type != C_SIZE && type != C_UINT64) {
        bits = (int64_t)(intptr_t)value.pointer;
    }
    if (frame->integer_count < INTEGER_REGISTERS) {
        frame->integers[frame->integer_count++] = bits;
        return true;
    }
    return push(frame, bits);
}

typedef double NativeFunction(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, double, double,
                              double, double, double, double, double, double, Stack);

static double call(NativeFunction *f, const Frame *frame) {
    const int64_t *i = frame->integers;
    const double *r = frame->reals;
    return f(i[0], i[1], i[2], i[3], i[4], i[5], r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7],
             frame->stack);
}

bool call_native(void *function, const LoopProgram *program, const LoopArgValue *args,
                 double *result) {
    Frame frame = {0};
    NativeFunction *f;
    for (size_t k = 0; k < program->arg_count; k++) {
        if (!place(&frame, program->precision, program->args[k].type, args[k])) {
            return false;
        }
    }
    if (!KNOWN) {
        return false;
    }
    memcpy(&f, &function, sizeof f);
    double value = call(f, &frame);
    const Precision returned = program->trainer ? PRECISION_F64 : program->precision;
    *result = program->returns ? as_returned(returned, value) : 0;
    return true;
}
