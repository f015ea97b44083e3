// SPDX-License-Identifier: MIT
#include "store/redis/server_errors.hpp"

#include <algorithm>
#include <array>

namespace meantime::store::redis {
namespace {

constexpr std::string_view says_unavailable = "store unavailable: ";

struct Meaning {
  std::string_view kind;
  errc code;
  bool leave;
  std::string_view what;
};

constexpr std::array meanings{
    Meaning{"READONLY", errc::unavailable, true,
            "is a replica that takes no writes: name the primary (it is looked for again by itself)"},
    Meaning{"LOADING", errc::unavailable, true, "is still reading its data after a start: it is asked again by itself"},
    Meaning{"MASTERDOWN", errc::unavailable, true, "is a replica that has lost its primary"},
    Meaning{"OOM", errc::unavailable, false,
            "is full: raise its maxmemory, or shorten the retention; what was not stored is kept and tried again"},
    Meaning{"MISCONF", errc::unavailable, false,
            "refuses writes because it cannot save to its disk: see its log, make room"},
    Meaning{"NOREPLICAS", errc::unavailable, false, "refuses writes because too few replicas are connected"},
    Meaning{"BUSY", errc::unavailable, false, "is held by another program's script"},
    Meaning{"NOAUTH", errc::unavailable, true, "wants a password: set it with url, password_file or password_env"},
    Meaning{"WRONGPASS", errc::unavailable, true, "does not accept this user and password"},
    Meaning{"NOPERM", errc::unavailable, false,
            "does not let this user do that: docs/redis.md has the ACL line that meantime needs"},
    Meaning{"NOPROTO", errc::unavailable, true, "does not speak RESP3: Redis 6.2 or later, or Valkey, is needed"},
    Meaning{"MOVED", errc::unavailable, false,
            "is one node of a cluster, and our keys belong to another: name that node, with a prefix that has a hash "
            "tag, as prefix = \"{sg}:\" (docs/scaling.md)"},
    Meaning{"ASK", errc::unavailable, false, "is a cluster that moves our keys to another node right now"},
    Meaning{"CROSSSLOT", errc::unavailable, false,
            "is a cluster: all keys must share a slot, so give the prefix a hash tag, as prefix = \"{sg}:\""},
    Meaning{"CLUSTERDOWN", errc::unavailable, false, "is part of a cluster that is down"},
    Meaning{"TRYAGAIN", errc::unavailable, false, "is a cluster that moves our keys to another node right now"},
    Meaning{"WRONGTYPE", errc::corrupt, false,
            "holds something else under one of our keys: another program uses the same prefix; choose another one"},
    Meaning{"NOSCRIPT", errc::unavailable, false, "forgot our scripts"},
};

// The kind stands first, or inside the report of a script that met it.
const Meaning* meaning_of(std::string_view refusal) noexcept {
  const std::string_view kind = kind_of_refusal(refusal);
  for (const Meaning& each : meanings) {
    if (kind == each.kind) return &each;
  }
  for (const Meaning& each : meanings) {
    const auto at = refusal.find(each.kind);
    if (at == std::string_view::npos) continue;
    const bool starts = at == 0 || refusal[at - 1] == ' ' || refusal[at - 1] == '-';
    const auto end = at + each.kind.size();
    if (starts && end < refusal.size() && refusal[end] == ' ') return &each;
  }
  // Inside of a script a missing right has no kind of its own; Redis 8 has other words for it than those before.
  for (const std::string_view words : {"The user executing the script", "ACL failure in script"}) {
    if (refusal.find(words) != std::string_view::npos) return meaning_of("NOPERM");
  }
  // One of our scripts met something that it never writes.
  static constexpr Meaning spoilt{"", errc::corrupt, false,
                                  "holds something under our keys that meantime did not write there: another program "
                                  "uses the same prefix; choose another one, or remove the key"};
  return refusal.find("user_script") != std::string_view::npos ? &spoilt : nullptr;
}

}  // namespace

std::string_view kind_of_refusal(std::string_view refusal) noexcept {
  return refusal.substr(0, std::min(refusal.find(' '), refusal.size()));
}

bool leave_server(std::string_view refusal) noexcept {
  const Meaning* meaning = meaning_of(refusal);
  return meaning != nullptr && meaning->leave;
}

Error error_of(std::string_view refusal, std::string op, const std::string& place) {
  constexpr std::size_t enough = 200;
  const Meaning* meaning = meaning_of(refusal);
  Error out;
  out.op = std::move(op);
  out.code = meaning != nullptr ? meaning->code : errc::unavailable;
  out.detail = std::string(says_unavailable) + place + " ";
  if (out.code == errc::corrupt) out.detail = place + " ";
  out.detail += meaning != nullptr ? std::string(meaning->what) : std::string("refused");
  out.detail += " (it says: " + std::string(refusal.substr(0, enough)) + ")";
  if (out.code == errc::unavailable) out.retry_after = std::chrono::seconds(1);
  return out;
}

std::string trouble_of(const Error& error, const std::string& place) {
  std::string_view text = error.detail;
  if (text.starts_with(says_unavailable)) text.remove_prefix(says_unavailable.size());
  if (text.starts_with(place + " ")) text.remove_prefix(place.size() + 1);
  return std::string(text);
}

Error unavailable_of(const Error& error, std::string op, const std::string& place) {
  Error out = error;
  out.op = std::move(op);
  if (out.detail.starts_with(says_unavailable)) return out;
  if (out.detail.find(place) == std::string::npos) out.detail = place + ": " + out.detail;
  out.detail.insert(0, says_unavailable);
  return out;
}

}  // namespace meantime::store::redis
