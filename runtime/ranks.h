/* ranks.h: a trainer under mpirun. Rank 0 is the trainer: it alone decides, prints and writes. Each
 * rank has a part of the samples; when rank 0 needs a sum over all of them it says of what
 * (ranks_ask), all ranks make their own, and the sums are added along a tree that is fixed by the
 * number of ranks. So results are the same bits for the same number of ranks, however many threads
 * each has.
 *
 *     ranks.c        joining, and what goes over the wire
 *     ranks_load.c   which rank has which samples, and how it comes to read these alone
 *     ranks_work.c   what the other ranks do
 */
#ifndef GRADC_RANKS_H
#define GRADC_RANKS_H

#include "runtime/mpi.h"
#include "runtime/optimizer.h"

typedef enum {
    WORK_END,       /* go home */
    WORK_START,     /* the data are there, on all ranks; `count`: the most samples of a batch */
    WORK_OBJECTIVE, /* Σ loss of all samples */
    WORK_GRADIENT,  /* and its gradient */
    WORK_PRODUCT,   /* its Hessian times `extra`, a direction as kernels take it */
    WORK_CURVATURE, /* its Hessian, by kernel curvature */
    WORK_FACTOR,    /* the triangle of the residuals' Jacobian */
    WORK_BATCH,     /* Σ loss of the samples that `extra` numbers, and its gradient */
    WORK_BAD,       /* the first sample (of those that `extra` numbers, or of all) that is bad */
    WORK_CHECKSUMS  /* of the columns */
} Work;

enum { RANKS_BATCH = 1024 }; /* samples of a batch that is worth the messages */

struct Ranks {
    Context *context;
    const MpiTable *mpi;
    int rank, size;
    FILE *errors;        /* a helper's own standard error */
    const Data *data;    /* what is shared, once it is */
    bool part;           /* rank 0, too, has its own samples only */
    bool told;           /* all know what has become of reading the data */
    int64_t first, held; /* samples of this rank: they begin at sample `first` of all */
    int64_t samples;     /* of all ranks */
    bool (*stopped)(void);
    bool lost; /* a rank is, or a signal came: nothing is asked any more */
    double *room;
    size_t room_count;
};

/* First of all: is this one of several ranks of mpirun? Then context->ranks says so, and none but
 * rank 0 prints anything. False: reported. */
bool ranks_find(Context *context);
/* Joins the others, if there are some. False: reported. */
bool ranks_join(Context *context);
/* Is this process one of those that only help? */
bool ranks_helps(const Ranks *ranks);
/* All: leaves MPI; rank 0 sends the others home before. Where loading failed nothing is to be left:
 * mpirun ends the others when one has failed. */
void ranks_end(Ranks *ranks, bool failed);

/* ---- ranks_load.c ---- */

/* Is this file one whose samples the ranks share? */
bool ranks_share_data(const Session *session, const char *path, const Data *data);
/* Instead of data_load: each rank reads its own lines, where that can be, or everything. */
bool ranks_load(Session *session, const LoadOptions *options, const char *path, Data *data);
/* Once samples are known: which of them are whose. False: reported. */
bool ranks_divide(Session *session, Data *data);

/* ---- for rank 0 ---- */

/* Training begins: from now on sums over the session's data are shared. `stopped` ends waiting.
 * False: reported. */
bool ranks_begin(Session *session, int64_t batch, bool (*stopped)(void));
/* Is a rank lost? What was computed since is NaN. */
bool ranks_lost(const Ranks *ranks);
/* Does this evaluator go over the samples of all ranks? */
bool ranks_shares(const Evaluator *evaluator);
/* The same, of batches of so many samples: smaller ones are faster on one rank. */
bool ranks_shares_batches(const Evaluator *evaluator, int64_t batch);
/* Tells the others what to make; false: nobody helps. `params` may be NULL. */
bool ranks_ask(const Evaluator *evaluator, Work work, const double *params, const void *extra,
               int64_t count);

/* ---- for all ---- */

/* Takes what another rank has made into one's own. */
typedef void Combine(void *closure, double *mine, double *other, size_t count);
/* Adds up, or combines, what all ranks have made, to rank 0's. On rank 0, where one is lost, the
 * numbers become NaN. False: it is. */
bool ranks_reduce(Ranks *ranks, double *mine, size_t count, Combine *combine, void *closure);
/* The same of a value and of `count` numbers (or NULL): returns the value. */
double ranks_sum(Ranks *ranks, double value, double *numbers, size_t count);
/* Of the samples that `order` numbers those of this rank, by their place in it, to `own`; returns
 * how many. */
int64_t ranks_own(const Ranks *ranks, const int64_t *order, int64_t count, int64_t *own);
/* Which is bad: the place of a sample, or INFINITY, and its loss; of all ranks the first. */
void ranks_first_bad(Ranks *ranks, double pair[2]);
/* Wrapping sums. */
void ranks_sum_words(Ranks *ranks, uint64_t *words, size_t count);
/* Tells all ranks what each has to say: `count` words each to `all`. False: reported, by rank 0. */
bool ranks_tell(Ranks *ranks, const int64_t *mine, size_t count, int64_t *all);

/* ---- the others ---- */

/* What rank 0 has asked for. */
typedef struct {
    Work work;
    int64_t count;
    bool has_extra;
    void *extra;
    size_t room; /* of extra */
    char none[8];
} RanksOrder;
/* The next; params go to `params`. False: rank 0 is lost. */
bool ranks_next(Ranks *ranks, RanksOrder *order, double *params);
/* What a helper alone has to say, if rank 0 has not failed, too, and said why, in two seconds. */
void ranks_complain(Ranks *ranks, const char *what);
/* A helper's life, with the data loaded or not (`ready`), until rank 0 ends it; the status. */
int ranks_serve(Session *session, Ranks *ranks, bool ready);

#endif
