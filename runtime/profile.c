/* profile.c: `profile`: the objective over one param, all others at their best. */
#include "runtime/errors.h"

int command_profile(Session *session) {
    (void)session;
    return STATUS_FAILED;
}
