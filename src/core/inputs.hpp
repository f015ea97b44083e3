// SPDX-License-Identifier: MIT
// inputs.hpp: the rules of what a task asks of its caller, the same for every store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/error.hpp"
#include "meantime/task.hpp"

namespace meantime {

/// One thing that a task asked: open until it has a response. Of an answered one only the key and the response stay.
struct AskedInput {
  InputRequest request;
  std::optional<std::string> response;
};

/// Adds `requests` to what a task asked before. One that is open already, and is the same, changes nothing: the first
/// ask's answer got lost. Errors: invalid_argument (a key used before, max_input_requests open, max_input_keys in all);
/// nothing was added then.
[[nodiscard]] Result<void> add_inputs(std::vector<AskedInput>& asked, std::vector<InputRequest> requests);

/// Gives the open ones their responses; answers how many. Unknown and answered keys are passed over.
std::uint32_t answer_inputs(std::vector<AskedInput>& asked, std::vector<InputResponse> responses);

[[nodiscard]] std::vector<InputRequest> open_inputs(const std::vector<AskedInput>& asked);
[[nodiscard]] std::vector<InputResponse> responses_of(const std::vector<AskedInput>& asked);

/// The response that stands for "I will not answer this": whoever asked gets an error with this text, no result.
[[nodiscard]] std::string refusal_response(std::string_view why);
/// Why, if it is one; else absent.
[[nodiscard]] std::optional<std::string> refused_because(std::string_view response);

/// The refusals of add_inputs.
[[nodiscard]] Error input_key_used(const std::string& key);
[[nodiscard]] Error too_many_inputs();

/// Whether a tool may ask this, each by itself and all together; makes one line of each `params`, and `{}` of none.
/// Errors: invalid_argument.
[[nodiscard]] Result<void> check_inputs(std::vector<InputRequest>& requests);

/// The same for what a caller answers. Errors: invalid_argument (no JSON object).
[[nodiscard]] Result<void> check_responses(std::vector<InputResponse>& responses);

}  // namespace meantime
