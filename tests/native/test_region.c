/* SPDX-License-Identifier: Apache-2.0
 *
 * Mapping regions that are right, half made, of another version, or lie. They are laid out by hand
 * here, so that the files can be wrong in every way.
 */
#include "check.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "region.h"

#define PAGES 16u
#define SIZE (PAGES * SHM_PAGE_SIZE)
#define VA 0x130000000ull
#define HDR_OFFSET 0x3000u

static char dir[64];

static const char *path_of(const char *name)
{
    static char path[128];
    if (dir[0] == 0) {
        snprintf(dir, sizeof dir, "/tmp/test_region.XXXXXX");
        CHECK(mkdtemp(dir) != NULL);
    }
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void clean_up(const char *path)
{
    unlink(path);
    rmdir(dir);
    dir[0] = 0;
}

static void write_at(int fd, const void *bytes, size_t length, u64 offset)
{
    CHECK_EQ(pwrite(fd, bytes, length, (off_t)offset), length);
}

/** A classic file as VPP makes it: virtual_size + 1 bytes. */
static shm_region_t good_region(u64 va)
{
    return (shm_region_t){.version = SHM_REGION_VERSION,
                          .virtual_base = va,
                          .virtual_size = SIZE,
                          .user_ctx = va + HDR_OFFSET};
}

static int make_file(const char *path, const shm_region_t *region, u64 size)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, (off_t)size), 0);
    size_t n = size < sizeof *region ? (size_t)size : sizeof *region;
    write_at(fd, region, n, 0);
    if (size > HDR_OFFSET + sizeof(shm_hdr_t))
        write_at(fd, &(shm_hdr_t){.version = SHM_HDR_VERSION}, sizeof(shm_hdr_t), HDR_OFFSET);
    return fd;
}

static vapi_error_e map_file(const shm_region_t *region, u64 size, region_t *r, error_rec_t *error)
{
    const char *path = path_of("vpe-api");
    close(make_file(path, region, size));
    error_clear(error);
    vapi_error_e rv = region_map_file(r, path, DEADLINE_NOW, error);
    CHECK_EQ(rv != VAPI_OK, error->text[0] != 0);
    if (rv != VAPI_OK) {
        CHECK(r->base == NULL);
        CHECK_HAS(error->text, path);
    }
    clean_up(path);
    return rv;
}

TEST(a_file_is_mapped)
{
    region_t r;
    error_rec_t error;
    shm_region_t region = good_region(VA);
    CHECK_EQ(map_file(&region, SIZE + 1, &r, &error), VAPI_OK);
    CHECK_EQ(r.size, SIZE);
    CHECK_EQ(r.va, VA);
    CHECK_EQ(region_header(&r)->version, SHM_REGION_VERSION);
    CHECK((void *)region_header(&r) == (void *)r.base);
    region_space_t space = {{&r}, 1};
    shm_hdr_t *hdr;
    CHECK_EQ(region_find_hdr(&r, &space, &hdr, DEADLINE_NOW, &error), VAPI_OK);
    CHECK((u8 *)hdr == r.base + HDR_OFFSET);
    region_unmap(&r);
    CHECK(r.base == NULL);
    region_unmap(&r);
    region_unmap(&(region_t){0});
}

TEST(files_that_are_no_region)
{
    region_t r;
    error_rec_t error;
    shm_region_t region = good_region(VA);
    CHECK_EQ(map_file(&region, 0, &r, &error), VAPI_EMAP_FAIL);
    CHECK_HAS(error.text, "0 bytes are too small");
    CHECK_EQ(map_file(&region, sizeof region - 1, &r, &error), VAPI_EMAP_FAIL);
    region.version = 0;
    CHECK_EQ(map_file(&region, SIZE + 1, &r, &error), VAPI_EMAP_FAIL);
    CHECK_HAS(error.text, "not initialised");
    region.version = 0x10002;
    CHECK_EQ(map_file(&region, SIZE + 1, &r, &error), VAPI_EMAP_FAIL);
    CHECK_HAS(error.text, "0x10002");
    CHECK_HAS(error.text, "0x10001");
    region.version = 0x0100010000000000ull; /* of a machine with the other byte order */
    CHECK_EQ(map_file(&region, SIZE + 1, &r, &error), VAPI_EMAP_FAIL);
}

