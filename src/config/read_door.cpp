// SPDX-License-Identifier: MIT
// read_door.cpp: [http] and [auth].
#include <limits>

#include "auth/url.hpp"
#include "config/readers.hpp"

namespace meantime::config {
namespace {

constexpr std::int64_t any_count = std::numeric_limits<std::uint32_t>::max();

void read_listen(Section& http, HttpSettings& out) {
  const auto texts = http.text_or_texts("listen");
  if (!texts && http.value("listen") != nullptr) return;
  for (const std::string& text : texts.value_or(std::vector<std::string>{"127.0.0.1:7420"})) {
    auto address = parse_listen(text);
    if (!address) {
      http.say(http.place_of("listen"), http.named("listen") + ": " + address.error().detail);
      continue;
    }
    constexpr std::string_view unix_prefix = "unix:";
    if (address->is_unix()) address->unix_socket = http.problems().resolve(text.substr(unix_prefix.size()));
    out.listen.push_back(std::move(*address));
  }
  if (texts && texts->empty()) {
    http.say(http.place_of("listen"),
             http.named("listen") + " names no address: add one, as \"127.0.0.1:7420\", or remove [http]");
  }
}

void read_path(Section& http, HttpSettings& out) {
  auto path = http.text("path");
  if (!path) return;
  const bool fine = path->starts_with('/') && path->size() <= 1'000 && std::ranges::all_of(*path, [](char c) {
                      return c > ' ' && c < 127 && c != '?' && c != '#' && c != '%' && c != '"' && c != '\\';
                    });
  if (fine && !path->starts_with("/.well-known/")) {
    out.path = std::move(*path);
  } else {
    http.say(http.place_of("path"), http.named("path") +
                                        " must begin with / and hold letters, digits and - . _ / only, as \"/mcp\"; "
                                        "/.well-known/ is taken");
  }
}

void read_tls(Section& http, HttpSettings& out) {
  Section::set(out.tls_certificate, http.file("tls_certificate"));
  Section::set(out.tls_key, http.file("tls_key"));
  const bool certificate = http.value("tls_certificate") != nullptr;
  if (certificate != (http.value("tls_key") != nullptr)) {
    http.say(http.place_of(certificate ? "tls_certificate" : "tls_key"),
             "tls_certificate and tls_key in [http] go together: name both PEM files");
  }
}

void read_names(Section& http, HttpSettings& out) {
  Section::set(out.public_url, http.url("public_url"));
  if (!out.public_url.empty()) {
    const auto url = auth::parse_url(out.public_url);
    if (url && !url->query.empty()) {
      http.say(http.place_of("public_url"),
               http.named("public_url") + " must have no query (?...): tokens name it as it is");
    }
  }
  Section::set(out.allowed_origins, http.texts("allowed_origins"));
  for (const std::string& origin : out.allowed_origins) {
    const auto url = auth::parse_url(origin);
    if (!url || url->path.size() > 1 || !url->query.empty() || url->has_fragment || origin.ends_with('/')) {
      http.say(http.place_of("allowed_origins"),
               "'" + origin.substr(0, 128) + "' of " + http.named("allowed_origins") +
                   " is no origin: write scheme, name and port only, as \"https://app.example.com\"");
    }
  }
  Section::set(out.allowed_hosts, http.texts("allowed_hosts"));
  for (const std::string& host : out.allowed_hosts) {
    // Through the URL's own rules, so that an IPv6 address needs its brackets here, too.
    const auto url = auth::parse_url("http://" + host);
    if (!url || url->port != 80 || host.find_first_of(":/?#") != (host.starts_with('[') ? host.find(':') : host.npos)) {
      http.say(http.place_of("allowed_hosts"), "'" + host.substr(0, 128) + "' of " + http.named("allowed_hosts") +
                                                   " is no host name: write it without scheme and port, as "
                                                   "\"mcp.example.com\" or \"10.0.0.5\"");
    }
  }
}

