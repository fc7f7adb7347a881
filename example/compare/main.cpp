// compare: downloads and computes on every execution model, and shows what each costs.
//
// The program plays four roles, each in a process of its own: the one that the user starts, which orders and measures;
// the server; one execution model at a time; and a worker of a process pool.
#include <crocus.hpp>

#include "program.hpp"

int main(int argc, char** argv) {
    crocus::host_workers(argc, argv);
    return compare::run_program({argv + 1, argv + argc});
}
