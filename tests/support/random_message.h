// Messages of any type, filled at random.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/message.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

namespace schema_test {

namespace pb = google::protobuf;

class RandomMessages {
 public:
  explicit RandomMessages(std::uint64_t seed) : random_(seed) {}

  /// Sets every required field and about half of the others; the deeper the fewer.
  void fill(pb::Message& message, int depth = 0) {
    const pb::Descriptor& type = *message.GetDescriptor();
    if (type.well_known_type() != pb::Descriptor::WELLKNOWNTYPE_UNSPECIFIED) return;
    for (int i = 0; i < type.field_count(); ++i) {
      const pb::FieldDescriptor& field = *type.field(i);
      const bool nested = field.message_type() != nullptr;
      if (!field.is_required() && !type.options().map_entry() &&
          (below(nested ? depth + 2 : 2) != 0 || (nested && depth > 6)))
        continue;
      // Of a map one entry: random keys would clash.
      const auto count = field.is_repeated() && !field.is_map() ? 1 + below(3) : 1;
      for (std::uint64_t n = 0; n < count; ++n) set(message, field, depth);
    }
  }

  std::uint64_t below(int limit) { return random_() % static_cast<std::uint64_t>(limit); }

  std::string bytes(int at_most) {
    std::string result(below(at_most + 1), '\0');
    for (char& c : result) c = static_cast<char>(random_());
    return result;
  }

  std::string text() {
    static constexpr const char* pieces[] = {
        "a",    "Z", "0",        " ",  "\"", "\\", "/",  "\n",       "\x01",
        "\x7f", "ü", "\xc2\x85", "漢", "😀",  "<",  "\t", "slave(1)", "\xef\xbf\xbd"};
    std::string result;
    for (auto n = below(8); n > 0; --n) result += pieces[below(std::size(pieces))];
    return result;
  }

 private:
  /// Small numbers, large ones, the ends of the range, zero.
  template <class T>
  T integer() {
    switch (below(4)) {
      case 0:
        return static_cast<T>(below(100));
      case 1:
        return std::numeric_limits<T>::min();
      case 2:
        return std::numeric_limits<T>::max();
      default:
        return static_cast<T>(random_());
    }
  }

  template <class T>
  T real() {
    static constexpr T chosen[] = {0,
                                   T(-0.0),
                                   1,
                                   T(0.1),
                                   T(-1e20),
                                   std::numeric_limits<T>::max(),
                                   std::numeric_limits<T>::denorm_min(),
                                   std::numeric_limits<T>::infinity(),
                                   -std::numeric_limits<T>::infinity(),
                                   std::numeric_limits<T>::quiet_NaN()};
    const auto pick = below(2 * static_cast<int>(std::size(chosen)));
    if (pick < std::size(chosen)) return chosen[pick];
    return static_cast<T>(
        std::ldexp(static_cast<double>(random_()), static_cast<int>(below(100)) - 90));
  }

  void set(pb::Message& message, const pb::FieldDescriptor& field, int depth) {
    const pb::Reflection& reflection = *message.GetReflection();
    const auto put = [&](auto add, auto assign, const auto& value) {
      if (field.is_repeated())
        (reflection.*add)(&message, &field, value);
      else
        (reflection.*assign)(&message, &field, value);
    };
    using R = pb::Reflection;
    switch (field.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_BOOL:
        return put(&R::AddBool, &R::SetBool, below(2) != 0);
      case pb::FieldDescriptor::CPPTYPE_INT32:
        return put(&R::AddInt32, &R::SetInt32, integer<std::int32_t>());
      case pb::FieldDescriptor::CPPTYPE_INT64:
        return put(&R::AddInt64, &R::SetInt64, integer<std::int64_t>());
      case pb::FieldDescriptor::CPPTYPE_UINT32:
        return put(&R::AddUInt32, &R::SetUInt32, integer<std::uint32_t>());
      case pb::FieldDescriptor::CPPTYPE_UINT64:
        return put(&R::AddUInt64, &R::SetUInt64, integer<std::uint64_t>());
      case pb::FieldDescriptor::CPPTYPE_DOUBLE:
        return put(&R::AddDouble, &R::SetDouble, real<double>());
      case pb::FieldDescriptor::CPPTYPE_FLOAT:
        return put(&R::AddFloat, &R::SetFloat, real<float>());
      case pb::FieldDescriptor::CPPTYPE_ENUM: {
        const auto* value =
            field.enum_type()->value(static_cast<int>(below(field.enum_type()->value_count())));
        return put(&R::AddEnum, &R::SetEnum, value);
      }
      case pb::FieldDescriptor::CPPTYPE_STRING: {
        const std::string value =
            field.type() == pb::FieldDescriptor::TYPE_STRING ? text() : bytes(20);
        if (field.is_repeated())
          reflection.AddString(&message, &field, value);
        else
          reflection.SetString(&message, &field, value);
        return;
      }
      case pb::FieldDescriptor::CPPTYPE_MESSAGE:
        fill(field.is_repeated() ? *reflection.AddMessage(&message, &field)
                                 : *reflection.MutableMessage(&message, &field),
             depth + 1);
    }
  }

  std::mt19937_64 random_;
};

}  // namespace schema_test
