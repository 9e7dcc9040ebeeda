/* validate.h: data that training does not see: parts of the data, the loss on them, early stopping,
 * cross-validation, and the search for constants. */
#ifndef GRADC_VALIDATE_H
#define GRADC_VALIDATE_H

#include "runtime/optimizer.h"

/* ---- split.c ---- */

/* The samples of `whole` that are marked (or not marked, as `marked` says), in their order. False:
 * there is no memory (reported). */
bool data_part(Context *context, const Model *model, const Data *whole, const bool *marks,
               bool marked, Data *part);
/* folds[i]: the fold of sample i, drawn by the seed; their sizes differ by one at most. */
bool data_folds(Context *context, const Data *data, int64_t count, uint64_t seed, int64_t *folds);
/* The sample of the file that sample i of the data is. */
int64_t data_sample_of_file(const Data *data, int64_t sample);

/* ---- validate.c: --validate and --patience ---- */

struct Validation {
    Data data;
    Evaluator evaluator;
    int64_t patience; /* 0: all epochs */
    double *metrics;  /* once validation_end was called */
};

/* Splits the data of the session, or loads others; sets training->validation and training->data.
 * Without --validate nothing changes. False: reported; session->usage tells whose fault it was. */
bool validation_start(Session *session, Training *training);
/* After an epoch; true: the patience is over. */
bool validation_look(Training *training);
/* At the end: back to the best params, if there is patience (it is said in training->ended), and
 * the metrics there. False: reported. */
bool validation_end(Training *training);

/* Back to the params where the loss was least, if there are any. */
void validation_restore(Training *training);

/* ---- tune.c: --cv, --search and --rate=auto ---- */

/* Are the options right? False: reported; session->usage says whether it is them. */
bool tune_check(Session *session);
/* Does what they ask for; prints to `stream` (NULL: nothing), leaves the best constants in the
 * model and a start by them in session->params, and what there is to know of points and folds in
 * training->searched and folds. `training`: settings and data of the final run. False: reported, or
 * a signal came. */
bool tune_run(Session *session, Training *training, FILE *stream);
/* Sets the rate of --rate=auto: that which has the least objective after a short run from the
 * start. False as above. */
bool rate_find(Session *session, Training *training, FILE *stream);

/* ---- train.c ---- */

/* A run by the settings over other data, silently, in memory of `context`; params are the start and
 * then the result. *finite: it did not diverge. False: reported, or a signal came. */
bool train_quietly(Session *session, const Training *settings, Context *context, const Data *data,
                   double *params, bool *finite);

#endif
