/* load.c: bytes of a file in blocks, the arrays that loaders fill, and the choice of the loader. */
#include "runtime/load.h"
#include "runtime/store.h"
#include "runtime/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INPUT_SIZE = 1 << 20, SLICES = 32, HUGE_LEAST = 1 << 23, BLOCK_HEAD = 64 };

/* ---- input ---- */

/* Memory, and the first block. */
static bool start_buffer(Input *input) {
    input->memory = memory_new(input->context, input->size + 2 * INPUT_MARGIN, 1);
    input->buffer = input->memory ? input->memory + INPUT_MARGIN : NULL;
    input->position = input->end = input->buffer;
    return input->memory && input_fill(input, input->buffer);
}

bool input_open(Context *context, Input *input, const char *path) {
    *input = (Input){.context = context, .path = path, .fd = STDIN_FILENO, .size = INPUT_SIZE};
    if (strcmp(path, "-") == 0) {
        input->path = "<stdin>";
    } else {
        struct stat status = {0};
        input->fd = open(path, O_RDONLY | O_CLOEXEC);
        if (input->fd < 0) {
            return report_error(context, "cannot open `%s`: %s", path, strerror(errno));
        }
        if (fstat(input->fd, &status) == 0 && S_ISDIR(status.st_mode)) {
            input_close(input);
            return report_error(context, "cannot read `%s`: it is a folder", path);
        }
        input->total = S_ISREG(status.st_mode) ? status.st_size : 0;
    }
    if (!start_buffer(input) || !input_decompress(input)) {
        input_close(input);
        return false;
    }
    return true;
}

bool input_from_stream(Context *context, Input *input, const char *path, Stream *stream) {
    *input =
        (Input){.context = context, .path = path, .fd = -1, .size = INPUT_SIZE, .stream = stream};
    if (!start_buffer(input)) {
        input_close(input);
        return false;
    }
    return true;
}

static bool bad_read(Input *input, int why) {
    return report_error(input->context, "cannot read `%s`: %s", input->path, strerror(why));
}

/* ---- input by threads ---- */

typedef struct {
    const Input *input;
    size_t room, slice; /* of the room each reads a slice */
    size_t got[SLICES];
    int why[SLICES];
} Reading;

static void read_slice(void *job, size_t item, size_t worker) {
    Reading *reading = job;
    const Input *input = reading->input;
    size_t start = item * reading->slice;
    size_t left = start < reading->room ? reading->room - start : 0;
    size_t length = left < reading->slice ? left : reading->slice;
    (void)worker;
    while (reading->got[item] < length) {
        size_t at = start + reading->got[item];
        int64_t offset = input->consumed + (input->end - input->buffer) + (int64_t)at;
        ssize_t got = pread(input->fd, input->end + at, length - reading->got[item], offset);
        if (got < 0 && errno != EINTR) {
            reading->why[item] = errno;
        }
        if (got == 0 || reading->why[item]) {
            return;
        }
        reading->got[item] += got > 0 ? (size_t)got : 0;
    }
}

static bool fill_by_threads(Input *input) {
    size_t room = input->size - (size_t)(input->end - input->buffer);
    Reading reading = {.input = input, .room = room, .slice = (room + SLICES - 1) / SLICES};
    threads_run(input->pool, read_slice, &reading, SLICES);
    size_t got = 0;
    for (size_t i = 0; i < SLICES; i++) {
        if (reading.why[i]) {
            return bad_read(input, reading.why[i]);
        }
        got += reading.got[i];
        if (reading.got[i] < reading.slice) {
            break;
        }
    }
    input->end += got;
    input->finished = got == 0;
    *input->end = 0;
    return true;
}

bool input_widen(Input *input, struct ThreadPool *pool, size_t size) {
    char *memory = memory_resize(input->context, input->memory, size + 2 * INPUT_MARGIN);
    if (!memory) {
        return false;
    }
    ptrdiff_t position = input->position - input->buffer;
    ptrdiff_t end = input->end - input->buffer;
    input->memory = memory;
    input->buffer = memory + INPUT_MARGIN;
    input->position = input->buffer + position;
    input->end = input->buffer + end;
    input->size = size;
    input->pool = pool;
    return true;
}

/* ---- input, block by block ---- */

bool input_fill(Input *input, char *keep) {
    if (input->failed) {
        return false;
    }
    size_t kept = (size_t)(input->end - keep);
    memmove(input->buffer, keep, kept);
    input->consumed += keep - input->buffer;
    input->position = input->buffer;
    input->end = input->buffer + kept;
    *input->end = 0;
    if (input->pool && !input->finished && kept < input->size) {
        return fill_by_threads(input);
    }
    while (!input->finished && input->end < input->buffer + input->size) {
        size_t room = (size_t)(input->buffer + input->size - input->end);
        ssize_t got = input->stream ? input->stream->read(input->stream, input->end, room)
                                    : read(input->fd, input->end, room);
        if (got < 0 && input->stream) {
            input->failed = true;
            return false;
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return bad_read(input, errno);
        }
        input->end += got;
        input->finished = got == 0;
        if (got > 0 && input->fd != STDIN_FILENO) {
            break; /* a pipe gives little at a time: fill up; a file gives all it has */
        }
    }
    *input->end = 0;
    return true;
}

