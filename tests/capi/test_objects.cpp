/* SPDX-License-Identifier: Apache-2.0
 *
 * vapi.hpp and the generated C++ classes, over each transport: all ways to get an answer, and objects
 * that die in every order.
 */
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vapi/demo.api.vapi.hpp>
#include <vector>

#include "client.h"

DEFINE_VAPI_MSG_IDS_DEMO_API_JSON;

using namespace vapi;

#define CHECK_THROWS(exception, expression)                                                        \
    do {                                                                                           \
        bool thrown_ = false;                                                                      \
        try {                                                                                      \
            (void)(expression);                                                                    \
        } catch (const exception &) {                                                              \
            thrown_ = true;                                                                        \
        }                                                                                          \
        if (!thrown_)                                                                              \
            check_fail(__FILE__, __LINE__, #expression " did not throw " #exception);              \
    } while (0)

static void open(Connection &con, capi_server_t *server, vapi_transport_e transport)
{
    CHECK_OK(con.connect(server_options(server, transport, VAPI_MODE_BLOCKING)));
}

static u32 received_and_held(Connection &con)
{
    vapi_stats_t stats;
    vapi_get_stats(con.get_ctx(), &stats);
    return (u32)stats.held;
}

OVER_EACH_TRANSPORT(request_waited_for)
{
    Connection con;
    open(con, server, transport);
    Demo_echo echo(con, 2);
    auto &p = echo.get_request().get_payload();
    p.index = 42;
    p.list.items[1].kind = DEMO_KIND_NUMBER;
    p.list.items[1].value.number = 43;
    CHECK_EQ(echo.get_response_state(), RESPONSE_NOT_READY);
    CHECK(!echo.get_response().has_value());
    CHECK_THROWS(Msg_gone_exception, echo.get_response().get_payload());
    CHECK_OK(echo.execute());
    /* One shot: its memory is VPP's. */
    CHECK_THROWS(Msg_gone_exception, echo.get_request().get_payload());
    CHECK_EQ(echo.execute(), VAPI_EINVAL);
    CHECK_OK(con.wait_for_response(echo));
    CHECK_EQ(echo.get_response_state(), RESPONSE_READY);
    auto &r = echo.get_response().get_payload();
    CHECK_EQ(r.index, 42);
    CHECK_EQ(r.list.n_items, 2);
    CHECK_EQ(r.list.items[1].value.number, 43);
    CHECK_OK(con.wait_for_response(echo));
    CHECK_OK(con.dispatch()); /* nothing to wait for */
    CHECK(&echo.get_connection() == &con);
    CHECK_OK(con.disconnect());
}

OVER_EACH_TRANSPORT(request_called_back)
{
    Connection con;
    open(con, server, transport);
    std::vector<u32> order;
    std::vector<std::unique_ptr<Demo_echo>> requests;
    for (u32 i = 0; i < 20; i++) {
        requests.push_back(std::make_unique<Demo_echo>(con, 0, [&order](Demo_echo &e) {
            order.push_back(e.get_response().get_payload().index);
            return VAPI_OK;
        }));
        requests.back()->get_request().get_payload().index = i;
        CHECK_OK(requests.back()->execute());
    }
    CHECK_OK(con.dispatch());
    CHECK_EQ(order.size(), 20);
    for (u32 i = 0; i < 20; i++)
        CHECK_EQ(order[i], i);
}

OVER_EACH_TRANSPORT(dump)
{
    Connection con;
    open(con, server, transport);
    u32 called = 0;
    Demo_dump d(con, [&called](Demo_dump &done) {
        CHECK(done.get_result_set().is_complete());
        called++;
        return VAPI_OK;
    });
    d.get_request().get_payload().count = 50;
    CHECK_OK(d.execute());
    CHECK(!d.get_result_set().is_complete());
    CHECK_OK(con.wait_for_response(d));
    CHECK_EQ(called, 1);
    auto &rs = d.get_result_set();
    CHECK_EQ(rs.size(), 50);
    u32 i = 0;
    for (auto &item : rs) {
        auto &p = item.get_payload();
        CHECK_EQ(p.index, i);
        CHECK_EQ(p.count, i);
        for (u32 k = 0; k < p.count; k++)
            CHECK_EQ(p.numbers[k], 1000 * i + k);
        i++;
    }
    u32 held = received_and_held(con);
    rs.free_response(rs.begin());
    CHECK_EQ(rs.size(), 49);
    CHECK_EQ(rs.begin()->get_payload().index, 1);
    rs.free_all_responses();
    CHECK(rs.empty());
    CHECK(received_and_held(con) == 0 || received_and_held(con) < held);
}

OVER_EACH_TRANSPORT(stream_with_an_array)
{
    Connection con;
    open(con, server, transport);
    Demo_pick_get s(con, 3);
    auto &p = s.get_request().get_payload();
    CHECK_EQ(p.count, 3);
    for (u32 i = 0; i < 3; i++)
        p.wanted[i] = i * i;
    CHECK_OK(s.execute());
    CHECK_OK(con.wait_for_response(s));
    CHECK_EQ(s.get_response().get_payload().count, 3);
    u32 i = 0;
    for (const auto &item : s.get_result_set()) {
        CHECK_EQ(item.get_payload().wanted, i * i);
        i++;
    }
    CHECK_EQ(i, 3);
    CHECK(s.get_result_set().is_complete());
}

OVER_EACH_TRANSPORT(events)
{
    Connection con;
    open(con, server, transport);
    u32 called = 0;
    {
        Event_registration<Demo_event> events(con, [&](Event_registration<Demo_event> &e) {
            CHECK_EQ(e.get_result_set().size(), 1);
            CHECK_EQ(e.get_result_set().begin()->get_payload().number, called);
            e.get_result_set().free_all_responses();
            called++;
            return VAPI_OK;
        });
        Want_demo_events want(con);
        want.get_request().get_payload().count = 3;
        CHECK_OK(want.execute());
        CHECK_OK(con.wait_for_response(want));
        while (called < 3)
            CHECK_OK(con.dispatch(events));
        CHECK_EQ(con.dispatch(nullptr, 0), VAPI_EAGAIN);
        /* The last one made gets them; then the first again. */
        {
            Event_registration<Demo_event> second(con);
            server_send_events(server, 2, 0);
            CHECK_OK(con.dispatch(second));
            CHECK_OK(con.dispatch(second));
            CHECK_EQ(second.get_result_set().size(), 2);
            CHECK_EQ(called, 3);
        }
        called = 0;
        server_send_events(server, 1, 0);
        CHECK_OK(con.dispatch(events));
        CHECK_EQ(called, 1);
    }
    /* Nobody listens: it is dropped on the way to the answer. */
    server_send_events(server, 1, 0);
    Demo_echo echo(con, 0);
    CHECK_OK(echo.execute());
    CHECK_OK(con.wait_for_response(echo));
    CHECK_EQ(called, 1);
}

OVER_EACH_TRANSPORT(one_way)
{
    Connection con;
    open(con, server, transport);
    Demo_poke poke(con);
    poke.get_request().get_payload().number = 1;
    CHECK_OK(poke.execute());
    CHECK_EQ(poke.execute(), VAPI_EINVAL);
    Demo_echo echo(con, 0);
    CHECK_OK(echo.execute());
    CHECK_OK(con.wait_for_response(echo));
    CHECK_EQ(server_pokes(server), 1);
}

OVER_EACH_TRANSPORT(a_skipped_request)
{
    Connection con;
    open(con, server, transport);
    u32 told = 0;
    Demo_echo silent(con, 0, [&told](Demo_echo &e) {
        CHECK_EQ(e.get_response_state(), RESPONSE_NO_RESPONSE);
        told++;
        return VAPI_OK;
    });
    silent.get_request().get_payload().silent = true;
    CHECK_OK(silent.execute());
    Demo_echo echo(con, 0);
    CHECK_OK(echo.execute());
    CHECK_EQ(con.wait_for_response(silent), VAPI_ENORESP);
    CHECK_EQ(told, 1);
    CHECK_EQ(con.wait_for_response(silent), VAPI_ENORESP);
    CHECK_EQ(echo.get_response_state(), RESPONSE_READY);
    CHECK_THROWS(Msg_gone_exception, silent.get_response().get_payload());
}

OVER_EACH_TRANSPORT(callbacks_that_stop_throw_nest_and_destroy)
{
    Connection con;
    open(con, server, transport);
    Demo_echo stops(con, 0, [](Demo_echo &) { return VAPI_EUSER; });
    CHECK_OK(stops.execute());
    CHECK_EQ(con.dispatch(), VAPI_EUSER);
    Demo_echo throws(con, 0, [](Demo_echo &) -> vapi_error_e { throw std::runtime_error("mine"); });
    CHECK_OK(throws.execute());
    CHECK_THROWS(std::runtime_error, con.dispatch());
    CHECK_EQ(throws.get_response_state(), RESPONSE_READY);
    bool nested = false;
    Demo_echo nests(con, 0, [&](Demo_echo &e) {
        Demo_text inner(e.get_connection(), 3);
        CHECK_OK(inner.execute());
        CHECK_OK(e.get_connection().wait_for_response(inner));
        nested = true;
        return VAPI_OK;
    });
    CHECK_OK(nests.execute());
    CHECK_OK(con.wait_for_response(nests));
    CHECK(nested);
    std::unique_ptr<Demo_echo> gone;
    gone = std::make_unique<Demo_echo>(con, 0, [&gone](Demo_echo &) {
        gone.reset();
        return VAPI_OK;
    });
    CHECK_OK(gone->execute());
    CHECK_OK(con.dispatch());
    CHECK(!gone);
}

OVER_EACH_TRANSPORT(objects_die_in_any_order)
{
    std::optional<Demo_echo> unsent, outstanding, answered;
    std::optional<Demo_dump> dumped;
    std::optional<Event_registration<Demo_event>> events;
    {
        Connection con;
        open(con, server, transport);
        unsent.emplace(con, 1);
        outstanding.emplace(con, 1);
        answered.emplace(con, 1);
        dumped.emplace(con);
        events.emplace(con);
        dumped->get_request().get_payload().count = 5;
        CHECK_OK(answered->execute());
        CHECK_OK(dumped->execute());
        CHECK_OK(con.wait_for_response(*dumped));
        server_hold(server, 1);
        {
            Demo_echo forgotten(con, 0);
            CHECK_OK(forgotten.execute());
        }
        CHECK_OK(outstanding->execute());
        server_hold(server, 0);
        /* The answer to what was forgotten is dropped. */
        Demo_echo last(con, 0);
        CHECK_OK(last.execute());
        CHECK_OK(con.wait_for_response(last));
        CHECK_EQ(outstanding->get_response_state(), RESPONSE_READY);
        outstanding.emplace(con, 1);
        server_hold(server, 1);
        CHECK_OK(outstanding->execute());
        server_hold(server, 0);
        CHECK_OK(con.disconnect());
        CHECK_EQ(outstanding->get_response_state(), RESPONSE_NO_RESPONSE);
        CHECK_EQ(unsent->execute(), VAPI_EINVAL);
    }
    /* Messages outlive their connection. */
    CHECK_EQ(answered->get_response().get_payload().list.n_items, 1);
    CHECK_EQ(dumped->get_result_set().size(), 5);
    CHECK_EQ(unsent->get_request().get_payload().list.n_items, 1);
    CHECK_THROWS(Connection_gone_exception, unsent->execute());
    CHECK_THROWS(Connection_gone_exception, dumped->get_connection());
    dumped.reset();
    unsent.reset();
}

OVER_EACH_TRANSPORT(objects_move)
{
    static_assert(!std::is_copy_constructible_v<Demo_echo>);
    static_assert(std::is_nothrow_move_constructible_v<Msg<vapi_msg_demo_echo>>);
    static_assert(!std::is_copy_constructible_v<Demo_echo_reply>);
    static_assert(!std::is_move_constructible_v<Connection>);
    Connection con;
    open(con, server, transport);
    Demo_echo *where = nullptr;
    Demo_echo first(con, 0, [&where](Demo_echo &e) {
        where = &e;
        return VAPI_OK;
    });
    first.get_request().get_payload().index = 9;
    Demo_echo second(std::move(first));
    CHECK_EQ(second.get_request().get_payload().index, 9);
    CHECK_THROWS(Msg_gone_exception, first.get_request().get_payload());
    CHECK_OK(second.execute());
    Demo_echo third(std::move(second)); /* while it is outstanding */
    CHECK_OK(con.wait_for_response(third));
    CHECK(where == &third);
    CHECK_EQ(third.get_response().get_payload().index, 9);
    std::vector<Demo_echo> many;
    for (u32 i = 0; i < 10; i++) {
        many.emplace_back(con, 0);
        many.back().get_request().get_payload().index = i;
        CHECK_OK(many.back().execute());
    }
    CHECK_OK(con.dispatch());
    for (u32 i = 0; i < 10; i++)
        CHECK_EQ(many[i].get_response().get_payload().index, i);
    Event_registration<Demo_event> one(con);
    Event_registration<Demo_event> two(std::move(one));
    server_send_events(server, 1, 0);
    CHECK_OK(con.dispatch(two));
    CHECK_EQ(two.get_result_set().size(), 1);
}

OVER_EACH_TRANSPORT(bad_messages)
{
    Connection con;
    open(con, server, transport);
    Event_registration<Demo_event> events(con);
    Event_registration<Demo_details> details(con);
    server_send_events(server, 1, 4);
    CHECK_EQ(con.dispatch(events), VAPI_EINVAL);
    server_send_lie(server, 0xffff);
    CHECK_EQ(con.dispatch(details), VAPI_EINVAL);
    CHECK(details.get_result_set().empty());
    CHECK_EQ(received_and_held(con), 0);
}

OVER_EACH_TRANSPORT(an_answer_of_another_kind)
{
    Connection con;
    open(con, server, transport);
    Demo_echo echo(con, 0);
    server_confuse(server);
    CHECK_OK(echo.execute());
    CHECK_THROWS(Unexpected_msg_id_exception, con.wait_for_response(echo));
    CHECK_EQ(echo.get_response_state(), RESPONSE_NO_RESPONSE);
    CHECK_EQ(con.wait_for_response(echo), VAPI_ENORESP);
    CHECK_EQ(received_and_held(con), 0);
    /* The connection is in order. */
    Demo_echo next(con, 0);
    CHECK_OK(next.execute());
    CHECK_OK(con.wait_for_response(next));
}

OVER_EACH_TRANSPORT(a_server_that_is_gone)
{
    Connection con;
    open(con, server, transport);
    Demo_echo echo(con, 0);
    Demo_dump dump(con);
    Demo_poke poke(con);
    echo.get_request().get_payload().index = 0x01020304;
    dump.get_request().get_payload().count = 0x01020304;
    poke.get_request().get_payload().number = 0x01020304;
    server_restart(server);
    /* Over shared memory it takes a moment until that is noticed. */
    vapi_error_e rv = echo.execute();
    if (VAPI_OK == rv)
        rv = con.wait_for_response(echo);
    CHECK_EQ(rv, VAPI_ECONNRESET);
    /* Not sent, so they are still ours, in host order. */
    CHECK_EQ(dump.execute(), VAPI_ECONNRESET);
    CHECK_EQ(poke.execute(), VAPI_ECONNRESET);
    CHECK_EQ(dump.get_request().get_payload().count, 0x01020304);
    CHECK_EQ(poke.get_request().get_payload().number, 0x01020304);
}

TEST(exceptions_say_what_they_are)
{
    const Unexpected_msg_id_exception id;
    const Msg_not_available_exception available;
    const Msg_gone_exception gone;
    const Connection_gone_exception connection;
    CHECK_HAS(static_cast<const std::exception &>(id).what(), "unexpected message");
    CHECK_HAS(static_cast<const std::exception &>(available).what(), "unavailable");
    CHECK_HAS(static_cast<const std::exception &>(gone).what(), "sent already");
    CHECK_HAS(static_cast<const std::exception &>(connection).what(), "connection is gone");
}

OVER_EACH_TRANSPORT(what_vpp_does_not_know)
{
    Connection con;
    /* Not connected: nothing is available. */
    CHECK_THROWS(Msg_not_available_exception, Demo_echo(con, 0));
    CHECK_THROWS(Msg_not_available_exception, Event_registration<Demo_event>(con));
    open(con, server, transport);
    CHECK(con.is_msg_available(vapi_msg_id_demo_echo));
    CHECK(!con.is_msg_available(VAPI_INVALID_MSG_ID));
    CHECK_THROWS(std::bad_alloc, Demo_echo(con, 256)); /* more than the u8 count can say */
    int fd = -1;
    CHECK_OK(con.get_fd(&fd));
    CHECK(fd >= 0);
}

OVER_EACH_TRANSPORT(two_connections_in_two_threads)
{
    auto work = [&] {
        Connection con;
        open(con, server, transport);
        for (u32 i = 0; i < 200; i++) {
            Demo_echo echo(con, 1);
            echo.get_request().get_payload().index = i;
            CHECK_OK(echo.execute());
            CHECK_OK(con.wait_for_response(echo));
            CHECK_EQ(echo.get_response().get_payload().index, i);
        }
    };
    std::thread one(work), two(work);
    one.join();
    two.join();
}

OVER_EACH_TRANSPORT(one_connection_many_threads)
{
    Connection con;
    open(con, server, transport);
    std::vector<std::thread> threads;
    for (u32 t = 0; t < 4; t++) {
        threads.emplace_back([&con, t] {
            for (u32 i = 0; i < 100; i++) {
                Demo_echo echo(con, 0);
                echo.get_request().get_payload().index = t * 1000 + i;
                CHECK_OK(echo.execute());
                CHECK_OK(con.wait_for_response(echo));
                CHECK_EQ(echo.get_response().get_payload().index, t * 1000 + i);
            }
        });
    }
    for (auto &thread : threads)
        thread.join();
}