TEST(lying_sizes_and_addresses)
{
    static const u64 sizes[] = {0,
                                1,
                                SHM_PAGE_SIZE - 1,
                                SHM_PAGE_SIZE + 1,
                                SIZE + SHM_PAGE_SIZE,
                                SIZE - 1,
                                1ull << 41,
                                UINT64_MAX,
                                UINT64_MAX - SHM_PAGE_SIZE + 1};
    region_t r;
    error_rec_t error;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        shm_region_t region = good_region(VA);
        region.virtual_size = sizes[i];
        CHECK_EQ(map_file(&region, SIZE + 1, &r, &error), VAPI_EMAP_FAIL);
        CHECK_HAS(error.text, "claims");
    }
    static const u64 addresses[] = {VA + 1, VA + 8, UINT64_MAX, 0ull - SIZE + SHM_PAGE_SIZE};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        shm_region_t region = good_region(addresses[i]);
        CHECK_EQ(map_file(&region, SIZE + 1, &r, &error), VAPI_EMAP_FAIL);
        CHECK_HAS(error.text, "claims");
    }
    shm_region_t region = good_region(VA);
    CHECK_EQ(map_file(&region, SIZE, &r, &error), VAPI_OK);
    region_unmap(&r);
}

TEST(paths_that_lead_nowhere)
{
    region_t r;
    error_rec_t error;
    CHECK_EQ(region_map_file(&r, path_of("missing"), DEADLINE_NOW, &error), VAPI_EMAP_FAIL);
    CHECK_EQ(error.os_errno, ENOENT);
    CHECK_HAS(error.text, "missing");
    CHECK_EQ(region_map_file(&r, dir, DEADLINE_NOW, &error), VAPI_EMAP_FAIL);
    const char *fifo = path_of("fifo");
    CHECK_EQ(mkfifo(fifo, 0600), 0);
    CHECK_EQ(region_map_file(&r, fifo, DEADLINE_NOW, &error), VAPI_EMAP_FAIL);
    CHECK_HAS(error.text, "not a regular file");
    clean_up(fifo);
}

