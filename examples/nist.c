/* Fits one of NIST's curves with NLopt, from NIST's second start, by the gradient of the mean loss
 * that gradc makes. MODEL is misra1a, danwood or thurber:
 *
 *     gradc -c misra1a.model
 *     cc -DMODEL=misra1a nist.c misra1a.o -lnlopt -lm -o misra1a && ./misra1a < data/misra1a.csv
 */
#include <math.h>
#include <nlopt.h>
#include <stdio.h>
#include <string.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#define TEXT_(a)    #a
#define TEXT(a)     TEXT_(a)

double JOIN(MODEL, _loss_batch)(const double *params, size_t m, const double *x, const double *y);
double JOIN(MODEL, _loss_batch_grad)(const double *params, size_t m, const double *x,
                                     const double *y, double *grad);

enum { MAX_ROWS = 64, MAX_PARAMS = 7 };

typedef struct {
    size_t rows;
    double x[MAX_ROWS], y[MAX_ROWS];
    double scale[MAX_PARAMS]; /* params are scale * z: the solver sees numbers near 1 */
} Table;

static double objective(unsigned n, const double *z, double *gradient, void *data) {
    const Table *table = data;
    double params[MAX_PARAMS], grad[MAX_PARAMS];
    for (unsigned k = 0; k < n; k++) {
        params[k] = table->scale[k] * z[k];
    }
    if (!gradient) {
        return JOIN(MODEL, _loss_batch)(params, table->rows, table->x, table->y);
    }
    double value = JOIN(MODEL, _loss_batch_grad)(params, table->rows, table->x, table->y, grad);
    for (unsigned k = 0; k < n; k++) {
        gradient[k] = grad[k] * table->scale[k];
    }
    return value;
}

int main(void) {
    /* NIST's second starts (https://www.itl.nist.gov/div898/strd/). */
    static const struct {
        const char *name;
        unsigned n;
        double start[MAX_PARAMS];
    } problems[] = {
        {"misra1a", 2, {250, 5e-4}},
        {"danwood", 2, {0.7, 4}},
        {"thurber", 7, {1300, 1500, 500, 75, 1, 0.4, 0.05}},
    };
    Table table = {.rows = 0};
    if (scanf("%*[^\n]") == EOF) {
        return 1;
    }
    while (table.rows < MAX_ROWS &&
           scanf("%lf,%lf", &table.y[table.rows], &table.x[table.rows]) == 2) {
        table.rows++;
    }
    for (size_t p = 0; p < sizeof problems / sizeof problems[0]; p++) {
        if (strcmp(problems[p].name, TEXT(MODEL)) != 0) {
            continue;
        }
        unsigned n = problems[p].n;
        double z[MAX_PARAMS], best;
        memcpy(table.scale, problems[p].start, sizeof table.scale);
        for (unsigned k = 0; k < n; k++) {
            z[k] = 1;
        }
        /* Moving asymptotes are cautious far from the optimum, BFGS quick near it. */
        for (int round = 0; round < 20; round++) {
            nlopt_opt solver = nlopt_create(round == 0 ? NLOPT_LD_MMA : NLOPT_LD_LBFGS, n);
            nlopt_set_min_objective(solver, objective, &table);
            nlopt_set_maxeval(solver, 2000);
            nlopt_optimize(solver, z, &best);
            nlopt_destroy(solver);
        }
        for (unsigned k = 0; k < n; k++) {
            printf("b%u = %.9g\n", k + 1, table.scale[k] * z[k]);
        }
        printf("residual sum of squares = %.8g\n", best * (double)table.rows);
    }
    return 0;
}
