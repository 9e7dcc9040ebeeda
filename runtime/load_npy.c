/* load_npy.c: NumPy's .npy files: rows × columns of numbers or texts, in C or Fortran order, of
 * either byte order. They have no names, so the arguments take the columns in order. */
#include "runtime/npy.h"
#include "runtime/load.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name; /* after the byte order */
    size_t size;
} npy_types[] = {
    [NPY_F8] = {"f8", 8}, [NPY_F4] = {"f4", 4}, [NPY_F2] = {"f2", 2}, [NPY_I8] = {"i8", 8},
    [NPY_I4] = {"i4", 4}, [NPY_I2] = {"i2", 2}, [NPY_I1] = {"i1", 1}, [NPY_U8] = {"u8", 8},
    [NPY_U4] = {"u4", 4}, [NPY_U2] = {"u2", 2}, [NPY_U1] = {"u1", 1}, [NPY_B1] = {"b1", 1},
};

enum { TEXT_LONGEST = 1 << 20 /* bytes: a block of input */, WIDTH_MOST = 1 << 22 };

/* ---- the header ---- */

static bool bad_header(const Npy *npy, const char *why) {
    return !npy->quiet && report_error(npy->context, "%s: %s", npy->input->path, why);
}

static bool damaged_header(const Npy *npy) {
    return bad_header(npy, "the header of the .npy data is damaged");
}

/* U and S with a length. */
static bool read_text_type(Npy *npy, const char *p) {
    int64_t length = 0;
    npy->type = *p == 'U' ? NPY_UNICODE : NPY_BYTES;
    for (p++; *p >= '0' && *p <= '9' && length <= TEXT_LONGEST; p++) {
        length = length * 10 + (*p - '0');
    }
    length *= npy->type == NPY_UNICODE ? 4 : 1;
    npy->size = (size_t)length;
    return (*p == '\'' && length > 0 && length <= TEXT_LONGEST) ||
           bad_header(npy, "texts of no bytes, or of more than a million, are not read");
}

static bool read_type(Npy *npy, const char *header) {
    const char *p = strstr(header, "'descr':");
    p = p ? p + 8 + strspn(p + 8, " ") : NULL;
    if (!p) {
        return damaged_header(npy);
    }
    if (*p == '[') {
        return bad_header(npy, "an array of records is not read; give a matrix of numbers");
    }
    if (*p != '\'' || !p[1] || !p[2]) {
        return damaged_header(npy);
    }
    npy->swapped = p[1] == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? '<' : '>');
    for (size_t i = 0; i < sizeof npy_types / sizeof *npy_types; i++) {
        if (strncmp(p + 2, npy_types[i].name, 2) == 0 && p[4] == '\'') {
            npy->type = (NpyType)i;
            npy->size = npy_types[i].size;
            return true;
        }
    }
    if (p[2] == 'O') {
        return bad_header(npy, "an array of Python objects is not read; save one of numbers or "
                               "texts, by astype(float) or astype(str)");
    }
    if (p[2] == 'U' || p[2] == 'S') {
        return read_text_type(npy, p + 2);
    }
    return !npy->quiet && report_error(npy->context, "%s: elements of type `%.*s` are not read",
                                       npy->input->path, (int)strcspn(p + 1, "'"), p + 1);
}

static bool read_shape(Npy *npy, const char *header) {
    const char *p = strstr(header, "'shape':");
    p = p ? p + 8 + strspn(p + 8, " ") : NULL;
    if (!p || *p != '(') {
        return damaged_header(npy);
    }
    for (p++; *p && *p != ')';) {
        if (*p == ' ' || *p == ',') {
            p++;
            continue;
        }
        if (npy->rank == NPY_AXES) {
            return bad_header(npy, "an array of more than eight axes is not read");
        }
        int64_t size = 0;
        const char *start = p;
        for (; *p >= '0' && *p <= '9'; p++) {
            if (size > INT64_MAX / 1000) {
                return damaged_header(npy);
            }
            size = size * 10 + (*p - '0');
        }
        if (p == start) {
            return damaged_header(npy);
        }
        npy->axes[npy->rank++] = size;
    }
    npy->rows = npy->rank ? npy->axes[0] : 1;
    npy->width = 1;
    for (size_t axis = 1; axis < npy->rank; axis++) { /* a sample's entries, row-major */
        if (__builtin_mul_overflow(npy->width, npy->axes[axis], &npy->width)) {
            return damaged_header(npy);
        }
    }
    if (__builtin_mul_overflow(npy->width, npy->rows, &npy->bytes) ||
        __builtin_mul_overflow(npy->bytes, (int64_t)npy->size, &npy->bytes)) {
        return damaged_header(npy);
    }
    npy->fortran = strstr(header, "'fortran_order': True") && npy->width > 1 && npy->rows > 1;
    return true;
}

