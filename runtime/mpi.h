/* mpi.h: what the trainer asks of the plug-in libgradc_mpi.so, the only file that includes MPI's
 * own header. It is opened under mpirun alone. Functions return false where MPI reports an error,
 * or `stopped` says so while they wait. */
#ifndef GRADC_MPI_H
#define GRADC_MPI_H

#include <stdbool.h>
#include <stddef.h>

typedef bool MpiStopped(void);

typedef struct {
    bool (*start)(int *rank, int *size);
    bool (*broadcast)(void *bytes, size_t length, MpiStopped *stopped); /* from rank 0 to all */
    bool (*send)(const void *bytes, size_t length);                     /* to rank 0 */
    bool (*receive)(int rank, void *bytes, size_t length, MpiStopped *stopped);
    void (*end)(void);
} MpiTable;

extern const MpiTable gradc_mpi;

#endif
