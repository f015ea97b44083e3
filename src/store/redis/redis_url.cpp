// SPDX-License-Identifier: MIT
// redis_url.cpp: redis://... as options and back. What is between "//" and "@" may be a secret: no error repeats any
// part of the URL. Nothing waits; any thread.
#include <curl/curl.h>

#include <charconv>
#include <optional>

#include "meantime/redis_store.hpp"

namespace meantime {
namespace {

constexpr std::size_t longest = 16U << 10U;  // tokens that clouds hand out as passwords have some kilobytes

std::unexpected<Error> wrong(std::string detail) {
  return fail(errc::invalid_argument, "redis.url", std::move(detail));
}

struct Freed {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(char* text) const { curl_free(text); }
};
using Url = std::unique_ptr<CURLU, Freed>;

// A part of the URL with its percent-escapes undone; absent: nothing. Errors: the escapes hold a control character.
std::expected<std::optional<std::string>, CURLUcode> part_of(const Url& url, CURLUPart part, bool decoded = true) {
  char* text = nullptr;
  const CURLUcode code = curl_url_get(url.get(), part, &text, decoded ? CURLU_URLDECODE : 0);
  const std::unique_ptr<char, Freed> owned(text);
  if (code == CURLUE_OK) return std::string(text);
  if (code == CURLUE_URLDECODE || code == CURLUE_OUT_OF_MEMORY) return std::unexpected(code);
  return std::nullopt;
}

std::optional<std::string> undo_escapes(const std::string& text) {
  int length = 0;
  const std::unique_ptr<char, Freed> plain(
      curl_easy_unescape(nullptr, text.data(), static_cast<int>(text.size()), &length));
  if (!plain) return std::nullopt;
  std::string out(plain.get(), static_cast<std::size_t>(length));
  for (const char c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return std::nullopt;
  }
  return out;
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

enum class Scheme : unsigned char { plain, tls, unix_socket };

std::optional<Scheme> scheme_of(std::string_view url) {
  struct Known {
    std::string_view beginning;
    Scheme scheme;
  };
  constexpr std::array known{Known{"redis://", Scheme::plain},
                             Known{"rediss://", Scheme::tls},
                             Known{"valkey://", Scheme::plain},
                             Known{"valkeys://", Scheme::tls},
                             Known{"unix://", Scheme::unix_socket},
                             Known{"redis+unix://", Scheme::unix_socket},
                             Known{"valkey+unix://", Scheme::unix_socket}};
  for (const Known& each : known) {
    if (url.starts_with(each.beginning)) return each.scheme;
  }
  return std::nullopt;
}

// What is said before the parser sees it, so that a password with a sign of its own is never taken for something else.
Result<void> check_text(std::string_view url) {
  if (url.size() > longest) return wrong("the URL of a Redis has more than 16 KiB");
  for (const char c : url) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F) {
      return wrong("the URL of a Redis holds a space or a control character: write a space as %20");
    }
  }
  const std::string_view rest = url.substr(url.find("//") + 2);
  if (rest.find('#') != std::string_view::npos) {
    return wrong("a '#' in the URL of a Redis is written %23, also in a password");
  }
  const auto at = rest.find('@');
  if (at != std::string_view::npos && (at != rest.rfind('@') || rest.find_first_of("/?") < at)) {
    return wrong("in the URL of a Redis, an '@' in a name or password is written %40, a '/' %2F, a '?' %3F");
  }
  for (std::size_t i = rest.find('%'); i != std::string_view::npos; i = rest.find('%', i + 1)) {
    const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); };
    if (i + 2 >= rest.size() || !is_hex(rest[i + 1]) || !is_hex(rest[i + 2])) {
      return wrong("a '%' in the URL of a Redis begins an escape of two hexadecimal digits; itself it is written %25");
    }
  }
  return {};
}

