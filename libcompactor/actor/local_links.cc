#include "actor/local_links.h"

namespace compactor {
namespace {

/// Takes the key out of what is kept under `owner`, and that too when nothing is left of it.
template <class Map>
void erase_under(Map& map, const std::string& owner, const std::string& key) {
  const auto found = map.find(owner);
  if (found == map.end()) return;
  found->second.erase(key);
  if (found->second.empty()) map.erase(found);
}

}  // namespace

void LocalLinks::add(const std::string& linker, const Pid& target) {
  linkers_[target.id].insert_or_assign(linker, target);
  targets_[linker].insert(target.id);
}

void LocalLinks::remove(const std::string& linker, const std::string& target) {
  erase_under(linkers_, target, linker);
  erase_under(targets_, linker, target);
}

LocalLinks::Linkers LocalLinks::end(const std::string& process) {
  if (const auto linked = targets_.extract(process)) {
    for (const std::string& target : linked.mapped()) erase_under(linkers_, target, process);
  }
  auto linkers = linkers_.extract(process);
  if (!linkers) return {};
  for (const auto& [linker, pid] : linkers.mapped()) erase_under(targets_, linker, process);
  return std::move(linkers.mapped());
}

}  // namespace compactor
