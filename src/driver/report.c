/* report.c: --report: what each function costs: floating-point operations, those of a derivative
 * in relation to those of its function, bytes of arguments and of scratch memory; and which
 * rewrites were made. */
#include "driver/driver.h"

#include <string.h>

enum { UNKNOWN_DIM = 100, ROWS = 1000 };

/* The value that a size has in the report: its own, or a round one. */
static int64_t size_value(const Ir *ir, Dim symbol) {
    int64_t value;
    if (symbol == ir->sample_dim) {
        return ROWS;
    }
    return dim_value(ir, symbol, &value) ? value : UNKNOWN_DIM;
}

static int64_t *sizes(Arena *arena, const Ir *ir) {
    size_t count = dim_symbol_count(ir);
    int64_t *values = arena_array(arena, int64_t, count + 1);
    for (size_t k = 0; k < count; k++) {
        values[k] = size_value(ir, dim_symbol_at(ir, k));
    }
    return values;
}

static LoopArgValue *arguments(Arena *arena, const LoopProgram *program, const int64_t *values) {
    LoopArgValue *args = arena_array(arena, LoopArgValue, program->arg_count + 1);
    for (size_t k = 0; k < program->arg_count; k++) {
        if (program->args[k].role == ARG_DIM) {
            args[k].integer = values[program->args[k].which];
        } else if (program->args[k].role == ARG_ROWS) {
            args[k].integer = ROWS;
        } else if (program->args[k].role == ARG_LENGTHS) {
            args[k].integer = UNKNOWN_DIM;
        }
    }
    return args;
}

static int64_t entries(const Ir *ir, const Dim *shape, unsigned rank, const int64_t *values) {
    int64_t count = 1;
    for (unsigned k = 0; k < rank; k++) {
        count *= dim_evaluate(ir, shape[k], values);
    }
    return count;
}

/* Bytes of all inputs and outputs, each once. */
static double traffic(const LoopProgram *program, const int64_t *values) {
    const Ir *ir = program->ir;
    double bytes = 0;
    for (size_t k = 0; k < ir->leaf_count; k++) {
        const Leaf *leaf = &ir->leaves[k];
        bytes +=
            loop_bytes(program, leaf->kind) * (double)entries(ir, leaf->shape, leaf->rank, values);
    }
    for (size_t k = 0; k < ir->output_count; k++) {
        const Output *output = &ir->outputs[k];
        Dim shape[RANK_LIMIT];
        for (unsigned i = 0; i < output->rank; i++) {
            shape[i] = ir_index_dim(ir, output->axes[i]);
        }
        bytes += loop_bytes(program, KIND_REAL) * (double)entries(ir, shape, output->rank, values);
    }
    return bytes;
}

/* The sizes that the figures hold for: "D = 100, m = 1000". */
static const char *assumed(Arena *arena, const LoopProgram *program, const int64_t *values) {
    Text text;
    text_init(&text, arena);
    for (size_t k = 0; k < program->arg_count; k++) {
        const LoopArg *arg = &program->args[k];
        const char *join = text.length > 0 ? ", " : "";
        if (arg->role == ARG_DIM) {
            Name name = arg->name;
            dim_is_symbol(program->ir, dim_symbol_at(program->ir, arg->which), &name);
            text_format(&text, "%s%s = %lld", join, name, (long long)values[arg->which]);
        } else if (arg->role == ARG_ROWS) {
            text_format(&text, "%sm = %d", join, ROWS);
        } else if (arg->role == ARG_LENGTHS) {
            text_format(&text, "%s%s = %d", join, arg->name, UNKNOWN_DIM);
        }
    }
    return text.data;
}

static double operations(Arena *arena, const LoopProgram *program) {
    return loop_flops(program, arguments(arena, program, sizes(arena, program->ir)));
}

/* Bytes of scratch memory: on the stack, and given as work. */
static double scratch(Arena *arena, const LoopProgram *program) {
    double bytes = 0;
    for (size_t k = 0; k < program->buffer_count; k++) {
        if (program->buffers[k].place == BUFFER_LOCAL) {
            bytes +=
                (double)(program->buffers[k].size * loop_bytes(program, program->buffers[k].kind));
        }
    }
    if (program->work_rpn != NULL) {
        const Point point = {.arena = arena, .ir = program->ir, .dims = sizes(arena, program->ir)};
        bytes += precisions[program->precision].bytes *
                 (double)point_rpn(&point, program->ir, program->work_rpn);
    }
    return bytes;
}

/* The function that `program` is a derivative of, f of f_grad; NULL: it is none. */
static const LoopProgram *function_of(const Unit *unit, const LoopProgram *program) {
    for (size_t k = 0; k < unit->function_count; k++) {
        const LoopProgram *other = unit->functions[k];
        const size_t length = strlen(other->name);
        if (strncmp(program->name, other->name, length) != 0 || program->name[length] != '_') {
            continue;
        }
        for (int d = 0; d < DERIVATIVE_COUNT; d++) {
            if (strcmp(program->name + length + 1, derivative_entries[d].suffix) == 0) {
                return other;
            }
        }
    }
    return NULL;
}

