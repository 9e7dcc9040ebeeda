/* threads.c: a pool of workers that sleep between jobs. Items are handed out one at a time; which
 * worker does which item has no influence on results. */
#include "runtime/runtime.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

struct ThreadPool {
    Context *context;
    pthread_mutex_t lock;
    pthread_cond_t begin, done;
    pthread_t *threads;
    struct Worker *workers;
    size_t count; /* of threads beside the caller's */
    uint64_t job_number;
    size_t next, total, busy;
    ThreadWork *work;
    void *job;
    bool quit;
};

typedef struct Worker {
    ThreadPool *pool;
    size_t number;
} Worker;

static size_t cpus_allowed(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int count = CPU_COUNT(&set);
        return count > 0 ? (size_t)count : 1;
    }
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (size_t)count : 1;
}

/* The first line of a file; false: there is none. */
static bool first_line(const char *path, char *line, size_t size) {
    FILE *file = fopen(path, "re");
    bool read = file && fgets(line, (int)size, file);
    if (file) {
        fclose(file);
    }
    return read;
}

/* CPUs by the line of a cpu.max, rounded up; 0: no limit. */
static size_t quota_of(const char *line) {
    long long quota;
    long long period;
    if (sscanf(line, "%lld %lld", &quota, &period) != 2 || quota <= 0 || period <= 0) {
        return 0;
    }
    return (size_t)((quota + period - 1) / period);
}

/* The least quota of the control group and those that it is in (version 2); 0: none. */
static size_t quota(void) {
    char line[4096];
    char path[4200];
    size_t least = 0;
    if (!first_line("/proc/self/cgroup", line, sizeof line) || strncmp(line, "0::/", 4) != 0) {
        return 0;
    }
    char *group = line + 3;
    group[strcspn(group, "\n")] = 0;
    for (char *slash = group + strlen(group); slash; slash = strrchr(group, '/')) {
        char limit[100];
        *slash = 0;
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
        size_t cpus = first_line(path, limit, sizeof limit) ? quota_of(limit) : 0;
        least = cpus && (!least || cpus < least) ? cpus : least;
    }
    return least;
}

size_t threads_available(void) {
    size_t cpus = cpus_allowed();
    size_t limit = quota();
    return limit && limit < cpus ? limit : cpus;
}

/* Called with the lock held, returns with it held. */
static void work_off(ThreadPool *pool, size_t worker) {
    while (pool->next < pool->total) {
        size_t item = pool->next++;
        pthread_mutex_unlock(&pool->lock);
        pool->work(pool->job, item, worker);
        pthread_mutex_lock(&pool->lock);
    }
}

static void *worker_main(void *argument) {
    Worker *worker = argument;
    ThreadPool *pool = worker->pool;
    uint64_t seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->quit && pool->job_number == seen) {
            pthread_cond_wait(&pool->begin, &pool->lock);
        }
        if (pool->quit) {
            break;
        }
        seen = pool->job_number;
        pool->busy++;
        work_off(pool, worker->number);
        if (--pool->busy == 0) {
            pthread_cond_signal(&pool->done);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Fewer threads than asked for are no error. */
ThreadPool *threads_start(Context *context, size_t count) {
    ThreadPool *pool = NEW(context, ThreadPool, 1);
    if (!pool) {
        return NULL;
    }
    pool->context = context;
    pool->threads = NEW(context, pthread_t, count);
    pool->workers = NEW(context, Worker, count);
    if (!pool->threads || !pool->workers) {
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->begin, NULL);
    pthread_cond_init(&pool->done, NULL);
    for (size_t i = 0; i + 1 < count; i++) {
        pool->workers[i] = (Worker){pool, i + 1};
        if (pthread_create(&pool->threads[i], NULL, worker_main, &pool->workers[i]) != 0) {
            break;
        }
        pool->count++;
    }
    return pool;
}

size_t threads_count(const ThreadPool *pool) {
    return pool ? pool->count + 1 : 1;
}

void threads_run(ThreadPool *pool, ThreadWork *work, void *job, size_t count) {
    if (!pool || pool->count == 0) {
        for (size_t i = 0; i < count; i++) {
            work(job, i, 0);
        }
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->work = work;
    pool->job = job;
    pool->next = 0;
    pool->total = count;
    pool->job_number++;
    pthread_cond_broadcast(&pool->begin);
    work_off(pool, 0);
    while (pool->busy) {
        pthread_cond_wait(&pool->done, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
}

void threads_stop(ThreadPool *pool) {
    if (!pool) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->quit = true;
    pthread_cond_broadcast(&pool->begin);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->count; i++) {
        pthread_join(pool->threads[i], NULL);
    }
    pthread_cond_destroy(&pool->begin);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
    memory_free(pool->context, pool->threads);
    memory_free(pool->context, pool->workers);
    memory_free(pool->context, pool);
}
