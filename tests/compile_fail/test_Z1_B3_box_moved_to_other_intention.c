/* A secret moved into an ordinary box.
 * c: 'plain_box'.*'key_box'
 * c++: key_box'
 * c++: plain_box */
#include <capalloc/box.h>

CA_BOX_DEFINE(plain_box, int, CA_NO_DESTRUCTOR)
CA_BOX_DEFINE_AS(ca_secret, key_box, int, CA_NO_DESTRUCTOR)

void test_Z1_B3_box_moved_to_other_intention(void);
void test_Z1_B3_box_moved_to_other_intention(void)
{
    key_box key = key_box_new(1);
    plain_box plain = plain_box_empty();
#ifdef CORRECT
    plain = plain_box_new(*key_box_get(&key));
    key_box_drop(&key);
    plain_box_drop(&plain);
#else
    plain = key_box_move(&key);
    plain_box_drop(&plain);
#endif
}
