/* cache.c: what was compiled once is not compiled again. An entry is a file in
 * $XDG_CACHE_HOME/gradc (or ~/.cache/gradc), named after a hash of all that its contents depend on:
 * this build of gradc, the command line, the text of the model and of what it imports, the
 * processor. Executables, libraries and objects are kept, with the header beside them, what --run
 * needs, and the warnings, which are shown again. An entry comes into its place whole, by rename,
 * so that any number of compilers may share a folder; its checksum is tested before it is used. A
 * cache that cannot be read or written is none: it is never an error. */
#include "config.h"
#include "driver/driver.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char magic[8] = "gradc c1";
static const char suffix[] = ".entry";
static const char unfinished[] = ".new-";

/* The largest sum of all entries, unless GRADC_CACHE_LIMIT says otherwise; what is older goes until
 * three quarters are left. */
static const int64_t default_limit = (int64_t)256 << 20;

enum { STALE_SECONDS = 3600 }; /* an unfinished entry of that age has no writer any more */

typedef struct {
    char magic[sizeof magic];
    uint8_t key[HASH_BYTES], checksum[HASH_BYTES]; /* checksum: of all that follows it */
    uint64_t lapack;
    uint64_t lengths[CACHE_PARTS]; /* without the zero that ends each part */
} Head;

/* ---- the folder --------------------------------------------------------------------------------
 */

/* NULL: there is none, and none can be made. */
static const char *find_folder(Arena *arena) {
    const char *base = getenv("XDG_CACHE_HOME");
    if (base == NULL || base[0] != '/') {
        const char *home = getenv("HOME");
        if (home == NULL || home[0] != '/') {
            return NULL;
        }
        base = arena_format(arena, "%s/.cache", home);
    }
    const char *folder = arena_format(arena, "%s/gradc", base);
    if (access(folder, R_OK | X_OK) == 0) {
        return folder;
    }
    mkdir(base, 0700);
    return mkdir(folder, 0700) == 0 ? folder : NULL;
}

static int64_t size_limit(void) {
    const char *text = getenv("GRADC_CACHE_LIMIT");
    char *end = NULL;
    long long value = text != NULL ? strtoll(text, &end, 10) : 0;
    return text != NULL && end != text && *end == '\0' && value >= 0 ? value : default_limit;
}

/* ---- the key -----------------------------------------------------------------------------------
 */

enum { BUILD_ID_NOTE = 3 };

