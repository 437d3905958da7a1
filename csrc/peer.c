/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "peer_client.h"
#include "peer_dispatch.h"
#include "peer_inbox.h"
#include "peer_loop.h"
#include "peer_mail.h"
#include "peer_socket.h"

#define ENTRIES 65535u
/* The modules of VPP that the built-in messages come from, with the CRCs of their files. */
#define MEMCLNT_MODULE "memclnt_b197c551"

void peer_options_init(peer_options_t *o)
{
    *o = (peer_options_t){
        .idle_ns = 100 * NS_PER_US,
        .keepalive_ns = 10 * NS_PER_S,
        .root_bytes = 64ull << 20,
        .api_bytes = (16ull << 20) + (128ull << 10),
        .queue_length = 1024,
        .max_clients = 16384,
        .client_backlog_bytes = 64ull << 20,
        .frame_max_bytes = 16ull << 20,
        .segment_max_bytes = 1ull << 30,
        .handler_queue = 65536,
        .handler_timeout_ns = 10 * NS_PER_S,
    };
}

static const char *text_or(const char *text, const char *otherwise)
{
    return strdup(text != NULL ? text : otherwise);
}

static bool own_strings(peer_options_t *o)
{
    o->program = text_or(o->program, "vpe");
    o->version = text_or(o->version, "26.06.0-vapi_cffi-peer");
    o->build_date = text_or(o->build_date, "2026-06-24T00:00:00");
    o->build_directory = text_or(o->build_directory, "/vapi_cffi");
    if (o->socket_path != NULL && (o->socket_path = strdup(o->socket_path)) == NULL)
        return false;
    if (o->shm_prefix != NULL && (o->shm_prefix = strdup(o->shm_prefix)) == NULL)
        return false;
    return o->program != NULL && o->version != NULL && o->build_date != NULL &&
           o->build_directory != NULL;
}

static void free_strings(peer_options_t *o)
{
    const char *strings[] = {o->program,         o->version,     o->build_date,
                             o->build_directory, o->socket_path, o->shm_prefix};
    for (u32 i = 0; i < sizeof strings / sizeof strings[0]; i++)
        free((char *)(uintptr_t)strings[i]);
}

static int set_error(peer_t *p, int rv, const char *what)
{
    error_set(&p->error, error_from_errno(rv), -rv, "%s: %s", what, strerror(-rv));
    return rv;
}

static bool add_memclnt(peer_t *p)
{
    if (peer_add_module(p, MEMCLNT_MODULE, 2, 1, 0) != 0)
        return false;
    for (u32 i = 0; i < PEER_MEMCLNT_COUNT; i++) {
        peer_message_t m = {.name_crc = peer_dispatch_own_name((peer_msg_e)i)};
        if (peer_add_message(p, &m) != (int)i + 1)
            return false;
    }
    return true;
}

peer_t *peer_alloc(const peer_options_t *options)
{
    peer_t *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->epoll_fd = p->wake_fd = p->listen_fd = -1;
    /* Lives as long as the peer: other threads write to it at any time. */
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->options = *options;
    bool sound = own_strings(&p->options);
    peer_clients_init(p);
    pthread_mutex_init(&p->json_lock, NULL);
    peer_mailbox_init(&p->mailbox);
    peer_inbox_init(&p->handlers);
    peer_inbox_init(&p->record);
    p->handlers.closed = true;
    p->table = msg_table_alloc();
    p->entries = calloc(ENTRIES, sizeof *p->entries);
    p->entries_size = p->entries == NULL ? 0 : ENTRIES;
    p->next_id = 1;
    if (!sound || p->wake_fd < 0 || p->table == NULL || p->entries == NULL || !add_memclnt(p) ||
        options->queue_length == 0 || options->max_clients == 0 || options->keepalive_ns == 0) {
        peer_free(p);
        return NULL;
    }
    return p;
}

const char *peer_error(const peer_t *p) { return p->error.text; }

int peer_add_module(peer_t *p, const char *name_crc, u32 major, u32 minor, u32 patch)
{
    size_t length = strlen(name_crc);
    if (p->started)
        return set_error(p, -EBUSY, "peer_add_module: the peer runs");
    if (length == 0 || length >= sizeof p->modules->name_crc)
        return set_error(p, -EINVAL, "peer_add_module: name");
    for (u32 i = 0; i < p->module_count; i++)
        if (strcmp(p->modules[i].name_crc, name_crc) == 0)
            return 0;
    peer_module_t *grown = realloc(p->modules, (p->module_count + 1) * sizeof *grown);
    if (grown == NULL)
        return set_error(p, -ENOMEM, "peer_add_module");
    p->modules = grown;
    peer_module_t *m = &grown[p->module_count++];
    *m = (peer_module_t){.version = {major, minor, patch}, .first_id = (u16)p->next_id};
    memcpy(m->name_crc, name_crc, length);
    return 0;
}

