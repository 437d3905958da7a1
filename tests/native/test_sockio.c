/* SPDX-License-Identifier: Apache-2.0 */
#include "threads_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "byteorder.h"
#include "sockio.h"

static void make_pair(int fds[2])
{
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

static u32 open_fds(void)
{
    u32 n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* ---- connecting ----------------------------------------------------------------------------- */

static char dir[64];

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(dir, sizeof dir, "/tmp/test_sockio.XXXXXX");
    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int bind_to(const char *path, int type)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(strlen(path) < sizeof a.sun_path);
    memcpy(a.sun_path, path, strlen(path) + 1);
    CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void clean_up(const char *path)
{
    unlink(path);
    rmdir(dir);
}

static void check_refused(const char *path, vapi_error_e code, int os_errno)
{
    int fd = 7;
    error_rec_t error;
    error_clear(&error);
    u32 before = open_fds();
    CHECK_EQ(sockio_connect(path, DEADLINE_NOW, &fd, &error), code);
    CHECK_EQ(error.os_errno, os_errno);
    CHECK_EQ(fd, -1);
    CHECK_HAS(error.text, path);
    CHECK_EQ(open_fds(), before);
}

TEST(connects_to_a_listener)
{
    const char *path = path_of("api.sock");
    int listener = bind_to(path, SOCK_STREAM), fd;
    error_rec_t error;
    CHECK_EQ(listen(listener, 4), 0);
    CHECK_EQ(sockio_connect(path, deadline_in(NS_PER_S), &fd, &error), VAPI_OK);
    CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK_EQ(sockio_peer_pid(fd), getpid());
    CHECK_EQ(sockio_peer_pid(-1), 0);
    close(fd);
    close(listener);
    clean_up(path);
}

TEST(paths_that_cannot_be_connected_to)
{
    char path[110];
    check_refused("", VAPI_EINVAL, EINVAL);
    memset(path, 'p', sizeof path);
    path[0] = '/';
    path[108] = 0;
    check_refused(path, VAPI_EINVAL, ENAMETOOLONG);
    path[107] = 0;
    check_refused(path, VAPI_ECON_FAIL, ENOENT);
    check_refused("/nonexistent/api.sock", VAPI_ECON_FAIL, ENOENT);
}

TEST(nobody_listens)
{
    const char *path = path_of("api.sock");
    close(bind_to(path, SOCK_STREAM));
    check_refused(path, VAPI_ECON_FAIL, ECONNREFUSED);
    clean_up(path);
}

TEST(not_a_socket)
{
    const char *path = path_of("file");
    close(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    check_refused(path, VAPI_ENOTSOCK, ENOTSOCK);
    check_refused(dir, VAPI_ENOTSOCK, ENOTSOCK);
    check_refused("/dev/null", VAPI_ENOTSOCK, ENOTSOCK);
    clean_up(path);
}

TEST(a_socket_of_another_type)
{
    const char *path = path_of("datagram");
    int fd = bind_to(path, SOCK_DGRAM);
    check_refused(path, VAPI_ECON_FAIL, EPROTOTYPE);
    close(fd);
    clean_up(path);
}

TEST(no_permission)
{
    const char *path = path_of("api.sock");
    int listener = bind_to(path, SOCK_STREAM);
    CHECK_EQ(listen(listener, 4), 0);
    CHECK_EQ(chmod(path, 0600), 0);
    CHECK_EQ(chmod(dir, 0755), 0);
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(2);
        if (geteuid() == 65534)
            check_refused(path, VAPI_EACCES, EACCES);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(listener);
    clean_up(path);
}

TEST(a_listener_that_does_not_accept)
{
    const char *path = path_of("api.sock");
    int listener = bind_to(path, SOCK_STREAM), fds[8], fd;
    error_rec_t error;
    CHECK_EQ(listen(listener, 0), 0);
    u32 n = 0;
    while (n < 8 && sockio_connect(path, DEADLINE_NOW, &fds[n], &error) == VAPI_OK)
        n++;
    CHECK(n >= 1 && n < 8);
    CHECK_EQ(error.os_errno, ETIMEDOUT);
    u64 start = now_ns();
    CHECK_EQ(sockio_connect(path, deadline_in(20 * NS_PER_MS), &fd, &error), VAPI_ECON_FAIL);
    CHECK(now_ns() - start >= 20 * NS_PER_MS);
    int accepted = accept(listener, NULL, NULL);
    CHECK(accepted >= 0);
    CHECK_EQ(sockio_connect(path, deadline_in(10 * NS_PER_S), &fd, &error), VAPI_OK);
    clean_up(path);
}

/* ---- bytes ---------------------------------------------------------------------------------- */

TEST(what_is_sent_arrives)
{
    int fds[2];
    char got[6] = {0};
    make_pair(fds);
    CHECK_EQ(sockio_send_all(fds[0], "abcde", 5, DEADLINE_NOW), 0);
    CHECK_EQ(sockio_recv_all(fds[1], got, 2, DEADLINE_NOW), 0);
    CHECK_EQ(sockio_recv_all(fds[1], got + 2, 3, DEADLINE_NOW), 0);
    CHECK_STR(got, "abcde");
    CHECK_EQ(sockio_recv_all(fds[1], got, 0, DEADLINE_NOW), 0);
    CHECK_EQ(sockio_send_all(fds[0], got, 0, DEADLINE_NOW), 0);
    CHECK_EQ(sockio_recv_all(fds[1], got, 1, DEADLINE_NOW), -ETIMEDOUT);
}

TEST(receiving_ends_at_the_deadline)
{
    int fds[2];
    char got[4];
    make_pair(fds);
    CHECK_EQ(send(fds[0], "ab", 2, 0), 2);
    u64 start = now_ns();
    CHECK_EQ(sockio_recv_all(fds[1], got, 4, deadline_in(30 * NS_PER_MS)), -ETIMEDOUT);
    CHECK(now_ns() - start >= 30 * NS_PER_MS);
    start = now_ns();
    CHECK_EQ(sockio_wait(fds[1], POLLIN, deadline_in(30 * NS_PER_MS)), -ETIMEDOUT);
    CHECK(now_ns() - start >= 30 * NS_PER_MS);
    CHECK_EQ(sockio_wait(fds[1], POLLIN | POLLOUT, DEADLINE_NEVER), POLLOUT);
}

TEST(sending_ends_at_the_deadline)
{
    int fds[2];
    static u8 much[1 << 22];
    make_pair(fds);
    u64 start = now_ns();
    CHECK_EQ(sockio_send_all(fds[0], much, sizeof much, deadline_in(30 * NS_PER_MS)), -ETIMEDOUT);
    CHECK(now_ns() - start >= 30 * NS_PER_MS);
}

typedef struct {
    int fd;
    const u8 *bytes;
    size_t length;
    size_t piece;
    int result;
} sender_t;

static void send_in_pieces(void *argument)
{
    sender_t *s = argument;
    for (size_t at = 0; at < s->length; at += s->piece) {
        size_t n = s->length - at < s->piece ? s->length - at : s->piece;
        s->result = sockio_send_all(s->fd, s->bytes + at, n, deadline_in(10 * NS_PER_S));
        if (s->result != 0)
            return;
    }
}

TEST(a_message_one_byte_at_a_time)
{
    int fds[2];
    u8 frame[16 + 300], got[sizeof frame];
    msgbuf_t header;
    make_pair(fds);
    sockio_frame_header(&header, 300);
    memcpy(frame, &header, 16);
    for (u32 i = 0; i < 300; i++)
        frame[16 + i] = (u8)i;
    sender_t s = {.fd = fds[0], .bytes = frame, .length = sizeof frame, .piece = 1};
    test_thread_t t;
    thread_start(&t, send_in_pieces, &s);
    CHECK_EQ(sockio_recv_all(fds[1], got, sizeof got, deadline_in(10 * NS_PER_S)), 0);
    thread_join(&t);
    CHECK_EQ(s.result, 0);
    CHECK_MEM(got, frame, sizeof got);
    CHECK_EQ(load_be32(got + 8), 300);
}

TEST(more_than_the_kernel_buffers)
{
    enum { LENGTH = 3000001 };
    int fds[2];
    u8 *bytes = malloc(LENGTH), *got = malloc(LENGTH);
    for (u32 i = 0; i < LENGTH; i++)
        bytes[i] = (u8)(i * 31 >> 3);
    make_pair(fds);
    sender_t s = {.fd = fds[0], .bytes = bytes, .length = LENGTH, .piece = LENGTH};
    test_thread_t t;
    thread_start(&t, send_in_pieces, &s);
    CHECK_EQ(sockio_recv_all(fds[1], got, LENGTH, deadline_in(10 * NS_PER_S)), 0);
    thread_join(&t);
    CHECK_EQ(s.result, 0);
    CHECK_MEM(got, bytes, LENGTH);
    free(bytes);
    free(got);
}

TEST(the_other_side_closes)
{
    int fds[2];
    char got[4];
    make_pair(fds);
    CHECK_EQ(send(fds[0], "ab", 2, 0), 2);
    close(fds[0]);
    CHECK_EQ(sockio_recv_all(fds[1], got, 4, DEADLINE_NEVER), -ECONNRESET);
    CHECK_EQ(sockio_recv_all(fds[1], got, 1, DEADLINE_NOW), -ECONNRESET);
    /* No SIGPIPE either. */
    CHECK_EQ(sockio_send_all(fds[1], "x", 1, DEADLINE_NEVER), -ECONNRESET);
    CHECK_EQ(sockio_send_fd(fds[1], "x", 1, 0, DEADLINE_NEVER), -ECONNRESET);
    int passed = 5;
    CHECK_EQ(sockio_recv_fd(fds[1], got, 1, &passed, DEADLINE_NEVER), -ECONNRESET);
    CHECK_EQ(passed, -1);
}

TEST(a_descriptor_that_is_none)
{
    char got;
    int passed;
    CHECK_EQ(sockio_recv_all(-1, &got, 1, DEADLINE_NOW), -EBADF);
    CHECK_EQ(sockio_send_all(-1, "x", 1, DEADLINE_NOW), -EBADF);
    CHECK_EQ(sockio_send_fd(-1, "x", 1, 0, DEADLINE_NOW), -EBADF);
    CHECK_EQ(sockio_recv_fd(-1, &got, 1, &passed, DEADLINE_NOW), -EBADF);
}

/* ---- signals -------------------------------------------------------------------------------- */

static void on_signal(int signal_number) { (void)signal_number; }

typedef struct {
    pthread_t target;
    test_thread_t *watched; /* NULL: the main thread */
    u32 stop;
    int fd; /* gets a byte after `signals` */
    u32 signals;
} signaller_t;

static void send_signals(void *argument)
{
    signaller_t *s = argument;
    for (u32 i = 0; load_acquire(&s->stop) == 0; i++) {
        while (task_state(getpid(), getpid()) != 'S' && load_acquire(&s->stop) == 0)
            sched_yield();
        if (load_acquire(&s->stop) != 0)
            break;
        pthread_kill(s->target, SIGUSR1);
        if (i + 1 == s->signals)
            CHECK_EQ(send(s->fd, "x", 1, 0), 1);
    }
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART */
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
}

TEST(a_signal_ends_wait)
{
    int fds[2];
    make_pair(fds);
    catch_signals();
    signaller_t s = {.target = pthread_self()};
    test_thread_t t;
    thread_start(&t, send_signals, &s);
    CHECK_EQ(sockio_wait(fds[0], POLLIN, DEADLINE_NEVER), -EINTR);
    store_release(&s.stop, 1);
    thread_join(&t);
}

TEST(signals_do_not_tear_messages)
{
    int fds[2];
    char got = 0;
    make_pair(fds);
    catch_signals();
    signaller_t s = {.target = pthread_self(), .fd = fds[1], .signals = 50};
    test_thread_t t;
    thread_start(&t, send_signals, &s);
    CHECK_EQ(sockio_recv_all(fds[0], &got, 1, deadline_in(15 * NS_PER_S)), 0);
    CHECK_EQ(got, 'x');
    store_release(&s.stop, 1);
    thread_join(&t);
}

/* ---- descriptors ---------------------------------------------------------------------------- */

/** What a peer that behaves, or one that does not, sends. */
static void send_with_fds(int fd, const char *bytes, size_t length, const int *fds, u32 count)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(64 * sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (count != 0) {
        m.msg_control = control.space;
        m.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, count * sizeof(int));
    }
    CHECK_EQ(sendmsg(fd, &m, 0), length);
}

static int make_memfd(char content)
{
    int fd = memfd_create("passed", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, &content, 1), 1);
    return fd;
}

static char content_of(int fd)
{
    char c = 0;
    CHECK_EQ(pread(fd, &c, 1, 0), 1);
    return c;
}

TEST(a_descriptor_is_passed)
{
    int fds[2], passed;
    char got[6] = {0};
    make_pair(fds);
    int fd = make_memfd('m');
    CHECK_EQ(sockio_send_fd(fds[0], "fdmsg", 5, fd, DEADLINE_NOW), 0);
    close(fd);
    CHECK_EQ(sockio_recv_fd(fds[1], got, 5, &passed, DEADLINE_NOW), 0);
    CHECK_STR(got, "fdmsg");
    CHECK_EQ(content_of(passed), 'm');
    CHECK((fcntl(passed, F_GETFD) & FD_CLOEXEC) != 0);
}

TEST(the_descriptor_comes_with_a_part)
{
    int fds[2], passed;
    char got[6] = {0};
    make_pair(fds);
    int fd = make_memfd('p');
    u32 before = open_fds();
    send_with_fds(fds[0], "fd", 2, NULL, 0);
    send_with_fds(fds[0], "m", 1, &fd, 1);
    send_with_fds(fds[0], "sgNEXT", 6, NULL, 0);
    CHECK_EQ(sockio_recv_fd(fds[1], got, 5, &passed, DEADLINE_NOW), 0);
    CHECK_STR(got, "fdmsg");
    CHECK_EQ(content_of(passed), 'p');
    CHECK_EQ(open_fds(), before + 1);
    /* Not a byte more was taken. */
    CHECK_EQ(sockio_recv_all(fds[1], got, 4, DEADLINE_NOW), 0);
    CHECK_MEM(got, "NEXT", 4);
}

TEST(no_descriptor_comes)
{
    int fds[2], passed = 3;
    char got[5];
    make_pair(fds);
    send_with_fds(fds[0], "fdmsg", 5, NULL, 0);
    CHECK_EQ(sockio_recv_fd(fds[1], got, 5, &passed, DEADLINE_NOW), -EBADMSG);
    CHECK_EQ(passed, -1);
}

TEST(more_descriptors_than_one)
{
    int many[40], fds[2], passed;
    char got[5];
    make_pair(fds);
    for (u32 count = 2; count <= 40; count += count < 6 ? 1 : 17) {
        for (u32 i = 0; i < count; i++)
            many[i] = make_memfd((char)('a' + i % 26));
        send_with_fds(fds[0], "fdmsg", 5, many, count);
        for (u32 i = 0; i < count; i++)
            close(many[i]);
        u32 before = open_fds();
        CHECK_EQ(sockio_recv_fd(fds[1], got, 5, &passed, DEADLINE_NOW), 0);
        CHECK_EQ(content_of(passed), 'a');
        CHECK_EQ(open_fds(), before + 1);
        close(passed);
    }
    /* In several messages. */
    int fd = make_memfd('z');
    u32 before = open_fds();
    for (u32 i = 0; i < 5; i++)
        send_with_fds(fds[0], "x", 1, &fd, 1);
    CHECK_EQ(sockio_recv_fd(fds[1], got, 5, &passed, DEADLINE_NOW), 0);
    CHECK_EQ(open_fds(), before + 1);
}

TEST(the_descriptor_is_closed_when_the_rest_does_not_come)
{
    int fds[2], passed;
    char got[5];
    make_pair(fds);
    int fd = make_memfd('c');
    u32 before = open_fds();
    send_with_fds(fds[0], "fd", 2, &fd, 1);
    CHECK_EQ(sockio_recv_fd(fds[1], got, 5, &passed, deadline_in(5 * NS_PER_MS)), -ETIMEDOUT);
    CHECK_EQ(passed, -1);
    CHECK_EQ(open_fds(), before);
    send_with_fds(fds[0], "fd", 2, &fd, 1);
    close(fds[0]);
    CHECK_EQ(sockio_recv_fd(fds[1], got, 5, &passed, DEADLINE_NEVER), -ECONNRESET);
    CHECK_EQ(passed, -1);
    CHECK_EQ(open_fds(), before - 1);
}

TEST(a_full_socket_takes_the_descriptor_later)
{
    int fds[2], passed;
    static u8 much[4096];
    make_pair(fds);
    u64 filled = 0;
    ssize_t n;
    while ((n = send(fds[0], much, sizeof much, MSG_NOSIGNAL)) > 0)
        filled += (u64)n;
    CHECK_EQ(sockio_send_fd(fds[0], "fdmsg", 5, fds[0], deadline_in(5 * NS_PER_MS)), -ETIMEDOUT);
    while (filled != 0) {
        n = recv(fds[1], much, sizeof much < filled ? sizeof much : filled, 0);
        CHECK(n > 0);
        filled -= (u64)n;
    }
    char got[5];
    CHECK_EQ(sockio_send_fd(fds[0], "fdmsg", 5, fds[0], DEADLINE_NOW), 0);
    CHECK_EQ(sockio_recv_fd(fds[1], got, 5, &passed, DEADLINE_NOW), 0);
}

TEST(a_frame_header)
{
    msgbuf_t h;
    memset(&h, 0xff, sizeof h);
    sockio_frame_header(&h, 0x01020304);
    static const u8 expected[16] = {[8] = 1, 2, 3, 4};
    CHECK_MEM(&h, expected, 16);
}
