/* Mirrors csrc/address_text.h. */
bool address_text_pack(const char *text, size_t bytes, uint32_t count, uint32_t width, uint8_t *out);
