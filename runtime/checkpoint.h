/* checkpoint.h: a run of training that can be interrupted at any moment and goes on with the same
 * bits (--checkpoint-every, --resume).
 *
 * What a run remembers is known here by kind, not by method: the numbers of Training from `rate` to
 * its end, params and state vectors, the order of the samples, statistics, the length of the log.
 * A method that keeps its state in Training needs nothing more. */
#ifndef GRADC_CHECKPOINT_H
#define GRADC_CHECKPOINT_H

#include "runtime/progress.h"

typedef struct Checkpoint Checkpoint;

/* What --checkpoint-every and --resume say. *usage: what failed is the command line's. Without
 * either training->checkpoint stays NULL, and the functions below do nothing. */
bool checkpoint_start(Session *session, Training *training, bool *usage);
/* --resume: takes the state of the file, if there is one; training->resumed says so. */
bool checkpoint_resume(Training *training);
/* --log, of a run that goes on: how many bytes of that file are its. -1: it begins anew. */
int64_t checkpoint_log(const Training *training);
void checkpoint_watch(Training *training, const Progress *progress); /* before the first epoch */
/* Before an epoch, all of the last one done and told, or where a run goes on: keeps the state, and
 * writes it where that is due. False: the first one cannot be written (reported). Later ones that
 * fail are warnings. */
bool checkpoint_epoch(Training *training);
/* The run ends by a signal: within an epoch, at a place that training_pause was told of (else the
 * epoch is done again), or between epochs. */
void checkpoint_stop(Training *training, bool between);
/* What the rows of this rank, under mpirun, have to do with the data that a checkpoint is of. */
bool checkpoint_own_checksums(const Session *session, uint64_t *sums);
/* At the end: a run that succeeded needs its checkpoint no longer. */
void checkpoint_end(Training *training, bool succeeded);

#endif
