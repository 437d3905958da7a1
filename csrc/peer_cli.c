/* SPDX-License-Identifier: Apache-2.0
 *
 * What an operator asks first: show_version, and cli_inband with a handful of commands.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer_client.h"
#include "peer_handlers.h"
#include "peer_network.h"
#include "peer_out.h"

/* Rows of "show runtime": enough for a reply of several KiB. */
#define RUNTIME_NODES 96u
#define LONGEST_LINE 256u

static void copy_text(char *to, size_t room, const char *text)
{
    size_t length = strlen(text);
    memcpy(to, text, length < room ? length : room - 1);
}

void peer_on_show_version(peer_t *p, const peer_call_t *call)
{
    mp_show_version_reply_t *r = peer_reply_begin(p, call, PEER_MSG_show_version_reply, sizeof *r);
    if (r == NULL)
        return;
    copy_text(r->program, sizeof r->program, p->options.program);
    copy_text(r->version, sizeof r->version, p->options.version);
    copy_text(r->build_date, sizeof r->build_date, p->options.build_date);
    copy_text(r->build_directory, sizeof r->build_directory, p->options.build_directory);
    peer_out_end(p, call->client);
}

__attribute__((format(printf, 2, 3))) static void say(peer_buffer_t *out, const char *format, ...)
{
    u8 *to = peer_buffer_reserve(out, LONGEST_LINE);
    va_list arguments;
    if (to == NULL)
        return;
    va_start(arguments, format);
    int n = vsnprintf((char *)to, LONGEST_LINE, format, arguments);
    va_end(arguments);
    if (n > 0)
        out->end += (u32)n < LONGEST_LINE ? (size_t)n : LONGEST_LINE - 1;
}

static void show_version(peer_t *p, peer_buffer_t *out)
{
    say(out, "%s v%s built by vapi_cffi on %s at %s\n", p->options.program, p->options.version,
        "localhost", p->options.build_date);
}

static void show_interface(peer_t *p, peer_buffer_t *out)
{
    const peer_network_t *n = p->network;
    say(out, "%-34s%-5s%8s  %s\n", "              Name", "Idx", "State", "MTU (L3/IP4/IP6/MPLS)");
    for (u32 i = 0; i < n->interface_count; i++) {
        const peer_interface_t *f = &n->interfaces[i];
        if (f->exists)
            say(out, "%-34s%-5u%8s  %u/%u/%u/%u\n", f->name, i, f->flags & 1 ? "up" : "down",
                f->mtu[0], f->mtu[1], f->mtu[2], f->mtu[3]);
    }
}

static void show_fib_summary(peer_t *p, peer_buffer_t *out)
{
    const peer_network_t *n = p->network;
    u32 by_length[33] = {0};
    for (u32 i = 0; i < n->route_count; i++)
        if (n->routes[i].used && n->routes[i].is_best && n->routes[i].prefix.af == 0 &&
            n->routes[i].table_id == 0)
            by_length[n->routes[i].prefix.len]++;
    say(out, "ipv4-VRF:0, fib_index:0, flow hash:[src dst sport dport proto flowlabel ]\n");
    say(out, "    Prefix length         Count\n");
    for (u32 i = 0; i <= 32; i++)
        if (by_length[i] != 0)
            say(out, "%20u%16u\n", i, by_length[i]);
}

static void show_errors(peer_t *p, peer_buffer_t *out)
{
    say(out, "%10s%40s%40s%10s\n", "Count", "Node", "Reason", "Severity");
    say(out, "%10llu%40s%40s%10s\n", (unsigned long long)p->stats.dropped_messages, "api-rx",
        "message dropped", "error");
}

static void show_runtime(peer_t *p, peer_buffer_t *out)
{
    say(out, "Time %.1f, %llu loops\n", (double)now_ns() / 1e9, (unsigned long long)p->stats.loops);
    say(out, "%-32s%-16s%12s%12s%12s\n", "Name", "State", "Calls", "Vectors", "Suspends");
    for (u32 i = 0; i < RUNTIME_NODES; i++) {
        char name[32];
        snprintf(name, sizeof name, "node-%u", i);
        say(out, "%-32s%-16s%12u%12u%12u\n", name, "event wait", 0, 0, i);
    }
}

