// SPDX-License-Identifier: MIT
#include "mcp/capabilities.hpp"

#include "core/json_writer.hpp"

namespace meantime::mcp {
namespace {

// A capability counts where it is an object, whatever is in it.
bool declared(JsonSpan capability) noexcept {
  return capability.is_object();
}

bool flag(JsonSpan capability, std::string_view name) {
  return member(capability, name).boolean().value_or(false);
}

void empty_object(JsonWriter& json, std::string_view key) {
  json.key(key).begin_object().end_object();
}

}  // namespace

ClientCapabilities read_client_capabilities(JsonSpan capabilities) {
  ClientCapabilities out;
  for_each_member(capabilities, [&](JsonSpan key, JsonSpan value) {
    if (!declared(value)) return;
    if (key.is("sampling")) {
      out.sampling = true;
      out.sampling_tools = declared(member(value, "tools"));
      out.sampling_context = declared(member(value, "context"));
    } else if (key.is("elicitation")) {
      out.elicitation_url = declared(member(value, "url"));
      out.elicitation_form = !out.elicitation_url || declared(member(value, "form"));
    } else if (key.is("roots")) {
      out.roots = true;
    } else if (key.is("extensions")) {
      out.tasks = declared(member(value, tasks_extension));
    } else if (key.is("tasks")) {
      out.requested_tasks = true;
    }
  });
  return out;
}

std::string to_json(const ClientCapabilities& client, Revision revision) {
  const bool detailed = revision >= Revision::r2025_11_25;  // sub-keys came with it
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  if (client.sampling) {
    json.key("sampling").begin_object();
    if (detailed && client.sampling_tools) empty_object(json, "tools");
    if (detailed && client.sampling_context) empty_object(json, "context");
    json.end_object();
  }
  if ((client.elicitation_form || (detailed && client.elicitation_url)) && revision >= Revision::r2025_06_18) {
    json.key("elicitation").begin_object();
    if (detailed && client.elicitation_form) empty_object(json, "form");
    if (detailed && client.elicitation_url) empty_object(json, "url");
    json.end_object();
  }
  if (client.roots) empty_object(json, "roots");
  if (client.tasks && family_of(revision) == Family::stateless) {
    json.key("extensions").begin_object();
    empty_object(json, tasks_extension);
    json.end_object();
  }
  json.end_object();
  return out;
}

std::optional<std::string> missing_for(const ClientCapabilities& client, std::string_view method, JsonSpan params) {
  if (method == "elicitation/create") {
    if (member(params, "mode").is("url")) {
      if (client.elicitation_url) return std::nullopt;
      return R"({"elicitation":{"url":{}}})";
    }
    if (client.elicitation_form) return std::nullopt;
    return R"({"elicitation":{"form":{}}})";
  }
  if (method == "sampling/createMessage") {
    const bool tools = member(params, "tools").is_array() || member(params, "toolChoice").is_object();
    const JsonSpan context = member(params, "includeContext");
    const bool wide = context.is_string() && !context.is("none");
    if (!client.sampling && !tools && !wide) return R"({"sampling":{}})";
    if (tools && !client.sampling_tools) return R"({"sampling":{"tools":{}}})";
    if (!client.sampling) return R"({"sampling":{"context":{}}})";
    // Wider context without the declaration is a wish that a client may ignore: not a reason to refuse.
    return std::nullopt;
  }
  if (method == "roots/list") {
    if (client.roots) return std::nullopt;
    return R"({"roots":{}})";
  }
  return "{}";
}

std::string_view tasks_required_data() noexcept {
  return R"({"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}})";
}

std::string required_capabilities_data(std::string_view required) {
  return R"({"requiredCapabilities":)" + std::string(required) + "}";
}

std::string to_json(const ServerCapabilities& server, Revision revision) {
  const bool stateless = family_of(revision) == Family::stateless;
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  const auto offer = [&](bool offered, std::string_view name, bool list_changed, bool subscribe = false) {
    if (!offered) return;
    json.key(name).begin_object();
    if (subscribe) json.field("subscribe", true);
    if (list_changed) json.field("listChanged", true);
    json.end_object();
  };
  offer(server.tools, "tools", server.tools_list_changed);
  offer(server.prompts, "prompts", server.prompts_list_changed);
  offer(server.resources, "resources", server.resources_list_changed, server.resources_subscribe);
  offer(server.completions && revision >= Revision::r2025_03_26, "completions", false);
  offer(server.logging, "logging", false);
  if (server.tasks && has_requested_tasks(revision)) {
    json.key("tasks").begin_object();
    if (server.tasks_list) empty_object(json, "list");
    empty_object(json, "cancel");
    json.key("requests").begin_object().key("tools").begin_object();
    empty_object(json, "call");
    json.end_object().end_object().end_object();
  }
  if (stateless && (server.tasks || !server.extensions.empty())) {
    std::string extensions = "{";
    if (server.tasks) extensions += "\"" + std::string(tasks_extension) + "\":{}";
    if (server.tasks && !server.extensions.empty()) extensions += ',';
    json.key("extensions").raw(extensions + server.extensions + "}");
  }
  json.end_object();
  return out;
}

ServerCapabilities read_server_capabilities(JsonSpan capabilities) {
  ServerCapabilities out;
  for_each_member(capabilities, [&](JsonSpan key, JsonSpan value) {
    if (!declared(value)) return;
    if (key.is("tools")) {
      out.tools = true;
      out.tools_list_changed = flag(value, "listChanged");
    } else if (key.is("prompts")) {
      out.prompts = true;
      out.prompts_list_changed = flag(value, "listChanged");
    } else if (key.is("resources")) {
      out.resources = true;
      out.resources_list_changed = flag(value, "listChanged");
      out.resources_subscribe = flag(value, "subscribe");
    } else if (key.is("completions")) {
      out.completions = true;
    } else if (key.is("logging")) {
      out.logging = true;
    } else if (key.is("tasks")) {
      out.tasks = declared(member(member(member(value, "requests"), "tools"), "call"));
      out.tasks_list = declared(member(value, "list"));
    } else if (key.is("extensions")) {
      for_each_member(value, [&](JsonSpan id, JsonSpan settings) {
        if (id.is(tasks_extension)) {
          out.tasks = true;
          return;
        }
        if (!out.extensions.empty()) out.extensions += ',';
        out.extensions += id.raw();
        out.extensions += ':';
        out.extensions += settings.raw();
      });
    }
  });
  return out;
}

}  // namespace meantime::mcp
