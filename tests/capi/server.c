/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <vapi/demo.api.vapi.h>

#include "atomics.h"
#include "peer.h"
#include "registry.h"

#define NAMES(X)                                                                                   \
    X(demo_echo)                                                                                   \
    X(demo_echo_reply)                                                                             \
    X(demo_dump)                                                                                   \
    X(demo_details)                                                                                \
    X(demo_pick_get)                                                                               \
    X(demo_pick_get_reply)                                                                         \
    X(demo_pick_details)                                                                           \
    X(demo_text)                                                                                   \
    X(demo_text_reply)                                                                             \
    X(want_demo_events)                                                                            \
    X(want_demo_events_reply)                                                                      \
    X(demo_event)                                                                                  \
    X(demo_poke)

enum {
#define X(name) ID_##name,
    NAMES(X)
#undef X
        ID_COUNT
};

struct capi_server {
    peer_t *peer;
    char dir[64], socket[96], prefix[64];
    pthread_t handler;
    u32 ids[ID_COUNT];
    u32 hold, pokes, confused;
};

static void fail(const char *what)
{
    fprintf(stderr, "server: %s\n", what);
    exit(1);
}

static u32 add(capi_server_t *s, vapi_msg_id_t message, size_t fixed, bool has_context)
{
    const vapi_message_desc_t *d = registry_get(message);
    peer_message_t m = {.name_crc = d->name_with_crc,
                        .fixed_bytes = (u32)fixed,
                        .context_offset = has_context ? 6 : 0};
    int id = peer_add_message(s->peer, &m);
    if (id <= 0)
        fail(d->name);
    return (u32)id;
}

static void send_message(capi_server_t *s, u64 client, void *msg, size_t size)
{
    if (peer_send(s->peer, client, msg, (u32)size, 1) != 0)
        fail("peer_send");
}

static void echo(capi_server_t *s, const peer_request_t *r)
{
    vapi_msg_demo_echo *m = (void *)r->bytes;
    if (m->payload.silent)
        return;
    if (exchange_acq_rel(&s->confused, 0) != 0) {
        vapi_msg_demo_pick_details other = {0};
        other.header._vl_msg_id = htobe16((u16)s->ids[ID_demo_pick_details]);
        other.header.context = m->header.context;
        send_message(s, r->client_id, &other, sizeof other);
        return;
    }
    /* The payloads differ by retval only: moved over as they came. */
    size_t rest = r->length - offsetof(vapi_msg_demo_echo, payload);
    vapi_msg_demo_echo_reply *reply =
        calloc(1, offsetof(vapi_msg_demo_echo_reply, payload.silent) + rest);
    reply->header._vl_msg_id = htobe16((u16)s->ids[ID_demo_echo_reply]);
    reply->header.context = m->header.context;
    memcpy(&reply->payload.silent, &m->payload, rest);
    send_message(s, r->client_id, reply, offsetof(vapi_msg_demo_echo_reply, payload.silent) + rest);
    free(reply);
}

static void dump(capi_server_t *s, const peer_request_t *r)
{
    vapi_msg_demo_dump *m = (void *)r->bytes;
    u32 count = be32toh(m->payload.count);
    for (u32 i = 0; i < count; i++) {
        size_t size = sizeof(vapi_msg_demo_details) + i * sizeof(u32);
        vapi_msg_demo_details *item = calloc(1, size);
        item->header._vl_msg_id = (u16)s->ids[ID_demo_details];
        item->header.context = m->header.context;
        item->payload.index = i;
        item->payload.count = (u16)i;
        for (u32 k = 0; k < i; k++)
            item->payload.numbers[k] = 1000 * i + k;
        vapi_msg_demo_details_hton(item);
        send_message(s, r->client_id, item, size);
        free(item);
    }
}

static void pick(capi_server_t *s, const peer_request_t *r)
{
    vapi_msg_demo_pick_get *m = (void *)r->bytes;
    vapi_msg_demo_pick_get_ntoh(m);
    for (u32 i = 0; i < m->payload.count; i++) {
        vapi_msg_demo_pick_details item = {0};
        item.header._vl_msg_id = (u16)s->ids[ID_demo_pick_details];
        item.header.context = m->header.context;
        item.payload.wanted = m->payload.wanted[i];
        vapi_msg_demo_pick_details_hton(&item);
        send_message(s, r->client_id, &item, sizeof item);
    }
    vapi_msg_demo_pick_get_reply reply = {0};
    reply.header._vl_msg_id = (u16)s->ids[ID_demo_pick_get_reply];
    reply.header.context = m->header.context;
    reply.payload.count = m->payload.count;
    vapi_msg_demo_pick_get_reply_hton(&reply);
    send_message(s, r->client_id, &reply, sizeof reply);
}

static void text(capi_server_t *s, const peer_request_t *r)
{
    vapi_msg_demo_text *m = (void *)r->bytes;
    u32 length = be32toh(m->payload.text.length);
    size_t size = sizeof(vapi_msg_demo_text_reply) + length;
    vapi_msg_demo_text_reply *reply = calloc(1, size);
    reply->header._vl_msg_id = htobe16((u16)s->ids[ID_demo_text_reply]);
    reply->header.context = m->header.context;
    reply->payload.text.length = htobe32(length);
    for (u32 i = 0; i < length; i++)
        reply->payload.text.buf[i] = m->payload.text.buf[length - 1 - i];
    send_message(s, r->client_id, reply, size);
    free(reply);
}

