// SPDX-License-Identifier: MIT
#include "mcp/host_rules.hpp"

#include <algorithm>

namespace meantime::mcp {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

struct HostPort {
  std::string_view host;
  std::string_view port;  ///< Empty: none.
};

// name, name:port, [v6], [v6]:port; none for everything else (user info, paths, an empty or long port).
std::optional<HostPort> split(std::string_view text) {
  std::size_t end = 0;
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    ++end;
  } else {
    end = std::min(text.find(':'), text.size());
  }
  const HostPort out{text.substr(0, end), text.substr(std::min(end + 1, text.size()))};
  const bool fine = !out.host.empty() && std::ranges::all_of(out.host, [](char c) {
    return c > 0x20 && c < 0x7F && c != '/' && c != '@' && c != '\\' && c != '?' && c != '#' && c != ',';
  });
  if (!fine) return std::nullopt;
  if (end == text.size()) return out;
  const bool digits = std::ranges::all_of(out.port, [](char c) { return c >= '0' && c <= '9'; });
  if (text[end] != ':' || out.port.empty() || out.port.size() > 5 || !digits) return std::nullopt;
  return out;
}

bool is_this_machine(std::string_view host) noexcept {
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

}  // namespace

HostRules::HostRules(std::vector<std::string> hosts, std::vector<std::string> origins) {
  for (const std::string& each : hosts) {
    if (each == "*") any_host_ = true;
    hosts_.push_back(lower(each));
  }
  for (const std::string& each : origins) {
    if (each == "*") any_origin_ = true;
    std::string origin = lower(each);
    if (origin.ends_with('/')) origin.pop_back();
    origins_.push_back(std::move(origin));
  }
}

bool HostRules::host_allowed(std::optional<std::string_view> host) const {
  if (!host) return false;
  const std::string text = lower(*host);
  const auto parts = split(text);
  if (!parts) return false;
  if (any_host_ || is_this_machine(parts->host)) return true;
  return std::ranges::any_of(hosts_, [&](const std::string& each) { return each == text || each == parts->host; });
}

bool HostRules::origin_allowed(std::optional<std::string_view> origin) const {
  if (!origin || any_origin_) return true;
  const std::string text = lower(*origin);
  if (std::ranges::find(origins_, text) != origins_.end()) return true;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    const auto parts = split(std::string_view(text).substr(scheme.size()));
    return parts && is_this_machine(parts->host);
  }
  return false;
}

std::optional<std::string> HostRules::refuse(std::optional<std::string_view> host,
                                             std::optional<std::string_view> origin) const {
  if (!host_allowed(host)) {
    return "this server does not answer to this Host; reach it by localhost, or list the name in allowed_hosts";
  }
  if (!origin_allowed(origin)) {
    return "this server does not answer pages of this Origin; list it in allowed_origins if it may call tools";
  }
  return std::nullopt;
}

}  // namespace meantime::mcp
