/* SPDX-License-Identifier: Apache-2.0 */
#include "region.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomics.h"

/* How often a region that is being made is looked at again. */
#define LOOK_AGAIN_NS (2 * NS_PER_MS)
/* Newer than some C libraries. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
/* VPP's own segments are megabytes; whoever claims more than this is not VPP. */
#define LARGEST_REGION (1ull << 40)

void *region_space_ptr(const region_space_t *space, u64 va, u64 length, u64 *left)
{
    for (u32 i = 0; i < space->count; i++) {
        const region_t *r = space->regions[i];
        void *p = region_ptr(r, va, length);
        if (p != NULL) {
            if (left != NULL)
                *left = r->size - (va - r->va);
            return p;
        }
    }
    return NULL;
}

void *region_space_vector(const region_space_t *space, u64 va, u64 element_bytes, u32 max_length,
                          u32 *length)
{
    *length = 0;
    u64 left;
    shm_vec_header_t *header =
        va < sizeof *header ? NULL
                            : region_space_ptr(space, va - sizeof *header, sizeof *header, &left);
    /* VPP aligns them; whoever writes nonsense there must not make us read at odd addresses. */
    u64 alignment = element_bytes % 8 == 0 ? 8 : _Alignof(shm_vec_header_t);
    if (header == NULL || (uintptr_t)header % alignment != 0)
        return NULL;
    u32 n = load_relaxed(&header->length);
    if (n > max_length || (u64)n * element_bytes > left - sizeof *header)
        return NULL;
    *length = n;
    return header + 1;
}

/** Sleeps a little; false when the deadline leaves no time for it. */
static bool look_again(deadline_t deadline)
{
    if (deadline_passed(deadline))
        return false;
    u64 left = deadline_left_ns(deadline);
    u64 ns = left < LOOK_AGAIN_NS ? left : LOOK_AGAIN_NS;
    struct timespec pause = {.tv_sec = 0, .tv_nsec = (long)ns};
    nanosleep(&pause, NULL);
    return true;
}

static vapi_error_e map_fd(region_t *r, int fd, u64 size, u64 header_offset, const struct stat *st,
                           const char *what, error_rec_t *error)
{
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) {
        int e = errno;
        return error_set(error, VAPI_EMAP_FAIL, e, "%s: mapping %llu bytes failed: %s", what,
                         (unsigned long long)size, strerror(e));
    }
    *r = (region_t){.base = base,
                    .size = size,
                    .header_offset = header_offset,
                    .device = st->st_dev,
                    .inode = st->st_ino};
    return VAPI_OK;
}

vapi_error_e region_map_memfd(region_t *r, int fd, deadline_t deadline, error_rec_t *error)
{
    static const char what[] = "memfd segment";
    struct stat st;
    memset(r, 0, sizeof *r);
    if (fstat(fd, &st) != 0) {
        int e = errno;
        return error_set(error, VAPI_EMAP_FAIL, e, "%s: %s", what, strerror(e));
    }
    u64 size = (u64)st.st_size;
    if (size < SSVM_REGION_OFFSET + SHM_PAGE_SIZE || size > LARGEST_REGION)
        return error_set(error, VAPI_EMAP_FAIL, 0, "%s: %llu bytes cannot hold a region", what,
                         (unsigned long long)size);
    vapi_error_e rv = map_fd(r, fd, size, SSVM_REGION_OFFSET, &st, what, error);
    if (rv != VAPI_OK)
        return rv;
    const ssvm_header_t *ssvm = (const void *)r->base;
    /* Acquire: the maker sets ready after everything else. */
    while (load_acquire(&ssvm->ready) != 1) {
        if (!look_again(deadline)) {
            region_unmap(r);
            return error_set(error, VAPI_EMAP_FAIL, ETIMEDOUT, "%s: never became ready", what);
        }
    }
    r->va = load_relaxed(&ssvm->ssvm_va);
    u32 type = load_relaxed(&ssvm->type);
    u64 their_size = load_relaxed(&ssvm->ssvm_size);
    u64 version = load_relaxed(&region_header(r)->version);
    if (type != SSVM_TYPE_MEMFD || their_size > size || their_size < SSVM_REGION_OFFSET ||
        r->va % SHM_PAGE_SIZE != 0 || r->va > UINT64_MAX - size)
        rv = error_set(error, VAPI_EMAP_FAIL, 0,
                       "%s: not a segment of VPP (type %u, %llu of %llu bytes, address 0x%llx)",
                       what, type, (unsigned long long)their_size, (unsigned long long)size,
                       (unsigned long long)r->va);
    else if (version != SHM_REGION_VERSION)
        rv = error_set(error, VAPI_EMAP_FAIL, 0, "%s: region version 0x%llx, expected 0x%x", what,
                       (unsigned long long)version, SHM_REGION_VERSION);
    if (rv != VAPI_OK)
        region_unmap(r);
    return rv;
}

