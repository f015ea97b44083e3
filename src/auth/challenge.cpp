// SPDX-License-Identifier: MIT
#include "auth/challenge.hpp"

#include <algorithm>

#include "auth/web.hpp"

namespace meantime::auth {
namespace {

constexpr std::size_t most_challenges = 16;
constexpr std::size_t most_parameters = 32;

bool is_token_character(char c) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         others.find(c) != std::string_view::npos;
}

// Walks over one header's value. Every step goes forward, so it ends.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[at_]; }
  void skip() { ++at_; }
  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t') skip();
  }
  void skip_separators() {
    while (peek() == ' ' || peek() == '\t' || peek() == ',') skip();
  }
  std::string_view token() {
    const std::size_t from = at_;
    while (is_token_character(peek())) skip();
    return text_.substr(from, at_ - from);
  }
  // After the opening quote.
  std::optional<std::string> quoted() {
    std::string out;
    while (!at_end()) {
      char c = peek();
      skip();
      if (c == '"') return out;
      if (c == '\\' && !at_end()) {
        c = peek();
        skip();
      }
      out += c;
    }
    return std::nullopt;
  }
  // What a scheme with one bare value (token68) has after its name.
  void skip_bare() {
    while (!at_end() && peek() != ',' && peek() != ' ') skip();
  }
  [[nodiscard]] std::size_t mark() const { return at_; }
  void back_to(std::size_t mark) { at_ = mark; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return out;
}

void read_header(std::string_view header, std::vector<Challenge>& out) {
  Reader reader(header);
  while (true) {
    reader.skip_separators();
    if (reader.at_end()) return;
    const auto start = reader.mark();
    const auto word = reader.token();
    if (word.empty()) return;  // not a challenge: what follows cannot be told apart any more
    reader.skip_blanks();
    if (reader.peek() != '=') {
      if (out.size() == most_challenges) return;
      out.push_back({.scheme = std::string(word), .parameters = {}});
      continue;
    }
    reader.skip();
    reader.skip_blanks();
    std::string value;
    if (reader.peek() == '"') {
      reader.skip();
      auto text = reader.quoted();
      if (!text) return;
      value = std::move(*text);
    } else if (reader.peek() == '=' || reader.mark() == start) {
      reader.skip_bare();
      continue;
    } else {
      value = std::string(reader.token());
      // "Negotiate abc==": a bare value, of no use here.
      if (!reader.at_end() && reader.peek() != ',' && reader.peek() != ' ' && reader.peek() != '\t') {
        reader.skip_bare();
        continue;
      }
    }
    if (out.empty() || out.back().parameters.size() == most_parameters) continue;
    if (out.back().get(lower(word)).empty()) out.back().parameters.emplace_back(lower(word), std::move(value));
  }
}

}  // namespace

std::string_view Challenge::get(std::string_view name) const {
  for (const auto& [each, value] : parameters) {
    if (each == name) return value;
  }
  return {};
}

std::vector<Challenge> parse_challenges(std::span<const std::string_view> headers) {
  std::vector<Challenge> found;
  for (const auto header : headers) {
    // A parameter at the head of a value belongs to no challenge of an earlier header.
    std::vector<Challenge> here;
    read_header(header, here);
    for (auto& each : here) {
      if (found.size() < most_challenges) found.push_back(std::move(each));
    }
  }
  return found;
}

const Challenge* oauth_challenge(const std::vector<Challenge>& challenges) {
  const Challenge* first = nullptr;
  for (const auto& each : challenges) {
    if (!same_ignoring_case(each.scheme, "bearer") && !same_ignoring_case(each.scheme, "dpop")) continue;
    if (!each.get("resource_metadata").empty()) return &each;
    if (first == nullptr) first = &each;
  }
  return first;
}

std::string write_challenge(std::string_view scheme,
                            const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string out(scheme);
  bool first = true;
  for (const auto& [name, value] : parameters) {
    out += first ? " " : ", ";
    first = false;
    out += name + "=\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') {
        out += '\\';
      } else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) {
        continue;
      }
      out += c;
    }
    out += '"';
  }
  return out;
}

std::vector<std::string> split_scopes(std::string_view text) {
  const auto fine = [](char c) { return c > 0x20 && c < 0x7F && c != '"' && c != '\\'; };
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (word.empty() || !std::ranges::all_of(word, fine) || std::ranges::find(out, word) != out.end()) continue;
    out.emplace_back(word);
  }
  return out;
}

std::string join_scopes(std::span<const std::string> scopes) {
  std::string out;
  for (const auto& each : scopes) {
    if (!out.empty()) out += ' ';
    out += each;
  }
  return out;
}

std::vector<std::string> union_of(std::vector<std::string> first, std::span<const std::string> second) {
  for (const auto& each : second) {
    if (std::ranges::find(first, each) == first.end()) first.push_back(each);
  }
  return first;
}

bool covers(std::span<const std::string> held, std::span<const std::string> needed) {
  return std::ranges::all_of(needed, [&](const auto& each) { return std::ranges::find(held, each) != held.end(); });
}

}  // namespace meantime::auth
