/* An ordinary box where a function takes the owner of a secret.
 * c: incompatible pointer type
 * c: 'plain_box \*'
 * c: 'key_box \*'
 * c++: 'plain_box ?\*'.* to 'key_box ?\*' */
#include <capalloc/box.h>

CA_BOX_DEFINE(plain_box, int, CA_NO_DESTRUCTOR)
CA_BOX_DEFINE_AS(ca_secret, key_box, int, CA_NO_DESTRUCTOR)

static void keep(key_box *box)
{
    key_box_drop(box);
}

void test_Z1_B3_box_of_other_intention(void);
void test_Z1_B3_box_of_other_intention(void)
{
    plain_box plain = plain_box_new(1);
    key_box key = key_box_new(1);
#ifdef CORRECT
    plain_box_drop(&plain);
    keep(&key);
#else
    key_box_drop(&key);
    keep(&plain);
#endif
}
