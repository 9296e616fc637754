#include "codec/json.h"

#include <benchmark/benchmark.h>

#include "codec/json_cursor.h"

namespace sampan::json {
namespace {

std::string Sample() {
  std::string text = R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"sample","namespace":"default"},"data":{)";
  for (int i = 0; i < 50; ++i)
    text += fmt::format("{}\"key-{}\":\"a value of some forty characters, number {}\"", i ? "," : "", i, i);
  return text + "}}";
}

void BM_Parse(benchmark::State& state) {
  std::string text = Sample();
  for (auto _ : state) benchmark::DoNotOptimize(Parse(text));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK(BM_Parse);

void BM_ParseNotingDuplicates(benchmark::State& state) {
  std::string text = Sample();
  std::vector<std::string> duplicates;
  ParseOptions options;
  options.duplicates = &duplicates;
  for (auto _ : state) benchmark::DoNotOptimize(Parse(text, options));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK(BM_ParseNotingDuplicates);

void BM_Serialize(benchmark::State& state) {
  Value value = *Parse(Sample());
  std::string out;
  for (auto _ : state) {
    out.clear();
    SerializeTo(value, out);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * out.size()));
}
BENCHMARK(BM_Serialize);

void BM_CursorSkip(benchmark::State& state) {
  std::string text = Sample();
  for (auto _ : state) benchmark::DoNotOptimize(Cursor(text).Skip());
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK(BM_CursorSkip);

}  // namespace
}  // namespace sampan::json
