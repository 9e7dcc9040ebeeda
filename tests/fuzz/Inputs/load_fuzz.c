/* load_fuzz.c: data files of all kinds with bytes changed at random: whatever they hold, loading
 * ends, with data or with a message, and touches no memory that is not its own (by the sanitizers).
 *
 *     load_fuzz FOLDER COUNT SEED FILE…    COUNT changes of each file
 *     load_fuzz FOLDER 0 0 FILE            FILE as it is, with messages
 *
 * The case at hand is FOLDER/case; it stays there when the program dies. */
#include "runtime/load.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const descriptions[] = {
    "gradc 3\nmodel a\nsource a\nhash 0\ndim D\ncolumn x real 1 D\ncolumn y real 0 target\n",
    "gradc 3\nmodel b\nsource b\nhash 0\ndim D\ndim K\ncolumn x real 1 D\n"
    "column y int 0 in K target\n",
    "gradc 3\nmodel c\nsource c\nhash 0\ndim T rows\ndim D\ncolumn j int 1 T in D\n"
    "column v real 1 T\ncolumn y real 0 target\n",
};
enum { MODELS = sizeof descriptions / sizeof *descriptions, SIZE_MOST = 1 << 22 };

typedef struct {
    unsigned char *bytes;
    size_t length;
} Bytes;

static Random source;

static size_t below(size_t limit) {
    return limit ? (size_t)random_below(&source, (int64_t)limit) : 0;
}

static Bytes read_all(const char *path) {
    Bytes all = {malloc(SIZE_MOST + 1), 0};
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, all.bytes, SIZE_MOST);
    if (got < 0) {
        perror(path);
        exit(2);
    }
    all.length = (size_t)got;
    close(fd);
    return all;
}

/* Another number, a piece moved or taken away, or a text that means something. */
static void change(Bytes *b) {
    static const char *const words[] = {"nan",
                                        "NA",
                                        "\"",
                                        "\n",
                                        ",",
                                        "1e999",
                                        "-1",
                                        "0",
                                        "PK\x05\x06",
                                        ":",
                                        "\xff\xff\xff\xff",
                                        "{",
                                        "99999999"};
    static const unsigned char odd[] = {0, 1, 0x7f, 0x80, 0xff, '\n', '"', ',', '9', '-'};
    size_t at = below(b->length), length = 1 + below(16);
    length = length > b->length - at ? b->length - at : length;
    switch (below(7)) {
    case 0:
        b->bytes[at] ^= (unsigned char)(1u << below(8));
        return;
    case 1:
        b->bytes[at] = odd[below(sizeof odd)];
        return;
    case 2:
        memset(b->bytes + at, odd[below(sizeof odd)], length);
        return;
    case 3:
        b->length = at + 1;
        return;
    case 4:
        memmove(b->bytes + at, b->bytes + at + length, b->length - at - length);
        b->length -= length < b->length ? length : 0;
        return;
    case 5: {
        const char *word = words[below(sizeof words / sizeof *words)];
        size_t size = strlen(word) < b->length - at ? strlen(word) : b->length - at;
        memcpy(b->bytes + at, word, size);
        return;
    }
    default: {
        size_t from = below(b->length - length + 1);
        memmove(b->bytes + at, b->bytes + from, length);
        return;
    }
    }
}

static bool load(const char *path, size_t number, bool plain) {
    Context context;
    Data data;
    bool needed[8] = {true, true, true, true, true, true, true, true};
    context_start(&context, "load");
    Model *model = model_read(&context, descriptions[number], NULL);
    LoadOptions options = {.header = "auto", .needed = needed};
    if (!plain) {
        options.na = (NaPolicy)below(3);
        options.nonfinite = below(4) == 0;
        options.standardize = below(4) == 0;
        options.threads = 1;
    }
    bool done = model && data_load(&context, model, &options, path, &data) &&
                data_make_samples(&context, model, &data);
    context_end(&context);
    return done;
}

int main(int argc, char **argv) {
    if (argc < 5) {
        return 2;
    }
    const long count = atol(argv[2]);
    long good = 0;
    if (count == 0) {
        for (size_t k = 0; k < MODELS; k++) {
            good += load(argv[4], k, true);
        }
        printf("%ld of %d models\n", good, MODELS);
        return 0;
    }
    char path[4096], base[4200];
    snprintf(path, sizeof path, "%s/case", argv[1]);
    snprintf(base, sizeof base, "sqlite:%s?query=select * from t", path);
    random_start(&source, strtoull(argv[3], NULL, 10));
    if (!freopen("/dev/null", "w", stderr)) {
        return 2;
    }
    for (int file = 4; file < argc; file++) {
        Bytes whole = read_all(argv[file]);
        Bytes changed = {malloc(SIZE_MOST), 0};
        for (long i = 0; i < count; i++) {
            memcpy(changed.bytes, whole.bytes, whole.length);
            changed.length = whole.length;
            for (size_t k = 1 + below(6); k > 0 && changed.length > 1; k--) {
                change(&changed);
            }
            int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
            if (fd < 0 || write(fd, changed.bytes, changed.length) != (ssize_t)changed.length) {
                return 2;
            }
            close(fd);
            const bool database = memcmp(whole.bytes, "SQLite", 6) == 0 && below(2);
            good += load(database ? base : path, below(MODELS), false);
        }
        free(whole.bytes);
        free(changed.bytes);
    }
    printf("%d files, %ld changes of each: no fault, %s\n", argc - 4, count,
           good ? "some are read" : "none is read");
    return 0;
}