void read_http_limits(Section& http, HttpLimits& out) {
  const Member* table = http.table("limits");
  if (table == nullptr) return;
  constexpr Milliseconds moment{100};
  Section limits(http.problems(), *table->value.as<Table>(), "http.limits", table->place);
  Section::set(out.body_bytes, limits.size("body", 1U << 10U));
  Section::set(out.head_bytes, limits.size("head", 1U << 10U));
  Section::set(out.headers, limits.number("headers", 8, 10'000));
  Section::set(out.connections, limits.number("connections", 1, 1'000'000));
  Section::set(out.idle, limits.duration("idle", moment));
  Section::set(out.head_time, limits.duration("head_time", moment));
  Section::set(out.body_time, limits.duration("body_time"));
  Section::set(out.unread_bytes, limits.size("unread", 64U << 10U));
  Section::set(out.write_stall, limits.duration("write_stall", moment));
}

void read_sessions(Section& http, HttpSessions& out) {
  const Member* table = http.table("sessions");
  if (table == nullptr) return;
  Section sessions(http.problems(), *table->value.as<Table>(), "http.sessions", table->place);
  Section::set(out.most, sessions.number("most", 1, any_count));
  Section::set(out.most_per_caller, sessions.number("most_per_caller", 1, any_count));
  Section::set(out.idle, sessions.duration("idle", Milliseconds(1'000)));
  Section::set(out.replay_events, sessions.number("replay_events", 0, 1'000'000));
  Section::set(out.replay_bytes, sessions.size("replay_bytes"));
}

void read_tokens(Section& auth, AuthSettings& out) {
  // The path counts though the file is not there yet: `meantime token` makes it.
  if (const auto given = auth.text("token_file")) {
    out.token_file = auth.problems().resolve(*given);
    std::error_code ec;
    if (!std::filesystem::exists(out.token_file, ec)) {
      auth.say(auth.place_of("token_file"), auth.named("token_file") + ": there is no file '" +
                                                out.token_file.string() +
                                                "' yet: make it with its first token by: meantime token NAME --file '" +
                                                out.token_file.string() + "'");
    } else {
      static_cast<void>(auth.file("token_file"));
    }
  }
  if (auth.value("token_file") == nullptr) {
    auth.say(auth.place_of("kind"),
             "which tokens? Name the file of their hashes, a line each: token_file = \"tokens\" in [auth]");
  }
}

void read_oauth(Section& auth, AuthSettings& out) {
  Section::set(out.issuer, auth.url("issuer"));
  if (auth.value("issuer") == nullptr) {
    auth.say(auth.place_of("kind"),
             "whose tokens? Name the authorization server: issuer = \"https://login.example.com\" in [auth]");
  }
  Section::set(out.jwks_url, auth.url("jwks_url"));
  Section::set(out.audience, auth.text_or_texts("audience"));
  Section::set(out.leeway, auth.duration("leeway"));
  Section::set(out.scopes_offered, auth.texts("scopes_offered"));
  Section::set(out.resource_name, auth.text("resource_name"));
  Section::set(out.documentation_url, auth.url("documentation_url"));
}

}  // namespace

void check_scopes(Section& section, std::string_view key, const std::vector<std::string>& scopes) {
  for (const std::string& scope : scopes) {
    const bool fine = !scope.empty() &&
                      std::ranges::all_of(scope, [](char c) { return c > ' ' && c < 127 && c != '"' && c != '\\'; });
    if (!fine) {
      section.say(section.place_of(key), "'" + scope.substr(0, 64) + "' of " + section.named(key) +
                                             " is no scope: one word each, without spaces, quotes and backslashes");
    }
  }
}

void read_http(Section& document, Config& config) {
  const Member* table = document.table("http");
  if (table == nullptr) return;
  Section http(document.problems(), *table->value.as<Table>(), "http", table->place);
  HttpSettings& out = config.http;
  read_listen(http, out);
  read_path(http, out);
  read_tls(http, out);
  read_names(http, out);
  Section::set(out.longest_hold, http.duration("longest_hold"));
  Section::set(out.look_ups_per_second, http.number("look_ups_per_second", 0, 1'000'000));
  read_http_limits(http, out.limits);
  read_sessions(http, out.sessions);
}

void read_auth(Section& document, Config& config) {
  const Member* table = document.table("auth");
  AuthSettings& out = config.auth;
  if (table != nullptr) {
    Section auth(document.problems(), *table->value.as<Table>(), "auth", table->place);
    const auto kind = auth.choice("kind", {"none", "tokens", "oauth"});
    Section::set(out.kind, kind);
    if (auth.value("kind") == nullptr) {
      auth.say(auth.place(), "[auth] has no kind: write kind = \"tokens\", \"oauth\" or \"none\"");
    } else if (kind) {
      if (out.kind == AuthSettings::Kind::tokens) read_tokens(auth, out);
      if (out.kind == AuthSettings::Kind::oauth) read_oauth(auth, out);
    }
    Section::set(out.scopes_required, auth.texts("scopes_required"));
    check_scopes(auth, "scopes_required", out.scopes_required);
    check_scopes(auth, "scopes_offered", out.scopes_offered);
    // Keys of the other kinds are known, but have no use here.
    for (const auto& [key, of] : {std::pair("token_file", AuthSettings::Kind::tokens),
                                  {"issuer", AuthSettings::Kind::oauth},
                                  {"jwks_url", AuthSettings::Kind::oauth},
                                  {"audience", AuthSettings::Kind::oauth},
                                  {"leeway", AuthSettings::Kind::oauth},
                                  {"scopes_offered", AuthSettings::Kind::oauth},
                                  {"resource_name", AuthSettings::Kind::oauth},
                                  {"documentation_url", AuthSettings::Kind::oauth}}) {
      if (auth.value(key) == nullptr || !kind || of == out.kind) continue;
      auth.say(auth.place_of(key), auth.named(key) + " is for kind = \"" +
                                       (of == AuthSettings::Kind::tokens ? "tokens" : "oauth") +
                                       "\": remove it, or change the kind");
    }
    if (kind && out.kind == AuthSettings::Kind::none && !out.scopes_required.empty()) {
      auth.say(auth.place_of("scopes_required"), "nobody has scopes with kind = \"none\": remove scopes_required");
    }
  }
}

void check_door(Section& document, Config& config) {
  const Member* http = document.member("http");
  if (http == nullptr) return;
  Place place = http->place;
  if (const auto* table = http->value.as<Table>()) {
    if (const auto at = std::ranges::find(*table, "listen", &Member::key); at != table->end()) place = at->value.place;
  }
  if (auto why = why_not_open(config.http, config.auth); !why.empty()) {
    document.say(place, std::move(why));
    return;
  }
  const bool wide = !std::ranges::all_of(config.http.listen, &ListenAddress::is_local);
  if (wide && config.http.tls_certificate.empty() && !config.http.public_url.starts_with("https:")) {
    config.notes.push_back(document.problems().at(
        place,
        "tokens travel unprotected to this door: give it tls_certificate and tls_key, or put a proxy with TLS in "
        "front of it and write its https URL as public_url"));
  }
}

}  // namespace meantime::config
