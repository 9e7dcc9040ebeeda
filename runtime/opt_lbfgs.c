/* opt_lbfgs.c: the limited-memory quasi-Newton method of Nocedal (1980), with the line search of
 * search.c. It works on scaled variables θ/scale, scale being the root mean square of each param's
 * start: models of curves have params of very different sizes. */
#include "runtime/optimizer.h"

enum {
    PAIRS = 10,
    STATE_MOVE = 0,       /* differences of scaled parameters, a ring */
    STATE_CHANGE = PAIRS, /* of scaled gradients */
    STATE_DIRECTION = 2 * PAIRS,
    STATE_TRIAL, /* parameters of the line search */
    STATE_SLOPE, /* gradient there */
    STATE_SCALE,
    STATE_COUNT
};

/* The two-loop recursion: direction = −H · gradient, in scaled variables. */
static void find_direction(Training *training) {
    const int64_t pairs = training->step;
    size_t n = training->parameters;
    double *direction = training->state[STATE_DIRECTION];
    const double *scale = training->state[STATE_SCALE];
    double share[PAIRS];
    for (size_t i = 0; i < n; i++) {
        direction[i] = -scale[i] * training->gradient[i];
    }
    int64_t first = pairs > PAIRS ? pairs - PAIRS : 0;
    for (int64_t k = pairs; k-- > first;) {
        const double *move = training->state[STATE_MOVE + k % PAIRS];
        const double *change = training->state[STATE_CHANGE + k % PAIRS];
        share[k % PAIRS] = dot(move, direction, n) / dot(move, change, n);
        for (size_t i = 0; i < n; i++) {
            direction[i] -= share[k % PAIRS] * change[i];
        }
    }
    if (pairs > 0) {
        const double *move = training->state[STATE_MOVE + (pairs - 1) % PAIRS];
        const double *change = training->state[STATE_CHANGE + (pairs - 1) % PAIRS];
        double curvature = dot(move, change, n) / dot(change, change, n);
        for (size_t i = 0; i < n; i++) {
            direction[i] *= curvature;
        }
    }
    for (int64_t k = first; k < pairs; k++) {
        const double *move = training->state[STATE_MOVE + k % PAIRS];
        const double *change = training->state[STATE_CHANGE + k % PAIRS];
        double back = dot(change, direction, n) / dot(move, change, n);
        for (size_t i = 0; i < n; i++) {
            direction[i] += (share[k % PAIRS] - back) * move[i];
        }
    }
}

/* Keeps the pair, if the curvature along it is positive. */
static void keep_pair(Training *training, int64_t pairs) {
    size_t n = training->parameters;
    const double *scale = training->state[STATE_SCALE];
    double *move = training->state[STATE_MOVE + pairs % PAIRS];
    double *change = training->state[STATE_CHANGE + pairs % PAIRS];
    double along = 0;
    double square = 0;
    for (size_t i = 0; i < n; i++) {
        double s = (training->state[STATE_TRIAL][i] - training->params[i]) / scale[i];
        double y = (training->state[STATE_SLOPE][i] - training->gradient[i]) * scale[i];
        along += s * y;
        square += y * y;
    }
    if (!(along > 1e-16 * square)) {
        return; /* the oldest pair keeps its place */
    }
    for (size_t i = 0; i < n; i++) {
        move[i] = (training->state[STATE_TRIAL][i] - training->params[i]) / scale[i];
        change[i] = (training->state[STATE_SLOPE][i] - training->gradient[i]) * scale[i];
    }
    training->step++;
}

static double first_step(const Training *training, const Point *start, double length) {
    (void)start;
    return training->step == 0 && length > 1 ? 1 / length : 1;
}

static const Line line = {find_direction, first_step};

static EpochStatus epoch(Training *training) {
    const Search search = {training,
                           training->state[STATE_TRIAL],
                           training->state[STATE_SLOPE],
                           training->state[STATE_DIRECTION],
                           training->state[STATE_SCALE],
                           0.9};
    Point start, found;
    if (training->epoch == 0) {
        search_scale(training, training->state[STATE_SCALE]);
    }
    EpochStatus status = search_epoch(&search, &line, &start, &found);
    if (status != EPOCH_DONE) {
        return status;
    }
    keep_pair(training, training->step);
    search_accept(&search, &found);
    return EPOCH_DONE;
}

const Optimizer opt_lbfgs = {
    .name = "lbfgs",
    .help = "quasi-Newton steps along which the objective falls enough; for smooth losses",
    .full_batch = true,
    .rate = 1,
    .epochs = 200,
    .states = STATE_COUNT,
    .epoch = epoch,
};
