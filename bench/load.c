/* Loads a table as the trainers do, and says how fast: a column for each line of output.
 *
 *     load FILE [ROUNDS [THREADS]]
 *
 * Prints bytes, rows, and the median CPU time and wall time of the rounds, in seconds. */
#include "runtime/runtime.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int count, char **arguments) {
    struct stat status;
    enum { MOST = 99 };
    double cpu[MOST];
    double wall[MOST];
    int64_t rows = 0;
    if (count < 2 || stat(arguments[1], &status) != 0) {
        fprintf(stderr, "usage: %s FILE [ROUNDS [THREADS]]\n", arguments[0]);
        return 2;
    }
    int rounds = count > 2 ? atoi(arguments[2]) : 7;
    rounds = rounds < 1 ? 1 : rounds > MOST ? MOST : rounds;
    for (int i = 0; i < rounds; i++) {
        const char *size = "columns";
        int64_t extent = 0;
        Dim width = {.name = size};
        Column column = {.name = "x", .shape = {1, &size, &extent, 0}};
        Model table = {.dims = &width, .dim_count = 1, .columns = &column, .column_count = 1};
        bool needed = true;
        LoadOptions options = {.header = "auto",
                               .needed = &needed,
                               .threads = count > 3 ? (size_t)atoi(arguments[3]) : 1};
        Context context;
        Data data;
        context_start(&context, arguments[0]);
        cpu[i] = now(CLOCK_PROCESS_CPUTIME_ID);
        wall[i] = now(CLOCK_MONOTONIC);
        if (!data_load(&context, &table, &options, arguments[1], &data)) {
            return 1;
        }
        cpu[i] = now(CLOCK_PROCESS_CPUTIME_ID) - cpu[i];
        wall[i] = now(CLOCK_MONOTONIC) - wall[i];
        rows = data.rows;
        context_end(&context);
    }
    qsort(cpu, (size_t)rounds, sizeof *cpu, by_value);
    qsort(wall, (size_t)rounds, sizeof *wall, by_value);
    printf("%lld %lld %.4f %.4f\n", (long long)status.st_size, (long long)rows, cpu[rounds / 2],
           wall[rounds / 2]);
    return 0;
}
