// SPDX-License-Identifier: MIT
// store_test.cpp: how the program finds its store, what it says when there is none, and doctor.
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "program.hpp"
#include "support/free_port.hpp"
#include "support/redis_server.hpp"

namespace meantime::test {
namespace {

namespace json = boost::json;

constexpr std::string_view password = "geheim-4711";

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Stores : public ProgramTest {
 protected:
  std::string file(const std::string& name, std::string_view text, mode_t mode = 0600) {
    const auto path = folder() / name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path.string();
  }
  // Runs it with further variables.
  Ended with(const std::vector<std::string>& environment, std::vector<std::string> arguments) {
    return start(std::move(arguments), {.environment = environment}).wait();
  }
  // Sends one request and answers all that came until its response has begun.
  static std::string ask(Program& server, int id, const std::string& method, const json::value& params) {
    server.write(json::serialize(json::value{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}) +
                 "\n");
    const std::string& text = server.read_until("\"id\":" + std::to_string(id) + ",");
    const auto begin = text.find("\"id\":" + std::to_string(id) + ",");
    while (text.find('\n', begin) == std::string::npos) server.read_until(text.substr(begin) + "\n");
    return text.substr(begin);
  }
  static void greet(Program& server) {
    ask(server, 1, "initialize",
        {{"protocolVersion", "2025-06-18"},
         {"capabilities", json::object()},
         {"clientInfo", {{"name", "test"}, {"version", "1"}}}});
  }
  // The task's id in an envelope, which stands as a string in JSON.
  static std::string id_in(const std::string& answer) {
    constexpr std::string_view mark = R"(task_id\":\")";
    return answer.substr(answer.find(mark) + mark.size(), 32);
  }
  static bool mentions(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
  static json::object parsed(const std::string& text) { return json::parse(std::string_view(text)).as_object(); }
};

TEST_F(Stores, TheOptionGoesBeforeTheVariableAndThatBeforeTheUsersFile) {
  const std::string one = (folder() / "one.db").string();
  const std::string two = "sqlite:" + (folder() / "two.db").string();
  const std::vector<std::string> both{"run", "-q", "--budget", "0", "--store", one, "--", "true"};
  const std::string in_one = last_line(with({"MEANTIME_STORE=" + two}, both).out);
  const std::string in_two = last_line(with({"MEANTIME_STORE=" + two}, {"run", "-q", "--budget", "0", "true"}).out);
  EXPECT_EQ(meantime({"await", "--store", one, in_one}).code, 0);
  EXPECT_EQ(with({"MEANTIME_STORE=" + two}, {"await", in_two}).code, 0);
  EXPECT_EQ(meantime({"list", "-q", "--store", one}).out, in_one + "\n");
  EXPECT_EQ(with({"MEANTIME_STORE=" + two}, {"list", "-q"}).out, in_two + "\n");
  EXPECT_EQ(meantime({"list", "-q"}).out, "");
}

TEST_F(Stores, AStoreThatIsNamedWronglyIsRefusedEverywhereAndNoPasswordIsShown) {
  const std::string wrong = "redis://bot:" + std::string(password) + "@h:port";
  const std::vector<std::vector<std::string>> commands{
      {"run", "--", "true"},
      {"check", "abcd"},
      {"await", "abcd"},
      {"output", "abcd"},
      {"list"},
      {"cancel", "abcd"},
      {"wrap", "--", "cat"},
      {"doctor"},
      {"list", "--json"},
      {"serve", "--stdio", "--config", file("c.toml", "")},
  };
  for (const auto& command : commands) {
    const int expected = command.front() == "doctor" ? 1 : 2;
    for (const bool by_option : {true, false}) {
      auto arguments = command;
      if (by_option) arguments.insert(arguments.begin() + 1, {"--store", wrong});
      const Ended ended = by_option ? meantime(arguments) : with({"MEANTIME_STORE=" + wrong}, arguments);
      EXPECT_EQ(ended.code, expected) << command.front();
      EXPECT_TRUE(mentions(ended.out + ended.err, by_option ? "--store: the port" : "$MEANTIME_STORE: the port"))
          << ended.out << ended.err;
      EXPECT_FALSE(mentions(ended.out + ended.err, password)) << ended.out << ended.err;
    }
  }
  const Ended unreadable = with({"MEANTIME_STORE=redis://h", "MEANTIME_STORE_PASSWORD_FILE=/no/such"}, {"list"});
  EXPECT_EQ(unreadable.code, 2);
  EXPECT_TRUE(mentions(unreadable.err, "$MEANTIME_STORE_PASSWORD_FILE: password file /no/such")) << unreadable.err;
  EXPECT_TRUE(mentions(meantime({"list", "--store", "memory"}).err, "nothing to see in it"));
}

TEST_F(Stores, ARedisThatIsAwayIsUnavailableAndNeverNotFound) {
  const std::string url = "redis://bot@127.0.0.1:" + std::to_string(free_port());
  const std::string id(32, '7');
  const std::vector<std::string> environment{"MEANTIME_STORE=" + url,
                                             "MEANTIME_STORE_PASSWORD=" + std::string(password)};
  for (const char* command : {"check", "await", "output", "cancel"}) {
    const Ended ended = with(environment, {command, id});
    EXPECT_EQ(ended.code, 1) << command;
    EXPECT_TRUE(mentions(ended.err, "store unavailable: ")) << ended.err;
    EXPECT_TRUE(mentions(ended.err, url)) << ended.err;
    EXPECT_FALSE(mentions(ended.err, "not found")) << ended.err;
    EXPECT_FALSE(mentions(ended.err, password)) << ended.err;
  }
  const Ended list = with(environment, {"list", "--json"});
  EXPECT_EQ(list.code, 1);
  EXPECT_TRUE(mentions(std::string(parsed(list.out).at("error").as_string()), "store unavailable: ")) << list.out;
}

TEST_F(Stores, WrapAndServeWaitForARedisThatIsAwayAndSayWhenItIsBack) {
  RedisServer server;
  const std::string url = server.url();
  server.stop();
  const std::string config =
      file("c.toml", "store = \"" + url + "\"\n[log]\nlevel = \"info\"\n[tools.hello]\ndescription = \"d\"\n" +
                         "command = [\"echo\", \"hi\"]\n");
  Program serve = start({"serve", "--stdio", "--config", config}, {.no_input = false});
  greet(serve);
  EXPECT_TRUE(mentions(ask(serve, 2, "tools/call", {{"name", "hello"}, {"arguments", json::object()}}), "hi"))
      << "answered within its budget, without a store";
  serve.read_error_until("is away");
  server.start(RedisServer::Data::lost);
  serve.read_error_until("is back");
  serve.close_input();
  const Ended ended = serve.wait();
  EXPECT_EQ(ended.code, 0);
  EXPECT_FALSE(mentions(ended.err, "known to this process alone")) << ended.err;
}

TEST_F(Stores, TlsWithCertificatesAndUnixSocketsLeadToTheSameTasks) {
  RedisServer server({.tls = true, .tls_clients = true});
  const std::string id = last_line(
      meantime({"run", "-q", "--budget", "0", "--store", server.socket_url() + "?db=1", "--", "echo", "x"}).out);
  const Certificates& certificates = server.certificates();
  const std::string tls = server.tls_url() + "/1?ca=" + certificates.ca();
  const std::string client = "&cert=" + certificates.client_certificate() + "&key=" + certificates.client_key();
  EXPECT_EQ(meantime({"await", "--store", tls + client, id}).out, "x\n");
  EXPECT_EQ(meantime({"doctor", "--store", tls + "&cert=/no/such&key=/no/such"}).code, 1);
  const Ended stranger = meantime({"list", "--store", server.tls_url() + "/1"});
  EXPECT_EQ(stranger.code, 1);
  EXPECT_TRUE(mentions(stranger.err, "TLS with 'localhost' failed")) << stranger.err;
}

TEST_F(Stores, WhatEndsWhileTheRedisIsAwayWaitsInTheJournalOfADeadProcessForTheNext) {
  RedisServer server;
  const std::string config = file(
      "c.toml", "[store]\nurl = \"" + server.url() + "\"\njournal = \"wait.db\"\nwait = \"100ms\"\n" +
                    "[tools.echo]\ndescription = \"d\"\nalways_background = true\n" +
                    "command = [\"sh\", \"-c\", \"read x < go; echo kept\"]\nfolder = \"" + folder().string() + "\"\n");
  const Gate go = gate("go");
  Program first = start({"serve", "--stdio", "--config", config}, {.no_input = false});
  greet(first);
  const std::string answer = ask(first, 2, "tools/call", {{"name", "echo"}, {"arguments", json::object()}});
  const std::string id = id_in(answer);
  server.stop();
  first.read_error_until("is away");
  go.open();
  // It has ended and is kept when this process itself says so.
  const std::string ended = ask(first, 3, "tools/call", {{"name", "await_task"}, {"arguments", {{"task_id", id}}}});
  EXPECT_TRUE(mentions(ended, "kept")) << ended;
  first.signal(SIGKILL);
  first.wait();

  server.start(RedisServer::Data::lost);
  Program second = start({"serve", "--stdio", "--config", config}, {.no_input = false});
  greet(second);
  const Ended awaited = meantime({"await", "--store", server.url(), id});
  EXPECT_EQ(awaited.code, 0) << awaited.err;
  EXPECT_EQ(awaited.out, "kept\n");

  Program third = start({"serve", "--stdio", "--config", config}, {.no_input = false});
  third.read_error_until("going on without it: outcomes wait in memory");
  for (Program* each : {&second, &third}) {
    each->close_input();
    EXPECT_EQ(each->wait().code, 0);
  }
}

TEST_F(Stores, ATaskOfOneProcessIsSeenByAnotherThroughARedisWithAPasswordInAFile) {
  RedisServer server({.password = std::string(password)});
  const std::string url = "redis://127.0.0.1:" + std::to_string(server.port()) + "/3?prefix=%7Bapp%7D%3A";
  const std::vector<std::string> environment{
      "MEANTIME_STORE=" + url, "MEANTIME_STORE_PASSWORD_FILE=" + file("secret", std::string(password) + "\n")};
  const Gate go = gate("go");
  const std::string id = last_line(
      with(environment, {"run", "-q", "--budget", "0", "--", "sh", "-c", "read x < " + go.path() + "; echo done"}).out);
  EXPECT_EQ(with(environment, {"check", "-q", id}).out, "running\n");
  Program await = start({"await", id}, {.environment = environment});
  go.open();
  const Ended ended = await.wait();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, "done\n");
  EXPECT_EQ(with(environment, {"list", "-q"}).out, id + "\n");
  EXPECT_TRUE(mentions(with({environment[0]}, {"list"}).err, "password")) << "without it: NOAUTH, and what to do";
}

// The rights in docs/redis.md, for the server's ACL: all behind the user's name and password.
std::string documented_rights() {
  const std::string text = text_of(std::filesystem::path(MEANTIME_SOURCE) / "docs/redis.md");
  const auto begin = text.find("~bots:*", text.find("user meantime on >"));
  return text.substr(begin, text.find('\n', begin) - begin);
}

// What the store asks Redis for: commands that it sends, and those in its scripts.
std::set<std::string> commands_in_source() {
  std::set<std::string> found;
  const std::regex sent(R"re((?:push|push_range|subscription|p?call)\(['"]([A-Z]+)['"](?:, ['"](LOAD|STREAM)['"])?)re");
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(MEANTIME_SOURCE) / "src/store/redis")) {
    const std::string text = text_of(entry.path());
    for (std::sregex_iterator at(text.begin(), text.end(), sent), end; at != end; ++at) {
      std::string name = (*at)[1].str() + ((*at)[2].matched ? "|" + (*at)[2].str() : "");
      for (char& c : name) c = static_cast<char>(std::tolower(c));
      if (entry.path().filename() != "inspect.cpp") found.insert(std::move(name));
    }
  }
  found.erase("hello");  // open to everybody
  return found;
}