static void show_clients_of(const peer_pool_t *pool, peer_buffer_t *out)
{
    for (u32 i = 0; i < pool->size; i++) {
        const peer_client_t *c = pool->at[i];
        if (c == NULL)
            continue;
        if (c->transport == PEER_SOCKET)
            say(out, "%20s %8d\n", c->name, c->fd);
        else
            say(out, "%20s %8u %14u 0x%016llx %s\n", c->name, c->pid, svm_queue_length(&c->queue),
                (unsigned long long)(uintptr_t)&c->queue, "OK");
    }
}

static void show_api_clients(peer_t *p, peer_buffer_t *out)
{
    if (p->shm_clients.used != 0) {
        say(out, "Shared memory clients\n");
        say(out, "%20s %8s %14s %18s %s\n", "Name", "PID", "Queue Length", "Queue VA", "Health");
        show_clients_of(&p->shm_clients, out);
    }
    say(out, "Socket clients\n%20s %8s\n", "Name", "Fildesc");
    show_clients_of(&p->sockets, out);
}

static void show_rings(const char *owner, const msg_rings_t *rings, u64 more, peer_buffer_t *out)
{
    for (u32 i = 0; i < rings->count; i++) {
        const msg_ring_t *r = &rings->rings[i];
        say(out, "%8s %8u %8u %8u %8u\n", owner, r->size, r->queue.maxsize,
            (u32)(r->hits + (i == 0 ? more : 0)), r->misses);
    }
}

/**
 * How often a message was taken from each ring. What VPP sends to sockets comes from the rings of the
 * main segment, too; the peer needs none for it, but counts it there.
 */
static void show_api_ring_stats(peer_t *p, peer_buffer_t *out)
{
    static const msg_rings_t none = {.count = 1};
    const peer_segment_t *main = p->classic;
    say(out, "Main API segment rings:\n");
    say(out, "%8s %8s %8s %8s %8s\n", "Owner", "Size", "Nitems", "Hits", "Misses");
    show_rings("vlib", main == NULL ? &none : &main->shm.rings, p->stats.sent_socket, out);
    if (main != NULL)
        show_rings("clnt", &main->shm.client_rings, 0, out);
    say(out, "%llu ring miss fallback allocations\n", (unsigned long long)p->stats.heap_replies);
    for (u32 i = 0; i < p->segment_count; i++) {
        const peer_segment_t *s = p->segments[i];
        if (s == main || s->owner == NULL)
            continue;
        say(out, "%s segment rings:\n", s->owner->name);
        say(out, "%8s %8s %8s %8s %8s\n", "Owner", "Size", "Nitems", "Hits", "Misses");
        show_rings("vlib", &s->shm.rings, 0, out);
        show_rings("clnt", &s->shm.client_rings, 0, out);
    }
}

static const struct {
    const char *command;
    void (*show)(peer_t *p, peer_buffer_t *out);
} commands[] = {
    {"show version", show_version},
    {"show interface", show_interface},
    {"show ip fib summary", show_fib_summary},
    {"show errors", show_errors},
    {"show runtime", show_runtime},
    {"show api clients", show_api_clients},
    {"show api ring-stats", show_api_ring_stats},
};

/** The command with its white space squeezed to single blanks. */
static void squeeze(char *to, size_t room, const char *from, size_t length)
{
    size_t n = 0;
    for (size_t i = 0; i < length && from[i] != 0 && n + 1 < room; i++) {
        char c = from[i] == '\t' || from[i] == '\n' ? ' ' : from[i];
        if (c == ' ' && (n == 0 || to[n - 1] == ' '))
            continue;
        to[n++] = c;
    }
    if (n != 0 && to[n - 1] == ' ')
        n--;
    to[n] = 0;
}

void peer_on_cli_inband(peer_t *p, const peer_call_t *call)
{
    const mp_cli_inband_t *m = (const void *)call->body;
    peer_buffer_t out = {0};
    char command[256];
    bool known = false;
    squeeze(command, sizeof command, (const char *)(m + 1), be32toh(m->length));
    for (u32 i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(command, commands[i].command) != 0)
            continue;
        commands[i].show(p, &out);
        known = true;
    }
    if (!known)
        say(&out, "unknown input `%.200s'\n", command);
    u32 length = (u32)peer_buffer_length(&out);
    mp_text_reply_t *r =
        peer_reply_begin(p, call, PEER_MSG_cli_inband_reply, (u32)sizeof *r + length);
    if (r != NULL) {
        r->h.retval = (i32)htobe32(known ? 0 : (u32)-1);
        r->length = htobe32(length);
        if (length != 0)
            memcpy(r + 1, out.bytes, length);
        peer_out_end(p, call->client);
    }
    free(out.bytes);
}
