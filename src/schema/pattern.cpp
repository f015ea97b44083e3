// SPDX-License-Identifier: MIT
// pattern.cpp: the only file that knows RE2. std::regex would recurse once for each character of a model's text.
#include <re2/re2.h>
#include <re2/stringpiece.h>

#include "schema/node.hpp"

namespace meantime::schema {
namespace {

constexpr std::int64_t memory_bytes = 1 << 20;  // a pattern that needs more is refused

// ECMAScript writes \uXXXX where RE2 writes \x{XXXX}.
std::string translated(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      if (text[i + 1] == 'u' && i + 6 <= text.size()) {
        (out += "\\x{").append(text.substr(i + 2, 4)) += "}";
        i += 5;
        continue;
      }
      (out += text[i]) += text[i + 1];
      ++i;
      continue;
    }
    out += text[i];
  }
  return out;
}

}  // namespace

struct Pattern::Impl {
  explicit Impl(const std::string& text, const RE2::Options& options) : regex(text, options) {}
  RE2 regex;
};

Result<Pattern> Pattern::compile(std::string_view text) {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(memory_bytes);
  auto impl = std::make_unique<Impl>(translated(text), options);
  if (!impl->regex.ok()) {
    return fail(errc::invalid_argument, "schema.compile",
                "the pattern '" + std::string(text.substr(0, 200)) + "' does not compile (" + impl->regex.error() +
                    "); look-around and back-references are not supported");
  }
  return Pattern(std::string(text), std::move(impl));
}

Pattern::Pattern(std::string text, std::unique_ptr<Impl> impl) noexcept
    : text_(std::move(text)), impl_(std::move(impl)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

bool Pattern::matches(std::string_view text) const {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), impl_->regex);
}

}  // namespace meantime::schema
