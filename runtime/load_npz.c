/* load_npz.c: NumPy's .npz archives: zip files of .npy arrays, found by their names. The first axis
 * of each is the rows; `X` with further axes has the columns X[0] X[1] …, `y` without the column y.
 * Archives that come through a pipe or a compression are copied to a file without a name first. */
#include "runtime/load.h"
#include "runtime/npy.h"
#include "runtime/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    END_SIZE = 22,
    LOCATOR_SIZE = 20,
    END64_SIZE = 56,
    ENTRY_SIZE = 46,
    LOCAL_SIZE = 30,
    COMMENT_MOST = 1 << 16,
    DIRECTORY_MOST = 1 << 26,
    MEMBERS_MOST = 1 << 16
};

typedef struct {
    char *name; /* without .npy */
    StreamPart part;
    unsigned method, flags;
    Npy npy;      /* its header */
    bool used;    /* its rows are those of the table */
    size_t first; /* its first field */
} Member;

typedef struct {
    Context *context;
    const char *path;
    int fd;
    int64_t size;
    Member *members;
    size_t count;
    bool others; /* members that are no .npy */
} Archive;

/* ---- bytes ---- */

static uint64_t number_at(const unsigned char *bytes, size_t size) {
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static bool damaged(const Archive *archive, const char *why) {
    return report_place(archive->context, archive->path, "the archive is damaged: %s", why);
}

static bool bytes_at(const Archive *archive, int64_t offset, void *to, size_t length) {
    char *p = to;
    if (offset < 0 || offset > archive->size || (int64_t)length > archive->size - offset) {
        return damaged(archive, "something in it lies beyond its end");
    }
    while (length) {
        ssize_t got = pread(archive->fd, p, length, offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return report_error(archive->context, "cannot read `%s`: %s", archive->path,
                                got < 0 ? strerror(errno) : "it has become shorter");
        }
        p += got;
        length -= (size_t)got;
        offset += got;
    }
    return true;
}

/* ---- the directory ---- */

typedef struct {
    int64_t offset, size, count;
} Directory;

/* Where 32 bits do not suffice, another record before the end has all numbers in 64. */
static bool find_directory64(const Archive *archive, int64_t end, Directory *directory) {
    unsigned char locator[LOCATOR_SIZE], record[END64_SIZE];
    if (end < LOCATOR_SIZE || !bytes_at(archive, end - LOCATOR_SIZE, locator, LOCATOR_SIZE)) {
        return end >= LOCATOR_SIZE ? false : damaged(archive, "its directory is not found");
    }
    if (memcmp(locator, "PK\x06\x07", 4) != 0) {
        return damaged(archive, "its directory is not found");
    }
    if (!bytes_at(archive, (int64_t)(number_at(locator + 8, 8) & INT64_MAX), record, END64_SIZE)) {
        return false;
    }
    directory->count = (int64_t)(number_at(record + 32, 8) & INT64_MAX);
    directory->size = (int64_t)(number_at(record + 40, 8) & INT64_MAX);
    directory->offset = (int64_t)(number_at(record + 48, 8) & INT64_MAX);
    return memcmp(record, "PK\x06\x06", 4) == 0 || damaged(archive, "its directory is not found");
}

static bool find_directory(const Archive *archive, Directory *directory) {
    int64_t length =
        archive->size < END_SIZE + COMMENT_MOST ? archive->size : END_SIZE + COMMENT_MOST;
    unsigned char *tail = memory_new(archive->context, (size_t)length + 1, 1);
    if (!tail || !bytes_at(archive, archive->size - length, tail, (size_t)length)) {
        return false;
    }
    int64_t at = length - END_SIZE;
    while (at >= 0 && memcmp(tail + at, "PK\x05\x06", 4) != 0) {
        at--;
    }
    if (at < 0) {
        memory_free(archive->context, tail);
        return damaged(archive, "its end is missing; the file may have been cut");
    }
    *directory = (Directory){.count = (int64_t)number_at(tail + at + 10, 2),
                             .size = (int64_t)number_at(tail + at + 12, 4),
                             .offset = (int64_t)number_at(tail + at + 16, 4)};
    memory_free(archive->context, tail);
    bool large = directory->count == 0xffff || directory->size == 0xffffffff ||
                 directory->offset == 0xffffffff;
    return !large || find_directory64(archive, archive->size - length + at, directory);
}

/* Sizes and the offset, of 64 bits where 32 are full. */
static void read_sizes(const unsigned char *entry, const unsigned char *extra, size_t length,
                       Member *member) {
    uint64_t numbers[3] = {number_at(entry + 24, 4), number_at(entry + 20, 4),
                           number_at(entry + 42, 4)};
    while (length >= 4) {
        size_t size = (size_t)number_at(extra + 2, 2);
        size = size > length - 4 ? length - 4 : size;
        if (number_at(extra, 2) == 1) {
            const unsigned char *p = extra + 4, *end = p + size;
            for (size_t i = 0; i < 3; i++) {
                if (numbers[i] == 0xffffffff && end - p >= 8) {
                    numbers[i] = number_at(p, 8);
                    p += 8;
                }
            }
        }
        extra += 4 + size;
        length -= 4 + size;
    }
    member->part.size = (int64_t)(numbers[0] & INT64_MAX);
    member->part.length = (int64_t)(numbers[1] & INT64_MAX);
    member->part.offset = (int64_t)(numbers[2] & INT64_MAX); /* of its own header, so far */
}

static bool is_array(const char *name, size_t length) {
    return length > 4 && memcmp(name + length - 4, ".npy", 4) == 0 && !memchr(name, 0, length);
}

static bool read_directory(Archive *archive) {
    Directory directory = {0};
    if (!find_directory(archive, &directory)) {
        return false;
    }
    if (directory.count > MEMBERS_MOST || directory.size > DIRECTORY_MOST) {
        return damaged(archive, "it has too many members");
    }
    size_t left = (size_t)directory.size;
    unsigned char *bytes = memory_new(archive->context, left + 1, 1);
    archive->members = NEW(archive->context, Member, directory.count + 1);
    if (!bytes || !archive->members || !bytes_at(archive, directory.offset, bytes, left)) {
        return false;
    }
    for (const unsigned char *p = bytes; directory.count > 0; directory.count--) {
        if (left < ENTRY_SIZE || memcmp(p, "PK\x01\x02", 4) != 0) {
            return damaged(archive, "its directory has other members than it says");
        }
        size_t name = (size_t)number_at(p + 28, 2), extra = (size_t)number_at(p + 30, 2);
        size_t whole = ENTRY_SIZE + name + extra + (size_t)number_at(p + 32, 2);
        if (whole > left) {
            return damaged(archive, "its directory is cut");
        }
        const char *text = (const char *)p + ENTRY_SIZE;
        if (is_array(text, name)) {
            Member *member = &archive->members[archive->count++];
            member->name = memory_copy(archive->context, text, name - 4);
            member->flags = (unsigned)number_at(p + 8, 2);
            member->method = (unsigned)number_at(p + 10, 2);
            member->part.crc = (uint32_t)number_at(p + 16, 4);
            read_sizes(p, p + ENTRY_SIZE + name, extra, member);
            if (!member->name) {
                return false;
            }
        } else {
            archive->others = true;
        }
        p += whole;
        left -= whole;
    }
    memory_free(archive->context, bytes);
    return archive->count > 0 ||
           report_place(archive->context, archive->path,
                        "this is a zip archive without .npy arrays (a spreadsheet?); save it as "
                        "CSV first");
}

/* ---- members ---- */

static bool open_member(Archive *archive, Member *member, Input *input) {
    unsigned char local[LOCAL_SIZE];
    StreamPart part = member->part;
    char *path = memory_format(archive->context, "%s/%s.npy", archive->path, member->name);
    if (!path) {
        return false;
    }
    if (member->flags & 1 || (member->method != 0 && member->method != 8)) {
        return report_place(archive->context, path,
                            member->flags & 1
                                ? "the member is encrypted"
                                : "the member is compressed in a way that NumPy does not write");
    }
    if (!bytes_at(archive, part.offset, local, sizeof local)) {
        return false;
    }
    if (memcmp(local, "PK\x03\x04", 4) != 0) {
        return damaged(archive, "a member is not where the directory says");
    }
    part.fd = archive->fd;
    part.offset +=
        LOCAL_SIZE + (int64_t)number_at(local + 26, 2) + (int64_t)number_at(local + 28, 2);
    part.deflated = member->method == 8;
    return input_open_part(archive->context, input, path, &part);
}

/* `quiet`: an array that cannot be read is left out, width 0. False: reported. */
static bool read_header(Archive *archive, Member *member, bool quiet) {
    Input input;
    if (!open_member(archive, member, &input)) {
        return false;
    }
    bool done = npy_read_header(&member->npy, archive->context, &input, quiet);
    int64_t before = input.consumed + (input.position - input.buffer);
    if (done && member->npy.bytes != member->part.size - before) {
        done = report_error(
            archive->context, "%s: the array has %lld bytes by its shape, and %lld in the archive",
            input.path, (long long)member->npy.bytes, (long long)(member->part.size - before));
    } else if (!done && quiet && !input.failed) {
        member->npy.width = 0;
        done = true;
    }
    input_close(&input);
    return done;
}

/* Does the model, or --columns, say that name? */
static bool is_named(const Archive *archive, const Cells *cells, const Member *member) {
    const char *columns = cells->options->columns;
    return archive->count == 1 || model_column(cells->model, member->name) ||
           (columns && strstr(columns, member->name));
}

/* Arrays with as many rows as those that the model names; other ones are no columns. */
static bool choose_members(Archive *archive, const Cells *cells, int64_t *rows) {
    const Member *first = NULL, *any = NULL;
    for (size_t i = 0; i < archive->count; i++) {
        Member *member = &archive->members[i];
        const bool argument = model_column(cells->model, member->name) != NULL;
        if (!read_header(archive, member, !is_named(archive, cells, member))) {
            return false;
        }
        if (argument && first && first->npy.rows != member->npy.rows) {
            return report_place(
                archive->context, archive->path, "`%s` has %lld rows, and `%s` %lld", first->name,
                (long long)first->npy.rows, member->name, (long long)member->npy.rows);
        }
        first = argument && !first ? member : first;
        any = member->npy.width && !any ? member : any;
    }
    first = first ? first : any;
    if (!first) {
        return read_header(archive, &archive->members[0], false); /* which says why */
    }
    *rows = first->npy.rows;
    for (size_t i = 0; i < archive->count; i++) {
        Member *member = &archive->members[i];
        member->used = member->npy.width && member->npy.rank > 0 && member->npy.rows == *rows;
    }
    return true;
}

/* The names of all columns: X[0] X[1] …, or y. */
static bool name_fields(Archive *archive, Cells *cells, size_t *count) {
    size_t total = 0;
    for (size_t i = 0; i < archive->count; i++) {
        Member *member = &archive->members[i];
        member->first = total;
        total += member->used ? (size_t)member->npy.width : 0;
    }
    if (total > 1 << 22) {
        return report_place(archive->context, archive->path, "the arrays have too many columns");
    }
    cells->names = NEW(archive->context, char *, total + 1);
    for (size_t i = 0; cells->names && i < archive->count; i++) {
        const Member *member = &archive->members[i];
        const Column *argument = model_column(cells->model, member->name);
        bool alone = argument ? argument->shape.rank == 0 : member->npy.rank == 1;
        for (int64_t k = 0; member->used && k < member->npy.width; k++) {
            char **name = &cells->names[member->first + (size_t)k];
            *name = alone && member->npy.width == 1
                        ? member->name
                        : memory_format(archive->context, "%s[%lld]", member->name, (long long)k);
            if (!*name) {
                return false;
            }
        }
    }
    *count = total;
    return cells->names != NULL;
}

static bool needs(const Cells *cells, const Member *member) {
    bool any = false;
    for (int64_t k = 0; member->used && k < member->npy.width; k++) {
        any |= cells->fields[member->first + (size_t)k].kind != FIELD_SKIP;
    }
    return any;
}

static bool read_members(Archive *archive, Cells *cells) {
    for (size_t i = 0; i < archive->count; i++) {
        Member *member = &archive->members[i];
        Input input;
        Npy npy;
        if (!needs(cells, member)) {
            continue;
        }
        if (!open_member(archive, member, &input)) {
            return false;
        }
        bool done = npy_read_header(&npy, archive->context, &input, false) &&
                    npy_read_elements(&npy, cells, member->first) &&
                    (input.finished || input_fill(&input, input.end)); /* the checksum */
        input_close(&input);
        if (!done) {
            return false;
        }
    }
    return cells_report(cells);
}

/* ---- the file ---- */

/* A file without a name that holds all of the input. -1: reported. */
static int spool(Context *context, Input *input) {
    const char *folder = getenv("TMPDIR");
    char *path = memory_format(context, "%s/gradc.XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = path ? mkstemp(path) : -1;
    if (fd < 0) {
        report_error(context, "cannot make a file in `%s`: %s", folder ? folder : "/tmp",
                     strerror(errno));
        return -1;
    }
    unlink(path);
    do {
        size_t length = (size_t)(input->end - input->position);
        if (!bytes_write(context, fd, path, input->position, length) ||
            !input_fill(input, input->end)) {
            close(fd);
            return -1;
        }
    } while (!input->finished || input->position < input->end);
    return fd;
}

static bool load_archive(Archive *archive, Cells *cells) {
    int64_t rows = 0;
    size_t count = 0;
    return read_directory(archive) && choose_members(archive, cells, &rows) &&
           name_fields(archive, cells, &count) && cells_make_fields(cells, count, archive->path) &&
           data_reserve(archive->context, cells->model, cells->options, cells->data, rows) &&
           read_members(archive, cells) && cells_finish(cells);
}

bool load_npz(Context *context, Model *model, const LoadOptions *options, Input *input,
              Data *data) {
    Cells cells;
    const bool regular = input->total > 0;
    Archive archive = {
        .context = context, .path = input->path, .fd = regular ? input->fd : spool(context, input)};
    if (archive.fd < 0) {
        return false;
    }
    archive.size = lseek(archive.fd, 0, SEEK_END);
    cells_start(&cells, context, model, options, input->path, data);
    bool done = load_archive(&archive, &cells);
    if (!regular) {
        close(archive.fd);
    }
    return done;
}
