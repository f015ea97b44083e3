// SPDX-License-Identifier: MIT
// split_bench.cpp: 1 MB of text made into the messages of each platform, beside the least that anybody must do with it:
// one pass that validates its UTF-8. `mixed` has a wide character in every few words.
#include <benchmark/benchmark.h>

#include <string>

#include "core/utf8.hpp"
#include "delivery/render/clean.hpp"
#include "delivery/render/render.hpp"
#include "support/platform_limits.hpp"

namespace meantime {
namespace {

constexpr std::size_t megabyte = 1'000'000;

std::string build_log(bool mixed) {
  std::string text;
  for (std::size_t line = 0; text.size() < megabyte; ++line) {
    text +=
        "[" + std::to_string(line) + "/9000] Building src/delivery/render/object_" + std::to_string(line % 97) + ".o";
    if (mixed) text += " \u2192 d\u00E9j\u00E0 vu \U0001F600 \u4E2D\u6587";
    text += line % 11 == 0 ? " <warning> & more\n" : "\n";
  }
  return text;
}

const std::string& text_of(bool mixed) {
  static const std::string ascii = build_log(false);
  static const std::string wide = build_log(true);
  return mixed ? wide : ascii;
}

void count_bytes(benchmark::State& state, const std::string& text) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(text.size()));
}

void validate(benchmark::State& state, bool mixed) {
  const std::string& text = text_of(mixed);
  for (auto _ : state) benchmark::DoNotOptimize(utf8::valid(text));
  count_bytes(state, text);
}

void clean(benchmark::State& state, bool mixed) {
  const std::string& text = text_of(mixed);
  for (auto _ : state) benchmark::DoNotOptimize(render::clean(text));
  count_bytes(state, text);
}

void split(benchmark::State& state, const render::Limits& of, bool mixed) {
  const std::string& text = text_of(mixed);
  render::Limits limits = of;
  limits.max_chunks = 0;
  render::Report report;
  report.tool = "build";
  report.text = text;
  report.max_chars = 100'000'000;
  std::size_t messages = 0;
  for (auto _ : state) {
    const auto chunks = render::render(report, limits);
    if (!chunks) std::abort();
    messages = chunks->size();
    benchmark::DoNotOptimize(chunks->data());
  }
  count_bytes(state, text);
  state.counters["messages"] = static_cast<double>(messages);
}

const bool registered = [] {
  for (const bool mixed : {false, true}) {
    const std::string kind = mixed ? "/mixed" : "/ascii";
    benchmark::RegisterBenchmark(("validate" + kind).c_str(), validate, mixed);
    benchmark::RegisterBenchmark(("clean" + kind).c_str(), clean, mixed);
    for (const auto& platform : test::platform_limits) {
      benchmark::RegisterBenchmark(("split/" + std::string(platform.name) + kind).c_str(), split, platform.limits,
                                   mixed);
    }
  }
  return true;
}();

}  // namespace
}  // namespace meantime
