#include "dns/config.h"

#include <algorithm>

#include "codec/json.h"
#include "dns/corefile.h"
#include "dns/upstreams.h"

namespace sampan::dns {

namespace {

constexpr std::string_view kWithoutMeaning[] = {"any",    "bind",     "bufsize",    "cache",      "debug",       "errors",
                                                "health", "import",   "kubernetes", "lameduck",   "loadbalance", "log",
                                                "loop",   "metadata", "minimal",    "prometheus", "ready",       "reload"};

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return lower;
}

// Lower case, without the last dot.
std::string NameOf(std::string_view text) {
  std::string name = Lower(text);
  while (name.ends_with('.')) name.pop_back();
  return name;
}

bool IsBelow(std::string_view name, std::string_view zone) {
  if (zone.empty() || name == zone) return true;
  return name.size() > zone.size() && name.ends_with(zone) && name[name.size() - zone.size() - 1] == '.';
}

// The zone of a server block's key "dns://example.org:53"; nothing for other protocols than plain DNS.
std::optional<std::string> ZoneOfKey(std::string_view key) {
  size_t scheme = key.find("://");
  if (scheme != key.npos) {
    if (key.substr(0, scheme) != "dns") return std::nullopt;
    key.remove_prefix(scheme + 3);
  }
  return NameOf(key.substr(0, key.find(':')));
}

class Builder {
 public:
  Builder(const ConfigData& coredns, NamesConfig& config) : coredns_(coredns), config_(config) {}

  void Add(const ServerBlock& block) {
    std::vector<std::string> zones;
    for (const std::string& key : block.keys) {
      std::optional<std::string> zone = ZoneOfKey(key);
      if (zone) zones.push_back(*std::move(zone));
      if (!zone) Remark("{} is not served: plain DNS only", key);
    }
    for (const Directive& directive : block.directives) Add(directive, zones);
  }

  void Add(const Directive& directive, const std::vector<std::string>& zones) {
    if (directive.name == "forward" || directive.name == "proxy") return AddForward(directive, zones);
    if (directive.name == "hosts") return AddHosts(directive, zones);
    if (directive.name == "rewrite") return AddRewrite(directive);
    if (std::ranges::find(kWithoutMeaning, directive.name) == std::end(kWithoutMeaning)) {
      Remark("the directive {} is not supported", directive.name);
    }
  }

  void AddZone(const std::string& zone, std::vector<std::string> upstreams) {
    // The root without resolvers of its own is what happens anyway; others leave the zone around them that way.
    if (zone.empty() && upstreams.empty()) return;
    config_.forwards.emplace(zone, std::move(upstreams));
  }

  std::vector<std::string> Upstreams(std::span<const std::string> texts) {
    std::vector<std::string> upstreams;
    for (std::string_view text : texts) {
      if (text.starts_with("dns://")) text.remove_prefix(6);
      if (text == "/etc/resolv.conf") continue;
      if (Upstream::Parse(text)) {
        upstreams.emplace_back(text);
      } else {
        Remark("{} is not asked: it is no address of a plain resolver", text);
      }
    }
    return upstreams;
  }

