/* optimizer.h: methods of training. A method sees a Training: no files, no printing. A new one is a
 * row of optimizer.def and a constant `opt_NAME` in opt_NAME.c. */
#ifndef GRADC_OPTIMIZER_H
#define GRADC_OPTIMIZER_H

#include "runtime/runtime.h"

typedef enum {
    EPOCH_DONE,
    EPOCH_CONVERGED, /* no further epoch would change the parameters */
    EPOCH_DIVERGED,  /* `bad` says where; params are as they were there, good ones are in `good` */
    EPOCH_STOPPED,   /* by a signal, after a whole step */
} EpochStatus;

typedef struct Training Training;
typedef struct Validation Validation; /* validate.h */

typedef struct {
    const char *name, *help;
    bool full_batch; /* wants the objective and gradient of all rows before each epoch */
    bool batched;    /* takes --batch */
    double rate;     /* defaults */
    int64_t epochs, batch;
    double decay;  /* of --decay, where it is not given */
    size_t states; /* vectors as long as the parameters, zero at the start */
    EpochStatus (*epoch)(Training *training);
    void (*update)(Training *training); /* of a batched method: one step along `gradient` */
    /* of a batched method, or NULL: makes another gradient of that of the batch */
    void (*correct)(Training *training, int64_t first, int64_t rows);
    bool shrinks; /* treats terms c |θ| of the penalty apart: `shrink` has the c */
    /* or NULL: is the method none for that model? Then *why is what an error says */
    bool (*refuses)(const Training *training, const char **why);
    bool plain; /* the step is − rate · gradient, which a kernel may do */
} Optimizer;

extern const Optimizer *const optimizers[];
extern const size_t optimizer_count;

/* auto.c: the method that fits the model, the data and the options; *why: in a few words,
 * or NULL where the options leave no choice. */
const Optimizer *auto_method(const Session *session, const char **why);

/* Where numbers stopped to be finite. */
typedef struct {
    int64_t row; /* of the data; -1: no single row */
    double value;
    const char *what;
} Bad;

/* ---- schedule.c: the rate over a run ---- */

typedef struct ScheduleRow ScheduleRow;

typedef struct {
    const ScheduleRow *row;
    double values[2]; /* what they are says the table */
    double warmup;    /* epochs in which the rate rises to what it is without */
} Schedule;

/* --schedule=TEXT, NULL: constant. False: reported. */
bool schedule_read(Context *context, const char *text, Schedule *schedule);
/* Is the rate not the same for all steps? */
bool schedule_moves(const Schedule *schedule);
/* Sets the rate of the next step: `done` of this epoch are done, a step is `step` of it. */
void schedule_set(Training *training, double done, double step);

/* Does the method go by the rate that it is given? Else it finds its steps itself. */
bool optimizer_takes_rate(const Optimizer *optimizer);

struct Training {
    Context *context;
    const Model *model;
    const Data *data;
    Evaluator *evaluator;
    const Optimizer *optimizer;
    const char *chosen;            /* why, where auto.c had to choose it; else NULL */
    struct Checkpoint *checkpoint; /* or NULL */
    double *room[8];               /* of region.c */
    struct Curvature *curvature;   /* what second derivatives need, once they are asked for */
    bool (*stopped)(void);         /* has a signal asked to end? */
    StatisticsUse statistics;
    Schedule schedule;
    double max_time; /* seconds, 0: no limit */
    double end_time; /* of clock_seconds(), where max_time ends the run */
    int64_t report;
    bool finds_rate; /* --rate=auto */
    bool proximal;   /* terms c |θ| of the penalty are treated apart: `shrink` has them */
    bool resumed;    /* the next epoch is one that was begun, in a run that was interrupted */
    bool in_kernel;  /* steps are made by a kernel: `good` is only known where they went wrong */
    Bad bad;
    int64_t *order; /* of the samples from `base` on; NULL: that of the file */
    int64_t base;
    int64_t window;   /* samples are shuffled within so many, and the windows; 0: all together */
    int64_t *windows; /* room for the windows' order */
    void **staging;   /* rows of a shuffled batch, by column */
    int64_t *numbers; /* room for those of a batch that ranks share (ranks.h); else NULL */
    size_t parameters;
    double *params, *good, *gradient, *regular;
    float *singles;    /* in_kernel, in single precision: the params that kernels move; else NULL */
    double *start;     /* of the epoch */
    double *evaluated; /* when the objective was last known to be finite, */
    double evaluated_value; /* and was this */
    double **state;
    Validation *validation; /* or NULL */
    char *searched, *folds; /* JSON of --search and --cv for the result; or NULL */
    double *best;           /* params where validation_least was; NULL without --patience */
    double *shrink;         /* c of the terms c |θ| of the penalty, 0: none; or NULL */
    double *work;           /* of the sgd or step kernel */
    /* From here on plain numbers, no pointers: checkpoints keep all of them. */
    double rate, momentum, beta1, beta2, epsilon, decay, tolerance;
    double base_rate; /* what `rate` is by the schedule a share of */
    double clip;      /* the largest norm of a step's gradient; 0: any */
    double flat;      /* --tolerance-objective */
    int64_t epochs, batch;
    bool shuffle;
    bool by_windows; /* --order=windows */
    bool current;    /* an epoch left objective and gradient as they are at params */
    Random random;
    uint64_t epoch_seed; /* of the windows */
    double memory[16];   /* a few numbers of the method */
    int64_t epoch, step;
    int64_t position; /* of the samples of this epoch, in their order: so many are done */
    double objective, gradient_norm;
    double last_objective;   /* of the last evaluation */
    int64_t flat_epochs;     /* in a row that `flat` calls so */
    double validation_value; /* mean loss on the validation data, at the params last looked at */
    double validation_least; /* of the epochs so far, */
    int64_t best_epoch;      /* in this one */
    char ended[200];         /* why the run ended early, for people; "" */
};

