// SPDX-License-Identifier: MIT
#include "cli/terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "core/utf8.hpp"

namespace meantime::cli {
namespace {

constexpr std::string_view code_of(Colour colour) noexcept {
  switch (colour) {
    case Colour::red:
      return "31";
    case Colour::green:
      return "32";
    case Colour::yellow:
      return "33";
    case Colour::blue:
      return "34";
    case Colour::dim:
      return "2";
    case Colour::bold:
      return "1";
  }
  return "0";
}

}  // namespace

void hold_standard_streams() {
  for (int fd = 0; fd < 3; ++fd) {
    // The lowest free number is the one that was found closed.
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) _exit(1);
  }
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool print(std::string_view text) {
  return write_all(STDOUT_FILENO, text);
}

void complain(std::string_view text) {
  // With nobody listening there is nobody to tell.
  static_cast<void>(write_all(STDERR_FILENO, "meantime: " + harmless(text) + "\n"));
}

bool is_terminal(int fd) {
  return isatty(fd) == 1;
}

std::uint32_t columns(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string harmless(std::string_view text) {
  std::string out = utf8::repaired(std::string(text));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto c = static_cast<unsigned char>(out[i]);
    if (c < 0x20 || c == 0x7F) out[i] = ' ';
    // U+0080 to U+009F steer some terminals, too.
    if (c == 0xC2 && i + 1 < out.size() && static_cast<unsigned char>(out[i + 1]) < 0xA0) {
      out.replace(i, 2, " ");
    }
  }
  return out;
}

Paint::Paint(int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  on_ = is_terminal(fd) && (no_color == nullptr || *no_color == '\0');
}

std::string Paint::operator()(Colour colour, std::string_view text) const {
  if (!on_) return std::string(text);
  return "\x1b[" + std::string(code_of(colour)) + "m" + std::string(text) + "\x1b[0m";
}

}  // namespace meantime::cli
