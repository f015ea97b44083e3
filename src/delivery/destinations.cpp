// SPDX-License-Identifier: MIT
#include "delivery/destinations.hpp"

#include <algorithm>

#include "core/redirects.hpp"

namespace meantime::delivery {
namespace {

constexpr const char* op = "delivery.resolve";

// An empty caller is the program itself.
bool may_use(const Destination& destination, const Caller& owner) {
  return destination.owners.empty() || owner.user_id.empty() ||
         std::ranges::find(destination.owners, owner.user_id) != destination.owners.end();
}

bool fits(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return true;
  if (pattern.ends_with('*')) return name.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == name;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace

Result<const Destination*> Destinations::add(Destination destination) {
  if (destination.name.empty()) return fail(errc::invalid_argument, "delivery.add", "A destination has a name.");
  if (destination.max_age > longest_max_age) {
    return fail(errc::invalid_argument, "delivery.add",
                "The max_age of destination '" + destination.name + "' is at most five days.");
  }
  const std::string name = destination.name;
  const auto [at, fresh] = destinations_.try_emplace(name, std::move(destination));
  if (!fresh) {
    return fail(errc::invalid_argument, "delivery.add",
                "There are two destinations named '" + name + "': give each a name of its own.");
  }
  return &at->second;
}

Result<void> Destinations::add_default(DefaultRedirect redirect) {
  if (!destinations_.contains(redirect.destination)) {
    return fail(errc::invalid_argument, "delivery.add_default",
                "There is no destination '" + redirect.destination + "': name one of those that are configured.");
  }
  defaults_.push_back(std::move(redirect));
  return {};
}

std::vector<std::string> Destinations::names_for(const Caller& owner) const {
  std::vector<std::string> names;
  for (const auto& [name, destination] : destinations_) {
    if (may_use(destination, owner)) names.push_back(name);
  }
  return names;
}

// One that exists but is not allowed is answered as one that does not exist.
Result<Redirect> Destinations::resolve(Redirect wanted, const Caller& owner) const {
  const auto at = destinations_.find(wanted.destination);
  if (at == destinations_.end() || !may_use(at->second, owner)) {
    const auto names = names_for(owner);
    return fail(errc::invalid_argument, op,
                "There is no destination '" + wanted.destination + "'" +
                    (names.empty() ? std::string(": none is configured for this caller.")
                                   : ": name one of " + listed(names) + "."));
  }
  const Destination& destination = at->second;
  const bool as_caller = destination.channel_id == channel_of_caller;
  if (wanted.platform.empty()) wanted.platform = destination.platform;
  if (wanted.channel_id.empty()) wanted.channel_id = as_caller ? owner.channel_id : destination.channel_id;
  if (as_caller && wanted.channel_id.empty()) {
    return fail(errc::invalid_argument, op,
                "The destination '" + wanted.destination +
                    "' sends to the channel that the call came from, and this call names none: choose another one.");
  }
  if (wanted.max_chars == 0) wanted.max_chars = destination.max_chars;
  if (auto fine = check_redirect(wanted); !fine) return std::unexpected(std::move(fine.error()));
  return wanted;
}

std::vector<Redirect> Destinations::defaults(std::string_view tool, const Caller& caller) const {
  std::vector<Redirect> out;
  for (const DefaultRedirect& each : defaults_) {
    if (!fits(each.tool, tool)) continue;
    if (!each.owner.empty() && each.owner != caller.user_id) continue;
    if (!each.platform.empty() && each.platform != caller.platform) continue;
    auto redirect =
        resolve({.destination = each.destination, .on = each.on, .suppress_if_read = each.suppress_if_read}, caller);
    if (redirect) std::ignore = put_redirect(out, std::move(*redirect));
  }
  return out;
}

std::vector<Destination> Destinations::all() const {
  std::vector<Destination> out;
  out.reserve(destinations_.size());
  for (const auto& [name, destination] : destinations_) out.push_back(destination);
  return out;
}

}  // namespace meantime::delivery
