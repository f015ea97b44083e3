// SPDX-License-Identifier: MIT
// run_seeds.cpp: a fuzzer's entry point over each file of a folder, and over each of their beginnings, without
// libFuzzer.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int count, char** arguments) {
  constexpr std::size_t beginnings = 64;  // of each seed: broken input of every length is input, too
  if (count != 2) {
    std::fprintf(stderr, "usage: %s <folder of seeds>\n", arguments[0]);
    return 2;
  }
  std::size_t seeds = 0;
  for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string seed(std::istreambuf_iterator<char>(in), {});
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(seed.data());
    for (std::size_t part = 0; part < beginnings; ++part)
      LLVMFuzzerTestOneInput(bytes, seed.size() * part / beginnings);
    LLVMFuzzerTestOneInput(bytes, seed.size());
    ++seeds;
  }
  std::printf("%zu seeds\n", seeds);
  return seeds > 0 ? 0 : 1;
}
