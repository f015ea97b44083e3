// SPDX-License-Identifier: MIT
#include "auth/token_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <system_error>
#include <unordered_map>

#include "auth/challenge.hpp"
#include "core/utf8.hpp"

namespace meantime::auth {
namespace {

constexpr std::size_t longest_file = 4U << 20U;
constexpr std::size_t longest_name = 200;
constexpr std::string_view token_prefix = "mt_";
constexpr std::chrono::seconds look_every{1};

std::unexpected<Error> wrong(std::string detail) {
  return fail(errc::invalid_argument, "auth.token_file", std::move(detail));
}

bool is_name(std::string_view text) {
  const auto fine = [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F && c != ':' && c != '#'; };
  return !text.empty() && text.size() <= longest_name && std::ranges::all_of(text, fine) && utf8::valid(text);
}

// Scopes apart by spaces or commas. Absent: one of them cannot be a scope.
std::optional<std::vector<std::string>> read_scopes(std::string text) {
  std::ranges::replace(text, ',', ' ');
  auto scopes = split_scopes(text);
  std::size_t words = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    if (word.empty()) continue;
    ++words;
    if (std::ranges::find(scopes, word) == scopes.end()) return std::nullopt;
  }
  if (words == 0) return std::nullopt;
  return scopes;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

Result<TokenEntry> read_line(std::string_view line) {
  TokenEntry entry;
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return wrong("write name:sha256 or name:sha256:scopes");
  entry.name = trimmed(line.substr(0, colon));
  if (!is_name(entry.name)) return wrong("a name has 1 to 200 characters and no spaces, ':' or '#'");
  auto rest = line.substr(colon + 1);
  const auto second = rest.find(':');
  const auto digest = parse_hex(trimmed(rest.substr(0, second)));
  if (!digest)
    return wrong("behind the name stands the SHA-256 of the token, 64 hexadecimal digits (never the token itself)");
  entry.digest = *digest;
  if (second == std::string_view::npos) {
    entry.every_scope = true;
    return entry;
  }
  auto scopes = read_scopes(std::string(rest.substr(second + 1)));
  if (!scopes)
    return wrong("the scopes cannot be read: separate them by spaces, or leave them and the ':' out for all");
  entry.scopes = std::move(*scopes);
  return entry;
}

// What tells one version of a file from another.
struct Version {
  std::int64_t changed_s = 0, changed_ns = 0, modified_s = 0, modified_ns = 0, size = -1;
  std::uint64_t inode = 0;
  friend bool operator==(const Version&, const Version&) = default;
};

Version version_of(const struct stat& status) {
  return {.changed_s = status.st_ctim.tv_sec,
          .changed_ns = status.st_ctim.tv_nsec,
          .modified_s = status.st_mtim.tv_sec,
          .modified_ns = status.st_mtim.tv_nsec,
          .size = status.st_size,
          .inode = status.st_ino};
}

std::string reason() {
  return std::system_category().message(errno);
}

Result<std::string> read_private_file(const std::string& path, Version& version) {
  struct Closed {
    int fd;
    ~Closed() { close(fd); }
  } file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) {
    return fail(errno == ENOENT ? errc::not_found : errc::invalid_argument, "auth.token_file",
                path + " cannot be read: " + reason());
  }
  struct stat status{};
  if (fstat(file.fd, &status) != 0) return wrong(path + " cannot be read: " + reason());
  version = version_of(status);
  if (!S_ISREG(status.st_mode)) return wrong(path + " is not a file");
  if ((status.st_mode & 077) != 0) return wrong("others can read or write " + path + ": run chmod 600 on it");
  if (status.st_size > static_cast<off_t>(longest_file)) return wrong(path + " is over 4 MiB long");
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t had = 0;
  while (had < text.size()) {
    const auto got = read(file.fd, text.data() + had, text.size() - had);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return wrong(path + " cannot be read: " + reason());
    if (got == 0) break;
    had += static_cast<std::size_t>(got);
  }
  text.resize(had);
  return text;
}

}  // namespace

