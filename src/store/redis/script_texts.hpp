// SPDX-License-Identifier: MIT
// script_texts.hpp: the Lua texts, each described where it stands: scripts_tasks.cpp, _workers.cpp, _lists.cpp,
// _outbox.cpp.
#pragma once

#include <string_view>

namespace meantime::store::redis {

extern const std::string_view start_script;
extern const std::string_view finish_script;
extern const std::string_view late_script;
extern const std::string_view progress_script;
extern const std::string_view output_script;
extern const std::string_view cancel_script;
extern const std::string_view redirect_script;
extern const std::string_view ask_script;
extern const std::string_view answer_script;
extern const std::string_view heartbeat_script;
extern const std::string_view leave_script;
extern const std::string_view reap_script;
extern const std::string_view slice_script;
extern const std::string_view forget_script;
extern const std::string_view drop_block_script;
extern const std::string_view trim_script;
extern const std::string_view claim_script;
extern const std::string_view plan_script;
extern const std::string_view step_script;
extern const std::string_view replay_script;
extern const std::string_view suppress_script;
extern const std::string_view pause_script;
extern const std::string_view loads_script;

}  // namespace meantime::store::redis
