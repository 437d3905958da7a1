/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue used by one thread: geometry, order, bounds, deadlines, corrupt counters.
 */
#include "queue_fixture.h"

#include <stdint.h>
#include <sys/wait.h>

#include "byteorder.h"

TEST(geometry_has_bounds)
{
    CHECK_EQ(svm_queue_bytes(1, 1), 121);
    CHECK_EQ(svm_queue_bytes(1024, 8), 120 + 8192);
    CHECK_EQ(svm_queue_bytes(0, 8), UINT64_MAX);
    CHECK_EQ(svm_queue_bytes(8, 0), UINT64_MAX);
    CHECK_EQ(svm_queue_bytes(SVM_QUEUE_MAX_ELEMENTS, SVM_QUEUE_MAX_ELSIZE),
             120 + ((u64)SVM_QUEUE_MAX_ELEMENTS * SVM_QUEUE_MAX_ELSIZE));
    CHECK_EQ(svm_queue_bytes(SVM_QUEUE_MAX_ELEMENTS + 1, 1), UINT64_MAX);
    CHECK_EQ(svm_queue_bytes(1, SVM_QUEUE_MAX_ELSIZE + 1), UINT64_MAX);
    CHECK_EQ(svm_queue_bytes(UINT32_MAX, UINT32_MAX), UINT64_MAX);
}

TEST(init_refuses_what_bytes_refuses)
{
    _Alignas(64) u8 memory[256];
    svm_queue_t q;
    CHECK_EQ(svm_queue_init(&q, memory, 0, 8, 1), -EINVAL);
    CHECK_EQ(svm_queue_init(&q, memory, 8, 0, 1), -EINVAL);
    CHECK_EQ(svm_queue_init(&q, memory, SVM_QUEUE_MAX_ELEMENTS + 1, 8, 1), -EINVAL);
    CHECK_EQ(svm_queue_init(&q, memory, 8, SVM_QUEUE_MAX_ELSIZE + 1, 1), -EINVAL);
}

/* The numbers are VPP's; a queue of ours must look to VPP as if VPP had made it. */
TEST(layout_is_vpps)
{
    _Alignas(64) u8 memory[4096];
    memset(memory, 0xa5, sizeof memory);
    svm_queue_t q;
    CHECK_EQ(svm_queue_init(&q, memory, 16, 8, 4711), 0);
    CHECK_EQ(load_raw32(memory + 88), 0); /* head */
    CHECK_EQ(load_raw32(memory + 92), 0); /* tail */
    CHECK_EQ(load_raw32(memory + 96), 0); /* cursize */
    CHECK_EQ(load_raw32(memory + 100), 16); /* maxsize */
    CHECK_EQ(load_raw32(memory + 104), 8); /* elsize */
    CHECK_EQ(load_raw32(memory + 108), 4711); /* consumer_pid */
    CHECK_EQ(load_raw32(memory + 112), 0xffffffff);
    CHECK_EQ(load_raw32(memory + 116), 0xffffffff);
    u64 element = 0x1122334455667788;
    CHECK_EQ(svm_queue_add(&q, &element, DEADLINE_NOW), 0);
    CHECK_EQ(load_raw64(memory + 120), element);
    CHECK_EQ(load_raw32(memory + 88), 0);
    CHECK_EQ(load_raw32(memory + 92), 1);
    CHECK_EQ(load_raw32(memory + 96), 1);
    CHECK_EQ(svm_queue_sub(&q, &element, DEADLINE_NOW), 0);
    CHECK_EQ(load_raw32(memory + 88), 1);
    CHECK_EQ(load_raw32(memory + 96), 0);
}

TEST(attach_accepts_what_init_made)
{
    svm_queue_t q = make_queue(16, 8), other;
    u64 element = 42, got = 0;
    CHECK_EQ(svm_queue_attach(&other, q.shm, svm_queue_bytes(16, 8), 8), 0);
    CHECK_EQ(other.maxsize, 16);
    CHECK_EQ(other.elsize, 8);
    CHECK_EQ(svm_queue_add(&q, &element, DEADLINE_NOW), 0);
    CHECK_EQ(svm_queue_sub(&other, &got, DEADLINE_NOW), 0);
    CHECK_EQ(got, 42);
    CHECK_EQ(svm_queue_attach(&other, q.shm, svm_queue_bytes(16, 8), 0), 0);
}

