#include "dns/wire.h"

#include <gtest/gtest.h>

#include "dns/testing.h"

namespace sampan::dns {
namespace {

std::string Raw(std::initializer_list<int> bytes) {
  std::string text;
  for (int byte : bytes) text += static_cast<char>(byte);
  return text;
}

struct QueryCase {
  const char* name;
  std::string message;
  Received::Action action;
  Rcode rcode;
};

const std::string kHeader = Raw({0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0});
const std::string kQuestion = Raw({3, 'W', 'w', 'W', 0, 0, 1, 0, 1});

class Queries : public ::testing::TestWithParam<QueryCase> {};

TEST_P(Queries, AreSorted) {
  Query query;
  Received received = ParseQuery(BytesOf(GetParam().message), query);
  EXPECT_EQ(received.action, GetParam().action);
  EXPECT_EQ(received.rcode, GetParam().rcode);
}

using Action = Received::Action;
INSTANTIATE_TEST_SUITE_P(
    Wire, Queries,
    ::testing::Values(
        QueryCase{"Plain", kHeader + kQuestion, Action::kAnswer, Rcode::kNoError},
        QueryCase{"Short", kHeader.substr(0, 11), Action::kDrop, Rcode::kNoError},
        QueryCase{"AResponse", Raw({0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0}) + kQuestion, Action::kDrop, Rcode::kNoError},
        QueryCase{"AnUpdate", Raw({0, 1, 0x28, 0, 0, 1, 0, 0, 0, 0, 0, 0}) + kQuestion, Action::kRefuse, Rcode::kNotImp},
        QueryCase{"NoQuestion", Raw({0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}), Action::kRefuse, Rcode::kFormErr},
        QueryCase{"TwoQuestions", Raw({0, 1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0}) + kQuestion + kQuestion, Action::kRefuse,
                  Rcode::kFormErr},
        QueryCase{"CutName", kHeader + Raw({9, 'a'}), Action::kRefuse, Rcode::kFormErr},
        QueryCase{"CompressedName", kHeader + Raw({0xC0, 12, 0, 1, 0, 1}), Action::kRefuse, Rcode::kFormErr},
        QueryCase{"LongName", kHeader + std::string(260, '\1') + Raw({0, 0, 1, 0, 1}), Action::kRefuse, Rcode::kFormErr}),
    [](const auto& info) { return info.param.name; });

TEST(Wire, NamesAreLowerCaseAndDotsWithinLabelsAreNoSeparators) {
  std::string message = kHeader + Raw({3, 'W', 'w', 'W', 3, 'a', '.', 'B', 0, 0, 28, 0, 1});
  Query query;
  ParseQuery(BytesOf(message), query);
  EXPECT_EQ(query.name(), "www.a\1b");
  EXPECT_EQ(query.type, Type::kAaaa);
  EXPECT_TRUE(query.recursion_desired);
}

TEST(Wire, EdnsRaisesWhatFits) {
  std::string message = *WriteQuery(7, "a.b", Type::kA);
  Query query;
  EXPECT_EQ(ParseQuery(BytesOf(message), query).action, Action::kAnswer);
  EXPECT_TRUE(query.edns);
  EXPECT_EQ(query.MaxUdpResponse(), kMaxUdpSize);
  std::string plain = kHeader + kQuestion;
  ParseQuery(BytesOf(plain), query);
  EXPECT_EQ(query.MaxUdpResponse(), 512U);
}

TEST(Wire, ResponsesCarryTheQuestionAsItWasSent) {
  std::string message = kHeader + kQuestion;
  Query query;
  ParseQuery(BytesOf(message), query);
  std::array<uint8_t, 512> buffer;
  ResponseWriter writer(buffer, query);
  writer.AddAddress(ResponseWriter::Section::kAnswer, {}, 5, *IpAddress::Parse("10.0.0.1"));
  Bytes response = Bytes(buffer).first(writer.Finish(Rcode::kNoError, ResponseWriter::Authority::kYes));
  std::string text(response.begin(), response.end());
  EXPECT_EQ(text.substr(12, kQuestion.size()), kQuestion);
  EXPECT_EQ(text.substr(0, 4), Raw({0x12, 0x34, 0x85, 0x80}));
  EXPECT_EQ(Describe(response), "NOERROR www A 10.0.0.1");
}

TEST(Wire, WhatDoesNotFitIsCutAtARecord) {
  std::string message = kHeader + kQuestion;
  Query query;
  ParseQuery(BytesOf(message), query);
  std::array<uint8_t, 512> buffer;
  ResponseWriter writer(buffer, query);
  for (int i = 0; i < 100; ++i) writer.AddAddress(ResponseWriter::Section::kAnswer, {}, 5, *IpAddress::Parse("10.0.0.1"));
  Bytes response = Bytes(buffer).first(writer.Finish(Rcode::kNoError, ResponseWriter::Authority::kYes));
  std::optional<ResponseView> view = ResponseView::Parse(response);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->truncated());
  EXPECT_EQ(writer.answers(), (512 - 12 - kQuestion.size()) / 16);
}

TEST(Wire, PointersThatGoInCirclesEnd) {
  std::string message = Raw({0, 1, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 1, 0, 2, 0xC0, 12});
  std::optional<ResponseView> view = ResponseView::Parse(BytesOf(message));
  ASSERT_TRUE(view);
  EXPECT_FALSE(view->NameAt(12));
  EXPECT_FALSE(view->NameAt(24));
}

TEST(Wire, QuestionsCompareWhateverTheirCase) {
  std::string upper = Raw({1, 'A', 0, 0, 1, 0, 1}), lower = Raw({1, 'a', 0, 0, 1, 0, 1}),
              other = Raw({1, 'a', 0, 0, 2, 0, 1});
  EXPECT_TRUE(SameQuestion(BytesOf(upper), BytesOf(lower)));
  EXPECT_FALSE(SameQuestion(BytesOf(upper), BytesOf(other)));
}

}  // namespace
}  // namespace sampan::dns
