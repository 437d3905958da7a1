/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages of the root region: what clients leave behind when they go, are killed, or lie.
 */
#include "client_fixture.h"
#include "page_carve.h"
#include "region_make.h"

/* As page_carve.c lays it out: this is kept in VPP's memory, by programs of different versions. */
typedef struct {
    u64 magic, owner_start, pid_namespace, free_after_s;
    u32 owner_pid, pages;
    u64 check;
    u64 reserved[2];
} header_t;

static void seal(header_t *h)
{
    h->check = (h->magic ^ h->owner_start * 31 ^ h->pid_namespace * 37) + h->owner_pid * 41ull +
               h->pages * 43ull;
}

typedef struct {
    api_segment_t segment;
    region_paths_t paths;
    u32 free_pages;
} place_t;

#define PATIENCE deadline_in(5 * NS_PER_S)

static void place_make(place_t *p)
{
    char prefix[32];
    memset(p, 0, sizeof *p);
    snprintf(prefix, sizeof prefix, "vapi-carve-%d", (int)getpid());
    CHECK_EQ(region_make_classic(&p->segment, prefix, 64u << 20, (16u << 20) + (128u << 10), 64,
                                 &p->paths),
             0);
    p->free_pages = page_carve_free_pages(&p->segment.root, PATIENCE);
    CHECK(p->free_pages > 1000);
}

static void place_end(place_t *p)
{
    region_unlink_files(&p->segment, &p->paths);
    api_segment_fini(&p->segment);
}

static u32 free_now(const place_t *p) { return page_carve_free_pages(&p->segment.root, PATIENCE); }
static u32 reclaim(const place_t *p)
{
    return page_carve_reclaim(&p->segment.root, &p->segment.api, PATIENCE);
}

static header_t *carve_run(const place_t *p, u32 pages)
{
    error_rec_t error;
    void *run = page_carve(&p->segment.root, pages, PATIENCE, &error);
    if (run == NULL)
        check_fail(__FILE__, __LINE__, error.text);
    return run;
}

static void wait_for_next_second(void)
{
    time_t now = time(NULL);
    while (time(NULL) <= now + 1)
        sched_yield();
}

TEST(what_is_given_back_is_free_at_once)
{
    place_t p;
    place_make(&p);
    header_t *a = carve_run(&p, 5), *b = carve_run(&p, 64), *c = carve_run(&p, 1);
    CHECK_EQ(free_now(&p), p.free_pages - 70);
    CHECK_EQ(reclaim(&p), 0);
    page_uncarve(&p.segment.root, b, false, PATIENCE);
    CHECK_EQ(free_now(&p), p.free_pages - 6);
    header_t *d = carve_run(&p, 64);
    CHECK(d == b);
    page_uncarve(&p.segment.root, a, false, PATIENCE);
    page_uncarve(&p.segment.root, c, false, PATIENCE);
    page_uncarve(&p.segment.root, d, false, PATIENCE);
    CHECK_EQ(free_now(&p), p.free_pages);
    /* All of it, and one more. */
    error_rec_t error;
    CHECK(page_carve(&p.segment.root, p.free_pages + 1, PATIENCE, &error) == NULL);
    CHECK_HAS(error.text, "free pages in a row");
    place_end(&p);
}

/* /dev/shm has no room for what VPP has promised: here, the file ends before its region. */
TEST(a_full_file_system_is_an_error)
{
    place_t p;
    place_make(&p);
    const region_t *root = &p.segment.root;
    u32 used = (u32)(root->size / SHM_PAGE_SIZE) - p.free_pages;
    CHECK_EQ(truncate(p.paths.root, (off_t)(used + 1) * SHM_PAGE_SIZE), 0);
    u8 *beyond = root->base + (u64)(used + 1) * SHM_PAGE_SIZE;
    if (region_commit(beyond, 1) == 0) /* an old kernel */
        return place_end(&p);
    CHECK_EQ(region_commit(beyond - 1, 1), 0);
    CHECK_EQ(region_commit(beyond - 1, 2), -ENOSPC);
    error_rec_t error;
    for (u32 pages = 2; pages < 100; pages++) {
        CHECK(page_carve(root, pages, PATIENCE, &error) == NULL);
        CHECK_EQ(error.os_errno, ENOSPC);
        CHECK_EQ(free_now(&p), p.free_pages);
    }
    header_t *last = carve_run(&p, 1);
    CHECK(page_carve(root, 1, PATIENCE, &error) == NULL);
    CHECK_EQ(free_now(&p), p.free_pages - 1);
    CHECK_EQ(reclaim(&p), 0);
    page_uncarve(root, last, false, PATIENCE);
    place_end(&p);
}

