// Backtracking: the search goes on where it stood when somebody wants another solution, and a solution is yielded from
// however deep it was found.
#include <algorithm>
#include <iostream>
#include <ranges>
#include <string>
#include <vector>

#include <crocus.hpp>

namespace {

/// For each row, the column of its queen.
using board = std::vector<int>;

/// A const reference: who asks sees the board itself, in the middle of the search.
using solutions = crocus::generator<const board&>;

bool attacks(const board& queens, int column) {
    const int row = static_cast<int>(queens.size());
    for (int r = 0; r != row; ++r) {
        const int other = queens[static_cast<std::size_t>(r)];
        if (other == column || other - column == row - r || column - other == row - r) return true;
    }
    return false;
}

void place(board& queens, int size, solutions::yielder& yield) {
    if (static_cast<int>(queens.size()) == size) {
        yield(queens);
        return;
    }
    for (int column = 0; column != size; ++column) {
        if (attacks(queens, column)) continue;
        queens.push_back(column);
        place(queens, size, yield);
        queens.pop_back();
    }
}

solutions queens(int size) {
    return [size](auto& yield) {
        board empty;
        place(empty, size, yield);
    };
}

}  // namespace

int main() {
    for (const board& first : queens(8) | std::views::take(1))
        for (const int column : first) {
            std::string row(8, '.');
            row[static_cast<std::size_t>(column)] = 'Q';
            std::cout << row << '\n';
        }
    for (const int size : {4, 5, 6, 7, 8}) {
        solutions all = queens(size);
        std::cout << size << " queens: " << std::ranges::distance(all) << " solutions\n";
    }
}
