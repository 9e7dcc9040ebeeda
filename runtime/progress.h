/* progress.h: what a run of training tells: lines or a line that redraws, a log, the end. */
#ifndef GRADC_PROGRESS_H
#define GRADC_PROGRESS_H

#include "runtime/optimizer.h"
#include "runtime/seeing.h"
#include "runtime/terminal.h"

typedef struct {
    FILE *stream; /* standard output, or standard error where the result goes to standard output */
    bool quiet;
    Terminal terminal;
    double started, last_drawn;
    Curve *curve; /* NULL, or where the points of the learning curve go */
    int log;      /* file descriptor, or -1 */
    const char *log_path;
    int64_t logged; /* bytes of the log */
} Progress;

/* `to_error`: standard output is taken by the result. `logged`: so many bytes of the log are there
 * already; -1: it begins anew. */
bool progress_start(Context *context, Progress *progress, bool quiet, bool to_error,
                    const char *log_path, bool validates, int64_t logged);
/* Is the objective of this epoch wanted? */
bool progress_due(const Progress *progress, const Training *training);
bool progress_epoch(Progress *progress, const Training *training, bool last);
/* Between reports, on a terminal. */
void progress_draw(Progress *progress, const Training *training, bool now);
void progress_clear(Progress *progress); /* before other text */
bool progress_end(Progress *progress, const Training *training, const View *view);

#endif
