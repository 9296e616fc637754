// Text from outside: every byte string that ends in an object or an answer is UTF-8, or is made so.
#pragma once

#include <string>
#include <string_view>

namespace sampan::utf8 {

// Well-formed as Unicode says: no surrogates, nothing overlong, nothing above U+10FFFF. ASCII costs an eighth of a step a
// byte.
bool IsValid(std::string_view text);

// Each maximal part that is not well-formed becomes one U+FFFD, as Go and browsers do it.
std::string Repaired(std::string_view text);
// The same, of at most `max_bytes`: what is more is cut off between two characters, and not read.
std::string Repaired(std::string_view text, size_t max_bytes);
// The same for the end of a text, which may have been cut within a character: that part of one is left out.
std::string RepairedTail(std::string_view text, size_t max_bytes);

// What a person can see on its own: letters, marks, numbers, punctuation, symbols and the blank; no controls, no invisible
// formatting, no other spaces, no private or undefined characters.
bool IsPrintable(char32_t character);

// The next character of `text`, which is removed from it; U+FFFD for what is not well-formed. `text` is not empty.
char32_t Take(std::string_view& text);

void Append(char32_t character, std::string& out);

}  // namespace sampan::utf8
