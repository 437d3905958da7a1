/* SPDX-License-Identifier: Apache-2.0
 *
 * VAPI for C++17: requests, dumps, streams and events as objects.
 *
 * What to know before the first call
 *  - Objects may die in any order: a message keeps what it needs of its connection, also after
 *    disconnect() and after ~Connection(). An outstanding request that dies is forgotten; its answer
 *    is dropped.
 *  - A request is sent once: with execute() its memory goes to VPP, and get_payload() of it throws
 *    Msg_gone_exception from then on.
 *  - Nothing arrives by itself: dispatch() or wait_for_response() receive, and call callbacks, in the
 *    thread that calls them. Answers come in the order of the requests.
 *  - Threads: one Connection may be used by many; objects made from it by one at a time. While a
 *    callback runs, other threads cannot execute() nor destroy requests of the same connection.
 *  - Payloads are in host byte order. They are packed: take members by value, not by reference.
 *  - Errors are vapi_error_e; vapi_error_text() (vapi/batch.h) has the sentence. Exceptions: the four
 *    below, std::bad_alloc, and whatever a callback throws, which leaves dispatch().
 */
#ifndef vapi_hpp_included
#define vapi_hpp_included

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vapi/batch.h>
#include <vapi/vapi.h>
#include <vapi/vapi_dbg.h>
#include <vapi/vapi_internal.h>
#include <vapi/vlib.api.vapi.h>
#include <vector>

/* The library's; VPP before 22.02 has the message in another file than vlib.api.vapi.h includes. */
extern "C" vapi_msg_id_t vapi_msg_id_control_ping_reply;

/* VPP's vapi.hpp includes vapi/vpe.api.vapi.h, so programs define the ids of vpe that use no message of
 * it. They need none here. */
#ifndef DEFINE_VAPI_MSG_IDS_VPE_API_JSON
#define DEFINE_VAPI_MSG_IDS_VPE_API_JSON
#endif

namespace vapi
{

class Connection;
template <typename M> class Msg;
template <typename M> class Result_set;
template <typename M> class Event_registration;

/* What generated headers say of each message M, by specialisation. */
template <typename M> void vapi_swap_to_be(M *msg);
template <typename M> void vapi_swap_to_host(M *msg);
template <typename M> vapi_msg_id_t vapi_get_msg_id_t();
/** A new message; Args: the lengths of its variable parts. */
template <typename M, typename... Args> M *vapi_alloc(Connection &con, Args... args);

/** Headers of VPP's own generator call this; the id is known without. */
template <typename M> void vapi_msg_set_msg_id(vapi_msg_id_t) {}

/** A message came in the place of another. */
class Unexpected_msg_id_exception : public std::exception
{
  public:
    const char *what() const noexcept override { return "unexpected message id"; }
};

/** VPP does not know the message, or not with this layout (vapi_is_msg_available()). */
class Msg_not_available_exception : public std::exception
{
  public:
    const char *what() const noexcept override { return "message unavailable"; }
};

/** The message is not here: the request has been sent, the response has not come, or the object has
 * been moved from. */
class Msg_gone_exception : public std::exception
{
  public:
    const char *what() const noexcept override
    {
        return "no message here: sent already, not received yet, or moved away";
    }
};

/** The Connection of an object is gone. */
class Connection_gone_exception : public std::exception
{
  public:
    const char *what() const noexcept override { return "the connection is gone"; }
};

typedef enum {
    RESPONSE_NOT_READY, /**< may still come */
    RESPONSE_READY, /**< has come */
    RESPONSE_NO_RESPONSE, /**< will never come */
} vapi_response_state_e;

class Common_req;

/** What a connection and the objects made from it share. For this header's own use. */
class Connection_state
{
  public:
    explicit Connection_state(Connection *con) : owner{con}
    {
        if (VAPI_OK != vapi_ctx_alloc(&ctx))
            throw std::bad_alloc();
    }
    ~Connection_state() { vapi_ctx_free(ctx); }
    Connection_state(const Connection_state &) = delete;
    Connection_state &operator=(const Connection_state &) = delete;

