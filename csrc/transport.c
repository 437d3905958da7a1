/* SPDX-License-Identifier: Apache-2.0 */
#include "transport.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "atomics.h"

int transport_lose(transport_t *t, const error_rec_t *why)
{
    u32 none = 0;
    if (__atomic_compare_exchange_n(&t->lost_state, &none, 1, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
        t->lost = *why;
        /* Release: whoever sees 2 sees the words. */
        store_release(&t->lost_state, 2);
    }
    transport_lost(t);
    return -ECONNRESET;
}

const error_rec_t *transport_lost(transport_t *t)
{
    while (load_acquire(&t->lost_state) == 1)
        cpu_relax();
    return &t->lost;
}

static int watch(transport_t *t, int fd, u32 events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    /* Two threads may come to the same thought. */
    return epoll_ctl(t->fd, EPOLL_CTL_ADD, fd, &event) == 0 || errno == EEXIST ? 0 : -errno;
}

int transport_watch_fd(transport_t *t, int fd) { return watch(t, fd, EPOLLIN | EPOLLRDHUP); }
int transport_watch_hangup(transport_t *t, int fd) { return watch(t, fd, EPOLLRDHUP); }

vapi_error_e transport_open_fds(transport_t *t, error_rec_t *error)
{
    t->fd = epoll_create1(EPOLL_CLOEXEC);
    t->ready_fd = t->fd < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (t->ready_fd < 0 || transport_watch_fd(t, t->ready_fd) != 0) {
        int e = errno;
        return error_set(error, VAPI_ENOMEM, e, "cannot make an event descriptor: %s", strerror(e));
    }
    return VAPI_OK;
}

void transport_close_fds(transport_t *t)
{
    if (t->fd >= 0)
        close(t->fd);
    if (t->ready_fd >= 0)
        close(t->ready_fd);
    t->fd = t->ready_fd = -1;
}

void transport_set_ready(transport_t *t)
{
    u64 one = 1;
    ssize_t n = write(t->ready_fd, &one, sizeof one);
    (void)n; /* it fails only when the counter is full, and then it is readable */
}

void transport_clear_ready(transport_t *t)
{
    u64 count;
    ssize_t n = read(t->ready_fd, &count, sizeof count);
    (void)n; /* nothing to read is what is wanted */
}
