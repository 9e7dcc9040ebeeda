/* file.c: whole files in and out. A reader of what is written never sees half a file. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *failure(Arena *arena, const char *verb, const char *path, int error) {
    if (strcmp(path, "-") == 0) {
        return arena_format(arena, "cannot %s standard %s: %s", verb,
                            strcmp(verb, "read") == 0 ? "input" : "output", strerror(error));
    }
    return arena_format(arena, "cannot %s `%s`: %s", verb, path, strerror(error));
}

char *file_read(Arena *arena, const char *path, size_t *length, const char **error) {
    bool standard = strcmp(path, "-") == 0;
    *length = 0;
    *error = NULL;
    int file = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        *error = failure(arena, "read", path, errno);
        return NULL;
    }
    Text text;
    text_init(&text, arena);
    char buffer[1 << 14];
    for (;;) {
        ssize_t count = read(file, buffer, sizeof buffer);
        if (count > 0) {
            text_add_bytes(&text, buffer, (size_t)count);
        } else if (count == 0) {
            break;
        } else if (errno != EINTR) {
            *error = failure(arena, "read", path, errno);
            break;
        }
    }
    if (!standard) {
        close(file);
    }
    *length = text.length;
    return *error == NULL ? text.data : NULL;
}

static bool write_all(int file, const char *data, size_t length) {
    while (length > 0) {
        ssize_t count = write(file, data, length);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return false;
        }
        data += count;
        length -= (size_t)count;
    }
    return true;
}

/* Devices and pipes are written in place: there is nothing to replace. */
static const char *write_in_place(Arena *arena, const char *path, const void *data, size_t length) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0 || !write_all(file, data, length)) {
        const char *error = failure(arena, "write", path, errno);
        if (file >= 0) {
            close(file);
        }
        return error;
    }
    return close(file) == 0 ? NULL : failure(arena, "write", path, errno);
}

/* A new file beside `path`; its name goes to `*name`. The umask holds, as for any new file. */
static int open_beside(Arena *arena, const char *path, mode_t mode, const char **name) {
    for (int attempt = 0; attempt < 100; attempt++) {
        *name = arena_format(arena, "%s.%ld-%d.tmp", path, (long)getpid(), attempt);
        int file = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (file >= 0 || errno != EEXIST) {
            return file;
        }
    }
    return -1;
}

const char *file_write(Arena *arena, const char *path, const void *data, size_t length,
                       bool executable) {
    if (strcmp(path, "-") == 0) {
        fflush(stdout);
        return write_all(STDOUT_FILENO, data, length) ? NULL : failure(arena, "write", path, errno);
    }
    struct stat old;
    bool exists = stat(path, &old) == 0;
    if (exists && S_ISDIR(old.st_mode)) {
        return failure(arena, "write", path, EISDIR);
    }
    if (exists && !S_ISREG(old.st_mode)) {
        return write_in_place(arena, path, data, length);
    }
    char *resolved = exists ? realpath(path, NULL) : NULL; /* through links: they stay */
    const char *target = resolved != NULL ? arena_copy(arena, resolved, strlen(resolved)) : path;
    free(resolved);

    const char *temporary;
    int file = open_beside(arena, target, executable ? 0777 : 0666, &temporary);
    if (file < 0) {
        return failure(arena, "write", path, errno);
    }
    bool good = true;
    if (exists) {
        mode_t mode = old.st_mode & 07777;
        good = fchmod(file, executable ? mode | (mode & 0444) >> 2 : mode) == 0;
    }
    good = good && write_all(file, data, length) && fsync(file) == 0;
    int error = errno;
    if (close(file) != 0 && good) {
        good = false;
        error = errno;
    }
    if (good && rename(temporary, target) != 0) {
        good = false;
        error = errno;
    }
    if (!good) {
        unlink(temporary);
        return failure(arena, "write", path, error);
    }
    return NULL;
}