  private:
    vapi_ctx_t ctx{nullptr};
    Connection *owner;
    /* Taken in this order. */
    std::recursive_mutex dispatch_mutex;
    /* The rest; held while callbacks run, and while sending, so that `requests` has the order in
     * which VPP sees them. */
    std::recursive_mutex mutex;
    std::deque<Common_req *> requests; /* outstanding, oldest first */
    std::unordered_map<vapi_msg_id_t, std::vector<Common_req *>> events; /* the last one gets it */
#if VAPI_CPP_DEBUG_LEAKS
    std::atomic<std::size_t> messages{0}; /* that objects hold */
#endif
    void count_message(std::ptrdiff_t by)
    {
#if VAPI_CPP_DEBUG_LEAKS
        messages += static_cast<std::size_t>(by);
#else
        (void)by;
#endif
    }

    void forget(const Common_req *req)
    {
        std::lock_guard<std::recursive_mutex> lock(mutex);
        requests.erase(std::remove(requests.begin(), requests.end(), req), requests.end());
        for (auto at = events.begin(); at != events.end();) {
            auto &those = at->second;
            those.erase(std::remove(those.begin(), those.end(), req), those.end());
            at = those.empty() ? events.erase(at) : std::next(at);
        }
    }

    void replace(const Common_req *from, Common_req *to)
    {
        std::lock_guard<std::recursive_mutex> lock(mutex);
        std::replace(requests.begin(), requests.end(), const_cast<Common_req *>(from), to);
        for (auto &those : events)
            std::replace(those.second.begin(), those.second.end(), const_cast<Common_req *>(from),
                         to);
    }

    friend class Connection;
    friend class Common_req;
    friend class Raw_msg;
    template <typename M> friend class Msg;
    template <typename M> friend class Event_registration;
};

/** A received or unsent message of the C library, freed with the object. */
class Raw_msg
{
  public:
    Raw_msg() = default;
    Raw_msg(std::shared_ptr<Connection_state> state_, vapi_ctx_t ctx_, void *data_)
        : state{std::move(state_)}, ctx{ctx_}, data{data_}
    {
        state->count_message(1);
    }
    Raw_msg(Raw_msg &&other) noexcept
        : state{std::move(other.state)}, ctx{other.ctx}, data{std::exchange(other.data, nullptr)}
    {
    }
    Raw_msg &operator=(Raw_msg &&other) noexcept
    {
        std::swap(state, other.state);
        std::swap(ctx, other.ctx);
        std::swap(data, other.data);
        return *this;
    }
    ~Raw_msg()
    {
        if (!data)
            return;
        vapi_msg_free(ctx, data);
        state->count_message(-1);
    }

    void *get() const { return data; }
    /** It is somebody else's now. */
    void release()
    {
        data = nullptr;
        state->count_message(-1);
    }

  private:
    std::shared_ptr<Connection_state> state; /* keeps ctx */
    vapi_ctx_t ctx{nullptr};
    void *data{nullptr};
};

/** What requests and event registrations have in common. */
class Common_req
{
  public:
    virtual ~Common_req() { detach(); }
    Common_req(const Common_req &) = delete;
    Common_req &operator=(const Common_req &) = delete;

    /** The connection that it was made with. Throws Connection_gone_exception. */
    Connection &get_connection() const
    {
        if (!state || !state->owner)
            throw Connection_gone_exception();
        return *state->owner;
    }

    vapi_response_state_e get_response_state() const { return response_state; }

  protected:
    explicit Common_req(Connection &con);
    /** Not while another thread dispatches. */
    Common_req(Common_req &&other) noexcept
        : state{other.state}, context{other.context}, response_state{other.response_state.load()}
    {
        if (state)
            state->replace(&other, this);
    }

    void detach()
    {
        if (state)
            state->forget(this);
    }

    std::shared_ptr<Connection_state> state;

