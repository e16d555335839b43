#include "stories/message_order.h"

namespace tool {

using compactor::trace::Message;

HeldMessage::HeldMessage(const Message& message, std::string_view source) : message_(message) {
  std::string_view* const views[] = {&message_.from, &message_.to,      &message_.name,
                                     &message_.body, &message_.trouble, &source_};
  source_ = source;
  for (const auto* view : views) text_.append(*view);
  std::size_t begin = 0;
  for (auto* view : views) {
    const std::size_t size = view->size();
    *view = std::string_view(text_).substr(begin, size);
    begin += size;
  }
}

}  // namespace tool