TEST(a_file_without_permission)
{
    const char *path = path_of("vpe-api");
    shm_region_t region = good_region(VA);
    close(make_file(path, &region, SIZE + 1));
    CHECK_EQ(chmod(path, 0), 0);
    CHECK_EQ(chmod(dir, 0755), 0);
    pid_t child = fork();
    if (child == 0) {
        region_t r;
        error_rec_t error;
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(2);
        CHECK_EQ(region_map_file(&r, path, DEADLINE_NOW, &error), VAPI_EACCES);
        CHECK_EQ(error.os_errno, EACCES);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    clean_up(path);
    CHECK_EQ(status, 0);
}

/* VPP is just making it: the size, then the header, then the API's own header. */
TEST(a_region_that_becomes_complete)
{
    const char *path = path_of("vpe-api");
    shm_region_t empty = {0}, region = good_region(VA);
    int fd = make_file(path, &empty, 0), go[2];
    char c;
    CHECK_EQ(pipe(go), 0);
    region_t r;
    error_rec_t error;
    CHECK_EQ(region_map_file(&r, path, DEADLINE_NOW, &error), VAPI_EMAP_FAIL);
    pid_t child = fork();
    if (child == 0) {
        CHECK_EQ(read(go[0], &c, 1), 1);
        CHECK_EQ(ftruncate(fd, SIZE + 1), 0);
        region.user_ctx = 0;
        write_at(fd, &region, sizeof region, 0);
        write_at(fd, &(shm_hdr_t){.version = SHM_HDR_VERSION}, sizeof(shm_hdr_t), HDR_OFFSET);
        CHECK_EQ(read(go[0], &c, 1), 1);
        u64 user_ctx = VA + HDR_OFFSET;
        write_at(fd, &user_ctx, 8, offsetof(shm_region_t, user_ctx));
        _exit(0);
    }
    CHECK_EQ(write(go[1], "x", 1), 1);
    CHECK_EQ(region_map_file(&r, path, deadline_in(10 * NS_PER_S), &error), VAPI_OK);
    region_space_t space = {{&r}, 1};
    shm_hdr_t *hdr;
    CHECK_EQ(region_find_hdr(&r, &space, &hdr, deadline_in(5 * NS_PER_MS), &error), VAPI_EMAP_FAIL);
    CHECK_EQ(error.os_errno, ETIMEDOUT);
    CHECK_EQ(write(go[1], "x", 1), 1);
    CHECK_EQ(region_find_hdr(&r, &space, &hdr, deadline_in(10 * NS_PER_S), &error), VAPI_OK);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    region_unmap(&r);
    close(fd);
    clean_up(path);
}

TEST(a_replaced_file_is_noticed)
{
    const char *path = path_of("vpe-api");
    shm_region_t region = good_region(VA);
    close(make_file(path, &region, SIZE + 1));
    region_t r;
    error_rec_t error;
    CHECK_EQ(region_map_file(&r, path, DEADLINE_NOW, &error), VAPI_OK);
    CHECK(region_file_is_current(&r, path));
    CHECK_EQ(unlink(path), 0);
    CHECK(!region_file_is_current(&r, path));
    close(make_file(path, &region, SIZE + 1));
    CHECK(!region_file_is_current(&r, path));
    /* The old mapping stays usable until it is unmapped. */
    CHECK_EQ(region_header(&r)->version, SHM_REGION_VERSION);
    region_unmap(&r);
    clean_up(path);
}

static vapi_error_e find_hdr(u64 user_ctx, i32 version, error_rec_t *error)
{
    _Alignas(4096) static u8 memory[SIZE];
    region_t r = {.base = memory, .size = SIZE, .va = VA};
    region_space_t space = {{&r}, 1};
    shm_hdr_t *hdr = NULL;
    memset(memory, 0, sizeof memory);
    shm_region_t *region = region_header(&r);
    region->user_ctx = user_ctx;
    ((shm_hdr_t *)(void *)(memory + HDR_OFFSET))->version = version;
    ((shm_hdr_t *)(void *)(memory + SIZE - sizeof(shm_hdr_t)))->version = version;
    error_clear(error);
    vapi_error_e rv = region_find_hdr(&r, &space, &hdr, DEADLINE_NOW, error);
    CHECK_EQ(rv == VAPI_OK, hdr != NULL);
    CHECK_EQ(rv == VAPI_OK, error->text[0] == 0);
    return rv;
}

TEST(where_the_header_may_be)
{
    error_rec_t error;
    CHECK_EQ(find_hdr(VA + HDR_OFFSET, 2, &error), VAPI_OK);
    CHECK_EQ(find_hdr(VA + SIZE - sizeof(shm_hdr_t), 2, &error), VAPI_OK);
    CHECK_EQ(find_hdr(VA + HDR_OFFSET, 3, &error), VAPI_EMAP_FAIL);
    CHECK_HAS(error.text, "version 3, expected 2");
    CHECK_EQ(find_hdr(VA + HDR_OFFSET, -1, &error), VAPI_EMAP_FAIL);
    CHECK_EQ(find_hdr(0, 2, &error), VAPI_EMAP_FAIL);
    static const u64 bad[] = {VA - 8,
                              VA + SIZE,
                              VA + SIZE - sizeof(shm_hdr_t) + 8,
                              8,
                              UINT64_MAX,
                              UINT64_MAX - 7,
                              VA + HDR_OFFSET + 4,
                              VA + HDR_OFFSET + 1};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_EQ(find_hdr(bad[i], 2, &error), VAPI_EMAP_FAIL);
        CHECK_HAS(error.text, "outside");
    }
}