void input_close(Input *input) {
    if (input->fd > STDIN_FILENO) {
        close(input->fd); /* read only: nothing to lose */
    }
    input->fd = -1;
    if (input->stream) {
        input->stream->close(input->stream);
        input->stream = NULL;
    }
    memory_free(input->context, input->memory);
    input->memory = input->buffer = NULL;
}

/* ---- arrays ---- */

/* Pages of two megabytes, where the system has them: a fault for each small one costs as much as
 * reading the numbers that fill it. The whole of the mapping is advised, so that it stays one and
 * can still be resized in place. */
static void advise_huge(void *memory, size_t size) {
#ifdef MADV_HUGEPAGE
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = ((uintptr_t)memory - BLOCK_HEAD) & ~(page - 1);
    uintptr_t end = ((uintptr_t)memory + size + page - 1) & ~(page - 1);
    if (size >= HUGE_LEAST) {
        madvise((void *)start, end - start, MADV_HUGEPAGE); /* a wish: failing costs nothing */
    }
#else
    (void)memory, (void)size;
#endif
}

void *data_array(Context *context, void *array, size_t size) {
    void *resized = memory_resize(context, array, size);
    if (resized) {
        advise_huge(resized, size);
    }
    return resized;
}

/* Are so many rows to be kept on disk? */
static bool is_large(const Model *model, const LoadOptions *options, int64_t rows) {
    double bytes = 0;
    for (size_t i = 0; i < model->column_count; i++) {
        bytes += options->needed[i] ? (double)column_bytes(model, i) : 0;
    }
    bool large = options->limit > 0 && bytes * (double)rows > (double)options->limit;
    return (options->stream || large) && bytes > 0;
}

bool data_reserve(Context *context, const Model *model, const LoadOptions *options, Data *data,
                  int64_t rows) {
    if (data->may_store && !data->store && is_large(model, options, rows)) {
        /* so many were expected; they need no room at once */
        return store_start(context, model, options, data) &&
               store_reserve(data->store, data, data->rows + 1);
    }
    if (data->store) {
        return store_reserve(data->store, data, rows);
    }
    if (!data->columns) {
        data->columns = NEW(context, void *, model->column_count + 1);
        if (!data->columns) {
            return false;
        }
    }
    for (size_t i = 0; i < model->column_count; i++) {
        if (!options->needed[i]) {
            continue;
        }
        size_t width = column_bytes(model, i);
        if (width && (size_t)rows > SIZE_MAX / 2 / width) {
            return report_error(context, "out of memory: %lld rows", (long long)rows);
        }
        void *larger = data_array(context, data->columns[i], width * (size_t)rows + sizeof(double));
        if (!larger) {
            return false;
        }
        data->columns[i] = larger;
    }
    data->capacity = rows;
    return true;
}

int64_t data_line(const Data *data, int64_t row) {
    size_t low = 0, high = data->jump_count; /* jumps before `low` are not after the row */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (data->jumps[middle].row <= row) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low ? data->jumps[low - 1].line + (row - data->jumps[low - 1].row) : 0;
}

bool data_bind_limit(Context *context, Model *model, Column *column, int64_t classes,
                     const char *place) {
    int64_t size;
    Dim *dim = column->limit ? model_dim(model, column->limit) : NULL;
    if (!column->limit) {
        return true;
    }
    if (model_size(model, column->limit, 0, &size)) {
        return classes <= size || /* a size that other columns have given meanwhile */
               report_error(context, "`%s` has a label of %lld%s%s%s, but its labels are 0 to %lld",
                            column->name, (long long)classes - 1, place ? " (" : "",
                            place ? place : "", place ? ")" : "", (long long)size - 1);
    }
    if (!dim) {
        return report_error(context, "the size `%s` of `%s` is not known; give -D NAME=VALUE",
                            column->limit, column->name);
    }
    char *by = column->classes || !place
                   ? memory_format(context, "the classes of `%s`", column->name)
                   : memory_format(context, "the largest of `%s` (%s)", column->name, place);
    return by && model_bind_dim(context, model, dim, classes, by);
}

bool delimiter_read(Context *context, const char *text, char *delimiter) {
    *delimiter = strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0 ? '\t'
                 : strcmp(text, "comma") == 0                         ? ','
                 : strcmp(text, "semicolon") == 0                     ? ';'
                 : strlen(text) == 1                                  ? *text
                                                                      : 0;
    if (*delimiter == 0 || strchr("\"\n\r 0123456789.+-eE", *delimiter)) {
        return report_error(context, "--delimiter: expected a character such as ';', or tab");
    }
    return true;
}

/* ---- what kind of file ---- */

typedef struct {
    const char *bytes;
    size_t length;
    const char *what;
    const char *command; /* that makes text of it, or NULL */
} Magic;

