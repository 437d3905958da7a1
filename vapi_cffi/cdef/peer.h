/* Mirrors csrc/peer.h, where every function has its contract. */
typedef struct peer peer_t;

static const uint64_t PEER_ALL_CLIENTS;
static const uint64_t PEER_SUBSCRIBERS;

typedef struct {
    const char *socket_path;
    const char *shm_prefix;
    const char *program;
    const char *version;
    const char *build_date;
    const char *build_directory;
    uint64_t idle_ns;
    uint64_t keepalive_ns;
    uint64_t root_bytes;
    uint64_t api_bytes;
    uint32_t queue_length;
    uint32_t max_clients;
    uint64_t client_backlog_bytes;
    uint64_t frame_max_bytes;
    uint64_t segment_max_bytes;
    uint32_t handler_queue;
    uint64_t handler_timeout_ns;
    uint8_t block_when_full;
} peer_options_t;

typedef enum {
    PEER_TAIL_NONE = 0,
    PEER_TAIL_COUNTED,
    PEER_TAIL_STRING,
} peer_tail_e;

typedef struct {
    const char *name_crc;
    uint32_t fixed_bytes;
    uint32_t tail_kind;
    uint32_t tail_count_offset;
    uint32_t tail_count_width;
    uint32_t tail_element_bytes;
    uint32_t context_offset;
    const char *reply_name_crc;
    uint32_t reply_bytes;
    uint32_t reply_context_offset;
} peer_message_t;

typedef struct {
    uint64_t received_socket, received_memfd, received_classic;
    uint64_t sent_socket, sent_memfd, sent_classic;
    uint64_t clients_socket, clients_memfd, clients_classic;
    uint64_t clients_total;
    uint64_t ring_hits, ring_misses, ring_takeovers;
    uint64_t heap_used_bytes, heap_free_bytes, heap_blocks;
    uint64_t heap_replies, heap_failures;
    uint64_t blocked_ns;
    uint64_t blocked_count;
    uint64_t reaped;
    uint64_t dropped_clients;
    uint64_t dropped_messages;
    uint64_t bad_addresses;
    uint64_t keepalives_sent, keepalives_received;
    uint64_t locks_recovered;
    uint64_t handler_requests, handler_dropped, handler_timeouts;
    uint64_t recorded, record_dropped;
    uint64_t loops, sleeps;
    uint64_t interfaces, routes;
    uint64_t restarts;
} peer_stats_t;

typedef struct {
    uint64_t client_id;
    uint64_t token;
    uint32_t msg_id;
    uint32_t context;
    uint32_t length;
    uint8_t transport;
    uint8_t *bytes;
} peer_request_t;

typedef enum {
    PEER_SOCKET = 0,
    PEER_MEMFD,
    PEER_CLASSIC,
} peer_transport_e;

typedef struct {
    uint64_t client_id;
    uint32_t pid;
    uint8_t transport;
    uint8_t wants_events;
    char name[64];
} peer_client_info_t;

void peer_options_init(peer_options_t *options);
peer_t *peer_alloc(const peer_options_t *options);
const char *peer_error(const peer_t *peer);
int peer_add_module(peer_t *peer, const char *name_crc, uint32_t major, uint32_t minor,
                    uint32_t patch);
int peer_add_message(peer_t *peer, const peer_message_t *message);
int peer_add_builtin(peer_t *peer);
int peer_set_api_json(peer_t *peer, const char *text, size_t length);
uint32_t peer_msg_id(const peer_t *peer, const char *name);
const char *peer_msg_name(const peer_t *peer, uint32_t msg_id);
int peer_set_handled(peer_t *peer, uint32_t msg_id, uint8_t on);
int peer_start(peer_t *peer);
void peer_stop(peer_t *peer);
void peer_free(peer_t *peer);
int peer_is_running(const peer_t *peer);
int peer_poll(peer_t *peer, peer_request_t *requests, uint32_t max, uint64_t timeout_ns);
void peer_release(peer_request_t *requests, uint32_t count);
int peer_send(peer_t *peer, uint64_t client_id, const uint8_t *bytes, uint32_t length,
              uint32_t count);
int peer_send_many(peer_t *peer, uint64_t client_id, const uint8_t *bytes, const uint32_t *lengths,
                   uint32_t count);
int peer_done(peer_t *peer, uint64_t token);
int peer_pass(peer_t *peer, const peer_request_t *request);
int peer_disconnect(peer_t *peer, uint64_t client_id);
int peer_flush(peer_t *peer, uint64_t timeout_ns);
void peer_stats(const peer_t *peer, peer_stats_t *stats);
int peer_clients(peer_t *peer, peer_client_info_t *clients, uint32_t max);
int peer_await_clients(peer_t *peer, uint64_t target, uint64_t timeout_ns);
int peer_record(peer_t *peer, uint64_t max_bytes);
int peer_recorded(peer_t *peer, peer_request_t *requests, uint32_t max);
int peer_await_recorded(peer_t *peer, peer_request_t *requests, uint32_t max, uint64_t timeout_ns);
int peer_fault_stall(peer_t *peer, uint64_t duration_ns);
int peer_fault_trickle(peer_t *peer, uint32_t bytes);
int peer_fault_close_after(peer_t *peer, uint64_t bytes);
int peer_fault_drop(peer_t *peer, uint32_t msg_id, uint32_t count);
int peer_fault_miss(peer_t *peer, uint32_t count);
int peer_restart(peer_t *peer);