TEST(pointers_at_the_edges)
{
    static u8 memory[4096];
    region_t r = {.base = memory, .size = sizeof memory, .va = VA};
    CHECK(region_ptr(&r, VA, 0) == memory);
    CHECK(region_ptr(&r, VA, 4096) == memory);
    CHECK(region_ptr(&r, VA, 4097) == NULL);
    CHECK(region_ptr(&r, VA - 1, 1) == NULL);
    CHECK(region_ptr(&r, VA - 1, 2) == NULL);
    CHECK(region_ptr(&r, VA + 4095, 1) == memory + 4095);
    CHECK(region_ptr(&r, VA + 4095, 2) == NULL);
    CHECK(region_ptr(&r, VA + 4096, 0) == memory + 4096);
    CHECK(region_ptr(&r, VA + 4096, 1) == NULL);
    CHECK(region_ptr(&r, VA + 4097, 0) == NULL);
    CHECK(region_ptr(&r, VA + 8, UINT64_MAX) == NULL);
    CHECK(region_ptr(&r, VA + 8, UINT64_MAX - 7) == NULL);
    CHECK(region_ptr(&r, 0, 1) == NULL);
    CHECK(region_ptr(&r, 0, UINT64_MAX) == NULL);
    CHECK(region_ptr(&r, UINT64_MAX, 1) == NULL);
    CHECK(region_ptr(&r, UINT64_MAX, UINT64_MAX) == NULL);
    CHECK_EQ(region_va(&r, memory + 17), VA + 17);
    CHECK(region_holds(&r, memory) && region_holds(&r, memory + 4095));
    CHECK(!region_holds(&r, memory + 4096));
    /* A region at the very top of the address space. */
    r.va = UINT64_MAX - 4095;
    CHECK(region_ptr(&r, UINT64_MAX, 1) == memory + 4095);
    CHECK(region_ptr(&r, UINT64_MAX, 2) == NULL);
    CHECK(region_ptr(&r, 0, 1) == NULL);
}

TEST(the_first_region_that_has_it)
{
    static u8 inner[4096], outer[4 * 4096];
    region_t a = {.base = inner, .size = sizeof inner, .va = VA + 4096};
    region_t b = {.base = outer, .size = sizeof outer, .va = VA};
    region_space_t space = {{&a, &b}, 2};
    u64 left = 0;
    CHECK(region_space_ptr(&space, VA + 4096, 8, &left) == inner);
    CHECK_EQ(left, 4096);
    CHECK(region_space_ptr(&space, VA + 4096 + 4090, 6, &left) == inner + 4090);
    CHECK_EQ(left, 6);
    CHECK(region_space_ptr(&space, VA + 8, 8, &left) == outer + 8);
    CHECK_EQ(left, 4 * 4096 - 8);
    CHECK(region_space_ptr(&space, VA + 4 * 4096, 1, NULL) == NULL);
    space.count = 0;
    CHECK(region_space_ptr(&space, VA, 1, NULL) == NULL);
}

TEST(vectors_that_lie)
{
    _Alignas(16) static u8 memory[4096];
    region_t r = {.base = memory, .size = sizeof memory, .va = VA};
    region_space_t space = {{&r}, 1};
    u32 n = 77;
#define LENGTH_AT(offset, value)                                                                   \
    ((shm_vec_header_t *)(void *)(memory + (offset) - 8))->length = (value)
    LENGTH_AT(64, 5);
    CHECK(region_space_vector(&space, VA + 64, 8, 100, &n) == memory + 64);
    CHECK_EQ(n, 5);
    CHECK(region_space_vector(&space, VA + 64, 8, 5, &n) == memory + 64);
    CHECK(region_space_vector(&space, VA + 64, 8, 4, &n) == NULL);
    CHECK_EQ(n, 0);
    LENGTH_AT(64, (4096 - 64) / 8);
    CHECK(region_space_vector(&space, VA + 64, 8, UINT32_MAX, &n) == memory + 64);
    LENGTH_AT(64, (4096 - 64) / 8 + 1);
    CHECK(region_space_vector(&space, VA + 64, 8, UINT32_MAX, &n) == NULL);
    LENGTH_AT(64, UINT32_MAX);
    CHECK(region_space_vector(&space, VA + 64, 8, UINT32_MAX, &n) == NULL);
    CHECK(region_space_vector(&space, VA + 64, 1ull << 32, UINT32_MAX, &n) == NULL);
    LENGTH_AT(4096, 0);
    CHECK(region_space_vector(&space, VA + 4096, 8, 10, &n) == memory + 4096);
    CHECK_EQ(n, 0);
    LENGTH_AT(4096, 1);
    CHECK(region_space_vector(&space, VA + 4096, 1, 10, &n) == NULL);
    CHECK(region_space_vector(&space, VA + 4097, 1, 10, &n) == NULL);
    CHECK(region_space_vector(&space, VA + 7, 1, 10, &n) == NULL);
    CHECK(region_space_vector(&space, VA, 1, 10, &n) == NULL);
    CHECK(region_space_vector(&space, 0, 1, 10, &n) == NULL);
    CHECK(region_space_vector(&space, 7, 1, 10, &n) == NULL);
    CHECK(region_space_vector(&space, UINT64_MAX, 1, 10, &n) == NULL);
}

