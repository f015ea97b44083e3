// SPDX-License-Identifier: MIT
// smtp.hpp: one letter brought to a mail server, on libcurl. Blocks: for a thread of its own.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "http/client.hpp"
#include "meantime/adapter.hpp"

namespace meantime::delivery {

/// How the way to the mail server is kept secret.
enum class MailSecurity : std::uint8_t {
  starttls,  ///< From the first word that matters on; a server that does not offer it is not used. Port 587.
  tls,       ///< From the first byte on. Port 465.
  none,      ///< Not at all: for a server on this machine or its network.
};

struct MailServer {
  std::string host;
  std::uint16_t port = 587;
  MailSecurity security = MailSecurity::starttls;
  std::string user;     ///< Empty: nobody logs in.
  std::string ca_file;  ///< PEM; empty: the system's authorities.
  http::Addresses addresses = http::Addresses::public_only;
  Milliseconds time_limit{60'000};  ///< Of the whole.
};

struct Letter {
  std::string from;                  ///< An address alone.
  std::vector<std::string> to;       ///< The same.
  std::vector<std::string> headers;  ///< Whole lines without their ends; folded ones have "\r\n " in them.
  std::string text;
  std::string file_name;  ///< Empty: no file.
  std::string file;
};

/// One exchange. Threads: run() on a thread that may wait, once; cancel() from any.
class SmtpExchange {
 public:
  SmtpExchange(MailServer server, std::string password, Letter letter);
  SmtpExchange(const SmtpExchange&) = delete;
  SmtpExchange& operator=(const SmtpExchange&) = delete;
  ~SmtpExchange() = default;

  [[nodiscard]] SendAnswer run();
  /// run() returns soon, with whatever.
  void cancel();

 private:
  class Handles;
  friend struct SmtpSockets;
  [[nodiscard]] int perform(void* multi);

  const MailServer server_;
  const std::string password_;
  const Letter letter_;
  std::mutex mutex_;
  void* multi_ = nullptr;  // guarded by mutex_: set while run() can be woken
  bool stop_ = false;      // guarded by mutex_
  // Guarded by mutex_. Shut down by cancel(): curl says good-bye to a server and waits for its answer.
  std::set<int> sockets_;
};

/// A reply of a mail server as a verdict; `said` is its line. 4xx: again in ten minutes, as greylisting wants; 5xx of
/// the login: auth; of the receiver: target_gone; others: payload.
[[nodiscard]] SendAnswer by_reply(int code, std::string_view said);

}  // namespace meantime::delivery
