/* SPDX-License-Identifier: Apache-2.0
 *
 * Deadlines: absolute times in nanoseconds of CLOCK_MONOTONIC. Every wait of the core takes one.
 */
#ifndef VAPI_CORE_DEADLINE_H
#define VAPI_CORE_DEADLINE_H

#include <pthread.h>
#include <time.h>
#include <vapi/vapi_types.h>

typedef u64 deadline_t;

#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull
#define NS_PER_US 1000ull
#define DEADLINE_NEVER UINT64_MAX
/** Already over: "do not wait". */
#define DEADLINE_NOW ((deadline_t)0)

static inline u64 now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (u64)ts.tv_sec * NS_PER_S + (u64)ts.tv_nsec;
}

/** From now on; a timeout too large for the clock becomes DEADLINE_NEVER. */
deadline_t deadline_in(u64 timeout_ns);
/** The nearer of the deadline and now + slice_ns. */
deadline_t deadline_slice(deadline_t deadline, u64 slice_ns);
bool deadline_passed(deadline_t deadline);
/** Nanoseconds left, 0 when it passed, UINT64_MAX for DEADLINE_NEVER. */
u64 deadline_left_ns(deadline_t deadline);
/** Milliseconds left for poll(2), rounded up; -1 for DEADLINE_NEVER, never above 1 hour. */
int deadline_poll_ms(deadline_t deadline);
/**
 * The same instant on CLOCK_REALTIME, at most one hour ahead: what the process-shared mutexes of VPP's
 * queues want. A clock that is set meanwhile shifts it, so callers wait in slices and look at the
 * deadline again.
 */
struct timespec deadline_realtime(deadline_t deadline);
/**
 * As pthread_cond_timedwait, also of a condition variable that VPP made, but for at most an hour. A clock
 * that is set back meanwhile does not make it longer (with glibc before 2.30 it does).
 */
int deadline_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, deadline_t deadline);

#endif
