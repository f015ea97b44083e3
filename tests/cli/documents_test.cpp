// SPDX-License-Identifier: MIT
// documents_test.cpp: each piece of configuration that the documents show is one that `config check` accepts.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include "server_program.hpp"

namespace meantime::test {
namespace {

std::vector<std::string> pieces_of(const std::string& document) {
  std::ifstream file(std::filesystem::path(MEANTIME_SOURCE) / document);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  constexpr std::string_view fence = "```toml\n";
  std::vector<std::string> pieces;
  for (auto at = text.find(fence); at != std::string::npos; at = text.find(fence, at)) {
    at += fence.size();
    pieces.push_back(text.substr(at, text.find("```", at) - at));
  }
  return pieces;
}

class Documents : public ServerProgramTest {
 protected:
  // Secrets and programs that a piece names stand in the test's folder.
  [[nodiscard]] std::string with_its_files(std::string piece) const {
    const std::regex elsewhere("\"(/etc|/usr/local/bin)/[^\"]*\"");
    std::smatch found;
    while (std::regex_search(piece, found, elsewhere)) {
      const auto path = folder() / std::filesystem::path(found.str(0).substr(1, found.length() - 2)).filename();
      std::ofstream(path) << "#!/bin/sh\n";
      std::filesystem::permissions(path, std::filesystem::perms::owner_all);
      piece.replace(static_cast<std::size_t>(found.position()), static_cast<std::size_t>(found.length()),
                    "\"" + path.string() + "\"");
    }
    return piece;
  }
};

TEST_F(Documents, EveryConfigurationThatTheyShowIsAccepted) {
  std::size_t shown = 0;
  for (const char* document : {"README.md", "docs/destinations.md", "docs/configuration.md", "docs/mcp.md"}) {
    for (const std::string& piece : pieces_of(document)) {
      const Ended checked = meantime({"config", "check", file("piece.toml", with_its_files(piece))});
      EXPECT_EQ(checked.code, 0) << document << ":\n" << piece << checked.err;
      ++shown;
    }
  }
  EXPECT_GE(shown, 16U);
  EXPECT_GE(pieces_of("docs/destinations.md").size(), 14U) << "one for each type of destination";
}

}  // namespace
}  // namespace meantime::test