static void send_event(capi_server_t *s, u64 client, u32 number, u32 cut)
{
    vapi_msg_demo_event event = {0};
    event.payload._vl_msg_id = (u16)s->ids[ID_demo_event];
    event.payload.pid = 77;
    event.payload.number = number;
    vapi_msg_demo_event_hton(&event);
    send_message(s, client, &event, sizeof event - cut);
}

static void want(capi_server_t *s, const peer_request_t *r)
{
    vapi_msg_want_demo_events *m = (void *)r->bytes;
    vapi_msg_want_demo_events_reply reply = {0};
    reply.header._vl_msg_id = (u16)s->ids[ID_want_demo_events_reply];
    reply.header.context = m->header.context;
    vapi_msg_want_demo_events_reply_hton(&reply);
    send_message(s, r->client_id, &reply, sizeof reply);
    u32 count = be32toh(m->payload.count);
    for (u32 i = 0; i < count; i++)
        send_event(s, r->client_id, i, 0);
}

static void answer(capi_server_t *s, const peer_request_t *r)
{
    if (r->msg_id == s->ids[ID_demo_echo])
        echo(s, r);
    else if (r->msg_id == s->ids[ID_demo_dump])
        dump(s, r);
    else if (r->msg_id == s->ids[ID_demo_pick_get])
        pick(s, r);
    else if (r->msg_id == s->ids[ID_demo_text])
        text(s, r);
    else if (r->msg_id == s->ids[ID_want_demo_events])
        want(s, r);
    else if (r->msg_id == s->ids[ID_demo_poke])
        __atomic_add_fetch(&s->pokes, 1, __ATOMIC_RELEASE);
    peer_done(s->peer, r->token);
}

static void *handle(void *argument)
{
    capi_server_t *s = argument;
    peer_request_t requests[32];
    for (;;) {
        int n = peer_poll(s->peer, requests, 32, 100000000u);
        if (n == -ETIMEDOUT || n == -EINTR)
            continue;
        if (n <= 0)
            return NULL;
        while (load_acquire(&s->hold) != 0 && peer_is_running(s->peer))
            usleep(100);
        for (int i = 0; i < n; i++)
            answer(s, &requests[i]);
        peer_release(requests, (u32)n);
    }
}

capi_server_t *server_start(void)
{
    static u32 started;
    capi_server_t *s = calloc(1, sizeof *s);
    strcpy(s->dir, "/tmp/capi.XXXXXX");
    if (mkdtemp(s->dir) == NULL)
        fail("mkdtemp");
    snprintf(s->socket, sizeof s->socket, "%s/api.sock", s->dir);
    snprintf(s->prefix, sizeof s->prefix, "capi-%d-%u", (int)getpid(),
             __atomic_add_fetch(&started, 1, __ATOMIC_RELAXED));
    peer_options_t o;
    peer_options_init(&o);
    o.socket_path = s->socket;
    o.shm_prefix = s->prefix;
    s->peer = peer_alloc(&o);
    if (s->peer == NULL || peer_add_builtin(s->peer) < 0)
        fail("no peer");
#define X(name)                                                                                    \
    s->ids[ID_##name] =                                                                            \
        add(s, vapi_msg_id_##name, sizeof(vapi_msg_##name), ID_##name != ID_demo_event);
    NAMES(X)
#undef X
    const u32 handled[] = {ID_demo_echo, ID_demo_dump,        ID_demo_pick_get,
                           ID_demo_text, ID_want_demo_events, ID_demo_poke};
    for (size_t i = 0; i < sizeof handled / sizeof handled[0]; i++)
        peer_set_handled(s->peer, s->ids[handled[i]], 1);
    if (peer_start(s->peer) != 0)
        fail(peer_error(s->peer));
    if (pthread_create(&s->handler, NULL, handle, s) != 0)
        fail("pthread_create");
    return s;
}

void server_stop(capi_server_t *s)
{
    peer_stop(s->peer);
    pthread_join(s->handler, NULL);
    peer_free(s->peer);
    rmdir(s->dir);
    free(s);
}

const char *server_socket(const capi_server_t *s) { return s->socket; }
const char *server_prefix(const capi_server_t *s) { return s->prefix; }
void server_hold(capi_server_t *s, int on) { store_release(&s->hold, (u32)on); }
void server_confuse(capi_server_t *s) { store_release(&s->confused, 1); }
u32 server_pokes(const capi_server_t *s) { return load_acquire(&s->pokes); }

void server_restart(capi_server_t *s)
{
    if (peer_restart(s->peer) != 0)
        fail("peer_restart");
}

void server_send_events(capi_server_t *s, u32 count, u32 cut)
{
    for (u32 i = 0; i < count; i++)
        send_event(s, PEER_ALL_CLIENTS, i, cut);
}

void server_send_lie(capi_server_t *s, u16 count)
{
    vapi_msg_demo_details item = {0};
    item.header._vl_msg_id = htobe16((u16)s->ids[ID_demo_details]);
    item.payload.count = htobe16(count);
    send_message(s, PEER_ALL_CLIENTS, &item, sizeof item);
}

vapi_connect_options_t server_options(const capi_server_t *s, vapi_transport_e transport,
                                      vapi_mode_e mode)
{
    vapi_connect_options_t o;
    vapi_connect_options_init(&o);
    o.name = "capi";
    o.transport = transport;
    o.address = transport == VAPI_TRANSPORT_SHM ? s->prefix : s->socket;
    o.bell_address = s->socket;
    o.mode = mode;
    o.timeout_ns = 5000000000u;
    return o;
}
