/* plan.h: what the files of the planner share: stages, scopes, blocks, expressions. The order of
 * work (plan.c): prepare the IR, choose stages (stage.c), build the tree of loops (tree.c), find
 * where each value lives (home.c), write statements (code.c), place common subexpressions
 * (place.c). */
#ifndef GRADC_LOOP_PLAN_H
#define GRADC_LOOP_PLAN_H

#include "loop/loop.h"

typedef struct Plan Plan;
typedef struct Stage Stage;
typedef struct Scope Scope;
typedef struct Block Block;
typedef struct Carry Carry;
typedef struct Segment Segment;
typedef struct Leave Leave;

/* ---- blocks: where statements stand
 * ---------------------------------------------------------------- */

/* The body of the function, of a FOR or of an IF. */
struct Block {
    Block *parent;
    unsigned depth;
    bool loop; /* body of a FOR */
    LoopStmt *first, *last;
    uint32_t id;
};

/* Every statement is one of these; the public part comes first. */
typedef struct {
    LoopStmt s;
    Block *body; /* FOR, IF */
} Stmt;

/* ---- expr.c: expressions, hash-consed
 * -------------------------------------------------------------- */

typedef struct {
    LoopExpr x;
    uint32_t id;
    Block *level; /* the outermost block in which all it is made of is known */
    Dim inside;   /* a size that it is known to lie in, or DIM_NONE */
    bool moving;  /* reads an accumulator inside its loop: never moved */
} Expr;

const LoopExpr *x_real(Plan *plan, double value);
const LoopExpr *x_int(Plan *plan, int64_t value);
const LoopExpr *x_bool(Plan *plan, bool value);
const LoopExpr *x_var(Plan *plan, VarId var);
const LoopExpr *x_moving(Plan *plan,
                         VarId var); /* an accumulator, read in the middle of its loop */
const LoopExpr *x_arg(Plan *plan, uint32_t arg);
const LoopExpr *x_arg_set(Plan *plan, uint32_t arg);
const LoopExpr *x_load(Plan *plan, BufferId buffer, const LoopExpr *index);
const LoopExpr *x_moving_load(Plan *plan, BufferId buffer, const LoopExpr *index);
/* The same with other operands. */
const LoopExpr *x_rebuild(Plan *plan, const LoopExpr *x, const LoopExpr *const *args);
const LoopExpr *x_call(Plan *plan, BuiltinId f, const LoopExpr *const *args, unsigned count);
const LoopExpr *x_call1(Plan *plan, BuiltinId f, const LoopExpr *a);
const LoopExpr *x_extern(Plan *plan, const External *external, const LoopExpr *const *args);
const LoopExpr *x_call2(Plan *plan, BuiltinId f, const LoopExpr *a, const LoopExpr *b);
const LoopExpr *x_convert(Plan *plan, const LoopExpr *a);
const LoopExpr *x_select(Plan *plan, const LoopExpr *c, const LoopExpr *a, const LoopExpr *b);
const LoopExpr *x_dim(Plan *plan, Dim dim);
/* The size, or 0 where it is negative. */
const LoopExpr *x_count(Plan *plan, Dim size);
/* rate · value, the rate multiplied to the factor that is known earliest. */
const LoopExpr *x_scaled(Plan *plan, const LoopExpr *rate, const LoopExpr *value);
/* A product with its factors multiplied in the order in which they are known. */
const LoopExpr *x_regrouped(Plan *plan, const LoopExpr *value);
/* Row-major index: Σ positions · strides, terms known early first. */
const LoopExpr *x_index(Plan *plan, const LoopExpr *const *positions, const Dim *dims,
                        unsigned rank);
bool x_same(const LoopExpr *a, const LoopExpr *b);

/* ---- bounds.c: proofs
 * ------------------------------------------------------------------------------ */

/* The position, clamped to 0 … size-1 unless the ranges of the loops prove that it is inside. */
const LoopExpr *x_inside(Plan *plan, const LoopExpr *position, Dim size);
/* Is 0 ≤ position < size proved? */
bool x_proves_inside(Plan *plan, const LoopExpr *position, Dim size);
/* Is a ≤ b proved? */
bool x_proves_le(Plan *plan, const LoopExpr *a, const LoopExpr *b);

