#include "api/table/printers.h"

namespace sampan::api::printers {
namespace {

constexpr Column kContainers = {"Containers", "string", "Names of the template's containers", 1};
constexpr Column kImages = {"Images", "string", "Images of the template's containers", 1};
constexpr Column kSelector = {"Selector", "string", "Labels that select the pods", 1};

constexpr Column kDeploymentColumns[] = {
    kName,
    {"Ready", "string", "Pods that are ready, of those wanted"},
    {"Up-to-date", "string", "Pods of the newest template"},
    {"Available", "string", "Pods that have been ready for long enough"},
    kAge,
    kContainers,
    kImages,
    kSelector,
};

constexpr Column kReplicaSetColumns[] = {
    kName,
    {"Desired", "integer", "Pods wanted"},
    {"Current", "integer", "Pods that exist"},
    {"Ready", "integer", "Pods that are ready"},
    kAge,
    kContainers,
    kImages,
    kSelector,
};

std::string Joined(const json::Value& object, std::string_view field) {
  std::string text;
  for (const json::Value& container : List(object, "spec", "template", "spec", "containers")) {
    if (!text.empty()) text += ',';
    text += Text(container, field);
  }
  return text;
}

void PutTemplate(const json::Value& object, json::Array& cells) {
  Put(cells, Joined(object, "name"));
  Put(cells, Joined(object, "image"));
  Put(cells, FormatLabelSelector(json::Find(object, "spec", "selector")));
}

void PrintDeployment(const json::Value& object, WallTime now, json::Array& cells) {
  Put(cells, Text(object, "metadata", "name"));
  Put(cells, fmt::format("{}/{}", Number(object, "status", "readyReplicas"), Number(object, "spec", "replicas")));
  cells.emplace_back(Number(object, "status", "updatedReplicas"));
  cells.emplace_back(Number(object, "status", "availableReplicas"));
  Put(cells, Age(object, now));
  PutTemplate(object, cells);
}

void PrintReplicaSet(const json::Value& object, WallTime now, json::Array& cells) {
  Put(cells, Text(object, "metadata", "name"));
  cells.emplace_back(Number(object, "spec", "replicas"));
  cells.emplace_back(Number(object, "status", "replicas"));
  cells.emplace_back(Number(object, "status", "readyReplicas"));
  Put(cells, Age(object, now));
  PutTemplate(object, cells);
}

}  // namespace

std::span<const Printer> WorkloadPrinters() {
  static constexpr Printer kPrinters[] = {{"apps", "Deployment", kDeploymentColumns, PrintDeployment},
                                          {"apps", "ReplicaSet", kReplicaSetColumns, PrintReplicaSet}};
  return kPrinters;
}

}  // namespace sampan::api::printers