TEST_F(Stores, TheDocumentedRightsAreThoseThatTheStoreUsesAndNoOthers) {
  std::set<std::string> granted;
  std::istringstream words(documented_rights());
  for (std::string word; words >> word;) {
    if (word.starts_with('+')) granted.insert(word.substr(1));
  }
  const std::set<std::string> used = commands_in_source();
  for (const std::string& command : used) EXPECT_TRUE(granted.contains(command)) << "missing: +" << command;
  for (const std::string& command : granted) EXPECT_TRUE(used.contains(command)) << "not used: +" << command;
}

TEST_F(Stores, AUserWithTheDocumentedRightsCanDoEverything) {
  RedisServer server({.users = {"meantime on >" + std::string(password) + " " + documented_rights()}});
  const std::vector<std::string> environment{
      "MEANTIME_STORE=redis://meantime@127.0.0.1:" + std::to_string(server.port()) + "?prefix=bots:",
      "MEANTIME_STORE_PASSWORD=" + std::string(password)};
  const auto run = [&](const std::string& script, std::string name) {
    return last_line(
        with(environment, {"run", "-q", "--budget", "0", "--name", std::move(name), "--", "sh", "-c", script}).out);
  };
  const std::string large = run("head -c 600000 /dev/zero | tr '\\0' x", "large");
  EXPECT_EQ(with(environment, {"await", large}).out.size(), 600'000U);
  const std::string failed = run("exit 3", "failed");
  EXPECT_EQ(with(environment, {"await", failed}).code, 3);
  const std::string endless = run("echo begun; exec tail -f /dev/null", "endless");
  Program output = start({"output", "-f", endless}, {.environment = environment});
  output.read_until("begun");
  EXPECT_EQ(with(environment, {"list", "-q", "--status", "failed"}).out, failed + "\n");
  EXPECT_EQ(with(environment, {"list", "-q", "--tool", "large", "--owner", ""}).out, large + "\n");
  EXPECT_EQ(with(environment, {"cancel", "--wait", endless}).code, 0);
  EXPECT_EQ(output.wait().code, 5);
  const Ended doctor = with(environment, {"doctor"});
  EXPECT_FALSE(mentions(doctor.out, "cannot be written")) << doctor.out;
}

TEST_F(Stores, ANodeOfAClusterServesAPrefixWithAHashTag) {
  RedisServer node({.cluster = true});
  const std::string url = "redis://127.0.0.1:" + std::to_string(node.port());
  const Ended untagged = meantime({"list", "--store", url});
  EXPECT_EQ(untagged.code, 1);
  EXPECT_TRUE(mentions(untagged.err, "hash tag")) << untagged.err;
  EXPECT_TRUE(mentions(meantime({"doctor", "--store", url}).out, "prefix = \"{sg}:\""));
  const std::vector<std::string> tagged{"MEANTIME_STORE=" + url + "?prefix=%7Bsg%7D%3A"};
  const std::string id = last_line(with(tagged, {"run", "-q", "--budget", "0", "--", "echo", "x"}).out);
  EXPECT_EQ(with(tagged, {"await", id}).out, "x\n");
  EXPECT_EQ(with(tagged, {"list", "-q", "--status", "completed"}).out, id + "\n");
  EXPECT_EQ(with(tagged, {"check", std::string(32, '7')}).code, 4)
      << "the older form, in another slot, is not asked for";
}

TEST_F(Stores, DoctorFindsAFreshStateInOrder) {
  const Ended fresh = meantime({"doctor"});
  EXPECT_EQ(fresh.code, 0) << fresh.out;
  EXPECT_TRUE(mentions(fresh.out, "all is well")) << fresh.out;
  EXPECT_EQ(meantime({"list"}).code, 0);
  const Ended used = meantime({"doctor", "--json"});
  EXPECT_EQ(used.code, 0) << used.out;
  const auto document = parsed(used.out);
  EXPECT_EQ(document.at("schema_version"), 1);
  EXPECT_EQ(document.at("serious"), 0);
  EXPECT_EQ(document.at("store").at("kind"), "sqlite");
  EXPECT_TRUE(document.at("findings").as_array().empty()) << used.out;
}

TEST_F(Stores, DoctorNamesWhatIsWrongWithTheConfigurationOrTheFile) {
  const Ended wrong = meantime({"doctor", "--config", file("wrong.toml", "budgt = \"1s\"\n")});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_TRUE(mentions(wrong.out, "wrong.toml:1:1: unknown key 'budgt'; did you mean 'budget'?")) << wrong.out;
  const Ended other = meantime({"doctor", "--store", file("other.db", "this is no database, whatever it is called")});
  EXPECT_EQ(other.code, 1);
  EXPECT_TRUE(mentions(other.out, "serious  store: ")) << other.out;
  const Ended nowhere = meantime({"doctor", "--store", "/dev/null/x.db"});
  EXPECT_EQ(nowhere.code, 1);
  EXPECT_TRUE(mentions(nowhere.out, "cannot be made")) << nowhere.out;
  const Ended memory = meantime({"doctor", "--store", "memory"});
  EXPECT_EQ(memory.code, 0);
  EXPECT_TRUE(mentions(memory.out, "advice   store: tasks in memory end with their process")) << memory.out;

  const auto open = folder() / "open";
  std::filesystem::create_directory(open);
  chmod(open.c_str(), 0777);
  const std::string store = (open / "t.db").string();
  EXPECT_EQ(meantime({"run", "--budget", "0", "--store", store, "--", "true"}).code, 75);
  chmod(store.c_str(), 0644);
  const Ended readable = meantime({"doctor", "--store", store});
  EXPECT_TRUE(mentions(readable.out, "chmod 600 " + store)) << readable.out;
  EXPECT_TRUE(mentions(readable.out, "chmod 700 " + open.string())) << readable.out;
}

TEST_F(Stores, DoctorSaysWhatARedisLacks) {
  RedisServer server({.password = std::string(password), .config = {"maxmemory-policy allkeys-lru"}});
  const std::string url = "redis://:" + std::string(password) + "@127.0.0.1:" + std::to_string(server.port());
  const Ended found = meantime({"doctor", "--store", url});
  EXPECT_EQ(found.code, 1) << found.out;
  for (const char* part : {"redis://127.0.0.1:", "maxmemory-policy", "noeviction", "appendonly", "answers within",
                           "seen by every user of this machine"}) {
    EXPECT_TRUE(mentions(found.out, part)) << part << "\n" << found.out;
  }
  EXPECT_FALSE(mentions(found.out + found.err, password)) << found.out;

  const std::string shared = file("c.toml", "[store]\nurl = \"" + url + "\"\n", 0644);
  const auto document = parsed(meantime({"doctor", "--json", "--config", shared}).out);
  EXPECT_GT(document.at("serious").as_int64(), 0);
  EXPECT_TRUE(mentions(json::serialize(document), "a Redis has its password there"));

  server.stop();
  const Ended away = meantime({"doctor", "--config", shared});
  EXPECT_EQ(away.code, 1);
  EXPECT_TRUE(mentions(away.out, "serious  store: ")) << away.out;
  EXPECT_FALSE(mentions(away.out + away.err, password)) << away.out;
}

}  // namespace
}  // namespace meantime::test
