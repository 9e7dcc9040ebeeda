/* ranks.h: a trainer under mpirun. Rank 0 is the trainer: it alone reads options, decides, prints
 * and writes. The others have the data too, and do their share of the chunks of rank 0's
 * evaluations over all samples. What comes back are the chunks' own sums, which rank 0 adds as
 * ever: results are the same bits for any number of ranks. */
#ifndef GRADC_RANKS_H
#define GRADC_RANKS_H

#include "runtime/runtime.h"

/* Under mpirun with more ranks than one: joins them, else NULL in *ranks. False: reported. */
bool ranks_start(Context *context, Ranks **ranks);
/* Is this process one of those that only help? */
bool ranks_helps(const Ranks *ranks);
/* A helper's life, with the data loaded or not (`ready`), until rank 0 ends it. */
void ranks_serve(Session *session, Ranks *ranks, bool ready);
/* Rank 0, once its data are there: are all others as far? From then on evaluations of these data
 * are shared; `stopped` ends waiting. False: reported. */
bool ranks_share(Session *session, bool (*stopped)(void));
/* How many they are. */
int ranks_size(const Ranks *ranks);
/* Rank 0: sends the others home; all: leaves MPI. */
void ranks_end(Ranks *ranks);

/* A helper's or rank 0's first chunk, and the end of its chunks, of so many. */
int64_t ranks_first(const Ranks *ranks, int rank, int64_t chunks);
/* Rank 0: tells the others what to evaluate; false: nobody helps, all chunks are its own. */
bool ranks_ask(const Evaluator *evaluator, const Share *share, const void *params, size_t bytes);
/* Rank 0: takes what rank `rank` has made of its chunks; false: it is lost (reported once). */
bool ranks_take(Ranks *ranks, int rank, double *values, int64_t count, double *partials,
                size_t size);

#endif
