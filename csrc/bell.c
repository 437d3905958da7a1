/* SPDX-License-Identifier: Apache-2.0 */
#include "bell.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "byteorder.h"
#include "handshake.h"
#include "sockio.h"

/* One frame serves for many rings, a few bytes of it each: VPP wakes to read them, but has a message to
 * handle only when the frame is whole. It does not mind what follows the ping in it. */
#define RING_BYTES 8u
#define BELL_BYTES (16 * RING_BYTES)
#define PING_BYTES (sizeof(msgbuf_t) + sizeof(msg_control_ping_t))
/* Listening sockets of one process that are looked at. */
#define MOST_CANDIDATES 32

#define PART_NS (500 * NS_PER_MS)

void bell_init(bell_t *b)
{
    memset(b, 0, sizeof *b);
    pthread_mutex_init(&b->lock, NULL);
    b->fd = -1;
}

vapi_error_e bell_open(bell_t *b, const char *path, const char *name, msg_table_t *table,
                       deadline_t deadline, error_rec_t *error)
{
    int fd;
    vapi_error_e rv = sockio_connect(path, deadline, &fd, error);
    if (rv != VAPI_OK)
        return rv;
    rv = handshake_sockclnt_create(fd, name, path, table, &b->client_index_raw, deadline, error);
    if (rv != VAPI_OK) {
        close(fd);
        return rv;
    }
    b->fd = fd;
    b->registered = true;
    memcpy(b->path, path, strlen(path) + 1); /* sockio_connect() took it, so it fits */
    return VAPI_OK;
}

/** A control_ping with the given client_index, framed, in a frame of `bytes`. */
static void frame(u8 *out, u32 bytes, u16 id, u32 client_index_raw)
{
    msgbuf_t header;
    msg_control_ping_t body = {.id = htobe16(id), .client_index = client_index_raw};
    sockio_frame_header(&header, bytes - (u32)sizeof header);
    memset(out, 0, bytes);
    memcpy(out, &header, sizeof header);
    memcpy(out + sizeof header, &body, sizeof body);
}

/** Sends at most `most` bytes of what is left of the frame, or of a new one. Lock held. */
static bool send_part(bell_t *b, u32 most)
{
    u8 bytes[BELL_BYTES];
    frame(bytes, sizeof bytes, ID_CONTROL_PING, UINT32_MAX);
    u32 left = b->left != 0 ? b->left : (u32)sizeof bytes;
    ssize_t n = send(b->fd, bytes + sizeof bytes - left, left < most ? left : most,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        b->left = left - (u32)n;
    return n > 0;
}

/** Whether the next byte begins a frame, after this. */
static bool finish_frame(bell_t *b)
{
    return b->left == 0 || (send_part(b, BELL_BYTES) && b->left == 0);
}

void bell_arm(bell_t *b, u16 id_control_ping)
{
    u8 bytes[PING_BYTES];
    if (b->fd < 0)
        return;
    frame(bytes, sizeof bytes, id_control_ping, b->client_index_raw);
    pthread_mutex_lock(&b->lock);
    /* Not in the middle of a frame. The socket was just opened, so it is all or nothing; without it only a
       killed process is worse off. */
    if (finish_frame(b)) {
        ssize_t n = send(b->fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)n;
    }
    pthread_mutex_unlock(&b->lock);
}

bool bell_ring(bell_t *b)
{
    if (b->fd < 0 || pthread_mutex_trylock(&b->lock) != 0)
        return false; /* somebody else is ringing it */
    bool rung = send_part(b, RING_BYTES);
    pthread_mutex_unlock(&b->lock);
    return rung;
}

bool bell_broken(bell_t *b)
{
    struct pollfd p = {.fd = b->fd, .events = POLLRDHUP};
    return b->fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void bell_close(bell_t *b, bool part)
{
    /* What says goodbye must not be taken for the rest of a frame. */
    if (b->fd >= 0 && part && b->registered && !bell_broken(b) && finish_frame(b))
        handshake_part(b->fd, b->client_index_raw, deadline_in(PART_NS));
    else if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
    b->registered = false;
    pthread_mutex_destroy(&b->lock);
}

/** Inodes of the process's sockets. */
static u32 sockets_of(int pid, u64 *inodes, u32 max)
{
    char path[300], target[64];
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *dir = opendir(path);
    u32 count = 0;
    if (dir == NULL)
        return 0;
    for (struct dirent *e; count < max && (e = readdir(dir)) != NULL;) {
        snprintf(path, sizeof path, "/proc/%d/fd/%s", pid, e->d_name);
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n <= 0)
            continue;
        target[n] = 0;
        if (strncmp(target, "socket:[", 8) == 0)
            inodes[count++] = strtoull(target + 8, NULL, 10);
    }
    closedir(dir);
    return count;
}

static bool is_api_name(const char *path)
{
    size_t n = strlen(path);
    return path[0] == '/' && n > 8 && strstr(path, "api") != NULL &&
           strcmp(path + n - 5, ".sock") == 0;
}

void bell_find(bell_t *b, int pid, const char *name, msg_table_t *table, deadline_t deadline)
{
    u64 inodes[MOST_CANDIDATES * 8];
    u32 count = sockets_of(pid, inodes, MOST_CANDIDATES * 8);
    char line[512], path[256];
    snprintf(line, sizeof line, "/proc/%d/net/unix", pid);
    FILE *f = count == 0 ? NULL : fopen(line, "re");
    if (f == NULL)
        return;
    /* Num RefCount Protocol Flags Type St Inode Path; a listener has flag 0x10000. */
    while (b->fd < 0 && fgets(line, sizeof line, f) != NULL) {
        unsigned long flags;
        unsigned long long inode;
        path[0] = 0;
        if (sscanf(line, "%*s %*s %*s %lx %*s %*s %llu %255s", &flags, &inode, path) < 3 ||
            (flags & 0x10000) == 0 || !is_api_name(path))
            continue;
        for (u32 i = 0; i < count; i++)
            if (inodes[i] == inode &&
                bell_open(b, path, name, table, deadline_slice(deadline, NS_PER_S), NULL) ==
                    VAPI_OK)
                break;
    }
    fclose(f);
}
