/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes of a socket that nobody asked for yet, in a file.
 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "check.h"

#define STEP 10000u
#define LIMIT (64u << 20)

static u8 byte_at(u64 i) { return (u8)(i * 31 + (i >> 8)); }

/** Writes the bytes from *at on, as many as the socket takes. */
static void feed(int fd, u64 *at, u32 count)
{
    static u8 bytes[STEP];
    for (u32 i = 0; i < count; i++)
        bytes[i] = byte_at(*at + i);
    ssize_t n = send(fd, bytes, count, MSG_DONTWAIT);
    CHECK(n > 0);
    *at += (u64)n;
}

/** Reads what comes next, and compares; how many. */
static u32 eat(spool_t *s, int fd, u64 *at, u32 room)
{
    static u8 bytes[STEP];
    ssize_t n = spool_recv(s, fd, bytes, room);
    if (n < 0) {
        CHECK_EQ(errno, EAGAIN);
        return 0;
    }
    for (ssize_t i = 0; i < n; i++)
        CHECK_EQ(bytes[i], byte_at(*at + (u64)i));
    *at += (u64)n;
    return (u32)n;
}

TEST(in_order_whatever_the_way)
{
    int fds[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    spool_t *s = spool_alloc();
    u64 in = 0, out = 0;
    u32 seed = 7;
    for (u32 round = 0; round < 2000; round++) {
        seed = seed * 1103515245u + 12345u;
        feed(fds[1], &in, 1 + seed % 9000);
        if ((seed >> 16) % 3 != 0)
            CHECK(spool_fill(s, fds[0], LIMIT) != 0);
        if ((seed >> 20) % 4 == 0)
            while (eat(s, fds[0], &out, 1 + (seed >> 8) % STEP) != 0)
                ;
        else
            eat(s, fds[0], &out, 1 + (seed >> 8) % STEP);
        CHECK(spool_bytes(s) <= in - out);
        if (in - out > 1u << 20)
            while (eat(s, fds[0], &out, STEP) != 0)
                ;
    }
    while (eat(s, fds[0], &out, STEP) != 0)
        ;
    CHECK_EQ(in, out);
    CHECK_EQ(spool_bytes(s), 0);
    close(fds[1]);
    CHECK_EQ(spool_fill(s, fds[0], LIMIT), 0); /* the end is for the reader */
    u8 byte;
    CHECK_EQ(spool_recv(s, fds[0], &byte, 1), 0);
    spool_free(s);
    spool_free(NULL);
    close(fds[0]);
}

TEST(no_more_than_its_limit)
{
    int fds[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    spool_t *s = spool_alloc();
    u64 in = 0, out = 0;
    u32 fills = 0;
    do
        feed(fds[1], &in, STEP);
    while (spool_fill(s, fds[0], 1u << 20) != 0 && ++fills < 1000);
    CHECK(fills > 10 && fills < 1000);
    CHECK(spool_bytes(s) <= 1u << 20);
    while (eat(s, fds[0], &out, STEP) != 0)
        ;
    CHECK_EQ(in, out);
    feed(fds[1], &in, STEP);
    CHECK(spool_fill(s, fds[0], 1u << 20) != 0);
    spool_free(s);
    close(fds[0]);
    close(fds[1]);
}

/** What was read does not stay on the disk. */
TEST(read_and_given_back)
{
    int fds[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    spool_t *s = spool_alloc();
    u64 in = 0, out = 0;
    for (u32 i = 0; i < 3000; i++) {
        feed(fds[1], &in, STEP);
        CHECK_EQ(spool_fill(s, fds[0], LIMIT), STEP);
        if (i > 100)
            CHECK_EQ(eat(s, fds[0], &out, STEP), STEP);
    }
    CHECK_EQ(spool_bytes(s), in - out);
    while (eat(s, fds[0], &out, STEP) != 0)
        ;
    CHECK_EQ(in, out);
    spool_free(s);
    close(fds[0]);
    close(fds[1]);
}

/** A full file system, as far as this process can tell: nothing is lost, the rest stays where it was. */
TEST(no_room_in_the_file_system)
{
    int fds[2];
    struct rlimit limit = {.rlim_cur = 25000, .rlim_max = 25000};
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    spool_t *s = spool_alloc();
    u64 in = 0, out = 0;
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (u32 i = 0; i < 3; i++) {
        feed(fds[1], &in, STEP);
        CHECK_EQ(spool_fill(s, fds[0], LIMIT), STEP);
    }
    CHECK_EQ(spool_bytes(s), 3 * STEP);
    feed(fds[1], &in, STEP);
    CHECK_EQ(spool_fill(s, fds[0], LIMIT), 0);
    while (eat(s, fds[0], &out, 700) != 0)
        ;
    CHECK_EQ(in, out);
    feed(fds[1], &in, STEP);
    CHECK_EQ(spool_fill(s, fds[0], LIMIT), STEP);
    CHECK_EQ(eat(s, fds[0], &out, STEP), STEP);
    spool_free(s);
    close(fds[0]);
    close(fds[1]);
}

/** TMPDIR is a place where nothing can be written, and then one where it can. */
TEST(other_directories)
{
    int fds[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    setenv("TMPDIR", "/proc/self/nowhere", 1);
    spool_t *s = spool_alloc();
    u64 in = 0, out = 0;
    feed(fds[1], &in, STEP);
    CHECK_EQ(spool_fill(s, fds[0], LIMIT), STEP); /* in /var/tmp or /tmp */
    CHECK_EQ(eat(s, fds[0], &out, STEP), STEP);
    spool_free(s);
    close(fds[0]);
    close(fds[1]);
}
