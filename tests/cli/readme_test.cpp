// SPDX-License-Identifier: MIT
// readme_test.cpp: README's recipe for a shared Redis, followed as it is written, but for the port.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

#include "program.hpp"
#include "support/free_port.hpp"

namespace meantime::test {
namespace {

struct Line {
  std::string text;
  std::string terminals;  ///< The digits of those it is typed into.
};

std::vector<Line> recipe(const std::string& port) {
  std::ifstream file(std::filesystem::path(MEANTIME_SOURCE) / "README.md");
  const std::string readme{std::istreambuf_iterator<char>(file), {}};
  constexpr std::string_view fence = "```sh\n";
  const auto begin = readme.find(fence) + fence.size();
  std::istringstream block(readme.substr(begin, readme.find("```", begin) - begin));
  std::vector<Line> lines;
  const std::regex whose("# terminals? ([0-9])(?: and ([0-9]))?");
  for (std::string text; std::getline(block, text);) {
    std::smatch found;
    if (!std::regex_search(text, found, whose)) throw std::runtime_error("whose line is this? " + text);
    const Line line{std::regex_replace(text, std::regex("6379"), port), found.str(1) + found.str(2)};
    lines.push_back(line);
  }
  return lines;
}

// All that one terminal is told, as a script.
std::string typed(const std::vector<Line>& lines, char terminal) {
  std::string script;
  for (const Line& line : lines) {
    if (line.terminals.find(terminal) != std::string::npos) script += line.text + "\n";
  }
  return script;
}

class Readme : public ProgramTest {
 protected:
  Program terminal(const std::string& script) {
    const std::string here = "cd '" + folder().string() + "'\n";
    const std::string path = std::filesystem::path(MEANTIME_PROGRAM).parent_path().string();
    const char* before = std::getenv("PATH");
    const std::vector<std::string> environment{"MEANTIME_STATE_DIR=" + folder().string(),
                                               "PATH=" + path + ":" + (before != nullptr ? before : "")};
    return Program({"sh", "-c", here + script}, {.environment = environment});
  }
};

TEST_F(Readme, ItsFiveLinesForTwoProcessesOnOneRedisWork) {
  const auto lines = recipe(std::to_string(free_port()));
  ASSERT_EQ(lines.size(), 5U);
  Program server = terminal("exec " + typed(lines, '1'));
  server.read_until("Ready to accept connections");
  Program second = terminal(typed(lines, '2'));
  const std::string envelope = second.read_until("\"}");
  const auto begin = envelope.find("\"task_id\":\"") + 11;
  const std::string id = envelope.substr(begin, envelope.find('"', begin) - begin);
  const Ended awaited = terminal(typed(lines, '3')).wait();
  EXPECT_NE(awaited.out.find(id), std::string::npos) << "listed: " << awaited.out;
  EXPECT_EQ(awaited.code, 0) << awaited.err;
  EXPECT_EQ(last_line(awaited.out), "done") << awaited.out;
  const Ended started = second.wait();
  EXPECT_EQ(started.code, 75) << started.err;
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait().code, 0);
}

}  // namespace
}  // namespace meantime::test
