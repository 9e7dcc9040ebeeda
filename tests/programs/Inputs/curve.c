#include <math.h>

double curve(double x, double y) {
    return sin(x) * y * y;
}
double curve_x(double x, double y) {
    return cos(x) * y * y;
}
double curve_y(double x, double y) {
    return 2 * sin(x) * y;
}
double curve_xx(double x, double y) {
    return -sin(x) * y * y;
}
double curve_xy(double x, double y) {
    return 2 * cos(x) * y;
}
double plain(double t) {
    return t * t;
}