TEST(quarantine_ends)
{
    place_t p;
    place_make(&p);
    page_uncarve(&p.segment.root, carve_run(&p, 7), true, PATIENCE);
    CHECK_EQ(reclaim(&p), 0);
    CHECK_EQ(free_now(&p), p.free_pages - 7);
    page_carve_quarantine_s = 0;
    page_uncarve(&p.segment.root, carve_run(&p, 9), true, PATIENCE);
    /* However long ago that was: VPP may have been stopped since. It begins when somebody looks. */
    wait_for_next_second();
    CHECK_EQ(reclaim(&p), 0);
    CHECK_EQ(free_now(&p), p.free_pages - 16);
    wait_for_next_second();
    CHECK_EQ(reclaim(&p), 9);
    CHECK_EQ(free_now(&p), p.free_pages - 7);
    place_end(&p);
}

TEST(the_dead_are_marked_first_and_reclaimed_later)
{
    place_t p;
    place_make(&p);
    pid_t child = fork();
    if (child == 0) {
        carve_run(&p, 11);
        carve_run(&p, 3);
        kill(getpid(), SIGKILL);
    }
    CHECK_EQ(waitpid(child, NULL, 0), child);
    header_t *mine = carve_run(&p, 2);
    page_carve_quarantine_s = 1;
    CHECK_EQ(reclaim(&p), 0);
    CHECK_EQ(free_now(&p), p.free_pages - 16);
    /* Marked with a time: who comes again before it finds nothing to take. */
    CHECK_EQ(reclaim(&p), 0);
    wait_for_next_second();
    wait_for_next_second();
    CHECK_EQ(reclaim(&p), 14);
    CHECK_EQ(free_now(&p), p.free_pages - 2);
    page_uncarve(&p.segment.root, mine, false, PATIENCE);
    CHECK_EQ(free_now(&p), p.free_pages);
    place_end(&p);
}

TEST(the_living_strangers_and_liars_are_left_alone)
{
    place_t p;
    place_make(&p);
    page_carve_quarantine_s = 0;
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    CHECK_EQ(waitpid(gone, NULL, 0), gone);
    header_t *run[8];
    for (u32 i = 0; i < 8; i++)
        run[i] = carve_run(&p, 4);
    /* 0: lives. 1: another namespace, where that number may be anybody's. */
    run[1]->owner_pid = (u32)gone;
    run[1]->pid_namespace ^= 1;
    seal(run[1]);
    /* 2: a check that does not fit. 3: no pages. 4: more than there are. 5: other magic. */
    run[2]->owner_pid = (u32)gone;
    run[3]->owner_pid = (u32)gone;
    run[3]->pages = 0;
    seal(run[3]);
    run[4]->owner_pid = (u32)gone;
    run[4]->pages = UINT32_MAX;
    seal(run[4]);
    run[5]->owner_pid = (u32)gone;
    run[5]->magic++;
    seal(run[5]);
    /* 6: the number lives, but belongs to a process that began at another time: dead. 7: a parent. */
    run[6]->owner_start++;
    seal(run[6]);
    run[7]->owner_pid = (u32)gone;
    seal(run[7]);
    for (u32 i = 0; i < 3; i++) {
        reclaim(&p);
        wait_for_next_second();
    }
    CHECK_EQ(free_now(&p), p.free_pages - 6 * 4);
    /* Whoever scribbled on his header leaks his pages, and frees nobody else's. */
    for (u32 i = 2; i < 6; i++)
        page_uncarve(&p.segment.root, run[i], false, PATIENCE);
    CHECK(free_now(&p) <= p.free_pages - 6 * 4 + 4);
    CHECK_EQ(memcmp(run[0], run[1], sizeof(u64)), 0);
    page_uncarve(&p.segment.root, run[0], false, PATIENCE);
    place_end(&p);
}

