// Lists in every form, written an element at a time: a hundred thousand of them hold nobody up.
#include "api/protobuf.h"
#include "apiserver/http/encode_parts.h"
#include "apiserver/http/pretty.h"
#include "apiserver/turn.h"
#include "codec/yaml.h"

namespace sampan::apiserver {

namespace {

constexpr size_t kChunk = 256 * 1024;

api::ListMeta MetaOf(const ListPage& page) {
  return {std::to_string(page.revision), page.continue_token, page.remaining};
}

std::string ListMetaJson(const ListPage& page) {
  std::string out = fmt::format(R"({{"resourceVersion":"{}")", page.revision);
  if (!page.continue_token.empty()) out += fmt::format(R"(,"continue":"{}")", page.continue_token);
  if (page.remaining >= 0) out += fmt::format(R"(,"remainingItemCount":{})", page.remaining);
  return out + "}";
}

std::string ListOpening(const api::KindInfo& kind, const ListPage& page) {
  return fmt::format(R"({{"kind":"{}List","apiVersion":"{}","metadata":{},"items":[)", kind.kind, kind.ApiVersion(),
                     ListMetaJson(page));
}

// The stored bytes themselves.
std::vector<net::Chunk> SplicedList(const api::KindInfo& kind, ListPage page) {
  std::vector<net::Chunk> body;
  body.reserve(page.items.size() * 2 + 2);
  body.push_back(net::Chunk::Copy(ListOpening(kind, page)));
  auto items = std::make_shared<const std::vector<ObjectPtr>>(std::move(page.items));
  for (const ObjectPtr& object : *items) {
    body.push_back(net::Chunk::Static(body.size() > 1 ? ",{" : "{"));
    body.push_back({object->Untyped(), items});
  }
  body.push_back(net::Chunk::Static("]}\n"));
  return body;
}

// Collects text in chunks, so that no large one is ever moved.
class Pieces {
 public:
  std::string& text() { return text_; }
  size_t size() const { return flushed_ + text_.size(); }
  void Flush(size_t least) {
    if (text_.size() < least) return;
    flushed_ += text_.size();
    chunks_.push_back(net::Chunk::Copy(std::exchange(text_, {})));
  }
  std::vector<net::Chunk> Take() && {
    Flush(1);
    return std::move(chunks_);
  }

 private:
  std::vector<net::Chunk> chunks_;
  std::string text_;
  size_t flushed_ = 0;
};

Task<std::vector<net::Chunk>> ProtobufList(const api::KindInfo* kind, const ListPage* page) {
  json::Object list_meta{{"resourceVersion", std::to_string(page->revision)}};
  if (!page->continue_token.empty()) list_meta["continue"] = page->continue_token;
  if (page->remaining >= 0) list_meta["remainingItemCount"] = page->remaining;
  std::string message;
  api::AppendMessage(api::ListMetaType(), list_meta, message);
  Pieces pieces;
  AppendProtoBytes(1, message, pieces.text());
  Turn turn;
  for (const ObjectPtr& object : page->items) {
    message.clear();
    api::AppendMessage(*kind->type, object->Parse(), message);
    AppendProtoBytes(2, message, pieces.text());
    pieces.Flush(kChunk);
    if (turn.Spent(2 * object->bytes().size())) co_await Yield();
  }
  const size_t size = pieces.size();
  std::vector<net::Chunk> body = std::move(pieces).Take();
  body.insert(body.begin(), net::Chunk::Copy(api::ProtobufOpening(kind->ApiVersion(), kind->kind + "List", size)));
  body.push_back(net::Chunk::Static(api::kProtobufEnd));
  co_return body;
}

// The elements of a list as JSON text, in one of the shapes.
struct Elements {
  const api::KindInfo& kind;
  const Negotiated& form;
  api::TableOptions table;

