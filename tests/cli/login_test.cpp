// SPDX-License-Identifier: MIT
// login_test.cpp: `meantime login` against an authorization server of the test's own, over real sockets; the test is
// the browser.
#include <gmock/gmock.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <fstream>
#include <thread>

#include "auth/url.hpp"
#include "http/client.hpp"
#include "http/server.hpp"
#include "meantime/system_clock.hpp"
#include "program.hpp"
#include "support/co_test.hpp"

namespace meantime::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

// An upstream that wants a token, and its authorization server, at one address.
class AuthorizationServer final : public http::Handler {
 public:
  AuthorizationServer() {
    port_ = *server_.listen("127.0.0.1", 0);
    thread_ = std::jthread([this] { io_.run(); });
  }
  AuthorizationServer(const AuthorizationServer&) = delete;
  AuthorizationServer& operator=(const AuthorizationServer&) = delete;
  ~AuthorizationServer() override {
    work_.reset();
    io_.stop();
    thread_.join();
  }

  [[nodiscard]] std::string url(std::string_view path = "") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }

  void on_request(http::Request& request, http::Exchange& exchange) override {
    const auto page = [&](const json::value& body, int status = 200) {
      exchange.respond(status, "application/json", json::serialize(body));
    };
    if (request.path == "/.well-known/oauth-protected-resource/mcp") {
      return page({{"resource", url("/mcp")}, {"authorization_servers", json::array{url()}}});
    }
    if (request.path == "/.well-known/oauth-authorization-server") {
      return page({{"issuer", url()},
                   {"authorization_endpoint", url("/authorize")},
                   {"token_endpoint", url("/token")},
                   {"registration_endpoint", url("/register")},
                   {"code_challenge_methods_supported", json::array{"S256"}},
                   {"token_endpoint_auth_methods_supported", json::array{"none"}}});
    }
    if (request.path == "/register") return page({{"client_id", "us"}}, 201);
    if (request.path == "/token") {
      const auto form = auth::decode_form(request.body);
      const bool fine = form && auth::only_field(*form, "code") == "the-code";
      if (!fine) return page({{"error", "invalid_grant"}}, 400);
      return page({{"access_token", "the-token"}, {"token_type", "Bearer"}, {"refresh_token", "again"}});
    }
    exchange.respond(401, "application/json", "{}");
  }

 private:
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  SystemClock clock_{io_};
  Loop loop_{io_};
  Deadlines deadlines_{clock_};
  http::Server server_{loop_, deadlines_, *this};
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

class Login : public ProgramTest {
 protected:
  std::string config(const std::string& text) {
    const auto path = folder() / "login.toml";
    std::ofstream(path) << text;
    return path.string();
  }
  // What a browser does that was sent there.
  static int visit(const std::string& url) {
    boost::asio::io_context io;
    Loop loop(io);
    http::Client client(loop);
    auto answer = run(io, client.send({.url = url}));
    return answer ? answer->status : 0;
  }
};

TEST_F(Login, AUserAgreesInABrowserAndTheTokensAreKept) {
  AuthorizationServer server;
  const std::string file = config("[upstreams.docs]\nurl = \"" + server.url("/mcp") + "\"\n");
  Program login = start({"login", "docs", "--no-browser", "--config", file});
  const std::string& said = login.read_error_until("/authorize?");
  const auto begin = said.find("http://127");
  while (said.find('\n', begin) == std::string::npos) login.read_error_until(said.substr(begin) + "\n");
  const std::string asked = said.substr(begin, said.find('\n', begin) - begin);
  const auto query = auth::decode_form(auth::parse_url(asked)->query);
  ASSERT_TRUE(query) << asked;
  const std::string back(*auth::only_field(*query, "redirect_uri"));
  EXPECT_EQ(visit(back + "?code=the-code&state=another"), 404) << "another page in the browser ends nothing";
  EXPECT_EQ(
      visit(auth::with_query(back, {{"code", "the-code"}, {"state", std::string(*auth::only_field(*query, "state"))}})),
      200);
  const Ended ended = login.wait();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("logged in to 'docs'"));
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(ended.err.find("the-token"), std::string::npos);
  bool kept = false;
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder())) {
    if (each.path().filename() != "docs.json") continue;
    std::ifstream in(each.path());
    kept = std::string(std::istreambuf_iterator<char>(in), {}).contains("the-token");
    EXPECT_EQ(each.path().parent_path().filename(), "tokens");
    EXPECT_EQ(each.status().permissions(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  EXPECT_TRUE(kept);
}

TEST_F(Login, AnUpstreamThatNeedsNoneOrIsNotThereIsSaidSo) {
  const std::string file = config(
      "[upstreams.local]\ncommand = [\"true\"]\n[upstreams.open]\nurl = \"http://127.0.0.1:1/mcp\"\noauth = false\n");
  for (const auto& [name, why] :
       {std::pair{"nobody", "there are: local, open"}, {"local", "is a program"}, {"open", "does not use OAuth"}}) {
    const Ended ended = meantime({"login", name, "--config", file});
    EXPECT_EQ(ended.code, 2);
    EXPECT_THAT(ended.err, HasSubstr(why));
  }
}

}  // namespace
}  // namespace meantime::test
