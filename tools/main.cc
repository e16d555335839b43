#include "commands/program.h"

int main(int argc, char** argv) {
  return tool::run_program(tool::Arguments(argv + (argc > 0 ? 1 : 0), argv + argc));
}
