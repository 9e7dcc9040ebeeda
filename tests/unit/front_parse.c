/* What is read: a production a row, with its tree; and expressions written back. */
#include "front_build.h"

static const struct {
    const char *text, *tree;
} expressions[] = {
    /* precedence */
    {"a + b * c", "(+ a (* b c))"},
    {"a - b - c", "(- (- a b) c)"},
    {"a / b * c", "(* (/ a b) c)"},
    {"-x^2", "(neg (^ x 2))"},
    {"2^3^4", "(^ 2 (^ 3 4))"},
    {"2^-x", "(^ 2 (neg x))"},
    {"- -x", "(neg (neg x))"},
    {"-a * b", "(* (neg a) b)"},
    {"a * -b", "(* a (neg b))"},
    {"a // b % c @ d", "(@ (% (// a b) c) d)"},
    {"A' @ x'", "(@ (transpose A) (transpose x))"},
    {"A'^2", "(^ (transpose A) 2)"},
    {"a + 1 < b * 2", "(< (+ a 1) (* b 2))"},
    {"not a == b and c or d", "(or (and (not (== a b)) c) d)"},
    {"not not a", "(not (not a))"},
    {"(a < b) == (c > d)", "(== (paren (< a b)) (paren (> c d)))"},
    {"if a then b else if c then d else e + 1", "(if a b (if c d (+ e 1)))"},
    {"1 + (if a then b else c)", "(+ 1 (paren (if a b c)))"},
    /* operands */
    {"f(x)(1)", NULL},
    {"f(x, y + 1)[0]", "(at (call f x (+ y 1)) [0])"},
    {"x[i][j]", "(at (at x [i]) [j])"},
    {"A[i, :, 1..n, 1.., ..n]", "(at A [i, :, 1..n, 1.., ..n])"},
    {"A[-1]", "(at A [(neg 1)])"},
    {"x[if a then 1 else 2]", "(at x [(if a 1 2)])"},
    {"[1, [a, b]]", "(array 1 (array a b))"},
    {"sum(w[j] * x[j] for j in D)", "(reduce sum (* (at w [j]) (at x [j])) for j in D)"},
    {"max(x[i] for i in 1..n, j in 0..i)", "(reduce max (at x [i]) for i in 1..n, j in 0..i)"},
    {"[x[i] for i, j in n - 1]", "(comprehension (at x [i]) for i, j in (- n 1))"},
    {"sum(if a then 1 else 2 for i)", "(reduce sum (if a 1 2) for i)"},
    {"f()", "(call f)"},
    /* numbers */
    {"1.5e-3 + .5 + 1. + 0 + 1e5", "(+ (+ (+ (+ 1.5e-3 .5) 1.) 0) 1e5)"},
    {"1.-.5", "(- 1. .5)"},
    {"x[0..3]", "(at x [0..3])"},
    {"x[1. ..2]", "(at x [1...2])"},
    {"x[.5]", "(at x [.5])"},
    /* names */
    {"θ₀ + 权重 + x̂ + _a1", "(+ (+ (+ θ₀ 权重) x̂) _a1)"},
    {"data + model * train", "(+ data (* model train))"},
    {"derivative + while", "(+ derivative while)"},
    {"information + nota + iff", "(+ (+ information nota) iff)"},
    /* lines */
    {"a +\n    b", "(+ a b)"},
    {"a\n    + b", "(+ a b)"},
    {"(a\n    + f(b,\n\n    c # comment\n))", "(paren (+ a (call f b c)))"},
    {"if a\n then b\n else c", "(if a b c)"},
    {"a and\nnot\nb", "(and a (not b))"},
};

