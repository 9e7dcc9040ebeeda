/* link.c: objects to an executable, a shared library or an archive, in a private folder that is
 * always removed: by the linker itself where configure found all that it needs and the model brings
 * no objects of its own, else by cc; or by ar. */
#include "config.h"
#include "driver/driver.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { PATH_SIZE = 4096, WORD_LIMIT = 32 };

static const char runtime_name[] = "libgradc-runtime.a";
static const char start_name[] = "gradc-start.o"; /* the runtime, behind what begins a program */
static const char end_name[] = "gradc-end.o";
static const char static_name[] = "gradc-static.o"; /* instead of the dynamic loader */

/* ---- where the runtime is ------------------------------------------------------------------- */

/* The folder of this executable, or NULL. */
static const char *own_folder(Arena *arena) {
    char path[PATH_SIZE];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path);
    if (length <= 0 || length == (ssize_t)sizeof path) {
        return NULL;
    }
    while (length > 0 && path[length - 1] != '/') {
        length--;
    }
    return arena_copy(arena, path, (size_t)length);
}

/* A file of gradc's own; NULL: it is at none of its places. */
static const char *find_own(Arena *arena, const char *name) {
    const char *folder = own_folder(arena);
    const char *places[3];
    size_t count = 0;
    if (folder != NULL) {
        places[count++] = arena_format(arena, "%s%s", folder, name); /* a build tree */
        places[count++] = arena_format(arena, "%s../lib/gradc/%s", folder, name);
    }
    places[count++] = arena_format(arena, "%s/%s", GRADC_PKGLIBDIR, name);
    for (size_t k = 0; k < count; k++) {
        if (access(places[k], R_OK) == 0) {
            return places[k];
        }
    }
    return NULL;
}

const char *link_runtime(Arena *arena) {
    return find_own(arena, runtime_name);
}

/* ---- commands ------------------------------------------------------------------------------- */

typedef struct {
    Arena *arena;
    char *words[WORD_LIMIT]; /* then NULL */
    size_t count;
} Command;

static void add(Command *command, const char *word) {
    if (command->count + 1 < WORD_LIMIT) {
        command->words[command->count++] = arena_copy(command->arena, word, strlen(word));
    }
}

/* Words separated by blanks, as configure writes flags. */
static void add_words(Command *command, const char *words) {
    while (*words != '\0') {
        size_t length = strcspn(words, " ");
        if (length > 0) {
            add(command, arena_copy(command->arena, words, length));
        }
        words += length;
        words += *words == ' ';
    }
}

static const char *command_text(const Command *command) {
    Text text;
    text_init(&text, command->arena);
    for (size_t k = 0; k < command->count; k++) {
        text_format(&text, k > 0 ? " %s" : "%s", command->words[k]);
    }
    return text.data;
}

/* Runs a command to its end. While it runs, signals wait: the folder is removed before one ends us,
 * and the command, which has them, ends at once. A silent one's messages are dropped. Returns its
 * exit status, or -1 with errno. */
