/* lanes.h: what the files share that put the samples of a block innermost: lanes.c decides, finds
 * what differs between samples and what segments hand on, and reads values at a lane;
 * lanes_write.c writes the loops. */
#ifndef GRADC_LOOP_LANES_H
#define GRADC_LOOP_LANES_H

#include "loop/fission.h"

/* Statements under a condition that differs from sample to sample, with loops in them. */
typedef struct {
    BufferId live;  /* 1 where the sample counts, else 0 */
    Effects inside; /* what its statements do, */
    Effects others; /* and all others of the body */
} Region;

typedef struct {
    Plan *plan;
    Fission f;
    const LoopStmt *loop;
    bool *varies;          /* by variable: from sample to sample */
    bool *changes;         /* by variable: an accumulator, or the like */
    bool *inlined;         /* by variable: a LET that is written where it is read */
    const LoopExpr **said; /* by variable: the value of a LET */
    unsigned *declared;    /* by variable: the segment of its LET */
    const LoopExpr **as;   /* by variable: what stands for it in a copy of a body, or NULL */
    bool renames;          /* the loop stays besides, with its variables, */
    bool copying;          /* or the body of a loop is being written several times */
    bool *crosses;         /* by variable: read in another segment */
    uint8_t *all;          /* by buffer: what the body does with it */
    bool *turned;          /* by buffer: a column that is copied for the block, into */
    BufferId *copy;        /* by buffer: this one */
    BufferId *array;       /* by variable: entries of the samples; valid where crosses or changes */
    unsigned segment;      /* the present one */
    unsigned nests;        /* loops in loops */
    VarId first, rows;     /* the first sample of the block; how many there are */
    const LoopExpr *samples;
    const char *lane_name;
    const LoopExpr *lane; /* counter of the loop that is being written */
    const Region *region; /* the condition that is being written, or NULL */
    bool safe;            /* all of the segment can be done where it does not count */
    LoopStmt *body, **body_end;
    LoopStmt *after, **after_end;
    bool reduces;
} Lanes;

/* ---- lanes.c
 * ------------------------------------------------------------------------------------------------
 */

/* Does it differ from sample to sample? */
bool lanes_varies(const Lanes *l, const LoopExpr *x);
/* Statements that stand outside of a loop over the samples. */
bool lanes_outside(const Lanes *l, const LoopStmt *stmt);
/* The entries that a column has in a row; false: it is none. */
bool lanes_column(const Plan *plan, BufferId b, Dim *size);
/* A buffer that has so many entries for each lane. */
BufferId lanes_buffer(Lanes *l, const char *name, Kind kind, Dim entries);
/* Position `index` of what each sample has, at the present lane. */
const LoopExpr *lanes_at(Lanes *l, const LoopExpr *index);
/* The sample at the present lane, or the last one. */
const LoopExpr *lanes_sample(Lanes *l);
/* The entry of a variable at the present lane. */
const LoopExpr *lanes_entry(Lanes *l, VarId var);
/* The expression at the present lane; NULL stays. */
const LoopExpr *lanes_here(Lanes *l, const LoopExpr *x);
/* May it be computed for lanes that do not count? Positions that differ may be outside. */
bool lanes_safe(Lanes *l, const LoopExpr *x);

/* ---- lanes_write.c
 * ------------------------------------------------------------------------------------------------
 */

/* A new loop over the lanes, which has no statements yet. */
void lanes_begin(Lanes *l);
LoopStmt *lanes_if(const Lanes *l, const LoopExpr *condition, LoopStmt *body);
/* The loop over blocks, with all that stands in it. */
LoopStmt *lanes_write(Lanes *l);

#endif
