// SPDX-License-Identifier: MIT
#include "http/listener.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>
#include <cstring>

namespace meantime::http {

namespace asio = boost::asio;
using Code = boost::system::error_code;
using Tcp = asio::ip::tcp;
using Local = asio::local::stream_protocol;

namespace {

constexpr Milliseconds pause_without_descriptors{100};

// The file that a unix listener made, so that only that one is removed.
struct SocketFile {
  std::string path;
  dev_t device = 0;
  ino_t inode = 0;

  void remember() {
    struct stat found{};
    if (::lstat(path.c_str(), &found) != 0) return;
    device = found.st_dev;
    inode = found.st_ino;
  }
  void remove() const {
    struct stat found{};
    if (inode != 0 && ::lstat(path.c_str(), &found) == 0 && found.st_dev == device && found.st_ino == inode)
      ::unlink(path.c_str());
  }
};

// A program that somebody starts would keep the port taken, and the connection open, long after we are gone.
void keep_from_children(int descriptor) {
  (void)::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

Peer peer_of(const asio::basic_stream_socket<Tcp, asio::io_context::executor_type>&, const Tcp::endpoint& place) {
  auto address = place.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  return {.address = address.to_string(), .port = place.port()};
}

Peer peer_of(asio::basic_stream_socket<Local, asio::io_context::executor_type>& socket, const Local::endpoint&) {
  ucred who{};
  socklen_t size = sizeof who;
  Peer peer;
  const bool known = ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &who, &size) == 0;
  peer.user = known ? who.uid : static_cast<std::uint32_t>(-1);  // nobody's number
  return peer;
}

template <class Protocol>
class SocketListener final : public Listener {
 public:
  using Acceptor = asio::basic_socket_acceptor<Protocol, asio::io_context::executor_type>;

  SocketListener(Acceptor acceptor, Deadlines& deadlines, ListenerUser& user, std::shared_ptr<asio::ssl::context> tls,
                 SocketFile file)
      : state_(std::make_shared<State>(std::move(acceptor))),
        deadlines_(deadlines),
        user_(user),
        tls_(std::move(tls)),
        file_(std::move(file)) {
    state_->owner = this;
    keep_from_children(state_->acceptor.native_handle());
    accept();
  }
  SocketListener(const SocketListener&) = delete;
  SocketListener& operator=(const SocketListener&) = delete;
  ~SocketListener() override {
    state_->owner = nullptr;
    Code ignored;  // it is gone either way
    state_->acceptor.close(ignored);
    file_.remove();
  }

  [[nodiscard]] std::uint16_t port() const noexcept override {
    if constexpr (std::is_same_v<Protocol, Tcp>) {
      Code ignored;  // a bound socket has an endpoint
      return state_->acceptor.local_endpoint(ignored).port();
    }
    return 0;
  }

 private:
  // Held by the pending operation, which ends after the listener does.
  struct State {
    explicit State(Acceptor a) : acceptor(std::move(a)) {}
    Acceptor acceptor;
    typename Protocol::endpoint place;
    SocketListener* owner = nullptr;
  };

  void accept() {
    state_->acceptor.async_accept(
        state_->place,
        [state = state_](Code error, asio::basic_stream_socket<Protocol, asio::io_context::executor_type> socket) {
          if (state->owner != nullptr) state->owner->accepted(error, std::move(socket));
        });
  }

  void accepted(const Code& error, asio::basic_stream_socket<Protocol, asio::io_context::executor_type> socket) {
    if (error) {
      // No descriptors or memory: others may close theirs. Whatever else happened was that one connection's fault.
      const int number = error.value();
      if (number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM) {
        deadlines_.arm(pause_, pause_without_descriptors);
        return;
      }
      return accept();
    }
    keep_from_children(socket.native_handle());
    Peer peer = peer_of(socket, state_->place);
    peer.tls = tls_ != nullptr;
    Code ignored;  // only speed and the discovery of dead peers depend on these
    if constexpr (std::is_same_v<Protocol, Tcp>) {
      socket.set_option(Tcp::no_delay(true), ignored);
      socket.set_option(asio::socket_base::keep_alive(true), ignored);
    }
    user_.on_connection(Socket(std::move(socket)), std::move(peer), tls_);
    accept();
  }