static const Magic magics[] = {
    {"\xfd"
     "7zXZ",
     5, "compressed by xz", "xz -dc"},
    {"BZh", 3, "compressed by bzip2", "bzip2 -dc"},
    {"\xd0\xcf\x11\xe0", 4, "a spreadsheet; save it as CSV first", NULL},
    {"\xff\xfe", 2, "UTF-16 text", "iconv -f UTF-16 -t UTF-8"},
    {"\xfe\xff", 2, "UTF-16 text", "iconv -f UTF-16 -t UTF-8"},
    {"%PDF", 4, "a PDF document", NULL},
    {"PAR1", 4, "a Parquet file; save it as CSV or .npy first", NULL},
    {"\x89HDF", 4, "an HDF5 file; save it as CSV or .npy first", NULL},
    {"\x89PNG", 4, "a picture", NULL},
    {"\x7f"
     "ELF",
     4, "an executable", NULL},
    {"ARROW1", 6, "an Arrow file; save it as CSV or .npy first", NULL},
};

static const char npy_magic[] = "\x93NUMPY", sqlite_magic[] = "SQLite format 3";

static bool bad_magic(Context *context, const Input *input, const Magic *magic) {
    if (!magic->command) {
        return report_place(context, input->path, "this is %s, not CSV", magic->what);
    }
    return report_place(context, input->path,
                        "this is %s, not CSV; convert it on the way: %s %s | %s … -", magic->what,
                        magic->command, input->path, context->program);
}

static bool bad_zero(Context *context, const Input *input, const char *zero) {
    long line = 1;
    const char *start = input->buffer;
    for (const char *p = start; p < zero; p++) {
        if (*p == '\n') {
            line++;
            start = p + 1;
        }
    }
    char *place = memory_format(context, "%s:%ld:%ld", input->path, line, (long)(zero - start) + 1);
    return place &&
           report_place(context, place, "a zero byte; this is no text file (binary, or UTF-16)");
}

static bool check_kind(Context *context, const Input *input) {
    size_t length = (size_t)(input->end - input->buffer);
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        if (length >= magics[i].length &&
            memcmp(input->buffer, magics[i].bytes, magics[i].length) == 0) {
            return bad_magic(context, input, &magics[i]);
        }
    }
    if (length && (input->buffer[0] == '{' || input->buffer[0] == '[')) {
        return report_place(context, input->path, "this looks like JSON, not CSV");
    }
    if (length && input->buffer[0] == '<') {
        return report_place(context, input->path, "this looks like HTML or XML, not CSV");
    }
    const char *zero = memchr(input->buffer, 0, length < 4096 ? length : 4096);
    return !zero || bad_zero(context, input, zero);
}

static bool load_kind(Context *context, Model *model, const LoadOptions *options, Input *input,
                      Data *data) {
    size_t length = (size_t)(input->end - input->buffer);
    if (length >= 6 && memcmp(input->buffer, npy_magic, 6) == 0) {
        return load_npy(context, model, options, input, data);
    }
    if (length >= 4 && memcmp(input->buffer, "PK\x03\x04", 4) == 0) {
        return load_npz(context, model, options, input, data);
    }
    if (length >= sizeof sqlite_magic && input->total &&
        memcmp(input->buffer, sqlite_magic, sizeof sqlite_magic) == 0) {
        return load_sqlite(context, model, options, input->path, data);
    }
    if (!check_kind(context, input)) {
        return false;
    }
    if (libsvm_looks_so(input)) {
        return load_libsvm(context, model, options, input, data);
    }
    Cache *cache = options->cache && input->total && options->na == NA_ERROR && !options->stream
                       ? cache_open(context, model, options, input)
                       : NULL;
    if (cache && cache_read(cache, data)) {
        return true;
    }
    if (!load_csv(context, model, options, input, data)) {
        return false;
    }
    if (cache && !data->warned && !data->store) {
        cache_write(cache, input, data);
    }
    return true;
}

bool load_table(Context *context, Model *model, const LoadOptions *options, Input *input,
                Data *data) {
    if (!check_kind(context, input)) {
        return false;
    }
    return libsvm_looks_so(input) ? load_libsvm(context, model, options, input, data)
                                  : load_csv(context, model, options, input, data);
}

bool data_load(Context *context, Model *model, const LoadOptions *options, const char *path,
               Data *data) {
    Input input;
    bool done;
    *data = (Data){.path = path};
    if (strncmp(path, "sqlite:", 7) == 0) {
        done = load_sqlite(context, model, options, path + 7, data);
    } else {
        if (!input_open(context, &input, path)) {
            return false;
        }
        data->path = input.path;
        done = load_kind(context, model, options, &input, data);
        input_close(&input);
    }
    if (done && options->stream && !data->store) {
        return report_error(context,
                            "--stream: streaming %s is not supported yet; CSV, SQLite and .npy "
                            "arrays in C order can be, and libsvm with -D for its number of values",
                            data->path);
    }
    if (data->store) {
        return done && scales_apply(context, model, options, data) &&
               store_finish(data->store, data);
    }
    /* give back what growth took in advance */
    return done && data_reserve(context, model, options, data, data->rows) &&
           scales_apply(context, model, options, data);
}
