/* A secret box dropped by the function of an ordinary one, which would not clear.
 * c: incompatible pointer type
 * c: 'key_box \*'
 * c: 'plain_box \*'
 * c++: 'key_box ?\*'.* to 'plain_box ?\*' */
#include <capalloc/box.h>

CA_BOX_DEFINE(plain_box, int, CA_NO_DESTRUCTOR)
CA_BOX_DEFINE_AS(ca_secret, key_box, int, CA_NO_DESTRUCTOR)

void test_Z1_B3_box_dropped_as_other_intention(void);
void test_Z1_B3_box_dropped_as_other_intention(void)
{
    key_box key = key_box_new(1);
#ifdef CORRECT
    key_box_drop(&key);
#else
    plain_box_drop(&key);
#endif
}