static int attach_with(i32 maxsize, i32 elsize, u64 bytes, u32 wanted)
{
    _Alignas(64) static u8 memory[8192];
    svm_queue_t q;
    CHECK_EQ(svm_queue_init(&q, memory, 4, 8, 0), 0);
    q.shm->maxsize = maxsize;
    q.shm->elsize = elsize;
    return svm_queue_attach(&q, memory, bytes, wanted);
}

TEST(attach_refuses_impossible_geometry)
{
    CHECK_EQ(attach_with(4, 8, 120 + 32, 8), 0);
    CHECK_EQ(attach_with(4, 8, 120 + 31, 8), -EBADMSG);
    CHECK_EQ(attach_with(4, 8, 119, 8), -EBADMSG);
    CHECK_EQ(attach_with(4, 8, 0, 8), -EBADMSG);
    CHECK_EQ(attach_with(0, 8, 8192, 8), -EBADMSG);
    CHECK_EQ(attach_with(-1, 8, 8192, 8), -EBADMSG);
    CHECK_EQ(attach_with(INT32_MIN, 8, 8192, 8), -EBADMSG);
    CHECK_EQ(attach_with(INT32_MAX, 8, 8192, 8), -EBADMSG);
    CHECK_EQ(attach_with(4, 0, 8192, 0), -EBADMSG);
    CHECK_EQ(attach_with(4, -8, 8192, 0), -EBADMSG);
    CHECK_EQ(attach_with(4, 16, 8192, 8), -EBADMSG);
    CHECK_EQ(attach_with(1 << 30, 1 << 24, UINT64_MAX, 0), -EBADMSG);
    CHECK_EQ(attach_with(1 << 20, 1 << 24, (1ull << 44) + 119, 0), -EBADMSG);
    svm_queue_t q;
    _Alignas(64) u8 memory[512];
    CHECK_EQ(svm_queue_init(&q, memory, 4, 8, 0), 0);
    CHECK_EQ(svm_queue_attach(&q, memory + 4, sizeof memory - 4, 8), -EBADMSG);
    CHECK_EQ(svm_queue_attach(&q, NULL, sizeof memory, 8), -EBADMSG);
}

/* Whoever moves the bounds after attach moves them for himself only. */
TEST(bounds_are_read_once)
{
    svm_queue_t q = make_queue(4, 8);
    u64 element = 1;
    q.shm->maxsize = 1 << 20;
    q.shm->elsize = 1 << 20;
    for (int i = 0; i < 4; i++)
        CHECK_EQ(svm_queue_add(&q, &element, DEADLINE_NOW), 0);
    CHECK_EQ(svm_queue_add(&q, &element, DEADLINE_NOW), -EAGAIN);
    CHECK_EQ(q.shm->tail, 0);
}

TEST(elements_keep_their_order_around_every_wrap)
{
    for (u32 maxsize = 1; maxsize <= 9; maxsize++) {
        svm_queue_t q = make_queue(maxsize, 8);
        u64 next_in = 0, next_out = 0, got;
        for (u32 round = 0; round < 100; round++) {
            u32 n = round % maxsize + 1;
            for (u32 i = 0; i < n; i++, next_in++)
                CHECK_EQ(svm_queue_add(&q, &next_in, DEADLINE_NOW), 0);
            CHECK_EQ(svm_queue_length(&q), n);
            for (u32 i = 0; i < n; i++, next_out++) {
                CHECK_EQ(svm_queue_sub(&q, &got, DEADLINE_NOW), 0);
                CHECK_EQ(got, next_out);
            }
        }
    }
}

TEST(many_wrap_too)
{
    for (u32 start = 0; start < 7; start++) {
        for (u32 n = 0; n <= 8; n++) {
            svm_queue_t q = make_queue(7, 8);
            u64 in[8] = {10, 11, 12, 13, 14, 15, 16, 17}, out[8] = {0};
            turn_queue(&q, start);
            int fits = n <= 7 ? (int)n : 7;
            CHECK_EQ(svm_queue_add_many(&q, in, n, false, DEADLINE_NOW), fits);
            CHECK_EQ(svm_queue_length(&q), fits);
            CHECK_EQ(q.shm->tail, (start + (u32)fits) % 7);
            CHECK_EQ(svm_queue_sub_many(&q, out, 8, DEADLINE_NOW), fits);
            CHECK_MEM(in, out, (size_t)fits * 8);
            CHECK_EQ(out[fits < 8 ? fits : 7], 0);
            CHECK_EQ(q.shm->head, q.shm->tail);
        }
    }
}

