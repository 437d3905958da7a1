/* SPDX-License-Identifier: Apache-2.0 */
#include "peer_socket.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "peer_client.h"
#include "peer_dispatch.h"
#include "peer_out.h"
#include "sockio.h"

#define READ_BYTES (64u << 10)
#define ACCEPT_BATCH 64u
/* The bytes that a descriptor is sent with, outside of the framing. */
static const char fd_mark[] = {'f', 'd', 'm', 's', 'g'};

static int bind_and_listen(peer_t *p, int fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat st;
    size_t length = strlen(path);
    if (length == 0 || length > SOCKIO_MAX_PATH)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, length + 1);
    if (lstat(path, &st) == 0) {
        /* What a dead peer left; never somebody's file. */
        if (!S_ISSOCK(st.st_mode))
            return -EEXIST;
        if (unlink(path) != 0 && errno != ENOENT)
            return -errno;
    }
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        return -errno;
    if (chmod(path, 0660) != 0 || listen(fd, SOMAXCONN) != 0 || lstat(path, &st) != 0) {
        int rv = -errno;
        unlink(path);
        return rv;
    }
    p->listen_device = st.st_dev;
    p->listen_inode = st.st_ino;
    return 0;
}

int peer_socket_listen(peer_t *p)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int rv = bind_and_listen(p, fd, p->options.socket_path);
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = PEER_EVENT_LISTEN};
    if (rv == 0 && epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0) {
        rv = -errno;
        unlink(p->options.socket_path);
    }
    if (rv != 0) {
        close(fd);
        return rv;
    }
    p->listen_fd = fd;
    return 0;
}

void peer_socket_unlisten(peer_t *p)
{
    struct stat st;
    if (p->listen_fd < 0)
        return;
    close(p->listen_fd);
    p->listen_fd = -1;
    const char *path = p->options.socket_path;
    if (lstat(path, &st) == 0 && st.st_dev == p->listen_device && st.st_ino == p->listen_inode)
        unlink(path);
}

void peer_socket_accept(peer_t *p)
{
    for (u32 i = 0; i < ACCEPT_BATCH; i++) {
        int fd = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        peer_client_t *c = peer_client_add(p, PEER_SOCKET);
        if (c == NULL) {
            close(fd);
            peer_count(p, dropped_clients, 1);
            continue;
        }
        c->fd = fd;
        c->pid = (u32)sockio_peer_pid(fd);
        c->epoll_events = EPOLLIN;
        struct epoll_event e = {.events = EPOLLIN, .data.u64 = c->id};
        if (epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
            peer_client_doom(p, c);
    }
}

void peer_socket_update_events(peer_t *p, peer_client_t *c)
{
    u32 want = 0;
    /* Not read while it must wait: its requests then queue up on its side. */
    if (!peer_client_is_busy(c) && !c->closing)
        want |= EPOLLIN;
    /* What is only waiting for its turn to be written goes out in this pass, mostly. */
    if (peer_buffer_length(&c->out) != 0 && !c->pass_armed && !c->dirty)
        want |= EPOLLOUT;
    if (want == c->epoll_events)
        return;
    struct epoll_event e = {.events = want, .data.u64 = c->id};
    if (epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, c->fd, &e) == 0)
        c->epoll_events = want;
}

/** Whole frames of the input, as long as they may be handled; true if there were any. */
static bool handle_frames(peer_t *p, peer_client_t *c)
{
    bool moved = false;
    while (!c->doomed && !c->closing && !peer_client_is_busy(c)) {
        size_t there = peer_buffer_length(&c->in);
        const u8 *frame = c->in.bytes + c->in.start;
        if (there < sizeof(msgbuf_t))
            break;
        u32 length = load_be32(frame + offsetof(msgbuf_t, data_len));
        if (length > p->options.frame_max_bytes) {
            peer_count(p, dropped_clients, 1);
            peer_client_doom(p, c);
            break;
        }
        if (there - sizeof(msgbuf_t) < length)
            break;
        c->in.start += sizeof(msgbuf_t) + (size_t)length;
        moved = true;
        peer_dispatch_socket(p, c, frame + sizeof(msgbuf_t), length);
    }
    peer_buffer_consume(&c->in, 0);
    return moved;
}

static void read_socket(peer_t *p, peer_client_t *c)
{
    u8 *to = peer_buffer_reserve(&c->in, READ_BYTES);
    if (to == NULL) {
        peer_client_doom(p, c);
        return;
    }
    ssize_t n = recv(c->fd, to, READ_BYTES, MSG_DONTWAIT);
    if (n > 0) {
        c->in.end += (size_t)n;
        handle_frames(p, c);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        peer_client_doom(p, c);
    }
    if (!c->doomed)
        peer_socket_update_events(p, c);
}

bool peer_socket_resume(peer_t *p, peer_client_t *c)
{
    bool moved = handle_frames(p, c);
    if (!c->doomed)
        peer_socket_update_events(p, c);
    return moved;
}

void peer_socket_event(peer_t *p, u64 client_id, u32 events)
{
    peer_client_t *c = peer_client_find(p, client_id);
    if (c == NULL)
        return;
    if ((events & EPOLLOUT) != 0)
        peer_out_flush(p, c);
    if ((events & EPOLLIN) != 0 && !c->doomed && (c->epoll_events & EPOLLIN) != 0)
        read_socket(p, c);
    else if ((events & (EPOLLHUP | EPOLLERR)) != 0 && !c->doomed)
        peer_client_doom(p, c);
}

bool peer_socket_pass_fd(peer_t *p, peer_client_t *c)
{
    int unread = 0;
    if (!c->pass_armed) {
        if (peer_buffer_length(&c->out) != 0)
            return false;
        c->pass_armed = true;
    }
    /* A client that reads the reply and these bytes in one go would lose the descriptor. */
    if (ioctl(c->fd, SIOCOUTQ, &unread) == 0 && unread != 0 && !deadline_passed(c->pass_after))
        return false;
    int rv = sockio_send_fd(c->fd, fd_mark, sizeof fd_mark, c->passed_fd, DEADLINE_NOW);
    if ((rv == -EAGAIN || rv == -ETIMEDOUT) && !deadline_passed(c->pass_after))
        return false;
    close(c->passed_fd);
    c->passed_fd = -1;
    c->pass_armed = false;
    p->waiting_fds--;
    if (rv != 0)
        peer_client_doom(p, c);
    else
        peer_out_flush(p, c);
    return true;
}
