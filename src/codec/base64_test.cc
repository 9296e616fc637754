#include "codec/base64.h"

#include <gtest/gtest.h>

namespace sampan::base64 {
namespace {

TEST(Base64, KnownPairs) {
  struct Case {
    std::string_view bytes, text, url;
  };
  for (const Case& c : {Case{"", "", ""},
                        {"f", "Zg==", "Zg"},
                        {"fo", "Zm8=", "Zm8"},
                        {"foo", "Zm9v", "Zm9v"},
                        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
                        {"\xfb\xff\xfe", "+//+", "-__-"}}) {
    EXPECT_EQ(Encode(c.bytes), c.text);
    EXPECT_EQ(Decode(c.text), c.bytes);
    EXPECT_EQ(EncodeUrl(c.bytes), c.url);
    EXPECT_EQ(DecodeUrl(c.url), c.bytes);
  }
}

TEST(Base64, RefusesMalformed) {
  for (std::string_view text : {"Z", "Zg", "Zg=", "Zg===", "Z=g=", "Zm8=Zm8=", "Zm9v!", "-__-", "=", "====", "Zg==x"}) {
    EXPECT_FALSE(Decode(text)) << text;
    EXPECT_FALSE(Valid(text)) << text;
  }
  EXPECT_FALSE(DecodeUrl("Zg=="));
}

TEST(Base64, AllowsLineBreaks) {
  EXPECT_EQ(Decode("Zm9v\nYm\r\nFy"), "foobar");
}

}  // namespace
}  // namespace sampan::base64