TEST(sub_many_takes_no_more_than_asked)
{
    svm_queue_t q = make_queue(8, 8);
    u64 in[5] = {1, 2, 3, 4, 5}, out[5] = {0};
    CHECK_EQ(svm_queue_add_many(&q, in, 5, true, DEADLINE_NOW), 5);
    CHECK_EQ(svm_queue_sub_many(&q, out, 2, DEADLINE_NOW), 2);
    CHECK_EQ(out[1], 2);
    CHECK_EQ(out[2], 0);
    CHECK_EQ(svm_queue_sub_many(&q, out, 0, DEADLINE_NOW), 0);
    CHECK_EQ(svm_queue_length(&q), 3);
    CHECK_EQ(svm_queue_sub_many(&q, out, 5, DEADLINE_NOW), 3);
    CHECK_EQ(svm_queue_sub_many(&q, out, 5, DEADLINE_NOW), 0);
}

TEST(all_or_none)
{
    svm_queue_t q = make_queue(4, 8);
    u64 in[5] = {1, 2, 3, 4, 5}, got;
    CHECK_EQ(svm_queue_add_many(&q, in, 5, true, DEADLINE_NOW), -EAGAIN);
    CHECK_EQ(svm_queue_length(&q), 0);
    CHECK_EQ(svm_queue_add_many(&q, in, 0, true, DEADLINE_NOW), 0);
    CHECK_EQ(svm_queue_add_many(&q, in, 3, true, DEADLINE_NOW), 3);
    CHECK_EQ(svm_queue_add_many(&q, in, 2, true, DEADLINE_NOW), -EAGAIN);
    CHECK_EQ(svm_queue_add_many(&q, in + 3, 2, false, DEADLINE_NOW), 1);
    CHECK_EQ(svm_queue_add_many(&q, in, 1, false, DEADLINE_NOW), 0);
    for (u64 i = 1; i <= 4; i++) {
        CHECK_EQ(svm_queue_sub(&q, &got, DEADLINE_NOW), 0);
        CHECK_EQ(got, i);
    }
}

TEST(add2_is_both_or_neither)
{
    u64 a = 1, b = 2, got;
    svm_queue_t one = make_queue(1, 8);
    CHECK_EQ(svm_queue_add2(&one, &a, &b, DEADLINE_NOW), -EINVAL);
    CHECK_EQ(svm_queue_length(&one), 0);
    for (u32 start = 0; start < 3; start++) {
        svm_queue_t q = make_queue(3, 8);
        turn_queue(&q, start);
        CHECK_EQ(svm_queue_add2(&q, &a, &b, DEADLINE_NOW), 0);
        CHECK_EQ(svm_queue_add2(&q, &a, &b, DEADLINE_NOW), -EAGAIN);
        CHECK_EQ(svm_queue_add2(&q, &a, &b, deadline_in(NS_PER_MS)), -ETIMEDOUT);
        CHECK_EQ(svm_queue_length(&q), 2);
        CHECK_EQ(svm_queue_sub(&q, &got, DEADLINE_NOW), 0);
        CHECK_EQ(got, 1);
        CHECK_EQ(svm_queue_sub(&q, &got, DEADLINE_NOW), 0);
        CHECK_EQ(got, 2);
    }
}

TEST(full_and_empty_do_not_wait_when_not_asked_to)
{
    svm_queue_t q = make_queue(2, 4);
    u32 v = 7;
    CHECK_EQ(svm_queue_sub(&q, &v, DEADLINE_NOW), -EAGAIN);
    CHECK_EQ(v, 7);
    CHECK_EQ(svm_queue_add(&q, &v, DEADLINE_NOW), 0);
    CHECK_EQ(svm_queue_add(&q, &v, DEADLINE_NOW), 0);
    CHECK_EQ(svm_queue_add(&q, &v, DEADLINE_NOW), -EAGAIN);
    CHECK_EQ(svm_queue_length(&q), 2);
}

TEST(every_element_size)
{
    static const u32 sizes[] = {1, 2, 3, 7, 8, 63, 64, 65, 4096, 65535, 1 << 20};
    static u8 in[1 << 20], out[1 << 20];
    for (u32 s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        svm_queue_t q = make_queue(3, sizes[s]);
        for (u32 round = 0; round < 8; round++) {
            for (u32 i = 0; i < sizes[s]; i++)
                in[i] = (u8)(i * 7 + round);
            memset(out, 0, sizes[s]);
            CHECK_EQ(svm_queue_add(&q, in, DEADLINE_NOW), 0);
            CHECK_EQ(svm_queue_sub(&q, out, DEADLINE_NOW), 0);
            CHECK_MEM(in, out, sizes[s]);
        }
    }
}

