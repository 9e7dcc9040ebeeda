/* output.c: what is made, into files: names, headers beside objects, nothing half written. */
#include "driver/driver.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- names ---------------------------------------------------------------------------------- */

static bool is_stdout(const char *path) {
    return strcmp(path, "-") == 0;
}

/* The file name of a path, without its last suffix. */
static const char *stem(Arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t length = dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name);
    return arena_copy(arena, name, length);
}

/* Where the output goes: -o, or named after the input, in the current folder, as cc does. */
static const char *output_path(const Options *options, Arena *arena) {
    if (options->output != NULL) {
        return options->output;
    }
    const char *name = is_stdout(options->input) ? "stdin" : stem(arena, options->input);
    return arena_format(arena, "%s%s", name, emit_rows[options->kind].suffix);
}

/* The header beside an output: out/line.o → out/line.h. */
static const char *header_path(Arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    int folder = slash != NULL ? (int)(slash + 1 - path) : 0;
    return arena_format(arena, "%.*s%s.h", folder, path, stem(arena, path));
}

static bool same_file(const char *a, const char *b) {
    struct stat sa;
    struct stat sb;
    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
           sa.st_ino == sb.st_ino;
}

static bool has_header(EmitKind kind) {
    return kind == EMIT_obj || kind == EMIT_c || kind == EMIT_shared || kind == EMIT_archive;
}

static bool may_write(const Options *options, const char *path) {
    if (is_stdout(path) || !same_file(path, options->input)) {
        return true;
    }
    usage_error("the output `%s` is the model itself", path);
    return false;
}

bool output_check(const Options *options, Arena *arena) {
    bool emits = options->task == TASK_EMIT && options->kind != EMIT_text;
    if (options->task == TASK_FMT || (!emits && options->output == NULL)) {
        return true; /* --fmt -o FILE may write over the file: that is what it is for */
    }
    const char *path = output_path(options, arena);
    if (emits && is_stdout(path) && (options->kind == EMIT_exe || options->kind == EMIT_shared)) {
        usage_error("an executable cannot go to standard output");
        return false;
    }
    return may_write(options, path) && (!emits || is_stdout(path) || !has_header(options->kind) ||
                                        may_write(options, header_path(arena, path)));
}

/* ---- writing -------------------------------------------------------------------------------- */

static void write_or_die(const Compiler *compiler, const char *path, const void *data,
                         size_t length) {
    const char *error = file_write(compiler->arena, path, data, length, false);
    if (error != NULL) {
        fatal("%s", error);
    }
}

Status output_text(const Compiler *compiler, const char *text) {
    const Options *options = compiler->options;
    bool file = options->task == TASK_EMIT && *emit_rows[options->kind].suffix != '\0';
    const char *path = options->output != NULL ? options->output : "-";
    if (file) {
        path = output_path(options, compiler->arena);
    }
    write_or_die(compiler, path, text, strlen(text));
    return STATUS_OK;
}

LlvmOptions output_llvm_options(const Compiler *compiler) {
    const Options *options = compiler->options;
    bool trainer =
        options->task == TASK_RUN || (options->task == TASK_EMIT && options->kind == EMIT_exe);
    return (LlvmOptions){.level = options->level,
                         .cpu = options->cpu != NULL ? options->cpu
                                : trainer            ? "native"
                                                     : NULL,
                         .debug = options->debug,
                         .strict = options->strict,
                         .pic = true,
                         .verify = true,
                         .time_passes = options->time_passes};
}

/* C source; to standard output the header comes in place of its #include. */
static void write_c(const Compiler *compiler, const Unit *unit, const char *path) {
    Arena *arena = compiler->arena;
    const char *header = header_path(arena, is_stdout(path) ? unit->prefix : path);
    const char *slash = strrchr(header, '/');
    const char *name = slash != NULL ? slash + 1 : header;
    const char *source = emit_c(arena, unit, name);
    if (!is_stdout(path)) {
        write_or_die(compiler, path, source, strlen(source));
        return;
    }
    const char *line = arena_format(arena, "#include \"%s\"\n", name);
    const char *at = strstr(source, line);
    if (at == NULL) {
        ice("emit", "the C source does not include its header");
    }
    const char *whole = arena_format(arena, "%.*s%s%s", (int)(at - source), source,
                                     emit_header(arena, unit), at + strlen(line));
    write_or_die(compiler, path, whole, strlen(whole));
}

