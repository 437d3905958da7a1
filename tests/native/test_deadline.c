/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "deadline.h"

/* How far the clock on the wall is about to be set back. */
static time_t ahead_s;

/** libc's, for this program: that clock as it was before. */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
    long rv = syscall(SYS_clock_gettime, clock, ts);
    if (rv == 0 && clock == CLOCK_REALTIME)
        ts->tv_sec += ahead_s;
    return (int)rv;
}

TEST(now_has_passed_and_never_does_not)
{
    CHECK(deadline_passed(DEADLINE_NOW));
    CHECK(!deadline_passed(DEADLINE_NEVER));
    CHECK_EQ(deadline_left_ns(DEADLINE_NOW), 0);
    CHECK_EQ(deadline_left_ns(DEADLINE_NEVER), UINT64_MAX);
    CHECK_EQ(deadline_poll_ms(DEADLINE_NOW), 0);
    CHECK_EQ(deadline_poll_ms(DEADLINE_NEVER), -1);
}

TEST(a_timeout_of_zero_is_over_at_once)
{
    deadline_t d = deadline_in(0);
    CHECK(d != DEADLINE_NOW);
    CHECK(deadline_passed(d));
    CHECK_EQ(deadline_left_ns(d), 0);
}

TEST(timeouts_beyond_the_clock_never_end)
{
    CHECK_EQ(deadline_in(UINT64_MAX), DEADLINE_NEVER);
    CHECK_EQ(deadline_in(UINT64_MAX - 1), DEADLINE_NEVER);
    CHECK(deadline_in(UINT64_MAX / 2) != DEADLINE_NEVER);
    CHECK(!deadline_passed(deadline_in(UINT64_MAX / 2)));
}

TEST(left_counts_down)
{
    deadline_t d = deadline_in(NS_PER_S * 1000);
    u64 first = deadline_left_ns(d), second = deadline_left_ns(d);
    CHECK(first <= NS_PER_S * 1000 && first > NS_PER_S * 900);
    CHECK(second <= first);
}

TEST(poll_rounds_up_and_is_bounded)
{
    /* A millisecond must not become 0, or a poll loop would spin through the last one. */
    deadline_t d = deadline_in(NS_PER_MS * 999 + 1);
    int ms = deadline_poll_ms(d);
    CHECK(ms > 0 && ms <= 1000);
    CHECK_EQ(deadline_poll_ms(deadline_in(NS_PER_S * 3600 * 24)), 3600 * 1000);
}

TEST(slice_is_the_nearer_one)
{
    deadline_t far = deadline_in(NS_PER_S * 100);
    CHECK(deadline_slice(far, NS_PER_S) < far);
    CHECK_EQ(deadline_slice(far, NS_PER_S * 1000), far);
    CHECK_EQ(deadline_slice(DEADLINE_NOW, NS_PER_S), DEADLINE_NOW);
    CHECK(deadline_slice(DEADLINE_NEVER, NS_PER_S) < DEADLINE_NEVER);
}

static i64 from_real_now_ns(struct timespec ts)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (ts.tv_sec - now.tv_sec) * (i64)NS_PER_S + (ts.tv_nsec - now.tv_nsec);
}

TEST(realtime_is_the_same_instant)
{
    i64 off = from_real_now_ns(deadline_realtime(deadline_in(NS_PER_S * 50)));
    CHECK(off > (i64)NS_PER_S * 40 && off <= (i64)NS_PER_S * 50);
    off = from_real_now_ns(deadline_realtime(DEADLINE_NEVER));
    CHECK(off > (i64)NS_PER_S * 3500 && off <= (i64)NS_PER_S * 3600);
    CHECK(from_real_now_ns(deadline_realtime(DEADLINE_NOW)) <= 0);
    struct timespec ts = deadline_realtime(deadline_in(NS_PER_S - 1));
    CHECK(ts.tv_nsec >= 0 && ts.tv_nsec < (long)NS_PER_S);
}

TEST_WITHIN(a_clock_that_is_set_back_makes_no_wait_longer, 20)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    ahead_s = 3600;
    pthread_mutex_lock(&mutex);
    CHECK_EQ(deadline_cond_wait(&cond, &mutex, deadline_in(10 * NS_PER_MS)), ETIMEDOUT);
    CHECK_EQ(deadline_cond_wait(&cond, &mutex, DEADLINE_NOW), ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
    ahead_s = 0;
}
