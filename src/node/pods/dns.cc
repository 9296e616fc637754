#include "node/pods/dns.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sampan::node {
namespace {

constexpr size_t kMaxServers = 3, kMaxSearches = 32;  // what resolvers read

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return words;
    size_t end = std::min(line.find_first_of(" \t\r", begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    line.remove_prefix(end);
  }
}

void AddUnique(std::vector<std::string>& list, const std::string& item) {
  if (std::ranges::find(list, item) == list.end()) list.push_back(item);
}

std::string_view OptionName(std::string_view option) {
  return option.substr(0, option.find(':'));
}

void SetOption(std::vector<std::string>& options, std::string option) {
  auto same = std::ranges::find_if(options, [&](const std::string& o) { return OptionName(o) == OptionName(option); });
  if (same != options.end()) {
    *same = std::move(option);
  } else {
    options.push_back(std::move(option));
  }
}

void AppendAliases(const api::core::PodSpec& spec, std::string& out) {
  if (spec.host_aliases.empty()) return;
  out += "\n# Entries added by HostAliases.\n";
  for (const api::core::HostAlias& alias : spec.host_aliases) {
    out += fmt::format("{}\t{}\n", alias.ip, fmt::join(alias.hostnames, "\t"));
  }
}

}  // namespace

cri::DnsConfig ParseResolvConf(std::string_view text) {
  cri::DnsConfig config;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::vector<std::string_view> words = Words(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.size() < 2) continue;
    if (words[0] == "nameserver") config.servers.emplace_back(words[1]);
    if (words[0] == "search") config.searches.assign(words.begin() + 1, words.end());
    if (words[0] == "options") config.options.assign(words.begin() + 1, words.end());
  }
  std::erase(config.searches, ".");
  return config;
}

cri::DnsConfig PodDns(const api::core::Pod& pod, const DnsOptions& options) {
  const api::core::PodSpec& spec = pod.spec;
  cri::DnsConfig dns;
  const bool host_network = spec.host_network.value_or(false);
  const bool cluster = spec.dns_policy == "ClusterFirstWithHostNet" ||
                       ((spec.dns_policy == "ClusterFirst" || spec.dns_policy.empty()) && !host_network);
  if (spec.dns_policy == "None") {
    // Only what dnsConfig says.
  } else if (cluster && !options.cluster_dns.empty()) {
    dns.servers = {options.cluster_dns};
    if (!options.cluster_domain.empty()) {
      dns.searches = {fmt::format("{}.svc.{}", pod.metadata.namespace_, options.cluster_domain),
                      fmt::format("svc.{}", options.cluster_domain), options.cluster_domain};
    }
    for (const std::string& search : options.host.searches) AddUnique(dns.searches, search);
    dns.options = {"ndots:5"};
  } else {
    dns = options.host;
  }
  if (spec.dns_config) {
    for (const std::string& server : spec.dns_config->nameservers) AddUnique(dns.servers, server);
    for (const std::string& search : spec.dns_config->searches) AddUnique(dns.searches, search);
    for (const api::core::PodDNSConfigOption& option : spec.dns_config->options) {
      SetOption(dns.options, option.value.empty() ? option.name : option.name + ":" + option.value);
    }
  }
  if (dns.servers.size() > kMaxServers) dns.servers.resize(kMaxServers);
  if (dns.searches.size() > kMaxSearches) dns.searches.resize(kMaxSearches);
  return dns;
}

std::string PodHostname(const api::core::Pod& pod) {
  std::string name = pod.spec.hostname.empty() ? pod.metadata.name : pod.spec.hostname;
  if (name.size() > 63) name.resize(63);
  while (!name.empty() && (name.back() == '-' || name.back() == '.')) name.pop_back();
  return name;
}

std::string EtcHosts(const api::core::Pod& pod, const std::vector<std::string>& pod_ips, std::string_view cluster_domain,
                     std::string_view host_file) {
  std::string out;
  if (pod.spec.host_network.value_or(false)) {
    out = host_file;
  } else {
    out =
        "# Kubernetes-managed hosts file.\n"
        "127.0.0.1\tlocalhost\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\n"
        "fe00::0\tip6-localnet\n"
        "fe00::0\tip6-mcastprefix\n"
        "fe00::1\tip6-allnodes\n"
        "fe00::2\tip6-allrouters\n";
    std::string hostname = PodHostname(pod);
    for (const std::string& ip : pod_ips) {
      if (pod.spec.subdomain.empty()) {
        out += fmt::format("{}\t{}\n", ip, hostname);
      } else {
        out += fmt::format("{}\t{}.{}.{}.svc.{}\t{}\n", ip, hostname, pod.spec.subdomain, pod.metadata.namespace_,
                           cluster_domain, hostname);
      }
    }
  }
  AppendAliases(pod.spec, out);
  return out;
}

}  // namespace sampan::node
