#include <cstdio>

int main() {
  std::puts("compactor " COMPACTOR_VERSION);
  return 0;
}
