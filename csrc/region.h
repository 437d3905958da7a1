/* SPDX-License-Identifier: Apache-2.0
 *
 * Mapped shared memory and the addresses in it.
 *
 * A region is mapped wherever the kernel likes. Pointers found in it are its owner's (VPP's) virtual
 * addresses; region_ptr() turns one into a pointer here after checking that `length` bytes from it
 * lie inside, region_va() goes the other way. Nothing else may follow a pointer from shared memory.
 *
 * Owner: who mapped it unmaps it, once. No locks; translation is safe from any thread.
 */
#ifndef VAPI_CORE_REGION_H
#define VAPI_CORE_REGION_H

#include <sys/types.h>

#include "deadline.h"
#include "error.h"
#include "shm_layout.h"

typedef struct {
    u8 *base; /* NULL: not mapped */
    u64 size; /* bytes mapped */
    u64 va; /* the owner's address of base */
    u64 header_offset; /* where its shm_region_t is */
    dev_t device; /* the file behind it, to notice that a path now leads to another one */
    ino_t inode;
} region_t;

/** The regions whose addresses a connection accepts, the first match wins. */
typedef struct {
    const region_t *regions[2];
    u32 count;
} region_space_t;

/** NULL unless [va, va + length) lies in the region. */
static inline void *region_ptr(const region_t *r, u64 va, u64 length)
{
    u64 offset = va - r->va;
    if (va < r->va || offset > r->size || length > r->size - offset)
        return NULL;
    return r->base + offset;
}

static inline u64 region_va(const region_t *r, const void *p)
{
    return r->va + (u64)((const u8 *)p - r->base);
}

static inline bool region_holds(const region_t *r, const void *p)
{
    return (const u8 *)p >= r->base && (const u8 *)p < r->base + r->size;
}

/** region_ptr() in the first region that has it; *left (may be NULL): bytes from there to its end. */
void *region_space_ptr(const region_space_t *space, u64 va, u64 length, u64 *left);

/**
 * A vector's elements and their number: checks the length word and that all elements lie inside.
 * NULL and *length 0 when not; `max_length` bounds what is believed. Elements of 8 bytes are aligned.
 */
void *region_space_vector(const region_space_t *space, u64 va, u64 element_bytes, u32 max_length,
                          u32 *length);

/**
 * Maps a memfd segment; the descriptor stays the caller's. Waits until the deadline for its maker to
 * mark it ready. VAPI_EMAP_FAIL with the reason: too small, wrong type or version, not ready.
 */
vapi_error_e region_map_memfd(region_t *r, int fd, deadline_t deadline, error_rec_t *error);

/**
 * Maps one of the two classic files, e.g. /dev/shm/vpe-api. Waits until the deadline for a region
 * that is just being made. VAPI_EMAP_FAIL, VAPI_EACCES with the reason.
 */
vapi_error_e region_map_file(region_t *r, const char *path, deadline_t deadline,
                             error_rec_t *error);

/** The svm_region header of either kind. */
shm_region_t *region_header(const region_t *r);

/**
 * The shared-memory header that user_ctx leads to, of the version known here; waits until the
 * deadline for VPP to make it. VAPI_EMAP_FAIL with the reason.
 */
vapi_error_e region_find_hdr(const region_t *r, const region_space_t *space, shm_hdr_t **hdr,
                             deadline_t deadline, error_rec_t *error);

/** Whether `path` still leads to the file that is mapped. */
bool region_file_is_current(const region_t *r, const char *path);

/**
 * Makes the pages of these bytes exist. 0, or -ENOSPC: there is no room for them (/dev/shm is full), and to
 * touch them would kill the process with SIGBUS. Linux before 5.14 cannot tell.
 */
int region_commit(void *at, u64 bytes);

/** Idempotent; safe on a zeroed region. */
void region_unmap(region_t *r);

#endif
