/* SPDX-License-Identifier: Apache-2.0 */
#include "region_make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomics.h"

/* Where VPP puts the API region inside the root region, and so how much of that is the root's. */
#define ROOT_OWN_PAGES 33u
#define QUEUE_ALIGN 64u

const ring_config_t region_make_memfd_defaults[] = {
    {RING_TO_CLIENT, 0, 32, 256},   {RING_TO_CLIENT, 0, 16, 1024},   {RING_TO_CLIENT, 0, 2, 4096},
    {RING_FROM_CLIENT, 0, 32, 256}, {RING_FROM_CLIENT, 0, 16, 1024}, {RING_FROM_CLIENT, 0, 2, 4096},
    {RING_INPUT_QUEUE, 0, 128, 8},
};
const u32 region_make_memfd_defaults_count =
    sizeof region_make_memfd_defaults / sizeof region_make_memfd_defaults[0];

/* Slots of 88, 280 and 1048 (towards clients), 1048, 2072 and 4120 bytes; the header adds 24. */
static const ring_config_t classic_rings[] = {
    {RING_TO_CLIENT, 0, 1024, 64},    {RING_TO_CLIENT, 0, 128, 256},
    {RING_TO_CLIENT, 0, 64, 1024},    {RING_FROM_CLIENT, 0, 1024, 1024},
    {RING_FROM_CLIENT, 0, 128, 2048}, {RING_FROM_CLIENT, 0, 8, 4096},
};

/** Hands out a region's bytes from front to back while it is being made. */
typedef struct {
    region_t *region;
    u64 at;
    bool full; /* not the region: what its pages come from */
} layout_t;

static void *take(layout_t *l, u64 bytes, u64 align, u64 *va)
{
    u64 at = (l->at + align - 1) & ~(align - 1);
    if (at > l->region->size || bytes > l->region->size - at)
        return NULL;
    l->full = region_commit(l->region->base + at, bytes) != 0;
    if (l->full)
        return NULL;
    l->at = at + bytes;
    *va = l->region->va + at;
    return l->region->base + at;
}

static u32 count_of(const ring_config_t *configs, u32 count, u32 type)
{
    u32 n = 0;
    for (u32 i = 0; i < count; i++)
        n += configs[i].type == type;
    return n;
}

/** A vector of rings of one type; 0 or -errno. */
static int make_rings(layout_t *l, const ring_config_t *configs, u32 count, u32 type,
                      u64 *vector_va)
{
    u32 n = count_of(configs, count, type);
    u64 va;
    if (n == 0 || n > MSG_RINGS_MAX)
        return -EINVAL;
    u8 *vector = take(l, sizeof(shm_vec_header_t) + n * sizeof(shm_ring_t), QUEUE_ALIGN, &va);
    if (vector == NULL)
        return -ENOMEM;
    *(shm_vec_header_t *)(void *)vector = (shm_vec_header_t){.length = n, .header_size_8 = 1};
    shm_ring_t *ring = (shm_ring_t *)(void *)(vector + sizeof(shm_vec_header_t));
    *vector_va = va + sizeof(shm_vec_header_t);
    for (u32 i = 0; i < count; i++) {
        if (configs[i].type != type)
            continue;
        u64 bytes = msg_ring_bytes(configs[i].count, configs[i].size);
        if (bytes == UINT64_MAX)
            return -EINVAL;
        void *base = take(l, bytes, QUEUE_ALIGN, &va);
        if (base == NULL)
            return -ENOMEM;
        int rv = msg_ring_init(ring++, base, va, configs[i].count, configs[i].size);
        if (rv != 0)
            return rv;
    }
    return 0;
}

