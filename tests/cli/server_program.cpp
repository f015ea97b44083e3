// SPDX-License-Identifier: MIT
#include "server_program.hpp"

#include <fstream>

namespace meantime::test {

namespace json = boost::json;

std::string ServerProgramTest::file(const std::string& name, std::string_view text) const {
  const auto path = folder() / name;
  std::ofstream(path) << text;
  return path.string();
}

json::value ServerProgramTest::ask(Program& server, int id, const std::string& method,
                                   const json::value& params) const {
  server.write(json::serialize(json::value{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}) +
               "\n");
  const std::string mark = "\"id\":" + std::to_string(id) + ",";
  const std::string& text = server.read_until(mark);
  const auto start = text.rfind('\n', text.find(mark)) + 1;
  while (text.find('\n', start) == std::string::npos) server.read_until(text.substr(start) + "\n");
  return json::parse(std::string_view(text).substr(start, text.find('\n', start) - start));
}

json::value ServerProgramTest::greet(Program& server) const {
  auto answer = ask(server, 1, "initialize",
                    {{"protocolVersion", "2025-06-18"},
                     {"capabilities", json::object()},
                     {"clientInfo", {{"name", "test"}, {"version", "1"}}}});
  server.write("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
  return answer;
}

std::string ServerProgramTest::call(Program& server, int id, std::string_view tool,
                                    const json::object& arguments) const {
  return text_of(ask(server, id, "tools/call", {{"name", tool}, {"arguments", arguments}}));
}

std::string ServerProgramTest::text_of(const json::value& answer) {
  return std::string(answer.at("result").at("content").at(0).at("text").as_string());
}

}  // namespace meantime::test