  std::shared_ptr<State> state_;
  Deadlines& deadlines_;
  ListenerUser& user_;
  std::shared_ptr<asio::ssl::context> tls_;
  SocketFile file_;
  Deadline pause_{[](void* self) { static_cast<SocketListener*>(self)->accept(); }, this};
};

// Says what is at `path`: nothing (any more), or why it cannot be taken.
Result<void> make_way(const std::string& path) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return fail(errc::invalid_argument, "http.listen", "'" + path + "': " + std::strerror(errno));
  }
  if (!S_ISSOCK(found.st_mode)) {
    return fail(errc::invalid_argument, "http.listen",
                "'" + path + "' is there and is no socket: choose another name or remove it");
  }
  sockaddr_un place{};
  place.sun_family = AF_UNIX;
  path.copy(place.sun_path, sizeof place.sun_path - 1);
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return fail(errc::unavailable, "http.listen", std::strerror(errno));
  const int failed = ::connect(probe, reinterpret_cast<const sockaddr*>(&place), sizeof place) == 0 ? 0 : errno;
  ::close(probe);
  if (failed != ECONNREFUSED) {
    return fail(errc::unavailable, "http.listen",
                "another process listens on '" + path + "': stop it or choose another name");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return fail(errc::invalid_argument, "http.listen", "cannot replace '" + path + "': " + std::strerror(errno));
  return {};
}

}  // namespace

Result<std::unique_ptr<Listener>> listen_tcp(Loop& loop, Deadlines& deadlines, ListenerUser& user,
                                             std::string_view address, std::uint16_t port,
                                             std::shared_ptr<asio::ssl::context> tls) {
  Code error;
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  const auto numeric = asio::ip::make_address(address == "localhost" ? "127.0.0.1" : address, error);
  if (error) {
    return fail(errc::invalid_argument, "http.listen",
                "'" + std::string(address) + "' is no address: write it in numbers, as 127.0.0.1, 0.0.0.0 or ::1");
  }
  const Tcp::endpoint place(numeric, port);
  SocketListener<Tcp>::Acceptor acceptor(loop.io().get_executor());
  acceptor.open(place.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && numeric.is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
  if (!error) acceptor.bind(place, error);
  if (!error) acceptor.listen(4096, error);
  if (error) {
    return fail(errc::unavailable, "http.listen",
                "cannot listen on " + std::string(address) + " port " + std::to_string(port) + ": " + error.message());
  }
  return std::make_unique<SocketListener<Tcp>>(std::move(acceptor), deadlines, user, std::move(tls), SocketFile{});
}

Result<std::unique_ptr<Listener>> listen_unix(Loop& loop, Deadlines& deadlines, ListenerUser& user,
                                              const std::string& path) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path) || path.find('\0') != path.npos) {
    return fail(errc::invalid_argument, "http.listen",
                "'" + path + "' is no name for a unix socket: 1 to " +
                    std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes");
  }
  if (auto free = make_way(path); !free) return std::unexpected(std::move(free.error()));
  Code error;
  SocketListener<Local>::Acceptor acceptor(loop.io().get_executor());
  acceptor.open(Local(), error);
  // The file takes its mode from the socket: nobody else can connect, from its first moment on.
  if (!error && ::fchmod(acceptor.native_handle(), S_IRUSR | S_IWUSR) != 0)
    error.assign(errno, boost::system::system_category());
  if (!error) acceptor.bind(Local::endpoint(path), error);
  SocketFile file{.path = path};
  if (!error) {
    file.remember();
    acceptor.listen(4096, error);
  }
  if (error) {
    file.remove();
    return fail(errc::unavailable, "http.listen", "cannot listen on '" + path + "': " + error.message());
  }
  return std::make_unique<SocketListener<Local>>(std::move(acceptor), deadlines, user, nullptr, std::move(file));
}

Result<std::shared_ptr<asio::ssl::context>> make_server_tls(const TlsFiles& files) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  const auto bad = [](const std::string& file, const Code& error) {
    return fail(errc::invalid_argument, "http.tls", "cannot use '" + file + "': " + error.message());
  };
  Code error;
  context->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                           asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1,
                       error);
  context->use_certificate_chain_file(files.certificate, error);
  if (error) return bad(files.certificate, error);
  context->use_private_key_file(files.key, asio::ssl::context::pem, error);
  if (error) return bad(files.key, error);
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    return fail(errc::invalid_argument, "http.tls",
                "the key in '" + files.key + "' does not belong to the certificate in '" + files.certificate + "'");
  }
  return context;
}

}  // namespace meantime::http