Result<void> read_host(const Url& url, RedisOptions& out) {
  auto host = part_of(url, CURLUPART_HOST, false);  // names and addresses need no escapes
  if (!host || !*host || (*host)->empty()) {
    return wrong("the URL of a Redis names no host: write as redis://10.0.0.5:6379/0");
  }
  std::string name = std::move(**host);
  std::string zone_name;
  if (name.starts_with('[') && name.ends_with(']')) {
    name = name.substr(1, name.size() - 2);
    const auto zone = part_of(url, CURLUPART_ZONEID);
    if (zone && *zone) zone_name = **zone;
  }
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:";
  if (name.empty() || (name + zone_name).find_first_not_of(allowed) != std::string::npos) {
    return wrong("the URL of a Redis has a host that is no name and no address; an IPv6 address stands in brackets");
  }
  out.host = std::move(name);
  if (!zone_name.empty()) out.host += "%" + zone_name;
  const auto port = part_of(url, CURLUPART_PORT);
  if (port && *port) {
    const auto number = number_of<std::uint16_t>(**port);
    if (!number || *number == 0) return wrong("the port in the URL of a Redis is a number from 1 to 65535");
    out.port = *number;
  }
  return {};
}

Result<void> read_user(const Url& url, RedisOptions& out) {
  const auto user = part_of(url, CURLUPART_USER);
  const auto password = part_of(url, CURLUPART_PASSWORD);
  if (!user || !password) {
    return wrong("the user or password in the URL of a Redis holds a control character: use password_file for it");
  }
  out.username = user->value_or("");
  out.password = password->value_or("");
  return {};
}

Result<std::uint32_t> database_of(const std::string& text) {
  const auto number = number_of<std::uint32_t>(text);
  if (!number) return wrong("the database in the URL of a Redis is a number, as in redis://10.0.0.5:6379/2");
  return *number;
}

Result<void> read_path(const Url& url, Scheme scheme, RedisOptions& out) {
  const auto path = part_of(url, CURLUPART_PATH);
  if (!path) return wrong("the path in the URL of a Redis holds a control character");
  const std::string text = path->value_or("/");
  if (scheme == Scheme::unix_socket) {
    if (text.size() < 2) return wrong("which socket? Write its whole path, as unix:///run/redis/redis.sock");
    constexpr std::size_t most = 107;  // the kernel's limit
    if (text.size() > most) return wrong("the path of a unix socket has at most 107 bytes");
    out.unix_socket = text;
    return {};
  }
  if (text.size() < 2) return {};
  const auto database = database_of(text.substr(1));
  if (!database) return std::unexpected(database.error());
  out.database = *database;
  return {};
}

Result<void> read_setting(const std::string& key, std::string value, Scheme scheme, bool has_path, RedisOptions& out) {
  if (key == "db") {
    const auto database = database_of(value);
    if (!database) return std::unexpected(database.error());
    if (has_path && scheme != Scheme::unix_socket && *database != out.database) {
      return wrong("the URL of a Redis names two databases: leave one out");
    }
    out.database = *database;
    return {};
  }
  if (key == "prefix") {
    if (value.empty()) return wrong("an empty prefix in the URL of a Redis: leave it out for 'sg:'");
    out.key_prefix = std::move(value);
    return {};
  }
  if (key == "legacy_results") {
    if (value != "true" && value != "false") return wrong("legacy_results in the URL of a Redis is true or false");
    out.legacy_results = value == "true";
    return {};
  }
  std::string* tls = key == "ca"            ? &out.tls.ca_file
                     : key == "cert"        ? &out.tls.certificate_file
                     : key == "key"         ? &out.tls.key_file
                     : key == "server_name" ? &out.tls.server_name
                                            : nullptr;
  if (tls == nullptr) {
    return wrong(
        "the URL of a Redis has a setting that is not known; known are: prefix, db, ca, cert, key, server_name, "
        "legacy_results");
  }
  if (scheme != Scheme::tls) return wrong("ca, cert, key and server_name are for TLS: begin the URL with rediss://");
  *tls = std::move(value);
  return {};
}

Result<void> read_query(const Url& url, Scheme scheme, RedisOptions& out) {
  const auto path = part_of(url, CURLUPART_PATH, false);
  const bool has_path = path && path->value_or("/").size() > 1;
  // As it stands: an escaped '&' belongs to a value.
  const auto query = part_of(url, CURLUPART_QUERY, false);
  std::string_view rest = query && *query ? std::string_view(**query) : std::string_view();
  std::vector<std::string> seen;
  while (!rest.empty()) {
    const std::string_view each = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), each.size() + 1));
    const auto equals = each.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return wrong(
          "what follows the '?' in the URL of a Redis is written key=value, with '&' between, as ?prefix=app:");
    }
    auto key = undo_escapes(std::string(each.substr(0, equals)));
    auto value = undo_escapes(std::string(each.substr(equals + 1)));
    if (!key || !value) return wrong("a setting in the URL of a Redis holds a control character");
    if (std::ranges::find(seen, *key) != seen.end()) return wrong("the URL of a Redis has one setting twice");
    seen.push_back(*key);
    if (auto read = read_setting(*key, std::move(*value), scheme, has_path, out); !read) return read;
  }
  if (out.tls.certificate_file.empty() != out.tls.key_file.empty()) {
    return wrong("cert and key in the URL of a Redis go together: the client's certificate and its key");
  }
  return {};
}

