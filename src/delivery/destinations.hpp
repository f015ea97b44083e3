// SPDX-License-Identifier: MIT
// destinations.hpp: which destinations there are, who may send there, and what goes there by itself.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "meantime/delivery.hpp"

namespace meantime::delivery {

class Destinations {
 public:
  /// Errors: invalid_argument (a name that is taken or empty). The pointer stays valid.
  Result<const Destination*> add(Destination destination);
  /// Errors: invalid_argument (an unknown destination).
  Result<void> add_default(DefaultRedirect redirect);

  // As DeliveryRules.
  [[nodiscard]] Result<Redirect> resolve(Redirect wanted, const Caller& owner) const;
  [[nodiscard]] std::vector<Redirect> defaults(std::string_view tool, const Caller& caller) const;
  [[nodiscard]] std::vector<std::string> names_for(const Caller& owner) const;
  [[nodiscard]] std::vector<Destination> all() const;

 private:
  std::map<std::string, Destination, std::less<>> destinations_;
  std::vector<DefaultRedirect> defaults_;
};

}  // namespace meantime::delivery
