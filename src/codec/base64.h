// Base64 as the API uses it: standard alphabet with padding for `bytes` fields, URL-safe without padding for tokens.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sampan::base64 {

std::string Encode(std::string_view bytes);
void EncodeTo(std::string_view bytes, std::string& out);  // appends
// Strict: the right alphabet and padding; line breaks are allowed, as in Go. Nothing when malformed.
std::optional<std::string> Decode(std::string_view text);
bool Valid(std::string_view text);  // what Decode would accept, without the copy

// The URL-safe alphabet (- and _), no padding.
std::string EncodeUrl(std::string_view bytes);
std::optional<std::string> DecodeUrl(std::string_view text);

}  // namespace sampan::base64
