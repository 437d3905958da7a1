/* SPDX-License-Identifier: Apache-2.0 */
#include "msg_kind.h"

#include <stdlib.h>
#include <string.h>

#include "byteorder.h"

/* Registration is the library's own business, rpc_call jumps to an address, cli carries a pointer
 * (cli_inband is what one wants), get_node_graph leaves its answer in VPP's heap for the client to free,
 * and the rest are for a client's own reader thread. */
static const char *const forbidden[] = {
    "memclnt_create",
    "memclnt_create_v2",
    "memclnt_delete",
    "sockclnt_create",
    "sockclnt_delete",
    "sock_init_shm",
    "rpc_call",
    "cli",
    "get_node_graph",
    "rx_thread_exit",
    "memclnt_rx_thread_suspend",
    "memclnt_read_timeout",
};

static const char *const large[] = {"cli_inband", "get_api_json"};

/* Besides want_*: requests whose events or answers VPP sends when something has happened. */
static const char *const events[] = {
    "dhcp_client_config",
    "dns_resolve_name",
    "dns_resolve_ip",
    "nat44_ei_ha_resync",
};

/* Without index or name, VPP 26.06 and before count the free places of a queue that a client on a socket
 * does not have. */
static const char *const guarded[] = {"graph_node_get"};
#define GRAPH_CURSOR 10u
#define GRAPH_INDEX 14u
#define GRAPH_NAME 18u

static const char *const life[] = {"memclnt_keepalive", "memclnt_keepalive_reply"};

#define IS_ONE_OF(name, length, names)                                                             \
    is_one_of((name), (length), (names), sizeof(names) / sizeof(names)[0])

/** Length of the name without "_" and eight digits of CRC. */
static size_t bare_length(const char *name_crc)
{
    size_t n = strlen(name_crc);
    return n > 9 && name_crc[n - 9] == '_' ? n - 9 : n;
}

static bool is_one_of(const char *name, size_t length, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
            return true;
    return false;
}

/** Length without a final "_v2", "_v3", ... */
static size_t without_version(const char *name, size_t length)
{
    size_t n = length;
    while (n > 0 && name[n - 1] >= '0' && name[n - 1] <= '9')
        n--;
    return n < length && n >= 2 && name[n - 1] == 'v' && name[n - 2] == '_' ? n - 2 : length;
}

static bool ends_with(const char *name, size_t length, const char *end)
{
    size_t n = strlen(end);
    return length >= n && memcmp(name + length - n, end, n) == 0;
}

msg_kind_t msg_kind_of(const char *name_crc)
{
    size_t length = bare_length(name_crc);
    if (IS_ONE_OF(name_crc, length, forbidden))
        return MSG_KIND_FORBIDDEN;
    if (IS_ONE_OF(name_crc, length, guarded))
        return MSG_KIND_GUARDED;
    if (IS_ONE_OF(name_crc, length, life))
        return MSG_KIND_LIFE;
    if (strncmp(name_crc, "want_", 5) == 0)
        return MSG_KIND_EVENTS;
    size_t stem = without_version(name_crc, length);
    if (ends_with(name_crc, stem, "_reply"))
        return MSG_KIND_REPLY;
    if (ends_with(name_crc, stem, "_dump") || ends_with(name_crc, stem, "_get") ||
        IS_ONE_OF(name_crc, length, large))
        return MSG_KIND_LARGE;
    return IS_ONE_OF(name_crc, stem, events) ? MSG_KIND_EVENTS : MSG_KIND_PLAIN;
}

bool msg_is_deadly(const void *bytes, u32 size)
{
    const u8 *m = bytes;
    bool one = size > GRAPH_NAME && load_be32(m + GRAPH_CURSOR) == UINT32_MAX &&
               (load_be32(m + GRAPH_INDEX) != UINT32_MAX || m[GRAPH_NAME] != 0);
    return !one;
}

u8 *msg_kinds_alloc(const msg_table_t *table)
{
    u32 count = (u32)msg_table_max_id(table) + 1;
    u8 *kinds = calloc(count, 1);
    for (u32 id = 0; kinds != NULL && id < count; id++) {
        const char *name = msg_table_name(table, (u16)id);
        if (name != NULL)
            kinds[id] = (u8)msg_kind_of(name);
    }
    return kinds;
}
