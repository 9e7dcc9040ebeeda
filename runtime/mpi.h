/* mpi.h: what the trainer asks of the plug-in libgradc_mpi.so, the only file that includes MPI's
 * own header. It is opened under mpirun alone. Functions return false where MPI reports an error,
 * where `stopped` (which may be NULL) says so while they wait, or where mpirun itself is gone. */
#ifndef GRADC_MPI_H
#define GRADC_MPI_H

#include <stdbool.h>
#include <stddef.h>

typedef bool MpiStopped(void);

typedef struct {
    bool (*start)(int *rank, int *size);
    /* from rank 0 to all */
    bool (*broadcast)(void *bytes, size_t length, MpiStopped *stopped);
    bool (*send)(int rank, const void *bytes, size_t length, MpiStopped *stopped);
    bool (*receive)(int rank, void *bytes, size_t length, MpiStopped *stopped);
    /* what all ranks have, one after the other, to all */
    bool (*share)(const void *mine, size_t length, void *all, MpiStopped *stopped);
    void (*end)(void);
} MpiTable;

extern const MpiTable gradc_mpi;

#endif