static bool is_sound(const peer_message_t *m)
{
    if (m->reply_name_crc != NULL &&
        (m->reply_bytes < 6 || m->reply_context_offset > m->reply_bytes - 4))
        return false;
    switch (m->tail_kind) {
    case PEER_TAIL_NONE:
        return true;
    case PEER_TAIL_STRING:
        return m->fixed_bytes >= 6;
    case PEER_TAIL_COUNTED:
        return (m->tail_count_width == 1 || m->tail_count_width == 2 || m->tail_count_width == 4) &&
               m->tail_count_offset >= 2 && m->fixed_bytes >= m->tail_count_width &&
               m->tail_count_offset <= m->fixed_bytes - m->tail_count_width;
    default:
        return false;
    }
}

int peer_add_message(peer_t *p, const peer_message_t *m)
{
    if (p->started)
        return set_error(p, -EBUSY, "peer_add_message: the peer runs");
    u16 known = msg_table_find(p->table, m->name_crc);
    if (known != MSG_ID_NONE)
        return known;
    if (!is_sound(m))
        return set_error(p, -EINVAL, m->name_crc);
    if (p->next_id >= ENTRIES - 1)
        return set_error(p, -ENOSPC, m->name_crc);
    int rv = msg_table_add(p->table, m->name_crc, strlen(m->name_crc), p->next_id);
    if (rv != 0)
        return set_error(p, rv, m->name_crc);
    peer_entry_t *entry = &p->entries[p->next_id];
    entry->def = *m;
    entry->def.name_crc = NULL;
    entry->def.reply_name_crc = NULL;
    if (m->reply_context_offset == 0)
        entry->def.reply_context_offset = 2;
    entry->known = true;
    if (m->reply_name_crc != NULL && (entry->reply_name = strdup(m->reply_name_crc)) == NULL)
        return set_error(p, -ENOMEM, m->name_crc);
    return (int)p->next_id++;
}

int peer_add_builtin(peer_t *p)
{
    static const struct {
        const char *module;
        u32 version[3];
        u32 first, last; /* peer_msg_e */
    } modules[] = {
        {"vpe_bbfa7484", {1, 7, 0}, PEER_MSG_show_version, PEER_MSG_show_version_reply},
        {"vlib_9a9e84e4", {1, 0, 0}, PEER_MSG_cli_inband, PEER_MSG_cli_inband_reply},
        {"interface_cf7004cc",
         {3, 2, 4},
         PEER_MSG_sw_interface_set_flags,
         PEER_MSG_delete_loopback_reply},
        {"ip_c55aec44", {3, 2, 0}, PEER_MSG_ip_table_add_del, PEER_MSG_ip_address_dump},
        {"l2_1a53d6cc",
         {3, 3, 0},
         PEER_MSG_bridge_domain_add_del_v2,
         PEER_MSG_sw_interface_set_l2_bridge_reply},
    };
    for (u32 i = 0; i < sizeof modules / sizeof modules[0]; i++) {
        int rv = peer_add_module(p, modules[i].module, modules[i].version[0], modules[i].version[1],
                                 modules[i].version[2]);
        if (rv != 0)
            return rv;
        for (u32 m = modules[i].first; m <= modules[i].last; m++) {
            peer_message_t message = {.name_crc = peer_dispatch_own_name((peer_msg_e)m)};
            rv = peer_add_message(p, &message);
            if (rv < 0)
                return rv;
        }
    }
    return 0;
}

int peer_set_api_json(peer_t *p, const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    if (copy == NULL || length > p->options.frame_max_bytes) {
        free(copy);
        return -ENOMEM;
    }
    memcpy(copy, text, length);
    pthread_mutex_lock(&p->json_lock);
    free(p->json);
    p->json = copy;
    p->json_length = length;
    pthread_mutex_unlock(&p->json_lock);
    return 0;
}

u32 peer_msg_id(const peer_t *p, const char *name)
{
    u16 id = msg_table_find(p->table, name);
    if (id != MSG_ID_NONE)
        return id;
    size_t length = strlen(name);
    u32 found = 0;
    for (u32 i = 1; i < p->next_id; i++) {
        const char *known = msg_table_name(p->table, (u16)i);
        if (known == NULL || strncmp(known, name, length) != 0 || known[length] != '_' ||
            strlen(known) != length + 9)
            continue;
        if (found != 0)
            return 0;
        found = i;
    }
    return found;
}

const char *peer_msg_name(const peer_t *p, u32 msg_id)
{
    return msg_id > UINT16_MAX ? NULL : msg_table_name(p->table, (u16)msg_id);
}

int peer_set_handled(peer_t *p, u32 msg_id, u8 on)
{
    if (msg_id >= p->entries_size || !p->entries[msg_id].known)
        return -EINVAL;
    store_release(&p->entries[msg_id].handled, on != 0);
    return 0;
}

/* ---- life ---- */

static int make_tables(peer_t *p)
{
    free(p->table_entries);
    free(p->table_serialized);
    p->table_entries = malloc((size_t)msg_table_count(p->table) * MSG_TABLE_ENTRY_BYTES + 1);
    p->table_serialized_bytes = (u32)msg_table_serialized_bytes(p->table);
    p->table_serialized = malloc(p->table_serialized_bytes);
    if (p->table_entries == NULL || p->table_serialized == NULL)
        return -ENOMEM;
    msg_table_write_entries(p->table, p->table_entries);
    msg_table_serialize(p->table, p->table_serialized);
    return 0;
}

