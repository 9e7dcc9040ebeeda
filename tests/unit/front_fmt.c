/* The canonical layout: pairs of what is written and what becomes of it. */
#include "front_build.h"

static const struct {
    const char *text, *layout;
} rows[] = {
    {"", ""},
    {"\n\n  # a\n\n\n\n#b  \n", "# a\n\n#b\n"},
    {"f ( x )=2*x+-3^-x[ 0 ] '\n", "f(x) = 2 * x + -3^-x[0]'\n"},
    {"f(x)=x[1. ..2]+x[..n]+x[:,1..]", "f(x) = x[1. ..2] + x[..n] + x[:, 1..]\n"},
    {"f(x)=not(a)and-b or(c)", "f(x) = not (a) and -b or (c)\n"},
    {"param a,b [ 3 ]>0=1~normal(0,5),\n c in(0,1)\n",
     "param a, b[3] > 0 = 1 ~ normal(0, 5),\n      c in (0, 1)\n"},
    {"train{method=sgd;rate=-3}", "train { method = sgd; rate = -3 }\n"},
    {"train{method=sgd;rate=-3\nepochs=3}",
     "train {\n    method = sgd\n    rate = -3\n    epochs = 3\n}\n"},
    {"train{}", "train {}\n"},
    {"const a = 1;const b = 2;\n", "const a = 1; const b = 2\n"},
    {"f(x)\n{\n\n\ta=x;b=a\n\n\n  # why\n return a}\n",
     "f(x) {\n    a = x\n    b = a\n\n    # why\n    return a\n}\n"},
    {"f(x) { return x }", "f(x) { return x }\n"},
    {"f(x) {\nfor t in 1..n while y>3 { y=3;z=4 }\nfor t in n {\n y=3 }\nreturn y }",
     "f(x) {\n    for t in 1..n while y > 3 { y = 3; z = 4 }\n    for t in n {\n        y = 3\n"
     "    }\n    return y\n}\n"},
    /* continuation lines */
    {"f(x) = a\n+ b\n+ c", "f(x) = a\n     + b\n     + c\n"},
    {"f(x)\n = a\n+ b", "f(x)\n    = a\n    + b\n"},
    {"f(x) =\na\n+ b", "f(x) =\n    a\n    + b\n"},
    {"f(x) = if a then b\nelse if c then d\nelse e",
     "f(x) = if a then b\n       else if c then d\n       else e\n"},
    {"f(x) = sum(a\n+ b for i)", "f(x) = sum(a\n           + b for i)\n"},
    {"f(x) = g(\na,\nb\n)", "f(x) = g(\n    a,\n    b\n)\n"},
    {"f(x) {\nreturn a,\nb\n}", "f(x) {\n    return a,\n           b\n}\n"},
    {"f(x) {\nreturn a\n+ b\n}", "f(x) {\n    return a\n         + b\n}\n"},
    /* comments */
    {"dim D   # one\n        # two\n# three\n", "dim D   # one\n        # two\n# three\n"},
    {"dim D# one\n", "dim D  # one\n"},
    {"f(x) = (a # one\n + b # two\n)", "f(x) = (a  # one\n        + b  # two\n       )\n"},
    {"f(x) { # one\n return x # two\n # three\n} # four",
     "f(x) {  # one\n    return x  # two\n    # three\n}  # four\n"},
    /* long lines */
    {"some_function_with_a_name(x) = aaaaaaaaaaaaaaaaaaaaaaaa * bbbbbbbbbbbbbbbbbbbbbbbbbbbbb + "
     "ccccccccccccccccccc * dddddddddddd",
     "some_function_with_a_name(x) = aaaaaaaaaaaaaaaaaaaaaaaa * bbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n"
     "                             + ccccccccccccccccccc * dddddddddddd\n"},
    {"f(x) { aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = x; bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb "
     "= x; return x }",
     "f(x) {\n    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = x\n"
     "    bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb = x\n    return x\n}\n"},
    {"f(x) = "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaa",
     "f(x) =\n    "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaa\n"},
};

int main(void) {
    int failures = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        Front front = front_build();
        const char *found = front_build_format(&front, rows[i].text);
        if (found == NULL || strcmp(found, rows[i].layout) != 0) {
            printf("%s\nfound\n%s\nwanted\n%s\n", rows[i].text, found == NULL ? "errors" : found,
                   rows[i].layout);
            failures++;
        } else if (!front_build_is_stable(&front, rows[i].text)) {
            printf("not stable: %s\n", rows[i].text);
            failures++;
        }
        arena_destroy(front.arena);
    }
    return failures > 0;
}