/* Every archive and file has room for its numbers, so nothing is believed that would need more. */
static bool check_size(const Npy *npy) {
    const Input *input = npy->input;
    int64_t before = input->consumed + (input->position - input->buffer);
    if (npy->rows == 0 || npy->width == 0 || npy->width > WIDTH_MOST) {
        return bad_header(npy,
                          npy->rows == 0 ? "the array has no rows" : "the array has a bad width");
    }
    if (input->total && input->total - before < npy->bytes) {
        return report_error(npy->context, "%s is cut: it has %lld bytes of numbers of %lld",
                            input->path, (long long)(input->total - before), (long long)npy->bytes);
    }
    return true;
}

bool npy_read_header(Npy *npy, Context *context, Input *input, bool quiet) {
    *npy = (Npy){.context = context, .input = input, .quiet = quiet};
    while (input->end - input->position < 1 << 17 && !input->finished) {
        if (!input_fill(input, input->position)) {
            return false;
        }
    }
    const unsigned char *bytes = (const unsigned char *)input->position;
    size_t available = (size_t)(input->end - input->position);
    if (available < 12) {
        return bad_header(npy, "the .npy data are cut");
    }
    if (memcmp(bytes, "\x93NUMPY", 6) != 0) {
        return bad_header(npy, "these are no .npy data");
    }
    size_t start = bytes[6] == 1 ? 10 : 12;
    size_t length = bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] > 1) {
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    }
    if (bytes[6] < 1 || bytes[6] > 3 || length > available - start) {
        return damaged_header(npy);
    }
    char *header = memory_copy(npy->context, input->position + start, length);
    bool done = header && read_type(npy, header) && read_shape(npy, header);
    memory_free(npy->context, header);
    input->position += start + length;
    return done && check_size(npy);
}

/* ---- elements ---- */

/* IEEE half precision. */
static double half_value(uint16_t bits) {
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    double value = exponent == 31  ? (mantissa ? NAN : INFINITY)
                   : exponent == 0 ? ldexp(mantissa, -24)
                                   : ldexp(mantissa + 1024, exponent - 25);
    return bits >> 15 ? -value : value;
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
    for (size_t i = 0; i < npy->size; i++) {
        value.bytes[i] = at[npy->swapped ? npy->size - 1 - i : i];
    }
    switch (npy->type) {
    case NPY_F8:
        return value.f8;
    case NPY_F4:
        return (double)value.f4;
    case NPY_F2:
        return half_value(value.u2);
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
    case NPY_UNICODE:
    case NPY_BYTES:
        break;
    }
    return 0;
}

static void add_character(Text *text, uint32_t c) {
    char bytes[4];
    size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length; i-- > 1; c >>= 6) {
        bytes[i] = (char)(0x80 | (c & 0x3f));
    }
    bytes[0] = (char)(first[length] | c);
    text_bytes(text, bytes, length);
}

/* A text as UTF-8, up to the zeros that fill it. */
static void take_text(Npy *npy, size_t field, const char *at) {
    npy->text.length = 0;
    text_bytes(&npy->text, "", 0);
    for (size_t i = 0; npy->type == NPY_UNICODE && i < npy->size; i += 4) {
        const unsigned char *p = (const unsigned char *)at + i;
        uint32_t c = npy->swapped ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | p[2] << 8 | p[3]
                                  : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | p[1] << 8 | p[0];
        if (c == 0) {
            break;
        }
        add_character(&npy->text, c > 0x10ffff ? 0xdfff : c); /* no UTF-8 then */
    }
    if (npy->type == NPY_BYTES) {
        text_bytes(&npy->text, at, strnlen(at, npy->size));
    }
    if (npy->text.failed) {
        npy->cells->failed = true;
        return;
    }
    cells_text(npy->cells, field, npy->text.data, npy->text.length);
}

/* Another value than in the row before begins another sample. Its bytes are compared: not all whole
 * numbers of 64 bits are doubles. */
static void separate(Npy *npy, size_t field, const char *at) {
    Data *data = npy->cells->data;
    double value = read_value(npy, at);
    if (isnan(value)) {
        cells_number(npy->cells, field, value);
        return;
    }
    bool same = data->samples > 0 && memcmp(npy->separator, at, npy->size) == 0;
    memcpy(npy->separator, at, npy->size);
    npy->cells->failed |= !same && !data_begin_sample(npy->context, data, data->rows);
}

