/* SPDX-License-Identifier: Apache-2.0
 *
 * The shared rings of message buffers: first fit, misses, garbage collection, geometry that lies.
 */
#include <sys/mman.h>

#include "check.h"
#include "region_make.h"

typedef struct {
    region_t region;
    region_space_t space;
    u64 vector;
    shm_ring_t *shared;
    msg_rings_t rings;
} rings_t;

#define MEMORY (1u << 20)
#define VA 0x7000000000ull

/** Rings of 4 x 64, 2 x 256 and 1 x 65512 bytes; the last one's size is cut to 0. */
static void make(rings_t *r)
{
    const u32 geometry[3][2] = {{4, 64}, {2, 256}, {1, 65536 - 24}};
    error_rec_t error;
    memset(r, 0, sizeof *r);
    r->region.base = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    r->region.size = MEMORY;
    r->region.va = VA;
    r->space = (region_space_t){.regions = {&r->region}, .count = 1};
    ((shm_vec_header_t *)(void *)r->region.base)->length = 3;
    r->shared = (void *)(r->region.base + 8);
    r->vector = VA + 8;
    u64 at = 4096;
    for (u32 i = 0; i < 3; i++) {
        CHECK_EQ(msg_ring_init(&r->shared[i], r->region.base + at, VA + at, geometry[i][0],
                               geometry[i][1]),
                 0);
        at += (msg_ring_bytes(geometry[i][0], geometry[i][1]) + 63) & ~63ull;
    }
    CHECK_EQ(msg_rings_attach(&r->rings, &r->space, r->vector, &error), VAPI_OK);
}

TEST(first_fit_then_the_next_ring_then_nothing)
{
    rings_t r;
    make(&r);
    CHECK_EQ(r.rings.rings[2].size, 0);
    msgbuf_t *small[4], *large[2];
    for (u32 i = 0; i < 4; i++) {
        small[i] = msg_rings_alloc(&r.rings, 10, 1000, NULL);
        CHECK(small[i] != NULL);
        CHECK_EQ(small[i]->q, r.shared[0].rp);
        CHECK_EQ(small[i]->data_len, __builtin_bswap32(10));
    }
    for (u32 i = 0; i < 2; i++) {
        large[i] = msg_rings_alloc(&r.rings, 10, 1000, NULL);
        CHECK_EQ(large[i]->q, r.shared[1].rp);
    }
    CHECK(msg_rings_alloc(&r.rings, 10, 1000, NULL) == NULL);
    CHECK_EQ(r.shared[0].hits, 4);
    CHECK_EQ(r.shared[0].misses, 3);
    CHECK_EQ(r.shared[1].misses, 1);
    CHECK_EQ(r.rings.misses, 4);
    /* Only the slot at the head is looked at. */
    msg_ring_release(small[1]);
    CHECK(msg_rings_alloc(&r.rings, 10, 1000, NULL) == NULL);
    msg_ring_release(small[0]);
    CHECK(msg_rings_alloc(&r.rings, 10, 1000, NULL) == small[0]);
    CHECK(msg_rings_alloc(&r.rings, 10, 1000, NULL) == small[1]);
}

TEST(what_does_not_fit_is_not_a_miss)
{
    rings_t r;
    make(&r);
    CHECK(msg_rings_alloc(&r.rings, 88 - 16, 1000, NULL)->q == r.shared[0].rp);
    CHECK(msg_rings_alloc(&r.rings, 88 - 15, 1000, NULL)->q == r.shared[1].rp);
    CHECK(msg_rings_alloc(&r.rings, 280 - 15, 1000, NULL) == NULL);
    CHECK(msg_rings_alloc(&r.rings, 60000, 1000, NULL) == NULL);
    CHECK(msg_rings_alloc(&r.rings, UINT32_MAX, 1000, NULL) == NULL);
    CHECK_EQ(r.rings.misses, 0);
}

TEST(a_stuck_slot_is_marked_and_taken_over_after_ten_seconds)
{
    rings_t r;
    make(&r);
    msgbuf_t *stuck = msg_rings_alloc(&r.rings, 200, 1000, NULL);
    msg_rings_alloc(&r.rings, 200, 1000, NULL);
    CHECK_EQ(stuck->gc_mark, 0);
    CHECK(msg_rings_alloc(&r.rings, 200, 1005, NULL) == NULL);
    CHECK_EQ(stuck->gc_mark, 1005);
    CHECK(msg_rings_alloc(&r.rings, 200, 1015, NULL) == NULL);
    CHECK(msg_rings_alloc(&r.rings, 200, 1004, NULL) == NULL); /* the clock was set back */
    CHECK_EQ(stuck->gc_mark, 1005);
    CHECK(msg_rings_alloc(&r.rings, 200, 1016, NULL) == stuck);
    CHECK_EQ(stuck->gc_mark, 0);
    CHECK_EQ(r.rings.takeovers, 1);
    /* Released in time, it is not marked any more. */
    CHECK(msg_rings_alloc(&r.rings, 200, 1016, NULL) == NULL);
    msg_ring_release(stuck);
    CHECK_EQ(stuck->gc_mark, 0);
}

