/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client may do to the peer through shared memory. The input is a list of steps:
 *   0 size16 bytes      a message of these bytes ("IDX!" becomes the client's index)
 *   1 va64              this address on the peer's queue, as it is
 *   2 offset32          ... the address of this offset in the segment
 *   3 offset32 n8 bytes writes into the segment (not into mutexes and condition variables)
 *   4                   takes what came
 * Byte 0 of the input: even: a memfd segment of its own, odd: the classic region. The peer must live
 * on and serve a client on the socket.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "byteorder.h"
#include "peer.h"
#include "transport_shm.h"

static peer_t *peer;
static char path[64], prefix[32];
static transport_t *witness;
static transport_t *attacker[2]; /* over memfd, over the classic region */
static u32 uses[2];

/* A connection serves so many inputs: to connect takes longer than to attack. */
#define USES 50u
static vapi_stats_t stats;

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void end(transport_t **t)
{
    if (*t == NULL)
        return;
    (*t)->ops->close(*t, true);
    (*t)->ops->destroy(*t);
    *t = NULL;
}

static void stop_peer(void)
{
    end(&attacker[0]);
    end(&attacker[1]);
    end(&witness);
    peer_free(peer);
}

static transport_options_t options(void)
{
    return (transport_options_t){.name = "fuzz",
                                 .address = path,
                                 .bell_address = "",
                                 .queue_size = 64,
                                 .keepalive = true,
                                 .deadline = deadline_in(10 * NS_PER_S),
                                 .stats = &stats};
}

static void start_peer(void)
{
    static char dir[] = "/tmp/vapi-fuzz.XXXXXX";
    must(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/s", dir);
    snprintf(prefix, sizeof prefix, "vapi-fuzz-%d", (int)getpid());
    peer_options_t o;
    peer_options_init(&o);
    o.socket_path = path;
    o.shm_prefix = prefix;
    o.root_bytes = 16 << 20;
    o.api_bytes = 4 << 20;
    o.idle_ns = 20 * NS_PER_MS; /* awake while there are inputs */
    peer = peer_alloc(&o);
    must(peer != NULL && peer_add_builtin(peer) >= 0 && peer_start(peer) == 0);
    atexit(stop_peer);
    transport_options_t t = options();
    must(transport_socket_connect(&witness, &t, NULL) == VAPI_OK);
}

/** The peer answers a ping over the socket. */
static void check_peer(void)
{
    struct __attribute__((packed)) {
        u16 id;
        u32 client_index, context;
    } ping = {htobe16(msg_table_find(witness->table, "control_ping_51077d14")),
              witness->client_index_raw, 1};
    const out_batch_t batch = {.bytes = (u8 *)&ping, .stride = sizeof ping};
    deadline_t deadline = deadline_in(15 * NS_PER_S);
    must(witness->ops->send_copies(witness, &batch, 0, 1) == 1);
    msg_ref_t ref;
    int n;
    while ((n = witness->ops->take(witness, &ref, 1)) == 0) {
        must(!deadline_passed(deadline));
        witness->ops->sleep(witness, false, deadline);
    }
    must(n == 1);
    witness->ops->release(witness, ref.body);
}

/** Mutexes and condition variables of queues: whoever breaks those breaks everybody's, VPP's too. */
static bool is_locks(const shm_transport_t *s, const region_t *r, u64 offset)
{
    static const u32 lock_bytes = 88;
    u64 region = offset - r->header_offset;
    if (offset >= r->header_offset && region >= 8 && region < 96)
        return true;
    const u8 *p = r->base + offset, *queues[2] = {(u8 *)s->vpp_queue.shm, (u8 *)s->own_queue.shm};
    for (u32 i = 0; i < 2; i++)
        if (p >= queues[i] && p < queues[i] + lock_bytes)
            return true;
    u64 vectors[2] = {s->hdr->vl_rings, s->hdr->client_rings};
    for (u32 v = 0; v < 2; v++) {
        u32 count;
        const shm_ring_t *rings =
            region_space_vector(&s->space, vectors[v], sizeof *rings, 32, &count);
        for (u32 i = 0; rings != NULL && i < count; i++) {
            const u8 *q = region_space_ptr(&s->space, rings[i].rp, sizeof(shm_queue_t), NULL);
            if (q != NULL && p >= q && p < q + lock_bytes)
                return true;
        }
        /* Nor the addresses of the rings, or the check above would look elsewhere next time. */
        if (rings != NULL && p >= (const u8 *)rings - 8 && p < (const u8 *)(rings + count))
            return true;
    }
    return p >= (const u8 *)s->hdr && p < (const u8 *)(s->hdr + 1);
}

static void send_message(shm_transport_t *s, const u8 *bytes, u32 size)
{
    u8 *body = arena_alloc(&s->arena, size, false);
    if (body == NULL)
        return;
    memcpy(body, bytes, size);
    for (u32 i = 0; i + 4 <= size; i++)
        if (memcmp(body + i, "IDX!", 4) == 0)
            memcpy(body + i, &s->base.client_index_raw, 4);
    void *bodies[1] = {body};
    if (s->base.ops->send(&s->base, bodies, 1, true) != 1)
        arena_free(body);
}

static void take_all(shm_transport_t *s)
{
    msg_ref_t refs[16];
    int n;
    while ((n = s->base.ops->take(&s->base, refs, 16)) > 0)
        for (int i = 0; i < n; i++)
            s->base.ops->release(&s->base, refs[i].body);
}

static void run_steps(shm_transport_t *s, const u8 *at, size_t left)
{
    const region_t *r = s->own;
    while (left >= 1) {
        u8 step = *at % 5;
        at++;
        left--;
        size_t n = step == 0 ? 2 : step == 1 ? 8 : step == 2 ? 4 : step == 3 ? 5 : 0;
        if (left < n)
            return;
        const u8 *head = at;
        at += n;
        left -= n;
        if (step == 0) {
            size_t size = load_be16(head) < left ? load_be16(head) : left;
            if (size != 0)
                send_message(s, at, (u32)size);
            at += size;
            left -= size;
        } else if (step == 1 || step == 2) {
            u64 va = step == 1 ? load_be64(head) : r->va + load_be32(head) % r->size;
            svm_queue_add_many(&s->vpp_queue, &va, 1, true, deadline_in(NS_PER_S));
        } else if (step == 3) {
            u64 offset = load_be32(head) % r->size;
            for (u32 k = head[4]; k != 0 && left != 0; k--, at++, left--, offset++)
                if (offset < r->size && !is_locks(s, r, offset))
                    r->base[offset] = *at;
        } else {
            take_all(s);
        }
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (peer == NULL)
        start_peer();
    if (size == 0)
        return 0;
    u32 which = data[0] & 1;
    transport_options_t o = options();
    error_rec_t error;
    vapi_error_e rv = VAPI_OK;
    if (which == 1) {
        o.address = prefix;
        o.deadline = deadline_in(300 * NS_PER_MS); /* a spoiled one never answers */
    }
    if (attacker[which] == NULL) {
        uses[which] = 0;
        rv = which == 1 ? transport_classic_connect(&attacker[1], &o, &error)
                        : transport_memfd_connect(&attacker[0], &o, &error);
    }
    if (rv != VAPI_OK) {
        /* An earlier input may have spoiled the region that all share: a new one, as VPP's operator
           would make. Nobody can spoil a memfd for others. */
        must(which == 1);
        must(peer_restart(peer) == 0);
        end(&attacker[0]);
        end(&witness);
        o = options();
        must(transport_socket_connect(&witness, &o, NULL) == VAPI_OK);
        return 0;
    }
    shm_transport_t *s = (shm_transport_t *)(void *)attacker[which];
    run_steps(s, data + 1, size - 1);
    check_peer();
    take_all(s);
    bool lost = s->base.ops->alive(&s->base) != 0 || s->gone;
    if (++uses[which] == USES || lost) {
        s->base.ops->leave(&s->base);
        check_peer();
        end(&attacker[which]);
    }
    must(peer_is_running(peer));
    return 0;
}
