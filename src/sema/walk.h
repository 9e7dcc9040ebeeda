/* walk.h: visits every expression of a function, in the order written. */
#ifndef GRADC_SEMA_WALK_H
#define GRADC_SEMA_WALK_H

#include "front/front.h"

typedef struct {
    void *data;
    void (*expr)(void *data, const Expr *expr);       /* before its parts; or NULL */
    void (*target)(void *data, const Target *target); /* of assignments; or NULL */
    void (*binder)(void *data, const Binder *binder); /* or NULL */
    void (*local)(void *data, const Function *local); /* functions of a block; or NULL */
} Walk;

void walk_expr(const Walk *walk, const Expr *expr);
void walk_stmts(const Walk *walk, const Stmt *stmts);
/* The shapes of its formals too. */
void walk_function(const Walk *walk, const Function *function);

#endif
