/* SPDX-License-Identifier: Apache-2.0
 *
 * A private segment: asked for over the API socket, handed over as a memory file descriptor. The
 * client's own memory is an oversized "ring" that VPP was asked to make and cannot use, because the
 * size field of its descriptor cannot hold the size.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomics.h"
#include "byteorder.h"
#include "handshake.h"
#include "sockio.h"
#include "transport_shm.h"

/* Only touched pages exist. Replies beyond VPP's rings come from what the rings leave of it, and a
 * reply that does not fit there makes VPP abort: be generous. */
#define SEGMENT_BYTES (64u << 20)
#define OWN_64K_UNITS 96u
#define OWN_BYTES (65536u * OWN_64K_UNITS)
/* An element has a 24-byte overhead that the size does not count. */
#define OWN_RING_SIZE (OWN_BYTES - 24u)
#define VPP_QUEUE_DEPTH 1024

static const msg_shm_config_t configs[] = {
    /* type, pad, count, size; of each type in ascending size, as allocation takes the first fit */
    {SHM_CONFIG_VPP_RING, 0, 1024, 256},       {SHM_CONFIG_VPP_RING, 0, 256, 1024},
    {SHM_CONFIG_VPP_RING, 0, 32, 4096},        {SHM_CONFIG_CLIENT_RING, 0, 64, 256},
    {SHM_CONFIG_CLIENT_RING, 0, 8, 4096},      {SHM_CONFIG_CLIENT_RING, 0, 1, OWN_RING_SIZE},
    {SHM_CONFIG_QUEUE, 0, VPP_QUEUE_DEPTH, 8},
};
#define CONFIG_COUNT (sizeof configs / sizeof configs[0])

static vapi_error_e ask_for_segment(int fd, u32 client_index_raw, const char *path, int *memfd,
                                    deadline_t deadline, error_rec_t *error)
{
    static const char step[] = "sock_init_shm";
    u8 frame[sizeof(msgbuf_t) + sizeof(msg_sock_init_shm_t) + sizeof configs];
    msg_sock_init_shm_t m = {.id = htobe16(ID_SOCK_INIT_SHM),
                             .client_index = client_index_raw,
                             .requested_size = SEGMENT_BYTES,
                             .nitems = CONFIG_COUNT};
    msgbuf_t header;
    sockio_frame_header(&header, (u32)(sizeof frame - sizeof header));
    memcpy(frame, &header, sizeof header);
    memcpy(frame + sizeof header, &m, sizeof m);
    memcpy(frame + sizeof header + sizeof m, configs, sizeof configs);
    int rv = sockio_send_all(fd, frame, sizeof frame, deadline);

    /* Exactly the reply: the five bytes behind it carry the descriptor, and a read that ran into
       them would lose it. */
    u8 answer[sizeof header + sizeof(msg_plain_reply_t)];
    msg_plain_reply_t reply;
    if (rv == 0)
        rv = sockio_recv_all(fd, answer, sizeof answer, deadline);
    if (rv != 0)
        return handshake_error(error, rv, path, step);
    memcpy(&header, answer, sizeof header);
    memcpy(&reply, answer + sizeof header, sizeof reply);
    if (be32toh(header.data_len) != sizeof reply || be16toh(reply.id) != ID_SOCK_INIT_SHM_REPLY)
        return handshake_error(error, -EBADMSG, path, step);
    i32 retval = (i32)be32toh((u32)reply.retval);
    if (retval != 0)
        return error_set(error, VAPI_ECON_FAIL, 0,
                         "%s: VPP refused a private segment of %u bytes (%d)", path, SEGMENT_BYTES,
                         retval);
    char marker[5];
    rv = sockio_recv_fd(fd, marker, sizeof marker, memfd, deadline);
    if (rv != 0)
        return handshake_error(error, rv, path, "handing over the segment");
    return VAPI_OK;
}

