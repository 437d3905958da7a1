/* SPDX-License-Identifier: Apache-2.0 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "atomics.h"

/* What is moved at once: what a socket of VPP's holds. */
#define CHUNK_BYTES (256u << 10)
/* Of what was read, so much is given back to the file system at once. */
#define HOLE_BYTES (1u << 20)

struct spool {
    pthread_mutex_t lock;
    int fd; /* -1: not opened yet */
    bool unusable; /* no directory takes such a file */
    u64 start, end; /* of what is in the file */
    u64 given_back; /* up to there */
    u32 rest_start, rest_end; /* of what is in `chunk`: came later, and found no room in the file */
    u64 bytes; /* of both; read without the lock */
    u8 chunk[CHUNK_BYTES];
};

spool_t *spool_alloc(void)
{
    spool_t *s = malloc(sizeof *s);
    if (s == NULL)
        return NULL;
    memset(s, 0, offsetof(spool_t, chunk)); /* the rest is not touched before it is needed */
    pthread_mutex_init(&s->lock, NULL);
    s->fd = -1;
    return s;
}

void spool_free(spool_t *s)
{
    if (s == NULL)
        return;
    if (s->fd >= 0)
        close(s->fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

u64 spool_bytes(const spool_t *s) { return load_relaxed(&s->bytes); }

static int open_in(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    /* Not every file system can do that. */
    char path[512];
    int n = snprintf(path, sizeof path, "%s/vapi-dump.XXXXXX", dir);
    if (n < 0 || (size_t)n >= sizeof path || (fd = mkostemp(path, O_CLOEXEC)) < 0)
        return -1;
    unlink(path);
    return fd;
}

/** Where large files may be, which /tmp often is not the place for: that may be memory. */
static bool open_file(spool_t *s)
{
    const char *dirs[] = {secure_getenv("TMPDIR"), "/var/tmp", "/tmp"};
    for (u32 i = 0; i < sizeof dirs / sizeof *dirs && s->fd < 0; i++)
        if (dirs[i] != NULL && dirs[i][0] != 0)
            s->fd = open_in(dirs[i]);
    s->unusable = s->fd < 0;
    return !s->unusable;
}

/** Lock. */
static void count(spool_t *s)
{
    if (s->start == s->end && s->end != 0) {
        s->start = s->end = s->given_back = 0;
        /* Best effort, here and below: what is not given back is written over. */
        int ignored = ftruncate(s->fd, 0);
        (void)ignored;
    } else if (s->start - s->given_back >= HOLE_BYTES) {
        fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)s->given_back,
                  (off_t)(s->start - s->given_back));
        s->given_back = s->start;
    }
    store_relaxed(&s->bytes, s->end - s->start + (s->rest_end - s->rest_start));
}

/** What is in the spool; 0: nothing. Lock. */
static ssize_t take(spool_t *s, void *to, size_t room)
{
    if (s->start != s->end) {
        u64 left = s->end - s->start;
        ssize_t n = pread(s->fd, to, room < left ? room : (size_t)left, (off_t)s->start);
        s->start += n > 0 ? (u64)n : 0;
        errno = n > 0 ? 0 : EIO; /* a file that lost what was in it */
        return n > 0 ? n : -1;
    }
    u32 left = s->rest_end - s->rest_start;
    u32 n = room < left ? (u32)room : left;
    if (n != 0)
        memcpy(to, s->chunk + s->rest_start, n);
    s->rest_start += n;
    if (s->rest_start == s->rest_end)
        s->rest_start = s->rest_end = 0;
    return (ssize_t)n;
}

ssize_t spool_recv(spool_t *s, int socket, void *to, size_t room)
{
    pthread_mutex_lock(&s->lock);
    ssize_t n = take(s, to, room);
    if (n == 0)
        n = recv(socket, to, room, MSG_DONTWAIT);
    else
        count(s);
    pthread_mutex_unlock(&s->lock);
    return n;
}

/** Writes what is in `chunk` behind the rest of the file; what finds no room stays there. Lock. */
static void write_out(spool_t *s)
{
    while (s->rest_start != s->rest_end) {
        ssize_t n =
            pwrite(s->fd, s->chunk + s->rest_start, s->rest_end - s->rest_start, (off_t)s->end);
        if (n <= 0)
            return;
        s->end += (u64)n;
        s->rest_start += (u32)n;
    }
    s->rest_start = s->rest_end = 0;
}

size_t spool_fill(spool_t *s, int socket, u64 limit)
{
    ssize_t n = 0;
    pthread_mutex_lock(&s->lock);
    /* Nothing is taken before what found no room has found it: the order would be lost. */
    bool goes = !s->unusable && s->bytes + CHUNK_BYTES <= limit && (s->fd >= 0 || open_file(s));
    if (goes && s->rest_start == s->rest_end) {
        n = recv(socket, s->chunk, sizeof s->chunk, MSG_DONTWAIT);
        s->rest_start = 0;
        s->rest_end = n > 0 ? (u32)n : 0;
        write_out(s);
        count(s);
    }
    pthread_mutex_unlock(&s->lock);
    return n > 0 ? (size_t)n : 0;
}
