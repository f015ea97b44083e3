// SPDX-License-Identifier: MIT
// doctor.cpp: `meantime doctor`: is all well with the configuration and the store, and if not, what to do.
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/doctor/findings.hpp"
#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"
#include "config/config.hpp"
#include "core/json_writer.hpp"
#include "core/utf8.hpp"

namespace meantime::cli {
namespace {

// The file that `serve` would read, and its store; nothing when it cannot be relied on.
std::optional<config::StoreSettings> look_at_configuration(const DoctorArguments& arguments, Diagnosis& diagnosis) {
  const std::filesystem::path file =
      arguments.config.empty() ? config::default_config_file() : std::filesystem::path(arguments.config);
  std::error_code ec;
  const bool named = !arguments.config.empty() || std::getenv("MEANTIME_CONFIG") != nullptr;
  if (!named && !std::filesystem::exists(file, ec)) return config::StoreSettings{};
  diagnosis.configuration = file.string();
  config::Loaded loaded = config::load_config(file);
  for (const config::Problem& problem : loaded.problems) diagnosis.add(true, "configuration", problem.text());
  if (!loaded.problems.empty()) return std::nullopt;
  struct stat state{};
  const bool has_secret =
      loaded.config.store.kind == config::StoreSettings::Kind::redis && !loaded.config.store.redis.password.empty();
  if (has_secret && stat(file.c_str(), &state) == 0 && (state.st_mode & (S_IRGRP | S_IROTH)) != 0) {
    diagnosis.add(false, "configuration",
                  "other users can read " + file.string() + ", and a Redis has its password there",
                  "put the password into a file of its own (password_file, chmod 600)");
  }
  return loaded.config.store;
}

Task<void> look_at_store(Machine& machine, const DoctorArguments& arguments, Diagnosis& diagnosis) {
  auto configured = look_at_configuration(arguments, diagnosis);
  const bool named_here = !arguments.store.empty() || std::getenv("MEANTIME_STORE") != nullptr;
  if (!configured && !named_here) co_return;  // a configuration with problems says nothing that holds
  const auto store = choose_store(arguments.store, configured.value_or(config::StoreSettings{}));
  if (!store) {
    diagnosis.add(true, "store", store.error().detail);
    co_return;
  }
  using Kind = config::StoreSettings::Kind;
  diagnosis.store_place = place_of(*store);
  diagnosis.store_kind = store->kind == Kind::redis ? "redis" : store->kind == Kind::memory ? "memory" : "sqlite";
  if (store->kind == Kind::redis) {
    const auto given = config::parse_store(arguments.store);
    if (given && !given->redis.password.empty()) {
      diagnosis.add(false, "store", "a password in --store is seen by every user of this machine who runs ps",
                    "leave it out there, and put it into the file that $MEANTIME_STORE_PASSWORD_FILE names");
    }
    co_await look_at_redis(machine, *store, diagnosis);
  } else if (store->kind == Kind::sqlite) {
    co_await look_at_sqlite(machine, *store, diagnosis);
  } else {
    diagnosis.add(false, "store", "tasks in memory end with their process, and no other process sees them",
                  "name an SQLite file or a Redis in [store]");
  }
}

std::string text_of(const Diagnosis& diagnosis) {
  const Paint paint(STDOUT_FILENO);
  std::string out = "configuration: ";
  out += diagnosis.configuration.empty() ? "none, the defaults hold" : harmless(diagnosis.configuration);
  out += "\nstore:         ";
  out +=
      diagnosis.store_place.empty() ? "not looked at: mend the configuration first" : harmless(diagnosis.store_place);
  if (!diagnosis.store_version.empty()) out += ", " + harmless(diagnosis.store_version);
  if (diagnosis.round_trip) {
    const auto ms = diagnosis.round_trip->count();
    out += ", answers within " + std::to_string(std::max<std::int64_t>(ms, 1)) + " ms";
  }
  out += "\n";
  for (const Finding& finding : diagnosis.findings) {
    out += finding.serious ? paint(Colour::red, "serious") : paint(Colour::yellow, "advice ");
    out += "  " + finding.about + ": " + harmless(finding.finding) + "\n";
    if (!finding.remedy.empty()) out += "         -> " + harmless(finding.remedy) + "\n";
  }
  if (diagnosis.findings.empty()) out += "all is well\n";
  return out;
}

std::string json_of(const Diagnosis& diagnosis) {
  const auto clean = [](const std::string& text) { return utf8::repaired(text); };
  std::string text;
  JsonWriter out(text);
  out.begin_object().field("configuration", clean(diagnosis.configuration)).key("store").begin_object();
  out.field("kind", diagnosis.store_kind)
      .field("place", clean(diagnosis.store_place))
      .field("version", clean(diagnosis.store_version))
      .key("round_trip_ms");
  if (diagnosis.round_trip) {
    out.value(diagnosis.round_trip->count());
  } else {
    out.null();
  }
  out.end_object().key("findings").begin_array();
  for (const Finding& finding : diagnosis.findings) {
    out.begin_object()
        .field("about", finding.about)
        .field("serious", finding.serious)
        .field("finding", clean(finding.finding))
        .field("remedy", clean(finding.remedy))
        .end_object();
  }
  out.end_array().field("serious", diagnosis.serious()).field("schema_version", 1).end_object();
  return text;
}

}  // namespace

std::size_t Diagnosis::serious() const {
  return static_cast<std::size_t>(std::ranges::count(findings, true, &Finding::serious));
}

int doctor_command(const DoctorArguments& arguments) {
  Machine machine;
  Diagnosis diagnosis;
  Task<void> work = look_at_store(machine, arguments, diagnosis);
  while (!work.done()) machine.loop.run_one();
  work.take();
  if (!print(arguments.json ? json_of(diagnosis) + "\n" : text_of(diagnosis))) return exit_code::failure;
  return diagnosis.serious() == 0 ? exit_code::ok : exit_code::failure;
}

}  // namespace meantime::cli
