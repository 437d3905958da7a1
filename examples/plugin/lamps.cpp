/* Two lamps, from C++: ./lamps++ SOCKET */
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vapi/lamp.api.vapi.hpp>

DEFINE_VAPI_MSG_IDS_LAMP_API_JSON;

static void check(vapi_error_e rv, const char *what)
{
    if (rv != VAPI_OK)
        throw std::runtime_error(std::string(what) + ": " + vapi_error_name(rv));
}

/** Sends a request and waits for its answer. */
template <typename R> static R &call(vapi::Connection &con, R &&request, const char *what)
{
    check(request.execute(), what);
    check(con.wait_for_response(request), what);
    return request;
}

static u32 add(vapi::Connection &con, const vapi_type_lamp &lamp)
{
    vapi::Lamp_add request(con);
    request.get_request().get_payload().lamp = lamp;
    return call(con, request, "lamp_add").get_response().get_payload().id;
}

static i32 switch_lamps(vapi::Connection &con, std::initializer_list<u32> ids)
{
    vapi::Lamp_switch request(con, ids.size());
    auto &payload = request.get_request().get_payload();
    payload.flags = LAMP_FLAG_ON;
    for (size_t i = 0; i < ids.size(); i++)
        payload.ids[i] = ids.begin()[i];
    return call(con, request, "lamp_switch").get_response().get_payload().retval;
}

int main(int argc, char **argv)
{
    vapi::Connection con;
    check(con.connect("lamps++", argv[argc - 1], 64, 128, true, true), "connect");
    call(con, vapi::Lamp_clear(con), "lamp_clear");

    vapi_type_lamp lamp = {};
    std::snprintf(reinterpret_cast<char *>(lamp.name), sizeof lamp.name, "desk");
    lamp.light.white.kelvin = 2700;
    const u32 desk = add(con, lamp);
    lamp = {};
    std::snprintf(reinterpret_cast<char *>(lamp.name), sizeof lamp.name, "disco");
    lamp.kind = LAMP_KIND_RGB;
    lamp.light.rgb.red = 255;
    lamp.light.rgb.blue = 128;
    const u32 disco = add(con, lamp);

    int seen = 0;
    using Events = vapi::Event_registration<vapi::Lamp_event>;
    Events registration(con, [&seen](Events &events) {
        for (auto &event : events.get_result_set()) {
            const auto &p = event.get_payload();
            std::printf("event: lamp %u has flags %u\n", p.id, p.flags);
            seen++;
        }
        events.get_result_set().free_all_responses();
        return VAPI_OK;
    });
    vapi::Want_lamp_events want(con);
    want.get_request().get_payload().enable = true;
    call(con, want, "want_lamp_events");
    switch_lamps(con, {desk, disco});
    while (seen < 2)
        check(con.dispatch(), "event");

    vapi::Lamp_dump dump(con);
    for (auto &row : call(con, dump, "lamp_dump").get_result_set()) {
        const auto &found = row.get_payload().lamp;
        const char *name = reinterpret_cast<const char *>(found.name);
        const auto &rgb = found.light.rgb;
        if (found.kind == LAMP_KIND_RGB)
            std::printf("%s: #%02x%02x%02x\n", name, rgb.red, rgb.green, rgb.blue);
        else
            std::printf("%s: %u K\n", name, found.light.white.kelvin);
    }

    vapi::Lamp_history_get history(con);
    std::printf("history:");
    for (auto &row : call(con, history, "lamp_history_get").get_result_set())
        std::printf(" %u", row.get_payload().id);
    std::printf("\nlamp 99: %d\n", switch_lamps(con, {99}));
}
