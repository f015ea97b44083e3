// SPDX-License-Identifier: MIT
#include "delivery/adapters/mail.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "delivery/adapters/chunks.hpp"
#include "delivery/adapters/header_words.hpp"
#include "delivery/adapters/titled.hpp"

namespace meantime::delivery {
namespace {

constexpr std::uint32_t letters_at_once = 2;
constexpr std::size_t longest_address = 254;

// Nothing that could end a line or a command, and no more than servers agree on: names in quotes are left out.
bool is_address(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == text.npos || at == 0 || at + 1 == text.size() || text.size() > longest_address) return false;
  constexpr std::string_view others = "!#$%&'*+-/=?^_`{|}~.";
  const auto letter = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  return std::ranges::all_of(text.substr(0, at), [&](char c) { return letter(c) || others.contains(c); }) &&
         std::ranges::all_of(text.substr(at + 1), [&](char c) { return letter(c) || c == '-' || c == '.'; });
}

Result<std::vector<std::string>> receivers_of(std::string_view channel) {
  std::vector<std::string> out;
  for (std::size_t from = 0; from <= channel.size();) {
    const auto end = std::min(channel.find(',', from), channel.size());
    std::string_view each = channel.substr(from, end - from);
    while (each.starts_with(' ')) each.remove_prefix(1);
    while (each.ends_with(' ')) each.remove_suffix(1);
    if (!is_address(each) || out.size() == mail_most_receivers) {
      return fail(errc::invalid_argument, "delivery.mail",
                  "The channel must be an address, as 'team@example.org', or up to 20 with commas between.");
    }
    out.emplace_back(each);
    from = end + 1;
  }
  return out;
}

// Sun, 22 Nov 2026 10:00:00 +0000
std::string date_text(WallTime now) {
  static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto two = [](auto number) {
    const std::string text = std::to_string(number);
    return text.size() < 2 ? '0' + text : text;
  };
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(now - day));
  return std::string(days.at(std::chrono::weekday(day).c_encoding())) + ", " + two(unsigned(date.day())) + ' ' +
         months.at(unsigned(date.month()) - 1) + ' ' + std::to_string(int(date.year())) + ' ' +
         two(time.hours().count()) + ':' + two(time.minutes().count()) + ':' + two(time.seconds().count()) + " +0000";
}

// Stops the exchange when nobody waits for it any more.
class Stopping {
 public:
  explicit Stopping(std::shared_ptr<SmtpExchange> exchange) : exchange_(std::move(exchange)) {}
  Stopping(const Stopping&) = delete;
  Stopping& operator=(const Stopping&) = delete;
  ~Stopping() { exchange_->cancel(); }

 private:
  std::shared_ptr<SmtpExchange> exchange_;
};

}  // namespace

MailAdapter::MailAdapter(MailSettings settings, Loop& loop, Clock& clock)
    : settings_(std::move(settings)), clock_(clock), pool_(loop, letters_at_once) {}

Result<void> MailAdapter::check(const Redirect& redirect) const {
  constexpr const char* op = "delivery.mail";
  if (!is_address(settings_.from)) {
    return fail(errc::invalid_argument, op, "'from' must be an address alone, as 'meantime@example.org'.");
  }
  constexpr std::string_view in_hosts = "-.:[]";
  const auto in_host = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || in_hosts.contains(c);
  };
  if (settings_.server.host.empty() || !std::ranges::all_of(settings_.server.host, in_host)) {
    return fail(errc::invalid_argument, op, "'host' must be a mail server's name, as 'smtp.example.org'.");
  }
  if (settings_.server.security == MailSecurity::none && settings_.server.addresses != http::Addresses::any) {
    return fail(errc::invalid_argument, op,
                "Mail is not sent unencrypted over the internet: leave security out, or use a server on this machine.");
  }
  if (auto receivers = receivers_of(redirect.channel_id); !receivers) return std::unexpected(receivers.error());
  return {};
}

Result<std::vector<std::string>> MailAdapter::plan(const Message& message) const {
  return plan_titled(message, mail_limits, link_to(settings_.link, message));
}

Result<Letter> MailAdapter::letter_of(const Outgoing& message, const std::string& subject) const {
  auto receivers = receivers_of(message.redirect.channel_id);
  if (!receivers) return std::unexpected(std::move(receivers.error()));
  Letter letter{.from = settings_.from, .to = std::move(*receivers)};
  std::string to;
  for (const std::string& each : letter.to) to += (to.empty() ? "<" : ",\r\n <") + each + '>';
  const std::string domain = settings_.from.substr(settings_.from.rfind('@') + 1);
  letter.headers = {"From: <" + settings_.from + '>',
                    "To: " + to,
                    "Subject: " + header_words(subject, "\r\n "),
                    "Date: " + date_text(clock_.wall_now()),
                    "Message-ID: <" + message.key + '@' + domain + '>',
                    "Auto-Submitted: auto-generated",
                    "X-Auto-Response-Suppress: All"};
  return letter;
}

Task<SendAnswer> MailAdapter::send(Outgoing message) {
  auto titled = unpack_titled(message.chunk);
  if (!titled) co_return SendAnswer{.verdict = SendVerdict::payload, .detail = titled.error().detail};
  if (auto fine = check(message.redirect); !fine) {
    co_return SendAnswer{.verdict = SendVerdict::target_gone, .detail = fine.error().detail};
  }
  std::string password;
  if (settings_.password && !settings_.server.user.empty()) {
    auto value = settings_.password->value();
    if (!value) co_return SendAnswer{.verdict = SendVerdict::auth, .detail = value.error().detail};
    password = std::move(*value);
  }
  std::string subject = titled->title;
  if (message.of > 1) subject += " (" + std::to_string(message.number) + '/' + std::to_string(message.of) + ')';
  if (message.maybe_repeated) {
    subject += ' ';
    subject += repeated_note;
    add_note(titled->chunk, repeated_note);
  }
  auto letter = letter_of(message, subject);
  if (!letter) co_return SendAnswer{.verdict = SendVerdict::target_gone, .detail = letter.error().detail};
  letter->text = std::move(titled->chunk.text);
  if (!titled->chunk.file_name.empty()) {
    auto bytes = co_await file_of(message, mail_file_bytes);
    if (!bytes) co_return SendAnswer{.verdict = SendVerdict::retry_backoff, .detail = bytes.error().detail};
    letter->file_name = titled->chunk.file_name;
    letter->file = std::move(*bytes);
  }

  auto exchange = std::make_shared<SmtpExchange>(settings_.server, std::move(password), std::move(*letter));
  const Stopping stopping(exchange);
  SendAnswer answer = co_await pool_.run("mail", [exchange] { return exchange->run(); });
  if (answer.verdict == SendVerdict::arrived) answer.remote_id = message.key;
  if (answer.verdict == SendVerdict::auth && settings_.password) settings_.password->refused();
  co_return answer;
}

}  // namespace meantime::delivery