/* Methods that can go on in the middle of an epoch: they begin at `position` (what is to be done
 * once an epoch is done where that is 0), and call training_pause where all of their state is as a
 * whole step has left it; where training_due says no, they need not. True: end with EPOCH_STOPPED.
 * See checkpoint.c. */
bool training_due(const Training *training);
bool training_pause(Training *training, int64_t position);

/* ---- visit.c: the samples of an epoch, part by part, in the order of the method ---- */

typedef struct {
    int64_t begin; /* the position in the epoch where the part begins, */
    int64_t count; /* and its samples: those from training->base on, by training->order */
} Visit;

/* Memory for the order of shuffled samples. False: reported. */
bool visit_start(Training *training);
/* The part in which training->position lies. False: the epoch is done. */
bool visit_next(Training *training, Visit *visit);
/* The samples that training->order numbers, to `columns`; without an order those from first on. */
Part visit_part(const Training *training, int64_t first, int64_t rows, const void **columns);

/* θ ← θ − rate · gradient */
void step_along_gradient(Training *training);
/* Shortens the gradient to the norm of --clip, if it is longer. */
void clip_gradient(const Training *training, double *gradient);

/* What a kernel that moves params is given: see updates.c. */
void *kernel_params(const Training *training);
/* Adam's step along `gradient`; the first two states are its moments (opt_adam.c). */
void adam_step(Training *training);

/* ---- opt_proximal.c: penalties with |θ| ---- */

/* Fills training->shrink. False: reported. */
bool shrink_start(Training *training);
/* For steps along a gradient: takes the terms out of it, and, after the step, pulls params to 0. */
void shrink_take(const Training *training, double *gradient);
void shrink_pull(const Training *training, double *params);
/* The norm of the least subgradient at params: 0 at a minimum, where entries are 0. */
double shrink_norm(const Training *training);

/* ---- search.c: along a line, for full-batch methods ------------------------------------------
 */

typedef struct {
    Training *training;
    double *trial, *gradient; /* the point last looked at, and the gradient there */
    double *direction;        /* the line is params + step · scale · direction */
    const double *scale;
    double flat; /* a step is enough where the slope is at most so much of that at the start */
} Search;

typedef struct {
    double step, value, slope;
} Point;

enum { SEARCH_MEMORY = 13 }; /* the numbers of Training.memory from here on are search.c's */

double dot(const double *a, const double *b, size_t count);
/* The root mean square of each param's values, 1 where it is 0. */
void search_scale(const Training *training, double *scale);
/* What a method has to say of an epoch along a line. */
typedef struct {
    void (*direction)(
        Training *training); /* sets the direction; step 0: forgets what was learned */
    double (*first)(const Training *training, const Point *start, double length);
} Line;

/* Finds a step along the method's line that lowers J enough, if need be after it has forgotten what
 * it had learned. On EPOCH_DONE *start and *found hold, and search_accept may go there.
 * EPOCH_CONVERGED: nothing is lower even along the gradient, or the last ten epochs lowered neither
 * J nor its gradient below their best: what goes on then is rounding. */
EpochStatus search_epoch(const Search *search, const Line *line, Point *start, Point *found);
/* Once an epoch: were the last ten lower neither in J nor in its gradient than the best before? */
bool search_settled(Training *training);
/* Goes there: params, gradient and objective of the training, which are current then. */
void search_go(Training *training, const double *params, const double *gradient, double value);
/* Goes to the point that was found: params, gradient and objective of the training. */
void search_accept(const Search *search, const Point *found);

/* A step along −gradient from params to `trial`, whose gradient goes to `slope`: the rate is halved
 * until J there is *value ≤ limit − 1e-4 · rate · |gradient|² (Armijo 1966). */
EpochStatus descend(Training *training, double limit, double *trial, double *slope, double *value);

/* Of a clock that never goes back (progress.c). */
double clock_seconds(void);

bool all_finite(const double *values, size_t count);
double norm(const double *values, size_t count);
/* ---- updates.c: steps that a kernel makes on the parameters itself ----------------------------
 */

/* Steps over the samples first … first + rows - 1 of the order; the sum of their losses. */
typedef double UpdateKernel(Training *training, int64_t first, int64_t rows);
/* One epoch; `unit`: samples of a step. training->start has the parameters at its start. */
EpochStatus epoch_updates(Training *training, UpdateKernel *run, int64_t unit);

/* Samples that a kernel of single steps is given at once: so many that what it computes ahead, of
 * the data alone, costs little. */
int64_t update_block(Context *context, const Model *model, const Kernel *kernel);

/* opt_minibatch.c: says in `bad` which row of a batch is to blame. */
EpochStatus batch_diverged(Training *training, int64_t first, int64_t rows);
/* Does the kernel make the steps of batches, where few of many parameters change? */
bool steps_in_kernel(const Model *model, const Optimizer *optimizer);
/* The objective of the batch, penalty and prior's share with it, and its gradient at `params`
 * (opt_minibatch.c). */
double batch_gradient(Training *training, double *params, int64_t first, int64_t rows,
                      double *gradient);
/* What this rank has of a batch of samples that `order` numbers (ranks.h): no penalty, no mean. */
double batch_own(Training *training, double *params, const int64_t *order, int64_t rows,
                 double *gradient);
/* Room for the samples of a batch. False: reported. */
bool batch_room(Training *training);
/* One epoch of steps by batches, for methods with `update` (opt_minibatch.c). */
EpochStatus epoch_batched(Training *training);

#endif
