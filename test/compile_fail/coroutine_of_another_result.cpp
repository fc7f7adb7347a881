// What the function returns must convert to the coroutine's result.
#include <crocus/coroutine.hpp>
#include <string>

#ifdef MISUSE
crocus::coroutine<int> made() { return [] { return std::string("text"); }; }
#else
crocus::coroutine<std::string> made() { return [] { return "text"; }; }
#endif