/** The oversized element among the client rings: found by its element size, and put beyond use. */
static vapi_error_e find_own_memory(shm_transport_t *s, error_rec_t *error)
{
    u32 count;
    u64 va = load_relaxed(&s->hdr->client_rings);
    shm_ring_t *rings =
        va % 8 != 0 ? NULL : region_space_vector(&s->space, va, sizeof *rings, 256, &count);
    for (u32 i = 0; rings != NULL && i < count; i++) {
        u64 left, ring_va = load_relaxed(&rings[i].rp);
        svm_queue_t ring;
        void *at = region_space_ptr(&s->space, ring_va, sizeof(shm_queue_t), &left);
        if (at == NULL || svm_queue_attach(&ring, at, left, 0) != 0 || ring.maxsize != 1 ||
            ring.elsize < OWN_RING_SIZE)
            continue;
        store_relaxed(&rings[i].size, 0);
        s->run = ring.shm->data;
        s->run_bytes = ring.elsize;
        return VAPI_OK;
    }
    return error_set(error, VAPI_EMAP_FAIL, 0,
                     "the segment lacks the ring of %u bytes that was asked for", OWN_RING_SIZE);
}

/* Long messages take runs of pages behind queue and slots. page_map[i]: pages of the run that begins
 * at page i, or 0; runs are few, so the gaps between them are found by walking. */

static u8 *first_page(const shm_transport_t *s, u32 *pages)
{
    u64 used = shm_memory_bytes(s->own_queue.maxsize);
    u64 start = ((uintptr_t)s->run + used + SHM_PAGE_SIZE - 1) / SHM_PAGE_SIZE * SHM_PAGE_SIZE;
    u64 end = (uintptr_t)s->run + s->run_bytes;
    *pages = end > start ? (u32)((end - start) / SHM_PAGE_SIZE) : 0;
    return (u8 *)(uintptr_t)start;
}

static void *own_pages_alloc(void *context, u32 pages)
{
    shm_transport_t *s = context;
    u32 total;
    u8 *base = first_page(s, &total);
    u32 gap = 0;
    for (u32 i = 0; i < total;) {
        u32 run = s->page_map[i];
        gap = run != 0 ? 0 : gap + 1;
        i += run != 0 ? run : 1;
        if (gap == pages) {
            s->page_map[i - pages] = pages;
            return base + (size_t)(i - pages) * SHM_PAGE_SIZE;
        }
    }
    return NULL;
}

static void own_pages_free(void *context, void *run, u32 pages)
{
    shm_transport_t *s = context;
    u32 total;
    (void)pages;
    s->page_map[(size_t)((u8 *)run - first_page(s, &total)) / SHM_PAGE_SIZE] = 0;
}

static vapi_error_e lay_out(shm_transport_t *s, u32 queue_size, error_rec_t *error)
{
    u64 need = shm_memory_bytes(queue_size) + 16 * SHM_PAGE_SIZE;
    if (need > s->run_bytes)
        return error_set(error, VAPI_EINVAL, 0,
                         "an input queue of %u messages does not fit into a private segment",
                         queue_size);
    s->own_queue.maxsize = queue_size; /* for first_page() */
    u32 pages;
    first_page(s, &pages);
    s->page_map = calloc(pages, sizeof *s->page_map);
    if (s->page_map == NULL)
        return error_set(error, VAPI_ENOMEM, ENOMEM, "out of memory");
    const page_source_t source = {
        .alloc = own_pages_alloc, .free = own_pages_free, .context = s, .max_pages = pages};
    return shm_lay_out(s, &s->regions[0], s->run, queue_size, &source, error);
}

/** Path of the file that the process has mapped as its classic API region. */
static bool find_classic_file(int pid, char *path, size_t bytes)
{
    char line[512];
    snprintf(line, sizeof line, "/proc/%d/maps", pid);
    FILE *f = fopen(line, "re");
    bool found = false;
    if (f == NULL)
        return false;
    while (!found && fgets(line, sizeof line, f) != NULL) {
        char *at = strstr(line, "/dev/shm/");
        size_t n = at == NULL ? 0 : strcspn(at, "\n");
        found = n > 7 && n < bytes && memcmp(at + n - 7, "vpe-api", 7) == 0;
        if (found) {
            memcpy(path, at, n);
            path[n] = 0;
        }
    }
    fclose(f);
    return found;
}