/* The build id that the linker gave this program: every build is another compiler. */
static int add_build_id(struct dl_phdr_info *program, size_t size, void *to) {
    (void)size;
    for (int k = 0; k < program->dlpi_phnum; k++) {
        const ElfW(Phdr) *segment = &program->dlpi_phdr[k];
        if (segment->p_type != PT_NOTE) {
            continue;
        }
        const char *at = (const char *)(program->dlpi_addr + segment->p_vaddr);
        const char *end = at + segment->p_memsz;
        while ((size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
            const ElfW(Nhdr) *note = (const void *)at;
            const char *name = at + sizeof *note;
            const char *value = name + ((note->n_namesz + 3) & ~3U);
            if (note->n_type == BUILD_ID_NOTE && note->n_namesz == 4 &&
                memcmp(name, "GNU", 4) == 0) {
                hash_add_text(to, value, note->n_descsz);
                return 1;
            }
            at = value + ((note->n_descsz + 3) & ~3U);
        }
    }
    return -1; /* the program itself comes first: it has none */
}

static void add_string(Hash *hash, const char *text) {
    hash_add_text(hash, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

/* The linker's own version shows in what it makes. */
static void add_linker(Hash *hash) {
    struct stat file;
    if (*GRADC_LINKER != '\0' && stat(GRADC_LINKER, &file) == 0) {
        int64_t facts[] = {file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec};
        hash_add(hash, facts, sizeof facts);
    }
    add_string(hash, getenv("GRADC_CC"));
}

/* False: this gradc has no build id. */
static bool make_key(const Compiler *compiler, const Imported *imported, uint8_t *key) {
    const Options *options = compiler->options;
    Hash hash;
    hash_init(&hash);
    if (dl_iterate_phdr(add_build_id, &hash) != 1) {
        return false;
    }
    add_string(&hash, llvm_version());
    add_linker(&hash);
    const char *cpu = output_llvm_options(compiler).cpu;
    if (cpu != NULL && strcmp(cpu, "native") == 0) {
        add_string(&hash, llvm_host(compiler->arena));
    }
    for (size_t k = 0; k < options->command.count; k++) {
        add_string(&hash, options->command.items[k]);
    }
    if (options->task == TASK_EMIT && options->kind == EMIT_archive) {
        add_string(&hash, options->output); /* its member is named after it */
    }
    if (options->debug) {
        char *folder = getcwd(NULL, 0); /* lines are those of a file in it */
        add_string(&hash, folder);
        free(folder);
    }
    uint8_t color = diags_colored(options->color);
    hash_add(&hash, &color, 1);
    for (size_t k = 0; k < imported->file_count; k++) {
        const Source *source = sources_get(compiler->front.sources, imported->files[k]);
        add_string(&hash, source->path);
        hash_add_text(&hash, source->text, source->length);
    }
    hash_end(&hash, key);
    return true;
}

/* Is what is asked for kept at all? Not where files are linked that are no models. */
static bool is_kept(const Compiler *compiler) {
    const Options *options = compiler->options;
    for (int k = 0; k < DUMP_COUNT; k++) {
        if (options->dump[k]) {
            return false;
        }
    }
    bool kind = options->kind == EMIT_exe || options->kind == EMIT_obj ||
                options->kind == EMIT_shared || options->kind == EMIT_archive;
    return !options->no_cache && options->objects.count == 0 &&
           diags_errors(compiler->front.diags) == 0 &&
           (options->task == TASK_RUN || (options->task == TASK_EMIT && kind));
}

/* ---- finding -----------------------------------------------------------------------------------
 */

static void checksum_of(const Head *head, const char *parts, size_t length, uint8_t *result) {
    Hash hash;
    hash_init(&hash);
    hash_add(&hash, &head->lapack, sizeof head->lapack);
    hash_add(&hash, head->lengths, sizeof head->lengths);
    hash_add(&hash, parts, length);
    hash_end(&hash, result);
}

/* Takes the parts of an entry's bytes; false: it is damaged. */
static bool take_parts(Cache *cache, const char *bytes, size_t length) {
    Head head;
    uint8_t checksum[HASH_BYTES];
    if (length < sizeof head) {
        return false;
    }
    memcpy(&head, bytes, sizeof head);
    bytes += sizeof head;
    length -= sizeof head;
    checksum_of(&head, bytes, length, checksum);
    if (memcmp(head.magic, magic, sizeof magic) != 0 ||
        memcmp(head.key, cache->key, sizeof head.key) != 0 ||
        memcmp(head.checksum, checksum, sizeof checksum) != 0) {
        return false;
    }
    for (int k = 0; k < CACHE_PARTS; k++) {
        if (head.lengths[k] >= length) {
            return false;
        }
        cache->parts[k] = (CachePart){bytes, head.lengths[k]};
        bytes += head.lengths[k] + 1;
        length -= head.lengths[k] + 1;
    }
    cache->lapack = head.lapack != 0;
    return length == 0;
}

bool cache_find(Compiler *compiler, const Imported *imported) {
    Cache *cache = &compiler->cache;
    const char *folder = is_kept(compiler) ? find_folder(compiler->arena) : NULL;
    if (folder == NULL || !make_key(compiler, imported, cache->key)) {
        return false;
    }
    char name[2 * HASH_BYTES + 1];
    for (int k = 0; k < HASH_BYTES; k++) {
        snprintf(name + 2 * k, 3, "%02x", cache->key[k]);
    }
    cache->folder = folder;
    cache->path = arena_format(compiler->arena, "%s/%s%s", folder, name, suffix);
    struct stat file;
    if (compiler->options->verbose || stat(cache->path, &file) != 0 ||
        file.st_uid != geteuid()) { /* -v shows commands: they are run */
        return false;
    }
    size_t length;
    const char *error;
    const char *bytes = file_read(compiler->arena, cache->path, &length, &error);
    if (bytes == NULL) {
        return false;
    }
    if (!take_parts(cache, bytes, length)) {
        unlink(cache->path);
        memset(cache->parts, 0, sizeof cache->parts);
        return false;
    }
    utimensat(AT_FDCWD, cache->path, NULL, 0); /* what is used stays longest */
    cache->found = true;
    return true;
}

/* ---- keeping -----------------------------------------------------------------------------------
 */

typedef struct {
    const char *path;
    int64_t size;
    struct timespec used;
} Entry;

static int by_age(const void *a, const void *b) {
    const struct timespec *x = &((const Entry *)a)->used;
    const struct timespec *y = &((const Entry *)b)->used;
    return x->tv_sec != y->tv_sec ? (x->tv_sec < y->tv_sec ? -1 : 1)
                                  : (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text);
    size_t own = strlen(end);
    return length > own && strcmp(text + length - own, end) == 0;
}

/* Takes the oldest entries away where all are too large, and what was never finished. */
static void evict(Arena *arena, const char *folder) {
    Entry *entries = NULL;
    size_t count = 0;
    size_t capacity = 0;
    int64_t total = 0;
    time_t now = time(NULL);
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        return;
    }
    for (struct dirent *item; (item = readdir(directory)) != NULL;) {
        struct stat file;
        if (fstatat(dirfd(directory), item->d_name, &file, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(file.st_mode)) {
            continue;
        }
        if (strncmp(item->d_name, unfinished, strlen(unfinished)) == 0) {
            if (now - file.st_mtim.tv_sec > STALE_SECONDS) {
                unlinkat(dirfd(directory), item->d_name, 0);
            }
        } else if (ends_with(item->d_name, suffix)) {
            entries = arena_grow(arena, entries, count, &capacity, sizeof *entries);
            entries[count++] = (Entry){arena_format(arena, "%s/%s", folder, item->d_name),
                                       file.st_size, file.st_mtim};
            total += file.st_size;
        }
    }
    closedir(directory);
    int64_t limit = size_limit();
    if (total <= limit) {
        return;
    }
    qsort(entries, count, sizeof *entries, by_age);
    for (size_t k = 0; k < count && total > limit / 4 * 3; k++) {
        unlink(entries[k].path);
        total -= entries[k].size;
    }
}

static bool write_all(int file, const char *data, size_t length) {
    while (length > 0) {
        ssize_t done = write(file, data, length);
        if (done <= 0) {
            return false;
        }
        data += done;
        length -= (size_t)done;
    }
    return true;
}

void cache_keep(const Compiler *compiler) {
    const Cache *cache = &compiler->cache;
    Arena *arena = compiler->arena;
    if (cache->path == NULL || cache->found || cache->parts[CACHE_code].data == NULL) {
        return;
    }
    Head head = {.lapack = cache->lapack};
    Text parts;
    text_init(&parts, arena);
    memcpy(head.magic, magic, sizeof magic);
    memcpy(head.key, cache->key, sizeof head.key);
    for (int k = 0; k < CACHE_PARTS; k++) {
        head.lengths[k] = cache->parts[k].length;
        text_add_bytes(&parts, cache->parts[k].data, cache->parts[k].length);
        text_add_bytes(&parts, "", 1);
    }
    checksum_of(&head, parts.data, parts.length, head.checksum);
    char *name = arena_format(arena, "%s/%sXXXXXX", cache->folder, unfinished);
    int file = mkostemp(name, O_CLOEXEC);
    if (file < 0) {
        return;
    }
    bool good = write_all(file, (const char *)&head, sizeof head) &&
                write_all(file, parts.data, parts.length);
    if (close(file) != 0 || !good || rename(name, cache->path) != 0) {
        unlink(name);
        return;
    }
    evict(arena, cache->folder);
}
