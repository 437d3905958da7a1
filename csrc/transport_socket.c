/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages over VPP's unix socket. Received bytes stay where recv() put them (rx_buffer). Sent ones
 * are gathered in one buffer, so that a batch costs one system call and a partial write is nothing
 * special: what did not go out goes out before anything else, at the next send, receive or sleep, or
 * by the drain thread.
 */
#include "transport.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "atomics.h"
#include "byteorder.h"
#include "handshake.h"
#include "rx_buffer.h"
#include "sockio.h"
#include "spool.h"

/* Bytes that may wait to be written; a single longer message is taken when nothing waits. */
#define TX_BYTES (256u << 10)
/* VPP has no limit of its own, but copies what is left for each message in its buffer. */
#define LARGEST_MESSAGE (64u << 20)
/* What the kernel queues for us; VPP may lose bytes of a client whose queue is full. */
#define RECEIVE_BUFFER (4 << 20)
/* VPP reads 4096 bytes at a time, and for each message in them copies all that follow it, twice. Measured
 * with control_ping: 560,000 a second with 78 in flight (2 KB), 280,000 with 192, 340,000 with 512; with
 * route additions of 222 bytes: 224,000 with 16, 155,000 with 128. */
#define WINDOW_BYTES 2048u
/* How long a sleep goes on without its caller looking around. */
#define SLEEP_SLICE_NS (50 * NS_PER_MS)

/* A read of fewer bytes found what VPP wrote message by message: what had to wait comes in pieces of as many. */
#define TRICKLE_BYTES 4096

/* So many bytes of a dump in the socket: its reader is slower than VPP, which is then to be rid of them.
 * A socket that VPP writes one small message after the other to takes some 40 KB of them. */
#define SPOOL_FROM (16 << 10)
/* How long the next ones may take, once some were moved. */
#define SPOOL_WAIT_MS 2

/* How long VPP may take to close a socket that it is asked to close. */
#define PART_NS (500 * NS_PER_MS)

typedef struct {
    transport_t base;
    int fd;
    int poke_fd;
    rx_buffer_t rx;
    spool_t *spool; /* NULL: what is not read stays in the socket */
    u8 *tx;
    u32 tx_start; /* bytes of tx that went out */
    u32 tx_end; /* bytes of tx that are used */
    u32 tx_size;
    bool registered;
    bool trickles; /* receive lock: the last read brought less than TRICKLE_BYTES */
    bool shown; /* the epoll descriptor watches fd */
    bool unsent; /* the last flush left something: a hint for who sleeps without the send lock */
    bool closed; /* VPP closed or the stream broke; set under either lock */
} socket_transport_t;

static socket_transport_t *socket_of(transport_t *t) { return (socket_transport_t *)t; }

static int lose(socket_transport_t *s, int e, const char *what)
{
    error_rec_t why;
    error_set(&why, VAPI_ECONNRESET, e, "the connection to VPP is lost: %s", what);
    transport_lose(&s->base, &why);
    store_release(&s->closed, true);
    return -ECONNRESET;
}

static void *socket_alloc(transport_t *t, u32 size)
{
    (void)t;
    return private_msg_alloc(size);
}

static bool socket_made(transport_t *t, const void *body)
{
    (void)t;
    return private_msg_is(body);
}

static void socket_unsend(transport_t *t, void *body)
{
    (void)t;
    private_msg_free(body);
}

static int socket_flush(transport_t *t)
{
    socket_transport_t *s = socket_of(t);
    while (s->tx_start < s->tx_end) {
        ssize_t n =
            send(s->fd, s->tx + s->tx_start, s->tx_end - s->tx_start, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0)
            s->tx_start += (u32)n;
        else if (errno == EAGAIN) {
            store_relaxed(&s->unsent, true);
            return -EAGAIN;
        } else if (errno != EINTR)
            return lose(s, errno, strerror(errno));
    }
    s->tx_start = s->tx_end = 0;
    store_relaxed(&s->unsent, false);
    return 0;
}

/** Makes room for `bytes` more; false when they have to wait for what is there. */
static bool tx_room(socket_transport_t *s, u64 bytes)
{
    if (s->tx_start != 0 && s->tx_end + bytes > s->tx_size) {
        memmove(s->tx, s->tx + s->tx_start, s->tx_end - s->tx_start);
        s->tx_end -= s->tx_start;
        s->tx_start = 0;
    }
    if (s->tx_end + bytes <= s->tx_size)
        return true;
    if (s->tx_end != 0)
        return false;
    u8 *larger = realloc(s->tx, bytes);
    if (larger == NULL)
        return false;
    s->tx = larger;
    s->tx_size = (u32)bytes;
    return true;
}

