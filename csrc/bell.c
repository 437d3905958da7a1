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

#define BELL_BYTES (sizeof(msgbuf_t) + sizeof(msg_control_ping_t))
/* Listening sockets of one process that are looked at. */
#define MOST_CANDIDATES 32

void bell_init(bell_t *b, int fd)
{
    pthread_mutex_init(&b->lock, NULL);
    b->fd = fd;
    b->left = 0;
}

static void frame(u8 *out)
{
    msgbuf_t header;
    msg_control_ping_t body = {.id = htobe16(ID_CONTROL_PING), .client_index = UINT32_MAX};
    sockio_frame_header(&header, sizeof body);
    memcpy(out, &header, sizeof header);
    memcpy(out + sizeof header, &body, sizeof body);
}

bool bell_ring(bell_t *b)
{
    u8 bytes[BELL_BYTES];
    bool rung = false;
    if (b->fd < 0 || pthread_mutex_trylock(&b->lock) != 0)
        return false; /* somebody else is ringing it */
    frame(bytes);
    u32 left = b->left != 0 ? b->left : (u32)BELL_BYTES;
    ssize_t n = send(b->fd, bytes + BELL_BYTES - left, left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
        b->left = left - (u32)n;
        rung = true;
    }
    pthread_mutex_unlock(&b->lock);
    return rung;
}

bool bell_broken(bell_t *b)
{
    struct pollfd p = {.fd = b->fd, .events = POLLRDHUP};
    return b->fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void bell_close(bell_t *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
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
    return path[0] == '/' && n > 8 && strstr(path, "api") != NULL && strcmp(path + n - 5, ".sock") == 0;
}

void bell_find(bell_t *b, int pid, deadline_t deadline)
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
                sockio_connect(path, deadline_slice(deadline, 100 * NS_PER_MS), &b->fd, NULL) ==
                    VAPI_OK)
                break;
    }
    fclose(f);
}
