/* The text form: what is printed reads back as the same, for every kind of value; errors have a
 * place. */
#include "ir_test.h"

static const char text[] =
    "ir every_kind\n"
    "dim D\n"
    "dim K = 10\n"
    "dim m\n"
    "sample m\n"
    "index m.0 D.0 D.1 K.0 (D - 2).0 3.0 (D*(D + 1)//2).0\n"
    "leaf theta : real[D] param\n"
    "leaf W : real[D, D] param\n"
    "leaf rate : real const\n"
    "leaf A : real[D*(D + 1)//2] data\n"
    "leaf x : real[m, D] column\n"
    "leaf y : int[m] in K column\n"
    "leaf z : real argument\n"
    "leaf theta_dot : real[D] tangent of theta\n"
    "leaf s : int seed\n"
    "%1 = leaf theta\n"
    "%2 = leaf W\n"
    "%3 = leaf x\n"
    "%4 = leaf y\n"
    "%5 = idx D.0                    {D.0}\n"
    "%6 = idx m.0                    {m.0}\n"
    "%7 = idx K.0                    {K.0}\n"
    "%8 = read %1 %5                 {D.0}\n"
    "%9 = read %3 %6 %5              {m.0 D.0}\n"
    "%10 = mul %8 %9                 {m.0 D.0}\n"
    "%11 = sum D.0 %10               {m.0}\n"
    "%12 = max D.0 %10               {m.0}\n"
    "%13 = argmax D.0 %10            {m.0}\n"
    "%14 = lse D.0 %10               {m.0}\n"
    "%15 = read %4 %6                {m.0}\n"
    "%16 = eq %13 %15                {m.0}\n"
    "%17 = convert %16               {m.0}\n"
    "%18 = select %16 %11 %12        {m.0}\n"
    "%19 = guard %16 %14             {m.0}\n"
    "%20 = deposit [m.0] [K.0] %18 %15 {K.0}\n"
    "%21 = const 0.5\n"
    "%22 = const 3\n"
    "%23 = const true\n"
    "%24 = const -1e-300\n"
    "%25 = const inf\n"
    "%26 = size D*(D + 1)//2\n"
    "%27 = size D - 2\n"
    "%28 = array [D.0] %10           {m.0}\n"
    "%29 = state 1.0 D.0 %21         {m.0 D.0}\n"
    "%30 = state 1.1 D.0 %1          {m.0 D.0}\n"
    "%31 = mul %9 %29                {m.0 D.0}\n"
    "%32 = idx D.1                   {D.1}\n"
    "%33 = read %30 %32              {m.0 D.0 D.1}\n"
    "%34 = mul %31 %33               {m.0 D.0 D.1}\n"
    "%35 = array [D.1] %34           {m.0 D.0}\n"
    "%36 = scan 1 D.0 - %21 %1 %31 %35 {m.0}\n"
    "%37 = pick 1 %36                {m.0}\n"
    "%38 = const 0\n"
    "%39 = read %37 %38 %32          {m.0 D.1}\n"
    "%40 = var %8                    {D.0}\n"
    "%41 = sin %40                   {D.0}\n"
    "%42 = deriv %41 %40             {D.0}\n"
    "%43 = leaf s\n"
    "%44 = random_uniform %43 %5     {D.0}\n"
    "%45 = lib cholesky %2\n"
    "out value = %21 value\n"
    "out p[m.0, D.0] = %9 array\n"
    "out grad.theta[D.0] = %8 gradient theta add\n"
    "out step[D.0] = %8 array update theta\n"
    "out slope = %21 derivative\n"
    "out hessian.theta.theta[D.0, D.1] = %8 matrix theta rows 1 at 0 by D\n"
    "out hessian.W.theta[D.0, K.0, D.1] = %8 matrix theta rows 2 at D*D by D\n";

static Ir *parse(Fixture *f, const char *source, bool print) {
    Sources *sources = sources_create(f->arena);
    uint32_t file = sources_add(sources, "test.ir", source, strlen(source), false);
    Diags *diags = diags_create(f->arena, sources);
    Ir *ir = ir_from_text(f->arena, f->names, diags, sources, file);
    CHECK((ir == NULL) == (diags_errors(diags) > 0));
    if (print && ir == NULL) {
        diags_print(diags, COLOR_NEVER);
    }
    return ir;
}

static void test_every_kind(Fixture *f) {
    Ir *ir = parse(f, text, true);
    if (ir == NULL) {
        failures++;
        return;
    }
    CHECK_TEXT(ir_text(ir), text);
    const char *problem = ir_verify(ir);
    CHECK(problem == NULL);
    if (problem != NULL) {
        printf("%s\n", problem);
    }
    CHECK_TEXT(ir_text(ir), text); /* verifying changes nothing */
}