/* ---- variables and buffers: the public tables' private halves
 * ------------------------------------------ */

enum { BOUND_LIMIT = 4 };

typedef struct {
    Block *block; /* where it is declared: FOR counters in the body */
    /* whole numbers: low[i] ≤ var < high[i], where known */
    const LoopExpr *low[BOUND_LIMIT], *high[BOUND_LIMIT];
    unsigned low_count, high_count;
} VarFacts;

typedef struct {
    Block *block;  /* loads of it may stand from here on inwards */
    Dim class_dim; /* entries are in 0 … class_dim-1, or DIM_NONE */
    Dim size;      /* entries, of buffers of our own */
    bool dead;     /* nothing reads or writes it: it gets no room */
    bool lanes;    /* entries of all samples of a block: a multiple of LANES */
} BufferFacts;

VarId plan_var(Plan *plan, const char *name, Kind kind, Block *block);
BufferId plan_buffer(Plan *plan, LoopBuffer buffer, Block *block);
/* `name`, or with a number behind it, so that it is used by nothing else in the function. */
const char *plan_name(Plan *plan, const char *name);

/* ---- stage.c: values that are computed once and kept
 * ----------------------------------------------------- */

typedef enum {
    STAGE_VALUE, /* elementwise */
    STAGE_SUM,
    STAGE_MAX,
    STAGE_ARGMAX,
    STAGE_DEPOSIT,
    STAGE_LIB,    /* fills a matrix over its targets, then calls a library operation */
    STAGE_OUTPUT, /* stores, adds or updates an output */
    STAGE_INIT,   /* of a recurrence: the state before the first step */
    STAGE_STEP,   /* of a recurrence: the state after a step */
    STAGE_RETURN, /* the value of the function; its loop, if any, is over the samples */
} StageKind;

typedef struct {
    Stage *stage;
    IndexSet aligned; /* in a loop over one of these, the same iteration is early enough */
    bool order;       /* it only has to come first: its value is not read */
    IndexSet carried; /* a STEP is read as it was one step of this index before */
    bool last;        /* only the state after the last step is read */
} Need;

struct Stage {
    StageKind kind;
    uint32_t number;
    Ref value;    /* what it computes; REF_NONE for outputs */
    Carry *carry; /* INIT, STEP */
    const Output *output;
    size_t output_number;
    Sink sink;      /* of outputs: how this term of the output is written */
    bool term;      /* one of several terms of an output that begins as zeros */
    IndexSet free;  /* indices of the result that its loops run over */
    IndexSet bound; /* indices that it reduces or deposits over */
    IndexSet loops; /* all of its loops */
    IndexSet fixed; /* loops that a condition reduces to one iteration, surely inside */
    Ref body;       /* what is added, compared or stored, under `conds` */
    Ref scatter;    /* of an update: the deposit that says which entries; or REF_NONE */
    Ref *conds;
    unsigned cond_count;
    uint64_t cond_done; /* mask: used up as loop bound or IF */
    Need *needs;
    size_t need_count, need_capacity;
    Index order[INDEX_LIMIT]; /* its loops, outermost first */
    unsigned order_count;
    /* cycle.c: loops of recurrences that it is part of: opened first, in this order, as they are */
    Index whole[INDEX_LIMIT];
    uint32_t circles[INDEX_LIMIT]; /* by index: the circle that has this loop outside; 0: none */
    unsigned whole_count;
    IndexSet up, down; /* loops whose direction matters, or is preferred */
    Span span;
    /* tree.c */
    IndexSet opened;
    Scope *scope;  /* where its innermost statement stands */
    unsigned time; /* scratch of tree.c */
    bool part;
    uint32_t mark;
    /* home.c */
    size_t readers; /* needs of its value */
    Scope *home;    /* the scope that contains it and all its users */
    Scope *gather;  /* the scope in which its accumulator begins */
    Scope *partial; /* SUM: where a register collects what then goes to the buffer; or NULL */
    VarId partial_var;
    bool scalar;  /* no buffer needed */
    bool dropped; /* an output whose value is computed in place */
    Index axes[INDEX_LIMIT];
    unsigned axis_count; /* of its buffer */
    VarId var;           /* valid in `gather` (accumulators) or `scope` (values); 0: none */
    VarId best;          /* ARGMAX */
    bool has_var, has_buffer;
    BufferId buffer;
    Stage *alias;     /* the output whose buffer it uses */
    Segment *segment; /* segment.c: its buffer has room for the steps of one segment */
};

