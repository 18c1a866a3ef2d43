/* All of it done right.
 * gcc: nothing
 * clang: nothing */
#include "box.h"

static account_box made(int balance)
{
    CA_SCOPED(account_box) box = account_box_new((struct account){balance});
    if (account_box_is_ok(&box))
        account_box_get(&box)->balance += 1;
    return account_box_move(&box);
}

int test_B2_B3_B4_clean_boxes(int early);
int test_B2_B3_B4_clean_boxes(int early)
{
    CA_SCOPED(account_box) box = made(1);
    CA_SCOPED(secret_box) secret = secret_box_new_zeroed();
    if (!account_box_is_ok(&box) || !secret_box_is_ok(&secret))
        return -1;
    if (early)
        return account_box_get(&box)->balance;
    CA_SCOPED(account_box) owner = account_box_move(&box);
    secret_box_drop(&secret);
    secret_box_drop(&secret);
    box = made(3);
    return account_box_is_ok(&box) ? account_box_get(&box)->balance + account_box_get(&owner)->balance : 0;
}

int arrays(size_t count);
int arrays(size_t count)
{
    CA_SCOPED(accounts) box = accounts_new(count);
    CA_SCOPED(accounts) owner = accounts_move(&box);
    struct account *last = accounts_at(&owner, count - 1);
    return last != NULL ? last->balance : accounts_error_of(&owner) != CA_OK;
}

struct account *kept(void);
struct account *kept(void)
{
    account_box box = account_box_new((struct account){5});
    return account_box_leak(&box);
}

void there_and_back(void);
void there_and_back(void)
{
    account_box box = account_box_new((struct account){5});
    struct account *raw = account_box_into_raw(&box);
    account_box again = account_box_from_raw(raw);
    account_box_drop(&again);
}

int test_B2_B3_B4_clean_counted(int early);
int test_B2_B3_B4_clean_counted(int early)
{
    CA_SCOPED(account_rc) owner = account_rc_new((struct account){5});
    CA_SCOPED(account_rc) clone = account_rc_clone(&owner);
    if (!account_rc_is_ok(&clone) || early)
        return 0;
    CA_SCOPED(account_rc_weak) weak = account_rc_downgrade(&clone);
    account_rc_drop(&owner);
    CA_SCOPED(account_rc) upgraded = account_rc_weak_upgrade(&weak);
    return account_rc_is_ok(&upgraded) ? account_rc_get(&upgraded)->balance : 0;
}

int counted_atomically(int early);
int counted_atomically(int early)
{
    CA_SCOPED(account_arc) owner = account_arc_new((struct account){5});
    CA_SCOPED(account_arc) clone = account_arc_clone(&owner);
    if (!account_arc_is_ok(&clone) || early)
        return 0;
    CA_SCOPED(account_arc_weak) weak = account_arc_downgrade(&clone);
    account_arc_drop(&owner);
    CA_SCOPED(account_arc) upgraded = account_arc_weak_upgrade(&weak);
    return account_arc_is_ok(&upgraded) ? account_arc_get(&upgraded)->balance : 0;
}

int one_owner(void);
int one_owner(void)
{
    CA_SCOPED(account_rc) owner = account_rc_new((struct account){5});
    return account_rc_is_ok(&owner) ? account_rc_get(&owner)->balance : 0;
}

int many_owners(int count);
int many_owners(int count)
{
    CA_SCOPED(account_rc) owner = account_rc_new((struct account){5});
    for (int i = 0; i < count; i++) {
        CA_SCOPED(account_rc) clone = account_rc_clone(&owner);
        CA_SCOPED(account_rc_weak) weak = account_rc_downgrade(&clone);
        (void)weak;
    }
    account_rc moved = account_rc_move(&owner);
    account_rc_drop(&moved);
    return 0;
}
