// SPDX-License-Identifier: MIT
#include "auth/token_edit.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "meantime/system_clock.hpp"
#include "support/temp_folder.hpp"

namespace meantime::auth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TokenEdit : public testing::Test {
 protected:
  [[nodiscard]] std::string file() const { return (folder.path() / "tokens").string(); }
  std::string line(std::string_view name, const std::vector<std::string>& scopes = {}) {
    return *token_line(name, make_token(random), scopes);
  }
  [[nodiscard]] std::string text() const {
    std::ifstream in(file());
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const TokenEntry& each : read_token_file(file()).value_or(std::vector<TokenEntry>())) out.push_back(each.name);
    return out;
  }

  test::TempFolder folder;
  SystemRandom random;
};

TEST_F(TokenEdit, AFileIsMadeForItsOwnerAloneAndGrowsByLines) {
  EXPECT_EQ(add_to_token_file(file(), line("ann")), 1U);
  EXPECT_EQ(add_to_token_file(file(), line("bob", {"read", "write"})), 1U);
  EXPECT_EQ(add_to_token_file(file(), line("ann")), 2U);
  struct stat status{};
  ASSERT_EQ(stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_THAT(names(), ElementsAre("ann", "bob", "ann"));
  EXPECT_THAT((*read_token_file(file()))[1].scopes, ElementsAre("read", "write"));
}

TEST_F(TokenEdit, RevokingTakesOutANameAndLeavesAllElse) {
  const std::string bob = line("bob");
  std::ofstream(file()) << "# of the team\n" << line("ann") << "\n\n" << bob << "\n" << line("ann");
  std::filesystem::permissions(file(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(revoke_in_token_file(file(), "ann"), 2U);
  EXPECT_EQ(text(), "# of the team\n\n" + bob + "\n");
  const auto again = revoke_in_token_file(file(), "ann");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, errc::not_found);
}

TEST_F(TokenEdit, AFileThatOthersReadOrThatIsBrokenStaysAsItIs) {
  std::ofstream(file()) << "nonsense\n";
  std::filesystem::permissions(file(), std::filesystem::perms::owner_all);
  const auto broken = add_to_token_file(file(), line("ann"));
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().detail, HasSubstr("line 1"));
  std::filesystem::permissions(file(), std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  const auto open = add_to_token_file(file(), line("ann"));
  ASSERT_FALSE(open);
  EXPECT_THAT(open.error().detail, HasSubstr("chmod 600"));
  EXPECT_EQ(text(), "nonsense\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1) << "no half file is left";
}

TEST_F(TokenEdit, ChangesAtTheSameTimeAreAllThere) {
  std::vector<std::jthread> many;
  for (int i = 0; i < 8; ++i) {
    many.emplace_back(
        [file = file(), entry = line("n" + std::to_string(i))] { EXPECT_TRUE(add_to_token_file(file, entry)); });
  }
  many.clear();
  EXPECT_EQ(names().size(), 8U);
}

}  // namespace
}  // namespace meantime::auth
