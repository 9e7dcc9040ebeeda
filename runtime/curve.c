/* curve.c: points of the learning curve, in a room that does not grow with the run. */
#include "runtime/seeing.h"

enum { COSTLY_POINTS = 200 };

Curve *curve_new(Context *context, int64_t epochs, bool costly) {
    Curve *curve = NEW(context, Curve, 1);
    if (curve) {
        int64_t most = costly ? COSTLY_POINTS : CURVE_POINTS;
        curve->stride = costly && epochs > most ? (epochs + most - 1) / most : 1;
    }
    return curve;
}

bool curve_due(const Curve *curve, int64_t epoch) {
    return curve && epoch % curve->stride == 0;
}

void curve_add(Curve *curve, const CurvePoint *point, bool last) {
    if (!curve || (!last && !curve_due(curve, point->epoch))) {
        return;
    }
    if (curve->count == CURVE_POINTS) {
        size_t kept = 0;
        curve->stride *= 2;
        for (size_t i = 0; i < curve->count; i++) {
            if (curve->points[i].epoch % curve->stride == 0) {
                curve->points[kept++] = curve->points[i];
            }
        }
        curve->count = kept < CURVE_POINTS ? kept : CURVE_POINTS - 1;
    }
    if (last || curve_due(curve, point->epoch)) {
        curve->points[curve->count++] = *point;
    }
}
