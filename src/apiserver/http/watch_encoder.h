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
  struct Form {
    Negotiated negotiated;
    api::IncludeObject include;  // in the rows of tables
  };
  // `kind` is the published one, `view` what makes it of the stored one.
  WatchEncoder(const api::KindInfo& kind, const View* view, Form form)
      : kind_(kind), view_(view), form_(std::move(form.negotiated)), include_(form.include) {}

  std::string ContentType() const;
  // Whether events are more than stored bytes with something around them.
  bool Converts() const {
    return view_ != nullptr || form_.encoding == Encoding::kProtobuf || form_.shape != Shape::kObject;
  }
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
  const View* const view_;
  const Negotiated form_;
  const api::IncludeObject include_;
  bool columns_sent_ = false;
};

}  // namespace sampan::apiserver