// The parser wants a host: the URL of a unix socket gets one that nobody looks at.
Result<std::string> with_host(std::string_view url, Scheme scheme) {
  const std::size_t begin = url.find("//") + 2;
  const std::string_view authority = url.substr(begin, url.substr(begin).find_first_of("/?"));
  const bool none = authority.empty() || authority.ends_with('@');
  std::string whole(url);
  if (scheme != Scheme::unix_socket) {
    // The parser would take a path for the host.
    if (none) return wrong("the URL of a Redis names no host: write as redis://10.0.0.5:6379/0");
    const std::string_view host = authority.substr(authority.find('@') + 1);  // all of it where there is no '@'
    if (host.find('%') != std::string_view::npos && !host.starts_with('[')) {
      return wrong("the URL of a Redis has an escape in its host: names and addresses need none");
    }
    return whole;
  }
  if (!none) {
    return wrong("a unix socket has no host: write three slashes before its path, as unix:///run/redis/redis.sock");
  }
  whole.insert(begin + authority.size(), "localhost");
  return whole;
}

// `kept`: what needs no escape besides letters, digits and -._~
std::string escaped(std::string_view text, std::string_view kept = "") {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos || kept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', digits[byte >> 4U], digits[byte & 15U]};
    }
  }
  return out;
}

}  // namespace

std::string RedisOptions::place() const {
  const std::string user = username.empty() ? "" : escaped(username) + "@";
  if (!unix_socket.empty()) {
    return "unix://" + user + escaped(unix_socket, "/") + (database != 0 ? "?db=" + std::to_string(database) : "");
  }
  const bool is_v6 = host.find(':') != std::string::npos;
  std::string out = (tls.on ? "rediss://" : "redis://") + user;
  out += is_v6 ? "[" + escaped(host, ":") + "]" : escaped(host);
  out += ":" + std::to_string(port);
  if (database != 0) out += "/" + std::to_string(database);
  return out;
}

Result<RedisOptions> parse_redis_url(std::string_view url) {
  const auto scheme = scheme_of(url);
  if (!scheme) {
    return wrong(
        "the URL of a Redis or Valkey begins with redis://, rediss:// (TLS) or unix://, as redis://10.0.0.5:6379/0");
  }
  if (const auto fine = check_text(url); !fine) return std::unexpected(fine.error());
  auto whole = with_host(url, *scheme);
  if (!whole) return std::unexpected(std::move(whole.error()));
  const Url parsed(curl_url());
  switch (curl_url_set(parsed.get(), CURLUPART_URL, whole->c_str(), CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS)) {
    case CURLUE_OK:
      break;
    case CURLUE_BAD_PORT_NUMBER:
      return wrong(
          "the port in the URL of a Redis is a number from 1 to 65535; in a password ':' is written %3A, '@' %40");
    case CURLUE_NO_HOST:
    case CURLUE_BAD_HOSTNAME:
      return wrong("the URL of a Redis names no host: write as redis://10.0.0.5:6379/0");
    case CURLUE_BAD_IPV6:
      return wrong("the IPv6 address in the URL of a Redis is wrong: write as redis://[fd00::5]:6379/0");
    default:
      return wrong("the URL of a Redis cannot be read: write as redis://user:password@10.0.0.5:6379/0");
  }
  RedisOptions out;
  out.tls.on = *scheme == Scheme::tls;
  Result<void> read = read_user(parsed, out);
  if (read && *scheme != Scheme::unix_socket) read = read_host(parsed, out);
  if (read) read = read_path(parsed, *scheme, out);
  if (read) read = read_query(parsed, *scheme, out);
  if (!read) return std::unexpected(std::move(read.error()));
  return out;
}

}  // namespace meantime