static int make_epoll(peer_t *p)
{
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll_fd < 0)
        return -errno;
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = PEER_EVENT_WAKE};
    return epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, p->wake_fd, &e) != 0 ? -errno : 0;
}

static void close_epoll(peer_t *p)
{
    if (p->epoll_fd >= 0)
        close(p->epoll_fd);
    p->epoll_fd = -1;
}

/** Signals are the program's business, not this thread's. */
static int start_thread(peer_t *p)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rv = pthread_create(&p->thread, NULL, peer_loop_main, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -rv;
}

int peer_start(peer_t *p)
{
    if (p->started)
        return set_error(p, -EBUSY, "peer_start: the peer runs");
    error_clear(&p->error);
    p->pid = (u32)getpid();
    peer_dispatch_prepare(p);
    int rv = make_tables(p);
    if (rv == 0)
        rv = make_epoll(p);
    if (rv == 0)
        rv = peer_guard_start(&p->guard);
    if (rv == 0)
        rv = peer_loop_open(p);
    if (rv == 0) {
        store_release(&p->stopping, 0);
        peer_mailbox_close(&p->mailbox, false);
        peer_inbox_close(&p->handlers, false);
        rv = start_thread(p);
    }
    if (rv != 0) {
        peer_loop_close(p);
        peer_guard_stop(&p->guard);
        close_epoll(p);
        return p->error.text[0] != 0 ? rv : set_error(p, rv, "peer_start");
    }
    p->started = true;
    store_release(&p->running, 1);
    return 0;
}

void peer_stop(peer_t *p)
{
    if (!p->started)
        return;
    store_release(&p->stopping, 1);
    peer_wake(p);
    pthread_join(p->thread, NULL);
    p->started = false;
    store_release(&p->running, 0);
    peer_mailbox_close(&p->mailbox, true);
    peer_inbox_close(&p->handlers, true);
    peer_loop_close(p);
    peer_guard_stop(&p->guard);
    close_epoll(p);
}

void peer_free(peer_t *p)
{
    if (p == NULL)
        return;
    peer_stop(p);
    peer_inbox_fini(&p->handlers);
    peer_inbox_fini(&p->record);
    peer_mailbox_fini(&p->mailbox);
    peer_clients_fini(p);
    pthread_mutex_destroy(&p->json_lock);
    for (u32 i = 0; i < p->entries_size; i++)
        free(p->entries[i].reply_name);
    free(p->entries);
    free(p->table_entries);
    free(p->table_serialized);
    msg_table_free(p->table);
    free(p->modules);
    free(p->json);
    free(p->scratch);
    free(p->sockets.at);
    free(p->sockets.free_slots);
    free(p->shm_clients.at);
    free(p->shm_clients.free_slots);
    free(p->dirty);
    free(p->active);
    free_strings(&p->options);
    if (p->wake_fd >= 0)
        close(p->wake_fd);
    free(p);
}

int peer_is_running(const peer_t *p) { return load_acquire(&p->running); }

/* ---- handlers, records, statistics, faults ---- */

int peer_poll(peer_t *p, peer_request_t *requests, u32 max, u64 timeout_ns)
{
    return peer_inbox_take(&p->handlers, requests, max, deadline_in(timeout_ns));
}

void peer_release(peer_request_t *requests, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        free(requests[i].bytes);
        requests[i].bytes = NULL;
    }
}

int peer_record(peer_t *p, u64 max_bytes)
{
    peer_inbox_set_max_bytes(&p->record, max_bytes);
    store_relaxed(&p->recording, max_bytes != 0);
    return 0;
}

int peer_recorded(peer_t *p, peer_request_t *requests, u32 max)
{
    int n = peer_inbox_take(&p->record, requests, max, DEADLINE_NOW);
    return n == -ETIMEDOUT ? 0 : n;
}

int peer_await_recorded(peer_t *p, peer_request_t *requests, u32 max, u64 timeout_ns)
{
    return peer_inbox_take(&p->record, requests, max, deadline_in(timeout_ns));
}

void peer_stats(const peer_t *p, peer_stats_t *stats)
{
    /* All members are u64 with one writer: each is loaded whole, the set may be a moment apart. */
    const u64 *from = (const u64 *)(const void *)&p->stats;
    u64 *to = (u64 *)(void *)stats;
    for (size_t i = 0; i < sizeof *stats / sizeof *to; i++)
        to[i] = load_relaxed(&from[i]);
    u64 since = load_relaxed(&p->stuck_since);
    u64 now = now_ns();
    if (since != 0 && now > since)
        stats->blocked_ns += now - since;
}

int peer_fault_trickle(peer_t *p, u32 bytes)
{
    store_relaxed(&p->trickle_bytes, bytes);
    return 0;
}

int peer_fault_close_after(peer_t *p, u64 bytes)
{
    store_relaxed(&p->close_after_bytes, bytes);
    return 0;
}

int peer_fault_miss(peer_t *p, u32 count)
{
    store_relaxed(&p->forced_misses, count);
    return 0;
}
