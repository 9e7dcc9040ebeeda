/* file.c: whole files in and out. What is written is written to a new file beside the target,
 * synced, renamed: a reader never sees half a file, and a failure leaves the old one as it was. */
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_STEP = 1 << 16 };

bool bytes_write(Context *context, int fd, const char *name, const char *bytes, size_t length) {
    while (length) {
        ssize_t done = write(fd, bytes, length);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return report_error(context, "cannot write `%s`: %s", name, strerror(errno));
        }
        bytes += done;
        length -= (size_t)done;
    }
    return true;
}

/* The file itself where `path` is a symbolic link, so that the link stays one. */
static char *real_target(Context *context, const char *path) {
    char *found = realpath(path, NULL);
    char *copy = memory_copy(context, found ? found : path, strlen(found ? found : path));
    free(found);
    return copy;
}

static char *folder_of(Context *context, const char *path) {
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    return slash ? memory_copy(context, length ? path : "/", length ? length : 1)
                 : memory_copy(context, ".", 1);
}

/* Opened before the file is renamed, so that little can fail after that. -1: reported. */
static int open_folder(Context *context, const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        report_error(context, "cannot open folder `%s`: %s", folder, strerror(errno));
    }
    return fd;
}

static bool sync_folder(Context *context, int fd, const char *path) {
    bool done = fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP;
    if (!done) {
        report_error(context, "`%s` is written, but its folder cannot be synced: %s", path,
                     strerror(errno));
    }
    return done;
}

static bool fill_temporary(Context *context, int fd, const char *path, mode_t mode,
                           const char *bytes, size_t length) {
    if (!bytes_write(context, fd, path, bytes, length)) {
        return false;
    }
    if (fchmod(fd, mode) != 0 || fsync(fd) != 0) {
        return report_error(context, "cannot write `%s`: %s", path, strerror(errno));
    }
    return true;
}

static mode_t mode_for(const char *path) {
    struct stat status;
    if (stat(path, &status) == 0) {
        return status.st_mode & 07777;
    }
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* A file that is written, and has no name until it is whole, so that a process that is killed
 * leaves nothing behind; a name at once where the system has no such files. */
typedef struct {
    int fd;
    char *name; /* NULL: none yet */
} Fresh;

static bool make_fresh(Context *context, const char *path, const char *folder, Fresh *fresh) {
    *fresh = (Fresh){-1, NULL};
#ifdef O_TMPFILE
    if (access("/proc/self/fd", X_OK) == 0) {
        fresh->fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    }
    if (fresh->fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) {
        return fresh->fd >= 0 ||
               report_error(context, "cannot write `%s`: %s", path, strerror(errno));
    }
#endif
    fresh->name = memory_format(context, "%s.XXXXXX", path);
    fresh->fd = fresh->name ? mkostemp(fresh->name, O_CLOEXEC) : -1;
    if (fresh->name && fresh->fd < 0) {
        report_error(context, "cannot write `%s`: %s", path, strerror(errno));
        memory_free(context, fresh->name);
        fresh->name = NULL;
    }
    return fresh->fd >= 0;
}

/* PATH.new; what a process left there that was killed just now is of no use. */
static bool name_fresh(Context *context, const char *path, Fresh *fresh) {
    enum { TRIES = 8 };
    char source[64];
    if (fresh->name) {
        return true;
    }
    char *name = memory_format(context, "%s.new", path);
    bool done = false;
    snprintf(source, sizeof source, "/proc/self/fd/%d", fresh->fd);
    for (int i = 0; name && !done && i < TRIES; i++) {
        done = linkat(AT_FDCWD, source, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
        if (!done && (errno != EEXIST || (unlink(name) != 0 && errno != ENOENT))) {
            break;
        }
    }
    fresh->name = done ? name : NULL;
    return done || !name || report_error(context, "cannot write `%s`: %s", path, strerror(errno));
}

static bool replace(Context *context, const char *path, const char *bytes, size_t length) {
    Fresh fresh;
    char *name = folder_of(context, path);
    if (!name || !make_fresh(context, path, name, &fresh)) {
        memory_free(context, name);
        return false;
    }
    int folder = open_folder(context, name);
    bool done = folder >= 0 &&
                fill_temporary(context, fresh.fd, path, mode_for(path), bytes, length) &&
                name_fresh(context, path, &fresh) && fresh.name;
    if (close(fresh.fd) != 0 && done) {
        done = report_error(context, "cannot write `%s`: %s", path, strerror(errno));
    }
    if (done && rename(fresh.name, path) != 0) {
        done = report_error(context, "cannot write `%s`: %s", path, strerror(errno));
    }
    if (!done && fresh.name) {
        unlink(fresh.name);
    }
    memory_free(context, fresh.name);
    memory_free(context, name);
    done = done && sync_folder(context, folder, path);
    if (folder >= 0) {
        close(folder);
    }
    return done;
}

bool file_write(Context *context, const char *path, const char *bytes, size_t length) {
    struct stat status;
    if (strcmp(path, "-") == 0) {
        return bytes_write(context, STDOUT_FILENO, "standard output", bytes, length);
    }
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        /* a device or a pipe is written to, not replaced */
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0) {
            return report_error(context, "cannot write `%s`: %s", path, strerror(errno));
        }
        bool done = bytes_write(context, fd, path, bytes, length);
        if (close(fd) != 0 && done) {
            done = report_error(context, "cannot write `%s`: %s", path, strerror(errno));
        }
        return done;
    }
    char *target = real_target(context, path);
    bool done = target && replace(context, target, bytes, length);
    memory_free(context, target);
    return done;
}

char *file_read(Context *context, const char *path, size_t *length) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        report_error(context, "cannot open `%s`: %s", path, strerror(errno));
        return NULL;
    }
    char *bytes = NULL;
    size_t used = 0;
    size_t capacity = 0;
    ssize_t got;
    do {
        if (capacity - used < READ_STEP) {
            capacity += capacity / 2 + 2 * READ_STEP;
            char *larger = memory_resize(context, bytes, capacity + 1);
            if (!larger) {
                memory_free(context, bytes);
                close(fd);
                return NULL;
            }
            bytes = larger;
        }
        got = read(fd, bytes + used, capacity - used);
        used += got > 0 ? (size_t)got : 0;
    } while (got > 0 || (got < 0 && errno == EINTR));
    int why = errno;
    close(fd);
    if (got < 0) {
        report_error(context, "cannot read `%s`: %s", path, strerror(why));
        memory_free(context, bytes);
        return NULL;
    }
    bytes[used] = 0;
    *length = used;
    return bytes;
}
