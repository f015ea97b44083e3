// SPDX-License-Identifier: MIT
// answers_test.cpp: each row of answers.txt, what a server may answer a call with, good and bad, read by the client of
// both families over HTTP and over lines: what the call ends with is compared to the letter, and the next one works.
// With WRITE set in the environment what came is written into the table, to be read before it is kept.
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "client/http_door.hpp"
#include "core/json_writer.hpp"

namespace meantime::test {
namespace {

using Seen = HttpDoor::Seen;

// `row:` NAME, `head:` STATUS TYPE, `>` TEXT (several: lines), then what each reader makes of it.
struct Row {
  std::string name;
  int status = 200;
  std::string type = "application/json";
  std::string body;
  std::map<std::string, std::string> expected;  // by reader
  std::vector<std::string> lines;               // as they stand, without what is expected
};

constexpr std::string_view readers[] = {"handshake", "stateless", "stdio"};

std::vector<Row> read_table() {
  std::vector<Row> rows;
  std::ifstream file(ANSWERS_TABLE);
  std::vector<std::string> between;
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    const std::string key = line.starts_with('>') ? ">" : line.substr(0, colon);
    const std::string value = key == ">"           ? line.substr(std::min<std::size_t>(2, line.size()))
                              : colon == line.npos ? std::string()
                                                   : line.substr(colon + 2);
    if (key == "row") rows.push_back({.name = value});
    if (std::ranges::find(readers, key) != std::end(readers)) {
      rows.back().expected[key] = value;
      continue;
    }
    if (key == "head") {
      rows.back().status = std::stoi(value);
      rows.back().type = value.size() > 4 ? value.substr(4) : std::string();
    }
    if (key == ">") rows.back().body += (rows.back().lines.back().starts_with('>') ? "\n" : "") + value;
    if (line.empty() || line.starts_with('#')) {
      between.push_back(line);
      continue;
    }
    if (rows.empty()) continue;
    for (auto& each : between) rows.back().lines.push_back(std::move(each));
    between.clear();
    rows.back().lines.push_back(line);
  }
  return rows;
}

std::string with_id(std::string text, std::string_view id) {
  for (auto at = text.find("$ID"); at != text.npos; at = text.find("$ID", at)) text.replace(at, 3, id);
  return text;
}

std::string in_words(const client::Answer& answer) {
  if (answer) return (answer->is_error ? "a failure of the tool: " : "result: ") + answer->result;
  if (const auto* rpc = std::get_if<client::RpcError>(&answer.error())) {
    return "error " + std::to_string(rpc->code) + ": " + rpc->message;
  }
  const Error& error = std::get<Error>(answer.error());
  return std::string(name_of(error.code)) + ": " + error.detail;
}

// Compares, or notes for write_table.
void expect(Row& row, const std::string& reader, const std::string& came) {
  if (std::getenv("WRITE") == nullptr) {
    EXPECT_EQ(came, row.expected[reader]) << row.name << " (" << reader << ")";
  } else {
    row.expected[reader] = came;
  }
}

void write_table(const std::vector<Row>& rows) {
  if (std::getenv("WRITE") == nullptr) return;
  std::ostringstream out;
  for (const Row& row : rows) {
    for (const std::string& line : row.lines) out << line << "\n";
    for (const std::string_view reader : readers) {
      if (const auto found = row.expected.find(std::string(reader)); found != row.expected.end()) {
        out << reader << ": " << found->second << "\n";
      }
    }
  }
  std::ofstream(ANSWERS_TABLE) << out.str();
}

class Answers : public HttpClientTest, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Http, Answers, testing::Values("handshake", "stateless"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(Answers, EachIsReadAsTheTableSays) {
  const std::string reader = GetParam();
  std::vector<Row> rows = read_table();
  ASSERT_GE(rows.size(), 60U);
  open(reader == "stateless", {}, {.linger = Milliseconds(1), .max_resumes = 0});
  ASSERT_TRUE(run(io, client->connect()));
  for (Row& row : rows) {
    std::string id;
    door->behaviour = [&](const Seen& seen, http::Exchange& exchange) {
      if (seen.rpc_method != "tools/call") return false;
      id = "\"id\":" + seen.id;
      exchange.respond(row.status, row.type, with_id(row.body, seen.id));
      return true;
    };
    std::string came = in_words(call());
    if (const auto at = came.find(id); at != came.npos) came.replace(at, id.size(), "\"id\":$ID");
    expect(row, reader, came);
    door->behaviour = nullptr;
    EXPECT_TRUE(call()) << "after " << row.name;
  }
  write_table(rows);
}

TEST_F(StdioClient, EachAnswerIsReadAsTheTableSays) {
  std::vector<Row> rows = read_table();
  open({});
  for (Row& row : rows) {
    if (row.status != 200 || row.type != "application/json" || row.body.contains('\n')) continue;
    std::string arguments;
    JsonWriter(arguments).begin_object().field("line", row.body).end_object();
    expect(row, "stdio", in_words(call("say", arguments)));
    EXPECT_EQ(text_of(call("echo", R"({"text":"here"})")), "here") << "after " << row.name;
  }
  write_table(rows);
}

}  // namespace
}  // namespace meantime::test
