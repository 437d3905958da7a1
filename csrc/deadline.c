/* SPDX-License-Identifier: Apache-2.0 */
#include "deadline.h"

#define LONGEST_WAIT_NS (3600 * NS_PER_S)

#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 30)
#define HAS_CLOCKWAIT
#endif
#endif

deadline_t deadline_in(u64 timeout_ns)
{
    u64 now = now_ns();
    return timeout_ns >= DEADLINE_NEVER - now ? DEADLINE_NEVER : now + timeout_ns;
}

deadline_t deadline_slice(deadline_t deadline, u64 slice_ns)
{
    deadline_t slice = deadline_in(slice_ns);
    return slice < deadline ? slice : deadline;
}

bool deadline_passed(deadline_t deadline)
{
    return deadline == DEADLINE_NOW || (deadline != DEADLINE_NEVER && now_ns() >= deadline);
}

u64 deadline_left_ns(deadline_t deadline)
{
    if (deadline == DEADLINE_NEVER)
        return UINT64_MAX;
    u64 now = deadline == DEADLINE_NOW ? 0 : now_ns();
    return deadline > now ? deadline - now : 0;
}

int deadline_poll_ms(deadline_t deadline)
{
    u64 left = deadline_left_ns(deadline);
    if (left == UINT64_MAX)
        return -1;
    if (left > LONGEST_WAIT_NS)
        left = LONGEST_WAIT_NS;
    return (int)((left + NS_PER_MS - 1) / NS_PER_MS);
}

/** The same instant on any clock. */
static struct timespec on_clock(clockid_t clock, deadline_t deadline)
{
    u64 left = deadline_left_ns(deadline);
    if (left > LONGEST_WAIT_NS)
        left = LONGEST_WAIT_NS;
    struct timespec ts;
    clock_gettime(clock, &ts);
    u64 ns = (u64)ts.tv_nsec + left;
    ts.tv_sec += (time_t)(ns / NS_PER_S);
    ts.tv_nsec = (long)(ns % NS_PER_S);
    return ts;
}

struct timespec deadline_realtime(deadline_t deadline)
{
    return on_clock(CLOCK_REALTIME, deadline);
}

int deadline_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, deadline_t deadline)
{
#ifdef HAS_CLOCKWAIT
    struct timespec until = on_clock(CLOCK_MONOTONIC, deadline);
    return pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &until);
#else
    struct timespec until = on_clock(CLOCK_REALTIME, deadline);
    return pthread_cond_timedwait(cond, mutex, &until);
#endif
}
