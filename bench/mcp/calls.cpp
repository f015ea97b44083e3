// SPDX-License-Identifier: MIT
// calls.cpp: an inline call of a tool of our own over HTTP, beside servers that do less or the same.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "http/bare_beast.hpp"
#include "mcp/benchmarks.hpp"
#include "mcp/own_server.hpp"
#include "mcp/process.hpp"

namespace meantime::bench {
namespace {

constexpr std::size_t lane_count = 16;
constexpr const char* argument = R"({"text":"hello, how are you today?"})";

void serve_bare(int port_pipe) {
  run_bare_beast([&](std::uint16_t port) {
    if (::write(port_pipe, &port, sizeof port) != sizeof port) ::_exit(1);
  });
}

// One worker, no log, kept-alive connections for ever, and all its files in the benchmark's folder.
std::unique_ptr<Process> start_nginx(const Places& places, const Folder& folder, std::uint16_t port) {
  const std::string at = folder.path().string();
  std::ofstream file(at + "/nginx.conf");
  file << "master_process off; daemon off; pid " << at << "/pid; error_log " << at << "/error.log crit;\n"
       << "events { worker_connections 1024; }\nhttp { access_log off; keepalive_requests 1000000000;\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    file << kind << "_temp_path " << at << '/' << kind << ";\n";
  }
  file << "server { listen 127.0.0.1:" << port << "; location / { default_type application/json; return 200 '"
       << R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"the same text"}]}})" << "'; } } }\n";
  file.close();
  return std::make_unique<Process>(
      std::vector<std::string>{places.nginx, "-p", at, "-e", at + "/error.log", "-c", at + "/nginx.conf"});
}

constexpr const char* node_echo =
    "const s=require('http').createServer((q,r)=>{const p=[];q.on('data',(c)=>p.push(c));q.on('end',()=>{const "
    "m=JSON.parse(Buffer.concat(p));const t=JSON.stringify({jsonrpc:'2.0',id:m.id,result:{content:[{type:'text',text:"
    "JSON.stringify(m.params.arguments)}]}});r.writeHead(200,{'Content-Type':'application/json','Content-Length':"
    "Buffer.byteLength(t)});r.end(t)})});s.keepAliveTimeout=600000;s.listen(0,'127.0.0.1',()=>console.log('port '+"
    "s.address().port+' '))";

// One of those who are measured, in rounds that take turns.
struct Contender {
  const char* name;
  std::unique_ptr<Process> process;
  std::uint16_t port;
  Family family;
  int share;  // of the calls: slow ones make fewer
  bool initialize;
  std::vector<Figures> rounds;
};

void run(Contender& contender, int calls) {
  Lanes lanes(contender.port, lane_count);
  const bool everything = std::string_view(contender.name).starts_with("everything");
  Calls plan(lanes, contender.initialize, contender.family, "echo",
             everything ? R"({"message":"hello, how are you today?"})" : argument);
  (void)lanes.run(plan.next(calls / 10 + 16));
  contender.rounds.push_back(measure(*contender.process, lanes, plan.next(calls), calls));
}

}  // namespace

void inline_calls(const Places& places) {
  const int calls = places.small ? 320 : 60'000;
  const int rounds = places.small ? 1 : 5;
  const Folder folder;
  const Apart apart;
  std::vector<Contender> all;
  const auto own = [&](const char* name, Family family) {
    auto process = std::make_unique<Process>([](int pipe) { serve_own(pipe, {}); });
    const std::uint16_t port = process->port();
    all.push_back({name, std::move(process), port, family, 1, true, {}});
  };
  own("meantime, 2026-07-28", Family::y2026);
  own("meantime, 2025-11-25", Family::y2025);
  auto bare = std::make_unique<Process>(serve_bare);
  const std::uint16_t bare_port = bare->port();
  all.push_back({"bare loop on Beast's parser", std::move(bare), bare_port, Family::y2026, 1, false, {}});
  if (places.nginx.empty()) {
    std::puts("(no nginx on PATH, and none in $NGINX: its row is left out)");
  } else {
    const std::uint16_t port = free_port();
    auto nginx = start_nginx(places, folder, port);
    wait_for_port(port);
    all.push_back({"nginx, return 200", std::move(nginx), port, Family::y2026, 1, false, {}});
  }
  if (places.node.empty()) {
    std::puts("(no node: its rows are left out)");
  } else {
    auto node = std::make_unique<Process>(std::vector<std::string>{places.node, "-e", node_echo},
                                          std::vector<std::string>{}, "port ");
    const std::uint16_t port = node->port();
    all.push_back({"node:http with JSON.parse", std::move(node), port, Family::y2026, 4, false, {}});
    if (!places.peers.empty()) {
      const std::uint16_t other = free_port();
      auto everything = std::make_unique<Process>(
          std::vector<std::string>{places.node, places.peers + "/@modelcontextprotocol/server-everything/dist/index.js",
                                   "streamableHttp"},
          std::vector<std::string>{"PORT=" + std::to_string(other)});
      wait_for_port(other);
      all.push_back({"everything server (SDK, Node)", std::move(everything), other, Family::y2025, 50, true, {}});
    }
  }
  for (int round = 0; round < rounds; ++round) {
    for (Contender& each : all) run(each, std::max<int>(calls / each.share, lane_count));
  }
  std::puts("inline tools/call over HTTP, 16 connections; client and server on a processor each:");
  for (const Contender& each : all) print(each.name, median(each.rounds));
  // The medians of what one request takes say the same with other programs at work beside.
  const Figures ours = median(all.front().rounds);
  for (auto each = all.begin() + 1; each != all.end(); ++each) {
    const Figures other = median(each->rounds);
    std::printf("  %s / %s: calls/s %.2f, median calls/s %.2f, CPU %.2f\n", all.front().name, each->name,
                ours.per_second / other.per_second, other.p50_us / ours.p50_us, ours.server_us / other.server_us);
  }
}

}  // namespace meantime::bench
