// SPDX-License-Identifier: MIT
// delivering.hpp: the Deliverer of a configuration: its destinations, each with its adapter. Threads: the loop's.
#pragma once

#include <memory>

#include "config/config.hpp"
#include "engine/deadlines.hpp"
#include "engine/loop.hpp"
#include "http/client.hpp"
#include "meantime/delivery.hpp"

namespace meantime::cli {

class Delivering {
 public:
  /// All outlive it. Errors: invalid_argument (a destination that cannot be used as it is described).
  [[nodiscard]] static Result<std::unique_ptr<Delivering>> open(DelivererPorts ports, const config::Config& config);
  Delivering(const Delivering&) = delete;
  Delivering& operator=(const Delivering&) = delete;
  ~Delivering() = default;

  [[nodiscard]] Deliverer& deliverer() noexcept { return deliverer_; }

 private:
  explicit Delivering(const DelivererPorts& ports)
      : loop_(ports.loop), deadlines_(ports.clock), http_(loop_), deliverer_(ports) {}

  Loop loop_;
  Deadlines deadlines_;
  http::Client http_;
  Deliverer deliverer_;
};

}  // namespace meantime::cli
