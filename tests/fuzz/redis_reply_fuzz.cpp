// SPDX-License-Identifier: MIT
// redis_reply_fuzz.cpp: any bytes as what a server sends: the same replies come out whether they arrive whole or in
// pieces, every value in them can be looked at, and no garbage ends the program.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "store/redis/reply.hpp"

namespace {

using meantime::store::redis::Reply;
using meantime::store::redis::ReplyReader;
using meantime::store::redis::ReplyView;

void demand(bool holds) {
  if (!holds) std::abort();
}

void write_down(ReplyView view, std::string& into) {
  into += static_cast<char>('a' + static_cast<int>(view.kind()));
  into += std::to_string(view.size()) + ":" + std::to_string(view.integer()) + ":" + std::string(view.text()) + "\n";
  std::size_t count = 0;
  for (const ReplyView each : view) {
    write_down(each, into);
    ++count;
  }
  demand(count == view.size());
  demand(view[view.size()].is_null());
}

/// What comes out when each piece is as long as the next of `steps` says.
std::string read_all(std::string_view bytes, std::string_view steps) {
  ReplyReader reader;
  std::string out;
  std::size_t step = 0;
  while (!bytes.empty()) {
    const auto [into, room] = reader.room();
    demand(room > 0 && room <= (2UL << 20U));
    std::size_t count = std::min(room, bytes.size());
    if (!steps.empty())
      count = std::min<std::size_t>(count, static_cast<unsigned char>(steps[step++ % steps.size()]) + 1U);
    std::copy_n(bytes.data(), count, into);
    reader.commit(count);
    bytes.remove_prefix(count);
    while (auto reply = reader.next()) {
      demand(!reader.failed());
      write_down(reply->view(), out);
      out += "--\n";
    }
  }
  return out + (reader.failed() ? "failed" : "fine");
}

}  // namespace

// The first four bytes say how it is cut into pieces; the rest is what the server sends.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t head = 4;
  if (size < head) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view bytes = all.substr(head);
  const std::string whole = read_all(bytes, "");
  demand(read_all(bytes, all.substr(0, head)) == whole);
  demand(read_all(bytes, std::string_view("\0", 1)) == whole);
  return 0;
}
