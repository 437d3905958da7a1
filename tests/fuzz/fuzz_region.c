/* SPDX-License-Identifier: Apache-2.0
 *
 * Attaching to shared memory that somebody else filled with anything. The input changes a segment
 * that is right: byte 0 chooses the kind (even: memfd, odd: classic file), then come changes of
 * {u16 offset, big-endian; u8 length; bytes}. What is accepted is used as a client uses it: header,
 * queue, rings, message table, bitmap of pages.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "byteorder.h"
#include "page_carve.h"
#include "svm_queue.h"
#include "transport_shm.h"

#define PAGES 16u
#define SIZE (PAGES * SHM_PAGE_SIZE)
#define VA 0x130000000ull
#define HDR 0x3000u
#define QUEUE 0x4000u
#define RINGS 0x5008u
#define TABLE 0x6008u
#define BITMAP 0x7008u

/* Not changed: whoever breaks a mutex that others lock breaks more than can be checked for. */
static bool is_mutex(u32 offset)
{
    return (offset >= 8 && offset < 96) || (offset >= 4096 + 8 && offset < 4096 + 96) ||
           (offset >= QUEUE && offset < QUEUE + 88);
}

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void fill(u8 *m, bool classic)
{
    u32 at = classic ? 0 : SSVM_REGION_OFFSET;
    memset(m, 0, SIZE);
    if (!classic) {
        ssvm_header_t s = {.ssvm_va = VA, .ssvm_size = SIZE, .ready = 1, .type = SSVM_TYPE_MEMFD};
        memcpy(m, &s, sizeof s);
    }
    shm_region_t *r = (void *)(m + at);
    r->version = SHM_REGION_VERSION;
    r->virtual_base = VA + at;
    r->virtual_size = SIZE - at;
    r->user_ctx = VA + HDR;
    r->bitmap_size = PAGES;
    r->bitmap = VA + BITMAP;
    store_raw32(m + BITMAP - 8, 1);
    store_raw64(m + BITMAP, 0xff);
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&r->mutex, &a);
    shm_hdr_t h = {.version = SHM_HDR_VERSION,
                   .vl_pid = 1,
                   .vl_input_queue = VA + QUEUE,
                   .vl_rings = VA + RINGS,
                   .client_rings = VA + RINGS};
    memcpy(m + HDR, &h, sizeof h);
    svm_queue_t q;
    must(svm_queue_init(&q, m + QUEUE, 16, 8, 1) == 0);
    store_raw32(m + RINGS - 8, 1);
    shm_ring_t ring = {.rp = VA + QUEUE, .size = 64, .nitems = 8};
    memcpy(m + RINGS, &ring, sizeof ring);
    static const u8 table[] = {0, 0, 0, 2, 11, 5, 'a', 'b', 14, 0, 3, 'c'};
    store_raw32(m + TABLE - 8, sizeof table);
    memcpy(m + TABLE, table, sizeof table);
}

static void change(u8 *m, const u8 *data, size_t size)
{
    while (size >= 3) {
        u32 offset = load_be16(data), length = data[2];
        data += 3;
        size -= 3;
        for (; length != 0 && size != 0; length--, offset++, data++, size--)
            if (offset < SIZE && !is_mutex(offset))
                m[offset] = *data;
    }
}

static void use(region_t *r, bool classic)
{
    static vapi_stats_t stats;
    error_rec_t error;
    shm_transport_t *s =
        shm_transport_alloc(classic ? VAPI_TRANSPORT_SHM : VAPI_TRANSPORT_MEMFD, &stats);
    s->regions[0] = *r;
    s->space = (region_space_t){{&s->regions[0]}, 1};
    if (shm_attach(s, DEADLINE_NOW, &error) == VAPI_OK) {
        u64 element = VA;
        for (u32 i = 0; i < 20; i++) {
            int rv = svm_queue_add_many(&s->vpp_queue, &element, 1, true, deadline_in(NS_PER_S));
            must(rv == 1 || rv == -EAGAIN || rv == -EBADMSG);
            if (rv == 1 && i % 3 == 0)
                must(svm_queue_sub_many(&s->vpp_queue, &element, 1, deadline_in(NS_PER_S)) >= 0);
        }
        u32 count;
        u64 vectors[] = {s->hdr->vl_rings, s->hdr->client_rings};
        for (u32 v = 0; v < 2; v++) {
            const shm_ring_t *rings =
                region_space_vector(&s->space, vectors[v], sizeof *rings, 64, &count);
            for (u32 i = 0; i < count; i++) {
                u64 left;
                svm_queue_t q;
                void *p = region_space_ptr(&s->space, rings[i].rp, sizeof(shm_queue_t), &left);
                if (p != NULL)
                    svm_queue_attach(&q, p, left, 0);
            }
        }
    }
    msg_table_t *table = msg_table_alloc();
    shm_read_table(s, VA + TABLE, table, &error);
    msg_table_free(table);
    if (classic) {
        error_clear(&error);
        page_carve_free_pages(r, deadline_in(NS_PER_S));
        static const region_t elsewhere; /* of no bytes */
        page_carve_reclaim(r, &elsewhere, deadline_in(NS_PER_S));
        void *run = page_carve(r, 2, deadline_in(NS_PER_S), &error);
        if (run != NULL) {
            must((u8 *)run >= r->base && (u8 *)run + 2 * SHM_PAGE_SIZE <= r->base + r->size);
            memset((u8 *)run + CARVE_HEADER_BYTES, 0xaa, 2 * SHM_PAGE_SIZE - CARVE_HEADER_BYTES);
            page_uncarve(r, run, false, deadline_in(NS_PER_S));
        }
    }
    s->regions[0].base = NULL;
    bell_close(&s->bell, false);
    pthread_mutex_destroy(&s->held_lock);
    msg_table_free(s->base.table);
    free(s->returns.at);
    free(s->primary_returns.at);
    free(s);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static u8 memory[SIZE];
    static char path[] = "/dev/shm/vapi-fuzz.XXXXXX";
    static int fd = -1;
    if (size == 0)
        return 0;
    bool classic = data[0] & 1;
    if (fd < 0) {
        fd = mkstemp(path);
        must(fd >= 0);
        unlink(path);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    fill(memory, classic);
    change(memory, data + 1, size - 1);
    must(pwrite(fd, memory, SIZE, 0) == SIZE);
    region_t r;
    error_rec_t error;
    error_clear(&error);
    vapi_error_e rv = classic ? region_map_file(&r, path, DEADLINE_NOW, &error)
                              : region_map_memfd(&r, fd, DEADLINE_NOW, &error);
    must((rv == VAPI_OK) == (r.base != NULL) && (rv == VAPI_OK) == (error.text[0] == 0));
    if (rv == VAPI_OK) {
        use(&r, classic);
        region_unmap(&r);
    }
    return 0;
}