bool stage_select(Plan *plan);
bool stage_accumulates(const Stage *stage);

/* ---- update.c: updates that touch few entries
 * ------------------------------------------------------------------------------------------------
 */

enum { UPDATE_TERMS = 32 };

/* Makes the value of each update rest + Σ terms, a term being [x = e] a or a deposit, if it has
 * such; conditions that depend on params become part of what they guard. */
void update_spread(Ir *ir, Arena *arena);
/* The terms of an output that are steps of their own, and what is left of its value, or REF_NONE.
 * Only updates have such. */
unsigned update_terms(Plan *plan, const Output *output, Ref *terms, Ref *rest);
/* Which values are kept for the sake of these steps, and which arrays are not. */
void update_store(Plan *plan, bool *stored);

/* ---- order.c
 * ------------------------------------------------------------------------------------------------
 */

void order_loops(Plan *plan, Stage *stage);

/* ---- tree.c: scopes: loops, conditions, fixed indices
 * ---------------------------------------------------------- */

typedef enum { SCOPE_ROOT, SCOPE_LOOP, SCOPE_IF, SCOPE_FIX } ScopeKind;

typedef struct {
    Scope *scope; /* one of the two */
    Stage *stage;
} Item;

/* How a scope is opened: stages are put into one scope when their keys are equal. */
typedef struct {
    ScopeKind kind;
    Index index;
    Ref cond;             /* IF */
    Ref at;               /* FIX: the only value of the index that counts */
    Ref low[BOUND_LIMIT]; /* LOOP: bounds from guards, besides 0 … extent: ≥ low, < high */
    Ref high[BOUND_LIMIT];
    unsigned low_count, high_count;
    int direction; /* LOOP: +1, -1; 0: any */
    uint64_t used; /* conds of the stage that it uses up */
} Key;

typedef struct {
    Stage **stages; /* in the order of their numbers */
    size_t count, capacity;
} StageList;

struct Scope {
    Scope *parent;
    unsigned depth;
    Key key;
    IndexSet open;
    Item *items;
    size_t item_count, item_capacity;
    StageList homed; /* home.c: stages whose home it is, */
    StageList begun; /* and those inside it that begin just before it */
    Block *block;
    bool recurrence;  /* segment.c: LOOP: over the steps of a carried name, */
    size_t place;     /* and number among the items of the parent */
    Segment *segment; /* LOOP: it goes through the segments of a recurrence, or NULL */
    Leave *leave;     /* LOOP: of a recurrence that ends early, or NULL */
    const LoopExpr *at[INDEX_LIMIT]; /* value of each open index */
    uint32_t env;                    /* code.c */
};

void tree_build(Plan *plan);

/* ---- home.c
 * ---------------------------------------------------------------------------------------------------------
 */

void home_find(Plan *plan);
Scope *scope_common(Scope *a, Scope *b);
bool scope_inside(const Scope *inner, const Scope *outer);

/* ---- args.c
 * ------------------------------------------------------------------------------------------------------------
 */

void args_make(Plan *plan);
BufferId arg_order_buffer(Plan *plan);
/* Of starts, or of lengths: which of them the program has. */
BufferId arg_rows_buffer(Plan *plan);
/* Does the size depend on the rows of a sample? */
bool dim_is_ragged(const Plan *plan, Dim dim);
/* Is it stored block after block: its first axes are the sample and the rows of a sample? */
bool is_ragged(const Plan *plan, const Dim *shape, unsigned rank);
/* The place of an entry of that: the rows of the sample begin at sample_start. */
const LoopExpr *ragged_index(Plan *plan, const LoopExpr *const *positions, const Dim *dims,
                             unsigned rank);
