// What the shared library shows of itself. It is compiled with hidden visibility, so whatever a
// program outside may call, throw, catch or derive from carries COMPACTOR_API where it is declared.
// A plain struct of data needs none.
#pragma once

#define COMPACTOR_API __attribute__((visibility("default")))
