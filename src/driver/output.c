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

/* An object file, or an executable or a library of one. */
static bool write_object(const Compiler *compiler, Llvm *llvm, bool lapack, const char *path) {
    size_t length;
    const void *object = llvm_object(llvm, compiler->arena, &length);
    if (compiler->options->kind == EMIT_obj) {
        write_or_die(compiler, path, object, length);
        return true;
    }
    LinkKind kind = compiler->options->kind == EMIT_exe      ? LINK_EXECUTABLE
                    : compiler->options->kind == EMIT_shared ? LINK_SHARED
                                                             : LINK_ARCHIVE;
    return link_object(compiler, kind, object, length, lapack, path);
}

static bool write_machine(const Compiler *compiler, const Unit *unit, const char *path) {
    EmitKind kind = compiler->options->kind;
    LlvmOptions options = output_llvm_options(compiler);
    Llvm *llvm = llvm_build(compiler->arena, unit, &options);
    bool ok = true;
    size_t length;
    const void *data;
    if (kind == EMIT_llvm) {
        data = llvm_text(llvm, compiler->arena);
        write_or_die(compiler, path, data, strlen(data));
    } else if (kind == EMIT_bc) {
        data = llvm_bitcode(llvm, compiler->arena, &length);
        write_or_die(compiler, path, data, length);
    } else if (kind == EMIT_asm) {
        data = llvm_assembly(llvm, compiler->arena, &length);
        write_or_die(compiler, path, data, length);
    } else {
        ok = write_object(compiler, llvm, unit_uses_lapack(unit), path);
    }
    llvm_free(llvm);
    return ok;
}

Status output_unit(Compiler *compiler, const Unit *unit) {
    EmitKind kind = compiler->options->kind;
    const char *path = output_path(compiler->options, compiler->arena);
    const char *header = kind == EMIT_header ? path : header_path(compiler->arena, path);
    bool ok = true;
    if (kind == EMIT_c) {
        write_c(compiler, unit, path);
    } else if (kind != EMIT_header) {
        ok = write_machine(compiler, unit, path);
    }
    if (ok && (kind == EMIT_header || (has_header(kind) && !is_stdout(path)))) {
        const char *text = emit_header(compiler->arena, unit);
        write_or_die(compiler, header, text, strlen(text));
    }
    return ok ? STATUS_OK : STATUS_ERROR;
}
