/* Models changed at random: whatever comes out is a tree or messages, and the layout of what
 * parses is stable and keeps its meaning. `front_fuzz SEED COUNT FILE…` for more. */
#include "front_build.h"

static const char *const models[] = {
    "# a line\nparam w = 1, s > 0 ~ normal(0, 1)\n\nforward(x[D]) = w * x + sum(x[i] for i)\n"
    "loss(x, y in 2) {\n    r = y - forward(x)   # residual\n    for t in 1..n { r[t] += 1 }\n"
    "    return max(r, -r), [r, 2]'\n}\ntrain { method = sgd; rate = 0.1 }\n",
    "dim D, T = rows\nparam A[K, K] simplex, b[K] in (0, 1)\nextern f(x) derivative g\n"
    "rho(r) = if abs(r) <= delta then r^2 / 2\n         else delta * (abs(r) - delta // 2)\n"
    "h(f(z), z[n]) {\n    c[k, i in n - 2] = f(z[i..])\n    g(a) = a @ z\n"
    "    for t in 9 while c[0] > 1 {\n        c = c % 2\n    }\n    return c[:, 0] and not c\n}\n",
};

static const char *const words[] = {
    "(",          ")",       "[",        "]",      "{",           "}",       "\n",
    " ",          ";",       ",",        "..",     "0",           "1.",      ".5",
    "x",          " for ",   " in ",     " if ",   " then ",      " else ",  " and ",
    " not ",      "return ", "\nparam ", "\ndim ", "=",           "==",      "-",
    "^",          "'",       "~",        ":",      " # c\n",      "\"a\"",   "\xE2\x88\x92",
    "\xC3",       "\r",      "θ",        "**",     "$",           "//",      "@",
    "f(x) = x\n", "while ",  "\t",       "!",      "derivative ", "train {", "sum(",
};

static uint64_t state = 1;

static size_t draw(size_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return below == 0 ? 0 : (size_t)(state >> 11) % below;
}

static size_t replace(char *text, size_t length, size_t at, size_t cut, const char *with,
                      size_t size) {
    cut = cut < length - at ? cut : length - at;
    memmove(text + at + size, text + at + cut, length - at - cut);
    memcpy(text + at, with, size);
    return length - cut + size;
}

static size_t mutate(char *text, size_t length) {
    for (size_t times = draw(5) + 1; times > 0; times--) {
        size_t at = draw(length + 1);
        char piece[48];
        size_t size = draw(sizeof piece), from = draw(length + 1);
        const char *word = words[draw(sizeof words / sizeof words[0])];
        switch (draw(4)) {
        case 0:
            length = replace(text, length, at, draw(8) + 1, "", 0);
            break;
        case 1:
            length = replace(text, length, at, 0, word, strlen(word));
            break;
        case 2:
            size = size < length - from ? size : length - from;
            memcpy(piece, text + from, size);
            length = replace(text, length, at, 0, piece, size);
            break;
        default:
            piece[0] = (char)draw(256);
            length = replace(text, length, at, 1, piece, 1);
            break;
        }
    }
    return length;
}

static bool run(const char *model, size_t length) {
    Front front = front_build();
    char *text = arena_alloc(front.arena, length + 1000);
    memcpy(text, model, length);
    length = mutate(text, length);
    text[length] = '\0';
    const Ast *ast = front_build_ast(&front, text, length);
    bool good = true;
    if (diags_errors(front.diags) > 0) {
        front_dump(&front, ast);
        diags_print(front.diags, COLOR_NEVER);
    } else {
        good = strlen(text) == length && front_build_is_stable(&front, text);
    }
    front_tokens(&front, ast->file);
    if (!good) {
        printf("not stable:\n%.*s\n", (int)length, text);
    }
    arena_destroy(front.arena);
    return good;
}

int main(int count, char **words_given) {
    state = count > 1 ? strtoull(words_given[1], NULL, 10) + 1 : 1;
    size_t runs = count > 2 ? strtoull(words_given[2], NULL, 10) : 3000;
    if (freopen("/dev/null", "w", stderr) == NULL) {
        return 1;
    }
    Arena *arena = arena_create();
    for (size_t i = 0; i < runs; i++) {
        size_t length = 0;
        const char *error, *model;
        if (count > 3) {
            model = file_read(arena, words_given[3 + i % (size_t)(count - 3)], &length, &error);
        } else {
            model = models[i % (sizeof models / sizeof models[0])];
            length = strlen(model);
        }
        if (model == NULL || !run(model, length)) {
            return 1;
        }
    }
    arena_destroy(arena);
    return 0;
}
