// SPDX-License-Identifier: MIT
#include "delivery/adapters/smtp.hpp"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "delivery/adapters/web.hpp"
#include "http/addresses.hpp"

namespace meantime::delivery {
namespace {

constexpr Milliseconds greylisted{600'000};
constexpr int go_on_with_data = 354;

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  // Options fail only when libcurl was built without them, which the transfer's own error then tells.
  curl_easy_setopt(easy, option, value);
}

// What came back, besides curl's own code.
struct Heard {
  bool only_public = true;
  bool forbidden = false;
  std::string last_line;
  std::array<char, CURL_ERROR_SIZE> error{};
};

std::size_t on_reply(char* data, std::size_t size, std::size_t count, void* heard) {
  std::string_view line(data, size * count);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (!line.empty()) static_cast<Heard*>(heard)->last_line = line.substr(0, 512);
  return size * count;
}

// Base64 carries lines as they are: a text's must end as mail wants them.
std::string with_line_ends(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 16);
  for (const char c : text) {
    if (c == '\n' && !out.ends_with('\r')) out += '\r';
    out += c;
  }
  return out;
}

}  // namespace

/// curl's sockets: looked at before they are made, known while they are open.
struct SmtpSockets {
  SmtpExchange& exchange;
  Heard& heard;

  static curl_socket_t open(void* self, curlsocktype, curl_sockaddr* address) {
    auto& [exchange, heard] = *static_cast<SmtpSockets*>(self);
    if (heard.only_public && !http::is_public(address->addr)) {
      heard.forbidden = true;
      return CURL_SOCKET_BAD;
    }
    const std::lock_guard lock(exchange.mutex_);
    if (exchange.stop_) return CURL_SOCKET_BAD;
    const int socket = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (socket >= 0) exchange.sockets_.insert(socket);
    return socket;
  }
  static int close(void* self, curl_socket_t socket) {
    auto& exchange = static_cast<SmtpSockets*>(self)->exchange;
    const std::lock_guard lock(exchange.mutex_);
    exchange.sockets_.erase(socket);
    return ::close(socket);
  }
};

/// What libcurl wants freed, in the order that it wants.
class SmtpExchange::Handles {
 public:
  Handles() : multi_(make_multi()), easy_(curl_easy_init()) {
    if (easy_ != nullptr) mime_ = curl_mime_init(easy_);
  }
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;
  ~Handles() {
    if (added_) curl_multi_remove_handle(multi_, easy_);
    curl_mime_free(mime_);
    curl_easy_cleanup(easy_);
    curl_multi_cleanup(multi_);
    curl_slist_free_all(receivers_);
    curl_slist_free_all(headers_);
  }

  [[nodiscard]] bool ready() const noexcept { return multi_ != nullptr && easy_ != nullptr && mime_ != nullptr; }
  [[nodiscard]] CURLM* multi() const noexcept { return multi_; }
  [[nodiscard]] CURL* easy() const noexcept { return easy_; }

  void address(const Letter& letter) {
    set(easy_, CURLOPT_MAIL_FROM, letter.from.c_str());
    for (const std::string& to : letter.to) append(receivers_, to);
    set(easy_, CURLOPT_MAIL_RCPT, receivers_);
    for (const std::string& line : letter.headers) append(headers_, line);
    set(easy_, CURLOPT_HTTPHEADER, headers_);
  }

  void fill(const Letter& letter) {
    const std::string text = with_line_ends(letter.text);
    curl_mimepart* part = curl_mime_addpart(mime_);
    curl_mime_data(part, text.data(), text.size());
    curl_mime_type(part, "text/plain; charset=utf-8");
    curl_mime_encoder(part, "base64");
    if (!letter.file_name.empty()) {
      part = curl_mime_addpart(mime_);
      curl_mime_data(part, letter.file.data(), letter.file.size());
      curl_mime_type(part, letter.file_name.ends_with(".json") ? "application/json" : "text/plain; charset=utf-8");
      curl_mime_filename(part, letter.file_name.c_str());
      curl_mime_encoder(part, "base64");
    }
    set(easy_, CURLOPT_MIMEPOST, mime_);
  }

  void start() { added_ = curl_multi_add_handle(multi_, easy_) == CURLM_OK; }

 private:
  static CURLM* make_multi() {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    return ready == CURLE_OK ? curl_multi_init() : nullptr;
  }
  static void append(curl_slist*& list, const std::string& text) {
    if (curl_slist* longer = curl_slist_append(list, text.c_str())) list = longer;
  }

  CURLM* multi_;
  CURL* easy_;
  curl_mime* mime_ = nullptr;
  curl_slist* receivers_ = nullptr;
  curl_slist* headers_ = nullptr;
  bool added_ = false;
};

SmtpExchange::SmtpExchange(MailServer server, std::string password, Letter letter)
    : server_(std::move(server)), password_(std::move(password)), letter_(std::move(letter)) {}

