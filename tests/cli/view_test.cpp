// SPDX-License-Identifier: MIT
// view_test.cpp: what people and programs see of tasks: lists, ids, owners, JSON, colours.
#include <csignal>
#include <set>

#include "program.hpp"

namespace meantime::test {
namespace {

namespace json = boost::json;

class Viewing : public ProgramTest {};

json::object parsed(const std::string& text) {
  return json::parse(std::string_view(text)).as_object();
}

std::set<std::string> keys(const json::object& object) {
  std::set<std::string> names;
  for (const auto& [name, value] : object) names.insert(std::string(name));
  return names;
}

const std::set<std::string> record_keys{
    "task_id",      "tool_name",       "status",         "reason",   "created_at", "ended_at",   "elapsed_seconds",
    "user_id",      "channel_id",      "platform",       "error",    "exit_code",  "media_type", "result_chars",
    "result_bytes", "result_cut",      "output_bytes",   "progress", "worker",     "attempt",    "cancel_requested",
    "late_result",  "idempotency_key", "schema_version", "unsaved"};

TEST_F(Viewing, TheJsonSchemasAreStable) {
  const std::string id = background("echo x");
  EXPECT_EQ(meantime({"await", id}).code, 0);
  for (const char* command : {"check", "await"}) {
    const auto document = parsed(meantime({command, "--json", id}).out);
    EXPECT_EQ(keys(document), record_keys) << command;
    EXPECT_EQ(document.at("schema_version"), 1);
  }
  const auto list = parsed(meantime({"list", "--json"}).out);
  EXPECT_EQ(keys(list), (std::set<std::string>{"tasks", "count", "next_cursor", "schema_version"}));
  EXPECT_EQ(keys(list.at("tasks").at(0).as_object()), record_keys);
  const auto page = parsed(meantime({"output", "--json", id}).out);
  EXPECT_EQ(keys(page), (std::set<std::string>{"task_id", "status", "text", "offset", "total_chars", "total_bytes",
                                               "next_offset", "schema_version"}));
}

TEST_F(Viewing, S30_AnUnknownTaskIsNotFound) {
  const std::string unknown(32, '7');
  for (const char* command : {"check", "await", "output", "cancel"}) {
    const Ended ended = meantime({command, unknown});
    EXPECT_EQ(ended.code, 4) << command;
    EXPECT_NE(ended.err.find("'" + unknown + "' not found"), std::string::npos) << ended.err;
    EXPECT_EQ(ended.out, "");
    EXPECT_EQ(meantime({command, "--json", unknown}).out, R"({"error":"Task ')" + unknown +
                                                              R"(' not found."})"
                                                              "\n");
  }
  EXPECT_EQ(meantime({"check", "!!"}).code, 2);
  EXPECT_EQ(meantime({"check", "zzzzzz"}).code, 4);
}

TEST_F(Viewing, S31_AnotherOwnersTaskIsNotFoundEither) {
  const std::string id = background("echo x", {"--owner", "ann"});
  EXPECT_EQ(meantime({"await", "--owner", "ann", id}).code, 0);
  for (const char* command : {"check", "await", "output", "cancel"}) {
    const Ended foreign = meantime({command, "--owner", "bob", id});
    EXPECT_EQ(foreign.code, 4) << command;
    EXPECT_EQ(foreign.err, "meantime: Task '" + id + "' not found.\n");
  }
  EXPECT_EQ(meantime({"list", "--quiet", "--owner", "bob"}).out, "");
  EXPECT_EQ(meantime({"list", "--quiet", "--owner", "ann"}).out, id + "\n");
}

TEST_F(Viewing, AnIdMayBeCutShort) {
  const std::string id = background("echo x");
  EXPECT_EQ(meantime({"await", id.substr(0, 12)}).out, "x\n");
  EXPECT_EQ(meantime({"check", id.substr(0, 3)}).code, 2);
  const std::string other = background("echo y");
  std::size_t same = 0;
  while (id[same] == other[same]) ++same;
  if (same >= 4) {
    const Ended ended = meantime({"check", id.substr(0, same)});
    EXPECT_EQ(ended.code, 2);
    EXPECT_NE(ended.err.find("several task ids begin"), std::string::npos);
  }
  EXPECT_EQ(meantime({"await", other}).code, 0);
}

