// SPDX-License-Identifier: MIT
#include "telemetry/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <boost/unordered/unordered_node_map.hpp>

namespace meantime {
namespace {

constexpr std::size_t max_tools = 200;
const prometheus::Histogram::BucketBoundaries inline_seconds{0.0001, 0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 30};
const prometheus::Histogram::BucketBoundaries task_seconds{0.05, 1, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400};

double seconds(Milliseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

// The series of one tool; found once for each event.
struct ToolSeries {
  prometheus::Counter& inline_ok;
  prometheus::Counter& inline_error;
  prometheus::Counter& backgrounded;
  prometheus::Counter& completed;
  prometheus::Counter& failed;
  prometheus::Histogram& inline_duration;
  prometheus::Histogram& task_duration;
};

class PrometheusMetrics final : public Metrics {
 public:
  void on_event(const TaskEvent& event) override {
    ToolSeries& tool = series(event.tool_name);
    switch (event.phase) {
      case TaskEvent::Phase::inline_:
        (event.status == "ok" ? tool.inline_ok : tool.inline_error).Increment();
        tool.inline_duration.Observe(seconds(event.duration));
        break;
      case TaskEvent::Phase::backgrounded:
        tool.backgrounded.Increment();
        running_.Increment();
        break;
      case TaskEvent::Phase::completed:
      case TaskEvent::Phase::failed:
        (event.phase == TaskEvent::Phase::completed ? tool.completed : tool.failed).Increment();
        tool.task_duration.Observe(seconds(event.duration));
        running_.Decrement();
        break;
      case TaskEvent::Phase::redirect_delivered:
        delivered_.Increment();
        break;
    }
  }
  void on_fault(std::string_view, std::string_view) override { faults_.Increment(); }

  [[nodiscard]] std::string text() const override {
    return prometheus::TextSerializer().Serialize(registry_.Collect());
  }

 private:
  ToolSeries& series(std::string_view name) {
    if (last_ != nullptr && last_name_ == name) return *last_;
    std::string label(name);
    auto at = tools_.find(label);
    if (at == tools_.end()) {
      if (tools_.size() >= max_tools) label = "other";
      at = tools_.find(label);
      if (at == tools_.end()) at = tools_.emplace(label, make_series(label)).first;
    }
    last_name_ = at->first;
    last_ = &at->second;
    return *last_;
  }

  ToolSeries make_series(const std::string& tool) {
    auto call = [&](const char* outcome) -> prometheus::Counter& {
      return calls_.Add({{"tool", tool}, {"outcome", outcome}});
    };
    return {call("inline"),
            call("inline_error"),
            call("background"),
            finished_.Add({{"tool", tool}, {"status", "completed"}}),
            finished_.Add({{"tool", tool}, {"status", "failed"}}),
            inline_family_.Add({{"tool", tool}}, inline_seconds),
            task_family_.Add({{"tool", tool}}, task_seconds)};
  }

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& calls_ = prometheus::BuildCounter()
                                                        .Name("meantime_tool_calls_total")
                                                        .Help("Tool calls by how they were answered")
                                                        .Register(registry_);
  prometheus::Family<prometheus::Counter>& finished_ = prometheus::BuildCounter()
                                                           .Name("meantime_tasks_finished_total")
                                                           .Help("Background tasks by how they ended")
                                                           .Register(registry_);
  prometheus::Family<prometheus::Histogram>& inline_family_ = prometheus::BuildHistogram()
                                                                  .Name("meantime_inline_latency_seconds")
                                                                  .Help("Time from call to inline answer")
                                                                  .Register(registry_);
  prometheus::Family<prometheus::Histogram>& task_family_ = prometheus::BuildHistogram()
                                                                .Name("meantime_task_run_duration_seconds")
                                                                .Help("Time from call to the end of a background task")
                                                                .Register(registry_);
  prometheus::Gauge& running_ = prometheus::BuildGauge()
                                    .Name("meantime_tasks_running")
                                    .Help("Background tasks of this process")
                                    .Register(registry_)
                                    .Add({});
  prometheus::Counter& faults_ = prometheus::BuildCounter()
                                     .Name("meantime_faults_total")
                                     .Help("Faults that no caller hears of, such as a store write that is tried again")
                                     .Register(registry_)
                                     .Add({});
  prometheus::Counter& delivered_ = prometheus::BuildCounter()
                                        .Name("meantime_redirects_delivered_total")
                                        .Help("Results delivered to a channel")
                                        .Register(registry_)
                                        .Add({});
  boost::unordered_node_map<std::string, ToolSeries> tools_;
  std::string last_name_;
  ToolSeries* last_ = nullptr;
};

}  // namespace

std::unique_ptr<Metrics> make_metrics() {
  return std::make_unique<PrometheusMetrics>();
}

}  // namespace meantime
