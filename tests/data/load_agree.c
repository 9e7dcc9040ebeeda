/* All readers of rows, with one thread and with several, say the same of good and of damaged
 * files: the same values bit for bit, or the same message.
 * RUN: %cc -std=gnu11 -O1 -I%gradc_source %s %gradc_build/libruntime.a -lm -lpthread \
 * RUN:     -o %t.agree
 * RUN: %t.agree %t.csv 1500 3
 */
#include "runtime/runtime.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FEATURES = 4, MODES = 5, TEXT_MAX = 1 << 14 };

typedef struct {
    bool done;
    char message[2000];
    int64_t rows;
    uint64_t bits;
} Outcome;

static const struct {
    const char *reader;
    size_t threads;
} modes[MODES] = {{"careful", 1}, {"portable", 1}, {"avx2", 1}, {"avx512", 1}, {"", 3}};

static Random dice;

static int64_t roll(int64_t sides) {
    return random_below(&dice, sides);
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t length) {
    const unsigned char *p = bytes;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ p[i]) * 1099511628211u;
    }
    return hash;
}

static void load(const char *path, size_t mode, Outcome *outcome) {
    const char *sizes[] = {"D", "K", "L"};
    int64_t extents[3] = {0};
    Dim dims[3] = {{.name = "D"}, {.name = "K"}, {.name = "L"}};
    Column columns[] = {
        {.name = "x", .shape = {1, &sizes[0], &extents[0], 0}},
        {.name = "k", .is_int = true, .limit = "K", .shape = {.count = 1}},
        {.name = "label", .is_int = true, .limit = "L", .shape = {.count = 1}},
    };
    Model model = {.dims = dims, .dim_count = 3, .columns = columns, .column_count = 3};
    bool needed[] = {true, true, true};
    LoadOptions options = {.columns = "x=x0..x3 k=k label=label",
                           .header = "auto",
                           .needed = needed,
                           .threads = modes[mode].threads};
    Context context;
    Data data;
    char log[300];
    snprintf(log, sizeof log, "%s.log", path);
    int saved = dup(STDERR_FILENO);
    int file = open(log, O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDERR_FILENO);
    setenv("GRADC_LOAD", modes[mode].reader, 1);
    context_start(&context, "agree");
    memset(outcome, 0, sizeof *outcome);
    outcome->done = data_load(&context, &model, &options, path, &data);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t got = pread(file, outcome->message, sizeof outcome->message - 1, 0);
    outcome->message[got < 0 ? 0 : got] = 0;
    close(file);
    if (outcome->done) {
        outcome->rows = data.rows;
        for (size_t i = 0; i < 3; i++) {
            size_t width = (size_t)columns[i].shape.count * sizeof(double);
            outcome->bits = mix(outcome->bits, data.columns[i], (size_t)data.rows * width);
            outcome->bits = mix(outcome->bits, &dims[i].value, sizeof dims[i].value);
        }
        int64_t line = data_line(&data, data.rows - 1);
        outcome->bits = mix(outcome->bits, &line, sizeof line);
    }
    context_end(&context);
}

static void add_number(char *text, size_t *length) {
    static const char *const forms[] = {"%.6f", "%.17g", "%.3e", "%g", "%.0f", " %.2f", "%+.4f"};
    double value = random_unit(&dice) * 20 - 10;
    *length += (size_t)sprintf(text + *length, forms[roll(7)], value);
}

static void add_word(char *text, size_t *length) {
    static const char *const words[] = {"one", "two",        "three and more", "\xC3\xA9t\xC3\xA9",
                                        "x",   "\"quoted\"", "\"a,b\"",        "\"a\nb\"",
                                        "4",   "\"\"\"\""};
    *length += (size_t)sprintf(text + *length, "%s", words[roll(10)]);
}

/* How odd a table is: 0 plain, 1 with quotes here and there, 2 everywhere. */
static size_t make_table(char *text, int64_t rows, int oddity, bool returns) {
    size_t length = (size_t)sprintf(text, "x0,x1,note,x2,x3,k,label%s\n", returns ? "\r" : "");
    for (int64_t row = 0; row < rows; row++) {
        for (int field = 0; field < FEATURES; field++) {
            add_number(text, &length);
            text[length++] = ',';
            if (field == 1) {
                if (oddity && (oddity == 2 || roll(40) == 0)) {
                    add_word(text, &length);
                } else {
                    length += (size_t)sprintf(text + length, "plain note");
                }
                text[length++] = ',';
            }
        }
        length += (size_t)sprintf(text + length, "%d,", (int)roll(7));
        if (oddity == 2) {
            add_word(text, &length);
        } else {
            length += (size_t)sprintf(text + length, "%s", roll(2) ? "yes" : "no");
        }
        length += (size_t)sprintf(text + length, returns ? "\r\n" : "\n");
    }
    return length;
}

static size_t damage(char *text, size_t length) {
    static const char bytes[] = "\",\n\r\0 9-+.eE;\tx";
    int64_t count = roll(3);
    for (int64_t i = 0; i < count; i++) {
        size_t at = (size_t)roll((int64_t)length);
        char c = bytes[roll(sizeof bytes - 1)];
        switch (roll(3)) {
        case 0:
            text[at] = c;
            break;
        case 1:
            memmove(text + at, text + at + 1, length - at - 1);
            length--;
            break;
        default:
            memmove(text + at + 1, text + at, length - at);
            text[at] = c;
            length++;
        }
    }
    return roll(20) == 0 ? length - (size_t)roll(9) : length; /* cut */
}

static bool agree(const char *path, const char *text, size_t length) {
    Outcome first;
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || write(file, text, length) != (ssize_t)length || close(file) != 0) {
        perror(path);
        return false;
    }
    for (size_t mode = 0; mode < MODES; mode++) {
        Outcome outcome;
        load(path, mode, &outcome);
        if (mode == 0) {
            first = outcome;
        } else if (memcmp(&first, &outcome, sizeof first) != 0) {
            printf("%s, %s and %zu threads: %d rows %lld %llx %s, expected %d rows %lld %llx %s\n",
                   path, modes[mode].reader, modes[mode].threads, outcome.done,
                   (long long)outcome.rows, (unsigned long long)outcome.bits, outcome.message,
                   first.done, (long long)first.rows, (unsigned long long)first.bits,
                   first.message);
            return false;
        }
    }
    return true;
}

int main(int count, char **arguments) {
    if (count < 4) {
        return 2;
    }
    random_start(&dice, count > 4 ? (uint64_t)atoll(arguments[4]) : 5);
    for (long i = 0; i < atol(arguments[2]); i++) {
        int64_t most = i % 10 == 0 ? 2000 : 30;
        char *text = malloc((size_t)most * 200 + 200);
        size_t length = make_table(text, roll(most) + 1, (int)roll(3), roll(3) == 0);
        bool same = agree(arguments[1], text, damage(text, length));
        free(text);
        if (!same) {
            return 1;
        }
    }
    for (long i = 0; i < atol(arguments[3]); i++) { /* large enough for blocks and threads */
        int64_t rows = 140000 + roll(5000);
        char *text = malloc((size_t)rows * 200 + 200);
        size_t length = make_table(text, rows, (int)(i % 3), roll(3) == 0);
        bool same = agree(arguments[1], text, i % 2 ? damage(text, length) : length);
        free(text);
        if (!same) {
            return 1;
        }
    }
    return 0;
}
