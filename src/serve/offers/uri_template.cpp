// SPDX-License-Identifier: MIT
#include "serve/offers/uri_template.hpp"

#include <algorithm>

#include "core/utf8.hpp"

namespace meantime::serve {
namespace {

constexpr std::string_view op = "offers.add";

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

int hex(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// An escape that is none is left as it stands.
std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>((hex(text[i + 1]) << 4) | hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

Result<UriTemplate> UriTemplate::parse(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return fail(errc::invalid_argument, std::string(op),
                "the URI template '" + std::string(text.substr(0, 200)) + "' " + std::string(why));
  };
  if (text.find(':') == std::string_view::npos || text.find('{') < text.find(':')) {
    return wrong("does not begin with a scheme, as in notes://{day}");
  }
  UriTemplate made;
  std::string_view rest = text;
  for (;;) {
    const std::size_t open = rest.find_first_of("{}");
    Piece piece{.literal = std::string(rest.substr(0, open)), .variable = {}};
    if (open == std::string_view::npos) {
      made.pieces_.push_back(std::move(piece));
      break;
    }
    const std::size_t close = rest.find('}', open);
    if (rest[open] == '}' || close == std::string_view::npos) return wrong("has a brace without its other half");
    std::string_view name = rest.substr(open + 1, close - open - 1);
    piece.any = name.starts_with('+');
    if (piece.any) name.remove_prefix(1);
    if (!is_name(name)) return wrong("has an expression other than {name} and {+name}");
    if (made.has_variable(name)) return wrong("has the variable '" + std::string(name) + "' twice");
    piece.variable = name;
    made.pieces_.push_back(std::move(piece));
    if (made.pieces_.size() > max_variables) return wrong("has too many variables: 32 are taken");
    rest.remove_prefix(close + 1);
  }
  if (made.pieces_.size() == 1) return wrong("has no variable: add it as a resource");
  return made;
}

bool UriTemplate::has_variable(std::string_view name) const noexcept {
  return !name.empty() && std::ranges::any_of(pieces_, [&](const Piece& piece) { return piece.variable == name; });
}

std::optional<UriVariables> UriTemplate::match(std::string_view uri) const {
  if (uri.size() > max_uri_bytes || !uri.starts_with(pieces_.front().literal) ||
      !uri.ends_with(pieces_.back().literal)) {
    return std::nullopt;
  }
  // fits[p][i]: the pieces from p on can be read from i to the end. inside[p][i]: the same for p's variable, which has
  // begun, and what follows it. Filled from the end, each cell once: no reading is tried twice.
  const std::size_t cells = uri.size() + 1;
  std::vector<bool> fits(pieces_.size() * cells);
  std::vector<bool> inside(pieces_.size() * cells);
  const auto literal_at = [&](const Piece& piece, std::size_t i) { return uri.substr(i).starts_with(piece.literal); };
  const auto allowed = [&](const Piece& piece, char c) { return piece.any || (c != '/' && c != '?' && c != '#'); };
  for (std::size_t p = pieces_.size(); p-- > 0;) {
    const Piece& piece = pieces_[p];
    const bool last = p + 1 == pieces_.size();
    for (std::size_t i = cells; i-- > 0;) {
      if (!last && i < uri.size() && allowed(piece, uri[i])) {
        inside[p * cells + i] = fits[(p + 1) * cells + i + 1] || inside[p * cells + i + 1];
      }
      const std::size_t after = i + piece.literal.size();
      if (after > uri.size()) continue;
      const bool rest = last ? after == uri.size() : after < uri.size() && inside[p * cells + after];
      fits[p * cells + i] = rest && literal_at(piece, i);
    }
  }
  if (!fits[0]) return std::nullopt;
  UriVariables variables;
  std::size_t at = 0;
  for (std::size_t p = 0; p + 1 < pieces_.size(); ++p) {
    const std::size_t start = at + pieces_[p].literal.size();
    at = start + 1;
    while (!fits[(p + 1) * cells + at]) ++at;
    std::string value = percent_decoded(uri.substr(start, at - start));
    if (!utf8::valid(value)) return std::nullopt;
    variables.emplace(pieces_[p].variable, std::move(value));
  }
  return variables;
}

}  // namespace meantime::serve
