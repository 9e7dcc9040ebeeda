/* mpi_plugin.c: libgradc_mpi.so, see mpi.h. All waiting is polling, so that a signal, which is what
 * mpirun sends when a rank is lost, ends it; after a while it sleeps between looks. A rank whose
 * parent is gone (mpirun, or its daemon) waits no more, either. */
#include "runtime/mpi.h"

#include <mpi.h>
#include <time.h>
#include <unistd.h>

enum {
    PIECE = 1 << 28,
    SPINS = 2000, /* looks without sleep, */
    NAPS = 20000, /* and with short ones */
    NAP = 20000,  /* ns */
    SLEEP = 500000
};

static bool wait_for(MPI_Request *request, MpiStopped *stopped) {
    const pid_t parent = getppid();
    for (long spins = 0;; spins++) {
        int done = 0;
        if (MPI_Test(request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) {
            return false;
        }
        if (done) {
            return true;
        }
        if (stopped && stopped()) {
            return false;
        }
        if (spins > SPINS) {
            if (getppid() != parent) {
                return false;
            }
            nanosleep(&(struct timespec){0, spins < NAPS ? NAP : SLEEP}, NULL);
        }
    }
}

static bool mpi_start(int *rank, int *size) {
    return MPI_Init(NULL, NULL) == MPI_SUCCESS &&
           MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN) == MPI_SUCCESS &&
           MPI_Comm_rank(MPI_COMM_WORLD, rank) == MPI_SUCCESS &&
           MPI_Comm_size(MPI_COMM_WORLD, size) == MPI_SUCCESS;
}

static bool mpi_broadcast(void *bytes, size_t length, MpiStopped *stopped) {
    char *at = bytes;
    for (size_t done = 0; done < length; done += PIECE) {
        MPI_Request request;
        int piece = (int)(length - done < PIECE ? length - done : PIECE);
        if (MPI_Ibcast(at + done, piece, MPI_BYTE, 0, MPI_COMM_WORLD, &request) != MPI_SUCCESS ||
            !wait_for(&request, stopped)) {
            return false;
        }
    }
    return true;
}

static bool mpi_send(int rank, const void *bytes, size_t length, MpiStopped *stopped) {
    const char *at = bytes;
    for (size_t done = 0; done < length; done += PIECE) {
        MPI_Request request;
        int piece = (int)(length - done < PIECE ? length - done : PIECE);
        if (MPI_Isend(at + done, piece, MPI_BYTE, rank, 0, MPI_COMM_WORLD, &request) !=
                MPI_SUCCESS ||
            !wait_for(&request, stopped)) {
            return false;
        }
    }
    return true;
}

static bool mpi_receive(int rank, void *bytes, size_t length, MpiStopped *stopped) {
    char *at = bytes;
    for (size_t done = 0; done < length; done += PIECE) {
        MPI_Request request;
        int piece = (int)(length - done < PIECE ? length - done : PIECE);
        if (MPI_Irecv(at + done, piece, MPI_BYTE, rank, 0, MPI_COMM_WORLD, &request) !=
                MPI_SUCCESS ||
            !wait_for(&request, stopped)) {
            return false;
        }
    }
    return true;
}

static bool mpi_share(const void *mine, size_t length, void *all, MpiStopped *stopped) {
    MPI_Request request;
    return MPI_Iallgather(mine, (int)length, MPI_BYTE, all, (int)length, MPI_BYTE, MPI_COMM_WORLD,
                          &request) == MPI_SUCCESS &&
           wait_for(&request, stopped);
}

static void mpi_end(void) {
    MPI_Finalize();
}

const MpiTable gradc_mpi = {mpi_start, mpi_broadcast, mpi_send, mpi_receive, mpi_share, mpi_end};
