/* load_npy.c: NumPy's .npy files: a vector, or a matrix of rows × columns, of
 * numbers in C order. They have no names, so the arguments take the columns in
 * order. */
#include "runtime/runtime.h"

#include <math.h>
#include <string.h>

typedef enum {
    NPY_F8,
    NPY_F4,
    NPY_I8,
    NPY_I4,
    NPY_I2,
    NPY_I1,
    NPY_U8,
    NPY_U4,
    NPY_U2,
    NPY_U1,
    NPY_B1
} NpyType;

static const struct {
    const char *name; /* after the byte order */
    size_t size;
} npy_types[] = {
    [NPY_F8] = {"f8", 8}, [NPY_F4] = {"f4", 4}, [NPY_I8] = {"i8", 8}, [NPY_I4] = {"i4", 4},
    [NPY_I2] = {"i2", 2}, [NPY_I1] = {"i1", 1}, [NPY_U8] = {"u8", 8}, [NPY_U4] = {"u4", 4},
    [NPY_U2] = {"u2", 2}, [NPY_U1] = {"u1", 1}, [NPY_B1] = {"b1", 1},
};

typedef struct {
    Context *context;
    Model *model;
    const LoadOptions *options;
    Input *input;
    Data *data;
    NpyType type;
    bool swapped;
    int64_t rows, width;
    Target *targets;
    double separator; /* of the row before */
} Npy;

static bool bad_header(Npy *npy, const char *why) {
    return report_error(npy->context, "%s: %s", npy->input->path, why);
}

static bool read_type(Npy *npy, const char *header) {
    const char *p = strstr(header, "'descr':");
    p = p ? strchr(p + 8, '\'') : NULL;
    if (!p) {
        return bad_header(npy, "an array of records is not read; give a matrix of numbers");
    }
    npy->swapped = p[1] == '>';
    for (size_t i = 0; i < sizeof npy_types / sizeof *npy_types; i++) {
        if (strncmp(p + 2, npy_types[i].name, 2) == 0 && p[4] == '\'') {
            npy->type = (NpyType)i;
            return true;
        }
    }
    return report_error(npy->context, "%s: numbers of type %.8s are not read", npy->input->path, p);
}

static bool read_shape(Npy *npy, const char *header) {
    const char *p = strstr(header, "'shape':");
    p = p ? strchr(p, '(') : NULL;
    int64_t sizes[NPY_AXES] = {1, 1};
    size_t rank = 0;
    if (!p) {
        return bad_header(npy, "the header of the .npy file is damaged");
    }
    for (p++; *p && *p != ')';) {
        if (*p < '0' || *p > '9') {
            p++;
            continue;
        }
        if (rank == NPY_AXES) {
            return bad_header(npy, "an array of more than eight axes is not read");
        }
        int64_t size = 0;
        for (; *p >= '0' && *p <= '9'; p++) {
            if (size > INT64_MAX / 1000) {
                return bad_header(npy, "the header of the .npy file is damaged");
            }
            size = size * 10 + (*p - '0');
        }
        sizes[rank++] = size;
    }
    npy->rows = sizes[0];
    npy->width = 1;
    for (size_t axis = 1; axis < rank; axis++) { /* a sample's entries, row-major */
        if (__builtin_mul_overflow(npy->width, sizes[axis], &npy->width)) {
            return bad_header(npy, "the header of the .npy file is damaged");
        }
    }
    memcpy(npy->data->axes, sizes, sizeof sizes);
    npy->data->axis_count = rank;
    if (strstr(header, "'fortran_order': True") && npy->width > 1 && npy->rows > 1) {
        return bad_header(npy, "the array is in Fortran order; save numpy.ascontiguousarray of it");
    }
    if (npy->rows == 0 || npy->width == 0 || npy->width > (1 << 22)) {
        return bad_header(npy,
                          npy->rows == 0 ? "the array has no rows" : "the array has a bad width");
    }
    return true;
}

static bool read_header(Npy *npy) {
    Input *input = npy->input;
    const unsigned char *bytes = (const unsigned char *)input->position;
    size_t available = (size_t)(input->end - input->position);
    if (available < 12) {
        return bad_header(npy, "the .npy file is cut");
    }
    size_t start = bytes[6] == 1 ? 10 : 12;
    size_t length = bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] > 1) {
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    }
    if (bytes[6] < 1 || bytes[6] > 3 || length > available - start) {
        return bad_header(npy, "the header of the .npy file is damaged");
    }
    char *header = memory_copy(npy->context, input->position + start, length);
    bool done = header && read_type(npy, header) && read_shape(npy, header);
    memory_free(npy->context, header);
    input->position += start + length;
    return done;
}

