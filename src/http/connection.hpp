// SPDX-License-Identifier: MIT
// connection.hpp: one accepted connection: reads requests, has them answered one after the other, keeps the time
// limits. It is destroyed by its server only, in a turn of the loop of its own.
#pragma once

#include <array>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "engine/deadlines.hpp"
#include "engine/loop.hpp"
#include "http/answer.hpp"
#include "http/exchange.hpp"
#include "http/request_reader.hpp"
#include "http/server.hpp"
#include "http/wire.hpp"

namespace meantime::http {

class Connection;

/// What the connections of one server share.
class Shared {
 public:
  Shared(Loop& with_loop, Deadlines& with_deadlines, Handler& with_handler, const ServerOptions& with)
      : loop(with_loop), deadlines(with_deadlines), handler(with_handler), options(with) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  Loop& loop;
  Deadlines& deadlines;
  Handler& handler;
  const ServerOptions options;
  const RequestReader::Limits limits{options.max_head, options.max_headers, options.max_body};
  DateLine date;
  std::string scratch;                    // where a head is put together
  std::array<char, 16UL << 10U> waste{};  // for what is read only to be forgotten
  bool stopping = false;

  /// Destroys the connection.
  virtual void remove(Connection& connection) = 0;

 protected:
  ~Shared() = default;
};

class Connection final : public Exchange, private WireUser {
 public:
  Connection(Shared& shared, Peer peer);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() override;

  /// Begins. TLS when there is a context for it.
  void start(Socket socket, const std::shared_ptr<boost::asio::ssl::context>& tls);
  /// The same for one connection too many: it gets 503 and is closed.
  void start_refused(Socket socket);
  /// The server stops: closes it when it is idle, else after the answer under way.
  void wind_down();
  /// Closes it, whatever goes on; the conversation is told in the next turn.
  void drop();
  [[nodiscard]] bool refused() const noexcept { return refused_; }

  std::list<std::unique_ptr<Connection>>::iterator place;  ///< Its server's.

  void respond(int status, std::string_view content_type, std::string_view body,
               std::string_view extra_headers) override;
  void start_stream(int status, std::string_view content_type, std::string_view extra_headers) override;
  void write(std::string_view bytes) override;
  void end() override;
  [[nodiscard]] std::size_t queued() const noexcept override { return out_.size() - sent_; }
  void keep(std::unique_ptr<Conversation> conversation) override;
  [[nodiscard]] bool started() const noexcept override { return answer_ != Answer::none && answer_ != Answer::awaited; }

 private:
  // How far the answer to the present request is.
  enum class Answer : unsigned char { none, awaited, streaming };
  // What the deadline stands for.
  enum class Limit : unsigned char { none, handshake, idle, head, body, stall, linger };

  void on_open(bool open) override;
  void on_read(std::size_t bytes) override;
  void on_writable() override;
  void on_deadline();
  void turn();

  void process();
  void handle_request();
  bool head_is_welcome();
  [[nodiscard]] Milliseconds body_span() const;
  void refuse(int status, std::string_view text);
  void read_on();
  void send(std::string_view head, std::string_view body);
  void flush();
  void answered();
  void finish();
  void set_limit(Limit limit, Milliseconds after);
  void clear_limit();
  AnswerHead head_of(int status, std::string_view content_type, std::string_view extra_headers);

  Shared& shared_;
  Peer peer_;
  RequestReader reader_;
  std::shared_ptr<Wire> wire_;
  std::string out_;
  std::size_t sent_ = 0;  // of out_
  std::unique_ptr<Conversation> conversation_;
  std::vector<std::unique_ptr<Conversation>> done_;  // to be destroyed in the next turn
  Deadline deadline_{[](void* self) { static_cast<Connection*>(self)->on_deadline(); }, this};
  Ready turn_{[](void* self) { static_cast<Connection*>(self)->turn(); }, this};
  std::size_t body_seen_ = 0;
  Milliseconds body_took_{0};
  std::size_t discarded_ = 0;
  std::size_t in_kernel_ = 0;  // when the time for a stall began
  Answer answer_ = Answer::none;
  Limit limit_ = Limit::none;
  bool reading_ = false;
  bool awaiting_writable_ = false;
  bool processing_ = false;
  bool to_head_ = false;   // the present request is HEAD
  bool to_1_0_ = false;    // ... is of HTTP/1.0
  bool keep_open_ = true;  // after the present answer
  bool chunked_ = false;
  bool head_seen_ = false;  // by Handler::on_head
  bool no_body_ = false;    // the answer's status has none
  bool finishing_ = false;  // nothing more is answered: send what there is, then close
  bool lingering_ = false;  // all is sent: the client's bytes are read and forgotten so that it can read the answer
  bool peer_ended_ = false;
  bool refused_ = false;
  bool closed_ = false;
};

}  // namespace meantime::http
