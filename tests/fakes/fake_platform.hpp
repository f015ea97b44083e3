// SPDX-License-Identifier: MIT
// fake_platform.hpp: what all fakes of platforms share: an HTTP server on loopback that keeps every request as it came
// and every message it took, and that a test can make answer badly, late, half or not at all. Threads: the loop's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/deadlines.hpp"
#include "engine/loop.hpp"
#include "http/server.hpp"
#include "meantime/clock.hpp"

namespace meantime::test {

/// A request as it came.
struct FakeRequest {
  std::string method;
  std::string path;   ///< Nothing decoded.
  std::string query;  ///< What follows '?'.
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Names in lower case.

  /// Empty when there is none.
  [[nodiscard]] std::string header(std::string_view lower_case_name) const;
  /// Of the query or of a form in the body: decoded. Absent: no such name.
  [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
};

struct FakeAnswer {
  int status = 200;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string type = "application/json";
};

/// A message that a platform took.
struct FakeMessage {
  std::string id;
  std::string channel;
  std::string text;  ///< As its reader would see it, where that is known; else as it was sent.
  std::string key;   ///< By which the platform notices repetitions; empty: it does not.
  std::string file_name;
  std::string file;
  std::size_t request = 0;  ///< Which of the requests brought it, from 0 on.
};

/// What happens to one request.
enum class Fault : std::uint8_t {
  answer,         ///< This answer is given, whatever the request says; nothing is taken.
  cut_before,     ///< Nothing is taken, and the connection breaks.
  cut_after,      ///< It is done as asked, and the connection breaks before a byte of the answer.
  cut_in_answer,  ///< It is done as asked, and the connection breaks in the answer.
  hold,           ///< It is done as asked; the answer comes with release().
};

class FakePlatform : private http::Handler {
 public:
  /// Both outlive it. Listens at once. Errors: throws std::runtime_error.
  FakePlatform(boost::asio::io_context& io, Clock& clock);
  FakePlatform(const FakePlatform&) = delete;
  FakePlatform& operator=(const FakePlatform&) = delete;
  ~FakePlatform() override;

  /// http://127.0.0.1:<port>
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  /// Faults are used up in order, each by the next request whose path holds `path_part`.
  void next(Fault fault, std::string path_part = {});
  void next(FakeAnswer answer, std::string path_part = {});
  /// How many faults nothing has met yet.
  [[nodiscard]] std::size_t left() const noexcept { return scripted_.size(); }
  /// Gives the answers that were held, in order.
  void release();
  [[nodiscard]] std::size_t held() const noexcept { return held_.size(); }
  /// Connections are refused, and open ones cut, until accept().
  void refuse();
  void accept();

  [[nodiscard]] const std::vector<FakeRequest>& requests() const noexcept { return requests_; }
  [[nodiscard]] const std::vector<FakeMessage>& messages() const noexcept { return messages_; }
  [[nodiscard]] std::vector<std::string> texts() const;
  /// Messages that came again and were noticed.
  [[nodiscard]] std::uint64_t noticed() const noexcept { return noticed_; }
  /// What was wrong with requests that were not scripted to fail. A correct adapter gives no cause for any.
  [[nodiscard]] const std::vector<std::string>& complaints() const noexcept { return complaints_; }

 protected:
  /// What the platform does with a request: checks everything it would check, take()s the message.
  virtual FakeAnswer answer(const FakeRequest& request) = 0;

  /// Keeps a message; gives its id, which is the earlier one's when its key was seen within `remembered`.
  std::string take(FakeMessage message, Milliseconds remembered = Milliseconds(0));
  /// Notes it, and gives `answer`.
  FakeAnswer complain(std::string what, FakeAnswer answer);
  [[nodiscard]] Clock& clock() noexcept { return clock_; }
  [[nodiscard]] std::string new_id();

 private:
  class Held;
  struct Scripted {
    Fault fault = Fault::answer;
    FakeAnswer answer;
    std::string path_part;
  };

  void on_request(http::Request& request, http::Exchange& exchange) override;
  std::optional<Scripted> scripted_for(const FakeRequest& request);
  void listen();
  /// Cuts all connections, when what was written has left.
  void cut_soon();

  boost::asio::io_context& io_;
  Clock& clock_;
  Loop loop_;
  Deadlines deadlines_;
  std::unique_ptr<http::Server> server_;
  std::uint16_t port_ = 0;
  bool refusing_ = false;
  std::deque<Scripted> scripted_;
  std::deque<Held*> held_;
  std::vector<FakeRequest> requests_;
  std::vector<FakeMessage> messages_;
  std::map<std::string, std::pair<std::string, SteadyTime>, std::less<>> seen_;  // key to id and when
  std::vector<std::string> complaints_;
  std::uint64_t noticed_ = 0;
  std::uint64_t next_id_ = 1'000;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace meantime::test
