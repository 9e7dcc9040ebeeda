/* Times the Jacobian blocks of bundle adjustment (bundle.model), 2 by 15 for each observation and
 * one number for its weight, beside the residuals in plain C (bundle_peer.c), one thread: medians
 * of 9 rounds in turns. Residuals are compared, and blocks with difference quotients of the peer.
 * Prints a Markdown table. */
#include "bundle.h"
#include "measure.h"
#include "weight.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void bundle_peer(size_t n, const double *cams, const double *points, const double *w,
                 const double *feats, const int64_t *cam, const int64_t *point, double *err,
                 double *w_err);

enum { ROUNDS = 9, KINDS = 3, CAM = 11, POINT = 3, COLUMNS = 15 };

static double *cams, *points, *w, *feats, *err, *w_err, *blocks, *w_blocks;
static int64_t *cam, *point;

static double uniform(double low, double high) {
    return low + (high - low) * rand() / RAND_MAX;
}

static void jacobians(size_t n) {
    for (size_t i = 0; i < n; i++) {
        bundle_residual_jacobian(cams + CAM * cam[i], points + POINT * point[i], w[i],
                                 feats + 2 * i, err + 2 * i, blocks + 2 * COLUMNS * i);
    }
    for (size_t i = 0; i < n; i++) {
        weight_error_jacobian(w[i], w_err + i, w_blocks + i);
    }
}

static void residuals(size_t n) {
    for (size_t i = 0; i < n; i++) {
        bundle_residual(cams + CAM * cam[i], points + POINT * point[i], w[i], feats + 2 * i,
                        err + 2 * i);
    }
    for (size_t i = 0; i < n; i++) {
        w_err[i] = weight_error(w[i]);
    }
}

static void run(int kind, size_t n) {
    if (kind == 0) {
        jacobians(n);
    } else if (kind == 1) {
        residuals(n);
    } else {
        bundle_peer(n, cams, points, w, feats, cam, point, err, w_err);
    }
}

/* The variable of column c of the blocks of observation i. */
static double *variable(size_t i, int c) {
    return c < CAM           ? cams + CAM * cam[i] + c
           : c < CAM + POINT ? points + POINT * point[i] + c - CAM
                             : w + i;
}

static void check(size_t n) {
    double side[2][2];
    double wanted[2];
    for (size_t i = 0; i < n; i += 97) {
        run(2, n);
        wanted[0] = err[2 * i];
        wanted[1] = err[2 * i + 1];
        run(0, n);
        for (int c = 0; c < COLUMNS; c++) {
            double *x = variable(i, c);
            const double at = *x;
            const double step = 1e-6 * (fabs(at) + 1e-2);
            for (int s = 0; s < 2; s++) {
                *x = at + (s ? step : -step);
                double one[2];
                bundle_peer(1, cams, points, w + i, feats + 2 * i, cam + i, point + i, one,
                            &(double){0});
                side[s][0] = one[0];
                side[s][1] = one[1];
            }
            *x = at;
            for (int k = 0; k < 2; k++) {
                const double slope = (side[1][k] - side[0][k]) / (2 * step);
                const double found = blocks[2 * COLUMNS * i + (size_t)(COLUMNS * k + c)];
                if (!(fabs(found - slope) <= 1e-5 * (fabs(slope) + 1)) ||
                    !(fabs(err[2 * i + (size_t)k] - wanted[k]) <= 1e-11 * (fabs(wanted[k]) + 1))) {
                    fprintf(stderr, "observation %zu, column %d: %.12g and %.12g\n", i, c, found,
                            slope);
                    exit(1);
                }
            }
        }
    }
}

static void *array(size_t count) {
    return malloc(count * sizeof(double));
}

static void compare(size_t camera_count, size_t point_count, size_t n) {
    double times[KINDS][ROUNDS];
    cams = array(CAM * camera_count);
    points = array(POINT * point_count);
    w = array(n);
    feats = array(2 * n);
    err = array(2 * n);
    w_err = array(n);
    blocks = array(2 * COLUMNS * n);
    w_blocks = array(n);
    cam = array(n);
    point = array(n);
    for (size_t k = 0; k < camera_count; k++) {
        for (int i = 0; i < CAM; i++) {
            cams[CAM * k + (size_t)i] = i == 6 ? uniform(400, 600) : uniform(-0.1, 0.1);
        }
    }
    for (size_t k = 0; k < POINT * point_count; k++) {
        points[k] = k % POINT == 2 ? uniform(3, 6) : uniform(-1, 1);
    }
    for (size_t i = 0; i < n; i++) {
        w[i] = uniform(0.5, 1);
        cam[i] = rand() % (int)camera_count;
        point[i] = rand() % (int)point_count;
        feats[2 * i] = uniform(-200, 200);
        feats[2 * i + 1] = uniform(-200, 200);
    }
    check(n < 1000 ? n : 1000);
    const size_t repeat = 1 + 300000 / n;
    for (int round = 0; round < ROUNDS; round++) {
        for (int kind = 0; kind < KINDS; kind++) {
            double start = now();
            for (size_t r = 0; r < repeat; r++) {
                run(kind, n);
            }
            times[kind][round] = (now() - start) / (double)(repeat * n) * 1e9;
        }
    }
    const double t[] = {median(times[0], ROUNDS), median(times[1], ROUNDS),
                        median(times[2], ROUNDS)};
    printf("| %zu | %zu | %zu | %.1f | %.1f | %.1f | %.2f | %.2f |\n", camera_count, point_count, n,
           t[0], t[1], t[2], t[0] / t[2], t[1] / t[2]);
    double *all[] = {cams, points, w, feats, err, w_err, blocks, w_blocks};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        free(all[k]);
    }
    free(cam);
    free(point);
}

int main(void) {
    puts("| cameras | points | observations | Jacobian blocks, ns | residuals, ns | plain C "
         "residuals, ns | blocks / plain C | residuals / plain C |");
    puts("| --- | --- | --- | --- | --- | --- | --- | --- |");
    compare(5, 500, 1000);
    compare(21, 11315, 36455);
    return 0;
}
