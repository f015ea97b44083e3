// SPDX-License-Identifier: MIT
// tiny_echo.cpp: an MCP server over stdio that costs next to nothing: it finds the id and answers with a fixed text,
// one write for each answer, as SDKs do. The limit that `wrap` is measured against.
#include <unistd.h>

#include <cstring>
#include <string>
#include <string_view>

namespace {

// The raw value of "id", which clients write before params or at least not inside a string of ours.
std::string_view id_of(std::string_view line) {
  const std::size_t at = line.find("\"id\":");
  if (at == std::string_view::npos) return {};
  const std::string_view rest = line.substr(at + 5);
  return rest.substr(0, rest.find_first_of(",}"));
}

void answer(std::string& out, std::string_view line) {
  const std::string_view id = id_of(line);
  if (id.empty()) return;
  out += R"({"jsonrpc":"2.0","id":)";
  out += id;
  if (line.find("\"initialize\"") != std::string_view::npos) {
    out +=
        R"(,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"tiny","version":"1"}}})";
  } else if (line.find("\"tools/list\"") != std::string_view::npos) {
    out += R"(,"result":{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}})";
  } else if (line.find("\"server/discover\"") != std::string_view::npos) {
    out += R"(,"error":{"code":-32601,"message":"Method not found"}})";
  } else {
    out += R"(,"result":{"content":[{"type":"text","text":"the same text for everyone"}],"isError":false}})";
  }
  out += '\n';
}

}  // namespace

int main() {
  std::string in;
  std::string out;
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got <= 0) return 0;
    in.append(buffer, static_cast<std::size_t>(got));
    std::size_t start = 0;
    for (std::size_t end; (end = in.find('\n', start)) != std::string::npos; start = end + 1) {
      answer(out, std::string_view(in).substr(start, end - start));
      for (std::string_view rest = out; !rest.empty();) {
        const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
        if (written <= 0) return 1;
        rest.remove_prefix(static_cast<std::size_t>(written));
      }
      out.clear();
    }
    in.erase(0, start);
  }
}