void args_work(Plan *plan); /* once all buffers are known: places them */
Dim leaf_size(const Plan *plan, const Leaf *leaf);
/* Product of the extents of axes first … end-1 of an output. */
Dim output_extent(const Plan *plan, const Output *output, unsigned first, unsigned end);
/* Where the entry at `positions`, one for each axis of extent `dims`, lies in the output's buffer.
 */
const LoopExpr *output_index(Plan *plan, const Output *output, const LoopExpr *const *positions,
                             const Dim *dims);
/* The first OUT_MATRIX output, which begins where the matrix begins; output_count if there is none.
 */
size_t matrix_first(const Plan *plan);
Dim matrix_size(const Plan *plan); /* entries of the whole matrix */

/* ---- open.c
 * --------------------------------------------------------------------------------------------------------------
 */

/* Writes the statement that the scope is, in `outside`: the block of its parent, or of segments. */
void open_write(Plan *plan, Scope *scope, Block *outside);
/* Behind the loop over samples: params that were kept in variables. */
void open_put_back(Plan *plan, Block *outside);

/* ---- code.c, place.c
 * ------------------------------------------------------------------------------------------------------
 */

void code_write(Plan *plan);
/* The value v where a scope stands. */
const LoopExpr *code_value(Plan *plan, Scope *scope, Ref v);
Stmt *code_set(Plan *plan, Block *block, LoopStmtKind kind, VarId var, const LoopExpr *value,
               Span span);
void code_store(Plan *plan, Block *block, LoopStmtKind kind, BufferId buffer, const LoopExpr *index,
                const LoopExpr *value, Span span);
Stmt *block_add(Plan *plan, Block *block, LoopStmtKind kind);
Block *block_new(Plan *plan, Block *parent, bool loop);
/* if (condition) { … }: its block. */
Block *block_if(Plan *plan, Block *parent, const LoopExpr *condition);
void place_common(Plan *plan);
/* dead.c: takes out statements and buffers that no result needs. */
void dead_remove(Plan *plan);
void place_flags(Plan *plan, Stmt *loop, const Scope *scope);
/* fission.c: loops over samples that go in blocks, where that pays. */
void fission_blocks(Plan *plan);
/* chain.c: steps of SGD, several samples at a time, where their sums can be made ahead. */
bool chain_blocks(Plan *plan);
/* ahead.c: loops over samples ask for those that come next. */
void ahead_samples(Plan *plan);

/* ---- carry.c: recurrences
 * --------------------------------------------------------------------------------------------------------------
 *
 * A carried name has T + 1 states S[0] … S[T]: the init, and one after each step; a recurrence in
 * the other direction begins at S[T]. Kept are all of them, where something outside the loop reads
 * them, or only the last two. */

struct Carry {
    Ref scan;
    uint32_t tag, k;
    Index t;
    int direction;
    IndexSet free;           /* of a state, without t */
    Index names[RANK_LIMIT]; /* of its axes */
    unsigned rank;
    Ref init, step; /* numbers, at `names` */
    bool used;
    Stage *init_stage, *step_stage;
    /* home.c */
    Scope *home;             /* the scope that contains all that reads or writes it */
    Scope *loop;             /* over t */
    bool history;            /* all states are kept */
    bool inside;             /* the state is read by its own loop */
    bool afterwards;         /* the last state is read behind the loop */
    bool scalar;             /* one number at a time */
    bool buffered;           /* in memory, besides */
    Index axes[INDEX_LIMIT]; /* of its buffer, besides that of the states */
    unsigned axis_count;
    BufferId buffer;
    bool has_buffer;
    Segment *along;   /* segment.c: it has room for the states of one segment */
    Segment *around;  /* the same, for a recurrence inside the steps of another */
    Segment *kept_by; /* the state at the beginning of each segment is kept */
    BufferId kept;
    VarId current, before, next; /* scalar: in front of the loop, in a step, at the end of it */
    bool has_current, has_before, has_next;
};

typedef struct {
    Carry **list;
    size_t count, capacity;
    uint32_t *tags; /* new tag of each tag, or UINT32_MAX */
    size_t tag_count;
} Carries;

