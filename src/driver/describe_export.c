/* describe_export.c: the end of the text of gradc_model: forward of one sample as C, which the
 * trainer's `export` writes with the trained parameters; its lines are those of runtime/abi.h. */
#include "driver/driver.h"

#include <string.h>

static void add_rpn(Text *text, const char *rpn) {
    for (const char *c = rpn; *c != '\0'; c++) {
        text_add_bytes(text, *c == ' ' ? "," : c, 1);
    }
}

/* `WORD NAME RANK SIZE…` */
static void add_leaf(Text *text, const char *word, const Ir *ir, const Leaf *leaf) {
    text_format(text, "%s %s %u", word, leaf->name, leaf->rank);
    for (unsigned k = 0; k < leaf->rank; k++) {
        text_add(text, " ");
        add_rpn(text, dim_rpn(ir, leaf->shape[k]));
    }
}

/* False: `export` cannot give such an argument. */
static bool add_argument(Text *text, const LoopProgram *program, const LoopArg *arg) {
    const Ir *ir = program->ir;
    Name name = NULL;
    text_format(text, "argument %s ", arg->name);
    switch (arg->role) {
    case ARG_DIM:
        dim_is_symbol(ir, dim_symbol_at(ir, arg->which), &name);
        text_format(text, "dim %s", name != NULL ? name : "?");
        break;
    case ARG_PARAMS:
        text_add(text, "params");
        break;
    case ARG_CONSTS:
        text_add(text, "consts");
        break;
    case ARG_DATA:
        add_leaf(text, "data", ir, &ir->leaves[arg->which]);
        break;
    case ARG_SCALAR:
    case ARG_ARRAY:
        add_leaf(text, ir->leaves[arg->which].kind == KIND_REAL ? "real" : "int", ir,
                 &ir->leaves[arg->which]);
        break;
    case ARG_OUTPUT:
        text_add(text, "out");
        break;
    case ARG_WORK:
        text_add(text, "work ");
        add_rpn(text, program->work_rpn);
        break;
    case ARG_ROWS:
    case ARG_TOTAL:
    case ARG_STARTS:
    case ARG_LENGTHS:
    case ARG_ORDER:
    case ARG_COLUMN:
    case ARG_TANGENT:
    case ARG_SEED:
    case ARG_RATE:
    case ARG_GRADIENT:
    case ARG_MATRIX:
        return false;
    }
    text_add(text, "\n");
    return true;
}

bool describe_export(Compiler *compiler, const Unit *unit, Text *text) {
    const Model *model = compiler->model;
    Arena *arena = compiler->arena;
    const char *external = NULL;
    Request request = {.entry = ENTRY_FUNCTION, .function = model->forward, .kept = true};
    Stages stages;
    if (model->forward == NULL) {
        return true;
    }
    request.name = entries_name(compiler, model->forward->name, "");
    if (!compile_entry(compiler, &request, &stages)) {
        return false;
    }
    const LoopProgram *program = stages.program;
    if (program_uses_lapack(program)) {
        text_add(text, "unexported linear algebra\n");
        return true;
    }
    const char *code = emit_c_function(arena, unit, stages.program, &external);
    compile_time(compiler, TIME_emit);
    if (external != NULL) {
        text_format(text, "unexported the extern function `%s`\n", external);
        return true;
    }
    Text lines;
    text_init(&lines, arena);
    text_format(&lines, "predict %s %s\n", model->c_prefix, program->name);
    for (size_t k = 0; k < program->arg_count; k++) {
        if (!add_argument(&lines, program, &program->args[k])) {
            ice("export", "%s has an argument `%s`", program->name, program->args[k].name);
        }
    }
    text_add(text, lines.data);
    text_format(text, "code\n%s", code);
    return true;
}
