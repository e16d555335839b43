// Which types bytes may be of, when nobody says it.
#pragma once

#include <google/protobuf/descriptor.h>

#include <memory>
#include <string_view>
#include <vector>

#include "schema/catalog.h"

namespace compactor::schema {

struct Guess {
  const google::protobuf::Descriptor* type = nullptr;
  // The part of the bytes that the type explains, 0 to 1: numbers, readable text and what stands
  // around them. Bytes fields and text with control characters in it may be anything.
  double fit = 0;
};

class Plans;

/// Keeps what it learnt of the types; the catalog must outlive it. Not for two threads at once.
class TypeGuesser {
 public:
  explicit TypeGuesser(const Catalog& catalog);
  ~TypeGuesser();
  TypeGuesser(const TypeGuesser&) = delete;
  TypeGuesser& operator=(const TypeGuesser&) = delete;

  /// All types of the catalog's list() by which every field is known, every enum value has a name
  /// and nothing required is missing; the best first. None for no bytes, which say nothing.
  std::vector<Guess> types_of(std::string_view bytes);

 private:
  const Catalog& catalog_;
  std::unique_ptr<Plans> plans_;
};

}  // namespace compactor::schema
