// Recursion, twice: a function that is handed the yielder, and generators that delegate to generators. The first needs
// one stack in all, the second one for each level; both pass an element on in the same time at any depth.
#include <iostream>
#include <memory>

#include <crocus.hpp>

namespace {

struct node {
    int value;
    std::unique_ptr<node> left, right;
};

using values = crocus::generator<int>;

/// A balanced tree of the numbers from first to last.
std::unique_ptr<node> tree(int first, int last) {
    if (first > last) return nullptr;
    const int middle = (first + last) / 2;
    return std::make_unique<node>(node{middle, tree(first, middle - 1), tree(middle + 1, last)});
}

void walk(const node* at, values::yielder& yield) {
    if (at == nullptr) return;
    walk(at->left.get(), yield);
    yield(at->value);
    walk(at->right.get(), yield);
}

values by_recursion(const node& root) {
    return [&root](auto& yield) { walk(&root, yield); };
}

values by_delegation(const node& root) {
    return [&root](auto& yield) {
        if (root.left) yield.from(by_delegation(*root.left));
        yield(root.value);
        if (root.right) yield.from(by_delegation(*root.right));
    };
}

}  // namespace

int main() {
    const std::unique_ptr<node> root = tree(1, 15);
    for (const int value : by_recursion(*root)) std::cout << value << ' ';
    std::cout << '\n';
    for (const int value : by_delegation(*root)) std::cout << value << ' ';
    std::cout << '\n';
}
