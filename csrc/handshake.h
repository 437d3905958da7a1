/* SPDX-License-Identifier: Apache-2.0
 *
 * The messages of connecting, whose numbers are fixed because they come before any table does.
 * Layouts are packed wire bytes; `index` and `handle` travel as VPP wrote them.
 */
#ifndef VAPI_CORE_HANDSHAKE_H
#define VAPI_CORE_HANDSHAKE_H

#include "deadline.h"
#include "error.h"
#include "msg_table.h"

#define ID_MEMCLNT_CREATE 1
#define ID_MEMCLNT_CREATE_REPLY 2
#define ID_MEMCLNT_DELETE 3
#define ID_MEMCLNT_DELETE_REPLY 4
#define ID_SOCKCLNT_CREATE 15
#define ID_SOCKCLNT_CREATE_REPLY 16
#define ID_SOCKCLNT_DELETE 17
#define ID_SOCKCLNT_DELETE_REPLY 18
#define ID_SOCK_INIT_SHM 19
#define ID_SOCK_INIT_SHM_REPLY 20
#define ID_MEMCLNT_KEEPALIVE 21
#define ID_MEMCLNT_KEEPALIVE_REPLY 22
#define ID_CONTROL_PING 23
#define ID_MEMCLNT_CREATE_V2 25
#define ID_MEMCLNT_CREATE_V2_REPLY 26

#define CLIENT_NAME_BYTES 64u

typedef struct __attribute__((packed)) {
    u16 id;
    u32 context;
    char name[CLIENT_NAME_BYTES];
} msg_sockclnt_create_t;

typedef struct __attribute__((packed)) {
    u16 id;
    u32 client_index;
    u32 context;
    i32 response;
    u32 index;
    u16 count;
} msg_sockclnt_create_reply_t; /* MSG_TABLE_ENTRY_BYTES * count follow */

typedef struct __attribute__((packed)) {
    u16 id;
    u32 client_index;
    u32 context;
    u32 index;
} msg_sockclnt_delete_t;

typedef struct __attribute__((packed)) {
    u8 type; /* SHM_CONFIG_* */
    u8 pad;
    u16 count;
    u32 size;
} msg_shm_config_t;

#define SHM_CONFIG_VPP_RING 0
#define SHM_CONFIG_CLIENT_RING 1
#define SHM_CONFIG_QUEUE 2

typedef struct __attribute__((packed)) {
    u16 id;
    u32 client_index;
    u32 context;
    u32 requested_size; /* the machine's own order */
    u8 nitems;
    msg_shm_config_t configs[];
} msg_sock_init_shm_t;

typedef struct __attribute__((packed)) {
    u16 id;
    u32 context;
    i32 retval;
} msg_plain_reply_t;

typedef struct __attribute__((packed)) {
    u16 id;
    u32 context;
    i32 ctx_quota;
    u64 input_queue; /* VPP's address, the machine's own order */
    char name[CLIENT_NAME_BYTES];
    u32 api_versions[8];
    u8 keepalive; /* absent in the first version */
} msg_memclnt_create_v2_t;

typedef struct __attribute__((packed)) {
    u16 id;
    u32 context;
    i32 response;
    u64 handle;
    u32 index;
    u64 message_table;
} msg_memclnt_create_reply_t; /* of both versions */

typedef struct __attribute__((packed)) {
    u16 id;
    u32 index;
    u64 handle;
    u8 do_cleanup; /* always 0: otherwise VPP would free memory that is not its own */
} msg_memclnt_delete_t;

typedef struct __attribute__((packed)) {
    u16 id;
    u32 client_index;
    u32 context;
} msg_control_ping_t;

_Static_assert(sizeof(msg_sockclnt_create_t) == 70, "sockclnt_create");
_Static_assert(sizeof(msg_sockclnt_create_reply_t) == 20, "sockclnt_create_reply");
_Static_assert(sizeof(msg_sockclnt_delete_t) == 14, "sockclnt_delete");
_Static_assert(sizeof(msg_sock_init_shm_t) == 15, "sock_init_shm");
_Static_assert(sizeof(msg_plain_reply_t) == 10, "reply");
_Static_assert(sizeof(msg_memclnt_create_v2_t) == 115, "memclnt_create_v2");
_Static_assert(sizeof(msg_memclnt_create_reply_t) == 30, "memclnt_create_reply");
_Static_assert(sizeof(msg_memclnt_delete_t) == 15, "memclnt_delete");
_Static_assert(sizeof(msg_control_ping_t) == 10, "control_ping");

/** Registers on a connected socket: the table it gets and the index to use. Nothing but the answer
 * is read, so that a descriptor that follows later is not lost. Errors with the reason. */
vapi_error_e handshake_sockclnt_create(int fd, const char *name, const char *path,
                                       msg_table_t *table, u32 *client_index_raw,
                                       deadline_t deadline, error_rec_t *error);

/**
 * Leaves a socket as VPP wants it left: asks VPP to close it, and waits for that. Then closes `fd`.
 *
 * Not merely close(): VPP 26.06 (and before) looks at errno after read() returned 0, and where some
 * earlier call had left EAGAIN there, it keeps the socket and reads from it for ever, at full load of
 * its main thread. Best effort until the deadline.
 */
void handshake_part(int fd, u32 client_index_raw, deadline_t deadline);

/** Turns a negative errno of sockio into an error that names the step. */
vapi_error_e handshake_error(error_rec_t *error, int rv, const char *path, const char *step);

#endif
