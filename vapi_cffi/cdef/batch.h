/* Mirrors csrc/include/vapi/batch.h, where every function has its contract. */
typedef enum {
    VAPI_TRANSPORT_SOCKET = ...,
    VAPI_TRANSPORT_MEMFD = ...,
    VAPI_TRANSPORT_SHM = ...,
    ...
} vapi_transport_e;

static char *const VAPI_DEFAULT_SOCKET;

typedef struct {
    const char *name;
    vapi_transport_e transport;
    const char *address;
    const char *bell_address;
    vapi_mode_e mode;
    bool handle_keepalives;
    uint32_t max_outstanding_requests;
    uint32_t response_queue_size;
    uint64_t timeout_ns;
    uint64_t spin_ns;
    uint64_t backlog_bytes;
    uint64_t grace_ns;
    bool large_over_shm;
    bool keep_awake;
    ...;
} vapi_connect_options_t;

void vapi_connect_options_init(vapi_connect_options_t *options);
vapi_error_e vapi_connect_options(vapi_ctx_t ctx, const vapi_connect_options_t *options);
vapi_error_e vapi_connect_beside(vapi_ctx_t ctx, vapi_ctx_t side, uint64_t timeout_ns);

const char *vapi_error_text(vapi_ctx_t ctx);
int vapi_error_os_errno(vapi_ctx_t ctx);
const char *vapi_error_name(vapi_error_e code);

bool vapi_is_connected(vapi_ctx_t ctx);
vapi_transport_e vapi_get_transport(vapi_ctx_t ctx);
int vapi_get_server_pid(vapi_ctx_t ctx);
uint32_t vapi_client_index_raw(vapi_ctx_t ctx);

uint16_t vapi_find_msg(vapi_ctx_t ctx, const char *name_crc);
uint16_t vapi_table_max_id(vapi_ctx_t ctx);
uint32_t vapi_table_count(vapi_ctx_t ctx);
const char *vapi_table_name(vapi_ctx_t ctx, uint16_t id);
size_t vapi_max_msg_size(vapi_ctx_t ctx);

vapi_error_e vapi_send_bytes(vapi_ctx_t ctx, const void *bytes, size_t size, uint64_t timeout_ns);
vapi_error_e vapi_send_many(vapi_ctx_t ctx, const void *bytes, const uint32_t *offsets,
                            const uint32_t *sizes, uint32_t count, uint32_t *sent,
                            uint64_t timeout_ns);
void *vapi_msg_alloc_until(vapi_ctx_t ctx, size_t size, uint64_t timeout_ns);
vapi_error_e vapi_send_until(vapi_ctx_t ctx, void *msg, uint64_t timeout_ns);
vapi_error_e vapi_send2_until(vapi_ctx_t ctx, void *msg1, void *msg2, uint64_t timeout_ns);

vapi_error_e vapi_recv_many(vapi_ctx_t ctx, void **msgs, uint32_t *sizes, uint32_t max,
                            uint32_t *count, uint64_t timeout_ns);
void vapi_free_many(vapi_ctx_t ctx, void *const *msgs, uint32_t count);

vapi_error_e vapi_wait_until(vapi_ctx_t ctx, uint64_t timeout_ns);
void vapi_interrupt(vapi_ctx_t ctx);

typedef struct vapi_call_s vapi_call_t;
vapi_error_e vapi_call(vapi_ctx_t ctx, const void *bytes, size_t size, uint16_t reply_id,
                       uint32_t context_offset, void **reply, size_t *reply_size,
                       uint64_t timeout_ns, vapi_call_t **resume);
void vapi_call_cancel(vapi_ctx_t ctx, vapi_call_t *call);

typedef struct {
    vapi_call_t *resume;
    void *reply;
    size_t size;
    uint8_t bytes[...];
} vapi_answer_t;
int32_t vapi_call_answer(vapi_ctx_t ctx, const void *bytes, size_t size, uint16_t reply_id,
                         uint32_t context_offset, vapi_answer_t *answer, uint64_t timeout_ns);

typedef struct vapi_pump_s {
    const uint8_t *bytes;
    const uint32_t *offsets;
    const uint32_t *sizes;
    uint32_t stride;
    uint32_t count;
    uint32_t depth;
    uint16_t reply_id;
    uint16_t context_offset;
    uint16_t retval_offset;
    bool stop_on_error;
    int32_t *retvals;
    uint8_t *replies;
    uint32_t reply_stride;
    uint32_t ahead;
    const struct vapi_pump_s *before;
    uint32_t sent;
    uint32_t received;
    uint32_t failed;
    uint32_t lost;
    uint32_t first_context;
    void *handle;
    ...;
} vapi_pump_t;
vapi_error_e vapi_pump(vapi_ctx_t ctx, vapi_pump_t *pump, uint64_t timeout_ns);
void vapi_pump_cancel(vapi_ctx_t ctx, vapi_pump_t *pump);

typedef struct {
    const void *request;
    uint32_t request_size;
    bool is_dump;
    uint16_t details_id, end_id;
    uint16_t details_context_offset, end_context_offset;
    uint32_t head_size;
    uint16_t count_offset;
    uint16_t count_width;
    uint32_t element_size;
    bool whole;
    uint8_t *heads;
    uint8_t *tails;
    uint32_t *ends;
    uint32_t max, tails_size;
    uint32_t want;
    bool grows;
    uint32_t count;
    uint32_t tails_used;
    uint32_t needed;
    uint32_t bad_size;
    bool ended;
    void *end;
    uint32_t end_size;
    void *handle;
    ...;
} vapi_collect_t;
vapi_error_e vapi_collect(vapi_ctx_t ctx, vapi_collect_t *collect, uint64_t timeout_ns);
void vapi_collect_cancel(vapi_ctx_t ctx, vapi_collect_t *collect);

typedef struct {
    uint64_t sent;
    uint64_t received;
    uint64_t backlogged;
    uint64_t dropped;
    uint64_t late;
    uint64_t queue_full;
    uint64_t bells;
    uint64_t roused;
    uint64_t returned;
    uint64_t keepalives;
    uint64_t bad;
    uint64_t copied;
    uint64_t backlog_bytes;
    uint64_t held;
    ...;
} vapi_stats_t;
void vapi_get_stats(vapi_ctx_t ctx, vapi_stats_t *stats);
