/* A secret is not copied by accident.
 * c++: (use of|call to) (implicitly-)?deleted|implicitly deleted */
#include <capalloc/secret_string.hpp>

void test_X6_copied();
void test_X6_copied()
{
    ca::secret_string text("key");
#ifdef CORRECT
    ca::secret_string second = text.clone();
#else
    ca::secret_string second = text;
#endif
}
