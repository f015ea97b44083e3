// SPDX-License-Identifier: MIT
#include "auth/token_edit.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <system_error>

namespace meantime::auth {
namespace {

struct Descriptor {
  int fd;
  explicit Descriptor(int its_fd) : fd(its_fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

std::unexpected<Error> cannot_write(const std::string& path) {
  return fail(errc::unavailable, "auth.token_edit",
              path + " cannot be written: " + std::system_category().message(errno));
}

Result<void> replace(const std::string& path, std::string_view text) {
  std::string next = path + ".XXXXXX";
  const Descriptor file(mkostemp(next.data(), O_CLOEXEC));  // mode 0600
  if (file.fd < 0) return cannot_write(path);
  const auto give_up = [&] {
    auto error = cannot_write(path);
    unlink(next.c_str());
    return error;
  };
  // An administrator changes the file of the user that serves: it stays that user's.
  struct stat old{};
  if (stat(path.c_str(), &old) == 0 && (old.st_uid != geteuid() || old.st_gid != getegid()) &&
      fchown(file.fd, old.st_uid, old.st_gid) != 0) {
    return give_up();
  }
  while (!text.empty()) {
    const auto put = write(file.fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return give_up();
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  if (fsync(file.fd) != 0 || rename(next.c_str(), path.c_str()) != 0) return give_up();
  return {};
}

// `change` gets the text as it is and makes it what it is to be; gives what the caller wants to know.
Result<std::size_t> edit(const std::string& given, bool may_be_new,
                         const std::function<Result<std::size_t>(std::string& text)>& change) {
  std::error_code problem;
  std::filesystem::path path = std::filesystem::weakly_canonical(given, problem);  // behind a link: the file itself
  if (problem || path.empty()) path = given;
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const Descriptor lock(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.fd < 0) return cannot_write(path.string());
  while (flock(lock.fd, LOCK_EX) != 0) {
    if (errno != EINTR) return cannot_write(path.string());
  }
  auto text = read_token_text(path.string());
  if (!text && !(may_be_new && text.error().code == errc::not_found)) return std::unexpected(std::move(text.error()));
  std::string now = text.value_or(std::string());
  if (auto entries = parse_token_file(now); !entries) {
    return fail(errc::invalid_argument, "auth.token_edit", path.string() + ", " + entries.error().detail);
  }
  auto changed = change(now);
  if (!changed) return changed;
  if (auto written = replace(path.string(), now); !written) return std::unexpected(std::move(written.error()));
  return changed;
}

}  // namespace

Result<std::vector<TokenEntry>> read_token_file(const std::string& path) {
  auto text = read_token_text(path);
  if (!text) return std::unexpected(std::move(text.error()));
  auto entries = parse_token_file(*text);
  if (!entries) return fail(errc::invalid_argument, "auth.token_edit", path + ", " + entries.error().detail);
  return entries;
}

Result<std::size_t> add_to_token_file(const std::string& path, std::string_view line) {
  return edit(path, true, [line](std::string& text) -> Result<std::size_t> {
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    text += line;
    text += '\n';
    const auto entries = parse_token_file(text);
    if (!entries) return std::unexpected(entries.error());
    const std::string name = entries->back().name;
    return static_cast<std::size_t>(std::ranges::count(*entries, name, &TokenEntry::name));
  });
}

Result<std::size_t> revoke_in_token_file(const std::string& path, std::string_view name) {
  return edit(path, false, [&](std::string& text) -> Result<std::size_t> {
    std::string kept;
    std::size_t gone = 0;
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t end = rest.find('\n');
      const std::string_view line = rest.substr(0, end == rest.npos ? end : end + 1);
      rest.remove_prefix(line.size());
      const auto entries = parse_token_file(line);
      if (entries && !entries->empty() && entries->front().name == name) {
        ++gone;
      } else {
        kept += line;
      }
    }
    if (gone == 0) {
      return fail(errc::not_found, "auth.token_edit", "'" + std::string(name) + "' has no token in " + path);
    }
    text = std::move(kept);
    return gone;
  });
}

}  // namespace meantime::auth
