/* main.c: gradc. The command line is read in options.c, the work is done in compile.c. */
#include "driver/driver.h"

int main(int argc, char **argv) {
    Arena *arena = arena_create();
    Options options;
    int status = options_read(&options, arena, argc, argv);
    if (status < 0) {
        status = compile(&options, arena);
    }
    arena_destroy(arena);
    return status;
}
