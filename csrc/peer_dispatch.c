/* SPDX-License-Identifier: Apache-2.0 */
#include "peer_dispatch.h"

#include <errno.h>
#include <stdlib.h>

#include "peer_client.h"
#include "peer_handlers.h"
#include "peer_inbox.h"
#include "peer_out.h"
#include "peer_socket.h"

typedef struct {
    peer_message_t def;
    peer_handler_t handler;
} own_t;

#define M(name, crc) [PEER_MSG_##name] = #name "_" #crc,
static const char *const own_names[PEER_MSG_COUNT] = {PEER_ALL_MESSAGES(M)};
#undef M

#define FIXED(name, bytes)                                                                         \
    [PEER_MSG_##name] = {                                                                          \
        .def = {.fixed_bytes = (u32)(bytes), .context_offset = 6},                                 \
        .handler = peer_on_##name,                                                                 \
    }
#define TEXT(name, bytes)                                                                          \
    [PEER_MSG_##name] = {                                                                          \
        .def = {.fixed_bytes = (u32)(bytes), .tail_kind = PEER_TAIL_STRING, .context_offset = 6},  \
        .handler = peer_on_##name,                                                                 \
    }
#define COUNTED(name, bytes, count_offset, element_bytes)                                          \
    [PEER_MSG_##name] = {                                                                          \
        .def = {.fixed_bytes = (u32)(bytes),                                                       \
                .tail_kind = PEER_TAIL_COUNTED,                                                    \
                .tail_count_offset = (u32)(count_offset),                                          \
                .tail_count_width = 1,                                                             \
                .tail_element_bytes = (u32)(element_bytes),                                        \
                .context_offset = 6},                                                              \
        .handler = peer_on_##name,                                                                 \
    }

static const own_t own[PEER_MSG_COUNT] = {
    FIXED(memclnt_create, offsetof(mp_memclnt_create_t, keepalive)),
    FIXED(memclnt_create_v2, sizeof(mp_memclnt_create_t)),
    FIXED(memclnt_delete, sizeof(mp_memclnt_delete_t)),
    FIXED(memclnt_keepalive, sizeof(peer_request_header_t)),
    /* Messages that come back to be freed bring no more than id and context. */
    FIXED(memclnt_keepalive_reply, offsetof(peer_reply_header_t, retval)),
    FIXED(get_first_msg_id, sizeof(mp_get_first_msg_id_t)),
    FIXED(api_versions, sizeof(peer_request_header_t)),
    FIXED(sockclnt_create, sizeof(mp_sockclnt_create_t)),
    FIXED(sockclnt_delete, sizeof(mp_sockclnt_delete_t)),
    COUNTED(sock_init_shm, sizeof(mp_sock_init_shm_t), offsetof(mp_sock_init_shm_t, nitems),
            sizeof(ring_config_t)),
    FIXED(control_ping, sizeof(peer_request_header_t)),
    FIXED(get_api_json, sizeof(peer_request_header_t)),
    FIXED(show_version, sizeof(peer_request_header_t)),
    TEXT(cli_inband, sizeof(mp_cli_inband_t)),
    FIXED(sw_interface_set_flags, sizeof(mp_sw_interface_set_flags_t)),
    FIXED(sw_interface_set_mtu, sizeof(mp_sw_interface_set_mtu_t)),
    FIXED(want_interface_events, sizeof(mp_want_interface_events_t)),
    TEXT(sw_interface_dump, sizeof(mp_sw_interface_dump_t)),
    FIXED(sw_interface_add_del_address, sizeof(mp_sw_interface_add_del_address_t)),
    FIXED(sw_interface_set_table, sizeof(mp_sw_interface_set_table_t)),
    FIXED(sw_interface_tag_add_del, sizeof(mp_sw_interface_tag_add_del_t)),
    FIXED(sw_interface_set_mac_address, sizeof(mp_sw_interface_set_mac_address_t)),
    FIXED(sw_interface_get_mac_address, sizeof(mp_interface_request_t)),
    FIXED(create_vlan_subif, sizeof(mp_create_vlan_subif_t)),
    FIXED(delete_subif, sizeof(mp_interface_request_t)),
    FIXED(create_loopback, sizeof(mp_create_loopback_t)),
    FIXED(create_loopback_instance, sizeof(mp_create_loopback_instance_t)),
    FIXED(delete_loopback, sizeof(mp_interface_request_t)),
    FIXED(ip_table_add_del, sizeof(mp_ip_table_add_del_t)),
    FIXED(ip_table_allocate, sizeof(mp_ip_table_allocate_t)),
    FIXED(ip_table_flush, sizeof(mp_ip_table_flush_t)),
    FIXED(ip_table_dump, sizeof(peer_request_header_t)),
    COUNTED(ip_route_add_del, sizeof(mp_ip_route_add_del_t),
            offsetof(mp_ip_route_add_del_t, route.n_paths), sizeof(mp_fib_path_t)),
    COUNTED(ip_route_add_del_v2, sizeof(mp_ip_route_add_del_v2_t),
            offsetof(mp_ip_route_add_del_v2_t, route.n_paths), sizeof(mp_fib_path_t)),
    FIXED(ip_route_lookup, sizeof(mp_ip_route_lookup_t)),
    FIXED(ip_route_dump, sizeof(mp_ip_route_dump_t)),
    FIXED(ip_route_v2_dump, sizeof(mp_ip_route_v2_dump_t)),
    FIXED(ip_address_dump, sizeof(mp_ip_address_dump_t)),
    FIXED(bridge_domain_add_del_v2, sizeof(mp_bridge_domain_add_del_v2_t)),
    FIXED(bridge_domain_dump, sizeof(mp_bridge_domain_dump_t)),
    FIXED(sw_interface_set_l2_bridge, sizeof(mp_sw_interface_set_l2_bridge_t)),
};