static void keep(Compiler *compiler, int part, const void *data, size_t length) {
    compiler->cache.parts[part] = (CachePart){data, length};
}

size_t output_objects(Compiler *compiler, const Unit *unit) {
    LlvmOptions options = output_llvm_options(compiler);
    options.times = &compiler->llvm_times;
    CachePart *code = &compiler->cache.parts[CACHE_code];
    size_t count = llvm_objects(compiler->arena, unit, &options, code);
    compiler->cache.lapack = unit_uses_lapack(unit);
    compile_time(compiler, TIME_build);
    return count;
}

/* Makes an object file, or an executable or a library of one; false: reported. */
static bool make_code(Compiler *compiler, const Unit *unit, const char *path) {
    static const LinkKind links[EMIT_COUNT] = {
        [EMIT_exe] = LINK_EXECUTABLE, [EMIT_shared] = LINK_SHARED, [EMIT_archive] = LINK_ARCHIVE};
    EmitKind kind = compiler->options->kind;
    const CachePart *code = &compiler->cache.parts[CACHE_code];
    const size_t count = output_objects(compiler, unit);
    if (kind != EMIT_obj) {
        size_t length = 0;
        const char *linked =
            link_objects(compiler, links[kind], code, count, compiler->cache.lapack, path, &length);
        memset(&compiler->cache.parts[CACHE_code], 0, OBJECTS_MOST * sizeof(CachePart));
        keep(compiler, CACHE_code, linked, length);
        compile_time(compiler, TIME_link);
    }
    return code->data != NULL;
}

static void write_code(const Compiler *compiler, const char *path) {
    EmitKind kind = compiler->options->kind;
    const CachePart *code = &compiler->cache.parts[CACHE_code];
    const char *error = file_write(compiler->arena, path, code->data, code->length,
                                   kind == EMIT_exe || kind == EMIT_shared);
    if (error != NULL) {
        fatal("%s", error);
    }
}

/* LLVM's own forms: text, bitcode, assembly. */
static void write_llvm(Compiler *compiler, const Unit *unit, const char *path) {
    EmitKind kind = compiler->options->kind;
    LlvmOptions options = output_llvm_options(compiler);
    options.times = &compiler->llvm_times;
    Llvm *llvm = llvm_build(compiler->arena, unit, &options);
    size_t length = 0;
    const char *data = kind == EMIT_llvm ? llvm_text(llvm, compiler->arena)
                       : kind == EMIT_bc ? llvm_bitcode(llvm, compiler->arena, &length)
                                         : llvm_assembly(llvm, compiler->arena, &length);
    llvm_free(llvm);
    compile_time(compiler, TIME_build);
    write_or_die(compiler, path, data, kind == EMIT_llvm ? strlen(data) : length);
}

static bool is_code(EmitKind kind) {
    return kind == EMIT_exe || kind == EMIT_obj || kind == EMIT_shared || kind == EMIT_archive;
}

Status output_unit(Compiler *compiler, const Unit *unit) {
    EmitKind kind = compiler->options->kind;
    const char *path = output_path(compiler->options, compiler->arena);
    const char *header = kind == EMIT_header ? path : header_path(compiler->arena, path);
    if (kind == EMIT_c) {
        write_c(compiler, unit, path);
    } else if (is_code(kind)) {
        if (!make_code(compiler, unit, path)) {
            return STATUS_ERROR;
        }
        write_code(compiler, path);
    } else if (kind != EMIT_header) {
        write_llvm(compiler, unit, path);
    }
    compile_time(compiler, TIME_write);
    if (kind == EMIT_header || has_header(kind)) {
        const char *text = emit_header(compiler->arena, unit);
        keep(compiler, CACHE_header, text, strlen(text));
        compile_time(compiler, TIME_emit);
        if (kind == EMIT_header || !is_stdout(path)) {
            write_or_die(compiler, header, text, strlen(text));
        }
    }
    return STATUS_OK;
}

void output_cached(Compiler *compiler) {
    const CachePart *header = &compiler->cache.parts[CACHE_header];
    const char *path = output_path(compiler->options, compiler->arena);
    write_code(compiler, path);
    if (has_header(compiler->options->kind) && !is_stdout(path)) {
        write_or_die(compiler, header_path(compiler->arena, path), header->data, header->length);
    }
}