TEST(a_mutex_that_is_held_is_not_waited_for)
{
    place_t p;
    place_make(&p);
    header_t *run = carve_run(&p, 4);
    shm_region_t *region = region_header(&p.segment.root);
    CHECK_EQ(pthread_mutex_lock(&region->mutex), 0);
    region->mutex_owner_pid = 4242;
    error_rec_t error;
    CHECK(page_carve(&p.segment.root, 1, deadline_in(30 * NS_PER_MS), &error) == NULL);
    CHECK_HAS(error.text, "4242");
    CHECK_EQ(page_carve_free_pages(&p.segment.root, DEADLINE_NOW), 0);
    page_uncarve(&p.segment.root, run, false, DEADLINE_NOW);
    CHECK_EQ(pthread_mutex_unlock(&region->mutex), 0);
    /* It has said that it is over: somebody finds it. */
    CHECK_EQ(free_now(&p), p.free_pages - 4);
    wait_for_next_second();
    CHECK_EQ(reclaim(&p), 4);
    place_end(&p);
}

TEST(a_bitmap_that_leads_elsewhere_is_refused)
{
    place_t p;
    place_make(&p);
    shm_region_t *region = region_header(&p.segment.root);
    u64 bitmap = region->bitmap, bits = region->bitmap_size;
    const u64 wrong[][2] = {{bitmap + 4, bits}, {0, bits},          {UINT64_MAX - 7, bits},
                            {bitmap, 0},        {bitmap, bits * 2}, {bitmap, UINT64_MAX}};
    for (u32 i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        error_rec_t error;
        region->bitmap = wrong[i][0];
        region->bitmap_size = wrong[i][1];
        CHECK(page_carve(&p.segment.root, 1, PATIENCE, &error) == NULL);
        CHECK_HAS(error.text, "bitmap");
        CHECK_EQ(reclaim(&p), 0);
        CHECK_EQ(free_now(&p), 0);
    }
    region->bitmap = bitmap;
    region->bitmap_size = bits;
    CHECK_EQ(free_now(&p), p.free_pages);
    place_end(&p);
}

/** The root region of the peer, to look at it from outside. */
static void map_root(const server_t *s, region_t *root)
{
    char path[128];
    error_rec_t error;
    snprintf(path, sizeof path, "/dev/shm/%s-global_vm", s->prefix);
    CHECK_EQ(region_map_file(root, path, PATIENCE, &error), VAPI_OK);
}

TEST_WITHIN(killed_clients_and_a_thousand_connects, 120)
{
    server_t s;
    region_t root;
    server_start(&s);
    map_root(&s, &root);
    u32 at_first = page_carve_free_pages(&root, PATIENCE);
    page_carve_quarantine_s = 1;
    /* All are there before one dies, or the next would mark what it left. */
    pid_t children[3];
    int ready[2];
    char bytes[3];
    CHECK_EQ(pipe(ready), 0);
    for (u32 i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            ping(client(&s, VAPI_TRANSPORT_SHM));
            CHECK_EQ(write(ready[1], "1", 1), 1);
            for (;;)
                pause();
        }
    }
    for (u32 i = 0; i < 3; i++)
        CHECK_EQ(read(ready[0], &bytes[i], 1), 1);
    for (u32 i = 0; i < 3; i++) {
        kill(children[i], SIGKILL);
        CHECK_EQ(waitpid(children[i], NULL, 0), children[i]);
    }
    u32 with_dead = page_carve_free_pages(&root, PATIENCE);
    CHECK(with_dead < at_first);
    client_close(client(&s, VAPI_TRANSPORT_SHM)); /* marks them */
    CHECK_EQ(page_carve_free_pages(&root, PATIENCE), with_dead);
    wait_for_next_second();
    wait_for_next_second();
    client_close(client(&s, VAPI_TRANSPORT_SHM));
    CHECK_EQ(page_carve_free_pages(&root, PATIENCE), at_first);
    u32 fds = open_fds();
    for (u32 i = 0; i < 1000; i++) {
        vapi_ctx_t ctx = client(&s, VAPI_TRANSPORT_SHM);
        if (i % 100 == 0)
            ping(ctx);
        client_close(ctx);
    }
    CHECK_EQ(page_carve_free_pages(&root, PATIENCE), at_first);
    CHECK_EQ(open_fds(), fds);
    region_unmap(&root);
    server_stop(&s);
}