/** Reads version, virtual_base and virtual_size of a region file; 0 when they are not there yet. */
static vapi_error_e check_file(int fd, const char *path, u64 *va, u64 *size, struct stat *st,
                               error_rec_t *error)
{
    shm_region_t header;
    *va = *size = 0;
    if (fstat(fd, st) != 0) {
        int e = errno;
        return error_set(error, VAPI_EMAP_FAIL, e, "%s: %s", path, strerror(e));
    }
    if (!S_ISREG(st->st_mode))
        return error_set(error, VAPI_EMAP_FAIL, 0, "%s: not a regular file", path);
    ssize_t n = pread(fd, &header, sizeof header, 0);
    if (n < 0) {
        int e = errno;
        return error_set(error, VAPI_EMAP_FAIL, e, "%s: %s", path, strerror(e));
    }
    if ((size_t)n < sizeof header)
        return error_set(error, VAPI_EMAP_FAIL, 0,
                         "%s: %lld bytes are too small for a region of VPP", path,
                         (long long)st->st_size);
    if (header.version == 0)
        return error_set(error, VAPI_EMAP_FAIL, 0, "%s: the region is not initialised", path);
    if (header.version != SHM_REGION_VERSION)
        return error_set(error, VAPI_EMAP_FAIL, 0, "%s: region version 0x%llx, expected 0x%x", path,
                         (unsigned long long)header.version, SHM_REGION_VERSION);
    if (header.virtual_size < SHM_PAGE_SIZE || header.virtual_size > (u64)st->st_size ||
        header.virtual_size > LARGEST_REGION || header.virtual_size % SHM_PAGE_SIZE != 0 ||
        header.virtual_base % SHM_PAGE_SIZE != 0 ||
        header.virtual_base > UINT64_MAX - header.virtual_size)
        return error_set(error, VAPI_EMAP_FAIL, 0,
                         "%s: the region claims 0x%llx bytes at 0x%llx, the file has %lld", path,
                         (unsigned long long)header.virtual_size,
                         (unsigned long long)header.virtual_base, (long long)st->st_size);
    *va = header.virtual_base;
    *size = header.virtual_size;
    return VAPI_OK;
}

vapi_error_e region_map_file(region_t *r, const char *path, deadline_t deadline, error_rec_t *error)
{
    memset(r, 0, sizeof *r);
    for (;;) {
        struct stat st;
        u64 va, size;
        int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0) {
            int e = errno;
            return error_set(error, e == EACCES || e == EPERM ? VAPI_EACCES : VAPI_EMAP_FAIL, e,
                             "%s: %s", path, strerror(e));
        }
        vapi_error_e rv = check_file(fd, path, &va, &size, &st, error);
        if (rv == VAPI_OK && (rv = map_fd(r, fd, size, 0, &st, path, error)) == VAPI_OK)
            r->va = va;
        close(fd);
        /* A file that VPP is just filling looks wrong for a moment; one that lies stays wrong. */
        if (rv == VAPI_OK || !look_again(deadline))
            return rv;
    }
}

shm_region_t *region_header(const region_t *r)
{
    return (shm_region_t *)(void *)(r->base + r->header_offset);
}

vapi_error_e region_find_hdr(const region_t *r, const region_space_t *space, shm_hdr_t **hdr,
                             deadline_t deadline, error_rec_t *error)
{
    shm_region_t *region = region_header(r);
    u64 va;
    while ((va = load_acquire(&region->user_ctx)) == 0)
        if (!look_again(deadline))
            return error_set(error, VAPI_EMAP_FAIL, ETIMEDOUT,
                             "the API region is not initialised: VPP has not put its header there");
    shm_hdr_t *found = va % 8 != 0 ? NULL : region_space_ptr(space, va, sizeof *found, NULL);
    if (found == NULL)
        return error_set(error, VAPI_EMAP_FAIL, 0,
                         "the API region's header is at 0x%llx, outside of the region",
                         (unsigned long long)va);
    i32 version = load_relaxed(&found->version);
    if (version != SHM_HDR_VERSION)
        return error_set(error, VAPI_EMAP_FAIL, 0,
                         "the API region's header has version %d, expected %d", version,
                         SHM_HDR_VERSION);
    *hdr = found;
    return VAPI_OK;
}

bool region_file_is_current(const region_t *r, const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_dev == r->device && st.st_ino == r->inode;
}

int region_commit(void *at, u64 bytes)
{
    u64 first = (uintptr_t)at / SHM_PAGE_SIZE * SHM_PAGE_SIZE;
    u64 end = ((uintptr_t)at + bytes + SHM_PAGE_SIZE - 1) / SHM_PAGE_SIZE * SHM_PAGE_SIZE;
    int rv;
    while ((rv = madvise((void *)first, end - first, MADV_POPULATE_WRITE)) != 0 && errno == EINTR)
        continue;
    return rv == 0 || errno == EINVAL ? 0 : -ENOSPC;
}

void region_unmap(region_t *r)
{
    if (r->base != NULL)
        munmap(r->base, r->size);
    memset(r, 0, sizeof *r);
}
