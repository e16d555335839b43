// The floor under the start of a program: does nothing, linked to the libraries that the compactor
// program is linked to.
int main() {
  return 0;
}
