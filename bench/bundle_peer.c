/* The peer of bundle.sh: the residuals of bundle adjustment (ADBench's definition), in plain C as
 * one writes them: an observation after the other. To be compiled with -O3 -march=native
 * -ffast-math. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

static void cross(const double *a, const double *b, double *out) {
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

static void turn(const double *r, const double *x, double *out) {
    double s = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
    double v[3], w[3];
    if (s == 0) {
        cross(r, x, v);
        for (int i = 0; i < 3; i++) {
            out[i] = x[i] + v[i];
        }
        return;
    }
    double theta = sqrt(s);
    double c = cos(theta);
    double along = 0;
    for (int i = 0; i < 3; i++) {
        w[i] = r[i] / theta;
        along += w[i] * x[i];
    }
    cross(w, x, v);
    for (int i = 0; i < 3; i++) {
        out[i] = x[i] * c + v[i] * sin(theta) + w[i] * along * (1 - c);
    }
}

static void residual(const double *cam, const double *x, double w, const double *feat,
                     double *out) {
    double y[3] = {x[0] - cam[3], x[1] - cam[4], x[2] - cam[5]};
    double p[3];
    turn(cam, y, p);
    double a = p[0] / p[2];
    double b = p[1] / p[2];
    double s = a * a + b * b;
    double l = 1 + cam[9] * s + cam[10] * s * s;
    out[0] = w * (a * l * cam[6] + cam[7] - feat[0]);
    out[1] = w * (b * l * cam[6] + cam[8] - feat[1]);
}

void bundle_peer(size_t n, const double *cams, const double *points, const double *w,
                 const double *feats, const int64_t *cam, const int64_t *point, double *err,
                 double *w_err) {
    for (size_t i = 0; i < n; i++) {
        residual(cams + 11 * cam[i], points + 3 * point[i], w[i], feats + 2 * i, err + 2 * i);
    }
    for (size_t i = 0; i < n; i++) {
        w_err[i] = 1 - w[i] * w[i];
    }
}