static void take_element(Npy *npy, int64_t row, int64_t element, const char *at) {
    size_t field = npy->first + (size_t)element;
    FieldKind kind = npy->cells->fields[field].kind;
    if (kind == FIELD_SKIP) {
        return;
    }
    npy->cells->data->rows = row;
    if (npy->type == NPY_UNICODE || npy->type == NPY_BYTES) {
        take_text(npy, field, at);
    } else if (kind == FIELD_SAMPLE) {
        separate(npy, field, at);
    } else {
        cells_number(npy->cells, field, read_value(npy, at));
    }
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
    if (!runs || npy->swapped || npy->fortran || (npy->type != NPY_F8 && npy->type != NPY_F4)) {
        return NULL;
    }
    for (int64_t field = 0; field < npy->width; field++) {
        const Field *target = &npy->cells->fields[npy->first + (size_t)field];
        Run *last = *count ? &runs[*count - 1] : NULL;
        if (target->kind != FIELD_REAL && target->kind != FIELD_SKIP) {
            return NULL;
        }
        if (target->kind == FIELD_SKIP) {
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
    void *array = npy->cells->data->columns[run->column];
    const int64_t at = row * npy->cells->model->columns[run->column].shape.count + run->entry;
    return npy->cells->model->single
               ? copy_to_floats(npy, from, (float *)array + at, run->length)
               : copy_to_doubles(npy, from, (double *)array + at, run->length);
}

/* Rows that are in the block as a whole, up to one that is not finite. */
static int64_t copy_rows(Npy *npy, const Run *runs, size_t count, int64_t row) {
    Input *input = npy->input;
    size_t size = npy->size;
    int64_t available = (input->end - input->position) / ((int64_t)size * npy->width);
    int64_t last = npy->cells->data->store ? npy->cells->data->capacity : npy->rows;
    int64_t end = last - row < available ? last : row + available;
    end = end > npy->rows ? npy->rows : end;
    for (; row < end; row++) {
        for (size_t i = 0; i < count; i++) {
            const Run *run = &runs[i];
            if (!copy_run(npy, input->position + run->field * (int64_t)size, run, row) &&
                !(npy->cells->options->nonfinite && npy->cells->options->na == NA_ERROR &&
                  !npy->cells->model->single)) {
                return row;
            }
        }
        input->position += (int64_t)size * npy->width;
    }
    return row;
}

/* Where element number `at` of an array in Fortran order goes: the first axis is the fastest. */
static int64_t fortran_element(const Npy *npy, int64_t at) {
    int64_t element = 0, stride = npy->width;
    for (size_t axis = 1; axis < npy->rank; axis++) {
        stride /= npy->axes[axis];
        element += at % npy->axes[axis] * stride;
        at /= npy->axes[axis];
    }
    return element;
}

/* One element, which may be longer than a block has left. NULL: reported. */
static const char *next_element(Npy *npy, int64_t row) {
    Input *input = npy->input;
    while ((size_t)(input->end - input->position) < npy->size && !input->finished) {
        if (!input_fill(input, input->position)) {
            return NULL;
        }
    }
    if ((size_t)(input->end - input->position) < npy->size) {
        report_error(npy->context, "%s is cut: it has %lld rows of %lld", input->path,
                     (long long)row, (long long)npy->rows);
        return NULL;
    }
    const char *at = input->position;
    input->position += npy->size;
    return at;
}

static bool read_fortran(Npy *npy) {
    for (int64_t k = 0; k < npy->width; k++) {
        int64_t element = fortran_element(npy, k);
        for (int64_t row = 0; row < npy->rows; row++) {
            const char *at = next_element(npy, 0);
            if (!at) {
                return false;
            }
            take_element(npy, row, element, at);
            if (npy->cells->failed) {
                return false;
            }
        }
    }
    return true;
}

/* Where values go to disk there is room for some rows at a time. */
static bool row_fits(Npy *npy, int64_t row) {
    Data *data = npy->cells->data;
    if (!data->store || row < data->capacity) {
        return true;
    }
    data->rows = row;
    return data_reserve(npy->context, npy->cells->model, npy->cells->options, data, row + 1);
}

static bool read_rows(Npy *npy) {
    size_t run_count;
    const Run *runs = find_runs(npy, &run_count);
    for (int64_t row = 0; row < npy->rows; row++) {
        int64_t before = row;
        if (!row_fits(npy, row)) {
            return false;
        }
        row = runs ? copy_rows(npy, runs, run_count, row) : row;
        if (row == npy->rows) {
            break;
        }
        if (row > before && npy->cells->data->store && row == npy->cells->data->capacity) {
            row--; /* there is no room yet for the next */
            continue;
        }
        for (int64_t element = 0; element < npy->width; element++) {
            const char *at = next_element(npy, row);
            if (!at) {
                return false;
            }
            take_element(npy, row, element, at);
        }
        if (npy->cells->failed) {
            return false;
        }
    }
    return true;
}

bool npy_read_elements(Npy *npy, Cells *cells, size_t first) {
    npy->cells = cells;
    npy->first = first;
    text_start(&npy->text, npy->context);
    bool done = npy->fortran ? read_fortran(npy) : read_rows(npy);
    text_free(&npy->text);
    cells->data->rows = npy->rows;
    return done;
}

bool load_npy(Context *context, Model *model, const LoadOptions *options, Input *input,
              Data *data) {
    Npy npy;
    Cells cells;
    cells_start(&cells, context, model, options, input->path, data);
    if (!npy_read_header(&npy, context, input, false)) {
        return false;
    }
    memcpy(data->axes, npy.axes, sizeof data->axes);
    data->axis_count = npy.rank;
    data->may_store = !npy.fortran && !model_rows_dim(model);
    return cells_make_fields(&cells, (size_t)npy.width, input->path) &&
           data_reserve(context, model, options, data, npy.rows) &&
           npy_read_elements(&npy, &cells, 0) && cells_report(&cells) && cells_finish(&cells);
}
