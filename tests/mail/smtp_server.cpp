// SPDX-License-Identifier: MIT
#include "mail/smtp_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace meantime::test {
namespace {

constexpr int give_up_after_ms = 60'000;

std::array<Descriptor, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe can be made");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

}  // namespace

SmtpServer::SmtpServer(const Certificates& certificates, const std::string& how) {
  auto in = make_pipe();
  auto out = make_pipe();
  std::vector<std::string> arguments{MEANTIME_SYSTEM_PYTHON, MEANTIME_SMTP_SERVER, certificates.server_certificate(),
                                     certificates.server_key()};
  if (how != "starttls") arguments.push_back(how);
  child_ = Child(arguments, {.in = in[0].get(), .out = out[1].get(), .err = STDERR_FILENO});
  // A whole letter fits in: the server waits for no reader.
  if (::fcntl(out[0].get(), F_SETPIPE_SZ, 1 << 20) < 0) throw std::runtime_error("the pipe cannot be made larger");
  in_ = std::move(in[1]);
  out_ = std::move(out[0]);
  out[1].close();
  port_ = static_cast<std::uint16_t>(std::stoi(line()));
}

std::string SmtpServer::line() {
  while (!read_.contains('\n')) {
    pollfd ready{.fd = out_.get(), .events = POLLIN};
    std::array<char, 65'536> bytes{};
    const auto size = ::poll(&ready, 1, give_up_after_ms) == 1 ? ::read(out_.get(), bytes.data(), bytes.size()) : 0;
    if (size <= 0) throw std::runtime_error("the mail server says nothing: is python3-aiosmtpd installed?");
    read_.append(bytes.data(), static_cast<std::size_t>(size));
  }
  const auto end = read_.find('\n');
  std::string out = read_.substr(0, end);
  read_.erase(0, end + 1);
  return out;
}

boost::json::object SmtpServer::letter() {
  return boost::json::parse(line()).as_object();
}

bool SmtpServer::has_letter() const {
  pollfd ready{.fd = out_.get(), .events = POLLIN};
  return !read_.empty() || ::poll(&ready, 1, 0) == 1;
}

}  // namespace meantime::test
