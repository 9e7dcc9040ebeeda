/* describe.c: the text of gradc_model, which tells the runtime what the kernels expect; its lines
 * are those of runtime/abi.h. */
#include "driver/driver.h"

#include <inttypes.h>
#include <string.h>

/* ---- sizes and names ------------------------------------------------------------------------ */

/* RPN with commas for blanks: one word. */
static void add_rpn(Text *text, const char *rpn) {
    for (const char *c = rpn; *c != '\0'; c++) {
        text_add_bytes(text, *c == ' ' ? "," : c, 1);
    }
}

/* ` RANK SIZE…` of the axes from `first` on. */
static void add_shape(Text *text, const Ir *ir, const Dim *shape, unsigned first, unsigned rank) {
    text_format(text, " %u", rank - first);
    for (unsigned k = first; k < rank; k++) {
        text_add(text, " ");
        add_rpn(text, dim_rpn(ir, shape[k]));
    }
}

/* 64 bits of FNV-1a: tells one model's text from another's, no more. */
static uint64_t hash_text(uint64_t hash, const char *bytes, size_t length) {
    for (size_t k = 0; k < length; k++) {
        hash = (hash ^ (unsigned char)bytes[k]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static uint64_t hash_model(const Compiler *compiler) {
    const Model *model = compiler->model;
    const Options *options = compiler->options;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t k = 0; k < model->file_count; k++) {
        const Source *source = sources_get(compiler->front.sources, model->files[k]);
        hash = hash_text(hash, source->text, source->length);
    }
    for (size_t k = 0; k < options->definition_count; k++) {
        const Definition *d = &options->definitions[k];
        hash = hash_text(hash, d->name, strlen(d->name) + 1);
        hash = hash_text(hash, d->value, strlen(d->value) + 1);
    }
    return hash;
}

/* ---- lines ---------------------------------------------------------------------------------- */

static const Kernel *find_kernel(const Kernel *kernels, size_t count, const char *role) {
    for (size_t k = 0; k < count; k++) {
        if (strcmp(kernels[k].role, role) == 0) {
            return &kernels[k];
        }
    }
    return NULL;
}

/* The model's dims, then sizes that only the formals of `loss` name. */
static void add_dims(Text *text, const Model *model, const Ir *ir) {
    for (size_t k = 0; k < model->dim_count; k++) {
        const ModelDim *dim = &model->dims[k];
        text_format(text, "dim %s", dim->name);
        if (dim->rows) {
            text_add(text, " rows");
        } else if (dim->known) {
            text_format(text, " %" PRId64, dim->value);
        }
        text_add(text, "\n");
    }
    for (size_t k = 0; k < dim_symbol_count(ir); k++) {
        Name name;
        Dim dim = dim_symbol_at(ir, k);
        if (dim != ir->sample_dim && dim != ir->total_dim && dim_is_symbol(ir, dim, &name) &&
            model_dim(model, name) == NULL) {
            text_format(text, "dim %s\n", name);
        }
    }
}

static void add_consts(Text *text, const Model *model) {
    for (size_t k = 0; k < model->const_count; k++) {
        text_format(text, "const %s ", model->consts[k].name);
        text_add_number(text, model->consts[k].value, true);
        text_add(text, model->consts[k].fixed ? " fixed\n" : "\n");
    }
}

/* How many entries a leaf has. */
static void add_entries(Text *text, const Ir *ir, const Leaf *leaf) {
    if (leaf->rank == 0) {
        text_add(text, "1");
    }
    for (unsigned k = 0; k < leaf->rank; k++) {
        text_add(text, k > 0 ? "," : "");
        add_rpn(text, dim_rpn(ir, leaf->shape[k]));
        text_add(text, k > 0 ? ",*" : "");
    }
}

static void add_params(Text *text, const Ir *ir) {
    for (size_t k = 0; k < ir->leaf_count; k++) {
        const Leaf *leaf = &ir->leaves[k];
        if (leaf->role == LEAF_PARAM) {
            text_format(text, "param %s %s", leaf->name, c_name(text->arena, leaf->name));
            const Dim *shape = leaf->constrained ? leaf->own_shape : leaf->shape;
            add_shape(text, ir, shape, 0, leaf->constrained ? leaf->own_rank : leaf->rank);
            text_add(text, "\n");
            if (leaf->constrained) {
                text_format(text, "unconstrained %s ", leaf->name);
                add_entries(text, ir, leaf);
                text_add(text, "\n");
            }
        }
    }
}

static void add_datas(Text *text, const Ir *ir) {
    for (size_t k = 0; k < ir->leaf_count; k++) {
        const Leaf *leaf = &ir->leaves[k];
        if (leaf->role == LEAF_DATA) {
            text_format(text, "data %s", leaf->name);
            add_shape(text, ir, leaf->shape, 0, leaf->rank);
            text_add(text, "\n");
        }
    }
}

static bool has_formal(const ModelFunction *function, Name name) {
    for (const Formal *formal = function->ast->formals; formal != NULL; formal = formal->next) {
        if (formal->name == name) {
            return true;
        }
    }
    return false;
}

static void add_columns(Text *text, const Model *model, const Ir *ir) {
    for (size_t k = 0; k < ir->leaf_count; k++) {
        const Leaf *leaf = &ir->leaves[k];
        if (leaf->role != LEAF_COLUMN) {
            continue;
        }
        text_format(text, "column %s %s", leaf->name, leaf->kind == KIND_REAL ? "real" : "int");
        add_shape(text, ir, leaf->shape, 1, leaf->rank);
        if (leaf->class_dim != DIM_NONE) {
            text_add(text, " in ");
            add_rpn(text, dim_rpn(ir, leaf->class_dim));
        }
        if (model->forward != NULL && !has_formal(model->forward, leaf->name)) {
            text_add(text, " target");
        }
        text_add(text, "\n");
    }
}

static void add_forward(Text *text, const Kernel *kernel) {
    const Ir *ir = kernel->stages.program->ir;
    const Output *output = &ir->outputs[0];
    Dim shape[RANK_LIMIT];
    for (unsigned k = 0; k < output->rank; k++) {
        shape[k] = ir_index_dim(ir, output->axes[k]);
    }
    text_add(text, "forward");
    add_shape(text, ir, shape, 1, output->rank);
    text_add(text, "\n");
}

static void add_definitions(Text *text, const Kernel *kernel) {
    const Ir *ir = kernel->stages.program->ir;
    for (size_t k = 0; k < ir->output_count; k++) {
        const Output *output = &ir->outputs[k];
        Dim shape[RANK_LIMIT];
        for (unsigned axis = 0; axis < output->rank; axis++) {
            shape[axis] = ir_index_dim(ir, output->axes[axis]);
        }
        text_format(text, "define %s", output->name);
        add_shape(text, ir, shape, 0, output->rank);
        text_add(text, "\n");
    }
}

static void add_smooth(Text *text, const Kernel *kernels, size_t count) {
    static const char *const roles[] = {"objective", "regular", "prior"};
    for (size_t k = 0; k < sizeof roles / sizeof *roles; k++) {
        const Kernel *kernel = find_kernel(kernels, count, roles[k]);
        const Ir *ir = kernel != NULL ? kernel->stages.program->ir : NULL;
        if (ir != NULL && !opt_smooth(ir, ir->outputs[0].value)) {
            return;
        }
    }
    text_add(text, "smooth\n");
}

/* How many rows the matrix of kernel gauss has. */
static void add_residuals(Text *text, const Kernel *kernel) {
    const Ir *ir = kernel->stages.program->ir;
    bool first = true;
    text_add(text, "residuals ");
    for (size_t k = 0; k < ir->output_count; k++) {
        const Output *output = &ir->outputs[k];
        if (strcmp(output->name, DIFF_RESIDUALS) != 0) {
            continue;
        }
        text_add(text, first ? "1" : ",1");
        for (unsigned axis = 0; axis < output->rank; axis++) {
            text_add(text, ",");
            add_rpn(text, dim_rpn(ir, ir_index_dim(ir, output->axes[axis])));
            text_add(text, ",*");
        }
        text_add(text, first ? "" : ",+");
        first = false;
    }
    text_add(text, "\n");
}

/* ---- inputs in other units ------------------------------------------------------------------ */

static const Ir *kernel_ir(const Kernel *kernel) {
    return kernel->stages.program->ir;
}

/* The leaf of that name and role, or SIZE_MAX. */
static size_t find_leaf(const Ir *ir, Name name, LeafRole role) {
    for (size_t k = 0; k < ir->leaf_count; k++) {
        if (ir->leaves[k].name == name && ir->leaves[k].role == role) {
            return k;
        }
    }
    return SIZE_MAX;
}

static bool reads_named(const Ir *ir, Name name, LeafRole role) {
    const size_t leaf = find_leaf(ir, name, role);
    return leaf != SIZE_MAX && opt_reads_leaf(ir, (uint32_t)leaf);
}

static bool same_form(const Ir *ir, const InputForm *a, const Ir *other, const InputForm *b) {
    const Leaf *input = &ir->leaves[a->input], *bias = &ir->leaves[a->bias];
    bool same = ir->leaves[a->weights].name == other->leaves[b->weights].name &&
                bias->name == other->leaves[b->bias].name;
    for (unsigned k = 0; same && k + 1 < input->rank; k++) {
        same = a->input_axes[k] == b->input_axes[k];
    }
    for (unsigned k = 0; same && k < bias->rank; k++) {
        same = a->bias_axes[k] == b->bias_axes[k];
    }
    return same;
}

/* Does the kernel know the input by these forms alone, or by some of them, and their params by
 * nothing else? */
static bool knows_forms(const Kernel *kernel, const Ir *ir, const InputForm *forms, size_t count) {
    const Ir *other = kernel_ir(kernel);
    const size_t leaf = find_leaf(other, ir->leaves[forms[0].input].name, LEAF_COLUMN);
    InputForm found[INPUT_FORMS];
    size_t found_count = 0;
    if (leaf != SIZE_MAX && !opt_input_forms(other, (uint32_t)leaf, found, &found_count)) {
        return false;
    }
    size_t known = 0;
    for (size_t k = 0; k < count; k++) {
        bool same = false;
        for (size_t i = 0; i < found_count; i++) {
            same = same || same_form(ir, &forms[k], other, &found[i]);
        }
        known += same;
        if (!same && (reads_named(other, ir->leaves[forms[k].weights].name, LEAF_PARAM) ||
                      reads_named(other, ir->leaves[forms[k].bias].name, LEAF_PARAM))) {
            return false;
        }
    }
    return known == found_count;
}

static bool all_know(const Kernel *kernels, size_t count, const Ir *ir, const InputForm *forms,
                     size_t form_count) {
    static const char *const roles[] = {"forward", "metric", "regular", "prior", "define"};
    for (size_t k = 0; k < count; k++) {
        bool asked = false;
        for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
            asked = asked || strcmp(kernels[k].role, roles[i]) == 0;
        }
        if (asked && !knows_forms(&kernels[k], ir, forms, form_count)) {
            return false;
        }
    }
    return true;
}

static void add_form(Text *text, const Ir *ir, const InputForm *form) {
    const Leaf *input = &ir->leaves[form->input], *bias = &ir->leaves[form->bias];
    text_format(text, "affine %s %s %s", input->name, ir->leaves[form->weights].name, bias->name);
    for (unsigned k = 0; k + 1 < input->rank; k++) {
        text_format(text, " %u", form->input_axes[k]);
    }
    for (unsigned k = 0; k < bias->rank; k++) {
        text_format(text, " %u", form->bias_axes[k]);
    }
    text_add(text, "\n");
}

static void add_affine(Text *text, const Ir *ir, const Kernel *kernels, size_t count) {
    for (size_t leaf = 0; leaf < ir->leaf_count; leaf++) {
        InputForm forms[INPUT_FORMS];
        size_t form_count;
        if (ir->leaves[leaf].role != LEAF_COLUMN || ir->leaves[leaf].kind != KIND_REAL ||
            !opt_input_forms(ir, (uint32_t)leaf, forms, &form_count) || form_count == 0 ||
            !all_know(kernels, count, ir, forms, form_count)) {
            continue;
        }
        for (size_t k = 0; k < form_count; k++) {
            add_form(text, ir, &forms[k]);
        }
    }
}

static void add_kernel_lines(Text *text, const Kernel *kernel, size_t number) {
    const LoopProgram *program = kernel->stages.program;
    if (kernel->metric != NULL) {
        text_format(text, "metric %s %zu\n", kernel->metric->name, number);
    }
    text_format(text, "kernel %s %zu ", kernel->role, number);
    add_rpn(text, program->work_rpn != NULL ? program->work_rpn : "0");
    text_add(text, "\n");
}

static bool kernel_reads(const Kernel *kernel, Name column) {
    const LoopProgram *program = kernel->stages.program;
    for (size_t k = 0; k < program->arg_count; k++) {
        const LoopArg *arg = &program->args[k];
        if (arg->role == ARG_COLUMN && program->ir->leaves[arg->which].name == column) {
            return true;
        }
    }
    return false;
}

/* What each role reads; the metrics together, as they are computed together. */
static void add_uses(Text *text, const Ir *ir, const Kernel *kernels, size_t count) {
    for (size_t k = 0; k < count; k++) {
        if (kernels[k].metric != NULL && k > 0 && kernels[k - 1].metric != NULL) {
            continue;
        }
        text_format(text, "uses %s", kernels[k].role);
        for (size_t leaf = 0; leaf < ir->leaf_count; leaf++) {
            bool reads = false;
            for (size_t i = k; i < count && strcmp(kernels[i].role, kernels[k].role) == 0; i++) {
                reads |= ir->leaves[leaf].role == LEAF_COLUMN &&
                         kernel_reads(&kernels[i], ir->leaves[leaf].name);
            }
            if (reads) {
                text_format(text, " %s", ir->leaves[leaf].name);
            }
        }
        text_add(text, "\n");
    }
}

static bool add_derived(Text *text, const Compiler *compiler) {
    const Model *model = compiler->model;
    for (size_t k = 0; k < model->function_count; k++) {
        if (derived_is(&model->functions[k])) {
            const char *rpn = derived_metric(compiler, &model->functions[k]);
            if (rpn == NULL) {
                return false;
            }
            text_format(text, "derived %s %s\n", model->functions[k].name, rpn);
        }
    }
    return true;
}

static void add_lines(Text *text, const char *word, const char *lines) {
    while (*lines != '\0') {
        const size_t length = strcspn(lines, "\n");
        text_format(text, "%s %.*s\n", word, (int)length, lines);
        lines += length;
        lines += *lines == '\n';
    }
}

/* What a trainer's page shows of the model: its text, and how its loss is differentiated. */
static void add_page(Text *text, Compiler *compiler, const Kernel *gradient) {
    enum { STATEMENTS_MOST = 1500 };
    bool dumps = false;
    for (int k = 0; k < DUMP_COUNT; k++) {
        dumps = dumps || compiler->options->dump[k];
    }
    add_lines(text, "text", sources_get(compiler->front.sources, compiler->file)->text);
    if (gradient != NULL && !dumps &&
        kernel_size(gradient->stages.program->body) <= STATEMENTS_MOST) {
        const char *part = entries_loss_part(compiler);
        add_lines(text, "derivation", part != NULL ? part : "");
    }
}

const char *describe_trainer(Compiler *compiler, const Kernel *kernels, size_t count) {
    const Model *model = compiler->model;
    const Ir *ir = find_kernel(kernels, count, "objective")->stages.program->ir;
    Text text;
    text_init(&text, compiler->arena);
    text_add(&text, "gradc 3\n");
    text_format(&text, "model %s\n", model->name);
    text_format(&text, "source %s\n", sources_get(compiler->front.sources, compiler->file)->path);
    text_format(&text, "hash %016" PRIx64 "\n", hash_model(compiler));
    if (compiler->options->precision != PRECISION_F64) {
        text_format(&text, "precision %s\n", precisions[compiler->options->precision].name);
    }
    add_dims(&text, model, ir);
    add_consts(&text, model);
    add_datas(&text, ir);
    add_params(&text, ir);
    add_columns(&text, model, ir);
    const Kernel *forward = find_kernel(kernels, count, "forward");
    if (forward != NULL) {
        add_forward(&text, forward);
    }
    add_smooth(&text, kernels, count);
    const Kernel *gauss = find_kernel(kernels, count, "gauss");
    if (gauss != NULL) {
        add_residuals(&text, gauss);
    }
    const Kernel *define = find_kernel(kernels, count, "define");
    if (define != NULL) {
        add_definitions(&text, define);
    }
    for (const Setting *s = model->settings; s != NULL; s = s->next) {
        text_format(&text, "setting %s %s\n", s->name, s->value);
    }
    for (size_t k = 0; k < count; k++) {
        add_kernel_lines(&text, &kernels[k], k);
    }
    add_affine(&text, ir, kernels, count);
    add_uses(&text, ir, kernels, count);
    if (!add_derived(&text, compiler)) {
        return NULL;
    }
    add_page(&text, compiler, find_kernel(kernels, count, "gradient"));
    return text.data;
}
