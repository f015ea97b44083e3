// SPDX-License-Identifier: MIT
// http_transport.hpp: messages to and from a Streamable HTTP endpoint: a POST for each, answers as JSON or as a stream
// of events that is resumed where the revision has that, and the session of the handshake family. Threads: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/options.hpp"
#include "client/transport.hpp"
#include "engine/loop.hpp"
#include "engine/wake.hpp"
#include "http/client.hpp"
#include "mcp/sse.hpp"

namespace meantime::client {

class HttpTransport final : public Transport {
 public:
  /// All outlive the transport. `name` empty: the URL's host.
  HttpTransport(Loop& loop, Clock& clock, http::Client& http, Receiver& receiver, HttpOptions options, std::string name,
                std::function<void(std::string_view)> log);
  ~HttpTransport() override;

  [[nodiscard]] mcp::EraProbe::Transport kind() const noexcept override { return mcp::EraProbe::Transport::http; }
  [[nodiscard]] Result<void> start() override;
  [[nodiscard]] Result<void> send(const Outgoing& message) override;
  [[nodiscard]] Task<Result<void>> deliver(Outgoing message) override;
  void abandon(RequestNumber number) override;
  void established(mcp::Revision revision) override;
  void forget_session() override;
  [[nodiscard]] Task<void> stop() override;
  [[nodiscard]] const std::string& name() const noexcept override { return name_; }

 private:
  struct Post;
  using Stream = std::unique_ptr<http::ResponseStream>;

  Task<void> run(Post& post);
  Task<void> exchange(Post& post);
  Task<Result<Stream>> open(http::ClientRequest request);
  Task<void> take_json(Post& post, http::ResponseStream& stream);
  Task<Result<void>> take_events(Post& post, http::ResponseStream& stream);
  Task<void> take_refusal(Post& post, http::ResponseStream& stream);
  Task<Result<std::string>> read_all(http::ResponseStream& stream, std::size_t limit);
  Task<void> resume(Post& post);
  Task<void> hear();
  Task<void> end_session();
  bool take_text(Post& post, std::string_view text, int http_status);
  void take_message(Post& post, const mcp::Message& message, int http_status);
  void fault(Post& post, Error why, int http_status = 0, bool session_lost = false);
  void retire(std::uint64_t key);
  [[nodiscard]] std::unique_ptr<Post> make_post(const Outgoing& message);
  [[nodiscard]] http::ClientRequest make_request(std::string_view method) const;
  Task<void> pause(Milliseconds duration);
  void log(std::string_view text) const;

  Loop& loop_;
  Clock& clock_;
  http::Client& http_;
  Receiver& receiver_;
  HttpOptions options_;
  std::string name_;
  std::function<void(std::string_view)> log_;
  std::string session_;
  std::optional<mcp::Revision> revision_;  // since `initialize` was answered
  std::uint64_t last_key_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Post>> posts_;
  std::unordered_map<RequestNumber, std::uint64_t> keys_;
  std::vector<std::unique_ptr<Post>> retired_;
  Ready reap_;
  Wake idle_;
  Task<void> hearing_;
};

}  // namespace meantime::client
