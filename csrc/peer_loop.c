/* SPDX-License-Identifier: Apache-2.0
 *
 * One pass: commands of other threads, the input queues of all segments, sockets that are ready,
 * dumps and whatever else waits for room, then everything that was produced is written. After work it
 * goes on for idle_ns without sleeping, then it sleeps in epoll: shared memory wakes nobody, so never
 * longer than 10 ms while there is a segment; a byte on any api socket wakes it (the late bell).
 */
#include "peer_loop.h"

#include <errno.h>
#include <sched.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "peer_client.h"
#include "peer_dispatch.h"
#include "peer_mail.h"
#include "peer_network.h"
#include "peer_out.h"
#include "peer_shm.h"
#include "peer_socket.h"

#define EVENTS 64
/* While only shared memory is busy, sockets are looked at every so many passes. */
#define SOCKET_EVERY 16u
#define SLEEP_MS 10
/* While somebody must make room for what waits here. */
#define SLEEP_STUCK_MS 1
#define SLEEP_SOCKETS_MS 100

int peer_loop_open(peer_t *p)
{
    p->next_scan = deadline_in(p->options.keepalive_ns);
    p->network = peer_network_alloc();
    if (p->network == NULL)
        return -ENOMEM;
    if (p->options.shm_prefix != NULL) {
        peer_segment_t *s = peer_segment_new(p, PEER_CLASSIC);
        if (s == NULL)
            return -ENOMEM;
        int rv = region_make_classic(&s->shm, p->options.shm_prefix, p->options.root_bytes,
                                     p->options.api_bytes, p->options.queue_length, &p->paths);
        if (rv != 0) {
            error_set(&p->error, VAPI_EMAP_FAIL, -rv, "%s, %s: %s", p->paths.root, p->paths.api,
                      strerror(-rv));
            return rv;
        }
        peer_segment_guard(p, s);
        p->classic = s;
        peer_count(p, heap_free_bytes, (u64)s->shm.heap.units * REGION_HEAP_MIN_BLOCK);
    }
    if (p->options.socket_path != NULL) {
        int rv = peer_socket_listen(p);
        if (rv != 0) {
            error_set(&p->error, VAPI_ECON_FAIL, -rv, "%.120s: %s", p->options.socket_path,
                      strerror(-rv));
            return rv;
        }
    }
    return 0;
}

void peer_loop_close(peer_t *p)
{
    peer_clients_clear(p);
    peer_socket_unlisten(p);
    if (p->classic != NULL)
        region_unlink_files(&p->classic->shm, &p->paths);
    peer_segments_clear(p);
    peer_network_free(p->network);
    p->network = NULL;
    store_relaxed(&p->stats.interfaces, 0);
    store_relaxed(&p->stats.routes, 0);
}

void peer_loop_restart(peer_t *p)
{
    peer_loop_close(p);
    if (peer_loop_open(p) == 0)
        store_release(&p->stats.restarts, p->stats.restarts + 1);
    else
        peer_loop_close(p);
}

static bool poll_epoll(peer_t *p, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(p->epoll_fd, events, EVENTS, timeout_ms);
    bool client = false;
    for (int i = 0; i < n; i++) {
        if (events[i].data.u64 == PEER_EVENT_LISTEN) {
            peer_socket_accept(p);
        } else if (events[i].data.u64 == PEER_EVENT_WAKE) {
            u64 value;
            ssize_t got = read(p->wake_fd, &value, sizeof value);
            (void)got;
        } else {
            peer_socket_event(p, events[i].data.u64, events[i].events);
        }
        client = true;
    }
    return client;
}

/** Serves nobody while a fault says so; true if that was the case. */
static bool stalled(peer_t *p)
{
    u64 until = load_relaxed(&p->stall_until);
    if (until == 0)
        return false;
    if (deadline_passed(until)) {
        store_relaxed(&p->stall_until, 0);
        return false;
    }
    struct pollfd wake = {.fd = p->wake_fd, .events = POLLIN};
    if (poll(&wake, 1, deadline_poll_ms(deadline_slice(until, NS_PER_S))) > 0) {
        u64 value;
        ssize_t got = read(p->wake_fd, &value, sizeof value);
        (void)got;
    }
    return true;
}

static int sleep_ms(const peer_t *p)
{
    if (p->stuck_clients != 0 || p->waiting_fds != 0)
        return SLEEP_STUCK_MS;
    return p->segment_count != 0 || p->active_count != 0 ? SLEEP_MS : SLEEP_SOCKETS_MS;
}

void *peer_loop_main(void *peer)
{
    peer_t *p = peer;
    u64 worked_at = now_ns(), socket_at = 0;
    bool sockets_busy = true;
    u32 pass = 0;
    while (load_acquire(&p->stopping) == 0) {
        peer_count(p, loops, 1);
        if (stalled(p))
            continue;
        u64 now = now_ns();
        p->now_s = msg_ring_now();
        bool worked = peer_mail_run(p);
        if (load_relaxed(&p->stall_until) != 0)
            continue; /* from the moment the command was carried out */
        worked |= peer_segments_poll(p);
        peer_out_flush_dirty(p);
        /* A client that just asked by socket is likely to ask again: it is looked at in every pass. */
        if (sockets_busy || now - socket_at < p->options.idle_ns || ++pass % SOCKET_EVERY == 0) {
            sockets_busy = poll_epoll(p, 0);
            worked |= sockets_busy;
            if (sockets_busy)
                socket_at = now;
        }
        if (p->active_count != 0)
            worked |= peer_dispatch_active(p);
        peer_out_flush_dirty(p);
        peer_clients_bury(p);
        peer_shm_scan(p);
        if (worked) {
            worked_at = now;
        } else if (now - worked_at >= p->options.idle_ns) {
            peer_count(p, sleeps, 1);
            sockets_busy = poll_epoll(p, sleep_ms(p));
            /* Work that ended a sleep is work, too: the next request finds us awake. */
            if (sockets_busy)
                worked_at = socket_at = now_ns();
        } else {
            /* The client that we poll for may be waiting for this very core. */
            sched_yield();
        }
    }
    return NULL;
}
