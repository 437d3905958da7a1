/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests of the peer: a peer on a temporary path, and a bare client of each transport that is not
 * the library under csrc/: it speaks the protocol by hand, so that both sides cannot share a mistake
 * in connection or request code. Every wait has a deadline; a failed step ends the test.
 */
#ifndef PEER_FIXTURE_H
#define PEER_FIXTURE_H

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "atomics.h"
#include "byteorder.h"
#include "check.h"
#include "deadline.h"
#include "msg_table.h"
#include "peer.h"
#include "peer_messages.h"
#include "region.h"
#include "sockio.h"
#include "svm_queue.h"

#define WAIT_NS (10 * NS_PER_S)
#define UNUSED __attribute__((unused))

/* ---- the peer ---- */

typedef struct {
    peer_t *peer;
    peer_options_t options;
    char path[64], prefix[32];
} fixture_t;

/** Options for a peer with all transports and names of its own. */
static UNUSED void fixture_init(fixture_t *f)
{
    static unsigned serial;
    memset(f, 0, sizeof *f);
    peer_options_init(&f->options);
    snprintf(f->path, sizeof f->path, "/tmp/vapi-peer-test-%d-%u.sock", (int)getpid(), ++serial);
    snprintf(f->prefix, sizeof f->prefix, "vapi-test-%d-%u", (int)getpid(), serial);
    f->options.socket_path = f->path;
    f->options.shm_prefix = f->prefix;
    /* The bare client has no bell: let the peer stay awake for it. */
    f->options.idle_ns = 5 * NS_PER_MS;
}

static UNUSED void fixture_start(fixture_t *f)
{
    f->peer = peer_alloc(&f->options);
    CHECK(f->peer != NULL);
    CHECK_EQ(peer_add_builtin(f->peer), 0);
    if (peer_start(f->peer) != 0)
        check_fail(__FILE__, __LINE__, peer_error(f->peer));
}

static UNUSED void fixture_end(fixture_t *f)
{
    peer_free(f->peer);
    CHECK(access(f->path, F_OK) != 0);
}

static UNUSED peer_stats_t stats_of(const fixture_t *f)
{
    peer_stats_t s;
    peer_stats(f->peer, &s);
    return s;
}

