/* pool.h: a few threads that wait for the parts of a job. For the files of this room only.
 *
 * A job is a function called once per part; which thread takes which part changes nothing, since parts write
 * apart and sum in an order that their number alone decides. With one thread the caller does all parts in
 * order. */
#ifndef AD_POOL_H
#define AD_POOL_H

#include <stddef.h>

#define AD_THREADS_MAX 64

/* `thread` 0..ad_threads()-1 tells whose scratch memory to use. */
typedef void ad_job(void *context, size_t part, int thread);

/* Runs parts 0..parts-1 and returns when all are done. */
void ad_pool_run(ad_job *job, void *context, size_t parts);

#endif