static int run_command(Command *command, const sigset_t *unblocked, bool silent) {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status;
    posix_spawn_file_actions_init(&actions);
    if (silent) {
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, unblocked);
    errno = posix_spawnp(&child, command->words[0], &actions, &attributes, command->words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (errno != 0) {
        return -1;
    }
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool run_or_report(const Compiler *compiler, Command *command, const sigset_t *unblocked,
                          bool lapack) {
    bool verbose = compiler->options->verbose;
    if (verbose) {
        fprintf(stderr, "%s\n", command_text(command));
    }
    int status = run_command(command, unblocked, false);
    if (status == 0) {
        return true;
    }
    if (status < 0) {
        fprintf(stderr, "gradc: error: cannot run `%s`: %s; it is needed to link",
                command->words[0], strerror(errno));
        fputs(errno == ENOENT ? " (on Debian: apt-get install gcc)\n" : "\n", stderr);
    } else {
        fprintf(stderr, "gradc: error: `%s` failed with status %d%s\n", command->words[0], status,
                verbose ? "" : "; -v shows the command");
        if (compiler->model->external_count > 0) {
            fputs("gradc: note: the model has extern functions: name their objects, sources or"
                  " libraries too\n",
                  stderr);
        }
        if (lapack) {
            fputs(compiler->options->is_static
                      ? "gradc: note: the model uses linear algebra; --static needs liblapack.a, "
                        "libblas.a"
                        " and libgfortran.a (on Debian: apt-get install liblapack-dev gfortran)\n"
                      : "gradc: note: the model uses linear algebra and is linked with LAPACK"
                        " (on Debian: apt-get install liblapack-dev)\n",
                  stderr);
        }
    }
    return false;
}

/* ---- what is linked ------------------------------------------------------------------------- */

static const char *compiler_name(void) {
    const char *name = getenv("GRADC_CC");
    return name != NULL && *name != '\0' ? name : "cc";
}

/* LAPACK and what it calls: archives do not name what they need. */
static const char static_lapack[] = "-llapack -lblas -lgfortran -lquadmath";

/* A file of ours that an executable is linked with; false: it is missing (reported). */
static bool add_own(Command *command, const char *name) {
    const char *path = find_own(command->arena, name);
    if (path == NULL) {
        fprintf(stderr, "gradc: error: `%s` is found neither beside gradc nor in `%s`\n", name,
                GRADC_PKGLIBDIR);
        return false;
    }
    add(command, path);
    return true;
}

/* The files of the code, and what they become. */
typedef struct {
    const char *objects[OBJECTS_MOST];
    size_t count;
    const char *result;
    bool lapack;
} Files;

static void add_objects(Command *command, const Files *files) {
    for (size_t k = 0; k < files->count; k++) {
        add(command, files->objects[k]);
    }
}

static bool build_command(Command *command, const Options *options, LinkKind kind,
                          const Files *files) {
    const Words *objects = &options->objects;
    switch (kind) {
    case LINK_ARCHIVE:
        add(command, "ar");
        add(command, "crD");
        add(command, files->result);
        add_objects(command, files);
        return true;
    case LINK_SHARED:
        add(command, compiler_name());
        add(command, "-shared");
        break;
    case LINK_EXECUTABLE:
        add(command, compiler_name());
        break;
    }
    add(command, "-o");
    add(command, files->result);
    add_objects(command, files);
    for (size_t k = 0; k < objects->count; k++) {
        add(command, objects->items[k]);
    }
    if (kind == LINK_EXECUTABLE) {
        if ((options->is_static && !add_own(command, static_name)) ||
            !add_own(command, runtime_name)) {
            return false;
        }
        add_words(command, GRADC_SANITIZE);
        add(command, "-pthread");
    }
    if (options->is_static) {
        add_words(command, "-static -Wl,--wrap=dlopen -Wl,--wrap=dlsym");
        add_words(command, options->debug ? "" : "-s");
    }
    if (files->lapack) {
        add_words(command, options->is_static ? static_lapack : "-llapack");
    }
    add(command, "-lm");
    return true;
}

/* The linker's own command; false where cc is needed: for objects and libraries of the user's, for
 * LAPACK, for a runtime that debuggers see, and where GRADC_CC asks for it. */
static bool build_direct(Command *command, const Options *options, LinkKind kind,
                         const Files *files) {
    const char *asked = getenv("GRADC_CC");
    const char *start = find_own(command->arena, start_name);
    const char *end = find_own(command->arena, end_name);
    if (*GRADC_LINKER == '\0' || kind == LINK_ARCHIVE || options->objects.count > 0 ||
        files->lapack || options->is_static || options->debug ||
        (asked != NULL && *asked != '\0') || start == NULL || end == NULL) {
        return false;
    }
    add(command, GRADC_LINKER);
    add_words(command, "--eh-frame-hdr --hash-style=gnu --as-needed -z relro -z now");
    if (kind == LINK_EXECUTABLE) {
        add_words(command, "-pie -dynamic-linker " GRADC_INTERPRETER);
    } else {
        add(command, "-shared");
    }
    add(command, "-o");
    add(command, files->result);
    if (kind == LINK_EXECUTABLE) {
        add(command, start);
    }
    add_objects(command, files);
    if (kind == LINK_EXECUTABLE) {
        add(command, end);
    }
    add_words(command, GRADC_LIBRARIES);
    return true;
}

/* Silent: where it fails, cc follows, and tells why. */
static bool link_direct(const Compiler *compiler, LinkKind kind, const Files *files,
                        const sigset_t *unblocked) {
    Command command = {.arena = compiler->arena};
    if (!build_direct(&command, compiler->options, kind, files)) {
        return false;
    }
    if (compiler->options->verbose) {
        fprintf(stderr, "%s\n", command_text(&command));
    }
    return run_command(&command, unblocked, true) == 0;
}

static bool link_by_cc(const Compiler *compiler, LinkKind kind, const Files *files,
                       const sigset_t *unblocked) {
    Command command = {.arena = compiler->arena};
    return build_command(&command, compiler->options, kind, files) &&
           run_or_report(compiler, &command, unblocked, files->lapack);
}

/* Writes the objects into the folder, links them there and reads the result. NULL: reported. */
static const char *link_in(const Compiler *compiler, const char *folder, LinkKind kind,
                           const CachePart *objects, size_t count, bool lapack, const char *output,
                           size_t *size, const sigset_t *unblocked) {
    Arena *arena = compiler->arena;
    const char *slash = strrchr(output, '/');
    const char *name = slash != NULL ? slash + 1 : output;
    Files files = {.result = arena_format(arena, "%s/%s", folder, name), .lapack = lapack};
    const char *linked = NULL;
    const char *error = NULL;
    for (size_t k = 0; k < count && error == NULL; k++) {
        const char *part = k > 0 ? arena_format(arena, ".%zu", k + 1) : "";
        const char *path = arena_format(arena, "%s/%s%s.o", folder, name, part);
        error = file_write(arena, path, objects[k].data, objects[k].length, false);
        files.objects[files.count++] = path;
    }
    if (error == NULL && (link_direct(compiler, kind, &files, unblocked) ||
                          link_by_cc(compiler, kind, &files, unblocked))) {
        linked = file_read(arena, files.result, size, &error);
    }
    if (error != NULL) {
        fprintf(stderr, "gradc: error: %s\n", error);
    }
    for (size_t k = 0; k < files.count; k++) {
        unlink(files.objects[k]);
    }
    unlink(files.result);
    return linked;
}

static void block_signals(sigset_t *before) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGPIPE);
    sigprocmask(SIG_BLOCK, &set, before);
}

