/* reals.c: the precision of a model. Its kernels take and give reals: doubles, or floats in a model
 * of single precision, whose real columns are floats too. The trainer itself computes with doubles:
 * it adds up what kernels give, and keeps the params that its methods move, so that steps that are
 * small beside a param are not lost. What kernels are given is rounded, what they give widened in
 * the same memory, which has room for doubles. */
#include "runtime/runtime.h"

#include <float.h>
#include <math.h>
#include <string.h>

size_t column_bytes(const Model *model, size_t column) {
    const Column *c = &model->columns[column];
    return (size_t)c->shape.count * (c->is_int || !model->single ? sizeof(double) : sizeof(float));
}

double real_at(const Model *model, const void *array, int64_t at) {
    return model->single ? (double)((const float *)array)[at] : ((const double *)array)[at];
}

double column_at(const Model *model, size_t column, const void *array, int64_t at) {
    return model->columns[column].is_int ? (double)((const int64_t *)array)[at]
                                         : real_at(model, array, at);
}

void real_put(const Model *model, void *array, int64_t at, double value) {
    if (model->single) {
        ((float *)array)[at] = (float)value;
    } else {
        ((double *)array)[at] = value;
    }
}

double real_rounded(const Model *model, double value) {
    return model->single ? (double)(float)value : value;
}

double real_epsilon(const Model *model) {
    return model->single ? (double)FLT_EPSILON : DBL_EPSILON;
}

bool real_fits(bool single, double value) {
    return !single || isfinite((float)value) || !isfinite(value);
}

void reals_narrow(const Model *model, void *to, const double *from, size_t count) {
    if (!model->single) {
        memcpy(to, from, count * sizeof *from);
        return;
    }
    float *singles = to;
    for (size_t i = 0; i < count; i++) {
        singles[i] = (float)from[i];
    }
}

void reals_widen(const Model *model, double *values, size_t count) {
    if (!model->single) {
        return;
    }
    for (size_t i = count; i-- > 0;) { /* from the end: a double takes the room of two floats */
        float single;
        memcpy(&single, (const char *)values + i * sizeof single, sizeof single);
        values[i] = (double)single;
    }
}

void *reals_of(Context *context, const Model *model, const double *from, size_t count) {
    void *to = NEW(context, double, count + 1);
    if (to) {
        reals_narrow(model, to, from, count);
    }
    return to;
}

void reals_swap(const Model *model, float *singles, double *doubles, size_t count, bool back) {
    for (size_t i = 0; model->single && i < count; i++) {
        if (back) {
            doubles[i] = (double)singles[i];
        } else {
            singles[i] = (float)doubles[i];
        }
    }
}

size_t real_write(const Model *model, char text[NUMBER_SIZE], double value) {
    for (int digits = 1; model->single && isfinite(value) && digits <= 9; digits++) {
        char shorter[NUMBER_SIZE];
        double read;
        snprintf(shorter, sizeof shorter, "%.*g", digits, value);
        if (number_read_text(shorter, &read) && (float)read == (float)value) {
            strcpy(text, shorter);
            if (!strpbrk(text, ".e")) {
                strcat(text, ".0");
            }
            return strlen(text);
        }
    }
    return number_write(text, value, true);
}

void text_real(Text *text, const Model *model, double value) {
    char number[NUMBER_SIZE];
    text_bytes(text, number, real_write(model, number, value));
}