 private:
  template <class... Args>
  void Remark(fmt::format_string<Args...> format, Args&&... args) {
    config_.remarks.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  void AddForward(const Directive& directive, const std::vector<std::string>& zones) {
    if (directive.args.size() < 2) return Remark("{} needs a zone and a resolver", directive.name);
    std::string from = NameOf(directive.args[0]);
    std::span<const std::string> texts(directive.args);
    bool uses_host = std::ranges::find(texts, "/etc/resolv.conf") != texts.end();
    std::vector<std::string> upstreams = Upstreams(texts.subspan(1));
    if (upstreams.empty() && !uses_host) return;
    for (const std::string& zone : zones) {
      if (IsBelow(from, zone)) AddZone(from, upstreams);
      if (from.empty() && !zone.empty()) AddZone(zone, upstreams);
    }
  }

  void AddHosts(const Directive& directive, const std::vector<std::string>& zones) {
    for (const std::vector<std::string>& line : directive.body) AddHost(line, zones);
    if (directive.args.empty()) return;
    // A file is a key of the ConfigMap, which is where CoreDNS gets it mounted from.
    std::string_view file = directive.args[0];
    auto found = coredns_.find(std::string(file.substr(file.rfind('/') + 1)));
    if (found == coredns_.end()) return;
    Result<std::vector<Directive>> lines = ParseDirectives(found->second);
    if (!lines) return Remark("{}: {}", file, lines.error().message());
    for (Directive& line : *lines) {
      line.args.insert(line.args.begin(), line.name);
      AddHost(line.args, zones);
    }
  }

  // "10.0.0.3 printer.example.org printer"; other lines are options.
  void AddHost(const std::vector<std::string>& line, const std::vector<std::string>& zones) {
    std::optional<IpAddress> address = IpAddress::Parse(line.front());
    if (!address) return;
    for (size_t i = 1; i < line.size(); ++i) {
      std::string name = NameOf(line[i]);
      if (std::ranges::none_of(zones, [&](const std::string& zone) { return IsBelow(name, zone); })) continue;
      std::vector<IpAddress>& addresses = config_.local.hosts[name];
      if (std::ranges::find(addresses, *address) == addresses.end()) addresses.push_back(*address);
    }
  }

  // rewrite [stop|continue] name [exact] FROM TO
  void AddRewrite(const Directive& directive) {
    std::span<const std::string> args(directive.args);
    if (!args.empty() && (args[0] == "stop" || args[0] == "continue")) args = args.subspan(1);
    bool exact = args.size() >= 4 && args[1] == "exact";
    if (exact || args.size() == 3) {
      std::span<const std::string> names = args.last(args.size() - (exact ? 2 : 1)).first(2);
      if (args[0] == "name") {
        config_.local.aliases.emplace(NameOf(names[0]), NameOf(names[1]));
        return;
      }
    }
    Remark("the rewriting {} is not supported", fmt::join(directive.args, " "));
  }

  const ConfigData& coredns_;
  NamesConfig& config_;
};

Result<json::Value> JsonOf(const ConfigData& data, const std::string& key) {
  auto found = data.find(key);
  if (found == data.end()) return json::Value();
  Result<json::Value> value = json::Parse(found->second);
  if (!value) return Fail(Error::BadRequest("{}: {}", key, value.error().message()));
  return value;
}

Result<std::vector<std::string>> StringsOf(const json::Value& value, std::string_view what) {
  std::vector<std::string> texts;
  if (!value.is_array()) return Fail(Error::BadRequest("{} is no list", what));
  for (const json::Value& item : value.get_array()) {
    if (!item.is_string()) return Fail(Error::BadRequest("{} holds something that is no string", what));
    texts.emplace_back(item.get_string());
  }
  return texts;
}

Result<void> AddKubeDns(const ConfigData& data, Builder& builder) {
  TRY(json::Value domains, JsonOf(data, "stubDomains"));
  if (!domains.is_null() && !domains.is_object()) return Fail(Error::BadRequest("stubDomains is no object"));
  if (domains.is_object()) {
    for (const auto& [zone, resolvers] : domains.get_object()) {
      TRY(std::vector<std::string> texts, StringsOf(resolvers, "stubDomains"));
      std::vector<std::string> upstreams = builder.Upstreams(texts);
      if (!upstreams.empty()) builder.AddZone(NameOf(std::string_view(zone)), std::move(upstreams));
    }
  }
  TRY(json::Value resolvers, JsonOf(data, "upstreamNameservers"));
  if (resolvers.is_null()) return {};
  TRY(std::vector<std::string> texts, StringsOf(resolvers, "upstreamNameservers"));
  builder.AddZone("", builder.Upstreams(texts));
  return {};
}

}  // namespace

Result<NamesConfig> ParseConfig(const ConfigData& coredns, const ConfigData& custom, const ConfigData& kube_dns) {
  NamesConfig config;
  Builder builder(coredns, config);
  auto corefile = coredns.find("Corefile");
  if (corefile != coredns.end()) {
    TRY(std::vector<ServerBlock> blocks, ParseCorefile(corefile->second));
    for (const ServerBlock& block : blocks) builder.Add(block);
  }
  for (const auto& [key, text] : custom) {
    if (key.ends_with(".server")) {
      TRY(std::vector<ServerBlock> blocks, ParseCorefile(text));
      for (const ServerBlock& block : blocks) builder.Add(block);
    } else if (key.ends_with(".override")) {
      TRY(std::vector<Directive> directives, ParseDirectives(text));
      for (const Directive& directive : directives) builder.Add(directive, {""});
    }
  }
  TRY_VOID(AddKubeDns(kube_dns, builder));
  return config;
}

std::string DefaultCorefile(std::string_view cluster_domain) {
  return fmt::format(
      ".:53 {{\n"
      "    kubernetes {} in-addr.arpa ip6.arpa\n"
      "    forward . /etc/resolv.conf\n"
      "}}\n",
      cluster_domain);
}

}  // namespace sampan::dns