/* VPP's vectors are aligned to 8; nobody may be made to read at an odd address. */
TEST(vectors_that_are_not_aligned)
{
    _Alignas(16) static u8 memory[4096];
    region_t r = {.base = memory, .size = sizeof memory, .va = VA};
    region_space_t space = {{&r}, 1};
    u32 n;
    for (u64 off = 1; off < 8; off++) {
        CHECK(region_space_vector(&space, VA + 64 + off, 8, 10, &n) == NULL);
        CHECK_EQ(n, 0);
    }
}

/* ---- memfd segments ------------------------------------------------------------------------- */

typedef struct {
    ssvm_header_t ssvm;
    shm_region_t region;
    u64 size;
} segment_t;

static segment_t good_segment(void)
{
    segment_t s = {.size = SIZE};
    s.ssvm = (ssvm_header_t){.ssvm_va = VA, .ssvm_size = SIZE, .ready = 1, .type = SSVM_TYPE_MEMFD};
    s.region = good_region(VA + SSVM_REGION_OFFSET);
    s.region.virtual_size = SIZE - SSVM_REGION_OFFSET;
    s.region.user_ctx = VA + HDR_OFFSET;
    return s;
}

static int make_memfd(const segment_t *s)
{
    int fd = memfd_create("segment", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, (off_t)s->size), 0);
    if (s->size >= sizeof s->ssvm)
        write_at(fd, &s->ssvm, sizeof s->ssvm, 0);
    if (s->size >= SSVM_REGION_OFFSET + sizeof s->region)
        write_at(fd, &s->region, sizeof s->region, SSVM_REGION_OFFSET);
    if (s->size >= HDR_OFFSET + sizeof(shm_hdr_t))
        write_at(fd, &(shm_hdr_t){.version = SHM_HDR_VERSION}, sizeof(shm_hdr_t), HDR_OFFSET);
    return fd;
}

static vapi_error_e map_memfd(const segment_t *s, region_t *r, error_rec_t *error)
{
    int fd = make_memfd(s);
    error_clear(error);
    vapi_error_e rv = region_map_memfd(r, fd, DEADLINE_NOW, error);
    CHECK_EQ(fcntl(fd, F_GETFD) >= 0, 1);
    close(fd);
    CHECK_EQ(rv != VAPI_OK, error->text[0] != 0);
    CHECK_EQ(rv == VAPI_OK, r->base != NULL);
    return rv;
}

TEST(a_segment_is_mapped)
{
    region_t r;
    error_rec_t error;
    segment_t s = good_segment();
    CHECK_EQ(map_memfd(&s, &r, &error), VAPI_OK);
    CHECK_EQ(r.va, VA);
    CHECK_EQ(r.size, SIZE);
    CHECK((u8 *)region_header(&r) == r.base + SSVM_REGION_OFFSET);
    region_space_t space = {{&r}, 1};
    shm_hdr_t *hdr;
    CHECK_EQ(region_find_hdr(&r, &space, &hdr, DEADLINE_NOW, &error), VAPI_OK);
    CHECK((u8 *)hdr == r.base + HDR_OFFSET);
    region_unmap(&r);
}

#define REFUSED(change)                                                                            \
    do {                                                                                           \
        region_t r_;                                                                               \
        error_rec_t error_;                                                                        \
        segment_t s = good_segment();                                                              \
        change;                                                                                    \
        CHECK_EQ(map_memfd(&s, &r_, &error_), VAPI_EMAP_FAIL);                                     \
    } while (0)

TEST(segments_that_are_none)
{
    REFUSED(s.size = 0);
    REFUSED(s.size = 4096);
    REFUSED(s.size = SSVM_REGION_OFFSET + SHM_PAGE_SIZE - 1);
    REFUSED(s.ssvm.ready = 0);
    REFUSED(s.ssvm.ready = 2);
    REFUSED(s.ssvm.type = 0);
    REFUSED(s.ssvm.type = 2);
    REFUSED(s.ssvm.ssvm_size = SIZE + 1);
    REFUSED(s.ssvm.ssvm_size = 0);
    REFUSED(s.ssvm.ssvm_size = UINT64_MAX);
    REFUSED(s.ssvm.ssvm_va = UINT64_MAX);
    REFUSED(s.ssvm.ssvm_va = UINT64_MAX - SIZE + 1);
    REFUSED(s.region.version = 0);
    REFUSED(s.region.version = SHM_REGION_VERSION + 1);
}

