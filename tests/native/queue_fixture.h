/* SPDX-License-Identifier: Apache-2.0
 *
 * A queue in memory that forked children share.
 */
#ifndef QUEUE_FIXTURE_H
#define QUEUE_FIXTURE_H

#include <sys/mman.h>

#include "check.h"
#include "svm_queue.h"

/** Not freed: the test's process ends soon. */
__attribute__((unused)) static svm_queue_t make_queue(u32 maxsize, u32 elsize)
{
    svm_queue_t q;
    u64 bytes = svm_queue_bytes(maxsize, elsize);
    CHECK(bytes != UINT64_MAX);
    void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(base != MAP_FAILED);
    CHECK_EQ(svm_queue_init(&q, base, maxsize, elsize, getpid()), 0);
    return q;
}

/** Moves head and tail of an empty queue to `position`. */
__attribute__((unused)) static void turn_queue(svm_queue_t *q, u32 position)
{
    CHECK_EQ(svm_queue_length(q), 0);
    q->shm->head = q->shm->tail = (i32)position;
}

#endif
