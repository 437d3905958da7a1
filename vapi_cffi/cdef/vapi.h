/* Mirrors csrc/include/vapi/vapi.h, where every function has its contract: what bindings use of it.
   Messages are bytes here; the parts that need descriptions of messages are for C programs. */
typedef struct vapi_ctx_s *vapi_ctx_t;

vapi_error_e vapi_ctx_alloc(vapi_ctx_t *result);
void vapi_ctx_free(vapi_ctx_t ctx);
vapi_error_e vapi_disconnect(vapi_ctx_t ctx);
vapi_error_e vapi_get_fd(vapi_ctx_t ctx, int *fd);

void vapi_msg_free(vapi_ctx_t ctx, void *msg);
void free(void *memory);
uint32_t vapi_gen_req_context(vapi_ctx_t ctx);