/* Makes a shared library of the objects and opens it. */
static void *load_in(const Compiler *compiler, const char *folder, const sigset_t *unblocked) {
    const Words *objects = &compiler->options->objects;
    char *library = arena_format(compiler->arena, "%s/extern.so", folder);
    Command command = {.arena = compiler->arena};
    void *handle = NULL;
    add(&command, compiler_name());
    add(&command, "-shared");
    add(&command, "-fPIC");
    add(&command, "-O2");
    add(&command, "-o");
    add(&command, library);
    for (size_t k = 0; k < objects->count; k++) {
        add(&command, objects->items[k]);
    }
    add(&command, "-lm");
    if (run_or_report(compiler, &command, unblocked, false)) {
        handle = dlopen(library, RTLD_NOW | RTLD_GLOBAL);
        if (handle == NULL) {
            fprintf(stderr, "gradc: error: cannot load the extern functions: %s\n", dlerror());
        }
    }
    unlink(library);
    return handle;
}

void *link_load(const Compiler *compiler) {
    const char *tmp = getenv("TMPDIR");
    char *folder = arena_format(compiler->arena, "%s/gradc.XXXXXX",
                                tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
    sigset_t before;
    void *handle = NULL;
    block_signals(&before);
    if (mkdtemp(folder) != NULL) {
        handle = load_in(compiler, folder, &before);
        rmdir(folder);
    } else {
        fprintf(stderr, "gradc: error: cannot make a folder in `%s`: %s\n",
                tmp != NULL && *tmp != '\0' ? tmp : "/tmp", strerror(errno));
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return handle;
}

const char *link_objects(const Compiler *compiler, LinkKind kind, const CachePart *objects,
                         size_t count, bool lapack, const char *output, size_t *size) {
    const char *tmp = getenv("TMPDIR");
    char *folder = arena_format(compiler->arena, "%s/gradc.XXXXXX",
                                tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
    const char *linked = NULL;
    sigset_t before;
    block_signals(&before);
    if (mkdtemp(folder) != NULL) {
        linked = link_in(compiler, folder, kind, objects, count, lapack, output, size, &before);
        rmdir(folder);
    } else {
        fprintf(stderr, "gradc: error: cannot make a folder in `%s`: %s\n",
                tmp != NULL && *tmp != '\0' ? tmp : "/tmp", strerror(errno));
    }
    sigprocmask(SIG_SETMASK, &before, NULL); /* one that waited ends us here */
    return linked;
}
