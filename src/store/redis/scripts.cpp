// SPDX-License-Identifier: MIT
#include "store/redis/scripts.hpp"

#include <openssl/evp.h>

#include <stdexcept>

#include "store/redis/script_texts.hpp"

namespace meantime::store::redis {
namespace {

// In the order of the enumeration.
const std::array<const std::string_view*, script_count>& texts() noexcept {
  static const std::array<const std::string_view*, script_count> all{
      &start_script,    &finish_script, &late_script,       &progress_script,  &output_script, &cancel_script,
      &redirect_script, &ask_script,    &answer_script,     &heartbeat_script, &leave_script,  &reap_script,
      &slice_script,    &forget_script, &drop_block_script, &trim_script,      &claim_script,  &plan_script,
      &step_script,     &replay_script, &suppress_script,   &pause_script,     &loads_script};
  return all;
}

std::string sha1_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL gives no SHA-1, by which Redis names scripts");
  }
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < size; ++i) {
    out += hex[digest.at(i) >> 4U];
    out += hex[digest.at(i) & 15U];
  }
  return out;
}

}  // namespace

std::string_view text_of(Script script) noexcept {
  return *texts()[static_cast<std::size_t>(script)];
}

std::string_view shape_of(Script script) noexcept {
  switch (script) {
    case Script::start:
    case Script::heartbeat:
    case Script::reap:
    case Script::slice:
    case Script::claim:
    case Script::loads:
      return "L";
    case Script::finish:
    case Script::cancel:
    case Script::redirect:
    case Script::ask:
    case Script::plan:
    case Script::step:
    case Script::replay:
      return "T";
    default:
      return "I";
  }
}

const std::string& name_of(Script script) {
  static const auto names = [] {
    std::array<std::string, script_count> made;
    for (std::size_t i = 0; i < script_count; ++i) made.at(i) = sha1_hex(*texts().at(i));
    return made;
  }();
  return names[static_cast<std::size_t>(script)];
}

void add_loads(Request& request) {
  for (const std::string_view* text : texts()) request.push("SCRIPT", "LOAD", *text);
}

Request ScriptCall::request() const {
  std::vector<std::string_view> words;
  words.reserve(keys_.size() + args_.size() + 2);
  const std::string count = std::to_string(keys_.size());
  words.emplace_back(name_of(script_));
  words.emplace_back(count);
  for (const std::string& key : keys_) words.emplace_back(key);
  for (const std::string& arg : args_) words.emplace_back(arg);
  Request request;
  request.push_range("EVALSHA", words.begin(), words.end());
  return request;
}

}  // namespace meantime::store::redis