static int socket_send(transport_t *t, void *const *bodies, u32 count, bool all)
{
    socket_transport_t *s = socket_of(t);
    if (load_relaxed(&s->closed))
        return -ECONNRESET;
    u64 total = 0;
    for (u32 i = 0; i < count; i++)
        total += sizeof(msgbuf_t) + private_msg_of(bodies[i])->size;
    if (all && !tx_room(s, total)) {
        int rv = socket_flush(t);
        if (rv == -ECONNRESET || !tx_room(s, total))
            return rv == -ECONNRESET ? rv : -EAGAIN;
    }
    u32 sent = 0;
    for (; sent < count; sent++) {
        private_msg_t *m = private_msg_of(bodies[sent]);
        u32 bytes = (u32)(sizeof m->header + m->size);
        if (!tx_room(s, bytes) && (socket_flush(t) == -ECONNRESET || !tx_room(s, bytes)))
            break;
        sockio_frame_header((msgbuf_t *)(void *)&m->header, (u32)m->size);
        memcpy(s->tx + s->tx_end, &m->header, bytes);
        s->tx_end += bytes;
    }
    /* The rest leaves with the next call: accepted is accepted. */
    if (socket_flush(t) == -ECONNRESET)
        return -ECONNRESET;
    for (u32 i = 0; i < sent; i++)
        private_msg_free(bodies[i]);
    return sent == 0 && count != 0 ? -EAGAIN : (int)sent;
}

static int socket_send_copies(transport_t *t, const out_batch_t *batch, u32 first, u32 count)
{
    socket_transport_t *s = socket_of(t);
    u32 sent = 0;
    if (load_relaxed(&s->closed))
        return -ECONNRESET;
    for (; sent < count; sent++) {
        u32 size = out_size(batch, first + sent);
        u32 bytes = (u32)sizeof(msgbuf_t) + size;
        if (!tx_room(s, bytes) && (socket_flush(t) == -ECONNRESET || !tx_room(s, bytes)))
            break;
        msgbuf_t header;
        sockio_frame_header(&header, size);
        memcpy(s->tx + s->tx_end, &header, sizeof header);
        out_copy(batch, first + sent, s->tx + s->tx_end + sizeof header);
        s->tx_end += bytes;
    }
    if (socket_flush(t) == -ECONNRESET)
        return -ECONNRESET;
    return sent == 0 && count != 0 ? -EAGAIN : (int)sent;
}

static int socket_read(socket_transport_t *s)
{
    if (load_relaxed(&s->closed))
        return -ECONNRESET;
    u32 room;
    u8 *to = rx_buffer_room(&s->rx, &room);
    if (to == NULL)
        return -ENOMEM;
    ssize_t n = s->spool != NULL ? spool_recv(s->spool, s->fd, to, room)
                                 : recv(s->fd, to, room, MSG_DONTWAIT);
    s->trickles = n > 0 && n < TRICKLE_BYTES;
    if (n > 0) {
        rx_buffer_filled(&s->rx, (u32)n);
        return 1;
    }
    if (n == 0)
        return lose(s, ECONNRESET, "VPP closed the socket");
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    return lose(s, errno, strerror(errno));
}

static int socket_take(transport_t *t, msg_ref_t *refs, u32 max)
{
    socket_transport_t *s = socket_of(t);
    u32 count = 0;
    bool read_once = false;
    while (count < max) {
        int rv = rx_buffer_next(&s->rx, &refs[count]);
        if (rv == -EBADMSG) {
            lose(s, EBADMSG, "it sent a frame of an impossible length");
            return count != 0 ? (int)count : -ECONNRESET;
        }
        if (rv == 1) {
            /* VPP's frames carry at least a message number. */
            if (refs[count].size >= 2)
                count++;
            else {
                rx_buffer_release(refs[count].body);
                STAT_ADD(t, bad, 1);
            }
            continue;
        }
        if (count != 0 || (read_once && rv == 0 && s->rx.filled == s->rx.parsed))
            break;
        rv = socket_read(s);
        if (rv <= 0)
            return rv;
        read_once = true;
    }
    return (int)count;
}

static void socket_release(transport_t *t, void *body)
{
    (void)t;
    rx_buffer_release(body);
}

static void *socket_hold(transport_t *t, void *body, u32 size)
{
    (void)t;
    (void)size;
    return body;
}

static bool socket_owns(transport_t *t, const void *body)
{
    (void)t;
    (void)body;
    return false;
}

static u32 socket_held(transport_t *t)
{
    (void)t;
    return 0; /* a chunk lives as long as the messages in it */
}

static bool socket_is_quiet(transport_t *t)
{
    /* Nobody can tell what VPP has read and not handled. */
    (void)t;
    return false;
}

