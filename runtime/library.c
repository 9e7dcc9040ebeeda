/* library.c: opens shared libraries by their names, on first use. */
#include "runtime/library.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *file, *variable, *package;
} libraries[] = {
    [LIBRARY_Z] = {"libz.so.1", "GRADC_LIBZ", "zlib1g"},
    [LIBRARY_ZSTD] = {"libzstd.so.1", "GRADC_LIBZSTD", "libzstd1"},
    [LIBRARY_SQLITE] = {"libsqlite3.so.0", "GRADC_LIBSQLITE3", "libsqlite3-0"},
    [LIBRARY_CAIRO] = {"libcairo.so.2", "GRADC_LIBCAIRO", "libcairo2"},
};

/* Defined in trainers that are linked statically: they load nothing. */
extern const char gradc_static __attribute__((weak));

static bool no_library(Context *context, LibraryId id, const char *file, const char *purpose) {
    if (&gradc_static) {
        return report_error(context,
                            "cannot %s: this trainer was made with --static and loads no "
                            "libraries; `%s` would be needed",
                            purpose, file);
    }
    return report_error(context,
                        "cannot %s without the library `%s`, which cannot be loaded (on Debian: "
                        "apt-get install %s; %s=FILE in the environment says where it is)",
                        purpose, file, libraries[id].package, libraries[id].variable);
}

/* The file that is asked for, and its handle, which stays until the program ends; or NULL. */
static void *open_file(LibraryId id, const char **file) {
    const char *given = getenv(libraries[id].variable);
    *file = given && *given ? given : libraries[id].file;
    return dlopen(*file, RTLD_NOW | RTLD_LOCAL);
}

bool library_there(LibraryId id) {
    const char *file;
    return open_file(id, &file) != NULL;
}

bool library_open(Context *context, LibraryId id, const char *purpose, const LibrarySymbol *symbols,
                  size_t count, void *table) {
    const char *file;
    void *handle = open_file(id, &file);
    if (!handle) {
        return no_library(context, id, file, purpose);
    }
    for (size_t i = 0; i < count; i++) {
        void *address = dlsym(handle, symbols[i].name);
        if (!address) {
            return report_error(context, "cannot %s: the library `%s` has no function `%s`",
                                purpose, file, symbols[i].name);
        }
        memcpy((char *)table + symbols[i].offset, &address, sizeof address);
    }
    return true;
}
