/* Every way from C into Python; the functions are in vapi_cffi/_callbacks.py. */
extern "Python" vapi_error_e _on_message(vapi_ctx_t ctx, void *callback_ctx, uint16_t vl_msg_id,
                                         void *msg, size_t size);
