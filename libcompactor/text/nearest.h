// What a misspelt name was probably meant to be.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace compactor::text {

/// The name out of `known` that is nearest to `word`, or those that are equally near, in their
/// order, at most `limit`; none when more than a third of the letters are wrong (one may always be,
/// more than four never). A letter that is wrong, missing, in excess, or swapped with its neighbour
/// counts as one, its case does not count. A name that ends in `.word` is very near.
std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& known,
                                 std::size_t limit = 3);

/// "did you mean A, B or C?", or nothing when there are no names.
std::string did_you_mean(const std::vector<std::string>& names);

}  // namespace compactor::text