/* The copy of a state leaf and of a scan, whose operands are copied. */
Ref carry_state(Ir *ir, Arena *arena, Carries *carries, Ref state, const Ref *args);
Ref carry_scan(Ir *ir, Arena *arena, Carries *carries, Ref scan, const Ref *args);
/* What the outputs need, and by it the carried names in use. */
void carry_reach(Plan *plan);
/* The carried name of a STATE or PICK. */
Carry *carry_of(const Plan *plan, Ref v);
/* All loops of its step. */
IndexSet carry_loops(const Carry *carry);
IndexSet carry_sample(const Plan *plan, const Carry *carry); /* the sample, or nothing */
/* A step writes over the init. */
void carry_needs_init(Plan *plan, Stage *step);
/* What a stage needs that reads the states: at the loop's position (`position` REF_NONE) or at
 * another, at axes `at`; `moved`: indices that stand elsewhere. */
void carry_needs(Plan *plan, Stage *stage, Carry *carry, Ref position, const Ref *at,
                 IndexSet moved);
void carry_homes(Plan *plan);
void carry_buffers(Plan *plan, Scope *scope);
/* Number p of the states; NULL: not kept. */
const LoopExpr *carry_read(Plan *plan, Scope *scope, const Carry *carry, const LoopExpr *const *env,
                           const LoopExpr *p, const LoopExpr *const *at);
/* The number of the state before and after step t. */
const LoopExpr *carry_before(Plan *plan, const Carry *carry, const LoopExpr *t);
const LoopExpr *carry_after(Plan *plan, const Carry *carry, const LoopExpr *t);
void carry_write(Plan *plan, Scope *scope, const Stage *stage, const LoopExpr *value);
/* At the beginning and the end of the body of a loop. */
void carry_begin_step(Plan *plan, Scope *loop);
void carry_end_step(Plan *plan, Scope *loop);

/* The states that are kept in place `slot` go where the steps look for them: those of the steps, or
 * those that run `again`. */
void carry_restore(Plan *plan, const Segment *segment, Block *block, const LoopExpr *slot,
                   bool again);
/* The states at the end of the segment before this one go there. */
void carry_flow(Plan *plan, const Segment *segment, Block *block);
/* The states at the end of the segment are kept in place `slot`. */
void carry_keep(Plan *plan, const Segment *segment, Block *block, const LoopExpr *slot);

/* Copies the state number `from` to number `to`, of the buffers of a loop. */
void carry_move(Plan *plan, const Scope *loop, Block *block, const LoopExpr *from,
                const LoopExpr *to);

/* entry.c: marks the entries of states to be stored that are all that is read of these behind their
 * loop. */
void entry_store(const Plan *plan, bool *stored);

/* ---- leave.c
 * --------------------------------------------------------------------------------------------------------------
 */

/* A recurrence that ends early, and its adjoint's loop, if there is one. */
struct Leave {
    Carry *alive; /* 1 while it goes on */
    Ref active;   /* a step is made where this holds */
    Scope *up, *down;
    VarId made; /* number of steps, where that matters */
    bool counts;
    /* where the loops are in different loops over the same indices, below `common`: the number of
     * steps for each of these */
    Scope *common;
    Index axes[INDEX_LIMIT];
    unsigned axis_count;
    BufferId numbers;
    bool has_numbers;
};

void leave_find(Plan *plan);
/* In front of such a loop, at the end of its steps, behind it. */
void leave_before(Plan *plan, const Scope *loop, Block *block);
void leave_step(Plan *plan, Scope *loop);
void leave_after(Plan *plan, const Scope *loop, Block *block);

/* ---- segment.c
 * --------------------------------------------------------------------------------------------------------------
 */

