// What a message says, as one phrase for people: says.tsv, or where that has nothing the first
// values of the message.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "trace/field_picker.h"

namespace compactor::trace {

/// The phrase of one type of message, made ready. Not changed after it was made.
class Phrase {
 public:
  /// `text`: see says.tsv; empty where there is none. Its paths are added to the picker.
  Phrase(const google::protobuf::Descriptor& type, std::string_view text, FieldPicker& picker);

  /// `values`: what the picker found in a message of the type.
  void append(std::string& out, const FieldPicker& picker, const std::vector<Picked>& values) const;

 private:
  enum class Form : std::uint8_t { words, value, uuid, resources, count };
  struct Part {
    Form form = Form::words;
    int group = 0;  // of the brackets that it stands in, from 1
    std::string words{};
    std::size_t path = 0;
  };

  void read(const google::protobuf::Descriptor& type, std::string_view text, FieldPicker& picker);
  void list_first_values(const google::protobuf::Descriptor& type, FieldPicker& picker);

  std::vector<Part> parts_;
};

/// A value as people read it: a name of an enum, a UUID where bytes are one, text as it is.
void append_value(std::string& out, const google::protobuf::FieldDescriptor& field,
                  const Picked& value);

}  // namespace compactor::trace
