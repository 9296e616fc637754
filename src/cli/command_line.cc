#include "cli/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>

#include "codec/yaml.h"

namespace sampan::cli {
namespace {

constexpr std::string_view kConfigFlag = "config";

// What the command line said for one verb: values by option, in order.
struct Given {
  std::map<std::string, std::vector<std::string>> values;
  std::string config;
};

std::string Flag(const std::string& name) {
  return "--" + name;
}

void Declare(CLI::App& app, const Verb& verb, Given& given) {
  for (const Option& option : verb.options.options()) {
    std::vector<std::string>& values = given.values[option.name];
    std::string doc = option.doc;
    if (!option.default_text.empty() && option.shape == OptionShape::kValue) doc += " [" + option.default_text + "]";
    if (option.shape == OptionShape::kSwitch) {
      // CLI11 gives a bare flag the value "true" and takes --flag=false as well.
      app.add_flag(Flag(option.name), values, doc);
      continue;
    }
    CLI::Option* declared = app.add_option(Flag(option.name), values, doc);
    declared->type_name(option.value_name)
        ->expected(1)
        ->multi_option_policy(option.shape == OptionShape::kList ? CLI::MultiOptionPolicy::TakeAll
                                                                 : CLI::MultiOptionPolicy::TakeLast);
    if (option.shape == OptionShape::kList) declared->expected(1, 1 << 16)->allow_extra_args(false);
  }
  if (!verb.default_config.empty()) {
    app.add_option(Flag(std::string(kConfigFlag)), given.config,
                   "YAML file with the other flags as keys; flags win. [" + verb.default_config + "]")
        ->type_name("FILE");
  }
}

Result<std::string> ReadConfig(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Fail(Error::BadRequest("--config: cannot read {}: {}", path, std::strerror(errno)));
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

Result<void> Apply(const Verb& verb, const Given& given) {
  std::string config = given.config;
  if (config.empty() && !verb.default_config.empty() && access(verb.default_config.c_str(), F_OK) == 0) {
    config = verb.default_config;
  }
  if (!config.empty()) {
    TRY(std::string text, ReadConfig(config));
    TRY_VOID(ApplyConfigText(config, text, verb.options));
  }
  for (const Option& option : verb.options.options()) {
    const std::vector<std::string>& values = given.values.at(option.name);
    if (!values.empty() && option.clear) option.clear();
    for (const std::string& value : values) {
      auto set = option.set(value);
      if (!set) return Fail(Error::BadRequest("--{}: {}", option.name, set.error().message()));
    }
  }
  return {};
}

// The flag that CLI11 did not know, as "--name", or "".
std::string UnknownFlag(const CLI::App& app) {
  for (const std::string& rest : app.remaining(true)) {
    if (rest.starts_with("--")) return rest.substr(0, rest.find('='));
  }
  return "";
}

int Usage(const std::string& line) {
  std::fprintf(stderr, "sampan: %s\n", line.c_str());
  return kExitUsage;
}

std::string Unknown(const std::string& what, const Verb& verb) {
  std::string nearest = verb.options.Nearest(what.starts_with("--") ? what.substr(2) : what);
  if (nearest.empty()) return fmt::format("{}: no such flag; `sampan {} --help` lists them", what, verb.name);
  return fmt::format("{}: no such flag; did you mean --{}?", what, nearest);
}

std::string ScalarText(const json::Value& value) {
  return value.is_string() ? std::string(value.as_string()) : json::Serialize(value);
}

}  // namespace

Result<void> ApplyConfigText(const std::string& file, const std::string& text, const OptionSet& options) {
  auto parsed = yaml::Parse(text);
  if (!parsed) return Fail(Error::BadRequest("{}: {}", file, parsed.error().message()));
  if (parsed->is_null()) return {};
  if (!parsed->is_object()) return Fail(Error::BadRequest("{}: must be a mapping such as `secure-port: 6443`", file));
  for (const auto& [key, value] : parsed->as_object()) {
    const Option* option = options.Find(key);
    if (option == nullptr) {
      std::string nearest = options.Nearest(key);
      return Fail(Error::BadRequest("{}: {}: no such key{}", file, std::string_view(key),
                                    nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
    }
    std::vector<std::string> values;
    if (value.is_array() && option->shape == OptionShape::kList) {
      for (const json::Value& item : value.as_array()) {
        if (item.is_object() || item.is_array() || item.is_null()) {
          return Fail(Error::BadRequest("{}: {}: must be a list of single values", file, option->name));
        }
        values.push_back(ScalarText(item));
      }
    } else if (value.is_object() || value.is_array() || value.is_null()) {
      return Fail(Error::BadRequest("{}: {}: must be {}", file, option->name,
                                    option->shape == OptionShape::kList ? "a list" : "one value"));
    } else {
      values.push_back(ScalarText(value));
    }
    if (option->clear) option->clear();
    for (const std::string& item : values) {
      auto set = option->set(item);
      if (!set) return Fail(Error::BadRequest("{}: {}: {}", file, option->name, set.error().message()));
    }
  }
  return {};
}

int RunCommandLine(int argc, char** argv, std::vector<Verb> verbs) {
  CLI::App app("Sampan, a container cloud in one program: it turns Linux machines into a Kubernetes cluster.", "sampan");
  app.footer("`sampan VERB --help` explains a verb and its flags.");
  std::vector<Given> given(verbs.size());
  std::vector<CLI::App*> commands;
  for (size_t i = 0; i < verbs.size(); ++i) {
    commands.push_back(app.add_subcommand(verbs[i].name, verbs[i].summary)->allow_extras());
    Declare(*commands.back(), verbs[i], given[i]);
  }
  if (argc < 2) {
    std::fputs(app.help().c_str(), stdout);
    return kExitUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& fault) {
    return Usage(fmt::format("{}; `sampan --help` lists what is right", fault.what()));
  }
  for (size_t i = 0; i < verbs.size(); ++i) {
    if (!commands[i]->parsed()) continue;
    if (std::string flag = UnknownFlag(*commands[i]); !flag.empty()) return Usage(Unknown(flag, verbs[i]));
    if (auto rest = commands[i]->remaining(true); !rest.empty()) {
      return Usage(fmt::format("{}: {} takes no such argument; `sampan {} --help` shows its flags", rest.front(),
                               verbs[i].name, verbs[i].name));
    }
    if (auto applied = Apply(verbs[i], given[i]); !applied) return Usage(applied.error().message());
    return verbs[i].run();
  }
  return Usage("name a verb; `sampan --help` lists them");
}

}  // namespace sampan::cli
