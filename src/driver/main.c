/* main.c: gradc. The command line is read in options.c, the work is done in compile.c. */
#include "driver/driver.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    int argc;
    char **argv;
    int status;
} Process;

/* Trees as deep as the parser allows, chains of calls as deep as lower/ allows, and LLVM's own
 * recursion fit; only what is used of it takes memory. */
enum { STACK_BYTES = 512 << 20, LEAST_STACK = 16 << 20 };

static void *work(void *argument) {
    Process *process = argument;
    memory_prepare();
    Arena *arena = arena_create();
    Options options;
    process->status = options_read(&options, arena, process->argc, process->argv);
    if (process->status < 0) {
        process->status = compile(&options, arena);
    }
    if ((fflush(stdout) != 0 || ferror(stdout)) && process->status == STATUS_OK) {
        fprintf(stderr, "gradc: error: cannot write standard output: %s\n", strerror(errno));
        process->status = STATUS_ERROR;
    }
    arena_destroy(arena);
    return NULL;
}

/* All is done on a stack of known size, whatever `ulimit -s` says. */
int main(int argc, char **argv) {
    Process process = {argc, argv, STATUS_ERROR};
    for (size_t size = STACK_BYTES; size >= LEAST_STACK; size /= 2) {
        pthread_attr_t attributes;
        pthread_t thread;
        bool made = pthread_attr_init(&attributes) == 0 &&
                    pthread_attr_setstacksize(&attributes, size) == 0 &&
                    pthread_create(&thread, &attributes, work, &process) == 0;
        if (made) {
            pthread_join(thread, NULL);
            return process.status;
        }
    }
    work(&process);
    return process.status;
}
