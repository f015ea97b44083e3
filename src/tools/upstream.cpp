// SPDX-License-Identifier: MIT
#include "tools/upstream.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/duration.hpp"
#include "core/json_writer.hpp"
#include "core/utf8.hpp"
#include "mcp/splice.hpp"
#include "tools/upstream_answer.hpp"

namespace meantime::tools {
namespace {

constexpr Milliseconds worth_waiting{2'000};    // a restart due within this holds lines; else they are refused
constexpr Milliseconds lived_well{10'000};      // then the next restart is quick again
constexpr Milliseconds after_close{2'000};      // between closing its input and TERM
constexpr Milliseconds after_term{2'000};       // between TERM and KILL
constexpr Milliseconds output_after_exit{250};  // for what a dead program still has in its pipe
constexpr std::uint32_t logs_per_run = 50;
constexpr std::size_t quoted_bytes = 120;
constexpr std::size_t seen_bytes = 256;  // of a line that is no message, at both ends

std::string in_quotes(std::string_view line) {
  std::string out;
  std::string start(line.substr(0, utf8::cut_length(line, quoted_bytes)));
  append_json_string(out, utf8::repaired(std::move(start)));
  if (line.size() > quoted_bytes) out += "...";
  return out;
}

}  // namespace

// One run of the program.
struct Upstream::Link final : ByteSink {
  Link(boost::asio::io_context& loop, process::Child its_child, std::size_t max_line)
      : child(std::move(its_child)), framer(max_line), writer(loop, *this) {}
  Task<Result<void>> write(std::string_view bytes) override { return child.write(bytes); }

  process::Child child;
  mcp::LineFramer framer;
  LineWriter writer;
  bool ended = false;
  SteadyTime began{};
  Task<void> reader;
  Task<void> exit_watch;
};

// A request of ours that waits for its answer; lives in the coroutine that waits.
class Upstream::Exchange {
 public:
  Exchange(Upstream& upstream, std::uint64_t call, ToolContext* context)
      : upstream_(&upstream), call_(call), context_(context) {
    upstream.exchanges_.emplace(call, this);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    if (upstream_ == nullptr) return;
    upstream_->exchanges_.erase(call_);
    if (!sent_) return;
    // An upstream that is down has nothing left to cancel.
    [[maybe_unused]] const Result<void> told = upstream_->send(cancelled_line());
  }

  [[nodiscard]] bool await_ready() const noexcept { return answer_.has_value(); }
  void await_suspend(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }
  ToolReturn await_resume() noexcept { return std::move(*answer_); }

  void sent() noexcept { sent_ = true; }
  void set_reason(std::string_view reason) { reason_ = reason; }
  [[nodiscard]] ToolContext* context() const noexcept { return context_; }
  /// The waiter goes on inside this call; the exchange is gone after it.
  void complete(ToolReturn answer) {
    upstream_->exchanges_.erase(call_);
    upstream_ = nullptr;
    answer_ = std::move(answer);
    if (waiter_) waiter_.resume();
  }
  void detach() noexcept { upstream_ = nullptr; }

 private:
  [[nodiscard]] std::string cancelled_line() const {
    std::string line = R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)";
    line += upstream_->id_of(call_);
    if (!reason_.empty()) line += ",\"reason\":" + reason_;
    return line + "}}";
  }

  Upstream* upstream_;
  std::uint64_t call_;
  ToolContext* context_;
  std::coroutine_handle<> waiter_;
  std::optional<ToolReturn> answer_;
  std::string reason_;
  bool sent_ = false;
};

Upstream::Upstream(boost::asio::io_context& loop, Clock& clock, UpstreamListener& listener, UpstreamOptions options)
    : loop_(loop),
      clock_(clock),
      listener_(listener),
      options_(std::move(options)),
      // The process number keeps ids apart where one gateway stands behind another.
      id_prefix_("\"mt-" + std::to_string(::getpid()) + "-"),
      backoff_(options_.backoff_first),
      wake_(loop) {
  if (options_.name.empty() && !options_.command.empty()) {
    const std::string& program = options_.command.front();
    options_.name = program.substr(program.rfind('/') + 1);
  }
  down_ = Error{errc::unavailable, "upstream.send", "upstream '" + options_.name + "' was not started"};
}

Upstream::~Upstream() {
  run_.reset();
  replay_.reset();
  for (const auto& [call, exchange] : exchanges_) exchange->detach();
}

void Upstream::log(std::string_view text) {
  if (!options_.log || logged_ > logs_per_run) return;
  const bool last = logged_++ == logs_per_run;
  options_.log("upstream '" + options_.name + "': " + (last ? "more of this kind is not logged" : std::string(text)));
}

std::string Upstream::id_of(std::uint64_t call) const {
  return id_prefix_ + std::to_string(call) + '"';
}

std::optional<std::uint64_t> Upstream::call_of(mcp::JsonSpan id) const noexcept {
  const std::string_view raw = id.raw();
  if (!raw.starts_with(id_prefix_)) return std::nullopt;
  std::uint64_t call = 0;
  const char* end = raw.data() + raw.size() - 1;
  const auto [stopped, error] = std::from_chars(raw.data() + id_prefix_.size(), end, call);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return call;
}

Result<void> Upstream::start() {
  if (auto opened = open_link(); !opened) return opened;
  run_ = run();
  return {};
}

Task<void> Upstream::stop() {
  stopping_ = true;
  wake_.notify();
  if (run_) co_await std::move(run_);
}

Result<void> Upstream::open_link() {
  auto child = process::Child::start(loop_, clock_,
                                     {.argv = options_.command,
                                      .environment = options_.environment,
                                      .folder = options_.folder,
                                      .in = process::Stream::pipe(),
                                      .out = process::Stream::pipe(),
                                      .err = process::Stream::inherit(STDERR_FILENO),
                                      .die_with_parent = true,
                                      .sigpipe_is_ignored = options_.sigpipe_is_ignored});
  if (!child) return std::unexpected(std::move(child).error());
  link_ = std::make_unique<Link>(loop_, std::move(*child), options_.max_line_bytes);
  link_->began = clock_.now();
  state_ = State::up;
  logged_ = 0;
  link_->reader = read(*link_);
  link_->exit_watch = watch_exit(*link_);
  return {};
}

Task<void> Upstream::read(Link& link) {
  for (;;) {
    std::string_view bytes = co_await link.child.read_out();
    if (bytes.empty()) break;
    while (!bytes.empty()) {
      const std::span<char> room = link.framer.prepare();
      const std::size_t taken = std::min(room.size(), bytes.size());
      std::memcpy(room.data(), bytes.data(), taken);
      link.framer.commit(taken);
      bytes.remove_prefix(taken);
      listener_.begin_batch();
      while (const auto line = link.framer.next()) take(*line);
      listener_.end_batch();
    }
    co_await listener_.room();
  }
  if (const auto line = link.framer.rest()) take(*line);
  link.ended = true;
  wake_.notify();
}

// A program may end while something it started still holds its output open.
Task<void> Upstream::watch_exit(Link& link) {
  co_await link.child.wait();
  co_await pause(output_after_exit);
  link.ended = true;
  wake_.notify();
}

Task<void> Upstream::pause(Milliseconds duration) {
  Wake over(loop_);
  const auto alarm = clock_.make_alarm([&over] { over.notify(); });
  alarm->set(clock_.now() + duration);
  co_await over.wait();
}

Task<void> Upstream::run() {
  for (;;) {
    while (!link_->ended && !stopping_) co_await wake_.wait();
    replay_.reset();
    state_ = State::down;
    restart_at_ = SteadyTime::max();
    // What was written before the stop still leaves: cancels of what was just dropped.
    if (stopping_ && !link_->ended) co_await link_->writer.drain(clock_, after_close);
    const process::ExitStatus status = co_await link_->child.terminate(after_term, after_close);
    if (clock_.now() - link_->began >= lived_well) backoff_ = options_.backoff_first;
    link_.reset();
    std::string why = "upstream '" + options_.name + "' ended (" + status.text() + ")";
    while (!stopping_) {
      const bool again = !initialize_.empty();
      wanted_ = false;
      if (again) restart_at_ = clock_.now() + backoff_;
      fail_all({errc::unavailable, "upstream.run",
                why + (again ? "; it is started again in " + format_duration(backoff_) : std::string()), backoff_});
      if (options_.log) options_.log(down_.detail);
      while (!again && !wanted_ && !stopping_) co_await wake_.wait();
      if (stopping_) break;
      const SteadyTime at = clock_.now() + backoff_;
      restart_at_ = at;
      const auto alarm = clock_.make_alarm([this] { wake_.notify(); });
      alarm->set(at);
      while (clock_.now() < at && !stopping_) co_await wake_.wait();
      backoff_ = std::min(backoff_ * 2, options_.backoff_most);
      if (stopping_) break;
      const Result<void> opened = open_link();
      if (opened) {
        ++restarts_;
        if (initialize_.empty()) {
          link_->writer.open() += std::exchange(held_, {});
        } else {
          state_ = State::replaying;
          replay_ = replay();
        }
        break;
      }
      why = "upstream '" + options_.name + "' cannot be started again: " + opened.error().detail;
    }
    if (stopping_ && !link_) {
      fail_all({errc::unavailable, "upstream.run", why});
      co_return;
    }
  }
}

Task<void> Upstream::replay() {
  const std::uint64_t call = ++last_call_;
  const auto alarm = clock_.make_alarm([this] {
    log("did not answer the repeated initialize in time");
    link_->ended = true;
    wake_.notify();
  });
  alarm->set(clock_.now() + options_.handshake_timeout);
  Exchange waiting(*this, call, nullptr);
  if (const auto initialize = mcp::read_message(initialize_)) {
    mcp::append_with_id(link_->writer.open(), *initialize, id_of(call));
  }
  const ToolReturn answer = co_await waiting;
  if (!answer) {
    log("refused the repeated initialize: " + answer.error().message);
    if (link_) link_->ended = true;
    wake_.notify();
    co_return;
  }
  std::string& out = link_->writer.open();
  if (!initialized_.empty()) out += initialized_ + '\n';
  out += std::exchange(held_, {});
  state_ = State::up;
  log("is up again");
}

void Upstream::fail_all(const Error& why) {
  down_ = why;
  held_.clear();
  std::vector<std::uint64_t> calls;
  calls.reserve(exchanges_.size());
  for (const auto& [call, exchange] : exchanges_) calls.push_back(call);
  for (const std::uint64_t call : calls) {
    const auto found = exchanges_.find(call);
    if (found != exchanges_.end()) {
      found->second->complete(failure("UpstreamError", why.detail + "; this call was not answered"));
    }
  }
  listener_.on_down(why);
}

// The link cannot go between the two: it ends on a turn of the loop of its own.
void Upstream::begin_batch() {
  batched_ = link_ ? &link_->writer : nullptr;
  if (batched_ != nullptr) batched_->hold();
}

void Upstream::end_batch() {
  if (LineWriter* batch = std::exchange(batched_, nullptr)) batch->release();
}

Result<void> Upstream::send(std::string_view line) {
  std::string* out = &held_;
  if (state_ == State::up) {
    out = &link_->writer.open();
  } else if (stopping_) {
    return std::unexpected(down_);
  } else if (state_ == State::down) {
    wanted_ = true;
    wake_.notify();
    const auto left = restart_at_ == SteadyTime::max()
                          ? Milliseconds(0)
                          : std::chrono::duration_cast<Milliseconds>(restart_at_ - clock_.now());
    if (left > worth_waiting) {
      Error why = down_;
      why.retry_after = left;
      return std::unexpected(std::move(why));
    }
  }
  const std::size_t queued = state_ == State::up ? link_->writer.queued() : held_.size();
  if (queued > options_.max_queued_bytes) {
    return fail(errc::unavailable, "upstream.send",
                "upstream '" + options_.name + "' does not read its input: " + std::to_string(queued) +
                    " bytes wait for it; try again later or restart it");
  }
  *out += line;
  *out += '\n';
  return {};
}

std::string Upstream::make_call(const mcp::Message& request, std::uint64_t& call) {
  call = ++last_call_;
  const std::string id = id_of(call);
  std::string line;
  line.reserve(request.params.raw().size() + 160);
  line += R"({"jsonrpc":"2.0","id":)";
  line += id;
  line += R"(,"method":"tools/call","params":)";
  mcp::append_params_with_progress_token(line, request, id);
  line += '}';
  return line;
}

Task<ToolReturn> Upstream::exchange(std::uint64_t call, std::string line, ToolContext* context) {
  Exchange waiting(*this, call, context);
  if (const auto sent = send(line); !sent) co_return failure("UpstreamError", sent.error().detail);
  waiting.sent();
  line = {};
  co_return co_await waiting;
}

Task<ToolReturn> Upstream::run_call(ToolContext& context) {
  constexpr std::size_t before_id = std::string_view(R"({"jsonrpc":"2.0","id":)").size();
  const std::string_view line = context.arguments();
  const std::size_t end = line.find(',', before_id);
  const auto call = end == line.npos ? std::nullopt : call_of(mcp::JsonSpan(line.substr(before_id, end - before_id)));
  if (!call) co_return failure("InternalError", "not a prepared call");
  Exchange waiting(*this, *call, &context);
  if (const auto sent = send(line); !sent) co_return failure("UpstreamError", sent.error().detail);
  waiting.sent();
  co_return co_await waiting;
}

Task<ToolReturn> Upstream::call_tool(ToolContext& context, std::string tool) {
  const std::uint64_t call = ++last_call_;
  const std::string id = id_of(call);
  std::string params;
  JsonWriter out(params);
  out.begin_object().field("name", tool);
  out.key("arguments").raw(context.arguments().empty() ? "{}" : context.arguments());
  out.key("_meta").begin_object().key("progressToken").raw(id).end_object().end_object();
  std::string line;
  mcp::append_request(line, id, "tools/call", params);
  line.pop_back();
  return exchange(call, std::move(line), &context);
}

Task<Result<std::string>> Upstream::request(std::string_view method, std::string_view params) {
  const std::uint64_t call = ++last_call_;
  std::string line;
  mcp::append_request(line, id_of(call), method, params);
  line.pop_back();
  const std::string what = "upstream '" + options_.name + "', " + std::string(method) + ": ";
  ToolReturn answer = co_await exchange(call, std::move(line), nullptr);
  if (answer) co_return std::move(answer->text);
  const bool answered = answer.error().type == "McpError";
  co_return fail(answered ? errc::corrupt : errc::unavailable, "upstream.request", what + answer.error().message);
}

void Upstream::set_cancel_reason(std::uint64_t call, std::string_view reason) {
  if (const auto found = exchanges_.find(call); found != exchanges_.end()) found->second->set_reason(reason);
}

void Upstream::take(const mcp::Line& line) {
  if (line.too_long) {
    const std::string why = "the answer has " + std::to_string(line.bytes) + " bytes; a line may have " +
                            std::to_string(options_.max_line_bytes);
    log("sent too long a line: " + why);
    refuse(line, why);
    return;
  }
  const auto message = mcp::read_message(line.text);
  if (!message) {
    log("sent a line that is no message and is left out (" + message.error().message + "): " + in_quotes(line.text));
    // Often it can be seen whose answer it was to be: nobody shall wait for it any longer.
    mcp::Line ends = line;
    ends.head = line.text.substr(0, seen_bytes);
    ends.tail = line.text.substr(line.text.size() - ends.head.size());
    if (ends.head.starts_with('{') && ends.head.find("\"jsonrpc\"") != std::string_view::npos) {
      refuse(ends, "the answer cannot be read (" + message.error().message + ")");
    }
    return;
  }
  if (message->is_response()) {
    take_answer(*message);
  } else if (message->method.is("notifications/progress")) {
    take_progress(*message);
  } else {
    listener_.on_message(*message);
  }
}

void Upstream::refuse(const mcp::Line& line, std::string_view why) {
  const mcp::JsonSpan id = find_id(line);
  if (const auto call = call_of(id)) {
    const auto found = exchanges_.find(*call);
    if (found != exchanges_.end()) {
      found->second->complete(failure("UpstreamError", "upstream '" + options_.name + "': " + std::string(why)));
    }
  } else if (id) {
    listener_.on_unreadable_answer(id, why);
  }
}

void Upstream::take_answer(const mcp::Message& message) {
  const auto call = call_of(message.id);
  if (!call) {
    listener_.on_message(message);
    return;
  }
  const auto found = exchanges_.find(*call);
  if (found == exchanges_.end()) {
    log("answered " + std::string(message.id.raw()) + ", which nobody waits for any more; the answer is dropped");
    return;
  }
  found->second->complete(to_return(message));
}

void Upstream::take_progress(const mcp::Message& message) {
  const auto call = call_of(message.param.progress_token);
  if (!call) {
    listener_.on_message(message);
    return;
  }
  const auto found = exchanges_.find(*call);
  if (found == exchanges_.end()) return;
  if (ToolContext* context = found->second->context()) {
    context->progress({.value = message.param.progress.number().value_or(0),
                       .total = message.param.total.number(),
                       .message = message.param.message.text()});
  }
  listener_.on_call_progress(*call, message);
}

}  // namespace meantime::tools