  private:
    /** Takes a message for it, already in host order. true: it was the last one. */
    virtual bool take(vapi_msg_id_t id, Raw_msg &&msg) = 0;
    /** Calls the callback. */
    virtual vapi_error_e notify() = 0;

    u32 context{0};
    std::atomic<vapi_response_state_e> response_state{RESPONSE_NOT_READY}; /* READY: all is there */

    friend class Connection;
};

/** A message: of a request that is to be sent, or received. Move-only. */
template <typename M> class Msg
{
  public:
    using shm_data_type = M;

    Msg(Msg &&) noexcept = default;
    Msg &operator=(Msg &&) noexcept = default;

    static vapi_msg_id_t get_msg_id() { return vapi_get_msg_id_t<M>(); }

    /** Whether get_payload() has something to return. */
    bool has_value() const { return raw.get() != nullptr; }

    /** What follows the header, in host byte order. Throws Msg_gone_exception. Not there for messages
     * that are a header only. The reference is good as long as this object holds the message. */
    template <typename X = M> decltype(X::payload) &get_payload() const
    {
        return checked()->payload;
    }

  private:
    Msg() = default;
    explicit Msg(Raw_msg &&raw_) : raw{std::move(raw_)} {}

    M *checked() const
    {
        if (!raw.get())
            throw Msg_gone_exception();
        return static_cast<M *>(raw.get());
    }

    Raw_msg raw;

    friend class Connection;
    template <typename X> friend class Result_set;
    template <typename Req, typename Resp, typename... Args> friend class Request;
    template <typename Req, typename Resp, typename... Args> friend class Dump;
    template <typename Req, typename Resp, typename Item, typename... Args> friend class Stream;
    template <typename Req, typename... Args> friend class Oneway;
};

/**
 * A connection to VPP. connect() first. Neither copied nor moved, as the objects made with it refer to
 * it.
 */
class Connection
{
  public:
    Connection() : state{std::make_shared<Connection_state>(this)}, vapi_ctx{state->ctx} {}
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    /** Disconnects if need be; waits as vapi_disconnect() does. */
    ~Connection()
    {
#if VAPI_CPP_DEBUG_LEAKS
        if (state->messages != 0)
            std::fprintf(stderr, "vapi: %zu messages outlive their connection\n",
                         state->messages.load());
#endif
        disconnect();
        std::lock_guard<std::recursive_mutex> lock(state->mutex);
        state->owner = nullptr;
    }

    /** Whether the connected VPP knows this message with this layout. Never blocks. */
    bool is_msg_available(vapi_msg_id_t type) const
    {
        return vapi_is_msg_available(vapi_ctx, type);
    }

    /**
     * Connects in blocking mode; waits for VPP's answer, ten seconds at most.
     *
     * @param name  what VPP calls this client; 1 to 63 bytes
     * @param chroot_prefix  shared memory prefix, or path of the socket with use_uds
     * @param max_outstanding_requests  > 0
     * @param response_queue_size  > 0
     * @param handle_keepalives  answer VPP's keepalives inside dispatch()
     * @return as vapi_connect_ex()
     */
    vapi_error_e connect(const char *name, const char *chroot_prefix, int max_outstanding_requests,
                         int response_queue_size, bool handle_keepalives = true,
                         bool use_uds = false)
    {
        return vapi_connect_ex(vapi_ctx, name, chroot_prefix, max_outstanding_requests,
                               response_queue_size, VAPI_MODE_BLOCKING, handle_keepalives, use_uds);
    }

    /** Connects with every option that there is (vapi/batch.h). Errors as vapi_connect_options(). */
    vapi_error_e connect(const vapi_connect_options_t &options)
    {
        return vapi_connect_options(vapi_ctx, &options);
    }

    /** Leaves VPP; waits two seconds at most. Outstanding requests get RESPONSE_NO_RESPONSE, without
     * their callbacks. Errors as vapi_disconnect(). */
    vapi_error_e disconnect()
    {
        {
            std::lock_guard<std::recursive_mutex> lock(state->mutex);
            for (auto req : state->requests)
                req->response_state = RESPONSE_NO_RESPONSE;
            state->requests.clear();
        }
        return vapi_disconnect(vapi_ctx);
    }

