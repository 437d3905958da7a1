/* SPDX-License-Identifier: Apache-2.0 */
#include "page_carve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomics.h"

#define CARVE_MAGIC 0x7661706963617276ull /* "vapicarv" */
/* Who locked, for a person who looks at VPP's region with a debugger. */
#define CARVE_LOCK_TAG 77
#define LOCK_PATIENCE_NS (20 * NS_PER_US)

/* In place of a time: nobody has looked at it yet since its owner gave it up. */
#define GIVEN_UP UINT64_MAX

u64 page_carve_quarantine_s = CARVE_QUARANTINE_S;

typedef struct {
    u64 magic;
    u64 owner_start; /* of the process, in the kernel's ticks: tells a reused pid */
    u64 pid_namespace; /* pids mean something in their namespace only */
    u64 free_after_s; /* by uptime_s(); 0: in use */
    u32 owner_pid;
    u32 pages;
    u64 check; /* of the fields above but free_after_s */
    u64 reserved[2];
} carve_header_t;

_Static_assert(sizeof(carve_header_t) == CARVE_HEADER_BYTES, "carve header");

typedef struct {
    u64 *words;
    u32 bits;
} bitmap_t;

static u64 header_check(const carve_header_t *h)
{
    return (h->magic ^ h->owner_start * 31 ^ h->pid_namespace * 37) + h->owner_pid * 41ull +
           h->pages * 43ull;
}

/** The same for all processes, and nobody sets it. Never 0. */
static u64 uptime_s(void) { return 1 + now_ns() / NS_PER_S; }

/** When the process started, 0 if there is no such process (or it is a zombie). */
static u64 process_start(u32 pid)
{
    char path[40], text[1024];
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    /* The name may hold anything, a parenthesis ends it; field 3 is the state, field 22 the start. */
    const char *at = strrchr(text, ')');
    if (at == NULL || at[1] == 0 || at[2] == 'Z' || at[2] == 'X')
        return 0;
    for (int field = 2; field < 22; field++) {
        at = strchr(at + 1, ' ');
        if (at == NULL)
            return 0;
    }
    return strtoull(at + 1, NULL, 10);
}

static u64 pid_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 ? (u64)st.st_ino : 0;
}

static vapi_error_e find_bitmap(const region_t *root, bitmap_t *bitmap, error_rec_t *error)
{
    shm_region_t *header = region_header(root);
    const region_space_t space = {.regions = {root}, .count = 1};
    u64 bits = load_relaxed(&header->bitmap_size);
    u32 words;
    u64 va = load_relaxed(&header->bitmap);
    bitmap->words =
        va % 8 != 0 ? NULL : region_space_vector(&space, va, sizeof(u64), 1u << 20, &words);
    if (bitmap->words == NULL || bits > (u64)words * 64 || bits * SHM_PAGE_SIZE > root->size ||
        bits == 0)
        return error_set(error, VAPI_EMAP_FAIL, 0,
                         "the root region's page bitmap is not where and what it should be");
    bitmap->bits = (u32)bits;
    return VAPI_OK;
}

static bool get_bit(const bitmap_t *b, u32 i) { return (b->words[i / 64] >> (i % 64) & 1) != 0; }

static void put_bits(bitmap_t *b, u32 first, u32 count, bool set)
{
    for (u32 i = first; i < first + count; i++) {
        u64 mask = 1ull << (i % 64);
        b->words[i / 64] = set ? b->words[i / 64] | mask : b->words[i / 64] & ~mask;
    }
}

/** Locks the region's mutex with all signals blocked; false when it was not to be had in time. */
static bool lock_region(shm_region_t *region, deadline_t deadline, sigset_t *before)
{
    sigset_t all;
    sigfillset(&all);
    for (;;) {
        pthread_sigmask(SIG_SETMASK, &all, before);
        int rv = pthread_mutex_trylock(&region->mutex);
        if (rv == 0) {
            region->mutex_owner_pid = getpid();
            region->mutex_owner_tag = CARVE_LOCK_TAG;
            return true;
        }
        pthread_sigmask(SIG_SETMASK, before, NULL);
        if (rv != EBUSY || deadline_passed(deadline))
            return false;
        /* Not a robust mutex: waiting in it could be for ever. */
        struct timespec pause = {.tv_sec = 0, .tv_nsec = LOCK_PATIENCE_NS};
        nanosleep(&pause, NULL);
    }
}