  std::string Opening(const ListPage& page) const {
    std::string out;
    if (form.shape == Shape::kObject) return ListOpening(kind, page);
    if (form.shape == Shape::kTable) {
      api::AppendTableOpening(kind, MetaOf(page), table, out);
    } else {
      api::AppendPartialListOpening(MetaOf(page), table.api_version, out);
    }
    return out;
  }
  void Append(const api::Object& object, std::string& out) const {
    if (form.shape == Shape::kObject) {
      out += '{';
      out += object.Untyped();
    } else if (form.shape == Shape::kTable) {
      api::AppendTableRow(kind, object, table, out);
    } else {
      api::AppendPartialMetadata(object, table.api_version, out);
    }
  }
};

Task<std::vector<net::Chunk>> JsonList(const Elements* elements, const ListPage* page, bool pretty) {
  Pieces pieces;
  Prettifier prettifier;
  std::string text = elements->Opening(*page);
  auto put = [&] {
    if (pretty) {
      prettifier.Append(text, pieces.text());
    } else {
      pieces.text() += text;
    }
    pieces.Flush(kChunk);
    text.clear();
  };
  Turn turn;
  for (const ObjectPtr& object : page->items) {
    if (object != page->items.front()) text += ',';
    elements->Append(*object, text);
    put();
    if (turn.Spent(object->bytes().size())) co_await Yield();
  }
  text += "]}";
  put();
  if (!pretty) pieces.text() += '\n';
  co_return std::move(pieces).Take();
}

// One element of a block sequence that is not indented below its key.
void AppendYamlElement(const json::Value& value, std::string& out) {
  const std::string text = yaml::Serialize(value);
  out += "- ";
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size() - 1);
    if (begin > 0 && end > begin) out += "  ";
    out.append(text, begin, end + 1 - begin);
    begin = end + 1;
  }
}

// The list is written around an empty sequence first; the elements then take its place.
Task<Result<std::vector<net::Chunk>>> YamlList(const Elements* elements, const ListPage* page) {
  CO_TRY(json::Value frame, json::Parse(elements->Opening(*page) + "]}"));
  const std::string text = yaml::Serialize(frame);
  const std::string_view key = elements->form.shape == Shape::kTable ? "rows:" : "items:";
  size_t at = text.starts_with(key) ? 0 : text.find(fmt::format("\n{}", key)) + 1;
  at += key.size();
  Pieces pieces;
  if (page->items.empty()) {
    pieces.text() = text;
    co_return std::move(pieces).Take();
  }
  pieces.text() = text.substr(0, at) + "\n";
  Turn turn;
  for (const ObjectPtr& object : page->items) {
    std::string element;
    elements->Append(*object, element);
    CO_TRY(json::Value value, json::Parse(element, {.max_depth = api::kMaxStoredDepth, .max_bytes = element.size()}));
    AppendYamlElement(value, pieces.text());
    pieces.Flush(kChunk);
    if (turn.Spent(4 * object->bytes().size())) co_await Yield();
  }
  pieces.text() += text.substr(at + std::string_view(" []\n").size());
  co_return std::move(pieces).Take();
}

Task<void> Publish(const View* view, ListPage* page) {
  Turn turn;
  for (ObjectPtr& object : page->items) {
    object = Published(view, std::move(object));
    if (turn.Spent(2 * object->bytes().size())) co_await Yield();
  }
}

}  // namespace

Task<Result<net::Response>> EncodeList(const Exchange* exchange, const api::KindInfo* kind, ListPage page, WallTime now) {
  CO_TRY(Negotiated form, NegotiateFor(*exchange));
  if (form.shape == Shape::kPartial) co_return Fail(WrongShape(*kind, "PartialObjectMetadata", "a list ({}List)"));
  if (form.shape == Shape::kTable) CO_TRY_VOID(CheckInclude(*exchange));
  if (exchange->view() != nullptr) co_await Publish(exchange->view(), &page);
  const bool pretty = form.encoding == Encoding::kJson && (form.pretty || WantsPretty(*exchange));
  if (form.shape == Shape::kObject && form.encoding == Encoding::kProtobuf) {
    auto body = co_await ProtobufList(kind, &page);
    co_return RespondIn(form, 200, std::move(body));
  }
  if (form.shape == Shape::kObject && form.encoding == Encoding::kJson && !pretty) {
    co_return RespondIn(form, 200, SplicedList(*kind, std::move(page)));
  }
  const Elements elements{*kind, form, TableOptionsOf(*exchange, form, now)};
  if (form.encoding == Encoding::kYaml) {
    CO_TRY(auto body, co_await YamlList(&elements, &page));
    co_return RespondIn(form, 200, std::move(body));
  }
  auto body = co_await JsonList(&elements, &page, pretty);
  co_return RespondIn(form, 200, std::move(body));
}

}  // namespace sampan::apiserver