    /** As vapi_get_fd(): readable while messages wait. */
    vapi_error_e get_fd(int *fd) { return vapi_get_fd(vapi_ctx, fd); }

    /** The C context, for the calls of vapi/batch.h; it stays this object's. */
    vapi_ctx_t get_ctx() const { return vapi_ctx; }

    /**
     * Receives messages and hands them to their objects, until `limit` has its response (or, for an
     * event registration, one event) or, without limit, nothing is outstanding; with event
     * registrations there always is. Waits for each message `time` seconds at most.
     *
     * @return VAPI_OK; VAPI_EAGAIN: the time is over; VAPI_ENORESP: `limit` will have no response;
     *         what a callback returned; VAPI_EINVAL: a message is shorter than its type; else as
     *         vapi_recv()
     */
    vapi_error_e dispatch(const Common_req *limit = nullptr, u32 time = 5)
    {
        std::lock_guard<std::recursive_mutex> turn(state->dispatch_mutex);
        while (!is_done(limit)) {
            void *data;
            size_t size;
            vapi_error_e rv = vapi_recv(vapi_ctx, &data, &size, SVM_Q_TIMEDWAIT, time);
            if (VAPI_OK != rv)
                return rv;
            bool reached = false;
            rv = deliver(Raw_msg{state, vapi_ctx, data}, size, limit, reached);
            if (VAPI_OK != rv || reached)
                return rv;
        }
        return limit && RESPONSE_NO_RESPONSE == limit->response_state ? VAPI_ENORESP : VAPI_OK;
    }

    vapi_error_e dispatch(const Common_req &limit) { return dispatch(&limit); }

    /** Dispatches until this request has its response. VAPI_EAGAIN after five seconds without a
     * message; VAPI_ENORESP: it will have none. */
    vapi_error_e wait_for_response(const Common_req &req)
    {
        switch (req.get_response_state()) {
        case RESPONSE_READY:
            return VAPI_OK;
        case RESPONSE_NO_RESPONSE:
            return VAPI_ENORESP;
        default:
            return dispatch(req);
        }
    }

  private:
    /** Nothing to wait for. */
    bool is_done(const Common_req *limit)
    {
        std::lock_guard<std::recursive_mutex> lock(state->mutex);
        if (limit && RESPONSE_NOT_READY != limit->response_state)
            return true;
        return state->requests.empty() && state->events.empty();
    }

    /** `reached`: what came was the last for `limit`. */
    vapi_error_e deliver(Raw_msg msg, size_t size, const Common_req *limit, bool &reached)
    {
        /* Keeps everything alive should a callback destroy the connection's last object. */
        std::shared_ptr<Connection_state> keep = state;
        std::lock_guard<std::recursive_mutex> lock(keep->mutex);
        u16 vl_id;
        memcpy(&vl_id, msg.get(), sizeof vl_id);
        vapi_msg_id_t id = vapi_lookup_vapi_msg_id_t(vapi_ctx, be16toh(vl_id));
        if (VAPI_INVALID_MSG_ID == id)
            return VAPI_OK; /* nobody here can have asked for it */
        if (!vapi_msg_to_host(id, msg.get(), size))
            return VAPI_EINVAL;
        if (vapi_msg_is_with_context(id)) {
            u32 context;
            memcpy(&context, static_cast<u8 *>(msg.get()) + vapi_get_context_offset(id),
                   sizeof context);
            auto matches = [context](const Common_req *req) { return req->context == context; };
            if (std::any_of(keep->requests.begin(), keep->requests.end(), matches))
                return respond(id, std::move(msg), context, limit, reached);
        }
        auto found = keep->events.find(id);
        if (found == keep->events.end())
            return VAPI_OK;
        Common_req *event = found->second.back();
        reached = event == limit;
        event->take(id, std::move(msg));
        return event->notify();
    }