TEST(the_owner_of_a_rings_lock_dies)
{
#ifdef __SANITIZE_THREAD__
    CHECK_SKIP("the sanitizer does not know EOWNERDEAD of a timed lock");
#endif
    rings_t r;
    make(&r);
    pid_t pid = fork();
    if (pid == 0) {
        svm_queue_lock(&r.rings.rings[0].queue, DEADLINE_NEVER);
        kill(getpid(), SIGKILL);
    }
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    deadline_t deadline = deadline_in(NS_PER_S);
    for (u32 i = 0; i < 4; i++)
        CHECK_EQ(msg_rings_alloc(&r.rings, 10, 1000, &deadline)->q, r.shared[0].rp);
    CHECK_EQ(r.rings.locks_failed, 0);
    /* Held by somebody who lives: skipped. */
    CHECK_EQ(svm_queue_lock(&r.rings.rings[0].queue, DEADLINE_NEVER), 0);
    deadline = DEADLINE_NOW;
    CHECK_EQ(msg_rings_alloc(&r.rings, 10, 1000, &deadline)->q, r.shared[1].rp);
    CHECK_EQ(r.rings.locks_failed, 1);
    svm_queue_unlock(&r.rings.rings[0].queue);
}

TEST(geometry_that_does_not_fit_is_refused)
{
    rings_t r;
    error_rec_t error;
    msg_rings_t rings;
    make(&r);
    shm_ring_t good = r.shared[0];
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        change;                                                                                    \
        CHECK_EQ(msg_rings_attach(&rings, &r.space, r.vector, &error), VAPI_EMAP_FAIL);            \
        r.shared[0] = good;                                                                        \
    } while (0)
    REFUSED(r.shared[0].nitems = 5);
    REFUSED(r.shared[0].size = 89);
    REFUSED(r.shared[0].rp = VA + MEMORY - 8);
    REFUSED(r.shared[0].rp = VA + 1);
    REFUSED(r.shared[0].rp = 0);
    shm_queue_t *queue = r.rings.rings[0].queue.shm;
    REFUSED(queue->elsize = 0x7fffffff);
    queue->elsize = 89;
    REFUSED(queue->elsize = 8);
    queue->elsize = 88;
    CHECK_EQ(msg_rings_attach(&rings, &r.space, VA + MEMORY + 8, &error), VAPI_EMAP_FAIL);
    CHECK_EQ(msg_rings_attach(&rings, &r.space, r.vector + 1, &error), VAPI_EMAP_FAIL);
    ((shm_vec_header_t *)(void *)r.region.base)->length = 33;
    CHECK_EQ(msg_rings_attach(&rings, &r.space, r.vector, &error), VAPI_EMAP_FAIL);
    /* A head that is moved out of bounds later leads nowhere. */
    queue->head = -7;
    CHECK(msg_rings_alloc(&r.rings, 10, 1000, NULL) == (void *)queue->data);
}

TEST(heap_blocks_are_checked_and_merge)
{
    region_heap_t h;
    u8 *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_EQ(region_heap_init(&h, memory + 4096, MEMORY - 4096), 0);
    u64 whole = region_heap_free_bytes(&h);
    u8 *blocks[64];
    unsigned seed = 1;
    for (u32 round = 0; round < 200; round++) {
        for (u32 i = 0; i < 64; i++) {
            seed = seed * 1103515245 + 12345;
            u32 size = (seed >> 8) % 6000 + 1;
            blocks[i] = region_heap_alloc(&h, size);
            if (blocks[i] == NULL)
                continue;
            CHECK(blocks[i] >= memory + 4096 && blocks[i] + size <= memory + MEMORY);
            CHECK(region_heap_block_bytes(&h, blocks[i]) >= size);
            memset(blocks[i], (int)i, size);
        }
        for (u32 i = 0; i < 64; i++) {
            if (blocks[i] == NULL)
                continue;
            CHECK_EQ(*blocks[i], i);
            CHECK_EQ(region_heap_free(&h, blocks[i] + 256),
                     region_heap_block_bytes(&h, blocks[i] + 256) == 0 ? -EINVAL : 0);
            if (region_heap_block_bytes(&h, blocks[i]) != 0)
                CHECK_EQ(region_heap_free(&h, blocks[i]), 0);
            CHECK_EQ(region_heap_free(&h, blocks[i]), -EINVAL);
        }
        for (u32 i = 0; i < 64; i++)
            if (blocks[i] != NULL)
                region_heap_free(&h, blocks[i]);
        CHECK_EQ(h.blocks, 0);
        CHECK_EQ(region_heap_free_bytes(&h), whole);
    }
    CHECK_EQ(region_heap_free(&h, memory), -EINVAL);
    CHECK_EQ(region_heap_free(&h, memory + 4096 + 1), -EINVAL);
    CHECK_EQ(region_heap_free(&h, NULL), -EINVAL);
    CHECK(region_heap_alloc(&h, MEMORY) == NULL);
    CHECK(region_heap_alloc(&h, UINT64_MAX) == NULL);
    CHECK(region_heap_alloc(&h, MEMORY / 2) != NULL);
    region_heap_fini(&h);
}