/* A loop over the steps of a recurrence and its adjoint's, in segments of `size` steps. */
struct Segment {
    Index t;
    Scope *up, *down;
    Dim size;
    Dim count;
    int64_t slots;          /* places for the states at the beginnings of segments; 0: for all */
    bool *again;            /* by stage: written again in front of the loop downwards */
    const LoopExpr *number; /* of the segment that is being written */
    const LoopExpr *base;   /* its first step */
    const LoopExpr *ran;    /* how many segments have run upwards */
    const LoopExpr *outer_number, *outer_base; /* the same of the loop downwards */
    /* revolve.c, if there are not places for all: which segment's beginning is in each place; the
     * last place in use and its segment; the next segment whose beginning is to be kept */
    BufferId places;
    VarId top, from, target;
};

void segment_find(Plan *plan);
/* Where entry `at` of axis x is in the buffer, and how long that axis is. */
const LoopExpr *segment_position(Plan *plan, const Segment *segment, Index x, const LoopExpr *at);
Dim segment_dim(Plan *plan, const Segment *segment, Index x);
/* Is the stage left out where the steps are written again? */
bool segment_skips(const Plan *plan, const Stage *stage);
const LoopExpr *segment_end(Plan *plan, const Segment *segment);
/* The loops over the segments: each is opened, then its steps are written in the block that it
 * gives, then it is closed. */
Block *segment_open_up(Plan *plan, Block *parent, Segment *segment);
void segment_close_up(Plan *plan, Block *block, Segment *segment);
/* The loop downwards; within it, the steps again, from the last state that is kept. */
Block *segment_open_down(Plan *plan, Block *parent, Segment *segment);
Block *segment_open_again(Plan *plan, Block *parent, Segment *segment);
void segment_close_again(Plan *plan, Block *block, Segment *segment);
void segment_close_down(Plan *plan, Block *block, Segment *segment);
/* How many states are kept: places for these, and one for the last state. */
Dim segment_slots(Plan *plan, const Segment *segment);
const LoopExpr *segment_last_slot(Plan *plan, const Segment *segment);

/* ---- revolve.c: which states are kept, if not all
 * --------------------------------------------------------------------------------------------------------------
 */

/* The last of these numbers that are made is in no place yet. */
void revolve_begin(Plan *plan, Segment *segment, Block *block);
/* At the beginning of segment `number`, of those up to `last` that are to be gone through
 * downwards: chooses the next one to be kept, if the state here is. */
void revolve_choose(Plan *plan, const Segment *segment, Block *block, const LoopExpr *number,
                    const LoopExpr *last);
/* At the end of segment `number`: the block in which the states are to be kept in place `top`. */
Block *revolve_push(Plan *plan, const Segment *segment, Block *block, const LoopExpr *number);
/* Behind the adjoint of segment `number`: its state is needed no more. */
void revolve_pop(Plan *plan, const Segment *segment, Block *block, const LoopExpr *number);

/* ---- cycle.c
 * --------------------------------------------------------------------------------------------------------------
 */

/* Finds the stages that a step and the next depend on, and the order of their loops. False: they
 * cannot be put in order (reported). */
bool cycle_find(Plan *plan);
void stage_need(Plan *plan, Stage *stage, Need need);

/* ---- prepare.c
 * --------------------------------------------------------------------------------------------------------------
 */

/* A copy of the IR, with log-sum-exp taken apart and one-hot sums made reads; its recurrences.
 * Reports what cannot be planned yet and returns NULL. */
Ir *prepare_ir(const LoopOptions *options, Arena *arena, const Ir *ir, Carries *carries);
/* v = coefficient · x + rest, x not in rest; false if v is not of that form. */
bool linear_in(Ir *ir, Ref v, Index x, int64_t *coefficient, Ref *rest);
/* The e of a condition x = e, e without x; or REF_NONE. */
Ref one_hot(Ir *ir, Ref c, Index x);
/* The same of one of several that all have to hold; *others: the rest of them, or REF_NONE. */
Ref find_one_hot(Ir *ir, Ref c, Index x, Ref *others);
/* Has a block of a matrix entries only where an axis is what another says? */
bool output_is_diagonal(const Plan *plan, const Output *output);
/* Is it zeros, in a matrix of which another block is such a diagonal? The matrix is cleared then.
 */
bool output_is_cleared(const Plan *plan, const Output *output);
/* Is e an entry of an int leaf that is declared to lie in dim? */
bool surely_inside(const Ir *ir, Ref e, Dim dim);

