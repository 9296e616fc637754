// API objects as the zone keeps them. Pure.
#pragma once

#include <optional>
#include <span>

#include "api/types/core.h"
#include "api/types/discovery.h"
#include "dns/zone.h"

namespace sampan::dns {

// The record of a service; nothing when it has none (no address yet). The slices are those of the service.
std::optional<ServiceRecord> RecordOf(const api::core::Service& service,
                                      std::span<const api::discovery::EndpointSlice* const> slices);

}  // namespace sampan::dns