    /** A message for the request with this context. VPP answers in order: those before it have been
     * skipped. */
    vapi_error_e respond(vapi_msg_id_t id, Raw_msg &&msg, u32 context, const Common_req *limit,
                         bool &reached)
    {
        vapi_error_e first = VAPI_OK;
        while (!state->requests.empty()) {
            Common_req *req = state->requests.front();
            bool is_limit = req == limit;
            vapi_error_e rv = VAPI_OK;
            if (req->context == context) {
                if (take(req, id, std::move(msg))) {
                    reached = reached || is_limit;
                    rv = req->notify();
                }
                return VAPI_OK != first ? first : rv;
            }
            state->requests.pop_front();
            req->response_state = RESPONSE_NO_RESPONSE;
            rv = req->notify();
            if (is_limit) {
                reached = true;
                rv = VAPI_OK == rv ? VAPI_ENORESP : rv;
            }
            first = VAPI_OK != first ? first : rv;
        }
        return first; /* a callback destroyed the request */
    }

    /** The oldest request takes a message; true when it was its last. */
    bool take(Common_req *req, vapi_msg_id_t id, Raw_msg &&msg)
    {
        bool last;
        try {
            last = req->take(id, std::move(msg));
        } catch (...) {
            state->requests.pop_front();
            req->response_state = RESPONSE_NO_RESPONSE;
            throw;
        }
        if (last) {
            state->requests.pop_front();
            req->response_state = RESPONSE_READY;
        }
        return last;
    }

    /** Sends the message of a request and notes it. With `ping`, as a dump. */
    template <typename M> vapi_error_e send(Common_req *req, Msg<M> &msg, bool ping)
    {
        if (!msg.has_value())
            return VAPI_EINVAL;
        M *data = msg.checked();
        std::lock_guard<std::recursive_mutex> lock(state->mutex);
        u32 context = vapi_gen_req_context(vapi_ctx);
        data->header.context = context;
        vapi_swap_to_be<M>(data);
        vapi_error_e rv =
            ping ? vapi_send_with_control_ping(vapi_ctx, data, context) : vapi_send(vapi_ctx, data);
        if (VAPI_OK == rv) {
            msg.raw.release();
            req->context = context;
            state->requests.push_back(req);
        } else {
            vapi_swap_to_host<M>(data);
        }
        return rv;
    }

    template <typename M> vapi_error_e send_only(Msg<M> &msg)
    {
        if (!msg.has_value())
            return VAPI_EINVAL;
        M *data = msg.checked();
        vapi_swap_to_be<M>(data);
        vapi_error_e rv = vapi_send(vapi_ctx, data);
        if (VAPI_OK == rv)
            msg.raw.release();
        else
            vapi_swap_to_host<M>(data);
        return rv;
    }

    template <typename M> void require() const
    {
        if (!is_msg_available(vapi_get_msg_id_t<M>()))
            throw Msg_not_available_exception();
    }

    /** A message to fill in. */
    template <typename M, typename... Args> Msg<M> make(Args... args)
    {
        require<M>();
        void *data = vapi_alloc<M, Args...>(*this, args...);
        if (!data)
            throw std::bad_alloc();
        return Msg<M>{Raw_msg{state, vapi_ctx, data}};
    }

#if VAPI_CPP_DEBUG_LEAKS
    /* Headers of VPP's own generator call it. */
    void on_shm_data_alloc(void *) {}
#endif

    std::shared_ptr<Connection_state> state;
    vapi_ctx_t vapi_ctx; /* owned by state; under the name that generated code uses */

