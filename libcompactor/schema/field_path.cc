#include "schema/field_path.h"

#include "text/utf8.h"

namespace compactor::schema {

std::string FieldPath::text() const {
  constexpr std::size_t longest = 100;
  std::string path = up == nullptr ? std::string() : up->text();
  if (!path.empty() && !name.empty()) path += '.';
  path += text::shortened(name, longest);
  if (index >= 0) path += '[' + std::to_string(index) + ']';
  return path;
}

}  // namespace compactor::schema
