// Answers in the form the client asked for. Stored bytes are spliced wherever the form allows it.
#pragma once

#include "api/object.h"
#include "apiserver/http/exchange.h"
#include "apiserver/registry/list.h"

namespace sampan::apiserver {

// Shapes (Table, PartialObjectMetadata) have no protobuf form here; a client that asks for one gets its next choice.
Result<Negotiated> NegotiateFor(const Exchange& exchange);

// Which part of the object goes with each row of a table; BadRequest for an unknown wish.
Result<void> CheckInclude(const Exchange& exchange);

Result<net::Response> EncodeObject(const Exchange& exchange, const api::KindInfo& kind, ObjectPtr object, int status,
                                   WallTime now);
// A document that is not stored: a Scale, a review.
Result<net::Response> EncodeValue(const Exchange& exchange, const api::KindInfo& kind, const json::Value& value, int status);
// An element at a time, with turns for others in between. The pointers outlive the task.
Task<Result<net::Response>> EncodeList(const Exchange* exchange, const api::KindInfo* kind, ListPage page, WallTime now);

// Whether the client is a person.
bool WantsPretty(const Exchange& exchange);

// The error as a metav1.Status, readable where the client is a person.
net::Response EncodeError(const Exchange& exchange, const Error& error);

// Compresses a large body when the client takes gzip, letting other requests run in between.
Task<void> Compress(const Exchange* exchange, net::Response* response);

// Appends a field of a protobuf message: length-delimited bytes.
void AppendProtoBytes(int field, std::string_view bytes, std::string& out);

}  // namespace sampan::apiserver