static void add_program(Text *text, const Unit *unit, const LoopProgram *program) {
    Arena *arena = text->arena;
    const int64_t *values = sizes(arena, program->ir);
    const double flops = operations(arena, program);
    const LoopProgram *function = function_of(unit, program);
    const double less = function != NULL ? operations(arena, function) : 0;
    text_format(text, "%-32s %12.0f ", program->name, flops);
    text_add(text, less > 0 ? arena_format(arena, "%7.2f", flops / less) : "      -");
    text_format(text, " %12.0f %10.0f  %s\n", traffic(program, values), scratch(arena, program),
                assumed(arena, program, values));
}

static bool same_place(const Rewrite *a, const Rewrite *b) {
    return a->span.file == b->span.file && a->span.start == b->span.start &&
           strcmp(a->from, b->from) == 0;
}

/* Was the rewrite made in one of the entries before? Several hold the same expression. */
static bool seen_before(const Compiler *compiler, size_t entry, const Rewrite *rewrite) {
    for (size_t k = 0; k < entry; k++) {
        size_t count;
        const Rewrite *others = opt_rewrites(compiler->stable[k], &count);
        for (size_t i = 0; i < count; i++) {
            if (same_place(&others[i], rewrite)) {
                return true;
            }
        }
    }
    return false;
}

static void add_rewrites(Text *text, const Compiler *compiler) {
    const Sources *sources = compiler->front.sources;
    size_t start = text->length;
    for (size_t k = 0; k < compiler->stable_count; k++) {
        size_t count;
        const Rewrite *rewrites = opt_rewrites(compiler->stable[k], &count);
        for (size_t i = 0; i < count; i++) {
            const Rewrite *r = &rewrites[i];
            if (r->span.file == 0 || seen_before(compiler, k, r)) {
                continue;
            }
            Place place = sources_place(sources, r->span.file, r->span.start);
            text_add(text, text->length == start ? "\nrewritten to stable forms:\n" : "");
            text_format(text, "%s:%u:%u: %s → %s\n", sources_get(sources, r->span.file)->path,
                        place.line, place.column, r->from, r->to);
        }
    }
}

/* How scratch memory that is given grows with the sizes. */
static void add_work(Text *text, const Unit *unit) {
    size_t start = text->length;
    for (size_t k = 0; k < unit->function_count; k++) {
        const LoopProgram *program = unit->functions[k];
        if (program->work_text != NULL) {
            text_add(text,
                     text->length == start ? "\nnumbers of scratch memory, 8 bytes each:\n" : "");
            text_format(text, "%-32s %s\n", program->name, program->work_text);
        }
    }
}

/* How loops over samples go, and why. */
static void add_samples(Text *text, const Unit *unit) {
    size_t start = text->length;
    for (size_t k = 0; k < unit->function_count; k++) {
        const LoopProgram *program = unit->functions[k];
        if (program->samples != NULL) {
            text_add(text, text->length == start ? "\nloops over samples:\n" : "");
            text_format(text, "%-32s %s\n", program->name, program->samples);
        }
    }
}

/* What the trainer makes of a loss with one Hessian for all params (kernel curvature). */
static void add_statistics(Text *text, const Compiler *compiler, const Unit *unit) {
    const char *name = entries_name(compiler, "loss", "");
    for (size_t k = 0; k < unit->function_count; k++) {
        const Ir *ir = unit->functions[k]->ir;
        if (compiler->model->loss != NULL && strcmp(unit->functions[k]->name, name) == 0 &&
            ir->rows_dim == DIM_NONE && opt_degree(ir, ir->outputs[0].value) == 2) {
            text_add(text,
                     "\nthe loss is quadratic in the params: training on all rows goes through "
                     "them once (sufficient statistics)\n");
        }
    }
}

/* Loops whose states are not all kept for their derivative. */
static void add_segments(Text *text, const Unit *unit) {
    size_t start = text->length;
    for (size_t k = 0; k < unit->function_count; k++) {
        const LoopProgram *program = unit->functions[k];
        if (program->segments != NULL) {
            text_add(text,
                     text->length == start ? "\nloops that run again for their derivative:\n" : "");
            text_format(text, "%-32s %s\n", program->name, program->segments);
        }
    }
}

const char *report_unit(Compiler *compiler, const Unit *unit) {
    Text text;
    text_init(&text, compiler->arena);
    text_format(&text, "%-32s %12s %7s %12s %10s  %s\n", "function", "operations", "ratio", "bytes",
                "scratch", "at");
    for (size_t k = 0; k < unit->function_count; k++) {
        add_program(&text, unit, unit->functions[k]);
    }
    add_samples(&text, unit);
    add_statistics(&text, compiler, unit);
    add_segments(&text, unit);
    add_work(&text, unit);
    if (unit_uses_lapack(unit)) {
        text_add(&text, "\nlinked with LAPACK (-llapack)\n");
    }
    add_rewrites(&text, compiler);
    return text.data;
}
