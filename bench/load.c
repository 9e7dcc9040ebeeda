/* Loads a table as the trainers do, and says how fast: a column for each line of output.
 *
 *     load FILE [ROUNDS [THREADS]]
 *
 * Prints bytes, rows, and the median CPU time and wall time of the rounds, in seconds. */
#include "measure.h"
#include "runtime/runtime.h"

#include <sys/stat.h>

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
        cpu[i] = seconds(CLOCK_PROCESS_CPUTIME_ID);
        wall[i] = seconds(CLOCK_MONOTONIC);
        if (!data_load(&context, &table, &options, arguments[1], &data)) {
            return 1;
        }
        cpu[i] = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu[i];
        wall[i] = seconds(CLOCK_MONOTONIC) - wall[i];
        rows = data.rows;
        context_end(&context);
    }
    printf("%lld %lld %.4f %.4f\n", (long long)status.st_size, (long long)rows,
           median(cpu, (size_t)rounds), median(wall, (size_t)rounds));
    return 0;
}
