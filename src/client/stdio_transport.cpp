// SPDX-License-Identifier: MIT
#include "client/stdio_transport.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "client/answer_id.hpp"
#include "core/json_writer.hpp"
#include "core/utf8.hpp"

namespace meantime::client {
namespace {

constexpr Milliseconds after_close{2'000};      // between closing its input and TERM
constexpr Milliseconds after_term{2'000};       // between TERM and KILL
constexpr Milliseconds output_after_exit{250};  // for what a dead program still has in its pipe
constexpr std::uint32_t logs_per_run = 50;
constexpr std::size_t quoted_bytes = 120;
constexpr std::size_t seen_bytes = 256;  // of a line that is no message, at both ends

std::string in_quotes(std::string_view line) {
  std::string out;
  append_json_string(out, utf8::repaired(std::string(line.substr(0, utf8::cut_length(line, quoted_bytes)))));
  if (line.size() > quoted_bytes) out += "...";
  return out;
}

}  // namespace

// One run of the program.
struct StdioTransport::Link final : ByteSink {
  Link(Loop& loop, process::Child its_child, std::size_t max_line)
      : child(std::move(its_child)), framer(max_line), writer(loop.io(), *this), ended_wake(loop.io()) {}
  Task<Result<void>> write(std::string_view bytes) override { return child.write(bytes); }
  void end() {
    ended = true;
    ended_wake.notify();
  }

  process::Child child;
  mcp::LineFramer framer;
  LineWriter writer;
  Wake ended_wake;
  bool ended = false;
  Task<void> reader;
  Task<void> exit_watch;
};

StdioTransport::StdioTransport(Loop& loop, Clock& clock, Receiver& receiver, StdioOptions options, std::string name,
                               std::function<void(std::string_view)> log)
    : loop_(loop),
      clock_(clock),
      receiver_(receiver),
      options_(std::move(options)),
      name_(std::move(name)),
      log_(std::move(log)) {
  if (name_.empty() && !options_.command.empty()) {
    const std::string& program = options_.command.front();
    name_ = program.substr(program.rfind('/') + 1);
  }
}

StdioTransport::~StdioTransport() = default;

void StdioTransport::log(std::string_view text) {
  if (!log_ || logged_ > logs_per_run) return;
  const bool last = logged_++ == logs_per_run;
  log_("upstream '" + name_ + "': " + (last ? "more of this kind is not logged" : std::string(text)));
}

Result<void> StdioTransport::start() {
  if (link_) return fail(errc::unavailable, "upstream.start", "upstream '" + name_ + "' is still ending");
  if (options_.command.empty()) {
    return fail(errc::invalid_argument, "upstream.start", "upstream '" + name_ + "' has no command: name its program");
  }
  auto child = process::Child::start(loop_.io(), clock_,
                                     {.argv = options_.command,
                                      .environment = options_.environment,
                                      .folder = options_.folder,
                                      .in = process::Stream::pipe(),
                                      .out = process::Stream::pipe(),
                                      .err = process::Stream::inherit(STDERR_FILENO),
                                      .die_with_parent = true,
                                      .sigpipe_is_ignored = options_.sigpipe_is_ignored});
  if (!child) return std::unexpected(std::move(child).error());
  link_ = std::make_unique<Link>(loop_, std::move(*child), options_.max_message_bytes);
  logged_ = 0;
  stopping_ = false;
  link_->reader = read(*link_);
  link_->exit_watch = watch_exit(*link_);
  run_ = end(*link_);
  return {};
}

Task<void> StdioTransport::read(Link& link) {
  for (;;) {
    std::string_view bytes = co_await link.child.read_out();
    if (bytes.empty()) break;
    while (!bytes.empty()) {
      const std::span<char> room = link.framer.prepare();
      const std::size_t taken = std::min(room.size(), bytes.size());
      std::memcpy(room.data(), bytes.data(), taken);
      link.framer.commit(taken);
      bytes.remove_prefix(taken);
      // What the answers cause to be sent leaves in one write.
      receiver_.begin_batch();
      link.writer.hold();
      while (const auto line = link.framer.next()) take(*line);
      link.writer.release();
      receiver_.end_batch();
    }
  }
  if (const auto line = link.framer.rest()) take(*line);
  link.end();
}

// A program may end while something it started still holds its output open.
Task<void> StdioTransport::watch_exit(Link& link) {
  co_await link.child.wait();
  Wake over(loop_.io());
  const auto alarm = clock_.make_alarm([&over] { over.notify(); });
  alarm->set(clock_.now() + output_after_exit);
  co_await over.wait();
  link.end();
}

Task<void> StdioTransport::end(Link& link) {
  while (!link.ended && !stopping_) co_await link.ended_wake.wait();
  // What was written before the stop still leaves: cancels of what was just dropped.
  if (stopping_ && !link.ended) co_await link.writer.drain(clock_, after_close);
  const process::ExitStatus status = co_await link.child.terminate(after_term, after_close);
  link_.reset();
  if (!stopping_) {
    receiver_.on_down({errc::unavailable, "upstream.run", "upstream '" + name_ + "' ended (" + status.text() + ")"});
  }
}

Task<void> StdioTransport::stop() {
  stopping_ = true;
  if (link_) link_->ended_wake.notify();
  if (run_) co_await std::move(run_);
}

Result<void> StdioTransport::send(const Outgoing& message) {
  // What is sent to a program that just ended fails when it is known how it ended.
  if (!link_ || stopping_) {
    return fail(errc::unavailable, "upstream.send", "upstream '" + name_ + "' does not run");
  }
  const std::size_t queued = link_->writer.queued();
  if (queued > options_.max_queued_bytes) {
    return fail(errc::unavailable, "upstream.send",
                "upstream '" + name_ + "' does not read its input: " + std::to_string(queued) +
                    " bytes wait for it; try again later or restart it");
  }
  std::string& out = link_->writer.open();
  out += message.line;
  out += '\n';
  return {};
}

Task<Result<void>> StdioTransport::deliver(Outgoing message) {
  co_return send(message);
}

void StdioTransport::take(const mcp::Line& line) {
  if (line.too_long) {
    std::string why = "the answer has " + std::to_string(line.bytes) + " bytes; a line may have " +
                      std::to_string(options_.max_message_bytes);
    log("sent too long a line: " + why);
    refuse(line, std::move(why));
    return;
  }
  const auto message = mcp::read_message(line.text);
  if (message) {
    receiver_.on_message(*message, 0, 0);
    return;
  }
  // 2025-03-26: several messages as an array.
  if (line.text.starts_with('[')) {
    if (const auto batch = mcp::read_batch(line.text); batch && *batch) {
      for (const std::string_view each : **batch) {
        if (const auto one = mcp::read_message(each)) receiver_.on_message(*one, 0, 0);
      }
      return;
    }
  }
  log("sent a line that is no message and is left out (" + message.error().message + "): " + in_quotes(line.text));
  // Often it can be seen whose answer it was to be: nobody shall wait for it any longer.
  mcp::Line ends = line;
  ends.head = line.text.substr(0, seen_bytes);
  ends.tail = line.text.substr(line.text.size() - ends.head.size());
  if (ends.head.starts_with('{') && ends.head.find("\"jsonrpc\"") != std::string_view::npos) {
    refuse(ends, "the answer cannot be read (" + message.error().message + ")");
  }
}

void StdioTransport::refuse(const mcp::Line& line, std::string why) {
  const auto number = find_id(line).integer();
  if (!number || *number <= 0) return;
  receiver_.on_fault(static_cast<RequestNumber>(*number),
                     {.error = {errc::corrupt, "upstream.read", "upstream '" + name_ + "': " + std::move(why)}});
}

}  // namespace meantime::client
