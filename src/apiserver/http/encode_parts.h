// What the encodings of objects and of lists share. Internal to http/encode*.
#pragma once

#include "api/table/table.h"
#include "apiserver/http/encode.h"

namespace sampan::apiserver {

net::Response RespondIn(const Negotiated& form, int status, std::vector<net::Chunk> body);
api::TableOptions TableOptionsOf(const Exchange& exchange, const Negotiated& form, WallTime now);
// NotAcceptable: the client asked for something else than it gets.
Error WrongShape(const api::KindInfo& kind, std::string_view wanted, std::string_view have);

}  // namespace sampan::apiserver
