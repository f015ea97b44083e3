// SPDX-License-Identifier: MIT
// command.hpp: a program of the user's own as a destination: the way out to whatever has no adapter. It gets the event
// as JSON on its standard input and says by its exit code what became of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/deadlines.hpp"
#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"

namespace boost::asio {
class io_context;
}

namespace meantime::delivery {

inline constexpr AdapterTraits command_traits{.repeats = Repeats::not_noticed, .channels_at_once = 4};
inline constexpr std::size_t command_max_bytes = 256'000;

struct CommandSettings {
  std::vector<std::string> argv;                   ///< No shell reads it.
  std::map<std::string, std::string> environment;  ///< Beside PATH, HOME, LANG, LC_*, TZ and TMPDIR of our own.
  std::string folder;                              ///< Empty: ours.
  Milliseconds time_limit{60'000};                 ///< Then it is asked to end, and killed five seconds later.
  std::size_t max_bytes = command_max_bytes;       ///< Of the event.
  std::string link;                                ///< As link_to() takes it.
};

/// Exit codes: 0 arrived (the first line of standard output is then the message's name), 75 (EX_TEMPFAIL) later,
/// 78 (EX_CONFIG) the whole destination stops, any other: it does not take this message. A program that is killed may
/// have told. What it says on standard error goes into the reason.
class CommandAdapter final : public Adapter {
 public:
  /// Both outlive it.
  CommandAdapter(CommandSettings settings, boost::asio::io_context& loop, Clock& clock);
  [[nodiscard]] AdapterTraits traits() const noexcept override { return command_traits; }
  [[nodiscard]] Result<void> check(const Redirect& redirect) const override;
  [[nodiscard]] Result<std::vector<std::string>> plan(const Message& message) const override;
  /// Cancel: dropping the Task kills the program and all it started.
  [[nodiscard]] Task<SendAnswer> send(Outgoing message) override;

 private:
  class Run;
  CommandSettings settings_;
  boost::asio::io_context& loop_;
  Clock& clock_;
  Deadlines deadlines_;
};

}  // namespace meantime::delivery