/** Whether bytes wait that the socket does not show. */
static bool is_spooled(const socket_transport_t *s)
{
    return s->spool != NULL && spool_bytes(s->spool) != 0;
}

static bool socket_waiting(transport_t *t)
{
    socket_transport_t *s = socket_of(t);
    if (is_spooled(s))
        return true;
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    return load_relaxed(&s->closed) || poll(&p, 1, 0) > 0;
}

static bool socket_buffered(transport_t *t)
{
    const socket_transport_t *s = socket_of(t);
    return rx_buffer_has_frame(&s->rx) || is_spooled(s) || load_relaxed(&s->closed);
}

static bool socket_trickles(transport_t *t) { return socket_of(t)->trickles; }

static void clear_poke(socket_transport_t *s)
{
    u64 ignored;
    ssize_t n = read(s->poke_fd, &ignored, sizeof ignored);
    (void)n; /* another thread may have read it */
}

static void socket_rest(transport_t *t, deadline_t deadline)
{
    socket_transport_t *s = socket_of(t);
    struct pollfd p = {.fd = s->poke_fd, .events = POLLIN};
    u64 left = deadline_left_ns(deadline);
    const struct timespec time = {.tv_sec = (time_t)(left / NS_PER_S),
                                  .tv_nsec = (long)(left % NS_PER_S)};
    if (ppoll(&p, 1, &time, NULL) > 0)
        clear_poke(s);
}

static int socket_sleep(transport_t *t, bool for_room, deadline_t deadline)
{
    socket_transport_t *s = socket_of(t);
    if (load_relaxed(&s->closed))
        return -ECONNRESET;
    if (!for_room && is_spooled(s))
        return 0;
    bool unsent = load_relaxed(&s->unsent);
    struct pollfd p[2] = {
        {.fd = s->fd, .events = (short)(POLLIN | (for_room || unsent ? POLLOUT : 0))},
        {.fd = s->poke_fd, .events = POLLIN},
    };
    /* In slices: a poke may be read by another thread that sleeps here (the drain thread) when this
       one was just about to. */
    int n = poll(p, 2, deadline_poll_ms(deadline_slice(deadline, SLEEP_SLICE_NS)));
    if (n < 0)
        return -errno;
    if (n == 0)
        return deadline_passed(deadline) ? -ETIMEDOUT : 0;
    if (p[1].revents != 0)
        clear_poke(s);
    return 0;
}

static bool socket_wake(transport_t *t, bool *roused)
{
    /* What is written to a socket wakes VPP by itself; kept awake, it would look at it less often. */
    (void)t;
    (void)roused;
    return false;
}

static void socket_poke(transport_t *t)
{
    u64 one = 1;
    ssize_t n = write(socket_of(t)->poke_fd, &one, sizeof one);
    (void)n; /* a full counter is a poke that was not read yet */
}

static int socket_alive(transport_t *t)
{
    return load_relaxed(&socket_of(t)->closed) ? -ECONNRESET : 0;
}

static int socket_look(transport_t *t)
{
    socket_transport_t *s = socket_of(t);
    struct pollfd p = {.fd = s->fd, .events = POLLRDHUP};
    /* What VPP wrote before its end is still to be read: only that finds the connection lost. */
    return load_relaxed(&s->closed) || poll(&p, 1, 0) > 0 ? -ECONNRESET : 0;
}

static u32 socket_capacity(transport_t *t)
{
    (void)t;
    /* VPP queues replies for a socket without bound, and the kernel's queue holds this many. */
    return 4096;
}

static u32 socket_backlog(transport_t *t)
{
    (void)t;
    return 0;
}

static int socket_leave(transport_t *t)
{
    socket_transport_t *s = socket_of(t);
    msg_sockclnt_delete_t *m = private_msg_alloc(sizeof *m);
    if (m == NULL)
        return -ENOMEM;
    m->id = htobe16(ID_SOCKCLNT_DELETE);
    m->client_index = m->index = t->client_index_raw;
    void *body = m;
    int rv = socket_send(t, &body, 1, true);
    if (rv < 0)
        private_msg_free(body);
    else
        rv = 0;
    return load_relaxed(&s->closed) ? -ECONNRESET : rv;
}

static bool socket_is_goodbye(transport_t *t, const void *body, u32 size)
{
    (void)t;
    return size >= 2 && load_be16(body) == ID_SOCKCLNT_DELETE_REPLY;
}

static int socket_show(transport_t *t)
{
    socket_transport_t *s = socket_of(t);
    int rv = s->shown ? 0 : transport_watch_fd(t, s->fd);
    s->shown = rv == 0;
    return rv;
}

static void socket_settle(transport_t *t, u16 id_control_ping)
{
    (void)t;
    (void)id_control_ping;
}

static void socket_disown(transport_t *t) { store_relaxed(&socket_of(t)->closed, true); }