Result<std::vector<TokenEntry>> parse_token_file(std::string_view text) {
  std::vector<TokenEntry> entries;
  std::map<Digest, std::string> names;
  std::size_t number = 0;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    ++number;
    const auto content = trimmed(line);
    if (content.empty() || content.front() == '#') continue;
    auto entry = read_line(content);
    if (!entry) return wrong("line " + std::to_string(number) + ": " + entry.error().detail);
    // A name may have several tokens, as while one is replaced; a token has one name.
    const auto [other, is_new] = names.emplace(entry->digest, entry->name);
    if (!is_new) return wrong("line " + std::to_string(number) + ": the same token as " + other->second);
    entries.push_back(std::move(*entry));
  }
  return entries;
}

Result<std::string> read_token_text(const std::string& path) {
  Version version;
  return read_private_file(path, version);
}

std::string make_token(Random& random) {
  return std::string(token_prefix) + random_text(random, 32);
}

std::string hash_token(std::string_view token) {
  return hex(sha256(token));
}

Result<std::string> token_line(std::string_view name, std::string_view token, const std::vector<std::string>& scopes) {
  std::string line = std::string(name) + ":" + hash_token(token);
  if (!scopes.empty()) line += ":" + join_scopes(scopes);
  const auto entry = read_line(line);
  if (!entry) return std::unexpected(entry.error());
  if (entry->name != name || (!scopes.empty() && entry->scopes != scopes))
    return wrong("the name or a scope cannot stand in the file");
  return line;
}

struct TokenFileAuthenticator::State {
  // Where a digest falls in the table must not show who watches the time: the key is this process's own.
  struct Hash {
    std::uint64_t key;
    std::size_t operator()(const Digest& digest) const noexcept {
      std::uint64_t value = 0;
      std::memcpy(&value, digest.data(), sizeof value);
      return (value ^ key) * 0x9E3779B97F4A7C15U;
    }
  };
  struct Same {
    bool operator()(const Digest& a, const Digest& b) const noexcept { return same_secret(bytes_of(a), bytes_of(b)); }
  };
  using Table = std::unordered_map<Digest, std::shared_ptr<const Principal>, Hash, Same>;

  std::string path;
  Clock& clock;
  std::uint64_t key = 0;
  Sha256 digest_of;
  Table callers;
  Version version;
  SteadyTime looked_at;
  std::string problem;

  Result<void> load() {
    auto text = read_private_file(path, version);
    if (!text) return std::unexpected(text.error());
    auto entries = parse_token_file(*text);
    if (!entries) return wrong(path + ", " + entries.error().detail);
    Table table(entries->size() * 2 + 1, Hash{key});
    for (auto& entry : *entries) {
      table.emplace(entry.digest, std::make_shared<Principal>(Principal{.owner = entry.name,
                                                                        .name = entry.name,
                                                                        .scopes = std::move(entry.scopes),
                                                                        .every_scope = entry.every_scope}));
    }
    callers = std::move(table);
    return {};
  }

  void look_again() {
    const auto now = clock.coarse_now();
    if (now - looked_at < look_every) return;
    looked_at = now;
    struct stat status{};
    if (stat(path.c_str(), &status) == 0 && version_of(status) == version) return;
    auto loaded = load();
    problem = loaded ? std::string() : loaded.error().detail;
  }
};

TokenFileAuthenticator::TokenFileAuthenticator(ResourceSettings settings, std::unique_ptr<State> state)
    : Authenticator(std::move(settings)), state_(std::move(state)) {}
TokenFileAuthenticator::~TokenFileAuthenticator() = default;

Result<std::unique_ptr<TokenFileAuthenticator>> TokenFileAuthenticator::open(std::string path,
                                                                             ResourceSettings settings, Clock& clock,
                                                                             Random& random) {
  std::unique_ptr<State> state(new State{.path = std::move(path), .clock = clock});
  random.fill(std::as_writable_bytes(std::span(&state->key, 1)));
  state->looked_at = clock.coarse_now();
  if (auto loaded = state->load(); !loaded) return std::unexpected(loaded.error());
  return std::unique_ptr<TokenFileAuthenticator>(new TokenFileAuthenticator(std::move(settings), std::move(state)));
}

std::size_t TokenFileAuthenticator::size() const noexcept {
  return state_->callers.size();
}
const std::string& TokenFileAuthenticator::problem() const noexcept {
  return state_->problem;
}

std::optional<Verdict> TokenFileAuthenticator::identify_now(std::string_view token) {
  state_->look_again();
  const auto found = state_->callers.find(state_->digest_of(token));
  if (found == state_->callers.end()) return std::unexpected(invalid("The token is not known."));
  return Verdict(found->second);
}

}  // namespace meantime::auth