    friend class Common_req;
    template <typename Req, typename Resp, typename... Args> friend class Request;
    template <typename Req, typename Resp, typename... Args> friend class Dump;
    template <typename Req, typename Resp, typename Item, typename... Args> friend class Stream;
    template <typename Req, typename... Args> friend class Oneway;
    template <typename M> friend class Event_registration;
    template <typename M, typename... Args> friend M *vapi_alloc(Connection &con, Args... args);
};

inline Common_req::Common_req(Connection &con) : state{con.state} {}

/**
 * One request, one response. Args: the lengths of the request's variable parts, given to the
 * constructor before the callback. Throws Msg_not_available_exception, std::bad_alloc (no memory for
 * the message, or not connected). Move-only.
 */
template <typename Req, typename Resp, typename... Args> class Request : public Common_req
{
  public:
    /** Called when the response has come, or when get_response_state() is RESPONSE_NO_RESPONSE. What
     * it returns, if not VAPI_OK, ends dispatch(). */
    using Callback = std::function<vapi_error_e(Request &)>;

    Request(Connection &con, Args... args, Callback cb = nullptr)
        : Common_req{con}, callback{std::move(cb)},
          request{con.template make<Req, Args...>(args...)}
    {
        con.template require<Resp>();
    }
    Request(Request &&) = default;
    ~Request() override { detach(); }

    /** Sends it, once; afterwards VAPI_EINVAL. On an error it can be tried again. */
    vapi_error_e execute() { return get_connection().send(this, request, false); }

    const Msg<Req> &get_request() const { return request; }
    /** Empty until get_response_state() is RESPONSE_READY. */
    const Msg<Resp> &get_response() const { return response; }

  private:
    bool take(vapi_msg_id_t id, Raw_msg &&msg) override
    {
        if (id != Msg<Resp>::get_msg_id())
            throw Unexpected_msg_id_exception();
        response = Msg<Resp>{std::move(msg)};
        return true;
    }

    vapi_error_e notify() override
    {
        /* Out of the object, which the callback may destroy. */
        Callback call = std::move(callback);
        return call ? call(*this) : VAPI_OK;
    }

    Callback callback;
    Msg<Req> request;
    Msg<Resp> response;
};

/** A request that has no answer, or whose answer comes as an event. */
template <typename Req, typename... Args> class Oneway
{
  public:
    explicit Oneway(Connection &connection, Args... args)
        : con{connection}, request{connection.template make<Req, Args...>(args...)}
    {
    }

    /** Sends it, once. */
    vapi_error_e execute() { return con.get().send_only(request); }

    const Msg<Req> &get_request() const { return request; }

  private:
    std::reference_wrapper<Connection> con;
    Msg<Req> request;
};

/** Messages of one type, in the order in which they came: a range. */
template <typename M> class Result_set
{
  public:
    using value_type = Msg<M>;
    using const_iterator = typename std::deque<Msg<M>>::const_iterator;
    using iterator = const_iterator;

    Result_set(const Result_set &) = delete;
    Result_set &operator=(const Result_set &) = delete;

    /** All have come. Never true for events. */
    bool is_complete() const { return complete; }
    size_t size() const { return set.size(); }
    bool empty() const { return set.empty(); }
    const_iterator begin() const { return set.begin(); }
    const_iterator end() const { return set.end(); }

    /** Frees one; iterators are good no more. */
    void free_response(const_iterator pos) { set.erase(pos); }
    void free_all_responses() { set.clear(); }

  private:
    Result_set() = default;
    Result_set(Result_set &&) = default;

    void add(vapi_msg_id_t id, Raw_msg &&msg)
    {
        if (id != Msg<M>::get_msg_id())
            throw Unexpected_msg_id_exception();
        set.push_back(Msg<M>{std::move(msg)});
    }

    bool complete{false};
    std::deque<Msg<M>> set;

    template <typename Req, typename Resp, typename... Args> friend class Dump;
    template <typename Req, typename Resp, typename Item, typename... Args> friend class Stream;
    template <typename X> friend class Event_registration;
};

/** One request, any number of items, then a response. Otherwise as Request. */
template <typename Req, typename Resp, typename Item, typename... Args>
class Stream : public Common_req
{
  public:
    using Callback = std::function<vapi_error_e(Stream &)>;
    using resp_type = Item;

