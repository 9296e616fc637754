// Watch events in the form the client asked for.
#pragma once

#include <string>
#include <vector>

#include "api/table/table.h"
#include "apiserver/http/encode.h"
#include "apiserver/registry/watch.h"

namespace sampan::apiserver {

// Not thread-safe: one a watch.
class WatchEncoder {
 public:
  WatchEncoder(const api::KindInfo& kind, Negotiated form, api::IncludeObject include)
      : kind_(kind), form_(std::move(form)), include_(include) {}

  std::string ContentType() const;
  // Appends what a change, a bookmark or an error looks like on the wire. Stored bytes are shared.
  void Append(const Change& change, WallTime now, std::vector<net::Chunk>& out);
  enum class InitialEnd : bool { kNo, kYes };
  void AppendBookmark(store::Revision revision, InitialEnd initial_end, WallTime now, std::vector<net::Chunk>& out);
  void AppendError(const Error& error, std::vector<net::Chunk>& out);

 private:
  void AppendText(std::string_view type, std::string_view json, std::vector<net::Chunk>& out);
  void AppendProtobuf(std::string_view type, std::string object, std::vector<net::Chunk>& out);
  std::string Shaped(const ObjectPtr& object, WallTime now);

  const api::KindInfo& kind_;
  const Negotiated form_;
  const api::IncludeObject include_;
  bool columns_sent_ = false;
};

}  // namespace sampan::apiserver
