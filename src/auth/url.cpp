// SPDX-License-Identifier: MIT
#include "auth/url.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <charconv>

#include "auth/web.hpp"

namespace meantime::auth {
namespace {

constexpr std::size_t longest_url = 8192;
constexpr std::size_t most_fields = 1000;

std::unexpected<Error> wrong(std::string detail) {
  return fail(errc::invalid_argument, "auth.url", std::move(detail));
}

struct Freed {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(char* text) const { curl_free(text); }
};
using Parsed = std::unique_ptr<CURLU, Freed>;

std::optional<std::string> part_of(const Parsed& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return std::nullopt;
  const std::unique_ptr<char, Freed> owned(text);
  return std::string(text);
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return text;
}

std::optional<std::string> undo_form_escapes(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string out;
  out.reserve(spaced.size());
  for (std::size_t i = 0; i < spaced.size(); ++i) {
    if (spaced[i] != '%') {
      out += spaced[i];
      continue;
    }
    if (i + 2 >= spaced.size() || digit(spaced[i + 1]) < 0 || digit(spaced[i + 2]) < 0) return std::nullopt;
    out += static_cast<char>((digit(spaced[i + 1]) << 4) | digit(spaced[i + 2]));
    i += 2;
  }
  return out;
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  if (text.size() > longest_url) return wrong("a URL is longer than 8,192 bytes");
  // What the parser would mend or take for something else is refused before.
  const auto fine = [](char c) { return c > 0x20 && c < 0x7F && c != '\\' && c != '"' && c != '<' && c != '>'; };
  const auto colon = text.find("://");
  Url url;
  if (colon != std::string_view::npos) url.scheme = lower(std::string(text.substr(0, colon)));
  if (!std::ranges::all_of(text, fine) || colon == std::string_view::npos || text.substr(colon + 3).starts_with('/')) {
    return wrong("this is not an absolute URL: write https://host/path");
  }
  if (url.scheme != "https" && url.scheme != "http") return wrong("only http and https URLs can be used");
  const Parsed parsed(curl_url());
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, std::string(text).c_str(), CURLU_PATH_AS_IS) != CURLUE_OK) {
    return wrong("this is not an absolute URL: write https://host/path");
  }
  if (part_of(parsed, CURLUPART_USER) || part_of(parsed, CURLUPART_PASSWORD)) {
    return wrong("a URL with a user or a password in it cannot be used");
  }
  url.host = lower(part_of(parsed, CURLUPART_HOST).value_or(""));
  if (url.host.empty()) return wrong("the URL names no host");
  const auto port = part_of(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT).value_or("");
  const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (problem != std::errc{} || end != port.data() + port.size() || url.port == 0)
    return wrong("the URL's port is no port");
  url.path = part_of(parsed, CURLUPART_PATH).value_or("/");
  url.query = part_of(parsed, CURLUPART_QUERY).value_or("");
  url.has_fragment = text.contains('#');
  return url;
}

std::string Url::origin() const {
  std::string text = scheme + "://" + host;
  if (port != (scheme == "https" ? 443 : 80)) text += ":" + std::to_string(port);
  return text;
}

bool Url::is_loopback() const {
  if (host == "localhost" || host == "[::1]" || host.ends_with(".localhost")) return true;
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

bool is_safe(const Url& url, bool local_is_fine) {
  return url.scheme == "https" || (local_is_fine && url.is_loopback());
}

std::string encode_form_text(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += '%';
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

std::string encode_form(const Form& form) {
  std::string out;
  for (const auto& [name, value] : form) {
    if (!out.empty()) out += '&';
    out += encode_form_text(name) + "=" + encode_form_text(value);
  }
  return out;
}

Result<Form> decode_form(std::string_view text) {
  Form form;
  while (!text.empty()) {
    const auto field = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), field.size() + 1));
    if (field.empty()) continue;
    if (form.size() == most_fields) return wrong("a form has over 1,000 fields");
    const auto equals = field.find('=');
    auto name = undo_form_escapes(field.substr(0, equals));
    auto value = undo_form_escapes(equals == std::string_view::npos ? std::string_view() : field.substr(equals + 1));
    if (!name || !value) return wrong("a form has a broken %-escape");
    form.emplace_back(std::move(*name), std::move(*value));
  }
  return form;
}

std::optional<std::string_view> only_field(const Form& form, std::string_view name) {
  std::optional<std::string_view> found;
  for (const auto& [each, value] : form) {
    if (each != name) continue;
    if (found) return std::nullopt;
    found = value;
  }
  return found;
}

std::string with_query(std::string_view url, const Form& more) {
  std::string out(url.substr(0, url.find('#')));
  if (more.empty()) return out;
  if (out.find('?') == std::string::npos) {
    out += '?';
  } else if (out.back() != '?' && out.back() != '&') {
    out += '&';
  }
  return out + encode_form(more);
}

}  // namespace meantime::auth