TEST_F(Viewing, S36_TheListIsPagedAndFiltered) {
  std::vector<std::string> ids;
  for (const char* script : {"true", "false", "true"}) ids.push_back(background(script, {"--name", script}));
  for (const std::string& id : ids) EXPECT_LE(meantime({"await", "-q", id}).code, 3);
  const Ended all = meantime({"list"});
  EXPECT_EQ(all.code, 0);
  EXPECT_EQ(std::ranges::count(all.out, '\n'), 4);
  EXPECT_EQ(all.out.find('\x1b'), std::string::npos) << "no colours where no terminal is";
  EXPECT_EQ(meantime({"list", "-q"}).out, ids[2] + "\n" + ids[1] + "\n" + ids[0] + "\n") << "newest first";
  EXPECT_EQ(meantime({"list", "-q", "--status", "failed"}).out, ids[1] + "\n");
  EXPECT_EQ(meantime({"list", "-q", "--tool", "true"}).out, ids[2] + "\n" + ids[0] + "\n");
  EXPECT_EQ(meantime({"list", "-q", "--since", "1h"}).out.size(), 99U);
  EXPECT_EQ(meantime({"list", "-q", "--since", "0"}).out, "");
  EXPECT_EQ(meantime({"list", "--since", "once"}).code, 2);

  const auto page = parsed(meantime({"list", "--json", "--limit", "2"}).out);
  EXPECT_EQ(page.at("count"), 2);
  const std::string cursor(page.at("next_cursor").as_string());
  EXPECT_EQ(meantime({"list", "-q", "--limit", "2", "--cursor", cursor}).out, ids[0] + "\n");
}

TEST_F(Viewing, AnEmptyListIsNoError) {
  const Ended ended = meantime({"list"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(ended.err, "meantime: no tasks\n");
}

TEST_F(Viewing, APageOfAResultIsCountedInCharacters) {
  const std::string id = background("printf 'aü日🙂z'");
  EXPECT_EQ(meantime({"await", id}).code, 0);
  EXPECT_EQ(meantime({"output", "--offset", "1", "--limit", "2", id}).out, "ü日");
  const auto page = parsed(meantime({"output", "--json", "--offset", "1", "--limit", "2", id}).out);
  EXPECT_EQ(page.at("text"), "ü日");
  EXPECT_EQ(page.at("next_offset"), 3);
  EXPECT_EQ(page.at("total_chars"), 5);
}

TEST_F(Viewing, AtATerminalAwaitShowsALiveLineAndTakesItAway) {
  const Gate go = gate("go");
  const std::string id = background("read x < " + go.path() + "; echo the result", {"--name", "slow-one"});
  Program await = start({"await", id}, {.terminal = true});
  await.read_until("slow-one");
  await.read_until("\x1b[34mrunning");
  go.open();
  const Ended ended = await.wait();
  EXPECT_EQ(ended.code, 0);
  EXPECT_TRUE(ended.out.ends_with("\r\x1b[Kthe result\r\n")) << ended.out;
}

TEST_F(Viewing, NoColorIsHonouredAtATerminal) {
  const std::string id = background("echo x");
  EXPECT_EQ(meantime({"await", id}).code, 0);
  EXPECT_NE(start({"list"}, {.terminal = true}).wait().out.find("\x1b[32mcompleted"), std::string::npos);
  EXPECT_EQ(start({"list"}, {.terminal = true, .environment = {"NO_COLOR=1"}}).wait().out.find('\x1b'),
            std::string::npos);
}

TEST_F(Viewing, AWatchedListShowsATaskThatEnds) {
  const Gate go = gate("go");
  const std::string id = background("read x < " + go.path());
  Program list = start({"list", "--watch", "--json"});
  list.read_until("\"status\":\"running\"");
  go.open();
  list.read_until("\"status\":\"completed\"");
  list.signal(SIGTERM);
  EXPECT_EQ(list.wait().code, 130);
}

TEST_F(Viewing, AStoreThatCannotBeOpenedIsNamedWithItsRemedy) {
  for (const char* command : {"check", "await", "output", "cancel"}) {
    const Ended ended = meantime({command, "--store", "/dev/null/tasks.db", std::string(32, '7')});
    EXPECT_EQ(ended.code, 1) << command;
    EXPECT_NE(ended.err.find("/dev/null"), std::string::npos) << ended.err;
  }
  const Ended ended = meantime({"list", "--json", "--store", "/etc/passwd"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_TRUE(parsed(ended.out).contains("error"));
}

TEST_F(Viewing, AClosedPipeEndsAListQuietly) {
  const std::string id = background("echo x");
  EXPECT_EQ(meantime({"await", id}).code, 0);
  const Ended ended = shell("for i in 1 2 3; do \"$MEANTIME\" list; done | head -n 1");
  EXPECT_TRUE(ended.out.starts_with("ID"));
  EXPECT_EQ(ended.err, "");
}

}  // namespace
}  // namespace meantime::test
