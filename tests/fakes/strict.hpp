// SPDX-License-Identifier: MIT
// strict.hpp: checks that the fakes share: JSON objects with known fields only, texts without anything that calls
// people. Pure.
#pragma once

#include <boost/json.hpp>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "fakes/fake_platform.hpp"

namespace meantime::test {

/// Absent: it is no JSON object, or not sent as application/json.
[[nodiscard]] std::optional<boost::json::object> json_of(const FakeRequest& request);
/// The first field that is none of `known`; empty: all are.
[[nodiscard]] std::string unknown_field(const boost::json::object& object,
                                        std::initializer_list<std::string_view> known);
/// Empty: no such text.
[[nodiscard]] std::string text_of(const boost::json::object& object, std::string_view name);
[[nodiscard]] bool is_false(const boost::json::object& object, std::string_view name);
[[nodiscard]] bool is_true(const boost::json::object& object, std::string_view name);

}  // namespace meantime::test