static int fill(api_segment_t *s, layout_t *l, const ring_config_t *configs, u32 count,
                u32 queue_length)
{
    u64 hdr_va = 0, queue_va = 0, vl_rings = 0, client_rings = 0, heap_va = 0;
    error_rec_t error;

    s->hdr = take(l, sizeof *s->hdr, QUEUE_ALIGN, &hdr_va);
    u64 bytes = svm_queue_bytes(queue_length, sizeof(u64));
    if (bytes == UINT64_MAX)
        return -EINVAL;
    void *queue = take(l, bytes, QUEUE_ALIGN, &queue_va);
    if (s->hdr == NULL || queue == NULL)
        return -ENOMEM;
    int rv = svm_queue_init(&s->input, queue, queue_length, sizeof(u64), getpid());
    if (rv == 0)
        rv = make_rings(l, configs, count, RING_TO_CLIENT, &vl_rings);
    if (rv == 0)
        rv = make_rings(l, configs, count, RING_FROM_CLIENT, &client_rings);
    if (rv != 0)
        return rv;
    *s->hdr = (shm_hdr_t){.version = SHM_HDR_VERSION,
                          .vl_pid = getpid(),
                          .vl_input_queue = queue_va,
                          .vl_rings = vl_rings,
                          .client_rings = client_rings};
    if (msg_rings_attach(&s->rings, &s->space, vl_rings, &error) != VAPI_OK ||
        msg_rings_attach(&s->client_rings, &s->space, client_rings, &error) != VAPI_OK)
        return -EINVAL;
    u8 *heap = take(l, 0, SHM_PAGE_SIZE, &heap_va);
    if (heap == NULL)
        return -ENOMEM;
    rv = region_heap_init(&s->heap, heap, s->api.size - l->at);
    if (rv != 0)
        return rv;
    shm_region_t *region = region_header(&s->api);
    region->data_base = region->data_heap = heap_va;
    /* Release: a client that sees user_ctx sees everything that it leads to. */
    store_release(&region->user_ctx, hdr_va);
    return 0;
}

/** Header, queue, rings; what is left becomes the heap. */
static int fill_segment(api_segment_t *s, u64 from, const ring_config_t *configs, u32 count,
                        u32 queue_length)
{
    layout_t l = {.region = &s->api, .at = from};
    int rv = fill(s, &l, configs, count, queue_length);
    return l.full ? -ENOSPC : rv;
}

static int init_shared_mutex(pthread_mutex_t *mutex, pthread_cond_t *condvar)
{
    pthread_mutexattr_t mutex_attr;
    pthread_condattr_t cond_attr;
    int rv = pthread_mutexattr_init(&mutex_attr);
    if (rv == 0) {
        pthread_mutexattr_setpshared(&mutex_attr, PTHREAD_PROCESS_SHARED);
        rv = pthread_mutex_init(mutex, &mutex_attr);
        pthread_mutexattr_destroy(&mutex_attr);
    }
    if (rv == 0)
        rv = pthread_condattr_init(&cond_attr);
    if (rv == 0) {
        pthread_condattr_setpshared(&cond_attr, PTHREAD_PROCESS_SHARED);
        rv = pthread_cond_init(condvar, &cond_attr);
        pthread_condattr_destroy(&cond_attr);
    }
    return -rv;
}

/** The svm_region header; `version` comes last, as it says that the rest is there. */
static int init_region_header(region_t *r)
{
    shm_region_t *h = region_header(r);
    int rv = init_shared_mutex(&h->mutex, &h->condvar);
    if (rv != 0)
        return rv;
    h->virtual_base = r->va + r->header_offset;
    h->virtual_size = r->size - r->header_offset;
    store_release(&h->version, SHM_REGION_VERSION);
    return 0;
}

static bool configs_are_sound(const ring_config_t *configs, u32 count, u32 *queue_length)
{
    if (count_of(configs, count, RING_INPUT_QUEUE) != 1)
        return false;
    for (u32 i = 0; i < count; i++) {
        if (configs[i].type > RING_INPUT_QUEUE || configs[i].count == 0 || configs[i].size == 0)
            return false;
        if (configs[i].type == RING_INPUT_QUEUE) {
            if (configs[i].size != sizeof(u64))
                return false;
            *queue_length = configs[i].count;
        } else if (configs[i].size % 8 != 0 || configs[i].size < sizeof(msgbuf_t)) {
            return false;
        }
    }
    return true;
}

