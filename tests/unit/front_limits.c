/* Length is not limited, depth is: with a message, never with a crash. */
#include "front_build.h"

static int failures;

static char *repeat(Arena *arena, const char *first, const char *part, size_t count,
                    const char *last) {
    Text text;
    text_init(&text, arena);
    text_add(&text, first);
    for (size_t i = 0; i < count; i++) {
        text_add(&text, part);
    }
    text_add(&text, last);
    return text.data;
}

static const struct {
    const char *name, *first, *part;
    size_t count;
    const char *last;
    bool good;
} rows[] = {
    {"a long sum", "f(x) = x", " + x", 100000, "\n", true},
    {"a long sum of products in lines", "f(x) = x", "\n    - 2 * x", 100000, "\n", true},
    {"many arguments", "f(x) = g(x", ", x", 100000, ")\n", true},
    {"many items", "", "f(x) = x + 1\n", 50000, "", true},
    {"many statements", "f(x) {\n", "y = x\n", 50000, "return y }\n", true},
    {"many params in a list", "param a", ",\n b", 50000, "\n", true},
    {"900 brackets", "f(x) = ", "f(", 900, "x", false}, /* not closed */
    {"1,001 brackets", "f(x) = ", "(", 1001, "x", false},
    {"100,000 brackets", "f(x) = ", "[", 100000, "x", false},
    {"signs", "f(x) = ", "- ", 100000, "x\n", false},
    {"2,000,000 signs", "f(x) = ", "-", 2000000, "x\n", false},
    {"powers", "f(x) = ", "x^", 100000, "x\n", false},
    {"choices", "f(x) = ", "if x then x else ", 50000, "x\n", false},
    {"300 choices", "f(x) = ", "if x then x else ", 300, "x\n", true},
    {"subscripts", "f(x) = x", "[0]", 100000, "\n", false},
    {"transposes", "f(x) = x", "'", 100000, "\n", false},
    {"blocks", "f(x) {", "for i in 2 { ", 100000, "\n", false},
    {"loose brackets", "", "(\n", 20000, "", false},
    {"loose closing brackets", "", ")]}\n", 20000, "", false},
    {"errors", "", "x y z\n", 20000, "", false},
    {"stray characters", "f(x) = ", "$ ", 100000, "\n", false},
};

static void test_row(size_t i) {
    Front front = front_build();
    const char *text =
        repeat(front.arena, rows[i].first, rows[i].part, rows[i].count, rows[i].last);
    const Ast *ast = front_build_ast(&front, text, strlen(text));
    if ((diags_errors(front.diags) == 0) != rows[i].good) {
        printf("%s: %zu errors\n", rows[i].name, diags_errors(front.diags));
        failures++;
    }
    front_dump(&front, ast);
    if (rows[i].good && !front_build_is_stable(&front, text)) {
        printf("%s: the layout is not stable\n", rows[i].name);
        failures++;
    }
    arena_destroy(front.arena);
}

static void test_chain(void) {
    Front front = front_build();
    const char *text = "a + b * c - d";
    uint32_t file = sources_add(front.sources, "t", text, strlen(text), false);
    const Expr *expr = front_parse_expression(&front, file);
    const Expr *const *chain;
    size_t count = expr_chain(front.arena, expr, &chain);
    if (count != 2 || chain[1] != expr || chain[0]->as.binary.op != BIN_ADD ||
        chain[0]->as.binary.a->kind != EXPR_NAME || expr->depth != 3) {
        printf("expr_chain: %zu\n", count);
        failures++;
    }
    if (expr_chain(front.arena, chain[0]->as.binary.a, &chain) != 0) {
        printf("expr_chain of a name\n");
        failures++;
    }
    arena_destroy(front.arena);
}

int main(void) {
    test_chain();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_row(i);
    }
    return failures > 0;
}