bool peer_dispatch_is_own(const char *name_crc)
{
    for (u32 i = 0; i < PEER_MSG_COUNT; i++)
        if (own[i].handler != NULL && strcmp(own_names[i], name_crc) == 0)
            return true;
    return false;
}

const char *peer_dispatch_own_name(peer_msg_e msg) { return own_names[msg]; }

void peer_dispatch_prepare(peer_t *p)
{
    for (u32 i = 0; i < PEER_MSG_COUNT; i++) {
        u16 id = msg_table_find(p->table, own_names[i]);
        p->ids[i] = id == MSG_ID_NONE ? 0 : id;
        if (id == MSG_ID_NONE || own[i].handler == NULL)
            continue;
        peer_entry_t *entry = &p->entries[id];
        entry->def.fixed_bytes = own[i].def.fixed_bytes;
        entry->def.tail_kind = own[i].def.tail_kind;
        entry->def.tail_count_offset = own[i].def.tail_count_offset;
        entry->def.tail_count_width = own[i].def.tail_count_width;
        entry->def.tail_element_bytes = own[i].def.tail_element_bytes;
        entry->def.context_offset = own[i].def.context_offset;
        entry->handler = own[i].handler;
    }
    for (u32 id = 1; id < p->entries_size; id++) {
        peer_entry_t *entry = &p->entries[id];
        u16 reply =
            entry->reply_name == NULL ? MSG_ID_NONE : msg_table_find(p->table, entry->reply_name);
        entry->reply_id = reply == MSG_ID_NONE ? 0 : reply;
    }
}

/** How long the message must be, given its fixed part; UINT64_MAX: that is not there. */
static u64 needed_bytes(const peer_message_t *def, const u8 *body, u64 available)
{
    u64 count = 0;
    u32 offset = def->tail_kind == PEER_TAIL_STRING ? def->fixed_bytes - 4 : def->tail_count_offset;
    u32 width = def->tail_kind == PEER_TAIL_STRING ? 4 : def->tail_count_width;
    if (available < def->fixed_bytes || available < 2)
        return UINT64_MAX;
    if (def->tail_kind == PEER_TAIL_NONE)
        return def->fixed_bytes;
    count = width == 1   ? body[offset]
            : width == 2 ? load_be16(body + offset)
                         : load_be32(body + offset);
    return def->fixed_bytes +
           count * (def->tail_kind == PEER_TAIL_STRING ? 1 : (u64)def->tail_element_bytes);
}

