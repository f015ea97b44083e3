// SPDX-License-Identifier: MIT
#include "delivery/adapters/secret.hpp"

#include <cstdlib>
#include <fstream>

namespace meantime::delivery {

Result<std::string> Secret::value() {
  if (known_) return *known_;
  constexpr const char* op = "delivery.secret";
  std::string text;
  std::string place;
  if (!place_.file.empty()) {
    place = "the file '" + place_.file.string() + "'";
    std::ifstream file(place_.file);
    if (!file) {
      return fail(errc::invalid_argument, op, place + " cannot be read: put the secret there, readable for this user.");
    }
    std::getline(file, text);
  } else {
    place = "the environment variable " + place_.variable;
    const char* value = std::getenv(place_.variable.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets any
    if (value != nullptr) text = value;
  }
  while (!text.empty() && (text.back() == '\r' || text.back() == ' ' || text.back() == '\n')) text.pop_back();
  if (text.empty()) return fail(errc::invalid_argument, op, "There is nothing in " + place + ": put the secret there.");
  known_ = text;
  return text;
}

}  // namespace meantime::delivery
