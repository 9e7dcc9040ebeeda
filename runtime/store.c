/* store.c: see store.h. */
#include "runtime/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { WINDOW_BYTES = 1 << 22 }; /* for all columns; more where a batch is larger */

struct Store {
    Context *context;
    const Model *model;
    const bool *needed;
    int *files;     /* by column; -1: not needed */
    char **windows; /* by column: in memory */
    int64_t room;   /* rows of a window */
    int64_t first;  /* row of the window's first */
    int64_t count;  /* rows in it, once all have come */
    int64_t rows;   /* of all, once they have come */
    const char *folder;
    bool failed;
};

/* ---- how much there is ---- */

static int64_t number_in(const char *path, const char *name, int64_t unit) {
    char line[256];
    long long value;
    int64_t found = -1;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        size_t length = strlen(name);
        if (strncmp(line, name, length) == 0 && sscanf(line + length, "%lld", &value) == 1 &&
            value < INT64_MAX / unit) {
            found = value * unit;
            break;
        }
    }
    if (file) {
        fclose(file);
    }
    return found;
}

static int64_t least(int64_t a, int64_t b) {
    return b >= 0 && b < a ? b : a;
}

/* What the control group, and those that it is in, leave (version 2). */
static int64_t group_limit(void) {
    char line[4096];
    char path[4200];
    int64_t limit = INT64_MAX;
    FILE *file = fopen("/proc/self/cgroup", "re");
    bool read = file && fgets(line, sizeof line, file) && strncmp(line, "0::/", 4) == 0;
    if (file) {
        fclose(file);
    }
    char *group = line + 3;
    if (read) {
        group[strcspn(group, "\n")] = 0;
    }
    for (char *slash = read ? group + strlen(group) : NULL; slash; slash = strrchr(group, '/')) {
        *slash = 0;
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", group);
        int64_t most = number_in(path, "", 1);
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.current", group);
        int64_t used = number_in(path, "", 1);
        limit = most >= 0 && used >= 0 ? least(limit, most > used ? most - used : 0) : limit;
    }
    return limit;
}

int64_t store_limit(void) {
    struct rlimit limit;
    int64_t memory = least(group_limit(), number_in("/proc/meminfo", "MemAvailable:", 1024));
    int64_t used = number_in("/proc/self/statm", "", sysconf(_SC_PAGESIZE));
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur < INT64_MAX) {
        int64_t left = (int64_t)limit.rlim_cur - (used > 0 ? used : 0);
        memory = least(memory, left > 0 ? left : 0);
    }
    return memory / 2;
}

bool store_size(const char *text, int64_t *size) {
    static const struct {
        char unit;
        double bytes;
    } units[] = {{'k', 0x1p10}, {'K', 0x1p10}, {'M', 0x1p20}, {'G', 0x1p30}, {'T', 0x1p40}};
    char number[NUMBER_SIZE];
    size_t length = strlen(text);
    double scale = 1;
    for (size_t i = 0; length > 1 && i < sizeof units / sizeof *units; i++) {
        if (text[length - 1] == units[i].unit) {
            scale = units[i].bytes;
        }
    }
    length -= scale > 1;
    double value;
    if (length == 0 || length >= sizeof number) {
        return false;
    }
    memcpy(number, text, length);
    number[length] = 0;
    if (!number_read_text(number, &value) || !(value > 0) || value * scale > 0x1p62) {
        return false;
    }
    *size = (int64_t)(value * scale);
    return true;
}

/* ---- files ---- */

static bool bad_file(Store *store, const char *what) {
    store->failed = true;
    return report_error(store->context,
                        "cannot %s a temporary file in `%s`: %s; TMPDIR names another folder", what,
                        store->folder, strerror(errno));
}