static void unlock_region(shm_region_t *region, const sigset_t *before)
{
    region->mutex_owner_pid = 0;
    region->mutex_owner_tag = 0;
    pthread_mutex_unlock(&region->mutex);
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

/** First page of a free run, or the number of bits. */
static u32 find_run(const bitmap_t *b, u32 pages)
{
    u32 run = 0;
    for (u32 i = 0; i < b->bits; i++) {
        if (i % 64 == 0 && b->words[i / 64] == UINT64_MAX) {
            run = 0;
            i += 63;
            continue;
        }
        run = get_bit(b, i) ? 0 : run + 1;
        if (run == pages)
            return i + 1 - pages;
    }
    return b->bits;
}

static void *page_at(const region_t *root, u32 page)
{
    return root->base + (u64)page * SHM_PAGE_SIZE;
}

void *page_carve(const region_t *root, u32 pages, deadline_t deadline, error_rec_t *error)
{
    bitmap_t bitmap;
    shm_region_t *region = region_header(root);
    sigset_t before;
    if (find_bitmap(root, &bitmap, error) != VAPI_OK)
        return NULL;
    carve_header_t header = {
        .magic = CARVE_MAGIC,
        .owner_start = process_start((u32)getpid()),
        .pid_namespace = pid_namespace(),
        .owner_pid = (u32)getpid(),
        .pages = pages,
    };
    header.check = header_check(&header);
    if (!lock_region(region, deadline, &before)) {
        error_set(error, VAPI_EMAP_FAIL, ETIMEDOUT,
                  "the root region's mutex is held by process %d: is it stopped or dead?",
                  region->mutex_owner_pid);
        return NULL;
    }
    u32 first = find_run(&bitmap, pages);
    void *run = page_at(root, first);
    u64 bytes = (u64)pages * SHM_PAGE_SIZE;
    bool found = first < bitmap.bits, exists = found && region_commit(run, bytes) == 0;
    if (exists) {
        /* Before the bits: a run that is marked always says whose it is. */
        memcpy(run, &header, sizeof header);
        put_bits(&bitmap, first, pages, true);
    } else if (found) {
        /* What little there was is more use to VPP. */
        madvise(run, bytes, MADV_REMOVE);
    }
    unlock_region(region, &before);
    if (!found)
        error_set(error, VAPI_ENOMEM, 0,
                  "the root region has no %u free pages in a row: too many shared-memory clients",
                  pages);
    else if (!exists)
        error_set(error, VAPI_ENOMEM, ENOSPC, "the file system of VPP's shared memory is full");
    return exists ? run : NULL;
}

/** Clears a run's bits and its header, so that it is not taken for one later. Locked. */
static void free_run(const region_t *root, bitmap_t *bitmap, u32 first, u32 pages)
{
    memset(page_at(root, first), 0, sizeof(carve_header_t));
    put_bits(bitmap, first, pages, false);
}

void page_uncarve(const region_t *root, void *run, bool quarantine, deadline_t deadline)
{
    carve_header_t *header = run;
    bitmap_t bitmap;
    shm_region_t *region = region_header(root);
    sigset_t before;
    u32 first = (u32)((u64)((u8 *)run - root->base) / SHM_PAGE_SIZE);
    /* Also the state to be in should the lock not be had: somebody will reclaim it. */
    store_release(&header->free_after_s, quarantine ? GIVEN_UP : uptime_s());
    if (quarantine || find_bitmap(root, &bitmap, NULL) != VAPI_OK ||
        !lock_region(region, deadline, &before))
        return;
    u32 pages = header->pages;
    if (header->magic == CARVE_MAGIC && header->check == header_check(header) &&
        first + (u64)pages <= bitmap.bits)
        free_run(root, &bitmap, first, pages);
    unlock_region(region, &before);
}

typedef enum { RUN_IN_USE, RUN_OVER, RUN_ORPHANED } run_state_t;

static run_state_t run_state(const carve_header_t *h, u64 namespace_here)
{
    if (h->free_after_s == GIVEN_UP)
        return RUN_ORPHANED;
    if (h->free_after_s != 0)
        return uptime_s() > h->free_after_s ? RUN_OVER : RUN_IN_USE;
    if (h->pid_namespace != namespace_here || namespace_here == 0)
        return RUN_IN_USE;
    return process_start(h->owner_pid) == h->owner_start ? RUN_IN_USE : RUN_ORPHANED;
}

u32 page_carve_reclaim(const region_t *root, const region_t *overlay, deadline_t deadline)
{
    bitmap_t bitmap;
    shm_region_t *region = region_header(root);
    u64 namespace_here = pid_namespace();
    u32 freed = 0;
    if (find_bitmap(root, &bitmap, NULL) != VAPI_OK)
        return 0;
    for (u32 i = 0; i < bitmap.bits; i++) {
        carve_header_t *at = page_at(root, i), h;
        u64 va = root->va + (u64)i * SHM_PAGE_SIZE;
        if (!get_bit(&bitmap, i) || (va >= overlay->va && va - overlay->va < overlay->size) ||
            region_commit(at, sizeof h) != 0)
            continue;
        memcpy(&h, at, sizeof h);
        if (h.magic != CARVE_MAGIC || h.check != header_check(&h) || h.pages == 0 ||
            h.pages > bitmap.bits - i)
            continue;
        /* /proc is looked at without the lock; under it, only whether the run is still the same. */
        run_state_t state = run_state(&h, namespace_here);
        sigset_t before;
        if (state != RUN_IN_USE && lock_region(region, deadline, &before)) {
            if (at->magic == CARVE_MAGIC && at->check == h.check &&
                at->free_after_s == h.free_after_s) {
                if (state == RUN_OVER) {
                    free_run(root, &bitmap, i, h.pages);
                    freed += h.pages;
                } else {
                    at->free_after_s = uptime_s() + page_carve_quarantine_s;
                }
            }
            unlock_region(region, &before);
        }
        i += h.pages - 1;
    }
    return freed;
}

u32 page_carve_free_pages(const region_t *root, deadline_t deadline)
{
    bitmap_t bitmap;
    shm_region_t *region = region_header(root);
    sigset_t before;
    u32 count = 0;
    if (find_bitmap(root, &bitmap, NULL) != VAPI_OK || !lock_region(region, deadline, &before))
        return 0;
    for (u32 i = 0; i < bitmap.bits; i++)
        count += !get_bit(&bitmap, i);
    unlock_region(region, &before);
    return count;
}