static const struct {
    const char *text, *tree;
} files[] = {
    {"", ""},
    {"\n\n# only a comment", ""},
    {"\xEF\xBB\xBFmodel line\r\n", "model line\n"},
    {"import \"a b.model\"", "import \"a b.model\"\n"},
    {"dim D, K = 10,\n    T = rows", "dim D\ndim K = 10\ndim T = rows\n"},
    {"const a = 1; const b = a * 2", "const a = 1\nconst b = (* a 2)\n"},
    {"data A[N, N], s", "data A [N, N]\ndata s\n"},
    {"param w, W[K, D] = normal(0, 0.1), s > 0 = 1 ~ cauchy(0, 5)",
     "param w\nparam W [K, D] = (call normal 0 0.1)\nparam s > 0 = 1 ~ (call cauchy 0 5)\n"},
    {"param a in (0, 1 - b), c < 2 * d, e[3] simplex, f[K] ordered = [1, 2]",
     "param a between 0 (- 1 b)\nparam c < (* 2 d)\nparam e [3] simplex\n"
     "param f [K] ordered = (array 1 2)\n"},
    {"param L[K * (K + 1) // 2] lower,\n    P[K, K] positive_definite, C[K, K] correlation",
     "param L [(// (* K (paren (+ K 1))) 2)] lower\nparam P [K, K] positive_definite\n"
     "param C [K, K] correlation\n"},
    {"param w\n    > 0\n    = 1\n    ~ f(2)", "param w > 0 = 1 ~ (call f 2)\n"},
    {"f(x) = x", "function f(x) = x\n"},
    {"f(x[D, 2], y[T] in K, z in 3, g(a, b)) = x",
     "function f(x [D, 2], y [T] in K, z in 3, g of 2) = x\n"},
    {"t[i, j] = a[i] + b[j]\np = 3\nprior { return 3 }",
     "definition t[i, j] = (+ (at a [i]) (at b [j]))\ndefinition p = 3\n"
     "definition prior\n    return 3\n"},
    {"metric m(x) = x\nmetric n = sqrt(m)", "metric m(x) = x\nmetric n = (call sqrt m)\n"},
    {"extern f(x, y[3]) derivative f_x, f_y\nextern g(x)",
     "extern f(x, y [3]) derivative f_x f_y\nextern g(x)\n"},
    {"train { method = sgd; rate = 1e-2\n\n shift = -3; log = \"a b\" }\ntrain { }\n",
     "train method=sgd rate=1e-2 shift=-3 log=a b\ntrain\n"},
    {"data = 3\nmodel(x) = x\nparam[i] = i\ntrain(x) { return x }\ndim { return 2 }",
     "definition data = 3\nfunction model(x) = x\ndefinition param[i] = i\n"
     "function train(x)\n    return x\ndefinition dim\n    return 2\n"},
    {"f(x)\n{\n  dim = 1\n  return dim\n}", "function f(x)\n    dim = 1\n    return dim\n"},
    {"f(x) { return x, 2 * x }", "function f(x)\n    return x (* 2 x)\n"},
    {"f(x) {\n a, b[i, j] = g(x); c[i in 3] += 1; c[k in 1..n, 2] -= 1\n d *= 2; d /= 3\n"
     " J[0..3] = x; J[:, 1..] = x\n return a\n}",
     "function f(x)\n    a, b[i, j] = (call g x)\n    c[i in 3] += 1\n    c[k in 1..n, 2] -= 1\n"
     "    d *= 2\n    d /= 3\n    J[0..3] = x\n    J[:, 1..] = x\n    return a\n"},
    {"f(x) {\n for t in 1..T, i { s = s + t }\n for k in C while s > 1 {\n s = 1 }\n return s }",
     "function f(x)\n    loop for t in 1..T, i\n        s = (+ s t)\n"
     "    loop for k in C while (> s 1)\n        s = 1\n    return s\n"},
    {"f(x) {\n g(z[2]) = z * x\n h(z) { y = z; return y }\n return g(h(x)) }",
     "function f(x)\n    function g(z [2]) = (* z x)\n    function h(z)\n        y = z\n"
     "        return y\n    return (call g (call h x))\n"},
    {"f(x) = [\n 1,\n 2\n]\ng(x) =\n x", "function f(x) = (array 1 2)\nfunction g(x) = x\n"},
};

static int compare(const char *text, const char *found, const char *wanted) {
    if (found == NULL || strcmp(found, wanted) != 0) {
        printf("%s\nfound\n%s\nwanted\n%s\n", text, found == NULL ? "errors" : found, wanted);
        return 1;
    }
    return 0;
}

/* The tree; and the tree of the expression written back. */
static int test_expression(const char *text, const char *tree) {
    Front front = front_build();
    const char *file = arena_format(front.arena, "e = %s", text);
    int failures = 0;
    if (tree == NULL) {
        uint32_t source = sources_add(front.sources, "test", text, strlen(text), false);
        failures = front_parse_expression(&front, source) != NULL;
    } else {
        const char *wanted = arena_format(front.arena, "definition e = %s\n", tree);
        failures += compare(text, front_build_dump(&front, file), wanted);
        uint32_t source = sources_add(front.sources, "test", text, strlen(text), false);
        const Expr *expr = front_parse_expression(&front, source);
        if (expr == NULL) {
            printf("no expression: %s\n", text);
            failures++;
        } else if (strstr(text, "1. ..") == NULL) {
            const char *back = front_expression_text(front.arena, expr);
            file = arena_format(front.arena, "e = %s", back);
            failures += compare(back, front_build_dump(&front, file), wanted);
        }
    }
    arena_destroy(front.arena);
    return failures;
}

/* Parentheses appear where a tree that was not read needs them. */
static int test_written_parentheses(void) {
    Front front = front_build();
    static const char *const texts[] = {"(a + b) * c", "a - (b - c)", "(a^b)^c",
                                        "(-a)^b",      "-(a + b)",    "(a < b) < c",
                                        "(a + b)'",    "(a + b)[1]",  "not (a and b)",
                                        "a * (b * c)", "2^(a + b)",   "(if a then b else c) + 1"};
    int failures = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint32_t source = sources_add(front.sources, "t", texts[i], strlen(texts[i]), false);
        Expr *expr = front_parse_expression(&front, source);
        Expr *parts[] = {expr, NULL, NULL};
        if (expr->kind == EXPR_BINARY) {
            parts[1] = expr->as.binary.a;
            parts[2] = expr->as.binary.b;
        } else if (expr->kind == EXPR_SUBSCRIPT) {
            parts[1] = expr->as.subscript.base;
        } else {
            parts[1] = expr->as.unary.a;
        }
        for (size_t k = 1; k < 3; k++) { /* takes the parentheses of the text away */
            if (parts[k] != NULL && parts[k]->kind == EXPR_PAREN) {
                *parts[k] = *parts[k]->as.unary.a;
            }
        }
        failures += compare(texts[i], front_expression_text(front.arena, expr), texts[i]);
    }
    arena_destroy(front.arena);
    return failures;
}

int main(void) {
    int failures = test_written_parentheses();
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++) {
        failures += test_expression(expressions[i].text, expressions[i].tree);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        Front front = front_build();
        failures += compare(files[i].text, front_build_dump(&front, files[i].text), files[i].tree);
        arena_destroy(front.arena);
    }
    return failures > 0;
}