    Stream(Connection &con, Args... args, Callback cb = nullptr)
        : Common_req{con}, callback{std::move(cb)},
          request{con.template make<Req, Args...>(args...)}
    {
        con.template require<Resp>();
        con.template require<Item>();
    }
    Stream(Stream &&) = default;
    ~Stream() override { detach(); }

    /** Sends it, once; afterwards VAPI_EINVAL. On an error it can be tried again. */
    vapi_error_e execute() { return get_connection().send(this, request, false); }

    const Msg<Req> &get_request() const { return request; }
    const Msg<Resp> &get_response() const { return response; }
    Result_set<Item> &get_result_set() { return result_set; }
    const Result_set<Item> &get_result_set() const { return result_set; }

  private:
    bool take(vapi_msg_id_t id, Raw_msg &&msg) override
    {
        if (id != Msg<Resp>::get_msg_id()) {
            result_set.add(id, std::move(msg));
            return false;
        }
        response = Msg<Resp>{std::move(msg)};
        result_set.complete = true;
        return true;
    }

    vapi_error_e notify() override
    {
        Callback call = std::move(callback);
        return call ? call(*this) : VAPI_OK;
    }

    Callback callback;
    Msg<Req> request;
    Msg<Resp> response;
    Result_set<Item> result_set;
};

/** One request, any number of items, ended by the reply to a control ping. Otherwise as Request. */
template <typename Req, typename Resp, typename... Args> class Dump : public Common_req
{
  public:
    using Callback = std::function<vapi_error_e(Dump &)>;
    using resp_type = Resp;

    Dump(Connection &con, Args... args, Callback cb = nullptr)
        : Common_req{con}, callback{std::move(cb)},
          request{con.template make<Req, Args...>(args...)}
    {
        con.template require<Resp>();
    }
    Dump(Dump &&) = default;
    ~Dump() override { detach(); }

    /** Sends it, once; afterwards VAPI_EINVAL. On an error it can be tried again. */
    vapi_error_e execute() { return get_connection().send(this, request, true); }

    const Msg<Req> &get_request() const { return request; }
    Result_set<Resp> &get_result_set() { return result_set; }
    const Result_set<Resp> &get_result_set() const { return result_set; }

  private:
    bool take(vapi_msg_id_t id, Raw_msg &&msg) override
    {
        if (id != ::vapi_msg_id_control_ping_reply) {
            result_set.add(id, std::move(msg));
            return false;
        }
        result_set.complete = true;
        return true;
    }

    vapi_error_e notify() override
    {
        Callback call = std::move(callback);
        return call ? call(*this) : VAPI_OK;
    }

    Callback callback;
    Msg<Req> request;
    Result_set<Resp> result_set;
};

/**
 * Collects events of one type (M: a name such as Sw_interface_event) for as long as it lives; the last
 * one made for a type gets them. VPP sends events to who has asked with a want_... request. Throws
 * Msg_not_available_exception. Move-only.
 */
template <typename M> class Event_registration : public Common_req
{
  public:
    using resp_type = typename M::shm_data_type;
    /** Called after each event, which is the last of get_result_set(). */
    using Callback = std::function<vapi_error_e(Event_registration &)>;

    explicit Event_registration(Connection &con, Callback cb = nullptr)
        : Common_req{con}, callback{std::move(cb)}
    {
        con.template require<resp_type>();
        std::lock_guard<std::recursive_mutex> lock(state->mutex);
        state->events[M::get_msg_id()].push_back(this);
    }
    Event_registration(Event_registration &&) = default;
    ~Event_registration() override { detach(); }

    /** What has come and was not freed: free_response() or free_all_responses() what is done with. */
    Result_set<resp_type> &get_result_set() { return result_set; }

  private:
    bool take(vapi_msg_id_t id, Raw_msg &&msg) override
    {
        result_set.add(id, std::move(msg));
        return true;
    }

    vapi_error_e notify() override
    {
        Callback call = callback;
        return call ? call(*this) : VAPI_OK;
    }

    Callback callback;
    Result_set<resp_type> result_set;
};

} // namespace vapi

#endif
