/* inject.c: preloaded into a trainer; the call with number INJECT, of those that may fail, fails. A
 * file INJECT_MARK says that it came to that. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static long calls;
static int inside;

static int fails(const char *name) {
    const char *text = getenv("INJECT");
    if (inside || !text || ++calls != atol(text)) {
        return 0;
    }
    inside = 1;
    const char *mark = getenv("INJECT_MARK");
    FILE *file = mark ? fopen(mark, "w") : NULL;
    if (file) {
        fputs(name, file);
        fclose(file);
    }
    inside = 0;
    return 1;
}

/* The next definition of a function, as a pointer of its type. */
#define NEXT(name)                                                                                 \
    __typeof__(&name) next;                                                                        \
    *(void **)&next = dlsym(RTLD_NEXT, #name)

#define FAIL(name, error, value)                                                                   \
    if (fails(#name)) {                                                                            \
        errno = error;                                                                             \
        return value;                                                                              \
    }

void *aligned_alloc(size_t alignment, size_t size) {
    NEXT(aligned_alloc);
    FAIL(aligned_alloc, ENOMEM, NULL)
    return next(alignment, size);
}

void *realloc(void *memory, size_t size) {
    NEXT(realloc);
    FAIL(realloc, ENOMEM, NULL)
    return next(memory, size);
}

ssize_t read(int fd, void *bytes, size_t size) {
    NEXT(read);
    FAIL(read, EIO, -1)
    return next(fd, bytes, size);
}

ssize_t write(int fd, const void *bytes, size_t size) {
    NEXT(write);
    FAIL(write, ENOSPC, -1)
    return next(fd, bytes, size);
}

int fsync(int fd) {
    NEXT(fsync);
    FAIL(fsync, EIO, -1)
    return next(fd);
}

int close(int fd) {
    NEXT(close);
    if (fails("close")) {
        next(fd);
        errno = EIO;
        return -1;
    }
    return next(fd);
}

int rename(const char *from, const char *to) {
    NEXT(rename);
    FAIL(rename, EACCES, -1)
    return next(from, to);
}

int linkat(int from, const char *path, int to, const char *name, int flags) {
    NEXT(linkat);
    FAIL(linkat, EACCES, -1)
    return next(from, path, to, name, flags);
}

int fchmod(int fd, mode_t mode) {
    NEXT(fchmod);
    FAIL(fchmod, EPERM, -1)
    return next(fd, mode);
}

int mkostemp(char *path, int flags) {
    NEXT(mkostemp);
    FAIL(mkostemp, EROFS, -1)
    return next(path, flags);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument) {
    NEXT(pthread_create);
    if (fails("pthread_create")) {
        return EAGAIN;
    }
    return next(thread, attributes, start, argument);
}

int open(const char *path, int flags, ...) {
    mode_t mode = 0;
    NEXT(open);
    va_list list;
    va_start(list, flags);
    if (flags & O_CREAT) {
        mode = va_arg(list, mode_t);
    }
    va_end(list);
    FAIL(open, EMFILE, -1)
    return next(path, flags, mode);
}
