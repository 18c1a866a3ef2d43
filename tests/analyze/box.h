/* The box that the sample programs of this folder use, and use wrongly. */
#ifndef TESTS_ANALYZE_BOX_H
#define TESTS_ANALYZE_BOX_H

#include <capalloc/rc.h>

struct account {
    int balance;
};
CA_BOX_DEFINE(account_box, struct account, CA_NO_DESTRUCTOR)
CA_BOX_DEFINE_AS(ca_secret, secret_box, struct account, CA_NO_DESTRUCTOR)
CA_BOX_ARRAY_DEFINE(accounts, struct account, CA_NO_DESTRUCTOR)
CA_RC_DEFINE(account_rc, struct account, CA_NO_DESTRUCTOR)
CA_ARC_DEFINE(account_arc, struct account, CA_NO_DESTRUCTOR)

#endif