/** Waits until a statistic has at least this value. */
#define WAIT_FOR_STAT(f, field, value)                                                             \
    do {                                                                                           \
        deadline_t until_ = deadline_in(WAIT_NS);                                                  \
        while (stats_of(f).field < (u64)(value)) {                                                 \
            if (deadline_passed(until_))                                                           \
                check_fail(__FILE__, __LINE__, "waited in vain for " #field " >= " #value);        \
            struct timespec ms_ = {0, 1000000};                                                    \
            nanosleep(&ms_, NULL);                                                                 \
        }                                                                                          \
    } while (0)

/* ---- a bare client ---- */

#define ARENA_SLOTS 256u
#define ARENA_SLOT_BYTES 1024u

typedef struct {
    int fd; /* -1: classic */
    u32 index; /* raw */
    msg_table_t *table;
    /* shared memory */
    region_t api, root;
    region_space_t space;
    const region_t *own; /* what the queue and the arena lie in */
    svm_queue_t server, queue;
    u8 *arena;
    u32 next_slot;
    u64 handle;
    msgbuf_t *message; /* received last */
    /* what was received last */
    u8 *body;
    u32 length;
    u8 buffer[1 << 15];
} client_t;

static UNUSED void frame_send(int fd, const void *body, u32 length)
{
    u8 frame[4096];
    CHECK(length + 16 <= sizeof frame);
    sockio_frame_header((msgbuf_t *)(void *)frame, length);
    memcpy(frame + 16, body, length);
    CHECK_EQ(sockio_send_all(fd, frame, length + 16, deadline_in(WAIT_NS)), 0);
}

/** Receives a frame; -ETIMEDOUT or -ECONNRESET. */
static UNUSED int frame_recv(client_t *c, u64 timeout_ns)
{
    u8 header[16];
    int rv = sockio_recv_all(c->fd, header, sizeof header, deadline_in(timeout_ns));
    if (rv != 0)
        return rv;
    c->length = load_be32(header + 8);
    CHECK(c->length <= sizeof c->buffer);
    c->body = c->buffer;
    return sockio_recv_all(c->fd, c->buffer, c->length, deadline_in(WAIT_NS));
}

static UNUSED u16 id_of(const client_t *c, const char *name)
{
    u16 id = msg_table_find(c->table, name);
    CHECK(id != MSG_ID_NONE);
    return id;
}

static UNUSED client_t *client_new(void)
{
    client_t *c = calloc(1, sizeof *c);
    CHECK(c != NULL);
    c->fd = -1;
    c->table = msg_table_alloc();
    return c;
}

static UNUSED client_t *socket_client(const char *path)
{
    client_t *c = client_new();
    error_rec_t error;
    if (sockio_connect(path, deadline_in(WAIT_NS), &c->fd, &error) != VAPI_OK)
        check_fail(__FILE__, __LINE__, error.text);
    mp_sockclnt_create_t m = {.id = htobe16(15), .context = 77, .name = "bare"};
    frame_send(c->fd, &m, sizeof m);
    CHECK_EQ(frame_recv(c, WAIT_NS), 0);
    const mp_sockclnt_create_reply_t *r = (const void *)c->body;
    CHECK_EQ(be16toh(r->id), 16);
    CHECK_EQ(r->context, 77);
    CHECK_EQ(r->response, 0);
    c->index = r->index;
    CHECK_EQ(c->length, sizeof *r + be16toh(r->count) * 66u);
    CHECK_EQ(msg_table_parse_entries(c->table, (const u8 *)(r + 1), c->length - sizeof *r,
                                     be16toh(r->count), &error),
             VAPI_OK);
    return c;
}

/** A slot of the client's own arena that the server has given back. */
static UNUSED msgbuf_t *arena_alloc(client_t *c)
{
    deadline_t deadline = deadline_in(WAIT_NS);
    for (;;) {
        msgbuf_t *m = (msgbuf_t *)(void *)(c->arena + (size_t)(c->next_slot++ % ARENA_SLOTS) *
                                                          ARENA_SLOT_BYTES);
        if (load_acquire(&m->q) == 0)
            return m;
        CHECK(!deadline_passed(deadline));
    }
}

static UNUSED int shm_try_send_va(client_t *c, u64 va, u64 timeout_ns)
{
    deadline_t deadline = deadline_in(timeout_ns);
    int rv;
    while ((rv = svm_queue_add(&c->server, &va, DEADLINE_NOW)) == -EAGAIN)
        if (deadline_passed(deadline))
            return -ETIMEDOUT;
    return rv;
}

static UNUSED void shm_send(client_t *c, const void *body, u32 length)
{
    CHECK(length + 16 <= ARENA_SLOT_BYTES);
    msgbuf_t *m = arena_alloc(c);
    memcpy(m->data, body, length);
    m->data_len = htobe32(length);
    m->gc_mark = 0;
    m->q = 1;
    CHECK_EQ(shm_try_send_va(c, region_va(c->own, m->data), WAIT_NS), 0);
}

/** Gives the message back that was received last. */
static UNUSED void shm_release(client_t *c)
{
    msgbuf_t *m = c->message;
    if (m == NULL)
        return;
    c->message = NULL;
    if (m->q != 0) {
        m->gc_mark = 0;
        store_release(&m->q, 0);
        return;
    }
    if (!region_holds(&c->api, m) && c->own == &c->api)
        return; /* the other region's heap: it goes back by another queue, which this client has not */
    store_be16(m->data, 22);
    store_raw32(m->data + 2, c->index);
    CHECK_EQ(shm_try_send_va(c, region_va(c->space.regions[0], m->data), WAIT_NS), 0);
}

static UNUSED int shm_recv(client_t *c, u64 timeout_ns)
{
    u64 va;
    shm_release(c);
    int rv = svm_queue_sub(&c->queue, &va, deadline_in(timeout_ns));
    if (rv != 0)
        return rv;
    c->message = region_space_ptr(&c->space, va - 16, 16, NULL);
    CHECK(c->message != NULL);
    c->length = load_be32(&c->message->data_len);
    c->body = region_space_ptr(&c->space, va, c->length, NULL);
    CHECK(c->body != NULL);
    return 0;
}

static UNUSED void client_send(client_t *c, const void *body, u32 length)
{
    if (c->queue.shm == NULL)
        frame_send(c->fd, body, length);
    else
        shm_send(c, body, length);
}

static UNUSED int client_recv(client_t *c, u64 timeout_ns)
{
    int rv;
    if (c->queue.shm == NULL)
        return frame_recv(c, timeout_ns);
    /* Having been taken, a keepalive is answered. */
    do {
        rv = shm_recv(c, timeout_ns);
    } while (rv == 0 && load_be16(c->body) == 21);
    return rv;
}

/** memclnt_create_v2 with the queue at `memory`, the arena behind it. */
static UNUSED void shm_register(client_t *c, u8 *memory, u32 queue_length)
{
    error_rec_t error;
    shm_hdr_t *hdr;
    u64 left;
    if (region_find_hdr(&c->api, &c->space, &hdr, deadline_in(WAIT_NS), &error) != VAPI_OK)
        check_fail(__FILE__, __LINE__, error.text);
    void *base = region_space_ptr(&c->space, hdr->vl_input_queue, sizeof(shm_queue_t), &left);
    CHECK_EQ(svm_queue_attach(&c->server, base, left, 8), 0);
    CHECK_EQ(svm_queue_init(&c->queue, memory, queue_length, 8, getpid()), 0);
    c->arena = memory + ((svm_queue_bytes(queue_length, 8) + 63) & ~63ull);
    memset(c->arena, 0, ARENA_SLOTS * ARENA_SLOT_BYTES);
    mp_memclnt_create_t m = {.id = htobe16(25),
                             .context = 88,
                             .input_queue = region_va(c->own, memory),
                             .name = "bare shm",
                             .keepalive = 1};
    shm_send(c, &m, sizeof m);
    CHECK_EQ(shm_recv(c, WAIT_NS), 0);
    const mp_memclnt_create_reply_t *r = (const void *)c->body;
    CHECK_EQ(be16toh(r->id), 26);
    CHECK_EQ(r->context, 88);
    CHECK_EQ(r->response, 0);
    c->index = r->index;
    c->handle = r->handle;
    u32 length;
    u8 *table = region_space_vector(&c->space, r->message_table, 1, 1 << 20, &length);
    CHECK(table != NULL);
    if (msg_table_parse_serialized(c->table, table, length, &error) != VAPI_OK)
        check_fail(__FILE__, __LINE__, error.text);
}

#define CARVED_BYTES (3u << 17)

/** Asks for a segment with `count` configs behind the defaults that matter, on an open socket. */
static UNUSED i32 request_segment(client_t *c, u32 size, const void *configs, u32 count, int *fd)
{
    u8 body[sizeof(mp_sock_init_shm_t) + 64 * 8];
    mp_sock_init_shm_t *m = (void *)body;
    *m = (mp_sock_init_shm_t){
        .h = {htobe16(19), c->index, 99}, .requested_size = size, .nitems = (u8)count};
    if (count != 0)
        memcpy(m + 1, configs, count * 8);
    frame_send(c->fd, body, (u32)(sizeof *m + count * 8));
    CHECK_EQ(frame_recv(c, WAIT_NS), 0);
    const peer_reply_header_t *r = (const void *)c->body;
    CHECK_EQ(be16toh(r->id), 20);
    CHECK_EQ(r->context, 99);
    i32 retval = (i32)be32toh((u32)r->retval);
    *fd = -1;
    if (retval == 0) {
        char mark[5];
        CHECK_EQ(sockio_recv_fd(c->fd, mark, sizeof mark, fd, deadline_in(WAIT_NS)), 0);
        CHECK(memcmp(mark, "fdmsg", 5) == 0);
    }
    return retval;
}

typedef struct {
    u8 type, pad;
    u16 count;
    u32 size;
} config_t;

static UNUSED client_t *memfd_client_with(const char *path, u32 segment_bytes, u32 queue_length)
{
    const config_t configs[] = {{0, 0, 64, 256}, {0, 0, 64, 1024}, {0, 0, 8, 4096},
                                {1, 0, 16, 256}, {2, 0, 256, 8},   {1, 0, 1, 65536 * 8 - 24}};
    error_rec_t error;
    client_t *c = socket_client(path);
    int fd;
    CHECK_EQ(request_segment(c, segment_bytes, configs, 6, &fd), 0);
    if (region_map_memfd(&c->api, fd, deadline_in(WAIT_NS), &error) != VAPI_OK)
        check_fail(__FILE__, __LINE__, error.text);
    close(fd);
    c->space = (region_space_t){.regions = {&c->api}, .count = 1};
    c->own = &c->api;
    /* The oversized ring is ours: the last of the client rings. */
    shm_hdr_t *hdr;
    u32 rings;
    CHECK_EQ(region_find_hdr(&c->api, &c->space, &hdr, deadline_in(WAIT_NS), &error), VAPI_OK);
    shm_ring_t *ring = region_space_vector(&c->space, hdr->client_rings, sizeof *ring, 32, &rings);
    CHECK(ring != NULL && rings == 2);
    CHECK_EQ(ring[1].size, 0);
    u8 *memory = region_space_ptr(&c->space, ring[1].rp + sizeof(shm_queue_t), 65536 * 8, NULL);
    CHECK(memory != NULL);
    memory = (u8 *)(((uintptr_t)memory + 63) & ~(uintptr_t)63);
    shm_register(c, memory, queue_length);
    return c;
}

static UNUSED client_t *memfd_client(const char *path)
{
    return memfd_client_with(path, 64u << 20, 256);
}

/** Reserves pages in the root region's bitmap (PROTOCOL 6.1). */
static UNUSED u8 *carve(client_t *c, u32 pages)
{
    shm_region_t *h = region_header(&c->root);
    u32 words;
    u64 *map = region_space_vector(&c->space, h->bitmap, 8, 1 << 16, &words);
    CHECK(map != NULL && words * 64ull >= h->bitmap_size);
    CHECK_EQ(pthread_mutex_lock(&h->mutex), 0);
    u32 run = 0, page;
    for (page = 0; page < h->bitmap_size && run < pages; page++)
        run = map[page / 64] >> (page % 64) & 1 ? 0 : run + 1;
    CHECK_EQ(run, pages);
    u32 first = page - pages;
    for (page = first; page < first + pages; page++)
        map[page / 64] |= 1ull << (page % 64);
    pthread_mutex_unlock(&h->mutex);
    return c->root.base + (u64)first * SHM_PAGE_SIZE;
}

static UNUSED client_t *classic_client_with(const char *prefix, u32 queue_length)
{
    char path[128];
    error_rec_t error;
    client_t *c = client_new();
    snprintf(path, sizeof path, "/dev/shm/%s-vpe-api", prefix);
    if (region_map_file(&c->api, path, deadline_in(WAIT_NS), &error) != VAPI_OK)
        check_fail(__FILE__, __LINE__, error.text);
    snprintf(path, sizeof path, "/dev/shm/%s-global_vm", prefix);
    if (region_map_file(&c->root, path, deadline_in(WAIT_NS), &error) != VAPI_OK)
        check_fail(__FILE__, __LINE__, error.text);
    CHECK(c->api.va > c->root.va && c->api.va + c->api.size <= c->root.va + c->root.size);
    c->space = (region_space_t){.regions = {&c->api, &c->root}, .count = 2};
    c->own = &c->root;
    shm_register(c, carve(c, CARVED_BYTES / SHM_PAGE_SIZE), queue_length);
    return c;
}

static UNUSED client_t *classic_client(const char *prefix)
{
    return classic_client_with(prefix, 256);
}

/** One that also looks into the classic region, where events come from. */
static UNUSED client_t *seeing_memfd_client(const fixture_t *f)
{
    char path[128];
    error_rec_t error;
    client_t *c = memfd_client(f->path);
    snprintf(path, sizeof path, "/dev/shm/%s-vpe-api", f->prefix);
    if (region_map_file(&c->root, path, deadline_in(WAIT_NS), &error) != VAPI_OK)
        check_fail(__FILE__, __LINE__, error.text);
    c->space = (region_space_t){.regions = {&c->api, &c->root}, .count = 2};
    return c;
}

static UNUSED client_t *any_client(const fixture_t *f, peer_transport_e transport)
{
    return transport == PEER_SOCKET  ? socket_client(f->path)
           : transport == PEER_MEMFD ? seeing_memfd_client(f)
                                     : classic_client(f->prefix);
}

/** Leaves without a word. */
static UNUSED void client_drop(client_t *c)
{
    if (c->fd >= 0)
        close(c->fd);
    region_unmap(&c->api);
    region_unmap(&c->root);
    msg_table_free(c->table);
    free(c);
}

/** memclnt_delete and its answer. */
static UNUSED void shm_leave(client_t *c)
{
    mp_memclnt_delete_t m = {.id = htobe16(3), .index = c->index, .handle = c->handle};
    shm_send(c, &m, sizeof m);
    do {
        CHECK_EQ(shm_recv(c, WAIT_NS), 0);
    } while (load_be16(c->body) != 4);
    const mp_memclnt_delete_reply_t *r = (const void *)c->body;
    CHECK_EQ(r->response, 1);
    CHECK_EQ(r->handle, c->handle);
    store_release(&c->message->q, 0);
    c->message = NULL;
}

static UNUSED void client_close(client_t *c)
{
    if (c->queue.shm != NULL)
        shm_leave(c);
    client_drop(c);
}

/* ---- requests ---- */

/** A request: header, then `length` bytes of `rest`. */
static UNUSED void request(client_t *c, const char *name, u32 context, const void *rest, u32 length)
{
    u8 body[2048];
    CHECK(length + 10 <= sizeof body);
    store_be16(body, id_of(c, name));
    store_raw32(body + 2, c->index);
    store_raw32(body + 6, context);
    if (length != 0)
        memcpy(body + 10, rest, length);
    client_send(c, body, length + 10);
}

/** Receives a message that must be this one; returns its body. */
static UNUSED void *expect(client_t *c, const char *name, u32 context)
{
    int rv = client_recv(c, WAIT_NS);
    CHECK_EQ(rv, 0);
    if (load_be16(c->body) != id_of(c, name)) {
        fprintf(stderr, "received %s, expected %s\n", msg_table_name(c->table, load_be16(c->body)),
                name);
        check_fail(__FILE__, __LINE__, "another message");
    }
    CHECK_EQ(load_raw32(c->body + 2), context);
    return c->body;
}

static UNUSED i32 expect_retval(client_t *c, const char *name, u32 context)
{
    const peer_reply_header_t *r = expect(c, name, context);
    return (i32)be32toh((u32)r->retval);
}

static UNUSED void ping(client_t *c, u32 context)
{
    request(c, "control_ping_51077d14", context, NULL, 0);
    CHECK_EQ(expect_retval(c, "control_ping_reply_f6b0b8ca", context), 0);
}

#endif
