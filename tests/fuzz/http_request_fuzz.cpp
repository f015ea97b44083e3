// SPDX-License-Identifier: MIT
// http_request_fuzz.cpp: the requests in a stream of bytes are the same however the stream is cut, they keep to the
// limits, and each view of them lies where it may.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "http/request_reader.hpp"

namespace {

using meantime::http::Request;
using meantime::http::RequestReader;
using State = RequestReader::State;

void demand(bool holds) {
  if (!holds) std::abort();
}

constexpr RequestReader::Limits limits{.max_head = 3000, .max_headers = 8, .max_body = 5000};

std::string written_down(Request& request) {
  std::string text;
  const auto add = [&](std::string_view part) {
    text += std::to_string(part.size());
    text += ' ';
    text += part;
  };
  add(request.method);
  add(request.path);
  add(request.query);
  demand(request.headers.size() <= limits.max_headers);
  for (const auto& header : request.headers) {
    demand(header.name.find_first_of("\r\n: ") == header.name.npos && !header.name.empty());
    demand(header.value.find_first_of(std::string_view("\r\n\0", 3)) == header.value.npos);
    add(header.name);
    add(header.value);
  }
  demand(request.version < 11 || request.count("host") == 1);
  demand(!(request.header("content-length") && request.header("transfer-encoding")));
  demand(request.body.size() <= limits.max_body);
  const auto body = std::string(request.body);
  demand(request.take_body() == body && request.body.empty());
  add(body);
  return text;
}

std::vector<std::string> read_all(std::string_view bytes, std::size_t step) {
  std::vector<std::string> found;
  RequestReader reader(limits);
  for (;;) {
    const State state = reader.parse();
    if (state == State::complete) {
      found.push_back(written_down(reader.request()));
      reader.drop_request();
      continue;
    }
    if (state == State::refused) {
      demand(reader.fault().status >= 400 && !reader.fault().text.empty() && !reader.keep_alive());
      found.emplace_back("refused");
      return found;
    }
    if (bytes.empty()) return found;
    const auto room = reader.room();
    demand(!room.empty());  // there is always a way on
    const std::size_t n = std::min({step, room.size(), bytes.size()});
    std::memcpy(room.data(), bytes.data(), n);
    reader.add(n);
    bytes.remove_prefix(n);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto whole = read_all(text, size + 1);
  demand(read_all(text, 1) == whole);
  demand(read_all(text, size % 13 + 2) == whole);
  return 0;
}
