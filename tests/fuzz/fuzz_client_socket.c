/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client receives over the socket, from the first byte on. Byte 0: bit 0: the input follows a
 * handshake that is right (else it is the handshake); bits 1 to 3: bytes a write, 0: all at once. The
 * rest is what the server sends before it closes. The client connects, receives until the end, holds
 * some messages, dispatches others.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vapi/batch.h>
#include <vapi/vapi_internal.h>

#include "byteorder.h"
#include "deadline.h"
#include "handshake.h"
#include "sockio.h"

static void must(bool condition)
{
    if (!condition)
        abort();
}

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static int listener = -1;
static const u8 *script;
static size_t script_size;
static sem_t served; /* the script is no longer read */

static const char *const names[] = {"",
                                    "control_ping_51077d14",
                                    "control_ping_reply_f6b0b8ca",
                                    "memclnt_keepalive_51077d14",
                                    "memclnt_keepalive_reply_e8d4e804",
                                    "fuzz_event_00000001",
                                    "fuzz_reply_00000002"};
#define NAMES (sizeof names / sizeof *names)

static void send_handshake(int fd)
{
    struct __attribute__((packed)) {
        u8 header[sizeof(msgbuf_t)];
        msg_sockclnt_create_reply_t reply;
        u8 entries[(NAMES - 1) * MSG_TABLE_ENTRY_BYTES];
    } m;
    memset(&m, 0, sizeof m);
    msgbuf_t header;
    sockio_frame_header(&header, sizeof m.reply + sizeof m.entries);
    memcpy(m.header, &header, sizeof header);
    m.reply.id = htobe16(ID_SOCKCLNT_CREATE_REPLY);
    m.reply.context = 0x1a2b3c4d;
    m.reply.index = htobe32(0x80000001);
    m.reply.count = htobe16(NAMES - 1);
    for (u32 i = 1; i < NAMES; i++) {
        u8 *e = m.entries + (i - 1) * MSG_TABLE_ENTRY_BYTES;
        store_be16(e, (u16)(i + 20));
        memcpy(e + 2, names[i], strlen(names[i]));
    }
    must(send(fd, &m, sizeof m, MSG_NOSIGNAL) > 0);
}

/** One client after the other gets the script. */
static void *serve(void *unused)
{
    (void)unused;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        u8 ignored[200];
        (void)!recv(fd, ignored, sizeof ignored, 0);
        if (script_size != 0) {
            if (script[0] & 1)
                send_handshake(fd);
            size_t step = script[0] >> 1 & 7;
            if (step == 0 || script_size > 600)
                step = script_size;
            for (size_t at = 1; at < script_size; at += step) {
                size_t n = script_size - at < step ? script_size - at : step;
                if (send(fd, script + at, n, MSG_NOSIGNAL) <= 0)
                    break;
            }
        }
        shutdown(fd, SHUT_WR);
        /* Whatever the client says is read, so that its close does not cut off what we sent. */
        while (recv(fd, ignored, sizeof ignored, 0) > 0)
            ;
        close(fd);
        sem_post(&served);
    }
    return NULL;
}

typedef struct __attribute__((packed)) {
    u16 id;
    u32 context;
    u32 count;
    u8 bytes[];
} fuzz_msg_t;

static void swap(void *m)
{
    fuzz_msg_t *f = m;
    f->id = htobe16(f->id);
    f->count = htobe32(f->count);
}

static int verify(void *m, uword size)
{
    const fuzz_msg_t *f = m;
    return size >= sizeof *f && size - sizeof *f >= f->count ? 0 : -1;
}

static int verify_wire(void *m, uword size)
{
    const fuzz_msg_t *f = m;
    return size >= sizeof *f && size - sizeof *f >= be32toh(f->count) ? 0 : -1;
}

static vapi_message_desc_t descriptions[2];
static u32 sum;