static bool make_file(Store *store, size_t column) {
#ifdef O_TMPFILE
    store->files[column] = open(store->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (store->files[column] >= 0) {
        return true;
    }
#endif
    char *path = memory_format(store->context, "%s/gradc.XXXXXX", store->folder);
    store->files[column] = path ? mkostemp(path, O_CLOEXEC) : -1;
    if (path && store->files[column] < 0) {
        return bad_file(store, "make");
    }
    if (path) {
        unlink(path);
    }
    memory_free(store->context, path);
    return store->files[column] >= 0;
}

static bool put(Store *store, size_t column, const char *bytes, size_t length, int64_t offset) {
    while (length) {
        ssize_t done = pwrite(store->files[column], bytes, length, offset);
        if (done < 0 && errno != EINTR) {
            return bad_file(store, "write");
        }
        if (done > 0) {
            bytes += done;
            length -= (size_t)done;
            offset += done;
        }
    }
    return true;
}

static bool get(Store *store, size_t column, char *bytes, size_t length, int64_t offset) {
    while (length) {
        ssize_t done = pread(store->files[column], bytes, length, offset);
        if (done == 0) {
            errno = EIO;
        }
        if (done == 0 || (done < 0 && errno != EINTR)) {
            return bad_file(store, "read");
        }
        if (done > 0) {
            bytes += done;
            length -= (size_t)done;
            offset += done;
        }
    }
    return true;
}

/* ---- rows come in ---- */

static int64_t default_rows(const Store *store) {
    size_t bytes = 0;
    for (size_t i = 0; i < store->model->column_count; i++) {
        bytes += store->needed[i] ? column_bytes(store->model, i) : 0;
    }
    return WINDOW_BYTES / (int64_t)(bytes ? bytes : 1) + 64;
}

/* Rows keep their numbers, though the first ones are gone. */
static void point(Store *store, Data *data) {
    for (size_t i = 0; i < store->model->column_count; i++) {
        if (store->needed[i]) {
            uintptr_t start = (uintptr_t)store->windows[i];
            start -= (uintptr_t)store->first * column_bytes(store->model, i);
            data->columns[i] = (void *)start;
        }
    }
    data->capacity = store->first + store->room;
}

static bool flush(Store *store, const Data *data) {
    int64_t rows = data->rows - store->first;
    for (size_t i = 0; i < store->model->column_count; i++) {
        size_t width = column_bytes(store->model, i);
        if (store->needed[i] && !put(store, i, store->windows[i], (size_t)rows * width,
                                     store->first * (int64_t)width)) {
            return false;
        }
    }
    store->first = data->rows;
    return true;
}

static bool resize(Store *store, int64_t room) {
    for (size_t i = 0; i < store->model->column_count; i++) {
        size_t bytes = column_bytes(store->model, i) * (size_t)room + sizeof(double);
        char *window =
            store->needed[i] ? memory_resize(store->context, store->windows[i], bytes) : NULL;
        if (store->needed[i] && !window) {
            return false;
        }
        store->windows[i] = window;
    }
    store->room = room;
    return true;
}

bool store_start(Context *context, const Model *model, const LoadOptions *options, Data *data) {
    const char *folder = getenv("TMPDIR");
    Store *store = NEW(context, Store, 1);
    if (!store) {
        return false;
    }
    *store = (Store){.context = context, .model = model, .needed = options->needed};
    store->folder = folder && *folder               ? folder
                    : access("/var/tmp", W_OK) == 0 ? "/var/tmp"
                                                    : "/tmp"; /* that may be memory */
    store->files = NEW(context, int, model->column_count + 1);
    store->windows = NEW(context, char *, model->column_count + 1);
    if (!store->files || !store->windows) {
        return false;
    }
    for (size_t i = 0; i < model->column_count; i++) {
        store->files[i] = -1;
        store->windows[i] = options->needed[i] && data->columns ? data->columns[i] : NULL;
        if (options->needed[i] && !make_file(store, i)) {
            return false;
        }
    }
    if (!data->columns) {
        data->columns = NEW(context, void *, model->column_count + 1);
    }
    data->store = store;
    report_note(context,
                "%s: the data are larger than memory (or --stream was given): temporary "
                "files in %s hold their values",
                data->path, store->folder);
    return data->columns && flush(store, data);
}

bool store_reserve(Store *store, Data *data, int64_t rows) {
    int64_t room = default_rows(store);
    if (!flush(store, data)) {
        return false;
    }
    room = rows - data->rows > room ? rows - data->rows : room;
    if (store->room < room && !resize(store, room)) {
        return false;
    }
    point(store, data);
    return true;
}

bool store_finish(Store *store, Data *data) {
    if (!flush(store, data) || !resize(store, default_rows(store))) {
        return false;
    }
    store->rows = data->rows;
    store->first = store->count = 0;
    for (size_t i = 0; i < store->model->column_count; i++) {
        data->columns[i] = NULL;
    }
    return true;
}

/* ---- all of them once more, before they are looked at or after ---- */

enum { PIECE_BYTES = 1 << 18 };

/* What came last is in the files, too. */
static bool settle(Store *store, const Data *data) {
    return store->rows > 0 || flush(store, data);
}

static int64_t piece_rows(size_t width) {
    return width < PIECE_BYTES ? PIECE_BYTES / (int64_t)(width ? width : 1) : 1;
}

static bool store_pieces(Store *store, Data *data, size_t column, bool change, PieceVisit *visit,
                         void *self) {
    size_t width = column_bytes(store->model, column);
    int64_t rows = piece_rows(width);
    char *piece = memory_new(store->context, (size_t)rows * width + sizeof(double), 1);
    bool done = piece && settle(store, data);
    for (int64_t first = 0; done && first < data->rows; first += rows) {
        int64_t count = least(data->rows - first, rows);
        size_t bytes = (size_t)count * width;
        int64_t offset = first * (int64_t)width;
        done = get(store, column, piece, bytes, offset) && visit(self, piece, first, count) &&
               (!change || put(store, column, piece, bytes, offset));
    }
    memory_free(store->context, piece);
    if (store->rows == 0) {
        point(store, data);
    } else if (change) {
        store->count = 0; /* the window is of before */
    }
    return done;
}

bool data_pieces(Data *data, size_t column, bool change, PieceVisit *visit, void *self) {
    return data->store ? store_pieces(data->store, data, column, change, visit, self)
                       : visit(self, data->columns[column], 0, data->rows);
}

/* Takes those of the rows first … first + count - 1 that are left out from the piece that holds
 * them. Returns how many stay; *next: of `rows`, the first that is not before the piece. */
static int64_t squeeze(char *piece, size_t width, int64_t first, int64_t count, const int64_t *rows,
                       size_t row_count, size_t *next) {
    int64_t to = 0, from = 0;
    while (from < count) {
        bool any = *next < row_count && rows[*next] < first + count;
        int64_t end = any ? rows[*next] - first : count;
        memmove(piece + (size_t)to * width, piece + (size_t)from * width,
                (size_t)(end - from) * width);
        to += end - from;
        from = end + any;
        *next += any;
    }
    return to;
}

static bool drop_rows(Store *store, const Data *data, size_t column, const int64_t *rows,
                      size_t row_count) {
    size_t width = column_bytes(store->model, column);
    size_t next = 0;
    int64_t most = piece_rows(width), to = 0;
    char *piece = memory_new(store->context, (size_t)most * width + 1, 1);
    bool done = piece != NULL;
    for (int64_t first = 0; done && first < data->rows; first += most) {
        int64_t count = least(data->rows - first, most);
        done = get(store, column, piece, (size_t)count * width, first * (int64_t)width);
        int64_t left = done ? squeeze(piece, width, first, count, rows, row_count, &next) : 0;
        done = done && put(store, column, piece, (size_t)left * width, to * (int64_t)width);
        to += left;
    }
    memory_free(store->context, piece);
    return done;
}

bool store_drop(Store *store, Data *data, const int64_t *rows, size_t count) {
    bool done = flush(store, data);
    for (size_t i = 0; done && i < store->model->column_count; i++) {
        done = !store->needed[i] || drop_rows(store, data, i, rows, count);
    }
    data->rows -= (int64_t)count;
    store->first = data->rows;
    point(store, data);
    return done;
}

/* ---- and are looked at ---- */

static void fill(Store *store, int64_t first, int64_t count) {
    for (size_t i = 0; i < store->model->column_count; i++) {
        size_t width = column_bytes(store->model, i);
        size_t bytes = (size_t)count * width;
        bool whole = !store->needed[i] || (!store->failed && get(store, i, store->windows[i], bytes,
                                                                 first * (int64_t)width));
        if (!whole) { /* labels 0, numbers NaN: the run ends at once */
            memset(store->windows[i], store->model->columns[i].is_int ? 0 : 0xff, bytes);
        }
    }
    store->first = first;
    store->count = count;
}

bool store_room(Store *store, int64_t rows) {
    rows = rows > store->rows ? store->rows : rows;
    store->count = rows > store->room ? 0 : store->count;
    return rows <= store->room || resize(store, rows);
}

void store_window(Store *store, int64_t first, int64_t count, const void **columns) {
    if (first < store->first || first + count > store->first + store->count) {
        int64_t left = store->rows - first;
        fill(store, first, store->room < left ? store->room : left);
    }
    for (size_t i = 0; i < store->model->column_count; i++) {
        size_t at = (size_t)(first - store->first) * column_bytes(store->model, i);
        columns[i] = store->needed[i] ? store->windows[i] + at : NULL;
    }
}

bool store_failed(const Store *store) {
    return store && store->failed;
}

typedef struct {
    const Model *model;
    size_t width;
    bool change;
    EntryVisit *visit;
    void *self;
} Entries;

static bool entries_piece(void *self, void *array, int64_t first, int64_t count) {
    const Entries *e = self;
    (void)first;
    for (int64_t row = 0; row < count; row++) {
        for (size_t k = 0; k < e->width; k++) {
            const int64_t at = row * (int64_t)e->width + (int64_t)k;
            double value = real_at(e->model, array, at);
            e->visit(e->self, k, &value);
            if (e->change) {
                real_put(e->model, array, at, value);
            }
        }
    }
    return true;
}

bool data_entries(const Model *model, Data *data, size_t column, bool change, EntryVisit *visit,
                  void *self) {
    Entries e = {model, (size_t)model->columns[column].shape.count, change, visit, self};
    return data_pieces(data, column, change, entries_piece, &e);
}