/* Nothing is written behind the last element. */
TEST(the_last_slot_is_the_last)
{
    _Alignas(64) u8 memory[120 + 3 * 5 + 8];
    svm_queue_t q;
    memset(memory, 0xee, sizeof memory);
    CHECK_EQ(svm_queue_init(&q, memory, 3, 5, 0), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(svm_queue_add(&q, "abcde", DEADLINE_NOW), 0);
    CHECK_MEM(memory + 120, "abcdeabcdeabcde", 15);
    for (size_t i = 135; i < sizeof memory; i++)
        CHECK_EQ(memory[i], 0xee);
}

TEST(waits_end_at_the_deadline_not_before)
{
    svm_queue_t q = make_queue(2, 4);
    u32 v = 0, two[2] = {1, 2};
    u64 start = now_ns();
    CHECK_EQ(svm_queue_sub(&q, &v, deadline_in(30 * NS_PER_MS)), -ETIMEDOUT);
    CHECK(now_ns() - start >= 30 * NS_PER_MS);
    start = now_ns();
    CHECK_EQ(svm_queue_wait_nonempty(&q, deadline_in(30 * NS_PER_MS)), -ETIMEDOUT);
    CHECK(now_ns() - start >= 30 * NS_PER_MS);
    CHECK_EQ(svm_queue_add_many(&q, two, 2, true, DEADLINE_NOW), 2);
    start = now_ns();
    CHECK_EQ(svm_queue_add(&q, &v, deadline_in(30 * NS_PER_MS)), -ETIMEDOUT);
    CHECK(now_ns() - start >= 30 * NS_PER_MS);
    CHECK_EQ(svm_queue_length(&q), 2);
}

TEST(wait_nonempty_sees_what_is_there)
{
    svm_queue_t q = make_queue(2, 4);
    u32 v = 9;
    CHECK_EQ(svm_queue_wait_nonempty(&q, DEADLINE_NOW), -ETIMEDOUT);
    CHECK_EQ(svm_queue_add(&q, &v, DEADLINE_NOW), 0);
    CHECK_EQ(svm_queue_wait_nonempty(&q, DEADLINE_NOW), 0);
    CHECK_EQ(svm_queue_wait_nonempty(&q, DEADLINE_NEVER), 0);
    CHECK_EQ(svm_queue_length(&q), 1);
}

TEST(a_held_lock_is_waited_for_until_the_deadline)
{
    svm_queue_t q = make_queue(2, 4);
    int to_parent[2], to_child[2];
    char c = 0;
    CHECK_EQ(pipe(to_parent), 0);
    CHECK_EQ(pipe(to_child), 0);
    pid_t child = fork();
    if (child == 0) {
        close(to_child[1]);
        if (svm_queue_lock(&q, DEADLINE_NOW) != 0 || write(to_parent[1], "x", 1) != 1 ||
            read(to_child[0], &c, 1) != 1)
            _exit(1);
        svm_queue_unlock(&q);
        _exit(0);
    }
    close(to_parent[1]);
    CHECK_EQ(read(to_parent[0], &c, 1), 1);
    u32 v = 1;
    CHECK_EQ(svm_queue_lock(&q, DEADLINE_NOW), -EAGAIN);
    CHECK_EQ(svm_queue_add_many(&q, &v, 1, true, DEADLINE_NOW), -EAGAIN);
    CHECK_EQ(svm_queue_sub_many(&q, &v, 1, DEADLINE_NOW), -EAGAIN);
    u64 start = now_ns();
    CHECK_EQ(svm_queue_lock(&q, deadline_in(20 * NS_PER_MS)), -ETIMEDOUT);
    CHECK_EQ(svm_queue_add(&q, &v, deadline_in(20 * NS_PER_MS)), -ETIMEDOUT);
    CHECK(now_ns() - start >= 40 * NS_PER_MS);
    CHECK_EQ(write(to_child[1], "x", 1), 1);
    CHECK_EQ(svm_queue_add(&q, &v, deadline_in(10 * NS_PER_S)), 0);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

static void check_corrupt(i32 head, i32 tail, i32 cursize)
{
    svm_queue_t q = make_queue(4, 8);
    u64 v[2] = {1, 2};
    q.shm->head = head;
    q.shm->tail = tail;
    q.shm->cursize = cursize;
    CHECK_EQ(svm_queue_add(&q, v, DEADLINE_NOW), -EBADMSG);
    CHECK_EQ(svm_queue_add(&q, v, DEADLINE_NEVER), -EBADMSG);
    CHECK_EQ(svm_queue_add2(&q, v, v, DEADLINE_NOW), -EBADMSG);
    CHECK_EQ(svm_queue_add_many(&q, v, 2, false, DEADLINE_NOW), -EBADMSG);
    CHECK_EQ(svm_queue_sub(&q, v, DEADLINE_NOW), -EBADMSG);
    CHECK_EQ(svm_queue_sub_many(&q, v, 2, DEADLINE_NOW), -EBADMSG);
    CHECK_EQ(svm_queue_wait_nonempty(&q, deadline_in(NS_PER_S)), -EBADMSG);
    CHECK(svm_queue_length(&q) <= 4);
    /* None of them kept the lock. */
    CHECK_EQ(svm_queue_lock(&q, DEADLINE_NOW), 0);
    svm_queue_unlock(&q);
}

TEST(corrupt_counters_are_reported)
{
    static const i32 bad[] = {4, 5, -1, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_corrupt(bad[i], 0, 0);
        check_corrupt(0, bad[i], 0);
        if (bad[i] != 4)
            check_corrupt(0, 0, bad[i]);
    }
}

TEST(length_never_exceeds_the_queue)
{
    svm_queue_t q = make_queue(4, 8);
    q.shm->cursize = INT32_MAX;
    CHECK_EQ(svm_queue_length(&q), 4);
    q.shm->cursize = -1;
    CHECK_EQ(svm_queue_length(&q), 4);
}

/* glibc would abort for some of these, and wait for ever for others. */
TEST(a_mutex_that_is_none_is_reported)
{
    static const int kinds[] = {1, 2, 0x20 | 0x80, 0x30 | 0x80, 0x40, 0x40 | 0x90, 0x100, -1};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        svm_queue_t q = make_queue(4, 8);
        u64 v = 0;
        q.shm->mutex.__data.__kind = kinds[i];
        q.shm->mutex.__data.__lock = 0x12345;
        CHECK_EQ(svm_queue_lock(&q, DEADLINE_NOW), -ENOTRECOVERABLE);
        CHECK_EQ(svm_queue_lock(&q, DEADLINE_NEVER), -ENOTRECOVERABLE);
        CHECK_EQ(svm_queue_add_many(&q, &v, 1, true, DEADLINE_NEVER), -ENOTRECOVERABLE);
        CHECK_EQ(svm_queue_sub_many(&q, &v, 1, DEADLINE_NEVER), -ENOTRECOVERABLE);
    }
}

TEST(a_mutex_beyond_repair_is_reported)
{
    svm_queue_t q = make_queue(4, 8);
    pid_t child = fork();
    if (child == 0) {
        (void)!pthread_mutex_lock(&q.shm->mutex);
        kill(getpid(), SIGKILL);
    }
    CHECK_EQ(waitpid(child, NULL, 0), child);
    /* Unlocked without pthread_mutex_consistent(): that is what makes it irrecoverable. */
    CHECK_EQ(pthread_mutex_lock(&q.shm->mutex), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_unlock(&q.shm->mutex), 0);
    u64 v = 0;
    CHECK_EQ(svm_queue_lock(&q, DEADLINE_NOW), -ENOTRECOVERABLE);
    CHECK_EQ(svm_queue_lock(&q, DEADLINE_NEVER), -ENOTRECOVERABLE);
    CHECK_EQ(svm_queue_add(&q, &v, DEADLINE_NEVER), -ENOTRECOVERABLE);
    CHECK_EQ(svm_queue_sub(&q, &v, DEADLINE_NEVER), -ENOTRECOVERABLE);
    CHECK_EQ(svm_queue_add_many(&q, &v, 1, true, DEADLINE_NOW), -ENOTRECOVERABLE);
    CHECK_EQ(svm_queue_sub_many(&q, &v, 1, DEADLINE_NOW), -ENOTRECOVERABLE);
    CHECK_EQ(svm_queue_wait_nonempty(&q, DEADLINE_NEVER), -ENOTRECOVERABLE);
}