static double read_value(const Npy *npy, const char *at) {
    union {
        double f8;
        float f4;
        int64_t i8;
        int32_t i4;
        int16_t i2;
        int8_t i1;
        uint64_t u8;
        uint32_t u4;
        uint16_t u2;
        uint8_t u1;
        char bytes[8];
    } value = {0};
    size_t size = npy_types[npy->type].size;
    for (size_t i = 0; i < size; i++) {
        value.bytes[i] = at[npy->swapped ? size - 1 - i : i];
    }
    switch (npy->type) {
    case NPY_F8:
        return value.f8;
    case NPY_F4:
        return (double)value.f4;
    case NPY_I8:
        return (double)value.i8;
    case NPY_I4:
        return value.i4;
    case NPY_I2:
        return value.i2;
    case NPY_I1:
        return value.i1;
    case NPY_U8:
        return (double)value.u8;
    case NPY_U4:
        return value.u4;
    case NPY_U2:
        return value.u2;
    case NPY_U1:
    case NPY_B1:
        return value.u1;
    }
    return 0;
}

static bool bad_value(Npy *npy, int64_t row, int64_t column, double value, const char *why) {
    char text[NUMBER_SIZE];
    number_write(text, value, false);
    fflush(stdout);
    fprintf(stderr,
            "%s:%lld:%lld: error: `%s` %s (row %lld, column %lld of the array, "
            "from 0)\n",
            npy->input->path, (long long)row + 1, (long long)column + 1, text, why, (long long)row,
            (long long)column);
    return false;
}

static bool store(Npy *npy, int64_t row, int64_t field, double value) {
    Target target = npy->targets[field];
    Column *column = &npy->model->columns[target.column];
    int64_t at = row * column->shape.count + target.entry;
    if (!column->is_int) {
        if (!isfinite(value) && !npy->options->nonfinite) {
            return bad_value(npy, row, field, value,
                             "is not finite; --allow-nonfinite lets it pass");
        }
        if (!real_fits(npy->model->single, value)) {
            return bad_value(npy, row, field, value, "is too large for a float");
        }
        reals_narrow(npy->model,
                     (char *)npy->data->columns[target.column] +
                         (size_t)at * (npy->model->single ? sizeof(float) : sizeof(double)),
                     &value, 1);
        return true;
    }
    int64_t limit = INT64_MAX;
    if (column->limit) {
        model_size(npy->model, column->limit, 0, &limit);
    }
    if (!(fabs(value) <= 9007199254740992.0) || value != floor(value)) {
        return bad_value(npy, row, field, value, "is no whole number");
    }
    if (column->limit && (value < 0 || value >= (double)limit)) {
        return bad_value(npy, row, field, value, "is outside the range of the index");
    }
    ((int64_t *)npy->data->columns[target.column])[at] = (int64_t)value;
    return true;
}

/* Another value than in the row before begins another sample. */
static bool separate(Npy *npy, int64_t row, int64_t field, double value) {
    if (npy->targets[field].used) {
        npy->data->separator = npy->targets[field];
        return true;
    }
    bool same = npy->data->samples > 0 && npy->separator == value;
    npy->separator = value;
    return same || data_begin_sample(npy->context, npy->data, row);
}

/* ---- rows of floats, as a whole ---- */

/* Neighbouring fields that go to neighbouring entries of one column. */
typedef struct {
    int64_t field, length, entry;
    uint32_t column;
} Run;

/* NULL: there is something else in a row, or no memory. */
static Run *find_runs(Npy *npy, size_t *count) {
    Run *runs = NEW(npy->context, Run, npy->width);
    *count = 0;
    if (!runs || npy->swapped || (npy->type != NPY_F8 && npy->type != NPY_F4)) {
        return NULL;
    }
    for (int64_t field = 0; field < npy->width; field++) {
        const Target *target = &npy->targets[field];
        Run *last = *count ? &runs[*count - 1] : NULL;
        if (target->separates || (target->used && npy->model->columns[target->column].is_int)) {
            return NULL;
        }
        if (!target->used) {
            continue;
        }
        if (last && last->column == target->column && last->field + last->length == field &&
            last->entry + last->length == target->entry) {
            last->length++;
        } else {
            runs[(*count)++] = (Run){field, 1, target->entry, target->column};
        }
    }
    return runs;
}

/* Are all exponents less than those of what is not finite? */
static bool all_finite_doubles(const double *values, int64_t length) {
    uint64_t beyond = 0;
    for (int64_t i = 0; i < length; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        beyond |= bits << 1 >= UINT64_C(0x7ff) << 53;
    }
    return !beyond;
}

static bool all_finite_floats(const float *values, int64_t length) {
    uint32_t beyond = 0;
    for (int64_t i = 0; i < length; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        beyond |= bits << 1 >= UINT32_C(0xff) << 24;
    }
    return !beyond;
}