static void to_inbox(peer_t *p, const peer_call_t *call, peer_inbox_t *inbox, u64 token, u32 max,
                     int *rv)
{
    u8 transport = call->segment != NULL ? call->segment->transport : (u8)PEER_SOCKET;
    peer_request_t request = {.client_id = call->client != NULL ? call->client->id : 0,
                              .token = token,
                              .msg_id = call->id,
                              .context = call->context,
                              .length = call->length,
                              .transport = transport};
    *rv = peer_inbox_put(inbox, &request, call->body, max);
    (void)p;
}

static void hand_over(peer_t *p, const peer_call_t *call)
{
    int rv;
    u64 token = ++p->next_token;
    to_inbox(p, call, &p->handlers, token, p->options.handler_queue, &rv);
    if (rv != 0) {
        peer_count(p, handler_dropped, 1);
        return;
    }
    peer_count(p, handler_requests, 1);
    if (call->client == NULL)
        return;
    call->client->hold_token = token;
    call->client->hold_until = deadline_in(p->options.handler_timeout_ns);
    peer_client_activate(p, call->client);
}

static void reply_by_default(peer_t *p, const peer_call_t *call, const peer_entry_t *entry)
{
    if (entry->reply_id == 0 || call->client == NULL)
        return;
    u8 *body = peer_out_begin(p, call->client, entry->def.reply_bytes);
    if (body == NULL)
        return;
    store_be16(body, entry->reply_id);
    store_raw32(body + entry->def.reply_context_offset, call->context);
    peer_out_end(p, call->client);
}

static void answer(peer_t *p, const peer_call_t *call)
{
    const peer_entry_t *entry = &p->entries[call->id];
    if (entry->handler != NULL)
        entry->handler(p, call);
    else
        reply_by_default(p, call, entry);
}

static void run(peer_t *p, const peer_call_t *call)
{
    peer_entry_t *entry = &p->entries[call->id];
    if (load_relaxed(&p->recording) != 0) {
        int rv;
        to_inbox(p, call, &p->record, 0, UINT32_MAX, &rv);
        if (rv == 0)
            peer_count(p, recorded, 1);
        else
            peer_count(p, record_dropped, 1);
    }
    if (load_acquire(&entry->handled) != 0)
        hand_over(p, call);
    else
        answer(p, call);
}

/** Fills in what the bytes say; false: not a message for us. `*length` may grow to what is needed. */
static bool examine(peer_t *p, peer_call_t *call, u64 available)
{
    call->id = call->length >= 2 || available >= 2 ? load_be16(call->body) : 0;
    peer_entry_t *entry = call->id < p->entries_size ? &p->entries[call->id] : NULL;
    if (entry == NULL || !entry->known) {
        peer_count(p, dropped_messages, 1);
        return false;
    }
    u64 need = needed_bytes(&entry->def, call->body, available);
    if (need > available || need > UINT32_MAX) {
        peer_count(p, dropped_messages, 1);
        return false;
    }
    if (need > call->length)
        call->length = (u32)need;
    u32 at = entry->def.context_offset;
    call->context = at != 0 && (u64)at + 4 <= call->length ? load_raw32(call->body + at) : 0;
    return true;
}

void peer_dispatch_socket(peer_t *p, peer_client_t *connection, const u8 *body, u32 length)
{
    peer_call_t call = {.connection = connection, .body = body, .length = length};
    peer_count(p, received_socket, 1);
    if (!examine(p, &call, length))
        return;
    if (length >= sizeof(peer_request_header_t)) {
        u32 index = load_raw32(body + 2);
        if (index == connection->index_raw)
            call.client = connection;
        else if (connection->segment != NULL) {
            call.client = peer_client_of_index(p, index);
            if (call.client != NULL && call.client->segment != connection->segment)
                call.client = NULL;
        }
    }
    run(p, &call);
}

