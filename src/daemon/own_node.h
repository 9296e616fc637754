// The labels that the control plane gives the node of its own machine: a node may not say of itself that it is part of the
// control plane, nor give itself the labels that administrators place workloads by.
#pragma once

#include <map>
#include <string>

#include "client/client.h"
#include "client/informer.h"

namespace sampan::daemon {

class OwnNode {
 public:
  struct Deps {
    client::Client& client;  // may change nodes
    client::InformerFactory& informers;
    Executor& pool;
    Clock& clock;
  };
  // What is borrowed outlives it. `labels` are given besides the control plane's own.
  OwnNode(Deps deps, std::string name, std::map<std::string, std::string> labels);
  ~OwnNode();

  // Labels the node once when it is there and again when it is made anew, until `stop`: what users change afterwards stays.
  Task<void> Run(CancelToken stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sampan::daemon