/* ---- lib.c
 * ----------------------------------------------------------------------------------------------------------------------
 */

/* The planned form of a library operation on matrices, as an array (a number for determinants). */
Ref lib_prepare(Ir *ir, LibId f, const Ref *args);
/* The targets of a planned operation, as a set. */
IndexSet lib_targets(const Node *node);
/* The call, at the end of the loops that filled the stage's matrix; `scope` is outside these. */
void lib_call(Plan *plan, Scope *scope, const Stage *stage);

/* precision.c: variables that collect what is returned, over samples, become wide. */
void precision_widen(Plan *plan);

/* lib_run.c: what LS_LIB does, for loop_run. */
void lib_run(LibId f, double *a, const double *factor, int64_t n, int64_t columns);

/* ---- the plan
 * -------------------------------------------------------------------------------------------------------------------
 */

typedef struct {
    uint32_t env;
    Ref value;
    const LoopExpr *expr;
} Memo;

typedef struct {
    const char *name; /* NULL: free */
    unsigned numbers; /* how many of name_2, name_3, … are known to be in use */
} UsedName;

struct Plan {
    const LoopOptions *options;
    Arena *arena;
    Ir *ir;
    LoopProgram *program;
    size_t arg_capacity, var_capacity, buffer_capacity;
    VarFacts *var_facts;
    size_t var_facts_capacity;
    BufferFacts *buffer_facts;
    size_t buffer_facts_capacity;
    /* names in use */
    UsedName *names; /* a hash table */
    size_t name_count, name_size;
    /* expressions */
    Expr **exprs; /* by id */
    size_t expr_count, expr_capacity;
    uint32_t *expr_table;
    size_t expr_table_size;
    Memo *memo;
    size_t memo_count, memo_size;
    uint32_t env_count;
    const LoopExpr ***envs; /* env → index → value */
    size_t env_capacity;
    /* recurrences */
    Carries carries;
    Carry **carry_by_ref;           /* of STATEs and PICKs */
    Carry **carry_of_step;          /* by the value of the step: one of those that have it */
    uint8_t loop_rank[INDEX_LIMIT]; /* of the loops of recurrences: outermost first, from 1 */
    uint8_t loop_ranks;
    /* stages */
    Stage **stages;
    size_t stage_count, stage_capacity;
    Stage **stage_of; /* by Ref; NULL: inlined */
    Ref node_count;   /* of the IR as prepared; arrays by Ref have as many entries */
    bool *reached;
    uint32_t *uses;
    uint32_t *seen;     /* by Ref: scratch of order.c, the last search that came there, */
    uint32_t search;    /* and the number of the present one */
    Ref *waiting;       /* scratch of order.c */
    bool *leaf_updated; /* by leaf: written by an UPDATE */
    IndexSet updates;   /* the sample index, if params change from one sample to the next */
    bool *after_update; /* by Ref: depends on an updated leaf, or on the rows of a sample */
    IndexSet sample;    /* the sample indices */
    IndexSet rows;      /* these, or what looks like one: the loop to be outermost */
    Segment *again;     /* whose steps are being written again, or NULL */
    Scope *root;
    Block *root_block;
    uint32_t block_count;
    const char *counter_names[INDEX_LIMIT];
    size_t counter_count;
    /* arguments */
    int *leaf_arg;         /* by leaf: number of the argument, or -1 */
    BufferId *leaf_buffer; /* by leaf, for arrays; valid where leaf_has_buffer */
    bool *leaf_has_buffer;
    VarId *leaf_var; /* by leaf: a scalar param that an update keeps in a variable; or 0 */
    bool *leaf_has_var;
    BufferId *output_buffer;
    bool *output_zeroed; /* by output: filled with zeros at the start */
    /* samples that are blocks of rows: the rows of this sample and the first of them, inside the
     * loop over samples, else NULL */
    bool ragged;
    const LoopExpr *sample_rows, *sample_start;
    int starts_arg, lengths_arg;
    int rows_arg, total_arg, order_arg, rate_arg, work_arg;
    int *symbol_arg; /* by number of the dim symbol: argument, or -1 */
};

#endif
