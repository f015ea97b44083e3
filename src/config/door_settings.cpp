// SPDX-License-Identifier: MIT
#include "config/door_settings.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>

#include "auth/url.hpp"

namespace meantime::config {
namespace {

constexpr std::string_view examples =
    "write an address and a port, as \"127.0.0.1:7420\" or \"[::1]:7420\", or a socket's path, as \"unix:/run/x.sock\"";

std::unexpected<Error> no_address(std::string_view text, std::string_view why) {
  return fail(errc::invalid_argument, "http.listen",
              "'" + std::string(text.substr(0, 128)) + "' " + std::string(why) + ": " + std::string(examples));
}

boost::asio::ip::address address_of(const std::string& host) {
  boost::system::error_code ec;
  return boost::asio::ip::make_address(host, ec);
}

std::string in_url(const std::string& host) {
  return host.find(':') != std::string::npos ? "[" + host + "]" : host;
}

void add_once(std::vector<std::string>& list, std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (!text.empty() && std::ranges::find(list, text) == list.end()) list.push_back(std::move(text));
}

}  // namespace

bool ListenAddress::is_local() const noexcept {
  return is_unix() || address_of(host).is_loopback();
}

bool ListenAddress::is_any() const noexcept {
  return !is_unix() && address_of(host).is_unspecified();
}

std::string ListenAddress::text() const {
  return is_unix() ? "unix:" + unix_socket.string() : in_url(host) + ":" + std::to_string(port);
}

Result<ListenAddress> parse_listen(std::string_view text) {
  ListenAddress out;
  constexpr std::string_view unix_prefix = "unix:";
  if (text.starts_with(unix_prefix)) {
    const std::string_view path = text.substr(unix_prefix.size());
    constexpr std::size_t longest = 107;  // what the kernel takes
    if (path.empty() || path.find('\0') != std::string_view::npos) return no_address(text, "names no path");
    out.unix_socket = std::filesystem::absolute(path);
    if (out.unix_socket.string().size() > longest) {
      return no_address(text, "has a path over 107 bytes, the most that the system takes");
    }
    return out;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return no_address(text, "has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) return no_address(text, "has brackets around no IPv6 address");
  } else if (host.find(':') != std::string_view::npos) {
    return no_address(text, "has an IPv6 address without brackets");
  }
  unsigned number = 0;
  const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (problem != std::errc{} || end != port.data() + port.size() || number > 65'535) {
    return no_address(text, "has no port from 0 to 65535");
  }
  out.port = static_cast<std::uint16_t>(number);
  out.host = host == "localhost" ? "127.0.0.1" : std::string(host);
  boost::system::error_code ec;
  boost::asio::ip::make_address(out.host, ec);
  if (ec) return no_address(text, "has a name in place of an IP address");
  return out;
}

std::vector<std::string> HttpSettings::hosts() const {
  std::vector<std::string> out;
  for (const std::string& host : allowed_hosts) add_once(out, host);
  if (const auto url = auth::parse_url(public_url)) add_once(out, url->host);
  for (const ListenAddress& each : listen) {
    if (each.is_local()) {
      for (const char* name : {"localhost", "127.0.0.1", "[::1]"}) add_once(out, name);
    }
    if (!each.is_unix() && !each.is_any()) add_once(out, in_url(each.host));
  }
  return out;
}

std::string HttpSettings::resource() const {
  if (!public_url.empty()) return public_url;
  const auto first = std::ranges::find_if(listen, [](const ListenAddress& each) { return !each.is_unix(); });
  if (first == listen.end()) return {};
  return (tls_certificate.empty() ? "http://" : "https://") + first->text() + path;
}

std::string why_not_open(const HttpSettings& http, const AuthSettings& auth) {
  const auto wide = std::ranges::find_if_not(http.listen, &ListenAddress::is_local);
  if (wide == http.listen.end()) return {};
  if (auth.kind == AuthSettings::Kind::none) {
    return wide->text() +
           " can be reached from other machines, and whoever reaches it may run every tool: listen on 127.0.0.1, or "
           "ask "
           "callers who they are, with [auth] kind = \"tokens\" and a token_file, or kind = \"oauth\" and an issuer";
  }
  const bool any = std::ranges::any_of(http.listen, &ListenAddress::is_any);
  if (any && http.public_url.empty() && http.allowed_hosts.empty()) {
    return wide->text() +
           " stands for all addresses of this machine, so it cannot be told which 'Host' is right: name those that "
           "clients use, with public_url = \"https://name/mcp\" or allowed_hosts = [\"name\"] in [http]";
  }
  if (auth.kind == AuthSettings::Kind::oauth && http.public_url.empty() && auth.audience.empty()) {
    return "tokens must be meant for this server, which is known by its URL: write public_url = \"https://name/mcp\" "
           "in "
           "[http]";
  }
  return {};
}

}  // namespace meantime::config
