// SPDX-License-Identifier: MIT
#include "auth/token_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "auth/digest.hpp"

namespace meantime::auth {
namespace {

namespace json = boost::json;

constexpr std::int64_t format = 1;
constexpr std::size_t longest_file = 1U << 20U;
constexpr std::size_t longest_name = 100;

std::unexpected<Error> wrong(errc code, std::string detail) {
  return fail(code, "auth.token_store", std::move(detail));
}
std::string reason() {
  return std::system_category().message(errno);
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::vector<std::string> texts_of(const json::object& object, std::string_view name) {
  std::vector<std::string> texts;
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_array()) return texts;
  for (const auto& each : value->get_array()) {
    if (each.is_string()) texts.emplace_back(each.get_string());
  }
  return texts;
}

json::array array_of(const std::vector<std::string>& texts) {
  json::array out;
  for (const auto& each : texts) out.emplace_back(each);
  return out;
}

std::optional<WallTime> time_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return WallTime(Milliseconds(value->get_int64()));
}

std::string write_memory(const OauthMemory& memory) {
  json::object all{
      {"format", format}, {"resource", memory.resource}, {"issuer", memory.issuer}, {"asked", array_of(memory.asked)}};
  if (!memory.dpop_key.empty()) all["dpop_key"] = memory.dpop_key;
  if (memory.identity) {
    json::object client{{"issuer", memory.identity->issuer},
                        {"id", memory.identity->id},
                        {"secret", memory.identity->secret},
                        {"auth_method", memory.identity->auth_method},
                        {"redirect_uri", memory.identity->redirect_uri}};
    if (memory.identity->secret_expires) {
      client["secret_expires_ms"] = memory.identity->secret_expires->time_since_epoch().count();
    }
    all["client"] = std::move(client);
  }
  if (memory.token) {
    json::object token{{"access", memory.token->access},
                       {"type", memory.token->type},
                       {"refresh", memory.token->refresh},
                       {"scopes", array_of(memory.token->scopes)}};
    if (memory.token->expires) token["expires_ms"] = memory.token->expires->time_since_epoch().count();
    all["token"] = std::move(token);
  }
  return json::serialize(all);
}

std::optional<OauthMemory> read_memory(std::string_view text) {
  boost::system::error_code problem;
  const auto value = json::parse(text, problem);
  if (problem || !value.is_object()) return std::nullopt;
  const auto& all = value.get_object();
  const auto* version = all.if_contains("format");
  if (version == nullptr || !version->is_int64() || version->get_int64() != format) return std::nullopt;
  OauthMemory memory{.resource = text_of(all, "resource"),
                     .issuer = text_of(all, "issuer"),
                     .asked = texts_of(all, "asked"),
                     .dpop_key = text_of(all, "dpop_key")};
  if (const auto* client = all.if_contains("client"); client != nullptr && client->is_object()) {
    const auto& object = client->get_object();
    memory.identity = ClientIdentity{.issuer = text_of(object, "issuer"),
                                     .id = text_of(object, "id"),
                                     .secret = text_of(object, "secret"),
                                     .auth_method = text_of(object, "auth_method"),
                                     .redirect_uri = text_of(object, "redirect_uri"),
                                     .secret_expires = time_of(object, "secret_expires_ms")};
  }
  if (const auto* token = all.if_contains("token"); token != nullptr && token->is_object()) {
    const auto& object = token->get_object();
    memory.token = Token{.access = text_of(object, "access"),
                         .type = text_of(object, "type"),
                         .refresh = text_of(object, "refresh"),
                         .scopes = texts_of(object, "scopes"),
                         .expires = time_of(object, "expires_ms")};
    if (memory.token->access.empty()) memory.token.reset();
  }
  return memory;
}

class FileTokenStore final : public TokenStore {
 public:
  explicit FileTokenStore(std::string folder) : folder_(std::move(folder)) {}

  Result<OauthMemory> load(std::string_view upstream) override {
    const auto path = place(upstream);
    const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    if (file.fd < 0) {
      if (errno == ENOENT) return OauthMemory{};
      return wrong(errc::unavailable, path.string() + " cannot be read: " + reason());
    }
    struct stat status{};
    if (fstat(file.fd, &status) != 0) return wrong(errc::unavailable, path.string() + " cannot be read: " + reason());
    if (!S_ISREG(status.st_mode)) return wrong(errc::corrupt, path.string() + " is not a file: remove it");
    if ((status.st_mode & 077) != 0) {
      return wrong(errc::invalid_argument, "others can read the tokens in " + path.string() +
                                               ": revoke them, remove the file and log in again");
    }
    std::string text(std::min<std::size_t>(static_cast<std::size_t>(status.st_size), longest_file), '\0');
    std::size_t had = 0;
    while (had < text.size()) {
      const auto got = read(file.fd, text.data() + had, text.size() - had);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return wrong(errc::unavailable, path.string() + " cannot be read: " + reason());
      if (got == 0) break;
      had += static_cast<std::size_t>(got);
    }
    text.resize(had);
    auto memory = read_memory(text);
    if (!memory) return wrong(errc::corrupt, path.string() + " cannot be understood: remove it and log in again");
    return std::move(*memory);
  }

  Result<void> save(std::string_view upstream, const OauthMemory& memory) override {
    std::error_code problem;
    if (!std::filesystem::exists(folder_, problem)) {
      std::filesystem::create_directories(std::filesystem::path(folder_).parent_path(), problem);
      if (mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) {
        return wrong(errc::unavailable, folder_ + " cannot be made: " + reason());
      }
    }
    const auto path = place(upstream);
    auto next = path.string() + ".XXXXXX";
    const Descriptor file{mkostemp(next.data(), O_CLOEXEC)};  // mode 0600
    if (file.fd < 0) return wrong(errc::unavailable, path.string() + " cannot be written: " + reason());
    const auto text = write_memory(memory);
    std::size_t wrote = 0;
    while (wrote < text.size()) {
      const auto put = write(file.fd, text.data() + wrote, text.size() - wrote);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return give_up(next, path);
      wrote += static_cast<std::size_t>(put);
    }
    if (fsync(file.fd) != 0 || rename(next.c_str(), path.c_str()) != 0) return give_up(next, path);
    return {};
  }

 private:
  static std::unexpected<Error> give_up(const std::string& next, const std::filesystem::path& path) {
    auto error = wrong(errc::unavailable, path.string() + " cannot be written: " + reason());
    unlink(next.c_str());
    return error;
  }
  // Names are the configuration's; whatever is in them stays one name of a file.
  [[nodiscard]] std::filesystem::path place(std::string_view upstream) const {
    std::string name;
    for (const char c : upstream) {
      const bool plain =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
      name += plain ? c : '.';
    }
    if (name != upstream || name.size() > longest_name)
      name = name.substr(0, longest_name) + "." + hex(sha256(upstream)).substr(0, 16);
    return std::filesystem::path(folder_) / (name + ".json");
  }

  std::string folder_;
};

}  // namespace

std::unique_ptr<TokenStore> make_file_token_store(std::string folder) {
  return std::make_unique<FileTokenStore>(std::move(folder));
}

}  // namespace meantime::auth
