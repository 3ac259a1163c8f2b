/* pool.c: POSIX threads that spin for a moment, since the next job is mostly microseconds away, and then
 * sleep. */
#include "autograd/plan/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "autograd/plan.h"

#define SPINS 20000

static struct {
    int threads; /* that may work, the caller included */
    int started; /* helpers that exist */
    pid_t owner; /* process that started them: a fork has none */
    pthread_t helper[AD_THREADS_MAX];
    unsigned born[AD_THREADS_MAX]; /* the round in which a helper came: it waits for the next */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_uint round;  /* a new number is a new job */
    atomic_size_t next; /* part to take */
    atomic_int busy;    /* helpers that have not finished the round */
    ad_job *job;
    void *context;
    size_t parts;
    int wanted; /* helpers that take part in the round */
} pool = {.threads = 1, .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

int ad_threads(void) { return pool.threads; }

void ad_set_threads(int threads) {
    FM_CHECK(threads >= 1 && threads <= AD_THREADS_MAX, "%d threads, 1 to %d", threads, AD_THREADS_MAX);
    pool.threads = threads;
}

static void take_parts(int thread) {
    for (;;) {
        size_t part = atomic_fetch_add(&pool.next, 1);
        if (part >= pool.parts) return;
        pool.job(pool.context, part, thread);
    }
}

static unsigned wait_for_round(unsigned seen) {
    for (int spin = 0; spin < SPINS; spin++) {
        unsigned now = atomic_load_explicit(&pool.round, memory_order_acquire);
        if (now != seen) return now;
        if (spin % 64 == 63) sched_yield();
    }
    pthread_mutex_lock(&pool.lock);
    while (atomic_load(&pool.round) == seen) pthread_cond_wait(&pool.wake, &pool.lock);
    unsigned now = atomic_load(&pool.round);
    pthread_mutex_unlock(&pool.lock);
    return now;
}

static void *help(void *argument) {
    int thread = (int)(size_t)argument;
    unsigned seen = pool.born[thread - 1];
    for (;;) {
        seen = wait_for_round(seen);
        if (thread <= pool.wanted) take_parts(thread);
        atomic_fetch_sub_explicit(&pool.busy, 1, memory_order_release);
    }
    return NULL;
}

/* Helpers live to the end of the process. After a fork the child has none and starts its own. */
static void start_helpers(int count) {
    if (pool.owner != getpid()) {
        pool.owner = getpid();
        pthread_mutex_init(&pool.lock, NULL);
        pthread_cond_init(&pool.wake, NULL);
        pool.started = 0;
        atomic_store(&pool.round, 0);
        atomic_store(&pool.busy, 0);
    }
    while (pool.started < count) {
        pool.born[pool.started] = atomic_load(&pool.round);
        if (pthread_create(&pool.helper[pool.started], NULL, help, (void *)(size_t)(pool.started + 1)) != 0)
            return;
        pool.started++;
    }
}

void ad_pool_run(ad_job *job, void *context, size_t parts) {
    if (pool.threads == 1 || parts == 1) {
        for (size_t part = 0; part < parts; part++) job(context, part, 0);
        return;
    }
    int helpers = (parts < (size_t)pool.threads ? (int)parts : pool.threads) - 1;
    start_helpers(helpers);
    pool.job = job;
    pool.context = context;
    pool.parts = parts;
    pool.wanted = helpers;
    atomic_store(&pool.next, 0);
    atomic_store(&pool.busy, pool.started);
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add_explicit(&pool.round, 1, memory_order_release);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.lock);
    take_parts(0);
    for (int spin = 1; atomic_load_explicit(&pool.busy, memory_order_acquire) > 0; spin++)
        if (spin % 64 == 0) sched_yield();
}
