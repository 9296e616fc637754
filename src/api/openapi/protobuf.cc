#include "api/openapi/protobuf.h"

#include "codec/protobuf.h"
#include "codec/yaml.h"

namespace sampan::api::openapi {
namespace {

using protobuf::Writer;

std::string_view Text(const json::Object& object, std::string_view key) {
  return json::FindString(object.if_contains(key));
}

bool True(const json::Object& object, std::string_view key) {
  const json::Value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

class Transcoder {
 public:
  Transcoder(std::string& out) : writer_(out) {}

  void Document(const json::Object& document) {
    String(1, Text(document, "swagger"));
    writer_.Nested(2, [&] {
      const json::Object& info = document.at("info").get_object();
      String(1, Text(info, "title"));
      String(2, Text(info, "version"));
    });
    writer_.Nested(8, [&] {
      for (const auto& path : document.at("paths").get_object()) {
        Named(2, path.key(), [&] { PathItem(path.value().get_object()); });
      }
    });
    writer_.Nested(9, [&] {
      for (const auto& definition : document.at("definitions").get_object()) {
        Named(1, definition.key(), [&] { Schema(definition.value().get_object()); });
      }
    });
  }

 private:
  void String(uint32_t number, std::string_view text) {
    if (!text.empty()) writer_.Bytes(number, text);
  }
  void Bool(uint32_t number, bool value) {
    if (value) writer_.Varint(number, 1);
  }

  // The generated message for one entry of a map: 1 name, 2 value.
  template <class Body>
  void Named(uint32_t number, std::string_view name, Body body) {
    writer_.Nested(number, [&] {
      writer_.Bytes(1, name);
      writer_.Nested(2, body);
    });
  }

  // Any value travels as YAML text.
  void Any(uint32_t number, const json::Value& value) {
    writer_.Nested(number, [&] { writer_.Bytes(2, yaml::Serialize(value)); });
  }

  void Extensions(uint32_t number, const json::Object& object) {
    for (const auto& member : object) {
      if (!member.key().starts_with("x-")) continue;
      writer_.Nested(number, [&] {
        writer_.Bytes(1, member.key());
        Any(2, member.value());
      });
    }
  }

  void Strings(uint32_t number, const json::Object& object, std::string_view key) {
    const json::Value* list = object.if_contains(key);
    if (list == nullptr || !list->is_array()) return;
    for (const json::Value& text : list->get_array()) writer_.Bytes(number, json::FindString(&text));
  }

  void Schema(const json::Object& schema) {
    String(1, Text(schema, "$ref"));
    String(2, Text(schema, "format"));
    String(4, Text(schema, "description"));
    if (const json::Value* value = schema.if_contains("default")) Any(5, *value);
    Strings(19, schema, "required");
    if (const json::Value* below = schema.if_contains("additionalProperties")) {
      writer_.Nested(21, [&] { writer_.Nested(1, [&] { Schema(below->get_object()); }); });
    }
    if (schema.contains("type")) writer_.Nested(22, [&] { writer_.Bytes(1, Text(schema, "type")); });
    if (const json::Value* items = schema.if_contains("items")) {
      writer_.Nested(23, [&] { writer_.Nested(1, [&] { Schema(items->get_object()); }); });
    }
    if (const json::Value* properties = schema.if_contains("properties")) {
      writer_.Nested(25, [&] {
        for (const auto& property : properties->get_object()) {
          Named(1, property.key(), [&] { Schema(property.value().get_object()); });
        }
      });
    }
    Extensions(31, schema);
  }

  // ParametersItem { Parameter { BodyParameter | NonBodyParameter { query | path } } }
  void Parameter(uint32_t number, const json::Object& parameter) {
    std::string_view in = Text(parameter, "in");
    writer_.Nested(number, [&] {
      writer_.Nested(1, [&] {
        if (in == "body") {
          writer_.Nested(1, [&] { BodyParameter(parameter); });
        } else {
          writer_.Nested(2, [&] { writer_.Nested(in == "query" ? 3 : 4, [&] { SimpleParameter(parameter, in); }); });
        }
      });
    });
  }

  void BodyParameter(const json::Object& parameter) {
    String(2, Text(parameter, "name"));
    String(3, "body");
    Bool(4, True(parameter, "required"));
    writer_.Nested(5, [&] { Schema(parameter.at("schema").get_object()); });
  }

  void SimpleParameter(const json::Object& parameter, std::string_view in) {
    bool query = in == "query";
    Bool(1, True(parameter, "required"));
    String(2, in);
    String(3, Text(parameter, "description"));
    String(4, Text(parameter, "name"));
    String(query ? 6 : 5, Text(parameter, "type"));
    Bool(query ? 20 : 19, True(parameter, "uniqueItems"));
  }

  void Parameters(uint32_t number, const json::Object& object) {
    const json::Value* list = object.if_contains("parameters");
    if (list == nullptr) return;
    for (const json::Value& parameter : list->get_array()) Parameter(number, parameter.get_object());
  }

  void Responses(const json::Object& responses) {
    for (const auto& response : responses) {
      Named(1, response.key(), [&] {
        writer_.Nested(1, [&] {
          const json::Object& object = response.value().get_object();
          String(1, Text(object, "description"));
          if (const json::Value* schema = object.if_contains("schema")) {
            writer_.Nested(2, [&] { writer_.Nested(1, [&] { Schema(schema->get_object()); }); });
          }
        });
      });
    }
  }

  void Operation(const json::Object& operation) {
    String(3, Text(operation, "description"));
    String(5, Text(operation, "operationId"));
    Strings(6, operation, "produces");
    Strings(7, operation, "consumes");
    Parameters(8, operation);
    writer_.Nested(9, [&] { Responses(operation.at("responses").get_object()); });
    Extensions(13, operation);
  }

  void PathItem(const json::Object& item) {
    static constexpr std::pair<std::string_view, uint32_t> kMethods[] = {
        {"get", 2}, {"put", 3}, {"post", 4}, {"delete", 5}, {"patch", 8}};
    for (const auto& [method, number] : kMethods) {
      const json::Value* operation = item.if_contains(method);
      if (operation != nullptr) writer_.Nested(number, [&] { Operation(operation->get_object()); });
    }
    Parameters(9, item);
  }

  Writer writer_;
};

}  // namespace

std::string ToProtobuf(const json::Value& document) {
  std::string out;
  Transcoder(out).Document(document.get_object());
  return out;
}

}  // namespace sampan::api::openapi