/* To doubles; returns whether all are finite. */
static bool copy_to_doubles(const Npy *npy, const char *from, double *to, int64_t length) {
    if (npy->type == NPY_F8) {
        memcpy(to, from, (size_t)length * sizeof *to);
    }
    for (int64_t i = 0; npy->type == NPY_F4 && i < length; i++) {
        float value;
        memcpy(&value, from + (size_t)i * sizeof value, sizeof value);
        to[i] = (double)value;
    }
    return all_finite_doubles(to, length);
}

/* To floats; what is too large for one is not finite then. */
static bool copy_to_floats(const Npy *npy, const char *from, float *to, int64_t length) {
    if (npy->type == NPY_F4) {
        memcpy(to, from, (size_t)length * sizeof *to);
    }
    for (int64_t i = 0; npy->type == NPY_F8 && i < length; i++) {
        double value;
        memcpy(&value, from + (size_t)i * sizeof value, sizeof value);
        to[i] = (float)value;
    }
    return all_finite_floats(to, length);
}

/* Returns whether all are finite. */
static bool copy_run(const Npy *npy, const char *from, const Run *run, int64_t row) {
    void *array = npy->data->columns[run->column];
    const int64_t at = row * npy->model->columns[run->column].shape.count + run->entry;
    return npy->model->single ? copy_to_floats(npy, from, (float *)array + at, run->length)
                              : copy_to_doubles(npy, from, (double *)array + at, run->length);
}

/* Rows that are in the block as a whole, up to one that is not finite. */
static int64_t copy_rows(Npy *npy, const Run *runs, size_t count, int64_t row) {
    Input *input = npy->input;
    size_t size = npy_types[npy->type].size;
    int64_t available = (input->end - input->position) / ((int64_t)size * npy->width);
    int64_t end = npy->rows - row < available ? npy->rows : row + available;
    for (; row < end; row++) {
        for (size_t i = 0; i < count; i++) {
            const Run *run = &runs[i];
            if (!copy_run(npy, input->position + run->field * (int64_t)size, run, row) &&
                !(npy->options->nonfinite && !npy->model->single)) {
                return row;
            }
        }
        input->position += (int64_t)size * npy->width;
    }
    return row;
}

static bool read_rows(Npy *npy) {
    Input *input = npy->input;
    size_t size = npy_types[npy->type].size;
    size_t run_count;
    const Run *runs = find_runs(npy, &run_count);
    for (int64_t row = 0; row < npy->rows; row++) {
        row = runs ? copy_rows(npy, runs, run_count, row) : row;
        if (row == npy->rows) {
            break;
        }
        for (int64_t field = 0; field < npy->width; field++) {
            if ((size_t)(input->end - input->position) < size &&
                !input_fill(input, input->position)) {
                return false;
            }
            while ((size_t)(input->end - input->position) < size && !input->finished) {
                if (!input_fill(input, input->position)) {
                    return false;
                }
            }
            if ((size_t)(input->end - input->position) < size) {
                return report_error(npy->context, "%s is cut: it has %lld rows of %lld",
                                    input->path, (long long)row, (long long)npy->rows);
            }
            const char *at = input->position;
            input->position += size;
            if (npy->targets[field].separates && !separate(npy, row, field, read_value(npy, at))) {
                return false;
            }
            if (npy->targets[field].used && !store(npy, row, field, read_value(npy, at))) {
                return false;
            }
        }
    }
    return true;
}

static bool bind_limits(Npy *npy) {
    for (size_t i = 0; i < npy->model->column_count; i++) {
        Column *column = &npy->model->columns[i];
        if (!column->limit || !npy->options->needed[i]) {
            continue;
        }
        int64_t largest = -1; /* of all columns in one dim */
        for (size_t c = 0; c < npy->model->column_count; c++) {
            const Column *other = &npy->model->columns[c];
            const int64_t *array = npy->data->columns[c];
            bool same = npy->options->needed[c] && other->limit &&
                        (c == i || strcmp(other->limit, column->limit) == 0);
            for (int64_t k = 0; same && k < npy->rows * other->shape.count; k++) {
                largest = array[k] > largest ? array[k] : largest;
            }
        }
        if (!data_bind_limit(npy->context, npy->model, column, largest + 1, NULL)) {
            return false;
        }
    }
    return true;
}

bool load_npy(Context *context, Model *model, const LoadOptions *options, Input *input,
              Data *data) {
    Npy npy = {
        .context = context, .model = model, .options = options, .input = input, .data = data};
    if (!read_header(&npy)) {
        return false;
    }
    npy.targets = NEW(context, Target, npy.width);
    if (!npy.targets || !columns_match(context, model, options, input->path, NULL,
                                       (size_t)npy.width, npy.targets)) {
        return false;
    }
    if (!data_reserve(context, model, options, data, npy.rows) || !read_rows(&npy)) {
        return false;
    }
    data->rows = npy.rows;
    return bind_limits(&npy);
}
