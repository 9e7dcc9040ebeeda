/* seeing.h: what a run looks like: the learning curve, the fit beside the data, residuals, the
 * confusion matrix, each as a picture, and all together as a page. */
#ifndef GRADC_SEEING_H
#define GRADC_SEEING_H

#include "runtime/errors.h"
#include "runtime/optimizer.h"
#include "runtime/plot.h"

/* ---- curve.c: the learning curve, as long as the run may be ---- */

enum { CURVE_POINTS = 2000 };

typedef struct {
    int64_t epoch;
    double objective;
    double gradient;   /* NaN: not known */
    double validation; /* NaN: none */
} CurvePoint;

typedef struct {
    size_t count;
    int64_t stride; /* epochs from one point to the next */
    CurvePoint points[CURVE_POINTS];
} Curve;

/* `costly`: points are evaluations that the method could do without, so there are 200 at most. */
Curve *curve_new(Context *context, int64_t epochs, bool costly);
bool curve_due(const Curve *curve, int64_t epoch);
/* Keeps the point; when there are too many, every second one goes. `last`: it is kept anyway. */
void curve_add(Curve *curve, const CurvePoint *point, bool last);

/* ---- fitted.c: what the model says of the data ---- */

typedef struct {
    const char *none; /* why there is nothing to see; NULL: there is */
    bool classes;     /* the target is a class */
    size_t target;    /* the column */
    int64_t rows, width;
    double *predicted; /* rows × width */
    int64_t input;     /* the column that is all that forward reads, one number; or -1 */
    /* of classes: */
    size_t class_count;
    const char **names;
    int64_t *counts; /* row: what it is, column: what was predicted */
    int64_t right;
} Fitted;

/* False: reported (memory); what cannot be seen is said by `none`. */
bool fitted_make(Session *session, double *params, Fitted *fitted);
/* The forward of `count` values of the only input: x gets what they are rounded to. */
bool fitted_curve(Session *session, double *params, const Fitted *fitted, double *x, double *y,
                  size_t count);
/* Entry k of row i of a column of the data, as a double. */
double column_value(const Model *model, const Data *data, size_t column, int64_t row,
                    int64_t entry);
/* The same value before --standardize: as the data have it. */
double column_unscaled(const Model *model, size_t column, int64_t entry, double value);
/* How a column is called in the data, if that is one name; else in the model. */
const char *column_label(const Column *column);

/* predict.c: forward of all samples (or rows), `values` has room for them. */
bool predict_all(Session *session, double *params, double *values);

/* ---- seeing.c ---- */

typedef enum {
    PLOT_CURVE,
    PLOT_FIT,
    PLOT_RESIDUALS,
    PLOT_CONFUSION,
    PLOT_COUNT,              /* those that options ask for */
    PLOT_SPREAD = PLOT_COUNT /* how the residuals are distributed: on the page only */
} PlotKind;

typedef struct {
    Session *session;
    const char *paths[PLOT_COUNT]; /* NULL: not asked for */
    const char *page;              /* NULL, or --report=FILE.html */
    Plotter *plotter;              /* NULL: no pictures */
    Curve *curve;                  /* NULL: nobody asks */
} Seeing;

/* Are the options right, and can pictures be drawn? Before the work begins. False: reported, in
 * session->usage whether it was the command line. */
bool seeing_start(Session *session, Seeing *seeing);

/* What there is to say at the end of a run; `training` and `view` are NULL in `eval`. */
typedef struct {
    double *params;
    Evaluator *evaluator;
    const Training *training;
    const View *view;
    const Errors *errors; /* of the numbers of the view, or NULL */
    const char *how;      /* how it ended: "converged after 20 epochs" */
} Ending;

/* Writes all files that were asked for. */
bool seeing_end(Seeing *seeing, const Ending *ending);

/* A picture of a kind, as the bytes of a file; titled: with title and note in it, and a background.
 * `alt` gets what it shows, in words. There must be something to see. False: reported. */
typedef struct {
    const Seeing *seeing;
    const Ending *ending;
    const Fitted *fitted;
    PictureKind kind;
    bool titled;
} Look;

bool look_make(const Look *look, PlotKind kind, Text *bytes, Text *alt);
/* Is there anything of this kind to see? NULL: yes; else why not. */
const char *look_none(const Look *look, PlotKind kind);

/* ---- report_html.c ---- */

/* The page of --report. */
bool page_write(const Seeing *seeing, const Ending *ending, const Fitted *fitted);

/* ---- sha256.c ---- */

enum { SHA256_TEXT = 65 };

/* The SHA-256 of a file, as sha256sum writes it; false: it cannot be read. */
bool sha256_file(const char *path, char text[SHA256_TEXT], int64_t *bytes);

#endif