static vapi_error_e on_event(vapi_ctx_t ctx, void *callback_ctx, void *payload)
{
    (void)ctx;
    (void)callback_ctx;
    const fuzz_msg_t *f = payload;
    for (u32 i = 0; i < f->count; i++)
        sum += f->bytes[i]; /* a sanitizer sees a count that lies */
    return VAPI_OK;
}

static vapi_error_e on_reply(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                             void *payload)
{
    (void)ctx;
    (void)callback_ctx;
    (void)rv;
    (void)is_last;
    if (payload != NULL)
        sum += load_be32(payload);
    return VAPI_OK;
}

static void prepare(void)
{
    static char dir[] = "/tmp/vapi-fuzz.XXXXXX";
    must(mkdtemp(dir) != NULL);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", dir);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    must(listen(listener, 16) == 0);
    for (u32 i = 0; i < 2; i++) {
        descriptions[i] = (vapi_message_desc_t){.name = i == 0 ? "fuzz_event" : "fuzz_reply",
                                                .name_len = 10,
                                                .name_with_crc = names[5 + i],
                                                .name_with_crc_len = 19,
                                                .has_context = true,
                                                .context_offset = 2,
                                                .payload_offset = 6,
                                                .verify_msg_size = verify,
                                                .swap_to_be = swap,
                                                .swap_to_host = swap,
                                                .verify_wire_size = verify_wire};
        must(vapi_register_msg(&descriptions[i]) != VAPI_INVALID_MSG_ID);
    }
    must(sem_init(&served, 0, 0) == 0);
    pthread_t thread;
    must(pthread_create(&thread, NULL, serve, NULL) == 0);
}

static void receive(vapi_ctx_t ctx)
{
    void *held[8];
    u32 held_count = 0;
    vapi_set_event_cb(ctx, descriptions[0].id, on_event, NULL);
    vapi_producer_lock(ctx);
    for (u32 i = 0; i < 4; i++)
        vapi_store_request(ctx, 0x80000000u + i, descriptions[1].id,
                           i % 3 == 0   ? VAPI_REQUEST_REG
                           : i % 3 == 1 ? VAPI_REQUEST_DUMP
                                        : VAPI_REQUEST_STREAM,
                           on_reply, NULL);
    vapi_producer_unlock(ctx);
    vapi_error_e rv = VAPI_OK;
    for (u32 i = 0; rv != VAPI_ECONNRESET && i < 10000; i++) {
        if (i % 2 == 0) {
            rv = vapi_dispatch_one_until(ctx, 10 * NS_PER_S);
            continue;
        }
        void *msg;
        size_t size;
        rv = vapi_recv(ctx, &msg, &size, SVM_Q_TIMEDWAIT, 10);
        must(rv != VAPI_EAGAIN);
        if (rv != VAPI_OK)
            continue;
        for (size_t k = 0; k < size; k++)
            sum += ((u8 *)msg)[k];
        if (held_count < 8 && i % 3 == 0)
            held[held_count++] = msg;
        else
            vapi_msg_free(ctx, msg);
    }
    must(rv == VAPI_ECONNRESET);
    vapi_disconnect(ctx);
    while (held_count != 0)
        vapi_msg_free(ctx, held[--held_count]);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (listener < 0)
        prepare();
    script = data;
    script_size = size;
    vapi_ctx_t ctx;
    must(vapi_ctx_alloc(&ctx) == VAPI_OK);
    vapi_connect_options_t o;
    vapi_connect_options_init(&o);
    o.name = "fuzz";
    o.address = address.sun_path;
    o.max_outstanding_requests = 16;
    vapi_error_e rv = vapi_connect_options(ctx, &o);
    must(rv == VAPI_OK || vapi_error_text(ctx)[0] != 0);
    if (rv == VAPI_OK)
        receive(ctx);
    vapi_ctx_free(ctx);
    while (sem_wait(&served) != 0)
        ;
    return 0;
}
