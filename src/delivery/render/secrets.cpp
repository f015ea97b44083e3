// SPDX-License-Identifier: MIT
#include <re2/re2.h>

#include <array>

#include "delivery/render/clean.hpp"

namespace meantime::render {
namespace {

constexpr std::string_view redacted = "[redacted]";

// The one place that says what a secret looks like. In each line the first group is what stays, and what the whole
// matches besides is replaced. Linear time whatever the text: RE2.
//
// Without a fixed prefix a long random word is no secret to us: most are hashes and ids that people want to read.
constexpr std::string_view secret_pattern =
    R"re((?i:(\b(?:bearer|bot|basic)[ \t]+)[a-z0-9_\-.~+/]{16,}=*))re"
    // password=..., "api_key": "...", X-Auth-Token: ..., ?sig=...
    R"re(|(?i:(["']?(?:[a-z0-9_\-]*(?:passw(?:or)?d|passphrase|secret|api[_\-]?key|access[_\-]?key|private[_\-]?key)[a-z0-9_]*|)re"
    R"re([a-z0-9_\-]*token|[a-z0-9_\-]*authorization|pwd|sig|signature|x-amz-credential)["']?[ \t]*[:=][ \t]*)re"
    R"re((?:(?:bearer|basic|bot|token)[ \t]+)?)(?:"[^"\n]{4,}"|'[^'\n]{4,}'|[^\s"'&,;<>\[{][^\s"'&,;<>]{3,})))re"
    // https://user:password@host
    R"re(|(\b[A-Za-z][A-Za-z0-9+.\-]*://)[^\s/?#@"'<>:]*:[^\s/?#@"'<>]+@)re"
    // The addresses that are secrets themselves: webhooks of Discord, Slack, Mattermost; a Telegram bot's path.
    R"re(|(/api(?:/v[0-9]+)?/webhooks/[0-9]+/)[A-Za-z0-9_\-]{20,})re"
    R"re(|(hooks\.slack\.com/(?:services|workflows|triggers)/)[A-Za-z0-9_/\-]+)re"
    R"re(|(/hooks/)[a-z0-9]{26}\b)re"
    R"re(|(/bot)[0-9]{6,12}:[A-Za-z0-9_\-]{30,})re"
    // Tokens that say what they are.
    R"re(|()\b(?:xox[abeoprs]-|xapp-|gh[opsur]_|github_pat_|glpat-|sk-|sk_live_|rk_live_|syt_|hf_|npm_|pypi-|whsec_|whsk_)re"
    R"re([A-Za-z0-9+/_\-]{16,}=*)re"
    R"re(|()\btk_[a-z0-9]{29}\b)re"
    R"re(|()\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)re"
    R"re(|()\bAIza[A-Za-z0-9_\-]{35})re"
    R"re(|()\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)*)re"
    R"re(|()\b[0-9]{8,10}:[A-Za-z0-9_\-]{35})re"
    R"re(|()\b[MNO][A-Za-z0-9_\-]{22,27}\.[A-Za-z0-9_\-]{6,7}\.[A-Za-z0-9_\-]{27,38})re"
    R"re(|(-----BEGIN [A-Z ]*PRIVATE KEY-----)(?:\\[rn]|[A-Za-z0-9+/=\s])+(?:-----END [A-Z ]*PRIVATE KEY-----)?)re";

const RE2& secrets() {
  static const RE2 pattern(secret_pattern, [] {
    RE2::Options options(RE2::Quiet);
    options.set_max_mem(std::int64_t{64} << 20U);
    return options;
  }());
  return pattern;
}

}  // namespace

std::string without_secrets(std::string text) {
  constexpr int most_groups = 24;
  const RE2& pattern = secrets();
  const int groups = pattern.NumberOfCapturingGroups() + 1;
  std::array<re2::StringPiece, most_groups> found;
  std::string out;
  std::size_t from = 0;
  while (pattern.Match(text, from, text.size(), RE2::UNANCHORED, found.data(), groups)) {
    const auto start = static_cast<std::size_t>(found[0].data() - text.data());
    out.append(text, from, start - from);
    for (std::size_t group = 1; group < static_cast<std::size_t>(groups); ++group) {
      if (found[group].data() != nullptr) out.append(found[group].data(), found[group].size());
    }
    out += redacted;
    from = start + found[0].size();
    if (found[0].data()[found[0].size() - 1] == '@') out += '@';
  }
  if (from == 0) return text;
  out.append(text, from);
  return out;
}

}  // namespace meantime::render