void SmtpExchange::cancel() {
  const std::lock_guard lock(mutex_);
  stop_ = true;
  if (multi_ != nullptr) curl_multi_wakeup(multi_);
  for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
}

// Drives it to its end or until it is stopped; curl's code of the exchange, or -1 when it was stopped.
int SmtpExchange::perform(void* multi) {
  constexpr int look_again_ms = 1'000;
  {
    const std::lock_guard lock(mutex_);
    multi_ = multi;
  }
  int code = -1;
  for (bool goes_on = true; goes_on;) {
    int running = 0;
    goes_on = curl_multi_perform(multi, &running) == CURLM_OK && running > 0;
    if (goes_on) curl_multi_poll(multi, nullptr, 0, look_again_ms, nullptr);
    const std::lock_guard lock(mutex_);
    if (stop_) break;
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg == CURLMSG_DONE) code = message->data.result;
  }
  const std::lock_guard lock(mutex_);
  multi_ = nullptr;
  return code;
}

SendAnswer SmtpExchange::run() {
  Heard heard{.only_public = server_.addresses == http::Addresses::public_only};
  SmtpSockets sockets{*this, heard};
  Handles handles;  // goes first: closes the sockets
  if (!handles.ready()) return {.verdict = SendVerdict::retry_backoff, .detail = "libcurl has no memory"};
  CURL* easy = handles.easy();
  const bool tls = server_.security == MailSecurity::tls;
  const std::string name = letter_.from.substr(letter_.from.find('@') + 1);  // said with EHLO
  const std::string url =
      (tls ? "smtps://" : "smtp://") + server_.host + ':' + std::to_string(server_.port) + '/' + name;
  set(easy, CURLOPT_URL, url.c_str());
  set(easy, CURLOPT_ERRORBUFFER, heard.error.data());
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set(easy, CURLOPT_PROXY, "");
  set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(server_.time_limit.count()));
  set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (server_.security == MailSecurity::starttls) set(easy, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
  if (!server_.ca_file.empty()) set(easy, CURLOPT_CAINFO, server_.ca_file.c_str());
  if (!server_.user.empty()) {
    set(easy, CURLOPT_USERNAME, server_.user.c_str());
    set(easy, CURLOPT_PASSWORD, password_.c_str());
  }
  set(easy, CURLOPT_OPENSOCKETFUNCTION, &SmtpSockets::open);
  set(easy, CURLOPT_OPENSOCKETDATA, static_cast<void*>(&sockets));
  set(easy, CURLOPT_CLOSESOCKETFUNCTION, &SmtpSockets::close);
  set(easy, CURLOPT_CLOSESOCKETDATA, static_cast<void*>(&sockets));
  const auto seconds = std::max<std::int64_t>(1, server_.time_limit.count() / 1'000);
  set(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, static_cast<long>(seconds));
  set(easy, CURLOPT_HEADERFUNCTION, &on_reply);
  set(easy, CURLOPT_HEADERDATA, static_cast<void*>(&heard));
  handles.address(letter_);
  handles.fill(letter_);
  handles.start();

  const int code = perform(handles.multi());
  if (code == CURLE_OK) return {};
  long reply = 0;
  curl_off_t uploaded = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply);
  curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
  const std::string where = "the mail server '" + server_.host + "'";
  if (heard.forbidden) {
    return {.verdict = SendVerdict::target_gone,
            .detail = where + " has an address that is not public: allow_private = true allows it"};
  }
  SendAnswer answer;
  if (reply >= 400) {
    answer = by_reply(static_cast<int>(reply), heard.last_line);
  } else if (code == CURLE_LOGIN_DENIED) {
    answer.verdict = SendVerdict::auth;
  } else {
    // Once it waited for the letter it may have taken it.
    answer.verdict = uploaded > 0 || reply == go_on_with_data ? SendVerdict::unknown : SendVerdict::retry_backoff;
  }
  if (answer.detail.empty()) {
    const std::string_view error = heard.error.data();
    answer.detail = where + ": " + cited(!error.empty() ? error : curl_easy_strerror(static_cast<CURLcode>(code)));
  }
  return answer;
}

SendAnswer by_reply(int code, std::string_view said) {
  SendAnswer answer;
  answer.detail = "the mail server answered " + (said.empty() ? std::to_string(code) : "'" + cited(said) + "'");
  switch (code) {
    case 421:  // it goes away
    case 454:  // it cannot look up who we are, or has no TLS right now
      answer.verdict = SendVerdict::retry_backoff;
      return answer;
    case 530:
    case 534:
    case 535:
    case 538:
      answer.verdict = SendVerdict::auth;
      return answer;
    case 521:
    case 550:
    case 551:
    case 553:
    case 556:
      answer.verdict = SendVerdict::target_gone;
      return answer;
    default:
      break;
  }
  if (code >= 500) {
    answer.verdict = SendVerdict::payload;
  } else {
    answer.verdict = SendVerdict::retry_after;
    answer.after = greylisted;
  }
  return answer;
}

}  // namespace meantime::delivery
