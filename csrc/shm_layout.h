/* SPDX-License-Identifier: Apache-2.0
 *
 * What VPP keeps in shared memory, byte for byte (x86_64 and aarch64 with glibc >= 2.25). Changes
 * only when VPP's ABI does; no other file knows an offset. All numbers are in the machine's order,
 * all addresses are VPP's virtual addresses: translate them with region_ptr() before use.
 */
#ifndef VAPI_CORE_SHM_LAYOUT_H
#define VAPI_CORE_SHM_LAYOUT_H

#include <pthread.h>
#include <vapi/vapi_types.h>

#define SHM_PAGE_SIZE 4096u
#define SHM_REGION_VERSION 0x10001u
#define SHM_HDR_VERSION 2
/** ssvm_header.type of a segment that is handed over as a memory file descriptor. */
#define SSVM_TYPE_MEMFD 1u
/** In the region of a memfd segment this follows the ssvm header's page. */
#define SSVM_REGION_OFFSET SHM_PAGE_SIZE

typedef struct {
    pthread_mutex_t mutex; /* process-shared, robust */
    pthread_cond_t condvar; /* process-shared, CLOCK_REALTIME */
    i32 head;
    i32 tail;
    i32 cursize;
    i32 maxsize;
    i32 elsize;
    i32 consumer_pid;
    i32 producer_evtfd;
    i32 consumer_evtfd;
    u8 data[];
} shm_queue_t;

/** Before every message. */
typedef struct {
    u64 q; /* the ring that owns it, 0: a heap block (shared memory) or nothing (socket) */
    u32 data_len; /* big-endian, without this header */
    u32 gc_mark; /* seconds since the epoch, or 0 */
    u8 data[];
} msgbuf_t;

/** One ring of message buffers. The queue's elements are msgbufs; only its head moves. */
typedef struct {
    u64 rp; /* address of the ring's shm_queue_t */
    u16 size; /* body bytes + msgbuf header that fit */
    u16 nitems;
    u32 hits;
    u32 misses;
    u32 pad;
} shm_ring_t;

typedef struct {
    i32 version;
    i32 vl_pid;
    u64 vl_input_queue;
    u64 vl_rings; /* vector of shm_ring_t that VPP allocates from */
    u64 client_rings; /* vector of shm_ring_t that clients allocate from */
    i32 application_restarts;
    i32 restart_reclaims;
    i32 garbage_collects;
    u32 clib_file_index;
} shm_hdr_t;

typedef struct {
    u64 version;
    pthread_mutex_t mutex; /* process-shared, NOT robust */
    pthread_cond_t condvar;
    i32 mutex_owner_pid;
    i32 mutex_owner_tag;
    u64 flags;
    u64 virtual_base;
    u64 virtual_size;
    u64 region_heap;
    u64 data_base;
    u64 data_heap;
    u64 user_ctx; /* address of the shm_hdr_t; 0 until VPP has made it */
    u64 bitmap_size; /* bits */
    u64 bitmap; /* vector of u64; bit i: page i is in use */
    u64 region_name;
    u64 backing_file;
    u64 filenames;
    u64 client_pids;
} shm_region_t;

typedef struct {
    i32 lock;
    i32 owner_pid;
    i32 recursion;
    u32 tag;
    u64 heap;
    u64 ssvm_va;
    u64 ssvm_size;
    i32 server_pid;
    i32 client_pid;
    u64 name;
    u64 opaque[7];
    u32 ready; /* 1 when usable */
    u32 type;
} ssvm_header_t;

/** A vector's elements begin at its address; this ends right before it. */
typedef struct {
    u32 length; /* elements */
    u8 header_size_8;
    u8 align_and_flags;
    u8 grow_elements;
    u8 pad;
} shm_vec_header_t;

#define SHM_ASSERT(what) _Static_assert(what, #what)
SHM_ASSERT(sizeof(void *) == 8);
SHM_ASSERT(sizeof(pthread_cond_t) == 48);
SHM_ASSERT(sizeof(shm_queue_t) == sizeof(pthread_mutex_t) + 80);
SHM_ASSERT(sizeof(msgbuf_t) == 16);
SHM_ASSERT(sizeof(shm_ring_t) == 24);
SHM_ASSERT(offsetof(shm_ring_t, hits) == 12);
SHM_ASSERT(sizeof(shm_hdr_t) == 48);
SHM_ASSERT(offsetof(shm_hdr_t, client_rings) == 24);
SHM_ASSERT(sizeof(ssvm_header_t) == 120);
SHM_ASSERT(offsetof(ssvm_header_t, ssvm_va) == 24);
SHM_ASSERT(offsetof(ssvm_header_t, ready) == 112);
SHM_ASSERT(sizeof(shm_vec_header_t) == 8);
#ifdef __x86_64__
SHM_ASSERT(sizeof(pthread_mutex_t) == 40);
SHM_ASSERT(sizeof(shm_queue_t) == 120);
SHM_ASSERT(offsetof(shm_queue_t, head) == 88);
SHM_ASSERT(sizeof(shm_region_t) == 208);
SHM_ASSERT(offsetof(shm_region_t, virtual_base) == 112);
SHM_ASSERT(offsetof(shm_region_t, user_ctx) == 152);
SHM_ASSERT(offsetof(shm_region_t, client_pids) == 200);
#endif

#endif