/**
 * VPP allocates what it sends outside of the handling of a request in its classic region, and queues the
 * addresses to us. Where that region may be mapped it is read there. Elsewhere such messages count as
 * bad, and transport_dual sends the requests that lead to them by socket.
 */
static void map_primary(shm_transport_t *s)
{
    char path[128];
    shm_hdr_t *hdr;
    region_t *primary = &s->regions[1];
    const region_space_t there = {.regions = {primary}, .count = 1};
    u64 left;
    if (s->base.server_pid <= 0 || !find_classic_file(s->base.server_pid, path, sizeof path) ||
        region_map_file(primary, path, DEADLINE_NOW, NULL) != VAPI_OK)
        return;
    void *queue = NULL;
    if (region_find_hdr(primary, &there, &hdr, DEADLINE_NOW, NULL) == VAPI_OK)
        queue = region_space_ptr(&there, load_relaxed(&hdr->vl_input_queue), sizeof(shm_queue_t),
                                 &left);
    if (queue == NULL || svm_queue_attach(&s->primary_queue, queue, left, sizeof(u64)) != 0) {
        region_unmap(primary);
        return;
    }
    s->space = (region_space_t){.regions = {&s->regions[0], primary}, .count = 2};
    s->base.sees_events = true;
}

static vapi_error_e join(shm_transport_t *s, const transport_options_t *o, error_rec_t *error)
{
    transport_t *t = &s->base;
    int memfd = -1;
    u64 table_va;
    vapi_error_e rv = bell_open(&s->bell, o->address, o->name, t->table, o->deadline, error);
    if (rv != VAPI_OK)
        return rv;
    t->server_pid = sockio_peer_pid(s->bell.fd);
    rv = ask_for_segment(s->bell.fd, s->bell.client_index_raw, o->address, &memfd, o->deadline,
                         error);
    if (rv == VAPI_OK)
        rv = region_map_memfd(&s->regions[0], memfd, o->deadline, error);
    if (memfd >= 0)
        close(memfd);
    if (rv != VAPI_OK)
        return rv;
    s->space = (region_space_t){.regions = {&s->regions[0]}, .count = 1};
    rv = shm_attach(s, o->deadline, error);
    if (rv == VAPI_OK)
        map_primary(s);
    if (rv == VAPI_OK)
        rv = find_own_memory(s, error);
    if (rv == VAPI_OK)
        rv = lay_out(s, o->queue_size, error);
    if (rv == VAPI_OK)
        rv = transport_open_fds(t, error);
    if (rv == VAPI_OK && transport_watch_hangup(t, s->bell.fd) != 0)
        rv = error_set(error, VAPI_ENOMEM, errno, "epoll: %s", strerror(errno));
    if (rv == VAPI_OK)
        /* The table that came over the socket is the same, and nobody could have moved it. */
        rv = shm_register(s, o,
                          msg_table_find(t->table, "memclnt_create_v2_c4bd4882") != MSG_ID_NONE,
                          &table_va, error);
    return rv;
}

vapi_error_e transport_memfd_connect(transport_t **t, const transport_options_t *o,
                                     error_rec_t *error)
{
    shm_transport_t *s = shm_transport_alloc(VAPI_TRANSPORT_MEMFD, o->stats);
    if (s == NULL)
        return error_set(error, VAPI_ENOMEM, ENOMEM, "out of memory");
    vapi_error_e rv = join(s, o, error);
    if (rv != VAPI_OK) {
        shm_ops.close(&s->base, false);
        shm_ops.destroy(&s->base);
        return rv;
    }
    memcpy(s->base.socket_path, s->bell.path, sizeof s->base.socket_path);
    *t = &s->base;
    return VAPI_OK;
}
