// SPDX-License-Identifier: MIT
#include <re2/re2.h>

#include <array>
#include <stdexcept>

#include "delivery/render/clean.hpp"

namespace meantime::render {
namespace {

constexpr std::string_view redacted = "[redacted]";

// The one place that says what a secret looks like. A pattern's group is what stays in front of `[redacted]`; a '@' at
// its end stays as well. A long random word without anything that says what it is stays: most are hashes and ids that
// people want to read.
constexpr std::string_view patterns[] = {
    R"re((?i:(\b(?:bearer|bot|basic)[ \t]+)[a-z0-9_\-.~+/]{16,}=*))re",
    // password=..., "api_key": "...", X-Auth-Token: ..., ?sig=...
    (R"re((?i:(["']?(?:[a-z0-9_\-]*(?:passw(?:or)?d|passphrase|secret|api[_\-]?key|access[_\-]?key|private[_\-]?key))re"
     R"re([a-z0-9_]*|[a-z0-9_\-]*token|[a-z0-9_\-]*authorization|pwd|sig|signature|x-amz-credential)["']?)re"
     R"re([ \t]*[:=][ \t]*(?:(?:bearer|basic|bot|token)[ \t]+)?))re"
     R"re((?:"[^"\n]{4,}"|'[^'\n]{4,}'|[^\s"'&,;<>\[{][^\s"'&,;<>]{3,})))re"),
    // https://user:password@host
    R"re((\b[A-Za-z][A-Za-z0-9+.\-]*://)[^\s/?#@"'<>:]*:[^\s/?#@"'<>]+@)re",
    // Addresses that are secrets themselves: webhooks, and the path of a Telegram bot.
    R"re((/api(?:/v[0-9]+)?/webhooks/[0-9]+/)[A-Za-z0-9_\-]{20,})re",
    R"re((hooks\.slack\.com/(?:services|workflows|triggers)/)[A-Za-z0-9_/\-]+)re",
    R"re((/hooks/)[a-z0-9]{26}\b)re",
    R"re((/bot)[0-9]{6,12}:[A-Za-z0-9_\-]{30,})re",
    // Tokens that say what they are.
    (R"re(\b(?:xox[abeoprs]-|xapp-|gh[opsur]_|github_pat_|glpat-|sk-|sk_live_|rk_live_|syt_|hf_|npm_|pypi-)re"
     R"re(|whsec_|whsk_)[A-Za-z0-9+/_\-]{16,}=*)re"),
    R"re(\btk_[a-z0-9]{29}\b)re",
    R"re(\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)re",
    R"re(\bAIza[A-Za-z0-9_\-]{35})re",
    R"re(\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)*)re",
    R"re(\b[0-9]{8,10}:[A-Za-z0-9_\-]{35})re",
    R"re(\b[MNO][A-Za-z0-9_\-]{22,27}\.[A-Za-z0-9_\-]{6,7}\.[A-Za-z0-9_\-]{27,38})re",
    R"re((-----BEGIN [A-Z ]*PRIVATE KEY-----)(?:\\[rn]|[A-Za-z0-9+/=\s])+(?:-----END [A-Z ]*PRIVATE KEY-----)?)re",
};

// One expression, so that a text is read once; linear in the text whatever it holds.
const RE2& secrets() {
  static const RE2 pattern(
      [] {
        std::string all;
        for (const std::string_view each : patterns) {
          if (!all.empty()) all += '|';
          all += each;
        }
        return all;
      }(),
      [] {
        RE2::Options options(RE2::Quiet);
        options.set_max_mem(std::int64_t{64} << 20U);
        return options;
      }());
  if (!pattern.ok()) throw std::logic_error("secrets: " + pattern.error());
  return pattern;
}

// "Authorization: Bearer [redacted]", where "Bearer" looks like the value of a key.
bool is_redacted_already(std::string_view text, std::size_t start, std::size_t end) {
  static const RE2 scheme(R"((?i)[:=][ \t]*(?:bearer|basic|token)$)");
  return text.substr(end).starts_with(" [redacted]") &&
         RE2::PartialMatch(re2::StringPiece(text.data() + start, end - start), scheme);
}

}  // namespace

std::string without_secrets(std::string text) {
  constexpr int most_groups = 24;
  const RE2& pattern = secrets();
  const int groups = pattern.NumberOfCapturingGroups() + 1;
  std::array<re2::StringPiece, most_groups> found;
  std::string out;
  std::size_t from = 0;
  std::size_t search = 0;
  while (pattern.Match(text, search, text.size(), RE2::UNANCHORED, found.data(), groups)) {
    const auto start = static_cast<std::size_t>(found[0].data() - text.data());
    search = start + found[0].size();
    if (is_redacted_already(text, start, search)) continue;
    out.append(text, from, start - from);
    for (std::size_t group = 1; group < static_cast<std::size_t>(groups); ++group) {
      if (found[group].data() != nullptr) out.append(found[group].data(), found[group].size());
    }
    out += redacted;
    from = search;
    if (found[0].data()[found[0].size() - 1] == '@') out += '@';
  }
  if (from == 0) return text;
  out.append(text, from);
  return out;
}

}  // namespace meantime::render