static void test_freedom(Fixture *f) {
    Ir *ir = parse(f,
                   "; RUN: nothing\n\n  ir a # comment\nleaf x : real argument\n"
                   "%10=leaf x\n%20 = add %10 %10 ; and more\nout y = %20 value",
                   true);
    CHECK(ir != NULL && ir_count(ir) == 3 && strcmp(ir->name, "a") == 0);
}

/* Each is refused, without harm. */
static void test_errors(Fixture *f) {
    static const char *const wrong[] = {
        "nonsense\n",
        "%1 = \n",
        "%1 = unknown %2\n",
        "%1 = const\n",
        "%1 = const 1.0 extra\n",
        "%2 = neg %1\n",
        "%1 = const 1\n%2 = neg %2\n",
        "%1 = const 1.0\n%2 = add %1\n",
        "%0 = const 1\n",
        "%1 = leaf nobody\n",
        "leaf x : complex param\n",
        "leaf x : real[D param\n",
        "leaf x : real[D] nothing\n",
        "%1 = idx D\n",
        "%1 = idx D.99999999999\n",
        "%1 = size D +\n",
        "%1 = size ((((((((((((((((((((((((((((((((((((((((((((((((((((((((D\n",
        "%1 = const 1.0\n%2 = pick 0 %1\n",
        "%1 = const 1.0\n%2 = state 0.0 D.0 %1 {D.0}\n",
        "%1 = const 1.0\n%2 = array [] %1\n",
        "%1 = const 1.0\nout y = %1\n",
        "out y = %1 value\n",
        "out y[D.0 = %1 value\n",
        "%1 = const 1.0\nout y = %1 gradient theta\n",
        "each m\n",
        "%999999999999 = const 1\n",
        "leaf x : real[1,1,1,1,1,1,1,1,1] param\n",
    };
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        if (parse(f, wrong[k], false) != NULL) {
            printf("accepted: %s", wrong[k]);
            failures++;
        }
    }
}

/* Texts that were cut, or have a byte changed, are read or refused; what is read is verified or
 * not. */
static void test_mutations(Fixture *f) {
    uint64_t state = 1;
    for (int round = 0; round < 3000; round++) {
        char changed[sizeof text];
        memcpy(changed, text, sizeof text);
        int at = random_below(&state, (int)sizeof text - 1);
        if (round % 2) {
            changed[at] = '\0';
        } else {
            changed[at] = " %[]{}.=0123456789Dmxadd-"[random_below(&state, 25)];
        }
        Fixture g = fixture_create();
        Ir *ir = parse(&g, changed, false);
        if (ir != NULL) {
            (void)ir_text(ir);
        }
        arena_destroy(g.arena);
    }
    (void)f;
}

/* The verifier finds what a pass could have done wrong. */
static void test_verify(Fixture *f) {
    static const char *const wrong[][2] = {
        {"%1 = const 1.0\n%2 = const 0.0\n%3 = add %1 %2\n", "canonical"},
        {"leaf x : real argument\n%1 = leaf x\n%2 = neg %1\n%3 = neg %2\n", "canonical"},
        {"%1 = const 1\n%2 = const 1.0\n%3 = add %1 %2\n", "kind"},
        {"%1 = const 1.0\n%2 = guard %1 %1\n", "condition"},
        {"leaf x : real[D] argument\n%1 = leaf x\n%2 = neg %1\n", "array"},
        {"leaf x : real[D] argument\n%1 = leaf x\n%2 = const 1\n%3 = read %1 %2 %2\n", "operands"},
        {"leaf x : real[D] argument\n%1 = leaf x\n%2 = const 1.0\n%3 = read %1 %2\n", "position"},
        {"%1 = const 1.0\n%2 = sum D.0 %1\n", "not free"},
        {"leaf x : real[D] argument\n%1 = leaf x\n%2 = idx D.0\n%3 = read %1 %2\nout y = %3 "
         "value\n",
         "free index"},
        {"leaf x : real[D] argument\n%1 = leaf x\nout y = %1 value\n", "array"},
        {"%1 = idx D.0\n%2 = const 1.0\n%3 = deposit [] [D.0] %2 %1\n", "target"},
        {"%1 = const 1.0\n%2 = state 1.0 D.0 %1 {D.0}\n", "no scan"},
    };
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        Ir *ir = parse(f, wrong[k][0], true);
        const char *problem = ir == NULL ? "not read" : ir_verify(ir);
        if (problem == NULL || strstr(problem, wrong[k][1]) == NULL) {
            printf("%s: %s\n", wrong[k][0], problem == NULL ? "no problem found" : problem);
            failures++;
        }
    }
}

int main(void) {
    Fixture f = fixture_create();
    test_every_kind(&f);
    test_freedom(&f);
    test_errors(&f);
    test_verify(&f);
    test_mutations(&f);
    arena_destroy(f.arena);
    return failures > 0;
}