static void socket_close(transport_t *t, bool clean)
{
    socket_transport_t *s = socket_of(t);
    bool was_closed = exchange_acq_rel(&s->closed, true);
    transport_close_fds(t);
    if (s->fd >= 0 && s->registered && !clean && !was_closed)
        handshake_part(s->fd, t->client_index_raw, deadline_in(PART_NS));
    else if (s->fd >= 0)
        close(s->fd);
    if (s->poke_fd >= 0)
        close(s->poke_fd);
    s->fd = s->poke_fd = -1;
    rx_buffer_clear(&s->rx);
    free(s->tx);
    s->tx = NULL;
    s->tx_start = s->tx_end = s->tx_size = 0;
}

static void socket_destroy(transport_t *t)
{
    msg_table_free(t->table);
    spool_free(socket_of(t)->spool);
    free(t);
}

static const transport_ops_t socket_ops = {
    .alloc = socket_alloc,
    .made = socket_made,
    .unsend = socket_unsend,
    .send = socket_send,
    .send_copies = socket_send_copies,
    .flush = socket_flush,
    .take = socket_take,
    .release = socket_release,
    .hold = socket_hold,
    .free_held = socket_release,
    .owns = socket_owns,
    .held = socket_held,
    .is_quiet = socket_is_quiet,
    .waiting = socket_waiting,
    .buffered = socket_buffered,
    .trickles = socket_trickles,
    .rest = socket_rest,
    .sleep = socket_sleep,
    .wake = socket_wake,
    .poke = socket_poke,
    .alive = socket_alive,
    .look = socket_look,
    .capacity = socket_capacity,
    .backlog = socket_backlog,
    .show = socket_show,
    .settle = socket_settle,
    .leave = socket_leave,
    .is_goodbye = socket_is_goodbye,
    .disown = socket_disown,
    .close = socket_close,
    .destroy = socket_destroy,
};

static vapi_error_e open_all(socket_transport_t *s, const transport_options_t *o,
                             error_rec_t *error)
{
    transport_t *t = &s->base;
    t->table = msg_table_alloc();
    s->tx = malloc(TX_BYTES);
    s->tx_size = TX_BYTES;
    s->poke_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->poke_fd < 0)
        return error_set(error, VAPI_ENOMEM, errno, "cannot make an event descriptor: %s",
                         strerror(errno));
    if (t->table == NULL || s->tx == NULL)
        return error_set(error, VAPI_ENOMEM, ENOMEM, "out of memory");
    vapi_error_e rv = transport_open_fds(t, error);
    if (rv == VAPI_OK)
        rv = sockio_connect(o->address, o->deadline, &s->fd, error);
    if (rv != VAPI_OK)
        return rv;
    int bytes = RECEIVE_BUFFER;
    /* Best effort: the system's maximum may be lower. */
    setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    t->server_pid = sockio_peer_pid(s->fd);
    rv = handshake_sockclnt_create(s->fd, o->name, o->address, t->table, &t->client_index_raw,
                                   o->deadline, error);
    s->registered = rv == VAPI_OK;
    return rv;
}

vapi_error_e transport_socket_connect(transport_t **out, const transport_options_t *o,
                                      error_rec_t *error)
{
    socket_transport_t *s = calloc(1, sizeof *s);
    if (s == NULL)
        return error_set(error, VAPI_ENOMEM, ENOMEM, "out of memory");
    s->fd = s->poke_fd = s->base.fd = s->base.ready_fd = -1;
    s->base.ops = &socket_ops;
    s->base.kind = VAPI_TRANSPORT_SOCKET;
    s->base.stats = o->stats;
    s->base.max_msg_size = LARGEST_MESSAGE;
    s->base.sees_events = true;
    s->base.window_bytes = WINDOW_BYTES;
    vapi_error_e rv = open_all(s, o, error);
    if (rv != VAPI_OK) {
        socket_close(&s->base, false);
        socket_destroy(&s->base);
        return rv;
    }
    *out = &s->base;
    return VAPI_OK;
}

bool transport_socket_use_spool(transport_t *t)
{
    socket_transport_t *s = socket_of(t);
    s->spool = spool_alloc();
    return s->spool != NULL;
}

bool transport_socket_spool(transport_t *t, u64 limit)
{
    socket_transport_t *s = socket_of(t);
    int pending = 0;
    if (is_spooled(s)) {
        /* The reader reads from there anyway: all that comes goes there, until it has caught up. */
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        if (poll(&p, 1, SPOOL_WAIT_MS) <= 0)
            return false;
    } else if (ioctl(s->fd, FIONREAD, &pending) != 0 || pending < SPOOL_FROM) {
        return false;
    }
    return spool_fill(s->spool, s->fd, limit) != 0;
}
