// Puts a pod's volumes on disk, keeps their content fresh, and takes them away.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "async/clock.h"
#include "async/pool.h"
#include "client/client.h"
#include "node/cri/types.h"
#include "node/paths.h"
#include "node/pods/environment.h"
#include "node/volumes/payload.h"

namespace sampan::node {

// What a volume or variable may refer to besides the object.
struct PodFacts {
  std::string pod_ip, host_ip, node_name;
  api::Map<api::Quantity> allocatable;

  FieldContext Fields(const api::core::Pod& pod) const { return {pod, pod_ip, host_ip, node_name, &allocatable}; }
};

// Where secrets, tokens and what is projected with them lie: memory keeps them off the disk, and needs root to mount.
enum class SecretMedium : unsigned char { kMemory, kDisk };

// One strand. The deps outlive it.
class Volumes {
 public:
  struct Deps {
    client::Client& client;
    Clock& clock;
    BlockingPool& blocking;
    Paths paths;
    SecretMedium secrets = SecretMedium::kDisk;
  };
  explicit Volumes(Deps deps) : deps_(std::move(deps)) {}

  // Makes what is missing and brings files up to date; called again and again while the pod lives. The error's message is
  // what a FailedMount event says. `pod` and `facts` outlive the task.
  Task<Result<void>> Prepare(const api::core::Pod* pod, const PodFacts* facts);

  // The mounts of one container, subPaths resolved. All volumes have been prepared. The references outlive the task.
  Task<Result<std::vector<cri::Mount>>> Mounts(const api::core::Pod* pod, const api::core::Container* container,
                                               const EnvList* environment);

  // Unmounts and removes everything below the pod's directory. Fine when there is none.
  Task<Result<void>> TearDown(std::string uid);

  // Whether any volume has content that can change.
  static bool NeedRefresh(const api::core::PodSpec& spec);

 private:
  Task<Result<VolumeSources>> Fetch(const api::core::Pod* pod, const api::core::Volume* volume);
  Task<Result<void>> FetchObjects(const api::core::Pod* pod, const VolumeReferences* references, VolumeSources* sources);
  Task<Result<void>> FetchTokens(const api::core::Pod* pod, const VolumeReferences* references, VolumeSources* sources);
  Task<Result<std::string>> Token(const api::core::Pod* pod, TokenWanted wanted);

  struct CachedToken {
    std::string token;
    WallTime refresh_at;
  };
  Deps deps_;
  std::map<std::pair<std::string, TokenWanted>, CachedToken> tokens_;  // by pod uid
};

}  // namespace sampan::node
