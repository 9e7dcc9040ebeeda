/* static.c: linked into trainers of `gradc --static`: the linker (--wrap) puts these in the places
 * of dlopen and dlsym. An executable without a dynamic loader opens no shared libraries, and says
 * so (runtime/library.c); libc's own would work beside the very C library that it came with only.
 */
#include <stddef.h>

extern const char gradc_static;
const char gradc_static = 1;

void *__wrap_dlopen(const char *file, int mode);
void *__wrap_dlsym(void *handle, const char *name);

void *__wrap_dlopen(const char *file, int mode) {
    (void)file;
    (void)mode;
    return NULL;
}

void *__wrap_dlsym(void *handle, const char *name) {
    (void)handle;
    (void)name;
    return NULL;
}