static int map_memfd(api_segment_t *s, u64 size, int *fd)
{
    *fd = memfd_create("vapi_cffi peer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*fd < 0)
        return -errno;
    if (ftruncate(*fd, (off_t)size) != 0 ||
        fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return -errno;
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (base == MAP_FAILED)
        return -errno;
    s->api = (region_t){.base = base,
                        .size = size,
                        .va = (u64)(uintptr_t)base,
                        .header_offset = SSVM_REGION_OFFSET};
    s->space = (region_space_t){.regions = {&s->api}, .count = 1};
    return 0;
}

int region_make_memfd(api_segment_t *s, u64 size, const ring_config_t *configs, u32 count, int *fd)
{
    u32 queue_length = 0;
    *fd = -1;
    memset(s, 0, sizeof *s);
    if (!configs_are_sound(configs, count, &queue_length) || size % SHM_PAGE_SIZE != 0)
        return -EINVAL;
    if (size < 4 * SHM_PAGE_SIZE)
        return -ENOMEM;
    int rv = map_memfd(s, size, fd);
    if (rv == 0)
        rv = init_region_header(&s->api);
    if (rv == 0)
        rv = fill_segment(s, SSVM_REGION_OFFSET + SHM_PAGE_SIZE, configs, count, queue_length);
    if (rv != 0) {
        api_segment_fini(s);
        if (*fd >= 0)
            close(*fd);
        *fd = -1;
        return rv;
    }
    ssvm_header_t *ssvm = (void *)s->api.base;
    ssvm->ssvm_va = s->api.va;
    ssvm->ssvm_size = size;
    ssvm->server_pid = getpid();
    ssvm->type = SSVM_TYPE_MEMFD;
    store_release(&ssvm->ready, 1);
    return 0;
}

/** A new file of size + 1 bytes (as VPP's are) in place of whatever is there, mapped at `at`. */
static int map_new_file(region_t *r, const char *path, u64 size, void *at)
{
    struct stat st;
    if (unlink(path) != 0 && errno != ENOENT)
        return -errno;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
    if (fd < 0)
        return -errno;
    int rv = 0;
    /* fchmod: the umask must not take the group's rights away. */
    if (fchmod(fd, 0660) != 0 || ftruncate(fd, (off_t)size + 1) != 0 || fstat(fd, &st) != 0)
        rv = -errno;
    /* MAP_FIXED inside a range that the caller reserved for exactly this. */
    if (rv == 0 &&
        mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
        rv = -errno;
    if (rv == 0)
        rv = region_commit(at, SHM_PAGE_SIZE);
    close(fd);
    if (rv != 0) {
        unlink(path);
        return rv;
    }
    *r = (region_t){.base = at,
                    .size = size,
                    .va = (u64)(uintptr_t)at,
                    .device = st.st_dev,
                    .inode = st.st_ino};
    return 0;
}

/** Bit i: page i of the root region is taken. Clients reserve pages here (PROTOCOL 6.1). */
static int make_bitmap(region_t *root, u32 used_pages)
{
    layout_t l = {.region = root, .at = sizeof(shm_region_t)};
    u64 bits = root->size / SHM_PAGE_SIZE, words = (bits + 63) / 64, va, pids_va;
    u8 *vector = take(&l, sizeof(shm_vec_header_t) + words * 8, QUEUE_ALIGN, &va);
    u8 *pids = take(&l, sizeof(shm_vec_header_t) + sizeof(u64), QUEUE_ALIGN, &pids_va);
    if (l.full)
        return -ENOSPC;
    if (vector == NULL || pids == NULL || l.at > (u64)ROOT_OWN_PAGES * SHM_PAGE_SIZE)
        return -EINVAL;
    *(shm_vec_header_t *)(void *)vector =
        (shm_vec_header_t){.length = (u32)words, .header_size_8 = 1};
    u64 *map = (u64 *)(void *)(vector + sizeof(shm_vec_header_t));
    for (u32 page = 0; page < used_pages; page++)
        map[page / 64] |= 1ull << (page % 64);
    *(shm_vec_header_t *)(void *)pids = (shm_vec_header_t){.length = 1, .header_size_8 = 1};
    *(u32 *)(void *)(pids + sizeof(shm_vec_header_t)) = (u32)getpid();
    shm_region_t *h = region_header(root);
    h->bitmap_size = bits;
    h->bitmap = va + sizeof(shm_vec_header_t);
    h->client_pids = pids_va + sizeof(shm_vec_header_t);
    h->data_base = root->va + SHM_PAGE_SIZE;
    return 0;
}

int region_make_classic(api_segment_t *s, const char *prefix, u64 root_bytes, u64 api_bytes,
                        u32 queue_length, region_paths_t *paths)
{
    memset(s, 0, sizeof *s);
    const char *dash = prefix[0] != 0 ? "-" : "";
    snprintf(paths->root, sizeof paths->root, "/dev/shm/%s%sglobal_vm", prefix, dash);
    snprintf(paths->api, sizeof paths->api, "/dev/shm/%s%svpe-api", prefix, dash);
    if (strchr(prefix, '/') != NULL || strlen(prefix) > 64)
        return -EINVAL;
    u64 api_offset = (u64)ROOT_OWN_PAGES * SHM_PAGE_SIZE;
    if (root_bytes % SHM_PAGE_SIZE != 0 || api_bytes % SHM_PAGE_SIZE != 0 ||
        root_bytes > 1ull << 32 || api_bytes > root_bytes || root_bytes - api_bytes < api_offset)
        return -EINVAL;

    u8 *reserved =
        mmap(NULL, root_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED)
        return -errno;
    int rv = map_new_file(&s->root, paths->root, root_bytes, reserved);
    if (rv != 0) {
        munmap(reserved, root_bytes);
        memset(s, 0, sizeof *s);
        return rv;
    }
    rv = map_new_file(&s->api, paths->api, api_bytes, reserved + api_offset);
    s->space = (region_space_t){.regions = {&s->api, &s->root}, .count = 2};
    if (rv == 0)
        rv = make_bitmap(&s->root, ROOT_OWN_PAGES + (u32)(api_bytes / SHM_PAGE_SIZE));
    if (rv == 0)
        rv = init_region_header(&s->root);
    if (rv == 0)
        rv = init_region_header(&s->api);
    if (rv == 0)
        rv = fill_segment(s, SHM_PAGE_SIZE, classic_rings,
                          sizeof classic_rings / sizeof classic_rings[0], queue_length);
    if (rv != 0) {
        region_unlink_files(s, paths);
        api_segment_fini(s);
    }
    return rv;
}

void region_unlink_files(const api_segment_t *s, const region_paths_t *paths)
{
    if (s->api.base != NULL && region_file_is_current(&s->api, paths->api))
        unlink(paths->api);
    if (s->root.base != NULL && region_file_is_current(&s->root, paths->root))
        unlink(paths->root);
}

void *api_segment_alloc(api_segment_t *s, u64 bytes)
{
    void *block = region_heap_alloc(&s->heap, bytes);
    if (block == NULL || region_commit(block, bytes) == 0)
        return block;
    region_heap_free(&s->heap, block);
    return NULL;
}

u64 api_segment_add_vector(api_segment_t *s, u32 length, u8 **bytes)
{
    u8 *block = api_segment_alloc(s, sizeof(shm_vec_header_t) + (u64)length);
    if (block == NULL)
        return 0;
    *(shm_vec_header_t *)(void *)block = (shm_vec_header_t){.length = length, .header_size_8 = 1};
    *bytes = block + sizeof(shm_vec_header_t);
    return region_va(&s->api, *bytes);
}

void api_segment_fini(api_segment_t *s)
{
    region_heap_fini(&s->heap);
    if (s->root.base != NULL)
        munmap(s->root.base, s->root.size); /* the API region lies inside */
    else if (s->api.base != NULL)
        munmap(s->api.base, s->api.size);
    memset(s, 0, sizeof *s);
}
