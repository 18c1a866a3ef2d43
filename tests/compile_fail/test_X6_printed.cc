/* A secret is not printed by accident.
 * c++: (use of|call to) deleted function|overload resolution selected deleted */
#include <capalloc/secret_string.hpp>
#include <iostream>

void test_X6_printed();
void test_X6_printed()
{
    ca::secret_string text("key");
#ifdef CORRECT
    std::cout << text.view();
#else
    std::cout << text;
#endif
}