/* An odd base would make every address that looks aligned odd here. */
TEST(a_segment_at_an_odd_address)
{
    REFUSED(s.ssvm.ssvm_va = VA + 1);
    REFUSED(s.ssvm.ssvm_va = VA + 8);
    REFUSED(s.ssvm.ssvm_va = VA + SHM_PAGE_SIZE - 1);
}

TEST(descriptors_that_are_no_segment)
{
    region_t r;
    error_rec_t error;
    int fds[2];
    CHECK_EQ(region_map_memfd(&r, -1, DEADLINE_NOW, &error), VAPI_EMAP_FAIL);
    CHECK_EQ(error.os_errno, EBADF);
    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(region_map_memfd(&r, fds[0], DEADLINE_NOW, &error), VAPI_EMAP_FAIL);
    close(fds[0]);
    close(fds[1]);
    /* Cannot be written to. */
    const char *path = path_of("readonly");
    segment_t s = good_segment();
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, SIZE), 0);
    write_at(fd, &s.ssvm, sizeof s.ssvm, 0);
    close(fd);
    fd = open(path, O_RDONLY);
    CHECK_EQ(region_map_memfd(&r, fd, DEADLINE_NOW, &error), VAPI_EMAP_FAIL);
    CHECK_EQ(error.os_errno, EACCES);
    close(fd);
    clean_up(path);
}

TEST(a_segment_that_becomes_ready)
{
    segment_t s = good_segment();
    s.ssvm.ready = 0;
    int fd = make_memfd(&s), go[2];
    CHECK_EQ(pipe(go), 0);
    region_t r;
    error_rec_t error;
    u64 start = now_ns();
    CHECK_EQ(region_map_memfd(&r, fd, deadline_in(20 * NS_PER_MS), &error), VAPI_EMAP_FAIL);
    CHECK(now_ns() - start >= 20 * NS_PER_MS);
    CHECK_HAS(error.text, "never became ready");
    pid_t child = fork();
    if (child == 0) {
        char c;
        CHECK_EQ(read(go[0], &c, 1), 1);
        u32 ready = 1;
        write_at(fd, &ready, 4, offsetof(ssvm_header_t, ready));
        _exit(0);
    }
    CHECK_EQ(write(go[1], "x", 1), 1);
    CHECK_EQ(region_map_memfd(&r, fd, deadline_in(10 * NS_PER_S), &error), VAPI_OK);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    region_unmap(&r);
    close(fd);
}

static u32 open_fds(void)
{
    u32 n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static u32 mappings(void)
{
    u32 n = 0;
    int c;
    FILE *f = fopen("/proc/self/maps", "r");
    CHECK(f != NULL);
    while ((c = fgetc(f)) != EOF)
        n += c == '\n';
    fclose(f);
    return n;
}

TEST(nothing_stays_behind)
{
    region_t r;
    error_rec_t error;
    shm_region_t region = good_region(VA), old = good_region(VA);
    segment_t s = good_segment(), bad = good_segment();
    old.version = 1;
    bad.region.version = 1;
    u32 fds = 0, maps = 0;
    for (int i = 0; i < 300; i++) {
        CHECK_EQ(map_file(&region, SIZE + 1, &r, &error), VAPI_OK);
        region_unmap(&r);
        CHECK_EQ(map_file(&old, SIZE + 1, &r, &error), VAPI_EMAP_FAIL);
        CHECK_EQ(map_memfd(&s, &r, &error), VAPI_OK);
        region_unmap(&r);
        CHECK_EQ(map_memfd(&bad, &r, &error), VAPI_EMAP_FAIL);
        if (i == 100) {
            fds = open_fds();
            maps = mappings();
        }
    }
    CHECK_EQ(open_fds(), fds);
    CHECK(mappings() <= maps + 8); /* the allocator's own */
}