void peer_dispatch_shm(peer_t *p, peer_segment_t *s, const u8 *body, u32 length, u64 left)
{
    u64 available = (u64)length + PEER_SLACK_BYTES < left ? (u64)length + PEER_SLACK_BYTES : left;
    peer_call_t call = {.segment = s, .body = body, .length = length};
    if (!examine(p, &call, available))
        return;
    if (call.length >= sizeof(peer_request_header_t)) {
        call.client = peer_client_of_index(p, load_raw32(body + 2));
        if (call.client != NULL && call.client->segment != s)
            call.client = NULL;
    }
    peer_client_t *c = call.client;
    bool waits = c != NULL && (peer_client_is_busy(c) || c->deferred.count != 0) &&
                 call.id != p->ids[PEER_MSG_memclnt_delete] &&
                 call.id != p->ids[PEER_MSG_memclnt_keepalive_reply];
    if (!waits) {
        run(p, &call);
        return;
    }
    peer_letter_t *letter = peer_letter_copy(body, call.length);
    if (letter == NULL || c->deferred.bytes > p->options.client_backlog_bytes) {
        free(letter);
        peer_count(p, dropped_clients, 1);
        peer_client_doom(p, c);
        return;
    }
    peer_letters_add(&c->deferred, letter);
    peer_client_activate(p, c);
}

/** Requests that waited for their turn. */
static bool run_deferred(peer_t *p, peer_client_t *c)
{
    bool moved = false;
    while (!c->doomed && !peer_client_is_busy(c)) {
        peer_letter_t *letter = peer_letters_take(&c->deferred);
        if (letter == NULL)
            break;
        peer_call_t call = {.client = c,
                            .segment = c->transport == PEER_SOCKET ? NULL : c->segment,
                            .body = letter->bytes,
                            .length = letter->length};
        if (examine(p, &call, letter->length))
            run(p, &call);
        free(letter);
        moved = true;
    }
    return moved;
}

static bool go_on(peer_t *p, peer_client_t *c)
{
    bool moved = false;
    if (c->hold_token != 0 && deadline_passed(c->hold_until)) {
        peer_count(p, handler_timeouts, 1);
        c->hold_token = 0;
    }
    if (c->passed_fd >= 0)
        moved |= peer_socket_pass_fd(p, c);
    if (c->stuck || c->letters.count != 0)
        moved |= peer_out_flush(p, c);
    u32 room = c->dump.step == NULL ? 0 : peer_out_room(c);
    if (room != 0) {
        if (c->dump.step(p, c, &c->dump, room))
            peer_client_end_dump(c);
        peer_out_flush(p, c);
        moved = true;
    }
    if (!peer_client_is_busy(c)) {
        moved |= run_deferred(p, c);
        if (c->transport == PEER_SOCKET && !c->doomed)
            moved |= peer_socket_resume(p, c);
    }
    return moved;
}

bool peer_dispatch_active(peer_t *p)
{
    bool moved = false;
    u32 kept = 0;
    /* Others may join the list on the way; nobody leaves it but here and in the grave. */
    for (u32 i = 0; i < p->active_count; i++) {
        peer_client_t *c = p->active[i];
        if (!c->doomed)
            moved |= go_on(p, c);
        if (peer_client_is_busy(c) || c->deferred.count != 0 || c->letters.count != 0 || c->stuck)
            p->active[kept++] = c;
        else
            c->active = false;
    }
    p->active_count = kept;
    return moved;
}

void peer_dispatch_done(peer_t *p, u64 token)
{
    for (u32 i = 0; i < p->active_count; i++)
        if (p->active[i]->hold_token == token)
            p->active[i]->hold_token = 0;
}

void peer_dispatch_pass(peer_t *p, u64 client_id, u64 token, const u8 *body, u32 length)
{
    peer_client_t *c = peer_client_find(p, client_id);
    if (c == NULL)
        return;
    peer_call_t call = {.client = c, .body = body, .length = length};
    if (c->transport == PEER_SOCKET)
        call.connection = c;
    else
        call.segment = c->segment;
    /* First the answer, so that a dump holds back what the token has held back so far. */
    if (examine(p, &call, length))
        answer(p, &call);
    peer_dispatch_done(p, token);
}
